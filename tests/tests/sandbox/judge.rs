//! A second opinion about the sandbox's judge: an implementation of IAM's rules that we did not write agrees with it on a
//! thousand random policies.

use http::Method;
use serde_json::{Map, Value, json};
use tempaccess_sandbox::{Policy, Sandbox, ServiceControlPolicy, World};
use tempaccess_tests::aws::{Call, Credentials, sign_in_with};
use tempaccess_tests::parts;
use tempaccess_tests::second_opinion::second_opinion;

const ROLE: &str = "arn:aws:iam::111122223333:role/ReadOnly";
const BOUNDARY: &str = "arn:aws:iam::111122223333:policy/Random";
/// How many worlds, each with its own boundary, session policy and service control policies.
const WORLDS: u64 = 40;
/// How many sets of policies of the role in each world.
const SETS: usize = 25;

/// Random choices that are the same in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        // Constants of Knuth's MMIX; the upper bits are the good ones.
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % limit
    }

    fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == 0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    /// Returns one of the texts, or a list of some.
    fn some(&mut self, from: &[&str]) -> Value {
        match self.below(3) {
            0 => json!([self.pick(from), self.pick(from)]),
            _ => json!(self.pick(from)),
        }
    }
}

const ACTIONS: &[&str] =
    &["s3:GetObject", "s3:Get*", "s3:*", "*", "s3:ListBucket", "s3:PutObject", "S3:getobject", "s3:?etObject", "iam:*"];
const RESOURCES: &[&str] = &[
    "*",
    "arn:aws:s3:::ledger",
    "arn:aws:s3:::*",
    "arn:aws:s3:::ledger/*",
    "arn:aws:s3:::led*/2026/*",
    "arn:aws:s3:::ledger/2026/1?.csv",
    "arn:aws:s3:::${aws:PrincipalTag/Bucket}/*",
    "arn:aws:s3:::${aws:PrincipalTag/Bucket}",
    "arn:aws:s3:::ledger/${aws:PrincipalTag/Missing, 'README.txt'}",
    "arn:aws:s3:::vault/*",
];
/// Operators, keys, and values to compare them with.
const CONDITIONS: &[(&[&str], &str, &[&str])] = &[
    (
        &[
            "StringEquals",
            "StringNotEquals",
            "StringEqualsIgnoreCase",
            "StringNotEqualsIgnoreCase",
            "StringLike",
            "StringNotLike",
        ],
        "aws:PrincipalTag/Team",
        &["storage", "STORAGE", "sto*", "?torage", "${aws:PrincipalTag/Team}", "compute", "*"],
    ),
    (
        &[
            "StringEquals",
            "StringNotEquals",
            "StringEqualsIfExists",
            "StringNotEqualsIfExists",
            "StringLike",
            "StringNotLike",
        ],
        "aws:PrincipalTag/Missing",
        &["storage", "*"],
    ),
    (
        &["StringLike", "StringNotLike", "StringEquals"],
        "aws:userid",
        &["*:alan@example.com", "*:grace@example.com", "AROA*"],
    ),
    (&["Null"], "aws:PrincipalTag/Team", &["true", "false"]),
    (&["Null"], "aws:PrincipalTag/Missing", &["true", "false"]),
    (
        &[
            "DateLessThan",
            "DateLessThanEquals",
            "DateGreaterThan",
            "DateGreaterThanEquals",
            "DateEquals",
            "DateNotEquals",
        ],
        "aws:CurrentTime",
        &["2026-11-25T14:00:00Z", "2026-11-25T14:00:01Z", "2026-11-25", "2030-01-01T00:00:00Z"],
    ),
    (&["DateLessThan", "DateGreaterThan"], "aws:TokenIssueTime", &["2026-11-25T14:00:00Z", "2026-11-25T13:59:59Z"]),
    (
        &["IpAddress", "NotIpAddress"],
        "aws:SourceIp",
        &["203.0.113.0/24", "203.0.113.7", "198.51.100.0/24", "2001:db8::/32"],
    ),
    (
        &["ArnLike", "ArnNotLike", "ArnEquals", "ArnNotEquals", "StringLike", "StringEquals"],
        "aws:PrincipalArn",
        &[ROLE, "arn:aws:iam::*:role/ReadOnly", "arn:aws:iam::111122223333:role/*", "arn:aws:iam::111122223333:user/*"],
    ),
    (&["Bool", "BoolIfExists"], "aws:SecureTransport", &["true", "false"]),
    (&["StringEquals", "StringNotEquals"], "AWS:principalaccount", &["111122223333", "444455556666"]),
];

fn statement(random: &mut Random, denials: usize) -> Value {
    let mut statement = Map::new();
    statement.insert("Effect".to_owned(), json!(if random.one_in(denials) { "Deny" } else { "Allow" }));
    let name = if random.one_in(8) { "NotAction" } else { "Action" };
    statement.insert(name.to_owned(), random.some(ACTIONS));
    let name = if random.one_in(8) { "NotResource" } else { "Resource" };
    statement.insert(name.to_owned(), random.some(RESOURCES));
    let mut conditions = Map::new();
    for _ in 0..random.below(3) {
        let (operators, key, values) = random.pick(CONDITIONS);
        let values = random.some(values);
        conditions.insert(random.pick(operators).to_owned(), json!({ key: values }));
    }
    if !conditions.is_empty() {
        statement.insert("Condition".to_owned(), Value::Object(conditions));
    }
    Value::Object(statement)
}

fn policy(random: &mut Random) -> Value {
    let statements: Vec<_> = (0..=random.below(3)).map(|_| statement(random, 4)).collect();
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// A policy that allows most things, so that the others decide, too.
fn wide_policy(random: &mut Random) -> Value {
    let all = json!({ "Effect": "Allow", "Action": "*", "Resource": "*" });
    let statements = if random.one_in(4) { vec![statement(random, 4)] } else { vec![all, statement(random, 1)] };
    json!({ "Version": "2012-10-17", "Statement": statements })
}

/// What all cases of a world have in common.
struct Bounds {
    boundary: Option<Value>,
    session: Option<Value>,
    scps: Vec<Value>,
}

impl Bounds {
    fn new(random: &mut Random) -> Self {
        let boundary = random.one_in(2).then(|| wide_policy(random));
        let session = random.one_in(2).then(|| wide_policy(random));
        let scps = (0..random.below(3)).map(|_| wide_policy(random)).collect();
        Self { boundary, session, scps }
    }

    async fn sandbox(&self) -> (Sandbox, Credentials) {
        let mut world = World::demo();
        let alan = world.user_mut("alan@example.com").unwrap();
        alan.tags.insert("Team".to_owned(), "storage".to_owned());
        alan.tags.insert("Bucket".to_owned(), "ledger".to_owned());
        let role = world.roles.iter_mut().find(|role| role.arn == ROLE).unwrap();
        if let Some(document) = &self.boundary {
            role.boundary = Some("Random".to_owned());
            world.policies.push(Policy { arn: BOUNDARY.to_owned(), document: document.to_string() });
        }
        for document in &self.scps {
            world.scps.push(ServiceControlPolicy { document: document.to_string(), accounts: None });
        }
        let sandbox = Sandbox::start(world).unwrap();
        sandbox.clock().stop_at("2026-11-25T14:00:00Z".parse().unwrap());
        sandbox.iam().set_source_ip("203.0.113.7".parse().unwrap());
        let session = self.session.as_ref().map(Value::to_string);
        let parameters: Vec<_> = session.iter().map(|policy| ("Policy", policy.as_str())).collect();
        let answer = sign_in_with(&sandbox, "alan@example.com", ROLE, &parameters).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        let credentials = answer.credentials();
        (sandbox, credentials)
    }
}

/// Asks the sandbox with a call. Returns whether it is allowed.
async fn allows(sandbox: &Sandbox, alan: &Credentials, resource: &str) -> bool {
    let path = resource.replace("arn:aws:s3:::", "/");
    let query: &[_] = if path.rfind('/') == Some(0) { &[("list-type", "2")] } else { &[] };
    let call = Call { service: "s3", method: Method::GET, path: &path, query, headers: &[] };
    let answer = call.send(sandbox, alan, b"").await;
    assert!([200, 403].contains(&answer.status), "{resource}: {}", answer.text);
    answer.status == 200
}

#[tokio::test]
async fn the_judge_agrees_with_a_second_opinion() {
    if parts::npm_package("@cloud-copilot/iam-simulate").is_none() {
        return;
    }
    let mut random = Random(20_261_125);
    let (mut cases, mut opinions) = (Vec::new(), Vec::new());
    for _ in 0..WORLDS {
        let bounds = Bounds::new(&mut random);
        let (sandbox, alan) = bounds.sandbox().await;
        for _ in 0..SETS {
            let identity: Vec<_> = (0..=random.below(2)).map(|_| policy(&mut random)).collect();
            for name in sandbox.iam().role_policies(ROLE).into_keys() {
                sandbox.iam().delete_role_policy(ROLE, &name);
            }
            for (number, document) in identity.iter().enumerate() {
                sandbox.iam().put_role_policy(ROLE, &format!("policy{number}"), &document.to_string());
            }
            let resource = random.pick(&[
                "arn:aws:s3:::ledger/2026/10.csv",
                "arn:aws:s3:::ledger/README.txt",
                "arn:aws:s3:::ledger",
            ]);
            let action = if resource.contains('/') { "s3:GetObject" } else { "s3:ListBucket" };
            opinions.push(allows(&sandbox, &alan, resource).await);
            cases.push(json!({
                "identity": identity,
                "boundary": bounds.boundary,
                "session": bounds.session,
                "scps": bounds.scps,
                "principal": "arn:aws:sts::111122223333:assumed-role/ReadOnly/alan@example.com",
                "action": action,
                "resource": resource,
                "context": {
                    "aws:PrincipalArn": ROLE,
                    "aws:PrincipalAccount": "111122223333",
                    "aws:PrincipalTag/Team": "storage",
                    "aws:PrincipalTag/Bucket": "ledger",
                    "aws:userid": alan.role_id,
                    "aws:CurrentTime": "2026-11-25T14:00:00Z",
                    "aws:TokenIssueTime": "2026-11-25T14:00:00Z",
                    "aws:SourceIp": "203.0.113.7",
                    "aws:SecureTransport": "false",
                },
            }));
        }
    }
    let allowed = opinions.iter().filter(|is_allowed| **is_allowed).count();
    assert!((100..900).contains(&allowed), "{allowed} of {} are allowed, which compares too little", opinions.len());

    let Some(theirs) = second_opinion(&cases) else { return };
    let differences: Vec<_> = theirs
        .iter()
        .zip(&opinions)
        .zip(&cases)
        .filter(|((theirs, ours), _)| *theirs != if **ours { "Allowed" } else { "ImplicitlyDenied" })
        .filter(|((theirs, ours), _)| **ours || *theirs != "ExplicitlyDenied")
        .map(|((theirs, ours), case)| format!("theirs: {theirs}, allowed here: {ours}\n{case:#}"))
        .collect();
    assert!(differences.is_empty(), "{} differences, the first is {}", differences.len(), differences[0]);
}
