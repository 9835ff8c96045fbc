//! Properties of whole documents: sizes, bounds, what the text alone tells.

use std::time::{Duration, Instant};

use postern_policy::{
    Document,
    lint::{self, Class, PolicyKind, Severity},
};

use crate::findings;

/// Statements that say nothing but are all different.
fn many(count: usize) -> String {
    let statements: Vec<String> = (0..count)
        .map(|n| {
            format!(r#"{{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::bucket-{n}/*"}}"#)
        })
        .collect();
    format!("[{}]", statements.join(","))
}

#[test]
fn sizes_are_told_with_the_number_and_the_limit() {
    let told = |kind, count| {
        let found = findings(kind, &many(count));
        found.into_iter().find(|f| f.rule.id == "P12").map(|f| (f.severity, f.message))
    };
    assert_eq!(told(PolicyKind::Identity, 20), None);
    let (severity, message) = told(PolicyKind::Identity, 30).unwrap();
    assert_eq!(severity, Severity::Info);
    assert!(message.contains("more than 2048, what all inline policies of a user"), "{message}");
    assert_eq!(told(PolicyKind::Identity, 80).unwrap().0, Severity::Medium);
    assert_eq!(told(PolicyKind::Identity, 200).unwrap().0, Severity::High);
    assert_eq!(told(PolicyKind::Boundary, 70), None);
    assert_eq!(told(PolicyKind::Boundary, 80).unwrap().0, Severity::High);
    assert_eq!(told(PolicyKind::Scp, 75).unwrap().0, Severity::Medium);
    assert_eq!(told(PolicyKind::Rcp, 75).unwrap().0, Severity::High);
    assert_eq!(told(PolicyKind::Resource, 2_000), None);
    // A session policy counts its white space.
    let blank = format!("{}{}", " ".repeat(2_000), many(2));
    assert_eq!(findings(PolicyKind::Identity, &blank).iter().filter(|f| f.rule.id == "P12").count(), 0);
    assert_eq!(findings(PolicyKind::Session, &blank).iter().filter(|f| f.rule.id == "P12").count(), 1);
}

#[test]
fn a_trust_policy_is_known_by_all_of_its_signs() {
    let infer = |statements: &str| {
        let text = crate::whole(statements);
        (PolicyKind::infer(&Document::parse(&text).unwrap()), text)
    };
    let stray = r#"{"Effect":"Allow","Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"],"Principal":{"AWS":"111122223333"},"Resource":"*"}"#;
    let (kind, text) = infer(stray);
    assert_eq!(kind, PolicyKind::Trust);
    // What AWS says, and why.
    let found = lint::check_text(&text, kind);
    let stray = found.iter().find(|f| f.rule.id == "P06").unwrap();
    assert_eq!((stray.rule.class, stray.pointer.as_str()), (Class::Error, "/Statement/Resource"));
    assert_eq!(stray.message, "a trust policy has no `Resource`");
    for (statements, kind) in [
        (
            r#"{"Effect":"Allow","Action":"sts:AssumeRole*","Principal":"*","NotResource":"*"}"#,
            PolicyKind::Trust,
        ),
        // A resource control policy, which has to be named.
        (
            r#"{"Effect":"Deny","Action":"sts:AssumeRole","Principal":"*","Resource":"*"}"#,
            PolicyKind::Resource,
        ),
        (
            r#"{"Effect":"Allow","Action":["sts:AssumeRole","s3:GetObject"],"Principal":"*","Resource":"*"}"#,
            PolicyKind::Resource,
        ),
        (r#"{"Effect":"Allow","Action":"*","Principal":"*","Resource":"*"}"#, PolicyKind::Resource),
        (
            r#"{"Effect":"Allow","NotAction":"sts:AssumeRole","Principal":"*","Resource":"*"}"#,
            PolicyKind::Resource,
        ),
        (r#"{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}"#, PolicyKind::Identity),
    ] {
        assert_eq!(infer(statements).0, kind, "{statements}");
    }
}

#[test]
fn who_gets_in_is_said_as_it_is() {
    let said = |kind, action: &str, condition: &str| {
        let text = format!(
            r#"{{"Effect":"Allow","Action":"{action}","Principal":"*","Condition":{{{condition}}}}}"#
        );
        let found = findings(kind, &text);
        found.into_iter().find(|f| f.rule.id == "T07").map(|f| f.message).unwrap_or_default()
    };
    let (without, with) =
        ("everyone gets in, also without an AWS account", "everyone with an AWS account gets in");
    assert_eq!(said(PolicyKind::Resource, "s3:GetObject", ""), without);
    assert_eq!(said(PolicyKind::Resource, "*", ""), without);
    assert_eq!(said(PolicyKind::Resource, "lambda:InvokeFunctionUrl", ""), without);
    assert_eq!(said(PolicyKind::Resource, "kms:Decrypt", ""), with);
    assert_eq!(said(PolicyKind::Trust, "sts:AssumeRole", ""), with);
    // Nobody in particular has no ARN.
    assert_eq!(said(PolicyKind::Resource, "s3:GetObject", r#""StringLike":{"aws:PrincipalArn":"*"}"#), with);
    let through = said(PolicyKind::Resource, "sqs:SendMessage", r#""StringLike":{"aws:SourceAccount":"*"}"#);
    assert_eq!(through, "everyone gets in through a service: for whom it acts may be anyone");
}

#[test]
fn what_cannot_be_read_is_reported_with_places() {
    let text = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [{\"Effect\": \"allow\"}]\n}";
    let found = lint::check_text(text, PolicyKind::Identity);
    let told: Vec<(&str, &str, Option<usize>)> =
        found.iter().map(|f| (f.rule.id, f.pointer.as_str(), f.statement)).collect();
    assert_eq!(told, [("P01", "/Statement/0", Some(0)), ("P01", "/Statement/0/Effect", Some(0))]);
    assert_eq!(lint::check_text("{", PolicyKind::Trust).len(), 1);
    assert_eq!(lint::check_text("", PolicyKind::Trust)[0].pointer, "");
}

#[test]
fn a_document_gives_what_its_text_gives() {
    let text = r#"{"Statement":{"Sid":"a b","Effect":"Allow","Action":"x","Resource":"*"}}"#;
    let document = Document::parse(text).unwrap();
    assert_eq!(lint::check(&document, PolicyKind::Identity), lint::check_text(text, PolicyKind::Identity));
}

#[test]
#[expect(clippy::disallowed_methods, reason = "the time is what is tested")]
fn hostile_documents_take_bounded_time() {
    let started = Instant::now();
    let wild = (0..1_000).map(|n| format!(r#""s3:*a*{n}*""#)).collect::<Vec<_>>().join(",");
    let patterns = format!(r#"{{"Effect":"Allow","Action":[{wild}],"Resource":"*"}}"#);
    let nested = format!("[{},{}]", patterns, many(20_000).trim_matches(['[', ']']));
    let found = findings(PolicyKind::Identity, &nested);
    let cut: Vec<&str> = found.iter().filter(|f| f.rule.id == "P99").map(|f| f.message.as_str()).collect();
    assert!(cut.contains(&"only the first 200 statements were compared with each other"), "{cut:?}");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
}

#[test]
fn of_endless_documents_a_part_is_compared_with_the_catalogue() {
    let statement =
        |n: usize| format!(r#"{{"Effect":"Deny","Action":["ec2:Run*","s3:Nothing{n}"],"Resource":"*"}}"#);
    let cut = |count: usize| {
        let statements = (0..count).map(statement).collect::<Vec<_>>().join(",");
        let found = findings(PolicyKind::Identity, &format!("[{statements}]"));
        assert!(found.iter().any(|finding| finding.message.contains("s3:Nothing0")));
        let mut cut = found.iter().filter(|finding| finding.rule.id == "P99");
        cut.any(|finding| finding.message.contains("10000 statements were compared with the catalogue"))
    };
    assert!(!cut(10_000) && cut(10_001));
}

#[test]
fn misplaced_and_misspelt_operators_are_mended() {
    for (operator, mended) in [
        ("StringEquals:ForAnyValue", "ForAnyValue:StringEquals"),
        ("ForAnyValues:StringLike", "ForAnyValue:StringLike"),
        ("NullIfExists", "Null"),
        ("StringEqualIfExists", "StringEqualsIfExists"),
    ] {
        let statement = format!(
            r#"{{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{{"{operator}":{{"aws:TagKeys":"a"}}}}}}"#
        );
        let found = findings(PolicyKind::Identity, &statement);
        let help = found[0].help.as_deref().unwrap_or_default();
        assert!(help.contains(&format!("`{mended}`")), "{operator}: {help}");
    }
}

#[test]
fn long_denies_are_not_copied_for_every_statement() {
    let patterns = (0..20_000).map(|n| format!(r#""s3:a{n}""#)).collect::<Vec<_>>().join(",");
    let deny = format!(r#"{{"Effect":"Deny","Action":[{patterns}],"Resource":"arn:aws:s3:::x/*"}}"#);
    let allows = vec![r#"{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}"#; 1_000].join(",");
    let found = findings(PolicyKind::Identity, &format!("[{deny},{allows}]"));
    let cut = found.iter().filter(|f| f.rule.id == "P99").map(|f| f.message.as_str());
    let cut: Vec<&str> = cut.filter(|message| message.contains("evaluated")).collect();
    assert_eq!(cut, ["no more than 49 of 1000 allowing statements were evaluated"]);
}

/// Everything in the recorded refusals of IAM is found without asking IAM.
#[test]
fn nothing_that_iam_refuses_passes() {
    let statements = [
        r#"{"Effect":"Allow","Action":"invalid","Resource":"*"}"#,
        r#"{"Effect":"Allow","Action":"a a:ListBucket","Resource":"*"}"#,
        r#"{"Effect":"Allow","Action":"s3:List:Bucket","Resource":"*"}"#,
        r#"{"Effect":"Allow","Action":"s3:L"}"#,
        r#"{"Effect":"Allow","Action":"s3:L","Resource":"invalid resource"}"#,
        r#"{"Effect":"Allow","Action":"s3:L","Resource":"arn:nope:s3:::b"}"#,
        r#"{"Effect":"Allow","Action":"s3:L","Resource":"arn:aws"}"#,
        r#"{"Effect":"Allow","Action":"s3:L","Resource":"arn:aws:iam:us-east-1:111122223333:user/x"}"#,
        r#"{"Effect":"Allow","Action":"s3:L","Resource":"arn:aws:s3:us-east-1::x"}"#,
        r#"{"Effect":"Allow","Action":"s3:L","Resource":"arn:aws:iam::111122223333:thing/x"}"#,
        r#"{"Effect":"Allow","Action":"s3:L","Resource":"arn:aws:s3::b"}"#,
        r#"{"Effect":"Allow","Action":"s3:L","Resource":"*","Condition":{"DateGreaterThan":{"a:b":"sdf"}}}"#,
        r#"{"Effect":"Allow","Action":"s3:L","Resource":"*","Principal":"*"}"#,
        r#"{"Sid":"a b","Effect":"Allow","Action":"s3:L","Resource":"*"}"#,
    ];
    for statement in statements {
        let found = findings(PolicyKind::Identity, statement);
        let own = found.iter().any(|f| f.rule.class == Class::Error && f.rule.id != "P02");
        assert!(own, "{statement}: {found:?}");
    }
}
