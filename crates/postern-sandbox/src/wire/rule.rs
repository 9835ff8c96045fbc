//! What AWS's service models demand of a text: its length and its characters.

/// A regular expression as the model writes it, and what it takes.
type Pattern = (&'static str, fn(&str) -> bool);

/// A constraint of the IAM or STS model. Lengths are in characters.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rule {
    pub(crate) min: usize,
    pub(crate) max: usize,
    pub(crate) pattern: Option<Pattern>,
}

impl Rule {
    pub(crate) const fn text(min: usize, max: usize) -> Self {
        Self { min, max, pattern: None }
    }

    pub(crate) const fn pattern(
        min: usize,
        max: usize,
        pattern: &'static str,
        takes: fn(&str) -> bool,
    ) -> Self {
        Self { min, max, pattern: Some((pattern, takes)) }
    }

    /// What the text offends against, in AWS's words and order; nothing if it is fine.
    pub(crate) fn offences(&self, text: &str) -> Vec<String> {
        let length = text.chars().count();
        let mut offences = Vec::new();
        if length > self.max {
            offences.push(format!("Member must have length less than or equal to {}", self.max));
        }
        if length < self.min {
            offences.push(format!("Member must have length greater than or equal to {}", self.min));
        }
        if let Some((pattern, takes)) = self.pattern
            && !takes(text)
        {
            offences.push(format!("Member must satisfy regular expression pattern: {pattern}"));
        }
        offences
    }

    /// All constraints at once, as AWS names them for the elements of a list of strings.
    pub(crate) fn of_elements(&self) -> String {
        let mut all = vec![
            format!("Member must have length less than or equal to {}", self.max),
            format!("Member must have length greater than or equal to {}", self.min),
        ];
        if let Some((pattern, _)) = self.pattern {
            all.push(format!("Member must satisfy regular expression pattern: {pattern}"));
        }
        all.push("Member must not be null".to_owned());
        format!("Member must satisfy constraint: [{}]", all.join(", "))
    }
}

/// The rules of the IAM and STS models that more than one operation uses.
pub(crate) mod rules {
    use super::Rule;

    /// `[\w+=,.@-]`
    const fn name(c: char) -> bool {
        c.is_ascii_alphanumeric() || matches!(c, '_' | '+' | '=' | ',' | '.' | '@' | '-')
    }

    fn names(text: &str) -> bool {
        !text.is_empty() && text.chars().all(name)
    }

    fn tag_char(c: char) -> bool {
        // \p{L}, \p{Z}, \p{N}: letters, separators, numbers.
        c.is_alphabetic()
            || c.is_numeric()
            || (c.is_whitespace() && !c.is_control())
            || matches!(c, '_' | '.' | ':' | '/' | '=' | '+' | '-' | '@')
    }

    fn latin_text(text: &str) -> bool {
        text.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | '\u{20}'..='\u{ff}'))
    }

    fn version_id(text: &str) -> bool {
        let Some(rest) = text.strip_prefix('v') else { return false };
        let (number, tail) = rest.split_once('.').unwrap_or((rest, ""));
        number.starts_with(|c: char| matches!(c, '1'..='9'))
            && number.bytes().all(|b| b.is_ascii_digit())
            && tail.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    }

    fn alias(text: &str) -> bool {
        text.len() >= 3
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
            && !text.starts_with('-')
            && !text.ends_with('-')
            && !text.contains("--")
    }

    const NAME: &str = r"[\w+=,.@-]+";

    pub(crate) const USER_NAME: Rule = Rule::pattern(1, 64, NAME, names);
    /// Of a user that is to exist already: the model allows for older, longer names.
    pub(crate) const EXISTING_USER_NAME: Rule = Rule::pattern(1, 128, NAME, names);
    pub(crate) const GROUP_NAME: Rule = Rule::pattern(1, 128, NAME, names);
    pub(crate) const ROLE_NAME: Rule = Rule::pattern(1, 64, NAME, names);
    pub(crate) const POLICY_NAME: Rule = Rule::pattern(1, 128, NAME, names);
    pub(crate) const INSTANCE_PROFILE_NAME: Rule = Rule::pattern(1, 128, NAME, names);
    pub(crate) const VIRTUAL_MFA_DEVICE_NAME: Rule = Rule::pattern(1, 226, NAME, names);
    pub(crate) const PATH: Rule = Rule::pattern(1, 512, r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)", |text| {
        text == "/"
            || (text.len() > 2
                && text.starts_with('/')
                && text.ends_with('/')
                && text.chars().all(|c| matches!(c, '\u{21}'..='\u{7e}')))
    });
    pub(crate) const PATH_PREFIX: Rule = Rule::pattern(1, 512, r"\u002F[\u0021-\u007F]*", |text| {
        text.starts_with('/') && text.chars().all(|c| matches!(c, '\u{21}'..='\u{7f}'))
    });
    pub(crate) const MARKER: Rule = Rule::pattern(1, 2_048, r"[\u0020-\u00FF]+", |text| {
        text.chars().all(|c| matches!(c, ' '..='\u{ff}'))
    });
    pub(crate) const ARN: Rule = Rule::text(20, 2_048);
    pub(crate) const POLICY_DOCUMENT: Rule =
        Rule::pattern(1, 131_072, r"[\u0009\u000A\u000D\u0020-\u00FF]+", latin_text);
    pub(crate) const TAG_KEY: Rule = Rule::pattern(1, 128, r"[\p{L}\p{Z}\p{N}_.:/=+\-@]+", |text| {
        !text.is_empty() && text.chars().all(tag_char)
    });
    pub(crate) const TAG_VALUE: Rule =
        Rule::pattern(0, 256, r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", |text| text.chars().all(tag_char));
    pub(crate) const ACCESS_KEY_ID: Rule =
        Rule::pattern(16, 128, r"[\w]+", |text| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));
    fn serial(text: &str) -> bool {
        text.chars().all(|c| name(c) || matches!(c, '/' | ':'))
    }
    pub(crate) const SERIAL_NUMBER: Rule = Rule::pattern(9, 256, r"[\w+=/:,.@-]+", serial);
    pub(crate) const STS_SERIAL_NUMBER: Rule = Rule::pattern(9, 256, r"[\w+=/:,.@-]*", serial);
    pub(crate) const AUTHENTICATION_CODE: Rule =
        Rule::pattern(6, 6, r"[\d]+", |text| text.bytes().all(|b| b.is_ascii_digit()));
    pub(crate) const STS_TOKEN_CODE: Rule =
        Rule::pattern(6, 6, r"[\d]*", |text| text.bytes().all(|b| b.is_ascii_digit()));
    pub(crate) const PASSWORD: Rule =
        Rule::pattern(1, 128, r"[\u0009\u000A\u000D\u0020-\u00FF]+", latin_text);
    pub(crate) const ROLE_DESCRIPTION: Rule =
        Rule::pattern(0, 1_000, r"[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*", |text| {
            text.chars().all(|c| matches!(c, '\t' | '\n' | '\r' | ' '..='~' | '\u{a1}'..='\u{ff}'))
        });
    pub(crate) const POLICY_DESCRIPTION: Rule = Rule::text(0, 1_000);
    pub(crate) const POLICY_VERSION_ID: Rule =
        Rule::pattern(1, usize::MAX, r"v[1-9][0-9]*(\.[A-Za-z0-9-]*)?", version_id);
    pub(crate) const ACCOUNT_ALIAS: Rule =
        Rule::pattern(3, 63, r"^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$", alias);

    // STS.
    pub(crate) const ROLE_SESSION_NAME: Rule =
        Rule::pattern(2, 64, r"[\w+=,.@-]*", |text| text.chars().all(name));
    pub(crate) const FEDERATED_NAME: Rule =
        Rule::pattern(2, 32, r"[\w+=,.@-]*", |text| text.chars().all(name));
    pub(crate) const SOURCE_IDENTITY: Rule =
        Rule::pattern(2, 64, r"[\w+=,.@-]*", |text| text.chars().all(name));
    pub(crate) const EXTERNAL_ID: Rule = Rule::pattern(2, 1_224, r"[\w+=,.@:\/-]*", |text| {
        text.chars().all(|c| name(c) || matches!(c, ':' | '/'))
    });
    pub(crate) const SESSION_POLICY: Rule =
        Rule::pattern(1, 2_048, r"[\u0009\u000A\u000D\u0020-\u00FF]+", latin_text);
}
