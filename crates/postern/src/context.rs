//! What every command is handed: settings, the environment, and a way to speak.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use crate::{
    args::GlobalArgs,
    env::{self, Environment},
    output::Printer,
    prompt::Source,
    signals,
};

/// The surroundings of one run of one command.
pub(crate) struct Context {
    /// The environment at the start.
    pub(crate) environment: Environment,
    /// Standard output and standard error, with colour or without.
    pub(crate) printer: Printer,
    /// The estate file that was named by flag or variable; none means `./postern.toml`.
    pub(crate) estate_path: Option<PathBuf>,
    /// Where MFA codes come from, if a flag says so.
    pub(crate) mfa_from: Option<Vec<Source>>,
    /// Set by Ctrl-C while a command has asked for it (see [`Context::watch_interrupt`]).
    interrupted: Arc<AtomicBool>,
}

impl Context {
    pub(crate) fn new(global: &GlobalArgs, environment: Environment) -> Self {
        let estate_path = global.estate.clone().or_else(|| environment.path(env::POSTERN_ESTATE));
        Self {
            printer: Printer::new(global.color, global.quiet, environment.text(env::COLUMNS)),
            estate_path,
            mfa_from: (!global.mfa_from.is_empty()).then(|| global.mfa_from.clone()),
            environment,
            interrupted: Arc::default(),
        }
    }

    /// From here on Ctrl-C does not end the process: it sets the flag that is returned, and the command
    /// ends at the next point where nothing is half done. A second Ctrl-C ends it at once.
    pub(crate) fn watch_interrupt(&self) -> Arc<AtomicBool> {
        let flag = Arc::clone(&self.interrupted);
        signals::are_watched_by_command();
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM] {
            // Registering can only fail for signals that cannot be caught; then the default stays, which is safe.
            let _ = signal_hook::flag::register_conditional_shutdown(signal, 130, Arc::clone(&flag));
            let _ = signal_hook::flag::register(signal, Arc::clone(&flag));
        }
        flag
    }
}
