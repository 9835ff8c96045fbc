//! Which actions count, and which of them are tracked one by one.

use postern_policy::{
    Statement,
    catalogue::{Action, Service},
};

/// What CloudTrail calls data events: AWS tracks none of them. A name that ends in `*` begins so.
///
/// AWS's list of tracked actions (*IAM User Guide*, "IAM action last accessed information services and
/// actions") is shorter than what is left by some that are new or rare.
const DATA_EVENTS: &[(&str, &[&str])] = &[
    ("cloudwatch", &["GetMetricData", "GetMetricStatistics", "PutMetricData"]),
    (
        "dynamodb",
        &["BatchGetItem", "BatchWriteItem", "ConditionCheckItem", "DeleteItem", "GetItem", "GetRecords"],
    ),
    ("dynamodb", &["PartiQL*", "PutItem", "Query", "Scan", "UpdateItem"]),
    ("kinesis", &["GetRecords", "GetShardIterator", "PutRecord*", "SubscribeToShard"]),
    ("lambda", &["Invoke*"]),
    ("logs", &["FilterLogEvents", "GetLogEvents", "PutLogEvents", "StartLiveTail"]),
    ("s3", &["AbortMultipartUpload", "DeleteObject*", "GetObject*", "ListBucket*", "ListMultipart*"]),
    ("s3", &["PutObject*", "RestoreObject"]),
    ("sns", &["Publish"]),
    ("sqs", &["ChangeMessageVisibility", "DeleteMessage", "ReceiveMessage", "SendMessage"]),
];

fn is_data_event(service: &str, action: &str) -> bool {
    let patterns = DATA_EVENTS.iter().filter(|(of, _)| *of == service).flat_map(|(_, patterns)| *patterns);
    patterns.into_iter().any(|pattern| match pattern.strip_suffix('*') {
        Some(start) => action.starts_with(start),
        None => *pattern == action,
    })
}

/// The service's tracked actions: the name, and the name with the service in front.
pub(super) fn actions(service: &'static Service) -> impl Iterator<Item = (&'static str, String)> {
    let tracked = service.actions().iter().filter(|action| !is_data_event(service.prefix(), action.name()));
    tracked.map(|action| (action.name(), whole(service, action)))
}

fn whole(service: &Service, action: &Action) -> String {
    format!("{}:{}", service.prefix(), action.name())
}

/// Whether the statement names any action of the service.
pub(super) fn allows_any_of(statement: &Statement, service: &Service) -> bool {
    let actions = statement.actions();
    // Long lists name services one by one: most need not be looked into at all.
    let may_name = |pattern: &str| match pattern.split_once(':') {
        Some((named, _)) => named.contains(['*', '?']) || named.eq_ignore_ascii_case(service.prefix()),
        None => true,
    };
    let concerned = actions.is_negated() || actions.patterns().iter().any(|pattern| may_name(pattern.text()));
    concerned && service.actions().iter().any(|action| actions.matches(&whole(service, action)))
}

#[cfg(test)]
mod tests {
    use postern_policy::{Document, catalogue::Catalogue};

    use super::*;

    #[test]
    fn services_are_named_by_patterns_and_by_their_absence() {
        let catalogue = Catalogue::embedded();
        for (actions, named, not_named) in [
            (r#""Action":"*""#, &["s3", "ec2", "organizations"][..], &[][..]),
            (r#""Action":"s3:Get*""#, &["s3"], &["ec2", "s3express"]),
            (r#""Action":["S3:getobject","e?2:*"]"#, &["s3", "ec2"], &["iam"]),
            (r#""Action":"s3:NoSuchAction""#, &[], &["s3"]),
            (r#""NotAction":["iam:*","s3:GetObject"]"#, &["s3", "ec2"], &["iam"]),
        ] {
            let text = format!(
                r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow",{actions},"Resource":"*"}}}}"#
            );
            let document = Document::parse(&text).unwrap();
            let names = |prefix: &&str| {
                let service = catalogue.service(prefix).unwrap();
                document.statements().iter().any(|statement| allows_any_of(statement, service))
            };
            assert!(named.iter().all(names), "{actions}");
            assert!(!not_named.iter().any(names), "{actions}");
        }
    }

    #[test]
    fn data_events_are_not_tracked_and_exist() {
        let catalogue = Catalogue::embedded();
        let of = |prefix: &str| catalogue.service(prefix).unwrap();
        let tracked = |prefix, name| actions(of(prefix)).any(|(tracked, _)| tracked == name);
        assert!(
            tracked("s3", "CreateBucket")
                && tracked("s3", "ListAllMyBuckets")
                && tracked("iam", "CreateUser")
        );
        assert!(
            !tracked("s3", "GetObject")
                && !tracked("s3", "ListBucket")
                && !tracked("lambda", "InvokeFunction")
        );
        // A name that no service has would track what AWS does not, and nobody would see it.
        for (prefix, patterns) in DATA_EVENTS {
            for pattern in *patterns {
                let names = of(prefix).actions().iter().map(Action::name);
                let start = pattern.trim_end_matches('*');
                let mut meant = names
                    .filter(|name| if start == *pattern { name == pattern } else { name.starts_with(start) });
                assert!(meant.next().is_some(), "{prefix}:{pattern}");
            }
        }
    }
}
