//! EC2, S3, CloudTrail, and whatever else is asked for.

use crate::client::{Answer, BASTION, Cloud, Keys, Unsigned, allow};

fn json_call(cloud: &mut Cloud, keys: &Keys, service: &str, target: &str, body: &str) -> Answer {
    let mut request = Unsigned::get(service, "/");
    request.method = "POST".to_owned();
    request.headers = vec![
        ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
        ("x-amz-target".to_owned(), target.to_owned()),
    ];
    request.body = body.as_bytes().to_vec();
    cloud.ask(keys, &request)
}

const STOP: &str = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.StopLogging";

#[test]
fn a_little_real_work_is_done() {
    let mut cloud = Cloud::new();
    let ec2 = cloud.user("ec2", &allow("ec2:Describe*"));
    let s3 = cloud.user("s3", &allow("s3:ListAllMyBuckets"));
    let first = cloud.call(&ec2, "ec2", "DescribeInstances", &[]).ok();
    assert_eq!(first.text("ownerId"), BASTION);
    let again =
        cloud.call(&ec2, "ec2", "DescribeInstances", &[("InstanceId.1", &first.text("instanceId"))]).ok();
    assert_eq!(again.text("instanceId"), first.text("instanceId"));
    let other = cloud.call(&ec2, "ec2", "DescribeInstances", &[("InstanceId.1", "i-0")]).refusal();
    assert_eq!((other.0, other.1.as_str()), (400, "InvalidInstanceID.NotFound"));
    assert!(cloud.call(&ec2, "ec2", "DescribeRegions", &[]).ok().body.contains("<regionName>eu-central-1<"));
    let buckets = cloud.ask(&s3, &Unsigned::get("s3", "/")).ok();
    assert_eq!(buckets.text("Name"), format!("bastion-data-{BASTION}"));
    assert_eq!(
        cloud.call(&s3, "ec2", "DescribeRegions", &[]).refusal(),
        (
            403,
            "UnauthorizedOperation".to_owned(),
            format!(
                "You are not authorized to perform this operation. User: arn:aws:iam::{BASTION}:user/s3 is not \
                 authorized to perform: ec2:DescribeRegions because no identity-based policy allows the \
                 ec2:DescribeRegions action"
            )
        )
    );
    let (status, code, message) = cloud.ask(&ec2, &Unsigned::get("s3", "/")).refusal();
    assert_eq!((status, code.as_str()), (403, "AccessDenied"));
    assert!(message.contains("s3:ListAllMyBuckets because no identity-based policy"), "{message}");
}

/// Never a fake success: refused where policies refuse, else 501 with the operation's name.
#[test]
fn what_is_not_built_is_refused_or_named() {
    let mut cloud = Cloud::new();
    let admin = cloud.user("admin", &allow("*"));
    let nobody = cloud.user("nobody", &allow("sts:GetCallerIdentity"));
    let narrow = r#"{"Version":"2012-10-17","Statement":[
        {"Effect":"Allow","Action":"ec2:RunInstances","Resource":"arn:aws:ec2:*:*:instance/*"},
        {"Effect":"Allow","Action":"cloudtrail:*","Resource":"*"},
        {"Effect":"Deny","Action":"cloudtrail:StopLogging","Resource":"arn:aws:cloudtrail:*:*:trail/main"}]}"#;
    let narrow = cloud.user("narrow", narrow);

    let run = Unsigned::query("ec2", "RunInstances", &[]);
    let get = Unsigned::get("s3", "/bucket/key");
    let queue = Unsigned::query("sqs", "SendMessage", &[]);
    let simulate = Unsigned::query("iam", "GetServerCertificate", &[]);
    let saml = Unsigned::query("sts", "AssumeRoleWithSAML", &[]);
    let rest = Unsigned::get("lambda", "/2015-03-31/functions/");
    for (keys, request, status, code) in [
        (&admin, &run, 501, "NotImplemented"),
        (&nobody, &run, 403, "UnauthorizedOperation"),
        // It may be allowed on some instance: which one is not told, so nothing is claimed.
        (&narrow, &run, 501, "NotImplemented"),
        (&admin, &get, 501, "NotImplemented"),
        (&nobody, &get, 403, "AccessDenied"),
        (&admin, &simulate, 501, "NotImplemented"),
        (&nobody, &simulate, 403, "AccessDenied"),
        (&admin, &saml, 501, "NotImplemented"),
        (&admin, &rest, 501, "NotImplemented"),
        (&nobody, &rest, 501, "NotImplemented"),
    ] {
        let answer = cloud.ask(keys, request);
        assert_eq!(answer.status, status, "{request:?}: {}", answer.body);
        assert!(answer.body.contains(code), "{request:?}: {}", answer.body);
    }
    let mut bare = saml.sign(&admin, cloud.now);
    bare.headers.retain(|(name, _)| name != "authorization");
    assert_eq!(cloud.send(&bare).text("Code"), "NotImplemented");
    let unversioned = cloud.ask(&nobody, &queue);
    assert!(unversioned.status >= 400, "{}", unversioned.body);
    let named = cloud.ask(&admin, &run);
    assert!(named.text("Message").contains("RunInstances"));

    for (keys, trail, status, said) in [
        (&admin, r#"{"Name":"main"}"#, 501, "StopLogging"),
        (
            &nobody,
            r#"{"Name":"main"}"#,
            400,
            "because no identity-based policy allows the cloudtrail:StopLogging action",
        ),
        (&narrow, r#"{"Name":"main"}"#, 400, "with an explicit deny in an identity-based policy"),
        (&narrow, r#"{"Name":"other"}"#, 501, "StopLogging"),
    ] {
        let answer = json_call(&mut cloud, keys, "cloudtrail", STOP, trail);
        assert_eq!(answer.status, status, "{}", answer.body);
        assert!(answer.body.contains(said), "{}", answer.body);
        assert!(answer.headers.iter().any(|(name, _)| *name == "x-amzn-errortype"));
    }
    let stranger = Keys { id: "AKIAIOSFODNN7EXAMPLE".to_owned(), secret: "x".to_owned(), token: None };
    let answer = json_call(&mut cloud, &stranger, "cloudtrail", STOP, "{}");
    assert!(answer.status == 400 && answer.body.contains("UnrecognizedClientException"), "{}", answer.body);
}

#[test]
fn unknown_operations_and_versions_are_told_as_aws_tells_them() {
    let mut cloud = Cloud::new();
    let root = cloud.bastion.clone();
    // Facts 1.8: observed on AWS.
    let refused = cloud.call(&root, "iam", "NoSuchThing", &[]).refusal();
    assert_eq!(
        refused,
        (
            400,
            "InvalidAction".to_owned(),
            "Could not find operation NoSuchThing for version 2010-05-08".to_owned()
        )
    );
    let mut request = Unsigned::query("iam", "ListUsers", &[]);
    request.body = b"Action=ListUsers&Version=2009-01-01".to_vec();
    assert!(cloud.ask(&root, &request).text("Message").ends_with("for version 2009-01-01"));
    request.body = b"Version=2010-05-08".to_vec();
    assert_eq!(cloud.ask(&root, &request).text("Code"), "MissingAction");
    request.body = b"Action=%ff".to_vec();
    assert_eq!(cloud.ask(&root, &request).text("Code"), "MalformedQueryString");
}
