//! Managed policies, the account's own and AWS's.

use std::collections::BTreeMap;

use postern_types::PrincipalKind;

use super::common::{
    Managed, POLICY_PATH, TagKeys, Usage, check_policy_arn, identity_policy, is_foreign, policy_not_found,
    size, tagging, usage, usages, write_all_tags, write_tags,
};
use crate::{
    ServiceError,
    managed::ManagedPolicy,
    model::{Account, Policy, PolicyVersion, Tag, fresh_id},
    operation::{Authorized, Call, Entry, Needs, Operation, Reply, entry},
    page::Paging,
    wire::{Decoder, Xml, rules},
};

pub(super) const OPERATIONS: &[Entry] =
    &[entry::<CreatePolicy>(), entry::<GetPolicy>(), entry::<ListPolicies>(), entry::<DeletePolicy>()];

/// Characters that a version may have, white space not counted.
const SIZE: usize = 6_144;

/// How much of a managed policy an answer shows.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Detail {
    /// `CreatePolicy`: never the description, tags if given.
    Created,
    /// `GetPolicy`: description if set, tags even if none.
    Full,
    /// `ListPolicies`: neither.
    Listed,
    /// `GetAccountAuthorizationDetails`: description if set, no tags.
    Described,
}

pub(super) fn write_policy(
    xml: &mut Xml,
    account: &Account,
    policy: Managed<'_>,
    usage: Usage,
    detail: Detail,
) {
    xml.text("PolicyName", policy.name());
    match policy {
        Managed::Own(policy) => {
            xml.text("PolicyId", &policy.id);
            xml.text("Arn", account.policy_arn(policy));
        }
        Managed::Aws(policy) => {
            xml.text("PolicyId", policy.id());
            xml.text("Arn", &policy.arn);
        }
    }
    xml.text("Path", policy.path());
    match policy {
        Managed::Own(policy) => xml.text("DefaultVersionId", format_args!("v{}", policy.default_version)),
        Managed::Aws(policy) => xml.text("DefaultVersionId", policy.default_version),
    }
    xml.text("AttachmentCount", usage.attached);
    xml.text("PermissionsBoundaryUsageCount", usage.bounding);
    xml.text("IsAttachable", true);
    let (description, created, updated, tags): (Option<&str>, _, _, &[Tag]) = match policy {
        Managed::Own(own) => (own.description.as_deref(), own.created, own.updated, &own.tags),
        Managed::Aws(aws) => (None, aws.created, aws.updated, &[]),
    };
    if matches!(detail, Detail::Full | Detail::Described) {
        xml.maybe("Description", description);
    }
    xml.time("CreateDate", created);
    xml.time("UpdateDate", updated);
    match detail {
        Detail::Created => write_tags(xml, tags),
        Detail::Full => write_all_tags(xml, tags),
        Detail::Listed | Detail::Described => {}
    }
}

/// Refuses a document above the quota of managed policies.
pub(super) fn check_size(document: &str) -> Result<(), ServiceError> {
    if size(document) > SIZE {
        return Err(ServiceError::limit_exceeded(format!("Cannot exceed quota for PolicySize: {SIZE}")));
    }
    Ok(())
}

/// `CreatePolicy`
struct CreatePolicy {
    policy_name: String,
    path: String,
    document: String,
    description: Option<String>,
    tags: Vec<Tag>,
}

impl CreatePolicy {
    fn arn(&self, account: &Account) -> String {
        account.arn(&format!("policy{}{}", self.path, self.policy_name))
    }

    fn exists_already(&self) -> ServiceError {
        ServiceError::already_exists(format!(
            "A policy called {} already exists. Duplicate names are not allowed.",
            self.policy_name
        ))
    }
}

impl Operation for CreatePolicy {
    const NAME: &'static str = "CreatePolicy";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            policy_name: d.required("PolicyName", &rules::POLICY_NAME),
            path: d.optional("Path", &POLICY_PATH).unwrap_or_else(|| "/".to_owned()),
            document: d.required("PolicyDocument", &rules::POLICY_DOCUMENT),
            description: d.optional("Description", &rules::POLICY_DESCRIPTION),
            tags: d.tags(),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        let arn = self.arn(call.account());
        let needs = Needs::on(arn.as_str()).request_tags(&self.tags);
        Ok(tagging(needs, "iam:TagPolicy", &arn, &self.tags))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        TagKeys::Exact.check(&op.tags)?;
        let document = identity_policy(&op.document)?;
        check_size(&op.document)?;
        if call.account().policies.contains(&op.policy_name) {
            return Err(op.exists_already());
        }
        if call.account().policies.len() >= 1_500 {
            return Err(ServiceError::limit_exceeded("Cannot exceed quota for PoliciesPerAccount: 1500"));
        }
        let version = PolicyVersion { policy: document, created: call.now };
        let policy = Policy {
            name: op.policy_name.clone(),
            path: op.path.clone(),
            id: fresh_id(PrincipalKind::ManagedPolicy, call.rng),
            created: call.now,
            updated: call.now,
            description: op.description.clone(),
            tags: op.tags.clone(),
            versions: BTreeMap::from([(1, version)]),
            default_version: 1,
            next_version: 2,
        };
        call.account_mut().policies.insert(policy).map_err(|_| op.exists_already())?;
        let account = call.account();
        let arn = op.arn(account);
        let policy = Managed::find(account, &arn).ok_or_else(|| policy_not_found(&arn))?;
        Ok(Reply::result(|xml| {
            xml.element("Policy", |xml| {
                write_policy(xml, account, policy, Usage::default(), Detail::Created);
            });
        }))
    }
}

/// `GetPolicy`
struct GetPolicy {
    policy_arn: String,
}

impl Operation for GetPolicy {
    const NAME: &'static str = "GetPolicy";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { policy_arn: d.required("PolicyArn", &rules::ARN) }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        check_policy_arn(&self.policy_arn)?;
        Ok(Needs::on_policy(call.account(), &self.policy_arn))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account();
        let policy =
            Managed::find(account, &op.policy_arn).ok_or_else(|| policy_not_found(&op.policy_arn))?;
        let usage = usage(account, &op.policy_arn);
        Ok(Reply::result(|xml| {
            xml.element("Policy", |xml| write_policy(xml, account, policy, usage, Detail::Full));
        }))
    }
}

/// `ListPolicies`
struct ListPolicies {
    scope: &'static str,
    only_attached: bool,
    path_prefix: String,
    usage_filter: Option<&'static str>,
    paging: Paging,
}

impl Operation for ListPolicies {
    const NAME: &'static str = "ListPolicies";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            scope: d.optional_word("Scope", &["All", "AWS", "Local"]).unwrap_or("All"),
            only_attached: d.optional_bool("OnlyAttached").unwrap_or(false),
            path_prefix: d.optional("PathPrefix", &POLICY_PATH).unwrap_or_else(|| "/".to_owned()),
            usage_filter: d.optional_word("PolicyUsageFilter", &["PermissionsPolicy", "PermissionsBoundary"]),
            paging: Paging::decode(d),
        }
    }

    fn needs(&self, _call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on("*"))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account();
        let usages = usages(account);
        let used = |arn: &str| usages.get(arn).copied().unwrap_or_default();
        let wanted = |policy: Managed<'_>, usage: Usage| {
            policy.path().starts_with(&op.path_prefix)
                && (!op.only_attached || usage.attached > 0)
                && match op.usage_filter {
                    Some("PermissionsBoundary") => usage.bounding > 0,
                    Some(_) => usage.attached > 0,
                    None => true,
                }
        };
        let own = account
            .policies
            .iter()
            .filter(|_| op.scope != "AWS")
            .map(|policy| (account.policy_arn(policy), Managed::Own(policy)));
        let aws = ManagedPolicy::all()
            .iter()
            .filter(|_| op.scope != "Local")
            .map(|policy| (policy.arn.clone(), Managed::Aws(policy)));
        let mut policies: Vec<_> = own
            .chain(aws)
            .map(|(arn, policy)| {
                let usage = used(&arn);
                (format!("{}\0{arn}", policy.name().to_ascii_lowercase()), (policy, usage))
            })
            .filter(|(_, (policy, usage))| wanted(*policy, *usage))
            .collect();
        policies.sort_by(|(a, _), (b, _)| a.cmp(b));
        let page = op.paging.cut(call, Self::NAME, policies)?;
        Ok(Reply::result(|xml| {
            page.write(xml, "Policies", |xml, (policy, usage)| {
                write_policy(xml, account, *policy, *usage, Detail::Listed);
            });
        }))
    }
}

/// `DeletePolicy`: only of a policy nobody uses, and of its default version only.
struct DeletePolicy {
    policy_arn: String,
}

impl Operation for DeletePolicy {
    const NAME: &'static str = "DeletePolicy";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { policy_arn: d.required("PolicyArn", &rules::ARN) }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        check_policy_arn(&self.policy_arn)?;
        Ok(Needs::on_policy(call.account(), &self.policy_arn))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account_mut();
        if is_foreign(account, &op.policy_arn) {
            return Err(ServiceError::access_denied("Cannot delete policies outside your own account."));
        }
        let policy = account.policy_by_arn(&op.policy_arn).ok_or_else(|| policy_not_found(&op.policy_arn))?;
        let usage = usage(account, &op.policy_arn);
        if usage != Usage::default() {
            return Err(ServiceError::delete_conflict("Cannot delete a policy attached to entities."));
        }
        if policy.versions.len() > 1 {
            return Err(ServiceError::delete_conflict(
                "This policy has more than one version. Before you delete a policy, you must delete the policy's \
                 versions. The default version is deleted with the policy.",
            ));
        }
        let name = policy.name.clone();
        account.policies.remove(&name);
        Ok(Reply::nothing())
    }
}
