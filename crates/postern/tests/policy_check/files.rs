//! Where policies come from: files, directories, standard input, what stands around them.

use std::time::{Duration, Instant};

use crate::{
    check::{CLEAN, HIGH},
    world::{World, code, said},
};

#[test]
fn what_cannot_be_read_is_said_for_each() {
    let world = World::new(&[("empty.json", " \n"), ("none/readme.md", "text"), ("list.json", "[]")]);
    world.write("latin.json", b"{\n  \"Id\": \"caf\xe9\"}");
    let output = world.run(&["check", "missing.json", "empty.json", "none", "latin.json", "list.json"]);
    insta::assert_snapshot!(said(&output));
}

#[test]
fn standard_input_is_read_once() {
    let world = World::new(&[]);
    let output = world.run_with(&["check", "-"], HIGH, &[]);
    assert!(code(&output) == 1 && said(&output).contains("<stdin>:5:14"), "{}", said(&output));
    assert_eq!(code(&world.run_with(&["check", "-", "-"], CLEAN, &[])), 2);
    assert_eq!(code(&world.run(&["check"])), 2);
}

#[test]
fn directories_are_searched_and_other_json_passed_over() {
    let world = World::new(&[
        ("p/b.json", HIGH),
        ("p/a/deep.json", HIGH),
        ("p/clean.json", CLEAN),
        ("p/package.json", r#"{"name": "x", "version": "1"}"#),
        ("p/list.json", "[1, 2]"),
        ("p/.hidden/c.json", HIGH),
        ("p/notes.txt", HIGH),
    ]);
    std::os::unix::fs::symlink(world.path("p"), world.path("p/loop")).unwrap();
    let json = world.json(&["check", "--format", "json", "p"]);
    let documents = |list: &str| -> Vec<String> {
        let list = json[list].as_array().unwrap().iter();
        let name = |one: &serde_json::Value| one.get("document").or(one["evidence"].get("document")).cloned();
        list.map(|one| name(one).unwrap().as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(documents("policies"), ["p/a/deep.json", "p/b.json", "p/clean.json"]);
    assert_eq!(documents("findings"), ["p/a/deep.json", "p/b.json"]);
    let output = world.run(&["check", "p"]);
    assert!(said(&output).contains("2 files without a policy passed over"), "{}", said(&output));
    // Named itself, the same file is a bad one.
    assert_eq!(code(&world.run(&["check", "p/package.json"])), 2);
    // Broken JSON is not passed over: nobody knows what it was meant to be.
    world.write("p/broken.json", "{");
    assert_eq!(code(&world.run(&["check", "p", "--fail-on", "none"])), 2);
}

#[test]
fn findings_stand_where_they_stand_in_the_answers_of_aws() {
    let escaped = serde_json::to_string(HIGH).unwrap();
    let scp = format!(
        r#"{{"Policy": {{"PolicySummary": {{"Type": "SERVICE_CONTROL_POLICY"}}, "Content": {escaped}}}}}"#
    );
    let details = format!(
        r#"{{"UserDetailList": [{{"UserName": "a"}},
             {{"UserName": "b", "UserPolicyList": [{{"PolicyName": "x", "PolicyDocument": {HIGH}}}]}}],
            "Policies": [{{"PolicyVersionList": [{{"IsDefaultVersion": false, "Document": {HIGH}}},
                                                 {{"IsDefaultVersion": true, "Document": {CLEAN}}}]}}]}}"#
    );
    let world = World::new(&[("scp.json", &scp), ("details.json", &details)]);
    for (file, text, within, needle) in [
        ("scp.json", &scp, "/Policy/Content", r#"\"Read reports\""#),
        ("details.json", &details, "/UserDetailList/1/UserPolicyList/0/PolicyDocument", r#""Read reports""#),
    ] {
        let json = world.json(&["check", "--format", "json", file]);
        let findings = json["findings"].as_array().unwrap();
        assert_eq!(findings.len(), 1, "{json:#}");
        let evidence = &findings[0]["evidence"];
        assert_eq!(
            (&evidence["within"], &evidence["json_pointer"]),
            (&within.into(), &"/Statement/0/Sid".into())
        );
        let number = |name: &str| usize::try_from(evidence[name].as_u64().unwrap()).unwrap();
        let line = text.lines().nth(number("line") - 1).unwrap();
        assert!(line[number("column") - 1..].starts_with(needle), "{line} {evidence}");
    }
    let json = world.json(&["check", "--format", "json", "details.json"]);
    assert_eq!(json["policies"].as_array().unwrap().len(), 2, "{json:#}");
    insta::assert_snapshot!(said(&world.run(&["check", "scp.json"])));
}

#[test]
fn a_policy_without_end_is_checked_in_bounded_time_and_words() {
    let statement = r#"{"Sid":"a b","Effect":"Allow","Action":"s3:GetObject","Resource":"*"}"#;
    let statements = vec![statement; 30_000].join(",");
    let world = World::new(&[]);
    world.write("huge.json", format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#));
    let begun = Instant::now();
    let output = world.run(&["check", "huge.json"]);
    assert_eq!(code(&output), 1);
    assert!(output.stdout.len() < 1 << 20, "{} bytes", output.stdout.len());
    // Unoptimised and beside other tests; a quadratic reading takes hours.
    assert!(begun.elapsed() < Duration::from_secs(60), "{:?}", begun.elapsed());
}
