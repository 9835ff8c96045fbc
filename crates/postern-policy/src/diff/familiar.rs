//! Names that a reader knows, in the place of samples such as `s3:Geta`.

use super::{
    Example, Side, Stop,
    pair::Pair,
    witness::{self, Judgement},
};
use crate::{
    Context, ContextValue,
    catalogue::{Action, Catalogue},
    pattern::{Piece, Syntax, pieces},
};

/// Actions that are tried before all others.
const FAMILIAR: [&str; 24] = [
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
    side: Side,
    statement: usize,
    stop: &Stop,
    mut example: Example,
) -> Example {
    let stays = |example: &Example| {
        matches!(
            witness::judge(pair, side, example),
            Judgement::Confirmed { statement: new, stop: other } if new == statement && other == *stop
        )
    };
    for context in tied(&example.context) {
        let changed = Example { context, ..example.clone() };
        if stays(&changed) {
            example = changed;
        }
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

/// Known actions that the same statements cover, the best known first.
fn actions<'c>(pair: &Pair<'_>, catalogue: &'c Catalogue, sample: &str) -> Vec<(String, &'c Action)> {
    let covers =
        |action: &str| -> Vec<bool> { pair.actions.iter().map(|element| element.matches(action)).collect() };
    let wanted = covers(sample);
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
    list.extend(FAMILIAR.into_iter().filter_map(known).filter(|(action, _)| covers(action) == wanted));
    list.extend(of_service(true).filter(|(action, _)| covers(action) == wanted).take(TRIES));
    list.extend(of_service(false).filter(|(action, _)| covers(action) == wanted).take(TRIES));
    if list.is_empty() && own.is_none() {
        let all = catalogue
            .actions()
            .map(|(service, action)| (format!("{}:{}", service.prefix(), action.name()), action));
        list.extend(all.filter(|(action, _)| covers(action) == wanted).take(TRIES));
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

/// Whether the resource may be one of the action's, as far as its service tells.
fn fits(action: &Action, resource: &str) -> bool {
    let types = action.resource_types();
    if types.is_empty() {
        return resource == "*";
    }
    let service = |arn: &str| arn.split(':').nth(2).map(str::to_owned);
    resource == "*" && !types.iter().any(|used| used.required())
        || types.iter().any(|used| service(used.resource_type().arn()) == service(resource))
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
