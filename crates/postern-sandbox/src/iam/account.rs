//! The account as a whole: alias, password policy, summary.

use crate::{
    ServiceError,
    model::{Owner, PasswordPolicy},
    operation::{Authorized, Call, Entry, Needs, Operation, Reply, entry},
    page::Paging,
    wire::{Decoder, rules},
};

pub(super) const OPERATIONS: &[Entry] = &[
    entry::<CreateAccountAlias>(),
    entry::<ListAccountAliases>(),
    entry::<DeleteAccountAlias>(),
    entry::<GetAccountPasswordPolicy>(),
    entry::<UpdateAccountPasswordPolicy>(),
    entry::<DeleteAccountPasswordPolicy>(),
    entry::<GetAccountSummary>(),
];

/// `CreateAccountAlias`: unique among all accounts; an account has one, and a new one takes its place.
struct CreateAccountAlias {
    alias: String,
}

impl Operation for CreateAccountAlias {
    const NAME: &'static str = "CreateAccountAlias";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { alias: d.required("AccountAlias", &rules::ACCOUNT_ALIAS) }
    }

    fn needs(&self, _call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on("*"))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        // Our words, and below: no text was observed.
        if call.state.accounts.values().any(|account| account.alias.as_deref() == Some(&op.alias)) {
            return Err(ServiceError::already_exists(format!(
                "The account alias {} already exists.",
                op.alias
            )));
        }
        call.account_mut().alias = Some(op.alias.clone());
        Ok(Reply::nothing())
    }
}

/// `ListAccountAliases`: one or none.
struct ListAccountAliases {
    paging: Paging,
}

impl Operation for ListAccountAliases {
    const NAME: &'static str = "ListAccountAliases";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { paging: Paging::decode(d) }
    }

    fn needs(&self, _call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on("*"))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let alias = call.account().alias.iter().map(|alias| (alias.clone(), alias));
        let page = op.paging.cut(call, Self::NAME, alias)?;
        Ok(Reply::result(|xml| {
            xml.texts("AccountAliases", &page.items);
            page.write_end(xml);
        }))
    }
}

/// `DeleteAccountAlias`
struct DeleteAccountAlias {
    alias: String,
}

impl Operation for DeleteAccountAlias {
    const NAME: &'static str = "DeleteAccountAlias";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { alias: d.required("AccountAlias", &rules::ACCOUNT_ALIAS) }
    }

    fn needs(&self, _call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on("*"))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let alias = &mut call.account_mut().alias;
        if alias.as_deref() != Some(&op.alias) {
            return Err(ServiceError::no_such_entity(format!(
                "The account alias with name {} cannot be found.",
                op.alias
            )));
        }
        *alias = None;
        Ok(Reply::nothing())
    }
}

/// `GetAccountPasswordPolicy`
struct GetAccountPasswordPolicy;

impl Operation for GetAccountPasswordPolicy {
    const NAME: &'static str = "GetAccountPasswordPolicy";

    fn decode(_d: &mut Decoder<'_>) -> Self {
        Self
    }

    fn needs(&self, _call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on("*"))
    }

    fn run(_op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account();
        let policy = account.password_policy.as_ref().ok_or_else(|| {
            ServiceError::no_such_entity(format!(
                "The Password Policy with domain name {} cannot be found.",
                account.id
            ))
        })?;
        Ok(Reply::result(|xml| {
            xml.element("PasswordPolicy", |xml| {
                xml.text("MinimumPasswordLength", policy.minimum_length);
                xml.text("RequireSymbols", policy.require_symbols);
                xml.text("RequireNumbers", policy.require_numbers);
                xml.text("RequireUppercaseCharacters", policy.require_uppercase);
                xml.text("RequireLowercaseCharacters", policy.require_lowercase);
                xml.text("AllowUsersToChangePassword", policy.allow_change);
                xml.text("ExpirePasswords", policy.max_age_days.is_some());
                xml.maybe("MaxPasswordAge", policy.max_age_days);
                xml.maybe("PasswordReusePrevention", policy.reuse_prevention);
                xml.maybe("HardExpiry", policy.hard_expiry);
            });
        }))
    }
}

/// `UpdateAccountPasswordPolicy`: replaces all; what is left out takes its default.
struct UpdateAccountPasswordPolicy {
    policy: PasswordPolicy,
}

impl Operation for UpdateAccountPasswordPolicy {
    const NAME: &'static str = "UpdateAccountPasswordPolicy";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            policy: PasswordPolicy {
                minimum_length: d.optional_number("MinimumPasswordLength", 6, 128).unwrap_or(6),
                require_symbols: d.optional_bool("RequireSymbols").unwrap_or(false),
                require_numbers: d.optional_bool("RequireNumbers").unwrap_or(false),
                require_uppercase: d.optional_bool("RequireUppercaseCharacters").unwrap_or(false),
                require_lowercase: d.optional_bool("RequireLowercaseCharacters").unwrap_or(false),
                allow_change: d.optional_bool("AllowUsersToChangePassword").unwrap_or(false),
                max_age_days: d.optional_number("MaxPasswordAge", 1, 1_095),
                reuse_prevention: d.optional_number("PasswordReusePrevention", 1, 24),
                hard_expiry: d.optional_bool("HardExpiry"),
            },
        }
    }

    fn needs(&self, _call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on("*"))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        call.account_mut().password_policy = Some(op.policy.clone());
        Ok(Reply::nothing())
    }
}

/// `DeleteAccountPasswordPolicy`
struct DeleteAccountPasswordPolicy;

impl Operation for DeleteAccountPasswordPolicy {
    const NAME: &'static str = "DeleteAccountPasswordPolicy";

    fn decode(_d: &mut Decoder<'_>) -> Self {
        Self
    }

    fn needs(&self, _call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on("*"))
    }

    fn run(_op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        match call.account_mut().password_policy.take() {
            Some(_) => Ok(Reply::nothing()),
            None => Err(ServiceError::no_such_entity(
                "The account policy with name PasswordPolicy cannot be found.",
            )),
        }
    }
}

/// `GetAccountSummary`: counts and quotas.
struct GetAccountSummary;

impl Operation for GetAccountSummary {
    const NAME: &'static str = "GetAccountSummary";

    fn decode(_d: &mut Decoder<'_>) -> Self {
        Self
    }

    fn needs(&self, _call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on("*"))
    }

    fn run(_op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account();
        let root = &Owner::Root;
        let entries = [
            ("AccessKeysPerUserQuota", 2),
            ("AccountAccessKeysPresent", usize::from(account.keys_of(root).next().is_some())),
            ("AccountMFAEnabled", usize::from(account.mfa_devices_of(root).next().is_some())),
            ("AccountPasswordPresent", 0),
            ("AccountSigningCertificatesPresent", 0),
            ("AssumeRolePolicySizeQuota", 2_048),
            ("AttachedPoliciesPerGroupQuota", 10),
            ("AttachedPoliciesPerRoleQuota", 10),
            ("AttachedPoliciesPerUserQuota", 10),
            ("GlobalEndpointTokenVersion", 1),
            ("GroupPolicySizeQuota", 5_120),
            ("Groups", account.groups.len()),
            ("GroupsPerUserQuota", 10),
            ("GroupsQuota", 300),
            ("InstanceProfiles", account.instance_profiles.len()),
            ("InstanceProfilesQuota", 1_000),
            ("MFADevices", account.mfa_devices.len()),
            ("MFADevicesInUse", account.mfa_devices.values().filter(|d| d.enabled.is_some()).count()),
            ("Policies", account.policies.len()),
            ("PoliciesQuota", 1_500),
            ("PolicySizeQuota", 6_144),
            ("PolicyVersionsInUse", account.policies.iter().map(|policy| policy.versions.len()).sum()),
            ("PolicyVersionsInUseQuota", 10_000),
            ("Providers", 0),
            ("RolePolicySizeQuota", 10_240),
            ("Roles", account.roles.len()),
            ("RolesQuota", 1_000),
            ("ServerCertificates", 0),
            ("ServerCertificatesQuota", 20),
            ("SigningCertificatesPerUserQuota", 2),
            ("UserPolicySizeQuota", 2_048),
            ("Users", account.users.len()),
            ("UsersQuota", 5_000),
            ("VersionsPerPolicyQuota", 5),
        ];
        Ok(Reply::result(|xml| {
            xml.list_of("SummaryMap", "entry", entries, |xml, (key, value)| {
                xml.text("key", key);
                xml.text("value", value);
            });
        }))
    }
}
