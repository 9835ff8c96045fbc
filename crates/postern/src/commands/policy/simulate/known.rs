//! What a request names and AWS does not know. None of it is an error: AWS adds actions and keys weekly.

use postern_policy::catalogue::{Catalogue, ConditionKey};
use postern_types::Arn;

use crate::{
    output::harmless,
    report::simulation::{Kind, Notice},
};

/// A warning for each name that is probably a slip.
pub(super) fn warnings(actions: &[&str], resources: &[&str], keys: &[String]) -> Vec<Notice> {
    let mut warnings = Vec::new();
    let mut warn = |kind, message: String| {
        let new = Notice { kind, message };
        if !warnings.contains(&new) {
            warnings.push(new);
        }
    };
    for action in actions {
        if let Some(message) = about_action(action) {
            warn(Kind::UnknownAction, message);
        }
    }
    for resource in resources {
        if let Some(message) = about_resource(resource) {
            warn(Kind::NoArn, message);
        }
    }
    for key in keys {
        if let Some(message) = about_key(key) {
            warn(Kind::UnknownContextKey, message);
        }
    }
    warnings
}

fn about_action(action: &str) -> Option<String> {
    let catalogue = Catalogue::embedded();
    let unknown = catalogue.action(action).is_none();
    let near = || catalogue.nearest_action(action);
    unknown.then(|| format!("`{}` is no known action{}", harmless(action), meant(near())))
}

fn about_resource(resource: &str) -> Option<String> {
    if resource == "*" || resource.parse::<Arn>().is_ok() {
        return None;
    }
    let near = resource.strip_prefix("s3://").map(|path| format!("arn:aws:s3:::{path}"));
    let resource = harmless(resource);
    Some(format!("the resource `{resource}` is no ARN, and policies name ARNs{}", meant(near)))
}

fn about_key(key: &str) -> Option<String> {
    let catalogue = Catalogue::embedded();
    if catalogue.condition_key(key).is_some() {
        return None;
    }
    let (head, tail) = key.split_once('/').unwrap_or((key, ""));
    if tail.is_empty() {
        let with_name = format!("{head}/NAME");
        if catalogue.condition_key(&with_name).is_some_and(ConditionKey::is_template) {
            return Some(format!("the context key `{}` names no tag; write `{with_name}`", harmless(key)));
        }
    } else if catalogue.condition_key(&format!("{head}/tag-key")).is_some() {
        // Some keys on tags stand in the catalogue with a sample for the tag's name.
        return None;
    }
    // Identity providers have claims of their own.
    let is_claim = key.split_once(':').is_some_and(|(prefix, _)| prefix.contains('.'));
    let near = || catalogue.nearest_condition_key(key);
    (!is_claim).then(|| format!("`{}` is no known context key{}", harmless(key), meant(near())))
}

fn meant(near: Option<String>) -> String {
    near.map(|near| format!("; did you mean `{}`?", harmless(&near))).unwrap_or_default()
}
