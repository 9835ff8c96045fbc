//! `migration.toml`: what becomes of every user of an account. `postern migrate plan` writes it, people correct it, and
//! the stages go by it.

use std::{collections::BTreeMap, fmt};

use postern_types::{AccountId, SignedDuration, Timestamp, UserName};

use crate::{
    DesignError, RolePattern, Span, Spanned,
    design::{
        keys::{ACCOUNT_ID, IAM_NAME, ROLE_PATTERNS, Shape, Table, key},
        read::{self, Errors, Section},
    },
    span::At as _,
    written::{self, File},
};

/// What becomes of an account's users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// The account.
    pub account: AccountId,
    /// When it was read.
    pub read_at: Timestamp,
    /// How long a user stays off before it is deleted.
    pub watch: SignedDuration,
    /// Each of its users.
    pub users: BTreeMap<UserName, Entry>,
}

/// `[users.NAME]`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What becomes of the user.
    pub kind: Kind,
    /// What there is to know. Written as comments, for people; reading a file leaves them aside.
    pub remarks: Vec<String>,
}

/// Who or what is behind a user, and what comes in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Someone who gets a user in the bastion.
    Person {
        /// Their name in the estate file.
        person: UserName,
        /// Whether they are to be one of its administrators.
        administrator: bool,
        /// What they may assume there.
        roles: Vec<RolePattern>,
    },
    /// A program.
    Machine {
        /// What it gets instead of keys.
        better: Better,
    },
    /// Nobody, as far as can be told.
    Unused,
    /// One that stays as it is.
    Keep,
}

/// By what a program signs in without a key that lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Better {
    /// A role that a workflow of GitHub assumes with its own token.
    GithubOidc,
    /// The role of an EC2 instance.
    InstanceRole,
    /// The role of an ECS task or of an EKS pod.
    TaskRole,
    /// The role of a Lambda function.
    LambdaRole,
    /// A role by a certificate, for what runs outside of AWS.
    RolesAnywhere,
    /// Something else, or not known yet.
    Other,
}

const PERSON: &str = "person";
const MACHINE: &str = "machine";
const UNUSED: &str = "unused";
const KEEP: &str = "keep";
const KINDS: [&str; 4] = [PERSON, MACHINE, UNUSED, KEEP];

/// A user cannot be watched for less than an hour, nor for longer than AWS remembers what was used.
const WATCH: (SignedDuration, SignedDuration) =
    (SignedDuration::from_hours(1), SignedDuration::from_hours(400 * 24));

static TOP: Table = Table {
    heading: "",
    keys: &[
        key("version", Shape::Exactly(1), "The version of this format.").required(),
        key("account", ACCOUNT_ID, "The account whose users these are.").required(),
        key("read_at", Shape::Text("."), "When the account was read.").required(),
        key("watch", Shape::Text("^[0-9]+[hd]$"), "How long a user stays off before it is deleted.")
            .or("\"14d\""),
        key("users", Shape::Named(IAM_NAME, &USER), "Each user of the account."),
    ],
    later: &[],
};

static USER: Table = Table {
    heading: "users.NAME",
    keys: &[
        key("kind", Shape::Word(&KINDS), "What is behind the user.").required(),
        key(PERSON, Shape::Text(IAM_NAME), "The person's name in the estate file."),
        key("administrator", Shape::Flag, "Whether the person is an administrator there.").or("false"),
        key("roles", ROLE_PATTERNS, "What the person may assume there.").or("[]"),
        key("better", Shape::Text("."), "What the program gets instead of keys."),
    ],
    later: &[],
};

impl Better {
    /// All of them.
    pub const ALL: [Self; 6] = [
        Self::GithubOidc,
        Self::InstanceRole,
        Self::TaskRole,
        Self::LambdaRole,
        Self::RolesAnywhere,
        Self::Other,
    ];

    /// As the file has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GithubOidc => "github-oidc",
            Self::InstanceRole => "instance-role",
            Self::TaskRole => "task-role",
            Self::LambdaRole => "lambda-role",
            Self::RolesAnywhere => "roles-anywhere",
            Self::Other => "other",
        }
    }
}

impl fmt::Display for Better {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Kind {
    /// As the file has it: `person`, `machine`, `unused` or `keep`.
    #[must_use]
    pub const fn as_str(&self) -> &'static str {
        match self {
            Self::Person { .. } => PERSON,
            Self::Machine { .. } => MACHINE,
            Self::Unused => UNUSED,
            Self::Keep => KEEP,
        }
    }
}

impl Entry {
    /// The person behind the user, by the name in the estate file.
    #[must_use]
    pub const fn person(&self) -> Option<&UserName> {
        match &self.kind {
            Kind::Person { person, .. } => Some(person),
            _ => None,
        }
    }
}

impl Migration {
    /// How long a user stays off where nobody says otherwise.
    pub const WATCH: SignedDuration = SignedDuration::from_hours(14 * 24);

    /// Reads a migration file.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the text.
    pub fn parse(text: &str) -> Result<Self, Vec<DesignError>> {
        let mut errors = Errors::default();
        if text.trim_start_matches('\u{feff}').trim().is_empty() {
            errors.help(0..0, "the migration file is empty", "`postern migrate plan` writes it");
            return Err(errors.finish());
        }
        let Some(root) = read::syntax(text, &mut errors) else { return Err(errors.finish()) };
        if !read::is_version_one(root.get_ref(), "migration file", &mut errors) {
            return Err(errors.finish());
        }
        let top = Section::open(root.get_ref(), Span::default(), ("", ""), &TOP, &mut errors);
        match top_level(&top, &mut errors) {
            Some(found) if errors.is_empty() => Ok(found),
            _ => Err(errors.finish()),
        }
    }

    /// Reads a migration file from its bytes.
    ///
    /// # Errors
    /// As [`Migration::parse`]; bytes that are not UTF-8 are an error at the first of them.
    pub fn parse_bytes(bytes: &[u8]) -> Result<Self, Vec<DesignError>> {
        Self::parse(read::utf8(bytes, "migration file")?)
    }

    /// The file, with its remarks as comments.
    #[must_use]
    pub fn text(&self) -> String {
        let mut file = File::default();
        file.remark(&format!(
            "What becomes of each user of {}. Correct it where it is wrong: nothing is done but by this file.",
            self.account
        ));
        file.remark("`kind` is person, machine, unused or keep (stays as it is, and every report says so).");
        file.remark(
            "docs/migrate.md tells the stages; `postern migrate status` shows where each user stands.",
        );
        file.line("");
        file.line("version = 1");
        file.text("account", &self.account.to_string());
        file.text("read_at", &self.read_at.to_string());
        file.remark("How long a user stays switched off before it may be deleted.");
        file.text("watch", &days(self.watch));
        for (name, entry) in &self.users {
            entry.section(name, &mut file);
        }
        file.into_text()
    }

    /// The sections of the users that another migration lacks, to be put at the end of its file; empty where it has
    /// them all.
    #[must_use]
    pub fn addition_to(&self, other: &Self) -> String {
        let mut file = File::default();
        for (name, entry) in self.users.iter().filter(|(name, _)| !other.users.contains_key(*name)) {
            entry.section(name, &mut file);
        }
        file.into_text()
    }
}

impl Entry {
    fn section(&self, name: &UserName, file: &mut File) {
        file.line("");
        file.remarks(&self.remarks);
        file.line(&format!("[users.{}]", written::key(name.as_str())));
        self.write(file);
    }

    fn write(&self, file: &mut File) {
        file.text("kind", self.kind.as_str());
        match &self.kind {
            Kind::Person { person, administrator, roles } => {
                file.text(PERSON, person.as_str());
                if *administrator {
                    file.line("administrator = true");
                }
                let roles: Vec<String> = roles.iter().map(ToString::to_string).collect();
                file.list("roles", roles.iter().map(String::as_str));
            }
            Kind::Machine { better } => file.text("better", better.as_str()),
            Kind::Unused | Kind::Keep => {}
        }
    }
}

fn top_level(top: &Section<'_, '_>, errors: &mut Errors) -> Option<Migration> {
    for (key, help) in [
        ("account", "write `account = \"111111111111\"`, the 12 digits of the account"),
        ("read_at", "say when the account was read: `read_at = \"2026-11-22T10:00:00Z\"`"),
    ] {
        if top.get(key).is_none() {
            top.missing(key, help, errors);
        }
    }
    let account = top.parse("account", errors);
    let read_at = read_at(top, errors);
    let watch = watch(top, errors);
    let users = users(top, errors);
    Some(Migration { account: account?.value, read_at: read_at?, watch: watch?, users })
}

fn read_at(top: &Section<'_, '_>, errors: &mut Errors) -> Option<Timestamp> {
    let text = top.text("read_at", errors)?;
    let time = text.value.parse().ok();
    if time.is_none() {
        let message = format!("`{}` is not a time", text.value.escape_debug());
        errors.help(text.span, message, "write it as `\"2026-11-22T10:00:00Z\"`");
    }
    time
}

fn watch(top: &Section<'_, '_>, errors: &mut Errors) -> Option<SignedDuration> {
    if top.get("watch").is_none() {
        return Some(Migration::WATCH);
    }
    let text = top.text("watch", errors)?;
    let watch = duration(text.value);
    let (min, max) = WATCH;
    match watch {
        Some(watch) if watch >= min && watch <= max => return Some(watch),
        Some(_) => {
            let message = format!("`watch` is outside {} to {}", days(min), days(max));
            errors.help(text.span, message, "two weeks are usual: `watch = \"14d\"`");
        }
        None => {
            let message = format!("`{}` is not a number of days or hours", text.value.escape_debug());
            errors.help(text.span, message, "write `14d` or `36h`");
        }
    }
    None
}

/// `14d`, `36h`
fn duration(text: &str) -> Option<SignedDuration> {
    let (number, hours) = match (text.strip_suffix('d'), text.strip_suffix('h')) {
        (Some(number), _) => (number, 24),
        (None, Some(number)) => (number, 1),
        (None, None) => return None,
    };
    // A sign is no part of it.
    if !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let hours = number.parse::<u16>().ok().map(|number| i64::from(number) * hours);
    hours.map(SignedDuration::from_hours)
}

fn days(duration: SignedDuration) -> String {
    match duration.as_hours() {
        hours if hours % 24 == 0 => format!("{}d", hours / 24),
        hours => format!("{hours}h"),
    }
}

fn users(top: &Section<'_, '_>, errors: &mut Errors) -> BTreeMap<UserName, Entry> {
    let mut users = BTreeMap::new();
    let mut folded: BTreeMap<String, &str> = BTreeMap::new();
    for (name, table) in top.tables("users", errors) {
        let section = Section::open(table, name.span, ("users", name.value), &USER, errors);
        let kind = kind(&section, errors);
        if let Some(other) = folded.insert(name.value.to_ascii_lowercase(), name.value) {
            let message = format!("`{}` is the user `{other}`", name.value.escape_debug());
            errors.help(name.span, message, "IAM ignores case in names; keep one of the two");
        }
        let name = read::parse::<UserName>(name, None, errors);
        if let (Some(name), Some(kind)) = (name, kind) {
            users.insert(name.value, Entry { kind, remarks: Vec::new() });
        }
    }
    users
}

fn kind(section: &Section<'_, '_>, errors: &mut Errors) -> Option<Kind> {
    if section.get("kind").is_none() {
        section.missing("kind", format!("write one of {}", read::list(&KINDS)), errors);
    }
    // What stands there is looked at whatever the kind, so that all mistakes are told at once.
    let person = section.parse::<UserName>(PERSON, errors);
    let administrator = section.flag("administrator", false, errors);
    let roles = section.parse_list::<RolePattern>("roles", errors);
    let better = better(section, errors);
    let word = section.text("kind", errors)?;
    let (kind, keys): (Option<Kind>, &[&str]) = match word.value {
        PERSON => {
            if section.get(PERSON).is_none() {
                section.missing(PERSON, "write the person's name in the estate file", errors);
            }
            let roles = roles.into_iter().map(|role| role.value).collect();
            let kind = person.map(|person| Kind::Person { person: person.value, administrator, roles });
            (kind, &[PERSON, "administrator", "roles"])
        }
        MACHINE => {
            if section.get("better").is_none() {
                let help = format!("write what it gets instead of keys: one of {}", words());
                section.missing("better", help, errors);
            }
            (better.map(|better| Kind::Machine { better }), &["better"])
        }
        UNUSED => (Some(Kind::Unused), &[]),
        KEEP => (Some(Kind::Keep), &[]),
        _ => {
            not_one_of("kind", word, &KINDS, errors);
            return None;
        }
    };
    for name in [PERSON, "administrator", "roles", "better"] {
        if let (Some(value), false) = (section.get(name), keys.contains(&name)) {
            let message = format!("`{name}` has no meaning where `kind` is `{}`", word.value);
            errors.help(value.span().span(), message, "remove it, or change the kind");
        }
    }
    kind
}

fn better(section: &Section<'_, '_>, errors: &mut Errors) -> Option<Better> {
    let text = section.text("better", errors)?;
    let found = Better::ALL.into_iter().find(|better| better.as_str() == text.value);
    if found.is_none() {
        not_one_of("better", text, &Better::ALL.map(Better::as_str), errors);
    }
    found
}

fn words() -> String {
    read::list(&Better::ALL.map(Better::as_str))
}

fn not_one_of(key: &str, text: Spanned<&str>, words: &[&'static str], errors: &mut Errors) {
    let help = match read::nearest(text.value, words.iter().copied()) {
        Some(known) => format!("did you mean `{known}`?"),
        None => format!("write one of {}", read::list(words)),
    };
    errors.help(text.span, format!("`{key}` cannot be `{}`", text.value.escape_debug()), help);
}

#[cfg(test)]
mod tests;
