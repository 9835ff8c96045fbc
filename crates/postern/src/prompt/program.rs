//! Programs that answer in a person's place, or put the question to them: started without a shell, bounded in
//! time, and never told a secret in their arguments.

use std::{
    fs::File,
    io::Read,
    os::unix::fs::PermissionsExt,
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver},
    thread,
    time::{Duration, Instant},
};

use postern_broker::{MfaQuestion, PromptError, files::shell_words};
use postern_types::MfaCode;
use zeroize::Zeroizing;

use super::{Terminal, codes::Miss, failed};
use crate::env::{self, Environment};

/// How long a program, or the person in front of its dialog, may take.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

/// More than any answer; what a program writes beyond it is left unread.
const LONGEST: u64 = 4_096;

/// Where a program is, as the system would find it.
pub(super) fn find(environment: &Environment, name: &str) -> Option<PathBuf> {
    let runs = |path: &Path| {
        std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
    };
    if name.contains('/') {
        return Some(PathBuf::from(name)).filter(|path| runs(path));
    }
    let path = environment.path("PATH").unwrap_or_else(|| "/usr/local/bin:/bin:/usr/bin".into());
    std::env::split_paths(&path).map(|dir| dir.join(name)).find(|path| runs(path))
}

/// A program that was found.
pub(super) fn command(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.env_remove(env::POSTERN_PASSPHRASE);
    command
}

/// How a program ended.
pub(super) struct Ended {
    pub(super) status: ExitStatus,
    pub(super) stdout: Zeroizing<Vec<u8>>,
    /// Empty unless it was asked for with `Stdio::piped`.
    pub(super) stderr: Zeroizing<Vec<u8>>,
}

/// Runs a program to its end, or to the end of patience.
pub(super) fn run(command: &mut Command, name: &str) -> Result<Ended, Miss> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| failed(format!("`{name}` cannot be started: {error}")))?;
    let deadline = Instant::now() + PATIENCE;
    let stdout = child.stdout.take().map(read_aside);
    let stderr = child.stderr.take().map(read_aside);
    let until_end = |stream: Option<Receiver<_>>| match stream {
        Some(stream) => stream.recv_timeout(deadline.saturating_duration_since(Instant::now())).ok(),
        None => Some(Zeroizing::default()),
    };
    let (stdout, stderr) = (until_end(stdout), until_end(stderr));
    match (stdout, stderr, wait_until(&mut child, deadline)) {
        (Some(stdout), Some(stderr), Some(status)) => Ok(Ended { status, stdout, stderr }),
        _ => {
            end(&mut child);
            Err(no_answer(name))
        }
    }
}

/// Nobody answered in time: whoever else could be asked is not there either.
pub(super) fn no_answer(name: &str) -> Miss {
    Miss::Final(failed(format!("`{name}` gave no answer in {} s", PATIENCE.as_secs())))
}

/// Ends a program that is not needed any more.
pub(super) fn end(child: &mut Child) {
    // Both fail only for a process that is gone.
    let _ = child.kill();
    let _ = child.wait();
}

/// The exit status, unless the program is still there at the deadline.
pub(super) fn wait_until(child: &mut Child, deadline: Instant) -> Option<ExitStatus> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Some(status),
            Ok(None) if Instant::now() < deadline => thread::sleep(Duration::from_millis(10)),
            _ => return None,
        }
    }
}

/// Reads a stream to its end on a thread of its own, which outlives a program that holds on to it.
fn read_aside(stream: impl Read + Send + 'static) -> Receiver<Zeroizing<Vec<u8>>> {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        // As large as it can become, so that no half-grown copy is left behind.
        let mut read = Zeroizing::new(Vec::with_capacity(usize::try_from(LONGEST).unwrap_or(0) + 1));
        let _ = stream.take(LONGEST).read_to_end(&mut read);
        // Nobody listens any more once patience has ended.
        let _ = sender.send(read);
    });
    receiver
}

/// Has a program print a code.
pub(super) fn code(program: &Path, arguments: &[&str], question: &MfaQuestion<'_>) -> Result<MfaCode, Miss> {
    let name = program.display().to_string();
    // What it says meanwhile ("touch your key") must be seen even where standard error is swallowed.
    let terminal = || Terminal::open().ok().map(Terminal::into_file);
    let or = |stream: Option<File>, other: Stdio| stream.map_or(other, Stdio::from);
    let ended = run(
        command(program)
            .args(arguments)
            .env("POSTERN_MFA_SERIAL", question.key.serial.as_str())
            .stdin(or(terminal(), Stdio::null()))
            .stderr(or(terminal(), Stdio::inherit())),
        &name,
    )?;
    if !ended.status.success() {
        return Err(failed(format!("`{name}` failed: {}", ended.status)).into());
    }
    let printed = std::str::from_utf8(&ended.stdout).ok().and_then(|text| text.trim().parse().ok());
    printed.ok_or_else(|| failed(format!("`{name}` did not print six digits")).into())
}

/// A command line of the settings: program and arguments.
pub(super) fn words_of(line: &str) -> Result<(String, Vec<String>), PromptError> {
    let words =
        shell_words(line).ok_or_else(|| failed(format!("the MFA command `{line}` has an unclosed quote")))?;
    let mut words = words.into_iter();
    let program = words.next().ok_or_else(|| failed("the MFA command is empty"))?;
    Ok((program, words.collect()))
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
            assert_eq!(shell_words(text), words, "{text}");
        }
    }
}
