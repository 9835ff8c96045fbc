use proptest::{collection::btree_map, prelude::*, sample::select};

use super::*;
use crate::line_column;

const WHOLE: &str = r#"
version = 1
account = "222222222222"
read_at = "2026-11-22T10:00:00Z"
watch = "30d"

# Has a password.
[users.alice]
kind = "person"
person = "alice.smith"
roles = ["prod/developer", "*/readonly"]

[users.root-like]
kind = "person"
person = "carol"
administrator = true

[users.ci-deploy]
kind = "machine"
better = "github-oidc"

[users.old]
kind = "unused"
[users."a@b.c"]
kind = "keep"
"#;

#[test]
fn every_kind_is_read() {
    let migration = Migration::parse(WHOLE).unwrap();
    assert_eq!(migration.account.to_string(), "222222222222");
    assert_eq!(migration.watch, SignedDuration::from_hours(720));
    let kinds: Vec<(&str, &str)> =
        migration.users.iter().map(|(name, entry)| (name.as_str(), entry.kind.as_str())).collect();
    let expected =
        [("a@b.c", KEEP), ("alice", PERSON), ("ci-deploy", MACHINE), ("old", UNUSED), ("root-like", PERSON)];
    assert_eq!(kinds, expected);
    let carol = migration.users.values().find(|entry| entry.person().is_some_and(|p| p.as_str() == "carol"));
    assert!(
        matches!(carol.unwrap().kind, Kind::Person { administrator: true, ref roles, .. } if roles.is_empty())
    );
}

#[test]
fn two_weeks_are_watched_unless_said() {
    let migration = Migration::parse(&WHOLE.replace("watch = \"30d\"", "")).unwrap();
    assert_eq!(migration.watch, Migration::WATCH);
}

#[test]
fn all_mistakes_are_told_with_their_lines() {
    let text = r#"version = 1
account = "22"
read_at = "yesterday"
watch = "2w"
wacht = 1
[users.a]
kind = "persn"
roles = ["developer"]
[users.b]
kind = "machine"
better = "github"
person = "b"
[users.B]
kind = "person"
[users.c]
kind = "unused"
roles = []
[users."d d"]
better = "other"
"#;
    let errors = Migration::parse(text).unwrap_err();
    let told: Vec<String> = errors
        .iter()
        .map(|e| {
            format!(
                "{} {} | {}",
                line_column(text, e.span.start).0,
                e.message,
                e.help.as_deref().unwrap_or("")
            )
        })
        .collect();
    insta::assert_snapshot!(told.join("\n"));
}

#[test]
fn other_files_are_refused() {
    for (text, part) in [
        ("", "is empty"),
        ("version = 2", "version 2 of the migration file is not known"),
        ("name = \"acme\"\nversion = 1", "unknown key `name`"),
        ("version = 1\nversion = 1", "stands here a second time"),
        ("[users", "not TOML"),
        ("users = 7\nversion = 1", "`users` must be a table"),
    ] {
        let errors = Migration::parse(text).unwrap_err();
        assert!(errors.iter().any(|e| e.message.contains(part)), "{text}: {errors:?}");
    }
    assert!(Migration::parse_bytes(b"version = 1\n# \xff").unwrap_err()[0].message.contains("not UTF-8"));
}

#[test]
fn a_watch_has_its_bounds() {
    for (text, fits) in [
        ("1h", true),
        ("400d", true),
        ("36h", true),
        ("0d", false),
        ("0h", false),
        ("401d", false),
        ("65536d", false),
        ("+3d", false),
        ("d", false),
        ("14", false),
    ] {
        let read = Migration::parse(&WHOLE.replace("30d", text));
        assert_eq!(read.is_ok(), fits, "{text}");
        if let Ok(read) = read {
            assert_eq!(Migration::parse(&read.text()).unwrap().watch, read.watch);
        }
    }
}

fn user_names() -> impl Strategy<Value = String> {
    "[a-z0-9_+=,.@-]{1,12}"
}

fn kinds() -> impl Strategy<Value = Kind> {
    let role = prop_oneof![Just("*/*".to_owned()), "[a-z]{1,5}/[a-z+=,.@-]{1,8}", "[*]/[a-z]{1,8}"];
    let roles = prop::collection::vec(role.prop_map(|role| role.parse().unwrap()), 0..4);
    prop_oneof![
        (user_names(), any::<bool>(), roles).prop_map(|(person, administrator, roles)| Kind::Person {
            person: person.parse().unwrap(),
            administrator,
            roles
        }),
        select(&Better::ALL[..]).prop_map(|better| Kind::Machine { better }),
        Just(Kind::Unused),
        Just(Kind::Keep),
    ]
}

proptest! {
    /// What is written is read again, whatever stands in the remarks.
    #[test]
    fn files_round_trip(
        users in btree_map(user_names(), (kinds(), prop::collection::vec("\\PC{0,60}[\"\n\r#\\]\\[]{0,4}\\PC{0,200}", 0..3)), 0..6),
        second in 0_i64..4_000_000_000,
        hours in 1_i64..9_600,
    ) {
        let migration = Migration {
            account: "222222222222".parse().unwrap(),
            read_at: Timestamp::from_second(second).unwrap(),
            watch: SignedDuration::from_hours(hours),
            users: users
                .into_iter()
                .map(|(name, (kind, remarks))| (name.parse().unwrap(), Entry { kind, remarks }))
                .collect(),
        };
        let mut expected = migration.clone();
        expected.users.values_mut().for_each(|entry| entry.remarks.clear());
        prop_assert_eq!(Migration::parse(&migration.text()), Ok(expected.clone()));
        // Users that came later are added at the end of what stands there.
        let mut earlier = migration.clone();
        let mut odd = false;
        earlier.users.retain(|_, _| { odd = !odd; odd });
        let added = format!("{}{}", earlier.text(), migration.addition_to(&earlier));
        prop_assert_eq!(Migration::parse(&added), Ok(expected));
        prop_assert!(earlier.addition_to(&migration).is_empty());
    }

    /// Whatever is done to a file, it is read or refused at places that it has.
    #[test]
    fn damaged_files_are_refused_at_their_places(at in 0_usize..600, cut in 0_usize..20, put in "\\PC{0,8}") {
        let start = WHOLE.floor_char_boundary(at);
        let end = WHOLE.floor_char_boundary(at + cut);
        let text = format!("{}{put}{}", &WHOLE[..start], &WHOLE[end..]);
        if let Err(errors) = Migration::parse(&text) {
            prop_assert!(!errors.is_empty());
            for error in errors {
                prop_assert!(text.get(error.span.start..error.span.end).is_some(), "{:?}", error);
            }
        }
    }
}
