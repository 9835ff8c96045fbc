//! A workload in Cedar's language: one policy per statement, or per pair of an identity statement and one of
//! the resource's policy where both must allow.

use cedar_policy::{
    Authorizer, Context, Decision, Entities, EntityUid, PolicySet, Request, RestrictedExpression,
};
use postern_policy::{Comparison, Condition, Document, Effect, Qualifier, Statement};

use crate::workloads::Workload;

pub(crate) struct Translation {
    authorizer: Authorizer,
    policies: PolicySet,
    entities: Entities,
    requests: Vec<Request>,
}

impl Translation {
    pub(crate) fn new(workload: &Workload) -> Self {
        let own: Vec<&Document> = workload
            .stack
            .identity
            .iter()
            .chain(workload.stack.groups)
            .map(|policy| policy.document)
            .collect();
        let resource = workload.stack.resource.map(|policy| policy.document);
        let mut text = String::new();
        for statement in own.iter().flat_map(|document| document.statements()) {
            let mine = clause(statement);
            match (statement.effect(), resource) {
                (Effect::Deny, _) => text += &policy("forbid", &mine),
                (Effect::Allow, None) => text += &policy("permit", &mine),
                (Effect::Allow, Some(resource)) => {
                    for theirs in resource.statements().iter().filter(|s| s.effect() == Effect::Allow) {
                        let theirs = clause(theirs);
                        text +=
                            &policy("permit", &format!("({mine}) && (context.own_account || ({theirs}))"));
                    }
                }
            }
        }
        let uid = |text: &str| -> EntityUid { text.parse().expect("an entity") };
        let [principal, action, object] =
            [r#"User::"alice""#, r#"Action::"call""#, r#"Resource::"it""#].map(uid);
        let requests = workload.asked.iter().map(|asked| {
            let string = |text: &str| RestrictedExpression::new_string(text.to_owned());
            let mut pairs = vec![
                ("action".to_owned(), string(&asked.action.to_ascii_lowercase())),
                ("resource".to_owned(), string(&asked.resource)),
                // What names no account lies in the caller's, whose own policies suffice there.
                ("own_account".to_owned(), RestrictedExpression::new_bool(asked.resource == "*")),
            ];
            for (key, value) in asked.context.iter() {
                let [value] = value.values() else { panic!("{key} has several values") };
                pairs.push((key.to_owned(), string(value)));
            }
            let context = Context::from_pairs(pairs).expect("a context");
            Request::new(principal.clone(), action.clone(), object.clone(), context, None).expect("a request")
        });
        Self {
            requests: requests.collect(),
            authorizer: Authorizer::new(),
            policies: text.parse().expect("policies"),
            entities: Entities::empty(),
        }
    }

    fn decide(&self, request: &Request) -> bool {
        self.authorizer.is_authorized(request, &self.policies, &self.entities).decision() == Decision::Allow
    }

    pub(crate) fn verdicts(&self) -> Vec<bool> {
        self.requests.iter().map(|request| self.decide(request)).collect()
    }

    pub(crate) fn allowed(&self) -> usize {
        self.requests.iter().filter(|request| self.decide(request)).count()
    }
}

fn policy(kind: &str, clause: &str) -> String {
    format!("{kind}(principal, action, resource) when {{ {clause} }};\n")
}

fn clause(statement: &Statement) -> String {
    let actions = statement.actions();
    let patterns = actions.patterns().iter().map(|p| p.text().to_ascii_lowercase());
    let mut parts = vec![negated(actions.is_negated(), &any("context.action", patterns, true))];
    if let Some(resources) = statement.resources() {
        let patterns = resources.patterns().iter().map(|p| p.text().to_owned());
        parts.push(negated(resources.is_negated(), &any("context.resource", patterns, true)));
    }
    // The workloads' one caller is in the account that their trust policy names.
    parts.extend(statement.conditions().iter().map(condition));
    parts.join(" && ")
}

fn negated(not: bool, text: &str) -> String {
    if not { format!("!({text})") } else { format!("({text})") }
}

fn any(value: &str, patterns: impl Iterator<Item = String>, globs: bool) -> String {
    let one = |pattern: String| {
        assert!(!globs || !pattern.contains('?'), "Cedar's `like` has no `?`: {pattern}");
        match (globs, &*pattern) {
            (true, "*") => "true".to_owned(),
            (true, glob) if glob.contains('*') => format!("{value} like {glob:?}"),
            _ => format!("{value} == {pattern:?}"),
        }
    };
    patterns.map(one).collect::<Vec<_>>().join(" || ")
}

fn condition(condition: &Condition) -> String {
    use Comparison as C;
    let key = condition.folded_key();
    let (has, value) = (format!("context has {key:?}"), format!("context[{key:?}]"));
    let values = || condition.values().iter().map(|value| value.text().to_owned());
    let operator = condition.operator();
    let (globs, not) = match operator.comparison {
        C::Null => return negated(values().all(|value| value == "true"), &has),
        C::StringEquals | C::Bool => (false, false),
        C::StringLike | C::ArnLike | C::ArnEquals => (true, false),
        C::StringNotEquals => (false, true),
        C::StringNotLike | C::ArnNotLike | C::ArnNotEquals => (true, true),
        other => panic!("{} is not translated", other.as_str()),
    };
    let found = any(&value, values(), globs);
    let if_absent = operator.if_exists || operator.qualifier == Some(Qualifier::ForAllValues);
    match (not, if_absent) {
        (false, false) => format!("({has} && ({found}))"),
        (false, true) => format!("(!({has}) || ({found}))"),
        (true, _) => format!("!({has} && ({found}))"),
    }
}
