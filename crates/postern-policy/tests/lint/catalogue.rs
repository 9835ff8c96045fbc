//! What the catalogue of services knows: actions, resources, keys and their types.

use postern_policy::lint::PolicyKind::{Identity, Resource, Trust};

use crate::Case;

macro_rules! allow {
    ($actions:literal, $resource:literal) => {
        concat!(r#"{"Effect":"Allow","Action":"#, $actions, r#","Resource":"#, $resource, "}")
    };
}

macro_rules! when {
    ($condition:literal) => {
        concat!(
            r#"{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::b","Condition":{"#,
            $condition,
            "}}"
        )
    };
}

pub(crate) const CASES: &[Case] = &[
    (
        "P20",
        Identity,
        allow!(r#"["s3:GetObject","lamda:InvokeFunction"]"#, r#""*""#),
        r#""lamda:InvokeFunction""#,
    ),
    ("P20", Identity, allow!(r#"["S3:getobject","*:Get*","*"]"#, r#""*""#), ""),
    ("P21", Identity, allow!(r#"["s3:GetObjct","s3:getobject"]"#, r#""*""#), r#""s3:GetObjct""#),
    (
        "P21",
        Identity,
        r#"{"Effect":"Allow","NotAction":"s3:ListObjects","Resource":"*"}"#,
        r#""s3:ListObjects""#,
    ),
    ("P21", Identity, allow!(r#"["s3:GetObject*","lamda:InvokeFunction","GetObject"]"#, r#""*""#), ""),
    ("P22", Identity, allow!(r#"["s3:Frob*","s3:Get*"]"#, r#""*""#), r#""s3:Frob*""#),
    ("P22", Identity, allow!(r#"["s3:?etObject","s3:*Tagging"]"#, r#""*""#), ""),
    ("P28", Identity, allow!(r#"["*:Get*"]"#, r#""*""#), r#""*:Get*""#),
    ("P28", Identity, allow!(r#"["*","s3:*"]"#, r#""*""#), ""),
    // The two that everybody gets wrong.
    ("P25", Identity, allow!(r#""s3:ListBucket""#, r#""arn:aws:s3:::b/*""#), r#""s3:ListBucket""#),
    (
        "P25",
        Identity,
        allow!(r#"["s3:GetObject","s3:PutObject*"]"#, r#"["arn:aws:s3:::b","arn:aws:s3:::b/*"]"#),
        r#""arn:aws:s3:::b""#,
    ),
    (
        "P25",
        Identity,
        allow!(r#""ec2:DescribeInstances""#, r#""arn:aws:ec2:*:*:instance/i-1""#),
        r#""ec2:DescribeInstances""#,
    ),
    (
        "P25",
        Identity,
        allow!(r#"["iam:GetUser","iam:List*"]"#, r#""arn:aws:iam::*:role/x""#),
        r#""iam:GetUser""#,
    ),
    (
        "P25",
        Identity,
        r#"{"Effect":"Deny","Action":"s3:GetObject","Resource":"arn:aws:s3:::b"}"#,
        r#""s3:GetObject""#,
    ),
    (
        "P25",
        Identity,
        allow!(r#"["s3:ListBucket","s3:GetObject"]"#, r#"["arn:aws:s3:::b","arn:aws:s3:::b/*"]"#),
        "",
    ),
    (
        "P25",
        Identity,
        allow!(
            r#"["s3:GetObject"]"#,
            r#"["arn:aws:s3:::b*","arn:aws:s3:eu-central-1:111122223333:accesspoint/x/object/*"]"#
        ),
        "",
    ),
    ("P25", Identity, allow!(r#"["s3:ListAllMyBuckets"]"#, r#""arn:aws:s3:::*""#), ""),
    ("P25", Identity, allow!(r#"["s3:Frobnicate"]"#, r#""arn:aws:s3:::b""#), ""),
    ("P25", Identity, r#"{"Effect":"Deny","Action":"s3:GetObject","NotResource":"arn:aws:s3:::b"}"#, ""),
    (
        "P25",
        Identity,
        allow!(r#"["iam:ChangePassword","iam:GetUser"]"#, r#""arn:aws:iam::*:user/${aws:username}""#),
        "",
    ),
    (
        "P26",
        Identity,
        allow!(r#"["s3:*"]"#, r#""arn:aws:s3::111122223333:b""#),
        r#""arn:aws:s3::111122223333:b""#,
    ),
    (
        "P26",
        Identity,
        allow!(r#"["sqs:*"]"#, r#"["arn:aws:sqs:*:*:q","arn:aws:states:*:*:statemachine:x"]"#),
        r#""arn:aws:states:*:*:statemachine:x""#,
    ),
    ("P26", Identity, allow!(r#"["iam:GetRole"]"#, r#"["arn:aws:iam::*:role/a/b","arn:aws:iam::*:*"]"#), ""),
    // Keys.
    ("P16", Identity, when!(r#""StringEquals":{"username":"a"}"#), r#""username""#),
    ("P16", Identity, when!(r#""StringEquals":{"aws:username":"a"}"#), ""),
    ("P17", Identity, when!(r#""StringEquals":{"aws:RequestTag":"a"}"#), r#""aws:RequestTag""#),
    ("P17", Identity, when!(r#""StringEquals":{"aws:RequestTag/x":"a"}"#), ""),
    ("P23", Identity, when!(r#""StringEquals":{"aws:usrname":"a"}"#), r#""aws:usrname""#),
    ("P23", Identity, when!(r#""StringNotEquals":{"aws:SorceVpce":"a"}"#), r#""aws:SorceVpce""#),
    (
        "P23",
        Identity,
        allow!(r#""s3:GetObject""#, r#""arn:aws:s3:::b/${aws:usrname}/*""#),
        r#""arn:aws:s3:::b/${aws:usrname}/*""#,
    ),
    (
        "P23",
        Identity,
        when!(r#""StringEquals":{"AWS:UserName":"a","aws:PrincipalTag/x":"${aws:PrincipalTag/y}"}"#),
        "",
    ),
    (
        "P23",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},"Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com","token.actions.githubusercontent.com:repository":"acme/app"}}}"#,
        "",
    ),
    (
        "R18",
        Identity,
        r#"{"Effect":"Deny","Action":"s3:*","Resource":"*","Condition":{"Bool":{"aws:SecureTransprt":"false"}}}"#,
        r#""aws:SecureTransprt""#,
    ),
    (
        "P24",
        Identity,
        r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"StringEquals":{"s3:prefix":"a"}}}"#,
        r#""s3:prefix""#,
    ),
    ("P24", Identity, when!(r#""StringEquals":{"s3:prefix":"a"}"#), ""),
    (
        "P24",
        Identity,
        r#"{"Effect":"Allow","Action":["s3:GetObject","s3:NewAction"],"Resource":"*","Condition":{"StringEquals":{"s3:prefix":"a"}}}"#,
        "",
    ),
    (
        "P24",
        Identity,
        r#"{"Effect":"Allow","Action":"ec2:TerminateInstances","Resource":"*","Condition":{"StringEquals":{"ec2:ResourceTag/x":"a"}}}"#,
        "",
    ),
    (
        "P24",
        Resource,
        r#"{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*","Condition":{"StringEquals":{"s3:prefix":"a"}}}"#,
        "",
    ),
    // Types.
    ("P30", Identity, when!(r#""StringEquals":{"aws:SourceIp":"203.0.113.0/24"}"#), r#""StringEquals""#),
    ("P30", Identity, when!(r#""Bool":{"aws:MultiFactorAuthAge":"true"}"#), r#""Bool""#),
    ("P30", Identity, when!(r#""DateLessThan":{"aws:MultiFactorAuthAge":"3600"}"#), r#""DateLessThan""#),
    ("P30", Identity, when!(r#""IpAddress":{"aws:username":"203.0.113.0/24"}"#), r#""IpAddress""#),
    (
        "P30",
        Identity,
        when!(r#""StringLike":{"aws:PrincipalArn":"arn:aws:iam::*:role/x"}"#),
        r#""StringLike""#,
    ),
    (
        "P30",
        Identity,
        when!(
            r#""IpAddress":{"aws:SourceIp":"203.0.113.0/24"},"NumericLessThan":{"aws:MultiFactorAuthAge":"3600","aws:EpochTime":"1"},"DateLessThan":{"aws:EpochTime":"1"},"StringEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/x"},"Null":{"aws:SourceIp":"false"}"#
        ),
        "",
    ),
    (
        "P32",
        Identity,
        when!(r#""ForAllValues:StringEquals":{"aws:username":"a"}"#),
        r#""ForAllValues:StringEquals""#,
    ),
    (
        "P32",
        Identity,
        when!(r#""ForAnyValue:StringEquals":{"aws:username":"a"}"#),
        r#""ForAnyValue:StringEquals""#,
    ),
    ("P32", Identity, when!(r#""ForAllValues:StringEquals":{"aws:TagKeys":"a"}"#), ""),
    ("P33", Identity, when!(r#""StringLike":{"aws:PrincipalOrgPaths":"o-x/*"}"#), r#""StringLike""#),
    (
        "P33",
        Identity,
        when!(r#""ForAnyValue:StringLike":{"aws:PrincipalOrgPaths":"o-x/*"},"Null":{"aws:TagKeys":"false"}"#),
        "",
    ),
    (
        "P34",
        Identity,
        when!(r#""ForAllValues:StringLike":{"aws:PrincipalOrgPaths":"o-x/*"}"#),
        r#""ForAllValues:StringLike""#,
    ),
    (
        "P34",
        Identity,
        when!(
            r#""ForAllValues:StringLike":{"aws:PrincipalOrgPaths":"o-x/*"},"Null":{"aws:PrincipalOrgPaths":"false"}"#
        ),
        "",
    ),
    (
        "P35",
        Identity,
        when!(r#""ForAnyValue:StringLikeIfExists":{"aws:PrincipalOrgPaths":"o-x/*"}"#),
        r#""ForAnyValue:StringLikeIfExists""#,
    ),
    (
        "P35",
        Identity,
        when!(
            r#""ForAllValues:StringLikeIfExists":{"aws:PrincipalOrgPaths":"o-x/*"},"StringLikeIfExists":{"aws:UserAgent":"*"}"#
        ),
        "",
    ),
];
