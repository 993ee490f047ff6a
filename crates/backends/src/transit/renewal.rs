//! Renewing the token before it ends.

use super::service::{Service, content, data};
use super::token::Token;
use arc_swap::ArcSwapOption;
use core::sync::atomic::{AtomicU64, Ordering};
use core::time::Duration;
use hyper::Method;
use phiseal_keys::{Clock, Error, Moment, SystemClock, fork_generation, runtime};
use serde::Deserialize;
use std::sync::{Arc, Weak};
use tokio::sync::Notify;

/// What renews the token of a service: a task that begins with the first call in a process and ends with the service.
#[derive(Default)]
pub(super) struct Keeper {
    /// The process that has the task.
    process: AtomicU64,
    watch: ArcSwapOption<Watch>,
}

/// What wakes the task of one process: the parent's has a lock that a forked child could find held for ever.
struct Watch {
    process: u64,
    bell: Arc<Notify>,
}

impl Keeper {
    /// Sees to it that this process has the task.
    pub(super) fn watch(service: &Arc<Service>) -> Result<(), Error> {
        let (keeper, process) = (&service.keeper, fork_generation());
        if keeper.process.swap(process, Ordering::Relaxed) == process {
            return Ok(());
        }
        let bell = Arc::<Notify>::default();
        keeper.watch.store(Some(Arc::new(Watch { process, bell: Arc::clone(&bell) })));
        let task = keep(Arc::downgrade(service), bell);
        runtime::detach(task).inspect_err(|_| keeper.process.store(0, Ordering::Relaxed))
    }

    /// The token is another one.
    pub(super) fn ring(&self) {
        let watch = self.watch.load();
        if let Some(watch) = watch.as_ref().filter(|it| it.process == fork_generation()) {
            watch.bell.notify_one();
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.ring();
    }
}

/// How often the task looks at the clock that counts time asleep, and at the source of the token.
const STEP: Duration = Duration::from_secs(15);
/// Between two attempts that failed.
const AGAIN: Duration = Duration::from_secs(5);
/// Between two renewals of a token that is close to the longest life it can have.
const SHORTEST: Duration = Duration::from_secs(1);

async fn keep(service: Weak<Service>, bell: Arc<Notify>) {
    let mut plan: Option<(Arc<Token>, Plan)> = None;
    loop {
        let Some(service) = service.upgrade() else { return };
        let now = SystemClock::new().now();
        if let Ok(token) = service.credential.current() {
            let next = match plan {
                Some((known, plan)) if Arc::ptr_eq(&known, &token) => match plan {
                    Plan::RenewAt(at) if now >= at => renewed(&service, &token).await,
                    Plan::AskAt(at) if now >= at => asked(&service, &token).await,
                    plan => plan,
                },
                _ => asked(&service, &token).await,
            };
            plan = Some((token, next));
        }
        let now = SystemClock::new().now();
        let wait = match &plan {
            Some((_, Plan::RenewAt(at) | Plan::AskAt(at))) => at.since(now).min(STEP),
            _ => STEP,
        };
        drop(service);
        // Woken or not, what follows is the same.
        let _ = tokio::time::timeout(wait, bell.notified()).await;
    }
}

/// What to do about a token next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Plan {
    RenewAt(Moment),
    /// Nobody answered how long it lives.
    AskAt(Moment),
    /// It lives for ever, or cannot be renewed, or may not ask.
    Leave,
}

impl Plan {
    /// At two thirds of what is left.
    fn of(lifetime: &Lifetime, now: Moment) -> Self {
        if !lifetime.renewable || lifetime.seconds == 0 {
            return Self::Leave;
        }
        let two_thirds = Duration::from_secs(u64::from(lifetime.seconds)) * 2 / 3;
        Self::RenewAt(now.saturating_add(two_thirds.max(SHORTEST)))
    }
}

/// How long a token lives; the two answers name it differently.
#[derive(Deserialize)]
struct Lifetime {
    #[serde(alias = "ttl", alias = "lease_duration")]
    seconds: u32,
    renewable: bool,
}

async fn asked(service: &Service, token: &Token) -> Plan {
    let answer = service.once(Method::GET, "auth/token/lookup-self", token, None).await;
    let now = SystemClock::new().now();
    match answer.and_then(|answer| data::<Lifetime>(&answer)) {
        Ok(lifetime) => Plan::of(&lifetime, now),
        Err(error) if error.is_retryable() => Plan::AskAt(now.saturating_add(AGAIN)),
        Err(_) => Plan::Leave,
    }
}

async fn renewed(service: &Service, token: &Token) -> Plan {
    let now = SystemClock::new().now();
    match renewal(service, token).await {
        Ok(lifetime) => Plan::of(&lifetime, now),
        Err(error) if error.is_retryable() => Plan::RenewAt(now.saturating_add(AGAIN)),
        Err(error) => {
            log::warn!("phiseal: a transit token is renewed no more: {error}");
            Plan::Leave
        }
    }
}

async fn renewal(service: &Service, token: &Token) -> Result<Lifetime, Error> {
    #[derive(Deserialize)]
    struct Renewed {
        auth: Lifetime,
    }
    let nothing = content(&serde_json::Map::new())?;
    let answer = service.once(Method::POST, "auth/token/renew-self", token, Some(nothing)).await?;
    let renewed: Renewed =
        serde_json::from_slice(&answer.body).map_err(|_| super::error::senseless())?;
    Ok(renewed.auth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_renewed_at_two_thirds_of_its_life() {
        let now = Moment::from_nanos(1_000_000_000);
        let plan = |seconds, renewable| Plan::of(&Lifetime { seconds, renewable }, now);
        let after = |seconds| Plan::RenewAt(now.saturating_add(Duration::from_secs(seconds)));
        assert_eq!(plan(3600, true), after(2400));
        assert_eq!(plan(3, true), after(2));
        assert_eq!(
            plan(1, true),
            after(1),
            "close to its longest life it is not asked for all the time"
        );
        assert_eq!(plan(3600, false), Plan::Leave);
        assert_eq!(plan(0, true), Plan::Leave, "a root token");
    }
}
