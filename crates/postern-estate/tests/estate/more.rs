//! The keys that the worked example leaves out: what each of them makes.

use postern_estate::{Design, Desired, Estate, NoticeKind, PolicyDocument, Quotas, apply_step, diff};
use postern_types::{AccountId, UserName};

use crate::{
    common::{EXAMPLE, desired, desired_errors},
    plan::{built, run},
};

const BASTION: &str = "111111111111";
const PROD: &str = "222222222222";
const DEV: &str = "333333333333";

fn id(text: &str) -> AccountId {
    text.parse().unwrap()
}

fn same_json(found: &PolicyDocument, expected: &str) {
    let tight = |text: &str| text.split_whitespace().collect::<String>();
    assert_eq!(tight(found.text()), tight(expected));
}

/// The example with more keys in `[bastion]`, and more sections at the end.
fn with(bastion: &str, more: &str) -> String {
    EXAMPLE.replace("[accounts.dev]", &format!("{bastion}\n[accounts.dev]")) + more
}

fn trust<'d>(desired: &'d Desired, account: &str, role: &str) -> &'d PolicyDocument {
    &desired.estate.accounts[&id(account)].roles[&role.parse().unwrap()].trust
}

fn group_policy<'d>(desired: &'d Desired, group: &str) -> &'d PolicyDocument {
    let bastion = &desired.estate.accounts[&id(BASTION)];
    &bastion.groups[&group.parse().unwrap()].inline[&"postern".parse().unwrap()]
}

#[test]
fn self_service_is_one_closed_block_for_everyone() {
    let desired = desired(&with("self_service = true", ""));
    same_json(
        group_policy(&desired, "self-service"),
        r#"{"Version": "2012-10-17", "Statement": [
          {"Sid": "SeeOneself", "Effect": "Allow",
           "Action": ["iam:GetUser", "iam:ListMFADevices", "iam:ListAccessKeys", "iam:ChangePassword"],
           "Resource": ["arn:aws:iam::111111111111:user/${aws:username}", "arn:aws:iam::111111111111:user/*/${aws:username}"]},
          {"Sid": "SeePasswordRules", "Effect": "Allow", "Action": "iam:GetAccountPasswordPolicy", "Resource": "*"},
          {"Sid": "ManageOneselfWithMfa", "Effect": "Allow",
           "Action": ["iam:CreateAccessKey", "iam:UpdateAccessKey", "iam:DeleteAccessKey", "iam:EnableMFADevice",
                      "iam:DeactivateMFADevice", "iam:ResyncMFADevice"],
           "Resource": ["arn:aws:iam::111111111111:user/${aws:username}", "arn:aws:iam::111111111111:user/*/${aws:username}"],
           "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
          {"Sid": "MakeDeviceWithMfa", "Effect": "Allow", "Action": "iam:CreateVirtualMFADevice",
           "Resource": "arn:aws:iam::111111111111:mfa/*",
           "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}}]}"#,
    );
    let bastion = &desired.estate.accounts[&id(BASTION)];
    for user in bastion.users.values() {
        assert!(user.groups.contains(&"self-service".parse().unwrap()));
        assert!(user.inline.is_empty() && user.attached.is_empty());
    }
    assert!(
        !crate::common::desired(EXAMPLE).estate.accounts[&id(BASTION)]
            .groups
            .contains_key(&"self-service".parse().unwrap())
    );
}

#[test]
fn no_policy_of_ours_breaks_a_rule_of_the_linter() {
    use postern_policy::lint::{PolicyKind, check_text};
    let text =
        with("self_service = true\nsource_identity = true\nsource_ip = [\"203.0.113.0/24\"]", BREAK_GLASS)
            .replace("session = \"1h\"", "source_identity = true");
    let desired = desired(&text);
    for account in desired.estate.accounts.values() {
        let groups = account.groups.values().flat_map(|group| group.inline.values());
        let caps = account.policies.values().map(|policy| &policy.document);
        for document in groups.chain(caps) {
            let found = check_text(document.text(), PolicyKind::Identity);
            let bad: Vec<_> = found.iter().filter(|f| f.rule.id.starts_with('S')).collect();
            assert!(bad.is_empty(), "{bad:#?}\n{document}");
        }
    }
}

#[test]
fn addresses_narrow_trust_where_they_are_asked_for() {
    const ADDRESSES: &str = r#""IpAddress": {"aws:SourceIp": ["203.0.113.0/24"#;
    let text = with("source_ip = [\"203.0.113.0/24\", \"2001:db8::/32\"]", BREAK_GLASS)
        .replace("session = \"1h\"", "source_ip = [\"198.51.100.7\"]");
    let desired = desired(&text);
    assert!(
        trust(&desired, PROD, "readonly").text().contains(&format!("{ADDRESSES}\", \"2001:db8::/32\"]}}"))
    );
    assert!(trust(&desired, PROD, "postern-admin").text().contains(ADDRESSES));
    // A role's own addresses are instead of the bastion's.
    let developer = trust(&desired, DEV, "developer").text();
    assert!(developer.contains(r#""IpAddress": {"aws:SourceIp": ["198.51.100.7/32"]}"#), "{developer}");
    // In an emergency people come from anywhere.
    assert!(!trust(&desired, PROD, "postern-break-glass").text().contains("SourceIp"));
    let third = "[third_parties.x]\naccount = \"999999999999\"\nexternal_id = \"a1b2\"\nroles = [\"prod/readonly\"]\n";
    let desired = crate::common::desired(&(text + third));
    let document = trust(&desired, PROD, "readonly").text();
    assert_eq!(document.matches("SourceIp").count(), 1, "a third party has addresses of its own: {document}");
}

#[test]
fn a_demanded_source_identity_is_the_users_name() {
    let text = with("source_identity = true", "").replace("session = \"1h\"", "source_identity = true");
    let desired = desired(&text);
    same_json(
        trust(&desired, DEV, "developer"),
        r#"{"Version": "2012-10-17", "Statement": [
          {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"},
           "Action": ["sts:AssumeRole", "sts:SetSourceIdentity"],
           "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"},
                         "StringEquals": {"sts:SourceIdentity": "${aws:username}"},
                         "ArnEquals": {"aws:PrincipalArn": ["arn:aws:iam::111111111111:user/postern/alice",
                                                            "arn:aws:iam::111111111111:user/postern/carol"]}}}]}"#,
    );
    // Where it is not demanded it may be set.
    let readonly = trust(&desired, DEV, "readonly").text();
    assert!(
        readonly.contains("SetSourceIdentity") && !readonly.contains("sts:SourceIdentity\""),
        "{readonly}"
    );
    assert!(group_policy(&desired, "developers").text().contains("sts:SetSourceIdentity"));
}

const BREAK_GLASS: &str =
    "[break_glass]\npeople = [\"alice\", \"bob\"]\naccounts = [\"bastion\", \"prod\"]\n";

#[test]
fn break_glass_has_its_exact_shape() {
    let desired = desired(&with("", BREAK_GLASS));
    for account in [BASTION, PROD] {
        let role = &desired.estate.accounts[&id(account)].roles[&"postern-break-glass".parse().unwrap()];
        same_json(
            &role.trust,
            r#"{"Version": "2012-10-17", "Statement": [
              {"Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::111111111111:root"}, "Action": "sts:AssumeRole",
               "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"},
                             "NumericLessThan": {"aws:MultiFactorAuthAge": "900"},
                             "ArnEquals": {"aws:PrincipalArn": ["arn:aws:iam::111111111111:user/postern/alice",
                                                                "arn:aws:iam::111111111111:user/postern/bob"]}}}]}"#,
        );
        assert_eq!(role.max_session.unwrap().to_string(), "1h");
        assert_eq!(role.boundary, None);
        assert_eq!(
            role.attached.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["arn:aws:iam::aws:policy/AdministratorAccess"]
        );
    }
    assert!(!desired.estate.accounts[&id(DEV)].roles.contains_key(&"postern-break-glass".parse().unwrap()));
    same_json(
        group_policy(&desired, "break-glass"),
        r#"{"Version": "2012-10-17", "Statement": [
          {"Sid": "AssumeDeclaredRolesWithMfa", "Effect": "Allow", "Action": "sts:AssumeRole",
           "Resource": ["arn:aws:iam::111111111111:role/postern/postern-break-glass",
                        "arn:aws:iam::222222222222:role/postern/postern-break-glass"],
           "Condition": {"Bool": {"aws:MultiFactorAuthPresent": "true"}}},
          {"Sid": "StartSession", "Effect": "Allow", "Action": "sts:GetSessionToken", "Resource": "*"}]}"#,
    );
    let members: Vec<&str> = desired.estate.accounts[&id(BASTION)]
        .users
        .iter()
        .filter(|(_, user)| user.groups.contains(&"break-glass".parse().unwrap()))
        .map(|(name, _)| name.as_str())
        .collect();
    assert_eq!(members, ["alice", "bob"]);
    // Every plan says so, also one with nothing to do.
    let plan = diff(&desired.estate, &desired);
    assert!(plan.is_empty());
    let [notice] = &plan.notices[..] else { unreachable!("{plan:#?}") };
    assert!(
        matches!(&notice.kind, NoticeKind::BreakGlass { people, accounts } if people.len() == 2 && accounts.len() == 2)
    );
    // Everywhere means the bastion too.
    let everywhere =
        crate::common::desired(&with("", &BREAK_GLASS.replace("[\"bastion\", \"prod\"]", "\"*\"")));
    assert_eq!(everywhere.break_glass.unwrap().accounts.len(), 3);
}

#[test]
fn break_glass_never_loses_its_list_of_people() {
    let mut text = with("", "");
    let mut names = Vec::new();
    for n in 0..60 {
        text += &format!("[people.person{n:03}]\n");
        names.push(format!("\"person{n:03}\""));
    }
    text += &format!("[break_glass]\npeople = [{}]\naccounts = [\"prod\"]\n", names.join(", "));
    let errors = desired_errors(&text);
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert!(errors[0].message.starts_with("the trust policy of `postern-break-glass` would have "));
}

#[test]
fn tags_stand_on_everything_that_takes_them() {
    let text = with("", "[people.dave]\ntags = { Team = \"core\" }\n")
        .replace("[bastion]", "[tags]\nteam = \"platform\"\ncost-centre = \"7\"\n[bastion]")
        .replace(
            "session = \"1h\"",
            "tags = { cost-centre = \"8\" }\nmay_assume = [\"arn:aws:iam::444444444444:role/x\"]",
        );
    let desired = desired(&text);
    let dev = &desired.estate.accounts[&id(DEV)];
    let is = |tags: &postern_estate::Tags, expected: &[(&str, &str)]| {
        let found: Vec<_> = tags.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(found, expected);
    };
    let list = ("postern:tags", "cost-centre team");
    let both = [("cost-centre", "7"), ("postern:managed", "acme"), list, ("team", "platform")];
    is(&dev.roles[&"readonly".parse().unwrap()].tags, &both);
    is(&dev.roles[&"postern-admin".parse().unwrap()].tags, &both);
    is(dev.policies[&"postern-cap".parse().unwrap()].tags.as_ref().unwrap(), &both);
    is(dev.policies[&"postern-cap-developer".parse().unwrap()].tags.as_ref().unwrap(), &both);
    let own = [("cost-centre", "8"), ("postern:managed", "acme"), list, ("team", "platform")];
    is(&dev.roles[&"developer".parse().unwrap()].tags, &own);
    let bastion = &desired.estate.accounts[&id(BASTION)];
    is(&bastion.users[&"alice".parse().unwrap()].tags, &both);
    // To IAM, `Team` and `team` are one key.
    let list = ("postern:tags", "Team cost-centre");
    let dave = [("Team", "core"), ("cost-centre", "7"), ("postern:managed", "acme"), list];
    is(&bastion.users[&"dave".parse().unwrap()].tags, &dave);

    let many = |from: usize| (from..from + 30).map(|n| format!("t{n} = \"x\"\n")).collect::<String>();
    let text = EXAMPLE.replace("[bastion]", &format!("[tags]\n{}[bastion]", many(0)))
        + &format!("[people.eve.tags]\n{}", many(30));
    let errors = desired_errors(&text);
    assert_eq!(errors.len(), 1, "{errors:#?}");
    assert_eq!(errors[0].message, "60 tags, with those of the whole estate");
}

#[test]
fn tags_that_leave_the_file_go_and_others_stay() {
    let file = |tags: &str| {
        let all = format!("[tags]\n{tags}[bastion]");
        desired(&EXAMPLE.replace("[bastion]", if tags.is_empty() { "[bastion]" } else { &all }))
    };
    let (two, one, none) =
        (file("team = \"x\"\n\"cost centre\" = \"7\"\n"), file("team = \"x\"\n"), file(""));
    let mut estate = built(&two);
    let alice: UserName = "alice".parse().unwrap();
    let home = estate.accounts.get_mut(&id(BASTION)).unwrap();
    home.users.get_mut(&alice).unwrap().tags.insert("by-hand".to_owned(), "stays".to_owned());
    let keys = |estate: &Estate| -> Vec<String> {
        estate.accounts[&id(BASTION)].users[&alice].tags.keys().cloned().collect()
    };
    assert_eq!(keys(&estate), ["by-hand", "cost centre", "postern:managed", "postern:tags", "team"]);
    for (wanted, left) in [
        (&one, &["by-hand", "postern:managed", "postern:tags", "team"][..]),
        (&none, &["by-hand", "postern:managed"]),
    ] {
        let plan = diff(&estate, wanted);
        // Stopped after any step, the next run does the rest.
        for stop in 0..plan.steps.len() {
            let mut cut = estate.clone();
            plan.steps.iter().take(stop).for_each(|step| apply_step(&mut cut, step).unwrap());
            let rest = diff(&cut, wanted);
            run(&mut cut, &rest);
            assert_eq!(keys(&cut), left, "stopped after {stop}");
        }
        run(&mut estate, &plan);
        assert_eq!(keys(&estate), left);
        assert!(diff(&estate, wanted).is_empty());
        for account in estate.accounts.values() {
            let users = account.users.values().map(|user| &user.tags);
            let all = users.chain(account.roles.values().map(|role| &role.tags));
            let all = all.chain(account.policies.values().filter_map(|policy| policy.tags.as_ref()));
            assert!(all.into_iter().all(|tags| !tags.contains_key("cost centre")));
        }
    }
}

#[test]
fn accounts_may_have_password_rules_of_their_own() {
    let desired =
        desired(&with("", "[accounts.dev.password_policy]\nminimum_length = 20\nmax_age_days = 90\n"));
    let policy = desired.estate.accounts[&id(DEV)].password_policy.unwrap();
    assert_eq!((policy.minimum_length, policy.max_age_days, policy.require_symbols), (20, Some(90), true));
    assert_eq!(desired.estate.accounts[&id(PROD)].password_policy, None);
}

#[test]
fn exceptions_are_kept_and_change_nothing() {
    let text = with(
        "",
        "[[exceptions]]\nrule = \"G10\"\nprincipal = \"arn:aws:iam::222222222222:role/X\"\nreason = \"until the merger\"\n\
         until = 2027-02-28\n[[exceptions]]\nrule = \"T01\"\nprincipal = \"arn:aws:iam::222222222222:role/X\"\n\
         reason = \"same\"\nuntil = \"2027-03-01\"\n",
    );
    let design = Design::parse(&text).unwrap();
    let found: Vec<(&str, String)> =
        design.exceptions.iter().map(|e| (e.rule.value.as_str(), e.until.value.to_string())).collect();
    assert_eq!(found, [("G10", "2027-02-28T23:59:59Z".into()), ("T01", "2027-03-01T23:59:59Z".into())]);
    assert_eq!(desired(&text).estate, desired(EXAMPLE).estate);
}

#[test]
fn third_parties_need_their_external_id_and_no_mfa() {
    let desired = desired(&with(
        "source_identity = true\nsource_ip = [\"203.0.113.0/24\"]",
        "[third_parties.auditor]\naccount = \"999999999999\"\nexternal_id = \"a1b2\"\nroles = [\"prod/idle\"]\n\
         [roles.idle]\naccounts = [\"prod\"]\npolicies = []\n",
    ));
    same_json(
        trust(&desired, PROD, "idle"),
        r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow",
          "Principal": {"AWS": "arn:aws:iam::999999999999:root"}, "Action": "sts:AssumeRole",
          "Condition": {"StringEquals": {"sts:ExternalId": "a1b2"}}}]}"#,
    );
}

#[test]
fn a_boundary_that_outgrows_its_quota_is_refused() {
    let roles: Vec<String> =
        (0..120).map(|n| format!("\"arn:aws:iam::444444444444:role/deploy-{n:03}\"")).collect();
    let text = EXAMPLE.replace("session = \"1h\"", &format!("may_assume = [{}]", roles.join(", ")));
    let errors = desired_errors(&text);
    assert_eq!(errors.len(), 1, "the same for each account: {errors:#?}");
    assert!(
        errors[0].message.contains("`postern-cap-developer`")
            && errors[0].message.ends_with("IAM takes 6144")
    );
    // Read, not assumed: an account with a higher quota takes it.
    let design = Design::parse(&text).unwrap();
    let high = Quotas { managed_policy_size: 20_000, ..Quotas::DEFAULT };
    assert!(design.desired(&|_| Err(String::new()), &|_| high).is_ok());
}
