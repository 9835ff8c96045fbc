//! One service control policy that denies everything to principals one by one.

use std::collections::BTreeSet;

use postern_types::{Arn, PrincipalId};

use crate::{PolicyDocument, documents::policy, json::Json, organization::SCP_SIZE};

/// The content of the policy that cuts principals off, for all of them together: an account has room for five
/// policies, and an attack may have more victims than that.
///
/// A principal is denied twice: by its ARN, and by its unique id, which outlives a new name.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OrganizationDeny {
    /// `aws:PrincipalArn`
    arns: BTreeSet<String>,
    /// `aws:userid`
    ids: BTreeSet<String>,
}

/// A user or role that is to be cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeniedPrincipal {
    /// The ARN of the user or role; not of a session.
    pub arn: Arn,
    /// The unique id, `AIDA…` or `AROA…`, where it is known.
    pub id: Option<PrincipalId>,
}

impl DeniedPrincipal {
    /// `aws:userid` as requests carry it: a role's is followed by the name of the session.
    fn user_id(&self) -> Option<String> {
        let id = self.id.as_ref()?;
        let is_role = self.arn.resource().starts_with("role/");
        Some(if is_role { format!("{id}:*") } else { id.to_string() })
    }
}

const BY_ARN: (&str, &str, &str) = ("ContainedByArn", "ArnEquals", "aws:PrincipalArn");
const BY_ID: (&str, &str, &str) = ("ContainedById", "StringLike", "aws:userid");

impl OrganizationDeny {
    /// The policy's name in the organization.
    pub const POLICY: &'static str = "postern-contain";

    /// Reads the document back; none when it is not one of these.
    #[must_use]
    pub fn read(document: &PolicyDocument) -> Option<Self> {
        let json = Json::parse(document.text())?;
        let mut deny = Self::default();
        for statement in json.get("Statement")?.items() {
            let (sid, list) = match statement.get("Sid")?.as_text()? {
                sid if sid == BY_ARN.0 => (BY_ARN, &mut deny.arns),
                sid if sid == BY_ID.0 => (BY_ID, &mut deny.ids),
                _ => return None,
            };
            let values = statement.get("Condition")?.get(sid.1)?.get(sid.2)?;
            for value in values.items() {
                list.insert(value.as_text()?.to_owned());
            }
        }
        // Whatever else was written into it by hand would be lost at the next change.
        deny.document().means_the_same(document).then_some(deny)
    }

    /// Whether a principal is denied, in every way that is known of it.
    #[must_use]
    pub fn holds(&self, principal: &DeniedPrincipal) -> bool {
        self.arns.contains(principal.arn.as_str())
            && principal.user_id().is_none_or(|id| self.ids.contains(&id))
    }

    /// Denies a principal. False when it is denied already.
    pub fn add(&mut self, principal: &DeniedPrincipal) -> bool {
        let by_arn = self.arns.insert(principal.arn.to_string());
        let by_id = principal.user_id().is_some_and(|id| self.ids.insert(id));
        by_arn || by_id
    }

    /// Denies a principal no longer. False when it was not denied.
    pub fn remove(&mut self, principal: &DeniedPrincipal) -> bool {
        let by_arn = self.arns.remove(principal.arn.as_str());
        let by_id = principal.user_id().is_some_and(|id| self.ids.remove(&id));
        by_arn || by_id
    }

    /// Whether nobody is denied, so that the policy can go: a policy without statements is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.arns.is_empty() && self.ids.is_empty()
    }

    /// Whether the document fits into a service control policy: some forty principals do.
    #[must_use]
    pub fn fits(&self) -> bool {
        self.document().compact().len() <= SCP_SIZE
    }

    /// The policy.
    #[must_use]
    pub fn document(&self) -> PolicyDocument {
        let lists = [(BY_ARN, &self.arns), (BY_ID, &self.ids)].into_iter();
        let statements = lists.filter(|(_, list)| !list.is_empty()).map(|((sid, operator, key), list)| {
            let condition = Json::object([(key, Json::texts(list))]);
            Json::object([
                ("Sid", Json::text(sid)),
                ("Effect", Json::text("Deny")),
                ("Action", Json::text("*")),
                ("Resource", Json::text("*")),
                ("Condition", Json::object([(operator, condition)])),
            ])
        });
        policy(statements.collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn principal(arn: &str, id: &str) -> DeniedPrincipal {
        DeniedPrincipal { arn: arn.parse().unwrap(), id: id.parse().ok() }
    }

    #[test]
    fn principals_come_and_go_and_the_document_is_read_back() {
        let alice = principal("arn:aws:iam::111111111111:user/postern/alice", "AIDAAAAAAAAAAAAAAAAAA");
        let work = principal("arn:aws:iam::111111111111:role/work", "AROAAAAAAAAAAAAAAAAAA");
        let mut deny = OrganizationDeny::default();
        assert!(deny.is_empty() && !deny.holds(&alice));
        assert!(deny.add(&alice) && !deny.add(&alice) && deny.add(&work));
        let document = deny.document();
        assert!(document.text().contains("AROAAAAAAAAAAAAAAAAAA:*"), "{document}");
        assert_eq!(OrganizationDeny::read(&document), Some(deny.clone()));
        assert_eq!(OrganizationDeny::read(&PolicyDocument::new(document.compact())), Some(deny.clone()));
        assert!(deny.remove(&alice) && !deny.remove(&alice) && !deny.holds(&alice) && deny.holds(&work));
        let other = document.text().replace("\"*\"", "\"s3:*\"");
        assert_eq!(OrganizationDeny::read(&PolicyDocument::new(other)), None, "changed by hand");
        for n in 0..30 {
            let arn = format!("arn:aws:iam::111111111111:user/postern/someone-{n:02}");
            deny.add(&principal(&arn, &format!("AIDAAAAAAAAAAAAAAAA{n:02}").replace('0', "Z")));
        }
        assert!(deny.fits());
    }
}
