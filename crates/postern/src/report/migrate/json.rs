//! The same for programs.

use postern_estate::migrate::{Kind, Usage};
use postern_prove::{Lost, ServiceOutlook, Verdict};
use serde_json::{Value, json};

use super::{Picture, next, stopped};
use crate::commands::migrate::{Power, UserOutlook};

impl Picture<'_> {
    /// The picture as JSON, in format 1.
    pub(crate) fn json(&self) -> String {
        let users: Vec<Value> = self.users.iter().map(user).collect();
        let value = json!({
            "format": 1,
            "account": self.source.id.to_string(),
            "name": self.source.name.as_str(),
            "read_at": self.source.usage.read_at.to_string(),
            "unused_after_days": self.window.unused_after.as_hours() / 24,
            "users": users,
            "gaps": self.source.usage.gaps,
            "unknown_policies": self.missing,
        });
        format!("{value:#}\n")
    }
}

fn user(user: &UserOutlook) -> Value {
    let mut value = json!({
        "name": user.name.as_str(),
        "kind": user.entry.kind.as_str(),
        "sure": user.judgement.is_sure,
        "reasons": user.judgement.reasons,
        "last_used": user.usage.as_ref().and_then(Usage::last_used).map(|at| at.to_string()),
        "by_key": user.by_key.as_ref().map(power),
        "with_mfa": power(&user.with_mfa),
        "password": user.has_password,
    });
    let Some(members) = value.as_object_mut() else { return value };
    match &user.entry.kind {
        Kind::Person { person, administrator, roles } => {
            members.insert("person".to_owned(), json!(person.as_str()));
            members.insert("administrator".to_owned(), json!(administrator));
            let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
            members.insert("roles".to_owned(), json!(roles));
            let read = user.usage.as_ref().is_some_and(|usage| usage.services.is_some());
            let services = read.then(|| user.services.iter().map(service).collect::<Vec<_>>());
            members.insert("services".to_owned(), json!(services));
        }
        Kind::Machine { better } => {
            members.insert("better".to_owned(), json!(better.as_str()));
            members.insert("next".to_owned(), json!(next(*better)));
        }
        Kind::Unused | Kind::Keep => {}
    }
    value
}

fn power(power: &Power) -> Value {
    let roles: Vec<&str> = power.roles.iter().map(|role| role.as_str()).collect();
    json!({
        "administrator": power.administers(),
        "iam_writes": power.iam_writes,
        "roles": roles,
        "anything": power.is_any,
    })
}

fn service(service: &ServiceOutlook) -> Value {
    let verdict = match service.verdict() {
        Verdict::Yes => "yes",
        Verdict::AsAdministrator => "as_administrator",
        Verdict::Partly => "partly",
        Verdict::No => "no",
    };
    json!({
        "service": service.namespace,
        "name": service.name,
        "last_used": service.last.to_string(),
        "verdict": verdict,
        "tracked": service.is_tracked,
        "could": service.could,
        "can": service.can,
        "perhaps": service.perhaps,
        "as_administrator": service.as_administrator,
        "lost": service.lost.iter().map(lost).collect::<Vec<_>>(),
    })
}

fn lost(lost: &Lost) -> Value {
    let stops: Vec<String> = lost.stops.iter().map(stopped).collect();
    json!({ "action": lost.action, "as_administrator": lost.as_administrator, "stopped_by": stops })
}
