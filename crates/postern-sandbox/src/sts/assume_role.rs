//! `AssumeRole`.

use std::collections::BTreeSet;

use postern_policy::{Decision, Document};
use postern_types::Arn;

use crate::{
    ServiceError,
    authorize::refusal,
    caller::{CallerKind, SessionFacts},
    managed::ManagedPolicy,
    model::{Account, PolicyText, Role, Tag},
    operation::{Authorized, Call, Decided, Needs, Operation, Reply},
    session::{Principal, Session},
    wire::{Decoder, rules},
};

use super::{check_code, end, write_credentials};

/// `AssumeRole`: both sides must agree, and nothing tells a caller which of them did not.
pub(super) struct AssumeRole {
    role_arn: String,
    session_name: String,
    seconds: Option<u32>,
    external_id: Option<String>,
    source_identity: Option<String>,
    tags: Vec<Tag>,
    transitive: Vec<String>,
    policy: Option<String>,
    policy_arns: Vec<String>,
    serial: Option<String>,
    code: Option<String>,
    /// Contexts of identity providers, which the sandbox does not know.
    provided_contexts: bool,
}

impl Operation for AssumeRole {
    const NAME: &'static str = "AssumeRole";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            role_arn: d.required("RoleArn", &rules::ARN),
            session_name: d.required("RoleSessionName", &rules::ROLE_SESSION_NAME),
            seconds: d.optional_number("DurationSeconds", 900, 43_200),
            external_id: d.optional("ExternalId", &rules::EXTERNAL_ID),
            source_identity: d.optional("SourceIdentity", &rules::SOURCE_IDENTITY),
            tags: d.tags(),
            transitive: d.list("TransitiveTagKeys", 50, &rules::TAG_KEY),
            policy: d.optional("Policy", &rules::SESSION_POLICY),
            policy_arns: decode_session_arns(d),
            serial: d.optional("SerialNumber", &rules::STS_SERIAL_NUMBER),
            code: d.optional("TokenCode", &rules::STS_TOKEN_CODE),
            provided_contexts: d.has_structures("ProvidedContexts"),
        }
    }

    fn authenticate(&self, call: &mut Call<'_>) -> Result<bool, ServiceError> {
        if self.provided_contexts {
            return Err(ServiceError::not_implemented("AssumeRole with ProvidedContexts is not implemented"));
        }
        if self.role_arn.parse::<Arn>().is_err() {
            return Err(ServiceError::validation(format!("{} is invalid", self.role_arn)));
        }
        match call.caller.kind {
            CallerKind::Root => {
                return Err(ServiceError::access_denied("Roles may not be assumed by root accounts."));
            }
            CallerKind::Federated { .. } => return Err(self.denied(call)),
            CallerKind::User { .. } | CallerKind::Role { .. } => {}
        }
        check_code(call, self.serial.as_deref(), self.code.as_deref())
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        self.check_tags(call)?;
        session_policy(self.policy.as_deref())?;
        let account = self.role_arn.parse::<Arn>().ok().and_then(|arn| arn.account());
        let account = account.ok_or_else(|| self.denied(call))?;
        let role = call.state.account(account).and_then(|account| find_role(account, &self.role_arn));
        let identity = self.effective_identity(call);
        let inherited = call.caller.session.as_ref().and_then(|session| session.source_identity.as_deref());
        if inherited.is_some() && identity != inherited {
            // Set once and for all: no policy can allow another.
            return Err(self.denied_action(call, "sts:SetSourceIdentity"));
        }
        let with_keys = |needs: Needs| {
            let mut needs = needs
                .key("sts:RoleSessionName", &self.session_name)
                .maybe_key("sts:ExternalId", self.external_id.as_deref())
                .maybe_key("sts:SourceIdentity", identity)
                .request_tags(&self.tags)
                .assuming(account);
            if !self.transitive.is_empty() {
                needs = needs.keys("sts:TransitiveTagKeys", self.transitive.clone());
            }
            role.map_or(&[][..], |role| &role.tags).iter().fold(needs, |needs, tag| {
                needs
                    .key(format!("aws:ResourceTag/{}", tag.key), &tag.value)
                    .key(format!("iam:ResourceTag/{}", tag.key), &tag.value)
            })
        };
        let mut needs = with_keys(Needs::on(&self.role_arn));
        if !self.tags.is_empty() {
            needs = with_keys(needs.also("sts:TagSession", &self.role_arn));
        }
        if identity.is_some() {
            needs = with_keys(needs.also("sts:SetSourceIdentity", &self.role_arn));
        }
        Ok(needs)
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = op.role_arn.parse::<Arn>().ok().and_then(|arn| arn.account());
        let account = account.and_then(|id| call.state.account(id));
        let found = account.and_then(|account| Some((account, find_role(account, &op.role_arn)?)));
        let Some((account, role)) = found else { return Err(op.denied(call)) };

        let seconds = op.seconds.unwrap_or(3_600);
        if seconds > 3_600 && call.caller.session.is_some() {
            return Err(ServiceError::validation(
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining.",
            ));
        }
        if seconds > role.max_session_duration {
            return Err(ServiceError::validation(
                "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
            ));
        }
        check_session_arns(account, &op.policy_arns)?;

        let source_identity = op.effective_identity(call).map(str::to_owned);
        let (tags, transitive) = op.session_tags(call);
        let facts = SessionFacts {
            issued: call.now,
            expires: end(call.now, seconds),
            // A role session carries nothing of its caller's one-time code.
            mfa: None,
            source_identity: source_identity.clone(),
            tags,
            transitive,
            policy: session_policy(op.policy.as_deref())?,
            policy_arns: op.policy_arns.clone(),
        };
        let expires = facts.expires;
        let session =
            Session { principal: Principal::Role(role.id.to_string(), op.session_name.clone()), facts };
        let size = session.packed_size()?;
        let arn = format!(
            "arn:{}:sts::{}:assumed-role/{}/{}",
            account.partition, account.id, role.name, op.session_name
        );
        let id = format!("{}:{}", role.id, op.session_name);
        let issued = session.issue(account.id, call.sealer, call.rng);
        Ok(Reply::result(|xml| {
            write_credentials(xml, &issued, expires);
            xml.element("AssumedRoleUser", |xml| {
                xml.text("AssumedRoleId", id);
                xml.text("Arn", arn);
            });
            if op.policy.is_some() || !op.policy_arns.is_empty() || !op.tags.is_empty() {
                xml.text("PackedPolicySize", size);
            }
            xml.maybe("SourceIdentity", source_identity);
        }))
    }
}

impl AssumeRole {
    /// The refusal that looks the same whatever the reason.
    fn denied(&self, call: &Call<'_>) -> ServiceError {
        self.denied_action(call, "sts:AssumeRole")
    }

    fn denied_action(&self, call: &Call<'_>, action: &str) -> ServiceError {
        let decided = Decided {
            action: action.to_owned(),
            resource: self.role_arn.clone(),
            decision: Decision::ImplicitlyDenied,
            reason: None,
        };
        refusal(call.caller, &decided)
    }

    /// The source identity that the session will have: what is asked for, else what the caller's session has.
    fn effective_identity<'a>(&'a self, call: &'a Call<'_>) -> Option<&'a str> {
        let inherited = || call.caller.session.as_ref()?.source_identity.as_deref();
        self.source_identity.as_deref().or_else(inherited)
    }

    fn check_tags(&self, call: &Call<'_>) -> Result<(), ServiceError> {
        check_tag_keys(&self.tags)?;
        let asked = |key: &str| self.tags.iter().any(|tag| same_key(&tag.key, key));
        if !self.transitive.iter().all(|key| asked(key)) {
            return Err(ServiceError::invalid_parameter_value(
                "The specified transitive tag key must be included in the requested tags.",
            ));
        }
        let inherited = call.caller.session.as_ref().map_or(&[][..], |session| &session.transitive);
        if inherited.iter().any(|key| asked(key)) {
            return Err(ServiceError::invalid_parameter_value(
                "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key \
                 from the calling session.",
            ));
        }
        Ok(())
    }

    /// The tags of the new session, and those of them that pass on further.
    fn session_tags(&self, call: &Call<'_>) -> (Vec<Tag>, Vec<String>) {
        let mut tags = Vec::new();
        let mut transitive = Vec::new();
        if let Some(session) = &call.caller.session {
            transitive.clone_from(&session.transitive);
            let passes = |tag: &&Tag| session.transitive.iter().any(|key| same_key(key, &tag.key));
            tags.extend(session.tags.iter().filter(passes).cloned());
        }
        tags.extend(self.tags.iter().cloned());
        transitive.extend(self.transitive.iter().cloned());
        (tags, transitive)
    }
}

fn find_role<'a>(account: &'a Account, arn: &str) -> Option<&'a Role> {
    let role = account.roles.get(arn.rsplit('/').next()?)?;
    (account.role_arn(role) == arn).then_some(role)
}

/// Tag keys ignore case.
fn same_key(one: &str, other: &str) -> bool {
    one.to_lowercase() == other.to_lowercase()
}

/// Refuses the same key twice.
pub(super) fn check_tag_keys(tags: &[Tag]) -> Result<(), ServiceError> {
    let mut seen = BTreeSet::new();
    if tags.iter().all(|tag| seen.insert(tag.key.to_lowercase())) {
        Ok(())
    } else {
        Err(ServiceError::invalid_parameter_value(
            "Duplicate tag keys found. Please note that Tag keys are case insensitive.",
        ))
    }
}

/// `PolicyArns.member.N.arn`
pub(super) fn decode_session_arns(d: &mut Decoder<'_>) -> Vec<String> {
    d.structures("PolicyArns", 10, |policy| policy.required("arn", &rules::ARN))
}

/// Managed session policies must exist: AWS's own, or of the account whose session it is.
pub(super) fn check_session_arns(account: &Account, arns: &[String]) -> Result<(), ServiceError> {
    for arn in arns {
        if account.policy_by_arn(arn).is_none() && ManagedPolicy::find(arn).is_none() {
            return Err(ServiceError::validation(format!(
                "Policy {arn} does not exist or is not attachable."
            )));
        }
    }
    Ok(())
}

/// Reads an inline session policy.
pub(super) fn session_policy(text: Option<&str>) -> Result<Option<PolicyText>, ServiceError> {
    let Some(text) = text else { return Ok(None) };
    match Document::parse(text) {
        Ok(document) if document.principals().next().is_some() => {
            Err(ServiceError::malformed_policy("Policy document should not specify a principal."))
        }
        Ok(document) => Ok(Some(PolicyText::new(text, document))),
        Err(_) => Err(ServiceError::malformed_policy("Syntax errors in policy.")),
    }
}
