//! Accounts, partitions, regions.

use std::{fmt, str::FromStr};

use crate::ParseError;

/// The twelve digits of an AWS account.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccountId(u64);

impl AccountId {
    const LIMIT: u64 = 1_000_000_000_000;

    /// The account with this number, if it has at most twelve digits.
    #[must_use]
    pub const fn from_number(number: u64) -> Option<Self> {
        if number < Self::LIMIT { Some(Self(number)) } else { None }
    }

    fn from_digits(digits: &[u8]) -> Option<Self> {
        let digits: &[u8; 12] = digits.try_into().ok()?;
        let mut number = 0;
        for digit in digits {
            let digit = digit.wrapping_sub(b'0');
            if digit > 9 {
                return None;
            }
            number = number * 10 + u64::from(digit);
        }
        Some(Self(number))
    }

    /// The account as a number, without its leading zeros.
    #[must_use]
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl FromStr for AccountId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        Self::from_digits(text.as_bytes())
            .ok_or_else(|| ParseError::new("account id", format!("`{text}` is not 12 digits")))
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}", self.0)
    }
}

impl fmt::Debug for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:012}", self.0)
    }
}

/// A group of regions with an ARN prefix and identities of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Partition {
    /// `aws`: the commercial regions.
    #[default]
    Aws,
    /// `aws-cn`: the regions in China.
    China,
    /// `aws-us-gov`: GovCloud.
    UsGov,
}

impl Partition {
    /// The partition's word in an ARN.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::China => "aws-cn",
            Self::UsGov => "aws-us-gov",
        }
    }
}

impl FromStr for Partition {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        match text {
            "aws" => Ok(Self::Aws),
            "aws-cn" => Ok(Self::China),
            "aws-us-gov" => Ok(Self::UsGov),
            _ => Err(ParseError::new(
                "partition",
                format!("`{text}` is not one of `aws`, `aws-cn`, `aws-us-gov`"),
            )),
        }
    }
}

impl fmt::Display for Partition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A well-formed region name such as `eu-central-1`. Whether it exists is AWS's business.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Region(Box<str>);

impl Region {
    /// The region's name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Region {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let parts: Vec<&str> = text.split('-').collect();
        let number = parts.last().copied().unwrap_or_default();
        let well_formed = parts.len() >= 3
            && parts
                .iter()
                .all(|p| !p.is_empty() && p.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
            && number.bytes().all(|b| b.is_ascii_digit());
        if well_formed && text.len() <= 32 {
            Ok(Self(text.into()))
        } else {
            Err(ParseError::new("region", format!("`{text}` is not a region name such as `eu-central-1`")))
        }
    }
}

impl fmt::Display for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_ids_keep_their_leading_zeros() {
        let id: AccountId = "000000000042".parse().unwrap();
        assert_eq!(id.number(), 42);
        assert_eq!(id.to_string(), "000000000042");
    }

    #[test]
    fn account_ids_are_twelve_ascii_digits() {
        for bad in [
            "",
            "1",
            "1111111111111",
            "11111111111a",
            "１１１１１１１１１１１１",
            "+11111111111",
            " 11111111111",
        ] {
            assert!(bad.parse::<AccountId>().is_err(), "{bad}");
        }
        assert!(AccountId::from_number(1_000_000_000_000).is_none());
    }

    #[test]
    fn regions_look_like_regions() {
        for good in ["us-east-1", "eu-central-1", "us-gov-west-1", "ap-southeast-2", "us-iso-east-1"] {
            assert_eq!(good.parse::<Region>().unwrap().as_str(), good);
        }
        for bad in ["", "us", "us-east", "us-east-one", "US-EAST-1", "us--1", "eu-central-1/x"] {
            assert!(bad.parse::<Region>().is_err(), "{bad}");
        }
    }
}
