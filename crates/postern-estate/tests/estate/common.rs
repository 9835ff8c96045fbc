//! The estate of the worked example, which several tests start from.

use postern_estate::{Design, DesignError, Desired, Quotas};

/// The estate of a small company: two accounts, two roles, three people.
pub(crate) const EXAMPLE: &str = r#"version = 1
name = "acme"                        # tag value, and prefix in reports
region = "eu-central-1"              # for STS and as people's default

[bastion]
account = "111111111111"
profile = "acme-bastion"             # an administrator credential for the first apply
[accounts.dev]
id = "333333333333"
profile = "acme-dev"
[accounts.prod]
id = "222222222222"
profile = "acme-prod"

[administrators]
people = ["carol"]
also = [{ arn = "arn:aws:iam::222222222222:role/OrganizationAccountAccessRole", reason = "made by AWS Organizations" }]

[roles.developer]
accounts = ["dev", "prod"]
policies = ["PowerUserAccess"]
session = "1h"
[roles.readonly]
accounts = "*"
policies = ["ReadOnlyAccess"]

[groups.developers]
roles = ["*/developer", "*/readonly"]
[groups.auditors]
roles = ["prod/readonly"]

[people.alice]
groups = ["developers"]
[people.bob]
groups = ["auditors"]
[people.carol]
groups = ["developers"]
"#;

/// A policy of one's own.
pub(crate) const LOGS: &str = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "logs:Get*", "Resource": "*"}]}"#;

/// The files beside the estate file.
fn read_file(path: &str) -> Result<String, String> {
    match path {
        "p/logs.json" => Ok(LOGS.to_owned()),
        "p/ec2.json" => Ok(LOGS.replace("logs:Get*", "ec2:*")),
        "p/both.json" => Ok(LOGS.replace("\"logs:Get*\"", "[\"logs:*\", \"ec2:*\", \"s3:*\"]")),
        "p/deny.json" => Ok(LOGS.replace("\"Allow\"", "\"Deny\"")),
        "p/trust.json" => Ok(LOGS.replace("[{", "[{\"Principal\": \"*\", ")),
        "p/huge.json" => Ok(LOGS.replace("logs:Get*", &"x".repeat(11_000).replacen('x', "s3:", 1))),
        "p/broken.json" => Ok("[]".to_owned()),
        _ => Err("no such file".to_owned()),
    }
}

/// The estate of a sound file, in accounts with AWS's default quotas.
pub(crate) fn desired(text: &str) -> Desired {
    let design = Design::parse(text).unwrap_or_else(|errors| unreachable!("{errors:#?}"));
    design.desired(&read_file, &|_| Quotas::DEFAULT).unwrap_or_else(|errors| unreachable!("{errors:#?}"))
}

/// What keeps a readable file from being an estate.
pub(crate) fn desired_errors(text: &str) -> Vec<DesignError> {
    let design = Design::parse(text).unwrap_or_else(|errors| unreachable!("{errors:#?}"));
    design.desired(&read_file, &|_| Quotas::DEFAULT).err().unwrap_or_default()
}
