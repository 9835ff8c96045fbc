//! `postern console`

mod browser;
mod place;

use clap::Args;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use postern_aws::console::federation_endpoint;
use postern_broker::{Issued, Start, Way};
use postern_types::{Partition, Region, RoleArn, SessionDuration};

use self::{browser::Browser, place::Place};
use crate::{
    access,
    context::Context,
    daily::{Daily, Destination, time_left},
    errors::{CliError, ExitStatus},
    personal::PersonalSettings,
    target::TargetArgs,
};

/// Arguments of `postern console`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  postern console prod/developer
  postern console prod/developer --service s3 --region eu-west-1
  postern console prod/developer --browser firefox-containers
  postern console prod/developer --print | wl-copy
  postern console prod/developer --switch-role

The URL signs in whoever opens it first, within a quarter of an hour. While
the browser starts, this machine's other programs see it among its arguments;
--print avoids that. A role that was assumed with the day's session gives an
hour in the console; with --direct AWS gives the role's maximum.

Browsers: default, firefox, firefox-containers (wants the extension `Open
external links in a container`), chrome, chromium, brave and edge (one profile
for each account), or a command line in which {url}, {account} and {target}
are filled in. What is used without --browser stands in
~/.config/postern/config.toml:
  [console]
  browser = \"firefox-containers\"")]
pub(crate) struct ConsoleArgs {
    #[command(flatten)]
    target: TargetArgs,
    /// Print the URL and open nothing
    #[arg(long, help_heading = "Console")]
    print: bool,
    /// The service to begin with, such as s3 or cloudwatch [default: the start page]
    #[arg(long, value_name = "NAME", help_heading = "Console")]
    service: Option<String>,
    /// The page to begin with, a URL of the console
    #[arg(long, value_name = "URL", conflicts_with_all = ["service", "region"], help_heading = "Console")]
    page: Option<String>,
    /// The region to begin in [default: the target's]
    #[arg(long, value_name = "REGION", help_heading = "Console")]
    region: Option<Region>,
    /// The browser [default: `browser` of [console] in config.toml, else the desktop's]
    #[arg(long, value_name = "BROWSER", conflicts_with = "print", help_heading = "Console")]
    browser: Option<Browser>,
    /// Print the link that offers the role to whoever is signed in to the
    /// console as one of the bastion's users; takes no credentials
    #[arg(long, conflicts_with_all = ["service", "page", "region", "browser"], help_heading = "Console")]
    switch_role: bool,
    /// Where to trade credentials for a token [default: AWS's own; also
    /// `federation_endpoint` of [console] in config.toml]
    #[arg(long, value_name = "URL", help_heading = "Console")]
    federation_endpoint: Option<String>,
}

pub(crate) fn run(args: &ConsoleArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let target = args.target.name(context)?;
    let daily = Daily::open(context)?;
    let destination = args.target.options.destination(context, &daily, &target)?;
    if args.switch_role {
        context.printer.data(&format!("{}\n", switch_role_link(&destination)?))?;
        return Ok(ExitStatus::Done);
    }
    let settings = PersonalSettings::load(&context.environment)?;
    let partition = partition(&destination)?;
    let named = args.federation_endpoint.as_deref().or(settings.federation_endpoint());
    let endpoint = endpoint(named, partition, &destination)?;
    let place = Place { partition, region: args.region.as_ref().or(destination.region.as_ref()) };
    let page = place.page(args.service.as_deref(), args.page.as_deref())?;
    let browser = match (&args.browser, settings.browser()) {
        (Some(browser), _) => browser.clone(),
        (None, Some(text)) => text.parse().map_err(|error: String| {
            CliError::usage("`browser` of [console] in config.toml cannot be used").caused_by(error)
        })?,
        (None, None) => Browser::Default,
    };
    let duration = session_duration(&destination.way);

    let handover = args.target.options.obtain(&daily, destination)?;
    let credentials = handover.issued.credentials();
    if matches!(handover.issued, Issued::Session(_)) || credentials.token.is_none() {
        return Err(CliError::usage(format!("`{}` assumes no role", handover.destination.name))
            .hint("the console is entered through roles; a user signs in there with a password"));
    }
    let token = access::client(&context.environment)?.signin_token(&endpoint, &credentials, duration)?;
    let url = token.login_url(&endpoint, "postern", &page);
    if args.print {
        context.printer.data(&zeroize::Zeroizing::new(format!("{}\n", *url)))?;
        return Ok(ExitStatus::Done);
    }
    let name = &handover.destination.name;
    let account = account_of(name, handover.issued.role());
    browser.open(&url, &account, name, &context.environment)?;
    let left = match (duration, handover.issued.expires_at()) {
        (Some(duration), _) => format!(" for {duration}"),
        (None, Some(at)) => format!(" for {}", time_left(at, postern_types::Timestamp::now())),
        (None, None) => String::new(),
    };
    context.printer.status(&format!("{name} in the browser{left}"));
    Ok(ExitStatus::Done)
}

/// AWS takes a duration only for roles that were not assumed with another session.
fn session_duration(way: &Way) -> Option<SessionDuration> {
    match (&way.start, way.hops.as_slice()) {
        (Start::Code(_) | Start::Key { .. }, [only]) => Some(only.duration),
        _ => None,
    }
}

fn partition(destination: &Destination) -> Result<Partition, CliError> {
    let named = destination.role().map_or("aws", |request| request.role.as_arn().partition());
    named.parse().map_err(|error| {
        CliError::usage("the console of this role's partition is not known").caused_by(error)
    })
}

/// Where the token is asked for. Credentials go nowhere in clear but to this machine.
fn endpoint(
    named: Option<&str>,
    partition: Partition,
    destination: &Destination,
) -> Result<String, CliError> {
    let Some(named) = named else {
        // Credentials of a sandbox are nothing to AWS.
        let urls = [destination.endpoint_url.as_deref(), destination.way.start.endpoint().url.as_deref()];
        return match urls.into_iter().flatten().find(|url| !is_of_aws(url)) {
            None => Ok(federation_endpoint(partition).to_owned()),
            Some(url) => {
                Err(CliError::usage(format!("`{}` is at {url}, which has no console", destination.name))
                    .hint("--federation-endpoint names one that stands in for AWS's sign-in"))
            }
        };
    };
    let local = ["http://127.0.0.1", "http://localhost", "http://[::1]"];
    let local = local.iter().filter_map(|prefix| named.strip_prefix(prefix));
    let is_local = local.into_iter().any(|rest| rest.is_empty() || rest.starts_with([':', '/']));
    if (named.starts_with("https://") || is_local) && !named.contains(['?', '#', '@', ' ']) {
        return Ok(named.to_owned());
    }
    Err(CliError::usage(format!("`{named}` cannot be a federation endpoint")).hint(
        "it is an https:// URL without a query; http:// only on this machine, as credentials are sent there",
    ))
}

/// Whether an endpoint is one of AWS's own, such as that of a VPC.
fn is_of_aws(url: &str) -> bool {
    let host = url.strip_prefix("https://").and_then(|rest| rest.split(['/', ':', '?']).next());
    let own = [".amazonaws.com", ".amazonaws.com.cn", ".api.aws"];
    host.is_some_and(|host| own.iter().any(|own| host.ends_with(own)))
}

/// What a browser's profile or container is called: the account's name where the target tells it.
fn account_of(target: &str, role: Option<&RoleArn>) -> String {
    match (target.split_once('/'), role) {
        (Some((account, _)), _) => account.to_owned(),
        (None, Some(role)) => role.account().to_string(),
        (None, None) => target.to_owned(),
    }
}

/// *IAM User Guide*, "Switch to a role (console)": the role's path belongs to its name.
fn switch_role_link(destination: &Destination) -> Result<String, CliError> {
    let request = destination
        .role()
        .ok_or_else(|| CliError::usage(format!("`{}` assumes no role to switch to", destination.name)))?;
    let host = match partition(destination)? {
        Partition::Aws => "signin.aws.amazon.com",
        Partition::China => "signin.amazonaws.cn",
        Partition::UsGov => "signin.amazonaws-us-gov.com",
    };
    let encode = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let name = format!("{}{}", request.role.path(), request.role.name());
    Ok(format!(
        "https://{host}/switchrole?account={}&roleName={}&displayName={}",
        request.role.account(),
        encode(name.trim_start_matches('/')),
        encode(&destination.name)
    ))
}

#[cfg(test)]
mod tests {
    use postern_broker::{AssumeRole, KeyEntry, Route, StsEndpoint};

    use super::*;

    fn destination(name: &str, role: &str, start: fn(Route) -> Start) -> Destination {
        let key = KeyEntry {
            id: "AKIAIOSFODNN7EXAMPLE".parse().unwrap(),
            user: "alice".parse().unwrap(),
            account: "111111111111".parse().unwrap(),
            serial: "arn:aws:iam::111111111111:mfa/alice".parse().unwrap(),
            added_at: postern_types::Timestamp::from_second(1).unwrap(),
        };
        let request = AssumeRole::plain(role.parse().unwrap(), &key);
        let endpoint = StsEndpoint { region: "eu-central-1".parse().unwrap(), url: None };
        let route = Route { key, endpoint, session: SessionDuration::HOUR };
        Destination {
            name: name.to_owned(),
            way: Way {
                start: start(route),
                hops: vec![request],
                at_least: postern_types::SignedDuration::ZERO,
            },
            region: None,
            endpoint_url: None,
            own_key: None,
            of_profile: false,
        }
    }

    #[test]
    fn each_partition_has_its_own_sign_in() {
        for (arn, link, token) in [
            (
                "arn:aws:iam::222222222222:role/developer",
                "https://signin.aws.amazon.com/switchrole?account=222222222222&roleName=developer&displayName=a%2Fb",
                "https://signin.aws.amazon.com/federation",
            ),
            (
                "arn:aws-cn:iam::222222222222:role/x/y",
                "https://signin.amazonaws.cn/switchrole?account=222222222222&roleName=x%2Fy&displayName=a%2Fb",
                "https://signin.amazonaws.cn/federation",
            ),
            (
                "arn:aws-us-gov:iam::222222222222:role/y",
                "https://signin.amazonaws-us-gov.com/switchrole?account=222222222222&roleName=y&displayName=a%2Fb",
                "https://signin.amazonaws-us-gov.com/federation",
            ),
        ] {
            let destination = destination("a/b", arn, Start::Session);
            assert_eq!(switch_role_link(&destination).unwrap(), link);
            assert_eq!(endpoint(None, partition(&destination).unwrap(), &destination).unwrap(), token);
        }
    }

    #[test]
    fn a_duration_is_named_for_roles_of_the_key_itself_only() {
        let role = "arn:aws:iam::222222222222:role/developer";
        assert_eq!(session_duration(&destination("a/b", role, Start::Session).way), None);
        let mut direct = destination("a/b", role, Start::Code);
        assert_eq!(session_duration(&direct.way), Some(SessionDuration::HOUR));
        direct.way.hops.push(direct.way.hops[0].clone());
        assert_eq!(session_duration(&direct.way), None);
    }

    #[test]
    fn endpoints_are_told_from_look_alikes() {
        let role = "arn:aws:iam::222222222222:role/developer";
        let mut target = destination("a/b", role, Start::Session);
        for (url, has) in [
            ("https://vpce-1.sts.eu-central-1.vpce.amazonaws.com", true),
            ("https://sts-fips.us-east-1.amazonaws.com:443/", true),
            ("http://127.0.0.1:4581", false),
            ("https://amazonaws.com.example", false),
        ] {
            target.endpoint_url = Some(url.to_owned());
            assert_eq!(endpoint(None, Partition::Aws, &target).is_ok(), has, "{url}");
        }
        for (url, taken) in [
            ("https://signin.example/federation", true),
            ("http://127.0.0.1:8080/federation", true),
            ("http://localhost", true),
            ("http://[::1]:80/f", true),
            ("http://localhost.example/f", false),
            ("http://127.0.0.1@evil.example/f", false),
            ("http://signin.example/f", false),
            ("https://x/f?y=z", false),
            ("ftp://x", false),
        ] {
            assert_eq!(endpoint(Some(url), Partition::Aws, &target).is_ok(), taken, "{url}");
        }
    }
}
