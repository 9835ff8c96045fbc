//! Versions of managed policies. Only `GetPolicyVersion` shows a document.

use postern_types::Timestamp;

use super::{
    common::{check_policy_arn, identity_policy, is_foreign, policy_not_found},
    policies::check_size,
};
use crate::{
    ServiceError,
    managed::ManagedPolicy,
    model::{Account, Policy, PolicyVersion},
    operation::{Authorized, Call, Entry, Needs, Operation, Reply, entry},
    page::Paging,
    wire::{Decoder, Xml, rules},
};

pub(super) const OPERATIONS: &[Entry] = &[
    entry::<CreatePolicyVersion>(),
    entry::<GetPolicyVersion>(),
    entry::<ListPolicyVersions>(),
    entry::<SetDefaultPolicyVersion>(),
    entry::<DeletePolicyVersion>(),
];

/// Versions that a policy may have at once.
const VERSIONS: usize = 5;

/// One version, whosever policy it is.
pub(super) struct Version<'a> {
    id: String,
    is_default: bool,
    created: Timestamp,
    text: &'a str,
}

/// The versions of a policy with their numbers, newest first.
pub(super) fn versions_of<'a>(account: &'a Account, arn: &str) -> Option<Vec<Version<'a>>> {
    if let Some(policy) = account.policy_by_arn(arn) {
        let version = |(number, version): (&u32, &'a PolicyVersion)| Version {
            id: format!("v{number}"),
            is_default: *number == policy.default_version,
            created: version.created,
            text: &version.policy.text,
        };
        return Some(policy.versions.iter().rev().map(version).collect());
    }
    let policy = ManagedPolicy::find(arn)?;
    Some(vec![Version {
        id: policy.default_version.to_owned(),
        is_default: true,
        created: policy.updated,
        text: policy.text(),
    }])
}

pub(super) fn write_version(xml: &mut Xml, version: &Version<'_>, with_document: bool) {
    if with_document {
        xml.document("Document", version.text);
    }
    xml.text("VersionId", &version.id);
    xml.text("IsDefaultVersion", version.is_default);
    xml.time("CreateDate", version.created);
}

fn version_missing(arn: &str, version: &str) -> ServiceError {
    ServiceError::no_such_entity(format!(
        "Policy {arn} version {version} does not exist or is not attachable."
    ))
}

/// `v3` of one of the account's own policies.
fn number_of(policy: &Policy, arn: &str, version: &str) -> Result<u32, ServiceError> {
    version
        .strip_prefix('v')
        .and_then(|number| number.parse().ok())
        .filter(|number| policy.versions.contains_key(number))
        .ok_or_else(|| version_missing(arn, version))
}

/// One of the account's own policies, to be changed.
pub(super) fn own_policy_mut<'a>(
    account: &'a mut Account,
    arn: &str,
    missing: impl FnOnce() -> ServiceError,
) -> Result<&'a mut Policy, ServiceError> {
    let name = account.policy_by_arn(arn).map(|policy| policy.name.clone());
    name.and_then(|name| account.policies.get_mut(&name)).ok_or_else(missing)
}

/// `CreatePolicyVersion`
struct CreatePolicyVersion {
    policy_arn: String,
    document: String,
    set_as_default: bool,
}

impl Operation for CreatePolicyVersion {
    const NAME: &'static str = "CreatePolicyVersion";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            policy_arn: d.required("PolicyArn", &rules::ARN),
            document: d.required("PolicyDocument", &rules::POLICY_DOCUMENT),
            set_as_default: d.optional_bool("SetAsDefault").unwrap_or(false),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        check_policy_arn(&self.policy_arn)?;
        Ok(Needs::on_policy(call.account(), &self.policy_arn))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let now = call.now;
        let account = call.account_mut();
        if is_foreign(account, &op.policy_arn) {
            return Err(ServiceError::access_denied("Cannot update policies outside your own account."));
        }
        let policy = own_policy_mut(account, &op.policy_arn, || policy_not_found(&op.policy_arn))?;
        let document = identity_policy(&op.document)?;
        check_size(&op.document)?;
        if policy.versions.len() >= VERSIONS {
            return Err(ServiceError::limit_exceeded(format!(
                "A managed policy can have up to {VERSIONS} versions. Before you create a new version, you must \
                 delete an existing version."
            )));
        }
        let number = policy.next_version;
        policy.next_version += 1;
        policy.versions.insert(number, PolicyVersion { policy: document, created: now });
        if op.set_as_default {
            policy.default_version = number;
        }
        policy.updated = now;
        let version =
            Version { id: format!("v{number}"), is_default: op.set_as_default, created: now, text: "" };
        Ok(Reply::result(|xml| xml.element("PolicyVersion", |xml| write_version(xml, &version, false))))
    }
}

/// `GetPolicyVersion`
struct GetPolicyVersion {
    policy_arn: String,
    version_id: String,
}

impl Operation for GetPolicyVersion {
    const NAME: &'static str = "GetPolicyVersion";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            policy_arn: d.required("PolicyArn", &rules::ARN),
            version_id: d.required("VersionId", &rules::POLICY_VERSION_ID),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        check_policy_arn(&self.policy_arn)?;
        Ok(Needs::on_policy(call.account(), &self.policy_arn))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account();
        let versions = versions_of(account, &op.policy_arn).unwrap_or_default();
        let version = versions
            .iter()
            .find(|version| version.id == op.version_id)
            .ok_or_else(|| version_missing(&op.policy_arn, &op.version_id))?;
        Ok(Reply::result(|xml| xml.element("PolicyVersion", |xml| write_version(xml, version, true))))
    }
}

/// `ListPolicyVersions`: newest first.
struct ListPolicyVersions {
    policy_arn: String,
    paging: Paging,
}

impl Operation for ListPolicyVersions {
    const NAME: &'static str = "ListPolicyVersions";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { policy_arn: d.required("PolicyArn", &rules::ARN), paging: Paging::decode(d) }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        check_policy_arn(&self.policy_arn)?;
        Ok(Needs::on_policy(call.account(), &self.policy_arn))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account();
        let versions =
            versions_of(account, &op.policy_arn).ok_or_else(|| policy_not_found(&op.policy_arn))?;
        // Keys must ascend while the versions descend.
        let keyed = versions.into_iter().map(|version| {
            let number: u32 = version.id.get(1..).and_then(|number| number.parse().ok()).unwrap_or_default();
            (format!("{:010}", u32::MAX - number), version)
        });
        let page = op.paging.cut(call, Self::NAME, keyed)?;
        Ok(Reply::result(|xml| {
            page.write(xml, "Versions", |xml, version| write_version(xml, version, false));
        }))
    }
}

/// `SetDefaultPolicyVersion`
struct SetDefaultPolicyVersion {
    policy_arn: String,
    version_id: String,
}

impl Operation for SetDefaultPolicyVersion {
    const NAME: &'static str = "SetDefaultPolicyVersion";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            policy_arn: d.required("PolicyArn", &rules::ARN),
            version_id: d.required("VersionId", &rules::POLICY_VERSION_ID),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        check_policy_arn(&self.policy_arn)?;
        Ok(Needs::on_policy(call.account(), &self.policy_arn))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let now = call.now;
        let account = call.account_mut();
        if is_foreign(account, &op.policy_arn) {
            return Err(ServiceError::access_denied("Cannot update policies outside your own account."));
        }
        let missing = || version_missing(&op.policy_arn, &op.version_id);
        let policy = own_policy_mut(account, &op.policy_arn, missing)?;
        policy.default_version = number_of(policy, &op.policy_arn, &op.version_id)?;
        policy.updated = now;
        Ok(Reply::nothing())
    }
}

/// `DeletePolicyVersion`
struct DeletePolicyVersion {
    policy_arn: String,
    version_id: String,
}

impl Operation for DeletePolicyVersion {
    const NAME: &'static str = "DeletePolicyVersion";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            policy_arn: d.required("PolicyArn", &rules::ARN),
            version_id: d.required("VersionId", &rules::POLICY_VERSION_ID),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        check_policy_arn(&self.policy_arn)?;
        Ok(Needs::on_policy(call.account(), &self.policy_arn))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account_mut();
        if is_foreign(account, &op.policy_arn) {
            return Err(ServiceError::access_denied(
                "Cannot delete policy versions for policies outside your own account.",
            ));
        }
        let missing = || version_missing(&op.policy_arn, &op.version_id);
        let policy = own_policy_mut(account, &op.policy_arn, missing)?;
        let number = number_of(policy, &op.policy_arn, &op.version_id)?;
        if number == policy.default_version {
            return Err(ServiceError::delete_conflict("Cannot delete the default version of a policy."));
        }
        policy.versions.remove(&number);
        Ok(Reply::nothing())
    }
}
