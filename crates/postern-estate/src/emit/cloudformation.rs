//! CloudFormation: a template in JSON for each account.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use postern_types::{AccountId, GroupName, PolicyArn, PolicyName, RoleName, UserName};

use super::{EmitError, Emitted, LeftOut, Source, names::logical_id};
use crate::{
    ADMIN_ROLE, Account, Desired, Group, ManagedPolicy, PolicyDocument, Role, Tags, User, json::Json,
};

/// What a template may have in bytes to be passed with the call itself; a longer one goes by way of S3.
pub const TEMPLATE_BODY_LIMIT: usize = 51_200;
/// What a template in S3 may have in bytes.
const TEMPLATE_LIMIT: usize = 1_048_576;
/// Resources in a template.
const RESOURCE_LIMIT: usize = 500;
/// What CloudFormation replaces in any string, and knows no way to write literally.
const DYNAMIC_REFERENCE: &str = "{{resolve:";

/// A template for each account.
///
/// Accounts that are to hold the same get the same template to the byte, so that one StackSet can serve
/// them; it says in which accounts it may be used, and CloudFormation refuses it elsewhere.
///
/// # Errors
/// What does not fit into a template of CloudFormation's.
pub fn cloudformation(desired: &Desired) -> Result<BTreeMap<AccountId, Emitted>, EmitError> {
    let mut templates: Vec<(Template, Vec<AccountId>)> = Vec::new();
    for (id, account) in &desired.estate.accounts {
        let template = Builder::new(Source { desired, id: *id, account }).build()?;
        match templates.iter_mut().find(|(other, _)| *other == template) {
            Some((_, accounts)) => accounts.push(*id),
            None => templates.push((template, vec![*id])),
        }
    }
    let mut emitted = BTreeMap::new();
    for (template, accounts) in templates {
        let mut text = template.text(desired, &accounts);
        text.push('\n');
        for account in accounts {
            if text.len() > TEMPLATE_LIMIT {
                return Err(EmitError::TooLarge { account, bytes: text.len(), limit: TEMPLATE_LIMIT });
            }
            emitted.insert(account, Emitted { text: text.clone(), left_out: template.left_out.clone() });
        }
    }
    Ok(emitted)
}

/// What a template holds, wherever it is used.
#[derive(PartialEq, Eq)]
struct Template {
    is_bastion: bool,
    resources: Vec<(String, Json)>,
    left_out: Vec<LeftOut>,
}

impl Template {
    fn text(&self, desired: &Desired, accounts: &[AccountId]) -> String {
        let name = &desired.name;
        let description = if self.is_bastion {
            format!("The bastion account of the estate {name}: people, groups, and what they may assume.")
        } else {
            format!("The roles that people of the estate {name} work in, and what bounds them.")
        };
        let left_out = self.left_out.iter().map(|part| format!("{part}: {}", part.command(None)));
        let metadata = Json::object([
            ("GeneratedBy", Json::text("postern emit cloudformation")),
            ("Estate", Json::text(name.as_str())),
            // Of the estate file's format. The tool's own is not here: an upgrade that changes nothing
            // changes no byte.
            ("EstateVersion", Json::Number("1".to_owned())),
            ("NotInThisTemplate", Json::texts(left_out)),
        ]);
        let here = Json::object([("Ref", Json::text("AWS::AccountId"))]);
        let rule = Json::object([(
            "Assertions",
            Json::Array(vec![Json::object([
                ("Assert", Json::object([("Fn::Contains", Json::Array(vec![Json::texts(accounts), here]))])),
                ("AssertDescription", Json::text(format!("This template of {name} is for other accounts."))),
            ])]),
        )]);
        Json::object([
            ("AWSTemplateFormatVersion", Json::text("2010-09-09")),
            ("Description", Json::text(description)),
            ("Metadata", Json::object([("postern", metadata)])),
            ("Rules", Json::object([("AccountOfThisTemplate", rule)])),
            ("Resources", Json::Object(self.resources.clone())),
        ])
        .pretty()
    }
}

/// What becomes of an object that leaves the template, or whose stack is deleted.
#[derive(Clone, Copy)]
enum Fate {
    /// It goes: a role or group left standing would go on granting what nobody asks for any more.
    Deleted,
    /// It stays, unless it was made by a stack that could not be made. For users, because one with
    /// credentials cannot be deleted: out of its groups it can do nothing, and off-boarding does the rest.
    /// For the administrators' role, because a stack deleted by mistake must not lock them out.
    Kept,
}

struct Builder<'a> {
    source: Source<'a>,
    resources: Vec<(String, Json)>,
    left_out: Vec<LeftOut>,
}

impl<'a> Builder<'a> {
    fn new(source: Source<'a>) -> Self {
        Self { source, resources: Vec::new(), left_out: Vec::new() }
    }

    fn build(mut self) -> Result<Template, EmitError> {
        // All of it by name: what an account comes to hold cannot be left out unnoticed.
        let Account { alias, password_policy, users, groups, roles, policies, quotas: _ } =
            self.source.account;
        self.left_out.extend(alias.clone().map(LeftOut::AccountAlias));
        self.left_out.extend(password_policy.map(LeftOut::PasswordPolicy));
        for (name, policy) in policies {
            self.policy(name, policy)?;
        }
        for (name, role) in roles {
            self.role(name, role)?;
        }
        for (name, group) in groups {
            self.group(name, group)?;
        }
        for (name, user) in users {
            self.user(name, user)?;
        }
        for group in groups.keys() {
            self.members(group);
        }
        if !users.is_empty() {
            self.left_out.push(LeftOut::Credentials);
        }
        let (account, count) = (self.source.id, self.resources.len());
        if count > RESOURCE_LIMIT {
            return Err(EmitError::TooManyResources { account, count, limit: RESOURCE_LIMIT });
        }
        let is_bastion = self.source.id == self.source.desired.bastion;
        Ok(Template { is_bastion, resources: self.resources, left_out: self.left_out })
    }

    fn push(&mut self, id: String, kind: &str, fate: Fate, properties: Vec<(&str, Json)>) {
        let (deletion, replacement) = match fate {
            Fate::Deleted => ("Delete", "Delete"),
            Fate::Kept => ("RetainExceptOnCreate", "Retain"),
        };
        let properties = properties.into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        let resource = Json::object([
            ("Type", Json::text(format!("AWS::IAM::{kind}"))),
            ("DeletionPolicy", Json::text(deletion)),
            ("UpdateReplacePolicy", Json::text(replacement)),
            ("Properties", Json::Object(properties)),
        ]);
        self.resources.push((id, resource));
    }

    fn policy(&mut self, name: &PolicyName, policy: &ManagedPolicy) -> Result<(), EmitError> {
        let ManagedPolicy { path, tags, document, versions: _ } = policy;
        let document = self.document(document, name)?;
        let properties = vec![
            ("ManagedPolicyName", Json::text(name.as_str())),
            ("Path", Json::text(path.as_str())),
            ("PolicyDocument", document),
        ];
        self.push(logical_id("Policy", name.as_str()), "ManagedPolicy", Fate::Deleted, properties);
        if let Some(tags) = tags.clone().filter(|tags| !tags.is_empty()) {
            // CloudFormation's type has no tags.
            self.left_out.push(LeftOut::PolicyTags {
                partition: self.source.desired.partition,
                path: path.clone(),
                policy: name.clone(),
                tags,
            });
        }
        Ok(())
    }

    fn role(&mut self, name: &RoleName, role: &Role) -> Result<(), EmitError> {
        let Role {
            path,
            id: _,
            tags,
            trust,
            max_session,
            description,
            inline,
            attached,
            boundary,
            instance_profiles: _,
        } = role;
        let mut properties = vec![
            ("RoleName", Json::text(name.as_str())),
            ("Path", Json::text(path.as_str())),
            ("AssumeRolePolicyDocument", self.document(trust, format_args!("the trust of {name}"))?),
        ];
        if let Some(description) = description {
            properties.push(("Description", Json::text(description)));
        }
        if let Some(duration) = max_session {
            properties.push(("MaxSessionDuration", Json::Number(duration.seconds().to_string())));
        }
        properties.extend(boundary.as_ref().map(|arn| ("PermissionsBoundary", self.arn(arn))));
        properties.extend(self.grants(name.as_str(), inline, attached)?);
        properties.extend(tag_list(tags));
        let fate = if name.as_str() == ADMIN_ROLE { Fate::Kept } else { Fate::Deleted };
        self.push(logical_id("Role", name.as_str()), "Role", fate, properties);
        Ok(())
    }

    fn group(&mut self, name: &GroupName, group: &Group) -> Result<(), EmitError> {
        let Group { path, inline, attached } = group;
        let mut properties =
            vec![("GroupName", Json::text(name.as_str())), ("Path", Json::text(path.as_str()))];
        properties.extend(self.grants(name.as_str(), inline, attached)?);
        self.push(logical_id("Group", name.as_str()), "Group", Fate::Deleted, properties);
        Ok(())
    }

    fn user(&mut self, name: &UserName, user: &User) -> Result<(), EmitError> {
        // Memberships are resources of their own: a user that is kept must leave its groups.
        let User { path, id: _, tags, groups: _, inline, attached, boundary, credentials: _ } = user;
        let mut properties =
            vec![("UserName", Json::text(name.as_str())), ("Path", Json::text(path.as_str()))];
        properties.extend(boundary.as_ref().map(|arn| ("PermissionsBoundary", self.arn(arn))));
        properties.extend(self.grants(name.as_str(), inline, attached)?);
        properties.extend(tag_list(tags));
        self.push(logical_id("User", name.as_str()), "User", Fate::Kept, properties);
        Ok(())
    }

    /// A group's members. The references put it behind the group and its users; a group without members
    /// has no resource, since CloudFormation wants a user in it.
    fn members(&mut self, group: &GroupName) {
        let users = self.source.account.users.iter().filter(|(_, user)| user.groups.contains(group));
        let users: Vec<Json> = users.map(|(name, _)| reference(logical_id("User", name.as_str()))).collect();
        if !users.is_empty() {
            let properties = vec![
                ("GroupName", reference(logical_id("Group", group.as_str()))),
                ("Users", Json::Array(users)),
            ];
            let id = logical_id("MembersOf", group.as_str());
            self.push(id, "UserToGroupAddition", Fate::Deleted, properties);
        }
    }

    fn document(&self, document: &PolicyDocument, what: impl fmt::Display) -> Result<Json, EmitError> {
        if document.text().contains(DYNAMIC_REFERENCE) {
            return Err(EmitError::DynamicReference { account: self.source.id, policy: what.to_string() });
        }
        self.source.document(document, what)
    }

    /// Inline and attached policies.
    fn grants(
        &self,
        owner: &str,
        inline: &BTreeMap<PolicyName, PolicyDocument>,
        attached: &BTreeSet<PolicyArn>,
    ) -> Result<Vec<(&'static str, Json)>, EmitError> {
        let mut properties = Vec::new();
        if !attached.is_empty() {
            let arns = attached.iter().map(|arn| self.arn(arn)).collect();
            properties.push(("ManagedPolicyArns", Json::Array(arns)));
        }
        if !inline.is_empty() {
            let mut policies = Vec::new();
            for (name, document) in inline {
                let document = self.document(document, format_args!("{name} of {owner}"))?;
                policies.push(Json::object([
                    ("PolicyName", Json::text(name.as_str())),
                    ("PolicyDocument", document),
                ]));
            }
            properties.push(("Policies", Json::Array(policies)));
        }
        Ok(properties)
    }

    /// A policy's ARN; one that this template makes is referred to, which also puts it first.
    fn arn(&self, arn: &PolicyArn) -> Json {
        match self.source.own_policy(arn) {
            Some(name) => reference(logical_id("Policy", name.as_str())),
            None => Json::text(arn.to_string()),
        }
    }
}

fn reference(id: String) -> Json {
    Json::object([("Ref", Json::String(id))])
}

fn tag_list(tags: &Tags) -> Option<(&'static str, Json)> {
    let list: Vec<Json> = tags
        .iter()
        .map(|(key, value)| Json::object([("Key", Json::text(key)), ("Value", Json::text(value))]))
        .collect();
    (!list.is_empty()).then_some(("Tags", Json::Array(list)))
}
