//! Inline policies of users, groups and roles.

use std::marker::PhantomData;

use super::{
    common::{identity_policy, size},
    holder::Holder,
};
use crate::{
    ServiceError,
    model::{Group, Role, User},
    operation::{Authorized, Call, Entry, Needs, Operation, Reply, entry},
    page::Paging,
    wire::{Decoder, rules},
};

pub(super) const OPERATIONS: &[Entry] = &[
    entry::<Put<User>>(),
    entry::<Get<User>>(),
    entry::<List<User>>(),
    entry::<Delete<User>>(),
    entry::<Put<Group>>(),
    entry::<Get<Group>>(),
    entry::<List<Group>>(),
    entry::<Delete<Group>>(),
    entry::<Put<Role>>(),
    entry::<Get<Role>>(),
    entry::<List<Role>>(),
    entry::<Delete<Role>>(),
];

fn policy_missing<H: Holder>(policy: &str) -> ServiceError {
    ServiceError::no_such_entity(format!("The {} policy with name {policy} cannot be found.", H::KIND))
}

/// `PutUserPolicy`, `PutGroupPolicy`, `PutRolePolicy`
struct Put<H> {
    holder: String,
    policy_name: String,
    document: String,
    kind: PhantomData<H>,
}

impl<H: Holder> Operation for Put<H> {
    const NAME: &'static str = H::CALLS.put;

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            holder: d.required(H::PARAMETER, &H::RULE),
            policy_name: d.required("PolicyName", &rules::POLICY_NAME),
            document: d.required("PolicyDocument", &rules::POLICY_DOCUMENT),
            kind: PhantomData,
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(H::needs(call.account(), &self.holder))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let holder = H::find_mut(call.account_mut(), &op.holder)?;
        let policy = identity_policy(&op.document)?;
        let others: usize = holder
            .inline()
            .iter()
            .filter(|(name, _)| **name != op.policy_name)
            .map(|(_, policy)| size(&policy.text))
            .sum();
        if others + size(&op.document) > H::INLINE_QUOTA {
            return Err(ServiceError::limit_exceeded(format!(
                "Maximum policy size of {} bytes exceeded for {} {}",
                H::INLINE_QUOTA,
                H::KIND,
                holder.name()
            )));
        }
        holder.inline_mut().insert(op.policy_name.clone(), policy);
        Ok(Reply::nothing())
    }
}

/// `GetUserPolicy`, `GetGroupPolicy`, `GetRolePolicy`
struct Get<H> {
    holder: String,
    policy_name: String,
    kind: PhantomData<H>,
}

impl<H: Holder> Operation for Get<H> {
    const NAME: &'static str = H::CALLS.get;

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            holder: d.required(H::PARAMETER, &H::RULE),
            policy_name: d.required("PolicyName", &rules::POLICY_NAME),
            kind: PhantomData,
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(H::needs(call.account(), &self.holder))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let holder = H::find(call.account(), &op.holder)?;
        let policy =
            holder.inline().get(&op.policy_name).ok_or_else(|| policy_missing::<H>(&op.policy_name))?;
        Ok(Reply::result(|xml| {
            xml.text(H::PARAMETER, holder.name());
            xml.text("PolicyName", &op.policy_name);
            xml.document("PolicyDocument", &policy.text);
        }))
    }
}

/// `ListUserPolicies`, `ListGroupPolicies`, `ListRolePolicies`
struct List<H> {
    holder: String,
    paging: Paging,
    kind: PhantomData<H>,
}

impl<H: Holder> Operation for List<H> {
    const NAME: &'static str = H::CALLS.list;

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { holder: d.required(H::PARAMETER, &H::RULE), paging: Paging::decode(d), kind: PhantomData }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(H::needs(call.account(), &self.holder))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let holder = H::find(call.account(), &op.holder)?;
        let names = holder.inline().keys().map(|name| (name.clone(), name));
        let page = op.paging.cut(call, Self::NAME, names)?;
        Ok(Reply::result(|xml| {
            xml.texts("PolicyNames", &page.items);
            page.write_end(xml);
        }))
    }
}

/// `DeleteUserPolicy`, `DeleteGroupPolicy`, `DeleteRolePolicy`
struct Delete<H> {
    holder: String,
    policy_name: String,
    kind: PhantomData<H>,
}

impl<H: Holder> Operation for Delete<H> {
    const NAME: &'static str = H::CALLS.delete;

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            holder: d.required(H::PARAMETER, &H::RULE),
            policy_name: d.required("PolicyName", &rules::POLICY_NAME),
            kind: PhantomData,
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(H::needs(call.account(), &self.holder))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let holder = H::find_mut(call.account_mut(), &op.holder)?;
        match holder.inline_mut().remove(&op.policy_name) {
            Some(_) => Ok(Reply::nothing()),
            None => Err(policy_missing::<H>(&op.policy_name)),
        }
    }
}
