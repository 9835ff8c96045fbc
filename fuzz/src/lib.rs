//! What each target does with its input: read it, and hold what must be true of the result.
//!
//! The bodies stand here, without the fuzzer, so that `./test` can compile this file on stable and
//! replay the seeds (`crates/postern-testkit/tests/fuzz_seeds.rs`).

use postern_aws::profile::Profiles;
use postern_estate::{Design, Span};
use postern_policy::{Document, line_column};

/// A target: its name, which is also its folder of seeds, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] =
    &[("policy_document", policy_document), ("estate_toml", estate_toml), ("aws_config", aws_config)];

/// A span must lie in its text, on the boundaries of characters.
fn assert_within(text: &str, span: Span) {
    assert!(text.get(span.start..span.end).is_some(), "{}..{} is no part of the text", span.start, span.end);
    let (line, column) = line_column(text, span.start);
    assert!(line >= 1 && column >= 1);
}

/// The policy parser: never panics, points into the text, and reads no document that is not JSON.
pub fn policy_document(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match Document::parse(text) {
        Ok(document) => {
            if let Err(error) = serde_json::from_str::<serde_json::Value>(text)
                && !error.to_string().contains("number out of range")
                && !error.to_string().contains("recursion limit")
            {
                panic!("read as a policy, but no JSON: {error}");
            }
            assert!(!document.statements().is_empty());
        }
        Err(problems) => {
            assert!(!problems.is_empty(), "refused without a reason");
            for problem in problems {
                assert!(!problem.message.is_empty());
                assert_within(text, problem.span);
            }
        }
    }
}

/// The estate file: never panics, points into the text, and reads nothing that is not TOML.
pub fn estate_toml(data: &[u8]) {
    match Design::parse_bytes(data) {
        Ok(design) => {
            let text = std::str::from_utf8(data).expect("a design was read from it");
            toml::from_str::<toml::Table>(text.trim_start_matches('\u{feff}')).expect("a design was read from it");
            // What it makes of the accounts may be refused, but never by a panic.
            let _ = design.desired(&|_| Err("no files here".to_owned()), &|_| Default::default());
        }
        Err(errors) => {
            assert!(!errors.is_empty(), "refused without a reason");
            let text = std::str::from_utf8(data).unwrap_or_default();
            for error in errors.iter().filter(|_| !text.is_empty()) {
                assert_within(text, error.span);
            }
        }
    }
}

/// The AWS configuration files: config and credentials, parted by a line `---`.
pub fn aws_config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (config, credentials) = text.split_once("\n---\n").unwrap_or((text, ""));
    if let Ok(profiles) = Profiles::parse(config, credentials) {
        for name in profiles.names() {
            let _ = profiles.profile(&name);
        }
    }
}
