//! What `init` must know: from flags, else asked on the terminal.

use std::{fmt::Display, io::IsTerminal as _, str::FromStr};

use postern_estate::AccountName;
use postern_types::AccountId;

use crate::{
    errors::CliError,
    prompt::{Echo, Terminal},
};

/// `ID`, `ID=PROFILE`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BastionAnswer {
    pub(super) id: AccountId,
    pub(super) profile: Option<String>,
}

impl FromStr for BastionAnswer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (id, profile) = match text.split_once('=') {
            Some((id, profile)) => (id, Some(profile)),
            None => (text, None),
        };
        if profile.is_some_and(|profile| profile.trim().is_empty()) {
            return Err("the profile behind `=` is empty".to_owned());
        }
        let id = id.trim().parse().map_err(|error: postern_types::ParseError| error.to_string())?;
        Ok(Self { id, profile: profile.map(|profile| profile.trim().to_owned()) })
    }
}

/// `NAME=ID`, `NAME=ID=PROFILE`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct AccountAnswer {
    pub(super) name: AccountName,
    pub(super) id: AccountId,
    pub(super) profile: Option<String>,
}

impl FromStr for AccountAnswer {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (name, rest) = text
            .split_once('=')
            .ok_or_else(|| format!("`{text}` is not NAME=ID, as in prod=222222222222"))?;
        let name = name.trim().parse().map_err(|error: postern_types::ParseError| error.to_string())?;
        let BastionAnswer { id, profile } = rest.parse()?;
        Ok(Self { name, id, profile })
    }
}

/// Asks where it can; where nobody is there to be asked, says which flags are missing.
pub(super) struct Questions {
    terminal: Option<Terminal>,
}

impl Questions {
    pub(super) fn new() -> Self {
        let asks = std::io::stdin().is_terminal();
        Self { terminal: asks.then(Terminal::open).and_then(Result::ok) }
    }

    /// The flag's value, or the answer: asked again until it is one.
    pub(super) fn one<T: FromStr>(
        &mut self,
        flag: &str,
        given: Option<T>,
        question: &str,
    ) -> Result<T, CliError>
    where
        T::Err: Display,
    {
        match given {
            Some(value) => Ok(value),
            None => loop {
                match self.ask(flag, question)?.parse() {
                    Ok(value) => return Ok(value),
                    Err(error) => self.say(&error),
                }
            },
        }
    }

    /// The flag's values, or answers until an empty one; one at least.
    pub(super) fn several<T: FromStr>(
        &mut self,
        flag: &str,
        mut given: Vec<T>,
        question: &str,
    ) -> Result<Vec<T>, CliError>
    where
        T::Err: Display,
    {
        if !given.is_empty() {
            return Ok(given);
        }
        loop {
            let answer = self.ask(flag, question)?;
            match answer.parse() {
                _ if answer.is_empty() && !given.is_empty() => return Ok(given),
                _ if answer.is_empty() => self.say(&"one account at least, else there is nothing to do"),
                Ok(value) => given.push(value),
                Err(error) => self.say(&error),
            }
        }
    }

    /// The flag's values, or one line of answers. Where nobody is asked, none will do.
    pub(super) fn list<T: FromStr>(&mut self, given: Vec<T>, question: &str) -> Result<Vec<T>, CliError>
    where
        T::Err: Display,
    {
        if !given.is_empty() || self.terminal.is_none() {
            return Ok(given);
        }
        loop {
            let answer = self.ask("", question)?;
            let words = answer.split([' ', ',', '\t']).filter(|word| !word.is_empty());
            match words.map(str::parse).collect::<Result<Vec<T>, _>>() {
                Ok(values) => return Ok(values),
                Err(error) => self.say(&error),
            }
        }
    }

    fn ask(&mut self, flag: &str, question: &str) -> Result<String, CliError> {
        let Some(terminal) = &mut self.terminal else {
            return Err(CliError::usage(format!("`{flag}` is missing, and there is no terminal to ask on"))
                .hint("`postern init --help` shows what a script gives"));
        };
        Ok(terminal.ask(question, Echo::Shown)?.trim().to_owned())
    }

    fn say(&mut self, problem: &dyn Display) {
        if let Some(terminal) = &mut self.terminal {
            terminal.say(&format!("  {problem}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_named_with_their_ids_and_profiles() {
        let account: AccountAnswer = "prod=222222222222=acme-prod".parse().unwrap();
        assert_eq!((account.name.as_str(), account.profile.as_deref()), ("prod", Some("acme-prod")));
        assert_eq!("prod = 222222222222".parse::<AccountAnswer>().unwrap().profile, None);
        for (text, problem) in [
            ("222222222222", "is not NAME=ID"),
            ("prod=2", "is not 12 digits"),
            ("a b=222222222222", "account name"),
            ("prod=222222222222=", "is empty"),
        ] {
            let error = text.parse::<AccountAnswer>().unwrap_err();
            assert!(error.contains(problem), "{text}: {error}");
        }
    }
}
