//! `assume` and the prompt, in real shells.

use std::{fs, os::unix::fs::symlink};

use crate::{
    shells::{in_shell, is_there, variable, whose},
    terminal::{OnTerminal, POSTERN},
    world::{World, said},
};

const DEVELOPER: &str = "arn:aws:sts::222222222222:assumed-role/developer/alice";

/// Each shell, how postern moves into it, and how it says what a command ended with.
const SHELLS: [(&[&str], &str, &str); 3] = [
    (&["bash", "--norc"], "eval \"$(postern init-shell bash)\"", "echo \"rc=$?\""),
    (&["zsh", "-f"], "eval \"$(postern init-shell zsh)\"", "echo \"rc=$?\""),
    (&["fish", "--no-config"], "postern init-shell fish | source", "echo rc=$status"),
];

/// Credentials of an hour, in the first of its seconds and after.
fn fresh(text: &str) -> String {
    text.replace("1h00m", "59m")
}

/// Where postern is found by its name.
fn path(world: &World) -> String {
    let bin = world.home.path().join("bin");
    fs::create_dir_all(&bin).unwrap();
    let _ = symlink(POSTERN, bin.join("postern"));
    format!("{}:{}", bin.display(), std::env::var("PATH").unwrap())
}

#[test]
fn the_current_shell_changes_and_changes_back() {
    let world = World::new();
    world.log_in();
    let path = path(&world);
    for (shell, init, rc) in SHELLS {
        if !is_there(shell[0]) {
            continue;
        }
        let script = format!(
            "{init}\nassume prod/developer; {rc}; env; echo %%
             assume prod/nope; {rc}; env; echo %%
             assume prod/readonly --read-only; {rc}; env; echo %%
             assume prod/readonly --help; {rc}; env; echo %%
             assume -u; {rc}; env\n"
        );
        let around = [("PATH", path.as_str()), ("SHELL", "/bin/sh"), ("AWS_PROFILE", "other")];
        let output = in_shell(&world, shell, &script, &around);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let talk = String::from_utf8_lossy(&output.stderr).into_owned();
        let parts: Vec<&str> = text.split("%%\n").collect();
        assert_eq!(parts.len(), 5, "{shell:?}: {}", said(&output));
        let target = |part: &str| variable(part, "POSTERN_TARGET");
        assert!(parts[0].starts_with("rc=0\n"), "{shell:?}: {}", said(&output));
        assert_eq!(whose(&world, parts[0]), DEVELOPER, "{shell:?}");
        assert_eq!(variable(parts[0], "AWS_PROFILE"), None, "{shell:?}");
        assert!(fresh(&talk).contains("prod/developer, 59m left; `assume -u` leaves\n"), "{shell:?}: {talk}");
        // A failure leaves everything as it was.
        assert!(parts[1].starts_with("rc=2\n"), "{shell:?}: {}", parts[1]);
        assert_eq!(whose(&world, parts[1]), DEVELOPER, "{shell:?}");
        assert!(talk.contains("has: developer, readonly"), "{shell:?}: {talk}");
        assert_eq!(target(parts[2]).as_deref(), Some("prod/readonly"), "{shell:?}");
        // Help is shown, not run.
        assert!(
            parts[3].contains("Usage: postern env") && parts[3].contains("\nrc=0\n"),
            "{shell:?}: {}",
            parts[3]
        );
        assert_eq!(target(parts[3]).as_deref(), Some("prod/readonly"), "{shell:?}");
        assert!(parts[4].starts_with("rc=0\n"), "{shell:?}");
        for name in ["POSTERN_TARGET", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION"] {
            assert_eq!(variable(parts[4], name), None, "{shell:?}: {name}");
        }
    }
}

#[test]
fn a_shell_that_prints_what_it_does_prints_no_secret() {
    let world = World::new();
    world.log_in();
    let path = path(&world);
    for (shell, init, _) in SHELLS {
        if !is_there(shell[0]) {
            continue;
        }
        let traced = if shell[0] == "fish" { "set -g fish_trace 1" } else { "set -xv" };
        let script = format!("{init}\n{traced}\nassume prod/developer\nprintenv AWS_SECRET_ACCESS_KEY\n");
        let output = in_shell(&world, shell, &script, &[("PATH", &path)]);
        let secret = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let talk = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(secret.len(), 40, "{shell:?}: {}", said(&output));
        assert!(talk.contains("printenv"), "{shell:?}: it does print what it does: {talk}");
        assert!(!talk.contains(&secret), "{shell:?}: {talk}");
    }
}

#[test]
fn a_script_of_strict_shells_is_not_ended() {
    let world = World::new();
    world.log_in();
    let path = path(&world);
    for (shell, init, options) in [
        (&["bash", "--norc"][..], SHELLS[0].1, "set -eu"),
        (&["zsh", "-f"], SHELLS[1].1, "setopt nounset errexit ksh_arrays sh_word_split"),
    ] {
        if !is_there(shell[0]) {
            continue;
        }
        let script = format!(
            "{options}\n{init}\npostern_prompt; assume prod/developer\npostern_prompt; assume -u\npostern_prompt; echo end\n"
        );
        let output = in_shell(&world, shell, &script, &[("PATH", &path)]);
        assert_eq!(
            fresh(&String::from_utf8_lossy(&output.stdout)),
            "(prod/developer 59m) end\n",
            "{shell:?}: {}",
            said(&output)
        );
    }
}

#[test]
fn the_prompt_tells_the_target_and_the_time() {
    let world = World::new();
    let path = path(&world);
    // Thirty seconds are to spare on each side.
    let times = [("7290", "2h01m"), ("3030", "50m"), ("-5", "expired")];
    for (shell, init, _) in SHELLS {
        if !is_there(shell[0]) {
            continue;
        }
        let mut script = format!("{init}\npostern_prompt; echo .\n");
        let (set, export) = if shell[0] == "fish" { ("set -gx ", " ") } else { ("export ", "=") };
        script.push_str(&format!("{set}POSTERN_TARGET{export}prod/dev\npostern_prompt; echo .\n"));
        for (seconds, _) in times {
            let date = format!("$(date -u -d '{seconds} sec' +%FT%TZ)");
            let date = if shell[0] == "fish" { date.replacen('$', "", 1) } else { date };
            script
                .push_str(&format!("{set}AWS_CREDENTIAL_EXPIRATION{export}{date}\npostern_prompt; echo .\n"));
        }
        for wrong in ["soon", "2026-13-41T99:99:99Z", "'a[$(touch pwned)]'"] {
            script.push_str(&format!(
                "{set}AWS_CREDENTIAL_EXPIRATION{export}{wrong}\npostern_prompt; echo .\n"
            ));
        }
        for no_color in [None, Some("1")] {
            let mut around = vec![("PATH", path.as_str()), ("TERM", "xterm")];
            around.extend(no_color.map(|value| ("NO_COLOR", value)));
            let output = in_shell(&world, shell, &script, &around);
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            let lines: Vec<&str> = text.lines().collect();
            assert_eq!(lines.len(), 8, "{shell:?}: {}", said(&output));
            assert_eq!((lines[0], lines[1]), (".", "(prod/dev) ."), "{shell:?}");
            assert_eq!((lines[2], lines[3]), ("(prod/dev 2h01m) .", "(prod/dev 50m) ."), "{shell:?}");
            assert!(lines[4].contains("(prod/dev expired)"), "{shell:?}: {text}");
            let red = lines[4].contains("\x1b[31m") || lines[4].contains("%F{red}");
            assert_eq!(red, no_color.is_none(), "{shell:?}: {:?}", lines[4]);
            assert_eq!(lines[5..], ["(prod/dev) ."; 3], "{shell:?}");
        }
        assert!(!world.home.path().join("pwned").exists(), "{shell:?}");
    }
}

/// Whoever comes from granted has an alias of that name.
#[test]
fn an_alias_of_another_tool_is_no_obstacle() {
    let world = World::new();
    let path = path(&world);
    for (shell, alias) in [
        (&["bash", "--norc", "-i"][..], "alias assume='source /no/such/assume'"),
        (&["zsh", "-f"], "alias assume='source /no/such/assume'"),
        (&["fish", "--no-config"], "alias assume='source /no/such/assume.fish'"),
    ] {
        if !is_there(shell[0]) {
            continue;
        }
        let init = SHELLS.iter().find(|(known, ..)| known[0] == shell[0]).unwrap().1;
        let output =
            in_shell(&world, shell, &format!("{alias}\n{init}\nassume --help\n"), &[("PATH", &path)]);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(text.contains("this shell works as TARGET"), "{shell:?}: {}", said(&output));
    }
}

/// As it stands in ~/.bashrc: with a list where nothing is named, and a prompt.
#[test]
fn without_a_target_one_is_chosen() {
    let world = World::new();
    world.log_in();
    let path = path(&world);
    let mut terminal = OnTerminal::start(&world, &format!("PATH='{path}' TERM=xterm bash --norc -i"));
    terminal
        .type_in("PS1='${POSTERN_TARGET:+$(postern_prompt)}ready> '; eval \"$(postern init-shell bash)\"\n");
    terminal.wait_for("ready> ");
    terminal.type_in("assume\n");
    terminal.wait_for("enter choose");
    terminal.type_in("\x1b");
    terminal.wait_for("\r\x1b[J");
    // Left, and nothing has changed.
    terminal.type_in("echo \"rc=$?\" \"[$POSTERN_TARGET]\"\n");
    terminal.wait_for("rc=130 []");
    terminal.type_in("assume\n");
    terminal.wait_for_times("enter choose", 2);
    terminal.type_in("develop\r");
    terminal.wait_for("`assume -u` leaves");
    terminal.wait_for("m) ready> ");
    assert!(fresh(&terminal.screen()).contains("(prod/developer 59m) ready> "), "{}", terminal.screen());
    terminal.type_in("assume -c\n");
    terminal.wait_for_times("enter choose", 3);
    terminal.type_in("\r");
    // The sandbox has no console, which only `console` says.
    terminal.wait_for("which has no console");
    terminal.type_in("assume -u; exit 5\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(5), "{screen}");
}
