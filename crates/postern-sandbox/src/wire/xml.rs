//! XML, written only forwards.

use std::fmt::{Display, Write as _};

use postern_types::Timestamp;

/// XML in the making: elements, texts, nothing else.
#[derive(Default)]
pub(crate) struct Xml(String);

impl Xml {
    pub(crate) const fn new() -> Self {
        Self(String::new())
    }

    pub(crate) fn into_string(self) -> String {
        self.0
    }

    /// `<name>…</name>` around what `inside` writes.
    pub(crate) fn element(&mut self, name: &str, inside: impl FnOnce(&mut Self)) {
        self.open(name);
        inside(self);
        self.close(name);
    }

    /// `<name xmlns="namespace">…</name>`.
    pub(crate) fn root(&mut self, name: &str, namespace: &str, inside: impl FnOnce(&mut Self)) {
        self.0.push('<');
        self.0.push_str(name);
        self.0.push_str(" xmlns=\"");
        self.0.push_str(namespace);
        self.0.push_str("\">");
        inside(self);
        self.close(name);
    }

    /// `<name>text</name>`, the text escaped.
    pub(crate) fn text(&mut self, name: &str, text: impl Display) {
        self.open(name);
        let _never_fails = write!(Escaped(&mut self.0), "{text}");
        self.close(name);
    }

    /// As [`Self::text`], or nothing at all.
    pub(crate) fn maybe(&mut self, name: &str, text: Option<impl Display>) {
        if let Some(text) = text {
            self.text(name, text);
        }
    }

    /// `2026-02-17T09:45:26Z`
    pub(crate) fn time(&mut self, name: &str, time: Timestamp) {
        self.text(name, seconds(time));
    }

    /// A policy document: percent-encoded as RFC 3986 says.
    pub(crate) fn document(&mut self, name: &str, text: &str) {
        self.text(name, percent_encoding::utf8_percent_encode(text, DOCUMENT));
    }

    /// `<name><member>…</member>…</name>`, empty when there are none.
    pub(crate) fn list<T>(
        &mut self,
        name: &str,
        items: impl IntoIterator<Item = T>,
        mut member: impl FnMut(&mut Self, T),
    ) {
        self.list_of(name, "member", items, &mut member);
    }

    /// As [`Self::list`], with another name for the elements.
    pub(crate) fn list_of<T>(
        &mut self,
        name: &str,
        element: &str,
        items: impl IntoIterator<Item = T>,
        mut member: impl FnMut(&mut Self, T),
    ) {
        self.element(name, |xml| {
            for item in items {
                xml.element(element, |xml| member(xml, item));
            }
        });
    }

    /// `<member>text</member>` for each.
    pub(crate) fn texts<T: Display>(&mut self, name: &str, items: impl IntoIterator<Item = T>) {
        self.element(name, |xml| {
            for item in items {
                xml.text("member", item);
            }
        });
    }

    /// What was written elsewhere.
    pub(crate) fn append(&mut self, other: &Self) {
        self.0.push_str(&other.0);
    }

    fn open(&mut self, name: &str) {
        self.0.push('<');
        self.0.push_str(name);
        self.0.push('>');
    }

    fn close(&mut self, name: &str) {
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
    }
}

/// Everything but the unreserved characters.
const DOCUMENT: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A time as AWS writes it, to the second.
pub(crate) fn seconds(time: Timestamp) -> impl Display {
    time.strftime("%Y-%m-%dT%H:%M:%SZ")
}

struct Escaped<'a>(&'a mut String);

impl std::fmt::Write for Escaped<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for c in text.chars() {
            match c {
                '&' => self.0.push_str("&amp;"),
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&apos;"),
                // A reader would turn a bare one into a line feed.
                '\r' => self.0.push_str("&#xD;"),
                '\t' | '\n' => self.0.push(c),
                // XML 1.0 has no way to write these.
                '\u{0}'..='\u{1f}' | '\u{fffe}' | '\u{ffff}' => self.0.push('\u{fffd}'),
                _ => self.0.push(c),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_escaped_and_documents_percent_encoded() {
        let mut xml = Xml::new();
        xml.root("R", "urn:x", |xml| {
            xml.text("t", "<a&b>\"'\r\u{1}é");
            xml.document("d", "{\"a\": \"é*~\"}");
            xml.list("l", ["x"], |xml, item| xml.text("i", item));
            xml.texts("e", Vec::<String>::new());
            xml.time("w", Timestamp::from_second(1_771_321_526).unwrap());
        });
        assert_eq!(
            xml.into_string(),
            "<R xmlns=\"urn:x\"><t>&lt;a&amp;b&gt;&quot;&apos;&#xD;\u{fffd}é</t>\
             <d>%7B%22a%22%3A%20%22%C3%A9%2A~%22%7D</d><l><member><i>x</i></member></l><e></e>\
             <w>2026-02-17T09:45:26Z</w></R>"
        );
    }
}
