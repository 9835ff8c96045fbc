//! A case read in one pass, each policy where it stands. The pass only knows right from wrong: what is wrong
//! with the shape of a case is for [`shape`](super::shape) to say, and with a policy for its own parser.

use std::borrow::Cow;

use postern_policy::Document;
use serde_json::value::RawValue;

/// A case whose shape is right.
pub(super) struct Case<'a> {
    /// As written, and of any kind.
    pub(super) id: &'a str,
    pub(super) request: Asked<'a>,
    pub(super) identity: Vec<Named<'a>>,
    pub(super) resource: Option<Policy<'a>>,
    pub(super) boundary: Option<Vec<Named<'a>>>,
    /// A policy, or whatever else stands there.
    pub(super) session: Option<Policy<'a>>,
    pub(super) scps: Option<Vec<Attached<'a>>>,
    pub(super) rcps: Option<Vec<Attached<'a>>>,
}

/// The request.
pub(super) struct Asked<'a> {
    pub(super) principal: Value<'a>,
    pub(super) action: Cow<'a, str>,
    pub(super) resource: Target<'a>,
    pub(super) context: Vec<(Cow<'a, str>, Value<'a>)>,
}

/// The resource of a request.
pub(super) enum Target<'a> {
    /// Its ARN, and the account that owns it where the case tells.
    Named(Cow<'a, str>, Option<Cow<'a, str>>),
    /// Something else, as written.
    Raw(&'a str),
}

/// A value of any kind.
pub(super) enum Value<'a> {
    /// A string: what it says.
    Text(Cow<'a, str>),
    /// Anything else, as written.
    Raw(&'a str),
}

/// A policy.
pub(super) enum Policy<'a> {
    Read(Document),
    /// As written: a string that may hold one, or something that is none.
    Raw(&'a str),
}

/// A policy and its name.
pub(super) struct Named<'a> {
    pub(super) name: Option<Cow<'a, str>>,
    pub(super) policy: Policy<'a>,
}

/// The policies of one level of an organization.
pub(super) struct Attached<'a> {
    pub(super) id: Option<Cow<'a, str>>,
    pub(super) policies: Vec<Named<'a>>,
}

/// Reads a case; none where the text is no JSON or has another shape.
pub(super) fn case(text: &str) -> Option<Case<'_>> {
    let mut reader = Reader { text, at: 0 };
    let (mut id, mut request, mut identity, mut resource) = (None, None, None, None);
    let (mut boundary, mut session, mut scps, mut rcps) = (None, None, None, None);
    reader.object(|reader, name| match name {
        "id" => once(&mut id, reader.raw()?),
        "request" => once(&mut request, asked(reader)?),
        "identityPolicies" => once(&mut identity, reader.list(named)?),
        "resourcePolicy" => once(&mut resource, reader.nullable(policy)?),
        "permissionBoundaryPolicies" => once(&mut boundary, reader.nullable(|r| r.list(named))?),
        "sessionPolicy" => once(&mut session, reader.nullable(policy)?),
        "serviceControlPolicies" => once(&mut scps, reader.nullable(|r| r.list(attached))?),
        "resourceControlPolicies" => once(&mut rcps, reader.nullable(|r| r.list(attached))?),
        _ => reader.raw().map(drop),
    })?;
    reader.end()?;
    Some(Case {
        id: id?,
        request: request?,
        identity: identity?,
        resource: resource.flatten(),
        boundary: boundary.flatten(),
        session: session.flatten(),
        scps: scps.flatten(),
        rcps: rcps.flatten(),
    })
}

/// Fills what must not stand twice.
fn once<T>(slot: &mut Option<T>, value: T) -> Option<()> {
    slot.replace(value).is_none().then_some(())
}

fn asked<'a>(reader: &mut Reader<'a>) -> Option<Asked<'a>> {
    let (mut principal, mut action, mut resource, mut context) = (None, None, None, None);
    reader.object(|reader, name| match name {
        "principal" => once(&mut principal, reader.value()?),
        "action" => once(&mut action, reader.string()?),
        "resource" => once(&mut resource, target(reader)?),
        "context" => once(&mut context, reader.nullable(members)?),
        _ => reader.raw().map(drop),
    })?;
    let context = context.flatten().unwrap_or_default();
    Some(Asked { principal: principal?, action: action?, resource: resource?, context })
}

/// An ARN, or an object with it and the account.
fn target<'a>(reader: &mut Reader<'a>) -> Option<Target<'a>> {
    if reader.next_is(b'"') {
        return Some(Target::Named(reader.string()?, None));
    }
    let start = reader.at;
    let (mut arn, mut account) = (None, None);
    let object = reader.object(|reader, name| match name {
        "arn" => once(&mut arn, reader.string()?),
        "accountId" => once(&mut account, reader.nullable(Reader::string)?),
        _ => reader.raw().map(drop),
    });
    if let (Some(()), Some(arn)) = (object, arn) {
        return Some(Target::Named(arn, account.flatten()));
    }
    reader.at = start;
    reader.raw().map(Target::Raw)
}

/// All members of an object, duplicates too.
fn members<'a>(reader: &mut Reader<'a>) -> Option<Vec<(Cow<'a, str>, Value<'a>)>> {
    let mut members = Vec::new();
    reader.each_member(|reader, name| {
        members.push((name, reader.value()?));
        Some(())
    })?;
    Some(members)
}

fn named<'a>(reader: &mut Reader<'a>) -> Option<Named<'a>> {
    let (mut name, mut found) = (None, None);
    reader.object(|reader, member| match member {
        "name" => once(&mut name, reader.nullable(Reader::string)?),
        "policy" => once(&mut found, policy(reader)?),
        _ => reader.raw().map(drop),
    })?;
    Some(Named { name: name.flatten(), policy: found? })
}

fn attached<'a>(reader: &mut Reader<'a>) -> Option<Attached<'a>> {
    let (mut id, mut policies) = (None, None);
    reader.object(|reader, member| match member {
        "orgIdentifier" => once(&mut id, reader.nullable(Reader::string)?),
        "policies" => once(&mut policies, reader.list(named)?),
        _ => reader.raw().map(drop),
    })?;
    Some(Attached { id: id.flatten(), policies: policies? })
}

fn policy<'a>(reader: &mut Reader<'a>) -> Option<Policy<'a>> {
    let rest = reader.rest();
    if rest.starts_with('{')
        && let Ok((document, end)) = Document::parse_front(rest)
    {
        reader.at += end;
        return Some(Policy::Read(document));
    }
    reader.raw().map(Policy::Raw)
}

/// The policies in a list, with names or without.
pub(super) fn maybe_all_named(raw: &str) -> Option<Vec<Named<'_>>> {
    let named = |raw| named(&mut Reader { text: raw, at: 0 });
    let item = |raw| named(raw).unwrap_or(Named { name: None, policy: Policy::Raw(raw) });
    Reader { text: raw, at: 0 }.list(|reader| reader.raw().map(item))
}

/// The values of a list.
pub(super) fn items(raw: &str) -> Option<Vec<Value<'_>>> {
    Reader { text: raw, at: 0 }.list(Reader::value)
}

/// What a string says; none where the value is something else.
pub(super) fn text(raw: &str) -> Option<Cow<'_, str>> {
    Reader { text: raw, at: 0 }.string()
}

/// A text of JSON and how far it was read. Whatever is read gives none where it is wrong.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// The next byte that is no blank.
    fn next_byte(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = bytes.get(self.at) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn next_is(&mut self, sign: u8) -> bool {
        self.next_byte() == Some(sign)
    }

    /// The text from the next value or sign on.
    fn rest(&mut self) -> &'a str {
        self.next_byte();
        self.text.get(self.at..).unwrap_or_default()
    }

    fn eat(&mut self, sign: u8) -> bool {
        let found = self.next_is(sign);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, sign: u8) -> Option<()> {
        self.eat(sign).then_some(())
    }

    fn end(&mut self) -> Option<()> {
        self.next_byte().is_none().then_some(())
    }

    /// Any value, as written.
    fn raw(&mut self) -> Option<&'a str> {
        let rest = self.rest();
        let length = plain_length(rest).or_else(|| word_length(rest)).or_else(|| {
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<&RawValue>();
            values.next()?.ok()?;
            Some(values.byte_offset())
        })?;
        self.at += length;
        rest.get(..length)
    }

    fn value(&mut self) -> Option<Value<'a>> {
        if self.next_is(b'"') { self.string().map(Value::Text) } else { self.raw().map(Value::Raw) }
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        let rest = self.rest();
        match plain_length(rest) {
            Some(length) => {
                self.at += length;
                rest.get(1..length - 1).map(Cow::Borrowed)
            }
            None => serde_json::from_str(self.raw()?).ok().map(Cow::Owned),
        }
    }

    /// What `read` reads, or null.
    fn nullable<T>(&mut self, read: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        if self.rest().starts_with("null") {
            self.at += "null".len();
            return Some(None);
        }
        read(self).map(Some)
    }

    fn list<T>(&mut self, mut item: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let mut items = Vec::new();
        self.expect(b'[')?;
        if self.eat(b']') {
            return Some(items);
        }
        loop {
            items.push(item(self)?);
            if self.eat(b']') {
                return Some(items);
            }
            self.expect(b',')?;
        }
    }

    /// An object, of which `member` reads the value of each name.
    fn object(&mut self, mut member: impl FnMut(&mut Self, &str) -> Option<()>) -> Option<()> {
        self.each_member(|reader, name| member(reader, &name))
    }

    fn each_member(&mut self, mut member: impl FnMut(&mut Self, Cow<'a, str>) -> Option<()>) -> Option<()> {
        self.expect(b'{')?;
        if self.eat(b'}') {
            return Some(());
        }
        loop {
            let name = self.string()?;
            self.expect(b':')?;
            member(self, name)?;
            if self.eat(b'}') {
                return Some(());
            }
            self.expect(b',')?;
        }
    }
}

/// The length of the string at the beginning of a text, with its quotes, if it is one without escapes.
fn plain_length(text: &str) -> Option<usize> {
    let inside = text.as_bytes().strip_prefix(b"\"")?;
    let end = special(inside)?;
    (inside.get(end) == Some(&b'"')).then_some(end + 2)
}

/// Where the first quote, backslash or control character stands. Eight bytes are looked at in one go: strings are
/// most of what a case consists of.
fn special(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_le_bytes([1; 8]);
    // Flags the first byte below `least`, and perhaps bytes behind it, from which it borrows.
    let below = |word: u64, least: u8| word.wrapping_sub(ONES * u64::from(least)) & !word;
    let (words, rest) = bytes.as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = below(word ^ (ONES * u64::from(b'"')), 1);
        let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
        let flags = (quote | backslash | below(word, 0x20)) & (ONES << 7);
        if flags != 0 {
            return Some(8 * number + flags.trailing_zeros() as usize / 8);
        }
    }
    let at = rest.iter().position(|byte| matches!(byte, b'"' | b'\\' | ..0x20))?;
    Some(8 * words.len() + at)
}

/// The length of a boolean or a whole number at the beginning of a text that is not `0`, which need no reader of
/// JSON. Whatever follows is for the next step to judge, unless it could belong to a number.
fn word_length(text: &str) -> Option<usize> {
    if let Some(word) = ["true", "false"].into_iter().find(|word| text.starts_with(word)) {
        return Some(word.len());
    }
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let more = matches!(text.as_bytes().get(digits), Some(b'.' | b'e' | b'E'));
    (digits > 0 && !text.starts_with('0') && !more).then_some(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: &str = r#"{"id":1,"request":{"principal":"p","action":"a:\u0062","resource":{},"context":{"k":[1,"x"]}},"identityPolicies":[],"more":[{"x":-1e3}]}"#;

    #[test]
    fn a_case_is_read_wherever_blanks_stand() {
        for text in [CASE.to_owned(), CASE.replace([','], " ,\r\n").replace([':'], "\t: ") + " "] {
            let text = text.replace("a\t: ", "a:");
            let case = case(&text).unwrap();
            assert_eq!((case.id, &*case.request.action), ("1", "a:b"));
            assert!(matches!(&case.request.principal, Value::Text(text) if text == "p"));
            let (key, Value::Raw(list)) = &case.request.context[0] else { panic!("{text}") };
            let items = items(list).unwrap();
            assert!(key == "k" && matches!(&*items, [Value::Raw("1"), Value::Text(text)] if text == "x"));
        }
    }

    #[test]
    fn the_resource_is_a_string_or_an_object_with_it() {
        let with = |text: &str| CASE.replace("\"resource\":{}", &format!("\"resource\":{text}"));
        for (text, account) in [
            (r#""r""#, None),
            (r#"{"arn":"r"}"#, None),
            (r#"{ "accountId" : null , "arn" : "r" }"#, None),
            (r#"{"accountId":"1","more":[{}],"arn":"\u0072"}"#, Some("1")),
        ] {
            let line = with(text);
            let Target::Named(arn, found) = case(&line).unwrap().request.resource else { panic!("{text}") };
            assert_eq!((&*arn, found.as_deref()), ("r", account), "{text}");
        }
        for text in [
            "{}",
            "7",
            r#"["r"]"#,
            r#"{"arn":1}"#,
            r#"{"arn":"r","arn":"r"}"#,
            r#"{"arn":"r","accountId":1}"#,
        ] {
            let line = with(text);
            let found = case(&line).unwrap().request.resource;
            assert!(matches!(found, Target::Raw(raw) if raw == text), "{text}");
        }
        for text in [r#"{"arn":"r""#, r#"{"arn"}"#, r#""r"#] {
            assert!(case(&with(text)).is_none(), "{text}");
        }
    }

    #[test]
    fn what_stands_for_itself_is_measured_like_everything_else() {
        let measured = |text: &str| {
            let mut reader = Reader { text, at: 0 };
            reader.raw().map(|raw| (raw.to_owned(), reader.at))
        };
        for value in ["true", "false", "null", "0", "7", "120", "-3", "1.5", "2e9", "\"\"", "\"é\""] {
            for behind in ["", ",", " ]", "}"] {
                let expected = Some((value.to_owned(), value.len()));
                assert_eq!(measured(&format!("{value}{behind}")), expected, "{value}{behind}");
            }
        }
        for length in 0..20 {
            for special in ['"', '\\', '\n', '\u{1f}'] {
                let text = format!("\"{}{special}{}", "a".repeat(length), "é".repeat(9));
                let expected = (special == '"').then(|| length + 2);
                assert_eq!(plain_length(&text), expected, "{text:?}");
            }
        }
    }

    #[test]
    fn what_is_no_json_or_no_case_is_refused() {
        for length in 0..CASE.len() {
            assert!(case(&CASE[..length]).is_none(), "{length}");
        }
        for (good, bad) in [
            ("\"id\":1", "\"id\":1,\"id\":2"),
            ("\"id\":1", "\"id\":01"),
            ("\"id\":1", "\"id\":1 2"),
            ("\"id\":1", "\"id\":12a"),
            ("\"id\":1", "\"id\":truex"),
            ("\"id\":1", "\"id\":\"a\nb\""),
            ("[]", "[,]"),
            ("[]", "null"),
            ("[]", "[],\"resourcePolicy\":nullx"),
            ("[]", "[],\"resourcePolicy\":null,\"resourcePolicy\":null"),
            ("-1e3", "-"),
            ("\"p\"", "\"\\x\""),
            ("]}}", "],}}"),
            ("}]}", "}]}}"),
        ] {
            assert!(case(&CASE.replace(good, bad)).is_none(), "{bad}");
        }
    }
}
