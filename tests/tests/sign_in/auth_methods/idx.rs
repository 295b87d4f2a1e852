//! The Identity Engine from a terminal.

use super::*;

fn with(factors: Vec<Factor>) -> Sandbox {
    sandbox(|world| world.user_mut(LOGIN).unwrap().factors = factors)
}

async fn sign_in(sandbox: &Sandbox, answers: &[&str]) -> (Result<SamlResponse>, Vec<String>) {
    let person = Person::answering(answers);
    let source = source(sandbox, Auth::Idx).build().unwrap();
    (respond(&source, &*person).await, person.heard())
}

async fn succeed(sandbox: &Sandbox, answers: &[&str]) -> Vec<String> {
    let (result, heard) = sign_in(sandbox, answers).await;
    let response = result.unwrap_or_else(|error| panic!("{error:?} {heard:?}"));
    assert_eq!(response.read().unwrap().subject.unwrap().name, LOGIN);
    heard
}

async fn fail(sandbox: &Sandbox, answers: &[&str]) -> (ErrorKind, String) {
    let error = sign_in(sandbox, answers).await.0.unwrap_err();
    (error.kind(), error.to_string())
}

#[tokio::test]
async fn a_password_alone() {
    let whole = sandbox(|_| {});
    assert_eq!(
        succeed(&whole, &[LOGIN, PASSWORD]).await,
        ["? User name at 127.0.0.1", "? Password of alan@example.com"]
    );
    // The page, introspection, identification, the session, the app.
    assert_eq!(whole.requests().len(), 5);
    let in_two = sandbox(|world| world.identifier_first = true);
    assert_eq!(succeed(&in_two, &[LOGIN, PASSWORD]).await.len(), 2);
}

#[tokio::test]
async fn a_wrong_password_is_sent_once() {
    for identifier_first in [false, true] {
        let sandbox = sandbox(|world| world.identifier_first = identifier_first);
        let (kind, words) = fail(&sandbox, &[LOGIN, "wrong", PASSWORD]).await;
        assert_eq!(kind, ErrorKind::AuthenticationFailed);
        assert_eq!(words, "Okta rejected the user name or password (errors.E0000004: Authentication failed)");
        let sent = asked(&sandbox, Service::Okta, "/idp/idx/identify")
            + asked(&sandbox, Service::Okta, "/idp/idx/challenge/answer");
        assert_eq!(sent, 1 + usize::from(identifier_first));
    }
}

#[tokio::test]
async fn codes_of_every_kind() {
    for kind in ["token:software:totp", "token:hotp", "sms", "call", "email"] {
        let heard = succeed(&with(vec![factor(kind, &["123456"])]), &[LOGIN, PASSWORD, "123456"]).await;
        let is_sent = matches!(kind, "sms" | "call" | "email");
        assert_eq!(heard[2].starts_with("Sent: "), is_sent, "{heard:?}");
    }
    let question = with(vec![factor("question", &["African?"])]);
    let heard = succeed(&question, &[LOGIN, PASSWORD, "African?"]).await;
    assert_eq!(heard[2], "? What is the airspeed of a swallow?");
    // Sent again.
    let sandbox = with(vec![factor("sms", &["123456"])]);
    succeed(&sandbox, &[LOGIN, PASSWORD, "", "123456"]).await;
    assert_eq!(asked(&sandbox, Service::Okta, "/idp/idx/challenge/resend"), 1);
}

#[tokio::test]
async fn wrong_codes() {
    let sandbox = with(vec![factor("token:software:totp", &["123456"])]);
    let heard = succeed(&sandbox, &[LOGIN, PASSWORD, "000000", "123456"]).await;
    assert_eq!(
        heard[3],
        "Okta rejected the second factor (api.authn.error.PASSCODE_INVALID: Invalid code. Try again.)"
    );
    let before = asked(&sandbox, Service::Okta, "/idp/idx/challenge/answer");
    let (kind, _) = fail(&sandbox, &[LOGIN, PASSWORD, "1", "2", "3", "123456"]).await;
    assert_eq!(kind, ErrorKind::FactorFailed);
    assert_eq!(asked(&sandbox, Service::Okta, "/idp/idx/challenge/answer") - before, 3);
}

#[tokio::test]
async fn pushes() {
    for number in [0, 42] {
        let heard = succeed(&with(vec![push(3, PushAnswer::Approve, Some(number))]), &[LOGIN, PASSWORD]).await;
        assert_eq!(
            heard[2..],
            ["Sent: Okta Verify. Approve it on the phone".to_owned(), format!("Tap the number {number} on the phone")]
        );
    }
    for (answer, kind, words) in [
        (
            PushAnswer::Reject,
            ErrorKind::FactorFailed,
            "the push was rejected on the phone (oktaverify.rejected: You have chosen to reject",
        ),
        (
            PushAnswer::Timeout,
            ErrorKind::DeadlineExceeded,
            "the push was not answered in time (oktaverify.timeout: Your push notification has expired",
        ),
        (PushAnswer::Never, ErrorKind::DeadlineExceeded, "the push was not answered in time"),
    ] {
        let sandbox = with(vec![push(1, answer, None)]);
        let (failed, message) = fail(&sandbox, &[LOGIN, PASSWORD]).await;
        assert_eq!(failed, kind);
        assert!(message.starts_with(words), "{message}");
        assert!(asked(&sandbox, Service::Okta, "/poll") <= 76);
    }
}

#[tokio::test]
async fn the_person_chooses_among_several_factors() {
    let several = || with(vec![factor("webauthn", &[]), push(0, PushAnswer::Reject, None), factor("sms", &["123456"])]);
    let heard = succeed(&several(), &[LOGIN, PASSWORD, "Phone", "123456"]).await;
    assert_eq!(heard[2], "? Second factor: Okta Verify: push | Phone: code by text message");
    let sandbox = several();
    let person = Person::answering(&[PASSWORD, "123456"]);
    let source = source(&sandbox, Auth::Idx).username(LOGIN).factor(FactorKind::Sms).build().unwrap();
    respond(&source, &*person).await.unwrap();
    let none = super::source(&sandbox, Auth::Idx).username(LOGIN).factor(FactorKind::Email).build().unwrap();
    let error = respond(&none, &*Person::answering(&[PASSWORD])).await.unwrap_err();
    assert!(error.message().starts_with("you have no second factor `email`; you have: "), "{error}");
}

#[tokio::test]
async fn factors_that_need_a_browser_are_reported() {
    for kind in ["webauthn", "signed_nonce"] {
        let (kind, words) = fail(&with(vec![factor(kind, &[])]), &[LOGIN, PASSWORD]).await;
        assert_eq!(kind, ErrorKind::FactorUnsupported);
        assert!(words.starts_with("none of your second factors can be used from a terminal: "), "{words}");
    }
}

#[tokio::test]
async fn accounts_that_need_an_action_first() {
    for (status, kind, words) in [
        (
            UserStatus::LockedOut,
            ErrorKind::AccountLocked,
            "the account is locked (errors.E0000119: Your account is locked.",
        ),
        (UserStatus::PasswordExpired, ErrorKind::AccountActionRequired, "the password has expired"),
        (UserStatus::MfaEnroll, ErrorKind::AccountActionRequired, "Okta requires a second factor, and none is set up"),
    ] {
        let sandbox = sandbox(|world| world.user_mut(LOGIN).unwrap().status = status);
        let (failed, message) = fail(&sandbox, &[LOGIN, PASSWORD]).await;
        assert_eq!(failed, kind);
        assert!(message.starts_with(words), "{message}");
        assert_eq!(sandbox.requests().len(), 3);
    }
    let warned = sandbox(|world| world.user_mut(LOGIN).unwrap().status = UserStatus::PasswordWarn);
    succeed(&warned, &[LOGIN, PASSWORD]).await;
}

#[tokio::test]
async fn a_session_and_a_step_up() {
    let sandbox = sandbox(|world| {
        let user = world.user_mut(LOGIN).unwrap();
        user.app_step_up = true;
        user.factors = vec![factor("token:software:totp", &["111111", "222222"])];
    });
    let heard = succeed(&sandbox, &[LOGIN, PASSWORD, "111111", "111111", "222222"]).await;
    assert!(heard.contains(&"This code was just used: wait for the next one".to_owned()), "{heard:?}");
    // A cached session needs nobody, and one request.
    let store = Arc::new(MemoryStore::new());
    let source = source(&sandbox, Auth::Idx).username(LOGIN).store(store).build().unwrap();
    respond(&source, &*Person::answering(&[PASSWORD, "111111", "222222"])).await.unwrap();
    let before = sandbox.requests().len();
    respond(&source, &*Person::answering(&[])).await.unwrap();
    assert_eq!(sandbox.requests().len() - before, 1);
}
