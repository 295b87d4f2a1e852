//! The authentication API of the Classic Engine: every state is driven to its end, and requests are counted.

use std::sync::Arc;

use tempaccess_core::source::browser::Browser;
use tempaccess_core::source::okta::{Auth, OktaSource, OktaSourceBuilder};
use tempaccess_core::store::MemoryStore;
use tempaccess_core::{AssertionSource, ErrorKind, SamlResponse, source::AssertionRequest};
use tempaccess_sandbox::{App, Factor, Fault, PushAnswer, Sandbox, Service, User, UserStatus, World};
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
    // A browser of this machine must not be used.
    source.browser(Browser::new().program("/nowhere/chromium", [""; 0]))
}

async fn sign_in(sandbox: &Sandbox, answers: &[&str]) -> (tempaccess_core::Result<SamlResponse>, Vec<String>) {
    let person = Person::answering(answers);
    let source = source(sandbox).build().unwrap();
    let result = source.saml_response(&AssertionRequest::new(&*person)).await;
    (result, person.heard())
}

/// Signs in successfully. Returns what the person was asked and told.
async fn succeed(sandbox: &Sandbox, answers: &[&str]) -> Vec<String> {
    let (result, heard) = sign_in(sandbox, answers).await;
    assert_eq!(result.unwrap().read().unwrap().subject.unwrap().name, LOGIN);
    heard
}

/// Fails to sign in. Returns the kind and the message of the error.
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
async fn a_configured_password_that_was_rejected_is_not_sent_again() {
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
    // A different password is sent, and one that a person enters.
    with(PASSWORD).saml_response(&request).await.unwrap();
    let person = Person::answering(&["stale"]);
    let typed = source(&sandbox).username(LOGIN).store(store.clone()).build().unwrap();
    typed.saml_response(&AssertionRequest::new(&*person).force_authn()).await.unwrap_err();
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
async fn an_empty_answer_sends_a_code_again() {
    for kind in ["sms", "call", "email"] {
        let sandbox = sandbox(|user| user.factors = vec![factor(kind, &["123456"])]);
        let heard = succeed(&sandbox, &[LOGIN, PASSWORD, "", "123456"]).await;
        assert!(heard[3].ends_with("(empty: send again)"), "{heard:?}");
        assert!(heard[4].starts_with("Sent again: code by"), "{heard:?}");
        assert_eq!(sandbox.requests().iter().filter(|request| request.what.ends_with("/resend")).count(), 1);
    }
    // A code from an app cannot be sent again: the question is repeated.
    let sandbox = sandbox(|user| user.factors = vec![factor("token", &["123456"])]);
    succeed(&sandbox, &[LOGIN, PASSWORD, "", "123456"]).await;
    assert_eq!(asked(&sandbox, "/api/v1/authn/factors"), 1);
}

#[tokio::test]
async fn a_remembered_device_is_not_asked_for_the_factor_again() {
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
        // Signing out ends the session. The device stays remembered.
        remembering.sign_out().await.unwrap();
        let person = Person::answering(&[PASSWORD]);
        source().build().unwrap().saml_response(&AssertionRequest::new(&*person)).await.unwrap();
        assert_eq!(person.heard(), ["? Password of alan@example.com"]);
        // Another device is not remembered.
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
async fn three_wrong_codes_end_the_sign_in() {
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
    assert_eq!(heard[2..], ["Sent: Okta Verify push (Sandbox phone). Approve it on the phone"]);
}

#[tokio::test]
async fn the_number_of_a_push_is_shown_once_even_if_it_is_zero() {
    for number in [0, 42] {
        let sandbox = sandbox(|user| user.factors = vec![push(4, PushAnswer::Approve, Some(number))]);
        let heard = succeed(&sandbox, &[LOGIN, PASSWORD]).await;
        let numbers: Vec<_> = heard.iter().filter(|line| line.starts_with("Tap")).collect();
        assert_eq!(numbers, [&format!("Tap the number {number} on the phone")]);
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
        // One request to send it, and polls every two seconds for five minutes.
        assert!(asked(&sandbox, "/api/v1/authn/factors") <= 151);
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
async fn a_security_key_alone_needs_a_browser() {
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
async fn accounts_that_need_an_action_first() {
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
async fn a_password_warning_is_skipped() {
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
async fn a_rate_limit_is_waited_for() {
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
async fn answers_of_other_servers_are_reported() {
    let sandbox = sandbox(|_| {});
    sandbox.fail_next(Service::Okta, Fault::ErrorPage(502));
    let (kind, words) = fail(&sandbox, &[LOGIN, PASSWORD]).await;
    assert_eq!(kind, ErrorKind::IdentityProviderError);
    assert_eq!(words, "unexpected HTTP status 502 from `127.0.0.1`");
    sandbox.fail_next(Service::Okta, Fault::ErrorPage(200));
    let (kind, words) = fail(&sandbox, &[LOGIN, PASSWORD]).await;
    assert_eq!(kind, ErrorKind::IdentityProviderError);
    assert_eq!(words, "`127.0.0.1` is not an Okta org: its answer is not JSON");
}

#[tokio::test]
async fn a_link_of_an_unknown_app_is_reported() {
    let sandbox = sandbox(|_| {});
    let person = Person::answering(&[LOGIN, PASSWORD]);
    let link = sandbox.app_url().replace("/0oa", "/0ob");
    let source = OktaSource::builder(link).auth(Auth::Classic).build().unwrap();
    let error = source.saml_response(&AssertionRequest::new(&*person)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IdentityProviderRefused);
    assert_eq!(error.message(), "`127.0.0.1` has no app at this link");
}

fn app(id: &str, label: &str, name: &str) -> App {
    App { id: id.to_owned(), label: label.to_owned(), name: name.to_owned() }
}

/// A sandbox whose dashboard has these apps, too.
fn with_apps(pipeline: &str, other_apps: Vec<App>, change: impl FnOnce(&mut User)) -> Sandbox {
    let mut world = World { pipeline: pipeline.to_owned(), other_apps, ..World::demo() };
    change(world.user_mut(LOGIN).unwrap());
    Sandbox::start(world).unwrap()
}

/// A source that is the org alone.
fn org_source(sandbox: &Sandbox, auth: Auth) -> OktaSourceBuilder {
    let source = OktaSource::builder(sandbox.okta_url()).auth(auth).timer(Arc::new(Patience::default()));
    source.username(LOGIN).browser(Browser::new().program("/nowhere/chromium", [""; 0]))
}

#[tokio::test]
async fn the_org_alone_is_a_source() {
    for (pipeline, auth) in [("v1", Auth::Auto), ("v1", Auth::Classic), ("idx", Auth::Classic), ("idx", Auth::Idx)] {
        let sandbox = with_apps(pipeline, vec![app("0oaslack", "Slack", "slack")], |_| {});
        let person = Person::answering(&[PASSWORD]);
        let source = org_source(&sandbox, auth).build().unwrap();
        let response = source.saml_response(&AssertionRequest::new(&*person)).await.unwrap();
        assert_eq!(response.read().unwrap().subject.unwrap().name, LOGIN);
        let questions = person.heard().into_iter().filter(|line| line.starts_with('?')).count();
        assert_eq!(questions, 1, "{:?}", person.heard());
    }
    // So is the address that the browser shows on the dashboard.
    let sandbox = sandbox(|_| {});
    let person = Person::answering(&[LOGIN, PASSWORD]);
    let source = OktaSource::builder(format!("{}/app/UserHome", sandbox.okta_url())).auth(Auth::Classic).build();
    source.unwrap().saml_response(&AssertionRequest::new(&*person)).await.unwrap();
}

#[tokio::test]
async fn one_of_several_apps_is_chosen_once_in_a_sign_in() {
    let apps = || vec![app("0oaslack", "Slack", "slack"), app("0oasecond", "AWS Second", "amazon_aws")];
    let with_step_up = |user: &mut User| {
        user.app_step_up = true;
        user.factors = vec![factor("token:software:totp", &["111111", "222222"])];
    };
    for (pipeline, auth) in [("v1", Auth::Classic), ("idx", Auth::Idx)] {
        let sandbox = with_apps(pipeline, apps(), with_step_up);
        let person = Person::answering(&[PASSWORD, "111111", "Second", "222222"]);
        let store = Arc::new(MemoryStore::new());
        let source = || org_source(&sandbox, auth).store(store.clone()).build().unwrap();
        source().saml_response(&AssertionRequest::new(&*person)).await.unwrap();
        let question = format!("? AWS app: AWS Second (0oasecond) | AWS ({})", sandbox.world().app);
        assert_eq!(person.heard().iter().filter(|line| **line == question).count(), 1, "{:?}", person.heard());
        assert!(asked(&sandbox, "/home/amazon_aws/0oasecond/272") > 0);
        assert_eq!(asked(&sandbox, &format!("/home/amazon_aws/{}", sandbox.world().app)), 0);

        // With the cached session, nobody has to sign in. The apps are named to a caller that nobody can answer.
        let nobody = Person::answering(&[]);
        let error = source().saml_response(&AssertionRequest::new(&*nobody)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InteractionRequired);
        assert_eq!(error.message(), "several AWS apps are assigned to you");
        let link = format!("{}/home/amazon_aws/0oasecond/272", sandbox.okta_url());
        assert!(error.hint().unwrap().contains(&link), "{:?}", error.hint());
    }
}

#[tokio::test]
async fn a_person_without_an_aws_app_is_told_who_assigns_it() {
    for (pipeline, auth) in [("v1", Auth::Classic), ("idx", Auth::Idx)] {
        let sandbox = with_apps(pipeline, vec![app("0oaslack", "Slack", "slack")], |user| user.has_aws_app = false);
        let person = Person::answering(&[PASSWORD]);
        let source = org_source(&sandbox, auth).build().unwrap();
        let error = source.saml_response(&AssertionRequest::new(&*person)).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::IdentityProviderRefused);
        assert_eq!(error.message(), "no AWS app is assigned to you at `127.0.0.1`");
        assert!(error.hint().unwrap().contains("AWS Account Federation > Assignments"));
        // The link of the app leads to the same advice.
        let source = OktaSource::builder(sandbox.app_url()).auth(auth).username(LOGIN).build().unwrap();
        let person = Person::answering(&[PASSWORD]);
        let error = source.saml_response(&AssertionRequest::new(&*person)).await.unwrap_err();
        assert_eq!(error.message(), "Okta does not let you use the app");
    }
}

#[tokio::test]
async fn a_step_up_may_send_a_second_push_after_an_approved_one() {
    let sandbox = sandbox(|user| {
        user.app_step_up = true;
        user.factors = vec![push(1, PushAnswer::Approve, None)];
    });
    let heard = succeed(&sandbox, &[LOGIN, PASSWORD]).await;
    assert_eq!(heard.iter().filter(|line| line.starts_with("Sent: ")).count(), 2);
}
