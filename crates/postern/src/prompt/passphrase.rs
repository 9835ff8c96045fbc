//! Passphrases of the key file.

use std::path::Path;

use postern_broker::PromptError;
use postern_vault::Passphrase;
use zeroize::Zeroizing;

use crate::prompt::{Echo, Terminal};

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
