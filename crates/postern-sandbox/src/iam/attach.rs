//! Managed policies on users, groups and roles, and who has them.

use std::marker::PhantomData;

use super::{
    common::{Managed, POLICY_PATH, check_policy_arn, not_attachable, policy_not_found},
    holder::Holder,
};
use crate::{
    ServiceError,
    model::{Group, Role, User},
    operation::{Authorized, Call, Entry, Needs, Operation, Reply, entry},
    page::Paging,
    wire::{Decoder, Xml, rules},
};

pub(super) const OPERATIONS: &[Entry] = &[
    entry::<Attach<User>>(),
    entry::<Detach<User>>(),
    entry::<ListAttached<User>>(),
    entry::<Attach<Group>>(),
    entry::<Detach<Group>>(),
    entry::<ListAttached<Group>>(),
    entry::<Attach<Role>>(),
    entry::<Detach<Role>>(),
    entry::<ListAttached<Role>>(),
    entry::<ListEntitiesForPolicy>(),
];

/// Managed policies that a user, group or role may have.
const ATTACHED: usize = 10;

/// `AttachUserPolicy`, `AttachGroupPolicy`, `AttachRolePolicy`
struct Attach<H> {
    holder: String,
    policy_arn: String,
    kind: PhantomData<H>,
}

impl<H: Holder> Operation for Attach<H> {
    const NAME: &'static str = H::CALLS.attach;

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            holder: d.required(H::PARAMETER, &H::RULE),
            policy_arn: d.required("PolicyArn", &rules::ARN),
            kind: PhantomData,
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        check_policy_arn(&self.policy_arn)?;
        Ok(H::needs(call.account(), &self.holder).key("iam:PolicyARN", &self.policy_arn))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account_mut();
        H::find(account, &op.holder)?.check_own()?;
        let policy = Managed::find(account, &op.policy_arn).ok_or_else(|| not_attachable(&op.policy_arn))?;
        if matches!(policy, Managed::Aws(policy) if policy.path == "/aws-service-role/") {
            return Err(ServiceError::new(
                400,
                "PolicyNotAttachable",
                "Cannot attach a Service Role Policy to a Customer Role.",
            ));
        }
        let holder = H::find_mut(account, &op.holder)?;
        if !holder.attached().contains(&op.policy_arn) && holder.attached().len() >= ATTACHED {
            return Err(ServiceError::limit_exceeded(format!(
                "Cannot exceed quota for {}: {ATTACHED}",
                H::ATTACHED_QUOTA
            )));
        }
        holder.attached_mut().insert(op.policy_arn.clone());
        Ok(Reply::nothing())
    }
}

/// `DetachUserPolicy`, `DetachGroupPolicy`, `DetachRolePolicy`
struct Detach<H> {
    holder: String,
    policy_arn: String,
    kind: PhantomData<H>,
}

impl<H: Holder> Operation for Detach<H> {
    const NAME: &'static str = H::CALLS.detach;

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            holder: d.required(H::PARAMETER, &H::RULE),
            policy_arn: d.required("PolicyArn", &rules::ARN),
            kind: PhantomData,
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        check_policy_arn(&self.policy_arn)?;
        Ok(H::needs(call.account(), &self.holder).key("iam:PolicyARN", &self.policy_arn))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let holder = H::find_mut(call.account_mut(), &op.holder)?;
        if holder.attached_mut().remove(&op.policy_arn) {
            Ok(Reply::nothing())
        } else {
            Err(policy_not_found(&op.policy_arn))
        }
    }
}

/// `ListAttachedUserPolicies`, `ListAttachedGroupPolicies`, `ListAttachedRolePolicies`
struct ListAttached<H> {
    holder: String,
    path_prefix: String,
    paging: Paging,
    kind: PhantomData<H>,
}

impl<H: Holder> Operation for ListAttached<H> {
    const NAME: &'static str = H::CALLS.list_attached;

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            holder: d.required(H::PARAMETER, &H::RULE),
            path_prefix: d.optional("PathPrefix", &POLICY_PATH).unwrap_or_else(|| "/".to_owned()),
            paging: Paging::decode(d),
            kind: PhantomData,
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(H::needs(call.account(), &self.holder))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account();
        let holder = H::find(account, &op.holder)?;
        let attached = holder.attached().iter().filter_map(|arn| {
            let policy = Managed::find(account, arn)?;
            policy.path().starts_with(&op.path_prefix).then(|| (arn.clone(), (policy.name(), arn)))
        });
        let page = op.paging.cut(call, Self::NAME, attached)?;
        Ok(Reply::result(|xml| {
            page.write(xml, "AttachedPolicies", |xml, (name, arn)| {
                xml.text("PolicyName", name);
                xml.text("PolicyArn", arn);
            });
        }))
    }
}

/// `ListEntitiesForPolicy`: one marker runs through groups, users and roles.
struct ListEntitiesForPolicy {
    policy_arn: String,
    entity_filter: Option<&'static str>,
    path_prefix: String,
    usage_filter: Option<&'static str>,
    paging: Paging,
}

/// One line of `ListEntitiesForPolicy`.
#[derive(Clone, Copy)]
enum Entity<'a> {
    Group(&'a Group),
    User(&'a User),
    Role(&'a Role),
}

impl Operation for ListEntitiesForPolicy {
    const NAME: &'static str = "ListEntitiesForPolicy";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            policy_arn: d.required("PolicyArn", &rules::ARN),
            entity_filter: d.optional_word(
                "EntityFilter",
                &["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"],
            ),
            path_prefix: d.optional("PathPrefix", &rules::PATH).unwrap_or_else(|| "/".to_owned()),
            usage_filter: d.optional_word("PolicyUsageFilter", &["PermissionsPolicy", "PermissionsBoundary"]),
            paging: Paging::decode(d),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        check_policy_arn(&self.policy_arn)?;
        Ok(Needs::on_policy(call.account(), &self.policy_arn))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account();
        if Managed::find(account, &op.policy_arn).is_none() {
            return Err(not_attachable(&op.policy_arn));
        }
        let asked = |kind: &str| op.entity_filter.is_none_or(|filter| filter == kind);
        let uses = |attached: bool, boundary: Option<&str>| {
            let bounding = boundary == Some(op.policy_arn.as_str());
            match op.usage_filter {
                Some("PermissionsPolicy") => attached,
                Some(_) => bounding,
                None => attached || bounding,
            }
        };
        let arn = &op.policy_arn;
        let within = |path: &str| path.starts_with(&op.path_prefix);
        let groups = account
            .groups
            .iter()
            .filter(|group| asked("Group") && within(&group.path) && uses(group.attached.contains(arn), None))
            .map(|group| (format!("0{}", group.name.to_ascii_lowercase()), Entity::Group(group)));
        let users = account
            .users
            .iter()
            .filter(|user| {
                asked("User")
                    && within(&user.path)
                    && uses(user.attached.contains(arn), user.boundary.as_deref())
            })
            .map(|user| (format!("1{}", user.name.to_ascii_lowercase()), Entity::User(user)));
        let roles = account
            .roles
            .iter()
            .filter(|role| {
                asked("Role")
                    && within(&role.path)
                    && uses(role.attached.contains(arn), role.boundary.as_deref())
            })
            .map(|role| (format!("2{}", role.name.to_ascii_lowercase()), Entity::Role(role)));
        let page = op.paging.cut(call, Self::NAME, groups.chain(users).chain(roles))?;
        let of = |pick: fn(Entity<'_>) -> bool| page.items.iter().copied().filter(move |e| pick(*e));
        Ok(Reply::result(|xml| {
            xml.list("PolicyGroups", of(|e| matches!(e, Entity::Group(_))), write_entity);
            xml.list("PolicyUsers", of(|e| matches!(e, Entity::User(_))), write_entity);
            xml.list("PolicyRoles", of(|e| matches!(e, Entity::Role(_))), write_entity);
            page.write_end(xml);
        }))
    }
}

fn write_entity(xml: &mut Xml, entity: Entity<'_>) {
    match entity {
        Entity::Group(group) => {
            xml.text("GroupName", &group.name);
            xml.text("GroupId", &group.id);
        }
        Entity::User(user) => {
            xml.text("UserName", &user.name);
            xml.text("UserId", &user.id);
        }
        Entity::Role(role) => {
            xml.text("RoleName", &role.name);
            xml.text("RoleId", &role.id);
        }
    }
}
