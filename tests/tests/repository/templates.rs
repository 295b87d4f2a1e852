//! The templates for administrators pass the tools that people check theirs with.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempaccess_tests::{parts, workspace};

fn template(name: &str) -> PathBuf {
    workspace().join("docs/administrators").join(name)
}

/// Runs it; what it finds is what it prints.
fn passes(command: &mut Command) {
    let ran = command.output().unwrap();
    let said = format!("{}{}", String::from_utf8_lossy(&ran.stdout), String::from_utf8_lossy(&ran.stderr));
    assert!(ran.status.success(), "{command:?}: {said}");
}

#[test]
fn cloudformation_has_nothing_to_find() {
    let Some(lint) = parts::python_program("cfn-lint") else { return };
    passes(Command::new(lint).args(["--include-checks", "I", "--"]).arg(template("cloudformation.yaml")));
}

/// Terraform or OpenTofu, where there is one.
fn formatter() -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let folders: Vec<_> = std::env::split_paths(&path).collect();
    let programs = ["terraform", "tofu"].map(|name| format!("{name}{}", std::env::consts::EXE_SUFFIX));
    programs.iter().find_map(|name| folders.iter().map(|folder| folder.join(name)).find(|program| program.is_file()))
}

#[test]
fn terraform_is_read_and_formatted() {
    let main = template("main.tf");
    if let Some(formatter) = formatter() {
        passes(Command::new(formatter).args(["fmt", "-check", "-diff"]).arg(&main));
    }
    let Some(python) = parts::python() else { return };
    passes(Command::new(python).args(["-c", "import hcl2, sys; hcl2.load(open(sys.argv[1]))"]).arg(&main));
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn both_templates_say_the_same() {
    let (yaml, hcl) = (read(&template("cloudformation.yaml")), read(&template("main.tf")));
    for words in [
        "sts:AssumeRoleWithSAML",
        "sts:TagSession",
        "sts:SetSourceIdentity",
        "https://signin.aws.amazon.com/saml",
        "http://127.0.0.1:35001/saml",
        "https://aws.amazon.com/SAML/Attributes/Role",
        "policy/ReadOnlyAccess",
        "14400",
        "StringLike",
    ] {
        assert_eq!((yaml.contains(words), hcl.contains(words)), (true, true), "{words}");
    }
}
