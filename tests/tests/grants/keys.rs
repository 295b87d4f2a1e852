//! The keys that grants are sealed to and signed with: those of OpenSSH and its agent, what Debian's `age` and `ssh-keygen` make of
//! our texts, and passphrases.
#![cfg(unix)]

use std::path::Path;
use std::process::{Command, Stdio};

use base64::Engine as _;
use sha2::Digest as _;
use tempaccess_core::seal::KeyFile;
use tempaccess_core::{ErrorKind, Notice, Prompter, SecretString};
use tempaccess_tests::contractor::{CONFIG, people, sandbox};
use tempaccess_tests::parts::on_path;

use crate::cli::ISSUE;

fn ssh_keygen() -> bool {
    on_path("ssh-keygen", "openssh-client").is_some()
}

/// Splits a sealed grant into the header, the age file and the signature.
fn parts(sealed: &str) -> (String, String, String) {
    let (header, rest) = sealed.split_once('\n').unwrap();
    let at = rest.find("-----BEGIN SSH SIGNATURE-----").unwrap();
    (header.to_owned(), rest[..at].to_owned(), rest[at..].to_owned())
}

#[test]
fn age_and_ssh_keygen_read_what_we_make() {
    let sandbox = sandbox();
    let (alan, contractor) = people(&sandbox);
    let (header, file, signature) = parts(&alan.ok(ISSUE).stdout);
    let home = contractor.0.home();
    let write = |name: &str, text: &str| std::fs::write(home.join(name), text).unwrap();
    write("header.sig", &signature);
    write("file.age", &file);
    if ssh_keygen() {
        let signers = home.join(".config/tempaccess/access.signers");
        let verify = |text: &str| {
            let mut child = Command::new("ssh-keygen")
                .args(["-Y", "verify", "-n", "tempaccess-grant", "-I", "alan@example.com", "-f"])
                .arg(&signers)
                .arg("-s")
                .arg(home.join("header.sig"))
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            std::io::Write::write_all(&mut child.stdin.take().unwrap(), text.as_bytes()).unwrap();
            child.wait().unwrap().success()
        };
        assert!(verify(&header));
        assert!(!verify(&header.replace("OPS-123", "OPS-124")));
    }
    if on_path("age", "age").is_some() {
        let identity = home.join(".ssh/tempaccess_ed25519");
        let output = Command::new("age").arg("-d").arg("-i").arg(identity).arg(home.join("file.age")).output().unwrap();
        let keys: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(keys["access_key_id"].as_str().unwrap().starts_with("ASIA"));
    }
}

#[test]
fn what_age_seals_and_ssh_keygen_signs_is_opened() {
    if !ssh_keygen() || on_path("age", "age").is_none() {
        return;
    }
    let sandbox = sandbox();
    let (alan, contractor) = people(&sandbox);
    let (header, file, _) = parts(&alan.ok(ISSUE).stdout);
    contractor.write("file.age", &file);
    let age = |arguments: &str| {
        let output = Command::new("age").args(arguments.split(' ')).current_dir(contractor.0.home()).output().unwrap();
        assert!(output.status.success(), "{arguments}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    };
    let plain = age("-d -i .ssh/tempaccess_ed25519 file.age");
    std::fs::write(contractor.0.home().join("plain.json"), plain).unwrap();
    age("-R .ssh/tempaccess_ed25519.pub -o again.age plain.json");
    let armored = String::from_utf8(age("-a -R .ssh/tempaccess_ed25519.pub plain.json")).unwrap();
    let sealed = std::fs::read(contractor.0.home().join("again.age")).unwrap();
    let text = |header: &serde_json::Value, file: &str| {
        alan.write("header.json", &header.to_string());
        let _ = std::fs::remove_file(alan.0.home().join("header.json.sig"));
        let signed = Command::new("ssh-keygen")
            .args(["-q", "-Y", "sign", "-n", "tempaccess-grant", "-f", ".ssh/tempaccess_ed25519", "header.json"])
            .current_dir(alan.0.home())
            .status()
            .unwrap();
        assert!(signed.success());
        format!("{header}\n{file}{}", alan.read("header.json.sig"))
    };
    // The sealed part has a digest of all other facts, which stay as they are.
    let mut header: serde_json::Value = serde_json::from_str(&header).unwrap();
    header["sealed_sha256"] = digest(&sealed).into();
    let base64 = base64::engine::general_purpose::STANDARD.encode(&sealed);
    let lines: Vec<_> = base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    let (begin, end) = (armored.lines().next().unwrap(), armored.lines().last().unwrap());
    contractor.write("other.grant", &text(&header, &format!("{begin}\n{}\n{end}\n", lines.join("\n"))));
    contractor.ok("grant open other.grant --account 111122223333");
    // The armor of age is that of another file, which was not signed.
    contractor.write("swapped.grant", &text(&header, &armored));
    let ran = contractor.run("grant open swapped.grant --account 111122223333");
    assert_eq!(ran.code, 65, "{}", ran.stderr);
}

/// The SHA-256 of a file, in hex.
fn digest(bytes: &[u8]) -> String {
    sha2::Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

#[test]
fn keys_of_ssh_keygen_and_ssh_agent_sign() {
    if !ssh_keygen() {
        return;
    }
    let sandbox = sandbox();
    let (alan, contractor) = people(&sandbox);
    let key = alan.0.home().join("agent_key");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status().unwrap();
    assert!(made.success());
    for person in [&alan, &contractor] {
        let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
        person.ok(&format!("grant trust alan@example.com '{}' --yes", public.trim()));
    }
    // A public key whose private key is in the same folder: `ssh-keygen -Y sign` finds it.
    let config = CONFIG.replace("ticket =", "sign_with = \"../../agent_key.pub\"\nticket =");
    alan.write(".config/tempaccess/config.toml", &config);
    let issued = alan.ok(ISSUE);
    contractor.write("grace.grant", &issued.stdout);
    contractor.ok("grant open grace.grant --account 111122223333");
    // The private key of a kind that many people have.
    let rsa = alan.0.home().join("rsa_key");
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", "rsa", "-b", "2048", "-N", "", "-f"]).arg(&rsa).status().unwrap();
    assert!(made.success());
    let public = std::fs::read_to_string(rsa.with_extension("pub")).unwrap();
    for person in [&alan, &contractor] {
        person.ok(&format!("grant trust alan@example.com '{}' --yes", public.trim()));
    }
    let id = issued.stdout.split("\"id\":\"").nth(1).and_then(|rest| rest.get(..12)).unwrap();
    alan.ok(&format!("grant revoke {id} --reason again --profile admin"));
    alan.write(
        ".config/tempaccess/config.toml",
        &CONFIG.replace("ticket =", "sign_with = \"../../rsa_key\"\nticket ="),
    );
    contractor.write("grace.grant", &alan.ok(ISSUE).stdout);
    contractor.ok("grant open grace.grant --account 111122223333");
    assert_eq!(alan.run("audit verify --profile admin").code, 0);
}

#[test]
fn a_passphrase_is_not_asked_of_nobody() {
    if !ssh_keygen() {
        return;
    }
    let sandbox = sandbox();
    let (alan, contractor) = people(&sandbox);
    let key: &Path = &contractor.0.home().join("locked");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "open sesame", "-f"]).arg(key).status();
    assert!(made.unwrap().success());
    alan.write("contractor.pub", &std::fs::read_to_string(key.with_extension("pub")).unwrap());
    contractor.write("grace.grant", &alan.ok(ISSUE).stdout);
    let ran = contractor.run("grant open grace.grant --identity locked --account 111122223333");
    assert_eq!(ran.code, 7, "{}", ran.stderr);
}

/// A person who types the same passphrase each time.
#[derive(Debug, Default)]
struct Typist {
    passphrase: &'static str,
    asked: std::sync::atomic::AtomicUsize,
    told: std::sync::Mutex<Vec<String>>,
}

#[async_trait::async_trait]
impl Prompter for Typist {
    async fn text(&self, question: &str) -> tempaccess_core::Result<String> {
        panic!("{question}")
    }

    async fn secret(&self, question: &str) -> tempaccess_core::Result<SecretString> {
        assert!(question.starts_with("Passphrase of "), "{question}");
        self.asked.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(self.passphrase.into())
    }

    async fn choose(&self, question: &str, _: &[String]) -> tempaccess_core::Result<usize> {
        panic!("{question}")
    }

    fn notify(&self, notice: &Notice) {
        self.told.lock().unwrap().push(notice.to_string());
    }
}

#[tokio::test]
async fn a_passphrase_is_asked_for_three_times() {
    if !ssh_keygen() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("locked");
    let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "open sesame", "-f"]).arg(&file).status();
    assert!(made.unwrap().success());
    let key = KeyFile::read(&file).unwrap();
    let wrong = Typist { passphrase: "open rice", ..Typist::default() };
    let error = key.unlock(&wrong).await.unwrap_err();
    assert_eq!((error.kind(), wrong.asked.into_inner()), (ErrorKind::AuthenticationFailed, 3));
    assert!(error.message().contains("was wrong 3 times"), "{error}");
    assert_eq!(wrong.told.into_inner().unwrap().len(), 2);
    let right = Typist { passphrase: "open sesame", ..Typist::default() };
    assert!(!key.unlock(&right).await.unwrap().is_encrypted());
}
