//! A small SVG writer with one style for all pictures, readable on light and dark pages.

use std::fmt::Write as _;

/// Colours as CSS variables. A picture in an `<img>` follows the system's colour scheme and not the theme of the page
/// around it, so that each picture brings its own background.
const STYLE: &str = "\
:root { --page: #ffffff; --edge: #d0d7de; --text: #1f2328; --dim: #59636e; --accent: #0550ae; --box: #f6f8fa; --mark: #ddf4ff; --bar: #8c959f; }
@media (prefers-color-scheme: dark) {
:root { --page: #0d1117; --edge: #3d444d; --text: #e6edf3; --dim: #9198a1; --accent: #79c0ff; --box: #161b22; --mark: #12294a; --bar: #656c76; }
}
text { fill: var(--text); font: 14px system-ui, -apple-system, 'Segoe UI', Roboto, Helvetica, Arial, sans-serif; }
.mono { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace; }
.small { font-size: 12px; }
.bold { font-weight: 600; }
.dim { fill: var(--dim); }
.accent { fill: var(--accent); }
.middle { text-anchor: middle; }
.end { text-anchor: end; }
.halo { paint-order: stroke; stroke: var(--page); stroke-width: 5px; }
.page { fill: var(--page); stroke: var(--edge); }
.box { fill: var(--box); stroke: var(--edge); }
.mark { fill: var(--mark); stroke: var(--accent); }
.bar { fill: var(--bar); }
.ours { fill: var(--accent); }
.line { fill: none; stroke: var(--dim); stroke-width: 1.5; }
.dashed { stroke-dasharray: 4 4; }
.head { fill: var(--dim); }
";

/// A picture that is being drawn.
pub(super) struct Canvas {
    width: u32,
    height: u32,
    title: String,
    description: String,
    body: String,
}

impl Canvas {
    /// An empty picture. The title and the description are what a screen reader reads.
    pub(super) fn new(width: u32, height: u32, title: &str, description: &str) -> Self {
        let (title, description) = (title.to_owned(), description.to_owned());
        Self { width, height, title, description, body: String::new() }
    }

    /// Writes a line of text with its baseline at `y`.
    pub(super) fn text(&mut self, x: u32, y: u32, classes: &str, text: &str) {
        let _ = writeln!(self.body, r#"<text x="{x}" y="{y}" class="{classes}">{}</text>"#, escape(text));
    }

    /// Writes a row of a terminal: its columns line up whatever the font is.
    pub(super) fn row(&mut self, x: u32, y: u32, classes: &str, text: &str) {
        let width = text.chars().count() as f64 * ROW_COLUMN;
        let _ = writeln!(
            self.body,
            r#"<text x="{x}" y="{y}" class="mono {classes}" xml:space="preserve" textLength="{width:.1}">{}</text>"#,
            escape(text)
        );
    }

    /// Draws a rectangle with round corners.
    pub(super) fn rectangle(&mut self, (x, y): (u32, u32), (width, height): (u32, u32), class: &str) {
        let _ =
            writeln!(self.body, r#"<rect x="{x}" y="{y}" width="{width}" height="{height}" rx="6" class="{class}"/>"#);
    }

    /// Draws a bar of a chart.
    pub(super) fn bar(&mut self, (x, y): (u32, u32), (width, height): (f64, u32), class: &str) {
        let _ = writeln!(self.body, r#"<rect x="{x}" y="{y}" width="{width:.1}" height="{height}" class="{class}"/>"#);
    }

    /// Draws a straight line.
    pub(super) fn line(&mut self, from: (u32, u32), to: (u32, u32), classes: &str) {
        let _ =
            writeln!(self.body, r#"<path d="M {} {} L {} {}" class="line {classes}"/>"#, from.0, from.1, to.0, to.1);
    }

    /// Draws a horizontal or vertical arrow.
    pub(super) fn arrow(&mut self, from: (u32, u32), to: (u32, u32), classes: &str) {
        self.line(from, to, classes);
        let (x, y) = to;
        let head = match (from.0.cmp(&x), from.1.cmp(&y)) {
            (std::cmp::Ordering::Less, _) => format!("M {x} {y} l -9 -5 v 10 z"),
            (std::cmp::Ordering::Greater, _) => format!("M {x} {y} l 9 -5 v 10 z"),
            (_, std::cmp::Ordering::Less) => format!("M {x} {y} l -5 -9 h 10 z"),
            _ => format!("M {x} {y} l -5 9 h 10 z"),
        };
        let _ = writeln!(self.body, r#"<path d="{head}" class="head"/>"#);
    }

    /// The SVG file.
    pub(super) fn finish(self) -> String {
        let Self { width, height, title, description, body } = self;
        let (title, description) = (escape(&title), escape(&description));
        let (inner_width, inner_height) = (width.saturating_sub(1), height.saturating_sub(1));
        format!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" aria-labelledby="title description">
<title id="title">{title}</title>
<desc id="description">{description}</desc>
<style>
{STYLE}</style>
<rect x="0.5" y="0.5" width="{inner_width}" height="{inner_height}" rx="8" class="page"/>
{body}</svg>
"#
        )
    }
}

/// The width of a column of a terminal, in units of the picture.
pub(super) const ROW_COLUMN: f64 = 7.8;

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
