//! Texts and a wrap from before, which every release reads.

use crate::support::{combined, context, engine, texts};
use phiseal_backends::recovery::Share;
use phiseal_format::WrappedKey;
use phiseal_keys::KekBackend;
use pollster::block_on;

const PUBLIC: &str = "phiseal-recovery1-ee40f081095a0078037662e093a9e4b3c18324455660606826ff30b998c22a13-2b3a487d03163085";

const SHARES: [&str; 5] = [
    "phiseal-share1-e9892f5a99b6a55f2cc777b140842520-3-1-28a48b601465c75b4ed224e5b84a2a6917d764836a3eb781a7c23117f7c4923b-a0a561be54ddb561",
    "phiseal-share1-e9892f5a99b6a55f2cc777b140842520-3-2-79217e2f5a3724269512cde87ea6c2aa0146115e28904ad41bc76c3a49aabb1c-27ea7dc249271275",
    "phiseal-share1-e9892f5a99b6a55f2cc777b140842520-3-3-6944212a762cedd097345da205a45a52fb31f1b20e1ea602356e92e4e419c2fb-a40eeb64637c2778",
    "phiseal-share1-e9892f5a99b6a55f2cc777b140842520-3-4-25b2cbea140be04bbcbd5540950a258a225796e8246c1c9aa391997f2f60f513-e80c41e8f8b08ba2",
    "phiseal-share1-e9892f5a99b6a55f2cc777b140842520-3-5-35d794ef381029bdbe9bc50aee08bd72d820760402e2f04c8d3867a182d38cf4-439a94328fa65c92",
];

/// The data key 00 to 1f, wrapped for keyset version 7.
const WRAP: &str = concat!(
    "0107497265636f766572793a65653430663038313039356130303738303337363632653039336139653462336331383332343435353636303630363832",
    "3666663330623939386332326131330000000100",
    "50594df6a5f46a558852684b74ec0a2ec30e0d879b98c451c475996d76cede40674396fab290730ee75402ac5732c1c7c34524ab5e078cb7a03f10a96b",
    "03de996c4eb98629d239e652e74739dfe2152583",
);

#[test]
fn what_was_printed_and_wrapped_before_still_opens() {
    let key = combined(&[SHARES[4], SHARES[0], SHARES[2]]).unwrap();
    assert_eq!(key.public().to_string(), PUBLIC);
    let bytes: Vec<u8> = (0..WRAP.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&WRAP[at..at + 2], 16).unwrap())
        .collect();
    let wrapped = WrappedKey::parse(&bytes).unwrap();
    let opened = block_on(key.unwrap_key(&wrapped, &context(7))).unwrap();
    assert!(opened.key.expose_secret().iter().copied().eq(0..32));
    assert!(block_on(key.unwrap_key(&wrapped, &context(8))).is_err());
}

#[test]
fn what_was_printed_before_is_printed_so_again() {
    let shares: Vec<_> = SHARES.map(|text| Share::parse(text, engine()).unwrap()).into();
    assert_eq!(texts(&shares), SHARES);
}
