//! The kernel's keyring of the user (keyrings(7)).

use linux_keyutils::{KeyPermissionsBuilder, KeyRing, KeyRingIdentifier, Permission};
use zeroize::Zeroizing;

/// How long the kernel keeps a key.
#[derive(Debug, Clone, Copy)]
pub(super) enum Lifetime {
    /// Until the machine restarts.
    UntilRestart,
    /// 12 hours: a copy of a key that can be had elsewhere.
    HalfDay,
}

fn user_keyring() -> Option<KeyRing> {
    KeyRing::from_special_id(KeyRingIdentifier::User, false).ok()
}

fn full_name(name: &str) -> String {
    format!("tempaccess:{name}")
}

pub(super) fn get(name: &str) -> Option<Zeroizing<Vec<u8>>> {
    user_keyring()?.search(&full_name(name)).ok()?.read_to_vec().ok().map(Zeroizing::new)
}

/// Stores a key, and says whether that worked: containers often have no keyring.
pub(super) fn set(name: &str, secret: &[u8], lifetime: Lifetime) -> bool {
    let added = user_keyring().and_then(|keyring| keyring.add_key(&full_name(name), secret).ok());
    let Some(key) = added else { return false };
    let permissions = KeyPermissionsBuilder::builder().posessor(Permission::ALL).user(Permission::ALL).build();
    let limited = key.set_perms(permissions).and_then(|()| match lifetime {
        Lifetime::UntilRestart => Ok(()),
        Lifetime::HalfDay => key.set_timeout(12 * 60 * 60),
    });
    limited.is_ok()
}
