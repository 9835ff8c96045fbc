//! What the users of an account used, as AWS tells it: the credential report, the last call of each key, and the
//! services and actions that each user last tried.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use aws_sdk_iam::{
    operation::get_service_last_accessed_details::GetServiceLastAccessedDetailsOutput,
    types::{AccessAdvisorUsageGranularityType, JobStatusType, ReportStateType, ServiceLastAccessed},
};
use postern_estate::{
    Account, User,
    migrate::{AccountUsage, ActionUse, KeyUse, LastUse, PasswordUse, ServiceUse, Usage},
    snapshot::{ReportRow, credential_report},
};
use postern_types::{AccessKeyId, AccountId, Timestamp, UserName};
use tokio::sync::Semaphore;

use crate::{
    Answer, AwsError, Connection, Kind, Unreachable,
    collect::reason,
    enrol::timestamp,
    patience::{jittered, patiently},
    together,
};

/// Calls in flight. A report of each user is asked for, and all are waited for together.
const AT_ONCE: usize = 8;
/// How long a report is waited for.
const WAIT: Duration = Duration::from_secs(120);
/// The longest pause between two questions whether it is done.
const LONGEST_PAUSE: Duration = Duration::from_secs(4);

/// Reads what the users of an account used.
///
/// `found` is the account as it was read before, whose users and keys are asked about. What cannot be read is
/// named in [`AccountUsage::gaps`], and absent. `tell` hears why AWS is asked again.
#[must_use]
pub fn usage(
    account: AccountId,
    connection: &Connection,
    found: &Account,
    now: &dyn Fn() -> Timestamp,
    tell: &dyn Fn(&AwsError),
) -> AccountUsage {
    connection.aws.block_on(async {
        let reader = Reader { account, connection, tell, turns: Semaphore::new(AT_ONCE) };
        let reads = found.users.iter().map(|(name, user)| reader.of_user(name, user));
        let (report, users) =
            tokio::join!(patiently(connection, tell, || reader.report()), together::all(reads),);
        let mut gaps = Gaps::default();
        let rows = report.unwrap_or_else(|error| {
            gaps.0.entry(cause(&error)).or_default().insert("all users".to_owned());
            None
        });
        let has_report = rows.is_some();
        let mut rows: BTreeMap<_, _> =
            rows.unwrap_or_default().into_iter().map(|row| (row.user.clone(), row)).collect();
        let mut users: BTreeMap<_, _> = users.into_iter().map(|read| (read.name.clone(), read)).collect();
        let mut usages = BTreeMap::new();
        for (name, user) in &found.users {
            let row = rows.remove(name.as_str());
            if has_report && row.is_none() {
                gaps.add("the credential report is older than the user", name);
            }
            let read = users.remove(name);
            usages.insert(name.clone(), whole(name, user, row, read, &mut gaps));
        }
        AccountUsage { read_at: now(), users: usages, gaps: gaps.lines() }
    })
}

/// What could not be read, and of whom: the same for a hundred users is one line.
#[derive(Default)]
struct Gaps(BTreeMap<String, BTreeSet<String>>);

impl Gaps {
    fn add(&mut self, cause: impl Into<String>, name: &UserName) {
        self.0.entry(cause.into()).or_default().insert(name.to_string());
    }

    fn lines(self) -> Vec<String> {
        const SHOWN: usize = 5;
        let line = |(cause, names): (String, BTreeSet<String>)| {
            let shown = names.iter().take(SHOWN).map(String::as_str).collect::<Vec<_>>().join(", ");
            match names.len().saturating_sub(SHOWN) {
                0 => format!("{cause} ({shown})"),
                more => format!("{cause} ({shown} and {more} more)"),
            }
        };
        self.0.into_iter().map(line).collect()
    }
}

/// `iam:GetAccessKeyLastUsed: AccessDenied`; the whole words where there is no code.
fn cause(error: &AwsError) -> String {
    match error.code() {
        // The words of a denial name the user asked about, and would make a line of each.
        Some(code) if error.kind == Kind::Denied => format!("{}: {code}", error.operation),
        _ => format!("{}: {}", error.operation, reason(error)),
    }
}

/// What the calls about one user answered.
struct OfUser {
    name: UserName,
    keys: BTreeMap<AccessKeyId, Result<Option<LastUse>, AwsError>>,
    services: Result<Vec<ServiceUse>, AwsError>,
}

/// One user's usage, from the report's line and from the calls about the user.
fn whole(
    name: &UserName,
    user: &User,
    row: Option<ReportRow>,
    read: Option<OfUser>,
    gaps: &mut Gaps,
) -> Usage {
    let mut usage = row.map(ReportRow::usage).unwrap_or_default();
    let Some(read) = read else { return usage };
    match read.services {
        Ok(services) => usage.services = Some(services),
        Err(error) => gaps.add(cause(&error), name),
    }
    let Some(held) = &user.credentials else {
        gaps.add("the user's keys were not listed", name);
        return usage;
    };
    // The keys as they are now, with ids; of the report's, some hours old, only what a refused call left open.
    let reported = std::mem::take(&mut usage.unnamed_keys);
    usage.mfa = !held.mfa_devices.is_empty();
    if held.login_profile || usage.password.is_some_and(|password| password.last_used.is_some()) {
        let last_used = usage.password.and_then(|password| password.last_used);
        usage.password = Some(PasswordUse { enabled: held.login_profile, last_used });
    } else {
        usage.password = None;
    }
    let mut asked = read.keys;
    for (id, key) in &held.access_keys {
        let last_used = match asked.remove(id) {
            Some(Ok(last_used)) => last_used,
            Some(Err(error)) => {
                let same = reported.iter().find(|one| one.created.is_some() && one.created == key.created_at);
                if same.is_none() {
                    gaps.add(cause(&error), name);
                }
                same.and_then(|one| one.last_used.clone())
            }
            None => None,
        };
        usage.keys.insert(id.clone(), KeyUse { active: key.active, created: key.created_at, last_used });
    }
    usage
}

struct Reader<'a> {
    account: AccountId,
    connection: &'a Connection,
    tell: &'a dyn Fn(&AwsError),
    turns: Semaphore,
}

impl Reader<'_> {
    fn error(&self, kind: Kind, operation: &str) -> AwsError {
        AwsError::new(kind, operation, Some(self.account))
    }

    /// The error of a report that AWS could not make.
    fn failed(&self, answer: &GetServiceLastAccessedDetailsOutput) -> AwsError {
        let told = answer.error().map(|told| Answer {
            status: 200,
            code: told.code().to_owned(),
            message: told.message().to_owned(),
            request_id: None,
        });
        AwsError { answer: told.map(Box::new), ..self.error(Kind::Other, GET_SERVICES) }
    }

    /// The pauses between questions whether a report is done.
    fn pauses(&self) -> impl Iterator<Item = Duration> {
        let mut next = self.connection.aws.patience().first_pause.max(Duration::from_millis(10));
        let mut waited = Duration::ZERO;
        std::iter::from_fn(move || {
            let pause = next.min(LONGEST_PAUSE);
            waited += pause;
            next = next.saturating_mul(2);
            (waited <= WAIT).then_some(pause)
        })
    }

    async fn pause(&self, pause: Duration) {
        tokio::time::sleep(jittered(pause, self.connection.aws.clock().machine())).await;
    }

    /// The credential report, made if need be.
    async fn report(&self) -> Result<Option<Vec<ReportRow>>, AwsError> {
        const GENERATE: &str = "iam:GenerateCredentialReport";
        const GET: &str = "iam:GetCredentialReport";
        let iam = &self.connection.iam;
        for pause in self.pauses() {
            let state = iam.generate_credential_report().send().await;
            let state = state.map_err(|error| self.connection.error(&error, GENERATE))?;
            if state.state() == Some(&ReportStateType::Complete) {
                let report = match iam.get_credential_report().send().await {
                    Ok(report) => report,
                    Err(error) => {
                        let error = self.connection.error(&error, GET);
                        let not_yet = ["ReportNotPresent", "ReportInProgress", "ReportExpired"];
                        if not_yet.iter().any(|code| error.is(code)) {
                            self.pause(pause).await;
                            continue;
                        }
                        return Err(error);
                    }
                };
                let malformed = || self.error(Kind::Unreachable(Unreachable::Malformed), GET);
                let content = report.content().ok_or_else(malformed)?;
                let text = std::str::from_utf8(content.as_ref()).map_err(|_| malformed())?;
                return credential_report("credential report", text).map(Some).map_err(|_| malformed());
            }
            self.pause(pause).await;
        }
        Err(self.error(Kind::Unreachable(Unreachable::Timeout), GENERATE))
    }

    /// Everything about one user that has calls of its own.
    async fn of_user(&self, name: &UserName, user: &User) -> OfUser {
        let arn = format!("arn:{}:iam::{}:user{}{name}", self.partition(), self.account, user.path);
        let keys = user.credentials.iter().flat_map(|held| held.access_keys.keys());
        let keys = together::all(keys.map(|id| async move {
            let read = patiently(self.connection, self.tell, || self.last_use(id)).await;
            (id.clone(), read)
        }));
        let (keys, services) = tokio::join!(keys, Box::pin(self.services(&arn)));
        OfUser { name: name.clone(), keys: keys.into_iter().collect(), services }
    }

    /// `aws`, `aws-cn` or `aws-us-gov`, by the region that is called.
    fn partition(&self) -> &'static str {
        match self.connection.endpoint().region.as_str() {
            region if region.starts_with("cn-") => "aws-cn",
            region if region.starts_with("us-gov-") => "aws-us-gov",
            _ => "aws",
        }
    }

    async fn last_use(&self, id: &AccessKeyId) -> Result<Option<LastUse>, AwsError> {
        const OPERATION: &str = "iam:GetAccessKeyLastUsed";
        let _turn = self.turns.acquire().await;
        let asked = self.connection.iam.get_access_key_last_used().access_key_id(id.as_str()).send().await;
        let answer = asked.map_err(|error| self.connection.error(&error, OPERATION))?;
        let Some(used) = answer.access_key_last_used() else { return Ok(None) };
        let Some(at) = used.last_used_date().and_then(timestamp) else { return Ok(None) };
        let word = |text: &str| (text != "N/A" && !text.is_empty()).then(|| text.to_owned());
        Ok(Some(LastUse { at, service: word(used.service_name()), region: word(used.region()) }))
    }

    /// The services and actions that the user's policies allow, and when each was last tried.
    async fn services(&self, arn: &str) -> Result<Vec<ServiceUse>, AwsError> {
        let job = patiently(self.connection, self.tell, || self.ask_for_services(arn)).await?;
        for pause in self.pauses() {
            match patiently(self.connection, self.tell, || self.services_of_job(&job)).await? {
                Some(services) => return Ok(services),
                None => self.pause(pause).await,
            }
        }
        Err(self.error(Kind::Unreachable(Unreachable::Timeout), GET_SERVICES))
    }

    async fn ask_for_services(&self, arn: &str) -> Result<String, AwsError> {
        const OPERATION: &str = "iam:GenerateServiceLastAccessedDetails";
        let _turn = self.turns.acquire().await;
        let ask = self.connection.iam.generate_service_last_accessed_details().arn(arn);
        let ask = ask.granularity(AccessAdvisorUsageGranularityType::ActionLevel).send().await;
        let answer = ask.map_err(|error| self.connection.error(&error, OPERATION))?;
        let malformed = || self.error(Kind::Unreachable(Unreachable::Malformed), OPERATION);
        answer.job_id().map(str::to_owned).ok_or_else(malformed)
    }

    /// The report of a job; none while it is not done.
    async fn services_of_job(&self, job: &str) -> Result<Option<Vec<ServiceUse>>, AwsError> {
        let _turn = self.turns.acquire().await;
        let mut found = Vec::new();
        let mut marker: Option<String> = None;
        loop {
            let ask = self.connection.iam.get_service_last_accessed_details().job_id(job).max_items(1_000);
            let answer = match ask.set_marker(marker.take()).send().await {
                Ok(answer) => answer,
                Err(error) => {
                    let error = self.connection.error(&error, GET_SERVICES);
                    // A job that was just made may be unknown for some seconds.
                    return if error.kind == Kind::NotFound { Ok(None) } else { Err(error) };
                }
            };
            match answer.job_status() {
                JobStatusType::Completed => {}
                JobStatusType::Failed => return Err(self.failed(&answer)),
                _ => return Ok(None),
            }
            found.extend(answer.services_last_accessed().iter().map(service));
            marker = answer.marker().filter(|_| answer.is_truncated()).map(str::to_owned);
            if marker.is_none() {
                return Ok(Some(found));
            }
        }
    }
}

const GET_SERVICES: &str = "iam:GetServiceLastAccessedDetails";

fn service(service: &ServiceLastAccessed) -> ServiceUse {
    let actions = service.tracked_actions_last_accessed().iter();
    ServiceUse {
        namespace: service.service_namespace().to_owned(),
        name: service.service_name().to_owned(),
        last: service.last_authenticated().and_then(timestamp),
        region: service.last_authenticated_region().map(str::to_owned),
        actions: actions
            .filter_map(|action| {
                let last = action.last_accessed_time().and_then(timestamp);
                Some(ActionUse { action: action.action_name()?.to_owned(), last })
            })
            .collect(),
    }
}
