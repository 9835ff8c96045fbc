//! SARIF as its standard and code-scanning services want it. (Against the official schema it was held by hand: the
//! schema is in no package.)

use serde_json::Value;

use crate::{
    check::{HIGH, LOW},
    world::{World, code},
};

fn sarif(world: &World, files: &[&str]) -> Value {
    let mut arguments = vec!["check", "--format", "sarif"];
    arguments.extend(files);
    world.json(&arguments)
}

#[test]
fn results_name_their_rules_and_places() {
    let wide = HIGH.replace(
        "\"Sid\": \"Read reports\"",
        "\"Sid\": \"\u{1d11e} x\", \"Effect\": \"Deny\", \"Sid\": \"1\"",
    );
    let world = World::new(&[("dir/high one.json", HIGH), ("low.json", LOW), ("wide.json", &wide)]);
    let json = sarif(&world, &["dir/high one.json", "low.json", "wide.json"]);
    assert_eq!((&json["version"], json["runs"].as_array().unwrap().len()), (&"2.1.0".into(), 1));
    let run = &json["runs"][0];
    assert_eq!(run["columnKind"], "utf16CodeUnits");
    assert_eq!(run["invocations"][0]["executionSuccessful"], true);
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for result in run["results"].as_array().unwrap() {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        assert!(!result["partialFingerprints"]["postern/v1"].as_str().unwrap().is_empty());
        let region = &result["locations"][0]["physicalLocation"]["region"];
        let number = |name: &str| region[name].as_u64().unwrap();
        let (start, end) =
            ((number("startLine"), number("startColumn")), (number("endLine"), number("endColumn")));
        assert!(start >= (1, 1) && start <= end, "{region}");
    }
    let first = &run["results"][0];
    assert_eq!(first["level"], "error");
    let place = &first["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "dir/high%20one.json");
    assert_eq!(first["locations"][0]["logicalLocations"][0]["fullyQualifiedName"], "/Statement/0/Sid");
    // The astral character in front of the second `Sid` is one character and two UTF-16 code units.
    let is_wide =
        |r: &&Value| r["locations"][0]["physicalLocation"]["artifactLocation"]["uri"] == "wide.json";
    let twice = run["results"].as_array().unwrap().iter().filter(is_wide);
    let column = |r: &Value| r["locations"][0]["physicalLocation"]["region"]["startColumn"].as_u64().unwrap();
    let line = wide.lines().find(|line| line.contains("Deny")).unwrap();
    let expected = line.rfind("\"Sid\"").map(|at| line[..at].encode_utf16().count() as u64 + 1).unwrap();
    assert!(twice.map(column).any(|column| column == expected), "{expected}\n{run:#}");
}

#[test]
fn every_rule_is_told_in_full() {
    let world = World::new(&[("low.json", LOW)]);
    let json = sarif(&world, &["low.json"]);
    for rule in json["runs"][0]["tool"]["driver"]["rules"].as_array().unwrap() {
        for text in ["shortDescription", "fullDescription", "help"] {
            assert!(!rule[text]["text"].as_str().unwrap().is_empty(), "{rule}");
        }
        let level = rule["defaultConfiguration"]["level"].as_str().unwrap();
        assert!(["error", "warning", "note"].contains(&level), "{rule}");
    }
}

#[test]
fn what_was_not_checked_is_a_notification() {
    let world = World::new(&[]);
    assert_eq!(code(&world.run(&["check", "--format", "sarif", "missing.json"])), 2);
    let json = sarif(&world, &["missing.json"]);
    let invocation = &json["runs"][0]["invocations"][0];
    assert_eq!(invocation["executionSuccessful"], false);
    let notification = &invocation["toolExecutionNotifications"][0];
    assert!(notification["message"]["text"].as_str().unwrap().contains("missing.json"), "{notification}");
}
