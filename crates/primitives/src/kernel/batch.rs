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
use core::mem::MaybeUninit;
use core::slice;

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
        let texts_end = texts.len().checked_sub(behind_text)?;
        let out_end = out.len().checked_sub(behind_out)?;
        // Rows may write over what is behind them, so each begins where those before it have ended.
        let mut free = 0;
        let mut fits = |row: &Row| {
            // Both differences are far from overflow where the ranges before them lie in a buffer.
            let fits = row.aad.start <= row.aad.end
                && row.aad.end <= aads.len()
                && row.text.start <= row.text.end
                && row.text.end <= texts_end
                && fits(row.aad.end - row.aad.start, row.text.end - row.text.start)
                && row.out >= free
                && row.out <= out_end
                && row.text.end - row.text.start <= out_end - row.out;
            free = row.out.wrapping_add(row.text.end.wrapping_sub(row.text.start));
            fits
        };
        if !rows.as_ref().iter().all(&mut fits) {
            return None;
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

/// Key stream of a group of messages; it is not written to before it is needed, and wiped up to where it was.
#[repr(align(64))]
struct KeyStream<const N: usize>(MaybeUninit<[u8; N]>);

impl<const N: usize> KeyStream<N> {
    const ROOM: usize = N - BEHIND;

    #[inline(always)]
    const fn new() -> Self {
        Self(MaybeUninit::uninit())
    }

    #[inline(always)]
    const fn start(&mut self) -> *mut u8 {
        self.0.as_mut_ptr().cast()
    }

    /// Zeros in the first `used` bytes.
    #[inline(always)]
    fn wipe(&mut self, used: usize) {
        debug_assert!(used <= N);
        // SAFETY: there are as many bytes.
        unsafe { self.start().write_bytes(0, used) };
        black_box(self);
    }
}

/// Whether the kernel takes a message of these lengths, in bytes.
#[inline(always)]
pub(super) const fn fits(aad: usize, text: usize) -> bool {
    blocks(aad) + blocks(text) < MAX_BLOCKS
}

/// How many blocks so many bytes are.
#[inline(always)]
const fn blocks(length: usize) -> usize {
    length.saturating_add(15) >> 4
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
            seal_in::<BYTES, { SHORT + BEHIND }, false, L>(lanes, key, batch);
        }
        [_] => seal_in::<BYTES, { LONG + BEHIND }, false, L>(lanes, key, batch),
        _ => seal_in::<BYTES, { MANY + BEHIND }, true, L>(lanes, key, batch),
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
            open_in::<BYTES, { SHORT + BEHIND }, false, L>(lanes, key, batch, tag);
        }
        [_] => open_in::<BYTES, { LONG + BEHIND }, false, L>(lanes, key, batch, tag),
        _ => open_in::<BYTES, { MANY + BEHIND }, true, L>(lanes, key, batch, tag),
    }
}

#[inline(always)]
fn seal_in<const BYTES: usize, const N: usize, const SEVERAL: bool, L: Lanes<BYTES>>(
    lanes: L,
    key: &ExpandedKey,
    Batch { mut rows, aads, texts, out }: Batch<'_, &[Row]>,
) {
    let mut stream = KeyStream::<N>::new();
    let mut most = 0;
    let mut known = Known::<BYTES, SEVERAL, L>::nothing(lanes);
    while !rows.is_empty() {
        let (count, used) = encrypt_counters::<BYTES, N, L>(lanes, key, rows, &mut stream);
        most = most.max(used);
        let (group, rest) = rows.split_at(count);
        let mut mask = stream.start().cast_const();
        for row in group {
            let text_len = row.text.end - row.text.start;
            let aad_len = row.aad.end - row.aad.start;
            // SAFETY: every row of a batch lies in its buffers, 16 bytes for the tag in `out` included, and its key stream, a
            // block and as many bytes as the text, begins at `mask`, with a vector behind it.
            unsafe {
                let aad = Source::at(aads, row.aad.start);
                let mut hash = Hash::of(lanes, key, &mut known, aad, aad_len, text_len);
                let to = Target::at(out, row.out);
                hash.encrypt(Source::at(texts, row.text.start), text_len, mask.add(16), to);
                let tag = hash.tag(mask);
                lanes.narrow().store(tag, &mut *to.start.add(text_len).cast());
                mask = mask.add(stream_len::<BYTES>(row));
            }
        }
        rows = rest;
    }
    stream.wipe(most);
}

#[inline(always)]
fn open_in<const BYTES: usize, const N: usize, const SEVERAL: bool, L: Lanes<BYTES>>(
    lanes: L,
    key: &ExpandedKey,
    Batch { rows: mut all, aads, texts, out }: Batch<'_, &mut [Row]>,
    tag: Option<&[u8; 16]>,
) {
    let mut stream = KeyStream::<N>::new();
    let mut most = 0;
    let mut known = Known::<BYTES, SEVERAL, L>::nothing(lanes);
    while !all.is_empty() {
        let (count, used) = encrypt_counters::<BYTES, N, L>(lanes, key, all, &mut stream);
        most = most.max(used);
        let (group, rest) = all.split_at_mut(count);
        let mut mask = stream.start().cast_const();
        for row in group {
            let text_len = row.text.end - row.text.start;
            let aad_len = row.aad.end - row.aad.start;
            // SAFETY: every row of a batch lies in its buffers, the tag's 16 bytes behind the text included where there is no
            // `tag`, and its key stream, a block and as many bytes as the text, begins at `mask`, with a vector behind it.
            unsafe {
                let aad = Source::at(aads, row.aad.start);
                let mut hash = Hash::of(lanes, key, &mut known, aad, aad_len, text_len);
                let text = Source::at(texts, row.text.start);
                hash.add(text, text_len);
                let made = hash.tag(mask);
                let tag = tag.unwrap_or_else(|| &*text.start.add(text_len).cast());
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
    stream.wipe(most);
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

/// The key stream of one message, in whole vectors: a block for its tag, then those for its text.
#[inline(always)]
fn stream_len<const BYTES: usize>(row: &Row) -> usize {
    (16 + (row.text.end - row.text.start)).next_multiple_of(BYTES)
}

/// Key stream for as many rows as there is room for, and zeros behind it: how many rows, and how many bytes it is.
#[inline(always)]
fn encrypt_counters<const BYTES: usize, const N: usize, L: Lanes<BYTES>>(
    lanes: L,
    key: &ExpandedKey,
    rows: &[Row],
    stream: &mut KeyStream<N>,
) -> (usize, usize) {
    let (mut count, mut used) = (0, 0);
    for row in rows {
        let end = used + stream_len::<BYTES>(row);
        if end > KeyStream::<N>::ROOM {
            break;
        }
        let nonce = lanes.splat(block_from(&row.nonce));
        let mut counters = COUNTERS.as_flattened();
        while used < end
            && let Some((numbers, others)) = counters.split_first_chunk()
        {
            // SAFETY: a vector behind `used` is within the room.
            let vector = unsafe { &mut *stream.start().add(used).cast() };
            lanes.store(lanes.xor(nonce, lanes.load(numbers)), vector);
            (used, counters) = (used + BYTES, others);
        }
        count += 1;
    }
    // SAFETY: so many bytes have been written, and there is room for as many behind them.
    let written = unsafe {
        stream.start().add(used).write_bytes(0, BEHIND);
        slice::from_raw_parts_mut(stream.start(), used)
    };
    let (vectors, _) = written.as_chunks_mut::<BYTES>();
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
    (count, used)
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
            lanes.store_start(lanes.start(vector, left), to, left, out.available - at);
        }
    }
}

/// Associated data of two blocks and more often begins with the same ones as that of the message before.
const HEAD: usize = 32;

/// What the block of a message's lengths and the head of its associated data add to its hash: kept for the next message, where both
/// are often the same.
struct Known<const BYTES: usize, const SEVERAL: bool, L: Lanes<BYTES>> {
    aad: usize,
    text: usize,
    head: [u8; HEAD],
    product: Product<BYTES, L>,
}

impl<const BYTES: usize, const SEVERAL: bool, L: Lanes<BYTES>> Known<BYTES, SEVERAL, L> {
    /// Whether a head is hashed by itself: where it is whole vectors, and there are other messages.
    const HAS_HEAD: bool = SEVERAL && BYTES <= HEAD;

    #[inline(always)]
    fn nothing(lanes: L) -> Self {
        Self { aad: 0, text: 0, head: [0; HEAD], product: Product::zero(lanes) }
    }

    /// Makes it that of a message, where it is another's.
    #[inline(always)]
    fn update(
        &mut self,
        lanes: L,
        key: &ExpandedKey,
        lengths: [usize; 2],
        head: Option<&[u8; HEAD]>,
    ) {
        let [aad, text] = lengths;
        let same = self.aad == aad && self.text == text;
        if same && head.is_none_or(|head| *head == self.head) {
            return;
        }
        // Both lengths in bits.
        let block = (aad as u128) << 67 | (text as u128) << 3;
        let mut product = Product::zero(lanes);
        product.add(lanes, lanes.lane(block, 0), power(lanes, key, 1));
        if let Some(head) = head {
            let highest = blocks(aad) + blocks(text) + 1;
            let (vectors, _) = head.as_chunks();
            for (number, vector) in vectors.iter().enumerate() {
                let powers = power(lanes, key, highest - number * (BYTES / 16));
                product.add(lanes, lanes.reversed(lanes.load(vector)), powers);
            }
            self.head = *head;
        }
        (self.aad, self.text, self.product) = (aad, text, product);
    }
}

/// The powers of the hash key from this one down.
#[inline(always)]
fn power<const BYTES: usize, L: Lanes<BYTES>>(
    lanes: L,
    key: &ExpandedKey,
    highest: usize,
) -> L::Vector {
    let powers = key.powers(highest).as_flattened().first_chunk();
    powers.map_or(lanes.splat(0), |powers| lanes.load(powers))
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
    /// That of a message whose associated data is the first `aad_len` bytes of `aad`: all of those are in it.
    ///
    /// # Safety
    ///
    /// There are as many bytes.
    #[inline(always)]
    unsafe fn of<const SEVERAL: bool>(
        lanes: L,
        key: &'a ExpandedKey,
        known: &mut Known<BYTES, SEVERAL, L>,
        aad: Source,
        aad_len: usize,
        text_len: usize,
    ) -> Self {
        let head_len =
            if Known::<BYTES, SEVERAL, L>::HAS_HEAD && aad_len >= HEAD { HEAD } else { 0 };
        let highest = blocks(aad_len) + blocks(text_len) + 1;
        let powers = key.powers(highest).as_ptr().cast::<u8>();
        // SAFETY: `HEAD` bytes are only read, and powers for them only left out, where there are as many.
        unsafe {
            let head = (head_len > 0).then(|| &*aad.start.cast());
            known.update(lanes, key, [aad_len, text_len], head);
            let powers = powers.add(head_len);
            let mut hash = Self { lanes, sum: known.product, powers, key: PhantomData };
            let available = aad.available - head_len;
            hash.add(Source { start: aad.start.add(head_len), available }, aad_len - head_len);
            hash
        }
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
                // What is behind the text is another message's: neither it nor its key stream is written.
                let vector = lanes.start(vector, left);
                lanes.store_start(vector, to, left, out.available - at);
                self.add_vector(vector, left);
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
