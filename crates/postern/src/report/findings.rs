//! What `postern policy check` found, and one renderer per format: pure functions from a [`Report`] to text.

pub(crate) mod json;
mod place;
pub(crate) mod rules;
pub(crate) mod sarif;
pub(crate) mod text;

use std::{collections::HashMap, ops::Range};

use postern_policy::lint::{PolicyKind, Rule, Severity};
use serde::Serialize;

use self::place::Place;
pub(crate) use self::place::places;

/// What standard input is called where a path would stand.
pub(crate) const STDIN: &str = "<stdin>";

/// Everything that one run has to say.
#[derive(Debug, Default)]
pub(crate) struct Report {
    /// In the order in which they were named.
    pub(crate) sources: Vec<Source>,
    /// What could not be looked at.
    pub(crate) unread: Vec<Unread>,
    /// How many files of directories hold no policy.
    pub(crate) passed_over: usize,
}

/// A file that holds policies.
#[derive(Debug)]
pub(crate) struct Source {
    /// The path as given, or `<stdin>`.
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) policies: Vec<Policy>,
}

/// A file that was not looked at.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Unread {
    pub(crate) name: String,
    pub(crate) reason: String,
}

/// One policy of a file.
#[derive(Debug)]
pub(crate) struct Policy {
    /// The JSON pointer of the policy in its file; empty where the file is the policy.
    pub(crate) within: String,
    pub(crate) typed: Typed,
    pub(crate) found: Vec<Finding>,
    /// Whether the text keeps to the grammar. Where not, nothing else was checked.
    pub(crate) is_policy: bool,
}

/// The type of a policy, and who says so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Typed {
    pub(crate) kind: PolicyKind,
    pub(crate) from: TypeFrom,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum TypeFrom {
    /// `--type`
    Given,
    /// The member that it stands in, such as `AssumeRolePolicyDocument`.
    File,
    /// What the policy looks like.
    Inferred,
}

/// One finding, placed in its file.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) rule: &'static Rule,
    pub(crate) severity: Severity,
    /// What is wrong here, in lower case and without a full stop.
    pub(crate) message: String,
    /// What to do about it here.
    pub(crate) help: Option<String>,
    /// Counted from 0.
    pub(crate) statement: Option<usize>,
    pub(crate) sid: Option<String>,
    /// In the policy.
    pub(crate) pointer: String,
    /// Bytes of the file.
    pub(crate) span: Range<usize>,
    /// Made by [`Source::place`].
    pub(crate) placed: Placed,
}

/// What a finding's file tells about it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Placed {
    pub(crate) start: Place,
    pub(crate) end: Place,
    /// The same for the same finding after lines have moved.
    pub(crate) fingerprint: String,
}

impl Source {
    /// Gives every finding its lines, columns and fingerprint, and brings them into the order of the file.
    pub(crate) fn place(&mut self) {
        for policy in &mut self.policies {
            policy.found.sort_by(|a, b| (a.span.start, b.severity).cmp(&(b.span.start, a.severity)));
        }
        let offsets: Vec<usize> = self.findings().flat_map(|(_, f)| [f.span.start, f.span.end]).collect();
        let mut found = places(&self.text, &offsets).into_iter();
        let mut seen: HashMap<u64, usize> = HashMap::new();
        for policy in &mut self.policies {
            for finding in &mut policy.found {
                let start = found.next().unwrap_or_default();
                let end = found.next().unwrap_or_default();
                let hash = hash(&self.name, &policy.within, finding, &self.text);
                let number = seen.entry(hash).and_modify(|n| *n += 1).or_insert(1);
                finding.placed = Placed { start, end, fingerprint: format!("{hash:016x}:{number}") };
            }
        }
    }

    pub(crate) fn findings(&self) -> impl Iterator<Item = (&Policy, &Finding)> {
        self.policies.iter().flat_map(|policy| policy.found.iter().map(move |finding| (policy, finding)))
    }
}

impl Report {
    pub(crate) fn findings(&self) -> impl Iterator<Item = (&Source, &Policy, &Finding)> {
        self.sources
            .iter()
            .flat_map(|source| source.findings().map(move |(policy, finding)| (source, policy, finding)))
    }

    pub(crate) fn policies(&self) -> impl Iterator<Item = (&Source, &Policy)> {
        self.sources.iter().flat_map(|source| source.policies.iter().map(move |policy| (source, policy)))
    }

    pub(crate) fn count(&self, severity: Severity) -> usize {
        self.findings().filter(|(.., finding)| finding.severity == severity).count()
    }

    /// Whether something is no policy or could not be read.
    pub(crate) fn has_bad_files(&self) -> bool {
        !self.unread.is_empty() || self.policies().any(|(_, policy)| !policy.is_policy)
    }
}

/// What stays when lines move: the rule, where the policy is kept, and the text that the finding is about without
/// its white space (FNV-1a; against accidents, not against attackers).
fn hash(name: &str, within: &str, finding: &Finding, text: &str) -> u64 {
    const OFFSET: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    /// Of longer texts the beginning counts: a million findings on one large statement stay a million cheap ones.
    const MOST: usize = 4096;
    let about = text.get(finding.span.clone()).unwrap_or_default();
    let about = about.bytes().filter(|byte| !byte.is_ascii_whitespace()).take(MOST);
    let sid = finding.sid.as_deref().unwrap_or_default();
    let parts = [finding.rule.id, "\0", name, "\0", within, "\0", sid, "\0"];
    let bytes = parts.into_iter().flat_map(str::bytes).chain(about);
    bytes.fold(OFFSET, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME))
}
