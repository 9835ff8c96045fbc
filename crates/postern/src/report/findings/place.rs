//! Lines and columns of many offsets in one walk over the text.

/// A place in a text. All counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) line: usize,
    /// In characters (Unicode code points), as editors and people count.
    pub(crate) column: usize,
    /// In UTF-16 code units, as SARIF counts.
    pub(crate) utf16: usize,
}

/// The places of these byte offsets, in the order given. An offset behind the text is its end; one inside a
/// character is the character behind it.
pub(crate) fn places(text: &str, offsets: &[usize]) -> Vec<Place> {
    let mut order: Vec<usize> = (0..offsets.len()).collect();
    order.sort_by_key(|index| offsets.get(*index));
    let mut found = vec![Place::default(); offsets.len()];
    let mut here = Place { line: 1, column: 1, utf16: 1 };
    let mut characters = text.char_indices().peekable();
    for index in order {
        let offset = offsets.get(index).copied().unwrap_or_default();
        while let Some((_, character)) = characters.next_if(|(at, _)| *at < offset) {
            if character == '\n' {
                here = Place { line: here.line + 1, column: 1, utf16: 1 };
            } else {
                here.column += 1;
                here.utf16 += character.len_utf16();
            }
        }
        if let Some(place) = found.get_mut(index) {
            *place = here;
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_counted_both_ways_and_offsets_may_come_in_any_order() {
        let text = "aä\n𝄞 b\n";
        let at = |line, column, utf16| Place { line, column, utf16 };
        let offsets = [8, 0, 3, 2, 4, 99, 10];
        let expected =
            [at(2, 2, 3), at(1, 1, 1), at(1, 3, 3), at(1, 3, 3), at(2, 1, 1), at(3, 1, 1), at(2, 4, 5)];
        assert_eq!(places(text, &offsets), expected);
        for (offset, place) in offsets.iter().zip(places(text, &offsets)) {
            assert_eq!(postern_policy::line_column(text, *offset), (place.line, place.column), "{offset}");
        }
    }
}
