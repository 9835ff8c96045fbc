//! Links the binary at a fixed address on Linux, unless `POSTERN_PIE=1` asks for the other.
//!
//! A position-independent executable has its tables of pointers rewritten at every start: 680 KB of
//! them, most of it the AWS SDK's. That is half of what `credential-process` costs, and SDKs start it
//! once for every process of theirs. ARCHITECTURE.md, "Invariants", says what is given up for it.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=POSTERN_PIE");
    let target = |what: &str| std::env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default();
    let wanted = std::env::var("POSTERN_PIE").is_ok_and(|value| value == "1");
    if target("OS") == "linux" && target("ENV") == "gnu" && !wanted {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
}
