//! Paging as all IAM lists do it: `MaxItems`, `Marker`, `IsTruncated`.

use crate::{
    ServiceError,
    operation::Call,
    wire::{Decoder, Xml, rules},
};

/// The paging parameters of a list call.
pub(crate) struct Paging {
    max_items: usize,
    marker: Option<String>,
}

/// What goes on one page.
pub(crate) struct Page<T> {
    pub(crate) items: Vec<T>,
    /// Where the next page begins, if there is one.
    marker: Option<String>,
}

impl Paging {
    /// Reads `MaxItems` (1 to 1000, by default 100) and `Marker`.
    pub(crate) fn decode(d: &mut Decoder<'_>) -> Self {
        let max_items = d.optional_number("MaxItems", 1, 1_000).unwrap_or(100);
        let marker = d.optional("Marker", &rules::MARKER);
        Self { max_items: usize::try_from(max_items).unwrap_or(1_000), marker }
    }

    /// Cuts one page out of all items, which must come in the order of their keys, each key once.
    ///
    /// A marker names the last key of the page before, so that entities which come and go between two calls
    /// are neither shown twice nor hide others. It is sealed for the operation and the account.
    ///
    /// # Errors
    /// `Invalid Marker.` for one that this operation did not issue.
    pub(crate) fn cut<T>(
        &self,
        call: &Call<'_>,
        operation: &str,
        items: impl IntoIterator<Item = (String, T)>,
    ) -> Result<Page<T>, ServiceError> {
        let purpose = format!("marker:{operation}:{}", call.caller.account);
        let after = match &self.marker {
            None => None,
            Some(marker) => {
                let opened = call.sealer.open(&purpose, marker);
                let key = opened.and_then(|bytes| String::from_utf8(bytes.to_vec()).ok());
                Some(key.ok_or_else(|| ServiceError::validation("Invalid Marker."))?)
            }
        };
        let mut rest =
            items.into_iter().filter(|(key, _)| after.as_ref().is_none_or(|after| key > after)).peekable();
        let mut page = Page { items: Vec::new(), marker: None };
        let mut last = String::new();
        while page.items.len() < self.max_items {
            let Some((key, item)) = rest.next() else { break };
            page.items.push(item);
            last = key;
        }
        if rest.peek().is_some() {
            page.marker = Some(call.sealer.seal_same(&purpose, last.as_bytes()));
        }
        Ok(page)
    }
}

impl<T> Page<T> {
    /// `IsTruncated`, and `Marker` if it is.
    pub(crate) fn write_end(&self, xml: &mut Xml) {
        xml.text("IsTruncated", self.marker.is_some());
        xml.maybe("Marker", self.marker.as_ref());
    }

    /// The list and its end.
    pub(crate) fn write(&self, xml: &mut Xml, name: &str, mut member: impl FnMut(&mut Xml, &T)) {
        xml.list(name, &self.items, |xml, item| member(xml, item));
        self.write_end(xml);
    }
}
