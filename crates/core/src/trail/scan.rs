//! Finds the records of a CloudTrail file in a stream, without reading the file into memory.
//!
//! A file is `{"Records":[{…},{…}]}`. Only the bytes of one record are held at a time, and only records that contain a
//! searched text are parsed.

use std::io::{self, Read};

use memchr::memmem::Finder;

/// The size limit of one record. CloudTrail's have 256 KB at most.
const MAX_RECORD: usize = 4 << 20;
/// The size of what is read at once.
const CHUNK: usize = 64 << 10;

/// How deep the inside of a record is: records are the objects in the one list of the file's object.
const IN_RECORD: usize = 3;

/// Texts of which a record must contain one.
pub(super) struct Needles(Vec<Finder<'static>>);

impl Needles {
    pub(super) fn new(texts: &[String]) -> Self {
        Self(texts.iter().map(|text| Finder::new(text.as_bytes()).into_owned()).collect())
    }

    fn match_any(&self, record: &[u8]) -> bool {
        self.0.is_empty() || self.0.iter().any(|needle| needle.find(record).is_some())
    }
}

/// Where the scan is in the text.
#[derive(Default)]
struct State {
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// What earlier pieces have of the record.
    record: Vec<u8>,
}

/// Calls `found` for every record that contains one of the needles.
///
/// # Errors
///
/// What reading reports, and `InvalidData` for a record above the size limit.
pub(super) fn scan(mut reader: impl Read, needles: &Needles, mut found: impl FnMut(&[u8])) -> io::Result<()> {
    let mut state = State::default();
    let mut buffer = vec![0; CHUNK];
    loop {
        let length = match reader.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(length) => length,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        state.feed(buffer.get(..length).unwrap_or_default(), needles, &mut found)?;
    }
}

impl State {
    fn feed(&mut self, chunk: &[u8], needles: &Needles, found: &mut impl FnMut(&[u8])) -> io::Result<()> {
        // Where the record begins that the scan is in.
        let mut start = (self.depth >= IN_RECORD).then_some(0);
        let mut at = 0;
        loop {
            at += self.next_mark(chunk.get(at..).unwrap_or_default());
            let Some(byte) = chunk.get(at) else { break };
            at += 1;
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' if self.in_string => self.escaped = true,
                b'"' => self.in_string = !self.in_string,
                b'{' | b'[' => {
                    self.depth += 1;
                    if self.depth == IN_RECORD {
                        start = Some(at - 1);
                    }
                }
                _ => {
                    self.depth = self.depth.saturating_sub(1);
                    if let Some(start) = start.take_if(|_| self.depth < IN_RECORD) {
                        self.end(chunk.get(start..at).unwrap_or_default(), needles, found)?;
                    }
                }
            }
        }
        start.map_or(Ok(()), |start| self.keep(chunk.get(start..).unwrap_or_default()))
    }

    /// Returns the position of the next byte that can change the state.
    fn next_mark(&self, text: &[u8]) -> usize {
        if self.escaped {
            return 0;
        }
        if self.in_string {
            return end_of_plain(text);
        }
        let mark = text.iter().position(|byte| matches!(byte, b'"' | b'{' | b'}' | b'[' | b']'));
        mark.unwrap_or(text.len())
    }

    /// Handles a record of which this is the last part. Most records are in one piece, and are not copied.
    fn end(&mut self, part: &[u8], needles: &Needles, found: &mut impl FnMut(&[u8])) -> io::Result<()> {
        let record = if self.record.is_empty() {
            part
        } else {
            self.keep(part)?;
            &self.record
        };
        if record.ends_with(b"}") && needles.match_any(record) {
            found(record);
        }
        self.record.clear();
        Ok(())
    }

    fn keep(&mut self, part: &[u8]) -> io::Result<()> {
        self.record.extend_from_slice(part);
        if self.record.len() > MAX_RECORD {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "a record is larger than CloudTrail's are"));
        }
        Ok(())
    }
}

/// Returns the position of the first quotation mark or backslash. Eight bytes at a time: the strings of events are too short for
/// `memchr`, whose calls would take most of the time.
fn end_of_plain(text: &[u8]) -> usize {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    // The lowest bit that is set belongs to the first byte that is zero.
    let zeros = |word: u64| word.wrapping_sub(ONES) & !word & (ONES << 7);
    let (words, rest) = text.as_chunks::<8>();
    for (number, bytes) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*bytes);
        let marks = zeros(word ^ (ONES * u64::from(b'"'))) | zeros(word ^ (ONES * u64::from(b'\\')));
        if marks != 0 {
            return number * 8 + marks.trailing_zeros() as usize / 8;
        }
    }
    let mark = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'));
    words.len() * 8 + mark.unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn records(text: &str, needle: &str) -> Vec<String> {
        let needles = Needles::new(&if needle.is_empty() { Vec::new() } else { vec![needle.to_owned()] });
        let mut found = Vec::new();
        // In pieces of every length, so that no boundary matters.
        for size in 1..=text.len() {
            let mut now = Vec::new();
            let mut state = State::default();
            for chunk in text.as_bytes().chunks(size) {
                state
                    .feed(chunk, &needles, &mut |record| now.push(String::from_utf8(record.to_vec()).unwrap()))
                    .unwrap();
            }
            assert!(size == 1 || now == found, "pieces of {size}");
            found = now;
        }
        found
    }

    #[test]
    fn records_are_found_in_any_pieces() {
        let text = r#"{"Records":[ {"a":"x}]\"{"} , {"b":{"c":[1,{"d":"\\"}]}},{}]}"#;
        assert_eq!(records(text, ""), [r#"{"a":"x}]\"{"}"#, r#"{"b":{"c":[1,{"d":"\\"}]}}"#, "{}"]);
        assert_eq!(records(text, "\"c\""), [r#"{"b":{"c":[1,{"d":"\\"}]}}"#]);
        assert!(records(text, "nothing").is_empty());
    }

    #[test]
    fn strings_end_where_they_do() {
        for length in 0..40 {
            for mark in ['"', '\\'] {
                let text = format!(
                    "{}{mark}é\"\\#!]",
                    "é\u{1}#!][\u{7f}\u{a2}".chars().cycle().take(length).collect::<String>()
                );
                assert_eq!(end_of_plain(text.as_bytes()), text.find(['"', '\\']).unwrap(), "{text:?}");
            }
        }
        assert_eq!(end_of_plain(b"0123456789"), 10);
    }
}
