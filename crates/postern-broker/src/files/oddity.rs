//! What the readers of the AWS files do not read alike, and what does nothing where it stands.
//!
//! botocore's reading is the one that holds here; an [`Oddity`] says where another tool, or the person who wrote the
//! line, may see something else. The SDK for Rust stands for the others: its tests of these files are shared by all.

mod known;

use std::{collections::BTreeMap, fmt};

use self::known::{near_miss, only_reader};
use super::{
    ini::{Entry, Ini, Section, is_blank},
    profile::{File, Header, Place, Profiles},
    resolve::integer,
    section::Keys,
};

/// One of these places.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Oddity {
    /// In which file.
    pub file: File,
    /// In which line, from 1.
    pub line: usize,
    /// What is odd about it.
    pub kind: OddityKind,
}

/// What is odd about a line. No value is quoted: it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum OddityKind {
    /// `[name]` in the config file: no tool takes it for a profile.
    Unprefixed {
        /// The name.
        name: String,
    },
    /// `[profile a b]`, `[profile "a]`: not one name, so the section is dropped.
    BadName {
        /// The header.
        header: String,
    },
    /// Only botocore reads the header: quotes, other characters than letters, digits and `_-/.%@:+`, or a
    /// prefix that only begins as it should.
    OnlyBotocore {
        /// The header.
        header: String,
    },
    /// Blanks inside the brackets, which other SDKs cut off and botocore does not.
    Padded {
        /// The header.
        header: String,
    },
    /// `[profile name]` in the credentials file, where names stand alone.
    PrefixedInCredentials {
        /// The header.
        header: String,
    },
    /// A later section of the same name replaces this one: `[default]` and `[profile default]`. Other SDKs prefer
    /// the one with the prefix, or join them.
    Replaced {
        /// The name.
        name: String,
        /// Where the later one stands.
        by: usize,
    },
    /// `[DEFAULT]` reaches every section of its file in botocore, and is nothing of the kind elsewhere.
    CapitalDefault,
    /// More than a comment behind the header.
    BehindHeader,
    /// `key: value`
    Colon {
        /// The key.
        key: String,
    },
    /// ` #` or ` ;` in a value: botocore takes it for a part, other SDKs for a comment.
    CommentInValue {
        /// The key.
        key: String,
    },
    /// Quotes around a value are parts of it.
    Quoted {
        /// The key.
        key: String,
    },
    /// An indented line goes on with the value above.
    Continued {
        /// The key.
        key: String,
    },
    /// An indented key, which other SDKs refuse or take for a part of the value above.
    Indented {
        /// The key.
        key: String,
    },
    /// A key that no tool knows, and that is nearly one.
    NearMiss {
        /// The key.
        key: String,
        /// The one that may be meant.
        meant: &'static str,
    },
    /// A key that only one tool reads.
    OneReader {
        /// The key.
        key: String,
        /// The tool.
        reader: &'static str,
    },
    /// The credentials file says something else about the same profile, and wins.
    BothFiles {
        /// The key.
        key: String,
        /// The line of the credentials file.
        by: usize,
    },
    /// A key that means something only beside `role_arn`.
    WithoutRole {
        /// The key.
        key: &'static str,
    },
    /// `duration_seconds` that is not a number: botocore drops it without a word.
    NotANumber,
    /// A service of a section `[services …]` without indented keys, or with `=` in the wrong place.
    FlatService {
        /// The service.
        service: String,
    },
    /// Plain keys in the credentials file go before the `postern_key` of the same profile.
    BesideStored,
}

impl fmt::Display for Oddity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, line {}: {}", self.file, self.line, self.kind)
    }
}

impl fmt::Display for OddityKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unprefixed { name } => {
                write!(f, "no tool takes `[{name}]` for a profile here; write `[profile {name}]`")
            }
            Self::BadName { header } => {
                write!(
                    f,
                    "`[{header}]` is not one name, so the section is dropped; put quotes around a name with blanks"
                )
            }
            Self::OnlyBotocore { header } => write!(f, "other SDKs than botocore drop `[{header}]`"),
            Self::Padded { header } => {
                write!(f, "botocore keeps the blanks of `[{header}]`, other SDKs cut them off")
            }
            Self::PrefixedInCredentials { header } => {
                write!(
                    f,
                    "names stand alone in this file: botocore takes `{header}` for the whole name, other SDKs drop it"
                )
            }
            Self::Replaced { name, by } => {
                write!(
                    f,
                    "botocore takes only the later section of `{name}`, in line {by}; other SDKs do not"
                )
            }
            Self::CapitalDefault => f.write_str(
                "`[DEFAULT]` reaches every section in botocore and none elsewhere; `[default]` is a profile",
            ),
            Self::BehindHeader => {
                f.write_str("botocore drops what stands behind the header, other SDKs refuse it")
            }
            Self::Colon { key } => write!(f, "`{key}:` is read by botocore only; write `{key} =`"),
            Self::CommentInValue { key } => {
                write!(f, "botocore takes the comment for a part of `{key}`; put it on a line of its own")
            }
            Self::Quoted { key } => write!(f, "the quotes are parts of the value of `{key}`"),
            Self::Continued { key } => write!(f, "the indented lines below go on with the value of `{key}`"),
            Self::Indented { key } => {
                write!(f, "other SDKs than botocore take the indented `{key}` for no key of its own")
            }
            Self::NearMiss { key, meant } => write!(f, "no tool reads `{key}`; `{meant}` may be meant"),
            Self::OneReader { key, reader } => write!(f, "only {reader} reads `{key}`"),
            Self::BothFiles { key, by } => {
                write!(f, "line {by} of the credentials file gives `{key}` another value, and wins")
            }
            Self::WithoutRole { key } => {
                write!(f, "`{key}` means something to botocore only beside `role_arn`")
            }
            Self::NotANumber => f.write_str("`duration_seconds` is not a number, and dropped"),
            Self::FlatService { service } => {
                write!(f, "keys of `{service}` stand indented below it, such as `  endpoint_url = …`")
            }
            Self::BesideStored => {
                f.write_str("the keys in the credentials file go before this `postern_key`")
            }
        }
    }
}

/// Everything odd, by file and line.
pub(super) fn find(profiles: &Profiles) -> Vec<Oddity> {
    let mut found = Vec::new();
    for file in [File::Config, File::Credentials] {
        let mut page = Page { file, ini: profiles.ini(file), found: &mut found };
        page.headers();
        page.entries();
    }
    for name in profiles.names() {
        if let Some(keys) = profiles.own_keys(&name) {
            profile(&keys, &mut found);
        }
    }
    found.sort();
    found.dedup();
    found
}

/// One of the files, and what was found so far.
struct Page<'a> {
    file: File,
    ini: &'a Ini,
    found: &'a mut Vec<Oddity>,
}

impl Page<'_> {
    fn add(&mut self, line: usize, kind: OddityKind) {
        self.found.push(Oddity { file: self.file, line, kind });
    }

    fn headers(&mut self) {
        let ini = self.ini;
        if let Some(line) = ini.defaults_line {
            self.add(line, OddityKind::CapitalDefault);
        }
        let mut lines: BTreeMap<String, usize> = BTreeMap::new();
        for section in &ini.sections {
            let kind = match self.file {
                File::Config => config_header(ini.at(section.header)),
                File::Credentials => credentials_header(ini.at(section.header)),
            };
            if let Some(kind) = kind {
                self.add(section.line, kind);
            }
            // Behind the header stands its bracket.
            let behind = ini.behind(section.header);
            if !behind.trim_start_matches(']').trim_start_matches(is_blank).starts_with(['#', ';'])
                && !behind.trim_matches(is_blank).trim_matches(']').is_empty()
            {
                self.add(section.line, OddityKind::BehindHeader);
            }
            if self.file == File::Config
                && let Header::Profile(name) = Header::of_config(ini.at(section.header))
                && let Some(first) = lines.insert(name.clone(), section.line)
            {
                self.add(first, OddityKind::Replaced { name, by: section.line });
            }
        }
    }

    fn entries(&mut self) {
        let ini = self.ini;
        for section in &ini.sections {
            let is_services = self.file == File::Config && is_services(ini, section);
            for entry in &section.entries {
                self.entry(entry);
                if is_services && !ini.is_nested(entry) {
                    let service = ini.at(entry.key).to_lowercase();
                    self.add(entry.line, OddityKind::FlatService { service });
                } else if !is_services {
                    self.name_of(entry);
                }
            }
        }
        for entry in &ini.defaults {
            self.entry(entry);
            self.name_of(entry);
        }
    }

    /// How a key and its value are written.
    fn entry(&mut self, entry: &Entry) {
        let (ini, key) = (self.ini, self.ini.at(entry.key).to_lowercase());
        if ini.behind(entry.key).trim_start_matches(is_blank).starts_with(':') {
            self.add(entry.line, OddityKind::Colon { key: key.clone() });
        }
        if entry.indent > 0 {
            self.add(entry.line, OddityKind::Indented { key: key.clone() });
        }
        if ini.is_nested(entry) {
            return;
        }
        let value = ini.value(entry);
        if entry.continued {
            self.add(entry.line, OddityKind::Continued { key: key.clone() });
        }
        if has_comment(&value) {
            self.add(entry.line, OddityKind::CommentInValue { key: key.clone() });
        }
        // A process takes quotes as a shell does.
        let quoted = |quote| value.len() > 1 && value.starts_with(quote) && value.ends_with(quote);
        if !key.ends_with("_process") && (quoted('"') || quoted('\'')) {
            self.add(entry.line, OddityKind::Quoted { key });
        }
    }

    /// Whether anybody knows the key.
    fn name_of(&mut self, entry: &Entry) {
        let key = self.ini.at(entry.key).to_lowercase();
        if let Some(reader) = only_reader(&key) {
            self.add(entry.line, OddityKind::OneReader { key, reader });
        } else if let Some(meant) = near_miss(&key) {
            self.add(entry.line, OddityKind::NearMiss { key, meant });
        }
    }
}

fn is_services(ini: &Ini, section: &Section) -> bool {
    matches!(Header::of_config(ini.at(section.header)), Header::Services(_))
}

/// A comment's sign behind a blank, or at the value's beginning.
fn has_comment(value: &str) -> bool {
    let mut before = ' ';
    value.chars().any(|character| {
        is_blank(std::mem::replace(&mut before, character)) && matches!(character, '#' | ';')
    })
}

fn config_header(header: &str) -> Option<OddityKind> {
    /// Sections of the aws CLI v1 itself.
    const OF_THE_CLI: [&str; 2] = ["preview", "plugins"];
    let text = || header.to_owned();
    // Behind a prefixed name blanks mean nothing to anybody.
    if header.trim_matches(is_blank) != header && Header::of_config(header) == Header::Other {
        return Some(OddityKind::Padded { header: text() });
    }
    match Header::of_config(header) {
        Header::Other if OF_THE_CLI.contains(&header) || header.contains(is_blank) => None,
        Header::Other => Some(OddityKind::Unprefixed { name: text() }),
        Header::BadName if !header.contains(is_blank) => Some(OddityKind::Unprefixed { name: text() }),
        Header::BadName => Some(OddityKind::BadName { header: text() }),
        Header::Profile(_) if header == "default" => None,
        Header::Profile(name) | Header::Services(name) | Header::SsoSession(name) => {
            let mut words = header.split([' ', '\t']).filter(|word| !word.is_empty());
            let plain = matches!(words.next(), Some("profile" | "services" | "sso-session"));
            (!plain || !is_identifier(&name) || words.next() != Some(&*name))
                .then(|| OddityKind::OnlyBotocore { header: text() })
        }
    }
}

fn credentials_header(header: &str) -> Option<OddityKind> {
    let text = header.to_owned();
    if header.trim_matches(is_blank) != header {
        Some(OddityKind::Padded { header: text })
    } else if header.starts_with("profile ") || header.starts_with("profile\t") {
        Some(OddityKind::PrefixedInCredentials { header: text })
    } else {
        (!is_identifier(header)).then_some(OddityKind::OnlyBotocore { header: text })
    }
}

/// What other SDKs allow in names.
fn is_identifier(name: &str) -> bool {
    !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-/.%@:+".contains(c))
}

/// What is odd about the keys of one profile together.
fn profile(keys: &Keys<'_>, found: &mut Vec<Oddity>) {
    const OF_ROLES: [&str; 5] =
        ["mfa_serial", "external_id", "duration_seconds", "source_profile", "credential_source"];
    let mut add = |at: Place, kind| found.push(Oddity { file: at.file, line: at.line, kind });
    let has_role = keys.find("role_arn").is_some();
    // Beside a stored key the device is the one that postern asks for.
    let is_used = |key: &str| has_role || (key == "mfa_serial" && keys.find("postern_key").is_some());
    for key in OF_ROLES.into_iter().filter(|key| !is_used(key)) {
        if let Some(found) = keys.find(key) {
            add(found.at(), OddityKind::WithoutRole { key });
        }
    }
    if let Some(seconds) = keys.find("duration_seconds").filter(|f| integer(&f.text()).is_none()) {
        add(seconds.at(), OddityKind::NotANumber);
    }
    let credentials = keys.of(File::Credentials);
    if let Some(stored) = keys.find("postern_key").filter(|_| credentials.find("aws_access_key_id").is_some())
    {
        add(stored.at(), OddityKind::BesideStored);
    }
    let (config, credentials) = (keys.of(File::Config), credentials.layers.first().copied());
    let Some(section) = config.layers.first() else { return };
    for entry in section.entries {
        let key = section.ini.at(entry.key).to_lowercase();
        if let Some(other) = credentials.and_then(|layer| layer.get(&key))
            && other.text() != section.ini.value(entry)
        {
            let at = Place { file: File::Config, line: entry.line };
            add(at, OddityKind::BothFiles { key, by: other.at().line });
        }
    }
}
