//! Enrolment as a person goes through it: a seed off the screen, codes from an app.

use std::{
    io::{BufRead, BufReader, Read, Write},
    path::PathBuf,
    process::{Command, Output, Stdio},
};

use postern_testkit::query::Keys;
use postern_types::{Timestamp, TotpSeed};

use crate::world::World;

/// An authenticator app.
pub(crate) struct App {
    pub(crate) seed: TotpSeed,
    /// The step whose code was used last.
    step: i64,
}

impl App {
    /// Two codes in a row, as enabling a device takes them.
    fn two(seed: TotpSeed) -> (Self, [String; 2]) {
        let step = TotpSeed::step_at(Timestamp::now());
        let codes = [step - 1, step].map(|step| seed.code_of_step(step).as_str().to_owned());
        (Self { seed, step }, codes)
    }

    /// Makes a device the user's, as the bastion's root.
    pub(crate) fn enable(world: &World, user: &str, seed: TotpSeed) -> Self {
        let (app, [one, two]) = Self::two(seed);
        let serial = format!("arn:aws:iam::111111111111:mfa/{user}");
        let codes = [("AuthenticationCode1", one.as_str()), ("AuthenticationCode2", two.as_str())];
        let whose = [("UserName", user), ("SerialNumber", serial.as_str())];
        world.as_root("EnableMFADevice", &[&whose[..], &codes[..]].concat());
        app
    }

    /// A code that was not used yet.
    pub(crate) fn next(&mut self) -> String {
        self.step = TotpSeed::step_at(Timestamp::now()).max(self.step + 1);
        self.seed.code_of_step(self.step).as_str().to_owned()
    }
}

/// Runs an enrolment: first what is piped in, then two codes of the seed that it shows, if it shows one.
pub(crate) fn enrol(command: &mut Command, first: &str) -> (Output, Option<App>) {
    enrol_until(command, first, true)
}

/// As [`enrol`]; without codes, standard input ends where they are asked for.
pub(crate) fn enrol_until(command: &mut Command, first: &str, codes: bool) -> (Output, Option<App>) {
    let mut detached = Command::new("setsid");
    detached.arg("--wait").arg(command.get_program()).args(command.get_args()).env_clear();
    for (name, value) in command.get_envs() {
        detached.env(name, value.unwrap());
    }
    detached.current_dir(command.get_current_dir().unwrap());
    let mut child =
        detached.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    // Who ends early does not read it.
    let _ = stdin.write_all(first.as_bytes());
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let (mut shown, mut app) = (Vec::new(), None);
    loop {
        let mut line = String::new();
        if stdout.read_line(&mut line).unwrap() == 0 {
            break;
        }
        shown.extend_from_slice(line.as_bytes());
        if let Some(seed) = seed_of(&line) {
            if codes {
                let (made, [one, two]) = App::two(seed);
                writeln!(stdin, "{one}\n{two}").unwrap();
                app = Some(made);
            }
            break;
        }
    }
    drop(stdin);
    stdout.read_to_end(&mut shown).unwrap();
    let mut output = child.wait_with_output().unwrap();
    output.stdout = shown;
    (output, app)
}

fn seed_of(line: &str) -> Option<TotpSeed> {
    let is_seed =
        line.trim().len() > 32 && line.trim().chars().all(|c| matches!(c, 'A'..='Z' | '2'..='7' | ' '));
    is_seed.then(|| TotpSeed::from_base32(&line.trim().replace(' ', "")).unwrap())
}

/// The key that an invitation holds.
pub(crate) fn key_of(invitation: &str) -> Keys {
    let encoded = invitation.trim().strip_prefix("postern-invitation-1.").unwrap();
    let plain = data_encoding::BASE64URL_NOPAD.decode(encoded.as_bytes()).unwrap();
    let plain = String::from_utf8(plain).unwrap();
    let mut fields = plain.split('\n').skip(7).map(str::to_owned);
    Keys { id: fields.next().unwrap(), secret: fields.next().unwrap(), token: None }
}

impl World {
    /// A person's own machine: a home of its own, no profiles, no estate file.
    pub(crate) fn machine(&self, person: &str, arguments: &[&str]) -> Command {
        let home = self.machine_home(person);
        std::fs::create_dir_all(&home).unwrap();
        let mut command = self.command(arguments);
        command.env_remove("AWS_CONFIG_FILE").env("HOME", &home).current_dir(&home);
        command
    }

    pub(crate) fn machine_home(&self, person: &str) -> PathBuf {
        self.path("machines").join(person)
    }

    /// A call of IAM by the bastion's root, that goes through.
    pub(crate) fn as_root(&self, action: &str, parameters: &[(&str, &str)]) -> String {
        let (_, root) = self.sandbox.account("bastion", Some("111111111111"));
        let answer = self.sandbox.call(&root, "iam", action, parameters).unwrap();
        assert_eq!(answer.status, 200, "{action}: {}", answer.body);
        answer.body
    }

    /// How many access keys and MFA devices a user has.
    pub(crate) fn holds(&self, user: &str) -> (usize, usize) {
        let count =
            |action: &str, what: &str| self.as_root(action, &[("UserName", user)]).matches(what).count();
        (count("ListAccessKeys", "<AccessKeyId>"), count("ListMFADevices", "<SerialNumber>"))
    }

    /// Lets the sandbox's time pass.
    pub(crate) fn wait(&self, seconds: u32) {
        self.sandbox.server.world().advance(seconds, Timestamp::now());
    }
}
