//! Permissions boundaries of users and roles.

use super::common::{check_boundary, find_role_mut, find_user_mut};
use crate::{
    ServiceError,
    operation::{Authorized, Call, Entry, Needs, Operation, Reply, entry, find_user},
    wire::{Decoder, rules},
};

pub(super) const OPERATIONS: &[Entry] = &[
    entry::<PutUserPermissionsBoundary>(),
    entry::<DeleteUserPermissionsBoundary>(),
    entry::<PutRolePermissionsBoundary>(),
    entry::<DeleteRolePermissionsBoundary>(),
];

/// The needs with the boundary that is being *set* in place of the one that stands.
fn setting(mut needs: Needs, boundary: &str) -> Needs {
    for need in &mut needs.0 {
        need.keys.retain(|(key, _)| key != "iam:PermissionsBoundary");
    }
    needs.key("iam:PermissionsBoundary", boundary)
}

/// `PutUserPermissionsBoundary`
struct PutUserPermissionsBoundary {
    user_name: String,
    boundary: String,
}

impl Operation for PutUserPermissionsBoundary {
    const NAME: &'static str = "PutUserPermissionsBoundary";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            user_name: d.required("UserName", &rules::USER_NAME),
            boundary: d.required("PermissionsBoundary", &rules::ARN),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(setting(Needs::on_user(call.account(), &self.user_name), &self.boundary))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account_mut();
        find_user(account, &op.user_name)?;
        check_boundary(account, &op.boundary)?;
        find_user_mut(account, &op.user_name)?.boundary = Some(op.boundary.clone());
        Ok(Reply::nothing())
    }
}

/// `DeleteUserPermissionsBoundary`
struct DeleteUserPermissionsBoundary {
    user_name: String,
}

impl Operation for DeleteUserPermissionsBoundary {
    const NAME: &'static str = "DeleteUserPermissionsBoundary";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { user_name: d.required("UserName", &rules::USER_NAME) }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on_user(call.account(), &self.user_name))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        find_user_mut(call.account_mut(), &op.user_name)?.boundary = None;
        Ok(Reply::nothing())
    }
}

/// `PutRolePermissionsBoundary`
struct PutRolePermissionsBoundary {
    role_name: String,
    boundary: String,
}

impl Operation for PutRolePermissionsBoundary {
    const NAME: &'static str = "PutRolePermissionsBoundary";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            role_name: d.required("RoleName", &rules::ROLE_NAME),
            boundary: d.required("PermissionsBoundary", &rules::ARN),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(setting(Needs::on_role(call.account(), &self.role_name), &self.boundary))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account_mut();
        find_role_mut(account, &op.role_name)?;
        check_boundary(account, &op.boundary)?;
        find_role_mut(account, &op.role_name)?.boundary = Some(op.boundary.clone());
        Ok(Reply::nothing())
    }
}

/// `DeleteRolePermissionsBoundary`
struct DeleteRolePermissionsBoundary {
    role_name: String,
}

impl Operation for DeleteRolePermissionsBoundary {
    const NAME: &'static str = "DeleteRolePermissionsBoundary";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { role_name: d.required("RoleName", &rules::ROLE_NAME) }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on_role(call.account(), &self.role_name))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        find_role_mut(call.account_mut(), &op.role_name)?.boundary = None;
        Ok(Reply::nothing())
    }
}
