//! More than one role: many by one sign-in, and one from the session of another.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::Value;
use tempaccess_core::{
    AssertionSource, Clock, ErrorKind, Result, SamlResponse, StsExchange, TempAccess, saml::Limits, session::Progress,
    source::AssertionRequest, sts::ChainedRole,
};
use tempaccess_sandbox::{Sandbox, Service, World};
use tempaccess_tests::cli::{Machine, Ran};

fn demo(world: World) -> (Sandbox, Machine) {
    let sandbox = Sandbox::start(world).unwrap();
    let mut machine = Machine::at(&sandbox);
    machine.set("TEMPACCESS_USERNAME", "ada@example.com");
    (sandbox, machine)
}

fn asked(sandbox: &Sandbox, service: Service, what: &str) -> usize {
    sandbox.requests().iter().filter(|request| request.service == service && request.what == what).count()
}

fn login(machine: &Machine, rest: &str) -> Ran {
    machine.run_with(&format!("login --password-stdin --no-interactive {rest}"), "correct horse\n")
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|_| panic!("{text}"))
}

#[test]
fn every_role_by_one_sign_in_and_each_failure_by_itself() {
    let mut world = World::demo();
    world.user_mut("ada@example.com").unwrap().roles.truncate(3);
    // One of the three does not trust the provider any more.
    world.roles[1].trusts = Some(vec![]);
    let (sandbox, machine) = demo(world);
    let ran = login(&machine, "--all --output json");
    assert_eq!(ran.code, 46, "{ran}");
    let printed = json(&ran.stdout);
    let arns = |list: &Value| -> Vec<String> {
        let list = list.as_array().unwrap();
        list.iter().map(|role| role["role_arn"].as_str().unwrap().rsplit("iam::").next().unwrap().to_owned()).collect()
    };
    assert_eq!(arns(&printed["granted"]), ["111122223333:role/ReadOnly", "444455556666:role/ReadOnly"]);
    assert_eq!(arns(&printed["failed"]), ["111122223333:role/ops/Migration"]);
    assert_eq!(printed["failed"][0]["error"]["kind"], "access_denied");
    assert_eq!(json(ran.stderr.lines().last().unwrap())["error"]["message"], "1 of 3 roles were not given");
    assert_eq!(asked(&sandbox, Service::Sts, "AssumeRoleWithSAML"), 3);
    assert_eq!(machine.audit().len(), 3);
    // What was given is kept, each under its own name, and is not asked for again.
    let ran = machine.run("credentials --all --account 4* --output json --no-interactive");
    assert_eq!(ran.code, 0, "{ran}");
    let one = &json(&ran.stdout)["granted"][0];
    assert_eq!(one["expiration"], printed["granted"][1]["expiration"]);
    assert!(one["secret_access_key"].is_string());
    assert_eq!(asked(&sandbox, Service::Sts, "AssumeRoleWithSAML"), 3);
    let exact =
        "--role arn:aws:iam::444455556666:role/ReadOnly --provider arn:aws:iam::444455556666:saml-provider/Okta";
    let ran = machine.run(&format!("credentials --output credential-process --no-interactive {exact}"));
    assert_eq!(json(&ran.stdout)["AccessKeyId"], one["access_key_id"]);
    // For people: one line a role. For what cannot hold many: an error.
    let ran = machine.run("login --all --role Read* --no-interactive");
    assert_eq!((ran.code, ran.stdout.lines().filter(|line| line.starts_with("given:")).count()), (0, 2), "{ran}");
    assert_eq!(machine.run("login --all --role Nobody --no-interactive").code, 31);
    assert_eq!(machine.run("credentials --all --output env").code, 2);
}

/// A source whose assertions are minted when they are asked for, by the sandbox's time.
#[derive(Debug)]
struct Minting {
    sandbox: Arc<Sandbox>,
    count: Arc<AtomicUsize>,
}

#[async_trait::async_trait]
impl AssertionSource for Minting {
    fn describe(&self) -> String {
        "minting".to_owned()
    }

    async fn saml_response(&self, _: &AssertionRequest<'_>) -> Result<SamlResponse> {
        self.count.fetch_add(1, Ordering::Relaxed);
        let claims = self.sandbox.claims_of("ada@example.com").unwrap();
        SamlResponse::detect(self.sandbox.mint(&claims).unwrap().as_bytes(), &Limits::default())
    }
}

/// The sandbox's time.
#[derive(Debug)]
struct ItsClock(Arc<Sandbox>);

impl Clock for ItsClock {
    fn now(&self) -> jiff::Timestamp {
        self.0.clock().now()
    }

    fn monotonic(&self) -> std::time::Duration {
        self.now().duration_since(jiff::Timestamp::UNIX_EPOCH).unsigned_abs()
    }
}

#[tokio::test]
async fn an_assertion_that_ends_is_followed_by_another() {
    let mut world = World::demo();
    world.user_mut("ada@example.com").unwrap().roles.truncate(3);
    for number in 0..40 {
        let arn = format!("arn:aws:iam::111122223333:role/Team{number}");
        let role = tempaccess_sandbox::Role { arn: arn.clone(), ..world.roles[0].clone() };
        world.roles.push(role);
        let ada = world.user_mut("ada@example.com").unwrap();
        ada.roles.push(format!("{arn},arn:aws:iam::111122223333:saml-provider/Okta"));
    }
    let sandbox = Arc::new(Sandbox::start(world).unwrap());
    let sts = StsExchange::builder().endpoint_url(sandbox.sts_url()).build().unwrap();
    let source = Minting { sandbox: Arc::clone(&sandbox), count: Arc::default() };
    let count = Arc::clone(&source.count);
    let access = TempAccess::builder(source, sts).clock(Arc::new(ItsClock(Arc::clone(&sandbox)))).build();
    let mut seen = Vec::new();
    let told = |progress: Progress| {
        // While the first ones are under way.
        if progress.done == 1 {
            sandbox.clock().advance(jiff::SignedDuration::from_mins(6));
        }
        seen.push(progress.done);
    };
    let roles = access.all_credentials(told).await.unwrap();
    let refused: Vec<_> = roles.iter().filter_map(|role| role.result.as_ref().err()).collect();
    assert!(refused.is_empty(), "{refused:?}");
    assert_eq!(seen, (0..=43).collect::<Vec<_>>());
    assert_eq!(count.load(Ordering::Relaxed), 2);
}

#[test]
fn a_role_is_chained_to_another() {
    let (sandbox, machine) = demo(World::demo());
    let chain = "--role 111122223333/ReadOnly --chain arn:aws:iam::777788889999:role/Deploy --external-id contract-17";
    let ran = login(&machine, &format!("{chain} --duration 4h --output json"));
    assert_eq!(ran.code, 0, "{ran}");
    let given = json(&ran.stdout);
    assert_eq!(given["role_arn"], "arn:aws:iam::777788889999:role/Deploy");
    assert_eq!(given["assumed_role_arn"], "arn:aws:sts::777788889999:assumed-role/Deploy/ada@example.com");
    assert_eq!(given["chained_from"], "arn:aws:sts::111122223333:assumed-role/ReadOnly/ada@example.com");
    assert_eq!((&given["duration_asked"], &given["duration_granted"]), (&14_400.into(), &3_600.into()));
    assert_eq!(given["shortened"][0]["by"], "role_chaining");
    let audit = machine.audit();
    assert_eq!(audit.len(), 2);
    assert_eq!(audit[1]["chained_from"], given["chained_from"]);
    assert_eq!((&audit[1]["role_arn"], &audit[1]["session_name"]), (&given["role_arn"], &"ada@example.com".into()));
    // Both are kept: the last one is asked of nobody, another scope of it of STS alone.
    let process = format!("credentials --output credential-process --no-interactive {chain}");
    let before = sandbox.requests().len();
    let ran = machine.run(&format!("{process} --duration 4h"));
    assert_eq!(json(&ran.stdout)["AccountId"], "777788889999");
    assert_eq!(sandbox.requests().len(), before);
    let ran = machine.run(&format!("{process} --duration 20m"));
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(asked(&sandbox, Service::Sts, "AssumeRole"), 2);
    let status = machine.run("status");
    assert!(status.stdout.contains("arn:aws:sts::777788889999:assumed-role/Deploy/ada@example.com"), "{status}");

    // What the trust policy refuses is said with what to look at.
    let ran = machine.run(&process.replace("contract-17", "contract-18"));
    assert_eq!(ran.code, 46, "{ran}");
    assert!(ran.stderr.contains("the previous role needs `sts:AssumeRole`"), "{ran}");
    assert_eq!(machine.run(&process.replace("contract-17", "x")).code, 33);
    assert_eq!(machine.run(&process.replace("arn:aws:iam::777788889999:role/", "")).code, 2);
}

#[tokio::test]
async fn chained_roles_and_many_at_once_exclude_each_other() {
    let sandbox = Arc::new(Sandbox::start(World::demo()).unwrap());
    let sts = StsExchange::builder().endpoint_url(sandbox.sts_url()).build().unwrap();
    let next = ChainedRole::new("arn:aws:iam::777788889999:role/Deploy".parse().unwrap());
    let source = Minting { sandbox, count: Arc::default() };
    let access = TempAccess::builder(source, sts).chained_role(next).build();
    assert_eq!(access.all_credentials(|_| {}).await.unwrap_err().kind(), ErrorKind::InvalidArgument);
}
