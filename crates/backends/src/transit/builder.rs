//! Where a transit key is and how it is reached, said once.

use super::address::{Address, check_name, check_path};
use super::http::Http;
use super::renewal::Keeper;
use super::service::Service;
use super::tls::TlsFiles;
use super::token::{Credential, Source, Token};
use super::{TransitAdmin, TransitKek};
use arc_swap::ArcSwapOption;
use core::fmt;
use core::marker::PhantomData;
use core::time::Duration;
use hyper::header::HeaderValue;
use phiseal_keys::{Error, ErrorKind};
use std::path::PathBuf;
use std::sync::Arc;

/// What is said about a transit key before it is used: [`TransitKek::builder`] and [`TransitAdmin::builder`] begin it.
#[must_use]
pub struct TransitBuilder<T> {
    address: String,
    name: String,
    mount: String,
    namespace: Option<String>,
    source: Source,
    tls: TlsFiles,
    timeout: Duration,
    private: bool,
    gives: PhantomData<fn() -> T>,
}

impl<T> TransitBuilder<T> {
    pub(super) fn new(address: &str, name: &str) -> Self {
        Self {
            address: address.to_owned(),
            name: name.to_owned(),
            mount: "transit".to_owned(),
            namespace: None,
            source: Source::usual(),
            tls: TlsFiles::default(),
            timeout: Duration::from_secs(10),
            private: false,
            gives: PhantomData,
        }
    }

    /// Where the transit engine is mounted, instead of `transit`.
    pub fn mount(mut self, path: &str) -> Self {
        path.trim_matches('/').clone_into(&mut self.mount);
        self
    }

    /// The namespace that the mount is in.
    pub fn namespace(mut self, path: &str) -> Self {
        self.namespace = Some(path.trim_matches('/').to_owned());
        self
    }

    /// Takes the token from this environment variable, instead of `BAO_TOKEN` or `VAULT_TOKEN`, whichever is set first.
    pub fn token_from_env(mut self, name: &str) -> Self {
        self.source = Source::Variables(vec![name.to_owned()]);
        self
    }

    /// Takes the token from the first line of this file, which is read again whenever it changes: a sidecar may rewrite it.
    pub fn token_from_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.source = Source::File(path.into());
        self
    }

    /// Takes the token from `callback`: at the first call, and when the server denies the last one. It must not block for
    /// long, as other calls may wait for it.
    pub fn token_from(
        mut self,
        callback: impl Fn() -> Result<Token, Error> + Send + Sync + 'static,
    ) -> Self {
        self.source = Source::Callback(Arc::new(callback));
        self
    }

    /// Trusts servers with a certificate that an authority in this PEM file stands for, and no others. A server with
    /// `https` needs it: for a certificate of a public authority, name the system's own file.
    pub fn authority(mut self, path: impl Into<PathBuf>) -> Self {
        self.tls.authorities = Some(path.into());
        self
    }

    /// Shows the server this certificate chain (PEM), whose key is in the other file (PEM).
    pub fn client_certificate(
        mut self,
        chain: impl Into<PathBuf>,
        key: impl Into<PathBuf>,
    ) -> Self {
        self.tls.client = Some((chain.into(), key.into()));
        self
    }

    /// Waits this long for an answer, connecting included, instead of ten seconds.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Allows `http` to a server that is not on this machine.
    ///
    /// # Security
    ///
    /// Whoever sees or changes what goes over that network has the token and every data key. For a mesh that encrypts by
    /// itself, and for nothing else.
    pub const fn assume_network_is_private(mut self) -> Self {
        self.private = true;
        self
    }

    fn service(self) -> Result<Arc<Service>, Error> {
        check_name(&self.name)?;
        check_path(&self.mount)?;
        let address = Address::parse(&self.address, self.private)?;
        if address.is_https() && self.tls.authorities.is_none() {
            return Err(Error::new(
                ErrorKind::Invalid,
                "no authority is trusted: name the PEM file of the one that the server's certificate is from",
            ));
        }
        let namespace = self.namespace.map(|path| {
            check_path(&path)?;
            HeaderValue::try_from(path)
                .map_err(|_| Error::new(ErrorKind::Invalid, "a namespace fits into no header"))
        });
        let http = Http {
            address,
            namespace: namespace.transpose()?,
            tls: self.tls.read()?,
            timeout: self.timeout,
            client: ArcSwapOption::const_empty(),
        };
        let credential = Credential::new(self.source);
        if !credential.is_asked() {
            credential.current()?;
        }
        Ok(Arc::new(Service {
            http,
            mount: self.mount,
            name: self.name,
            credential,
            keeper: Keeper::default(),
        }))
    }
}

impl TransitBuilder<TransitKek> {
    /// The KEK. No server is called yet.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for an address, a path, a name or a PEM file that is none; [`ErrorKind::Unsupported`] for a
    /// server without TLS on another machine; [`ErrorKind::Denied`] when there is no token.
    pub fn build(self) -> Result<TransitKek, Error> {
        self.service().map(TransitKek::of)
    }
}

impl TransitBuilder<TransitAdmin> {
    /// The administration. No server is called yet.
    ///
    /// # Errors
    ///
    /// As [`TransitBuilder::<TransitKek>::build`].
    pub fn build(self) -> Result<TransitAdmin, Error> {
        self.service().map(TransitAdmin::of)
    }
}

impl<T> fmt::Debug for TransitBuilder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransitBuilder")
            .field("address", &self.address)
            .field("namespace", &self.namespace)
            .field("mount", &self.mount)
            .field("key", &self.name)
            .finish_non_exhaustive()
    }
}
