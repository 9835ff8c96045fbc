//! What belongs to the person and not to an estate: directories, settings, and where sessions rest.

pub(crate) mod edit;

use std::{
    io,
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use postern_broker::files::profile::Dialect;
use postern_types::SessionDuration;
use postern_vault::{AgentCommand, HolderChoice, Keyholder, PrivateDir, SealedCache};
use serde::Deserialize;

use crate::{
    context::Context,
    env::{self, Environment},
    errors::CliError,
    key_age::MaxAge,
    prompt::Source,
};

/// `$XDG_CONFIG_HOME/postern/config.toml`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PersonalSettings {
    /// A command that prints an MFA code.
    mfa_process: Option<String>,
    /// Which key store to use.
    store: Option<String>,
    /// From which age on a key is called old.
    key_max_age: Option<String>,
    /// The estate file where none is named and none lies in the current directory; `~/` is the home directory.
    estate: Option<PathBuf>,
    /// Whose rules the profiles of `~/.aws/config` follow: `botocore` or `aws-vault`.
    profiles: Option<ProfileRules>,
    /// The lifetime asked of `GetSessionToken` for profiles, where no estate file says it.
    session: Option<String>,
    /// After which time without use sessions are forgotten.
    forget_after: Option<String>,
    /// Where MFA codes come from.
    #[serde(default)]
    pub(crate) mfa: MfaSettings,
    /// The AWS Management Console.
    #[serde(default)]
    console: ConsoleSettings,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum ProfileRules {
    Botocore,
    AwsVault,
}

/// `[mfa]`: where MFA codes come from, and what each place needs.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MfaSettings {
    /// The places in order.
    pub(crate) from: Option<Vec<Source>>,
    pub(crate) ykman: Option<YkmanSettings>,
    pub(crate) op: Option<OpSettings>,
    pub(crate) pass: Option<PassSettings>,
    pub(crate) pinentry: Option<PinentrySettings>,
}

/// `[mfa.ykman]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct YkmanSettings {
    /// The OATH account, as `ykman oath accounts list` shows it.
    pub(crate) account: String,
}

/// `[mfa.op]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OpSettings {
    /// The item's name or id.
    pub(crate) item: String,
}

/// `[mfa.pass]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PassSettings {
    /// The entry's name in the password store.
    pub(crate) entry: String,
}

/// `[mfa.pinentry]`
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct PinentrySettings {
    /// The program: a name or a path.
    pub(crate) program: String,
}

/// `[console]`
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct ConsoleSettings {
    /// As `postern console --browser`.
    browser: Option<String>,
    /// As `postern console --federation-endpoint`.
    federation_endpoint: Option<String>,
}

impl PersonalSettings {
    /// Reads the person's settings; the environment goes before the file.
    pub(crate) fn load(environment: &Environment) -> Result<Self, CliError> {
        let mut settings = Self::of_file(environment)?;
        let set = |name: &str| environment.text(name).map(str::to_owned);
        settings.mfa_process = set(env::POSTERN_MFA_PROCESS).or(settings.mfa_process);
        settings.store = set(env::POSTERN_STORE).or(settings.store);
        if let (Some(estate), Some(home)) = (&settings.estate, environment.home())
            && let Ok(rest) = estate.strip_prefix("~")
        {
            settings.estate = Some(home.join(rest));
        }
        Ok(settings)
    }

    /// The key store that the file chooses, whatever the environment says.
    pub(crate) fn store_of_file(environment: &Environment) -> Result<Option<String>, CliError> {
        Ok(Self::of_file(environment)?.store)
    }

    fn of_file(environment: &Environment) -> Result<Self, CliError> {
        let Some(path) = settings_path(environment) else {
            return Ok(Self::default());
        };
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => {
                return Err(CliError::usage(format!("cannot read `{}`", path.display())).caused_by(error));
            }
        };
        let bad = || CliError::usage(format!("`{}` is not a settings file", path.display()));
        let settings: Self = toml::from_str(&text).map_err(|error| {
            bad()
                .caused_by(error.to_string().trim_end())
                .hint("it takes `estate`, `forget_after`, `key_max_age`, `profiles`, `session`, `store`, `mfa_process`, `[mfa]` and `[console]` (docs/environment.md)")
        })?;
        if settings.mfa.from.as_ref().is_some_and(Vec::is_empty) {
            return Err(bad().caused_by("`from` of `[mfa]` is empty: no code could come from anywhere"));
        }
        Ok(settings)
    }

    /// The command that prints an MFA code.
    pub(crate) fn mfa_process(&self) -> Option<&str> {
        self.mfa_process.as_deref()
    }

    /// The browser of `postern console`.
    pub(crate) fn browser(&self) -> Option<&str> {
        self.console.browser.as_deref()
    }

    /// What stands in for AWS's sign-in.
    pub(crate) fn federation_endpoint(&self) -> Option<&str> {
        self.console.federation_endpoint.as_deref()
    }

    /// The estate file of whoever is elsewhere.
    pub(crate) fn estate(&self) -> Option<&Path> {
        self.estate.as_deref()
    }

    /// Whose rules profiles follow.
    pub(crate) fn dialect(&self) -> Dialect {
        match self.profiles {
            Some(ProfileRules::AwsVault) => Dialect::AwsVault,
            Some(ProfileRules::Botocore) | None => Dialect::Botocore,
        }
    }

    /// The lifetime asked of `GetSessionToken`: AWS's own twelve hours where the settings say none.
    pub(crate) fn session(&self) -> Result<SessionDuration, CliError> {
        self.session.as_deref().unwrap_or("12h").parse().map_err(|error| {
            CliError::usage("the settings' `session` is no lifetime")
                .caused_by(error)
                .hint("as in `session = \"12h\"`")
        })
    }

    /// After which time without use sessions are forgotten; never where the settings say none.
    pub(crate) fn forget_after(&self) -> Result<Option<SessionDuration>, CliError> {
        let Some(text) = self.forget_after.as_deref().filter(|text| *text != "never") else {
            return Ok(None);
        };
        let wrong = || {
            CliError::usage(format!("the settings' `forget_after` is `{text}`"))
                .hint("it may be a time, as in `forget_after = \"2h\"`, or `never`")
        };
        let time: SessionDuration = text.parse().map_err(|error| wrong().caused_by(error))?;
        if time.seconds() == 0 { Err(wrong()) } else { Ok(Some(time)) }
    }

    /// From which age on a key is called old.
    pub(crate) fn key_max_age(&self) -> Result<MaxAge, CliError> {
        let text = self.key_max_age.as_deref();
        Ok(text.map(|text| text.parse().map_err(CliError::usage)).transpose()?.unwrap_or_default())
    }

    /// Which key store was asked for.
    pub(crate) fn store(&self) -> Option<&str> {
        self.store.as_deref()
    }
}

/// Where the settings file is, there or not.
fn settings_path(environment: &Environment) -> Option<PathBuf> {
    xdg(environment, env::XDG_CONFIG_HOME, ".config").map(|dir| dir.join("postern").join("config.toml"))
}

/// A base directory of the person: a variable, else a place under the home directory.
pub(crate) fn xdg(environment: &Environment, variable: &str, under_home: &str) -> Option<PathBuf> {
    let absolute = environment.path(variable).filter(|path| path.is_absolute());
    absolute.or_else(|| environment.home().map(|home| home.join(under_home)))
}

/// Where sessions rest: the login's own directory where there is one, else under the home directory.
pub(crate) fn session_dir(environment: &Environment) -> Option<PathBuf> {
    // After `su`, the variable may still name the other user's.
    let ours = |path: &PathBuf| {
        std::fs::metadata(path)
            .is_ok_and(|dir| dir.is_dir() && dir.uid() == rustix::process::geteuid().as_raw())
    };
    let runtime = environment.path(env::XDG_RUNTIME_DIR).filter(|path| path.is_absolute() && ours(path));
    runtime.or_else(|| xdg(environment, env::XDG_STATE_HOME, ".local/state")).map(|dir| dir.join("postern"))
}

/// Who may hold the sealing key.
pub(crate) fn holder_choice(environment: &Environment) -> Result<HolderChoice, CliError> {
    match environment.text(env::POSTERN_KEYHOLDER) {
        None => Ok(HolderChoice::Auto),
        Some("kernel") => Ok(HolderChoice::Kernel),
        Some("agent") => Ok(HolderChoice::Agent),
        Some(other) => Err(CliError::usage(format!("`{}` is `{other}`", env::POSTERN_KEYHOLDER))
            .hint("it may be `kernel` or `agent`; unset, the kernel is used where it can be")),
    }
}

/// The session cache of this person, made if it is not there.
pub(crate) fn session_cache(context: &Context) -> Result<SealedCache, CliError> {
    let idle = PersonalSettings::load(&context.environment)?.forget_after()?;
    open_cache(context, idle)
}

/// Forgets every session, whatever the settings say.
pub(crate) fn forget_sessions(context: &Context) -> Result<(), CliError> {
    Ok(open_cache(context, None)?.forget_all()?)
}

fn open_cache(context: &Context, idle: Option<SessionDuration>) -> Result<SealedCache, CliError> {
    let dir = session_dir(&context.environment).ok_or_else(|| {
        CliError::failed("there is no place for sessions").hint("set HOME, or XDG_RUNTIME_DIR")
    })?;
    let choice = holder_choice(&context.environment)?;
    let dir = PrivateDir::create(&dir)?;
    // Without a path to itself it can still use an agent that runs, and the kernel.
    let command =
        std::env::current_exe().ok().map(|program| AgentCommand { program, arguments: vec!["agent".into()] });
    let holder = Keyholder::new(dir.clone(), choice, command).forgetting_after(idle.map(Into::into));
    Ok(SealedCache::new(dir, holder))
}
