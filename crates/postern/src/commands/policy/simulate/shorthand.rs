//! The `aws` CLI's shorthand for structures: `Name=a,Name=b,c,Name='x,y'`.

use std::iter::Peekable;

/// Members and their values, in order. Only these names begin a member, so that other values may hold `=`.
pub(super) fn parse<'n>(text: &str, names: &[&'n str]) -> Result<Vec<(&'n str, Vec<String>)>, String> {
    let mut members: Vec<(&str, Vec<String>)> = Vec::new();
    let mut rest = text;
    loop {
        let begun = names.iter().find_map(|name| {
            let behind = rest.trim_start().strip_prefix(name)?.trim_start().strip_prefix('=')?;
            Some((*name, behind))
        });
        if let Some((name, behind)) = begun {
            if members.iter().any(|(known, _)| *known == name) {
                return Err(format!("`{name}` stands twice"));
            }
            members.push((name, Vec::new()));
            rest = behind;
        }
        let Some((_, values)) = members.last_mut() else {
            return Err(format!("`{text}` should begin with `{}=`", names.join("=` or `")));
        };
        let (found, behind) = value(rest)?;
        values.extend(found);
        let behind = behind.trim_start();
        if behind.is_empty() {
            return Ok(members);
        }
        rest = behind.strip_prefix(',').ok_or_else(|| format!("expected `,` before `{behind}`"))?;
    }
}

/// One value, or a list of them in brackets, and what follows.
fn value(text: &str) -> Result<(Vec<String>, &str), String> {
    let Some(mut rest) = text.strip_prefix('[') else {
        let (value, rest) = scalar(text, &[','])?;
        return Ok((vec![value], rest));
    };
    let mut values = Vec::new();
    loop {
        if let Some(behind) = rest.trim_start().strip_prefix(']') {
            return Ok((values, behind));
        }
        let (value, behind) = scalar(rest, &[',', ']'])?;
        values.push(value);
        let behind = behind.trim_start();
        rest = match behind.strip_prefix(',') {
            Some(behind) => behind,
            None if behind.starts_with(']') => behind,
            None => return Err(format!("a list is not closed: `{text}`")),
        };
    }
}

/// A quoted text with `\` before quotes and itself, or what stands before one of `ends`.
fn scalar<'a>(text: &'a str, ends: &[char]) -> Result<(String, &'a str), String> {
    let trimmed = text.trim_start();
    let Some(quote) = trimmed.chars().next().filter(|c| matches!(c, '\'' | '"')) else {
        let (value, rest) = text.split_at(text.find(ends).unwrap_or(text.len()));
        return Ok((value.trim().to_owned(), rest));
    };
    let mut value = String::new();
    let mut characters: Peekable<_> = trimmed.char_indices().skip(1).peekable();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => match characters.next_if(|(_, next)| *next == quote || *next == '\\') {
                Some((_, escaped)) => value.push(escaped),
                None => value.push('\\'),
            },
            _ if character == quote => {
                return Ok((value, trimmed.get(at + character.len_utf8()..).unwrap_or_default()));
            }
            _ => value.push(character),
        }
    }
    Err(format!("a quotation mark is not closed: `{text}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shorthand_reads_as_the_aws_cli_reads_it() {
        let read = |text| parse(text, &["Name", "Values", "Type"]);
        let members = |list: &[(&'static str, &[&str])]| {
            let owned = |values: &[&str]| values.iter().map(|v| (*v).to_owned()).collect::<Vec<_>>();
            Ok(list.iter().map(|(name, values)| (*name, owned(values))).collect::<Vec<_>>())
        };
        for (text, expected) in [
            (
                "Name=a:b,Values=true,Type=boolean",
                &[("Name", &["a:b"][..]), ("Values", &["true"]), ("Type", &["boolean"])][..],
            ),
            ("Name=a,Values=1,2=3,4", &[("Name", &["a"]), ("Values", &["1", "2=3", "4"])]),
            ("Values=[1, 'x,]y'],Name='a'", &[("Values", &["1", "x,]y"]), ("Name", &["a"])]),
            (r#"Values="a\"b\\c\d",é"#, &[("Values", &[r#"a"b\c\d"#, "é"])]),
            ("Name= a , Type = b", &[("Name", &["a"]), ("Type", &["b"])]),
            ("Values=,Name=", &[("Values", &[""]), ("Name", &[""])]),
            ("Values=[]", &[("Values", &[])]),
        ] {
            assert_eq!(read(text), members(expected), "{text}");
        }
        for (text, problem) in [
            ("", "should begin with"),
            ("name=a", "should begin with"),
            ("Name='a", "quotation mark"),
            ("Values=[a", "not closed"),
            ("Name='a'b", "expected `,`"),
            ("Name=a,Name=b", "twice"),
        ] {
            assert!(read(text).unwrap_err().contains(problem), "{text}");
        }
    }
}
