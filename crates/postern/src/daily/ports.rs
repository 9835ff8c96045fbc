//! The broker's ports in this program: STS, and the key store with a destination's own key before it.

use std::cell::OnceCell;

use postern_aws::{Aws, Endpoint, Network, Patience, StsClient};
use postern_broker::{
    AssumeRole, Assumer, CallerIdentity, Credentials, KeyEntry, SecretStore, StoreError, StoreKind, Sts,
    StsEndpoint, StsError,
};
use postern_types::{
    AccessKeyId, LongTermKey, MfaCode, MfaSerial, MfaSession, RoleCredentials, SessionDuration,
    SignedDuration, Timestamp,
};

use crate::env::Environment;

/// The key store, and before it the one key of a destination that is not in it.
pub(super) struct Keys<'a> {
    pub(super) store: &'a dyn SecretStore,
    pub(super) own: Option<&'a LongTermKey>,
}

impl SecretStore for Keys<'_> {
    fn kind(&self) -> StoreKind {
        self.store.kind()
    }

    fn list(&self) -> Result<Vec<KeyEntry>, StoreError> {
        self.store.list()
    }

    fn get(&self, id: &AccessKeyId) -> Result<Option<LongTermKey>, StoreError> {
        match self.own {
            Some(own) if own.id == *id => Ok(Some(own.clone())),
            _ => self.store.get(id),
        }
    }

    fn put(&self, entry: &KeyEntry, key: &LongTermKey) -> Result<(), StoreError> {
        self.store.put(entry, key)
    }

    fn remove(&self, id: &AccessKeyId) -> Result<bool, StoreError> {
        self.store.remove(id)
    }
}

/// STS, connected at the first call: a cached answer needs no client.
pub(crate) struct LazySts<'a> {
    endpoint: Endpoint,
    environment: &'a Environment,
    client: OnceCell<StsClient>,
}

impl<'a> LazySts<'a> {
    pub(super) fn new(endpoint: &StsEndpoint, environment: &'a Environment) -> Self {
        let region = endpoint.region.clone();
        let endpoint = match &endpoint.url {
            Some(url) => Endpoint::with_url(region, &**url),
            None => Endpoint::aws(region),
        };
        Self { endpoint, environment, client: OnceCell::new() }
    }

    pub(super) fn client(&self) -> Result<&StsClient, StsError> {
        if let Some(client) = self.client.get() {
            return Ok(client);
        }
        let cannot = |problem: String| StsError::Unreachable {
            endpoint: self.endpoint.url("sts").unwrap_or("AWS").to_owned(),
            problem,
        };
        let network =
            Network::resolve(&self.environment.texts()).map_err(|error| cannot(error.to_string()))?;
        let aws = Aws::through(network, Patience::default())
            .map_err(|error| cannot(format!("the AWS client cannot be started: {error}")))?;
        Ok(self.client.get_or_init(|| StsClient::new(aws, self.endpoint.clone())))
    }

    /// AWS's time as far as it is known.
    pub(super) fn now(&self) -> Timestamp {
        self.client.get().map_or_else(Timestamp::now, StsClient::now)
    }

    /// How far AWS's clock is known to be ahead of this machine's.
    pub(super) fn clock_ahead(&self) -> SignedDuration {
        self.client.get().map_or(SignedDuration::ZERO, StsClient::clock_ahead)
    }
}

impl Sts for LazySts<'_> {
    fn get_session_token(
        &self,
        key: &LongTermKey,
        serial: &MfaSerial,
        code: &MfaCode,
        duration: SessionDuration,
    ) -> Result<MfaSession, StsError> {
        self.client()?.get_session_token(key, serial, code, duration)
    }

    fn assume_role(&self, caller: Assumer<'_>, request: &AssumeRole) -> Result<RoleCredentials, StsError> {
        self.client()?.assume_role(caller, request)
    }

    fn assume_role_with_code(
        &self,
        key: &LongTermKey,
        serial: &MfaSerial,
        code: &MfaCode,
        request: &AssumeRole,
    ) -> Result<RoleCredentials, StsError> {
        self.client()?.assume_role_with_code(key, serial, code, request)
    }

    fn get_caller_identity(&self, credentials: Credentials<'_>) -> Result<CallerIdentity, StsError> {
        self.client()?.get_caller_identity(credentials)
    }
}
