//! Eight children that go on with what their parent began.

use crate::os;
use phiseal::backends::memory::MemoryKek;
use phiseal::blocking::{Domain, Phiseal};
use phiseal::stores::MemoryStore;
use phiseal::{Builder, NoncePolicy};
use phiseal_format::FieldEnvelope;
use phiseal_tests::world::what;
use std::fs::File;
use std::io::{BufWriter, Write};

const CHILDREN: usize = 8;
const BEFORE: usize = 100;

fn domain(change: impl FnOnce(&mut phiseal::Options) + Send + 'static) -> Domain {
    let kek = MemoryKek::new(phiseal::default_engine()).unwrap();
    let builder = Builder::new().options(change);
    let phiseal = Phiseal::open_with(builder, MemoryStore::new(), kek).unwrap();
    phiseal.domain("clinic/patients").unwrap()
}

/// Writes `BEFORE` nonces, forks, and writes `each` more in every process; file 0 to 7 the children's, 8 the parent's.
fn forked(mut next: impl FnMut(bool) -> Option<[u8; 24]>, each: usize) {
    let before: Vec<_> = (0..BEFORE).filter_map(|_| next(false)).collect();
    assert_eq!(before.len(), BEFORE);
    let mut write = |number: usize, before: &[[u8; 24]], is_child: bool| {
        let mut out = BufWriter::new(File::create(number.to_string()).unwrap());
        out.write_all(before.as_flattened()).unwrap();
        for _ in 0..each {
            if let Some(nonce) = next(is_child) {
                out.write_all(&nonce).unwrap();
            }
        }
        out.flush().unwrap();
    };
    let mut children = Vec::new();
    for number in 0..CHILDREN {
        match os::fork() {
            Some(id) => children.push(id),
            None => {
                write(number, &[], true);
                os::end_at_once();
            }
        }
    }
    write(CHILDREN, &before, false);
    children.into_iter().for_each(os::wait_for);
}

fn nonce(envelope: &[u8]) -> [u8; 24] {
    *FieldEnvelope::parse(envelope).unwrap().nonce()
}

/// With the library's nonces.
pub(crate) fn library(each: usize, per_message: bool) {
    let domain = domain(move |options| {
        if per_message {
            options.nonces = NoncePolicy::PerMessage;
        }
    });
    let what = what();
    forked(|_| Some(nonce(domain.seal("plain", &what).unwrap().as_bytes())), each);
}

/// With a counter that every process simply continues.
pub(crate) fn naive(each: usize) {
    let mut count = 7_u128;
    let next = |_| {
        count += 1;
        let mut nonce = [0; 24];
        nonce[8..].copy_from_slice(&count.to_be_bytes());
        Some(nonce)
    };
    forked(next, each);
}

/// With a key that may be used 1,000 times: children use the parent's cipher as they find it.
pub(crate) fn capped(each: usize) {
    let domain = domain(|options| options.max_uses = 1_000);
    let cipher = domain.ready().unwrap();
    let what = what();
    let next = |is_child: bool| {
        let sealed =
            if is_child { cipher.seal("plain", &what) } else { domain.seal("plain", &what) };
        sealed.ok().map(|sealed| nonce(sealed.as_bytes()))
    };
    forked(next, each);
}
