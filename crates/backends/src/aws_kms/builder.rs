use super::AwsKmsKek;
use super::arn::{AliasArn, KeyArn};
use super::connection::{Connection, Settings, Source};
use super::error;
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use aws_sdk_kms::Client;
use aws_sdk_kms::config::retry::RetryConfig;
use aws_sdk_kms::config::timeout::TimeoutConfig;
use core::fmt;
use core::time::Duration;
use phiseal_keys::{Error, ErrorKind, OfProcess, runtime};
use std::sync::Arc;

/// Which key of AWS KMS, and how it is reached. Nothing but the key needs to be said.
#[must_use]
pub struct AwsKmsBuilder {
    arn: String,
    endpoint: Option<String>,
    credentials: Option<SharedCredentialsProvider>,
    profile: Option<String>,
    fips: bool,
    client: Option<Source>,
    retries: Option<RetryConfig>,
    connect_timeout: Duration,
    attempt_timeout: Duration,
    operation_timeout: Duration,
}

impl AwsKmsBuilder {
    pub(super) fn new(arn: &str) -> Self {
        Self {
            arn: arn.to_owned(),
            endpoint: None,
            credentials: None,
            profile: None,
            fips: false,
            client: None,
            retries: None,
            connect_timeout: Duration::from_secs(3),
            attempt_timeout: Duration::from_secs(5),
            operation_timeout: Duration::from_secs(15),
        }
    }

    /// Another endpoint than that of the key's region: a VPC endpoint, an emulator. `https`, or on this machine.
    pub fn endpoint(mut self, url: impl Into<String>) -> Self {
        self.endpoint = Some(url.into());
        self
    }

    /// The FIPS endpoint of the key's region, and of the services that give credentials.
    pub const fn fips(mut self) -> Self {
        self.fips = true;
        self
    }

    /// These credentials instead of the first that the standard chain finds. A forked child shares the provider.
    pub fn credentials(mut self, provider: impl ProvideCredentials + 'static) -> Self {
        self.credentials = Some(SharedCredentialsProvider::new(provider));
        self
    }

    /// Another profile of the shared configuration files than the default one.
    pub fn profile(mut self, name: impl Into<String>) -> Self {
        self.profile = Some(name.into());
        self
    }

    /// This client of the application's, whose region must be that of the key. Its retries stay, and its timeouts where it
    /// has any.
    ///
    /// In a forked child calls are [`ErrorKind::Unsupported`]: where the program forks, use [`AwsKmsBuilder::client_from`].
    pub fn client(mut self, client: Client) -> Self {
        self.client = Some(Source::Given(OfProcess::new(client)));
        self
    }

    /// What makes such a client, called once in every process. It must not share an HTTP client between processes.
    pub fn client_from(mut self, make: impl Fn() -> Client + Send + Sync + 'static) -> Self {
        self.client = Some(Source::Made(Box::new(make)));
        self
    }

    /// Every call is made once. For use inside [`layer::Retry`](crate::layer::Retry), which would otherwise repeat what
    /// the SDK repeats.
    #[cfg_attr(not(feature = "layers"), allow(rustdoc::broken_intra_doc_links))]
    pub fn without_retries(mut self) -> Self {
        self.retries = Some(RetryConfig::disabled());
        self
    }

    /// How long one attempt may take to open a connection: 3 seconds, unless said otherwise.
    pub const fn connect_timeout(mut self, limit: Duration) -> Self {
        self.connect_timeout = limit;
        self
    }

    /// How long one attempt may take: 5 seconds, unless said otherwise.
    pub const fn attempt_timeout(mut self, limit: Duration) -> Self {
        self.attempt_timeout = limit;
        self
    }

    /// How long a call may take, with all its attempts and the waits between them: 15 seconds, unless said otherwise.
    pub const fn operation_timeout(mut self, limit: Duration) -> Self {
        self.operation_timeout = limit;
        self
    }

    /// Reads the configuration and makes the client of this process. Makes no call: [`Kek::connect`] asks for the key.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when the key is not named by its ARN, or a client is given that is of another region, or
    /// together with what would make another; [`ErrorKind::Unsupported`] when keys would be sent or logged in the clear;
    /// [`ErrorKind::Unavailable`] when the system gives no threads.
    ///
    /// [`Kek::connect`]: phiseal_keys::Kek::connect
    pub async fn connect(self) -> Result<AwsKmsKek, Error> {
        let arn = Arc::new(KeyArn::parse(&self.arn)?);
        let connection = self.connection(arn.region().to_owned()).await?;
        Ok(AwsKmsKek { arn, connection })
    }

    /// The ARN of the key that an alias points at now. For setup: keep the ARN, not the alias. The builder was given the
    /// ARN of the alias, and makes one call, `DescribeKey`.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] when the builder was given anything else; [`ErrorKind::NotFound`] when there is no such alias,
    /// or it points nowhere; as [`AwsKmsBuilder::connect`]; and what the service answers.
    pub async fn resolve_alias(self) -> Result<String, Error> {
        let alias = AliasArn::parse(&self.arn)?;
        let connection = self.connection(alias.region.clone()).await?;
        runtime::run(async move {
            let call = connection.client().await?.describe_key().key_id(&alias.text);
            let answer = call.send().await.map_err(|error| error::of(&error))?;
            let arn = answer.key_metadata.and_then(|key| key.arn);
            let arn = arn.filter(|arn| KeyArn::parse(arn).is_ok() && alias.is_beside(arn));
            arn.ok_or_else(|| {
                Error::new(
                    ErrorKind::Faulty,
                    "AWS KMS answered without the ARN of a key in the account and region of the alias",
                )
            })
        })
        .await?
    }

    async fn connection(self, region: String) -> Result<Arc<Connection>, Error> {
        let Self { endpoint, credentials, profile, fips, .. } = self;
        let is_set = endpoint.is_some() || credentials.is_some() || profile.is_some() || fips;
        let source = match self.client {
            None => Source::Environment { endpoint, credentials, profile, fips },
            Some(_) if is_set => {
                return Err(Error::new(
                    ErrorKind::Invalid,
                    "a client has its endpoint and credentials: set them there",
                ));
            }
            Some(source) => source,
        };
        let timeouts = TimeoutConfig::builder()
            .connect_timeout(self.connect_timeout)
            .operation_attempt_timeout(self.attempt_timeout)
            .operation_timeout(self.operation_timeout)
            .build();
        let settings = Settings { source, region, retries: self.retries, timeouts };
        let connection = Arc::new(Connection::new(settings)?);
        let ours = connection.clone();
        runtime::run(async move { ours.client().await.map(drop) }).await??;
        Ok(connection)
    }
}

impl fmt::Debug for AwsKmsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwsKmsBuilder").field("arn", &self.arn).finish_non_exhaustive()
    }
}
