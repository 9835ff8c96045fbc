//! Everyone whom the policies can tell from others, and what AWS says of them in the context.

use std::collections::{BTreeSet, HashSet};

use postern_types::AccountId;

use super::pair::{Pair, Versioned};
use crate::{
    Condition, Context, ContextValue, Document, FederatedBy, Principal, PrincipalPattern, PrincipalType,
    classes::{
        Budget, Dimension, GaveUp, Spent,
        automaton::{Automaton, Shape, Token, Visit},
        glob, values,
    },
};

/// More than these are not told apart.
const MOST: usize = 2_000;

const ARN: &str = "aws:principalarn";
const ACCOUNT: &str = "aws:principalaccount";
const TYPE: &str = "aws:principaltype";
const USER_ID: &str = "aws:userid";
const USERNAME: &str = "aws:username";
const IS_SERVICE: &str = "aws:principalisawsservice";
const SERVICE_NAME: &str = "aws:principalservicename";
const SERVICE_NAMES: &str = "aws:principalservicenameslist";

/// Someone who may ask.
#[derive(Clone, Debug)]
pub(super) struct Caller {
    pub(super) principal: Principal,
    pub(super) origin: Origin,
    /// Whether it stands for others, too, that have other names.
    pub(super) stands_for_more: bool,
    keys: Vec<(&'static str, Tie)>,
}

/// How a caller came to be one of those who are tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Origin {
    /// A policy names it.
    Named,
    /// One of an account that a policy names, which no policy names itself.
    Member,
    /// No policy names it, nor its account.
    Stranger,
    /// Someone with an ARN or account that a condition tells from others.
    Told,
}

/// What a key that AWS fills in from the caller can be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Tie {
    /// One of these.
    Values(Vec<ContextValue>),
    /// Anything, but not absent.
    Present,
}

impl Caller {
    /// What a key, in lower case, can be for this caller; none where it can be anything.
    pub(super) fn tie(&self, key: &str) -> Option<&Tie> {
        self.keys.iter().find(|(own, _)| *own == key).map(|(_, tie)| tie)
    }

    fn new(principal: Principal, origin: Origin, stranger: &str) -> Self {
        let keys = ties(&principal, origin, stranger);
        let stands_for_more = matches!(origin, Origin::Member | Origin::Stranger | Origin::Told);
        Self { principal, origin, stands_for_more, keys }
    }
}

/// The values of the keys that depend on the caller (*IAM User Guide*, AWS global condition context keys:
/// Properties of the principal).
///
/// What is not told for sure stays free, so that nothing is taken for the same that is not.
fn ties(principal: &Principal, origin: Origin, stranger: &str) -> Vec<(&'static str, Tie)> {
    let one = |text: String| Tie::Values(vec![ContextValue::from(text)]);
    let absent = || Tie::Values(vec![ContextValue::Absent]);
    let or_absent = |text: &str| Tie::Values(vec![ContextValue::Absent, ContextValue::from(text)]);
    let mut keys = Vec::new();
    // The ARN of someone who is named by a unique id is not known.
    let by_id = match principal {
        Principal::User { id, .. } | Principal::RoleSession { id, .. } => id.is_some(),
        _ => false,
    };
    if let (Some(account), false) = (principal.account(), by_id) {
        keys.push((ACCOUNT, one(account.to_string())));
    }
    if principal.account().is_some() {
        keys.push((IS_SERVICE, one("false".to_owned())));
        keys.extend([(SERVICE_NAME, absent()), (SERVICE_NAMES, absent())]);
    }
    match principal {
        Principal::Root { account } => {
            keys.push((ARN, one(format!("arn:aws:iam::{account}:root"))));
            keys.extend([(TYPE, one("Account".to_owned())), (USER_ID, one(account.to_string()))]);
            keys.push((USERNAME, absent()));
        }
        Principal::User { arn, id } => {
            keys.push((TYPE, one("User".to_owned())));
            if let Some(id) = id {
                keys.push((USER_ID, one(id.to_string())));
                keys.push((USERNAME, Tie::Present));
            } else {
                keys.push((ARN, one(arn.to_string())));
                let named = origin == Origin::Named;
                keys.push((USERNAME, if named { one(arn.name().to_string()) } else { Tie::Present }));
            }
        }
        Principal::RoleSession { role, .. } => {
            keys.extend([(TYPE, one("AssumedRole".to_owned())), (USERNAME, absent())]);
            if !by_id {
                keys.push((ARN, one(role.to_string())));
            }
        }
        Principal::FederatedUser { arn, .. } => {
            keys.extend([(TYPE, one("FederatedUser".to_owned())), (USERNAME, absent())]);
            keys.push((ARN, one(arn.to_string())));
        }
        Principal::Service { name } => {
            // What a service calls from belongs to AWS, if it is told at all.
            keys.push((ARN, or_absent(&format!("arn:aws:iam::{stranger}:role/service"))));
            keys.push((ACCOUNT, or_absent(stranger)));
            keys.extend([(IS_SERVICE, one("true".to_owned())), (USERNAME, absent())]);
            keys.push((SERVICE_NAME, one(name.to_string())));
        }
        Principal::WebIdentity { .. } | Principal::Anonymous => {
            keys.extend([ARN, USERNAME, IS_SERVICE, SERVICE_NAME, SERVICE_NAMES].map(|key| (key, absent())));
            keys.push((ACCOUNT, or_absent("anonymous")));
            if *principal == Principal::Anonymous {
                keys.extend([(TYPE, one("Anonymous".to_owned())), (USER_ID, or_absent("anonymous"))]);
            }
        }
    }
    keys
}

/// Those whom the policies name, others of the same accounts, strangers of every kind, and those whom a
/// condition tells from others by what AWS fills in. None at all where it makes no difference who asks.
pub(super) fn callers(pair: &Pair<'_>, budget: &mut Budget) -> Result<Vec<Caller>, GaveUp> {
    let gave_up = || GaveUp(Dimension::Principal);
    let asks = |keys: &[&str]| -> Vec<&Versioned<'_, Condition>> {
        let own = pair.conditions.iter().filter(|condition| keys.contains(&condition.element.folded_key()));
        own.filter(|condition| condition.variables.is_empty()).collect()
    };
    let deciding = [ARN, ACCOUNT, TYPE, USER_ID, IS_SERVICE, SERVICE_NAME, SERVICE_NAMES];
    if !pair.named && asks(&deciding).is_empty() {
        return Ok(Vec::new());
    }
    let texts = Texts::new(pair);
    let mut list = named(pair, &texts);
    // Bounds of numbers are not looked for among accounts.
    let is_text = |condition: &&Versioned<'_, Condition>| {
        let name = condition.element.operator().comparison.as_str();
        name.starts_with("String") || name == "Null"
    };
    let account_is_text = asks(&[ACCOUNT]).iter().all(is_text);
    if !asks(&[ARN, ACCOUNT]).is_empty() {
        told(&texts, &asks(&[ARN]), &asks(&[ACCOUNT]), &mut list, budget).map_err(|Spent| gave_up())?;
    }
    // Where a variable is in play, the key is left free: what it stands for is chosen before the caller is.
    let has_variable = |key: &str| {
        let mut own = pair.conditions.iter().filter(|condition| condition.element.folded_key() == key);
        pair.variables.contains(key) || own.any(|condition| !condition.variables.is_empty())
    };
    let is_free = |key: &str| has_variable(key) || (key == ACCOUNT && !account_is_text);
    list.iter_mut().for_each(|caller| caller.keys.retain(|(key, _)| !is_free(key)));
    // Root users and those without an account have no policies of their own.
    list.retain(|caller| {
        pair.named
            || (caller.principal.account().is_some() && !matches!(caller.principal, Principal::Root { .. }))
    });
    // Root users and federated users make poor examples: much is closed to them, whatever policies say.
    list.sort_by_key(|caller| match caller.principal {
        Principal::Root { .. } => 2,
        Principal::FederatedUser { .. } => 1,
        _ => 0,
    });
    if list.len() > MOST { Err(gave_up()) } else { Ok(list) }
}

/// What the policies write about principals.
struct Texts<'a> {
    patterns: Vec<&'a PrincipalPattern>,
    /// Their accounts.
    accounts: Vec<AccountId>,
    /// One that is not.
    stranger: String,
    /// Partitions whose principals are named; `aws` where there are none.
    partitions: BTreeSet<String>,
}

impl<'a> Texts<'a> {
    fn new(pair: &Pair<'a>) -> Self {
        let patterns =
            || [pair.a, pair.b].into_iter().flat_map(Document::principals).map(|(_, pattern)| pattern);
        let mut seen = BTreeSet::new();
        let mut list: Vec<_> = patterns().filter(|p| seen.insert((p.kind().as_str(), p.text()))).collect();
        list.sort_by_key(|pattern| (pattern.kind().as_str(), pattern.text()));
        let of = |pattern: &&PrincipalPattern| {
            pattern.account().or_else(|| Principal::from_arn(pattern.text()).and_then(|p| p.account()))
        };
        let accounts: BTreeSet<AccountId> = list.iter().filter_map(of).collect();
        let by_key = |key: &'static str| {
            let own = pair.conditions.iter().filter(move |condition| condition.element.folded_key() == key);
            own.flat_map(|condition| condition.element.values()).map(|value| value.text())
        };
        let said: Vec<&str> =
            list.iter().map(|p| p.text()).chain(by_key(ARN)).chain(by_key(ACCOUNT)).collect();
        let unsaid = |id: &&&str| !said.iter().any(|text| text.contains(**id));
        let strangers = ["123456789012", "210987654321", "345678901234", "456789012345"];
        let strangers: &[&str] =
            if pair.named { &strangers } else { &["111111111111", "123456789012", "210987654321"] };
        let partition = |text: &&str| {
            let partition = text.strip_prefix("arn:")?.split(':').next()?;
            (partition.starts_with("aws") && !partition.contains(['*', '?'])).then(|| partition.to_owned())
        };
        let mut partitions: BTreeSet<String> = said.iter().filter_map(partition).collect();
        if partitions.is_empty() {
            partitions.insert("aws".to_owned());
        }
        Self {
            accounts: accounts.into_iter().collect(),
            stranger: strangers.iter().find(unsaid).map_or("987650123456", |id| *id).to_owned(),
            patterns: list,
            partitions,
        }
    }
}

fn named(pair: &Pair<'_>, texts: &Texts<'_>) -> Vec<Caller> {
    let caller = |origin: Origin| move |principal| Caller::new(principal, origin, &texts.stranger);
    let (mut list, mut related): (Vec<Caller>, Vec<Caller>) = (Vec::new(), Vec::new());
    let accounts = || texts.accounts.iter().map(ToString::to_string).chain([texts.stranger.clone()]);
    for pattern in &texts.patterns {
        let text = pattern.text();
        match pattern.kind() {
            _ if text == "*" => {}
            PrincipalType::Aws if pattern.is_unique_id() => {
                // Where a user or role with this id is cannot be told.
                let found = accounts().filter_map(|account| by_id(&account, text));
                list.extend(found.map(caller(Origin::Named)));
            }
            PrincipalType::Aws => {
                if let Some(principal) = Principal::from_arn(text).filter(|_| pattern.account().is_none()) {
                    related.extend(relatives(&principal).map(caller(Origin::Named)));
                    list.push(caller(Origin::Named)(principal));
                }
            }
            PrincipalType::Service => {
                list.push(caller(Origin::Named)(Principal::Service { name: text.into() }));
            }
            PrincipalType::Federated => {
                list.push(caller(Origin::Named)(Principal::WebIdentity { provider: text.into() }));
            }
            // Whose a canonical user is cannot be told from a request.
            PrincipalType::CanonicalUser => {}
        }
    }
    list.append(&mut related);
    let unused = |name: &str| !texts.patterns.iter().any(|pattern| pattern.text().contains(name));
    let name =
        ["alice", "someone", "other-1f9c"].into_iter().find(|name| unused(name)).unwrap_or("nobody-1f9c");
    let partition = texts.partitions.first().map_or("aws", |partition| partition);
    for account in accounts() {
        let origin = if account == texts.stranger { Origin::Stranger } else { Origin::Member };
        for resource in
            ["user/", "role/"].map(|kind| format!("{kind}{name}")).iter().chain([&"root".to_owned()])
        {
            let arn = format!("arn:{partition}:iam::{account}:{resource}");
            list.extend(Principal::from_arn(&arn).map(caller(origin)));
        }
        let arn = format!("arn:{partition}:sts::{account}:federated-user/{name}");
        list.extend(Principal::from_arn(&arn).map(caller(origin)));
    }
    if pair.named {
        list.push(caller(Origin::Stranger)(Principal::Service { name: "example.amazonaws.com".into() }));
        list.push(caller(Origin::Stranger)(Principal::WebIdentity {
            provider: "accounts.example.com".into(),
        }));
        list.push(caller(Origin::Stranger)(Principal::Anonymous));
    }
    list
}

/// One caller for each class of ARNs that principals and conditions together tell apart.
fn told(
    texts: &Texts<'_>,
    by_arn: &[&Versioned<'_, Condition>],
    by_account: &[&Versioned<'_, Condition>],
    list: &mut Vec<Caller>,
    budget: &mut Budget,
) -> Result<(), Spent> {
    let mut automaton = Automaton::new(Shape::Caller);
    let nothing = Context::new();
    for condition in by_arn {
        values::add_texts(&mut automaton, condition.version, condition.element, &nothing);
    }
    for condition in by_account {
        for value in condition.element.values() {
            automaton.add(glob::text_glob(value.text(), true, false, None).map(|glob| of_account(&glob)));
        }
    }
    let plain = |text: &str| text.chars().map(Token::Char).collect::<Vec<_>>();
    for account in &texts.accounts {
        automaton.add([of_account(&plain(&account.to_string()))]);
    }
    // A session's ARN does not tell the path of its role.
    let mut sessions: Vec<(Principal, AccountId, String)> = Vec::new();
    for pattern in &texts.patterns {
        match Principal::from_arn(pattern.text()) {
            Some(Principal::RoleSession { role, session, id }) => {
                let name = role.name().to_string();
                let end = |front: &str| format!("arn:*:iam::{}:role/{front}{name}", role.account());
                let globs = [end(""), end("*/")];
                automaton.add(globs.iter().filter_map(|text| glob::text_glob(text, true, false, None)));
                automaton.add([plain(role.as_str())]);
                if pattern.text().contains(":assumed-role/") {
                    let account = role.account();
                    sessions.push((Principal::RoleSession { role, session, id }, account, name));
                }
            }
            Some(_) => {
                automaton.add([plain(pattern.text())]);
            }
            None => {}
        }
    }
    let known: HashSet<String> = list.iter().filter_map(|caller| arn(&caller.principal)).collect();
    let mut met = HashSet::new();
    let mut found = Vec::new();
    automaton.explore(budget, |view| {
        if view.is_whole {
            let text = view.text();
            let kind =
                text.split(':').nth(5).and_then(|resource| resource.split('/').next()).map(str::to_owned);
            let mut parts = text.split(':');
            let is_here = parts.nth(1).is_some_and(|partition| texts.partitions.contains(partition));
            let key = (kind, view.held());
            if is_here
                && !met.contains(&key)
                && let Some(principal) = Principal::from_arn(&natural(&automaton, text, &key.1))
            {
                met.insert(key);
                found.push(principal);
            }
        }
        if found.len() > MOST { Visit::Stop } else { Visit::Go }
    })?;
    for principal in found {
        if let Principal::RoleSession { role, .. } = &principal {
            for (session, account, name) in &sessions {
                let Principal::RoleSession { session, id, .. } = session else { continue };
                if role.account() == *account && *role.name().as_str() == **name {
                    let principal = Principal::RoleSession {
                        role: role.clone(),
                        session: session.clone(),
                        id: id.clone(),
                    };
                    list.push(Caller::new(principal, Origin::Named, &texts.stranger));
                }
            }
        }
        if arn(&principal).is_some_and(|arn| !known.contains(&arn)) {
            let mut caller = Caller::new(principal, Origin::Told, &texts.stranger);
            let text = arn(&caller.principal).unwrap_or_default();
            let literal = |condition: &&Versioned<'_, Condition>| {
                condition.element.values().iter().any(|value| value.text() == text)
            };
            if !text.contains(['*', '?']) && by_arn.iter().any(literal) {
                // There is no other with this ARN.
                caller.stands_for_more = false;
                if let Principal::User { arn, .. } = &caller.principal {
                    let name = Tie::Values(vec![ContextValue::from(arn.name().as_str())]);
                    caller.keys.retain(|(key, _)| *key != USERNAME);
                    caller.keys.push((USERNAME, name));
                }
            }
            list.push(caller);
        }
    }
    Ok(())
}

/// The same ARN with a name that people give, where the sample's own is a single letter and nothing tells the two apart.
fn natural(automaton: &Automaton, sample: String, held: &[u32]) -> String {
    let resource = sample.split(':').nth(5).unwrap_or_default();
    let name = if resource.starts_with("role/") { "developer" } else { "alice" };
    match sample.rsplit_once('/') {
        Some((front, own)) if own.len() == 1 => {
            let named = format!("{front}/{name}");
            if automaton.held(&named) == held { named } else { sample }
        }
        _ => sample,
    }
}

/// The ARNs of an account given as a glob.
fn of_account(account: &[Token]) -> Vec<Token> {
    let part = |token: &Token| match token {
        Token::Many => Token::ManyPart,
        Token::One => Token::OnePart,
        other => *other,
    };
    let mut glob: Vec<Token> = "arn:".chars().map(Token::Char).collect();
    for _ in 0..2 {
        glob.extend([Token::ManyPart, Token::Char(':')]);
    }
    glob.push(Token::Char(':'));
    glob.extend(account.iter().map(part));
    glob.extend([Token::Char(':'), Token::Many]);
    glob
}

/// `aws:PrincipalArn`, where it is known.
pub(super) fn arn(principal: &Principal) -> Option<String> {
    match principal {
        Principal::Root { account } => Some(format!("arn:aws:iam::{account}:root")),
        Principal::User { arn, .. } => Some(arn.to_string()),
        Principal::RoleSession { role, .. } => Some(role.to_string()),
        Principal::FederatedUser { arn, .. } => Some(arn.to_string()),
        _ => None,
    }
}

/// The user or the session of the role with a unique id.
fn by_id(account: &str, id: &str) -> Option<Principal> {
    let id: postern_types::PrincipalId = id.parse().ok()?;
    let of = |resource: &str| Principal::from_arn(&format!("arn:aws:iam::{account}:{resource}"));
    match (of("user/by-id")?, of("role/by-id")?) {
        (Principal::User { arn, .. }, _) if id.as_str().starts_with("AIDA") => {
            Some(Principal::User { arn, id: Some(id) })
        }
        (_, Principal::RoleSession { role, session, .. }) => {
            Some(Principal::RoleSession { role, id: Some(id), session })
        }
        _ => None,
    }
}

/// Who is named along with a principal: another session of its role, a federated user behind whom it is.
fn relatives(principal: &Principal) -> Option<Principal> {
    match principal {
        Principal::User { arn, .. } => {
            let session = format!("arn:aws:sts::{}:federated-user/{}", arn.account(), arn.name());
            let account = arn.account();
            let by = FederatedBy::User(arn.clone());
            Some(Principal::FederatedUser { arn: session.parse().ok()?, account, by })
        }
        Principal::RoleSession { role, .. } => Principal::from_arn(role.as_str()),
        _ => None,
    }
}
