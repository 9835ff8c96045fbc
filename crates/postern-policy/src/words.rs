//! Texts looked at eight bytes at a time.

const ONES: u64 = u64::from_le_bytes([1; 8]);
const HIGH: u64 = ONES << 7;

/// Eight bytes with their ASCII capitals in lower case.
#[inline]
pub(crate) const fn lower(word: u64) -> u64 {
    // The high bit of each byte tells, after the additions, whether its low seven bits reach `A` and pass `Z`.
    let low = word & !HIGH;
    let from_a = low.wrapping_add(ONES * (0x80 - b'A' as u64));
    let behind_z = low.wrapping_add(ONES * (0x7f - b'Z' as u64));
    let capitals = from_a & !behind_z & !word & HIGH;
    word | capitals >> 2
}

/// The high bit of each byte that is zero.
const fn zeros(word: u64) -> u64 {
    !((word & !HIGH).wrapping_add(!HIGH) | word | !HIGH)
}

/// The high bit of each byte that is this one.
const fn equal(word: u64, byte: u8) -> u64 {
    zeros(word ^ (ONES * byte as u64))
}

/// Whether two texts differ at most in the case of ASCII letters.
#[inline]
pub(crate) fn same_folded(a: &[u8], b: &[u8]) -> bool {
    if a.len() != b.len() {
        return false;
    }
    let (Some(last_a), Some(last_b)) = (a.last_chunk::<8>(), b.last_chunk::<8>()) else {
        return a.eq_ignore_ascii_case(b);
    };
    let same = |a: &[u8; 8], b: &[u8; 8]| lower(u64::from_le_bytes(*a)) == lower(u64::from_le_bytes(*b));
    // The last word overlaps the one before it.
    same(last_a, last_b) && a.as_chunks().0.iter().zip(b.as_chunks().0).all(|(a, b)| same(a, b))
}

/// Where the first five colons stand.
pub(crate) fn five_colons(text: &str) -> Option<[usize; 5]> {
    let (words, rest) = text.as_bytes().as_chunks::<8>();
    let mut places = [0; 5];
    let mut free = places.iter_mut();
    let mut next = free.next();
    for (number, word) in words.iter().enumerate() {
        let mut flags = equal(u64::from_le_bytes(*word), b':');
        while flags != 0 {
            *next? = 8 * number + flags.trailing_zeros() as usize / 8;
            flags &= flags - 1;
            next = free.next();
            if next.is_none() {
                return Some(places);
            }
        }
    }
    for (at, _) in rest.iter().enumerate().filter(|(_, byte)| **byte == b':') {
        *next? = 8 * words.len() + at;
        next = free.next();
        if next.is_none() {
            return Some(places);
        }
    }
    None
}

/// How many bytes of a JSON string stand for themselves, up to a quote, a backslash or a control character.
#[inline]
pub(crate) fn plain_length(bytes: &[u8]) -> usize {
    // Flags the first byte below `least`, and perhaps bytes behind it, from which it borrows.
    let below = |word: u64, least: u8| word.wrapping_sub(ONES * u64::from(least)) & !word;
    let (words, rest) = bytes.as_chunks::<8>();
    for (number, word) in words.iter().enumerate() {
        let word = u64::from_le_bytes(*word);
        let quote = below(word ^ (ONES * u64::from(b'"')), 1);
        let backslash = below(word ^ (ONES * u64::from(b'\\')), 1);
        let flags = (quote | backslash | below(word, 0x20)) & HIGH;
        if flags != 0 {
            return 8 * number + flags.trailing_zeros() as usize / 8;
        }
    }
    let special = |byte: &u8| *byte == b'"' || *byte == b'\\' || *byte < 0x20;
    8 * words.len() + rest.iter().position(special).unwrap_or(rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_concerns_capitals_only() {
        for byte in 0..=u8::MAX {
            let word = u64::from_le_bytes([b'x', byte, 0, byte, byte, 0xff, b'Q', byte]);
            let folded = word.to_le_bytes().map(|byte| byte.to_ascii_lowercase());
            assert_eq!(lower(word).to_le_bytes(), folded);
        }
    }

    #[test]
    fn texts_are_the_same_whatever_their_case() {
        let text = "Sts:AssumeRoleWithWebIdentity[é{";
        for length in (0..text.len()).filter(|length| text.is_char_boundary(*length)) {
            let part = &text[..length];
            assert!(same_folded(part.as_bytes(), part.to_ascii_uppercase().as_bytes()));
            for at in 0..length {
                let mut other = part.as_bytes().to_vec();
                other[at] ^= 0x40;
                assert!(!same_folded(part.as_bytes(), &other), "{part} {at}");
            }
        }
    }

    #[test]
    fn colons_are_found_wherever_they_stand() {
        let text = "arn:aws:iam::111111111111:role/a:b:::::x";
        for start in 0..text.len() {
            for end in start..text.len() {
                let part = &text[start..end];
                let places: Vec<usize> = part.match_indices(':').map(|(at, _)| at).take(5).collect();
                assert_eq!(five_colons(part), places.try_into().ok(), "{part}");
            }
        }
    }

    #[test]
    fn strings_end_where_something_special_stands() {
        for byte in 0..=u8::MAX {
            for length in 0..20 {
                let mut bytes = vec![b'a'; length];
                bytes.push(byte);
                bytes.extend([0xff; 3]);
                let special = byte == b'"' || byte == b'\\' || byte < 0x20;
                assert_eq!(plain_length(&bytes), if special { length } else { length + 4 }, "{byte}");
            }
        }
    }
}
