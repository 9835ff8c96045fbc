//! A search for an action inside one language of globs and outside others.
//!
//! All patterns are walked at once over a growing text, breadth first: a state is the set of
//! places that the patterns can have reached, and the first state in which the formula holds spells
//! the shortest witness. Where no state holds, there is no such action.

use std::collections::{HashMap, VecDeque};

use crate::{Actions, Span};

/// States visited before the search is given up. Ordinary policies need some hundred.
const BUDGET: usize = 50_000;

/// Actions that a reader knows, preferred as examples over a spelled-out one.
const FAMILIAR: [&str; 25] = [
    "iam:CreateUser",
    "iam:CreateAccessKey",
    "iam:PassRole",
    "iam:PutRolePolicy",
    "iam:AttachRolePolicy",
    "iam:UpdateAssumeRolePolicy",
    "iam:DeleteRolePermissionsBoundary",
    "iam:GetUser",
    "iam:ListUsers",
    "iam:GenerateOrganizationsAccessReport",
    "sts:AssumeRole",
    "sts:AssumeRoleWithWebIdentity",
    "sts:AssumeRoot",
    "sts:GetFederationToken",
    "organizations:LeaveOrganization",
    "account:CloseAccount",
    "sso:CreatePermissionSet",
    "identitystore:CreateUser",
    "identitystore:DescribeUser",
    "sso-directory:DescribeUsers",
    "cloudtrail:StopLogging",
    "config:StopConfigurationRecorder",
    "guardduty:DeleteDetector",
    "s3:GetObject",
    "ec2:RunInstances",
];

/// What a set of actions means for the witness.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Term {
    /// The witness is in none of these.
    Minus,
    /// The witness is in one of these, if there is a boundary.
    BoundaryAllow,
    /// The witness is in none of these, except where the cap denies again.
    CapAllow,
    /// What the cap takes back.
    CapDeny,
}

/// What was found.
pub(super) enum Found {
    Action(String),
    GivenUp,
}

impl Found {
    pub(super) fn named(self, pattern: &str, span: Span) -> (String, Span, bool) {
        match self {
            Self::Action(action) => (action, span, true),
            Self::GivenUp => (pattern.to_owned(), span, false),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Token {
    Char(char),
    One,
    Many,
}

type Glob = Vec<Token>;

/// A union of globs, or everything outside it.
#[derive(Clone, Debug)]
struct Set {
    term: Term,
    globs: Vec<usize>,
    negated: bool,
}

/// The formula, without the pattern that the witness must match.
#[derive(Clone, Debug, Default)]
pub(super) struct Search {
    globs: Vec<Glob>,
    sets: Vec<Set>,
    bounded: bool,
}

/// Which part of `service:name` the text has reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Part {
    Start,
    Service,
    Colon,
    Name,
}

/// The places reached: glob and position, sorted.
type Places = Vec<(usize, usize)>;

impl Search {
    pub(super) fn add(&mut self, term: Term, actions: &Actions) {
        self.add_set(term, actions, actions.is_negated());
    }

    /// Leaves out what a `NotAction` names.
    pub(super) fn exclude(&mut self, actions: &Actions) {
        self.add_set(Term::Minus, actions, false);
    }

    pub(super) fn bounded(&mut self) {
        self.bounded = true;
    }

    fn add_set(&mut self, term: Term, actions: &Actions, negated: bool) {
        let first = self.globs.len();
        self.globs.extend(actions.patterns().iter().map(|pattern| glob(pattern.text())));
        self.sets.push(Set { term, globs: (first..self.globs.len()).collect(), negated });
    }

    /// An action that matches the pattern and fulfils the formula.
    pub(super) fn run(&self, pattern: &str) -> Option<Found> {
        let walk = Walk::new(self, glob(pattern));
        let spelled = walk.breadth_first()?;
        let Found::Action(spelled) = spelled else { return Some(Found::GivenUp) };
        let familiar = FAMILIAR.into_iter().find(|action| walk.is_witness(action));
        Some(Found::Action(familiar.map_or_else(|| in_the_case_of(pattern, spelled), str::to_owned)))
    }
}

struct Walk<'a> {
    search: &'a Search,
    globs: Vec<&'a [Token]>,
    /// The number of the pattern that must match.
    wanted: usize,
    pattern: Glob,
}

impl<'a> Walk<'a> {
    fn new(search: &'a Search, pattern: Glob) -> Self {
        let globs: Vec<&[Token]> = search.globs.iter().map(Vec::as_slice).collect();
        Self { search, wanted: globs.len(), globs, pattern }
    }

    fn tokens(&self, glob: usize) -> &[Token] {
        if glob == self.wanted { &self.pattern } else { self.globs.get(glob).copied().unwrap_or_default() }
    }

    fn start(&self) -> Places {
        // Globs whose fixed beginning differs from the wanted pattern's never matter.
        let wanted = fixed(&self.pattern);
        let can_meet = |glob: &usize| {
            let other = fixed(self.tokens(*glob));
            other.iter().zip(wanted).all(|(a, b)| a == b)
        };
        self.close((0..=self.wanted).filter(can_meet).map(|glob| (glob, 0)).collect())
    }

    /// Adds the places that `*` reaches without a character, and drops those that are behind the last
    /// `*` reached: it accepts whatever they accept.
    fn close(&self, mut places: Places) -> Places {
        let mut next = 0;
        while let Some(&(glob, position)) = places.get(next) {
            if self.tokens(glob).get(position) == Some(&Token::Many) {
                places.push((glob, position + 1));
            }
            next += 1;
        }
        places.sort_unstable();
        places.dedup();
        let mut star: HashMap<usize, usize> = HashMap::new();
        for &(glob, position) in &places {
            if self.tokens(glob).get(position) == Some(&Token::Many) {
                star.insert(glob, position);
            }
        }
        places.retain(|(glob, position)| star.get(glob).is_none_or(|star| position >= star));
        places
    }

    fn step(&self, places: &Places, character: char) -> Places {
        let moved = places.iter().filter_map(|&(glob, position)| match self.tokens(glob).get(position)? {
            Token::Char(c) if *c == character => Some((glob, position + 1)),
            Token::One => Some((glob, position + 1)),
            Token::Many => Some((glob, position)),
            Token::Char(_) => None,
        });
        self.close(moved.collect())
    }

    fn accepts(&self, places: &Places, glob: usize) -> bool {
        places.binary_search(&(glob, self.tokens(glob).len())).is_ok()
    }

    fn holds(&self, places: &Places) -> bool {
        let any = |term: Term| {
            let mut sets = self.search.sets.iter().filter(|set| set.term == term);
            sets.any(|set| set.globs.iter().any(|glob| self.accepts(places, *glob)) != set.negated)
        };
        self.accepts(places, self.wanted)
            && !any(Term::Minus)
            && (!self.search.bounded || any(Term::BoundaryAllow))
            && (!any(Term::CapAllow) || any(Term::CapDeny))
    }

    /// Whether no text that goes on from here can be a witness.
    fn is_hopeless(&self, places: &Places) -> bool {
        let alive = |glob: usize| places.iter().any(|(g, _)| *g == glob);
        if !alive(self.wanted) {
            return true;
        }
        let for_ever = |term: Term| {
            self.search.sets.iter().filter(|set| set.term == term && !set.negated).any(|set| {
                set.globs.iter().any(|glob| {
                    let tokens = self.tokens(*glob);
                    tokens.last() == Some(&Token::Many)
                        && places.binary_search(&(*glob, tokens.len() - 1)).is_ok()
                })
            })
        };
        let taken_back = || {
            let mut sets = self.search.sets.iter().filter(|set| set.term == Term::CapDeny);
            sets.any(|set| set.negated || set.globs.iter().any(|glob| alive(*glob)))
        };
        for_ever(Term::Minus) || (for_ever(Term::CapAllow) && !taken_back())
    }

    fn is_witness(&self, action: &str) -> bool {
        let step = |places: Places, c: char| self.step(&places, c.to_ascii_lowercase());
        self.holds(&action.chars().fold(self.start(), step))
    }

    fn breadth_first(&self) -> Option<Found> {
        let mut seen: HashMap<(Part, Places), usize> = HashMap::new();
        // Texts as links: the character that led here, and from which entry.
        let mut links: Vec<(usize, char)> = vec![(0, ' ')];
        let mut queue: VecDeque<(Part, Places, usize)> = VecDeque::new();
        let start = self.start();
        seen.insert((Part::Start, start.clone()), 0);
        queue.push_back((Part::Start, start, 0));
        while let Some((part, places, link)) = queue.pop_front() {
            if part == Part::Name && self.holds(&places) {
                return Some(Found::Action(spell(&links, link)));
            }
            if self.is_hopeless(&places) {
                continue;
            }
            for character in self.alphabet(&places) {
                let Some(next_part) = advance(part, character) else { continue };
                let next = self.step(&places, character);
                if seen.contains_key(&(next_part, next.clone())) {
                    continue;
                }
                if links.len() >= BUDGET {
                    return Some(Found::GivenUp);
                }
                links.push((link, character));
                let number = links.len() - 1;
                seen.insert((next_part, next.clone()), number);
                queue.push_back((next_part, next, number));
            }
        }
        None
    }

    /// The characters that make a difference here, and one that stands for all others.
    fn alphabet(&self, places: &Places) -> Vec<char> {
        let literal = |&(glob, position): &(usize, usize)| match self.tokens(glob).get(position) {
            Some(Token::Char(c)) => Some(*c),
            _ => None,
        };
        let mut characters: Vec<char> = places.iter().filter_map(literal).collect();
        characters.push(':');
        characters.sort_unstable();
        characters.dedup();
        let other = ('a'..='z').chain('0'..='9').find(|c| !characters.contains(c));
        characters.extend(other);
        characters
    }
}

const fn advance(part: Part, character: char) -> Option<Part> {
    match (part, character) {
        (Part::Start, ':') | (Part::Colon | Part::Name, ':') => None,
        (Part::Start | Part::Service, c) if c != ':' => Some(Part::Service),
        (Part::Service, _) => Some(Part::Colon),
        (Part::Colon | Part::Name, _) => Some(Part::Name),
        (Part::Start, _) => None,
    }
}

fn spell(links: &[(usize, char)], mut link: usize) -> String {
    let mut reversed = Vec::new();
    while link != 0 {
        let Some((before, character)) = links.get(link) else { break };
        reversed.push(*character);
        link = *before;
    }
    reversed.into_iter().rev().collect()
}

/// The action with the letters of the pattern's fixed beginning in the pattern's case.
fn in_the_case_of(pattern: &str, action: String) -> String {
    let fixed = pattern.split(['*', '?']).next().unwrap_or_default();
    match action.get(..fixed.len()) {
        Some(head) if head.eq_ignore_ascii_case(fixed) => {
            format!("{fixed}{}", action.get(fixed.len()..).unwrap_or_default())
        }
        _ => action,
    }
}

/// The tokens before the first wildcard.
fn fixed(tokens: &[Token]) -> &[Token] {
    let end = tokens.iter().position(|token| !matches!(token, Token::Char(_))).unwrap_or(tokens.len());
    tokens.get(..end).unwrap_or_default()
}

fn glob(text: &str) -> Glob {
    let mut tokens = Glob::new();
    for character in text.chars() {
        match character {
            '*' if tokens.last() == Some(&Token::Many) => {}
            '*' => tokens.push(Token::Many),
            '?' => tokens.push(Token::One),
            c => tokens.push(Token::Char(c.to_ascii_lowercase())),
        }
    }
    tokens
}
