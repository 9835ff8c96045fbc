//! The state as a document: exported, kept in a file, imported again. Version 1.
//!
//! It holds secrets in clear (keys, seeds, the sealing key), as whoever imports it must be able to sign; they
//! are the sandbox's own throw-away ones.

mod accessed;
mod rare;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use data_encoding::BASE64;
use postern_policy::Document;
use postern_types::{
    AccountId, Partition, PrincipalId, SecretAccessKey, SignedDuration, Timestamp, TotpSeed,
};
use serde::{Deserialize, Serialize};

use self::accessed::{AccessedDto, accessed_in, accessed_out};
use self::organization::{OrganizationDto, organization_in, organization_out};
use self::rare::{RareDto, rare_in, rare_out};
use super::World;
use crate::{
    model::{
        AccessKey, Account, CredentialReport, EnabledMfa, Group, InstanceProfile, KeyUse, LoginProfile,
        MfaDevice, Owner, PasswordPolicy, Policy, PolicyText, PolicyVersion, Role, RoleUse, State, Tag, User,
    },
    seal::Sealer,
};

mod organization;

const FORMAT: u32 = 1;

/// Why a document is not taken. Nothing has changed then.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// Not the JSON of a state.
    #[error("not the state of a sandbox: {0}")]
    Shape(#[from] serde_json::Error),
    /// Written by another version.
    #[error("the state has format {0}, and only format {FORMAT} is known")]
    Format(u32),
    /// A value that no sandbox would have written.
    #[error("{what} is not well-formed: `{text}`")]
    Value {
        /// What it should be.
        what: &'static str,
        /// What it is; left out for secrets.
        text: String,
    },
    /// The same entity twice.
    #[error("{0} stands there twice")]
    Twice(String),
}

#[derive(Serialize, Deserialize)]
struct StateDto {
    format: u32,
    sealing_key: String,
    clock_ahead_seconds: i64,
    accounts: Vec<AccountDto>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    organizations: Vec<OrganizationDto>,
}

#[derive(Serialize, Deserialize)]
struct AccountDto {
    id: String,
    partition: String,
    name: Option<String>,
    created: Timestamp,
    alias: Option<String>,
    password_policy: Option<PasswordPolicyDto>,
    credential_report: Option<ReportDto>,
    users: Vec<UserDto>,
    groups: Vec<GroupDto>,
    roles: Vec<RoleDto>,
    policies: Vec<PolicyDto>,
    instance_profiles: Vec<ProfileDto>,
    mfa_devices: Vec<DeviceDto>,
    access_keys: Vec<KeyDto>,
}

#[derive(Serialize, Deserialize)]
struct PasswordPolicyDto {
    minimum_length: u32,
    require_symbols: bool,
    require_numbers: bool,
    require_uppercase: bool,
    require_lowercase: bool,
    allow_change: bool,
    max_age_days: Option<u32>,
    reuse_prevention: Option<u32>,
    hard_expiry: Option<bool>,
}

#[derive(Serialize, Deserialize)]
struct ReportDto {
    generated: Timestamp,
    csv: String,
}

type Tags = Vec<(String, String)>;
type Inline = BTreeMap<String, String>;

#[derive(Serialize, Deserialize)]
struct UserDto {
    name: String,
    path: String,
    id: String,
    created: Timestamp,
    tags: Tags,
    boundary: Option<String>,
    inline: Inline,
    attached: BTreeSet<String>,
    groups: BTreeSet<String>,
    login_profile: Option<LoginDto>,
    #[serde(default)]
    rare: RareDto,
    password_last_used: Option<Timestamp>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    accessed: AccessedDto,
}

#[derive(Serialize, Deserialize)]
struct LoginDto {
    created: Timestamp,
    password_reset_required: bool,
    password_changed: Timestamp,
    password_hashes: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct GroupDto {
    name: String,
    path: String,
    id: String,
    created: Timestamp,
    inline: Inline,
    attached: BTreeSet<String>,
}

#[derive(Serialize, Deserialize)]
struct RoleDto {
    name: String,
    path: String,
    id: String,
    created: Timestamp,
    description: Option<String>,
    max_session_duration: u32,
    trust: String,
    tags: Tags,
    boundary: Option<String>,
    inline: Inline,
    attached: BTreeSet<String>,
    last_used: Option<(Timestamp, String)>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    accessed: AccessedDto,
}

#[derive(Serialize, Deserialize)]
struct PolicyDto {
    name: String,
    path: String,
    id: String,
    created: Timestamp,
    updated: Timestamp,
    description: Option<String>,
    tags: Tags,
    versions: BTreeMap<u32, (Timestamp, String)>,
    default_version: u32,
    next_version: u32,
}

#[derive(Serialize, Deserialize)]
struct ProfileDto {
    name: String,
    path: String,
    id: String,
    created: Timestamp,
    role: Option<String>,
    tags: Tags,
}

#[derive(Serialize, Deserialize)]
struct DeviceDto {
    serial: String,
    seed_base32: String,
    tags: Tags,
    /// Whose (none: root's), and since when; absent while it is not enabled.
    enabled: Option<(Option<String>, Timestamp)>,
    last_step: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct KeyDto {
    id: String,
    /// None: root's.
    owner: Option<String>,
    secret: String,
    active: bool,
    created: Timestamp,
    last_used: Option<(Timestamp, String, String)>,
}

// Out.

impl World {
    /// The whole state as a JSON document, secrets included.
    #[must_use]
    pub fn export(&self) -> String {
        let inner = self.lock();
        let dto = StateDto {
            format: FORMAT,
            sealing_key: BASE64.encode(inner.sealer.expose_secret()),
            clock_ahead_seconds: inner.ahead.as_secs(),
            accounts: inner.state.accounts.values().map(account_out).collect(),
            organizations: inner.state.organizations.iter().map(organization_out).collect(),
        };
        drop(inner);
        // Maps with text keys and finite numbers: nothing in it can fail.
        serde_json::to_string(&dto).unwrap_or_default()
    }

    /// Replaces the whole state by an exported one. Sessions that were issued under it are good again.
    ///
    /// # Errors
    /// When the document is not one; the state is then as it was.
    pub fn import(&self, text: &str) -> Result<(), ImportError> {
        let dto: StateDto = serde_json::from_str(text)?;
        if dto.format != FORMAT {
            return Err(ImportError::Format(dto.format));
        }
        let key = BASE64.decode(dto.sealing_key.as_bytes()).ok().and_then(|key| key.try_into().ok());
        let key: [u8; 32] = key.ok_or_else(|| bad("the sealing key", ""))?;
        let mut state = State::new();
        for account in dto.accounts {
            let account = account_in(account)?;
            let id = account.id;
            if state.accounts.insert(id, account).is_some() {
                return Err(ImportError::Twice(format!("account {id}")));
            }
        }
        for organization in dto.organizations {
            let organization = organization_in(organization)?;
            for id in organization.members.keys() {
                if state.organization_of(*id).is_some() {
                    return Err(ImportError::Twice(format!("account {id} in an organization")));
                }
            }
            state.organizations.push(organization);
        }
        let mut inner = self.lock();
        inner.state = state;
        inner.sealer = Arc::new(Sealer::from_key(key));
        inner.ahead = SignedDuration::from_secs(dto.clock_ahead_seconds.max(0));
        inner.past.iter_mut().for_each(super::stale::Past::forget);
        inner.revision += 1;
        Ok(())
    }
}

fn tags_out(tags: &[Tag]) -> Tags {
    tags.iter().map(|tag| (tag.key.clone(), tag.value.clone())).collect()
}

fn inline_out(inline: &BTreeMap<String, PolicyText>) -> Inline {
    inline.iter().map(|(name, policy)| (name.clone(), policy.text.to_string())).collect()
}

fn owner_out(owner: &Owner) -> Option<String> {
    match owner {
        Owner::Root => None,
        Owner::User(id) => Some(id.to_string()),
    }
}

fn account_out(account: &Account) -> AccountDto {
    AccountDto {
        id: account.id.to_string(),
        partition: account.partition.to_string(),
        name: account.name.clone(),
        created: account.created,
        alias: account.alias.clone(),
        password_policy: account.password_policy.as_ref().map(|policy| PasswordPolicyDto {
            minimum_length: policy.minimum_length,
            require_symbols: policy.require_symbols,
            require_numbers: policy.require_numbers,
            require_uppercase: policy.require_uppercase,
            require_lowercase: policy.require_lowercase,
            allow_change: policy.allow_change,
            max_age_days: policy.max_age_days,
            reuse_prevention: policy.reuse_prevention,
            hard_expiry: policy.hard_expiry,
        }),
        credential_report: account
            .credential_report
            .as_ref()
            .map(|report| ReportDto { generated: report.generated, csv: report.csv.to_string() }),
        users: account.users.iter().map(user_out).collect(),
        groups: account
            .groups
            .iter()
            .map(|group| GroupDto {
                name: group.name.clone(),
                path: group.path.clone(),
                id: group.id.to_string(),
                created: group.created,
                inline: inline_out(&group.inline),
                attached: group.attached.clone(),
            })
            .collect(),
        roles: account.roles.iter().map(role_out).collect(),
        policies: account.policies.iter().map(policy_out).collect(),
        instance_profiles: account
            .instance_profiles
            .iter()
            .map(|profile| ProfileDto {
                name: profile.name.clone(),
                path: profile.path.clone(),
                id: profile.id.to_string(),
                created: profile.created,
                role: profile.role.as_ref().map(ToString::to_string),
                tags: tags_out(&profile.tags),
            })
            .collect(),
        mfa_devices: account
            .mfa_devices
            .values()
            .map(|device| DeviceDto {
                serial: device.serial.clone(),
                seed_base32: device.seed.expose_secret_base32().to_string(),
                tags: tags_out(&device.tags),
                enabled: device.enabled.as_ref().map(|enabled| (owner_out(&enabled.owner), enabled.since)),
                last_step: device.last_step,
            })
            .collect(),
        access_keys: keys_out(account),
    }
}

/// Each owner's keys in the order of their creation, which an import keeps.
fn keys_out(account: &Account) -> Vec<KeyDto> {
    let owners =
        std::iter::once(Owner::Root).chain(account.users.iter().map(|user| Owner::User(user.id.clone())));
    let mut keys = Vec::new();
    for owner in owners {
        keys.extend(account.keys_of(&owner).map(|key| KeyDto {
            id: key.id.to_string(),
            owner: owner_out(&key.owner),
            secret: key.secret.expose_secret().to_owned(),
            active: key.active,
            created: key.created,
            last_used:
                key.last_used.as_ref().map(|used| (used.at, used.service.clone(), used.region.clone())),
        }));
    }
    keys
}

fn user_out(user: &User) -> UserDto {
    UserDto {
        name: user.name.clone(),
        path: user.path.clone(),
        id: user.id.to_string(),
        created: user.created,
        tags: tags_out(&user.tags),
        boundary: user.boundary.clone(),
        inline: inline_out(&user.inline),
        attached: user.attached.clone(),
        groups: user.groups.iter().map(ToString::to_string).collect(),
        login_profile: user.login_profile.as_ref().map(|login| LoginDto {
            created: login.created,
            password_reset_required: login.password_reset_required,
            password_changed: login.password_changed,
            password_hashes: login.password_hashes.clone(),
        }),
        rare: rare_out(&user.rare),
        password_last_used: user.password_last_used,
        accessed: accessed_out(&user.accessed),
    }
}

fn role_out(role: &Role) -> RoleDto {
    RoleDto {
        name: role.name.clone(),
        path: role.path.clone(),
        id: role.id.to_string(),
        created: role.created,
        description: role.description.clone(),
        max_session_duration: role.max_session_duration,
        trust: role.trust.text.to_string(),
        tags: tags_out(&role.tags),
        boundary: role.boundary.clone(),
        inline: inline_out(&role.inline),
        attached: role.attached.clone(),
        last_used: role.last_used.as_ref().map(|used| (used.at, used.region.clone())),
        accessed: accessed_out(&role.accessed),
    }
}

fn policy_out(policy: &Policy) -> PolicyDto {
    let versions = policy.versions.iter();
    PolicyDto {
        name: policy.name.clone(),
        path: policy.path.clone(),
        id: policy.id.to_string(),
        created: policy.created,
        updated: policy.updated,
        description: policy.description.clone(),
        tags: tags_out(&policy.tags),
        versions: versions
            .map(|(number, version)| (*number, (version.created, version.policy.text.to_string())))
            .collect(),
        default_version: policy.default_version,
        next_version: policy.next_version,
    }
}

// In.

fn bad(what: &'static str, text: &str) -> ImportError {
    ImportError::Value { what, text: text.to_owned() }
}

fn id_in(text: &str) -> Result<PrincipalId, ImportError> {
    text.parse().map_err(|_| bad("a unique id", text))
}

fn tags_in(tags: Tags) -> Vec<Tag> {
    tags.into_iter().map(|(key, value)| Tag { key, value }).collect()
}

fn policy_text_in(text: &str) -> Result<PolicyText, ImportError> {
    let document = Document::parse(text).map_err(|_| bad("a policy", text))?;
    Ok(PolicyText::new(text, document))
}

fn inline_in(inline: Inline) -> Result<BTreeMap<String, PolicyText>, ImportError> {
    inline.into_iter().map(|(name, text)| Ok((name, policy_text_in(&text)?))).collect()
}

fn owner_in(owner: Option<String>) -> Result<Owner, ImportError> {
    owner.map_or(Ok(Owner::Root), |id| id_in(&id).map(Owner::User))
}

fn account_in(dto: AccountDto) -> Result<Account, ImportError> {
    let id: AccountId = dto.id.parse().map_err(|_| bad("an account id", &dto.id))?;
    let partition: Partition = dto.partition.parse().map_err(|_| bad("a partition", &dto.partition))?;
    let mut account = Account::empty(id, partition, dto.created);
    account.name = dto.name;
    account.alias = dto.alias;
    account.password_policy = dto.password_policy.map(|policy| PasswordPolicy {
        minimum_length: policy.minimum_length,
        require_symbols: policy.require_symbols,
        require_numbers: policy.require_numbers,
        require_uppercase: policy.require_uppercase,
        require_lowercase: policy.require_lowercase,
        allow_change: policy.allow_change,
        max_age_days: policy.max_age_days,
        reuse_prevention: policy.reuse_prevention,
        hard_expiry: policy.hard_expiry,
    });
    account.credential_report = dto
        .credential_report
        .map(|report| CredentialReport { generated: report.generated, csv: report.csv.into() });
    let twice = |what: &str, name: &str| ImportError::Twice(format!("{what} {name} of account {id}"));
    for user in dto.users {
        let user = user_in(user)?;
        account.users.insert(user).map_err(|user| twice("user", &user.name))?;
    }
    for group in dto.groups {
        let group = Group {
            id: id_in(&group.id)?,
            inline: inline_in(group.inline)?,
            name: group.name,
            path: group.path,
            created: group.created,
            attached: group.attached,
        };
        account.groups.insert(group).map_err(|group| twice("group", &group.name))?;
    }
    for role in dto.roles {
        let role = role_in(role)?;
        account.roles.insert(role).map_err(|role| twice("role", &role.name))?;
    }
    for policy in dto.policies {
        let policy = policy_in(policy)?;
        account.policies.insert(policy).map_err(|policy| twice("policy", &policy.name))?;
    }
    for profile in dto.instance_profiles {
        let profile = InstanceProfile {
            id: id_in(&profile.id)?,
            role: profile.role.as_deref().map(id_in).transpose()?,
            name: profile.name,
            path: profile.path,
            created: profile.created,
            tags: tags_in(profile.tags),
        };
        account
            .instance_profiles
            .insert(profile)
            .map_err(|profile| twice("instance profile", &profile.name))?;
    }
    for device in dto.mfa_devices {
        let device = device_in(device)?;
        if let Some(other) = account.mfa_devices.insert(device.serial.clone(), device) {
            return Err(twice("MFA device", &other.serial));
        }
    }
    for key in dto.access_keys {
        let key = key_in(key)?;
        if key.id.account() != Some(id) || account.key(&key.id).is_some() {
            return Err(twice("access key", key.id.as_str()));
        }
        account.add_key(key);
    }
    Ok(account)
}

fn user_in(dto: UserDto) -> Result<User, ImportError> {
    Ok(User {
        id: id_in(&dto.id)?,
        tags: tags_in(dto.tags),
        inline: inline_in(dto.inline)?,
        groups: dto.groups.iter().map(|id| id_in(id)).collect::<Result<_, _>>()?,
        login_profile: dto.login_profile.map(|login| LoginProfile {
            created: login.created,
            password_reset_required: login.password_reset_required,
            password_changed: login.password_changed,
            password_hashes: login.password_hashes,
        }),
        rare: rare_in(dto.rare),
        name: dto.name,
        path: dto.path,
        created: dto.created,
        boundary: dto.boundary,
        attached: dto.attached,
        password_last_used: dto.password_last_used,
        accessed: accessed_in(dto.accessed),
    })
}

fn role_in(dto: RoleDto) -> Result<Role, ImportError> {
    Ok(Role {
        id: id_in(&dto.id)?,
        trust: policy_text_in(&dto.trust)?,
        tags: tags_in(dto.tags),
        inline: inline_in(dto.inline)?,
        last_used: dto.last_used.map(|(at, region)| RoleUse { at, region }),
        accessed: accessed_in(dto.accessed),
        name: dto.name,
        path: dto.path,
        created: dto.created,
        description: dto.description,
        max_session_duration: dto.max_session_duration,
        boundary: dto.boundary,
        attached: dto.attached,
    })
}

fn policy_in(dto: PolicyDto) -> Result<Policy, ImportError> {
    let versions = dto.versions.into_iter().map(|(number, (created, text))| {
        Ok::<_, ImportError>((number, PolicyVersion { policy: policy_text_in(&text)?, created }))
    });
    let versions: BTreeMap<_, _> = versions.collect::<Result<_, _>>()?;
    if !versions.contains_key(&dto.default_version) {
        return Err(bad("the default version of a policy", &dto.name));
    }
    Ok(Policy {
        id: id_in(&dto.id)?,
        tags: tags_in(dto.tags),
        versions,
        name: dto.name,
        path: dto.path,
        created: dto.created,
        updated: dto.updated,
        description: dto.description,
        default_version: dto.default_version,
        next_version: dto.next_version,
    })
}

fn device_in(dto: DeviceDto) -> Result<MfaDevice, ImportError> {
    Ok(MfaDevice {
        seed: TotpSeed::from_base32(&dto.seed_base32).map_err(|_| bad("the seed of an MFA device", ""))?,
        tags: tags_in(dto.tags),
        enabled: match dto.enabled {
            None => None,
            Some((owner, since)) => Some(EnabledMfa { owner: owner_in(owner)?, since }),
        },
        serial: dto.serial,
        last_step: dto.last_step,
    })
}

fn key_in(dto: KeyDto) -> Result<AccessKey, ImportError> {
    Ok(AccessKey {
        id: dto.id.parse().map_err(|_| bad("an access key id", &dto.id))?,
        owner: owner_in(dto.owner)?,
        secret: SecretAccessKey::new(dto.secret).map_err(|_| bad("a secret access key", ""))?,
        active: dto.active,
        created: dto.created,
        last_used: dto.last_used.map(|(at, service, region)| KeyUse { at, service, region }),
    })
}
