//! No copy of a key is left in this process's memory when the operation is over and the caller's key is gone.
//!
//! The scan reads every writable page through `/proc/self/mem` and looks for either half of the key, which is itself
//! kept only under a mask.
#![cfg(target_os = "linux")]
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test's own functions fail by panicking"
)]

#[path = "support/every_engine.rs"]
mod every_engine;

use every_engine::every_engine;
use phiseal_primitives::chunked::ChunkKey;
use phiseal_primitives::{Engine, OsRandom, Random, Xaes256Gcm, key_wrap, xaes};
use std::fs::{self, File};
use std::hint::black_box;
use std::os::unix::fs::FileExt;

const MASK: u8 = 0xa5;

/// How often either half of the masked key occurs, at addresses that are a multiple of four.
fn copies(masked: &[u8; 32]) -> usize {
    let memory = File::open("/proc/self/mem").unwrap();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let mut buffer = vec![0_u8; 1 << 16];
    let own = buffer.as_ptr().addr()..buffer.as_ptr().addr() + buffer.len();
    let (mut found, mut pages) = (0, 0);
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let (start, end) = line.split(' ').next().and_then(|range| range.split_once('-')).unwrap();
        let mut at = usize::from_str_radix(start, 16).unwrap();
        let end = usize::from_str_radix(end, 16).unwrap();
        while at < end {
            let length = buffer.len().min(end - at);
            if memory.read_exact_at(&mut buffer[..length], at.try_into().unwrap()).is_err() {
                break;
            }
            pages += length / 4096;
            for offset in (0..length.saturating_sub(15)).step_by(4) {
                for half in [0, 16] {
                    let equal = buffer[offset] ^ MASK == masked[half]
                        && (1..16).all(|i| buffer[offset + i] ^ MASK == masked[half + i]);
                    found += usize::from(equal && !own.contains(&(at + offset)));
                }
            }
            // The last fifteen bytes of a full buffer are looked at again, at the start of the next one.
            at += if length < buffer.len() || at + length == end { length } else { length - 16 };
        }
    }
    assert!(pages > 100, "only {pages} pages were read");
    black_box(&mut buffer).fill(0);
    found
}

/// Draws a key, lets `operation` use it, destroys it, and counts the copies before and after.
fn copies_before_and_after(operation: impl FnOnce(&[u8; 32])) -> (usize, usize) {
    let mut key = Box::new([0; 32]);
    OsRandom.fill(&mut key[..]).unwrap();
    let mut masked = [0; 32];
    for (masked, byte) in masked.iter_mut().zip(key.iter()) {
        *masked = byte ^ MASK;
    }
    let before = copies(&masked);
    out_of_line(operation, &key);
    black_box(&mut key).fill(0);
    (before, copies(&masked))
}

#[inline(never)]
fn out_of_line(operation: impl FnOnce(&[u8; 32]), key: &[u8; 32]) {
    operation(key);
}

fn seal_and_open(engine: &dyn Engine, key: &[u8; 32]) {
    let key = engine.aes_256_gcm(key).unwrap();
    for length in [0, 32, 100, 5000] {
        let (mut message, mut apart) = (vec![1; length], vec![0; length]);
        let (nonce, tag) = key.seal_in_place_with_own_nonce(b"aad", &mut message).unwrap();
        key.open_into(&nonce, b"aad", &message, &tag, &mut apart).unwrap();
        key.open_in_place(&nonce, b"aad", &mut message, &tag).unwrap();
        assert_eq!(message, apart);
    }
}

fn seal_a_chunk(engine: &dyn Engine, key: &[u8; 32]) {
    let (key, commitment) = ChunkKey::derive(engine, key, &[1; 24], b"context").unwrap();
    black_box((key.seal(0, &[4; 100], &mut [0; 116]).ok(), commitment));
}

fn wrap_with_xaes(engine: &'static dyn Engine, key: &[u8; 32]) {
    let xaes = Xaes256Gcm::new(engine, key);
    let mut message = [4; 32];
    if let Ok(tag) = xaes.seal(&[1; 24], b"", &mut message) {
        xaes.open(&[1; 24], b"", &mut message, &tag).unwrap();
    }
}

fn wrap_with_kek(kek: &[u8; 32]) {
    let (mut wrapped, mut key) = ([0; 40], [0; 32]);
    key_wrap::wrap(kek, &[9; 32], &mut wrapped).unwrap();
    key_wrap::unwrap(kek, &wrapped, &mut key).unwrap();
}

fn wrap_key(key: &[u8; 32]) {
    let (mut wrapped, mut unwrapped) = ([0; 40], Box::new([0; 32]));
    key_wrap::wrap(&[9; 32], key, &mut wrapped).unwrap();
    key_wrap::unwrap(&[9; 32], &wrapped, &mut unwrapped[..]).unwrap();
    black_box(&mut unwrapped).fill(0);
}

#[cfg(feature = "recipients")]
fn open_with_private_key(private: &[u8; 32]) {
    use phiseal_primitives::recipients::{OVERHEAD, open, public_key, seal};
    let (mut sealed, mut opened) = ([0; 32 + OVERHEAD], [0; 32]);
    seal(&OsRandom, &public_key(private).unwrap(), b"info", &[9; 32], &mut sealed).unwrap();
    open(private, b"info", &sealed, &mut opened).unwrap();
}

#[cfg(feature = "recipients")]
fn seal_to_public_key(key: &[u8; 32]) {
    use phiseal_primitives::recipients::{OVERHEAD, open, public_key, seal};
    let (mut sealed, mut opened) = ([0; 32 + OVERHEAD], Box::new([0; 32]));
    seal(&OsRandom, &public_key(&[5; 32]).unwrap(), b"info", key, &mut sealed).unwrap();
    open(&[5; 32], b"info", &sealed, &mut opened[..]).unwrap();
    black_box(&mut opened).fill(0);
}

#[cfg(feature = "shamir")]
fn split_and_combine(key: &[u8; 32]) {
    use phiseal_primitives::shamir::{combine, split};
    let shares = split(&OsRandom, key, 3, 5).unwrap();
    let mut combined = Box::new([0; 32]);
    combine(&[&shares[4], &shares[0], &shares[2]], &mut combined).unwrap();
    black_box(&mut combined).fill(0);
}

fn preserve_a_format(key: &[u8; 32]) {
    let ff1 = phiseal_primitives::ff1::Ff1::new(key, 10).unwrap();
    for length in [9, 60] {
        let mut digits = vec![4; length];
        ff1.encrypt(b"tweak", &mut digits).unwrap();
        ff1.decrypt(b"tweak", &mut digits).unwrap();
    }
}

#[cfg(feature = "tokens")]
fn encrypt_with_siv(keys: phiseal_primitives::siv::Keys<'_>) {
    use phiseal_primitives::siv::{decrypt, encrypt};
    let mut value = [4; 40];
    let iv = encrypt(keys, &[b"header"], &mut value).unwrap();
    decrypt(keys, &[b"header"], &iv, &mut value).unwrap();
}

#[cfg(feature = "tokens")]
fn keep_for_hmac(engine: &'static dyn Engine, key: &[u8; 32]) {
    black_box(phiseal_primitives::hmac::HmacKey::new(engine, key).code(&[b"data"]));
}

fn mac(engine: &dyn Engine, key: &[u8; 32]) {
    black_box(engine.hmac_sha_256(key, &[b"data"]));
}

fn forget_deep_in_the_stack(key: &[u8; 32]) {
    let mut frame = [0_u8; 16 * 1024];
    frame[..32].copy_from_slice(key);
    black_box(&mut frame);
}

/// What is done with a key, by name.
type Operation = (String, Box<dyn Fn(&[u8; 32])>);

/// One test, so that no other thread of this process writes keys to its stack meanwhile.
#[test]
fn no_operation_leaves_a_copy_of_its_key() {
    let mut operations: Vec<Operation> = vec![
        ("key wrap, KEK".to_owned(), Box::new(wrap_with_kek)),
        ("key wrap, wrapped key".to_owned(), Box::new(wrap_key)),
        (
            "XAES derivation".to_owned(),
            Box::new(|key| xaes::derive_subkey(key, &[1; 12], &mut [0; 32])),
        ),
    ];
    operations.push(("FF1".to_owned(), Box::new(preserve_a_format)));
    #[cfg(feature = "tokens")]
    operations.extend::<[Operation; 2]>([
        (
            "AES-SIV, key of S2V".to_owned(),
            Box::new(|mac| {
                encrypt_with_siv(phiseal_primitives::siv::Keys { mac, cipher: &[9; 32] })
            }),
        ),
        (
            "AES-SIV, key of the counter mode".to_owned(),
            Box::new(|cipher| {
                encrypt_with_siv(phiseal_primitives::siv::Keys { mac: &[9; 32], cipher })
            }),
        ),
    ]);
    #[cfg(feature = "tokens")]
    for engine in every_engine() {
        let name = engine.name();
        operations
            .push((format!("{name}: HMAC, kept"), Box::new(|key| keep_for_hmac(*engine, key))));
    }
    #[cfg(feature = "recipients")]
    operations.extend::<[Operation; 2]>([
        ("HPKE, private key".to_owned(), Box::new(open_with_private_key)),
        ("HPKE, sealed key".to_owned(), Box::new(seal_to_public_key)),
    ]);
    #[cfg(feature = "shamir")]
    operations.push(("Shamir, secret".to_owned(), Box::new(split_and_combine)));
    let of_no_engine = operations.len();
    for engine in every_engine() {
        let name = engine.name();
        operations.extend::<[Operation; 5]>([
            (format!("{name}: a document's chunk"), Box::new(|key| seal_a_chunk(*engine, key))),
            (format!("{name}: seal and open"), Box::new(|key| seal_and_open(*engine, key))),
            (format!("{name}: XAES"), Box::new(|key| wrap_with_xaes(*engine, key))),
            (
                format!("{name}: HKDF"),
                Box::new(|key| engine.hkdf_expand(key, &[b"info"], &mut [0; 32]).unwrap()),
            ),
            (format!("{name}: HMAC"), Box::new(|key| mac(*engine, key))),
        ]);
    }
    assert_eq!(operations.len(), of_no_engine + 5 * every_engine().len());
    for (name, operation) in &operations {
        let (before, after) = copies_before_and_after(operation);
        assert!(before >= 2, "{name}: the scan does not even find the caller's key");
        assert_eq!(after, 0, "{name}");
    }

    // The scan must see what an operation forgets, on the heap and on the stack.
    let mut forgotten = Vec::new();
    assert!(copies_before_and_after(|key| forgotten = key.to_vec()).1 >= 2);
    assert!(copies_before_and_after(forget_deep_in_the_stack).1 >= 2);
    drop(forgotten);
}
