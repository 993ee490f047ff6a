//! What is left of recovery keys and of what they opened in the memory of a process: nothing.

use crate::support::{combined, context, engine, texts};
use crate::watched::{halves_found, look_at, wait};
use phiseal_backends::recovery::RecoveryKey;
use phiseal_keys::KekBackend;
use pollster::block_on;

const CHILD: &str = "PHISEAL_TEST_RECOVERY";
const MASK: u8 = 0xa5;
const ROUNDS: usize = 10;

/// Keys are told to the parent under a mask, as a line of text would be found in memory itself.
fn masked(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{:02x}", byte ^ MASK)).collect()
}

/// The private key that three shares are of: the value at zero, put together byte by byte and only under the mask.
fn tell_key(papers: &[String]) {
    use phiseal_primitives::shamir::{Share, combine};
    let mut points: Vec<Share> = Vec::new();
    for text in papers {
        let parts: Vec<_> = text.split('-').collect();
        let mut value = [0; 32];
        for (at, byte) in value.iter_mut().enumerate() {
            *byte = u8::from_str_radix(&parts[5][2 * at..2 * at + 2], 16).unwrap();
        }
        points.push(Share { index: parts[4].parse().unwrap(), value });
        value.fill(0);
    }
    let mut key = Box::new([0; 32]);
    combine(&points.iter().collect::<Vec<_>>(), &mut key).unwrap();
    println!("\nkey {}", masked(&key[..]));
    std::hint::black_box(&mut key).fill(0);
}

fn use_keys() {
    for _ in 0..ROUNDS {
        let key = RecoveryKey::generate(engine()).unwrap();
        let papers = texts(&key.split(3, 5).unwrap());
        drop(key);
        let some: Vec<_> = papers[1..4].iter().map(String::as_str).collect();
        let recovered = combined(&some).unwrap();
        let made = block_on(recovered.generate_key(&context(1))).unwrap();
        println!("\nkey {}", masked(made.key.expose_secret()));
        block_on(recovered.unwrap_key(&made.wrapped, &context(1))).unwrap();
        block_on(recovered.rewrap_key(&made.wrapped, &context(1))).unwrap();
        tell_key(&papers[..3]);
    }
    let held = RecoveryKey::generate(engine()).unwrap();
    tell_key(&texts(&held.split(2, 2).unwrap()));
    wait();
    drop(held);
}

#[test]
fn no_half_of_a_recovery_key_is_left_when_it_is_dropped() {
    if std::env::var_os(CHILD).is_some() {
        return use_keys();
    }
    let test = "memory::no_half_of_a_recovery_key_is_left_when_it_is_dropped";
    let (said, memory) = look_at(test, &[(CHILD, "1")]);
    let told = said.iter().filter_map(|line| line.strip_prefix("key "));
    let keys: Vec<_> = told
        .map(|digits| {
            let pairs = (0..32).map(|at| u8::from_str_radix(&digits[2 * at..2 * at + 2], 16));
            pairs.map(|byte| byte.unwrap() ^ MASK).collect::<Vec<_>>()
        })
        .collect();
    assert_eq!(keys.len(), 2 * ROUNDS + 1);
    let found = halves_found(&memory, &keys);
    let any: Vec<_> = (0..found.len()).filter(|at| found[*at]).collect();
    let held = 4 * ROUNDS;
    assert_eq!(any, [held, held + 1], "the key that is held, which is the control, and no other");
}
