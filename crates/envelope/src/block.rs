//! Blocks of nonces: at most 256 messages that belong to one thread.

use core::cell::Cell;
use core::sync::atomic::{AtomicU64, Ordering};

/// What one thread may seal under one epoch before it asks again.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    /// The sealing key that it was granted by; 0 is nobody.
    pub(crate) owner: u64,
    /// The process that it was granted in: a forked child continues no block.
    pub(crate) fork: u64,
    /// The nonce's second half of the last message, in the low 96 bits.
    pub(crate) count: u128,
    /// Plaintext bytes left.
    pub(crate) bytes: u64,
    /// Which epoch of the sealing key.
    pub(crate) epoch: u32,
    /// Messages left.
    pub(crate) messages: u32,
}

const EMPTY: Block = Block { owner: 0, fork: 0, count: 0, bytes: 0, epoch: 0, messages: 0 };

/// As many domains as one thread can seal for in turn without drawing a new block at each step.
const SLOTS: usize = 64;

thread_local! {
    static BLOCKS: [Cell<Block>; SLOTS] = const { [const { Cell::new(EMPTY) }; SLOTS] };
}

/// A number that no other sealing key of this process has.
pub(crate) fn new_owner() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// Messages that one thread may seal: their epoch, the count of the first, and how many they are. Each count is one more than the
/// one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) epoch: u32,
    first: u128,
    pub(crate) messages: u32,
}

impl Counts {
    /// The count of a message, where the first is number 0.
    #[inline]
    pub(crate) fn of(&self, message: u32) -> [u8; 12] {
        low_96(self.first.wrapping_add(u128::from(message)))
    }
}

/// The next messages of `owner`'s block on this thread, at least one and at most `wanted`, of `bytes` together. When the block is
/// used up, or was never granted, `refill` grants one.
#[inline]
pub(crate) fn next<E>(
    owner: u64,
    wanted: u32,
    bytes: u64,
    refill: impl FnOnce() -> Result<Block, E>,
) -> Result<Counts, E> {
    BLOCKS.with(|blocks| {
        let cell = &blocks[slot(owner)];
        let mut block = cell.get();
        let granted = block.owner == owner
            && block.messages > 0
            && block.bytes >= bytes
            && block.fork == phiseal_keys::fork_generation();
        if !granted {
            block = refill()?;
        }
        let messages = block.messages.min(wanted);
        let counts = Counts { epoch: block.epoch, first: block.count.wrapping_add(1), messages };
        block.messages = block.messages.saturating_sub(messages);
        block.bytes = block.bytes.saturating_sub(bytes);
        block.count = block.count.wrapping_add(u128::from(messages));
        cell.set(block);
        Ok(counts)
    })
}

#[inline]
fn slot(owner: u64) -> usize {
    usize::try_from(owner % (SLOTS as u64)).unwrap_or(0)
}

#[inline]
fn low_96(count: u128) -> [u8; 12] {
    let bytes = count.to_be_bytes();
    let (_, low) = bytes.split_at(4);
    low.try_into().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_rise_by_one_and_wrap_at_2_to_the_96() {
        let owner = new_owner();
        let start = (1_u128 << 96) - 2;
        let grant = || {
            Ok::<_, ()>(Block {
                owner,
                fork: phiseal_keys::fork_generation(),
                count: start,
                bytes: 100,
                epoch: 7,
                messages: 3,
            })
        };
        let first = next(owner, 1, 1, grant).unwrap();
        assert_eq!((first.epoch, first.messages, first.of(0)), (7, 1, [0xff; 12]));
        let others = next(owner, 9, 1, || Err(())).unwrap();
        assert_eq!((others.epoch, others.messages, others.of(0)), (7, 2, [0; 12]));
        assert_eq!(others.of(1), [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(next(owner, 1, 1, || Err(())), Err(()), "three messages were granted");
    }

    #[test]
    fn a_block_ends_with_its_bytes_and_belongs_to_one_owner_and_thread() {
        let owner = new_owner();
        let grant = || {
            Ok::<_, ()>(Block {
                owner,
                fork: phiseal_keys::fork_generation(),
                count: 0,
                bytes: 10,
                epoch: 0,
                messages: 9,
            })
        };
        assert!(next(owner, 1, 8, grant).is_ok());
        assert_eq!(next(owner, 1, 3, || Err(())), Err(()));
        assert!(next(owner, 1, 2, || Err(())).is_ok());
        assert!(next(owner, 1, 0, || Err(())).is_ok());
        assert_eq!(
            next(owner + SLOTS as u64, 1, 0, || Err(())),
            Err(()),
            "another owner in the same slot"
        );
        let elsewhere =
            std::thread::spawn(move || next(owner, 1, 0, || Err::<Block, ()>(()))).join().unwrap();
        assert_eq!(elsewhere, Err(()));
    }
}
