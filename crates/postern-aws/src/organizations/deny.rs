//! The deny of a whole organization against one principal: a stolen key's owner cannot take it away.
//!
//! All principals that are cut off stand in one policy, [`OrganizationDeny::POLICY`], attached to each account
//! that has one of them: an account has room for five policies only. Both ways are idempotent, and both read
//! back what they did before they say that it is done.

use std::time::Duration;

use postern_estate::{DeniedPrincipal, OrganizationDeny, ServiceControlPolicy};
use postern_types::AccountId;
use serde_json::json;

use super::SCP;
use crate::{AwsError, Connection, execute::Settle};

/// What an organization's deny came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Denial {
    /// By the calls that were made.
    Changed,
    /// It stood so before.
    AlreadySo,
}

/// Why an organization denies nothing. Where the first five are the reason, it cannot: contain without it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OrganizationDenyError {
    /// The connection's account is in no organization.
    #[error("the account is in no organization")]
    NoOrganization,
    /// The connection is not to the management account.
    #[error("the organization's policies are changed from account {management}")]
    NotManagement {
        /// The one that is.
        management: AccountId,
    },
    /// The principal's account manages the organization: no service control policy binds it.
    #[error("account {0} manages the organization, whose policies do not bind it")]
    Unbound(AccountId),
    /// The principal's account is not in the organization.
    #[error("account {0} is not in the organization")]
    NotMember(AccountId),
    /// Service control policies are not enabled.
    #[error("service control policies are not enabled in the organization")]
    NotEnabled,
    /// A policy of the same name says something else.
    #[error("the policy `{}` says more than what was put there", OrganizationDeny::POLICY)]
    Foreign,
    /// The policy, or the list of policies on the account, is full.
    #[error("no room: {0}")]
    Full(String),
    /// The calls were taken, but what they did did not show in time.
    #[error("taken by AWS, but not seen when read back")]
    NotSeen,
    /// AWS was too slow, asked for patience for too long, or gave no answer.
    #[error("no end of it within {} s", .0.as_secs())]
    TooLong(Duration),
    /// A call failed.
    #[error(transparent)]
    Aws(#[from] AwsError),
}

/// The least time that the calls have, whatever the pauses: there are a dozen of them.
const LEAST: Duration = Duration::from_secs(20);

type Outcome = Result<Denial, OrganizationDenyError>;

impl Connection {
    /// Has the organization deny everything to a principal of one of its accounts: by its ARN and by its unique
    /// id, for every kind of credential and every session, those that run included. This connection is to the
    /// management account.
    ///
    /// Nothing changes where the deny stands already. It is read back before this returns; AWS says that policies
    /// take effect within seconds of that. Whatever AWS does, this ends within twice the pauses of `settle`, or
    /// twenty seconds if that is longer: what else contains is not to wait for it.
    ///
    /// # Errors
    /// When the organization cannot bind the account, the policy is full or not ours, or a call fails.
    pub fn deny_in_organization(
        &self,
        account: AccountId,
        principal: &DeniedPrincipal,
        settle: Settle,
    ) -> Outcome {
        self.in_time(settle, async {
            self.check_binding(account).await?;
            self.check_membership(account).await?;
            let mut pauses = settle.pauses();
            let mut changed = false;
            loop {
                if self.put_deny(account, principal, &mut changed).await? {
                    return Ok(if changed { Denial::Changed } else { Denial::AlreadySo });
                }
                wait(&mut pauses).await?;
            }
        })
    }

    /// Takes a deny away again; the policy goes with its last principal.
    ///
    /// # Errors
    /// As [`Connection::deny_in_organization`].
    pub fn lift_in_organization(
        &self,
        account: AccountId,
        principal: &DeniedPrincipal,
        settle: Settle,
    ) -> Outcome {
        self.in_time(settle, async {
            self.check_binding(account).await?;
            let mut pauses = settle.pauses();
            let mut changed = false;
            loop {
                if self.lift_deny(principal, &mut changed).await? {
                    return Ok(if changed { Denial::Changed } else { Denial::AlreadySo });
                }
                wait(&mut pauses).await?;
            }
        })
    }

    /// Whether the organization denies everything to a principal.
    ///
    /// # Errors
    /// As [`Connection::deny_in_organization`].
    pub fn is_denied_in_organization(
        &self,
        account: AccountId,
        principal: &DeniedPrincipal,
        settle: Settle,
    ) -> Result<bool, OrganizationDenyError> {
        self.in_time(settle, async {
            self.check_binding(account).await?;
            let Some((_, policy, deny)) = self.read_deny().await? else { return Ok(false) };
            Ok(deny.holds(principal) && policy.targets.contains(&account.into()))
        })
    }

    fn in_time<T>(
        &self,
        settle: Settle,
        work: impl Future<Output = Result<T, OrganizationDenyError>>,
    ) -> Result<T, OrganizationDenyError> {
        let limit = settle.total.saturating_mul(2).max(LEAST);
        self.aws.block_on(async {
            tokio::time::timeout(limit, work).await.unwrap_or(Err(OrganizationDenyError::TooLong(limit)))
        })
    }

    async fn check_binding(&self, account: AccountId) -> Result<(), OrganizationDenyError> {
        let found = self.describe_organization().await?.ok_or(OrganizationDenyError::NoOrganization)?;
        if self.account.is_some_and(|own| own != found.management) {
            return Err(OrganizationDenyError::NotManagement { management: found.management });
        }
        if account == found.management {
            return Err(OrganizationDenyError::Unbound(account));
        }
        Ok(())
    }

    /// Before anything is made that no account would be bound by.
    async fn check_membership(&self, account: AccountId) -> Result<(), OrganizationDenyError> {
        let parameters = json!({ "AccountId": account.to_string() });
        match self.organizations("DescribeAccount", &parameters).await {
            Ok(_) => Ok(()),
            Err(error) if error.is("AccountNotFoundException") => {
                Err(OrganizationDenyError::NotMember(account))
            }
            Err(error) => Err(error.into()),
        }
    }

    async fn read_deny(
        &self,
    ) -> Result<Option<(String, ServiceControlPolicy, OrganizationDeny)>, OrganizationDenyError> {
        let Some(id) = self.policy_id(OrganizationDeny::POLICY).await? else { return Ok(None) };
        match self.policy(&id).await {
            Ok(policy) => {
                let deny = OrganizationDeny::read(&policy.document).ok_or(OrganizationDenyError::Foreign)?;
                Ok(Some((id, policy, deny)))
            }
            // Deleted between the two calls.
            Err(error) if error.is("PolicyNotFoundException") => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// One round: true when everything stands, found so by reading.
    async fn put_deny(
        &self,
        account: AccountId,
        principal: &DeniedPrincipal,
        changed: &mut bool,
    ) -> Result<bool, OrganizationDenyError> {
        let Some((id, policy, mut deny)) = self.read_deny().await? else {
            let mut deny = OrganizationDeny::default();
            deny.add(principal);
            let parameters = json!({
                "Name": OrganizationDeny::POLICY,
                "Description": "Denies everything to principals that are contained. Made and removed by postern.",
                "Type": SCP,
                "Content": deny.document().compact(),
            });
            *changed = true;
            return again(self.organizations("CreatePolicy", &parameters).await, "DuplicatePolicyException");
        };
        let is_attached = policy.targets.contains(&account.into());
        if deny.holds(principal) && is_attached {
            return Ok(true);
        }
        *changed = true;
        if deny.add(principal) {
            if !deny.fits() {
                return Err(OrganizationDenyError::Full(
                    "the policy's text has its greatest size".to_owned(),
                ));
            }
            self.update_deny(&id, &deny).await?;
        }
        if is_attached {
            return Ok(false);
        }
        let parameters = json!({ "PolicyId": id, "TargetId": account.to_string() });
        match self.organizations("AttachPolicy", &parameters).await {
            Err(error) if error.is("TargetNotFoundException") => {
                Err(OrganizationDenyError::NotMember(account))
            }
            Err(error) if error.is("PolicyTypeNotEnabledException") => Err(OrganizationDenyError::NotEnabled),
            Err(error) if error.is("ConstraintViolationException") => {
                let message = error.answer.map(|answer| answer.message).unwrap_or_default();
                Err(OrganizationDenyError::Full(message))
            }
            answer => again(answer, "DuplicatePolicyAttachmentException"),
        }
    }

    /// One round: true when nothing denies the principal any more, found so by reading.
    async fn lift_deny(
        &self,
        principal: &DeniedPrincipal,
        changed: &mut bool,
    ) -> Result<bool, OrganizationDenyError> {
        let Some((id, policy, mut deny)) = self.read_deny().await? else { return Ok(true) };
        if !deny.remove(principal) {
            return Ok(true);
        }
        *changed = true;
        if !deny.is_empty() {
            self.update_deny(&id, &deny).await?;
            return Ok(false);
        }
        for target in &policy.targets {
            let parameters = json!({ "PolicyId": id, "TargetId": target.as_str() });
            again(self.organizations("DetachPolicy", &parameters).await, "PolicyNotAttachedException")?;
        }
        match self.organizations("DeletePolicy", &json!({ "PolicyId": id })).await {
            // Someone else was cut off meanwhile: the next round leaves that alone.
            Err(error) if error.is("PolicyInUseException") => Ok(false),
            answer => again(answer, "PolicyNotFoundException"),
        }
    }

    async fn update_deny(&self, id: &str, deny: &OrganizationDeny) -> Result<(), OrganizationDenyError> {
        let parameters = json!({ "PolicyId": id, "Content": deny.document().compact() });
        again(self.organizations("UpdatePolicy", &parameters).await, "PolicyNotFoundException").map(drop)
    }
}

/// A change is only believed when it is read back: another round, whether it was made now, by someone else (the
/// error of this code), or perhaps.
fn again(
    answer: Result<serde_json::Value, AwsError>,
    by_another: &str,
) -> Result<bool, OrganizationDenyError> {
    match answer {
        Ok(_) => Ok(false),
        Err(error) if error.is(by_another) || error.is_ambiguous() => Ok(false),
        Err(error) => Err(error.into()),
    }
}

async fn wait(pauses: &mut impl Iterator<Item = Duration>) -> Result<(), OrganizationDenyError> {
    let pause = pauses.next().ok_or(OrganizationDenyError::NotSeen)?;
    tokio::time::sleep(pause).await;
    Ok(())
}
