//! The differences among requests that leave the same statements.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    Example, KeyValue, KeyValues, Side, Stop,
    axes::{Left, Takers},
    callers::{self, Caller},
    familiar::familiar,
    found::{Cells, Finding, Found},
    region::{Alternative, region},
    search::{Axis, Role, Search},
    space::Space,
    witness::{self, Claim, Judgement},
};
use crate::{
    Condition, ContextValue, Effect, Principal, Truth,
    classes::{Budget, Class, Dimension, GaveUp, Spent},
};

/// Requests for the actions and resources that leave the same statements.
#[derive(Default)]
pub(super) struct Group {
    /// Of each class of actions: the elements that were asked about, and the classes of resources by their
    /// numbers.
    pub(super) resources: BTreeMap<usize, (Vec<usize>, BTreeSet<usize>)>,
    /// Some of them, in case that the first is ruled out: class of actions and resource.
    pub(super) samples: Vec<(usize, String)>,
}

/// Values are put in the words of the policies where so many are tested in that many conditions.
const MOST_WORDS: usize = 100_000;

/// A statement that allows, and what may stop it.
struct Chance {
    side: Side,
    allow: usize,
    deny: Option<usize>,
    roles: Vec<(usize, Truth, Role)>,
}

impl Space<'_, '_> {
    pub(super) fn group(
        &mut self,
        statements: &[usize],
        group: &Group,
        budget: &mut Budget,
        found: &mut Found,
    ) -> Result<(), GaveUp> {
        let mut findings: Vec<Finding> = Vec::new();
        let many = |Spent| GaveUp(Dimension::Principal);
        budget.spend(self.everyone.len().saturating_mul(statements.len())).map_err(many)?;
        for takers in self.takers(statements) {
            self.classes += 1;
            let caller = takers.callers.first().and_then(|at| self.everyone.get(*at));
            let chances = self.chances(&takers.left, budget)?;
            if chances.is_empty() {
                continue;
            }
            let axes = self.axes(&takers.left, caller, budget)?;
            for chance in chances {
                if self.variables.is_none() && found.has(chance.side) {
                    continue;
                }
                let search = Search::new(self.pair, &chance.roles, &axes);
                let key = || axes.first().and_then(|axis| axis.key.clone()).unwrap_or_default();
                let chosen = search.run(budget).map_err(|Spent| GaveUp(Dimension::Key(key())))?;
                let Some(chosen) = chosen else { continue };
                if self.variables.is_none() {
                    found.thinkable = true;
                    return Ok(());
                }
                // Each request is decided with both policies.
                let requests = group.samples.len() * self.pair.entries.len();
                budget.spend(requests).map_err(|Spent| GaveUp(Dimension::Action))?;
                if let Some(finding) = self.witness(&chance, &takers, group, &axes, &chosen, found) {
                    match findings.iter_mut().find(|known| known.is_same(&finding)) {
                        Some(known) => known.callers.extend(finding.callers),
                        None => findings.push(finding),
                    }
                }
            }
        }
        for finding in findings {
            found.add(finding, &group.resources);
        }
        Ok(())
    }

    /// What could make a difference: each statement that allows with each that denies in the other policy, and
    /// with none of them.
    fn chances(&self, left: &Left, budget: &mut Budget) -> Result<Vec<Chance>, GaveUp> {
        let mut spend = |steps: usize| budget.spend(steps).map_err(|Spent| GaveUp(Dimension::Action));
        let of = |side: Side, effect: Effect| {
            let is = move |number: &usize| self.entry(*number).is_some_and(|entry| entry.is(side, effect));
            left.iter().filter(move |(number, _)| is(number))
        };
        let mut chances = Vec::new();
        for side in [Side::A, Side::B] {
            for (allow, _) in of(side, Effect::Allow) {
                spend(left.len())?;
                if of(side, Effect::Allow).any(|(other, _)| self.speaks_for(*other, *allow)) {
                    continue;
                }
                let fixed = |role: Role| move |(number, truth): &(usize, Truth)| (*number, *truth, role);
                let mut roles = vec![(*allow, Truth::Yes, Role::Wanted)];
                roles.extend(of(side, Effect::Deny).map(fixed(Role::Unwanted)));
                for deny in of(side.other(), Effect::Deny) {
                    spend(left.len())?;
                    // What denies here as well, whenever that one does, leaves nothing.
                    if of(side, Effect::Deny).any(|(own, _)| self.is_weaker(*own, deny.0)) {
                        continue;
                    }
                    let mut roles = roles.clone();
                    roles.push(fixed(Role::Wanted)(deny));
                    chances.push(Chance { side, allow: *allow, deny: Some(deny.0), roles });
                }
                if of(side.other(), Effect::Allow).any(|(other, _)| self.is_weaker(*other, *allow)) {
                    continue;
                }
                roles.extend(of(side.other(), Effect::Deny).map(fixed(Role::Unwanted)));
                roles.extend(of(side.other(), Effect::Allow).map(fixed(Role::Unwanted)));
                chances.push(Chance { side, allow: *allow, deny: None, roles });
            }
        }
        Ok(chances)
    }

    /// Whether all conditions of a statement are among those of another.
    fn is_weaker(&self, weaker: usize, stronger: usize) -> bool {
        let (Some(weaker), Some(stronger)) = (self.entry(weaker), self.entry(stronger)) else { return false };
        weaker.conditions.iter().all(|condition| stronger.conditions.contains(condition))
    }

    /// Whether a statement allows whatever another one does, and elsewhere more.
    fn speaks_for(&self, greater: usize, lesser: usize) -> bool {
        let reach =
            |number: usize| (self.reach.get(&number).copied().unwrap_or_default(), std::cmp::Reverse(number));
        let count = |number: usize| self.entry(number).map_or(0, |entry| entry.conditions.len());
        greater != lesser
            && self.is_weaker(greater, lesser)
            && (reach(greater) > reach(lesser)
                || (reach(greater).0 == reach(lesser).0 && count(greater) < count(lesser)))
    }

    fn witness(
        &mut self,
        chance: &Chance,
        takers: &Takers,
        group: &Group,
        axes: &[Axis],
        chosen: &[(&Axis, usize)],
        found: &mut Found,
    ) -> Option<Finding> {
        let mut context = self.variables.cloned().unwrap_or_default();
        for (axis, number) in chosen {
            if let (Some(key), Some(class)) = (&axis.key, axis.classes.get(*number)) {
                context.set(key, class.sample.clone());
            }
        }
        let caller = takers.callers.first().and_then(|at| self.everyone.get(*at));
        let principal =
            caller.map(|caller| caller.principal.clone()).or_else(|| witness::anyone(&context))?;
        let of = |number: usize| self.entry(number).map_or(0, |entry| entry.number);
        let claim = Claim { side: chance.side, statement: of(chance.allow), denied: chance.deny.map(of) };
        for (class, resource) in &group.samples {
            let example = Example {
                principal: principal.clone(),
                action: self.actions.sample(*class),
                resource: resource.clone(),
                context: context.clone(),
            };
            match witness::judge(self.pair, claim, &example) {
                Judgement::Confirmed(stop) => {
                    let example =
                        caller.map_or_else(|| example.clone(), |caller| self.named(claim, caller, &example));
                    let example = familiar(self.pair, claim, &stop, example, &mut self.polish);
                    let (alternatives, all_contexts) =
                        region(self.pair, &chance.roles, axes, chosen, &mut self.polish);
                    return Some(Finding {
                        side: claim.side,
                        statement: claim.statement,
                        stop,
                        when: self.when(axes, alternatives, &example),
                        all_contexts,
                        callers: takers.callers.clone(),
                        example,
                    });
                }
                // An operation that no policy controls, or that this kind of credential cannot call.
                Judgement::Outside => found.neutral.extend(&takers.callers),
                Judgement::Refuted => {
                    found.unconfirmed.get_or_insert(example);
                }
            }
        }
        None
    }

    /// An example of what was found, for one of these actions.
    pub(super) fn example(
        &mut self,
        finding: &Finding,
        cells: &Cells,
        budget: &mut Budget,
    ) -> Option<Example> {
        let denied = match finding.stop {
            Stop::Denied { statement } => Some(statement),
            Stop::NothingAllows { .. } => None,
        };
        let claim = Claim { side: finding.side, statement: finding.statement, denied };
        for (action, (elements, resources)) in cells {
            let classes = self.resource_classes(elements, budget).ok()?;
            for class in resources.iter().filter_map(|at| classes.get(*at)) {
                let action = self.actions.sample(*action);
                let example = Example { action, resource: class.sample.clone(), ..finding.example.clone() };
                if let Judgement::Confirmed(stop) = witness::judge(self.pair, claim, &example) {
                    return Some(familiar(self.pair, claim, &stop, example, &mut self.polish));
                }
            }
        }
        None
    }

    /// The example with a user of the name that its context tells.
    fn named(&self, claim: Claim, caller: &Caller, example: &Example) -> Example {
        let name = example.context.get("aws:username").single();
        let renamed = || {
            let Principal::User { arn, id: None } = &example.principal else { return None };
            let front = arn.to_string();
            let front = front.strip_suffix(arn.name().as_str())?;
            let principal = Principal::from_arn(&format!("{front}{}", name?))?;
            let mut changed = Example { principal, ..example.clone() };
            if *example.context.get("aws:PrincipalArn") != ContextValue::Absent {
                changed.context.set("aws:PrincipalArn", callers::arn(&changed.principal)?);
            }
            matches!(witness::judge(self.pair, claim, &changed), Judgement::Confirmed(_)).then_some(changed)
        };
        let found = caller.stands_for_more.then(renamed).flatten();
        found.unwrap_or_else(|| example.clone())
    }

    /// The alternatives in words: the keys that matter, with the values that make the difference and the others.
    /// That of the example comes first.
    fn when(&self, axes: &[Axis], alternatives: Vec<Alternative>, example: &Example) -> Vec<Vec<KeyValues>> {
        let is_own = |alternative: &Alternative| {
            axes.iter().zip(alternative).all(|(axis, chosen)| {
                let Some(key) = &axis.key else { return true };
                let given = example.context.get(key);
                let at = axis.classes.iter().position(|class| class.sample == *given);
                at.is_none_or(|at| chosen.get(at) == Some(&true))
            })
        };
        let mut alternatives = alternatives;
        alternatives.sort_by_key(|alternative| !is_own(alternative));
        let mut when: Vec<Vec<KeyValues>> = Vec::new();
        for alternative in alternatives {
            let keys = axes.iter().zip(&alternative).filter_map(|(axis, chosen)| self.key(axis, chosen));
            let keys: Vec<KeyValues> = keys.collect();
            if !when.contains(&keys) {
                when.push(keys);
            }
        }
        when
    }

    fn key(&self, axis: &Axis, chosen: &[bool]) -> Option<KeyValues> {
        let key = axis.key.as_ref().filter(|_| !axis.tied)?;
        let (mut values, mut others) = (Vec::new(), Vec::new());
        let all = || axis.classes.iter().zip(chosen);
        let is_settled = |truths: &[Truth]| !truths.contains(&Truth::Unsettled);
        // Values of which nobody knows what the policies say are no help.
        let settled = all().any(|(class, chosen)| *chosen && is_settled(&class.truths));
        let words = self.words(key, axis);
        for ((class, chosen), words) in all().zip(words) {
            if *chosen && (is_settled(&class.truths) || !settled) {
                values.extend(words);
            } else if !*chosen && is_settled(&class.truths) {
                others.extend(words);
            }
        }
        let matters = chosen.contains(&false) && (!others.is_empty() || !settled);
        matters.then(|| KeyValues { key: self.pair.key_as_written(key), values, others })
    }

    /// Each class of an axis by the values that the policies write; by its sample where they write none.
    fn words(&self, key: &str, axis: &Axis) -> Vec<Vec<KeyValue>> {
        use crate::Comparison as C;
        let conditions = axis.conditions.iter().filter_map(|number| self.pair.conditions.get(*number));
        let conditions: Vec<&Condition> = conditions.map(|condition| condition.element).collect();
        let plain = |condition: &&Condition| {
            let comparison = condition.operator().comparison;
            matches!(comparison, C::Null | C::Bool)
                || (comparison.as_str().starts_with("String") || comparison.as_str().starts_with("Arn"))
                    && !condition.values().iter().any(|value| value.text().contains(['*', '?', '$']))
        };
        // With other operators a value stands for a range.
        let is_plain = conditions.iter().all(plain);
        let is_bool = conditions.iter().all(|c| matches!(c.operator().comparison, C::Null | C::Bool));
        let mut written: BTreeSet<&str> = BTreeSet::new();
        if is_plain && !is_bool {
            let texts = conditions.iter().filter(|condition| condition.operator().comparison != C::Null);
            written.extend(texts.flat_map(|condition| condition.values()).map(|value| value.text()));
        }
        let context = |text: &str| self.variables.cloned().unwrap_or_default().with(key, text);
        let truths = |text: &&str| -> Box<[Truth]> {
            let context = context(text);
            conditions.iter().map(|condition| condition.test(&context)).collect()
        };
        if written.len().saturating_mul(conditions.len()) > MOST_WORDS {
            written.clear();
        }
        let written: Vec<(&str, Box<[Truth]>)> = written.iter().map(|text| (*text, truths(text))).collect();
        let words = |class: &Class<ContextValue>| {
            let own = written.iter().filter(|(_, truths)| *truths == class.truths);
            let own: Vec<&str> = own.map(|(text, _)| *text).collect();
            if own.is_empty() || class.sample.single().is_none() {
                let exact =
                    class.sample == ContextValue::Absent || (is_bool && class.sample.single().is_some());
                return vec![KeyValue { value: class.sample.clone(), stands_for_more: !exact }];
            }
            own.into_iter().map(|text| KeyValue { value: text.into(), stands_for_more: false }).collect()
        };
        axis.classes.iter().map(words).collect()
    }
}
