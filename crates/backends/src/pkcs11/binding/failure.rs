//! From a token's answers to the contract's errors, and what each says about the session.

use cryptoki::error::{Error as CkError, RvError};
use phiseal_keys::{Error, ErrorKind};

/// Why an operation failed, and what can be done about it.
#[derive(Debug)]
pub(in crate::pkcs11) struct Failure {
    pub(in crate::pkcs11) error: Error,
    pub(in crate::pkcs11) cause: Cause,
}

/// What a failure says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pkcs11) enum Cause {
    /// The module was finalised: it has to be initialised again.
    Finalised,
    /// The session, its login or its handles are gone: another session may do.
    Lost,
    /// The token failed, or was given what is not authentic; its answer does not tell which.
    Unclear,
    /// The answer would be the same in another session.
    Final,
    /// The user could not be logged in: not to be tried again, as tokens count wrong PINs.
    Login,
    /// No call was made or none failed: the session is as good as before.
    Refused,
}

impl Failure {
    pub(in crate::pkcs11) fn of(cause: Cause, kind: ErrorKind, message: &'static str) -> Self {
        Self { error: Error::new(kind, message), cause }
    }

    /// Whether the token says that it does no such thing, or not for this user.
    pub(in crate::pkcs11) fn is_refusal(&self) -> bool {
        matches!(self.error.kind(), ErrorKind::Unsupported | ErrorKind::Denied)
    }
}

/// What this side refuses, without a call.
impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self { error, cause: Cause::Refused }
    }
}

impl From<phiseal_primitives::Error> for Failure {
    fn from(error: phiseal_primitives::Error) -> Self {
        Error::from(error).into()
    }
}

impl From<phiseal_format::Error> for Failure {
    fn from(error: phiseal_format::Error) -> Self {
        Error::from(error).into()
    }
}

/// What `error` of the binding says. Its text names the function and the code, and nothing that was given to it.
#[cold]
pub(super) fn failed(error: CkError) -> Failure {
    let (cause, kind, message) = match &error {
        CkError::Pkcs11(code, _) => meaning(*code),
        CkError::NullFunctionPointer | CkError::NotSupported | CkError::MissingSymbol(_) => (
            Cause::Final,
            ErrorKind::Unsupported,
            "the PKCS#11 module lacks a function that is needed",
        ),
        CkError::LibraryLoading(_) => {
            (Cause::Final, ErrorKind::Unsupported, "the PKCS#11 module cannot be loaded")
        }
        _ => (Cause::Unclear, ErrorKind::Faulty, "the PKCS#11 module answered what it must not"),
    };
    let source = match error {
        CkError::Pkcs11(code, function) => format!("C_{function:?} answered {code:?}"),
        other => other.to_string(),
    };
    Failure { error: Error::new(kind, message).with_source(source), cause }
}

/// The codes of PKCS#11 3.1, 5.1, as far as the calls of this backend meet them.
fn meaning(code: RvError) -> (Cause, ErrorKind, &'static str) {
    use Cause::{Final, Finalised, Login, Lost, Unclear};
    match code {
        RvError::CryptokiNotInitialized => {
            (Finalised, ErrorKind::Unavailable, "the PKCS#11 module was finalised")
        }
        RvError::SessionHandleInvalid
        | RvError::SessionClosed
        | RvError::OperationActive
        | RvError::OperationNotInitialized => {
            (Lost, ErrorKind::Unavailable, "the session with the token is lost")
        }
        RvError::UserNotLoggedIn => {
            (Lost, ErrorKind::Unavailable, "the token has logged the user out")
        }
        RvError::ObjectHandleInvalid
        | RvError::KeyHandleInvalid
        | RvError::WrappingKeyHandleInvalid
        | RvError::UnwrappingKeyHandleInvalid
        | RvError::KeyChanged => (Lost, ErrorKind::NotFound, "the key is no longer on the token"),
        RvError::DeviceRemoved
        | RvError::TokenNotPresent
        | RvError::TokenNotRecognized
        | RvError::SlotIdInvalid => (Lost, ErrorKind::Unavailable, "the token is not there"),
        RvError::SessionCount => {
            (Final, ErrorKind::Throttled, "the token has no more sessions: use fewer workers")
        }
        RvError::PinIncorrect => (Login, ErrorKind::Denied, "the PIN is wrong"),
        RvError::PinLocked => {
            (Login, ErrorKind::Denied, "the PIN is locked: the security officer has to reset it")
        }
        RvError::PinExpired => (Login, ErrorKind::Denied, "the PIN has expired: set a new one"),
        RvError::PinInvalid | RvError::PinLenRange => {
            (Login, ErrorKind::Denied, "the token takes no such PIN")
        }
        RvError::UserPinNotInitialized => {
            (Login, ErrorKind::Denied, "the token has no user PIN yet: set one with its tool")
        }
        RvError::UserTypeInvalid
        | RvError::UserAnotherAlreadyLoggedIn
        | RvError::UserTooManyTypes => {
            (Login, ErrorKind::Denied, "somebody else is logged in to the token in this process")
        }
        // What this session knows of the key may be out of date.
        RvError::KeyFunctionNotPermitted | RvError::ActionProhibited => {
            (Lost, ErrorKind::State, "the key may not do this: it is deactivated or suspended")
        }
        RvError::EncryptedDataInvalid
        | RvError::EncryptedDataLenRange
        | RvError::WrappedKeyInvalid
        | RvError::WrappedKeyLenRange => {
            (Final, ErrorKind::Unauthenticated, "authentication failed")
        }
        RvError::MechanismInvalid
        | RvError::MechanismParamInvalid
        | RvError::FunctionNotSupported
        | RvError::KeyTypeInconsistent
        | RvError::WrappingKeyTypeInconsistent
        | RvError::UnwrappingKeyTypeInconsistent => {
            (Final, ErrorKind::Unsupported, "the token does not offer this mechanism")
        }
        // Some also say so of a key that is changed at the same moment.
        RvError::TemplateInconsistent
        | RvError::TemplateIncomplete
        | RvError::AttributeTypeInvalid
        | RvError::AttributeValueInvalid
        | RvError::KeySizeRange
        | RvError::DomainParamsInvalid
        | RvError::CurveNotSupported => {
            (Unclear, ErrorKind::Unsupported, "the token makes no such key")
        }
        RvError::AttributeReadOnly
        | RvError::SessionReadOnly
        | RvError::TokenWriteProtected
        | RvError::FunctionRejected => {
            (Final, ErrorKind::Denied, "the token does not allow this change")
        }
        RvError::CantLock | RvError::NeedToCreateThreads => (
            Final,
            ErrorKind::Unsupported,
            "the PKCS#11 module cannot be used from several threads",
        ),
        RvError::HostMemory | RvError::DeviceMemory => {
            (Unclear, ErrorKind::Unavailable, "the token has no memory left")
        }
        // What a device says that has failed, and what some say of every wrap that is not authentic.
        _ => (Unclear, ErrorKind::Unavailable, "the token failed"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cryptoki::context::Function;

    fn of(code: RvError) -> Failure {
        failed(CkError::Pkcs11(code, Function::Decrypt))
    }

    #[test]
    fn a_wrong_pin_is_told_from_everything_else() {
        for code in [RvError::PinIncorrect, RvError::PinLocked, RvError::PinExpired] {
            let failure = of(code);
            assert_eq!((failure.cause, failure.error.kind()), (Cause::Login, ErrorKind::Denied));
        }
    }

    #[test]
    fn what_a_token_says_of_a_lost_session_leads_to_another_one() {
        for code in [
            RvError::SessionHandleInvalid,
            RvError::SessionClosed,
            RvError::UserNotLoggedIn,
            RvError::ObjectHandleInvalid,
            RvError::OperationActive,
            RvError::DeviceRemoved,
        ] {
            assert_eq!(of(code).cause, Cause::Lost, "{code:?}");
        }
        assert_eq!(of(RvError::CryptokiNotInitialized).cause, Cause::Finalised);
    }

    #[test]
    fn an_answer_that_may_mean_two_things_says_neither() {
        for code in [RvError::GeneralError, RvError::DeviceError, RvError::FunctionFailed] {
            let failure = of(code);
            assert_eq!(failure.cause, Cause::Unclear, "{code:?}");
            assert!(failure.error.is_retryable());
        }
        assert_eq!(of(RvError::EncryptedDataInvalid).error.kind(), ErrorKind::Unauthenticated);
    }

    #[test]
    fn the_source_names_function_and_code() {
        let failure = of(RvError::PinIncorrect);
        let source = std::error::Error::source(&failure.error).unwrap().to_string();
        assert!(source == "C_Decrypt answered PinIncorrect", "{source}");
    }
}
