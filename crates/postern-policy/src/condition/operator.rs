//! Condition operators by name.

use std::fmt;

/// How the values of a multivalued key are gone through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Qualifier {
    /// `ForAllValues:` every value of the request must match; true where there is none.
    ForAllValues,
    /// `ForAnyValue:` one value of the request must match; false where there is none.
    ForAnyValue,
}

/// What is compared, and how.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are AWS's own operators")]
pub enum Comparison {
    StringEquals,
    StringNotEquals,
    StringEqualsIgnoreCase,
    StringNotEqualsIgnoreCase,
    StringLike,
    StringNotLike,
    NumericEquals,
    NumericNotEquals,
    NumericLessThan,
    NumericLessThanEquals,
    NumericGreaterThan,
    NumericGreaterThanEquals,
    DateEquals,
    DateNotEquals,
    DateLessThan,
    DateLessThanEquals,
    DateGreaterThan,
    DateGreaterThanEquals,
    Bool,
    BinaryEquals,
    IpAddress,
    NotIpAddress,
    ArnEquals,
    ArnNotEquals,
    ArnLike,
    ArnNotLike,
    Null,
}

use Comparison as C;

const NAMES: [(&str, Comparison); 27] = [
    ("StringEquals", C::StringEquals),
    ("StringNotEquals", C::StringNotEquals),
    ("StringEqualsIgnoreCase", C::StringEqualsIgnoreCase),
    ("StringNotEqualsIgnoreCase", C::StringNotEqualsIgnoreCase),
    ("StringLike", C::StringLike),
    ("StringNotLike", C::StringNotLike),
    ("NumericEquals", C::NumericEquals),
    ("NumericNotEquals", C::NumericNotEquals),
    ("NumericLessThan", C::NumericLessThan),
    ("NumericLessThanEquals", C::NumericLessThanEquals),
    ("NumericGreaterThan", C::NumericGreaterThan),
    ("NumericGreaterThanEquals", C::NumericGreaterThanEquals),
    ("DateEquals", C::DateEquals),
    ("DateNotEquals", C::DateNotEquals),
    ("DateLessThan", C::DateLessThan),
    ("DateLessThanEquals", C::DateLessThanEquals),
    ("DateGreaterThan", C::DateGreaterThan),
    ("DateGreaterThanEquals", C::DateGreaterThanEquals),
    ("Bool", C::Bool),
    ("BinaryEquals", C::BinaryEquals),
    ("IpAddress", C::IpAddress),
    ("NotIpAddress", C::NotIpAddress),
    ("ArnEquals", C::ArnEquals),
    ("ArnNotEquals", C::ArnNotEquals),
    ("ArnLike", C::ArnLike),
    ("ArnNotLike", C::ArnNotLike),
    ("Null", C::Null),
];

impl Comparison {
    /// The operator's name without qualifier and suffix.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        // The names stand in the order of the variants.
        NAMES.get(self as usize).map_or("", |(name, _)| name)
    }

    /// Whether `${…}` is a policy variable in the operator's values: in string and ARN operators and in
    /// `Bool`, nowhere else.
    pub(crate) const fn takes_variables(self) -> bool {
        matches!(
            self,
            Self::StringEquals
                | Self::StringNotEquals
                | Self::StringEqualsIgnoreCase
                | Self::StringNotEqualsIgnoreCase
                | Self::StringLike
                | Self::StringNotLike
                | Self::ArnEquals
                | Self::ArnNotEquals
                | Self::ArnLike
                | Self::ArnNotLike
                | Self::Bool
        )
    }

    /// Whether the operator holds when no value of the policy matches.
    #[must_use]
    pub const fn is_negated(self) -> bool {
        matches!(
            self,
            Self::StringNotEquals
                | Self::StringNotEqualsIgnoreCase
                | Self::StringNotLike
                | Self::NumericNotEquals
                | Self::DateNotEquals
                | Self::NotIpAddress
                | Self::ArnNotEquals
                | Self::ArnNotLike
        )
    }
}

/// A condition operator: `ForAnyValue:StringLikeIfExists` and all simpler ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Operator {
    /// The set operator in front.
    pub qualifier: Option<Qualifier>,
    /// What is compared.
    pub comparison: Comparison,
    /// Whether an absent key makes the condition true.
    pub if_exists: bool,
}

impl Operator {
    /// The operator of this name, whatever its case; `Null` takes no `IfExists`.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (qualifier, rest) = match text.split_once(':') {
            None => (None, text),
            Some((q, rest)) if q.eq_ignore_ascii_case("ForAllValues") => {
                (Some(Qualifier::ForAllValues), rest)
            }
            Some((q, rest)) if q.eq_ignore_ascii_case("ForAnyValue") => (Some(Qualifier::ForAnyValue), rest),
            Some(_) => return None,
        };
        let named = |name: &str| {
            NAMES
                .iter()
                .find(|(known, _)| known.eq_ignore_ascii_case(name))
                .map(|(_, comparison)| *comparison)
        };
        if let Some(comparison) = named(rest) {
            return Some(Self { qualifier, comparison, if_exists: false });
        }
        let cut = rest.len().checked_sub("IfExists".len())?;
        let (name, suffix) = rest.split_at_checked(cut)?;
        let comparison = named(name).filter(|c| *c != C::Null && suffix.eq_ignore_ascii_case("IfExists"))?;
        Some(Self { qualifier, comparison, if_exists: true })
    }

    /// Whether this is how AWS writes the operator.
    pub(crate) fn is_spelt(self, text: &str) -> bool {
        let (qualifier, rest) = text.split_once(':').map_or((None, text), |(q, rest)| (Some(q), rest));
        let qualifier = match self.qualifier {
            Some(Qualifier::ForAllValues) => qualifier == Some("ForAllValues"),
            Some(Qualifier::ForAnyValue) => qualifier == Some("ForAnyValue"),
            None => qualifier.is_none(),
        };
        let suffix = if self.if_exists { "IfExists" } else { "" };
        qualifier && rest.strip_suffix(suffix) == Some(self.comparison.as_str())
    }

    /// The known operator that looks most like this text.
    pub(crate) fn nearest(text: &str) -> Option<String> {
        if text.len() > 2 * crate::parse::LONGEST_NAME {
            return None;
        }
        let (front, rest) = text.rsplit_once(':').map_or(("", text), |(q, rest)| (q, rest));
        // The set operator may stand behind: `StringEquals:ForAnyValue`.
        let behind = rest.to_ascii_lowercase().starts_with("forall")
            || rest.to_ascii_lowercase().starts_with("forany");
        let (front, rest) = if behind { (rest, front) } else { (front, rest) };
        let lower = rest.to_ascii_lowercase();
        let (base, suffix) = lower.strip_suffix("ifexists").map_or((&*lower, ""), |base| (base, "IfExists"));
        let (name, distance) = NAMES
            .iter()
            .map(|(name, _)| (name, strsim::damerau_levenshtein(&name.to_ascii_lowercase(), base)))
            .min_by_key(|(_, distance)| *distance)?;
        let front = match front.to_ascii_lowercase() {
            q if q.starts_with("forall") => "ForAllValues:",
            q if q.starts_with("forany") => "ForAnyValue:",
            _ => "",
        };
        // `Null` asks whether the key is there and takes no `IfExists`.
        let suffix = if *name == "Null" { "" } else { suffix };
        (distance <= 3).then(|| format!("{front}{name}{suffix}"))
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.qualifier {
            Some(Qualifier::ForAllValues) => f.write_str("ForAllValues:")?,
            Some(Qualifier::ForAnyValue) => f.write_str("ForAnyValue:")?,
            None => {}
        }
        f.write_str(self.comparison.as_str())?;
        if self.if_exists { f.write_str("IfExists") } else { Ok(()) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_comparison_has_its_own_name() {
        for (name, comparison) in NAMES {
            assert_eq!(comparison.as_str(), name);
            assert!(Operator::parse(name).unwrap().is_spelt(name));
        }
    }
}
