//! Texts that went through mails and tickets, which quote them and break their lines.

/// Returns a line without the quotation marks of mails and white space around it.
pub(super) fn unquoted(line: &str) -> &str {
    line.trim().trim_start_matches(['>', ' ']).trim_end()
}

/// Returns what one line may have been before it was broken into these, the likeliest first: cut anywhere, cut anywhere by something
/// that trims lines, or cut at spaces, which were dropped.
pub(super) fn unbroken(lines: &[&str]) -> Vec<String> {
    let trimmed: Vec<_> = lines.iter().map(|line| unquoted(line)).collect();
    let whole = lines.iter().map(|line| without_marks(line)).collect::<String>().trim().to_owned();
    let mut candidates = vec![whole, trimmed.concat(), trimmed.join(" ")];
    candidates.dedup();
    candidates
}

/// Returns a line without quotation marks and with its spaces: those that follow the marks are theirs.
fn without_marks(line: &str) -> &str {
    let mut line = line.trim_end_matches('\r');
    while let Some(rest) = line.strip_prefix('>') {
        line = rest.strip_prefix(' ').unwrap_or(rest);
    }
    line
}

/// Returns armor with lines of the usual length: its first line, its last line, and what is between them.
pub(super) fn armor(begin: &str, body: &[&str], end: &str, width: usize) -> String {
    let body: String =
        body.iter().flat_map(|line| unquoted(line).chars()).filter(|letter| !letter.is_whitespace()).collect();
    let mut text = begin.to_owned();
    for (number, letter) in body.chars().enumerate() {
        if number % width == 0 {
            text.push('\n');
        }
        text.push(letter);
    }
    text.push('\n');
    text.push_str(end);
    text.push('\n');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_whole_again_however_it_was_broken() {
        let line = r#"{"reason":"count the objects  of the ledger","to":"grace@example.com"}"#;
        for width in 1..line.len() + 2 {
            let bytes = line.as_bytes().chunks(width).map(|part| std::str::from_utf8(part).unwrap());
            let cut: Vec<&str> = bytes.collect();
            assert!(unbroken(&cut).contains(&line.to_owned()), "{width}");
            let quoted: Vec<String> = cut.iter().map(|part| format!("> > {part}\r")).collect();
            let quoted: Vec<&str> = quoted.iter().map(String::as_str).collect();
            assert!(unbroken(&quoted).contains(&line.to_owned()), "{width}");
        }
        let at_spaces: Vec<&str> = r#"{"reason":"count the objects"}"#.split(' ').collect();
        assert!(unbroken(&at_spaces).contains(&r#"{"reason":"count the objects"}"#.to_owned()));
    }

    #[test]
    fn armor_has_lines_of_one_length() {
        assert_eq!(armor("B", &["> abc", " de", "", "f "], "E", 4), "B\nabcd\nef\nE\n");
        assert_eq!(armor("B", &[], "E", 4), "B\nE\n");
    }
}
