//! Which method is chosen.

use super::*;

#[tokio::test]
async fn the_engine_is_asked_for_once_and_cached() {
    let sandbox = Sandbox::start(world("v1", |_| {})).unwrap();
    let store = Arc::new(MemoryStore::new());
    for times in 1..=2 {
        let source = source(&sandbox, Auth::Auto).username(LOGIN).store(store.clone()).build().unwrap();
        let person = Person::answering(&[PASSWORD]);
        source.saml_response(&AssertionRequest::new(&*person).force_authn()).await.unwrap();
        assert_eq!(
            person.heard()[0],
            "127.0.0.1 has the Classic Engine: signing in with user name and password; use `--auth` to choose another method"
        );
        assert_eq!(asked(&sandbox, Service::Okta, "okta-organization"), 1, "{times}");
    }
}

#[tokio::test]
async fn the_identity_engine_is_signed_in_to_with_the_persons_browser() {
    let sandbox = sandbox(|_| {});
    let visitor = Visitor::submitting(Some(ALLOW));
    let source = source(&sandbox, Auth::Auto).build().unwrap();
    respond(&source, &visitor).await.unwrap();
    assert_eq!(
        visitor.person.heard()[0],
        "127.0.0.1 has the Identity Engine: signing in with your own browser; use `--auth` to choose another method"
    );
}

#[tokio::test]
async fn an_upgrade_of_the_org_is_detected() {
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
    // The password is still sent to the authentication API. The step that the app asks for is the Identity Engine's.
    respond(&of(&org), &*Person::answering(&answers)).await.unwrap();
    assert_eq!(asked(&org, Service::Okta, "/idp/idx/introspect"), 1);
    assert_eq!(asked(&org, Service::Okta, "okta-organization"), 1);
    // From then on, the cached engine is the new one.
    let person = Person::answering(&[]);
    let again = AssertionRequest::new(&*person).force_authn();
    assert_eq!(of(&org).saml_response(&again).await.unwrap_err().kind(), ErrorKind::InteractionRequired);
    assert!(person.heard()[0].contains("Identity Engine"), "{:?}", person.heard());
}

#[test]
fn device_authorization_needs_a_client_id() {
    let error = OktaSource::builder("https://acme.okta.com/home/amazon_aws/0oa1/272").auth(Auth::Device).build();
    assert_eq!(error.unwrap_err().message(), "device authorization needs a client id");
}
