//! Names that people write and IAM does not know, hand-kept: a test holds them against the catalogue.

use super::compare;

/// What a service is called elsewhere: by the AWS CLI, an endpoint or a service principal, or of old.
/// The prefixes are those of the *Service Authorization Reference*.
pub(super) const SERVICES: &[(&str, &str)] = &[
    ("amp", "aps"),
    ("apigatewayv2", "apigateway"),
    ("awslambda", "lambda"),
    ("certificatemanager", "acm"),
    ("cloudwatchevents", "events"),
    ("cloudwatchlogs", "logs"),
    ("cognito", "cognito-idp"),
    ("configservice", "config"),
    ("cur-reports", "cur"),
    ("documentdb", "rds"),
    ("dynamodbstreams", "dynamodb"),
    ("efs", "elasticfilesystem"),
    ("elasticsearch", "es"),
    ("elb", "elasticloadbalancing"),
    ("elbv2", "elasticloadbalancing"),
    ("emr", "elasticmapreduce"),
    ("eventbridge", "events"),
    ("identity-store", "identitystore"),
    ("keyspaces", "cassandra"),
    ("mskconnect", "kafkaconnect"),
    ("mwaa", "airflow"),
    ("neptune", "rds"),
    ("neptunedb", "neptune-db"),
    ("organization", "organizations"),
    ("resourcegroupstaggingapi", "tag"),
    ("s3api", "s3"),
    ("s3control", "s3"),
    ("sfn", "states"),
    ("simplesystemsmanagement", "ssm"),
    ("sso-admin", "sso"),
    ("stepfunctions", "states"),
    ("systemsmanager", "ssm"),
];

/// Operations whose permission has another name. Of Amazon S3: *Amazon S3 User Guide*, Required permissions
/// for Amazon S3 API operations; of others, the "Actions" table of the service.
pub(super) const ACTIONS: &[(&str, &str)] = &[
    ("dynamodb:TransactGetItems", "dynamodb:GetItem"),
    ("dynamodb:TransactWriteItems", "dynamodb:PutItem"),
    ("lambda:Invoke", "lambda:InvokeFunction"),
    ("s3:CompleteMultipartUpload", "s3:PutObject"),
    ("s3:CopyObject", "s3:PutObject"),
    ("s3:CreateMultipartUpload", "s3:PutObject"),
    ("s3:DeleteBucketCors", "s3:PutBucketCORS"),
    ("s3:DeleteBucketEncryption", "s3:PutEncryptionConfiguration"),
    ("s3:DeleteBucketLifecycle", "s3:PutLifecycleConfiguration"),
    ("s3:DeleteBucketReplication", "s3:PutReplicationConfiguration"),
    ("s3:DeleteBucketTagging", "s3:PutBucketTagging"),
    ("s3:DeleteObjects", "s3:DeleteObject"),
    ("s3:DeletePublicAccessBlock", "s3:PutBucketPublicAccessBlock"),
    ("s3:GetBucketAccelerateConfiguration", "s3:GetAccelerateConfiguration"),
    ("s3:GetBucketEncryption", "s3:GetEncryptionConfiguration"),
    ("s3:GetBucketLifecycle", "s3:GetLifecycleConfiguration"),
    ("s3:GetBucketLifecycleConfiguration", "s3:GetLifecycleConfiguration"),
    ("s3:GetBucketNotificationConfiguration", "s3:GetBucketNotification"),
    ("s3:GetBucketReplication", "s3:GetReplicationConfiguration"),
    ("s3:GetObjectLockConfiguration", "s3:GetBucketObjectLockConfiguration"),
    ("s3:GetPublicAccessBlock", "s3:GetBucketPublicAccessBlock"),
    ("s3:HeadBucket", "s3:ListBucket"),
    ("s3:HeadObject", "s3:GetObject"),
    ("s3:ListBuckets", "s3:ListAllMyBuckets"),
    ("s3:ListMultipartUploads", "s3:ListBucketMultipartUploads"),
    ("s3:ListObjects", "s3:ListBucket"),
    ("s3:ListObjectsV2", "s3:ListBucket"),
    ("s3:ListObjectVersions", "s3:ListBucketVersions"),
    ("s3:ListParts", "s3:ListMultipartUploadParts"),
    ("s3:PutBucketAccelerateConfiguration", "s3:PutAccelerateConfiguration"),
    ("s3:PutBucketEncryption", "s3:PutEncryptionConfiguration"),
    ("s3:PutBucketLifecycle", "s3:PutLifecycleConfiguration"),
    ("s3:PutBucketLifecycleConfiguration", "s3:PutLifecycleConfiguration"),
    ("s3:PutBucketNotificationConfiguration", "s3:PutBucketNotification"),
    ("s3:PutBucketReplication", "s3:PutReplicationConfiguration"),
    ("s3:PutObjectLockConfiguration", "s3:PutBucketObjectLockConfiguration"),
    ("s3:PutPublicAccessBlock", "s3:PutBucketPublicAccessBlock"),
    ("s3:SelectObjectContent", "s3:GetObject"),
    ("s3:UploadPart", "s3:PutObject"),
    ("s3:UploadPartCopy", "s3:PutObject"),
];

/// Services whose actions people look for at each other.
pub(super) const NEIGHBOURS: &[&[&str]] = &[
    &["account", "iam", "identitystore", "organizations", "sso", "sts"],
    &["application-autoscaling", "autoscaling", "ebs", "ec2", "elasticloadbalancing", "ssm"],
    &["cloudtrail", "cloudwatch", "events", "logs", "oam", "scheduler", "xray"],
    &["ecr", "ecs", "eks"],
    &["firehose", "kinesis"],
    &["kms", "secretsmanager", "ssm"],
    &["sns", "sqs"],
    &["apigateway", "execute-api"],
    &["aoss", "es", "opensearch"],
    &["servicequotas", "support", "trustedadvisor"],
    &["billing", "budgets", "ce", "cur", "tax"],
    &["route53", "route53domains", "route53resolver"],
];

/// Whether an action of one service may be looked for at the other: `iam:AssumeRole`,
/// `bedrock:CreateGateway`.
pub(super) fn neighbours(one: &str, other: &str) -> bool {
    one.split('-').next() == other.split('-').next()
        || NEIGHBOURS.iter().any(|group| group.contains(&one) && group.contains(&other))
}

/// The prefix for a name that a service goes by elsewhere. Dashes and spaces do not count.
pub(super) fn service(written: &str) -> Option<&'static str> {
    find(SERVICES, written).or_else(|| find(SERVICES, &written.replace(['-', ' ', '_'], "")))
}

/// The permission for an operation.
pub(super) fn action(written: &str) -> Option<&'static str> {
    find(ACTIONS, written)
}

fn find(table: &[(&'static str, &'static str)], written: &str) -> Option<&'static str> {
    let at = table.binary_search_by(|(known, _)| compare(known, written)).ok()?;
    table.get(at).map(|(_, meant)| *meant)
}
