//! The rules of the house that no compiler holds: who may import whom, what a pure crate may
//! touch, and where a secret may be read (ARCHITECTURE.md, "Invariants").

#![expect(clippy::unwrap_used, reason = "helpers of tests end the test loudly")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::Value;

/// The crates and their arrows: what each may import of ours. A crate not listed fails the test,
/// so that a new one states its place first.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("postern-types", &[]),
    ("postern-policy", &["postern-types"]),
    ("postern-estate", &["postern-types", "postern-policy"]),
    ("postern-prove", &["postern-types", "postern-policy", "postern-estate"]),
    ("postern-broker", &["postern-types"]),
    ("postern-sandbox", &["postern-types", "postern-policy", "postern-estate"]),
    ("postern-aws", &["postern-types", "postern-estate", "postern-broker"]),
    ("postern-vault", &["postern-types", "postern-broker"]),
    ("postern-serve", &["postern-types", "postern-broker", "postern-sandbox"]),
    (
        "postern",
        &[
            "postern-types",
            "postern-policy",
            "postern-estate",
            "postern-prove",
            "postern-broker",
            "postern-sandbox",
            "postern-aws",
            "postern-vault",
            "postern-serve",
        ],
    ),
    // For tests only: nothing of the product may depend on it.
    (
        "postern-testkit",
        &[
            "postern-types",
            "postern-policy",
            "postern-estate",
            "postern-sandbox",
            "postern-serve",
            "postern-aws",
        ],
    ),
    (
        "xtask",
        &[
            "postern-types",
            "postern-policy",
            "postern-estate",
            "postern-sandbox",
            "postern-broker",
            "postern-testkit",
        ],
    ),
];

/// No I/O, clock, environment, randomness or async (layers L0 and L1).
const PURE: &[&str] = &[
    "postern-types",
    "postern-policy",
    "postern-estate",
    "postern-prove",
    "postern-broker",
    "postern-sandbox",
];

/// What a pure crate must not even reach through others.
const HEAVY: &[&str] =
    &["tokio", "hyper", "mio", "rustix", "clap", "aws-sdk-iam", "aws-sdk-sts", "ureq", "reqwest"];

/// What the text of a pure crate must not name outside its tests.
const IMPURE: &[&str] = &[
    "std::fs",
    "std::env",
    "std::process",
    "TcpStream",
    "TcpListener",
    "UdpSocket",
    "UnixStream",
    "SystemTime::now",
    "Instant::now",
    "Timestamp::now",
    "async fn",
    "async move",
    ".await",
];

/// Where a secret is read, how often, and what for: signed with, verified against, sealed, stored,
/// shown once at its creation, or handed over to the child or caller. Nothing else.
const SECRET_PLACES: &[(&str, usize, &str)] = &[
    (
        "crates/postern-types/src/secret.rs",
        4,
        "checked when taken, compared in constant time, and the one door that all others use",
    ),
    ("crates/postern-types/src/mfa.rs", 6, "codes are computed from the seed, and its Base32 form is made"),
    ("crates/postern-aws/src/connection.rs", 2, "handed to the SDK, which signs with it"),
    ("crates/postern-aws/src/console.rs", 2, "sent to AWS's sign-in over TLS, for a token"),
    ("crates/postern-sandbox/src/sigv4.rs", 1, "the sandbox verifies a signature against it"),
    ("crates/postern-sandbox/src/session.rs", 1, "sealed into a session token"),
    ("crates/postern-sandbox/src/sts.rs", 2, "new credentials, shown once at their creation"),
    ("crates/postern-sandbox/src/iam/keys.rs", 1, "a new access key, shown once at its creation"),
    ("crates/postern-sandbox/src/iam/mfa.rs", 1, "a new device's seed, shown once at its creation"),
    ("crates/postern-sandbox/src/world/transfer.rs", 3, "the sandbox's state, stored on request"),
    ("crates/postern-serve/src/sandbox/admin.rs", 1, "the sandbox's own root key, handed to its owner"),
    (
        "crates/postern-serve/src/sandbox/ready.rs",
        1,
        "keys of a scene's users, handed to the sandbox's owner",
    ),
    ("crates/postern-vault/src/file.rs", 2, "a key and a seed, sealed into the key file"),
    (
        "crates/postern-serve/src/credentials/document.rs",
        2,
        "handed over to a client that passed every guard",
    ),
    ("crates/postern-vault/src/codec.rs", 2, "sealed into the session cache"),
    ("crates/postern-vault/src/secret_service.rs", 2, "a key and a seed, stored in the desktop's keyring"),
    ("crates/postern-vault/src/kernel_store.rs", 1, "stored in the kernel's keyring"),
    ("crates/postern-vault/src/native.rs", 1, "stored in the keychain of macOS or Windows"),
    ("crates/postern-vault/src/pass.rs", 1, "handed to `pass`, which encrypts it"),
    ("crates/postern-vault/src/kernel.rs", 3, "the cache's key, kept by the kernel and read back once"),
    ("crates/postern-vault/src/agent.rs", 1, "the cache's key, handed to its owner's process"),
    ("crates/postern/src/commands/people/ceremony.rs", 1, "the seed, shown once at its creation"),
    (
        "crates/postern/src/commands/people/invitation.rs",
        1,
        "an invitation's key, shown once at its creation",
    ),
    (
        "crates/postern/src/target/variables.rs",
        2,
        "handed over to the child, or printed for the caller's shell",
    ),
    ("crates/postern/src/commands/export.rs", 2, "written into the caller's own credentials file, as asked"),
    ("crates/postern/src/commands/credential_process.rs", 2, "handed over to the caller"),
    ("crates/postern/src/commands/demo/play.rs", 1, "the demo's own throw-away key, handed to who plays on"),
    ("crates/postern/src/commands/demo/stage.rs", 1, "the demo's own authenticator"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

fn metadata(arguments: &[&str]) -> Value {
    let output = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .current_dir(root())
        .args(["metadata", "--format-version", "1"])
        .args(arguments)
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// Rust files below a folder, as paths from the root, with what stands before their test module.
fn sources(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path.extension().is_some_and(|e| e == "rs")
                && path.file_name().is_some_and(|name| name != "tests.rs")
            {
                let whole = fs::read_to_string(&path).unwrap();
                let code = ["#[cfg(test)]\nmod ", "#[cfg(all(test"]
                    .iter()
                    .fold(whole.as_str(), |code, tests| code.split(tests).next().unwrap_or_default())
                    .to_owned();
                let relative = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
                found.push((relative, code));
            }
        }
    }
    found.sort();
    found
}

/// Lines of code: comments may say what they like.
fn code_lines(code: &str) -> impl Iterator<Item = (usize, &str)> {
    code.lines().enumerate().filter(|(_, line)| !line.trim_start().starts_with("//"))
}

#[test]
fn arrows_point_down() {
    let allowed: BTreeMap<&str, &[&str]> = MAY_IMPORT.iter().copied().collect();
    let mut faults = Vec::new();
    for package in metadata(&["--no-deps"])["packages"].as_array().unwrap() {
        let name = text(package, "name");
        let Some(allowed) = allowed.get(name) else {
            faults.push(format!("{name} has no line in MAY_IMPORT"));
            continue;
        };
        for dependency in package["dependencies"].as_array().unwrap() {
            let imported = text(dependency, "name");
            let dev = text(dependency, "kind") == "dev";
            let ours = dependency["path"].is_string();
            if ours && !allowed.contains(&imported) && !(dev && imported == "postern-testkit") {
                faults.push(format!("{name} must not import {imported}"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn pure_crates_reach_nothing_heavy() {
    let metadata = metadata(&[]);
    let nodes = metadata["resolve"]["nodes"].as_array().unwrap();
    // Package ids by name, and the normal dependencies of each id.
    let names: BTreeMap<&str, &str> =
        metadata["packages"].as_array().unwrap().iter().map(|p| (text(p, "id"), text(p, "name"))).collect();
    let edges: BTreeMap<&str, Vec<&str>> = nodes
        .iter()
        .map(|node| {
            let normal =
                node["deps"].as_array().unwrap().iter().filter(|dep| {
                    dep["dep_kinds"].as_array().unwrap().iter().any(|kind| kind["kind"].is_null())
                });
            (text(node, "id"), normal.map(|dep| text(dep, "pkg")).collect())
        })
        .collect();
    let mut faults = Vec::new();
    for pure in PURE {
        let start = names.iter().find(|(_, name)| *name == pure).map(|(id, _)| *id);
        let mut open: Vec<&str> = start.into_iter().collect();
        assert!(!open.is_empty(), "no crate {pure}");
        let mut seen = BTreeSet::new();
        while let Some(id) = open.pop() {
            if seen.insert(id) {
                open.extend(edges[id].iter().copied());
            }
        }
        for heavy in HEAVY {
            if seen.iter().any(|id| names[id] == *heavy) {
                faults.push(format!("{pure} reaches {heavy}"));
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

#[test]
fn pure_crates_name_nothing_impure() {
    let mut faults = Vec::new();
    for pure in PURE {
        for (path, code) in sources(&root().join("crates").join(pure).join("src")) {
            for (number, line) in code_lines(&code) {
                for word in IMPURE.iter().filter(|word| line.contains(**word)) {
                    faults.push(format!("{path}:{}: {word}", number + 1));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{faults:#?}");
}

/// A crate's own clippy.toml replaces the root's, so each pure crate repeats the same text.
#[test]
fn pure_crates_disallow_the_same_methods() {
    let of = |name: &str| fs::read_to_string(root().join("crates").join(name).join("clippy.toml"));
    let first = of("postern-types").unwrap();
    for line in fs::read_to_string(root().join("clippy.toml")).unwrap().lines().filter(|l| l.contains(" = "))
    {
        assert!(first.contains(line), "the pure crates' clippy.toml lacks the root's line: {line}");
    }
    assert!(first.contains("disallowed-methods"));
    for pure in PURE {
        assert_eq!(of(pure).ok().as_ref(), Some(&first), "crates/{pure}/clippy.toml");
    }
}

#[test]
fn every_crate_takes_the_workspace_lints() {
    for package in metadata(&["--no-deps"])["packages"].as_array().unwrap() {
        let manifest = fs::read_to_string(text(package, "manifest_path")).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true"), "{}", text(package, "name"));
        assert_eq!(text(package, "license"), "Apache-2.0 OR MIT", "{}", text(package, "name"));
    }
}

#[test]
fn secrets_are_read_in_these_places_only() {
    let mut actual = BTreeMap::new();
    for folder in fs::read_dir(root().join("crates")).unwrap() {
        let folder = folder.unwrap().path();
        if folder.ends_with("postern-testkit") {
            continue; // Its secrets are the tests' own.
        }
        for (path, code) in sources(&folder.join("src")) {
            // Its variants too, such as `expose_secret_base32`; their definitions are no reading.
            let readings: usize =
                code_lines(&code).map(|(_, line)| line.matches(".expose_secret").count()).sum();
            if readings > 0 {
                actual.insert(path, readings);
            }
        }
    }
    let listed: BTreeMap<String, usize> =
        SECRET_PLACES.iter().map(|(path, readings, _)| ((*path).to_owned(), *readings)).collect();
    assert_eq!(actual, listed, "left: what the code does, right: SECRET_PLACES");
}
