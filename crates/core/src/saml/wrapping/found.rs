use crate::secret::SecretString;

/// The largest number of SAML responses that are looked at in one input.
pub(super) const MAX_FOUND: usize = 64;

/// A SAML response found inside something else.
pub(super) struct Found {
    content: SecretString,
    /// What `content` is if the line breaks or spaces in it ended it instead of wrapping it.
    shorter: Option<SecretString>,
    is_xml: bool,
    is_abbreviated: bool,
    target: Option<String>,
}

impl Found {
    pub(super) fn base64(text: impl Into<SecretString>) -> Self {
        Self { content: text.into(), shorter: None, is_xml: false, is_abbreviated: false, target: None }
    }

    pub(super) fn xml(text: impl Into<SecretString>) -> Self {
        Self { is_xml: true, ..Self::base64(text) }
    }

    pub(super) fn or_shorter(mut self, shorter: Option<SecretString>) -> Self {
        self.shorter = shorter;
        self
    }

    /// Marks that the tool it was copied from replaced a part of it with an ellipsis.
    pub(super) fn abbreviated(mut self, is_abbreviated: bool) -> Self {
        self.is_abbreviated = is_abbreviated;
        self
    }

    pub(super) fn sent_to(mut self, target: Option<String>) -> Self {
        self.target = target;
        self
    }

    /// Sets the address that it is sent to, unless it has one.
    pub(super) fn set_target(&mut self, target: &str) {
        self.target.get_or_insert_with(|| target.to_owned());
    }

    /// The base64 text or the XML.
    pub(super) fn content(&self) -> &str {
        self.content.expose()
    }

    pub(super) fn shorter(&self) -> Option<&str> {
        self.shorter.as_ref().map(SecretString::expose)
    }

    pub(super) fn is_xml(&self) -> bool {
        self.is_xml
    }

    pub(super) fn is_abbreviated(&self) -> bool {
        self.is_abbreviated
    }

    pub(super) fn target(&self) -> Option<&str> {
        self.target.as_deref()
    }
}
