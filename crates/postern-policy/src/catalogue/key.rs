//! Condition keys: what kind of value they have, and which of them are templates.

use super::compare;

/// A condition key.
#[derive(Debug, PartialEq, Eq)]
pub struct ConditionKey {
    name: &'static str,
    kind: KeyKind,
    sensitive: bool,
}

/// The values of a condition key, in the words of the *Service Authorization Reference*.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyKind {
    /// A text.
    String,
    /// Any number of texts.
    ArrayOfString,
    /// `true` or `false`.
    Bool,
    /// Any number of them.
    ArrayOfBool,
    /// A number.
    Numeric,
    /// Any number of numbers.
    ArrayOfNumeric,
    /// A date and time.
    Date,
    /// A date and time that number operators take too, in seconds since 1970: `aws:EpochTime`.
    DateOrNumeric,
    /// An IPv4 or IPv6 address.
    Ip,
    /// An ARN. String operators take it as well; AWS recommends the ARN operators.
    Arn,
    /// Any number of ARNs.
    ArrayOfArn,
    /// Bytes in Base64.
    Binary,
}

impl ConditionKey {
    pub(super) const fn new(name: &'static str, kind: KeyKind) -> Self {
        Self { name, kind, sensitive: false }
    }

    /// A key for whose values AWS sees no valid use of wildcards.
    const fn sensitive(name: &'static str) -> Self {
        Self { name, kind: KeyKind::String, sensitive: true }
    }

    /// The name as AWS writes it. What the policy's author chooses stands in `${…}` or `<…>`:
    /// `aws:RequestTag/${TagKey}`, `s3:ExistingObjectTag/<key>`.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    /// The kind of its values.
    #[must_use]
    pub const fn kind(&self) -> KeyKind {
        self.kind
    }

    /// Whether wildcards in its values "do not have any valid use cases" and are a risk (*IAM User Guide*,
    /// AWS global condition context keys, Sensitive condition keys): `aws:SourceAccount` and its like.
    #[must_use]
    pub const fn is_sensitive(&self) -> bool {
        self.sensitive
    }

    /// Whether a part of the name is the author's choice.
    #[must_use]
    pub fn is_template(&self) -> bool {
        hole(self.name).is_some()
    }

    /// Whether a key of a policy is this one, or fits the template. Case does not count.
    ///
    /// ```
    /// use postern_policy::catalogue::Catalogue;
    /// let key = Catalogue::embedded().condition_key("s3:ExistingObjectTag/class").unwrap();
    /// assert!(key.is_template() && key.matches("S3:existingobjecttag/Environment"));
    /// assert!(!key.matches("s3:ExistingObjectTag/"));
    /// ```
    #[must_use]
    pub fn matches(&self, key: &str) -> bool {
        fits(self.name, key)
    }

    /// A key of a request in AWS's spelling; none where it is another key. What is the author's choice stays as it
    /// is.
    ///
    /// ```
    /// use postern_policy::catalogue::Catalogue;
    /// let spelt = |key| Catalogue::embedded().condition_key(key)?.spelling_of(key);
    /// assert_eq!(spelt("aws:multifactorauthpresent").as_deref(), Some("aws:MultiFactorAuthPresent"));
    /// assert_eq!(spelt("aws:requesttag/Team").as_deref(), Some("aws:RequestTag/Team"));
    /// ```
    #[must_use]
    pub fn spelling_of(&self, key: &str) -> Option<String> {
        if !self.matches(key) {
            return None;
        }
        let rest = if self.is_template() { key.get(self.head().len()..)? } else { "" };
        Some(format!("{}{rest}", self.head()))
    }

    /// What stands before the part that is the author's choice.
    pub(super) fn head(&self) -> &'static str {
        hole(self.name).map_or(self.name, |(head, _)| head)
    }
}

impl KeyKind {
    /// AWS's word for it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::String => "String",
            Self::ArrayOfString => "ArrayOfString",
            Self::Bool => "Bool",
            Self::ArrayOfBool => "ArrayOfBool",
            Self::Numeric => "Numeric",
            Self::ArrayOfNumeric => "ArrayOfNumeric",
            Self::Date => "Date",
            Self::DateOrNumeric => "Date or Numeric",
            Self::Ip => "IPAddress",
            Self::Arn => "ARN",
            Self::ArrayOfArn => "ArrayOfARN",
            Self::Binary => "Binary",
        }
    }

    /// Whether a request can carry several values, so that a condition needs `ForAnyValue` or
    /// `ForAllValues`.
    #[must_use]
    pub const fn is_multivalued(self) -> bool {
        matches!(self, Self::ArrayOfString | Self::ArrayOfBool | Self::ArrayOfNumeric | Self::ArrayOfArn)
    }

    /// The kind of one value.
    #[must_use]
    pub const fn element(self) -> Self {
        match self {
            Self::ArrayOfString => Self::String,
            Self::ArrayOfBool => Self::Bool,
            Self::ArrayOfNumeric => Self::Numeric,
            Self::ArrayOfArn => Self::Arn,
            single => single,
        }
    }
}

/// The keys of the services, in a form to look them up.
#[derive(Debug)]
pub(super) struct Keys {
    /// Sorted by name without case.
    all: &'static [ConditionKey],
    /// Those with a part to choose, and what stands before it.
    templates: Box<[(&'static str, &'static ConditionKey)]>,
}

impl Keys {
    pub(super) fn new(all: &'static [ConditionKey]) -> Self {
        let templates = GLOBAL.iter().chain(all).filter_map(|key| Some((hole(key.name)?.0, key)));
        Self { all, templates: templates.collect() }
    }

    /// All keys of services, sorted by name without case.
    pub(super) const fn all(&self) -> &'static [ConditionKey] {
        self.all
    }

    /// The hand-kept keys come first: what AWS's pages say of them is more than the data says.
    pub(super) fn find(&self, key: &str) -> Option<&'static ConditionKey> {
        let exact = |keys: &'static [ConditionKey]| {
            keys.binary_search_by(|known| compare(known.name, key)).ok().and_then(|at| keys.get(at))
        };
        exact(GLOBAL)
            .or_else(|| exact(FEDERATION))
            .or_else(|| exact(self.all))
            .or_else(|| {
                let alike = self.templates.iter().filter(|(head, _)| strip(key, head).is_some());
                let fitting = alike.map(|(_, template)| *template).filter(|template| template.matches(key));
                // Of `Metadata/${key}` and `Metadata/${key}/Matcher` the one that says more. What is
                // global stands first, and of equals the last would be taken.
                fitting.rev().max_by_key(|template| template.name.len())
            })
            .or_else(|| claim(key))
    }
}

/// A claim of an OpenID Connect provider: `oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLE:sub`.
fn claim(key: &str) -> Option<&'static ConditionKey> {
    let (provider, claim) = key.rsplit_once(':')?;
    let host = provider.split('/').next()?;
    // A port may stand in the provider's URL.
    let name = host.split(':').next()?;
    let is_host = name.contains('.')
        && name.split('.').all(|label| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        });
    let known = CLAIMS
        .iter()
        .find(|known| known.name.rsplit(':').next().is_some_and(|name| name.eq_ignore_ascii_case(claim)));
    known.filter(|_| is_host)
}

/// The first part of a name to choose: what stands before and behind it.
fn hole(name: &str) -> Option<(&str, &str)> {
    let dollar = name.find("${").and_then(|start| Some((start, start + name.get(start..)?.find('}')? + 1)));
    let angle = name.find('<').and_then(|start| Some((start, start + name.get(start..)?.find('>')? + 1)));
    let (start, end) = [dollar, angle].into_iter().flatten().min()?;
    Some((name.get(..start)?, name.get(end..)?))
}

/// Whether a key fits a name whose parts to choose are at least one character each.
fn fits(name: &str, key: &str) -> bool {
    let Some((head, mut rest)) = hole(name) else { return name.eq_ignore_ascii_case(key) };
    let Some(mut text) = strip(key, head) else { return false };
    while let Some((middle, behind)) = hole(rest) {
        let Some(found) = text.char_indices().skip(1).find_map(|(at, _)| strip(text.get(at..)?, middle))
        else {
            return false;
        };
        text = found;
        rest = behind;
    }
    text.len() > rest.len()
        && text.get(text.len() - rest.len()..).is_some_and(|end| end.eq_ignore_ascii_case(rest))
}

/// The text behind a prefix, whose case does not count.
fn strip<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    if head.eq_ignore_ascii_case(prefix) { text.get(prefix.len()..) } else { None }
}

/// The keys of *IAM User Guide*, AWS global condition context keys, with the data types of that page
/// (read in the version that first lists `aws:SignInSessionArn`), sorted by name without case.
///
/// Beyond that page: `aws:SourceOwner`, which the *Amazon SNS Developer Guide* has in a topic's default
/// policy, and `aws:PrincipalOrgMasterAccountId`, which `AWSSSOServiceRolePolicy` uses.
pub(super) static GLOBAL: &[ConditionKey] = &[
    ConditionKey::new("aws:AssumedRoot", KeyKind::Bool),
    ConditionKey::new("aws:CalledVia", KeyKind::ArrayOfString),
    ConditionKey::new("aws:CalledViaAWSMCP", KeyKind::String),
    ConditionKey::new("aws:CalledViaFirst", KeyKind::String),
    ConditionKey::new("aws:CalledViaLast", KeyKind::String),
    ConditionKey::new("aws:ChatbotSourceArn", KeyKind::Arn),
    ConditionKey::new("aws:CurrentTime", KeyKind::Date),
    ConditionKey::new("aws:Ec2InstanceSourcePrivateIPv4", KeyKind::Ip),
    ConditionKey::new("aws:Ec2InstanceSourceVpc", KeyKind::String),
    ConditionKey::new("aws:EpochTime", KeyKind::DateOrNumeric),
    ConditionKey::new("aws:FederatedProvider", KeyKind::String),
    ConditionKey::new("aws:IsMcpServiceAction", KeyKind::Bool),
    ConditionKey::new("aws:MultiFactorAuthAge", KeyKind::Numeric),
    ConditionKey::new("aws:MultiFactorAuthPresent", KeyKind::Bool),
    ConditionKey::sensitive("aws:PrincipalAccount"),
    ConditionKey::new("aws:PrincipalArn", KeyKind::Arn),
    ConditionKey::new("aws:PrincipalIsAWSService", KeyKind::Bool),
    ConditionKey::sensitive("aws:PrincipalOrgID"),
    ConditionKey::new("aws:PrincipalOrgMasterAccountId", KeyKind::String),
    ConditionKey::new("aws:PrincipalOrgPaths", KeyKind::ArrayOfString),
    ConditionKey::new("aws:PrincipalServiceName", KeyKind::String),
    ConditionKey::new("aws:PrincipalServiceNamesList", KeyKind::ArrayOfString),
    ConditionKey::new("aws:PrincipalTag/${TagKey}", KeyKind::String),
    ConditionKey::new("aws:PrincipalType", KeyKind::String),
    ConditionKey::new("aws:referer", KeyKind::String),
    ConditionKey::new("aws:RequestedRegion", KeyKind::String),
    ConditionKey::new("aws:RequestTag/${TagKey}", KeyKind::String),
    ConditionKey::sensitive("aws:ResourceAccount"),
    ConditionKey::sensitive("aws:ResourceOrgID"),
    ConditionKey::new("aws:ResourceOrgPaths", KeyKind::ArrayOfString),
    ConditionKey::new("aws:ResourceTag/${TagKey}", KeyKind::String),
    ConditionKey::new("aws:SecureTransport", KeyKind::Bool),
    ConditionKey::new("aws:SignInSessionArn", KeyKind::Arn),
    ConditionKey::sensitive("aws:SourceAccount"),
    ConditionKey::new("aws:SourceArn", KeyKind::Arn),
    ConditionKey::new("aws:SourceIdentity", KeyKind::String),
    ConditionKey::new("aws:SourceIp", KeyKind::Ip),
    ConditionKey::sensitive("aws:SourceOrgID"),
    ConditionKey::new("aws:SourceOrgPaths", KeyKind::ArrayOfString),
    ConditionKey::new("aws:SourceOwner", KeyKind::String),
    ConditionKey::sensitive("aws:SourceVpc"),
    ConditionKey::new("aws:SourceVpcArn", KeyKind::Arn),
    ConditionKey::sensitive("aws:SourceVpce"),
    ConditionKey::new("aws:TagKeys", KeyKind::ArrayOfString),
    ConditionKey::new("aws:TokenIssueTime", KeyKind::Date),
    ConditionKey::new("aws:UserAgent", KeyKind::String),
    ConditionKey::new("aws:userid", KeyKind::String),
    ConditionKey::new("aws:username", KeyKind::String),
    ConditionKey::new("aws:ViaAWSMCPService", KeyKind::Bool),
    ConditionKey::new("aws:ViaAWSService", KeyKind::Bool),
    ConditionKey::sensitive("aws:VpceAccount"),
    ConditionKey::sensitive("aws:VpceOrgID"),
    ConditionKey::new("aws:VpceOrgPaths", KeyKind::ArrayOfString),
    ConditionKey::new("aws:VpcSourceIp", KeyKind::Ip),
    ConditionKey::new("codebuild:BuildArn", KeyKind::Arn),
    ConditionKey::new("codebuild:ProjectArn", KeyKind::Arn),
    ConditionKey::new("ec2:RoleDelivery", KeyKind::Numeric),
    ConditionKey::new("ec2:SourceInstanceArn", KeyKind::Arn),
    ConditionKey::new("glue:CredentialIssuingService", KeyKind::String),
    ConditionKey::new("glue:RoleAssumedBy", KeyKind::String),
    ConditionKey::new("identitystore:UserId", KeyKind::String),
    ConditionKey::new("lambda:SourceFunctionArn", KeyKind::Arn),
    ConditionKey::new("ssm:SourceInstanceArn", KeyKind::Arn),
];

/// Keys of identity providers that the data lacks or calls single-valued, from *IAM User Guide*, IAM and
/// AWS STS condition context keys; sorted.
static FEDERATION: &[ConditionKey] =
    &[ConditionKey::new("cognito-identity.amazonaws.com:amr", KeyKind::ArrayOfString)];

/// The claims that any OpenID Connect provider may have, from the same page.
static CLAIMS: &[ConditionKey] = &[
    ConditionKey::new("${Provider}:amr", KeyKind::ArrayOfString),
    ConditionKey::new("${Provider}:aud", KeyKind::String),
    ConditionKey::new("${Provider}:email", KeyKind::String),
    ConditionKey::new("${Provider}:oaud", KeyKind::String),
    ConditionKey::new("${Provider}:sub", KeyKind::String),
];
