//! Query parameters by name.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

/// More parameters than any operation takes.
const MOST: usize = 4_096;

/// The parameters of one request: those of the query string and of the form body, which are one set.
#[derive(Debug, Default)]
pub(crate) struct Params(BTreeMap<String, String>);

/// A form that is not `application/x-www-form-urlencoded` text, or absurdly large.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

impl Params {
    /// Reads a query string and a form body. Of a name that comes twice, the first value counts.
    pub(crate) fn read(query: &str, body: &[u8]) -> Result<Self, Malformed> {
        let mut params = Self::default();
        params.add(query)?;
        params.add(core::str::from_utf8(body).map_err(|_| Malformed)?)?;
        Ok(params)
    }

    fn add(&mut self, form: &str) -> Result<(), Malformed> {
        for pair in form.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let name = decoded(name)?;
            if self.0.len() >= MOST && !self.0.contains_key(&name) {
                return Err(Malformed);
            }
            let value = decoded(value)?;
            self.0.entry(name).or_insert(value);
        }
        Ok(())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether any parameter begins with this.
    pub(crate) fn any_with_prefix(&self, prefix: &str) -> bool {
        self.0.range(prefix.to_owned()..).next().is_some_and(|(name, _)| name.starts_with(prefix))
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }
}

/// Undoes form encoding: `+` is a blank, `%XX` a byte; the bytes must be UTF-8.
fn decoded(text: &str) -> Result<String, Malformed> {
    let blanks =
        if text.contains('+') { text.replace('+', " ").into() } else { std::borrow::Cow::Borrowed(text) };
    percent_decode_str(&blanks).decode_utf8().map(std::borrow::Cow::into_owned).map_err(|_| Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_decoded_once() {
        let params = Params::read("Action=Get%55ser&a=%2B+b", b"c=%25%32%35&d&=e&a=second").unwrap();
        let all: Vec<_> = params.iter().collect();
        assert_eq!(all, [("", "e"), ("Action", "GetUser"), ("a", "+ b"), ("c", "%25"), ("d", "")]);
        assert_eq!(Params::read("a=%ff", b"").unwrap_err(), Malformed);
        assert_eq!(Params::read("", &[0xff]).unwrap_err(), Malformed);
    }

    #[test]
    fn prefixes_are_found() {
        let params = Params::read("Tags.member.1.Key=x&Tagsoup=1", b"").unwrap();
        assert!(params.any_with_prefix("Tags."));
        assert!(params.any_with_prefix("Tags.member.1."));
        assert!(!params.any_with_prefix("Tags.member.2."));
    }
}
