//! An organization: its tree of accounts, and the service control policies on it.
//!
//! Other policy types are not built: SCPs are the ones that decide what members may do.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::LazyLock,
};

use postern_policy::{Document, PolicyRef};
use postern_types::{AccountId, Partition, Rng, Timestamp};

use super::{PolicyText, Tag};

/// The id and the name of the policy that AWS attaches everywhere at first.
pub(crate) const FULL_ACCESS: (&str, &str) = ("p-FullAWSAccess", "FullAWSAccess");
/// Its ARN.
pub(crate) const FULL_ACCESS_ARN: &str =
    "arn:aws:organizations::aws:policy/service_control_policy/p-FullAWSAccess";
/// Its text, as `DescribePolicy` gives it.
pub(crate) const FULL_ACCESS_TEXT: &str = "{\n  \"Version\": \"2012-10-17\",\n  \"Statement\": [\n    {\n      \
     \"Effect\": \"Allow\",\n      \"Action\": \"*\",\n      \"Resource\": \"*\"\n    }\n  ]\n}";

static FULL_ACCESS_DOCUMENT: LazyLock<Document> = LazyLock::new(|| match Document::parse(FULL_ACCESS_TEXT) {
    Ok(document) => document,
    Err(_) => unreachable!("the text of FullAWSAccess"),
});

/// An organization of AWS Organizations.
pub(crate) struct Organization {
    /// `o-…`
    pub(crate) id: String,
    pub(crate) partition: Partition,
    /// The account that SCPs do not bind.
    pub(crate) management: AccountId,
    /// False for consolidated billing only, which has no policies.
    pub(crate) all_features: bool,
    /// `r-…`
    pub(crate) root: String,
    /// Whether the policy type is enabled in the root.
    pub(crate) scps_enabled: bool,
    /// Organizational units by id, `ou-…`.
    pub(crate) units: BTreeMap<String, Unit>,
    /// All accounts, the management account too.
    pub(crate) members: BTreeMap<AccountId, Member>,
    /// The organization's own SCPs by id, `p-…`.
    pub(crate) policies: BTreeMap<String, Scp>,
    /// Ids of attached policies by target: root, unit or account.
    pub(crate) attached: BTreeMap<String, BTreeSet<String>>,
    /// Tags by the id of what carries them.
    pub(crate) tags: BTreeMap<String, Vec<Tag>>,
}

/// An organizational unit.
pub(crate) struct Unit {
    pub(crate) name: String,
    /// The root or another unit.
    pub(crate) parent: String,
}

/// An account in an organization.
pub(crate) struct Member {
    /// The root or a unit.
    pub(crate) parent: String,
    pub(crate) joined: Timestamp,
}

/// A service control policy of the organization's own.
pub(crate) struct Scp {
    pub(crate) arn: String,
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) policy: PolicyText,
}

impl Organization {
    /// An organization of its management account alone, all features on, no policy type enabled: what
    /// `CreateOrganization` makes.
    pub(crate) fn new(
        partition: Partition,
        management: AccountId,
        now: Timestamp,
        rng: &mut dyn Rng,
    ) -> Self {
        let mut organization = Self {
            id: format!("o-{}", token(10, rng)),
            partition,
            management,
            all_features: true,
            root: format!("r-{}", token(4, rng)),
            scps_enabled: false,
            units: BTreeMap::new(),
            members: BTreeMap::new(),
            policies: BTreeMap::new(),
            attached: BTreeMap::new(),
            tags: BTreeMap::new(),
        };
        organization.join(management, now);
        organization
    }

    /// `arn:aws:organizations::MANAGEMENT:KIND/o-…` and the rest.
    pub(crate) fn arn(&self, kind: &str, rest: &str) -> String {
        let Self { partition, management, id, .. } = self;
        let slash = if rest.is_empty() { "" } else { "/" };
        format!("arn:{partition}:organizations::{management}:{kind}/{id}{slash}{rest}")
    }

    /// The ARN of whatever has this id, whether it exists or not.
    pub(crate) fn arn_of(&self, id: &str) -> String {
        match id.split_once('-').map(|(kind, _)| kind) {
            Some("r") => self.arn("root", id),
            Some("ou") => self.arn("ou", id),
            Some("p") if id == FULL_ACCESS.0 => FULL_ACCESS_ARN.to_owned(),
            Some("p") => self.arn("policy", &format!("service_control_policy/{id}")),
            _ => self.arn("account", id),
        }
    }

    /// Puts an account under the root.
    pub(crate) fn join(&mut self, account: AccountId, now: Timestamp) {
        let member = Member { parent: self.root.clone(), joined: now };
        self.members.insert(account, member);
        self.attach_default(account.to_string());
    }

    /// Takes an account out, with what was attached to it.
    pub(crate) fn part(&mut self, account: AccountId) {
        self.members.remove(&account);
        self.forget(&account.to_string());
    }

    /// What was attached to and tagged on something that goes.
    pub(crate) fn forget(&mut self, id: &str) {
        self.attached.remove(id);
        self.tags.remove(id);
    }

    pub(crate) fn enable_scps(&mut self) {
        self.scps_enabled = true;
        let units = self.units.keys().cloned();
        let members = self.members.keys().map(ToString::to_string);
        let targets: Vec<String> = std::iter::once(self.root.clone()).chain(units).chain(members).collect();
        for target in targets {
            self.attach_default(target);
        }
    }

    /// AWS detaches all policies of the type, and does not attach them again.
    pub(crate) fn disable_scps(&mut self) {
        self.scps_enabled = false;
        self.attached.clear();
    }

    /// What every root, unit and account has from the start.
    pub(crate) fn attach_default(&mut self, target: String) {
        if self.scps_enabled {
            self.attached.entry(target).or_default().insert(FULL_ACCESS.0.to_owned());
        }
    }

    /// Whether this is the root or a unit.
    pub(crate) fn is_parent(&self, id: &str) -> bool {
        id == self.root || self.units.contains_key(id)
    }

    /// The account of this id, if it is a member.
    pub(crate) fn member(&self, id: &str) -> Option<(AccountId, &Member)> {
        let account: AccountId = id.parse().ok()?;
        Some((account, self.members.get(&account)?))
    }

    /// Whether policies can be attached to this.
    pub(crate) fn is_target(&self, id: &str) -> bool {
        self.is_parent(id) || self.member(id).is_some()
    }

    /// From the root down to this account.
    pub(crate) fn path(&self, account: AccountId) -> Vec<String> {
        let mut path = vec![account.to_string()];
        let mut next = self.members.get(&account).map(|member| member.parent.as_str());
        while let Some(parent) = next {
            path.push(parent.to_owned());
            next = self.units.get(parent).map(|unit| unit.parent.as_str());
        }
        path.reverse();
        path
    }

    /// How deep a unit lies: 1 right under the root.
    pub(crate) fn depth(&self, parent: &str) -> usize {
        std::iter::successors(self.units.get(parent), |unit| self.units.get(&unit.parent)).count()
    }

    /// The SCPs that bind an account's principals, level by level; none where nothing does.
    pub(crate) fn scps_of(&self, account: AccountId) -> Vec<(String, Vec<PolicyRef<'_>>)> {
        if !self.scps_enabled || account == self.management || !self.members.contains_key(&account) {
            return Vec::new();
        }
        let level = |id: String| {
            let attached = self.attached.get(&id).into_iter().flatten();
            let policies = attached.filter_map(|policy| self.scp(policy)).collect();
            (id, policies)
        };
        self.path(account).into_iter().map(level).collect()
    }

    fn scp(&self, id: &str) -> Option<PolicyRef<'_>> {
        if id == FULL_ACCESS.0 {
            let document = &*FULL_ACCESS_DOCUMENT;
            return Some(PolicyRef { name: FULL_ACCESS.1, arn: Some(FULL_ACCESS_ARN), document });
        }
        let scp = self.policies.get(id)?;
        Some(PolicyRef { name: &scp.name, arn: Some(&scp.arn), document: &scp.policy.document })
    }
}

/// So many random lower-case letters and digits, as the ids of organizations have them.
pub(crate) fn token(length: usize, rng: &mut dyn Rng) -> String {
    const LETTERS: &[u8; 36] = b"abcdefghijklmnopqrstuvwxyz0123456789";
    let letter = |number: u64| {
        let at = usize::try_from(number % 36).unwrap_or_default();
        LETTERS.get(at).copied().map_or('a', char::from)
    };
    (0..length).map(|_| letter(rng.next_u64())).collect()
}

#[cfg(test)]
mod tests {
    use rand::{SeedableRng as _, rngs::StdRng};

    use super::*;

    #[test]
    fn policies_come_level_by_level_and_never_for_the_management_account() {
        let mut rng = StdRng::seed_from_u64(1);
        let [management, member]: [AccountId; 2] =
            ["111111111111", "222222222222"].map(|id| id.parse().unwrap());
        let now = Timestamp::UNIX_EPOCH;
        let mut organization = Organization::new(Partition::Aws, management, now, &mut rng);
        organization.join(member, now);
        assert!(organization.scps_of(member).is_empty(), "the type is not enabled");
        let unit = format!("ou-{}-abcdefgh", &organization.root[2..]);
        let parent = organization.root.clone();
        organization.units.insert(unit.clone(), Unit { name: "Work".to_owned(), parent });
        organization.members.get_mut(&member).unwrap().parent.clone_from(&unit);
        organization.enable_scps();
        let levels = organization.scps_of(member);
        let ids: Vec<&str> = levels.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, [organization.root.as_str(), &unit, "222222222222"]);
        assert!(levels.iter().all(|(_, policies)| policies.len() == 1), "FullAWSAccess everywhere");
        assert!(organization.scps_of(management).is_empty());
        assert!(organization.scps_of("333333333333".parse().unwrap()).is_empty(), "no member");
        organization.disable_scps();
        assert!(organization.scps_of(member).is_empty());
    }
}
