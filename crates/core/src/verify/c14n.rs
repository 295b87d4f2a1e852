//! Exclusive XML Canonicalization 1.0 without comments, of one element and what is beneath it.

use std::ops::Range;

use crate::saml::tree::{Name, NodeId, Tree, View};

/// The canonical form of `apex`, with the element `left_out` and what is beneath it missing.
///
/// `prefixes` is the `PrefixList` of `InclusiveNamespaces`: these are treated as inclusive canonicalization treats all,
/// the empty one being the default namespace.
pub(crate) fn canonical(tree: &Tree, apex: NodeId, left_out: Option<NodeId>, prefixes: &[&str]) -> Vec<u8> {
    let mut writer = Writer {
        tree,
        prefixes,
        out: Vec::new(),
        rendered: Vec::new(),
        open: Vec::new(),
        attributes: Vec::new(),
        needed: Vec::new(),
        last: None,
        declared: Vec::new(),
    };
    let end = tree.end(apex);
    let mut at = apex;
    while at < end {
        writer.close_before(at);
        if left_out == Some(at) {
            at = tree.end(at);
            continue;
        }
        match tree.view(at) {
            View::Element(name) => writer.open(at, name, at == apex),
            View::Text(text) => escape(&mut writer.out, text, &IN_TEXT),
            View::Comment => {}
        }
        at = tree.next(at);
    }
    writer.close_before(end);
    writer.out
}

struct Writer<'t> {
    tree: &'t Tree,
    prefixes: &'t [&'t str],
    out: Vec<u8>,
    /// What the output says so far that prefixes mean here, innermost last.
    rendered: Vec<(&'t str, &'t str)>,
    open: Vec<Open<'t>>,
    /// The attributes of the element at hand.
    attributes: Vec<(Name<'t>, &'t str)>,
    /// The declarations that the element at hand needs.
    needed: Vec<(&'t str, &'t str)>,
    /// The start tag that was written last, and where: the next one inside the same element may be the same.
    last: Option<(NodeId, Range<usize>)>,
    /// What it has declared.
    declared: Vec<(&'t str, &'t str)>,
}

struct Open<'t> {
    name: Name<'t>,
    end: NodeId,
    /// How much was rendered before it.
    rendered: usize,
}

impl<'t> Writer<'t> {
    fn close_before(&mut self, at: NodeId) {
        while let Some(open) = self.open.pop_if(|open| at >= open.end) {
            self.out.extend_from_slice(b"</");
            self.qualified(open.name);
            self.out.push(b'>');
            self.rendered.truncate(open.rendered);
        }
    }

    fn open(&mut self, node: NodeId, name: Name<'t>, is_apex: bool) {
        let rendered = self.rendered.len();
        let start = self.out.len();
        self.open.push(Open { name, end: self.tree.end(node), rendered });
        if let Some((last, written)) = &self.last
            && self.tree.share_tag(*last, node)
        {
            self.out.extend_from_within(written.clone());
            self.rendered.extend_from_slice(&self.declared);
            return;
        }
        self.out.push(b'<');
        self.qualified(name);
        let mut attributes = std::mem::take(&mut self.attributes);
        attributes.extend(self.tree.attributes(node));
        self.declare(node, name, &attributes, is_apex);
        attributes.sort_unstable_by_key(|(name, _)| (name.namespace, name.local_name));
        for (name, value) in attributes.drain(..) {
            self.out.push(b' ');
            self.qualified(name);
            self.value(value);
        }
        self.attributes = attributes;
        self.out.push(b'>');
        self.last = Some((node, start..self.out.len()));
        self.declared.clear();
        self.declared.extend_from_slice(self.rendered.get(rendered..).unwrap_or_default());
    }

    /// Writes the declarations that the element needs and the output does not have yet, in order of their prefixes.
    fn declare(&mut self, node: NodeId, name: Name<'t>, attributes: &[(Name<'t>, &str)], is_apex: bool) {
        let mut needed = std::mem::take(&mut self.needed);
        let with_prefix = attributes.iter().map(|(name, _)| name).filter(|name| !name.prefix.is_empty());
        let used = std::iter::once(&name).chain(with_prefix).map(|name| (name.prefix, name.namespace));
        needed.extend(used.filter(|(prefix, uri)| *prefix != "xml" && self.meaning(prefix) != *uri));
        for prefix in self.prefixes {
            // Beneath the apex, only an element that declares it can change what it means.
            let declared = if is_apex {
                self.tree.in_scope(node, prefix)
            } else {
                self.tree.declarations(node).find(|(declared, _)| declared == prefix).map(|(_, uri)| uri)
            };
            needed.extend(declared.filter(|uri| self.meaning(prefix) != *uri).map(|uri| (*prefix, uri)));
        }
        needed.sort_unstable();
        needed.dedup();
        for (prefix, uri) in needed.drain(..) {
            self.out.extend_from_slice(if prefix.is_empty() { b" xmlns" } else { b" xmlns:" });
            self.out.extend_from_slice(prefix.as_bytes());
            self.value(uri);
            self.rendered.push((prefix, uri));
        }
        self.needed = needed;
    }

    /// What the output says that a prefix means here.
    fn meaning(&self, prefix: &str) -> &str {
        self.rendered.iter().rev().find(|(known, _)| *known == prefix).map_or("", |(_, uri)| uri)
    }

    fn qualified(&mut self, name: Name<'_>) {
        if !name.prefix.is_empty() {
            self.out.extend_from_slice(name.prefix.as_bytes());
            self.out.push(b':');
        }
        self.out.extend_from_slice(name.local_name.as_bytes());
    }

    fn value(&mut self, value: &str) {
        self.out.extend_from_slice(b"=\"");
        escape(&mut self.out, value, &IN_VALUE);
        self.out.push(b'"');
    }
}

type Replaced = [Option<&'static [u8]>; 256];

const IN_TEXT: Replaced = table(&[(b'&', b"&amp;"), (b'<', b"&lt;"), (b'>', b"&gt;"), (b'\r', b"&#xD;")]);
const IN_VALUE: Replaced = table(&[
    (b'&', b"&amp;"),
    (b'<', b"&lt;"),
    (b'"', b"&quot;"),
    (b'\t', b"&#x9;"),
    (b'\n', b"&#xA;"),
    (b'\r', b"&#xD;"),
]);

#[allow(clippy::indexing_slicing, reason = "evaluated at compile time")]
const fn table(replaced: &[(u8, &'static [u8])]) -> Replaced {
    let mut table: Replaced = [None; 256];
    let mut at = 0;
    while at < replaced.len() {
        table[replaced[at].0 as usize] = Some(replaced[at].1);
        at += 1;
    }
    table
}

fn escape(out: &mut Vec<u8>, text: &str, replaced: &Replaced) {
    // Most blocks hold nothing to replace; asked all at once, without a way out in between, that costs next to nothing.
    let special = |byte: &u8| matches!(byte, b'&' | b'<' | b'>' | b'"' | b'\t' | b'\n' | b'\r');
    for block in text.as_bytes().chunks(32) {
        if !block.iter().fold(false, |found, byte| found | special(byte)) {
            out.extend_from_slice(block);
            continue;
        }
        for byte in block {
            match replaced.get(usize::from(*byte)).copied().flatten() {
                Some(instead) => out.extend_from_slice(instead),
                None => out.push(*byte),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::saml::Limits;

    /// The canonical form of the first element of this name, `left-out` elements missing.
    fn form(xml: &str, name: &str, prefixes: &[&str]) -> String {
        let tree = Tree::read(xml, &Limits::default()).unwrap();
        let of = |wanted: &str| tree.all().find(|node| tree.name(*node).is_some_and(|name| name.local_name == wanted));
        String::from_utf8(canonical(&tree, of(name).unwrap(), of("left-out"), prefixes)).unwrap()
    }

    #[test]
    fn only_what_is_used_is_declared_and_only_once() {
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
    fn a_default_namespace_is_taken_back_only_where_one_was_given() {
        let xml = r#"<r xmlns="urn:d"><x xmlns=""><y/><z xmlns="urn:d"><u xmlns=""/></z></x></r>"#;
        assert_eq!(form(xml, "x", &[]), r#"<x><y></y><z xmlns="urn:d"><u xmlns=""></u></z></x>"#);
        assert_eq!(
            form(xml, "r", &[]),
            r#"<r xmlns="urn:d"><x xmlns=""><y></y><z xmlns="urn:d"><u xmlns=""></u></z></x></r>"#
        );
    }

    #[test]
    fn characters_comments_and_what_is_left_out() {
        let xml = "<r a='&#9;&quot;&lt;>&#13;\n'>1<!-- c -->2&amp;&gt;&#13;\"<left-out><x/></left-out><![CDATA[<3>]]>\r\n</r>";
        assert_eq!(form(xml, "r", &[]), "<r a=\"&#x9;&quot;&lt;>&#xD; \">12&amp;&gt;&#xD;\"&lt;3&gt;\n</r>");
    }

    #[test]
    fn tags_that_repeat_say_the_same_and_what_is_beneath_them_too() {
        let v = r#"<v xmlns:a="urn:a" a:k="1">"#;
        let xml = format!(r#"<r>{v}x</v>{v}<a:y/></v><left-out>{v}</v></left-out>{v}<z/></v></r>"#);
        assert_eq!(form(&xml, "r", &[]), format!(r#"<r>{v}x</v>{v}<a:y></a:y></v>{v}<z></z></v></r>"#));
        let v = r#"<v xmlns="" xmlns:a="urn:a" a:k="1">"#;
        let xml = format!(r#"<r xmlns="urn:1">{v}<w/></v>{v}<a:y/></v>{v}</v>{v}</v></r>"#);
        let spelt_out = xml.replace("<w/>", "<w></w>").replace("<a:y/>", "<a:y></a:y>");
        assert_eq!(form(&xml, "r", &[]), spelt_out);
        // Inside another element, or after a tag that differs, it is another tag.
        let xml = r#"<r xmlns="urn:1"><s xmlns="urn:2"><v/></s><v/><v></v><v k=""/></r>"#;
        assert_eq!(
            form(xml, "r", &[]),
            r#"<r xmlns="urn:1"><s xmlns="urn:2"><v></v></s><v></v><v></v><v k=""></v></r>"#
        );
        // As an apex, it declares what it needs itself.
        let xml = r#"<p:r xmlns:p="urn:p"><p:v/><p:v><x/></p:v></p:r>"#;
        assert_eq!(form(xml, "v", &[]), r#"<p:v xmlns:p="urn:p"></p:v>"#);
    }

    #[test]
    fn attributes_of_xml_stay_where_they_are() {
        let xml = r#"<r xml:lang="en"><x xml:id="1" z="1"/></r>"#;
        assert_eq!(form(xml, "x", &[]), r#"<x z="1" xml:id="1"></x>"#);
    }
}
