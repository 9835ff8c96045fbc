//! The service control policies of `[organization]`: what nobody may do, and who is left out of it.
//!
//! All guards stand in as few policies as hold them, since an account has room for five. The condition that
//! leaves the bastion out stands in the document, so that the same policy can be attached anywhere.

use std::collections::BTreeMap;

use postern_types::{AccountId, Partition};

use super::SCP_SIZE;
use crate::{
    ADMIN_ROLE, BREAK_GLASS_ROLE, EstateName, PATH, PolicyDocument, design::Guards, documents::policy,
    json::Json,
};

/// Every way to change something in IAM, as patterns: a list of all actions would not fit, and would not hold
/// what AWS adds. `iam:PassRole` is none of them, nor is anything that only reads.
const CHANGES: [&str; 17] = [
    "iam:Add*",
    "iam:Attach*",
    "iam:Change*",
    "iam:Create*",
    "iam:Deactivate*",
    "iam:Delete*",
    "iam:Detach*",
    "iam:Disable*",
    "iam:Enable*",
    "iam:Put*",
    "iam:Remove*",
    "iam:Reset*",
    "iam:Resync*",
    "iam:Set*",
    "iam:Tag*",
    "iam:Un*",
    "iam:Up*",
];

/// What makes a long-term credential.
const NEW_USERS: [&str; 5] = [
    "iam:CreateUser",
    "iam:CreateAccessKey",
    "iam:CreateLoginProfile",
    "iam:CreateServiceSpecificCredential",
    "iam:UploadSSHPublicKey",
];

/// Services that are one for all regions, or whose calls go to another region than the one they are about
/// (*Organizations User Guide*, Deny access to AWS based on the requested AWS Region).
const EVERYWHERE: [&str; 44] = [
    "account:*",
    "acm:*",
    "aws-marketplace:*",
    "aws-marketplace-management:*",
    "billing:*",
    "budgets:*",
    "ce:*",
    "chatbot:*",
    "cloudfront:*",
    "cloudtrail:LookupEvents",
    "consolidatedbilling:*",
    "cur:*",
    "directconnect:*",
    "ec2:DescribeRegions",
    "ec2:DescribeTransitGateways",
    "ec2:DescribeVpnGateways",
    "fms:*",
    "freetier:*",
    "globalaccelerator:*",
    "health:*",
    "iam:*",
    "importexport:*",
    "invoicing:*",
    "kms:*",
    "networkmanager:*",
    "notifications:*",
    "organizations:*",
    "payments:*",
    "pricing:*",
    "route53:*",
    "route53domains:*",
    "s3:GetAccountPublic*",
    "s3:ListAllMyBuckets",
    "s3:PutAccountPublic*",
    "savingsplans:*",
    "shield:*",
    "sts:*",
    "support:*",
    "supportplans:*",
    "tax:*",
    "trustedadvisor:*",
    "waf:*",
    "wafv2:*",
    "wellarchitected:*",
];

/// What the guards need to know of the estate.
pub(crate) struct GuardSet<'a> {
    pub(crate) guards: &'a Guards,
    pub(crate) partition: Partition,
    pub(crate) bastion: AccountId,
    /// ARNs of those whom the estate file declares as administrators beside its own.
    pub(crate) also: Vec<String>,
}

impl GuardSet<'_> {
    /// The policies by name: `postern-ESTATE-guards`, and `-2` and so on where one does not hold all.
    ///
    /// # Errors
    /// The characters of a statement that does not fit even alone.
    pub(crate) fn policies(&self, estate: &EstateName) -> Result<BTreeMap<String, PolicyDocument>, usize> {
        let mut packed: Vec<Vec<Json>> = Vec::new();
        for statement in self.statements() {
            let alone = policy(vec![statement.clone()]).compact().chars().count();
            if alone > SCP_SIZE {
                return Err(alone);
            }
            if let Some(last) = packed.last_mut() {
                let mut together = last.clone();
                together.push(statement.clone());
                if policy(together.clone()).compact().chars().count() <= SCP_SIZE {
                    *last = together;
                    continue;
                }
            }
            packed.push(vec![statement]);
        }
        let name = |at: usize| match at {
            0 => format!("{}guards", prefix(estate)),
            more => format!("{}guards-{}", prefix(estate), more + 1),
        };
        Ok(packed.into_iter().enumerate().map(|(at, statements)| (name(at), policy(statements))).collect())
    }

    fn statements(&self) -> Vec<Json> {
        let mut statements = Vec::new();
        if self.guards.no_users_outside_bastion {
            let elsewhere = Json::object([("aws:PrincipalAccount", Json::text(self.bastion.to_string()))]);
            statements.push(deny(
                "NoUsersOutsideBastion",
                &NEW_USERS,
                anything(),
                [("StringNotEquals", elsewhere)],
            ));
        }
        if self.guards.no_root {
            let root = Json::object([("aws:PrincipalArn", Json::text(self.arn("root")))]);
            // Sessions that the management account opens by sts:AssumeRoot are the way to mend an account.
            let own = Json::object([("aws:AssumedRoot", Json::text("true"))]);
            statements.push(deny("NoRoot", &["*"], anything(), [("ArnLike", root), ("Null", own)]));
        }
        if self.guards.no_leaving {
            statements.push(deny("NoLeaving", &["organizations:LeaveOrganization"], anything(), []));
        }
        if self.guards.protect_postern {
            let ours = ["role", "policy", "group"].map(|kind| self.arn(&format!("{kind}{PATH}*")));
            let but = self.all_but(self.administrators());
            statements.push(deny("ProtectPostern", &CHANGES, Json::texts(ours), [("ArnNotLike", but)]));
            // People enrol, and keep keys and devices of their own where the estate lets them.
            let people = self.arn(&format!("user{PATH}*"));
            let but = self.all_but(self.administrators().chain([people.clone()]));
            statements.push(deny("ProtectPeople", &CHANGES, Json::text(people), [("ArnNotLike", but)]));
        }
        if !self.guards.regions.is_empty() {
            let regions = self.guards.regions.iter().map(|region| &region.value);
            let elsewhere = Json::object([("aws:RequestedRegion", Json::texts(regions))]);
            let but = self.all_but(self.administrators());
            statements.push(Json::object([
                ("Sid", Json::text("OnlyTheseRegions")),
                ("Effect", Json::text("Deny")),
                ("NotAction", Json::texts(EVERYWHERE)),
                ("Resource", Json::text("*")),
                ("Condition", Json::object([("StringNotEquals", elsewhere), ("ArnNotLike", but)])),
            ]));
        }
        statements
    }

    /// Something of IAM in any account.
    fn arn(&self, resource: &str) -> String {
        format!("arn:{}:iam::*:{resource}", self.partition)
    }

    /// Those through whom the estate is changed or mended: postern's own roles, and who is declared beside them.
    fn administrators(&self) -> impl Iterator<Item = String> {
        let own = [ADMIN_ROLE, BREAK_GLASS_ROLE].map(|role| self.arn(&format!("role{PATH}{role}")));
        own.into_iter().chain(self.also.iter().cloned())
    }

    fn all_but(&self, exempt: impl Iterator<Item = String>) -> Json {
        Json::object([("aws:PrincipalArn", Json::texts(exempt))])
    }
}

/// What the names of an estate's policies begin with.
pub(crate) fn prefix(estate: &EstateName) -> String {
    format!("postern-{estate}-")
}

fn anything() -> Json {
    Json::text("*")
}

fn deny<const N: usize>(sid: &str, actions: &[&str], resource: Json, condition: [(&str, Json); N]) -> Json {
    let actions = match actions {
        [single] => Json::text(*single),
        many => Json::texts(many),
    };
    let mut statement = vec![
        ("Sid".to_owned(), Json::text(sid)),
        ("Effect".to_owned(), Json::text("Deny")),
        ("Action".to_owned(), actions),
        ("Resource".to_owned(), resource),
    ];
    if N > 0 {
        statement.push(("Condition".to_owned(), Json::object(condition)));
    }
    Json::Object(statement)
}
