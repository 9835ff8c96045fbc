//! From an account that exists to a draft: who is a person, who may assume what, who administers.
//!
//! What someone may do is asked of the evaluator, as a session with MFA. Nothing of the account is changed or
//! taken away: the draft's roles stand beside what is there, under `/postern/`.

mod own;

use std::collections::{BTreeMap, BTreeSet};

use postern_policy::{Context, Document, PolicyRef, PolicyStack, Principal, Request, cap, evaluate};
use postern_types::{AccountId, GroupName, Partition, PolicyArn, RoleArn, RoleName, UserArn, UserName};

use super::{Draft, DraftAccount, DraftGroup, DraftPerson, DraftRole};
use crate::{
    ADMINISTRATORS_GROUP, Account, AccountName, BREAK_GLASS_GROUP, Group, MANAGED_TAG, PATH,
    PERSON_GROUP_PREFIX, PolicyDocument, Role, SELF_SERVICE_GROUP, User, documents,
    migrate::{Guess, Judgement},
};

/// An account and what is known of it.
pub struct ExistingAccount<'a> {
    /// Its name in the draft.
    pub name: AccountName,
    /// Its id.
    pub id: AccountId,
    /// The profile by which it is entered.
    pub profile: Option<String>,
    /// What stands in it.
    pub found: &'a Account,
    /// The documents of AWS's own policies.
    pub documents: &'a dyn Fn(&PolicyArn) -> Option<String>,
    /// What each of its users is taken for.
    pub who: &'a dyn Fn(&UserName, &User) -> Judgement,
}

/// Any one of these makes whoever may do it to anyone an administrator.
const ADMINISTERS: [&str; 4] =
    ["iam:AttachUserPolicy", "iam:PutUserPolicy", "iam:PutRolePolicy", "iam:CreatePolicyVersion"];

/// A user with its documents.
struct Candidate<'a> {
    name: &'a UserName,
    user: &'a User,
    principal: Principal,
    arn: UserArn,
    own: Vec<Document>,
    of_groups: Vec<Document>,
    boundary: Option<Document>,
    /// Why it may be no person after all.
    doubt: Option<String>,
}

impl ExistingAccount<'_> {
    /// Adds to a draft what is found here. Where the draft's bastion is this account, its users become people,
    /// and its roles are left out: nobody works in a bastion.
    #[must_use]
    pub fn draft_into(&self, mut draft: Draft) -> Draft {
        let is_bastion = draft.bastion.0 == self.id;
        let people = self.people(&mut draft);
        let mut made = Made { is_bastion, ..Made::default() };
        if is_bastion {
            draft.left_out.extend(self.users_in_the_way(&people));
            draft.left_out.extend(self.assumed_elsewhere());
        } else {
            draft.accounts.push(DraftAccount {
                name: self.name.clone(),
                id: self.id,
                profile: self.profile.clone(),
            });
            self.roles_of_groups(&people, &mut draft, &mut made);
            self.assumable_roles(&people, &mut draft, &mut made);
            self.roles_of_own_policies(&people, &mut draft, &mut made);
            self.daily_role(&people, &mut draft, &mut made);
        }
        for candidate in &people {
            if self.administers(candidate) || made.administrators.contains(candidate.name) {
                draft.administrators.push(candidate.name.clone());
            }
            let person = self.person(candidate, &draft, &made);
            draft.people.push(person);
        }
        if let Some(count) = self.other_roles() {
            draft
                .left_out
                .push(format!("{count} that services, providers and AWS itself use: they stay as they are"));
        }
        draft
    }

    fn people(&self, draft: &mut Draft) -> Vec<Candidate<'_>> {
        let mut people = Vec::new();
        for (name, user) in &self.found.users {
            let judgement = (self.who)(name, user);
            let why = judgement.reasons.join("; ");
            draft.left_out.push(match judgement.guess {
                Guess::Person => {
                    let doubt = (!judgement.is_sure).then_some(why);
                    people.push(self.candidate(draft.partition, name, user, doubt));
                    continue;
                }
                Guess::Machine(_) => format!(
                    "user {name}: a program, it seems, which is better served by a role of its own: {why}"
                ),
                Guess::Unused | Guess::Keep => format!("user {name}: {why}"),
            });
        }
        people
    }

    fn candidate<'a>(
        &'a self,
        partition: Partition,
        name: &'a UserName,
        user: &'a User,
        doubt: Option<String>,
    ) -> Candidate<'a> {
        let arn = UserArn::new(partition, self.id, &user.path, name);
        let groups = user.groups.iter().filter_map(|group| self.found.groups.get(group));
        Candidate {
            name,
            user,
            principal: Principal::User { arn: arn.clone(), id: None },
            arn,
            own: self.documents_of(&user.inline, &user.attached),
            of_groups: groups.flat_map(|group| self.documents_of(&group.inline, &group.attached)).collect(),
            boundary: user.boundary.as_ref().and_then(|boundary| self.document(boundary)),
            doubt,
        }
    }

    fn documents_of<'d>(
        &self,
        inline: &BTreeMap<postern_types::PolicyName, PolicyDocument>,
        attached: impl IntoIterator<Item = &'d PolicyArn>,
    ) -> Vec<Document> {
        let inline = inline.values().filter_map(|document| Document::parse(document.text()).ok());
        inline.chain(attached.into_iter().filter_map(|arn| self.document(arn))).collect()
    }

    /// A managed policy's document, as far as it is known.
    fn document(&self, arn: &PolicyArn) -> Option<Document> {
        let text = match arn.account() {
            None => (self.documents)(arn)?,
            Some(_) => self.found.policies.get(arn.name())?.document.text().to_owned(),
        };
        Document::parse(&text).ok()
    }

    /// Whether a person may do something, with MFA.
    fn may(&self, person: &Candidate<'_>, action: &str, resource: &str, trust: Option<&Document>) -> bool {
        let context = Context::new()
            .with("aws:MultiFactorAuthPresent", "true")
            .with("aws:MultiFactorAuthAge", "60")
            .with("aws:username", person.name.as_str())
            .with("aws:PrincipalArn", person.arn.as_str());
        let request = Request {
            principal: &person.principal,
            action,
            resource,
            resource_account: Some(self.id),
            context: &context,
        };
        let (own, groups) = (refs(&person.own), refs(&person.of_groups));
        let boundary = refs(person.boundary.as_slice());
        let stack = PolicyStack {
            identity: &own,
            groups: &groups,
            boundary: &boundary,
            resource: trust.map(nameless),
            ..PolicyStack::default()
        };
        evaluate(&request, &stack).is_allowed()
    }

    fn administers(&self, person: &Candidate<'_>) -> bool {
        ADMINISTERS.iter().any(|action| {
            ["user/someone", "role/someone", "policy/something"].iter().any(|object| {
                let partition = person.arn.as_arn().partition();
                self.may(person, action, &format!("arn:{partition}:iam::{}:{object}", self.id), None)
            })
        })
    }

    /// A group that grants something by policies becomes a role, and a group that may assume it.
    fn roles_of_groups(&self, people: &[Candidate<'_>], draft: &mut Draft, made: &mut Made) {
        for (name, group) in &self.found.groups {
            let members: Vec<&UserName> =
                people.iter().filter(|p| p.user.groups.contains(name)).map(|p| p.name).collect();
            if members.is_empty() {
                draft.left_out.push(format!("group {name}: no person is a member"));
                continue;
            }
            if self.writes_to_iam(&self.documents_of(&group.inline, &group.attached)) {
                made.administrators.extend(members.into_iter().cloned());
                draft.left_out.push(format!(
                    "group {name}: it grants writing to IAM, so its members are drafted as administrators"
                ));
                continue;
            }
            let Some(role) = self.role_of_group(name, group, made) else {
                draft
                    .left_out
                    .push(format!("group {name}: it grants nothing but what stands elsewhere in this file"));
                continue;
            };
            if is_ours(name.as_str()) {
                draft.left_out.push(format!("group {name}: the name is postern's own"));
                continue;
            }
            draft.groups.push(DraftGroup {
                name: name.clone(),
                roles: vec![format!("{}/{}", self.name, role.name)],
                remarks: Vec::new(),
            });
            made.groups.insert(name.clone());
            made.taken.insert(role.name.as_str().to_ascii_lowercase());
            draft.roles.push(role);
        }
    }

    fn role_of_group(&self, name: &GroupName, group: &Group, made: &Made) -> Option<DraftRole> {
        if group.attached.is_empty() {
            return None;
        }
        let role = self.free_name(name.as_str(), made)?;
        let mut remarks = vec![format!("What the group {name} granted its members directly.")];
        remarks.extend(group.inline.keys().map(|policy| inline_left_out(policy.as_str())));
        let policies = self.policies(&group.attached, &mut remarks);
        let draft =
            DraftRole { name: role, account: Some(self.name.clone()), policies, session: None, remarks };
        Some(draft)
    }

    /// Roles of this account that people of it may assume.
    fn assumable_roles(&self, people: &[Candidate<'_>], draft: &mut Draft, made: &mut Made) {
        for (name, role) in self.found.roles.iter().filter(|(_, role)| is_for_principals(role)) {
            let Ok(trust) = Document::parse(role.trust.text()) else {
                draft.left_out.push(format!("role {name}: its trust policy cannot be read"));
                continue;
            };
            let arn = RoleArn::new(draft.partition, self.id, &role.path, name);
            let able: Vec<&Candidate<'_>> = people
                .iter()
                .filter(|person| self.may(person, "sts:AssumeRole", arn.as_str(), Some(&trust)))
                .collect();
            let writes = self.writes_to_iam(&self.documents_of(&role.inline, &role.attached));
            if able.is_empty() {
                let also = if writes {
                    format!(
                        ", and it can write to IAM: if it is to stay, name {arn} in `also` of [administrators]"
                    )
                } else {
                    String::new()
                };
                draft.left_out.push(format!("role {name}: no person of this account may assume it{also}"));
                continue;
            }
            if writes {
                let people: Vec<&str> = able.iter().map(|person| person.name.as_str()).collect();
                draft.left_out.push(format!(
                    "role {name}: it grants writing to IAM, so those who may assume it are drafted as administrators: {}",
                    people.join(", ")
                ));
                made.administrators.extend(able.iter().map(|person| person.name.clone()));
                continue;
            }
            let Some(new) = self.free_name(name.as_str(), made) else {
                draft.left_out.push(format!("role {name}: there is no free name for one beside it"));
                continue;
            };
            made.taken.insert(new.as_str().to_ascii_lowercase());
            for person in able {
                made.roles.entry(person.name.clone()).or_default().push(format!("{}/{new}", self.name));
            }
            draft.roles.push(self.role_beside(name, new, role));
        }
    }

    fn role_beside(&self, old: &RoleName, new: RoleName, role: &Role) -> DraftRole {
        let mut remarks = Vec::new();
        if new != *old {
            remarks.push(format!("Stands beside the role {old}, which stays until you delete it."));
        }
        remarks.extend(role.inline.keys().map(|policy| inline_left_out(policy.as_str())));
        let policies = self.policies(&role.attached, &mut remarks);
        DraftRole {
            name: new,
            account: Some(self.name.clone()),
            policies,
            session: role.max_session.filter(|session| *session != postern_types::SessionDuration::HOUR),
            remarks,
        }
    }

    /// The attached policies as the file names them; one of AWS's that is not known here could not be judged.
    fn policies(&self, attached: &BTreeSet<PolicyArn>, remarks: &mut Vec<String>) -> Vec<String> {
        let known = |arn: &&PolicyArn| arn.account().is_some() || (self.documents)(arn).is_some();
        let unknown = attached.iter().filter(|arn| !known(arn));
        remarks.extend(unknown.map(|arn| {
            format!("AWS's policy {} is left out: it is not known to this version of postern.", arn.name())
        }));
        attached.iter().filter(known).map(policy_name).collect()
    }

    /// The name itself where nothing has it in this account, else one beside it: names are unique ignoring case.
    fn free_name(&self, name: &str, made: &Made) -> Option<RoleName> {
        let free = |wanted: &str| {
            let ours = |role: &Role| role.path.as_str() == PATH && role.tags.contains_key(MANAGED_TAG);
            let taken =
                self.found.roles.iter().any(|(n, r)| n.as_str().eq_ignore_ascii_case(wanted) && !ours(r));
            !taken && !made.taken.contains(&wanted.to_ascii_lowercase()) && !is_own_role(wanted)
        };
        [name.to_owned(), format!("{name}-people"), format!("{name}-people-2")]
            .into_iter()
            .find(|wanted| free(wanted))?
            .parse()
            .ok()
    }

    fn writes_to_iam(&self, documents: &[Document]) -> bool {
        let Ok(limit) = Document::parse(documents::no_iam_write().text()) else { return true };
        documents.iter().any(|document| !cap::exceeding(document, &limit).is_empty())
    }

    fn person(&self, candidate: &Candidate<'_>, draft: &Draft, made: &Made) -> DraftPerson {
        let mut remarks = Vec::new();
        let attached = candidate.user.attached.iter().filter(|_| !made.own.contains(candidate.name));
        let own: Vec<String> = (attached.map(policy_name))
            .chain(candidate.user.inline.keys().map(ToString::to_string))
            .collect();
        if !own.is_empty() && !made.is_bastion {
            let own = own.join(", ");
            remarks.push(if draft.administrators.contains(candidate.name) {
                format!("Had policies of their own ({own}); an administrator enters `postern-admin` instead.")
            } else {
                format!(
                    "Had policies of their own, which a person does not get here; make a role of what is needed: {own}"
                )
            });
        }
        if let Some(doubt) = &candidate.doubt {
            remarks.push(format!("A guess, it may be a program: {doubt}."));
        }
        let groups =
            candidate.user.groups.iter().filter(|group| made.groups.contains(group)).cloned().collect();
        let mut roles = made.roles.get(candidate.name).cloned().unwrap_or_default();
        // What a group gives already need not be given again.
        let by_group = |role: &String| {
            draft.groups.iter().any(|g| candidate.user.groups.contains(&g.name) && g.roles.contains(role))
        };
        roles.retain(|role| !by_group(role));
        DraftPerson { name: candidate.name.clone(), groups, roles, remarks }
    }

    /// IAM's names are unique in an account: people cannot be made where users of their names are.
    fn users_in_the_way(&self, people: &[Candidate<'_>]) -> Option<String> {
        let names: Vec<&str> = people
            .iter()
            .filter(|person| person.user.path.as_str() != PATH || !person.user.tags.contains_key(MANAGED_TAG))
            .map(|person| person.name.as_str())
            .collect();
        (!names.is_empty()).then(|| {
            format!(
                "the users themselves: `plan` will stop at {}, since postern makes users of its own and IAM takes each \
                 name once; better take an account of its own as the bastion (`--bastion`), where nothing is in the way",
                names.join(", ")
            )
        })
    }

    /// Roles of other accounts that policies here name.
    fn assumed_elsewhere(&self) -> Option<String> {
        let users = self.found.users.values().flat_map(|user| user.inline.values());
        let groups = self.found.groups.values().flat_map(|group| group.inline.values());
        let policies = self.found.policies.values().map(|policy| &policy.document);
        let mut roles: BTreeSet<String> = BTreeSet::new();
        for document in users.chain(groups).chain(policies) {
            for word in document.text().split('"') {
                if let Ok(arn) = word.parse::<RoleArn>()
                    && arn.account() != self.id
                {
                    roles.insert(arn.to_string());
                }
            }
        }
        let roles: Vec<String> = roles.into_iter().collect();
        (!roles.is_empty()).then(|| {
            format!(
                "roles elsewhere that policies here name; add their accounts, and what each role grants: {}",
                roles.join(", ")
            )
        })
    }

    fn other_roles(&self) -> Option<String> {
        match self.found.roles.values().filter(|role| !is_for_principals(role)).count() {
            0 => None,
            1 => Some("1 role".to_owned()),
            n => Some(format!("{n} roles")),
        }
    }
}

fn refs(documents: &[Document]) -> Vec<PolicyRef<'_>> {
    documents.iter().map(nameless).collect()
}

const fn nameless(document: &Document) -> PolicyRef<'_> {
    PolicyRef { name: "", arn: None, document }
}

/// What was made so far.
#[derive(Default)]
struct Made {
    is_bastion: bool,
    /// Names of roles, in lower case.
    taken: BTreeSet<String>,
    groups: BTreeSet<GroupName>,
    administrators: BTreeSet<UserName>,
    /// Roles of people's own.
    roles: BTreeMap<UserName, Vec<String>>,
    /// People whose attached policies became a role.
    own: BTreeSet<UserName>,
}

/// Whether a role's trust names users, roles or accounts, and it is not one of AWS's own making.
fn is_for_principals(role: &Role) -> bool {
    let path = role.path.as_str();
    !path.starts_with("/aws-service-role/")
        && !path.starts_with("/aws-reserved/")
        && role.trust.text().contains("\"AWS\"")
}

fn is_own_role(name: &str) -> bool {
    [crate::ADMIN_ROLE, crate::BREAK_GLASS_ROLE].iter().any(|own| own.eq_ignore_ascii_case(name))
}

fn is_ours(group: &str) -> bool {
    let lower = group.to_ascii_lowercase();
    [ADMINISTRATORS_GROUP, BREAK_GLASS_GROUP, SELF_SERVICE_GROUP].contains(&lower.as_str())
        || lower.starts_with(PERSON_GROUP_PREFIX)
}

/// A policy as the file names it: AWS's own by name behind their path, a customer's by ARN.
fn policy_name(arn: &PolicyArn) -> String {
    match arn.account() {
        Some(_) => arn.to_string(),
        None => format!("{}{}", arn.path().as_str().trim_start_matches('/'), arn.name()),
    }
}

fn inline_left_out(policy: &str) -> String {
    format!(
        "Its inline policy {policy} is left out: save it beside this file and add {{ file = \"{policy}.json\" }}."
    )
}
