//! Text to [`Design`]: every mistake at once.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    str::FromStr,
};

use postern_types::{
    AccountId, Arn, GroupName, ParseError, Partition, Region, RoleArn, RoleName, SessionDuration, UserName,
};
use toml::de::DeValue;

use super::{
    AccountDesign, AccountName, Administrators, AlsoAdministrator, Bastion, BreakGlass, Design, DesignError,
    Exception, GroupDesign, MayAssume, OrganizationDesign, Person, RoleDesign, RolePattern, ThirdParty,
    ThirdPartyName, check, emergency, exception,
    keys::{self, Table},
    organization,
    read::{self, Errors, Section},
    role,
    tags::tags,
};
use crate::{PasswordPolicy, Span, Spanned, Tags, span::At as _};

const SESSION_MIN: SessionDuration = SessionDuration::from_seconds(900);
pub(super) const SESSION_MAX: SessionDuration = SessionDuration::from_seconds(129_600);
pub(super) const ROLE_SESSION_MAX: SessionDuration = SessionDuration::from_seconds(43_200);

/// The entries of a section such as `[roles.*]`.
pub(super) struct Named<K, V> {
    /// Every name that stands there, whether or not its entry is sound.
    pub(super) all: BTreeSet<String>,
    /// The sound entries.
    pub(super) sound: BTreeMap<K, V>,
}

/// What could be read. Only a draft without errors becomes a design.
pub(super) struct Draft {
    name: Option<Spanned<super::EstateName>>,
    pub(super) region: Option<Spanned<Region>>,
    partition: Partition,
    endpoint_url: Option<Spanned<String>>,
    tags: Tags,
    pub(super) bastion: Option<Bastion>,
    pub(super) accounts: Named<AccountName, AccountDesign>,
    pub(super) roles: Named<RoleName, RoleDesign>,
    pub(super) groups: Named<GroupName, GroupDesign>,
    pub(super) people: Named<UserName, Person>,
    pub(super) administrators: Administrators,
    pub(super) third_parties: Named<ThirdPartyName, ThirdParty>,
    pub(super) break_glass: Option<BreakGlass>,
    exceptions: Vec<Exception>,
    pub(super) organization: Option<OrganizationDesign>,
}

impl Draft {
    fn finish(self) -> Option<Design> {
        Some(Design {
            name: self.name?,
            region: self.region?,
            partition: self.partition,
            endpoint_url: self.endpoint_url,
            tags: self.tags,
            bastion: self.bastion?,
            accounts: self.accounts.sound,
            roles: self.roles.sound,
            groups: self.groups.sound,
            people: self.people.sound,
            administrators: self.administrators,
            third_parties: self.third_parties.sound,
            break_glass: self.break_glass,
            exceptions: self.exceptions,
            organization: self.organization,
        })
    }
}

impl Design {
    /// Reads an estate file.
    ///
    /// # Errors
    /// Everything that is wrong with it, in the order of the text.
    pub fn parse(text: &str) -> Result<Self, Vec<DesignError>> {
        let mut errors = Errors::default();
        if text.trim_start_matches('\u{feff}').trim().is_empty() {
            errors.help(
                0..0,
                "the estate file is empty",
                "it begins with `version = 1`, `name`, `region` and the section `[bastion]`",
            );
            return Err(errors.finish());
        }
        let Some(root) = read::syntax(text, &mut errors) else { return Err(errors.finish()) };
        if !read::is_version_one(root.get_ref(), "estate file", &mut errors) {
            return Err(errors.finish());
        }
        let top = Section::open(root.get_ref(), Span::default(), ("", ""), &keys::TOP, &mut errors);
        let draft = draft(&top, &mut errors);
        check::references(&draft, &mut errors);
        organization::references(&draft, &mut errors);
        if !errors.is_empty() {
            return Err(errors.finish());
        }
        // A draft lacks a part only where an error said so.
        draft.finish().ok_or_else(|| errors.finish())
    }

    /// Reads an estate file from its bytes.
    ///
    /// # Errors
    /// As [`Design::parse`]; bytes that are not UTF-8 are an error at the first of them.
    pub fn parse_bytes(bytes: &[u8]) -> Result<Self, Vec<DesignError>> {
        Self::parse(read::utf8(bytes, "estate file")?)
    }
}

fn draft(top: &Section<'_, '_>, errors: &mut Errors) -> Draft {
    let name = top.parse("name", errors);
    if top.get("name").is_none() {
        errors.help(0..0, "missing key `name`", "it names the estate, and tags all that postern makes");
    }
    let region = top.parse("region", errors);
    if top.get("region").is_none() {
        errors.help(0..0, "missing key `region`", "write `region = \"eu-central-1\"`, or your own");
    }
    let partition = top.parse("partition", errors).map_or(Partition::Aws, |p| p.value);
    if let Some(region) = &region {
        region_of(partition, region, errors);
    }
    let bastion = match top.table("bastion", errors) {
        Some((table, span)) => {
            bastion(&Section::open(table, span, ("bastion", ""), &keys::BASTION, errors), errors)
        }
        None => {
            if top.get("bastion").is_none() {
                errors.help(
                    0..0,
                    "missing section `[bastion]`",
                    "it names the account that people sign in to",
                );
            }
            None
        }
    };
    Draft {
        name,
        region,
        partition,
        endpoint_url: endpoint(top, errors),
        tags: tags(top, errors),
        bastion,
        accounts: named(top, "accounts", &keys::ACCOUNT, errors, account),
        roles: named(top, "roles", &keys::ROLE, errors, |section, errors| {
            Some(role::role(section, partition, errors))
        }),
        groups: named(top, "groups", &keys::GROUP, errors, |section, errors| Some(group(section, errors))),
        people: named(top, "people", &keys::PERSON, errors, |section, errors| Some(person(section, errors))),
        administrators: administrators(top, errors),
        third_parties: named(top, "third_parties", &keys::THIRD_PARTY, errors, third_party),
        break_glass: emergency::break_glass(top, errors),
        exceptions: exception::exceptions(top, errors),
        organization: organization::organization(top, errors),
    }
}

/// Whether the region lies in the partition, as far as its name tells.
fn region_of(partition: Partition, region: &Spanned<Region>, errors: &mut Errors) {
    let name = region.value.as_str();
    let of_name = match name {
        _ if name.starts_with("cn-") => Partition::China,
        _ if name.starts_with("us-gov-") => Partition::UsGov,
        _ => Partition::Aws,
    };
    if of_name != partition {
        let message = format!("the region `{name}` is not of the partition `{partition}`");
        errors.help(region.span, message, format!("write `partition = \"{of_name}\"`, or another region"));
    }
}

/// Reads `[kind.NAME]` for every name.
fn named<K, V>(
    top: &Section<'_, '_>,
    kind: &'static str,
    keys: &Table,
    errors: &mut Errors,
    mut read: impl FnMut(&Section<'_, '_>, &mut Errors) -> Option<V>,
) -> Named<K, V>
where
    K: FromStr<Err = ParseError> + Ord,
{
    let mut named = Named { all: BTreeSet::new(), sound: BTreeMap::new() };
    for (name, table) in top.tables(kind, errors) {
        named.all.insert(name.value.to_owned());
        let section = Section::open(table, name.span, (kind, name.value), keys, errors);
        let value = read(&section, errors);
        let key = read::parse::<K>(name, None, errors);
        if let (Some(key), Some(value)) = (key, value) {
            named.sound.insert(key.value, value);
        }
    }
    named
}

fn bastion(section: &Section<'_, '_>, errors: &mut Errors) -> Option<Bastion> {
    let account = account_id(section, "account", errors);
    let session = section.duration("session", SESSION_MIN, SESSION_MAX, errors);
    let any_resource = section.text("resource", errors).is_some_and(|resource| {
        if resource.value != "*" {
            let help = "write \"*\", or leave the key out: then group policies name the roles they grant";
            errors.help(
                resource.span,
                format!("`resource` cannot be `{}`", resource.value.escape_debug()),
                help,
            );
        }
        resource.value == "*"
    });
    let password_policy = passwords(section, "bastion.password_policy", errors).unwrap_or_default();
    let bastion = Bastion {
        account: account?,
        profile: section.sentence("profile", errors),
        session: session.unwrap_or(ROLE_SESSION_MAX),
        any_resource,
        self_service: section.flag("self_service", false, errors),
        source_identity: section.flag("source_identity", false, errors),
        source_ip: role::source_ip(section, errors),
        alias: section.parse("alias", errors).map(|alias| alias.value),
        password_policy,
        endpoint_url: endpoint(section, errors),
    };
    Some(bastion)
}

fn passwords(of: &Section<'_, '_>, heading: &'static str, errors: &mut Errors) -> Option<PasswordPolicy> {
    let (table, span) = of.table("password_policy", errors)?;
    let section = Section::open(table, span, (heading, ""), &keys::PASSWORDS, errors);
    let default = PasswordPolicy::default();
    let small = |n: u16| u8::try_from(n).ok();
    Some(PasswordPolicy {
        minimum_length: section
            .number("minimum_length", 6, 128, errors)
            .and_then(small)
            .unwrap_or(default.minimum_length),
        require_symbols: section.flag("require_symbols", default.require_symbols, errors),
        require_numbers: section.flag("require_numbers", default.require_numbers, errors),
        require_uppercase: section.flag("require_uppercase", default.require_uppercase, errors),
        require_lowercase: section.flag("require_lowercase", default.require_lowercase, errors),
        allow_users_to_change: section.flag("allow_users_to_change", default.allow_users_to_change, errors),
        max_age_days: section.number("max_age_days", 1, 1_095, errors),
        reuse_prevention: section
            .number("reuse_prevention", 1, 24, errors)
            .and_then(small)
            .or(default.reuse_prevention),
        hard_expiry: section.flag("hard_expiry", default.hard_expiry, errors),
    })
}

fn account(section: &Section<'_, '_>, errors: &mut Errors) -> Option<AccountDesign> {
    let id = account_id(section, "id", errors);
    let profile = section.sentence("profile", errors);
    let via = section.parse("via", errors);
    if let (Some(_), Some(via)) = (section.get("profile"), section.get("via")) {
        let message = format!("both `profile` and `via`{}", section.place());
        errors.help(via.span(), message, "keep the one by which the first `apply` is to get in");
    }
    let alias = section.parse("alias", errors).map(|alias| alias.value);
    let endpoint_url = endpoint(section, errors);
    let password_policy = passwords(section, "accounts.*.password_policy", errors);
    Some(AccountDesign { span: section.span, id: id?, profile, via, alias, endpoint_url, password_policy })
}

pub(super) fn account_id(
    section: &Section<'_, '_>,
    key: &'static str,
    errors: &mut Errors,
) -> Option<Spanned<AccountId>> {
    if section.get(key).is_none() {
        section.missing(
            key,
            format!("write `{key} = \"111111111111\"`, the 12 digits of the account"),
            errors,
        );
    }
    let text = section.text(key, errors)?;
    read::parse(text, Some("an account id is 12 digits in quotation marks"), errors)
}

pub(super) fn endpoint(section: &Section<'_, '_>, errors: &mut Errors) -> Option<Spanned<String>> {
    let text = section.text("endpoint_url", errors)?;
    let host = text.value.strip_prefix("http://").or_else(|| text.value.strip_prefix("https://"));
    let sound = host.is_some_and(|host| {
        !host.is_empty()
            && !host.starts_with('/')
            && !host.contains(|c: char| c.is_whitespace() || c.is_control())
    });
    if !sound {
        let message = format!("`{}` is not a URL", text.value.escape_debug());
        errors.help(text.span, message, "write `endpoint_url = \"http://127.0.0.1:4581\"`");
        return None;
    }
    Some(Spanned::new(text.value.to_owned(), text.span))
}

fn group(section: &Section<'_, '_>, errors: &mut Errors) -> GroupDesign {
    if section.get("roles").is_none() {
        section.missing(
            "roles",
            "say what the group's members may assume: `roles = [\"*/readonly\"]`",
            errors,
        );
    }
    GroupDesign { span: section.span, roles: section.parse_list("roles", errors) }
}

fn person(section: &Section<'_, '_>, errors: &mut Errors) -> Person {
    let groups = section.parse_list("groups", errors);
    Person {
        span: section.span,
        groups: without_repeats(groups, |a, b| a == b, "group", errors),
        roles: section.parse_list("roles", errors),
        tags: tags(section, errors),
    }
}

fn administrators(top: &Section<'_, '_>, errors: &mut Errors) -> Administrators {
    let Some((table, span)) = top.table("administrators", errors) else { return Administrators::default() };
    let section = Section::open(table, span, ("administrators", ""), &keys::ADMINISTRATORS, errors);
    let people = section.parse_list("people", errors);
    let also = section.list("also", errors).unwrap_or_default();
    Administrators {
        people: without_repeats(people, |a, b| a == b, "person", errors),
        also: also.iter().filter_map(|item| also_administrator(item, errors)).collect(),
    }
}

fn also_administrator(item: &toml::Spanned<DeValue<'_>>, errors: &mut Errors) -> Option<AlsoAdministrator> {
    const HELP: &str = "write `{ arn = \"arn:aws:iam::…\", reason = \"…\" }`";
    let span = item.span().span();
    let DeValue::Table(table) = item.get_ref() else {
        let message = format!("each of `also` must be a table, not {}", read::kind(item.get_ref()));
        errors.help(span, message, HELP);
        return None;
    };
    let section = Section::open(table, span, ("administrators.also", ""), &keys::ALSO, errors);
    for key in ["arn", "reason"] {
        if section.get(key).is_none() {
            section.missing(key, HELP, errors);
        }
    }
    let arn: Option<Spanned<Arn>> = section.parse("arn", errors);
    let reason = section.sentence("reason", errors);
    Some(AlsoAdministrator { arn: arn?, reason: reason?.value })
}

fn third_party(section: &Section<'_, '_>, errors: &mut Errors) -> Option<ThirdParty> {
    let account = account_id(section, "account", errors);
    if section.get("external_id").is_none() {
        let help = "without an external id anyone whom the third party serves could reach you through it; \
                    agree on a long random one and write `external_id = \"…\"`";
        section.missing("external_id", help, errors);
    }
    let external_id = section.parse("external_id", errors);
    if section.list("roles", errors).is_none_or(<[_]>::is_empty) {
        section.missing("roles", "say what it may assume: `roles = [\"prod/readonly\"]`", errors);
    }
    let roles = section.parse_list("roles", errors);
    Some(ThirdParty { span: section.span, account: account?, external_id: external_id?.value, roles })
}

/// The list without what stands in it twice, each repetition being an error.
pub(super) fn without_repeats<T: fmt::Debug + fmt::Display>(
    items: Vec<Spanned<T>>,
    same: impl Fn(&T, &T) -> bool,
    what: &str,
    errors: &mut Errors,
) -> Vec<Spanned<T>> {
    let mut kept: Vec<Spanned<T>> = Vec::with_capacity(items.len());
    for item in items {
        if kept.iter().any(|other| same(&other.value, &item.value)) {
            errors.help(
                item.span,
                format!("the {what} `{}` stands here twice", item.value),
                "remove one of the two",
            );
        } else {
            kept.push(item);
        }
    }
    kept
}

impl FromStr for RolePattern {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        let wrong = |problem: String| ParseError { what: "role", problem };
        let Some((account, role)) = text.split_once('/') else {
            return Err(wrong(format!(
                "`{}` is not `account/role`; `*/{}` means the role in every account that has it",
                text.escape_debug(),
                text.escape_debug()
            )));
        };
        let part = |text: &str| text != "*";
        Ok(Self {
            account: part(account).then(|| account.parse()).transpose()?,
            role: part(role).then(|| role.parse()).transpose()?,
        })
    }
}

impl FromStr for MayAssume {
    type Err = ParseError;

    fn from_str(text: &str) -> Result<Self, ParseError> {
        text.parse::<RoleArn>().map(Self)
    }
}
