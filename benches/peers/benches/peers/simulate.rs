//! iam-simulate in a process of its own.

use std::{
    io::Write,
    path::PathBuf,
    process::{Command, Stdio},
};

use postern_policy::{Layout, PolicyRef};
use serde_json::{Value, json};

use crate::workloads::{CALLER, Workload};

pub(crate) struct Simulator(PathBuf);

impl Simulator {
    pub(crate) fn from_environment() -> Option<Self> {
        std::env::var_os("POSTERN_IAM_SIMULATE").map(|folder| Self(folder.into()))
    }

    /// Decisions per second, as the process itself counts them after it has given our verdicts.
    pub(crate) fn rate(&self, workload: &Workload, verdicts: &[bool]) -> f64 {
        let policy = |policy: &PolicyRef<'_>| -> Value {
            serde_json::from_str(&policy.document.to_json(Layout::Compact)).expect("JSON")
        };
        let named = |(number, reference)| json!({"name": format!("p{number}"), "policy": policy(reference)});
        let own = workload.stack.identity.iter().chain(workload.stack.groups);
        let requests = workload.asked.iter().map(|asked| {
            let context = asked.context.iter().map(|(key, value)| (key.to_owned(), json!(value.single())));
            json!({"action": asked.action, "resource": asked.resource, "context": Value::Object(context.collect())})
        });
        let input = json!({
            "principal": CALLER,
            "owner": workload.owner,
            "policies": own.enumerate().map(named).collect::<Vec<_>>(),
            "resourcePolicy": workload.stack.resource.as_ref().map(policy),
            "requests": requests.collect::<Vec<_>>(),
        });
        let mut child = Command::new("node")
            .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/peers/simulate.mjs"))
            .env("POSTERN_IAM_SIMULATE", &self.0)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("node starts");
        child.stdin.take().expect("a pipe").write_all(input.to_string().as_bytes()).expect("node reads");
        let output = child.wait_with_output().expect("node ends");
        assert!(output.status.success(), "node failed");
        let answer: Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let theirs: Vec<bool> =
            answer["verdicts"].as_array().expect("verdicts").iter().map(|verdict| verdict == true).collect();
        let differing = theirs.iter().zip(verdicts).filter(|(a, b)| a != b).count();
        let first = theirs.iter().zip(verdicts).position(|(a, b)| a != b).map(|at| &workload.asked[at]);
        let first = first.map(|asked| (&asked.action, &asked.resource));
        assert_eq!(differing, 0, "iam-simulate decides {} as we do; not {first:?}", workload.name);
        answer["rate"].as_f64().expect("a rate")
    }
}
