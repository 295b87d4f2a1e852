/// What a signature may be made with. The default is strict; each method loosens one rule.
///
/// ```
/// use tempaccess_core::verify::SignaturePolicy;
///
/// let strict = SignaturePolicy::default();
/// let legacy = SignaturePolicy::default().allow_sha1().allow_short_rsa();
/// assert_ne!(strict, legacy);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SignaturePolicy {
    sha1: bool,
    short_rsa: bool,
    expired_certificate: bool,
}

impl SignaturePolicy {
    /// Accepts SHA-1 for digests and for RSA signatures. Collisions of SHA-1 can be made.
    #[must_use]
    pub fn allow_sha1(self) -> Self {
        Self { sha1: true, ..self }
    }

    /// Accepts RSA keys of 1,024 to 2,047 bits, with every hash function but SHA-384.
    #[must_use]
    pub fn allow_short_rsa(self) -> Self {
        Self { short_rsa: true, ..self }
    }

    /// Accepts a pinned certificate before and after its period of validity. The key is pinned either way, and many identity
    /// providers keep using an expired certificate.
    #[must_use]
    pub fn allow_expired_certificate(self) -> Self {
        Self { expired_certificate: true, ..self }
    }

    pub(super) fn allows_sha1(self) -> bool {
        self.sha1
    }

    pub(super) fn allows_short_rsa(self) -> bool {
        self.short_rsa
    }

    pub(super) fn allows_expired_certificate(self) -> bool {
        self.expired_certificate
    }
}
