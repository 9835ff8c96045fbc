//! Session policies: what a narrowed session may still do, as the sandbox decides it.

use postern_aws::{Aws, Connection, Credentials, Endpoint, Patience, raw::RawCall};
use postern_types::{SecretAccessKey, SessionToken};

use crate::world::{PROD, World, answer, call, said};

/// The role may do what PowerUserAccess allows, in IAM and in the estate file.
fn world() -> World {
    let world = World::new();
    let policy = "arn:aws:iam::aws:policy/PowerUserAccess";
    call(&world.root_of(PROD), "AttachRolePolicy", &[("RoleName", "developer"), ("PolicyArn", policy)]);
    let estate = std::fs::read_to_string(world.estate()).unwrap();
    std::fs::write(world.estate(), estate.replacen("ReadOnlyAccess", "PowerUserAccess", 1)).unwrap();
    world.log_in();
    world
}

/// The role, narrowed so.
fn role(world: &World, narrowing: &[&str]) -> Connection {
    let arguments = ["env", "prod/developer", "--format", "json"];
    let arguments: Vec<&str> = arguments.iter().chain(narrowing).copied().collect();
    let variables = answer(&world.run(&arguments));
    connect(world, &variables, ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"])
}

/// What acts with the credentials that stand under these names.
fn connect(world: &World, given: &serde_json::Value, names: [&str; 3]) -> Connection {
    let [id, secret, token] = names.map(|name| given[name].as_str().unwrap().to_owned());
    let credentials = Credentials {
        id: id.parse().unwrap(),
        secret: SecretAccessKey::new(secret).unwrap(),
        token: Some(SessionToken::new(token).unwrap()),
    };
    let endpoint = Endpoint::with_url("eu-central-1".parse().unwrap(), world.sandbox.endpoint());
    Aws::new(Patience::default()).unwrap().connect(endpoint, credentials, None)
}

/// Whether the policies let it through; the sandbox then plays it or says that it does not.
fn lets(role: &Connection, call: &RawCall) -> bool {
    let answer = role.raw(call).unwrap();
    assert!(answer.is_success() || [400, 403, 501].contains(&answer.status), "{answer:?}");
    answer.status != 403
}

#[test]
fn a_narrowed_session_does_less_and_is_a_session_of_its_own() {
    let world = world();
    let (look, make) =
        (RawCall::ec2("DescribeInstances", &[]), RawCall::ec2("CreateVpc", &[("CidrBlock", "10.0.0.0/16")]));
    let buckets = RawCall::list_buckets();
    let may = |narrowing: &[&str]| {
        let role = role(&world, narrowing);
        [&look, &make, &buckets].map(|call| lets(&role, call))
    };
    assert_eq!(may(&[]), [true, true, true]);
    assert_eq!(may(&["--read-only"]), [true, false, true]);
    assert_eq!(may(&["--only", "ec2:*"]), [true, true, false]);
    assert_eq!(may(&["--only", "ec2:DescribeInstances", "--only", "s3:List*"]), [true, false, true]);
    assert_eq!(may(&["--only", "ec2:*:arn:aws:ec2:*:*:instance/*"]), [false, false, false]);
    let view = "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess";
    assert_eq!(may(&["--policy", view, "--only", "ec2:CreateVpc"]), [true, true, true]);
    let file = world.home.path().join("narrow.json");
    let text = r#"{
      "Version": "2012-10-17",
      "Statement": {"Effect": "Deny", "Action": "ec2:*", "Resource": "*"}
    }"#;
    std::fs::write(&file, text).unwrap();
    assert_eq!(may(&["--policy", "narrow.json"]), [false, false, false]);
    // Nothing is added: what the role may not do, its session may not do either.
    let iam = role(&world, &["--only", "iam:*"]);
    assert!(!lets(&iam, &RawCall::iam("ListUsers", &[])));

    let before = world.calls("AssumeRole");
    assert_eq!(may(&[]), [true, true, true], "the plain session is as it was");
    assert_eq!(may(&["--read-only"]), [true, false, true]);
    assert_eq!(world.calls("AssumeRole"), before, "each narrowing is cached by itself");
}

#[test]
fn what_aws_would_refuse_costs_no_call() {
    let world = world();
    let before = world.calls("AssumeRole");
    let write = |name: &str, text: &str| std::fs::write(world.home.path().join(name), text).unwrap();
    write("broken.json", r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow"}]}"#);
    write(
        "trust.json",
        r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Principal":"*","Action":"s3:*","Resource":"*"}}"#,
    );
    let resources: Vec<String> = (0..100).map(|n| format!(r#""arn:aws:s3:::a-long-name-{n}/*""#)).collect();
    let long = format!(
        r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"s3:*","Resource":[{}]}}}}"#,
        resources.join(",")
    );
    write("long.json", &long);
    let arns: Vec<String> = (0..11).map(|n| format!("arn:aws:iam::222222222222:policy/p{n}")).collect();
    let many: Vec<&str> = arns.iter().flat_map(|arn| ["--policy", arn]).collect();
    for (narrowing, words) in [
        (&["--read-only", "--only", "s3:*"][..], "cannot be used with"),
        (&["--only", "s3"], "is not ACTION or ACTION:RESOURCE"),
        (&["--only", "s3:GetObject:bucket/*"], "is not ACTION or ACTION:RESOURCE"),
        (&["--policy", "nowhere.json"], "cannot read the policy `nowhere.json`"),
        (&["--policy", "broken.json"], "`broken.json` is no session policy that AWS would take"),
        (&["--policy", "trust.json"], "Principal"),
        (&["--policy", "long.json"], "and AWS takes 2048 for a session"),
        (&["--policy", "trust.json", "--only", "s3:*"], "one inline policy"),
        (&["--policy", "arn:aws:iam::333333333333:policy/p"], "is in account 333333333333"),
        (&many, "takes 10 managed policies for a session, not 11"),
        (&["--policy", "arn:aws:s3:::bucket"], "names no policy"),
    ] {
        let arguments: Vec<&str> = ["env", "prod/developer"].iter().chain(narrowing).copied().collect();
        let output = world.run(&arguments);
        assert_eq!(output.status.code(), Some(2), "{narrowing:?}: {}", said(&output));
        assert!(
            output.stdout.is_empty() && said(&output).contains(words),
            "{narrowing:?}: {}",
            said(&output)
        );
    }
    assert_eq!(world.calls("AssumeRole"), before);
}

#[test]
fn what_is_left_is_shown_before_it_is_used() {
    let world = world();
    let shown = |narrowing: &[&str]| {
        let arguments = ["exec", "prod/developer", "--show-effective"];
        let arguments: Vec<&str> =
            arguments.iter().chain(narrowing).chain(&["--", "true"]).copied().collect();
        let output = world.run(&arguments);
        assert!(output.status.success() && output.stdout.is_empty(), "{}", said(&output));
        String::from_utf8(output.stderr).unwrap()
    };
    let row = |text: &str, action: &str| {
        let line = text.lines().find(|line| line.split_whitespace().nth(2) == Some(action));
        let words: Vec<&str> =
            line.unwrap_or_else(|| panic!("no {action} in {text}")).split_whitespace().collect();
        (words[0].to_owned(), words[1].to_owned())
    };
    let pair = |role: &str, session: &str| (role.to_owned(), session.to_owned());
    let read_only = shown(&["--read-only"]);
    assert_eq!(row(&read_only, "ec2:DescribeInstances"), pair("allowed", "allowed"));
    assert_eq!(row(&read_only, "ec2:TerminateInstances"), pair("allowed", "refused"));
    // The cap is the role's boundary, whatever its policy says.
    assert_eq!(row(&read_only, "cloudtrail:StopLogging"), pair("refused", "refused"));
    assert_eq!(row(&read_only, "iam:CreateUser"), pair("refused", "refused"));
    // Named actions come with their resource.
    let only = shown(&["--only", "sqs:SendMessage:arn:aws:sqs:*:*:mine", "--only", "iam:CreateUser"]);
    assert_eq!(row(&only, "sqs:SendMessage"), pair("allowed", "allowed"));
    assert_eq!(row(&only, "ec2:DescribeInstances"), pair("allowed", "refused"));
    assert_eq!(row(&only, "iam:CreateUser"), pair("refused", "refused"));
    assert_eq!(row(&shown(&[]), "ec2:TerminateInstances"), pair("allowed", "allowed"));
}

/// The shelf of ready answers is what could mix them up: each is asked for again when it lies there.
#[test]
fn an_answer_to_an_sdk_is_as_narrow_as_it_was_asked_for() {
    let world = world();
    let file = world.home.path().join("narrow.json");
    let policy = |effect: &str| {
        let text = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"{effect}","Action":"ec2:*","Resource":"*"}}}}"#
        );
        std::fs::write(&file, text).unwrap();
    };
    policy("Allow");
    world.settle();
    let (look, make, buckets) = (
        RawCall::ec2("DescribeInstances", &[]),
        RawCall::ec2("CreateVpc", &[("CidrBlock", "10.0.0.0/16")]),
        RawCall::list_buckets(),
    );
    let ask = |narrowing: &[&str]| {
        let arguments: Vec<&str> =
            ["credential-process", "prod/developer"].iter().chain(narrowing).copied().collect();
        answer(&world.run(&arguments))
    };
    let may = |given: &serde_json::Value| {
        let role = connect(&world, given, ["AccessKeyId", "SecretAccessKey", "SessionToken"]);
        [&look, &make, &buckets].map(|call| lets(&role, call))
    };
    let wanted = [
        (&[][..], [true, true, true]),
        (&["--read-only"], [true, false, true]),
        (&["--only", "ec2:*"], [true, true, false]),
        (&["--only", "s3:*"], [false, false, true]),
        (&["--policy", "narrow.json"], [true, true, false]),
        (&["--reason", "ticket-1"], [true, true, true]),
        (&["--reason", "ticket-1", "--read-only"], [true, false, true]),
        (&["--duration", "15m"], [true, true, true]),
    ];
    let first: Vec<_> = wanted.iter().map(|(narrowing, _)| ask(narrowing)).collect();
    for ((narrowing, wanted), given) in wanted.iter().zip(&first) {
        assert_eq!(may(given), *wanted, "{narrowing:?}");
    }
    let calls = world.calls("AssumeRole");
    let files = |kind: &str| -> Vec<_> {
        let files = std::fs::read_dir(world.state_dir()).unwrap().map(|file| file.unwrap().path());
        files.filter(|file| file.file_name().unwrap().to_string_lossy().starts_with(kind)).collect()
    };
    assert_eq!(files("hot-").len(), wanted.len(), "each lies on the shelf by itself");
    // Only the shelf is left to answer without a call.
    files("role-").iter().for_each(|file| std::fs::remove_file(file).unwrap());
    for ((narrowing, _), given) in wanted.iter().zip(&first) {
        assert_eq!(ask(narrowing), *given, "{narrowing:?}");
    }
    assert_eq!(world.calls("AssumeRole"), calls);
    // A policy that says something else by now is another request.
    policy("Deny");
    assert_eq!(may(&ask(&["--policy", "narrow.json"])), [false, false, false]);
    assert_eq!(world.calls("AssumeRole"), calls + 1);
    assert_eq!(ask(&[]), first[0], "and the plain one is as it was");
    let wrong = world.run(&["credential-process", "prod/developer", "--read-only", "--only", "s3:*"]);
    assert_eq!(wrong.status.code(), Some(2), "{}", said(&wrong));
}
