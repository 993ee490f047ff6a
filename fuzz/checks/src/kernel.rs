//! Many short messages in one call, by every instruction set of the kernel that the processor has, beside a library.
//!
//! ```text
//! key, gaps and head u8 | what is changed u8 | where u16 | rows u8 | rows times: length of aad u8, half the length of text u8 | bytes
//! ```
//!
//! Of the first byte, the lowest bit picks the key, the next two how many bytes lie between rows, and the next whether all associated data
//! begin alike. Nonces, associated data and texts are the target's own bytes, changed where `bytes` is not zero.

use std::sync::LazyLock;

use phiseal_primitives::{Aes256Gcm, Engine, Ring, Row, RustCrypto, kernels};

/// Seals rows with each kernel and compares what comes out with the library's; then opens them, with one byte changed if the input says
/// so. Whether every row opened, which is so if nothing was changed.
pub fn kernel(data: &[u8]) -> bool {
    let Some(case) = Case::read(data) else { return false };
    let [library, kernels @ ..] = &KEYS[case.key][..] else { return false };
    let expected = case.sealed_one_by_one(&**library);
    let mut all_open = true;
    for key in kernels {
        case.check_sealing(&**key, &expected);
        all_open &= case.check_opening(&**key, &expected);
    }
    all_open
}

/// Of each key, the library's and each kernel's. Where the processor has no instructions for the kernel, it is a library, too.
static KEYS: LazyLock<[Vec<Box<dyn Aes256Gcm>>; 2]> = LazyLock::new(|| {
    let (first, last): (&dyn Engine, &dyn Engine) = (&RustCrypto, &Ring);
    let engines: Vec<_> = [first].into_iter().chain(kernels()).chain([last]).collect();
    [[0x41; 32], [0xd7; 32]]
        .map(|key| engines.iter().map(|engine| engine.aes_256_gcm(&key).unwrap()).collect())
});

const MOST_ROWS: u8 = 48;

struct Case {
    key: usize,
    rows: Vec<Row>,
    aads: Vec<u8>,
    texts: Vec<u8>,
    /// How long what is sealed is, with gaps.
    out: usize,
    /// Which byte of which row is changed before opening.
    change: Option<(usize, Changed, usize)>,
}

#[derive(Clone, Copy)]
enum Changed {
    Text,
    Tag,
    Aad,
    Nonce,
}

impl Case {
    fn read(data: &[u8]) -> Option<Self> {
        let ([first, changed, high, low, rows], rest) = data.split_first_chunk()?;
        let (rows, gap) = (usize::from(rows % MOST_ROWS), usize::from(first >> 1 & 3));
        let (lengths, mask) = rest.split_at_checked(2 * rows)?;
        let (mut aad, mut text, mut out) = (gap, gap, gap);
        let mut case = Self {
            key: usize::from(first & 1),
            rows: Vec::new(),
            aads: Vec::new(),
            texts: Vec::new(),
            out: 0,
            change: None,
        };
        for (number, pair) in (0_u8..).zip(lengths.chunks(2)) {
            let (aad_len, text_len) = (usize::from(pair[0]), 2 * usize::from(pair[1]));
            let mut nonce = [number; 12];
            nonce.iter_mut().zip(mask).for_each(|(byte, mask)| *byte ^= mask);
            let (aads, texts) = (aad..aad + aad_len, text..text + text_len);
            case.rows.push(Row { nonce, authentic: false, aad: aads, text: texts, out });
            (aad, text, out) =
                (aad + aad_len + gap, text + text_len + gap, out + text_len + 16 + gap);
        }
        let fill = |length: usize, step: usize| -> Vec<u8> {
            let own = (0..length).map(|at| u8::try_from(at * step % 251).unwrap_or(0));
            own.zip(mask.iter().copied().chain(std::iter::repeat(0)))
                .map(|(own, mask)| own ^ mask)
                .collect()
        };
        (case.aads, case.texts, case.out) = (fill(aad, 7), fill(text, 11), out);
        if first >> 3 & 1 == 1 {
            for row in &case.rows {
                let head = row.aad.start..row.aad.end.min(row.aad.start + 32);
                case.aads[head].fill(0x99);
            }
        }
        let place = usize::from(u16::from_be_bytes([*high, *low]));
        if !case.rows.is_empty() {
            let row = place % case.rows.len();
            let part = match changed {
                1 if !case.rows[row].text.is_empty() => Some(Changed::Text),
                1 | 2 => Some(Changed::Tag),
                3 if !case.rows[row].aad.is_empty() => Some(Changed::Aad),
                3 | 4 => Some(Changed::Nonce),
                _ => None,
            };
            case.change = part.map(|part| (row, part, place));
        }
        Some(case)
    }

    fn sealed_one_by_one(&self, library: &dyn Aes256Gcm) -> Vec<Vec<u8>> {
        let seal = |row: &Row| {
            let mut out = vec![0; row.text.len() + 16];
            let (aad, text) = (&self.aads[row.aad.clone()], &self.texts[row.text.clone()]);
            library.seal_into(&row.nonce, aad, text, &mut out).unwrap();
            out
        };
        self.rows.iter().map(seal).collect()
    }

    fn check_sealing(&self, key: &dyn Aes256Gcm, expected: &[Vec<u8>]) {
        let mut out = vec![0xa5; self.out];
        key.seal_rows(&self.rows, &self.aads, &self.texts, &mut out).unwrap();
        for (row, expected) in self.rows.iter().zip(expected) {
            assert_eq!(out[row.out..row.out + expected.len()], expected[..]);
            let mut alone = vec![0xa5; expected.len()];
            let (aad, text) = (&self.aads[row.aad.clone()], &self.texts[row.text.clone()]);
            key.seal_into(&row.nonce, aad, text, &mut alone).unwrap();
            assert_eq!(alone, *expected);
        }
    }

    /// Whether every row opened.
    fn check_opening(&self, key: &dyn Aes256Gcm, sealed: &[Vec<u8>]) -> bool {
        let mut rows = self.rows.clone();
        let (mut aads, mut texts, mut end) = (self.aads.clone(), Vec::new(), 0);
        for (row, sealed) in rows.iter_mut().zip(sealed) {
            row.out = end;
            end += row.text.len();
            row.text = texts.len()..texts.len() + row.text.len();
            texts.extend_from_slice(sealed);
        }
        if let Some((number, part, place)) = self.change {
            let row = &mut rows[number];
            match part {
                Changed::Text => texts[row.text.start + place % row.text.len()] ^= 0x10,
                Changed::Tag => texts[row.text.end + place % 16] ^= 0x01,
                Changed::Aad => aads[row.aad.start + place % row.aad.len()] ^= 0x80,
                Changed::Nonce => row.nonce[place % 12] ^= 0x04,
            }
        }
        let mut out = vec![0xa5; end];
        key.open_rows(&mut rows, &aads, &texts, &mut out).unwrap();
        for (number, row) in rows.iter().enumerate() {
            let changed = self.change.is_some_and(|(changed, ..)| changed == number);
            assert_eq!(row.authentic, !changed);
            let opened = &out[row.out..row.out + row.text.len()];
            let mut alone = vec![0xa5; row.text.len()];
            let tag = texts[row.text.end..].first_chunk().unwrap();
            let (aad, text) = (&aads[row.aad.clone()], &texts[row.text.clone()]);
            assert_eq!(key.open_into(&row.nonce, aad, text, tag, &mut alone).is_ok(), !changed);
            assert_eq!(alone, opened);
            if changed {
                assert!(opened.iter().all(|byte| *byte == 0));
            } else {
                assert_eq!(opened, &self.texts[self.rows[number].text.clone()]);
            }
        }
        rows.iter().all(|row| row.authentic)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::must_panic;

    /// The library with one fault.
    #[derive(Debug)]
    enum Broken {
        ForgetsLast,
        OpensAnything,
        LeavesPlaintext,
    }

    impl Aes256Gcm for Broken {
        fn seal_in_place(
            &self,
            _: &[u8; 12],
            _: &[u8],
            _: &mut [u8],
        ) -> Result<[u8; 16], phiseal_primitives::Error> {
            unreachable!("rows are not sealed in place")
        }

        fn seal_into(
            &self,
            nonce: &[u8; 12],
            aad: &[u8],
            text: &[u8],
            out: &mut [u8],
        ) -> Result<(), phiseal_primitives::Error> {
            KEYS[0][0].seal_into(nonce, aad, text, out)?;
            if matches!(self, Self::ForgetsLast) && text.len() == 30 {
                out[29] = 0;
            }
            Ok(())
        }

        fn seal_in_place_with_own_nonce(
            &self,
            _: &[u8],
            _: &mut [u8],
        ) -> Result<([u8; 12], [u8; 16]), phiseal_primitives::Error> {
            unreachable!("rows have nonces")
        }

        fn open_in_place(
            &self,
            _: &[u8; 12],
            _: &[u8],
            _: &mut [u8],
            _: &[u8; 16],
        ) -> Result<(), phiseal_primitives::Error> {
            unreachable!("rows are not opened in place")
        }

        fn open_into(
            &self,
            nonce: &[u8; 12],
            aad: &[u8],
            text: &[u8],
            tag: &[u8; 16],
            out: &mut [u8],
        ) -> Result<(), phiseal_primitives::Error> {
            let opened = KEYS[0][0].open_into(nonce, aad, text, tag, out);
            match (self, &opened) {
                (Self::OpensAnything, _) => return Ok(()),
                (Self::LeavesPlaintext, Err(_)) => out[0] = b'J',
                _ => {}
            }
            opened
        }
    }

    /// Three rows; the second is changed as `change` says.
    fn three(change: u8) -> Vec<u8> {
        vec![0, change, 0, 1, 3, 57, 16, 57, 15, 20, 5]
    }

    #[test]
    fn each_fault_is_noticed() {
        let unchanged = Case::read(&three(0)).unwrap();
        let expected = unchanged.sealed_one_by_one(&*KEYS[0][0]);
        assert_eq!(expected.iter().map(Vec::len).collect::<Vec<_>>(), [48, 46, 26]);
        must_panic(|| unchanged.check_sealing(&Broken::ForgetsLast, &expected));
        let changed = Case::read(&three(2)).unwrap();
        must_panic(|| changed.check_opening(&Broken::OpensAnything, &expected));
        must_panic(|| changed.check_opening(&Broken::LeavesPlaintext, &expected));
        unchanged.check_sealing(&Broken::LeavesPlaintext, &expected);
    }

    #[test]
    fn every_change_is_refused_by_all() {
        assert!(kernel(&three(0)));
        for change in 1..5 {
            assert!(!kernel(&three(change)), "{change}");
        }
        assert!(KEYS[0].len() >= 2, "there is something to compare");
    }
}
