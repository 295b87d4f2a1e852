//! Splits words as Python's `shlex.split` does, which botocore applies to section headers and to `credential_process`.

/// What separates words.
const WHITESPACE: [char; 4] = [' ', '\t', '\r', '\n'];

/// Where the reader is within a word.
#[derive(Clone, Copy, PartialEq)]
enum State {
    Between,
    Word,
    Quoted(char),
    /// After a backslash: in a word, or in double quotes.
    Escaped {
        in_quotes: bool,
    },
}

/// Returns the words of `text`, or nothing where a quote is not closed or a backslash ends the text. There are no comments.
pub(super) fn split(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut state = State::Between;
    for c in text.chars() {
        state = match (state, c) {
            (State::Between, c) if WHITESPACE.contains(&c) => State::Between,
            (State::Word, c) if WHITESPACE.contains(&c) => {
                words.push(std::mem::take(&mut word));
                State::Between
            }
            (State::Between | State::Word, '\'' | '"') => State::Quoted(c),
            (State::Between | State::Word, '\\') => State::Escaped { in_quotes: false },
            (State::Quoted(quote), c) if c == quote => State::Word,
            (State::Quoted('"'), '\\') => State::Escaped { in_quotes: true },
            (State::Escaped { in_quotes }, c) => {
                // In double quotes, a backslash escapes only these two.
                if in_quotes && c != '"' && c != '\\' {
                    word.push('\\');
                }
                word.push(c);
                if in_quotes { State::Quoted('"') } else { State::Word }
            }
            (state, c) => {
                word.push(c);
                if state == State::Between { State::Word } else { state }
            }
        };
    }
    match state {
        State::Between => {}
        State::Word => words.push(word),
        State::Quoted(_) | State::Escaped { .. } => return None,
    }
    Some(words)
}

#[cfg(test)]
mod tests {
    use super::split;

    /// Each answer is that of Python 3.11.
    #[test]
    fn splits_as_python_does() {
        for (text, words) in [
            ("", Some(&[][..])),
            ("profile  x ", Some(&["profile", "x"])),
            ("profile\tx", Some(&["profile", "x"])),
            ("profile \"x y\"", Some(&["profile", "x y"])),
            ("profile 'x'\"y\"z", Some(&["profile", "xyz"])),
            ("profile x\\ y", Some(&["profile", "x y"])),
            ("profile ''", Some(&["profile", ""])),
            ("a\"b\" c", Some(&["ab", "c"])),
            ("\"a\\$b\\\"c\\\\\"", Some(&["a\\$b\"c\\"])),
            ("'a\\'", Some(&["a\\"])),
            ("a #b", Some(&["a", "#b"])),
            ("a\u{a0}b", Some(&["a\u{a0}b"])),
            ("a 'b", None),
            ("a\\", None),
            ("\"a\\", None),
        ] {
            let words = words.map(|words| words.iter().map(ToString::to_string).collect::<Vec<_>>());
            assert_eq!(split(text), words, "{text:?}");
        }
    }
}
