//! T15 to T17: identity providers whose users all come in, decided by letting a strange one try.

use super::{
    About, Class, PolicyKind, Rule, Severity,
    finding::Sink,
    place::Place,
    sample,
    scene::{self, Ask, Caller, Mfa},
};
use crate::{Condition, ContextValue, Effect, PrincipalPattern, PrincipalType, Qualifier, Statement};

pub(super) static OIDC: Rule = Rule::new("T15", Class::Security, Severity::Critical)
    .says("OIDC trust is too wide")
    .why("Any repository, project or user of the provider gets the role.")
    .fix("`StringEquals` on the provider's `aud` and `sub`; `StringLike` only behind organization and repository.")
    .counts_as("T15");

pub(super) static SAML: Rule = Rule::new("T16", Class::Security, Severity::Medium)
    .says("SAML trust without audience")
    .why("Assertions that are meant for another service are accepted.")
    .fix("Add `\"StringEquals\": {\"SAML:aud\": \"https://signin.aws.amazon.com/saml\"}`.")
    .counts_as("T16");

pub(super) static COGNITO: Rule = Rule::new("T17", Class::Security, Severity::High)
    .says("Cognito trust without pool id")
    .why("Any identity pool of any account gets the role.")
    .fix("Add `StringEquals` on `cognito-identity.amazonaws.com:aud` with the pool's id.")
    .counts_as("T17");

const COGNITO_DOMAIN: &str = "cognito-identity.amazonaws.com";
const ROLE: &str = "arn:aws:iam::827364554637:role/somewhere";

pub(super) fn check(about: &About<'_>, sink: &mut Sink) {
    if about.kind != PolicyKind::Trust {
        return;
    }
    for (number, statement) in
        about.statements().filter(|(_, s)| s.effect() == Effect::Allow).take(about.evaluated)
    {
        let Some(principals) = statement.principals().filter(|p| !p.is_negated()) else { continue };
        for (at, pattern) in principals.patterns().iter().enumerate() {
            if pattern.kind() != PrincipalType::Federated {
                continue;
            }
            let place = Place::Principal(number, at);
            if pattern.text().contains(":saml-provider/") {
                saml(about, number, statement, (place, pattern), sink);
            } else if pattern.text() == COGNITO_DOMAIN {
                cognito(about, number, statement, (place, pattern), sink);
            } else {
                oidc(about, number, statement, (place, pattern), sink);
            }
        }
    }
}

/// Lets someone in with these claims try; all that is not a claim is met.
fn passes(
    about: &About<'_>,
    number: usize,
    statement: &Statement,
    pattern: &PrincipalPattern,
    action: &str,
    claims: &[(String, ContextValue)],
) -> bool {
    let Some(document) = scene::alone(about.document, number) else { return false };
    let Some(mut caller) = Caller::named(pattern) else { return false };
    let claimed =
        |condition: &Condition| claims.iter().any(|(key, _)| key.eq_ignore_ascii_case(condition.key()));
    if !statement.actions().matches(action) || !caller.meets(statement, claimed) {
        return false;
    }
    for (key, value) in claims {
        caller.context.set(key, value.clone());
    }
    scene::allows(&document, about.kind, &caller, Ask { action, resource: ROLE }, Mfa::LongTermKey)
}

fn saml(
    about: &About<'_>,
    number: usize,
    statement: &Statement,
    (place, pattern): (Place, &PrincipalPattern),
    sink: &mut Sink,
) {
    let claims = [("SAML:aud".to_owned(), ContextValue::from("https://another.example/saml"))];
    if passes(about, number, statement, pattern, "sts:AssumeRoleWithSAML", &claims) {
        let help = "`\"StringEquals\": {\"SAML:aud\": \"https://signin.aws.amazon.com/saml\"}`".to_owned();
        let message = "assertions for any audience are accepted";
        sink.add(about.document, &SAML, place, message, help);
    }
}

fn cognito(
    about: &About<'_>,
    number: usize,
    statement: &Statement,
    (place, pattern): (Place, &PrincipalPattern),
    sink: &mut Sink,
) {
    let pool = ContextValue::from("us-east-1:00000000-0000-4000-8000-000000000000");
    let claims = [(format!("{COGNITO_DOMAIN}:aud"), pool)];
    if passes(about, number, statement, pattern, "sts:AssumeRoleWithWebIdentity", &claims) {
        let help = "`\"StringEquals\": {\"cognito-identity.amazonaws.com:aud\": \"POOL-ID\"}`".to_owned();
        let message = "users of any identity pool are let in";
        sink.add(about.document, &COGNITO, place, message, help);
    }
}

/// What a provider's own domain is: the prefix of its condition keys.
fn domain(text: &str) -> &str {
    text.split_once(":oidc-provider/").map_or(text, |(_, domain)| domain)
}

fn oidc(
    about: &About<'_>,
    number: usize,
    statement: &Statement,
    (place, pattern): (Place, &PrincipalPattern),
    sink: &mut Sink,
) {
    let domain = domain(pattern.text());
    let prefix = format!("{}:", domain.to_ascii_lowercase());
    let on_claims =
        || statement.conditions().iter().enumerate().filter(|(_, c)| c.folded_key().starts_with(&prefix));
    let name = |c: &Condition| c.folded_key().get(prefix.len()..).unwrap_or_default().to_owned();
    let is_audience = |c: &Condition| matches!(name(c).as_str(), "aud" | "app_id" | "azp" | "client_id");
    let tries = |claims: &[(String, ContextValue)]| {
        passes(about, number, statement, pattern, "sts:AssumeRoleWithWebIdentity", claims)
    };
    let sub =
        || statement.conditions().iter().enumerate().find(|(_, c)| c.folded_key() == format!("{prefix}sub"));
    // Where one company's provider serves everybody, it is the audience that tells the customers apart.
    let shared = matches!(domain, "accounts.google.com" | "www.amazon.com" | "graph.facebook.com");
    // A stranger's token has all claims, with values of its own; some are optional.
    let strange = |value: &str| -> Vec<(String, ContextValue)> {
        let mut claims: Vec<(String, ContextValue)> = on_claims()
            .filter(|(_, c)| shared || !is_audience(c))
            .map(|(_, c)| (c.key().to_owned(), claim(c, value)))
            .collect();
        if shared {
            claims.push((format!("{domain}:aud"), value.into()));
        } else if !claims.iter().any(|(key, _)| key.eq_ignore_ascii_case(&format!("{domain}:sub"))) {
            claims.push((format!("{domain}:sub"), value.into()));
        }
        claims
    };
    let absent: Vec<(String, ContextValue)> =
        strange("x").into_iter().map(|(key, _)| (key, ContextValue::Absent)).collect();
    let help = Some(format!(
        "`\"StringEquals\": {{\"{domain}:aud\": \"sts.amazonaws.com\", \"{domain}:sub\": \"{}\"}}`",
        example(domain)
    ));
    if tries(&strange("repo:stranger/thing:ref:refs/heads/main")) || (!shared && tries(&absent)) {
        let (place, message) = match sub() {
            Some((at, condition)) => (
                Place::Condition(number, at),
                format!("`{}` lets in a stranger's token", condition.operator()),
            ),
            None => (place, format!("no condition says whose token of `{domain}` is meant")),
        };
        sink.add(about.document, &OIDC, place, message, help);
        return;
    }
    if let Some((at, condition)) = sub() {
        for (value, wanted) in condition.values().iter().enumerate() {
            let Some((owner, severity)) = stranger(wanted.text()) else { continue };
            let mut claims = strange("x");
            claims.retain(|(key, _)| key.eq_ignore_ascii_case(condition.key()));
            claims.iter_mut().for_each(|(_, text)| *text = claim(condition, &owner));
            if tries(&claims) {
                let message = format!("`{}` also lets in `{owner}`", wanted.text());
                sink.graded(
                    about.document,
                    &OIDC,
                    severity,
                    Place::Value(number, at, value),
                    message,
                    help.clone(),
                );
            }
        }
    }
    if !shared && !on_claims().any(|(_, c)| is_audience(c)) {
        let message = format!("no condition on `{domain}:aud` says for whom the token is meant");
        let help = format!("`\"StringEquals\": {{\"{domain}:aud\": \"sts.amazonaws.com\"}}`");
        sink.graded(about.document, &OIDC, Severity::Medium, place, message, help);
    }
}

fn claim(condition: &Condition, value: &str) -> ContextValue {
    match condition.operator().qualifier {
        Some(Qualifier::ForAllValues | Qualifier::ForAnyValue) => vec![value.to_owned()].into(),
        None => value.into(),
    }
}

fn example(domain: &str) -> &'static str {
    match domain {
        "token.actions.githubusercontent.com" => "repo:ORG/REPO:ref:refs/heads/main",
        "gitlab.com" => "project_path:GROUP/PROJECT:ref_type:branch:ref:main",
        "app.terraform.io" => "organization:ORG:project:PROJECT:workspace:WORKSPACE:run_phase:apply",
        _ => "SUBJECT",
    }
}

/// A subject that a pattern with wildcards matches too, of another owner or project; and how bad that is.
fn stranger(pattern: &str) -> Option<(String, Severity)> {
    let wild = pattern.find(['*', '?'])?;
    let fixed = pattern.get(..wild)?;
    let kinds = ["repo:", "project_path:", "organization:", "system:serviceaccount:"];
    let kind = kinds.iter().find(|kind| fixed.starts_with(**kind) || kind.starts_with(fixed));
    let rest = kind.map_or(fixed, |kind| fixed.get(kind.len()..).unwrap_or_default());
    let divider = match kind {
        Some(&"organization:" | &"system:serviceaccount:") => ':',
        _ => '/',
    };
    let with = |text: &str| {
        let mut out = pattern.replacen(['*', '?'], text, 1);
        out = sample::instantiate(&out, "x");
        out
    };
    let dividers = rest.matches(divider).count();
    if kind.is_none() || dividers == 0 {
        // `repo:*`, `repo:org*`, or a provider whose subjects are not known.
        let owner = if divider == '/' { "stranger/thing:x" } else { "stranger:x" };
        let owner = if rest.is_empty() { owner.to_owned() } else { format!("-{owner}") };
        // The accounts of a cluster are at least those of one's own cluster.
        let own = kind.is_some_and(|kind| kind.starts_with("system:"));
        let severity = if own { Severity::High } else { Severity::Critical };
        return kind
            .map(|_| (with(&owner), severity))
            .or_else(|| rest.is_empty().then(|| (with("stranger"), Severity::Critical)));
    }
    // `repo:org/*`: any repository; behind the repository's name a wildcard is for branches.
    let after = rest.split(divider).nth(1).unwrap_or_default();
    (!after.contains(':') && dividers == 1 && divider == '/').then(|| (with("another:x"), Severity::Medium))
}
