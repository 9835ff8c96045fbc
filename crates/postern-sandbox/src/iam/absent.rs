//! Kinds of things that the sandbox has no call to make: nobody has any, and these lists truly say so.
//!
//! Tools ask for them before they delete a user or judge an account. The calls that would make or change
//! such things are refused as not implemented.

use std::marker::PhantomData;

use crate::{
    ServiceError,
    operation::{Authorized, Call, Entry, Needs, Operation, Reply, Subject, entry, find_user},
    page::Paging,
    wire::{Decoder, rules},
};

pub(super) const OPERATIONS: &[Entry] = &[
    entry::<OfUser<SshPublicKeys>>(),
    entry::<OfUser<SigningCertificates>>(),
    entry::<OfUser<ServiceSpecificCredentials>>(),
    entry::<OfAccount<ServerCertificates>>(),
    entry::<OfAccount<OpenIdConnectProviders>>(),
    entry::<OfAccount<SamlProviders>>(),
];

/// A kind of thing, and how its list is asked for and answered.
trait Absent: 'static {
    const CALL: &'static str;
    const LIST: &'static str;
    /// Whether the answer has `IsTruncated`.
    const PAGED: bool;
}

macro_rules! absent {
    ($($kind:ident: $call:literal, $list:literal, $paged:literal;)*) => {$(
        struct $kind;

        impl Absent for $kind {
            const CALL: &'static str = $call;
            const LIST: &'static str = $list;
            const PAGED: bool = $paged;
        }
    )*};
}

absent! {
    SshPublicKeys: "ListSSHPublicKeys", "SSHPublicKeys", true;
    SigningCertificates: "ListSigningCertificates", "Certificates", true;
    ServiceSpecificCredentials: "ListServiceSpecificCredentials", "ServiceSpecificCredentials", true;
    ServerCertificates: "ListServerCertificates", "ServerCertificateMetadataList", true;
    OpenIdConnectProviders: "ListOpenIDConnectProviders", "OpenIDConnectProviderList", false;
    SamlProviders: "ListSAMLProviders", "SAMLProviderList", false;
}

fn nothing<A: Absent>() -> Reply {
    Reply::result(|xml| {
        xml.element(A::LIST, |_| {});
        if A::PAGED {
            xml.text("IsTruncated", false);
        }
    })
}

/// A list of what a user has.
struct OfUser<A> {
    user_name: Option<String>,
    paging: Paging,
    kind: PhantomData<A>,
}

impl<A: Absent> Operation for OfUser<A> {
    const NAME: &'static str = A::CALL;

    fn decode(d: &mut Decoder<'_>) -> Self {
        Self {
            user_name: d.optional("UserName", &rules::EXISTING_USER_NAME),
            paging: Paging::decode(d),
            kind: PhantomData,
        }
    }

    fn needs(&self, call: &Call<'_>) -> Result<Needs, ServiceError> {
        let subject = call.owner_or_caller(self.user_name.as_deref())?;
        Ok(Needs::on_subject(call.account(), &subject))
    }

    fn run(op: &Authorized<Self>, call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        if let Subject::User(name) = call.owner_or_caller(op.user_name.as_deref())? {
            find_user(call.account(), &name)?;
        }
        // For the marker's sake: one that was not issued is refused here, too.
        op.paging.cut(call, Self::NAME, std::iter::empty::<(String, ())>())?;
        Ok(nothing::<A>())
    }
}

/// A list of what the account has.
struct OfAccount<A> {
    kind: PhantomData<A>,
}

impl<A: Absent> Operation for OfAccount<A> {
    const NAME: &'static str = A::CALL;

    fn decode(_d: &mut Decoder<'_>) -> Self {
        Self { kind: PhantomData }
    }

    fn needs(&self, _call: &Call<'_>) -> Result<Needs, ServiceError> {
        Ok(Needs::on("*"))
    }

    fn run(_op: &Authorized<Self>, _call: &mut Call<'_>) -> Result<Reply, ServiceError> {
        Ok(nothing::<A>())
    }
}
