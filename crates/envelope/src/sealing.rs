use crate::block::{self, Block, Counts};
use crate::bound::BoundContext;
use crate::deadline::Deadline;
use crate::subkey::epoch_key;
use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use phiseal_format::{
    Count, Epoch, FIELD_AAD_PREFIX, FIELD_HEADER, FieldHeader, KeyId, MAX_FIELD_PLAINTEXT, Suite,
    TAG_LEN,
};
use phiseal_keys::{Clock, Error, ErrorKind, Moment, Secret};
use phiseal_primitives::{Aes256Gcm, Engine, Random, Row};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use zeroize::Zeroize;

/// Where the second half of a nonce comes from. Callers never give one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum NoncePolicy {
    /// Twelve fresh bytes from the operating system for each thread's block of at most 256 messages, then counting.
    ///
    /// A machine that is snapshotted and resumed twice can repeat what was left of one block per thread.
    PerBlock,
    /// Twelve fresh bytes from the operating system for each message.
    PerMessage,
    /// The module draws it, as FIPS 140 wants (SP 800-38D, 8.2.2).
    Module,
}

/// The key that new fields of one domain, or one person, are sealed under.
///
/// An *epoch* is twelve random bytes and the AES-256-GCM key that they select; it ends after 2^24 messages, 2^36 bytes
/// or an hour. Sealing takes no lock and allocates nothing but for one message in 256 on each thread.
pub(crate) struct SealingKey {
    engine: &'static dyn Engine,
    clock: Arc<dyn Clock>,
    random: Arc<dyn Random>,
    suite: Suite,
    key_id: KeyId,
    field_key: Arc<Secret>,
    /// `suite || key id`, which begins what every message authenticates.
    prefix: [u8; FIELD_AAD_PREFIX],
    nonces: NoncePolicy,
    deadline: Deadline,
    owner: u64,
    epochs: Box<[OnceLock<SealingEpoch>]>,
    grants: Mutex<Grants>,
    spent: AtomicBool,
}

struct SealingEpoch {
    id: Epoch,
    key: Box<dyn Aes256Gcm>,
}

struct Grants {
    /// The process that these were made for: what a parent had is not its child's as well.
    fork: u64,
    /// How many of `epochs` have begun; the last of them is the current one.
    begun: usize,
    messages_left: u64,
    bytes_left: u64,
    ends: Moment,
    /// Messages that are reserved in the key store and not yet granted to a thread.
    allowance: u64,
}

pub(crate) const EPOCH_MESSAGES: u64 = 1 << 24;
const EPOCH_BYTES: u64 = 1 << 36;
const EPOCH_TIME: Duration = Duration::from_secs(3600);
const BLOCK_MESSAGES: u32 = 256;
/// A block's share of the epoch's bytes; a longer message takes what it needs. 2^16 such blocks are an epoch by either limit.
const BLOCK_BYTES: u64 = 1 << 20;

/// Everything that a [`SealingKey`] is made of.
pub(crate) struct SealingConfig {
    pub(crate) engine: &'static dyn Engine,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) random: Arc<dyn Random>,
    pub(crate) suite: Suite,
    pub(crate) nonces: NoncePolicy,
    /// How many epochs the key may begin before it is made anew.
    pub(crate) epochs: usize,
}

impl SealingKey {
    pub(crate) fn new(
        config: SealingConfig,
        key_id: KeyId,
        field_key: Arc<Secret>,
        until: Moment,
    ) -> Self {
        Self {
            engine: config.engine,
            deadline: Deadline::new(config.clock.clone(), until),
            clock: config.clock,
            random: config.random,
            suite: config.suite,
            key_id,
            prefix: aad_prefix(config.suite, key_id),
            field_key,
            nonces: config.nonces,
            owner: block::new_owner(),
            epochs: (0..config.epochs).map(|_| OnceLock::new()).collect(),
            grants: Mutex::new(Grants {
                fork: phiseal_keys::fork_generation(),
                begun: 0,
                messages_left: 0,
                bytes_left: 0,
                ends: Moment::from_nanos(0),
                allowance: 0,
            }),
            spent: AtomicBool::new(false),
        }
    }

    pub(crate) const fn deadline(&self) -> &Deadline {
        &self.deadline
    }

    pub(crate) const fn key_id(&self) -> KeyId {
        self.key_id
    }

    pub(crate) const fn prefix(&self) -> [u8; FIELD_AAD_PREFIX] {
        self.prefix
    }

    /// Adds messages that were reserved in the key store.
    pub(crate) fn allow(&self, messages: u64) {
        let mut grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        grants.disown_after_fork();
        grants.allowance = grants.allowance.saturating_add(messages);
        self.spent.store(false, Ordering::Release);
    }

    /// Whether a block was refused, since this was asked last, for want of a reserved use or an epoch.
    pub(crate) fn was_spent(&self) -> bool {
        self.spent.load(Ordering::Acquire) && self.spent.swap(false, Ordering::AcqRel)
    }

    /// Messages that are reserved and not yet granted to a thread.
    pub(crate) fn allowance(&self) -> u64 {
        let mut grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        grants.disown_after_fork();
        grants.allowance
    }

    /// Whether no epoch is left, so that the key has to be made anew.
    pub(crate) fn is_used_up(&self) -> bool {
        let grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        grants.begun == self.epochs.len()
            && (grants.messages_left == 0
                || grants.bytes_left < MAX_FIELD_PLAINTEXT as u64
                || self.clock.coarse() >= grants.ends)
    }

    /// Encrypts `body` where it lies and writes what goes before and after it.
    ///
    /// When nothing may be sealed now, `body` is as it was, so that the caller can try again. When the engine fails, it
    /// holds zeros.
    #[inline]
    pub(crate) fn seal_in_place(
        &self,
        context: &BoundContext,
        head: &mut [u8; FIELD_HEADER],
        body: &mut [u8],
        tail: &mut [u8; TAG_LEN],
    ) -> Result<(), Error> {
        let (epoch, mut count) = self.begin(body.len())?;
        let sealed = context.with_aad(&self.prefix, |aad| match self.nonces {
            NoncePolicy::Module => {
                let (drawn, tag) = epoch.key.seal_in_place_with_own_nonce(aad, body)?;
                count = drawn;
                Ok(tag)
            }
            _ => epoch.key.seal_in_place(&count, aad, body),
        });
        match sealed {
            Ok(tag) => *tail = tag,
            Err(error) => {
                body.zeroize();
                return Err(error.into());
            }
        }
        self.write_header(epoch, count, head);
        Ok(())
    }

    /// Encrypts `plaintext` into `out`, 57 bytes longer. On an error `out` holds no plaintext.
    #[inline]
    pub(crate) fn seal_into(
        &self,
        context: &BoundContext,
        plaintext: &[u8],
        out: &mut [u8],
    ) -> Result<(), Error> {
        let (head, rest) = out.split_first_chunk_mut().ok_or_else(used_up)?;
        if self.nonces == NoncePolicy::Module {
            let (body, tail) = rest.split_last_chunk_mut().ok_or_else(used_up)?;
            body.copy_from_slice(plaintext);
            return self.seal_in_place(context, head, body, tail).inspect_err(|_| body.zeroize());
        }
        let (epoch, count) = self.begin(plaintext.len())?;
        context.with_aad(&self.prefix, |aad| epoch.key.seal_into(&count, aad, plaintext, rest))?;
        self.write_header(epoch, count, head);
        Ok(())
    }

    /// The epoch and count of the next message, if one may be sealed now.
    #[inline]
    fn begin(&self, length: usize) -> Result<(&SealingEpoch, [u8; 12]), Error> {
        if length > MAX_FIELD_PLAINTEXT {
            return Err(too_long());
        }
        let (epoch, counts) = self.next(1, length as u64)?;
        let mut count = counts.of(0);
        if self.nonces == NoncePolicy::PerMessage {
            self.random.fill(&mut count)?;
        }
        Ok((epoch, count))
    }

    /// Encrypts the texts of `rows` to their places in `out`, which have room for what goes before and after them. On an error `out`
    /// holds no plaintext.
    pub(crate) fn seal_rows(
        &self,
        rows: &mut [Row],
        aads: &[u8],
        texts: &[u8],
        out: &mut [u8],
    ) -> Result<(), Error> {
        let mut rest = rows;
        while !rest.is_empty() {
            // No more than a block's bytes at once, or one row: what is asked for is never more than what one message may need.
            let (mut wanted, mut bytes) = (0, 0);
            for row in rest.iter() {
                let more = bytes + row.text.len() as u64;
                if wanted > 0 && more > BLOCK_BYTES {
                    break;
                }
                (wanted, bytes) = (wanted + 1, more);
            }
            let (epoch, counts) = self.next(wanted, bytes)?;
            let (rows, others) =
                rest.split_at_mut_checked(counts.messages as usize).ok_or_else(used_up)?;
            for (message, row) in (0..).zip(rows.iter_mut()) {
                row.nonce = counts.of(message);
            }
            match self.nonces {
                NoncePolicy::PerBlock => epoch.key.seal_rows(rows, aads, texts, out)?,
                NoncePolicy::PerMessage => {
                    self.draw_counts(rows)?;
                    epoch.key.seal_rows(rows, aads, texts, out)?;
                }
                NoncePolicy::Module => seal_with_own_nonces(epoch, rows, aads, texts, out)?,
            }
            // After all of them: an engine may write over what lies between.
            for row in rows.iter() {
                let head = row.out.checked_sub(FIELD_HEADER);
                let head = head.and_then(|start| out.get_mut(start..)?.first_chunk_mut());
                self.write_header(epoch, row.nonce, head.ok_or_else(used_up)?);
            }
            rest = others;
        }
        Ok(())
    }

    /// Twelve fresh bytes for each row, from one call.
    fn draw_counts(&self, rows: &mut [Row]) -> Result<(), Error> {
        let mut drawn = vec![0; 12 * rows.len()];
        self.random.fill(&mut drawn)?;
        let (counts, _) = drawn.as_chunks();
        for (row, count) in rows.iter_mut().zip(counts) {
            row.nonce = *count;
        }
        Ok(())
    }

    /// The epoch and counts of the next messages, as many as are `wanted` or fewer, if any may be sealed now.
    #[inline]
    fn next(&self, wanted: u32, bytes: u64) -> Result<(&SealingEpoch, Counts), Error> {
        self.deadline.check()?;
        let counts = block::next(self.owner, wanted, bytes, || self.refill(bytes))?;
        let epoch = self.epochs.get(counts.epoch as usize).and_then(OnceLock::get);
        Ok((epoch.ok_or_else(used_up)?, counts))
    }

    #[inline]
    fn write_header(&self, epoch: &SealingEpoch, count: [u8; 12], out: &mut [u8; FIELD_HEADER]) {
        let count = Count::from_bytes(count);
        FieldHeader { suite: self.suite, key_id: self.key_id, epoch: epoch.id, count }.write(out);
    }

    #[cold]
    fn refill(&self, length: u64) -> Result<Block, Error> {
        let granted = self.grant(length);
        if granted.as_ref().is_err_and(|error| error.kind() == ErrorKind::Stale) {
            self.spent.store(true, Ordering::Release);
        }
        granted
    }

    /// A block for this thread, of the current epoch or, when that has ended, of the next one.
    fn grant(&self, length: u64) -> Result<Block, Error> {
        let mut start = [0; 16];
        let (_, low) = start.split_at_mut(4);
        self.random.fill(low)?;
        let mut grants = self.grants.lock().unwrap_or_else(PoisonError::into_inner);
        grants.disown_after_fork();
        if grants.allowance == 0 {
            return Err(Error::new(
                ErrorKind::Stale,
                "all reserved uses of the key are spent: ask the domain for more",
            ));
        }
        if grants.messages_left == 0
            || grants.bytes_left < length
            || self.clock.coarse() >= grants.ends
        {
            self.begin_epoch(&mut grants)?;
        }
        let messages = u64::from(BLOCK_MESSAGES).min(grants.messages_left).min(grants.allowance);
        let bytes = BLOCK_BYTES.max(length).min(grants.bytes_left);
        grants.messages_left -= messages;
        grants.bytes_left -= bytes;
        grants.allowance -= messages;
        Ok(Block {
            owner: self.owner,
            fork: grants.fork,
            count: u128::from_be_bytes(start),
            bytes,
            epoch: u32::try_from(grants.begun.saturating_sub(1)).map_err(|_| used_up())?,
            messages: u32::try_from(messages).map_err(|_| used_up())?,
        })
    }

    fn begin_epoch(&self, grants: &mut Grants) -> Result<(), Error> {
        let slot = self.epochs.get(grants.begun).ok_or_else(used_up)?;
        let mut id = [0; 12];
        self.random.fill(&mut id)?;
        let key = epoch_key(self.engine, self.suite, &self.field_key, &id)?;
        if slot.set(SealingEpoch { id: Epoch::from_bytes(id), key }).is_err() {
            return Err(used_up());
        }
        grants.begun += 1;
        grants.messages_left = EPOCH_MESSAGES;
        grants.bytes_left = EPOCH_BYTES;
        grants.ends = self.clock.now().saturating_add(EPOCH_TIME);
        Ok(())
    }
}

/// Encrypts each row under a nonce that the module draws.
fn seal_with_own_nonces(
    epoch: &SealingEpoch,
    rows: &mut [Row],
    aads: &[u8],
    texts: &[u8],
    out: &mut [u8],
) -> Result<(), Error> {
    for row in rows {
        let aad = aads.get(row.aad.clone()).ok_or_else(used_up)?;
        let text = texts.get(row.text.clone()).ok_or_else(used_up)?;
        let place = out.get_mut(row.out..).ok_or_else(used_up)?;
        let (body, tail) = place.split_at_mut_checked(text.len()).ok_or_else(used_up)?;
        let tail = tail.first_chunk_mut().ok_or_else(used_up)?;
        body.copy_from_slice(text);
        let sealed = epoch.key.seal_in_place_with_own_nonce(aad, body);
        (row.nonce, *tail) = sealed.inspect_err(|_| body.zeroize())?;
    }
    Ok(())
}

impl Grants {
    /// In a forked child: nothing is reserved, and the next block begins an epoch of the child's own.
    fn disown_after_fork(&mut self) {
        let fork = phiseal_keys::fork_generation();
        if self.fork != fork {
            self.fork = fork;
            self.messages_left = 0;
            self.allowance = 0;
        }
    }
}

/// `suite || key id`.
pub(crate) fn aad_prefix(suite: Suite, key_id: KeyId) -> [u8; FIELD_AAD_PREFIX] {
    let header = FieldHeader {
        suite,
        key_id,
        epoch: Epoch::from_bytes([0; 12]),
        count: Count::from_bytes([0; 12]),
    };
    header.aad_prefix()
}

#[cold]
pub(crate) fn too_long() -> Error {
    Error::new(ErrorKind::Invalid, "a field is at most 16 MiB long: seal longer data as a document")
}

#[cold]
fn used_up() -> Error {
    Error::new(
        ErrorKind::Stale,
        "all epochs of the sealing key are used up: ask the domain for a fresh cipher",
    )
}

impl fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SealingKey({:?} under {})", self.suite, self.key_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use phiseal_keys::ManualClock;
    use phiseal_primitives::{OsRandom, default_engine};

    const HOUR: Duration = Duration::from_secs(3600);

    fn key(epochs: usize) -> (SealingKey, ManualClock) {
        let clock = ManualClock::at(0);
        let config = SealingConfig {
            engine: default_engine(),
            clock: Arc::new(clock.clone()),
            random: Arc::new(OsRandom),
            suite: Suite::Xaes256Gcm,
            nonces: NoncePolicy::PerBlock,
            epochs,
        };
        let field_key = Secret::filled(|out| {
            out.fill(7);
            Ok::<(), Error>(())
        });
        let field_key = Arc::new(field_key.unwrap());
        let until = Moment::from_nanos(u64::MAX);
        let key = SealingKey::new(config, KeyId::from_bytes([1; 16]), field_key, until);
        key.allow(u64::MAX);
        (key, clock)
    }

    /// How many blocks for messages of `length` bytes are granted in epoch `epoch`, and how many messages they are.
    fn granted(key: &SealingKey, length: u64, epoch: u32) -> (u64, u64) {
        let (mut blocks, mut messages) = (0, 0);
        loop {
            match key.refill(length) {
                Ok(block) if block.epoch == epoch => {
                    assert!(block.messages <= BLOCK_MESSAGES && block.bytes >= length);
                    blocks += 1;
                    messages += u64::from(block.messages);
                }
                Ok(block) => {
                    assert_eq!(block.epoch, epoch + 1);
                    return (blocks, messages);
                }
                Err(error) => {
                    assert_eq!(error.kind(), ErrorKind::Stale);
                    return (blocks, messages);
                }
            }
        }
    }

    #[test]
    fn an_epoch_ends_after_2_to_the_24_messages() {
        let (key, _) = key(3);
        assert_eq!(granted(&key, 0, 0), (1 << 16, EPOCH_MESSAGES));
        // One block of the second epoch was granted to find the first one's end.
        assert_eq!(granted(&key, 0, 1), ((1 << 16) - 1, EPOCH_MESSAGES - 256));
    }

    #[test]
    fn an_epoch_ends_after_2_to_the_36_bytes() {
        let (key, _) = key(2);
        let longest = MAX_FIELD_PLAINTEXT as u64;
        assert_eq!(granted(&key, longest, 0).0, EPOCH_BYTES / longest);
    }

    #[test]
    fn an_epoch_ends_after_an_hour() {
        let (key, clock) = key(3);
        assert_eq!(key.refill(1).unwrap().epoch, 0);
        clock.advance(HOUR - Duration::from_nanos(1));
        assert_eq!(key.refill(1).unwrap().epoch, 0);
        clock.advance(Duration::from_nanos(1));
        assert_eq!(key.refill(1).unwrap().epoch, 1);
    }

    #[test]
    fn without_an_epoch_left_the_key_is_used_up_and_says_so_once() {
        for length in [0, 1, MAX_FIELD_PLAINTEXT as u64] {
            let (key, _) = key(1);
            assert!(!key.is_used_up() && !key.was_spent());
            granted(&key, length, 0);
            assert!(key.is_used_up(), "whatever refuses a message also asks for a new key");
            assert!(key.was_spent());
            assert!(!key.was_spent(), "until the next message is refused");
            assert_eq!(key.refill(length).unwrap_err().kind(), ErrorKind::Stale);
            assert!(key.was_spent());
        }
    }

    #[test]
    fn blocks_are_granted_out_of_what_was_reserved() {
        let (key, _) = key(1);
        key.grants.lock().unwrap().allowance = 300;
        assert_eq!(key.refill(0).unwrap().messages, 256);
        assert_eq!(key.refill(0).unwrap().messages, 44);
        assert_eq!(key.refill(0).unwrap_err().kind(), ErrorKind::Stale);
        assert!(key.was_spent() && !key.is_used_up());
        key.allow(10);
        assert_eq!(key.refill(0).unwrap().messages, 10);
    }

    /// The epoch and the reserve of a parent are the parent's.
    #[test]
    fn a_forked_child_begins_with_nothing() {
        let (key, _) = key(3);
        assert_eq!(key.refill(0).unwrap().epoch, 0);
        key.grants.lock().unwrap().fork ^= 1;
        assert_eq!(key.allowance(), 0);
        assert_eq!(key.refill(0).unwrap_err().kind(), ErrorKind::Stale);
        key.allow(1000);
        assert_eq!(key.refill(0).unwrap().epoch, 1);
    }
}
