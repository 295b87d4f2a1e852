//! The vectors that Rust, Python and Node share. Their format is in `tests/vectors/README.md`.

use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Returns the folder of the vectors.
pub fn folder() -> PathBuf {
    crate::workspace().join("tests/vectors")
}

/// A vector for reading: a JSON file next to its input.
#[derive(Debug)]
pub struct Vector {
    /// The file.
    pub file: PathBuf,
    /// Its content.
    pub json: Value,
}

impl Vector {
    /// Reads a vector from this file.
    pub fn load(file: &Path) -> Self {
        let text = fs::read_to_string(file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        let json = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
        Self { file: file.to_owned(), json }
    }

    /// Returns a text field.
    pub fn text(&self, name: &str) -> &str {
        self.json[name].as_str().unwrap_or_else(|| panic!("{}: no {name}", self.file.display()))
    }

    /// Returns the bytes of its input.
    pub fn input(&self) -> Vec<u8> {
        let file = self.file.with_file_name("").join(self.text("input"));
        fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()))
    }

    /// Writes the vector back, to update its expectation.
    pub fn save(&self) {
        let text = serde_json::to_string_pretty(&self.json).expect("JSON") + "\n";
        fs::write(&self.file, text).expect("the vector can be written");
    }
}

/// Returns every vector for reading.
pub fn reading() -> Vec<Vector> {
    all("read")
}

/// Returns every vector for sealed grants.
pub fn grants() -> Vec<Vector> {
    all("grants")
}

/// Returns every vector for requests.
pub fn requests() -> Vec<Vector> {
    all("requests")
}

fn all(name: &str) -> Vec<Vector> {
    let folder = folder().join(name);
    let entries = fs::read_dir(&folder).expect("the vectors are there");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files.iter().map(|file| Vector::load(file)).collect()
}

/// A vector for verifying: a header of `name: value` lines, an empty line, the document.
#[derive(Debug)]
pub struct SignedVector {
    /// The file.
    pub file: PathBuf,
    header: Vec<(String, String)>,
    /// The document.
    pub document: String,
}

impl SignedVector {
    /// Returns a field of the header.
    pub fn field(&self, name: &str) -> Option<&str> {
        self.header.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Returns the folder with the keys.
    pub fn folder(&self) -> &Path {
        self.file.parent().expect("a file is in a folder")
    }
}

/// Returns every vector for verifying.
pub fn signed() -> Vec<SignedVector> {
    let entries = fs::read_dir(folder().join("verify")).expect("the vectors are there");
    let mut files: Vec<_> = entries.map(|entry| entry.expect("an entry").path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "vector"));
    files.sort();
    let read = |file: PathBuf| {
        let text = fs::read_to_string(&file).expect("the vector is text");
        let (header, document) = text.split_once("\n\n").expect("a header and a document");
        let fields = header.lines().map(|line| line.split_once(": ").expect("a name and a value"));
        let header = fields.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        SignedVector { header, document: document.to_owned(), file }
    };
    files.into_iter().map(read).collect()
}

/// Whether expectations are updated instead of checked: `UPDATE_VECTORS=1`.
pub fn updating() -> bool {
    std::env::var_os("UPDATE_VECTORS").is_some()
}
