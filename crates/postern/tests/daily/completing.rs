//! Completions, as real shells ask for them.

use std::{fs, process::Command};

use crate::{
    shells::{in_shell, is_there},
    terminal::{OnTerminal, POSTERN},
    world::{World, said},
};

/// Two accounts, and profiles of which one has a name that a shell would run.
fn furnish(world: &World) {
    let mut text = fs::read_to_string(world.estate()).unwrap();
    text.push_str("[people.bob]\nroles = [\"prod/readonly\"]\n[accounts.dev]\nid = \"333333333333\"\n");
    fs::write(world.estate(), text).unwrap();
    fs::create_dir_all(world.home.path().join(".aws")).unwrap();
    let config = "[profile legacy]\nregion = x\n[profile \"$(touch pwned)\"]\nregion = x\n[profile prod-developer]\n\
                  credential_process = /usr/bin/postern credential-process prod/developer\n";
    fs::write(world.home.path().join(".aws/config"), config).unwrap();
    // By the name that scripts know it by.
    let bin = world.home.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    std::os::unix::fs::symlink(POSTERN, bin.join("postern")).unwrap();
}

fn path(world: &World) -> String {
    format!("{}:{}", world.home.path().join("bin").display(), std::env::var("PATH").unwrap())
}

/// What bash offers for a line that is typed so far.
fn bash_offers(world: &World, line: &str) -> Vec<String> {
    let (command, function) = match line.split(' ').next().unwrap() {
        "assume" => ("assume", "_clap_complete_assume"),
        _ => ("postern", "_clap_complete_postern"),
    };
    let script = format!(
        "eval \"$(postern init-shell bash)\"; COMP_WORDS=({line}); \
         [[ '{line}' == *' ' ]] && COMP_WORDS+=(''); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); COMP_TYPE=9
         {function} {command} \"${{COMP_WORDS[COMP_CWORD]}}\"; printf '%s\\n' \"${{COMPREPLY[@]}}\"\n"
    );
    let output = in_shell(world, &["bash", "--norc"], &script, &[("PATH", &path(world))]);
    assert!(output.status.success() && output.stderr.is_empty(), "{}", said(&output));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().map(str::to_owned).filter(|line| !line.is_empty()).collect()
}

#[test]
fn bash_offers_what_there_is() {
    let world = World::new();
    furnish(&world);
    let events = world.sandbox.world().events().len();
    for (line, offered) in [
        ("postern exec prod/", &["prod/developer", "prod/readonly", "prod/postern-admin"][..]),
        ("postern explain leg", &["legacy"]),
        ("postern serve ecs dev/dev", &["dev/developer"]),
        ("assume prod/r", &["prod/readonly"]),
        ("assume --read", &["--read-only"]),
        ("postern shell --person ", &["alice", "bob"]),
        ("postern plan --account ", &["dev", "prod"]),
        ("postern profiles import prod", &["prod-developer"]),
        ("postern init-shell ", &["bash", "zsh", "fish", "powershell"]),
        ("postern exec nothing", &[]),
        ("postern exec prod/developer -- ./post", &["./postern.toml"]),
        ("postern exec prod/developer -- setsi", &["setsid"]),
        // What `profiles sync` wrote is offered as the role that it is.
        ("postern exec prod-d", &[]),
    ] {
        assert_eq!(bash_offers(&world, line), offered, "{line}");
    }
    // All of it was read, and nothing was asked for or run.
    let all = bash_offers(&world, "postern exec ");
    assert!(all.contains(&"legacy".to_owned()) && !all.iter().any(|name| name.contains("pwned")), "{all:?}");
    assert!(!world.home.path().join("pwned").exists());
    assert_eq!(world.sandbox.world().events().len(), events);
}

#[test]
fn an_estate_file_among_the_words_is_the_one_that_is_read() {
    let world = World::new();
    furnish(&world);
    let text = fs::read_to_string(world.estate()).unwrap().replace("[accounts.dev]", "[accounts.test]");
    fs::write(world.home.path().join("other.toml"), text).unwrap();
    assert_eq!(bash_offers(&world, "postern exec --estate other.toml test/dev"), ["test/developer"]);
    // A file with mistakes offers nothing, and says nothing into the line.
    fs::write(world.home.path().join("other.toml"), "version = ").unwrap();
    assert!(bash_offers(&world, "postern exec --estate other.toml test/dev").is_empty());
}

#[test]
fn whoever_is_named_is_offered_their_own() {
    let world = World::new();
    furnish(&world);
    let output = Command::new(POSTERN)
        .args(["--", "postern", "exec", "prod/"])
        .env_clear()
        .env("HOME", world.home.path())
        .env("XDG_RUNTIME_DIR", world.home.path().join("run"))
        .env("POSTERN_ESTATE", world.estate())
        .env("POSTERN_PERSON", "bob")
        .env("POSTERN_COMPLETE", "fish")
        .output()
        .unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap(), "prod/readonly\taccount 222222222222\n");
}

#[test]
fn fish_offers_what_there_is() {
    if !is_there("fish") {
        return;
    }
    let world = World::new();
    furnish(&world);
    let script = "postern init-shell fish | source
        complete -C 'postern exec prod/'; echo %%; complete -C 'assume dev/de'; echo %%; complete -C 'postern shell --person b'\n";
    let output = in_shell(&world, &["fish", "--no-config"], script, &[("PATH", &path(&world))]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let parts: Vec<&str> = text.split("%%\n").collect();
    assert_eq!(
        parts,
        [
            "prod/developer\taccount 222222222222\nprod/readonly\taccount 222222222222\nprod/postern-admin\taccount 222222222222\n",
            "dev/developer\taccount 333333333333\n",
            "bob\n"
        ],
        "{}",
        said(&output)
    );
}

#[test]
fn zsh_completes_on_the_tab_key() {
    if !is_there("zsh") {
        return;
    }
    let world = World::new();
    furnish(&world);
    let line = format!("PATH='{}' TERM=xterm zsh -f -i", path(&world));
    let mut terminal = OnTerminal::start(&world, &line);
    terminal.type_in("PS1='ready> '; autoload -U compinit; compinit -D -u; eval \"$(postern init-shell zsh)\"; echo set''-up\n");
    terminal.wait_for("set-up");
    terminal.type_in("assume prod/r\t--help | head -1\n");
    terminal.wait_for("assume prod/readonly");
    terminal.type_in("postern explain dev/dev\t --json | grep -c format\n");
    terminal.wait_for("postern explain dev/developer");
    terminal.type_in("exit\n");
    terminal.end();
}
