//! `GnuPG`'s pinentry, by the Assuan protocol on its standard input and output.
//!
//! Lines of at most 1,000 bytes: a command, then `D` lines with data, then `OK` or `ERR number text`. What
//! stands in arguments and data is percent-encoded where it is not plain.

use std::{
    io::{Read, Write},
    path::Path,
    process::{Child, ChildStdin, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use postern_broker::PromptError;
use zeroize::Zeroizing;

use super::{
    codes::Miss,
    failed,
    program::{self, PATIENCE},
    unavailable,
};

/// The longest line of the protocol, its end included.
const LINE: usize = 1_000;

/// Numbers of libgpg-error, without the part that says which program they come from.
const GPG_ERR_TIMEOUT: u32 = 62;
const GPG_ERR_CANCELED: u32 = 99;
const GPG_ERR_FULLY_CANCELED: u32 = 198;
/// Set in numbers that stand for one of the system's.
const GPG_ERR_SYSTEM_ERROR: u32 = 1 << 15;

/// What is shown.
pub(super) struct Shown<'a> {
    pub(super) description: &'a str,
    pub(super) prompt: &'a str,
    /// Why it is asked again.
    pub(super) error: Option<&'a str>,
}

/// Shows one question and takes what is typed.
pub(super) fn ask(
    program: &Path,
    terminal_kind: Option<&str>,
    shown: &Shown<'_>,
) -> Result<Zeroizing<String>, Miss> {
    let mut pinentry = Pinentry::start(program)?;
    // What a pinentry does not know of it, it says; the question stands all the same.
    for line in [
        // For those that ask on a terminal.
        "OPTION ttyname=/dev/tty".to_owned(),
        format!("OPTION ttytype={}", encode(terminal_kind.unwrap_or("dumb"))),
        "SETTITLE postern".to_owned(),
        format!("SETTIMEOUT {}", PATIENCE.as_secs()),
    ] {
        let _ = pinentry.transact(&line)?;
    }
    let error = shown.error.map(|text| ("SETERROR", text));
    for (command, text) in
        [("SETDESC", shown.description), ("SETPROMPT", shown.prompt)].into_iter().chain(error)
    {
        pinentry.transact(&format!("{command} {}", encode(text)))?.map_err(|e| e.meaning(&pinentry.name))?;
    }
    let typed = pinentry.transact("GETPIN")?.map_err(|error| error.meaning(&pinentry.name))?;
    let _ = pinentry.send("BYE");
    Ok(typed)
}

/// A refusal in the protocol.
#[derive(Debug, PartialEq, Eq)]
struct Refusal {
    number: u32,
    text: String,
}

impl Refusal {
    /// `83886179 Operation cancelled <Pinentry>`
    fn of(rest: &str) -> Self {
        let (number, text) = rest.split_once(' ').unwrap_or((rest, ""));
        Self { number: number.parse().unwrap_or(0), text: text.to_owned() }
    }

    fn meaning(&self, name: &str) -> Miss {
        match self.number & 0xffff {
            GPG_ERR_CANCELED | GPG_ERR_FULLY_CANCELED => Miss::Final(PromptError::Cancelled),
            GPG_ERR_TIMEOUT => program::no_answer(name),
            // Neither its display nor a terminal can be opened.
            system if system & GPG_ERR_SYSTEM_ERROR != 0 => {
                unavailable(format!("`{name}` cannot ask: {}", self.text)).into()
            }
            _ => failed(format!("`{name}` failed: {}", self.text)).into(),
        }
    }
}

/// One conversation. The program ends with it.
struct Pinentry {
    name: String,
    child: Child,
    input: ChildStdin,
    lines: Receiver<Zeroizing<Vec<u8>>>,
    deadline: Instant,
}

impl Drop for Pinentry {
    fn drop(&mut self) {
        // One that was told BYE needs a moment to take its window away.
        if program::wait_until(&mut self.child, Instant::now() + Duration::from_millis(300)).is_none() {
            program::end(&mut self.child);
        }
    }
}

impl Pinentry {
    fn start(program: &Path) -> Result<Self, Miss> {
        let name = program.display().to_string();
        let cannot = |problem: String| failed(format!("`{name}` cannot be started: {problem}"));
        let mut child = program::command(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| cannot(error.to_string()))?;
        let (Some(input), Some(output)) = (child.stdin.take(), child.stdout.take()) else {
            return Err(cannot("it has no streams".to_owned()).into());
        };
        // Somewhat beyond its own patience, which it can end with a better word.
        let deadline = Instant::now() + PATIENCE + Duration::from_secs(5);
        let pinentry = Self { name, child, input, lines: read_lines(output), deadline };
        pinentry.reply()?.map_err(|error| error.meaning(&pinentry.name))?;
        Ok(pinentry)
    }

    fn send(&mut self, line: &str) -> Result<(), Miss> {
        // In one piece: a second write may come after it has ended.
        let text = format!("{line}\n");
        self.input.write_all(text.as_bytes()).map_err(|_| self.gone())
    }

    fn gone(&self) -> Miss {
        failed(format!("`{}` ended in the middle of the conversation", self.name)).into()
    }

    fn transact(&mut self, line: &str) -> Result<Result<Zeroizing<String>, Refusal>, Miss> {
        self.send(line)?;
        self.reply()
    }

    /// All lines up to `OK` or `ERR`; the answer is what stood in `D` lines.
    fn reply(&self) -> Result<Result<Zeroizing<String>, Refusal>, Miss> {
        let mut data = Zeroizing::new(Vec::with_capacity(2 * LINE));
        loop {
            let left = self.deadline.saturating_duration_since(Instant::now());
            let line = self.lines.recv_timeout(left).map_err(|error| match error {
                mpsc::RecvTimeoutError::Timeout => program::no_answer(&self.name),
                mpsc::RecvTimeoutError::Disconnected => self.gone(),
            })?;
            match Line::of(&line) {
                Line::Ok => {
                    let text =
                        std::str::from_utf8(&data).map_err(|_| failed("what was typed is not UTF-8 text"))?;
                    return Ok(Ok(Zeroizing::new(text.to_owned())));
                }
                Line::Err(rest) => return Ok(Err(Refusal::of(&rest))),
                Line::Data(piece) if data.len() + piece.len() <= 2 * LINE => decode(piece, &mut data),
                Line::Data(_) => return Err(failed("what was typed is too long").into()),
                Line::Other => {}
            }
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Line<'a> {
    Ok,
    Err(String),
    Data(&'a [u8]),
    /// A status, a comment, a question of its own.
    Other,
}

impl<'a> Line<'a> {
    fn of(line: &'a [u8]) -> Self {
        let (word, rest) = match line.iter().position(|byte| *byte == b' ') {
            Some(blank) => (line.get(..blank).unwrap_or_default(), line.get(blank + 1..).unwrap_or_default()),
            None => (line, &[][..]),
        };
        match word {
            b"OK" => Self::Ok,
            b"ERR" => Self::Err(String::from_utf8_lossy(rest).into_owned()),
            b"D" => Self::Data(rest),
            _ => Self::Other,
        }
    }
}

/// Reads lines on a thread of its own. Byte by byte, so that what was typed lies in no buffer that is not wiped.
fn read_lines(mut output: impl Read + Send + 'static) -> Receiver<Zeroizing<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let fresh = || Zeroizing::new(Vec::with_capacity(LINE));
        let (mut line, mut byte) = (fresh(), Zeroizing::new([0_u8]));
        while let Ok(1) = output.read(byte.as_mut_slice()) {
            match byte.first() {
                Some(b'\n') => {
                    if sender.send(std::mem::replace(&mut line, fresh())).is_err() {
                        return;
                    }
                }
                Some(byte) if line.len() < LINE => line.push(*byte),
                // No line of the protocol: whoever reads hears that the conversation has ended.
                _ => return,
            }
        }
    });
    receiver
}

/// An argument, so that it stays one line.
fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '%' => encoded.push_str("%25"),
            '\n' => encoded.push_str("%0A"),
            c if c.is_control() => {}
            c => encoded.push(c),
        }
    }
    encoded
}

/// Data as it was before it was sent.
fn decode(piece: &[u8], data: &mut Vec<u8>) {
    let digit = |byte: Option<&u8>| byte.and_then(|byte| char::from(*byte).to_digit(16));
    let mut at = 0;
    while let Some(byte) = piece.get(at) {
        at += 1;
        match (byte, digit(piece.get(at)), digit(piece.get(at + 1))) {
            (b'%', Some(high), Some(low)) => {
                data.extend(u8::try_from(high * 16 + low));
                at += 2;
            }
            (byte, ..) => data.push(*byte),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_cross_the_protocol_unchanged() {
        assert_eq!(encode("50 %\nand\r more\t"), "50 %25%0Aand more");
        for (sent, text) in
            [("123456", "123456"), ("1%252%0A", "1%2\n"), ("%", "%"), ("%2", "%2"), ("%zz", "%zz"), ("", "")]
        {
            let mut data = Vec::new();
            decode(sent.as_bytes(), &mut data);
            assert_eq!(data, text.as_bytes(), "{sent}");
        }
    }

    #[test]
    fn lines_are_told_apart() {
        for (line, meaning) in [
            ("OK", Line::Ok),
            ("OK Pleased to meet you", Line::Ok),
            ("D 12 34", Line::Data(b"12 34")),
            ("D", Line::Data(b"")),
            ("ERR 83886179 Operation cancelled", Line::Err("83886179 Operation cancelled".to_owned())),
            ("S ERROR curses.open_tty", Line::Other),
            ("# a comment", Line::Other),
            ("OKAY", Line::Other),
            ("", Line::Other),
        ] {
            assert_eq!(Line::of(line.as_bytes()), meaning, "{line}");
        }
    }

    #[test]
    fn refusals_are_told_apart() {
        for (rest, meaning) in [
            ("83886179 Operation cancelled <Pinentry>", "final: cancelled"),
            ("99 canceled", "final: cancelled"),
            ("83886278 Operation fully cancelled", "final: cancelled"),
            ("83886142 Timeout <Pinentry>", "final: `it` gave no answer in 120 s"),
            (
                "83918952 No such device or address <Pinentry>",
                "unusable: `it` cannot ask: No such device or address <Pinentry>",
            ),
            ("83886360 IPC parameter error", "failed: `it` failed: IPC parameter error"),
            ("nonsense", "failed: `it` failed: "),
        ] {
            let got = match Refusal::of(rest).meaning("it") {
                Miss::Unusable(reason) => format!("unusable: {reason}"),
                Miss::Failed(problem) => format!("failed: {problem}"),
                Miss::Final(error) => format!("final: {error}"),
            };
            assert_eq!(got, meaning, "{rest}");
        }
    }
}
