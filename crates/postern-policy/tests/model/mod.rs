//! A second evaluator, as plain as the documentation: it reads a case's JSON anew for every question and
//! tries everything. It shares nothing with the library but AWS's pages (*IAM User Guide* where no other
//! is named). What AWS does not document it leaves out.

use std::net::IpAddr;

use serde_json::Value;

/// A character of a pattern.
#[derive(Clone, Copy, PartialEq)]
enum Sign {
    Plain(char),
    One,
    Many,
}

/// `*` is any combination of characters, `?` any single one.
fn glob(pattern: &[Sign], text: &[char]) -> bool {
    match (pattern.split_first(), text.split_first()) {
        (None, None) => true,
        (Some((Sign::Many, rest)), None) => glob(rest, text),
        (Some((Sign::Many, rest)), Some((_, tail))) => glob(rest, text) || glob(pattern, tail),
        (Some((Sign::One, rest)), Some((_, tail))) => glob(rest, tail),
        (Some((Sign::Plain(wanted), rest)), Some((found, tail))) => wanted == found && glob(rest, tail),
        (None, Some(_)) | (Some(_), None) => false,
    }
}

fn chars(text: &str) -> Vec<char> {
    text.chars().collect()
}

/// A text without variables.
fn signs(text: &str, wildcards: bool) -> Vec<Sign> {
    let sign = |c| match c {
        '*' if wildcards => Sign::Many,
        '?' if wildcards => Sign::One,
        c => Sign::Plain(c),
    };
    text.chars().map(sign).collect()
}

/// Variables and tags: what a text stands for; nothing where a variable has no value.
fn expand(text: &str, wildcards: bool, variables: bool, context: &Value) -> Option<Vec<Sign>> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some(start) = rest.find("${").filter(|_| variables) {
        out.extend(signs(&rest[..start], wildcards));
        let end = start + rest[start..].find('}')?;
        let name = &rest[start + 2..end];
        let literal = match (name, name.split_once(',')) {
            ("*" | "?" | "$", _) => name.to_owned(),
            (_, Some((key, default))) => match value(context, key) {
                Some(Value::String(found)) => found.clone(),
                _ => default.trim().trim_matches('\'').to_owned(),
            },
            (key, None) => value(context, key)?.as_str()?.to_owned(),
        };
        out.extend(signs(&literal, false));
        rest = &rest[end + 1..];
    }
    out.extend(signs(rest, wildcards));
    Some(out)
}

/// Key names are not case-sensitive.
fn value<'a>(context: &'a Value, key: &str) -> Option<&'a Value> {
    context.as_object()?.iter().find(|(known, _)| known.eq_ignore_ascii_case(key)).map(|(_, value)| value)
}

fn list(value: &Value) -> Vec<&Value> {
    value.as_array().map_or_else(|| vec![value], |list| list.iter().collect())
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// The prefix and the action name are case insensitive.
fn action(statement: &Value, asked: &str) -> bool {
    let (service, name) = asked.split_once(':').unwrap();
    let lower = |text: &str| chars(&text.to_ascii_lowercase());
    let covers = |pattern: &&Value| {
        let pattern = pattern.as_str().unwrap().to_ascii_lowercase();
        match pattern.split_once(':') {
            None => pattern == "*",
            Some((s, n)) => glob(&signs(s, true), &lower(service)) && glob(&signs(n, true), &lower(name)),
        }
    };
    match statement.get("NotAction") {
        Some(not) => !list(not).iter().any(covers),
        None => list(&statement["Action"]).iter().any(covers),
    }
}

fn segments(pattern: &[Sign]) -> Vec<Vec<Sign>> {
    pattern.split(|sign| *sign == Sign::Plain(':')).map(<[Sign]>::to_vec).collect()
}

/// Six parts, the last of which may hold colons.
fn parts(pattern: &[Sign]) -> Vec<Vec<Sign>> {
    let mut parts = segments(pattern);
    if parts.len() > 6 {
        let rest = parts.split_off(5);
        parts.push(rest.join(&Sign::Plain(':')));
    }
    parts
}

fn by_parts(pattern: &[Sign], arn: &str) -> bool {
    let mut pattern = parts(pattern);
    pattern.resize(6, vec![Sign::Many]);
    let arn: Vec<&str> = arn.splitn(6, ':').collect();
    pattern.len() == arn.len() && pattern.iter().zip(arn).all(|(part, text)| glob(part, &chars(text)))
}

/// "If the * wildcard is the last character of a resource ARN segment, it can expand to match beyond the
/// colon boundaries" (Resource).
fn running_on(pattern: &[Vec<Sign>], arn: &[&str]) -> bool {
    match (pattern.split_first(), arn.split_first()) {
        (None, None) => true,
        (Some((segment, rest)), Some((text, tail))) => {
            let runs = segment.last() == Some(&Sign::Many);
            glob(segment, &chars(text))
                && (running_on(rest, tail) || runs && (1..=tail.len()).any(|n| running_on(rest, &tail[n..])))
        }
        _ => false,
    }
}

fn resource(statement: &Value, asked: &str, variables: bool, context: &Value) -> bool {
    let covers = |pattern: &&Value| {
        let Some(pattern) = expand(pattern.as_str().unwrap(), true, variables, context) else { return false };
        let arn: Vec<&str> = asked.split(':').collect();
        pattern == [Sign::Many] || by_parts(&pattern, asked) || running_on(&segments(&pattern), &arn)
    };
    match (statement.get("NotResource"), statement.get("Resource")) {
        (Some(not), _) => !list(not).iter().any(covers),
        (_, Some(list_)) => list(list_).iter().any(covers),
        (None, None) => true,
    }
}

fn number(text: &str) -> f64 {
    text.parse().unwrap()
}

/// ISO 8601 or seconds since 1970.
fn moment(text: &str) -> i64 {
    text.parse().unwrap_or_else(|_| text.parse::<jiff::Timestamp>().unwrap().as_second())
}

fn in_network(network: &str, address: &str) -> bool {
    let bits = |address: &str| match address.parse().unwrap() {
        IpAddr::V4(address) => (32_u32, u128::from(u32::from(address))),
        IpAddr::V6(address) => (128, u128::from(address)),
    };
    let (network, prefix) = network.split_once('/').map_or((network, None), |(n, p)| (n, Some(p)));
    let ((width, wanted), (kind, found)) = (bits(network), bits(address));
    let prefix: u32 = prefix.map_or(width, |prefix| prefix.parse().unwrap());
    width == kind
        && (0..prefix).all(|bit| (wanted >> (width - 1 - bit)) & 1 == (found >> (width - 1 - bit)) & 1)
}

/// Whether one value of the request matches one value of the policy, by the operator without its negation.
fn matches(operator: &str, wanted: &Value, found: &str, variables: bool, context: &Value) -> bool {
    let plain = text(wanted);
    let expanded = |wildcards| expand(&plain, wildcards, variables, context);
    match operator {
        "stringequals" => expanded(false).is_some_and(|wanted| glob(&wanted, &chars(found))),
        "stringequalsignorecase" => expanded(false).is_some_and(|wanted| {
            let lower = |sign: &Sign| match sign {
                Sign::Plain(c) => Sign::Plain(c.to_ascii_lowercase()),
                other => *other,
            };
            let wanted: Vec<Sign> = wanted.iter().map(lower).collect();
            glob(&wanted, &chars(&found.to_ascii_lowercase()))
        }),
        "stringlike" => expanded(true).is_some_and(|wanted| glob(&wanted, &chars(found))),
        "arnequals" | "arnlike" => expanded(true).is_some_and(|wanted| by_parts(&wanted, found)),
        "bool" => plain.eq_ignore_ascii_case(found),
        "ipaddress" => in_network(&plain, found),
        "binaryequals" => plain == found,
        "numericequals" => number(found) == number(&plain),
        "numericlessthan" => number(found) < number(&plain),
        "numericlessthanequals" => number(found) <= number(&plain),
        "numericgreaterthan" => number(found) > number(&plain),
        "numericgreaterthanequals" => number(found) >= number(&plain),
        "dateequals" => moment(found) == moment(&plain),
        "datelessthan" => moment(found) < moment(&plain),
        "datelessthanequals" => moment(found) <= moment(&plain),
        "dategreaterthan" => moment(found) > moment(&plain),
        "dategreaterthanequals" => moment(found) >= moment(&plain),
        other => panic!("{other}"),
    }
}

/// Condition operators.
fn condition(operator: &str, key: &str, wanted: &Value, variables: bool, context: &Value) -> bool {
    let name = operator.to_ascii_lowercase();
    let (set, name) = name.split_once(':').map_or((None, &*name), |(set, name)| (Some(set), name));
    let found = value(context, key).map(list).unwrap_or_default();
    if name == "null" {
        return list(wanted).iter().any(|wanted| (text(wanted) == "true") == found.is_empty());
    }
    let (name, if_exists) = name.strip_suffix("ifexists").map_or((name, false), |name| (name, true));
    let negated = name.contains("not");
    let name = name.replace("not", "");
    // Several values are an OR, and for a negated operator a NOR.
    let holds = |found: &&Value| {
        list(wanted).iter().any(|wanted| matches(&name, wanted, &text(found), variables, context)) != negated
    };
    match set {
        Some("forallvalues") => found.iter().all(holds),
        Some("foranyvalue") => found.iter().any(holds),
        _ if found.is_empty() => negated || if_exists,
        _ => found.iter().all(holds),
    }
}

fn conditions(statement: &Value, variables: bool, context: &Value) -> bool {
    statement.get("Condition").is_none_or(|blocks| {
        blocks.as_object().unwrap().iter().all(|(operator, keys)| {
            let mut keys = keys.as_object().unwrap().iter();
            keys.all(|(key, wanted)| condition(operator, key, wanted, variables, context))
        })
    })
}

/// How a principal is named by an entry of `Principal`.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Named {
    Account,
    Role,
    Everyone,
    Itself,
}

/// Whether this is someone of an account, no service, no identity provider, not nobody.
fn belongs(principal: &str) -> bool {
    principal.starts_with("arn:") && !principal.contains("-provider/")
}

fn account(arn: &str) -> Option<&str> {
    arn.split(':').nth(4)
}

/// The name of the role of `…:assumed-role/ROLE/SESSION` or of `…:role/PATH/ROLE`.
fn role(arn: &str) -> Option<&str> {
    let resource = arn.split(':').nth(5)?;
    let of_session = resource.strip_prefix("assumed-role/").and_then(|rest| rest.split('/').next());
    of_session.or_else(|| resource.strip_prefix("role/").and_then(|path| path.split('/').next_back()))
}

fn named(kind: &str, entry: &str, asked: &str) -> Option<Named> {
    let is_arn = belongs(asked);
    match kind {
        "AWS" if entry == "*" => Some(Named::Everyone),
        "AWS" if is_arn && (Some(entry) == account(asked) || entry.ends_with(":root")) => {
            (entry == account(asked).unwrap() || account(entry) == account(asked)).then_some(Named::Account)
        }
        "AWS" if is_arn && entry.contains(":role/") => {
            (account(entry) == account(asked) && role(asked) == role(entry)).then_some(Named::Role)
        }
        _ => (entry == asked && (kind == "AWS") == is_arn).then_some(Named::Itself),
    }
}

/// The ways in which a statement of a resource's policy names the principal.
fn namings(principal: &Value, asked: &str) -> Vec<Named> {
    match principal {
        Value::String(_) => vec![Named::Everyone],
        kinds => kinds
            .as_object()
            .unwrap()
            .iter()
            .flat_map(|(kind, entries)| list(entries).into_iter().map(move |entry| (kind, entry)))
            .filter_map(|(kind, entry)| named(kind, entry.as_str().unwrap(), asked))
            .collect(),
    }
}

/// A case and what it asks.
struct Asked<'a> {
    case: &'a Value,
    principal: &'a str,
    action: &'a str,
    resource: &'a str,
    context: &'a Value,
}

impl Asked<'_> {
    fn body(&self, document: &Value, statement: &Value) -> bool {
        let variables = document["Version"] == "2012-10-17";
        action(statement, self.action)
            && resource(statement, self.resource, variables, self.context)
            && conditions(statement, variables, self.context)
    }

    /// Whether any of these policies has a matching statement with this effect.
    fn any(&self, policies: &Value, effect: &str) -> bool {
        policies.as_array().into_iter().flatten().any(|named| {
            let document = &named["policy"];
            let statements = list(&document["Statement"]);
            statements.iter().any(|statement| statement["Effect"] == effect && self.body(document, statement))
        })
    }

    fn has_boundary(&self) -> bool {
        self.case["permissionBoundaryPolicies"].is_array()
            && self.principal.starts_with("arn:")
            && !self.is_root()
    }

    fn is(&self, action: &str) -> bool {
        self.action.eq_ignore_ascii_case(action)
    }

    fn service(&self) -> String {
        self.action.split(':').next().unwrap().to_ascii_lowercase()
    }

    fn is_user(&self) -> bool {
        self.principal.contains(":user/")
    }

    fn is_root(&self) -> bool {
        self.principal.ends_with(":root")
    }

    fn is_federated(&self) -> bool {
        self.principal.contains(":federated-user/")
    }

    fn is_session(&self) -> bool {
        role(self.principal).is_some()
    }

    /// NotPrincipal: who is named with the account (and a session with its role) is spared, the sessions of
    /// a role where none is named, and nobody who has a boundary.
    fn spared(&self, not: &Value) -> bool {
        let entries: Vec<&str> = list(&not["AWS"]).into_iter().filter_map(Value::as_str).collect();
        let names = |way| entries.iter().any(|entry| named("AWS", entry, self.principal) == Some(way));
        let session = self.is_session();
        let sibling = |entry: &&str| entry.contains(":assumed-role/") && role(entry) == role(self.principal);
        let itself = if session {
            names(Named::Role) && (names(Named::Itself) || !entries.iter().any(sibling))
        } else {
            names(Named::Itself) || self.is_root()
        };
        names(Named::Account) && itself && !self.has_boundary()
    }

    fn resource_denies(&self) -> bool {
        let document = &self.case["resourcePolicy"];
        !document.is_null()
            && list(&document["Statement"]).iter().any(|statement| {
                let names = match statement.get("NotPrincipal") {
                    Some(not) => !self.spared(not),
                    None => !namings(&statement["Principal"], self.principal).is_empty(),
                };
                statement["Effect"] == "Deny" && names && self.body(document, statement)
            })
    }

    /// How the resource's policy names whom it allows, with whether a condition on aws:PrincipalArn
    /// narrows the statement.
    fn grants(&self) -> Vec<(Named, bool)> {
        let document = &self.case["resourcePolicy"];
        if document.is_null() {
            return Vec::new();
        }
        let statements = list(&document["Statement"]).into_iter();
        let counting = statements.filter(|statement| {
            statement["Effect"] == "Allow"
                && statement.get("Principal").is_some()
                && self.body(document, statement)
        });
        let narrowed = |statement: &Value| {
            statement["Condition"].as_object().into_iter().flatten().any(|(operator, keys)| {
                let plain =
                    !operator.contains("Not") && !operator.contains(':') && !operator.ends_with("IfExists");
                plain
                    && keys
                        .as_object()
                        .unwrap()
                        .keys()
                        .any(|key| key.eq_ignore_ascii_case("aws:PrincipalArn"))
            })
        };
        let mut out = Vec::new();
        for statement in counting {
            let narrowed = narrowed(statement);
            out.extend(
                namings(&statement["Principal"], self.principal).into_iter().map(|named| (named, narrowed)),
            );
        }
        out
    }
}

/// Policy evaluation logic, Cross-account policy evaluation logic.
pub(crate) fn decide(case: &Value) -> &'static str {
    let request = &case["request"];
    let asked = Asked {
        case,
        principal: request["principal"].as_str().unwrap(),
        action: request["action"].as_str().unwrap(),
        resource: request["resource"]["arn"].as_str().unwrap(),
        context: &request["context"],
    };
    let (user, root, federated) = (asked.is_user(), asked.is_root(), asked.is_federated());
    // STS API Reference: "No permissions are required".
    if asked.is("sts:GetCallerIdentity") || asked.is("sts:GetSessionToken") && (user || root) {
        return "Allowed";
    }
    let own = if belongs(asked.principal) { account(asked.principal) } else { None };
    let has_policies = own.is_some() && !root;
    let linked = asked.principal.contains(":role/aws-service-role/");
    let scps = list(&case["serviceControlPolicies"]).into_iter().filter(|_| own.is_some() && !linked);
    let scps: Vec<&Value> = scps.filter(|level| level.is_object()).collect();
    let services = ["s3", "sts", "kms", "sqs", "secretsmanager", "dynamodb", "logs", "ecr"];
    let rcps_hold = services.contains(&&*asked.service()) && !asked.is("kms:RetireGrant") && !linked;
    let rcps =
        list(&case["resourceControlPolicies"]).into_iter().filter(|level| rcps_hold && level.is_object());
    let session = match &case["sessionPolicy"] {
        Value::Null => Value::Null,
        given => list(given).into_iter().map(|policy| serde_json::json!({ "policy": policy })).collect(),
    };
    let boundary = &case["permissionBoundaryPolicies"];

    // "An explicit deny in any policy overrides any allows."
    let mut attached =
        scps.iter().map(|level| &level["policies"]).chain(rcps.map(|level| &level["policies"]));
    let denied = attached.any(|policies| asked.any(policies, "Deny"))
        || has_policies
            && [&case["identityPolicies"], boundary, &session]
                .iter()
                .any(|policies| asked.any(policies, "Deny"))
        || asked.resource_denies();
    if denied {
        return "ExplicitlyDenied";
    }
    // STS API Reference: AssumeRole and GetFederationToken, Permissions.
    let service = asked.service();
    if root && asked.is("sts:AssumeRole")
        || federated && (service == "sts" || service == "iam")
        || asked.is_session() && (asked.is("sts:GetSessionToken") || asked.is("sts:GetFederationToken"))
        || scps.iter().any(|level| !asked.any(&level["policies"], "Allow"))
    {
        return "ImplicitlyDenied";
    }

    let grants = asked.grants();
    let assumption =
        ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"].iter().any(|a| asked.is(a));
    // A role whose trust policy is not given: only the caller's side is asked.
    let trust = assumption && case["resourcePolicy"].is_object();
    let key = service == "kms" && asked.resource.contains(":key/");
    let same = own.is_some() && request["resource"]["accountId"].as_str() == own;
    let bounded = asked.has_boundary() && !asked.any(boundary, "Allow");
    let limited = has_policies && (!session.is_null() || federated) && !asked.any(&session, "Allow");
    let direct = |(named, narrowed): &(Named, bool)| match named {
        Named::Account => false,
        // Update a role trust policy: a user's boundary must allow sts:AssumeRole.
        _ if assumption && user && bounded => false,
        Named::Itself => true,
        Named::Everyone => !limited || *narrowed,
        Named::Role => !bounded && !limited,
    };
    let allowed = if own.is_none() {
        grants.iter().any(|(named, _)| matches!(named, Named::Itself | Named::Everyone))
    } else if same && grants.iter().any(direct) {
        true
    } else if (trust || key || !same) && grants.is_empty() {
        false
    } else {
        root || asked.any(&case["identityPolicies"], "Allow") && !bounded && !limited
    };
    if allowed { "Allowed" } else { "ImplicitlyDenied" }
}
