//! Roles that would grant more than the cap.
//!
//! A role behind its boundary cannot do more than the cap, whatever its policies say. Still a policy
//! that allows to write to IAM is refused there: its author means more than the boundary lets through,
//! and would find out only when the boundary falls. So behind a boundary a named policy may allow
//! everything but IAM, Organizations and account writes; a role without one is held to the whole cap.

use postern_policy::{Document, Problem, Span, cap};
use postern_types::{PolicyArn, RoleName};

use crate::{BoundaryChoice, Design, Desired, PolicyDocument, PolicySource, RoleDesign, Spanned, documents};

/// How the policies of a design's roles stand to the cap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CapReport {
    /// Statements above the cap: the estate is refused while there is one.
    pub violations: Vec<CapViolation>,
    /// Statements above the cap that `allow_iam` lifts, each with its reason. Every report shows them.
    pub lifted: Vec<Lifted>,
    /// Policies whose documents are not known, so that nothing can be said of them.
    pub unread: Vec<UnreadPolicy>,
}

/// A statement that allows more than its role may have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapViolation {
    /// The role.
    pub role: RoleName,
    /// The policy, and where the estate file names it.
    pub policy: Spanned<PolicySource>,
    /// The policy's text.
    pub document: PolicyDocument,
    /// The number of the statement in it, counted from 0.
    pub statement: usize,
    /// The whole statement in the policy's text.
    pub statement_span: Span,
    /// The part of the statement that goes too far.
    pub action_span: Span,
    /// An action that it allows and the cap does not.
    pub action: String,
    /// False where patterns were too entangled to be sure: it is refused all the same.
    pub certain: bool,
    /// Whether the role has a boundary, which would cut the action off.
    pub bounded: bool,
}

/// A violation and the reason for which its author lets it stand.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lifted {
    /// What goes beyond the cap.
    pub violation: CapViolation,
    /// `allow_iam`
    pub reason: String,
}

/// A policy that could not be judged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnreadPolicy {
    /// The role that has it.
    pub role: RoleName,
    /// The policy, and where the estate file names it.
    pub policy: Spanned<PolicySource>,
    /// What is wrong with its document; empty where there is none.
    pub problems: Vec<Problem>,
}

impl CapReport {
    /// Whether every policy was read and nothing exceeds the cap without a reason.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.violations.is_empty() && self.unread.is_empty()
    }
}

impl Design {
    /// Holds every role's policies against the cap. `documents` gives the documents of managed policies:
    /// AWS's own from their published texts, customers' from the actual estate.
    #[must_use]
    pub fn check_cap(
        &self,
        desired: &Desired,
        documents: &dyn Fn(&PolicyArn) -> Option<String>,
    ) -> CapReport {
        let mut report = CapReport::default();
        for (name, role) in &self.roles {
            for policy in &role.policies {
                let document = match &policy.value {
                    PolicySource::Managed(arn) => documents(arn).map(PolicyDocument::new),
                    PolicySource::File { name: inline, .. } => desired
                        .estate
                        .accounts
                        .values()
                        .find_map(|account| account.roles.get(name)?.inline.get(inline))
                        .cloned(),
                };
                judge(name, role, policy, document, &mut report);
            }
        }
        report
    }
}

fn judge(
    name: &RoleName,
    role: &RoleDesign,
    policy: &Spanned<PolicySource>,
    document: Option<PolicyDocument>,
    report: &mut CapReport,
) {
    let mut unread = |problems| {
        report.unread.push(UnreadPolicy { role: name.clone(), policy: policy.clone(), problems });
    };
    let Some(document) = document else { return unread(Vec::new()) };
    let bounded = matches!(role.boundary, BoundaryChoice::Cap);
    let limit = if bounded { documents::no_iam_write() } else { documents::cap(&[]) };
    let (parsed, limit) = match (Document::parse(document.text()), Document::parse(limit.text())) {
        (Ok(parsed), Ok(limit)) => (parsed, limit),
        (Err(problems), _) | (_, Err(problems)) => return unread(problems),
    };
    for exceeding in cap::exceeding(&parsed, &limit) {
        let violation = CapViolation {
            role: name.clone(),
            policy: policy.clone(),
            document: document.clone(),
            statement: exceeding.statement,
            statement_span: parsed
                .statements()
                .get(exceeding.statement)
                .map_or(exceeding.span, postern_policy::Statement::span),
            action_span: exceeding.span,
            action: exceeding.action_example,
            certain: exceeding.certain,
            bounded,
        };
        match &role.allow_iam {
            Some(reason) => report.lifted.push(Lifted { violation, reason: reason.value.clone() }),
            None => report.violations.push(violation),
        }
    }
}
