//! What the texts have in common: a prefix in front, a checksum at the end.

use crate::hex;
use phiseal_keys::{Error, ErrorKind};
use phiseal_primitives::{Engine, constant_time};
use zeroize::Zeroizing;

const LABEL: &[u8] = b"phiseal/v1 recovery text\x00";

/// Bytes of a checksum.
pub(super) const CHECKSUM: usize = 8;

/// `body`, a hyphen and its checksum, in one allocation.
pub(super) fn with_checksum(engine: &dyn Engine, body: &[&str]) -> Zeroizing<String> {
    let length: usize = body.iter().map(|part| part.len()).sum();
    let mut out = Zeroizing::new(String::with_capacity(length + 1 + 2 * CHECKSUM));
    body.iter().for_each(|part| out.push_str(part));
    let sum = checksum(engine, &out);
    out.push('-');
    out.push_str(&hex::text(&sum));
    out
}

/// What stands between `prefix` and the checksum.
pub(super) fn checked<'t>(
    engine: &dyn Engine,
    text: &'t str,
    prefix: &str,
    mistakes: Mistakes,
) -> Result<&'t str, Error> {
    if !text.starts_with(prefix) {
        return Err(malformed(mistakes.prefix));
    }
    let (body, sum) = text.rsplit_once('-').ok_or_else(|| malformed(mistakes.shape))?;
    let mut read = [0; CHECKSUM];
    hex::parse(sum, &mut read).map_err(|_| malformed(mistakes.checksum))?;
    if !constant_time::equal(&read, &checksum(engine, body)) {
        return Err(malformed(mistakes.checksum));
    }
    body.strip_prefix(prefix).ok_or_else(|| malformed(mistakes.shape))
}

/// What to say of a text that is not right.
#[derive(Clone, Copy)]
pub(super) struct Mistakes {
    pub(super) prefix: &'static str,
    pub(super) shape: &'static str,
    pub(super) checksum: &'static str,
}

#[cold]
pub(super) fn malformed(message: &'static str) -> Error {
    Error::new(ErrorKind::Malformed, message)
}

fn checksum(engine: &dyn Engine, body: &str) -> [u8; CHECKSUM] {
    let sum = engine.sha_256(&[LABEL, body.as_bytes()]);
    sum.first_chunk().copied().unwrap_or_default()
}
