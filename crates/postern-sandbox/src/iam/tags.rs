//! Tags of users, roles, managed policies, MFA devices and instance profiles.

use std::marker::PhantomData;

use super::{
    common::{
        TagKeys, check_policy_arn, find_role, find_role_mut, find_user_mut, is_foreign, policy_not_found,
    },
    mfa::{needs_on_device, virtual_device_missing},
    profiles::{find_profile, needs_on_profile, profile_missing},
    versions::own_policy_mut,
};
use crate::{
    ServiceError,
    managed::ManagedPolicy,
    model::{Account, InstanceProfile, MfaDevice, Policy, Role, Tag, User},
    operation::{Authorized, Call, Entry, Needs, Operation, Reply, entry, find_user},
    page::Paging,
    wire::{Decoder, Rule, rules},
};

pub(super) const OPERATIONS: &[Entry] = &[
    entry::<Put<User>>(),
    entry::<Remove<User>>(),
    entry::<List<User>>(),
    entry::<Put<Role>>(),
    entry::<Remove<Role>>(),
    entry::<List<Role>>(),
    entry::<Put<Policy>>(),
    entry::<Remove<Policy>>(),
    entry::<List<Policy>>(),
    entry::<Put<MfaDevice>>(),
    entry::<Remove<MfaDevice>>(),
    entry::<List<MfaDevice>>(),
    entry::<Put<InstanceProfile>>(),
    entry::<Remove<InstanceProfile>>(),
    entry::<List<InstanceProfile>>(),
];

const ANYTHING: Rule = Rule::text(0, usize::MAX);

/// What tags can be put on.
trait Tagged: 'static {
    /// `TagUser`, `UntagUser`, `ListUserTags`.
    const CALLS: [&'static str; 3];
    /// The parameter that names one, and what it must look like.
    const PARAMETER: (&'static str, Rule);
    const KEYS: TagKeys;

    fn needs(account: &Account, name: &str) -> Result<Needs, ServiceError>;
    fn tags<'a>(account: &'a Account, name: &str) -> Result<&'a [Tag], ServiceError>;
    fn tags_mut<'a>(account: &'a mut Account, name: &str) -> Result<&'a mut Vec<Tag>, ServiceError>;
}

impl Tagged for User {
    const CALLS: [&'static str; 3] = ["TagUser", "UntagUser", "ListUserTags"];
    const PARAMETER: (&'static str, Rule) = ("UserName", rules::EXISTING_USER_NAME);
    const KEYS: TagKeys = TagKeys::IgnoreCase;

    fn needs(account: &Account, name: &str) -> Result<Needs, ServiceError> {
        Ok(Needs::on_user(account, name))
    }
    fn tags<'a>(account: &'a Account, name: &str) -> Result<&'a [Tag], ServiceError> {
        Ok(&find_user(account, name)?.tags)
    }
    fn tags_mut<'a>(account: &'a mut Account, name: &str) -> Result<&'a mut Vec<Tag>, ServiceError> {
        Ok(&mut find_user_mut(account, name)?.tags)
    }
}

impl Tagged for Role {
    const CALLS: [&'static str; 3] = ["TagRole", "UntagRole", "ListRoleTags"];
    const PARAMETER: (&'static str, Rule) = ("RoleName", rules::ROLE_NAME);
    const KEYS: TagKeys = TagKeys::IgnoreCase;

    fn needs(account: &Account, name: &str) -> Result<Needs, ServiceError> {
        Ok(Needs::on_role(account, name))
    }
    fn tags<'a>(account: &'a Account, name: &str) -> Result<&'a [Tag], ServiceError> {
        Ok(&find_role(account, name)?.tags)
    }
    fn tags_mut<'a>(account: &'a mut Account, name: &str) -> Result<&'a mut Vec<Tag>, ServiceError> {
        Ok(&mut find_role_mut(account, name)?.tags)
    }
}

impl Tagged for Policy {
    const CALLS: [&'static str; 3] = ["TagPolicy", "UntagPolicy", "ListPolicyTags"];
    const PARAMETER: (&'static str, Rule) = ("PolicyArn", rules::ARN);
    const KEYS: TagKeys = TagKeys::Exact;

    fn needs(account: &Account, name: &str) -> Result<Needs, ServiceError> {
        check_policy_arn(name)?;
        Ok(Needs::on_policy(account, name))
    }
    fn tags<'a>(account: &'a Account, name: &str) -> Result<&'a [Tag], ServiceError> {
        match account.policy_by_arn(name) {
            Some(policy) => Ok(&policy.tags),
            None if ManagedPolicy::find(name).is_some() => Ok(&[]),
            None => Err(policy_not_found(name)),
        }
    }
    fn tags_mut<'a>(account: &'a mut Account, name: &str) -> Result<&'a mut Vec<Tag>, ServiceError> {
        if is_foreign(account, name) {
            return Err(ServiceError::access_denied("Cannot update policies outside your own account."));
        }
        Ok(&mut own_policy_mut(account, name, || policy_not_found(name))?.tags)
    }
}

impl Tagged for MfaDevice {
    const CALLS: [&'static str; 3] = ["TagMFADevice", "UntagMFADevice", "ListMFADeviceTags"];
    const PARAMETER: (&'static str, Rule) = ("SerialNumber", rules::SERIAL_NUMBER);
    const KEYS: TagKeys = TagKeys::Exact;

    fn needs(account: &Account, name: &str) -> Result<Needs, ServiceError> {
        Ok(needs_on_device(account, name))
    }
    fn tags<'a>(account: &'a Account, name: &str) -> Result<&'a [Tag], ServiceError> {
        account
            .mfa_devices
            .get(name)
            .map(|device| device.tags.as_slice())
            .ok_or_else(|| virtual_device_missing(name))
    }
    fn tags_mut<'a>(account: &'a mut Account, name: &str) -> Result<&'a mut Vec<Tag>, ServiceError> {
        account
            .mfa_devices
            .get_mut(name)
            .map(|device| &mut device.tags)
            .ok_or_else(|| virtual_device_missing(name))
    }
}

impl Tagged for InstanceProfile {
    const CALLS: [&'static str; 3] =
        ["TagInstanceProfile", "UntagInstanceProfile", "ListInstanceProfileTags"];
    const PARAMETER: (&'static str, Rule) = ("InstanceProfileName", rules::INSTANCE_PROFILE_NAME);
    const KEYS: TagKeys = TagKeys::Exact;

    fn needs(account: &Account, name: &str) -> Result<Needs, ServiceError> {
        Ok(needs_on_profile(account, name))
    }
    fn tags<'a>(account: &'a Account, name: &str) -> Result<&'a [Tag], ServiceError> {
        Ok(&find_profile(account, name)?.tags)
    }
    fn tags_mut<'a>(account: &'a mut Account, name: &str) -> Result<&'a mut Vec<Tag>, ServiceError> {
        account
            .instance_profiles
            .get_mut(name)
            .map(|profile| &mut profile.tags)
            .ok_or_else(|| profile_missing(name))
    }
}

/// `TagUser`, `TagRole`, …
struct Put<T> {
    name: String,
    tags: Vec<Tag>,
    kind: PhantomData<T>,
}

impl<T: Tagged> Operation for Put<T> {
    const NAME: &'static str = T::CALLS[0];

    fn decode(d: &mut Decoder<'_>) -> Self {
        let (parameter, rule) = T::PARAMETER;
        let name = d.required(parameter, &rule);
        let tags = d.tags();
        if tags.is_empty() {
            // An empty list is a list; only one that is not there is refused.
            d.required("Tags", &ANYTHING);
        }
        Self { name, tags, kind: PhantomData }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(T::needs(call.account(), &self.name)?.request_tags(&self.tags))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let tags = T::tags_mut(call.account_mut(), &op.name)?;
        *tags = T::KEYS.merged(tags, &op.tags)?;
        Ok(Reply::nothing())
    }
}

/// `UntagUser`, `UntagRole`, …
struct Remove<T> {
    name: String,
    keys: Vec<String>,
    kind: PhantomData<T>,
}

impl<T: Tagged> Operation for Remove<T> {
    const NAME: &'static str = T::CALLS[1];

    fn decode(d: &mut Decoder<'_>) -> Self {
        let (parameter, rule) = T::PARAMETER;
        let name = d.required(parameter, &rule);
        let keys = d.list("TagKeys", 50, &rules::TAG_KEY);
        if keys.is_empty() {
            d.required("TagKeys", &ANYTHING);
        }
        Self { name, keys, kind: PhantomData }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(T::needs(call.account(), &self.name)?.tag_keys(&self.keys))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let tags = T::tags_mut(call.account_mut(), &op.name)?;
        *tags = T::KEYS.without(tags, &op.keys);
        Ok(Reply::nothing())
    }
}

/// `ListUserTags`, `ListRoleTags`, …
struct List<T> {
    name: String,
    paging: Paging,
    kind: PhantomData<T>,
}

impl<T: Tagged> Operation for List<T> {
    const NAME: &'static str = T::CALLS[2];

    fn decode(d: &mut Decoder<'_>) -> Self {
        let (parameter, rule) = T::PARAMETER;
        Self { name: d.required(parameter, &rule), paging: Paging::decode(d), kind: PhantomData }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        T::needs(call.account(), &self.name)
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        // In the order in which they were given, so the position is the key.
        let tags = T::tags(call.account(), &op.name)?;
        let tags = tags.iter().enumerate().map(|(at, tag)| (format!("{at:04}"), tag));
        let page = op.paging.cut(call, Self::NAME, tags)?;
        Ok(Reply::result(|xml| {
            page.write(xml, "Tags", |xml, tag| {
                xml.text("Key", &tag.key);
                xml.text("Value", &tag.value);
            });
        }))
    }
}
