//! Cases as a company's estate makes them, about 700 bytes on average, each with its own policies and with the
//! decision that it must get.

use std::fmt::Write;

/// The numbers of one run of cases: the same seed gives the same ones.
pub(crate) struct Cases {
    state: u64,
    number: u64,
}

impl Cases {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { state: seed, number: 0 }
    }

    /// The next of `of` choices.
    fn pick(&mut self, of: u64) -> u64 {
        // Knuth's MMIX generator; the high bits are the random ones.
        self.state =
            self.state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.state >> 33) % of
    }

    /// Appends one case and its end of line; the decision it must get is returned.
    pub(crate) fn write(&mut self, out: &mut String) -> &'static str {
        self.number += 1;
        match self.pick(10) {
            0 | 1 => self.assumption(out),
            2 => self.bucket(out),
            3 => self.bounded(out),
            4..=6 => self.pass_role(out),
            _ => self.message(out),
        }
    }

    /// A person of the bastion assumes a role of another account, with MFA or without.
    fn assumption(&mut self, out: &mut String) -> &'static str {
        let (user, account) = (self.pick(50), 222_222_222_000 + self.pick(40));
        let mfa = self.pick(3);
        let own = self.pick(5) > 0;
        let mfa_key = match mfa {
            0 => "",
            1 => r#","aws:MultiFactorAuthPresent":"false""#,
            _ => r#","aws:MultiFactorAuthPresent":"true","aws:MultiFactorAuthAge":"1200""#,
        };
        let granted = if own { account } else { account + 1 };
        writeln!(
            out,
            r#"{{"id":"assume-{number}","request":{{"principal":"arn:aws:iam::111111111111:user/postern/person{user}","action":"sts:AssumeRole","resource":{{"arn":"arn:aws:iam::{account}:role/developer","accountId":"{account}"}},"context":{{"aws:PrincipalArn":"arn:aws:iam::111111111111:user/postern/person{user}","aws:SourceIp":"10.2.{user}.7"{mfa_key}}}}},"identityPolicies":[{{"name":"developers","policy":{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"arn:aws:iam::{granted}:role/*","Condition":{{"Bool":{{"aws:MultiFactorAuthPresent":"true"}}}}}}]}}}}],"resourcePolicy":{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::111111111111:root"}},"Action":"sts:AssumeRole","Condition":{{"Bool":{{"aws:MultiFactorAuthPresent":"true"}},"ArnLike":{{"aws:PrincipalArn":"arn:aws:iam::111111111111:user/postern/*"}}}}}}]}}}}"#,
            number = self.number
        )
        .unwrap();
        if mfa == 2 && own { "Allowed" } else { "ImplicitlyDenied" }
    }

    /// Someone reads or deletes an object of one's own, or of another's.
    fn bucket(&mut self, out: &mut String) -> &'static str {
        const ACTIONS: [(&str, bool); 4] = [
            ("s3:GetObject", true),
            ("s3:PutObject", true),
            ("s3:DeleteObject", false),
            ("S3:getObject", true),
        ];
        let user = self.pick(50);
        let owner = if self.pick(3) == 0 { user + 100 } else { user };
        let (action, allowed) = ACTIONS[usize::try_from(self.pick(4)).unwrap()];
        writeln!(
            out,
            r#"{{"id":{number},"request":{{"principal":"arn:aws:sts::222222222222:assumed-role/developer/person{user}","action":"{action}","resource":{{"arn":"arn:aws:s3:::acme-homes/person{owner}/notes/2026-11.txt","accountId":"222222222222"}},"context":{{"aws:PrincipalTag/person":"person{user}","aws:SourceIp":"10.2.3.4","aws:SecureTransport":true}}}},"identityPolicies":[{{"name":"homes","policy":{{"Version":"2012-10-17","Statement":[{{"Sid":"Own","Effect":"Allow","Action":["s3:Get*","s3:PutObject","s3:DeleteObject"],"Resource":"arn:aws:s3:::acme-homes/${{aws:PrincipalTag/person}}/*"}},{{"Sid":"Keep","Effect":"Deny","Action":"s3:Delete*","Resource":"*"}}]}}}}],"sessionPolicy":{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"s3:*","Resource":"*","Condition":{{"IpAddress":{{"aws:SourceIp":["10.0.0.0/8","192.168.0.0/16"]}}}}}}]}}}}"#,
            number = self.number
        )
        .unwrap();
        match (allowed, owner == user) {
            (false, _) => "ExplicitlyDenied",
            (true, true) => "Allowed",
            (true, false) => "ImplicitlyDenied",
        }
    }

    /// An instance is started below a boundary and SCPs.
    fn bounded(&mut self, out: &mut String) -> &'static str {
        const REGIONS: [&str; 3] = ["eu-central-1", "eu-west-1", "us-east-1"];
        let region = REGIONS[usize::try_from(self.pick(3)).unwrap()];
        let (action, bounded) = [("ec2:RunInstances", true), ("lambda:InvokeFunction", false)]
            [usize::try_from(self.pick(2)).unwrap()];
        writeln!(
            out,
            r#"{{"id":"run-{number}","request":{{"principal":"arn:aws:iam::333333333333:role/ci/builder","action":"{action}","resource":"arn:aws:ec2:{region}:333333333333:instance/*","context":{{"aws:RequestedRegion":"{region}","aws:TagKeys":["team","stage"]}}}},"identityPolicies":[{{"name":"power","policy":{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","NotAction":["iam:*","organizations:*"],"Resource":"*"}}}}}}],"permissionBoundaryPolicies":[{{"name":"cap","policy":{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":["ec2:*","s3:*"],"Resource":"*"}}}}}}],"serviceControlPolicies":[{{"orgIdentifier":"r-1","policies":[{{"name":"full","policy":{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":"*","Resource":"*"}},{{"Effect":"Deny","Action":"*","Resource":"*","Condition":{{"StringNotLike":{{"aws:RequestedRegion":"eu-*"}}}}}}]}}}}]}}]}}"#,
            number = self.number
        )
        .unwrap();
        match (region, bounded) {
            ("us-east-1", _) => "ExplicitlyDenied",
            (_, true) => "Allowed",
            (_, false) => "ImplicitlyDenied",
        }
    }

    /// Somebody passes a role to a service, which the policy names or does not.
    fn pass_role(&mut self, out: &mut String) -> &'static str {
        let (user, role) = (self.pick(50), self.pick(20));
        let (service, named) =
            [("lambda.amazonaws.com", true), ("ec2.amazonaws.com", true), ("glue.amazonaws.com", false)]
                [usize::try_from(self.pick(3)).unwrap()];
        let (kind, spared) = [("app", true), ("admin", false)][usize::try_from(self.pick(2)).unwrap()];
        writeln!(
            out,
            r#"{{"id":"pass-{number}","request":{{"principal":"arn:aws:iam::111111111111:user/person{user}","action":"iam:PassRole","resource":{{"arn":"arn:aws:iam::111111111111:role/{kind}/worker{role}","accountId":"111111111111"}},"context":{{"iam:PassedToService":"{service}"}}}},"identityPolicies":[{{"name":"pass","policy":{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Action":["iam:GetRole","iam:PassRole"],"Resource":"arn:aws:iam::111111111111:role/*","Condition":{{"StringEquals":{{"iam:PassedToService":["ec2.amazonaws.com","lambda.amazonaws.com"]}}}}}},{{"Effect":"Deny","Action":"iam:*","Resource":"arn:aws:iam::*:role/admin/*"}}]}}}}]}}"#,
            number = self.number
        )
        .unwrap();
        match (spared, named) {
            (false, _) => "ExplicitlyDenied",
            (true, true) => "Allowed",
            (true, false) => "ImplicitlyDenied",
        }
    }

    /// A topic sends to a queue of its own account, or of another's.
    fn message(&mut self, out: &mut String) -> &'static str {
        let (queue, owner) =
            (self.pick(90), [111_111_111_111_u64, 999_999_999_999][usize::try_from(self.pick(2)).unwrap()]);
        writeln!(
            out,
            r#"{{"id":"send-{number}","request":{{"principal":"sns.amazonaws.com","action":"sqs:SendMessage","resource":"arn:aws:sqs:eu-central-1:111111111111:orders-{queue}","context":{{"aws:SourceArn":"arn:aws:sns:eu-central-1:{owner}:orders","aws:SourceAccount":"{owner}"}}}},"identityPolicies":[],"resourcePolicy":{{"Version":"2012-10-17","Statement":[{{"Sid":"Topic","Effect":"Allow","Principal":{{"Service":"sns.amazonaws.com"}},"Action":"sqs:SendMessage","Resource":"arn:aws:sqs:eu-central-1:111111111111:orders-*","Condition":{{"ArnLike":{{"aws:SourceArn":"arn:aws:sns:*:111111111111:*"}}}}}}]}}}}"#,
            number = self.number
        )
        .unwrap();
        if owner == 111_111_111_111 { "Allowed" } else { "ImplicitlyDenied" }
    }
}
