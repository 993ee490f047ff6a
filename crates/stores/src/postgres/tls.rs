//! TLS by rustls, with certificates that are always verified.

use super::binding;
use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};
use phiseal_keys::{Error, ErrorKind};
use rustls::client::Resumption;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use std::io;
use std::path::Path;
use std::sync::Arc;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_postgres::Socket;
use tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use tokio_rustls::TlsConnector;

/// What this process proves itself with.
pub(super) struct Identity {
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
}

/// The authorities in a PEM file.
pub(super) fn authorities(path: &Path) -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    for certificate in certificates(path)? {
        roots.add(certificate).map_err(|_| no_certificate())?;
    }
    Ok(roots)
}

/// A certificate with those that lead to its authority, and its key, from PEM files.
pub(super) fn identity(chain: &Path, key: &Path) -> Result<Identity, Error> {
    let chain = certificates(chain)?;
    let key = PrivateKeyDer::from_pem_file(key)
        .map_err(|_| Error::new(ErrorKind::Invalid, "the file of the private key holds none"))?;
    Ok(Identity { chain, key })
}

/// How to connect: with the authorities in `roots`, or else those that the operating system trusts.
pub(super) fn config(
    roots: Option<&Arc<RootCertStore>>,
    identity: Option<&Identity>,
) -> Result<ClientConfig, Error> {
    let roots = match roots {
        Some(roots) => Arc::clone(roots),
        None => Arc::new(systems_authorities()?),
    };
    let builder = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_root_certificates(roots);
    let mut config = match identity {
        Some(identity) => builder
            .with_client_auth_cert(identity.chain.clone(), identity.key.clone_key())
            .map_err(unusable)?,
        None => builder.with_no_client_auth(),
    };
    // One connection is kept; and sessions lie behind a lock that a forked child could find held for ever.
    config.resumption = Resumption::disabled();
    // Servers from version 17 on want it where TLS begins at once, and the others take no notice.
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(config)
}

fn systems_authorities() -> Result<RootCertStore, Error> {
    let mut roots = RootCertStore::empty();
    // Some systems trust certificates that are no longer well-formed; the others still count.
    let _ = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if roots.is_empty() {
        return Err(Error::new(
            ErrorKind::Unsupported,
            "this system trusts no authority, and none was given for the database server",
        ));
    }
    Ok(roots)
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let found: Result<Vec<_>, _> = CertificateDer::pem_file_iter(path).and_then(Iterator::collect);
    found.ok().filter(|found| !found.is_empty()).ok_or_else(no_certificate)
}

fn no_certificate() -> Error {
    Error::new(ErrorKind::Invalid, "the file of the certificates holds none")
}

fn unusable(error: rustls::Error) -> Error {
    Error::new(ErrorKind::Invalid, "the certificate or key cannot be used").with_source(error)
}

/// Makes connections for tokio-postgres.
#[derive(Clone)]
pub(super) struct Tls(pub(super) Arc<ClientConfig>);

impl MakeTlsConnect<Socket> for Tls {
    type Stream = Encrypted;
    type TlsConnect = Handshake;
    type Error = rustls::pki_types::InvalidDnsNameError;

    fn make_tls_connect(&mut self, host: &str) -> Result<Handshake, Self::Error> {
        Ok(Handshake { config: Arc::clone(&self.0), name: ServerName::try_from(host)?.to_owned() })
    }
}

/// A handshake with the server of this name.
pub(super) struct Handshake {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl TlsConnect<Socket> for Handshake {
    type Stream = Encrypted;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted>> + Send>>;

    fn connect(self, socket: Socket) -> Self::Future {
        let connecting = TlsConnector::from(self.config).connect(self.name, socket);
        Box::pin(async move { Ok(Encrypted(connecting.await?)) })
    }
}

/// A connection whose server has proved who it is.
pub(super) struct Encrypted(tokio_rustls::client::TlsStream<Socket>);

impl TlsStream for Encrypted {
    fn channel_binding(&self) -> ChannelBinding {
        let (_, session) = self.0.get_ref();
        let certificate = session.peer_certificates().and_then(|chain| chain.first());
        certificate
            .and_then(|certificate| binding::of(certificate))
            .map_or_else(ChannelBinding::none, ChannelBinding::tls_server_end_point)
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}
