//! One AES-256 key-wrap vector, shared by every suite that has such vectors.

use phiseal_primitives::{Error, key_wrap};

/// Which of the two algorithms of SP 800-38F.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Algorithm {
    Kw,
    Kwp,
}

/// What a published vector says: that `key` and `wrapped` belong together, or (`None`) that `wrapped` does not unwrap.
#[derive(Clone)]
pub(crate) struct WrapVector {
    pub(crate) kek: [u8; 32],
    pub(crate) key: Option<Vec<u8>>,
    pub(crate) wrapped: Vec<u8>,
}

/// A change to a vector that must not go unnoticed.
type Change = fn(&mut WrapVector);

/// Wraps (where the vector is valid) and unwraps, and says what differs from the vector.
pub(crate) fn check(algorithm: Algorithm, vector: &WrapVector) -> Result<(), String> {
    if let Some(key) = &vector.key {
        let mut wrapped = vec![0xaa; vector.wrapped.len()];
        let done = match algorithm {
            Algorithm::Kw => key_wrap::wrap(&vector.kek, key, &mut wrapped),
            Algorithm::Kwp => key_wrap::wrap_padded(&vector.kek, key, &mut wrapped),
        };
        done.map_err(|error| format!("wrapping failed: {error}"))?;
        if wrapped != vector.wrapped {
            return Err("another wrapped key".to_owned());
        }
    }
    let mut out = vec![0xaa; vector.wrapped.len().saturating_sub(key_wrap::OVERHEAD)];
    let unwrapped = match algorithm {
        Algorithm::Kw => {
            key_wrap::unwrap(&vector.kek, &vector.wrapped, &mut out).map(|()| out.len())
        }
        Algorithm::Kwp => key_wrap::unwrap_padded(&vector.kek, &vector.wrapped, &mut out),
    };
    match (unwrapped, &vector.key) {
        (Ok(length), Some(key)) if out[..length] == key[..] => Ok(()),
        (Ok(_), Some(_)) => Err("another key".to_owned()),
        (Ok(_), None) => Err("accepted".to_owned()),
        (Err(Error::Unauthenticated | Error::Length), None)
            if out.iter().all(|byte| *byte == 0) =>
        {
            Ok(())
        }
        (Err(Error::Unauthenticated | Error::Length), None) => {
            Err("the output does not hold zeros".to_owned())
        }
        (Err(error), _) => Err(format!("unwrapping failed: {error}")),
    }
}

/// Proves that [`check`] can fail: every change of one bit or of the verdict of a valid vector must be noticed.
pub(crate) fn assert_that_the_check_can_fail(algorithm: Algorithm, valid: &WrapVector) {
    check(algorithm, valid).expect("the unchanged vector passes");
    let changes: [(&str, Change); 4] = [
        ("kek", |v| v.kek[0] ^= 1),
        ("key", |v| {
            if let Some(first) = v.key.as_mut().and_then(|key| key.first_mut()) {
                *first ^= 1;
            }
        }),
        ("wrapped key", |v| v.wrapped[0] ^= 1),
        ("verdict", |v| v.key = None),
    ];
    for (what, change) in changes {
        let mut changed = valid.clone();
        change(&mut changed);
        assert!(
            check(algorithm, &changed).is_err(),
            "{algorithm:?}: a changed {what} went unnoticed"
        );
    }
}
