//! The book: `docs/` built by mdBook into `target/book`, with every link in the result checked.

mod links;

use std::path::Path;

use crate::Done;
use crate::tasks::{root, run, target};
use crate::tools::MDBOOK;

/// Builds the book and checks its links.
pub(crate) fn build() -> Done {
    MDBOOK.require()?;
    let book = std::path::absolute(target().join("book")).map_err(|error| error.to_string())?;
    run(MDBOOK.command().arg("build").arg(root().join("docs")).arg("--dest-dir").arg(&book))?;
    check(&book)?;
    println!("{}", book.join("index.html").display());
    Ok(())
}

fn check(book: &Path) -> Done {
    let broken = links::broken(book)?;
    if broken.is_empty() {
        return Ok(());
    }
    Err(format!("these links of the book lead nowhere:\n  {}", broken.join("\n  ")))
}
