//! `postern whoami`

use clap::Args;
use postern_aws::{Credentials, Endpoint, Identity, endpoint};
use postern_types::{Region, SecretAccessKey, SessionToken, Timestamp};
use serde::Serialize;

use crate::{
    access::{self, AccountNames},
    context::Context,
    daily::{profile::PREFIX, time_left},
    directory, env,
    errors::{CliError, ExitStatus},
    estate_file::EstateFile,
    output::{BOLD, paint},
    target::{Handover, TargetOptions},
};

/// Arguments of `postern whoami`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern whoami                   whose credentials this shell works with
  postern whoami prod/developer    who one is there
  postern whoami --json | jq -r .arn

AWS itself is asked, by GetCallerIdentity, which nobody can be refused.
Without a role: the variables AWS_ACCESS_KEY_ID and so on, else the profile
that AWS_PROFILE names, else this directory's target (`postern trust`).")]
pub(crate) struct WhoamiArgs {
    /// ACCOUNT/ROLE of the estate file, or a profile of ~/.aws/config [default: this
    /// environment]
    #[arg(value_name = "TARGET")]
    target: Option<String>,
    /// Write JSON to standard output
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    options: TargetOptions,
}

/// Credentials, and where to ask whose they are.
struct Asked {
    target: Option<String>,
    credentials: Credentials,
    expires_at: Option<Timestamp>,
    region: Option<Region>,
    endpoint_url: Option<String>,
}

#[derive(Serialize)]
struct IdentityRecord<'a> {
    format: u8,
    arn: String,
    account: String,
    account_name: Option<&'a str>,
    user_id: &'a str,
    target: Option<&'a str>,
    access_key_id: &'a str,
    expires_at: Option<String>,
    seconds_left: Option<i64>,
}

pub(crate) fn run(args: &WhoamiArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let asked = match &args.target {
        Some(target) => of_handover(args.options.take(context, target)?),
        None => of_environment(args, context)?,
    };
    // Outside an estate, accounts have no names.
    let names = EstateFile::find(context)
        .ok()
        .flatten()
        .map(|file| access::account_names(&file.design))
        .unwrap_or_default();
    let region = match &asked.region {
        Some(region) => region.clone(),
        None => "us-east-1".parse().unwrap_or_else(|_| unreachable!("a fixed and valid region")),
    };
    let urls = endpoint::resolve(&context.environment.texts(), None, asked.endpoint_url.as_deref());
    let aws = access::client(&context.environment)?;
    let identity =
        aws.connect(Endpoint { region, urls }, asked.credentials.clone(), None).caller_identity()?;
    let now = Timestamp::now();
    let text = if args.json {
        json(&asked, &identity, &names, now)?
    } else {
        people(&asked, &identity, &names, now)
    };
    context.printer.data(&text)?;
    Ok(ExitStatus::Done)
}

fn of_handover(Handover { destination, issued }: Handover) -> Asked {
    Asked {
        credentials: issued.credentials(),
        expires_at: issued.expires_at(),
        region: destination.region,
        endpoint_url: destination.endpoint_url,
        target: Some(destination.name),
    }
}

/// The credentials that programs in this environment work with.
fn of_environment(args: &WhoamiArgs, context: &Context) -> Result<Asked, CliError> {
    let environment = &context.environment;
    let set = |name: &str| environment.text(name).or(environment.handed(name)).map(str::to_owned);
    let (id, secret) = match (set("AWS_ACCESS_KEY_ID"), set("AWS_SECRET_ACCESS_KEY")) {
        (Some(id), Some(secret)) => (id, secret),
        _ => {
            let target = match set("AWS_PROFILE").or_else(|| set("AWS_DEFAULT_PROFILE")) {
                Some(profile) => format!("{PREFIX}{profile}"),
                None => directory::of_directory(context)?.ok_or_else(|| {
                    CliError::usage("there are no AWS credentials in this environment")
                        .hint("name a role: `postern whoami TARGET`; or take one: `postern shell TARGET`")
                })?,
            };
            return Ok(of_handover(args.options.take(context, &target)?));
        }
    };
    let wrong =
        |error| CliError::usage("the AWS variables of the environment cannot be used").caused_by(error);
    let region = set("AWS_REGION").or_else(|| set("AWS_DEFAULT_REGION"));
    Ok(Asked {
        target: set(env::POSTERN_TARGET),
        credentials: Credentials {
            id: id.parse().map_err(wrong)?,
            secret: SecretAccessKey::new(secret).map_err(wrong)?,
            token: set("AWS_SESSION_TOKEN").map(SessionToken::new).transpose().map_err(wrong)?,
        },
        // Somebody else's text: what cannot be read as a time is left out.
        expires_at: set("AWS_CREDENTIAL_EXPIRATION").and_then(|text| text.parse().ok()),
        region: region.map(|region| region.parse()).transpose().map_err(wrong)?,
        endpoint_url: environment.handed("AWS_ENDPOINT_URL").map(str::to_owned),
    })
}

fn people(asked: &Asked, identity: &Identity, names: &AccountNames, now: Timestamp) -> String {
    let mut rows = vec![("identity", identity.arn.to_string())];
    rows.push(("account", access::account_label(names, identity.account)));
    rows.push(("key", asked.credentials.id.to_string()));
    if let Some(target) = &asked.target {
        rows.push(("target", target.clone()));
    }
    rows.push((
        "expires",
        match asked.expires_at {
            Some(at) if at <= now => format!("expired at {at}"),
            Some(at) => format!("in {}, {at}", time_left(at, now)),
            None if asked.credentials.token.is_none() => "never: a long-term key".to_owned(),
            None => "not known".to_owned(),
        },
    ));
    // Padded before it is painted: colours count as characters.
    rows.iter().map(|(name, value)| format!("{}  {value}\n", paint(BOLD, &format!("{name:8}")))).collect()
}

fn json(
    asked: &Asked,
    identity: &Identity,
    names: &AccountNames,
    now: Timestamp,
) -> Result<String, CliError> {
    let record = IdentityRecord {
        format: 1,
        arn: identity.arn.to_string(),
        account: identity.account.to_string(),
        account_name: names.get(&identity.account).map(String::as_str),
        user_id: &identity.user_id,
        target: asked.target.as_deref(),
        access_key_id: asked.credentials.id.as_str(),
        expires_at: asked.expires_at.map(|at| at.to_string()),
        seconds_left: asked.expires_at.map(|at| at.duration_since(now).as_secs().max(0)),
    };
    let mut text = serde_json::to_string_pretty(&record)
        .map_err(|error| CliError::failed("cannot write the identity").caused_by(error))?;
    text.push('\n');
    Ok(text)
}
