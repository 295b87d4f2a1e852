//! Grants in the hands of programs that we did not write: the AWS CLI and boto3, each at its time.
#![cfg(unix)]

use std::path::PathBuf;

use tempaccess_sandbox::Sandbox;
use tempaccess_tests::contractor::{Person, people, sandbox};
use tempaccess_tests::parts;

const BOTO3: &str = "import boto3, sys; s3 = boto3.Session(profile_name=sys.argv[1]).client('s3')\n\
                     print([o['Key'] for o in s3.list_objects_v2(Bucket=sys.argv[2])['Contents']])";

/// Programs that list a bucket, and a way to start them at another time.
struct Programs {
    faketime: PathBuf,
    python: PathBuf,
    clis: [PathBuf; 2],
    endpoint: String,
}

impl Programs {
    fn find(sandbox: &Sandbox) -> Option<Self> {
        Some(Self {
            faketime: parts::debian("/usr/bin/faketime", "faketime")?,
            python: parts::python()?,
            clis: [parts::python_program("aws")?, parts::debian("/usr/bin/aws", "awscli")?],
            endpoint: sandbox.sts_url(),
        })
    }

    /// What each of them writes that lists a bucket as this profile, this many minutes from now.
    fn list(&self, person: &Person, profile: &str, bucket: &str, minutes: i64) -> Vec<(bool, String)> {
        // Version 2 of the AWS CLI has not always read `AWS_ENDPOINT_URL_S3`.
        let bucket_url = format!("s3://{bucket}");
        let cli = ["--profile", profile, "--endpoint-url", &self.endpoint, "s3", "ls", &bucket_url].map(str::to_owned);
        let boto3 = ["-c", BOTO3, profile, bucket].map(str::to_owned);
        let [first, second] = &self.clis;
        let runs = [(first, cli.to_vec()), (second, cli.to_vec()), (&self.python, boto3.to_vec())];
        let run = |(program, arguments): (&PathBuf, Vec<String>)| {
            let mut command = person.0.program(&self.faketime);
            command.args(["-f", &format!("+{minutes}m")]).arg(program).args(arguments);
            command.env("AWS_EC2_METADATA_DISABLED", "true").env("AWS_DEFAULT_REGION", "us-east-1");
            let output = command.current_dir(person.0.home()).output().expect("it runs");
            let text = [output.stdout, output.stderr].concat();
            (output.status.success(), String::from_utf8_lossy(&text).into_owned())
        };
        runs.into_iter().map(run).collect()
    }
}

fn advance(sandbox: &Sandbox, minutes: i64) {
    sandbox.clock().advance(jiff::SignedDuration::from_mins(minutes));
}

/// Asserts that all of them list the bucket.
fn listed(runs: &[(bool, String)]) {
    assert!(runs.iter().all(|(ok, text)| *ok && text.contains("README.txt")), "{runs:?}");
}

/// Asserts that all of them are told this.
fn refused(runs: &[(bool, String)], why: &str) {
    assert!(runs.iter().all(|(ok, text)| !*ok && text.contains(why)), "{why}: {runs:?}");
}

#[test]
fn a_session_that_was_granted_is_narrow_and_ends() {
    let sandbox = sandbox();
    let Some(programs) = Programs::find(&sandbox) else { return };
    let (alan, contractor) = people(&sandbox);
    let issue = "grant issue admin --to grace@example.com --seal-to contractor.pub --role ledger/Granted \
                 --policy one-bucket.json --for 40m --reason OPS-123 --yes";
    contractor.write("ticket.txt", &alan.ok(issue).stdout);
    let opened = contractor.ok("grant open ticket.txt --account 111122223333 --region us-east-1 --output json");
    let facts: serde_json::Value = serde_json::from_str(&opened.stdout).unwrap();
    let profile = facts["profile"].as_str().unwrap();
    listed(&programs.list(&contractor, profile, "ledger", 0));
    refused(&programs.list(&contractor, profile, "vault", 0), "AccessDenied");
    // The end that STS gave, with nothing of ours running, and a message that says whom to ask.
    advance(&sandbox, 41);
    refused(&programs.list(&contractor, profile, "ledger", 41), "ask `alan@example.com`");
}

#[test]
fn a_policy_that_was_granted_is_extended_in_place_and_ends_on_its_date() {
    let sandbox = sandbox();
    let Some(programs) = Programs::find(&sandbox) else { return };
    let (alan, _) = people(&sandbox);
    let config = "[profiles.people]\nusername = \"grace@example.com\"\nrole = \"111122223333/People\"\n";
    let grace = Person::at(&sandbox, config);
    // She signs in once, before anything is granted, and never again.
    let ran = grace.run_with("login people --duration 1h --password-stdin --no-interactive", "battery staple\n");
    assert_eq!(ran.code, 0, "{ran}");
    grace.ok("profiles sync --no-interactive");
    refused(&programs.list(&grace, "people", "ledger", 0), "AccessDenied");
    let permit = "grant permit --to grace@example.com --on ledger/People --policy one-bucket.json --for 10m \
                  --reason OPS-124 --profile admin --yes --output json";
    let permitted: serde_json::Value = serde_json::from_str(&alan.ok(permit).stdout).unwrap();
    let id = permitted["id"].as_str().unwrap();
    listed(&programs.list(&grace, "people", "ledger", 0));
    refused(&programs.list(&grace, "people", "vault", 0), "AccessDenied");
    alan.ok(&format!("grant extend {id} --for 20m --reason OPS-125 --profile admin --yes"));
    advance(&sandbox, 12);
    listed(&programs.list(&grace, "people", "ledger", 12));
    // Her credentials last for an hour; the policy has ended.
    advance(&sandbox, 20);
    refused(&programs.list(&grace, "people", "ledger", 32), "AccessDenied");
}

/// One of two sessions of a role is revoked: the other goes on.
#[test]
fn a_session_that_is_revoked_is_refused_and_its_sibling_is_not() {
    let sandbox = sandbox();
    let Some(programs) = Programs::find(&sandbox) else { return };
    let (alan, contractor) = people(&sandbox);
    let open = |to: &str| {
        let issue = format!(
            "grant issue admin --to {to}@example.com --seal-to contractor.pub --role ledger/Granted \
             --policy one-bucket.json --for 40m --reason OPS-123 --yes"
        );
        contractor.write("ticket.txt", &alan.ok(&issue).stdout);
        let opened = contractor.ok("grant open ticket.txt --account 111122223333 --region us-east-1 --output json");
        let facts: serde_json::Value = serde_json::from_str(&opened.stdout).unwrap();
        (facts["id"].as_str().unwrap().to_owned(), facts["profile"].as_str().unwrap().to_owned())
    };
    let ((id, revoked), (_, sibling)) = (open("grace"), open("barbara"));
    listed(&programs.list(&contractor, &revoked, "ledger", 0));
    alan.ok(&format!("grant revoke {id} --reason OPS-124 --profile admin --yes"));
    refused(&programs.list(&contractor, &revoked, "ledger", 0), "AccessDenied");
    listed(&programs.list(&contractor, &sibling, "ledger", 0));
    alan.ok(&format!("grant revoke {id} --undo --reason OPS-125 --profile admin --yes"));
    listed(&programs.list(&contractor, &revoked, "ledger", 0));
}

/// An administrator who assumes the role without this program, and without what a grant has.
#[test]
fn the_aws_cli_alone_cannot_assume_a_granted_role() {
    let sandbox = sandbox();
    let Some(programs) = Programs::find(&sandbox) else { return };
    let (alan, _) = people(&sandbox);
    let granted = "arn:aws:iam::111122223333:role/Granted";
    for cli in &programs.clis {
        let assume = |session: &str| {
            let name = cli.to_str().unwrap();
            alan.run(&format!(
                "exec admin -- {name} --endpoint-url {} --region us-east-1 sts assume-role --role-arn {granted} \
                 --role-session-name {session}",
                programs.endpoint
            ))
        };
        for session in ["alan@example.com", "grace@example.com+k7q3m5xw2p4a"] {
            let ran = assume(session);
            assert!(ran.code != 0 && ran.stderr.contains("AccessDenied"), "{ran}");
            assert!(ran.stderr.contains("is not authorized to perform: sts:AssumeRole on resource"), "{ran}");
        }
    }
}

/// Twenty processes of one administrator give access on one role at once. Each is given, recorded and listed, or is told what to do.
#[test]
fn of_twenty_processes_on_one_role_each_gives_or_says_why_not() {
    let sandbox = sandbox();
    let (alan, _) = people(&sandbox);
    alan.ok("login admin --no-interactive");
    let permit = |number: usize| {
        let line = format!(
            "grant permit --to person{number}@example.com --on ledger/People --policy one-bucket.json --for 1h \
             --reason OPS-{number} --profile admin --yes --output json"
        );
        alan.run(&line)
    };
    let ran: Vec<_> = std::thread::scope(|scope| {
        let running: Vec<_> = (0..20).map(|number| scope.spawn(move || permit(number))).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let given: Vec<_> = ran.iter().filter(|ran| ran.code == 0).collect();
    assert!(!given.is_empty(), "{ran:?}");
    for refused in ran.iter().filter(|ran| ran.code != 0) {
        // Another change came between, or the policies of the role are full.
        assert!(matches!(refused.code, 52 | 54), "{}: {}", refused.code, refused.stderr);
        assert!(refused.stderr.contains("hint:"), "{}", refused.stderr);
    }
    let listed: serde_json::Value =
        serde_json::from_str(&alan.ok("grant list --profile admin --output json").stdout).unwrap();
    let live = listed["grants"].as_array().unwrap();
    assert_eq!(live.len(), given.len(), "{listed}");
    let checked = alan.ok("grant check --profile admin").stdout;
    assert!(checked.contains("the records and IAM agree"), "{checked}");
}
