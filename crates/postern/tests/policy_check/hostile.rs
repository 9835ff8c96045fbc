//! Documents that were made to take long, need much or mislead: every command ends soon, in little memory, with an
//! answer or with what is wrong.

use std::{
    process::{Command, Output, Stdio},
    time::{Duration, Instant},
};

use crate::world::{World, code, said};

/// Generous, because a busy machine is no failure; anything quadratic takes minutes at these sizes.
const LIMIT: Duration = Duration::from_secs(90);
/// Of address space, in KiB: some hundred times the largest document.
const MEMORY: u32 = 1_500_000;

const SMALL: &str =
    r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}"#;

/// Every command that reads policies, on `hostile.json`.
const COMMANDS: [(&str, &[&str]); 7] = [
    ("check", &["check", "hostile.json"]),
    ("fmt", &["fmt", "--check", "hostile.json"]),
    ("diff", &["diff", "small.json", "hostile.json"]),
    (
        "simulate",
        &[
            "simulate",
            "--policy",
            "hostile.json",
            "--action-names",
            "s3:GetObject",
            "--resource-arns",
            "arn:aws:s3:::b/x",
        ],
    ),
    ("eval", &["eval", "--cases", "cases.jsonl"]),
    ("expand", &["expand", "--policy", "hostile.json"]),
    ("shrink", &["shrink", "--policy", "hostile.json"]),
];

fn policy(statements: &[String]) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","))
}

fn one(rest: &str) -> String {
    policy(&[format!(r#"{{"Effect":"Allow",{rest}}}"#)])
}

/// What a command said of the document, within the limits.
fn run(world: &World, arguments: &[&str]) -> Output {
    let quoted: Vec<String> = arguments.iter().map(|argument| format!("'{argument}'")).collect();
    let script =
        format!("ulimit -v {MEMORY}; exec '{}' policy {}", env!("CARGO_BIN_EXE_postern"), quoted.join(" "));
    let mut command = Command::new("/bin/sh");
    command.args(["-c", &script]).env_clear().current_dir(world.path("."));
    let begun = Instant::now();
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert!(begun.elapsed() < LIMIT, "{arguments:?} took {:?}", begun.elapsed());
    output
}

/// Goes through all commands with a document; `refused` says what is wrong with it if something is.
fn every_command(document: impl AsRef<[u8]>, refused: Option<&str>) {
    let world = World::new(&[("small.json", SMALL)]);
    let document = document.as_ref();
    world.write("hostile.json", document);
    let mut case =
        br#"{"id":1,"request":{"principal":"arn:aws:iam::111111111111:user/alice","action":"s3:GetObject","#
            .to_vec();
    case.extend(br#""resource":{"arn":"arn:aws:s3:::b/x"}},"identityPolicies":[{"policy":"#);
    case.extend(document.iter().filter(|byte| **byte != b'\n'));
    case.extend(b"}]}\n");
    world.write("cases.jsonl", &case);
    for (name, arguments) in COMMANDS {
        let output = run(&world, arguments);
        let (code, text) = (code(&output), said(&output));
        let start: String = text.chars().take(3_000).collect();
        match refused {
            // What is wrong stands in the answer to the case.
            Some(what) if name == "eval" => {
                assert!(code == 1 && text.contains("\"error\":"), "{name}, {what}: {start}");
            }
            Some(what) => assert!(code == 2 && text.contains(what), "{name}, {what}: {start}"),
            None => assert!(code < 2 && !output.stdout.is_empty(), "{name}: {start}"),
        }
        assert!(!text.contains("panicked") && !text.contains("memory allocation"), "{name}: {start}");
    }
}

#[test]
fn ten_megabytes_in_one_statement() {
    every_command(
        one(&format!(r#""Sid":"{}","Action":"s3:Get*","Resource":"*""#, "a".repeat(10_000_000))),
        None,
    );
}

#[test]
fn ten_megabytes_of_blanks_between_lines() {
    let lines = " ".repeat(99) + "\n";
    every_command(one(&format!(r#""Action":"s3:Get*",{}"Resource":"*""#, lines.repeat(100_000))), None);
}

#[test]
fn very_many_statements() {
    let same = r#"{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::b/x"}"#;
    every_command(policy(&vec![same.to_owned(); 20_000]), None);
    let different = |number: usize| {
        let effect = if number.is_multiple_of(3) { "Deny" } else { "Allow" };
        format!(r#"{{"Effect":"{effect}","Action":"s3:Get{number}","Resource":"arn:aws:s3:::b{number}/*"}}"#)
    };
    every_command(policy(&(0..1_500).map(different).collect::<Vec<_>>()), None);
}

#[test]
fn very_many_conditions() {
    let keys: Vec<String> = (0..10_000).map(|number| format!(r#""aws:k{number}":"v""#)).collect();
    let conditions = format!(r#""Condition":{{"StringEquals":{{{}}}}}"#, keys.join(","));
    every_command(one(&format!(r#""Action":"s3:GetObject","Resource":"*",{conditions}"#)), None);
}

#[test]
fn globs_that_backtrack() {
    let glob = "*a".repeat(2_000) + "*c";
    every_command(
        one(&format!(
            r#""Action":"s3:{glob}","Resource":"arn:aws:s3:::{glob}","Condition":{{"StringLike":{{"aws:username":"{glob}"}}}}"#
        )),
        None,
    );
    let globs: Vec<String> =
        (1..60).map(|number| format!("arn:aws:s3:::{}*c", "*a".repeat(number))).collect();
    every_command(one(&format!(r#""Action":"s3:*","Resource":{globs:?}"#)), None);
}

#[test]
fn deep_nesting() {
    every_command("[".repeat(1_000_000), Some("error"));
    let deep = format!("{}{}", "[".repeat(500_000), "]".repeat(500_000));
    every_command(format!(r#"{{"Version":"2012-10-17","Statement":{deep}}}"#), Some("32 levels"));
}

#[test]
fn bytes_that_are_no_text() {
    let mut document = one(r#""Action":"s3:Get*","Resource":"*""#).into_bytes();
    let at = document.windows(3).position(|bytes| bytes == b"Get").unwrap();
    document.splice(at..at, [0xff, 0xfe]);
    every_command(document, Some("UTF-8"));
    every_command(vec![0; 100_000], Some("expected a value"));
}

#[test]
fn more_mistakes_than_anybody_reads() {
    let twice = vec![r#""Version":"2012-10-17""#; 50_000].join(",");
    every_command(format!("{{{twice}}}"), Some("stands here a second time"));
}
