use core::time::Duration;
use phiseal_format::{EncryptionContext, WrappedKey};
use phiseal_keys::{
    BoxFuture, Clock, DataKey, Error, GeneratedKey, KekBackend, KekEvent, KekEvents, KekInfo,
    KekOperation, SystemClock, UnwrappedKey,
};
use std::sync::Arc;

/// A backend whose calls are told to somebody: operation, opaque ids, outcome, time; no key and no name of a person.
///
/// The event is told before the caller gets the answer. A call that is dropped before it is answered is not told.
#[derive(Debug)]
pub struct Audited<B> {
    backend: B,
    events: Arc<dyn KekEvents>,
    clock: Arc<dyn Clock>,
}

impl<B> Audited<B> {
    /// Tells `events` of each call of `backend`.
    #[must_use]
    pub fn new(backend: B, events: impl KekEvents) -> Self {
        Self { backend, events: Arc::new(events), clock: Arc::new(SystemClock::new()) }
    }

    /// Times calls by this clock.
    #[must_use]
    pub fn clock(mut self, clock: impl Clock) -> Self {
        self.clock = Arc::new(clock);
        self
    }

    async fn told<T>(
        &self,
        operation: KekOperation,
        context: Option<&EncryptionContext>,
        asked: Option<&WrappedKey>,
        call: BoxFuture<'_, Result<T, Error>>,
    ) -> Result<T, Error> {
        let began = self.clock.now();
        let answer = call.await;
        let took: Duration = self.clock.now().since(began);
        let outcome = answer.as_ref().map(|_| ()).map_err(Error::kind);
        self.events.record(&KekEvent::new(operation, outcome, took).of(context, asked));
        answer
    }
}

#[deny(clippy::missing_trait_methods)]
impl<B: KekBackend> KekBackend for Audited<B> {
    fn describe(&self) -> BoxFuture<'_, Result<KekInfo, Error>> {
        Box::pin(self.told(KekOperation::Describe, None, None, self.backend.describe()))
    }

    fn generate_key<'a>(
        &'a self,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<GeneratedKey, Error>> {
        let call = self.backend.generate_key(context);
        Box::pin(self.told(KekOperation::Generate, Some(context), None, call))
    }

    fn wrap_key<'a>(
        &'a self,
        key: &'a DataKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        let call = self.backend.wrap_key(key, context);
        Box::pin(self.told(KekOperation::Wrap, Some(context), None, call))
    }

    fn unwrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<UnwrappedKey, Error>> {
        let call = self.backend.unwrap_key(wrapped, context);
        Box::pin(self.told(KekOperation::Unwrap, Some(context), Some(wrapped), call))
    }

    fn rewrap_key<'a>(
        &'a self,
        wrapped: &'a WrappedKey,
        context: &'a EncryptionContext,
    ) -> BoxFuture<'a, Result<WrappedKey, Error>> {
        let call = self.backend.rewrap_key(wrapped, context);
        Box::pin(self.told(KekOperation::Rewrap, Some(context), Some(wrapped), call))
    }
}
