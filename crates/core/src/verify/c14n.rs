//! Exclusive XML Canonicalization 1.0 without comments, of one element and its descendants.

use ring::digest;
use zeroize::Zeroizing;

use crate::saml::tree::{Name, NodeId, Tree, View};

/// Writes the canonical form of `apex` to the sink, without the element `left_out`.
///
/// `prefixes` is the `PrefixList` of `InclusiveNamespaces`: their declarations are written where inclusive canonicalization
/// writes them. The empty prefix stands for the default namespace.
pub(super) fn write(tree: &Tree, apex: NodeId, left_out: Option<NodeId>, prefixes: &[&str], sink: &mut impl Sink) {
    let mut writer = Writer {
        tree,
        prefixes,
        sink,
        // Enough for most documents: growing would leave a copy behind. All of it is wiped in the end.
        buffer: Zeroizing::new(Vec::with_capacity((2 * tree.text_len()).min(2 * BLOCK))),
        rendered: Vec::new(),
        open: Vec::new(),
        attributes: Vec::new(),
        needed: Vec::new(),
        last_tag: None,
        last_written: Vec::new(),
        last_declared: Vec::new(),
    };
    let end = tree.end(apex);
    let mut node = apex;
    while node < end {
        writer.close_before(node);
        if left_out == Some(node) {
            node = tree.end(node);
            continue;
        }
        match tree.view(node) {
            View::Element(name) => writer.open(node, name, node == apex),
            View::Text(text) => writer.text(text),
            View::Comment => {}
        }
        node = tree.next(node);
    }
    writer.close_before(end);
    writer.flush();
}

/// Returns the canonical form, as [`write`] writes it.
pub(super) fn canonical(tree: &Tree, apex: NodeId, left_out: Option<NodeId>, prefixes: &[&str]) -> Vec<u8> {
    let mut form = Vec::new();
    write(tree, apex, left_out, prefixes, &mut form);
    form
}

/// Receives a canonical form piece by piece.
pub(super) trait Sink {
    fn take(&mut self, piece: &[u8]);
}

impl Sink for Vec<u8> {
    fn take(&mut self, piece: &[u8]) {
        self.extend_from_slice(piece);
    }
}

impl Sink for digest::Context {
    fn take(&mut self, piece: &[u8]) {
        self.update(piece);
    }
}

/// The size from which the buffer goes to the sink.
const BLOCK: usize = 32 << 10;

struct Writer<'t, S> {
    tree: &'t Tree,
    prefixes: &'t [&'t str],
    sink: &'t mut S,
    buffer: Zeroizing<Vec<u8>>,
    /// The namespace declarations written on the open elements, innermost last: prefix and URI.
    rendered: Vec<(&'t str, &'t str)>,
    open: Vec<Open<'t>>,
    /// The attributes of the current element. Its allocation is reused.
    attributes: Vec<(Name<'t>, &'t str)>,
    /// The declarations to write on the current element. Its allocation is reused.
    needed: Vec<(&'t str, &'t str)>,
    /// The element whose start tag was written last.
    last_tag: Option<NodeId>,
    /// That start tag, as written.
    last_written: Vec<u8>,
    /// The declarations on that start tag.
    last_declared: Vec<(&'t str, &'t str)>,
}

struct Open<'t> {
    name: Name<'t>,
    end: NodeId,
    /// The length of `rendered` before it.
    rendered: usize,
}

impl<'t, S: Sink> Writer<'t, S> {
    fn flush(&mut self) {
        self.sink.take(&self.buffer);
        self.buffer.clear();
    }

    fn flush_if_full(&mut self) {
        if self.buffer.len() >= BLOCK {
            self.flush();
        }
    }

    /// Writes the end tags of the elements that end before `node`.
    fn close_before(&mut self, node: NodeId) {
        while let Some(open) = self.open.pop_if(|open| node >= open.end) {
            self.buffer.extend_from_slice(b"</");
            self.qualified(open.name);
            self.buffer.push(b'>');
            self.rendered.truncate(open.rendered);
        }
        self.flush_if_full();
    }

    /// Writes a start tag.
    fn open(&mut self, node: NodeId, name: Name<'t>, is_apex: bool) {
        let rendered = self.rendered.len();
        self.open.push(Open { name, end: self.tree.end(node), rendered });
        // A repeated start tag has the same canonical form (see the documentation of `saml::tag`).
        if self.last_tag.is_some_and(|last| self.tree.share_tag(last, node)) {
            self.buffer.extend_from_slice(&self.last_written);
            self.rendered.extend_from_slice(&self.last_declared);
            return;
        }
        let start = self.buffer.len();
        self.buffer.push(b'<');
        self.qualified(name);
        let mut attributes = std::mem::take(&mut self.attributes);
        attributes.extend(self.tree.attributes(node));
        self.declare(node, name, &attributes, is_apex);
        attributes.sort_unstable_by_key(|(name, _)| (name.namespace, name.local_name));
        for (name, value) in attributes.drain(..) {
            self.buffer.push(b' ');
            self.qualified(name);
            self.value(value);
        }
        self.attributes = attributes;
        self.buffer.push(b'>');
        self.last_tag = Some(node);
        self.last_written.clear();
        self.last_written.extend_from_slice(self.buffer.get(start..).unwrap_or_default());
        self.last_declared.clear();
        self.last_declared.extend_from_slice(self.rendered.get(rendered..).unwrap_or_default());
    }

    /// Writes the namespace declarations that the element needs and that are not rendered yet, sorted by prefix.
    fn declare(&mut self, node: NodeId, name: Name<'t>, attributes: &[(Name<'t>, &str)], is_apex: bool) {
        let mut needed = std::mem::take(&mut self.needed);
        let with_prefix = attributes.iter().map(|(name, _)| name).filter(|name| !name.prefix.is_empty());
        let used = std::iter::once(&name).chain(with_prefix).map(|name| (name.prefix, name.namespace));
        needed.extend(used.filter(|(prefix, uri)| *prefix != "xml" && self.rendered_uri(prefix) != *uri));
        for prefix in self.prefixes {
            // Below the apex, a binding changes only where it is declared.
            let declared = if is_apex {
                self.tree.in_scope(node, prefix)
            } else {
                self.tree.declarations(node).find(|(declared, _)| declared == prefix).map(|(_, uri)| uri)
            };
            needed.extend(declared.filter(|uri| self.rendered_uri(prefix) != *uri).map(|uri| (*prefix, uri)));
        }
        needed.sort_unstable();
        needed.dedup();
        for (prefix, uri) in needed.drain(..) {
            self.buffer.extend_from_slice(if prefix.is_empty() { b" xmlns" } else { b" xmlns:" });
            self.buffer.extend_from_slice(prefix.as_bytes());
            self.value(uri);
            self.rendered.push((prefix, uri));
        }
        self.needed = needed;
    }

    /// The URI that the output binds a prefix to, empty for none.
    fn rendered_uri(&self, prefix: &str) -> &str {
        self.rendered.iter().rev().find(|(known, _)| *known == prefix).map_or("", |(_, uri)| uri)
    }

    fn qualified(&mut self, name: Name<'_>) {
        if !name.prefix.is_empty() {
            self.buffer.extend_from_slice(name.prefix.as_bytes());
            self.buffer.push(b':');
        }
        self.buffer.extend_from_slice(name.local_name.as_bytes());
    }

    fn value(&mut self, value: &str) {
        self.buffer.extend_from_slice(b"=\"");
        escape(&mut self.buffer, value.as_bytes(), &IN_VALUE);
        self.buffer.push(b'"');
    }

    fn text(&mut self, text: &str) {
        // A long text would make the buffer grow, and leave what it was before in memory.
        for piece in text.as_bytes().chunks(BLOCK / 8) {
            escape(&mut self.buffer, piece, &IN_TEXT);
            self.flush_if_full();
        }
    }
}

/// What to write instead of a byte.
type Replacements = [Option<&'static [u8]>; 256];

const IN_TEXT: Replacements = replacements(&[(b'&', b"&amp;"), (b'<', b"&lt;"), (b'>', b"&gt;"), (b'\r', b"&#xD;")]);
const IN_VALUE: Replacements = replacements(&[
    (b'&', b"&amp;"),
    (b'<', b"&lt;"),
    (b'"', b"&quot;"),
    (b'\t', b"&#x9;"),
    (b'\n', b"&#xA;"),
    (b'\r', b"&#xD;"),
]);

#[allow(clippy::indexing_slicing, reason = "evaluated at compile time")]
const fn replacements(pairs: &[(u8, &'static [u8])]) -> Replacements {
    let mut table: Replacements = [None; 256];
    let mut index = 0;
    while index < pairs.len() {
        table[pairs[index].0 as usize] = Some(pairs[index].1);
        index += 1;
    }
    table
}

fn escape(out: &mut Vec<u8>, text: &[u8], replacements: &Replacements) {
    // Most blocks have nothing to replace, which the vectorised fold finds out without branches.
    let special = |byte: &u8| matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\t' | b'\n' | b'\r');
    for block in text.chunks(32) {
        if !block.iter().fold(false, |found, byte| found | special(byte)) {
            out.extend_from_slice(block);
            continue;
        }
        for byte in block {
            match replacements.get(usize::from(*byte)).copied().flatten() {
                Some(replacement) => out.extend_from_slice(replacement),
                None => out.push(*byte),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saml::Limits;

    /// The canonical form of the first element with this name, without the element `left-out`.
    fn form(xml: &str, name: &str, prefixes: &[&str]) -> String {
        let tree = Tree::read(xml, &Limits::default()).unwrap();
        let find =
            |wanted: &str| tree.all().find(|node| tree.name(*node).is_some_and(|name| name.local_name == wanted));
        String::from_utf8(canonical(&tree, find(name).unwrap(), find("left-out"), prefixes)).unwrap()
    }

    #[test]
    fn namespaces_are_declared_once_and_only_if_used() {
        let xml = r#"<a:r xmlns:a="urn:a" xmlns:b="urn:b" xmlns="urn:d"><a:x c="1" b:a="2"><y/><b:z xmlns:b="urn:b"/></a:x></a:r>"#;
        assert_eq!(
            form(xml, "x", &[]),
            r#"<a:x xmlns:a="urn:a" xmlns:b="urn:b" c="1" b:a="2"><y xmlns="urn:d"></y><b:z></b:z></a:x>"#
        );
    }

    #[test]
    fn listed_prefixes_are_declared_where_they_come_into_scope() {
        let xml = r#"<r xmlns:a="urn:a" xmlns="urn:d"><p:x xmlns:p="urn:p"><p:y xmlns:a="urn:2"/></p:x></r>"#;
        assert_eq!(
            form(xml, "x", &["a", "", "none"]),
            r#"<p:x xmlns="urn:d" xmlns:a="urn:a" xmlns:p="urn:p"><p:y xmlns:a="urn:2"></p:y></p:x>"#
        );
    }

    #[test]
    fn a_default_namespace_is_undone_only_if_there_was_one() {
        let xml = r#"<r xmlns="urn:d"><x xmlns=""><y/><z xmlns="urn:d"><u xmlns=""/></z></x></r>"#;
        assert_eq!(form(xml, "x", &[]), r#"<x><y></y><z xmlns="urn:d"><u xmlns=""></u></z></x>"#);
        assert_eq!(
            form(xml, "r", &[]),
            r#"<r xmlns="urn:d"><x xmlns=""><y></y><z xmlns="urn:d"><u xmlns=""></u></z></x></r>"#
        );
    }

    #[test]
    fn characters_comments_and_left_out_elements() {
        let xml = "<r a='&#9;&quot;&lt;>&#13;\n'>1<!-- c -->2&amp;&gt;&#13;\"<left-out><x/></left-out><![CDATA[<3>]]>\r\n</r>";
        assert_eq!(form(xml, "r", &[]), "<r a=\"&#x9;&quot;&lt;>&#xD; \">12&amp;&gt;&#xD;\"&lt;3&gt;\n</r>");
    }

    #[test]
    fn repeated_tags() {
        let v = r#"<v xmlns:a="urn:a" a:k="1">"#;
        let xml = format!(r#"<r>{v}x</v>{v}<a:y/></v><left-out>{v}</v></left-out>{v}<z/></v></r>"#);
        assert_eq!(form(&xml, "r", &[]), format!(r#"<r>{v}x</v>{v}<a:y></a:y></v>{v}<z></z></v></r>"#));
        let v = r#"<v xmlns="" xmlns:a="urn:a" a:k="1">"#;
        let xml = format!(r#"<r xmlns="urn:1">{v}<w/></v>{v}<a:y/></v>{v}</v>{v}</v></r>"#);
        let expected = xml.replace("<w/>", "<w></w>").replace("<a:y/>", "<a:y></a:y>");
        assert_eq!(form(&xml, "r", &[]), expected);
        // Under another parent, or after a different tag, a tag does not repeat.
        let xml = r#"<r xmlns="urn:1"><s xmlns="urn:2"><v/></s><v/><v></v><v k=""/></r>"#;
        assert_eq!(
            form(xml, "r", &[]),
            r#"<r xmlns="urn:1"><s xmlns="urn:2"><v></v></s><v></v><v></v><v k=""></v></r>"#
        );
        // The apex declares all that it needs.
        let xml = r#"<p:r xmlns:p="urn:p"><p:v/><p:v><x/></p:v></p:r>"#;
        assert_eq!(form(xml, "v", &[]), r#"<p:v xmlns:p="urn:p"></p:v>"#);
    }

    #[test]
    fn attributes_of_the_xml_namespace_are_not_inherited() {
        let xml = r#"<r xml:lang="en"><x xml:id="1" z="1"/></r>"#;
        assert_eq!(form(xml, "x", &[]), r#"<x z="1" xml:id="1"></x>"#);
    }
}
