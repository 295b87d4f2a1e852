//! `tempaccess grant` as people use it: an administrator, and a contractor with nothing but an SSH key and a ticket.
#![cfg(unix)]

use std::process::Command;

use tempaccess_tests::contractor::{CONFIG, people, sandbox};
use tempaccess_tests::office::ADMIN;

pub(crate) const ISSUE: &str = "grant issue admin --to grace@example.com --seal-to contractor.pub --role ledger/Granted \
                     --policy one-bucket.json --for 40m --reason OPS-123 --yes";

#[test]
fn a_contractor_gets_forty_minutes_of_one_bucket() {
    let sandbox = sandbox();
    let (alan, contractor) = people(&sandbox);
    let issued = alan.ok(ISSUE);
    assert!(
        issued.stderr.contains("narrowed to s3:ListBucket, s3:GetObject on arn:aws:s3:::ledger"),
        "{}",
        issued.stderr
    );
    // The ticket has text around it.
    contractor.write("ticket.txt", &format!("Hello,\n\n{}\nAlan\n", issued.stdout));
    let unknown = contractor.run("grant open ticket.txt");
    assert_eq!(unknown.code, 67, "{}", unknown.stderr);
    let misspelt = contractor.run("grant open ticket.txt --account 1111-2222-3333");
    assert!(misspelt.stderr.contains("`1111-2222-3333` is not the ID of an account"), "{}", misspelt.stderr);
    let opened = contractor.ok("grant open ticket.txt --account 111122223333 --region us-east-1 --output json");
    let facts: serde_json::Value = serde_json::from_str(&opened.stdout).unwrap();
    let profile = facts["profile"].as_str().unwrap();
    let id = facts["id"].as_str().unwrap();
    assert_eq!(profile, format!("grant-{id}"));
    // The AWS CLI and the SDKs get it through the profile.
    assert!(contractor.read(".aws/config").contains(&format!("[profile {profile}]")));
    let process = contractor.ok(&format!("credentials --profile {profile} --output credential-process"));
    assert!(process.stdout.contains("\"SessionToken\""));
    let environment = contractor.ok(&format!("exec {profile} -- env"));
    assert!(environment.stdout.contains("AWS_REGION=us-east-1"), "{}", environment.stdout);
    // A grant is one session: there is nothing to sign in to.
    assert!(contractor.ok(&format!("login {profile}")).stdout.contains(":role/Granted"));
    let examined = contractor.run(&format!("doctor {profile}"));
    assert!(
        examined.stdout.contains("the cache has credentials for arn:aws:iam::111122223333:role/Granted"),
        "{}",
        examined.stdout
    );
    let roles = contractor.run(&format!("roles {profile}"));
    assert!(roles.code != 0 && roles.stderr.contains("is one session"), "{}", roles.stderr);
    let list = alan.ok("grant list admin");
    assert!(list.stdout.contains(id) && list.stdout.contains("ledger/Granted"), "{}", list.stdout);
    let refused = contractor.run(&format!("exec {profile} --duration 20m --policy '{{\"Statement\":[]}}' -- env"));
    assert_ne!(refused.code, 0, "a grant cannot be narrowed by its cache key alone");
    alan.ok(&format!("grant revoke {id} --reason 'done early' --profile admin"));
    // A role says nothing about what else is named.
    let both = alan.run("grant revoke --to grace@example.com --role Granted --dry-run --profile admin");
    assert!(both.code == 2 && both.stderr.contains("cannot be used with"), "{}", both.stderr);
    // What is undone is named as it was revoked.
    for (selection, alone) in [
        ("--to grace@example.com", "cannot be used with"),
        ("--by ada@example.com", "only `--older` and `--by` with a role can be undone together"),
        ("--by ada@example.com --role Granted", "the role has no such revocation"),
        ("--older --role ledger/Granted", "the role has no such revocation"),
    ] {
        for (id, expected) in [(id, "cannot be used with"), ("", alone)] {
            let ran = alan.run(&format!("grant revoke {id} --undo {selection} --profile admin"));
            assert_eq!(ran.code, 2, "{}", ran.stderr);
            assert!(ran.stderr.contains(expected), "{}", ran.stderr);
        }
    }
    // An organization's policy denies the sessions of this role alone.
    let printed = alan.ok("grant revoke --older --role Granted --print scp --profile admin").stdout;
    let policy: serde_json::Value = serde_json::from_str(&printed).unwrap();
    let condition = &policy["Statement"][0]["Condition"];
    assert_eq!(condition["ArnEquals"]["aws:PrincipalArn"], "arn:aws:iam::111122223333:role/Granted", "{printed}");
    assert!(condition["DateLessThan"]["aws:TokenIssueTime"].is_string(), "{printed}");
    assert!(alan.ok(&format!("grant show {id} --profile admin")).stdout.contains("state   revoked"));
    assert!(alan.ok("grant list --profile admin").stdout.starts_with("no grants"));
    // CloudTrail confirms the records, and needs none of them.
    sandbox.trail().delay(jiff::SignedDuration::ZERO);
    for about in [id, "--to alan@example.com"] {
        let found = alan.ok(&format!("audit query {about} --profile admin"));
        assert!(found.stdout.contains("sts:AssumeRole") && !found.stdout.contains("do not have"), "{}", found.stdout);
    }
    let query = alan.ok(&format!("audit query {id} --athena trail --profile admin"));
    assert!(query.stdout.contains("FROM trail"), "{}", query.stdout);
    // Told afterwards, by the program of the configuration.
    assert_eq!(alan.read("told.jsonl").matches("\"event\":").count(), 2, "{}", alan.read("told.jsonl"));
}

#[test]
fn networks_are_shown_before_and_afterwards() {
    let sandbox = sandbox();
    let (alan, _) = people(&sandbox);
    let issued = alan.ok(&format!("{ISSUE} --from-ip 203.0.113.0/24 --output json"));
    let id = serde_json::from_str::<serde_json::Value>(&issued.stdout).unwrap()["event"]["id"].clone();
    let shown = alan.ok(&format!("grant show {} --profile admin", id.as_str().unwrap())).stdout;
    for text in [&issued.stderr, &shown] {
        let line = text.lines().find(|line| line.starts_with("networks")).unwrap_or_else(|| panic!("{text}"));
        assert!(line.ends_with(" 203.0.113.0/24"), "{line}");
    }
}

#[test]
fn secrets_are_in_the_sealed_part_only() {
    let sandbox = sandbox();
    let (mut alan, mut contractor) = people(&sandbox);
    // What the programs of the configuration can see: what they are told, their environment, and the arguments of the caller.
    let look = "cat >> seen; env >> seen; tr '\\\\0' ' ' < /proc/$PPID/cmdline >> seen";
    let config = CONFIG.replace("ticket =", &format!("check = [\"sh\", \"-c\", \"{look}\"]\nticket ="));
    alan.write(".config/tempaccess/config.toml", &config);
    for person in [&mut alan, &mut contractor] {
        person.0.set("RUST_LOG", "trace");
    }
    let issued = alan.ok(ISSUE);
    contractor.write("grace.grant", &issued.stdout);
    let opened = contractor.ok("grant open grace.grant --account 111122223333");
    let id = opened.stdout.split_whitespace().nth(1).unwrap().to_owned();
    let process = contractor.ok(&format!("credentials --profile grant-{id} --output credential-process")).stdout;
    let keys: serde_json::Value = serde_json::from_str(&process).unwrap();
    let shown = alan.ok(&format!("grant show {id} --profile admin --output json")).stdout;
    let listed = alan.ok("grant list --profile admin --output json").stdout;
    let extended =
        alan.ok(&format!("grant extend {id} --for 10m --reason OPS-124 --profile admin --yes --output json"));
    let sealed: serde_json::Value = serde_json::from_str(&extended.stdout).unwrap();
    contractor.write("longer.grant", sealed["sealed"].as_str().unwrap());
    contractor.ok("grant open longer.grant --account 111122223333");
    let longer = contractor.ok(&format!("credentials --profile grant-{id} --output credential-process")).stdout;
    let longer: serde_json::Value = serde_json::from_str(&longer).unwrap();
    assert_ne!(longer["SecretAccessKey"], keys["SecretAccessKey"]);
    let own = alan.ok("credentials --profile admin --output credential-process --no-interactive").stdout;
    let own: serde_json::Value = serde_json::from_str(&own).unwrap();
    let audit = format!("{:?}{:?}", alan.0.audit(), contractor.0.audit());
    // As they lie in the bucket.
    let bucket = sandbox.buckets();
    let objects = bucket.keys("access-records").into_iter().filter_map(|key| bucket.object("access-records", &key));
    let records: String = objects.map(|content| String::from_utf8_lossy(&content).into_owned()).collect();
    assert!(records.matches("signature").count() >= 2, "{records}");
    let told = alan.read("told.jsonl");
    let seen = alan.read("seen");
    assert!(seen.contains(&id) && seen.contains("grant extend"), "{seen}");
    assert!(issued.stderr.contains("exchange"), "{}", issued.stderr);
    let places = [
        &seen,
        &issued.stdout,
        &issued.stderr,
        &opened.stdout,
        &opened.stderr,
        &shown,
        &listed,
        &extended.stdout,
        &extended.stderr,
        &audit,
        &told,
        &records,
    ];
    let of = |keys: &serde_json::Value| {
        ["SecretAccessKey", "SessionToken"].map(|name| keys[name].as_str().unwrap().to_owned())
    };
    let key = alan.read(".ssh/tempaccess_ed25519");
    let private = key.lines().nth(2).unwrap().to_owned();
    // `printf bombe` is the command that prints the password; as a word of its own, it is the password.
    let secrets = [of(&keys), of(&longer), of(&own)].concat().into_iter().chain([private, "\"bombe\"".to_owned()]);
    for secret in secrets {
        assert!(secret.len() > 5);
        for (number, place) in places.iter().enumerate() {
            assert!(!place.contains(&secret), "place {number}");
        }
    }
    // They are where they belong, and the test would see them.
    assert!(process.contains(keys["SecretAccessKey"].as_str().unwrap()));
}

#[test]
fn what_is_wrong_has_its_error_and_changes_nothing() {
    let sandbox = sandbox();
    let (alan, contractor) = people(&sandbox);
    for (change, code) in [
        ("--reason OPS-123", "--reason please", 63),
        ("--for 40m", "--for 2h", 33),
        ("--for 40m", "--for soon", 2),
        ("--seal-to contractor.pub", "--seal-to nobody", 68),
        ("ledger/Granted", "payroll/Granted", 2),
        ("--policy one-bucket.json", "--policy missing.json", 4),
        ("--to grace@example.com", "--to 'grace hopper'", 2),
        ("--yes", "", 7),
    ]
    .map(|(from, to, code)| (ISSUE.replace(from, to), code))
    {
        let ran = alan.run(&change);
        assert_eq!(ran.code, code, "{change}: {}", ran.stderr);
        assert!(ran.stdout.is_empty(), "{}", ran.stdout);
    }
    assert!(alan.ok("grant list --profile admin --ended").stdout.starts_with("no grants"));
    let dry = alan.ok(&ISSUE.replace("--yes", "--dry-run"));
    assert!(dry.stdout.contains("CloudTrail: assumed-role/Granted/grace@example.com+"), "{}", dry.stdout);
    assert!(alan.ok("grant list --profile admin --ended").stdout.starts_with("no grants"));
    let ran = contractor.run_with("grant open -", "no grant");
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""), "{}", ran.stderr);
    let ran = contractor.run("exec grant-aaaaaaaaaaaa -- env");
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    // Without a key, listing works and giving says what to do.
    std::fs::remove_file(alan.0.home().join(".ssh/tempaccess_ed25519")).unwrap();
    assert_eq!(alan.run("grant list --profile admin").code, 0);
    let ran = alan.run(ISSUE);
    assert!(ran.stderr.contains("grant key --new"), "{}", ran.stderr);
}

#[test]
fn without_a_record_nothing_is_handed_out() {
    let sandbox = sandbox();
    let (alan, _) = people(&sandbox);
    let read_only = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:ListBucket","s3:GetObject"],"Resource":"*"}]}"#;
    sandbox.iam().put_role_policy(ADMIN, "Records", read_only);
    let ran = alan.run(ISSUE);
    assert_eq!((ran.code, ran.stdout.as_str()), (60, ""), "{}", ran.stderr);
    assert!(ran.stderr.contains("s3:PutObject"), "{}", ran.stderr);
}

#[test]
fn files_without_an_end_are_refused() {
    let sandbox = sandbox();
    let (alan, _contractor) = people(&sandbox);
    let pipe = alan.0.home().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    for (command, why) in [
        ("grant trust eve /dev/zero --yes", "it is larger than 1048576 bytes"),
        ("grant trust eve pipe --yes", "is not a public key"),
        ("grant open /dev/zero", "it is larger than 1048576 bytes"),
        ("grant open pipe", "sealed grant"),
        ("grant approve /dev/zero --profile admin --yes", "it is larger than 1048576 bytes"),
    ] {
        let ran = alan.run(command);
        assert!(ran.code != 0 && ran.stderr.contains(why), "{command}: {}", ran.stderr);
    }
}

#[test]
fn records_in_a_folder_that_everybody_can_write_to_are_refused() {
    use std::os::unix::fs::PermissionsExt;
    let sandbox = sandbox();
    let (alan, _contractor) = people(&sandbox);
    let records = alan.0.home().join("records");
    std::fs::create_dir(&records).unwrap();
    alan.write(
        ".config/tempaccess/config.toml",
        &CONFIG.replace("s3://access-records/grants", &records.display().to_string()),
    );
    std::fs::set_permissions(&records, std::fs::Permissions::from_mode(0o777)).unwrap();
    let ran = alan.run(ISSUE);
    assert!(ran.code != 0 && ran.stderr.contains("chmod o-w"), "{}", ran.stderr);
    std::fs::set_permissions(&records, std::fs::Permissions::from_mode(0o775)).unwrap();
    alan.ok(ISSUE);
}

#[test]
fn an_approval_is_shown_before_it_is_signed() {
    let sandbox = sandbox();
    let (alan, contractor) = people(&sandbox);
    let preset = "\n[grants.presets.count-objects]\nkind = \"session\"\nprofile = \"admin\"\nrole = \"ledger/Granted\"\n\
                  max_duration = \"1h\"\nto = [\"*@example.com\"]\napprovals = 2\n";
    let config = CONFIG.replace("records = \"s3://access-records/grants\"", "records = \"records\"") + preset;
    alan.write(".config/tempaccess/config.toml", &config);
    contractor.write(
        ".config/tempaccess/config.toml",
        &format!("[grants]\nsigners = \"access.signers\"\nticket = \"^OPS-[0-9]+$\"\n{preset}"),
    );
    let ask =
        |rest: &str| contractor.run(&format!("grant request --preset count-objects --to grace@example.com {rest}"));
    // What cannot be granted is not asked for.
    for (rest, why) in [
        ("--for 40m --reason please", "does not match the ticket pattern"),
        ("--for 4h --reason OPS-1", "allows 1h at most"),
        ("--for 40m --reason OPS-1 --to eve@elsewhere.org", "cannot be used multiple times"),
    ] {
        let ran = ask(rest);
        assert!(ran.code != 0 && ran.stderr.contains(why), "{rest}: {}", ran.stderr);
    }
    let asked = ask("--for 40m --reason OPS-1");
    assert_eq!(asked.code, 0, "{}", asked.stderr);
    alan.write("ticket.txt", &asked.stdout);
    let key = contractor.ok("grant key").stdout;
    alan.ok(&format!("grant trust grace@example.com '{}' --as requester --yes", key.trim()));
    let dry = alan.ok("grant approve ticket.txt --sign-only --dry-run");
    assert!(dry.stdout.contains("grace@example.com") && !dry.stdout.contains("BEGIN SSH SIGNATURE"), "{}", dry.stdout);
    let unasked = alan.run("grant approve ticket.txt --sign-only");
    assert!(unasked.code == 12 || unasked.stderr.contains("nobody can be asked"), "{}", unasked.stderr);
    assert!(unasked.stderr.contains("count-objects") && unasked.stdout.is_empty(), "{}", unasked.stderr);
    // What would be approved is shown once it is verified, as text and as JSON.
    let plan = alan.ok("grant approve ticket.txt --sign-only --dry-run --for 15m --output json").stdout;
    let plan: serde_json::Value = serde_json::from_str(&plan).unwrap();
    assert_eq!((&plan["duration_seconds"], &plan["preset"]), (&900.into(), &"count-objects".into()), "{plan}");
    assert!(plan["role_arn"].as_str().unwrap().ends_with(":role/Granted"), "{plan}");
    assert_eq!(plan["allows"], "all that the role allows", "{plan}");
    alan.write("forged.txt", &asked.stdout.replace("OPS-1", "OPS-9"));
    let forged = alan.run("grant approve forged.txt --sign-only --dry-run");
    assert!(forged.code == 65 && forged.stdout.is_empty(), "{}", forged.stderr);
    let network = alan.ok("grant approve ticket.txt --sign-only --dry-run --from-ip 192.0.2.0/24");
    assert!(network.stdout.contains("192.0.2.0/24"), "{}", network.stdout);
    let signed = alan.ok("grant approve ticket.txt --sign-only --yes");
    assert_eq!(signed.stdout.matches("BEGIN SSH SIGNATURE").count(), 2, "{}", signed.stdout);
    alan.ok("grant deny ticket.txt --reason 'OPS-1: not now'");
    alan.write("signed.txt", &asked.stdout);
    assert_eq!(alan.run("grant approve signed.txt --sign-only --yes").code, 54);
}

#[test]
fn revocations_are_printed_for_others_to_apply() {
    let sandbox = sandbox();
    let (alan, _contractor) = people(&sandbox);
    alan.ok(ISSUE);
    alan.ok("grant permit --to grace@example.com --on People --policy one-bucket.json --for 1h --reason OPS-2 --profile admin --yes");
    let printed = |form: &str| -> Vec<serde_json::Value> {
        let ran = alan.ok(&format!("grant revoke --to grace@example.com --print {form} --profile admin"));
        ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    // As a POSIX shell reads it.
    let script = alan.ok("grant revoke --to grace@example.com --print cli --profile admin").stdout;
    let words = std::process::Command::new("sh")
        .args(["-c", &format!("aws() {{ printf '%s\\n' \"$@\"; }}\n{script}")])
        .output();
    let words = String::from_utf8(words.unwrap().stdout).unwrap();
    assert_eq!((words.matches("put-role-policy\n").count(), words.matches("delete-role-policy\n").count()), (1, 1));
    let document = words.lines().find_map(|line| line.strip_prefix("--policy-document=")).unwrap();
    assert!(serde_json::from_str::<serde_json::Value>(document).is_ok(), "{script}");
    let odd = alan.run("grant revoke --by \"o'brien;id\" --role Granted --print cli --profile admin");
    assert!(odd.code == 2 && odd.stderr.contains("cannot be the name of an administrator"), "{}", odd.stderr);
    let iam = printed("iam");
    assert!(iam.iter().all(|step| step["RoleName"].is_string() && step["PolicyName"].is_string()), "{iam:?}");
    let scp = printed("scp");
    let conditions: Vec<_> =
        scp.iter().map(|policy| policy["Statement"][0]["Condition"]["StringEquals"].to_string()).collect();
    assert!(conditions.iter().any(|text| text.contains("aws:PrincipalTag/TempaccessGrant")), "{conditions:?}");
    assert!(
        conditions.iter().any(|text| text.contains("aws:userid") && text.contains(":grace@example.com")),
        "{conditions:?}"
    );
}

#[test]
fn a_policy_that_iam_would_refuse_is_refused_before_it_is_recorded() {
    let sandbox = sandbox();
    let (alan, _contractor) = people(&sandbox);
    for (statement, why) in [
        (r#"{"Effect":"Allow","Action":"s3:ListBucket"}"#, "needs one of `Resource` and `NotResource`"),
        (r#"{"Effect":"Allow","Resource":"*"}"#, "needs one of `Action` and `NotAction`"),
        (r#"{"Effect":"Allow","Action":"nonsense","Resource":"*"}"#, "`nonsense`, which is none of AWS"),
        (r#"{"Effect":"Allow","Action":["s3:ListBucket",7],"Resource":"*"}"#, "`Action` in a statement"),
        (r#"{"Effect":"Allow","Action":"s3:ListBucket","Resource":[]}"#, "`Resource` in a statement"),
        (r#"{"Effect":"Allow","NotAction":{},"Resource":"*"}"#, "`NotAction` in a statement"),
        (r#"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"*","Condition":{"Bool":"a"}}"#, "a `Condition` of"),
        (r#""Allow""#, "a statement of the policy is not an object"),
    ] {
        alan.write("bad.json", &format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#));
        let ran = alan.run("grant permit --to grace@example.com --on People --policy bad.json --for 1h --reason OPS-2 --profile admin --yes");
        assert!(ran.code == 33 && ran.stderr.contains(why), "{}: {}", ran.code, ran.stderr);
    }
    assert!(alan.ok("grant list --ended --profile admin --output json").stdout.contains(r#""grants": []"#));
}
