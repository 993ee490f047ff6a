//! AES-256-GCM (SP 800-38D, 7.1 and 7.2) of several short messages that are in flight together.
//!
//! A single short message keeps a processor waiting for itself: fourteen rounds of AES come one after the other, and each takes
//! several cycles, in which the processor could begin eight others. So the messages of a batch go through in three steps: the
//! counter blocks of all of them are written side by side, all are encrypted, and then each message is added to its part of that
//! key stream and hashed. Hashing multiplies each block by a power of its own and reduces once per message.

use super::ghash::Product;
use super::key::{ExpandedKey, MAX_BLOCKS};
use super::lanes::{Block, Lanes, block_from};
use crate::engine::Row;
use core::hint::black_box;
use core::marker::PhantomData;

/// The messages of a batch: rows, and the buffers that those share.
///
/// Having one means that every row fits: that each of its ranges lies in its buffer, and that the kernel takes its length.
pub(super) struct Batch<'a, R> {
    rows: R,
    aads: &'a [u8],
    texts: &'a [u8],
    out: &'a mut [u8],
}

impl<'a, R: AsRef<[Row]>> Batch<'a, R> {
    /// `behind_text` and `behind_out`: how many bytes more than its text a row has in either buffer.
    #[inline(always)]
    pub(super) fn new(
        rows: R,
        aads: &'a [u8],
        texts: &'a [u8],
        out: &'a mut [u8],
        [behind_text, behind_out]: [usize; 2],
    ) -> Option<Self> {
        for row in rows.as_ref() {
            let aad = aads.get(row.aad.clone())?.len();
            let text = texts.get(row.text.clone())?.len();
            let fits = fits(aad, text)
                && texts.len() - row.text.end >= behind_text
                && row.out <= out.len()
                && out.len() - row.out >= text + behind_out;
            if !fits {
                return None;
            }
        }
        Some(Self { rows, aads, texts, out })
    }
}

/// The longest text that the kernel takes, in bytes: without associated data.
pub(super) const LONGEST: usize = (MAX_BLOCKS - 1) * 16;

/// How many vectors are encrypted at once: as many as the processor can begin before the first is done.
const IN_FLIGHT: usize = 8;

/// Key stream at a time, in bytes: for one short message, for the longest, and for many. All of it is wiped in the end.
const SHORT: usize = 128;
const LONG: usize = 512;
const MANY: usize = 4096;

/// How far behind the key stream a vector may be read.
const BEHIND: usize = 64;

/// The counters that follow a nonce, from 1 on (SP 800-38D, 7.1).
static COUNTERS: [[u8; 16]; MAX_BLOCKS + 4] = {
    let mut blocks = [[0; 16]; MAX_BLOCKS + 4];
    let mut number = 1_u8;
    while number as usize <= blocks.len() {
        blocks[number as usize - 1][15] = number;
        number += 1;
    }
    blocks
};

#[repr(align(64))]
struct KeyStream<const N: usize>([u8; N]);

impl<const N: usize> KeyStream<N> {
    const ROOM: usize = N - BEHIND;
}

/// Whether the kernel takes a message of these lengths, in bytes.
#[inline(always)]
pub(super) const fn fits(aad: usize, text: usize) -> bool {
    blocks(aad) + blocks(text) < MAX_BLOCKS
}

/// How many blocks so many bytes are, of a length that is far from the largest.
#[inline(always)]
const fn blocks(length: usize) -> usize {
    (length + 15) >> 4
}

/// Seals all rows.
#[inline(always)]
pub(super) fn seal<const BYTES: usize, L: Lanes<BYTES>>(
    lanes: L,
    key: &ExpandedKey,
    batch: Batch<'_, &[Row]>,
) {
    match batch.rows {
        [row] if stream_len::<BYTES>(row) <= SHORT => {
            seal_in::<BYTES, { SHORT + BEHIND }, L>(lanes, key, batch);
        }
        [_] => seal_in::<BYTES, { LONG + BEHIND }, L>(lanes, key, batch),
        _ => seal_in::<BYTES, { MANY + BEHIND }, L>(lanes, key, batch),
    }
}

/// Opens all rows. `tag`: where the one row's tag does not follow its text.
#[inline(always)]
pub(super) fn open<const BYTES: usize, L: Lanes<BYTES>>(
    lanes: L,
    key: &ExpandedKey,
    batch: Batch<'_, &mut [Row]>,
    tag: Option<&[u8; 16]>,
) {
    match &*batch.rows {
        [row] if stream_len::<BYTES>(row) <= SHORT => {
            open_in::<BYTES, { SHORT + BEHIND }, L>(lanes, key, batch, tag);
        }
        [_] => open_in::<BYTES, { LONG + BEHIND }, L>(lanes, key, batch, tag),
        _ => open_in::<BYTES, { MANY + BEHIND }, L>(lanes, key, batch, tag),
    }
}

#[inline(always)]
fn seal_in<const BYTES: usize, const N: usize, L: Lanes<BYTES>>(
    lanes: L,
    key: &ExpandedKey,
    Batch { mut rows, aads, texts, out }: Batch<'_, &[Row]>,
) {
    let mut stream = KeyStream([0; N]);
    let mut lengths = Lengths::new(lanes);
    while !rows.is_empty() {
        let count = encrypt_counters::<BYTES, N, L>(lanes, key, rows, &mut stream);
        let (group, rest) = rows.split_at(count);
        let mut mask = stream.0.as_ptr();
        for row in group {
            let text_len = row.text.end - row.text.start;
            let mut hash = Hash::new(lanes, key, &mut lengths, row);
            // SAFETY: every row of a batch lies in its buffers, 16 bytes for the tag in `out` included, and its key stream, a
            // block and as many bytes as the text, begins at `mask`, with a vector behind it.
            unsafe {
                hash.add(Source::at(aads, row.aad.start), row.aad.end - row.aad.start);
                let to = Target::at(out, row.out);
                hash.encrypt(Source::at(texts, row.text.start), text_len, mask.add(16), to);
                let tag = hash.tag(mask);
                lanes.narrow().store(tag, &mut *to.start.add(text_len).cast());
                mask = mask.add(stream_len::<BYTES>(row));
            }
        }
        rows = rest;
    }
    wipe(&mut stream);
}

#[inline(always)]
fn open_in<const BYTES: usize, const N: usize, L: Lanes<BYTES>>(
    lanes: L,
    key: &ExpandedKey,
    Batch { rows: mut all, aads, texts, out }: Batch<'_, &mut [Row]>,
    tag: Option<&[u8; 16]>,
) {
    let mut stream = KeyStream([0; N]);
    let mut lengths = Lengths::new(lanes);
    while !all.is_empty() {
        let count = encrypt_counters::<BYTES, N, L>(lanes, key, all, &mut stream);
        let (group, rest) = all.split_at_mut(count);
        let mut mask = stream.0.as_ptr();
        for row in group {
            let text_len = row.text.end - row.text.start;
            let mut hash = Hash::new(lanes, key, &mut lengths, row);
            // SAFETY: every row of a batch lies in its buffers, the tag's 16 bytes behind the text included where there is no
            // `tag`, and its key stream, a block and as many bytes as the text, begins at `mask`, with a vector behind it.
            unsafe {
                hash.add(Source::at(aads, row.aad.start), row.aad.end - row.aad.start);
                let text = Source::at(texts, row.text.start);
                hash.add(text, text_len);
                let made = hash.tag(mask);
                let tag = tag.unwrap_or(&*text.start.add(text_len).cast());
                row.authentic = lanes.narrow().equal(made, lanes.narrow().load(tag));
                if row.authentic {
                    decrypt(lanes, text, text_len, mask.add(16), Target::at(out, row.out));
                } else {
                    out[row.out..row.out + text_len].fill(0);
                }
                mask = mask.add(stream_len::<BYTES>(row));
            }
        }
        all = rest;
    }
    wipe(&mut stream);
}

/// Where bytes are read, and how many of them there are.
#[derive(Clone, Copy)]
struct Source {
    start: *const u8,
    available: usize,
}

impl Source {
    /// # Safety
    ///
    /// `at` is in `buffer`, or its end.
    #[inline(always)]
    unsafe fn at(buffer: &[u8], at: usize) -> Self {
        // SAFETY: the caller's.
        Self { start: unsafe { buffer.as_ptr().add(at) }, available: buffer.len() - at }
    }
}

/// Where bytes are written, and how many of them there are.
#[derive(Clone, Copy)]
struct Target {
    start: *mut u8,
    available: usize,
}

impl Target {
    /// # Safety
    ///
    /// `at` is in `buffer`, or its end.
    #[inline(always)]
    unsafe fn at(buffer: &mut [u8], at: usize) -> Self {
        // SAFETY: the caller's.
        Self { start: unsafe { buffer.as_mut_ptr().add(at) }, available: buffer.len() - at }
    }
}

/// Zeros where key stream was.
#[inline(always)]
fn wipe<const N: usize>(stream: &mut KeyStream<N>) {
    stream.0 = [0; N];
    black_box(stream);
}

/// The key stream of one message, in whole vectors: a block for its tag, then those for its text.
#[inline(always)]
fn stream_len<const BYTES: usize>(row: &Row) -> usize {
    (16 + (row.text.end - row.text.start)).next_multiple_of(BYTES)
}

/// Key stream for as many rows as there is room for; how many those are.
#[inline(always)]
fn encrypt_counters<const BYTES: usize, const N: usize, L: Lanes<BYTES>>(
    lanes: L,
    key: &ExpandedKey,
    rows: &[Row],
    stream: &mut KeyStream<N>,
) -> usize {
    let (mut count, mut used) = (0, 0);
    for row in rows {
        let end = used + stream_len::<BYTES>(row);
        if end > KeyStream::<N>::ROOM {
            break;
        }
        let nonce = lanes.splat(block_from(&row.nonce));
        let mut counters = COUNTERS.as_flattened();
        let mut vectors = &mut stream.0[used..end];
        while let Some(vector) = vectors.split_off_mut(..BYTES).and_then(<[u8]>::first_chunk_mut)
            && let Some((numbers, others)) = counters.split_first_chunk()
        {
            lanes.store(lanes.xor(nonce, lanes.load(numbers)), vector);
            counters = others;
        }
        (count, used) = (count + 1, end);
    }
    let (vectors, _) = stream.0[..used].as_chunks_mut::<BYTES>();
    let (eights, rest) = vectors.as_chunks_mut::<IN_FLIGHT>();
    for vectors in eights {
        encrypt(lanes, key, vectors);
    }
    let (fours, rest) = rest.as_chunks_mut::<4>();
    for vectors in fours {
        encrypt(lanes, key, vectors);
    }
    let (twos, rest) = rest.as_chunks_mut::<2>();
    for vectors in twos {
        encrypt(lanes, key, vectors);
    }
    let (ones, _) = rest.as_chunks_mut::<1>();
    for vectors in ones {
        encrypt(lanes, key, vectors);
    }
    count
}

/// Encrypts vectors where they lie.
#[inline(always)]
fn encrypt<const BYTES: usize, const N: usize, L: Lanes<BYTES>>(
    lanes: L,
    key: &ExpandedKey,
    vectors: &mut [[u8; BYTES]; N],
) {
    let mut states = [lanes.splat(0); N];
    for (state, vector) in states.iter_mut().zip(vectors.iter()) {
        *state = lanes.load(vector);
    }
    // Where the key lies is told anew, lest the round keys be loaded once for all batches and put aside on the stack.
    black_box(key).encrypt(lanes, &mut states);
    for (state, vector) in states.iter().zip(vectors.iter_mut()) {
        lanes.store(*state, vector);
    }
}

/// Adds key stream to the first `length` bytes of `text`.
///
/// # Safety
///
/// `text` and `out` have as many bytes, and so has `stream`, with a vector behind them.
#[inline(always)]
unsafe fn decrypt<const BYTES: usize, L: Lanes<BYTES>>(
    lanes: L,
    text: Source,
    length: usize,
    stream: *const u8,
    out: Target,
) {
    let mut at = 0;
    // SAFETY: `at` is at most `length`.
    unsafe {
        while length - at >= BYTES {
            let vector = lanes.load(&*text.start.add(at).cast());
            let vector = lanes.xor(vector, lanes.load(&*stream.add(at).cast()));
            lanes.store(vector, &mut *out.start.add(at).cast());
            at += BYTES;
        }
        if length > at {
            let (left, from, to) = (length - at, text.start.add(at), out.start.add(at));
            let vector = lanes.load_start(from, left, text.available - at);
            let vector = lanes.xor(vector, lanes.load(&*stream.add(at).cast()));
            lanes.store_start(vector, to, left, out.available - at);
        }
    }
}

/// What the block of a message's lengths adds to its hash, kept for the next message, whose lengths are often the same.
struct Lengths<const BYTES: usize, L: Lanes<BYTES>> {
    aad: usize,
    text: usize,
    product: Product<BYTES, L>,
}

impl<const BYTES: usize, L: Lanes<BYTES>> Lengths<BYTES, L> {
    #[inline(always)]
    fn new(lanes: L) -> Self {
        Self { aad: 0, text: 0, product: Product::zero(lanes) }
    }
}

/// The hash of one message as it is made (SP 800-38D, 7.1, step 5).
struct Hash<'a, const BYTES: usize, L: Lanes<BYTES>> {
    lanes: L,
    sum: Product<BYTES, L>,
    /// The powers of the hash key that the next blocks are multiplied by.
    powers: *const u8,
    key: PhantomData<&'a ExpandedKey>,
}

impl<'a, const BYTES: usize, L: Lanes<BYTES>> Hash<'a, BYTES, L> {
    #[inline(always)]
    fn new(lanes: L, key: &'a ExpandedKey, lengths: &mut Lengths<BYTES, L>, row: &Row) -> Self {
        let (aad, text) = (row.aad.end - row.aad.start, row.text.end - row.text.start);
        if (aad, text) != (lengths.aad, lengths.text) {
            // Both in bits.
            let block = (aad as u128) << 67 | (text as u128) << 3;
            *lengths = Lengths { aad, text, product: Product::zero(lanes) };
            let hash_key = key.powers(1).as_flattened().first_chunk();
            let hash_key = hash_key.map_or(lanes.splat(0), |bytes| lanes.load(bytes));
            lengths.product.add(lanes, lanes.lane(block, 0), hash_key);
        }
        let powers = key.powers(blocks(aad) + blocks(text) + 1).as_ptr().cast();
        Self { lanes, sum: lengths.product, powers, key: PhantomData }
    }

    /// The first `length` bytes of `bytes`.
    ///
    /// # Safety
    ///
    /// There are as many bytes, and as many were counted when this was made.
    #[inline(always)]
    unsafe fn add(&mut self, bytes: Source, length: usize) {
        let mut at = 0;
        // SAFETY: `at` is at most `length`.
        unsafe {
            while length - at >= BYTES {
                self.add_vector(self.lanes.load(&*bytes.start.add(at).cast()), BYTES);
                at += BYTES;
            }
            if length > at {
                let (from, left) = (bytes.start.add(at), length - at);
                let last = self.lanes.load_start(from, left, bytes.available - at);
                self.add_vector(self.lanes.start(last, left), left);
            }
        }
    }

    /// What the first `length` bytes of `text` are encrypted to.
    ///
    /// # Safety
    ///
    /// As for [`add`](Self::add) and [`decrypt`].
    #[inline(always)]
    unsafe fn encrypt(&mut self, text: Source, length: usize, stream: *const u8, out: Target) {
        let lanes = self.lanes;
        let mut at = 0;
        // SAFETY: `at` is at most `length`.
        unsafe {
            while length - at >= BYTES {
                let vector = lanes.load(&*text.start.add(at).cast());
                let vector = lanes.xor(vector, lanes.load(&*stream.add(at).cast()));
                lanes.store(vector, &mut *out.start.add(at).cast());
                self.add_vector(vector, BYTES);
                at += BYTES;
            }
            if length > at {
                let (left, from, to) = (length - at, text.start.add(at), out.start.add(at));
                let vector = lanes.load_start(from, left, text.available - at);
                let vector = lanes.xor(vector, lanes.load(&*stream.add(at).cast()));
                lanes.store_start(vector, to, left, out.available - at);
                self.add_vector(lanes.start(vector, left), left);
            }
        }
    }

    /// # Safety
    ///
    /// Powers are left for `length` bytes.
    #[inline(always)]
    unsafe fn add_vector(&mut self, vector: L::Vector, length: usize) {
        // SAFETY: behind the last power there is room for a vector.
        unsafe {
            let powers = self.lanes.load(&*self.powers.cast());
            self.sum.add(self.lanes, self.lanes.reversed(vector), powers);
            self.powers = self.powers.add(16 * blocks(length));
        }
    }

    /// # Safety
    ///
    /// `mask` is valid for reads of 16 bytes.
    #[inline(always)]
    unsafe fn tag(self, mask: *const u8) -> Block {
        let one = self.lanes.narrow();
        let hash = one.reversed(self.sum.reduced(self.lanes));
        // SAFETY: the caller's.
        let mask = one.load(unsafe { &*mask.cast() });
        one.xor(hash, mask)
    }
}
