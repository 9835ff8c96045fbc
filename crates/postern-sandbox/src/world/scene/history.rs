//! What happened in the account of the scene, from its first day to this one.

use super::form;

/// The account.
pub(super) const ACCOUNT: &str = "222222222222";

const ADMINISTRATOR: &str = "arn:aws:iam::aws:policy/AdministratorAccess";
const DEPLOY: &str = r#"{"Version":"2012-10-17","Statement":[
  {"Effect":"Allow","Action":["cloudformation:*","ecr:*","lambda:*","s3:*"],"Resource":"*"},
  {"Effect":"Allow","Action":"iam:PassRole","Resource":"arn:aws:iam::222222222222:role/app"}]}"#;
const BACKUP: &str = r#"{"Version":"2012-10-17","Statement":[
  {"Effect":"Allow","Action":["s3:PutObject","s3:ListBucket"],"Resource":["arn:aws:s3:::acme-backup","arn:aws:s3:::acme-backup/*"]},
  {"Effect":"Allow","Action":["ec2:CreateSnapshot","ec2:CreateTags","ec2:Describe*"],"Resource":"*"}]}"#;
const APP_TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow",
  "Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole"}]}"#;

const CLI: &str = "aws-cli/2.17.40 md/awscrt#0.21.2 ua/2.0 os/linux#6.8.0";
const TERRAFORM: &str = "HashiCorp Terraform/1.9.5 APN/1.0 Terraform-Provider-AWS/5.64.0";
const BOTO: &str = "Boto3/1.34.162 md/Botocore#1.34.162 ua/2.0 os/linux#5.10.0";
const ACTIONS: &str = "aws-sdk-js/3.637.0 ua/2.0 os/linux#6.5.0-azure lang/js md/nodejs#20.17.0";

/// Something that somebody did at some time.
pub(super) struct Moment {
    pub(super) minutes_ago: i64,
    pub(super) act: Act,
}

/// What somebody did.
#[derive(Clone)]
pub(super) enum Act {
    /// The account is opened.
    Account(&'static str),
    /// Root calls IAM.
    Root(&'static str, Vec<(&'static str, &'static str)>),
    /// A user gets a password.
    Password(&'static str),
    /// A user gets an MFA device.
    Device(&'static str),
    /// A user's oldest active key is switched off.
    NoMore(&'static str),
    /// A user signs in to the console.
    SignedIn(&'static str),
    /// A user calls something with the newest key, by a program of this name.
    Call(&'static str, &'static str, Ask),
}

/// A request to any service.
#[derive(Clone)]
pub(super) struct Ask {
    pub(super) service: &'static str,
    pub(super) region: &'static str,
    pub(super) method: &'static str,
    pub(super) target: &'static str,
    pub(super) headers: Vec<(&'static str, &'static str)>,
    pub(super) body: String,
}

const REGION: &str = "eu-central-1";

impl Ask {
    pub(super) fn query(
        service: &'static str,
        region: &'static str,
        version: &str,
        action: &str,
        parameters: &[(&str, &str)],
    ) -> Self {
        let mut all = vec![("Action", action), ("Version", version)];
        all.extend_from_slice(parameters);
        Self {
            service,
            region,
            method: "POST",
            target: "/",
            headers: vec![("content-type", "application/x-www-form-urlencoded")],
            body: form(&all),
        }
    }

    fn iam(action: &str, parameters: &[(&str, &str)]) -> Self {
        Self::query("iam", "us-east-1", "2010-05-08", action, parameters)
    }

    fn ec2(action: &str) -> Self {
        Self::query("ec2", REGION, "2016-11-15", action, &[])
    }

    /// A service that speaks JSON with the operation in a header.
    fn json(service: &'static str, target: &'static str) -> Self {
        let headers = vec![("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)];
        Self { service, region: REGION, method: "POST", target: "/", headers, body: "{}".to_owned() }
    }

    /// A service that speaks by method and path.
    fn rest(service: &'static str, method: &'static str, target: &'static str) -> Self {
        Self { service, region: REGION, method, target, headers: Vec::new(), body: String::new() }
    }
}

const fn days(days: i64) -> i64 {
    days * 24 * 60
}

/// Everything, the oldest first.
pub(super) fn history() -> Vec<Moment> {
    let mut script = Script(Vec::new());
    script.people();
    script.machines();
    script.usage();
    // What was written down first at the same time comes first.
    script.0.sort_by_key(|moment| std::cmp::Reverse(moment.minutes_ago));
    script.0
}

struct Script(Vec<Moment>);

impl Script {
    fn at(&mut self, minutes_ago: i64, act: Act) {
        self.0.push(Moment { minutes_ago, act });
    }

    fn root(&mut self, minutes_ago: i64, action: &'static str, parameters: &[(&'static str, &'static str)]) {
        self.at(minutes_ago, Act::Root(action, parameters.to_vec()));
    }

    /// A user with a key.
    fn user(&mut self, minutes_ago: i64, name: &'static str) {
        self.root(minutes_ago, "CreateUser", &[("UserName", name)]);
        self.root(minutes_ago - 3, "CreateAccessKey", &[("UserName", name)]);
    }

    fn people(&mut self) {
        self.at(days(900), Act::Account("prod"));
        self.root(days(900) - 10, "CreateAccountAlias", &[("AccountAlias", "acme-prod")]);
        self.root(days(900) - 12, "CreateGroup", &[("GroupName", "admins")]);
        let rights = [("GroupName", "admins"), ("PolicyArn", ADMINISTRATOR)];
        self.root(days(900) - 13, "AttachGroupPolicy", &rights);
        for (name, since) in [("alice", 899), ("bob", 780), ("dave", 410)] {
            self.user(days(since), name);
            let member = [("GroupName", "admins"), ("UserName", name)];
            self.root(days(since) - 4, "AddUserToGroup", &member);
        }
        // In a hurry, and past the group.
        for (name, since) in [("carol", 600), ("erin", 150)] {
            self.user(days(since), name);
            let rights = [("UserName", name), ("PolicyArn", ADMINISTRATOR)];
            self.root(days(since) - 5, "AttachUserPolicy", &rights);
        }
        for (name, since) in [("alice", 899), ("bob", 780), ("carol", 600), ("erin", 150)] {
            self.at(days(since) - 20, Act::Password(name));
        }
        for (name, since) in [("alice", 898), ("erin", 149)] {
            self.at(days(since), Act::Device(name));
        }
        self.root(days(400), "CreateAccessKey", &[("UserName", "bob")]);
        self.at(days(399), Act::NoMore("bob"));

        self.user(days(640), "intern-2024");
        let reader = [("UserName", "intern-2024"), ("PolicyArn", "arn:aws:iam::aws:policy/ReadOnlyAccess")];
        self.root(days(640) - 5, "AttachUserPolicy", &reader);
        self.at(days(640) - 20, Act::Password("intern-2024"));
        self.at(days(611), Act::SignedIn("intern-2024"));
    }

    fn machines(&mut self) {
        self.user(days(700), "ci-deploy");
        self.root(days(700) - 5, "CreatePolicy", &[("PolicyName", "ci-deploy"), ("PolicyDocument", DEPLOY)]);
        let rights = [("UserName", "ci-deploy"), ("PolicyArn", "arn:aws:iam::222222222222:policy/ci-deploy")];
        self.root(days(700) - 6, "AttachUserPolicy", &rights);
        self.user(days(520), "backup-agent");
        let rights = [("UserName", "backup-agent"), ("PolicyName", "backup"), ("PolicyDocument", BACKUP)];
        self.root(days(520) - 5, "PutUserPolicy", &rights);
        self.root(days(710), "CreateRole", &[("RoleName", "app"), ("AssumeRolePolicyDocument", APP_TRUST)]);
        self.root(days(710) - 1, "CreateInstanceProfile", &[("InstanceProfileName", "app")]);
        let holds = [("InstanceProfileName", "app"), ("RoleName", "app")];
        self.root(days(710) - 2, "AddRoleToInstanceProfile", &holds);
    }

    /// The same calls every so many days, from one day to another.
    fn calls(
        &mut self,
        who: &'static str,
        agent: &'static str,
        (from, to, every): (i64, i64, usize),
        asks: &[Ask],
    ) {
        // Everybody has hours of their own.
        let hour = i64::try_from(who.len()).unwrap_or_default() * 37;
        for day in (to..=from).rev().step_by(every) {
            for (minute, ask) in (0..).zip(asks) {
                self.at(days(day) + hour - minute * 7, Act::Call(who, agent, ask.clone()));
            }
        }
    }

    fn usage(&mut self) {
        let describe = Ask::ec2("DescribeInstances");
        let buckets = Ask::rest("s3", "GET", "/");
        let trail = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";
        let stacks = |action| Ask::query("cloudformation", REGION, "2010-05-15", action, &[]);

        let tag = [("RoleName", "app"), ("Tags.member.1.Key", "owner"), ("Tags.member.1.Value", "alice")];
        let asks = [
            describe.clone(),
            buckets.clone(),
            Ask::iam("ListUsers", &[]),
            Ask::iam("TagRole", &tag),
            Ask::json("cloudtrail", trail),
        ];
        self.calls("alice", CLI, (120, 1, 3), &asks);
        let asks = [
            stacks("DescribeStacks"),
            describe.clone(),
            Ask::rest("s3", "GET", "/acme-terraform/state"),
            Ask::rest("s3", "PUT", "/acme-terraform/state"),
            Ask::iam("GetRole", &[("RoleName", "app")]),
        ];
        self.calls("bob", TERRAFORM, (200, 12, 8), &asks);
        let asks = [
            buckets.clone(),
            Ask::rest("lambda", "GET", "/2015-03-31/functions/"),
            Ask::json("logs", "Logs_20140328.DescribeLogGroups"),
            Ask::query("monitoring", REGION, "2010-08-01", "DescribeAlarms", &[]),
        ];
        self.calls("carol", CLI, (90, 1, 2), &asks);
        let asks = [
            Ask::query("sts", REGION, "2011-06-15", "GetCallerIdentity", &[]),
            describe.clone(),
            Ask::ec2("StopInstances"),
            Ask::query("rds", REGION, "2014-10-31", "DescribeDBInstances", &[]),
        ];
        self.calls("dave", CLI, (100, 3, 4), &asks);
        let asks = [
            buckets,
            Ask::json("secretsmanager", "secretsmanager.ListSecrets"),
            Ask::json("kms", "TrentService.ListKeys"),
            Ask::iam("ListAccessKeys", &[("UserName", "alice")]),
        ];
        self.calls("erin", CLI, (140, 5, 9), &asks);
        self.calls("intern-2024", CLI, (638, 605, 6), &[describe]);

        let asks = [
            Ask::json("ecr", "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken"),
            stacks("UpdateStack"),
            Ask::rest("s3", "PUT", "/acme-artifacts/build.zip"),
            Ask::rest("lambda", "PUT", "/2015-03-31/functions/api/code"),
            // Not allowed, and tried every day.
            Ask::iam("CreateRole", &[("RoleName", "api"), ("AssumeRolePolicyDocument", APP_TRUST)]),
        ];
        self.calls("ci-deploy", ACTIONS, (90, 1, 1), &asks);
        let asks = [
            Ask::ec2("DescribeVolumes"),
            Ask::ec2("CreateSnapshot"),
            Ask::rest("s3", "PUT", "/acme-backup/volumes.json"),
        ];
        self.calls("backup-agent", BOTO, (60, 1, 1), &asks);
        for (who, ago) in [("alice", 2), ("bob", 20), ("carol", 1), ("erin", 5)] {
            self.at(days(ago), Act::SignedIn(who));
        }
    }
}
