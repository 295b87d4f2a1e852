//! Each state of Okta's authentication API, driven to its end; requests are counted, and no state goes on for ever.

use std::sync::Arc;

use tempaccess_core::browser::Browser;
use tempaccess_core::okta::{Auth, OktaSource, OktaSourceBuilder};
use tempaccess_core::store::MemoryStore;
use tempaccess_core::{AssertionRequest, AssertionSource, ErrorKind, SamlResponse};
use tempaccess_sandbox::{Factor, Fault, PushAnswer, Sandbox, Service, User, UserStatus, World};
use tempaccess_tests::ada::{factor, push};
use tempaccess_tests::person::{Patience, Person};

const LOGIN: &str = "alan@example.com";
const PASSWORD: &str = "bombe";

fn sandbox(change: impl FnOnce(&mut User)) -> Sandbox {
    let mut world = World::demo();
    change(world.user_mut(LOGIN).unwrap());
    Sandbox::start(world).unwrap()
}

fn source(sandbox: &Sandbox) -> OktaSourceBuilder {
    let source = OktaSource::builder(sandbox.app_url()).auth(Auth::Classic).timer(Arc::new(Patience::default()));
    // Whatever browser this machine has is none of these tests' business.
    source.browser(Browser::new().program("/nowhere/chromium", [""; 0]))
}

async fn sign_in(sandbox: &Sandbox, answers: &[&str]) -> (tempaccess_core::Result<SamlResponse>, Vec<String>) {
    let person = Person::answering(answers);
    let source = source(sandbox).build().unwrap();
    let result = source.saml_response(&AssertionRequest::new(&*person)).await;
    (result, person.heard())
}

/// Signs in successfully and gives back what the person heard.
async fn succeed(sandbox: &Sandbox, answers: &[&str]) -> Vec<String> {
    let (result, heard) = sign_in(sandbox, answers).await;
    assert_eq!(result.unwrap().read().unwrap().subject.unwrap().name, LOGIN);
    heard
}

/// Fails to sign in and gives back the kind and the words.
async fn fail(sandbox: &Sandbox, answers: &[&str]) -> (ErrorKind, String) {
    let error = sign_in(sandbox, answers).await.0.unwrap_err();
    (error.kind(), error.to_string())
}

fn asked(sandbox: &Sandbox, path: &str) -> usize {
    sandbox.requests().iter().filter(|request| request.what.starts_with(path)).count()
}

#[tokio::test]
async fn a_password_alone() {
    let sandbox = sandbox(|_| {});
    let heard = succeed(&sandbox, &[LOGIN, PASSWORD]).await;
    assert_eq!(heard, ["? User name at 127.0.0.1", "? Password of alan@example.com"]);
    assert_eq!(sandbox.requests().len(), 3);
}

#[tokio::test]
async fn a_wrong_password_is_sent_once() {
    let sandbox = sandbox(|_| {});
    let (kind, words) = fail(&sandbox, &[LOGIN, "wrong"]).await;
    assert_eq!(kind, ErrorKind::AuthenticationFailed);
    assert_eq!(words, "Okta rejected the user name or password (E0000004: Authentication failed)");
    assert_eq!(asked(&sandbox, "/api/v1/authn"), 1);
}

#[tokio::test]
async fn a_password_that_nobody_typed_is_not_sent_again_once_it_was_refused() {
    let sandbox = sandbox(|_| {});
    let store = Arc::new(MemoryStore::new());
    let with = |password: &str| {
        let source = source(&sandbox).username(LOGIN).store(store.clone()).password(password.into());
        source.build().unwrap()
    };
    let nobody = Person::answering(&[]);
    let request = AssertionRequest::new(&*nobody);
    for words in
        ["Okta rejected the user name or password", "Okta rejected this password before, so it was not sent again"]
    {
        let error = with("stale").saml_response(&request).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AuthenticationFailed);
        assert!(error.message().starts_with(words), "{error}");
        assert_eq!(asked(&sandbox, "/api/v1/authn"), 1);
    }
    // Another one is, and a person may type what they will.
    with(PASSWORD).saml_response(&request).await.unwrap();
    let person = Person::answering(&["stale"]);
    let typed = source(&sandbox).username(LOGIN).store(store.clone()).build().unwrap();
    typed.saml_response(&AssertionRequest::new(&*person).anew(true)).await.unwrap_err();
    assert_eq!(asked(&sandbox, "/api/v1/authn"), 3);
}

#[tokio::test]
async fn codes_of_every_kind() {
    for kind in ["token:software:totp", "token", "token:hardware", "token:hotp"] {
        let sandbox = sandbox(|user| user.factors = vec![factor(kind, &["123456"])]);
        succeed(&sandbox, &[LOGIN, PASSWORD, " 123456 "]).await;
    }
    for kind in ["sms", "call", "email"] {
        let sandbox = sandbox(|user| user.factors = vec![factor(kind, &["123456"])]);
        let heard = succeed(&sandbox, &[LOGIN, PASSWORD, "123456"]).await;
        assert!(heard[2].starts_with("Sent: code by"), "{heard:?}");
    }
    let sandbox = sandbox(|user| user.factors = vec![factor("question", &["African or European?"])]);
    let heard = succeed(&sandbox, &[LOGIN, PASSWORD, "African or European?"]).await;
    assert_eq!(heard[2], "? What is the airspeed of a swallow?");
}

#[tokio::test]
async fn a_code_is_sent_again_where_the_person_asks_for_it() {
    for kind in ["sms", "call", "email"] {
        let sandbox = sandbox(|user| user.factors = vec![factor(kind, &["123456"])]);
        let heard = succeed(&sandbox, &[LOGIN, PASSWORD, "", "123456"]).await;
        assert!(heard[3].ends_with("(empty: send again)"), "{heard:?}");
        assert!(heard[4].starts_with("Sent again: code by"), "{heard:?}");
        assert_eq!(sandbox.requests().iter().filter(|request| request.what.ends_with("/resend")).count(), 1);
    }
    // A code of an app is not sent, and an empty answer is none.
    let sandbox = sandbox(|user| user.factors = vec![factor("token", &["123456"])]);
    succeed(&sandbox, &[LOGIN, PASSWORD, "", "123456"]).await;
    assert_eq!(asked(&sandbox, "/api/v1/authn/factors"), 1);
}

#[tokio::test]
async fn a_machine_that_is_remembered_is_not_asked_for_the_factor_again() {
    for kind in ["code", "push"] {
        let sandbox = sandbox(|user| {
            user.allows_remembering = true;
            user.factors = vec![factor("token", &["123456"]), push(1, PushAnswer::Approve, None)];
        });
        let store = Arc::new(MemoryStore::new());
        let source = || source(&sandbox).username(LOGIN).store(store.clone());
        let remembering = source().remember_device(true).factor(kind.parse().unwrap()).build().unwrap();
        let person = Person::answering(&[PASSWORD, "123456"]);
        remembering.saml_response(&AssertionRequest::new(&*person)).await.unwrap();
        // Signing out ends the session; the machine stays known.
        remembering.sign_out().await.unwrap();
        let person = Person::answering(&[PASSWORD]);
        source().build().unwrap().saml_response(&AssertionRequest::new(&*person)).await.unwrap();
        assert_eq!(person.heard(), ["? Password of alan@example.com"]);
        // No machine is taken for another.
        let other = self::source(&sandbox).username(LOGIN).store(Arc::new(MemoryStore::new())).build().unwrap();
        let person = Person::answering(&[PASSWORD, "code", "123456"]);
        other.saml_response(&AssertionRequest::new(&*person)).await.unwrap();
    }
}

#[tokio::test]
async fn a_wrong_code_and_then_the_right_one() {
    let sandbox = sandbox(|user| user.factors = vec![factor("token:software:totp", &["123456"])]);
    let heard = succeed(&sandbox, &[LOGIN, PASSWORD, "000000", "123456"]).await;
    assert_eq!(
        heard[3],
        "Okta rejected the second factor (E0000068: Invalid Passcode/Answer; Your passcode doesn't match our records. Please try again.)"
    );
}

#[tokio::test]
async fn three_wrong_codes_are_enough() {
    let sandbox = sandbox(|user| user.factors = vec![factor("token:software:totp", &["123456"])]);
    let (kind, words) = fail(&sandbox, &[LOGIN, PASSWORD, "1", "2", "3", "123456"]).await;
    assert_eq!(kind, ErrorKind::FactorFailed);
    assert!(words.starts_with("Okta rejected the second factor (E0000068"), "{words}");
    assert_eq!(asked(&sandbox, "/api/v1/authn/factors"), 3);
}

#[tokio::test]
async fn a_push_is_approved() {
    let sandbox = sandbox(|user| user.factors = vec![push(3, PushAnswer::Approve, None)]);
    let heard = succeed(&sandbox, &[LOGIN, PASSWORD]).await;
    assert_eq!(heard[2..], ["Sent: Okta Verify push (Sandbox phone). Approve it there"]);
}

#[tokio::test]
async fn the_number_of_a_push_is_shown_once_even_if_it_is_zero() {
    for number in [0, 42] {
        let sandbox = sandbox(|user| user.factors = vec![push(4, PushAnswer::Approve, Some(number))]);
        let heard = succeed(&sandbox, &[LOGIN, PASSWORD]).await;
        let numbers: Vec<_> = heard.iter().filter(|line| line.starts_with("Tap")).collect();
        assert_eq!(numbers, [&format!("Tap the number {number} there")]);
    }
}

#[tokio::test]
async fn a_push_is_rejected_or_not_answered() {
    for (answer, kind, words) in [
        (PushAnswer::Reject, ErrorKind::FactorFailed, "the push was rejected on the phone"),
        (PushAnswer::Timeout, ErrorKind::DeadlineExceeded, "the push was not answered in time"),
        (PushAnswer::Never, ErrorKind::DeadlineExceeded, "the push was not answered in time"),
    ] {
        let sandbox = sandbox(|user| user.factors = vec![push(1, answer, None)]);
        assert_eq!(fail(&sandbox, &[LOGIN, PASSWORD]).await, (kind, words.to_owned()));
        // Five minutes of patience, a look every two seconds, and one request to begin with.
        assert!(asked(&sandbox, "/api/v1/authn/factors") <= 152);
    }
}

#[tokio::test]
async fn the_person_chooses_among_several_factors() {
    let several = |user: &mut User| {
        user.factors = vec![
            factor("webauthn", &[]),
            push(0, PushAnswer::Reject, None),
            factor("token:software:totp", &["123456"]),
        ];
    };
    let heard = succeed(&sandbox(several), &[LOGIN, PASSWORD, "code", "123456"]).await;
    assert_eq!(heard[2], "? Second factor: Okta Verify push (Sandbox phone) | Okta Verify code (alan@example.com)");
    let sandbox = sandbox(several);
    let person = Person::answering(&[PASSWORD, "123456"]);
    let source = source(&sandbox).username(LOGIN).factor("code".parse().unwrap()).build().unwrap();
    source.saml_response(&AssertionRequest::new(&*person)).await.unwrap();
}

#[tokio::test]
async fn a_security_key_alone_is_said_clearly() {
    let sandbox = sandbox(|user| {
        user.factors = vec![factor("webauthn", &[]), Factor { provider: "DUO".to_owned(), ..factor("web", &[]) }];
    });
    let (kind, words) = fail(&sandbox, &[LOGIN, PASSWORD]).await;
    assert_eq!(kind, ErrorKind::FactorUnsupported);
    assert_eq!(
        words,
        "none of your second factors can be used from a terminal: security key or passkey, Duo in the browser"
    );
}

#[tokio::test]
async fn accounts_that_need_something_else_first() {
    for (status, kind, words) in [
        (UserStatus::LockedOut, ErrorKind::AccountLocked, "the account is locked"),
        (UserStatus::PasswordExpired, ErrorKind::AccountActionRequired, "the password has expired"),
        (UserStatus::MfaEnroll, ErrorKind::AccountActionRequired, "Okta requires a second factor, and none is set up"),
    ] {
        let sandbox = sandbox(|user| user.status = status);
        assert_eq!(fail(&sandbox, &[LOGIN, PASSWORD]).await, (kind, words.to_owned()));
        assert_eq!(sandbox.requests().len(), 1);
    }
}

#[tokio::test]
async fn a_warning_of_the_password_is_skipped() {
    let sandbox = sandbox(|user| user.status = UserStatus::PasswordWarn);
    let heard = succeed(&sandbox, &[LOGIN, PASSWORD]).await;
    assert_eq!(heard[2], "Okta: your password expires soon");
}

#[tokio::test]
async fn a_step_up_is_never_answered_with_the_code_just_used() {
    let sandbox = sandbox(|user| {
        user.app_step_up = true;
        user.factors = vec![factor("token:software:totp", &["111111", "222222"])];
    });
    let heard = succeed(&sandbox, &[LOGIN, PASSWORD, "111111", "111111", "222222"]).await;
    assert!(heard.contains(&"This code was just used: wait for the next one".to_owned()), "{heard:?}");
    assert_eq!(asked(&sandbox, "/api/v1/authn/factors"), 2);
}

#[tokio::test]
async fn a_rate_limit_is_waited_for_as_told() {
    let limited = sandbox(|_| {});
    limited.fail_next(Service::Okta, Fault::RateLimit(7));
    limited.fail_next(Service::Okta, Fault::RateLimit(1));
    succeed(&limited, &[LOGIN, PASSWORD]).await;

    let closed = sandbox(|_| {});
    closed.fail_next(Service::Okta, Fault::RateLimit(3600));
    let (kind, words) = fail(&closed, &[LOGIN, PASSWORD]).await;
    assert_eq!(kind, ErrorKind::RateLimited);
    assert!(words.starts_with("Okta's rate limit was reached (E0000047: API call exceeded"), "{words}");
    assert_eq!(closed.requests().len(), 1);
}

#[tokio::test]
async fn answers_that_are_not_oktas() {
    let sandbox = sandbox(|_| {});
    sandbox.fail_next(Service::Okta, Fault::ErrorPage(502));
    let (kind, words) = fail(&sandbox, &[LOGIN, PASSWORD]).await;
    assert_eq!(kind, ErrorKind::IdentityProviderError);
    assert_eq!(words, "`127.0.0.1` answered with HTTP status 502 and without an error that Okta would send");
    sandbox.fail_next(Service::Okta, Fault::ErrorPage(200));
    let (kind, words) = fail(&sandbox, &[LOGIN, PASSWORD]).await;
    assert_eq!(kind, ErrorKind::IdentityProviderError);
    assert_eq!(words, "`127.0.0.1` is not an Okta org: its answer is not JSON");
}

#[tokio::test]
async fn a_link_that_leads_nowhere() {
    let sandbox = sandbox(|_| {});
    let person = Person::answering(&[LOGIN, PASSWORD]);
    let link = sandbox.app_url().replace("/0oa", "/0ob");
    let source = OktaSource::builder(link).auth(Auth::Classic).build().unwrap();
    let error = source.saml_response(&AssertionRequest::new(&*person)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IdentityProviderRefused);
    assert_eq!(error.message(), "`127.0.0.1` has no app at this link");
}
