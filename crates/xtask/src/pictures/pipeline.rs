//! The diagram of the pipeline: from a sign-in to credentials.

use super::svg::Canvas;

/// The steps in their order: a name, and a line or two of what happens.
const STEPS: [(&str, &str, &str); 9] = [
    ("Sign in", "Okta, any SAML 2.0", "provider, or a program"),
    ("SAML response", "read, and checked", "against AWS's rules"),
    ("Roles", "listed, and matched", "to the one you want"),
    ("Scope", "a duration and", "a session policy"),
    ("AWS STS", "exchanges the assertion", "for a session"),
    ("Audit record", "written before anything", "is handed out"),
    ("Credentials", "temporary,", "for one role"),
    ("Cache", "encrypted where there", "is a keyring"),
    ("Programs", "AWS CLI, SDKs, shells,", "the console"),
];

const COLUMNS: u32 = 3;
const BOX: (u32, u32) = (190, 82);
const GAP: (u32, u32) = (36, 34);
const MARGIN: u32 = 20;

/// Draws the steps in rows of three, each row in the other direction, so that every arrow is short.
pub(super) fn draw() -> String {
    let rows = u32::try_from(STEPS.len()).unwrap_or_default().div_ceil(COLUMNS);
    let size = |count: u32, length: u32, gap: u32| count * length + count.saturating_sub(1) * gap + 2 * MARGIN;
    let steps: Vec<_> = STEPS.iter().map(|(name, first, second)| format!("{name} ({first} {second})")).collect();
    let description = format!("The steps, in this order: {}.", steps.join("; "));
    let title = "From a sign-in to temporary AWS credentials";
    let mut canvas = Canvas::new(size(COLUMNS, BOX.0, GAP.0), size(rows, BOX.1, GAP.1), title, &description);
    let corner = |number: u32| {
        let (row, place) = (number / COLUMNS, number % COLUMNS);
        let column = if row.is_multiple_of(2) { place } else { COLUMNS - 1 - place };
        (MARGIN + column * (BOX.0 + GAP.0), MARGIN + row * (BOX.1 + GAP.1))
    };
    for (number, (name, first, second)) in (0..).zip(STEPS) {
        let (x, y) = corner(number);
        let class = if matches!(name, "Sign in" | "Credentials") { "mark" } else { "box" };
        canvas.rectangle((x, y), BOX, class);
        let middle = x + BOX.0 / 2;
        canvas.text(middle, y + 27, "middle bold", name);
        canvas.text(middle, y + 48, "middle dim", first);
        canvas.text(middle, y + 66, "middle dim", second);
        if number == 0 {
            continue;
        }
        let (before_x, before_y) = corner(number - 1);
        if before_y != y {
            canvas.arrow((middle, before_y + BOX.1), (middle, y), "");
        } else if before_x < x {
            canvas.arrow((before_x + BOX.0, y + BOX.1 / 2), (x, y + BOX.1 / 2), "");
        } else {
            canvas.arrow((before_x, y + BOX.1 / 2), (x + BOX.0, y + BOX.1 / 2), "");
        }
    }
    canvas.finish()
}
