//! The demo's stage: a sandbox in this process, reached over loopback only.

use std::{cell::Cell, collections::BTreeMap, sync::atomic::AtomicBool};

use postern_aws::{
    Aws, Connection, Credentials, Endpoint, StsClient, collect,
    raw::{RawAnswer, RawCall},
};
use postern_broker::KeyEntry;
use postern_estate::{CAP_POLICY, Design, Desired, MANAGED_TAG, Plan, Quotas, diff};
use postern_serve::{Admin, BlockingSandbox, SandboxConfig};
use postern_types::{
    AccountId, IamPath, LongTermKey, MfaCode, MfaDeviceName, MfaSerial, ParseError, PolicyArn, PolicyName,
    Region, RoleArn, RoleName, SecretAccessKey, SessionToken, TemporaryCredentials, Timestamp, TotpSeed,
    UserName,
};

use super::Weakness;
use crate::{
    access::{self, Access},
    commands::apply,
    env::Environment,
    errors::CliError,
};

/// The estate that the demo builds.
pub(super) const ESTATE: &str = include_str!("estate.toml");
/// The single account that the story begins with.
const OLD_COMPANY: &str = "444455556666";
const ADMIN: &str = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

/// Somebody with credentials.
#[derive(Clone)]
pub(super) struct Actor {
    credentials: Credentials,
}

impl Actor {
    pub(super) fn of_key(key: &LongTermKey) -> Self {
        Self { credentials: Credentials::from(key) }
    }

    pub(super) fn temporary(credentials: &TemporaryCredentials) -> Self {
        Self { credentials: Credentials::from(credentials) }
    }

    /// Whoever holds the credentials that this answer issues.
    pub(super) fn issued(answer: &RawAnswer) -> Result<Self, CliError> {
        let element = |name: &str| {
            answer.element(name).ok_or_else(|| CliError::failed(format!("the answer holds no {name}")))
        };
        let wrong = |error| CliError::failed("the answer holds no credentials").caused_by(error);
        Ok(Self {
            credentials: Credentials {
                id: element("AccessKeyId")?.parse().map_err(wrong)?,
                secret: SecretAccessKey::new(element("SecretAccessKey")?).map_err(wrong)?,
                token: answer.element("SessionToken").map(SessionToken::new).transpose().map_err(wrong)?,
            },
        })
    }
}

/// A device's codes, each handed out once: the sandbox takes the step before this one, this one, and the next.
pub(super) struct Codes {
    seed: TotpSeed,
    next: Cell<i64>,
}

impl Codes {
    /// A code that was not given out before.
    pub(super) fn next(&self) -> MfaCode {
        let step = self.next.get();
        self.next.set(step + 1);
        self.seed.code_of_step(step)
    }

    /// The seed as an authenticator app takes it.
    pub(super) fn seed_text(&self) -> zeroize::Zeroizing<String> {
        self.seed.expose_secret_base32()
    }

    /// Six digits that are no code of the device now.
    pub(super) fn wrong(&self) -> String {
        let now = TotpSeed::step_at(Timestamp::now());
        let good: Vec<String> =
            (now - 3..=now + 3).map(|step| self.seed.code_of_step(step).as_str().to_owned()).collect();
        (0..).map(|n| format!("{n:06}")).find(|guess| !good.contains(guess)).unwrap_or_default()
    }
}

/// A person with key and device.
pub(super) struct Enrolled {
    pub(super) key: LongTermKey,
    pub(super) entry: KeyEntry,
    pub(super) codes: Codes,
}

/// What `apply` did.
pub(super) struct Built {
    pub(super) plan: Plan,
    pub(super) calls: usize,
}

/// The sandbox and the way to each of its accounts.
pub(super) struct Stage {
    sandbox: BlockingSandbox,
    aws: Aws,
    design: Design,
    desired: Desired,
    access: Access,
    old: (AccountId, Connection),
}

impl Stage {
    /// Starts the sandbox with four accounts: the old company's one, and bastion, dev and prod.
    pub(super) fn set(environment: &Environment) -> Result<Self, CliError> {
        let design = Design::parse(ESTATE).map_err(|errors| {
            let words: Vec<String> = errors.iter().map(|error| error.message.clone()).collect();
            CliError::failed("the demo's own estate file is wrong").caused_by(words.join("; "))
        })?;
        let desired = design
            .desired(&|path| Err(format!("the demo has no file `{path}`")), &|_| Quotas::default())
            .map_err(|_| CliError::failed("the demo's own estate does not fit"))?;
        let sandbox = BlockingSandbox::start(SandboxConfig::default())
            .map_err(|error| CliError::failed("the sandbox does not start").caused_by(error))?;
        let aws = access::client(environment)?;
        let root = |id: AccountId, name: &str| -> Result<Connection, CliError> {
            let account = sandbox
                .create_account(Some(id), Some(name))
                .map_err(|error| CliError::failed("the sandbox makes no account").caused_by(error))?;
            let credentials = Credentials { id: account.root_key, secret: account.root_secret, token: None };
            let endpoint = Endpoint::with_url(design.region.value.clone(), sandbox.endpoint());
            Ok(aws.connect(endpoint, credentials, Some(id)))
        };
        let mut connections = BTreeMap::new();
        for (id, name) in access::account_names(&design) {
            connections.insert(id, root(id, &name)?);
        }
        let old: AccountId = known(OLD_COMPANY.parse())?;
        let old = (old, root(old, "old company")?);
        let access = Access { connections, identified: false, organization: None, as_root: true };
        Ok(Self { sandbox, aws, design, desired, access, old })
    }

    pub(super) fn endpoint(&self) -> &str {
        self.sandbox.endpoint()
    }

    pub(super) fn region(&self) -> &Region {
        &self.design.region.value
    }

    pub(super) fn admin(&self) -> &Admin {
        self.sandbox.admin()
    }

    /// Ends the sandbox.
    pub(super) fn strike(self) -> Result<(), CliError> {
        self.sandbox
            .shutdown()
            .map_err(|error| CliError::failed("the sandbox did not end well").caused_by(error))
    }

    /// One call over HTTP, with somebody's credentials.
    pub(super) fn call(&self, actor: &Actor, call: &RawCall) -> Result<RawAnswer, CliError> {
        let endpoint = Endpoint::with_url(self.design.region.value.clone(), self.sandbox.endpoint());
        Ok(self.aws.connect(endpoint, actor.credentials.clone(), None).raw(call)?)
    }

    /// The client of the daily flow.
    pub(super) fn sts(&self) -> StsClient {
        let endpoint = Endpoint::with_url(self.design.region.value.clone(), self.sandbox.endpoint());
        StsClient::new(self.aws.clone(), endpoint)
    }

    /// The old company as it was found: an administrator's key, and a role that trusts the account.
    pub(super) fn old_company(&self) -> Result<Actor, CliError> {
        let root = &self.old.1;
        let trust = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{{"AWS":"arn:aws:iam::{OLD_COMPANY}:root"}}}}}}"#
        );
        let administrator = ("PolicyArn", "arn:aws:iam::aws:policy/AdministratorAccess");
        for call in [
            RawCall::iam("CreateUser", &[("UserName", "dave")]),
            RawCall::iam("AttachUserPolicy", &[("UserName", "dave"), administrator]),
            RawCall::iam("CreateUser", &[("UserName", "ci")]),
            RawCall::iam("CreateRole", &[("RoleName", "deploy"), ("AssumeRolePolicyDocument", &trust)]),
        ] {
            done(root, &call)?;
        }
        Actor::issued(&done(root, &RawCall::iam("CreateAccessKey", &[("UserName", "dave")]))?)
    }

    /// The role that the old company deploys with.
    pub(super) fn old_role(&self) -> Result<RoleArn, CliError> {
        let name: RoleName = known("deploy".parse())?;
        Ok(RoleArn::new(self.design.partition, self.old.0, &IamPath::root(), &name))
    }

    /// What `postern plan` would find.
    pub(super) fn plan(&self) -> Result<Plan, CliError> {
        let snapshot = collect(&self.access.connections, &Timestamp::now);
        if let Some(gap) = snapshot.gaps.first() {
            return Err(CliError::failed(format!("{} in {}: {}", gap.call, gap.account, gap.cause)));
        }
        Ok(diff(&snapshot.estate, &self.desired))
    }

    /// What `postern apply` does.
    pub(super) fn apply(&self) -> Result<Built, CliError> {
        let plan = self.plan()?;
        let reviewed = apply::review(plan.clone())?;
        let outcome = apply::carry_out(&reviewed, &self.access, &AtomicBool::new(false), &mut |_| Ok(()))?;
        if let Some((_, error)) = outcome.failures().next() {
            return Err(CliError::failed("apply stopped").caused_by(error));
        }
        Ok(Built { calls: outcome.fates.len(), plan })
    }

    /// What `postern people enrol` does, with a device whose codes are computed from its seed.
    pub(super) fn enrol(&self, person: &str) -> Result<Enrolled, CliError> {
        let user: UserName = known(person.parse())?;
        let name: MfaDeviceName = known(person.parse())?;
        let account = self.design.bastion.account.value;
        let bastion = self.bastion()?;
        let wrong = |error| CliError::failed(format!("{person} cannot be enrolled")).caused_by(error);
        let estate = self.design.name.value.as_str();
        let device = bastion
            .create_virtual_mfa_device(&IamPath::root(), &name, &[(MANAGED_TAG, estate)])
            .map_err(wrong)?;
        let codes = Codes { next: Cell::new(TotpSeed::step_at(Timestamp::now()) - 1), seed: device.seed };
        bastion.enable_mfa_device(&user, &device.serial, [codes.next(), codes.next()]).map_err(wrong)?;
        let key = bastion.create_access_key(&user).map_err(wrong)?;
        let entry =
            KeyEntry { id: key.id.clone(), user, account, serial: device.serial, added_at: Timestamp::now() };
        Ok(Enrolled { key, entry, codes })
    }

    /// A device that is not alice's.
    pub(super) fn foreign_device(&self) -> Result<MfaSerial, CliError> {
        let name: MfaDeviceName = known("bob".parse())?;
        let account = self.design.bastion.account.value;
        Ok(MfaSerial::virtual_device(self.design.partition, account, &IamPath::root(), &name))
    }

    /// A role of the estate, by the names of `postern.toml`.
    pub(super) fn role(&self, account: &str, role: &str) -> Result<RoleArn, CliError> {
        let name: RoleName = known(role.parse())?;
        Ok(RoleArn::new(self.design.partition, self.account(account)?, &postern_path()?, &name))
    }

    /// The boundary of an account's roles.
    pub(super) fn cap(&self, account: &str) -> Result<PolicyArn, CliError> {
        let name: PolicyName = known(CAP_POLICY.parse())?;
        Ok(PolicyArn::new(self.design.partition, self.account(account)?, &postern_path()?, &name))
    }

    /// An administrator's mistake: a grant by hand, without MFA.
    pub(super) fn careless_grant(&self, user: &str) -> Result<RawAnswer, CliError> {
        let careless = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}}"#;
        let parameters = [("UserName", user), ("PolicyName", "oops"), ("PolicyDocument", careless)];
        Ok(self.bastion()?.raw(&RawCall::iam("PutUserPolicy", &parameters))?)
    }

    /// Takes the mistake back.
    pub(super) fn take_back_grant(&self, user: &str) -> Result<(), CliError> {
        let parameters = [("UserName", user), ("PolicyName", "oops")];
        done(self.bastion()?, &RawCall::iam("DeleteUserPolicy", &parameters)).map(|_| ())
    }

    /// Breaks one policy of the estate, so that a test can see the story fail.
    pub(super) fn dangerously_weaken(&self, weakness: Weakness) -> Result<(), CliError> {
        let trust = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{{"AWS":"arn:aws:iam::{}:root"}}}}}}"#,
            self.design.bastion.account.value
        );
        let call = match weakness {
            Weakness::GroupPolicy => RawCall::iam(
                "PutGroupPolicy",
                &[("GroupName", "developers"), ("PolicyName", "postern"), ("PolicyDocument", ADMIN)],
            ),
            Weakness::TrustPolicy => RawCall::iam(
                "UpdateAssumeRolePolicy",
                &[("RoleName", "developer"), ("PolicyDocument", &trust)],
            ),
            Weakness::Boundary => RawCall::iam("DeleteRolePermissionsBoundary", &[("RoleName", "developer")]),
        };
        let prod = self.account("prod")?;
        let connection = match weakness {
            Weakness::GroupPolicy => self.bastion()?,
            Weakness::TrustPolicy | Weakness::Boundary => self.connection(prod)?,
        };
        done(connection, &call).map(|_| ())
    }

    /// Moves the sandbox's clock on, and says what it shows then.
    pub(super) fn advance(&self, seconds: u32) -> Timestamp {
        let clock = self.sandbox.world().advance(seconds, Timestamp::now()).sandbox;
        Timestamp::from_second(clock.as_second()).unwrap_or(clock)
    }

    fn bastion(&self) -> Result<&Connection, CliError> {
        self.connection(self.design.bastion.account.value)
    }

    fn connection(&self, account: AccountId) -> Result<&Connection, CliError> {
        let missing = || CliError::failed(format!("the demo has no account {account}"));
        self.access.connections.get(&account).ok_or_else(missing)
    }

    fn account(&self, name: &str) -> Result<AccountId, CliError> {
        access::account_names(&self.design)
            .into_iter()
            .find(|(_, known)| known == name)
            .map(|(id, _)| id)
            .ok_or_else(|| CliError::failed(format!("the demo's estate has no account `{name}`")))
    }
}

fn postern_path() -> Result<IamPath, CliError> {
    known(postern_estate::PATH.parse())
}

/// One of the story's own names.
fn known<T>(parsed: Result<T, ParseError>) -> Result<T, CliError> {
    parsed.map_err(|error| CliError::failed("the demo's own story is wrong").caused_by(error))
}

/// A call that sets the stage and must work.
fn done(connection: &Connection, call: &RawCall) -> Result<RawAnswer, CliError> {
    let answer = connection.raw(call)?;
    match answer.error(&call.operation, Timestamp::now()) {
        None => Ok(answer),
        Some(error) => Err(error.into()),
    }
}

/// `aws sts assume-role`
pub(super) fn assume(role: &RoleArn, session: &str) -> RawCall {
    RawCall::sts("AssumeRole", &[("RoleArn", role.as_str()), ("RoleSessionName", session)])
}

/// `aws sts assume-role --duration-seconds`
pub(super) fn assume_for(role: &RoleArn, session: &str, seconds: u32) -> RawCall {
    let seconds = seconds.to_string();
    let parameters =
        [("RoleArn", role.as_str()), ("RoleSessionName", session), ("DurationSeconds", seconds.as_str())];
    RawCall::sts("AssumeRole", &parameters)
}

/// `aws sts assume-role --serial-number --token-code`
pub(super) fn assume_with_code(role: &RoleArn, session: &str, serial: &MfaSerial, code: &str) -> RawCall {
    let parameters = [
        ("RoleArn", role.as_str()),
        ("RoleSessionName", session),
        ("SerialNumber", serial.as_str()),
        ("TokenCode", code),
    ];
    RawCall::sts("AssumeRole", &parameters)
}

/// `aws cloudtrail stop-logging`
pub(super) fn stop_trail() -> RawCall {
    let target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.StopLogging";
    RawCall::json("cloudtrail", target, r#"{"Name":"main"}"#)
}
