//! Who calls, with what, and what of the request that fixes.

use std::{collections::BTreeMap, rc::Rc};

use postern_estate::{Account, Tags, User};
use postern_policy::{Context, ContextValue, Level, PolicyRef, PolicyStack, Principal};
use postern_types::{PolicyArn, RoleArn, SourceIdentity, Timestamp, UserArn};

use crate::world::{Policy, Rail, World};

/// What a user signs with (*IAM User Guide*, "Secure API access with MFA").
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Held {
    /// N1: a long-term key. Both MFA keys are absent.
    LongTermKey,
    /// N2: a `GetSessionToken` session taken without MFA. `aws:MultiFactorAuthPresent` is present and false.
    SessionWithoutMfa,
    /// M: a `GetSessionToken` session taken with MFA, as fresh or as old as one likes.
    SessionWithMfa,
}

impl Held {
    /// All three.
    pub const ALL: [Self; 3] = [Self::LongTermKey, Self::SessionWithoutMfa, Self::SessionWithMfa];

    /// Whether no second factor was needed to get it.
    #[must_use]
    pub const fn is_without_mfa(self) -> bool {
        !matches!(self, Self::SessionWithMfa)
    }

    /// `N1`, `N2` or `M`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LongTermKey => "N1",
            Self::SessionWithoutMfa => "N2",
            Self::SessionWithMfa => "M",
        }
    }
}

/// What is known of a role's session.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionFacts {
    /// When its credentials were issued, where that counts; else any time.
    pub issued: Option<Timestamp>,
    /// The source identity it carries, where one is known; else any, and none.
    pub source_identity: Option<SourceIdentity>,
}

/// What a credential says of a condition key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tie {
    /// The key has one of these values (or is absent, where that is among them).
    OneOf(Vec<ContextValue>),
    /// The key is there, with a value that the caller chooses or that happens.
    Present,
    /// The key may be there or not.
    Free,
}

/// Someone who calls, and the policies that bind the call on the caller's side.
pub struct Caller {
    pub(crate) principal: Principal,
    ties: BTreeMap<&'static str, Tie>,
    tags: BTreeMap<String, String>,
    /// Whether session tags may have been given beside `tags`.
    more_tags: bool,
    pub(crate) own: Vec<Policy>,
    pub(crate) groups: Vec<Policy>,
    pub(crate) boundary: Vec<Policy>,
    pub(crate) rails: Rc<Vec<Rail>>,
    /// Whether a policy that counts is not known: nothing is then known for sure.
    pub(crate) incomplete: bool,
}

const fn one(value: Box<str>) -> ContextValue {
    ContextValue::One(value)
}

fn only(value: &str) -> Tie {
    Tie::OneOf(vec![one(value.into())])
}

/// What every request that someone signs has in common, whoever it is.
fn common() -> BTreeMap<&'static str, Tie> {
    BTreeMap::from([
        ("aws:securetransport", only("true")),
        ("aws:viaawsservice", only("false")),
        ("aws:principalisawsservice", only("false")),
        ("aws:principalservicename", Tie::OneOf(vec![ContextValue::Absent])),
        ("aws:principalservicenameslist", Tie::OneOf(vec![ContextValue::Absent])),
        ("aws:sourceip", Tie::Present),
        ("aws:currenttime", Tie::Present),
        ("aws:epochtime", Tie::Present),
        ("aws:requestedregion", Tie::Present),
        ("aws:sourcearn", Tie::OneOf(vec![ContextValue::Absent])),
        ("aws:sourceaccount", Tie::OneOf(vec![ContextValue::Absent])),
    ])
}

impl Caller {
    /// A user with a credential; none where the estate has no such user.
    #[must_use]
    pub fn user(world: &World<'_>, arn: &UserArn, held: Held) -> Option<Self> {
        let account = world.account(arn.account())?;
        let user = account.users.get(arn.name())?;
        let mut ties = common();
        ties.extend([
            ("aws:principalarn", only(arn.as_str())),
            ("aws:principalaccount", only(&arn.account().to_string())),
            ("aws:principaltype", only("User")),
            ("aws:username", only(arn.name().as_str())),
            ("aws:userid", user.id.as_ref().map_or(Tie::Present, |id| only(id.as_str()))),
        ]);
        let absent = || Tie::OneOf(vec![ContextValue::Absent]);
        let (present, age, issued) = match held {
            Held::LongTermKey => (absent(), absent(), absent()),
            Held::SessionWithoutMfa => (only("false"), absent(), Tie::Present),
            Held::SessionWithMfa => (only("true"), Tie::Present, Tie::Present),
        };
        ties.extend([
            ("aws:multifactorauthpresent", present),
            ("aws:multifactorauthage", age),
            ("aws:tokenissuetime", issued),
            ("aws:sourceidentity", absent()),
        ]);
        Some(Self::bound(world, arn, account, user, ties))
    }

    fn bound(
        world: &World<'_>,
        arn: &UserArn,
        account: &Account,
        user: &User,
        ties: BTreeMap<&'static str, Tie>,
    ) -> Self {
        let holder = arn.as_str();
        let mut incomplete = false;
        let inline =
            user.inline.iter().map(|(name, document)| world.policy(holder, name.as_str(), None, document));
        let attached = user.attached.iter().map(|policy| world.managed(holder, policy));
        let own = all(inline.chain(attached), &mut incomplete);
        let of_groups = user.groups.iter().filter_map(|name| account.groups.get(name)).flat_map(|group| {
            let inline = group
                .inline
                .iter()
                .map(|(name, document)| world.policy(holder, name.as_str(), None, document));
            inline
                .chain(group.attached.iter().map(|policy| world.managed(holder, policy)))
                .collect::<Vec<_>>()
        });
        let groups = all(of_groups, &mut incomplete);
        let boundary = bounding(world, holder, user.boundary.as_ref(), &mut incomplete);
        Self {
            principal: Principal::User { arn: arn.clone(), id: user.id.clone() },
            ties,
            tags: folded(&user.tags),
            more_tags: false,
            own,
            groups,
            boundary,
            rails: world.rails(arn.account()),
            incomplete,
        }
    }

    /// A session of a role; none where the estate has no such role.
    ///
    /// The MFA keys of such a session are absent, or the presence key is false: both are tried, since AWS documents
    /// only that the caller's MFA is not carried over.
    #[must_use]
    pub fn role_session(world: &World<'_>, arn: &RoleArn, facts: &SessionFacts) -> Option<Self> {
        let role = world.account(arn.account())?.roles.get(arn.name())?;
        let holder = arn.as_str();
        let mut ties = common();
        let absent = ContextValue::Absent;
        ties.extend([
            ("aws:principalarn", only(holder)),
            ("aws:principalaccount", only(&arn.account().to_string())),
            ("aws:principaltype", only("AssumedRole")),
            ("aws:username", Tie::OneOf(vec![absent.clone()])),
            ("aws:userid", Tie::Present),
            ("aws:multifactorauthpresent", Tie::OneOf(vec![absent.clone(), one("false".into())])),
            ("aws:multifactorauthage", Tie::OneOf(vec![absent])),
            ("aws:tokenissuetime", facts.issued.map_or(Tie::Present, |issued| only(&issued.to_string()))),
            (
                "aws:sourceidentity",
                facts.source_identity.as_ref().map_or(Tie::Free, |identity| only(identity.as_str())),
            ),
        ]);
        let mut incomplete = false;
        let inline =
            role.inline.iter().map(|(name, document)| world.policy(holder, name.as_str(), None, document));
        let attached = role.attached.iter().map(|policy| world.managed(holder, policy));
        let own = all(inline.chain(attached), &mut incomplete);
        let boundary = bounding(world, holder, role.boundary.as_ref(), &mut incomplete);
        let session = format!(
            "arn:{}:sts::{}:assumed-role/{}/session",
            arn.as_arn().partition(),
            arn.account(),
            arn.name()
        );
        Some(Self {
            principal: Principal::RoleSession {
                role: arn.clone(),
                id: role.id.clone(),
                session: session.parse().ok()?,
            },
            ties,
            tags: folded(&role.tags),
            more_tags: true,
            own,
            groups: Vec::new(),
            boundary,
            rails: world.rails(arn.account()),
            incomplete,
        })
    }

    /// What the credential says of a key, given in lower case.
    #[must_use]
    pub fn tie(&self, key: &str) -> Tie {
        if let Some(tag) = key.strip_prefix("aws:principaltag/") {
            return match self.tags.get(tag) {
                Some(value) => only(value),
                None if self.more_tags => Tie::Free,
                None => Tie::OneOf(vec![ContextValue::Absent]),
            };
        }
        self.ties.get(key).cloned().unwrap_or(Tie::Free)
    }

    /// The keys that have exactly one value whatever the request: what policy variables stand for.
    pub(crate) fn fixed(&self) -> Context {
        let mut context = Context::new();
        for (key, tie) in &self.ties {
            if let Tie::OneOf(values) = tie
                && let [value] = values.as_slice()
            {
                context.set(key, value.clone());
            }
        }
        for (tag, value) in &self.tags {
            context.set(&format!("aws:principaltag/{tag}"), value.as_str());
        }
        context
    }

    /// Every policy on the caller's side.
    pub(crate) fn policies(&self) -> impl Iterator<Item = &Policy> {
        let rails = self.rails.iter().flat_map(|rail| &rail.policies);
        self.own.iter().chain(&self.groups).chain(&self.boundary).chain(rails)
    }

    /// Asks `question` with the stack of the caller's policies and a resource's.
    pub(crate) fn with_stack<T>(
        &self,
        resource: Option<PolicyRef<'_>>,
        question: impl FnOnce(&PolicyStack<'_>) -> T,
    ) -> T {
        let (own, groups) = (refs(&self.own), refs(&self.groups));
        let boundary = refs(&self.boundary);
        let policies: Vec<Vec<PolicyRef<'_>>> = self.rails.iter().map(|rail| refs(&rail.policies)).collect();
        let levels: Vec<Level<'_>> = self
            .rails
            .iter()
            .zip(&policies)
            .map(|(rail, policies)| Level { id: &rail.target, policies })
            .collect();
        question(&PolicyStack {
            identity: &own,
            groups: &groups,
            boundary: &boundary,
            resource,
            scps: &levels,
            ..PolicyStack::default()
        })
    }
}

/// Tags as conditions see them: keys in lower case.
fn folded(tags: &Tags) -> BTreeMap<String, String> {
    tags.iter().map(|(key, value)| (key.to_lowercase(), value.clone())).collect()
}

fn refs(policies: &[Policy]) -> Vec<PolicyRef<'_>> {
    policies
        .iter()
        .map(|policy| PolicyRef {
            name: &policy.name,
            arn: policy.arn.as_deref(),
            document: &policy.document,
        })
        .collect()
}

/// Those that are known; `incomplete` is set where one is not.
fn all(policies: impl Iterator<Item = Option<Policy>>, incomplete: &mut bool) -> Vec<Policy> {
    policies
        .filter_map(|policy| {
            *incomplete |= policy.is_none();
            policy
        })
        .collect()
}

fn bounding(
    world: &World<'_>,
    holder: &str,
    boundary: Option<&PolicyArn>,
    incomplete: &mut bool,
) -> Vec<Policy> {
    all(boundary.into_iter().map(|policy| world.managed(holder, policy)), incomplete)
}
