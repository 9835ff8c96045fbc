//! First estate files: whatever they are made of, they are sound and laid out well.

use postern_estate::{Design, Draft, DraftAccount, DraftGroup, DraftPerson, DraftRole, format_estate};
use proptest::{collection::btree_set, prelude::*};

fn start() -> Draft {
    let bastion = ("111111111111".parse().unwrap(), Some("admin".to_owned()));
    Draft::starting("acme".parse().unwrap(), "eu-central-1".parse().unwrap(), bastion)
}

fn account(name: &str, id: &str, profile: Option<&str>) -> DraftAccount {
    DraftAccount { name: name.parse().unwrap(), id: id.parse().unwrap(), profile: profile.map(str::to_owned) }
}

#[test]
fn the_usual_estate_has_its_roles_and_people() {
    let mut draft = start();
    draft.accounts = vec![account("prod", "222222222222", None), account("dev", "333333333333", Some("d"))];
    draft.administrators = vec!["carol".parse().unwrap()];
    let draft = draft.with_usual_roles(vec!["alice".parse().unwrap(), "carol".parse().unwrap()]);
    let text = draft.text().unwrap();
    assert_eq!(format_estate(&text).unwrap(), text);
    let design = Design::parse(&text).unwrap();
    assert_eq!(design.roles_of(&"alice".parse().unwrap()).len(), 4);
    assert!(design.is_administrator(&"carol".parse().unwrap()));
    assert!(text.contains("via = \"OrganizationAccountAccessRole\""));
    // What stands in comments is good too, once its people are there.
    let uncommented: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.starts_with('[') || rest.contains(" = ") => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    Design::parse(&(uncommented + "[people.vault-one]\n[people.vault-two]\n")).unwrap();
}

#[test]
fn regions_bring_their_partition() {
    for (region, partition) in [("cn-north-1", "aws-cn"), ("us-gov-west-1", "aws-us-gov")] {
        let bastion = ("111111111111".parse().unwrap(), None);
        let mut draft = Draft::starting("acme".parse().unwrap(), region.parse().unwrap(), bastion);
        draft.accounts.push(account("prod", "222222222222", None));
        let text = draft.with_usual_roles(Vec::new()).text().unwrap();
        assert!(text.contains(&format!("partition = \"{partition}\"")), "{text}");
    }
}

#[test]
fn answers_that_do_not_fit_make_no_file() {
    let mut draft = start();
    draft.accounts = vec![account("prod", "111111111111", None)];
    let errors = draft.with_usual_roles(Vec::new()).text().unwrap_err();
    assert!(errors[0].message.contains("is `bastion` already"), "{errors:#?}");
}

proptest! {
    /// Names of every kind that IAM takes, and remarks of every kind that AWS may tell.
    #[test]
    fn every_draft_is_sound_and_canonical(
        people in btree_set("[a-z0-9_+=,.@-]{2,20}", 0..5),
        roles in btree_set("[a-z0-9_+=,.@-]{2,20}", 1..4),
        group in "g[a-z0-9_+=,.@-]{1,20}",
        remark in "\\PC{0,40}[\"\n\r#\\\\]{0,4}\\PC{0,10}",
    ) {
        let mut draft = start();
        draft.accounts = vec![account("a.b", "222222222222", None)];
        draft.left_out = vec![remark.clone(), remark.clone()];
        for name in &roles {
            draft.roles.push(DraftRole {
                name: name.parse().unwrap(),
                account: Some("a.b".parse().unwrap()),
                policies: vec!["ReadOnlyAccess".to_owned()],
                session: Some(postern_types::SessionDuration::from_seconds(7_200)),
                remarks: vec![remark.clone()],
            });
        }
        draft.groups.push(DraftGroup {
            name: group.parse().unwrap(),
            roles: roles.iter().map(|role| format!("a.b/{role}")).collect(),
            remarks: vec![remark.clone()],
        });
        for name in &people {
            draft.people.push(DraftPerson {
                name: name.parse().unwrap(),
                groups: vec![group.parse().unwrap()],
                roles: roles.iter().take(1).map(|role| format!("*/{role}")).collect(),
                remarks: vec![remark.clone()],
            });
        }
        let text = draft.text();
        prop_assert!(text.is_ok(), "{:?}", text);
        let text = text.unwrap();
        let design = Design::parse(&text).unwrap();
        prop_assert_eq!((design.people.len(), design.roles.len()), (people.len(), roles.len()));
        prop_assert_eq!(format_estate(&text).unwrap(), text);
    }
}
