//! What users used, read from the sandbox: live, and out of files as the `aws` CLI writes them.

use std::{
    collections::{BTreeMap, HashMap},
    time::Duration,
};

use postern_aws::{Credentials, raw::RawCall, survey, usage};
use postern_estate::{
    Account, PolicyDocument,
    migrate::{AccountUsage, Usage},
    snapshot,
};
use postern_testkit::serve::Weather;
use postern_types::{SignedDuration, Timestamp, TotpSeed, UserName};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

use crate::bastion::{Lab, PROD, account};

const ADMIN: &str = "arn:aws:iam::aws:policy/AdministratorAccess";

fn lab() -> Lab {
    Lab::of(&[PROD])
}

fn iam(lab: &Lab, action: &str, parameters: &[(&str, &str)]) -> String {
    let answer = lab.connections[&account(PROD)].raw(&RawCall::iam(action, parameters)).unwrap();
    assert!(answer.is_success(), "{action}: {}", answer.body);
    answer.body
}

/// A user who may do anything, and a key of theirs.
fn admin(lab: &Lab, name: &str) -> Credentials {
    iam(lab, "CreateUser", &[("UserName", name)]);
    iam(lab, "AttachUserPolicy", &[("UserName", name), ("PolicyArn", ADMIN)]);
    let user: UserName = name.parse().unwrap();
    (&lab.connections[&account(PROD)].create_access_key(&user).unwrap()).into()
}

fn found(lab: &Lab) -> Account {
    let connection = &lab.connections[&account(PROD)];
    let snapshot = survey(account(PROD), connection, &Timestamp::now);
    assert_eq!(snapshot.gaps, []);
    snapshot.estate.accounts.into_values().next().unwrap()
}

fn read(lab: &Lab) -> AccountUsage {
    let connection = &lab.connections[&account(PROD)];
    usage(account(PROD), connection, &found(lab), &Timestamp::now, &|_| {})
}

fn of<'a>(usage: &'a AccountUsage, name: &str) -> &'a Usage {
    &usage.users[&name.parse::<UserName>().unwrap()]
}

#[test]
fn services_actions_keys_and_passwords_are_read() {
    let lab = lab();
    let before = Timestamp::now() - SignedDuration::from_secs(1);
    let alice = lab.as_someone(admin(&lab, "alice"), PROD);
    admin(&lab, "idle");
    iam(&lab, "CreateLoginProfile", &[("UserName", "idle"), ("Password", "Correct-Horse-1")]);
    assert!(alice.raw(&RawCall::list_buckets()).unwrap().is_success());
    // The last one: what the key was used for is the last service alone.
    assert!(alice.raw(&RawCall::ec2("DescribeInstances", &[])).unwrap().is_success());

    let read = read(&lab);
    assert_eq!(read.gaps, Vec::<String>::new());
    let used = of(&read, "alice");
    let names: Vec<_> = used.used_services().map(|service| service.namespace.as_str()).collect();
    assert_eq!(names, ["ec2", "s3"]);
    assert!(used.services.as_ref().unwrap().len() > 400, "an administrator may use everything");
    let s3 = used.used_services().find(|service| service.namespace == "s3").unwrap();
    assert_eq!((s3.name.as_str(), s3.region.as_deref()), ("Amazon S3", Some("eu-central-1")));
    let action = |name: &str| s3.actions.iter().find(|action| action.action == name).unwrap().last;
    assert!(action("ListAllMyBuckets").is_some() && action("CreateBucket").is_none());
    let key = used.keys.values().next().unwrap();
    let last = key.last_used.as_ref().unwrap();
    assert_eq!((last.service.as_deref(), last.region.as_deref()), (Some("ec2"), Some("eu-central-1")));
    assert!(key.active && key.created.is_some_and(|at| at >= before));
    assert!(used.created.is_some_and(|at| at >= before) && used.password.is_none() && !used.mfa);
    assert_eq!(used.last_used(), Some(last.at).max(s3.last));

    let idle = of(&read, "idle");
    assert_eq!(idle.last_used(), None);
    assert!(idle.password.unwrap().enabled && idle.password.unwrap().last_used.is_none());
    assert!(idle.keys.values().next().unwrap().last_used.is_none());
}

#[test]
fn bad_weather_and_late_reads_are_got_over() {
    let lab = lab();
    for name in ["a", "b", "c", "d"] {
        let keys = admin(&lab, name);
        assert!(lab.as_someone(keys, PROD).raw(&RawCall::list_buckets()).unwrap().is_success());
    }
    let account_now = found(&lab);
    let weather = Weather {
        seed: 7,
        throttled: 0.2,
        errors: 0.05,
        resets: 0.05,
        stale_seconds: 1,
        ..Weather::default()
    };
    lab.sandbox.faults().weather(weather);
    lab.sandbox.world().stale_reads(1);
    let connection = &lab.connections[&account(PROD)];
    let read = usage(account(PROD), connection, &account_now, &Timestamp::now, &|_| {});
    assert_eq!(read.gaps, Vec::<String>::new());
    for name in ["a", "b", "c", "d"] {
        assert_eq!(of(&read, name).used_services().count(), 1, "{name}");
    }
}

#[test]
fn what_may_not_be_read_is_a_gap_and_never_unused() {
    let lab = lab();
    let alice = admin(&lab, "alice");
    for name in ["u1", "u2", "u3", "u4", "u5", "u6"] {
        admin(&lab, name);
    }
    let account_now = found(&lab);
    let deny = r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Resource":"*",
        "Action":["iam:GenerateServiceLastAccessedDetails","iam:GenerateCredentialReport"]}}"#;
    let parameters = [("UserName", "alice"), ("PolicyName", "no"), ("PolicyDocument", deny)];
    iam(&lab, "PutUserPolicy", &parameters);
    let connection = lab.as_someone(alice, PROD);
    let read = usage(account(PROD), &connection, &account_now, &Timestamp::now, &|_| {});
    assert_eq!(
        read.gaps,
        [
            "iam:GenerateCredentialReport: AccessDenied (all users)",
            "iam:GenerateServiceLastAccessedDetails: AccessDenied (alice, u1, u2, u3, u4 and 2 more)",
        ]
    );
    assert!(read.users.values().all(|user| user.services.is_none()));
    assert!(of(&read, "u1").keys.len() == 1, "keys are known all the same");
}

#[test]
fn an_old_report_s_gap_is_named() {
    let lab = lab();
    admin(&lab, "alice");
    read(&lab);
    admin(&lab, "late");
    let read = read(&lab);
    assert_eq!(read.gaps, ["the credential report is older than the user (late)"]);
    assert!(of(&read, "late").services.is_some());
}

/// A user of the property below.
#[derive(Clone, Debug)]
struct Someone {
    path: &'static str,
    in_group: bool,
    admin: bool,
    bounded: bool,
    inline: bool,
    tagged: bool,
    keys: usize,
    inactive: bool,
    password: bool,
    device: bool,
    calls: usize,
}

fn someone() -> impl Strategy<Value = Someone> {
    let bits = proptest::array::uniform9(any::<bool>());
    (prop::sample::select(vec!["/", "/bots/", "/a,b/c/"]), bits, 0_usize..3, 0_usize..3).prop_map(
        |(
            path,
            [in_group, admin, bounded, inline, tagged, inactive, password, device, more],
            keys,
            calls,
        )| {
            let calls = if more { calls } else { 0 };
            Someone {
                path,
                in_group,
                admin,
                bounded,
                inline,
                tagged,
                keys,
                inactive,
                password,
                device,
                calls,
            }
        },
    )
}

const TEXT: &str = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [{\"Effect\": \"Allow\", \"Action\": [\"s3:Get*\", \
    \"ec2:DescribeInstances\"], \"Resource\": \"*\", \"Condition\": {\"StringLike\": {\"aws:username\": \"%7B é ☃\"}}}]\n}";

/// Parameters of a call about a user.
fn on<'a>(name: &'a str, parameters: &[(&'static str, &'a str)]) -> Vec<(&'static str, &'a str)> {
    [&[("UserName", name)], parameters].concat()
}

fn build(lab: &Lab, people: &[Someone]) {
    let root = &lab.connections[&account(PROD)];
    let document = TEXT.replace('☃', "-");
    let made = iam(lab, "CreatePolicy", &[("PolicyName", "base"), ("PolicyDocument", &document)]);
    let base = element(&made, "Arn");
    let version = [("PolicyArn", base.as_str()), ("PolicyDocument", &document), ("SetAsDefault", "true")];
    iam(lab, "CreatePolicyVersion", &version);
    iam(lab, "CreateGroup", &[("GroupName", "team"), ("Path", "/teams/")]);
    iam(lab, "AttachGroupPolicy", &[("GroupName", "team"), ("PolicyArn", &base)]);
    let trust = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"222222222222"},
        "Action":"sts:AssumeRole"}]}"#;
    let role = [
        ("RoleName", "worker"),
        ("AssumeRolePolicyDocument", trust),
        ("MaxSessionDuration", "7200"),
        ("Description", "works, <hard> & long"),
        ("Tags.member.1.Key", "team"),
        ("Tags.member.1.Value", "web = more"),
    ];
    iam(lab, "CreateRole", &role);
    iam(lab, "PutRolePolicy", &[("RoleName", "worker"), ("PolicyName", "p"), ("PolicyDocument", &document)]);
    iam(lab, "CreateInstanceProfile", &[("InstanceProfileName", "worker")]);
    iam(lab, "AddRoleToInstanceProfile", &[("InstanceProfileName", "worker"), ("RoleName", "worker")]);
    iam(lab, "CreateAccountAlias", &[("AccountAlias", "acme-old")]);
    iam(lab, "UpdateAccountPasswordPolicy", &[("MinimumPasswordLength", "12"), ("MaxPasswordAge", "90")]);
    for (number, who) in people.iter().enumerate() {
        let name = format!("u,{number}");
        let user: UserName = name.parse().unwrap();
        let mut create = on(&name, &[("Path", who.path)]);
        if who.bounded {
            create.push(("PermissionsBoundary", &base));
        }
        if who.tagged {
            create.extend([("Tags.member.1.Key", "k"), ("Tags.member.1.Value", "a=b c")]);
        }
        iam(lab, "CreateUser", &create);
        if who.in_group {
            iam(lab, "AddUserToGroup", &on(&name, &[("GroupName", "team")]));
        }
        if who.admin {
            iam(lab, "AttachUserPolicy", &on(&name, &[("PolicyArn", ADMIN)]));
        }
        if who.inline {
            iam(lab, "PutUserPolicy", &on(&name, &[("PolicyName", "own"), ("PolicyDocument", &document)]));
        }
        if who.password {
            iam(lab, "CreateLoginProfile", &on(&name, &[("Password", "Correct-Horse-1")]));
        }
        if who.device {
            let path = "/".parse().unwrap();
            let device = root.create_virtual_mfa_device(&path, &format!("d{number}").parse().unwrap(), &[]);
            let device = device.unwrap();
            let step = TotpSeed::step_at(Timestamp::now());
            let codes = [step - 1, step].map(|step| device.seed.code_of_step(step));
            root.enable_mfa_device(&user, &device.serial, codes).unwrap();
        }
        for _ in 0..who.keys {
            let key = root.create_access_key(&user).unwrap();
            let connection = lab.as_someone(&key, PROD);
            for _ in 0..who.calls {
                // Refused or not: it counts where the service is allowed at all.
                let _answer = connection.raw(&RawCall::list_buckets()).unwrap();
                let _answer = connection.raw(&RawCall::ec2("DescribeInstances", &[])).unwrap();
            }
            if who.inactive {
                let off = on(&name, &[("AccessKeyId", key.id.as_str()), ("Status", "Inactive")]);
                iam(lab, "UpdateAccessKey", &off);
            }
        }
    }
}

/// What someone with the `aws` CLI would save.
fn save(lab: &Lab, people: usize) -> BTreeMap<String, String> {
    let print =
        |action: &str, parameters: &[(&str, &str)]| printed(&iam(lab, action, parameters)).to_string();
    let all = [("MaxItems", "1000")];
    let mut files = BTreeMap::from([
        ("authorization-details.json".to_owned(), print("GetAccountAuthorizationDetails", &all)),
        ("list-roles.json".to_owned(), print("ListRoles", &all)),
        ("list-account-aliases.json".to_owned(), print("ListAccountAliases", &[])),
        ("account-summary.json".to_owned(), summary(&iam(lab, "GetAccountSummary", &[]))),
        ("password-policy.json".to_owned(), print("GetAccountPasswordPolicy", &[])),
    ]);
    iam(lab, "GenerateCredentialReport", &[]);
    let report = element(&iam(lab, "GetCredentialReport", &[]), "Content");
    let report = aws_smithy_types::base64::decode(report).unwrap();
    files.insert("credential-report.csv".to_owned(), String::from_utf8(report).unwrap());
    for number in 0..people {
        let name = format!("u,{number}");
        let details = &files["authorization-details.json"];
        let details: Value = serde_json::from_str(details).unwrap();
        let user =
            details["UserDetailList"].as_array().unwrap().iter().find(|u| u["UserName"] == json!(name));
        let arn = user.unwrap()["Arn"].as_str().unwrap().to_owned();
        let ask = [("Arn", arn.as_str()), ("Granularity", "ACTION_LEVEL")];
        let job = element(&iam(lab, "GenerateServiceLastAccessedDetails", &ask), "JobId");
        let fetch = || print("GetServiceLastAccessedDetails", &[("JobId", &job), ("MaxItems", "1000")]);
        fetch();
        files.insert(format!("service-last-accessed/{name}.json"), fetch());
        let of_user = [("UserName", name.as_str())];
        files.insert(format!("list-access-keys/{name}.json"), print("ListAccessKeys", &of_user));
        files.insert(format!("list-mfa-devices/{name}.json"), print("ListMFADevices", &of_user));
    }
    files
}

/// The account with each document in one form: the CLI writes JSON anew.
fn canonical(mut account: Account) -> Account {
    let same = |document: &mut PolicyDocument| {
        let value: Value = serde_json::from_str(document.text()).unwrap();
        *document = PolicyDocument::new(value.to_string());
    };
    account.users.values_mut().flat_map(|user| user.inline.values_mut()).for_each(same);
    account.groups.values_mut().flat_map(|group| group.inline.values_mut()).for_each(same);
    account.roles.values_mut().flat_map(|role| role.inline.values_mut()).for_each(same);
    account.roles.values_mut().map(|role| &mut role.trust).for_each(same);
    account.policies.values_mut().map(|policy| &mut policy.document).for_each(same);
    account
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 6, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever stands in an account: read by calls or out of what the CLI printed, it is the same.
    #[test]
    fn files_and_calls_tell_the_same(people in prop::collection::vec(someone(), 1..4)) {
        let lab = lab();
        build(&lab, &people);
        let files = save(&lab, people.len());
        let (live, used) = (found(&lab), read(&lab));
        let snapshot = snapshot::read(&files, used.read_at).unwrap();
        prop_assert_eq!(snapshot.account, account(PROD));
        prop_assert_eq!(canonical(snapshot.found), canonical(live));
        prop_assert_eq!(&snapshot.usage.gaps, &Vec::<String>::new());
        prop_assert_eq!(snapshot.usage, used);
    }
}

// The CLI's part: an answer as JSON.

/// The text of the first element of this name.
fn element(xml: &str, name: &str) -> String {
    let (_, rest) = xml.split_once(&format!("<{name}>")).unwrap_or_else(|| panic!("no {name} in {xml}"));
    rest.split_once("</").unwrap().0.to_owned()
}

/// What is printed of `<XResponse><XResult>…`.
fn printed(xml: &str) -> Value {
    let (start, end) = (xml.find("Result>").unwrap() + "Result>".len(), xml.rfind("Result>").unwrap());
    let inside = &xml[start..xml[..end].rfind("</").unwrap()];
    value("", inside)
}

const LISTS: [&str; 17] = [
    "UserDetailList",
    "GroupDetailList",
    "RoleDetailList",
    "Policies",
    "UserPolicyList",
    "GroupPolicyList",
    "RolePolicyList",
    "GroupList",
    "AttachedManagedPolicies",
    "Tags",
    "InstanceProfileList",
    "PolicyVersionList",
    "Roles",
    "AccessKeyMetadata",
    "MFADevices",
    "ServicesLastAccessed",
    "AccountAliases",
];

fn value(name: &str, inside: &str) -> Value {
    if LISTS.contains(&name) || name == "TrackedActionsLastAccessed" {
        return children(inside).into_iter().map(|(_, item)| value("member", item)).collect();
    }
    if inside.starts_with('<') {
        let members = children(inside).into_iter();
        return Value::Object(
            members.map(|(name, item)| (name.to_owned(), value(name, item))).collect::<Map<_, _>>(),
        );
    }
    let text = unescaped(inside);
    match name {
        "PolicyDocument" | "AssumeRolePolicyDocument" | "Document" => {
            let plain = percent_encoding::percent_decode_str(&text).decode_utf8().unwrap().into_owned();
            serde_json::from_str(&plain).unwrap()
        }
        _ if matches!(text.as_str(), "true" | "false") => json!(text == "true"),
        _ if name.ends_with("Count")
            || name.ends_with("Length")
            || name.contains("Max")
            || name == "TotalAuthenticatedEntities" =>
        {
            json!(text.parse::<i64>().unwrap())
        }
        "RoleLastUsed" => json!({}),
        _ => json!(text),
    }
}

/// The elements of this text, in order: names and what is inside.
fn children(mut xml: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    while let Some(rest) = xml.strip_prefix('<') {
        let (name, rest) = rest.split_once('>').unwrap();
        let (open, close) = (format!("<{name}>"), format!("</{name}>"));
        // The end of this element is where as many of its name were closed as opened.
        let mut from = 0;
        let end = loop {
            let end = from + rest[from..].find(&close).unwrap();
            if rest[..end].matches(&open).count() == rest[..end].matches(&close).count() {
                break end;
            }
            from = end + close.len();
        };
        found.push((name, &rest[..end]));
        xml = &rest[end + close.len()..];
    }
    found
}

fn unescaped(text: &str) -> String {
    let named = HashMap::from([("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'")]);
    let plain = named.iter().fold(text.to_owned(), |text, (from, to)| text.replace(from, to));
    plain.replace("&amp;", "&")
}

/// The one answer with a map: `<entry><key>…</key><value>…</value></entry>`.
fn summary(xml: &str) -> String {
    let entries = xml.split("<entry>").skip(1);
    let entries =
        entries.map(|entry| (element(entry, "key"), json!(element(entry, "value").parse::<i64>().unwrap())));
    json!({ "SummaryMap": entries.collect::<Map<_, _>>() }).to_string()
}

/// Reading waits for reports: with pauses of milliseconds no test may take long.
#[test]
fn waiting_is_bounded_by_the_patience_given() {
    let lab = lab();
    admin(&lab, "alice");
    let start = std::time::Instant::now();
    read(&lab);
    assert!(start.elapsed() < Duration::from_secs(20), "{:?}", start.elapsed());
}
