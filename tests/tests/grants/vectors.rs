//! Who signed a sealed grant, compared with the vectors. Python and Node read the same.

use std::fs;

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use tempaccess_core::seal::{Namespace, SealedGrant, Signer, Signers};
use tempaccess_tests::office::{Office, START};
use tempaccess_tests::vectors::{self, Vector};

const AGE: &str = "-----BEGIN AGE ENCRYPTED FILE-----";
const SSH: &str = "-----BEGIN SSH SIGNATURE-----";

fn inspect(vector: &Vector) -> Value {
    let read = |name: &str| fs::read_to_string(vector.file.with_file_name(name)).unwrap();
    let at: Timestamp = vector.text("at").parse().unwrap();
    let signers = Signers::parse(&read(vector.text("signers"))).unwrap();
    let verified = SealedGrant::parse(&read(vector.text("input"))).and_then(|grant| grant.verify(&signers, at));
    match verified {
        Ok(verified) => serde_json::to_value(verified.header()).unwrap(),
        Err(error) => json!({ "error": serde_json::to_value(error.report()).unwrap() }),
    }
}

#[tokio::test]
async fn grants_are_genuine_or_refused() {
    if vectors::updating() {
        write_all().await;
    }
    let all = vectors::grants();
    assert!(all.len() > 12, "{}", all.len());
    for vector in &all {
        assert_eq!(vector.json["expect"], inspect(vector), "{}", vector.file.display());
    }
    let refused = |vector: &&Vector| vector.json["expect"]["error"]["kind"] == "grant_not_genuine";
    assert!(all.iter().filter(refused).count() > 8);
}

/// The parts of a sealed grant.
#[derive(Clone)]
struct Parts {
    header: String,
    age: String,
    signature: String,
}

impl Parts {
    fn of(sealed: &str) -> Self {
        let (header, rest) = sealed.split_once('\n').unwrap();
        let (age, signature) = rest.split_at(rest.find(SSH).unwrap());
        Self { header: header.to_owned(), age: age.to_owned(), signature: signature.to_owned() }
    }

    fn text(&self) -> String {
        format!("{}\n{}{}", self.header, self.age, self.signature)
    }

    /// Returns the same with a changed header, which keeps its order, and the old signature.
    fn changed(&self, from: &str, to: &str) -> Self {
        assert!(self.header.contains(from), "{}", self.header);
        Self { header: self.header.replacen(from, to, 1), ..self.clone() }
    }

    /// Returns the same with the signature of a person.
    async fn signed(&self, office: &Office, login: &str, namespace: Namespace) -> Self {
        let signature = office.signer(login).sign(namespace, self.header.as_bytes()).await.unwrap();
        Self { signature: format!("{}\n", signature.trim_end()), ..self.clone() }
    }
}

/// Writes the inputs again, with the keys of the folder, and what is expected of them.
async fn write_all() {
    let (folder, office) = (vectors::folder().join("grants"), Office::open());
    for name in ["ada", "alan", "grace", "eve"] {
        fs::copy(folder.join("keys").join(name), office.folder.path().join(format!("{name}@example.com"))).unwrap();
    }
    let key = |name: &str| office.key(name).public_key();
    let line = |name: &str, options: &str| {
        let key = key(name).split(' ').take(2).collect::<Vec<_>>().join(" ");
        format!("{name} {options} {key}\n")
    };
    let trusted = [
        line("ada@example.com", r#"namespaces="tempaccess-grant""#),
        line("alan@example.com", r#"namespaces="tempaccess-grant""#),
        line("grace@example.com", r#"namespaces="tempaccess-request""#),
    ];
    let ended = r#"namespaces="tempaccess-grant",valid-before="20261125140000Z""#;
    for (name, text) in [
        ("access.signers", trusted.concat()),
        ("ended.signers", line("ada@example.com", ended)),
        ("pattern.signers", line("ada@example.com", "").replace("ada@example.com", "*@example.com,!ada@example.com")),
        ("nobody.signers", "# nobody yet\n".to_owned()),
    ] {
        fs::write(folder.join(name), text).unwrap();
    }

    let genuine = Parts::of(&office.grants().issue(&office.session_for_grace(40)).await.unwrap().sealed);
    let eve = key("eve@example.com").parse().unwrap();
    let spec = tempaccess_core::grants::GrantSpec::to("eve@example.com").role("Granted").seal_to(eve).reason("OPS-7");
    let other = office.grants().issue(&spec.duration(SignedDuration::from_mins(20))).await.unwrap();
    let other = Parts::of(&other.sealed);
    let (ada, alan, eve) = ("ada@example.com", "alan@example.com", "eve@example.com");
    let quoted: String = genuine.text().lines().map(|line| format!("> {line}\r\n")).collect();
    let (half, rest) = genuine.header.split_at(genuine.header.len() / 2);
    let wrapped = Parts { header: format!("{half}\n{rest}"), ..genuine.clone() };
    let grants = Namespace::Grant;
    let control = genuine.changed(r#""by":"ada@example.com""#, r#""by":"ada\u001b[2J@example.com""#);
    let foreign = Parts { age: other.age.clone(), ..genuine.clone() };
    let by_alan = genuine.signed(&office, alan, grants).await;
    let unsigned = Parts { signature: String::new(), ..genuine.clone() };
    let longer = genuine.changed("14:40:00Z", "18:40:00Z");
    let elsewhere = genuine.changed("111122223333:role", "999988887777:role");
    let later = genuine.changed(r#""version":1"#, r#""version":2"#).signed(&office, ada, grants).await;
    let unknown = genuine.changed(r#""version":1"#, r#""version":1,"admin":true"#).signed(&office, ada, grants).await;
    let by_grace = genuine.changed(r#""by":"ada@"#, r#""by":"grace@"#);
    let now = "2026-11-25T14:10:00Z";
    for (name, about, text, signers, at) in [
        ("genuine", "Ada signed it", genuine.text(), "access", now),
        (
            "quoted",
            "a mail quotes it, with line ends of its own",
            format!("Hello,\r\n\r\n{quoted}\r\nAda\r\n"),
            "access",
            now,
        ),
        ("wrapped", "a mail wrapped the header", wrapped.text(), "access", now),
        (
            "before",
            "the validity of the key is judged at the time of opening, here before it ended",
            genuine.text(),
            "ended",
            "2026-11-25T13:59:59Z",
        ),
        ("key-ended", "an old file, opened after the validity of the key", genuine.text(), "ended", now),
        ("nobody", "nobody is trusted", genuine.text(), "nobody", now),
        ("excluded", "the pattern of the key excludes the name", genuine.text(), "pattern", now),
        (
            "stranger",
            "a stranger's key signed it as Ada",
            genuine.signed(&office, eve, grants).await.text(),
            "access",
            now,
        ),
        ("other-administrator", "Alan's key signed it as Ada", by_alan.text(), "access", now),
        (
            "requester",
            "a key that may ask gave access",
            by_grace.signed(&office, "grace@example.com", grants).await.text(),
            "access",
            now,
        ),
        (
            "other-purpose",
            "Ada signed it as a request",
            genuine.signed(&office, ada, Namespace::Request).await.text(),
            "access",
            now,
        ),
        ("longer", "the end was moved after it was signed", longer.text(), "access", now),
        ("elsewhere", "the account was changed after it was signed", elsewhere.text(), "access", now),
        ("other-keys", "the credentials of another grant follow the signed header", foreign.text(), "access", now),
        (
            "other-header",
            "the header of another grant has this signature",
            Parts { header: other.header.clone(), ..genuine.clone() }.text(),
            "access",
            now,
        ),
        ("unsigned", "the signature is missing", unsigned.text(), "access", now),
        ("two", "the text has two grants", format!("{}\n{}", genuine.text(), other.text()), "access", now),
        ("version", "a version of the format that is not known", later.text(), "access", now),
        ("unknown-field", "a field that is not known, signed by Ada", unknown.text(), "access", now),
        (
            "control",
            "a name that would act on a terminal, signed by a stranger",
            control.signed(&office, eve, grants).await.text(),
            "access",
            now,
        ),
    ] {
        assert!(name == "unsigned" || text.contains(AGE));
        fs::write(folder.join(format!("{name}.txt")), text).unwrap();
        let json = json!({
            "about": about,
            "input": format!("{name}.txt"),
            "signers": format!("{signers}.signers"),
            "at": at,
            "expect": null,
        });
        let mut vector = Vector { file: folder.join(format!("{name}.json")), json };
        vector.json["expect"] = inspect(&vector);
        vector.save();
    }
    assert_eq!(office.now(), START.parse().unwrap());
}
