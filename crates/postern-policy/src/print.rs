//! From a document to JSON, and from JSON to the same JSON laid out well.
//!
//! Both go through one tree of borrowed texts and one writer. A document prints what it says; a text
//! is formatted from its own tree, so that nothing is lost which a document does not keep: numbers
//! and booleans as written, a list of one value, an operator without keys.

use std::{borrow::Cow, collections::HashMap};

use crate::{
    Actions, Condition, Document, Effect, Operator, PrincipalType, Principals, Problem, Resources, Statement,
    Version,
    json::{self, Member, Node, Value},
    parse::{DOCUMENT_ELEMENTS, STATEMENT_ELEMENTS},
};

/// A list stands on one line as long as the line is no longer than this.
const COLUMNS: usize = 100;

/// How JSON is laid out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Layout {
    /// Without any white space: what AWS's size limits count.
    Compact,
    /// Indented by two spaces; lists on one line where they fit into 100 columns.
    #[default]
    Pretty,
}

/// A text of JSON on its way out.
enum Json<'a> {
    String(&'a str),
    /// Numbers, `true`, `false`, `null`: as they are.
    Raw(&'a str),
    List(Vec<Self>),
    Object(Members<'a>),
}

type Members<'a> = Vec<(Cow<'a, str>, Json<'a>)>;

impl Document {
    /// The document as JSON: elements in AWS's order, one value as a string and several as a list, the
    /// statements always as a list, `{"AWS": "*"}` as `"*"`.
    ///
    /// What it says is the same, down to the order of statements and values: reading it again gives a
    /// document of the [same meaning](Self::same_meaning). There is no line break at the end.
    ///
    /// Conditions with the same operator and key cannot share an object, since no JSON object has a
    /// key twice. They come from operators that differ only in case, and are printed so again.
    ///
    /// ```
    /// use postern_policy::{Document, Layout};
    /// let document = Document::parse(
    ///     r#"{"Statement": {"Action": ["s3:*"], "Resource": "*", "Effect": "Allow"}, "Version": "2012-10-17"}"#,
    /// )
    /// .unwrap();
    /// assert_eq!(
    ///     document.to_json(Layout::Compact),
    ///     r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:*","Resource":"*"}]}"#
    /// );
    /// ```
    #[must_use]
    pub fn to_json(&self, layout: Layout) -> String {
        let version = self.version.map(|version| match version {
            Version::V2008 => "2008-10-17",
            Version::V2012 => "2012-10-17",
        });
        let mut members = Vec::new();
        members.extend(version.map(|version| ("Version".into(), Json::String(version))));
        members.extend(self.id().map(|id| ("Id".into(), Json::String(id))));
        members.push(("Statement".into(), Json::List(self.statements.iter().map(statement).collect())));
        write(&Json::Object(members), layout)
    }

    /// Whether both documents say the same, wherever it stands in their texts: the same version, id and
    /// statements with the same elements and values in the same order. Only what has no order in JSON
    /// may stand in another one: conditions, and the kinds of principal. The case of condition keys and
    /// operators does not count either.
    ///
    /// Documents that do not say the same may still allow the same requests: [`diff`](crate::diff) tells.
    #[must_use]
    pub fn same_meaning(&self, other: &Self) -> bool {
        self.version() == other.version()
            && self.id == other.id
            && self.statements.len() == other.statements.len()
            && self.statements.iter().zip(other.statements.iter()).all(|(a, b)| same_statement(a, b))
    }
}

fn same_statement(a: &Statement, b: &Statement) -> bool {
    let resources = |statement: &Statement| {
        statement
            .resources()
            .map(|r| (r.is_negated(), r.patterns().iter().map(|p| p.text().to_owned()).collect::<Vec<_>>()))
    };
    a.sid == b.sid
        && a.effect == b.effect
        && a.principals().map(by_kind) == b.principals().map(by_kind)
        && a.actions().is_negated() == b.actions().is_negated()
        && a.actions().patterns().iter().map(|p| p.text()).eq(b.actions().patterns().iter().map(|p| p.text()))
        && resources(a) == resources(b)
        && sorted(a.conditions()) == sorted(b.conditions())
}

fn by_kind(principals: &Principals) -> (bool, [Vec<&str>; 4]) {
    (principals.is_negated(), PrincipalType::ALL.map(|kind| of_kind(principals, kind)))
}

fn of_kind(principals: &Principals, kind: PrincipalType) -> Vec<&str> {
    principals
        .patterns()
        .iter()
        .filter(|pattern| pattern.kind() == kind)
        .map(|pattern| pattern.text())
        .collect()
}

fn sorted(conditions: &[Condition]) -> Vec<(String, &str, Vec<&str>)> {
    let mut list: Vec<_> = conditions
        .iter()
        .map(|c| (c.operator().to_string(), c.folded_key(), c.values().iter().map(|v| v.text()).collect()))
        .collect();
    list.sort_unstable();
    list
}

fn statement(statement: &Statement) -> Json<'_> {
    let not = |negated, plain: &'static str, negative| Cow::from(if negated { negative } else { plain });
    let mut members = Vec::new();
    members.extend(statement.sid().map(|sid| ("Sid".into(), Json::String(sid))));
    let effect = match statement.effect() {
        Effect::Allow => "Allow",
        Effect::Deny => "Deny",
    };
    members.push(("Effect".into(), Json::String(effect)));
    if let Some(element) = statement.principals() {
        members.push((not(element.is_negated(), "Principal", "NotPrincipal"), principals(element)));
    }
    let actions: &Actions = statement.actions();
    let texts = values(actions.patterns().iter().map(|pattern| pattern.text()));
    members.push((not(actions.is_negated(), "Action", "NotAction"), texts));
    if let Some(element) = statement.resources() {
        let element: &Resources = element;
        let texts = values(element.patterns().iter().map(|pattern| pattern.text()));
        members.push((not(element.is_negated(), "Resource", "NotResource"), texts));
    }
    if !statement.conditions().is_empty() {
        members.push(("Condition".into(), conditions(statement.conditions())));
    }
    Json::Object(members)
}

/// One value as a string, any other number as a list.
fn values<'a>(texts: impl Iterator<Item = &'a str>) -> Json<'a> {
    let mut list: Vec<Json<'a>> = texts.map(Json::String).collect();
    match list.pop() {
        Some(only) if list.is_empty() => only,
        last => {
            list.extend(last);
            Json::List(list)
        }
    }
}

fn principals(element: &Principals) -> Json<'_> {
    if let [only] = element.patterns()
        && only.is_everyone()
    {
        return Json::String("*");
    }
    let kinds = PrincipalType::ALL.into_iter().filter_map(|kind| {
        let texts = of_kind(element, kind);
        (!texts.is_empty()).then(|| (kind.as_str().into(), values(texts.into_iter())))
    });
    Json::Object(kinds.collect())
}

fn conditions(list: &[Condition]) -> Json<'_> {
    // How often an operator has met a key already tells which spelling of the operator is free for it.
    let mut met: HashMap<(Operator, &str), u64> = HashMap::new();
    let mut places: HashMap<(Operator, u64), usize> = HashMap::new();
    let mut operators: Vec<(Cow<'_, str>, Members<'_>)> = Vec::new();
    for condition in list {
        let operator = condition.operator();
        let times = met.entry((operator, condition.key())).or_default();
        let spelling = *times;
        *times += 1;
        let place = *places.entry((operator, spelling)).or_insert_with(|| {
            operators.push((spelled(operator, spelling).into(), Vec::new()));
            operators.len() - 1
        });
        if let Some((_, keys)) = operators.get_mut(place) {
            let texts = values(condition.values().iter().map(|value| value.text()));
            keys.push((condition.key().into(), texts));
        }
    }
    Json::Object(operators.into_iter().map(|(name, keys)| (name, Json::Object(keys))).collect())
}

/// The operator's name with the case of its letters turned by the bits of a number: 0 is AWS's own.
///
/// A document that was read has no more conditions of one operator and key than there are spellings.
fn spelled(operator: Operator, spelling: u64) -> String {
    let mut bits = spelling;
    let turn = |character: char| {
        if !character.is_ascii_alphabetic() {
            return character;
        }
        let turned = bits & 1 == 1;
        bits >>= 1;
        match (turned, character.is_ascii_lowercase()) {
            (false, _) => character,
            (true, true) => character.to_ascii_uppercase(),
            (true, false) => character.to_ascii_lowercase(),
        }
    };
    operator.to_string().chars().map(turn).collect()
}

/// Lays a policy out anew: indentation of two spaces, elements in AWS's order, lists on one line where
/// they fit into 100 columns, a line break at the end.
///
/// Every value, and the order of statements, operators, keys and values stay as they are. The result,
/// formatted again, is the same text.
///
/// ```
/// let text = r#"{"Version":"2012-10-17","Statement":{"Action":["s3:*","sqs:*"],"Resource":"*","Effect":"Allow"}}"#;
/// let formatted = r#"{
///   "Version": "2012-10-17",
///   "Statement": {
///     "Effect": "Allow",
///     "Action": ["s3:*", "sqs:*"],
///     "Resource": "*"
///   }
/// }
/// "#;
/// assert_eq!(postern_policy::format(text).unwrap(), formatted);
/// ```
///
/// # Errors
/// What [`Document::parse`] finds: a text with errors (a duplicate key among them) is not touched.
pub fn format(text: &str) -> Result<String, Vec<Problem>> {
    Document::parse(text)?;
    let read = json::read(text).map_err(|problem| vec![problem])?;
    let mut out = read.root().map(|root| write(&policy(root), Layout::Pretty)).unwrap_or_default();
    out.push('\n');
    Ok(out)
}

fn policy(root: Node<'_>) -> Json<'_> {
    let Value::Object(members) = root.value() else { return value(root) };
    let list = ordered(members, &DOCUMENT_ELEMENTS).into_iter().map(|m| {
        let inner = match m.node.value() {
            Value::Array(items) if m.key == "Statement" => Json::List(items.map(elements).collect()),
            _ if m.key == "Statement" => elements(m.node),
            _ => value(m.node),
        };
        (m.key.into(), inner)
    });
    Json::Object(list.collect())
}

fn elements(node: Node<'_>) -> Json<'_> {
    let Value::Object(members) = node.value() else { return value(node) };
    let list = ordered(members, &STATEMENT_ELEMENTS).into_iter().map(|m| (m.key.into(), value(m.node)));
    Json::Object(list.collect())
}

fn ordered<'r>(members: json::Members<'r>, order: &[&str]) -> Vec<Member<'r>> {
    let mut list: Vec<Member<'_>> = members.collect();
    list.sort_by_key(|m| order.iter().position(|name| *name == m.key));
    list
}

fn value(node: Node<'_>) -> Json<'_> {
    match node.value() {
        Value::Null => Json::Raw("null"),
        Value::Bool(true) => Json::Raw("true"),
        Value::Bool(false) => Json::Raw("false"),
        Value::Number(text) => Json::Raw(text),
        Value::String(text) => Json::String(text),
        Value::Array(items) => Json::List(items.map(value).collect()),
        Value::Object(members) => Json::Object(members.map(|m| (m.key.into(), value(m.node))).collect()),
    }
}

/// A list of texts as JSON.
pub(crate) fn list(texts: &[&str]) -> String {
    write(&Json::List(texts.iter().copied().map(Json::String).collect()), Layout::Compact)
}

fn write(json: &Json<'_>, layout: Layout) -> String {
    let mut writer = Writer { out: String::new(), layout, line: 0 };
    writer.value(json, 0);
    writer.out
}

struct Writer {
    out: String,
    layout: Layout,
    /// Where the last line of `out` begins.
    line: usize,
}

impl Writer {
    fn value(&mut self, json: &Json<'_>, depth: usize) {
        match json {
            Json::Raw(text) => self.out.push_str(text),
            Json::String(text) => quote(&mut self.out, text),
            Json::List(items) if items.is_empty() => self.out.push_str("[]"),
            Json::List(items) => {
                let one_line = self.one_line(items);
                self.out.push('[');
                for (number, item) in items.iter().enumerate() {
                    match (number, one_line) {
                        (0, true) => {}
                        (0, false) => self.line(depth + 1),
                        (_, true) => self.out.push_str(", "),
                        (_, false) => {
                            self.out.push(',');
                            self.line(depth + 1);
                        }
                    }
                    self.value(item, depth + 1);
                }
                if !one_line {
                    self.line(depth);
                }
                self.out.push(']');
            }
            Json::Object(members) if members.is_empty() => self.out.push_str("{}"),
            Json::Object(members) => {
                self.out.push('{');
                for (number, (key, inner)) in members.iter().enumerate() {
                    if number > 0 {
                        self.out.push(',');
                    }
                    self.line(depth + 1);
                    quote(&mut self.out, key);
                    self.out.push_str(if self.layout == Layout::Pretty { ": " } else { ":" });
                    self.value(inner, depth + 1);
                }
                self.line(depth);
                self.out.push('}');
            }
        }
    }

    /// Whether a list of plain values fits into the rest of the line, a comma behind it included.
    fn one_line(&self, items: &[Json<'_>]) -> bool {
        if self.layout == Layout::Compact {
            return false;
        }
        let mut text = self.out.get(self.line..).unwrap_or_default().to_owned();
        text.push_str("[],");
        for (number, item) in items.iter().enumerate() {
            if number > 0 {
                text.push_str(", ");
            }
            match item {
                Json::Raw(raw) => text.push_str(raw),
                // A quoted text is no shorter than the text.
                Json::String(plain) if plain.len() <= 4 * COLUMNS => quote(&mut text, plain),
                _ => return false,
            }
            // In bytes first, so that a long list is not counted from its beginning at each item.
            if text.len() > COLUMNS && text.chars().count() > COLUMNS {
                return false;
            }
        }
        true
    }

    /// Begins a line.
    fn line(&mut self, depth: usize) {
        if self.layout == Layout::Pretty {
            self.out.push('\n');
            self.line = self.out.len();
            self.out.extend(std::iter::repeat_n("  ", depth));
        }
    }
}

/// A JSON string (RFC 8259, section 7): what must be escaped is, everything else stands as it is.
fn quote(out: &mut String, text: &str) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\r' => "\\r",
            b'\t' => "\\t",
            0x08 => "\\b",
            0x0c => "\\f",
            0..0x20 => "",
            _ => continue,
        };
        out.push_str(text.get(plain..at).unwrap_or_default());
        out.push_str(escape);
        if escape.is_empty() {
            let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
            out.push_str("\\u00");
            out.push(digit(byte >> 4));
            out.push(digit(byte & 15));
        }
        plain = at + 1;
    }
    out.push_str(text.get(plain..).unwrap_or_default());
    out.push('"');
}
