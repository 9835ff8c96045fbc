//! Values, operators, and conditions that exclude each other.

use postern_policy::lint::PolicyKind::{Identity, Trust};

use crate::Case;

macro_rules! when {
    ($condition:literal) => {
        concat!(r#"{"Effect":"Allow","Action":"s3:GetObject","Resource":"*","Condition":{"#, $condition, "}}")
    };
}

macro_rules! deny_when {
    ($condition:literal) => {
        concat!(r#"{"Effect":"Deny","Action":"s3:GetObject","Resource":"*","Condition":{"#, $condition, "}}")
    };
}

pub(crate) const CASES: &[Case] = &[
    ("P31", Identity, when!(r#""Bool":{"aws:SecureTransport":"yes"}"#), r#""yes""#),
    (
        "P31",
        Identity,
        when!(r#""IpAddress":{"aws:SourceIp":["203.0.113.0/24","203.0.113.0/33"]}"#),
        r#""203.0.113.0/33""#,
    ),
    ("P31", Identity, when!(r#""NumericLessThan":{"s3:max-keys":"abc"}"#), r#""abc""#),
    ("P31", Identity, when!(r#""DateLessThan":{"aws:CurrentTime":"tomorrow"}"#), r#""tomorrow""#),
    ("P31", Identity, when!(r#""Null":{"aws:TokenIssueTime":"maybe"}"#), r#""maybe""#),
    ("P31", Identity, when!(r#""ArnLike":{"aws:PrincipalArn":"arn:aws:iam"}"#), r#""arn:aws:iam""#),
    ("P31", Identity, when!(r#""ArnEquals":{"aws:PrincipalArn":"admin"}"#), r#""admin""#),
    ("P31", Identity, when!(r#""BinaryEquals":{"s3:x":"a b"}"#), r#""a b""#),
    (
        "P31",
        Identity,
        when!(
            r#""Bool":{"aws:SecureTransport":true},"NumericEquals":{"s3:max-keys":10},"DateLessThan":{"aws:CurrentTime":"2027-01-01T00:00:00Z"},"Null":{"aws:TokenIssueTime":"FALSE"},"ArnLike":{"aws:PrincipalArn":["*","arn:aws:iam::*:user/*","${aws:PrincipalTag/arn}"]},"IpAddress":{"aws:SourceIp":"2001:db8::/32"}"#
        ),
        "",
    ),
    (
        "P36",
        Identity,
        when!(r#""StringEquals":{"aws:PrincipalArn":"arn:aws:iam::111122223333:role/*"}"#),
        r#""arn:aws:iam::111122223333:role/*""#,
    ),
    (
        "P36",
        Identity,
        when!(
            r#""StringEquals":{"s3:prefix":"home/${*}"},"StringLike":{"aws:UserAgent":"*x*"},"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::*:role/x"}"#
        ),
        "",
    ),
    ("P38", Identity, when!(r#""IpAddress":{"aws:SourceIp":"203.0.113.7/24"}"#), r#""203.0.113.7/24""#),
    ("P38", Identity, when!(r#""NotIpAddress":{"aws:SourceIp":"10.0.0.0/16"}"#), r#""10.0.0.0/16""#),
    (
        "P38",
        Identity,
        when!(
            r#""IpAddress":{"aws:VpcSourceIp":"10.0.0.0/16","aws:SourceIp":["203.0.113.7","203.0.113.0/24","::/0"]}"#
        ),
        "",
    ),
    (
        "P39",
        Identity,
        when!(r#""Bool":{"aws:SecureTransport":["true",false]}"#),
        r#""aws:SecureTransport":["true",false]"#,
    ),
    (
        "P39",
        Identity,
        when!(
            r#""Null":{"aws:TokenIssueTime":"true"},"StringEquals":{"aws:PrincipalTag/x":["true","false"]}"#
        ),
        "",
    ),
    ("P41", Identity, when!(r#""StringEquals":{"aws:username":[]}"#), r#""aws:username":[]"#),
    ("P41", Identity, when!(r#""StringEquals":{"aws:username":[""]}"#), ""),
    (
        "P18",
        Identity,
        when!(r#""StringEquals":{"aws:username":"a","aws:UserName":"a"}"#),
        r#""aws:UserName""#,
    ),
    ("P18", Identity, when!(r#""StringEquals":{"aws:username":"a"},"StringLike":{"aws:UserName":"a"}"#), ""),
    (
        "P40",
        Identity,
        when!(r#""StringEquals":{"aws:username":"a"},"StringLike":{"aws:username":["b*","c"]}"#),
        r#""aws:username":["b*","c"]"#,
    ),
    (
        "P40",
        Identity,
        when!(r#""Null":{"aws:username":"true"},"StringEquals":{"aws:username":"a"}"#),
        r#""aws:username":"a""#,
    ),
    (
        "P40",
        Identity,
        when!(r#""Null":{"aws:TagKeys":"true"},"ForAnyValue:StringEquals":{"aws:TagKeys":"a"}"#),
        r#""aws:TagKeys":"a""#,
    ),
    (
        "P40",
        Identity,
        when!(r#""Bool":{"aws:SecureTransport":"true"},"BoolIfExists":{"aws:SecureTransport":"false"}"#),
        r#""aws:SecureTransport":"false""#,
    ),
    (
        "P40",
        Identity,
        when!(r#""NumericLessThan":{"s3:max-keys":"10"},"NumericGreaterThan":{"s3:max-keys":"20"}"#),
        r#""s3:max-keys":"20""#,
    ),
    (
        "P40",
        Identity,
        when!(
            r#""DateGreaterThan":{"aws:CurrentTime":"2027-01-02T00:00:00Z"},"DateLessThan":{"aws:CurrentTime":"2027-01-01T00:00:00Z"}"#
        ),
        r#""aws:CurrentTime":"2027-01-01T00:00:00Z""#,
    ),
    (
        "P40",
        Identity,
        when!(
            r#""IpAddress":{"aws:SourceIp":"203.0.113.0/24"},"NotIpAddress":{"aws:SourceIp":["203.0.113.0/25","203.0.113.128/25"]}"#
        ),
        r#""aws:SourceIp":["203.0.113.0/25","203.0.113.128/25"]"#,
    ),
    (
        "P40",
        Identity,
        when!(r#""StringEquals":{"aws:username":["a","b"]},"StringNotEquals":{"aws:username":["b","a"]}"#),
        r#""aws:username":["b","a"]"#,
    ),
    (
        "P40",
        Identity,
        when!(r#""StringLike":{"aws:username":"a*"},"StringLikeIfExists":{"aws:username":"*b"}"#),
        "",
    ),
    (
        "P40",
        Identity,
        when!(r#""NumericLessThan":{"s3:max-keys":"5.3"},"NumericGreaterThan":{"s3:max-keys":"5.1"}"#),
        "",
    ),
    (
        "P40",
        Identity,
        when!(
            r#""IpAddress":{"aws:SourceIp":"203.0.113.0/24"},"NotIpAddress":{"aws:SourceIp":["203.0.113.0/25","203.0.113.192/26"]}"#
        ),
        "",
    ),
    (
        "P40",
        Identity,
        when!(
            r#""ForAnyValue:StringEquals":{"aws:TagKeys":"a"},"ForAllValues:StringEquals":{"aws:TagKeys":["a","b"]},"Null":{"aws:TagKeys":"false"}"#
        ),
        "",
    ),
    (
        "P40",
        Identity,
        when!(
            r#""StringEquals":{"aws:PrincipalTag/x":"${aws:username}"},"StringNotEquals":{"aws:PrincipalTag/x":"a"}"#
        ),
        "",
    ),
    (
        "P40",
        Identity,
        deny_when!(r#""StringNotLike":{"aws:username":"a*"},"StringNotEquals":{"aws:username":"b"}"#),
        "",
    ),
    (
        "R18",
        Identity,
        deny_when!(r#""StringEquals":{"aws:username":"a"},"StringLike":{"aws:username":"b"}"#),
        r#""aws:username":"b""#,
    ),
    (
        "R18",
        Identity,
        deny_when!(
            r#""StringNotEquals":{"aws:RequestedRegion":"eu-central-1"},"StringNotEqualsIfExists":{"aws:RequestedRegion":"us-east-1"}"#
        ),
        "",
    ),
    (
        "P46",
        Identity,
        when!(r#""IpAddress":{"aws:SourceIp":["203.0.113.0/24","0.0.0.0/0"]}"#),
        r#""0.0.0.0/0""#,
    ),
    ("P46", Identity, when!(r#""IpAddress":{"aws:SourceIp":["0.0.0.0/1","128.0.0.0/1"]}"#), ""),
    (
        "P47",
        Identity,
        when!(r#""ArnLike":{"aws:PrincipalArn":"arn:aws:sts::111122223333:assumed-role/dev/*"}"#),
        r#""arn:aws:sts::111122223333:assumed-role/dev/*""#,
    ),
    (
        "P47",
        Identity,
        when!(r#""StringNotEquals":{"aws:PrincipalAccount":["111122223333","1111"]}"#),
        r#""1111""#,
    ),
    ("P47", Identity, when!(r#""StringEquals":{"aws:SourceVpce":"vpc-1a2b"}"#), r#""vpc-1a2b""#),
    ("P47", Identity, when!(r#""StringEquals":{"aws:PrincipalOrgID":"111122223333"}"#), r#""111122223333""#),
    ("P47", Identity, when!(r#""StringEquals":{"aws:PrincipalType":"Role"}"#), r#""Role""#),
    (
        "P47",
        Identity,
        when!(
            r#""ArnLike":{"aws:PrincipalArn":["arn:aws:sts::111122223333:federated-user/x","arn:aws:iam::111122223333:role/dev"]},"StringEquals":{"aws:SourceVpce":"vpce-1","aws:SourceVpc":"vpc-1","aws:PrincipalOrgID":"${aws:ResourceOrgID}","aws:PrincipalAccount":"111122223333"},"StringLike":{"aws:PrincipalType":"*Role"}"#
        ),
        "",
    ),
    (
        "P48",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"Federated":"arn:aws:iam::111122223333:saml-provider/idp"}}"#,
        r#""arn:aws:iam::111122223333:saml-provider/idp""#,
    ),
    (
        "P48",
        Trust,
        r#"{"Effect":"Allow","Action":"sts:AssumeRoleWithWebIdentity","Principal":{"Service":"ec2.amazonaws.com","Federated":"accounts.google.com"}}"#,
        r#""ec2.amazonaws.com""#,
    ),
    (
        "P48",
        Trust,
        r#"[{"Effect":"Allow","Action":["sts:AssumeRole","sts:AssumeRoleWithSAML"],"Principal":{"AWS":"111122223333","Federated":"arn:aws:iam::111122223333:saml-provider/idp"}},{"Effect":"Allow","Action":"sts:TagSession","Principal":{"Federated":"accounts.google.com"}}]"#,
        "",
    ),
];
