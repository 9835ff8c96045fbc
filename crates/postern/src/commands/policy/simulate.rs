//! `postern policy simulate`: requests decided with everything that bears on them.

use clap::{Args, ValueEnum};
use postern_policy::{Context, ContextValue, Deciding, Level, PolicyRef, PolicyStack, Principal, Request};
use postern_types::{AccountId, Arn};

use crate::{
    context::Context as Run,
    errors::{CliError, ExitStatus},
    report::{
        explanation::PRINCIPAL_FORMS,
        simulation::{self, Given, GivenLevel, Kind, Notice, Outcome, Policies, Simulation},
    },
};

mod given;
mod keys;
mod known;
mod shorthand;

/// Arguments of `postern policy simulate`.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  May whoever has this policy read that object?
    postern policy simulate --policy group.json --action s3:GetObject \\
      --resource arn:aws:s3:::reports/2026.csv
  Is a role of another account closed to a session without MFA?
    postern policy simulate --trust-policy trust.json --policy group.json \\
      --caller arn:aws:iam::111111111111:user/alice \\
      --resource arn:aws:iam::222222222222:role/developer \\
      --context aws:MultiFactorAuthPresent=false --expect denied
  May a job with a token of this provider assume the role?
    postern policy simulate --trust-policy trust.json \\
      --caller arn:aws:iam::222222222222:oidc-provider/git.example.com \\
      --resource arn:aws:iam::222222222222:role/deploy \\
      --context git.example.com:sub=repo:acme/app

A POLICY is a file, or JSON text; also a JSON list of policies, where there
may be several. Flags, context entries and --json are those of `aws iam
simulate-custom-policy`; unlike that, trust policies, session policies and
the caller's groups count, and so do SCPs and RCPs by level.")]
pub(crate) struct SimulateArgs {
    /// The caller's own policies
    #[arg(
        long = "policy-input-list",
        visible_alias = "policy",
        num_args = 1..,
        value_name = "POLICY",
        help_heading = "Policies"
    )]
    policies: Vec<String>,
    /// The policies of the caller's groups
    #[arg(long = "group-policy", num_args = 1.., value_name = "POLICY", help_heading = "Policies")]
    group_policies: Vec<String>,
    /// The caller's permissions boundary
    #[arg(
        long = "permissions-boundary-policy-input-list",
        visible_alias = "boundary",
        num_args = 1,
        value_name = "POLICY",
        help_heading = "Policies"
    )]
    boundary: Vec<String>,
    /// The policies that were passed when the caller's session was made
    #[arg(long = "session-policy", num_args = 1.., value_name = "POLICY", help_heading = "Policies")]
    session_policies: Vec<String>,
    /// The policy of the resource: of a bucket, a key, a queue
    #[arg(long, value_name = "POLICY", conflicts_with = "trust_policy", help_heading = "Policies")]
    resource_policy: Option<String>,
    /// The trust policy of the role that is to be assumed
    #[arg(long, value_name = "POLICY", help_heading = "Policies")]
    trust_policy: Option<String>,
    /// A service control policy, levels from the root down; several of one LEVEL share it
    #[arg(long, num_args = 1.., value_name = "[LEVEL=]POLICY", help_heading = "Policies")]
    scp: Vec<String>,
    /// A resource control policy, as --scp
    #[arg(long, num_args = 1.., value_name = "[LEVEL=]POLICY", help_heading = "Policies")]
    rcp: Vec<String>,
    /// Service control policies by level, in AWS's own form
    #[arg(
        long,
        num_args = 1..,
        value_name = "LEVELS",
        conflicts_with = "scp",
        help_heading = "Policies"
    )]
    ordered_organization_policy_input_list: Vec<String>,

    /// The actions, each decided on each resource [default with --trust-policy: sts:AssumeRole, or
    /// its like for a provider's users]
    #[arg(
        long = "action-names",
        visible_alias = "action",
        num_args = 1..,
        required_unless_present = "trust_policy",
        value_name = "ACTION",
        help_heading = "Request"
    )]
    actions: Vec<String>,
    /// The resources [default: *]
    #[arg(
        long = "resource-arns",
        visible_alias = "resource",
        num_args = 1..,
        value_name = "ARN",
        help_heading = "Request"
    )]
    resources: Vec<String>,
    /// The account of resources whose ARN does not tell: its id, or its root user's ARN
    #[arg(long, value_name = "ACCOUNT", value_parser = account, help_heading = "Request")]
    resource_owner: Option<AccountId>,
    /// Who asks: a user, a role or a session by ARN, a service, a provider
    #[arg(
        long = "caller-arn",
        visible_alias = "caller",
        value_name = "PRINCIPAL",
        value_parser = caller,
        help_heading = "Request"
    )]
    caller: Option<Caller>,
    /// A context key; give it again for a key with several values
    #[arg(long = "context", value_name = "KEY=VALUE", help_heading = "Request")]
    context: Vec<String>,
    /// Context keys in AWS's form: ContextKeyName=…,ContextKeyValues=…,ContextKeyType=…, or JSON
    #[arg(long, num_args = 1.., value_name = "ENTRY", help_heading = "Request")]
    context_entries: Vec<String>,
    /// Fill in nothing that follows from caller and resource, such as aws:PrincipalArn
    #[arg(long, help_heading = "Request")]
    no_implied_context: bool,
    /// Taken for the sake of scripts; each resource is decided by itself
    #[arg(long, value_name = "OPTION", hide = true)]
    resource_handling_option: Option<String>,

    /// End with 1 unless every request is so decided
    #[arg(long, value_enum, value_name = "DECISION", help_heading = "Result")]
    expect: Option<Expected>,
    /// Write JSON, with the members of AWS's own answer
    #[arg(long, help_heading = "Result")]
    json: bool,
}

const ASSUME_ROLE: &str = "sts:AssumeRole";

/// What a script counts on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Expected {
    /// A statement allows it, or none is needed
    Allowed,
    /// A statement denies it, or none allows it
    Denied,
}

#[derive(Clone, Debug)]
struct Caller {
    text: String,
    principal: Principal,
}

fn caller(text: &str) -> Result<Caller, String> {
    let principal = Principal::from_name(text).ok_or_else(|| PRINCIPAL_FORMS.to_owned())?;
    Ok(Caller { text: text.to_owned(), principal })
}

fn account(text: &str) -> Result<AccountId, String> {
    let of_root = |text: &str| text.parse::<Arn>().ok().filter(|arn| arn.resource() == "root")?.account();
    of_root(text).map_or_else(|| text.parse().map_err(|error| format!("{error}")), Ok)
}

pub(crate) fn run(args: &SimulateArgs, run: &mut Run) -> Result<ExitStatus, CliError> {
    let actions = actions(args)?;
    let resources: Vec<&str> = match args.resources.as_slice() {
        [] => vec!["*"],
        resources => resources.iter().map(String::as_str).collect(),
    };
    if args.trust_policy.is_some() && resources.iter().any(|resource| !resource.contains(":role/")) {
        return Err(CliError::usage("--trust-policy wants the role that is to be assumed")
            .hint("name it with --resource arn:aws:iam::222222222222:role/developer"));
    }
    let policies = read(args)?;
    let caller = who(args, &resources)?;
    let given = keys::given(&args.context_entries, &args.context)?;
    let targets = targets(args, &caller, &resources, &given.context);

    let [identity, groups, boundary, session] =
        [&policies.identity, &policies.groups, &policies.boundary, &policies.session]
            .map(|policies| references(policies));
    let [scp_policies, rcp_policies] = [&policies.scps, &policies.rcps].map(|levels| by_level(levels));
    let stack = PolicyStack {
        identity: &identity,
        groups: &groups,
        boundary: &boundary,
        session: Some(&*session).filter(|policies| !policies.is_empty()),
        resource: policies.resource.as_ref().map(Given::reference),
        scps: &organization(&policies.scps, &scp_policies),
        rcps: &organization(&policies.rcps, &rcp_policies),
    };
    let mut outcomes = Vec::new();
    for asked in &actions {
        let action = called(&caller.principal, asked);
        for target in &targets {
            let request = Request {
                principal: &caller.principal,
                action,
                resource: target.resource,
                resource_account: target.owner,
                context: &target.context,
            };
            let mut outcome = Outcome::of(request, stack);
            outcome.notices.extend(other_action(args, asked, action));
            outcomes.push(outcome);
        }
    }
    if policies.is_empty()
        && let Some(outcome) = outcomes.iter().find(|outcome| !needs_no_policy(outcome))
    {
        let hints = outcome.notices.iter().filter(|notice| notice.kind.is_hint());
        let error = CliError::usage("no policy is given");
        return Err(hints.fold(error, |error, hint| error.hint(&*hint.message)));
    }
    let mut implied: Vec<(&'static str, String)> = Vec::new();
    for found in targets.iter().flat_map(|target| &target.implied) {
        if !implied.contains(found) {
            implied.push(found.clone());
        }
    }
    let named = args.caller.as_ref().map(|caller| &*caller.text);
    let warnings = known::warnings(&actions, &resources, &given.names);
    warnings.iter().for_each(|warning| run.printer.warning(&warning.message));
    let simulation = Simulation { policies: &policies, caller: named, outcomes, implied, warnings };
    let text = if args.json {
        simulation::json(&simulation)?
    } else {
        simulation::render(&simulation, run.printer.width())
    };
    run.printer.data(&text)?;
    expected(args, &simulation)
}

fn expected(args: &SimulateArgs, simulation: &Simulation<'_>) -> Result<ExitStatus, CliError> {
    let Some(expected) = args.expect else { return Ok(ExitStatus::Done) };
    let (wanted, other) = match expected {
        Expected::Allowed => ("allowed", "denied"),
        Expected::Denied => ("denied", "allowed"),
    };
    let as_wanted = |outcome: &&Outcome<'_>| {
        outcome.explanation.evaluation.is_allowed() == (expected == Expected::Allowed)
    };
    let all = simulation.outcomes.len();
    match all - simulation.outcomes.iter().filter(as_wanted).count() {
        0 => Ok(ExitStatus::Done),
        1 if all == 1 => Err(CliError::failed(format!("expected to be {wanted}, but {other}"))),
        n => Err(CliError::failed(format!("expected all to be {wanted}, but {n} of {all} are {other}"))),
    }
}

fn actions(args: &SimulateArgs) -> Result<Vec<&str>, CliError> {
    let actions: Vec<&str> = match args.actions.as_slice() {
        [] => vec![ASSUME_ROLE],
        actions => actions.iter().map(String::as_str).collect(),
    };
    for action in &actions {
        let is_one =
            action.split_once(':').is_some_and(|(service, name)| !service.is_empty() && !name.is_empty());
        if !is_one || action.contains(['*', '?']) {
            return Err(CliError::usage(format!("`{action}` is no action"))
                .hint("a request names one, without wildcards, such as s3:GetObject"));
        }
        if args.trust_policy.is_some() && !action.to_lowercase().starts_with("sts:") {
            return Err(CliError::usage(format!("no trust policy decides about {action}")).hint(
                "they decide about sts:AssumeRole and its like; a resource's policy is --resource-policy",
            ));
        }
    }
    Ok(actions)
}

/// The action that this caller calls to assume a role: who has a provider's token cannot call `sts:AssumeRole`.
fn called<'a>(caller: &Principal, asked: &'a str) -> &'a str {
    match caller {
        Principal::WebIdentity { provider } if asked.eq_ignore_ascii_case(ASSUME_ROLE) => {
            if provider.contains(":saml-provider/") {
                "sts:AssumeRoleWithSAML"
            } else {
                "sts:AssumeRoleWithWebIdentity"
            }
        }
        _ => asked,
    }
}

fn other_action(args: &SimulateArgs, asked: &str, called: &str) -> Option<Notice> {
    let who = match called {
        _ if called == asked => return None,
        "sts:AssumeRoleWithSAML" => "a caller from a SAML provider",
        _ => "a caller from a web identity provider",
    };
    let instead = if args.actions.is_empty() { String::new() } else { format!(", not {asked}") };
    Some(Notice { kind: Kind::OtherAction, message: format!("{who} calls {called}{instead}") })
}

/// Whether the answer is the same whatever policies there are.
fn needs_no_policy(outcome: &Outcome<'_>) -> bool {
    outcome.heeds_no_policy() || outcome.explanation.evaluation.deciding == Deciding::RootUser
}

fn read(args: &SimulateArgs) -> Result<Policies, CliError> {
    let resource = match &args.trust_policy {
        Some(_) => given::policy("TrustPolicy", args.trust_policy.as_ref())?,
        None => given::policy("ResourcePolicy", args.resource_policy.as_ref())?,
    };
    let scps = match args.ordered_organization_policy_input_list.as_slice() {
        [] => given::levels("Scp", &args.scp)?,
        levels => given::ordered_levels(levels)?,
    };
    let policies = Policies {
        identity: given::policies("PolicyInputList", &args.policies)?,
        groups: given::policies("GroupPolicyInputList", &args.group_policies)?,
        boundary: given::policies("PermissionsBoundaryPolicyInputList", &args.boundary)?,
        session: given::policies("SessionPolicyInputList", &args.session_policies)?,
        resource,
        scps,
        rcps: given::levels("Rcp", &args.rcp)?,
    };
    if policies.boundary.len() > 1 {
        return Err(CliError::usage("a caller has one permissions boundary, and several are given"));
    }
    Ok(policies)
}

/// Who asks; where nobody is named, a user of the resource's account whose name policies cannot know.
fn who(args: &SimulateArgs, resources: &[&str]) -> Result<Caller, CliError> {
    if let Some(caller) = &args.caller {
        return Ok(caller.clone());
    }
    for (flag, given) in
        [("--trust-policy", &args.trust_policy), ("--resource-policy", &args.resource_policy)]
    {
        if given.is_some() {
            return Err(CliError::usage(format!("{flag} names who may, so the caller must be known"))
                .hint("name it with --caller arn:aws:iam::111111111111:user/alice"));
        }
    }
    let in_arns = || resources.iter().find_map(|resource| resource.parse::<Arn>().ok()?.account());
    let account = args.resource_owner.or_else(in_arns).map_or("123456789012".into(), |id| id.to_string());
    let text = format!("arn:aws:iam::{account}:user/caller");
    caller(&text).map_err(CliError::usage)
}

/// A resource with the context of requests on it.
struct Target<'a> {
    resource: &'a str,
    owner: Option<AccountId>,
    context: Context,
    implied: Vec<(&'static str, String)>,
}

fn targets<'a>(
    args: &SimulateArgs,
    caller: &Caller,
    resources: &[&'a str],
    given: &Context,
) -> Vec<Target<'a>> {
    let target = |resource: &&'a str| {
        let in_arn = resource.parse::<Arn>().ok().and_then(|arn| arn.account());
        let owner = in_arn.or(args.resource_owner);
        let mut context = given.clone();
        let mut implied = Vec::new();
        // Of a caller that nobody named nothing is known.
        if !args.no_implied_context && args.caller.is_some() {
            let owner = owner.or(caller.principal.account()).filter(|_| *resource != "*");
            implied = keys::implied(&caller.principal, &caller.text, owner);
            implied.retain(|(key, _)| *given.get(key) == ContextValue::Absent);
        }
        implied.iter().for_each(|(key, value)| context.set(key, value.as_str()));
        Target { resource, owner, context, implied }
    };
    resources.iter().map(target).collect()
}

fn references(policies: &[Given]) -> Vec<PolicyRef<'_>> {
    policies.iter().map(Given::reference).collect()
}

fn by_level(levels: &[GivenLevel]) -> Vec<Vec<PolicyRef<'_>>> {
    levels.iter().map(|level| references(&level.policies)).collect()
}

fn organization<'a>(levels: &'a [GivenLevel], policies: &'a [Vec<PolicyRef<'a>>]) -> Vec<Level<'a>> {
    levels.iter().zip(policies).map(|(level, policies)| Level { id: &level.id, policies }).collect()
}
