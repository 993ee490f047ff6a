//! Layers: backends around a backend, which add one behaviour each.
//!
//! | layer | what it adds |
//! |---|---|
//! | [`Timeout`] | a call that is not answered in time is [`Unavailable`](phiseal_keys::ErrorKind::Unavailable) |
//! | [`Retry`] | a call that was not answered, or was one too many, is made again, within a budget |
//! | [`Breaker`] | a backend that fails again and again is left alone for a while |
//! | [`Limit`] | so many calls at once, so many that wait, and no more |
//! | [`Deferred`] | the backend is opened when it is first needed, and again when that failed |
//! | [`Audited`] | an [event](phiseal_keys::KekEvent) for each call |
//!
//! The order matters. From the inside out: a timeout for each attempt, the limit, retries, the breaker, the audit; and a
//! second timeout over all of it where the caller has a deadline.
//!
//! ```
//! use phiseal_backends::layer::{Breaker, Limit, Retry, Timeout};
//! use phiseal_backends::memory::MemoryKek;
//! use core::time::Duration;
//!
//! # fn main() -> Result<(), phiseal_keys::Error> {
//! let kek = MemoryKek::new(phiseal_primitives::default_engine())?;
//! let kek = Timeout::new(kek, Duration::from_secs(2));
//! let kek = Limit::new(kek, 16);
//! let kek = Retry::new(kek);
//! let kek = Breaker::new(kek);
//! # let _ = kek;
//! # Ok(())
//! # }
//! ```
//!
//! Several KEKs for one key, any one of which opens it, are no layer but a choice of the key store's:
//! [`Keks`](phiseal_keys::Keks).
//!
//! A layer needs no async runtime: what waits is woken by a timer thread. It can bound the wait for a backend that answers
//! later, not for one that blocks the thread that polls it.

mod audited;
mod breaker;
mod deferred;
mod limit;
mod retry;
mod timeout;

pub use audited::Audited;
pub use breaker::Breaker;
pub use deferred::Deferred;
pub use limit::Limit;
pub use retry::Retry;
pub use timeout::Timeout;

/// The five methods of a layer, each through its `run`, which gets what makes the call.
macro_rules! through_run {
    ($layer:ident) => {
        #[deny(clippy::missing_trait_methods)]
        impl<B: phiseal_keys::KekBackend> phiseal_keys::KekBackend for $layer<B> {
            fn describe(
                &self,
            ) -> phiseal_keys::BoxFuture<'_, Result<phiseal_keys::KekInfo, phiseal_keys::Error>>
            {
                Box::pin(self.run(|| self.backend.describe()))
            }

            fn generate_key<'a>(
                &'a self,
                context: &'a phiseal_format::EncryptionContext,
            ) -> phiseal_keys::BoxFuture<
                'a,
                Result<phiseal_keys::GeneratedKey, phiseal_keys::Error>,
            > {
                Box::pin(self.run(|| self.backend.generate_key(context)))
            }

            fn wrap_key<'a>(
                &'a self,
                key: &'a phiseal_keys::DataKey,
                context: &'a phiseal_format::EncryptionContext,
            ) -> phiseal_keys::BoxFuture<
                'a,
                Result<phiseal_format::WrappedKey, phiseal_keys::Error>,
            > {
                Box::pin(self.run(move || self.backend.wrap_key(key, context)))
            }

            fn unwrap_key<'a>(
                &'a self,
                wrapped: &'a phiseal_format::WrappedKey,
                context: &'a phiseal_format::EncryptionContext,
            ) -> phiseal_keys::BoxFuture<
                'a,
                Result<phiseal_keys::UnwrappedKey, phiseal_keys::Error>,
            > {
                Box::pin(self.run(move || self.backend.unwrap_key(wrapped, context)))
            }

            fn rewrap_key<'a>(
                &'a self,
                wrapped: &'a phiseal_format::WrappedKey,
                context: &'a phiseal_format::EncryptionContext,
            ) -> phiseal_keys::BoxFuture<
                'a,
                Result<phiseal_format::WrappedKey, phiseal_keys::Error>,
            > {
                Box::pin(self.run(move || self.backend.rewrap_key(wrapped, context)))
            }
        }
    };
}
use through_run;
