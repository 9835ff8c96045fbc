//! `[organization]`: text to [`OrganizationDesign`], and what it says of the rest of the file.

use postern_types::{AccountId, Region, RoleName};
use toml::de::DeValue;

use super::{
    keys,
    parse::{Draft, account_id, endpoint, without_repeats},
    read::{self, Errors, Section},
};
use crate::{Span, Spanned};

/// `[organization]`
#[derive(Clone, Debug)]
pub struct OrganizationDesign {
    /// Where it stands.
    pub span: Span,
    /// The account that manages the organization.
    pub management: Spanned<AccountId>,
    /// The AWS profile by which it is entered.
    pub profile: Option<Spanned<String>>,
    /// The role by which it is entered from the bastion's credential.
    pub via: Option<Spanned<RoleName>>,
    /// The endpoint of this account's services.
    pub endpoint_url: Option<Spanned<String>>,
    /// Units by name or id, or `root`, to attach the guards to; none for the estate's accounts one by one.
    pub attach_to: Vec<Spanned<String>>,
    /// What nobody in the organization's accounts may do.
    pub guards: Guards,
}

/// The guards of `[organization]`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the file")]
pub struct Guards {
    /// No IAM users, keys or passwords but in the bastion.
    pub no_users_outside_bastion: bool,
    /// No calls by the accounts' root users.
    pub no_root: bool,
    /// No account leaves the organization.
    pub no_leaving: bool,
    /// Nobody but administrators changes what postern made.
    pub protect_postern: bool,
    /// The only regions to be used, but for services that are the same in all.
    pub regions: Vec<Spanned<Region>>,
}

impl Guards {
    /// Whether these guards would shut out whoever gets in by other ways than the administrators' role: such are
    /// attached only when that way is open.
    #[must_use]
    pub fn lock(&self) -> bool {
        self.no_root || self.protect_postern
    }
}

/// Reads the section; what is broken in it is an error and takes its default.
pub(super) fn organization(top: &Section<'_, '_>, errors: &mut Errors) -> Option<OrganizationDesign> {
    let (table, span) = top.table("organization", errors)?;
    let section = Section::open(table, span, ("organization", ""), &keys::ORGANIZATION, errors);
    let management = account_id(&section, "management", errors);
    let profile = section.sentence("profile", errors);
    let via: Option<Spanned<RoleName>> = section.parse("via", errors);
    if let (Some(_), Some(via)) = (section.get("profile"), section.get("via")) {
        let help = "keep the one by which postern is to enter the management account";
        errors.help(via.span(), "both `profile` and `via` in `[organization]`", help);
    }
    let guards = Guards {
        no_users_outside_bastion: section.flag("no_users_outside_bastion", false, errors),
        no_root: section.flag("no_root", false, errors),
        no_leaving: section.flag("no_leaving", false, errors),
        protect_postern: section.flag("protect_postern", false, errors),
        regions: regions(&section, errors),
    };
    let attach_to = attach_to(&section, errors);
    let endpoint_url = endpoint(&section, errors);
    let management = management?;
    Some(OrganizationDesign { span, management, profile, via, endpoint_url, attach_to, guards })
}

fn regions(section: &Section<'_, '_>, errors: &mut Errors) -> Vec<Spanned<Region>> {
    if let Some(value) = section.get("regions")
        && matches!(value.get_ref(), DeValue::Array(items) if items.is_empty())
    {
        errors.help(value.span(), "no region in `regions`", "leave the key out to allow all of them");
    }
    without_repeats(section.parse_list("regions", errors), |a, b| a == b, "region", errors)
}

fn attach_to(section: &Section<'_, '_>, errors: &mut Errors) -> Vec<Spanned<String>> {
    let items = section.list("attach_to", errors);
    if let (Some([]), Some(value)) = (items, section.get("attach_to")) {
        let help = "leave the key out to attach the guards to the accounts of this file";
        errors.help(value.span(), "nothing in `attach_to`", help);
    }
    let name = |item| {
        let text = read::string(item, "each of `attach_to`", errors)?;
        Some(Spanned::new(text.value.to_owned(), text.span))
    };
    let names: Vec<_> = items.unwrap_or_default().iter().filter_map(name).collect();
    without_repeats(names, |a, b| a == b, "target", errors)
}

/// What the section says of the rest of the file.
pub(super) fn references(draft: &Draft, errors: &mut Errors) {
    let Some(organization) = &draft.organization else { return };
    let OrganizationDesign { span, management, guards, .. } = organization;
    let id = management.value;
    let ours = draft.bastion.iter().map(|bastion| bastion.account.value);
    let mut ours = ours.chain(draft.accounts.sound.values().map(|account| account.id.value));
    if !ours.any(|ours| ours == id) && organization.profile.is_none() && organization.via.is_none() {
        let help = "add `profile = \"…\"`, or `via = \"ROLE\"` for a role there that the bastion's credential may assume";
        errors.help(*span, "the file does not say how to enter the management account", help);
    }
    if guards.lock() && draft.administrators.people.is_empty() {
        let help = "name at least one person: `[administrators] people = [\"…\"]`";
        errors.help(
            *span,
            "with these guards and without administrators nobody could change the estate",
            help,
        );
    }
    if let (Some(region), Some(first)) = (&draft.region, guards.regions.first())
        && !guards.regions.iter().any(|allowed| allowed.value == region.value)
    {
        let message = format!("`regions` leaves out `{}`, the estate's own region", region.value);
        errors.help(first.span, message, "people's sessions are made there: add it");
    }
}
