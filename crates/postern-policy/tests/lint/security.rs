//! What lets in too many, or gives too much. Ids and forms are those of the audit's rules.

use postern_policy::lint::PolicyKind::{Boundary, Identity, Resource, Scp, Trust};

use crate::Case;

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

/// A trust in everyone, with conditions.
macro_rules! everyone {
    ($condition:literal) => {
        concat!(
            r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":"*","Condition":{"#,
            $condition,
            "}}"
        )
    };
}

macro_rules! github {
    ($condition:literal) => {
        concat!(
            r#"{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},"Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"},"#,
            $condition,
            "}}"
        )
    };
}

macro_rules! allow {
    ($actions:literal, $resource:literal) => {
        concat!(r#"{"Effect":"Allow","Action":"#, $actions, r#","Resource":"#, $resource, "}")
    };
}

macro_rules! send {
    ($condition:literal) => {
        concat!(
            r#"{"Effect":"Allow","Action":"sqs:SendMessage","Principal":{"AWS":"*"},"Resource":"*","Condition":{"#,
            $condition,
            "}}"
        )
    };
}

macro_rules! deputy {
    ($action:literal, $service:literal, $condition:literal) => {
        concat!(
            r#"{"Effect":"Allow","Action":""#,
            $action,
            r#"","Principal":{"Service":""#,
            $service,
            r#""},"Resource":"*","Condition":{"#,
            $condition,
            "}}"
        )
    };
}

pub(crate) const CASES: &[Case] = &[
    // Strangers.
    (
        "T07",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":["111122223333","*"]}}"#,
        r#""*""#,
    ),
    (
        "T07",
        Resource,
        r#"{"Effect":"Allow","Action":"s3:GetObject","Principal":"*","Resource":"arn:aws:s3:::b/*","Condition":{"Bool":{"aws:SecureTransport":"true"}}}"#,
        r#""*""#,
    ),
    ("T07", Trust, everyone!(r#""StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}"#), ""),
    ("T07", Trust, everyone!(r#""ArnLike":{"aws:PrincipalArn":"arn:aws:iam::111122223333:user/*"}"#), ""),
    (
        "T07",
        Resource,
        r#"[{"Effect":"Allow","Action":"sqs:SendMessage","Principal":"*","Resource":"*","Condition":{"ArnEquals":{"aws:SourceArn":"arn:aws:sns:eu-central-1:111122223333:t"}}},{"Effect":"Allow","Action":"s3:GetObject","Principal":"*","Resource":"arn:aws:s3:::b/*","Condition":{"StringEquals":{"aws:SourceVpce":"vpce-1"}}}]"#,
        "",
    ),
    (
        "T07",
        Resource,
        r#"[{"Effect":"Allow","Action":"s3:GetObject","Principal":"*","Resource":"arn:aws:s3:::b/*"},{"Effect":"Deny","Action":"s3:*","Principal":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:PrincipalAccount":"111122223333"}}}]"#,
        "",
    ),
    // What asks for a value and takes any guards nothing.
    ("T07", Resource, send!(r#""ArnLike":{"aws:SourceArn":"*"}"#), r#""*""#),
    ("T07", Resource, send!(r#""ArnLike":{"aws:SourceArn":"arn:aws:sns:*:*:*"}"#), r#""*""#),
    ("T07", Resource, send!(r#""ArnLike":{"aws:SourceArn":"arn:aws:s3:::*"}"#), r#""*""#),
    ("T07", Resource, send!(r#""StringLike":{"aws:SourceAccount":"*"}"#), r#""*""#),
    ("T07", Resource, send!(r#""Null":{"aws:SourceArn":"false"}"#), r#""*""#),
    ("T07", Resource, send!(r#""StringLike":{"aws:SourceVpc":"vpc-*"}"#), r#""*""#),
    ("T07", Resource, send!(r#""ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"*"}"#), r#""*""#),
    ("T07", Resource, send!(r#""StringLike":{"aws:PrincipalArn":"*"}"#), r#""*""#),
    ("T07", Resource, send!(r#""IpAddress":{"aws:SourceIp":["203.0.113.0/24","0.0.0.0/0"]}"#), r#""*""#),
    ("T07", Resource, send!(r#""StringNotEquals":{"aws:SourceAccount":"111122223333"}"#), r#""*""#),
    // Who does not say for whom it acts is let in.
    (
        "T07",
        Resource,
        send!(r#""ArnLikeIfExists":{"aws:SourceArn":"arn:aws:sns:*:111122223333:*"}"#),
        r#""*""#,
    ),
    ("T07", Resource, send!(r#""StringEqualsIfExists":{"aws:SourceAccount":"111122223333"}"#), r#""*""#),
    ("T07", Resource, send!(r#""ArnLike":{"aws:SourceArn":"arn:aws:sns:*:111122223333:*"}"#), ""),
    ("T07", Resource, send!(r#""ArnLike":{"aws:SourceArn":"arn:aws:s3:*:*:bucket"}"#), ""),
    (
        "T07",
        Resource,
        send!(r#""ArnLike":{"aws:SourceArn":"*"},"StringEquals":{"aws:SourceAccount":"111122223333"}"#),
        "",
    ),
    (
        "T07",
        Resource,
        send!(r#""ArnLike":{"aws:SourceArn":"*"},"StringEquals":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"}"#),
        "",
    ),
    ("T08", Trust, everyone!(r#""ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/deploy"}"#), r#""*""#),
    ("T08", Resource, send!(r#""StringLike":{"aws:PrincipalArn":"*"}"#), ""),
    ("T08", Trust, everyone!(r#""StringEquals":{"sts:ExternalId":"secret"}"#), r#""*""#),
    ("T08", Trust, everyone!(r#""StringLike":{"aws:userid":"AROAEXAMPLEID*"}"#), ""),
    (
        "T08",
        Trust,
        everyone!(r#""StringEquals":{"aws:PrincipalAccount":"111122223333","sts:ExternalId":"secret"}"#),
        "",
    ),
    ("T24", Trust, everyone!(r#""Bool":{"aws:MultiFactorAuthPresent":"true"}"#), r#""*""#),
    (
        "T24",
        Trust,
        everyone!(
            r#""Bool":{"aws:MultiFactorAuthPresent":"true"},"StringEquals":{"aws:PrincipalAccount":"111122223333"}"#
        ),
        "",
    ),
    // Whom a trust names, and how they are guarded.
    (
        "T10",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::111122223333:root"}}"#,
        r#""arn:aws:iam::111122223333:root""#,
    ),
    (
        "T10",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"111122223333"},"Condition":{"StringEquals":{"sts:ExternalId":"x"}}}"#,
        "",
    ),
    (
        "T11",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"111122223333"}}"#,
        r#""111122223333""#,
    ),
    (
        "T11",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"111122223333"},"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}"#,
        "",
    ),
    (
        "T13",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":["AIDACKCEVSQ6C2EXAMPLE"]}}"#,
        r#""AIDACKCEVSQ6C2EXAMPLE""#,
    ),
    (
        "T13",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"arn:aws:iam::111122223333:user/AIDA"}}"#,
        "",
    ),
    (
        "T15",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},"Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"}}}"#,
        r#""arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com""#,
    ),
    (
        "T15",
        Trust,
        github!(r#""StringLike":{"token.actions.githubusercontent.com:sub":"repo:*"}"#),
        r#""token.actions.githubusercontent.com:sub":"repo:*""#,
    ),
    (
        "T15",
        Trust,
        github!(
            r#""StringLike":{"token.actions.githubusercontent.com:sub":["repo:acme/app:*","repo:acme*"]}"#
        ),
        r#""repo:acme*""#,
    ),
    (
        "T15",
        Trust,
        github!(r#""StringLike":{"token.actions.githubusercontent.com:sub":"repo:acme/*"}"#),
        r#""repo:acme/*""#,
    ),
    (
        "T15",
        Trust,
        github!(
            r#""ForAllValues:StringEquals":{"token.actions.githubusercontent.com:sub":"repo:acme/app:ref:refs/heads/main"}"#
        ),
        r#""token.actions.githubusercontent.com:sub":"repo:acme/app:ref:refs/heads/main""#,
    ),
    (
        "T15",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},"Condition":{"StringEquals":{"token.actions.githubusercontent.com:sub":"repo:acme/app:ref:refs/heads/main"}}}"#,
        r#""arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com""#,
    ),
    (
        "T15",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"accounts.google.com"}}"#,
        r#""accounts.google.com""#,
    ),
    (
        "T15",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"accounts.google.com"},"Condition":{"StringEquals":{"accounts.google.com:aud":"66677788899900pro0"}}}"#,
        "",
    ),
    (
        "T15",
        Trust,
        github!(r#""StringLike":{"token.actions.githubusercontent.com:sub":"repo:acme/app:*"}"#),
        "",
    ),
    (
        "T15",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/EX"},"Condition":{"StringEquals":{"oidc.eks.eu-central-1.amazonaws.com/id/EX:aud":"sts.amazonaws.com","oidc.eks.eu-central-1.amazonaws.com/id/EX:sub":"system:serviceaccount:default:app"}}}"#,
        "",
    ),
    (
        "T15",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/oidc.eks.eu-central-1.amazonaws.com/id/EX"},"Condition":{"StringLike":{"oidc.eks.eu-central-1.amazonaws.com/id/EX:aud":"sts.amazonaws.com","oidc.eks.eu-central-1.amazonaws.com/id/EX:sub":"system:serviceaccount:*"}}}"#,
        r#""system:serviceaccount:*""#,
    ),
    (
        "T16",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRoleWithSAML","Principal":{"Federated":"arn:aws:iam::111122223333:saml-provider/idp"}}"#,
        r#""arn:aws:iam::111122223333:saml-provider/idp""#,
    ),
    (
        "T16",
        Trust,
        r#"{"Effect":"Allow","Action":["sts:AssumeRoleWithSAML","sts:TagSession"],"Principal":{"Federated":"arn:aws:iam::111122223333:saml-provider/idp"},"Condition":{"StringEquals":{"SAML:aud":"https://signin.aws.amazon.com/saml"}}}"#,
        "",
    ),
    (
        "T17",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"cognito-identity.amazonaws.com"},"Condition":{"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"authenticated"}}}"#,
        r#""cognito-identity.amazonaws.com""#,
    ),
    (
        "T17",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"cognito-identity.amazonaws.com"},"Condition":{"StringEquals":{"cognito-identity.amazonaws.com:aud":"eu-central-1:x"},"ForAnyValue:StringLike":{"cognito-identity.amazonaws.com:amr":"authenticated"}}}"#,
        "",
    ),
    (
        "T18",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":["ec2.amazonaws.com","scheduler.amazonaws.com"]}}"#,
        r#""scheduler.amazonaws.com""#,
    ),
    (
        "T18",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"scheduler.amazonaws.com"},"Condition":{"StringEquals":{"aws:SourceAccount":"111122223333"}}}"#,
        "",
    ),
    (
        "T18",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Service":"scheduler.amazonaws.com"},"Condition":{"StringLike":{"aws:SourceAccount":"*"}}}"#,
        r#""scheduler.amazonaws.com""#,
    ),
    ("T18", Resource, deputy!("sns:Publish", "s3.amazonaws.com", ""), r#""s3.amazonaws.com""#),
    ("T18", Resource, deputy!("sqs:SendMessage", "sns.amazonaws.com", ""), r#""sns.amazonaws.com""#),
    (
        "T18",
        Resource,
        deputy!("kms:GenerateDataKey*", "logs.eu-central-1.amazonaws.com", ""),
        r#""logs.eu-central-1.amazonaws.com""#,
    ),
    (
        "T18",
        Resource,
        deputy!("lambda:InvokeFunction", "events.amazonaws.com", ""),
        r#""events.amazonaws.com""#,
    ),
    (
        "T18",
        Resource,
        deputy!("s3:PutObject", "cloudtrail.amazonaws.com", ""),
        r#""cloudtrail.amazonaws.com""#,
    ),
    (
        "T18",
        Resource,
        deputy!("sns:Publish", "s3.amazonaws.com", r#""ArnLike":{"aws:SourceArn":"arn:aws:s3:*:*:*"}"#),
        r#""s3.amazonaws.com""#,
    ),
    (
        "T18",
        Resource,
        deputy!("sns:Publish", "s3.amazonaws.com", r#""ArnLike":{"aws:SourceArn":"arn:aws:s3:::bucket"}"#),
        "",
    ),
    (
        "T18",
        Resource,
        deputy!(
            "lambda:InvokeFunction",
            "events.amazonaws.com",
            r#""ArnEquals":{"aws:SourceArn":"arn:aws:events:eu-central-1:111122223333:rule/r"}"#
        ),
        "",
    ),
    (
        "T18",
        Resource,
        deputy!(
            "kms:Decrypt",
            "logs.amazonaws.com",
            r#""ArnLike":{"kms:EncryptionContext:aws:logs:arn":"arn:aws:logs:*:111122223333:*"}"#
        ),
        "",
    ),
    (
        "T18",
        Resource,
        deputy!(
            "s3:PutObject",
            "cloudtrail.amazonaws.com",
            r#""StringEquals":{"aws:SourceOrgID":"o-a1b2c3d4e5","s3:x-amz-acl":"bucket-owner-full-control"}"#
        ),
        "",
    ),
    // Denied for strangers by another statement.
    (
        "T18",
        Resource,
        r#"[{"Effect":"Allow","Action":"s3:PutObject","Principal":{"Service":"cloudtrail.amazonaws.com"},"Resource":"*"},{"Effect":"Deny","Action":"s3:*","Principal":"*","Resource":"*","Condition":{"StringNotEquals":{"aws:SourceAccount":"111122223333"}}}]"#,
        "",
    ),
    ("T18", Resource, deputy!("sqs:SendMessage", "ec2.amazonaws.com", ""), ""),
    (
        "T19",
        Trust,
        r#"{"Effect":"Allow","Action":["sts:AssumeRole","sts:TagSession"],"Principal":{"Service":"pods.eks.amazonaws.com"}}"#,
        r#""sts:TagSession""#,
    ),
    (
        "T19",
        Trust,
        r#"{"Effect":"Allow","Action":["sts:AssumeRole","sts:TagSession"],"Principal":{"AWS":"111122223333"},"Condition":{"StringEquals":{"aws:RequestTag/team":"a"}}}"#,
        "",
    ),
    ("T20", Trust, r#"{"Effect":"Allow","Action":"sts:*","Principal":{"AWS":"111122223333"}}"#, r#""sts:*""#),
    ("T20", Trust, r#"{"Effect":"Deny","Action":"sts:*","Principal":{"AWS":"111122223333"}}"#, ""),
    (
        "T21",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","NotPrincipal":{"AWS":"111122223333"}}"#,
        r#"{"AWS":"111122223333"}"#,
    ),
    (
        "T21",
        Resource,
        r#"{"Effect":"Deny","Action":"s3:*","Resource":"*","NotPrincipal":{"AWS":"111122223333"}}"#,
        "",
    ),
    (
        "T25",
        Trust,
        trust!(r#""IpAddress":{"aws:SourceIp":"203.0.113.0/24"}"#),
        r#""aws:SourceIp":"203.0.113.0/24""#,
    ),
    (
        "T25",
        Trust,
        trust!(
            r#""IpAddress":{"aws:SourceIp":"203.0.113.0/24"},"Bool":{"aws:MultiFactorAuthPresent":"true"}"#
        ),
        "",
    ),
    (
        "T29",
        Trust,
        trust!(r#""StringEquals":{"sts:ExternalId":"x"}"#),
        r#""arn:aws:iam::111122223333:user/alice""#,
    ),
    (
        "T29",
        Trust,
        trust!(r#""StringEquals":{"sts:ExternalId":"x"},"Bool":{"aws:MultiFactorAuthPresent":"true"}"#),
        "",
    ),
    ("T30", Trust, trust!(r#""StringEqualsIfExists":{"sts:ExternalId":"x"}"#), r#""sts:ExternalId":"x""#),
    (
        "T30",
        Trust,
        trust!(r#""StringEqualsIfExists":{"sts:ExternalId":"x"},"StringEquals":{"aws:PrincipalTag/x":"y"}"#),
        "",
    ),
    // Rights.
    (
        "R02",
        Identity,
        allow!(r#"["iam:GetUser","iam:CreateRole","iam:DeleteRole"]"#, r#""*""#),
        r#""iam:CreateRole""#,
    ),
    (
        "R02",
        Identity,
        allow!(r#"["iam:Get*","iam:CreateServiceLinkedRole","iam:CreateVirtualMFADevice"]"#, r#""*""#),
        "",
    ),
    ("R02", Identity, allow!(r#"["iam:CreateRole"]"#, r#""arn:aws:iam::*:role/app-*""#), ""),
    ("R20", Identity, allow!(r#"["s3:Get*","s3:Put*"]"#, r#""*""#), r#""s3:Put*""#),
    (
        "R20",
        Identity,
        allow!(r#"["sns:Publish","sns:AddPermission"]"#, r#""arn:aws:sns:*:111122223333:topic""#),
        "",
    ),
    ("R01", Identity, allow!(r#""*""#, r#""*""#), r#""*""#),
    ("R01", Identity, allow!(r#""*""#, r#""arn:aws:s3:::b""#), ""),
    ("R01", Scp, allow!(r#""*""#, r#""*""#), ""),
    (
        "R03",
        Identity,
        allow!(r#"["iam:GetUser","iam:AttachUserPolicy"]"#, r#""*""#),
        r#""iam:AttachUserPolicy""#,
    ),
    ("R03", Identity, allow!(r#""iam:AttachUserPolicy""#, r#""arn:aws:iam::111122223333:user/x""#), ""),
    (
        "R03",
        Identity,
        r#"{"Effect":"Allow","Action":"iam:AttachUserPolicy","Resource":"*","Condition":{"StringEquals":{"iam:PermissionsBoundary":"arn:aws:iam::111122223333:policy/b"}}}"#,
        "",
    ),
    ("R04", Identity, allow!(r#""iam:PassRole""#, r#""arn:aws:iam::*:role/*""#), r#""iam:PassRole""#),
    (
        "R04",
        Identity,
        r#"{"Effect":"Allow","Action":"iam:PassRole","Resource":"*","Condition":{"StringEquals":{"iam:PassedToService":"ec2.amazonaws.com"}}}"#,
        "",
    ),
    ("R04", Identity, allow!(r#""iam:PassRole""#, r#""arn:aws:iam::*:role/app-*""#), ""),
    ("R09", Identity, r#"{"Effect":"Allow","NotAction":["iam:*"],"Resource":"*"}"#, r#"["iam:*"]"#),
    ("R09", Identity, r#"{"Effect":"Deny","NotAction":["iam:*"],"Resource":"*"}"#, ""),
    (
        "R10",
        Identity,
        r#"{"Effect":"Allow","Action":"s3:GetObject","NotResource":"arn:aws:s3:::secret/*"}"#,
        r#""arn:aws:s3:::secret/*""#,
    ),
    (
        "R10",
        Identity,
        r#"{"Effect":"Deny","Action":"s3:GetObject","NotResource":"arn:aws:s3:::secret/*"}"#,
        "",
    ),
    ("R11", Identity, allow!(r#"["s3:Get*","ec2:*"]"#, r#""*""#), r#""ec2:*""#),
    ("R11", Identity, allow!(r#""s3:*""#, r#""arn:aws:s3:::b/*""#), ""),
    ("R13", Identity, allow!(r#""cloudtrail:*""#, r#""*""#), r#""cloudtrail:*""#),
    ("R13", Identity, allow!(r#""cloudtrail:Describe*""#, r#""*""#), ""),
    ("R14", Boundary, allow!(r#"["s3:*","iam:*"]"#, r#""*""#), r#""iam:*""#),
    (
        "R14",
        Boundary,
        concat!("[", allow!(r#""*""#, r#""*""#), r#",{"Effect":"Deny","Action":"iam:*","Resource":"*"}]"#),
        "",
    ),
    ("R15", Identity, r#"{"Effect":"Allow","NotAction":["iam:*"],"Resource":"*"}"#, r#"["iam:*"]"#),
    (
        "R15",
        Identity,
        r#"[{"Effect":"Allow","NotAction":["iam:*"],"Resource":"*"},{"Effect":"Deny","Action":"sts:AssumeRole","Resource":"*"}]"#,
        "",
    ),
];
