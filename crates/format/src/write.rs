//! Big-endian writers onto a `Vec`, the counterpart of [`Cursor`](crate::Cursor), for paths that run once per key.
//!
//! ```
//! use phiseal_format::write;
//!
//! let mut out = Vec::new();
//! write::push_u8(&mut out, 1);
//! write::push_prefixed_u16(&mut out, &[7, 8])?;
//! assert_eq!(out, [1, 0, 2, 7, 8]);
//! # Ok::<(), phiseal_format::Error>(())
//! ```

use crate::{Error, ErrorKind};

/// Appends one byte.
pub fn push_u8(out: &mut Vec<u8>, value: u8) {
    out.push(value);
}

/// Appends two bytes, big-endian.
pub fn push_u16(out: &mut Vec<u8>, value: u16) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends four bytes, big-endian.
pub fn push_u32(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends eight bytes, big-endian.
pub fn push_u64(out: &mut Vec<u8>, value: u64) {
    out.extend_from_slice(&value.to_be_bytes());
}

/// Appends `bytes` without a length.
pub fn push_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend_from_slice(bytes);
}

/// Appends a one-byte length and `bytes`.
///
/// # Errors
///
/// [`ErrorKind::TooLong`] when `bytes` is over 255 long; nothing is then appended.
pub fn push_prefixed_u8(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Error> {
    push_u8(out, u8::try_from(bytes.len()).map_err(|_| ErrorKind::TooLong)?);
    push_bytes(out, bytes);
    Ok(())
}

/// Appends a two-byte length and `bytes`.
///
/// # Errors
///
/// [`ErrorKind::TooLong`] when `bytes` is over 2^16 - 1 long; nothing is then appended.
pub fn push_prefixed_u16(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Error> {
    push_u16(out, u16::try_from(bytes.len()).map_err(|_| ErrorKind::TooLong)?);
    push_bytes(out, bytes);
    Ok(())
}

/// Appends a four-byte length and `bytes`.
///
/// # Errors
///
/// [`ErrorKind::TooLong`] when `bytes` is over 2^32 - 1 long; nothing is then appended.
pub fn push_prefixed_u32(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), Error> {
    push_u32(out, u32::try_from(bytes.len()).map_err(|_| ErrorKind::TooLong)?);
    push_bytes(out, bytes);
    Ok(())
}
