//! Clauses 9 and 13 to 17: versions, and what their administration does to them.

use super::{Fixture, context, same};
use crate::report::{Stop, ensure};
use phiseal_format::KekVersion;
use phiseal_keys::{Error, ErrorKind, GeneratedKey, KeyState};

pub(super) const ROTATIONS: usize = 3;

pub(super) fn older_versions_open(fixture: &Fixture) -> Result<(), Stop> {
    let admin = fixture.admin()?;
    let mut made = Vec::new();
    for rotation in 0..=ROTATIONS {
        if rotation > 0 {
            fixture.done("create_version", admin.create_version())?;
        }
        made.push(generated(fixture)?);
        for older in &made {
            opens(fixture, &format!("after {rotation} rotations"), older)?;
        }
    }
    Ok(())
}

pub(super) fn a_new_version_makes_the_next_wraps(fixture: &Fixture) -> Result<(), Stop> {
    let admin = fixture.admin()?;
    let mut last = generated(fixture)?.wrapped;
    let mut known = vec![last.kek_version()];
    for _ in 0..ROTATIONS {
        let version = fixture.done("create_version", admin.create_version())?;
        ensure!(!known.contains(&version), "version {version} was made twice");
        known.push(version);
        let made = generated(fixture)?;
        let wrapped = fixture.done("wrap_key", fixture.backend.wrap_key(&made.key, &context(1)))?;
        let rewrapped =
            fixture.done("rewrap_key", fixture.backend.rewrap_key(&last, &context(1)))?;
        for wrap in [&made.wrapped, &wrapped, &rewrapped] {
            ensure!(
                wrap.kek_version() == version,
                "after version {version} was made a new wrap got {}",
                wrap.kek_version()
            );
        }
        last = rewrapped;
    }
    Ok(())
}

pub(super) fn a_deactivated_version_only_opens(fixture: &Fixture) -> Result<(), Stop> {
    // The older of two first; then the one that new wraps get.
    let (older, newer) = two_versions(fixture)?;
    for deactivated in [&older, &newer] {
        let version = deactivate(fixture, deactivated)?;
        opens(fixture, "after it was deactivated", deactivated)?;
        let context = context(1);
        let wraps = [
            fixture.answer(fixture.backend.generate_key(&context))?.map(|made| made.wrapped),
            fixture.answer(fixture.backend.wrap_key(&older.key, &context))?,
        ];
        for wrap in wraps {
            match wrap {
                Ok(wrap) => {
                    ensure!(
                        wrap.kek_version() != version,
                        "version {version} is deactivated, and a new wrap got it"
                    );
                }
                Err(error) => {
                    let kind = error.kind();
                    ensure!(kind == ErrorKind::State, "a wrap is refused as {kind:?}: {error}");
                    ensure!(
                        version == newer.wrapped.kek_version(),
                        "version {version} is deactivated, and the newest one wraps no more: {error}"
                    );
                }
            }
        }
    }
    Ok(())
}

pub(super) fn a_destroyed_version_opens_nothing(fixture: &Fixture) -> Result<(), Stop> {
    let (older, newer) = two_versions(fixture)?;
    let version = deactivate(fixture, &older)?;
    fixture.done("destroy", fixture.admin()?.destroy(version))?;
    let what = format!("unwrap_key of version {version}, which is destroyed");
    let kind = fixture.refused(&what, &older.wrapped, &context(1))?.kind();
    ensure!(
        matches!(kind, ErrorKind::State | ErrorKind::NotFound),
        "{what}: refused as {kind:?}, which the clause does not allow"
    );
    opens(fixture, "after another one was destroyed", &newer)?;
    opens(fixture, "made after another one was destroyed", &generated(fixture)?)
}

pub(super) fn an_active_version_is_not_destroyed(fixture: &Fixture) -> Result<(), Stop> {
    let admin = fixture.admin()?;
    let (older, newer) = two_versions(fixture)?;
    for active in [&older, &newer] {
        let version = active.wrapped.kek_version();
        let what = format!("destroy of version {version}, which is active");
        refused_as(&what, fixture.answer(admin.destroy(version))?, ErrorKind::State)?;
        opens(fixture, "after its destruction was refused", active)?;
    }
    Ok(())
}

pub(super) fn a_version_that_is_not_there_is_not_found(fixture: &Fixture) -> Result<(), Stop> {
    let admin = fixture.admin()?;
    let made = generated(fixture)?;
    for beyond in [1, 1000] {
        let version = KekVersion(made.wrapped.kek_version().0.wrapping_add(beyond));
        for state in [KeyState::Deactivated, KeyState::Active] {
            let what = format!("set_state of version {version}, which was never made");
            let answer = fixture.answer(admin.set_state(version, state))?;
            refused_as(&what, answer, ErrorKind::NotFound)?;
        }
        let what = format!("destroy of version {version}, which was never made");
        refused_as(&what, fixture.answer(admin.destroy(version))?, ErrorKind::NotFound)?;
    }
    opens(fixture, "after another one was not found", &made)
}

fn generated(fixture: &Fixture) -> Result<GeneratedKey, Stop> {
    fixture.done("generate_key", fixture.backend.generate_key(&context(1)))
}

/// A wrap of the version that the KEK came with, and one of a newer version.
fn two_versions(fixture: &Fixture) -> Result<(GeneratedKey, GeneratedKey), Stop> {
    let admin = fixture.admin()?;
    let older = generated(fixture)?;
    fixture.done("create_version", admin.create_version())?;
    let newer = generated(fixture)?;
    ensure!(
        older.wrapped.kek_version() != newer.wrapped.kek_version(),
        "create_version made no version that a new wrap got"
    );
    Ok((older, newer))
}

/// Deactivates the version that made this wrap.
fn deactivate(fixture: &Fixture, made: &GeneratedKey) -> Result<KekVersion, Stop> {
    let version = made.wrapped.kek_version();
    let call = fixture.admin()?.set_state(version, KeyState::Deactivated);
    fixture.done(&format!("set_state of version {version} to deactivated"), call)?;
    Ok(version)
}

fn opens(fixture: &Fixture, when: &str, made: &GeneratedKey) -> Result<(), Stop> {
    let what = format!("unwrap_key of version {} {when}", made.wrapped.kek_version());
    let answer = fixture.done(&what, fixture.backend.unwrap_key(&made.wrapped, &context(1)))?;
    ensure!(same(&answer.key, &made.key), "{what}: another key came out");
    Ok(())
}

fn refused_as(what: &str, answer: Result<(), Error>, expected: ErrorKind) -> Result<(), Stop> {
    let kind = answer.err().map(|error| error.kind());
    ensure!(kind == Some(expected), "{what}: answered {kind:?} instead of {expected:?}");
    Ok(())
}
