//! Clauses 1, 8 and 9: what a backend says about its key, and its versions.

use super::{Administration, Fixture, context, same};
use crate::report::{Stop, ensure};
use phiseal_format::{KekVersion, MAX_WRAPPED, WrappedKey};
use phiseal_keys::DataKey;

const ROTATIONS: usize = 3;

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

pub(super) fn older_versions_open(fixture: &Fixture) -> Result<(), Stop> {
    let admin = match &fixture.administration {
        Administration::By(admin) => admin,
        Administration::Never(reason) => return Err(Stop::NotApplicable((*reason).to_owned())),
        Administration::Unsaid => {
            return Err(Stop::Failed(
                "the fixture says neither with_admin nor without_admin".to_owned(),
            ));
        }
    };
    let context = context(1);
    let mut made: Vec<(DataKey, WrappedKey)> = Vec::new();
    for rotation in 0..=ROTATIONS {
        if rotation > 0 {
            let version = fixture.done("create_version", admin.create_version())?;
            let wrap =
                fixture.done("generate_key", fixture.backend.generate_key(&context))?.wrapped;
            ensure!(
                wrap.kek_version() == version,
                "after version {version} was made a new wrap got {}",
                wrap.kek_version()
            );
            ensure!(
                made.iter().all(|(_, older)| older.kek_version() != version),
                "version {version} was made twice"
            );
        }
        let generated = fixture.done("generate_key", fixture.backend.generate_key(&context))?;
        made.push((generated.key, generated.wrapped));
        for (key, wrap) in &made {
            let what =
                format!("unwrap_key of version {} after {rotation} rotations", wrap.kek_version());
            let answer = fixture.done(&what, fixture.backend.unwrap_key(wrap, &context))?;
            ensure!(same(&answer.key, key), "{what}: another key came out");
        }
    }
    Ok(())
}
