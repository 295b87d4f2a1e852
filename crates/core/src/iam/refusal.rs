//! Why IAM refused: its codes, and the remedy for each.

use super::answer::ErrorAnswer;
use crate::error::{Error, ErrorKind, Stage, StsFailure};
use crate::text::excerpt;

/// A call of IAM, for messages.
#[derive(Debug, Clone, Copy)]
pub(super) struct IamCall<'a> {
    /// The action: `PutRolePolicy`.
    pub(super) action: &'static str,
    /// The role, or what else the action is about.
    pub(super) name: Option<&'a str>,
}

impl IamCall<'_> {
    fn resource(&self) -> String {
        let kind = match self.action {
            "GetPolicy" | "GetPolicyVersion" => "policy",
            "GetSAMLProvider" => "SAML provider",
            _ => "role",
        };
        let all = if self.action == "ListAccountAliases" { "the account" } else { "all roles" };
        self.name.map_or_else(|| all.to_owned(), |name| format!("the {kind} `{name}`"))
    }
}

/// Whether the same request can succeed a moment later.
pub(super) fn is_transient(status: u16, code: &str) -> bool {
    status >= 500
        || matches!(
            code,
            "Throttling"
                | "ThrottlingException"
                | "RequestLimitExceeded"
                | "ConcurrentModification"
                | "RequestThrottled"
        )
}

/// Whether IAM says that the request is too old or from the future: the clock of this machine is wrong.
pub(super) fn is_about_time(code: &str, message: &str) -> bool {
    matches!(code, "RequestExpired" | "RequestTimeTooSkewed" | "RequestInTheFuture")
        || (code == "SignatureDoesNotMatch"
            && (message.contains("Signature expired") || message.contains("Signature not yet current")))
}

/// Converts an answer that is not a success.
pub(super) fn refusal(iam_call: IamCall<'_>, place: &str, status: u16, answer: Option<ErrorAnswer>) -> Error {
    let Some(answer) = answer else {
        let message = format!("{place} answered with HTTP status {status} and without an error of IAM");
        return Error::new(ErrorKind::IamUnavailable, Stage::Grant, message)
            .with_hint("try again; if the error persists, a proxy may answer in its place");
    };
    let (code, said) = (answer.error.code, answer.error.message);
    let IamCall { action, .. } = iam_call;
    let resource = iam_call.resource();
    let (kind, hint) = match code.as_str() {
        "AccessDenied" | "AccessDeniedException" => (
            ErrorKind::IamRefused,
            format!("the role that you signed in with needs `iam:{action}` on {resource}; {}", ADMINISTRATOR),
        ),
        "NoSuchEntity" | "NoSuchEntityException" => {
            (ErrorKind::GrantNotFound, "check the name of the role and the account that you signed in to".to_owned())
        }
        "LimitExceeded" | "LimitExceededException" => (
            ErrorKind::IamLimit,
            "`tempaccess grant clean` removes policies of grants that have ended; `tempaccess grant check` shows the room left"
                .to_owned(),
        ),
        "UnmodifiableEntity" | "UnmodifiableEntityException" => (
            ErrorKind::IamRefused,
            "AWS manages this role: choose one that your account manages".to_owned(),
        ),
        "MalformedPolicyDocument" => {
            (ErrorKind::MalformedPolicy, "correct the policy: its version, actions, resources and conditions".to_owned())
        }
        "ExpiredToken" | "ExpiredTokenException" => {
            (ErrorKind::IamRefused, "your session has ended: sign in again with `tempaccess login`".to_owned())
        }
        "InvalidClientTokenId" | "SignatureDoesNotMatch" | "UnrecognizedClientException" => {
            (ErrorKind::IamRefused, "sign in again with `tempaccess login`".to_owned())
        }
        code if is_about_time(code, &said) => {
            (ErrorKind::IamRefused, "set the clock of this machine: AWS accepts 5 minutes of difference".to_owned())
        }
        code if is_transient(status, code) => (ErrorKind::IamUnavailable, "wait a moment and try again".to_owned()),
        _ => (ErrorKind::IamRefused, "see the IAM API reference for this code".to_owned()),
    };
    let said = if said.is_empty() { String::new() } else { format!(": {}", excerpt(&said)) };
    Error::new(kind, Stage::Grant, format!("AWS IAM refused {action} ({}){said}", excerpt(&code)))
        .with_hint(hint)
        .with_sts(StsFailure { code: Some(code), request_id: answer.request_id, server_time: None })
}

/// Who can give rights in IAM.
const ADMINISTRATOR: &str = "the IAM administrator can add it";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::iam::answer::ErrorBody;

    #[test]
    fn a_missing_right_is_named() {
        let error = ErrorBody { code: "AccessDenied".to_owned(), message: "User: x is not authorized".to_owned() };
        let iam_call = IamCall { action: "PutRolePolicy", name: Some("People") };
        let error = refusal(iam_call, "AWS IAM", 403, Some(ErrorAnswer { error, request_id: None }));
        assert_eq!(error.kind(), ErrorKind::IamRefused);
        assert!(error.hint().unwrap().contains("`iam:PutRolePolicy` on the role `People`"));
        assert_eq!(refusal(iam_call, "AWS IAM", 502, None).kind(), ErrorKind::IamUnavailable);
    }
}
