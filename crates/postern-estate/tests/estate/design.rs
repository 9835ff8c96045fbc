//! Estate files, sound and broken.

use crate::common::EXAMPLE;
use postern_estate::{Design, DesignError, PolicySource, RoleAccounts};
use proptest::prelude::*;

/// The least that can stand in a file.
const LEAST: &str = r#"version = 1
name = "acme"
region = "eu-central-1"
[bastion]
account = "111111111111"
"#;

fn errors(text: &str) -> Vec<DesignError> {
    Design::parse(text).err().unwrap_or_default()
}

/// Every error: what its message begins with, and the text that it points at.
fn check(text: &str, expected: &[(&str, &str)]) {
    let errors = errors(text);
    let found: Vec<(&str, &str)> =
        errors.iter().map(|e| (e.message.as_str(), &text[e.span.start..e.span.end])).collect();
    assert_eq!(found.len(), expected.len(), "{found:#?}");
    for ((message, at), (wanted, wanted_at)) in found.iter().zip(expected) {
        assert!(message.starts_with(wanted), "`{message}` does not begin with `{wanted}`");
        assert_eq!(at, wanted_at, "{message}");
    }
}

/// As [`check`], for one piece of text behind the least that can stand in a file.
fn piece(piece: &str, expected: &[(&str, &str)]) {
    check(&format!("{LEAST}{piece}"), expected);
}

#[test]
fn the_example_is_read_whole() {
    let design = Design::parse(EXAMPLE).unwrap();
    assert_eq!(design.name.value.as_str(), "acme");
    assert_eq!(design.bastion.session.to_string(), "12h");
    assert_eq!(design.accounts.len(), 2);
    let developer = &design.roles[&"developer".parse().unwrap()];
    assert!(matches!(&developer.accounts, RoleAccounts::Named(names) if names.len() == 2));
    assert!(matches!(&developer.policies[0].value, PolicySource::Managed(arn)
        if arn.as_str() == "arn:aws:iam::aws:policy/PowerUserAccess"));
    assert_eq!(design.roles[&"readonly".parse().unwrap()].accounts, RoleAccounts::All);
    assert_eq!(design.administrators.also[0].reason, "made by AWS Organizations");
    assert!(Design::parse(LEAST).is_ok());
    assert!(Design::parse(&format!("\u{feff}{LEAST}")).is_ok());
}

#[test]
fn all_errors_come_at_once_with_their_places() {
    let text = r#"version = 1
name = "acme"
region = "eu-central-1"
colour = "blue"
[bastion]
acount = "111111111111"
session = "40h"
[accounts.dev]
id = 333333333333
[accounts.prod]
id = "22222"
[roles.developer]
accounts = ["dev", "production"]
policies = ["PowerUserAccess"]
session = "20m"
[groups.developers]
roles = ["*/develper"]
[people.alice]
groups = ["developer"]
[people.alice]
groups = []
[administrators]
people = ["carol"]
[third_parties.auditor]
account = "999999999999"
roles = ["dev/developer"]
"#;
    check(
        text,
        &[
            ("unknown key `colour`", "colour"),
            ("missing key `account` in `[bastion]`", "bastion"),
            ("unknown key `acount` in `[bastion]`", "acount"),
            ("`session` is 40h, which is outside 15m to 36h", "\"40h\""),
            ("`id` must be a string, not an integer", "333333333333"),
            ("account id: `22222` is not 12 digits", "\"22222\""),
            ("unknown account `production`", "\"production\""),
            ("`session` is 20m, which is outside 1h to 12h", "\"20m\""),
            ("unknown role `develper`", "\"*/develper\""),
            ("unknown group `developer`", "\"developer\""),
            ("`alice` stands here a second time", "alice"),
            ("unknown person `carol`", "\"carol\""),
            ("missing key `external_id` in `[third_parties.auditor]`", "auditor"),
        ],
    );
    let help = |at: usize| errors(text)[at].help.clone().unwrap_or_default();
    assert_eq!(help(2), "did you mean `account`?");
    assert_eq!(help(8), "did you mean `developer`?");
    assert_eq!(help(9), "did you mean `developers`?");
}

#[test]
fn files_that_cannot_be_read_at_all_say_so() {
    check("", &[("the estate file is empty", "")]);
    check(" \n\t\n", &[("the estate file is empty", "")]);
    check(
        "# only a comment\n",
        &[
            ("missing key `name`", ""),
            ("missing key `region`", ""),
            ("missing key `version`", ""),
            ("missing section `[bastion]`", ""),
        ],
    );
    check("version = 2\nfoo = 1", &[("version 2 of the estate file is not known", "2")]);
    check(
        "version = 1\nname = \"acme\nregion",
        &[("not TOML: invalid basic string", ""), ("not TOML: ", "")],
    );
    let error = &Design::parse_bytes(b"version = 1\nname = \"\xff\"").unwrap_err()[0];
    assert_eq!((error.message.as_str(), error.span.start), ("the estate file is not UTF-8", 20));
}

#[test]
fn values_of_the_wrong_type_are_named() {
    piece("[accounts]\ndev = 3\n", &[("`dev` must be a table, not an integer", "3")]);
    piece(
        "[roles.a]\naccounts = 1\npolicies = \"x\"\n",
        &[("`accounts` cannot be an integer", "1"), ("`policies` must be a list, not a string", "\"x\"")],
    );
    piece(
        "[groups.a]\nroles = [1, true]\n",
        &[
            ("each of `roles` must be a string, not an integer", "1"),
            ("each of `roles` must be a string, not a boolean", "true"),
        ],
    );
    piece("[people]\nalice = []\n", &[("`alice` must be a table, not a list", "[]")]);
    check(&LEAST.replace("1\n", "\"1\"\n"), &[("`version` must be an integer, not a string", "\"1\"")]);
    check(
        &format!("{LEAST}source_identity = \"yes\"\n"),
        &[("`source_identity` must be true or false, not a string", "\"yes\"")],
    );
    check(
        &format!("{LEAST}[bastion.password_policy]\nminimum_length = 5\nmax_age_days = 99999999\n"),
        &[("`minimum_length` must be 6 to 128", "5"), ("`max_age_days` must be 1 to 1095", "99999999")],
    );
}

#[test]
fn keys_of_later_versions_are_refused() {
    piece("[machines.ci]\n", &[("`machines` is not supported yet", "machines")]);
}

#[test]
fn break_glass_takes_two_whom_the_file_knows() {
    piece(
        "[break_glass]\n",
        &[
            ("missing key `accounts` in `[break_glass]`", "break_glass"),
            ("missing key `people` in `[break_glass]`", "break_glass"),
        ],
    );
    piece(
        "[break_glass]\npeople = [\"alice\"]\naccounts = [\"bastion\", \"dev\"]\n[people.alice]\n",
        &[("one person only in `[break_glass]`", "[\"alice\"]"), ("unknown account `dev`", "\"dev\"")],
    );
    piece(
        "[break_glass]\npeople = [\"alice\", \"alice\", \"bob\"]\naccounts = \"*\"\n[people.alice]\n",
        &[("the person `alice` stands here twice", "\"alice\""), ("unknown person `bob`", "\"bob\"")],
    );
    piece("[break_glass]\npeople = []\naccounts = \"*\"\n", &[("nobody in `[break_glass]`", "[]")]);
}

#[test]
fn addresses_tags_and_regions_are_judged_where_they_stand() {
    check(
        &format!("{LEAST}source_ip = [\"10.0.0.1/8\", \"0.0.0.0/0\", \"x\"]\n"),
        &[
            (
                "address: `10.0.0.1/8` is an address inside of a block; the block is `10.0.0.0/8`",
                "\"10.0.0.1/8\"",
            ),
            ("address: `0.0.0.0/0` takes every address", "\"0.0.0.0/0\""),
            ("address: `x` is no address", "\"x\""),
        ],
    );
    check(&format!("{LEAST}source_ip = []\n"), &[("no address in `[bastion]`", "[]")]);
    check(
        &format!("{LEAST}source_ip = [\"::1\", \"::1/128\"]\n"),
        &[("the address `::1/128` stands here twice", "\"::1/128\"")],
    );
    piece(
        "[people.eve]\ntags = { \"aws:x\" = \"y\", b = 1 }\n",
        &[
            ("the tag `aws:x` cannot be set", "\"aws:x\""),
            ("the tag `b` must be a string, not an integer", "1"),
        ],
    );
    check(
        &LEAST.replace("eu-central-1", "cn-north-1"),
        &[("the region `cn-north-1` is not of the partition `aws`", "\"cn-north-1\"")],
    );
    let china =
        LEAST.replace("eu-central-1", "cn-north-1").replace("name =", "partition = \"aws-cn\"\nname =");
    check(&china, &[]);
}

#[test]
fn a_source_identity_that_nobody_may_set_cannot_be_demanded() {
    piece(
        "[roles.a]\naccounts = \"*\"\npolicies = []\nsource_identity = true\n",
        &[("the role `a` demands a source identity, and people may not set one", "true")],
    );
}

#[test]
fn exceptions_have_a_rule_a_reason_and_an_end() {
    piece(
        "[[exceptions]]\n",
        &[
            ("missing key `principal` in `[exceptions]`", "[[exceptions]]"),
            ("missing key `reason` in `[exceptions]`", "[[exceptions]]"),
            ("missing key `rule` in `[exceptions]`", "[[exceptions]]"),
            ("missing key `until` in `[exceptions]`", "[[exceptions]]"),
        ],
    );
    let one = |rule: &str, until: &str| {
        format!(
            "[[exceptions]]\nrule = \"{rule}\"\nprincipal = \"arn:aws:iam::222222222222:root\"\nreason = \"x\"\nuntil = {until}\n"
        )
    };
    piece(&one("G1", "2027-01-31"), &[("`G1` is not a rule's id", "\"G1\"")]);
    piece(&one("G10", "\"2027-02-30\""), &[("`2027-02-30` is not a day of the calendar", "\"2027-02-30\"")]);
    piece(
        &one("G10", "2027-01-31T10:00:00Z"),
        &[("`until` must be a day, not a date", "2027-01-31T10:00:00Z")],
    );
    piece(&one("G10", "7"), &[("`until` must be a day, not an integer", "7")]);
    piece(
        &(one("G10", "2027-01-31") + &one("G10", "2027-01-30")),
        &[("`arn:aws:iam::222222222222:root` is excepted from G10 twice", "\"G10\"")],
    );
}

#[test]
fn one_part_must_fit_the_other() {
    const DEV: &str = "[accounts.dev]\nid = \"333333333333\"\n[accounts.prod]\nid = \"222222222222\"\n\
        [roles.developer]\naccounts = [\"dev\"]\npolicies = [\"PowerUserAccess\"]\n";
    let cases: &[(&str, &[(&str, &str)])] = &[
        (
            "[groups.a]\nroles = [\"prod/developer\"]\n",
            &[("`prod/developer` matches no role", "\"prod/developer\"")],
        ),
        (
            "[groups.a]\nroles = [\"developer\"]\n",
            &[("role: `developer` is not `account/role`", "\"developer\"")],
        ),
        ("[groups.a]\nroles = [\"qa/developer\"]\n", &[("unknown account `qa`", "\"qa/developer\"")]),
        ("[people.bob]\nroles = [\"prod/*\"]\n", &[("`prod/*` matches no role", "\"prod/*\"")]),
        (
            "[accounts.again]\nid = \"333333333333\"\n",
            &[("account 333333333333 is `dev` already", "\"333333333333\"")],
        ),
        (
            "[accounts.again]\nid = \"111111111111\"\n",
            &[("account 111111111111 is `bastion` already", "\"111111111111\"")],
        ),
        (
            "[accounts.bastion]\nid = \"444444444444\"\n",
            &[("an account cannot be named `bastion`", "bastion")],
        ),
        (
            "[people.Bob]\n[people.bob]\n",
            &[("the person `bob` and the person `Bob` differ only in case", "bob")],
        ),
        (
            "[groups.Administrators]\nroles = []\n",
            &[("a group cannot be named `Administrators`", "Administrators")],
        ),
        (
            "[groups.self-service]\nroles = []\n",
            &[("a group cannot be named `self-service`", "self-service")],
        ),
        ("[groups.Break-Glass]\nroles = []\n", &[("a group cannot be named `Break-Glass`", "Break-Glass")]),
        (
            "[roles.postern-break-glass]\naccounts = \"*\"\npolicies = []\n",
            &[("a role cannot be named `postern-break-glass`", "postern-break-glass")],
        ),
        ("[groups.person-bob]\nroles = []\n", &[("a group cannot be named `person-bob`", "person-bob")]),
        (
            "[roles.Postern-Admin]\naccounts = \"*\"\npolicies = []\n",
            &[("a role cannot be named `Postern-Admin`", "Postern-Admin")],
        ),
        ("[people.\"a b\"]\n", &[("user name: `a b` holds ` `", "\"a b\"")]),
        (
            "[people.bob]\ngroups = [\"x\", \"x\"]\n[groups.x]\nroles = []\n",
            &[("the group `x` stands here twice", "\"x\"")],
        ),
        (
            "[third_parties.x]\naccount = \"222222222222\"\nexternal_id = \"abc\"\nroles = [\"dev/developer\"]\n",
            &[("account 222222222222 is part of this estate", "\"222222222222\"")],
        ),
        ("[roles.a]\naccounts = []\npolicies = []\n", &[("no account in `[roles.a]`", "[]")]),
        (
            "[roles.a]\naccounts = \"*\"\npolicies = []\nboundary = \"none\"\n",
            &[("`boundary = \"none\"` without a reason", "\"none\"")],
        ),
        (
            "[roles.a]\naccounts = \"*\"\npolicies = []\nreason = \"because\"\n",
            &[("`reason` without `boundary`", "\"because\"")],
        ),
        (
            "[roles.a]\naccounts = \"*\"\npolicies = [\"arn:aws:iam::333333333333:policy/x\"]\n",
            &[(
                "the policy is one of account 333333333333, and the role `a` is made in `prod`",
                "\"arn:aws:iam::333333333333:policy/x\"",
            )],
        ),
        (
            "[roles.a]\naccounts = \"*\"\npolicies = []\n\
          may_assume = [\"arn:aws:iam::222222222222:role/postern/developer\"]\n",
            &[(
                "`arn:aws:iam::222222222222:role/postern/developer` is a role of this estate",
                "\"arn:aws:iam::222222222222:role/postern/developer\"",
            )],
        ),
        (
            "[roles.a]\naccounts = \"*\"\npolicies = []\ntags = { \"postern:managed\" = \"x\" }\n",
            &[("the tag `postern:managed` cannot be set", "\"postern:managed\"")],
        ),
    ];
    for (text, expected) in cases {
        piece(&format!("{DEV}{text}"), expected);
    }
}

#[test]
fn an_error_in_one_place_is_not_blamed_on_another() {
    // `prod/developer` would match, were the account's id right.
    piece(
        "[accounts.prod]\nid = \"2\"\n[roles.developer]\naccounts = \"*\"\npolicies = []\n\
         [groups.a]\nroles = [\"prod/developer\"]\n[people.alice]\ngroups = [\"a\"]\n",
        &[("account id: `2` is not 12 digits", "\"2\"")],
    );
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in "\\PC*") {
        let _ = Design::parse(&text);
    }

    /// Cuts and splices of a sound file come nearer to the code than noise does.
    #[test]
    fn no_mutilation_makes_it_panic_and_spans_stay_inside(
        from in 0..EXAMPLE.len(), to in 0..EXAMPLE.len(), splice in "[\\[\\]{}=\",.a-z0-9\n*é-]{0,12}",
    ) {
        let (from, to) = (from.min(to), from.max(to));
        if EXAMPLE.is_char_boundary(from) && EXAMPLE.is_char_boundary(to) {
            let text = format!("{}{splice}{}", &EXAMPLE[..from], &EXAMPLE[to..]);
            if let Err(errors) = Design::parse(&text) {
                prop_assert!(!errors.is_empty());
                for error in errors {
                    prop_assert!(text.get(error.span.start..error.span.end).is_some(), "{error:?}");
                }
            }
        }
    }
}
