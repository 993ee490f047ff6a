//! A key from a passphrase: Argon2id (RFC 9106), version 1.3.

use crate::Error;
use argon2::{Algorithm, Argon2, AssociatedData, Block, ParamsBuilder, Version};
use zeroize::Zeroize;

/// How much one derivation costs.
///
/// A cost that comes from a file is an attacker's wish: [`derive()`] checks all three bounds before it allocates
/// anything. The default is RFC 9106's second recommendation with one lane: 64 MiB, three passes.
///
/// ```
/// use phiseal_primitives::argon2id::Cost;
///
/// assert_eq!(Cost::default(), Cost { memory_kib: 65_536, passes: 3, lanes: 1 });
/// assert!(Cost::default().check().is_ok());
/// assert!(Cost { memory_kib: u32::MAX, ..Cost::default() }.check().is_err());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cost {
    /// Memory in KiB: from eight times the lanes to 1,048,576 (1 GiB).
    pub memory_kib: u32,
    /// Passes over the memory: 1 to 16.
    pub passes: u32,
    /// Lanes: 1 to 16. They are computed one after the other.
    pub lanes: u32,
}

impl Cost {
    /// The most memory, in KiB: 1 GiB.
    pub const MAX_MEMORY_KIB: u32 = 1024 * 1024;
    /// The most passes.
    pub const MAX_PASSES: u32 = 16;
    /// The most lanes.
    pub const MAX_LANES: u32 = 16;

    /// Whether all three numbers are within their bounds.
    ///
    /// # Errors
    ///
    /// [`Error::Parameter`] when one is not.
    pub const fn check(&self) -> Result<(), Error> {
        let lanes = self.lanes >= 1 && self.lanes <= Self::MAX_LANES;
        let passes = self.passes >= 1 && self.passes <= Self::MAX_PASSES;
        let memory = self.memory_kib >= self.lanes.saturating_mul(8)
            && self.memory_kib <= Self::MAX_MEMORY_KIB;
        if lanes && passes && memory { Ok(()) } else { Err(Error::Parameter) }
    }
}

impl Default for Cost {
    fn default() -> Self {
        Self { memory_kib: 64 * 1024, passes: 3, lanes: 1 }
    }
}

/// The shortest salt, in bytes (RFC 9106, 3.1).
pub const MIN_SALT: usize = 16;

/// The longest salt and the longest passphrase, in bytes.
pub const MAX_INPUT: usize = 4096;

/// Derives 32 bytes from a passphrase and a salt that was drawn at random for it.
///
/// # Errors
///
/// [`Error::Parameter`] when the cost is out of bounds, [`Error::Length`] when the salt has under [`MIN_SALT`] bytes,
/// either input has over [`MAX_INPUT`], or the passphrase is empty, [`Error::Engine`] when the memory cannot be had;
/// `out` then holds zeros.
///
/// ```
/// # fn main() -> Result<(), phiseal_primitives::Error> {
/// use phiseal_primitives::argon2id::{Cost, derive};
///
/// let cost = Cost { memory_kib: 64, passes: 1, lanes: 1 }; // far too cheap; for this example only
/// let mut key = [0; 32];
/// derive(b"correct horse battery staple", b"16 random bytes!", &cost, &mut key)?;
/// # Ok(())
/// # }
/// ```
pub fn derive(
    passphrase: &[u8],
    salt: &[u8],
    cost: &Cost,
    out: &mut [u8; 32],
) -> Result<(), Error> {
    derive_with(passphrase, salt, &[], &[], cost, out).inspect_err(|_| out.zeroize())
}

/// With the two inputs of RFC 9106, 3.1 that phiseal leaves empty and the RFC's test vector does not.
fn derive_with(
    passphrase: &[u8],
    salt: &[u8],
    secret: &[u8],
    associated_data: &[u8],
    cost: &Cost,
    out: &mut [u8; 32],
) -> Result<(), Error> {
    cost.check()?;
    if !(MIN_SALT..=MAX_INPUT).contains(&salt.len()) || !(1..=MAX_INPUT).contains(&passphrase.len())
    {
        return Err(Error::Length);
    }
    let mut parameters = ParamsBuilder::new();
    parameters.m_cost(cost.memory_kib).t_cost(cost.passes).p_cost(cost.lanes).output_len(out.len());
    parameters.data(AssociatedData::new(associated_data).map_err(|_| Error::Length)?);
    let parameters = parameters.build().map_err(|_| Error::Parameter)?;

    let mut memory: Vec<Block> = Vec::new();
    memory.try_reserve_exact(parameters.block_count()).map_err(|_| Error::Engine)?;
    memory.resize(parameters.block_count(), Block::new());
    let derived = Argon2::new_with_secret(secret, Algorithm::Argon2id, Version::V0x13, parameters)
        .and_then(|argon2| {
            argon2.hash_password_into_with_memory(passphrase, salt, out, &mut memory)
        });
    memory.iter_mut().for_each(Zeroize::zeroize);
    derived.map_err(|_| Error::Engine)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9106, 5.3.
    #[test]
    fn the_rfc_s_vector() {
        let cost = Cost { memory_kib: 32, passes: 3, lanes: 4 };
        let mut out = [0; 32];
        derive_with(&[1; 32], &[2; 16], &[3; 8], &[4; 12], &cost, &mut out).unwrap();
        let expected = [
            0x0d, 0x64, 0x0d, 0xf5, 0x8d, 0x78, 0x76, 0x6c, 0x08, 0xc0, 0x37, 0xa3, 0x4a, 0x8b,
            0x53, 0xc9, 0xd0, 0x1e, 0xf0, 0x45, 0x2d, 0x75, 0xb6, 0x5e, 0xb5, 0x25, 0x20, 0xe9,
            0x6b, 0x01, 0xe6, 0x59,
        ];
        assert_eq!(out, expected);
    }

    #[test]
    fn each_input_changes_the_key() {
        let cheap = Cost { memory_kib: 64, passes: 1, lanes: 1 };
        let run = |passphrase: &[u8], salt: &[u8], cost: Cost| {
            let mut out = [0; 32];
            derive(passphrase, salt, &cost, &mut out).unwrap();
            out
        };
        let base = run(b"passphrase", &[1; 16], cheap);
        assert_eq!(base, run(b"passphrase", &[1; 16], cheap));
        for other in [
            run(b"passphrasf", &[1; 16], cheap),
            run(b"passphrase", &[2; 16], cheap),
            run(b"passphrase", &[1; 17], cheap),
            run(b"passphrase", &[1; 16], Cost { memory_kib: 72, ..cheap }),
            run(b"passphrase", &[1; 16], Cost { passes: 2, ..cheap }),
            run(b"passphrase", &[1; 16], Cost { lanes: 2, ..cheap }),
        ] {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn costs_outside_the_bounds_are_refused() {
        let good = Cost::default();
        let bad = [
            Cost { memory_kib: 0, ..good },
            Cost { memory_kib: 7, ..good },
            Cost { memory_kib: 31, lanes: 4, ..good },
            Cost { memory_kib: Cost::MAX_MEMORY_KIB + 1, ..good },
            Cost { memory_kib: u32::MAX, ..good },
            Cost { passes: 0, ..good },
            Cost { passes: 17, ..good },
            Cost { passes: u32::MAX, ..good },
            Cost { lanes: 0, ..good },
            Cost { lanes: 17, ..good },
            Cost { lanes: u32::MAX, ..good },
        ];
        for cost in bad {
            let mut out = [7; 32];
            assert_eq!(
                derive(b"passphrase", &[1; 16], &cost, &mut out),
                Err(Error::Parameter),
                "{cost:?}"
            );
            assert_eq!(out, [0; 32]);
        }
        for cost in [
            Cost { memory_kib: 8, ..good },
            Cost { memory_kib: 128, lanes: 16, ..good },
            Cost { memory_kib: Cost::MAX_MEMORY_KIB, passes: 16, lanes: 16 },
        ] {
            assert_eq!(cost.check(), Ok(()), "{cost:?}");
        }
    }

    #[test]
    fn lengths_outside_the_bounds_are_refused() {
        let cheap = Cost { memory_kib: 64, passes: 1, lanes: 1 };
        let long = [1; MAX_INPUT + 1];
        for (passphrase, salt) in [
            (&b"x"[..], &[1; 15][..]),
            (b"x", &[]),
            (b"", &[1; 16]),
            (b"x", &long),
            (&long, &[1; 16]),
        ] {
            let mut out = [7; 32];
            assert_eq!(derive(passphrase, salt, &cheap, &mut out), Err(Error::Length));
            assert_eq!(out, [0; 32]);
        }
    }
}
