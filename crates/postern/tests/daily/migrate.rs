//! Keys that move from one store to another, whatever interrupts them.

use std::{os::unix::fs::PermissionsExt, path::PathBuf, process::Command};

use crate::world::{PASSPHRASE, World, answer, said};

/// A password store without encryption, whose program ends postern by SIGKILL before or after its nth run.
pub(crate) struct Pass {
    bin: PathBuf,
    pub(crate) store: PathBuf,
}

impl Pass {
    pub(crate) fn new(world: &World) -> Self {
        let bin = world.home.path().join("bin");
        std::fs::create_dir(&bin).unwrap();
        let script = r#"#!/bin/sh
runs=$(cat "$PASSWORD_STORE_DIR/runs" 2>/dev/null || echo 0); runs=$((runs + 1))
mkdir -p "$PASSWORD_STORE_DIR/postern"; echo $runs > "$PASSWORD_STORE_DIR/runs"
[ "$KILL" = "before $runs" ] && kill -KILL $PPID
case $1 in
    insert) cat > "$PASSWORD_STORE_DIR/$4.gpg" ;;
    show) cat "$PASSWORD_STORE_DIR/$2.gpg" ;;
    rm) rm -f "$PASSWORD_STORE_DIR/$3.gpg" ;;
esac
[ "$KILL" = "after $runs" ] && kill -KILL $PPID
exit 0
"#;
        std::fs::write(bin.join("pass"), script).unwrap();
        std::fs::set_permissions(bin.join("pass"), std::fs::Permissions::from_mode(0o700)).unwrap();
        Self { bin, store: world.home.path().join("store") }
    }

    pub(crate) fn surround(&self, command: &mut Command) {
        let path = format!("{}:{}", self.bin.display(), std::env::var("PATH").unwrap());
        let _ = std::fs::remove_file(self.store.join("runs"));
        command
            .env("PATH", path)
            .env("PASSWORD_STORE_DIR", &self.store)
            .env("POSTERN_PASSPHRASE", PASSPHRASE)
            .env_remove("POSTERN_STORE");
    }
}

/// Alice's key in such a store, which costs no key derivation.
pub(crate) fn moved_to_pass(world: &World) -> Pass {
    let pass = Pass::new(world);
    let moved = run_with(world, &pass, &["keys", "migrate", "--to", "pass"], &[]);
    assert!(moved.status.success(), "{}", said(&moved));
    pass
}

/// Ids of the keys that `keys list` shows, in the store of this name or in the one that is chosen.
fn listed(world: &World, pass: &Pass, store: Option<&str>) -> Vec<String> {
    let mut command = world.postern(&["keys", "list", "--json"]);
    pass.surround(&mut command);
    if let Some(store) = store {
        command.env("POSTERN_STORE", store);
    }
    let record = answer(&command.output().unwrap());
    record["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|k| k["access_key_id"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn keys_move_and_none_is_lost_at_any_interruption() {
    let world = World::new();
    let pass = Pass::new(&world);
    let id = vec![world.key.id.to_string()];
    let settings = world.home.path().join(".config/postern/config.toml");
    std::fs::create_dir_all(settings.parent().unwrap()).unwrap();
    let before = "# mine\nmfa_process = 'true'   # for now\n";
    let run = |to: &str, kill: Option<String>| {
        let mut command = world.postern(&["keys", "migrate", "--to", to]);
        pass.surround(&mut command);
        if let Some(kill) = kill {
            command.env("KILL", kill);
        }
        command.output().unwrap()
    };
    std::fs::write(&settings, before).unwrap();
    let mut kills = 0;
    for (to, text, from) in [("pass", "store = \"pass\"\n", "file"), ("file", "store = \"file\"\n", "pass")] {
        for moment in ["before", "after"] {
            for number in 1.. {
                let killed = run(to, Some(format!("{moment} {number}")));
                let everywhere = [listed(&world, &pass, Some("file")), listed(&world, &pass, Some("pass"))];
                assert!(everywhere.contains(&id), "{to}, {moment} {number}: {}", said(&killed));
                if killed.status.success() {
                    break;
                }
                kills += 1;
                assert_eq!(listed(&world, &pass, None), id, "{to}, {moment} {number}: still found");
                // Run again, it goes on to the end.
                let again = run(to, None);
                assert!(again.status.success(), "{}", said(&again));
                assert_eq!(std::fs::read_to_string(&settings).unwrap(), format!("{before}{text}"));
                assert_eq!(listed(&world, &pass, Some(to)), id);
                assert!(
                    listed(&world, &pass, Some(from)).is_empty(),
                    "{to}, {moment} {number}: {}",
                    said(&again)
                );
                let back = run(from, None);
                assert!(back.status.success(), "{}", said(&back));
            }
            let back = run(from, None);
            assert!(back.status.success(), "{}", said(&back));
        }
        assert!(run(to, None).status.success());
    }
    assert!(kills >= 8, "{kills}");

    // What is not ours to decide: two stores that differ about a key, and a variable that goes before the settings.
    assert!(run("pass", None).status.success());
    let kept = run_with(&world, &pass, &["keys", "migrate", "--to", "file", "--keep"], &[]);
    assert!(said(&kept).contains("and stays in `pass`"), "{}", said(&kept));
    assert_eq!(listed(&world, &pass, Some("pass")), listed(&world, &pass, Some("file")));
    let file = std::fs::read_dir(pass.store.join("postern")).unwrap().next().unwrap().unwrap().path();
    let text = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, format!("another{}", &text[7..])).unwrap();
    let refused = run("pass", None);
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("hold different secrets of key"), "{}", said(&refused));
    std::fs::write(&file, text).unwrap();
    let warned = run_with(&world, &pass, &["keys", "migrate", "--to", "pass"], &[("POSTERN_STORE", "file")]);
    assert!(said(&warned).contains("POSTERN_STORE=file is set and goes before"), "{}", said(&warned));
    assert_eq!(listed(&world, &pass, None), id);
    let unknown = run_with(&world, &pass, &["keys", "list"], &[("POSTERN_STORE", "keychain")]);
    assert!(said(&unknown).contains("`keyring`, `file`, `kernel` and `pass`"), "{}", said(&unknown));
}

pub(crate) fn run_with(
    world: &World,
    pass: &Pass,
    arguments: &[&str],
    variables: &[(&str, &str)],
) -> std::process::Output {
    let mut command = world.postern(arguments);
    pass.surround(&mut command);
    command.envs(variables.iter().copied()).output().unwrap()
}
