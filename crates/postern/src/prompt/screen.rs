//! Some lines of the controlling terminal that are drawn again and again, below whatever stands there already.
//!
//! As with a question, Ctrl-C reaches us as a key and other signals are noted: however it ends, the lines are taken
//! away and the terminal is as it was.

use std::{
    fs::File,
    io::{self, Read, Write},
};

use postern_broker::PromptError;
use rustix::termios::{tcgetattr, tcgetwinsize};

use super::{
    terminal::{RawMode, Terminal},
    unavailable,
};
use crate::signals::Noted;

/// A key that was pressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Key {
    Up,
    Down,
    PageUp,
    PageDown,
    Home,
    End,
    Enter,
    Escape,
    /// Ctrl-C, Ctrl-\, and every signal that asks the process to end.
    Cancel,
    Backspace,
    /// Ctrl and a letter, in lower case.
    Control(char),
    Char(char),
    Other,
}

/// Lines of the terminal. They are gone when it is dropped.
pub(crate) struct Screen {
    terminal: File,
    signals: Noted,
    drawn: Vec<String>,
    /// Where the cursor stands in the first line.
    cursor: usize,
    width: usize,
    // Last, so that it goes after the lines were taken away.
    _raw: RawMode,
}

impl Screen {
    /// # Errors
    /// When there is no terminal that this process may ask on.
    pub(crate) fn open() -> Result<Self, PromptError> {
        let terminal = Terminal::open()?.into_file();
        let signals = Noted::begin();
        let raw = RawMode::enter(&terminal)?;
        Ok(Self { terminal, signals, drawn: Vec::new(), cursor: 0, width: 0, _raw: raw })
    }

    /// Columns and lines. A terminal that does not say is taken for a usual one.
    pub(crate) fn size(&self) -> (usize, usize) {
        let told = tcgetwinsize(&self.terminal).ok().filter(|size| size.ws_col > 0 && size.ws_row > 0);
        told.map_or((80, 24), |size| (usize::from(size.ws_col), usize::from(size.ws_row)))
    }

    /// Shows these lines in place of those before, with the cursor in the first. None may be wider than the
    /// terminal. What stands there already is not drawn again.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn draw(&mut self, lines: Vec<String>, cursor: usize) -> Result<(), PromptError> {
        let (width, _) = self.size();
        if lines == self.drawn && width == self.width && cursor == self.cursor {
            return Ok(());
        }
        // Nothing is wrapped while it is drawn: a character may be wider than it was taken for.
        let mut text = format!("{}\x1b[?7l", self.back(width));
        for (index, line) in lines.iter().enumerate() {
            text.push_str(if index == 0 { "" } else { "\r\n" });
            text.push_str(line);
            text.push_str("\x1b[K");
        }
        text.push_str("\x1b[J\x1b[?7h\r");
        if lines.len() > 1 {
            text.push_str(&format!("\x1b[{}A", lines.len() - 1));
        }
        if cursor > 0 {
            text.push_str(&format!("\x1b[{cursor}C"));
        }
        (self.drawn, self.cursor, self.width) = (lines, cursor, width);
        self.terminal
            .write_all(text.as_bytes())
            .map_err(|error| unavailable(format!("the terminal fails: {error}")))
    }

    /// To the beginning of what is drawn. A terminal that has become narrower has wrapped the first line.
    fn back(&self, width: usize) -> String {
        match self.cursor.checked_div(width).unwrap_or(0) {
            0 => "\r".to_owned(),
            rows => format!("\r\x1b[{rows}A"),
        }
    }

    /// The next key, or none if a tenth of a second brought none.
    ///
    /// # Errors
    /// When the terminal is gone.
    pub(crate) fn key(&mut self) -> Result<Option<Key>, PromptError> {
        if self.signals.arrived() {
            return Ok(Some(Key::Cancel));
        }
        let Some(byte) = self.byte()? else { return Ok(None) };
        Ok(Some(match byte {
            b'\r' | b'\n' => Key::Enter,
            0x03 | 0x1c => Key::Cancel,
            0x08 | 0x7f => Key::Backspace,
            0x1b => self.escape()?,
            b'\t' => Key::Down,
            0x01..=0x1a => Key::Control(char::from(byte + b'a' - 1)),
            0x00..=0x1f => Key::Other,
            _ => self.character(byte)?,
        }))
    }

    /// What follows an escape character; if nothing does, it was the key.
    fn escape(&mut self) -> Result<Key, PromptError> {
        match self.byte()? {
            None | Some(0x1b) => return Ok(Key::Escape),
            Some(b'[' | b'O') => {}
            Some(_) => return Ok(Key::Other),
        }
        let mut sequence = Vec::new();
        while let Some(byte) = self.byte()? {
            sequence.push(byte);
            if (0x40..=0x7e).contains(&byte) {
                break;
            }
        }
        Ok(match sequence.as_slice() {
            b"A" => Key::Up,
            b"B" => Key::Down,
            b"5~" => Key::PageUp,
            b"6~" => Key::PageDown,
            b"H" | b"1~" | b"7~" => Key::Home,
            b"F" | b"4~" | b"8~" => Key::End,
            _ => Key::Other,
        })
    }

    fn character(&mut self, first: u8) -> Result<Key, PromptError> {
        let mut bytes = vec![first];
        let more = match first {
            0xc0..=0xdf => 1,
            0xe0..=0xef => 2,
            0xf0..=0xf7 => 3,
            _ => 0,
        };
        for _ in 0..more {
            bytes.extend(self.byte()?);
        }
        let character = std::str::from_utf8(&bytes).ok().and_then(|text| text.chars().next());
        Ok(character.filter(|c| !c.is_control()).map_or(Key::Other, Key::Char))
    }

    fn byte(&mut self) -> Result<Option<u8>, PromptError> {
        let mut byte = [0_u8];
        match self.terminal.read(&mut byte) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
            Err(error) => Err(unavailable(format!("the terminal fails: {error}"))),
            // A terminal that was hung up reads as empty for ever.
            Ok(0) if tcgetattr(&self.terminal).is_err() => Err(PromptError::Cancelled),
            Ok(0) => Ok(None),
            Ok(_) => Ok(byte.first().copied()),
        }
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        let text = format!("{}\x1b[J", self.back(self.size().0));
        // A terminal that is gone shows nothing any more.
        let _ = self.terminal.write_all(text.as_bytes());
    }
}
