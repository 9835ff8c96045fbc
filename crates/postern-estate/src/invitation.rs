//! The policy by which an invited person enrols, and nothing else.
//!
//! A policy cannot say "while the user has no MFA device". So an invitation is open until a date, and only while
//! the user carries a tag that names the invitation's access key. The person's last call takes that tag away, and
//! with it the whole policy's effect, without a right to touch policies.

use postern_types::{AccessKeyId, AccountId, Partition, Timestamp, UserName};

use crate::{PATH, PolicyDocument, User, documents::policy, json::Json};

/// The inline policy of a user who is invited.
pub const INVITATION_POLICY: &str = "postern-invitation";
/// The tag of a user who is invited: the id of the invitation's access key.
pub const INVITATION_TAG: &str = "postern:invitation";

/// What an open invitation lets its holder do: enrol this user, until this moment.
#[must_use]
pub fn invitation(
    partition: Partition,
    account: AccountId,
    user: &UserName,
    key: &AccessKeyId,
    until: Timestamp,
) -> PolicyDocument {
    document(partition, account, user, key.as_str(), &until.to_string())
}

fn document(
    partition: Partition,
    account: AccountId,
    user: &UserName,
    key: &str,
    until: &str,
) -> PolicyDocument {
    let iam = format!("arn:{partition}:iam::{account}");
    // Whoever asks about a user may or may not know of the path.
    let oneself = [format!("{iam}:user{PATH}{user}"), format!("{iam}:user/{user}")];
    let device = format!("{iam}:mfa/{user}");
    let tag = format!("aws:PrincipalTag/{INVITATION_TAG}");
    let open = Json::object([
        ("DateLessThan", Json::object([("aws:CurrentTime", Json::text(until))])),
        ("StringEquals", Json::object([(tag.as_str(), Json::text(key))])),
    ]);
    let only_this_tag = Json::object([("aws:TagKeys", Json::text(INVITATION_TAG))]);
    let statement = |sid: &str, actions: Json, resources: Json, condition: Json| {
        Json::object([
            ("Sid", Json::text(sid)),
            ("Effect", Json::text("Allow")),
            ("Action", actions),
            ("Resource", resources),
            ("Condition", condition),
        ])
    };
    policy(vec![
        statement(
            "EnrolOneself",
            Json::texts([
                "iam:EnableMFADevice",
                "iam:ListMFADevices",
                "iam:CreateAccessKey",
                "iam:ListAccessKeys",
                "iam:DeleteAccessKey",
            ]),
            Json::texts(&oneself),
            open.clone(),
        ),
        // A device that is in use cannot be deleted; one that an interrupted run left has to go.
        statement(
            "MakeDevice",
            Json::texts(["iam:CreateVirtualMFADevice", "iam:DeleteVirtualMFADevice"]),
            Json::text(device),
            open.clone(),
        ),
        statement(
            "EndInvitation",
            Json::text("iam:UntagUser"),
            Json::texts(&oneself),
            open.with("ForAllValues:StringEquals", only_this_tag),
        ),
    ])
}

/// Until when the invitation of this user is open; none where there is no invitation, where something else stands
/// under its name, or where it has been used.
#[must_use]
pub fn invited_until(
    partition: Partition,
    account: AccountId,
    name: &UserName,
    user: &User,
) -> Option<String> {
    let found = user.inline.iter().find(|(policy, _)| policy.as_str() == INVITATION_POLICY)?.1;
    let key = user.tags.get(INVITATION_TAG)?;
    let until = until(found)?;
    let expected = document(partition, account, name, key, &until);
    found.means_the_same(&expected).then_some(until)
}

/// The date in a policy that may be an invitation.
fn until(policy: &PolicyDocument) -> Option<String> {
    let policy = Json::parse(policy.text())?;
    let condition = policy.get("Statement")?.items().first()?.get("Condition")?;
    Some(condition.get("DateLessThan")?.get("aws:CurrentTime")?.as_text()?.to_owned())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::Tags;

    fn invited(document: PolicyDocument) -> User {
        let tags = Tags::from_iter([(INVITATION_TAG.to_owned(), "AKIAY34FZKBOKMUTV001".to_owned())]);
        let inline = std::iter::once((INVITATION_POLICY.parse().unwrap(), document)).collect();
        User {
            path: PATH.parse().unwrap(),
            id: None,
            tags,
            groups: BTreeSet::default(),
            inline,
            attached: BTreeSet::default(),
            boundary: None,
            credentials: None,
        }
    }

    fn of(user: &str) -> PolicyDocument {
        let until = "2026-01-02T03:04:05Z".parse().unwrap();
        let (account, key) = ("111111111111".parse().unwrap(), "AKIAY34FZKBOKMUTV001".parse().unwrap());
        invitation(Partition::Aws, account, &user.parse().unwrap(), &key, until)
    }

    fn open(user: &User) -> Option<String> {
        invited_until(Partition::Aws, "111111111111".parse().unwrap(), &"zoe".parse().unwrap(), user)
    }

    #[test]
    fn an_invitation_is_known_by_its_shape() {
        assert_eq!(open(&invited(of("zoe"))).as_deref(), Some("2026-01-02T03:04:05Z"));
        assert_eq!(open(&invited(of("bob"))), None);
        let wider = of("zoe").text().replace("iam:UntagUser", "iam:*");
        assert_eq!(open(&invited(PolicyDocument::new(wider))), None);
        assert_eq!(open(&invited(PolicyDocument::new("{}"))), None);
        let used = User { tags: Tags::default(), ..invited(of("zoe")) };
        assert_eq!(open(&used), None);
    }

    #[test]
    fn the_longest_name_fits_a_users_quota() {
        assert!(of(&"x".repeat(64)).size() <= 2_048, "{}", of(&"x".repeat(64)).size());
    }
}
