//! Pages of the console.

use postern_aws::console::console_host;
use postern_types::{Partition, Region};

use crate::errors::CliError;

/// Which console.
pub(super) struct Place<'a> {
    pub(super) partition: Partition,
    pub(super) region: Option<&'a Region>,
}

/// Services whose page is called otherwise than the service.
const PAGES: [(&str, &str); 14] = [
    ("apigateway", "apigateway/main"),
    ("cloudwatch", "cloudwatch"),
    ("dynamodb", "dynamodbv2"),
    ("ecr", "ecr/repositories"),
    ("ecs", "ecs/v2"),
    ("elasticache", "elasticache"),
    ("events", "events"),
    ("eventbridge", "events"),
    ("logs", "cloudwatch"),
    ("opensearch", "aos"),
    ("sfn", "states"),
    ("ssm", "systems-manager"),
    ("stepfunctions", "states"),
    ("vpc", "vpcconsole"),
];

impl Place<'_> {
    /// The page to begin with.
    pub(super) fn page(&self, service: Option<&str>, page: Option<&str>) -> Result<String, CliError> {
        let host = console_host(self.partition);
        if let Some(page) = page {
            return own_page(host, page).map(|()| page.to_owned());
        }
        let path = match service {
            None => "console",
            Some(service) => {
                let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '/');
                if service.is_empty() || !service.chars().all(plain) {
                    return Err(CliError::usage(format!("`{service}` is no service's name"))
                        .hint("it is the first part of the page's path, as s3 in https://console.aws.amazon.com/s3/…"));
                }
                PAGES.iter().find(|(name, _)| *name == service).map_or(service, |(_, page)| page)
            }
        };
        Ok(match self.region {
            Some(region) => format!("https://{region}.{host}/{path}/home?region={region}"),
            None => format!("https://{host}/{path}/home"),
        })
    }
}

/// The sign-in leads anywhere it is told: only the partition's own console will do.
fn own_page(host: &str, page: &str) -> Result<(), CliError> {
    let authority =
        page.strip_prefix("https://").map(|rest| rest.split(['/', '?', '#']).next().unwrap_or(rest));
    let is_own = |authority: &str| {
        authority == host || authority.strip_suffix(host).is_some_and(|rest| rest.ends_with('.'))
    };
    if authority.is_some_and(|authority| is_own(authority) && !authority.contains(['@', ':'])) {
        return Ok(());
    }
    Err(CliError::usage(format!("`{page}` is no page of the console"))
        .hint(format!("it begins with https://{host}/")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_those_of_the_partition_and_the_region() {
        let region = |text: &str| text.parse::<Region>().unwrap();
        let page = |partition, at: Option<&Region>, service: Option<&str>| {
            Place { partition, region: at }.page(service, None).unwrap()
        };
        let (frankfurt, beijing) = (region("eu-central-1"), region("cn-north-1"));
        assert_eq!(
            page(Partition::Aws, Some(&frankfurt), None),
            "https://eu-central-1.console.aws.amazon.com/console/home?region=eu-central-1"
        );
        assert_eq!(
            page(Partition::China, Some(&beijing), Some("dynamodb")),
            "https://cn-north-1.console.amazonaws.cn/dynamodbv2/home?region=cn-north-1"
        );
        assert_eq!(page(Partition::UsGov, None, Some("s3")), "https://console.amazonaws-us-gov.com/s3/home");
    }

    #[test]
    fn no_other_page_is_led_to() {
        let page = |text: &str| Place { partition: Partition::Aws, region: None }.page(None, Some(text));
        for good in [
            "https://console.aws.amazon.com/s3/buckets/b",
            "https://eu-west-1.console.aws.amazon.com/lambda/home?region=eu-west-1#/functions",
            "https://console.aws.amazon.com",
        ] {
            assert_eq!(page(good).unwrap(), good);
        }
        for bad in [
            "http://console.aws.amazon.com/",
            "https://evil.example/console.aws.amazon.com",
            "https://evilconsole.aws.amazon.com/",
            "https://console.aws.amazon.com@evil.example/",
            "https://console.aws.amazon.com.evil.example/",
            "console.aws.amazon.com",
        ] {
            assert!(page(bad).is_err(), "{bad}");
        }
        for bad in ["", "s3?x=y", "../x y", "s3#"] {
            assert!(
                Place { partition: Partition::Aws, region: None }.page(Some(bad), None).is_err(),
                "{bad}"
            );
        }
    }
}
