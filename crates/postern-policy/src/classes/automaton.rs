//! Many globs walked at once over a growing text, breadth first.
//!
//! A state is the set of places that the globs can have reached; two texts that lead to the same state
//! cannot be told apart by anything that follows. There are finitely many states, so all of them can be
//! visited, the shortest texts first, and what the visitor has seen at their ends is all there is.

use std::collections::{HashSet, VecDeque};

use super::{Budget, Spent, caller};

/// One element of a glob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    /// A character.
    Char(char),
    /// A character whose case does not count (ASCII only).
    Fold(char),
    /// `?`
    One,
    /// `*`
    Many,
    /// `?` that is no colon: within one segment of an ARN.
    OnePart,
    /// `*` without a colon.
    ManyPart,
}

impl Token {
    const fn is_many(self) -> bool {
        matches!(self, Self::Many | Self::ManyPart)
    }

    fn takes(self, character: char) -> bool {
        match self {
            Self::Char(c) => c == character,
            Self::Fold(c) => c.eq_ignore_ascii_case(&character),
            Self::One | Self::Many => true,
            Self::OnePart | Self::ManyPart => character != ':',
        }
    }
}

/// A glob's tokens, wildcards never doubled.
pub(crate) type Glob = Vec<Token>;

/// Which texts there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    /// Any.
    Text,
    /// `service:Name`, both parts not empty and without a colon.
    Action,
    /// `arn:partition:service:region:account:resource`; the account is empty, twelve digits or a word.
    Arn,
    /// The ARN of a user, role, root user or federated user.
    Caller,
}

/// How far a text has come in its shape; 0 at its beginning.
pub(super) type Stage = u8;

impl Shape {
    fn advance(self, stage: Stage, character: char) -> Option<Stage> {
        match self {
            Self::Text => Some(0),
            Self::Action => match (stage, character) {
                (0 | 2, ':') | (3, ':') => None,
                (0 | 1, c) if c != ':' => Some(1),
                (1, _) => Some(2),
                _ => Some(3),
            },
            Self::Arn => advance_arn(stage, character),
            Self::Caller => caller::advance(stage, character),
        }
    }

    const fn is_whole(self, stage: Stage) -> bool {
        match self {
            Self::Text => true,
            Self::Action => stage == 3,
            Self::Arn => stage == RESOURCE + 1,
            Self::Caller => caller::is_whole(stage),
        }
    }

    /// A character for every other one, the most natural first.
    fn others(self, stage: Stage) -> impl Iterator<Item = char> {
        let (first, second) = match (self, stage) {
            (Self::Arn, 0) => ('a'..='a', None),
            (Self::Arn, 1) => ('r'..='r', None),
            (Self::Arn, 2) => ('n'..='n', None),
            (Self::Arn, 3) => (':'..=':', None),
            (Self::Arn, ACCOUNT..=WORD) => ('1'..='9', Some('0'..='0')),
            (Self::Caller, stage) if caller::is_digit(stage) => ('1'..='9', Some('0'..='0')),
            _ => ('a'..='z', Some('0'..='9')),
        };
        // Whatever the patterns name, some character is left.
        first.chain(second.into_iter().flatten()).chain('\u{4e00}'..='\u{9fff}')
    }
}

impl Shape {
    /// Characters that the shape itself may demand.
    const fn demanded(self) -> &'static str {
        match self {
            Self::Caller => "-/adefilmnorstuw",
            _ => "",
        }
    }
}

/// Stages of an ARN: `arn:` takes four, then partition and service (empty, not empty), the region, the
/// account (by the digits read, or a word), the resource (empty, not empty).
const PARTITION: Stage = 4;
const SERVICE: Stage = 6;
const REGION: Stage = 8;
const ACCOUNT: Stage = 9;
const WORD: Stage = 22;
const RESOURCE: Stage = 23;

const fn advance_arn(stage: Stage, character: char) -> Option<Stage> {
    match (stage, character) {
        (0, 'a') | (1, 'r') | (2, 'n') | (3, ':') => Some(stage + 1),
        (0..=3, _) => None,
        (PARTITION | SERVICE, ':') => None,
        (5, ':') => Some(SERVICE),
        (7, ':') => Some(REGION),
        (PARTITION | 5, _) => Some(5),
        (SERVICE | 7, _) => Some(7),
        (REGION, ':') => Some(ACCOUNT),
        (REGION, _) => Some(REGION),
        (ACCOUNT | 21 | WORD, ':') => Some(RESOURCE),
        (ACCOUNT..=20, '0'..='9') => Some(stage + 1),
        (ACCOUNT | WORD, 'a'..='z' | '-') => Some(WORD),
        (ACCOUNT..=WORD, _) => None,
        _ => Some(RESOURCE + 1),
    }
}

/// The places reached: glob and position, sorted. A set of globs that takes whatever follows is kept as
/// one place behind all globs.
type Places = Vec<(u32, u32)>;

/// Sets of globs, each the union of its globs.
#[derive(Clone, Debug)]
pub(crate) struct Automaton {
    shape: Shape,
    globs: Vec<Glob>,
    /// To which set each glob belongs.
    sets: Vec<u32>,
    count: usize,
    /// Whether there are characters whose case counts.
    exact: bool,
}

/// What a visitor wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Visit {
    /// To see what follows.
    Go,
    /// Nothing that begins with this text.
    Skip,
    /// No more at all.
    Stop,
}

/// A text and what the sets say of it.
pub(crate) struct View<'a> {
    automaton: &'a Automaton,
    places: &'a Places,
    links: &'a [(u32, char)],
    link: u32,
    /// Whether the text has the shape that is asked for.
    pub(crate) is_whole: bool,
}

impl View<'_> {
    /// Whether a set takes the text.
    pub(crate) fn holds(&self, set: usize) -> bool {
        self.automaton.holds(self.places, set)
    }

    /// The numbers of the sets that take the text, sorted.
    pub(crate) fn held(&self) -> Vec<u32> {
        self.automaton.held_at(self.places)
    }

    /// Whether a set takes the text and whatever follows.
    pub(crate) fn for_ever(&self, set: usize) -> bool {
        self.places.binary_search(&self.automaton.behind(set)).is_ok()
    }

    /// Whether a set may take the text or one that begins so.
    pub(crate) fn is_alive(&self, set: usize) -> bool {
        self.places.iter().any(|place| self.automaton.set(*place) as usize == set)
    }

    /// Whether this is the empty text.
    pub(crate) const fn is_empty(&self) -> bool {
        self.link == 0
    }

    /// The text.
    pub(crate) fn text(&self) -> String {
        let mut reversed = Vec::new();
        let mut link = self.link;
        while link != 0 {
            let Some((before, character)) = self.links.get(link as usize) else { break };
            reversed.push(*character);
            link = *before;
        }
        reversed.into_iter().rev().collect()
    }
}

impl Automaton {
    pub(crate) const fn new(shape: Shape) -> Self {
        Self { shape, globs: Vec::new(), sets: Vec::new(), count: 0, exact: false }
    }

    /// Adds a set and tells its number.
    pub(crate) fn add(&mut self, globs: impl IntoIterator<Item = Glob>) -> usize {
        let set = self.count;
        for glob in globs {
            self.exact |= glob.iter().any(|token| matches!(token, Token::Char(_)));
            self.globs.push(glob);
            self.sets.push(u32::try_from(set).unwrap_or(u32::MAX));
        }
        self.count += 1;
        set
    }

    /// The same sets without the globs that no text of this one can match, by their fixed beginnings.
    pub(crate) fn narrowed(&self, wanted: &[Token]) -> Self {
        let same = |(a, b): (&Token, &Token)| match (a, b) {
            (Token::Char(a), Token::Char(b)) => a == b,
            (Token::Char(a) | Token::Fold(a), Token::Char(b) | Token::Fold(b)) => a.eq_ignore_ascii_case(b),
            _ => true,
        };
        let fixed = |token: &&Token| matches!(token, Token::Char(_) | Token::Fold(_));
        let can_meet = |glob: &Glob| {
            let pairs = glob.iter().take_while(fixed).zip(wanted.iter().take_while(fixed));
            pairs.into_iter().all(same)
        };
        let kept = self.globs.iter().zip(&self.sets).filter(|(glob, _)| can_meet(glob));
        let (globs, sets) = kept.map(|(glob, set)| (glob.clone(), *set)).unzip();
        Self { shape: self.shape, globs, sets, count: self.count, exact: self.exact }
    }

    /// How many sets there are.
    pub(crate) const fn count(&self) -> usize {
        self.count
    }

    /// The numbers of the sets that take a text, whatever its shape.
    pub(crate) fn held(&self, text: &str) -> Vec<u32> {
        let places = text.chars().fold(self.start(), |places, character| self.step(&places, character));
        self.held_at(&places)
    }

    fn held_at(&self, places: &Places) -> Vec<u32> {
        let ends = places.iter().filter(|place| self.at_end(**place));
        let mut held: Vec<u32> = ends.map(|place| self.set(*place)).collect();
        held.sort_unstable();
        held.dedup();
        held
    }

    fn start(&self) -> Places {
        self.close((0..self.length()).map(|glob| (glob, 0)).collect())
    }

    fn set(&self, (glob, _): (u32, u32)) -> u32 {
        self.sets.get(glob as usize).copied().unwrap_or_else(|| glob - self.length())
    }

    fn length(&self) -> u32 {
        u32::try_from(self.globs.len()).unwrap_or(u32::MAX)
    }

    /// The place that stands for a set which takes everything.
    fn behind(&self, set: usize) -> (u32, u32) {
        (self.length() + u32::try_from(set).unwrap_or(u32::MAX), 0)
    }

    fn tokens(&self, glob: u32) -> &[Token] {
        self.globs.get(glob as usize).map(Vec::as_slice).unwrap_or_default()
    }

    fn token(&self, (glob, position): (u32, u32)) -> Option<Token> {
        self.tokens(glob).get(position as usize).copied()
    }

    /// Also true of what stands for a whole set: it has no tokens.
    fn at_end(&self, (glob, position): (u32, u32)) -> bool {
        self.tokens(glob).len() == position as usize
    }

    fn holds(&self, places: &Places, set: usize) -> bool {
        places.iter().any(|place| self.at_end(*place) && self.set(*place) as usize == set)
    }

    /// Adds the places that `*` reaches without a character, and drops those that make no difference.
    fn close(&self, mut places: Places) -> Places {
        let mut next = 0;
        while let Some(&(glob, position)) = places.get(next) {
            if self.token((glob, position)).is_some_and(Token::is_many) {
                places.push((glob, position + 1));
            }
            next += 1;
        }
        places.sort_unstable();
        places.dedup();
        // Where a glob has reached a `*`, what stands before it takes no more than it.
        let mut kept = Places::with_capacity(places.len());
        for glob in places.chunk_by(|(a, _), (b, _)| a == b) {
            let from = kept.len();
            for &place in glob {
                match self.token(place) {
                    Some(Token::Many) => kept.truncate(from),
                    Some(Token::ManyPart) => {
                        // Only within its segment.
                        while kept.len() > from
                            && kept.last().is_some_and(|before| self.same_segment(*before, place))
                        {
                            kept.pop();
                        }
                    }
                    _ => {}
                }
                kept.push(place);
            }
        }
        let endless = |place: &(u32, u32)| {
            self.token(*place) == Some(Token::Many) && self.at_end((place.0, place.1 + 1))
        };
        let mut whole: Vec<u32> =
            kept.iter().filter(|place| endless(place)).map(|place| self.set(*place)).collect();
        if !whole.is_empty() {
            whole.extend(kept.iter().filter(|place| place.0 >= self.length()).map(|place| self.set(*place)));
            whole.sort_unstable();
            whole.dedup();
            kept.retain(|place| whole.binary_search(&self.set(*place)).is_err());
            kept.extend(whole.into_iter().map(|set| self.behind(set as usize)));
        } else if kept.last().is_some_and(|place| place.0 >= self.length()) {
            let sets: Vec<u32> =
                kept.iter().filter(|place| place.0 >= self.length()).map(|place| self.set(*place)).collect();
            kept.retain(|place| place.0 >= self.length() || sets.binary_search(&self.set(*place)).is_err());
        }
        kept
    }

    /// Whether no colon can stand between two places of a glob.
    fn same_segment(&self, from: (u32, u32), to: (u32, u32)) -> bool {
        let between = self.tokens(from.0).get(from.1 as usize..to.1 as usize).unwrap_or_default();
        !between
            .iter()
            .any(|token| matches!(token, Token::Char(':') | Token::Fold(':') | Token::One | Token::Many))
    }

    fn step(&self, places: &Places, character: char) -> Places {
        let moved = places.iter().filter_map(|&(glob, position)| match self.token((glob, position)) {
            // What stands for a whole set stays.
            None => (glob >= self.length()).then_some((glob, position)),
            Some(token) if !token.takes(character) => None,
            Some(token) if token.is_many() => Some((glob, position)),
            Some(_) => Some((glob, position + 1)),
        });
        self.close(moved.collect())
    }

    /// The characters that make a difference here, and one that stands for all others.
    fn alphabet(&self, stage: Stage, places: &Places) -> Vec<char> {
        let mut characters = Vec::with_capacity(places.len() + 2);
        for place in places {
            match self.token(*place) {
                Some(Token::Char(c)) => characters.push(c),
                Some(Token::Fold(c)) => {
                    characters.push(c);
                    if self.exact {
                        characters.push(c.to_ascii_lowercase());
                        characters.push(c.to_ascii_uppercase());
                    }
                }
                _ => {}
            }
        }
        let taken = |other: char| {
            let same = |c: &char| *c == other || c.eq_ignore_ascii_case(&other);
            characters.iter().any(same)
        };
        let other = self.shape.others(stage).find(|c| !taken(*c));
        characters.push(':');
        characters.extend(self.shape.demanded().chars());
        characters.sort_unstable();
        characters.dedup();
        // What stands for all others comes first, so that texts are short and plain.
        characters.into_iter().chain(other).rev().collect()
    }

    /// Visits every state, the shortest texts first.
    pub(crate) fn explore(
        &self,
        budget: &mut Budget,
        mut visit: impl FnMut(&View<'_>) -> Visit,
    ) -> Result<(), Spent> {
        let mut seen: HashSet<(Stage, Places)> = HashSet::new();
        // Texts as links: from which entry, and with which character.
        let mut links: Vec<(u32, char)> = vec![(0, ' ')];
        let mut queue: VecDeque<(Stage, Places, u32)> = VecDeque::new();
        let start = self.start();
        seen.insert((0, start.clone()));
        queue.push_back((0, start, 0));
        while let Some((stage, places, link)) = queue.pop_front() {
            let is_whole = self.shape.is_whole(stage);
            match visit(&View { automaton: self, places: &places, links: &links, link, is_whole }) {
                Visit::Go => {}
                Visit::Skip => continue,
                Visit::Stop => return Ok(()),
            }
            for character in self.alphabet(stage, &places) {
                let Some(next_stage) = self.shape.advance(stage, character) else { continue };
                budget.spend(places.len() + 1)?;
                let next = self.step(&places, character);
                let key = (next_stage, next);
                if seen.contains(&key) {
                    continue;
                }
                let number = u32::try_from(links.len()).map_err(|_| Spent)?;
                links.push((link, character));
                queue.push_back((next_stage, key.1.clone(), number));
                seen.insert(key);
            }
        }
        Ok(())
    }
}
