//! AWS Organizations: reading one, and changing its service control policies.
//!
//! The service speaks JSON with one operation per call, so the calls are made here and signed by
//! [`crate::raw`]: its SDK crate would bring a hundred operations for the ten that are used, and a minute to
//! each build.
//!
//! [`Connection::deny_in_organization`] is the fastest way to stop a principal: one policy that its account
//! cannot take away again.

use std::{collections::BTreeMap, time::Duration};

use postern_estate::{
    MemberAccount, Organization, OrganizationTarget, OrganizationalUnit, PolicyDocument, ServiceControlPolicy,
};
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use crate::{AwsError, Connection, Kind, Unreachable, raw::RawCall, together};

mod deny;

pub use deny::{Denial, OrganizationDenyError};

pub(crate) const SCP: &str = "SERVICE_CONTROL_POLICY";

/// Organizations takes fewer calls at once than other services.
const AT_ONCE: usize = 4;

/// Attempts at a call that is refused for its rate or for another change under way.
const ATTEMPTS: u32 = 8;

/// The longest pause between two of them.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// What of an organization is worth its calls. Accounts, the root and the names of policies always are.
#[derive(Clone, Copy, Debug)]
pub struct OrganizationScope<'a> {
    /// Units, and which account lies where: two calls for each unit.
    pub tree: bool,
    /// Policies whose names begin so, with documents, targets and tags: three calls for each.
    pub policies: &'a str,
}

impl OrganizationScope<'static> {
    /// Everything.
    pub const WHOLE: Self = Self { tree: true, policies: "" };
}

impl Connection {
    /// Reads the organization that this connection's account manages; none where the account is in none.
    ///
    /// # Errors
    /// When the account is a mere member, or a call fails.
    pub fn organization(&self, scope: OrganizationScope<'_>) -> Result<Option<Organization>, AwsError> {
        self.aws.block_on(self.read_organization(scope))
    }

    pub(crate) async fn read_organization(
        &self,
        scope: OrganizationScope<'_>,
    ) -> Result<Option<Organization>, AwsError> {
        let Some(mut organization) = self.describe_organization().await? else { return Ok(None) };
        let (none, filter) = (json!({}), json!({ "Filter": SCP }));
        let (roots, accounts, policies) = tokio::join!(
            self.organizations("ListRoots", &none),
            self.organizations_list("ListAccounts", "Accounts", &none),
            self.organizations_list("ListPolicies", "Policies", &filter),
        );
        let roots = Shape(self, "ListRoots", roots?);
        let root = roots.first("Roots")?;
        organization.root = root.parse("Id")?;
        organization.scps_enabled = root.list("PolicyTypes").iter().any(|kind| {
            kind.get("Type") == Some(&json!(SCP)) && kind.get("Status") == Some(&json!("ENABLED"))
        });
        for account in accounts? {
            let account = Shape(self, "ListAccounts", account);
            let found = MemberAccount { name: account.text("Name")?, parent: None };
            organization.accounts.insert(account.parse("Id")?, found);
        }
        if scope.tree {
            self.read_tree(&mut organization).await?;
        }
        let turns = &Semaphore::new(AT_ONCE);
        let mut wanted = Vec::new();
        for policy in policies? {
            let policy = Shape(self, "ListPolicies", policy);
            let (id, name) = (policy.text("Id")?, policy.text("Name")?);
            let is_awss = policy.2.get("AwsManaged") == Some(&json!(true));
            if !is_awss && name.starts_with(scope.policies) {
                wanted.push(async move {
                    let _turn = turns.acquire().await;
                    (name, self.policy(&id).await)
                });
            }
        }
        for (name, policy) in together::all(wanted).await {
            organization.policies.insert(name, policy?);
        }
        Ok(Some(organization))
    }

    /// The organization's own data; none where this account is in none.
    pub(crate) async fn describe_organization(&self) -> Result<Option<Organization>, AwsError> {
        const OPERATION: &str = "DescribeOrganization";
        let answer = match self.organizations(OPERATION, &json!({})).await {
            Ok(answer) => answer,
            Err(error) if error.is("AWSOrganizationsNotInUseException") => return Ok(None),
            Err(error) => return Err(error),
        };
        let answer = Shape(self, OPERATION, answer);
        let found = answer.member("Organization")?;
        let management = found.parse("MasterAccountId")?;
        Ok(Some(Organization {
            id: found.text("Id")?,
            management,
            all_features: found.text("FeatureSet")? == "ALL",
            // Only its management account is told: see `read_organization`.
            root: OrganizationTarget::from(management),
            scps_enabled: false,
            accounts: BTreeMap::new(),
            units: BTreeMap::new(),
            policies: BTreeMap::new(),
        }))
    }

    /// Walks down from the root, all units of a level at once.
    async fn read_tree(&self, organization: &mut Organization) -> Result<(), AwsError> {
        let mut level = vec![organization.root.clone()];
        while !level.is_empty() {
            let turns = &Semaphore::new(AT_ONCE);
            let reads = level.drain(..).map(|parent| async move {
                let _turn = turns.acquire().await;
                let ask = json!({ "ParentId": parent.as_str() });
                let (units, accounts) = tokio::join!(
                    self.organizations_list("ListOrganizationalUnitsForParent", "OrganizationalUnits", &ask),
                    self.organizations_list("ListAccountsForParent", "Accounts", &ask),
                );
                (parent, units, accounts)
            });
            let mut below = Vec::new();
            for (parent, units, accounts) in together::all(reads).await {
                for unit in units? {
                    let unit = Shape(self, "ListOrganizationalUnitsForParent", unit);
                    let id: OrganizationTarget = unit.parse("Id")?;
                    let found = OrganizationalUnit { name: unit.text("Name")?, parent: parent.clone() };
                    organization.units.insert(id.clone(), found);
                    below.push(id);
                }
                for account in accounts? {
                    let id = Shape(self, "ListAccountsForParent", account).parse("Id")?;
                    if let Some(account) = organization.accounts.get_mut(&id) {
                        account.parent = Some(parent.clone());
                    }
                }
            }
            level = below;
        }
        Ok(())
    }

    /// A policy with what only its id leads to.
    pub(crate) async fn policy(&self, id: &str) -> Result<ServiceControlPolicy, AwsError> {
        let by_id = json!({ "PolicyId": id });
        let tagged = json!({ "ResourceId": id });
        let (described, targets, tags) = tokio::join!(
            self.organizations("DescribePolicy", &by_id),
            self.organizations_list("ListTargetsForPolicy", "Targets", &by_id),
            self.organizations_list("ListTagsForResource", "Tags", &tagged),
        );
        let described = Shape(self, "DescribePolicy", described?);
        let tag = |tag| {
            let tag = Shape(self, "ListTagsForResource", tag);
            Ok((tag.text("Key")?, tag.text("Value")?))
        };
        let target = |target| Shape(self, "ListTargetsForPolicy", target).parse("TargetId");
        Ok(ServiceControlPolicy {
            id: Some(id.to_owned()),
            tags: tags?.into_iter().map(tag).collect::<Result<_, AwsError>>()?,
            document: PolicyDocument::new(described.member("Policy")?.text("Content")?),
            targets: targets?.into_iter().map(target).collect::<Result<_, AwsError>>()?,
        })
    }

    /// The id of the policy of this name.
    pub(crate) async fn policy_id(&self, name: &str) -> Result<Option<String>, AwsError> {
        let policies = self.organizations_list("ListPolicies", "Policies", &json!({ "Filter": SCP })).await?;
        for policy in policies {
            let policy = Shape(self, "ListPolicies", policy);
            if policy.text("Name")? == name {
                return Ok(Some(policy.text("Id")?));
            }
        }
        Ok(None)
    }

    /// All pages of a list.
    pub(crate) async fn organizations_list(
        &self,
        operation: &str,
        member: &str,
        parameters: &Value,
    ) -> Result<Vec<Value>, AwsError> {
        let mut parameters = parameters.clone();
        let mut all = Vec::new();
        loop {
            let mut page = self.organizations(operation, &parameters).await?;
            if let Some(Value::Array(items)) = page.get_mut(member).map(Value::take) {
                all.extend(items);
            }
            match (page.get_mut("NextToken").map(Value::take), parameters.as_object_mut()) {
                (Some(token @ Value::String(_)), Some(members)) => {
                    members.insert("NextToken".to_owned(), token);
                }
                _ => return Ok(all),
            }
        }
    }

    /// One operation. What is refused for its rate, or because another change is under way, is tried again; a
    /// reading is too when its answer was lost. A change whose answer was lost is for the caller to look after.
    pub(crate) async fn organizations(&self, operation: &str, parameters: &Value) -> Result<Value, AwsError> {
        let target = format!("AWSOrganizationsV20161128.{operation}");
        let is_read = operation.starts_with("List") || operation.starts_with("Describe");
        let mut pause = self.aws.patience().first_pause;
        for attempt in 1.. {
            let call = RawCall::json("organizations", &target, parameters.to_string())
                .signed_at(self.aws.clock().now());
            let error = match self.send_raw(&call).await {
                Ok(answer) => match answer.error(&call.operation, self.aws.clock().machine()) {
                    None if answer.body.is_empty() => return Ok(Value::Null),
                    None => {
                        return serde_json::from_str(&answer.body).map_err(|_| self.unreadable(operation));
                    }
                    Some(error) => {
                        AwsError { account: self.account, ..error }.sent_to(&self.endpoint, &self.aws)
                    }
                },
                Err(error) => error,
            };
            if self.aws.clock().learn(&error) && attempt == 1 {
                continue;
            }
            let in_the_way = error.kind == Kind::Throttled
                || error.is("ConcurrentModificationException")
                || error.is("PolicyChangesInProgressException")
                || (is_read && error.is_ambiguous());
            if !in_the_way || attempt >= ATTEMPTS {
                return Err(error);
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        unreachable!("the last attempt returns")
    }

    fn unreadable(&self, operation: &str) -> AwsError {
        let operation = format!("organizations:{operation}");
        AwsError::new(Kind::Unreachable(Unreachable::Malformed), &operation, self.account)
            .sent_to(&self.endpoint, &self.aws)
    }
}

/// A part of an answer: who answered what, and the part.
struct Shape<'a>(&'a Connection, &'a str, Value);

impl Shape<'_> {
    fn malformed(&self) -> AwsError {
        self.0.unreadable(self.1)
    }

    fn text(&self, name: &str) -> Result<String, AwsError> {
        let text = self.2.get(name).and_then(Value::as_str);
        text.map(str::to_owned).ok_or_else(|| self.malformed())
    }

    fn parse<T: std::str::FromStr>(&self, name: &str) -> Result<T, AwsError> {
        self.text(name)?.parse().map_err(|_| self.malformed())
    }

    fn member(&self, name: &str) -> Result<Self, AwsError> {
        let member = self.2.get(name).cloned().ok_or_else(|| self.malformed())?;
        Ok(Self(self.0, self.1, member))
    }

    fn list(&self, name: &str) -> &[Value] {
        self.2.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    fn first(&self, name: &str) -> Result<Self, AwsError> {
        let first = self.list(name).first().cloned().ok_or_else(|| self.malformed())?;
        Ok(Self(self.0, self.1, first))
    }
}
