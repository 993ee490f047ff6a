//! One AES-256-GCM vector on one engine, shared by every suite that has such vectors.

use phiseal_primitives::{Aes256Gcm, Engine, Error, Validation};

/// What a published vector says. `plaintext` counts only where the vector is valid.
#[derive(Clone)]
pub(crate) struct GcmVector {
    pub(crate) key: [u8; 32],
    pub(crate) nonce: [u8; 12],
    pub(crate) aad: Vec<u8>,
    pub(crate) plaintext: Vec<u8>,
    pub(crate) ciphertext: Vec<u8>,
    pub(crate) tag: [u8; 16],
    pub(crate) valid: bool,
}

/// A change to a vector that must not go unnoticed.
type Change = fn(&mut GcmVector);

/// Seals (where the vector is valid) and opens in both ways, and says what differs from the vector.
pub(crate) fn check(engine: &dyn Engine, vector: &GcmVector) -> Result<(), String> {
    let key = engine.aes_256_gcm(&vector.key).map_err(|error| format!("key refused: {error}"))?;
    if vector.valid {
        check_sealing(engine, key.as_ref(), vector)?;
    }
    let mut in_place = vector.ciphertext.clone();
    let opened = key.open_in_place(&vector.nonce, &vector.aad, &mut in_place, &vector.tag);
    check_opened("open_in_place", opened, &in_place, vector)?;

    let mut apart = vec![0xaa; vector.ciphertext.len()];
    let opened =
        key.open_into(&vector.nonce, &vector.aad, &vector.ciphertext, &vector.tag, &mut apart);
    check_opened("open_into", opened, &apart, vector)
}

fn check_sealing(
    engine: &dyn Engine,
    key: &dyn Aes256Gcm,
    vector: &GcmVector,
) -> Result<(), String> {
    let mut in_out = vector.plaintext.clone();
    let sealed = key.seal_in_place(&vector.nonce, &vector.aad, &mut in_out);
    if engine.module().validation != Validation::None {
        return match sealed {
            Err(Error::NotApproved) => Ok(()),
            other => Err(format!("in FIPS mode a caller's nonce gave {other:?}")),
        };
    }
    match sealed {
        Ok(tag) if tag != vector.tag => Err("another tag".to_owned()),
        Ok(_) if in_out != vector.ciphertext => Err("another ciphertext".to_owned()),
        Ok(_) => Ok(()),
        Err(error) => Err(format!("sealing failed: {error}")),
    }
}

fn check_opened(
    how: &str,
    opened: Result<(), Error>,
    out: &[u8],
    vector: &GcmVector,
) -> Result<(), String> {
    match (opened, vector.valid) {
        (Ok(()), true) if out == vector.plaintext => Ok(()),
        (Ok(()), true) => Err(format!("{how}: another plaintext")),
        (Ok(()), false) => Err(format!("{how}: accepted")),
        (Err(Error::Unauthenticated), false) if out.iter().all(|byte| *byte == 0) => Ok(()),
        (Err(Error::Unauthenticated), false) => {
            Err(format!("{how}: the output does not hold zeros"))
        }
        (Err(error), _) => Err(format!("{how}: {error}")),
    }
}

/// Proves that [`check`] can fail: every change of one bit or of the verdict of a valid vector must be noticed.
pub(crate) fn assert_that_the_check_can_fail(engine: &dyn Engine, valid: &GcmVector) {
    assert!(valid.valid && !valid.plaintext.is_empty() && !valid.aad.is_empty());
    check(engine, valid).expect("the unchanged vector passes");
    let changes: [(&str, Change); 7] = [
        ("key", |v| v.key[31] ^= 1),
        ("nonce", |v| v.nonce[0] ^= 0x80),
        ("aad", |v| v.aad[0] ^= 1),
        ("plaintext", |v| v.plaintext[0] ^= 1),
        ("ciphertext", |v| v.ciphertext[0] ^= 1),
        ("tag", |v| v.tag[15] ^= 1),
        ("verdict", |v| v.valid = false),
    ];
    for (what, change) in changes {
        let mut changed = valid.clone();
        change(&mut changed);
        assert!(
            check(engine, &changed).is_err(),
            "{}: a changed {what} went unnoticed",
            engine.name()
        );
    }
}
