//! T18: whether a service can be had to act for a stranger, decided by letting it try.

use super::{
    About, Class, PolicyKind, Rule, Severity,
    finding::Sink,
    place::Place,
    sample,
    scene::{self, Ask, Caller, Mfa},
};
use crate::{Condition, ContextValue, Document, Effect, PrincipalPattern, PrincipalType, Statement};

pub(super) static SERVICE: Rule = Rule::new("T18", Class::Security, Severity::Medium)
    .says("Service without source condition")
    .why("The service can be had to act for another account's resource: the confused deputy.")
    .fix("Add `aws:SourceAccount` or `aws:SourceArn`.")
    .counts_as("T18");

/// Services that say for which resource they assume a role.
///
/// The *IAM User Guide*, The confused deputy problem, leaves it to the services to say so. They do in
/// their own guides, on a page or in a section named Cross-service confused deputy prevention. EC2,
/// Lambda and others that act within the role's own account are not among them.
const ASSUMING: &[&str] = &[
    "airflow",            // Amazon MWAA User Guide
    "airflow-env",        // Amazon MWAA User Guide
    "amplify",            // AWS Amplify Hosting User Guide
    "apprunner",          // AWS App Runner Developer Guide
    "appstream",          // Amazon AppStream 2.0 Administration Guide
    "autoscaling",        // Amazon EC2 Auto Scaling User Guide, Cross-service confused deputy prevention
    "batch",              // AWS Batch User Guide
    "batchoperations.s3", // Amazon S3 User Guide, Granting permissions for Batch Operations
    "bedrock",            // Amazon Bedrock User Guide
    "bedrock-agentcore",  // Amazon Bedrock AgentCore Developer Guide
    "chatbot",            // AWS Chatbot Administrator Guide
    "cloudformation",     // AWS CloudFormation User Guide
    "codebuild",          // AWS CodeBuild User Guide
    "codepipeline",       // AWS CodePipeline User Guide
    "comprehend",         // Amazon Comprehend Developer Guide
    "config",             // AWS Config Developer Guide
    "controltower",       // AWS Control Tower User Guide, Conditions for your role trust relationships
    "datasync",           // AWS DataSync User Guide
    "datazone",           // Amazon SageMaker Unified Studio Administrator Guide, service roles
    "dlm",                // Amazon EBS User Guide, Amazon Data Lifecycle Manager service roles
    "dms",                // AWS Database Migration Service User Guide
    "ecs-tasks",          // Amazon ECS Developer Guide, Task IAM role
    "export.rds",         // Amazon RDS User Guide
    "firehose",           // Amazon Data Firehose Developer Guide
    "frauddetector",      // Amazon Fraud Detector User Guide
    "glue",               // AWS Glue Developer Guide
    "greengrass",         // AWS IoT Greengrass Developer Guide
    "iot",                // AWS IoT Core Developer Guide
    "iotevents",          // AWS IoT Events Developer Guide
    "iotsitewise",        // AWS IoT SiteWise User Guide
    "kendra",             // Amazon Kendra Developer Guide
    "logs",               // Amazon CloudWatch Logs User Guide, Subscription filters
    "mediaconvert",       // AWS Elemental MediaConvert User Guide
    "personalize",        // Amazon Personalize Developer Guide
    "pipes",              // Amazon EventBridge User Guide
    "proton",             // AWS Proton User Guide
    "rekognition",        // Amazon Rekognition Developer Guide
    "sagemaker",          // Amazon SageMaker AI Developer Guide
    "scheduler",          // Amazon EventBridge Scheduler User Guide
    "ssm",                // AWS Systems Manager User Guide
    "states",             // AWS Step Functions Developer Guide
    "textract",           // Amazon Textract Developer Guide
    "transcribe",         // Amazon Transcribe Developer Guide
    "transfer",           // AWS Transfer Family User Guide
    "vpc-flow-logs",      // Amazon VPC User Guide, Publish flow logs to CloudWatch Logs
];

/// Services that call topics, queues, keys, functions and buckets with an identity of their own, and say
/// for which resource: named so, with a policy that asks for it, in their guides.
const CALLING: &[&str] = &[
    "apigateway",     // Amazon API Gateway Developer Guide, Lambda permissions
    "appstream",      // Amazon AppStream 2.0 Administration Guide, Cross-service confused deputy
    "budgets",        // AWS Cost Management User Guide, Cross-service confused deputy prevention
    "cloudfront",     // Amazon CloudFront Developer Guide, Restrict access to an S3 origin
    "cloudtrail",     // AWS CloudTrail User Guide, Cross-service confused deputy prevention
    "cloudwatch",     // Amazon CloudWatch User Guide, Notifying users on alarm changes
    "cognito-idp",    // Amazon Cognito Developer Guide, Lambda triggers
    "config",         // AWS Config Developer Guide, Cross-service confused deputy prevention
    "delivery.logs",  // Amazon CloudWatch Logs User Guide, Logging from AWS services
    "ds",             // AWS Directory Service Administration Guide, Cross-service confused deputy
    "es",             // Amazon OpenSearch Service Developer Guide, Cross-service confused deputy
    "events",         // Amazon EventBridge User Guide, Condition keys; Resource-based policies
    "guardduty",      // Amazon GuardDuty User Guide, Exporting findings
    "iot",            // AWS IoT Core Developer Guide, Cross-service confused deputy prevention
    "logging.s3",     // Amazon S3 User Guide, Server access logging
    "logs",           // Amazon CloudWatch Logs User Guide, Subscription filters; Encrypt log data
    "s3",             // Amazon S3 User Guide, Event notifications; Inventory
    "secretsmanager", // AWS Secrets Manager User Guide, Lambda rotation function permissions
    "ses",            // Amazon SES Developer Guide, Giving permissions for email receiving
    "sns",            // Amazon SNS Developer Guide, Subscribing a queue; Lambda functions
    "textract",       // Amazon Textract Developer Guide, Cross-service confused deputy prevention
];

/// What a service says of the resource that it acts for.
const SOURCES: [&str; 5] =
    ["aws:sourceaccount", "aws:sourcearn", "aws:sourceorgid", "aws:sourceorgpaths", "aws:sourceowner"];

const ORGANIZATION: &str = "o-outsider00";

pub(super) fn check(about: &About<'_>, sink: &mut Sink) {
    let senders = match about.kind {
        PolicyKind::Trust => ASSUMING,
        PolicyKind::Resource => CALLING,
        _ => return,
    };
    let sends = |pattern: &PrincipalPattern| {
        pattern.kind() == PrincipalType::Service && senders.contains(&service_of(pattern.text()))
    };
    let deputies = |statement: &Statement| {
        statement.effect() == Effect::Allow
            && statement.principals().is_some_and(|p| !p.is_negated() && p.patterns().iter().any(sends))
    };
    for (number, statement) in about.statements().filter(|(_, s)| deputies(s)).take(about.evaluated) {
        let Some(document) = scene::alone(about.document, number) else { continue };
        let patterns = statement.principals().map(crate::Principals::patterns).unwrap_or_default();
        for (at, pattern) in patterns.iter().enumerate().filter(|(_, pattern)| sends(pattern)) {
            if !sink.wants(&SERVICE) {
                return;
            }
            if acts_for_strangers(&document, about.kind, statement, pattern.text()) {
                let asked = statement.conditions().iter().any(is_source);
                let what = if asked { "what is asked here, anyone can answer" } else { "nothing here asks" };
                let message = format!("`{}` says for whom it acts, and {what}", pattern.text());
                let help = "`\"StringEquals\": {\"aws:SourceAccount\": \"111122223333\"}`".to_owned();
                sink.add(about.document, &SERVICE, Place::Principal(number, at), message, help);
            }
        }
    }
}

/// `logs` of `logs.amazonaws.com` and of `logs.eu-central-1.amazonaws.com`.
fn service_of(principal: &str) -> &str {
    let name = principal.strip_suffix(".cn").unwrap_or(principal);
    let name = name.strip_suffix(".amazonaws.com").unwrap_or_default();
    let is_region =
        |label: &str| label.matches('-').count() >= 2 && label.ends_with(|c: char| c.is_ascii_digit());
    name.rsplit_once('.').filter(|(_, last)| is_region(last)).map_or(name, |(service, _)| service)
}

/// Whether the condition asks for whom a service acts.
pub(super) fn is_source(condition: &Condition) -> bool {
    SOURCES.contains(&condition.folded_key())
}

/// Whether the service gets in while it acts for a resource of a stranger.
pub(super) fn acts_for_strangers(
    document: &Document,
    kind: PolicyKind,
    statement: &Statement,
    service: &str,
) -> bool {
    let Some(action) = scene::action_of(statement, "sts:AssumeRole") else { return false };
    let Some(mut caller) = Caller::service(service) else { return false };
    if !caller.meets(statement, |condition| is_source(condition) || is_out_of_reach(condition)) {
        return false;
    }
    let context = &mut caller.context;
    context.set("aws:SourceAccount", sample::ACCOUNT);
    context.set("aws:SourceOwner", sample::ACCOUNT);
    context.set("aws:SourceOrgID", ORGANIZATION);
    context.set("aws:SourceOrgPaths", ContextValue::from(vec![format!("{ORGANIZATION}/r-outs/")]));
    let source = format!("arn:aws:{}:us-east-1:{}:outsider", service_of(service), sample::ACCOUNT);
    context.set("aws:SourceArn", source);
    for condition in statement.conditions().iter().filter(|c| c.folded_key() == "aws:sourcearn") {
        let holds = |context: &crate::Context| condition.test(context) == crate::Truth::Yes;
        let own = condition.values().iter().filter_map(|value| own_arn(value.text()));
        for arn in own.take(MAX_TRIES) {
            if holds(context) {
                break;
            }
            context.set("aws:SourceArn", arn);
        }
    }
    let Some(resource) = scene::resource_of(statement, context, "arn:aws:iam::827364554637:role/somewhere")
    else {
        return false;
    };
    let ask = Ask { action: &action, resource: &resource };
    scene::allows(document, kind, &caller, ask, Mfa::LongTermKey)
}

/// Values that are tried for one condition.
const MAX_TRIES: usize = 64;

/// An ARN of a stranger's own that the pattern covers; there is none where it names an account or a bucket.
fn own_arn(pattern: &str) -> Option<String> {
    let arn = sample::instantiate(pattern, "outsider");
    let part = |text: &'_ str, at: usize| text.splitn(6, ':').nth(at).unwrap_or_default().to_owned();
    // The ARN of a bucket tells no account, and its name is one of a kind.
    let bucket = part(pattern, 2) == "s3" || part(pattern, 4).is_empty();
    let own = if bucket { part(pattern, 5).starts_with('*') } else { part(&arn, 4) == sample::ACCOUNT };
    own.then_some(arn)
}

/// What no service says of itself, and what only the account's own use of it carries.
fn is_out_of_reach(condition: &Condition) -> bool {
    let key = condition.folded_key();
    (key.starts_with("aws:principal") && key != "aws:principalisawsservice")
        || key.starts_with("kms:encryptioncontext:aws:")
        || matches!(key, "aws:userid" | "aws:username" | "kms:calleraccount" | "sts:externalid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_known_in_their_regions_and_in_order() {
        for (principal, service) in [
            ("logs.amazonaws.com", "logs"),
            ("logs.eu-central-1.amazonaws.com", "logs"),
            ("logs.us-gov-west-1.amazonaws.com", "logs"),
            ("delivery.logs.amazonaws.com", "delivery.logs"),
            ("sns.cn-north-1.amazonaws.com.cn", "sns"),
            ("example.com", ""),
        ] {
            assert_eq!(service_of(principal), service, "{principal}");
        }
        for list in [ASSUMING, CALLING] {
            assert!(list.is_sorted());
        }
    }

    #[test]
    fn a_stranger_has_arns_where_the_account_or_the_bucket_is_open() {
        for pattern in
            ["arn:aws:sns:*:*:*", "arn:aws:sns:eu-central-1:*:topic", "arn:aws:s3:::*", "arn:*:s3:*:*:*"]
        {
            assert!(own_arn(pattern).is_some(), "{pattern}");
        }
        for pattern in
            ["arn:aws:sns:*:111122223333:*", "arn:aws:s3:::b", "arn:aws:s3:*:*:b", "arn:aws:s3:::b-*"]
        {
            assert_eq!(own_arn(pattern), None, "{pattern}");
        }
    }
}
