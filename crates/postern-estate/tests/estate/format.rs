//! The canonical form: one order, one spacing, every comment and every meaning kept.

use postern_estate::format_estate;
use proptest::{prelude::*, sample::subsequence};

use crate::common::EXAMPLE;

/// What is written, and what becomes of it; the second must stay as it is.
fn check(written: &str, expected: &str) {
    let formatted = format_estate(written).unwrap();
    assert_eq!(formatted, expected, "\n{formatted}");
    assert_eq!(format_estate(&formatted).unwrap(), formatted);
}

#[test]
fn keys_and_sections_come_in_their_order_and_comments_with_them() {
    check(
        r#"# The estate of acme.
# Ask carol.

# where STS is called
region   = "eu-central-1"
name="acme" # the tag
version =  1
[people.bob]
roles = [ "*/readonly" ]
[ roles . readonly ]
policies = ["ReadOnlyAccess",]   # looks only
  # everywhere
  accounts = "*"


[bastion]  # sign-in
password_policy.minimum_length = 20
session="8h"
account="111111111111"

# Alice came first.
[people.alice]
roles=["*/readonly"]
[accounts.prod]
profile = "p"
id = "222222222222"
# Prod is all.

# The end.
"#,
        r#"# The estate of acme.
# Ask carol.

version = 1
name = "acme" # the tag
# where STS is called
region = "eu-central-1"

[bastion] # sign-in
account = "111111111111"
session = "8h"
password_policy.minimum_length = 20

[accounts.prod]
id = "222222222222"
profile = "p"
# Prod is all.

[roles.readonly]
# everywhere
accounts = "*"
policies = ["ReadOnlyAccess"] # looks only

[people.bob]
roles = ["*/readonly"]

# Alice came first.
[people.alice]
roles = ["*/readonly"]

# The end.
"#,
    );
}

#[test]
fn lists_stay_on_one_line_or_on_many() {
    check(
        r#"version = 1
[roles.a]
policies = [ "A" ,{file="x.json"} ]
accounts = [
  "dev", # first
    # then
  "prod" # last
]
[administrators]
also = [
{ arn = "arn:aws:iam::1:role/x", reason = "y" },
]
"#,
        r#"version = 1

[administrators]
also = [
    { arn = "arn:aws:iam::1:role/x", reason = "y" },
]

[roles.a]
accounts = [
    "dev", # first
    # then
    "prod", # last
]
policies = ["A", { file = "x.json" }]
"#,
    );
}

#[test]
fn repeated_tables_and_unknown_keys_stay_in_place() {
    check(
        "[[exceptions]]\nuntil = 2027-01-31\nrule = \"G10\"\n[[exceptions]]\nrule = \"T01\"\n[colours]\nx=1\n\
         [roles.a]\nshade = 1\nsession = \"1h\"\n[roles.a.tags]\nb = \"1\"\na = \"2\"\n",
        "[roles.a]\nsession = \"1h\"\nshade = 1\n[roles.a.tags]\nb = \"1\"\na = \"2\"\n\n\
         [[exceptions]]\nrule = \"G10\"\nuntil = 2027-01-31\n[[exceptions]]\nrule = \"T01\"\n\n[colours]\nx = 1\n",
    );
}

#[test]
fn what_is_no_toml_is_refused() {
    assert!(format_estate("version = ").unwrap_err().message.starts_with("not TOML: "));
    assert_eq!(format_estate("").unwrap(), "");
    assert_eq!(
        format_estate("\u{feff}version = 1\r\n# x\r\nname = \"a\"\r\n").unwrap(),
        "version = 1\n# x\nname = \"a\"\n"
    );
}

/// A file of pieces in any order, with comments and blanks thrown in anywhere between lines.
fn files() -> impl Strategy<Value = String> {
    let top = Just(vec!["version = 1", "name  =  \"acme\"", "region=\"eu-central-1\" # x"]).prop_shuffle();
    let sections = vec![
        "[bastion]\nsession = \"8h\"\naccount = \"111111111111\"",
        "[bastion.password_policy]\nmax_age_days = 90\nminimum_length = 20",
        "[accounts.dev]\nprofile = \"d\"\nid = \"333333333333\"",
        "[accounts.prod]\nid = \"222222222222\"",
        "[roles.a]\npolicies = [\n\"A\", # a\n\n# b\n{ file = \"x\" }\n]\naccounts = [ \"dev\" ]",
        "[roles.a.tags]\nb = \"1\"\na = \"2\"",
        "[roles]\nb.accounts = \"*\"\nb.policies = []",
        "[groups.g]\nroles = [\"*/a\",\"dev/a\" , ]",
        "[people.\"a b\"]\ngroups = []",
        "[people.alice]\nroles=[]\ngroups=[\"g\"]",
        "[tags]\nx = \"y\"",
        "[[exceptions]]\nuntil = 2027-01-31\nrule = \"G10\"",
        "[unknown]\nz = 1\ny = { b = 1, a = [1, 2] }",
    ];
    let count = sections.len();
    let sections = subsequence(sections, 0..=count).prop_shuffle();
    let noise = prop::collection::vec(
        prop::sample::select(vec!["", "", "", "# c1\n", "\n", "\n\n", "  # c2\n", "# c3\n\n# c4\n", "\t\n"]),
        60,
    );
    (top, sections, noise).prop_map(|(top, sections, noise)| {
        let mut noise = noise.into_iter();
        let mut text = String::new();
        for line in top.into_iter().chain(sections.iter().flat_map(|section| section.lines())) {
            text += noise.next().unwrap_or_default();
            text += line;
            text += "\n";
        }
        text + noise.next().unwrap_or_default()
    })
}

fn comments(text: &str) -> Vec<String> {
    let mut found: Vec<String> =
        text.lines().filter_map(|line| Some(line.split_once('#')?.1.trim().to_owned())).collect();
    found.sort();
    found
}

proptest! {
    #[test]
    fn meaning_and_comments_stay_and_a_second_time_changes_nothing(text in files()) {
        // Some orders of headings are no TOML; then there is nothing to lay out.
        let meaning = |text: &str| toml::from_str::<toml::Table>(text).ok();
        let before = meaning(&text);
        prop_assume!(before.is_some());
        let formatted = format_estate(&text);
        prop_assert!(formatted.is_ok(), "{:?}\n{}", formatted, text);
        let formatted = formatted.unwrap();
        prop_assert_eq!(meaning(&formatted), before);
        prop_assert_eq!(comments(&formatted), comments(&text), "{}", formatted);
        prop_assert_eq!(format_estate(&formatted).unwrap(), formatted);
    }

    #[test]
    fn no_mutilation_makes_it_panic(
        from in 0..EXAMPLE.len(), to in 0..EXAMPLE.len(), splice in "[\\[\\]{}=\",.a-z0-9\n*é# -]{0,12}",
    ) {
        let (from, to) = (from.min(to), from.max(to));
        if EXAMPLE.is_char_boundary(from) && EXAMPLE.is_char_boundary(to) {
            let text = format!("{}{splice}{}", &EXAMPLE[..from], &EXAMPLE[to..]);
            if let Ok(formatted) = format_estate(&text) {
                prop_assert_eq!(format_estate(&formatted).unwrap(), formatted);
            }
        }
    }
}
