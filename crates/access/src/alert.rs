use core::time::Duration;
use phiseal_audit::RequestId;
use phiseal_keys::Reader;

/// What somebody is to be told of at once. It is on the audit log as well.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Alert {
    /// An actor asks for more than the policy takes for usual: one alert in each window.
    #[non_exhaustive]
    Rate {
        /// Who, and for which use the one was that was too many.
        reader: Reader,
        /// How much was asked for since the window began: revealed, searched or denied.
        asked: u64,
        /// How long a window is.
        within: Duration,
    },
    /// Somebody broke the glass.
    #[non_exhaustive]
    BreakGlass {
        /// Who, and for which use.
        reader: Reader,
        /// The id that all records of the emergency have.
        emergency: RequestId,
        /// For how long it lasts at most.
        lasts: Duration,
    },
}
