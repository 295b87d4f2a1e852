//! An administrator, and a contractor with nothing but an SSH key, at their machines.

use std::process::Stdio;

use tempaccess_sandbox::{Sandbox, World};

use crate::cli::{Machine, Ran};
use crate::office::{ADMIN, LEDGER};

/// The configuration of the administrator.
pub const CONFIG: &str = r#"
[accounts]
111122223333 = "ledger"

[profiles.admin]
username = "alan@example.com"
password_command = "printf bombe"
role = "ledger/AccessAdmin"

[grants]
signers = "access.signers"
records = "s3://access-records/grants"
ticket = "^OPS-[0-9]+$"
notify = ["sh", "-c", "cat >> told.jsonl"]
"#;

/// Starts a sandbox in which Alan is an administrator, and he and Grace sign in with a password only.
pub fn sandbox() -> Sandbox {
    let mut world = World::demo();
    let admin = format!("arn:aws:iam::111122223333:saml-provider/Okta,{ADMIN}");
    world.user_mut("alan@example.com").expect("it works").roles.push(admin);
    world.user_mut("grace@example.com").expect("it works").factors.clear();
    Sandbox::start(world).expect("it works")
}

/// The machine of a person, in whose home commands run.
#[derive(Debug)]
pub struct Person(pub Machine);

impl Person {
    /// Returns the machine of a person with this configuration.
    pub fn at(sandbox: &Sandbox, config: &str) -> Self {
        let mut machine = Machine::at(sandbox);
        machine.set("AWS_ENDPOINT_URL_IAM", sandbox.sts_url());
        machine.set("AWS_ENDPOINT_URL_S3", sandbox.sts_url());
        machine.set("USER", "person");
        let person = Self(machine);
        person.write(".config/tempaccess/config.toml", config);
        person
    }

    /// Writes a file into the home.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.0.home().join(path);
        std::fs::create_dir_all(path.parent().expect("it works")).expect("it works");
        std::fs::write(path, text).expect("it works");
    }

    /// Returns the content of a file in the home, or nothing.
    pub fn read(&self, path: &str) -> String {
        std::fs::read_to_string(self.0.home().join(path)).unwrap_or_default()
    }

    /// Runs a command in the home.
    pub fn run(&self, line: &str) -> Ran {
        self.run_with(line, "")
    }

    /// As [`run`](Self::run), with this standard input.
    pub fn run_with(&self, line: &str, stdin: &str) -> Ran {
        let words = shell_words::split(line).expect("it works");
        let mut command = self.0.command(&words);
        command.current_dir(self.0.home()).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it works");
        std::io::Write::write_all(&mut child.stdin.take().expect("it works"), stdin.as_bytes()).expect("it works");
        let output = child.wait_with_output().expect("it works");
        let text = |bytes| String::from_utf8(bytes).expect("it works");
        Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    /// Runs a command that must succeed.
    pub fn ok(&self, line: &str) -> Ran {
        let ran = self.run(line);
        assert_eq!(ran.code, 0, "{line}: {}", ran.stderr);
        ran
    }
}

/// An administrator, and a contractor who trusts the administrator's key.
pub fn people(sandbox: &Sandbox) -> (Person, Person) {
    let alan = Person::at(sandbox, CONFIG);
    let key = alan.ok("grant key --new").stdout;
    alan.ok("grant trust alan@example.com .ssh/tempaccess_ed25519.pub --yes");
    let contractor = Person::at(sandbox, "[grants]\nsigners = \"access.signers\"\n");
    contractor.ok("grant key --new");
    contractor.ok(&format!("grant trust alan@example.com '{}' --yes", key.trim()));
    alan.write("contractor.pub", &contractor.ok("grant key").stdout);
    alan.write("one-bucket.json", LEDGER);
    (alan, contractor)
}
