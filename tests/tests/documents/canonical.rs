//! XML and its exclusive canonical form, compared with libxml2 and with itself on random documents.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tempaccess_core::verify::canonicalize;
use tempaccess_core::{ErrorKind, saml::Limits};
use tempaccess_tests::parts;

const DOCUMENTS: u64 = 10_000;

/// Random numbers that are the same in every run (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((z ^ (z >> 31)) % end as u64) as usize
    }

    fn choose<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

const PREFIXES: [&str; 5] = ["", "a", "b", "c", "zz"];
/// Without `&`, which libxml2 does not escape in the URI of a namespace, as the specification requires.
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

/// Tags that occur again and again, under parents in which they mean different things.
const COMMON_TAGS: [&str; 3] = ["n", "o k=\"1\"", "n xmlns=\"urn:1\""];

/// A random document.
struct Document<'r> {
    random: &'r mut Random,
    xml: String,
    /// The same document, in which no start tag is written like the one before it.
    spaced: String,
    tags: usize,
    ids: usize,
}

impl<'r> Document<'r> {
    fn new(random: &'r mut Random) -> Self {
        let mut document = Self { random, xml: String::new(), spaced: String::new(), tags: 0, ids: 0 };
        document.element(4, &[None; 5]);
        document
    }

    fn push(&mut self, text: &str) {
        self.xml.push_str(text);
        self.spaced.push_str(text);
    }

    fn push_tag(&mut self, tag: &str) {
        let _ = write!(self.xml, "<{tag}>");
        let _ = write!(self.spaced, "<{tag}{}>", " ".repeat(self.tags % 2));
        self.tags += 1;
    }

    /// Adds an element. `scope` has the bindings of the prefixes outside it.
    fn element(&mut self, depth: usize, scope: &[Option<&'static str>; 5]) {
        let mut scope = *scope;
        let mut attributes = String::new();
        for (index, prefix) in PREFIXES.iter().enumerate() {
            if self.random.below(4) != 0 {
                continue;
            }
            if prefix.is_empty() {
                let uri = if self.random.below(3) == 0 { "" } else { URIS[self.random.below(URIS.len())] };
                let _ = write!(attributes, " xmlns=\"{uri}\"");
                scope[index] = Some(uri);
            } else {
                let uri = URIS[self.random.below(URIS.len())];
                let _ = write!(attributes, " xmlns:{prefix}=\"{uri}\"");
                scope[index] = Some(uri);
            }
        }
        let prefixes: Vec<_> = (0..5).filter(|index| *index == 0 || scope[*index].is_some()).collect();
        let qualified = |prefix: usize, name: &str| match PREFIXES[prefix] {
            "" => name.to_owned(),
            prefix => format!("{prefix}:{name}"),
        };
        // Two prefixes may be bound to one namespace, in which a name may occur once.
        let mut names = Vec::new();
        for _ in 0..self.random.below(5) {
            let prefix = prefixes[self.random.below(prefixes.len())];
            let name = self.random.choose(&["k", "l", "m", "A"]);
            let expanded = (if prefix == 0 { "" } else { scope[prefix].unwrap_or_default() }, name);
            if !names.contains(&expanded) {
                names.push(expanded);
                let value = self.random.choose(&VALUES);
                let _ = write!(attributes, " {}=\"{value}\"", qualified(prefix, name));
            }
        }
        if self.random.below(6) == 0 {
            let _ = write!(attributes, " xml:lang=\"{}\"", self.random.choose(&["en", "de"]));
        }
        // Elements without an id are repeated. The first element has one, so that there is one to canonicalize.
        let repetitions = if self.ids > 0 && self.random.below(3) == 0 { 1 + self.random.below(3) } else { 0 };
        if repetitions == 0 {
            let _ = write!(attributes, " ID=\"_{}\"", self.ids);
            self.ids += 1;
        }
        let name = qualified(prefixes[self.random.below(prefixes.len())], self.random.choose(&["n", "o", "p"]));
        for _ in 0..repetitions.max(1) {
            self.push_tag(&format!("{name}{attributes}"));
            self.content(depth, &scope);
            self.push(&format!("</{name}>"));
        }
    }

    fn content(&mut self, depth: usize, scope: &[Option<&'static str>; 5]) {
        for _ in 0..self.random.below(4) {
            match self.random.below(4) {
                0 | 1 if depth > 0 => self.element(depth - 1, scope),
                2 if depth > 0 => self.common_element(depth - 1, scope),
                _ => {
                    let text = self.random.choose(&TEXTS);
                    self.push(text);
                }
            }
        }
    }

    fn common_element(&mut self, depth: usize, scope: &[Option<&'static str>; 5]) {
        let tag = self.random.choose(&COMMON_TAGS);
        let mut scope = *scope;
        if tag.contains("xmlns") {
            scope[0] = Some("urn:1");
        }
        self.push_tag(tag);
        self.content(depth, &scope);
        self.push(&format!("</{}>", &tag[..1]));
    }
}

fn hex(form: &[u8]) -> String {
    Sha256::digest(form).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The answers of libxml2 to these cases, or `None` if it is not installed.
fn ask_libxml2(cases: &[Value]) -> Option<Vec<String>> {
    let python = parts::python()?;
    let mut child = Command::new(python)
        .arg(tempaccess_tests::workspace().join("tests/parts/canonical.py"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let input: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let mut pipe = child.stdin.take().unwrap();
    let writer = std::thread::spawn(move || pipe.write_all(input.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    assert!(output.status.success());
    let answers: Vec<_> = String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect();
    assert_eq!(answers.len(), cases.len());
    Some(answers)
}

#[test]
fn canonical_forms_equal_those_of_libxml2() {
    let mut cases = Vec::new();
    let mut forms = Vec::new();
    for seed in 0..DOCUMENTS {
        let mut random = Random(seed);
        let Document { xml, ids, .. } = Document::new(&mut random);
        let id = format!("_{}", random.below(ids));
        // Without the default namespace: lxml passes on only names that occur in the document, which `#default` does not.
        let prefixes: Vec<_> = (0..random.below(4)).map(|_| random.choose(&PREFIXES[1..])).collect();
        let form = canonicalize(&xml, Some(&id), &prefixes, &Limits::default());
        forms.push(form.unwrap_or_else(|error| panic!("{error}: {xml}")));
        cases.push(json!({ "xml": xml, "id": id, "prefixes": prefixes }));
    }
    let Some(answers) = ask_libxml2(&cases) else { return };
    for ((answer, form), case) in answers.iter().zip(&forms).zip(&cases) {
        assert_eq!(&hex(form), answer, "{case}\n{}", String::from_utf8_lossy(form));
    }
}

/// A start tag that is written like the one before it is not parsed again. This holds that shortcut (described in
/// `crates/core/src/saml/tag.rs`) against documents in which it never applies.
#[test]
fn repeated_tags_change_nothing() {
    for seed in 0..DOCUMENTS {
        let mut random = Random(seed);
        let Document { xml, spaced, ids, .. } = Document::new(&mut random);
        let id = format!("_{}", random.below(ids));
        let prefixes: Vec<_> = (0..random.below(4)).map(|_| random.choose(&PREFIXES)).collect();
        for id in [None, Some(id.as_str())] {
            let form = |xml: &str| canonicalize(xml, id, &prefixes, &Limits::default()).unwrap();
            assert_eq!(form(&xml), form(&spaced), "{id:?} {prefixes:?} of {xml}");
        }
    }
}

const PIECES: [&str; 48] = [
    "<",
    ">",
    "&",
    "'",
    "\"",
    "=",
    "/",
    "?",
    "!",
    "-",
    "[",
    "]",
    ":",
    ";",
    " ",
    "\n",
    "\t",
    "a",
    "x",
    "1",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "&#",
    "&lt;",
    "&#x41;",
    "&#0;",
    "&#xFFFF;",
    "<?",
    "?>",
    "<?xml version='1.0'?>",
    "xmlns",
    " xmlns:x='urn:x'",
    " y='1'",
    "</",
    "/>",
    "\u{a0}",
    "\u{feff}",
    "\u{300}",
    "\u{b7}",
    "\u{d7}",
    "\u{37e}",
    "\u{b}",
    "\u{ffff}",
    "&bogus;",
    " encoding='UTF-8'",
    " standalone='yes'",
];

/// Documents to change at random.
const ORIGINALS: [&str; 4] = [
    "<?xml version='1.0' encoding='UTF-8'?><a:r xmlns:a='urn:a' xmlns=\"urn:d\" ID='x'><!-- c --><b a:k=\"1\" l='2'>t&amp;&#65;<![CDATA[x]]></b><?pi x?><c/></a:r>",
    "<r><v x='1'>a</v><v x='1'>b</v><v x='1'/><v x='1'></v></r>",
    "<r xmlns='urn:1'><s xmlns='urn:2'><v/></s><v/><v>]] ></v></r>",
    "<\u{e9}l \u{e0}='\u{4e00}'>\u{fc}<x:y xmlns:x='urn:x'/></\u{e9}l>",
];

fn changed(random: &mut Random) -> String {
    let mut xml: Vec<char> = random.choose(&ORIGINALS).chars().collect();
    for _ in 0..=random.below(3) {
        let at = random.below(xml.len() + 1);
        let removed = (at + random.below(4)).min(xml.len());
        let piece: Vec<char> = match random.below(3) {
            0 => Vec::new(),
            1 => random.choose(&PIECES).chars().collect(),
            _ => {
                let from = random.below(xml.len() + 1);
                xml[from..(from + random.below(16)).min(xml.len())].to_vec()
            }
        };
        xml.splice(at..removed, piece);
    }
    xml.into_iter().collect()
}

#[test]
fn documents_that_libxml2_refuses_are_refused() {
    let mut random = Random(1);
    let documents: Vec<_> = (0..5 * DOCUMENTS).map(|_| changed(&mut random)).collect();
    let cases: Vec<_> = documents.iter().map(|xml| json!({ "xml": xml })).collect();
    let Some(answers) = ask_libxml2(&cases) else { return };
    let mut accepted = 0;
    for (xml, answer) in documents.iter().zip(&answers) {
        let form = canonicalize(xml, None, &[], &Limits::default());
        // An instruction and a relative namespace have no canonical form here, but are well-formed.
        let is_accepted = form.as_ref().map_or_else(
            |error| error.kind() == ErrorKind::ForbiddenConstruct && !error.message().contains("DTD"),
            |_| true,
        );
        accepted += usize::from(is_accepted);
        // libxml2 does not decode all encodings, and cannot read a declared one from a string.
        let is_about_encoding = answer.contains("encoding");
        assert!(!is_accepted || is_about_encoding || answer == "ok", "{answer}: {xml:?}");
    }
    assert!(accepted > documents.len() / 20, "{accepted} of {}", documents.len());
}
