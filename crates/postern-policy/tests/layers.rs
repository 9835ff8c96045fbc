//! How the layers combine: *IAM User Guide*, "Policy evaluation logic" and the pages named beside.

#[cfg(test)]
mod common;

use common::{ALICE, ROLE, SESSION, Scene, allow, deny, doc, grants, raw, scene};
use postern_policy::{
    Decision::{self, Allowed, ExplicitlyDenied, ImplicitlyDenied},
    FederatedBy, Principal,
    catalogue::{Catalogue, Service},
};

const QUEUE: &str = "arn:aws:sqs:eu-central-1:111111111111:q";
const FOREIGN_QUEUE: &str = "arn:aws:sqs:eu-central-1:222222222222:q";
const TARGET: &str = "arn:aws:iam::111111111111:role/target";
const FOREIGN_TARGET: &str = "arn:aws:iam::222222222222:role/target";

/// The evaluation has a list of its own: it never reads the catalogue. The two are compared here, so that a
/// service which AWS adds is noticed when the catalogue is refreshed.
#[test]
fn rcps_reach_the_services_that_the_catalogue_lists() {
    let stops = |service: &str| {
        let action = format!("{service}:Something");
        let scene = scene(ALICE, &action, "*").identity(allow("*"));
        let rcp = doc(r#"{"Effect":"Deny","Principal":"*","Action":"*","Resource":"*"}"#);
        scene.rcp(&[rcp]).decision() == ExplicitlyDenied
    };
    let differ = |service: &&Service| stops(service.prefix()) != service.supports_resource_control_policies();
    let differing: Vec<&str> =
        Catalogue::embedded().services().iter().filter(differ).map(Service::prefix).collect();
    assert_eq!(differing, [""; 0]);
}

fn check(cases: Vec<(&str, Scene, Decision)>) {
    for (what, scene, wanted) in cases {
        assert_eq!(scene.decision(), wanted, "{what}: {:?}", scene.evaluate());
    }
}

fn send(principal: &str) -> Scene {
    scene(principal, "sqs:SendMessage", QUEUE)
}

fn send_abroad(principal: &str) -> Scene {
    scene(principal, "sqs:SendMessage", FOREIGN_QUEUE)
}

fn assume(principal: &str) -> Scene {
    scene(principal, "sts:AssumeRole", TARGET)
}

fn assume_abroad(principal: &str) -> Scene {
    scene(principal, "sts:AssumeRole", FOREIGN_TARGET)
}

fn aws(principal: &str) -> String {
    format!(r#"{{"AWS":"{principal}"}}"#)
}

#[test]
fn one_account() {
    let other = allow("s3:*");
    check(vec![
        ("nothing", send(ALICE), ImplicitlyDenied),
        ("identity", send(ALICE).identity(allow("sqs:*")), Allowed),
        ("group", send(ALICE).groups(allow("sqs:*")), Allowed),
        ("deny in the group", send(ALICE).identity(allow("*")).groups(deny("sqs:*")), ExplicitlyDenied),
        ("boundary allows", send(ALICE).identity(allow("*")).boundary(allow("sqs:*")), Allowed),
        ("boundary silent", send(ALICE).identity(allow("*")).boundary(other.clone()), ImplicitlyDenied),
        ("boundary grants nothing", send(ALICE).boundary(allow("*")), ImplicitlyDenied),
        ("boundary denies", send(ALICE).identity(allow("*")).boundary(deny("*")), ExplicitlyDenied),
        ("session policy allows", send(SESSION).identity(allow("*")).session(allow("sqs:*")), Allowed),
        (
            "session policy silent",
            send(SESSION).identity(allow("*")).session(other.clone()),
            ImplicitlyDenied,
        ),
        (
            "one of two session policies",
            send(SESSION).identity(allow("*")).session(other).session(allow("sqs:*")),
            Allowed,
        ),
        ("session policy grants nothing", send(SESSION).session(allow("*")), ImplicitlyDenied),
        (
            "deny in the resource policy",
            send(ALICE).identity(allow("*")).policy(doc(r#"{"Effect":"Deny","Principal":"*","Action":"*"}"#)),
            ExplicitlyDenied,
        ),
    ]);
}

#[test]
fn resource_policies_in_one_account() {
    // Permissions boundaries, "Resource-based policies"; Session policies; Principal, "IAM role
    // principals": who is named decides which limits hold.
    let silent = || allow("s3:*");
    let by_arn = doc(r#"{"Effect":"Allow","Principal":"*","Action":"*","Condition":
            {"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::111111111111:role/work"}}}"#);
    check(vec![
        ("user named", send(ALICE).policy(grants(&aws(ALICE))), Allowed),
        ("user named, boundary silent", send(ALICE).policy(grants(&aws(ALICE))).boundary(silent()), Allowed),
        (
            "user named, boundary denies",
            send(ALICE).policy(grants(&aws(ALICE))).boundary(deny("*")),
            ExplicitlyDenied,
        ),
        ("everyone", send(ALICE).policy(grants(r#""*""#)), Allowed),
        ("everyone in a list", send(ALICE).policy(grants(r#"{"AWS":["*"]}"#)), Allowed),
        (
            "someone else",
            send(ALICE).policy(grants(&aws("arn:aws:iam::111111111111:user/bob"))),
            ImplicitlyDenied,
        ),
        ("account only delegates", send(ALICE).policy(grants(&aws("111111111111"))), ImplicitlyDenied),
        (
            "root ARN only delegates",
            send(ALICE).policy(grants(&aws("arn:aws:iam::111111111111:root"))),
            ImplicitlyDenied,
        ),
        ("role named", send(SESSION).policy(grants(&aws(ROLE))), Allowed),
        (
            "role named, boundary silent",
            send(SESSION).policy(grants(&aws(ROLE))).boundary(silent()),
            ImplicitlyDenied,
        ),
        (
            "role named, session policy silent",
            send(SESSION).policy(grants(&aws(ROLE))).session(silent()),
            ImplicitlyDenied,
        ),
        (
            "role named, session policy allows",
            send(SESSION).policy(grants(&aws(ROLE))).session(allow("sqs:*")),
            Allowed,
        ),
        ("session named", send(SESSION).policy(grants(&aws(SESSION))), Allowed),
        (
            "session named, boundary silent",
            send(SESSION).policy(grants(&aws(SESSION))).boundary(silent()),
            Allowed,
        ),
        // E7
        (
            "session named, session policy silent",
            send(SESSION).policy(grants(&aws(SESSION))).session(silent()),
            Allowed,
        ),
        (
            "session named, session policy denies",
            send(SESSION).policy(grants(&aws(SESSION))).session(deny("*")),
            ExplicitlyDenied,
        ),
        (
            "other session",
            send(SESSION).policy(grants(&aws("arn:aws:sts::111111111111:assumed-role/work/x"))),
            ImplicitlyDenied,
        ),
        (
            "everyone by aws:PrincipalArn, session policy silent",
            send(SESSION).with("aws:PrincipalArn", ROLE).policy(by_arn.clone()).session(silent()),
            Allowed,
        ),
        (
            "everyone by aws:PrincipalArn, identity denies",
            send(SESSION).with("aws:PrincipalArn", ROLE).policy(by_arn).identity(deny("*")),
            ExplicitlyDenied,
        ),
        (
            "a service",
            Scene { principal: Principal::Service { name: "sns.amazonaws.com".into() }, ..send(ALICE) }
                .policy(grants(r#"{"Service":"sns.amazonaws.com"}"#)),
            Allowed,
        ),
        (
            "another service",
            Scene { principal: Principal::Service { name: "s3.amazonaws.com".into() }, ..send(ALICE) }
                .policy(grants(r#"{"Service":"sns.amazonaws.com"}"#)),
            ImplicitlyDenied,
        ),
        (
            "nobody in particular",
            Scene { principal: Principal::Anonymous, ..send(ALICE) }.policy(grants(r#""*""#)),
            Allowed,
        ),
        (
            "a canonical user is not known",
            send(ALICE).policy(grants(r#"{"CanonicalUser":"79a59df9"}"#)),
            ImplicitlyDenied,
        ),
    ]);
}

#[test]
fn across_accounts_it_takes_both() {
    let root = || grants(&aws("arn:aws:iam::111111111111:root"));
    check(vec![
        ("identity alone", send_abroad(ALICE).identity(allow("*")), ImplicitlyDenied),
        ("resource policy alone", send_abroad(ALICE).policy(grants(&aws(ALICE))), ImplicitlyDenied),
        (
            "both, the user named",
            send_abroad(ALICE).identity(allow("*")).policy(grants(&aws(ALICE))),
            Allowed,
        ),
        ("both, the account named", send_abroad(ALICE).identity(allow("*")).policy(root()), Allowed),
        ("both, everyone", send_abroad(ALICE).identity(allow("*")).policy(grants(r#""*""#)), Allowed),
        ("session named alone", send_abroad(SESSION).policy(grants(&aws(SESSION))), ImplicitlyDenied),
        (
            "boundary silent",
            send_abroad(ALICE).identity(allow("*")).boundary(allow("s3:*")).policy(grants(&aws(ALICE))),
            ImplicitlyDenied,
        ),
        (
            "session policy silent",
            send_abroad(SESSION).identity(allow("*")).session(allow("s3:*")).policy(grants(&aws(SESSION))),
            ImplicitlyDenied,
        ),
        (
            "wrong account",
            send_abroad(ALICE).identity(allow("*")).policy(grants(&aws("333333333333"))),
            ImplicitlyDenied,
        ),
        (
            "a bucket's account is told",
            scene(ALICE, "s3:GetObject", "arn:aws:s3:::b/k").owner("222222222222").identity(allow("*")),
            ImplicitlyDenied,
        ),
        (
            "root abroad needs the resource's yes",
            send_abroad("arn:aws:iam::111111111111:root"),
            ImplicitlyDenied,
        ),
        ("root abroad, delegated", send_abroad("arn:aws:iam::111111111111:root").policy(root()), Allowed),
    ]);
}

#[test]
fn trust_policies() {
    // STS API Reference, AssumeRole: a user of the same account is allowed by its own policy or by being
    // named in the trust policy; users of other accounts need both. The account in a trust policy delegates.
    let user = || grants(&aws(ALICE));
    let root = || grants(&aws("111111111111"));
    let mfa = || {
        doc(
            r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111111111111:root"},"Action":"sts:AssumeRole",
            "Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}"#,
        )
    };
    let key = "aws:MultiFactorAuthPresent";
    check(vec![
        ("trust policy not given", assume(ALICE).identity(allow("*")), Allowed),
        ("trust policy not given, other account", assume_abroad(ALICE).identity(allow("*")), ImplicitlyDenied),
        ("named, no identity policy", assume(ALICE).policy(user()), Allowed),
        ("account, no identity policy", assume(ALICE).policy(root()), ImplicitlyDenied),
        ("account and identity policy", assume(ALICE).policy(root()).identity(allow("sts:AssumeRole")), Allowed),
        ("not named", assume(ALICE).policy(grants(&aws(ROLE))).identity(allow("*")), ImplicitlyDenied),
        ("role named", assume(SESSION).policy(grants(&aws(ROLE))), Allowed),
        ("session named", assume(SESSION).policy(grants(&aws(SESSION))), Allowed),
        // Update a role trust policy: "If a permissions boundary is set for the user, then it must allow
        // the sts:AssumeRole action".
        ("named, boundary silent", assume(ALICE).policy(user()).boundary(allow("s3:*")), ImplicitlyDenied),
        ("named, boundary allows", assume(ALICE).policy(user()).boundary(allow("sts:*")), Allowed),
        ("trust denies", assume(ALICE).identity(allow("*")).policy(
            doc(r#"[{"Effect":"Allow","Principal":"*","Action":"*"},{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}]"#)), ExplicitlyDenied),
        // A bare Deny grants nothing: the emulator that says otherwise is known.
        ("trust is a bare deny of something else", assume(ALICE).identity(allow("*")).policy(
            doc(r#"{"Effect":"Deny","Principal":"*","Action":"sts:TagSession"}"#)), ImplicitlyDenied),
        ("abroad, trust alone", assume_abroad(ALICE).policy(user()), ImplicitlyDenied),
        ("abroad, both", assume_abroad(ALICE).policy(user()).identity(allow("sts:AssumeRole")), Allowed),
        ("abroad, MFA absent", assume_abroad(ALICE).policy(mfa()).identity(allow("*")), ImplicitlyDenied),
        ("abroad, MFA false", assume_abroad(ALICE).policy(mfa()).identity(allow("*")).with(key, false), ImplicitlyDenied),
        ("abroad, MFA true", assume_abroad(ALICE).policy(mfa()).identity(allow("*")).with(key, true), Allowed),
        // Roles: root cannot assume them.
        ("root", assume("arn:aws:iam::111111111111:root").policy(root()), ImplicitlyDenied),
        ("tagging needs the trust, too", Scene { action: "sts:TagSession".into(), ..assume(ALICE) }.identity(allow("*")).policy(mfa()).with(key, true), ImplicitlyDenied),
        (
            "a web identity needs the trust only",
            Scene {
                principal: Principal::WebIdentity { provider: "accounts.google.com".into() },
                action: "sts:AssumeRoleWithWebIdentity".into(),
                ..assume(ALICE)
            }
            .policy(grants(r#"{"Federated":"accounts.google.com"}"#)),
            Allowed,
        ),
        ("a key's policy must agree", scene(ALICE, "kms:Decrypt", "arn:aws:kms:eu-central-1:111111111111:key/k").identity(allow("*")), ImplicitlyDenied),
        ("a key's policy delegates", scene(ALICE, "kms:Decrypt", "arn:aws:kms:eu-central-1:111111111111:key/k").identity(allow("*")).policy(root()), Allowed),
        ("a key's policy names the user", scene(ALICE, "kms:Decrypt", "arn:aws:kms:eu-central-1:111111111111:key/k").policy(user()), Allowed),
    ]);
}

#[test]
fn stored_principals_are_ids() {
    // Principal: a user or role is stored by its unique id; a new one of the same name is not trusted.
    let trust = || grants(&aws("AIDACKCEVSQ6C2EXAMPLE"));
    let alice = |id: &str| Principal::User { arn: ALICE.parse().unwrap(), id: Some(id.parse().unwrap()) };
    let first = Scene { principal: alice("AIDACKCEVSQ6C2EXAMPLE"), ..assume(ALICE) };
    let reborn = Scene { principal: alice("AIDACKCEVSQ6C2EXAMPLF"), ..assume(ALICE) };
    check(vec![
        ("the user", first.policy(trust()), Allowed),
        ("the next user of that name", reborn.policy(trust()), ImplicitlyDenied),
    ]);
    let session = |id: &str| Principal::RoleSession {
        role: ROLE.parse().unwrap(),
        id: Some(id.parse().unwrap()),
        session: SESSION.parse().unwrap(),
    };
    let trust = || grants(&aws("AROACKCEVSQ6C2EXAMPLE"));
    let first = Scene { principal: session("AROACKCEVSQ6C2EXAMPLE"), ..assume(ALICE) };
    let reborn = Scene { principal: session("AROACKCEVSQ6C2EXAMPLF"), ..assume(ALICE) };
    check(vec![
        ("the role", first.policy(trust()), Allowed),
        ("the next role", reborn.policy(trust()), ImplicitlyDenied),
    ]);
}

#[test]
fn organizations() {
    // Organizations User Guide, SCP evaluation: every level must allow, any level may deny.
    let full = || [allow("*")];
    let linked = "arn:aws:iam::111111111111:role/aws-service-role/x.amazonaws.com/AWSServiceRoleForX";
    check(vec![
        ("full access", send(ALICE).identity(allow("*")).scp(&full()).scp(&full()), Allowed),
        ("grants nothing", send(ALICE).scp(&full()), ImplicitlyDenied),
        (
            "one level silent",
            send(ALICE).identity(allow("*")).scp(&full()).scp(&[allow("s3:*")]),
            ImplicitlyDenied,
        ),
        (
            "one of two policies of a level",
            send(ALICE).identity(allow("*")).scp(&[allow("s3:*"), allow("sqs:*")]),
            Allowed,
        ),
        (
            "denied below",
            send(ALICE).identity(allow("*")).scp(&full()).scp(&[allow("*"), deny("sqs:*")]),
            ExplicitlyDenied,
        ),
        (
            "deny behind a silent level",
            send(ALICE).identity(allow("*")).scp(&[allow("s3:*")]).scp(&[deny("*")]),
            ExplicitlyDenied,
        ),
        (
            "limits what a resource policy grants",
            send(ALICE).policy(grants(&aws(ALICE))).scp(&[allow("s3:*")]),
            ImplicitlyDenied,
        ),
        ("binds root", send("arn:aws:iam::111111111111:root").scp(&[allow("s3:*")]), ImplicitlyDenied),
        ("root alone", send("arn:aws:iam::111111111111:root"), Allowed),
        (
            "root is not bound by a policy of its own",
            send("arn:aws:iam::111111111111:root").identity(deny("*")),
            Allowed,
        ),
        ("not service-linked roles", send(linked).identity(allow("*")).scp(&[deny("*")]), Allowed),
        (
            "RCP denies",
            send(ALICE)
                .identity(allow("*"))
                .rcp(&[doc(r#"{"Effect":"Deny","Principal":"*","Action":"sqs:*","Resource":"*"}"#)]),
            ExplicitlyDenied,
        ),
        (
            "RCPs exist for some services only",
            scene(ALICE, "ec2:RunInstances", "*").identity(allow("*")).rcp(&[deny("*")]),
            Allowed,
        ),
    ]);
}

#[test]
fn credentials_have_limits_of_their_own() {
    let federated = "arn:aws:sts::111111111111:federated-user/f";
    let full = || allow("*");
    check(vec![
        // STS, GetCallerIdentity: "No permissions are required", even with a Deny.
        ("identity", scene(ALICE, "sts:GetCallerIdentity", "*").identity(deny("*")), Allowed),
        ("identity of a federated user", scene(federated, "sts:GetCallerIdentity", "*"), Allowed),
        // STS, GetSessionToken: "No permissions are required".
        ("session token", scene(ALICE, "sts:GetSessionToken", "*").identity(deny("*")), Allowed),
        (
            "session token of a role",
            scene(SESSION, "sts:GetSessionToken", "*").identity(full()),
            ImplicitlyDenied,
        ),
        (
            "federation token of a role",
            scene(SESSION, "sts:GetFederationToken", "*").identity(full()),
            ImplicitlyDenied,
        ),
        ("federation token", scene(ALICE, "sts:GetFederationToken", "*").identity(full()), Allowed),
        // E8 and STS, GetFederationToken: "if you do not pass a policy ... no permissions".
        ("federated, no session policy", send(federated).identity(full()), ImplicitlyDenied),
        ("federated, session policy", send(federated).identity(full()).session(allow("sqs:*")), Allowed),
        ("federated, session policy alone", send(federated).session(full()), ImplicitlyDenied),
        ("federated, named itself", send(federated).policy(grants(&aws(federated))), Allowed),
        (
            "federated calls IAM",
            scene(federated, "iam:ListUsers", "*").identity(full()).session(full()),
            ImplicitlyDenied,
        ),
        (
            "federated assumes",
            assume(federated).identity(full()).session(full()).policy(grants(r#""*""#)),
            ImplicitlyDenied,
        ),
    ]);
}

#[test]
fn a_federated_user_of_the_root_user_has_what_its_session_policies_leave() {
    let by_root = |mut scene: Scene| {
        let account = "111111111111".parse().unwrap();
        let arn = "arn:aws:sts::111111111111:federated-user/f".parse().unwrap();
        scene.principal = Principal::FederatedUser { arn, account, by: FederatedBy::Root };
        scene
    };
    let send = || by_root(send(ALICE));
    let abroad = || by_root(send_abroad(ALICE)).session(allow("*"));
    let account = || grants(&aws("111111111111"));
    let key = || by_root(scene(ALICE, "kms:Decrypt", "arn:aws:kms:eu-central-1:111111111111:key/k"));
    check(vec![
        ("no session policy", send(), ImplicitlyDenied),
        ("no session policy, the account named", send().policy(account()), ImplicitlyDenied),
        ("session policy allows", send().session(allow("sqs:*")), Allowed),
        ("session policy silent", send().session(allow("s3:*")), ImplicitlyDenied),
        ("session policy denies", send().session(allow("*")).session(deny("sqs:*")), ExplicitlyDenied),
        ("policies of others are not its own", send().session(allow("*")).identity(deny("*")), Allowed),
        ("bound by SCPs", send().session(allow("*")).scp(&[allow("s3:*")]), ImplicitlyDenied),
        ("abroad, not named", abroad(), ImplicitlyDenied),
        ("abroad, the account named", abroad().policy(account()), Allowed),
        ("a key's policy that names nobody here", key().session(allow("*")), ImplicitlyDenied),
        ("a key's policy delegates", key().session(allow("*")).policy(account()), Allowed),
        ("calls IAM", by_root(scene(ALICE, "iam:ListUsers", "*")).session(allow("*")), ImplicitlyDenied),
        ("assumes a role", by_root(assume(ALICE)).session(allow("*")).policy(account()), ImplicitlyDenied),
    ]);
}

#[test]
fn not_principal() {
    // NotPrincipal with Deny: all but the listed are denied; the list holds the user and its account.
    let spares = |list: &str| {
        doc(&format!(
            r#"[{{"Effect":"Deny","NotPrincipal":{{"AWS":{list}}},"Action":"*"}},{{"Effect":"Allow","Principal":"*","Action":"*"}}]"#
        ))
    };
    let both = format!(r#"["{ALICE}","arn:aws:iam::111111111111:root"]"#);
    let session = format!(r#"["{SESSION}","{ROLE}","111111111111"]"#);
    check(vec![
        ("spared", send(ALICE).policy(spares(&both)), Allowed),
        (
            "someone else of the account",
            send("arn:aws:iam::111111111111:user/bob").policy(spares(&both)),
            ExplicitlyDenied,
        ),
        (
            "without the account: it might deny",
            send(ALICE).policy(spares(&format!(r#""{ALICE}""#))),
            ExplicitlyDenied,
        ),
        ("session spared", send(SESSION).policy(spares(&session)), Allowed),
        // "will always deny any IAM principal that has a permissions boundary policy attached"
        ("spared, with a boundary", send(ALICE).policy(spares(&both)).boundary(allow("*")), ExplicitlyDenied),
        (
            "with Allow it grants nothing",
            send(ALICE)
                .policy(doc(r#"{"Effect":"Allow","NotPrincipal":{"AWS":"999999999999"},"Action":"*"}"#)),
            ImplicitlyDenied,
        ),
    ]);
}

#[test]
fn one_policy_type_is_named() {
    // Troubleshoot access denied error messages; the ARN since January 2026.
    let arn = "arn:aws:iam::111111111111:policy/p";
    let send = || send(ALICE);
    for (scene, wanted) in [
        (send(), Some("because no identity-based policy allows the sqs:SendMessage action".to_owned())),
        (
            send().identity(allow("*")).boundary(allow("s3:*")),
            Some("because no permissions boundary allows the sqs:SendMessage action".to_owned()),
        ),
        (
            send().boundary(allow("s3:*")),
            Some("because no identity-based policy allows the sqs:SendMessage action".to_owned()),
        ),
        (
            scene(SESSION, "sqs:SendMessage", QUEUE).identity(allow("*")).session(allow("s3:*")),
            Some("because no session policy allows the sqs:SendMessage action".to_owned()),
        ),
        (
            send().scp(&[allow("s3:*")]),
            Some("because no service control policy allows the sqs:SendMessage action".to_owned()),
        ),
        (
            send().identity(deny("*")),
            Some(format!("with an explicit deny in an identity-based policy: {arn}")),
        ),
        (
            send().identity(allow("*")).boundary(deny("*")),
            Some(format!("with an explicit deny in a permissions boundary: {arn}")),
        ),
        (
            send().identity(deny("*")).scp(&[deny("*")]),
            Some(format!("with an explicit deny in a service control policy: {arn}")),
        ),
        (
            send().policy(doc(r#"{"Effect":"Deny","Principal":"*","Action":"*"}"#)),
            Some("with an explicit deny in a resource-based policy".to_owned()),
        ),
        (
            assume(ALICE).identity(allow("*")).policy(grants(&aws("999999999999"))),
            Some("because no role trust policy allows the sts:AssumeRole action".to_owned()),
        ),
        (
            assume(ALICE).policy(grants(&aws("111111111111"))),
            Some("because no identity-based policy allows the sts:AssumeRole action".to_owned()),
        ),
        (
            assume(ALICE).policy(doc(r#"{"Effect":"Deny","Principal":"*","Action":"sts:AssumeRole"}"#)),
            Some("with an explicit deny in the role trust policy".to_owned()),
        ),
        // Across accounts AWS gives no reason, and an allowed request has none.
        (assume_abroad(ALICE), None),
        (send().identity(allow("*")), None),
    ] {
        assert_eq!(scene.reason(), wanted);
    }
}

#[test]
fn a_boundary_holds_for_its_whole_document() {
    let old = raw(r#"{"Statement":[{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}]}"#);
    check(vec![
        ("what NotAction leaves", send(ALICE).identity(allow("*")).boundary(old.clone()), Allowed),
        (
            "what NotAction names",
            scene(ALICE, "IAM:createuser", "*").identity(allow("*")).boundary(old),
            ImplicitlyDenied,
        ),
    ]);
}
