//! What stands between the SDK and the network: no key in the log, on an open wire or in more memory than need be.
//!
//! The SDK writes requests into its log at level TRACE, and shows of their bodies what the type of the body shows: of one
//! in memory, all, with the key of an `Encrypt`; of a stream, nothing. So a request is sent as a stream. The SDK also keeps
//! bodies in buffers that it frees as they are. Here they are copied into buffers that are wiped when they are freed.

use aws_sdk_kms::config::interceptors::{
    BeforeDeserializationInterceptorContextMut, BeforeTransmitInterceptorContextMut,
};
use aws_sdk_kms::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_kms::error::BoxError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use core::fmt;
use core::pin::Pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker, ready};
use http_body::{Body, Frame, SizeHint};
use std::net::IpAddr;
use std::sync::Arc;
use zeroize::{Zeroize, Zeroizing};

/// Looks at every request and answer of one client.
#[derive(Clone, Debug, Default)]
pub(super) struct Guard {
    fips: Arc<AtomicBool>,
}

/// Why the guard let a call go no further.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    /// The endpoint speaks no TLS, and is not on this machine.
    Open,
    /// The answer is longer than any that AWS KMS gives.
    Long,
    /// The connection ended before the answer did.
    Cut,
}

/// The longest answer that is read: a wrap of 6144 bytes and a key, in base64, are far below.
const LONGEST_ANSWER: usize = 64 * 1024;

impl Guard {
    /// Whether the last request went to a FIPS endpoint.
    pub(super) fn is_fips(&self) -> bool {
        self.fips.load(Ordering::Relaxed)
    }
}

impl Intercept for Guard {
    fn name(&self) -> &'static str {
        "phiseal"
    }

    /// Once for each call, as soon as the request has a body.
    fn modify_before_retry_loop(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.request_mut().body_mut();
        if let Some(bytes) = body.bytes() {
            let copy = wiped(bytes);
            wipe(core::mem::replace(body, SdkBody::from(copy)));
        }
        Ok(())
    }

    /// Once for each attempt, after it was signed.
    fn modify_before_transmit(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request_mut();
        self.fips.store(is_fips(request.uri()), Ordering::Relaxed);
        if !is_private(request.uri()) || is_proxied(request.uri(), |name| std::env::var(name).ok())
        {
            return Err(Refusal::Open.into());
        }
        let body = core::mem::replace(request.body_mut(), SdkBody::taken());
        *request.body_mut() = SdkBody::from_body_1_x(body);
        Ok(())
    }

    fn modify_before_deserialization(
        &self,
        context: &mut BeforeDeserializationInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response_mut().body_mut();
        let inner = core::mem::replace(body, SdkBody::taken());
        *body = SdkBody::from_body_1_x(Answer { inner, left: LONGEST_ANSWER });
        Ok(())
    }
}

/// The body of an answer: bounded, and in buffers that are wiped.
struct Answer {
    inner: SdkBody,
    left: usize,
}

impl Body for Answer {
    type Data = Bytes;
    type Error = Refusal;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Refusal>>> {
        let frame = match ready!(Pin::new(&mut self.inner).poll_frame(context)) {
            None => return Poll::Ready(None),
            Some(Err(_)) => return Poll::Ready(Some(Err(Refusal::Cut))),
            Some(Ok(frame)) => frame,
        };
        let Ok(data) = frame.into_data() else { return Poll::Ready(None) };
        Poll::Ready(Some(match self.left.checked_sub(data.len()) {
            None => Err(Refusal::Long),
            Some(left) => {
                self.left = left;
                let copy = wiped(&data);
                zeroize(data);
                Ok(Frame::data(copy))
            }
        }))
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// A copy that is wiped when the last who shares it drops it.
pub(super) fn wiped(bytes: &[u8]) -> Bytes {
    Bytes::from_owner(Zeroizing::new(bytes.to_vec()))
}

/// Wipes the bytes of a body that is in memory, unless somebody else shares them.
fn wipe(mut body: SdkBody) {
    let mut context = Context::from_waker(Waker::noop());
    let frame = Pin::new(&mut body).poll_frame(&mut context);
    // It holds a second reference to them.
    drop(body);
    if let Poll::Ready(Some(Ok(frame))) = frame
        && let Ok(data) = frame.into_data()
    {
        zeroize(data);
    }
}

fn zeroize(bytes: Bytes) {
    if let Ok(mut bytes) = bytes.try_into_mut() {
        bytes.zeroize();
    }
}

/// Whether nobody on the way to this endpoint can read along: TLS, or this very machine.
pub(super) fn is_private(url: &str) -> bool {
    match url.split_once("://") {
        Some(("https", _)) => true,
        Some(("http", rest)) => {
            let host = host(rest);
            host == "localhost" || host.parse().is_ok_and(|address: IpAddr| address.is_loopback())
        }
        _ => false,
    }
}

/// Whether the SDK would send a request without TLS to a proxy of the environment, which may be another machine. Not, for
/// one whose host the environment excepts by name.
fn is_proxied(url: &str, variable: impl Fn(&str) -> Option<String>) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let names = ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"];
    let excepted = ["no_proxy", "NO_PROXY"].into_iter().find_map(&variable).unwrap_or_default();
    names.into_iter().filter_map(&variable).any(|proxy| !proxy.trim().is_empty())
        && !excepted.split(',').any(|excepted| excepted.trim() == host(rest))
}

/// Whether this is an endpoint whose TLS and key work are done by modules in FIPS mode.
fn is_fips(url: &str) -> bool {
    url.strip_prefix("https://").is_some_and(|rest| host(rest).split('.').any(|l| l == "kms-fips"))
}

/// The host in a URL from behind `://` on; nothing when it has a user, which none of ours has.
fn host(rest: &str) -> &str {
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    if authority.contains('@') {
        return "";
    }
    match authority.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Open => "the endpoint is not https",
            Self::Long => "the answer is too long",
            Self::Cut => "the answer was cut off",
        })
    }
}

impl std::error::Error for Refusal {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tls_and_this_machine_are_private() {
        for url in [
            "https://kms.eu-central-1.amazonaws.com/",
            "http://127.0.0.1:4566/",
            "http://127.9.9.9",
            "http://[::1]:4566/x",
            "http://localhost:4566",
            "http://localhost",
        ] {
            assert!(is_private(url), "{url}");
        }
        for url in [
            "http://kms.eu-central-1.amazonaws.com/",
            "http://127.0.0.1.example.com/",
            "http://localhost.example.com/",
            "http://example.com/127.0.0.1",
            "http://127.0.0.1@example.com/",
            "http://example.com#@127.0.0.1",
            "http://10.0.0.1",
            "http://[::2]",
            "http://",
            "ftp://127.0.0.1",
            "127.0.0.1:4566",
            "",
        ] {
            assert!(!is_private(url), "{url}");
        }
    }

    #[test]
    fn a_proxy_is_known_by_the_environment() {
        let proxied = |url, environment: &[(&str, &str)]| {
            is_proxied(url, |name| {
                let mut all = environment.iter();
                all.find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
            })
        };
        let (local, proxy) = ("http://127.0.0.1:4566/", "http://proxy.example.com:3128");
        assert!(!proxied(local, &[]) && !proxied(local, &[("HTTP_PROXY", "")]), "the control");
        assert!(!proxied(local, &[("https_proxy", proxy)]));
        for name in ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"] {
            assert!(proxied(local, &[(name, proxy)]), "{name}");
            assert!(!proxied("https://kms.eu-central-1.amazonaws.com", &[(name, proxy)]));
            assert!(!proxied(local, &[(name, proxy), ("no_proxy", "localhost, 127.0.0.1")]));
            assert!(proxied(local, &[(name, proxy), ("NO_PROXY", "localhost,27.0.0.1")]));
            // The SDK reads the first of the two that is set.
            assert!(proxied(local, &[(name, proxy), ("no_proxy", ""), ("NO_PROXY", "127.0.0.1")]));
        }
    }

    #[test]
    fn a_fips_endpoint_is_known_by_its_host() {
        for url in [
            "https://kms-fips.us-east-1.amazonaws.com/",
            "https://kms-fips.us-east-1.api.aws",
            "https://vpce-1.kms-fips.us-east-1.vpce.amazonaws.com:443/",
        ] {
            assert!(is_fips(url), "{url}");
        }
        for url in [
            "https://kms.us-east-1.amazonaws.com/",
            "http://kms-fips.us-east-1.amazonaws.com/",
            "https://example.com/kms-fips.",
            "https://not-kms-fips.example.com",
        ] {
            assert!(!is_fips(url), "{url}");
        }
    }

    #[test]
    fn a_body_that_is_wiped_holds_zeros_where_another_may_look() {
        let bytes = Bytes::from(b"secret".to_vec());
        let start = bytes.as_ptr();
        let body = SdkBody::from(bytes);
        assert_eq!(body.bytes().map(<[u8]>::as_ptr), Some(start), "it was not copied");
        let copy = wiped(body.bytes().unwrap());
        wipe(body);
        assert_eq!(&copy[..], b"secret");
        // Shared bytes stay as they are.
        let shared = Bytes::from(b"shared".to_vec());
        wipe(SdkBody::from(shared.clone()));
        assert_eq!(&shared[..], b"shared");
    }

    #[test]
    fn what_the_log_shows_of_a_stream_is_nothing() {
        let plain = SdkBody::from("secret");
        assert!(format!("{plain:?}").contains("secret"));
        assert!(!format!("{:?}", SdkBody::from_body_1_x(plain)).contains("secret"));
    }

    fn read(body: &mut Answer) -> Vec<Result<usize, Refusal>> {
        let mut context = Context::from_waker(Waker::noop());
        let mut read = Vec::new();
        while let Poll::Ready(Some(frame)) = Pin::new(&mut *body).poll_frame(&mut context) {
            read.push(frame.map(|frame| frame.into_data().unwrap().len()));
        }
        read
    }

    #[test]
    fn an_answer_is_read_up_to_its_bound() {
        let answer =
            |length| Answer { inner: SdkBody::from(vec![7; length]), left: LONGEST_ANSWER };
        assert_eq!(read(&mut answer(LONGEST_ANSWER)), [Ok(LONGEST_ANSWER)]);
        assert_eq!(read(&mut answer(LONGEST_ANSWER + 1)), [Err(Refusal::Long)]);
        let mut cut = Answer { inner: SdkBody::taken(), left: LONGEST_ANSWER };
        let mut context = Context::from_waker(Waker::noop());
        let frame = Pin::new(&mut cut).poll_frame(&mut context);
        assert!(matches!(frame, Poll::Ready(Some(Err(Refusal::Cut)))));
    }
}
