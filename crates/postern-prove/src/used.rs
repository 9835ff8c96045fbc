//! What someone used, held against what roles let them do: what a change leaves people of what they work with.

use std::{cell::RefCell, collections::BTreeMap};

use postern_estate::migrate::ServiceUse;
use postern_policy::{
    Deciding, Effect, Layer, Request,
    catalogue::{self, Catalogue},
    classes::{self, Budget},
    evaluate,
};
use postern_types::{Region, Timestamp};

use crate::{
    caller::Caller,
    search::{Answer, Question},
};

/// Calls that need no permission, or that only people's own sessions make: what is lost of them is no loss.
const ASIDE: [&str; 3] = ["sts:GetCallerIdentity", "sts:GetSessionToken", "sts:GetAccessKeyInfo"];

/// Whether a caller may do something, in some request: conditions that it could meet count as met.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum May {
    /// On no resource.
    No,
    /// On some resources only, or it cannot be told.
    Perhaps,
    /// On any resource that the policies tell apart.
    Yes,
}

/// A caller and what it was asked before.
pub struct Doer {
    caller: Caller,
    region: Region,
    /// One resource of each class that the caller's policies tell apart; none where there are too many.
    resources: Option<Vec<String>>,
    known: RefCell<BTreeMap<String, May>>,
}

/// What keeps a caller from an action.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Stop {
    /// The policy by name; none where no policy at all allows the action.
    pub policy: Option<String>,
    /// The statement in it: its `Sid`, else its number from 1; none where no statement of the policy allows it.
    pub statement: Option<String>,
    /// Whether the statement denies; else the policy does not allow the action.
    pub denies: bool,
    /// Whether the policy is a boundary.
    pub is_boundary: bool,
}

/// An action that was used, and that no role lets one do any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lost {
    /// With its service: `iam:CreateUser`.
    pub action: String,
    /// Whether administrators still may.
    pub as_administrator: bool,
    /// What stops each of the roles.
    pub stops: Vec<Stop>,
}

/// What is left of a service that someone used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceOutlook {
    /// `s3`
    pub namespace: String,
    /// `Amazon S3`
    pub name: String,
    /// When it was used last.
    pub last: Timestamp,
    /// Whether the actions that were used are known one by one; else those count that could be used.
    pub is_tracked: bool,
    /// How many actions could be done before.
    pub could: usize,
    /// How many of them the roles allow.
    pub can: usize,
    /// How many more on some resources only, or perhaps.
    pub perhaps: usize,
    /// How many of the rest an administrator may do.
    pub as_administrator: usize,
    /// Used actions that no role allows; empty where they are not known one by one.
    pub lost: Vec<Lost>,
}

/// One word for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// No role allows any of it, nor may an administrator.
    No,
    /// Some of it.
    Partly,
    /// All of it, but some as an administrator only.
    AsAdministrator,
    /// All of it.
    Yes,
}

impl ServiceOutlook {
    /// One word for it.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        if self.can == self.could {
            Verdict::Yes
        } else if self.can + self.as_administrator == self.could {
            Verdict::AsAdministrator
        } else if self.can + self.perhaps + self.as_administrator == 0 {
            Verdict::No
        } else {
            Verdict::Partly
        }
    }
}

impl Doer {
    /// Someone to be asked often. Where an action's resource names a region, it is this one.
    #[must_use]
    pub fn new(caller: Caller, region: Region) -> Self {
        let resources = caller.resources();
        Self { caller, region, resources, known: RefCell::default() }
    }

    /// The caller.
    #[must_use]
    pub const fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Whether the caller may do an action, in some request.
    #[must_use]
    pub fn may(&self, action: &str) -> May {
        let folded = action.to_ascii_lowercase();
        if let Some(known) = self.known.borrow().get(&folded) {
            return *known;
        }
        let may = self.asked(action);
        self.known.borrow_mut().insert(folded, may);
        may
    }

    fn asked(&self, action: &str) -> May {
        let usual = self.usual_resource(action);
        let may = |resource: &str| {
            let answer = Question { caller: &self.caller, action, resource, trust: None }.answer();
            match answer {
                Answer::Allowed(_) => May::Yes,
                Answer::Unknown(_) => May::Perhaps,
                Answer::Never => May::No,
            }
        };
        let first = may(&usual);
        let Some(resources) = &self.resources else { return May::Perhaps };
        // What is said about other services' resources does not narrow the action.
        let of_kind = |resource: &&String| service_of(resource) == service_of(&usual);
        let others = resources.iter().filter(of_kind).map(|resource| may(resource));
        match first {
            May::No => best(resources.iter().map(|resource| may(resource))).min(May::Perhaps),
            first => others
                .chain([first])
                .fold(May::Yes, |all, one| if one == May::Yes { all } else { May::Perhaps }),
        }
    }

    /// A resource that the action is done on, and that no policy has reason to name.
    fn usual_resource(&self, action: &str) -> String {
        let types = Catalogue::embedded().action(action).map(|(_, action)| action.resource_types());
        let types = types.unwrap_or_default();
        match types.iter().find(|used| used.required()).or(types.first()) {
            Some(used) => self.example(used.resource_type()),
            None => "*".to_owned(),
        }
    }

    fn example(&self, of: &catalogue::ResourceType) -> String {
        let (partition, account) = self.caller.place();
        let mut text = String::new();
        let mut rest = of.arn();
        while let Some((before, after)) = rest.split_once("${") {
            let (name, after) = after.split_once('}').unwrap_or((after, ""));
            text.push_str(before);
            text.push_str(match name {
                "Partition" => partition.as_str(),
                "Account" => account.as_str(),
                "Region" => self.region.as_str(),
                _ => "postern-example",
            });
            rest = after;
        }
        text + rest
    }

    /// What keeps the caller from an action that it may not do.
    #[must_use]
    pub fn stop(&self, action: &str) -> Stop {
        let context = self.caller.fixed();
        let resource = self.usual_resource(action);
        let request = Request {
            principal: &self.caller.principal,
            action,
            resource: &resource,
            resource_account: self.caller.principal.account(),
            context: &context,
        };
        let deciding = self.caller.with_stack(None, |stack| {
            let deciding = evaluate(&request, stack).deciding;
            match deciding {
                Deciding::Statement(place) => {
                    let policy = place.policy(stack).map(|policy| policy.name.to_owned());
                    (Some((place.layer, policy, Some(place.statement))), None)
                }
                Deciding::Silent { layer, .. } => (None, Some(layer)),
                _ => (None, None),
            }
        });
        match deciding {
            (Some((layer, policy, statement)), _) => Stop {
                statement: statement.and_then(|number| self.statement(policy.as_deref()?, number)),
                policy,
                denies: true,
                is_boundary: layer == Layer::Boundary,
            },
            (None, layer) => self.silence(action, layer),
        }
    }

    /// A policy that allows much, but not this: the one in whose `NotAction` the action stands.
    fn silence(&self, action: &str, layer: Option<Layer>) -> Stop {
        let is_boundary = layer == Some(Layer::Boundary);
        let policies = if is_boundary { &self.caller.boundary } else { &self.caller.own };
        let excepted = policies.iter().find_map(|policy| {
            let number = policy.document.statements().iter().position(|statement| {
                statement.effect() == Effect::Allow
                    && statement.actions().is_negated()
                    && !statement.actions().matches(action)
            });
            number.map(|number| (policy, number))
        });
        let only = match policies.as_slice() {
            [only] => Some(only),
            _ => None,
        };
        let policy = excepted.map(|(policy, _)| policy).or(only);
        Stop {
            policy: policy.map(|policy| policy.name.to_string()),
            statement: excepted.and_then(|(policy, number)| self.statement(&policy.name, number)),
            denies: false,
            is_boundary,
        }
    }

    fn statement(&self, policy: &str, number: usize) -> Option<String> {
        let policy = self.caller.policies().find(|known| &*known.name == policy)?;
        let sid = policy.document.statements().get(number)?.sid();
        Some(sid.map_or_else(|| format!("statement {}", number + 1), str::to_owned))
    }
}

impl Caller {
    /// One resource of each class that the policies tell apart.
    pub(crate) fn resources(&self) -> Option<Vec<String>> {
        let fixed = self.fixed();
        let elements: Vec<_> = self
            .policies()
            .flat_map(|policy| {
                let version = policy.document.version();
                policy.document.statements().iter().map(move |statement| (version, statement.resources()))
            })
            .filter_map(|(version, resources)| Some((version, resources?)))
            .collect();
        let classes = classes::resources(&elements, &fixed, &mut Budget::default()).ok()?;
        Some(classes.into_iter().map(|class| class.sample).collect())
    }

    /// Partition and account.
    fn place(&self) -> (String, String) {
        let arn = self.fixed().get("aws:principalarn").single().unwrap_or_default().to_owned();
        let part = |number: usize| arn.split(':').nth(number).unwrap_or_default().to_owned();
        (part(1), part(4))
    }
}

/// Someone before, and the roles after.
pub struct Change<'a> {
    /// The user, by each credential that counts.
    pub before: &'a [Doer],
    /// The roles that they work with from then on.
    pub after: &'a [&'a Doer],
    /// The administrators' role, for those who may enter it.
    pub administrator: Option<&'a Doer>,
}

impl Change<'_> {
    /// What is left of a service; none where it was not used, or could not be.
    #[must_use]
    pub fn outlook(&self, used: &ServiceUse) -> Option<ServiceOutlook> {
        let last = used.last?;
        let whole = |action: &str| format!("{}:{action}", used.namespace);
        let tracked: Vec<String> =
            used.actions.iter().filter(|action| action.last.is_some()).map(|a| whole(&a.action)).collect();
        let is_tracked = !tracked.is_empty();
        let actions = if is_tracked { tracked } else { all_of(&used.namespace) };
        let mut outlook = ServiceOutlook {
            namespace: used.namespace.clone(),
            name: used.name.clone(),
            last,
            is_tracked,
            could: 0,
            can: 0,
            perhaps: 0,
            as_administrator: 0,
            lost: Vec::new(),
        };
        for action in actions {
            self.count(action, &mut outlook);
        }
        (outlook.could > 0).then_some(outlook)
    }

    fn count(&self, action: String, outlook: &mut ServiceOutlook) {
        let aside = ASIDE.iter().any(|aside| aside.eq_ignore_ascii_case(&action));
        let before = best(self.before.iter().map(|doer| doer.may(&action)));
        if aside || before == May::No {
            return;
        }
        outlook.could += 1;
        let as_administrator = || self.administrator.is_some_and(|doer| doer.may(&action) == May::Yes);
        match best(self.after.iter().map(|doer| doer.may(&action))) {
            May::Yes => outlook.can += 1,
            May::Perhaps => outlook.perhaps += 1,
            May::No => {
                let as_administrator = as_administrator();
                outlook.as_administrator += usize::from(as_administrator);
                if outlook.is_tracked {
                    let mut stops: Vec<Stop> = self.after.iter().map(|doer| doer.stop(&action)).collect();
                    stops.sort();
                    stops.dedup();
                    outlook.lost.push(Lost { action, as_administrator, stops });
                }
            }
        }
    }
}

fn best(answers: impl Iterator<Item = May>) -> May {
    answers.max().unwrap_or(May::No)
}

/// `s3` of `arn:aws:s3:::bucket`; nothing of `*`.
fn service_of(resource: &str) -> Option<&str> {
    resource.split(':').nth(2)
}

/// Every action of a service. Of one that is not known yet, an action that stands for any.
fn all_of(namespace: &str) -> Vec<String> {
    match Catalogue::embedded().service(namespace) {
        Some(service) => {
            service.actions().iter().map(|action| format!("{namespace}:{}", action.name())).collect()
        }
        None => vec![format!("{namespace}:Any")],
    }
}
