//! The known name that a misspelt one was probably meant to be.
//!
//! Better no suggestion than a far-fetched one: a name is near if few of its letters differ, the more the
//! longer it is, and if it does not do something else (`GetRole` is not near `PutRole`, however alike).

mod names;

use std::collections::HashSet;

use strsim::osa_distance;

use super::{Catalogue, Service, compare};

/// No name is longer; a text that is gets no suggestion.
const LONGEST: usize = 160;
/// So many actions must begin with a word for it to count as a verb of AWS's.
const VERB: usize = 20;

/// Names across services.
#[derive(Debug)]
pub(super) struct Index {
    /// Names of actions, sorted without case, with the numbers of their services.
    actions: Box<[(&'static str, usize)]>,
    /// The first words of many actions, in lower case.
    verbs: HashSet<String>,
}

impl Index {
    pub(super) fn new(services: &[Service]) -> Self {
        let mut actions: Vec<_> = services
            .iter()
            .enumerate()
            .flat_map(|(number, service)| service.actions.iter().map(move |action| (action.name, number)))
            .collect();
        actions.sort_by(|(a, m), (b, n)| compare(a, b).then(m.cmp(n)));
        let mut firsts: Vec<&str> = actions.iter().map(|(name, _)| first_word(name)).collect();
        firsts.sort_unstable();
        let verbs = firsts.chunk_by(|a, b| a == b).filter(|chunk| chunk.len() >= VERB);
        let verbs = verbs.filter_map(|chunk| Some(chunk.first()?.to_ascii_lowercase())).collect();
        Self { actions: actions.into(), verbs }
    }

    /// The number of the only service that has an action of this name.
    fn only_service(&self, name: &str) -> Option<usize> {
        let start = self.actions.partition_point(|(known, _)| compare(known, name).is_lt());
        let mut same =
            self.actions.get(start..)?.iter().take_while(|(known, _)| known.eq_ignore_ascii_case(name));
        let (_, number) = same.next()?;
        same.next().is_none().then_some(*number)
    }
}

impl Catalogue {
    /// The action that an unknown one was probably meant to be, as a whole: `s3:GetObject`.
    ///
    /// Where the service is unknown as well, it is looked for too, and a pattern keeps its wildcards:
    /// `dynamo:Get*` gives `dynamodb:Get*`. None for a known action or where nothing is near.
    ///
    /// ```
    /// use postern_policy::catalogue::Catalogue;
    /// let near = |text| Catalogue::embedded().nearest_action(text);
    /// assert_eq!(near("ec2:DescribeInstance").as_deref(), Some("ec2:DescribeInstances"));
    /// assert_eq!(near("dynamo:GetItem").as_deref(), Some("dynamodb:GetItem"));
    /// assert_eq!(near("iam:AssumeRole").as_deref(), Some("sts:AssumeRole"));
    /// assert_eq!(near("s3:HeadObject").as_deref(), Some("s3:GetObject"));
    /// assert_eq!(near("s3:Frobnicate"), None);
    /// ```
    #[must_use]
    pub fn nearest_action(&self, action: &str) -> Option<String> {
        if action.len() > LONGEST || self.action(action).is_some() {
            return None;
        }
        let Some((prefix, name)) = action.split_once(':') else {
            let number = self.index().only_service(action)?;
            return self.whole(self.services.get(number)?, action);
        };
        if let Some(meant) = names::action(action) {
            return Some(meant.to_owned());
        }
        if let Some(service) = self.service(prefix) {
            return self.near_in(service, name, 1).or_else(|| {
                // `iam:AssumeRole`, `cloudwatch:PutLogEvents`: the right name at the wrong service.
                let elsewhere = self.index().only_service(name).and_then(|number| self.services.get(number));
                match elsewhere.filter(|other| names::neighbours(service.prefix, other.prefix)) {
                    Some(service) => self.whole(service, name),
                    None => self.near_in(service, name, bound(name)),
                }
            });
        }
        let service = self.service(self.nearest_service(prefix)?)?;
        if name.contains(['*', '?']) {
            let pattern = format!("{}:{name}", service.prefix);
            return (!self.expand(&[&pattern]).actions.is_empty()).then_some(pattern);
        }
        self.whole(service, name).or_else(|| self.near_in(service, name, bound(name)))
    }

    /// The prefix of the service that an unknown one was probably meant to be: `dynamodb` for `dynamo`,
    /// `states` for `stepfunctions`.
    ///
    /// ```
    /// use postern_policy::catalogue::Catalogue;
    /// assert_eq!(Catalogue::embedded().nearest_service("cloudfromation"), Some("cloudformation"));
    /// ```
    #[must_use]
    pub fn nearest_service(&self, prefix: &str) -> Option<&'static str> {
        if prefix.len() > LONGEST || self.service(prefix).is_some() {
            return None;
        }
        if let Some(meant) = names::service(prefix) {
            return Some(meant);
        }
        let all = || self.services.iter().map(|service| service.prefix);
        nearest(prefix, all(), bound(prefix)).or_else(|| {
            // `dynamo`: cut short, if only one service goes on like that.
            let mut longer = all().filter(|known| prefix.len() >= 4 && begins(known, prefix));
            longer.next().filter(|_| longer.next().is_none())
        })
    }

    /// The condition key that an unknown one was probably meant to be. The part of a template that is
    /// the author's choice is kept: `aws:RequestTags/team` gives `aws:RequestTag/team`.
    ///
    /// ```
    /// use postern_policy::catalogue::Catalogue;
    /// let near = |text| Catalogue::embedded().nearest_condition_key(text);
    /// assert_eq!(near("aws:MultifactorAuthPresnt").as_deref(), Some("aws:MultiFactorAuthPresent"));
    /// assert_eq!(near("iam:SourceIp").as_deref(), Some("aws:SourceIp"));
    /// assert_eq!(near("aws:Weather"), None);
    /// ```
    #[must_use]
    pub fn nearest_condition_key(&self, key: &str) -> Option<String> {
        if key.len() > LONGEST || self.condition_key(key).is_some() {
            return None;
        }
        let (prefix, name) = key.split_once(':').unwrap_or(("", key));
        let global = || self.global_condition_keys().iter().filter(|key| key.name().starts_with("aws:"));
        let (head, tail) = name.split_at(name.find('/').map_or(name.len(), |slash| slash + 1));

        // The right name under the wrong prefix, or under none.
        let bare =
            |known: &str| known.rsplit(':').next().is_some_and(|known| known.eq_ignore_ascii_case(name));
        if let Some(known) = global().find(|known| bare(known.name())) {
            return Some(known.name().to_owned());
        }
        let tagged =
            |known: &&str| known.rsplit(':').next().is_some_and(|known| known.eq_ignore_ascii_case(head));
        if !tail.is_empty()
            && let Some(known) = global().map(super::ConditionKey::head).find(tagged)
        {
            return Some(format!("{known}{tail}"));
        }
        // Of the same service, a plain name or a template's beginning.
        let own = |known: &&'static super::ConditionKey| {
            known.name().split_once(':').is_some_and(|(known, _)| known.eq_ignore_ascii_case(prefix))
        };
        let own = || global().chain(self.keys.all()).filter(own);
        let plain = own().filter(|known| !known.is_template()).map(super::ConditionKey::name);
        if tail.is_empty() {
            if let Some(found) = nearest(key, plain, bound(name)) {
                return Some(found.to_owned());
            }
        } else {
            let text = key.get(..key.len() - tail.len())?;
            let heads = own().filter(|known| known.is_template()).map(super::ConditionKey::head);
            if let Some(found) = nearest(text, heads, bound(head)) {
                return Some(format!("{found}{tail}"));
            }
        }
        // `dynamo:LeadingKeys`, `amazonaws:SourceIp`.
        let service = self.nearest_service(prefix)?;
        let moved = format!("{service}:{name}");
        self.condition_key(&moved)
            .map(|known| if known.is_template() { moved } else { known.name().to_owned() })
    }

    fn index(&self) -> &Index {
        self.index.get_or_init(|| Index::new(&self.services))
    }

    fn whole(&self, service: &Service, name: &str) -> Option<String> {
        service.action(name).map(|action| format!("{}:{}", service.prefix, action.name))
    }

    fn near_in(&self, service: &Service, name: &str, bound: usize) -> Option<String> {
        let verb = first_word(name).to_ascii_lowercase();
        let is_verb = self.index().verbs.contains(&verb);
        let known = service.actions.iter().map(|action| action.name);
        let alike = known.filter(|known| !is_verb || first_word(known).eq_ignore_ascii_case(&verb));
        nearest(name, alike, bound).map(|name| format!("{}:{name}", service.prefix))
    }
}

/// How many letters may differ.
const fn bound(name: &str) -> usize {
    match name.len() {
        0..=2 => 0,
        3..=5 => 1,
        6..=11 => 2,
        _ => 3,
    }
}

/// The name with the fewest letters that differ, at most as many as the bound says. Of several, the one
/// that begins like the text for longest, then the first by letter.
fn nearest(text: &str, known: impl Iterator<Item = &'static str>, bound: usize) -> Option<&'static str> {
    let text = text.to_ascii_lowercase();
    let near = known.filter(|known| known.len().abs_diff(text.len()) <= bound);
    let near = near.filter_map(|known| {
        let lower = known.to_ascii_lowercase();
        let distance = osa_distance(&text, &lower);
        let common = text.bytes().zip(lower.bytes()).take_while(|(a, b)| a == b).count();
        (distance <= bound).then_some((distance, usize::MAX - common, known))
    });
    near.min().map(|(.., known)| known)
}

fn begins(text: &str, prefix: &str) -> bool {
    text.get(..prefix.len()).is_some_and(|head| head.eq_ignore_ascii_case(prefix))
}

/// `Describe` of `DescribeInstances`.
fn first_word(name: &str) -> &str {
    let end = name.char_indices().skip(1).find(|(_, c)| !c.is_ascii_lowercase()).map(|(at, _)| at);
    name.get(..end.unwrap_or(name.len())).unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_begin_with_capitals() {
        assert_eq!(first_word("DescribeInstances"), "Describe");
        assert_eq!(first_word("describe"), "describe");
        assert_eq!(first_word("EC2Run"), "E");
        assert_eq!(first_word(""), "");
    }

    #[test]
    fn what_people_write_is_not_known_and_what_it_means_is() {
        let catalogue = Catalogue::embedded();
        for (written, meant) in names::SERVICES {
            assert!(catalogue.service(written).is_none(), "{written}");
            assert!(catalogue.service(meant).is_some(), "{meant}");
        }
        for (written, meant) in names::ACTIONS {
            assert!(catalogue.action(written).is_none(), "{written}");
            assert!(catalogue.action(meant).is_some(), "{meant}");
        }
    }

    #[test]
    fn neighbours_exist() {
        for prefix in names::NEIGHBOURS.iter().copied().flatten() {
            assert!(Catalogue::embedded().service(prefix).is_some(), "{prefix}");
        }
    }

    #[test]
    fn tables_are_sorted() {
        assert!(names::SERVICES.is_sorted_by(|(a, _), (b, _)| compare(a, b).is_lt()));
        assert!(names::ACTIONS.is_sorted_by(|(a, _), (b, _)| compare(a, b).is_lt()));
    }
}
