//! The accounts as they answer: who can be asked, what stands there, who reaches what.

use std::collections::{BTreeMap, BTreeSet};

use postern_aws::{AwsError, Connection, Identity, collect, identities};
use postern_estate::{ADMIN_ROLE, Estate, PATH, Quotas, Role, User};
use postern_prove::{Grant, Reach, World};
use postern_types::{
    AccountId, Partition, PolicyArn, PrincipalId, RoleArn, RoleName, Timestamp, UserArn, UserName,
};

use super::target::{Asked, Target, decide};
use crate::{
    access::{self, AccountNames, Entered, WayIn, account_label, open_each},
    context::Context,
    errors::CliError,
    estate_file::EstateFile,
    report::plan::counted,
};

/// All accounts of an estate, as far as they answer.
pub(crate) struct Scene<'a> {
    pub(crate) context: &'a Context,
    pub(crate) file: EstateFile,
    pub(crate) names: AccountNames,
    way: WayIn,
    /// Only accounts that were read, and so are the ones that are meant.
    pub(crate) connections: BTreeMap<AccountId, Connection>,
    /// The accounts that do not answer, and why.
    pub(crate) silent: BTreeMap<AccountId, String>,
    pub(crate) estate: Estate,
    /// The way into the account that manages the organization, where the estate file names one, or why there is none.
    pub(super) management: Result<Option<Connection>, String>,
}

impl<'a> Scene<'a> {
    /// Enters and reads every account that can be entered and read.
    pub(crate) fn read(context: &'a Context, file: EstateFile, way: &WayIn) -> Result<Self, CliError> {
        let wanted: Vec<AccountId> = access::account_names(&file.design).into_keys().collect();
        let mut scene = Self::of(context, file, way, &wanted)?;
        scene.management = access::enter_management(context, &scene.file.design, &scene.connections)
            .map_err(|error| error.causes.first().unwrap_or(&error.message).clone());
        Ok(scene)
    }

    /// The same of some of the accounts, and without their organization.
    pub(crate) fn of(
        context: &'a Context,
        file: EstateFile,
        way: &WayIn,
        wanted: &[AccountId],
    ) -> Result<Self, CliError> {
        let names = access::account_names(&file.design);
        context.printer.status(&format!("reading {} …", counted(wanted.len(), "account")));
        let Entered { connections, refused } = open_each(context, &file.design, wanted, way, false)?;
        let mut scene = Self {
            context,
            file,
            names,
            way: way.clone(),
            connections,
            silent: refused,
            estate: Estate::default(),
            management: Ok(None),
        };
        scene.reread();
        if scene.connections.is_empty() {
            let mut error = CliError::failed("no account answers");
            for (account, why) in &scene.silent {
                error = error.caused_by(format!("{}: {why}", scene.label(*account)));
            }
            return Err(error);
        }
        Ok(scene)
    }

    /// Reads every account again that can be. One that stops answering is silent from then on.
    pub(crate) fn reread(&mut self) {
        let snapshot = collect(&self.connections, &Timestamp::now);
        for gap in snapshot.gaps {
            if !snapshot.estate.accounts.contains_key(&gap.account) {
                self.connections.remove(&gap.account);
                self.silent.insert(gap.account, gap.cause);
            }
        }
        self.estate = snapshot.estate;
    }

    /// Enters these accounts anew: the sessions in use may have been ended.
    pub(crate) fn reenter(&mut self, accounts: &BTreeSet<AccountId>) -> Result<(), CliError> {
        if accounts.is_empty() {
            return Ok(());
        }
        let wanted: Vec<AccountId> = accounts.iter().copied().collect();
        let entered = open_each(self.context, &self.file.design, &wanted, &self.way, true)?;
        for (account, why) in entered.refused {
            self.connections.remove(&account);
            self.silent.insert(account, why);
        }
        self.connections.extend(entered.connections);
        Ok(())
    }

    pub(crate) fn label(&self, account: AccountId) -> String {
        account_label(&self.names, account)
    }

    /// The account that manages the organization, by the estate file.
    pub(super) fn management_account(&self) -> Option<AccountId> {
        self.file.design.organization.as_ref().map(|organization| organization.management.value)
    }

    pub(crate) fn partition(&self) -> Partition {
        self.file.design.partition
    }

    /// `prod/developer`
    pub(crate) fn role_label(&self, role: &RoleArn) -> String {
        let account = self.names.get(&role.account()).cloned().unwrap_or_else(|| role.account().to_string());
        format!("{account}/{}", role.name())
    }

    pub(crate) fn role(&self, arn: &RoleArn) -> Option<&Role> {
        self.estate.accounts.get(&arn.account())?.roles.get(arn.name())
    }

    /// Who is meant, with AWS's help where the text does not tell.
    pub(super) fn resolve(&self, asked: Asked) -> Result<Target, CliError> {
        match asked {
            Asked::User(account, name) => Ok(Target::User(account, name)),
            Asked::Role(account, name) => Ok(Target::Role(account, name)),
            Asked::Either(account, name) => {
                let person = name.parse::<UserName>();
                match person {
                    // A person of the file is a user of the bastion, whether it answers or not.
                    Ok(person)
                        if account == self.file.design.bastion.account.value
                            && self.file.design.people.contains_key(&person)
                            && !self.estate.accounts.contains_key(&account) =>
                    {
                        Ok(Target::User(account, person))
                    }
                    _ => decide(account, &name, &self.estate, &self.names),
                }
            }
            Asked::Key(key) => self.owner(&key),
        }
    }

    /// The user that a key is of. The account that is written in the key's id is asked first; ids from before AWS
    /// wrote it there name none, or a wrong one.
    fn owner(&self, key: &postern_types::AccessKeyId) -> Result<Target, CliError> {
        let written = key.account();
        let mut order: Vec<AccountId> = self.connections.keys().copied().collect();
        order.sort_by_key(|account| Some(*account) != written);
        let mut unasked: Vec<String> = self.silent.keys().map(|account| self.label(*account)).collect();
        for account in order {
            let Some(connection) = self.connections.get(&account) else { continue };
            match connection.owner_of_key(key) {
                Ok(Some(user)) if self.is_there(account, &user) => return Ok(Target::User(account, user)),
                // AWS gives the account's own name for a key of its root user.
                Ok(Some(_)) => {
                    return Err(CliError::refused(format!(
                        "{key} is a key of the root user of {}, whom nobody can contain from inside",
                        self.label(account)
                    ))
                    .hint("sign in as root and delete the key"));
                }
                Ok(None) => {}
                Err(error) => unasked.push(format!("{} ({error})", self.label(account))),
            }
        }
        let error = CliError::failed(format!("no account that answers knows the key {key}"));
        let error = match written {
            Some(account) if !self.names.contains_key(&account) => {
                error.hint(format!("its id says account {account}, which is not in the estate file"))
            }
            Some(account) => {
                error.hint(format!("its id says {}; the key may be deleted", self.label(account)))
            }
            None => error,
        };
        Err(unasked
            .into_iter()
            .fold(error, |error, account| error.caused_by(format!("not asked: {account}"))))
    }

    fn is_there(&self, account: AccountId, user: &UserName) -> bool {
        self.estate.accounts.get(&account).is_some_and(|found| found.users.contains_key(user))
    }

    /// The user by name, or by id where it was renamed meanwhile; none where it is gone.
    pub(crate) fn user(
        &self,
        account: AccountId,
        name: &UserName,
        id: Option<&PrincipalId>,
    ) -> Result<Option<(UserName, User)>, AwsError> {
        let Some(connection) = self.connections.get(&account) else { return Ok(None) };
        if let Some(user) = connection.user_in_full(name)?
            && id.is_none_or(|id| user.id.as_ref() == Some(id))
        {
            return Ok(Some((name.clone(), user)));
        }
        let Some(id) = id else { return Ok(None) };
        let Some(name) = connection.name_of_user(id)? else { return Ok(None) };
        Ok(connection.user_in_full(&name)?.map(|user| (name, user)))
    }

    /// The user's ARN: as found, else as the file's people have it.
    pub(crate) fn user_arn(&self, account: AccountId, name: &UserName) -> Result<UserArn, CliError> {
        let found = self.estate.accounts.get(&account).and_then(|found| found.users.get(name));
        let path = match found {
            Some(user) => user.path.clone(),
            None => PATH.parse().map_err(|error| CliError::failed("no path").caused_by(error))?,
        };
        Ok(UserArn::new(self.partition(), account, &path, name))
    }

    /// What a user gets into now, by what the accounts answered.
    pub(crate) fn reach_of(&self, user: &UserArn) -> Reach {
        let managed = managed();
        let world = World::new(&self.estate, self.partition(), &managed);
        Reach::of_users(&world, std::slice::from_ref(user))
    }

    /// Every role that a user may have sessions of: by what the accounts answered, certain or not, and by what the
    /// estate file says. The second counts for accounts that do not answer, and for a user who is locked out already.
    pub(crate) fn roles_of(&self, user: &UserArn, now: &Reach) -> BTreeSet<RoleArn> {
        let mut roles = roles_in(now);
        if let Ok(desired) = self.file.desired(&|_| Quotas::default()) {
            let managed = managed();
            let world = World::new(&desired.estate, self.partition(), &managed);
            roles.extend(roles_in(&Reach::of_users(&world, std::slice::from_ref(user))));
        }
        roles
    }

    /// A role, and every role that its sessions get into.
    pub(crate) fn roles_behind(&self, role: &RoleArn) -> BTreeSet<RoleArn> {
        let managed = managed();
        let world = World::new(&self.estate, self.partition(), &managed);
        let mut roles = Reach::from_role(&world, role);
        roles.insert(role.clone());
        roles
    }

    pub(crate) fn role_arn(&self, account: AccountId, name: &RoleName) -> Option<RoleArn> {
        let found = self.estate.accounts.get(&account)?.roles.get(name)?;
        Some(RoleArn::new(self.partition(), account, &found.path, name))
    }

    /// The role by which this run works in each account where it is by one.
    pub(crate) fn own_roles(&self) -> BTreeMap<AccountId, RoleName> {
        let role = |identity: &Identity| {
            let session = identity.arn.resource().strip_prefix("assumed-role/")?;
            session.split('/').next()?.parse().ok()
        };
        let identities = Connection::identities(&self.connections);
        identities.iter().filter_map(|(account, identity)| Some((*account, role(identity)?))).collect()
    }

    /// Refuses to lock out whoever runs this.
    pub(crate) fn refuse_oneself(&self, target: &Target) -> Result<(), CliError> {
        let Target::User(account, name) = target else { return Ok(()) };
        let Some(connection) = self.connections.get(account) else { return Ok(()) };
        let asked = identities(&BTreeMap::from([(*account, connection.clone())]));
        let Some(identity) = asked.into_values().next().transpose()? else { return Ok(()) };
        let parts: Vec<&str> = identity.arn.resource().split('/').collect();
        let oneself = match parts.as_slice() {
            ["user", .., last] => *last == name.as_str(),
            // The way in through the administrators' role carries the person's name, which is that of a user of the
            // bastion.
            ["assumed-role", ADMIN_ROLE, session] => {
                *account == self.file.design.bastion.account.value
                    && session.split('@').next() == Some(name.as_str())
            }
            _ => false,
        };
        if !oneself {
            return Ok(());
        }
        Err(CliError::refused(format!("this run works as {name} itself ({})", identity.arn))
            .hint("enter as another administrator, who is logged in or named by --administrator NAME, or by profiles that are somebody else's"))
    }
}

/// AWS's own managed policies.
pub(crate) fn managed() -> impl Fn(&PolicyArn) -> Option<String> {
    |arn: &PolicyArn| postern_sandbox::aws_managed_policy_text(arn.as_str()).map(str::to_owned)
}

fn roles_in(reach: &Reach) -> BTreeSet<RoleArn> {
    let role = |grant: &Grant| grant.role.clone();
    reach.grants().map(role).chain(reach.unknown().map(|(grant, _)| role(grant))).collect()
}
