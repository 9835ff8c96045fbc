//! AWS's variables: which contradict each other, and which lead where they should not.

use std::collections::BTreeMap;

use postern_aws::Network;
use postern_broker::files::profile::Profiles;
use postern_types::{AccessKeyId, KeyKind, Timestamp};

use super::{Check, Finding};
use crate::env::Environment;

const KEY: &str = "AWS_ACCESS_KEY_ID";
const SECRET: &str = "AWS_SECRET_ACCESS_KEY";
const TOKEN: &str = "AWS_SESSION_TOKEN";
const OLD_TOKEN: &str = "AWS_SECURITY_TOKEN";

pub(super) fn check(environment: &Environment, profiles: Option<&Profiles>) -> Check {
    let mut texts = environment.texts();
    texts.retain(|name, text| name.starts_with("AWS_") && !text.is_empty());
    let mut findings = find(&texts, profiles.map(Profiles::names).as_deref(), Timestamp::now());
    if let Err(error) = Network::resolve(&environment.texts()) {
        findings.push(
            Finding::problem(error.to_string())
                .hint("set it right, or unset it (docs/environment.md, \"Proxies\")"),
        );
    }
    let state = match texts.len() {
        0 => "none of AWS's is set".to_owned(),
        _ => format!("set: {}", texts.keys().map(String::as_str).collect::<Vec<_>>().join(", ")),
    };
    Check::new("variables", "Variables", state, findings)
}

fn find(set: &BTreeMap<String, String>, profiles: Option<&[String]>, now: Timestamp) -> Vec<Finding> {
    let text = |name: &str| set.get(name).map(String::as_str);
    let mut found = Vec::new();
    found.extend(keys(&text));
    if let (Some(profile), Some(_)) = (text("AWS_PROFILE"), text(KEY)) {
        found.push(
            Finding::problem(format!(
                "AWS_PROFILE is `{profile}`, but {KEY} is set too: SDKs take the key, and of the profile only its settings"
            ))
            .hint(format!("unset one of them: unset {KEY} {SECRET} {TOKEN}")),
        );
    }
    if let (Some(one), Some(other)) = (text("AWS_PROFILE"), text("AWS_DEFAULT_PROFILE"))
        && one != other
    {
        found.push(
            Finding::problem(format!(
                "AWS_PROFILE is `{one}` and AWS_DEFAULT_PROFILE is `{other}`: boto3 and the aws CLI v1 take the latter, others the former"
            ))
            .hint("unset AWS_DEFAULT_PROFILE"),
        );
    }
    for name in ["AWS_PROFILE", "AWS_DEFAULT_PROFILE"] {
        if let (Some(profile), Some(profiles)) = (text(name), profiles)
            && !profiles.iter().any(|known| known == profile)
        {
            found.push(
                Finding::problem(format!("{name} is `{profile}`, and there is no such profile"))
                    .hint(format!("unset {name}, or `postern profiles sync`")),
            );
        }
    }
    if let (Some(one), Some(other)) = (text("AWS_REGION"), text("AWS_DEFAULT_REGION"))
        && one != other
    {
        found.push(
            Finding::warning(format!(
                "AWS_REGION is {one} and AWS_DEFAULT_REGION is {other}: boto3 reads only the latter, most others the former"
            ))
            .hint("set both to the same, or unset both"),
        );
    }
    if let Some(expiration) = text("AWS_CREDENTIAL_EXPIRATION") {
        match expiration.parse::<Timestamp>() {
            Ok(at) if at <= now => found.push(
                Finding::problem(format!("the credentials in the environment expired at {at}"))
                    .hint("leave the shell that they were put into, or unset AWS_CREDENTIAL_EXPIRATION and the keys"),
            ),
            Ok(_) => {}
            Err(_) => found.push(Finding::warning("AWS_CREDENTIAL_EXPIRATION is no time")),
        }
    }
    for (name, url) in set.iter().filter(|(name, _)| name.starts_with("AWS_ENDPOINT_URL")) {
        if let Some(host) = plain_elsewhere(url) {
            found.push(
                Finding::problem(format!(
                    "{name} leads to `{host}` in clear: whoever listens reads what AWS issues"
                ))
                .hint("use https, or an endpoint on this machine"),
            );
        }
    }
    found
}

/// Whether key, secret and tokens belong together.
fn keys<'a>(text: &impl Fn(&str) -> Option<&'a str>) -> Vec<Finding> {
    let mut found = Vec::new();
    let kind = text(KEY).and_then(|id| id.parse::<AccessKeyId>().ok()?.kind());
    let token = text(TOKEN).map(|_| TOKEN).or(text(OLD_TOKEN).map(|_| OLD_TOKEN));
    match (text(KEY), text(SECRET)) {
        (Some(_), None) => found.push(Finding::problem(format!("{KEY} is set without {SECRET}"))),
        (None, Some(_)) => found.push(Finding::problem(format!("{SECRET} is set without {KEY}"))),
        _ => {}
    }
    match (kind, token) {
        (_, Some(token)) if text(KEY).is_none() => {
            found.push(
                Finding::problem(format!("{token} is set without {KEY}")).hint(format!("unset {token}")),
            );
        }
        (Some(KeyKind::Temporary), None) => {
            found.push(Finding::problem(format!("{KEY} is temporary, and {TOKEN} is not set")));
        }
        (Some(KeyKind::LongTerm), Some(token)) => found.push(
            Finding::problem(format!("{KEY} is a long-term key, and {token} belongs to another one"))
                .hint(format!("unset {token}")),
        ),
        (Some(KeyKind::LongTerm), None) => found.push(
            Finding::warning(format!("{KEY} is a long-term key: every program started from here has it"))
                .hint("`postern keys add --from-environment`, then unset it"),
        ),
        _ => {}
    }
    match (text(OLD_TOKEN), text(TOKEN)) {
        (Some(old), Some(new)) if old != new => found.push(
            Finding::problem(format!(
                "{OLD_TOKEN} and {TOKEN} differ: boto3 takes the former, others the latter"
            ))
            .hint(format!("unset {OLD_TOKEN}")),
        ),
        (Some(_), None) if text(KEY).is_some() => found.push(
            Finding::warning(format!("{OLD_TOKEN} is {TOKEN}'s old name, which few still read"))
                .hint(format!("set {TOKEN} instead")),
        ),
        _ => {}
    }
    found
}

/// The host, where a URL leads to another machine without TLS.
fn plain_elsewhere(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
    let host = match authority.strip_prefix('[') {
        Some(six) => six.split(']').next()?,
        None => authority.split(':').next()?,
    };
    let here = host.eq_ignore_ascii_case("localhost")
        || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    (scheme.eq_ignore_ascii_case("http") && !here).then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn contradictions_are_named() {
        let long = "AWS_ACCESS_KEY_ID=AKIAY34FZKBOKMUTV007 AWS_SECRET_ACCESS_KEY=s";
        let temporary = "AWS_ACCESS_KEY_ID=ASIAY34FZKBOKMUTV007 AWS_SECRET_ACCESS_KEY=s";
        let cases: &[(String, &[&str])] = &[
            (String::new(), &[]),
            (format!("{temporary} AWS_SESSION_TOKEN=t AWS_REGION=x AWS_DEFAULT_REGION=x"), &[]),
            ("AWS_PROFILE=a AWS_DEFAULT_PROFILE=a".into(), &[]),
            ("AWS_PROFILE=a AWS_DEFAULT_PROFILE=b".into(), &["AWS_DEFAULT_PROFILE is `b`"]),
            ("AWS_PROFILE=nope".into(), &["no such profile"]),
            (format!("{temporary} AWS_SESSION_TOKEN=t AWS_PROFILE=a"), &["SDKs take the key"]),
            (long.into(), &["every program started from here"]),
            (format!("{long} AWS_SESSION_TOKEN=t"), &["belongs to another one"]),
            (temporary.into(), &["AWS_SESSION_TOKEN is not set"]),
            ("AWS_SESSION_TOKEN=t".into(), &["AWS_SESSION_TOKEN is set without AWS_ACCESS_KEY_ID"]),
            ("AWS_SECRET_ACCESS_KEY=s".into(), &["set without AWS_ACCESS_KEY_ID"]),
            ("AWS_ACCESS_KEY_ID=x".into(), &["set without AWS_SECRET_ACCESS_KEY"]),
            (format!("{temporary} AWS_SECURITY_TOKEN=t"), &["old name"]),
            (format!("{temporary} AWS_SECURITY_TOKEN=t AWS_SESSION_TOKEN=u"), &["differ"]),
            ("AWS_REGION=x AWS_DEFAULT_REGION=y".into(), &["boto3 reads only the latter"]),
            ("AWS_CREDENTIAL_EXPIRATION=2027-01-15T08:00:01Z".into(), &[]),
            ("AWS_CREDENTIAL_EXPIRATION=2027-01-15T08:00:00Z".into(), &["expired at 2027-01-15"]),
            ("AWS_CREDENTIAL_EXPIRATION=soon".into(), &["is no time"]),
            ("AWS_ENDPOINT_URL=http://127.0.0.1:1 AWS_ENDPOINT_URL_STS=http://[::1]:2".into(), &[]),
            ("AWS_ENDPOINT_URL=https://example.com".into(), &[]),
            ("AWS_ENDPOINT_URL_S3=http://127.0.0.1@example.com:80/x".into(), &["`example.com` in clear"]),
        ];
        let (now, profiles) = (Timestamp::from_second(1_800_000_000).unwrap(), ["a".into(), "b".into()]);
        for (line, words) in cases {
            let set = line.split_whitespace().filter_map(|pair| pair.split_once('='));
            let set = set.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let found: Vec<String> =
                find(&set, Some(&profiles), now).into_iter().map(|finding| finding.message).collect();
            assert_eq!(found.len(), words.len(), "{line}: {found:?}");
            for word in *words {
                assert!(found.iter().any(|message| message.contains(word)), "{line}: {found:?}");
            }
        }
    }
}
