//! Clauses 5 to 7: a wrap opens as what it was made, or not at all.

use super::{Fixture, context, contexts};
use crate::report::{Stop, ensure};
use phiseal_format::{WrapAlgorithm, WrappedKey};
use phiseal_keys::ErrorKind;

/// Wraps up to this long have every bit flipped; of longer ones, every bit at both ends and one of each byte between.
const EVERY_BIT: usize = 128;
const ENDS: usize = 32;

pub(super) fn other_contexts_are_refused(fixture: &Fixture) -> Result<(), Stop> {
    if !fixture.done("describe", fixture.backend.describe())?.binds_context {
        return Err(Stop::NotApplicable("the backend says that it binds no context".to_owned()));
    }
    let contexts = contexts();
    for made in &contexts {
        let generated = fixture.done("generate_key", fixture.backend.generate_key(made))?;
        let wrapped = fixture.done("wrap_key", fixture.backend.wrap_key(&generated.key, made))?;
        for asked in contexts.iter().filter(|asked| *asked != made) {
            fixture.refused("a generated key under another context", &generated.wrapped, asked)?;
            fixture.refused("a wrapped key under another context", &wrapped, asked)?;
            fixture.not_rewrapped("a wrapped key under another context", &wrapped, asked)?;
        }
    }
    Ok(())
}

pub(super) fn changed_wraps_are_refused(fixture: &Fixture) -> Result<(), Stop> {
    let context = context(1);
    let wrapped = fixture.done("generate_key", fixture.backend.generate_key(&context))?.wrapped;
    let bytes = wrapped.wrapped();
    for (position, bit) in bits(bytes.len()) {
        let mut changed = bytes.to_vec();
        if let Some(byte) = changed.get_mut(position) {
            *byte ^= 1 << bit;
        }
        refused(
            fixture,
            &format!("bit {bit} of byte {position} flipped"),
            &with_bytes(&wrapped, changed)?,
        )?;
    }
    for length in [1, bytes.len() / 2, bytes.len().saturating_sub(1)] {
        let short = bytes.get(..length).unwrap_or_default().to_vec();
        if !short.is_empty() && short.len() < bytes.len() {
            refused(fixture, &format!("cut to {length} bytes"), &with_bytes(&wrapped, short)?)?;
        }
    }
    for more in [1, 16, 64] {
        let long = [bytes, &vec![0; more]].concat();
        refused(fixture, &format!("{more} bytes longer"), &with_bytes(&wrapped, long)?)?;
    }
    for algorithm in
        WrapAlgorithm::ALL.into_iter().filter(|algorithm| *algorithm != wrapped.algorithm())
    {
        let relabelled = WrappedKey::new(
            algorithm,
            wrapped.kek_id().clone(),
            wrapped.kek_version(),
            bytes.to_vec(),
        )
        .map_err(|e| e.to_string())?;
        refused(fixture, &format!("labelled as {algorithm:?}"), &relabelled)?;
    }
    // Otherwise the wrap may have been bad from the start.
    fixture
        .done("unwrap_key of the unchanged wrap", fixture.backend.unwrap_key(&wrapped, &context))
        .map(drop)
}

pub(super) fn wraps_of_another_kek_are_refused(fixture: &Fixture) -> Result<(), Stop> {
    let context = context(1);
    let own = fixture.done("generate_key", fixture.backend.generate_key(&context))?.wrapped;
    let foreign = fixture
        .done("generate_key of the other KEK", fixture.other.generate_key(&context))?
        .wrapped;
    ensure!(own.kek_id() != foreign.kek_id(), "both KEKs of the fixture have the same id");
    fixture.refused("a wrap of another KEK", &foreign, &context)?;
    let relabelled = WrappedKey::new(
        foreign.algorithm(),
        own.kek_id().clone(),
        own.kek_version(),
        foreign.wrapped().to_vec(),
    )
    .map_err(|error| error.to_string())?;
    fixture.refused("a wrap of another KEK, labelled as one of this", &relabelled, &context)?;
    fixture.not_rewrapped("a wrap of another KEK", &foreign, &context)?;
    fixture.not_rewrapped(
        "a wrap of another KEK, labelled as one of this",
        &relabelled,
        &context,
    )?;
    fixture
        .done("unwrap_key by the other KEK", fixture.other.unwrap_key(&foreign, &context))
        .map(drop)
}

fn refused(fixture: &Fixture, what: &str, wrapped: &WrappedKey) -> Result<(), Stop> {
    let kind = fixture.refused(what, wrapped, &context(1))?.kind();
    let allowed =
        [ErrorKind::Unauthenticated, ErrorKind::Malformed, ErrorKind::NotFound, ErrorKind::State];
    ensure!(
        allowed.contains(&kind),
        "{what}: refused as {kind:?}, which the clause does not allow"
    );
    Ok(())
}

fn with_bytes(wrapped: &WrappedKey, bytes: Vec<u8>) -> Result<WrappedKey, Stop> {
    WrappedKey::new(wrapped.algorithm(), wrapped.kek_id().clone(), wrapped.kek_version(), bytes)
        .map_err(|error| Stop::Failed(error.to_string()))
}

fn bits(length: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..length).flat_map(move |position| (0..8).map(move |bit| (position, bit))).filter(
        move |(position, bit)| {
            let at_an_end = *position < ENDS || position.saturating_add(ENDS) >= length;
            length <= EVERY_BIT || at_an_end || position % 8 == *bit
        },
    )
}
