//! Sets of approvals that are not what they should be, for every operation.

use crate::{Custodian, HOLDS, Office};
use phiseal::rotation::Digest;
use phiseal::rotation::certificate::Ground;
use phiseal::rotation::custody::{Operation, Refusal, Request};
use phiseal_audit::Time;
use phiseal_audit::note::{KeyName, Note, VerifierKey};
use phiseal_format::{DomainId, EnvironmentId};
use phiseal_keys::Signer;
use phiseal_tests::clinic::Where;
use phiseal_tests::in_each_place;
use pollster::block_on;

in_each_place! {
    no_forged_set_of_approvals_passes
    what_was_done_is_not_done_again
    a_clock_that_was_put_back_revives_nothing
}

/// A set that nobody must take, and why not.
struct Forged {
    what: &'static str,
    request: Request,
    notes: Vec<Note>,
    /// Seconds after the request was made.
    after: i64,
    refusal: fn(&Refusal) -> bool,
}

macro_rules! is {
    ($refusal:pat) => {{
        let is: fn(&Refusal) -> bool = |refusal| matches!(refusal, $refusal);
        is
    }};
}

/// The note of `request` with the signatures that `notes` have of another text.
fn with_signatures_of(request: &Request, notes: &[Note]) -> Vec<Note> {
    let text = request.to_string();
    let carried = |note: &Note| {
        let whole = note.to_string();
        let signatures = whole.strip_prefix(note.text()).unwrap();
        Note::parse((text.clone() + signatures).as_bytes()).unwrap()
    };
    notes.iter().map(carried).collect()
}

/// The note with its signature changed by `change`.
fn resigned(note: &Note, key: &VerifierKey, change: impl Fn(&mut Vec<u8>)) -> Note {
    let mut bytes = note.signatures()[0].bytes().to_vec();
    change(&mut bytes);
    let encoded = data_encoding(&[&key.id()[..], &bytes].concat());
    let text = format!("{}\n\u{2014} {} {encoded}\n", note.text(), key.name());
    Note::parse(text.as_bytes()).unwrap()
}

fn data_encoding(bytes: &[u8]) -> String {
    const SYMBOLS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word = chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte))
            << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let symbol = SYMBOLS[usize::try_from(word >> (18 - 6 * place) & 63).unwrap()];
            out.push(if place <= chunk.len() { char::from(symbol) } else { '=' });
        }
    }
    out
}

/// Whatever a change of its text makes of a request that was signed before.
fn changed_after_it_was_signed(request: &Request) -> Vec<(&'static str, Request)> {
    let mut changed = Vec::new();
    let mut change = |what, edit: &dyn Fn(&mut Request)| {
        let mut other = request.clone();
        edit(&mut other);
        if other != *request {
            changed.push((what, other));
        }
    };
    change("another operation", &|it| {
        it.operation = match it.operation {
            Operation::Destroy(_) => Operation::Retire(1),
            Operation::Rotate { compromised } => Operation::Rotate { compromised: !compromised },
            Operation::Roster(_) => Operation::Roster(Digest::from_bytes([1; 32])),
            Operation::Rewrap => Operation::Rotate { compromised: false },
            _ => Operation::Destroy(1),
        }
    });
    change("more KEKs", &|it| {
        if it.operation.wraps() {
            it.keks.push("vault:thieves".parse().unwrap());
            it.keks.sort();
        }
    });
    change("a ground", &|it| {
        if it.operation.destroys() {
            it.grounds.push(Ground::BackupsExpired);
        }
    });
    change("another manifest", &|it| it.manifest = Some(Digest::from_bytes([2; 32])));
    change("a later end", &|it| it.expires = Time::from_millis(it.expires.as_millis() + 1));
    change("another nonce", &|it| it.nonce[0] ^= 1);
    change("another requester", &|it| it.requester = KeyName::new("ben").unwrap());
    change("an earlier beginning", &|it| {
        it.requested = Time::from_millis(it.requested.as_millis() - 1);
    });
    changed
}

fn forged(office: &Office, operation: Operation) -> Vec<Forged> {
    let request = office.request(operation);
    let good = office.signed(&request, &[0, 1, 2]);
    let mut sets = Vec::new();
    let mut forge = |what, request: &Request, notes, after, refusal| {
        sets.push(Forged { what, request: request.clone(), notes, after, refusal });
    };
    let few: fn(&Refusal) -> bool = is!(Refusal::Approvals { there: 0 | 1, needed: 2 });
    let signed = |by: &[usize]| office.signed(&request, by);

    forge("nobody signed", &request, vec![], 0, is!(Refusal::Unsigned));
    forge("the requester alone", &request, signed(&[0]), 0, few);
    forge("the requester three times", &request, signed(&[0, 0, 0]), 0, few);
    forge("one approval", &request, signed(&[0, 1]), 0, few);
    forge("one approval, twice", &request, signed(&[0, 1, 1]), 0, few);
    let twice = block_on(async {
        let mut note = signed(&[0])[0].clone();
        for _ in 0..2 {
            note.sign(&office.people[1].key, &office.people[1].signer).await.unwrap();
        }
        note
    });
    forge("one approval, twice in one file", &request, vec![twice], 0, few);
    forge("the requester has not signed", &request, signed(&[1, 2, 3]), 0, is!(Refusal::Unsigned));

    let under = |name: &str, signer: &dyn Signer| {
        let engine = phiseal::default_engine();
        let key = VerifierKey::of(KeyName::new(name).unwrap(), signer, engine).unwrap();
        block_on(request.sign(&key, signer)).unwrap()
    };
    let stranger = Custodian::new("eve");
    let with = |third: Note| [signed(&[0, 1]), vec![third]].concat();
    forge("a stranger", &request, with(stranger.sign(&request)), 0, is!(Refusal::Forged));
    forge(
        "a stranger by a custodian's name",
        &request,
        with(under("cleo", &stranger.signer)),
        0,
        is!(Refusal::Forged),
    );
    forge(
        "one key under two names",
        &request,
        with(under("cleo", &office.people[1].signer)),
        0,
        is!(Refusal::Forged),
    );
    forge(
        "the requester's key under another name",
        &request,
        with(under("cleo", &office.people[0].signer)),
        0,
        is!(Refusal::Forged),
    );
    let stranger_too = signed(&[0])[0].clone().merged(&stranger.sign(&request)).unwrap();
    forge(
        "a stranger beside the requester",
        &request,
        [vec![stranger_too], signed(&[1])].concat(),
        0,
        few,
    );

    let cleo = &office.people[2].key;
    let bit = resigned(&good[2], cleo, |bytes| bytes[17] ^= 4);
    forge("a signature of which one bit is another", &request, with(bit), 0, is!(Refusal::Forged));
    let short = resigned(&good[2], cleo, |bytes| bytes.truncate(63));
    forge("a signature cut short", &request, with(short), 0, is!(Refusal::Forged));
    let long = resigned(&good[2], cleo, |bytes| bytes.push(0));
    forge("a signature and a byte", &request, with(long), 0, is!(Refusal::Forged));
    let zero = resigned(&good[2], cleo, |bytes| bytes.fill(0));
    forge("a signature of zeros", &request, with(zero), 0, is!(Refusal::Forged));
    let malleated = resigned(&good[2], cleo, |bytes| add_order(&mut bytes[32..]));
    forge("the other signature of the same", &request, with(malleated), 0, is!(Refusal::Forged));
    let of_ben = resigned(&good[1], cleo, |_| {});
    forge("another custodian's signature", &request, with(of_ben), 0, is!(Refusal::Forged));

    let holds = i64::try_from(HOLDS.as_secs()).unwrap();
    forge("at its end", &request, good.clone(), holds, is!(Refusal::Expired(_)));
    forge("years later", &request, good.clone(), 1_000 * holds, is!(Refusal::Expired(_)));
    forge("before it was made", &request, good.clone(), -301, is!(Refusal::NotYet(_)));
    forge("in 1970", &request, good.clone(), -1_799_999_999, is!(Refusal::NotYet(_)));

    for (what, other) in changed_after_it_was_signed(&request) {
        forge(what, &other, good.clone(), 0, is!(Refusal::OtherText));
        let carried = with_signatures_of(&other, &good);
        forge(what, &other, carried, 0, is!(Refusal::Forged));
    }
    let other = office.request(operation);
    let mixed = [signed(&[0, 1]), office.signed(&other, &[2])].concat();
    forge("approvals of two requests", &request, mixed, 0, is!(Refusal::OtherText));

    // Signed by all who should, and about something else.
    let mut about = |what, edit: &dyn Fn(&mut Request), refusal| {
        let mut other = request.clone();
        edit(&mut other);
        if other != request {
            forge(what, &other, office.signed(&other, &[0, 1, 2]), 0, refusal);
        }
    };
    about(
        "another environment",
        &|it| it.environment = EnvironmentId::from_bytes([9; 16]),
        is!(Refusal::Environment),
    );
    about(
        "another roster",
        &|it| it.roster = Some(Digest::from_bytes([9; 32])),
        is!(Refusal::Roster),
    );
    about("no roster", &|it| it.roster = None, is!(Refusal::Roster));
    about(
        "a requester who is no custodian",
        &|it| it.requester = KeyName::new("eve").unwrap(),
        is!(Refusal::Requester),
    );
    about(
        "another revision",
        &|it| {
            if let Some(keyset) = &mut it.keyset {
                keyset.revision -= 1;
            }
        },
        is!(Refusal::Keyset),
    );
    about(
        "other bytes of the keyset",
        &|it| {
            if let Some(keyset) = &mut it.keyset {
                keyset.digest = Digest::from_bytes([9; 32]);
            }
        },
        is!(Refusal::Keyset),
    );
    about(
        "another domain's id",
        &|it| {
            if let Some(keyset) = &mut it.keyset {
                keyset.domain = DomainId::from_bytes([9; 16]);
            }
        },
        is!(Refusal::Keyset),
    );
    about(
        "another domain's name",
        &|it| {
            if let Some(keyset) = &mut it.keyset {
                keyset.name = "clinic/staff".to_owned();
            }
        },
        is!(Refusal::Keyset),
    );
    about("no keyset", &|it| it.keyset = None, is!(Refusal::Unsound));
    about(
        "a time longer than any",
        &|it| {
            it.expires = Time::from_millis(it.expires.as_millis() * 2);
        },
        is!(Refusal::Unsound),
    );
    about(
        "a KEK for what wraps nothing, or none for what does",
        &|it| {
            if it.operation.wraps() {
                it.keks.clear()
            } else {
                it.keks = vec!["local:x".parse().unwrap()]
            }
        },
        is!(Refusal::Unsound),
    );
    about(
        "a ground for what destroys nothing, or one twice",
        &|it| {
            let twice = if it.operation.destroys() { 2 } else { 1 };
            it.grounds = vec![Ground::BackupsExpired; twice];
        },
        is!(Refusal::Unsound),
    );
    sets
}

/// Adds the order of the group to the second half of a signature (RFC 8032, 5.1.7: it must be smaller than that).
fn add_order(s: &mut [u8]) {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde,
        0x14, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let mut carry = 0;
    for (byte, order) in s.iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
}

fn no_forged_set_of_approvals_passes(place: Where) {
    let Some(office) = Office::at(place) else { return };
    let mut refused = 0;
    for operation in office.operations() {
        for forged in forged(&office, operation) {
            let Forged { what, request, notes, after, refusal } = forged;
            let now = office.now().checked_add_signed(after).unwrap();
            let outcome = office.check_at(&request, &notes, now);
            let error = outcome.map(|_| ()).expect_err(&format!("{operation}: {what}"));
            assert!(refusal(&error), "{operation}: {what}: {error:?}");
            refused += 1;
        }
        // The control: three signatures of whom the request is, and also when they come in one file.
        let request = office.request(operation);
        let notes = office.signed(&request, &[0, 1, 2]);
        let approved = office.check(&request, &notes).unwrap();
        assert_eq!(
            approved.approvers().iter().map(VerifierKey::name).collect::<Vec<_>>(),
            ["ben", "cleo"]
        );
        let merged = notes.into_iter().reduce(|one, next| one.merged(&next).unwrap()).unwrap();
        let last_second = office.now() + HOLDS.as_secs() - 1;
        office.check_at(&request, &[merged], last_second).unwrap();
    }
    assert!(refused >= 300, "{refused}");
}

fn what_was_done_is_not_done_again(place: Where) {
    let Some(office) = Office::at(place) else { return };
    let store = office.process.key_store();
    let request = office.request(Operation::Rotate { compromised: false });
    let notes = office.signed(&request, &[0, 1, 3]);
    let (first, second) =
        (office.check(&request, &notes).unwrap(), office.check(&request, &notes).unwrap());
    let before = office.keyset();
    let rotated = block_on(first.changes(store).rotate(&before, false)).unwrap();
    assert_eq!(rotated.authority(), first.authority());
    assert_eq!(office.check(&request, &notes).unwrap_err(), Refusal::Keyset, "a replay");
    // Also by one who had verified it before it was done.
    assert!(block_on(second.changes(store).rotate(&before, false)).is_err());
    assert!(
        block_on(second.changes(store).rotate(&rotated, false)).is_ok(),
        "code is not stopped, only told: see the module"
    );
}

fn a_clock_that_was_put_back_revives_nothing(place: Where) {
    let Some(office) = Office::at(place) else { return };
    let request = office.request(Operation::Rewrap);
    let notes = office.signed(&request, &[0, 1, 2]);
    let late = office.now() + HOLDS.as_secs();
    assert!(matches!(office.check_at(&request, &notes, late), Err(Refusal::Expired(_))));
    office.world.clock.advance(HOLDS);
    // Something happened to the keys since; the request names what they are now, and was made before.
    let rotate = office.request(Operation::Rotate { compromised: false });
    let approved = office.check(&rotate, &office.signed(&rotate, &[0, 1, 2])).unwrap();
    block_on(approved.changes(office.process.key_store()).rotate(&office.keyset(), false)).unwrap();
    let mut old = office.request(Operation::Rewrap);
    (old.requested, old.expires) = (request.requested, request.expires);
    let notes = office.signed(&old, &[0, 1, 2]);
    let put_back = request.requested.as_millis() / 1_000;
    assert_eq!(office.check_at(&old, &notes, put_back).unwrap_err(), Refusal::Clock);
}
