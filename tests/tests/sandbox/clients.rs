//! boto3 and the AWS CLI use the sandbox's IAM, STS and S3 as they use AWS.

use serde_json::{Value, json};
use tempaccess_sandbox::{Sandbox, SandboxBuilder, World};
use tempaccess_tests::aws::{Credentials, sign_in};
use tempaccess_tests::aws_clients::{aws_cli, aws_clis, client, stdout};
use tempaccess_tests::parts;

const ADMIN: &str = "arn:aws:iam::111122223333:role/AccessAdmin";

/// The same sandbox over HTTP and over TLS, for which the SDKs send other bodies.
fn sandboxes() -> impl Iterator<Item = Sandbox> {
    let builders = [|builder: SandboxBuilder| builder, SandboxBuilder::tls];
    builders.into_iter().map(|change| change(Sandbox::builder(World::demo())).start().unwrap())
}

fn ada(sandbox: &Sandbox) -> Credentials {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(sign_in(sandbox, "ada@example.com", ADMIN)).credentials()
}

#[test]
fn boto3_hands_out_ends_and_records_access() {
    let Some(python) = parts::python() else { return };
    for sandbox in sandboxes() {
        let home = tempfile::tempdir().unwrap();
        let script = tempaccess_tests::workspace().join("tests/parts/boto3_grants.py");
        let output = client(&python, &sandbox, &ada(&sandbox), home.path()).arg(script).output().unwrap();
        let mut seen: Value = serde_json::from_str(&stdout(&output)).unwrap();
        let id = seen["role_id"].take();
        assert_eq!(seen["assumed_role_id"].take(), format!("{}:grace@example.com+k7q3m5xw2p4a", id.as_str().unwrap()));
        let expected = json!({
            "sids": ["Grant", "GrantTags", "GrantSource"],
            "role_id": null,
            "assumed_role_id": null,
            "boundary": "arn:aws:iam::111122223333:policy/GrantCeiling",
            "roles": ["AccessAdmin", "Granted", "Migration", "People", "ReadOnly"],
            "content": "date,amount\n2026-10-01,17.50\n",
            "keys": ["2026/10.csv", "2026/11.csv", "README.txt"],
            "put": "AccessDenied",
            "missing": "NoSuchKey",
            "read_back": true,
            "ended": "AccessDenied",
            "restored": null,
            "policies": ["Read"],
            "attached": ["GrantGuard"],
            "gone": "NoSuchEntity",
            "refused": "AccessDenied",
            "again": "PreconditionFailed",
            "record": "{}",
            "size": 2,
            "region": "us-east-1",
            "nowhere": "NoSuchBucket",
        });
        assert_eq!(seen, expected);
    }
}

#[test]
fn the_aws_cli_reads_policies_and_copies_objects() {
    for aws in aws_clis() {
        for sandbox in sandboxes() {
            let home = tempfile::tempdir().unwrap();
            let ada = ada(&sandbox);
            let aws = |arguments: &[&str]| {
                let mut command = aws_cli(&aws, &sandbox, &ada, home.path());
                command.current_dir(home.path()).args(arguments).args(["--output", "json"]).output().unwrap()
            };
            let read = ["iam", "get-role-policy", "--role-name", "Granted", "--policy-name", "Read"];
            let policy: Value = serde_json::from_str(&stdout(&aws(&read))).unwrap();
            assert_eq!(policy["PolicyDocument"]["Statement"][0]["Effect"], "Allow");
            std::fs::write(home.path().join("0001.json"), "{}\n").unwrap();
            stdout(&aws(&["s3", "cp", "0001.json", "s3://access-records/k7q3/0001.json"]));
            assert_eq!(sandbox.buckets().object("access-records", "k7q3/0001.json").as_deref(), Some(&b"{}\n"[..]));
            assert!(stdout(&aws(&["s3", "ls", "s3://access-records"])).contains("PRE k7q3/"));
            stdout(&aws(&["s3", "cp", "s3://access-records/k7q3/0001.json", "copy.json"]));
            assert_eq!(std::fs::read_to_string(home.path().join("copy.json")).unwrap(), "{}\n");
            let denied = aws(&["s3", "ls", "s3://ledger"]);
            let text = String::from_utf8_lossy(&denied.stderr);
            assert!(text.contains("because no identity-based policy allows the s3:ListBucket action"), "{text}");
        }
    }
}
