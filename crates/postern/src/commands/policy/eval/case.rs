//! One case: read, decided, answered.

use std::{borrow::Cow, io};

use postern_policy::{
    Context, ContextValue, Document, Level, PolicyRef, PolicyStack, Principal, Problem, Request, evaluate,
    explain, line_column,
};
use postern_types::AccountId;
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    read::{self, Attached, Named, Policy, Target, Value, items, text},
    shape::{self, kind},
};
use crate::report::explanation;

/// More of an error than this helps nobody, and it may quote a line of any length.
const LONGEST_ERROR: usize = 2_000;

const RESOURCE_POLICY: &str = "resourcePolicy";

/// A case without a decision.
pub(super) struct Undecided<'a> {
    /// Its id as written, if it could be found.
    pub(super) id: Option<&'a RawValue>,
    /// What is wrong.
    pub(super) problem: String,
}

impl Undecided<'_> {
    /// Writes the answer to such a case.
    pub(super) fn write(&self, line: u64, out: &mut Vec<u8>) -> io::Result<()> {
        let problem = match self.problem.char_indices().nth(LONGEST_ERROR) {
            Some((end, _)) => format!("{} …", self.problem.get(..end).unwrap_or_default()),
            None => self.problem.clone(),
        };
        out.clear();
        out.extend_from_slice(b"{\"id\":");
        out.extend_from_slice(self.id.map_or("null", RawValue::get).as_bytes());
        out.extend_from_slice(b",\"error\":");
        serde_json::to_writer(&mut *out, &format!("line {line}: {problem}"))?;
        out.push(b'}');
        Ok(())
    }
}

/// Decides the case in `line` and writes the answer, without an end of line.
pub(super) fn answer<'a>(line: &'a [u8], explaining: bool, out: &mut Vec<u8>) -> Result<(), Undecided<'a>> {
    decide(line, explaining, out).map_err(|problem| Undecided { id: shape::id(line), problem })
}

/// A string that is copied only where it holds escapes.
#[derive(Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A document with its name.
struct Read<'a> {
    name: Cow<'a, str>,
    document: Document,
}

fn decide(line: &[u8], explaining: bool, out: &mut Vec<u8>) -> Result<(), String> {
    let line = std::str::from_utf8(line)
        .map_err(|error| format!("column {}: no UTF-8 text", error.valid_up_to() + 1))?;
    let case = read::case(line).ok_or_else(|| shape::problem(line))?;
    if !case.id.starts_with(|c: char| c == '"' || c == '-' || c.is_ascii_digit()) {
        return Err(format!("`id` should be a string or a number, not {}", kind(case.id)));
    }
    let asked = case.request;
    let principal = principal(asked.principal)?;
    let action = asked.action;
    if !action.contains(':') {
        return Err(format!("`request.action` should be a `service:Name`, not `{action}`"));
    }
    let (resource, resource_account) = target(asked.resource)?;
    let context = context(asked.context)?;

    let identity = policies(&|| "identityPolicies".to_owned(), case.identity)?;
    let boundary = policies(&|| "permissionBoundaryPolicies".to_owned(), case.boundary.unwrap_or_default())?;
    let resource_policy =
        case.resource.map(|found| document(&|| RESOURCE_POLICY.to_owned(), found)).transpose()?;
    let session = case.session.map(session_policies).transpose()?.unwrap_or_default();
    let scps = levels("serviceControlPolicies", case.scps)?;
    let rcps = levels("resourceControlPolicies", case.rcps)?;

    let (identity, boundary, session) = (references(&identity), references(&boundary), references(&session));
    let (scp_policies, rcp_policies) = (policies_by_level(&scps), policies_by_level(&rcps));
    let stack = PolicyStack {
        identity: &identity,
        groups: &[],
        boundary: &boundary,
        session: Some(&*session).filter(|policies| !policies.is_empty()),
        resource: resource_policy.as_ref().map(|document| PolicyRef {
            name: RESOURCE_POLICY,
            arn: None,
            document,
        }),
        scps: &organization(&scps, &scp_policies),
        rcps: &organization(&rcps, &rcp_policies),
    };
    let request = Request {
        principal: &principal,
        action: &action,
        resource: &resource,
        resource_account,
        context: &context,
    };
    write(case.id, &request, &stack, explaining, out).map_err(|error| error.to_string())
}

fn write(
    id: &str,
    request: &Request<'_>,
    stack: &PolicyStack<'_>,
    explaining: bool,
    out: &mut Vec<u8>,
) -> io::Result<()> {
    out.extend_from_slice(b"{\"id\":");
    out.extend_from_slice(id.as_bytes());
    out.extend_from_slice(b",\"decision\":\"");
    if explaining {
        let explained = explain(request, stack);
        out.extend_from_slice(explanation::decision(explained.evaluation.decision).as_bytes());
        out.extend_from_slice(b"\",");
        // The members of the object, without its opening brace.
        let start = out.len();
        serde_json::to_writer(&mut *out, &explanation::json(&explained, request, stack))?;
        out.remove(start);
    } else {
        out.extend_from_slice(explanation::decision(evaluate(request, stack).decision).as_bytes());
        out.extend_from_slice(b"\"}");
    }
    Ok(())
}

fn principal(value: Value<'_>) -> Result<Principal, String> {
    #[derive(Deserialize)]
    struct Typed<'a> {
        #[serde(borrow, rename = "type")]
        kind: Text<'a>,
    }
    let name = match value {
        Value::Text(name) => name,
        // Nobody in particular has no name, so an object says it too.
        Value::Raw(raw) => match serde_json::from_str(raw) {
            Ok(Typed { kind: Text(kind) }) if kind == "Anonymous" => return Ok(Principal::Anonymous),
            _ => return Err(format!("`request.principal` should be a string, not {}", kind(raw))),
        },
    };
    // Who asks for an account means the account itself, which is its root user.
    let root = || name.parse().ok().map(|account| Principal::Root { account });
    Principal::from_name(&name).or_else(root).ok_or_else(|| {
        format!("`request.principal` is no principal: `{name}`; {}", explanation::PRINCIPAL_FORMS)
    })
}

fn target(target: Target<'_>) -> Result<(Cow<'_, str>, Option<AccountId>), String> {
    let (arn, account) = match target {
        Target::Named(arn, account) => (arn, account),
        Target::Raw(raw) => return Err(shape::resource_problem(raw)),
    };
    let account = account.map(|id| id.parse()).transpose();
    Ok((arn, account.map_err(|error| format!("`request.resource.accountId`: {error}"))?))
}

fn context(mut entries: Vec<(Cow<'_, str>, Value<'_>)>) -> Result<Context, String> {
    // Keys that come in order are appended; the others are moved in, which is dear where they are many.
    if entries.len() > 64 {
        entries.sort_by_cached_key(|(key, _)| key.to_lowercase());
    }
    let mut context = Context::new();
    let mut present = 0;
    for (key, given) in &entries {
        let value = value(given).map_err(|found| {
            format!("`request.context`, `{key}`: should be a string, number, boolean or a list of these, not {found}")
        })?;
        present += usize::from(value != ContextValue::Absent);
        context.set(key, value);
    }
    if context.iter().count() == present { Ok(context) } else { Err(repeated(&entries)) }
}

/// Which key of the context is there more than once.
fn repeated(entries: &[(Cow<'_, str>, Value<'_>)]) -> String {
    let mut keys: Vec<(String, &str)> = entries.iter().map(|(key, _)| (key.to_lowercase(), &**key)).collect();
    keys.sort();
    let twice = keys.iter().zip(keys.iter().skip(1)).find(|((one, _), (other, _))| one == other);
    let key = twice.map_or("", |(_, (_, key))| key);
    format!("`request.context`: `{key}` stands twice; case does not count")
}

/// A value of the context; numbers and booleans as they are written. What it is instead, if it is none.
fn value(given: &Value<'_>) -> Result<ContextValue, &'static str> {
    match given {
        Value::Raw(raw) if raw.starts_with('[') => {
            let values = items(raw).ok_or(kind(raw))?;
            values.iter().map(scalar).collect::<Result<_, _>>().map(ContextValue::Many)
        }
        Value::Raw("null") => Ok(ContextValue::Absent),
        given => scalar(given).map(ContextValue::One),
    }
}

fn scalar(given: &Value<'_>) -> Result<Box<str>, &'static str> {
    match given {
        Value::Text(text) => Ok(Box::from(&**text)),
        Value::Raw(raw) if raw.starts_with(['{', '[', 'n']) => Err(kind(raw)),
        Value::Raw(raw) => Ok(Box::from(*raw)),
    }
}

/// The policy: an object, or a string that holds one.
fn document(place: &dyn Fn() -> String, policy: Policy<'_>) -> Result<Document, String> {
    let raw = match policy {
        Policy::Read(document) => return Ok(document),
        Policy::Raw(raw) => raw,
    };
    let json = text(raw).unwrap_or(Cow::Borrowed(raw));
    // As where the policy stands in the case itself.
    let whole = Document::parse_front(&json).ok().filter(|(_, end)| {
        json.get(*end..).is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_whitespace()))
    });
    if let Some((document, _)) = whole {
        return Ok(document);
    }
    Document::parse(&json).map_err(|problems| {
        let Some(Problem { message, help, span }) = problems.first() else {
            return format!("`{}` is no policy", place());
        };
        let (line, column) = line_column(&json, span.start);
        let help = help.as_ref().map(|help| format!(" ({help})")).unwrap_or_default();
        let more = match problems.len() - 1 {
            0 => String::new(),
            1 => "; and 1 more problem".to_owned(),
            n => format!("; and {n} more problems"),
        };
        format!("`{}`, line {line}, column {column} of the policy: {message}{help}{more}", place())
    })
}

/// A list of policies. Their places are only put into words where something is wrong or has no name.
fn policies<'a>(place: &dyn Fn() -> String, list: Vec<Named<'a>>) -> Result<Vec<Read<'a>>, String> {
    let mut read = Vec::with_capacity(list.len());
    for (number, Named { name, policy }) in list.into_iter().enumerate() {
        let place = || format!("{}[{number}]", place());
        let document = document(&place, policy)?;
        let name = name.unwrap_or_else(|| Cow::Owned(place()));
        read.push(Read { name, document });
    }
    Ok(read)
}

/// One session policy, or a list of them, with names or without.
fn session_policies(policy: Policy<'_>) -> Result<Vec<Read<'_>>, String> {
    const PLACE: &str = "sessionPolicy";
    match policy {
        Policy::Raw(raw) if raw.starts_with('[') => {
            policies(&|| PLACE.to_owned(), read::maybe_all_named(raw).unwrap_or_default())
        }
        policy => Ok(vec![Read { name: PLACE.into(), document: document(&|| PLACE.to_owned(), policy)? }]),
    }
}

fn references<'a>(list: &'a [Read<'_>]) -> Vec<PolicyRef<'a>> {
    let reference = |Read { name, document }: &'a Read<'_>| PolicyRef { name, arn: None, document };
    list.iter().map(reference).collect()
}

/// A level of an organization, read.
struct ReadLevel<'a> {
    id: Cow<'a, str>,
    policies: Vec<Read<'a>>,
}

fn levels<'a>(place: &str, list: Option<Vec<Attached<'a>>>) -> Result<Vec<ReadLevel<'a>>, String> {
    let numbered = list.unwrap_or_default().into_iter().enumerate();
    numbered
        .map(|(number, Attached { id, policies: list })| {
            let policies = policies(&|| format!("{place}[{number}].policies"), list)?;
            let id = id.unwrap_or_else(|| format!("{place}[{number}]").into());
            Ok(ReadLevel { id, policies })
        })
        .collect()
}

fn policies_by_level<'a>(levels: &'a [ReadLevel<'_>]) -> Vec<Vec<PolicyRef<'a>>> {
    levels.iter().map(|level| references(&level.policies)).collect()
}

fn organization<'a>(levels: &'a [ReadLevel<'_>], policies: &'a [Vec<PolicyRef<'a>>]) -> Vec<Level<'a>> {
    let pairs = levels.iter().zip(policies);
    pairs.map(|(level, policies)| Level { id: &level.id, policies }).collect()
}
