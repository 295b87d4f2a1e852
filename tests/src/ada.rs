//! Ada at the demo sandbox, and what a test asks of either.

use std::process::Command;

use serde_json::Value;
use tempaccess_sandbox::{Factor, Push, PushAnswer, Sandbox, Service, World};

use crate::cli::{Machine, Ran, binary};

/// The sandbox, and a machine at it that is Ada's and wants a role.
pub fn demo() -> (Sandbox, Machine) {
    let sandbox = Sandbox::start(World::demo()).expect("it starts");
    let mut machine = Machine::at(&sandbox);
    machine.set("TEMPACCESS_USERNAME", "ada@example.com");
    machine.set("TEMPACCESS_ROLE", "111122223333/ReadOnly");
    (sandbox, machine)
}

/// A second factor of this kind, with the codes that are right.
pub fn factor(kind: &str, codes: &[&str]) -> Factor {
    Factor {
        kind: kind.to_owned(),
        provider: "OKTA".to_owned(),
        codes: codes.iter().map(|code| (*code).to_owned()).collect(),
        question: Some("What is the airspeed of a swallow?".to_owned()),
        push: Push::default(),
    }
}

/// A push, and what the person does with it.
pub fn push(after_polls: u32, answer: PushAnswer, number: Option<u8>) -> Factor {
    Factor { push: Push { after_polls, answer, number }, ..factor("push", &[]) }
}

/// Signs in as her.
pub fn login(machine: &Machine, rest: &str) -> Ran {
    machine.run_with(&format!("login --password-stdin --no-interactive {rest}"), "correct horse\n")
}

/// How often a service was asked for something.
pub fn asked(sandbox: &Sandbox, service: Service, what: &str) -> usize {
    sandbox.requests().iter().filter(|request| request.service == service && request.what.contains(what)).count()
}

/// What a command printed, as JSON.
pub fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran}"))
}

/// The command without anything around it, so that what is done to its process is done to it.
pub fn itself(machine: &Machine, command: &str) -> Command {
    let mut itself = machine.program(binary());
    itself.arg(command);
    itself
}
