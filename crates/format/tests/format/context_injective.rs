//! No two contexts have the same bytes: all of them over five values with up to three components, in two domains.

use crate::support::{built, raw, stands_alone};
use phiseal_format::{DomainId, EncodedContext};
use std::collections::HashMap;

const VALUES: [&[u8]; 5] = [b"", b"a", b"b", &[0x00], &[0xff]];
/// The same for the tags whose values are integers.
const NUMBERS: [u8; 5] = [0x01, b'a', b'b', 0x00, 0xff];
const TAGS: [u8; 8] = [1, 3, 4, 5, 6, 7, 128, 255];

/// One context: tags and the index of each value.
type Choice = Vec<(u8, usize)>;

/// Every choice of one to three tags, and of a value for each; row version and length class not alone.
fn choices() -> Vec<Choice> {
    let mut all: Vec<Choice> = Vec::new();
    let mut last = vec![Choice::new()];
    for _ in 0..3 {
        let longer = last.iter().flat_map(|choice| {
            let after = choice.last().map_or(0, |(tag, _)| *tag);
            let tags = TAGS.into_iter().filter(move |tag| *tag > after);
            tags.flat_map(move |tag| {
                (0..5).map(move |value| [choice.as_slice(), &[(tag, value)]].concat())
            })
        });
        last = longer.collect();
        all.extend(
            last.iter().filter(|choice| choice.iter().any(|(tag, _)| stands_alone(*tag))).cloned(),
        );
    }
    all
}

fn parts(choice: &[(u8, usize)]) -> Vec<(u8, Vec<u8>)> {
    let value = |tag, index: usize| match tag {
        6 => [[0; 7].as_slice(), &[NUMBERS[index]]].concat(),
        7 => vec![NUMBERS[index], 0, 0, 1],
        _ => VALUES[index].to_vec(),
    };
    choice.iter().map(|(tag, index)| (*tag, value(*tag, *index))).collect()
}

/// How many of all pairs have the same bytes, and how many pairs there are.
fn collisions(encodings: &[Vec<u8>]) -> (u64, u64) {
    let mut seen: HashMap<&[u8], u64> = HashMap::new();
    let (mut same, mut pairs, mut before) = (0, 0, 0);
    for encoding in encodings {
        let earlier = seen.entry(encoding).or_default();
        same += *earlier;
        *earlier += 1;
        pairs += before;
        before += 1;
    }
    (same, pairs)
}

#[test]
fn no_two_contexts_have_the_same_bytes() {
    let choices = choices();
    assert_eq!(choices.len(), 8 * 5 + 28 * 25 + 56 * 125 - (5 + 5 + 25));
    let domains = [DomainId::from_bytes([0; 16]), DomainId::from_bytes([0xff; 16])];
    let encodings: Vec<_> = choices
        .iter()
        .flat_map(|choice| domains.map(|domain| built(&parts(choice)).encode(&domain).unwrap()))
        .map(|context| context.as_bytes().to_vec())
        .collect();
    assert_eq!(collisions(&encodings), (0, 118_726_345));
    for encoding in &encodings {
        assert_eq!(EncodedContext::parse(encoding).unwrap().as_bytes(), encoding);
    }
}

#[test]
fn an_encoding_without_tags_or_lengths_collides() {
    let choices = choices();
    let untagged: Vec<_> = choices
        .iter()
        .map(|choice| parts(choice).iter().flat_map(|(_, value)| raw(&[(0, value)])).collect())
        .collect();
    let unmeasured: Vec<_> = choices
        .iter()
        .map(|choice| {
            parts(choice)
                .iter()
                .flat_map(|(tag, value)| [&[*tag], value.as_slice()].concat())
                .collect()
        })
        .collect();
    for encodings in [untagged, unmeasured] {
        assert!(collisions(&encodings).0 > 0);
    }
}
