//! Command lines in settings: split into words without a shell, and written again. On Windows they are split as programs there
//! split theirs, since a backslash separates folders; elsewhere, a backslash and both quotes have the meaning that they have in a
//! shell.

use crate::error::Result;

#[cfg(windows)]
pub(super) use windows::{expand_home, join, split};

#[cfg(not(windows))]
pub(super) use posix::{expand_home, join, split};

/// Whether a `~` that this character follows is the home directory.
fn ends_tilde(next: Option<&char>) -> bool {
    next.is_none_or(|next| next.is_whitespace() || std::path::is_separator(*next))
}

#[cfg(not(windows))]
mod posix {
    use super::*;

    /// Returns the words of a line, or `None` where a quote is not closed.
    pub(in super::super) fn split(line: &str) -> Option<Vec<String>> {
        shell_words::split(line).ok()
    }

    /// Returns the line that is split into these words.
    pub(in super::super) fn join(words: &[String]) -> String {
        shell_words::join(words)
    }

    /// Replaces `~` and `~/` at the beginning of unquoted words by the home directory, quoted.
    pub(in super::super) fn expand_home(line: &str, home: impl Fn() -> Result<String>) -> Result<String> {
        let mut out = String::with_capacity(line.len());
        let mut quote = None;
        let mut is_escaped = false;
        let mut is_start = true;
        let mut characters = line.chars().peekable();
        while let Some(c) = characters.next() {
            if c == '~' && is_start && ends_tilde(characters.peek()) {
                out.push_str(&shell_words::quote(&home()?));
            } else {
                out.push(c);
            }
            is_start = quote.is_none() && !is_escaped && c.is_whitespace();
            (quote, is_escaped) = match (quote, c) {
                _ if is_escaped => (quote, false),
                (Some('"') | None, '\\') => (quote, true),
                (None, '\'' | '"') => (Some(c), false),
                (Some(open), c) if open == c => (None, false),
                _ => (quote, false),
            };
        }
        Ok(out)
    }
}

/// The rules of `CommandLineToArgvW` and of the C runtime: only `"` quotes, and a backslash is one unless a `"` follows.
#[cfg(any(windows, test))]
mod windows {
    use super::*;

    /// Returns the words of a line, or `None` where a quote is not closed.
    pub(in super::super) fn split(line: &str) -> Option<Vec<String>> {
        let mut words = Vec::new();
        let mut word: Option<String> = None;
        let mut is_quoted = false;
        let mut backslashes = 0;
        for c in line.chars() {
            match c {
                '\\' => {
                    word.get_or_insert_default().push(c);
                    backslashes += 1;
                    continue;
                }
                '"' => {
                    let word = word.get_or_insert_default();
                    // Half of the backslashes before a quote are escapes; an odd one escapes the quote.
                    word.truncate(word.len().saturating_sub(backslashes - backslashes / 2));
                    if backslashes % 2 == 1 {
                        word.push('"');
                    } else {
                        is_quoted = !is_quoted;
                    }
                }
                c if c.is_whitespace() && !is_quoted => words.extend(word.take()),
                c => word.get_or_insert_default().push(c),
            }
            backslashes = 0;
        }
        words.extend(word);
        (!is_quoted).then_some(words)
    }

    /// Returns the line that is split into these words.
    pub(in super::super) fn join(words: &[String]) -> String {
        words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
    }

    fn quoted(word: &str) -> String {
        if !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || c == '"') {
            return word.to_owned();
        }
        let mut out = String::from("\"");
        let mut backslashes = 0;
        for c in word.chars() {
            match c {
                '\\' => backslashes += 1,
                '"' => {
                    out.extend(std::iter::repeat_n('\\', backslashes + 1));
                    backslashes = 0;
                }
                _ => backslashes = 0,
            }
            out.push(c);
        }
        out.extend(std::iter::repeat_n('\\', backslashes));
        out.push('"');
        out
    }

    /// Replaces `~` and `~\` at the beginning of unquoted words by the home directory, quoted.
    pub(in super::super) fn expand_home(line: &str, home: impl Fn() -> Result<String>) -> Result<String> {
        let mut out = String::with_capacity(line.len());
        let (mut is_quoted, mut is_start, mut backslashes) = (false, true, 0);
        let mut characters = line.chars().peekable();
        while let Some(c) = characters.next() {
            if c == '~' && is_start && ends_tilde(characters.peek()) {
                out.push_str(&quoted(&home()?));
            } else {
                out.push(c);
            }
            is_quoted ^= c == '"' && backslashes % 2 == 0;
            backslashes = if c == '\\' { backslashes + 1 } else { 0 };
            is_start = !is_quoted && c.is_whitespace();
        }
        Ok(out)
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn lines_are_split_as_windows_does() {
            for (line, words) in [
                (r"C:\idp\idp.exe --app aws", &[r"C:\idp\idp.exe", "--app", "aws"][..]),
                (r#""C:\Program Files\idp.exe" 'a b'"#, &[r"C:\Program Files\idp.exe", "'a", "b'"]),
                (r#"a\\b "c\\" d"#, &[r"a\\b", r"c\", "d"]),
                (r#"a\"b c"d e"f """#, &[r#"a"b"#, "cd ef", ""]),
                (r#"\\server\share\x  y\\\"z"#, &[r"\\server\share\x", r#"y\"z"#]),
                ("", &[]),
            ] {
                assert_eq!(split(line).unwrap(), words, "{line}");
            }
            assert_eq!(split(r#"a "b"#), None);
        }

        #[test]
        fn what_is_joined_is_split_again() {
            for words in [
                &[r"C:\Program Files\x.exe", "", r"a b\", r#"say "hi\" there"#, r"\\s\x", "'"][..],
                &[r#"\""#, r"\\ ", "\t"],
            ] {
                let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
                assert_eq!(split(&join(&words)).unwrap(), words);
            }
        }

        #[test]
        fn tilde_is_home_outside_quotes() {
            let expanded =
                |line: &str| split(&expand_home(line, || Ok(r"C:\Users\Ada L".to_owned())).unwrap()).unwrap();
            assert_eq!(expanded(r#"~/idp "~" a~ ~x ~"#), [r"C:\Users\Ada L/idp", "~", "a~", "~x", r"C:\Users\Ada L"]);
        }
    }
}
