//! Audits of grants: what is verified, exported and reported of what an administrator gave.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use jiff::SignedDuration;
use serde_json::Value;
use tempaccess_core::config::Config;
use tempaccess_core::grants::{GrantFilter, GrantHistories, GrantRequest, GrantRules, GrantSpec, Grants};
use tempaccess_core::report::{Export, GrantCall, Period, Report};
use tempaccess_core::seal::KeyFileSigner;
use tempaccess_core::source::NoPrompter;
use tempaccess_tests::aws::Credentials;
use tempaccess_tests::cli::Machine;
use tempaccess_tests::office::{ADMIN, GRANTED, Office};
use tempaccess_tests::register::{NOW, Register, SIGNED_BY};
use tempaccess_tests::{parts, workspace};

use crate::query::get;

const CHROMIUM: &str = "/usr/bin/chromium";
/// A reason that tries to leave the data, the table and the terminal.
const HOSTILE: &str = "</script><img src=x onerror=\"window.acted=1\"><!-- \u{202e}=cmd|' /C calc'!A0";

/// An administrator whose records are in a folder, and a machine that is configured for them.
struct Audited {
    office: Office,
    machine: Machine,
}

impl Audited {
    fn open() -> Self {
        let office = Office::open();
        let machine = Machine::at(&office.sandbox);
        let signers = office.folder.path().join("signers");
        let key = office.key(SIGNED_BY).public_key();
        std::fs::write(&signers, format!("{SIGNED_BY} namespaces=\"tempaccess-grant\" {key}\n")).unwrap();
        let config = machine.home().join(".config/tempaccess/config.toml");
        std::fs::create_dir_all(config.parent().unwrap()).unwrap();
        let records = office.folder.path().join("records");
        let text = format!(
            "[accounts]\n111122223333 = \"ledger\"\n[grants]\nsigners = {:?}\nrecords = {:?}\n",
            signers.display().to_string(),
            records.display().to_string()
        );
        std::fs::write(config, text).unwrap();
        Self { office, machine }
    }

    /// Gives three grants: one to Grace that is extended, one that is revoked, and one to Eve for a hostile reason.
    /// Returns their ids.
    async fn give(&self) -> [String; 3] {
        let grants = self.office.grants();
        let first = grants.issue(&self.office.session_for_grace(40)).await.unwrap().event.id;
        self.office.advance(30);
        grants.extend(&first, "20m".parse().unwrap(), "OPS-123 takes longer").await.unwrap();
        self.office.advance(1);
        let second = grants.permit(&self.office.ledger_for_grace(60).role("People")).await.unwrap().event.id;
        self.office.advance(10);
        grants.revoke(&second, "done early").await.unwrap();
        // Events of the same second have no order among different grants.
        self.office.advance(1);
        let key = self.office.key("eve@example.com").public_key().parse().unwrap();
        let spec = GrantSpec::to("eve@example.com").role(GRANTED).duration("15m".parse().unwrap()).seal_to(key);
        let third = grants.issue(&spec.reason(HOSTILE)).await.unwrap().event.id;
        self.office.advance(5);
        [first, second, third].map(|id| id.to_string())
    }

    async fn histories(&self) -> GrantHistories {
        self.office.grants().histories(&GrantFilter::default()).await.unwrap()
    }

    fn record(&self, id: &str, number: u32) -> std::path::PathBuf {
        self.office.folder.path().join(format!("records/{id}/{number:04}.json"))
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn verify_finds_what_was_changed_removed_and_broken() {
    let audited = Audited::open();
    let [first, second, third] = audited.give().await;
    let sound = audited.machine.run("audit verify");
    assert_eq!(sound.code, 0, "{sound}");
    assert!(sound.stdout.starts_with("checked 3 grants with 5 events in "), "{sound}");

    // One was changed, one lost its first event, and one is not a record any more.
    let text = std::fs::read_to_string(audited.record(&first, 2)).unwrap();
    std::fs::write(audited.record(&first, 2), text.replace("takes longer", "takes shorter")).unwrap();
    std::fs::remove_file(audited.record(&second, 1)).unwrap();
    std::fs::write(audited.record(&third, 1), "{\"version\":1,").unwrap();
    let ran = audited.machine.run("audit verify --output json");
    assert_eq!(ran.code, 65, "{ran}");
    let found: Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&found["grants"], &found["events"]), (&Value::from(3), &Value::from(3)), "{ran}");
    let defect = |id: &str| {
        let all = found["defects"].as_array().unwrap().iter().filter(|defect| defect["id"] == *id);
        all.map(|defect| defect["defect"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(defect(&first), ["event 2: the signature does not match: the text was changed after it was signed"]);
    let follows_nothing = "event 2 follows an event that was changed or removed";
    assert_eq!(defect(&second), ["event 1 is missing", follows_nothing]);
    assert!(defect(&third)[0].starts_with("a record of a grant cannot be read: EOF"), "{ran}");
    assert!(ran.stderr.contains("grant_not_genuine"), "{ran}");
    // Each event knows its own defects.
    let found = audited.histories().await;
    let changed = found.histories.iter().find(|history| history.id().as_str() == first).unwrap();
    assert_eq!((changed.defects_of(1).count(), changed.defects_of(2).count()), (0, 1));
    let text = audited.machine.run("audit verify");
    assert_eq!(text.stdout.matches("problem: ").count(), 4, "{text}");
}

/// Splits a table by RFC 4180.
fn cells(table: &str) -> Vec<Vec<String>> {
    let (mut rows, mut row, mut cell, mut quoted) = (Vec::new(), Vec::new(), String::new(), false);
    let mut characters = table.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, quoted) {
            ('"', true) if characters.peek() == Some(&'"') => cell.extend(characters.next()),
            ('"', _) => quoted = !quoted,
            (',', false) => row.push(std::mem::take(&mut cell)),
            ('\r', false) => {}
            ('\n', false) => {
                row.push(std::mem::take(&mut cell));
                rows.push(std::mem::take(&mut row));
            }
            _ => cell.push(character),
        }
    }
    rows
}

#[tokio::test(flavor = "multi_thread")]
async fn exports_have_every_event_in_each_format() {
    let audited = Audited::open();
    let [first, second, third] = audited.give().await;
    let csv = audited.machine.run("audit export --output csv");
    let table = cells(&csv.stdout);
    assert_eq!((csv.code, table.len()), (0, 6), "{csv}");
    let column = |name: &str| table[0].iter().position(|column| column == name).unwrap();
    assert!(table.iter().all(|row| row.len() == table[0].len()), "{csv}");
    let events: Vec<_> = table[1..].iter().map(|row| row[column("event")].as_str()).collect();
    assert_eq!(events, ["issued", "extended", "permitted", "revoked", "issued"]);
    assert_eq!(table[5][column("reason")], tempaccess_core::front_end::printable(HOSTILE));
    assert!(table[1..].iter().all(|row| row[column("trusted")] == "yes"), "{csv}");

    let json = audited.machine.run(&format!("audit export {second} --output json"));
    let records: Vec<Value> = serde_json::from_str(&json.stdout).unwrap();
    let stored = std::fs::read(audited.record(&second, 2)).unwrap();
    assert_eq!((records.len(), &records[1]), (2, &serde_json::from_slice(&stored).unwrap()), "{json}");

    let period = "audit export --output ocsf --from 2026-11-25T14:35:00Z --until 2026-11-26";
    let ocsf = audited.machine.run(period);
    let events: Vec<Value> = ocsf.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 2, "{ocsf}");
    assert_eq!((&events[0]["type_uid"], &events[1]["type_uid"]), (&Value::from(300_502), &Value::from(300_501)));
    assert_eq!(events[0]["metadata"]["correlation_uid"], *second);
    assert_eq!(events[1]["user"]["name"], "eve@example.com");
    assert_eq!(events[1]["severity_id"], 1);

    let unknown = audited.machine.run("audit export abcdefghjkmn --output csv");
    assert_eq!(unknown.code, 61, "{unknown}");
    // What cannot be parsed is named, and hides nothing else.
    std::fs::write(audited.record(&third, 1), "").unwrap();
    let rest = audited.machine.run("audit export --output csv");
    assert_eq!((rest.code, cells(&rest.stdout).len()), (0, 5), "{rest}");
    assert!(rest.stderr.contains(&format!("the grant {third} is not in the export")), "{rest}");
    assert!(!rest.stderr.contains(&first), "{rest}");
}

/// The data in a page.
fn data(page: &str) -> Value {
    let text = page.split("id=\"data\">").nth(1).unwrap().split("</script>").next().unwrap();
    serde_json::from_str(text).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_report_of_the_command_line_has_what_the_period_touches() {
    let audited = Audited::open();
    let [first, second, third] = audited.give().await;
    let file = audited.machine.home().join("report.html");
    let report = |rest: &str| audited.machine.run(&format!("audit report --out {} {rest}", file.display()));
    let ran = report("");
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran}");
    assert!(ran.stdout.ends_with("report.html: 3 grants\n"), "{ran}");
    let page = std::fs::read_to_string(&file).unwrap();
    assert!(!page.contains("<img") && page.contains("\\u003cimg"));
    let model = data(&page);
    let grant = |id: &str| model["grants"].as_array().unwrap().iter().find(|grant| grant["id"] == *id).unwrap();
    assert_eq!(model["accounts"]["111122223333"], "ledger");
    assert_eq!(grant(&third)["reason"], HOSTILE);
    let minutes = |id: &str| {
        let spans = grant(id)["spans"].as_array().unwrap();
        spans.iter().map(|span| (span[1].as_i64().unwrap() - span[0].as_i64().unwrap()) / 60_000).collect::<Vec<_>>()
    };
    assert_eq!((minutes(&first), minutes(&second), minutes(&third)), (vec![60], vec![10], vec![15]));

    // Before anything happened, and when only the last one was live.
    assert!(report("--until 2026-11-25").stdout.ends_with(": 0 grants\n"));
    let late = report("--from 2026-11-25T14:45:00Z --output json");
    assert_eq!(serde_json::from_str::<Value>(&late.stdout).unwrap()["grants"], 2, "{late}");
    #[cfg(unix)]
    {
        let mode = std::os::unix::fs::PermissionsExt::mode(&std::fs::metadata(&file).unwrap().permissions());
        assert_eq!(mode & 0o777, 0o600, "the report is for this user alone");
    }
    let refused = report("--from 2026-11-26 --until 2026-11-25");
    assert_eq!(refused.code, 2, "{refused}");
}

/// Opens the page in Chromium as a person would, and returns what they see.
fn look(page: &Path, word: &str, id: &str) -> Option<Value> {
    let chromium = parts::debian(CHROMIUM, "chromium")?;
    let node = parts::on_path("node", "nodejs")?;
    let script = workspace().join("tests/parts/report/looks.mjs");
    let output = Command::new(node).arg(script).arg(chromium).arg(page).args([word, id]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(serde_json::from_slice(&output.stdout).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_person_finds_a_grant_by_keyboard_and_hostile_text_does_nothing() {
    let audited = Audited::open();
    let [first, second, third] = audited.give().await;
    let text = std::fs::read_to_string(audited.record(&second, 2)).unwrap();
    std::fs::write(audited.record(&second, 2), text.replace("done early", "done never")).unwrap();
    let found = audited.histories().await;
    let mut call = GrantCall::new("2026-11-25T14:42:00Z".parse().unwrap(), "s3:GetObject<b>");
    call.error = Some("AccessDenied".to_owned());
    call.denied = true;
    call.resource = Some("arn:aws:s3:::<b>vault".to_owned());
    call.source = Some("203.0.113.9".to_owned());
    let html = Report::new(&found, audited.office.now()).calls(third.parse().unwrap(), [call]).html().unwrap();
    let file = audited.office.folder.path().join("report.html");
    std::fs::write(&file, html).unwrap();
    let Some(seen) = look(&file, "onerror", &third) else { return };
    assert_eq!((&seen["grants"], &seen["searches"]), (&Value::from(3), &Value::from("query")), "{seen:#}");
    assert_eq!(seen["tiles"]["cannot be trusted"], "1");
    assert_eq!(seen["problems"], "1 grant with records that cannot be trusted");
    assert_eq!(seen["tiles"]["denied call"], "1");
    assert_eq!(seen["address"], "#q=onerror");
    let answer = seen["answer"].as_str().unwrap();
    assert!(answer.starts_with("eve@example.com had access to 111122223333/Granted, by 1 grant."), "{answer}");
    let details = seen["details"].as_str().unwrap();
    for shown in
        [&*third, "</script><img src=x onerror=", "\\u{202e}", "ada@example.com", "s3:GetObject<b>", "203.0.113.9"]
    {
        assert!(details.contains(shown), "{shown}: {details}");
    }
    assert!(seen["label"].as_str().unwrap().contains("1 denied call"), "{seen:#}");
    assert_eq!((&seen["focus"], &seen["found"]), (&Value::from("details-title"), &Value::from(true)), "{seen:#}");
    assert!(seen["table"].as_str().unwrap().contains("eve@example.com"));
    assert_eq!(seen["all"], 3);
    // Who could use a bucket: by a policy for it, or by all that a role allows. The denied call on the vault gives none.
    let mut ledger = [first, second, third.clone()];
    ledger.sort();
    for on in ["ledger", "arn:aws:s3:::ledger", "arn:aws:s3:::ledger/README.txt"] {
        assert_eq!(seen["access"][on], serde_json::json!(ledger), "{on}");
    }
    for on in ["vault", "arn:aws:s3:::other"] {
        assert_eq!(seen["access"][on], serde_json::json!([third]), "{on}");
    }
    let on_other = seen["onOther"].as_str().unwrap();
    assert!(on_other.contains("had access to arn:aws:s3:::other through 111122223333/Granted"), "{on_other}");
    assert!(on_other.contains("One of them allows all that the role does"), "{on_other}");
    // Neither the data nor a script that is added later acts, and nothing leaves the machine.
    assert_eq!((&seen["images"], &seen["acted"]), (&Value::from(0), &Value::from(false)), "{seen:#}");
    assert_ne!(seen["inline"], "true", "{seen:#}");
    assert_eq!((&seen["requests"], &seen["dialogs"]), (&serde_json::json!([]), &serde_json::json!([])), "{seen:#}");
    assert!(seen["overflow"].as_i64().unwrap() <= 0, "{seen:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn everyday_sign_ins_are_in_the_report_with_what_was_done() {
    let audited = Audited::open();
    let office = &audited.office;
    let permitted = office.grants().permit(&office.ledger_for_grace(60).role("People")).await.unwrap().event.id;
    let log = audited.machine.home().join("audit.jsonl");
    let access = office.access("ada@example.com", "arn:aws:iam::111122223333:role/People");
    let session = access.credentials().await.unwrap();
    let key = session.answer.credentials.access_key_id.clone();
    let record = serde_json::json!({
        "at": office.now(), "outcome": "issued", "reason": null, "source": "okta:acme.okta.com",
        "session_name": "ada@example.com", "assertion_id": "a-1", "chained_from": null,
        "role_arn": "arn:aws:iam::111122223333:role/People", "policy_sha256": null, "policy_arns": [],
        "access_key_id": key, "expiration": session.answer.credentials.expiration,
    });
    // Its last line is one that a writer was killed at.
    std::fs::write(&log, format!("{record}\n{{\"at\":")).unwrap();
    let call = Credentials::from(&session);
    assert_eq!(get(office, &call, "/vault/combination.txt").await, 403);
    office.advance(30);
    let trail = office.folder.path().join("trail");
    office.sandbox.trail().write_files(&trail).unwrap();

    let file = audited.machine.home().join("report.html");
    let (out, trail, log) = (file.display(), trail.display(), log.display());
    let ran = audited.machine.run(&format!("audit report --out {out} --files {trail} --audit-log {log}"));
    assert!(ran.stdout.ends_with("report.html: 1 grant, and 1 sign-in\n"), "{ran}");
    assert!(ran.stderr.contains("lines of the audit logs that are not records: 1"), "{ran}");
    let model = data(&std::fs::read_to_string(&file).unwrap());
    let rows = model["grants"].as_array().unwrap();
    let sign_in = rows.iter().find(|row| row["kind"] == "sign_in").unwrap();
    assert_eq!((&sign_in["id"], &sign_in["to"]), (&Value::from(key.as_str()), &Value::from("ada@example.com")));
    assert_eq!((sign_in["calls"].as_array().unwrap().len(), &sign_in["calls"][0]["denied"]), (1, &Value::from(true)));
    // Outside the period, there is none.
    let earlier = audited.machine.run(&format!("audit report --out {out} --audit-log {log} --until 2026-11-25"));
    assert!(earlier.stdout.ends_with("report.html: 0 grants\n"), "{earlier}");
    audited.machine.run(&format!("audit report --out {out} --files {trail} --audit-log {log}"));
    let Some(seen) = look(&file, "okta:acme", &key) else { return };
    assert_eq!(
        (&seen["tiles"]["grant"], &seen["tiles"]["sign-in"]),
        (&Value::from("1"), &Value::from("1")),
        "{seen:#}"
    );
    let answer = seen["answer"].as_str().unwrap();
    assert!(answer.starts_with("ada@example.com had access to ledger/People, by 1 sign-in."), "{answer}");
    let details = seen["details"].as_str().unwrap();
    for shown in ["everyday sign-in", "okta:acme.okta.com", "nobody has signed", "no reason given", &key] {
        assert!(details.contains(shown), "{shown}: {details}");
    }
    // What the role allows is up to the role.
    let mut ledger = [permitted.to_string(), key.clone()];
    ledger.sort();
    assert_eq!(seen["access"]["ledger"], serde_json::json!(ledger));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_asked_who_agreed_and_who_did_without_is_exported_and_reported() {
    let audited = Audited::open();
    let (office, alan) = (&audited.office, "alan@example.com");
    let text = r#"
        [grants.presets.look]
        kind = "policy"
        role = "People"
        policy = '{"Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::ledger"}]}'
        max_duration = "4h"
        approvals = 1
        break_glass = true
    "#;
    let rules = || GrantRules::new(&Config::parse(text).unwrap().grants).unwrap();
    let (ada, alan) = (office.grants_of(SIGNED_BY, rules()), office.grants_of(alan, rules()));
    let asked =
        GrantRequest::new("grace@example.com", "look", SignedDuration::from_mins(40), "OPS-5", &[], office.now());
    let asked = asked.unwrap().sign(&office.signer("grace@example.com")).await.unwrap();
    office.advance(3);
    let agreed = ada.sign_approval(&asked, &Default::default()).await.unwrap();
    office.advance(2);
    let given = alan.carry_out(alan.plan_approve(&agreed, &Default::default()).await.unwrap()).await.unwrap().event.id;
    let glass = GrantSpec::to("eve@example.com").preset("look").duration(SignedDuration::from_mins(10));
    let glass = ada.plan_permit(&glass.reason("the site is down")).await.unwrap();
    let glass = ada.carry_out(glass).await.unwrap().event.id;
    let found = audited.histories().await;
    assert!(found.histories.iter().all(|history| history.defects().is_empty()));

    let model = data(&Report::new(&found, office.now()).html().unwrap());
    let grant = |id: &str| model["grants"].as_array().unwrap().iter().find(|grant| grant["id"] == *id).unwrap();
    let steps: Vec<_> = grant(given.as_str())["events"].as_array().unwrap().iter().collect();
    let step = |event: &Value| (event["event"].as_str().unwrap().to_owned(), event["by"].as_str().unwrap().to_owned());
    let expected = [
        ("requested", "grace@example.com"),
        ("approved", "ada@example.com"),
        ("approved", "alan@example.com"),
        ("permitted", "alan@example.com"),
    ];
    let expected = expected.map(|(event, by)| (event.to_owned(), by.to_owned()));
    assert_eq!(steps.iter().map(|event| step(event)).collect::<Vec<_>>(), expected);
    assert_eq!(grant(given.as_str())["agreed"], serde_json::json!(["ada@example.com", "alan@example.com"]));
    assert_eq!(
        (&grant(given.as_str())["break_glass"], &grant(glass.as_str())["break_glass"]),
        (&Value::Null, &true.into())
    );

    let export = Export::new(&found.histories, &Period::default());
    let table = cells(&export.csv());
    let row = |id: &str| table.iter().find(|row| row[1] == id).unwrap();
    let cell = |id: &str, name: &str| row(id)[table[0].iter().position(|column| column == name).unwrap()].clone();
    assert_eq!(cell(given.as_str(), "requested_at"), "2026-11-25T14:00:00Z");
    assert_eq!(cell(given.as_str(), "approved_by"), "ada@example.com alan@example.com");
    assert_eq!(cell(glass.as_str(), "break_glass"), "true");
    let events: Vec<Value> = export.ocsf().unwrap().lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let severity =
        |id: &str| events.iter().find(|event| event["metadata"]["correlation_uid"] == *id).unwrap()["severity"].clone();
    assert_eq!((severity(given.as_str()), severity(glass.as_str())), ("Informational".into(), "Medium".into()));
}

#[tokio::test]
async fn records_that_others_wrote_in_bulk_are_reported_whole() {
    let office = Office::open();
    let signer = KeyFileSigner::new(office.key(SIGNED_BY), Arc::new(NoPrompter)).unwrap();
    let register = Arc::new(Register::of(40, &signer).await);
    let access = office.access(SIGNED_BY, ADMIN);
    let grants = Grants::builder(access, Arc::new(office.iam()), register, Arc::new(signer));
    let grants = grants.signers(office.signers()).clock(Arc::new(office.clock.clone())).build();
    let found = grants.histories(&GrantFilter::default()).await.unwrap();
    assert_eq!((found.histories.len(), found.unreadable.len()), (40, 0));
    let defects: Vec<_> = found.histories.iter().flat_map(|history| history.defects()).collect();
    assert_eq!(defects, [""; 0]);
    let report = Report::new(&found, NOW.parse().unwrap()).records(grants.records().describe());
    let model = data(&report.html().unwrap());
    assert_eq!(model["grants"].as_array().unwrap().len(), 40);
    assert!(model["policies"].as_array().unwrap().len() <= 4, "equal policies are in the page once");
    let events = found.histories.iter().map(|history| history.events().count()).sum::<usize>();
    let export = Export::new(&found.histories, &Period::default());
    assert_eq!((export.len(), export.ocsf().unwrap().lines().count()), (events, events));
}
