//! Reading the roles of a response from Python and Node: compared with the core that does the work, and with other libraries
//! and SAML there. Each way is given the same base64 and gives back the pairs of role and provider, as strings of its
//! language. All of them take turns, so that what else the machine does is everybody's; those of other languages each in a
//! process of its own, so that what one leaves behind in the allocator is not the next one's.
//!
//! `cargo xtask bench` installs the peers into `target/peers`.
#![allow(missing_docs, reason = "a benchmark of its own, without criterion: programs take turns")]
#![allow(clippy::print_stdout, reason = "its result")]

use std::hint::black_box;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempaccess_core::{Assertion, SamlResponse, saml::Limits};
use tempaccess_sandbox::{Sandbox, World};

type Failure = Box<dyn std::error::Error>;

const SIZES: [usize; 2] = [20, 1_000];
const ROUNDS: usize = 101;
/// How long each way is measured in a round.
const TURN: Duration = Duration::from_millis(10);

/// A signed response in Okta's shape that offers this many roles.
fn response(sandbox: &Sandbox, roles: usize) -> Result<String, Failure> {
    let mut claims = sandbox.claims_of("ada@example.com").ok_or("there is no Ada")?;
    let (_, values) = claims.attributes.first_mut().ok_or("Ada has no attributes")?;
    *values = (0..roles)
        .map(|number| {
            let account = 100_000_000_000_usize + number;
            format!("arn:aws:iam::{account}:saml-provider/Okta,arn:aws:iam::{account}:role/Role{number}")
        })
        .collect();
    let xml = sandbox.mint(&claims)?;
    Ok(SamlResponse::detect(xml.as_bytes(), &Limits::default())?.encoded().expose().to_owned())
}

fn read(text: &str) -> Result<Assertion, Failure> {
    Ok(Assertion::read(text.as_bytes(), &Limits::default())?)
}

/// The pairs as the core has them: without copies.
fn pairs(assertion: &Assertion) -> Result<Vec<(&str, &str)>, Failure> {
    Ok(assertion.offers()?.iter().map(|offer| (offer.role().as_str(), offer.provider().as_str())).collect())
}

/// A program of another language that measures a way when it is asked to.
struct Program {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

impl Program {
    /// The program, and what it says first: its language and the ways it knows.
    fn start(command: &mut Command) -> Result<(Self, Vec<String>), Failure> {
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let output = BufReader::new(child.stdout.take().ok_or("the program has no output")?);
        let input = child.stdin.take();
        let mut program = Self { child, input, output };
        let names = serde_json::from_value(program.hear()?)?;
        Ok((program, names))
    }

    fn hear(&mut self) -> Result<Value, Failure> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(serde_json::from_str(&line)?)
    }

    /// What one reading took, of so many, and the pairs that were read.
    fn measure(&mut self, way: &str, size: usize, times: u32) -> Result<(Duration, Value), Failure> {
        let input = self.input.as_mut().ok_or("the program has no input")?;
        writeln!(input, "{}", json!([way, size, times]))?;
        let (nanoseconds, pairs) = serde_json::from_value(self.hear()?)?;
        Ok((Duration::from_nanos(nanoseconds) / times, pairs))
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // It ends with its input.
        self.input = None;
        let _ = self.child.wait();
    }
}

/// One way to read, and what it took in each round.
struct Way {
    /// Where it is measured, or none for the core.
    program: Option<Program>,
    language: String,
    name: String,
    times: u32,
    took: Vec<Duration>,
}

impl Way {
    fn new(program: Option<Program>, language: &str, name: &str) -> Self {
        Self { program, language: language.to_owned(), name: name.to_owned(), times: 1, took: Vec::new() }
    }

    fn measure(&mut self, size: usize, text: &str) -> Result<(Duration, Value), Failure> {
        if let Some(program) = &mut self.program {
            return program.measure(&self.name, size, self.times);
        }
        let found = json!(pairs(&read(text)?)?);
        let start = Instant::now();
        for _ in 0..self.times {
            black_box(pairs(&read(black_box(text))?)?);
        }
        Ok((start.elapsed() / self.times, found))
    }

    fn median(&self) -> f64 {
        let mut took = self.took.clone();
        took.sort_unstable();
        took.get(took.len() / 2).map_or(0.0, Duration::as_secs_f64)
    }
}

fn main() -> Result<(), Failure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (peers, scripts) = (root.join("target/peers"), root.join("benches/peers"));
    let folder = peers.join("responses");
    let (python, node) = (peers.join("venv/bin/python"), peers.join("node"));
    if !python.exists() || !node.join("node_modules/tempaccess").exists() {
        println!("skipped: install the peers first: cargo xtask bench");
        return Ok(());
    }
    std::fs::create_dir_all(&folder)?;
    let sandbox = Sandbox::start(World::demo())?;
    let mut commands = [Command::new(python), Command::new("node")];
    commands[0].arg(scripts.join("read.py")).arg(&folder);
    commands[1].arg(scripts.join("read.mjs")).arg(&folder).arg(&node);
    println!(
        "| roles | language | way | median, µs | to the core | to tempaccess there |\n| --- | --- | --- | --- | --- | --- |"
    );
    for size in SIZES {
        let text = response(&sandbox, size)?;
        std::fs::write(folder.join(size.to_string()), &text)?;
        let expected = json!(pairs(&read(&text)?)?);
        let mut ways = vec![Way::new(None, "Rust", "tempaccess_core")];
        for command in &mut commands {
            let (_, names) = Program::start(command)?;
            let (language, names) = names.split_first().ok_or("the program knows no way")?;
            for name in names {
                ways.push(Way::new(Some(Program::start(command)?.0), language, name));
            }
        }
        for way in &mut ways {
            // The first times are for caches and compilers to warm up, and to see how many fill a turn.
            way.times = 20;
            let (_, pairs) = way.measure(size, &text)?;
            assert_eq!(pairs, expected, "{} reads other roles", way.name);
            let (one, _) = way.measure(size, &text)?;
            way.times = u32::try_from(TURN.as_nanos() / one.as_nanos().max(1))?.max(1);
        }
        for _ in 0..ROUNDS {
            for way in &mut ways {
                let (took, _) = way.measure(size, &text)?;
                way.took.push(took);
            }
        }
        let core = ways.first().map_or(0.0, Way::median);
        for way in &ways {
            let ours = ways.iter().find(|other| other.language == way.language).map_or(core, Way::median);
            println!(
                "| {size} | {} | {} | {:.1} | {:.2} | {:.1} |",
                way.language,
                way.name,
                way.median() * 1e6,
                way.median() / core,
                way.median() / ours
            );
        }
    }
    Ok(())
}
