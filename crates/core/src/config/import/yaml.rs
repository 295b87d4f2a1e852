//! YAML within limits: the first document of a file as a tree, read from events.
//!
//! Aliases share what they refer to, and count as often as they appear, so that a few hundred bytes cannot become
//! gigabytes. Scalars keep their text: a name of digits stays that name.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, Span};

use super::invalid;
use crate::error::{Error, Result};
use crate::text::excerpt;

/// How large a text may be: the scanner keeps what is between brackets on one line, a hundred bytes for each.
const MAX_BYTES: usize = 1 << 20;
/// How deep mappings and sequences may be nested.
const MAX_DEPTH: usize = 32;
/// How many values a document may have, counting those behind an alias each time that it appears.
const MAX_NODES: usize = 100_000;

/// A value of a document.
#[derive(Debug)]
pub(super) enum Node {
    /// A text, a number, or whatever else has no parts.
    Scalar {
        /// As it is written.
        text: String,
        /// Whether it is without quotes, so that `null` and nothing mean no value.
        is_plain: bool,
    },
    /// A list.
    Sequence(Vec<Rc<Self>>),
    /// Keys with their values, in the order of the file.
    Mapping(Vec<(String, Rc<Self>)>),
}

impl Node {
    /// The text of a scalar that has a value.
    pub(super) fn text(&self) -> Option<&str> {
        match self {
            Self::Scalar { text, is_plain: true } if matches!(text.as_str(), "" | "~" | "null" | "Null" | "NULL") => {
                None
            }
            Self::Scalar { text, .. } => Some(text),
            _ => None,
        }
    }

    /// Whether there is nothing in it.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Self::Scalar { text, .. } => text.is_empty() || self.text().is_none(),
            Self::Sequence(items) => items.is_empty(),
            Self::Mapping(entries) => entries.is_empty(),
        }
    }

    /// The value of a key in any case, also where a merge key (`<<`) brings it.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().into_iter().find(|(known, _)| known.eq_ignore_ascii_case(key)).map(|(_, value)| value)
    }

    /// The keys and values of a mapping, first its own, then those that its merge keys bring; each key once.
    pub(super) fn entries(&self) -> Vec<(&str, &Self)> {
        let (mut entries, mut seen) = (Vec::new(), HashSet::new());
        self.merge_into(&mut entries, &mut seen);
        entries
    }

    fn merge_into<'n>(&'n self, entries: &mut Vec<(&'n str, &'n Self)>, seen: &mut HashSet<&'n str>) {
        let Self::Mapping(own) = self else { return };
        for (key, value) in own.iter().filter(|(key, _)| key != "<<") {
            if seen.insert(key) {
                entries.push((key, value));
            }
        }
        // `MAX_DEPTH` bounds the depth of the tree, and merges within it were counted when it was read.
        for (_, merged) in own.iter().filter(|(key, _)| key == "<<") {
            match &**merged {
                Self::Sequence(several) => several.iter().for_each(|one| one.merge_into(entries, seen)),
                one => one.merge_into(entries, seen),
            }
        }
    }
}

/// A mapping or sequence that is being read.
struct Open {
    node: Node,
    anchor: usize,
    /// The key that waits for its value.
    key: Option<String>,
    keys: HashSet<String>,
    /// How many values it has, with everything behind aliases.
    size: usize,
    /// How deep it is nested, with everything behind aliases.
    depth: usize,
}

/// What an alias refers to.
struct Anchored {
    node: Rc<Node>,
    size: usize,
    depth: usize,
}

#[derive(Default)]
struct Reader {
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    root: Option<Rc<Node>>,
}

/// Reads the first document of a text; `None` where there is none.
pub(super) fn parse(text: &str) -> Result<Option<Rc<Node>>> {
    if text.len() > MAX_BYTES {
        return Err(invalid(format_args!("the file is larger than {MAX_BYTES} bytes")));
    }
    let mut reader = Reader::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| match error.info() {
            // The scanner has a limit of its own, for brackets on one line.
            "recursion limit exceeded" => too_deep(error.marker().line()),
            _ => invalid(excerpt(&error.to_string())),
        })?;
        reader.read(event, span)?;
        if reader.root.is_some() {
            break;
        }
    }
    Ok(reader.root)
}

fn too_deep(line: usize) -> Error {
    invalid(format_args!("line {line}: values are nested deeper than {MAX_DEPTH} levels"))
}

impl Reader {
    fn read(&mut self, event: Event<'_>, span: Span) -> Result<()> {
        let fail = |what: &str| Err(invalid(format_args!("line {}: {what}", span.start.line())));
        let anchored = match event {
            Event::SequenceStart(anchor, _) => return self.start(Node::Sequence(Vec::new()), anchor, span),
            Event::MappingStart(anchor, _) => return self.start(Node::Mapping(Vec::new()), anchor, span),
            Event::Scalar(text, style, anchor, _) => {
                self.nodes += 1;
                let node = Node::Scalar { text: text.into_owned(), is_plain: style == ScalarStyle::Plain };
                self.anchored(anchor, node, 1, 0)
            }
            Event::Alias(anchor) => match self.anchors.get(&anchor) {
                Some(Anchored { node, size, depth }) => {
                    self.nodes = self.nodes.saturating_add(*size);
                    Anchored { node: Rc::clone(node), size: *size, depth: *depth }
                }
                None => return fail("an alias refers to what it is part of"),
            },
            Event::SequenceEnd | Event::MappingEnd => match self.open.pop() {
                Some(Open { node, anchor, size, depth, .. }) => self.anchored(anchor, node, size, depth),
                None => return Ok(()),
            },
            _ => return Ok(()),
        };
        if self.nodes > MAX_NODES {
            return fail(&format!("there are more than {MAX_NODES} values, counting what aliases refer to"));
        }
        if self.open.len() + anchored.depth > MAX_DEPTH {
            return Err(too_deep(span.start.line()));
        }
        let Some(parent) = self.open.last_mut() else {
            self.root = Some(anchored.node);
            return Ok(());
        };
        parent.size = parent.size.saturating_add(anchored.size);
        parent.depth = parent.depth.max(anchored.depth + 1);
        match (&mut parent.node, parent.key.take()) {
            (Node::Sequence(items), _) => items.push(anchored.node),
            (Node::Mapping(entries), Some(key)) => entries.push((key, anchored.node)),
            (Node::Mapping(_), None) => {
                let Node::Scalar { text, .. } = &*anchored.node else { return fail("a key is not a text") };
                if text != "<<" && !parent.keys.insert(text.clone()) {
                    return fail(&format!("the key `{}` is there already", excerpt(text)));
                }
                parent.key = Some(text.clone());
            }
            (Node::Scalar { .. }, _) => {}
        }
        Ok(())
    }

    fn start(&mut self, node: Node, anchor: usize, span: Span) -> Result<()> {
        if self.open.len() == MAX_DEPTH {
            return Err(too_deep(span.start.line()));
        }
        self.nodes += 1;
        self.open.push(Open { node, anchor, key: None, keys: HashSet::new(), size: 1, depth: 1 });
        Ok(())
    }

    /// Completes a value, and remembers it for aliases where it has an anchor.
    fn anchored(&mut self, anchor: usize, node: Node, size: usize, depth: usize) -> Anchored {
        let node = Rc::new(node);
        if anchor > 0 {
            self.anchors.insert(anchor, Anchored { node: Rc::clone(&node), size, depth });
        }
        Anchored { node, size, depth }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn root(text: &str) -> Rc<Node> {
        parse(text).unwrap().unwrap()
    }

    fn message(text: &str) -> String {
        parse(text).unwrap_err().message().to_owned()
    }

    #[test]
    fn scalars_keep_their_text() {
        let root = root("111122223333: 0x1F\nq: \"null\"\nn: null\ne:\nt: ~\ns: 'a b'\nb: yes\n");
        let text = |key: &str| root.get(key).unwrap().text().map(str::to_owned);
        assert_eq!(text("111122223333").as_deref(), Some("0x1F"));
        assert_eq!(
            (text("q").as_deref(), text("s").as_deref(), text("B").as_deref()),
            (Some("null"), Some("a b"), Some("yes"))
        );
        assert_eq!((text("n"), text("e"), text("t")), (None, None, None));
        assert!(root.get("none").is_none());
    }

    #[test]
    fn merge_keys_bring_what_is_not_there() {
        let text = "base: &base\n  org: a\n  client: c\nmore: &more {<<: *base, app: x}\none:\n  <<: *more\n  org: b\ntwo:\n  <<: [{app: y}, *more]\n";
        let root = root(text);
        let entries = |key: &str| {
            let entries = root.get(key).unwrap().entries();
            entries.into_iter().map(|(key, value)| format!("{key}={}", value.text().unwrap())).collect::<Vec<_>>()
        };
        assert_eq!(entries("one"), ["org=b", "app=x", "client=c"]);
        assert_eq!(entries("two"), ["app=y", "org=a", "client=c"]);
    }

    #[test]
    fn bombs_are_refused_before_they_expand() {
        let mut bomb = "a0: &a0 x\n".to_owned();
        for level in 1..30 {
            bomb += &format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 10].join(","));
        }
        assert!(message(&bomb).ends_with("there are more than 100000 values, counting what aliases refer to"));
        let mut deep = "a0: &a0 [x]\n".to_owned();
        for level in 1..40 {
            deep += &format!("a{level}: &a{level} [*a{}]\n", level - 1);
        }
        assert!(message(&deep).ends_with("values are nested deeper than 32 levels"), "{}", message(&deep));
        assert!(message("a: &a [*a]\n").ends_with("an alias refers to what it is part of"));
        let mut merges = "m0: &m0 {k0: v}\n".to_owned();
        for level in 1..30 {
            merges += &format!("m{level}: &m{level} {{<<: [{}]}}\n", vec![format!("*m{}", level - 1); 10].join(","));
        }
        assert!(message(&merges).contains("more than 100000 values"));
    }

    #[test]
    fn nesting_and_numbers_are_bounded() {
        for (open, close) in [("[", "]"), ("{a: ", "}"), ("- ", ""), ("? ", "")] {
            let text = format!("{}x{}", open.repeat(100_000), close.repeat(100_000));
            assert!(parse(&text).is_err(), "{open}");
        }
        assert!(message(&format!("{}x{}", "[".repeat(33), "]".repeat(33))).ends_with("deeper than 32 levels"));
        assert!(parse(&format!("{}x{}", "[".repeat(32), "]".repeat(32))).is_ok());
        assert!(message(&"- x\n".repeat(100_001)).contains("more than 100000 values"));
        assert!(message(&"#".repeat(MAX_BYTES + 1)).ends_with("larger than 1048576 bytes"));
    }

    #[test]
    fn what_is_no_yaml_is_an_error() {
        for bad in ["a: [", "a: b\n a: c", "*x", "a: 1\na: 2\n", "{a: b, a: c}", "? [a]\n: b"] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
        for empty in ["", "# nothing\n", "\t"] {
            assert!(parse(empty).unwrap().is_none_or(|root| root.is_empty()), "{empty:?}");
        }
    }
}
