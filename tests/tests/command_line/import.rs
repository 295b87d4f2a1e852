//! Importing the configurations of other tools: what is imported, what is noted, and what no file can do.

use std::process::Stdio;

use serde_json::Value;
use tempaccess_core::config::{Config, OtherTool, Settings};
use tempaccess_tests::cli::{Machine, Ran, binary};

pub(crate) const LINK: &str = "https://acme.okta.com/home/amazon_aws/0oaappxyz/272";

/// Imports a text, and returns the configuration that is written.
fn import(tool: &str, text: &str) -> (Machine, Ran, Config) {
    let machine = Machine::alone();
    let file = machine.home().join("theirs");
    std::fs::write(&file, text).unwrap();
    let ran = machine.run_words(&["import", tool, file.to_str().unwrap()], b"");
    assert_eq!(ran.code, 0, "{ran}");
    let config = config(&machine);
    (machine, ran, config)
}

fn config(machine: &Machine) -> Config {
    let file = machine.home().join(".config/tempaccess/config.toml");
    let text = std::fs::read_to_string(file).unwrap_or_default();
    Config::parse(&text).unwrap()
}

#[test]
fn session_policies_of_saml2aws_are_imported_under_the_name_of_the_aws_profile() {
    let text = format!(
        "[narrow]\nurl = {LINK}\nusername = pat@example.com\nprovider = Okta\nmfa = TOTP\n\
         role_arn = arn:aws:iam::111122223333:role/Admin\npolicy_file = /home/pat/read-one-bucket.json\n\
         policy_arn_list = arn:aws:iam::aws:policy/ReadOnlyAccess,arn:aws:iam::aws:policy/job-function/ViewOnlyAccess\n\
         aws_profile = narrow-prod\naws_session_duration = 3600\nheadless = true\n\
         [wide]\nurl = {LINK}\nprovider = Okta\npolicy_arn_list = nonsense\n"
    );
    let (machine, ran, config) = import("saml2aws", &text);
    assert_eq!(config.profiles.keys().collect::<Vec<_>>(), ["narrow-prod"]);
    let text = std::fs::read_to_string(machine.home().join(".config/tempaccess/config.toml")).unwrap();
    insta::assert_snapshot!(text, @r#"
    [profiles.narrow-prod]
    source = "https://acme.okta.com/home/amazon_aws/0oaappxyz/272"
    username = "pat@example.com"
    factor = "code"
    role = "arn:aws:iam::111122223333:role/Admin"
    duration = "3600"
    policy = "/home/pat/read-one-bucket.json"
    policy_arns = ["arn:aws:iam::aws:policy/ReadOnlyAccess", "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess"]
    "#);
    insta::assert_snapshot!(ran.stdout.replace(&machine.home().display().to_string(), "~"), @r"
    written: narrow-prod into `~/.config/tempaccess/config.toml`
    note: `narrow`: `headless` is not imported: it has no equivalent here
    note: `wide`: not imported: `policy_arn_list` narrows its sessions, and cannot be imported: `nonsense` is not the ARN of a policy: it does not begin with `arn:`
    note: `narrow`: written as `narrow-prod`, the AWS profile that it names (`aws_profile`)
    ");
    // Without its policy file, the session is not wider: there is none.
    let ran = machine.run("credentials --profile narrow-prod --output json --no-interactive");
    assert_eq!(ran.code, 4, "{ran}");
}

#[test]
fn values_of_saml2aws_are_read_as_go_ini_reads_them() {
    let text = format!(
        "; my logins\n[default]\nurl = `{LINK}?x=1#tile`\nusername = \"pat@example.com \"\nprovider = Okta ; ours\n\
         mfa = Auto\naws_session_duration = 3600 # an hour\naws_profile = saml\n\
         [plain]\nurl : {LINK} ; the AWS tile\nusername = pat@example.com   # work account\nprovider=Okta\n"
    );
    let (_, _, config) = import("saml2aws", &format!("\u{feff}{text}"));
    let mut expected = Settings::default();
    expected.source = Some(format!("{LINK}?x=1#tile"));
    expected.username = Some("pat@example.com ".to_owned());
    expected.duration = Some("3600".to_owned());
    // The default account is also the default profile.
    assert_eq!((config.profile("saml").unwrap(), config.profile("default").unwrap()), (expected.clone(), expected));
    let plain = config.profile("plain").unwrap();
    assert_eq!((plain.source.as_deref(), plain.username.as_deref()), (Some(LINK), Some("pat@example.com")));
}

#[test]
fn a_complete_default_section_of_gimme_aws_creds_is_a_profile() {
    let text = "[DEFAULT]\nokta_org_url = https://acme.okta.com\nokta_auth_server =\nclient_id = \ngimme_creds_server = appurl\n\
         aws_appname =\naws_rolename = arn:aws:iam::111122223333:role/ReadOnly\nwrite_aws_creds = True\ncred_profile = acme\n\
         okta_username = pat%%corp@example.com\napp_url = %(okta_org_url)s/home/amazon_aws/0oaappxyz/272\n\
         Preferred_MFA_Type = push\nremember_device = True\naws_default_duration: 7200\n\
         [prod]\ninherits = DEFAULT\naws_rolename = arn:aws:iam::444455556666:role/ReadOnly\n";
    let (machine, ran, config) = import("gimme-aws-creds", text);
    assert_eq!(config.profiles.keys().collect::<Vec<_>>(), ["acme", "default", "prod"]);
    let text = std::fs::read_to_string(machine.home().join(".config/tempaccess/config.toml")).unwrap();
    assert_eq!(config.profiles["acme"], config.profiles["default"]);
    let (_, prod) = text.split_once("[profiles.default]").unwrap();
    insta::assert_snapshot!(prod, @r#"
    source = "https://acme.okta.com/home/amazon_aws/0oaappxyz/272"
    username = "pat%corp@example.com"
    factor = "push"
    remember_device = true
    role = "arn:aws:iam::111122223333:role/ReadOnly"
    duration = "7200"

    [profiles.prod]
    source = "https://acme.okta.com/home/amazon_aws/0oaappxyz/272"
    username = "pat%corp@example.com"
    factor = "push"
    remember_device = true
    role = "arn:aws:iam::444455556666:role/ReadOnly"
    duration = "7200"
    "#);
    insta::assert_snapshot!(ran.stdout.replace(&machine.home().display().to_string(), "~"), @r"
    written: acme into `~/.config/tempaccess/config.toml`
    written: default into `~/.config/tempaccess/config.toml`
    written: prod into `~/.config/tempaccess/config.toml`
    note: `cred_profile` does not name `prod`: several profiles share `acme`
    note: `default`: `write_aws_creds` is not imported: it has no equivalent here
    ");
}

#[test]
fn labels_of_okta_aws_cli_become_arns_and_names_of_accounts() {
    let text = "---\nawscli:\n  idps:\n    \"arn:aws:iam::111122223333:saml-provider/Okta\": \"Ledger\"\n    \
                \"arn:aws:iam::444455556666:saml-provider/Okta\": \"Staging\"\n  roles:\n    \
                \"arn:aws:iam::111122223333:role/S3Writer\": \"S3 Read/Write\"\n  profiles:\n    111122223333:\n      \
                org-domain: \"https://acme-admin.okta.com/\"\n      oidc-client-id: \"0oaclientxyz\"\n      \
                aws-acct-fed-app-id: \"0oafedxyz\"\n      aws-iam-idp: \"Ledger\"\n      aws-iam-role: \"S3 Read/Write\"\n    \
                machine: {org-domain: acme.okta.com, oidc-client-id: c, key-id: k, private-key: SECRETKEY, authz-id: a}\n";
    let (machine, ran, written) = import("okta-aws-cli", text);
    assert_eq!(written.accounts["444455556666"], "Staging");
    assert_eq!(written.profiles.keys().collect::<Vec<_>>(), ["111122223333"]);
    let text = std::fs::read_to_string(machine.home().join(".config/tempaccess/config.toml")).unwrap();
    insta::assert_snapshot!(text, @r#"
    [accounts]
    111122223333 = "Ledger"
    444455556666 = "Staging"

    [profiles.111122223333]
    source = "https://acme.okta.com/home/amazon_aws/0oafedxyz/272"
    auth = "device"
    client_id = "0oaclientxyz"
    role = "arn:aws:iam::111122223333:role/S3Writer"
    provider = "arn:aws:iam::111122223333:saml-provider/Okta"
    "#);
    insta::assert_snapshot!(ran.stdout.replace(&machine.home().display().to_string(), "~"), @r"
    written: 111122223333 into `~/.config/tempaccess/config.toml`
    written: the name of account 111122223333 into `~/.config/tempaccess/config.toml`
    written: the name of account 444455556666 into `~/.config/tempaccess/config.toml`
    note: `machine`: not imported: `key-id` makes it a sign-in of a machine (m2m), which has no equivalent here
    ");
    // Names that are there stay, and others are added to them.
    let file = machine.home().join("labels.yaml");
    std::fs::write(
        &file,
        "awscli:\n  idps:\n    - arn:aws:iam::111122223333:saml-provider/Okta: Other\n    - arn:aws:iam::777788889999:saml-provider/Okta: New\n",
    )
    .unwrap();
    let ran = machine.run_words(&["import", "okta-aws-cli", file.to_str().unwrap(), "--output", "json"], b"");
    let printed: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(printed["accounts"], serde_json::json!(["777788889999"]));
    assert_eq!(printed["accounts_left_alone"], serde_json::json!(["111122223333"]));
    let after = config(&machine);
    assert_eq!((after.accounts["111122223333"].as_str(), after.accounts["777788889999"].as_str()), ("Ledger", "New"));
    assert_eq!(after.profiles, written.profiles);
}

#[test]
fn chains_of_aws_runas_go_over_the_jump_role() {
    let machine = Machine::alone();
    let folder = machine.home().join(".aws");
    std::fs::create_dir(&folder).unwrap();
    let text = format!(
        "[default]\nregion = eu-west-1\n\n[profile okta]\nsaml_auth_url = {LINK}\nsaml_username = pat@example.com\nmfa_type = push\n\n\
         [profile deploy]\nsource_profile = okta\njump_role_arn = arn:aws:iam::111122223333:role/Jump\n\
         role_arn = arn:aws:iam::444455556666:role/Deploy\nexternal_id = contract-17\ncredentials_duration = 2h\n"
    );
    std::fs::write(folder.join("config"), &text).unwrap();
    let ran = machine.run("import aws-runas");
    assert_eq!(ran.code, 0, "{ran}");
    let written = std::fs::read_to_string(machine.home().join(".config/tempaccess/config.toml")).unwrap();
    insta::assert_snapshot!(written, @r#"
    [profiles.deploy]
    source = "https://acme.okta.com/home/amazon_aws/0oaappxyz/272"
    username = "pat@example.com"
    factor = "push"
    role = "arn:aws:iam::111122223333:role/Jump"
    region = "eu-west-1"

    [[profiles.deploy.chain]]
    role_arn = "arn:aws:iam::444455556666:role/Deploy"
    external_id = "contract-17"

    [profiles.okta]
    source = "https://acme.okta.com/home/amazon_aws/0oaappxyz/272"
    username = "pat@example.com"
    factor = "push"
    region = "eu-west-1"
    "#);
    insta::assert_snapshot!(ran.stdout.replace(&machine.home().display().to_string(), "~"), @r"
    written: deploy into `~/.config/tempaccess/config.toml`
    written: okta into `~/.config/tempaccess/config.toml`
    note: `deploy`: `credentials_duration` is not imported: with a `jump_role_arn`, a session lasts an hour in aws-runas, too
    ");
    assert_eq!(std::fs::read_to_string(folder.join("config")).unwrap(), text);
}

#[test]
fn a_file_with_nothing_to_import_says_so() {
    for text in ["awscli: {idps: [], roles: {}}", "awscli: {roles: {\"arn:aws:iam::111122223333:role/A\": Same}}"] {
        let (_machine, ran, config) = import("okta-aws-cli", text);
        assert!(config.profiles.is_empty(), "{ran}");
        assert!(ran.stdout.contains("nothing was imported") || ran.stderr.contains("nothing was imported"), "{ran}");
    }
    // A label that no ARN has.
    let text = "awscli: {profiles: {one: {org-domain: acme.okta.com, oidc-client-id: 0oa1, aws-iam-role: Nope}}}";
    let (_machine, ran, _) = import("okta-aws-cli", text);
    assert!(format!("{ran}").contains("it is neither an ARN nor a label in `awscli.roles`"), "{ran}");
    // What go-ini gives to no section.
    let text =
        "[DEFAULT]\nunknown = 1\n[a]\nurl = https://acme.okta.com/home/amazon_aws/0oaappxyz/272\nprovider = Okta\n";
    let (_machine, ran, config) = import("saml2aws", text);
    assert!(config.profiles.contains_key("a") && format!("{ran}").contains("`unknown` is not imported"), "{ran}");
}

#[test]
fn the_variables_that_name_the_files_count() {
    let mut machine = Machine::alone();
    std::fs::write(machine.home().join("elsewhere"), format!("[a]\nurl = {LINK}\nprovider = Okta\n")).unwrap();
    std::fs::write(machine.home().join("gimme"), format!("[b]\napp_url = {LINK}\n")).unwrap();
    std::fs::write(machine.home().join("aws"), format!("[profile c]\nsaml_auth_url = {LINK}\n")).unwrap();
    machine.set("SAML2AWS_CONFIGFILE", "~/elsewhere");
    machine.set("OKTA_CONFIG", machine.home().join("gimme").display().to_string());
    machine.set("AWS_CONFIG_FILE", "~/aws");
    for tool in ["saml2aws", "gimme-aws-creds", "aws-runas"] {
        let ran = machine.run(&format!("import {tool}"));
        assert_eq!(ran.code, 0, "{ran}");
    }
    assert_eq!(config(&machine).profiles.keys().collect::<Vec<_>>(), ["a", "b", "c"]);
    machine.set("SAML2AWS_CONFIGFILE", "~/nowhere");
    let ran = machine.run("import saml2aws");
    assert_eq!(ran.code, 4, "{ran}");
    assert!(ran.stderr.contains("/nowhere`: it cannot be read") && ran.stderr.contains("SAML2AWS_CONFIGFILE"), "{ran}");
}

/// Values that are not addresses, each of which means something in a profile.
const DIRECTIVES: [&str; 9] = [
    "command:touch PWNED",
    "file:/etc/passwd",
    "saml:/etc/passwd",
    "browser:https://evil.example.com",
    "-",
    "http://evil.example.com/",
    "https://user:s3cret@evil.example.com/",
    "$(touch PWNED)",
    "\u{1b}]0;x\u{7}",
];

#[test]
fn no_file_makes_a_source_that_is_not_an_address() {
    for value in DIRECTIVES {
        let quoted = serde_json::to_string(value).unwrap();
        for (tool, text) in [
            ("saml2aws", format!("[a]\nurl = {value}\nprovider = Okta\n[b]\nurl = {value}\nprovider = ADFS\n")),
            ("gimme-aws-creds", format!("[DEFAULT]\napp_url = {value}\n[b]\napp_url = {value}\n")),
            ("okta-aws-cli", format!("awscli:\n  profiles:\n    a:\n      org-domain: {quoted}\n")),
            ("aws-runas", format!("[profile a]\nsaml_auth_url = {value}\nrole_arn = x\n")),
        ] {
            let (_, ran, config) = import(tool, &text);
            if tool == "okta-aws-cli" && value == "http://evil.example.com/" {
                // It takes the host of an address, and always asks by https.
                assert_eq!(config.profiles["a"].source.as_deref(), Some("https://evil.example.com/"));
                continue;
            }
            assert!(config.profiles.is_empty(), "{tool} {value:?}: {ran}");
            assert!(ran.stdout.contains("note: `"), "{ran}");
            assert!(!ran.stdout.contains("s3cret") && !ran.stdout.contains('\u{1b}'), "{ran}");
        }
    }
}

/// Whatever a file says, a profile holds an address, ARNs and plain texts: nothing that names a program or a file but a
/// policy.
fn assert_harmless(name: &str, settings: &Settings) {
    let source = settings.source.as_deref().unwrap();
    let address = source.strip_prefix("browser:").unwrap_or(source);
    assert!(address.starts_with("https://") || address.starts_with("http://127.0.0.1"), "{source}");
    let Settings { password_command, browser, base, store, audit_log, acs_url, account, reason, .. } = settings;
    assert_eq!(
        (password_command, browser, base, store, audit_log, acs_url, account, reason),
        (&None, &None, &None, &None, &None, &None, &None, &None)
    );
    assert_eq!((&settings.sts_endpoint_url, &settings.federation_endpoint_url), (&None, &None));
    assert!(
        settings.role.iter().chain(&settings.provider).all(|arn| arn.starts_with("arn:") && !arn.contains(['*', '?']))
    );
    assert!(settings.policy.iter().all(|policy| std::path::Path::new(policy).is_absolute()));
    assert!(!name.starts_with('-') && !name.contains(char::is_control));
}

#[test]
fn every_key_with_a_hostile_value_stays_harmless() {
    let keys = [
        (
            OtherTool::Saml2Aws,
            "url username provider mfa role_arn aws_session_duration aws_profile region policy_file browser_type browser_executable_path \
             headless prompter credentials_file saml_cache_file target_url download_browser_driver name app_id subdomain resource_id kc_broker",
        ),
        (
            OtherTool::GimmeAwsCreds,
            "app_url okta_org_url okta_username preferred_mfa_type aws_rolename aws_default_duration cred_profile client_id open_browser \
             gimme_creds_server device_token okta_password output_format force_classic aws_region",
        ),
        (
            OtherTool::AwsRunas,
            "saml_auth_url saml_username saml_provider role_arn jump_role_arn mfa_type region credentials_duration credential_process \
             web_identity_token_file external_id role_session_name federated_username",
        ),
        (
            OtherTool::OktaAwsCli,
            "org-domain oidc-client-id aws-acct-fed-app-id aws-iam-idp aws-iam-role aws-session-duration aws-region open-browser-command \
             aws-credentials exec format profile",
        ),
    ];
    let hostile = DIRECTIVES.into_iter().chain([
        "1",
        "*",
        "arn:aws:iam::111122223333:role/*/x",
        "{\"Statement\":[]}",
        "~/x",
        "../x",
    ]);
    for (value, (tool, keys)) in hostile.flat_map(|value| keys.map(|keys| (value, keys))) {
        for key in keys.split_whitespace() {
            let quoted = serde_json::to_string(value).unwrap();
            let text = match tool {
                OtherTool::Saml2Aws => format!("[a]\nprovider = Okta\nurl = {LINK}\n{key} = {value}\n"),
                OtherTool::GimmeAwsCreds if key == "app_url" => format!("[a]\napp_url = {value}\n"),
                OtherTool::GimmeAwsCreds => format!("[a]\napp_url = {LINK}\n{key} = {value}\n"),
                OtherTool::OktaAwsCli if key == "org-domain" => {
                    format!("awscli: {{profiles: {{a: {{org-domain: {quoted}}}}}}}")
                }
                OtherTool::OktaAwsCli => {
                    format!("awscli: {{profiles: {{a: {{org-domain: acme.okta.com, {key}: {quoted}}}}}}}")
                }
                _ => format!("[profile a]\nsaml_auth_url = {LINK}\n{key} = {value}\n"),
            };
            let imported = tool.import(&text).unwrap();
            for (name, settings) in &imported.profiles {
                assert_harmless(name, settings);
                let is_imported = has(settings, value) || name == value;
                let is_noted = imported.notes.iter().any(|note| note.contains(&format!("`{key}`")));
                assert!(is_imported || is_noted || is_equal(key, value), "{tool} {key} = {value:?}: {imported:?}");
            }
            // A name is shown, whatever it is.
            let is_name = matches!(key, "aws_profile" | "cred_profile");
            let is_shown = |note: &String| note.contains(char::is_control) || note.contains("s3cret") && !is_name;
            assert!(!imported.notes.iter().any(is_shown), "{imported:?}");
        }
    }
}

/// Whether a value says what holds anyway, or what is read in another form.
fn is_equal(key: &str, value: &str) -> bool {
    matches!(
        (key, value),
        ("provider" | "saml_provider" | "org-domain" | "skip_verify" | "policy_file" | "force_classic" | "headless", _)
    )
}

/// Whether a setting has the value.
fn has(settings: &Settings, value: &str) -> bool {
    let written = serde_json::to_string(settings).unwrap();
    written.contains(serde_json::to_string(value).unwrap().trim_matches('"'))
}

#[test]
fn bombs_and_files_of_others_are_refused() {
    let mut bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n".to_owned();
    for level in 1..9 {
        bomb += &format!("a{level}: &a{level} [{}]\n", vec![format!("*a{}", level - 1); 9].join(","));
    }
    bomb += "awscli: {profiles: {a: *a8}}\n";
    let deep = format!("awscli: {}x{}", "[".repeat(200_000), "]".repeat(200_000));
    let wide = format!("awscli:\n  profiles:\n    a:\n{}", "    - x\n".repeat(101_000));
    let utf16: Vec<u8> = "[a]\nurl = x\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let machine = Machine::alone();
    let file = machine.home().join("theirs");
    for (tool, content, message) in [
        ("okta-aws-cli", bomb.into_bytes(), "more than 100000 values, counting what aliases refer to"),
        ("okta-aws-cli", deep.into_bytes(), "nested deeper than 32 levels"),
        ("okta-aws-cli", wide.into_bytes(), "more than 100000 values"),
        ("okta-aws-cli", format!("[{}", ",".repeat(15 << 20)).into_bytes(), "larger than 1048576 bytes"),
        ("okta-aws-cli", b"x: 1\n".to_vec(), "is not a configuration of okta-aws-cli"),
        ("saml2aws", b"[a]\nnonsense\n".to_vec(), "line 2: neither a section nor a key"),
        ("saml2aws", utf16, "not text in UTF-8"),
        ("gimme-aws-creds", b"[a]\nk = 1\nk = 2\n".to_vec(), "line 3: the key `k` is there already"),
        ("aws-runas", b"[a]\nk = \xff\n".to_vec(), "not text in UTF-8"),
    ] {
        std::fs::write(&file, content).unwrap();
        // Within 2 GB of addresses: a file never expands in memory.
        let mut command = machine.program("sh");
        command.args(["-c", "ulimit -v 2000000; exec \"$@\"", "sh"]).arg(binary());
        let output = command.args(["import", tool]).arg(&file).stdin(Stdio::null()).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        let code = output.status.code().unwrap_or(-1);
        let ran = Ran { code, stdout: text(output.stdout), stderr: text(output.stderr) };
        assert_eq!(ran.code, 3, "{ran}");
        assert!(ran.stderr.contains(message), "{message}: {ran}");
        assert!(ran.stderr.contains(&file.display().to_string()), "{ran}");
    }
    let ran = machine.run("import saml2aws /dev/zero");
    assert!(ran.code == 4 && ran.stderr.contains("larger than"), "{ran}");
}

/// Files without an end, wherever a person names a file.
#[test]
fn files_are_read_up_to_a_limit() {
    let machine = Machine::alone();
    for line in [
        "status --config /dev/zero",
        "login --source https://acme.okta.com --policy /dev/zero --no-interactive",
        "login --source saml:/dev/zero --no-interactive",
        "inspect /dev/zero",
        "grant open /dev/zero --no-interactive",
        "grant trust grace@example.com /dev/zero --yes",
        "setup aws --account 111122223333 --provider Okta --role R --emit json --metadata /dev/zero",
    ] {
        let ran = machine.run(line);
        assert!(ran.code != 0 && ran.stdout.is_empty(), "{line}: {ran}");
        assert!(ran.stderr.contains("larger than") || ran.stderr.contains("more than"), "{line}: {ran}");
    }
}
