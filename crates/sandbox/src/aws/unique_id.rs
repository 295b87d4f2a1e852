//! The unique ids of roles and policies.

use sha2::{Digest, Sha256};

/// Returns the unique id of a role (`AROA…`) or policy (`ANPA…`): 21 characters. As at AWS, it is always the same for the
/// same role.
pub(crate) fn unique_id(prefix: &str, arn: &str) -> String {
    let digest = Sha256::digest(arn);
    prefix.chars().chain(digest.iter().take(17).map(|byte| char::from(b'A' + byte % 26))).collect()
}
