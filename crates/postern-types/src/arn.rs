//! Amazon Resource Names.

use std::{fmt, str::FromStr};

use crate::{
    AccountId, GroupName, IamPath, ParseError, Partition, PolicyName, RoleName, UserName, name::split_path,
};

/// Any ARN: six parts divided by colons, the last of which may hold more colons.
///
/// Only the shape is checked; see [`RoleArn`] and its sisters for ARNs of a known kind.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Arn {
    text: Box<str>,
    /// Byte offsets at which service, region, account and resource begin.
    starts: [u16; 4],
}

impl Arn {
    /// The longest ARN that the STS and IAM models accept.
    pub const MAX_LEN: usize = 2_048;

    /// The whole ARN.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// `aws`, `aws-cn`, …
    #[must_use]
    pub fn partition(&self) -> &str {
        self.part(4, self.starts[0] - 1)
    }

    /// `iam`, `sts`, `s3`, …
    #[must_use]
    pub fn service(&self) -> &str {
        self.part(self.starts[0], self.starts[1] - 1)
    }

    /// The region, empty where a service is global.
    #[must_use]
    pub fn region(&self) -> &str {
        self.part(self.starts[1], self.starts[2] - 1)
    }

    /// The account field as written: twelve digits, empty, or `aws` for AWS's own policies.
    #[must_use]
    pub fn account_field(&self) -> &str {
        self.part(self.starts[2], self.starts[3] - 1)
    }

    /// The account, where the field holds one.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        self.account_field().parse().ok()
    }

    /// Everything after the fifth colon.
    #[must_use]
    pub fn resource(&self) -> &str {
        self.text.get(usize::from(self.starts[3])..).unwrap_or_default()
    }

    fn part(&self, from: u16, to: u16) -> &str {
        self.text.get(usize::from(from)..usize::from(to)).unwrap_or_default()
    }
}

impl FromStr for Arn {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = |problem: &str| ParseError::new("ARN", format!("`{text}` {problem}"));
        if text.len() > Self::MAX_LEN {
            return Err(ParseError::new("ARN", format!("longer than {} characters", Self::MAX_LEN)));
        }
        if !text.starts_with("arn:") {
            return Err(wrong("does not begin with `arn:`"));
        }
        let colon = |(at, byte)| if byte == b':' { Some(at) } else { None };
        let mut colons = text.bytes().enumerate().filter_map(colon).skip(1);
        let mut starts = [0_u16; 4];
        for start in &mut starts {
            let colon = colons.next().ok_or_else(|| {
                wrong("has fewer than the six parts `arn:partition:service:region:account:resource`")
            })?;
            *start = u16::try_from(colon + 1).map_err(|_| wrong("is too long"))?;
        }
        let arn = Self { text: text.into(), starts };
        if arn.partition().is_empty() || arn.service().is_empty() || arn.resource().is_empty() {
            return Err(wrong("has an empty partition, service or resource"));
        }
        Ok(arn)
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Arn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// An ARN of one IAM resource type, `arn:PARTITION:iam::ACCOUNT:TYPE/path/name`.
macro_rules! iam_arn {
    ($(#[$doc:meta])* $arn:ident, $what:literal, $kind:literal, $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $arn {
            arn: Arn,
            /// None for AWS's own policies.
            account: Option<AccountId>,
            path: IamPath,
            name: $name,
        }

        impl $arn {
            /// The ARN of a resource with this path and name.
            #[must_use]
            pub fn new(partition: Partition, account: AccountId, path: &IamPath, name: &$name) -> Self {
                Self::build(partition.as_str(), Some(account), path, name)
            }

            fn build(partition: &str, owner: Option<AccountId>, path: &IamPath, name: &$name) -> Self {
                let account = owner.map_or_else(|| "aws".to_owned(), |owner| owner.to_string());
                let text = format!("arn:{partition}:iam::{account}:{}{path}{name}", $kind);
                let service = 5 + partition.len();
                // Partition, account, path and name are bounded far below 64 KiB by their types.
                let at = |n: usize| u16::try_from(n).unwrap_or(u16::MAX);
                let starts = [
                    at(service),
                    at(service + 4),
                    at(service + 5),
                    at(service + 6 + account.len()),
                ];
                Self {
                    arn: Arn { text: text.into(), starts },
                    account: owner,
                    path: path.clone(),
                    name: name.clone(),
                }
            }

            /// The whole ARN as text.
            #[must_use]
            pub fn as_str(&self) -> &str {
                self.arn.as_str()
            }

            /// The ARN without its kind.
            #[must_use]
            pub fn as_arn(&self) -> &Arn {
                &self.arn
            }

            /// The path, `/` where there is none.
            #[must_use]
            pub fn path(&self) -> &IamPath {
                &self.path
            }

            /// The name behind the path.
            #[must_use]
            pub fn name(&self) -> &$name {
                &self.name
            }
        }

        impl FromStr for $arn {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                let arn: Arn = text.parse().map_err(|e: ParseError| ParseError::new($what, e.problem))?;
                arn.try_into()
            }
        }

        impl TryFrom<Arn> for $arn {
            type Error = ParseError;

            fn try_from(arn: Arn) -> Result<Self, ParseError> {
                let wrong = |problem: String| ParseError::new($what, problem);
                if arn.service() != "iam" || !arn.region().is_empty() {
                    return Err(wrong(format!("`{arn}` is not an ARN of IAM")));
                }
                let rest = arn.resource().strip_prefix($kind).filter(|r| r.starts_with('/')).ok_or_else(|| {
                    wrong(format!("`{arn}` does not name `{}/…`", $kind))
                })?;
                let (path, name) = split_path(rest).map_err(|e| wrong(e.problem))?;
                let name = name.parse::<$name>().map_err(|e| wrong(e.problem))?;
                Self::check_account(&arn).map_err(wrong)?;
                Ok(Self { account: arn.account(), path, name, arn })
            }
        }

        impl fmt::Display for $arn {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.arn.fmt(f)
            }
        }

        impl fmt::Debug for $arn {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.arn.fmt(f)
            }
        }
    };
}

macro_rules! owned_by_an_account {
    ($arn:ident) => {
        impl $arn {
            /// The account that owns the resource.
            #[must_use]
            pub fn account(&self) -> AccountId {
                // Checked when the ARN was made.
                self.account.unwrap_or_else(|| unreachable!("an IAM ARN without an account"))
            }

            fn check_account(arn: &Arn) -> Result<(), String> {
                match arn.account() {
                    Some(_) => Ok(()),
                    None => Err(format!("`{arn}` has no 12-digit account id")),
                }
            }
        }
    };
}

iam_arn!(
    /// `arn:aws:iam::111111111111:role/path/name`
    RoleArn, "role ARN", "role", RoleName
);
owned_by_an_account!(RoleArn);

iam_arn!(
    /// `arn:aws:iam::111111111111:user/path/name`
    UserArn, "user ARN", "user", UserName
);
owned_by_an_account!(UserArn);

iam_arn!(
    /// `arn:aws:iam::111111111111:group/path/name`
    GroupArn, "group ARN", "group", GroupName
);
owned_by_an_account!(GroupArn);

iam_arn!(
    /// `arn:aws:iam::111111111111:policy/path/name`, or AWS's own `arn:aws:iam::aws:policy/…`
    PolicyArn, "policy ARN", "policy", PolicyName
);

impl PolicyArn {
    /// The ARN of a policy that AWS manages.
    #[must_use]
    pub fn aws_managed(partition: Partition, path: &IamPath, name: &PolicyName) -> Self {
        Self::build(partition.as_str(), None, path, name)
    }

    /// The account that owns the policy; none for AWS's own.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        self.account
    }

    fn check_account(arn: &Arn) -> Result<(), String> {
        if arn.account().is_some() || arn.account_field() == "aws" {
            Ok(())
        } else {
            Err(format!("`{arn}` has neither a 12-digit account id nor `aws`"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_arn_has_six_parts() {
        let arn: Arn = "arn:aws:s3:::bucket/key:with:colons".parse().unwrap();
        assert_eq!(
            (arn.partition(), arn.service(), arn.region(), arn.account_field(), arn.resource()),
            ("aws", "s3", "", "", "bucket/key:with:colons")
        );
        for bad in
            ["", "arn", "arn:aws:iam::111111111111", "nope:aws:iam::1:x", "arn::iam::1:x", "arn:aws:iam::1:"]
        {
            assert!(bad.parse::<Arn>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_role_arn_round_trips_with_its_path() {
        let text = "arn:aws:iam::222222222222:role/postern/developer";
        let arn: RoleArn = text.parse().unwrap();
        assert_eq!(arn.path().as_str(), "/postern/");
        assert_eq!(arn.name().as_str(), "developer");
        assert_eq!(arn.account().to_string(), "222222222222");
        let built = RoleArn::new(Partition::Aws, arn.account(), arn.path(), arn.name());
        assert_eq!(built, arn);
        assert_eq!(built.as_arn().resource(), "role/postern/developer");
    }

    #[test]
    fn kinds_are_not_interchangeable() {
        assert!("arn:aws:iam::222222222222:user/alice".parse::<RoleArn>().is_err());
        assert!("arn:aws:iam::aws:role/x".parse::<RoleArn>().is_err());
        assert!("arn:aws:sts::222222222222:role/x".parse::<RoleArn>().is_err());
        assert!("arn:aws:iam::222222222222:role".parse::<RoleArn>().is_err());
        assert!("arn:aws:iam::222222222222:rolex/y".parse::<RoleArn>().is_err());
        assert!("arn:aws:iam::222222222222:role/a//b".parse::<RoleArn>().is_ok());
    }

    #[test]
    fn aws_managed_policies_have_no_account() {
        let arn: PolicyArn = "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess".parse().unwrap();
        assert_eq!(arn.account(), None);
        assert_eq!(PolicyArn::aws_managed(Partition::Aws, arn.path(), arn.name()), arn);
    }
}
