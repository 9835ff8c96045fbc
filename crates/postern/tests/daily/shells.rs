//! `env` and `shell`: a role's credentials as variables, read back by real shells.

use std::{
    io::Write,
    process::{Command, Output, Stdio},
};

use crate::{
    terminal::POSTERN,
    world::{World, answer, identity, said},
};

const DEVELOPER: &str = "arn:aws:sts::222222222222:assumed-role/developer/alice";
const READONLY: &str = "arn:aws:sts::222222222222:assumed-role/readonly/alice";

/// Runs a script in a shell that can call postern, with variables set around it.
pub(crate) fn in_shell(world: &World, shell: &[&str], script: &str, around: &[(&str, &str)]) -> Output {
    let (program, arguments) = shell.split_first().unwrap();
    let mut command = Command::new("setsid");
    command.arg("--wait").arg(program).args(arguments);
    world.surround(&mut command);
    command.envs(around.iter().copied()).env("POSTERN", POSTERN);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    child.wait_with_output().unwrap()
}

pub(crate) fn is_there(shell: &str) -> bool {
    let found = Command::new(shell).args(["-c", "true"]).output().is_ok();
    if !found {
        println!("SKIP: there is no {shell}");
    }
    found
}

pub(crate) fn variable(text: &str, name: &str) -> Option<String> {
    text.lines().find_map(|line| line.strip_prefix(&format!("{name}="))).map(str::to_owned)
}

/// Whose credentials stand in what `env` printed.
pub(crate) fn whose(world: &World, text: &str) -> String {
    let part = |name: &str| variable(text, name).unwrap_or_else(|| panic!("no {name} in {text}"));
    let credentials = serde_json::json!({
        "AccessKeyId": part("AWS_ACCESS_KEY_ID"),
        "SecretAccessKey": part("AWS_SECRET_ACCESS_KEY"),
        "SessionToken": part("AWS_SESSION_TOKEN"),
    });
    identity(world, &credentials)
}

#[test]
fn every_shell_takes_the_variables_in_and_out_again() {
    let world = World::new();
    world.log_in();
    let around =
        [("AWS_PROFILE", "other"), ("AWS_WEB_IDENTITY_TOKEN_FILE", "/nowhere"), ("POSTERN_PASSPHRASE", "x")];
    let posix = "eval \"$(\"$POSTERN\" env prod/developer)\" || exit 9
        env; echo %%; eval \"$(\"$POSTERN\" env --unset)\" || exit 9; env\n";
    let fish = "$POSTERN env prod/developer | source; or exit 9
        env; echo %%; $POSTERN env --unset | source; or exit 9; env\n";
    for (shell, script) in [
        (&["bash", "--norc"][..], posix),
        (&["dash"], posix),
        (&["zsh", "-f"], posix),
        (&["fish", "--no-config"], fish),
    ] {
        if !is_there(shell[0]) {
            continue;
        }
        let around: Vec<_> = around.iter().copied().chain([("SHELL", shell[0])]).collect();
        let output = in_shell(&world, shell, script, &around);
        assert!(output.status.success() && output.stderr.is_empty(), "{shell:?}: {}", said(&output));
        let text = String::from_utf8(output.stdout).unwrap();
        let (within, after) = text.split_once("%%\n").unwrap();
        assert_eq!(whose(&world, within), DEVELOPER, "{shell:?}");
        let set = |name: &str| variable(within, name);
        assert_eq!(set("POSTERN_TARGET").as_deref(), Some("prod/developer"));
        assert_eq!(set("AWS_REGION").as_deref(), Some("eu-central-1"));
        assert_eq!(set("AWS_ENDPOINT_URL").as_deref(), Some(world.sandbox.endpoint()));
        assert!(set("AWS_CREDENTIAL_EXPIRATION").unwrap().ends_with('Z'));
        for gone in ["AWS_PROFILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "POSTERN_PASSPHRASE"] {
            assert_eq!(set(gone), None, "{shell:?}: {gone}");
        }
        let left: Vec<&str> = after
            .lines()
            .filter(|line| line.starts_with("AWS_") || line.starts_with("POSTERN_TARGET"))
            .collect();
        assert!(left.is_empty(), "{shell:?}: {left:?}");
    }
    assert_eq!(world.calls("AssumeRole"), 1);
}

#[test]
fn a_region_of_ones_own_outlives_the_role() {
    let world = World::new();
    world.log_in();
    let script = "eval \"$(\"$POSTERN\" env prod/developer)\"; env; echo %%; eval \"$(\"$POSTERN\" env --unset)\"; env";
    let output = in_shell(&world, &["sh"], script, &[("AWS_REGION", "us-west-2")]);
    let text = String::from_utf8(output.stdout).unwrap();
    let (within, after) = text.split_once("%%\n").unwrap();
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        assert_eq!(variable(within, name).as_deref(), Some("us-west-2"), "{name}");
    }
    assert_eq!(variable(after, "AWS_REGION").as_deref(), Some("us-west-2"));
}

#[test]
fn programs_read_json_and_dotenv() {
    let world = World::new();
    world.log_in();
    let json = answer(&world.run(&["env", "prod/developer", "--format", "json"]));
    assert_eq!(json["POSTERN_TARGET"], "prod/developer");
    let dotenv = world.run(&["env", "prod/developer", "--format", "dotenv"]);
    let dotenv = String::from_utf8(dotenv.stdout).unwrap();
    assert_eq!(whose(&world, &dotenv), DEVELOPER);
    // As docker reads it: the value is all behind the first `=`, and nothing else stands in the file.
    for line in dotenv.lines() {
        let (name, value) = line.split_once('=').unwrap();
        assert_eq!(json[name].as_str(), Some(value), "{line}");
    }
    assert_eq!(json.as_object().unwrap().len(), dotenv.lines().count());

    for (arguments, words) in [
        (&["env", "--unset", "--format", "json"][..], "neither JSON nor dotenv"),
        (&["env"], "<TARGET>"),
        (&["env", "prod/developer", "--unset"], "cannot be used with"),
        (&["env", "prod/nope"], "`prod` has: developer"),
    ] {
        let output = world.run(arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", said(&output));
        assert!(output.stdout.is_empty() && said(&output).contains(words), "{}", said(&output));
    }
}

#[test]
fn the_form_is_that_of_the_shell_in_use() {
    let world = World::new();
    world.log_in();
    for (shell, begins) in [
        ("/usr/bin/fish", "set -gx AWS_ACCESS_KEY_ID "),
        ("/bin/zsh", "export AWS_ACCESS_KEY_ID="),
        ("/opt/microsoft/powershell/7/pwsh", "$Env:AWS_ACCESS_KEY_ID = "),
        ("", "export AWS_ACCESS_KEY_ID="),
    ] {
        let output = world.postern(&["env", "prod/developer"]).env("SHELL", shell).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert!(text.lines().any(|line| line.starts_with(begins)), "{shell}: {text}");
    }
}

#[test]
fn a_shell_within_a_shell_is_the_other_role() {
    let world = World::new();
    world.log_in();
    let estate = std::fs::read_to_string(world.estate()).unwrap();
    // Another account, to be reached at another URL of the same sandbox.
    let other = world.sandbox.endpoint().replace("127.0.0.1", "localhost");
    let dev = format!("[accounts.dev]\nid = \"333333333333\"\nendpoint_url = \"{other}\"\n");
    std::fs::write(world.estate(), estate.replace("[roles.developer]", &format!("{dev}[roles.developer]")))
        .unwrap();

    let script = "env; echo %%
        \"$POSTERN\" shell dev/readonly <<'END'
env
exit 7
END
        echo \"%% $?\"; env\n";
    let mut command = world.postern(&["shell", "prod/developer"]);
    command.env("SHELL", "/bin/sh").env("POSTERN", POSTERN).env("POSTERN_PASSPHRASE", "x");
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    child.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let talk = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(talk.contains("prod/developer for 59m; `exit` leaves\n"), "{talk}");
    assert!(talk.contains("dev/readonly for 59m; `exit` leaves, back to prod/developer"), "{talk}");
    let text = String::from_utf8(output.stdout).unwrap();
    let parts: Vec<&str> = text.split("%%").collect();
    assert_eq!(whose(&world, parts[0]), DEVELOPER);
    assert_eq!(whose(&world, parts[1]), READONLY.replace("222222222222", "333333333333"));
    assert!(parts[2].starts_with(" 7\n"), "{}", parts[2]);
    assert_eq!(whose(&world, parts[2]), DEVELOPER);
    assert_eq!(variable(parts[1], "POSTERN_TARGET").as_deref(), Some("dev/readonly"));
    // What the outer shell filled in is no choice of the person's.
    assert_eq!(variable(parts[1], "AWS_ENDPOINT_URL"), Some(other));
    assert_eq!(variable(parts[2], "AWS_ENDPOINT_URL").as_deref(), Some(world.sandbox.endpoint()));
    assert_eq!(variable(parts[1], "POSTERN_PASSPHRASE"), None);
}

#[test]
fn a_shell_that_is_not_there_costs_neither_code_nor_call() {
    let world = World::new();
    let output = world
        .postern(&["shell", "prod/developer", "--mfa-code", &world.code()])
        .env("SHELL", "/no/such/shell")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(127), "{}", said(&output));
    assert!(said(&output).contains("SHELL names the shell"), "{}", said(&output));
    assert_eq!(world.calls("GetSessionToken"), 0);
}
