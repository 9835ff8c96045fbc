//! What a signal that ends a process does here: its default, or what a command or a question makes of it.
//!
//! A handler that was once set stays set, so each of these signals has one for the rest of the process,
//! and flags say whether it does what the system would have done.

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicBool, Ordering::SeqCst},
};

use signal_hook::{
    consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM},
    flag,
};

/// Set once a command watches for Ctrl-C and SIGTERM itself.
static WATCHED_BY_COMMAND: AtomicBool = AtomicBool::new(false);
static HANDLERS: OnceLock<Handlers> = OnceLock::new();

struct Handlers {
    arrived: Arc<AtomicBool>,
    /// Whether SIGINT and SIGTERM end the process.
    interrupt_ends: Arc<AtomicBool>,
    /// Whether SIGHUP and SIGQUIT do.
    hangup_ends: Arc<AtomicBool>,
}

impl Handlers {
    fn install() -> Self {
        let new = || Arc::new(AtomicBool::new(false));
        let handlers = Self { arrived: new(), interrupt_ends: new(), hangup_ends: new() };
        for (signal, ends) in [
            (SIGINT, &handlers.interrupt_ends),
            (SIGTERM, &handlers.interrupt_ends),
            (SIGHUP, &handlers.hangup_ends),
            (SIGQUIT, &handlers.hangup_ends),
        ] {
            // Where the default cannot be had back, it is left in place. The others do not fail for these signals.
            if flag::register_conditional_default(signal, Arc::clone(ends)).is_ok() {
                let _ = flag::register(signal, Arc::clone(&handlers.arrived));
            }
        }
        handlers
    }
}

/// From here on a command watches for SIGINT and SIGTERM itself; they never again end the process on the spot.
pub(crate) fn are_watched_by_command() {
    WATCHED_BY_COMMAND.store(true, SeqCst);
    if let Some(handlers) = HANDLERS.get() {
        handlers.interrupt_ends.store(false, SeqCst);
    }
}

/// While this lives, signals that would end the process are noted instead: something must be put in order first.
pub(crate) struct Noted(&'static Handlers);

impl Noted {
    pub(crate) fn begin() -> Self {
        let handlers = HANDLERS.get_or_init(Handlers::install);
        handlers.interrupt_ends.store(false, SeqCst);
        handlers.hangup_ends.store(false, SeqCst);
        handlers.arrived.store(false, SeqCst);
        Self(handlers)
    }

    /// Whether one has come.
    pub(crate) fn arrived(&self) -> bool {
        self.0.arrived.load(SeqCst)
    }
}

impl Drop for Noted {
    fn drop(&mut self) {
        self.0.hangup_ends.store(true, SeqCst);
        self.0.interrupt_ends.store(!WATCHED_BY_COMMAND.load(SeqCst), SeqCst);
    }
}
