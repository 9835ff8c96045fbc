//! What was last accessed: recorded at every attempt, reported for users, groups, roles and policies.

use crate::cloud::{ADMIN, Answer, Cloud, Keys};

const ACCOUNT: &str = "arn:aws:iam::111111111111:";
const STS: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":["sts:Get*","iam:GetUser"],
    "Resource":"*"}}"#;

/// Asks for a report and fetches it: the first answer says that it is on its way.
fn report(cloud: &mut Cloud, resource: &str, granularity: &[(&str, &str)]) -> Answer {
    let job = job(cloud, resource, granularity);
    fetch(cloud, &job)
}

fn job(cloud: &mut Cloud, resource: &str, granularity: &[(&str, &str)]) -> String {
    let arn = format!("{ACCOUNT}{resource}");
    let parameters: Vec<_> = [("Arn", arn.as_str())].into_iter().chain(granularity.iter().copied()).collect();
    let asked = cloud.iam("GenerateServiceLastAccessedDetails", &parameters);
    assert_eq!(asked.members("GenerateServiceLastAccessedDetailsResult"), ["JobId"]);
    asked.text("JobId")
}

fn fetch(cloud: &mut Cloud, job: &str) -> Answer {
    let parameters = [("JobId", job), ("MaxItems", "1000")];
    let early = cloud.iam("GetServiceLastAccessedDetails", &parameters);
    assert_eq!(early.text("JobStatus"), "IN_PROGRESS");
    assert!(early.texts("JobCompletionDate").is_empty() && early.texts("ServiceName").is_empty());
    let done = cloud.iam("GetServiceLastAccessedDetails", &parameters);
    assert_eq!(done.text("JobStatus"), "COMPLETED");
    done
}

/// The part of a report on one service.
fn service<'a>(report: &'a Answer, namespace: &str) -> Option<&'a str> {
    report
        .body
        .split("<ServiceName>")
        .skip(1)
        .find(|part| part.contains(&format!("<ServiceNamespace>{namespace}</ServiceNamespace>")))
}

fn put_policy(cloud: &mut Cloud, user: &str, document: &str) {
    let parameters = [("UserName", user), ("PolicyName", "p"), ("PolicyDocument", document)];
    cloud.iam("PutUserPolicy", &parameters).ok();
}

fn touch(cloud: &mut Cloud, keys: &Keys) {
    cloud.call(keys, "sts", "GetCallerIdentity", &[]).ok();
}

#[test]
fn a_user_s_report_has_the_services_it_may_use_and_every_attempt() {
    let mut cloud = Cloud::new();
    let alice = cloud.user("alice");
    put_policy(&mut cloud, "alice", STS);
    touch(&mut cloud, &alice);
    cloud.pass(3_600);
    // Refused, and counted all the same: `iam` is a service that alice may use.
    let denied = cloud.call(&alice, "iam", "ListUsers", &[]);
    assert_eq!(denied.status, 403);

    let by_service = report(&mut cloud, "user/alice", &[]);
    assert_eq!(by_service.text("JobType"), "SERVICE_LEVEL");
    assert_eq!(by_service.texts("ServiceNamespace"), ["iam", "sts"]);
    let sts = service(&by_service, "sts").unwrap();
    for wanted in [
        "AWS Security Token Service</ServiceName>",
        "<LastAuthenticated>2026-02-17T09:45:26Z</LastAuthenticated>",
        "<LastAuthenticatedEntity>arn:aws:iam::111111111111:user/alice</LastAuthenticatedEntity>",
        "<LastAuthenticatedRegion>us-east-1</LastAuthenticatedRegion>",
        "<TotalAuthenticatedEntities>1</TotalAuthenticatedEntities>",
    ] {
        assert!(sts.contains(wanted), "{wanted} in {sts}");
    }
    assert!(service(&by_service, "iam").unwrap().contains("<LastAuthenticated>2026-02-17T10:45:26Z<"));
    assert!(by_service.texts("TrackedActionsLastAccessed").is_empty());

    let by_action = report(&mut cloud, "user/alice", &[("Granularity", "ACTION_LEVEL")]);
    assert_eq!(by_action.text("JobType"), "ACTION_LEVEL");
    // Of `iam` only `GetUser` is allowed, which was not used: no list. Of `sts` all that is allowed, used or not.
    assert!(!service(&by_action, "iam").unwrap().contains("Tracked"));
    let sts = service(&by_action, "sts").unwrap();
    assert!(sts.contains("<ActionName>GetSessionToken</ActionName></member>"), "{sts}");
    assert!(!sts.contains("AssumeRole"), "{sts}");
    let used = "<ActionName>GetCallerIdentity</ActionName>\
        <LastAccessedEntity>arn:aws:iam::111111111111:user/alice</LastAccessedEntity>\
        <LastAccessedTime>2026-02-17T09:45:26Z</LastAccessedTime>\
        <LastAccessedRegion>us-east-1</LastAccessedRegion>";
    assert!(sts.contains(used), "{sts}");
}

#[test]
fn groups_and_policies_tell_who_used_them_last() {
    let mut cloud = Cloud::new();
    let (alice, bob) = (cloud.user("alice"), cloud.user("bob"));
    cloud.user("carol");
    cloud.iam("CreateGroup", &[("GroupName", "team")]).ok();
    let arn = cloud.iam("CreatePolicy", &[("PolicyName", "base"), ("PolicyDocument", STS)]).text("Arn");
    cloud.iam("AttachGroupPolicy", &[("GroupName", "team"), ("PolicyArn", &arn)]).ok();
    for user in ["alice", "bob"] {
        cloud.iam("AddUserToGroup", &[("GroupName", "team"), ("UserName", user)]).ok();
    }
    cloud.iam("AttachUserPolicy", &[("UserName", "carol"), ("PolicyArn", &arn)]).ok();
    touch(&mut cloud, &alice);
    cloud.pass(60);
    touch(&mut cloud, &bob);

    for (resource, total) in [("group/team", 2), ("policy/base", 2), ("user/alice", 1)] {
        let report = report(&mut cloud, resource, &[]);
        let sts = service(&report, "sts").unwrap();
        assert!(sts.contains(&format!("<TotalAuthenticatedEntities>{total}<")), "{resource}: {sts}");
        let last = if resource.starts_with("user") { "alice" } else { "bob" };
        assert!(
            sts.contains(&format!("<LastAuthenticatedEntity>{ACCOUNT}user/{last}<")),
            "{resource}: {sts}"
        );
    }

    let job = job(&mut cloud, "policy/base", &[]);
    fetch(&mut cloud, &job);
    let who = |cloud: &mut Cloud, namespace: &str| {
        let parameters = [("JobId", job.as_str()), ("ServiceNamespace", namespace)];
        cloud.iam("GetServiceLastAccessedDetailsWithEntities", &parameters)
    };
    let sts = who(&mut cloud, "sts");
    assert_eq!(
        sts.members("GetServiceLastAccessedDetailsWithEntitiesResult"),
        ["JobStatus", "JobCreationDate", "JobCompletionDate", "EntityDetailsList", "IsTruncated"]
    );
    assert_eq!(sts.texts("Name"), ["bob", "alice", "carol"], "the most recent first");
    assert_eq!(sts.members("EntityInfo"), ["Arn", "Name", "Type", "Id", "Path"]);
    assert_eq!(sts.texts("LastAuthenticated"), ["2026-02-17T09:46:26Z", "2026-02-17T09:45:26Z"]);
    assert_eq!(sts.texts("Type"), ["USER"; 3]);
    assert!(who(&mut cloud, "ec2").texts("Name").is_empty(), "the policy allows nothing there");
}

#[test]
fn role_sessions_count_for_their_role() {
    let mut cloud = Cloud::new();
    let trust = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole",
        "Principal":{"AWS":"111111111111"}}}"#;
    let parameters = [("RoleName", "worker"), ("Path", "/x/"), ("AssumeRolePolicyDocument", trust)];
    let arn = cloud.iam("CreateRole", &parameters).text("Arn");
    let policy = [("RoleName", "worker"), ("PolicyName", "p"), ("PolicyDocument", ADMIN)];
    cloud.iam("PutRolePolicy", &policy).ok();
    let alice = cloud.user("alice");
    put_policy(&mut cloud, "alice", ADMIN);
    let session = cloud.call(&alice, "sts", "AssumeRole", &[("RoleArn", &arn), ("RoleSessionName", "s1")]);
    let session = session.keys();
    cloud.call(&session, "iam", "ListUsers", &[]).ok();

    let of_role = report(&mut cloud, "role/x/worker", &[("Granularity", "ACTION_LEVEL")]);
    assert!(
        service(&of_role, "iam").unwrap().contains("<ActionName>ListUsers</ActionName><LastAccessedEntity>")
    );
    assert!(
        !service(&of_role, "sts").unwrap().contains("LastAuthenticated>"),
        "alice assumed it, not the role"
    );
    let of_alice = report(&mut cloud, "user/alice", &[]);
    assert!(service(&of_alice, "sts").unwrap().contains("<LastAuthenticated>"));
    assert!(!service(&of_alice, "iam").unwrap().contains("<LastAuthenticated>"));
}

#[test]
fn long_reports_come_in_pages_and_old_attempts_are_forgotten() {
    let mut cloud = Cloud::new();
    let alice = cloud.user("alice");
    put_policy(&mut cloud, "alice", ADMIN);
    touch(&mut cloud, &alice);
    cloud.pass(400 * 86_400);
    let job = job(&mut cloud, "user/alice", &[]);
    let whole = fetch(&mut cloud, &job);
    assert!(service(&whole, "sts").unwrap().contains("<LastAuthenticated>"), "the four-hundredth day");

    let mut paged = Vec::new();
    let mut marker = None;
    loop {
        let mut parameters = vec![("JobId", job.as_str())];
        parameters.extend(marker.as_deref().map(|marker| ("Marker", marker)));
        let page = cloud.iam("GetServiceLastAccessedDetails", &parameters);
        let names = page.texts("ServiceNamespace");
        assert!(names.len() <= 100);
        paged.extend(names);
        marker = page.texts("Marker").into_iter().next();
        if marker.is_none() {
            break;
        }
    }
    assert!(paged.len() > 400, "an administrator may use everything");
    assert_eq!(paged, whole.texts("ServiceNamespace"));

    cloud.pass(1);
    let later = report(&mut cloud, "user/alice", &[]);
    assert!(!service(&later, "sts").unwrap().contains("<LastAuthenticated>"));
}

#[test]
fn reports_are_for_those_who_asked_and_names_must_exist() {
    let mut cloud = Cloud::new();
    let alice = cloud.user("alice");
    put_policy(&mut cloud, "alice", ADMIN);
    let id = job(&mut cloud, "user/alice", &[]);
    let get = |cloud: &mut Cloud, keys: &Keys, id: &str| {
        cloud.call(keys, "iam", "GetServiceLastAccessedDetails", &[("JobId", id)])
    };
    let root = cloud.root.clone();
    get(&mut cloud, &root, &id).ok();
    let (status, code, _) = get(&mut cloud, &alice, &id).refusal();
    assert_eq!((status, code.as_str()), (404, "NoSuchEntity"));
    let (status, code, _) = get(&mut cloud, &root, &"0".repeat(36)).refusal();
    assert_eq!((status, code.as_str()), (404, "NoSuchEntity"));
    let (status, code, text) = get(&mut cloud, &root, "short").refusal();
    assert_eq!((status, code.as_str()), (400, "ValidationError"));
    assert!(text.contains("'jobId'") && text.contains("greater than or equal to 36"), "{text}");
    cloud.pass(86_400);
    assert_eq!(get(&mut cloud, &root, &id).status, 404, "a day later");

    for (arn, status, code, text) in [
        ("role/nobody", 404, "NoSuchEntity", "The role with name nobody cannot be found."),
        ("user/nobody", 404, "NoSuchEntity", "The user with name nobody cannot be found."),
        ("user/p/alice", 404, "NoSuchEntity", "The user with name alice cannot be found."),
        ("group/nobody", 404, "NoSuchEntity", "The group with name nobody cannot be found."),
        ("policy/none", 404, "NoSuchEntity", "Policy arn:aws:iam::111111111111:policy/none was not found."),
        ("mfa/phone", 400, "InvalidInput", "ARN arn:aws:iam::111111111111:mfa/phone is not valid."),
    ] {
        let arn = format!("{ACCOUNT}{arn}");
        let refusal = cloud.iam("GenerateServiceLastAccessedDetails", &[("Arn", &arn)]).refusal();
        assert_eq!(refusal, (status, code.to_owned(), text.to_owned()));
    }
    let parameters = [("Arn", "arn:aws:iam::111111111111:user/alice"), ("Granularity", "DAILY")];
    let (_, _, text) = cloud.iam("GenerateServiceLastAccessedDetails", &parameters).refusal();
    assert!(text.contains("enum value set: [SERVICE_LEVEL, ACTION_LEVEL]"), "{text}");
}

#[test]
fn asking_needs_permission_on_the_entity_asked_about() {
    let mut cloud = Cloud::new();
    let alice = cloud.user("alice");
    cloud.user("bob");
    put_policy(
        &mut cloud,
        "alice",
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow",
            "Action":["iam:GenerateServiceLastAccessedDetails","iam:GetServiceLastAccessedDetails"],
            "Resource":"arn:aws:iam::111111111111:user/${aws:username}"}}"#,
    );
    let generate = |cloud: &mut Cloud, name: &str| {
        let arn = format!("{ACCOUNT}user/{name}");
        cloud.call(&alice, "iam", "GenerateServiceLastAccessedDetails", &[("Arn", &arn)])
    };
    let id = generate(&mut cloud, "alice").text("JobId");
    let (status, _, text) = generate(&mut cloud, "bob").refusal();
    assert_eq!(status, 403);
    assert!(
        text.contains(
            "iam:GenerateServiceLastAccessedDetails on resource: arn:aws:iam::111111111111:user/bob"
        )
    );
    // Fetching is not limited to a resource.
    assert_eq!(cloud.call(&alice, "iam", "GetServiceLastAccessedDetails", &[("JobId", &id)]).status, 403);
}

#[test]
fn an_export_keeps_attempts_and_an_older_one_is_still_read() {
    let mut cloud = Cloud::new();
    let alice = cloud.user("alice");
    put_policy(&mut cloud, "alice", STS);
    touch(&mut cloud, &alice);
    let export = cloud.export();
    let mut again = Cloud::import(&export, &cloud);
    assert_eq!(again.export(), export);
    let report_again = report(&mut again, "user/alice", &[]);
    assert!(service(&report_again, "sts").unwrap().contains("<LastAuthenticated>2026-02-17T09:45:26Z<"));

    // Written before attempts were recorded.
    let mut state: serde_json::Value = serde_json::from_str(&export).unwrap();
    let user = state["accounts"][0]["users"][0].as_object_mut().unwrap();
    assert!(user.remove("accessed").is_some());
    let mut old = Cloud::import(&state.to_string(), &cloud);
    let report = report(&mut old, "user/alice", &[]);
    assert!(!service(&report, "sts").unwrap().contains("<LastAuthenticated>"));
}
