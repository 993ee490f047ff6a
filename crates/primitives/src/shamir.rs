//! Splitting a secret of 32 bytes into shares, some of which give it back (Shamir, How to share a secret, 1979).
//!
//! Byte by byte over GF(2^8) with the polynomial of FIPS 197: the secret's byte is the value at zero of a polynomial whose
//! other coefficients are random bytes, zero among them. Fewer shares than the threshold say nothing at all about the
//! secret. The arithmetic has no tables, so no secret decides what is fetched from memory.
//!
//! A share carries no proof of itself: whoever combines shares that were changed gets another secret. What is printed for
//! people needs a checksum, and what is combined needs to be compared with something known.

use crate::{Error, Random, drawn::Drawn, stack};
use vsss_rs::Gf256;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

/// The most shares of one secret.
pub const MAX_SHARES: u8 = 16;

/// The fewest shares that can be asked for: one alone would be the secret.
pub const MIN_THRESHOLD: u8 = 2;

/// One share: where the polynomials were evaluated, and their values. Wiped when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
#[expect(clippy::exhaustive_structs, reason = "a share is a point")]
pub struct Share {
    /// 1 to [`MAX_SHARES`].
    pub index: u8,
    /// The values.
    pub value: [u8; 32],
}

impl core::fmt::Debug for Share {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Share({})", self.index)
    }
}

/// Splits `secret` into `shares` shares, of which any `threshold` give it back.
///
/// # Errors
///
/// [`Error::Parameter`] unless 2 <= `threshold` <= `shares` <= 16; [`Error::Random`].
///
/// ```
/// # fn main() -> Result<(), phiseal_primitives::Error> {
/// use phiseal_primitives::{OsRandom, shamir};
///
/// let shares = shamir::split(&OsRandom, &[7; 32], 3, 5)?;
/// let mut secret = [0; 32];
/// shamir::combine(&[&shares[4], &shares[0], &shares[2]], &mut secret)?;
/// assert_eq!(secret, [7; 32]);
/// # Ok(())
/// # }
/// ```
pub fn split(
    random: &dyn Random,
    secret: &[u8; 32],
    threshold: u8,
    shares: u8,
) -> Result<Vec<Share>, Error> {
    if threshold < MIN_THRESHOLD || shares < threshold || shares > MAX_SHARES {
        return Err(Error::Parameter);
    }
    let mut drawn = Drawn::from(random);
    let made = split_from(&mut drawn, secret, threshold, shares);
    stack::scrub();
    drawn.finish().and(made)
}

/// Puts the secret together from `shares`, of which there are as many as the threshold at least: it is not in a share.
///
/// # Errors
///
/// [`Error::Parameter`] for fewer than two shares, more than sixteen, an index of 0 or above 16, or one that occurs twice;
/// `secret` then holds zeros.
pub fn combine(shares: &[&Share], secret: &mut [u8; 32]) -> Result<(), Error> {
    let counts = usize::from(MIN_THRESHOLD)..=usize::from(MAX_SHARES);
    let mut seen = [false; MAX_SHARES as usize];
    let distinct = shares.iter().all(|share| {
        let place = usize::from(share.index).checked_sub(1).and_then(|at| seen.get_mut(at));
        place.is_some_and(|seen| !core::mem::replace(seen, true))
    });
    let done = if counts.contains(&shares.len()) && distinct {
        combine_to(shares, secret)
    } else {
        Err(Error::Parameter)
    };
    stack::scrub();
    done.inspect_err(|_| secret.zeroize())
}

#[inline(never)]
fn split_from(
    drawn: &mut Drawn<'_>,
    secret: &[u8; 32],
    threshold: u8,
    shares: u8,
) -> Result<Vec<Share>, Error> {
    let made = Gf256::split_bytes(threshold.into(), shares.into(), secret, drawn)
        .map_err(|_| Error::Engine)?;
    let made: Vec<_> = made.into_iter().map(Zeroizing::new).collect();
    let read = |bytes: &Zeroizing<Vec<u8>>| {
        let (index, value) = bytes.split_first()?;
        Some(Share { index: *index, value: value.try_into().ok()? })
    };
    made.iter().map(|bytes| read(bytes).ok_or(Error::Engine)).collect()
}

#[inline(never)]
fn combine_to(shares: &[&Share], secret: &mut [u8; 32]) -> Result<(), Error> {
    let mut given: Vec<Vec<u8>> = shares
        .iter()
        .map(|share| {
            let mut bytes = Vec::with_capacity(33);
            bytes.push(share.index);
            bytes.extend_from_slice(&share.value);
            bytes
        })
        .collect();
    let combined = Gf256::combine_bytes(&given).map(Zeroizing::new);
    given.zeroize();
    let combined = combined.map_err(|_| Error::Engine)?;
    if combined.len() != secret.len() {
        return Err(Error::Engine);
    }
    secret.copy_from_slice(&combined);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OsRandom;

    fn secret() -> [u8; 32] {
        let mut secret = [0; 32];
        OsRandom.fill(&mut secret).unwrap();
        secret
    }

    fn combined(shares: &[&Share]) -> Result<[u8; 32], Error> {
        let mut out = [1; 32];
        let done = combine(shares, &mut out);
        assert!(done.is_ok() || out == [0; 32]);
        done.map(|()| out)
    }

    /// Every subset of the shares whose members are the set bits.
    fn subset(shares: &[Share], bits: u32) -> Vec<&Share> {
        (0..shares.len()).filter(|at| bits >> at & 1 == 1).map(|at| &shares[at]).collect()
    }

    #[test]
    fn every_subset_from_the_threshold_on_and_no_smaller_one() {
        for (threshold, count) in [(2, 2), (2, 3), (3, 5), (5, 5), (4, 8)] {
            let secret = secret();
            let shares = split(&OsRandom, &secret, threshold, count).unwrap();
            assert_eq!(shares.len(), usize::from(count));
            assert!(shares.iter().zip(1..).all(|(share, index)| share.index == index));
            for bits in 0..1_u32 << count {
                let chosen = subset(&shares, bits);
                match chosen.len() {
                    0 | 1 => assert_eq!(combined(&chosen), Err(Error::Parameter)),
                    some => assert_eq!(
                        combined(&chosen) == Ok(secret),
                        some >= usize::from(threshold),
                        "{bits:b} of {threshold} of {count}"
                    ),
                }
            }
        }
    }

    #[test]
    fn sixteen_of_sixteen() {
        let secret = secret();
        let shares = split(&OsRandom, &secret, 16, 16).unwrap();
        assert_eq!(combined(&shares.iter().collect::<Vec<_>>()), Ok(secret));
        assert_ne!(combined(&shares.iter().skip(1).collect::<Vec<_>>()), Ok(secret));
    }

    #[test]
    fn thresholds_and_counts_out_of_bounds_are_refused() {
        for (threshold, count) in
            [(0, 5), (1, 5), (6, 5), (2, 17), (17, 17), (0, 0), (2, 1), (3, 255)]
        {
            let made = split(&OsRandom, &[7; 32], threshold, count).map(drop);
            assert_eq!(made, Err(Error::Parameter), "{threshold} of {count}");
        }
        assert!(split(&OsRandom, &[7; 32], 2, 16).is_ok(), "the control");
    }

    #[test]
    fn indexes_that_are_none_or_occur_twice_are_refused() {
        let made = split(&OsRandom, &[7; 32], 2, 3).unwrap();
        let with = |index| Share { index, value: made[1].value };
        for index in [0, 1, 17, 255] {
            assert_eq!(combined(&[&made[0], &with(index)]), Err(Error::Parameter), "{index}");
        }
        assert_eq!(combined(&[&made[0], &with(2)]), Ok([7; 32]), "the control");
    }

    /// GF(2^8) with the polynomial 0x11b, and the point zero: worked out apart from the library.
    #[test]
    fn a_worked_example() {
        // f(x) = 0x2a + 0x80 x + 0x03 x^2: f(1) = 0xa9, f(2) = 0x3d, f(3) = 0xbe.
        let share = |index, byte| Share { index, value: [byte; 32] };
        let shares = [share(1, 0xa9), share(2, 0x3d), share(3, 0xbe)];
        assert_eq!(combined(&shares.iter().collect::<Vec<_>>()), Ok([0x2a; 32]));
    }

    /// RUSTSEC-2024-0398: coefficients that are never zero make a share's byte avoid the secret's byte.
    #[test]
    fn the_bytes_of_a_share_are_uniform() {
        const ROUNDS: u32 = 4_000;
        let mut counts = [0_u32; 256];
        for _ in 0..ROUNDS {
            let shares = split(&OsRandom, &[0x2a; 32], 2, 2).unwrap();
            shares[0].value.iter().for_each(|byte| counts[usize::from(*byte)] += 1);
        }
        let expected = f64::from(ROUNDS * 32) / 256.0;
        let chi: f64 =
            counts.iter().map(|count| (f64::from(*count) - expected).powi(2) / expected).sum();
        // 255 degrees of freedom: above 390 once in about 10^7 runs. A byte that never occurs adds 500.
        assert!(chi < 390.0, "{chi}");
        assert!(counts[0x2a] > 0);
    }

    #[test]
    fn a_generator_that_fails_gives_no_shares() {
        #[derive(Debug)]
        struct Broken;
        impl Random for Broken {
            fn fill(&self, _: &mut [u8]) -> Result<(), Error> {
                Err(Error::Random)
            }
        }
        assert_eq!(split(&Broken, &[7; 32], 2, 3).map(drop), Err(Error::Random));
    }
}
