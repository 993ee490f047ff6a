//! ESC: which shares give the key back, and what is said of those that do not.

use crate::support::{combined, engine, kind, said, signed, texts};
use phiseal_backends::recovery::{RecoveryKey, Share};
use phiseal_keys::ErrorKind;

fn key() -> RecoveryKey {
    RecoveryKey::generate(engine()).unwrap()
}

/// Every choice of `some` of five.
fn choices(some: u32) -> Vec<Vec<usize>> {
    let of_bits = |bits: u32| (0..5).filter(|at| bits >> at & 1 == 1).collect();
    (0..32_u32).filter(|bits| bits.count_ones() == some).map(of_bits).collect()
}

#[test]
fn all_ten_choices_of_three_of_five_recover_and_none_of_two_does() {
    let key = key();
    let papers = texts(&key.split(3, 5).unwrap());
    let pick = |places: &[usize]| {
        combined(&places.iter().map(|at| papers[*at].as_str()).collect::<Vec<_>>())
    };
    let expected = key.public().to_string();
    for places in choices(3) {
        assert_eq!(pick(&places).unwrap().public().to_string(), expected, "{places:?}");
    }
    assert_eq!((choices(3).len(), choices(2).len()), (10, 10));
    for places in [choices(4), choices(5)].concat() {
        assert_eq!(pick(&places).unwrap().public().to_string(), expected, "{places:?}");
    }
    for places in [choices(1), choices(2)].concat() {
        let (sentence, source) = said(pick(&places));
        assert_eq!(sentence, "fewer shares than the set needs");
        assert_eq!(source, Some(format!("{} of 3", places.len())));
    }
}

/// Whoever rewrites the threshold on the paper, checksum and all, gets no key by it.
#[test]
fn a_threshold_that_was_lowered_on_paper_gives_no_key() {
    let papers = texts(&key().split(3, 5).unwrap());
    let lowered: Vec<_> = papers
        .iter()
        .map(|text| signed(&text.rsplit_once('-').unwrap().0.replacen("-3-", "-2-", 1)))
        .collect();
    for places in choices(2) {
        let chosen: Vec<_> = places.iter().map(|at| lowered[*at].as_str()).collect();
        assert_eq!(kind(combined(&chosen)), Some(ErrorKind::Unauthenticated), "{places:?}");
    }
}

#[test]
fn every_flip_of_every_character_of_a_share_is_refused() {
    let papers = texts(&key().split(3, 5).unwrap());
    let (paper, mut refused) = (&papers[0], 0);
    for at in 0..paper.len() {
        let others = (0x20..0x7f).filter(|other| *other != paper.as_bytes()[at]);
        for other in others {
            let mut bytes = paper.clone().into_bytes();
            bytes[at] = other;
            let text = String::from_utf8(bytes).unwrap();
            let outcome = Share::parse(&text, engine());
            assert_eq!(kind(outcome), Some(ErrorKind::Malformed), "{at} to {other}");
            refused += 1;
        }
    }
    assert_eq!(refused, paper.len() * 94);
    for at in 0..=paper.len() {
        let (front, back) = paper.split_at(at);
        assert!(at == paper.len() || Share::parse(front, engine()).is_err(), "cut at {at}");
        assert!(Share::parse(&format!("{front}0{back}"), engine()).is_err(), "longer at {at}");
    }
    assert!(Share::parse(paper, engine()).is_ok(), "the control");
}

#[test]
fn a_duplicate_a_foreign_and_a_forged_share_are_refused_by_name() {
    let key = key();
    let (papers, again) = (texts(&key.split(3, 5).unwrap()), texts(&key.split(3, 5).unwrap()));
    let other = texts(&RecoveryKey::generate(engine()).unwrap().split(3, 5).unwrap());
    let pick = |texts: [&String; 3]| combined(&texts.map(String::as_str));
    assert!(pick([&papers[0], &papers[1], &papers[2]]).is_ok(), "the control");

    let (sentence, source) = said(pick([&papers[0], &papers[1], &papers[0]]));
    assert_eq!(sentence, "a share is given twice");
    assert_eq!(source.as_deref(), Some("shares 1 and 3 of those given"));

    for foreign in [&again[2], &other[2]] {
        let (sentence, source) = said(pick([&papers[0], &papers[1], foreign]));
        assert_eq!(sentence, "a share is of another set than the first");
        assert_eq!(source.as_deref(), Some("share 3 of those given"));
    }

    // One digit of the value, and the checksum that belongs to it.
    let body = papers[2].rsplit_once('-').unwrap().0;
    let last = if body.ends_with('0') { "1" } else { "0" };
    let forged = signed(&format!("{}{last}", &body[..body.len() - 1]));
    assert!(Share::parse(&forged, engine()).is_ok());
    let outcome = pick([&papers[0], &papers[1], &forged]);
    assert_eq!(kind(outcome), Some(ErrorKind::Unauthenticated));
    assert_eq!(said(combined(&[])).0, "no shares are given");
}

#[test]
fn zero_and_other_impossible_numbers_are_refused_by_name() {
    let papers = texts(&key().split(3, 5).unwrap());
    let parts: Vec<_> = papers[1].split('-').collect();
    let with = |threshold: &str, index: &str| {
        let body = [parts[0], parts[1], parts[2], threshold, index, parts[5]].join("-");
        Share::parse(&signed(&body), engine())
    };
    assert_eq!(*with("3", "2").unwrap().expose_text(), papers[1], "the control");
    for index in ["0", "17", "00", "02", "+2", "", "256", "2 "] {
        assert_eq!(said(with("3", index)).0, "a share's index is 1 to 16", "{index}");
    }
    for threshold in ["0", "1", "17", "03", "+3", "", "259"] {
        assert_eq!(said(with(threshold, "2")).0, "a share's threshold is 2 to 16", "{threshold}");
    }
    for at in [2, 5] {
        for digits in ["", "00", &parts[at].to_uppercase().replace(char::is_numeric, "A")] {
            let mut changed = parts.clone();
            changed[at] = digits;
            let outcome = Share::parse(&signed(&changed[..6].join("-")), engine());
            assert_eq!(said(outcome).0, "a share of another shape than it has", "{digits}");
        }
    }
    let more = signed(&[&parts[..6], &["00"]].concat().join("-"));
    assert_eq!(said(Share::parse(&more, engine())).0, "a share of another shape than it has");
}

#[test]
fn a_key_is_split_two_of_two_to_sixteen_of_sixteen() {
    let key = key();
    for (threshold, shares) in [(2, 2), (2, 16), (16, 16)] {
        let made = key.split(threshold, shares).unwrap();
        assert_eq!(made.len(), usize::from(shares));
        assert!(
            made.iter().all(|share| share.threshold() == threshold && share.set() == made[0].set())
        );
        assert!(made.iter().zip(1..).all(|(share, index)| share.index() == index));
    }
    for (threshold, shares) in [(0, 5), (1, 5), (6, 5), (2, 17), (17, 17), (2, 1), (0, 0), (2, 255)]
    {
        let outcome = key.split(threshold, shares);
        assert_eq!(kind(outcome), Some(ErrorKind::Invalid), "{threshold} of {shares}");
    }
}

#[test]
fn nothing_that_is_printed_is_a_part_of_the_key() {
    let key = key();
    let shares = key.split(2, 3).unwrap();
    for share in &shares {
        let text = share.expose_text();
        let value = text.split('-').nth(5).unwrap();
        let printed = format!("{share:?} {:?} {key:?} {}", shares, key.public());
        assert_eq!(value.len(), 64);
        for at in (0..64).step_by(8) {
            assert!(!printed.contains(&value[at..at + 8]), "{printed}");
        }
    }
}
