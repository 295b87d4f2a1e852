//! An administrator at the sandbox, who gives grants, under a clock that tests move.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use tempaccess_core::grants::{GrantOpener, GrantRules, GrantSpec, Grants};
use tempaccess_core::iam::IamClient;
use tempaccess_core::net::HttpTransport;
use tempaccess_core::records::{BucketAccess, FolderRecords};
use tempaccess_core::saml::Limits;
use tempaccess_core::seal::{KeyFile, KeyFileSigner, Namespace, Signers};
use tempaccess_core::source::{AssertionRequest, NoPrompter};
use tempaccess_core::store::MemoryStore;
use tempaccess_core::{AssertionSource, Clock, Result, RoleQuery, SamlResponse, StsExchange, TempAccess};
use tempaccess_sandbox::{Sandbox, SandboxClock, World};
use tempfile::TempDir;

/// The role that administrators sign in to.
pub const ADMIN: &str = "arn:aws:iam::111122223333:role/AccessAdmin";
/// The role that is granted by session.
pub const GRANTED: &str = "arn:aws:iam::111122223333:role/Granted";
/// The role that everybody signs in to.
pub const PEOPLE: &str = "arn:aws:iam::111122223333:role/People";
/// When the tests begin.
pub const START: &str = "2026-11-25T14:00:00Z";
/// A policy for the ledger.
pub const LEDGER: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:ListBucket","s3:GetObject"],"Resource":["arn:aws:s3:::ledger","arn:aws:s3:::ledger/*"]}]}"#;

/// The clock of the sandbox, for the client as well.
#[derive(Debug, Clone)]
pub struct SharedClock(pub SandboxClock);

impl Clock for SharedClock {
    fn now(&self) -> Timestamp {
        self.0.now()
    }

    fn monotonic(&self) -> std::time::Duration {
        let since = self.0.now().duration_since(Timestamp::UNIX_EPOCH);
        std::time::Duration::try_from(since).unwrap_or_default()
    }
}

/// The clock of a machine that is not set right.
#[derive(Debug, Clone)]
pub struct WrongClock {
    /// AWS's clock.
    pub clock: SharedClock,
    /// How far it is ahead.
    pub ahead: jiff::SignedDuration,
}

impl Clock for WrongClock {
    fn now(&self) -> Timestamp {
        self.clock.now() + self.ahead
    }

    fn monotonic(&self) -> std::time::Duration {
        self.clock.monotonic()
    }
}

/// A sign-in at the sandbox's identity provider.
#[derive(Debug)]
pub struct SignIn {
    sandbox: Arc<Sandbox>,
    login: String,
}

#[async_trait]
impl AssertionSource for SignIn {
    fn describe(&self) -> String {
        "test".to_owned()
    }

    fn identity(&self) -> Option<String> {
        Some(self.login.clone())
    }

    async fn saml_response(&self, _: &AssertionRequest<'_>) -> Result<SamlResponse> {
        let claims = self.sandbox.claims_of(&self.login).expect("a person of this world");
        let response = self.sandbox.mint(&claims).expect("a response");
        SamlResponse::detect(response.as_bytes(), &Limits::default())
    }
}

/// A company: a sandbox, a folder of records, and keys.
#[derive(Debug)]
pub struct Office {
    /// The sandbox.
    pub sandbox: Arc<Sandbox>,
    /// Its clock.
    pub clock: SharedClock,
    /// Keys and records.
    pub folder: TempDir,
}

impl Office {
    /// Opens a company in the default world, at [`START`].
    pub fn open() -> Self {
        let mut world = World::demo();
        let admin = format!("arn:aws:iam::111122223333:saml-provider/Okta,{ADMIN}");
        world.user_mut("alan@example.com").expect("Alan").roles.push(admin);
        Self::of(world)
    }

    /// Opens a company in this world.
    pub fn of(world: World) -> Self {
        let sandbox = Arc::new(Sandbox::start(world).expect("a sandbox"));
        sandbox.clock().stop_at(START.parse().expect("a time"));
        let clock = SharedClock(sandbox.clock().clone());
        let office = Self { sandbox, clock, folder: tempfile::tempdir().expect("a folder") };
        for name in ["ada@example.com", "alan@example.com", "grace@example.com", "eve@example.com"] {
            KeyFile::create(&office.folder.path().join(name), name).expect("a key");
        }
        office
    }

    /// Moves the clock.
    pub fn advance(&self, minutes: i64) {
        self.sandbox.clock().advance(jiff::SignedDuration::from_mins(minutes));
    }

    /// Returns the time.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns the key of a person.
    pub fn key(&self, name: &str) -> KeyFile {
        KeyFile::read(&self.folder.path().join(name)).expect("a key")
    }

    /// Returns the signers that everybody trusts: Ada and Alan give access, and everybody but Eve may ask for it.
    pub fn signers(&self) -> Signers {
        self.signers_with(&["ada@example.com", "alan@example.com"])
    }

    /// Returns signers with these administrators.
    fn signers_with(&self, administrators: &[&str]) -> Signers {
        let line = |name: &str, namespace| {
            Signers::line(name, &self.key(name).public_key(), namespace).expect("a line").to_string()
        };
        let mut lines: Vec<_> = administrators.iter().map(|name| line(name, Namespace::Grant)).collect();
        lines.extend(["ada@example.com", "grace@example.com"].map(|name| line(name, Namespace::Request)));
        Signers::parse(&lines.join("\n")).expect("signers")
    }

    /// Returns the exchange at the sandbox.
    pub fn exchange(&self) -> StsExchange {
        StsExchange::builder().endpoint_url(self.sandbox.sts_url()).build().expect("an exchange")
    }

    /// Returns the access of a person to a role.
    pub fn access(&self, login: &str, role: &str) -> TempAccess {
        self.access_with_clock(login, role, Arc::new(self.clock.clone()))
    }

    /// Returns the access of a person whose machine has this clock.
    pub fn access_with_clock(&self, login: &str, role: &str, clock: Arc<dyn Clock>) -> TempAccess {
        let source = SignIn { sandbox: Arc::clone(&self.sandbox), login: login.to_owned() };
        TempAccess::builder(source, self.exchange())
            .role(RoleQuery::new().role(role))
            .clock(clock)
            .store(Arc::new(MemoryStore::new()))
            .build()
    }

    /// Returns how Ada reaches buckets.
    pub fn bucket_access(&self) -> BucketAccess {
        let access = self.access("ada@example.com", ADMIN);
        BucketAccess::new("us-east-1", access, Arc::new(HttpTransport::default())).endpoint_url(self.sandbox.sts_url())
    }

    /// Returns the client of IAM.
    pub fn iam(&self) -> IamClient {
        let iam =
            IamClient::builder().endpoint_url(self.sandbox.sts_url()).transport(Arc::new(HttpTransport::default()));
        iam.clock(Arc::new(self.clock.clone())).build().expect("a client")
    }

    /// Returns the grants of Ada, with the records in the folder.
    pub fn grants(&self) -> Grants {
        self.grants_with(GrantRules::default())
    }

    /// Returns the grants of Ada under these rules.
    pub fn grants_with(&self, rules: GrantRules) -> Grants {
        self.grants_of("ada@example.com", rules)
    }

    /// Returns what signs as a person.
    pub fn signer(&self, login: &str) -> KeyFileSigner {
        KeyFileSigner::new(self.key(login), Arc::new(NoPrompter)).expect("a signer")
    }

    /// Returns the grants of an administrator under these rules.
    pub fn grants_of(&self, login: &str, rules: GrantRules) -> Grants {
        self.grants_by(login, rules, self.signers())
    }

    /// Returns the grants of an administrator who trusts these administrators.
    pub fn grants_trusting(&self, login: &str, administrators: &[&str]) -> Grants {
        self.grants_by(login, GrantRules::default(), self.signers_with(administrators))
    }

    fn grants_by(&self, login: &str, rules: GrantRules, signers: Signers) -> Grants {
        let records = FolderRecords::new(self.folder.path().join("records"));
        Grants::builder(
            self.access(login, ADMIN),
            Arc::new(self.iam()),
            Arc::new(records),
            Arc::new(self.signer(login)),
        )
        .signers(signers)
        .rules(rules)
        .clock(Arc::new(self.clock.clone()))
        .build()
    }

    /// Returns what opens grants for a person who knows the account.
    pub fn opener(&self, name: &str) -> GrantOpener {
        GrantOpener::new(self.signers(), Arc::new(self.exchange()))
            .key(self.key(name))
            .accounts(["111122223333".to_owned()])
            .clock(Arc::new(self.clock.clone()))
    }

    /// Returns a grant of the ledger to Grace, for so many minutes.
    pub fn ledger_for_grace(&self, minutes: i64) -> GrantSpec {
        Self::ledger_for("grace@example.com", minutes)
    }

    fn ledger_for(to: &str, minutes: i64) -> GrantSpec {
        GrantSpec::to(to)
            .policy(LEDGER.parse().expect("a policy"))
            .duration(jiff::SignedDuration::from_mins(minutes))
            .reason("OPS-123")
    }

    /// Returns a sealed grant of the ledger to Grace, for so many minutes.
    pub fn session_for_grace(&self, minutes: i64) -> GrantSpec {
        self.session_for("grace@example.com", minutes)
    }

    /// Returns a grant of the ledger to somebody, sealed to Grace's key.
    pub fn session_for(&self, to: &str, minutes: i64) -> GrantSpec {
        let key = self.key("grace@example.com").public_key().parse().expect("a recipient");
        Self::ledger_for(to, minutes).role(GRANTED).seal_to(key)
    }
}
