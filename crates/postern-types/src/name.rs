//! Names and paths of IAM entities (*IAM User Guide*, "IAM and AWS STS quotas").

use std::{fmt, str::FromStr};

use crate::ParseError;

/// `[\w+=,.@-]`, the characters of IAM names, in ASCII as AWS means it.
const fn is_name_byte(b: u8) -> bool {
    b.is_ascii_alphanumeric() || matches!(b, b'_' | b'+' | b'=' | b',' | b'.' | b'@' | b'-')
}

const fn is_external_id_byte(b: u8) -> bool {
    is_name_byte(b) || matches!(b, b':' | b'/' | b'\\')
}

macro_rules! name_type {
    ($(#[$doc:meta])* $name:ident, $what:literal, $min:literal..=$max:literal, $allowed:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            /// The most characters AWS takes.
            pub const MAX_LEN: usize = $max;

            /// The text as written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = ParseError;

            fn from_str(text: &str) -> Result<Self, ParseError> {
                if text.len() < $min || text.len() > $max {
                    return Err(ParseError::new(
                        $what,
                        format!("must have {} to {} characters, not {}", $min, $max, text.len()),
                    ));
                }
                match text.chars().find(|c| !u8::try_from(*c).is_ok_and($allowed)) {
                    Some(c) => Err(ParseError::new($what, format!("`{text}` holds `{c}`, which AWS does not take"))),
                    None => Ok(Self(text.into())),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
    };
}

name_type!(
    /// An IAM user's name. Unique in its account *ignoring case*, kept as written.
    UserName, "user name", 1..=64, is_name_byte
);
name_type!(
    /// An IAM group's name. Unique in its account *ignoring case*, kept as written.
    GroupName, "group name", 1..=128, is_name_byte
);
name_type!(
    /// An IAM role's name. Unique in its account *ignoring case*, kept as written.
    RoleName, "role name", 1..=64, is_name_byte
);
name_type!(
    /// The name of a managed or inline policy.
    PolicyName, "policy name", 1..=128, is_name_byte
);
name_type!(
    /// The name of a virtual MFA device, the last part of its serial number.
    MfaDeviceName, "MFA device name", 1..=226, is_name_byte
);
name_type!(
    /// The name of a role session, which CloudTrail shows behind the role.
    RoleSessionName, "role session name", 2..=64, is_name_byte
);
name_type!(
    /// The source identity of a session: set once, kept through every chained role.
    SourceIdentity, "source identity", 2..=64, is_name_byte
);
name_type!(
    /// The external id that a third party must present (`sts:ExternalId`).
    ExternalId, "external id", 2..=1_224, is_external_id_byte
);

/// The path of an IAM entity: `/`, or `/division/team/`.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct IamPath(Box<str>);

impl IamPath {
    /// The path `/`, of entities that were given none.
    #[must_use]
    pub fn root() -> Self {
        Self("/".into())
    }

    /// The path with both its slashes.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for IamPath {
    fn default() -> Self {
        Self::root()
    }
}

impl FromStr for IamPath {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = |problem: &str| ParseError::new("path", format!("`{text}` {problem}"));
        if text.len() > 512 {
            return Err(ParseError::new("path", "longer than 512 characters"));
        }
        if !text.starts_with('/') || !text.ends_with('/') {
            return Err(wrong("does not begin and end with `/`"));
        }
        if !text.bytes().all(|b| (0x21..=0x7e).contains(&b)) {
            return Err(wrong("holds a blank or a character outside ASCII"));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for IamPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for IamPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Splits `/path/name` behind its last slash.
pub(crate) fn split_path(text: &str) -> Result<(IamPath, &str), ParseError> {
    match text.rfind('/') {
        Some(at) => {
            let (path, name) = text.split_at(at + 1);
            Ok((path.parse()?, name))
        }
        None => Err(ParseError::new("path", format!("`{text}` holds no `/`"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_take_exactly_awss_characters() {
        assert!("a+b=c,d.e@f-g_h1".parse::<UserName>().is_ok());
        for bad in ["", "a b", "a/b", "ä", "a:b", "a*"] {
            assert!(bad.parse::<UserName>().is_err(), "{bad}");
        }
        assert!("x".repeat(64).parse::<UserName>().is_ok());
        assert!("x".repeat(65).parse::<UserName>().is_err());
        assert!("x".parse::<RoleSessionName>().is_err());
        assert!("a:b/c".parse::<ExternalId>().is_ok());
    }

    #[test]
    fn paths_begin_and_end_with_a_slash() {
        for good in ["/", "/a/", "/a/b/", "//"] {
            assert!(good.parse::<IamPath>().is_ok(), "{good}");
        }
        for bad in ["", "a", "/a", "a/", "/a b/"] {
            assert!(bad.parse::<IamPath>().is_err(), "{bad}");
        }
    }
}
