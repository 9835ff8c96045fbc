use proptest::prelude::*;

use super::*;
use crate::{Account, PolicyDocument, migrate::PasswordUse};

const DETAILS: &str = r#"{
    "UserDetailList": [
        {
            "Path": "/",
            "UserName": "alice",
            "UserId": "AIDACKCEVSQ6C2EXAMPLE",
            "Arn": "arn:aws:iam::222222222222:user/alice",
            "CreateDate": "2025-01-10T08:00:00+00:00",
            "UserPolicyList": [
                {
                    "PolicyName": "own",
                    "PolicyDocument": {
                        "Version": "2012-10-17",
                        "Statement": [ { "Effect": "Allow", "Action": "s3:*", "Resource": "*" } ]
                    }
                }
            ],
            "GroupList": [ "admins" ],
            "AttachedManagedPolicies": [
                { "PolicyName": "AdministratorAccess", "PolicyArn": "arn:aws:iam::aws:policy/AdministratorAccess" }
            ],
            "PermissionsBoundary": {
                "PermissionsBoundaryType": "Policy",
                "PermissionsBoundaryArn": "arn:aws:iam::222222222222:policy/cap"
            },
            "Tags": [ { "Key": "team", "Value": "web" } ]
        },
        {
            "Path": "/bots/", "UserName": "a,b", "UserId": "AIDACKCEVSQ6C2EXAMPLF",
            "Arn": "arn:aws:iam::222222222222:user/bots/a,b", "CreateDate": "2025-02-10T08:00:00+00:00",
            "GroupList": [], "AttachedManagedPolicies": [], "Tags": []
        }
    ],
    "GroupDetailList": [
        {
            "Path": "/", "GroupName": "admins", "GroupId": "AGPACKCEVSQ6C2EXAMPLE",
            "Arn": "arn:aws:iam::222222222222:group/admins", "CreateDate": "2025-01-10T08:00:00+00:00",
            "GroupPolicyList": [], "AttachedManagedPolicies": []
        }
    ],
    "RoleDetailList": [
        {
            "Path": "/", "RoleName": "worker", "RoleId": "AROACKCEVSQ6C2EXAMPLE",
            "Arn": "arn:aws:iam::222222222222:role/worker", "CreateDate": "2025-01-10T08:00:00+00:00",
            "AssumeRolePolicyDocument": "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%7B%22Effect%22%3A%22Allow%22%2C%22Principal%22%3A%7B%22Service%22%3A%22ec2.amazonaws.com%22%7D%2C%22Action%22%3A%22sts%3AAssumeRole%22%7D%7D",
            "InstanceProfileList": [ { "InstanceProfileName": "worker" } ],
            "RolePolicyList": [], "AttachedManagedPolicies": [], "Tags": [], "RoleLastUsed": {}
        }
    ],
    "Policies": [
        {
            "PolicyName": "cap", "PolicyId": "ANPACKCEVSQ6C2EXAMPLE",
            "Arn": "arn:aws:iam::222222222222:policy/cap", "Path": "/", "DefaultVersionId": "v2",
            "PolicyVersionList": [
                { "Document": {"Version": "2012-10-17", "Statement": []}, "VersionId": "v2", "IsDefaultVersion": true },
                { "Document": {"Version": "2008-10-17", "Statement": []}, "VersionId": "v1", "IsDefaultVersion": false }
            ]
        },
        {
            "PolicyName": "AdministratorAccess", "Arn": "arn:aws:iam::aws:policy/AdministratorAccess", "Path": "/",
            "PolicyVersionList": [
                { "Document": {"Statement": []}, "VersionId": "v1", "IsDefaultVersion": true }
            ]
        }
    ]
}"#;

const REPORT: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated
<root_account>,arn:aws:iam::222222222222:root,2024-01-01T00:00:00+00:00,not_supported,no_information,not_supported,not_supported,false,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A
alice,arn:aws:iam::222222222222:user/alice,2025-01-10T08:00:00+00:00,true,no_information,2025-01-10T08:00:00+00:00,N/A,true,true,2025-01-11T08:00:00+00:00,2026-10-01T12:15:00+00:00,us-east-1,s3,false,2025-03-01T08:00:00+00:00,N/A,N/A,N/A,false,N/A,false,N/A
a,b,arn:aws:iam::222222222222:user/bots/a,b,2025-02-10T08:00:00+00:00,false,N/A,N/A,N/A,false,false,N/A,N/A,N/A,N/A,false,N/A,N/A,N/A,N/A,false,N/A,false,N/A
";

const SERVICES: &str = r#"{
    "JobStatus": "COMPLETED", "JobType": "ACTION_LEVEL", "JobCreationDate": "2026-11-01T00:00:00+00:00",
    "ServicesLastAccessed": [
        {
            "ServiceName": "Amazon S3", "LastAuthenticated": "2026-10-01T12:11:00+00:00", "ServiceNamespace": "s3",
            "LastAuthenticatedEntity": "arn:aws:iam::222222222222:user/alice",
            "LastAuthenticatedRegion": "eu-central-1", "TotalAuthenticatedEntities": 1,
            "TrackedActionsLastAccessed": [
                { "ActionName": "CreateBucket" },
                { "ActionName": "ListAllMyBuckets", "LastAccessedTime": "2026-10-01T12:11:00+00:00" }
            ]
        },
        { "ServiceName": "Amazon SQS", "ServiceNamespace": "sqs", "TotalAuthenticatedEntities": 0 }
    ],
    "JobCompletionDate": "2026-11-01T00:00:02+00:00", "IsTruncated": false
}"#;

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn files(texts: &[(&str, &str)]) -> BTreeMap<String, String> {
    texts.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect()
}

fn read_all(texts: &[(&str, &str)]) -> Result<AccountSnapshot, Vec<SnapshotError>> {
    read(&files(texts), at("2026-11-02T00:00:00Z"))
}

fn user<'a>(snapshot: &'a AccountSnapshot, name: &str) -> &'a Usage {
    &snapshot.usage.users[&name.parse::<UserName>().unwrap()]
}

#[test]
fn the_details_alone_make_an_account_and_every_gap_is_named() {
    let snapshot = read_all(&[("authorization-details.json", DETAILS)]).unwrap();
    assert_eq!(snapshot.account.to_string(), "222222222222");
    let Account { users, groups, roles, policies, .. } = &snapshot.found;
    assert_eq!((users.len(), groups.len(), roles.len()), (2, 1, 1));
    let alice = &users[&"alice".parse::<UserName>().unwrap()];
    assert_eq!(alice.groups.len(), 1);
    assert_eq!(alice.tags["team"], "web");
    assert_eq!(alice.boundary.as_ref().unwrap().to_string(), "arn:aws:iam::222222222222:policy/cap");
    assert!(alice.credentials.is_none(), "nobody looked");
    let own = PolicyDocument::new(
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["s3:*"],"Resource":"*"}}"#,
    );
    assert!(alice.inline.values().next().unwrap().means_the_same(&own));
    let worker = roles.values().next().unwrap();
    assert!(worker.trust.text().contains("ec2.amazonaws.com"), "{}", worker.trust.text());
    assert_eq!(worker.max_session, None);
    let (cap, policy) = policies.iter().next().unwrap();
    assert_eq!((cap.as_str(), policies.len()), ("cap", 1), "AWS's own are left out");
    assert_eq!(policy.versions.iter().map(|v| v.id.as_str()).collect::<Vec<_>>(), ["v1", "v2"]);
    assert!(policy.document.text().contains("2012-10-17"));

    assert_eq!(user(&snapshot, "alice").created, Some(at("2025-01-10T08:00:00Z")));
    assert_eq!(user(&snapshot, "alice").services, None);
    let gaps = snapshot.usage.gaps.join("\n");
    for gap in [
        "credential-report.csv is missing: passwords and keys, and when they were last used",
        "service-last-accessed has no file for a,b, alice: which services they used",
        "list-roles.json is missing",
        "account-summary.json is missing",
        "password-policy.json is missing",
        "list-account-aliases.json is missing",
    ] {
        assert!(gaps.contains(gap), "{gap} in {gaps}");
    }
}

#[test]
fn the_other_files_fill_the_gaps() {
    let keys = r#"{"AccessKeyMetadata":[
        {"UserName":"alice","AccessKeyId":"AKIAIOSFODNN7EXAMPLE","Status":"Active","CreateDate":"2025-01-11T08:00:00+00:00"},
        {"UserName":"alice","AccessKeyId":"AKIAI44QH8DHBEXAMPLE","Status":"Inactive","CreateDate":"2025-02-28T08:00:00+00:00"}]}"#;
    let devices = r#"{"MFADevices":[{"UserName":"alice","SerialNumber":"arn:aws:iam::222222222222:mfa/alice",
        "EnableDate":"2025-01-12T08:00:00+00:00"}]}"#;
    let snapshot = read_all(&[
        ("authorization-details.json", DETAILS),
        ("credential-report.csv", REPORT),
        ("service-last-accessed/alice.json", SERVICES),
        ("list-access-keys/alice.json", keys),
        ("list-mfa-devices/alice.json", devices),
        ("list-roles.json", r#"{"Roles":[{"RoleName":"worker","MaxSessionDuration":7200,"Description":"works"}]}"#),
        ("list-account-aliases.json", r#"{"AccountAliases":["acme"]}"#),
        ("account-summary.json", r#"{"SummaryMap":{"RolesQuota":2000}}"#),
        ("password-policy.json", r#"{"PasswordPolicy":{"MinimumPasswordLength":12,"RequireSymbols":true,"ExpirePasswords":false}}"#),
        ("describe-trails.json", "anything"),
    ])
    .unwrap();
    assert_eq!(snapshot.usage.gaps, ["service-last-accessed has no file for a,b: which services they used"]);

    let alice = user(&snapshot, "alice");
    assert_eq!(alice.password, Some(PasswordUse { enabled: true, last_used: None }));
    assert!(alice.mfa && alice.unnamed_keys.is_empty());
    let key = &alice.keys[&"AKIAIOSFODNN7EXAMPLE".parse().unwrap()];
    assert_eq!(key.last_used.as_ref().unwrap().service.as_deref(), Some("s3"));
    // The report's date is that of the last change: the one key left on both sides is the same.
    let other = &alice.keys[&"AKIAI44QH8DHBEXAMPLE".parse().unwrap()];
    assert!(!other.active && other.last_used.is_none());
    let services = alice.services.as_ref().unwrap();
    assert_eq!(services.len(), 2);
    assert_eq!(services[0].actions[1].last, Some(at("2026-10-01T12:11:00Z")));
    assert_eq!(services[0].actions[0].last, None);
    assert_eq!(services[1].last, None);
    assert_eq!(alice.last_used(), Some(at("2026-10-01T12:15:00Z")));

    let bot = user(&snapshot, "a,b");
    assert_eq!(bot.created, Some(at("2025-02-10T08:00:00Z")));
    assert!(bot.password.is_none() && bot.access_keys().next().is_none());

    let found = &snapshot.found;
    let held = found.users[&"alice".parse::<UserName>().unwrap()].credentials.clone().unwrap();
    assert_eq!((held.access_keys.len(), held.mfa_devices.len(), held.login_profile), (2, 1, true));
    let worker = found.roles.values().next().unwrap();
    assert_eq!(worker.max_session.unwrap().to_string(), "2h");
    assert_eq!(worker.description.as_deref(), Some("works"));
    assert_eq!(found.alias.as_ref().unwrap().as_str(), "acme");
    assert_eq!(found.password_policy.unwrap().minimum_length, 12);
}

#[test]
fn keys_without_ids_are_kept() {
    let snapshot =
        read_all(&[("authorization-details.json", DETAILS), ("credential-report.csv", REPORT)]).unwrap();
    let alice = user(&snapshot, "alice");
    assert_eq!((alice.keys.len(), alice.unnamed_keys.len()), (0, 2));
    assert_eq!(alice.last_used(), Some(at("2026-10-01T12:15:00Z")));
}

#[test]
fn what_is_malformed_is_told_with_its_place_all_at_once() {
    let broken = DETAILS.replace("\"IsDefaultVersion\": true", "\"IsDefaultVersion\": \"yes\"");
    let report = REPORT.replace(
        "alice,arn:aws:iam::222222222222:user/alice,2025-01-10T08:00:00+00:00",
        "alice,arn:aws:iam::222222222222:user/alice,yesterday",
    );
    let errors = read_all(&[
        ("authorization-details.json", &broken),
        ("credential-report.csv", &report),
        ("list-roles.json", r#"{"Roles":[],"IsTruncated":true}"#),
        ("password-policy.json", "[]"),
    ])
    .unwrap_err();
    let errors: Vec<String> = errors.iter().map(ToString::to_string).collect();
    let all = errors.join("\n");
    let line = broken.lines().position(|line| line.contains("\"yes\"")).unwrap() + 1;
    let wanted =
        format!("authorization-details.json:{line}: invalid type: string \"yes\", expected a boolean");
    assert!(all.contains(&wanted), "{all}");
    assert!(all.contains("credential-report.csv:3: user_creation_time is no time: `yesterday`"), "{all}");
    assert!(all.contains("list-roles.json: only a part of the list is in it"), "{all}");
    assert!(all.contains("password-policy.json:1: "), "{all}");
    assert_eq!(errors.len(), 4, "{all}");
}

#[test]
fn tables_of_bad_files() {
    let one = |name: &str, text: &str| {
        let mut texts = vec![("authorization-details.json", DETAILS), (name, text)];
        texts.dedup_by_key(|(name, _)| *name);
        let texts = if name == "authorization-details.json" { vec![(name, text)] } else { texts };
        let errors = read_all(&texts).unwrap_err();
        assert_eq!(errors.len(), 1, "{errors:?}");
        errors[0].to_string()
    };
    for (name, text, wanted) in [
        ("authorization-details.json", "", "authorization-details.json:1: EOF while parsing a value"),
        ("authorization-details.json", "{}", "missing field `UserDetailList`"),
        (
            "authorization-details.json",
            r#"{"UserDetailList":[],"GroupDetailList":[],"RoleDetailList":[],"Policies":[]}"#,
            "no ARN in it tells the account",
        ),
        (
            "authorization-details.json",
            r#"{"UserDetailList":[],"GroupDetailList":[],"RoleDetailList":[],"Policies":[],"NextToken":"x"}"#,
            "only a part of the list",
        ),
        ("credential-report.csv", "dXNlcixhcm4s", "is to be decoded from base64"),
        ("credential-report.csv", "", "is to be decoded from base64"),
        ("credential-report.csv", "user,arn,x\nalice", "credential-report.csv:2: there is no ARN in it"),
        ("credential-report.csv", "user,arn,x\nalice,arn:aws:iam::1:user/alice", "it has 2 columns, not 3"),
        ("credential-report.csv", "user,arn,x\nalice,arn:a,1", "there is no column user_creation_time"),
        (
            "service-last-accessed/alice.json",
            "{}",
            "service-last-accessed/alice.json:1: missing field `JobStatus`",
        ),
        ("service-last-accessed/alice.json", r#"{"JobStatus":"DONE"}"#, "`DONE` is no JobStatus"),
        (
            "list-access-keys/alice.json",
            r#"{"AccessKeyMetadata":[{"AccessKeyId":"x","Status":"Active"}]}"#,
            "access key id",
        ),
    ] {
        let told = one(name, text);
        assert!(told.contains(wanted), "{told}\nlacks {wanted}");
    }
    assert!(read_all(&[]).unwrap_err()[0].to_string().contains("there is no such file"));
    let two_accounts = DETAILS.replace("222222222222:group", "333333333333:group");
    assert!(one("authorization-details.json", &two_accounts).contains("is of another account"));
    let nameless = DETAILS.replace("\"UserName\": \"alice\"", "\"UserName\": \"al ice\"");
    assert!(one("authorization-details.json", &nameless).contains("user al ice: "));
}

#[test]
fn half_reports_on_services_are_gaps_and_never_no_services() {
    for (text, gap) in [
        (r#"{"JobStatus":"IN_PROGRESS","ServicesLastAccessed":[]}"#, "saved before AWS was done"),
        (
            r#"{"JobStatus":"FAILED","ServicesLastAccessed":[],"Error":{"Message":"x","Code":"y"}}"#,
            "could not make",
        ),
        (
            r#"{"JobStatus":"COMPLETED","ServicesLastAccessed":[],"IsTruncated":true,"Marker":"x"}"#,
            "--max-items 1000",
        ),
    ] {
        let texts = [("authorization-details.json", DETAILS), ("service-last-accessed/alice.json", text)];
        let snapshot = read_all(&texts).unwrap();
        assert_eq!(user(&snapshot, "alice").services, None);
        assert!(snapshot.usage.gaps.iter().any(|told| told.contains(gap)), "{:?}", snapshot.usage.gaps);
    }
}

#[test]
fn the_snapshot_file_tells_when_and_what_was_missing() {
    let text = r#"{"format":1,"collected_at":"2026-11-01T00:00:00Z","accounts":[
        {"id":"222222222222","name":"old","errors":["iam:GetCredentialReport: AccessDenied"]}, {"id":"333333333333"}]}"#;
    let file = SnapshotFile::parse(text).unwrap();
    assert_eq!(file.collected_at, at("2026-11-01T00:00:00Z"));
    let errors: Vec<_> = file.errors_of("222222222222".parse().unwrap()).collect();
    assert_eq!(errors, ["iam:GetCredentialReport: AccessDenied"]);
    let other = SnapshotFile::parse(&text.replace("\"format\":1", "\"format\":2")).unwrap_err();
    assert!(other.to_string().contains("only format 1"));
}

proptest! {
    /// Whatever is cut out of or put into good files: an answer or errors with words, never a panic.
    #[test]
    fn damaged_files_are_read_or_refused(
        which in 0_usize..3,
        from in 0_usize..2_600,
        length in 0_usize..40,
        instead in "[\\PC\n\"{}\\[\\],:0-9]{0,12}",
    ) {
        let mut texts = [DETAILS.to_owned(), REPORT.to_owned(), SERVICES.to_owned()];
        let text = &mut texts[which];
        let clip = |at: usize| (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap();
        let (start, end) = (clip(from), clip(from + length));
        text.replace_range(start..end, &instead);
        let read = read_all(&[
            ("authorization-details.json", &texts[0]),
            ("credential-report.csv", &texts[1]),
            ("service-last-accessed/alice.json", &texts[2]),
        ]);
        if let Err(errors) = read {
            prop_assert!(!errors.is_empty());
            for error in errors {
                prop_assert!(!error.problem.is_empty() && !error.file.is_empty());
                let lines = texts.iter().map(|text| text.lines().count()).max().unwrap_or(0) + 1;
                prop_assert!(error.line.is_none_or(|line| (1..=lines).contains(&line)), "{error}");
            }
        }
    }
}
