//! The policies that AWS manages: nothing in them is an error, or AWS would have mended it.

use std::collections::BTreeMap;

use postern_policy::lint::{self, Class, PolicyKind, Severity};

use crate::common::managed;

/// Every finding in every managed policy, as far as it is of a kind that counts.
#[test]
fn no_managed_policy_has_an_error() {
    let policies = managed::policies();
    assert!(policies.len() > 1_500);
    let mut counts: BTreeMap<(&str, Severity), (usize, String)> = BTreeMap::new();
    let mut errors = Vec::new();
    for (name, text) in &policies {
        for finding in lint::check_text(text, PolicyKind::Identity) {
            let id = finding.rule.id;
            let span = finding.span.of(text).unwrap().get(..60).unwrap_or_default();
            let said = format!("{name} {}: {} {span}", finding.pointer, finding.message);
            // Quotas are not for AWS; and one ARN of theirs is cut off: `arn:aws:organizations::*:`.
            let aws = id == "P12" || (id, name.as_str()) == ("P42", "AmazonDevOpsGuruOrganizationsAccess");
            if finding.rule.class == Class::Error && !aws {
                errors.push(format!("{id} {said}"));
            }
            let entry = counts.entry((id, finding.severity)).or_default();
            entry.0 += 1;
            entry.1 = said;
        }
    }
    for ((id, severity), (count, example)) in counts {
        println!("{id} {severity} {count}: {example}");
    }
    assert!(errors.is_empty(), "{}\n{}", errors.len(), errors.join("\n"));
}
