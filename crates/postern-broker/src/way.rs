//! How a target's credentials are got: where they start, and the roles assumed from there.

use postern_types::{
    AccessKeyId, Credentials, RoleArn, RoleSessionName, SessionDuration, SignedDuration, Timestamp,
};

use crate::{AssumeRole, RoleKey, Route, SourceKey, StsEndpoint};

/// A target, resolved: nothing of it needs a call to be known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way {
    /// Where it starts.
    pub start: Start,
    /// The roles, in the order in which they are assumed. Empty where the start itself is the target.
    pub hops: Vec<AssumeRole>,
    /// How much must be left of the last role's credentials: with less they are renewed.
    pub at_least: SignedDuration,
}

/// Whose credentials assume the first role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// The MFA session of a long-term key: one code, good for every role until it ends.
    Session(Route),
    /// The long-term key itself, with a code of its own for the first role. AWS lets a role that was
    /// assumed so last up to its own maximum, at the price of a code for each role.
    Code(Route),
    /// The long-term key itself, without a code: a role that demands MFA will refuse it.
    Key {
        /// The key.
        key: AccessKeyId,
        /// Where STS is called.
        endpoint: StsEndpoint,
    },
    /// Credentials that somebody else gives.
    Foreign {
        /// Who.
        source: ForeignSource,
        /// Where STS is called.
        endpoint: StsEndpoint,
    },
}

/// Who gives credentials that are no keys of the person's. Two sources that differ anywhere never share
/// what was assumed with them.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ForeignSource {
    /// Temporary credentials that stand in a profile.
    Profile {
        /// The profile.
        name: Box<str>,
        /// Which credentials.
        key: AccessKeyId,
    },
    /// The variables `AWS_ACCESS_KEY_ID` and so on.
    Environment {
        /// Which credentials.
        key: AccessKeyId,
    },
    /// A program that prints them: `credential_process`.
    Process {
        /// The profile that names it.
        profile: Box<str>,
        /// The command line.
        command: Box<str>,
    },
    /// The metadata service of an EC2 instance.
    InstanceMetadata,
    /// The credentials endpoint of a container.
    ContainerMetadata,
    /// `AssumeRoleWithWebIdentity` with a token that lies in a file.
    WebIdentity {
        /// The role.
        role: RoleArn,
        /// The session's name.
        session_name: RoleSessionName,
        /// The lifetime, if one is chosen.
        duration: Option<SessionDuration>,
        /// Where the token lies.
        token_file: Box<str>,
    },
}

/// What a foreign source gave.
#[derive(Clone, Debug)]
pub struct ForeignCredentials {
    /// The credentials.
    pub credentials: Credentials,
    /// When they end, if the source says so.
    pub expires_at: Option<Timestamp>,
}

impl Way {
    /// From an MFA session to one role: what a target of an estate file is.
    #[must_use]
    pub fn of_role(route: Route, request: AssumeRole) -> Self {
        Self { start: Start::Session(route), hops: vec![request], at_least: SignedDuration::ZERO }
    }

    /// The name under which the credentials of a hop are kept.
    #[must_use]
    pub fn role_key(&self, hop: usize) -> Option<RoleKey> {
        let mut source = self.start.key();
        let mut hops = self.hops.iter().take(hop.checked_add(1)?);
        let mut key = RoleKey { source, request: hops.next()?.clone() };
        for request in hops {
            source = SourceKey::Role(Box::new(key));
            key = RoleKey { source, request: request.clone() };
        }
        (hop < self.hops.len()).then_some(key)
    }

    /// The key whose MFA code the way needs, if it needs one.
    #[must_use]
    pub fn route(&self) -> Option<&Route> {
        match &self.start {
            Start::Session(route) | Start::Code(route) => Some(route),
            Start::Key { .. } | Start::Foreign { .. } => None,
        }
    }
}

impl Start {
    /// Where STS is called.
    #[must_use]
    pub fn endpoint(&self) -> &StsEndpoint {
        match self {
            Self::Session(route) | Self::Code(route) => &route.endpoint,
            Self::Key { endpoint, .. } | Self::Foreign { endpoint, .. } => endpoint,
        }
    }

    fn key(&self) -> SourceKey {
        match self {
            Self::Session(route) => SourceKey::Session(route.session_key()),
            Self::Code(route) => SourceKey::Code(route.session_key()),
            Self::Key { key, endpoint } => SourceKey::Key { key: key.clone(), endpoint: endpoint.clone() },
            Self::Foreign { source, endpoint } => {
                SourceKey::Foreign { source: source.clone(), endpoint: endpoint.clone() }
            }
        }
    }
}
