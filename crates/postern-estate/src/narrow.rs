//! What a document of ours can already be when everything is taken away and nothing yet given: the step
//! in the middle of a change that both takes and gives.

use std::collections::BTreeSet;

use crate::{
    PolicyDocument,
    document::statement as meaning,
    documents::{nobody, policy, start_session},
    json::Json,
};

/// The part of a new trust policy that the old one granted already.
///
/// People stay as far as the old policy let them in. A statement for anyone else, such as a third
/// party, stays only if it was there before.
pub(crate) fn trust(old: &PolicyDocument, new: &PolicyDocument) -> PolicyDocument {
    let (Some(old), Some(wanted)) = (Json::parse(old.text()), Json::parse(new.text())) else {
        return new.clone();
    };
    let old = old.get("Statement").map_or(&[][..], Json::items);
    let statements = wanted.get("Statement").map_or(&[][..], Json::items);
    let mut kept: Vec<Json> = statements.iter().filter_map(|statement| trusted(old, statement)).collect();
    if kept.is_empty() {
        let principal = statements.first().and_then(|statement| statement.get("Principal"));
        kept.push(nobody(principal.cloned().unwrap_or_else(|| Json::text("*"))));
    }
    policy(kept)
}

fn trusted(old: &[Json], statement: &Json) -> Option<Json> {
    let same = meaning(statement.clone());
    let denies = statement.get("Effect").and_then(Json::as_text) != Some("Allow");
    if denies || old.iter().any(|other| meaning(other.clone()) == same) {
        return Some(statement.clone());
    }
    let condition = statement.get("Condition")?;
    // Of our own statements, only those about people ask for MFA.
    condition.get("Bool")?.get("aws:MultiFactorAuthPresent")?;
    let mut condition = condition.clone();
    if let Some(before) = age_of(old, statement)
        && age(statement).is_none_or(|wanted| before < wanted)
    {
        let limit = Json::object([(AGE, Json::text(before.to_string()))]);
        condition = condition.with("NumericLessThan", limit);
    }
    for (operator, key) in LIMITS {
        let limit = match (values(statement, operator, key), values_of(old, statement, operator, key)) {
            (_, None) => continue,
            (None, Some(before)) => before,
            (Some(wanted), Some(before)) => wanted.intersection(&before).cloned().collect(),
        };
        if limit.is_empty() {
            return None;
        }
        condition = condition.with(operator, Json::object([(key, Json::texts(limit))]));
    }
    let kept: BTreeSet<String> = match (people(statement), people_of(old, statement)) {
        (_, None) => return Some(statement.with("Condition", condition)),
        (None, Some(before)) => before,
        (Some(wanted), Some(before)) => wanted.intersection(&before).cloned().collect(),
    };
    if kept.is_empty() {
        return None;
    }
    let list = Json::object([(PERSON, Json::texts(kept))]);
    Some(statement.with("Condition", condition.with("ArnEquals", list)))
}

const AGE: &str = "aws:MultiFactorAuthAge";
const PERSON: &str = "aws:PrincipalArn";

/// Conditions by which a trust of ours narrows further. Each is compared value by value.
const LIMITS: [(&str, &str); 2] = [("IpAddress", "aws:SourceIp"), ("StringEquals", "sts:SourceIdentity")];

/// The values of a key under an operator of a statement's condition.
fn condition<'j>(statement: &'j Json, operator: &str, key: &str) -> Option<&'j [Json]> {
    let member = |object: &'j Json, name: &str| match object {
        Json::Object(members) => {
            members.iter().find(|(other, _)| other.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        }
        _ => None,
    };
    Some(member(member(statement.get("Condition")?, operator)?, key)?.items())
}

/// The age that a statement's MFA must stay below; none where it sets no limit.
fn age(statement: &Json) -> Option<u64> {
    let [limit] = condition(statement, "NumericLessThan", AGE)? else { return None };
    match limit {
        Json::String(text) | Json::Number(text) => text.parse().ok(),
        _ => None,
    }
}

/// The greatest age that the old statements about the same account let in; none where one sets no limit.
fn age_of(old: &[Json], statement: &Json) -> Option<u64> {
    old.iter()
        .filter(|other| concerns(other, statement))
        .map(age)
        .collect::<Option<Vec<_>>>()?
        .into_iter()
        .max()
}

/// Whether an old statement lets in someone of the account that a statement is about.
fn concerns(old: &Json, statement: &Json) -> bool {
    let about = principals(old);
    let everyone = about.iter().any(|text| text == "*");
    let shared = about.intersection(&principals(statement)).next().is_some();
    old.get("Effect").and_then(Json::as_text) == Some("Allow") && (everyone || shared)
}

/// The people whom a statement lists; none where it lists nobody in particular.
fn people(statement: &Json) -> Option<BTreeSet<String>> {
    values(statement, "ArnEquals", PERSON)
}

/// The values that a statement's condition asks of a key; none where it asks nothing.
fn values(statement: &Json, operator: &str, key: &str) -> Option<BTreeSet<String>> {
    let list = condition(statement, operator, key)?;
    Some(list.iter().filter_map(Json::as_text).map(str::to_owned).collect())
}

/// The values that the old statements about the same account asked of a key; none where one asked nothing.
fn values_of(old: &[Json], statement: &Json, operator: &str, key: &str) -> Option<BTreeSet<String>> {
    let named = |other: &Json| principals(other).iter().any(|principal| principal.contains(":user/"));
    let allows = |other: &Json| other.get("Effect").and_then(Json::as_text) == Some("Allow");
    let mut all = None;
    for other in old.iter().filter(|other| concerns(other, statement) || (allows(other) && named(other))) {
        all.get_or_insert_with(BTreeSet::new).extend(values(other, operator, key)?);
    }
    all
}

/// The people whom the old statements about the same account let in; none where one lets in all of them.
fn people_of(old: &[Json], statement: &Json) -> Option<BTreeSet<String>> {
    let mut all = BTreeSet::new();
    for other in old {
        if concerns(other, statement) {
            all.extend(people(other)?);
        } else if other.get("Effect").and_then(Json::as_text) == Some("Allow") {
            // Users named as principals.
            all.extend(principals(other));
        }
    }
    Some(all)
}

fn principals(statement: &Json) -> BTreeSet<String> {
    let Some(normal) = meaning(statement.clone()) else { return BTreeSet::new() };
    let list =
        normal.get("Principal").and_then(|principal| principal.get("AWS")).map_or(&[][..], Json::items);
    list.iter().filter_map(Json::as_text).map(str::to_owned).collect()
}

/// The part of a new group policy that the old one granted already: the roles that both name.
pub(crate) fn group(old: &PolicyDocument, new: &PolicyDocument) -> PolicyDocument {
    let Some(wanted) = Json::parse(new.text()) else { return new.clone() };
    let old = Json::parse(old.text());
    let before = old.as_ref().map(assumable).unwrap_or_default();
    let granted = old.as_ref().and_then(|old| old.get("Statement")).map_or(&[][..], Json::items);
    let statements = wanted.get("Statement").map_or(&[][..], Json::items).iter().filter_map(|statement| {
        if !actions(statement).any(|action| action.eq_ignore_ascii_case("sts:AssumeRole")) {
            // Anything else stays only if it was there before, or grants nothing.
            let wanted = meaning(statement.clone());
            let same = |other: &Json| wanted.is_some() && meaning(other.clone()) == wanted;
            return (same(&start_session()) || granted.iter().any(same)).then(|| statement.clone());
        }
        let mut kept: BTreeSet<&str> = BTreeSet::new();
        for resource in statement.get("Resource")?.items().iter().filter_map(Json::as_text) {
            if before.iter().any(|old| glob(old, resource)) {
                kept.insert(resource);
            } else {
                kept.extend(before.iter().map(String::as_str).filter(|old| glob(resource, old)));
            }
        }
        (!kept.is_empty()).then(|| statement.with("Resource", Json::texts(kept)))
    });
    let mut statements: Vec<Json> = statements.collect();
    if statements.is_empty() {
        // IAM takes no policy without a statement.
        statements.push(start_session());
    }
    policy(statements)
}

/// The resources on which a policy allows `sts:AssumeRole`.
fn assumable(document: &Json) -> Vec<String> {
    let mut all = Vec::new();
    for statement in document.get("Statement").map_or(&[][..], Json::items) {
        let allows = statement.get("Effect").and_then(Json::as_text) == Some("Allow");
        let assumes = statement.get("NotAction").is_some()
            || actions(statement).any(|action| glob(&action.to_ascii_lowercase(), "sts:assumerole"));
        if allows && assumes {
            match statement.get("Resource") {
                Some(list) => all.extend(list.items().iter().filter_map(Json::as_text).map(str::to_owned)),
                None => all.push("*".to_owned()),
            }
        }
    }
    all
}

fn actions(statement: &Json) -> impl Iterator<Item = &str> {
    statement.get("Action").map_or(&[][..], Json::items).iter().filter_map(Json::as_text)
}

/// Whether a pattern of `*` and `?` takes a text.
fn glob(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut at, mut in_text) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    loop {
        let here = text.get(in_text);
        match (pattern.get(at), here) {
            (Some('*'), _) => {
                star = Some((at, in_text));
                at += 1;
                continue;
            }
            (Some(p), Some(t)) if *p == '?' || p == t => {
                at += 1;
                in_text += 1;
                continue;
            }
            (None, None) => return true,
            _ => {}
        }
        // Let the last star take one character more.
        match star {
            Some((star_at, taken)) if taken < text.len() => {
                star = Some((star_at, taken + 1));
                at = star_at + 1;
                in_text = taken + 1;
            }
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use postern_types::{AccountId, ExternalId, Partition, SessionDuration};

    use super::*;
    use crate::documents::{self, Trust};

    fn trust_of(people: &[&str], age: Option<u32>, third: bool) -> PolicyDocument {
        let people: BTreeSet<_> = people
            .iter()
            .map(|name| format!("arn:aws:iam::111111111111:user/postern/{name}").parse().unwrap())
            .collect();
        let id: ExternalId = "xy".parse().unwrap();
        let party: AccountId = "999999999999".parse().unwrap();
        let third_parties = if third { vec![(party, &id)] } else { vec![] };
        let trust = Trust {
            partition: Partition::Aws,
            bastion: "111111111111".parse().unwrap(),
            people: &people,
            mfa_max_age: age.map(SessionDuration::from_seconds),
            source_identity: false,
            demands_source_identity: false,
            source_ip: None,
            third_parties: &third_parties,
        };
        trust.document(false)
    }

    #[test]
    fn trust_narrows_to_those_whom_both_let_in() {
        for (old, new, between) in [
            (
                trust_of(&["a", "b"], None, false),
                trust_of(&["b", "c"], None, false),
                trust_of(&["b"], None, false),
            ),
            (trust_of(&["a"], None, false), trust_of(&["b"], None, false), trust_of(&[], None, false)),
            (
                trust_of(&["a"], None, false),
                trust_of(&["a"], Some(3600), true),
                trust_of(&["a"], Some(3600), false),
            ),
            (
                trust_of(&["a"], Some(60), false),
                trust_of(&["a", "b"], None, false),
                trust_of(&["a"], Some(60), false),
            ),
            (
                trust_of(&["a"], Some(60), true),
                trust_of(&["a"], Some(90), false),
                trust_of(&["a"], Some(60), false),
            ),
            (trust_of(&["a"], None, true), trust_of(&["a", "b"], None, true), trust_of(&["a"], None, true)),
            (trust_of(&["a", "b"], None, true), trust_of(&["a"], None, false), trust_of(&["a"], None, false)),
        ] {
            let found = trust(&old, &new);
            assert!(found.means_the_same(&between), "{old}\n{new}\n{found}");
        }
    }

    #[test]
    fn a_trust_that_was_open_closes_at_once() {
        let wanted = trust_of(&["a"], None, false);
        let open = PolicyDocument::new(
            r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}]}"#,
        );
        assert!(trust(&open, &wanted).means_the_same(&wanted));
        assert!(trust(&PolicyDocument::new("?"), &wanted).means_the_same(&wanted));
    }

    #[test]
    fn groups_narrow_to_the_roles_that_both_name() {
        let of = |resources: &[&str]| {
            documents::group(&resources.iter().map(|r| (*r).to_owned()).collect::<Vec<_>>(), false)
        };
        for (old, new, between) in [
            (&["r/a", "r/b"][..], &["r/b", "r/c"][..], &["r/b"][..]),
            (&["r/*"], &["r/b"], &["r/b"]),
            (&["r/b", "x"], &["r/*"], &["r/b"]),
            (&["x"], &["r/b"], &[]),
        ] {
            let found = group(&of(old), &of(new));
            assert!(found.means_the_same(&of(between)), "{found}");
        }
    }

    #[test]
    fn globs() {
        for (pattern, text, taken) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("a?c", "abc", true),
            ("*b*b", "abab", true),
            ("", "a", false),
        ] {
            assert_eq!(glob(pattern, text), taken, "{pattern} {text}");
        }
    }
}
