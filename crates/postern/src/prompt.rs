//! Asking a person, on the controlling terminal itself.
//!
//! Standard input, output and error may all be pipes, as under `credential_process`: the question goes
//! to `/dev/tty` and the answer comes from there. A process that cannot ask says so at once; it never
//! blocks where nobody looks. While a question stands, Ctrl-C reaches us as a key and not as a signal, so
//! that the terminal is always put back in order.

use std::{
    cell::Cell,
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use postern_broker::{MfaPrompt, MfaQuestion, MfaRefusal, PromptError};
use postern_types::{MfaCode, Timestamp, TotpSeed};
use postern_vault::Passphrase;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};
use zeroize::Zeroizing;

use crate::env;

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

fn unavailable(reason: impl Into<String>) -> PromptError {
    PromptError::Unavailable { reason: reason.into() }
}

fn broken(error: impl Into<io::Error>) -> PromptError {
    unavailable(format!("the terminal fails: {}", error.into()))
}

impl Terminal {
    /// The terminal that this process may ask on.
    ///
    /// # Errors
    /// When there is none, or when another job has it: reading would then stop this process.
    pub(crate) fn open() -> Result<Self, PromptError> {
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

    /// Shows a line.
    pub(crate) fn say(&mut self, text: &str) {
        // A terminal that is gone shows itself at the next question.
        let _ = self.0.write_all(text.as_bytes()).and_then(|()| self.0.write_all(b"\n"));
    }

    /// Asks one question and reads one line.
    ///
    /// # Errors
    /// [`PromptError::Cancelled`] on Ctrl-C, Ctrl-D or Ctrl-\.
    pub(crate) fn ask(&mut self, question: &str, echo: Echo) -> Result<Zeroizing<String>, PromptError> {
        // Echo goes off before the question appears: whoever answers quickly is not shown either.
        let raw = RawMode::enter(&self.0)?;
        self.0.write_all(question.as_bytes()).map_err(broken)?;
        let line = self.read_line(echo);
        drop(raw);
        let _ = self.0.write_all(b"\n");
        line
    }

    fn read_line(&mut self, echo: Echo) -> Result<Zeroizing<String>, PromptError> {
        let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
        loop {
            let mut byte = Zeroizing::new([0_u8]);
            let read = match self.0.read(byte.as_mut_slice()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                other => other.map_err(broken)?,
            };
            // The terminal was hung up.
            if read == 0 {
                return Err(PromptError::Cancelled);
            }
            match Key::of(byte.first().copied().unwrap_or_default()) {
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
struct RawMode {
    terminal: File,
    before: Termios,
}

impl RawMode {
    fn enter(terminal: &File) -> Result<Self, PromptError> {
        let before = tcgetattr(terminal).map_err(broken)?;
        let mut raw = before.clone();
        raw.local_modes -= LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG | LocalModes::IEXTEN;
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

/// Where MFA codes come from, in this order: the command line, a configured command, the terminal.
pub(crate) struct Codes {
    given: Cell<Option<MfaCode>>,
    was_given: bool,
    process: Option<String>,
}

impl Codes {
    pub(crate) fn new(given: Option<MfaCode>, process: Option<String>) -> Self {
        Self { was_given: given.is_some(), given: Cell::new(given), process }
    }
}

impl MfaPrompt for Codes {
    fn ask(&self, question: &MfaQuestion<'_>) -> Result<MfaCode, PromptError> {
        if self.was_given {
            return self.given.take().ok_or(PromptError::Spent);
        }
        match &self.process {
            Some(process) => code_of_process(process, question),
            None => code_of_person(question),
        }
    }
}

fn code_of_person(question: &MfaQuestion<'_>) -> Result<MfaCode, PromptError> {
    let mut terminal = Terminal::open()?;
    let who = &question.key.user;
    match question.refused {
        None => {}
        Some(MfaRefusal::Wrong) => terminal.say("AWS did not take that code."),
        Some(MfaRefusal::AlreadyUsed) => terminal.say(&format!(
            "That code has been used; AWS takes each once. The next comes in {} s.",
            to_next()
        )),
    }
    loop {
        let typed = terminal
            .ask(&format!("MFA code of {who} ({serial}): ", serial = question.key.serial), Echo::Shown)?;
        match typed.parse() {
            Ok(code) => return Ok(code),
            Err(_) => terminal.say("A code has six digits."),
        }
    }
}

/// Seconds until an authenticator shows the next code.
fn to_next() -> u64 {
    let into = Timestamp::now().as_second().rem_euclid(TotpSeed::STEP_SECONDS);
    u64::try_from(TotpSeed::STEP_SECONDS - into).unwrap_or(0)
}

/// Runs the configured command. It is split into words and started without a shell, as AWS's own
/// `credential_process` is: what is in a code's question cannot become a command. Who wants a shell
/// writes `sh -c '…'`.
fn code_of_process(process: &str, question: &MfaQuestion<'_>) -> Result<MfaCode, PromptError> {
    let failed = |problem: String| PromptError::Failed { problem };
    if question.refused.is_some() {
        // It would only print the same code again.
        let wait = to_next();
        let mut err = io::stderr().lock();
        let _ = writeln!(err, "postern: that code will not do; waiting {wait} s for the next");
        drop(err);
        std::thread::sleep(Duration::from_secs(wait));
    }
    let words = split_words(process)
        .ok_or_else(|| failed(format!("the MFA command `{process}` has an unclosed quote")))?;
    let Some((program, arguments)) = words.split_first() else {
        return Err(failed("the MFA command is empty".to_owned()));
    };
    let terminal = File::open("/dev/tty").map_or_else(|_| Stdio::null(), Stdio::from);
    let output = Command::new(program)
        .args(arguments)
        .env_remove(env::POSTERN_PASSPHRASE)
        .env("POSTERN_MFA_SERIAL", question.key.serial.as_str())
        .stdin(terminal)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| failed(format!("the MFA command `{program}` cannot be started: {error}")))?;
    let printed = Zeroizing::new(output.stdout);
    if !output.status.success() {
        return Err(failed(format!("the MFA command `{program}` failed: {}", output.status)));
    }
    std::str::from_utf8(&printed)
        .ok()
        .and_then(|text| text.trim().parse().ok())
        .ok_or_else(|| failed(format!("the MFA command `{program}` did not print six digits")))
}

/// Words as a POSIX shell divides them: blanks, quotes, backslashes; nothing is expanded.
fn split_words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, ' ' | '\t' | '\n') => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, '\\') => word.get_or_insert_default().push(chars.next()?),
            (Some('"'), '\\') => match chars.next()? {
                escaped @ ('"' | '\\') => word.get_or_insert_default().push(escaped),
                other => word.get_or_insert_default().extend(['\\', other]),
            },
            (Some(open), c) if open == c => quote = None,
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

/// Where the key file's passphrase comes from: the environment, else the terminal.
pub(crate) struct Passphrases {
    given: Option<Zeroizing<String>>,
}

impl Passphrases {
    pub(crate) fn new(given: Option<&str>) -> Self {
        Self { given: given.map(|text| Zeroizing::new(text.to_owned())) }
    }
}

impl Passphrase for Passphrases {
    fn current(&self, store: &Path, attempt: u8) -> Result<Zeroizing<String>, PromptError> {
        if let Some(given) = &self.given {
            return if attempt == 1 { Ok(given.clone()) } else { Err(PromptError::Spent) };
        }
        let mut terminal = Terminal::open()?;
        if attempt > 1 {
            terminal.say("That is not the passphrase.");
        }
        terminal.ask(&format!("Passphrase of {}: ", store.display()), Echo::Hidden)
    }

    fn choose(&self, store: &Path) -> Result<Zeroizing<String>, PromptError> {
        if let Some(given) = &self.given {
            return Ok(given.clone());
        }
        let mut terminal = Terminal::open()?;
        terminal.say(&format!("{} will hold your access keys, encrypted.", store.display()));
        loop {
            let first = terminal.ask("Choose its passphrase: ", Echo::Hidden)?;
            if first.is_empty() {
                terminal.say("An empty one protects nothing.");
                continue;
            }
            if *first == *terminal.ask("Once more: ", Echo::Hidden)? {
                return Ok(first);
            }
            terminal.say("These two differ.");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_a_shell() {
        let cases: &[(&str, Option<&[&str]>)] = &[
            ("", Some(&[])),
            ("  pass otp  aws ", Some(&["pass", "otp", "aws"])),
            ("op item get --otp 'my aws'", Some(&["op", "item", "get", "--otp", "my aws"])),
            (r#"sh -c "echo \"$X\" \n""#, Some(&["sh", "-c", r#"echo "$X" \n"#])),
            (r"a\ b ''", Some(&["a b", ""])),
            ("a'b'\"c\"", Some(&["abc"])),
            ("'open", None),
            ("\"open", None),
            ("end\\", None),
        ];
        for (text, words) in cases {
            let words = words.map(|words| words.iter().map(|w| (*w).to_owned()).collect::<Vec<_>>());
            assert_eq!(split_words(text), words, "{text}");
        }
    }

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
