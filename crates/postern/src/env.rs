//! Every environment variable that postern reads, and the one place that reads them.

use std::{collections::BTreeMap, ffi::OsString, path::PathBuf};

/// The estate file; `./postern.toml` where unset.
pub(crate) const POSTERN_ESTATE: &str = "POSTERN_ESTATE";
/// Whose key to use where the key store holds several.
pub(crate) const POSTERN_PERSON: &str = "POSTERN_PERSON";
/// Which key store to use: `keyring`, `file`, `kernel` or `pass`; chosen by what is there where unset.
pub(crate) const POSTERN_STORE: &str = "POSTERN_STORE";
/// Where MFA codes come from: names, in order, with commas between them.
pub(crate) const POSTERN_MFA_FROM: &str = "POSTERN_MFA_FROM";
/// A command that prints an MFA code.
pub(crate) const POSTERN_MFA_PROCESS: &str = "POSTERN_MFA_PROCESS";
/// The passphrase of the encrypted key file, for machines where nobody can type one.
pub(crate) const POSTERN_PASSPHRASE: &str = "POSTERN_PASSPHRASE";

/// Who holds the key that seals sessions: `kernel` or `agent`; the kernel where it can, where unset.
pub(crate) const POSTERN_KEYHOLDER: &str = "POSTERN_KEYHOLDER";

/// Set by the script of a shell that completes: which shell it is.
pub(crate) const POSTERN_COMPLETE: &str = "POSTERN_COMPLETE";

/// Ours alone: the targets that a chain of `credential_process` has asked postern for, a line each.
pub(crate) const POSTERN_ASKED: &str = "POSTERN_ASKED";
/// Set by postern for whoever works with a target: its name.
pub(crate) const POSTERN_TARGET: &str = "POSTERN_TARGET";
/// Set by postern beside [`POSTERN_TARGET`]: what it filled in because the person had not set it, as
/// `AWS_REGION=eu-central-1` and so on with commas between. A variable that still has such a value counts as
/// unset here, so that another target's region and endpoint take its place.
pub(crate) const POSTERN_DEFAULTS: &str = "POSTERN_DEFAULTS";

/// The columns of a terminal that does not say so itself.
pub(crate) const COLUMNS: &str = "COLUMNS";

/// Base directories of a person, as the XDG specification has them.
pub(crate) const XDG_CONFIG_HOME: &str = "XDG_CONFIG_HOME";
/// For data: the key file.
pub(crate) const XDG_DATA_HOME: &str = "XDG_DATA_HOME";
/// For state: sealed sessions, where there is no runtime directory.
pub(crate) const XDG_STATE_HOME: &str = "XDG_STATE_HOME";
/// The login's own directory: sealed sessions, the agent's socket.
pub(crate) const XDG_RUNTIME_DIR: &str = "XDG_RUNTIME_DIR";

/// `pass`'s own: where its entries are.
pub(crate) const PASSWORD_STORE_DIR: &str = "PASSWORD_STORE_DIR";

/// AWS's own: where the configuration file is.
pub(crate) const AWS_CONFIG_FILE: &str = "AWS_CONFIG_FILE";
/// AWS's own: where the credentials file is.
pub(crate) const AWS_SHARED_CREDENTIALS_FILE: &str = "AWS_SHARED_CREDENTIALS_FILE";

/// The process's environment as it was at the start: read once, then plain data.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// As they came, for every start pays for an order that few look-ups gain from; the last of a name counts.
    variables: Vec<(String, OsString)>,
    /// Whether nobody looks at a window, though one could be shown.
    unattended: bool,
    /// What another postern filled in around this one.
    handed: Vec<(String, OsString)>,
}

impl Environment {
    /// Reads the environment of this process. Names that are not UTF-8 are none of ours.
    pub(crate) fn of_process() -> Self {
        Self::new(
            std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value))).collect(),
        )
    }

    fn new(mut variables: Vec<(String, OsString)>) -> Self {
        let mut handed = Vec::new();
        let marked = last(&variables, POSTERN_DEFAULTS).and_then(|text| text.to_str()).map(str::to_owned);
        for (name, value) in
            marked.iter().flat_map(|marked| marked.split(',')).filter_map(|p| p.split_once('='))
        {
            if last(&variables, name).is_some_and(|found| found == value) {
                variables.retain(|(other, _)| other != name);
                handed.push((name.to_owned(), value.into()));
            }
        }
        Self { variables, handed, unattended: false }
    }

    /// A variable that another postern filled in, and nobody has changed since.
    pub(crate) fn handed(&self, name: &str) -> Option<&str> {
        last(&self.handed, name)?.to_str()
    }

    /// A variable's text; none where it is unset, empty or not UTF-8.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        last(&self.variables, name)?.to_str().filter(|text| !text.is_empty())
    }

    /// A variable as a path; none where it is unset or empty.
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        last(&self.variables, name).filter(|text| !text.is_empty()).map(PathBuf::from)
    }

    /// All variables that are text, for functions that resolve settings from them.
    pub(crate) fn texts(&self) -> BTreeMap<String, String> {
        self.variables
            .iter()
            .filter_map(|(name, value)| Some((name.clone(), value.to_str()?.to_owned())))
            .collect()
    }

    /// Whether a window can be shown where somebody sees it.
    pub(crate) fn has_display(&self) -> bool {
        if self.unattended {
            return false;
        }
        if cfg!(target_os = "macos") {
            return self.text("SSH_CONNECTION").is_none();
        }
        ["DISPLAY", "WAYLAND_DISPLAY"].iter().any(|name| self.text(name).is_some())
    }

    /// This environment for a process whose windows nobody looks at.
    pub(crate) fn unattended(&self) -> Self {
        Self { unattended: true, ..self.clone() }
    }

    /// The user's home directory.
    pub(crate) fn home(&self) -> Option<PathBuf> {
        self.path("HOME")
    }
}

fn last<'a>(variables: &'a [(String, OsString)], name: &str) -> Option<&'a OsString> {
    variables.iter().rfind(|(other, _)| other == name).map(|(_, value)| value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_filled_in_is_no_choice_until_it_is_changed() {
        let environment = |region: &str| {
            let variables = [
                ("AWS_REGION", region),
                ("AWS_ENDPOINT_URL", "http://h"),
                (POSTERN_DEFAULTS, "AWS_REGION=eu-central-1,AWS_DEFAULT_REGION=eu-central-1"),
            ];
            Environment::new(variables.iter().map(|(n, v)| ((*n).to_owned(), (*v).into())).collect())
        };
        let as_filled_in = environment("eu-central-1");
        assert_eq!(as_filled_in.text("AWS_REGION"), None);
        assert_eq!(as_filled_in.handed("AWS_REGION"), Some("eu-central-1"));
        assert_eq!(as_filled_in.text("AWS_ENDPOINT_URL"), Some("http://h"));
        assert_eq!(as_filled_in.handed("AWS_DEFAULT_REGION"), None);
        let changed = environment("us-west-2");
        assert_eq!(changed.text("AWS_REGION"), Some("us-west-2"));
        assert_eq!(changed.handed("AWS_REGION"), None);
    }
}
