//! `postern people list`

use clap::Args;
use postern_aws::Kind;
use postern_types::{Timestamp, UserName};
use serde_json::json;

use crate::{
    access::{self, WayIn},
    context::Context,
    errors::{CliError, ExitStatus},
    estate_file::EstateFile,
    output::{BAD, GOOD, WARN, paint},
    report::table,
};

/// Arguments of `postern people list`.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  postern people list --json | jq '.people[] | select(.devices == 0)'")]
pub(crate) struct ListArgs {
    /// Write JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    way: WayIn,
}

/// What is known of a person.
struct Row {
    name: UserName,
    groups: Vec<String>,
    administrator: bool,
    /// Devices, and the days since each key was made; none where the user is not there yet.
    credentials: Option<(usize, Vec<i64>)>,
}

pub(crate) fn run(args: &ListArgs, context: &mut Context) -> Result<ExitStatus, CliError> {
    let file = EstateFile::load(context)?;
    let account = file.design.bastion.account.value;
    let access = access::open(context, &file.design, &[account], &args.way)?;
    let Some(bastion) = access.connections.get(&account) else {
        return Err(CliError::failed("no connection to the bastion account"));
    };
    let now = Timestamp::now();
    let mut rows = Vec::new();
    for (name, person) in &file.design.people {
        let credentials = match bastion.mfa_devices(name) {
            Ok(devices) => {
                let keys = bastion.access_keys(name)?;
                let ages = keys
                    .iter()
                    .filter_map(|key| key.created_at)
                    .map(|made| now.duration_since(made).as_hours() / 24);
                Some((devices.len(), ages.collect()))
            }
            Err(error) if error.kind == Kind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        rows.push(Row {
            name: name.clone(),
            groups: person.groups.iter().map(|group| group.value.to_string()).collect(),
            administrator: file.design.administrators.people.iter().any(|admin| admin.value == *name),
            credentials,
        });
    }
    let text = if args.json { as_json(&rows) } else { as_table(&rows) };
    context.printer.data(&text)?;
    Ok(ExitStatus::Done)
}

fn as_json(rows: &[Row]) -> String {
    let people: Vec<_> = rows
        .iter()
        .map(|row| {
            json!({
                "name": row.name.as_str(),
                "groups": row.groups,
                "administrator": row.administrator,
                "applied": row.credentials.is_some(),
                "devices": row.credentials.as_ref().map(|(devices, _)| devices),
                "key_age_days": row.credentials.as_ref().map(|(_, ages)| ages),
            })
        })
        .collect();
    format!("{:#}\n", json!({ "format": 1, "people": people }))
}

fn as_table(rows: &[Row]) -> String {
    let cells = |row: &Row| {
        let (mfa, key) = match &row.credentials {
            None => (paint(WARN, "not applied"), "–".to_owned()),
            Some((devices, ages)) => {
                let mfa = match devices {
                    0 => paint(BAD, "none"),
                    n => paint(GOOD, &format!("{n}")),
                };
                let key = match ages.iter().max() {
                    None => paint(WARN, "none"),
                    Some(days) if ages.len() == 1 => format!("{days} d old"),
                    Some(days) => paint(WARN, &format!("{} keys, the oldest {days} d old", ages.len())),
                };
                (mfa, key)
            }
        };
        let mut groups = row.groups.join(", ");
        if row.administrator {
            groups =
                if groups.is_empty() { "administrator".into() } else { format!("{groups}, administrator") };
        }
        vec![row.name.to_string(), groups, mfa, key]
    };
    let rows: Vec<Vec<String>> = rows.iter().map(cells).collect();
    table::plain(&["PERSON", "GROUPS", "MFA", "KEY"], &rows)
}
