//! The machine's login manager (systemd-logind, elogind): it says when the screen is locked and when the
//! machine goes to sleep.

use rustix::process::geteuid;
use zbus::{
    MatchRule, Message,
    blocking::{Connection, MessageIterator},
    message::Type,
    zvariant::{OwnedFd, OwnedObjectPath, OwnedValue},
};

const NAME: &str = "org.freedesktop.login1";
const PATH: &str = "/org/freedesktop/login1";
const MANAGER: &str = "org.freedesktop.login1.Manager";
const SESSION: &str = "org.freedesktop.login1.Session";
const PROPERTIES: &str = "org.freedesktop.DBus.Properties";

/// Why a person is taken to have left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaveReason {
    /// The screen of one of this user's sessions is locked.
    Locked,
    /// The machine goes to sleep.
    Sleeps,
}

/// Why nobody is watched any more.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogindError {
    /// There is no system bus, or it went away.
    #[error("the system bus: {0}")]
    Bus(#[from] zbus::Error),
    /// The bus ended the connection.
    #[error("the system bus ended the connection")]
    Ended,
    /// What was to be forgotten could not be.
    #[error("sessions cannot be forgotten: {0}")]
    Forget(String),
}

/// A connection that hears everything that the login manager says.
#[derive(Debug)]
pub struct LoginManager {
    connection: Connection,
    signals: MessageIterator,
}

impl LoginManager {
    /// Connects to the system bus (`DBUS_SYSTEM_BUS_ADDRESS`, else where it always is).
    ///
    /// # Errors
    /// When there is none.
    pub fn connect() -> Result<Self, LogindError> {
        let connection = Connection::system()?;
        // The bus sees to it that nobody else speaks under this name.
        let rule = MatchRule::builder().msg_type(Type::Signal).sender(NAME)?.path_namespace(PATH)?.build();
        let signals = MessageIterator::for_match_rule(rule, &connection, None)?;
        Ok(Self { connection, signals })
    }

    /// Calls `forget` whenever the person leaves, for as long as the bus lives. The machine's sleep waits for it.
    ///
    /// # Errors
    /// When the bus goes away, or `forget` fails.
    pub fn watch(
        mut self,
        mut forget: impl FnMut(LeaveReason) -> Result<(), String>,
    ) -> Result<(), LogindError> {
        let mut sleep_waits = self.delay_sleep();
        while let Some(signal) = self.signals.next() {
            let signal = signal?;
            match self.meaning(&signal) {
                Some(Meaning::Leaves(reason)) => {
                    forget(reason).map_err(LogindError::Forget)?;
                    if reason == LeaveReason::Sleeps {
                        sleep_waits = None;
                    }
                }
                Some(Meaning::Wakes) => sleep_waits = self.delay_sleep(),
                None => {}
            }
        }
        drop(sleep_waits);
        Err(LogindError::Ended)
    }

    /// Lets sleep wait until what this returns is dropped, some seconds at most. Where that is not allowed,
    /// forgetting and falling asleep are a race that forgetting nearly always wins.
    fn delay_sleep(&self) -> Option<OwnedFd> {
        let body = ("sleep", "postern", "forgets sessions", "delay");
        let answer = self.connection.call_method(Some(NAME), PATH, Some(MANAGER), "Inhibit", &body).ok()?;
        answer.body().deserialize().ok()
    }

    fn meaning(&self, signal: &Message) -> Option<Meaning> {
        let header = signal.header();
        let (interface, member) = (header.interface()?.as_str(), header.member()?.as_str());
        match (interface, member) {
            (MANAGER, "PrepareForSleep") => Some(match signal.body().deserialize() {
                Ok(false) => Meaning::Wakes,
                // What cannot be read is no reason to keep anything.
                Ok(true) | Err(_) => Meaning::Leaves(LeaveReason::Sleeps),
            }),
            (SESSION, "Lock") => self.locked(header.path()?.as_str()),
            // Desktops that lock by themselves say so by this property alone.
            (PROPERTIES, "PropertiesChanged") if is_lock(signal) => self.locked(header.path()?.as_str()),
            _ => None,
        }
    }

    fn locked(&self, session: &str) -> Option<Meaning> {
        self.is_ours(session).then_some(Meaning::Leaves(LeaveReason::Locked))
    }

    /// Whether a session is this user's. One that cannot be asked any more is taken for it.
    fn is_ours(&self, session: &str) -> bool {
        let asked =
            self.connection.call_method(Some(NAME), session, Some(PROPERTIES), "Get", &(SESSION, "User"));
        let user = asked.ok().and_then(|answer| answer.body().deserialize::<OwnedValue>().ok());
        let user = user.and_then(|user| <(u32, OwnedObjectPath)>::try_from(user).ok());
        user.is_none_or(|(uid, _)| uid == geteuid().as_raw())
    }
}

enum Meaning {
    Leaves(LeaveReason),
    Wakes,
}

/// Whether the properties that changed say that the screen is locked.
fn is_lock(signal: &Message) -> bool {
    type Changed = (String, std::collections::HashMap<String, OwnedValue>, Vec<String>);
    let Ok((interface, changed, _)) = signal.body().deserialize::<Changed>() else { return false };
    interface == SESSION && changed.get("LockedHint").is_some_and(|locked| bool::try_from(locked) == Ok(true))
}
