//! MFA, asked for and not, in trust policies and elsewhere; self-service. Ids and forms are those of the
//! audit's rules.

use postern_policy::lint::PolicyKind::{Identity, Resource, Scp, Trust};

use postern_policy::{Context, Decision, Document, PolicyRef, PolicyStack, Principal, Request, evaluate};

use crate::{Case, findings, whole};

/// A trust in a user, with conditions.
macro_rules! trust {
    ($condition:literal) => {
        concat!(
            r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"},"Condition":{"#,
            $condition,
            "}}"
        )
    };
}

/// An unconditional trust in a user beside a Deny with conditions.
macro_rules! but {
    ($condition:literal) => {
        concat!(
            r#"[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"}},{"Effect":"Deny","Action":"sts:AssumeRole","Principal":"*","Condition":{"#,
            $condition,
            "}}]"
        )
    };
}

macro_rules! allow {
    ($actions:literal, $resource:literal) => {
        concat!(r#"{"Effect":"Allow","Action":"#, $actions, r#","Resource":"#, $resource, "}")
    };
}

pub(crate) const CASES: &[Case] = &[
    // MFA in trust policies.
    (
        "T01",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"}}"#,
        r#""arn:aws:iam::111122223333:user/alice""#,
    ),
    (
        "T01",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"111122223333"}}"#,
        r#""111122223333""#,
    ),
    ("T01", Trust, trust!(r#""Bool":{"aws:MultiFactorAuthPresent":"true"}"#), ""),
    (
        "T01",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::111122223333:role/x","Service":"ec2.amazonaws.com"}}"#,
        "",
    ),
    (
        "T01",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"111122223333"},"Condition":{"StringEquals":{"sts:ExternalId":"x"}}}"#,
        "",
    ),
    (
        "T01",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"111122223333"},"Condition":{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/x"}}}"#,
        "",
    ),
    (
        "T02",
        Trust,
        trust!(r#""BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}"#),
        r#""aws:MultiFactorAuthPresent":"true""#,
    ),
    (
        "T02",
        Trust,
        trust!(
            r#""BoolIfExists":{"aws:MultiFactorAuthPresent":"true"},"StringEquals":{"sts:ExternalId":"x"}"#
        ),
        r#""aws:MultiFactorAuthPresent":"true""#,
    ),
    (
        "T02",
        Trust,
        trust!(
            r#""BoolIfExists":{"aws:MultiFactorAuthPresent":"true"},"NumericLessThan":{"aws:MultiFactorAuthAge":"3600"}"#
        ),
        "",
    ),
    (
        "T02",
        Trust,
        concat!(
            "[",
            trust!(r#""BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}"#),
            r#",{"Effect":"Deny","Action":"sts:*","Principal":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}]"#
        ),
        "",
    ),
    // Right in all its forms: the decoys of facts/setup-audit.
    ("T03", Trust, trust!(r#""Bool":{"aws:multifactorauthpresent":[true]}"#), ""),
    ("T03", Trust, trust!(r#""Null":{"aws:MultiFactorAuthAge":"false"}"#), ""),
    ("T03", Trust, trust!(r#""ForAnyValue:Bool":{"aws:MultiFactorAuthPresent":"true"}"#), ""),
    ("T03", Trust, trust!(r#""StringEquals":{"aws:MultiFactorAuthPresent":"true"}"#), ""),
    (
        "T03",
        Trust,
        trust!(r#""ForAllValues:Bool":{"aws:MultiFactorAuthPresent":"true"}"#),
        r#""aws:MultiFactorAuthPresent":"true""#,
    ),
    (
        "T03",
        Trust,
        trust!(r#""Null":{"aws:MultiFactorAuthPresent":"false"}"#),
        r#""aws:MultiFactorAuthPresent":"false""#,
    ),
    (
        "T03",
        Trust,
        trust!(r#""Bool":{"aws:MultiFactorAuthPresent":["true","false"]}"#),
        r#""aws:MultiFactorAuthPresent":["true","false"]"#,
    ),
    (
        "T03",
        Trust,
        trust!(r#""StringNotEquals":{"aws:MultiFactorAuthPresent":"false"}"#),
        r#""aws:MultiFactorAuthPresent":"false""#,
    ),
    (
        "T03",
        Trust,
        trust!(r#""Bool":{"aws:MultiFactorAuthPresent":"false"}"#),
        r#""aws:MultiFactorAuthPresent":"false""#,
    ),
    (
        "T03",
        Trust,
        trust!(r#""BoolIfExists":{"aws:MultifactorAuthPresnt":"true"}"#),
        r#""aws:MultifactorAuthPresnt":"true""#,
    ),
    (
        "T03",
        Trust,
        trust!(r#""StringEqualsIfExists":{"aws:MultiFactorAuthPresent":"true"}"#),
        r#""aws:MultiFactorAuthPresent":"true""#,
    ),
    (
        "T04",
        Trust,
        trust!(r#""NumericLessThanIfExists":{"aws:MultiFactorAuthAge":"3600"}"#),
        r#""aws:MultiFactorAuthAge":"3600""#,
    ),
    (
        "T04",
        Trust,
        trust!(r#""NumericGreaterThan":{"aws:MultiFactorAuthAge":"3600"}"#),
        r#""aws:MultiFactorAuthAge":"3600""#,
    ),
    ("T04", Trust, trust!(r#""NumericLessThan":{"aws:MultiFactorAuthAge":"3600"}"#), ""),
    (
        "T04",
        Trust,
        trust!(
            r#""NumericLessThanIfExists":{"aws:MultiFactorAuthAge":"3600"},"Bool":{"aws:MultiFactorAuthPresent":"true"}"#
        ),
        "",
    ),
    (
        "T05",
        Trust,
        but!(r#""Bool":{"aws:MultiFactorAuthPresent":"false"}"#),
        r#""aws:MultiFactorAuthPresent":"false""#,
    ),
    ("T05", Trust, but!(r#""BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}"#), ""),
    (
        "T05",
        Trust,
        r#"[{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"111122223333"}},{"Effect":"Deny","Action":"sts:AssumeRole","Principal":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"false"}}},{"Effect":"Deny","Action":"sts:AssumeRole","Principal":"*","Condition":{"Null":{"aws:MultiFactorAuthPresent":"true"}}}]"#,
        "",
    ),
    (
        "T05",
        Trust,
        concat!(
            "[",
            trust!(r#""Bool":{"aws:MultiFactorAuthPresent":"true"}"#),
            r#",{"Effect":"Deny","Action":"sts:AssumeRole","Principal":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"false"}}}]"#
        ),
        "",
    ),
    (
        "T06",
        Trust,
        concat!(
            "[",
            trust!(r#""Bool":{"aws:MultiFactorAuthPresent":"true"}"#),
            r#",{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}]"#
        ),
        r#"{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"sts:AssumeRole"}"#,
    ),
    (
        "T06",
        Trust,
        concat!(
            "[",
            trust!(r#""Bool":{"aws:MultiFactorAuthPresent":"true"}"#),
            ",",
            trust!(r#""NumericLessThan":{"aws:MultiFactorAuthAge":"60000"}"#),
            r#",{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:user/bob"},"Action":"sts:AssumeRole"}]"#
        ),
        "",
    ),
    (
        "T22",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::111122223333:role/ci"},"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}"#,
        r#""aws:MultiFactorAuthPresent":"true""#,
    ),
    (
        "T22",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"ec2.amazonaws.com"},"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}"#,
        r#""aws:MultiFactorAuthPresent":"true""#,
    ),
    ("T22", Trust, trust!(r#""Bool":{"aws:MultiFactorAuthPresent":"true"}"#), ""),
    (
        "T22",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::111122223333:role/ci"},"Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}}}"#,
        "",
    ),
    // MFA elsewhere.
    (
        "B05",
        Identity,
        allow!(r#"["sts:AssumeRole"]"#, r#""arn:aws:iam::111122223333:role/x""#),
        r#""sts:AssumeRole""#,
    ),
    (
        "B05",
        Identity,
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}"#,
        "",
    ),
    ("B05", Identity, allow!(r#""*""#, r#""*""#), ""),
    (
        "B06",
        Identity,
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}}}"#,
        r#""aws:MultiFactorAuthPresent":"true""#,
    ),
    (
        "B06",
        Identity,
        r#"{"Effect":"Deny","NotAction":["iam:ListMFADevices","sts:GetSessionToken"],"Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"false"}}}"#,
        r#""aws:MultiFactorAuthPresent":"false""#,
    ),
    (
        "B06",
        Scp,
        r#"{"Effect":"Deny","Action":"ec2:StopInstances","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"false"}}}"#,
        r#""aws:MultiFactorAuthPresent":"false""#,
    ),
    (
        "B06",
        Resource,
        r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::b/*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"false"}}}"#,
        r#""aws:MultiFactorAuthPresent":"false""#,
    ),
    (
        "B06",
        Identity,
        r#"{"Effect":"Deny","NotAction":["iam:ListMFADevices","sts:GetSessionToken"],"Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}"#,
        "",
    ),
    (
        "B06",
        Resource,
        r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"arn:aws:s3:::b/*","Condition":{"Null":{"aws:MultiFactorAuthAge":"true"}}}"#,
        "",
    ),
    (
        "B06",
        Identity,
        r#"{"Effect":"Deny","Action":"ec2:*","Resource":"*","Condition":{"NumericGreaterThan":{"aws:MultiFactorAuthAge":"3600"}}}"#,
        "",
    ),
    (
        "B06",
        Identity,
        r#"[{"Effect":"Allow","Action":"s3:*","Resource":"*"},{"Effect":"Deny","Action":"s3:Delete*","Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}]"#,
        "",
    ),
    (
        "B10",
        Identity,
        r#"{"Effect":"Allow","Action":["sts:AssumeRole"],"Resource":"arn:aws:iam::*:role/*"}"#,
        r#""sts:AssumeRole""#,
    ),
    (
        "B10",
        Identity,
        r#"{"Effect":"Allow","Action":["sts:AssumeRole"],"Resource":"arn:aws:iam::*:role/developer"}"#,
        "",
    ),
    ("B15", Identity, allow!(r#""sts:GetFederationToken""#, r#""*""#), r#""sts:GetFederationToken""#),
    (
        "B15",
        Identity,
        r#"{"Effect":"Allow","Action":"sts:GetFederationToken","Resource":"*","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}"#,
        "",
    ),
    // Self-service.
    (
        "S01",
        Identity,
        allow!(
            r#"["iam:CreateVirtualMFADevice","iam:GetUser"]"#,
            r#"["arn:aws:iam::*:mfa/*","arn:aws:iam::*:user/${aws:username}"]"#
        ),
        r#""iam:CreateVirtualMFADevice""#,
    ),
    (
        "S01",
        Identity,
        r#"{"Effect":"Allow","Action":"iam:CreateVirtualMFADevice","Resource":["arn:aws:iam::*:mfa/${aws:username}"],"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}"#,
        "",
    ),
    (
        "S02",
        Identity,
        allow!(
            r#"["iam:DeactivateMFADevice","iam:GetUser"]"#,
            r#""arn:aws:iam::111122223333:user/${aws:username}""#
        ),
        r#""iam:DeactivateMFADevice""#,
    ),
    (
        "S02",
        Identity,
        concat!(
            "[",
            allow!(
                r#"["iam:DeactivateMFADevice","iam:GetUser"]"#,
                r#""arn:aws:iam::111122223333:user/${aws:username}""#
            ),
            r#",{"Effect":"Deny","NotAction":"iam:GetUser","Resource":"*","Condition":{"BoolIfExists":{"aws:MultiFactorAuthPresent":"false"}}}]"#
        ),
        "",
    ),
    (
        "S03",
        Identity,
        allow!(r#""iam:*AccessKey*""#, r#""arn:aws:iam::*:user/${aws:username}""#),
        r#""iam:*AccessKey*""#,
    ),
    ("S03", Identity, allow!(r#""iam:ListAccessKeys""#, r#""arn:aws:iam::*:user/${aws:username}""#), ""),
    (
        "S04",
        Identity,
        allow!(
            r#"["iam:ChangePassword","iam:UpdateLoginProfile"]"#,
            r#""arn:aws:iam::*:user/${aws:username}""#
        ),
        r#""iam:UpdateLoginProfile""#,
    ),
    (
        "S04",
        Identity,
        allow!(r#"["iam:ChangePassword","iam:GetLoginProfile"]"#, r#""arn:aws:iam::*:user/${aws:username}""#),
        "",
    ),
    (
        "S05",
        Identity,
        allow!(r#"["iam:GetUser","iam:CreateAccessKey"]"#, r#""arn:aws:iam::*:user/*""#),
        r#""iam:CreateAccessKey""#,
    ),
    (
        "S05",
        Identity,
        allow!(r#"["iam:GetUser","iam:CreateAccessKey"]"#, r#""arn:aws:iam::*:user/${aws:username}""#),
        "",
    ),
    ("S05", Identity, allow!(r#""iam:*""#, r#""*""#), ""),
    (
        "S06",
        Identity,
        allow!(r#""iam:CreateAccessKey""#, r#""arn:aws:iam::*:user/${aws:username}""#),
        r#""arn:aws:iam::*:user/${aws:username}""#,
    ),
    (
        "S06",
        Identity,
        allow!(
            r#""iam:CreateAccessKey""#,
            r#"["arn:aws:iam::*:user/${aws:username}","arn:aws:iam::*:user/*/${aws:username}"]"#
        ),
        "",
    ),
    (
        "S07",
        Identity,
        allow!(r#"["iam:ListMFADevices","iam:EnableMFADevice"]"#, r#""arn:aws:iam::*:user/${aws:username}""#),
        r#""iam:EnableMFADevice""#,
    ),
    (
        "S07",
        Identity,
        r#"{"Effect":"Allow","Action":"iam:EnableMFADevice","Resource":"arn:aws:iam::*:user/${aws:username}","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}"#,
        "",
    ),
];

/// Whether alice gets in, by the evaluation alone.
fn admits(trust: &str, mfa: Option<bool>) -> bool {
    let document = Document::parse(&whole(trust)).unwrap();
    let alice = Principal::from_arn("arn:aws:iam::111122223333:user/alice").unwrap();
    let mut context = Context::new();
    if let Some(mfa) = mfa {
        context.set("aws:MultiFactorAuthPresent", mfa);
    }
    if mfa == Some(true) {
        context.set("aws:MultiFactorAuthAge", "60");
    }
    let request = Request {
        principal: &alice,
        action: "sts:AssumeRole",
        resource: "arn:aws:iam::111122223333:role/work",
        resource_account: None,
        context: &context,
    };
    let resource = Some(PolicyRef { name: "trust", arn: None, document: &document });
    evaluate(&request, &PolicyStack { resource, ..PolicyStack::default() }).decision == Decision::Allowed
}

/// Every operator on either key, in an Allow or in a Deny beside one: a finding says so if and only if
/// somebody gets in without MFA.
#[test]
fn findings_on_mfa_are_what_the_evaluation_says() {
    let operators = [
        "Bool",
        "StringEquals",
        "StringNotEquals",
        "StringLike",
        "StringNotLike",
        "StringEqualsIgnoreCase",
        "NumericLessThan",
        "NumericLessThanEquals",
        "NumericEquals",
        "NumericNotEquals",
        "NumericGreaterThan",
    ];
    let values = [r#""true""#, r#""false""#, r#"["true","false"]"#, r#""3600""#, r#""tr*""#];
    let mut all = vec![(r#"Null"#.to_owned(), ""), ("ForAllValues:Null".to_owned(), "")];
    for operator in operators {
        for (before, behind) in [("", ""), ("", "IfExists"), ("ForAllValues:", ""), ("ForAnyValue:", "")] {
            all.push((format!("{before}{operator}"), behind));
        }
    }
    let (mut open, mut closed) = (0, 0);
    for (operator, suffix) in all {
        for key in ["aws:MultiFactorAuthPresent", "AWS:multifactorauthage"] {
            for value in values {
                let condition = format!(r#"{{"{operator}{suffix}":{{"{key}":{value}}}}}"#);
                let principal = r#""Principal":{"AWS":"arn:aws:iam::111122223333:user/alice"}"#;
                let allow = format!(
                    r#"{{"Effect":"Allow","Action":"sts:AssumeRole",{principal},"Condition":{condition}}}"#
                );
                let deny = format!(
                    r#"[{{"Effect":"Allow","Action":"sts:AssumeRole",{principal}}},{{"Effect":"Deny","Action":"sts:AssumeRole","Principal":"*","Condition":{condition}}}]"#
                );
                for trust in [allow, deny] {
                    if Document::parse(&whole(&trust)).is_err() {
                        continue;
                    }
                    let without = admits(&trust, None) || admits(&trust, Some(false));
                    let told = findings(Trust, &trust).iter().any(|f| {
                        matches!(f.rule.id, "T01" | "T02" | "T03" | "T05")
                            || (f.rule.id == "T04" && !f.message.contains("older"))
                    });
                    assert_eq!(told, without, "{trust}");
                    open += usize::from(without);
                    closed += usize::from(!without);
                }
            }
        }
    }
    assert!(open > 100 && closed > 100, "{open} {closed}");
}
