//! Drift: the plan's view of the accounts, read the other way.

use postern_estate::Plan;

use super::plan::{Sum, changes, counted, remarks, sum};
use crate::{
    access::AccountNames,
    output::{BOLD, paint},
};

/// What differs from the estate file, and what else should not be there.
pub(crate) fn render(plan: &Plan, estate: &str, names: &AccountNames, width: usize) -> String {
    let changes = changes(plan, names, width);
    let mut text = String::new();
    if !changes.is_empty() {
        let heading = format!("Drift in {estate}: what differs from the file, as apply would mend it");
        text.push_str(&format!("{}\n\n", paint(BOLD, &heading)));
    }
    format!("{text}{changes}{}{}\n", remarks(plan, names, width), summary(plan))
}

/// `Drift: 1 missing, 2 changed, 0 too many in 1 account.`
fn summary(plan: &Plan) -> String {
    if plan.steps.is_empty() {
        return if plan.conflicts.is_empty() {
            "No drift: what the file describes is as the file says.".to_owned()
        } else {
            "Drift: something stands where the file's objects should be.".to_owned()
        };
    }
    let Sum { create, update, delete, accounts } = sum(plan);
    format!(
        "Drift: {create} missing, {update} changed, {delete} too many in {}. `postern apply` mends it.",
        counted(accounts, "account")
    )
}
