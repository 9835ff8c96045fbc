//! The services of AWS with their actions, resource types and condition keys, embedded as data.
//!
//! For lints, completions and the expansion of patterns only. Evaluation never looks here: AWS adds
//! actions weekly, and one that is unknown here still matches patterns. A program that never calls
//! [`Catalogue::embedded`] or the functions of this module does not carry the data either.
//!
//! ```
//! use postern_policy::catalogue::{AccessLevel, Catalogue, KeyKind, expand, shrink};
//! let catalogue = Catalogue::embedded();
//!
//! let action = catalogue.service("s3").unwrap().action("getobject").unwrap();
//! assert_eq!((action.name(), action.access()), ("GetObject", AccessLevel::Read));
//! assert!(action.resource_types().iter().any(|used| used.resource_type().name() == "object"));
//!
//! let key = catalogue.condition_key("aws:RequestTag/team").unwrap();
//! assert_eq!((key.name(), key.kind()), ("aws:RequestTag/${TagKey}", KeyKind::String));
//! assert_eq!(catalogue.nearest_action("s3:GetObjects").as_deref(), Some("s3:GetObject"));
//!
//! let multipart = expand(&["s3:*Multipart*"]);
//! assert_eq!(multipart.actions[0], "s3:AbortMultipartUpload");
//! assert_eq!(shrink(&multipart.actions), ["s3:*MultipartUpload*"]);
//! ```
//!
//! The data is gathered from the *Service Authorization Reference* by others; [`Catalogue::source`] says
//! by whom and when, and `cargo xtask service-catalogue` refreshes it. It does not tell which actions are
//! "permission only", nor which other actions one depends on.

mod key;
mod nearest;
mod patterns;
mod read;
mod shrink;

use std::{cmp::Ordering, sync::OnceLock};

pub use self::{
    key::{ConditionKey, KeyKind},
    patterns::{Expansion, expand, expand_not},
    shrink::shrink,
};

/// All services, sorted by prefix.
#[derive(Debug)]
pub struct Catalogue {
    source: Source,
    services: Box<[Service]>,
    keys: key::Keys,
    /// Made when the first near name is asked for.
    index: OnceLock<nearest::Index>,
}

/// Where the data of a catalogue comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Source {
    /// The package's name.
    pub name: &'static str,
    /// The package's version.
    pub version: &'static str,
    /// The package's licence, as an SPDX identifier.
    pub license: &'static str,
    /// The day when the package's authors read AWS's documentation, `2026-09-26`.
    pub taken: &'static str,
}

/// One service: what stands before the colon of an action.
#[derive(Debug)]
pub struct Service {
    prefix: &'static str,
    name: &'static str,
    controlled: bool,
    actions: Box<[Action]>,
    resource_types: &'static [ResourceType],
    keys: &'static [&'static ConditionKey],
}

/// One action of a service.
#[derive(Debug)]
pub struct Action {
    name: &'static str,
    access: AccessLevel,
    keys: &'static [&'static ConditionKey],
    resources: &'static [ActionResource],
}

/// A resource type that an action can be limited to.
#[derive(Debug)]
pub struct ActionResource {
    resource_type: &'static ResourceType,
    required: bool,
    keys: &'static [&'static ConditionKey],
}

/// One type of resource of a service.
#[derive(Debug)]
pub struct ResourceType {
    name: &'static str,
    arn: &'static str,
    keys: &'static [&'static ConditionKey],
}

/// How AWS classifies an action (*IAM User Guide*, Access levels in policy summaries).
///
/// Each action has one level. What tags or manages permissions also writes, and has the narrower level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum AccessLevel {
    /// Lists resources, without their contents.
    List,
    /// Reads contents and attributes.
    Read,
    /// Makes, changes or deletes resources.
    Write,
    /// Changes nothing but tags.
    Tagging,
    /// Grants or changes permissions.
    PermissionsManagement,
}

impl Catalogue {
    /// The catalogue that comes with the library. The first call reads it, which takes a few milliseconds.
    #[must_use]
    pub fn embedded() -> &'static Self {
        static CATALOGUE: OnceLock<Catalogue> = OnceLock::new();
        CATALOGUE.get_or_init(|| {
            // The file is part of the library, and a test reads all of it.
            read::catalogue(include_bytes!("../data/service-catalogue.bin"))
                .unwrap_or_else(|| unreachable!("damaged service catalogue"))
        })
    }

    /// Where the data comes from.
    #[must_use]
    pub const fn source(&self) -> Source {
        self.source
    }

    /// All services, sorted by prefix.
    #[must_use]
    pub fn services(&self) -> &[Service] {
        &self.services
    }

    /// The service with this prefix, whatever its case.
    #[must_use]
    pub fn service(&self, prefix: &str) -> Option<&Service> {
        find(&self.services, prefix, Service::prefix)
    }

    /// The action with this whole name, such as `s3:GetObject`, and its service.
    #[must_use]
    pub fn action(&self, action: &str) -> Option<(&Service, &Action)> {
        let (prefix, name) = action.split_once(':')?;
        let service = self.service(prefix)?;
        Some((service, service.action(name)?))
    }

    /// All actions with their services, sorted by service and name.
    pub fn actions(&self) -> impl Iterator<Item = (&Service, &Action)> {
        self.services.iter().flat_map(|service| service.actions.iter().map(move |action| (service, action)))
    }

    /// The actions of one access level, sorted by service and name.
    ///
    /// ```
    /// use postern_policy::catalogue::{AccessLevel, Catalogue};
    /// let mut dangerous = Catalogue::embedded().actions_at(AccessLevel::PermissionsManagement);
    /// assert!(dangerous.any(|(service, action)| (service.prefix(), action.name()) == ("iam", "PutRolePolicy")));
    /// ```
    pub fn actions_at(&self, level: AccessLevel) -> impl Iterator<Item = (&Service, &Action)> {
        self.actions().filter(move |(_, action)| action.access == level)
    }

    /// What a condition key is, whatever its case: a global one (`aws:SourceIp`), one of a service
    /// (`s3:prefix`) or of an identity provider (`saml:aud`, `token.actions.githubusercontent.com:sub`).
    ///
    /// A key whose last part is chosen freely is found by its template, so `aws:PrincipalTag/team` gives
    /// `aws:PrincipalTag/${TagKey}`, and the usual claims of any OpenID Connect provider give a template
    /// such as `${Provider}:sub`.
    #[must_use]
    pub fn condition_key(&self, key: &str) -> Option<&'static ConditionKey> {
        self.keys.find(key)
    }

    /// The keys that are not tied to one service, in alphabetical order.
    #[must_use]
    pub fn global_condition_keys(&self) -> &'static [ConditionKey] {
        key::GLOBAL
    }
}

impl Service {
    /// What stands before the colon of its actions, in lower case: `s3`.
    #[must_use]
    pub const fn prefix(&self) -> &'static str {
        self.prefix
    }

    /// The name that people know, `Amazon S3`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Whether resource control policies reach it, as the upstream lists it.
    #[must_use]
    pub const fn supports_resource_control_policies(&self) -> bool {
        self.controlled
    }

    /// Its actions, sorted by name without regard to case.
    #[must_use]
    pub fn actions(&self) -> &[Action] {
        &self.actions
    }

    /// Its action with this name, whatever its case.
    #[must_use]
    pub fn action(&self, name: &str) -> Option<&Action> {
        find(&self.actions, name, Action::name)
    }

    /// Its resource types, sorted by name without regard to case.
    #[must_use]
    pub const fn resource_types(&self) -> &'static [ResourceType] {
        self.resource_types
    }

    /// Its resource type with this name, whatever its case.
    #[must_use]
    pub fn resource_type(&self, name: &str) -> Option<&'static ResourceType> {
        find(self.resource_types, name, ResourceType::name)
    }

    /// The condition keys that the service documents for its actions and resource types; most global
    /// keys are not among them, although they can be used too.
    #[must_use]
    pub const fn condition_keys(&self) -> &'static [&'static ConditionKey] {
        self.keys
    }
}

impl Action {
    /// What stands behind the colon: `GetObject`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// How AWS classifies it.
    #[must_use]
    pub const fn access(&self) -> AccessLevel {
        self.access
    }

    /// The resource types that it can be limited to. None at all means that a statement for it must
    /// say `"Resource": "*"`.
    #[must_use]
    pub const fn resource_types(&self) -> &'static [ActionResource] {
        self.resources
    }

    /// The condition keys that it supports whatever the resource; see also [`ActionResource::condition_keys`].
    #[must_use]
    pub const fn condition_keys(&self) -> &'static [&'static ConditionKey] {
        self.keys
    }
}

impl ActionResource {
    /// The resource type.
    #[must_use]
    pub const fn resource_type(&self) -> &'static ResourceType {
        self.resource_type
    }

    /// Whether each request for the action names a resource of this type.
    #[must_use]
    pub const fn required(&self) -> bool {
        self.required
    }

    /// The condition keys that the action supports for this resource type.
    #[must_use]
    pub const fn condition_keys(&self) -> &'static [&'static ConditionKey] {
        self.keys
    }
}

impl ResourceType {
    /// The name in the service's documentation, `bucket`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// Its ARN with placeholders, `arn:${Partition}:s3:::${BucketName}`.
    #[must_use]
    pub const fn arn(&self) -> &'static str {
        self.arn
    }

    /// The condition keys that tell of such a resource.
    #[must_use]
    pub const fn condition_keys(&self) -> &'static [&'static ConditionKey] {
        self.keys
    }
}

impl AccessLevel {
    /// All levels.
    pub const ALL: [Self; 5] =
        [Self::List, Self::Read, Self::Write, Self::Tagging, Self::PermissionsManagement];

    /// AWS's word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::List => "List",
            Self::Read => "Read",
            Self::Write => "Write",
            Self::Tagging => "Tagging",
            Self::PermissionsManagement => "Permissions management",
        }
    }

    /// The level with this name; case, spaces, dashes and underscores do not count.
    ///
    /// ```
    /// use postern_policy::catalogue::AccessLevel;
    /// assert_eq!(AccessLevel::from_name("permissions-management"), Some(AccessLevel::PermissionsManagement));
    /// ```
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let letters = |text: &str| -> String {
            text.chars().filter(char::is_ascii_alphabetic).map(|c| c.to_ascii_lowercase()).collect()
        };
        let name = letters(name);
        Self::ALL.into_iter().find(|level| letters(level.name()) == name)
    }
}

/// The entry with this name in a list sorted by names without case.
fn find<'a, T>(list: &'a [T], name: &str, name_of: impl Fn(&T) -> &'static str) -> Option<&'a T> {
    let at = list.binary_search_by(|entry| compare(name_of(entry), name)).ok()?;
    list.get(at)
}

/// Orders texts without regard to the case of ASCII letters.
fn compare(a: &str, b: &str) -> Ordering {
    let fold = |byte: u8| byte.to_ascii_lowercase();
    a.bytes().map(fold).cmp(b.bytes().map(fold))
}
