//! Sealed grants: credentials that are encrypted to a person's key with [age](https://age-encryption.org/v1) and signed by the
//! administrator with [SSHSIG](https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.sshsig).
//!
//! age keeps others from reading the credentials, and says nothing about who sealed them. A stranger could seal the keys of
//! an account of their own, and collect what the person uploads there. So a grant is opened in three steps, each a type of
//! its own: [`SealedGrant`] is parsed, [`VerifiedGrant`] is signed by a trusted administrator, [`OpenedGrant`] has the
//! credentials. Debian's `age` and `ssh-keygen -Y` read the same text.

mod envelope;
mod key_file;
mod recipient;
mod signed;
mod signer;
mod signers;
mod wrapped;

pub use envelope::{GrantHeader, OpenedGrant, SealedGrant, VerifiedGrant};
pub(crate) use envelope::{not_for, seal};
pub use key_file::KeyFile;
pub use recipient::Recipient;
pub use signed::SignedLine;
pub(crate) use signer::sign;
pub use signer::{KeyFileSigner, Signer, SshKeygenSigner};
pub use signers::{SignerLine, Signers};
pub(crate) use signers::{fingerprint, not_genuine};

/// What a signature is for (SSHSIG, namespace): a key that may ask for access may not give it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Namespace {
    /// Grants, their records, and approvals.
    Grant,
    /// Requests for access.
    Request,
}

impl Namespace {
    /// The namespace as the signature and the signers file have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Grant => "tempaccess-grant",
            Self::Request => "tempaccess-request",
        }
    }
}
