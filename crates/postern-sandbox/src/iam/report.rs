//! The credential report: one line per user, root first.

use std::fmt::Write as _;

use data_encoding::BASE64;
use postern_types::{SignedDuration, Timestamp};

use crate::{
    ServiceError,
    model::{AccessKey, Account, CredentialReport, Owner, Rare, SigningCertificate, User},
    operation::{Authorized, Call, Entry, Needs, Operation, Reply, entry},
    wire::Decoder,
};

pub(super) const OPERATIONS: &[Entry] =
    &[entry::<GenerateCredentialReport>(), entry::<GetCredentialReport>()];

/// How long AWS hands out the same report.
const GOOD_FOR: SignedDuration = SignedDuration::from_hours(4);

const HEADER: &str = "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,\
    password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,\
    access_key_1_last_used_region,access_key_1_last_used_service,access_key_2_active,access_key_2_last_rotated,\
    access_key_2_last_used_date,access_key_2_last_used_region,access_key_2_last_used_service,cert_1_active,\
    cert_1_last_rotated,cert_2_active,cert_2_last_rotated";

fn is_fresh(report: &CredentialReport, now: Timestamp) -> bool {
    now.duration_since(report.generated) < GOOD_FOR
}

/// `GenerateCredentialReport`: the sandbox writes it at once; AWS says so only the next time it is asked.
struct GenerateCredentialReport;

impl Operation for GenerateCredentialReport {
    const NAME: &'static str = "GenerateCredentialReport";

    fn decode(_d: &mut Decoder<'_>) -> Self {
        Self
    }

    fn needs(&self, _call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on("*"))
    }

    fn run(_op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let now = call.now;
        let account = call.account_mut();
        if account.credential_report.as_ref().is_some_and(|report| is_fresh(report, now)) {
            return Ok(Reply::result(|xml| xml.text("State", "COMPLETE")));
        }
        let csv = csv(account).into();
        account.credential_report = Some(CredentialReport { generated: now, csv });
        Ok(Reply::result(|xml| {
            xml.text("State", "STARTED");
            xml.text("Description", "No report exists. Starting a new report generation task");
        }))
    }
}

/// `GetCredentialReport`. Its refusals have no text, as observed on AWS.
struct GetCredentialReport;

impl Operation for GetCredentialReport {
    const NAME: &'static str = "GetCredentialReport";

    fn decode(_d: &mut Decoder<'_>) -> Self {
        Self
    }

    fn needs(&self, _call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on("*"))
    }

    fn run(_op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        match &call.account().credential_report {
            None => Err(ServiceError::new(410, "ReportNotPresent", "")),
            Some(report) if !is_fresh(report, call.now) => Err(ServiceError::new(410, "ReportExpired", "")),
            Some(report) => Ok(Reply::result(|xml| {
                xml.text("Content", BASE64.encode(report.csv.as_bytes()));
                xml.text("ReportFormat", "text/csv");
                xml.time("GeneratedTime", report.generated);
            })),
        }
    }
}

/// Names, ARNs and times hold no comma but in names, which the report writes as they are.
fn csv(account: &Account) -> String {
    let mut csv = HEADER.to_owned();
    let root = Row {
        name: "<root_account>",
        arn: account.root_arn(),
        created: account.created,
        password: Password::NotSupported,
        owner: Owner::Root,
        certificates: &[],
    };
    let users = account.users.iter().map(|user| Row {
        name: &user.name,
        arn: account.user_arn(user),
        created: user.created,
        password: Password::of(account, user),
        owner: Owner::User(user.id.clone()),
        certificates: &user.rare.signing_certificates,
    });
    for row in std::iter::once(root).chain(users) {
        csv.push('\n');
        row.write(account, &mut csv);
    }
    csv
}

struct Row<'a> {
    name: &'a str,
    arn: String,
    created: Timestamp,
    password: Password,
    owner: Owner,
    certificates: &'a [Rare<SigningCertificate>],
}

/// The four columns about a password.
enum Password {
    /// Of root: its password is no concern of IAM.
    NotSupported,
    None,
    Some {
        last_used: Option<Timestamp>,
        changed: Timestamp,
        rotation: Option<Timestamp>,
    },
}

impl Password {
    fn of(account: &Account, user: &User) -> Self {
        let Some(profile) = &user.login_profile else { return Self::None };
        let days = account.password_policy.as_ref().and_then(|policy| policy.max_age_days);
        let rotation = days.and_then(|days| {
            profile.password_changed.checked_add(SignedDuration::from_hours(24 * i64::from(days))).ok()
        });
        Self::Some { last_used: user.password_last_used, changed: profile.password_changed, rotation }
    }

    fn columns(&self) -> [String; 4] {
        match self {
            Self::NotSupported => {
                ["not_supported", "no_information", "not_supported", "not_supported"].map(str::to_owned)
            }
            Self::None => ["false", "N/A", "N/A", "N/A"].map(str::to_owned),
            Self::Some { last_used, changed, rotation } => [
                "true".to_owned(),
                last_used.map_or_else(|| "no_information".to_owned(), time),
                time(*changed),
                rotation.map_or_else(|| "N/A".to_owned(), time),
            ],
        }
    }
}

impl Row<'_> {
    fn write(&self, account: &Account, csv: &mut String) {
        let mut columns = vec![self.name.to_owned(), self.arn.clone(), time(self.created)];
        columns.extend(self.password.columns());
        columns.push(account.mfa_devices_of(&self.owner).next().is_some().to_string());
        let mut keys = account.keys_of(&self.owner);
        for _ in 0..2 {
            columns.extend(key_columns(keys.next()));
        }
        let mut certificates = self.certificates.iter();
        for _ in 0..2 {
            columns.extend(match certificates.next() {
                Some(one) => [one.active.to_string(), time(one.created)],
                None => ["false", "N/A"].map(str::to_owned),
            });
        }
        let _never_fails = write!(csv, "{}", columns.join(","));
    }
}

fn key_columns(key: Option<&AccessKey>) -> [String; 5] {
    let none = || "N/A".to_owned();
    let Some(key) = key else { return ["false".to_owned(), none(), none(), none(), none()] };
    let used = key.last_used.as_ref();
    [
        key.active.to_string(),
        time(key.created),
        used.map_or_else(none, |used| time(used.at)),
        used.map_or_else(none, |used| used.region.clone()),
        used.map_or_else(none, |used| used.service.clone()),
    ]
}

/// `2026-02-17T16:40:14+00:00`
fn time(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}
