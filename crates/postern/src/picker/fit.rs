//! Whether a name fits what was typed, how well, and which of its letters do.

/// What a letter is worth that stands where it was looked for.
const LETTER: i32 = 16;
/// What it is worth besides at the beginning of a word,
const BEGINNING: i32 = 12;
/// at the beginning of the whole name,
const FIRST: i32 = 4;
/// and right behind the letter before it.
const ADJACENT: i32 = 14;

/// What was typed: words, each of which must fit, wherever in the name.
pub(super) struct Query(Vec<Vec<char>>);

/// How well a name fits, and its letters that do, by index.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Fit {
    pub(super) score: i32,
    pub(super) letters: Vec<usize>,
}

impl Query {
    pub(super) fn new(text: &str) -> Self {
        Self(text.split_whitespace().map(|word| word.chars().map(lower).collect()).collect())
    }

    pub(super) fn fit(&self, name: &str) -> Option<Fit> {
        let name: Vec<char> = name.chars().map(lower).collect();
        let mut whole = Fit::default();
        for word in &self.0 {
            let fit = best(&name, word)?;
            whole.score += fit.score;
            whole.letters.extend(fit.letters);
        }
        Some(whole)
    }
}

/// One letter for one: some have a lower case of several.
fn lower(c: char) -> char {
    let mut lower = c.to_lowercase();
    match (lower.next(), lower.next()) {
        (Some(one), None) => one,
        _ => c,
    }
}

/// A letter of the word at a place of the name: the best score of the word so far, and whether the letter before
/// stands right before.
#[derive(Clone, Copy)]
struct Step {
    score: i32,
    before: usize,
}

/// The best way to find the word's letters in the name, in their order.
fn best(name: &[char], word: &[char]) -> Option<Fit> {
    // For each letter of the word, the best that ends at each place of the name.
    let mut steps: Vec<Vec<Option<Step>>> = Vec::with_capacity(word.len());
    for letter in word {
        let mut row = vec![None; name.len()];
        // The best of the former row at any place before this one.
        let mut open: Option<Step> = None;
        for (place, (found, cell)) in name.iter().zip(&mut row).enumerate() {
            let former = |at: usize| steps.last().and_then(|row| row.get(at).copied().flatten());
            let adjacent = place
                .checked_sub(1)
                .and_then(|at| Some(Step { score: former(at)?.score + ADJACENT, before: at }));
            let reached = match (steps.is_empty(), adjacent, open) {
                (true, ..) => Some(Step { score: 0, before: place }),
                (false, Some(a), Some(b)) if b.score > a.score => Some(b),
                (false, a, b) => a.or(b),
            };
            if let Some(at) = place.checked_sub(1)
                && let Some(step) = former(at)
                && open.is_none_or(|open| step.score > open.score)
            {
                open = Some(Step { score: step.score, before: at });
            }
            if found == letter {
                *cell = reached.map(|step| Step { score: step.score + worth(name, place), ..step });
            }
        }
        steps.push(row);
    }
    let ends = steps.last()?.iter().enumerate().filter_map(|(place, step)| Some((place, (*step)?.score)));
    let (mut place, score) = ends.reduce(|best, end| if end.1 > best.1 { end } else { best })?;
    let mut letters = Vec::with_capacity(word.len());
    for row in steps.iter().rev() {
        letters.push(place);
        place = row.get(place).copied().flatten()?.before;
    }
    letters.reverse();
    Some(Fit { score, letters })
}

fn worth(name: &[char], place: usize) -> i32 {
    let before = place.checked_sub(1).and_then(|at| name.get(at));
    match before {
        None => LETTER + BEGINNING + FIRST,
        Some(before) if !before.is_alphanumeric() => LETTER + BEGINNING,
        Some(_) => LETTER,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fit(query: &str, name: &str) -> Option<Fit> {
        Query::new(query).fit(name)
    }

    #[test]
    fn letters_are_found_in_their_order() {
        for (query, name, letters) in [
            ("", "prod/developer", Some(vec![])),
            ("pd", "prod/developer", Some(vec![0, 5])),
            ("prod/d", "prod/developer", Some(vec![0, 1, 2, 3, 4, 5])),
            ("PROD", "prod/developer", Some(vec![0, 1, 2, 3])),
            ("dev prod", "prod/developer", Some(vec![5, 6, 7, 0, 1, 2, 3])),
            // Together, though the first of them comes earlier.
            ("read", "prod/readonly", Some(vec![5, 6, 7, 8])),
            ("äß", "Äccount/großer", Some(vec![0, 11])),
            ("dp", "prod/x", None),
            ("x", "", None),
            ("prod x", "prod/developer", None),
        ] {
            assert_eq!(fit(query, name).map(|fit| fit.letters), letters, "{query} in {name}");
        }
    }

    #[test]
    fn words_and_runs_go_before_scattered_letters() {
        for (query, better, worse) in [
            ("dev", "dev/readonly", "prod/developer"),
            ("dev", "prod/developer", "prod/side-valve"),
            ("pd", "prod/developer", "prod/readonly"),
            ("ro", "prod/ro", "prod/developer"),
        ] {
            let score = |name| fit(query, name).unwrap().score;
            assert!(score(better) > score(worse), "{query}: {better} and {worse}");
        }
    }

    /// Against every way there is.
    #[test]
    fn no_way_is_better_than_the_best() {
        fn every(name: &[char], word: &[char], from: usize, last: Option<usize>) -> Option<i32> {
            let Some((letter, rest)) = word.split_first() else { return Some(0) };
            (from..name.len())
                .filter(|place| name[*place] == *letter)
                .filter_map(|place| {
                    let adjacent = if last.is_some_and(|last| last + 1 == place) { ADJACENT } else { 0 };
                    Some(worth(name, place) + adjacent + every(name, rest, place + 1, Some(place))?)
                })
                .max()
        }
        let name: Vec<char> = "aab/ab-aba.bab".chars().collect();
        for number in 0..3_usize.pow(5) {
            let word: Vec<char> = (0..5).map(|n| ['a', 'b', '/'][number / 3_usize.pow(n) % 3]).collect();
            assert_eq!(best(&name, &word).map(|fit| fit.score), every(&name, &word, 0, None), "{word:?}");
        }
    }
}
