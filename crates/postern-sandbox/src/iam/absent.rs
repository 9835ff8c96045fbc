//! Kinds of things that the sandbox has no call to make: nobody has any, and these lists truly say so.
//!
//! Tools ask for them before they delete a user or judge an account. The calls that would make or change
//! such things are refused as not implemented.

use std::marker::PhantomData;

use crate::{
    ServiceError,
    operation::{Authorized, Call, Entry, Needs, Operation, Reply, entry},
    wire::Decoder,
};

pub(super) const OPERATIONS: &[Entry] = &[
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
