//! Device authorization.

use super::*;

#[tokio::test]
async fn the_person_signs_in_with_a_browser() {
    let sandbox = sandbox(|_| {});
    let visitor = Visitor::submitting(Some(ALLOW));
    let source = source(&sandbox, Auth::Device).build().unwrap();
    let response = respond(&source, &visitor).await.unwrap();
    assert_eq!(response.read().unwrap().subject.unwrap().name, LOGIN);
    let went = visitor.went.lock().unwrap()[0].to_string();
    let code = went.rsplit_once(' ').unwrap().1;
    assert_eq!(went, format!("Sign in at {}/activate?user_code={code}\nthe code there is {code}", sandbox.okta_url()));
}

#[tokio::test]
async fn later_sign_ins_need_nobody() {
    let sandbox = sandbox(|_| {});
    let store = Arc::new(MemoryStore::new());
    let clock = Arc::new(Patience::default());
    let source = || source(&sandbox, Auth::Device).username(LOGIN).store(store.clone()).timer(clock.clone());
    respond(&source().build().unwrap(), &Visitor::submitting(Some(ALLOW))).await.unwrap();
    let nobody = Visitor::submitting(None);
    let mut before = sandbox.requests().len();
    let mut requests = || {
        let now = sandbox.requests().len();
        now - std::mem::replace(&mut before, now)
    };
    // With the cached session.
    respond(&source().build().unwrap(), &nobody).await.unwrap();
    assert_eq!(requests(), 1);
    // With the tokens, once the session is gone: web SSO token, SAML response.
    let session = store.list().unwrap().into_iter().find(|(_, about)| about.kind == EntryKind::Session).unwrap();
    store.remove(&session.0).unwrap();
    respond(&source().build().unwrap(), &nobody).await.unwrap();
    assert_eq!(requests(), 2);
    // With refreshed tokens, once the old ones have expired. A refresh token works once, so the next one is cached.
    for _ in 0..2 {
        store.remove(&session.0).unwrap();
        tempaccess_core::clock::Timer::sleep(&*clock, std::time::Duration::from_secs(3600)).await;
        sandbox.clock().advance(jiff::SignedDuration::from_hours(1));
        respond(&source().build().unwrap(), &nobody).await.unwrap();
        assert_eq!(requests(), 3);
    }
    assert_eq!(nobody.went(), 0);
}

#[tokio::test]
async fn signing_out_revokes_the_tokens() {
    let sandbox = sandbox(|_| {});
    let store = Arc::new(MemoryStore::new());
    let source = source(&sandbox, Auth::Device).username(LOGIN).store(store.clone()).build().unwrap();
    respond(&source, &Visitor::submitting(Some(ALLOW))).await.unwrap();
    assert!(source.sign_out().await.unwrap());
    assert_eq!(asked(&sandbox, Service::Okta, "/oauth2/v1/revoke"), 1);
    let kept: Vec<_> = store.list().unwrap().into_iter().map(|(_, about)| about.kind).collect();
    assert_eq!(kept, [EntryKind::Org]);
    assert!(!source.sign_out().await.unwrap());
    // Tokens that cannot be revoked are reported, and removed nevertheless.
    respond(&source, &Visitor::submitting(Some(ALLOW))).await.unwrap();
    sandbox.fail_next(Service::Okta, Fault::ErrorPage(500));
    assert_eq!(source.sign_out().await.unwrap_err().kind(), ErrorKind::IdentityProviderError);
    assert_eq!(store.list().unwrap().len(), 1);
}

#[tokio::test]
async fn tokens_that_another_process_refreshed_are_used() {
    let sandbox = sandbox(|_| {});
    let store = Arc::new(MemoryStore::new());
    let clock = Arc::new(Patience::default());
    let source = || source(&sandbox, Auth::Device).username(LOGIN).store(store.clone()).timer(clock.clone());
    respond(&source().build().unwrap(), &Visitor::submitting(Some(ALLOW))).await.unwrap();
    let session = store.list().unwrap().into_iter().find(|(_, about)| about.kind == EntryKind::Session).unwrap();
    tempaccess_core::clock::Timer::sleep(&*clock, std::time::Duration::from_secs(3600)).await;
    sandbox.clock().advance(jiff::SignedDuration::from_hours(1));
    store.remove(&session.0).unwrap();
    let other = source().build().unwrap();
    let late = source().transport(Arc::new(Overtaken { by: other, http: HttpTransport::default() })).build().unwrap();
    let nobody = Visitor::submitting(None);
    respond(&late, &nobody).await.unwrap();
    assert_eq!(nobody.went(), 0);
    let refreshed = sandbox.requests().iter().filter(|request| request.what == "/oauth2/v1/token").count();
    // One for the person's sign-in and one for the app; two refreshes, of which one is refused; two for the app.
    assert_eq!(refreshed, 1 + 1 + 2 + 2, "{:?}", sandbox.requests());
}

/// Lets another source refresh the tokens just before this one does.
#[derive(Debug)]
struct Overtaken {
    by: OktaSource,
    http: HttpTransport,
}

#[async_trait]
impl Transport for Overtaken {
    async fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, TransportError> {
        if String::from_utf8_lossy(request.body()).contains("grant_type=refresh_token") {
            respond(&self.by, &Visitor::submitting(None)).await.unwrap();
        }
        self.http.send(request).await
    }
}

#[tokio::test]
async fn revoked_tokens_lead_to_a_new_sign_in() {
    let sandbox = sandbox(|_| {});
    let store = Arc::new(MemoryStore::new());
    let clock = Arc::new(Patience::default());
    let source = || source(&sandbox, Auth::Device).username(LOGIN).store(store.clone()).timer(clock.clone());
    respond(&source().build().unwrap(), &Visitor::submitting(Some(ALLOW))).await.unwrap();
    sandbox.end_sessions();
    let visitor = Visitor::submitting(Some(ALLOW));
    respond(&source().build().unwrap(), &visitor).await.unwrap();
    assert_eq!(visitor.went(), 1);
}

#[tokio::test]
async fn the_app_is_looked_up_if_the_source_is_the_org() {
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
    let visitor = Visitor::submitting(Some(ALLOW));
    let of_org = |sandbox: &Sandbox| {
        let source = OktaSource::builder(sandbox.okta_url()).timer(Arc::new(Patience::default()));
        source.auth(Auth::Device).client_id(CLIENT).build().unwrap()
    };
    respond(&of_org(&alone), &visitor).await.unwrap();
    assert!(!visitor.person.heard().iter().any(|line| line.starts_with('?')), "{:?}", visitor.person.heard());

    let two = sandbox(several);
    let visitor = Visitor::submitting(Some(ALLOW));
    respond(&of_org(&two), &visitor).await.unwrap();
    assert_eq!(visitor.person.heard()[0], format!("? AWS app: AWS Second (0oasecond) | AWS ({})", two.world().app));
    assert_eq!(asked(&two, Service::Okta, "/api/v1/users/me/appLinks"), 3);
}

#[tokio::test]
async fn slow_down_lengthens_the_interval() {
    let slow = sandbox(|world| client(world).slow_downs = 3);
    let timer = Arc::new(Patience::default());
    let source = source(&slow, Auth::Device).timer(timer.clone()).build().unwrap();
    let before = tempaccess_core::Clock::now(&*timer);
    respond(&source, &Visitor::submitting(Some(ALLOW))).await.unwrap();
    // 5 s, and 5 more each time: 5 + 10 + 15 + 20.
    let waited = tempaccess_core::Clock::now(&*timer).duration_since(before).as_secs();
    assert_eq!(waited, 50);
}

#[tokio::test]
async fn nobody_signs_in_or_the_person_declines() {
    let idle = sandbox(|_| {});
    let (kind, words) = fail(&idle, &Visitor::submitting(None)).await;
    assert_eq!(kind, ErrorKind::DeadlineExceeded);
    assert!(words.starts_with("the sign-in was not finished in the browser in time"), "{words}");
    assert!(asked(&idle, Service::Okta, "/oauth2/v1/token") <= 61);

    let (kind, words) = fail(&sandbox(|_| {}), &Visitor::submitting(Some(DECLINE))).await;
    assert_eq!(kind, ErrorKind::IdentityProviderRefused);
    assert!(words.starts_with("the sign-in was declined, or a policy denied it (access_denied: "), "{words}");
}

#[tokio::test]
async fn a_browser_signed_in_as_somebody_else_is_refused() {
    let sandbox = sandbox(|_| {});
    let store = Arc::new(MemoryStore::new());
    let named = |name: &str| source(&sandbox, Auth::Device).username(name).store(store.clone()).build().unwrap();
    let error = respond(&named("ada@example.com"), &Visitor::submitting(Some(ALLOW))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AuthenticationFailed);
    assert_eq!(error.message(), "the browser was signed in as `alan@example.com`, not as `ada@example.com`");
    // The tokens are revoked, and nothing is cached.
    assert_eq!(asked(&sandbox, Service::Okta, "/oauth2/v1/revoke"), 1);
    assert!(store.list().unwrap().iter().all(|(_, about)| about.kind == EntryKind::Org));
    // A name without its domain is the same person.
    respond(&named("Alan"), &Visitor::submitting(Some(ALLOW))).await.unwrap();
}

#[tokio::test]
async fn a_sign_in_without_a_name_is_not_cached() {
    let sandbox = sandbox(|world| client(world).hides_names = true);
    let store = Arc::new(MemoryStore::new());
    let source = source(&sandbox, Auth::Device).username(LOGIN).store(store.clone()).build().unwrap();
    respond(&source, &Visitor::submitting(Some(ALLOW))).await.unwrap();
    assert!(store.list().unwrap().iter().all(|(_, about)| about.kind == EntryKind::Org));
}

#[tokio::test]
async fn a_network_that_fails_for_a_while_does_not_end_the_sign_in() {
    let sandbox = sandbox(|world| client(world).slow_downs = 2);
    let visitor = Visitor::submitting(Some(ALLOW));
    let transport = Arc::new(Blinking::default());
    let source = source(&sandbox, Auth::Device).transport(transport).build().unwrap();
    respond(&source, &visitor).await.unwrap();
}

/// A network that fails for every third poll.
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

/// The settings that an administrator has not made, and what the error says about each.
#[tokio::test]
async fn each_refusal_names_the_setting() {
    type Change = fn(&mut World);
    let cases: [(Change, &str, &str); 7] = [
        (|world| world.clients.clear(), "Okta does not know the client id", "`client_id`"),
        (
            |world| client(world).device_authorization = false,
            "the native app is not allowed to use this grant type",
            "Grant type",
        ),
        (
            |world| client(world).token_exchange = false,
            "the native app is not allowed to use this grant type",
            "Token Exchange",
        ),
        (
            |world| client(world).scopes.retain(|scope| scope != "okta.apps.sso"),
            "the native app is not allowed to request a scope",
            "Okta API Scopes",
        ),
        (
            |world| client(world).allowed_by_app = false,
            "the AWS app does not let this client ask for a token",
            "Allowed Web SSO Client",
        ),
        (
            |world| world.user_mut(LOGIN).unwrap().app_step_up = true,
            "the sign-in does not satisfy the authentication policy of the AWS app",
            "Security > Authentication policies",
        ),
        (
            |world| world.app = "0oaelsewhere".into(),
            "Okta does not know the AWS app, or it is not assigned to you",
            "tile",
        ),
    ];
    for (change, what, setting) in cases {
        let sandbox = sandbox(change);
        let link = sandbox.app_url().replace("0oaelsewhere", "0oa1sandbox2app3id45");
        let source =
            OktaSource::builder(link).timer(Arc::new(Patience::default())).auth(Auth::Device).client_id(CLIENT);
        let error = respond(&source.build().unwrap(), &Visitor::submitting(Some(ALLOW))).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::IdentityProviderRefused, "{error}");
        assert!(error.message().starts_with(what), "{error}");
        assert!(error.hint().unwrap().contains(setting), "{:?}", error.hint());
    }
}

/// A client that may request only these scopes, and how many requests it takes to find that out.
#[tokio::test]
async fn fewer_scopes_are_requested_after_invalid_scope() {
    const LIST: &str = "okta.users.read.self";
    for (scopes, requests) in [
        (vec!["openid", "profile", "okta.apps.sso", LIST, "offline_access"], 1),
        (vec!["openid", "profile", "okta.apps.sso", LIST], 2),
        (vec!["openid", "profile", "okta.apps.sso", "offline_access"], 3),
        (vec!["openid", "profile", "okta.apps.sso"], 4),
    ] {
        let lists_apps = scopes.contains(&LIST);
        let sandbox = sandbox(|world| client(world).scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect());
        let source = source(&sandbox, Auth::Device).build().unwrap();
        respond(&source, &Visitor::submitting(Some(ALLOW))).await.unwrap();
        assert_eq!(asked(&sandbox, Service::Okta, "/oauth2/v1/device/authorize"), requests, "{scopes:?}");

        // Without the link of the app, the scope that lists the apps is needed: the person is not sent anywhere.
        let org = OktaSource::builder(sandbox.okta_url()).timer(Arc::new(Patience::default())).auth(Auth::Device);
        let visitor = Visitor::submitting(Some(ALLOW));
        let result = respond(&org.client_id(CLIENT).build().unwrap(), &visitor).await;
        if lists_apps {
            result.unwrap();
            continue;
        }
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::IdentityProviderRefused);
        assert_eq!(error.message(), "the native app is not allowed to list your apps");
        assert!(error.hint().unwrap().contains("grant `okta.users.read.self`"), "{:?}", error.hint());
        assert_eq!(visitor.went(), 0);
    }
    let none = sandbox(|world| client(world).scopes.retain(|scope| scope != "okta.apps.sso"));
    let (kind, words) = fail(&none, &Visitor::submitting(Some(ALLOW))).await;
    assert_eq!(kind, ErrorKind::IdentityProviderRefused);
    assert!(words.contains("grants `okta.apps.sso` to the native app"), "{words}");
    assert_eq!(asked(&none, Service::Okta, "/oauth2/v1/device/authorize"), 4);
}

#[tokio::test]
async fn cached_tokens_that_cannot_list_apps_are_not_used_to_list_them() {
    let sandbox = sandbox(|world| client(world).scopes.retain(|scope| scope != "okta.users.read.self"));
    let store = Arc::new(MemoryStore::new());
    let clock = Arc::new(Patience::default());
    let with_store =
        |source: OktaSourceBuilder| source.username(LOGIN).store(store.clone()).timer(clock.clone()).build().unwrap();
    let with_app = with_store(source(&sandbox, Auth::Device));
    respond(&with_app, &Visitor::submitting(Some(ALLOW))).await.unwrap();
    let session = store.list().unwrap().into_iter().find(|(_, about)| about.kind == EntryKind::Session).unwrap();
    store.remove(&session.0).unwrap();
    // They are refreshed with the scopes that they have.
    tempaccess_core::clock::Timer::sleep(&*clock, std::time::Duration::from_secs(3600)).await;
    sandbox.clock().advance(jiff::SignedDuration::from_hours(1));
    respond(&with_app, &Visitor::submitting(None)).await.unwrap();
    store.remove(&session.0).unwrap();
    let org = with_store(OktaSource::builder(sandbox.okta_url()).auth(Auth::Device).client_id(CLIENT));
    let error = respond(&org, &Visitor::submitting(None)).await.unwrap_err();
    assert_eq!(error.message(), "the native app is not allowed to list your apps");
}

#[tokio::test]
async fn a_rate_limit_and_a_broken_answer() {
    let sandbox = sandbox(|_| {});
    sandbox.fail_next(Service::Okta, Fault::RateLimit(7));
    let source = source(&sandbox, Auth::Device).build().unwrap();
    respond(&source, &Visitor::submitting(Some(ALLOW))).await.unwrap();
    sandbox.fail_next(Service::Okta, Fault::ErrorPage(502));
    let (kind, words) = fail(&sandbox, &Visitor::submitting(Some(ALLOW))).await;
    assert_eq!(kind, ErrorKind::IdentityProviderError);
    assert!(words.starts_with("unexpected HTTP status 502 from `127.0.0.1`"), "{words}");
}
