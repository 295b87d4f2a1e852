//! The ways into an org but the authentication API: which one is taken, device authorization, the Identity Engine. Each
//! state is driven to its end, and requests are counted.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use tempaccess_core::browser::Browser;
use tempaccess_core::net::{HttpTransport, Transport, TransportError, TransportErrorKind};
use tempaccess_core::okta::{Auth, FactorKind, OktaSource, OktaSourceBuilder};
use tempaccess_core::store::{EntryKind, MemoryStore, Store};
use tempaccess_core::{
    AssertionRequest, AssertionSource, ErrorKind, Prompter, Result, SamlResponse, SecretString, Visit,
};
use tempaccess_sandbox::{App, Client, Factor, Fault, PushAnswer, Sandbox, Service, UserStatus, World};
use tempaccess_tests::ada::{asked, factor, push};
use tempaccess_tests::browse;
use tempaccess_tests::person::{Patience, Person};

const LOGIN: &str = "alan@example.com";
const PASSWORD: &str = "bombe";
const CLIENT: &str = "0oa1native2app3id45";

/// A person who goes to the page that they are sent to, and does this there.
#[derive(Debug)]
struct Visitor {
    person: Arc<Person>,
    does: Option<&'static [(&'static str, &'static str)]>,
    went: Mutex<Vec<Visit>>,
}

const ALLOW: &[(&str, &str)] = &[("username", LOGIN), ("password", PASSWORD)];
const DECLINE: &[(&str, &str)] = &[("decline", "yes")];

impl Visitor {
    fn who(does: Option<&'static [(&'static str, &'static str)]>) -> Self {
        Self { person: Person::answering(&["Second"]), does, went: Mutex::default() }
    }

    fn went(&self) -> usize {
        self.went.lock().unwrap().len()
    }
}

#[async_trait]
impl Prompter for Visitor {
    async fn text(&self, question: &str) -> Result<String> {
        self.person.text(question).await
    }

    async fn secret(&self, question: &str) -> Result<SecretString> {
        self.person.secret(question).await
    }

    async fn choose(&self, question: &str, choices: &[String]) -> Result<usize> {
        self.person.choose(question, choices).await
    }

    async fn visit(&self, page: &Visit) -> Result<()> {
        self.went.lock().unwrap().push(page.clone());
        if let Some(does) = self.does {
            let (page, code) = page.url().split_once("?user_code=").unwrap();
            browse::submit(page, &[&[("user_code", code)], does].concat()).await;
        }
        Ok(())
    }

    fn tell(&self, message: &str) {
        self.person.tell(message);
    }
}

fn world(pipeline: &str, change: impl FnOnce(&mut World)) -> World {
    let mut world = World { pipeline: pipeline.to_owned(), ..World::demo() };
    change(&mut world);
    world
}

fn sandbox(change: impl FnOnce(&mut World)) -> Sandbox {
    Sandbox::start(world("idx", change)).unwrap()
}

fn source(sandbox: &Sandbox, auth: Auth) -> OktaSourceBuilder {
    let source = OktaSource::builder(sandbox.app_url()).timer(Arc::new(Patience::default())).auth(auth);
    source.client_id(CLIENT).browser(no_browser())
}

/// Whatever browser this machine has is none of these tests' business.
fn no_browser() -> Browser {
    Browser::new().program("/nowhere/chromium", [""; 0])
}

async fn respond(source: &OktaSource, prompter: &dyn Prompter) -> Result<SamlResponse> {
    source.saml_response(&AssertionRequest::new(prompter)).await
}

/// Signs in over device authorization as the person at the page does; gives back kind and words of what went wrong.
async fn fail(sandbox: &Sandbox, visitor: &Visitor) -> (ErrorKind, String) {
    let source = source(sandbox, Auth::Device).build().unwrap();
    let error = respond(&source, visitor).await.unwrap_err();
    (error.kind(), format!("{error}\n{}", error.hint().unwrap_or_default()))
}

fn client(sandbox: &mut World) -> &mut Client {
    &mut sandbox.clients[0]
}

mod choice {
    use super::*;

    #[tokio::test]
    async fn the_org_is_asked_once_and_remembered() {
        let sandbox = Sandbox::start(world("v1", |_| {})).unwrap();
        let store = Arc::new(MemoryStore::new());
        for times in 1..=2 {
            let source = source(&sandbox, Auth::Auto).username(LOGIN).store(store.clone()).build().unwrap();
            let person = Person::answering(&[PASSWORD]);
            source.saml_response(&AssertionRequest::new(&*person).anew(true)).await.unwrap();
            assert_eq!(
                person.heard()[0],
                "127.0.0.1 has the Classic Engine: signing in with name and password; `--auth` chooses another way"
            );
            assert_eq!(asked(&sandbox, Service::Okta, "okta-organization"), 1, "{times}");
        }
    }

    #[tokio::test]
    async fn an_org_with_the_identity_engine_is_signed_in_to_with_the_persons_browser() {
        let sandbox = sandbox(|_| {});
        let visitor = Visitor::who(Some(ALLOW));
        let source = source(&sandbox, Auth::Auto).build().unwrap();
        respond(&source, &visitor).await.unwrap();
        assert_eq!(
            visitor.person.heard()[0],
            "127.0.0.1 has the Identity Engine: signing in with your own browser; `--auth` chooses another way"
        );
    }

    #[tokio::test]
    async fn an_org_that_was_upgraded_is_noticed() {
        let store = Arc::new(MemoryStore::new());
        let of = |sandbox: &Sandbox| {
            let source = OktaSource::builder(sandbox.app_url()).timer(Arc::new(Patience::default()));
            source.browser(no_browser()).username(LOGIN).store(store.clone()).build().unwrap()
        };
        let org = Sandbox::start(world("v1", |world| {
            let user = world.user_mut(LOGIN).unwrap();
            user.app_step_up = true;
            user.factors = vec![factor("sms", &["111111", "222222"])];
        }));
        let org = org.unwrap();
        let answers = [PASSWORD, "111111", "222222"];
        respond(&of(&org), &*Person::answering(&answers)).await.unwrap();
        of(&org).sign_out().await.unwrap();
        org.upgrade();
        // The password still goes the old way; the step that the app asks for is the Identity Engine's.
        respond(&of(&org), &*Person::answering(&answers)).await.unwrap();
        assert_eq!(asked(&org, Service::Okta, "/idp/idx/introspect"), 1);
        assert_eq!(asked(&org, Service::Okta, "okta-organization"), 1);
        // From then on the org is known for what it is.
        let person = Person::answering(&[]);
        let again = AssertionRequest::new(&*person).anew(true);
        assert_eq!(of(&org).saml_response(&again).await.unwrap_err().kind(), ErrorKind::InteractionRequired);
        assert!(person.heard()[0].contains("Identity Engine"), "{:?}", person.heard());
    }

    #[test]
    fn a_way_that_needs_a_client_says_so() {
        let error = OktaSource::builder("https://acme.okta.com/home/amazon_aws/0oa1/272").auth(Auth::Device).build();
        assert_eq!(error.unwrap_err().message(), "device authorization needs a client id");
    }
}

mod device {
    use super::*;

    #[tokio::test]
    async fn the_person_signs_in_elsewhere() {
        let sandbox = sandbox(|_| {});
        let visitor = Visitor::who(Some(ALLOW));
        let source = source(&sandbox, Auth::Device).build().unwrap();
        let response = respond(&source, &visitor).await.unwrap();
        assert_eq!(response.read().unwrap().subject.unwrap().name, LOGIN);
        let went = visitor.went.lock().unwrap()[0].to_string();
        let code = went.rsplit_once(' ').unwrap().1;
        assert_eq!(
            went,
            format!("Sign in at {}/activate?user_code={code}\nthe code there is {code}", sandbox.okta_url())
        );
    }

    #[tokio::test]
    async fn the_next_sign_ins_are_silent() {
        let sandbox = sandbox(|_| {});
        let store = Arc::new(MemoryStore::new());
        let clock = Arc::new(Patience::default());
        let source = || source(&sandbox, Auth::Device).username(LOGIN).store(store.clone()).timer(clock.clone());
        respond(&source().build().unwrap(), &Visitor::who(Some(ALLOW))).await.unwrap();
        let nobody = Visitor::who(None);
        let mut before = sandbox.requests().len();
        let mut requests = || {
            let now = sandbox.requests().len();
            now - std::mem::replace(&mut before, now)
        };
        // By the session.
        respond(&source().build().unwrap(), &nobody).await.unwrap();
        assert_eq!(requests(), 1);
        // By the tokens, where the session has ended: app, sign-in page, web SSO token, session, app.
        let session = store.list().unwrap().into_iter().find(|(_, about)| about.kind == EntryKind::Session).unwrap();
        store.remove(&session.0).unwrap();
        respond(&source().build().unwrap(), &nobody).await.unwrap();
        assert_eq!(requests(), 3);
        // By new tokens, where the old ones have ended; the refresh token is good once, and the next one is kept.
        for _ in 0..2 {
            store.remove(&session.0).unwrap();
            tempaccess_core::Timer::sleep(&*clock, std::time::Duration::from_secs(3600)).await;
            sandbox.clock().advance(jiff::SignedDuration::from_hours(1));
            respond(&source().build().unwrap(), &nobody).await.unwrap();
            assert_eq!(requests(), 4);
        }
        assert_eq!(nobody.went(), 0);
    }

    #[tokio::test]
    async fn signing_out_revokes_what_is_kept() {
        let sandbox = sandbox(|_| {});
        let store = Arc::new(MemoryStore::new());
        let source = source(&sandbox, Auth::Device).username(LOGIN).store(store.clone()).build().unwrap();
        respond(&source, &Visitor::who(Some(ALLOW))).await.unwrap();
        assert!(source.sign_out().await.unwrap());
        assert_eq!(asked(&sandbox, Service::Okta, "/oauth2/v1/revoke"), 1);
        let kept: Vec<_> = store.list().unwrap().into_iter().map(|(_, about)| about.kind).collect();
        assert_eq!(kept, [EntryKind::Org]);
        assert!(!source.sign_out().await.unwrap());
        // What cannot be given back is said, and forgotten all the same.
        respond(&source, &Visitor::who(Some(ALLOW))).await.unwrap();
        sandbox.fail_next(Service::Okta, Fault::ErrorPage(500));
        assert_eq!(source.sign_out().await.unwrap_err().kind(), ErrorKind::IdentityProviderError);
        assert_eq!(store.list().unwrap().len(), 1);
    }

    #[tokio::test]
    async fn tokens_that_somebody_else_refreshed_are_theirs_to_use() {
        let sandbox = sandbox(|_| {});
        let store = Arc::new(MemoryStore::new());
        let clock = Arc::new(Patience::default());
        let source = || source(&sandbox, Auth::Device).username(LOGIN).store(store.clone()).timer(clock.clone());
        respond(&source().build().unwrap(), &Visitor::who(Some(ALLOW))).await.unwrap();
        let session = store.list().unwrap().into_iter().find(|(_, about)| about.kind == EntryKind::Session).unwrap();
        tempaccess_core::Timer::sleep(&*clock, std::time::Duration::from_secs(3600)).await;
        sandbox.clock().advance(jiff::SignedDuration::from_hours(1));
        store.remove(&session.0).unwrap();
        let other = source().build().unwrap();
        let late =
            source().transport(Arc::new(Overtaken { by: other, http: HttpTransport::default() })).build().unwrap();
        let nobody = Visitor::who(None);
        respond(&late, &nobody).await.unwrap();
        assert_eq!(nobody.went(), 0);
        let refreshed = sandbox.requests().iter().filter(|request| request.what == "/oauth2/v1/token").count();
        // One for the person's sign-in, then two that refresh, of which one is refused; and two for the app.
        assert_eq!(refreshed, 1 + 1 + 2 + 2, "{:?}", sandbox.requests());
    }

    /// Somebody else refreshes the tokens just before this one would.
    #[derive(Debug)]
    struct Overtaken {
        by: OktaSource,
        http: HttpTransport,
    }

    #[async_trait]
    impl Transport for Overtaken {
        async fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, TransportError> {
            if String::from_utf8_lossy(request.body()).contains("grant_type=refresh_token") {
                respond(&self.by, &Visitor::who(None)).await.unwrap();
            }
            self.http.send(request).await
        }
    }

    #[tokio::test]
    async fn tokens_that_are_good_no_more_lead_to_a_new_sign_in() {
        let sandbox = sandbox(|_| {});
        let store = Arc::new(MemoryStore::new());
        let clock = Arc::new(Patience::default());
        let source = || source(&sandbox, Auth::Device).username(LOGIN).store(store.clone()).timer(clock.clone());
        respond(&source().build().unwrap(), &Visitor::who(Some(ALLOW))).await.unwrap();
        sandbox.end_sessions();
        let visitor = Visitor::who(Some(ALLOW));
        respond(&source().build().unwrap(), &visitor).await.unwrap();
        assert_eq!(visitor.went(), 1);
    }

    #[tokio::test]
    async fn the_app_is_looked_for_where_none_is_named() {
        let several = |world: &mut World| {
            let app = |id: &str, label: &str, name: &str| App { id: id.into(), label: label.into(), name: name.into() };
            world.other_apps = vec![
                app("0oaslack", "Slack", "slack"),
                app("0oamail", "Mail", "mail"),
                app("0oawiki", "Wiki", "wiki"),
                app("0oasecond", "AWS Second", "amazon_aws"),
            ];
        };
        let alone = sandbox(|_| {});
        let visitor = Visitor::who(Some(ALLOW));
        let of_org = |sandbox: &Sandbox| {
            let source = OktaSource::builder(sandbox.okta_url()).timer(Arc::new(Patience::default()));
            source.auth(Auth::Device).client_id(CLIENT).build().unwrap()
        };
        respond(&of_org(&alone), &visitor).await.unwrap();
        assert!(!visitor.person.heard().iter().any(|line| line.starts_with('?')), "{:?}", visitor.person.heard());

        let two = sandbox(several);
        let visitor = Visitor::who(Some(ALLOW));
        respond(&of_org(&two), &visitor).await.unwrap();
        assert_eq!(visitor.person.heard()[0], format!("? AWS app: AWS Second (0oasecond) | AWS ({})", two.world().app));
        assert_eq!(asked(&two, Service::Okta, "/api/v1/users/me/appLinks"), 3);
    }

    #[tokio::test]
    async fn it_waits_as_long_as_it_is_told() {
        let slow = sandbox(|world| client(world).slow_downs = 3);
        let timer = Arc::new(Patience::default());
        let source = source(&slow, Auth::Device).timer(timer.clone()).build().unwrap();
        let before = tempaccess_core::Clock::now(&*timer);
        respond(&source, &Visitor::who(Some(ALLOW))).await.unwrap();
        // 5 s, and 5 more each time: 5 + 10 + 15 + 20.
        let waited = tempaccess_core::Clock::now(&*timer).duration_since(before).as_secs();
        assert_eq!(waited, 50);
    }

    #[tokio::test]
    async fn nobody_comes_or_nobody_may() {
        let idle = sandbox(|_| {});
        let (kind, words) = fail(&idle, &Visitor::who(None)).await;
        assert_eq!(kind, ErrorKind::DeadlineExceeded);
        assert!(words.starts_with("nobody signed in at the page in time"), "{words}");
        assert!(asked(&idle, Service::Okta, "/oauth2/v1/token") <= 61);

        let (kind, words) = fail(&sandbox(|_| {}), &Visitor::who(Some(DECLINE))).await;
        assert_eq!(kind, ErrorKind::IdentityProviderRefused);
        assert!(words.starts_with("the sign-in was declined, or a policy forbids it (access_denied: "), "{words}");
    }

    #[tokio::test]
    async fn the_browser_was_somebody_elses() {
        let sandbox = sandbox(|_| {});
        let store = Arc::new(MemoryStore::new());
        let named = |name: &str| source(&sandbox, Auth::Device).username(name).store(store.clone()).build().unwrap();
        let error = respond(&named("ada@example.com"), &Visitor::who(Some(ALLOW))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AuthenticationFailed);
        assert_eq!(error.message(), "the browser was signed in as `alan@example.com`, not as `ada@example.com`");
        // What was given is given back, and nothing of it kept.
        assert_eq!(asked(&sandbox, Service::Okta, "/oauth2/v1/revoke"), 1);
        assert!(store.list().unwrap().iter().all(|(_, about)| about.kind == EntryKind::Org));
        // A name without its domain is the same person's.
        respond(&named("Alan"), &Visitor::who(Some(ALLOW))).await.unwrap();
    }

    #[tokio::test]
    async fn an_okta_that_does_not_say_who_signed_in_is_not_trusted_for_later() {
        let sandbox = sandbox(|world| client(world).hides_names = true);
        let store = Arc::new(MemoryStore::new());
        let source = source(&sandbox, Auth::Device).username(LOGIN).store(store.clone()).build().unwrap();
        respond(&source, &Visitor::who(Some(ALLOW))).await.unwrap();
        assert!(store.list().unwrap().iter().all(|(_, about)| about.kind == EntryKind::Org));
    }

    #[tokio::test]
    async fn the_network_may_be_gone_for_a_while() {
        let sandbox = sandbox(|world| client(world).slow_downs = 2);
        let visitor = Visitor::who(Some(ALLOW));
        let transport = Arc::new(Blinking::default());
        let source = source(&sandbox, Auth::Device).transport(transport).build().unwrap();
        respond(&source, &visitor).await.unwrap();
    }

    /// A network that is gone for every third request of a token.
    #[derive(Debug, Default)]
    struct Blinking {
        http: HttpTransport,
        tokens: std::sync::atomic::AtomicUsize,
    }

    #[async_trait]
    impl Transport for Blinking {
        async fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, TransportError> {
            let is_poll = String::from_utf8_lossy(request.body()).contains("device_code");
            if is_poll && self.tokens.fetch_add(1, std::sync::atomic::Ordering::Relaxed).is_multiple_of(3) {
                return Err(TransportError::new(TransportErrorKind::Connect, "the network is gone"));
            }
            self.http.send(request).await
        }
    }

    /// What an administrator has not set, and the setting that the error names.
    #[tokio::test]
    async fn each_refusal_names_the_setting() {
        type Change = fn(&mut World);
        let cases: [(Change, &str, &str); 7] = [
            (|world| world.clients.clear(), "Okta does not know the client", "`client_id`"),
            (
                |world| client(world).device_authorization = false,
                "the client may not sign people in this way",
                "Grant type",
            ),
            (
                |world| client(world).token_exchange = false,
                "the client may not sign people in this way",
                "Token Exchange",
            ),
            (
                |world| client(world).scopes.retain(|scope| scope != "okta.apps.sso"),
                "the client may not have what it asks for",
                "Okta API Scopes",
            ),
            (
                |world| client(world).allowed_by_app = false,
                "the AWS app does not let this client ask for a token",
                "Allowed Web SSO Client",
            ),
            (
                |world| world.user_mut(LOGIN).unwrap().app_step_up = true,
                "the sign-in is not strong or fresh enough for the AWS app",
                "Security > Authentication policies",
            ),
            (|world| world.app = "0oaelsewhere".into(), "Okta does not know the AWS app, or it is not yours", "tile"),
        ];
        for (change, what, setting) in cases {
            let sandbox = sandbox(change);
            let link = sandbox.app_url().replace("0oaelsewhere", "0oa1sandbox2app3id45");
            let source =
                OktaSource::builder(link).timer(Arc::new(Patience::default())).auth(Auth::Device).client_id(CLIENT);
            let error = respond(&source.build().unwrap(), &Visitor::who(Some(ALLOW))).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::IdentityProviderRefused, "{error}");
            assert!(error.message().starts_with(what), "{error}");
            assert!(error.hint().unwrap().contains(setting), "{:?}", error.hint());
        }
    }

    #[tokio::test]
    async fn a_client_without_refresh_tokens_signs_in_all_the_same() {
        let sandbox = sandbox(|world| client(world).scopes.retain(|scope| scope != "offline_access"));
        let source = source(&sandbox, Auth::Device).build().unwrap();
        respond(&source, &Visitor::who(Some(ALLOW))).await.unwrap();
        assert_eq!(asked(&sandbox, Service::Okta, "/oauth2/v1/device/authorize"), 2);
    }

    #[tokio::test]
    async fn a_rate_limit_and_a_broken_answer() {
        let sandbox = sandbox(|_| {});
        sandbox.fail_next(Service::Okta, Fault::RateLimit(7));
        let source = source(&sandbox, Auth::Device).build().unwrap();
        respond(&source, &Visitor::who(Some(ALLOW))).await.unwrap();
        sandbox.fail_next(Service::Okta, Fault::ErrorPage(502));
        let (kind, words) = fail(&sandbox, &Visitor::who(Some(ALLOW))).await;
        assert_eq!(kind, ErrorKind::IdentityProviderError);
        assert!(words.starts_with("`127.0.0.1` answered with HTTP status 502"), "{words}");
    }
}

mod idx {
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
            assert_eq!(words, "Okta does not accept the name and password (Authentication failed [errors.E0000004])");
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
            "Okta does not accept the second factor (Invalid code. Try again. [api.authn.error.PASSCODE_INVALID])"
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
            assert_eq!(heard[2..], ["Sent: Okta Verify".to_owned(), format!("Tap the number {number} there")]);
        }
        for (answer, kind, words) in [
            (PushAnswer::Reject, ErrorKind::FactorFailed, "the push was not approved (You have chosen to reject"),
            (
                PushAnswer::Timeout,
                ErrorKind::FactorFailed,
                "the push was not approved (Your push notification has expired",
            ),
            (PushAnswer::Never, ErrorKind::DeadlineExceeded, "nobody answered the push in time"),
        ] {
            let sandbox = with(vec![push(1, answer, None)]);
            let (failed, said) = fail(&sandbox, &[LOGIN, PASSWORD]).await;
            assert_eq!(failed, kind);
            assert!(said.starts_with(words), "{said}");
            assert!(asked(&sandbox, Service::Okta, "/poll") <= 76);
        }
    }

    #[tokio::test]
    async fn the_person_chooses_among_several_factors() {
        let several =
            || with(vec![factor("webauthn", &[]), push(0, PushAnswer::Reject, None), factor("sms", &["123456"])]);
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
    async fn what_needs_a_browser_says_so() {
        for kind in ["webauthn", "signed_nonce"] {
            let (kind, words) = fail(&with(vec![factor(kind, &[])]), &[LOGIN, PASSWORD]).await;
            assert_eq!(kind, ErrorKind::FactorUnsupported);
            assert!(words.starts_with("no second factor of yours can be used from a terminal: "), "{words}");
        }
    }

    #[tokio::test]
    async fn accounts_that_need_something_else_first() {
        for (status, kind, words) in [
            (UserStatus::LockedOut, ErrorKind::AccountLocked, "the account is locked (Your account is locked."),
            (UserStatus::PasswordExpired, ErrorKind::AccountActionRequired, "the password has expired"),
            (UserStatus::MfaEnroll, ErrorKind::AccountActionRequired, "Okta wants you to set up a second factor first"),
        ] {
            let sandbox = sandbox(|world| world.user_mut(LOGIN).unwrap().status = status);
            let (failed, said) = fail(&sandbox, &[LOGIN, PASSWORD]).await;
            assert_eq!(failed, kind);
            assert!(said.starts_with(words), "{said}");
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
        assert!(heard.contains(&"That code was used a moment ago: wait for the next one".to_owned()), "{heard:?}");
        // A session from before is silent: one request.
        let store = Arc::new(MemoryStore::new());
        let source = source(&sandbox, Auth::Idx).username(LOGIN).store(store).build().unwrap();
        respond(&source, &*Person::answering(&[PASSWORD, "111111", "222222"])).await.unwrap();
        let before = sandbox.requests().len();
        respond(&source, &*Person::answering(&[])).await.unwrap();
        assert_eq!(sandbox.requests().len() - before, 1);
    }
}
