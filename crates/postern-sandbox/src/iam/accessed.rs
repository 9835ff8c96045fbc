//! What users, groups, roles and policies were last used for: the reports behind "Last Accessed".
//!
//! What counts as allowed is what an `Allow` of the permission policies names. AWS says that boundaries, service
//! control policies and resource policies do not count, and does not say that a `Deny` would take a service off
//! the list; so none does here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicBool;

use postern_policy::{
    Document, Effect, Statement,
    catalogue::{Catalogue, Service},
};
use postern_types::{PrincipalId, SignedDuration, Timestamp};

use super::common::{self, Managed};
use crate::{
    ServiceError,
    model::{AccessJob, Accessed, Account, Attempt, EntityReport, PolicyText, Role, ServiceReport, User},
    operation::{Authorized, Call, Entry, Needs, Operation, Reply, entry},
    page::Paging,
    wire::{Decoder, Rule, Xml, rules},
    world::uuid,
};

mod tracked;

pub(super) const OPERATIONS: &[Entry] = &[
    entry::<GenerateServiceLastAccessedDetails>(),
    entry::<GetServiceLastAccessedDetails>(),
    entry::<GetServiceLastAccessedDetailsWithEntities>(),
];

/// AWS tells of at least this time.
const TRACKED: SignedDuration = SignedDuration::from_hours(24 * 400);

const JOB_ID: Rule = Rule::text(36, 36);
const NAMESPACE: Rule = Rule::pattern(1, 64, r"[\w-]*", |text| {
    text.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '_' | '-'))
});

/// `GenerateServiceLastAccessedDetails`
struct GenerateServiceLastAccessedDetails {
    arn: String,
    by_action: bool,
}

impl Operation for GenerateServiceLastAccessedDetails {
    const NAME: &'static str = "GenerateServiceLastAccessedDetails";

    fn decode(d: &mut Decoder<'_>) -> Self {
        let granularity = d.optional_word("Granularity", &["SERVICE_LEVEL", "ACTION_LEVEL"]);
        Self { arn: d.required("Arn", &rules::ARN), by_action: granularity == Some("ACTION_LEVEL") }
    }

    fn needs(&self, _call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on(self.arn.as_str()))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let asked_by = call.caller.user_id();
        let now = call.now;
        let (account, rng) = call.account_and_rng();
        let subject = Subject::find(account, &op.arn)?;
        let job = report(&subject, asked_by, op.by_action, now);
        let id = uuid(rng);
        account.access_jobs.add(id.clone(), job);
        Ok(Reply::result(|xml| xml.text("JobId", id)))
    }
}

/// What a report is about: the policies that count, and who can use them.
struct Subject<'a> {
    policies: Vec<&'a Document>,
    entities: Vec<(EntityReport, &'a Accessed)>,
}

impl<'a> Subject<'a> {
    /// The user, group, role or policy of this ARN.
    fn find(account: &'a Account, arn: &str) -> Result<Self, ServiceError> {
        let invalid = || ServiceError::invalid_input(format!("ARN {arn} is not valid."));
        let parsed: postern_types::Arn = arn.parse().map_err(|_| invalid())?;
        let (kind, rest) = parsed.resource().split_once('/').ok_or_else(invalid)?;
        let name = rest.rsplit('/').next().unwrap_or(rest);
        // The words of `GetRole` and its like, as observed on AWS. A path that is not the entity's names nobody.
        match kind {
            _ if parsed.service() != "iam" => Err(invalid()),
            "user" => {
                let user = account.users.get(name).filter(|user| account.user_arn(user) == arn);
                Ok(Self::of_user(account, user.ok_or_else(|| common::user_missing(name))?))
            }
            "role" => {
                let role = common::find_role(account, name)?;
                let role = Some(role).filter(|role| account.role_arn(role) == arn);
                Ok(Self::of_role(account, role.ok_or_else(|| common::missing("role", name))?))
            }
            "group" => {
                let group = common::find_group(account, name)?;
                let group = Some(group).filter(|group| account.group_arn(group) == arn);
                let group = group.ok_or_else(|| common::missing("group", name))?;
                let members = account.members(&group.id).map(|user| of_user(account, user));
                let policies = documents(account, &group.inline, &group.attached);
                Ok(Self { policies: policies.collect(), entities: members.collect() })
            }
            "policy" => Self::of_policy(account, arn),
            _ => Err(invalid()),
        }
    }

    fn of_user(account: &'a Account, user: &'a User) -> Self {
        let own = documents(account, &user.inline, &user.attached);
        let groups = account.groups_of(user).into_iter();
        let policies = own.chain(groups.flat_map(|group| documents(account, &group.inline, &group.attached)));
        Self { policies: policies.collect(), entities: vec![of_user(account, user)] }
    }

    fn of_role(account: &'a Account, role: &'a Role) -> Self {
        let policies = documents(account, &role.inline, &role.attached).collect();
        Self { policies, entities: vec![of_role(account, role)] }
    }

    /// The users and roles that have the policy attached, users by their groups, too.
    fn of_policy(account: &'a Account, arn: &str) -> Result<Self, ServiceError> {
        let policy = Managed::find(account, arn).ok_or_else(|| common::policy_not_found(arn))?;
        let has = |attached: &BTreeSet<String>| attached.contains(arn);
        let users = account.users.iter().filter(|user| {
            has(&user.attached) || account.groups_of(user).iter().any(|group| has(&group.attached))
        });
        let roles = account.roles.iter().filter(|role| has(&role.attached));
        let entities =
            users.map(|user| of_user(account, user)).chain(roles.map(|role| of_role(account, role)));
        Ok(Self { policies: policy.document().into_iter().collect(), entities: entities.collect() })
    }
}

fn documents<'a>(
    account: &'a Account,
    inline: &'a BTreeMap<String, PolicyText>,
    attached: &'a BTreeSet<String>,
) -> impl Iterator<Item = &'a Document> {
    let attached = attached.iter().filter_map(|arn| Managed::find(account, arn)?.document());
    inline.values().map(|policy| &*policy.document).chain(attached)
}

fn of_user<'a>(account: &Account, user: &'a User) -> (EntityReport, &'a Accessed) {
    (entity("USER", account.user_arn(user), &user.name, &user.path, &user.id), &user.accessed)
}

fn of_role<'a>(account: &Account, role: &'a Role) -> (EntityReport, &'a Accessed) {
    (entity("ROLE", account.role_arn(role), &role.name, &role.path, &role.id), &role.accessed)
}

fn entity(kind: &'static str, arn: String, name: &str, path: &str, id: &PrincipalId) -> EntityReport {
    EntityReport {
        arn,
        name: name.to_owned(),
        path: path.to_owned(),
        id: id.clone(),
        kind,
        tried: BTreeMap::new(),
    }
}

fn report(subject: &Subject<'_>, asked_by: String, by_action: bool, now: Timestamp) -> AccessJob {
    let allows: Vec<&Statement> = subject
        .policies
        .iter()
        .flat_map(|policy| policy.statements())
        .filter(|statement| statement.effect() == Effect::Allow)
        .collect();
    let since = now.checked_sub(TRACKED).unwrap_or(Timestamp::MIN);
    let services = Catalogue::embedded().services().iter();
    let services = services
        .filter(|service| allows.iter().any(|statement| tracked::allows_any_of(statement, service)))
        .map(|service| of_service(subject, service, by_action.then_some(&allows), since))
        .collect();
    let entities = subject.entities.iter().map(|(entity, accessed)| {
        let tried = accessed.0.iter().filter(|(_, access)| access.last.at >= since);
        EntityReport {
            arn: entity.arn.clone(),
            name: entity.name.clone(),
            path: entity.path.clone(),
            id: entity.id.clone(),
            kind: entity.kind,
            tried: tried.map(|(service, access)| (service.clone(), access.last.at)).collect(),
        }
    });
    AccessJob {
        asked_by,
        created: now,
        by_action,
        services,
        entities: entities.collect(),
        announced: AtomicBool::new(false),
    }
}

/// One service; with the statements, its tracked actions, too.
fn of_service(
    subject: &Subject<'_>,
    service: &'static Service,
    by_action: Option<&Vec<&Statement>>,
    since: Timestamp,
) -> ServiceReport {
    let tried: Vec<_> = subject
        .entities
        .iter()
        .filter_map(|(entity, accessed)| Some((entity, accessed.0.get(service.prefix())?)))
        .filter(|(_, access)| access.last.at >= since)
        .collect();
    let actions = by_action.map(|allows| {
        let tracked = tracked::actions(service)
            .filter(|(_, whole)| allows.iter().any(|statement| statement.actions().matches(whole)));
        let tracked = tracked.map(|(name, _)| {
            let attempts =
                tried.iter().filter_map(|(entity, access)| Some((*entity, access.actions.get(name)?)));
            (name, latest(attempts, since))
        });
        tracked.collect::<Vec<_>>()
    });
    ServiceReport {
        namespace: service.prefix(),
        name: service.name(),
        entities: tried.len(),
        last: latest(tried.iter().map(|(entity, access)| (*entity, &access.last)), since),
        // AWS leaves the list out where nothing in it was used.
        actions: actions.filter(|all| all.iter().any(|(_, last)| last.is_some())).unwrap_or_default(),
    }
}

/// The last of these attempts, and whose it was.
fn latest<'a>(
    attempts: impl Iterator<Item = (&'a EntityReport, &'a Attempt)>,
    since: Timestamp,
) -> Option<(Attempt, String)> {
    let last = attempts.filter(|(_, attempt)| attempt.at >= since).max_by_key(|(_, attempt)| attempt.at);
    last.map(|(entity, attempt)| (attempt.clone(), entity.arn.clone()))
}

/// The report of this id, if the caller asked for it.
fn find_job(call: &Call<'_>, id: &str) -> Result<std::sync::Arc<AccessJob>, ServiceError> {
    let job = call.account().access_jobs.get(id, call.now);
    // Our words: AWS's are not known.
    job.filter(|job| job.asked_by == call.caller.user_id())
        .ok_or_else(|| ServiceError::no_such_entity(format!("The job with id {id} cannot be found.")))
}

/// Status and dates, which all answers begin with. False while there is nothing more to say.
fn write_status(xml: &mut Xml, job: &AccessJob, done: bool) {
    xml.text("JobStatus", if done { "COMPLETED" } else { "IN_PROGRESS" });
    xml.time("JobCreationDate", job.created);
    if done {
        xml.time("JobCompletionDate", job.created);
    }
}

/// `GetServiceLastAccessedDetails`
struct GetServiceLastAccessedDetails {
    job_id: String,
    paging: Paging,
}

impl Operation for GetServiceLastAccessedDetails {
    const NAME: &'static str = "GetServiceLastAccessedDetails";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { job_id: d.required("JobId", &JOB_ID), paging: Paging::decode(d) }
    }

    fn needs(&self, _call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on("*"))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let job = find_job(call, &op.job_id)?;
        let done = job.is_done();
        let services = job.services.iter().filter(|_| done);
        let services = services.map(|service| (service.namespace.to_owned(), service));
        let page = op.paging.cut(call, Self::NAME, services)?;
        Ok(Reply::result(|xml| {
            write_status(xml, &job, done);
            xml.text("JobType", if job.by_action { "ACTION_LEVEL" } else { "SERVICE_LEVEL" });
            page.write(xml, "ServicesLastAccessed", |xml, service| write_service(xml, service));
        }))
    }
}

fn write_service(xml: &mut Xml, service: &ServiceReport) {
    xml.text("ServiceName", service.name);
    xml.text("ServiceNamespace", service.namespace);
    if let Some((attempt, entity)) = &service.last {
        xml.time("LastAuthenticated", attempt.at);
        xml.text("LastAuthenticatedEntity", entity);
        xml.text("LastAuthenticatedRegion", &attempt.region);
    }
    xml.text("TotalAuthenticatedEntities", service.entities);
    if service.actions.is_empty() {
        return;
    }
    xml.list("TrackedActionsLastAccessed", &service.actions, |xml, (name, last)| {
        xml.text("ActionName", name);
        if let Some((attempt, entity)) = last {
            xml.text("LastAccessedEntity", entity);
            xml.time("LastAccessedTime", attempt.at);
            xml.text("LastAccessedRegion", &attempt.region);
        }
    });
}

/// `GetServiceLastAccessedDetailsWithEntities`: who could have used the policies on one service.
struct GetServiceLastAccessedDetailsWithEntities {
    job_id: String,
    namespace: String,
    paging: Paging,
}

impl Operation for GetServiceLastAccessedDetailsWithEntities {
    const NAME: &'static str = "GetServiceLastAccessedDetailsWithEntities";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            job_id: d.required("JobId", &JOB_ID),
            namespace: d.required("ServiceNamespace", &NAMESPACE),
            paging: Paging::decode(d),
        }
    }

    fn needs(&self, _call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on("*"))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let job = find_job(call, &op.job_id)?;
        let done = job.is_done();
        let is_allowed = job.services.iter().any(|service| service.namespace == op.namespace);
        let entities = job.entities.iter().filter(|_| done && is_allowed);
        let mut entities: Vec<_> =
            entities.map(|entity| (entity, entity.tried.get(&op.namespace).copied())).collect();
        // The most recent first; those who never tried last, for none is less than some.
        entities.sort_by_key(|(_, last)| std::cmp::Reverse(*last));
        let keyed = entities.into_iter().enumerate().map(|(at, entity)| (format!("{at:06}"), entity));
        let page = op.paging.cut(call, Self::NAME, keyed)?;
        Ok(Reply::result(|xml| {
            write_status(xml, &job, done);
            page.write(xml, "EntityDetailsList", |xml, (entity, last)| {
                xml.element("EntityInfo", |xml| {
                    xml.text("Arn", &entity.arn);
                    xml.text("Name", &entity.name);
                    xml.text("Type", entity.kind);
                    xml.text("Id", &entity.id);
                    xml.text("Path", &entity.path);
                });
                if let Some(last) = last {
                    xml.time("LastAuthenticated", *last);
                }
            });
        }))
    }
}
