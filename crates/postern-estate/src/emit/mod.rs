//! The desired estate in the words of other tools: a CloudFormation template or a Terraform module
//! for each account, from the same [`Desired`] that `plan` compares with.
//!
//! Nothing here knows how an estate comes about: an emitter writes what stands in an [`Account`], so
//! whatever a design grows to ask for comes out by itself. No seed and no key is in an estate, so none
//! can be in what is emitted.

mod cloudformation;
mod names;
mod terraform;

use std::fmt;

use postern_types::{AccountId, IamPath, Partition, PolicyArn, PolicyName};

pub use cloudformation::{TEMPLATE_BODY_LIMIT, cloudformation};
pub use terraform::terraform;

use crate::{Account, AccountAlias, Desired, PasswordPolicy, PolicyDocument, Tags, json::Json};

/// What was written for one account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Emitted {
    /// The file: the same bytes whenever the estate is the same.
    pub text: String,
    /// What the format cannot say.
    pub left_out: Vec<LeftOut>,
}

/// A part of an account that the emitted file does not set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LeftOut {
    /// The account's alias.
    AccountAlias(AccountAlias),
    /// The account's password policy.
    PasswordPolicy(PasswordPolicy),
    /// The tags of a managed policy.
    PolicyTags {
        /// The partition, for the policy's ARN.
        partition: Partition,
        /// The policy's path.
        path: IamPath,
        /// The policy's name.
        policy: PolicyName,
        /// Its tags.
        tags: Tags,
    },
    /// MFA devices and access keys of people: their secrets would lie in a state file or a template.
    Credentials,
}

impl LeftOut {
    /// The command that does it. Where no account is given, its id stands as `ACCOUNT_ID`.
    #[must_use]
    pub fn command(&self, account: Option<AccountId>) -> String {
        match self {
            Self::AccountAlias(alias) => format!("aws iam create-account-alias --account-alias {alias}"),
            Self::PasswordPolicy(policy) => {
                format!("aws iam update-account-password-policy{}", password_flags(policy))
            }
            Self::PolicyTags { partition, path, policy, tags } => {
                let account = account.map_or_else(|| "ACCOUNT_ID".to_owned(), |id| id.to_string());
                let arn = format!("arn:{partition}:iam::{account}:policy{path}{policy}");
                let tags: Vec<String> =
                    tags.iter().map(|(key, value)| quoted(&format!("Key={key},Value={value}"))).collect();
                format!("aws iam tag-policy --policy-arn {arn} --tags {}", tags.join(" "))
            }
            Self::Credentials => "postern people enrol NAME".to_owned(),
        }
    }
}

/// What it is, as the subject of a sentence.
impl fmt::Display for LeftOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AccountAlias(_) => f.write_str("the account's alias"),
            Self::PasswordPolicy(_) => f.write_str("the account's password policy"),
            Self::PolicyTags { policy, .. } => write!(f, "the tags of the managed policy {policy}"),
            Self::Credentials => f.write_str("people's MFA devices and access keys"),
        }
    }
}

/// The options of `aws iam update-account-password-policy`; what is not named goes back to off or none.
fn password_flags(policy: &PasswordPolicy) -> String {
    let PasswordPolicy {
        minimum_length,
        require_symbols,
        require_numbers,
        require_uppercase,
        require_lowercase,
        allow_users_to_change,
        max_age_days,
        reuse_prevention,
        hard_expiry,
    } = *policy;
    let mut flags = format!(" --minimum-password-length {minimum_length}");
    for (wanted, flag) in [
        (require_symbols, "require-symbols"),
        (require_numbers, "require-numbers"),
        (require_uppercase, "require-uppercase-characters"),
        (require_lowercase, "require-lowercase-characters"),
        (allow_users_to_change, "allow-users-to-change-password"),
        (hard_expiry, "hard-expiry"),
    ] {
        if wanted {
            flags.push_str(" --");
            flags.push_str(flag);
        }
    }
    if let Some(days) = max_age_days {
        flags.push_str(&format!(" --max-password-age {days}"));
    }
    if let Some(count) = reuse_prevention {
        flags.push_str(&format!(" --password-reuse-prevention {count}"));
    }
    flags
}

/// A word as a shell takes it.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=,@+".contains(c);
    if word.chars().all(plain) { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

/// Why an estate cannot be written in a format.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EmitError {
    /// CloudFormation takes 500 resources in a template.
    #[error(
        "the template of account {account} would have {count} resources, and CloudFormation takes {limit}"
    )]
    TooManyResources {
        /// The account.
        account: AccountId,
        /// Its resources.
        count: usize,
        /// CloudFormation's quota.
        limit: usize,
    },
    /// CloudFormation takes templates of one megabyte.
    #[error("the template of account {account} would have {bytes} bytes, and CloudFormation takes {limit}")]
    TooLarge {
        /// The account.
        account: AccountId,
        /// The template's size.
        bytes: usize,
        /// CloudFormation's quota.
        limit: usize,
    },
    /// CloudFormation would put a parameter or a secret in the place of a text that IAM is to see.
    #[error(
        "a policy in account {account} holds `{{{{resolve:`, which CloudFormation would replace: {policy}"
    )]
    DynamicReference {
        /// The account.
        account: AccountId,
        /// Which policy.
        policy: String,
    },
    /// A policy whose text is no JSON, which IAM would not take either.
    #[error("a policy in account {account} is not JSON, or has a member twice: {policy}")]
    NotJson {
        /// The account.
        account: AccountId,
        /// Which policy.
        policy: String,
    },
}

/// One account on its way into a file.
#[derive(Clone, Copy)]
struct Source<'a> {
    desired: &'a Desired,
    id: AccountId,
    account: &'a Account,
}

impl Source<'_> {
    /// A policy's JSON; `what` names it should there be none.
    fn document(&self, document: &PolicyDocument, what: impl fmt::Display) -> Result<Json, EmitError> {
        Json::parse(document.text())
            .ok_or_else(|| EmitError::NotJson { account: self.id, policy: what.to_string() })
    }

    /// The policy of this account that an ARN means, if the account's file makes it.
    fn own_policy<'p>(&self, arn: &'p PolicyArn) -> Option<&'p PolicyName> {
        let made = self.account.policies.get(arn.name())?;
        (arn.account() == Some(self.id) && *arn.path() == made.path).then(|| arn.name())
    }
}
