//! What is found, how it is shown, and how the command ends.

use crate::world::{World, code, said};

pub(crate) const CLEAN: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [{ "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::reports/*" }]
}
"#;

/// One finding, of low severity.
pub(crate) const LOW: &str = r#"{
  "Version": "2008-10-17",
  "Statement": {
    "Effect": "Allow",
    "Principal": { "AWS": "arn:aws:iam::111111111111:role/reader" },
    "Action": "s3:GetObject",
    "Resource": "arn:aws:s3:::reports/*"
  }
}
"#;

/// One finding, of high severity.
pub(crate) const HIGH: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Sid": "Read reports",
      "Effect": "Allow",
      "Action": "s3:GetObject",
      "Resource": "arn:aws:s3:::reports/*"
    }
  ]
}
"#;

const BROKEN: &str = r#"{
  "Version": "2012-10-17",
  "Statement": [
    { "Efect": "Allow", "Action": "s3:*", "Resource": "*" },
    { "Effect": "allow", "Action": ["s3:*"], "Action": "*", "Resource": "*" }
  ]
}
"#;

#[test]
fn every_finding_of_every_file_comes_at_once_with_its_line() {
    let world = World::new(&[("high.json", HIGH), ("low.json", LOW), ("broken.json", BROKEN)]);
    let output = world.run(&["check", "high.json", "broken.json", "missing.json", "low.json"]);
    insta::assert_snapshot!(said(&output));
}

#[test]
fn nothing_found_is_said_with_the_type_that_was_checked() {
    let world = World::new(&[("policy.json", CLEAN)]);
    insta::assert_snapshot!(said(&world.run(&["check", "policy.json"])));
}

#[test]
fn quiet_shows_the_findings_and_nothing_else() {
    let world = World::new(&[("clean.json", CLEAN), ("high.json", HIGH)]);
    let output = world.run(&["check", "--quiet", "clean.json"]);
    assert_eq!(said(&output), "exit 0\n--- stdout\n--- stderr\n");
    let loud = world.run(&["check", "high.json", "missing.json"]);
    let quiet = world.run(&["check", "-q", "high.json", "missing.json"]);
    let (loud, quiet) = (said(&loud), said(&quiet));
    let sum = loud.find("1 finding in 1 policy").unwrap();
    let end = loud.find("--- stderr").unwrap();
    assert_eq!(quiet, format!("{}{}", &loud[..sum], &loud[end..]));
    assert!(quiet.contains("high[P04]") && quiet.contains("missing.json"), "{quiet}");
}

#[test]
fn lines_end_where_the_terminal_does() {
    let minified: String = HIGH.lines().map(str::trim).collect();
    let many = vec![r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::reports/*"}"#; 40];
    let many = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, many.join(","));
    let world = World::new(&[("minified.json", &minified), ("many.json", &many)]);
    for columns in ["60", "80", "100"] {
        for file in ["minified.json", "many.json"] {
            let output = world.run_with(&["check", file], "", &[("COLUMNS", columns)]);
            let shown = String::from_utf8(output.stdout).unwrap();
            let width: usize = columns.parse().unwrap();
            for line in shown.lines() {
                assert!(line.chars().count() <= width, "{columns}: {line}\n{shown}");
            }
            // The underlined text is what the finding is about.
            let lines: Vec<&str> = shown.lines().collect();
            let at = lines.iter().rposition(|line| line.contains('^')).unwrap();
            let under = |(_, mark): &(char, char)| *mark == '^';
            let marked: String =
                lines[at - 1].chars().zip(lines[at].chars()).filter(under).map(|(c, _)| c).collect();
            if file == "minified.json" {
                assert_eq!(marked, "\"Read reports\"", "{shown}");
            } else {
                assert!(marked.starts_with("{\"Effect\":\"Allow\""), "{shown}");
            }
        }
    }
}

#[test]
fn severities_are_awss_words_and_coloured_only_where_wanted() {
    let world = World::new(&[("high.json", HIGH), ("broken.json", BROKEN)]);
    let first = |arguments: &[&str]| {
        String::from_utf8(world.run(arguments).stdout).unwrap().lines().next().unwrap().to_owned()
    };
    assert!(first(&["check", "high.json"]).starts_with("high[P04]: "));
    assert!(first(&["check", "broken.json"]).starts_with("error[P01]: "));
    let coloured = first(&["check", "--color", "always", "high.json"]);
    assert!(coloured.starts_with("\u{1b}[") && coloured.contains("high[P04]"), "{coloured}");
    let json = world.json(&["check", "--rules", "--format", "json"]);
    for rule in json["rules"].as_array().unwrap() {
        assert!(["critical", "high", "medium", "low", "info"].contains(&rule["severity"].as_str().unwrap()));
    }
    // In the table they stand below each other.
    let table = String::from_utf8(world.run(&["check", "--rules"]).stdout).unwrap();
    let columns = |line: &str| line.find(' ').map(|at| at + line[at..].len() - line[at..].trim_start().len());
    let mut starts: Vec<_> = table.lines().map(columns).collect();
    starts.dedup();
    assert_eq!(starts.len(), 1, "{table}");
}

#[test]
fn the_exit_code_follows_fail_on() {
    let world = World::new(&[("clean.json", CLEAN), ("low.json", LOW), ("high.json", HIGH)]);
    for (file, fail_on, expected) in [
        ("clean.json", Some("info"), 0),
        ("low.json", None, 0),
        ("low.json", Some("info"), 1),
        ("low.json", Some("low"), 1),
        ("low.json", Some("medium"), 0),
        ("high.json", None, 1),
        ("high.json", Some("high"), 1),
        ("high.json", Some("critical"), 0),
        ("high.json", Some("none"), 0),
    ] {
        let mut arguments = vec!["check", file];
        arguments.extend(fail_on.map(|severity| ["--fail-on", severity]).into_iter().flatten());
        let output = world.run(&arguments);
        assert_eq!(code(&output), expected, "{file} {fail_on:?}\n{}", said(&output));
    }
}

#[test]
fn a_file_that_is_no_policy_is_a_bad_file_whatever_fails() {
    for text in [BROKEN, "{", "[]", "7", "\"text\"", "{}", "[[]]"] {
        let world = World::new(&[("policy.json", text)]);
        for format in ["text", "json", "sarif"] {
            let output = world.run(&["check", "policy.json", "--fail-on", "none", "--format", format]);
            assert_eq!(code(&output), 2, "{text} {format}\n{}", said(&output));
        }
    }
}

#[test]
fn the_type_is_given_told_by_the_file_or_inferred() {
    let role = format!(r#"{{"Role": {{"AssumeRolePolicyDocument": {LOW}}}}}"#);
    let world = World::new(&[("policy.json", CLEAN), ("role.json", &role)]);
    for (arguments, kind, from) in [
        (&["check", "--format", "json", "policy.json"][..], "identity", "inferred"),
        (&["check", "--format", "json", "policy.json", "--type", "scp"], "scp", "given"),
        (&["check", "--format", "json", "role.json"], "trust", "file"),
        (&["check", "--format", "json", "role.json", "--type", "resource"], "resource", "given"),
    ] {
        let json = world.json(arguments);
        assert_eq!(
            (&json["policies"][0]["type"], &json["policies"][0]["type_from"]),
            (&kind.into(), &from.into())
        );
    }
    let output = world.run(&["check", "policy.json", "--type", "group"]);
    assert_eq!(code(&output), 2);
    assert!(
        said(&output).contains("identity, trust, resource, boundary, session, scp, rcp"),
        "{}",
        said(&output)
    );
}

#[test]
fn json_has_the_shape_that_others_build_on() {
    let world = World::new(&[("high.json", HIGH), ("low.json", LOW), ("broken.json", BROKEN)]);
    let output = world.run(&["check", "--format", "json", "high.json", "broken.json", "missing.json"]);
    insta::assert_snapshot!(said(&output));
}

#[test]
fn places_are_counted_in_characters_also_behind_wide_ones() {
    let text = CLEAN.replace("\"Effect\"", "\"Sid\": \"\u{1d11e} ä\", \"Effect\"");
    let sid = "\"\u{1d11e} ä\"";
    let world = World::new(&[("policy.json", &text)]);
    let json = world.json(&["check", "--format", "json", "policy.json"]);
    let evidence = &json["findings"][0]["evidence"];
    let number = |name: &str| usize::try_from(evidence[name].as_u64().unwrap()).unwrap();
    let line: Vec<char> = text.lines().nth(number("line") - 1).unwrap().chars().collect();
    let found: String = line[number("column") - 1..number("end_column") - 1].iter().collect();
    assert_eq!((found.as_str(), &evidence["json_pointer"]), (sid, &"/Statement/0/Sid".into()));
    assert_eq!(evidence["sid"], "\u{1d11e} ä");
}

#[test]
fn fingerprints_stay_when_lines_move_and_differ_otherwise() {
    let world = World::new(&[("a.json", HIGH)]);
    let fingerprint = |world: &World, name: &str| {
        let json = world.json(&["check", "--format", "json", name]);
        json["findings"][0]["fingerprint"].as_str().unwrap().to_owned()
    };
    let before = fingerprint(&world, "a.json");
    world.write("a.json", format!("\n\n{}", HIGH.replace("  ", "\t")));
    assert_eq!(fingerprint(&world, "a.json"), before);
    world.write("b.json", HIGH);
    assert_ne!(fingerprint(&world, "b.json"), before);
    // The same mistake twice in one file is two findings.
    let twice = HIGH.replace("    }\n  ]", "    },\n    { \"Sid\": \"Read reports\", \"Effect\": \"Deny\", \"Action\": \"s3:PutObject\", \"Resource\": \"*\" }\n  ]");
    world.write("a.json", twice);
    let json = world.json(&["check", "--format", "json", "a.json"]);
    let findings = json["findings"].as_array().unwrap();
    let mut prints: Vec<&str> = findings.iter().map(|f| f["fingerprint"].as_str().unwrap()).collect();
    prints.sort_unstable();
    prints.dedup();
    assert_eq!(prints.len(), findings.len());
}

#[test]
fn colour_is_for_terminals_and_for_who_asks() {
    let world = World::new(&[("policy.json", HIGH)]);
    let coloured = |arguments: &[&str], variables: &[(&str, &str)]| {
        let output = world.run_with(arguments, "", variables);
        output.stdout.contains(&0x1b)
    };
    assert!(!coloured(&["check", "policy.json"], &[("TERM", "xterm")]));
    assert!(coloured(&["check", "policy.json", "--color", "always"], &[]));
    assert!(!coloured(&["check", "policy.json"], &[("TERM", "xterm"), ("NO_COLOR", "1")]));
    assert!(!coloured(&["check", "policy.json", "--color", "never"], &[("CLICOLOR_FORCE", "1")]));
}

#[test]
fn rules_are_listed_and_explained() {
    let world = World::new(&[]);
    insta::assert_snapshot!(said(&world.run(&["check", "--explain", "p1"])));
    insta::assert_snapshot!(said(&world.run(&["check", "--explain", "PO1"])));
    let rules = world.json(&["check", "--rules", "--format", "json"]);
    let table = String::from_utf8(world.run(&["check", "--rules"]).stdout).unwrap();
    let rules = rules["rules"].as_array().unwrap();
    assert_eq!(table.lines().count(), rules.len() + 1);
    for rule in rules {
        let id = rule["id"].as_str().unwrap();
        assert!(table.contains(&format!("\n{id} ")), "{table}");
        let output = world.run(&["check", "--explain", id]);
        assert!(
            code(&output) == 0 && said(&output).contains(rule["title"].as_str().unwrap()),
            "{}",
            said(&output)
        );
    }
}
