//! A first estate file: from what someone answered, or from an account that exists.

use postern_types::{AccountId, GroupName, Partition, Region, RoleName, SessionDuration, UserName};

mod account;

pub use account::ExistingAccount;

use crate::{
    AccountName, Design, DesignError, EstateName, format_estate,
    written::{File, key},
};

/// What a first estate file is to say.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The estate's name.
    pub name: EstateName,
    /// Its region.
    pub region: Region,
    /// The partition of its accounts.
    pub partition: Partition,
    /// Where all services are called instead of AWS.
    pub endpoint_url: Option<String>,
    /// The bastion.
    pub bastion: (AccountId, Option<String>),
    /// The accounts that people work in.
    pub accounts: Vec<DraftAccount>,
    /// Roles.
    pub roles: Vec<DraftRole>,
    /// Groups and what they may assume.
    pub groups: Vec<DraftGroup>,
    /// People.
    pub people: Vec<DraftPerson>,
    /// Who may stand above the cap.
    pub administrators: Vec<UserName>,
    /// What was left out, and why; at the end of the file.
    pub left_out: Vec<String>,
}

/// `[accounts.NAME]`
#[derive(Clone, Debug)]
pub struct DraftAccount {
    /// Its name.
    pub name: AccountName,
    /// Its id.
    pub id: AccountId,
    /// The profile by which the first `apply` gets in; without it, by the role that AWS Organizations makes.
    pub profile: Option<String>,
}

/// `[roles.NAME]`
#[derive(Clone, Debug)]
pub struct DraftRole {
    /// Its name.
    pub name: RoleName,
    /// The account in which it is made; all of them without.
    pub account: Option<AccountName>,
    /// Policies, as the file names them.
    pub policies: Vec<String>,
    /// How long its sessions may last, where that is not an hour.
    pub session: Option<SessionDuration>,
    /// What there is to know.
    pub remarks: Vec<String>,
}

/// `[groups.NAME]`
#[derive(Clone, Debug)]
pub struct DraftGroup {
    /// Its name.
    pub name: GroupName,
    /// `ACCOUNT/ROLE` for each role.
    pub roles: Vec<String>,
    /// What there is to know.
    pub remarks: Vec<String>,
}

/// `[people.NAME]`
#[derive(Clone, Debug)]
pub struct DraftPerson {
    /// The user's name.
    pub name: UserName,
    /// Groups.
    pub groups: Vec<GroupName>,
    /// `ACCOUNT/ROLE` for each role of the person's own.
    pub roles: Vec<String>,
    /// What there is to know.
    pub remarks: Vec<String>,
}

impl Draft {
    /// A draft with the roles that most estates begin with: to work, and to look.
    #[must_use]
    pub fn starting(name: EstateName, region: Region, bastion: (AccountId, Option<String>)) -> Self {
        let partition = match region.as_str() {
            text if text.starts_with("cn-") => Partition::China,
            text if text.starts_with("us-gov-") => Partition::UsGov,
            _ => Partition::Aws,
        };
        Self {
            name,
            region,
            partition,
            endpoint_url: None,
            bastion,
            accounts: Vec::new(),
            roles: Vec::new(),
            groups: Vec::new(),
            people: Vec::new(),
            administrators: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// Adds the roles `developer` and `readonly` in every account, a group for each, and these people as
    /// developers.
    #[must_use]
    pub fn with_usual_roles(mut self, people: Vec<UserName>) -> Self {
        for (role, policy, group, grants) in [
            ("developer", "PowerUserAccess", "developers", &["*/developer", "*/readonly"][..]),
            ("readonly", "ReadOnlyAccess", "readers", &["*/readonly"][..]),
        ] {
            // Fixed names, which parse.
            let (Ok(role), Ok(group)) = (role.parse(), group.parse()) else { continue };
            self.roles.push(DraftRole {
                name: role,
                account: None,
                policies: vec![policy.to_owned()],
                session: None,
                remarks: Vec::new(),
            });
            let roles = grants.iter().map(|grant| (*grant).to_owned()).collect();
            self.groups.push(DraftGroup { name: group, roles, remarks: Vec::new() });
        }
        let groups: Vec<GroupName> =
            self.groups.first().map(|group| group.name.clone()).into_iter().collect();
        self.people.extend(people.into_iter().map(|name| DraftPerson {
            name,
            groups: groups.clone(),
            roles: Vec::new(),
            remarks: Vec::new(),
        }));
        self
    }

    /// The file, in its canonical form.
    ///
    /// # Errors
    /// What the parser says against it, so that no file is written that postern would then refuse.
    pub fn text(&self) -> Result<String, Vec<DesignError>> {
        let text = self.written();
        Design::parse(&text)?;
        // The canonical form says the same; where it cannot be had, this one serves.
        Ok(format_estate(&text).unwrap_or(text))
    }

    fn written(&self) -> String {
        let mut file = File::default();
        file.remark("The estate: what should stand in the accounts. `postern plan` shows what is missing there, `postern apply` makes it.");
        file.remark("docs/estate-file.md has every key; `postern estate check` and `postern estate fmt` look after this file.");
        file.line("");
        file.line("version = 1");
        file.text("name", self.name.as_str());
        file.text("region", self.region.as_str());
        if self.partition != Partition::Aws {
            file.text("partition", self.partition.as_str());
        }
        if let Some(url) = &self.endpoint_url {
            file.text("endpoint_url", url);
        }
        self.bastion(&mut file);
        self.accounts(&mut file);
        self.administrators(&mut file);
        self.roles(&mut file);
        self.people(&mut file);
        if !self.left_out.is_empty() {
            file.line("");
            file.remark("Not taken over:");
            for remark in &self.left_out {
                file.remark(&format!("- {remark}"));
            }
        }
        file.into_text()
    }

    fn bastion(&self, file: &mut File) {
        let (account, profile) = &self.bastion;
        file.section("People sign in to this account, and do nothing in it but assume roles.", &[]);
        file.line("[bastion]");
        file.text("account", &account.to_string());
        match profile {
            Some(profile) => {
                file.remark("An administrator's profile in ~/.aws, for the first `apply`.");
                file.text("profile", profile);
            }
            None => {
                file.remark(
                    "The first `apply` takes the environment's AWS_ACCESS_KEY_ID; or name a profile:",
                );
                file.remark("profile = \"bastion-admin\"");
            }
        }
        file.remark("People may look after their own keys and MFA devices, with MFA.");
        file.remark("self_service = true");
    }

    fn accounts(&self, file: &mut File) {
        if self.accounts.is_empty() {
            file.line("");
            file.remark("The accounts that people work in:");
            for line in ["[accounts.prod]", "id = \"222222222222\"", "profile = \"prod-admin\""] {
                file.remark(line);
            }
            return;
        }
        file.section("The accounts that people work in, and how the first `apply` gets into each.", &[]);
        for account in &self.accounts {
            file.line(&format!("[accounts.{}]", key(account.name.as_str())));
            file.text("id", &account.id.to_string());
            match &account.profile {
                Some(profile) => file.text("profile", profile),
                None => file.text("via", "OrganizationAccountAccessRole"),
            }
        }
    }

    fn administrators(&self, file: &mut File) {
        file.section("Who may assume `postern-admin`, with a code less than an hour old.", &[]);
        file.line("[administrators]");
        if self.administrators.is_empty() {
            file.remark("Name at least two of [people], else only the first credentials get in.");
        }
        file.list("people", self.administrators.iter().map(UserName::as_str));
        file.line("");
        file.remark("For the day on which nobody else gets in: two people, their devices sealed.");
        for line in ["[break_glass]", "people = [\"vault-one\", \"vault-two\"]", "accounts = \"*\""] {
            file.remark(line);
        }
    }

    fn roles(&self, file: &mut File) {
        for (n, role) in self.roles.iter().enumerate() {
            if n == 0 {
                file.section(
                    "What people work as. Each role is bounded: none of them can write to IAM.",
                    &role.remarks,
                );
            }
            file.remarks(&role.remarks);
            file.line(&format!("[roles.{}]", key(role.name.as_str())));
            match &role.account {
                Some(account) => file.list("accounts", [account.as_str()]),
                None => file.text("accounts", "*"),
            }
            file.list("policies", role.policies.iter().map(String::as_str));
            if let Some(session) = role.session {
                file.text("session", &session.to_string());
            }
        }
        for (n, group) in self.groups.iter().enumerate() {
            if n == 0 {
                file.section("Who may assume what.", &group.remarks);
            }
            file.remarks(&group.remarks);
            file.line(&format!("[groups.{}]", key(group.name.as_str())));
            file.list("roles", group.roles.iter().map(String::as_str));
        }
    }

    fn people(&self, file: &mut File) {
        if self.people.is_empty() {
            file.line("");
            file.remark("People, each a user in the bastion:");
            file.remark("[people.alice]");
            file.remark("groups = [\"developers\"]");
            return;
        }
        let of_first = self.people.first().map_or(&[][..], |person| &person.remarks);
        file.section("`postern people enrol NAME` gives each of them an MFA device and a key.", of_first);
        for person in &self.people {
            file.remarks(&person.remarks);
            file.line(&format!("[people.{}]", key(person.name.as_str())));
            file.list("groups", person.groups.iter().map(GroupName::as_str));
            if !person.roles.is_empty() {
                file.list("roles", person.roles.iter().map(String::as_str));
            }
        }
    }
}
