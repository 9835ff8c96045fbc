//! How an operation is declared, authorized and run.
//!
//! # How to add an operation
//!
//! One struct per operation, with the parameters it takes; three functions; one line in a table.
//!
//! ```text
//! /// `GetUser`: the caller's own user when no name is given.
//! struct GetUser { user_name: Option<String> }
//!
//! impl Operation for GetUser {
//!     const NAME: &'static str = "GetUser";
//!
//!     // 1. Read *and check* every parameter. All offences are told at once, in AWS's words, before anything
//!     //    else happens; a required text that is missing comes back empty and is never seen by `run`.
//!     fn decode(d: &mut Decoder<'_>) -> Self {
//!         Self { user_name: d.optional("UserName", &rules::EXISTING_USER_NAME) }
//!     }
//!
//!     // 2. Say what must be allowed: by default the action `iam:NAME` on this resource. Nothing is looked up
//!     //    but what names the resource: whether it exists is told only to those who may know.
//!     fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
//!         let user = call.user_or_caller(self.user_name.as_deref())?;
//!         Ok(Needs::on_user(call.account(), &user))
//!     }
//!
//!     // 3. Do it. Only `perform` makes an `Authorized`, and only after the policies allowed all needs.
//!     //    Check everything before changing anything: an error must leave the state as it was.
//!     fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
//!         let name = call.user_or_caller(op.user_name.as_deref())?;
//!         let user = find_user(call.account(), &name)?;
//!         Ok(Reply::result(|xml| xml.element("User", |xml| write_user(xml, call.account(), user, Detail::Full))))
//!     }
//! }
//! ```
//!
//! Then add `entry::<GetUser>()` to the module's `OPERATIONS`, and the module's table to the list in
//! `crate::iam`. Lists page with [`crate::page::Paging`]; see `ListUsers` in `crate::iam::users`.
//!
//! * Time: `call.now` is the sandbox's clock, right for everything but TOTP, which wants `call.real_now`.
//! * Randomness: `call.rng`.
//! * Another account: `call.state.account(id)`.
//! * More than one action, or condition keys: [`Needs::also`], [`Needs::key`], [`Needs::request_tags`], ….
//! * Secrets in parameters are kept out of the trail by name: see `crate::trail`.

use std::ops::Deref;

use postern_types::{AccountId, Rng, Timestamp};

use crate::{
    ServiceError,
    authorize::authorize,
    caller::{Caller, CallerKind},
    model::{Account, Owner, State, Tag, User},
    seal::Sealer,
    wire::{Decoder, Echo, Params, Xml},
};

/// An operation of IAM or STS. See the module's page.
pub(crate) trait Operation: Sized {
    /// AWS's name of it.
    const NAME: &'static str;

    /// Reads and checks the parameters.
    fn decode(d: &mut Decoder<'_>) -> Self;

    /// Checks a one-time code that the request itself carries. True if one was given and was right.
    fn authenticate(&self, _call: &mut Call<'_>) -> Result<bool, ServiceError> {
        Ok(false)
    }

    /// What the caller must be allowed.
    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError>;

    /// Does it.
    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError>;
}

/// An operation that the caller's policies allow. Only [`perform`] makes one.
pub(crate) struct Authorized<O>(O);

impl<O> Deref for Authorized<O> {
    type Target = O;

    fn deref(&self) -> &O {
        &self.0
    }
}

/// What an operation says when it went well.
pub(crate) struct Reply {
    /// What stands in `XResult`; none for operations without output.
    pub(crate) result: Option<Xml>,
}

impl Reply {
    /// Of operations without output.
    pub(crate) const fn nothing() -> Self {
        Self { result: None }
    }

    /// The members of `XResult`.
    pub(crate) fn result(write: impl FnOnce(&mut Xml)) -> Self {
        let mut xml = Xml::new();
        write(&mut xml);
        Self { result: Some(xml) }
    }
}

/// What an operation may look at and change while it runs.
pub(crate) struct Call<'a> {
    pub(crate) state: &'a mut State,
    pub(crate) caller: &'a Caller,
    /// What came with the request: address, agent, region, …
    pub(crate) facts: &'a RequestFacts,
    /// The sandbox's clock.
    pub(crate) now: Timestamp,
    /// The real clock: for one-time codes only.
    pub(crate) real_now: Timestamp,
    pub(crate) rng: &'a mut dyn Rng,
    pub(crate) sealer: &'a Sealer,
    /// Whether this very request carried a valid one-time code.
    pub(crate) mfa_now: bool,
    /// What the policies said so far, for the trail.
    pub(crate) decided: &'a mut Vec<Decided>,
}

/// What the policies said about one need.
#[derive(Clone, Debug)]
pub(crate) struct Decided {
    pub(crate) action: String,
    pub(crate) resource: String,
    pub(crate) decision: postern_policy::Decision,
    /// In AWS's words, where they give one.
    pub(crate) reason: Option<String>,
}

/// What a request says of itself beside its parameters.
pub(crate) struct RequestFacts {
    pub(crate) source_ip: core::net::IpAddr,
    pub(crate) user_agent: Option<String>,
    /// Of the credential scope.
    pub(crate) region: String,
}

impl Call<'_> {
    /// The caller's account.
    pub(crate) fn account(&self) -> &Account {
        match self.state.account(self.caller.account) {
            Some(account) => account,
            None => unreachable!("a caller's account exists as long as its request runs"),
        }
    }

    /// The caller's account, to be changed.
    pub(crate) fn account_mut(&mut self) -> &mut Account {
        match self.state.accounts.get_mut(&self.caller.account) {
            Some(account) => account,
            None => unreachable!("a caller's account exists as long as its request runs"),
        }
    }

    /// The caller's account and the source of randomness, both to be used at once.
    pub(crate) fn account_and_rng(&mut self) -> (&mut Account, &mut dyn Rng) {
        match self.state.accounts.get_mut(&self.caller.account) {
            Some(account) => (account, self.rng),
            None => unreachable!("a caller's account exists as long as its request runs"),
        }
    }

    /// The user name that was given, else the caller's own.
    ///
    /// # Errors
    /// When none was given and the caller is no user.
    pub(crate) fn user_or_caller(&self, given: Option<&str>) -> Result<String, ServiceError> {
        match (given, &self.caller.kind) {
            (Some(name), _) => Ok(name.to_owned()),
            (None, CallerKind::User { name, .. }) => Ok(name.clone()),
            (None, _) => {
                Err(ServiceError::validation("Must specify userName when calling with non-User credentials"))
            }
        }
    }

    /// As [`Self::user_or_caller`] for the calls that also serve root: its keys and devices.
    pub(crate) fn owner_or_caller(&self, given: Option<&str>) -> Result<Subject, ServiceError> {
        match (given, &self.caller.kind) {
            (None, CallerKind::Root) => Ok(Subject::Root),
            (given, _) => self.user_or_caller(given).map(Subject::User),
        }
    }
}

/// Whose keys or devices a call is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Subject {
    /// The caller is root and named nobody.
    Root,
    /// A user of this name, who may not exist.
    User(String),
}

impl Subject {
    /// The owner that the model knows it by.
    ///
    /// # Errors
    /// `NoSuchEntity` for a user who does not exist.
    pub(crate) fn owner(&self, account: &Account) -> Result<Owner, ServiceError> {
        match self {
            Self::Root => Ok(Owner::Root),
            Self::User(name) => account.users.get(name).map_or_else(
                || Err(ServiceError::no_such_entity(format!("The user with name {name} cannot be found."))),
                |user| Ok(Owner::User(user.id.clone())),
            ),
        }
    }
}

/// The value of a condition key that an operation adds to the context.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum KeyValue {
    One(String),
    Many(Vec<String>),
}

/// One action on one resource.
#[derive(Clone, Debug)]
pub(crate) struct Need {
    /// `iam:PassRole`; none for the action of the operation's own name.
    pub(crate) action: Option<&'static str>,
    /// The ARN or `*`.
    pub(crate) resource: String,
    /// Condition keys of this action beside those of every request.
    pub(crate) keys: Vec<(String, KeyValue)>,
    /// For assuming a role: the role's account, whose trust policy must agree.
    pub(crate) assumed_role: Option<AccountId>,
}

/// Everything a caller must be allowed for an operation to run.
#[derive(Clone, Debug)]
pub(crate) struct Needs(pub(crate) Vec<Need>);

impl Needs {
    /// Nothing at all: for the few calls that no policy governs.
    pub(crate) const fn nothing() -> Self {
        Self(Vec::new())
    }

    /// The operation's own action on this resource: an ARN, or `*`.
    pub(crate) fn on(resource: impl Into<String>) -> Self {
        Self(vec![Need { action: None, resource: resource.into(), keys: Vec::new(), assumed_role: None }])
    }

    /// The own action on a user, who may not exist: AWS then shows the ARN without a path.
    pub(crate) fn on_user(account: &Account, name: &str) -> Self {
        match account.users.get(name) {
            Some(user) => Self::on(account.user_arn(user))
                .resource_tags(&user.tags)
                .maybe_key("iam:PermissionsBoundary", user.boundary.as_deref()),
            None => Self::on(account.arn(&format!("user/{name}"))),
        }
    }

    /// As [`Self::on_user`] for root's own keys and devices, too.
    pub(crate) fn on_subject(account: &Account, subject: &Subject) -> Self {
        match subject {
            Subject::Root => Self::on(account.root_arn()),
            Subject::User(name) => Self::on_user(account, name),
        }
    }

    /// The own action on a group, which may not exist.
    pub(crate) fn on_group(account: &Account, name: &str) -> Self {
        Self::on(
            account
                .groups
                .get(name)
                .map_or_else(|| account.arn(&format!("group/{name}")), |group| account.group_arn(group)),
        )
    }

    /// The own action on a role, which may not exist.
    pub(crate) fn on_role(account: &Account, name: &str) -> Self {
        match account.roles.get(name) {
            Some(role) => Self::on(account.role_arn(role))
                .resource_tags(&role.tags)
                .maybe_key("iam:PermissionsBoundary", role.boundary.as_deref()),
            None => Self::on(account.arn(&format!("role/{name}"))),
        }
    }

    /// The own action on a managed policy, whose ARN is taken as it came.
    pub(crate) fn on_policy(account: &Account, arn: &str) -> Self {
        match account.policy_by_arn(arn) {
            Some(policy) => Self::on(arn).resource_tags(&policy.tags),
            None => Self::on(arn),
        }
    }

    /// Another action on another resource, with the keys that follow.
    pub(crate) fn also(mut self, action: &'static str, resource: impl Into<String>) -> Self {
        self.0.push(Need {
            action: Some(action),
            resource: resource.into(),
            keys: Vec::new(),
            assumed_role: None,
        });
        self
    }

    /// The last action assumes a role of this account, whose trust policy must agree.
    pub(crate) fn assuming(mut self, account: AccountId) -> Self {
        if let Some(need) = self.0.last_mut() {
            need.assumed_role = Some(account);
        }
        self
    }

    /// A condition key of the last action.
    pub(crate) fn key(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        if let Some(need) = self.0.last_mut() {
            need.keys.push((key.into(), KeyValue::One(value.into())));
        }
        self
    }

    /// A condition key that may be absent.
    pub(crate) fn maybe_key(self, key: &str, value: Option<&str>) -> Self {
        match value {
            Some(value) => self.key(key, value),
            None => self,
        }
    }

    /// A condition key of many values.
    pub(crate) fn keys(mut self, key: &str, values: Vec<String>) -> Self {
        if let Some(need) = self.0.last_mut() {
            need.keys.push((key.to_owned(), KeyValue::Many(values)));
        }
        self
    }

    /// `aws:ResourceTag/k` and `iam:ResourceTag/k` of the entity that the last action is about.
    pub(crate) fn resource_tags(mut self, tags: &[Tag]) -> Self {
        for tag in tags {
            self = self
                .key(format!("aws:ResourceTag/{}", tag.key), &tag.value)
                .key(format!("iam:ResourceTag/{}", tag.key), &tag.value);
        }
        self
    }

    /// `aws:RequestTag/k` and `aws:TagKeys` of tags that are being set; absent when there are none.
    pub(crate) fn request_tags(mut self, tags: &[Tag]) -> Self {
        for tag in tags {
            self = self.key(format!("aws:RequestTag/{}", tag.key), &tag.value);
        }
        let keys: Vec<String> = tags.iter().map(|tag| tag.key.clone()).collect();
        self.tag_keys(&keys)
    }

    /// `aws:TagKeys` of tags that are being removed.
    pub(crate) fn tag_keys(self, keys: &[String]) -> Self {
        if keys.is_empty() { self } else { self.keys("aws:TagKeys", keys.to_vec()) }
    }
}

/// An operation in a table: its name, and how to perform it.
#[derive(Clone, Copy)]
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    perform: Perform,
}

type Perform = fn(&Params, Service, &mut Call<'_>) -> Result<Reply, ServiceError>;

impl Entry {
    /// Reads, checks, authorizes and runs.
    pub(crate) fn perform(
        &self,
        params: &Params,
        service: Service,
        call: &mut Call<'_>,
    ) -> Result<Reply, ServiceError> {
        (self.perform)(params, service, call)
    }
}

/// The two services whose operations are declared by [`Operation`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Service {
    Iam,
    Sts,
}

impl Service {
    /// In front of its actions.
    pub(crate) const fn prefix(self) -> &'static str {
        match self {
            Self::Iam => "iam",
            Self::Sts => "sts",
        }
    }

    /// The one version of its API.
    pub(crate) const fn version(self) -> &'static str {
        match self {
            Self::Iam => "2010-05-08",
            Self::Sts => "2011-06-15",
        }
    }

    /// The XML namespace of its answers.
    pub(crate) const fn namespace(self) -> &'static str {
        match self {
            Self::Iam => "https://iam.amazonaws.com/doc/2010-05-08/",
            Self::Sts => "https://sts.amazonaws.com/doc/2011-06-15/",
        }
    }

    const fn echo(self) -> Echo {
        match self {
            Self::Iam => Echo::Withheld,
            Self::Sts => Echo::Quoted,
        }
    }
}

/// The table's line for an operation.
pub(crate) const fn entry<O: Operation>() -> Entry {
    Entry { name: O::NAME, perform: perform::<O> }
}

fn perform<O: Operation>(
    params: &Params,
    service: Service,
    call: &mut Call<'_>,
) -> Result<Reply, ServiceError> {
    let mut decoder = Decoder::new(params, service.echo());
    let operation = O::decode(&mut decoder);
    decoder.finish()?;
    call.mfa_now = operation.authenticate(call)?;
    for need in operation.needs(call)?.0 {
        authorize(call, service.prefix(), O::NAME, &need)?;
    }
    O::run(&Authorized(operation), call)
}

/// The user of this name.
///
/// # Errors
/// `NoSuchEntity` in AWS's words.
pub(crate) fn find_user<'a>(account: &'a Account, name: &str) -> Result<&'a User, ServiceError> {
    account
        .users
        .get(name)
        .ok_or_else(|| ServiceError::no_such_entity(format!("The user with name {name} cannot be found.")))
}
