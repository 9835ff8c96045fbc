//! Parameters, typed and checked: each operation reads what it takes, and all offences are told at once.

use crate::{ServiceError, model::Tag};

use super::{Params, Rule, rules};

/// Whether a service quotes the offending value in its validation errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Echo {
    /// IAM since 2026: `Value at 'userName' failed …`.
    Withheld,
    /// STS: `Value 'x' at 'roleSessionName' failed …`.
    Quoted,
}

/// Reads parameters of one request, or of one structure inside it, and collects what is wrong with them.
///
/// A required member that is missing comes back as an empty text: [`Decoder::finish`] refuses the request
/// before anyone looks at it.
pub(crate) struct Decoder<'p> {
    params: &'p Params,
    echo: Echo,
    /// In front of names: `Tags.member.1.`
    prefix: String,
    /// In front of names in errors: `tags.1.member.`
    shown: String,
    offences: Vec<String>,
}

impl<'p> Decoder<'p> {
    pub(crate) const fn new(params: &'p Params, echo: Echo) -> Self {
        Self { params, echo, prefix: String::new(), shown: String::new(), offences: Vec::new() }
    }

    /// The error of everything that was wrong, if anything was.
    pub(crate) fn finish(self) -> Result<(), ServiceError> {
        match self.offences.len() {
            0 => Ok(()),
            1 => Err(ServiceError::validation(format!(
                "1 validation error detected: {}",
                self.offences.join("; ")
            ))),
            n => Err(ServiceError::validation(format!(
                "{n} validation errors detected: {}",
                self.offences.join("; ")
            ))),
        }
    }

    fn raw(&self, name: &str) -> Option<&'p str> {
        if self.prefix.is_empty() {
            self.params.get(name)
        } else {
            self.params.get(&format!("{}{name}", self.prefix))
        }
    }

    fn offend(&mut self, name: &str, value: Option<&str>, constraint: &str) {
        let shown = format!("{}{}", self.shown, camel(name));
        self.offences.push(match (self.echo, value) {
            (Echo::Withheld, _) => format!("Value at '{shown}' failed to satisfy constraint: {constraint}"),
            (Echo::Quoted, Some(value)) => {
                format!("Value '{value}' at '{shown}' failed to satisfy constraint: {constraint}")
            }
            (Echo::Quoted, None) => {
                format!("Value null at '{shown}' failed to satisfy constraint: {constraint}")
            }
        });
    }

    /// A text that may be left out.
    pub(crate) fn optional(&mut self, name: &str, rule: &Rule) -> Option<String> {
        let value = self.raw(name)?;
        for offence in rule.offences(value) {
            self.offend(name, Some(value), &offence);
        }
        Some(value.to_owned())
    }

    /// A text that must be given.
    pub(crate) fn required(&mut self, name: &str, rule: &Rule) -> String {
        self.optional(name, rule).unwrap_or_else(|| {
            self.offend(name, None, "Member must not be null");
            String::new()
        })
    }

    /// One of these words.
    pub(crate) fn optional_word(&mut self, name: &str, words: &[&'static str]) -> Option<&'static str> {
        let value = self.raw(name)?;
        let word = words.iter().copied().find(|word| *word == value);
        if word.is_none() {
            self.offend(
                name,
                Some(value),
                &format!("Member must satisfy enum value set: [{}]", words.join(", ")),
            );
        }
        word
    }

    /// One of these words, which must be given.
    pub(crate) fn required_word(&mut self, name: &str, words: &[&'static str]) -> &'static str {
        if self.raw(name).is_none() {
            self.offend(name, None, "Member must not be null");
            return "";
        }
        self.optional_word(name, words).unwrap_or_default()
    }

    /// A whole number between these bounds.
    pub(crate) fn optional_number(&mut self, name: &str, min: u32, max: u32) -> Option<u32> {
        let value = self.raw(name)?;
        let Ok(number) = value.parse::<i64>() else {
            self.offend(name, Some(value), "Member must be a whole number");
            return None;
        };
        if number < i64::from(min) {
            self.offend(name, Some(value), &format!("Member must have value greater than or equal to {min}"));
        } else if number > i64::from(max) {
            self.offend(name, Some(value), &format!("Member must have value less than or equal to {max}"));
        }
        u32::try_from(number).ok()
    }

    /// `true` or `false`.
    pub(crate) fn optional_bool(&mut self, name: &str) -> Option<bool> {
        let value = self.raw(name)?;
        match value {
            "true" => Some(true),
            "false" => Some(false),
            _ => {
                self.offend(name, Some(value), "Member must be true or false");
                None
            }
        }
    }

    /// Whether the list of structures was given.
    pub(crate) fn has_structures(&self, name: &str) -> bool {
        self.params.any_with_prefix(&format!("{}{name}.member.", self.prefix))
    }

    /// A list of texts: `Name.member.1`, `Name.member.2`, …
    pub(crate) fn list(&mut self, name: &str, most: usize, rule: &Rule) -> Vec<String> {
        let mut values = Vec::new();
        while let Some(value) = self.raw(&format!("{name}.member.{}", values.len() + 1)) {
            values.push(value.to_owned());
        }
        if values.len() > most {
            self.offend(name, None, &format!("Member must have length less than or equal to {most}"));
        }
        if values.iter().any(|value| !rule.offences(value).is_empty()) {
            let shown = format!("[{}]", values.join(", "));
            self.offend(name, Some(&shown), &rule.of_elements());
        }
        values
    }

    /// A list of structures, each read by `read` from a decoder of its own members.
    pub(crate) fn structures<T>(
        &mut self,
        name: &str,
        most: usize,
        mut read: impl FnMut(&mut Self) -> T,
    ) -> Vec<T> {
        let mut values = Vec::new();
        loop {
            let number = values.len() + 1;
            let prefix = format!("{}{name}.member.{number}.", self.prefix);
            if !self.params.any_with_prefix(&prefix) {
                break;
            }
            let shown = format!("{}{}.{number}.member.", self.shown, camel(name));
            let mut inner =
                Self { params: self.params, echo: self.echo, prefix, shown, offences: Vec::new() };
            values.push(read(&mut inner));
            self.offences.append(&mut inner.offences);
        }
        if values.len() > most {
            self.offend(name, None, &format!("Member must have length less than or equal to {most}"));
        }
        values
    }

    /// The list `Tags`, at most fifty.
    pub(crate) fn tags(&mut self) -> Vec<Tag> {
        self.structures("Tags", 50, |tag| Tag {
            key: tag.required("Key", &rules::TAG_KEY),
            value: tag.required("Value", &rules::TAG_VALUE),
        })
    }
}

/// AWS's lower camel case: only the first letter changes.
fn camel(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_ascii_lowercase().to_string() + letters.as_str())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decoded(form: &str, echo: Echo, read: impl FnOnce(&mut Decoder<'_>)) -> Result<(), String> {
        let params = Params::read(form, b"").unwrap();
        let mut decoder = Decoder::new(&params, echo);
        read(&mut decoder);
        decoder.finish().map_err(|error| error.message)
    }

    #[test]
    fn all_offences_are_told_at_once_in_awss_words() {
        let long = "x".repeat(129);
        let told = decoded(&format!("Tags.member.1.Key={long}&Tags.member.1.Value=v"), Echo::Withheld, |d| {
            d.tags();
        });
        assert_eq!(
            told.unwrap_err(),
            "1 validation error detected: Value at 'tags.1.member.key' failed to satisfy constraint: \
             Member must have length less than or equal to 128"
        );
        let told =
            decoded("RoleSessionName=Session1:2&TokenCode=12345&DurationSeconds=899", Echo::Quoted, |d| {
                d.required("RoleArn", &rules::ARN);
                d.required("RoleSessionName", &rules::ROLE_SESSION_NAME);
                d.optional("TokenCode", &rules::STS_TOKEN_CODE);
                d.optional_number("DurationSeconds", 900, 43_200);
            });
        assert_eq!(
            told.unwrap_err(),
            "4 validation errors detected: Value null at 'roleArn' failed to satisfy constraint: \
             Member must not be null; Value 'Session1:2' at 'roleSessionName' failed to satisfy constraint: \
             Member must satisfy regular expression pattern: [\\w+=,.@-]*; Value '12345' at 'tokenCode' \
             failed to satisfy constraint: Member must have length greater than or equal to 6; Value '899' at \
             'durationSeconds' failed to satisfy constraint: Member must have value greater than or equal to 900"
        );
    }

    #[test]
    fn lists_of_texts_are_named_as_a_whole() {
        // Observed on AWS: UntagUser with a bad key.
        let told = decoded("TagKeys.member.1=ok&TagKeys.member.2=", Echo::Withheld, |d| {
            d.list("TagKeys", 50, &rules::TAG_KEY);
        });
        assert_eq!(
            told.unwrap_err(),
            "1 validation error detected: Value at 'tagKeys' failed to satisfy constraint: Member must satisfy \
             constraint: [Member must have length less than or equal to 128, Member must have length greater \
             than or equal to 1, Member must satisfy regular expression pattern: [\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]+, \
             Member must not be null]"
        );
    }

    #[test]
    fn rules_take_what_aws_takes() {
        for (rule, good, bad) in [
            (&rules::PATH, &["/", "/a/", "/a/b/", "//a/"][..], &["", "a", "/a", "a/", "/a b/", "/é/"][..]),
            (&rules::PATH_PREFIX, &["/", "/a", "/a/"][..], &["", "a"][..]),
            (&rules::USER_NAME, &["a+b=c,d.e@f-g_h"][..], &["", "a b", "a/b", "ä"][..]),
            (&rules::TAG_KEY, &["postern:managed", "Ä ö", "a+b=c@d/e"][..], &["", "a*b", "a\nb"][..]),
            (&rules::POLICY_VERSION_ID, &["v1", "v12", "v1.a-b"][..], &["1", "v0", "v", "vx"][..]),
            (&rules::ACCOUNT_ALIAS, &["abc", "a-b-c"][..], &["ab", "-ab", "ab-", "a--b", "Abc"][..]),
        ] {
            for text in good {
                assert!(rule.offences(text).is_empty(), "{text}");
            }
            for text in bad {
                assert!(!rule.offences(text).is_empty(), "{text}");
            }
        }
    }
}
