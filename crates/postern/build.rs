//! How the binary is linked on Linux: for the start of `credential-process`, which SDKs pay for at every start of
//! their own. ARCHITECTURE.md, "Invariants", says what is given up for it.

use std::{path::Path, process::Command};

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=POSTERN_PIE");
    println!("cargo::rerun-if-changed={ORDER}");
    let target = |what: &str| std::env::var(format!("CARGO_CFG_TARGET_{what}")).unwrap_or_default();
    if target("OS") != "linux" || target("ENV") != "gnu" {
        return;
    }
    // A position-independent executable has its tables of pointers rewritten at every start: 680 KB of
    // them, most of it the AWS SDK's.
    if !std::env::var("POSTERN_PIE").is_ok_and(|value| value == "1") {
        println!("cargo::rustc-link-arg-bins=-no-pie");
    }
    if std::env::var("PROFILE").is_ok_and(|profile| profile == "release") && has_usual_linker() {
        let folder = std::env::var("CARGO_MANIFEST_DIR").unwrap_or_default();
        println!("cargo::rustc-link-arg-bins=-Wl,-T,{}", Path::new(&folder).join(ORDER).display());
    }
    // Each shared library costs a dozen system calls, and its pages. Of the compiler's own one a few functions
    // are called, to unwind: they come along. A cross compiler's library is not guessed at.
    if std::env::var("HOST").ok() == std::env::var("TARGET").ok() {
        link_static("gcc_eh");
    }
}

/// Which code lies side by side.
const ORDER: &str = "start.ld";

/// Not every linker takes a script that says where one more section goes: whoever chooses their own goes without.
fn has_usual_linker() -> bool {
    let flags = std::env::var("CARGO_ENCODED_RUSTFLAGS").unwrap_or_default();
    !["fuse-ld", "linker", "link-self-contained"].iter().any(|word| flags.contains(word))
        && std::env::var_os("RUSTC_LINKER").is_none()
}

/// Links a library's archive, if the system's C compiler knows one.
fn link_static(library: &str) {
    let archive = Command::new("cc").arg(format!("-print-file-name=lib{library}.a")).output();
    let Some(path) = archive.ok().and_then(|output| String::from_utf8(output.stdout).ok()) else { return };
    let path = Path::new(path.trim_end());
    if let Some(directory) = path.parent().filter(|_| path.is_file()) {
        println!("cargo::rustc-link-search=native={}", directory.display());
        println!("cargo::rustc-link-lib=static:-bundle={library}");
    }
}
