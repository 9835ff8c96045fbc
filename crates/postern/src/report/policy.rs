//! Policy documents in lines that a person can read and compare.

use postern_estate::{
    PolicyDocument,
    changes::{Clause, ClauseChange, Clauses, Part, StatementChange},
};
use postern_policy::{Effect, PrincipalType, Version};

use crate::output::{BAD, DIM, GOOD, WARN, harmless, paint};

/// Each statement as one line; a text that cannot be read as it is.
pub(crate) fn statements(document: &PolicyDocument) -> Vec<String> {
    match document.clauses() {
        Some(statements) => statements.iter().map(sentence).collect(),
        None => vec![harmless(document.text()).into_owned()],
    }
}

/// The change from one document to another: `-` for statements that go, `+` for those that come, and for those that
/// change what comes and goes inside. What stays is only counted.
pub(crate) fn changes(before: &PolicyDocument, after: &PolicyDocument) -> Vec<String> {
    let Some(found) = before.changes(after) else {
        let gone = statements(before).into_iter().map(|line| removed(&line));
        return gone.chain(statements(after).into_iter().map(|line| added(&line))).collect();
    };
    let mut lines = Vec::new();
    if let Some((old, new)) = found.version {
        lines.push(changed(&format!("Version {} -> {}", version(old), version(new))));
    }
    let mut unchanged = 0;
    for statement in &found.statements {
        match statement {
            StatementChange::Stays(_) => unchanged += 1,
            StatementChange::Comes(clauses) => lines.push(added(&sentence(clauses))),
            StatementChange::Goes(clauses) => lines.push(removed(&sentence(clauses))),
            StatementChange::Changes { same, clauses } => {
                lines.push(changed(&shortened(same)));
                lines.extend(clauses.iter().flat_map(clause_lines).map(|line| format!("    {line}")));
            }
        }
    }
    if unchanged > 0 {
        lines.push(quiet(unchanged, "statement unchanged", "statements unchanged"));
    }
    lines
}

fn added(text: &str) -> String {
    format!("{} {text}", paint(GOOD, "+"))
}

fn removed(text: &str) -> String {
    format!("{} {text}", paint(BAD, "-"))
}

fn changed(text: &str) -> String {
    format!("{} {text}", paint(WARN, "~"))
}

/// `  2 unchanged`, in line with what stands behind the marks.
fn quiet(number: usize, one: &str, several: &str) -> String {
    let what = if number == 1 { one } else { several };
    format!("  {}", paint(DIM, &format!("{number} {what}")))
}

const fn version(version: Version) -> &'static str {
    match version {
        Version::V2008 => "2008-10-17",
        Version::V2012 => "2012-10-17",
    }
}

const fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Allow => "Allow",
        Effect::Deny => "Deny",
    }
}

/// A statement as a sentence: effect, actions, principals, resources, conditions.
fn sentence(clauses: &Clauses) -> String {
    in_words(clauses, &|clause| list(&clause.values))
}

/// The same with no list longer than three: what a change is about needs no more.
fn shortened(clauses: &Clauses) -> String {
    in_words(clauses, &|clause| match &clause.values[..] {
        [one, two, rest @ ..] if rest.len() > 1 => format!("{} and {} more", texts(&[one, two]), rest.len()),
        values => list(values),
    })
}

fn in_words(clauses: &Clauses, values: &dyn Fn(&Clause) -> String) -> String {
    let mut text = effect(clauses.effect).to_owned();
    for clause in &clauses.list {
        match &clause.part {
            Part::Action => text.push_str(&format!(" {}", values(clause))),
            Part::NotAction => text.push_str(&format!(" everything but {}", values(clause))),
            Part::Principal(PrincipalType::Aws) => text.push_str(&format!(" to {}", values(clause))),
            Part::Principal(kind) => text.push_str(&format!(" to {} {}", kind.as_str(), values(clause))),
            Part::NotPrincipal(_) => text.push_str(&format!(" to all but {}", values(clause))),
            Part::Resource if clause.values == ["*"] => {}
            Part::Resource => text.push_str(&format!(" on {}", values(clause))),
            Part::NotResource => text.push_str(&format!(" on everything but {}", values(clause))),
            Part::Condition(..) => {}
        }
    }
    let mut word = "if";
    for clause in &clauses.list {
        if let Part::Condition(operator, key) = &clause.part {
            text.push_str(&format!(" {word} {}", condition(operator, key, &values(clause))));
            word = "and";
        }
    }
    text
}

fn list(values: &[String]) -> String {
    let values: Vec<&String> = values.iter().collect();
    texts(&values)
}

fn texts(values: &[&String]) -> String {
    let values: Vec<_> = values.iter().map(|value| harmless(value)).collect();
    values.join(", ")
}

/// `aws:MultiFactorAuthPresent is true`. An operator without words of its own keeps its name.
fn condition(operator: &str, key: &str, values: &str) -> String {
    let key = harmless(key);
    match (operator, values) {
        ("Bool" | "ArnEquals" | "StringEquals" | "NumericEquals", _) => format!("{key} is {values}"),
        ("StringLike" | "ArnLike", _) => format!("{key} is like {values}"),
        ("StringNotEquals" | "ArnNotEquals", _) => format!("{key} is not {values}"),
        ("StringNotLike" | "ArnNotLike", _) => format!("{key} is not like {values}"),
        ("NumericLessThan", _) => format!("{key} < {values}"),
        ("NumericLessThanEquals", _) => format!("{key} <= {values}"),
        ("NumericGreaterThan", _) => format!("{key} > {values}"),
        ("NumericGreaterThanEquals", _) => format!("{key} >= {values}"),
        ("DateLessThan", _) => format!("{key} is before {values}"),
        ("DateGreaterThan", _) => format!("{key} is after {values}"),
        ("IpAddress", _) => format!("{key} is in {values}"),
        ("NotIpAddress", _) => format!("{key} is not in {values}"),
        ("Null", "true") => format!("{key} is absent"),
        ("Null", "false") => format!("{key} is present"),
        _ => format!("{operator} {key} {values}"),
    }
}

/// What a part of a statement is called where its values stand below.
fn part_words(part: &Part) -> String {
    match part {
        Part::Action => "actions".to_owned(),
        Part::NotAction => "all actions but".to_owned(),
        Part::Resource => "resources".to_owned(),
        Part::NotResource => "all resources but".to_owned(),
        Part::Principal(kind) => format!("principals ({})", kind.as_str()),
        Part::NotPrincipal(kind) => format!("all principals but ({})", kind.as_str()),
        Part::Condition(operator, key) => format!("if {}", condition(operator, key, "").trim_end()),
    }
}

fn clause_lines(change: &ClauseChange) -> Vec<String> {
    let whole = |clause: &Clause| match &clause.part {
        Part::Condition(operator, key) => {
            format!("if {}", condition(operator, key, &list(&clause.values)))
        }
        part => format!("{} {}", part_words(part), list(&clause.values)),
    };
    match change {
        ClauseChange::Comes(clause) => vec![added(&whole(clause))],
        ClauseChange::Goes(clause) => vec![removed(&whole(clause))],
        ClauseChange::Values { part, gone, new, kept } => {
            if let ([old], [new], 0) = (&gone[..], &new[..], *kept) {
                return vec![changed(&format!(
                    "{} {} -> {}",
                    part_words(part),
                    harmless(old),
                    harmless(new)
                ))];
            }
            let mut lines = vec![changed(&part_words(part))];
            lines.extend(gone.iter().map(|value| format!("    {}", removed(&harmless(value)))));
            lines.extend(new.iter().map(|value| format!("    {}", added(&harmless(value)))));
            if *kept > 0 {
                lines.push(format!("    {}", quiet(*kept, "unchanged", "unchanged")));
            }
            lines
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(statements: &str) -> PolicyDocument {
        PolicyDocument::new(format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#))
    }

    fn plain(lines: &[String]) -> Vec<String> {
        lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn statements_read_as_sentences() {
        let lines = statements(&document(
            r#"{"Effect":"Allow","Action":"sts:AssumeRole","Resource":["arn:a","arn:b"],
                 "Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"},"NumericLessThan":{"aws:MultiFactorAuthAge":"3600"}}},
                {"Effect":"Allow","NotAction":["iam:*"],"Resource":"*"},
                {"Effect":"Allow","Principal":{"Service":"ec2.amazonaws.com"},"Action":"sts:AssumeRole",
                 "Condition":{"Null":{"aws:SourceArn":false},"ForAnyValue:StringLike":{"aws:TagKeys":"a*"}}},
                {"Effect":"Deny","Principal":{"AWS":"111111111111"},"Action":"sts:AssumeRole"}"#,
        ));
        assert_eq!(
            lines,
            [
                "Allow sts:AssumeRole on arn:a, arn:b if aws:MultiFactorAuthPresent is true and aws:MultiFactorAuthAge < 3600",
                "Allow everything but iam:*",
                "Allow sts:AssumeRole to Service ec2.amazonaws.com if aws:SourceArn is present and ForAnyValue:StringLike aws:TagKeys a*",
                "Deny sts:AssumeRole to 111111111111",
            ]
        );
        assert_eq!(statements(&PolicyDocument::new("no \u{1b}json")), ["no \\u{1b}json"]);
    }

    #[test]
    fn a_change_shows_what_changes_and_counts_the_rest() {
        let before = document(
            r#"{"Effect":"Allow","Action":["s3:Get*","s3:Put*","s3:List*","s3:Head*","s3:Copy*"],"Resource":["arn:a","arn:b"],
                "Condition":{"Bool":{"aws:MultiFactorAuthPresent":"true"},"NumericLessThan":{"aws:MultiFactorAuthAge":"3600"}}},
               {"Effect":"Allow","Action":"ec2:*","Resource":"*"},{"Effect":"Allow","Action":"rds:*","Resource":"*"}"#,
        );
        let after = document(
            r#"{"Effect":"Allow","Action":"ec2:*","Resource":"*"},{"Effect":"Deny","Action":"rds:*","Resource":"*"},
               {"Effect":"Allow","Action":["s3:Put*","s3:Get*","s3:List*","s3:Head*","s3:Copy*"],"Resource":["arn:b","arn:c"],
                "Condition":{"NumericLessThan":{"aws:MultiFactorAuthAge":"43200"}}}"#,
        );
        assert_eq!(
            plain(&changes(&before, &after)),
            [
                "- Allow rds:*",
                "+ Deny rds:*",
                "~ Allow s3:Put*, s3:Get* and 3 more",
                "    - if aws:MultiFactorAuthPresent is true",
                "    ~ resources",
                "        - arn:a",
                "        + arn:c",
                "          1 unchanged",
                "    ~ if aws:MultiFactorAuthAge < 3600 -> 43200",
                "  1 statement unchanged",
            ]
        );
    }
}
