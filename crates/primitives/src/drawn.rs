//! One of our sources of random bytes as the libraries want it, which takes no failure for an answer.

use crate::{Error, Random};
use core::convert::Infallible;
use rand_core::{TryCryptoRng, TryRng};
use zeroize::Zeroize;

/// Bytes from `source`. When it fails, zeros, and [`Drawn::finish`] says so: whatever was made of them is thrown away.
pub(crate) struct Drawn<'a> {
    source: &'a dyn Random,
    failed: bool,
}

impl<'a> Drawn<'a> {
    pub(crate) const fn from(source: &'a dyn Random) -> Self {
        Self { source, failed: false }
    }

    /// Whether every byte was random.
    pub(crate) const fn finish(self) -> Result<(), Error> {
        if self.failed { Err(Error::Random) } else { Ok(()) }
    }

    fn array<const N: usize>(&mut self) -> [u8; N] {
        let mut bytes = [0; N];
        self.fill(&mut bytes);
        bytes
    }

    fn fill(&mut self, out: &mut [u8]) {
        if self.source.fill(out).is_err() {
            self.failed = true;
            out.zeroize();
        }
    }
}

impl TryRng for Drawn<'_> {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::from_le_bytes(self.array()))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(u64::from_le_bytes(self.array()))
    }

    fn try_fill_bytes(&mut self, out: &mut [u8]) -> Result<(), Infallible> {
        self.fill(out);
        Ok(())
    }
}

impl TryCryptoRng for Drawn<'_> {}
