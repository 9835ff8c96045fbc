//! The classes of a condition key's values.

use std::{
    collections::{BTreeSet, HashMap, HashSet},
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use ipnet::IpNet;
use jiff::Timestamp;

use super::{
    Budget, Class, Dimension, GaveUp, Spent,
    automaton::{Automaton, Shape, Token, Visit},
    glob,
};
use crate::{
    Comparison, Condition, Context, ContextValue, Truth, Version,
    condition::value::{self, Number},
};

/// The classes of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Values {
    /// The absent key is the first and a class of its own; then single values, then sets of values. What
    /// leaves a condition [unsettled](Truth::Unsettled) comes behind all else.
    pub classes: Vec<Class<ContextValue>>,
    /// False where some classes may be missing: a key that is compared as a number here and as a text
    /// there has more of them than the bounds and the texts tell.
    pub complete: bool,
}

/// What a value is taken for by an operator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Text,
    Number,
    Date,
    Address,
}

const fn kind(comparison: Comparison) -> Option<Kind> {
    use Comparison as C;
    match comparison {
        C::Null => None,
        C::NumericEquals
        | C::NumericNotEquals
        | C::NumericLessThan
        | C::NumericLessThanEquals
        | C::NumericGreaterThan
        | C::NumericGreaterThanEquals => Some(Kind::Number),
        C::DateEquals
        | C::DateNotEquals
        | C::DateLessThan
        | C::DateLessThanEquals
        | C::DateGreaterThan
        | C::DateGreaterThanEquals => Some(Kind::Date),
        C::IpAddress | C::NotIpAddress => Some(Kind::Address),
        _ => Some(Kind::Text),
    }
}

/// The classes of a key's values: whether each condition holds. All conditions must be about the same key.
///
/// The version of its document tells whether a condition has policy variables; they stand for what the
/// context holds. Sets of several values are among the classes if a condition has a set operator; a key
/// without one is taken for single-valued.
///
/// # Errors
/// When the budget is spent.
pub fn values(
    conditions: &[(Version, &Condition)],
    variables: &Context,
    budget: &mut Budget,
) -> Result<Values, GaveUp> {
    let key = conditions.first().map(|(_, condition)| condition.folded_key()).unwrap_or_default();
    find(key, conditions, variables, budget).map_err(|Spent| GaveUp(Dimension::Key(key.into())))
}

fn find(
    key: &str,
    conditions: &[(Version, &Condition)],
    variables: &Context,
    budget: &mut Budget,
) -> Result<Values, Spent> {
    let kinds: BTreeSet<Kind> =
        conditions.iter().filter_map(|(_, condition)| kind(condition.operator().comparison)).collect();
    let mut candidates: Vec<String> = natural(key).iter().map(|text| (*text).to_owned()).collect();
    let is = |wanted: Kind| kinds.contains(&wanted);
    if is(Kind::Number) {
        candidates.extend(numbers(conditions));
    }
    if is(Kind::Date) {
        candidates.extend(dates(conditions));
    }
    if is(Kind::Address) {
        candidates.extend(addresses(conditions));
    }
    candidates.extend((is(Kind::Text) || kinds.is_empty()).then(|| "example".to_owned()));
    if is(Kind::Text) {
        candidates.extend(texts(conditions, variables, budget)?);
    }
    let mut seen_texts = HashSet::new();
    candidates.retain(|text| seen_texts.insert(text.clone()));

    let mut context = variables.clone();
    let cost: usize = conditions.iter().map(|(_, condition)| condition.values().len() + 1).sum();
    let mut test = |value: ContextValue, budget: &mut Budget| -> Result<Class<ContextValue>, Spent> {
        budget.spend(cost * value.values().len().max(1))?;
        context.set(key, value.clone());
        let truths = conditions.iter().map(|(_, condition)| condition.test(&context)).collect();
        Ok(Class { sample: value, truths })
    };

    let absent = test(ContextValue::Absent, budget)?;
    let mut classes = vec![absent];
    // Singles that are the same to every condition are so in every set, too.
    let mut singles: Vec<String> = Vec::new();
    // Two values of one class are several values, which matters to an operator for one.
    let mut doubles: HashMap<Box<[Truth]>, String> = HashMap::new();
    for text in candidates {
        let class = test(ContextValue::from(text.as_str()), budget)?;
        let known = doubles.insert(class.truths.clone(), text.clone());
        if known.is_none() {
            singles.push(text);
            classes.push(class);
        }
    }
    let mut seen: HashSet<Box<[Truth]>> = doubles.keys().cloned().collect();
    if conditions.iter().any(|(_, condition)| condition.operator().qualifier.is_some()) {
        // A set's answers, together with one more value, give the greater set's: what is reached by
        // adding one value at a time is all.
        let mut sets: Vec<Vec<String>> = singles.iter().map(|text| vec![text.clone()]).collect();
        let mut second: Vec<String> = doubles.into_values().collect();
        second.sort_unstable();
        let plain = conditions.iter().any(|(_, condition)| condition.operator().qualifier.is_none());
        let more: Vec<String> = singles.iter().chain(second.iter().filter(|_| plain)).cloned().collect();
        let mut reached: HashSet<Box<[Truth]>> = HashSet::new();
        let mut next = 0;
        while let Some(set) = sets.get(next).cloned() {
            next += 1;
            for text in &more {
                if set.contains(text) && !(plain && set.len() == 1) {
                    continue;
                }
                let mut greater = set.clone();
                greater.push(text.clone());
                let class = test(ContextValue::from(greater.clone()), budget)?;
                if reached.insert(class.truths.clone()) {
                    sets.push(greater);
                    if seen.insert(class.truths.clone()) {
                        classes.push(class);
                    }
                }
            }
        }
    }
    classes
        .sort_by_key(|class| !class.sample.values().is_empty() && class.truths.contains(&Truth::Unsettled));
    let mixed = kinds.len() > 1 && kinds != BTreeSet::from([Kind::Number, Kind::Date]);
    Ok(Values { classes, complete: !mixed })
}

/// Values that a reader knows, the first of which in a class is taken.
fn natural(key: &str) -> &'static [&'static str] {
    match key {
        "aws:multifactorauthpresent"
        | "aws:securetransport"
        | "aws:viaawsservice"
        | "aws:principalisawsservice" => &["false", "true"],
        "aws:multifactorauthage" => &["300"],
        "aws:username" => &["alice", "bob"],
        "aws:sourceip" | "aws:vpcsourceip" => &["203.0.113.7", "10.0.0.1", "2001:db8::7"],
        "aws:requestedregion" => &["eu-central-1", "us-east-1", "us-west-2", "ap-southeast-2"],
        "aws:principalaccount" | "aws:sourceaccount" | "aws:resourceaccount" => {
            &["111111111111", "999999999999"]
        }
        "aws:principalorgid" | "aws:resourceorgid" | "aws:sourceorgid" => &["o-exampleorg1"],
        "aws:principalarn" => {
            &["arn:aws:iam::111111111111:user/alice", "arn:aws:iam::111111111111:role/work"]
        }
        "aws:sourcearn" => &["arn:aws:s3:::amzn-s3-demo-bucket"],
        "aws:sourcevpce" => &["vpce-0123456789abcdef0"],
        "aws:sourcevpc" => &["vpc-0123456789abcdef0"],
        "aws:currenttime" | "aws:tokenissuetime" => &["2026-01-01T12:00:00Z"],
        "sts:externalid" => &["example-external-id"],
        "sts:rolesessionname" | "aws:sourceidentity" => &["alice"],
        "iam:passedtoservice" => &["ec2.amazonaws.com", "lambda.amazonaws.com"],
        _ => &[],
    }
}

fn of_kind<'a>(conditions: &'a [(Version, &'a Condition)], wanted: Kind) -> impl Iterator<Item = &'a str> {
    conditions
        .iter()
        .filter(move |(_, condition)| kind(condition.operator().comparison) == Some(wanted))
        .flat_map(|(_, condition)| condition.values().iter().map(|value| value.text()))
}

/// Every bound, a number within each interval, and a text that is no number.
fn numbers(conditions: &[(Version, &Condition)]) -> Vec<String> {
    let whole = Number::ONE;
    // A number may be a date in seconds, too.
    let epochs = of_kind(conditions, Kind::Date).filter_map(value::date);
    let epochs = epochs.filter_map(|moment| Number::parse(&moment.as_second().to_string()));
    let bounds: BTreeSet<i128> = of_kind(conditions, Kind::Number)
        .filter_map(Number::parse)
        .chain(epochs)
        .map(Number::scaled)
        .collect();
    let mut out = between(&bounds, whole, 0);
    out.extend(bounds);
    let mut texts: Vec<String> =
        out.into_iter().map(|number| Number::from_scaled(number).to_string()).collect();
    if texts.is_empty() {
        texts.push("1".to_owned());
    }
    texts.push("text".to_owned());
    texts
}

/// A number in each interval that the bounds cut out, a multiple of `unit` where there is one.
fn between(bounds: &BTreeSet<i128>, unit: i128, natural: i128) -> Vec<i128> {
    let mut out = Vec::new();
    let floor = |number: i128| number.div_euclid(unit) * unit;
    if let Some(first) = bounds.first() {
        out.push(if natural < *first { natural } else { floor(*first) - unit });
    }
    for (low, high) in bounds.iter().zip(bounds.iter().skip(1)) {
        let next = floor(*low) + unit;
        let middle = low + (high - low) / 2;
        out.extend([next, middle].into_iter().find(|number| low < number && number < high));
    }
    out.extend(bounds.last().map(|last| floor(*last) + unit));
    out
}

fn dates(conditions: &[(Version, &Condition)]) -> Vec<String> {
    const DAY: i128 = 86_400_000_000_000;
    const SECOND: i128 = 1_000_000_000;
    let bounds: BTreeSet<i128> =
        of_kind(conditions, Kind::Date).filter_map(value::date).map(Timestamp::as_nanosecond).collect();
    let mut moments = between(&bounds, SECOND, i128::MAX);
    // A day before and a day after say more than a second.
    let apart =
        bounds.first().map(|first| first - DAY).into_iter().chain(bounds.last().map(|last| last + DAY));
    moments.splice(0..0, apart);
    moments.extend(&bounds);
    let text = |moment: i128| Timestamp::from_nanosecond(moment).ok().map(|moment| moment.to_string());
    let mut texts: Vec<String> = moments.into_iter().filter_map(text).collect();
    if texts.is_empty() {
        texts.push("2026-01-01T12:00:00Z".to_owned());
    }
    texts.push("text".to_owned());
    texts
}

/// An address of every block that the networks cut out: each begins with a network or behind one.
fn addresses(conditions: &[(Version, &Condition)]) -> Vec<String> {
    let mut out: Vec<IpAddr> = vec![
        Ipv4Addr::new(203, 0, 113, 7).into(),
        Ipv4Addr::new(10, 0, 0, 1).into(),
        Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 7).into(),
    ];
    let mut networks: Vec<IpNet> = of_kind(conditions, Kind::Address).filter_map(value::network).collect();
    networks.sort_unstable();
    networks.dedup();
    for network in networks {
        // A network's second address is more like a machine's than its first.
        out.extend(
            match network {
                IpNet::V4(net) => {
                    let first = u32::from(net.network());
                    let behind = u32::from(net.broadcast()).checked_add(1);
                    let all = [first.checked_add(1), Some(first), behind];
                    all.map(|number| number.map(|n| IpAddr::from(Ipv4Addr::from(n))))
                }
                IpNet::V6(net) => {
                    let first = u128::from(net.network());
                    let behind = u128::from(net.broadcast()).checked_add(1);
                    let all = [first.checked_add(1), Some(first), behind];
                    all.map(|number| number.map(|n| IpAddr::from(Ipv6Addr::from(n))))
                }
            }
            .into_iter()
            .flatten(),
        );
    }
    out.extend([IpAddr::from(Ipv4Addr::UNSPECIFIED), Ipv6Addr::UNSPECIFIED.into()]);
    let mut texts: Vec<String> = out.into_iter().map(|address| address.to_string()).collect();
    texts.push("text".to_owned());
    texts
}

/// A text of each class that the patterns make.
fn texts(
    conditions: &[(Version, &Condition)],
    variables: &Context,
    budget: &mut Budget,
) -> Result<Vec<String>, Spent> {
    use Comparison as C;
    let mut automaton = Automaton::new(Shape::Text);
    let mut out = Vec::new();
    for (version, condition) in conditions {
        add_texts(&mut automaton, *version, condition, variables);
        match condition.operator().comparison {
            // In a plain order, and before all else.
            C::Bool => out.extend(["false".to_owned(), "true".to_owned()]),
            C::BinaryEquals => {
                // Bytes that are equal may be written in two ways, but the conditions see bytes only.
                out.extend(condition.values().iter().map(|value| value.text().to_owned()));
                out.extend(["AA==".to_owned(), "AQ==".to_owned(), "?".to_owned()]);
            }
            _ => {}
        }
    }
    let mut seen = HashSet::new();
    let mut empty = None;
    automaton.explore(budget, |view| {
        let held = view.held();
        if view.is_empty() {
            empty = Some(held);
        } else if !seen.contains(&held) {
            out.push(view.text());
            seen.insert(held);
        }
        Visit::Go
    })?;
    // The empty text has a meaning of its own under `ForAllValues`.
    out.extend(empty.map(|_| String::new()));
    Ok(out)
}

/// Adds the sets of texts that a condition tells apart.
pub(crate) fn add_texts(
    automaton: &mut Automaton,
    version: Version,
    condition: &Condition,
    variables: &Context,
) {
    use Comparison as C;
    let word = |text: &str| text.chars().map(Token::Fold).collect::<Vec<_>>();
    let variables = (version == Version::V2012).then_some(variables);
    let values = condition.values().iter().map(|value| value.text());
    match condition.operator().comparison {
        C::StringEquals | C::StringNotEquals => {
            automaton.add(values.filter_map(|text| glob::text_glob(text, false, false, variables)));
        }
        C::StringEqualsIgnoreCase | C::StringNotEqualsIgnoreCase => {
            automaton.add(values.filter_map(|text| glob::text_glob(text, false, true, variables)));
        }
        C::StringLike | C::StringNotLike => {
            automaton.add(values.filter_map(|text| glob::text_glob(text, true, false, variables)));
        }
        C::ArnEquals | C::ArnNotEquals | C::ArnLike | C::ArnNotLike => {
            automaton.add(values.filter_map(|text| glob::arn_operator(text, variables)));
            automaton.add([glob::any_arn()]);
        }
        C::Bool => {
            automaton.add([word("true")]);
            automaton.add([word("false")]);
            automaton.add(values.filter_map(|text| glob::text_glob(text, false, true, variables)));
        }
        _ => {}
    }
}
