//! What is in force for a profile: its sections of both files, and what they inherit.

use std::{borrow::Cow, fmt, str::FromStr};

use postern_types::ParseError;

use super::{
    ini::{Entry, Ini},
    profile::{File, Place, Placed, ProfileError},
};

/// One section, or what stands under `[DEFAULT]`.
#[derive(Clone, Copy)]
pub(super) struct Layer<'a> {
    pub(super) file: File,
    pub(super) ini: &'a Ini,
    pub(super) entries: &'a [Entry],
}

/// A profile's keys: the first layer that has one decides.
#[derive(Clone)]
pub(super) struct Keys<'a> {
    pub(super) name: &'a str,
    pub(super) layers: Vec<Layer<'a>>,
    /// How many layers are the profile's own; the others are inherited.
    pub(super) own: usize,
    /// Whether a key without value counts as absent.
    pub(super) skips_empty: bool,
}

/// A key that was found.
#[derive(Clone, Copy)]
pub(super) struct Found<'a> {
    pub(super) layer: Layer<'a>,
    pub(super) entry: &'a Entry,
}

impl fmt::Debug for Keys<'_> {
    /// Values may be secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Keys").field("name", &self.name).finish_non_exhaustive()
    }
}

impl<'a> Layer<'a> {
    pub(super) fn get(self, key: &str) -> Option<Found<'a>> {
        let entry = self.entries.iter().find(|entry| self.ini.is(entry, key))?;
        Some(Found { layer: self, entry })
    }
}

impl<'a> Found<'a> {
    pub(super) fn text(self) -> Cow<'a, str> {
        self.layer.ini.value(self.entry)
    }

    pub(super) fn at(self) -> Place {
        Place { file: self.layer.file, line: self.entry.line }
    }

    pub(super) fn placed<T>(self, value: T) -> Placed<T> {
        Placed { value, at: self.at() }
    }
}

impl<'a> Keys<'a> {
    /// The key, if it is there, even without a value unless such keys are skipped.
    pub(super) fn find(&self, key: &str) -> Option<Found<'a>> {
        let mut found = self.layers.iter().filter_map(|layer| layer.get(key));
        found.find(|found| !self.skips_empty || !found.text().is_empty())
    }

    /// The key, if it is there and has a value.
    pub(super) fn filled(&self, key: &str) -> Option<Found<'a>> {
        self.find(key).filter(|found| !found.text().is_empty())
    }

    /// Only what stands in the profile itself.
    pub(super) fn own(&self) -> Self {
        let layers = self.layers.iter().take(self.own).copied().collect();
        Self { layers, ..*self }
    }

    /// Only what stands in this file.
    pub(super) fn of(&self, file: File) -> Self {
        let layers = self.layers.iter().filter(|layer| layer.file == file).copied().collect();
        Self { layers, ..*self }
    }

    /// A value as plain text, which may be empty.
    pub(super) fn text(&self, key: &'static str) -> Result<Option<Placed<String>>, ProfileError> {
        self.read(key, |text| Ok(text.to_owned()))
    }

    /// A value as what it is.
    pub(super) fn parsed<T: FromStr<Err = ParseError>>(
        &self,
        key: &'static str,
    ) -> Result<Option<Placed<T>>, ProfileError> {
        self.read(key, str::parse)
    }

    pub(super) fn read<T>(
        &self,
        key: &'static str,
        read: impl FnOnce(&str) -> Result<T, ParseError>,
    ) -> Result<Option<Placed<T>>, ProfileError> {
        let Some(found) = self.find(key) else { return Ok(None) };
        let wrong = |error| ProfileError::Value { name: self.name.to_owned(), key, error, at: found.at() };
        if found.layer.ini.is_nested(found.entry) {
            let problem = "indented keys stand where a value is wanted".to_owned();
            return Err(wrong(ParseError { what: "value", problem }));
        }
        read(&found.text()).map(|value| Some(found.placed(value))).map_err(wrong)
    }
}
