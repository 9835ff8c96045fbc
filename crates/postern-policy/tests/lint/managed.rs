//! The policies that AWS manages: nothing in them is an error, or AWS would have mended it.

use std::collections::BTreeMap;

use postern_policy::lint::{self, Class, PolicyKind, Severity};

use crate::common::managed;

/// Every finding in every managed policy, as far as it is of a kind that counts.
#[test]
fn no_managed_policy_has_an_error() {
    let policies = managed::policies();
    assert!(policies.len() > 1_500);
    let mut counts: BTreeMap<(&str, Severity), (usize, String)> = BTreeMap::new();
    let mut errors = Vec::new();
    for (name, text) in &policies {
        for finding in lint::check_text(text, PolicyKind::Identity) {
            let id = finding.rule.id;
            let span = finding.span.of(text).unwrap().get(..60).unwrap_or_default();
            let said = format!("{name} {}: {} {span}", finding.pointer, finding.message);
            // Quotas are not for AWS; and one ARN of theirs is cut off: `arn:aws:organizations::*:`.
            let aws = id == "P12" || (id, name.as_str()) == ("P42", "AmazonDevOpsGuruOrganizationsAccess");
            if finding.rule.class == Class::Error && !aws {
                errors.push(format!("{id} {said}"));
            }
            let entry = counts.entry((id, finding.severity)).or_default();
            entry.0 += 1;
            entry.1 = said;
        }
    }
    for ((id, severity), (count, example)) in counts {
        println!("{id} {severity} {count}: {example}");
    }
    assert!(errors.is_empty(), "{}\n{}", errors.len(), errors.join("\n"));
}

/// Policies that people are told to write: by AWS's guides, and by this project's design.
#[test]
fn good_policies_have_no_finding() {
    let good = [
        (
            PolicyKind::Identity,
            r#"[{"Sid":"AssumeDeclaredRolesWithMfa","Effect":"Allow","Action":"sts:AssumeRole","Resource":["arn:aws:iam::222222222222:role/postern/readonly"],"Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}},{"Sid":"StartSession","Effect":"Allow","Action":"sts:GetSessionToken","Resource":"*"}]"#,
        ),
        (
            PolicyKind::Trust,
            r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"sts:AssumeRole","Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"},"ArnEquals":{"aws:PrincipalArn":["arn:aws:iam::111111111111:user/postern/alice"]}}}"#,
        ),
        (
            PolicyKind::Boundary,
            r#"[{"Sid":"Work","Effect":"Allow","Resource":"*","NotAction":["iam:*","organizations:*","account:*","sts:AssumeRole*","cloudtrail:StopLogging"]},{"Sid":"Look","Effect":"Allow","Resource":"*","Action":["iam:Get*","iam:List*","iam:CreateServiceLinkedRole"]}]"#,
        ),
        (
            PolicyKind::Trust,
            r#"{"Effect":"Allow","Principal":{"Service":["ec2.amazonaws.com","lambda.amazonaws.com"]},"Action":"sts:AssumeRole"}"#,
        ),
        (
            PolicyKind::Trust,
            r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::444455556666:root"},"Action":"sts:AssumeRole","Condition":{"StringEquals":{"sts:ExternalId":"3f0a"}}}"#,
        ),
        (
            PolicyKind::Trust,
            r#"{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"},"Action":"sts:AssumeRoleWithWebIdentity","Condition":{"StringEquals":{"token.actions.githubusercontent.com:aud":"sts.amazonaws.com"},"StringLike":{"token.actions.githubusercontent.com:sub":"repo:octo-org/octo-repo:*"}}}"#,
        ),
        (
            PolicyKind::Trust,
            r#"{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:saml-provider/idp"},"Action":["sts:AssumeRoleWithSAML","sts:TagSession"],"Condition":{"StringEquals":{"saml:aud":"https://signin.aws.amazon.com/saml"},"StringLike":{"aws:RequestTag/Project":"*"}}}"#,
        ),
        (
            PolicyKind::Resource,
            r#"[{"Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"s3:GetBucketAcl","Resource":"arn:aws:s3:::trail","Condition":{"StringEquals":{"aws:SourceArn":"arn:aws:cloudtrail:eu-central-1:111122223333:trail/t"}}},{"Effect":"Allow","Principal":{"Service":"cloudtrail.amazonaws.com"},"Action":"s3:PutObject","Resource":"arn:aws:s3:::trail/AWSLogs/111122223333/*","Condition":{"StringEquals":{"s3:x-amz-acl":"bucket-owner-full-control","aws:SourceArn":"arn:aws:cloudtrail:eu-central-1:111122223333:trail/t"}}},{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":["arn:aws:s3:::trail","arn:aws:s3:::trail/*"],"Condition":{"Bool":{"aws:SecureTransport":"false"}}}]"#,
        ),
        (
            PolicyKind::Resource,
            r#"[{"Sid":"Enable IAM User Permissions","Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"kms:*","Resource":"*"},{"Effect":"Allow","Principal":{"AWS":"*"},"Action":["kms:Decrypt","kms:ReEncrypt*","kms:CreateGrant"],"Resource":"*","Condition":{"StringEquals":{"kms:CallerAccount":"111122223333","kms:ViaService":"ec2.us-west-2.amazonaws.com"}}}]"#,
        ),
        (
            PolicyKind::Scp,
            r#"{"Effect":"Deny","NotAction":["iam:*","organizations:*","route53:*","sts:*"],"Resource":"*","Condition":{"StringNotEquals":{"aws:RequestedRegion":["eu-central-1"]},"ArnNotLike":{"aws:PrincipalARN":["arn:aws:iam::*:role/Bypass"]}}}"#,
        ),
        (
            PolicyKind::Rcp,
            r#"{"Effect":"Deny","Principal":"*","Action":["s3:*","kms:*","sts:AssumeRole"],"Resource":"*","Condition":{"StringNotEqualsIfExists":{"aws:PrincipalOrgID":"o-a1b2c3d4e5"},"BoolIfExists":{"aws:PrincipalIsAWSService":"false"}}}"#,
        ),
        (
            PolicyKind::Identity,
            r#"[{"Effect":"Allow","Action":["s3:ListAllMyBuckets","s3:GetBucketLocation"],"Resource":"*"},{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::home","Condition":{"StringLike":{"s3:prefix":["","${aws:username}/*"]}}},{"Effect":"Allow","Action":["s3:GetObject","s3:PutObject"],"Resource":"arn:aws:s3:::home/${aws:username}/*"}]"#,
        ),
        (
            PolicyKind::Identity,
            r#"[{"Effect":"Allow","Action":["dynamodb:GetItem","dynamodb:Query"],"Resource":"arn:aws:dynamodb:*:*:table/orders"},{"Effect":"Allow","Action":["logs:CreateLogGroup","logs:CreateLogStream","logs:PutLogEvents"],"Resource":"arn:aws:logs:*:*:*"},{"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::*:role/app","Condition":{"StringEquals":{"iam:PassedToService":"ecs-tasks.amazonaws.com"}}}]"#,
        ),
    ];
    for (kind, statement) in good {
        let found = crate::findings(kind, statement);
        assert!(found.is_empty(), "{statement}: {found:#?}");
    }
}
