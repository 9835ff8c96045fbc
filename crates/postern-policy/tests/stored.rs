//! AWS's refusals at write time.
//!
//! Texts and order were observed at IAM: facts of the project, *iam-sts* §7, and the recorded cases that
//! the moto project keeps of the real service (`tests/test_iam/test_iam_policies.py`).

use postern_policy::stored::{check_identity_policy, check_trust_policy, size};

const SYNTAX: &str = "Syntax errors in policy.";
const LEGACY: &str = "The policy failed legacy parsing";
const VERSION: &str = "Policy document must be version 2012-10-17 or greater.";
const ACTIONS: &str = "Policy statement must contain actions.";
const RESOURCES: &str = "Policy statement must contain resources.";
const VENDOR: &str = "Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.";
const COLON: &str = "Actions/Condition can contain only one colon.";
const SID: &str = "Statement IDs (SID) in a single policy must be unique.";

fn current(statement: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":{statement}}}"#)
}

#[test]
fn identity_policies_are_refused_in_awss_words() {
    let s3 = r#""Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::b""#;
    let whole = [
        ("This is not a json document".to_owned(), SYNTAX),
        (format!(r#"{{"Statement":{{{s3}}}}}"#), VERSION),
        (format!(r#"{{"Version":"2008-10-17","Statement":{{{s3}}}}}"#), VERSION),
        (format!(r#"{{"Version":"2013-10-17","Statement":{{{s3}}}}}"#), SYNTAX),
        (r#"{"Version":"2012-10-17"}"#.to_owned(), SYNTAX),
        (format!(r#"{{"Version":"2012-10-17","Statement":{{{s3}}},"Extra field":"v"}}"#), SYNTAX),
        (format!(r#"{{"Version":"2012-10-17","Id":["x"],"Statement":{{{s3}}}}}"#), SYNTAX),
        (format!(r#"{{"Version":"2012-10-17","Id":{{}},"Statement":{{{s3}}}}}"#), SYNTAX),
        // The version is looked at before the SIDs, dates and effects.
        (format!(r#"{{"Statement":[{{"Sid":"a",{s3}}},{{"Sid":"a","Effect":"Allow"}}]}}"#), VERSION),
        (r#"{"Statement":{"Effect":"denY","Action":"s3:L","Resource":"*"}}"#.to_owned(), VERSION),
    ];
    let statements = [
        (r#"[]"#, SYNTAX),
        (r#"["afd"]"#, SYNTAX),
        (r#"{"Effect":"invalid","Action":"s3:L","Resource":"*"}"#, SYNTAX),
        (r#"{"Action":"s3:L","Resource":"*"}"#, SYNTAX),
        (r#"{"Effect":"Allow","Action":"s3:L","Resource":"*","Extra field":"v"}"#, SYNTAX),
        (r#"{"Effect":"Allow","Action":"s3:L","Resource":{"a":"arn:aws:s3:::b"}}"#, SYNTAX),
        (r#"{"Effect":"Deny","Action":"s3:L","Resource":["adfdf",{}]}"#, SYNTAX),
        (r#"{"Effect":"Allow","NotAction":"s3:L","Resource":"*","NotResource":[]}"#, SYNTAX),
        (r#"{"Effect":"Deny","Action":[[]],"Resource":"*"}"#, SYNTAX),
        (r#"{"Effect":"Allow","NotAction":"s3:L","Action":[],"Resource":"*"}"#, SYNTAX),
        (r#"{"Effect":"Allow","Action":{},"Resource":"*"}"#, SYNTAX),
        (r#"{"Effect":"Allow","Action":"s3:L","Resource":"*","Condition":[]}"#, SYNTAX),
        (r#"{"Effect":"Allow","Action":"s3:L","Resource":"*","Condition":"a"}"#, SYNTAX),
        (r#"{"Effect":"Allow","Action":"s3:L","Resource":"*","Condition":{"a":"b"}}"#, SYNTAX),
        (r#"{"Effect":"Allow","Action":"s3:L","Resource":"*","Condition":{"DateGreaterThan":[]}}"#, SYNTAX),
        (r#"{"Effect":"Allow","Action":"s3:L","Resource":"*","Condition":{"Bool":{"a":{}}}}"#, SYNTAX),
        (r#"{"Effect":"Allow","Action":"s3:L","Resource":"*","Condition":{"x":{"a":"1"}}}"#, SYNTAX),
        (
            r#"{"Effect":"Allow","Action":"s3:L","Resource":"*","Condition":{"ForAnyValue::StringEquals":{"a":"b"}}}"#,
            SYNTAX,
        ),
        (r#"{"Sid":{},"Effect":"Allow","Action":"s3:L","Resource":"*"}"#, SYNTAX),
        (r#"{"Sid":[],"Effect":"Allow","Action":"s3:L","Resource":"*"}"#, SYNTAX),
        (r#"{"Effect":"Allow","Effect":"Deny","Action":"s3:L","Resource":"*"}"#, SYNTAX),
        // Legacy parsing.
        (r#"{"Effect":"denY","Action":"s3:L","Resource":"*"}"#, LEGACY),
        (r#"{"Effect":"allow","Resource":"arn:aws:s3:us-east-1::b"}"#, LEGACY),
        (
            r#"{"Effect":"Allow","Action":"s3:L","Resource":"*","Condition":{"DateGreaterThan":{"a":"sdf"}}}"#,
            LEGACY,
        ),
        (
            r#"{"Effect":"Allow","Action":"s3:L","Resource":"*","Condition":{"DateLessThan":{"a":"234-13"}}}"#,
            LEGACY,
        ),
        (
            r#"{"Effect":"Allow","Action":"s3:L","Resource":"*","Condition":{"DateLessThan":{"a":"2016-12-13t2:00:00.593194+1"}}}"#,
            LEGACY,
        ),
        (
            r#"{"Effect":"Allow","Action":"s3:L","Resource":"*","Condition":{"DateLessThan":{"a":"9223372036854775808"}}}"#,
            LEGACY,
        ),
        (r#"{"Effect":"Allow","Condition":{"DateGreaterThan":{"a":"sdfdsf"}}}"#, LEGACY),
        (
            r#"{"Effect":"Allow","Action":"s3:L","Resource":"arn:error:s3:::b","Condition":{"DateLessThan":{"a":"x"}}}"#,
            LEGACY,
        ),
        (r#"{"Effect":"Allow","Action":"s3:L","Resource":"arn:aws:s3::b"}"#, LEGACY),
        (r#"{"Effect":"Allow","Action":"s3:L","NotResource":"arn:aws:s3::b"}"#, LEGACY),
        (r#"{"Effect":"Allow","Resource":"arn:aws:s3::b"}"#, LEGACY),
        (r#"{"Effect":"Allow","NotAction":"s3:L","Resource":"arn:aws::::b"}"#, LEGACY),
        (r#"{"Effect":"Allow","Action":"s3:L","Resource":"arn:aws::fdsasf"}"#, LEGACY),
        // SIDs, before actions.
        (
            r#"[{"Sid":"a","Effect":"Allow","Action":"s3:L","Resource":"*"},{"Sid":"a","Effect":"Allow"}]"#,
            SID,
        ),
        // Actions.
        (r#"{"Effect":"Allow"}"#, ACTIONS),
        (r#"{"Effect":"Allow","Resource":"arn:aws:s3:::b"}"#, ACTIONS),
        (r#"{"Effect":"Allow","Action":[],"Resource":"*"}"#, ACTIONS),
        (r#"[{"Effect":"Deny"},{"Effect":"Allow","Action":"s3:L","Resource":"*"}]"#, ACTIONS),
        (r#"{"Effect":"Allow","Action":"invalid","Resource":"*"}"#, VENDOR),
        (r#"{"Effect":"Allow","Action":"invalid"}"#, VENDOR),
        (r#"{"Effect":"Allow","NotAction":"","Resource":"*"}"#, VENDOR),
        (r#"{"Effect":"Allow","Action":"a a:ListBucket","Resource":"*"}"#, "Vendor a a is not valid"),
        (r#"{"Effect":"Allow","Action":"s3:List:Bucket","Resource":"*"}"#, COLON),
        (
            r#"[{"Effect":"Allow","Action":"s3s:L","Resource":"*"},{"Effect":"Allow","Action":"s:3s:L","Resource":"*"}]"#,
            COLON,
        ),
        // Resources.
        (r#"{"Effect":"Allow","Action":"s3:L"}"#, RESOURCES),
        (r#"{"Effect":"Allow","Action":"s3:L","Resource":[]}"#, RESOURCES),
        (
            r#"{"Effect":"Allow","Action":"s3:L","Resource":"invalid resource"}"#,
            "Resource invalid resource must be in ARN format or \"*\".",
        ),
        (
            r#"{"Effect":"Allow","Action":"s:3:L","Resource":["adf"]}"#,
            "Resource adf must be in ARN format or \"*\".",
        ),
        (r#"{"Effect":"Allow","Action":"s3:L","Resource":""}"#, "Resource  must be in ARN format or \"*\"."),
        (
            r#"{"Effect":"Allow","NotAction":"s3:L","Resource":"a:bsdfdsafsad"}"#,
            "Partition \"bsdfdsafsad\" is not valid for resource \"arn:bsdfdsafsad:*:*:*:*\".",
        ),
        (
            r#"{"Effect":"Allow","NotAction":"s3:L","Resource":"a:b:cadfsdf"}"#,
            "Partition \"b\" is not valid for resource \"arn:b:cadfsdf:*:*:*\".",
        ),
        (
            r#"{"Effect":"Allow","NotAction":"s3:L","Resource":"a:b:c:d:e:f:g:h"}"#,
            "Partition \"b\" is not valid for resource \"arn:b:c:d:e:f:g:h\".",
        ),
        (
            r#"{"Effect":"Allow","Action":"s3:L","Resource":"aws:s3:::b"}"#,
            "Partition \"s3\" is not valid for resource \"arn:s3:::b:*\".",
        ),
        (
            r#"{"Effect":"Allow","Action":"s3:L","Resource":["arn:error:s3:::b","arn:error:s3::b"]}"#,
            "Partition \"error\" is not valid for resource \"arn:error:s3:::b\".",
        ),
        (
            r#"{"Effect":"Allow","Action":"s3:L","Resource":"arn:aws"}"#,
            "Resource vendor must be fully qualified and cannot contain regexes.",
        ),
        (
            r#"{"Effect":"Allow","Action":"s3:L","Resource":"arn:aws:iam:us-east-1::b"}"#,
            "IAM resource arn:aws:iam:us-east-1::b cannot contain region information.",
        ),
        (
            r#"{"Effect":"Allow","Action":"s3:L","Resource":"arn:aws:s3:us-east-1::b"}"#,
            "Resource arn:aws:s3:us-east-1::b can not contain region information.",
        ),
        (
            r#"{"Effect":"Allow","Principal":"*","Action":"s3:L","Resource":"*"}"#,
            "Policy document should not specify a principal.",
        ),
    ];
    let cases = whole
        .into_iter()
        .chain(statements.into_iter().map(|(statement, message)| (current(statement), message)));
    for (text, message) in cases {
        let error = check_identity_policy(&text).expect_err(&text);
        assert_eq!((error.code, error.message.as_str()), ("MalformedPolicyDocument", message), "{text}");
    }
    let text = current(r#"{"Effect":"Allow","Action":"s3:L","Resource":"arn:aws:iam:::example_bucket"}"#);
    let message = check_identity_policy(&text).unwrap_err().message;
    assert!(
        message.starts_with("IAM resource path must either be \"*\", root, or start with user/,"),
        "{message}"
    );
}

#[test]
fn what_aws_stores_is_stored() {
    for statement in [
        r#"{"Effect":"Allow","Action":"s3:ListBucket","Resource":["arn:aws:s3:::b","*"]}"#,
        r#"{"Effect":"Allow","Action":"iam: asdf safdsf af ","Resource":"arn:aws:s3:::b"}"#,
        r#"{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::b"}"#,
        r#"{"Effect":"Allow","Action":"fsx:ListBucket","Resource":"arn:aws:iam:::user/b"}"#,
        r#"{"Effect":"Allow","Action":"s3:L","Resource":"arn:aws:fdsasf"}"#,
        r#"{"Effect":"Allow","Action":"s3:L","Resource":"arn:aws:cloudwatch:us-east-1::b"}"#,
        r#"{"Effect":"Allow","Action":"s3:L","Resource":"*","Condition":{}}"#,
        r#"{"Effect":"Allow","Action":"s3:L","Resource":"*","Condition":{"a":{}}}"#,
        r#"{"Effect":"Allow","Action":"s3:L","Resource":"*","Condition":{"DateGreaterThan":{"a":[]}}}"#,
        r#"{"Effect":"Allow","Action":"s3:L","Resource":"*","Condition":{"DateGreaterThan":{"a":"2016-12-13t2:00:00.593194+10:59"}}}"#,
        r#"{"Effect":"Allow","Action":"s3:L","Resource":"*","Condition":{"Bool":{"aws:SecureTransport":false}}}"#,
        r#"{"Effect":"Allow","Action":"iam:L","Resource":"arn:aws:iam::*:user/*/${aws:username}"}"#,
        r#"[{"Sid":"","Effect":"Allow","Action":"s3:L","Resource":"*"},{"Sid":"","Effect":"Deny","Action":"s3:L","Resource":"*"}]"#,
    ] {
        let text = current(statement);
        assert!(check_identity_policy(&text).is_ok(), "{text}: {:?}", check_identity_policy(&text));
    }
}

#[test]
fn trust_policies() {
    let allow = r#""Effect":"Allow","Principal":{"AWS":"*"},"Action":"sts:AssumeRole""#;
    for good in [
        current(&format!("{{{allow}}}")),
        // Old trust policies are still written.
        format!(r#"{{"Version":"2008-10-17","Statement":[{{{allow}}}]}}"#),
        current(
            r#"{"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":["sts:AssumeRole","sts:TagSession","sts:SetSourceIdentity"]}"#,
        ),
        current(
            r#"{"Effect":"Allow","Principal":{"Federated":"cognito-identity.amazonaws.com"},"Action":"sts:AssumeRoleWithWebIdentity"}"#,
        ),
    ] {
        assert!(check_trust_policy(&good).is_ok(), "{good}: {:?}", check_trust_policy(&good));
    }
    for (text, message) in [
        ("{".to_owned(), "This policy contains invalid Json"),
        (current(&format!(r#"{{{allow},"Resource":"*"}}"#)), "Has prohibited field Resource"),
        (
            current(
                r#"{"Effect":"Allow","Principal":{"AWS":"*"},"Action":["sts:AssumeRole","s3:GetObject"]}"#,
            ),
            "AssumeRole policy may only specify STS AssumeRole actions.",
        ),
        (current(r#"{"Effect":"Allow","Principal":{"AWS":"*"}}"#), ACTIONS),
        (current(r#"{"Effect":"Allow","Principal":"someone","Action":"sts:AssumeRole"}"#), SYNTAX),
    ] {
        let error = check_trust_policy(&text).expect_err(&text);
        assert_eq!(error.message, message, "{text}");
    }
    // IAM and AWS STS quotas: "IAM doesn't count white space".
    assert_eq!(size("{ \"a\":\n\t1 }"), 7);
}
