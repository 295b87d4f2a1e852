//! One `TempAccess` within a program: callers at once, failures, and what is cached for each of them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use jiff::{SignedDuration, Timestamp};
use tempaccess_core::arn::RoleArn;
use tempaccess_core::store::{Entry, EntryInfo, FileStore, Lookup, MemoryStore, Store, StoreKey, Vault};
use tempaccess_core::{
    AssertionSource, Clock, Error, ErrorKind, Result, RoleQuery, SamlResponse, SecretString, SessionScope, Stage,
    StsExchange, TempAccess, TokenExchange,
    saml::Limits,
    session::TempAccessBuilder,
    source::AssertionRequest,
    sts::{ExchangeRequest, StsAnswer},
};
use tempaccess_sandbox::{Sandbox, Service, World};
use tempaccess_tests::person::Person;

/// Signs in at the sandbox's identity provider by its back door, or fails, and counts.
#[derive(Debug, Default)]
struct Source {
    response: Option<String>,
    failure: Option<ErrorKind>,
    count: Arc<AtomicUsize>,
    /// How many sign in now, and the most that did at once.
    at_once: Arc<(AtomicUsize, AtomicUsize)>,
}

#[async_trait::async_trait]
impl AssertionSource for Source {
    fn describe(&self) -> String {
        "test".to_owned()
    }

    fn identity(&self) -> Option<String> {
        Some("test".to_owned())
    }

    async fn saml_response(&self, _: &AssertionRequest<'_>) -> Result<SamlResponse> {
        self.count.fetch_add(1, Ordering::Relaxed);
        let (now, most) = &*self.at_once;
        most.fetch_max(now.fetch_add(1, Ordering::Relaxed) + 1, Ordering::Relaxed);
        // Callers that come meanwhile have to wait.
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        now.fetch_sub(1, Ordering::Relaxed);
        match (&self.response, self.failure) {
            (Some(response), None) => SamlResponse::detect(response.as_bytes(), &Limits::default()),
            (_, kind) => Err(Error::new(kind.unwrap_or(ErrorKind::Network), Stage::SignIn, "no")),
        }
    }
}

pub(crate) fn access(sandbox: &Sandbox, failure: Option<ErrorKind>) -> (TempAccessBuilder, Arc<AtomicUsize>) {
    let source = Source { failure, ..Source::default() };
    let count = Arc::clone(&source.count);
    (access_from(sandbox, source), count)
}

fn access_from(sandbox: &Sandbox, source: Source) -> TempAccessBuilder {
    let claims = sandbox.claims_of("ada@example.com").unwrap();
    let source = Source { response: Some(sandbox.mint(&claims).unwrap()), ..source };
    let sts = StsExchange::builder().endpoint_url(sandbox.sts_url()).build().unwrap();
    TempAccess::builder(source, sts).role(RoleQuery::new().role("111122223333/ReadOnly"))
}

/// Answers once the exchange has connected.
#[derive(Debug)]
struct AfterConnection(Source, Arc<tokio::sync::Notify>);

#[async_trait::async_trait]
impl AssertionSource for AfterConnection {
    fn describe(&self) -> String {
        self.0.describe()
    }

    async fn saml_response(&self, request: &AssertionRequest<'_>) -> Result<SamlResponse> {
        let connected = tokio::time::timeout(std::time::Duration::from_secs(60), self.1.notified()).await;
        assert!(connected.is_ok(), "the exchange did not connect");
        self.0.saml_response(request).await
    }
}

/// STS, which says when it has connected.
#[derive(Debug)]
struct Connecting(StsExchange, Arc<tokio::sync::Notify>);

#[async_trait::async_trait]
impl TokenExchange for Connecting {
    async fn assume_role_with_saml(&self, request: &ExchangeRequest) -> Result<StsAnswer> {
        self.0.assume_role_with_saml(request).await
    }

    async fn connect(&self, role: Option<&RoleArn>) {
        self.0.connect(role).await;
        self.1.notify_one();
    }
}

#[tokio::test]
async fn the_exchange_connects_while_the_identity_provider_answers() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let claims = sandbox.claims_of("ada@example.com").unwrap();
    let source = Source { response: Some(sandbox.mint(&claims).unwrap()), ..Source::default() };
    let connected = Arc::new(tokio::sync::Notify::new());
    let sts = StsExchange::builder().endpoint_url(sandbox.sts_url()).build().unwrap();
    let sts = Connecting(sts, Arc::clone(&connected));
    let access = TempAccess::builder(AfterConnection(source, connected), sts).role(RoleQuery::new().role("1")).build();
    access.credentials().await.unwrap();
    let requests = sandbox.requests();
    let methods: Vec<_> = requests.iter().map(|request| (request.method.as_str(), request.what.as_str())).collect();
    assert_eq!(methods, [("HEAD", "/"), ("POST", "AssumeRoleWithSAML")]);
}

async fn all_at_once(access: &TempAccess, count: usize) -> Vec<Result<String>> {
    let one = |access: TempAccess| async move {
        access.credentials().await.map(|issued| issued.answer.credentials.access_key_id)
    };
    let tasks: Vec<_> = (0..count).map(|_| tokio::spawn(one(access.clone()))).collect();
    let mut results = Vec::new();
    for task in tasks {
        results.push(task.await.unwrap());
    }
    results
}

#[tokio::test]
async fn callers_within_one_program_share_a_sign_in_and_its_failure() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let stores: [Arc<dyn Store>; 2] =
        [Arc::new(MemoryStore::new()), Arc::new(FileStore::new(folder.path().join("store")))];
    for store in stores {
        let (builder, count) = access(&sandbox, None);
        let results = all_at_once(&builder.store(Arc::clone(&store)).build(), 8).await;
        let keys: std::collections::HashSet<_> = results.into_iter().map(Result::unwrap).collect();
        assert_eq!((keys.len(), count.load(Ordering::Relaxed)), (1, 1));

        // What only one caller could not do, the next one may.
        let (builder, count) = access(&sandbox, Some(ErrorKind::InteractionRequired));
        let other = SessionScope::new("30m".parse().unwrap());
        all_at_once(&builder.scope(other).store(Arc::clone(&store)).build(), 3).await;
        assert_eq!(count.load(Ordering::Relaxed), 3);

        store.clear().unwrap();
        let (builder, count) = access(&sandbox, Some(ErrorKind::AuthenticationFailed));
        let failing = builder.store(Arc::clone(&store)).build();
        let results = all_at_once(&failing, 8).await;
        assert!(results.iter().all(|result| result.as_ref().unwrap_err().kind() == ErrorKind::AuthenticationFailed));
        assert_eq!(count.load(Ordering::Relaxed), 1);
        // A program that asks later does not bother the person again. A person may.
        let error = failing.credentials().await.unwrap_err();
        assert_eq!((error.kind(), count.load(Ordering::Relaxed)), (ErrorKind::AuthenticationFailed, 1));
        assert!(error.hint().unwrap().contains("programs do not try again before"), "{error:?}");
        assert!(error.retry_after().is_some_and(|wait| wait.as_secs() > 900), "{error:?}");
        assert!(failing.renew().await.is_err());
        assert_eq!(count.load(Ordering::Relaxed), 2);
    }
}

#[tokio::test]
async fn simultaneous_callers_share_a_sign_in_where_nothing_is_stored() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let (builder, count) = access(&sandbox, None);
    let access_without_store = builder.build();
    for round in 1..=2 {
        let results = all_at_once(&access_without_store, 8).await;
        let keys: std::collections::HashSet<_> = results.into_iter().map(Result::unwrap).collect();
        assert_eq!((keys.len(), count.load(Ordering::Relaxed)), (1, round));
    }
    // One who comes later signs in: nothing is kept.
    access_without_store.credentials().await.unwrap();
    assert_eq!(count.load(Ordering::Relaxed), 3);
    let (builder, count) = access(&sandbox, Some(ErrorKind::FactorFailed));
    let results = all_at_once(&builder.build(), 8).await;
    assert!(results.iter().all(|result| result.as_ref().unwrap_err().kind() == ErrorKind::FactorFailed));
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_person_who_refused_is_not_asked_again_for_another_role() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(FileStore::new(folder.path().join("store")));
    let (builder, count) = access(&sandbox, Some(ErrorKind::FactorFailed));
    assert_eq!(
        builder.store(Arc::clone(&store)).build().credentials().await.unwrap_err().kind(),
        ErrorKind::FactorFailed
    );
    // Another program, which needs another session.
    let other = |failure| {
        let (builder, count) = access(&sandbox, failure);
        (builder.scope(SessionScope::new("30m".parse().unwrap())).store(Arc::clone(&store)), count)
    };
    let (builder, never) = other(None);
    let error = builder.build().credentials().await.unwrap_err();
    assert!(error.hint().unwrap().contains("programs do not try again before"), "{error:?}");
    assert_eq!((error.kind(), never.load(Ordering::Relaxed)), (ErrorKind::FactorFailed, 0));
    assert_eq!(count.load(Ordering::Relaxed), 1);
    // A person signs in, and programs may again.
    let (builder, count) = other(None);
    builder.prompter(Person::answering(&[])).build().credentials().await.unwrap();
    assert_eq!(count.load(Ordering::Relaxed), 1);
    let (builder, count) = access(&sandbox, None);
    builder.store(store).build().credentials().await.unwrap();
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_program_that_goes_on_sees_that_the_person_has_signed_in() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(FileStore::new(folder.path().join("store")));
    let (builder, count) = access(&sandbox, Some(ErrorKind::FactorFailed));
    let program = builder.store(Arc::clone(&store)).build();
    program.credentials().await.unwrap_err();
    for _ in 0..2 {
        let error = program.credentials().await.unwrap_err();
        assert_eq!(error.hint().unwrap().matches("do not try again").count(), 1, "{error:?}");
    }
    assert_eq!(count.load(Ordering::Relaxed), 1);
    // Somewhere else, for another role.
    let (builder, _) = access(&sandbox, None);
    let scope = SessionScope::new("30m".parse().unwrap());
    builder.scope(scope).store(store).prompter(Person::answering(&[])).build().credentials().await.unwrap();
    program.credentials().await.unwrap_err();
    assert_eq!(count.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn programs_sign_one_person_in_one_after_the_other() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(FileStore::new(folder.path().join("store")));
    let at_once = Arc::<(AtomicUsize, AtomicUsize)>::default();
    let mut tasks = Vec::new();
    for minutes in 20..28 {
        let builder = access_from(&sandbox, Source { at_once: Arc::clone(&at_once), ..Source::default() });
        let scope = SessionScope::new(format!("{minutes}m").parse().unwrap());
        let access = builder.scope(scope).store(Arc::clone(&store)).build();
        tasks.push(tokio::spawn(async move { access.credentials().await.map(drop) }));
    }
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    assert_eq!(at_once.1.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_renamed_account_is_looked_up_again() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
    let named = |account: &str| {
        access(&sandbox, None)
            .0
            .role(RoleQuery::new().role("ReadOnly").account("prod"))
            .account_names(BTreeMap::from([(account.to_owned(), "prod".to_owned())]))
            .store(Arc::clone(&store))
            .build()
    };
    let account = |issued: tempaccess_core::IssuedSession| issued.answer.credentials.account_id().to_owned();
    assert_eq!(account(named("111122223333").credentials().await.unwrap()), "111122223333");
    assert!(named("111122223333").cached().is_some());
    assert!(named("444455556666").cached().is_none());
    assert_eq!(account(named("444455556666").credentials().await.unwrap()), "444455556666");
    // A number is a position in a list that may change.
    let numbered = |number: &str| access(&sandbox, None).0.role(RoleQuery::new().role(number));
    numbered("1").store(Arc::clone(&store)).build().credentials().await.unwrap();
    assert!(numbered("1").store(store).build().cached().is_none());
}

/// A wall clock that a test sets. Nothing here waits for a deadline.
#[derive(Debug)]
struct TestClock(std::sync::Mutex<Timestamp>);

impl TestClock {
    fn advance(&self, time: SignedDuration) {
        *self.0.lock().unwrap() += time;
    }
}

impl Clock for TestClock {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }

    fn monotonic(&self) -> std::time::Duration {
        std::time::Duration::ZERO
    }
}

#[tokio::test]
async fn a_program_with_valid_credentials_waits_for_nobody() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(FileStore::new(folder.path().join("store")));
    let clock = Arc::new(TestClock(std::sync::Mutex::new(Timestamp::now())));
    let (builder, count) = access(&sandbox, None);
    let access = builder.store(Arc::clone(&store)).clock(clock.clone()).build();
    let first = access.credentials().await.unwrap();
    clock.advance(SignedDuration::from_mins(50));
    // Another program is signing the same person in, for another role.
    let signing_in = store.lock_file(&StoreKey::new(&["sign-in", "test"])).unwrap().unwrap();
    signing_in.lock().unwrap();
    let waited = std::time::Duration::from_secs(30);
    let again = tokio::time::timeout(waited, access.credentials()).await.unwrap().unwrap();
    assert_eq!(again.answer.credentials.access_key_id, first.answer.credentials.access_key_id);
    assert_eq!(count.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn a_recent_failure_is_not_repeated_while_cached_credentials_last() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let clock = Arc::new(TestClock(std::sync::Mutex::new(Timestamp::now())));
    let scope = SessionScope::new("20m".parse().unwrap());
    let put_together = |failure| {
        let (builder, count) = access(&sandbox, failure);
        let store = Arc::new(FileStore::new(folder.path().join("store")));
        (builder.scope(scope.clone()).store(store).clock(clock.clone()).build(), count)
    };
    let given = put_together(None).0.credentials().await.unwrap();
    clock.advance(SignedDuration::from_mins(15));
    let (mut failing, mut counts) = (Vec::new(), Vec::new());
    // In one program, and in several programs one after the other.
    for _ in 0..3 {
        let (access, count) = put_together(Some(ErrorKind::AuthenticationFailed));
        failing.push(access);
        counts.push(count);
    }
    for _ in 0..3 {
        for access in &failing {
            let kept = access.credentials().await.unwrap();
            assert_eq!(kept.answer.credentials.access_key_id, given.answer.credentials.access_key_id);
        }
    }
    assert_eq!(counts.iter().map(|count| count.load(Ordering::Relaxed)).sum::<usize>(), 1);
    // A person who asks for new ones signs in.
    assert!(put_together(None).0.renew().await.is_ok());
}

/// Returns an older secret, like a keyring whose writer died between two files.
#[derive(Debug, Default)]
struct Mixed(std::sync::Mutex<Option<SecretString>>);

impl Vault for Mixed {
    fn describe(&self) -> String {
        "mixed".to_owned()
    }

    fn seal(&self, _: &StoreKey, secret: &SecretString) -> Result<(&'static str, SecretString)> {
        // The first one stays.
        self.0.lock().unwrap().get_or_insert_with(|| secret.clone());
        Ok(("mixed", SecretString::from("")))
    }

    fn open(&self, _: &str, _: &StoreKey, _: &str) -> Result<Option<SecretString>> {
        Ok(self.0.lock().unwrap().clone())
    }
}

#[tokio::test]
async fn an_older_secret_is_not_returned() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store: Arc<dyn Store> = Arc::new(FileStore::new(folder.path().join("store")).vault(Arc::new(Mixed::default())));
    let access = access(&sandbox, None).0.store(store).build();
    access.credentials().await.unwrap();
    assert!(access.cached().is_some());
    access.renew().await.unwrap();
    assert!(access.cached().is_none());
}

#[tokio::test]
async fn signing_out_reports_an_unreadable_store() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let store = folder.path().join("store");
    std::fs::write(&store, "no folder").unwrap();
    let access = access(&sandbox, None).0.store(Arc::new(FileStore::new(&store))).build();
    assert_eq!(access.sign_out().await.unwrap_err().stage(), Stage::Store);
    assert_eq!(sandbox.requests().iter().filter(|request| request.service == Service::Okta).count(), 0);
}

#[test]
fn expired_and_abandoned_files_are_swept() {
    let folder = tempfile::tempdir().unwrap();
    let store = FileStore::new(folder.path().join("store"));
    let now: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
    let session = |days: i64| {
        let key = StoreKey::new(&[&days.to_string()]);
        let info = EntryInfo::session("test", None, now - SignedDuration::from_hours(24 * days));
        store.put(&Entry::new(key.clone(), info, "secret".into())).unwrap();
        key
    };
    let (new, old) = (session(1), session(100));
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(30 * 24 * 3600);
    let file = |name: &str, old: bool| {
        let path = folder.path().join("store").join(name);
        let file = std::fs::File::create(&path).unwrap();
        if old {
            file.set_modified(long_ago).unwrap();
        }
        path
    };
    let temporary = |number: u8, old| file(&format!(".{}.json.1.{number}", new.as_str()), old);
    let lock = |key: &StoreKey, old| file(&format!("{}.lock", key.as_str()), old);
    let third = StoreKey::new(&["locked"]);
    let locked = lock(&third, true);
    let holder = store.lock_file(&third).unwrap().unwrap();
    holder.lock().unwrap();
    let gone = [temporary(1, true), lock(&old, true)];
    let stay = [temporary(2, false), lock(&new, false), locked, file("notes.txt", true)];
    store.sweep(now);
    assert!(matches!(store.get(&new), Lookup::Found(_)) && matches!(store.get(&old), Lookup::Missing));
    assert!(gone.iter().all(|path| !path.exists()) && stay.iter().all(|path| path.exists()));
    // Clearing also removes damaged entries, but no file of another program.
    std::fs::write(folder.path().join(format!("store/{}.json", old.as_str())), "damaged").unwrap();
    assert_eq!(store.clear().unwrap(), 2);
    let left: Vec<_> = std::fs::read_dir(store.folder()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.contains(&"notes.txt".into()) && !left.iter().any(|name| name.to_string_lossy().contains("json")));
}
