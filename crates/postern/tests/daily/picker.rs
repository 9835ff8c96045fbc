//! The list of `postern` alone and `postern pick`, on a real terminal.

use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    terminal::{OnTerminal, POSTERN},
    world::{World, said},
};

/// `postern` alone on a terminal of this size that can move its cursor. It ends as postern does, if the terminal
/// is then as it was.
fn on_terminal(world: &World, columns: u16, line: &str) -> OnTerminal {
    let line = format!(
        "stty cols {columns} rows 16; TERM=xterm {line}; r=$?; stty -a | grep -q ' echo ' && stty -a | grep -q ' icanon ' && exit $r; exit 99"
    );
    OnTerminal::start(world, &line)
}

/// What is written after the list was last drawn away.
fn after_the_list(screen: &str) -> &str {
    screen.rsplit_once("\r\x1b[J").unwrap_or_else(|| panic!("the list still stands: {screen:?}")).1
}

#[test]
fn some_letters_and_enter_open_a_shell() {
    let world = World::new();
    world.log_in();
    let mut terminal = on_terminal(&world, 80, POSTERN);
    terminal.wait_for("enter shell");
    assert!(terminal.screen().contains("alice, 11h 5"), "{}", terminal.screen());
    assert!(terminal.screen().contains("prod/developer") && terminal.screen().contains("222222222222"));
    // She may not assume the other roles.
    assert!(!terminal.screen().contains("prod/readonly"), "{}", terminal.screen());
    terminal.type_in("zzz");
    terminal.wait_for("nothing fits");
    terminal.type_in("\r\x15pdev");
    terminal.wait_for("1/1");
    terminal.type_in("\r");
    terminal.wait_for("`exit` leaves");
    terminal.type_in("echo got=$POSTERN_TARGET; exit 3\n");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(3), "{screen}");
    assert!(after_the_list(&screen).contains("got=prod/developer"), "{screen}");
    // The next list says what is left.
    let mut terminal = on_terminal(&world, 80, POSTERN);
    terminal.wait_for("59m");
    terminal.type_in("\x1b");
    assert_eq!(terminal.end().0, Some(0));
}

#[test]
fn keys_lead_to_the_console_and_to_variables() {
    let world = World::new();
    world.log_in();
    let mut terminal = on_terminal(&world, 80, POSTERN);
    terminal.wait_for("^O console   ^E print env");
    terminal.type_in("\x05");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(0), "{screen}");
    assert!(after_the_list(&screen).contains("AWS_SESSION_TOKEN="), "{screen}");
    let mut terminal = on_terminal(&world, 80, POSTERN);
    terminal.wait_for("enter shell");
    terminal.type_in("\x0f");
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(2), "{screen}");
    assert!(after_the_list(&screen).contains("which has no console"), "{screen}");
}

#[test]
fn it_is_left_without_a_trace() {
    let world = World::new();
    for (keys, code) in [("\x1b", 0), ("\x03", 130), ("\x04", 0), ("x\x1b[A\x1b[B\x1b[5~é\x7f\x1b", 0)] {
        let mut terminal = on_terminal(&world, 40, POSTERN);
        terminal.wait_for("enter shell");
        terminal.type_in(keys);
        let (ended, screen) = terminal.end();
        assert_eq!(ended, Some(code), "{keys:?}: {screen}");
        assert_eq!(after_the_list(&screen), "", "{keys:?}");
    }
}

#[test]
fn signals_give_the_terminal_back() {
    let world = World::new();
    let pid = world.home.path().join("pid");
    for signal in ["-TERM", "-HUP", "-INT", "-QUIT"] {
        let line = format!("sh -c 'echo $$ > {}; exec {POSTERN}'", pid.display());
        let terminal = on_terminal(&world, 80, &line);
        terminal.wait_for("enter shell");
        let id = fs::read_to_string(&pid).unwrap();
        assert!(Command::new("kill").args([signal, id.trim()]).status().unwrap().success());
        let (code, screen) = terminal.end();
        assert_eq!(code, Some(130), "{signal}: {screen}");
        assert_eq!(after_the_list(&screen), "", "{signal}");
    }
}

#[test]
fn without_a_terminal_there_is_help_as_ever() {
    let world = World::new();
    for output in [world.run(&[]), world.postern(&["pick"]).output().unwrap()] {
        assert!(!output.status.success() && output.stdout.is_empty(), "{}", said(&output));
    }
    let output = world.run(&[]);
    assert_eq!(output.status.code(), Some(2));
    assert!(
        said(&output).contains("Usage: postern") && said(&output).contains("Commands:"),
        "{}",
        said(&output)
    );
    let terminal = OnTerminal::start(&world, &format!("TERM=dumb {POSTERN}"));
    let (code, screen) = terminal.end();
    assert_eq!(code, Some(2));
    assert!(screen.contains("Usage: postern"), "{screen}");
    let pick = world.run(&["pick"]);
    assert!(said(&pick).contains("there is no terminal"), "{}", said(&pick));
}

#[test]
fn the_most_used_stands_first_and_the_name_goes_to_standard_output() {
    let world = World::new();
    world.log_in();
    fs::create_dir_all(world.home.path().join(".aws")).unwrap();
    let config = "[profile zeta]\nrole_arn = arn:aws:iam::222222222222:role/postern/developer\nsource_profile = key\n\
                  mfa_serial = arn:aws:iam::111111111111:mfa/alice\n[profile key]\npostern_key = KEY\n";
    let config = config.replace("KEY", world.key.id.as_str());
    fs::write(world.home.path().join(".aws/config"), config).unwrap();
    let chosen = |world: &World| {
        let out = world.home.path().join("out");
        let mut terminal = on_terminal(world, 60, &format!("{POSTERN} pick > {}", out.display()));
        terminal.wait_for("enter choose");
        terminal.type_in("\r");
        assert_eq!(terminal.end().0, Some(0));
        fs::read_to_string(out).unwrap()
    };
    assert_eq!(chosen(&world), "prod/developer\n");
    // A script's use does not count, a person's does.
    let endpoint = world.sandbox.endpoint();
    let use_it = format!("AWS_ENDPOINT_URL={endpoint} {POSTERN} exec zeta -- true");
    let state = world.home.path().join(".local/state/postern/used.json");
    let mut by_script = world.postern(&["exec", "prod/developer", "--", "true"]);
    assert!(by_script.output().unwrap().status.success());
    assert!(!state.exists());
    assert_eq!(OnTerminal::start(&world, &use_it).end().0, Some(0));
    assert_eq!(chosen(&world), "zeta\n");
    // A broken file is an empty one, and is said to be.
    fs::write(&state, "{\"format\":1,\"targets\":{\"profile:zeta\":{\"count\":\"x\"}}}").unwrap();
    let mut terminal = on_terminal(&world, 60, &format!("{POSTERN} pick"));
    terminal.wait_for("is begun anew");
    terminal.wait_for("enter choose");
    terminal.type_in("\r");
    let (_, screen) = terminal.end();
    assert!(after_the_list(&screen).contains("prod/developer"), "{screen}");
    assert_eq!(OnTerminal::start(&world, &use_it).end().0, Some(0));
    assert!(fs::read_to_string(&state).unwrap().contains("profile:zeta"), "and is whole again");
}

#[test]
fn a_trusted_directory_s_target_stands_first() {
    let world = World::new();
    fs::create_dir_all(world.home.path().join(".aws")).unwrap();
    fs::write(world.home.path().join(".aws/config"), "[profile zeta]\nregion = x\n").unwrap();
    fs::write(world.home.path().join(".postern-target"), "zeta").unwrap();
    let first = |world: &World| {
        let mut terminal = on_terminal(world, 80, &format!("{POSTERN} pick"));
        terminal.wait_for("enter choose");
        terminal.type_in("\r");
        after_the_list(&terminal.end().1).trim().to_owned()
    };
    assert_eq!(first(&world), "prod/developer");
    assert!(world.run(&["trust"]).status.success());
    assert_eq!(first(&world), "zeta");
}

#[test]
fn roles_can_be_chosen_though_profiles_cannot_be_read() {
    let world = World::new();
    fs::create_dir_all(world.home.path().join(".aws")).unwrap();
    fs::write(world.home.path().join(".aws/config"), "no section").unwrap();
    let mut terminal = on_terminal(&world, 80, &format!("{POSTERN} pick"));
    terminal.wait_for("the list is without profiles");
    terminal.wait_for("enter choose");
    terminal.type_in("\r");
    assert_eq!(after_the_list(&terminal.end().1).trim(), "prod/developer");
}

#[test]
fn colours_are_for_who_wants_them_and_forty_columns_are_enough() {
    let world = World::new();
    let painted = |screen: &str| screen.contains("\x1b[1m") || screen.contains("\x1b[36m");
    for (around, colours) in [("", true), ("NO_COLOR=1 ", false)] {
        let mut terminal = on_terminal(&world, 40, &format!("{around}{POSTERN}"));
        terminal.wait_for("enter shell ^O console ^E env esc");
        terminal.type_in("pr\x1b");
        let (_, screen) = terminal.end();
        assert_eq!(painted(&screen), colours, "{screen:?}");
    }
}

#[test]
fn a_thousand_entries_are_there_at_once() {
    let world = World::new();
    fs::create_dir_all(world.home.path().join(".aws")).unwrap();
    let config: String =
        (0..1_000).map(|n| format!("[profile customer-{n:04}-admin]\nregion = x\n")).collect();
    fs::write(world.home.path().join(".aws/config"), config).unwrap();
    let start = Instant::now();
    let mut terminal = on_terminal(&world, 80, &format!("{POSTERN} pick"));
    terminal.wait_for("/1001");
    let drawn = start.elapsed();
    let start = Instant::now();
    terminal.type_in("c0777");
    terminal.wait_for("  1/1001");
    let found = start.elapsed();
    terminal.type_in("\r");
    let (_, screen) = terminal.end();
    assert!(after_the_list(&screen).contains("customer-0777-admin"), "{screen}");
    println!("drawn after {drawn:?}, found after {found:?}");
    // Unoptimised, and on a machine that does other things too.
    assert!(drawn < Duration::from_secs(3) && found < Duration::from_secs(3), "{drawn:?}, {found:?}");
}
