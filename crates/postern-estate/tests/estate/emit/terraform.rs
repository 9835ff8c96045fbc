//! A reader of the modules: what Terraform and its provider would make of them.

use std::collections::{BTreeMap, BTreeSet};

use postern_estate::{Account, Group, ManagedPolicy, PasswordPolicy, PolicyDocument, Role, Tags, User};
use postern_types::{AccountId, PolicyArn, PolicyName, SessionDuration};
use serde_json::{Map, Value};

use super::{document, empty, members, nothing_else, text};

/// Names and types of the provider's arguments; `cargo xtask terraform-schema` writes it.
const SCHEMA: &str = include_str!("../terraform_aws_iam.json");

/// Every resource and argument is one that the provider knows, of its type, and none that it requires is
/// missing.
pub(super) fn check_schema(module: &Value) {
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    check_arguments(&schema["provider"], &module["provider"]["aws"], "provider");
    for (kind, named) in module["resource"].as_object().unwrap() {
        assert!(!["aws_iam_virtual_mfa_device", "aws_iam_access_key"].contains(&kind.as_str()));
        for (name, arguments) in named.as_object().unwrap() {
            let mut letters = name.chars();
            assert!(letters.next().is_some_and(|c| c.is_ascii_alphabetic() || c == '_'), "{name}");
            assert!(letters.all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '-'), "{name}");
            check_arguments(&schema["resources"][kind], arguments, &format!("{kind}.{name}"));
        }
    }
    let wanted = &module["terraform"]["required_providers"]["aws"];
    let major = schema["provider_version"].as_str().unwrap().split('.').next().unwrap();
    assert_eq!(wanted["version"], format!("~> {major}.0"), "another version than the one checked against");
}

fn check_arguments(schema: &Value, arguments: &Value, of: &str) {
    let schema = schema.as_object().unwrap_or_else(|| panic!("the provider has no {of}"));
    for (name, value) in arguments.as_object().unwrap() {
        let kind = schema.get(name).unwrap_or_else(|| panic!("{of} takes no {name}"));
        let fits = match kind.as_str().unwrap().trim_end_matches('!') {
            "string" => value.is_string(),
            "number" => value.is_number(),
            "bool" => value.is_boolean(),
            "list" => value.as_array().is_some_and(|items| items.iter().all(Value::is_string)),
            "map" => value.as_object().is_some_and(|map| map.values().all(Value::is_string)),
            _ => false,
        };
        assert!(fits, "{name} of {of} is {kind}, not {value}");
    }
    for (name, kind) in schema {
        let required = kind.as_str().unwrap().ends_with('!');
        assert!(!required || arguments.get(name).is_some(), "{of} needs {name}");
    }
}

/// A template of Terraform's without expressions of its own, as the text that it stands for.
fn unescaped(template: &str) -> String {
    let plain = template.replace("${\"$\"}", "\u{1}").replace("${\"%\"}", "\u{2}");
    let plain = plain.replace("$${", "\u{3}").replace("%%{", "\u{4}");
    assert!(!plain.contains("${") && !plain.contains("%{"), "an expression in {template}");
    plain.replace('\u{1}', "$").replace('\u{2}', "%").replace('\u{3}', "${").replace('\u{4}', "%{")
}

fn unescaped_value(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(unescaped(text)),
        Value::Array(items) => Value::Array(items.iter().map(unescaped_value).collect()),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(key, value)| (unescaped(key), unescaped_value(value)))
                .collect::<Map<_, _>>(),
        ),
        other => other.clone(),
    }
}

struct Reader<'a> {
    id: AccountId,
    module: &'a Value,
    wanted: &'a Account,
    resources: BTreeMap<String, BTreeMap<String, BTreeMap<String, Value>>>,
}

pub(super) fn read(module: &Value, id: AccountId, wanted: &Account) -> Account {
    assert_eq!(module["provider"]["aws"]["allowed_account_ids"], serde_json::json!([id.to_string()]));
    let kinds = members(&module["resource"]).into_iter();
    let resources = kinds
        .map(|(kind, named)| {
            let named = members(&named).into_iter().map(|(name, arguments)| (name, members(&arguments)));
            (kind, named.collect())
        })
        .collect();
    Reader { id, module, wanted, resources }.account()
}

type Arguments = BTreeMap<String, Value>;

impl Reader<'_> {
    fn account(mut self) -> Account {
        let mut account = empty(self.wanted);
        for mut alias in self.take("aws_iam_account_alias") {
            account.alias = Some(self.string(&mut alias, "account_alias").parse().unwrap());
        }
        for policy in self.take("aws_iam_account_password_policy") {
            account.password_policy = Some(password_policy(policy));
        }
        for arguments in self.take("aws_iam_policy") {
            self.policy(arguments, &mut account);
        }
        for arguments in self.take("aws_iam_role") {
            self.role(arguments, &mut account);
        }
        for arguments in self.take("aws_iam_group") {
            self.group(arguments, &mut account);
        }
        for arguments in self.take("aws_iam_user") {
            self.user(arguments, &mut account);
        }
        let mut with_members = BTreeSet::new();
        for mut arguments in self.take("aws_iam_group_membership") {
            let group = self.string(&mut arguments, "group");
            assert_eq!(self.string(&mut arguments, "name"), group);
            for user in arguments.remove("users").unwrap().as_array().unwrap() {
                let user = account.users.get_mut(&self.value(user).parse().unwrap()).unwrap();
                user.groups.insert(group.parse().unwrap());
            }
            with_members.insert(group);
        }
        let groups: BTreeSet<String> = account.groups.keys().map(ToString::to_string).collect();
        assert_eq!(with_members, groups, "every group's list of members is complete, an empty one too");
        let read = ["policy", "policy_attachment", "policies_exclusive", "policy_attachments_exclusive"];
        for kind in self.resources.keys() {
            let grants = ["role", "group", "user"]
                .iter()
                .any(|owner| read.iter().any(|what| *kind == format!("aws_iam_{owner}_{what}")));
            assert!(grants || self.resources[kind].is_empty(), "nobody has read {kind}");
        }
        account
    }

    /// The resources of a kind, which stay where they are for references.
    fn take(&mut self, kind: &str) -> Vec<Arguments> {
        let named = self.module["resource"].get(kind).map(members).unwrap_or_default();
        self.resources.remove(kind);
        named.values().map(members).collect()
    }

    /// A literal, or what a reference gives.
    fn value(&self, value: &Value) -> String {
        let template = text(value);
        let Some(reference) = template.strip_prefix("${aws_iam_").and_then(|rest| rest.strip_suffix('}'))
        else {
            return unescaped(&template);
        };
        let [kind, name, attribute] = reference.split('.').collect::<Vec<_>>()[..] else {
            panic!("{template}");
        };
        let resource = &self.module["resource"][format!("aws_iam_{kind}")][name];
        match (kind, attribute) {
            ("policy", "arn") => {
                let (path, name) = (self.value(&resource["path"]), self.value(&resource["name"]));
                format!("arn:aws:iam::{}:policy{path}{name}", self.id)
            }
            _ => self.value(&resource[attribute]),
        }
    }

    fn string(&self, arguments: &mut Arguments, name: &str) -> String {
        self.value(&arguments.remove(name).unwrap_or_else(|| panic!("no {name} in {arguments:?}")))
    }

    /// `${jsonencode(local.NAME)}`
    fn document(&self, expression: &Value, wanted: Option<&PolicyDocument>) -> PolicyDocument {
        let expression = text(expression);
        let local = expression.strip_prefix("${jsonencode(local.").and_then(|rest| rest.strip_suffix(")}"));
        document(&unescaped_value(&self.module["locals"][local.unwrap()]), wanted)
    }

    fn policy(&self, mut arguments: Arguments, account: &mut Account) {
        let name: PolicyName = self.string(&mut arguments, "name").parse().unwrap();
        let wanted = self.wanted.policies.get(&name).map(|policy| &policy.document);
        let policy = ManagedPolicy {
            path: self.string(&mut arguments, "path").parse().unwrap(),
            tags: Some(tags(&mut arguments)),
            document: self.document(&arguments.remove("policy").unwrap(), wanted),
            versions: Vec::new(),
        };
        nothing_else(&arguments, name.as_str());
        account.policies.insert(name, policy);
    }

    fn role(&self, mut arguments: Arguments, account: &mut Account) {
        let name: postern_types::RoleName = self.string(&mut arguments, "name").parse().unwrap();
        let wanted = self.wanted.roles.get(&name);
        let trust = arguments.remove("assume_role_policy").unwrap();
        let session = arguments
            .remove("max_session_duration")
            .map(|seconds| u32::try_from(seconds.as_u64().unwrap()).unwrap());
        let role = Role {
            path: self.string(&mut arguments, "path").parse().unwrap(),
            id: None,
            tags: tags(&mut arguments),
            trust: self.document(&trust, wanted.map(|role| &role.trust)),
            max_session: session.map(SessionDuration::from_seconds),
            description: arguments.remove("description").map(|text| self.value(&text)),
            inline: self.inline("role", name.as_str(), wanted.map(|role| &role.inline)),
            attached: self.attached("role", name.as_str()),
            boundary: self.boundary(&mut arguments),
            instance_profiles: BTreeSet::new(),
        };
        nothing_else(&arguments, name.as_str());
        account.roles.insert(name, role);
    }

    fn group(&self, mut arguments: Arguments, account: &mut Account) {
        let name: postern_types::GroupName = self.string(&mut arguments, "name").parse().unwrap();
        let wanted = self.wanted.groups.get(&name).map(|group| &group.inline);
        let group = Group {
            path: self.string(&mut arguments, "path").parse().unwrap(),
            inline: self.inline("group", name.as_str(), wanted),
            attached: self.attached("group", name.as_str()),
        };
        nothing_else(&arguments, name.as_str());
        account.groups.insert(name, group);
    }

    fn user(&self, mut arguments: Arguments, account: &mut Account) {
        let name: postern_types::UserName = self.string(&mut arguments, "name").parse().unwrap();
        let wanted = self.wanted.users.get(&name).map(|user| &user.inline);
        let user = User {
            path: self.string(&mut arguments, "path").parse().unwrap(),
            id: None,
            tags: tags(&mut arguments),
            groups: BTreeSet::new(),
            inline: self.inline("user", name.as_str(), wanted),
            attached: self.attached("user", name.as_str()),
            boundary: self.boundary(&mut arguments),
            credentials: None,
        };
        nothing_else(&arguments, name.as_str());
        account.users.insert(name, user);
    }

    fn boundary(&self, arguments: &mut Arguments) -> Option<PolicyArn> {
        arguments.remove("permissions_boundary").map(|arn| self.value(&arn).parse().unwrap())
    }

    /// What resources of a kind give an owner, and the list of the exclusive one, which must be the same.
    fn of_owner<'r>(
        &'r self,
        kind: &'r str,
        owner: &'r str,
        what: &str,
        exclusive: (&str, &str),
    ) -> Vec<&'r Arguments> {
        let none = BTreeMap::new();
        let lists = self.resources.get(&format!("aws_iam_{kind}_{}", exclusive.0)).unwrap_or(&none);
        let argument = format!("{kind}_name");
        let lists: Vec<BTreeSet<String>> = lists
            .values()
            .filter(|arguments| self.value(&arguments[&argument]) == owner)
            .map(|arguments| {
                arguments[exclusive.1].as_array().unwrap().iter().map(|v| self.value(v)).collect()
            })
            .collect();
        let resources = self.resources.get(&format!("aws_iam_{kind}_{what}"));
        let resources = resources.into_iter().flat_map(BTreeMap::values);
        let found: Vec<&Arguments> =
            resources.filter(|arguments| self.value(&arguments[kind]) == owner).collect();
        let key = if what == "policy" { "name" } else { "policy_arn" };
        let names: BTreeSet<String> = found.iter().map(|arguments| self.value(&arguments[key])).collect();
        assert_eq!(names.len(), found.len());
        assert_eq!(lists, [names], "{} of {owner}", exclusive.0);
        found
    }

    fn attached(&self, kind: &str, owner: &str) -> BTreeSet<PolicyArn> {
        let exclusive = ("policy_attachments_exclusive", "policy_arns");
        let found = self.of_owner(kind, owner, "policy_attachment", exclusive);
        found.iter().map(|arguments| self.value(&arguments["policy_arn"]).parse().unwrap()).collect()
    }

    fn inline(
        &self,
        kind: &str,
        owner: &str,
        wanted: Option<&BTreeMap<PolicyName, PolicyDocument>>,
    ) -> BTreeMap<PolicyName, PolicyDocument> {
        let found = self.of_owner(kind, owner, "policy", ("policies_exclusive", "policy_names"));
        let read = |arguments: &&Arguments| {
            let name: PolicyName = self.value(&arguments["name"]).parse().unwrap();
            let wanted = wanted.and_then(|wanted| wanted.get(&name));
            (name, self.document(&arguments["policy"], wanted))
        };
        found.iter().map(read).collect()
    }
}

fn tags(arguments: &mut Arguments) -> Tags {
    let tags = arguments.remove("tags").unwrap_or_else(|| Value::Object(Map::new()));
    members(&unescaped_value(&tags)).into_iter().map(|(key, value)| (key, text(&value))).collect()
}

fn password_policy(mut arguments: Arguments) -> PasswordPolicy {
    let mut flag = |name: &str| arguments.remove(name).unwrap().as_bool().unwrap();
    let mut policy = PasswordPolicy {
        minimum_length: 0,
        require_symbols: flag("require_symbols"),
        require_numbers: flag("require_numbers"),
        require_uppercase: flag("require_uppercase_characters"),
        require_lowercase: flag("require_lowercase_characters"),
        allow_users_to_change: flag("allow_users_to_change_password"),
        hard_expiry: flag("hard_expiry"),
        max_age_days: None,
        reuse_prevention: None,
    };
    let mut number = |name: &str| arguments.remove(name).map(|n| u16::try_from(n.as_u64().unwrap()).unwrap());
    policy.minimum_length = number("minimum_password_length").unwrap().try_into().unwrap();
    policy.max_age_days = number("max_password_age");
    policy.reuse_prevention = number("password_reuse_prevention").map(|n| n.try_into().unwrap());
    nothing_else(&arguments, "the password policy");
    policy
}
