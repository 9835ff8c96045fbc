//! What a request says about itself and its sender.

use crate::hash::hash;

/// The value of a context key in a request.
///
/// Absent, empty and false are three things: `Bool` and `BoolIfExists` live on the difference.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum ContextValue {
    /// The request does not carry the key.
    #[default]
    Absent,
    /// A single value.
    One(Box<str>),
    /// The values of a multivalued key. None at all counts as absent, as AWS's null data set does.
    Many(Box<[Box<str>]>),
}

impl ContextValue {
    /// The values, of which there may be none.
    #[must_use]
    pub fn values(&self) -> &[Box<str>] {
        match self {
            Self::Absent => &[],
            Self::One(value) => std::slice::from_ref(value),
            Self::Many(values) => values,
        }
    }

    /// The value, if there is exactly one.
    #[must_use]
    pub fn single(&self) -> Option<&str> {
        match self.values() {
            [one] => Some(one),
            _ => None,
        }
    }
}

impl From<&str> for ContextValue {
    fn from(value: &str) -> Self {
        Self::One(value.into())
    }
}

impl From<String> for ContextValue {
    fn from(value: String) -> Self {
        Self::One(value.into())
    }
}

impl From<bool> for ContextValue {
    fn from(value: bool) -> Self {
        Self::One(if value { "true" } else { "false" }.into())
    }
}

impl From<Vec<String>> for ContextValue {
    fn from(values: Vec<String>) -> Self {
        Self::Many(values.into_iter().map(String::into_boxed_str).collect())
    }
}

impl From<&[&str]> for ContextValue {
    fn from(values: &[&str]) -> Self {
        Self::Many(values.iter().map(|value| Box::from(*value)).collect())
    }
}

/// The request context: keys, whose case does not count, and their values.
///
/// ```
/// use postern_policy::Context;
/// let context = Context::new().with("aws:MultiFactorAuthPresent", true).with("aws:username", "alice");
/// assert_eq!(context.get("AWS:UserName").single(), Some("alice"));
/// assert!(context.get("aws:SourceIp").values().is_empty());
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Context {
    /// Lower-case keys, sorted.
    entries: Vec<(Box<str>, ContextValue)>,
    /// The hash of each key, in the same order.
    hashes: Vec<u64>,
}

impl Context {
    /// A context without any key.
    #[must_use]
    pub const fn new() -> Self {
        Self { entries: Vec::new(), hashes: Vec::new() }
    }

    /// The same context with this key set.
    #[must_use]
    pub fn with(mut self, key: &str, value: impl Into<ContextValue>) -> Self {
        self.set(key, value);
        self
    }

    /// Sets a key; [`ContextValue::Absent`] takes it away.
    pub fn set(&mut self, key: &str, value: impl Into<ContextValue>) {
        let key = fold(key);
        let value = value.into();
        match (self.find(&key), value) {
            (Ok(at), ContextValue::Absent) => {
                self.entries.remove(at);
                self.hashes.remove(at);
            }
            (Err(_), ContextValue::Absent) => {}
            (Ok(at), value) => {
                if let Some(entry) = self.entries.get_mut(at) {
                    entry.1 = value;
                }
            }
            (Err(at), value) => {
                self.hashes.insert(at, hash(&key));
                self.entries.insert(at, (key, value));
            }
        }
    }

    /// The value of a key, whatever its case.
    #[must_use]
    pub fn get(&self, key: &str) -> &ContextValue {
        let found = if key.bytes().any(|byte| byte.is_ascii_uppercase() || !byte.is_ascii()) {
            self.find(&fold(key))
        } else {
            self.find(key)
        };
        self.value(found.ok())
    }

    /// The keys in lower case with their values, in alphabetical order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &ContextValue)> {
        self.entries.iter().map(|(key, value)| (&**key, value))
    }

    /// The value of a key that was folded and hashed before.
    pub(crate) fn of(&self, key: &Key) -> &ContextValue {
        // Few keys are found sooner by their hashes than by comparing texts.
        const FEW: usize = 32;
        let found = if self.hashes.len() <= FEW {
            let at = self.hashes.iter().position(|hash| *hash == key.hash);
            let same = |at: &usize| self.entries.get(*at).is_some_and(|(known, _)| *known == key.folded);
            at.map(|at| if same(&at) { Ok(at) } else { self.find(&key.folded) })
        } else {
            Some(self.find(&key.folded))
        };
        self.value(found.and_then(Result::ok))
    }

    fn value(&self, at: Option<usize>) -> &ContextValue {
        const ABSENT: &ContextValue = &ContextValue::Absent;
        at.and_then(|at| self.entries.get(at)).map_or(ABSENT, |(_, value)| value)
    }

    fn find(&self, key: &str) -> Result<usize, usize> {
        // Keys that come in their order are appended.
        match self.entries.last() {
            Some((last, _)) if **last < *key => Err(self.entries.len()),
            _ => self.entries.binary_search_by(|(k, _)| (**k).cmp(key)),
        }
    }
}

/// The key of a condition or variable, ready to be looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    folded: Box<str>,
    hash: u64,
}

impl Key {
    pub(crate) fn new(key: &str) -> Self {
        let folded = fold(key);
        Self { hash: hash(&folded), folded }
    }

    /// The key in lower case.
    pub(crate) const fn folded(&self) -> &str {
        &self.folded
    }
}

/// A key as it is compared.
fn fold(key: &str) -> Box<str> {
    if key.is_ascii() { key.to_ascii_lowercase().into() } else { key.to_lowercase().into() }
}
