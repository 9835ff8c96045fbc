//! Words as a POSIX shell parts them: section names, and the command of a `credential_process`.

/// Parts a text into words, with quotes and backslashes as Python's `shlex` (and so botocore) reads them; none when
/// a quotation or an escape is left open.
#[must_use]
pub fn shell_words(text: &str) -> Option<Vec<String>> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut rest = text;
    loop {
        let end = rest.bytes().position(|byte| b" \t\r\n\\'\"".contains(&byte)).unwrap_or(rest.len());
        let (plain, behind) = rest.split_at_checked(end)?;
        if !plain.is_empty() {
            word.get_or_insert_default().push_str(plain);
        }
        let mut characters = behind.chars();
        match characters.next() {
            None => break,
            Some('\\') => word.get_or_insert_default().push(characters.next()?),
            Some(quote @ ('\'' | '"')) => quoted(&mut characters, quote, word.get_or_insert_default())?,
            Some(_) => words.extend(word.take()),
        }
        rest = characters.as_str();
    }
    words.extend(word);
    Some(words)
}

/// What stands up to the closing quote. Only double quotes know an escape, and only before `"` and `\`.
fn quoted(characters: &mut std::str::Chars<'_>, quote: char, word: &mut String) -> Option<()> {
    loop {
        match characters.next()? {
            end if end == quote => return Some(()),
            '\\' if quote == '"' => match characters.next()? {
                escaped @ ('"' | '\\') => word.push(escaped),
                other => word.extend(['\\', other]),
            },
            plain => word.push(plain),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_those_of_a_shell() {
        let cases: &[(&str, Option<&[&str]>)] = &[
            ("", Some(&[])),
            ("profile  a\t", Some(&["profile", "a"])),
            ("profile \"a b\"", Some(&["profile", "a b"])),
            ("profile 'a \"b\\'", Some(&["profile", "a \"b\\"])),
            ("profile a\\ b", Some(&["profile", "a b"])),
            ("profile a\"b\"'c'", Some(&["profile", "abc"])),
            ("profile \"a\\\"\\\\\\n\"", Some(&["profile", "a\"\\\\n"])),
            ("profile ''", Some(&["profile", ""])),
            ("cmd\n--flag", Some(&["cmd", "--flag"])),
            ("a\u{a0}b # c", Some(&["a\u{a0}b", "#", "c"])),
            ("profile \"a", None),
            ("profile it's", None),
            ("profile a\\", None),
            ("profile \"a\\", None),
        ];
        for (text, words) in cases {
            let expected = words.map(|words| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
            assert_eq!(shell_words(text), expected, "{text:?}");
        }
    }
}
