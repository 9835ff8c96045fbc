//! Users, groups and roles as holders of policies: what the calls of all three have in common.

use std::collections::{BTreeMap, BTreeSet};

use super::common::{check_own, find_group, find_group_mut, find_role, find_role_mut, find_user_mut};
use crate::{
    ServiceError,
    model::{Account, Group, PolicyText, Role, User},
    operation::{Needs, find_user},
    wire::{Rule, rules},
};

/// The names that the calls of one kind of holder have.
pub(super) struct Calls {
    pub(super) put: &'static str,
    pub(super) get: &'static str,
    pub(super) list: &'static str,
    pub(super) delete: &'static str,
    pub(super) attach: &'static str,
    pub(super) detach: &'static str,
    pub(super) list_attached: &'static str,
}

/// What inline policies are put into and managed ones attached to.
pub(super) trait Holder: Sized + 'static {
    /// `user`, `group`, `role`: in messages.
    const KIND: &'static str;
    /// The parameter that names one.
    const PARAMETER: &'static str;
    /// What a name must look like.
    const RULE: Rule;
    const CALLS: Calls;
    /// Characters that all inline policies may have together, white space not counted.
    const INLINE_QUOTA: usize;
    /// What the quota of attached policies is called.
    const ATTACHED_QUOTA: &'static str;

    fn needs(account: &Account, name: &str) -> Needs;
    fn find<'a>(account: &'a Account, name: &str) -> Result<&'a Self, ServiceError>;
    fn find_mut<'a>(account: &'a mut Account, name: &str) -> Result<&'a mut Self, ServiceError>;
    /// Refuses to change what is AWS's.
    fn check_own(&self) -> Result<(), ServiceError> {
        Ok(())
    }
    fn name(&self) -> &str;
    fn inline(&self) -> &BTreeMap<String, PolicyText>;
    fn inline_mut(&mut self) -> &mut BTreeMap<String, PolicyText>;
    fn attached(&self) -> &BTreeSet<String>;
    fn attached_mut(&mut self) -> &mut BTreeSet<String>;
}

macro_rules! fields {
    () => {
        fn name(&self) -> &str {
            &self.name
        }
        fn inline(&self) -> &BTreeMap<String, PolicyText> {
            &self.inline
        }
        fn inline_mut(&mut self) -> &mut BTreeMap<String, PolicyText> {
            &mut self.inline
        }
        fn attached(&self) -> &BTreeSet<String> {
            &self.attached
        }
        fn attached_mut(&mut self) -> &mut BTreeSet<String> {
            &mut self.attached
        }
    };
}

impl Holder for User {
    const KIND: &'static str = "user";
    const PARAMETER: &'static str = "UserName";
    const RULE: Rule = rules::EXISTING_USER_NAME;
    const CALLS: Calls = Calls {
        put: "PutUserPolicy",
        get: "GetUserPolicy",
        list: "ListUserPolicies",
        delete: "DeleteUserPolicy",
        attach: "AttachUserPolicy",
        detach: "DetachUserPolicy",
        list_attached: "ListAttachedUserPolicies",
    };
    const INLINE_QUOTA: usize = 2_048;
    const ATTACHED_QUOTA: &'static str = "PoliciesPerUser";

    fn needs(account: &Account, name: &str) -> Needs {
        Needs::on_user(account, name)
    }
    fn find<'a>(account: &'a Account, name: &str) -> Result<&'a Self, ServiceError> {
        find_user(account, name)
    }
    fn find_mut<'a>(account: &'a mut Account, name: &str) -> Result<&'a mut Self, ServiceError> {
        find_user_mut(account, name)
    }
    fields!();
}

impl Holder for Group {
    const KIND: &'static str = "group";
    const PARAMETER: &'static str = "GroupName";
    const RULE: Rule = rules::GROUP_NAME;
    const CALLS: Calls = Calls {
        put: "PutGroupPolicy",
        get: "GetGroupPolicy",
        list: "ListGroupPolicies",
        delete: "DeleteGroupPolicy",
        attach: "AttachGroupPolicy",
        detach: "DetachGroupPolicy",
        list_attached: "ListAttachedGroupPolicies",
    };
    const INLINE_QUOTA: usize = 5_120;
    const ATTACHED_QUOTA: &'static str = "PoliciesPerGroup";

    fn needs(account: &Account, name: &str) -> Needs {
        Needs::on_group(account, name)
    }
    fn find<'a>(account: &'a Account, name: &str) -> Result<&'a Self, ServiceError> {
        find_group(account, name)
    }
    fn find_mut<'a>(account: &'a mut Account, name: &str) -> Result<&'a mut Self, ServiceError> {
        find_group_mut(account, name)
    }
    fields!();
}

impl Holder for Role {
    const KIND: &'static str = "role";
    const PARAMETER: &'static str = "RoleName";
    const RULE: Rule = rules::ROLE_NAME;
    const CALLS: Calls = Calls {
        put: "PutRolePolicy",
        get: "GetRolePolicy",
        list: "ListRolePolicies",
        delete: "DeleteRolePolicy",
        attach: "AttachRolePolicy",
        detach: "DetachRolePolicy",
        list_attached: "ListAttachedRolePolicies",
    };
    const INLINE_QUOTA: usize = 10_240;
    const ATTACHED_QUOTA: &'static str = "PoliciesPerRole";

    fn needs(account: &Account, name: &str) -> Needs {
        Needs::on_role(account, name)
    }
    fn find<'a>(account: &'a Account, name: &str) -> Result<&'a Self, ServiceError> {
        find_role(account, name)
    }
    fn find_mut<'a>(account: &'a mut Account, name: &str) -> Result<&'a mut Self, ServiceError> {
        find_role_mut(account, name)
    }
    fn check_own(&self) -> Result<(), ServiceError> {
        check_own(self)
    }
    fields!();
}
