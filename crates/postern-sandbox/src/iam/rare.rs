//! Credentials of single services: SSH public keys, service-specific credentials, signing certificates.
//!
//! They are made, listed, switched and deleted as AWS does it. Nothing in the sandbox takes one: what they would open
//! is not played.

mod certificate;
mod service;
mod ssh;

use std::marker::PhantomData;

use postern_types::Rng;

use super::common::find_user_mut;
use crate::{
    ServiceError,
    model::{Account, Rare, RareCredentials, ServiceSpecific, SigningCertificate, SshPublicKey},
    operation::{Authorized, Call, Entry, Needs, Operation, Reply, Subject, entry, find_user},
    page::Paging,
    wire::{Decoder, Rule, Xml, rules},
};

pub(super) const OPERATIONS: &[Entry] = &[
    entry::<ssh::Upload>(),
    entry::<List<SshPublicKey>>(),
    entry::<Update<SshPublicKey>>(),
    entry::<Delete<SshPublicKey>>(),
    entry::<service::Create>(),
    entry::<List<ServiceSpecific>>(),
    entry::<Update<ServiceSpecific>>(),
    entry::<Delete<ServiceSpecific>>(),
    entry::<certificate::Upload>(),
    entry::<List<SigningCertificate>>(),
    entry::<Update<SigningCertificate>>(),
    entry::<Delete<SigningCertificate>>(),
];

/// `[\w]+`, 20 to 128: ids of all kinds. Certificates have at least 24.
const ID: Rule =
    Rule::pattern(20, 128, r"[\w]+", |text| text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_'));

/// A kind of such credentials: what its calls are named, and how it shows.
pub(super) trait Kind: Sized + 'static {
    const LIST: &'static str;
    const UPDATE: &'static str;
    const DELETE: &'static str;
    /// The parameter, and the member of answers, that holds the id.
    const ID: &'static str;
    /// The list in the answer of `LIST`.
    const MEMBERS: &'static str;
    /// The words of its status.
    const STATUS: &'static [&'static str];

    fn all(held: &RareCredentials) -> &Vec<Rare<Self>>;
    fn all_mut(held: &mut RareCredentials) -> &mut Vec<Rare<Self>>;
    fn missing(id: &str) -> ServiceError;
    /// What a list shows beside the user's name, the id and the status.
    fn write(one: &Rare<Self>, xml: &mut Xml);
}

/// A fresh id with this in front.
fn fresh(prefix: &str, rng: &mut dyn Rng) -> String {
    let mut raw = [0_u8; 20];
    rng.fill_bytes(&mut raw);
    let tail = data_encoding::BASE32.encode(&raw);
    format!("{prefix}{}", tail.get(..24 - prefix.len()).unwrap_or_default())
}

fn write_common<K: Kind>(xml: &mut Xml, user: &str, one: &Rare<K>) {
    xml.text("UserName", user);
    xml.text(K::ID, &one.id);
    xml.text("Status", if one.active { "Active" } else { "Inactive" });
}

fn find<'a, K: Kind>(
    account: &'a mut Account,
    user: &str,
    id: &str,
) -> Result<&'a mut Rare<K>, ServiceError> {
    let held = &mut find_user_mut(account, user)?.rare;
    K::all_mut(held).iter_mut().find(|one| one.id == id).ok_or_else(|| K::missing(id))
}

/// The user whose credential a call is about. Root has none of these here.
fn user_of(call: &Call<'_>, given: Option<&str>) -> Result<String, ServiceError> {
    call.user_or_caller(given)
}

/// `ListSSHPublicKeys` and the like.
pub(super) struct List<K> {
    user_name: Option<String>,
    paging: Paging,
    kind: PhantomData<K>,
}

impl<K: Kind> Operation for List<K> {
    const NAME: &'static str = K::LIST;

    fn decode(d: &mut Decoder<'_>) -> Self {
        let user_name = d.optional("UserName", &rules::EXISTING_USER_NAME);
        Self { user_name, paging: Paging::decode(d), kind: PhantomData }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        let subject = call.owner_or_caller(self.user_name.as_deref())?;
        Ok(Needs::on_subject(call.account(), &subject))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let user = match call.owner_or_caller(op.user_name.as_deref())? {
            Subject::User(name) => Some(find_user(call.account(), &name)?),
            Subject::Root => None,
        };
        let all = user.into_iter().flat_map(|user| K::all(&user.rare).iter().map(move |one| (user, one)));
        // Oldest first; the position is the key, for ids are in no order.
        let all = all.enumerate().map(|(at, one)| (format!("{at:04}"), one));
        let page = op.paging.cut(call, Self::NAME, all)?;
        Ok(Reply::result(|xml| {
            page.write(xml, K::MEMBERS, |xml, (user, one)| {
                write_common(xml, &user.name, one);
                K::write(one, xml);
            });
        }))
    }
}

/// `UpdateSSHPublicKey` and the like: on or off.
pub(super) struct Update<K> {
    user_name: Option<String>,
    id: String,
    active: bool,
    kind: PhantomData<K>,
}

impl<K: Kind> Operation for Update<K> {
    const NAME: &'static str = K::UPDATE;

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            user_name: d.optional("UserName", &rules::EXISTING_USER_NAME),
            id: d.required(K::ID, &ID),
            active: d.required_word("Status", K::STATUS) == "Active",
            kind: PhantomData,
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on_user(call.account(), &user_of(call, self.user_name.as_deref())?))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let user = user_of(call, op.user_name.as_deref())?;
        find::<K>(call.account_mut(), &user, &op.id)?.active = op.active;
        Ok(Reply::nothing())
    }
}

/// `DeleteSSHPublicKey` and the like.
pub(super) struct Delete<K> {
    user_name: Option<String>,
    id: String,
    kind: PhantomData<K>,
}

impl<K: Kind> Operation for Delete<K> {
    const NAME: &'static str = K::DELETE;

    fn decode(d: &mut Decoder<'_>) -> Self {
        let user_name = d.optional("UserName", &rules::EXISTING_USER_NAME);
        Self { user_name, id: d.required(K::ID, &ID), kind: PhantomData }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on_user(call.account(), &user_of(call, self.user_name.as_deref())?))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        let user = user_of(call, op.user_name.as_deref())?;
        let account = call.account_mut();
        find::<K>(account, &user, &op.id)?;
        K::all_mut(&mut find_user_mut(account, &user)?.rare).retain(|one| one.id != op.id);
        Ok(Reply::nothing())
    }
}
