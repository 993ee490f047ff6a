//! Rows for the kernel.

use super::Inputs;

/// Shapes of batches, and one of each change.
pub(super) fn rows() -> Inputs {
    let rows = |first: u8, change: u8, place: u16, lengths: &[(u8, u8)], mask: &[u8]| {
        let [high, low] = place.to_be_bytes();
        let count = u8::try_from(lengths.len()).unwrap();
        let lengths = lengths.iter().flat_map(|(aad, text)| [*aad, *text]);
        [first, change, high, low, count]
            .into_iter()
            .chain(lengths)
            .chain(mask.iter().copied())
            .collect()
    };
    vec![
        ("valid-none", rows(0, 0, 0, &[], &[])),
        ("valid-one", rows(1, 0, 0, &[(57, 16)], &[])),
        ("valid-equal", rows(8, 0, 0, &[(57, 16); 40], &[0, 1, 2, 3])),
        (
            "valid-mixed",
            rows(2, 0, 0, &[(0, 0), (1, 8), (31, 1), (32, 16), (33, 200), (255, 255)], &[9; 40]),
        ),
        ("valid-too-long-in-the-middle", rows(4, 0, 0, &[(20, 5), (200, 200), (20, 5)], &[])),
        ("refused-text", rows(0, 1, 3, &[(57, 16); 5], &[])),
        ("refused-tag", rows(0, 2, 70, &[(57, 16); 5], &[])),
        ("refused-aad", rows(8, 3, 34, &[(57, 16); 5], &[])),
        ("refused-nonce", rows(6, 4, 2, &[(57, 16); 5], &[])),
        ("refused-cut", vec![0, 0, 0, 0, 3, 1, 1]),
    ]
}
