//! Login profiles: passwords for the console, which the sandbox keeps but has no console for.

use super::{
    common::{find_user_mut, user_missing},
    password,
};
use crate::{
    ServiceError,
    model::{Account, LoginProfile, User},
    operation::{Authorized, Call, Entry, Needs, Operation, Reply, Subject, entry, find_user},
    wire::{Decoder, Xml, rules},
};

pub(super) const OPERATIONS: &[Entry] = &[
    entry::<CreateLoginProfile>(),
    entry::<GetLoginProfile>(),
    entry::<UpdateLoginProfile>(),
    entry::<DeleteLoginProfile>(),
    entry::<ChangePassword>(),
];

/// Hashes that are kept: `PasswordReusePrevention` goes up to 24.
const REMEMBERED: usize = 24;

fn profile_missing(user: &str) -> ServiceError {
    ServiceError::no_such_entity(format!("Login Profile for User {user} cannot be found."))
}

fn find_profile(user: &User) -> Result<&LoginProfile, ServiceError> {
    user.login_profile.as_ref().ok_or_else(|| profile_missing(&user.name))
}

fn write_profile(xml: &mut Xml, user: &User, profile: &LoginProfile) {
    xml.element("LoginProfile", |xml| {
        xml.text("UserName", &user.name);
        xml.time("CreateDate", profile.created);
        xml.text("PasswordResetRequired", profile.password_reset_required);
    });
}

/// Checks and sets a password of a profile that exists.
fn set_password(call: &mut Call<'_>, user_name: &str, new: &str) -> Result<(), ServiceError> {
    let account = call.account();
    let user = find_user(account, user_name)?;
    let profile = find_profile(user)?;
    password::check(account.password_policy.as_ref(), &user.name, Some(profile), new)?;
    let hash = password::hash(new, call.rng);
    let now = call.now;
    if let Some(profile) = &mut find_user_mut(call.account_mut(), user_name)?.login_profile {
        profile.password_hashes.insert(0, hash);
        profile.password_hashes.truncate(REMEMBERED);
        profile.password_changed = now;
    }
    Ok(())
}

/// `CreateLoginProfile`
struct CreateLoginProfile {
    user_name: Option<String>,
    password: Option<String>,
    reset_required: bool,
}

impl Operation for CreateLoginProfile {
    const NAME: &'static str = "CreateLoginProfile";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            user_name: d.optional("UserName", &rules::USER_NAME),
            password: d.optional("Password", &rules::PASSWORD),
            reset_required: d.optional_bool("PasswordResetRequired").unwrap_or(false),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        let name = call.user_or_caller(self.user_name.as_deref())?;
        Ok(Needs::on_user(call.account(), &name))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let name = call.user_or_caller(op.user_name.as_deref())?;
        let account = call.account();
        let user = find_user(account, &name)?;
        if user.login_profile.is_some() {
            return Err(ServiceError::already_exists(format!(
                "Login Profile for user {} already exists.",
                user.name
            )));
        }
        // The model lets it be left out for root alone (centralised root access), which is not a user.
        // Our words.
        let Some(new) = &op.password else {
            return Err(ServiceError::validation("Must specify a password for a user's login profile"));
        };
        password::check(account.password_policy.as_ref(), &user.name, None, new)?;
        let profile = LoginProfile {
            created: call.now,
            password_reset_required: op.reset_required,
            password_changed: call.now,
            password_hashes: vec![password::hash(new, call.rng)],
        };
        find_user_mut(call.account_mut(), &name)?.login_profile = Some(profile);
        reply_with_profile(call.account(), &name)
    }
}

fn reply_with_profile(account: &Account, name: &str) -> Result<Reply, ServiceError> {
    let user = find_user(account, name)?;
    let profile = find_profile(user)?;
    Ok(Reply::result(|xml| write_profile(xml, user, profile)))
}

/// `GetLoginProfile`
struct GetLoginProfile {
    user_name: Option<String>,
}

impl Operation for GetLoginProfile {
    const NAME: &'static str = "GetLoginProfile";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { user_name: d.optional("UserName", &rules::USER_NAME) }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        let name = call.user_or_caller(self.user_name.as_deref())?;
        Ok(Needs::on_user(call.account(), &name))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        reply_with_profile(call.account(), &call.user_or_caller(op.user_name.as_deref())?)
    }
}

/// `UpdateLoginProfile`: another password, the flag, or both.
struct UpdateLoginProfile {
    user_name: String,
    password: Option<String>,
    reset_required: Option<bool>,
}

impl Operation for UpdateLoginProfile {
    const NAME: &'static str = "UpdateLoginProfile";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            user_name: d.required("UserName", &rules::USER_NAME),
            password: d.optional("Password", &rules::PASSWORD),
            reset_required: d.optional_bool("PasswordResetRequired"),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on_user(call.account(), &self.user_name))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        find_profile(find_user(call.account(), &op.user_name)?)?;
        if let Some(new) = &op.password {
            set_password(call, &op.user_name, new)?;
        }
        if let Some(required) = op.reset_required
            && let Some(profile) = &mut find_user_mut(call.account_mut(), &op.user_name)?.login_profile
        {
            profile.password_reset_required = required;
        }
        Ok(Reply::nothing())
    }
}

/// `DeleteLoginProfile`
struct DeleteLoginProfile {
    user_name: Option<String>,
}

impl Operation for DeleteLoginProfile {
    const NAME: &'static str = "DeleteLoginProfile";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { user_name: d.optional("UserName", &rules::USER_NAME) }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        let name = call.user_or_caller(self.user_name.as_deref())?;
        Ok(Needs::on_user(call.account(), &name))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let name = call.user_or_caller(op.user_name.as_deref())?;
        let user = find_user_mut(call.account_mut(), &name)?;
        match user.login_profile.take() {
            Some(_) => Ok(Reply::nothing()),
            None => Err(profile_missing(&user.name)),
        }
    }
}

/// `ChangePassword`: the caller's own.
struct ChangePassword {
    old: String,
    new: String,
}

impl Operation for ChangePassword {
    const NAME: &'static str = "ChangePassword";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            old: d.required("OldPassword", &rules::PASSWORD),
            new: d.required("NewPassword", &rules::PASSWORD),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        let name = caller(call)?;
        let account = call.account();
        // The password policy may grant to all users what otherwise needs `iam:ChangePassword`.
        if account.password_policy.as_ref().is_some_and(|policy| policy.allow_change) {
            return Ok(Needs::nothing());
        }
        Ok(Needs::on_user(account, &name))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let name = caller(call)?;
        let user = call.account().users.get(&name).ok_or_else(|| user_missing(&name))?;
        let profile = find_profile(user)?;
        let current = profile.password_hashes.first();
        if !current.is_some_and(|hash| password::matches(hash, &op.old)) {
            // Our words: no text was observed.
            return Err(ServiceError::access_denied("The old password was incorrect."));
        }
        set_password(call, &name, &op.new)?;
        if let Some(profile) = &mut find_user_mut(call.account_mut(), &name)?.login_profile {
            profile.password_reset_required = false;
        }
        Ok(Reply::nothing())
    }
}

/// The user who calls.
fn caller(call: &Call<'_>) -> Result<String, ServiceError> {
    match call.owner_or_caller(None)? {
        Subject::User(name) => Ok(name),
        Subject::Root => {
            Err(ServiceError::new(400, "InvalidUserType", "Only IAM Users can change their own password"))
        }
    }
}
