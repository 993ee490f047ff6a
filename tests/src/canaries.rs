//! Values that must not be seen, and the forms in which they might be.

use crate::numbers::Dice;
use std::collections::{BTreeSet, HashMap};
use std::fmt::Write as _;
use std::sync::LazyLock;

/// How many there are.
pub const CANARIES: usize = 500;

/// What a canary is used as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Role {
    /// A plaintext, or a part of a context, or the name of a person: what an application knows.
    Phi,
    /// A passphrase.
    Passphrase,
    /// A key of 32 bytes.
    Key,
}

/// Every canary, the same in every process.
#[must_use]
pub fn canaries() -> Vec<(Role, Vec<u8>)> {
    let mut dice = Dice::new(0x0ca7);
    let mut all = Vec::new();
    for number in 0..CANARIES {
        let mark = dice.number();
        all.push(match number % 25 {
            0 => (Role::Key, dice.bytes(32)),
            1 => (Role::Passphrase, format!("correct horse {mark:016x}").into_bytes()),
            2 => (Role::Phi, format!("Zoë O'Neil \"{mark:016x}\" 7/4").into_bytes()),
            _ => (Role::Phi, format!("mrn {mark:016x}").into_bytes()),
        });
    }
    all
}

/// The forms in which `canary` could be written out.
#[must_use]
pub fn forms(canary: &[u8]) -> Vec<Vec<u8>> {
    let hex = |upper: bool| {
        let mut text = String::new();
        for byte in canary {
            let _ = if upper { write!(text, "{byte:02X}") } else { write!(text, "{byte:02x}") };
        }
        text
    };
    let decimal = canary.iter().map(u8::to_string).collect::<Vec<_>>().join(", ");
    let mut forms = vec![canary.to_vec(), hex(false).into(), hex(true).into(), decimal.into()];
    for alphabet in [b"+/", b"-_"] {
        forms.extend((0..3).map(|alignment| base64(canary, alignment, *alphabet)));
    }
    forms.extend(["%20", "+"].map(|space| url(canary, space)));
    // As `{:?}` writes text that holds quotes or accents.
    let text = String::from_utf8_lossy(canary);
    forms.push(text.escape_debug().to_string().into());
    forms.push(text.escape_default().to_string().into());
    forms.push(text.escape_unicode().to_string().into());
    forms.sort();
    forms.dedup();
    forms
}

/// The characters of base64 that `canary` decides alone when `alignment` other bytes are before it.
fn base64(canary: &[u8], alignment: usize, last_two: [u8; 2]) -> Vec<u8> {
    let mut alphabet: Vec<u8> = (b'A'..=b'Z').chain(b'a'..=b'z').chain(b'0'..=b'9').collect();
    alphabet.extend(last_two);
    let bits: Vec<u8> =
        canary.iter().flat_map(|byte| (0..8).rev().map(move |bit| (byte >> bit) & 1)).collect();
    let skipped = [0, 4, 2][alignment];
    bits[skipped..]
        .chunks_exact(6)
        .map(|six| alphabet[usize::from(six.iter().fold(0, |n, bit| n << 1 | bit))])
        .collect()
}

fn url(canary: &[u8], space: &str) -> Vec<u8> {
    let mut text = String::new();
    for byte in canary {
        match byte {
            b' ' => text.push_str(space),
            b if b.is_ascii_alphanumeric() || b"-._~".contains(b) => text.push(char::from(*b)),
            b => {
                let _ = write!(text, "%{b:02X}");
            }
        }
    }
    text.into()
}

/// How many canaries are somewhere in `output`, in any form.
#[must_use]
pub fn seen(output: &[u8]) -> usize {
    static FORMS: LazyLock<Forms> = LazyLock::new(Forms::new);
    let mut seen = BTreeSet::new();
    for (at, start) in output.windows(START).enumerate() {
        if !FORMS.starts[first_three(start)] {
            continue;
        }
        for (number, form) in FORMS.by_start.get(start).into_iter().flatten() {
            if output[at..].starts_with(form) {
                seen.insert(*number);
            }
        }
    }
    seen.len()
}

/// All forms of all canaries, by how they begin.
struct Forms {
    by_start: HashMap<[u8; START], Vec<(usize, Vec<u8>)>>,
    /// Whether any form begins with these three bytes.
    starts: Vec<bool>,
}

/// No form of any canary is shorter.
const START: usize = 8;

impl Forms {
    fn new() -> Self {
        let mut forms = Self { by_start: HashMap::new(), starts: vec![false; 1 << 24] };
        for (number, (_, canary)) in canaries().iter().enumerate() {
            for form in self::forms(canary) {
                let start: [u8; START] = *form.first_chunk().unwrap();
                forms.starts[first_three(&start)] = true;
                forms.by_start.entry(start).or_default().push((number, form));
            }
        }
        forms
    }
}

fn first_three(bytes: &[u8]) -> usize {
    bytes[..3].iter().fold(0, |so_far, byte| so_far << 8 | usize::from(*byte))
}
