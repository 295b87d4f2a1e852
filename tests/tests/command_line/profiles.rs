//! Profiles for the AWS CLI and the SDKs, and credentials in a program's environment.

use std::process::Stdio;

use tempaccess_sandbox::Service;
use tempaccess_tests::ada::{asked, demo, itself, json, login};
use tempaccess_tests::cli::{Machine, binary};
use tempaccess_tests::parts;

const PROCESS: &str = "credentials --output credential-process --no-interactive";

#[test]
fn profiles_for_roles_say_all_that_they_need() {
    let (_sandbox, mut machine) = demo();
    assert_eq!(login(&machine, "").code, 0);
    let config = machine.home().join(".config/tempaccess/config.toml");
    std::fs::create_dir_all(config.parent().unwrap()).unwrap();
    let profiles = "[profiles.work]\naccount = '111122223333'\n[profiles.chain]\nchain = [{ role_arn = 'arn:aws:iam::777788889999:role/Deploy' }]\n";
    std::fs::write(config, profiles).unwrap();
    machine.set("TEMPACCESS_PROFILE", "work");
    assert_eq!(machine.run("profiles sync --roles --no-interactive").code, 0);
    machine.set("TEMPACCESS_PROFILE", "");
    machine.set("TEMPACCESS_ROLE", "");
    let text = std::fs::read_to_string(machine.home().join(".aws/config")).unwrap();
    let lines: Vec<_> = text.lines().filter_map(|line| line.strip_prefix("credential_process = ")).collect();
    assert_eq!(lines.len(), 5);
    for line in lines {
        let words: Vec<_> = line.split(' ').skip(1).collect();
        let ran = machine.run_words(&words, b"");
        let account = words[words.iter().position(|word| *word == "--account").unwrap() + 1];
        assert_eq!(json(&ran)["AccountId"], account, "{ran}");
    }
    let ran = machine.run("profiles sync --roles --no-interactive --profile chain");
    assert!(ran.code == 2 && ran.stderr.contains("its roles cannot be profiles of their own"), "{ran}");
}

#[test]
fn a_killed_sync_leaves_the_aws_files_whole() {
    let machine = Machine::alone();
    let config = machine.home().join(".config/tempaccess/config.toml");
    std::fs::create_dir_all(config.parent().unwrap()).unwrap();
    let aws_config = machine.home().join(".aws/config");
    std::fs::create_dir(aws_config.parent().unwrap()).unwrap();
    let others = "# mine\n[default]\nregion = us-east-1\n\n[profile last]\noutput = json\n";
    std::fs::write(&aws_config, others).unwrap();
    let mut finished = 0;
    for round in 0..200_u64 {
        // Each round wants other profiles, so that there is always something to write.
        let profiles: String =
            (0..40).map(|at| format!("[profiles.p{at}]\nregion = 'eu-{}-{round}'\n", "w".repeat(at))).collect();
        std::fs::write(&config, profiles).unwrap();
        let mut child =
            itself(&machine, "profiles").arg("sync").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let end = std::time::Instant::now() + std::time::Duration::from_micros(round * 397 % 40_000);
        while std::time::Instant::now() < end && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        finished += u32::from(child.try_wait().unwrap().is_some());
        let _ = child.kill();
        child.wait().unwrap();
        // The old one or the new one, and what others wrote in either.
        let text = std::fs::read_to_string(&aws_config).unwrap();
        assert!(text.starts_with(others) && text.ends_with('\n'), "{text}");
        let ours = text.matches("[profile p").count();
        assert!(ours == 0 || ours == 40, "{text}");
        assert_eq!(text.matches("credential_process = ").count(), ours);
    }
    // The test kills some at work, and not all.
    assert!((1..200).contains(&finished), "{finished} came to their end");
    assert_eq!(machine.run("profiles sync").code, 0);
    assert!(std::fs::read_to_string(&aws_config).unwrap().contains("[profile p39]"));
}

#[test]
fn exec_becomes_the_program() {
    let (_sandbox, mut machine) = demo();
    assert_eq!(login(&machine, "").code, 0);
    machine.set("AWS_PROFILE", "stale");
    machine.set("AWS_SESSION_TOKEN", "stale");
    let script = r#"echo "$AWS_ACCESS_KEY_ID ${AWS_PROFILE-none} ${#AWS_SESSION_TOKEN} $1"; cat; exit 42"#;
    let ran = machine.run_words(&["exec", "--", "sh", "-c", script, "sh", "an argument"], b"input\n");
    assert_eq!(ran.code, 42, "{ran}");
    let kept = json(&machine.run(PROCESS));
    let token = kept["SessionToken"].as_str().unwrap().len();
    assert_eq!(ran.stdout, format!("{} none {token} an argument\ninput\n", kept["AccessKeyId"].as_str().unwrap()));
    let ran = machine.run_words(&["exec", "--", "no-such-program"], b"");
    assert_eq!(ran.code, 127);
    assert!(ran.stderr.contains("`no-such-program` cannot be run"), "{ran}");
}

#[test]
fn env_is_read_by_shells() {
    let (_sandbox, machine) = demo();
    assert_eq!(login(&machine, "").code, 0);
    let expected = json(&machine.run(PROCESS))["SecretAccessKey"].as_str().unwrap().to_owned();
    for (shell, read) in [
        ("posix", r#"eval "$("$0" env)"; printf %s "$AWS_SECRET_ACCESS_KEY""#),
        (
            "dotenv",
            r#"set -a; "$0" env --shell dotenv > "$HOME/.env"; . "$HOME/.env"; printf %s "$AWS_SECRET_ACCESS_KEY""#,
        ),
    ] {
        let mut command = machine.program("sh");
        let output = command.args(["-c", read]).arg(binary()).output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected, "{shell}");
    }
    for (shell, line) in [
        ("fish", format!("set -gx AWS_SECRET_ACCESS_KEY '{expected}'")),
        ("powershell", format!("$Env:AWS_SECRET_ACCESS_KEY = '{expected}'")),
        ("cmd", format!("set \"AWS_SECRET_ACCESS_KEY={expected}\"")),
        ("github-actions", format!("AWS_SECRET_ACCESS_KEY={expected}")),
    ] {
        let ran = machine.run(&format!("env --shell {shell}"));
        assert!(ran.stdout.lines().any(|known| known == line), "{shell}: {ran}");
    }
}

#[test]
fn the_environment_has_the_region_of_synced_profiles() {
    let mut machine = Machine::alone();
    let config = machine.home().join(".config/tempaccess/config.toml");
    std::fs::create_dir_all(config.parent().unwrap()).unwrap();
    let source = "source = 'file:response.html'\n";
    std::fs::write(&config, format!("[profiles.one]\n{source}[profiles.two]\n{source}region = 'eu-west-1'\n")).unwrap();
    let regions = |machine: &Machine| {
        assert_eq!(machine.run("profiles sync").code, 0);
        let text = std::fs::read_to_string(machine.home().join(".aws/config")).unwrap();
        let regions = text.lines().filter_map(|line| line.strip_prefix("region = ")).map(str::to_owned);
        regions.collect::<Vec<_>>()
    };
    assert_eq!(regions(&machine), ["eu-west-1"]);
    std::fs::remove_file(machine.home().join(".aws/config")).unwrap();
    machine.set("TEMPACCESS_REGION", "eu-north-1");
    assert_eq!(regions(&machine), ["eu-north-1", "eu-north-1"]);
}

#[test]
fn profiles_are_written_and_serve_every_sdk_through_an_expiry() {
    let (sandbox, machine) = demo();
    let config = machine.home().join(".config/tempaccess/config.toml");
    std::fs::create_dir_all(config.parent().unwrap()).unwrap();
    std::fs::write(&config, "[accounts]\n111122223333 = 'ledger'\n[profiles.work]\nrole = 'Migration'\n").unwrap();
    let aws_config = machine.home().join(".aws/config");
    std::fs::create_dir(aws_config.parent().unwrap()).unwrap();
    std::fs::write(&aws_config, "# mine\n[default]\nregion = us-east-1\n").unwrap();
    std::fs::write(machine.home().join(".aws/credentials"), "[work]\naws_access_key_id = AKIA\n").unwrap();
    let ran = machine.run("profiles sync");
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stdout.contains("keys in the credentials file win over the profile `work`"), "{ran}");
    assert_eq!(login(&machine, "").code, 0);
    let ran = machine.run("profiles sync --roles --no-interactive --output json");
    assert_eq!(
        json(&ran)["written"],
        serde_json::json!([
            "ledger-ReadOnly",
            "ledger-Migration",
            "444455556666-ReadOnly",
            "ledger-AccessAdmin",
            "ledger-People"
        ])
    );
    assert_eq!(json(&ran)["removed"], serde_json::json!([]));
    let ran = machine.run("profiles sync --roles --prune --no-interactive --output json");
    assert_eq!(json(&ran)["removed"], serde_json::json!(["work"]));
    let text = std::fs::read_to_string(&aws_config).unwrap();
    assert!(text.starts_with("# mine\n[default]\nregion = us-east-1\n\n[profile ledger-ReadOnly]\n"), "{text}");

    // Programs that we did not write, each in a time of its own: now, and fifty minutes later.
    let Some(faketime) = parts::debian("/usr/bin/faketime", "faketime") else { return };
    let Some(python) = parts::python() else { return };
    let Some(cli1) = parts::python_program("aws") else { return };
    let Some(cli2) = parts::debian("/usr/bin/aws", "awscli") else { return };
    let Some(sdk_js) = parts::sdk_js() else { return };
    let boto3 = "import boto3; c = boto3.Session(profile_name='ledger-ReadOnly').client('sts')\nfor _ in range(5): print(c.get_caller_identity()['Arn'])";
    let caller_js = tempaccess_tests::workspace().join("tests/parts/sdk-js/caller.mjs");
    let sts = sandbox.sts_url();
    let cli = [
        "--profile",
        "ledger-ReadOnly",
        "--endpoint-url",
        &sts,
        "--output",
        "text",
        "--query",
        "Arn",
        "sts",
        "get-caller-identity",
    ];
    let caller_js = caller_js.to_string_lossy();
    let programs: [(&str, &[&str], usize); 5] = [
        (&python.to_string_lossy(), &["-c", boto3], 5),
        (&cli1.to_string_lossy(), &cli, 1),
        (&cli2.to_string_lossy(), &cli, 1),
        ("node", &[&caller_js, "ledger-ReadOnly", &sts], 5),
        (env!("CARGO_BIN_EXE_sdk-rust-caller"), &["ledger-ReadOnly", &sts], 5),
    ];
    let principal = "arn:aws:sts::111122223333:assumed-role/ReadOnly/ada@example.com";
    let mut given = 1;
    for minutes in [0, 50, 100] {
        sandbox.clock().advance(jiff::SignedDuration::from_mins(if minutes == 0 { 0 } else { 50 }));
        for (at, (program, arguments, times)) in programs.iter().enumerate() {
            let mut command = machine.program(&faketime);
            // What the tests ask for is not what a profile asks for.
            command
                .env_remove("TEMPACCESS_ROLE")
                .env("AWS_DEFAULT_REGION", "us-east-1")
                .env("AWS_EC2_METADATA_DISABLED", "true")
                .env("SDK_FOLDER", &sdk_js);
            command.args(["-f", &format!("+{minutes}m")]).arg(program).args(*arguments);
            let output = command.output().unwrap();
            let text = String::from_utf8_lossy(&output.stdout);
            let answers = text.lines().filter(|line| *line == principal).count();
            assert_eq!(answers, *times, "{program}: {text}{}", String::from_utf8_lossy(&output.stderr));
            // Renewed once in each time, silently, by the first caller.
            given += usize::from(minutes > 0 && at == 0);
            assert_eq!(asked(&sandbox, Service::Sts, "AssumeRoleWithSAML"), given, "{program} after {minutes} minutes");
        }
    }
    // One sign-in for all of them.
    assert_eq!(asked(&sandbox, Service::Okta, "/api/v1/authn/factors"), 4);
}
