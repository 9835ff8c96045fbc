//! A reader of the templates: what CloudFormation would make of them.

use std::collections::{BTreeMap, BTreeSet};

use postern_estate::{Account, Group, ManagedPolicy, PolicyDocument, Role, Tags, User};
use postern_types::{AccountId, PolicyArn, PolicyName, SessionDuration};
use serde_json::Value;

use super::{document, empty, members, nothing_else, text};

/// The accounts in which the template may be used.
pub(super) fn accounts(template: &Value) -> Vec<String> {
    let assertion = &template["Rules"]["AccountOfThisTemplate"]["Assertions"][0]["Assert"]["Fn::Contains"];
    assert_eq!(assertion[1]["Ref"], "AWS::AccountId");
    assertion[0].as_array().unwrap().iter().map(text).collect()
}

struct Reader<'a> {
    id: AccountId,
    resources: BTreeMap<String, Value>,
    wanted: &'a Account,
}

pub(super) fn read(template: &Value, id: AccountId, wanted: &Account) -> Account {
    assert_eq!(
        template.as_object().unwrap().keys().collect::<BTreeSet<_>>(),
        BTreeSet::from(
            ["AWSTemplateFormatVersion", "Description", "Metadata", "Resources", "Rules"]
                .map(String::from)
                .each_ref()
        )
    );
    assert!(accounts(template).contains(&id.to_string()));
    let reader = Reader { id, resources: members(&template["Resources"]), wanted };
    let mut account = empty(wanted);
    for (logical, resource) in &reader.resources {
        assert!(logical.chars().all(|c| c.is_ascii_alphanumeric()) && logical.len() <= 255, "{logical}");
        let mut properties = members(&resource["Properties"]);
        match resource["Type"].as_str().unwrap() {
            "AWS::IAM::ManagedPolicy" => reader.policy(&mut properties, &mut account),
            "AWS::IAM::Role" => reader.role(&mut properties, &mut account),
            "AWS::IAM::Group" => reader.group(&mut properties, &mut account),
            "AWS::IAM::User" => reader.user(&mut properties, &mut account),
            "AWS::IAM::UserToGroupAddition" => {
                assert_eq!(properties.len(), 2);
            }
            other => panic!("{other}"),
        }
    }
    reader.memberships(&mut account);
    account
}

type Properties = BTreeMap<String, Value>;

impl Reader<'_> {
    /// A literal, or what `Ref` gives: the name of users, groups and roles, the ARN of policies.
    fn value(&self, value: &Value) -> String {
        let Some(reference) = value.get("Ref") else { return text(value) };
        let resource = &self.resources[reference.as_str().unwrap()];
        let properties = &resource["Properties"];
        match resource["Type"].as_str().unwrap() {
            "AWS::IAM::ManagedPolicy" => format!(
                "arn:aws:iam::{}:policy{}{}",
                self.id,
                text(&properties["Path"]),
                text(&properties["ManagedPolicyName"])
            ),
            "AWS::IAM::Role" => text(&properties["RoleName"]),
            "AWS::IAM::Group" => text(&properties["GroupName"]),
            _ => text(&properties["UserName"]),
        }
    }

    fn policy(&self, properties: &mut Properties, account: &mut Account) {
        let name: PolicyName = text(&properties.remove("ManagedPolicyName").unwrap()).parse().unwrap();
        let wanted = self.wanted.policies.get(&name).map(|policy| &policy.document);
        let policy = ManagedPolicy {
            path: path(properties),
            tags: None,
            document: document(&properties.remove("PolicyDocument").unwrap(), wanted),
            versions: Vec::new(),
        };
        nothing_else(properties, name.as_str());
        account.policies.insert(name, policy);
    }

    fn role(&self, properties: &mut Properties, account: &mut Account) {
        let name = text(&properties.remove("RoleName").unwrap()).parse().unwrap();
        let wanted = self.wanted.roles.get(&name);
        let trust = properties.remove("AssumeRolePolicyDocument").unwrap();
        let session = properties
            .remove("MaxSessionDuration")
            .map(|seconds| u32::try_from(seconds.as_u64().unwrap()).unwrap());
        let role = Role {
            path: path(properties),
            id: None,
            tags: tags(properties),
            trust: document(&trust, wanted.map(|role| &role.trust)),
            max_session: session.map(SessionDuration::from_seconds),
            description: properties.remove("Description").map(|description| text(&description)),
            inline: self.inline(properties, wanted.map(|role| &role.inline)),
            attached: self.attached(properties),
            boundary: self.boundary(properties),
            instance_profiles: BTreeSet::new(),
        };
        nothing_else(properties, name.as_str());
        account.roles.insert(name, role);
    }

    fn group(&self, properties: &mut Properties, account: &mut Account) {
        let name = text(&properties.remove("GroupName").unwrap()).parse().unwrap();
        let wanted = self.wanted.groups.get(&name).map(|group| &group.inline);
        let group = Group {
            path: path(properties),
            inline: self.inline(properties, wanted),
            attached: self.attached(properties),
        };
        nothing_else(properties, name.as_str());
        account.groups.insert(name, group);
    }

    fn user(&self, properties: &mut Properties, account: &mut Account) {
        let name = text(&properties.remove("UserName").unwrap()).parse().unwrap();
        let wanted = self.wanted.users.get(&name).map(|user| &user.inline);
        let user = User {
            path: path(properties),
            id: None,
            tags: tags(properties),
            groups: BTreeSet::new(),
            inline: self.inline(properties, wanted),
            attached: self.attached(properties),
            boundary: self.boundary(properties),
            credentials: None,
        };
        nothing_else(properties, name.as_str());
        account.users.insert(name, user);
    }

    fn memberships(&self, account: &mut Account) {
        for resource in self.resources.values() {
            if resource["Type"] == "AWS::IAM::UserToGroupAddition" {
                // By reference, which is what puts it behind the group and its users.
                assert!(resource["Properties"]["GroupName"].get("Ref").is_some());
                let group = self.value(&resource["Properties"]["GroupName"]);
                for user in resource["Properties"]["Users"].as_array().unwrap() {
                    assert!(user.get("Ref").is_some());
                    let user = account.users.get_mut(&self.value(user).parse().unwrap()).unwrap();
                    user.groups.insert(group.parse().unwrap());
                }
            }
        }
    }

    fn attached(&self, properties: &mut Properties) -> BTreeSet<PolicyArn> {
        let arns = properties.remove("ManagedPolicyArns").unwrap_or(Value::Array(Vec::new()));
        arns.as_array().unwrap().iter().map(|arn| self.value(arn).parse().unwrap()).collect()
    }

    fn boundary(&self, properties: &mut Properties) -> Option<PolicyArn> {
        properties.remove("PermissionsBoundary").map(|arn| self.value(&arn).parse().unwrap())
    }

    fn inline(
        &self,
        properties: &mut Properties,
        wanted: Option<&BTreeMap<PolicyName, PolicyDocument>>,
    ) -> BTreeMap<PolicyName, PolicyDocument> {
        let policies = properties.remove("Policies").unwrap_or(Value::Array(Vec::new()));
        let read = |policy: &Value| {
            let name: PolicyName = text(&policy["PolicyName"]).parse().unwrap();
            let wanted = wanted.and_then(|wanted| wanted.get(&name));
            (name, document(&policy["PolicyDocument"], wanted))
        };
        policies.as_array().unwrap().iter().map(read).collect()
    }
}

fn path(properties: &mut Properties) -> postern_types::IamPath {
    text(&properties.remove("Path").unwrap()).parse().unwrap()
}

fn tags(properties: &mut Properties) -> Tags {
    let tags = properties.remove("Tags").unwrap_or(Value::Array(Vec::new()));
    tags.as_array().unwrap().iter().map(|tag| (text(&tag["Key"]), text(&tag["Value"]))).collect()
}
