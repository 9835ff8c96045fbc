//! `postern explain`

use clap::Args;
use postern_broker::{
    AssumeRole, ForeignSource, Has, Start, Step,
    files::profile::{Place, Profile, Source},
};
use postern_types::{SessionDuration, Timestamp, UserName};
use rustix::termios::isatty;
use serde::Serialize;

use crate::{
    context::Context,
    daily::{Daily, Destination, Wish, profile::PREFIX, time_left},
    errors::{CliError, ExitStatus},
    output::{BOLD, DIM, paint, shown_width},
    report::table,
};

/// Arguments of `postern explain`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern explain prod/developer      a role of the estate file
  postern explain my-profile          a profile of ~/.aws/config
  postern explain profile:prod        the profile, where both have the name
  postern explain my-profile --json

No call is made: what is printed is what the files say, what the cache holds,
and which calls `exec` and the others would make now.")]
pub(crate) struct ExplainArgs {
    /// ACCOUNT/ROLE of the estate file, or a profile
    #[arg(value_name = "TARGET")]
    target: String,
    /// Whose key to use, where there are several [env: POSTERN_PERSON]
    #[arg(long, value_name = "NAME")]
    person: Option<UserName>,
    /// How long the credentials are to last
    #[arg(long, value_name = "TIME")]
    duration: Option<SessionDuration>,
    /// As if a code were spent on the first role alone
    #[arg(long)]
    direct: bool,
    /// Write JSON to standard output
    #[arg(long)]
    json: bool,
}

/// A value that decides, and where it comes from.
#[derive(Debug, Serialize)]
struct Setting {
    name: &'static str,
    value: String,
    from: String,
}

/// A step of the way, and what is there of it.
#[derive(Debug, Serialize)]
struct StepRecord {
    does: String,
    state: String,
}

pub(crate) fn run(args: &ExplainArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let daily = Daily::open(context)?;
    let wish =
        Wish { person: args.person.as_ref(), duration: args.duration, direct: args.direct, min_ttl: None };
    let destination = daily.destination(&args.target, &wish)?;
    let settings = match daily.estate_of(&args.target) {
        Some(estate) => of_estate(&destination, &estate.path.display().to_string(), &wish),
        None => {
            let name = args.target.strip_prefix(PREFIX).unwrap_or(&args.target);
            of_profile(&daily.profile(name)?, &destination, &wish)
        }
    };
    let plan = daily.look(&destination)?;
    let now = Timestamp::now();
    let steps = steps(&destination, &plan.has, &plan.steps, now);
    let asks = plan.steps.iter().any(|step| matches!(step, Step::GetSessionToken | Step::AssumeRoleWithCode));
    let text = if args.json {
        let record = serde_json::json!({
            "format": 1, "target": args.target, "settings": settings, "steps": steps,
            "calls_left": plan.steps.len(), "asks_for_a_code": asks,
        });
        format!("{record:#}\n")
    } else {
        let columns = isatty(std::io::stdout()).then(|| context.printer.width());
        people(&settings, &steps, plan.steps.len(), asks, columns)
    };
    context.printer.data(&text)?;
    Ok(ExitStatus::Done)
}

fn people(
    settings: &[Setting],
    steps: &[StepRecord],
    left: usize,
    asks: bool,
    columns: Option<usize>,
) -> String {
    let rows: Vec<Vec<String>> = settings
        .iter()
        .map(|setting| vec![setting.name.to_owned(), setting.value.clone(), setting.from.clone()])
        .collect();
    let mut text = table::plain(&["SETTING", "VALUE", "FROM"], &rows);
    if columns.is_some_and(|columns| text.lines().any(|line| shown_width(line) > columns)) {
        text = stacked(settings);
    }
    text.push_str(&format!("\n{}\n", paint(BOLD, "Steps")));
    for (number, StepRecord { does, state }) in steps.iter().enumerate() {
        text.push_str(&format!("  {}. {does}\n     {state}\n", number + 1));
    }
    let calls = match (left, asks) {
        (0, _) => "Nothing is left to do: the answer comes from the cache.".to_owned(),
        (1, false) => "One call is left, and no code is asked for.".to_owned(),
        (n, false) => format!("{n} calls are left, and no code is asked for."),
        (1, true) => "One call is left, and it takes an MFA code.".to_owned(),
        (n, true) => format!("{n} calls are left, and one MFA code is asked for."),
    };
    text.push_str(&format!("\n{calls}\n"));
    text
}

/// Where each value comes from stands below it, for terminals that are no wider.
fn stacked(settings: &[Setting]) -> String {
    let width = settings.iter().map(|setting| shown_width(setting.name)).max().unwrap_or(0) + 2;
    let lines = settings.iter().map(|Setting { name, value, from }| {
        format!("{name:width$}{value}\n{:width$}{}\n", "", paint(DIM, &format!("from {from}")))
    });
    lines.collect()
}

/// What a role of the estate file is made of.
fn of_estate(destination: &Destination, path: &str, wish: &Wish<'_>) -> Vec<Setting> {
    let mut settings = Settings::default();
    if let Some(request) = destination.role() {
        settings.add("role", &request.role, path);
        settings.add("session name", &request.session_name, "the key's user");
        let from = match (wish.duration, wish.direct) {
            (Some(_), _) => "--duration",
            (None, true) => path,
            (None, false) => "AWS's bound for a role assumed with a session",
        };
        settings.add("lasts", &request.duration, from);
        if let Some(identity) = &request.source_identity {
            settings.add("source identity", &identity, path);
        }
    }
    settings.start(&destination.way.start, "the key store", path);
    settings.rest(destination, path);
    settings.0
}

/// What a profile is made of.
fn of_profile(profile: &Profile, destination: &Destination, wish: &Wish<'_>) -> Vec<Setting> {
    let mut settings = Settings::default();
    for (hop, request) in profile.roles.iter().zip(&destination.way.hops) {
        let default =
            |at: Option<Place>, otherwise: &str| at.map_or_else(|| otherwise.to_owned(), |at| at.to_string());
        settings.add("role", &request.role, &hop.role.at.to_string());
        let named = hop.session_name.as_ref().map(|name| name.at);
        settings.add("session name", &request.session_name, &default(named, "the key's user"));
        let from = if wish.duration.is_some() && destination.role() == Some(request) {
            "--duration".to_owned()
        } else {
            default(hop.duration.as_ref().map(|duration| duration.at), "default")
        };
        settings.add("lasts", &request.duration, &from);
        if let Some(id) = &hop.external_id {
            settings.add("external id", &id.value, &id.at.to_string());
        }
        if let Some(serial) = &hop.mfa_serial {
            settings.add("MFA device", &serial.value, &serial.at.to_string());
        }
    }
    let key_from = match &profile.source {
        Source::Keys(keys) => keys.at.to_string(),
        Source::Stored(stored) => format!("the key store, named in {}", stored.key.at),
        Source::Process(process) => process.command.at.to_string(),
        Source::WebIdentity(identity) => identity.token_file.at.to_string(),
        Source::Named(named) => named.source.at.to_string(),
        _ => "the profile".to_owned(),
    };
    settings.start(&destination.way.start, &key_from, "default");
    let region = profile.region.as_ref().map(|region| region.at.to_string());
    settings.rest(destination, region.as_deref().unwrap_or("environment or default"));
    settings.0
}

#[derive(Default)]
struct Settings(Vec<Setting>);

impl Settings {
    fn add(&mut self, name: &'static str, value: &impl ToString, from: &str) {
        self.0.push(Setting { name, value: value.to_string(), from: from.to_owned() });
    }

    fn start(&mut self, start: &Start, key_from: &str, lifetime_from: &str) {
        match start {
            Start::Session(route) | Start::Code(route) => {
                self.add("key", &route.key.id, key_from);
                self.add("person", &route.key.user, key_from);
                self.add("MFA device", &route.key.serial, key_from);
                if matches!(start, Start::Session(_)) {
                    self.add("MFA session lasts", &route.session, lifetime_from);
                }
            }
            Start::Key { key, .. } => self.add("key, without MFA", &key, key_from),
            Start::Foreign { source, .. } => self.add("credentials", &foreign_words(source), key_from),
        }
    }

    fn rest(&mut self, destination: &Destination, from: &str) {
        if let Some(region) = &destination.region {
            self.add("region", &region, from);
        }
        let endpoint = destination.way.start.endpoint();
        match &endpoint.url {
            Some(url) => self.add("STS", &url, "endpoint_url"),
            None => self.add("STS", &format!("https://sts.{}.amazonaws.com", endpoint.region), "AWS's own"),
        }
    }
}

fn foreign_words(source: &ForeignSource) -> String {
    match source {
        ForeignSource::Profile { name, key } => format!("{key} with its session token, in profile `{name}`"),
        ForeignSource::Environment { key } => format!("{key} with its session token, in the environment"),
        ForeignSource::Process { command, .. } => format!("printed by `{command}`"),
        ForeignSource::InstanceMetadata => "the EC2 instance's role".to_owned(),
        ForeignSource::ContainerMetadata => "the container's role".to_owned(),
        ForeignSource::WebIdentity { role, token_file, .. } => {
            format!("{role}, for the token in `{token_file}`")
        }
        other => format!("{other:?}"),
    }
}

/// Every step of the way, and of each whether it is done, left, or not needed.
fn steps(destination: &Destination, has: &Has, left: &[Step], now: Timestamp) -> Vec<StepRecord> {
    let cached = |until: Timestamp| format!("in the cache, {} left", time_left(until, now));
    let mut records = Vec::new();
    let way = &destination.way;
    let first = match &way.start {
        Start::Session(route) | Start::Code(route)
            if left.contains(&Step::GetSessionToken) || matches!(way.start, Start::Session(_)) =>
        {
            Some((
                format!("sts:GetSessionToken with {} and a code of {}", route.key.id, route.key.serial),
                Step::GetSessionToken,
            ))
        }
        Start::Foreign { source: ForeignSource::Process { command, .. }, .. } => {
            Some((format!("run `{command}`"), Step::TakeForeign))
        }
        Start::Foreign { source, .. } => Some((format!("get {}", foreign_words(source)), Step::TakeForeign)),
        _ => None,
    };
    if let Some((does, step)) = first {
        let state = match has {
            Has::Session(session) => cached(session.credentials.expires_at),
            _ if left.contains(&step) => "to be done".to_owned(),
            _ => "not needed".to_owned(),
        };
        records.push(StepRecord { does, state });
    }
    for (hop, AssumeRole { role, session_name, duration, .. }) in way.hops.iter().enumerate() {
        let with_code = hop == 0 && matches!(way.start, Start::Code(_));
        let code = if with_code { ", with a code of its own" } else { "" };
        let does = format!("sts:AssumeRole {role} as {session_name} for {duration}{code}");
        let state = match has {
            Has::Role { hop: there, credentials } if *there == hop => {
                cached(credentials.credentials.expires_at)
            }
            _ if left.contains(&Step::AssumeRole { hop })
                || (with_code && left.contains(&Step::AssumeRoleWithCode)) =>
            {
                "to be done".to_owned()
            }
            _ => "not needed".to_owned(),
        };
        records.push(StepRecord { does, state });
    }
    records
}
