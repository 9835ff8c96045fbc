//! Credentials of single services, of which the sandbox only keeps account: no service takes them here.

use postern_types::Timestamp;

/// What a user has of them.
#[derive(Clone, Default)]
pub(crate) struct RareCredentials {
    pub(crate) ssh_public_keys: Vec<Rare<SshPublicKey>>,
    pub(crate) service_specific: Vec<Rare<ServiceSpecific>>,
    pub(crate) signing_certificates: Vec<Rare<SigningCertificate>>,
}

impl RareCredentials {
    pub(crate) fn is_empty(&self) -> bool {
        self.ssh_public_keys.is_empty()
            && self.service_specific.is_empty()
            && self.signing_certificates.is_empty()
    }
}

/// One of them, with what all kinds have.
#[derive(Clone)]
pub(crate) struct Rare<T> {
    pub(crate) id: String,
    pub(crate) active: bool,
    pub(crate) created: Timestamp,
    pub(crate) of: T,
}

/// An SSH public key, for CodeCommit.
#[derive(Clone)]
pub(crate) struct SshPublicKey {
    pub(crate) body: String,
}

/// A user name and password, or an API key. Its secret is shown once and not kept, for nothing here asks for it.
#[derive(Clone)]
pub(crate) struct ServiceSpecific {
    /// `codecommit.amazonaws.com`
    pub(crate) service: String,
    /// `jane-at-123456789012`
    pub(crate) service_user_name: String,
    pub(crate) expires: Option<Timestamp>,
}

/// An X.509 certificate.
#[derive(Clone)]
pub(crate) struct SigningCertificate {
    pub(crate) body: String,
}
