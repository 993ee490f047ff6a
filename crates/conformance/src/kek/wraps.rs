//! Clauses 2 to 4: keys come back, and are new each time.

use super::{Fixture, contexts, same};
use crate::report::{Stop, ensure};
use phiseal_format::WrapAlgorithm;
use phiseal_keys::DataKey;
use std::collections::HashSet;

const ROUNDS: usize = 16;

pub(super) fn generated_keys_open(fixture: &Fixture) -> Result<(), Stop> {
    for context in contexts() {
        let generated = fixture.done("generate_key", fixture.backend.generate_key(&context))?;
        for _ in 0..2 {
            let opened = fixture
                .done("unwrap_key", fixture.backend.unwrap_key(&generated.wrapped, &context))?;
            ensure!(
                same(&opened.key, &generated.key),
                "another key came out than generate_key returned"
            );
        }
    }
    Ok(())
}

pub(super) fn wrapped_keys_open(fixture: &Fixture) -> Result<(), Stop> {
    for context in contexts() {
        let key = DataKey::generate(fixture.engine).map_err(|error| error.to_string())?;
        let wrapped = fixture.done("wrap_key", fixture.backend.wrap_key(&key, &context))?;
        for _ in 0..2 {
            let opened =
                fixture.done("unwrap_key", fixture.backend.unwrap_key(&wrapped, &context))?;
            ensure!(same(&opened.key, &key), "another key came out than wrap_key was given");
        }
        let again = fixture.done("rewrap_key", fixture.backend.rewrap_key(&wrapped, &context))?;
        let opened = fixture.done(
            "unwrap_key of what rewrap_key made",
            fixture.backend.unwrap_key(&again, &context),
        )?;
        ensure!(same(&opened.key, &key), "another key came out than rewrap_key was given");
    }
    Ok(())
}

pub(super) fn keys_and_wraps_differ(fixture: &Fixture) -> Result<(), Stop> {
    let context = super::context(1);
    let mut keys = HashSet::new();
    for _ in 0..ROUNDS {
        let generated = fixture.done("generate_key", fixture.backend.generate_key(&context))?;
        ensure!(
            keys.insert(*generated.key.expose_secret()),
            "generate_key returned the same key twice"
        );
    }
    let key = DataKey::generate(fixture.engine).map_err(|error| error.to_string())?;
    let mut wraps = HashSet::new();
    for _ in 0..ROUNDS {
        let wrapped = fixture.done("wrap_key", fixture.backend.wrap_key(&key, &context))?;
        if wrapped.algorithm() == WrapAlgorithm::AesKeyWrap {
            return Ok(());
        }
        ensure!(wraps.insert(wrapped.wrapped().to_vec()), "two wraps of one key are the same");
    }
    Ok(())
}
