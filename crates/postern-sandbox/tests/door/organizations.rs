//! AWS Organizations, and what service control policies take away.

#![expect(
    clippy::indexing_slicing,
    reason = "a member that JSON lacks reads as null, and the test ends there"
)]

use serde_json::{Value, json};

use crate::client::{Answer, BASTION, Cloud, Keys, PROD, Unsigned, allow, trust};

const MANAGEMENT: &str = "999999999999";

/// Bastion and prod in an organization of a third account.
struct Tree {
    cloud: Cloud,
    management: Keys,
}

impl Tree {
    fn new() -> Self {
        let mut cloud = Cloud::new();
        let info = cloud
            .world
            .create_account(Some(MANAGEMENT.parse().unwrap()), Some("management"), cloud.now, &mut cloud.rng)
            .unwrap();
        let management = Keys {
            id: info.root_key.to_string(),
            secret: info.root_secret.expose_secret().to_owned(),
            token: None,
        };
        Self { cloud, management }
    }

    fn joined() -> Self {
        let mut tree = Self::new();
        let members = [BASTION, PROD].map(|id| id.parse().unwrap());
        let cloud = &mut tree.cloud;
        cloud
            .world
            .create_organization(MANAGEMENT.parse().unwrap(), &members, cloud.now, &mut cloud.rng)
            .unwrap();
        tree
    }

    fn ask(&mut self, keys: &Keys, operation: &str, parameters: &Value) -> Answer {
        let mut request = Unsigned::get("organizations", "/");
        request.method = "POST".to_owned();
        request.headers = vec![
            ("content-type".to_owned(), "application/x-amz-json-1.1".to_owned()),
            ("x-amz-target".to_owned(), format!("AWSOrganizationsV20161128.{operation}")),
        ];
        request.body = parameters.to_string().into_bytes();
        self.cloud.ask(keys, &request)
    }

    #[track_caller]
    fn ok(&mut self, operation: &str, parameters: &Value) -> Value {
        let management = self.management.clone();
        let answer = self.ask(&management, operation, parameters).ok();
        if answer.body.is_empty() { Value::Null } else { serde_json::from_str(&answer.body).unwrap() }
    }

    /// Code, reason and message of a refusal.
    #[track_caller]
    fn refusal(&mut self, operation: &str, parameters: &Value) -> (String, String, String) {
        let management = self.management.clone();
        refusal(&self.ask(&management, operation, parameters))
    }

    fn root(&mut self) -> String {
        self.ok("ListRoots", &json!({}))["Roots"][0]["Id"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn policy(&mut self, name: &str, content: &str) -> String {
        let made =
            json!({"Name": name, "Description": "", "Type": "SERVICE_CONTROL_POLICY", "Content": content});
        let made = self.ok("CreatePolicy", &made);
        made["Policy"]["PolicySummary"]["Id"].as_str().unwrap().to_owned()
    }

    #[track_caller]
    fn attach(&mut self, policy: &str, target: &str) {
        self.ok("AttachPolicy", &json!({"PolicyId": policy, "TargetId": target}));
    }
}

#[track_caller]
fn refusal(answer: &Answer) -> (String, String, String) {
    assert_eq!(answer.status, 400, "{}", answer.body);
    let body: Value = serde_json::from_str(&answer.body).unwrap();
    let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
    (text("__type"), text("Reason"), text("message"))
}

fn deny(action: &str, condition: &str) -> String {
    format!(
        r#"{{"Version":"2012-10-17","Statement":[{{"Effect":"Deny","Action":{action:?},"Resource":"*","Condition":{condition}}}]}}"#
    )
}

#[test]
fn an_organization_is_made_and_shown_as_aws_does() {
    let mut tree = Tree::new();
    let none = tree.refusal("ListAccounts", &json!({}));
    assert_eq!(none.0, "AWSOrganizationsNotInUseException");
    assert_eq!(none.2, "Your account is not a member of an organization.");
    let made = tree.ok("CreateOrganization", &json!({"FeatureSet": "ALL"}))["Organization"].clone();
    let id = made["Id"].as_str().unwrap().to_owned();
    assert_eq!(made["Arn"], format!("arn:aws:organizations::{MANAGEMENT}:organization/{id}"));
    assert_eq!(made["MasterAccountId"], MANAGEMENT);
    assert_eq!(tree.refusal("CreateOrganization", &json!({})).0, "AlreadyInOrganizationException");
    let root = tree.ok("ListRoots", &json!({}))["Roots"][0].clone();
    assert_eq!(root["PolicyTypes"], json!([]), "enabled by nobody yet");
    let root = root["Id"].as_str().unwrap().to_owned();
    let kind = json!({"RootId": root, "PolicyType": "SERVICE_CONTROL_POLICY"});
    let not_enabled = json!({"PolicyId": "p-FullAWSAccess", "TargetId": root});
    assert_eq!(tree.refusal("AttachPolicy", &not_enabled).0, "PolicyTypeNotEnabledException");
    tree.ok("EnablePolicyType", &kind);
    assert_eq!(tree.refusal("EnablePolicyType", &kind).0, "PolicyTypeAlreadyEnabledException");
    let unit = tree.ok("CreateOrganizationalUnit", &json!({"ParentId": root, "Name": "Work"}));
    let unit = unit["OrganizationalUnit"]["Id"].as_str().unwrap().to_owned();
    for target in [root.as_str(), &unit, MANAGEMENT] {
        let listed = json!({"TargetId": target, "Filter": "SERVICE_CONTROL_POLICY"});
        let listed = tree.ok("ListPoliciesForTarget", &listed);
        assert_eq!(listed["Policies"][0]["Id"], "p-FullAWSAccess", "{target}");
    }
    let other = json!({"RootId": root, "PolicyType": "TAG_POLICY"});
    let management = tree.management.clone();
    assert_eq!(tree.ask(&management, "EnablePolicyType", &other).status, 501);
}

#[test]
fn a_deny_binds_users_root_and_roles_of_members_and_nobody_of_the_management_account() {
    let mut tree = Tree::joined();
    let alice = tree.cloud.user("alice", &allow("*"));
    let (bastion, prod, management) =
        (tree.cloud.bastion.clone(), tree.cloud.prod.clone(), tree.management.clone());
    let everyone = trust(&format!("arn:aws:iam::{BASTION}:root"), r#""sts:AssumeRole""#, "{}");
    let role = tree.cloud.role("work", &everyone, &allow("iam:*"));
    let session = tree.cloud.assume(&alice, &role, &[]).ok().keys();
    let root = tree.root();
    let policy = tree.policy("no-groups", &deny("iam:ListGroups", "{}"));
    tree.attach(&policy, &root);
    for keys in [&alice, &bastion, &prod, &session] {
        let (status, code, message) = tree.cloud.call(keys, "iam", "ListGroups", &[]).refusal();
        assert_eq!((status, code.as_str()), (403, "AccessDenied"));
        assert!(message.contains("with an explicit deny in a service control policy"), "{message}");
        tree.cloud.call(keys, "iam", "ListUsers", &[]).ok();
    }
    tree.cloud.call(&management, "iam", "ListGroups", &[]).ok();
    tree.ok("DetachPolicy", &json!({"PolicyId": policy, "TargetId": root}));
    tree.cloud.call(&bastion, "iam", "ListGroups", &[]).ok();
    // On one account only, and by who asks.
    let who = format!(r#"{{"ArnLike":{{"aws:PrincipalArn":"arn:aws:iam::{BASTION}:user/alice"}}}}"#);
    tree.ok("UpdatePolicy", &json!({"PolicyId": policy, "Content": deny("*", &who)}));
    tree.attach(&policy, BASTION);
    assert_eq!(tree.cloud.call(&alice, "iam", "ListGroups", &[]).status, 403);
    tree.cloud.call(&bastion, "iam", "ListGroups", &[]).ok();
    assert_eq!(tree.cloud.assume(&alice, &role, &[]).status, 403);
    // Who was let in before is another account's principal, and goes on.
    tree.cloud.call(&session, "iam", "ListGroups", &[]).ok();
}

#[test]
fn every_level_must_allow() {
    let mut tree = Tree::joined();
    let prod = tree.cloud.prod.clone();
    let root = tree.root();
    let unit = tree.ok("CreateOrganizationalUnit", &json!({"ParentId": root, "Name": "Work"}));
    let unit = unit["OrganizationalUnit"]["Id"].as_str().unwrap().to_owned();
    let only_iam = tree.policy("only-iam", &allow("iam:List*"));
    tree.attach(&only_iam, &unit);
    let last = json!({"PolicyId": "p-FullAWSAccess", "TargetId": unit});
    tree.ok("DetachPolicy", &last);
    tree.cloud.call(&prod, "iam", "GetAccountSummary", &[]).ok();
    let moved = json!({"AccountId": PROD, "SourceParentId": root, "DestinationParentId": unit});
    tree.ok("MoveAccount", &moved);
    assert_eq!(tree.refusal("MoveAccount", &moved).0, "SourceParentNotFoundException");
    tree.cloud.call(&prod, "iam", "ListUsers", &[]).ok();
    let (_, _, message) = tree.cloud.call(&prod, "iam", "GetAccountSummary", &[]).refusal();
    let silent = "because no service control policy allows the iam:GetAccountSummary action";
    assert!(message.ends_with(silent), "{message}");
    let bare = json!({"PolicyId": only_iam, "TargetId": unit});
    assert_eq!(tree.refusal("DetachPolicy", &bare).1, "MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED");
    let parents = tree.ok("ListParents", &json!({"ChildId": PROD}));
    assert_eq!(parents["Parents"], json!([{"Id": unit, "Type": "ORGANIZATIONAL_UNIT"}]));
    let children = tree.ok("ListChildren", &json!({"ParentId": unit, "ChildType": "ACCOUNT"}));
    assert_eq!(children["Children"][0]["Id"], PROD);
    let full = json!({"OrganizationalUnitId": unit});
    assert_eq!(tree.refusal("DeleteOrganizationalUnit", &full).0, "OrganizationalUnitNotEmptyException");
}

#[test]
fn members_ask_little_and_may_leave_unless_a_policy_forbids_it() {
    let mut tree = Tree::joined();
    let (bastion, prod) = (tree.cloud.bastion.clone(), tree.cloud.prod.clone());
    let shown = tree.ask(&bastion, "DescribeOrganization", &json!({})).ok();
    assert!(shown.body.contains(MANAGEMENT), "{}", shown.body);
    let (code, _, message) = refusal(&tree.ask(&bastion, "ListAccounts", &json!({})));
    assert_eq!(code, "AccessDeniedException");
    assert_eq!(message, "You don't have permissions to access this resource.");
    let policy = tree.policy("stay", &deny("organizations:LeaveOrganization", "{}"));
    tree.attach(&policy, PROD);
    let (code, _, message) = refusal(&tree.ask(&prod, "LeaveOrganization", &json!({})));
    assert_eq!(code, "AccessDeniedException");
    assert!(message.contains("with an explicit deny in a service control policy"), "{message}");
    tree.ask(&bastion, "LeaveOrganization", &json!({})).ok();
    let gone = refusal(&tree.ask(&bastion, "DescribeOrganization", &json!({})));
    assert_eq!(gone.0, "AWSOrganizationsNotInUseException");
    let left = tree.refusal("LeaveOrganization", &json!({}));
    assert_eq!(left.0, "MasterCannotLeaveOrganizationException");
    tree.ok("RemoveAccountFromOrganization", &json!({"AccountId": PROD}));
    assert_eq!(tree.refusal("DescribeAccount", &json!({"AccountId": PROD})).0, "AccountNotFoundException");
    tree.ok("DeleteOrganization", &json!({}));
}

#[test]
fn the_callers_own_policies_count_too() {
    let mut tree = Tree::joined();
    let management = tree.management.clone();
    tree.cloud.call(&management, "iam", "CreateUser", &[("UserName", "watcher")]).ok();
    let policy = allow("organizations:ListRoots");
    let put = [("UserName", "watcher"), ("PolicyName", "own"), ("PolicyDocument", policy.as_str())];
    tree.cloud.call(&management, "iam", "PutUserPolicy", &put).ok();
    let watcher = tree.cloud.call(&management, "iam", "CreateAccessKey", &[("UserName", "watcher")]).keys();
    let root = tree.root();
    tree.ask(&watcher, "ListRoots", &json!({})).ok();
    let attach = json!({"PolicyId": "p-FullAWSAccess", "TargetId": root});
    let (code, _, message) = refusal(&tree.ask(&watcher, "AttachPolicy", &attach));
    assert_eq!(code, "AccessDeniedException");
    let wanted = "is not authorized to perform: organizations:AttachPolicy on resource: \
                  arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess because no \
                  identity-based policy allows the organizations:AttachPolicy action";
    assert!(message.ends_with(wanted), "{message}");
}

#[test]
fn policies_have_limits_names_and_tags() {
    let mut tree = Tree::joined();
    let root = tree.root();
    let content = deny("s3:*", "{}");
    let id = tree.policy("one", &content);
    let tags = json!([{"Key": "postern:managed", "Value": "acme"}]);
    tree.ok("TagResource", &json!({"ResourceId": id, "Tags": tags}));
    assert_eq!(tree.ok("ListTagsForResource", &json!({"ResourceId": id}))["Tags"], tags);
    let create = |name: &str, content: &str| json!({"Name": name, "Description": "", "Type": "SERVICE_CONTROL_POLICY", "Content": content});
    assert_eq!(tree.refusal("CreatePolicy", &create("one", &content)).0, "DuplicatePolicyException");
    assert_eq!(tree.refusal("CreatePolicy", &create("x", "{}")).0, "MalformedPolicyDocumentException");
    let principal = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}]}"#;
    assert_eq!(tree.refusal("CreatePolicy", &create("x", principal)).0, "MalformedPolicyDocumentException");
    let spaces = content.replace(',', &format!(",{}", " ".repeat(1_300)));
    assert_eq!(tree.refusal("CreatePolicy", &create("x", &spaces)).1, "POLICY_CONTENT_LIMIT_EXCEEDED");
    tree.attach(&id, &root);
    let twice = json!({"PolicyId": id, "TargetId": root});
    assert_eq!(tree.refusal("AttachPolicy", &twice).0, "DuplicatePolicyAttachmentException");
    assert_eq!(tree.refusal("DeletePolicy", &json!({"PolicyId": id})).0, "PolicyInUseException");
    for name in ["two", "three", "four"] {
        let id = tree.policy(name, &content);
        tree.attach(&id, &root);
    }
    let fifth = tree.policy("five", &content);
    let full = tree.refusal("AttachPolicy", &json!({"PolicyId": fifth, "TargetId": root}));
    assert_eq!(full.1, "MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED");
    assert_eq!(full.2, "You have attached the maximum number of policies to the specified target.");
    let targets = tree.ok("ListTargetsForPolicy", &json!({"PolicyId": id}))["Targets"].clone();
    assert_eq!((targets[0]["Type"].as_str(), targets[0]["Name"].as_str()), (Some("ROOT"), Some("Root")));
    let missing = json!({"PolicyId": "p-abcdefgh", "TargetId": root});
    assert_eq!(tree.refusal("AttachPolicy", &missing).0, "PolicyNotFoundException");
    let nowhere = json!({"PolicyId": fifth, "TargetId": "123456789012"});
    assert_eq!(tree.refusal("AttachPolicy", &nowhere).0, "TargetNotFoundException");
    let pattern = json!({"PolicyId": fifth, "TargetId": "prod"});
    assert_eq!(tree.refusal("AttachPolicy", &pattern).1, "INVALID_PATTERN");
    let awss = json!({"PolicyId": "p-FullAWSAccess", "Content": content});
    assert_eq!(tree.refusal("UpdatePolicy", &awss).1, "IMMUTABLE_POLICY");
    tree.ok("DeletePolicy", &json!({"PolicyId": fifth}));
    // Pages, as small as wished.
    let (mut names, mut page) = (Vec::new(), json!({"Filter": "SERVICE_CONTROL_POLICY", "MaxResults": 2}));
    loop {
        let listed = tree.ok("ListPolicies", &page);
        names.extend(listed["Policies"].as_array().unwrap().iter().map(|p| p["Name"].to_string()));
        let Some(token) = listed["NextToken"].as_str() else { break };
        page["NextToken"] = token.into();
    }
    names.sort();
    assert_eq!(names, ["\"FullAWSAccess\"", "\"four\"", "\"one\"", "\"three\"", "\"two\""]);
}

#[test]
fn the_state_carries_organizations_and_older_states_have_none() {
    let mut tree = Tree::joined();
    let policy = tree.policy("stay", &deny("iam:ListGroups", "{}"));
    tree.attach(&policy, PROD);
    tree.ok("TagResource", &json!({"ResourceId": policy, "Tags": [{"Key": "a", "Value": "b"}]}));
    let exported = tree.cloud.world.export();
    tree.ok("DetachPolicy", &json!({"PolicyId": policy, "TargetId": PROD}));
    let prod = tree.cloud.prod.clone();
    tree.cloud.call(&prod, "iam", "ListGroups", &[]).ok();
    tree.cloud.world.import(&exported).unwrap();
    assert_eq!(tree.cloud.world.export(), exported);
    assert_eq!(tree.cloud.call(&prod, "iam", "ListGroups", &[]).status, 403);
    let mut older: Value = serde_json::from_str(&exported).unwrap();
    older.as_object_mut().unwrap().remove("organizations").unwrap();
    tree.cloud.world.import(&older.to_string()).unwrap();
    tree.cloud.call(&prod, "iam", "ListGroups", &[]).ok();
    // A tree that runs in a circle would never end.
    let mut circle: Value = serde_json::from_str(&exported).unwrap();
    circle["organizations"][0]["units"] = json!({"ou-aaaa-bbbbbbbb": ["x", "ou-aaaa-bbbbbbbb"]});
    assert!(tree.cloud.world.import(&circle.to_string()).is_err());
}

#[test]
fn an_account_is_in_one_organization() {
    let mut tree = Tree::joined();
    let cloud = &mut tree.cloud;
    let (bastion, prod) = (BASTION.parse().unwrap(), PROD.parse().unwrap());
    let again = cloud.world.create_organization(bastion, &[prod], cloud.now, &mut cloud.rng);
    assert_eq!(again.unwrap_err().to_string(), format!("account {BASTION} is in another organization"));
    let management = MANAGEMENT.parse().unwrap();
    let once = cloud.world.create_organization(management, &[], cloud.now, &mut cloud.rng).unwrap();
    assert_eq!(once.accounts.len(), 3, "made before, and found");
}
