//! The estate of the worked example, which several tests start from.

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
