//! The page about `policy check` tells what the program does.

use std::fmt::Write;

use crate::world::World;

const PAGE: &str = include_str!("../../../../docs/policy-check.md");

/// Options of every command.
const GLOBAL: [&str; 6] = ["--help", "--version", "--estate", "--mfa-from", "--quiet", "--color"];

#[test]
fn the_table_of_rules_is_the_programs() {
    let world = World::new(&[]);
    let json = world.json(&["check", "--rules", "--format", "json"]);
    let mut table =
        String::from("| rule | severity | class | title | fix |\n| --- | --- | --- | --- | --- |\n");
    for rule in json["rules"].as_array().unwrap() {
        let text = |name: &str| rule[name].as_str().unwrap().replace('|', "\\|");
        let cells = ["id", "severity", "class", "title", "fix"].map(text);
        writeln!(table, "| {} |", cells.join(" | ")).unwrap();
    }
    let begin = PAGE.find("| rule | severity").unwrap();
    let length = PAGE[begin..].find("\n\n").map_or(PAGE.len() - begin, |at| at + 1);
    let written = &PAGE[begin..begin + length];
    if written != table && std::env::var_os("POSTERN_UPDATE_DOCS").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/policy-check.md");
        std::fs::write(path, PAGE.replace(written, &table)).unwrap();
        return;
    }
    assert!(
        written == table,
        "docs/policy-check.md is old; with POSTERN_UPDATE_DOCS=1 this test writes the table:\n\n{table}"
    );
}

#[test]
fn the_page_names_every_option() {
    let world = World::new(&[]);
    let help = String::from_utf8(world.run(&["check", "--help"]).stdout).unwrap();
    let options =
        help.lines().filter_map(|line| line.trim_start().split([' ', ',']).find(|word| !word.is_empty()));
    for option in options.filter(|word| word.starts_with("--") && !GLOBAL.contains(word)) {
        assert!(PAGE.contains(option), "{option}");
    }
}
