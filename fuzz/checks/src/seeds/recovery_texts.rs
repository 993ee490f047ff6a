//! Lines that are recovery keys and shares of them, and lines that are not.

use super::Inputs;

const PUBLIC: &str = "phiseal-recovery1-ee40f081095a0078037662e093a9e4b3c18324455660606826ff30b998c22a13-2b3a487d03163085";

/// Three of five, of which three are needed.
const SHARES: [&str; 3] = [
    "phiseal-share1-e9892f5a99b6a55f2cc777b140842520-3-1-28a48b601465c75b4ed224e5b84a2a6917d764836a3eb781a7c23117f7c4923b-a0a561be54ddb561",
    "phiseal-share1-e9892f5a99b6a55f2cc777b140842520-3-3-6944212a762cedd097345da205a45a52fb31f1b20e1ea602356e92e4e419c2fb-a40eeb64637c2778",
    "phiseal-share1-e9892f5a99b6a55f2cc777b140842520-3-5-35d794ef381029bdbe9bc50aee08bd72d820760402e2f04c8d3867a182d38cf4-439a94328fa65c92",
];

pub(super) fn texts() -> Inputs {
    let share = SHARES[0];
    let body = share.rsplit_once('-').unwrap().0;
    let last = share.len() - 1;
    let text = |text: &str| text.as_bytes().to_vec();
    vec![
        ("valid-public-key", text(PUBLIC)),
        ("valid-share", text(share)),
        ("valid-shares", text(&SHARES.join("\n"))),
        ("valid-share-without-its-checksum", text(body)),
        ("valid-two-shares-and-the-public-key", text(&[SHARES[0], SHARES[1], PUBLIC].join("\n"))),
        ("valid-a-share-twice", text(&[share, share, SHARES[1]].join("\n"))),
        ("refused-nothing", Vec::new()),
        ("refused-not-utf-8", vec![0xff]),
        ("refused-share-cut", text(&share[..last])),
        ("refused-share-in-capitals", text(&share.to_uppercase())),
        ("refused-share-of-index-0", text(&body.replacen("-3-1-", "-3-0-", 1))),
        ("refused-share-of-index-17", text(&body.replacen("-3-1-", "-3-17-", 1))),
        ("refused-share-of-threshold-1", text(&body.replacen("-3-1-", "-1-1-", 1))),
        ("refused-share-of-threshold-03", text(&body.replacen("-3-1-", "-03-1-", 1))),
        ("refused-public-key-of-zeros", text(&format!("phiseal-recovery1-{}", "0".repeat(64)))),
        ("refused-public-key-of-31-bytes", text(&format!("phiseal-recovery1-{}", "09".repeat(31)))),
    ]
}
