//! A sandbox, a person in it with device and key, and a home directory.

use std::{
    cell::OnceCell,
    os::unix::fs::{DirBuilderExt, PermissionsExt},
    path::{Path, PathBuf},
    process::{Command, Output},
    time::SystemTime,
};

use postern_aws::{Aws, Connection, Credentials, Endpoint, Patience, enrol::NewDevice, raw::RawCall};
use postern_broker::{KeyEntry, PromptError, SecretStore as _};
use postern_serve::{BlockingSandbox, NewAccount, SandboxConfig};
use postern_types::{IamPath, LongTermKey, MfaSerial, Timestamp, TotpSeed};
use postern_vault::{FileStore, KdfCost, Passphrase};
use zeroize::Zeroizing;

pub(crate) const BASTION: &str = "111111111111";
pub(crate) const PROD: &str = "222222222222";
pub(crate) const DEV: &str = "333333333333";
pub(crate) const PASSPHRASE: &str = "correct horse battery staple";

/// The passphrase of every key file here.
struct Known;

impl Passphrase for Known {
    fn current(&self, _: &Path, _: u8) -> Result<Zeroizing<String>, PromptError> {
        Ok(Zeroizing::new(PASSPHRASE.to_owned()))
    }

    fn choose(&self, store: &Path) -> Result<Zeroizing<String>, PromptError> {
        self.current(store, 1)
    }
}

pub(crate) struct World {
    pub(crate) sandbox: BlockingSandbox,
    pub(crate) home: tempfile::TempDir,
    pub(crate) key: LongTermKey,
    seed: TotpSeed,
    /// The step whose code enabled the device: later ones are still good.
    enabled_with: i64,
    login_step: OnceCell<i64>,
}

impl World {
    /// Alice has device and key; the key is in her key file. Nobody is logged in.
    pub(crate) fn new() -> Self {
        let sandbox = BlockingSandbox::start(SandboxConfig {
            listen: "127.0.0.1:0".parse().unwrap(),
            state: None,
            ready_file: None,
            accounts: Vec::<NewAccount>::new(),
            scene: None,
        })
        .unwrap();
        let connect = |id: &str| root_of(&sandbox, id);
        let bastion = connect(BASTION);
        call(&bastion, "CreateUser", &[("UserName", "alice"), ("Path", "/postern/")]);
        let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}}"#;
        call(
            &bastion,
            "PutUserPolicy",
            &[("UserName", "alice"), ("PolicyName", "p"), ("PolicyDocument", policy)],
        );
        let trust = format!(
            r#"{{"Version":"2012-10-17","Statement":{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::{BASTION}:root"}},"Action":"sts:AssumeRole","Condition":{{"Bool":{{"aws:MultiFactorAuthPresent":"true"}}}}}}}}"#
        );
        for id in [PROD, DEV] {
            let account = connect(id);
            for role in ["developer", "readonly"] {
                call(
                    &account,
                    "CreateRole",
                    &[("RoleName", role), ("Path", "/postern/"), ("AssumeRolePolicyDocument", &trust)],
                );
            }
        }
        let user = "alice".parse().unwrap();
        let NewDevice { serial, seed, .. } =
            bastion.create_virtual_mfa_device(&IamPath::root(), &"alice".parse().unwrap(), &[]).unwrap();
        let step = TotpSeed::step_at(Timestamp::now());
        bastion
            .enable_mfa_device(&user, &serial, [seed.code_of_step(step - 1), seed.code_of_step(step)])
            .unwrap();
        let key = bastion.create_access_key(&user).unwrap();

        let home = tempfile::tempdir().unwrap();
        std::fs::DirBuilder::new().mode(0o700).create(home.path().join("run")).unwrap();
        let world = Self { sandbox, home, key, seed, enabled_with: step, login_step: OnceCell::new() };
        world.write_estate(PROD);
        world.keep_key(&serial);
        world
    }

    /// Puts the key into a key file whose passphrase costs next to nothing, since most commands here ask for it. A file
    /// keeps the cost that it was made with.
    fn keep_key(&self, serial: &MfaSerial) {
        let entry = KeyEntry {
            id: self.key.id.clone(),
            user: "alice".parse().unwrap(),
            account: BASTION.parse().unwrap(),
            serial: serial.clone(),
            added_at: Timestamp::now(),
        };
        let path = self.home.path().join(".local/share/postern/keys.json");
        let store = FileStore::new(path, Box::new(Known), KdfCost::DANGEROUS_FOR_TESTS);
        store.put(&entry, &self.key).unwrap();
    }

    /// The estate file, with `prod` being this account.
    pub(crate) fn write_estate(&self, prod: &str) {
        let text = format!(
            r#"version = 1
name = "acme"
region = "eu-central-1"
endpoint_url = "{}"
[bastion]
account = "{BASTION}"
session = "12h"
[accounts.prod]
id = "{prod}"
[roles.developer]
accounts = "*"
policies = ["ReadOnlyAccess"]
[roles.readonly]
accounts = "*"
policies = ["ReadOnlyAccess"]
[people.alice]
roles = ["*/developer"]
"#,
            self.sandbox.endpoint()
        );
        // In place: the file stays the same one.
        std::fs::write(self.estate(), text).unwrap();
    }

    pub(crate) fn estate(&self) -> PathBuf {
        self.home.path().join("postern.toml")
    }

    /// Lets the estate file look as if it had lain there for a while, so that answers may be shelved.
    pub(crate) fn settle(&self) {
        std::thread::sleep(std::time::Duration::from_millis(3_100));
    }

    /// The root user of an account.
    pub(crate) fn root_of(&self, id: &str) -> Connection {
        root_of(&self.sandbox, id)
    }

    pub(crate) fn state_dir(&self) -> PathBuf {
        self.home.path().join("run/postern")
    }

    /// postern without terminal, keyring or passphrase.
    pub(crate) fn postern(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("setsid");
        command.arg("--wait").arg(env!("CARGO_BIN_EXE_postern")).args(arguments);
        self.surround(&mut command);
        command
    }

    pub(crate) fn surround(&self, command: &mut Command) {
        command
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", self.home.path())
            .env("XDG_RUNTIME_DIR", self.home.path().join("run"))
            .env("POSTERN_ESTATE", self.estate())
            .env("POSTERN_STORE", "file")
            .current_dir(self.home.path());
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Output {
        self.postern(arguments).output().unwrap()
    }

    /// The code of the one login: the first that was not used yet, and on a slow machine a later one.
    pub(crate) fn code(&self) -> String {
        let now = || TotpSeed::step_at(Timestamp::now());
        let step = self.login_step.get_or_init(|| now().max(self.enabled_with + 1));
        self.seed.code_of_step(*step).as_str().to_owned()
    }

    pub(crate) fn wrong_code(&self) -> String {
        let good: Vec<_> = (-2..20).map(|n| self.seed.code_of_step(self.enabled_with + n)).collect();
        let wrong = (0..).map(|n| format!("{n:06}")).find(|c| good.iter().all(|g| g.as_str() != c));
        wrong.unwrap()
    }

    pub(crate) fn log_in(&self) {
        let output = self
            .postern(&["login", "--mfa-code", &self.code()])
            .env("POSTERN_PASSPHRASE", PASSPHRASE)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", said(&output));
    }

    /// How often a call was made, and came through or not.
    pub(crate) fn calls(&self, name: &str) -> usize {
        self.sandbox.world().events().iter().filter(|event| event["eventName"] == name).count()
    }

    /// A program of this name for [`World::with_fakes`]. It notes its arguments before it does what it does.
    pub(crate) fn fake(&self, name: &str, does: &str) {
        let dir = self.home.path().join("bin");
        std::fs::create_dir_all(&dir).unwrap();
        let log = self.home.path().join("started");
        let text = format!(
            "#!/bin/sh\nfor a in {name} \"$@\"; do printf '<%s>' \"$a\"; done >> '{0}'\necho >> '{0}'\n{does}\n",
            log.display()
        );
        std::fs::write(dir.join(name), text).unwrap();
        std::fs::set_permissions(dir.join(name), std::fs::Permissions::from_mode(0o700)).unwrap();
    }

    /// `postern` where the fakes are found before what is installed.
    pub(crate) fn with_fakes(&self, arguments: &[&str]) -> Command {
        let mut command = self.postern(arguments);
        let installed = std::env::var("PATH").unwrap();
        command.env("PATH", format!("{}:{installed}", self.home.path().join("bin").display()));
        command.env("POSTERN_PASSPHRASE", PASSPHRASE);
        command
    }

    /// Which fakes were started, a line each: `<name><argument>…`. No secret ever stands in an argument.
    pub(crate) fn started(&self) -> String {
        let log = std::fs::read_to_string(self.home.path().join("started")).unwrap_or_default();
        for secret in [PASSPHRASE, self.key.secret.expose_secret(), &self.seed(), &self.code()] {
            assert!(!log.contains(secret), "a secret in {log}");
        }
        log
    }

    /// The device's seed as its QR code has it.
    pub(crate) fn seed(&self) -> String {
        self.seed.expose_secret_base32().to_string()
    }

    pub(crate) fn settings(&self, text: &str) {
        let dir = self.home.path().join(".config/postern");
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("config.toml"), text).unwrap();
    }

    /// A program that counts its runs, waits a little, and prints a code or fails.
    pub(crate) fn mfa_process(&self, does: &str) -> (String, PathBuf) {
        let (script, count) = (self.home.path().join("mfa process.sh"), self.home.path().join("asked"));
        let text = format!("#!/bin/sh\necho x >> '{}'\nsleep 0.3\n{does}\n", count.display());
        std::fs::write(&script, text).unwrap();
        std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o700)).unwrap();
        (format!("'{}'", script.display()), count)
    }

    /// Every file under the home directory.
    pub(crate) fn files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        fn walk(dir: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() {
                    walk(&path, found);
                } else if let Ok(bytes) = std::fs::read(&path) {
                    found.push((path, bytes));
                }
            }
        }
        let mut found = Vec::new();
        walk(self.home.path(), &mut found);
        found
    }
}

fn root_of(sandbox: &BlockingSandbox, id: &str) -> Connection {
    let account = sandbox.create_account(Some(id.parse().unwrap()), None).unwrap();
    let endpoint = Endpoint::with_url("eu-central-1".parse().unwrap(), sandbox.endpoint());
    let root = LongTermKey { id: account.root_key, secret: account.root_secret };
    Aws::new(Patience::default()).unwrap().connect(endpoint, Credentials::from(&root), None)
}

pub(crate) fn call(connection: &Connection, action: &str, parameters: &[(&str, &str)]) {
    let answer = connection.raw(&RawCall::iam(action, parameters)).unwrap();
    assert!(answer.is_success(), "{action}: {}", answer.body);
}

pub(crate) fn said(output: &Output) -> String {
    format!(
        "{}\n{}\n{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
}

/// `credential_process` JSON.
pub(crate) fn answer(output: &Output) -> serde_json::Value {
    assert!(output.status.success(), "{}", said(output));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// Whose credentials an answer holds, as the sandbox sees it.
pub(crate) fn identity(world: &World, answer: &serde_json::Value) -> String {
    let text = |name: &str| answer[name].as_str().unwrap().to_owned();
    let credentials = Credentials {
        id: text("AccessKeyId").parse().unwrap(),
        secret: postern_types::SecretAccessKey::new(text("SecretAccessKey")).unwrap(),
        token: Some(postern_types::SessionToken::new(text("SessionToken")).unwrap()),
    };
    let endpoint = Endpoint::with_url("eu-central-1".parse().unwrap(), world.sandbox.endpoint());
    let connection = Aws::new(Patience::default()).unwrap().connect(endpoint, credentials, None);
    connection.caller_identity().unwrap().arn.to_string()
}

pub(crate) fn seconds_since(start: SystemTime) -> f64 {
    start.elapsed().unwrap().as_secs_f64()
}
