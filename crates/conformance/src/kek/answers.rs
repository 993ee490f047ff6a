//! Clauses 1 and 8: what a backend says about its key.

use super::versions::ROTATIONS;
use super::{Administration, Fixture, context};
use crate::report::{Stop, ensure};
use phiseal_format::{KekVersion, MAX_WRAPPED, WrappedKey};
use phiseal_keys::KekInfo;

pub(super) fn describe_is_steady(fixture: &Fixture) -> Result<(), Stop> {
    let first = fixture.done("describe", fixture.backend.describe())?;
    ensure!((1..=MAX_WRAPPED).contains(&first.max_wrapped), "max_wrapped is {}", first.max_wrapped);
    let rotations = match &fixture.administration {
        Administration::By(_) => ROTATIONS,
        Administration::Unsaid | Administration::Never(_) => 0,
    };
    for rotation in 0..=rotations {
        if let (Administration::By(admin), 1..) = (&fixture.administration, rotation) {
            fixture.done("create_version", admin.create_version())?;
        }
        for _ in 0..3 {
            let info = fixture.done("describe", fixture.backend.describe())?;
            ensure!(info.id == first.id, "the KEK is {} first and {} later", first.id, info.id);
            versions_are_in_order(&info)?;
            let generated =
                fixture.done("generate_key", fixture.backend.generate_key(&context(1)))?;
            let wrapped =
                fixture.done("wrap_key", fixture.backend.wrap_key(&generated.key, &context(1)))?;
            for wrap in [&generated.wrapped, &wrapped] {
                let (said, got) = (info.current, wrap.kek_version());
                ensure!(
                    said == got,
                    "describe says that new wraps get version {said}, and one got {got}"
                );
                ensure!(
                    wrap.wrapped().len() <= info.max_wrapped,
                    "a wrap is longer than max_wrapped"
                );
            }
        }
    }
    Ok(())
}

/// A backend that shows no versions lists none.
fn versions_are_in_order(info: &KekInfo) -> Result<(), Stop> {
    let listed: Vec<_> = info.versions.iter().map(|(version, _)| *version).collect();
    ensure!(
        listed.is_empty() || listed.contains(&info.current),
        "describe lists versions, and the current one, {}, is not among them",
        info.current
    );
    ensure!(
        listed.windows(2).all(|pair| pair[0] < pair[1]),
        "describe lists versions that do not ascend"
    );
    Ok(())
}

pub(super) fn answers_name_the_key_that_was_used(fixture: &Fixture) -> Result<(), Stop> {
    let context = context(1);
    let id = fixture.done("describe", fixture.backend.describe())?.id;
    let other_id = fixture.done("describe of the other KEK", fixture.other.describe())?.id;
    let generated = fixture.done("generate_key", fixture.backend.generate_key(&context))?;
    let wrapped = fixture.done("wrap_key", fixture.backend.wrap_key(&generated.key, &context))?;
    for wrap in [&generated.wrapped, &wrapped] {
        ensure!(*wrap.kek_id() == id, "a wrap of {id} names {}", wrap.kek_id());
        let answer = fixture.done("unwrap_key", fixture.backend.unwrap_key(wrap, &context))?;
        ensure!(answer.kek_id == id, "an answer of {id} names {}", answer.kek_id);
        let (made, used) = (wrap.kek_version(), answer.kek_version);
        ensure!(made == used, "made under version {made}, and the answer names {used}");
    }
    // Under another label it is refused, or the answer tells what really opened it.
    let real = wrapped.kek_version();
    let labels = [
        (other_id, real),
        (id.clone(), KekVersion(real.0.wrapping_add(1))),
        (id.clone(), KekVersion(real.0.wrapping_add(1000))),
    ];
    for (label_id, label_version) in labels {
        let relabelled = WrappedKey::new(
            wrapped.algorithm(),
            label_id,
            label_version,
            wrapped.wrapped().to_vec(),
        )
        .map_err(|error| error.to_string())?;
        if let Ok(answer) = fixture.unwrapped(&relabelled, &context)? {
            ensure!(
                answer.kek_id == id && answer.kek_version == real,
                "the answer repeats the label of a wrap instead of what opened it"
            );
        }
    }
    Ok(())
}
