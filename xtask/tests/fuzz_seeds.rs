//! Replays the committed seeds of every fuzz target, so that a mended finding stays mended and the
//! targets' bodies go on compiling on stable.

use std::{fs, path::Path};

#[path = "../../fuzz/src/lib.rs"]
#[expect(clippy::expect_used, clippy::panic, reason = "a fuzz target says what is wrong by a panic")]
#[expect(unreachable_pub, reason = "public for the fuzz targets, which are another workspace")]
mod targets;

#[test]
fn every_seed_passes_its_target() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds");
    for (name, body) in targets::TARGETS {
        let mut replayed = 0;
        for entry in fs::read_dir(seeds.join(name)).unwrap() {
            let path = entry.unwrap().path();
            // Shown when the body panics.
            println!("{}", path.display());
            body(&fs::read(&path).unwrap());
            replayed += 1;
        }
        assert!(replayed > 0, "{name} has no seeds");
    }
}

#[test]
fn every_target_has_its_binary_and_its_place_in_the_manifest() {
    let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
    let manifest = fs::read_to_string(fuzz.join("Cargo.toml")).unwrap();
    for (name, _) in targets::TARGETS {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in fuzz/Cargo.toml");
        let binary = fs::read_to_string(fuzz.join(format!("fuzz_targets/{name}.rs"))).unwrap();
        assert!(binary.contains(&format!("::{name}(data)")), "{name}");
    }
}
