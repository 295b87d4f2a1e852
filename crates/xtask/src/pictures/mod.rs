//! The pictures of the README and the book, drawn as SVG from what they show, so that they cannot grow stale: the terminal
//! from a run of the demo, the charts from the tables of `docs/benchmarks.md`, the diagrams from the lists in this module.

mod chart;
mod pipeline;
mod sequence;
mod svg;
mod terminal;

use std::path::PathBuf;

use crate::tasks::root;
use crate::{Done, demo};

/// A file in `docs/pictures`, and its text.
struct Picture {
    name: String,
    svg: String,
}

fn picture(name: &str, svg: String) -> Picture {
    Picture { name: name.to_owned(), svg }
}

impl Picture {
    fn file(&self) -> PathBuf {
        root().join("docs/pictures").join(format!("{}.svg", self.name))
    }

    fn is_current(&self) -> bool {
        std::fs::read_to_string(self.file()).is_ok_and(|text| text == self.svg)
    }
}

/// The pictures that need nothing to run.
fn drawn() -> Result<Vec<Picture>, String> {
    let mut pictures = vec![picture("pipeline", pipeline::draw()), picture("sign-in", sequence::draw())];
    let tables = root().join("docs/benchmarks.md");
    let text = std::fs::read_to_string(&tables).map_err(|error| format!("{}: {error}", tables.display()))?;
    let charts = chart::draw_all(&text).map_err(|why| format!("{}: {why}", tables.display()))?;
    pictures.extend(charts.into_iter().map(|(name, svg)| picture(&name, svg)));
    Ok(pictures)
}

/// The picture of a run of the demo.
fn demo_picture() -> Result<Picture, String> {
    Ok(picture("demo", terminal::draw(&demo::transcript()?)))
}

/// Writes every picture.
pub(crate) fn draw() -> Done {
    for picture in drawn()?.into_iter().chain([demo_picture()?]) {
        let file = picture.file();
        std::fs::write(&file, &picture.svg).map_err(|error| format!("{}: {error}", file.display()))?;
    }
    Ok(())
}

/// Fails if a picture in the repository is not what would be drawn now.
pub(crate) fn check() -> Done {
    let mut pictures = drawn()?;
    pictures.push(demo_picture()?);
    compare(&pictures)
}

fn compare(pictures: &[Picture]) -> Done {
    let stale: Vec<_> =
        pictures.iter().filter(|picture| !picture.is_current()).map(|picture| picture.name.as_str()).collect();
    if stale.is_empty() {
        return Ok(());
    }
    Err(format!("stale pictures in docs/pictures: {}; draw them again with: cargo xtask pictures", stale.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::{compare, demo_picture, drawn};

    #[test]
    fn the_diagrams_and_charts_are_current() {
        assert_eq!(drawn().and_then(|pictures| compare(&pictures)), Ok(()));
    }

    #[test]
    fn the_picture_of_the_demo_shows_what_the_demo_prints() {
        assert_eq!(demo_picture().and_then(|picture| compare(&[picture])), Ok(()));
    }
}
