//! An element as the reader of facts sees it, during parsing or in a stored tree.

pub(super) trait Element {
    /// The namespace, empty if the element has none.
    fn namespace(&self) -> &str;
    /// The name without its prefix.
    fn local_name(&self) -> &str;
    /// The value of the attribute with this name and no prefix.
    fn attribute(&self, name: &str) -> Option<&str>;
}
