//! What changes between two policy documents, statement by statement.
//!
//! For reading only. Statements are told apart as [`PolicyDocument::means_the_same`] tells documents apart:
//! order, a single value against a list of one, and the case of actions and keys are no change.

use postern_policy::{Document, Effect, PrincipalType, Statement, Version};

use crate::PolicyDocument;

/// The change from one document to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DocumentChanges {
    /// The version of the policy language before and after, where it changes.
    pub version: Option<(Version, Version)>,
    /// Statements that go in the order of the old document, then those of the new one in its order.
    pub statements: Vec<StatementChange>,
}

/// What becomes of a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StatementChange {
    /// It says what it said.
    Stays(Clauses),
    /// It is new.
    Comes(Clauses),
    /// It goes.
    Goes(Clauses),
    /// It says something else.
    Changes {
        /// What it says in both documents alike.
        same: Clauses,
        /// What it does not.
        clauses: Vec<ClauseChange>,
    },
}

/// A statement taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clauses {
    /// Whether it allows or denies.
    pub effect: Effect,
    /// Its elements, conditions one by one.
    pub list: Vec<Clause>,
    sid: Option<String>,
}

/// An element of a statement, or one of its conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Clause {
    /// Which.
    pub part: Part,
    /// Its values as written, none twice.
    pub values: Vec<String>,
}

/// Where in a statement a value stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// `Principal`, by its kind.
    Principal(PrincipalType),
    /// `NotPrincipal`, by its kind.
    NotPrincipal(PrincipalType),
    /// `Action`
    Action,
    /// `NotAction`
    NotAction,
    /// `Resource`
    Resource,
    /// `NotResource`
    NotResource,
    /// A condition: the operator as AWS spells it, and the key as written.
    Condition(String, String),
}

/// How a clause differs between two statements.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClauseChange {
    /// Only the new statement has it.
    Comes(Clause),
    /// Only the old statement had it.
    Goes(Clause),
    /// Both have it, with other values.
    Values {
        /// Which.
        part: Part,
        /// Values that go.
        gone: Vec<String>,
        /// Values that come.
        new: Vec<String>,
        /// How many stay.
        kept: usize,
    },
}

impl PolicyDocument {
    /// The document's statements; none where it cannot be read.
    #[must_use]
    pub fn clauses(&self) -> Option<Vec<Clauses>> {
        let document = Document::parse(self.text()).ok()?;
        Some(document.statements().iter().map(Clauses::of).collect())
    }

    /// What changes from this document to the other; none where one of them cannot be read.
    #[must_use]
    pub fn changes(&self, after: &Self) -> Option<DocumentChanges> {
        let (old, new) = (Document::parse(self.text()).ok()?, Document::parse(after.text()).ok()?);
        let version = (old.version() != new.version()).then(|| (old.version(), new.version()));
        let clauses = |document: &Document| document.statements().iter().map(Clauses::of).collect();
        Some(DocumentChanges { version, statements: pair(clauses(&old), clauses(&new)) })
    }
}

/// Finds for each new statement the old one that it was.
fn pair(old: Vec<Clauses>, new: Vec<Clauses>) -> Vec<StatementChange> {
    let mut old: Vec<Option<Clauses>> = old.into_iter().map(Some).collect();
    let mut new: Vec<(Clauses, Option<StatementChange>)> = new.into_iter().map(|one| (one, None)).collect();
    for (statement, change) in &mut new {
        if let Some(slot) = old.iter_mut().find(|slot| slot.as_ref().is_some_and(|o| o.is(statement))) {
            *slot = None;
            *change = Some(StatementChange::Stays(statement.clone()));
        }
    }
    // The most alike first, so that a statement does not lose its own to one that only resembles it.
    let mut likeness: Vec<(usize, usize, usize)> = Vec::new();
    for (to, (statement, _)) in new.iter().enumerate().filter(|(_, (_, change))| change.is_none()) {
        for (from, slot) in old.iter().enumerate() {
            if let Some(alike) = slot.as_ref().and_then(|before| before.likeness(statement)) {
                likeness.push((alike, from, to));
            }
        }
    }
    likeness.sort_by_key(|(alike, from, to)| (std::cmp::Reverse(*alike), *from, *to));
    for (_, from, to) in likeness {
        if let (Some(slot), Some((statement, change @ None))) = (old.get_mut(from), new.get_mut(to))
            && let Some(before) = slot.take()
        {
            *change = Some(before.into_change(statement));
        }
    }
    let goes = old.into_iter().flatten().map(StatementChange::Goes);
    let rest = new.into_iter().map(|(one, change)| change.unwrap_or(StatementChange::Comes(one)));
    goes.chain(rest).collect()
}

impl Clauses {
    fn of(statement: &Statement) -> Self {
        let mut list: Vec<Clause> = Vec::new();
        let mut add = |part: Part, value: &str| {
            let clause = match list.iter_mut().find(|clause| clause.part.is(&part)) {
                Some(clause) => clause,
                None => {
                    list.push(Clause { part, values: Vec::new() });
                    let Some(last) = list.last_mut() else { return };
                    last
                }
            };
            if !clause.holds(value) {
                clause.values.push(value.to_owned());
            }
        };
        let actions = statement.actions();
        for pattern in actions.patterns() {
            add(if actions.is_negated() { Part::NotAction } else { Part::Action }, pattern.text());
        }
        if let Some(principals) = statement.principals() {
            let part = if principals.is_negated() { Part::NotPrincipal } else { Part::Principal };
            for pattern in principals.patterns() {
                add(part(pattern.kind()), pattern.text());
            }
        }
        if let Some(resources) = statement.resources() {
            for pattern in resources.patterns() {
                add(if resources.is_negated() { Part::NotResource } else { Part::Resource }, pattern.text());
            }
        }
        for condition in statement.conditions() {
            for value in condition.values() {
                let part = Part::Condition(condition.operator().to_string(), condition.key().to_owned());
                add(part, value.text());
            }
        }
        Self { effect: statement.effect(), list, sid: statement.sid().map(str::to_owned) }
    }

    fn clause(&self, part: &Part) -> Option<&Clause> {
        self.list.iter().find(|clause| clause.part.is(part))
    }

    /// Whether both say the same.
    fn is(&self, other: &Self) -> bool {
        self.effect == other.effect
            && self.list.len() == other.list.len()
            && self.list.iter().all(|one| other.clause(&one.part).is_some_and(|two| one.is(two)))
    }

    /// How much two statements have in common; none where they are rather two than one that changed.
    fn likeness(&self, other: &Self) -> Option<usize> {
        if self.effect != other.effect {
            return None;
        }
        let named = usize::from(self.sid.is_some() && self.sid == other.sid);
        let (mut same, mut near) = (0, 0);
        for one in &self.list {
            match other.clause(&one.part) {
                Some(two) if one.is(two) => same += 1,
                Some(two) if one.values.iter().any(|value| two.holds(value)) => near += 1,
                _ => {}
            }
        }
        let clauses = self.list.len().max(other.list.len());
        let acts =
            |one: &Self| one.list.iter().find(|c| matches!(c.part, Part::Action | Part::NotAction)).cloned();
        let same_actions = match (acts(self), acts(other)) {
            (Some(one), Some(two)) => one.part.is(&two.part) && one.is(&two),
            _ => false,
        };
        (named == 1 || same_actions || 2 * same + near >= clauses)
            .then_some(4 * named * clauses + 2 * same + near)
    }

    fn into_change(self, after: &Self) -> StatementChange {
        let mut same = Self { effect: after.effect, list: Vec::new(), sid: after.sid.clone() };
        let mut clauses = Vec::new();
        for clause in &self.list {
            if after.clause(&clause.part).is_none() {
                clauses.push(ClauseChange::Goes(clause.clone()));
            }
        }
        for clause in &after.list {
            match self.clause(&clause.part) {
                None => clauses.push(ClauseChange::Comes(clause.clone())),
                Some(before) if before.is(clause) => same.list.push(clause.clone()),
                Some(before) => clauses.push(ClauseChange::Values {
                    part: clause.part.clone(),
                    gone: before.values.iter().filter(|value| !clause.holds(value)).cloned().collect(),
                    new: clause.values.iter().filter(|value| !before.holds(value)).cloned().collect(),
                    kept: clause.values.iter().filter(|value| before.holds(value)).count(),
                }),
            }
        }
        StatementChange::Changes { same, clauses }
    }
}

impl Clause {
    fn is(&self, other: &Self) -> bool {
        self.values.len() == other.values.len() && self.values.iter().all(|value| other.holds(value))
    }

    fn holds(&self, value: &str) -> bool {
        self.values.iter().any(|other| self.part.same_value(other, value))
    }
}

impl Part {
    fn is(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Condition(a, key), Self::Condition(b, other)) => {
                a.eq_ignore_ascii_case(b) && key.eq_ignore_ascii_case(other)
            }
            _ => self == other,
        }
    }

    fn same_value(&self, one: &str, other: &str) -> bool {
        match self {
            Self::Action | Self::NotAction => one.eq_ignore_ascii_case(other),
            Self::Principal(PrincipalType::Aws) | Self::NotPrincipal(PrincipalType::Aws) => {
                account_of(one) == account_of(other)
            }
            Self::Condition(operator, _)
                if operator.starts_with("Bool") || operator == "Null" || operator.contains(":Bool") =>
            {
                one.eq_ignore_ascii_case(other)
            }
            _ => one == other,
        }
    }
}

/// An account's root and the account's id are the same principal.
fn account_of(principal: &str) -> &str {
    crate::document::account_of_root(principal).unwrap_or(principal)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(statements: &str) -> PolicyDocument {
        PolicyDocument::new(format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#))
    }

    fn changes(before: &str, after: &str) -> Vec<StatementChange> {
        document(before).changes(&document(after)).unwrap().statements
    }

    const ASSUME: &str = r#"{"Sid":"A","Effect":"Allow","Action":"sts:AssumeRole","Resource":["arn:a","arn:b"],
        "Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"}}}"#;
    const SESSION: &str = r#"{"Effect":"Allow","Action":"sts:GetSessionToken","Resource":"*"}"#;

    #[test]
    fn form_is_no_change() {
        let same = r#"{"Effect":"Allow","Action":["STS:assumerole","sts:AssumeRole"],"Resource":["arn:b","arn:a"],
            "Condition":{"Bool":{"AWS:multifactorauthpresent":[true]}}}"#;
        for (before, after) in [
            (format!("{ASSUME},{SESSION}"), format!("{SESSION},{same}")),
            (
                r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":"111111111111"}}"#.to_owned(),
                r#"{"Effect":"Allow","Action":"sts:AssumeRole","Principal":{"AWS":["arn:aws:iam::111111111111:root"]}}"#
                    .to_owned(),
            ),
        ] {
            let found = changes(&before, &after);
            assert!(found.iter().all(|change| matches!(change, StatementChange::Stays(_))), "{found:#?}");
        }
    }

    #[test]
    fn a_statement_that_changes_is_the_same_statement() {
        let other = ASSUME.replace(r#""arn:b""#, r#""arn:c","arn:d""#).replace("\"Sid\":\"A\",", "");
        let found = changes(&format!("{ASSUME},{SESSION}"), &format!("{SESSION},{other}"));
        let [StatementChange::Stays(_), StatementChange::Changes { same, clauses }] = &found[..] else {
            panic!("{found:#?}")
        };
        assert_eq!(same.list.len(), 2, "action and condition");
        let values = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
        let wanted = ClauseChange::Values {
            part: Part::Resource,
            gone: values(&["arn:b"]),
            new: values(&["arn:c", "arn:d"]),
            kept: 1,
        };
        assert_eq!(clauses, &[wanted]);
    }

    #[test]
    fn a_lost_condition_is_named() {
        let open = r#"{"Sid":"A","Effect":"Allow","Action":"sts:AssumeRole","Resource":["arn:a","arn:b"]}"#;
        let found = changes(ASSUME, open);
        let [StatementChange::Changes { clauses, .. }] = &found[..] else { panic!("{found:#?}") };
        let [ClauseChange::Goes(Clause { part: Part::Condition(operator, key), .. })] = &clauses[..] else {
            panic!("{clauses:#?}")
        };
        assert_eq!((operator.as_str(), key.as_str()), ("Bool", "aws:MultiFactorAuthPresent"));
    }

    #[test]
    fn statements_with_little_in_common_come_and_go() {
        let found = changes(ASSUME, &SESSION.replace("Allow", "Deny"));
        assert!(matches!(&found[..], [StatementChange::Goes(_), StatementChange::Comes(_)]), "{found:#?}");
        let found = changes(ASSUME, r#"{"Effect":"Allow","Action":"s3:*","Resource":"*"}"#);
        assert!(matches!(&found[..], [StatementChange::Goes(_), StatementChange::Comes(_)]), "{found:#?}");
    }

    #[test]
    fn what_cannot_be_read_is_told_apart_elsewhere() {
        assert_eq!(PolicyDocument::new("nonsense").changes(&document(SESSION)), None);
        let old = PolicyDocument::new(format!(r#"{{"Statement":{SESSION}}}"#));
        let changes = old.changes(&document(SESSION)).unwrap();
        assert_eq!(changes.version, Some((Version::V2008, Version::V2012)));
    }
}
