//! The templates of `tempaccess setup`: every form says the same, and the tools that people check theirs with find nothing.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Map, Value, json};
use tempaccess_core::setup::{AwsSetup, Ceiling, SetupModel, TemplateForm, render};
use tempaccess_sandbox::{Sandbox, World};
use tempaccess_tests::account::{ACCOUNT, PROVIDER, emitted, setup};
use tempaccess_tests::aws::sign_in;
use tempaccess_tests::cli::Machine;
use tempaccess_tests::parts;

/// Returns the metadata of an identity provider, with all that templates could take for their own.
fn metadata() -> String {
    let certificate = "MIIC${x}%{y}".repeat(120);
    format!(
        "<EntityDescriptor entityID=\"http://www.okta.com/x\">\n  EOT\n  <!-- \"{certificate}\" -->\n</EntityDescriptor>\n"
    )
}

fn aws_setup() -> AwsSetup {
    let mut aws = AwsSetup::new(PROVIDER.parse().unwrap(), metadata());
    for role in ["ReadOnly", "ops/Migration"] {
        aws.roles.push(format!("arn:aws:iam::{ACCOUNT}:role/{role}").parse().unwrap());
    }
    aws.max_session_duration = 14_400;
    aws.recipients.push("https://eu-west-1.signin.aws.amazon.com/saml".to_owned());
    aws.policy_arns = vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".parse().unwrap()];
    aws
}

/// Returns the models to write: of both commands, and with roles that exist.
fn models() -> Vec<(&'static str, SetupModel)> {
    let mut existing = setup();
    existing.existing = ["AccessAdmin", "Granted", "People"].map(str::to_owned).into();
    let mut abroad = setup();
    abroad.admins.push("arn:aws:iam::444455556666:role/ops/AccessAdmin".parse().unwrap());
    abroad.ceiling = Ceiling::Existing("arn:aws:iam::aws:policy/ReadOnlyAccess".parse().unwrap());
    abroad.granted_policy = None;
    vec![
        ("grants", setup().model().unwrap()),
        ("existing", existing.model().unwrap()),
        ("abroad", abroad.model().unwrap()),
        ("aws", aws_setup().model().unwrap()),
    ]
}

/// Runs a command that must find nothing.
fn passes(command: &mut Command) -> String {
    let ran = command.output().unwrap();
    let text = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{command:?}: {text}");
    String::from_utf8(ran.stdout).unwrap()
}

#[test]
fn cfn_lint_finds_nothing() {
    let Some(lint) = parts::python_program("cfn-lint") else { return };
    let folder = tempfile::tempdir().unwrap();
    for (name, model) in models() {
        let file = folder.path().join(format!("{name}.json"));
        std::fs::write(&file, render(&model, TemplateForm::CloudFormation)).unwrap();
        passes(Command::new(&lint).args(["--include-checks", "I", "--"]).arg(file));
    }
}

/// Prints what parliament finds in policies. Not its remarks of the lowest severity: it wants operators for ARNs where AWS
/// documents those for strings.
const PARLIAMENT: &str = r"
import json, parliament, sys
for policy in json.load(sys.stdin):
    for finding in parliament.analyze_policy_string(json.dumps(policy['document'])).findings:
        finding = parliament.enhance_finding(finding)
        if finding.severity != 'LOW':
            print(policy['name'], finding.issue, finding.detail)
";

#[test]
fn parliament_finds_nothing() {
    let (Some(python), Some(_)) = (parts::python(), parts::python_program("parliament")) else { return };
    let mut child =
        Command::new(python).args(["-c", PARLIAMENT]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    serde_json::to_writer(child.stdin.take().unwrap(), &emitted(&setup())["policies"]).unwrap();
    let ran = child.wait_with_output().unwrap();
    let found = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success() && found.is_empty(), "{found}");
}

/// What CloudFormation makes of an expression.
fn resolved(value: &Value, resources: &Value) -> Value {
    let arn = |name: &Value| {
        let resource = &resources[name.as_str().unwrap()];
        let property = |name: &str| resource["Properties"][name].as_str().unwrap_or_default();
        match resource["Type"].as_str().unwrap() {
            "AWS::IAM::Role" => {
                format!("arn:aws:iam::{ACCOUNT}:role{}{}", property("Path"), property("RoleName"))
            }
            "AWS::IAM::ManagedPolicy" => format!("arn:aws:iam::{ACCOUNT}:policy/{}", property("ManagedPolicyName")),
            "AWS::IAM::SAMLProvider" => format!("arn:aws:iam::{ACCOUNT}:saml-provider/{}", property("Name")),
            other => panic!("a reference to {other}"),
        }
    };
    match value {
        Value::Array(values) => values.iter().map(|value| resolved(value, resources)).collect(),
        Value::Object(object) => match object.iter().next() {
            Some((key, name)) if key == "Ref" => arn(name).into(),
            Some((key, names)) if key == "Fn::GetAtt" => arn(&names[0]).into(),
            Some((key, text)) if key == "Fn::Sub" => {
                let text = text.as_str().unwrap();
                let text = text.replace("${AWS::Partition}", "aws").replace("${AWS::AccountId}", ACCOUNT);
                text.replace("${!", "${").into()
            }
            _ => {
                let fields = object.iter().map(|(key, value)| (key.clone(), resolved(value, resources)));
                Value::Object(fields.collect::<Map<_, _>>())
            }
        },
        other => other.clone(),
    }
}

#[test]
fn cloudformation_has_the_parts_of_the_model() {
    for (name, model) in models() {
        let template: Value = serde_json::from_str(&render(&model, TemplateForm::CloudFormation)).unwrap();
        let resources = &template["Resources"];
        let all: Vec<_> = resources.as_object().unwrap().values().collect();
        let find = |kind: &str, key: &str, name: &str| {
            let is_it = |part: &&&Value| part["Type"] == kind && part["Properties"][key] == name;
            resolved(&all.iter().find(is_it).unwrap_or_else(|| panic!("{name}"))["Properties"], resources)
        };
        let mut count = 0;
        for policy in &model.policies {
            let part = find("AWS::IAM::ManagedPolicy", "ManagedPolicyName", &policy.name);
            assert_eq!(part["PolicyDocument"], policy.document, "{name}");
            count += 1;
        }
        for role in model.roles.iter().filter(|role| !role.exists) {
            let part = find("AWS::IAM::Role", "RoleName", &role.name);
            assert_eq!(Some(&part["AssumeRolePolicyDocument"]), role.trust.as_ref(), "{name}");
            assert_eq!(part["PermissionsBoundary"].as_str(), role.boundary.as_deref());
            assert_eq!(part.get("ManagedPolicyArns").cloned().unwrap_or(json!([])), json!(role.attached));
            assert_eq!(
                (&part["Path"], &part["MaxSessionDuration"]),
                (&json!(role.path), &json!(role.max_session_duration))
            );
            count += 1;
        }
        for provider in &model.providers {
            let part = find("AWS::IAM::SAMLProvider", "Name", &provider.name);
            assert_eq!(part["SamlMetadataDocument"], provider.metadata);
            count += 1;
        }
        for bucket in &model.buckets {
            find("AWS::S3::Bucket", "BucketName", &bucket.name);
            let policy = all.iter().find(|part| part["Type"] == "AWS::S3::BucketPolicy").unwrap();
            assert_eq!(resolved(&policy["Properties"]["PolicyDocument"], resources), bucket.policy);
            count += 2;
        }
        assert_eq!(all.len(), count, "{name}");
    }
}

/// Terraform or OpenTofu, where there is one.
fn terraform() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let programs = ["terraform", "tofu"].map(|name| format!("{name}{}", std::env::consts::EXE_SUFFIX));
    let found = std::env::split_paths(&path).flat_map(|folder| programs.clone().map(|name| folder.join(name)));
    let found = found.into_iter().find(|program| program.is_file());
    if found.is_none() {
        parts::skip("terraform is missing; install it from https://developer.hashicorp.com/terraform/install");
    }
    found
}

/// Returns the expressions of a file that are documents, with every reference replaced by the ARN.
fn expressions(file: &str, model: &SetupModel) -> Vec<String> {
    let mut text = file.to_owned();
    let snake = |name: &str| {
        name.chars().enumerate().fold(String::new(), |text, (at, letter)| {
            let separator = if at > 0 && letter.is_ascii_uppercase() { "_" } else { "" };
            format!("{text}{separator}{}", letter.to_ascii_lowercase())
        })
    };
    for role in &model.roles {
        text = text.replace(&format!("aws_iam_role.{}.arn", snake(&role.name)), &format!("\"{}\"", role.arn));
    }
    for provider in &model.providers {
        let reference = format!("aws_iam_saml_provider.{}.arn", snake(&provider.name));
        text = text.replace(&reference, &format!("\"{}\"", provider.arn));
    }
    let mut expressions = Vec::new();
    for part in text.split("= jsonencode(").skip(1) {
        let (expression, _) = part.split_once("\n  })\n").unwrap();
        expressions.push(format!("jsonencode({expression}\n  }})"));
    }
    for part in text.split("= <<EOT_\n").skip(1) {
        let (content, _) = part.split_once("\nEOT_\n").unwrap();
        expressions.push(format!("<<EOT_\n{content}\nEOT_\n"));
    }
    expressions
}

/// Returns what Terraform makes of expressions. It needs no provider for them, and so no network.
fn evaluated(terraform: &Path, expressions: &[String]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let outputs =
        expressions.iter().enumerate().map(|(at, text)| format!("output \"o{at:03}\" {{\n  value = {text}\n}}\n"));
    std::fs::write(folder.path().join("main.tf"), outputs.collect::<String>()).unwrap();
    let run = |arguments: &[&str]| passes(Command::new(terraform).current_dir(folder.path()).args(arguments));
    run(&["init", "-input=false"]);
    run(&["apply", "-auto-approve", "-input=false"]);
    let outputs: Map<String, Value> = serde_json::from_str(&run(&["output", "-json"])).unwrap();
    outputs.values().map(|output| output["value"].clone()).collect()
}

#[test]
fn terraform_formats_and_evaluates_to_the_documents_of_the_model() {
    let Some(terraform) = terraform() else { return };
    let folder = tempfile::tempdir().unwrap();
    let (mut written, mut expected) = (Vec::new(), Vec::new());
    for (name, model) in models() {
        let file = render(&model, TemplateForm::Terraform);
        let path = folder.path().join(format!("{name}.tf"));
        std::fs::write(&path, &file).unwrap();
        passes(Command::new(&terraform).args(["fmt", "-check", "-diff"]).arg(path));
        written.extend(expressions(&file, &model));
        let trusts = model.roles.iter().filter(|role| !role.exists).filter_map(|role| role.trust.clone());
        let policies = model.policies.iter().map(|policy| policy.document.clone());
        expected.extend(policies.chain(trusts));
        expected.extend(model.buckets.iter().map(|bucket| bucket.policy.clone()));
        expected.extend(model.providers.iter().map(|provider| Value::from(provider.metadata.as_str())));
    }
    let found = evaluated(&terraform, &written);
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.iter().zip(&expected) {
        let text = found.as_str().unwrap();
        match expected {
            Value::String(metadata) => assert_eq!(text, metadata),
            document => assert_eq!(&serde_json::from_str::<Value>(text).unwrap(), document),
        }
    }
}

#[test]
fn terraform_validates_where_its_provider_can_be_had() {
    let Some(terraform) = terraform() else { return };
    for (name, model) in models() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("main.tf"), render(&model, TemplateForm::Terraform)).unwrap();
        let run =
            |arguments: &[&str]| Command::new(&terraform).current_dir(folder.path()).args(arguments).output().unwrap();
        if !run(&["init", "-backend=false", "-input=false"]).status.success() {
            parts::skip("the AWS provider of Terraform cannot be downloaded");
            return;
        }
        let ran = run(&["validate"]);
        assert!(ran.status.success(), "{name}: {}", String::from_utf8_lossy(&ran.stderr));
    }
}

#[tokio::test]
async fn people_sign_in_to_the_roles_of_the_template() {
    let template = render(&aws_setup().model().unwrap(), TemplateForm::Json);
    let template: Value = serde_json::from_str(&template).unwrap();
    let mut world = World::demo();
    world.roles.retain(|role| !role.arn.contains(ACCOUNT));
    for role in template["roles"].as_array().unwrap() {
        let seconds = &role["max_session_duration"];
        let role = json!({"arn": role["arn"], "trust": role["trust"].to_string(), "max_session_duration": seconds});
        world.roles.push(serde_json::from_value(role).unwrap());
    }
    let sandbox = Sandbox::start(world).unwrap();
    // With session tags and a source identity.
    for role in ["ReadOnly", "ops/Migration"] {
        let answer = sign_in(&sandbox, "ada@example.com", &format!("arn:aws:iam::{ACCOUNT}:role/{role}")).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
    }
}

#[test]
fn what_is_missing_for_a_template_is_named() {
    let message = |change: &dyn Fn(&mut tempaccess_core::setup::GrantSetup)| {
        let mut setup = setup();
        change(&mut setup);
        let error = setup.model().unwrap_err();
        format!("{}; {}", error.message(), error.hint().unwrap_or_default())
    };
    for (found, expected) in [
        (message(&|setup| setup.admins.clear()), "--admin-role"),
        (message(&|setup| setup.provider = None), "`--existing People`"),
        (message(&|setup| setup.people.clone_from(&setup.granted)), "a role is named twice"),
        (message(&|setup| setup.existing.push("Nobody".to_owned())), "`--existing Nobody` is not one of the roles"),
        (message(&|setup| setup.account = "444455556666".to_owned()), "is not in the account 444455556666"),
        (message(&|setup| setup.object_lock_days = 0), "1 to 36,500 days"),
    ] {
        assert!(found.contains(expected), "{found}");
    }
    // A ceiling that is not written yet is rejected by AWS, and so by the sandbox.
    let mut open = setup();
    open.ceiling = Ceiling::Open;
    let model = open.model().unwrap();
    assert!(model.notes.iter().any(|note| note.contains("FILL IN")), "{:?}", model.notes);
    let error = Sandbox::start(tempaccess_tests::account::world(&emitted(&open))).unwrap_err();
    assert!(error.to_string().contains("GrantCeiling"), "{error}");
}

const CONFIGURATION: &str = r#"
[accounts]
111122223333 = "ledger"

[profiles.admin]
source = "SOURCE"
username = "ada@example.com"
password_command = "echo correct horse"
role = "ledger/AccessAdmin"
provider = "Okta"

[grants]
records = "s3://acme-access/grants"

[grants.presets.count-objects]
kind = "session"
role = "ledger/Granted"
max_duration = "1h"

[grants.presets.on-call]
kind = "policy"
role = "People"
max_duration = "4h"
"#;

#[test]
fn the_command_line_knows_what_the_configuration_knows() {
    let template = emitted(&setup());
    let mut world = tempaccess_tests::account::world(&template);
    world.user_mut("ada@example.com").unwrap().factors.clear();
    let sandbox = Sandbox::start(world).unwrap();
    let mut machine = Machine::alone();
    for name in ["STS", "IAM"] {
        machine.set(&format!("AWS_ENDPOINT_URL_{name}"), sandbox.sts_url());
    }
    let home = machine.home().to_owned();
    let path = |name: &str| home.join(name).to_string_lossy().into_owned();
    std::fs::write(path("config.toml"), CONFIGURATION.replace("SOURCE", &sandbox.app_url())).unwrap();
    machine.set("TEMPACCESS_CONFIG", path("config.toml"));
    let policy = |name: &str| {
        let policies = template["policies"].as_array().unwrap();
        policies.iter().find(|policy| policy["name"] == name).unwrap()["document"].to_string()
    };
    std::fs::write(path("ceiling.json"), policy("GrantCeiling")).unwrap();
    let (ceiling, access, out) = (path("ceiling.json"), policy("GrantedAccess"), path("grants.json"));
    let words = ["setup", "grants", "--profile", "admin", "--emit", "json", "--ceiling", &ceiling];
    let ran = machine.run_words(&[&words[..], &["--granted-policy", &access, "--out", &out]].concat(), b"");
    assert_eq!((ran.code, ran.stdout.as_str()), (0, ""), "{ran}");
    assert_eq!(serde_json::from_str::<Value>(&std::fs::read_to_string(&out).unwrap()).unwrap(), template);

    let ran = machine.run_words(&["setup", "check", "admin", "--output", "json"], b"");
    assert_eq!(ran.code, 0, "{ran}");
    let checked: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&checked["complete"], &checked["account"]), (&json!(true), &json!(ACCOUNT)));

    sandbox.iam().put_role_policy(
        "arn:aws:iam::111122223333:role/AccessAdmin",
        "more",
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"iam:PutRolePolicy","Resource":"*"}}"#,
    );
    let ran = machine.run_words(&["setup", "check", "admin"], b"");
    assert_eq!(ran.code, 64, "{ran}");
    let found = "failed  admin role AccessAdmin: the role lacks `iam:PutRolePolicy` on the role `Granted`, `iam:PutRolePolicy` on the role `People`\n";
    assert!(ran.stdout.contains(found) && ran.stdout.contains("who: the administrator of the AWS account"), "{ran}");

    std::fs::write(path("metadata.xml"), metadata()).unwrap();
    let metadata = path("metadata.xml");
    let words =
        ["setup", "aws", "--profile", "admin", "--metadata", &metadata, "--emit", "terraform", "--max-duration"];
    let ran = machine.run_words(&[&words[..], &["13h"]].concat(), b"");
    assert_eq!(ran.code, 2, "{ran}");
    let ran = machine.run_words(&[&words[..], &["8h"]].concat(), b"");
    assert!(ran.code == 0 && ran.stdout.contains("max_session_duration = 28800\n"), "{ran}");
    assert!(
        ran.stdout.contains("resource \"aws_iam_role\" \"access_admin\"") && ran.stderr.contains("allow nothing yet")
    );
}
