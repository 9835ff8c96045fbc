//! `postern policy eval`: every line gets its answer, in order, whatever the line is.

use std::{
    io::{BufRead, BufReader, Write},
    process::Stdio,
};

use crate::{
    cases::Cases,
    folder::{Folder, said},
};

/// Runs these lines and gives back the answers' lines; the run must end with this code.
fn answers(lines: &[String], flags: &[&str], code: i32) -> Vec<String> {
    let output =
        Folder::new().run_with(&[&["eval", "--cases", "-"], flags].concat(), lines.join("\n").into_bytes());
    assert_eq!(output.status.code(), Some(code), "{}", said(&output));
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

/// A case in which a user of account 1 reads an object, with these members instead or besides.
fn case(request: &[(&str, &str)], members: &[(&str, &str)]) -> String {
    let with = |defaults: &[(&'static str, &'static str)], changes: &[(&str, &str)]| {
        let kept = defaults.iter().filter(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
        let all = kept.chain(changes).filter(|(_, value)| !value.is_empty());
        let members: Vec<String> = all.map(|(name, value)| format!("\"{name}\":{value}")).collect();
        format!("{{{}}}", members.join(","))
    };
    let request = with(
        &[
            ("principal", r#""arn:aws:iam::111111111111:user/alice""#),
            ("action", r#""s3:GetObject""#),
            ("resource", r#"{"arn":"arn:aws:s3:::b/k","accountId":"111111111111"}"#),
            ("context", "{}"),
        ],
        request,
    );
    let mut all = vec![("request", &*request)];
    all.extend(members.iter().filter(|(name, _)| *name != "request"));
    if let Some(changed) = members.iter().find(|(name, _)| *name == "request") {
        all[0] = *changed;
    }
    let identity = format!(r#"[{{"name":"read","policy":{}}}]"#, allow("s3:*"));
    if !all.iter().any(|(name, _)| *name == "identityPolicies") {
        all.push(("identityPolicies", &identity));
    }
    with(&[("id", "1")], &all)
}

fn allow(action: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"{action}","Resource":"*"}}]}}"#
    )
}

/// The decision on each of these cases.
fn decisions(lines: &[String]) -> Vec<String> {
    let answers = answers(lines, &[], 0);
    let decision = |line: &String| {
        let answer: serde_json::Value = serde_json::from_str(line).unwrap();
        answer["decision"].as_str().unwrap_or_else(|| panic!("{line}")).to_owned()
    };
    answers.iter().map(decision).collect()
}

#[test]
fn a_run_of_cases_is_decided_in_order() {
    let mut cases = Cases::new(7);
    let (mut text, mut expected) = (String::new(), Vec::new());
    for _ in 0..2_000 {
        let start = text.len();
        let decision = cases.write(&mut text);
        let line: serde_json::Value = serde_json::from_str(&text[start..]).unwrap();
        expected.push(format!("{{\"id\":{},\"decision\":\"{decision}\"}}", line["id"]));
    }
    let folder = Folder::new().with("cases.jsonl", &text);
    let output = folder.run(&["eval", "--cases", "cases.jsonl"]);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", said(&output));
    let answers = String::from_utf8(output.stdout).unwrap();
    assert_eq!(answers.lines().collect::<Vec<_>>(), expected);
    for decision in ["\"Allowed", "ImplicitlyDenied", "ExplicitlyDenied"] {
        assert!(answers.contains(decision), "the generator makes none that is {decision}");
    }

    // The explanation changes no decision.
    let explained = folder.run(&["eval", "--cases", "cases.jsonl", "--explain"]);
    assert!(explained.status.success());
    for (line, plain) in String::from_utf8(explained.stdout).unwrap().lines().zip(answers.lines()) {
        assert!(line.starts_with(plain.strip_suffix('}').unwrap()), "{line}\n{plain}");
        let explained: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(!explained["because"].as_array().unwrap().is_empty(), "{line}");
    }
}

#[test]
fn every_form_of_a_case_is_taken() {
    let trust = |principal: &str, action: &str| {
        format!(
            r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{principal},"Action":"{action}"}}]}}"#
        )
    };
    let assume = |principal: &str, named: &str, action: &str| {
        let action_text = format!("\"{action}\"");
        let request = [
            ("principal", principal),
            ("action", &*action_text),
            ("resource", r#""arn:aws:iam::111111111111:role/r""#),
        ];
        case(&request, &[("resourcePolicy", &trust(named, action)), ("identityPolicies", "[]")])
    };
    let string = serde_json::to_string(&allow("s3:*")).unwrap();
    let (all, s3, none) = (allow("*"), allow("s3:*"), allow("ec2:*"));
    let levels = |first: &str, second: &str| {
        format!(
            r#"[{{"orgIdentifier":"r","policies":[{{"name":"a","policy":{first}}}]}},{{"policies":[{{"policy":{second}}}]}}]"#
        )
    };
    let boundaries = |first: &str, second: &str| format!(r#"[{{"policy":{first}}},{{"policy":{second}}}]"#);
    let linked = r#""arn:aws:sts::111111111111:assumed-role/AWSServiceRoleForSupport/s""#;
    let role = r#""arn:aws:sts::111111111111:assumed-role/support/s""#;
    let table: Vec<(&str, String)> = vec![
        ("Allowed", case(&[], &[])),
        ("Allowed", case(&[("resource", r#""arn:aws:s3:::b/k""#)], &[])),
        (
            "ImplicitlyDenied",
            case(&[("resource", r#"{"arn":"arn:aws:s3:::b/k","accountId":"222222222222"}"#)], &[]),
        ),
        ("Allowed", case(&[("resource", r#"{"arn":"*","accountId":null}"#), ("context", "null")], &[])),
        ("Allowed", case(&[("context", "")], &[("resourcePolicy", "null"), ("unknown", "[{}]")])),
        ("Allowed", case(&[], &[("identityPolicies", &format!(r#"[{{"policy":{string}}}]"#))])),
        ("ImplicitlyDenied", case(&[], &[("identityPolicies", "[]")])),
        // Layers that limit.
        ("Allowed", case(&[], &[("sessionPolicy", &s3), ("permissionBoundaryPolicies", "[]")])),
        ("ImplicitlyDenied", case(&[], &[("sessionPolicy", &none)])),
        ("Allowed", case(&[], &[("sessionPolicy", &format!("[{none},{{\"name\":\"n\",\"policy\":{s3}}}]"))])),
        ("Allowed", case(&[], &[("sessionPolicy", "[]"), ("serviceControlPolicies", "[]")])),
        ("Allowed", case(&[], &[("permissionBoundaryPolicies", &format!(r#"[{{"policy":{s3}}}]"#))])),
        (
            "ImplicitlyDenied",
            case(&[], &[("permissionBoundaryPolicies", &format!(r#"[{{"policy":{none}}}]"#))]),
        ),
        ("Allowed", case(&[], &[("serviceControlPolicies", &levels(&all, &s3))])),
        ("ImplicitlyDenied", case(&[], &[("serviceControlPolicies", &levels(&all, &none))])),
        (
            "ImplicitlyDenied",
            case(&[], &[("serviceControlPolicies", r#"[{"orgIdentifier":"r","policies":[]}]"#)]),
        ),
        ("Allowed", case(&[], &[("resourceControlPolicies", &levels(&all, &none))])),
        (
            "ExplicitlyDenied",
            case(&[], &[("resourceControlPolicies", &levels(&all, &all.replace("Allow", "Deny")))]),
        ),
        // Several boundaries widen each other, as policies of one principal do; a denial in one is one.
        ("Allowed", case(&[], &[("permissionBoundaryPolicies", &boundaries(&none, &s3))])),
        ("ImplicitlyDenied", case(&[], &[("permissionBoundaryPolicies", &boundaries(&none, &none))])),
        (
            "ExplicitlyDenied",
            case(&[], &[("permissionBoundaryPolicies", &boundaries(&s3, &s3.replace("Allow", "Deny")))]),
        ),
        // An account is its root user; service-linked roles are known by the name in a session's ARN.
        ("Allowed", case(&[("principal", r#""111111111111""#)], &[("identityPolicies", "[]")])),
        ("ImplicitlyDenied", case(&[("principal", r#""222222222222""#)], &[("identityPolicies", "[]")])),
        ("Allowed", case(&[("principal", linked)], &[("serviceControlPolicies", &levels(&none, &none))])),
        (
            "ImplicitlyDenied",
            case(&[("principal", role)], &[("serviceControlPolicies", &levels(&none, &none))]),
        ),
        // Principals.
        (
            "Allowed",
            assume(
                r#""arn:aws:iam::111111111111:user/a""#,
                r#"{"AWS":"arn:aws:iam::111111111111:user/a"}"#,
                "sts:AssumeRole",
            ),
        ),
        (
            "Allowed",
            assume(
                r#""arn:aws:iam::111111111111:role/x/a""#,
                r#"{"AWS":"arn:aws:iam::111111111111:role/x/a"}"#,
                "sts:AssumeRole",
            ),
        ),
        (
            "Allowed",
            assume(
                r#""arn:aws:sts::111111111111:assumed-role/a/s""#,
                r#"{"AWS":"arn:aws:iam::111111111111:role/x/a"}"#,
                "sts:AssumeRole",
            ),
        ),
        (
            "ImplicitlyDenied",
            assume(r#""arn:aws:iam::111111111111:root""#, r#"{"AWS":"111111111111"}"#, "sts:AssumeRole"),
        ),
        ("Allowed", assume(r#""ec2.amazonaws.com""#, r#"{"Service":"ec2.amazonaws.com"}"#, "sts:AssumeRole")),
        (
            "Allowed",
            assume(
                r#""arn:aws:iam::111111111111:saml-provider/p""#,
                r#"{"Federated":"arn:aws:iam::111111111111:saml-provider/p"}"#,
                "sts:AssumeRoleWithSAML",
            ),
        ),
        (
            "Allowed",
            assume(
                r#""cognito-identity.amazonaws.com""#,
                r#"{"Federated":"cognito-identity.amazonaws.com"}"#,
                "sts:AssumeRoleWithWebIdentity",
            ),
        ),
        ("ImplicitlyDenied", assume(r#""*""#, r#"{"AWS":"111111111111"}"#, "sts:AssumeRole")),
        (
            "ImplicitlyDenied",
            assume(r#"{"type":"Anonymous"}"#, r#"{"AWS":"111111111111"}"#, "sts:AssumeRole"),
        ),
        ("ImplicitlyDenied", case(&[("principal", r#""arn:aws:sts::111111111111:federated-user/f""#)], &[])),
    ];
    let (expected, lines): (Vec<&str>, Vec<String>) = table.into_iter().unzip();
    for ((found, expected), line) in decisions(&lines).iter().zip(expected).zip(&lines) {
        assert_eq!(found, expected, "{line}");
    }
}

#[test]
fn the_context_is_as_it_is_given() {
    let conditional = |operator: &str, key: &str, wanted: &str, context: &str| {
        let policy = format!(
            r#"[{{"policy":{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"*","Resource":"*","Condition":{{"{operator}":{{"{key}":{wanted}}}}}}}}}}}]"#
        );
        case(&[("context", context)], &[("identityPolicies", &policy)])
    };
    let table = [
        ("Allowed", conditional("Bool", "a:b", "\"true\"", r#"{"A:B":true}"#)),
        ("Allowed", conditional("StringEquals", "a:b", "\"1.50\"", r#"{"a:b":1.50}"#)),
        ("Allowed", conditional("NumericEquals", "a:b", "\"1.5\"", r#"{"a:b":1.50}"#)),
        (
            "Allowed",
            conditional(
                "ForAllValues:StringEquals",
                "a:b",
                r#"["x","2","false"]"#,
                r#"{"a:b":["x",2,false]}"#,
            ),
        ),
        (
            "ImplicitlyDenied",
            conditional("ForAllValues:StringEquals", "a:b", "\"x\"", r#"{"a:b":["x","y"]}"#),
        ),
        ("Allowed", conditional("Null", "a:b", "\"true\"", r#"{"a:b":[]}"#)),
        ("Allowed", conditional("Null", "a:b", "\"true\"", r#"{"a:b":null}"#)),
        ("Allowed", conditional("StringEquals", "a:b", r#""é\"""#, r#"{"a:b":"\u00e9\""}"#)),
        // What would be implied at AWS is not there unless it is given.
        ("Allowed", conditional("Null", "aws:PrincipalArn", "\"true\"", "{}")),
        ("Allowed", conditional("Null", "aws:username", "\"true\"", "{}")),
    ];
    let (expected, lines): (Vec<&str>, Vec<String>) = table.into_iter().unzip();
    for ((found, expected), line) in decisions(&lines).iter().zip(expected).zip(&lines) {
        assert_eq!(found, expected, "{line}");
    }
    // Many keys, in no order, cost no more than their number.
    let keys: Vec<String> =
        (0..200_000_u64).map(|n| format!("\"k:{}\":\"v\"", n.wrapping_mul(7_919) % 200_003)).collect();
    let many = conditional("Null", "k:1", "\"false\"", &format!("{{{}}}", keys.join(",")));
    assert_eq!(decisions(&[many]), ["Allowed"]);
}

#[test]
fn what_is_wrong_with_a_line_is_said_and_the_run_goes_on() {
    let deep = "[".repeat(200_000);
    let misspelt =
        r#"[{"name":"x","policy":{"Statement":[{"Effect":"Allow","Acton":"s3:*","Resource":"*"}]}}]"#;
    let twice =
        r#"[{"policy":{"Statement":[{"Effect":"Allow","Action":"s3:*","Effect":"Deny","Resource":"*"}]}}]"#;
    let in_string = r#"[{"policy":"{\n \"Statement\": 5}"}]"#;
    let table: Vec<(&str, &str, String)> = vec![
        (
            "null",
            "no JSON: expected `{` at column 1; a case is one JSON object on one line",
            "not json".into(),
        ),
        ("null", "no JSON: expected `{` at column 3; ", "  nul".into()),
        ("null", "a case should be an object, not a list", "[1]".into()),
        (
            "7",
            "no JSON: EOF while parsing an object at column 7; a case is one JSON object on one line",
            r#"{"id":7"#.into(),
        ),
        (r#""a""#, "no JSON: trailing characters", r#"{"id":"a"} {"id":"b"}"#.into()),
        ("null", "`id` is missing", case(&[], &[("id", "")])),
        ("null", "`id` should be a string or a number, not null", case(&[], &[("id", "null")])),
        (r#""b""#, "`id` stands twice", r#"{"id":"a","id":"b"}"#.into()),
        ("1", "`request` should be an object, not a string", case(&[], &[("request", "\"x\"")])),
        ("1", "`request.principal` is missing", case(&[("principal", "")], &[])),
        ("1", "`request.principal` should be a string, not a number", case(&[("principal", "5")], &[])),
        (
            "1",
            "`request.principal` is no principal: `alice`; the forms are",
            case(&[("principal", "\"alice\"")], &[]),
        ),
        (
            "1",
            "`request.principal` is no principal: `11111111111`; the forms are",
            case(&[("principal", "\"11111111111\"")], &[]),
        ),
        ("1", "`request.action` is missing", case(&[("action", "")], &[])),
        ("1", "`request.action` should be a `service:Name`, not `Get`", case(&[("action", "\"Get\"")], &[])),
        ("1", "`request.resource` is missing", case(&[("resource", "")], &[])),
        (
            "1",
            "`request.resource` should be a string, or an object with `arn`",
            case(&[("resource", "[]")], &[]),
        ),
        ("1", "`request.resource.arn` is missing", case(&[("resource", "{}")], &[])),
        (
            "1",
            "`request.resource.accountId`: account id: `12` is not 12 digits",
            case(&[("resource", r#"{"arn":"a","accountId":"12"}"#)], &[]),
        ),
        ("1", "`request.context` should be an object, not a list", case(&[("context", "[]")], &[])),
        ("1", "`request.context`, `a:b`: should be", case(&[("context", r#"{"a:b":{}}"#)], &[])),
        ("1", "`request.context`, `a:b`: should be", case(&[("context", r#"{"a:b":[["x"]]}"#)], &[])),
        ("1", "`a:b` stands twice", case(&[("context", r#"{"a:b":"x","A:B":"y"}"#)], &[])),
        ("1", "`identityPolicies` should be a list, not null", case(&[], &[("identityPolicies", "null")])),
        ("1", "`identityPolicies` is missing", case(&[], &[("identityPolicies", "")])),
        (
            "1",
            "`identityPolicies[0].policy` is missing",
            case(&[], &[("identityPolicies", r#"[{"name":"x"}]"#)]),
        ),
        (
            "1",
            "`identityPolicies[0]` should be an object, not a string",
            case(&[], &[("identityPolicies", r#"["x"]"#)]),
        ),
        (
            "1",
            "`serviceControlPolicies[0].policies` is missing",
            case(&[], &[("serviceControlPolicies", r#"[{"orgIdentifier":"r"}]"#)]),
        ),
        (
            "1",
            "`identityPolicies[0]`, line 1, column 33 of the policy: `Acton` is no element of a statement (did you mean `Action`?)",
            case(&[], &[("identityPolicies", misspelt)]),
        ),
        ("1", "`Effect` stands here a second time", case(&[], &[("identityPolicies", twice)])),
        (
            "1",
            "`identityPolicies[0]`, line 2, column 15 of the policy",
            case(&[], &[("identityPolicies", in_string)]),
        ),
        ("1", "`resourcePolicy`, line 1, column 1 of the policy", case(&[], &[("resourcePolicy", "[]")])),
        ("1", "`sessionPolicy[0]`, line 1, column 1 of the policy", case(&[], &[("sessionPolicy", "[7]")])),
        ("1", "no JSON", case(&[], &[("unknown", &deep)])),
        (
            "1",
            "nested deeper than",
            case(&[], &[("resourcePolicy", &format!("{deep}{}", "]".repeat(200_000)))]),
        ),
    ];
    let mut lines: Vec<String> = table.iter().map(|(_, _, line)| line.clone()).collect();
    lines.push(case(&[], &[]));
    let answers = answers(&lines, &[], 1);
    assert_eq!(answers.len(), lines.len());
    assert_eq!(answers.last().unwrap(), r#"{"id":1,"decision":"Allowed"}"#);
    for (number, ((id, problem, line), answer)) in table.iter().zip(&answers).enumerate() {
        let shown = &line[..line.len().min(500)];
        let parsed: serde_json::Value = serde_json::from_str(answer).unwrap();
        assert_eq!(parsed["id"].to_string(), *id, "{shown}");
        let error = parsed["error"].as_str().unwrap_or_else(|| panic!("{shown}: {answer}"));
        assert!(error.starts_with(&format!("line {}: ", number + 1)), "{error}");
        assert!(error.contains(problem), "{error}\nlacks {problem}");
        assert!(error.len() < 10_000, "{shown}");
    }
}

#[test]
fn lines_that_are_blank_no_text_or_endless_keep_their_numbers() {
    let good = case(&[], &[]);
    let mut input = format!("\u{feff}{good}\r\n\n   \t\n").into_bytes();
    input.extend(b"{\"id\":2,\"x\":\"\xff\"}\n");
    // Longer than what is kept of a line.
    input.extend(br#"{"id":3,"x":""#);
    input.resize(input.len() + (64 << 20), b'x');
    input.extend(b"\"}\n");
    input.extend(good.as_bytes());
    let output = Folder::new().run_with(&["eval", "--cases", "-"], input);
    insta::assert_snapshot!(said(&output));
}

#[test]
fn a_program_that_asks_line_by_line_is_answered_line_by_line() {
    let folder = Folder::new();
    let mut command = folder.command(&["eval", "--cases", "-"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let mut answers = BufReader::new(child.stdout.take().unwrap()).lines();
    for id in ["1", "2"] {
        writeln!(stdin, "{}", case(&[], &[("id", id)])).unwrap();
        assert_eq!(answers.next().unwrap().unwrap(), format!(r#"{{"id":{id},"decision":"Allowed"}}"#));
    }
    drop(stdin);
    assert!(answers.next().is_none());
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut text = String::new();
    let mut cases = Cases::new(1);
    for _ in 0..20_000 {
        cases.write(&mut text);
    }
    let folder = Folder::new().with("cases.jsonl", text);
    let mut command = folder.command(&["eval", "--cases", "cases.jsonl"]);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut first).unwrap();
    assert!(first.starts_with("{\"id\":"), "{first}");
    let output = child.wait_with_output().unwrap();
    assert!(output.status.success() && output.stderr.is_empty(), "{}", said(&output));
}

#[test]
fn a_file_that_cannot_be_read_is_wrong_usage() {
    let folder = Folder::new();
    insta::assert_snapshot!(said(&folder.run(&["eval", "--cases", "missing.jsonl"])));
    let directory = folder.run(&["eval", "--cases", "."]);
    assert_eq!(directory.status.code(), Some(2), "{}", said(&directory));
    assert!(folder.run_with(&["eval", "--cases", "-"], Vec::new()).status.success());
}

#[test]
fn an_explanation_names_what_decided_and_every_first_failure() {
    let trust = r#"{"Version":"2012-10-17","Statement":[
        {"Sid":"People","Effect":"Allow","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole",
         "Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}},
        {"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#
        .replace('\n', "");
    let group = r#"[{"name":"group","policy":{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"s3:*","Resource":"*"},
        {"Effect":"Allow","NotAction":"iam:*","Resource":"arn:aws:iam::*:role/${aws:username}"},
        {"Effect":"Deny","Action":"sts:*","Resource":"*","Condition":{"NumericGreaterThan":{"aws:MultiFactorAuthAge":"3600"}}}]}}]"#
        .replace('\n', "");
    let asked = |context: &str| {
        let request = [
            ("action", "\"sts:AssumeRole\""),
            ("resource", "\"arn:aws:iam::222222222222:role/r\""),
            ("context", context),
        ];
        case(&request, &[("resourcePolicy", &trust), ("identityPolicies", &group)])
    };
    let scps =
        format!(r#"[{{"orgIdentifier":"r-1","policies":[{{"name":"p","policy":{}}}]}}]"#, allow("ec2:*"));
    let lines = [
        asked(r#"{"aws:MultiFactorAuthPresent":"false"}"#),
        asked(r#"{"aws:MultiFactorAuthAge":"soon"}"#),
        case(&[], &[]),
        case(&[], &[("serviceControlPolicies", &scps)]),
        case(&[("principal", "\"arn:aws:iam::111111111111:root\"")], &[]),
        case(&[("action", "\"sts:GetCallerIdentity\""), ("resource", "\"*\"")], &[]),
        case(
            &[("principal", "\"arn:aws:iam::111111111111:role/r\""), ("action", "\"sts:GetSessionToken\"")],
            &[],
        ),
    ];
    let pretty = |line: &String| {
        let value: serde_json::Value = serde_json::from_str(line).unwrap();
        serde_json::to_string_pretty(&value).unwrap()
    };
    let answers: Vec<String> = answers(&lines, &["--explain"], 0).iter().map(pretty).collect();
    insta::assert_snapshot!(answers.join("\n"));
}
