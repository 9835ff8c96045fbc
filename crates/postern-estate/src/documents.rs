//! The documents that postern writes, exactly as the worked example of the design shows them.

use std::collections::BTreeSet;

use postern_types::{AccountId, ExternalId, Partition, RoleArn, SessionDuration, UserArn};

use crate::{AddressBlock, PolicyDocument, json::Json};

/// Actions that no role may take, whatever its policies say: the cap's `NotAction`.
const NEVER: [&str; 18] = [
    "iam:*",
    "organizations:*",
    "account:*",
    "sso:*",
    "sso-directory:*",
    "identitystore:*",
    "sts:AssumeRole*",
    "sts:AssumeRoot",
    "sts:GetFederationToken",
    "cloudtrail:StopLogging",
    "cloudtrail:DeleteTrail",
    "cloudtrail:UpdateTrail",
    "cloudtrail:PutEventSelectors",
    "config:DeleteConfigurationRecorder",
    "config:StopConfigurationRecorder",
    "guardduty:DeleteDetector",
    "guardduty:UpdateDetector",
    "access-analyzer:DeleteAnalyzer",
];

/// Reading IAM, Organizations and account data, and what service-linked roles need.
const LOOK: [&str; 14] = [
    "iam:Get*",
    "iam:List*",
    "iam:GenerateCredentialReport",
    "iam:GenerateServiceLastAccessedDetails",
    "iam:Simulate*",
    "iam:CreateServiceLinkedRole",
    "iam:DeleteServiceLinkedRole",
    "organizations:Describe*",
    "organizations:List*",
    "account:Get*",
    "account:List*",
    "sso:Describe*",
    "sso:List*",
    "sso:Get*",
];

/// A policy of these statements.
pub(crate) fn policy(statements: Vec<Json>) -> PolicyDocument {
    let document =
        Json::object([("Version", Json::text("2012-10-17")), ("Statement", Json::Array(statements))]);
    PolicyDocument::new(document.pretty())
}

/// The permissions boundary of a role, with the roles outside the estate that it may assume.
pub(crate) fn cap(may_assume: &[&RoleArn]) -> PolicyDocument {
    let mut statements = vec![
        Json::object([
            ("Sid", Json::text("Work")),
            ("Effect", Json::text("Allow")),
            ("Resource", Json::text("*")),
            ("NotAction", Json::texts(NEVER)),
        ]),
        Json::object([
            ("Sid", Json::text("Look")),
            ("Effect", Json::text("Allow")),
            ("Resource", Json::text("*")),
            ("Action", Json::texts(LOOK)),
        ]),
    ];
    if !may_assume.is_empty() {
        statements.push(Json::object([
            ("Sid", Json::text("AssumeDeclaredRoles")),
            ("Effect", Json::text("Allow")),
            ("Resource", Json::texts(may_assume)),
            ("Action", Json::text("sts:AssumeRole")),
        ]));
    }
    policy(statements)
}

/// What a named policy may allow when the cap bounds its role: all but writing to IAM, Organizations
/// and account data. Whoever names a policy that allows more means more than the boundary would let
/// through, and is told so.
pub(crate) fn no_iam_write() -> PolicyDocument {
    policy(vec![
        Json::object([
            ("Effect", Json::text("Allow")),
            ("Resource", Json::text("*")),
            ("NotAction", Json::texts(["iam:*", "organizations:*", "account:*"])),
        ]),
        Json::object([
            ("Effect", Json::text("Allow")),
            ("Resource", Json::text("*")),
            // `iam:Generate*` makes reports; ReadOnlyAccess names it by this pattern.
            ("Action", Json::texts(LOOK.into_iter().chain(["iam:Generate*"]))),
        ]),
    ])
}

/// One action, or two where people may set a source identity.
fn assume_role(source_identity: bool) -> Json {
    if source_identity {
        Json::texts(["sts:AssumeRole", "sts:SetSourceIdentity"])
    } else {
        Json::text("sts:AssumeRole")
    }
}

fn with_mfa() -> Json {
    Json::object([("aws:MultiFactorAuthPresent", Json::text("true"))])
}

/// The one inline policy of a group; `resources` empty for a group that grants nothing.
pub(crate) fn group(resources: &[String], source_identity: bool) -> PolicyDocument {
    let mut statements = Vec::new();
    if !resources.is_empty() {
        statements.push(Json::object([
            ("Sid", Json::text("AssumeDeclaredRolesWithMfa")),
            ("Effect", Json::text("Allow")),
            ("Action", assume_role(source_identity)),
            ("Resource", Json::texts(resources)),
            ("Condition", Json::object([("Bool", with_mfa())])),
        ]));
    }
    statements.push(start_session());
    policy(statements)
}

/// What AWS allows to everyone anyway, for the reader; a statement that grants nothing.
pub(crate) fn start_session() -> Json {
    Json::object([
        ("Sid", Json::text("StartSession")),
        ("Effect", Json::text("Allow")),
        ("Action", Json::text("sts:GetSessionToken")),
        ("Resource", Json::text("*")),
    ])
}

/// What a user may see of itself, and change with the old password in hand, without MFA.
const SEE_ONESELF: [&str; 4] =
    ["iam:GetUser", "iam:ListMFADevices", "iam:ListAccessKeys", "iam:ChangePassword"];

/// What a user may do with keys and devices of its own, with MFA.
const MANAGE_ONESELF: [&str; 6] = [
    "iam:CreateAccessKey",
    "iam:UpdateAccessKey",
    "iam:DeleteAccessKey",
    "iam:EnableMFADevice",
    "iam:DeactivateMFADevice",
    "iam:ResyncMFADevice",
];

/// The policy by which people manage their own credentials.
///
/// No `Deny` stands in it, and nothing that adds or removes a device or key goes without MFA: a `Deny` that
/// exempts the enrolment of a device, as AWS's sample has it, lets a thief with a key enrol one. Setting a
/// password, service-specific credentials and SSH keys are nowhere allowed.
pub(crate) fn self_service(partition: Partition, bastion: AccountId) -> PolicyDocument {
    let arn = |resource: &str| format!("arn:{partition}:iam::{bastion}:{resource}");
    let oneself = [arn("user/${aws:username}"), arn("user/*/${aws:username}")];
    let allow = |sid: &str, action: Json, resource: Json| {
        [
            ("Sid", Json::text(sid)),
            ("Effect", Json::text("Allow")),
            ("Action", action),
            ("Resource", resource),
        ]
    };
    let with_mfa = || ("Condition", Json::object([("Bool", with_mfa())]));
    let see = allow("SeeOneself", Json::texts(SEE_ONESELF), Json::texts(&oneself));
    let rules = allow("SeePasswordRules", Json::text("iam:GetAccountPasswordPolicy"), Json::text("*"));
    let [sid, effect, action, resource] =
        allow("ManageOneselfWithMfa", Json::texts(MANAGE_ONESELF), Json::texts(&oneself));
    let manage = Json::object([sid, effect, action, resource, with_mfa()]);
    // A device need not be called after its user.
    let [sid, effect, action, resource] =
        allow("MakeDeviceWithMfa", Json::text("iam:CreateVirtualMFADevice"), Json::text(arn("mfa/*")));
    let device = Json::object([sid, effect, action, resource, with_mfa()]);
    policy(vec![Json::object(see), Json::object(rules), manage, device])
}

/// Who may assume a role.
pub(crate) struct Trust<'a> {
    pub(crate) partition: Partition,
    pub(crate) bastion: AccountId,
    /// The people. Nobody at all is a statement of its own, not a missing one.
    pub(crate) people: &'a BTreeSet<UserArn>,
    pub(crate) mfa_max_age: Option<SessionDuration>,
    pub(crate) source_identity: bool,
    /// Whether the source identity must be the user's name.
    pub(crate) demands_source_identity: bool,
    /// From where people may come; from anywhere without.
    pub(crate) source_ip: Option<&'a BTreeSet<AddressBlock>>,
    pub(crate) third_parties: &'a [(AccountId, &'a ExternalId)],
}

impl Trust<'_> {
    /// The trust policy that names its people, or, `one_sided`, leaves that to the group policies.
    pub(crate) fn document(&self, one_sided: bool) -> PolicyDocument {
        let root = |account| {
            Json::object([("AWS", Json::text(format!("arn:{}:iam::{account}:root", self.partition)))])
        };
        let mut statements = Vec::new();
        if !self.people.is_empty() {
            let mut condition = vec![("Bool".to_owned(), with_mfa())];
            if let Some(age) = self.mfa_max_age {
                let age = Json::object([("aws:MultiFactorAuthAge", Json::text(age.seconds().to_string()))]);
                condition.push(("NumericLessThan".to_owned(), age));
            }
            if let Some(blocks) = self.source_ip {
                condition
                    .push(("IpAddress".to_owned(), Json::object([("aws:SourceIp", Json::texts(blocks))])));
            }
            if self.demands_source_identity {
                let name = Json::object([("sts:SourceIdentity", Json::text("${aws:username}"))]);
                condition.push(("StringEquals".to_owned(), name));
            }
            if !one_sided {
                let people = Json::object([("aws:PrincipalArn", Json::texts(self.people))]);
                condition.push(("ArnEquals".to_owned(), people));
            }
            statements.push(Json::object([
                ("Effect", Json::text("Allow")),
                ("Principal", root(self.bastion)),
                ("Action", assume_role(self.source_identity)),
                ("Condition", Json::Object(condition)),
            ]));
        }
        for (account, external_id) in self.third_parties {
            let id = Json::object([("sts:ExternalId", Json::text(external_id.as_str()))]);
            statements.push(Json::object([
                ("Effect", Json::text("Allow")),
                ("Principal", root(*account)),
                ("Action", Json::text("sts:AssumeRole")),
                ("Condition", Json::object([("StringEquals", id)])),
            ]));
        }
        if statements.is_empty() {
            // A trust policy needs a statement, and an empty list of people is none that AWS takes.
            statements.push(nobody(root(self.bastion)));
        }
        policy(statements)
    }
}

/// An identity policy that denies everything.
pub(crate) fn nothing() -> PolicyDocument {
    policy(vec![Json::object([
        ("Effect", Json::text("Deny")),
        ("Action", Json::text("*")),
        ("Resource", Json::text("*")),
    ])])
}

/// The statement of a role that nobody may assume.
pub(crate) fn nobody(principal: Json) -> Json {
    Json::object([
        ("Sid", Json::text("NobodyYet")),
        ("Effect", Json::text("Deny")),
        ("Principal", principal),
        ("Action", Json::text("sts:AssumeRole")),
    ])
}
