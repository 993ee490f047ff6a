//! One client of AWS KMS for each process.
//!
//! A client keeps connections open and has tasks on the threads of its process. A forked child has neither those threads
//! nor any business on those connections, which its parent goes on using: so it makes a client of its own, and leaves the
//! one that it inherited as it is, since dropping that would wake tasks on threads that are not there.

use super::error::open_endpoint;
use super::guard::{Guard, is_private};
use arc_swap::ArcSwapOption;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_sdk_kms::Client;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use aws_sdk_kms::config::{SharedInterceptor, StalledStreamProtectionConfig};
use core::fmt;
use phiseal_keys::{Error, ErrorKind, OfProcess};
use std::sync::Arc;

/// Where the client of a process comes from.
pub(super) enum Source {
    /// The standard configuration of AWS, and what was said otherwise.
    Environment {
        endpoint: Option<String>,
        credentials: Option<SharedCredentialsProvider>,
        profile: Option<String>,
        fips: bool,
    },
    /// The application's.
    Given(OfProcess<Client>),
    /// The application's, made when a process first needs it.
    Made(Box<dyn Fn() -> Client + Send + Sync>),
}

/// How the client of a process is made.
pub(super) struct Settings {
    pub(super) source: Source,
    pub(super) region: String,
    pub(super) retries: Option<RetryConfig>,
    pub(super) timeouts: TimeoutConfig,
}

/// The client of this process.
pub(super) struct Connection {
    settings: Settings,
    guard: Guard,
    client: ArcSwapOption<OfProcess<Client>>,
}

impl Connection {
    /// One without a client yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] when the endpoint speaks no TLS, or when the environment asks the SDK to log keys.
    pub(super) fn new(settings: Settings) -> Result<Self, Error> {
        if let Source::Environment { endpoint: Some(endpoint), .. } = &settings.source
            && !is_private(endpoint)
        {
            return Err(open_endpoint());
        }
        let told = std::env::var("LOG_SENSITIVE_BODIES");
        if told.is_ok_and(|told| told.eq_ignore_ascii_case("true")) {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "LOG_SENSITIVE_BODIES would have the SDK write keys into the log",
            ));
        }
        Ok(Self { settings, guard: Guard::default(), client: ArcSwapOption::empty() })
    }

    /// This process's client, made when there is none. Needs tokio.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] in a child that was forked from the process that gave its client; [`ErrorKind::Invalid`]
    /// when the application's client is of another region.
    pub(super) async fn client(&self) -> Result<Client, Error> {
        if let Some(client) = self.client.load().as_deref().and_then(OfProcess::get) {
            return Ok(client.clone());
        }
        // Two calls that are the first may both make one; either will do.
        let client = self.make().await?;
        self.client.store(Some(Arc::new(OfProcess::new(client.clone()))));
        Ok(client)
    }

    /// Whether the last call went to a FIPS endpoint.
    pub(super) fn is_fips(&self) -> bool {
        self.guard.is_fips()
    }

    async fn make(&self) -> Result<Client, Error> {
        let given = match &self.settings.source {
            Source::Environment { .. } => return Ok(self.of_environment().await),
            Source::Given(client) => client.get().ok_or_else(|| {
                Error::new(
                    ErrorKind::Unsupported,
                    "the client is of the process before the fork: give what makes one",
                )
            })?,
            Source::Made(make) => &make(),
        };
        if given.config().region().is_some_and(|region| region.as_ref() != self.settings.region) {
            return Err(Error::new(
                ErrorKind::Invalid,
                "the client is of another region than the key",
            ));
        }
        // What the application chose stays; what it left open is set, as the SDK has no bound of its own.
        let config = given.config();
        let mut timeouts = self.settings.timeouts.clone();
        if let Some(mut theirs) = config.timeout_config().cloned() {
            theirs.take_defaults_from(&timeouts);
            timeouts = theirs;
        }
        let retries = self.settings.retries.clone().or_else(|| config.retry_config().cloned());
        let mut config = config.to_builder().timeout_config(timeouts);
        config
            .set_retry_config(retries)
            .push_interceptor(SharedInterceptor::new(self.guard.clone()));
        Ok(Client::from_conf(config.build()))
    }

    async fn of_environment(&self) -> Client {
        let settings = &self.settings;
        let mut loader = aws_config::defaults(BehaviorVersion::v2026_01_12())
            .region(Region::new(settings.region.clone()))
            .timeout_config(settings.timeouts.clone())
            .retry_config(settings.retries.clone().unwrap_or_else(RetryConfig::standard))
            // Bodies are small, and the timeouts bound them.
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled());
        if let Source::Environment { endpoint, credentials, profile, fips } = &settings.source {
            if let Some(endpoint) = endpoint {
                loader = loader.endpoint_url(endpoint);
            }
            if let Some(credentials) = credentials {
                loader = loader.credentials_provider(credentials.clone());
            }
            if let Some(profile) = profile {
                loader = loader.profile_name(profile);
            }
            if *fips {
                loader = loader.use_fips(true);
            }
        }
        let shared = loader.load().await;
        let config = aws_sdk_kms::config::Builder::from(&shared).interceptor(self.guard.clone());
        Client::from_conf(config.build())
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}
