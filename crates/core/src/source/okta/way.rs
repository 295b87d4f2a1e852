//! The ways into an org, and which one is taken.

use std::fmt;
use std::str::FromStr;

use crate::error::{Error, ErrorKind, Result, Stage};

/// How to sign in at an Okta org.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Auth {
    /// As the org wants it: the authentication API where it has the Classic Engine. Where it has the Identity Engine,
    /// device authorization if there is a client for it, else the browser, else the Identity Engine from the terminal.
    #[default]
    Auto,
    /// Name, password and second factor, over the authentication API (`/api/v1/authn`).
    Classic,
    /// In the person's own browser, over device authorization (RFC 8628) and a web SSO token: with passkeys, FastPass and
    /// whatever else the org asks for. Needs the client id of a native app in Okta.
    Device,
    /// In a browser that is driven from here, until it has the SAML response.
    Browser,
    /// Name, password and second factor as Okta's own sign-in page sends them (`/idp/idx`). Experimental: Okta does not
    /// publish this interface.
    Idx,
}

impl Auth {
    const ALL: [(&'static str, Self); 5] = [
        ("auto", Self::Auto),
        ("classic", Self::Classic),
        ("device", Self::Device),
        ("browser", Self::Browser),
        ("idx", Self::Idx),
    ];
}

impl fmt::Display for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|(_, auth)| auth == self).map_or("", |(name, _)| name))
    }
}

impl FromStr for Auth {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, auth)| *auth).ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, Stage::Configuration, format!("`{text}` is no way to sign in"))
                .with_hint(format!("it is one of {}", Self::ALL.map(|(name, _)| format!("`{name}`")).join(", ")))
        })
    }
}

/// What an org signs people in with, as it says itself.
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
    /// What Okta calls it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Classic => "Classic Engine",
            Self::Identity => "Identity Engine",
        }
    }
}

/// The way that was chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    Classic,
    Device,
    Browser,
    Idx,
}

impl Way {
    /// The way into an org with this pipeline.
    pub(super) fn into(pipeline: Pipeline, has_client: bool, has_browser: bool) -> Self {
        match pipeline {
            Pipeline::Classic => Self::Classic,
            Pipeline::Identity if has_client => Self::Device,
            Pipeline::Identity if has_browser => Self::Browser,
            Pipeline::Identity => Self::Idx,
        }
    }

    /// What is done, in a few words.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::Classic => "signing in with name and password",
            Self::Device => "signing in with your own browser",
            Self::Browser => "signing in with a browser that is opened for it",
            Self::Idx => "signing in with name and password, as its own page does (experimental)",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_follows_the_org_and_what_there_is() {
        assert_eq!(Way::into(Pipeline::Classic, true, true), Way::Classic);
        assert_eq!(Way::into(Pipeline::Identity, true, true), Way::Device);
        assert_eq!(Way::into(Pipeline::Identity, false, true), Way::Browser);
        assert_eq!(Way::into(Pipeline::Identity, false, false), Way::Idx);
    }

    #[test]
    fn names_are_read_back() {
        for (name, auth) in Auth::ALL {
            assert_eq!(name.parse::<Auth>().unwrap(), auth);
            assert_eq!(auth.to_string(), name);
        }
        assert_eq!("okta".parse::<Auth>().unwrap_err().message(), "`okta` is no way to sign in");
    }
}
