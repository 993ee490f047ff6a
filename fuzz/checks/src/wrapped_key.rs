//! Wrapped keys.

use phiseal_format::{Cursor, WrappedKey, WrappedKeyRef};

/// Parses a wrapped key, prints it, and makes it anew from its parts.
pub fn wrapped_key(data: &[u8]) -> bool {
    let owned = WrappedKey::parse(data);
    let borrowed = WrappedKeyRef::parse(data);
    assert_eq!(owned.is_ok(), borrowed.is_ok());
    let (Ok(owned), Ok(borrowed)) = (owned, borrowed) else { return false };
    assert_eq!(owned.to_bytes(), data);
    assert_eq!(borrowed.to_bytes(), data);
    assert_eq!(borrowed.to_wrapped_key(), owned);

    let wrapped = owned.wrapped().to_vec();
    let made =
        WrappedKey::new(owned.algorithm(), owned.kek_id().clone(), owned.kek_version(), wrapped);
    assert_eq!(made.unwrap(), owned);

    // From the front of something larger it is the same, and what follows is left.
    let larger = [data, data].concat();
    let mut cursor = Cursor::new(&larger);
    assert_eq!(WrappedKeyRef::read(&mut cursor).unwrap(), borrowed);
    assert_eq!(cursor.remaining(), data.len());
    true
}
