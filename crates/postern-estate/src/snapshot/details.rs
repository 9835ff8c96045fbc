//! `authorization-details.json`, as `aws iam get-account-authorization-details` prints it.
//!
//! Policies come as objects there; what a program without that kindness saved has them as percent-encoded
//! texts. Both are read.

use std::borrow::Cow;

use postern_types::{AccountId, Arn, Timestamp, UserName};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{SnapshotError, json, whole};
use crate::observed::{
    AccountDetails, GroupDetail, InlinePolicy, ManagedPolicyDetail, RoleDetail, UserDetail,
};

/// What stands in the file.
#[derive(Default)]
pub(super) struct Parsed {
    pub(super) account: Option<AccountId>,
    pub(super) answers: AccountDetails,
    /// The users whose names are names, and when each was made.
    pub(super) users: Vec<(UserName, Option<Timestamp>)>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DetailsDto<'a> {
    #[serde(borrow)]
    user_detail_list: Vec<UserDto<'a>>,
    #[serde(borrow)]
    group_detail_list: Vec<GroupDto<'a>>,
    #[serde(borrow)]
    role_detail_list: Vec<RoleDto<'a>>,
    #[serde(borrow)]
    policies: Vec<PolicyDto<'a>>,
    #[serde(default)]
    is_truncated: bool,
    next_token: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct UserDto<'a> {
    path: String,
    user_name: String,
    user_id: String,
    #[serde(borrow)]
    arn: Cow<'a, str>,
    create_date: Option<Timestamp>,
    #[serde(borrow, default)]
    user_policy_list: Vec<InlineDto<'a>>,
    #[serde(default)]
    group_list: Vec<String>,
    #[serde(default)]
    attached_managed_policies: Vec<AttachedDto>,
    permissions_boundary: Option<BoundaryDto>,
    #[serde(default)]
    tags: Vec<TagDto>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GroupDto<'a> {
    path: String,
    group_name: String,
    #[serde(borrow)]
    arn: Cow<'a, str>,
    #[serde(borrow, default)]
    group_policy_list: Vec<InlineDto<'a>>,
    #[serde(default)]
    attached_managed_policies: Vec<AttachedDto>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct RoleDto<'a> {
    path: String,
    role_name: String,
    role_id: String,
    #[serde(borrow)]
    arn: Cow<'a, str>,
    #[serde(borrow)]
    assume_role_policy_document: &'a RawValue,
    #[serde(default)]
    instance_profile_list: Vec<ProfileDto>,
    #[serde(borrow, default)]
    role_policy_list: Vec<InlineDto<'a>>,
    #[serde(default)]
    attached_managed_policies: Vec<AttachedDto>,
    permissions_boundary: Option<BoundaryDto>,
    #[serde(default)]
    tags: Vec<TagDto>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct PolicyDto<'a> {
    policy_name: String,
    #[serde(borrow)]
    arn: Cow<'a, str>,
    path: String,
    #[serde(borrow)]
    policy_version_list: Vec<VersionDto<'a>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct VersionDto<'a> {
    #[serde(borrow)]
    document: &'a RawValue,
    version_id: String,
    is_default_version: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct InlineDto<'a> {
    policy_name: String,
    #[serde(borrow)]
    policy_document: &'a RawValue,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct AttachedDto {
    policy_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct BoundaryDto {
    permissions_boundary_arn: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ProfileDto {
    instance_profile_name: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct TagDto {
    key: String,
    value: String,
}

pub(super) fn parse(file: &str, text: &str) -> Result<Parsed, SnapshotError> {
    let dto: DetailsDto<'_> = json(file, text)?;
    whole(file, dto.is_truncated, dto.next_token.as_deref())?;
    let account = account_of(file, &dto)?;
    let users = dto.user_detail_list.iter();
    let users = users.filter_map(|user| Some((user.user_name.parse().ok()?, user.create_date))).collect();
    let answers = AccountDetails {
        users: dto.user_detail_list.into_iter().map(user).collect(),
        groups: dto.group_detail_list.into_iter().map(group).collect(),
        roles: dto.role_detail_list.into_iter().map(role).collect(),
        policies: dto.policies.into_iter().map(policy).collect(),
        ..AccountDetails::default()
    };
    Ok(Parsed { account, answers, users })
}

/// The account that all ARNs name. Policies of AWS's own name none.
fn account_of(file: &str, dto: &DetailsDto<'_>) -> Result<Option<AccountId>, SnapshotError> {
    let users = dto.user_detail_list.iter().map(|user| &user.arn);
    let groups = dto.group_detail_list.iter().map(|group| &group.arn);
    let roles = dto.role_detail_list.iter().map(|role| &role.arn);
    let policies = dto.policies.iter().map(|policy| &policy.arn);
    let mut account = None;
    for arn in users.chain(groups).chain(roles).chain(policies) {
        let parsed: Arn =
            arn.parse().map_err(|error| SnapshotError::new(file, format!("`{arn}`: {error}")))?;
        match (parsed.account(), account) {
            (Some(found), None) => account = Some(found),
            (Some(found), Some(known)) if found != known => {
                let problem = format!("`{arn}` is of another account than {known}");
                return Err(SnapshotError::new(file, problem));
            }
            _ => {}
        }
    }
    Ok(account)
}

/// A document as text: an object as it stands there, a text as what it says.
fn document(raw: &RawValue) -> String {
    serde_json::from_str::<String>(raw.get()).unwrap_or_else(|_| raw.get().to_owned())
}

fn inline(policies: Vec<InlineDto<'_>>) -> Vec<InlinePolicy> {
    policies.into_iter().map(|policy| (policy.policy_name, document(policy.policy_document))).collect()
}

fn arns(policies: Vec<AttachedDto>) -> Vec<String> {
    policies.into_iter().map(|policy| policy.policy_arn).collect()
}

fn boundary(boundary: Option<BoundaryDto>) -> Option<String> {
    boundary.map(|boundary| boundary.permissions_boundary_arn)
}

fn tags(tags: Vec<TagDto>) -> Vec<(String, String)> {
    tags.into_iter().map(|tag| (tag.key, tag.value)).collect()
}

fn user(user: UserDto<'_>) -> UserDetail {
    UserDetail {
        user_name: user.user_name,
        user_id: user.user_id,
        path: user.path,
        groups: user.group_list,
        inline: inline(user.user_policy_list),
        attached: arns(user.attached_managed_policies),
        boundary: boundary(user.permissions_boundary),
        tags: tags(user.tags),
        credentials: None,
    }
}

fn group(group: GroupDto<'_>) -> GroupDetail {
    GroupDetail {
        group_name: group.group_name,
        path: group.path,
        inline: inline(group.group_policy_list),
        attached: arns(group.attached_managed_policies),
    }
}

fn role(role: RoleDto<'_>) -> RoleDetail {
    let profiles = role.instance_profile_list.into_iter();
    RoleDetail {
        role_name: role.role_name,
        role_id: role.role_id,
        path: role.path,
        trust: document(role.assume_role_policy_document),
        inline: inline(role.role_policy_list),
        attached: arns(role.attached_managed_policies),
        boundary: boundary(role.permissions_boundary),
        tags: tags(role.tags),
        instance_profiles: profiles.map(|profile| profile.instance_profile_name).collect(),
        max_session_seconds: None,
        description: None,
    }
}

fn policy(policy: PolicyDto<'_>) -> ManagedPolicyDetail {
    let versions = policy.policy_version_list.into_iter();
    ManagedPolicyDetail {
        policy_name: policy.policy_name,
        arn: policy.arn.into_owned(),
        path: policy.path,
        versions: versions
            .map(|version| (version.version_id, document(version.document), version.is_default_version))
            .collect(),
        tags: None,
    }
}
