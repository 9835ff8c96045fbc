//! The page about the estate file tells what the parser reads.

use std::fmt::Write;

use postern_estate::{Design, KnownKey, Quotas, format_estate, known_keys};

const PAGE: &str = include_str!("../../../../docs/estate-file.md");

/// The heading under which a table of keys is documented.
fn heading(table: &str) -> String {
    match table {
        "" => "## The top of the file\n".to_owned(),
        "administrators.also" => "### One of `also` in `[administrators]`\n".to_owned(),
        "roles.NAME.policies" => "### A file in `policies`\n".to_owned(),
        "exceptions" => "## `[[exceptions]]`\n".to_owned(),
        table => format!("## `[{table}]`\n"),
    }
}

fn table_of(keys: &[KnownKey]) -> String {
    let mut text = String::from("| key | meaning | without it |\n| --- | --- | --- |\n");
    for key in keys {
        let without = match key.default {
            _ if key.required => "refused".to_owned(),
            Some(default) => format!("`{default}`"),
            None => String::new(),
        };
        writeln!(text, "| `{}` | {} | {without} |", key.name, key.about).unwrap();
    }
    text
}

#[test]
fn the_tables_are_the_parsers() {
    let keys = known_keys();
    let mut tables: Vec<&str> = keys.iter().map(|key| key.table).collect();
    tables.dedup();
    let mut page = PAGE.to_owned();
    for table in tables {
        let of_table: Vec<KnownKey> = keys.iter().filter(|key| key.table == table).copied().collect();
        let begin = page.find(&heading(table)).unwrap_or_else(|| unreachable!("no heading for [{table}]"));
        let begin = begin + heading(table).len() + 1;
        let end = begin + page[begin..].find("\n\n").unwrap() + 1;
        page.replace_range(begin..end, &table_of(&of_table));
    }
    if page != PAGE && std::env::var_os("POSTERN_UPDATE_DOCS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/estate-file.md");
        std::fs::write(path, page).unwrap();
        return;
    }
    assert!(
        page == PAGE,
        "docs/estate-file.md is old; with POSTERN_UPDATE_DOCS=1 this test writes its tables"
    );
}

/// The example on the page, without and with what stands in it as a comment.
fn examples() -> [String; 2] {
    let begin = PAGE.find("```toml\n").unwrap() + "```toml\n".len();
    let end = begin + PAGE[begin..].find("```").unwrap();
    let text = &PAGE[begin..end];
    let uncommented: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest) if rest.contains(" = ") => format!("{rest}\n"),
            _ => format!("{line}\n"),
        })
        .collect();
    [text.to_owned(), uncommented]
}

#[test]
fn the_example_uses_every_key_and_is_sound() {
    for text in examples() {
        let design = Design::parse(&text).unwrap_or_else(|errors| unreachable!("{errors:#?}"));
        let file = r#"{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}"#;
        design.desired(&|_| Ok(file.to_owned()), &|_| Quotas::DEFAULT).unwrap();
        assert_eq!(format_estate(&text).unwrap(), text);
    }
    let [_, all] = examples();
    for key in known_keys() {
        let written = |line: &str| {
            let line = line.trim_start_matches(['[', ' ', '{']);
            line.strip_prefix(key.name).is_some_and(|rest| rest.starts_with([' ', '.', ']']))
        };
        let forms = [format!("{{ {} =", key.name), format!(", {} =", key.name), format!(".{}]", key.name)];
        let inside = |line: &str| forms.iter().any(|form| line.contains(form));
        assert!(all.lines().any(|line| written(line) || inside(line)), "`{}` of [{}]", key.name, key.table);
    }
}
