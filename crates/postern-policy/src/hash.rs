//! Hashes of names, and a table that finds things by them.
//!
//! The hash is quick and no secret: texts made to collide share a bucket, which then is gone through one by
//! one. A lookup never costs more than going through everything, and what is found is compared as text.

use crate::words::lower;

/// The hash of a text in which case counts.
pub(crate) fn hash(text: &str) -> u64 {
    digest(text.as_bytes(), |word| word)
}

/// The hash of a text in which the case of ASCII letters does not count.
pub(crate) fn hash_folded(text: &str) -> u64 {
    digest(text.as_bytes(), lower)
}

/// Eight bytes at a time; the last word overlaps the one before it.
fn digest(bytes: &[u8], fold: impl Fn(u64) -> u64) -> u64 {
    let mut state = bytes.len() as u64;
    let mut add = |word: u64| {
        state = (state ^ fold(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        state ^= state >> 32;
    };
    let (words, _) = bytes.as_chunks::<8>();
    for word in words {
        add(u64::from_le_bytes(*word));
    }
    match bytes.last_chunk::<8>() {
        Some(last) if !bytes.len().is_multiple_of(8) => add(u64::from_le_bytes(*last)),
        Some(_) => {}
        None => add(bytes.iter().fold(0, |word, byte| word << 8 | u64::from(*byte))),
    }
    state
}

/// Things by the hash of their name, those of one bucket in the order in which they came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Table<T> {
    /// Where each bucket begins, and the end of the last one.
    starts: Box<[u32]>,
    entries: Box<[(u64, T)]>,
}

impl<T: Copy + Default> Table<T> {
    /// None where there are more things than can be counted; a document's text would be as large as memory.
    pub(crate) fn new(things: &[(u64, T)]) -> Option<Self> {
        let buckets = things.len().next_power_of_two();
        let count = u32::try_from(things.len()).ok()?;
        let mut starts = vec![0_u32; buckets + 1];
        // Counted one bucket further on, so that the sums are the beginnings.
        for (hash, _) in things {
            *starts.get_mut(bucket(*hash, buckets) + 1)? += 1;
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        debug_assert_eq!(sum, count);
        let mut entries = vec![(0, T::default()); things.len()];
        let mut next = starts.clone();
        for thing in things {
            let next = next.get_mut(bucket(thing.0, buckets))?;
            *entries.get_mut(*next as usize)? = *thing;
            *next += 1;
        }
        Some(Self { starts: starts.into(), entries: entries.into() })
    }

    /// Everything that may have this hash.
    pub(crate) fn bucket(&self, hash: u64) -> &[(u64, T)] {
        let at = bucket(hash, self.starts.len() - 1);
        let bound = |at: usize| self.starts.get(at).map_or(0, |start| *start as usize);
        self.entries.get(bound(at)..bound(at + 1)).unwrap_or_default()
    }

    /// Everything that has this hash.
    pub(crate) fn find(&self, hash: u64) -> impl Iterator<Item = T> {
        self.bucket(hash).iter().filter(move |(known, _)| *known == hash).map(|(_, thing)| *thing)
    }
}

/// The number of buckets is a power of two.
const fn bucket(hash: u64, buckets: usize) -> usize {
    (hash as usize) & (buckets - 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_all_lengths_have_their_own_hash() {
        let text = "s3:GetObjectVersionForReplication";
        let mut seen = Vec::new();
        for length in 0..text.len() {
            let part = &text[..length];
            assert_eq!(hash_folded(part), hash_folded(&part.to_uppercase()));
            assert_eq!(hash_folded(part), hash(&part.to_lowercase()));
            seen.push(hash(part));
        }
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), text.len());
    }

    #[test]
    fn a_table_finds_what_came_in_its_order() {
        let things: Vec<(u64, u32)> = (0..100).map(|number| (u64::from(number % 7) << 8, number)).collect();
        let table = Table::new(&things).unwrap();
        let found: Vec<u32> = table.find(3 << 8).collect();
        assert_eq!(found, (0..100).filter(|number| number % 7 == 3).collect::<Vec<_>>());
        assert_eq!(table.find(1).count(), 0);
        assert_eq!(Table::<u32>::new(&[]).unwrap().find(0).count(), 0);
    }
}
