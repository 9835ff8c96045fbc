//! Who calls, and whom a policy names.

use postern_types::{AccountId, Arn, PrincipalId, RoleArn, UserArn};

use crate::{Span, Truth};

/// Who sends a request, as the evaluation sees it.
///
/// The value carries what `Principal` elements are matched with; what conditions see of the caller
/// (`aws:PrincipalArn`, `aws:userid`, …) is in the [`Context`](crate::Context).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Principal {
    /// An account's root user.
    Root {
        /// The account.
        account: AccountId,
    },
    /// An IAM user, by a long-term key or a `GetSessionToken` session.
    User {
        /// The user's ARN.
        arn: UserArn,
        /// The user's unique id, `AIDA…`; a trust policy stored at AWS names users by it.
        id: Option<PrincipalId>,
    },
    /// A session of a role.
    RoleSession {
        /// The role's ARN, with its path.
        role: RoleArn,
        /// The role's unique id, `AROA…`.
        id: Option<PrincipalId>,
        /// The session's ARN, `arn:aws:sts::A:assumed-role/ROLE/SESSION`.
        session: Arn,
    },
    /// A `GetFederationToken` session.
    FederatedUser {
        /// The session's ARN, `arn:aws:sts::A:federated-user/NAME`.
        arn: Arn,
        /// The account.
        account: AccountId,
        /// Whose key asked for the token.
        by: FederatedBy,
    },
    /// An AWS service that calls with its own identity: `ec2.amazonaws.com`.
    Service {
        /// The service principal.
        name: Box<str>,
    },
    /// Someone with a token of an identity provider, before a role is assumed.
    WebIdentity {
        /// The provider: its ARN, or the domain of a built-in one.
        provider: Box<str>,
    },
    /// Nobody in particular.
    Anonymous,
}

/// Whose key asked for a `GetFederationToken` session, and so whose permissions the session policies cut down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FederatedBy {
    /// An IAM user, whose policies count.
    User(UserArn),
    /// The root user, who needs none.
    Root,
    /// A user whose policies count and whose name is not known: the session's ARN does not tell it.
    Unknown,
}

impl Principal {
    /// The principal that an ARN names: a root user, a user, an assumed-role or federated-user session,
    /// or a role, which stands for a session of it.
    ///
    /// A session's ARN does not tell the path of its role; the role then stands at the root path and
    /// matches the role of that name under any path, because names of roles are unique in an account. A role
    /// whose name begins as those of service-linked roles do is taken for one.
    #[must_use]
    pub fn from_arn(text: &str) -> Option<Self> {
        let arn: Arn = text.parse().ok()?;
        let account = arn.account()?;
        let (partition, field) = (arn.partition(), arn.account_field());
        match (arn.service(), arn.resource()) {
            ("iam", "root") => Some(Self::Root { account }),
            ("iam", resource) if resource.starts_with("user/") => {
                Some(Self::User { arn: arn.try_into().ok()?, id: None })
            }
            ("iam", resource) if resource.starts_with("role/") => {
                let name = resource.rsplit('/').next()?;
                let session = ["arn:", partition, ":sts::", field, ":assumed-role/", name, "/session"];
                let session = session.concat().parse().ok()?;
                Some(Self::RoleSession { role: arn.try_into().ok()?, id: None, session })
            }
            ("sts", resource) => {
                if let Some(rest) = resource.strip_prefix("assumed-role/") {
                    let (name, _) = rest.split_once('/')?;
                    // IAM User Guide, Create a service-linked role: "AWSServiceRoleFor", at a path of the service.
                    let path = if name.starts_with("AWSServiceRoleFor") { SERVICE_LINKED } else { "/" };
                    let role = ["arn:", partition, ":iam::", field, ":role", path, name].concat();
                    let role = role.parse().ok()?;
                    Some(Self::RoleSession { role, id: None, session: arn })
                } else if resource.starts_with("federated-user/") {
                    Some(Self::FederatedUser { account, by: FederatedBy::Unknown, arn })
                } else {
                    None
                }
            }
            _ => None,
        }
    }

    /// The principal that a text names as policies do: an ARN that [`from_arn`](Self::from_arn) takes, the
    /// ARN of a SAML or OpenID Connect provider, the domain of a provider that AWS knows without an ARN, a
    /// service principal, or `*` or `anonymous` for nobody in particular.
    ///
    /// A bare account id is none: it names everyone whom the account lets through.
    ///
    /// ```
    /// use postern_policy::Principal;
    /// assert!(matches!(Principal::from_name("ec2.amazonaws.com"), Some(Principal::Service { .. })));
    /// assert!(matches!(Principal::from_name("accounts.google.com"), Some(Principal::WebIdentity { .. })));
    /// assert_eq!(Principal::from_name("*"), Some(Principal::Anonymous));
    /// assert_eq!(Principal::from_name("111111111111"), None);
    /// ```
    #[must_use]
    pub fn from_name(text: &str) -> Option<Self> {
        // IAM User Guide, Available keys for web identity federation.
        const DOMAINS: [&str; 4] =
            ["cognito-identity.amazonaws.com", "accounts.google.com", "graph.facebook.com", "www.amazon.com"];
        if text == "*" || text.eq_ignore_ascii_case("anonymous") {
            return Some(Self::Anonymous);
        }
        if DOMAINS.contains(&text) {
            return Some(Self::WebIdentity { provider: text.into() });
        }
        if !text.starts_with("arn:") {
            return is_service(text).then(|| Self::Service { name: text.into() });
        }
        let is_provider = |arn: &Arn| {
            arn.service() == "iam"
                && arn.account().is_some()
                && ["saml-provider/", "oidc-provider/"].iter().any(|kind| arn.resource().starts_with(kind))
        };
        let provider = || text.parse().ok().filter(is_provider);
        Self::from_arn(text).or_else(|| provider().map(|_| Self::WebIdentity { provider: text.into() }))
    }

    /// The account that the principal belongs to.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        match self {
            Self::Root { account } | Self::FederatedUser { account, .. } => Some(*account),
            Self::User { arn, .. } => Some(arn.account()),
            Self::RoleSession { role, .. } => Some(role.account()),
            Self::Service { .. } | Self::WebIdentity { .. } | Self::Anonymous => None,
        }
    }

    /// What a `Principal` element could name it by, most exact first.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        let mut names = match self {
            Self::Root { .. } | Self::Anonymous => Vec::new(),
            Self::User { arn, .. } => vec![arn.to_string()],
            Self::RoleSession { role, session, .. } => vec![session.to_string(), role.to_string()],
            Self::FederatedUser { arn, by: FederatedBy::User(user), .. } => {
                vec![arn.to_string(), user.to_string()]
            }
            Self::FederatedUser { arn, .. } => vec![arn.to_string()],
            Self::Service { name } => vec![name.to_string()],
            Self::WebIdentity { provider } => vec![provider.to_string()],
        };
        names.extend(self.account().map(|account| account.to_string()));
        names
    }

    /// Whether the account's root user asks, itself or by a federated user of its own: no policy of the account's
    /// has to allow it anything.
    #[must_use]
    pub const fn has_all_of_root(&self) -> bool {
        matches!(self, Self::Root { .. } | Self::FederatedUser { by: FederatedBy::Root, .. })
    }

    /// Whether this is a session of a service-linked role, which neither SCPs nor RCPs restrict.
    #[must_use]
    pub fn is_service_linked(&self) -> bool {
        matches!(self, Self::RoleSession { role, .. } if role.path().as_str().starts_with(SERVICE_LINKED))
    }
}

/// Where service-linked roles stand, each below the name of its service. Alone, it is the path of one whose
/// session does not tell the service.
const SERVICE_LINKED: &str = "/aws-service-role/";

/// `SERVICE.amazonaws.com` in all its forms: with regions, `.com.cn`, `amazon.com`, `aws.internal`.
fn is_service(text: &str) -> bool {
    const ENDS: [&str; 4] = [".amazonaws.com", ".amazonaws.com.cn", ".amazon.com", ".aws.internal"];
    let label = |label: &str| {
        !label.is_empty() && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    ENDS.iter().any(|end| text.ends_with(end)) && text.split('.').all(label)
}

/// The kinds of principal that a `Principal` element tells apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum PrincipalType {
    /// `AWS`, and `"Principal": "*"`, which means the same as `{"AWS": "*"}`.
    Aws,
    /// `Service`.
    Service,
    /// `Federated`.
    Federated,
    /// `CanonicalUser`.
    CanonicalUser,
}

impl PrincipalType {
    pub(crate) const ALL: [Self; 4] = [Self::Aws, Self::Service, Self::Federated, Self::CanonicalUser];

    /// The key in a `Principal` element.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Aws => "AWS",
            Self::Service => "Service",
            Self::Federated => "Federated",
            Self::CanonicalUser => "CanonicalUser",
        }
    }
}

/// A statement's `Principal` or `NotPrincipal`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principals {
    pub(crate) negated: bool,
    pub(crate) list: Box<[PrincipalPattern]>,
    pub(crate) span: Span,
}

impl Principals {
    /// Whether this is `NotPrincipal`.
    #[must_use]
    pub const fn is_negated(&self) -> bool {
        self.negated
    }

    /// The principals named.
    #[must_use]
    pub fn patterns(&self) -> &[PrincipalPattern] {
        &self.list
    }

    /// The element's value in the text.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.span
    }

    /// Whether the list names this principal, in whatever way: itself, its role, its account or everyone.
    #[must_use]
    pub fn names(&self, principal: &Principal) -> bool {
        self.naming(principal) != Naming::No
    }

    /// How far the list names this principal.
    pub(crate) fn naming(&self, principal: &Principal) -> Naming {
        self.list.iter().map(|pattern| pattern.naming(principal)).max().unwrap_or(Naming::No)
    }

    /// Whether `NotPrincipal` spares this principal.
    ///
    /// A list that names the user or role and leaves out its account, or a session and leaves out its
    /// role, "might deny" (*IAM User Guide*, NotPrincipal): unsettled.
    pub(crate) fn spares(&self, principal: &Principal) -> Truth {
        let names = |wanted: Naming| self.list.iter().any(|pattern| pattern.naming(principal) == wanted);
        if names(Naming::Everyone) || names(Naming::External) {
            return Truth::Yes;
        }
        let account = names(Naming::Account);
        let (all, some) = match principal {
            Principal::Root { .. } => (account, account),
            Principal::User { .. } => (account && names(Naming::User), names(Naming::User)),
            Principal::RoleSession { session: own, .. } => {
                let session = names(Naming::Session);
                let role = names(Naming::Role);
                // "include both the ARN for a role and the ARN for the account containing that role"; where
                // sessions of the role are named beside it, only they are spared, as in the page's example.
                let siblings = own.as_str().rfind('/').and_then(|end| own.as_str().get(..=end));
                let sibling = |pattern: &PrincipalPattern| {
                    pattern.form == Form::Session && siblings.is_some_and(|own| pattern.text.starts_with(own))
                };
                let spared = session || !self.list.iter().any(sibling);
                (account && role && spared, session || role && spared)
            }
            Principal::FederatedUser { by, .. } => {
                let session = names(Naming::Session);
                let known = !matches!(by, FederatedBy::User(_)) || names(Naming::Role);
                (account && session && known, session || names(Naming::Role))
            }
            _ => (false, false),
        };
        match (all, some || names(Naming::Unknowable)) {
            (true, _) => Truth::Yes,
            (false, true) => Truth::Unsettled,
            (false, false) => Truth::No,
        }
    }
}

/// How a principal is named by a policy, from not at all to what nothing else limits. What it means for
/// boundaries and session policies depends on it (*IAM User Guide*, Permissions boundaries).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Naming {
    /// Not named.
    No,
    /// A canonical user: whose it is cannot be told from a request.
    Unknowable,
    /// Its account is named, which leaves the decision to that account's own policies.
    Account,
    /// The role of the session, or the user behind a federated one: within boundary and session policies.
    Role,
    /// `*`: within session policies.
    Everyone,
    /// `*`, narrowed by a condition on `aws:PrincipalArn`.
    EveryoneByArn,
    /// A service, a provider.
    External,
    /// The IAM user itself.
    User,
    /// The session itself.
    Session,
}

/// One principal named by a policy.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PrincipalPattern {
    kind: PrincipalType,
    text: Box<str>,
    span: Span,
    /// Whether it stands in a list.
    pub(crate) listed: bool,
    form: Form,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Everyone,
    Account(AccountId),
    User(UserArn),
    Role(RoleArn),
    /// An assumed-role or federated-user session, compared as text.
    Session,
    /// A unique id, compared as text.
    UniqueId,
    /// A service, a provider, a canonical user: compared as text.
    Text,
    /// Nothing that a principal of a request could be.
    Nobody,
}

impl PrincipalPattern {
    pub(crate) fn new(kind: PrincipalType, text: &str, span: Span, listed: bool) -> Self {
        let form = match kind {
            _ if text == "*" => Form::Everyone,
            PrincipalType::Aws => aws_form(text),
            _ => Form::Text,
        };
        Self { kind, text: text.into(), span, listed, form }
    }

    /// `AWS`, `Service`, …
    #[must_use]
    pub const fn kind(&self) -> PrincipalType {
        self.kind
    }

    /// The principal as written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text between its quotes.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.span
    }

    /// The account that is named as such: by its id or its root user's ARN.
    #[must_use]
    pub const fn account(&self) -> Option<AccountId> {
        match &self.form {
            Form::Account(account) => Some(*account),
            _ => None,
        }
    }

    /// Whether everyone is meant.
    #[must_use]
    pub fn is_everyone(&self) -> bool {
        self.form == Form::Everyone && self.kind == PrincipalType::Aws
    }

    /// Whether this is a unique id such as `AROA…`, as AWS stores users and roles.
    #[must_use]
    pub fn is_unique_id(&self) -> bool {
        self.form == Form::UniqueId
    }

    /// Whether no principal of a request can be meant.
    pub(crate) fn is_nobody(&self) -> bool {
        self.form == Form::Nobody
    }

    /// The user that is named by its ARN.
    pub(crate) const fn user(&self) -> Option<&UserArn> {
        match &self.form {
            Form::User(user) => Some(user),
            _ => None,
        }
    }

    /// How this names a principal.
    #[must_use]
    pub fn naming(&self, principal: &Principal) -> Naming {
        let yes = |matches: bool, naming: Naming| if matches { naming } else { Naming::No };
        match (&self.form, self.kind, principal) {
            (Form::Everyone, PrincipalType::Aws, _) => Naming::Everyone,
            (Form::Everyone, PrincipalType::Service, Principal::Service { .. })
            | (Form::Everyone, PrincipalType::Federated, Principal::WebIdentity { .. }) => Naming::External,
            (Form::Account(account), ..) => yes(principal.account() == Some(*account), Naming::Account),
            (Form::User(user), _, Principal::User { arn, .. }) => yes(user == arn, Naming::User),
            (Form::User(user), _, Principal::FederatedUser { by: FederatedBy::User(behind), .. }) => {
                yes(user == behind, Naming::Role)
            }
            (Form::Role(named), _, Principal::RoleSession { role, .. }) => {
                yes(same_role(named, role), Naming::Role)
            }
            (
                Form::Session,
                _,
                Principal::RoleSession { session: arn, .. } | Principal::FederatedUser { arn, .. },
            ) => yes(*self.text == *arn.as_str(), Naming::Session),
            (Form::UniqueId, _, Principal::User { id: Some(id), .. }) => {
                yes(*self.text == *id.as_str(), Naming::User)
            }
            (Form::UniqueId, _, Principal::RoleSession { id: Some(id), .. }) => {
                yes(*self.text == *id.as_str(), Naming::Role)
            }
            (Form::Text, PrincipalType::Service, Principal::Service { name }) => {
                yes(self.text.eq_ignore_ascii_case(name), Naming::External)
            }
            (Form::Text, PrincipalType::Federated, Principal::WebIdentity { provider }) => {
                yes(self.text == *provider, Naming::External)
            }
            (_, PrincipalType::CanonicalUser, _) => Naming::Unknowable,
            _ => Naming::No,
        }
    }
}

/// Equal ARNs; or equal names in one account where the request does not tell the role's path.
fn same_role(named: &RoleArn, role: &RoleArn) -> bool {
    named == role
        || (matches!(role.path().as_str(), "/" | SERVICE_LINKED)
            && named.name() == role.name()
            && named.account() == role.account()
            && named.as_arn().partition() == role.as_arn().partition())
}

fn aws_form(text: &str) -> Form {
    // Told apart by how they begin, because the error of a reader that is tried in vain costs most.
    if !text.starts_with("arn:") {
        return match text.parse() {
            Ok(account) if text.len() == 12 => Form::Account(account),
            _ if text.parse::<PrincipalId>().is_ok() => Form::UniqueId,
            _ => Form::Nobody,
        };
    }
    let Ok(arn) = text.parse::<Arn>() else { return Form::Nobody };
    match (arn.service(), arn.resource(), arn.account()) {
        ("iam", "root", Some(account)) => Form::Account(account),
        ("iam", resource, _) if resource.starts_with("user/") => {
            arn.try_into().map_or(Form::Nobody, Form::User)
        }
        ("iam", resource, _) if resource.starts_with("role/") => {
            arn.try_into().map_or(Form::Nobody, Form::Role)
        }
        // No wildcard matches a part of a principal's name or ARN (IAM User Guide, Principal).
        ("sts", resource, Some(_))
            if (resource.starts_with("assumed-role/") || resource.starts_with("federated-user/"))
                && !resource.contains(['*', '?']) =>
        {
            Form::Session
        }
        _ => Form::Nobody,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sessions_of_service_linked_roles_are_known_by_the_roles_name() {
        let session = |text: &str| Principal::from_arn(text).unwrap();
        let name = "AWSServiceRoleForSupport";
        let linked = session(&format!("arn:aws:sts::111111111111:assumed-role/{name}/x"));
        assert!(linked.is_service_linked());
        let path = "aws-service-role/support.amazonaws.com";
        assert!(session(&format!("arn:aws:iam::111111111111:role/{path}/{name}")).is_service_linked());
        // Here the path is told, and it is not theirs.
        assert!(!session(&format!("arn:aws:iam::111111111111:role/{name}")).is_service_linked());
        assert!(!session("arn:aws:sts::111111111111:assumed-role/dev/AWSServiceRoleFor").is_service_linked());
        let named = |text: String| PrincipalPattern::new(PrincipalType::Aws, &text, Span::default(), false);
        let role = named(format!("arn:aws:iam::111111111111:role/{path}/{name}"));
        assert_eq!(role.naming(&linked), Naming::Role);
    }

    #[test]
    fn no_wildcard_names_a_session() {
        for text in [
            "arn:aws:sts::111111111111:assumed-role/dev/*",
            "arn:aws:sts::111111111111:assumed-role/de?/x",
            "arn:aws:sts::111111111111:federated-user/*",
            "arn:aws:sts::*:assumed-role/dev/x",
        ] {
            let pattern = PrincipalPattern::new(PrincipalType::Aws, text, Span::default(), false);
            assert!(pattern.is_nobody(), "{text}");
        }
    }

    #[test]
    fn names_of_every_kind_are_told_apart() {
        for (text, account) in [
            ("arn:aws:iam::111111111111:root", Some("111111111111")),
            ("arn:aws:iam::111111111111:user/a/b", Some("111111111111")),
            ("arn:aws-iso:iam::111111111111:role/a/b", Some("111111111111")),
            ("arn:aws-cn:sts::111111111111:assumed-role/b/session", Some("111111111111")),
            ("arn:aws:sts::111111111111:federated-user/f", Some("111111111111")),
            ("arn:aws:iam::111111111111:saml-provider/corp", None),
            ("arn:aws:iam::111111111111:oidc-provider/token.actions.githubusercontent.com", None),
            ("cognito-identity.amazonaws.com", None),
            ("www.amazon.com", None),
            ("ec2.amazonaws.com", None),
            ("logs.eu-central-1.amazonaws.com", None),
            ("ec2.amazonaws.com.cn", None),
            ("*", None),
        ] {
            let principal = Principal::from_name(text).unwrap_or_else(|| panic!("{text}"));
            let expected = account.map(|account| account.parse().unwrap());
            assert_eq!(principal.account(), expected, "{text}");
            let provider = text.contains("-provider/") || text == "www.amazon.com";
            assert!(!provider || matches!(principal, Principal::WebIdentity { .. }), "{text}");
        }
        for text in [
            "",
            "alice",
            "111111111111",
            "example.com",
            "a b.amazonaws.com",
            ".amazonaws.com",
            "*.amazonaws.com",
            "arn:aws:iam::111111111111:group/g",
            "arn:aws:iam::aws:saml-provider/corp",
            "arn:aws:iam::111111111111:user/",
            "arn:aws:sts::111111111111:assumed-role/role",
            "arn:aws:s3:::bucket",
        ] {
            assert_eq!(Principal::from_name(text), None, "{text}");
        }
    }
}
