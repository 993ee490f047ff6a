//! Whom the server must be, and who this program says that it is.

use core::fmt;
use phiseal_keys::{Error, ErrorKind};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::path::PathBuf;
use std::sync::Arc;

/// The files that a TLS connection is made with.
#[derive(Clone, Debug, Default)]
pub(super) struct TlsFiles {
    /// Certificates of authorities, PEM.
    pub(super) authorities: Option<PathBuf>,
    /// Certificate chain and key of this program, PEM.
    pub(super) client: Option<(PathBuf, PathBuf)>,
}

/// What reading those files gave.
#[derive(Clone)]
pub(super) struct Tls(pub(super) Arc<ClientConfig>);

impl TlsFiles {
    /// TLS 1.3 or 1.2 with the ciphers of rustls; the only authorities are those in the file.
    pub(super) fn read(&self) -> Result<Tls, Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|_| Error::new(ErrorKind::Faulty, "the TLS library has no protocol version"))?
            .with_root_certificates(self.roots()?);
        let Some((chain, key)) = &self.client else {
            return Ok(Tls(Arc::new(config.with_no_client_auth())));
        };
        let unreadable =
            || Error::new(ErrorKind::Invalid, "the client's certificate or key is not one in PEM");
        let chain = CertificateDer::pem_file_iter(chain).map_err(|_| unreadable())?;
        let chain = chain.collect::<Result<Vec<_>, _>>().map_err(|_| unreadable())?;
        let key = PrivateKeyDer::from_pem_file(key).map_err(|_| unreadable())?;
        let config = config.with_client_auth_cert(chain, key).map_err(|_| unreadable())?;
        Ok(Tls(Arc::new(config)))
    }

    fn roots(&self) -> Result<RootCertStore, Error> {
        let unreadable = || {
            Error::new(
                ErrorKind::Invalid,
                "the file of the certificate authority is not one in PEM",
            )
        };
        let mut roots = RootCertStore::empty();
        let Some(path) = &self.authorities else { return Ok(roots) };
        for certificate in CertificateDer::pem_file_iter(path).map_err(|_| unreadable())? {
            roots.add(certificate.map_err(|_| unreadable())?).map_err(|_| unreadable())?;
        }
        if roots.is_empty() { Err(unreadable()) } else { Ok(roots) }
    }
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Tls")
    }
}
