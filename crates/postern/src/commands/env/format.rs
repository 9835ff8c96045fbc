//! Variables as shells and programs read them. Every value is quoted so that it can be nothing but text.

use std::fmt::Write as _;

use serde::ser::{SerializeMap, Serializer};
use zeroize::Zeroizing;

use super::Format;
use crate::errors::CliError;

type Value = (&'static str, Zeroizing<String>);

/// The text that sets these and unsets those.
pub(super) fn write(format: Format, set: &[Value], removed: &[&str]) -> Result<Zeroizing<String>, CliError> {
    if format == Format::Json {
        return json(set);
    }
    // Room for all at once: a text that grows leaves copies behind.
    let size: usize = set.iter().map(|(name, value)| name.len() + 4 * value.len() + 32).sum();
    let mut text = Zeroizing::new(String::with_capacity(size + 64 * removed.len()));
    for name in removed {
        unset(&mut text, format, name);
    }
    for (name, value) in set {
        match format {
            Format::Bash | Format::Zsh => {
                text.push_str("export ");
                text.push_str(name);
                text.push('=');
                posix(&mut text, value);
                text.push('\n');
            }
            Format::Fish => {
                text.push_str("set -gx ");
                text.push_str(name);
                text.push(' ');
                fish(&mut text, value);
                text.push_str(";\n");
            }
            Format::Powershell => {
                text.push_str("$Env:");
                text.push_str(name);
                text.push_str(" = ");
                powershell(&mut text, value);
                text.push('\n');
            }
            Format::Dotenv | Format::Json => {
                text.push_str(name);
                text.push('=');
                dotenv(&mut text, value);
                text.push('\n');
            }
        }
    }
    Ok(text)
}

fn unset(text: &mut String, format: Format, name: &str) {
    // Writing into a string cannot fail.
    let _ = match format {
        Format::Bash | Format::Zsh => writeln!(text, "unset {name}"),
        // fish complains of what is not there.
        Format::Fish => writeln!(text, "set -q {name}; and set -e {name};"),
        Format::Powershell => writeln!(text, "Remove-Item Env:{name} -ErrorAction SilentlyContinue"),
        Format::Json | Format::Dotenv => Ok(()),
    };
}

/// In single quotes nothing has a meaning but the quote itself.
fn posix(text: &mut String, value: &str) {
    text.push('\'');
    for c in value.chars() {
        match c {
            '\'' => text.push_str(r"'\''"),
            c => text.push(c),
        }
    }
    text.push('\'');
}

fn fish(text: &mut String, value: &str) {
    text.push('\'');
    for c in value.chars() {
        if matches!(c, '\'' | '\\') {
            text.push('\\');
        }
        text.push(c);
    }
    text.push('\'');
}

/// PowerShell takes the typographic quotes for single ones too.
fn powershell(text: &mut String, value: &str) {
    text.push('\'');
    for c in value.chars() {
        if matches!(c, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}') {
            text.push(c);
        }
        text.push(c);
    }
    text.push('\'');
}

/// docker takes everything behind the `=` as it is, other readers want quotes round what is not plain: all
/// that AWS issues is plain.
fn dotenv(text: &mut String, value: &str) {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:+=@,%?&".contains(c);
    if value.chars().all(plain) {
        text.push_str(value);
    } else if !value.contains(['\'', '\n']) {
        text.push('\'');
        text.push_str(value);
        text.push('\'');
    } else {
        text.push('"');
        for c in value.chars() {
            match c {
                '\n' => text.push_str("\\n"),
                '"' | '\\' | '$' | '`' => text.extend(['\\', c]),
                c => text.push(c),
            }
        }
        text.push('"');
    }
}

fn json(set: &[Value]) -> Result<Zeroizing<String>, CliError> {
    let failed = |error: serde_json::Error| CliError::failed("cannot write the variables").caused_by(error);
    let mut bytes = Zeroizing::new(Vec::with_capacity(64 * 1024));
    let mut serializer = serde_json::Serializer::pretty(&mut *bytes);
    let mut map = serializer.serialize_map(Some(set.len())).map_err(failed)?;
    for (name, value) in set {
        map.serialize_entry(name, value.as_str()).map_err(failed)?;
    }
    map.end().map_err(failed)?;
    bytes.push(b'\n');
    let text = std::str::from_utf8(&bytes)
        .map_err(|error| CliError::failed("cannot write the variables").caused_by(error))?;
    Ok(Zeroizing::new(text.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    const NASTY: [&str; 9] = [
        "plain/+=",
        "two  words ",
        "it's",
        r"back\slash\'",
        "$HOME `id` $(id) ${x}",
        "\"double\"",
        "a;b&c|d>e#f!g*h?i~j",
        "ü ’ “",
        "--not-a-flag",
    ];

    /// What a shell understands of the text, one value to a line between `<` and `>`.
    fn understood(shell: &str, arguments: &[&str], format: Format, print: &str) -> Option<Vec<String>> {
        let names = ["A", "B", "C", "D", "E", "F", "G", "H", "I"];
        let set: Vec<Value> =
            names.into_iter().zip(NASTY).map(|(n, v)| (n, Zeroizing::new(v.to_owned()))).collect();
        let mut script = write(format, &set, &["GONE", "NEVER_THERE"]).unwrap().to_string();
        script.push_str(print);
        let output = match Command::new(shell).args(arguments).arg(&script).env("GONE", "x").output() {
            Ok(output) => output,
            // Not a package of every system: what it reads is told by the table below.
            Err(_) if shell == "pwsh" => return None,
            Err(_) => {
                println!("SKIP: there is no {shell}");
                return None;
            }
        };
        assert!(output.status.success() && output.stderr.is_empty(), "{shell}: {output:?}");
        Some(String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect())
    }

    #[test]
    fn shells_read_back_what_was_written() {
        let mut wanted: Vec<String> = NASTY.iter().map(|value| format!("<{value}>")).collect();
        wanted.push("gone: <>".into());
        let print = "for name in A B C D E F G H I; do eval \"printf '<%s>\\n' \\\"\\$$name\\\"\"; done
            printf 'gone: <%s>\\n' \"$GONE\"";
        for (shell, format) in
            [("bash", Format::Bash), ("dash", Format::Bash), ("sh", Format::Bash), ("zsh", Format::Zsh)]
        {
            let arguments: &[&str] = if shell == "zsh" { &["-f", "-c"] } else { &["-c"] };
            if let Some(read) = understood(shell, arguments, format, print) {
                assert_eq!(read, wanted, "{shell}");
            }
        }
        let print =
            "for name in A B C D E F G H I; printf '<%s>\\n' $$name; end\nprintf 'gone: <%s>\\n' \"$GONE\"";
        if let Some(read) = understood("fish", &["--no-config", "-c"], Format::Fish, print) {
            assert_eq!(read, wanted, "fish");
        }
        let print = "foreach ($n in 'A','B','C','D','E','F','G','H','I') { \"<$((Get-Item Env:$n).Value)>\" }\n\"gone: <$Env:GONE>\"";
        if let Some(read) = understood("pwsh", &["-NoProfile", "-Command"], Format::Powershell, print) {
            assert_eq!(read, wanted, "pwsh");
        }
    }

    #[test]
    fn each_format_quotes_as_its_reader_unquotes() {
        let text = |format, value: &str| {
            write(format, &[("N", Zeroizing::new(value.to_owned()))], &["G"]).unwrap().to_string()
        };
        assert_eq!(text(Format::Bash, "it's"), "unset G\nexport N='it'\\''s'\n");
        assert_eq!(text(Format::Fish, r"it's \"), "set -q G; and set -e G;\nset -gx N 'it\\'s \\\\';\n");
        assert_eq!(
            text(Format::Powershell, "it's ’ $x"),
            "Remove-Item Env:G -ErrorAction SilentlyContinue\n$Env:N = 'it''s ’’ $x'\n"
        );
        assert_eq!(text(Format::Dotenv, "a/b+c=="), "N=a/b+c==\n");
        assert_eq!(text(Format::Dotenv, "a $b"), "N='a $b'\n");
        assert_eq!(text(Format::Dotenv, "it's\n$b"), "N=\"it's\\n\\$b\"\n");
        assert_eq!(text(Format::Json, "\"x\""), "{\n  \"N\": \"\\\"x\\\"\"\n}\n");
    }
}
