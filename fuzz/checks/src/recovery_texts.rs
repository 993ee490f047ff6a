//! The texts of recovery keys: public keys and shares.

use phiseal::backends::recovery::{RecoveryKek, RecoveryKey, Share};
use phiseal::{Error, ErrorKind, default_engine};

/// Reads each line of the input as a public key and as a share, as it is and with the checksum that belongs to it, which a
/// fuzzer does not guess; accepts it when each line is one of the two. What was read prints as it was. Shares are then put
/// together: that gives a key only where the set is that key's, and never panics.
pub fn recovery_texts(data: &[u8]) -> bool {
    check(data, &|text| Share::parse(text, default_engine()))
}

type Parse<'a> = dyn Fn(&str) -> Result<Share, Error> + 'a;

/// More shares than a set has, and a few lines that are none.
const LINES: usize = 20;

fn check(data: &[u8], parse: &Parse<'_>) -> bool {
    let Ok(text) = str::from_utf8(data) else { return false };
    let (mut shares, mut accepted) = (Vec::new(), true);
    for line in text.lines().take(LINES) {
        let as_it_is = read(line, parse, &mut shares);
        let signed = signed(line);
        accepted &= as_it_is | read(&signed, parse, &mut shares);
    }
    if let Ok(key) = RecoveryKey::combine(&shares, default_engine()) {
        assert!(shares.len() >= usize::from(shares[0].threshold()));
        let again = key.split(2, 2).unwrap();
        let again = RecoveryKey::combine(&again, default_engine()).unwrap();
        assert_eq!(again.public().to_string(), key.public().to_string());
    }
    accepted && !text.is_empty()
}

fn read(text: &str, parse: &Parse<'_>, shares: &mut Vec<Share>) -> bool {
    let kek = RecoveryKek::parse(text, default_engine());
    if let Ok(kek) = &kek {
        assert_eq!(kek.to_string(), text);
    }
    let share = parse(text);
    for error in [kek.as_ref().err(), share.as_ref().err()].into_iter().flatten() {
        assert_eq!(error.kind(), ErrorKind::Malformed);
    }
    let Ok(share) = share else { return kek.is_ok() };
    assert!(kek.is_err(), "one text is a public key and a share");
    assert_eq!(*share.expose_text(), text);
    shares.push(share);
    true
}

/// With the checksum that the documentation describes.
fn signed(body: &str) -> String {
    let label = b"phiseal/v1 recovery text\x00";
    let sum = default_engine().sha_256(&[label, body.as_bytes()]);
    let digits: String = sum[..8].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{body}-{digits}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{must_panic, seeds};

    #[test]
    fn a_share_that_prints_otherwise_is_noticed() {
        let seed = seeds::bytes("recovery_texts", "valid-shares");
        assert!(check(&seed, &|text| Share::parse(text, default_engine())), "the control");
        // As if capitals were digits too.
        let upper = str::from_utf8(&seed).unwrap().to_uppercase();
        let lenient = |text: &str| Share::parse(&text.to_lowercase(), default_engine());
        must_panic(|| check(upper.as_bytes(), &lenient));
    }

    #[test]
    fn the_shares_of_the_seeds_give_a_key() {
        let seed = seeds::bytes("recovery_texts", "valid-shares");
        let text = str::from_utf8(&seed).unwrap();
        let shares: Vec<_> =
            text.lines().map(|line| Share::parse(line, default_engine()).unwrap()).collect();
        let key = RecoveryKey::combine(&shares, default_engine()).unwrap();
        let public = seeds::bytes("recovery_texts", "valid-public-key");
        assert_eq!(key.public().to_string().as_bytes(), public);
    }
}
