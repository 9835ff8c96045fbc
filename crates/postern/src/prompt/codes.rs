//! MFA codes: from the command line, else from the first place in order that can give one.

use std::{cell::Cell, path::PathBuf, thread, time::Duration};

use postern_broker::{MfaPrompt, MfaQuestion, MfaRefusal, PromptError, SecretStore, StoreError};
use postern_types::{MfaCode, Timestamp, TotpSeed};
use zeroize::Zeroizing;

use super::{
    Echo, Source, Terminal,
    dialog::{self, Dialog},
    failed, notice,
    pinentry::{self, Shown},
    program, unavailable,
};
use crate::{
    context::Context,
    env::{self, Environment},
    errors::CliError,
    personal::{MfaSettings, PersonalSettings},
};

/// How often somebody may type what is no code at all.
const TYPING_ATTEMPTS: u8 = 3;

/// The pinentries that are looked for where the settings name none; the first is what the system prefers.
const PINENTRIES: &[&str] = &["pinentry", "pinentry-mac", "pinentry-gnome3", "pinentry-qt", "pinentry-gtk-2"];

/// Why a source gives no code.
#[derive(Debug)]
pub(super) enum Miss {
    /// It is not there, not set up, or has nowhere to ask: the next may do.
    Unusable(String),
    /// It was tried and failed: the next may do.
    Failed(String),
    /// No other is to be tried: the person declined, or nobody answered.
    Final(PromptError),
}

impl From<PromptError> for Miss {
    fn from(error: PromptError) -> Self {
        match error {
            PromptError::Unavailable { reason } => Self::Unusable(reason),
            PromptError::Failed { problem } => Self::Failed(problem),
            error => Self::Final(error),
        }
    }
}

/// The places that codes are looked for, in order, and what each needs.
pub(crate) struct Sources {
    order: Vec<Source>,
    process: Option<String>,
    settings: MfaSettings,
}

impl Sources {
    /// As the flag says, else the variable, else the settings, else whatever can be used here.
    pub(crate) fn load(context: &Context) -> Result<Self, CliError> {
        let environment = &context.environment;
        let settings = PersonalSettings::load(environment)?;
        let given = match &context.mfa_from {
            Some(from) => Some(from.clone()),
            None => environment.text(env::POSTERN_MFA_FROM).map(from_variable).transpose()?,
        };
        let process = settings.mfa_process().map(str::to_owned);
        let settings = settings.mfa;
        let order = given.unwrap_or_else(|| {
            let process_in_environment = environment.text(env::POSTERN_MFA_PROCESS).is_some();
            match &settings.from {
                // A variable goes before the settings file.
                Some(from) if process_in_environment => [&[Source::Process], from.as_slice()].concat(),
                Some(from) => from.clone(),
                None => default_order(process.is_some(), &settings, environment.has_display()),
            }
        });
        Ok(Self { order, process, settings })
    }
}

fn from_variable(text: &str) -> Result<Vec<Source>, CliError> {
    text.split(',')
        .map(|name| name.trim().parse())
        .collect::<Result<_, _>>()
        .map_err(|error| CliError::usage(format!("`{}` is `{text}`", env::POSTERN_MFA_FROM)).caused_by(error))
}

/// Whatever was set up, then the terminal, then dialogs if there is a display to show them on.
fn default_order(process: bool, settings: &MfaSettings, display: bool) -> Vec<Source> {
    let set_up = [
        (Source::Process, process),
        (Source::Ykman, settings.ykman.is_some()),
        (Source::Op, settings.op.is_some()),
        (Source::Pass, settings.pass.is_some()),
        // Whether there is one is seen when it is looked for.
        (Source::Seed, true),
        (Source::Terminal, true),
        (Source::Osascript, display && cfg!(target_os = "macos")),
        (Source::Zenity, display && !cfg!(target_os = "macos")),
        (Source::Kdialog, display && !cfg!(target_os = "macos")),
        (Source::Pinentry, display),
    ];
    set_up.into_iter().filter(|(_, usable)| *usable).map(|(source, _)| source).collect()
}

/// The broker's port to all of them.
pub(crate) struct Codes<'a> {
    given: Cell<Option<MfaCode>>,
    was_given: bool,
    sources: &'a Sources,
    environment: &'a Environment,
    store: &'a dyn SecretStore,
    /// AWS's time as far as it is known.
    now: &'a dyn Fn() -> Timestamp,
    /// The step whose code came from the seed last.
    last_step: Cell<Option<i64>>,
}

impl<'a> Codes<'a> {
    pub(crate) fn new(
        given: Option<MfaCode>,
        sources: &'a Sources,
        environment: &'a Environment,
        store: &'a dyn SecretStore,
        now: &'a dyn Fn() -> Timestamp,
    ) -> Self {
        Self {
            was_given: given.is_some(),
            given: Cell::new(given),
            sources,
            environment,
            store,
            now,
            last_step: Cell::new(None),
        }
    }

    fn of(&self, source: Source, question: &MfaQuestion<'_>) -> Result<MfaCode, Miss> {
        let settings = &self.sources.settings;
        let unset = |name: &str| Miss::Unusable(format!("{name} is not set in the settings"));
        match source {
            Source::Process => {
                let line = self.sources.process.as_deref().ok_or_else(|| unset("`mfa_process`"))?;
                let (program, arguments) = program::words_of(line)?;
                self.printed(&program, &arguments.iter().map(String::as_str).collect::<Vec<_>>(), question)
            }
            Source::Ykman => {
                let ykman = settings.ykman.as_ref().ok_or_else(|| unset("`account` of `[mfa.ykman]`"))?;
                // Behind `--` no account can pass for an option.
                self.printed(
                    "ykman",
                    &["oath", "accounts", "code", "--single", "--", &ykman.account],
                    question,
                )
            }
            Source::Op => {
                let op = settings.op.as_ref().ok_or_else(|| unset("`item` of `[mfa.op]`"))?;
                self.printed("op", &["item", "get", "--otp", "--", &op.item], question)
            }
            Source::Pass => {
                let pass = settings.pass.as_ref().ok_or_else(|| unset("`entry` of `[mfa.pass]`"))?;
                self.printed("pass", &["otp", "code", "--", &pass.entry], question)
            }
            Source::Seed => self.of_seed(question),
            Source::Terminal => self.of_terminal(question),
            Source::Zenity => self.of_dialog(Dialog::Zenity, "zenity", question),
            Source::Kdialog => self.of_dialog(Dialog::Kdialog, "kdialog", question),
            Source::Osascript => self.of_dialog(Dialog::Osascript, "osascript", question),
            Source::Pinentry => self.of_pinentry(question),
        }
    }

    fn find(&self, name: &str) -> Result<PathBuf, Miss> {
        program::find(self.environment, name)
            .ok_or_else(|| Miss::Unusable(format!("there is no program `{name}`")))
    }

    fn printed(&self, name: &str, arguments: &[&str], question: &MfaQuestion<'_>) -> Result<MfaCode, Miss> {
        let program = self.find(name)?;
        if let Some(refusal) = question.refused {
            // It would only print the same code again. Its steps are those of this machine's clock.
            wait_for_next(refusal, Timestamp::now())?;
        }
        program::code(&program, arguments, question)
    }

    fn of_seed(&self, question: &MfaQuestion<'_>) -> Result<MfaCode, Miss> {
        let serial = &question.key.serial;
        let seed = match self.store.get_seed(serial) {
            Ok(Some(seed)) => seed,
            Ok(None) => return Err(Miss::Unusable(format!("no seed of `{serial}` is stored"))),
            Err(error @ StoreError::Unsupported { .. }) => return Err(Miss::Unusable(error.to_string())),
            Err(StoreError::NoPassphrase(error)) => return Err(error.into()),
            Err(error) => return Err(failed(error.to_string()).into()),
        };
        let step = || TotpSeed::step_at((self.now)());
        // A clock that was put right meanwhile gives another step at once.
        while let Some(refusal) = question.refused
            && self.last_step.get() == Some(step())
        {
            wait_for_next(refusal, (self.now)())?;
        }
        notice("the MFA code comes from the stored seed: key and code are one factor on this machine");
        let step = step();
        self.last_step.set(Some(step));
        Ok(seed.code_of_step(step))
    }

    fn of_terminal(&self, question: &MfaQuestion<'_>) -> Result<MfaCode, Miss> {
        let mut terminal = Terminal::open()?;
        match question.refused {
            None => {}
            Some(MfaRefusal::Wrong) => terminal.say(words_of(MfaRefusal::Wrong)),
            // Enter ends the wait: whoever typed an old code may have the next already.
            Some(MfaRefusal::AlreadyUsed) => {
                terminal.count_down(to_next((self.now)()), true, &countdown(MfaRefusal::AlreadyUsed))?;
            }
        }
        loop {
            let typed = terminal.ask(&format!("{}: ", asks(question)), Echo::Shown)?;
            match typed.parse() {
                Ok(code) => return Ok(code),
                Err(_) => terminal.say(NOT_A_CODE),
            }
        }
    }

    fn of_dialog(&self, dialog: Dialog, name: &str, question: &MfaQuestion<'_>) -> Result<MfaCode, Miss> {
        self.check_display()?;
        let program = self.find(name)?;
        typed_code(question, |problem| {
            let text = match problem {
                Some(problem) => format!("{problem}\n{}", asks(question)),
                None => asks(question),
            };
            dialog::ask(dialog, &program, &text)
        })
    }

    fn of_pinentry(&self, question: &MfaQuestion<'_>) -> Result<MfaCode, Miss> {
        // It asks on a display or on the terminal; where there is neither, some would wait for ever.
        if !self.environment.has_display() {
            Terminal::open()?;
        }
        let program = match &self.sources.settings.pinentry {
            Some(pinentry) => self.find(&pinentry.program)?,
            None => PINENTRIES
                .iter()
                .find_map(|name| program::find(self.environment, name))
                .ok_or_else(|| Miss::Unusable("there is no program `pinentry`".to_owned()))?,
        };
        typed_code(question, |error| {
            let shown = Shown { description: &asks(question), prompt: "Code:", error };
            pinentry::ask(&program, self.environment.text("TERM"), &shown)
        })
    }

    fn check_display(&self) -> Result<(), PromptError> {
        if self.environment.has_display() { Ok(()) } else { Err(unavailable("there is no display")) }
    }
}

impl MfaPrompt for Codes<'_> {
    fn ask(&self, question: &MfaQuestion<'_>) -> Result<MfaCode, PromptError> {
        if self.was_given {
            return self.given.take().ok_or(PromptError::Spent);
        }
        let order = &self.sources.order;
        let (mut unusable, mut problem) = (Vec::new(), None);
        for (number, source) in order.iter().enumerate() {
            match self.of(*source, question) {
                Ok(code) => return Ok(code),
                Err(Miss::Final(error)) => return Err(error),
                // It is looked for without having been asked for; that there is none explains nothing.
                Err(Miss::Unusable(_)) if *source == Source::Seed && order.len() > 1 => {}
                Err(Miss::Unusable(reason)) => unusable.push(reason),
                Err(Miss::Failed(why)) => {
                    if let Some(next) = order.get(number + 1) {
                        notice(&format!("{why}; next: {next}"));
                    }
                    problem.get_or_insert(why);
                }
            }
        }
        Err(match problem {
            Some(problem) => failed(problem),
            None => unavailable(unusable.join("; ")),
        })
    }
}

const NOT_A_CODE: &str = "A code has six digits.";

fn asks(question: &MfaQuestion<'_>) -> String {
    format!("MFA code of {} ({})", question.key.user, question.key.serial)
}

fn words_of(refusal: MfaRefusal) -> &'static str {
    match refusal {
        MfaRefusal::Wrong => "AWS did not take that code.",
        MfaRefusal::AlreadyUsed => "That code has been used; AWS takes each once.",
    }
}

/// Asks until what is typed is a code. `ask` is told what was wrong before.
fn typed_code(
    question: &MfaQuestion<'_>,
    ask: impl Fn(Option<&str>) -> Result<Zeroizing<String>, Miss>,
) -> Result<MfaCode, Miss> {
    let mut problem = question.refused.map(|refusal| match refusal {
        MfaRefusal::Wrong => words_of(refusal).to_owned(),
        MfaRefusal::AlreadyUsed => format!("{} Wait for the next.", words_of(refusal)),
    });
    for _ in 0..TYPING_ATTEMPTS {
        match ask(problem.as_deref())?.parse() {
            Ok(code) => return Ok(code),
            Err(_) => problem = Some(NOT_A_CODE.to_owned()),
        }
    }
    Err(Miss::Final(failed(format!("what was typed {TYPING_ATTEMPTS} times is no code of six digits"))))
}

/// Seconds until an authenticator shows the next code.
fn to_next(now: Timestamp) -> u64 {
    let into = now.as_second().rem_euclid(TotpSeed::STEP_SECONDS);
    u64::try_from(TotpSeed::STEP_SECONDS - into).unwrap_or(0)
}

fn countdown(refusal: MfaRefusal) -> impl Fn(u64) -> String {
    move |seconds| format!("{} The next comes in {seconds} s.", words_of(refusal))
}

/// Waits for the next code, visibly where there is a terminal.
fn wait_for_next(refusal: MfaRefusal, now: Timestamp) -> Result<(), PromptError> {
    let (seconds, text) = (to_next(now), countdown(refusal));
    match Terminal::open() {
        Ok(mut terminal) => terminal.count_down(seconds, false, &text),
        Err(_) => {
            notice(&text(seconds));
            thread::sleep(Duration::from_secs(seconds));
            Ok(())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::personal::{OpSettings, YkmanSettings};

    #[test]
    fn the_order_is_what_was_set_up_then_the_terminal_then_dialogs() {
        let names = |order: Vec<Source>| {
            let names: Vec<&str> = order.into_iter().map(Source::name).collect();
            names.join(" ")
        };
        let nothing = MfaSettings::default;
        // Without a display nothing is in the order that could keep anybody waiting unseen.
        assert_eq!(names(default_order(false, &nothing(), false)), "seed terminal");
        assert_eq!(names(default_order(true, &nothing(), false)), "process seed terminal");
        let some = MfaSettings {
            ykman: Some(YkmanSettings { account: "aws".to_owned() }),
            op: Some(OpSettings { item: "aws".to_owned() }),
            ..nothing()
        };
        assert_eq!(names(default_order(true, &some, false)), "process ykman op seed terminal");
        let with_display = names(default_order(false, &nothing(), true));
        let dialogs =
            if cfg!(target_os = "macos") { "osascript pinentry" } else { "zenity kdialog pinentry" };
        assert_eq!(with_display, format!("seed terminal {dialogs}"));
    }

    #[test]
    fn the_variable_names_sources() {
        assert_eq!(from_variable("ykman, terminal").unwrap(), [Source::Ykman, Source::Terminal]);
        let error = from_variable("terminal,yubikey").unwrap_err();
        assert!(error.causes[0].contains("`yubikey` is none of: process, ykman, op,"), "{:?}", error.causes);
    }

    #[test]
    fn the_next_code_comes_at_the_half_minutes() {
        for (second, left) in [(0, 30), (1, 29), (29, 1), (30, 30), (59, 1)] {
            assert_eq!(to_next(Timestamp::from_second(1_800_000_000 + second).unwrap()), left);
        }
    }
}
