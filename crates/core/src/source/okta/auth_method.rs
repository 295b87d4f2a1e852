//! The ways to sign in at an org, and which one is used.

use crate::named::named_enum;

named_enum! {
    /// How to sign in at an Okta org.
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum Auth("sign-in method") {
        /// Chooses by the engine of the org. Classic Engine: [`Classic`](Self::Classic). Identity Engine:
        /// [`Device`](Self::Device) if a client id is configured, else [`Browser`](Self::Browser) if a browser can be
        /// shown, else [`Idx`](Self::Idx).
        #[default]
        Auto = "auto",
        /// Sends user name, password and second factor to the authentication API (`/api/v1/authn`).
        Classic = "classic",
        /// Lets the person sign in with their own browser, by device authorization (RFC 8628) and a web SSO token.
        /// Supports passkeys, FastPass and everything else the org asks for. Needs the client id of a native app in Okta.
        Device = "device",
        /// Opens a browser, controls it, and takes the SAML response from it.
        Browser = "browser",
        /// Sends user name, password and second factor as Okta's own sign-in page does (`/idp/idx`). Experimental: Okta
        /// does not document this interface.
        Idx = "idx",
    }
}

/// The engine that signs people in at an org, as the org reports it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[non_exhaustive]
pub enum Pipeline {
    /// The Classic Engine.
    #[serde(rename = "v1")]
    Classic,
    /// The Identity Engine.
    #[serde(rename = "idx")]
    Identity,
}

impl Pipeline {
    /// Okta's name of the engine.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Classic => "Classic Engine",
            Self::Identity => "Identity Engine",
        }
    }
}

/// The method that is used: [`Auth`] once `Auto` is decided.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum AuthMethod {
    Classic,
    Device,
    Browser,
    Idx,
}

impl AuthMethod {
    /// The method that was configured; nothing for `Auto`.
    pub(super) fn configured(auth: Auth) -> Option<Self> {
        Some(match auth {
            Auth::Auto => return None,
            Auth::Classic => Self::Classic,
            Auth::Device => Self::Device,
            Auth::Browser => Self::Browser,
            Auth::Idx => Self::Idx,
        })
    }

    /// The method for an org with this engine.
    pub(super) fn for_pipeline(pipeline: Pipeline, has_client: bool, has_browser: bool) -> Self {
        match pipeline {
            Pipeline::Classic => Self::Classic,
            Pipeline::Identity if has_client => Self::Device,
            Pipeline::Identity if has_browser => Self::Browser,
            Pipeline::Identity => Self::Idx,
        }
    }

    /// Describes the method to a person, in a few words.
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Classic => "signing in with user name and password",
            Self::Device => "signing in with your own browser",
            Self::Browser => "signing in with a browser window opened for it",
            Self::Idx => "signing in with user name and password, as Okta's own page does (experimental)",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_method_depends_on_the_engine_and_on_what_is_available() {
        assert_eq!(AuthMethod::for_pipeline(Pipeline::Classic, true, true), AuthMethod::Classic);
        assert_eq!(AuthMethod::for_pipeline(Pipeline::Identity, true, true), AuthMethod::Device);
        assert_eq!(AuthMethod::for_pipeline(Pipeline::Identity, false, true), AuthMethod::Browser);
        assert_eq!(AuthMethod::for_pipeline(Pipeline::Identity, false, false), AuthMethod::Idx);
    }

    #[test]
    fn names_round_trip() {
        for auth in Auth::ALL {
            assert_eq!(auth.to_string().parse::<Auth>().unwrap(), *auth);
        }
        let error = "okta".parse::<Auth>().unwrap_err();
        assert_eq!(error.message(), "invalid sign-in method `okta`");
        assert_eq!(error.hint(), Some("use one of `auto`, `classic`, `device`, `browser`, `idx`"));
    }
}
