//! A source whose response was minted before, and may have been changed before that.

use async_trait::async_trait;
use tempaccess_core::{AssertionSource, Result, SamlResponse, saml::Limits, source::AssertionRequest};
use tempaccess_sandbox::{Claims, Sandbox};

/// A response that was minted before.
#[derive(Debug)]
pub struct Minted(pub String);

impl Minted {
    /// A response that this person gets, changed before it is signed.
    pub fn by(sandbox: &Sandbox, login: &str, change: impl FnOnce(&mut Claims)) -> Self {
        let mut claims = sandbox.claims_of(login).expect("a person of this world");
        change(&mut claims);
        Self(sandbox.mint(&claims).expect("a response"))
    }
}

#[async_trait]
impl AssertionSource for Minted {
    fn describe(&self) -> String {
        "test".to_owned()
    }

    async fn saml_response(&self, _: &AssertionRequest<'_>) -> Result<SamlResponse> {
        SamlResponse::detect(self.0.as_bytes(), &Limits::default())
    }
}
