//! What is asked for, and under which key its answer is kept.

use postern_types::{
    AccessKeyId, AccountId, ExternalId, MfaSerial, PolicyArn, Region, RoleArn, RoleName, RoleSessionName,
    SessionDuration, SourceIdentity, Timestamp, UserName,
};

use crate::ForeignSource;

/// What a person names on the command line, resolved: `prod/developer`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Target {
    /// The account's name in the estate file.
    pub account: Box<str>,
    /// The role's name there.
    pub role: RoleName,
    /// The role itself.
    pub arn: RoleArn,
}

/// Where STS is called.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StsEndpoint {
    /// The region that signs and, without a URL, names the host.
    pub region: Region,
    /// Another URL than AWS's own: a sandbox, a proxy.
    pub url: Option<Box<str>>,
}

/// What a key store says of a long-term key without giving it away. None of this is secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyEntry {
    /// The key's public half.
    pub id: AccessKeyId,
    /// The IAM user whose key it is.
    pub user: UserName,
    /// The account that the user lives in.
    pub account: AccountId,
    /// The user's MFA device.
    pub serial: MfaSerial,
    /// When the key was put into the store.
    pub added_at: Timestamp,
}

/// Whose key goes to which STS, and for how long its sessions are asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The key.
    pub key: KeyEntry,
    /// The endpoint.
    pub endpoint: StsEndpoint,
    /// The lifetime asked of `GetSessionToken`.
    pub session: SessionDuration,
}

impl Route {
    /// The name under which this route's MFA session is kept.
    #[must_use]
    pub fn session_key(&self) -> MfaSessionKey {
        MfaSessionKey {
            key: self.key.id.clone(),
            serial: self.key.serial.clone(),
            url: self.endpoint.url.clone(),
        }
    }
}

/// A session tag of `AssumeRole`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionTag {
    /// The tag's key.
    pub key: Box<str>,
    /// The tag's value.
    pub value: Box<str>,
    /// Whether it is handed on through chained roles.
    pub transitive: bool,
}

/// A whole `AssumeRole` request. Two requests that differ anywhere never share credentials.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AssumeRole {
    /// The role.
    pub role: RoleArn,
    /// The name that CloudTrail will show: the person's.
    pub session_name: RoleSessionName,
    /// How long the credentials are to last.
    pub duration: SessionDuration,
    /// What a third party must present.
    pub external_id: Option<ExternalId>,
    /// The identity that sticks through chained roles.
    pub source_identity: Option<SourceIdentity>,
    /// Session tags.
    pub tags: Vec<SessionTag>,
    /// An inline session policy.
    pub policy: Option<Box<str>>,
    /// Managed session policies.
    pub policy_arns: Vec<PolicyArn>,
}

impl AssumeRole {
    /// The plain request: this role for this person, one hour, nothing narrowed.
    #[must_use]
    pub fn plain(role: RoleArn, person: &KeyEntry) -> Self {
        Self {
            role,
            session_name: session_name_of(person),
            duration: SessionDuration::HOUR,
            external_id: None,
            source_identity: None,
            tags: Vec::new(),
            policy: None,
            policy_arns: Vec::new(),
        }
    }
}

/// The session name that shows a person's work in CloudTrail: the user name. A name of one letter is
/// too short for AWS and gets its account behind it.
#[must_use]
pub fn session_name_of(person: &KeyEntry) -> RoleSessionName {
    let user = person.user.as_str();
    user.parse()
        .or_else(|_| format!("{user}@{}", person.account).parse())
        .unwrap_or_else(|_| unreachable!("user names take the characters of session names"))
}

/// One MFA session: the key, the device, and whose STS gave it. AWS takes a session in every region of its
/// partition, whichever regional endpoint gave it (*IAM User Guide*, "Manage AWS STS in an AWS Region").
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MfaSessionKey {
    /// The long-term key.
    pub key: AccessKeyId,
    /// The MFA device.
    pub serial: MfaSerial,
    /// The URL of STS, where it is not AWS's own.
    pub url: Option<Box<str>>,
}

/// What a role was assumed with. Roles assumed with different things are different roles.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum SourceKey {
    /// An MFA session.
    Session(MfaSessionKey),
    /// A long-term key with a code of its own.
    Code(MfaSessionKey),
    /// A long-term key without a code.
    Key {
        /// The key.
        key: AccessKeyId,
        /// Where the role was assumed.
        endpoint: StsEndpoint,
    },
    /// Credentials that somebody else gave.
    Foreign {
        /// Who.
        source: ForeignSource,
        /// Where the role was assumed.
        endpoint: StsEndpoint,
    },
    /// Another role.
    Role(Box<RoleKey>),
}

/// One role session: what is behind it and the whole request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoleKey {
    /// The source.
    pub source: SourceKey,
    /// The request.
    pub request: AssumeRole,
}

impl MfaSessionKey {
    /// One text per key and one key per text, to be hashed into a file's name.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut text = Canonical::new("mfa-session 2");
        self.write(&mut text);
        text.0
    }

    fn write(&self, text: &mut Canonical) {
        text.field(self.key.as_str());
        text.field(self.serial.as_str());
        text.option(self.url.as_deref());
    }
}

impl SourceKey {
    fn write(&self, text: &mut Canonical) {
        match self {
            Self::Session(session) => {
                text.field("session");
                session.write(text);
            }
            Self::Code(session) => {
                text.field("code");
                session.write(text);
            }
            Self::Key { key, endpoint } => {
                text.field("key");
                text.field(key.as_str());
                endpoint.write(text);
            }
            Self::Foreign { source, endpoint } => {
                text.field("foreign");
                source.write(text);
                endpoint.write(text);
            }
            Self::Role(role) => {
                text.field("role");
                role.write(text);
            }
        }
    }
}

impl ForeignSource {
    fn write(&self, text: &mut Canonical) {
        match self {
            Self::Profile { name, key } => {
                text.field("profile");
                text.field(name);
                text.field(key.as_str());
            }
            Self::Environment { key } => {
                text.field("environment");
                text.field(key.as_str());
            }
            Self::Process { profile, command } => {
                text.field("process");
                text.field(profile);
                text.field(command);
            }
            Self::InstanceMetadata => text.field("instance metadata"),
            Self::ContainerMetadata => text.field("container metadata"),
            Self::WebIdentity { role, session_name, duration, token_file } => {
                text.field("web identity");
                text.field(role.as_str());
                text.field(session_name.as_str());
                text.option(duration.map(|d| d.seconds().to_string()).as_deref());
                text.field(token_file);
            }
        }
    }
}

impl StsEndpoint {
    fn write(&self, text: &mut Canonical) {
        text.field(self.region.as_str());
        text.option(self.url.as_deref());
    }
}

impl RoleKey {
    /// The long-term key that it all goes back to, if it is one of the person's.
    #[must_use]
    pub fn long_term_key(&self) -> Option<&AccessKeyId> {
        match &self.source {
            SourceKey::Session(session) | SourceKey::Code(session) => Some(&session.key),
            SourceKey::Key { key, .. } => Some(key),
            SourceKey::Foreign { .. } => None,
            SourceKey::Role(role) => role.long_term_key(),
        }
    }

    /// One text per key and one key per text, to be hashed into a file's name.
    #[must_use]
    pub fn canonical(&self) -> String {
        let mut text = Canonical::new("role 2");
        self.write(&mut text);
        text.0
    }

    fn write(&self, text: &mut Canonical) {
        self.source.write(text);
        // Every field by name: a new one that is forgotten here does not compile.
        let AssumeRole {
            role,
            session_name,
            duration,
            external_id,
            source_identity,
            tags,
            policy,
            policy_arns,
        } = &self.request;
        text.field(role.as_str());
        text.field(session_name.as_str());
        text.field(&duration.seconds().to_string());
        text.option(external_id.as_ref().map(ExternalId::as_str));
        text.option(source_identity.as_ref().map(SourceIdentity::as_str));
        text.count(tags.len());
        for SessionTag { key, value, transitive } in tags {
            text.field(key);
            text.field(value);
            text.field(if *transitive { "transitive" } else { "plain" });
        }
        text.option(policy.as_deref());
        text.count(policy_arns.len());
        for arn in policy_arns {
            text.field(arn.as_str());
        }
    }
}

/// Fields with their lengths in front, so that no two lists of fields give the same text.
struct Canonical(String);

impl Canonical {
    fn new(kind: &str) -> Self {
        let mut text = Self(String::new());
        text.field(kind);
        text
    }

    fn field(&mut self, field: &str) {
        self.0.push_str(&field.len().to_string());
        self.0.push(':');
        self.0.push_str(field);
        self.0.push(',');
    }

    fn option(&mut self, field: Option<&str>) {
        match field {
            None => self.0.push('-'),
            Some(field) => self.field(field),
        }
    }

    fn count(&mut self, count: usize) {
        self.field(&count.to_string());
    }
}
