//! Clauses 10 to 12: what leaks, and how futures behave.

use super::{Fixture, context, contexts, same};
use crate::forms::{shows, told};
use crate::report::{Stop, ensure};
use crate::run::{joined, poll_once};
use core::task::Poll;
use phiseal_format::WrappedKey;
use phiseal_keys::DataKey;
use std::thread;

const THREADS: u32 = 8;
const CALLS: u32 = 8;

pub(super) fn errors_and_debug_hold_no_key(fixture: &Fixture) -> Result<(), Stop> {
    let context = context(1);
    let generated = fixture.done("generate_key", fixture.backend.generate_key(&context))?;
    let given = DataKey::generate(fixture.engine).map_err(|error| error.to_string())?;
    let wrapped = fixture.done("wrap_key", fixture.backend.wrap_key(&given, &context))?;
    let mut texts =
        vec![format!("{:?}", fixture.backend), format!("{generated:?}"), format!("{wrapped:?}")];
    for wrap in [&generated.wrapped, &wrapped] {
        let opened = fixture.done("unwrap_key", fixture.backend.unwrap_key(wrap, &context))?;
        texts.push(format!("{opened:?} {:?}", fixture.backend));
        for (wrap, context) in spoilt(wrap)?
            .iter()
            .flat_map(|wrap| contexts().into_iter().map(move |context| (wrap, context)))
        {
            if let Err(error) = fixture.unwrapped(wrap, &context)? {
                texts.push(told(&error));
            }
        }
        texts.push(format!("{:?}", fixture.backend));
    }
    for key in [&generated.key, &given] {
        for half in key.expose_secret().chunks(16) {
            ensure!(
                texts.iter().all(|text| !shows(text, half)),
                "an error or a Debug shows half of a key or more"
            );
        }
    }
    Ok(())
}

pub(super) fn futures_run_anywhere_and_can_be_dropped(fixture: &Fixture) -> Result<(), Stop> {
    let context = context(1);
    let generated = fixture.done("generate_key", fixture.backend.generate_key(&context))?;
    // Begun and given up, before and after the first poll.
    for polls in [0, 1] {
        let mut calls = (
            fixture.backend.describe(),
            fixture.backend.generate_key(&context),
            fixture.backend.wrap_key(&generated.key, &context),
            fixture.backend.unwrap_key(&generated.wrapped, &context),
            fixture.backend.rewrap_key(&generated.wrapped, &context),
        );
        if polls == 1 {
            drop((
                poll_once(&mut calls.0),
                poll_once(&mut calls.1),
                poll_once(&mut calls.2),
                poll_once(&mut calls.3),
                poll_once(&mut calls.4),
            ));
        }
    }
    // Begun on this thread, ended on another one that has no executor either.
    let mut call = fixture.backend.unwrap_key(&generated.wrapped, &context);
    let answer = match poll_once(&mut call) {
        Poll::Ready(answer) => answer,
        Poll::Pending => thread::scope(|scope| joined(scope.spawn(|| fixture.answer(call))))?,
    };
    let answer =
        answer.map_err(|error| format!("a call that moved to another thread failed: {error}"))?;
    ensure!(
        same(&answer.key, &generated.key),
        "after calls were dropped, or moved, another key came out"
    );
    thread::scope(|scope| {
        joined(scope.spawn(|| {
            let generated = fixture.done(
                "generate_key after calls were dropped",
                fixture.backend.generate_key(&context),
            )?;
            fixture.done(
                "unwrap_key after calls were dropped",
                fixture.backend.unwrap_key(&generated.wrapped, &context),
            )
        }))
    })
    .map(drop)
}

pub(super) fn calls_run_concurrently(fixture: &Fixture) -> Result<(), Stop> {
    // One call is begun and left alone, while another one, under another context, runs to its end.
    let (held_context, other_context) = (context(1), context(2));
    let mut held = fixture.backend.generate_key(&held_context);
    let begun = poll_once(&mut held);
    let other = fixture
        .done("generate_key beside another one", fixture.backend.generate_key(&other_context))?;
    let held = match begun {
        Poll::Ready(answer) => answer,
        Poll::Pending => fixture.answer(held)?,
    };
    let held = held
        .map_err(|error| format!("generate_key that was left alone for a while failed: {error}"))?;
    for (generated, context) in [(&held, &held_context), (&other, &other_context)] {
        let answer = fixture.done(
            "unwrap_key of concurrent wraps",
            fixture.backend.unwrap_key(&generated.wrapped, context),
        )?;
        ensure!(same(&answer.key, &generated.key), "concurrent calls got each other's keys");
    }
    thread::scope(|scope| {
        let threads = (0..THREADS).map(|thread| scope.spawn(move || calls_of(fixture, thread)));
        threads.collect::<Vec<_>>().into_iter().try_for_each(joined)
    })
}

fn calls_of(fixture: &Fixture, thread: u32) -> Result<(), Stop> {
    for call in 0..CALLS {
        let context = context(thread.saturating_mul(CALLS).saturating_add(call));
        let generated =
            fixture.done("generate_key of a thread", fixture.backend.generate_key(&context))?;
        let answer = fixture.done(
            "unwrap_key of a thread",
            fixture.backend.unwrap_key(&generated.wrapped, &context),
        )?;
        ensure!(same(&answer.key, &generated.key), "threads got each other's keys");
    }
    Ok(())
}

/// The wrap as it is, with a flipped bit, and with half its bytes.
fn spoilt(wrap: &WrappedKey) -> Result<Vec<WrappedKey>, Stop> {
    let mut flipped = wrap.wrapped().to_vec();
    if let Some(last) = flipped.last_mut() {
        *last ^= 1;
    }
    let half = wrap.wrapped().iter().take(wrap.wrapped().len().div_ceil(2)).copied().collect();
    let versions = [wrap.wrapped().to_vec(), flipped, half].map(|bytes| {
        WrappedKey::new(wrap.algorithm(), wrap.kek_id().clone(), wrap.kek_version(), bytes)
            .map_err(|error| Stop::Failed(error.to_string()))
    });
    versions.into_iter().collect()
}
