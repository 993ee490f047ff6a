//! Keysets, as a key store keeps them.

use std::collections::BTreeSet;

use phiseal::{Authority, Error, ErrorKind, FullKeyId, KeyState, KeyVersion, Keyset};

/// Parses a keyset, prints it, holds it against every rule of the format, and makes every next snapshot of it: each of
/// them can be stored and read again.
pub fn keyset(data: &[u8]) -> bool {
    check(data, &Keyset::parse)
}

fn check(data: &[u8], parse: &dyn Fn(&[u8]) -> Result<Keyset, Error>) -> bool {
    let keyset = match parse(data) {
        Ok(keyset) => keyset,
        Err(error) => {
            assert_eq!(error.kind(), ErrorKind::Malformed);
            return false;
        }
    };
    assert_eq!(keyset.to_bytes().unwrap(), data);
    assert_sound(&keyset);
    for next in successors(&keyset) {
        assert_eq!(next.revision(), keyset.revision() + 1);
        assert_sound(&next);
        assert_eq!(parse(&next.to_bytes().unwrap()).unwrap(), next);
    }
    true
}

/// What holds for every keyset, however it came about.
fn assert_sound(keyset: &Keyset) {
    assert!((1..=Keyset::MAX_NAME).contains(&keyset.name().len()));
    assert!(keyset.name().bytes().all(|byte| byte.is_ascii_graphic()));
    assert!(keyset.revision() > 0);

    let versions = keyset.versions();
    assert!((1..=Keyset::MAX_VERSIONS).contains(&versions.len()));
    assert!(versions[0].number() > 0);
    assert!(versions.is_sorted_by(|one, next| one.number() < next.number()));
    let ids: BTreeSet<_> = versions.iter().map(|version| version.key_id().short()).collect();
    assert_eq!(ids.len(), versions.len());
    for version in versions {
        assert_eq!(version.wraps().is_empty(), version.state() == KeyState::Destroyed);
        assert!(version.wraps().len() <= Keyset::MAX_WRAPS);
        assert_eq!(keyset.version(version.number()), Some(version));
        assert_eq!(keyset.by_key_id(&version.key_id().short()), Some(version));
    }

    for version in versions {
        let times = (version.activated().is_some(), version.replaced().is_some());
        let is_primary = version.number() == keyset.primary();
        assert!(times == (is_primary, false) || !is_primary && times == (true, true));
    }
    assert!(
        !matches!(keyset.authority(), Authority::SingleCustodian { .. }) || keyset.was_single()
    );

    let primary = keyset.version(keyset.primary()).unwrap();
    assert!(matches!(
        primary.state(),
        KeyState::Active | KeyState::Suspended | KeyState::Compromised
    ));
    let seals = keyset.sealing_version().map_err(|error| error.kind());
    let expected =
        if primary.state() == KeyState::Active { Ok(primary) } else { Err(ErrorKind::State) };
    assert_eq!(seals, expected);
    let opens =
        [KeyState::Active, KeyState::Deactivated, KeyState::Compromised].map(KeyState::to_byte);
    assert!(
        keyset
            .opening_versions()
            .eq(versions.iter().filter(|version| opens.contains(&version.state().to_byte())))
    );
}

/// Every snapshot that one change makes: a version more, and of three versions each state, the primary, the wraps.
fn successors(keyset: &Keyset) -> Vec<Keyset> {
    let mut next = Vec::new();
    let mut made = |changed: Result<Keyset, Error>, refusals: &[ErrorKind]| match changed {
        Ok(changed) => next.push(changed),
        Err(error) => assert!(refusals.contains(&error.kind()), "{error:?}"),
    };
    let versions = keyset.versions();
    let last = &versions[versions.len() - 1];
    if let Some(wrap) = versions.iter().find_map(|version| version.wraps().first()) {
        let new = keyset.with_version(FullKeyId::from_bytes([0xf5; 32]), vec![wrap.clone()], 1);
        made(new, &[ErrorKind::Exhausted, ErrorKind::Conflict]);
        let old = keyset.with_version(*last.key_id(), vec![wrap.clone()], 1);
        made(old, &[ErrorKind::Exhausted, ErrorKind::Conflict]);
        for exposed in [false, true] {
            let id = FullKeyId::from_bytes([0xf5; 32]);
            let rotated = keyset.rotated(id, vec![wrap.clone()], 9, exposed);
            made(rotated, &[ErrorKind::Exhausted, ErrorKind::Conflict]);
        }
    }
    for version in [&versions[0], &versions[versions.len() / 2], last] {
        for state in KeyState::ALL {
            made(
                keyset.with_state(version.number(), state),
                &[ErrorKind::State, ErrorKind::Exhausted],
            );
        }
        made(keyset.with_primary(version.number(), 9), &[ErrorKind::State, ErrorKind::Exhausted]);
        made(
            keyset.with_wraps(vec![(version.number(), rewrapped(version))]),
            &[ErrorKind::State, ErrorKind::Invalid, ErrorKind::Exhausted],
        );
    }
    next
}

/// One more wrap of a version, the same as its first.
fn rewrapped(version: &KeyVersion) -> Vec<phiseal::WrappedKey> {
    version.wraps().iter().take(1).chain(version.wraps()).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::must_panic;
    use crate::seeds;

    fn seed(name: &str) -> Vec<u8> {
        seeds::bytes("keyset", name)
    }

    #[test]
    fn a_parser_that_reads_over_something_is_noticed() {
        let one = seed("valid-one-version");
        assert!(check(&one, &Keyset::parse));
        // It ignores what follows.
        let longer = [&one[..], &[0]].concat();
        assert!(!check(&longer, &Keyset::parse));
        must_panic(|| check(&longer, &|data| Keyset::parse(&data[..one.len()])));
        // It takes one keyset for another.
        must_panic(|| check(&one, &|_| Keyset::parse(&seed("valid-every-state"))));
        // It fails for another reason than the bytes.
        must_panic(|| check(&one, &|_| Err(Error::new(ErrorKind::Tampered, "tampered"))));
    }

    #[test]
    fn each_change_of_a_keyset_is_among_its_successors() {
        let keyset = Keyset::parse(&seed("valid-one-version")).unwrap();
        let next = successors(&keyset);
        assert!(next.iter().any(|next| next.versions().len() == 2));
        for state in [KeyState::Suspended, KeyState::Compromised] {
            assert!(next.iter().any(|next| next.versions()[0].state() == state));
        }
        assert!(next.iter().any(|next| next.versions()[0].wraps().len() == 2));
    }
}
