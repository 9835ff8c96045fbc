//! Credentials, endpoint and the SDK's clients in one value; the runtime they run on.

use std::{
    collections::BTreeMap,
    future::Future,
    io,
    sync::{Arc, OnceLock},
    time::Duration,
};

use aws_sdk_iam::config::{
    AppName, BehaviorVersion, Region as SdkRegion, SharedHttpClient,
    retry::{RetryConfig, RetryPartition, TokenBucket},
    timeout::TimeoutConfig,
};
use aws_sdk_iam::error::{ProvideErrorMetadata, SdkError};
use aws_smithy_http_client::{Builder, Connector};
use aws_smithy_runtime_api::client::{
    interceptors::context::InterceptorContext,
    orchestrator::HttpResponse,
    retries::classifiers::{ClassifyRetry, RetryAction, RetryClassifierPriority},
};
use postern_types::{AccountId, Credentials, Timestamp};
use tokio::runtime::Runtime;

use crate::{
    AwsError, Endpoint, Kind, Network, Unreachable, clock::Clock, error, execute::Settle, network, together,
};

/// How long to wait and how often to try.
#[derive(Clone, Copy, Debug)]
pub struct Patience {
    /// For a connection, TLS included. One that does not come in this time is not tried again.
    pub connect: Duration,
    /// For the answer to a request.
    pub read: Duration,
    /// Attempts at a request, the first included.
    pub attempts: u32,
    /// The pause before the second attempt; it doubles with each.
    pub first_pause: Duration,
}

impl Default for Patience {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(4),
            read: Duration::from_secs(30),
            attempts: 3,
            first_pause: Duration::from_millis(250),
        }
    }
}

/// The client: one per process, from which [`Connection`]s are made.
#[derive(Clone)]
pub struct Aws(Arc<Shared>);

struct Shared {
    /// None only while being dropped.
    runtime: Option<Runtime>,
    patience: Patience,
    network: Network,
    clock: Clock,
    /// Two, because reading the system's certificates is slow and plain HTTP needs none.
    plain: OnceLock<SharedHttpClient>,
    secure: OnceLock<SharedHttpClient>,
    raw_plain: OnceLock<Connector>,
    raw_secure: OnceLock<Connector>,
}

impl Drop for Shared {
    /// A name that is still being resolved must not hold up the end of the program.
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Aws {
    /// Starts the runtime, on the calling thread. Every call is made directly.
    ///
    /// # Errors
    /// When the system grants no event queue.
    pub fn new(patience: Patience) -> io::Result<Self> {
        Self::with_clock(patience, Timestamp::now)
    }

    /// The same, by what this network asks for.
    ///
    /// # Errors
    /// As [`Aws::new`].
    pub fn through(network: Network, patience: Patience) -> io::Result<Self> {
        Self::start(network, patience, Timestamp::now)
    }

    /// The same on a machine whose clock shows this.
    ///
    /// # Errors
    /// As [`Aws::new`].
    pub fn with_clock(patience: Patience, machine: fn() -> Timestamp) -> io::Result<Self> {
        Self::start(Network::default(), patience, machine)
    }

    fn start(network: Network, patience: Patience, machine: fn() -> Timestamp) -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        Ok(Self(Arc::new(Shared {
            runtime: Some(runtime),
            patience,
            network,
            clock: Clock::new(machine),
            plain: OnceLock::new(),
            secure: OnceLock::new(),
            raw_plain: OnceLock::new(),
            raw_secure: OnceLock::new(),
        })))
    }

    /// Credentials at an endpoint. Nothing is called yet; what is called is said to be in `account`.
    #[must_use]
    pub fn connect(
        &self,
        endpoint: Endpoint,
        credentials: Credentials,
        account: Option<AccountId>,
    ) -> Connection {
        Connection::build(self.clone(), endpoint, credentials, account)
    }

    /// Runs a future to its end on this thread.
    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        match &self.0.runtime {
            Some(runtime) => runtime.block_on(future),
            None => unreachable!("the runtime is taken only when the last handle is gone"),
        }
    }

    pub(crate) fn patience(&self) -> Patience {
        self.0.patience
    }

    pub(crate) fn clock(&self) -> &Clock {
        &self.0.clock
    }

    /// The bare connector under [`crate::raw`].
    pub(crate) fn connector(&self, secure: bool) -> &Connector {
        let slot = if secure { &self.0.raw_secure } else { &self.0.raw_plain };
        slot.get_or_init(|| self.0.network.connector(secure, Connector::builder()))
    }

    fn http_client(&self, url: Option<&str>) -> SharedHttpClient {
        let secure = !url.is_some_and(network::is_plain);
        let slot = if secure { &self.0.secure } else { &self.0.plain };
        let make = || {
            let network = self.0.network.clone();
            Builder::new().build_with_connector_fn(move |settings, components| {
                let mut builder = Connector::builder();
                builder.set_connector_settings(settings.cloned());
                builder.set_sleep_impl(components.and_then(|components| components.sleep_impl()));
                network.connector(secure, builder)
            })
        };
        slot.get_or_init(make).clone()
    }

    /// The proxy that a request to this URL takes.
    pub(crate) fn proxy_of(&self, url: &str) -> Option<String> {
        self.0.network.proxy_of(url)
    }
}

/// Credentials as the SDK and the signing library take them.
pub(crate) fn signer(credentials: &Credentials) -> aws_credential_types::Credentials {
    aws_credential_types::Credentials::new(
        credentials.id.as_str(),
        credentials.secret.expose_secret(),
        credentials.token.as_ref().map(|token| token.expose_secret().to_owned()),
        None,
        "postern",
    )
}

/// Who AWS says one is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// The account.
    pub account: AccountId,
    /// The principal; for role sessions that of the session.
    pub arn: postern_types::Arn,
    /// The unique id; for role sessions with the session's name behind it.
    pub user_id: String,
}

/// Credentials at an endpoint, ready to call. Cheap to clone.
#[derive(Clone)]
pub struct Connection {
    pub(crate) aws: Aws,
    pub(crate) endpoint: Endpoint,
    pub(crate) credentials: Credentials,
    pub(crate) account: Option<AccountId>,
    pub(crate) iam: aws_sdk_iam::Client,
    pub(crate) sts: aws_sdk_sts::Client,
}

impl Connection {
    fn build(aws: Aws, endpoint: Endpoint, credentials: Credentials, account: Option<AccountId>) -> Self {
        let patience = aws.patience();
        let retries = RetryConfig::standard()
            .with_max_attempts(patience.attempts)
            .with_initial_backoff(patience.first_pause);
        let timeouts =
            TimeoutConfig::builder().connect_timeout(patience.connect).read_timeout(patience.read).build();
        let signer = signer(&credentials);
        let region = SdkRegion::new(endpoint.region.as_str().to_owned());
        // The SDK allows a process so many retries: what one account uses up must not be missing in another.
        let partition = RetryPartition::custom("connection").token_bucket(TokenBucket::default()).build();
        // The two configurations are of different types with the same methods.
        macro_rules! config {
            ($sdk:ident, $service:literal) => {{
                let url = endpoint.url($service);
                let mut config = $sdk::Config::builder()
                    .behavior_version(BehaviorVersion::latest())
                    .region(region.clone())
                    .time_source(aws.clock().clone())
                    .credentials_provider(signer.clone())
                    .http_client(aws.http_client(url))
                    .retry_config(retries.clone())
                    .retry_partition(partition.clone())
                    .retry_classifier(NotAgainIntoTheVoid)
                    .timeout_config(timeouts.clone());
                config.set_app_name(AppName::new("postern").ok());
                config.set_endpoint_url(url.map(str::to_owned));
                $sdk::Client::from_conf(config.build())
            }};
        }
        let iam = config!(aws_sdk_iam, "iam");
        let sts = config!(aws_sdk_sts, "sts");
        Self { aws, endpoint, credentials, account, iam, sts }
    }

    /// The account that this connection is said to be in.
    #[must_use]
    pub fn account(&self) -> Option<AccountId> {
        self.account
    }

    /// Where requests go.
    #[must_use]
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Asks AWS who these credentials are: `sts:GetCallerIdentity`, which nobody can be refused.
    ///
    /// # Errors
    /// When the credentials are not good, or no answer comes.
    pub fn caller_identity(&self) -> Result<Identity, AwsError> {
        self.aws.block_on(self.identity())
    }

    /// Asks who these credentials are until AWS knows them: a key that was just made may be unknown for some
    /// seconds.
    ///
    /// # Errors
    /// When AWS does not know them in time, refuses them otherwise, or does not answer.
    pub fn caller_identity_in_time(&self, settle: Settle) -> Result<Identity, AwsError> {
        self.aws.block_on(async {
            for pause in settle.pauses() {
                match self.identity().await {
                    Err(error) if error.kind == Kind::InvalidToken => tokio::time::sleep(pause).await,
                    answer => return answer,
                }
            }
            self.identity().await
        })
    }

    /// Asks all of these at once who they are; those that do not answer are left out.
    #[must_use]
    pub fn identities(connections: &BTreeMap<AccountId, Self>) -> BTreeMap<AccountId, Identity> {
        let Some(any) = connections.values().next() else { return BTreeMap::new() };
        let asked = connections
            .iter()
            .map(|(account, connection)| async { Some((*account, connection.identity().await.ok()?)) });
        any.aws.block_on(together::all(asked)).into_iter().flatten().collect()
    }

    /// An error of the SDK, with the account it came from.
    pub(crate) fn error<E>(&self, error: &SdkError<E, HttpResponse>, operation: &str) -> AwsError
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
    {
        AwsError::from_sdk(error, operation, self.account, self.aws.clock())
            .sent_to(&self.endpoint, &self.aws)
    }

    pub(crate) async fn identity(&self) -> Result<Identity, AwsError> {
        const OPERATION: &str = "sts:GetCallerIdentity";
        let output =
            self.sts.get_caller_identity().send().await.map_err(|error| self.error(&error, OPERATION))?;
        let malformed = || AwsError::new(Kind::Unreachable(Unreachable::Malformed), OPERATION, self.account);
        Ok(Identity {
            account: output.account().and_then(|a| a.parse().ok()).ok_or_else(malformed)?,
            arn: output.arn().and_then(|a| a.parse().ok()).ok_or_else(malformed)?,
            user_id: output.user_id().ok_or_else(malformed)?.to_owned(),
        })
    }
}

/// Forbids a retry where the connection itself timed out: a dead endpoint shall be named in seconds.
#[derive(Debug)]
struct NotAgainIntoTheVoid;

impl ClassifyRetry for NotAgainIntoTheVoid {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let Some(Err(failure)) = context.output_or_error() else {
            return RetryAction::NoActionIndicated;
        };
        let hopeless = failure.as_connector_error().is_some_and(|failure| {
            failure.is_timeout() && error::mentions(failure, "HTTP connect")
                || error::why_unreachable(failure) == Unreachable::Dns
        });
        if hopeless { RetryAction::RetryForbidden } else { RetryAction::NoActionIndicated }
    }

    fn name(&self) -> &'static str {
        "no retry where no connection can be made"
    }

    fn priority(&self) -> RetryClassifierPriority {
        RetryClassifierPriority::run_after(RetryClassifierPriority::transient_error_classifier())
    }
}
