//! Organizations in the document of the state; documents from before there were any have none.

use std::collections::{BTreeMap, BTreeSet};

use postern_types::{AccountId, Timestamp};
use serde::{Deserialize, Serialize};

use super::{ImportError, Tags, bad, policy_text_in, tags_in, tags_out};
use crate::model::{Member, Organization, Scp, Unit};

#[derive(Serialize, Deserialize)]
pub(super) struct OrganizationDto {
    id: String,
    partition: String,
    management: String,
    all_features: bool,
    root: String,
    service_control_policies: bool,
    /// Name and parent by id.
    units: BTreeMap<String, (String, String)>,
    /// Parent and time of joining by account.
    members: BTreeMap<String, (String, Timestamp)>,
    policies: BTreeMap<String, ScpDto>,
    attached: BTreeMap<String, BTreeSet<String>>,
    tags: BTreeMap<String, Tags>,
}

#[derive(Serialize, Deserialize)]
struct ScpDto {
    name: String,
    description: String,
    text: String,
}

pub(super) fn organization_out(organization: &Organization) -> OrganizationDto {
    let units = organization.units.iter();
    let members = organization.members.iter();
    let policies = organization.policies.iter();
    let scp = |scp: &Scp| ScpDto {
        name: scp.name.clone(),
        description: scp.description.clone(),
        text: scp.policy.text.to_string(),
    };
    OrganizationDto {
        id: organization.id.clone(),
        partition: organization.partition.to_string(),
        management: organization.management.to_string(),
        all_features: organization.all_features,
        root: organization.root.clone(),
        service_control_policies: organization.scps_enabled,
        units: units.map(|(id, unit)| (id.clone(), (unit.name.clone(), unit.parent.clone()))).collect(),
        members: members.map(|(id, m)| (id.to_string(), (m.parent.clone(), m.joined))).collect(),
        policies: policies.map(|(id, policy)| (id.clone(), scp(policy))).collect(),
        attached: organization.attached.clone(),
        tags: organization.tags.iter().map(|(id, tags)| (id.clone(), tags_out(tags))).collect(),
    }
}

pub(super) fn organization_in(dto: OrganizationDto) -> Result<Organization, ImportError> {
    let account = |id: &str| id.parse::<AccountId>().map_err(|_| bad("an account id", id));
    let members = dto
        .members
        .into_iter()
        .map(|(id, (parent, joined))| Ok::<_, ImportError>((account(&id)?, Member { parent, joined })));
    let mut organization = Organization {
        management: account(&dto.management)?,
        partition: dto.partition.parse().map_err(|_| bad("a partition", &dto.partition))?,
        members: members.collect::<Result<_, _>>()?,
        id: dto.id,
        all_features: dto.all_features,
        root: dto.root,
        scps_enabled: dto.service_control_policies,
        units: dto.units.into_iter().map(|(id, (name, parent))| (id, Unit { name, parent })).collect(),
        policies: BTreeMap::new(),
        attached: dto.attached,
        tags: dto.tags.into_iter().map(|(id, tags)| (id, tags_in(tags))).collect(),
    };
    if !organization.members.contains_key(&organization.management) {
        return Err(bad("the management account of an organization", &dto.management));
    }
    well_founded(&organization)?;
    for (id, scp) in dto.policies {
        let policy = policy_text_in(&scp.text)?;
        let arn = organization.arn_of(&id);
        let scp = Scp { arn, name: scp.name, description: scp.description, policy };
        organization.policies.insert(id, scp);
    }
    Ok(organization)
}

/// Every way up must end at the root: levels are gathered along it at each request.
fn well_founded(organization: &Organization) -> Result<(), ImportError> {
    let units = &organization.units;
    let parents = organization.members.values().map(|member| &member.parent);
    for start in parents.chain(units.values().map(|unit| &unit.parent)) {
        let mut next = start;
        let mut steps = 0;
        while *next != organization.root {
            steps += 1;
            match units.get(next) {
                Some(unit) if steps <= units.len() => next = &unit.parent,
                _ => return Err(bad("a place in an organization", start)),
            }
        }
    }
    Ok(())
}
