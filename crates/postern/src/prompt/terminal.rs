//! Questions on the controlling terminal itself, whatever standard input, output and error are.
//!
//! A process that cannot ask says so at once; it never blocks where nobody looks. While a question stands,
//! Ctrl-C reaches us as a key and other signals are noted, so that the terminal is always put back in order.

use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, Instant},
};

use postern_broker::PromptError;
use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp, tcsetattr,
};
use zeroize::Zeroizing;

use crate::{prompt::unavailable, signals::Noted};

/// Whether no question may be put any more.
static NOBODY_IS_ASKED: AtomicBool = AtomicBool::new(false);

/// From here on every question is answered by an error: whoever waits for the answer does not see it.
pub(crate) fn ask_nobody_from_now() {
    NOBODY_IS_ASKED.store(true, Ordering::SeqCst);
}

/// Longer than anything asked for here.
const LONGEST: usize = 4_096;

/// Whether what is typed can be seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    /// It can: a code that is good for half a minute.
    Shown,
    /// It cannot: a passphrase, a secret key.
    Hidden,
}

/// The controlling terminal.
pub(crate) struct Terminal(File);

fn broken(error: impl Into<io::Error>) -> PromptError {
    unavailable(format!("the terminal fails: {}", error.into()))
}

impl Terminal {
    /// The terminal that this process may ask on.
    ///
    /// # Errors
    /// When there is none, or when another job has it: reading would then stop this process.
    pub(crate) fn open() -> Result<Self, PromptError> {
        if NOBODY_IS_ASKED.load(Ordering::SeqCst) {
            return Err(unavailable("credentials are served, and nobody is asked meanwhile"));
        }
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open("/dev/tty")
            .map_err(|_| unavailable("there is no terminal"))?;
        let foreground = tcgetpgrp(&file).map_err(|_| unavailable("there is no terminal"))?;
        if foreground != rustix::process::getpgrp() {
            return Err(unavailable("this process is in the background of its terminal"));
        }
        Ok(Self(file))
    }

    /// The terminal as a stream for a program that is started from here.
    pub(crate) fn into_file(self) -> File {
        self.0
    }

    /// Shows a line.
    pub(crate) fn say(&mut self, text: &str) {
        // A terminal that is gone shows itself at the next question.
        let _ = self.0.write_all(text.as_bytes()).and_then(|()| self.0.write_all(b"\n"));
    }

    /// Asks one question and reads one line.
    ///
    /// # Errors
    /// [`PromptError::Cancelled`] on Ctrl-C, Ctrl-D or Ctrl-\, and on a signal that asks the process to end.
    pub(crate) fn ask(&mut self, question: &str, echo: Echo) -> Result<Zeroizing<String>, PromptError> {
        let signals = Noted::begin();
        // Echo goes off before the question appears: whoever answers quickly is not shown either.
        let raw = RawMode::enter(&self.0)?;
        self.0.write_all(question.as_bytes()).map_err(broken)?;
        let line = self.read_line(echo, &signals);
        drop(raw);
        let _ = self.0.write_all(b"\n");
        line
    }

    /// Shows a text with the seconds that are left, each second, until none are; if so wished, Enter ends it too.
    ///
    /// # Errors
    /// As [`Terminal::ask`].
    pub(crate) fn count_down(
        &mut self,
        seconds: u64,
        enter_ends: bool,
        text: &dyn Fn(u64) -> String,
    ) -> Result<(), PromptError> {
        let signals = Noted::begin();
        let raw = RawMode::enter(&self.0)?;
        let waited = self.wait(Duration::from_secs(seconds), enter_ends, text, &signals);
        drop(raw);
        let _ = self.0.write_all(b"\n");
        waited
    }

    fn wait(
        &mut self,
        time: Duration,
        enter_ends: bool,
        text: &dyn Fn(u64) -> String,
        signals: &Noted,
    ) -> Result<(), PromptError> {
        let end = Instant::now() + time;
        let mut shown = None;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
            if shown != Some(seconds) {
                // The blank covers the last digit of a longer number.
                self.0.write_all(format!("\r{} ", text(seconds)).as_bytes()).map_err(broken)?;
                shown = Some(seconds);
            }
            match self.read_key(signals)? {
                Some(Key::Cancel | Key::End) => return Err(PromptError::Cancelled),
                Some(Key::Enter) if enter_ends => return Ok(()),
                _ => {}
            }
        }
    }

    fn read_line(&mut self, echo: Echo, signals: &Noted) -> Result<Zeroizing<String>, PromptError> {
        let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
        loop {
            let Some(key) = self.read_key(signals)? else { continue };
            match key {
                Key::Enter => break,
                Key::Cancel => return Err(PromptError::Cancelled),
                Key::End if line.is_empty() => return Err(PromptError::Cancelled),
                Key::Backspace => {
                    if erase_last(&mut line) && echo == Echo::Shown {
                        self.0.write_all(b"\x08 \x08").map_err(broken)?;
                    }
                }
                Key::EraseAll => {
                    while erase_last(&mut line) {
                        if echo == Echo::Shown {
                            self.0.write_all(b"\x08 \x08").map_err(broken)?;
                        }
                    }
                }
                Key::Byte(byte) if line.len() < LONGEST => {
                    line.push(byte);
                    if echo == Echo::Shown {
                        self.0.write_all(&[byte]).map_err(broken)?;
                    }
                }
                Key::End | Key::Other | Key::Byte(_) => {}
            }
        }
        let text = std::str::from_utf8(&line)
            .map_err(|_| PromptError::Failed { problem: "what was typed is not UTF-8 text".to_owned() })?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    /// The next key, or none if a tenth of a second brought none.
    fn read_key(&mut self, signals: &Noted) -> Result<Option<Key>, PromptError> {
        if signals.arrived() {
            return Err(PromptError::Cancelled);
        }
        let mut byte = Zeroizing::new([0_u8]);
        match self.0.read(byte.as_mut_slice()) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(None),
            Err(error) => Err(broken(error)),
            // A terminal that was hung up reads as empty for ever.
            Ok(0) if tcgetattr(&self.0).is_err() => Err(PromptError::Cancelled),
            Ok(0) => Ok(None),
            Ok(_) => Ok(byte.first().map(|byte| Key::of(*byte))),
        }
    }
}

/// What a byte from the terminal means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Enter,
    Cancel,
    End,
    Backspace,
    EraseAll,
    Byte(u8),
    Other,
}

impl Key {
    fn of(byte: u8) -> Self {
        match byte {
            b'\r' | b'\n' => Self::Enter,
            0x03 | 0x1c => Self::Cancel,
            0x04 => Self::End,
            0x08 | 0x7f => Self::Backspace,
            0x15 | 0x17 => Self::EraseAll,
            b'\t' => Self::Byte(byte),
            0x00..=0x1f => Self::Other,
            _ => Self::Byte(byte),
        }
    }
}

/// Takes off the last character, all of its bytes.
fn erase_last(line: &mut Vec<u8>) -> bool {
    while let Some(byte) = line.pop() {
        if byte & 0b1100_0000 != 0b1000_0000 {
            return true;
        }
    }
    false
}

/// The terminal without echo, line buffer and signal keys, until dropped.
pub(super) struct RawMode {
    terminal: File,
    before: Termios,
}

impl RawMode {
    pub(super) fn enter(terminal: &File) -> Result<Self, PromptError> {
        let before = tcgetattr(terminal).map_err(broken)?;
        let mut raw = before.clone();
        raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
        // A read ends after a tenth of a second without a key, so that a signal is seen.
        raw.special_codes[SpecialCodeIndex::VMIN] = 0;
        raw.special_codes[SpecialCodeIndex::VTIME] = 1;
        let terminal = terminal.try_clone().map_err(broken)?;
        // What was typed ahead stays.
        tcsetattr(&terminal, OptionalActions::Drain, &raw).map_err(broken)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for RawMode {
    fn drop(&mut self) {
        let _ = tcsetattr(&self.terminal, OptionalActions::Drain, &self.before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn erasing_takes_whole_characters() {
        let mut line = "aé€".as_bytes().to_vec();
        for left in ["aé", "a", ""] {
            assert!(erase_last(&mut line));
            assert_eq!(line, left.as_bytes());
        }
        assert!(!erase_last(&mut line));
    }
}
