//! The story, chapter by chapter. Each line that is shown comes from an HTTP answer.

use postern_aws::raw::{RawAnswer as Answer, RawCall as Call};
use postern_broker::{AssumeRole, Assumer, KeyEntry, Sts as _};
use postern_types::{LongTermKey, MfaSession, RoleArn, SessionDuration};

use super::{
    Weakness,
    scene::{Expected, Goal, Loot, Scene},
    stage::{Actor, Codes, Enrolled, Stage, assume, assume_for, assume_with_code, stop_trail},
};
use crate::{
    errors::CliError,
    report::plan::{self, counted},
};

const DENIED: Expected = Expected::Refused("AccessDenied");

/// What a person holds after enrolment.
pub(super) struct Person {
    key: Actor,
    pub(super) long_term: LongTermKey,
    pub(super) entry: KeyEntry,
    pub(super) codes: Codes,
}

/// All six chapters. Answers the person whose key was stolen, to play on with.
pub(super) fn tell(
    stage: &Stage,
    scene: &mut Scene<'_>,
    weakened: Option<Weakness>,
) -> Result<Person, CliError> {
    let old_key = one_account(stage, scene)?;
    build(stage, scene)?;
    if let Some(weakness) = weakened {
        stage.dangerously_weaken(weakness)?;
    }
    let alice = enrol(stage, scene)?;
    let plain = stolen_key(stage, scene, &alice)?;
    let (developer, role) = owner(stage, scene, &alice)?;
    inside_the_role(stage, scene, &developer, &role)?;
    an_hour_later(stage, scene, &old_key, &alice.key, &plain, &developer)?;
    Ok(alice)
}

fn nothing(_: &Answer) -> String {
    String::new()
}

fn list(element: &'static str) -> impl Fn(&Answer) -> String {
    move |answer| answer.elements(element).join(", ")
}

/// (a) One account, an admin user, a stolen key.
fn one_account(stage: &Stage, scene: &mut Scene<'_>) -> Result<Actor, CliError> {
    scene.chapter('a', "One account, an admin user, a stolen key")?;
    scene.tell(
        "This is how most companies begin: an IAM user with AdministratorAccess, and its key in \
         ~/.aws/credentials. A thief copies that file.",
    )?;
    let thief = stage.old_company()?;
    let loot = Loot::AdminKey;

    let answer = stage.call(&thief, &Call::sts("GetCallerIdentity", &[]))?;
    scene.attempt(loot.thief(), "aws sts get-caller-identity", &answer, Expected::Works, &list("Arn"))?;
    scene.note(Goal::Name, loot, &answer);

    let answer = stage.call(&thief, &Call::iam("ListUsers", &[]))?;
    scene.attempt(loot.thief(), "aws iam list-users", &answer, Expected::Works, &list("UserName"))?;
    scene.note(Goal::ListUsers, loot, &answer);

    let answer = stage.call(&thief, &Call::iam("CreateUser", &[("UserName", "backup-service")]))?;
    scene.attempt(
        loot.thief(),
        "aws iam create-user --user-name backup-service",
        &answer,
        Expected::Works,
        &list("Arn"),
    )?;
    scene.note(Goal::CreateUser, loot, &answer);

    let answer = stage.call(&thief, &Call::iam("CreateAccessKey", &[("UserName", "backup-service")]))?;
    let shown =
        |answer: &Answer| format!("{}: a key for later", answer.element("AccessKeyId").unwrap_or_default());
    scene.attempt(
        loot.thief(),
        "aws iam create-access-key --user-name backup-service",
        &answer,
        Expected::Works,
        &shown,
    )?;

    let answer = stage.call(&thief, &Call::list_buckets())?;
    scene.attempt(loot.thief(), "aws s3 ls", &answer, Expected::Works, &list("Name"))?;
    scene.note(Goal::ReadBuckets, loot, &answer);

    let role = stage.old_role()?;
    let answer = stage.call(&thief, &assume(&role, "thief"))?;
    scene.attempt(loot.thief(), &assume_command(&role), &answer, Expected::Works, &list("AssumedRoleId"))?;
    scene.note(Goal::AssumeRole, loot, &answer);

    let answer = stage.call(&thief, &stop_trail())?;
    scene.attempt(
        loot.thief(),
        "aws cloudtrail stop-logging --name main",
        &answer,
        Expected::Permitted,
        &nothing,
    )?;
    scene.note(Goal::StopTrail, loot, &answer);
    scene.tell("Everything. And the key has no end.")?;
    Ok(thief)
}

/// (b) `apply` builds the bastion and two accounts.
fn build(stage: &Stage, scene: &mut Scene<'_>) -> Result<(), CliError> {
    scene.chapter('b', "postern apply: a bastion account, and roles in dev and prod")?;
    scene.tell(
        "postern.toml says: alice and carol are developers, bob is an auditor, carol is the administrator. \
         People live in the bastion account and have no permission there but one: to assume their roles, with MFA.",
    )?;
    let built = stage.apply()?;
    scene.line("  you $ postern apply")?;
    scene.outcome(&plan::summary(&built.plan))?;
    let told = format!(
        "apply made {} in dev, prod and the bastion, each answered by AWS's own protocol",
        counted(built.calls, "change")
    );
    scene.check(built.calls == built.plan.steps.len(), &told)?;
    scene.check(
        stage.plan()?.is_empty(),
        "a second plan finds nothing to change: no file keeps the state, the accounts do",
    )
}

fn enrol(stage: &Stage, scene: &mut Scene<'_>) -> Result<Person, CliError> {
    scene.line("  you $ postern people enrol alice")?;
    let Enrolled { key, entry, codes } = stage.enrol("alice")?;
    scene.outcome(&format!(
        "MFA device {} enabled with two codes, access key {} created",
        entry.serial, entry.id
    ))?;
    Ok(Person { key: Actor::of_key(&key), long_term: key, entry, codes })
}

/// (c) The thief steals a person's new long-term key.
fn stolen_key(stage: &Stage, scene: &mut Scene<'_>, alice: &Person) -> Result<Actor, CliError> {
    scene.chapter('c', "The thief steals alice's new key")?;
    let thief = &alice.key;
    let loot = Loot::PersonKey;
    let developer = stage.role("prod", "developer")?;

    let answer = stage.call(thief, &Call::sts("GetCallerIdentity", &[]))?;
    scene.attempt(loot.thief(), "aws sts get-caller-identity", &answer, Expected::Works, &list("Arn"))?;
    scene.note(Goal::Name, loot, &answer);
    scene.tell("No policy can forbid that call. From here on:")?;

    let answer = stage.call(thief, &Call::iam("ListUsers", &[]))?;
    scene.attempt(loot.thief(), "aws iam list-users", &answer, DENIED, &list("UserName"))?;
    scene.note(Goal::ListUsers, loot, &answer);

    let answer = stage.call(thief, &Call::iam("CreateUser", &[("UserName", "backup-service")]))?;
    scene.attempt(
        loot.thief(),
        "aws iam create-user --user-name backup-service",
        &answer,
        DENIED,
        &nothing,
    )?;
    scene.note(Goal::CreateUser, loot, &answer);

    let answer = stage.call(thief, &Call::iam("CreateAccessKey", &[("UserName", "alice")]))?;
    scene.attempt(loot.thief(), "aws iam create-access-key --user-name alice", &answer, DENIED, &nothing)?;

    let answer = stage.call(thief, &Call::iam("ListMFADevices", &[("UserName", "alice")]))?;
    scene.attempt(loot.thief(), "aws iam list-mfa-devices --user-name alice", &answer, DENIED, &nothing)?;

    let answer = stage.call(thief, &Call::list_buckets())?;
    scene.attempt(loot.thief(), "aws s3 ls", &answer, DENIED, &list("Name"))?;
    scene.note(Goal::ReadBuckets, loot, &answer);

    let answer = stage.call(thief, &assume(&developer, "thief"))?;
    scene.attempt(loot.thief(), &assume_command(&developer), &answer, DENIED, &nothing)?;
    scene.note(Goal::AssumeRole, loot, &answer);

    let answer = stage.call(thief, &stop_trail())?;
    scene.attempt(
        loot.thief(),
        "aws cloudtrail stop-logging --name main",
        &answer,
        Expected::Refused("AccessDeniedException"),
        &nothing,
    )?;
    scene.note(Goal::StopTrail, loot, &answer);

    guessing(stage, scene, alice, &developer)?;
    let session = plain_session(stage, scene, thief, &developer)?;
    careless(stage, scene, thief, &developer)?;
    Ok(session)
}

fn guessing(
    stage: &Stage,
    scene: &mut Scene<'_>,
    alice: &Person,
    developer: &RoleArn,
) -> Result<(), CliError> {
    let serial = alice.entry.serial.as_str();
    let guess = alice.codes.wrong();
    let call = Call::sts("GetSessionToken", &[("SerialNumber", serial), ("TokenCode", &guess)]);
    let answer = stage.call(&alice.key, &call)?;
    let command = format!("aws sts get-session-token --serial-number {serial} --token-code {guess}");
    scene.attempt(Loot::PersonKey.thief(), &command, &answer, DENIED, &nothing)?;
    let foreign = stage.foreign_device()?;
    let call = assume_with_code(developer, "thief", &foreign, &guess);
    let answer = stage.call(&alice.key, &call)?;
    let command = format!("{} --serial-number {foreign} --token-code {guess}", assume_command(developer));
    scene.attempt(Loot::PersonKey.thief(), &command, &answer, DENIED, &nothing)
}

/// The session without MFA that nobody can forbid.
fn plain_session(
    stage: &Stage,
    scene: &mut Scene<'_>,
    thief: &Actor,
    developer: &RoleArn,
) -> Result<Actor, CliError> {
    scene.tell(
        "A session without MFA is the other thing that no policy can forbid. It opens nothing either:",
    )?;
    let loot = Loot::PlainSession;
    let answer = stage.call(thief, &Call::sts("GetSessionToken", &[]))?;
    scene.attempt(
        Loot::PersonKey.thief(),
        "aws sts get-session-token",
        &answer,
        Expected::Works,
        &list("AccessKeyId"),
    )?;
    let session = Actor::issued(&answer)?;

    let answer = stage.call(&session, &Call::sts("GetCallerIdentity", &[]))?;
    scene.attempt(loot.thief(), "aws sts get-caller-identity", &answer, Expected::Works, &list("Arn"))?;
    scene.note(Goal::Name, loot, &answer);

    let token = Expected::Refused("InvalidClientTokenId");
    let answer = stage.call(&session, &Call::iam("ListUsers", &[]))?;
    scene.attempt(loot.thief(), "aws iam list-users", &answer, token, &nothing)?;
    scene.note(Goal::ListUsers, loot, &answer);

    let answer = stage.call(&session, &Call::iam("CreateUser", &[("UserName", "backup-service")]))?;
    scene.attempt(
        loot.thief(),
        "aws iam create-user --user-name backup-service",
        &answer,
        token,
        &nothing,
    )?;
    scene.note(Goal::CreateUser, loot, &answer);

    let answer = stage.call(&session, &Call::list_buckets())?;
    scene.attempt(loot.thief(), "aws s3 ls", &answer, DENIED, &nothing)?;
    scene.note(Goal::ReadBuckets, loot, &answer);

    let answer = stage.call(&session, &assume(developer, "thief"))?;
    scene.attempt(loot.thief(), &assume_command(developer), &answer, DENIED, &nothing)?;
    scene.note(Goal::AssumeRole, loot, &answer);

    let answer = stage.call(&session, &stop_trail())?;
    let refused = Expected::Refused("AccessDeniedException");
    scene.attempt(loot.thief(), "aws cloudtrail stop-logging --name main", &answer, refused, &nothing)?;
    scene.note(Goal::StopTrail, loot, &answer);

    let answer = stage.call(&session, &Call::sts("GetSessionToken", &[]))?;
    scene.attempt(loot.thief(), "aws sts get-session-token", &answer, DENIED, &nothing)?;
    Ok(session)
}

/// One careless policy by hand opens nothing: the role's trust policy is a second lock.
fn careless(
    stage: &Stage,
    scene: &mut Scene<'_>,
    thief: &Actor,
    developer: &RoleArn,
) -> Result<(), CliError> {
    scene.tell("Then somebody gives alice `sts:AssumeRole` by hand, without MFA. The role's own trust policy still holds:")?;
    let answer = stage.careless_grant("alice")?;
    let command = "aws iam put-user-policy --user-name alice --policy-name oops --policy-document …";
    scene.attempt("admin", command, &answer, Expected::Works, &nothing)?;
    let answer = stage.call(thief, &assume(developer, "thief"))?;
    scene.attempt(Loot::PersonKey.thief(), &assume_command(developer), &answer, DENIED, &nothing)?;
    scene.check(!stage.plan()?.is_empty(), "the next plan finds the careless policy and would remove it")?;
    stage.take_back_grant("alice")
}

/// (d) Its owner gives the MFA code, gets a session, a role, does work.
fn owner(stage: &Stage, scene: &mut Scene<'_>, alice: &Person) -> Result<(Actor, RoleArn), CliError> {
    scene.chapter('d', "alice works: one MFA code, then roles for the day")?;
    let sts = stage.sts();
    let code = alice.codes.next();
    let session: MfaSession = sts
        .get_session_token(
            &alice.long_term,
            &alice.entry.serial,
            &code,
            SessionDuration::from_seconds(12 * 3_600),
        )
        .map_err(|error| CliError::failed("alice's login failed").caused_by(error))?;
    scene.line("  alice $ postern login")?;
    scene.outcome(&format!(
        "a session with MFA, {}, until {}",
        session.credentials.id, session.credentials.expires_at
    ))?;

    let serial = alice.entry.serial.as_str();
    let replay = Call::sts("GetSessionToken", &[("SerialNumber", serial), ("TokenCode", code.as_str())]);
    let answer = stage.call(&alice.key, &replay)?;
    let command =
        format!("aws sts get-session-token --serial-number {serial} --token-code {}", code.as_str());
    scene.attempt(Loot::PersonKey.thief(), &command, &answer, DENIED, &nothing)?;
    scene.tell("The thief looked over her shoulder, but a code counts once.")?;

    let role = stage.role("prod", "developer")?;
    let request = AssumeRole::plain(role.clone(), &alice.entry);
    let credentials = sts
        .assume_role(Assumer::Session(&session), &request)
        .map_err(|error| CliError::failed("alice's role was refused").caused_by(error))?;
    let developer = Actor::temporary(&credentials.credentials);

    let answer = stage.call(&developer, &Call::sts("GetCallerIdentity", &[]))?;
    let command = "postern exec prod/developer -- aws sts get-caller-identity";
    scene.attempt("alice", command, &answer, Expected::Works, &list("Arn"))?;
    let answer = stage.call(&developer, &Call::ec2("DescribeInstances", &[]))?;
    let command = "postern exec prod/developer -- aws ec2 describe-instances";
    scene.attempt("alice", command, &answer, Expected::Works, &list("instanceId"))?;
    let answer = stage.call(&developer, &Call::list_buckets())?;
    scene.attempt(
        "alice",
        "postern exec prod/developer -- aws s3 ls",
        &answer,
        Expected::Works,
        &list("Name"),
    )?;

    let session = Actor::temporary(&session.credentials);
    let long = assume_for(&role, "alice", 12 * 3_600);
    let answer = stage.call(&session, &long)?;
    let command =
        format!("aws sts assume-role --role-arn {role} --role-session-name alice --duration-seconds 43200");
    scene.attempt("alice", &command, &answer, Expected::Refused("ValidationError"), &nothing)?;
    scene.tell("An hour at a time, then; postern renews it in silence as long as the session lasts.")?;
    Ok((developer, role))
}

/// (e) From the role, IAM writes, assuming other roles, and switching off the trail are refused.
fn inside_the_role(
    stage: &Stage,
    scene: &mut Scene<'_>,
    developer: &Actor,
    role: &RoleArn,
) -> Result<(), CliError> {
    scene.chapter('e', "What the role cannot do, whoever holds it")?;
    scene.tell("The thief steals these role credentials from a build log, and tries to stay:")?;
    let loot = Loot::RoleCredentials;

    let answer = stage.call(developer, &Call::sts("GetCallerIdentity", &[]))?;
    scene.attempt(loot.thief(), "aws sts get-caller-identity", &answer, Expected::Works, &list("Arn"))?;
    scene.note(Goal::Name, loot, &answer);

    let answer = stage.call(developer, &Call::iam("ListUsers", &[]))?;
    scene.attempt(loot.thief(), "aws iam list-users", &answer, DENIED, &nothing)?;
    scene.note(Goal::ListUsers, loot, &answer);

    let answer = stage.call(developer, &Call::iam("CreateUser", &[("UserName", "backup-service")]))?;
    scene.attempt(
        loot.thief(),
        "aws iam create-user --user-name backup-service",
        &answer,
        DENIED,
        &nothing,
    )?;
    scene.note(Goal::CreateUser, loot, &answer);

    let name = role.name().as_str();
    let answer = stage.call(developer, &Call::iam("DeleteRolePermissionsBoundary", &[("RoleName", name)]))?;
    let command = format!("aws iam delete-role-permissions-boundary --role-name {name}");
    scene.attempt(loot.thief(), &command, &answer, DENIED, &nothing)?;

    let cap = stage.cap("prod")?;
    let admin = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;
    let parameters = [("PolicyArn", cap.as_str()), ("PolicyDocument", admin), ("SetAsDefault", "true")];
    let answer = stage.call(developer, &Call::iam("CreatePolicyVersion", &parameters))?;
    let command = format!("aws iam create-policy-version --policy-arn {cap} --set-as-default …");
    scene.attempt(loot.thief(), &command, &answer, DENIED, &nothing)?;

    for (account, other) in [("prod", "readonly"), ("dev", "developer"), ("prod", "postern-admin")] {
        let other = stage.role(account, other)?;
        let answer = stage.call(developer, &assume(&other, "thief"))?;
        scene.attempt(loot.thief(), &assume_command(&other), &answer, DENIED, &nothing)?;
        scene.note(Goal::AssumeRole, loot, &answer);
    }

    let answer = stage.call(developer, &stop_trail())?;
    let refused = Expected::Refused("AccessDeniedException");
    scene.attempt(loot.thief(), "aws cloudtrail stop-logging --name main", &answer, refused, &nothing)?;
    scene.note(Goal::StopTrail, loot, &answer);

    let answer = stage.call(developer, &Call::list_buckets())?;
    scene.attempt(loot.thief(), "aws s3 ls", &answer, Expected::Works, &list("Name"))?;
    scene.note(Goal::ReadBuckets, loot, &answer);
    scene.tell("What the role is for still works, for the thief too. But not for long:")
}

/// (f) The role credentials die within the hour.
fn an_hour_later(
    stage: &Stage,
    scene: &mut Scene<'_>,
    old_key: &Actor,
    person_key: &Actor,
    plain_session: &Actor,
    developer: &Actor,
) -> Result<(), CliError> {
    scene.chapter('f', "An hour later")?;
    let clock = stage.advance(3_601);
    scene.line(&format!("      the sandbox's clock moves on to {clock}"))?;
    let goal = Goal::LastBeyondAnHour;

    let answer = stage.call(developer, &Call::list_buckets())?;
    let expired = Expected::Refused("ExpiredToken");
    scene.attempt(Loot::RoleCredentials.thief(), "aws s3 ls", &answer, expired, &list("Name"))?;
    scene.note(goal, Loot::RoleCredentials, &answer);

    let role = stage.role("prod", "developer")?;
    for (actor, loot) in [(person_key, Loot::PersonKey), (plain_session, Loot::PlainSession)] {
        let answer = stage.call(actor, &assume(&role, "thief"))?;
        scene.attempt(loot.thief(), &assume_command(&role), &answer, DENIED, &nothing)?;
        scene.note(goal, loot, &answer);
    }

    scene.tell("And the key of the old world, the one from (a)?")?;
    let answer = stage.call(old_key, &Call::list_buckets())?;
    scene.attempt("thief (old admin key)", "aws s3 ls", &answer, Expected::Works, &list("Name"))?;
    scene.note(goal, Loot::AdminKey, &answer);
    Ok(())
}

fn assume_command(role: &RoleArn) -> String {
    format!("aws sts assume-role --role-arn {role} --role-session-name thief")
}
