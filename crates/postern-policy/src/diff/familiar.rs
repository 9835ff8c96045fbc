//! Names that a reader knows, in the place of samples such as `s3:Geta`.

use super::{
    Example, Stop,
    pair::Pair,
    witness::{self, Claim, Judgement},
};
use crate::{
    Actions, Context, ContextValue,
    action::ActionText,
    catalogue::{Action, Catalogue},
    classes::Budget,
    pattern::{Piece, Syntax, pieces},
};

/// Actions that are tried before all others.
pub(super) const FAMILIAR: [&str; 24] = [
    "iam:CreateUser",
    "iam:CreateAccessKey",
    "iam:PassRole",
    "iam:PutRolePolicy",
    "iam:AttachRolePolicy",
    "iam:UpdateAssumeRolePolicy",
    "sts:AssumeRole",
    "s3:GetObject",
    "s3:PutObject",
    "s3:DeleteObject",
    "s3:ListBucket",
    "ec2:RunInstances",
    "ec2:DescribeInstances",
    "ec2:TerminateInstances",
    "lambda:InvokeFunction",
    "dynamodb:GetItem",
    "kms:Decrypt",
    "secretsmanager:GetSecretValue",
    "sqs:SendMessage",
    "organizations:LeaveOrganization",
    "account:CloseAccount",
    "cloudtrail:StopLogging",
    "iam:ListUsers",
    "iam:GetUser",
];

/// Names that are asked about before it is given up to find a better one.
const TRIES: usize = 40;

/// The same request with names that a reader knows, as far as the same statement allows it and the same
/// thing stops it.
pub(super) fn familiar(
    pair: &Pair<'_>,
    claim: Claim,
    stop: &Stop,
    mut example: Example,
    budget: &mut Budget,
) -> Example {
    // Within its class, so that what is said of the contexts is true of it.
    let class = resource_class(pair, &example);
    // Most are tried several times for policies of a few statements; long ones show what was found first.
    let mut stays = |example: &Example| {
        budget.spend(pair.entries.len()).is_ok()
            && resource_class(pair, example) == class
            && matches!(witness::judge(pair, claim, example), Judgement::Confirmed(other) if other == *stop)
    };
    for context in tied(&example.context) {
        let changed = Example { context, ..example.clone() };
        if stays(&changed) {
            example = changed;
        }
    }
    if !stays(&example) {
        return example;
    }
    let catalogue = Catalogue::embedded();
    // A real action with a resource of its own, if there are such; else one or the other.
    let actions = actions(pair, catalogue, &example.action);
    let mut best: Option<Example> = None;
    for (action, known) in actions.into_iter().take(TRIES) {
        let changed = Example { action, ..example.clone() };
        for resource in own_resources(pair, known, &changed).into_iter().chain(filled(pair, &changed)) {
            let whole = Example { resource, ..changed.clone() };
            if fits(known, &whole.resource) && stays(&whole) {
                return whole;
            }
        }
        if best.is_none() && stays(&changed) {
            best = Some(changed);
        }
    }
    if let Some(found) = best {
        example = found;
    }
    if example.resource != "*" {
        for resource in filled(pair, &example).into_iter().chain([format!("{}example", example.resource)]) {
            let changed = Example { resource, ..example.clone() };
            if changed.resource != "*" && stays(&changed) {
                return changed;
            }
        }
    }
    example
}

/// Whether the resource is one of each statement that covers the action.
fn resource_class(pair: &Pair<'_>, example: &Example) -> Vec<bool> {
    let covers = |number: usize| {
        let element = pair.resources.get(number);
        element.is_some_and(|element| element.element.matches(&example.resource, &example.context))
    };
    let entries = pair.entries.iter();
    entries
        .filter(|entry| {
            pair.actions.get(entry.actions).is_some_and(|actions| actions.matches(&example.action))
        })
        .filter_map(|entry| entry.resources)
        .map(covers)
        .collect()
}

/// The context with what its keys bring along, one step after the other.
fn tied(context: &Context) -> Vec<Context> {
    let mut steps = Vec::new();
    let mut changed = context.clone();
    let age = context.get("aws:MultiFactorAuthAge");
    if *age != ContextValue::Absent && *context.get("aws:MultiFactorAuthPresent") == ContextValue::Absent {
        changed.set("aws:MultiFactorAuthPresent", true);
        steps.push(changed.clone());
    }
    let tags = context.iter().filter_map(|(key, _)| key.strip_prefix("aws:requesttag/"));
    let mut keys: Vec<String> =
        context.get("aws:TagKeys").values().iter().map(|key| key.to_string()).collect();
    let known = keys.len();
    for tag in tags {
        if !keys.iter().any(|key| key.eq_ignore_ascii_case(tag)) {
            keys.push(tag.to_owned());
        }
    }
    if keys.len() > known {
        changed.set("aws:TagKeys", keys);
        steps.push(changed);
    }
    steps
}

/// Matches that are tried for the sake of an example.
const MOST_MATCHES: usize = 2_000_000;

/// Known actions that the same statements cover, the best known first.
fn actions<'c>(pair: &Pair<'_>, catalogue: &'c Catalogue, sample: &str) -> Vec<(String, &'c Action)> {
    let mut elements: Vec<(bool, &Actions)> =
        pair.actions.iter().map(|element| (element.matches(sample), *element)).collect();
    // Those that take the sample first: they are few, and most other actions fail there.
    elements.sort_by_key(|(takes, _)| !takes);
    let is_alike = |action: &str| {
        let action = ActionText::new(action);
        elements.iter().all(|(takes, element)| element.covers(&action) == *takes)
    };
    let known = |action: &str| {
        let (service, found) = catalogue.action(action)?;
        Some((format!("{}:{}", service.prefix(), found.name()), found))
    };
    let (prefix, name) = sample.split_once(':').unwrap_or((sample, ""));
    let own = catalogue.service(prefix);
    let begins =
        |action: &Action| action.name().get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
    let of_service = |front: bool| {
        let actions = own.into_iter().flat_map(|service| service.actions());
        let chosen = actions.filter(move |action| begins(action) == front);
        chosen.map(move |action| (format!("{}:{}", own.map_or("", |s| s.prefix()), action.name()), action))
    };
    let mut list: Vec<(String, &Action)> = Vec::new();
    list.extend(known(sample));
    list.extend(FAMILIAR.into_iter().filter_map(known).filter(|(action, _)| is_alike(action)));
    list.extend(of_service(true).filter(|(action, _)| is_alike(action)).take(TRIES));
    list.extend(of_service(false).filter(|(action, _)| is_alike(action)).take(TRIES));
    if list.is_empty() && own.is_none() {
        let all = catalogue
            .actions()
            .take(MOST_MATCHES / elements.len().max(1))
            .map(|(service, action)| (format!("{}:{}", service.prefix(), action.name()), action));
        list.extend(all.filter(|(action, _)| is_alike(action)).take(TRIES));
    }
    list
}

/// Resources that the action is for, as the catalogue shows their ARNs.
fn own_resources(pair: &Pair<'_>, action: &Action, example: &Example) -> Vec<String> {
    let mut list = Vec::new();
    if action.resource_types().is_empty() {
        list.push("*".to_owned());
    }
    let account = account(pair, example);
    for used in action.resource_types() {
        let mut out = String::new();
        let mut rest = used.resource_type().arn();
        while let Some((front, behind)) = rest.split_once("${") {
            let (name, tail) = behind.split_once('}').unwrap_or((behind, ""));
            out.push_str(front);
            out.push_str(match name {
                "Partition" => "aws",
                "Region" => "eu-central-1",
                "Account" => account,
                "BucketName" => "amzn-s3-demo-bucket",
                _ => "example",
            });
            rest = tail;
        }
        out.push_str(rest);
        list.push(out);
    }
    // The plainest first: a bucket's object before one behind an access point.
    list.sort_by_key(String::len);
    list
}

/// Whether the resource is of one of the action's types.
fn fits(action: &Action, resource: &str) -> bool {
    let types = action.resource_types();
    if types.is_empty() {
        return resource == "*";
    }
    resource == "*" && !types.iter().any(|used| used.required())
        || types.iter().any(|used| is_of_type(used.resource_type().arn(), resource))
}

/// Whether an ARN has the form of a resource type, such as `arn:${Partition}:s3:::${BucketName}/${ObjectName}`.
fn is_of_type(form: &str, arn: &str) -> bool {
    let (form, arn): (Vec<&str>, Vec<&str>) = (form.splitn(6, ':').collect(), arn.splitn(6, ':').collect());
    let [.., form_service, _, _, form_name] = form.as_slice() else { return false };
    let [.., service, _, _, name] = arn.as_slice() else { return false };
    form_service == service && is_name(form_name, name, form_name.starts_with("${"))
}

/// Whether a resource's name has a form. What stands for a name of its own holds no `/`, what stands behind
/// another part may be a path.
fn is_name(form: &str, name: &str, plain: bool) -> bool {
    let Some((front, behind)) = form.split_once("${") else { return form == name };
    let Some(name) = name.strip_prefix(front) else { return false };
    let rest = behind.split_once('}').map_or("", |(_, rest)| rest);
    if rest.is_empty() {
        let may_be_path = !(plain && front.is_empty());
        return !name.is_empty() && (may_be_path || !name.contains('/'));
    }
    // The first part ends where what follows can begin.
    let ends = name.char_indices().skip(1).map(|(at, _)| at).filter(|at| {
        let part = name.get(..*at).unwrap_or_default();
        !part.contains(['/', ':'])
    });
    ends.into_iter().any(|at| is_name(rest, name.get(at..).unwrap_or_default(), false))
}

/// The patterns of the policies with something natural for their wildcards.
fn filled(pair: &Pair<'_>, example: &Example) -> Vec<String> {
    let account = account(pair, example);
    let mut list = Vec::new();
    for element in &pair.resources {
        for pattern in element.element.patterns().iter().take(TRIES) {
            let syntax = Syntax { wildcards: true, variables: true, ignore_case: false };
            let mut out = String::new();
            for piece in pieces(pattern.text(), syntax) {
                let segment = out.matches(':').count();
                match piece {
                    Piece::Text(text) => out.push_str(&text),
                    Piece::One => out.push('1'),
                    Piece::Many => out.push_str(match segment {
                        1 => "aws",
                        3 => "eu-central-1",
                        4 => account,
                        _ => "example",
                    }),
                    Piece::Variable { key, .. } => {
                        out.push_str(example.context.get(key.folded()).single().unwrap_or("example"));
                    }
                }
            }
            if out.starts_with("arn:") {
                list.push(out);
            }
        }
        if list.len() > TRIES {
            break;
        }
    }
    list
}

/// The account of the resource, which is not the principal's where the policies are the resource's.
fn account(pair: &Pair<'_>, example: &Example) -> &'static str {
    let own = example.principal.account().map(|account| account.to_string());
    if pair.named && own.as_deref() == Some("111111111111") { "222222222222" } else { "111111111111" }
}
