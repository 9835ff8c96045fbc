//! What each target does with its input: read it, and hold what must be true of the result.
//!
//! The bodies stand here, without the fuzzer, so that `./test` can compile this file on stable and
//! replay the seeds (`xtask/tests/fuzz_seeds.rs`).

use std::{
    collections::BTreeMap,
    net::{IpAddr, Ipv4Addr},
    time::{Duration, SystemTime},
};

use postern_broker::files::profile::{Dialect, Profiles};
use postern_estate::{Design, Span, snapshot};
use postern_policy::{Document, line_column};
use postern_sandbox::{RawRequest, RawResponse, World};
use postern_testkit::query::{Keys, signed};
use postern_types::Timestamp;
use rand::{SeedableRng, rngs::StdRng};

mod policy;

pub use policy::{policy_eval_case, policy_print};

/// A target: its name, which is also its folder of seeds, and its body.
pub type Target = (&'static str, fn(&[u8]));

/// All targets.
pub const TARGETS: &[Target] = &[
    ("policy_document", policy_document),
    ("policy_eval_case", policy_eval_case),
    ("policy_print", policy_print),
    ("estate_toml", estate_toml),
    ("snapshot_json", snapshot_json),
    ("aws_config", aws_config),
    ("query_decoder", query_decoder),
    ("sigv4_headers", sigv4_headers),
];

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
            toml::from_str::<toml::Table>(text.trim_start_matches('\u{feff}'))
                .expect("a design was read from it");
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

/// The files of a snapshot, each behind a line `=== NAME`: read as one account, or refused with file and line.
pub fn snapshot_json(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut files = BTreeMap::new();
    for part in text.split("=== ").skip(1).take(16) {
        let (name, text) = part.split_once('\n').unwrap_or((part, ""));
        files.insert(name.to_owned(), text.to_owned());
    }
    let read_at = Timestamp::from_second(NOW).expect("a time of our age");
    match snapshot::read(&files, read_at) {
        Ok(read) => {
            let of_account = |user| read.found.users.contains_key(user);
            assert!(read.usage.users.keys().all(of_account), "what nobody of the account used");
            assert!(read.usage.gaps.iter().all(|gap| !gap.is_empty()));
        }
        Err(errors) => {
            assert!(!errors.is_empty(), "refused without a reason");
            for error in errors {
                assert!(!error.problem.is_empty());
                let text = files.get(&error.file).map_or("", String::as_str);
                let lines = text.split('\n').count();
                assert!(
                    error.line.is_none_or(|line| (1..=lines).contains(&line)),
                    "{error} of {lines} lines"
                );
            }
        }
    }
}

/// When all requests are made: a run must not depend on the day it is made on.
const NOW: i64 = 1_790_000_000;
const HOST: &str = "127.0.0.1:4566";

/// A sandbox with one account, the same each time, and its root user's key.
///
/// The world is made once per thread and reset for each case, which is what makes runs quick.
fn sandbox() -> (&'static World, Keys, Timestamp, StdRng) {
    thread_local! {
        static WORLD: &'static World = Box::leak(Box::new(World::new(&mut StdRng::seed_from_u64(1))));
    }
    let mut rng = StdRng::seed_from_u64(1);
    let now = Timestamp::from_second(NOW).expect("a time of our age");
    let world = WORLD.with(|world| *world);
    drop(world.reset(&mut rng));
    let id = "111111111111".parse().expect("twelve digits");
    let account = world.create_account(Some(id), None, now, &mut rng).expect("the sandbox is empty");
    let secret = account.root_secret.expose_secret().to_owned();
    (world, Keys { id: account.root_key.to_string(), secret, token: None }, now, rng)
}

/// Whatever was asked: an answer that clients can read, and never a failure of ours.
fn assert_sound(answer: &RawResponse) {
    assert!((200..600).contains(&answer.status) && answer.status != 500, "status {}", answer.status);
    let text = std::str::from_utf8(&answer.body).expect("answers are UTF-8");
    if answer.header("content-type").is_some_and(|kind| kind.contains("xml")) {
        let mut reader = quick_xml::Reader::from_str(text);
        while reader.read_event().expect("answers are well-formed XML") != quick_xml::events::Event::Eof {}
        assert!(text.to_ascii_lowercase().contains("requestid>"), "no request id in {text}");
    }
}

/// The Query protocol behind a good signature: lines of a service, a blank and a form, in one world.
pub fn query_decoder(data: &[u8]) {
    let (world, keys, now, mut rng) = sandbox();
    let time = SystemTime::UNIX_EPOCH + Duration::from_secs(NOW.unsigned_abs());
    for line in data.split(|byte| *byte == b'\n').take(16) {
        let (service, body) = match line.iter().position(|byte| *byte == b' ') {
            Some(at) => line.split_at(at),
            None => (line, &b" "[..]),
        };
        let service = match service {
            b"iam" | b"sts" | b"ec2" => std::str::from_utf8(service).unwrap_or("iam"),
            _ => "iam",
        };
        let request = signed(HOST, &keys, service, body.get(1..).unwrap_or_default().to_vec(), time);
        let answer = world.handle(&request, now, &mut rng);
        assert_sound(&answer);
        let text = String::from_utf8_lossy(&answer.body);
        // A form may name another service's operation than the scope: that is refused in other words.
        assert!(!text.contains("signature we calculated"), "a good signature was refused: {text}");
    }
}

/// A request nobody signed: `METHOD TARGET`, lines of headers, an empty line, the body.
pub fn sigv4_headers(data: &[u8]) {
    let (world, keys, now, mut rng) = sandbox();
    let (head, body) = match data.windows(2).position(|pair| pair == b"\n\n") {
        Some(at) => (data.get(..at).unwrap_or_default(), data.get(at + 2..).unwrap_or_default()),
        None => (data, &[][..]),
    };
    // A seed cannot know the key's id, which is drawn.
    let head = String::from_utf8_lossy(head).replace("AKIAIOSFODNN7EXAMPLE", &keys.id);
    let mut lines = head.lines();
    let (method, target) = lines.next().and_then(|line| line.split_once(' ')).unwrap_or(("GET", "/"));
    let request = RawRequest {
        method: method.to_owned(),
        target: target.to_owned(),
        headers: lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().as_bytes().to_vec()))
            .collect(),
        body: body.to_vec(),
        source_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
    };
    let answer = world.handle(&request, now, &mut rng);
    assert_sound(&answer);
    assert!(answer.status >= 400, "answered without a signature: {}", String::from_utf8_lossy(&answer.body));
    // A fuzzer reads the secret out of this very comparison, and then sends it to be echoed.
    let tells = |text: &[u8]| text.windows(keys.secret.len()).any(|part| part == keys.secret.as_bytes());
    assert!(tells(data) || !tells(&answer.body), "the secret was told");
}

/// The AWS configuration files: config and credentials, parted by a line `---`.
pub fn aws_config(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (config, credentials) = text.split_once("\n---\n").unwrap_or((text, ""));
    if let Ok(profiles) = Profiles::parse(config, credentials) {
        for name in profiles.names() {
            for dialect in [Dialect::Botocore, Dialect::AwsVault] {
                let _ = profiles.profile_in(dialect, &name);
            }
        }
        let lines = text.lines().count() + text.matches('\r').count();
        assert!(profiles.oddities().iter().all(|oddity| (1..=lines).contains(&oddity.line)));
    }
}
