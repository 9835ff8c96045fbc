//! Key ids and unique ids (*IAM User Guide*, "IAM identifiers").

use std::{fmt, str::FromStr};

use data_encoding::BASE32;

use crate::{AccountId, ParseError, Rng};

/// What an access key id says of its key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KeyKind {
    /// `AKIA`: a key that lives until someone deletes it.
    LongTerm,
    /// `ASIA`: a key that came with a session token and an expiry.
    Temporary,
}

/// The public half of an access key: 20 characters, with its account inside.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AccessKeyId(Box<str>);

impl AccessKeyId {
    /// A fresh id of this kind for a key of this account.
    ///
    /// The sixteen characters behind the prefix are Base32 of ten bytes: one set bit, the account in
    /// forty bits, thirty-nine random bits. Observed on AWS; `GetAccessKeyInfo` answers from it alone.
    #[must_use]
    pub fn generate(kind: KeyKind, account: AccountId, rng: &mut dyn Rng) -> Self {
        let random = u128::from(rng.next_u64()) & ((1 << 39) - 1);
        let bits = (1_u128 << 79) | (u128::from(account.number()) << 39) | random;
        let bytes = bits.to_be_bytes();
        let prefix = match kind {
            KeyKind::LongTerm => "AKIA",
            KeyKind::Temporary => "ASIA",
        };
        let tail = bytes.get(6..).unwrap_or_default();
        Self(format!("{prefix}{}", BASE32.encode(tail)).into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the key is long-term or temporary; none for prefixes this crate does not know.
    #[must_use]
    pub fn kind(&self) -> Option<KeyKind> {
        match self.0.get(..4) {
            Some("AKIA") => Some(KeyKind::LongTerm),
            Some("ASIA") => Some(KeyKind::Temporary),
            _ => None,
        }
    }

    /// The account that the id carries; none for ids issued before AWS put it there, or made up.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        let bytes = BASE32.decode(self.0.get(4..)?.as_bytes()).ok()?;
        let head: [u8; 6] = bytes.get(..6)?.try_into().ok()?;
        let number = head.iter().fold(0_u64, |n, b| (n << 8) | u64::from(*b));
        AccountId::from_number((number & 0x7fff_ffff_ff80) >> 7)
    }
}

impl FromStr for AccessKeyId {
    type Err = ParseError;

    /// Takes 16 to 128 word characters, the bounds of the IAM model: what a request sends is looked up, not judged.
    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = |problem: &str| ParseError::new("access key id", problem);
        if !(16..=128).contains(&text.len()) {
            return Err(wrong("must have 16 to 128 characters"));
        }
        if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(wrong("holds a character other than letters and digits"));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for AccessKeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What kind of entity a unique id belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PrincipalKind {
    /// `AIDA`
    User,
    /// `AROA`
    Role,
    /// `AGPA`
    Group,
    /// `ANPA`
    ManagedPolicy,
    /// `AIPA`
    InstanceProfile,
}

impl PrincipalKind {
    const ALL: [Self; 5] = [Self::User, Self::Role, Self::Group, Self::ManagedPolicy, Self::InstanceProfile];

    /// The four letters in front of each id of this kind.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::User => "AIDA",
            Self::Role => "AROA",
            Self::Group => "AGPA",
            Self::ManagedPolicy => "ANPA",
            Self::InstanceProfile => "AIPA",
        }
    }
}

/// The unique id of an IAM entity: a name may be used again, its id never is.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct PrincipalId(Box<str>);

impl PrincipalId {
    /// A fresh id: the kind's prefix and seventeen characters of `A-Z2-7`.
    #[must_use]
    pub fn generate(kind: PrincipalKind, rng: &mut dyn Rng) -> Self {
        let mut raw = [0_u8; 11];
        rng.fill_bytes(&mut raw);
        let tail = BASE32.encode(&raw);
        Self(format!("{}{}", kind.prefix(), tail.get(..17).unwrap_or_default()).into())
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the id belongs to.
    #[must_use]
    pub fn kind(&self) -> PrincipalKind {
        PrincipalKind::ALL
            .into_iter()
            .find(|kind| self.0.starts_with(kind.prefix()))
            .unwrap_or_else(|| unreachable!("a principal id without a known prefix"))
    }
}

impl FromStr for PrincipalId {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let known = PrincipalKind::ALL.into_iter().any(|kind| text.starts_with(kind.prefix()));
        let shaped = (16..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric());
        if known && shaped {
            Ok(Self(text.into()))
        } else {
            Err(ParseError::new("unique id", format!("`{text}` is not an id such as `AIDA…` or `AROA…`")))
        }
    }
}

impl fmt::Display for PrincipalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for PrincipalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng, rngs::StdRng};

    use super::*;

    #[test]
    fn the_account_is_inside_the_key_id() {
        // Observed on AWS: facts of the key id's layout.
        let id: AccessKeyId = "ASIAY34FZKBOKMUTVV7A".parse().unwrap();
        assert_eq!(id.account().unwrap().to_string(), "609629065308");
        assert_eq!(id.kind(), Some(KeyKind::Temporary));
    }

    #[test]
    fn generated_ids_have_awss_shape() {
        let mut rng = StdRng::seed_from_u64(1);
        for account in ["000000000000", "111111111111", "999999999999"] {
            let account: AccountId = account.parse().unwrap();
            let id = AccessKeyId::generate(KeyKind::LongTerm, account, &mut rng);
            assert_eq!(id.as_str().len(), 20);
            assert!(id.as_str().starts_with("AKIA"));
            assert_eq!(id.account(), Some(account));
            assert_eq!(id.as_str().parse::<AccessKeyId>().unwrap(), id);
        }
        let id = PrincipalId::generate(PrincipalKind::Role, &mut rng);
        assert_eq!((id.as_str().len(), id.kind()), (21, PrincipalKind::Role));
    }

    #[test]
    fn made_up_ids_carry_no_account() {
        for text in ["AKIA0000000000000001", "AKIA"] {
            assert_eq!(text.parse::<AccessKeyId>().ok().and_then(|id| id.account()), None, "{text}");
        }
    }
}
