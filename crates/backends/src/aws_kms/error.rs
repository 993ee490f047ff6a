//! What each failure of a call comes to: one table.

use super::guard::Refusal;
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_kms::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_kms::operation::RequestId;
use core::fmt;
use phiseal_keys::{Error, ErrorKind};
use std::error::Error as StdError;

/// Codes of AWS KMS and of AWS's front door, each with its kind and its sentence.
const CODES: &[(&str, ErrorKind, &str)] = {
    use ErrorKind::{
        Denied, Faulty, Invalid, NotFound, State, Throttled, Unauthenticated, Unavailable,
    };
    const THROTTLED: &str = "AWS KMS asks for fewer calls";
    const FAILED: &str = "AWS KMS failed; it may work later";
    const UNREACHABLE: &str = "AWS KMS cannot reach the key now";
    const REFUSED: &str = "AWS KMS does not accept the credentials";
    const EXPIRED: &str = "the credentials are expired";
    const UNOPENED: &str = "AWS KMS did not open the wrap";
    &[
        ("Throttling", Throttled, THROTTLED),
        ("ThrottlingException", Throttled, THROTTLED),
        ("ThrottledException", Throttled, THROTTLED),
        ("RequestThrottled", Throttled, THROTTLED),
        ("RequestThrottledException", Throttled, THROTTLED),
        ("RequestLimitExceeded", Throttled, THROTTLED),
        ("TooManyRequestsException", Throttled, THROTTLED),
        ("SlowDown", Throttled, THROTTLED),
        ("LimitExceededException", Throttled, "a quota of AWS KMS is used up"),
        ("KMSInternalException", Unavailable, FAILED),
        ("InternalFailure", Unavailable, FAILED),
        ("InternalServerError", Unavailable, FAILED),
        ("InternalServiceError", Unavailable, FAILED),
        ("ServiceUnavailable", Unavailable, FAILED),
        ("ServiceUnavailableException", Unavailable, FAILED),
        ("RequestTimeout", Unavailable, FAILED),
        ("RequestTimeoutException", Unavailable, FAILED),
        ("DependencyTimeoutException", Unavailable, UNREACHABLE),
        ("KeyUnavailableException", Unavailable, UNREACHABLE),
        ("DisabledException", State, "the key is disabled"),
        (INVALID_STATE, State, "the key's state forbids this: pending deletion or import"),
        ("NotFoundException", NotFound, "there is no such key"),
        ("InvalidCiphertextException", Unauthenticated, UNOPENED),
        ("IncorrectKeyException", Unauthenticated, UNOPENED),
        (
            "InvalidKeyUsageException",
            Invalid,
            "the key is not one that wraps: its usage is another",
        ),
        ("UnsupportedOperationException", Invalid, "the key cannot do this"),
        ("InvalidArnException", Invalid, "AWS KMS does not accept the key's ARN"),
        ("ValidationException", Invalid, "AWS KMS does not accept the request"),
        ("AccessDeniedException", Denied, "AWS KMS denies this to the credentials"),
        ("AccessDenied", Denied, "AWS KMS denies this to the credentials"),
        ("NotAuthorized", Denied, "AWS KMS denies this to the credentials"),
        ("OptInRequired", Denied, "the account may not use AWS KMS here"),
        ("InvalidGrantTokenException", Denied, "AWS KMS does not accept the grant token"),
        ("UnrecognizedClientException", Denied, REFUSED),
        ("InvalidClientTokenId", Denied, REFUSED),
        ("InvalidAccessKeyId", Denied, REFUSED),
        ("InvalidSignatureException", Denied, "AWS KMS does not accept the signature"),
        ("SignatureDoesNotMatch", Denied, "AWS KMS does not accept the signature"),
        ("IncompleteSignature", Denied, "AWS KMS does not accept the signature"),
        ("IncompleteSignatureException", Denied, "AWS KMS does not accept the signature"),
        ("MissingAuthenticationToken", Denied, REFUSED),
        ("MissingAuthenticationTokenException", Denied, REFUSED),
        ("ExpiredToken", Denied, EXPIRED),
        ("ExpiredTokenException", Denied, EXPIRED),
        ("RequestExpired", Denied, "the request was signed too long ago: compare the clocks"),
        ("DryRunOperationException", Faulty, "AWS KMS only tried what it was asked to do"),
    ]
};

/// The kind and the sentence of a failure that the service told.
fn told(code: Option<&str>, status: u16) -> (ErrorKind, &'static str) {
    let known = CODES.iter().find(|(known, _, _)| Some(*known) == code);
    match (known, status) {
        (Some((_, kind, message)), _) => (*kind, message),
        (None, 429) => (ErrorKind::Throttled, "AWS KMS asks for fewer calls"),
        (None, 401 | 403) => (ErrorKind::Denied, "AWS KMS denies this to the credentials"),
        (None, 500..) => (ErrorKind::Unavailable, "AWS KMS failed; it may work later"),
        (None, _) => (ErrorKind::Faulty, "AWS KMS failed for a reason that is not known"),
    }
}

/// The error that a failed call comes to.
pub(super) fn of<E>(error: &SdkError<E>) -> Error
where
    E: ProvideErrorMetadata + StdError + 'static,
{
    if let Some(refusal) = cause::<Refusal>(error) {
        // What a proxy says of an outage may be long, and is one all the same.
        return match (refusal, error) {
            (Refusal::Long, SdkError::ResponseError(response))
                if response.raw().status().is_server_error() =>
            {
                let (kind, message) = told(None, response.raw().status().as_u16());
                Error::new(kind, message)
            }
            _ => refused(*refusal),
        };
    }
    if let Some(credentials) = cause::<CredentialsError>(error) {
        return without_credentials(credentials);
    }
    match error {
        SdkError::ServiceError(service) => {
            let (code, status) = (service.err().code(), service.raw().status().as_u16());
            let (kind, message) = told(code, status);
            Error::new(kind, message).with_source(Answer::new(code, status, error.request_id()))
        }
        SdkError::ResponseError(response) => {
            let status = response.raw().status().as_u16();
            let (kind, message) = match status {
                200..300 => (ErrorKind::Faulty, "AWS KMS answered what cannot be read"),
                _ => told(None, status),
            };
            Error::new(kind, message).with_source(Answer::new(None, status, error.request_id()))
        }
        SdkError::TimeoutError(_) => {
            Error::new(ErrorKind::Unavailable, "AWS KMS did not answer in time")
        }
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            Error::new(ErrorKind::Unavailable, "AWS KMS did not answer in time")
        }
        SdkError::DispatchFailure(failure) if failure.is_user() => {
            Error::new(ErrorKind::Invalid, "no request can be made to this endpoint")
        }
        SdkError::DispatchFailure(_) => {
            Error::new(ErrorKind::Unavailable, "AWS KMS could not be reached")
        }
        _ => Error::new(ErrorKind::Invalid, "no request can be made of this configuration"),
    }
}

fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::Open => open_endpoint(),
        Refusal::Long => Error::new(ErrorKind::Faulty, "AWS KMS answered more than it ever does"),
        Refusal::Cut => {
            Error::new(ErrorKind::Unavailable, "the connection ended before the answer")
        }
    }
}

/// For an endpoint to which keys would go in the clear.
pub(super) fn open_endpoint() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "the endpoint is not https, and keys would be seen on the way",
    )
}

/// Whether AWS KMS said that the key's state forbids the call. Of a key in a custom key store it says so of any failure of
/// that store.
pub(super) fn is_of_state(error: &Error) -> bool {
    cause::<Answer>(error).is_some_and(|answer| answer.code.as_deref() == Some(INVALID_STATE))
}

/// For a key that is fit for use by its own state.
pub(super) fn out_of_reach() -> Error {
    Error::new(ErrorKind::Unavailable, "AWS KMS cannot reach the key now")
}

const INVALID_STATE: &str = "KMSInvalidStateException";

/// The provider's own words may name profiles, roles and paths.
fn without_credentials(error: &CredentialsError) -> Error {
    match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            Error::new(ErrorKind::Denied, "no credentials for AWS were found")
        }
        CredentialsError::InvalidConfiguration(_) => {
            Error::new(ErrorKind::Invalid, "the configuration of credentials for AWS is not valid")
        }
        _ => Error::new(ErrorKind::Unavailable, "no credentials for AWS could be had now"),
    }
}

/// The first of this type among the causes.
fn cause<'a, T: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a T> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref() {
            return Some(found);
        }
        next = error.source();
    }
    None
}

/// What AWS support asks for, and nothing that the service or the request said besides: its words may hold anything.
#[derive(Debug)]
struct Answer {
    code: Option<String>,
    status: u16,
    request: Option<String>,
}

impl Answer {
    fn new(code: Option<&str>, status: u16, request: Option<&str>) -> Self {
        Self {
            code: code.filter(|code| is_code(code)).map(str::to_owned),
            status,
            request: request.filter(|request| is_request(request)).map(str::to_owned),
        }
    }
}

/// Letters only, as every code is, so that no key passes for one.
fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// A UUID.
fn is_request(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unsaid = "without one";
        let (code, request) = (self.code.as_deref(), self.request.as_deref());
        write!(f, "status {}, code {}", self.status, code.unwrap_or(unsaid))?;
        write!(f, ", request {}", request.unwrap_or(unsaid))
    }
}

impl StdError for Answer {}

#[cfg(test)]
mod tests {
    use super::*;
    use ErrorKind::{
        Denied, Faulty, Invalid, NotFound, State, Throttled, Unauthenticated, Unavailable,
    };
    use aws_sdk_kms::config::http::HttpResponse;
    use aws_sdk_kms::error::ErrorMetadata;
    use aws_sdk_kms::operation::decrypt::DecryptError;
    use aws_smithy_types::body::SdkBody;

    fn answered(code: &str, status: u16, message: &str) -> Error {
        let meta = ErrorMetadata::builder().code(code).message(message).build();
        let mut raw = HttpResponse::new(status.try_into().unwrap(), SdkBody::from(message));
        raw.headers_mut().insert("x-amzn-requestid", "01234567-89ab-cdef-0123-456789abcdef");
        of(&SdkError::service_error(DecryptError::generic(meta), raw))
    }

    #[test]
    fn every_code_has_its_kind() {
        let expected = [
            ("ThrottlingException", Throttled),
            ("LimitExceededException", Throttled),
            ("KMSInternalException", Unavailable),
            ("InternalFailure", Unavailable),
            ("ServiceUnavailable", Unavailable),
            ("DependencyTimeoutException", Unavailable),
            ("KeyUnavailableException", Unavailable),
            ("DisabledException", State),
            ("KMSInvalidStateException", State),
            ("NotFoundException", NotFound),
            ("InvalidCiphertextException", Unauthenticated),
            ("IncorrectKeyException", Unauthenticated),
            ("InvalidKeyUsageException", Invalid),
            ("ValidationException", Invalid),
            ("AccessDeniedException", Denied),
            ("InvalidGrantTokenException", Denied),
            ("UnrecognizedClientException", Denied),
            ("InvalidSignatureException", Denied),
            ("ExpiredTokenException", Denied),
            ("DryRunOperationException", Faulty),
        ];
        for (code, kind) in expected {
            assert_eq!(answered(code, 400, "").kind(), kind, "{code}");
        }
        assert!(CODES.iter().all(|(code, _, _)| is_code(code)));
        let mut codes: Vec<_> = CODES.iter().map(|(code, _, _)| code).collect();
        codes.sort();
        codes.dedup();
        assert_eq!(codes.len(), CODES.len(), "no code is there twice");
    }

    #[test]
    fn an_unknown_code_is_judged_by_its_status() {
        let expected = [(400, Faulty), (404, Faulty), (401, Denied), (403, Denied)];
        for (status, kind) in
            expected.into_iter().chain([(429, Throttled), (500, Unavailable), (503, Unavailable)])
        {
            assert_eq!(answered("NeverHeardOf", status, "").kind(), kind, "{status}");
        }
    }

    #[test]
    fn the_source_holds_code_status_and_request_and_no_word_more() {
        let error = answered("NotFoundException", 400, "Key 'canary' does not exist");
        let source = StdError::source(&error).unwrap().to_string();
        let expected =
            "status 400, code NotFoundException, request 01234567-89ab-cdef-0123-456789abcdef";
        assert_eq!(source, expected);
        assert!(!format!("{error:?} {error}").contains("canary"));
        // What a service says that means harm.
        let error = answered("c0ffee00c0ffee00c0ffee00c0ffee00", 400, "");
        let source = StdError::source(&error).unwrap().to_string();
        assert!(source.contains("code without one"), "{source}");
        assert!(!is_request(&"0".repeat(36)) && !is_request("") && !is_code("") && !is_code("a b"));
    }

    #[test]
    fn what_never_reached_the_service_has_its_kind_too() {
        type Failed = SdkError<DecryptError>;
        let timed_out = Failed::timeout_error("late");
        assert_eq!(of(&timed_out).kind(), Unavailable);
        let refusals = [
            (Refusal::Open, ErrorKind::Unsupported),
            (Refusal::Long, Faulty),
            (Refusal::Cut, Unavailable),
        ];
        for (refusal, kind) in refusals {
            assert_eq!(of(&Failed::construction_failure(refusal)).kind(), kind);
        }
        let credentials = [
            (CredentialsError::not_loaded_no_source(), Denied),
            (CredentialsError::invalid_configuration("canary"), Invalid),
            (CredentialsError::provider_error("canary"), Unavailable),
            (CredentialsError::provider_timed_out(core::time::Duration::ZERO), Unavailable),
            (CredentialsError::unhandled("canary"), Unavailable),
        ];
        for (credentials, kind) in credentials {
            let error = of(&Failed::construction_failure(credentials));
            assert_eq!(error.kind(), kind);
            assert!(!format!("{error:?}").contains("canary"));
        }
        assert_eq!(of(&Failed::construction_failure("nothing")).kind(), Invalid);
        for (status, kind) in [(200, Faulty), (400, Faulty), (500, Unavailable)] {
            let raw = HttpResponse::new(status.try_into().unwrap(), SdkBody::from("canary"));
            let error = of(&Failed::response_error("canary", raw));
            assert_eq!(error.kind(), kind);
            assert!(!format!("{error:?}").contains("canary"));
        }
    }
}
