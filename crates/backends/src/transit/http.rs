//! One request and its answer, over HTTP/1.1: bounded in time and length, never redirected.

use super::address::Address;
use super::error::{refusal, senseless, unanswered};
use super::tls::Tls;
use super::token::Token;
use arc_swap::ArcSwapOption;
use bytes::Bytes;
use core::fmt;
use core::time::Duration;
use http_body_util::{BodyExt, Full};
use hyper::body::{Body, Incoming};
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Method, Request};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use phiseal_keys::{Error, ErrorKind, OfProcess};
use rustls::client::Resumption;
use std::sync::Arc;
use zeroize::Zeroizing;

/// The longest answer that is read, in bytes: the longest one of a key server has a line for each version.
pub(super) const MAX_ANSWER: usize = 64 * 1024;

/// How long a connection is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(60);

/// What a request carries: bytes that are zeroed when the last handle on them is dropped.
pub(super) type Content = Bytes;

/// A server's answer. Its bytes are zeroed when dropped.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Zeroizing<Vec<u8>>,
}

/// Connections to one server.
pub(super) struct Http {
    pub(super) address: Address,
    pub(super) namespace: Option<HeaderValue>,
    pub(super) tls: Tls,
    /// For a whole call, connecting included.
    pub(super) timeout: Duration,
    pub(super) client: ArcSwapOption<OfProcess<Client>>,
}

pub(super) type Client = legacy::Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

impl Http {
    /// Sends one request and reads all of its answer, whatever its status.
    pub(super) async fn send(
        &self,
        method: Method,
        path: &str,
        token: &Token,
        content: Option<Content>,
    ) -> Result<Answer, Error> {
        let request = self.request(method, path, token, content)?;
        let exchange = self.exchange(request);
        tokio::time::timeout(self.timeout, exchange).await.unwrap_or_else(|_| {
            Err(Error::new(ErrorKind::Unavailable, "the server did not answer in time"))
        })
    }

    fn request(
        &self,
        method: Method,
        path: &str,
        token: &Token,
        content: Option<Content>,
    ) -> Result<Request<Full<Bytes>>, Error> {
        let held = Bytes::from_owner(Zeroizing::new(token.expose_secret().as_bytes().to_vec()));
        let mut token = HeaderValue::from_maybe_shared(held)
            .map_err(|_| Error::new(ErrorKind::Invalid, "a token fits into no header"))?;
        token.set_sensitive(true);
        let mut request = Request::builder()
            .method(method)
            .uri(self.address.join(path)?)
            .header(TOKEN, token)
            // Proxies that come with the server ask for it: no page in a browser can send it.
            .header(REQUEST, HeaderValue::from_static("true"));
        if let Some(namespace) = &self.namespace {
            request = request.header(NAMESPACE, namespace);
        }
        if content.is_some() {
            request = request.header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        request
            .body(Full::new(content.unwrap_or_default()))
            .map_err(|_| Error::new(ErrorKind::Invalid, "a request cannot be made of this"))
    }

    async fn exchange(&self, request: Request<Full<Bytes>>) -> Result<Answer, Error> {
        let response = self.client().request(request).await.map_err(|error| unanswered(&error))?;
        let status = response.status().as_u16();
        let body = whole(response.into_body()).await.map_err(|error| {
            // What a proxy says of an outage may be long, and is one all the same.
            let refusal = refusal(status, &[]);
            if refusal.is_retryable() { refusal } else { error }
        });
        Ok(Answer { status, body: body? })
    }

    /// This process's client: a child has no threads of its parent's, and must not share its connections.
    fn client(&self) -> Client {
        loop {
            let present = self.client.load();
            if let Some(client) = present.as_ref().and_then(|client| client.get()) {
                return client.clone();
            }
            let fresh = Some(Arc::new(OfProcess::new(self.connector())));
            self.client.compare_and_swap(&*present, fresh);
        }
    }

    fn connector(&self) -> Client {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(self.timeout));
        let mut tls = (*self.tls.0).clone();
        // Each process has its own: they lie behind a lock.
        tls.resumption = Resumption::default();
        let builder = HttpsConnectorBuilder::new().with_tls_config(tls);
        let builder =
            if self.address.is_https() { builder.https_only() } else { builder.https_or_http() };
        legacy::Client::builder(TokioExecutor::new())
            .pool_idle_timeout(IDLE)
            .pool_timer(TokioTimer::new())
            .http1_max_buf_size(MAX_ANSWER)
            .build(builder.enable_http1().wrap_connector(tcp))
    }
}

/// All of a body, or nothing of one that is too long.
async fn whole(mut body: Incoming) -> Result<Zeroizing<Vec<u8>>, Error> {
    if body.size_hint().lower() > MAX_ANSWER as u64 {
        return Err(senseless());
    }
    // At its full size from the start: what grows leaves copies behind.
    let mut bytes = Zeroizing::new(Vec::with_capacity(MAX_ANSWER));
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| unanswered(&error))?;
        let Ok(data) = frame.into_data() else { continue };
        if data.len() > MAX_ANSWER.saturating_sub(bytes.len()) {
            return Err(senseless());
        }
        bytes.extend_from_slice(&data);
    }
    Ok(bytes)
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http").field("address", &self.address.text()).finish_non_exhaustive()
    }
}

const TOKEN: HeaderName = HeaderName::from_static("x-vault-token");
const REQUEST: HeaderName = HeaderName::from_static("x-vault-request");
const NAMESPACE: HeaderName = HeaderName::from_static("x-vault-namespace");
