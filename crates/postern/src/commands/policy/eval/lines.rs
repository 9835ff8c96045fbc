//! Lines of any length in bounded memory.

use std::io::{self, BufRead, BufReader, Read};

/// The longest line that is read, in bytes: far beyond what AWS stores, and 64 of these policies of 1 MB.
pub(super) const LONGEST: usize = 64 << 20;
/// What the buffer keeps after a long line.
const KEPT: usize = 1 << 20;

/// One line.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// Its bytes, without the end of the line.
    Text(&'a [u8]),
    /// Longer than [`LONGEST`]; it was skipped.
    TooLong,
}

/// Reads line after line into one buffer.
pub(super) struct Lines<R> {
    reader: BufReader<R>,
    buffer: Vec<u8>,
    number: u64,
    longest: usize,
}

impl<R: Read> Lines<R> {
    pub(super) const fn new(reader: BufReader<R>) -> Self {
        Self { reader, buffer: Vec::new(), number: 0, longest: LONGEST }
    }

    /// Whether the next line has to be asked of the source, which may take its time.
    pub(super) fn would_wait(&self) -> bool {
        self.reader.buffer().is_empty()
    }

    /// The next line with its number, counted from 1; none at the end.
    pub(super) fn next(&mut self) -> io::Result<Option<(u64, Line<'_>)>> {
        self.buffer.clear();
        self.buffer.shrink_to(KEPT);
        let limit = u64::try_from(self.longest).unwrap_or(u64::MAX).saturating_add(1);
        let read = (&mut self.reader).take(limit).read_until(b'\n', &mut self.buffer)?;
        if read == 0 {
            return Ok(None);
        }
        self.number += 1;
        if read > self.longest && self.buffer.last() != Some(&b'\n') {
            self.reader.skip_until(b'\n')?;
            return Ok(Some((self.number, Line::TooLong)));
        }
        // A byte order mark is no part of the first case.
        let mark = if self.number == 1 { "\u{feff}".as_bytes() } else { b"" };
        let line = self.buffer.strip_prefix(mark).unwrap_or(&self.buffer);
        let line = line.strip_suffix(b"\n").unwrap_or(line);
        Ok(Some((self.number, Line::Text(line))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8], buffer: usize) -> Vec<(u64, Option<String>)> {
        let mut lines = Lines { longest: 8, ..Lines::new(BufReader::with_capacity(buffer, text)) };
        let mut found = Vec::new();
        while let Some((number, line)) = lines.next().unwrap() {
            found.push((
                number,
                match line {
                    Line::Text(text) => Some(String::from_utf8(text.to_vec()).unwrap()),
                    Line::TooLong => None,
                },
            ));
        }
        found
    }

    #[test]
    fn long_lines_are_skipped_and_counted() {
        for buffer in [1, 3, 64] {
            let text = "\u{feff}12\n\n12345678\n123456789\n123456789012345678901234\nlast";
            let some = |text: &str| Some(text.to_owned());
            assert_eq!(
                read(text.as_bytes(), buffer),
                [
                    (1, some("12")),
                    (2, some("")),
                    (3, some("12345678")),
                    (4, None),
                    (5, None),
                    (6, some("last"))
                ],
                "{buffer}"
            );
            assert_eq!(read(b"123456789", buffer), [(1, None)]);
            assert_eq!(read(b"12345678", buffer), [(1, some("12345678"))]);
            assert_eq!(read(b"", buffer), []);
        }
    }
}
