//! Dialogs on a display: zenity, kdialog, macOS's own.

use std::{path::Path, process::Stdio};

use postern_broker::PromptError;
use zeroize::Zeroizing;

use super::{
    codes::Miss,
    failed,
    program::{self, Ended, PATIENCE},
    unavailable,
};

/// Which program shows the dialog.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Dialog {
    Zenity,
    Kdialog,
    Osascript,
}

const TITLE: &str = "postern";

/// `AppleScript`; the text comes as an argument and so cannot become a command. -1712 is Apple's number for a
/// timeout.
const APPLE_SCRIPT: &[&str] = &[
    "on run argv",
    "display dialog (item 1 of argv) default answer \"\" with title \"postern\" giving up after 120",
    "if gave up of result then error \"nobody answered\" number -1712",
    "text returned of result",
    "end run",
];

/// Shows one question and takes the text that is typed.
pub(super) fn ask(dialog: Dialog, program: &Path, text: &str) -> Result<Zeroizing<String>, Miss> {
    let name = program.display().to_string();
    let mut command = program::command(program);
    match dialog {
        Dialog::Zenity => {
            let timeout = format!("--timeout={}", PATIENCE.as_secs());
            command.args(["--entry", "--title", TITLE, "--text", text, &timeout])
        }
        Dialog::Kdialog => command.args(["--title", TITLE, "--inputbox", text]),
        Dialog::Osascript => {
            command.args(APPLE_SCRIPT.iter().flat_map(|line| ["-e", line])).arg("--").arg(text)
        }
    };
    let ended = program::run(command.stdin(Stdio::null()).stderr(Stdio::piped()), &name)?;
    if ended.status.success() {
        let typed = std::str::from_utf8(&ended.stdout).unwrap_or_default().trim();
        return Ok(Zeroizing::new(typed.to_owned()));
    }
    Err(why(dialog, &name, &ended))
}

/// What a dialog's failure means. Their manuals: zenity(1), "EXIT STATUS"; kdialog's is 1 for Cancel;
/// osascript's is always 1, with Apple's error number in brackets.
fn why(dialog: Dialog, name: &str, ended: &Ended) -> Miss {
    let said = String::from_utf8_lossy(&ended.stderr);
    let without_display = said.to_lowercase().contains("display");
    let cancelled = Miss::Final(PromptError::Cancelled);
    match (dialog, ended.status.code()) {
        (Dialog::Zenity, Some(5)) => program::no_answer(name),
        (Dialog::Zenity | Dialog::Kdialog, _) if without_display => {
            unavailable(format!("`{name}` cannot open the display")).into()
        }
        (Dialog::Zenity | Dialog::Kdialog, Some(1)) => cancelled,
        (Dialog::Osascript, _) if said.contains("(-128)") => cancelled,
        (Dialog::Osascript, _) if said.contains("(-1712)") => program::no_answer(name),
        _ => failed(format!("`{name}` failed: {}", ended.status)).into(),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt;

    use super::*;

    #[test]
    fn what_a_dialog_ends_with_has_a_meaning() {
        for (dialog, code, stderr, meaning) in [
            (Dialog::Zenity, 1, "", "cancelled"),
            (Dialog::Zenity, 5, "", "gave no answer in 120 s"),
            (Dialog::Zenity, 1, "(zenity:1): Gtk-WARNING **: cannot open display: :0", "unusable"),
            (Dialog::Zenity, 255, "", "failed: exit status: 255"),
            (Dialog::Kdialog, 1, "", "cancelled"),
            (Dialog::Kdialog, 134, "qt.qpa.xcb: could not connect to display :0", "unusable"),
            (
                Dialog::Osascript,
                1,
                "86:150: execution error: System Events: User canceled. (-128)",
                "cancelled",
            ),
            (Dialog::Osascript, 1, "execution error: nobody answered (-1712)", "gave no answer in 120 s"),
            (
                Dialog::Osascript,
                1,
                "execution error: No user interaction allowed. (-1713)",
                "failed: exit status: 1",
            ),
        ] {
            let ended = Ended {
                status: std::process::ExitStatus::from_raw(code << 8),
                stdout: Zeroizing::default(),
                stderr: Zeroizing::new(stderr.as_bytes().to_vec()),
            };
            let got = match why(dialog, "it", &ended) {
                Miss::Unusable(_) => "unusable".to_owned(),
                Miss::Failed(problem) => problem,
                Miss::Final(error) => error.to_string(),
            };
            assert!(got.contains(meaning), "{dialog:?} {code} {stderr}: {got}");
        }
    }

    #[test]
    fn osascript_gives_up_when_the_others_do() {
        assert!(APPLE_SCRIPT[1].ends_with(&format!("giving up after {}", PATIENCE.as_secs())));
    }
}
