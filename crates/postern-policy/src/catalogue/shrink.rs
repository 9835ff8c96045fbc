//! Lists of actions, written as few patterns.
//!
//! Finding the fewest is a set cover, so it is done greedily, service by service: the pattern that covers
//! most of what is left comes first. Patterns are cut where words begin, so that they can be read, and as
//! late as possible, so that they take in little of what AWS adds later.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, BinaryHeap, HashMap},
};

use super::{
    Catalogue, Service, compare,
    patterns::{Reach, covered, distinct, set},
};
use crate::{Span, action::ActionPattern};

/// A few patterns that cover exactly the known actions that the given ones cover, and what is unknown
/// as it was given.
///
/// Never more entries than given. Patterns may be given too, and stay where nothing is shorter. A pattern
/// also covers what AWS adds later: `s3:Get*` will allow actions that the list did not name.
///
/// ```
/// use postern_policy::catalogue::{expand, shrink};
/// let read = expand(&["sqs:Get*", "sqs:List*", "sqs:ReceiveMessage"]);
/// assert_eq!(shrink(&read.actions), ["sqs:GetQueue*", "sqs:List*", "sqs:ReceiveMessage"]);
/// ```
#[must_use]
pub fn shrink<S: AsRef<str>>(actions: &[S]) -> Vec<String> {
    Catalogue::embedded().shrink(actions)
}

impl Catalogue {
    /// A few patterns for exactly these actions; see [`shrink`].
    #[must_use]
    pub fn shrink<S: AsRef<str>>(&self, actions: &[S]) -> Vec<String> {
        let (marks, unknown) = self.marks(actions);
        let mut out = Vec::new();
        if marks.0.iter().flatten().all(|mark| *mark) {
            out.push("*".to_owned());
        } else {
            let mut given = self.given(actions);
            for (number, (service, marks)) in self.services.iter().zip(&marks.0).enumerate() {
                let patterns = in_service(service, marks, given.remove(&number).unwrap_or_default());
                out.extend(patterns.into_iter().map(|pattern| format!("{}:{pattern}", service.prefix)));
            }
        }
        out.extend(unknown);
        // Given patterns that no cut at words expresses, such as `*:Describe*`, stay as they are.
        let given = distinct(actions);
        if given.len() < out.len() {
            return given.into_iter().map(|given| self.as_written(given)).collect();
        }
        out
    }

    /// The given patterns of single services, by the numbers of these.
    fn given<S: AsRef<str>>(&self, actions: &[S]) -> HashMap<usize, Vec<Candidate>> {
        let mut out: HashMap<_, Vec<_>> = HashMap::new();
        let mut patterns: Vec<&str> =
            distinct(actions).into_iter().filter(|text| text.contains(['*', '?'])).collect();
        // Of two that cover the same, one is kept: which, the order of the list has no say in.
        patterns.sort_unstable();
        for text in patterns {
            let (Some((_, name)), Reach::One(number)) = (text.split_once(':'), self.reach(text)) else {
                continue;
            };
            if let Some(service) = self.services.get(number) {
                let covers = covered(service, &ActionPattern::new(text, Span::default()));
                let candidate = Candidate { shape: Shape::Given, text: name.to_owned(), covers };
                out.entry(number).or_default().push(candidate);
            }
        }
        out
    }

    fn as_written(&self, action: &str) -> String {
        match self.action(action) {
            Some((service, action)) => format!("{}:{}", service.prefix, action.name),
            None => action.to_owned(),
        }
    }
}

/// Where a pattern has its star, in the order of preference.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
enum Shape {
    /// A pattern of the list itself.
    Given,
    /// `Get*`
    Prefix,
    /// `Get*Tagging`
    Middle,
    /// `*Tagging`
    Suffix,
    /// `*Tag*`
    Infix,
}

/// A pattern that covers no action but wanted ones.
struct Candidate {
    shape: Shape,
    text: String,
    /// The numbers of the actions that it covers.
    covers: Vec<usize>,
}

impl Candidate {
    /// What it spares: entries, and a little for being plain.
    fn worth(&self, gain: usize) -> usize {
        let weight = match self.shape {
            Shape::Given | Shape::Prefix | Shape::Middle => 4,
            Shape::Suffix | Shape::Infix => 3,
        };
        gain.saturating_sub(1) * weight
    }
}

fn in_service(service: &Service, wanted: &[bool], given: Vec<Candidate>) -> Vec<String> {
    if wanted.iter().all(|wanted| *wanted) {
        return vec!["*".to_owned()];
    }
    if !wanted.contains(&true) {
        return Vec::new();
    }
    let names: Vec<String> = service.actions.iter().map(|action| action.name.to_ascii_lowercase()).collect();
    let mut candidates = given;
    candidates.extend(Search { service, names: &names, wanted, tried: HashMap::new() }.candidates());
    let mut chosen = cover(&candidates, wanted.len());
    drop_needless(&candidates, &mut chosen, wanted.len());

    let mut covered = vec![false; wanted.len()];
    let mut out: Vec<String> = Vec::new();
    for candidate in chosen.iter().filter_map(|number| candidates.get(*number)) {
        out.push(tighten(candidate, service, &names));
        for number in &candidate.covers {
            set(&mut covered, *number);
        }
    }
    let alone = service.actions.iter().zip(wanted.iter().zip(&covered));
    out.extend(alone.filter(|(_, (wanted, covered))| **wanted && !**covered).map(|(a, _)| a.name.to_owned()));
    out.sort_by(|a, b| compare(a, b));
    out
}

/// The numbers of candidates, each the best of its moment. What is left is cheaper as single names.
fn cover(candidates: &[Candidate], actions: usize) -> Vec<usize> {
    let mut covered = vec![false; actions];
    let key = |number: usize, candidate: &Candidate, gain: usize| {
        (candidate.worth(gain), Reverse(candidate.shape), Reverse(candidate.text.len()), Reverse(number))
    };
    // A gain only ever falls, so the first of the heap whose gain still holds is the best.
    let mut heap: BinaryHeap<_> =
        candidates.iter().enumerate().map(|(number, c)| key(number, c, c.covers.len())).collect();
    let mut chosen = Vec::new();
    while let Some(top) = heap.pop() {
        let (worth, .., Reverse(number)) = top;
        if worth == 0 {
            break;
        }
        let Some(candidate) = candidates.get(number) else { continue };
        let gain = candidate.covers.iter().filter(|at| covered.get(**at) == Some(&false)).count();
        let now = key(number, candidate, gain);
        if now == top {
            chosen.push(number);
            for at in &candidate.covers {
                set(&mut covered, *at);
            }
        } else {
            heap.push(now);
        }
    }
    chosen
}

/// Takes away what others cover as well, the latest choice first.
fn drop_needless(candidates: &[Candidate], chosen: &mut Vec<usize>, actions: usize) {
    let covers = |number: usize| candidates.get(number).map_or(&[][..], |candidate| &candidate.covers);
    let mut times = vec![0_usize; actions];
    for at in chosen.iter().flat_map(|number| covers(*number)) {
        if let Some(times) = times.get_mut(*at) {
            *times += 1;
        }
    }
    let mut kept = Vec::new();
    for number in chosen.iter().rev() {
        if covers(*number).iter().all(|at| times.get(*at).is_some_and(|times| *times > 1)) {
            for at in covers(*number) {
                if let Some(times) = times.get_mut(*at) {
                    *times -= 1;
                }
            }
        } else {
            kept.push(*number);
        }
    }
    *chosen = kept;
}

/// The candidates of one service.
struct Search<'a> {
    service: &'a Service,
    /// In lower case, sorted.
    names: &'a [String],
    wanted: &'a [bool],
    /// What has been looked at: whether it covers wanted actions only.
    tried: HashMap<(Shape, String, String), bool>,
}

impl Search<'_> {
    /// Of each wanted name the shortest cuts: a longer one covers nothing more.
    fn candidates(mut self) -> Vec<Candidate> {
        let mut found = Vec::new();
        let wanted: Vec<usize> =
            (0..self.names.len()).filter(|at| self.wanted.get(*at) == Some(&true)).collect();
        for at in wanted {
            let (Some(action), Some(lower)) = (self.service.actions.get(at), self.names.get(at)) else {
                continue;
            };
            let (name, starts) = (action.name, starts(action.name));
            let ends: Vec<usize> = ends(name, &starts);
            let mut cut = |shape, from: std::ops::Range<usize>, to: std::ops::Range<usize>| {
                let part = |text: &str, range| {
                    text.get::<std::ops::Range<usize>>(range).unwrap_or_default().to_owned()
                };
                let key = (shape, part(lower, from.clone()), part(lower, to.clone()));
                if let Some(valid) = self.tried.get(&key) {
                    return *valid;
                }
                let covers = covers(self.names, self.wanted, &key);
                let valid = covers.is_some();
                if let Some(covers) = covers.filter(|covers| covers.len() > 1) {
                    let (from, to) = (part(name, from), part(name, to));
                    let text = match shape {
                        Shape::Prefix => format!("{from}*"),
                        Shape::Middle => format!("{from}*{to}"),
                        Shape::Suffix => format!("*{to}"),
                        Shape::Infix | Shape::Given => format!("*{from}*"),
                    };
                    found.push(Candidate { shape, text, covers });
                }
                self.tried.insert(key, valid);
                valid
            };

            let length = name.len();
            let prefix = ends.iter().copied().find(|end| cut(Shape::Prefix, 0..*end, 0..0)).unwrap_or(length);
            let inner = starts.iter().copied().filter(|start| *start > 0);
            let suffix =
                inner.clone().rev().find(|start| cut(Shape::Suffix, 0..0, *start..length)).unwrap_or(0);
            // Both ends fixed, where neither alone is enough.
            for end in ends.iter().copied().filter(|end| *end < prefix) {
                for start in inner.clone().rev().filter(|start| *start >= end && *start > suffix) {
                    if cut(Shape::Middle, 0..end, start..length) {
                        break;
                    }
                }
            }
            // Runs of words within; one that contains a good one is no better.
            let mut good: BTreeSet<(usize, usize)> = BTreeSet::new();
            for words in 1..=starts.len() {
                for run in starts.windows(words) {
                    let (Some(start), Some(last)) = (run.first(), run.last()) else { continue };
                    let Some(end) = ends.iter().copied().find(|end| *end > *last && *end != length - 1)
                    else {
                        continue;
                    };
                    let contains = good.iter().any(|(from, to)| from >= start && *to <= end);
                    if !contains && cut(Shape::Infix, *start..end, 0..0) {
                        good.insert((*start, end));
                    }
                }
            }
        }
        found
    }
}

/// The numbers of the names that a pattern covers; none if one of them is not wanted.
fn covers(names: &[String], wanted: &[bool], key: &(Shape, String, String)) -> Option<Vec<usize>> {
    let (shape, from, to) = key;
    debug_assert!(*shape != Shape::Given, "its matches are known");
    // Names that begin alike stand together.
    let first = match shape {
        Shape::Prefix | Shape::Middle => names.partition_point(|name| name.as_str() < from.as_str()),
        _ => 0,
    };
    let mut out = Vec::new();
    for (at, (name, wanted)) in names.iter().zip(wanted).enumerate().skip(first) {
        let covered = match shape {
            Shape::Prefix | Shape::Middle if !name.starts_with(from.as_str()) => break,
            Shape::Prefix => true,
            Shape::Middle => name.len() >= from.len() + to.len() && name.ends_with(to.as_str()),
            Shape::Suffix => name.ends_with(to.as_str()),
            Shape::Infix => name.contains(from.as_str()),
            Shape::Given => false,
        };
        match (covered, wanted) {
            (true, true) => out.push(at),
            (true, false) => return None,
            (false, _) => {}
        }
    }
    Some(out)
}

/// The longest pattern of the same shape that covers the same actions, in the spelling of the first.
fn tighten(candidate: &Candidate, service: &Service, names: &[String]) -> String {
    let covered: Vec<&str> =
        candidate.covers.iter().filter_map(|at| names.get(*at)).map(String::as_str).collect();
    let first =
        candidate.covers.first().and_then(|at| Some((service.actions.get(*at)?.name, names.get(*at)?)));
    let (Some((name, lower)), true) = (first, candidate.shape != Shape::Given) else {
        return candidate.text.clone();
    };
    let starts = starts(name);
    let mut ends = ends(name, &starts);
    ends.push(name.len());
    let all = |test: &dyn Fn(&str) -> bool| covered.iter().all(|name| test(name));
    let part = |from: usize, to: usize| lower.get(from..to).unwrap_or_default();
    let length = name.len();
    let shortest = covered.iter().map(|name| name.len()).min().unwrap_or(0);

    let head =
        ends.iter().rev().copied().find(|end| all(&|name| name.starts_with(part(0, *end)))).unwrap_or(0);
    let fixed = if candidate.shape == Shape::Middle { head } else { 0 };
    let tail = starts.iter().copied().find(|start| {
        fixed + length - start <= shortest && all(&|name| name.ends_with(part(*start, length)))
    });
    let text = |from: usize, to: usize| name.get(from..to).unwrap_or_default();
    let tail = tail.unwrap_or(length);
    let (from, to) = candidate.text.split_once('*').unwrap_or_default();
    match candidate.shape {
        // Cut elsewhere than the first name's words allow: it stays.
        Shape::Prefix | Shape::Middle if head < from.len() => candidate.text.clone(),
        Shape::Suffix | Shape::Middle if length - tail < to.len() => candidate.text.clone(),
        Shape::Prefix => format!("{}*", text(0, head)),
        Shape::Middle => format!("{}*{}", text(0, head), text(tail, length)),
        Shape::Suffix => format!("*{}", text(tail, length)),
        Shape::Infix | Shape::Given => {
            let core = candidate.text.trim_matches('*').to_ascii_lowercase();
            let runs = starts.iter().flat_map(|from| ends.iter().map(move |to| (*from, *to)));
            let runs = runs.filter(|(from, to)| part(*from, *to).contains(&core));
            let runs = runs.filter(|(from, to)| all(&|name| name.contains(part(*from, *to))));
            let longest = runs.max_by_key(|(from, to)| (to - from, Reverse(*from)));
            longest.map_or_else(|| candidate.text.clone(), |(from, to)| format!("*{}*", text(from, to)))
        }
    }
}

/// Where the words of a name begin: `Get|Bucket|CORS`, `Describe|VPC|Endpoints`.
fn starts(name: &str) -> Vec<usize> {
    let bytes = name.as_bytes();
    let is = |at: usize, test: fn(&u8) -> bool| bytes.get(at).is_some_and(test);
    let begins = |at: usize| {
        is(at, u8::is_ascii_uppercase)
            && (!is(at - 1, u8::is_ascii_uppercase) || is(at + 1, u8::is_ascii_lowercase))
    };
    std::iter::once(0).chain((1..bytes.len()).filter(|at| begins(*at))).collect()
}

/// Where words end, and where they would in the singular; the end of the name is not among them.
fn ends(name: &str, starts: &[usize]) -> Vec<usize> {
    let behind = starts.iter().copied().skip(1).chain([name.len()]);
    let mut ends = BTreeSet::new();
    for (start, end) in starts.iter().copied().zip(behind) {
        if end > start + 3 && name.get(..end).is_some_and(|head| head.ends_with('s')) {
            ends.insert(end - 1);
        }
        ends.insert(end);
    }
    ends.remove(&name.len());
    ends.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_cut_where_words_begin() {
        let words = |name: &str| -> Vec<String> {
            let starts = starts(name);
            let ends = starts.iter().copied().skip(1).chain([name.len()]);
            starts.iter().zip(ends).map(|(from, to)| name[*from..to].to_owned()).collect()
        };
        assert_eq!(words("GetBucketCORS"), ["Get", "Bucket", "CORS"]);
        assert_eq!(words("DescribeVPCEndpoints"), ["Describe", "VPC", "Endpoints"]);
        assert_eq!(words("AssociateVPCWithHostedZone"), ["Associate", "VPC", "With", "Hosted", "Zone"]);
        assert_eq!(words("invoke"), ["invoke"]);
    }

    #[test]
    fn the_singular_ends_a_word_too() {
        let name = "ListBucketsBy";
        assert_eq!(ends(name, &starts(name)), [4, 10, 11]);
    }
}
