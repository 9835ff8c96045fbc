//! Policies inside other JSON: what the aws CLI prints around them is looked through, and every place in a policy
//! found again in its file.

use std::{borrow::Cow, fmt, ops::Range};

use postern_policy::{Span, lint::PolicyKind};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

/// A policy in a file.
#[derive(Debug)]
pub(super) struct Located<'a> {
    /// The JSON pointer of the policy; empty where the file is the policy.
    pub(super) pointer: String,
    pub(super) text: Cow<'a, str>,
    /// Whether it stands where AWS puts policies.
    pub(super) in_its_place: bool,
    /// The type that its place tells.
    pub(super) kind: Option<PolicyKind>,
    /// Bytes of the policy's text and of the file that belong together; between two of them both go on alike.
    anchors: Vec<(usize, usize)>,
}

impl Located<'_> {
    /// The span in the file of a span in the policy.
    pub(super) fn in_file(&self, span: Span) -> Range<usize> {
        self.offset(span.start)..self.offset(span.end)
    }

    /// Whether somebody seems to have meant this as a policy, or as JSON and failed.
    pub(super) fn looks_like_a_policy(&self) -> bool {
        match shallow(&self.text) {
            None => true,
            Some(Shallow::Object(members)) => members.iter().any(|(key, value)| match key.as_str() {
                "Statement" => true,
                "Version" => matches!(value.get(), "\"2012-10-17\"" | "\"2008-10-17\""),
                _ => false,
            }),
            Some(_) => false,
        }
    }

    fn offset(&self, at: usize) -> usize {
        let behind = self.anchors.partition_point(|(decoded, _)| *decoded <= at);
        let anchor = behind.checked_sub(1).and_then(|index| self.anchors.get(index));
        anchor.map_or(at, |(decoded, source)| at - decoded + source)
    }
}

/// All policies of a file: the file itself, the items of a list, or what stands in the members that the aws CLI
/// uses. Empty where there is none, as in the details of an account without policies. A text that is no JSON is
/// its own only policy, for the parser to tell what is wrong.
pub(super) fn policies(text: &str) -> Vec<Located<'_>> {
    let mut search = Search { whole: text, found: Vec::new() };
    search.look(text, String::new(), None, Place::Top, 0);
    search.found
}

/// Deeper than any answer of AWS goes.
const DEEPEST: usize = 8;

/// Where the search has got to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// At the top, where everything is taken for a policy that is no wrapper.
    Top,
    /// In a member that holds policies somewhere.
    Container,
    /// In a member that holds a policy.
    Policy,
}

struct Search<'a> {
    whole: &'a str,
    found: Vec<Located<'a>>,
}

impl<'a> Search<'a> {
    fn look(&mut self, raw: &'a str, pointer: String, kind: Option<PolicyKind>, place: Place, depth: usize) {
        match shallow(raw) {
            Some(Shallow::Object(members)) if !members.iter().any(|(key, _)| key == "Statement") => {
                let version =
                    |(key, value): &(String, &RawValue)| key == "IsDefaultVersion" && value.get() == "false";
                if members.iter().any(version) || depth > DEEPEST {
                    return;
                }
                let kind = kind.or_else(|| organization_kind(&members));
                let mut known = false;
                for (key, value) in members {
                    let Some((place, kind)) = member(&key, value.get(), kind) else { continue };
                    known = true;
                    self.look(value.get(), format!("{pointer}/{key}"), kind, place, depth + 1);
                }
                if !known && place != Place::Container {
                    self.take(raw, pointer, kind, place);
                }
            }
            Some(Shallow::List(items)) if depth <= DEEPEST => {
                for (number, item) in items.into_iter().enumerate() {
                    self.look(item.get(), format!("{pointer}/{number}"), kind, place, depth + 1);
                }
            }
            Some(Shallow::Text) if place == Place::Policy => self.decode(raw, pointer, kind),
            _ if place == Place::Container => {}
            _ => self.take(raw, pointer, kind, place),
        }
    }

    /// A policy that stands in the file as it is.
    fn take(&mut self, raw: &'a str, pointer: String, kind: Option<PolicyKind>, place: Place) {
        let in_its_place = place == Place::Policy;
        let start = raw.as_ptr().addr().saturating_sub(self.whole.as_ptr().addr());
        self.found.push(Located {
            pointer,
            text: Cow::Borrowed(raw),
            in_its_place,
            kind,
            anchors: vec![(0, start)],
        });
    }

    /// A policy that stands in the file as a string.
    fn decode(&mut self, raw: &'a str, pointer: String, kind: Option<PolicyKind>) {
        let Ok(text) = serde_json::from_str::<String>(raw) else {
            return self.take(raw, pointer, kind, Place::Policy);
        };
        let start = raw.as_ptr().addr().saturating_sub(self.whole.as_ptr().addr()) + 1;
        let anchors = anchors(raw, start);
        self.found.push(Located { pointer, text: Cow::Owned(text), in_its_place: true, kind, anchors });
    }
}

/// What a member of this name is known to hold, and of which type.
fn member(key: &str, value: &str, kind: Option<PolicyKind>) -> Option<(Place, Option<PolicyKind>)> {
    let is_text = value.starts_with('"');
    Some(match key {
        "AssumeRolePolicyDocument" => (Place::Policy, Some(PolicyKind::Trust)),
        "PolicyDocument" | "Document" | "policyDocument" => (Place::Policy, kind),
        // Organizations and the resource policies of many services come as strings.
        "Content" if is_text => (Place::Policy, kind),
        "Policy" | "ResourcePolicy" | "policyText" | "resourcePolicy" if is_text => {
            (Place::Policy, Some(PolicyKind::Resource))
        }
        "UserPolicyList" | "GroupPolicyList" | "RolePolicyList" => {
            (Place::Container, Some(PolicyKind::Identity))
        }
        "Policy" | "PolicyVersion" | "Role" | "Roles" | "Policies" | "PolicyVersionList"
        | "UserDetailList" | "GroupDetailList" | "RoleDetailList" | "Attributes" | "resourcePolicies" => {
            (Place::Container, kind)
        }
        _ => return None,
    })
}

/// The type that `aws organizations describe-policy` tells.
fn organization_kind(members: &[(String, &RawValue)]) -> Option<PolicyKind> {
    let (_, summary) = members.iter().find(|(key, _)| key == "PolicySummary")?;
    let Some(Shallow::Object(members)) = shallow(summary.get()) else { return None };
    match members.iter().find(|(key, _)| key == "Type")?.1.get() {
        "\"SERVICE_CONTROL_POLICY\"" => Some(PolicyKind::Scp),
        "\"RESOURCE_CONTROL_POLICY\"" => Some(PolicyKind::Rcp),
        _ => None,
    }
}

/// Where the decoded text and the string in the file go apart: behind every escape.
fn anchors(raw: &str, start: usize) -> Vec<(usize, usize)> {
    let mut anchors = vec![(0, start)];
    let inner = raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default();
    let (mut decoded, mut at) = (0, 0);
    while let Some(escape) = inner.get(at..).and_then(|rest| rest.find('\\')) {
        let (from, plain) = (at + escape, decoded + escape);
        let unicode = |at: usize| {
            let digits = inner.get(at..).filter(|rest| rest.starts_with("\\u"))?.get(2..6)?;
            u32::from_str_radix(digits, 16).ok()
        };
        let (read, made) = match unicode(from) {
            Some(0xd800..0xdc00) => (12, 4),
            Some(code) => (6, char::from_u32(code).map_or(1, char::len_utf8)),
            None => (2, 1),
        };
        (at, decoded) = (from + read, plain + made);
        anchors.push((decoded, start + at));
    }
    anchors
}

/// A JSON value, one level deep.
enum Shallow<'a> {
    Object(Vec<(String, &'a RawValue)>),
    List(Vec<&'a RawValue>),
    Text,
    Other,
}

fn shallow(text: &str) -> Option<Shallow<'_>> {
    serde_json::from_str(text).ok()
}

impl<'de> Deserialize<'de> for Shallow<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OneLevel;

        impl<'de> Visitor<'de> for OneLevel {
            type Value = Shallow<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("JSON")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Shallow::Object(members))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
                let mut items = Vec::new();
                while let Some(item) = list.next_element()? {
                    items.push(item);
                }
                Ok(Shallow::List(items))
            }

            fn visit_str<E>(self, _: &str) -> Result<Self::Value, E> {
                Ok(Shallow::Text)
            }

            fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
                Ok(Shallow::Other)
            }

            fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
                Ok(Shallow::Other)
            }

            fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
                Ok(Shallow::Other)
            }

            fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
                Ok(Shallow::Other)
            }

            fn visit_unit<E>(self) -> Result<Self::Value, E> {
                Ok(Shallow::Other)
            }
        }

        deserializer.deserialize_any(OneLevel)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str) -> Vec<(String, Option<PolicyKind>, String)> {
        let policies = policies(text);
        policies.into_iter().map(|p| (p.pointer.clone(), p.kind, p.text.into_owned())).collect()
    }

    #[test]
    fn what_the_cli_prints_is_looked_through() {
        const P: &str = r#"{"Statement":[]}"#;
        let kinds = |text: &str| -> Vec<(String, Option<PolicyKind>)> {
            let found = found(&text.replace('@', P));
            assert!(found.iter().all(|(.., text)| text == P), "{found:?}");
            found.into_iter().map(|(pointer, kind, _)| (pointer, kind)).collect()
        };
        let one = |pointer: &str, kind| vec![(pointer.to_owned(), kind)];
        assert_eq!(kinds("@"), one("", None));
        assert_eq!(kinds("[@]"), one("/0", None));
        assert_eq!(kinds(r#"{"PolicyDocument":@,"UserName":"a"}"#), one("/PolicyDocument", None));
        assert_eq!(
            kinds(r#"{"PolicyVersion":{"Document":@,"IsDefaultVersion":true}}"#),
            one("/PolicyVersion/Document", None)
        );
        assert_eq!(
            kinds(r#"{"Role":{"Path":"/","AssumeRolePolicyDocument":@}}"#),
            one("/Role/AssumeRolePolicyDocument", Some(PolicyKind::Trust))
        );
        assert_eq!(
            kinds(
                r#"{"UserDetailList":[{"UserName":"a"},{"UserPolicyList":[{"PolicyName":"x","PolicyDocument":@}]}],
                    "Policies":[{"PolicyVersionList":[{"Document":{},"IsDefaultVersion":false},{"Document":@}]}]}"#
            ),
            [
                ("/UserDetailList/1/UserPolicyList/0/PolicyDocument".to_owned(), Some(PolicyKind::Identity)),
                ("/Policies/0/PolicyVersionList/1/Document".to_owned(), None),
            ]
        );
        assert_eq!(kinds(r#"{"UserDetailList":[],"Policies":[]}"#), []);
    }

    #[test]
    fn policies_in_strings_keep_their_places() {
        let inner = "{\"Statement\":\n [\"ä\u{1d11e}/Z\"]}";
        let quoted = r#"{\"Statement\":\n [\"\u00e4\ud834\udd1e\/Z\"]}"#;
        let file = format!(
            r#"{{"Policy":{{"PolicySummary":{{"Type":"SERVICE_CONTROL_POLICY"}},"Content":"{quoted}"}}}}"#
        );
        let policies = policies(&file);
        let policy = &policies[0];
        assert_eq!((policy.pointer.as_str(), policy.kind), ("/Policy/Content", Some(PolicyKind::Scp)));
        assert_eq!(policy.text, inner);
        for part in ["Statement", "[", "Z"] {
            let at = inner.find(part).unwrap();
            let span = policy.in_file(Span { start: at, end: at + part.len() });
            assert_eq!(file.get(span), Some(part));
        }
        let at = inner.find('ä').unwrap();
        assert_eq!(file.get(policy.in_file(Span { start: at, end: at + 2 })), Some("\\u00e4"));
        let whole = policy.in_file(Span { start: 0, end: inner.len() });
        assert_eq!(file.get(whole), Some(quoted));
    }

    #[test]
    fn what_is_no_wrapper_is_a_policy_for_the_parser_to_judge() {
        for text in ["", "{", "7", "null", "\"{}\"", "{}", r#"{"Statemnt":[]}"#, "\u{feff}{}"] {
            assert_eq!(found(text), [(String::new(), None, text.to_owned())]);
        }
        assert_eq!(found("[7]"), [("/0".to_owned(), None, "7".to_owned())]);
        assert_eq!(found("[]"), []);
    }

    #[test]
    fn depth_and_size_do_not_hurt() {
        let deep = format!("{}{}", "[".repeat(200_000), "]".repeat(200_000));
        assert!(policies(&deep).len() <= 1);
        let nested = format!("{}7{}", r#"{"Role":"#.repeat(200_000), "}".repeat(200_000));
        assert!(policies(&nested).is_empty());
        let wide = format!("[{}7]", "{},".repeat(300_000));
        assert_eq!(policies(&wide).len(), 300_001);
    }
}
