//! Exclusive XML Canonicalization 1.0 without comments, of one element and what is beneath it.

use crate::saml::tree::{Name, NodeId, Tree, View};

/// The canonical form of `apex`, with the element `left_out` and what is beneath it missing.
///
/// `prefixes` is the `PrefixList` of `InclusiveNamespaces`: these are treated as inclusive canonicalization treats all,
/// the empty one being the default namespace.
pub(crate) fn canonical(tree: &Tree, apex: NodeId, left_out: Option<NodeId>, prefixes: &[&str]) -> Vec<u8> {
    let mut writer = Writer { tree, prefixes, out: Vec::new(), rendered: Vec::new(), open: Vec::new() };
    let end = tree.end(apex);
    let mut at = apex;
    while at < end {
        writer.close_before(at);
        if left_out == Some(at) {
            at = tree.end(at);
            continue;
        }
        match tree.view(at) {
            View::Element => writer.open(at, at == apex),
            View::Text(text) => escape(&mut writer.out, text, in_text),
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

    fn open(&mut self, node: NodeId, is_apex: bool) {
        let Some(name) = self.tree.name(node) else { return };
        let rendered = self.rendered.len();
        self.out.push(b'<');
        self.qualified(name);
        let mut attributes: Vec<_> = self.tree.attributes(node).collect();
        for (prefix, uri) in self.to_render(node, name, &attributes, is_apex) {
            self.out.extend_from_slice(if prefix.is_empty() { b" xmlns" } else { b" xmlns:" });
            self.out.extend_from_slice(prefix.as_bytes());
            self.value(uri);
            self.rendered.push((prefix, uri));
        }
        attributes.sort_unstable_by_key(|(name, _)| (name.namespace, name.local_name));
        for (name, value) in attributes {
            self.out.push(b' ');
            self.qualified(name);
            self.value(value);
        }
        self.out.push(b'>');
        self.open.push(Open { name, end: self.tree.end(node), rendered });
    }

    /// The declarations that the element needs and the output does not have yet, in order of their prefixes.
    fn to_render(
        &self,
        node: NodeId,
        name: Name<'t>,
        attributes: &[(Name<'t>, &str)],
        is_apex: bool,
    ) -> Vec<(&'t str, &'t str)> {
        let with_prefix = attributes.iter().map(|(name, _)| name).filter(|name| !name.prefix.is_empty());
        let used = std::iter::once(&name).chain(with_prefix).map(|name| (name.prefix, name.namespace));
        let mut needed: Vec<_> = used.filter(|(prefix, _)| *prefix != "xml").collect();
        for prefix in self.prefixes {
            // Beneath the apex, only an element that declares it can change what it means.
            let declared = if is_apex {
                self.tree.in_scope(node, prefix)
            } else {
                self.tree.declarations(node).find(|(declared, _)| declared == prefix).map(|(_, uri)| uri)
            };
            needed.extend(declared.map(|uri| (*prefix, uri)));
        }
        needed.retain(|(prefix, uri)| self.meaning(prefix) != *uri);
        needed.sort_unstable();
        needed.dedup();
        needed
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
        escape(&mut self.out, value, in_value);
        self.out.push(b'"');
    }
}

fn in_text(byte: u8) -> Option<&'static [u8]> {
    match byte {
        b'&' => Some(b"&amp;"),
        b'<' => Some(b"&lt;"),
        b'>' => Some(b"&gt;"),
        b'\r' => Some(b"&#xD;"),
        _ => None,
    }
}

fn in_value(byte: u8) -> Option<&'static [u8]> {
    match byte {
        b'&' => Some(b"&amp;"),
        b'<' => Some(b"&lt;"),
        b'"' => Some(b"&quot;"),
        b'\t' => Some(b"&#x9;"),
        b'\n' => Some(b"&#xA;"),
        b'\r' => Some(b"&#xD;"),
        _ => None,
    }
}

fn escape(out: &mut Vec<u8>, text: &str, replaced: fn(u8) -> Option<&'static [u8]>) {
    let mut rest = text.as_bytes();
    while let Some(at) = rest.iter().position(|byte| replaced(*byte).is_some()) {
        let (before, after) = rest.split_at(at);
        out.extend_from_slice(before);
        if let Some((byte, behind)) = after.split_first() {
            out.extend_from_slice(replaced(*byte).unwrap_or_default());
            rest = behind;
        }
    }
    out.extend_from_slice(rest);
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
    fn attributes_of_xml_stay_where_they_are() {
        let xml = r#"<r xml:lang="en"><x xml:space="preserve" a="1"/></r>"#;
        assert_eq!(form(xml, "x", &[]), r#"<x a="1" xml:space="preserve"></x>"#);
    }
}
