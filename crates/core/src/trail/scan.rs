//! Finds the records of a CloudTrail file in a stream, without reading the file into memory.
//!
//! A file is `{"Records":[{…},{…}]}`. Only the bytes of one record are held at a time, and only records that contain a
//! searched text are parsed.

use std::io::{self, Read};

use memchr::memmem::Finder;
use wide::u8x64;

/// The size limit of one record. CloudTrail's have 256 KB at most.
const MAX_RECORD: usize = 4 << 20;
/// The size of what is read at once.
const CHUNK: usize = 64 << 10;

/// How many bytes are looked at together: a bit of a word for each.
const BLOCK: usize = 64;

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
        let (blocks, rest) = chunk.as_chunks::<BLOCK>();
        let mut last = [b' '; BLOCK];
        if let Some(copy) = last.get_mut(..rest.len()) {
            copy.copy_from_slice(rest);
        }
        let last = (!rest.is_empty()).then_some((&last, rest.len()));
        for (number, (block, length)) in blocks.iter().map(|block| (block, BLOCK)).chain(last).enumerate() {
            let (mut opening, mut closing) = self.brackets(block, length);
            let closed = closing.count_ones() as usize;
            if self.depth >= IN_RECORD + closed {
                // The record does not end here, whatever the order.
                self.depth += opening.count_ones() as usize;
                self.depth -= closed;
                continue;
            }
            while opening | closing != 0 {
                let bit = (opening | closing).trailing_zeros();
                let at = number * BLOCK + bit as usize;
                if opening >> bit & 1 == 1 {
                    opening &= opening - 1;
                    self.depth += 1;
                    if self.depth == IN_RECORD {
                        start = Some(at);
                    }
                } else {
                    closing &= closing - 1;
                    self.depth = self.depth.saturating_sub(1);
                    if let Some(start) = start.take_if(|_| self.depth < IN_RECORD) {
                        self.end(chunk.get(start..=at).unwrap_or_default(), needles, found)?;
                    }
                }
            }
        }
        start.map_or(Ok(()), |start| self.keep(chunk.get(start..).unwrap_or_default()))
    }

    /// Returns the opening and the closing brackets that are in no string among the first bytes of a block: a bit for each byte.
    fn brackets(&mut self, block: &[u8; BLOCK], length: usize) -> (u64, u64) {
        let Marks { quotes, backslashes, opening, closing } = Marks::of(block);
        // What follows a backslash is escaped, and if it is one itself, it escapes nothing.
        let mut escaped = u64::from(self.escaped);
        let mut rest = backslashes & !escaped;
        self.escaped = false;
        while rest != 0 {
            let at = rest.trailing_zeros();
            if at as usize == length - 1 {
                self.escaped = true;
                break;
            }
            escaped |= 2 << at;
            rest &= !(3 << at);
        }
        // A byte is in a string if an odd number of quotation marks is before it.
        let mut strings = quotes & !escaped;
        for shift in [1, 2, 4, 8, 16, 32] {
            strings ^= strings << shift;
        }
        if self.in_string {
            strings = !strings;
        }
        self.in_string = strings >> (length - 1) & 1 == 1;
        (opening & !strings, closing & !strings)
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

/// The bytes of a block that can change the state, a bit for each byte.
#[derive(Debug, PartialEq)]
struct Marks {
    quotes: u64,
    backslashes: u64,
    opening: u64,
    closing: u64,
}

impl Marks {
    /// All bytes at once: the strings of events are too short for `memchr`, whose calls would take most of the time.
    fn of(block: &[u8; BLOCK]) -> Self {
        let bytes = u8x64::new(*block);
        // `[` and `{`, and `]` and `}`, differ in this bit alone.
        let lower = bytes | u8x64::splat(0x20);
        let places = |bytes: u8x64, byte| bytes.simd_eq(u8x64::splat(byte)).to_bitmask();
        Self {
            quotes: places(bytes, b'"'),
            backslashes: places(bytes, b'\\'),
            opening: places(lower, b'{'),
            closing: places(lower, b'}'),
        }
    }
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
    fn every_mark_is_found_where_it_is() {
        let every: Vec<u8> = (0..=u8::MAX).collect();
        let bits = |block: &[u8], marks: &[u8]| {
            block
                .iter()
                .enumerate()
                .filter(|(_, byte)| marks.contains(byte))
                .fold(0, |bits, (at, _)| bits | 1_u64 << at)
        };
        for step in [1, 3, 7, 59, 101] {
            let text: Vec<u8> = every.iter().cycle().step_by(step).take(1024).copied().collect();
            for block in text.as_chunks::<BLOCK>().0 {
                let expected = Marks {
                    quotes: bits(block, b"\""),
                    backslashes: bits(block, b"\\"),
                    opening: bits(block, b"[{"),
                    closing: bits(block, b"]}"),
                };
                assert_eq!(Marks::of(block), expected);
            }
        }
    }

    #[test]
    fn escapes_and_strings_may_cross_every_boundary() {
        for length in 0..2 * BLOCK {
            for escape in [r"\\", r#"\""#, r"\\\\", r#"\\\""#] {
                let record = format!(r#"{{"a":"{}{escape}}}]","b":[{{}}]}}"#, "x".repeat(length));
                let text = format!(r#"{{"Records":[{record},{{"c":1}}]}}"#);
                assert_eq!(records(&text, ""), [record.as_str(), r#"{"c":1}"#], "{text}");
            }
        }
    }
}
