//! `GetAccountAuthorizationDetails`: everything about who may do what, under one marker.

use super::{
    common::{Managed, Usage, usages, write_all_tags, write_attached, write_boundary},
    policies::{self, write_policy},
    profiles::write_profile,
    roles::write_last_used,
    trust,
    versions::{versions_of, write_version},
};
use crate::{
    ServiceError,
    managed::ManagedPolicy,
    model::{Account, Group, PolicyText, Role, State, User},
    operation::{Authorized, Call, Entry, Needs, Operation, Reply, entry},
    page::Paging,
    wire::{Decoder, Rule, Xml},
};

pub(super) const OPERATIONS: &[Entry] = &[entry::<GetAccountAuthorizationDetails>()];

const FILTERS: [&str; 5] = ["User", "Role", "Group", "LocalManagedPolicy", "AWSManagedPolicy"];

const FILTER: Rule =
    Rule::pattern(1, 64, "[User, Role, Group, LocalManagedPolicy, AWSManagedPolicy]", |text| {
        FILTERS.contains(&text)
    });

/// One entity of the four lists.
#[derive(Clone, Copy)]
enum Item<'a> {
    User(&'a User),
    Group(&'a Group),
    Role(&'a Role),
    Policy(Managed<'a>, Usage),
}

/// `GetAccountAuthorizationDetails`
struct GetAccountAuthorizationDetails {
    filter: Vec<String>,
    paging: Paging,
}

impl Operation for GetAccountAuthorizationDetails {
    const NAME: &'static str = "GetAccountAuthorizationDetails";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { filter: d.list("Filter", FILTERS.len(), &FILTER), paging: Paging::decode(d) }
    }

    fn needs(&self, _call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on("*"))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account();
        let usages = usages(account);
        let used = |arn: &str| usages.get(arn).copied().unwrap_or_default();
        let asked = |kind: &str| op.filter.is_empty() || op.filter.iter().any(|wanted| wanted == kind);

        // The lists one behind the other, each in the order of its names.
        let key = |list: u8, name: &str| format!("{list}{}", name.to_ascii_lowercase());
        let users = account.users.iter().filter(|_| asked("User"));
        let groups = account.groups.iter().filter(|_| asked("Group"));
        let roles = account.roles.iter().filter(|_| asked("Role"));
        let own = account.policies.iter().filter(|_| asked("LocalManagedPolicy")).map(|policy| {
            let usage = used(&account.policy_arn(policy));
            (key(4, &policy.name), Item::Policy(Managed::Own(policy), usage))
        });
        // Of AWS's own, those that are in use.
        let aws = ManagedPolicy::all().iter().filter(|_| asked("AWSManagedPolicy")).filter_map(|policy| {
            let usage = used(&policy.arn);
            let in_use = usage != Usage::default();
            in_use.then(|| (key(5, &policy.arn), Item::Policy(Managed::Aws(policy), usage)))
        });
        let mut items: Vec<(String, Item<'_>)> = users
            .map(|user| (key(1, &user.name), Item::User(user)))
            .chain(groups.map(|group| (key(2, &group.name), Item::Group(group))))
            .chain(roles.map(|role| (key(3, &role.name), Item::Role(role))))
            .chain(own)
            .chain(aws)
            .collect();
        items.sort_by(|(a, _), (b, _)| a.cmp(b));

        let page = op.paging.cut(call, Self::NAME, items)?;
        let of = |pick: fn(&Item<'_>) -> bool| page.items.iter().filter(move |item| pick(item));
        let write = |xml: &mut Xml, item: &Item<'_>| match item {
            Item::User(user) => write_user_detail(xml, account, user),
            Item::Group(group) => write_group_detail(xml, account, group),
            Item::Role(role) => write_role_detail(xml, call.state, account, role),
            Item::Policy(policy, usage) => write_policy_detail(xml, account, *policy, *usage),
        };
        Ok(Reply::result(|xml| {
            xml.list("UserDetailList", of(|item| matches!(item, Item::User(_))), write);
            xml.list("GroupDetailList", of(|item| matches!(item, Item::Group(_))), write);
            xml.list("RoleDetailList", of(|item| matches!(item, Item::Role(_))), write);
            xml.list("Policies", of(|item| matches!(item, Item::Policy(..))), write);
            page.write_end(xml);
        }))
    }
}

fn write_inline<'a>(
    xml: &mut Xml,
    name: &str,
    policies: impl IntoIterator<Item = (&'a String, &'a PolicyText)>,
) {
    xml.list(name, policies, |xml, (name, policy)| {
        xml.text("PolicyName", name);
        xml.document("PolicyDocument", &policy.text);
    });
}

fn write_user_detail(xml: &mut Xml, account: &Account, user: &User) {
    xml.text("Path", &user.path);
    xml.text("UserName", &user.name);
    xml.text("UserId", &user.id);
    xml.text("Arn", account.user_arn(user));
    xml.time("CreateDate", user.created);
    // Alone among all these lists, this one is absent when empty.
    if !user.inline.is_empty() {
        write_inline(xml, "UserPolicyList", &user.inline);
    }
    xml.texts("GroupList", account.groups_of(user).iter().map(|group| &group.name));
    write_attached(xml, "AttachedManagedPolicies", account, &user.attached);
    write_boundary(xml, user.boundary.as_deref());
    write_all_tags(xml, &user.tags);
}

fn write_group_detail(xml: &mut Xml, account: &Account, group: &Group) {
    xml.text("Path", &group.path);
    xml.text("GroupName", &group.name);
    xml.text("GroupId", &group.id);
    xml.text("Arn", account.group_arn(group));
    xml.time("CreateDate", group.created);
    write_inline(xml, "GroupPolicyList", &group.inline);
    write_attached(xml, "AttachedManagedPolicies", account, &group.attached);
}

/// Neither description nor maximum session: AWS leaves both out here.
fn write_role_detail(xml: &mut Xml, state: &State, account: &Account, role: &Role) {
    xml.text("Path", &role.path);
    xml.text("RoleName", &role.name);
    xml.text("RoleId", &role.id);
    xml.text("Arn", account.role_arn(role));
    xml.time("CreateDate", role.created);
    xml.document("AssumeRolePolicyDocument", &trust::shown(state, role));
    let profiles = account.instance_profiles.iter().filter(|p| p.role.as_ref() == Some(&role.id));
    xml.list("InstanceProfileList", profiles, |xml, profile| write_profile(xml, state, account, profile));
    write_inline(xml, "RolePolicyList", &role.inline);
    write_attached(xml, "AttachedManagedPolicies", account, &role.attached);
    write_boundary(xml, role.boundary.as_deref());
    write_all_tags(xml, &role.tags);
    write_last_used(xml, role);
}

fn write_policy_detail(xml: &mut Xml, account: &Account, policy: Managed<'_>, usage: Usage) {
    write_policy(xml, account, policy, usage, policies::Detail::Described);
    let arn = match policy {
        Managed::Own(policy) => account.policy_arn(policy),
        Managed::Aws(policy) => policy.arn.clone(),
    };
    let versions = versions_of(account, &arn).unwrap_or_default();
    xml.list("PolicyVersionList", &versions, |xml, version| write_version(xml, version, true));
}
