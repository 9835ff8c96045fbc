//! Opening a URL in a browser, with accounts kept apart where the browser can.

use std::{
    os::unix::process::CommandExt,
    process::{Command, Stdio},
    str::FromStr,
    thread,
    time::{Duration, Instant},
};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use postern_broker::files::shell_words;
use zeroize::Zeroizing;

use crate::{commands::exec::look_up, env::Environment, errors::CliError};

/// Which browser, and how it is told to keep accounts apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Browser {
    /// The desktop's.
    Default,
    /// Firefox, in the profile and container that it is in.
    Firefox,
    /// Firefox with a container for each account.
    FirefoxContainers,
    /// A browser of the Chromium family with a profile for each account, by the programs that it may be.
    Chromium(&'static [&'static str]),
    /// A command line.
    Command(Vec<String>),
}

impl FromStr for Browser {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Ok(match text {
            "default" => Self::Default,
            "firefox" => Self::Firefox,
            "firefox-containers" => Self::FirefoxContainers,
            "chrome" => Self::Chromium(&["google-chrome-stable", "google-chrome", "chrome"]),
            "chromium" => Self::Chromium(&["chromium", "chromium-browser"]),
            "brave" => Self::Chromium(&["brave-browser", "brave"]),
            "edge" => Self::Chromium(&["microsoft-edge-stable", "microsoft-edge"]),
            line => match shell_words(line) {
                Some(words) if !words.is_empty() => Self::Command(words),
                _ => {
                    return Err(format!("`{line}` is no command line: a quote is left open, or it is empty"));
                }
            },
        })
    }
}

/// Containers keep one colour for an account, so that production is known by it.
const COLORS: [&str; 8] = ["blue", "turquoise", "green", "yellow", "orange", "red", "pink", "purple"];

/// How long a browser has to say that it cannot start.
const PATIENCE: Duration = Duration::from_secs(2);

impl Browser {
    /// Opens the URL, and is back as soon as it is plain that the browser started.
    pub(super) fn open(
        &self,
        url: &str,
        account: &str,
        target: &str,
        environment: &Environment,
    ) -> Result<(), CliError> {
        let (programs, arguments) = self.command(url, account, target);
        let there = programs.iter().find(|program| look_up(program.as_ref(), environment).is_ok());
        let program = there.ok_or_else(|| {
            CliError::failed(format!("there is no browser `{}` here", programs.join("` or `")))
                .hint("name another one with --browser, or open the URL that --print prints")
        })?;
        let mut command = Command::new(program);
        command.args(arguments.iter().map(|argument| argument.as_str()));
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        // Ctrl-C in this terminal is not meant for the browser.
        command.process_group(0);
        let failed = |why: String| {
            CliError::failed(format!("`{program}` did not open the console"))
                .caused_by(why)
                .hint("open the URL that --print prints")
        };
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        let start = Instant::now();
        while start.elapsed() < PATIENCE {
            match child.try_wait() {
                Ok(Some(status)) if status.success() => return Ok(()),
                Ok(Some(status)) => return Err(failed(status.to_string())),
                Ok(None) => thread::sleep(Duration::from_millis(20)),
                Err(error) => return Err(failed(error.to_string())),
            }
        }
        // It runs on, as a browser does that was not running before.
        Ok(())
    }

    /// The programs that it may be, and the arguments.
    fn command(&self, url: &str, account: &str, target: &str) -> (Vec<String>, Vec<Zeroizing<String>>) {
        let own = |text: &str| Zeroizing::new(text.to_owned());
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        match self {
            Self::Default if cfg!(target_os = "macos") => (names(&["open"]), vec![own(url)]),
            Self::Default => (names(&["xdg-open"]), vec![own(url)]),
            Self::Firefox => (names(&["firefox"]), vec![own(url)]),
            Self::FirefoxContainers => (names(&["firefox"]), vec![container(url, account)]),
            Self::Chromium(programs) => {
                let profile = Zeroizing::new(format!("--profile-directory=postern-{account}"));
                (names(programs), vec![profile, own(url)])
            }
            Self::Command(words) => {
                let fill = |word: &String| {
                    let word = word.replace("{account}", account).replace("{target}", target);
                    Zeroizing::new(word.replace("{url}", url))
                };
                let mut arguments: Vec<_> = words.iter().skip(1).map(fill).collect();
                if !words.iter().any(|word| word.contains("{url}")) {
                    arguments.push(own(url));
                }
                (words.iter().take(1).cloned().collect(), arguments)
            }
        }
    }
}

/// What the extension "Open external links in a container" takes.
fn container(url: &str, account: &str) -> Zeroizing<String> {
    let sum = account.bytes().fold(0_usize, |sum, byte| sum.wrapping_mul(31).wrapping_add(usize::from(byte)));
    let color = COLORS.get(sum % COLORS.len()).unwrap_or(&"blue");
    let encode = |text| utf8_percent_encode(text, NON_ALPHANUMERIC);
    Zeroizing::new(format!(
        "ext+container:name={}&color={color}&icon=fingerprint&url={}",
        encode(account),
        encode(url)
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_browser_keeps_accounts_apart_in_its_own_way() {
        let command = |browser: &str| {
            let browser: Browser = browser.parse().unwrap();
            let (programs, arguments) = browser.command("https://x/?a=b&c", "prod", "prod/dev");
            (programs.join(" "), arguments.iter().map(|a| a.to_string()).collect::<Vec<_>>())
        };
        let (program, arguments) = command("firefox-containers");
        assert_eq!(program, "firefox");
        assert!(
            arguments[0].starts_with("ext+container:name=prod&color=")
                && arguments[0].ends_with("&url=https%3A%2F%2Fx%2F%3Fa%3Db%26c"),
            "{arguments:?}"
        );
        let (programs, arguments) = command("chrome");
        assert!(programs.contains("google-chrome"), "{programs}");
        assert_eq!(arguments, ["--profile-directory=postern-prod", "https://x/?a=b&c"]);
        assert_eq!(command("firefox"), ("firefox".into(), vec!["https://x/?a=b&c".into()]));
        let (program, arguments) = command("open-it --as '{account} {target}' --at {url}");
        assert_eq!(program, "open-it");
        assert_eq!(arguments, ["--as", "prod prod/dev", "--at", "https://x/?a=b&c"]);
        assert_eq!(command("my-browser -P aws").1, ["-P", "aws", "https://x/?a=b&c"]);
        for bad in ["", "  ", "'open"] {
            assert!(bad.parse::<Browser>().is_err(), "{bad}");
        }
    }
}
