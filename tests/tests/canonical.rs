//! Exclusive canonicalization, held against libxml2 on documents made at random.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::json;
use sha2::{Digest, Sha256};
use tempaccess_core::Limits;
use tempaccess_core::verify::canonicalize;
use tempaccess_tests::parts;

const DOCUMENTS: u64 = 10_000;

/// Numbers that look like chance and are the same in every run (splitmix64).
struct Chance(u64);

impl Chance {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % end as u64) as usize
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }
}

const PREFIXES: [&str; 5] = ["", "a", "b", "c", "zz"];
/// Without `&`: libxml2 leaves it as it is in the URI of a namespace, where the specification has it escaped.
const URIS: [&str; 6] = ["urn:1", "urn:2", "http://x/y?z=1", "urn:a%20b", "tag:x,2026:y", "HTTP://x"];
const TEXTS: [&str; 12] = [
    "x",
    " ",
    "\n  ",
    "&amp;",
    "&lt;",
    "&gt;",
    "&#13;",
    "\u{e9}\u{1F600}",
    "<![CDATA[<&>]]>",
    "<!-- c -->",
    "\"'",
    "\t",
];
const VALUES: [&str; 10] = ["", "1", "a b", "&#9;", "&#10;", "&#13;", "&quot;'", "&lt;>", "\u{e9}", "\n\t"];

struct Document<'c> {
    chance: &'c mut Chance,
    xml: String,
    ids: usize,
}

impl Document<'_> {
    /// An element; `scope` is what the prefixes mean outside it.
    fn element(&mut self, depth: usize, scope: &[Option<&'static str>; 5]) {
        let mut scope = *scope;
        let mut tag = String::new();
        for (at, prefix) in PREFIXES.iter().enumerate() {
            if self.chance.below(4) != 0 {
                continue;
            }
            if prefix.is_empty() {
                let uri = if self.chance.below(3) == 0 { "" } else { URIS[self.chance.below(URIS.len())] };
                let _ = write!(tag, " xmlns=\"{uri}\"");
                scope[at] = Some(uri);
            } else {
                let uri = URIS[self.chance.below(URIS.len())];
                let _ = write!(tag, " xmlns:{prefix}=\"{uri}\"");
                scope[at] = Some(uri);
            }
        }
        let prefixes: Vec<_> = (0..5).filter(|at| *at == 0 || scope[*at].is_some()).collect();
        let qualified = |prefix: usize, name: &str| match PREFIXES[prefix] {
            "" => name.to_owned(),
            prefix => format!("{prefix}:{name}"),
        };
        // By what they are, not how they are written: two prefixes may mean one namespace.
        let mut names = Vec::new();
        for _ in 0..self.chance.below(5) {
            let prefix = prefixes[self.chance.below(prefixes.len())];
            let name = self.chance.one(&["k", "l", "m", "A"]);
            let expanded = (if prefix == 0 { "" } else { scope[prefix].unwrap_or_default() }, name);
            if !names.contains(&expanded) {
                names.push(expanded);
                let value = self.chance.one(&VALUES);
                let _ = write!(tag, " {}=\"{value}\"", qualified(prefix, name));
            }
        }
        if self.chance.below(6) == 0 {
            let _ = write!(tag, " xml:lang=\"{}\"", self.chance.one(&["en", "de"]));
        }
        // Some have no id, and come several times in a row; the first one of all has one, to be found by.
        let times = if self.ids > 0 && self.chance.below(3) == 0 { 1 + self.chance.below(3) } else { 0 };
        if times == 0 {
            let _ = write!(tag, " ID=\"_{}\"", self.ids);
            self.ids += 1;
        }
        let name = qualified(prefixes[self.chance.below(prefixes.len())], self.chance.one(&["n", "o", "p"]));
        for _ in 0..times.max(1) {
            let _ = write!(self.xml, "<{name}{tag}>");
            for _ in 0..self.chance.below(4) {
                if depth > 0 && self.chance.below(2) == 0 {
                    self.element(depth - 1, &scope);
                } else {
                    self.xml.push_str(self.chance.one(&TEXTS));
                }
            }
            let _ = write!(self.xml, "</{name}>");
        }
    }
}

#[test]
fn our_canonical_form_is_that_of_libxml2() {
    let Some(python) = parts::python() else { return };
    let mut input = String::new();
    let mut ours = Vec::new();
    let mut documents = Vec::new();
    for seed in 0..DOCUMENTS {
        let mut chance = Chance(seed);
        let mut document = Document { chance: &mut chance, xml: String::new(), ids: 0 };
        document.element(5, &[None; 5]);
        let Document { xml, ids, .. } = document;
        let id = format!("_{}", chance.below(ids));
        // Without the default namespace: lxml passes only names on that occur in the document, and `#default` is none.
        let prefixes: Vec<_> = (0..chance.below(4)).map(|_| chance.one(&PREFIXES[1..])).collect();
        let form = canonicalize(&xml, Some(&id), &prefixes, &Limits::default());
        let form = form.unwrap_or_else(|error| panic!("{error}: {xml}"));
        ours.push(Sha256::digest(&form).iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        let _ = writeln!(input, "{}", json!({ "xml": xml, "id": id, "prefixes": prefixes }));
        documents.push((xml, id, prefixes, form));
    }
    let mut child = Command::new(python)
        .arg(tempaccess_tests::workspace().join("tests/parts/canonical.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || pipe.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    let theirs = String::from_utf8(output.stdout).unwrap();
    assert_eq!(theirs.lines().count() as u64, DOCUMENTS);
    for ((ours, theirs), (xml, id, prefixes, form)) in ours.iter().zip(theirs.lines()).zip(&documents) {
        assert_eq!(ours, theirs, "{id} {prefixes:?} of {xml}\n{}", String::from_utf8_lossy(form));
    }
}
