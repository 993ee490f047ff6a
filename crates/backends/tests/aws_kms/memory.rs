//! What is left of keys in the memory of a process that used them: of their bytes, nothing.
//!
//! Some of the base64 in which they travelled stays in buffers of the libraries below, as the module's documentation says.

use crate::fake::{Fake, arn};
use crate::support::{AGAIN, context, engine, is_again, kek};
use crate::watch::memory::{halves_found, look_at, wait};
use phiseal_keys::{DataKey, KekBackend};
use pollster::block_on;

const FAKE: &str = "PHISEAL_TEST_FAKE";
const ROUNDS: usize = 25;

fn use_keys() {
    let backend = kek(&std::env::var(FAKE).unwrap(), &arn(0));
    for _ in 0..ROUNDS {
        let given = DataKey::generate(engine()).unwrap();
        let made = block_on(backend.generate_key(&context(1))).unwrap();
        let wrapped = block_on(backend.wrap_key(&given, &context(1))).unwrap();
        for wrap in [&made.wrapped, &wrapped] {
            block_on(backend.unwrap_key(wrap, &context(1))).unwrap();
            block_on(backend.rewrap_key(wrap, &context(1))).unwrap();
        }
    }
    let kept = block_on(backend.generate_key(&context(1))).unwrap();
    wait();
    drop((backend, kept));
}

#[test]
fn no_half_of_a_key_is_left_when_it_is_dropped() {
    if is_again() {
        return use_keys();
    }
    let fake = Fake::start();
    let test = "memory::no_half_of_a_key_is_left_when_it_is_dropped";
    let (_, memory) = look_at(test, &[(AGAIN, "1"), (FAKE, &fake.url())]);
    let keys = fake.keys();
    assert_eq!(keys.len(), 2 * ROUNDS + 1);
    let found = halves_found(&memory, &keys);
    let whole = found.chunks(2).filter(|halves| *halves == [true, true]).count();
    let any = found.iter().filter(|half| **half).count();
    assert_eq!((whole, any), (1, 2), "the key that is held, which is the control, and no other");
}
