//! T01 to T06, T22, B05, B06: whether MFA is asked for, and whether asking has an effect.
//!
//! Decided by evaluating the document with a long-term key, with a session taken without MFA and with
//! one taken with it (*AWS global condition context keys*: the keys are missing in the first, false in
//! the second). The look of the text only names the form.

use super::{
    About, Class, PolicyKind, Rule, Severity,
    finding::Sink,
    place::Place,
    scene::{self, AGE, Ask, Caller, Mfa, PRESENT, is_mfa},
};
use crate::{Comparison as C, Condition, Decision, Effect, Operator, PrincipalType, Qualifier, Statement};

pub(super) static NOT_ASKED: Rule = Rule::new("T01", Class::Security, Severity::High)
    .says("Trust of people's principals does not ask for MFA")
    .why("The policies of the other account are then the only guard: a stolen key is enough.")
    .fix("Add `\"Bool\": {\"aws:MultiFactorAuthPresent\": \"true\"}` to the Allow.")
    .counts_as("T01");

pub(super) static IF_EXISTS: Rule = Rule::new("T02", Class::Security, Severity::Critical)
    .says("Trust uses BoolIfExists in an Allow")
    .why("A request signed with a long-term key does not carry the key, and passes.")
    .fix("Use `Bool`.")
    .counts_as("T02");

pub(super) static NO_EFFECT: Rule = Rule::new("T03", Class::Security, Severity::Critical)
    .says("Trust mentions MFA but admits without")
    .why("It looks right, and is not.")
    .fix("Use `\"Bool\": {\"aws:MultiFactorAuthPresent\": \"true\"}`.")
    .counts_as("T03");

pub(super) static AGE_ADMITS: Rule = Rule::new("T04", Class::Security, Severity::Critical)
    .says("MFA age condition that admits without MFA")
    .why("The age is missing without MFA, and grows with time.")
    .fix("Use `NumericLessThan`, beside `Bool` true.")
    .counts_as("T04");

pub(super) static DENY_MISSES: Rule = Rule::new("T05", Class::Security, Severity::Critical)
    .says("Deny for missing MFA has no effect")
    .why("A request signed with a long-term key does not carry the key, so that `Bool` false does not match and nothing is denied.")
    .fix("Use `BoolIfExists` false in the Deny, or `Bool` true in the Allow.")
    .counts_as("T05");

pub(super) static OTHER_DOOR: Rule = Rule::new("T06", Class::Security, Severity::Critical)
    .says("One statement asks for MFA, another does not")
    .why("Statements are alternatives: whoever is in both comes in by the second.")
    .fix("Ask for MFA in both, or merge them.")
    .counts_as("T06");

pub(super) static UNMET: Rule = Rule::new("T22", Class::Warning, Severity::Low)
    .says("MFA condition that its principal can never meet")
    .why("Only users carry MFA: role sessions, services and federated users never do.")
    .fix("Ask for MFA where the user assumes the first role, or drop the dead statement.")
    .counts_as("T22");

pub(super) static GROUP_WITHOUT: Rule = Rule::new("B05", Class::Security, Severity::Low)
    .says("sts:AssumeRole without MFA")
    .why("Attached to a user or group, a key alone reaches every role whose trust does not insist on MFA by itself.")
    .fix("Add `\"Bool\": {\"aws:MultiFactorAuthPresent\": \"true\"}` to the Allow.")
    .counts_as("B05");

pub(super) static GROUP_NO_EFFECT: Rule = Rule::new("B06", Class::Security, Severity::Critical)
    .says("MFA condition without effect")
    .why("It looks right, and is not: requests without MFA pass.")
    .fix("`Bool` true in the Allow, or `BoolIfExists` false in the Deny.")
    .counts_as("B06");

/// Principals of a statement, and statements that ask for MFA, that are looked at.
const MAX_PRINCIPALS: usize = 20;

const ASSUME: &str = "sts:AssumeRole";
const ROLE: &str = "arn:aws:iam::827364554637:role/somewhere";

/// Who passes with what.
#[derive(Clone, Copy, Default)]
struct Passes {
    key: bool,
    session: bool,
    mfa: bool,
}

impl Passes {
    const fn without(self) -> bool {
        self.key || self.session
    }

    /// The credential that passes, for a sentence.
    const fn who(self) -> &'static str {
        match (self.key, self.session) {
            (true, true) => "a long-term key and a session taken without MFA pass",
            (true, false) => "a long-term key passes, for which the key is missing",
            _ => "a session taken without MFA passes, for which the key is there and false",
        }
    }
}

/// An Allow that was put to the evaluation.
struct Door<'a> {
    number: usize,
    statement: &'a Statement,
    passes: Passes,
    /// Whether a person can be meant.
    people: bool,
}

pub(super) fn check(about: &About<'_>, sink: &mut Sink) {
    let doors = doors(about);
    let asks = |door: &Door<'_>| door.passes.mfa && !door.passes.without();
    let asking: Vec<&Door<'_>> = doors.iter().filter(|door| asks(door)).take(MAX_PRINCIPALS).collect();
    let open = doors.iter().any(|door| door.passes.without() && !mentions(door.statement));
    // A trust policy decides alone; what another document does not allow, a third one may.
    let denies = if about.kind == PolicyKind::Trust && !open { Vec::new() } else { denies_that_miss(about) };
    for door in &doors {
        if door.passes.without() {
            if mentions(door.statement) {
                mentioned(about, door, sink);
            } else if let Some(other) =
                asking.iter().find(|other| same_people(other.statement, door.statement))
            {
                if about.kind == PolicyKind::Trust && door.people {
                    let message =
                        format!("whoever statement {} asks for MFA gets in here without", other.number + 1);
                    sink.add(about.document, &OTHER_DOOR, Place::Statement(door.number), message, mended());
                }
            } else if denies.is_empty() {
                not_mentioned(about, door, sink);
            }
        }
        if about.kind == PolicyKind::Trust {
            older_only(about, door, sink);
        }
    }
    if about.kind == PolicyKind::Trust {
        let allows = about.statements().filter(|(_, s)| s.effect() == Effect::Allow);
        for (number, statement) in allows.take(about.evaluated) {
            unmet(about, number, statement, sink);
        }
    }
    for found in &denies {
        missed(about, found, sink);
    }
}

fn mentions(statement: &Statement) -> bool {
    statement.conditions().iter().any(|condition| is_mfa(condition) || misspelt(condition).is_some())
}

/// The MFA key that a key of another name is meant to be.
fn misspelt(condition: &Condition) -> Option<&'static str> {
    let key = condition.folded_key();
    if is_mfa(condition) || key.len() > 40 || !key.contains("factor") && !key.contains("mfa") {
        return None;
    }
    let near = |known: &str| strsim::damerau_levenshtein(known, key) <= 6;
    [("aws:MultiFactorAuthPresent", PRESENT), ("aws:MultiFactorAuthAge", AGE)]
        .into_iter()
        .find(|(_, known)| near(known))
        .map(|(name, _)| name)
}

/// Every Allow on the wanted action, by what it lets in.
fn doors<'a>(about: &About<'a>) -> Vec<Door<'a>> {
    let mut doors = Vec::new();
    for (number, statement) in about.statements().filter(|(_, s)| s.effect() == Effect::Allow) {
        let assumes = statement.actions().matches(ASSUME);
        let looked_at = match about.kind {
            PolicyKind::Trust => assumes,
            _ => mentions(statement) || (about.kind == PolicyKind::Identity && assumes),
        };
        if !looked_at {
            continue;
        }
        if doors.len() >= about.evaluated {
            break;
        }
        if let Some((passes, people)) = probe(about, number, statement) {
            doors.push(Door { number, statement, passes, people });
        }
    }
    doors
}

/// Puts a statement to the evaluation for each of its principals.
fn probe(about: &About<'_>, number: usize, statement: &Statement) -> Option<(Passes, bool)> {
    let document = scene::alone(about.document, number)?;
    let action = scene::action_of(statement, ASSUME)?;
    let mut sum: Option<Passes> = None;
    let mut people = false;
    let callers: Vec<Caller> = if about.kind.is_attached() {
        Caller::user(super::sample::ACCOUNT, "somebody").into_iter().collect()
    } else {
        let patterns = statement.principals().map(crate::Principals::patterns).unwrap_or_default();
        patterns.iter().take(MAX_PRINCIPALS).filter(|p| is_person(p)).filter_map(Caller::named).collect()
    };
    for mut caller in callers {
        if !caller.meets(statement, |condition| misspelt(condition).is_some()) {
            continue;
        }
        let resource = scene::resource_of(statement, &caller.context, ROLE)?;
        let ask = Ask { action: &action, resource: &resource };
        let passes = |mfa| scene::allows(&document, about.kind, &caller, ask, mfa);
        let found = Passes {
            key: passes(Mfa::LongTermKey),
            session: passes(Mfa::SessionWithout),
            mfa: passes(Mfa::Session),
        };
        let is_role =
            caller.context.get("aws:PrincipalArn").single().is_some_and(|arn| arn.contains("role/"));
        people |= !is_role;
        let before = sum.unwrap_or_default();
        sum = Some(Passes {
            key: before.key || found.key,
            session: before.session || found.session,
            mfa: before.mfa || found.mfa,
        });
    }
    sum.map(|passes| (passes, people))
}

/// Whether a person with an MFA device can be meant: a user, an account, anybody.
fn is_person(pattern: &crate::PrincipalPattern) -> bool {
    pattern.kind() == PrincipalType::Aws
        && !pattern.text().contains(":role/")
        && !pattern.text().starts_with("AROA")
        && !pattern.text().contains(":assumed-role/")
}

/// Whether a principal of the one is a principal of the other.
fn same_people(a: &Statement, b: &Statement) -> bool {
    let (Some(a), Some(b)) = (a.principals(), b.principals()) else { return false };
    let same = |a: &crate::PrincipalPattern, b: &crate::PrincipalPattern| {
        let account = |p: &crate::PrincipalPattern| p.account().or(p.user().map(|user| user.account()));
        a.text() == b.text()
            || (account(a).is_some()
                && account(a) == account(b)
                && (a.account().is_some() || b.account().is_some()))
    };
    a.patterns()
        .iter()
        .take(MAX_PRINCIPALS)
        .any(|a| b.patterns().iter().take(MAX_PRINCIPALS).any(|b| same(a, b)))
}

fn mended() -> Option<String> {
    Some("`\"Condition\": {\"Bool\": {\"aws:MultiFactorAuthPresent\": \"true\"}}`".to_owned())
}

/// A statement that names MFA and lets in without.
fn mentioned(about: &About<'_>, door: &Door<'_>, sink: &mut Sink) {
    let conditions = || door.statement.conditions().iter().enumerate();
    let on_presence = conditions().find(|(_, c)| c.folded_key() == PRESENT || misspelt(c).is_some());
    let Some((at, condition)) = on_presence.or_else(|| conditions().find(|(_, c)| is_mfa(c))) else { return };
    let (rule, form) = form(condition);
    let rule = if about.kind == PolicyKind::Trust { rule } else { &GROUP_NO_EFFECT };
    let message = format!("{form}: {}", door.passes.who());
    let help = match condition.folded_key() {
        AGE => {
            "`\"NumericLessThan\": {\"aws:MultiFactorAuthAge\": \"3600\"}`, beside `\"Bool\": {\"aws:MultiFactorAuthPresent\": \"true\"}`"
        }
        _ => "`\"Bool\": {\"aws:MultiFactorAuthPresent\": \"true\"}`",
    };
    sink.add(about.document, rule, Place::Condition(door.number, at), message, help.to_owned());
}

/// The rule that knows this form, and what is wrong with it.
fn form(condition: &Condition) -> (&'static Rule, String) {
    let operator = condition.operator();
    let Operator { qualifier, comparison, if_exists } = operator;
    if let Some(name) = misspelt(condition) {
        return (
            &NO_EFFECT,
            format!("`{}` is no key, `{name}` is meant, and `{operator}` holds without it", condition.key()),
        );
    }
    let age = condition.folded_key() == AGE;
    let values = |text: &str| condition.values().iter().any(|v| v.text().eq_ignore_ascii_case(text));
    match (qualifier, comparison) {
        (Some(Qualifier::ForAllValues), _) => (
            if age { &AGE_ADMITS } else { &NO_EFFECT },
            "`ForAllValues` holds where the key is missing".to_owned(),
        ),
        _ if age => (&AGE_ADMITS, format!("`{operator}` on the age of MFA holds without MFA")),
        (None, C::Null) => (&NO_EFFECT, "`Null` asks only whether the key is there".to_owned()),
        _ if values("true") && values("false") => (&NO_EFFECT, "both values are good".to_owned()),
        (None, C::Bool) if if_exists && values("true") => {
            (&IF_EXISTS, "`BoolIfExists` holds where the key is missing".to_owned())
        }
        (None, C::Bool) if values("false") => {
            (&NO_EFFECT, "`Bool` false asks that MFA was not used".to_owned())
        }
        _ if comparison.is_negated() => (&NO_EFFECT, format!("`{operator}` holds where the key is missing")),
        _ => (&NO_EFFECT, format!("`{operator}` holds without MFA")),
    }
}

/// A statement that says nothing of MFA.
fn not_mentioned(about: &About<'_>, door: &Door<'_>, sink: &mut Sink) {
    match about.kind {
        PolicyKind::Trust if door.people => {
            let key = |name: &str| door.statement.conditions().iter().any(|c| c.folded_key() == name);
            // A third party has no device here.
            if key("sts:externalid") {
                return;
            }
            let patterns = door.statement.principals().map(crate::Principals::patterns).unwrap_or_default();
            let Some(at) = patterns.iter().position(is_person) else { return };
            let Some(person) = patterns.get(at).filter(|p| !p.is_everyone()) else { return };
            let user = person.account().is_none();
            let severity = if user { Severity::High } else { Severity::Medium };
            let message = format!(
                "`{}` gets in without MFA{}",
                person.text(),
                if user { "" } else { ", if people of that account assume the role" }
            );
            sink.graded(
                about.document,
                &NOT_ASKED,
                severity,
                Place::Principal(door.number, at),
                message,
                mended(),
            );
        }
        PolicyKind::Identity => {
            let patterns = door.statement.actions().patterns();
            let named = |p: &crate::ActionPattern| {
                p.text().get(..4).is_some_and(|s| s.eq_ignore_ascii_case("sts:")) && p.matches(ASSUME)
            };
            if door.statement.actions().is_negated() {
                return;
            }
            if let Some(at) = patterns.iter().position(named) {
                let message = "without MFA, if this is attached to a user or group";
                sink.add(about.document, &GROUP_WITHOUT, Place::Action(door.number, at), message, mended());
            }
        }
        _ => {}
    }
}

/// T04: an age that must be exceeded.
fn older_only(about: &About<'_>, door: &Door<'_>, sink: &mut Sink) {
    let wrong = |c: &Condition| {
        c.folded_key() == AGE
            && matches!(c.operator().comparison, C::NumericGreaterThan | C::NumericGreaterThanEquals)
            && c.operator().qualifier.is_none()
            && !c.operator().if_exists
    };
    let less =
        |c: &Condition| c.folded_key() == AGE && c.operator().comparison.as_str().starts_with("NumericLess");
    let conditions = door.statement.conditions();
    if conditions.iter().any(less) {
        return;
    }
    if let Some((at, condition)) = conditions.iter().enumerate().find(|(_, c)| wrong(c)) {
        let message =
            format!("`{}` asks for an MFA that is older than this, not younger", condition.operator());
        let help = "`\"NumericLessThan\": {\"aws:MultiFactorAuthAge\": \"3600\"}`".to_owned();
        sink.graded(
            about.document,
            &AGE_ADMITS,
            Severity::High,
            Place::Condition(door.number, at),
            message,
            help,
        );
    }
}

/// T22: principals without MFA that are asked for it.
fn unmet(about: &About<'_>, number: usize, statement: &Statement, sink: &mut Sink) {
    let Some((at, _)) = statement.conditions().iter().enumerate().find(|(_, c)| is_mfa(c)) else { return };
    let patterns = statement.principals().map(crate::Principals::patterns).unwrap_or_default();
    let Some(document) = scene::alone(about.document, number) else { return };
    let stuck = |pattern: &crate::PrincipalPattern| {
        let Some(mut caller) = Caller::named(pattern) else { return false };
        let action = match pattern.kind() {
            PrincipalType::Federated => {
                let saml = pattern.text().contains(":saml-provider/");
                if saml { "sts:AssumeRoleWithSAML" } else { "sts:AssumeRoleWithWebIdentity" }
            }
            _ => ASSUME,
        };
        let met = caller.meets(statement, |_| false);
        let ask = Ask { action, resource: ROLE };
        let passes = |mfa| scene::allows(&document, about.kind, &caller, ask, mfa);
        met && passes(Mfa::Session) && !passes(Mfa::LongTermKey) && !passes(Mfa::SessionWithout)
    };
    let mut never = patterns.iter().take(MAX_PRINCIPALS).filter(|p| !is_person(p));
    if let Some(pattern) = never.find(|pattern| stuck(pattern)) {
        let message = format!("`{}` never carries MFA: this lets it in at no time", pattern.text());
        sink.add(about.document, &UNMET, Place::Condition(number, at), message, None);
    }
}

/// A Deny on missing MFA that leaves requests without it out.
struct Missed<'a> {
    number: usize,
    at: usize,
    condition: &'a Condition,
    passes: Passes,
}

/// Denies that name MFA and, all taken together, leave out requests without it.
fn denies_that_miss<'a>(about: &About<'a>) -> Vec<Missed<'a>> {
    let mut found = Vec::new();
    let mentioning = about.statements().filter(|(_, s)| s.effect() == Effect::Deny && mentions(s));
    let mut all = None;
    for (number, statement) in mentioning.take(MAX_PRINCIPALS) {
        let all = all.get_or_insert_with(|| scene::denies(about.document));
        let Some((at, condition)) =
            statement.conditions().iter().enumerate().find(|(_, c)| is_mfa(c) || misspelt(c).is_some())
        else {
            continue;
        };
        let Some(action) = scene::action_of(statement, ASSUME) else { continue };
        let named = statement.principals().filter(|p| !p.is_negated());
        let named = named.and_then(|p| p.patterns().iter().find(|p| is_person(p)));
        let caller = match named {
            Some(pattern) => Caller::named(pattern),
            None => Caller::user(super::sample::ACCOUNT, "somebody"),
        };
        let Some(mut caller) = caller else { continue };
        if !caller.meets(statement, |condition| misspelt(condition).is_some()) {
            continue;
        }
        let Some(resource) = scene::resource_of(statement, &caller.context, ROLE) else { continue };
        let ask = Ask { action: &action, resource: &resource };
        let denied =
            |mfa| scene::decide(all, about.kind, &caller, ask, mfa) == Some(Decision::ExplicitlyDenied);
        let whole = |mfa| scene::allows(about.document, about.kind, &caller, ask, mfa);
        let open = whole(Mfa::LongTermKey) || whole(Mfa::SessionWithout);
        // What the document does not allow at all, another one does; an age alone may be meant so.
        let elsewhere = !whole(Mfa::Session) && condition.folded_key() != AGE;
        // One that denies with MFA does something else.
        let (key, session) = (!denied(Mfa::LongTermKey), !denied(Mfa::SessionWithout));
        let passes = Passes { key, session, mfa: !denied(Mfa::Session) };
        if passes.without() && passes.mfa && (open || elsewhere) {
            found.push(Missed { number, at, condition, passes });
        }
    }
    found
}

fn missed(about: &About<'_>, missed: &Missed<'_>, sink: &mut Sink) {
    let Missed { number, at, condition, passes } = *missed;
    let rule = if about.kind == PolicyKind::Trust { &DENY_MISSES } else { &GROUP_NO_EFFECT };
    let message = match misspelt(condition) {
        Some(name) => {
            format!("`{}` is no key, `{name}` is meant: requests without MFA are not denied", condition.key())
        }
        None => format!("`{}` does not deny all of it: {}", condition.operator(), passes.who()),
    };
    let help = "`\"BoolIfExists\": {\"aws:MultiFactorAuthPresent\": \"false\"}`".to_owned();
    sink.add(about.document, rule, Place::Condition(number, at), message, help);
}
