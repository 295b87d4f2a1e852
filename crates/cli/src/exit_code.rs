//! The exit codes of the command line: one for each kind of error.

use std::process::ExitCode;

use clap_mangen::roff::{Roff, bold, roman};
use tempaccess_core::ErrorKind;

/// Returns the exit code of a kind of error.
pub(crate) fn exit_code(kind: ErrorKind) -> ExitCode {
    ExitCode::from(number(kind))
}

/// The code of kinds that have none yet. Scripts cannot tell them apart; a test finds them.
const OTHER: u8 = 1;

/// Scripts rely on these numbers: they never change, and a new kind gets a new one.
pub(crate) fn number(kind: ErrorKind) -> u8 {
    match kind {
        ErrorKind::InvalidArgument => 2,
        ErrorKind::InvalidConfiguration => 3,
        ErrorKind::Io => 4,
        ErrorKind::Network => 5,
        ErrorKind::DeadlineExceeded => 6,
        ErrorKind::InteractionRequired => 7,
        ErrorKind::CallbackFailed => 8,
        ErrorKind::AuthenticationFailed => 10,
        ErrorKind::FactorFailed => 11,
        ErrorKind::FactorUnsupported => 12,
        ErrorKind::AccountLocked => 13,
        ErrorKind::AccountActionRequired => 14,
        ErrorKind::IdentityProviderRefused => 15,
        ErrorKind::RateLimited => 16,
        ErrorKind::IdentityProviderError => 17,
        ErrorKind::NoSamlResponse => 20,
        ErrorKind::MalformedResponse => 21,
        ErrorKind::ForbiddenConstruct => 22,
        ErrorKind::LimitExceeded => 23,
        ErrorKind::MultipleAssertions => 24,
        ErrorKind::EncryptedAssertion => 25,
        ErrorKind::UnsignedAssertion => 26,
        ErrorKind::SignatureInvalid => 27,
        ErrorKind::AssertionNotAccepted => 28,
        ErrorKind::NoRoles => 30,
        ErrorKind::RoleNotOffered => 31,
        ErrorKind::RoleAmbiguous => 32,
        ErrorKind::InvalidScope => 33,
        ErrorKind::AssertionExpired => 40,
        ErrorKind::ClaimRejected => 41,
        ErrorKind::InvalidIdentityToken => 42,
        ErrorKind::MalformedPolicy => 43,
        ErrorKind::PackedPolicyTooLarge => 44,
        ErrorKind::RegionDisabled => 45,
        ErrorKind::AccessDenied => 46,
        ErrorKind::StsValidation => 47,
        ErrorKind::DurationAboveRoleMaximum => 48,
        ErrorKind::StsThrottled => 49,
        ErrorKind::StsUnavailable => 50,
        ErrorKind::IamRefused => 51,
        ErrorKind::IamLimit => 52,
        ErrorKind::IamUnavailable => 53,
        ErrorKind::GrantChanged => 54,
        ErrorKind::AuditFailed => 60,
        ErrorKind::GrantNotFound => 61,
        ErrorKind::GrantEnded => 62,
        ErrorKind::GrantRefused => 63,
        ErrorKind::GrantUnsafe => 64,
        ErrorKind::GrantNotGenuine => 65,
        ErrorKind::GrantNotForYou => 66,
        ErrorKind::GrantElsewhere => 67,
        ErrorKind::InvalidRecipient => 68,
        ErrorKind::Cancelled => 130,
        _ => OTHER,
    }
}

/// Returns the section of the manual page.
pub(crate) fn section() -> String {
    let mut section = Roff::new();
    section.control("SH", ["EXIT STATUS"]);
    section.control("TP", []).text([bold("0")]).text([roman("Success.")]);
    for kind in ErrorKind::ALL {
        let meaning = format!("{}: {}", kind.as_str(), kind.meaning());
        section.control("TP", []).text([bold(number(*kind).to_string())]).text([roman(meaning)]);
    }
    section.to_roff()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_kind_has_a_code_of_its_own() {
        let codes: HashSet<_> = ErrorKind::ALL.iter().map(|kind| number(*kind)).collect();
        assert_eq!(codes.len(), ErrorKind::ALL.len());
        assert!(!codes.contains(&0) && !codes.contains(&OTHER));
    }
}
