//! Who holds the sealing key: the kernel, else an agent.

use std::{ffi::OsString, path::PathBuf};

use postern_broker::CacheError;
use postern_types::{SignedDuration, Timestamp};

use crate::{PrivateDir, agent::AgentKey, kernel::KernelKey, lease::Lease, seal::SealKey};

/// How long a key is kept before the first session says how long it lives itself.
const AT_FIRST: SignedDuration = SignedDuration::from_hours(1);

/// How an agent is started: this program with these arguments and the directory behind them.
#[derive(Clone, Debug)]
pub struct AgentCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<OsString>,
}

/// Which holder may be used.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HolderChoice {
    /// The kernel where it can, else an agent.
    #[default]
    Auto,
    /// The kernel or nobody.
    Kernel,
    /// An agent, even where the kernel could.
    Agent,
}

/// Who holds a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HolderKind {
    /// The kernel's keyring.
    Kernel,
    /// An agent process.
    Agent,
}

/// The sealing key of one directory, wherever it is held.
#[derive(Clone, Debug)]
pub struct Keyholder {
    dir: PrivateDir,
    choice: HolderChoice,
    command: Option<AgentCommand>,
    idle: Option<SignedDuration>,
}

impl Keyholder {
    /// The holder for a directory. Without a command no agent can be started, only asked.
    #[must_use]
    pub fn new(dir: PrivateDir, choice: HolderChoice, command: Option<AgentCommand>) -> Self {
        Self { dir, choice, command, idle: None }
    }

    /// Lets a key that nobody uses for so long be forgotten. Said at each new session; whoever only uses the
    /// key need not know it.
    #[must_use]
    pub fn forgetting_after(self, idle: Option<SignedDuration>) -> Self {
        Self { idle, ..self }
    }

    fn kernel(&self) -> Option<KernelKey> {
        let (device, inode) = self.dir.identity();
        (self.choice != HolderChoice::Agent).then(|| KernelKey::new(format!("postern:seal:{device}:{inode}")))
    }

    fn agent(&self) -> Option<AgentKey> {
        (self.choice != HolderChoice::Kernel).then(|| AgentKey::new(self.dir.clone()))
    }

    /// The key, if anybody holds one.
    pub(crate) fn get(&self) -> Option<(SealKey, HolderKind)> {
        // Whoever fails to answer holds nothing that could be had; the other may.
        let kernel = self.kernel().and_then(|kernel| kernel.get().ok().flatten());
        kernel.map(|key| (key, HolderKind::Kernel)).or_else(|| {
            let agent = self.agent().and_then(|agent| agent.get().ok().flatten());
            agent.map(|key| (key, HolderKind::Agent))
        })
    }

    /// Who holds the key now, if anybody.
    #[must_use]
    pub fn kind(&self) -> Option<HolderKind> {
        self.get().map(|(_, kind)| kind)
    }

    /// The key, made and handed to a holder if there is none.
    pub(crate) fn get_or_create(&self) -> Result<SealKey, CacheError> {
        if let Some((key, _)) = self.get() {
            return Ok(key);
        }
        // Of many processes that find no key, one makes it.
        let lock = self.dir.lock_file("seal.lock")?;
        lock.lock().map_err(|e| crate::private::cache_io(self.dir.path(), &e))?;
        if let Some((key, _)) = self.get() {
            return Ok(key);
        }
        let key = SealKey::generate().map_err(|e| CacheError::NoKeyHolder { problem: e.to_string() })?;
        let mut problems = Vec::new();
        let lease = Lease::new(Timestamp::now() + AT_FIRST, self.idle);
        if let Some(kernel) = self.kernel() {
            match kernel.put(&key, lease) {
                Ok(()) => return Ok(key),
                Err(problem) => problems.push(problem),
            }
        }
        if let (Some(agent), Some(command)) = (self.agent(), &self.command) {
            match agent.start(command, &key, lease) {
                Ok(()) => return Ok(key),
                Err(problem) => problems.push(problem),
            }
        }
        Err(CacheError::NoKeyHolder { problem: problems.join("; ") })
    }

    /// Lets the key live at least until a time.
    pub(crate) fn keep_until(&self, until: Timestamp) -> Result<(), CacheError> {
        let lease = Lease::new(until, self.idle);
        let kept = match self.get() {
            Some((_, HolderKind::Kernel)) => self.kernel().map(|kernel| kernel.keep(lease)),
            Some((_, HolderKind::Agent)) => self.agent().map(|agent| agent.keep(lease)),
            None => None,
        };
        kept.unwrap_or(Ok(())).map_err(|problem| CacheError::NoKeyHolder { problem })
    }

    /// Forgets the key: whatever it sealed is noise from now on.
    pub(crate) fn forget(&self) -> Result<(), CacheError> {
        let kernel = self.kernel().map_or(Ok(false), |kernel| match kernel.get() {
            // Where there is no kernel keyring there is nothing in it.
            Err(_) => Ok(false),
            Ok(_) => kernel.forget(),
        });
        let agent = self.agent().map_or(Ok(false), |agent| agent.forget());
        kernel.and(agent).map(|_| ()).map_err(|problem| CacheError::NoKeyHolder { problem })
    }
}
