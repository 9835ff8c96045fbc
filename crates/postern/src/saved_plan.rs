//! A plan in a file: what was approved, to be carried out later and nothing else.
//!
//! The file is no program. `apply` reads the accounts again and plans anew; what it then finds to do must be in the
//! file, call by call. So a plan that was half carried out goes on where it stopped, and one whose accounts or
//! estate file have changed since is refused.

use std::{
    collections::BTreeMap,
    fs::{self, OpenOptions},
    io::Write as _,
    path::Path,
};

use postern_estate::{Plan, PlanJson, PolicyDocument, Step, StepJson};
use postern_types::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::{commands::planning::Part, errors::CliError, estate_file::EstateFile};

/// The version of the file's format.
const FORMAT: u32 = 1;

/// What stands in the file.
#[derive(Debug, Serialize, Deserialize)]
struct Contents {
    format: u32,
    /// The estate's name.
    estate: String,
    /// SHA-256 of the estate file's text.
    estate_file: String,
    made_at: Timestamp,
    #[serde(flatten)]
    part: Part,
    plan: Value,
}

/// A plan that was read from a file.
pub(crate) struct SavedPlan {
    contents: Contents,
    /// The saved calls by what they do; the documents beside.
    steps: BTreeMap<String, Vec<Value>>,
}

/// Writes a plan, readable by its owner only: trust policies hold external ids.
pub(crate) fn write(path: &Path, file: &EstateFile, part: &Part, plan: &Plan) -> Result<(), CliError> {
    let failed = |error: &dyn std::fmt::Display| {
        CliError::failed(format!("cannot write the plan to `{}`", path.display())).caused_by(error)
    };
    let plan = serde_json::to_value(PlanJson::from(plan)).map_err(|error| failed(&error))?;
    let contents = Contents {
        format: FORMAT,
        estate: file.design.name.value.to_string(),
        estate_file: digest(&file.text),
        made_at: Timestamp::now(),
        part: part.clone(),
        plan,
    };
    let mut text = serde_json::to_string_pretty(&contents).map_err(|error| failed(&error))?;
    text.push('\n');
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let written = options.open(path).and_then(|mut file| file.write_all(text.as_bytes()));
    written.map_err(|error| failed(&error))
}

impl SavedPlan {
    /// Reads a saved plan.
    pub(crate) fn read(path: &Path) -> Result<Self, CliError> {
        let shown = path.display();
        let wrong = |error: &dyn std::fmt::Display| {
            CliError::usage(format!("`{shown}` is no saved plan"))
                .caused_by(error)
                .hint("write one with `postern plan --out FILE`")
        };
        let text = fs::read_to_string(path).map_err(|error| {
            CliError::usage(format!("cannot read the saved plan `{shown}`")).caused_by(error)
        })?;
        let contents: Contents = serde_json::from_str(&text).map_err(|error| wrong(&error))?;
        if contents.format != FORMAT {
            return Err(wrong(&format!(
                "it has format {}, and this postern knows format {FORMAT}",
                contents.format
            )));
        }
        let list = contents.plan.get("steps").and_then(Value::as_array).ok_or_else(|| wrong(&"no steps"))?;
        let mut steps: BTreeMap<String, Vec<Value>> = BTreeMap::new();
        for step in list {
            steps.entry(call_of(step)).or_default().push(step.clone());
        }
        Ok(Self { contents, steps })
    }

    /// The part of the estate that it was made for.
    pub(crate) fn part(&self) -> &Part {
        &self.contents.part
    }

    /// When it was made.
    pub(crate) fn made_at(&self) -> Timestamp {
        self.contents.made_at
    }

    /// Refuses a plan of another estate file, or of another state of this one.
    pub(crate) fn check_file(&self, file: &EstateFile) -> Result<(), CliError> {
        let path = file.path.display();
        if self.contents.estate != file.design.name.value.as_str() {
            return Err(CliError::usage(format!(
                "the plan is of the estate `{}`, and `{path}` describes `{}`",
                self.contents.estate, file.design.name.value
            ))
            .hint("name the estate file that it was made from with --estate FILE"));
        }
        if self.contents.estate_file != digest(&file.text) {
            return Err(stale(&format!("`{path}` has changed since the plan was made"), self.made_at()));
        }
        Ok(())
    }

    /// Refuses what is to be done now and was not in the plan.
    pub(crate) fn check(&self, now: &Plan) -> Result<(), CliError> {
        let strangers: Vec<String> =
            now.steps.iter().filter(|step| !self.holds(step)).map(describe).collect();
        let Some(first) = strangers.first() else { return Ok(()) };
        let mut error = stale("the accounts have changed since the plan was made", self.made_at())
            .caused_by(format!("to be done now, and not in the plan: {first}"));
        if strangers.len() > 1 {
            error = error.caused_by(format!("and {} more", strangers.len() - 1));
        }
        Err(error)
    }

    fn holds(&self, step: &Step) -> bool {
        let Ok(value) = serde_json::to_value(StepJson::from(step)) else { return false };
        let same = |saved: &Value, member: &str| match (saved.get(member), value.get(member)) {
            (Some(Value::String(saved)), Some(Value::String(now))) => {
                PolicyDocument::new(saved.as_str()).means_the_same(&PolicyDocument::new(now.as_str()))
            }
            (saved, now) => saved == now,
        };
        let saved = self.steps.get(&call_of(&value)).map_or(&[][..], Vec::as_slice);
        saved.iter().any(|saved| same(saved, "before") && same(saved, "after"))
    }
}

fn stale(what: &str, made_at: Timestamp) -> CliError {
    CliError::failed(format!("{what}; nothing was changed"))
        .caused_by(format!("it was made at {made_at:.0}"))
        .hint("look at a new one: `postern plan --out FILE`")
}

fn describe(step: &Step) -> String {
    let key = step.key();
    format!("{} {} `{}` in {}", step.action.operation(), key.kind, key.name, key.account)
}

/// A call and its parameters, without documents: two calls of the same text do the same to the same object.
fn call_of(step: &Value) -> String {
    let members = ["account", "kind", "name", "operation", "parameters"];
    members.map(|member| step.get(member).unwrap_or(&Value::Null).to_string()).join(" ")
}

fn digest(text: &str) -> String {
    let bytes = Sha256::digest(text.as_bytes());
    bytes.iter().fold("sha256:".to_owned(), |text, byte| format!("{text}{byte:02x}"))
}
