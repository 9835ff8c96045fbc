//! The daily flow as a source of endpoints: asked again and again, and asking nobody itself.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{Mutex, PoisonError},
};

use postern_broker::{AssumeRole, Issued, SessionTag};
use postern_serve::{CredentialSource, SourceError};
use postern_types::{ParseError, SessionDuration, UserName};
use serde::{Deserialize, Serialize};

use crate::{
    args::GlobalArgs,
    context::Context,
    daily::{Daily, Destination, Wish},
    env::Environment,
    errors::CliError,
    estate_file::EstateFile,
    output::Color,
    prompt::{self, Source},
};

/// What an endpoint needs to know to get credentials at any time: no secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Recipe {
    /// The estate file, by its full path.
    estate: Option<PathBuf>,
    person: Option<String>,
    /// The lifetime of each credential, in seconds.
    duration: Option<u32>,
    /// How much must be left of each, in seconds.
    min_ttl: Option<u32>,
    /// Where codes come from, if a flag says so: some places need no person.
    mfa_from: Vec<String>,
    /// What the requests for these targets carry, where flags say so: the endpoint must never give more than
    /// was to be had.
    carried: BTreeMap<String, Carried>,
}

/// The part of a request that flags change and a target's name does not tell.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Carried {
    session_name: String,
    policy: Option<String>,
    policy_arns: Vec<String>,
    tags: Vec<(String, String, bool)>,
}

impl Carried {
    fn of(request: &AssumeRole) -> Self {
        let tags = request.tags.iter();
        Self {
            session_name: request.session_name.to_string(),
            policy: request.policy.as_deref().map(str::to_owned),
            policy_arns: request.policy_arns.iter().map(ToString::to_string).collect(),
            tags: tags.map(|t| (t.key.to_string(), t.value.to_string(), t.transitive)).collect(),
        }
    }

    fn give(&self, request: &mut AssumeRole) -> Result<(), ParseError> {
        request.session_name = self.session_name.parse()?;
        request.policy = self.policy.as_deref().map(Into::into);
        request.policy_arns = self.policy_arns.iter().map(|arn| arn.parse()).collect::<Result<_, _>>()?;
        let tag = |(key, value, transitive): &(String, String, bool)| SessionTag {
            key: key.as_str().into(),
            value: value.as_str().into(),
            transitive: *transitive,
        };
        request.tags = self.tags.iter().map(tag).collect();
        Ok(())
    }
}

impl Recipe {
    /// How this run gets the credentials of these destinations, all flags honoured.
    pub(crate) fn of_destinations(
        context: &Context,
        wish: &Wish<'_>,
        destinations: &[Destination],
    ) -> Result<Self, CliError> {
        let carried =
            |destination: &Destination| Some((destination.name.clone(), Carried::of(destination.role()?)));
        Ok(Self { carried: destinations.iter().filter_map(carried).collect(), ..Self::of(context, wish)? })
    }

    /// How this run gets credentials.
    pub(crate) fn of(context: &Context, wish: &Wish<'_>) -> Result<Self, CliError> {
        let place = EstateFile::place(context.estate_path.as_deref(), &context.environment)?;
        Ok(Self {
            estate: place.map(std::path::absolute).transpose()?,
            person: wish.person.map(ToString::to_string),
            duration: wish.duration.map(SessionDuration::seconds),
            min_ttl: wish.min_ttl.map(SessionDuration::seconds),
            mfa_from: context.mfa_from.iter().flatten().map(ToString::to_string).collect(),
            carried: BTreeMap::new(),
        })
    }
}

/// The daily flow, for an endpoint.
pub(crate) struct Served {
    estate: Option<PathBuf>,
    person: Option<UserName>,
    duration: Option<SessionDuration>,
    min_ttl: Option<SessionDuration>,
    mfa_from: Vec<Source>,
    carried: BTreeMap<String, Carried>,
    environment: Environment,
    /// Whether somebody reads standard error, and what they were told last.
    told: Option<Mutex<String>>,
}

impl Served {
    /// From here on this process asks nobody: whoever wants credentials through an endpoint does not see a
    /// question, and would wait for ever.
    pub(crate) fn new(recipe: Recipe, environment: &Environment, tell: bool) -> Result<Self, CliError> {
        prompt::ask_nobody_from_now();
        let wrong = |error: ParseError| {
            CliError::usage("the request for an endpoint cannot be read").caused_by(error)
        };
        Ok(Self {
            estate: recipe.estate,
            person: recipe.person.map(|person| person.parse().map_err(wrong)).transpose()?,
            duration: recipe.duration.map(SessionDuration::from_seconds),
            min_ttl: recipe.min_ttl.map(SessionDuration::from_seconds),
            mfa_from: recipe
                .mfa_from
                .iter()
                .map(|name| name.parse().map_err(wrong))
                .collect::<Result<_, _>>()?,
            carried: recipe.carried,
            environment: environment.unattended(),
            told: tell.then(Mutex::default),
        })
    }

    fn context(&self) -> Context {
        let global = GlobalArgs {
            estate: self.estate.clone(),
            mfa_from: self.mfa_from.clone(),
            color: Color::Never,
            quiet: true,
        };
        Context::new(&global, self.environment.clone())
    }

    fn obtain(&self, context: &Context, target: &str) -> Result<Issued, CliError> {
        let daily = Daily::open(context)?;
        let wish = Wish {
            person: self.person.as_ref(),
            duration: self.duration,
            direct: false,
            min_ttl: self.min_ttl,
        };
        let mut destination = daily.destination(target, &wish)?;
        if let Some(carried) = self.carried.get(target) {
            // The files may say something else by now. What was narrowed is never given unnarrowed.
            let request = destination.way.hops.last_mut().ok_or_else(|| {
                CliError::failed(format!("`{target}` assumes no role any more"))
                    .hint("start the command anew")
            })?;
            let wrong =
                |error| CliError::failed("the request for an endpoint cannot be read").caused_by(error);
            carried.give(request).map_err(wrong)?;
        }
        Ok(daily.obtain(&destination, None)?.issued)
    }

    /// Tells whoever runs the endpoint, once for each thing that goes wrong: some SDKs keep an endpoint's
    /// answer to themselves.
    fn tell(&self, context: &Context, message: String) {
        let Some(told) = &self.told else { return };
        let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
        if *told != message {
            if !message.is_empty() {
                context.printer.warning(&message);
            }
            *told = message;
        }
    }
}

impl CredentialSource for Served {
    fn credentials(&self, target: &str) -> Result<Issued, SourceError> {
        let context = self.context();
        match self.obtain(&context, target) {
            Ok(issued) => {
                self.tell(&context, String::new());
                Ok(issued)
            }
            Err(error) => {
                let message = in_one_line(&error);
                self.tell(&context, format!("{target}: {message}"));
                Err(SourceError { message })
            }
        }
    }
}

/// An error with its causes and what to do, for programs that show one line.
fn in_one_line(error: &CliError) -> String {
    // A picture of a file's lines is for a terminal.
    if error.rendered {
        return "the estate file has errors; `postern plan` shows them".to_owned();
    }
    let why = std::iter::once(&error.message).chain(&error.causes).map(String::as_str);
    let line = why.collect::<Vec<_>>().join(": ");
    let line = std::iter::once(line.as_str()).chain(error.hints.iter().map(String::as_str));
    line.collect::<Vec<_>>().join("; ")
}
