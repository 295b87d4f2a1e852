//! Who signed a request and its approvals, compared with the vectors. Python and Node read the same.

use std::fs;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempaccess_core::grants::{ApprovalInput, GrantRequest, GrantRules, RequestText};
use tempaccess_core::seal::{Namespace, Signer, Signers};
use tempaccess_tests::office::{Office, START};
use tempaccess_tests::vectors::{self, Vector};

const END: &str = "-----END SSH SIGNATURE-----\n";

fn inspect(vector: &Vector) -> Value {
    let read = |name: &str| fs::read_to_string(vector.file.with_file_name(name)).unwrap();
    let at: Timestamp = vector.text("at").parse().unwrap();
    let signers = Signers::parse(&read(vector.text("signers"))).unwrap();
    match RequestText::parse(&read(vector.text("input"))).and_then(|text| text.verify(&signers, at)) {
        Ok(verified) => serde_json::to_value(verified).unwrap(),
        Err(error) => json!({ "error": serde_json::to_value(error.report()).unwrap() }),
    }
}

#[tokio::test]
async fn requests_are_genuine_or_refused() {
    if vectors::updating() {
        write_all().await;
    }
    let all = vectors::requests();
    assert!(all.len() > 12, "{}", all.len());
    for vector in &all {
        assert_eq!(vector.json["expect"], inspect(vector), "{}", vector.file.display());
    }
    let refused = |vector: &&Vector| vector.json["expect"]["error"].is_object();
    assert!(all.iter().filter(refused).count() > 8);
}

/// A policy that allows to list a bucket, with further elements of its statement.
fn policy(more: &str) -> String {
    format!(r#"{{"Statement":[{{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::ledger"{more}}}]}}"#)
}

fn rules() -> GrantRules {
    let text = format!(
        "[grants.presets.count]\nkind = \"policy\"\nrole = \"People\"\npolicy = '{}'\nmax_duration = \"1h\"\napprovals = 2",
        policy("")
    );
    GrantRules::new(&tempaccess_core::config::Config::parse(&text).unwrap().grants).unwrap()
}

/// Signs one line, which need not be what a request or an approval is.
async fn signed(office: &Office, login: &str, namespace: Namespace, line: &str) -> String {
    let signature = office.signer(login).sign(namespace, line.as_bytes()).await.unwrap();
    format!("{line}\n{}\n", signature.trim_end())
}

/// Writes the inputs again, with the keys of the sealed grants, and what is expected of them.
async fn write_all() {
    let (folder, office) = (vectors::folder().join("requests"), Office::open());
    fs::create_dir_all(&folder).unwrap();
    for name in ["ada", "alan", "grace", "eve"] {
        let key = vectors::folder().join("grants/keys").join(name);
        fs::copy(key, office.folder.path().join(format!("{name}@example.com"))).unwrap();
    }
    let (ada, alan, grace, eve) = ("ada@example.com", "alan@example.com", "grace@example.com", "eve@example.com");
    let minutes = SignedDuration::from_mins;
    let asked =
        |who: &str, length: i64| GrantRequest::new(who, "count", minutes(length), "OPS-5", &[], office.now()).unwrap();
    let sign = async |request: GrantRequest, who: &str| request.sign(&office.signer(who)).await.unwrap();
    let request = sign(asked(grace, 40), grace).await;
    let by_ada = office.grants_of(ada, rules()).sign_approval(&request, &minutes(30).into()).await.unwrap();
    let by_both = office.grants_of(alan, rules()).sign_approval(&by_ada, &Default::default()).await.unwrap();
    let mut less = ApprovalInput::default();
    less.from_ip = vec!["192.0.2.0/24".to_owned()];
    less.policy = Some(policy(r#","Condition":{"Bool":{"aws:SecureTransport":"true"}}"#));
    let narrowed = office.grants_of(ada, rules()).sign_approval(&request, &less.into_limits().unwrap()).await.unwrap();
    let other = sign(asked(grace, 60), grace).await;
    let blocks = |text: &RequestText| -> Vec<String> {
        text.to_text().split_inclusive(END).map(str::to_owned).collect::<Vec<_>>()
    };
    let (request_block, approval) = (blocks(&by_ada)[0].clone(), blocks(&by_ada)[1].clone());
    let line = |block: &str| block.lines().next().unwrap().to_owned();
    let by_eve = line(&approval).replace(ada, eve);
    let own = line(&approval).replace(ada, grace);
    let old = line(&approval).replace("14:00:00Z", "13:00:00Z");
    let unknown = line(&request_block).replace(r#""version":1"#, r#""version":1,"admin":true"#);
    let quoted: String = by_both.to_text().lines().map(|line| format!("> {line}\r\n")).collect();
    let join = |approval: String| format!("{request_block}{approval}");
    let grants = Namespace::Grant;
    let now = "2026-11-25T14:10:00Z";
    for (name, about, text, at) in [
        ("asked", "Grace asks, and nobody has approved", request.to_text(), now),
        ("approved", "Ada approves a shorter time, and Alan agrees", by_both.to_text(), now),
        ("narrowed", "Ada approves one network and a narrower policy", narrowed.to_text(), now),
        ("quoted", "a mail quotes it, with line ends of its own", format!("Hello,\r\n\r\n{quoted}\r\nAda\r\n"), now),
        ("week", "it is six days old", request.to_text(), "2026-12-01T14:00:00Z"),
        ("old", "it is eight days old", request.to_text(), "2026-12-03T14:00:00Z"),
        ("future", "it comes from the future", request.to_text(), "2026-11-25T13:00:00Z"),
        ("longer", "the duration was changed after it was signed", request.to_text().replace("2400", "9400"), now),
        ("stranger", "a stranger asks", sign(asked(eve, 40), eve).await.to_text(), now),
        ("as-another", "a stranger's key signed it as Grace", sign(asked(grace, 40), eve).await.to_text(), now),
        ("administrator", "a key that may give and not ask", sign(asked(ada, 40), ada).await.to_text(), now),
        (
            "other-purpose",
            "Grace signed it as a grant",
            signed(&office, grace, grants, &line(&request_block)).await,
            now,
        ),
        ("unknown-field", "a field that is not known", signed(&office, grace, Namespace::Request, &unknown).await, now),
        ("moved", "an approval of another request", format!("{}{approval}", other.to_text()), now),
        ("twice", "the same approval twice", join(format!("{approval}{approval}")), now),
        ("approved-by-a-stranger", "a stranger's approval", join(signed(&office, eve, grants, &by_eve).await), now),
        ("own", "the person who asked approves", join(signed(&office, grace, grants, &own).await), now),
        ("older-approval", "an approval from before the request", join(signed(&office, ada, grants, &old).await), now),
        ("approval-changed", "an approval for longer than was signed", by_ada.to_text().replace("1800", "9800"), now),
        ("approval-alone", "no request", approval.clone(), now),
        ("two", "two requests", format!("{}{}", request.to_text(), other.to_text()), now),
    ] {
        fs::write(folder.join(format!("{name}.txt")), text).unwrap();
        let json = json!({
            "about": about,
            "input": format!("{name}.txt"),
            "signers": "../grants/access.signers",
            "at": at,
            "expect": null,
        });
        let mut vector = Vector { file: folder.join(format!("{name}.json")), json };
        vector.json["expect"] = inspect(&vector);
        vector.save();
    }
    assert_eq!(office.now(), START.parse().unwrap());
}
