//! What every command that hands out credentials shares: what a target's name means, the person, the broker over
//! its ports.

mod foreign;
mod ports;
pub(crate) mod profile;
pub(crate) mod reach;

use std::{cell::OnceCell, collections::BTreeSet};

use postern_broker::{
    AssumeRole, Broker, BrokerError, KeyEntry, LoginMode, Obtained, Plan, Route, SESSION_USED_AT_LEAST,
    SecretStore, Start, StsEndpoint, Target, Way, files::profile::Profiles,
};
use postern_estate::{ADMIN_ROLE, BREAK_GLASS_ROLE, Design, PATH};
use postern_types::{
    AccountId, LongTermKey, MfaCode, MfaSession, Region, RoleArn, RoleName, SessionDuration, SignedDuration,
    Timestamp, UserName,
};
use postern_vault::SealedCache;
use strsim::jaro_winkler;

use self::{
    foreign::Foreign,
    ports::{Keys, LazySts},
};
use crate::{
    access,
    context::Context,
    env,
    errors::CliError,
    estate_file::EstateFile,
    keystore::LazyStore,
    personal::session_cache,
    prompt::{Codes, Sources},
};

/// The daily flow of one person.
pub(crate) struct Daily<'a> {
    context: &'a Context,
    estate: Option<EstateFile>,
    profiles: OnceCell<Profiles>,
    /// Where sessions rest.
    pub(crate) cache: SealedCache,
    /// Where keys rest; opened at the first use.
    pub(crate) store: LazyStore<'a>,
    sources: Sources,
}

/// How a target is wanted, beside its name.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish<'a> {
    /// Whose key to use.
    pub(crate) person: Option<&'a UserName>,
    /// How long the credentials are to last.
    pub(crate) duration: Option<SessionDuration>,
    /// Whether the role is assumed with a code of its own, and then may last longer than an hour.
    pub(crate) direct: bool,
    /// How much must be left of what is handed out.
    pub(crate) min_ttl: Option<SessionDuration>,
}

impl Wish<'_> {
    fn at_least(&self) -> SignedDuration {
        self.min_ttl.map_or(SignedDuration::ZERO, SignedDuration::from)
    }
}

/// A target, resolved: how its credentials are got, and what a program that works with them needs to know.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    /// As it was named.
    pub(crate) name: String,
    /// How its credentials are got.
    pub(crate) way: Way,
    /// Where its programs work.
    pub(crate) region: Option<Region>,
    /// The endpoint of all services, where it is not AWS's own.
    pub(crate) endpoint_url: Option<String>,
    /// A long-term key that is not in the key store, but in a file or the environment.
    pub(crate) own_key: Option<LongTermKey>,
    /// Whether the name is a profile's.
    pub(crate) of_profile: bool,
}

impl Destination {
    /// An MFA session of the estate's bastion itself.
    pub(crate) fn of_session(route: Route) -> Self {
        Self {
            name: route.key.user.to_string(),
            region: Some(route.endpoint.region.clone()),
            way: Way { start: Start::Session(route), hops: Vec::new(), at_least: SignedDuration::ZERO },
            endpoint_url: None,
            own_key: None,
            of_profile: false,
        }
    }

    /// The role that it ends in.
    pub(crate) fn role(&self) -> Option<&AssumeRole> {
        self.way.hops.last()
    }
}

impl<'a> Daily<'a> {
    pub(crate) fn open(context: &'a Context) -> Result<Self, CliError> {
        Self::with(context, EstateFile::find(context)?)
    }

    /// The same where there is no estate file yet.
    pub(crate) fn without_estate(context: &'a Context) -> Result<Self, CliError> {
        Self::with(context, None)
    }

    fn with(context: &'a Context, estate: Option<EstateFile>) -> Result<Self, CliError> {
        Ok(Self {
            context,
            estate,
            profiles: OnceCell::new(),
            cache: session_cache(context)?,
            store: LazyStore::new(context),
            sources: Sources::load(context)?,
        })
    }

    /// The estate.
    pub(crate) fn design(&self) -> Result<&Design, CliError> {
        Ok(&self.estate()?.design)
    }

    /// The estate file, which there must be.
    pub(crate) fn estate(&self) -> Result<&EstateFile, CliError> {
        self.estate.as_ref().ok_or_else(EstateFile::missing)
    }

    /// STS of the estate's bastion.
    pub(crate) fn sts(&self) -> Result<LazySts<'_>, CliError> {
        Ok(LazySts::new(&self.bastion_sts()?, &self.context.environment))
    }

    fn bastion_sts(&self) -> Result<StsEndpoint, CliError> {
        let design = self.design()?;
        let environment = self.context.environment.texts();
        let endpoint = access::endpoint_of(&environment, None, design, design.bastion.account.value);
        Ok(StsEndpoint { region: design.region.value.clone(), url: endpoint.url("sts").map(Into::into) })
    }

    /// Where the estate file is, if it is what gives a target's name its meaning.
    pub(crate) fn estate_of(&self, name: &str) -> Option<&EstateFile> {
        self.role_named(name).and(self.estate.as_ref())
    }

    /// What a target's name means, and how its credentials are got. Makes no call.
    ///
    /// A role of the estate goes before a profile of the same name, which `profile:NAME` reaches.
    pub(crate) fn destination(&self, name: &str, wish: &Wish<'_>) -> Result<Destination, CliError> {
        if let Some(profile) = name.strip_prefix(profile::PREFIX) {
            return self.destination_of_profile(profile, wish);
        }
        match self.role_named(name) {
            Some(target) => self.destination_of_role(name, &target, wish),
            None if self.profile_names().iter().any(|known| known == name) => {
                self.destination_of_profile(name, wish)
            }
            None => Err(self.unknown(name)),
        }
    }

    fn destination_of_role(
        &self,
        name: &str,
        target: &Target,
        wish: &Wish<'_>,
    ) -> Result<Destination, CliError> {
        let route = self.route(wish.person)?;
        let request = self.request(target, &route, wish)?;
        let design = self.design()?;
        let start = if wish.direct { Start::Code(route) } else { Start::Session(route) };
        Ok(Destination {
            name: name.to_owned(),
            way: Way { start, hops: vec![request], at_least: wish.at_least() },
            region: Some(design.region.value.clone()),
            endpoint_url: self.endpoint_url(target.arn.account())?.map(str::to_owned),
            own_key: None,
            of_profile: false,
        })
    }

    /// The credentials of a destination, from the cache or by as many calls as it takes.
    pub(crate) fn obtain(
        &self,
        destination: &Destination,
        code: Option<MfaCode>,
    ) -> Result<Obtained, CliError> {
        let obtained = self.with_broker(destination, code, |broker| broker.obtain(&destination.way))?;
        check_left(destination, obtained.issued.expires_at(), Timestamp::now())?;
        Ok(obtained)
    }

    /// What is there of a destination's credentials, and what is left to do. Calls nobody.
    pub(crate) fn look(&self, destination: &Destination) -> Result<Plan, CliError> {
        self.with_broker(destination, None, |broker| broker.look(&destination.way))
    }

    fn with_broker<T>(
        &self,
        destination: &Destination,
        code: Option<MfaCode>,
        run: impl FnOnce(&Broker<'_>) -> Result<T, BrokerError>,
    ) -> Result<T, CliError> {
        let sts = LazySts::new(destination.way.start.endpoint(), &self.context.environment);
        let now = || sts.now();
        let codes = self.codes(code, &now);
        let keys = Keys { store: &self.store, own: destination.own_key.as_ref() };
        let foreign = Foreign {
            environment: &self.context.environment,
            profiles: self.profiles.get(),
            dialect: self.dialect()?,
            sts: &sts,
            target: &destination.name,
        };
        let broker = Broker {
            store: &keys,
            sts: &sts,
            prompt: &codes,
            cache: &self.cache,
            foreign: &foreign,
            clock: &now,
        };
        let result = run(&broker);
        self.finish(&sts, self.login_command(destination).as_deref(), result)
    }

    /// Whose key is used, and where it goes.
    ///
    /// The person who is named; else the one who is logged in; else the one whose key is the only one.
    pub(crate) fn route(&self, named: Option<&UserName>) -> Result<Route, CliError> {
        let (design, endpoint) = (self.design()?, self.bastion_sts()?);
        let named = match named {
            Some(named) => Some(named.clone()),
            None => self.person_of_environment()?,
        };
        let account = design.bastion.account.value;
        let wanted = |entry: &KeyEntry| {
            entry.account == account && named.as_ref().is_none_or(|named| entry.user == *named)
        };
        let now = Timestamp::now();
        let mut live: Vec<KeyEntry> = self
            .cache
            .sessions()?
            .into_iter()
            .filter(|s| {
                s.key.url == endpoint.url && s.session.credentials.is_fresh(now, SESSION_USED_AT_LEAST)
            })
            .map(|session| session.entry)
            .filter(wanted)
            .collect();
        if live.is_empty() {
            live = self.store.list()?.into_iter().filter(wanted).collect();
        }
        // Keys of people who have left the estate file open nothing; whoever is named is asked for on purpose.
        if named.is_none() && live.iter().any(|entry| design.people.contains_key(&entry.user)) {
            live.retain(|entry| design.people.contains_key(&entry.user));
        }
        let key = one_person(live, named.as_ref(), account)?;
        Ok(Route { key, endpoint, session: design.bastion.session })
    }

    /// Whose key is used, as `POSTERN_PERSON` says.
    pub(crate) fn person_of_environment(&self) -> Result<Option<UserName>, CliError> {
        let text = self.context.environment.text(env::POSTERN_PERSON);
        text.map(|text| {
            text.parse().map_err(|e| {
                CliError::usage(format!("`{}` names no person", env::POSTERN_PERSON)).caused_by(e)
            })
        })
        .transpose()
    }

    /// The role that `ACCOUNT/ROLE` means in this estate, if it is one of its roles.
    fn role_named(&self, text: &str) -> Option<Target> {
        let targets = targets(&self.estate.as_ref()?.design);
        targets.into_iter().find(|t| text == format!("{}/{}", t.account, t.role))
    }

    /// What is said of a name that means nothing, with what could have been meant.
    fn unknown(&self, text: &str) -> CliError {
        let profiles = self.profile_names();
        let near = profiles.iter().max_by(|a, b| jaro_winkler(a, text).total_cmp(&jaro_winkler(b, text)));
        let near = near.filter(|name| jaro_winkler(name, text) > 0.8);
        let error = match &self.estate {
            Some(estate) => {
                let error = CliError::usage(format!(
                    "`{}` has no role `{text}`, and there is no such profile",
                    estate.path.display()
                ));
                if near.is_some() { error } else { error.hint(what_there_is(&targets(&estate.design), text)) }
            }
            None => CliError::usage(format!(
                "there is no profile `{text}`, and no estate file here that could have such a role"
            )),
        };
        match (near, self.estate.is_some()) {
            (Some(name), _) => error.hint(format!("did you mean the profile `{name}`?")),
            (None, false) if !profiles.is_empty() => {
                error.hint(format!("the profiles are: {}", profiles.join(", ")))
            }
            (None, false) => {
                error.hint("run postern where `postern.toml` lies, or name it with --estate FILE")
            }
            (None, true) => error,
        }
    }

    /// The endpoint that the estate file names for an account's services.
    fn endpoint_url(&self, account: AccountId) -> Result<Option<&str>, CliError> {
        let design = self.design()?;
        let own = design.accounts.values().find(|a| a.id.value == account);
        let own = own.and_then(|account| account.endpoint_url.as_ref());
        Ok(own.or(design.endpoint_url.as_ref()).map(|url| url.value.as_str()))
    }

    /// The request for a role along a route.
    fn request(&self, target: &Target, route: &Route, wish: &Wish<'_>) -> Result<AssumeRole, CliError> {
        let design = self.design()?;
        let mut request = AssumeRole::plain(target.arn.clone(), &route.key);
        if design.bastion.source_identity {
            request.source_identity = request.session_name.as_str().parse().ok();
        }
        match wish.duration {
            Some(duration) => request.duration = duration,
            // A code of its own is spent for the sake of a long session.
            None if wish.direct => {
                request.duration =
                    design.roles.get(&target.role).map_or(SessionDuration::HOUR, |r| r.session);
            }
            None => {}
        }
        Ok(request)
    }

    /// The MFA session of the estate's bastion, as a destination.
    pub(crate) fn session_of(&self, person: Option<&UserName>) -> Result<Destination, CliError> {
        Ok(Destination::of_session(self.route(person)?))
    }

    /// Takes the MFA session of a destination, or finds the one that is there.
    pub(crate) fn login(
        &self,
        destination: &Destination,
        mode: LoginMode,
        code: Option<MfaCode>,
    ) -> Result<MfaSession, CliError> {
        let Start::Session(route) = &destination.way.start else {
            return Err(CliError::usage(format!("`{}` needs no MFA session", destination.name))
                .hint("`postern explain` says what it takes"));
        };
        self.with_broker(destination, code, |broker| broker.login(route, mode))
    }

    fn codes<'b>(&'b self, given: Option<MfaCode>, now: &'b dyn Fn() -> Timestamp) -> Codes<'b> {
        Codes::new(given, &self.sources, &self.context.environment, &self.store, now)
    }

    /// Says what was learnt on the way, and words an error with the command that helps.
    fn finish<T>(
        &self,
        sts: &LazySts<'_>,
        login: Option<&str>,
        result: Result<T, BrokerError>,
    ) -> Result<T, CliError> {
        if let Some(words) = clock_words(sts.clock_ahead()) {
            self.context.printer.warning(&words);
        }
        result.map_err(|error| CliError::of_broker(error, login))
    }

    /// The `postern login` that gives what this run is missing, from wherever it is typed.
    fn login_command(&self, destination: &Destination) -> Option<String> {
        // A code of its own is not spared by a login.
        let Start::Session(route) = &destination.way.start else { return None };
        if destination.of_profile {
            return Some(format!("postern login {}", quoted(&destination.name)));
        }
        let person = &route.key.user;
        let path = self.estate.as_ref().map(|estate| {
            let path = std::path::absolute(&estate.path).unwrap_or_else(|_| estate.path.clone());
            format!(" --estate {}", quoted(&path.display().to_string()))
        });
        Some(format!("postern login{} --person {person}", path.unwrap_or_default()))
    }
}

/// Differences below this matter to nothing.
const CLOCK_DIFFERENCE_TOLD: SignedDuration = SignedDuration::from_secs(30);

/// What is wrong with this machine's clock.
fn clock_words(ahead: SignedDuration) -> Option<String> {
    let seconds = ahead.as_secs().abs();
    let side = if ahead.is_positive() { "behind" } else { "ahead of" };
    (ahead.abs() >= CLOCK_DIFFERENCE_TOLD).then(|| {
        format!(
            "this machine's clock is {seconds} s {side} AWS's; requests were made with AWS's time: set the clock right"
        )
    })
}

/// A word as a shell takes it.
pub(crate) fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+@%:,=".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// The one person among these keys.
fn one_person(
    mut keys: Vec<KeyEntry>,
    named: Option<&UserName>,
    account: AccountId,
) -> Result<KeyEntry, CliError> {
    // Of two keys of one person, as there are while one is replaced by the other, the newer.
    keys.sort_by(|a, b| a.user.cmp(&b.user).then(b.added_at.cmp(&a.added_at)));
    keys.dedup_by(|later, kept| later.user == kept.user);
    match (keys.len(), keys.pop()) {
        (1, Some(key)) => Ok(key),
        (0, _) | (_, None) => Err(match named {
            Some(named) => {
                CliError::failed(format!("the key store holds no key of `{named}` in account {account}"))
            }
            None => CliError::failed(format!("the key store holds no key in account {account}")),
        }
        .hint("`postern people enrol NAME` makes one; `postern keys add` takes one that exists")),
        (_, Some(last)) => {
            let names: Vec<String> = keys.iter().chain([&last]).map(|key| key.user.to_string()).collect();
            Err(CliError::usage(format!("there are keys of several people: {}", names.join(", ")))
                .hint("say whose is meant: `--person NAME`, or set POSTERN_PERSON"))
        }
    }
}

/// Every role that the estate file makes, as people name it.
pub(crate) fn targets(design: &Design) -> Vec<Target> {
    let path = PATH.parse().unwrap_or_else(|_| unreachable!("a fixed and valid path"));
    let admin: RoleName = ADMIN_ROLE.parse().unwrap_or_else(|_| unreachable!("a fixed and valid name"));
    let mut targets = Vec::new();
    let mut add = |account: &str, id: AccountId, role: &RoleName| {
        targets.push(Target {
            account: account.into(),
            role: role.clone(),
            arn: RoleArn::new(design.partition, id, &path, role),
        });
    };
    for (name, account) in &design.accounts {
        for (role, made) in &design.roles {
            if made.is_made_in(name) {
                add(name.as_str(), account.id.value, role);
            }
        }
        add(name.as_str(), account.id.value, &admin);
    }
    add(access::BASTION, design.bastion.account.value, &admin);
    if let Some(emergency) = &design.break_glass {
        let role: RoleName =
            BREAK_GLASS_ROLE.parse().unwrap_or_else(|_| unreachable!("a fixed and valid name"));
        let accounts = design.accounts.iter().map(|(name, account)| (name.as_str(), account.id.value));
        for (name, id) in accounts.chain([(access::BASTION, design.bastion.account.value)]) {
            if emergency.is_made_in(name) {
                add(name, id, &role);
            }
        }
    }
    targets
}

/// Helps whoever named a role that is not there: the one that was meant, else those of the account, else the
/// accounts.
fn what_there_is(targets: &[Target], text: &str) -> String {
    let Some((account, role)) = text.split_once('/') else {
        return "roles are named ACCOUNT/ROLE, as in `prod/developer`".to_owned();
    };
    let full = |target: &Target| format!("{}/{}", target.account, target.role);
    let of_account: Vec<&Target> = targets.iter().filter(|target| *target.account == *account).collect();
    let among: Vec<&Target> =
        if of_account.is_empty() { targets.iter().collect() } else { of_account.clone() };
    let likeness = |target: &Target| {
        jaro_winkler(&target.account, account).min(jaro_winkler(target.role.as_str(), role))
    };
    let nearest = among.iter().map(|t| (likeness(t), t)).max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((likeness, target)) if likeness > 0.8 => format!("did you mean `{}`?", full(target)),
        _ if !of_account.is_empty() => {
            let roles: Vec<&str> = of_account.iter().map(|target| target.role.as_str()).collect();
            format!("`{account}` has: {}", roles.join(", "))
        }
        _ => {
            let accounts: BTreeSet<&str> = targets.iter().map(|target| &*target.account).collect();
            let accounts: Vec<&str> = accounts.into_iter().collect();
            format!("roles are named ACCOUNT/ROLE; the accounts are: {}", accounts.join(", "))
        }
    }
}

/// What is not renewed in silence may have less left than was asked for: another program's credentials, an MFA session.
fn check_left(
    destination: &Destination,
    expires_at: Option<Timestamp>,
    now: Timestamp,
) -> Result<(), CliError> {
    let way = &destination.way;
    // A role is renewed by the broker, which knows AWS's time better.
    let short = |at: &Timestamp| way.hops.is_empty() && at.duration_since(now) < way.at_least;
    let Some(expires_at) = expires_at.filter(short) else { return Ok(()) };
    let error = CliError::failed(format!(
        "`{}` has {} left, and {} is to be left",
        destination.name,
        time_left(expires_at, now),
        time_left(now + way.at_least, now)
    ));
    Err(match &way.start {
        Start::Foreign { .. } => error.hint("its credentials are another program's, which has to renew them"),
        _ => error.hint("it is the MFA session itself: `postern login --fresh` takes a new one"),
    })
}

/// Time left in words, the two largest units.
pub(crate) fn time_left(until: Timestamp, now: Timestamp) -> String {
    let seconds = until.duration_since(now).as_secs();
    match (seconds / 3_600, seconds / 60 % 60, seconds % 60) {
        _ if seconds <= 0 => "expired".to_owned(),
        (0, 0, s) => format!("{s}s"),
        (0, m, s) if m < 5 => format!("{m}m {s:02}s"),
        (0, m, _) => format!("{m}m"),
        (h, m, _) => format!("{h}h {m:02}m"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_left_in_two_units() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        for (seconds, words) in [
            (-5, "expired"),
            (0, "expired"),
            (59, "59s"),
            (61, "1m 01s"),
            (3_599, "59m"),
            (3_600, "1h 00m"),
            (43_199, "11h 59m"),
        ] {
            let until = Timestamp::from_second(1_800_000_000 + seconds).unwrap();
            assert_eq!(time_left(until, now), words);
        }
    }

    #[test]
    fn the_clock_is_spoken_of_where_it_matters() {
        let words = |seconds| clock_words(SignedDuration::from_secs(seconds)).unwrap_or_default();
        assert_eq!((words(0), words(29), words(-29)), Default::default());
        assert!(words(1_200).starts_with("this machine's clock is 1200 s behind AWS's;"));
        assert!(words(-60).starts_with("this machine's clock is 60 s ahead of AWS's;"));
    }

    #[test]
    fn paths_are_quoted_for_a_shell_where_they_must_be() {
        for (path, word) in [
            ("/home/al/postern.toml", "/home/al/postern.toml"),
            ("/my estate.toml", "'/my estate.toml'"),
            ("it's", r"'it'\''s'"),
            ("", "''"),
        ] {
            assert_eq!(quoted(path), word);
        }
    }

    #[test]
    fn a_role_that_is_not_there_is_helped_with() {
        let target = |account: &str, role: &str| Target {
            account: account.into(),
            role: role.parse().unwrap(),
            arn: format!("arn:aws:iam::222222222222:role/postern/{role}").parse().unwrap(),
        };
        let targets = [
            target("dev", "readonly"),
            target("prod", "developer"),
            target("prod", "readonly"),
            target("bastion", "postern-admin"),
        ];
        for (text, hint) in [
            ("prod/developper", "did you mean `prod/developer`?"),
            ("prd/readonly", "did you mean `prod/readonly`?"),
            ("prod/nope", "`prod` has: developer, readonly"),
            ("dev/developer", "`dev` has: readonly"),
            ("nowhere/x", "roles are named ACCOUNT/ROLE; the accounts are: bastion, dev, prod"),
            ("developer", "roles are named ACCOUNT/ROLE, as in `prod/developer`"),
        ] {
            assert_eq!(what_there_is(&targets, text), hint, "{text}");
        }
    }

    fn key(user: &str, second: i64) -> KeyEntry {
        KeyEntry {
            id: format!("AKIAY34FZKBOKMUTV{second:03}").parse().unwrap(),
            user: user.parse().unwrap(),
            account: "111111111111".parse().unwrap(),
            serial: "arn:aws:iam::111111111111:mfa/x".parse().unwrap(),
            added_at: Timestamp::from_second(second).unwrap(),
        }
    }

    #[test]
    fn one_key_decides_and_several_do_not() {
        let account = "111111111111".parse().unwrap();
        let one = |keys| one_person(keys, None, account);
        assert_eq!(one(vec![key("alice", 1)]).unwrap().user.as_str(), "alice");
        let newer = one(vec![key("alice", 1), key("alice", 3), key("alice", 2)]).unwrap();
        assert_eq!(newer.added_at.as_second(), 3);
        let error = one(vec![key("bob", 1), key("alice", 2)]).unwrap_err();
        assert!(error.message.contains("alice, bob"), "{}", error.message);
        assert!(error.hints[0].contains("`--person NAME`"), "{:?}", error.hints);
        assert!(one(vec![]).unwrap_err().hints[0].contains("people enrol"));
    }
}
