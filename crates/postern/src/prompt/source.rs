//! The names of the places that MFA codes come from.

use std::{fmt, str::FromStr};

use postern_types::ParseError;
use serde::Deserialize;

/// A place that MFA codes come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) enum Source {
    /// The command of `mfa_process`.
    Process,
    /// A YubiKey's OATH codes.
    Ykman,
    /// 1Password.
    Op,
    /// `pass` with its OTP extension.
    Pass,
    /// A seed in the key store.
    Seed,
    /// The controlling terminal.
    Terminal,
    /// A GTK dialog.
    Zenity,
    /// A KDE dialog.
    Kdialog,
    /// A macOS dialog.
    Osascript,
    /// `GnuPG`'s dialogs, on a display or a terminal.
    Pinentry,
}

impl Source {
    pub(crate) const ALL: &[Self] = &[
        Self::Process,
        Self::Ykman,
        Self::Op,
        Self::Pass,
        Self::Seed,
        Self::Terminal,
        Self::Zenity,
        Self::Kdialog,
        Self::Osascript,
        Self::Pinentry,
    ];

    /// Its name in settings and flags; for programs the program's own.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Process => "process",
            Self::Ykman => "ykman",
            Self::Op => "op",
            Self::Pass => "pass",
            Self::Seed => "seed",
            Self::Terminal => "terminal",
            Self::Zenity => "zenity",
            Self::Kdialog => "kdialog",
            Self::Osascript => "osascript",
            Self::Pinentry => "pinentry",
        }
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Source {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::ALL.iter().find(|source| source.name() == text).copied().ok_or_else(|| {
            let names: Vec<&str> = Self::ALL.iter().map(|source| source.name()).collect();
            let problem = format!("`{text}` is none of: {}", names.join(", "));
            ParseError { what: "source of MFA codes", problem }
        })
    }
}

impl TryFrom<String> for Source {
    type Error = ParseError;

    fn try_from(text: String) -> Result<Self, ParseError> {
        text.parse()
    }
}
