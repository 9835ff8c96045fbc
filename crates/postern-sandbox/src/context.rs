//! The request context: what each kind of credential carries, and what each request adds.
//!
//! Exactly the table of the credential kinds: `aws:MultiFactorAuthPresent` is *absent* for long-term keys,
//! false for every session but those of `GetSessionToken` with a code, and never passes on to a role.

use postern_policy::{Context, ContextValue};
use postern_types::AccountId;

use crate::{
    caller::{Caller, CallerKind},
    model::{Account, Organization, Tag},
    operation::{Call, KeyValue, Need},
    wire::seconds,
};

/// The context of one action of this call.
pub(crate) fn of(call: &Call<'_>, need: &Need) -> Context {
    let mut context = Context::new();
    request(&mut context, call);
    if let Some(account) = call.state.account(call.caller.account) {
        principal(&mut context, call, account);
    }
    resource(&mut context, call, need);
    for (key, value) in &need.keys {
        match value {
            KeyValue::One(value) => context.set(key, value.as_str()),
            KeyValue::Many(values) => context.set(key, values.clone()),
        }
    }
    context
}

fn request(context: &mut Context, call: &Call<'_>) {
    context.set("aws:SourceIp", call.facts.source_ip.to_string());
    context.set("aws:CurrentTime", seconds(call.now).to_string());
    context.set("aws:EpochTime", call.now.as_second().to_string());
    // The sandbox plays an endpoint of AWS, which takes nothing but TLS; that it is plain HTTP on loopback
    // is not the policies' concern, and one that demands TLS must be playable.
    context.set("aws:SecureTransport", true);
    context.set("aws:ViaAWSService", false);
    context.set("aws:RequestedRegion", call.facts.region.as_str());
    if let Some(agent) = &call.facts.user_agent {
        context.set("aws:UserAgent", agent.as_str());
    }
}

fn principal(context: &mut Context, call: &Call<'_>, account: &Account) {
    let caller = call.caller;
    context.set("aws:PrincipalAccount", caller.account.to_string());
    context.set("aws:userid", caller.user_id());
    context.set("aws:PrincipalIsAWSService", false);
    if let Some(organization) = call.state.organization_of(caller.account) {
        context.set("aws:PrincipalOrgID", organization.id.as_str());
        context.set("aws:PrincipalOrgPaths", vec![org_path(organization, caller.account)]);
    }
    let kind = match &caller.kind {
        CallerKind::Root => "Account",
        CallerKind::User { .. } => "User",
        CallerKind::Role { .. } => "AssumedRole",
        CallerKind::Federated { .. } => "FederatedUser",
    };
    context.set("aws:PrincipalType", kind);
    match &caller.kind {
        CallerKind::Role { id, role_arn, .. } => {
            context.set("aws:PrincipalArn", role_arn.as_str());
            if let Some(role) = account.roles.by_id(id) {
                principal_tags(context, &role.tags);
            }
        }
        CallerKind::User { id, name } => {
            context.set("aws:PrincipalArn", caller.arn.as_str());
            context.set("aws:username", name.as_str());
            if let Some(user) = account.users.by_id(id) {
                principal_tags(context, &user.tags);
            }
        }
        CallerKind::Root | CallerKind::Federated { .. } => {
            context.set("aws:PrincipalArn", caller.arn.as_str());
        }
    }
    credential(context, call, caller);
}

/// MFA, issue time, session tags, source identity.
fn credential(context: &mut Context, call: &Call<'_>, caller: &Caller) {
    let mut mfa = None;
    if let Some(session) = caller.session.as_deref() {
        context.set("aws:TokenIssueTime", seconds(session.issued).to_string());
        mfa = Some(session.mfa);
        principal_tags(context, &session.tags);
        if let Some(identity) = &session.source_identity {
            context.set("aws:SourceIdentity", identity.as_str());
        }
    }
    if call.mfa_now {
        mfa = Some(Some(call.now));
    }
    match mfa {
        // A long-term key: the keys are absent, which is not the same as false.
        None => {}
        Some(None) => context.set("aws:MultiFactorAuthPresent", false),
        Some(Some(since)) => {
            context.set("aws:MultiFactorAuthPresent", true);
            let age = call.now.as_second().saturating_sub(since.as_second());
            context.set("aws:MultiFactorAuthAge", age.to_string());
        }
    }
}

fn principal_tags(context: &mut Context, tags: &[Tag]) {
    for tag in tags {
        context.set(&format!("aws:PrincipalTag/{}", tag.key), tag.value.as_str());
    }
}

fn resource(context: &mut Context, call: &Call<'_>, need: &Need) {
    let owner = match need.assumed_role {
        Some(account) => ContextValue::from(account.to_string()),
        None => match need.resource.split(':').nth(4) {
            Some(field) if field.len() == 12 => ContextValue::from(field),
            // `*` and S3 resources: what the caller asks for here is always in its own account.
            _ => ContextValue::from(call.caller.account.to_string()),
        },
    };
    context.set("aws:ResourceAccount", owner);
    let account = need.assumed_role.unwrap_or(call.caller.account);
    if let Some(organization) = call.state.organization_of(account) {
        context.set("aws:ResourceOrgID", organization.id.as_str());
        context.set("aws:ResourceOrgPaths", vec![org_path(organization, account)]);
    }
}

/// `o-…/r-…/ou-…/`: where an account lies, without the account itself.
fn org_path(organization: &Organization, account: AccountId) -> String {
    let mut path = organization.path(account);
    path.pop();
    format!("{}/{}/", organization.id, path.join("/"))
}
