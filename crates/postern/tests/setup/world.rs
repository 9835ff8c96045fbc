//! A directory with an estate file, and a sandbox whose accounts it describes.

use std::{
    path::PathBuf,
    process::{Command, Output, Stdio},
    thread,
    time::{Duration, Instant},
};

use postern_serve::{Cut, NewAccount, SandboxConfig, When};
use postern_testkit::live::LiveSandbox;

/// The estate of the demo: that of the worked example.
pub(crate) const ESTATE: &str = include_str!("../../src/commands/demo/estate.toml");

pub(crate) struct World {
    pub(crate) sandbox: LiveSandbox,
    pub(crate) home: tempfile::TempDir,
}

impl World {
    pub(crate) fn new() -> Self {
        let account =
            |name: &str, id: &str| NewAccount { name: Some(name.into()), id: Some(id.parse().unwrap()) };
        Self::on(LiveSandbox::with(SandboxConfig {
            accounts: vec![
                account("bastion", "111111111111"),
                account("prod", "222222222222"),
                account("dev", "333333333333"),
            ],
            ..SandboxConfig::default()
        }))
    }

    /// The same in an organization, with a fourth account that manages it.
    pub(crate) fn in_organization() -> Self {
        let account =
            |name: &str, id: &str| NewAccount { name: Some(name.into()), id: Some(id.parse().unwrap()) };
        let world = Self::on(LiveSandbox::with(SandboxConfig {
            accounts: vec![
                account("bastion", "111111111111"),
                account("prod", "222222222222"),
                account("dev", "333333333333"),
                account("management", "999999999999"),
            ],
            ..SandboxConfig::default()
        }));
        let members = ["111111111111", "222222222222", "333333333333"].map(|id| id.parse().unwrap());
        world.sandbox.server.create_organization("999999999999".parse().unwrap(), &members).unwrap();
        world
    }

    /// With the accounts of a sandbox that is there.
    pub(crate) fn on(sandbox: LiveSandbox) -> Self {
        let world = Self { sandbox, home: tempfile::tempdir().unwrap() };
        world.write_profiles(world.sandbox.server.endpoint());
        world.write_estate(ESTATE);
        world
    }

    pub(crate) fn write_estate(&self, text: impl AsRef<[u8]>) {
        std::fs::write(self.path("postern.toml"), text).unwrap();
    }

    /// Profiles with the accounts' root keys, at this endpoint.
    pub(crate) fn write_profiles(&self, endpoint: &str) {
        let accounts = self.sandbox.server.world().accounts();
        let profiles: Vec<String> = accounts
            .iter()
            .map(|account| {
                self.profile(
                    account.name.as_deref().unwrap(),
                    &account.root_key.to_string(),
                    account.root_secret.expose_secret(),
                    endpoint,
                )
            })
            .collect();
        std::fs::write(self.path("aws-config"), profiles.concat()).unwrap();
    }

    pub(crate) fn profile(&self, name: &str, id: &str, secret: &str, endpoint: &str) -> String {
        format!(
            "[profile acme-{name}]\naws_access_key_id = {id}\naws_secret_access_key = {secret}\nendpoint_url = {endpoint}\n\n"
        )
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_postern"));
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.home.path())
            .env("AWS_CONFIG_FILE", self.path("aws-config"))
            .env("POSTERN_STORE", "file")
            .env("POSTERN_PASSPHRASE", "correct horse battery staple")
            .current_dir(self.home.path());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.command(arguments).output().unwrap()
    }

    /// Runs until this call has been made, and kills the process there: it learns nothing of the call, and AWS of no
    /// further one.
    pub(crate) fn kill_at(&self, arguments: &[&str], call: u64) {
        let faults = self.sandbox.server.faults();
        faults.arm(Cut { call, when: When::After, lasting: true });
        let mut command = self.command(arguments);
        let mut child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let patience = Instant::now() + Duration::from_secs(60);
        while faults.calls() < call && child.try_wait().unwrap().is_none() {
            assert!(Instant::now() < patience, "call {call} is never made");
            thread::sleep(Duration::from_millis(1));
        }
        child.kill().unwrap();
        child.wait().unwrap();
        faults.mend();
    }

    /// How many calls the sandbox has seen.
    pub(crate) fn calls(&self) -> usize {
        self.sandbox.server.world().events().len()
    }
}

/// Exit code, standard output and standard error together, as a person would report them.
pub(crate) fn said(output: &Output) -> String {
    format!(
        "exit {}\n--- stdout\n{}--- stderr\n{}",
        output.status.code().map_or("by signal".into(), |code| code.to_string()),
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}
