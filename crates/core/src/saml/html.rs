//! The form that an identity provider's page posts to AWS.

use html5gum::{DefaultEmitter, StartTag, StringReader, Token, Tokenizer};

/// The start tags of an HTML page, in order, with their character references resolved.
struct Tags<'a>(Tokenizer<StringReader<'a>, DefaultEmitter>);

impl<'a> Tags<'a> {
    fn new(page: &'a str) -> Self {
        // What stands inside a script, a style or a text area is text, not tags.
        let mut emitter = DefaultEmitter::default();
        emitter.naively_switch_states(true);
        Self(Tokenizer::new_with_emitter(page, emitter))
    }
}

impl Iterator for Tags<'_> {
    type Item = Tag;

    fn next(&mut self) -> Option<Tag> {
        self.0.by_ref().find_map(|token| match token {
            Ok(Token::StartTag(tag)) => Some(Tag(tag)),
            _ => None,
        })
    }
}

struct Tag(StartTag<()>);

impl Tag {
    fn is(&self, name: &str) -> bool {
        self.0.name.as_slice() == name.as_bytes()
    }

    /// The value of an attribute, by its name in lower case.
    fn attribute(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.0.attributes.get(name.as_bytes())?.value.as_slice()).ok()
    }
}

/// Every value of a field `SAMLResponse` in the page, in order.
pub(super) fn saml_responses(page: &str) -> Vec<String> {
    Tags::new(page)
        .filter(|tag| tag.is("input") && tag.attribute("name") == Some("SAMLResponse"))
        .filter_map(|tag| tag.attribute("value").map(str::to_owned))
        .collect()
}

/// Whether the page asks for a password: a sign-in form where the answer to one was expected.
pub(super) fn asks_for_password(page: &str) -> bool {
    Tags::new(page)
        .any(|tag| tag.is("input") && tag.attribute("type").is_some_and(|kind| kind.eq_ignore_ascii_case("password")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn character_references_are_resolved() {
        let page = r#"<FORM action="https&#x3a;&#x2f;&#x2f;signin.aws.amazon.com&#x2f;saml" method=post>
            <INPUT type=submit value=Go><input value='a&#x2b;b&#61;' name="SAMLResponse"></form>"#;
        assert_eq!(saml_responses(page), ["a+b="]);
    }

    #[test]
    fn a_script_or_a_comment_is_no_form() {
        let page = r#"<script>var x = '<input name="SAMLResponse" value="no">';</script>
            <!-- <input name="SAMLResponse" value="no"> --><textarea><input name="SAMLResponse" value="no"></textarea>"#;
        assert!(saml_responses(page).is_empty());
    }
}
