//! An estate with its policies read: what callers are made from.

use std::{
    cell::RefCell,
    collections::{BTreeMap, BTreeSet},
    rc::Rc,
};

use postern_estate::{Account, Estate, Organization, OrganizationTarget, PolicyDocument, Role, User};
use postern_policy::Document;
use postern_types::{AccountId, Partition, PolicyArn, RoleArn, UserArn, UserName};

/// A policy that counts and whose document is not known: what depends on it is unknown too.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Missing {
    /// Whose policy it is, or of which role the trust policy: an ARN.
    pub holder: String,
    /// The policy: an ARN, or the name of an inline policy.
    pub policy: String,
    /// Why it is not known.
    pub problem: String,
}

/// The service control policies of one level of the organization, as an account inherits them.
#[derive(Clone, Debug)]
pub struct Guardrail {
    /// The root, organizational unit or account to which the policies are attached.
    pub target: String,
    /// Names and documents.
    pub policies: Vec<(String, PolicyDocument)>,
}

/// The policies above an account, level by level; none where none bind it.
fn guardrails(organization: &Organization, account: AccountId) -> Vec<Guardrail> {
    let Some(member) = organization.accounts.get(&account) else { return Vec::new() };
    if account == organization.management || !organization.scps_enabled {
        return Vec::new();
    }
    let mut path = vec![OrganizationTarget::from(account)];
    let mut above = member.parent.clone();
    while let Some(target) = above.filter(|target| !path.contains(target)) {
        above = organization.units.get(&target).map(|unit| unit.parent.clone());
        path.push(target);
    }
    if !path.contains(&organization.root) {
        path.push(organization.root.clone());
    }
    let level = |target: &OrganizationTarget| {
        let attached = organization.policies.iter().filter(|(_, policy)| policy.targets.contains(target));
        let mut policies: Vec<(String, PolicyDocument)> =
            attached.map(|(name, policy)| (name.clone(), policy.document.clone())).collect();
        if policies.is_empty() {
            return None;
        }
        policies.push(("FullAWSAccess".to_owned(), PolicyDocument::new(FULL_ACCESS)));
        Some(Guardrail { target: target.to_string(), policies })
    };
    path.iter().rev().filter_map(level).collect()
}

/// What AWS attaches to every level.
const FULL_ACCESS: &str =
    r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}"#;

/// A policy, ready to be evaluated.
#[derive(Clone, Debug)]
pub(crate) struct Policy {
    pub(crate) name: Rc<str>,
    pub(crate) arn: Option<Rc<str>>,
    pub(crate) document: Rc<Document>,
}

/// One level of service control policies, ready to be evaluated.
#[derive(Clone, Debug)]
pub(crate) struct Rail {
    pub(crate) target: Rc<str>,
    pub(crate) policies: Vec<Policy>,
}

/// Where the documents of AWS's own managed policies come from.
type Managed<'a> = dyn Fn(&PolicyArn) -> Option<String> + 'a;

/// An estate whose policies can be evaluated.
pub struct World<'a> {
    estate: &'a Estate,
    partition: Partition,
    managed: &'a Managed<'a>,
    rails: BTreeMap<AccountId, Rc<Vec<Rail>>>,
    /// Documents by their text, parsed once; none for those that do not parse.
    documents: RefCell<BTreeMap<String, Option<Rc<Document>>>>,
    by_arn: RefCell<BTreeMap<PolicyArn, Option<Rc<Document>>>>,
    missing: RefCell<BTreeSet<Missing>>,
}

impl<'a> World<'a> {
    /// An estate, in which `managed` gives the documents of AWS's own managed policies.
    #[must_use]
    pub fn new(
        estate: &'a Estate,
        partition: Partition,
        managed: &'a dyn Fn(&PolicyArn) -> Option<String>,
    ) -> Self {
        Self {
            estate,
            partition,
            managed,
            rails: BTreeMap::new(),
            documents: RefCell::default(),
            by_arn: RefCell::default(),
            missing: RefCell::default(),
        }
    }

    /// The same with an account's service control policies, from the organization's root to the account itself.
    #[must_use]
    pub fn guarded(mut self, account: AccountId, path: &[Guardrail]) -> Self {
        let rails = path
            .iter()
            .map(|level| Rail {
                target: level.target.as_str().into(),
                policies: level
                    .policies
                    .iter()
                    .filter_map(|(name, document)| self.policy(&level.target, name, None, document))
                    .collect(),
            })
            .collect();
        self.rails.insert(account, Rc::new(rails));
        self
    }

    /// The same with the service control policies of the estate's organization, as far as it was read.
    ///
    /// What was not read counts as allowing everything: no policy of an organization allows anything by itself, so
    /// the answers are what may be done at most.
    #[must_use]
    pub fn in_its_organization(self) -> Self {
        let Some(organization) = &self.estate.organization else { return self };
        let accounts = self.estate.accounts.keys();
        accounts.fold(self, |world, account| match guardrails(organization, *account) {
            path if path.is_empty() => world,
            path => world.guarded(*account, &path),
        })
    }

    /// The estate.
    #[must_use]
    pub fn estate(&self) -> &'a Estate {
        self.estate
    }

    /// Every user.
    pub fn users(&self) -> impl Iterator<Item = (UserArn, &'a User)> + '_ {
        self.accounts().flat_map(move |(id, account)| {
            account.users.iter().map(move |(name, user)| (self.user_arn(id, name, user), user))
        })
    }

    /// Every role.
    pub fn roles(&self) -> impl Iterator<Item = (RoleArn, &'a Role)> + '_ {
        self.accounts().flat_map(move |(id, account)| {
            account
                .roles
                .iter()
                .map(move |(name, role)| (RoleArn::new(self.partition, id, &role.path, name), role))
        })
    }

    /// The policies that counted so far and are not known.
    #[must_use]
    pub fn missing(&self) -> Vec<Missing> {
        self.missing.borrow().iter().cloned().collect()
    }

    fn accounts(&self) -> impl Iterator<Item = (AccountId, &'a Account)> + '_ {
        self.estate.accounts.iter().map(|(id, account)| (*id, account))
    }

    fn user_arn(&self, account: AccountId, name: &UserName, user: &User) -> UserArn {
        UserArn::new(self.partition, account, &user.path, name)
    }

    pub(crate) fn account(&self, id: AccountId) -> Option<&'a Account> {
        self.estate.accounts.get(&id)
    }

    pub(crate) fn rails(&self, account: AccountId) -> Rc<Vec<Rail>> {
        self.rails.get(&account).cloned().unwrap_or_default()
    }

    /// A role's trust policy; none where it does not parse, which is noted.
    pub(crate) fn trust(&self, arn: &RoleArn, role: &Role) -> Option<Rc<Document>> {
        self.policy(arn.as_str(), "the trust policy", None, &role.trust).map(|policy| policy.document)
    }

    /// A document given by its text; what does not parse is noted as missing.
    pub(crate) fn policy(
        &self,
        holder: &str,
        name: &str,
        arn: Option<&PolicyArn>,
        document: &PolicyDocument,
    ) -> Option<Policy> {
        let known = self.documents.borrow().get(document.text()).cloned();
        let parsed = known.unwrap_or_else(|| {
            let parsed = Document::parse(document.text()).ok().map(Rc::new);
            self.documents.borrow_mut().insert(document.text().to_owned(), parsed.clone());
            parsed
        });
        if parsed.is_none() {
            self.miss(holder, name, "its document does not parse");
        }
        Some(Policy { name: name.into(), arn: arn.map(|arn| arn.as_str().into()), document: parsed? })
    }

    /// A managed policy by its ARN: a customer's from the estate, AWS's own from its published text.
    pub(crate) fn managed(&self, holder: &str, arn: &PolicyArn) -> Option<Policy> {
        let known = self.by_arn.borrow().get(arn).cloned();
        let parsed = known.unwrap_or_else(|| {
            let parsed = self.managed_document(arn);
            self.by_arn.borrow_mut().insert(arn.clone(), parsed.clone());
            parsed
        });
        if parsed.is_none() {
            self.miss(holder, arn.as_str(), "its document is not known");
        }
        Some(Policy { name: arn.name().as_str().into(), arn: Some(arn.as_str().into()), document: parsed? })
    }

    fn managed_document(&self, arn: &PolicyArn) -> Option<Rc<Document>> {
        let text = match arn.account() {
            None => (self.managed)(arn)?,
            Some(account) => {
                let found = self.account(account)?.policies.get(arn.name())?;
                if found.path != *arn.path() {
                    return None;
                }
                found.document.text().to_owned()
            }
        };
        Document::parse(&text).ok().map(Rc::new)
    }

    fn miss(&self, holder: &str, policy: &str, problem: &str) {
        self.missing.borrow_mut().insert(Missing {
            holder: holder.to_owned(),
            policy: policy.to_owned(),
            problem: problem.to_owned(),
        });
    }
}
