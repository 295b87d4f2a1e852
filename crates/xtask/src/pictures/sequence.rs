//! The diagram of a sign-in: who sends what to whom, and when.

use super::svg::Canvas;

const ACTORS: [&str; 5] = ["AWS CLI or SDK", "tempaccess", "You", "Identity provider", "AWS STS"];
const PROGRAM: u32 = 0;
const TEMPACCESS: u32 = 1;
const YOU: u32 = 2;
const PROVIDER: u32 = 3;
const STS: u32 = 4;

enum Step {
    /// From, to, and what is sent.
    Message(u32, u32, &'static str),
    /// What an actor does on its own, in lines.
    Work(u32, &'static [&'static str]),
}

const STEPS: [Step; 12] = [
    Step::Message(PROGRAM, TEMPACCESS, "asks for credentials"),
    Step::Work(
        TEMPACCESS,
        &["if cached: answers at once", "otherwise one process signs in,", "the others wait for it"],
    ),
    Step::Message(TEMPACCESS, YOU, "prompts, if needed"),
    Step::Message(YOU, PROVIDER, "password, second factor"),
    Step::Message(PROVIDER, TEMPACCESS, "SAML response"),
    Step::Work(TEMPACCESS, &["reads the roles,", "chooses one"]),
    Step::Message(TEMPACCESS, STS, "assertion, role, duration, session policy"),
    Step::Work(STS, &["verifies the", "signature"]),
    Step::Message(STS, TEMPACCESS, "temporary credentials"),
    Step::Work(TEMPACCESS, &["writes the audit record,", "caches the credentials"]),
    Step::Message(TEMPACCESS, PROGRAM, "credentials"),
    Step::Work(PROGRAM, &["asks again before", "they expire"]),
];

const COLUMN: u32 = 164;
const FIRST: u32 = 92;
const TOP: u32 = 72;

fn x(actor: u32) -> u32 {
    FIRST + actor * COLUMN
}

fn description() -> String {
    let name = |actor: u32| ACTORS.get(actor as usize).copied().unwrap_or_default();
    let step = |step: &Step| match step {
        Step::Message(from, to, what) => format!("{} to {}: {what}", name(*from), name(*to)),
        Step::Work(actor, lines) => format!("{}: {}", name(*actor), lines.join(" ")),
    };
    STEPS.iter().map(step).collect::<Vec<_>>().join(". ") + "."
}

/// Draws the actors from left to right and the messages from top to bottom.
pub(super) fn draw() -> String {
    let height_of = |step: &Step| match step {
        Step::Message(..) => 44,
        Step::Work(_, lines) => 26 + 18 * u32::try_from(lines.len()).unwrap_or_default(),
    };
    let bottom = TOP + STEPS.iter().map(height_of).sum::<u32>() + 10;
    let width = FIRST * 2 + COLUMN * (u32::try_from(ACTORS.len()).unwrap_or_default() - 1);
    let mut canvas = Canvas::new(width, bottom + 16, "A sign-in, from the request to the credentials", &description());
    for (actor, name) in (0..).zip(ACTORS) {
        canvas.line((x(actor), 56), (x(actor), bottom), "dashed");
        let class = if actor == TEMPACCESS { "mark" } else { "box" };
        canvas.rectangle((x(actor) - 74, 20), (148, 36), class);
        canvas.text(x(actor), 43, "middle bold", name);
    }
    let mut y = TOP;
    for step in &STEPS {
        match step {
            Step::Message(from, to, what) => {
                let (start, end) = (x(*from), x(*to));
                let middle = start.midpoint(end);
                canvas.text(middle, y + 22, "middle halo", what);
                canvas.arrow((start, y + 30), (end, y + 30), "");
            }
            Step::Work(actor, lines) => {
                let longest = lines.iter().map(|line| line.len()).max().unwrap_or_default();
                let width = u32::try_from(longest).unwrap_or_default() * 7 + 20;
                canvas.rectangle((x(*actor) - width / 2, y + 8), (width, height_of(step) - 14), "box");
                for (number, line) in (0..).zip(*lines) {
                    canvas.text(x(*actor), y + 26 + number * 18, "middle dim small", line);
                }
            }
        }
        y += height_of(step);
    }
    canvas.finish()
}
