//! Long-term access keys.

use postern_types::AccessKeyId;

use crate::{
    ServiceError,
    model::{AccessKey, Account, Owner},
    operation::{Authorized, Call, Entry, Needs, Operation, Reply, Subject, entry},
    page::Paging,
    wire::{Decoder, Xml, rules},
};

pub(super) const OPERATIONS: &[Entry] = &[
    entry::<CreateAccessKey>(),
    entry::<ListAccessKeys>(),
    entry::<UpdateAccessKey>(),
    entry::<DeleteAccessKey>(),
    entry::<GetAccessKeyLastUsed>(),
];

/// Access keys that a user or root may have.
const KEYS: usize = 2;

/// The name of an owner as the calls about keys and devices show it.
pub(super) fn name_of<'a>(account: &'a Account, owner: &Owner) -> &'a str {
    match owner {
        Owner::Root => "root",
        Owner::User(id) => account.users.by_id(id).map_or("", |user| &user.name),
    }
}

fn key_missing(id: &str) -> ServiceError {
    ServiceError::no_such_entity(format!("The Access Key with id {id} cannot be found."))
}

/// The key of this id, if it is the subject's.
fn find_key(account: &Account, subject: &Subject, id: &str) -> Result<AccessKeyId, ServiceError> {
    let owner = subject.owner(account)?;
    let id = id.parse::<AccessKeyId>().map_err(|_| key_missing(id))?;
    match account.key(&id) {
        Some(key) if key.owner == owner => Ok(id),
        _ => Err(key_missing(id.as_str())),
    }
}

fn write_metadata(xml: &mut Xml, account: &Account, key: &AccessKey) {
    xml.text("UserName", name_of(account, &key.owner));
    xml.text("AccessKeyId", &key.id);
    xml.text("Status", if key.active { "Active" } else { "Inactive" });
}

/// `CreateAccessKey`: the only answer that ever shows the secret.
struct CreateAccessKey {
    user_name: Option<String>,
}

impl Operation for CreateAccessKey {
    const NAME: &'static str = "CreateAccessKey";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { user_name: d.optional("UserName", &rules::EXISTING_USER_NAME) }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        let subject = call.owner_or_caller(self.user_name.as_deref())?;
        Ok(Needs::on_subject(call.account(), &subject))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let subject = call.owner_or_caller(op.user_name.as_deref())?;
        let now = call.now;
        let (account, rng) = call.account_and_rng();
        let owner = subject.owner(account)?;
        if account.keys_of(&owner).count() >= KEYS {
            return Err(ServiceError::limit_exceeded(format!(
                "Cannot exceed quota for AccessKeysPerUser: {KEYS}"
            )));
        }
        let id = account.issue_key(owner, now, rng);
        let key = account.key(&id).ok_or_else(|| key_missing(id.as_str()))?;
        Ok(Reply::result(|xml| {
            xml.element("AccessKey", |xml| {
                write_metadata(xml, account, key);
                // Shown once, at its creation.
                xml.text("SecretAccessKey", key.secret.expose_secret());
                xml.time("CreateDate", key.created);
            });
        }))
    }
}

/// `ListAccessKeys`
struct ListAccessKeys {
    user_name: Option<String>,
    paging: Paging,
}

impl Operation for ListAccessKeys {
    const NAME: &'static str = "ListAccessKeys";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { user_name: d.optional("UserName", &rules::EXISTING_USER_NAME), paging: Paging::decode(d) }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        let subject = call.owner_or_caller(self.user_name.as_deref())?;
        Ok(Needs::on_subject(call.account(), &subject))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let account = call.account();
        let owner = call.owner_or_caller(op.user_name.as_deref())?.owner(account)?;
        // Oldest first; the position is the key, for ids are in no order.
        let keys = account.keys_of(&owner).enumerate().map(|(at, key)| (format!("{at:04}"), key));
        let page = op.paging.cut(call, Self::NAME, keys)?;
        Ok(Reply::result(|xml| {
            page.write(xml, "AccessKeyMetadata", |xml, key| {
                write_metadata(xml, account, key);
                xml.time("CreateDate", key.created);
            });
        }))
    }
}

/// `UpdateAccessKey`: switches a key on or off.
struct UpdateAccessKey {
    user_name: Option<String>,
    access_key_id: String,
    active: bool,
}

impl Operation for UpdateAccessKey {
    const NAME: &'static str = "UpdateAccessKey";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            user_name: d.optional("UserName", &rules::EXISTING_USER_NAME),
            access_key_id: d.required("AccessKeyId", &rules::ACCESS_KEY_ID),
            active: d.required_word("Status", &["Active", "Inactive"]) == "Active",
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        let subject = call.owner_or_caller(self.user_name.as_deref())?;
        Ok(Needs::on_subject(call.account(), &subject))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let subject = call.owner_or_caller(op.user_name.as_deref())?;
        let account = call.account_mut();
        let id = find_key(account, &subject, &op.access_key_id)?;
        account.key_mut(&id).ok_or_else(|| key_missing(id.as_str()))?.active = op.active;
        Ok(Reply::nothing())
    }
}

/// `DeleteAccessKey`
struct DeleteAccessKey {
    user_name: Option<String>,
    access_key_id: String,
}

impl Operation for DeleteAccessKey {
    const NAME: &'static str = "DeleteAccessKey";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            user_name: d.optional("UserName", &rules::EXISTING_USER_NAME),
            access_key_id: d.required("AccessKeyId", &rules::ACCESS_KEY_ID),
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        let subject = call.owner_or_caller(self.user_name.as_deref())?;
        Ok(Needs::on_subject(call.account(), &subject))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let subject = call.owner_or_caller(op.user_name.as_deref())?;
        let account = call.account_mut();
        let id = find_key(account, &subject, &op.access_key_id)?;
        account.remove_key(&id);
        Ok(Reply::nothing())
    }
}

/// `GetAccessKeyLastUsed`: a key that is not the account's is no secret to AWS, and no entity either.
struct GetAccessKeyLastUsed {
    access_key_id: String,
}

impl GetAccessKeyLastUsed {
    fn key<'a>(&self, call: &'a Call<'_>) -> Result<&'a AccessKey, ServiceError> {
        let id = self.access_key_id.parse::<AccessKeyId>().ok();
        id.and_then(|id| call.account().key(&id)).ok_or_else(|| {
            // Without the colon behind `perform`, as observed on AWS.
            ServiceError::access_denied(format!(
                "User: {} is not authorized to perform iam:GetAccessKeyLastUsed on resource: access key {}",
                call.caller.arn, self.access_key_id
            ))
        })
    }
}

impl Operation for GetAccessKeyLastUsed {
    const NAME: &'static str = "GetAccessKeyLastUsed";

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self { access_key_id: d.required("AccessKeyId", &rules::ACCESS_KEY_ID) }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        let account = call.account();
        Ok(match &self.key(call)?.owner {
            Owner::Root => Needs::on(account.root_arn()),
            owner @ Owner::User(_) => Needs::on_user(account, name_of(account, owner)),
        })
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let key = op.key(call)?;
        let name = name_of(call.account(), &key.owner);
        Ok(Reply::result(|xml| {
            xml.text("UserName", name);
            xml.element("AccessKeyLastUsed", |xml| match &key.last_used {
                Some(used) => {
                    xml.time("LastUsedDate", used.at);
                    xml.text("ServiceName", &used.service);
                    xml.text("Region", &used.region);
                }
                None => {
                    xml.text("ServiceName", "N/A");
                    xml.text("Region", "N/A");
                }
            });
        }))
    }
}
