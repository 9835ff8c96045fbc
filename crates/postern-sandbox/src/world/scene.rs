//! Scenes: accounts with people, keys and a past, as they grow without a plan.
//!
//! A scene is played call by call, each signed by who made it, at the time when it was made: what the calls leave
//! behind (dates, last uses, what was accessed) is what the sandbox keeps of every call. Only the console, which
//! the sandbox does not have, leaves its trace by hand.

use std::net::{IpAddr, Ipv4Addr};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use postern_types::{AccessKeyId, AccountId, Rng, SecretAccessKey, SignedDuration, Timestamp, TotpSeed};

use self::history::{Act, Ask, history};
use super::World;
use crate::{http::RawRequest, model::Owner, sigv4::sign};

mod history;

/// What can be played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scene {
    /// One account that everybody works in as an IAM user: five administrators, two machines, one user whom
    /// nobody remembers; keys of months and years.
    SingleAccount,
}

/// Why a scene cannot be played.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SceneError {
    /// A call that makes the scene was refused.
    #[error("{call} was refused with {status}: {answer}")]
    Refused {
        /// The operation.
        call: String,
        /// The HTTP status.
        status: u16,
        /// What the sandbox said.
        answer: String,
    },
    /// Somebody is to do something without a key.
    #[error("{0} has no key to sign with")]
    NoKey(String),
}

/// An active access key of a user.
#[derive(Clone, Debug)]
pub struct UserKey {
    /// The user's name.
    pub user: String,
    /// The key's id.
    pub id: AccessKeyId,
    /// Its secret.
    pub secret: SecretAccessKey,
}

impl Scene {
    /// The account that the scene is about.
    #[must_use]
    pub fn account(self) -> AccountId {
        match self {
            Self::SingleAccount => history::ACCOUNT.parse().unwrap_or_else(|_| unreachable!("twelve digits")),
        }
    }
}

impl World {
    /// Plays a scene that ends now. An account that is there already stays as it is, and false comes back.
    ///
    /// # Errors
    /// When a call is refused that the scene needs: by a state that somebody else made, for its own are taken.
    pub fn play(&self, scene: Scene, now: Timestamp, rng: &mut dyn Rng) -> Result<bool, SceneError> {
        let account = scene.account();
        if self.lock().state.account(account).is_some() {
            return Ok(false);
        }
        let history = history();
        let mut director = Director { world: self, account, rng };
        for moment in history {
            let then = now.checked_sub(SignedDuration::from_mins(moment.minutes_ago)).unwrap_or(now);
            director.act(moment.act, then)?;
        }
        Ok(true)
    }

    /// The active access keys of an account's users, oldest first, by the users' names.
    #[must_use]
    pub fn user_keys(&self, account: AccountId) -> Vec<UserKey> {
        let inner = self.lock();
        let Some(account) = inner.state.account(account) else { return Vec::new() };
        let mut keys = Vec::new();
        for user in account.users.iter() {
            let owner = Owner::User(user.id.clone());
            let held = account.keys_of(&owner).filter(|key| key.active);
            keys.extend(held.map(|key| UserKey {
                user: user.name.clone(),
                id: key.id.clone(),
                secret: key.secret.clone(),
            }));
        }
        keys
    }
}

/// Has everybody do their part.
struct Director<'a> {
    world: &'a World,
    account: AccountId,
    rng: &'a mut dyn Rng,
}

impl Director<'_> {
    fn act(&mut self, act: Act, then: Timestamp) -> Result<(), SceneError> {
        match act {
            Act::Account(name) => {
                let made = self.world.create_account(Some(self.account), Some(name), then, self.rng);
                made.map(|_| ()).map_err(|error| SceneError::Refused {
                    call: "the account".to_owned(),
                    status: 409,
                    answer: error.to_string(),
                })
            }
            Act::Root(action, parameters) => self.root(action, &parameters, then),
            Act::Password(user) => {
                let password = self.password();
                self.root("CreateLoginProfile", &[("UserName", user), ("Password", &password)], then)
            }
            Act::Device(user) => self.device(user, then),
            Act::NoMore(user) => {
                let Some(key) = self.keys(user).into_iter().next() else {
                    return Err(SceneError::NoKey(user.to_owned()));
                };
                let off = [("UserName", user), ("AccessKeyId", key.id.as_str()), ("Status", "Inactive")];
                self.root("UpdateAccessKey", &off, then)
            }
            Act::SignedIn(user) => {
                let mut inner = self.world.lock();
                let account = inner.state.accounts.get_mut(&self.account);
                if let Some(user) = account.and_then(|account| account.users.get_mut(user)) {
                    user.password_last_used = Some(then);
                }
                Ok(())
            }
            Act::Call(user, agent, ask) => {
                let key = self.keys(user).into_iter().next_back();
                let key = key.ok_or_else(|| SceneError::NoKey(user.to_owned()))?;
                // Whether it is allowed, or there at all, is part of the story: it was tried.
                self.send(&ask, agent, &key.id, &key.secret, then).map(|_| ())
            }
        }
    }

    fn keys(&self, user: &str) -> Vec<UserKey> {
        self.world.user_keys(self.account).into_iter().filter(|key| key.user == user).collect()
    }

    /// A call of the root user, which must go well.
    fn root(&mut self, action: &str, parameters: &[(&str, &str)], then: Timestamp) -> Result<(), SceneError> {
        let root = self.world.lock().info(self.account);
        let root = root.ok_or_else(|| SceneError::NoKey("root".to_owned()))?;
        let ask = Ask::query("iam", "us-east-1", "2010-05-08", action, parameters);
        let (status, answer) =
            self.send(&ask, "console.amazonaws.com", &root.root_key, &root.root_secret, then)?;
        if status == 200 {
            return Ok(());
        }
        Err(SceneError::Refused { call: action.to_owned(), status, answer })
    }

    fn device(&mut self, user: &str, then: Timestamp) -> Result<(), SceneError> {
        self.root("CreateVirtualMFADevice", &[("VirtualMFADeviceName", user)], then)?;
        let serial = format!("arn:aws:iam::{}:mfa/{user}", self.account);
        let codes = {
            let inner = self.world.lock();
            let device =
                inner.state.account(self.account).and_then(|account| account.mfa_devices.get(&serial));
            let step = TotpSeed::step_at(then);
            device.map(|device| [step - 1, step].map(|step| device.seed.code_of_step(step)))
        };
        let Some([first, second]) = codes else { return Err(SceneError::NoKey(serial)) };
        let enable = [
            ("UserName", user),
            ("SerialNumber", serial.as_str()),
            ("AuthenticationCode1", first.as_str()),
            ("AuthenticationCode2", second.as_str()),
        ];
        self.root("EnableMFADevice", &enable, then)
    }

    /// Of every kind of character, and nobody's.
    fn password(&mut self) -> String {
        let mut random = [0_u8; 20];
        self.rng.fill_bytes(&mut random);
        format!("aA1-{}", data_encoding::BASE32_NOPAD.encode(&random))
    }

    fn send(
        &mut self,
        ask: &Ask,
        agent: &str,
        key: &AccessKeyId,
        secret: &SecretAccessKey,
        then: Timestamp,
    ) -> Result<(u16, String), SceneError> {
        let mut headers = vec![
            ("host".to_owned(), b"sandbox".to_vec()),
            ("user-agent".to_owned(), agent.as_bytes().to_vec()),
        ];
        headers
            .extend(ask.headers.iter().map(|(name, value)| ((*name).to_owned(), value.as_bytes().to_vec())));
        let mut raw = RawRequest {
            method: ask.method.to_owned(),
            target: ask.target.to_owned(),
            headers,
            body: ask.body.clone().into_bytes(),
            source_ip: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 10)),
        };
        let signed = sign(&mut raw, key, secret, (ask.service, ask.region), then);
        signed.map_err(|_| SceneError::NoKey(key.to_string()))?;
        let answer = self.world.handle(&raw, then, self.rng);
        Ok((answer.status, String::from_utf8_lossy(&answer.body).into_owned()))
    }
}

/// A form of names and values.
fn form(parameters: &[(&str, &str)]) -> String {
    let pairs = parameters
        .iter()
        .map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
    pairs.collect::<Vec<_>>().join("&")
}
