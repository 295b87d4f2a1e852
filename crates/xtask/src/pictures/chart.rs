//! Bar charts of the tables in `docs/benchmarks.md`.
//!
//! A comment right above a table asks for a chart of it:
//! `<!-- chart: NAME; title: TEXT; label: COLUMN + COLUMN; value: COLUMN; where: COLUMN = VALUE -->`, `where` being
//! optional. The chart becomes `docs/pictures/NAME.svg`.

use super::svg::Canvas;

/// The width of a character of a label, generously: the font is not known here.
const CHARACTER: u32 = 8;
const BARS: u32 = 380;
const VALUES: u32 = 96;
const ROW: u32 = 28;
const TOP: u32 = 58;

/// What a comment asks for.
#[derive(Debug, Default, PartialEq)]
struct Request<'t> {
    name: &'t str,
    title: &'t str,
    labels: Vec<&'t str>,
    value: &'t str,
    /// A column, and the value that it has in the rows of the chart.
    only: Option<(&'t str, &'t str)>,
}

impl<'t> Request<'t> {
    fn parse(line: &'t str) -> Option<Result<Self, String>> {
        let comment = line.trim().strip_prefix("<!-- chart: ")?.strip_suffix("-->")?;
        let mut parts = comment.split(';').map(str::trim);
        let mut request = Self { name: parts.next()?, ..Self::default() };
        for part in parts {
            match part.split_once(": ") {
                Some(("title", title)) => request.title = title,
                Some(("label", columns)) => request.labels = columns.split(" + ").collect(),
                Some(("value", column)) => request.value = column,
                Some(("where", condition)) => request.only = condition.split_once(" = "),
                _ => return Some(Err(format!("`{part}` is not part of a chart: {line}"))),
            }
        }
        Some(Ok(request))
    }
}

/// A bar: its label, its value, and the value as the table writes it.
#[derive(Debug, PartialEq)]
struct Bar {
    label: String,
    value: f64,
    written: String,
}

/// The cells of a row of a table, without emphasis.
fn cells(row: &str) -> Vec<String> {
    let inner = row.trim().trim_matches('|');
    inner.split('|').map(|cell| cell.replace(['*', '`'], "").trim().to_owned()).collect()
}

fn bars(request: &Request<'_>, table: &[&str]) -> Result<Vec<Bar>, String> {
    let name = request.name;
    let head = cells(table.first().ok_or_else(|| format!("no table follows the chart `{name}`"))?);
    let column = |wanted: &str| {
        let found = head.iter().position(|column| column == wanted);
        found.ok_or_else(|| format!("the table of the chart `{name}` has no column `{wanted}`"))
    };
    let labels = request.labels.iter().map(|label| column(label)).collect::<Result<Vec<_>, _>>()?;
    let value = column(request.value)?;
    let only = request.only.map(|(wanted, value)| Ok::<_, String>((column(wanted)?, value))).transpose()?;
    let mut bars = Vec::new();
    // The second line of a table separates its head from its body.
    for row in table.iter().skip(2).map(|row| cells(row)) {
        let cell = |column: usize| row.get(column).map(String::as_str).unwrap_or_default();
        if only.is_some_and(|(column, value)| cell(column) != value) {
            continue;
        }
        let written = cell(value).to_owned();
        let number = written.replace(',', "").split(' ').next().unwrap_or_default().parse();
        let value = number.map_err(|_| format!("`{written}` is not a number, in the table of the chart `{name}`"))?;
        let label = labels.iter().map(|label| cell(*label)).collect::<Vec<_>>().join(": ");
        bars.push(Bar { label, value, written });
    }
    if bars.is_empty() { Err(format!("the chart `{name}` would be empty")) } else { Ok(bars) }
}

fn draw(request: &Request<'_>, bars: &[Bar]) -> String {
    let largest = bars.iter().map(|bar| bar.value).fold(f64::MIN_POSITIVE, f64::max);
    let values: Vec<_> = bars.iter().map(|bar| format!("{} {}", bar.label, bar.written)).collect();
    let description = format!("{}: {}.", request.value, values.join("; "));
    let height = TOP + ROW * u32::try_from(bars.len()).unwrap_or_default() + 14;
    let longest = bars.iter().map(|bar| bar.label.chars().count()).max().unwrap_or_default();
    let labels = u32::try_from(longest).unwrap_or_default() * CHARACTER + 36;
    let mut canvas = Canvas::new(labels + BARS + VALUES, height, request.title, &description);
    canvas.text(20, 32, "bold", request.title);
    canvas.text(labels + BARS + VALUES - 20, 32, "end dim", &format!("{}; shorter is better", request.value));
    for (number, bar) in (0..).zip(bars) {
        let y = TOP + number * ROW;
        let ours = bar.label.contains("tempaccess");
        canvas.text(labels - 12, y + 15, if ours { "end bold" } else { "end" }, &bar.label);
        let width = (bar.value / largest * f64::from(BARS)).max(2.0);
        canvas.bar((labels, y + 1), (width, ROW - 10), if ours { "ours" } else { "bar" });
        canvas.text(labels + width as u32 + 8, y + 15, if ours { "bold" } else { "" }, &bar.written);
    }
    canvas.finish()
}

/// The charts that a page asks for: the name of each, and its SVG.
pub(super) fn draw_all(page: &str) -> Result<Vec<(String, String)>, String> {
    let lines: Vec<_> = page.lines().collect();
    let mut charts = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let Some(request) = Request::parse(line) else { continue };
        let request = request?;
        let below = lines.iter().skip(number + 1);
        let table = below.skip_while(|line| !line.starts_with('|')).take_while(|line| line.starts_with('|'));
        let table: Vec<_> = table.copied().collect();
        charts.push((request.name.to_owned(), draw(&request, &bars(&request, &table)?)));
    }
    Ok(charts)
}

#[cfg(test)]
mod tests {
    use super::{Bar, Request, bars, draw_all};

    const PAGE: &str = "\
<!-- chart: x; title: T; label: language + way; value: median, µs; where: roles = 20 -->

| roles | language | way | median, µs |
| --- | --- | --- | --- |
| 20 | Rust | **tempaccess** | 66 |
| 20 | Node | other | 1,341 |
| 1,000 | Rust | tempaccess | 1,159 |

text
";

    #[test]
    fn a_chart_has_the_rows_that_it_asks_for() {
        let lines: Vec<_> = PAGE.lines().collect();
        let request = lines.first().and_then(|line| Request::parse(line)).and_then(Result::ok);
        let request = request.unwrap_or_default();
        let bar =
            |label: &str, value, written: &str| Bar { label: label.to_owned(), value, written: written.to_owned() };
        let expected = vec![bar("Rust: tempaccess", 66.0, "66"), bar("Node: other", 1341.0, "1,341")];
        assert_eq!(bars(&request, lines.get(2..7).unwrap_or_default()), Ok(expected));
    }

    #[test]
    fn a_chart_that_does_not_fit_its_table_is_an_error() {
        for (before, after, why) in [
            ("value: median", "value: mean", "no column"),
            ("roles = 20", "roles = 7", "empty"),
            ("| 66 |", "| fast |", "not a number"),
            ("title:", "titel:", "not part of a chart"),
        ] {
            let drawn = draw_all(&PAGE.replace(before, after));
            assert!(drawn.as_ref().is_err_and(|error| error.contains(why)), "{drawn:?}");
        }
        assert_eq!(draw_all(PAGE).map(|charts| charts.len()), Ok(1));
    }
}
