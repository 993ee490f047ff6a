use super::*;
use crate::LocalSigner;
use phiseal_keys::Secret;
use phiseal_primitives::default_engine;
use pollster::block_on;

/// c2sp.org/signed-note, "Verifier keys", example.
const SPEC_KEY: &str = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const SPEC_NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

/// golang.org/x/mod/sumdb/note: the text and the two keys of its documentation.
const TEXT: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n";
const PETER: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const ENOCH: &str = "EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWdop";
const PETER_S: &str = "\u{2014} PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
const ENOCH_S: &str = "\u{2014} EnochRoot rwz+eBzmZa0SO3NbfRGzPCpDckykFXSdeX+MNtCOXm2/5n2tiOHp+vAF1aGrQ5ovTG01oOTGwnWLox33WWd1RvMc+QQ=\n";
/// The private half of `PETER`, published with it.
const PETER_SEED: &str = "810a1402d5146c8d84f2443330f54080ebf98ee17d9c74f6252fc5d5c7283173";

fn key(text: &str) -> VerifierKey {
    VerifierKey::parse(text, default_engine()).unwrap()
}

fn note(parts: &[&str]) -> Result<Note, Error> {
    Note::parse(parts.concat().as_bytes())
}

fn kind<T: fmt::Debug>(result: Result<T, Error>) -> ErrorKind {
    result.unwrap_err().kind()
}

#[test]
fn the_specification_s_example() {
    let note = Note::parse(SPEC_NOTE.as_bytes()).unwrap();
    let keys = [key(SPEC_KEY)];
    assert_eq!(note.verify(&keys).unwrap(), [&keys[0]]);
    assert_eq!(note.text(), "This is an example message.\n");
    assert_eq!(note.to_string(), SPEC_NOTE);
    assert_eq!(keys[0].to_string(), SPEC_KEY);
}

#[test]
fn the_database_of_go_modules_has_a_key_that_is_read() {
    let text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8";
    assert_eq!(key(text).to_string(), text);
}

#[test]
fn signing_gives_the_published_bytes() {
    let (peter, mut signed) = (key(PETER), Note::new(TEXT).unwrap());
    let seed: Vec<u8> = hex::decode(PETER_SEED).unwrap();
    let seed = Secret::filled(|out| {
        out.copy_from_slice(&seed);
        Ok::<(), Error>(())
    });
    let signer = LocalSigner::new(seed.unwrap());
    block_on(signed.sign(&peter, &signer)).unwrap();
    assert_eq!(signed.to_string(), [TEXT, "\n", PETER_S].concat());
    assert_eq!(kind(block_on(signed.sign(&key(ENOCH), &signer))), ErrorKind::Invalid);
}

#[test]
fn several_signatures_and_unknown_ones() {
    let both = note(&[TEXT, "\n", PETER_S, ENOCH_S]).unwrap();
    let (peter, enoch) = ([key(PETER)], [key(ENOCH), key(PETER)]);
    assert_eq!(both.verify(&peter).unwrap(), [&peter[0]]);
    assert_eq!(both.verify(&enoch).unwrap(), [&enoch[0], &enoch[1]]);
    assert_eq!(kind(both.verify(&[key(SPEC_KEY)])), ErrorKind::Unauthenticated);
    assert_eq!(kind(both.verify(&[])), ErrorKind::Unauthenticated);
    assert_eq!(kind(both.verify(&[key(PETER), key(PETER)])), ErrorKind::Invalid);
}

#[test]
fn one_key_that_signed_twice_counts_once() {
    let twice = note(&[TEXT, "\n", PETER_S, PETER_S]).unwrap();
    assert_eq!(twice.verify(&[key(PETER), key(ENOCH)]).unwrap().len(), 1);
}

#[test]
fn a_known_key_with_a_wrong_signature_is_an_error_even_beside_a_right_one() {
    let forged = PETER_S.replace("x08go/ZJ", "x08go/ZK");
    for lines in [[&forged, ENOCH_S], [ENOCH_S, &forged], [PETER_S, &forged]] {
        let note = note(&[TEXT, "\n", lines[0], lines[1]]).unwrap();
        assert_eq!(kind(note.verify(&[key(PETER), key(ENOCH)])), ErrorKind::Unauthenticated);
        assert_eq!(note.verify(&[key(ENOCH)]).is_ok(), lines.contains(&ENOCH_S), "the control");
    }
    // Of another length, as a signature of another type would have.
    let longer = PETER_S.replace("JnAM=", "JnAMA");
    let note = note(&[TEXT, "\n", &longer]);
    assert_eq!(kind(note.unwrap().verify(&[key(PETER)])), ErrorKind::Unauthenticated);
}

#[test]
fn every_changed_character_of_the_text_is_refused() {
    let peter = [key(PETER)];
    for at in 0..TEXT.len() - 1 {
        let mut text = TEXT.as_bytes().to_vec();
        text[at] = if text[at] == b'x' { b'y' } else { b'x' };
        let changed = Note::parse(&[&text, "\n".as_bytes(), PETER_S.as_bytes()].concat()).unwrap();
        assert_eq!(kind(changed.verify(&peter)), ErrorKind::Unauthenticated, "{at}");
    }
}

#[test]
fn what_is_no_note_is_refused() {
    let cut = &PETER_S[..PETER_S.len() - 1];
    let unpadded = PETER_S.replace('=', "");
    let loose = PETER_S.replace("JnAM=", "JnAN=");
    for (what, parts) in [
        ("nothing", vec![""]),
        ("text alone", vec![TEXT]),
        ("no signature", vec![TEXT, "\n"]),
        ("no end of the last line", vec![TEXT, "\n", cut]),
        ("a control character", vec!["\u{1}", TEXT, "\n", PETER_S]),
        ("a carriage return", vec!["\r\n", TEXT, "\n", PETER_S]),
        ("a tab in a signature", vec![TEXT, "\n", "\u{2014} a\tb AAAAAAA=\n"]),
        ("a space in a name", vec![TEXT, "\n", "\u{2014} Bad Name AAAAAAA=\n"]),
        ("a no-break space in a name", vec![TEXT, "\n", "\u{2014} a\u{a0}b AAAAAAA=\n"]),
        ("a plus in a name", vec![TEXT, "\n", "\u{2014} a+b AAAAAAA=\n"]),
        ("no name", vec![TEXT, "\n", "\u{2014}  AAAAAAA=\n"]),
        ("a hyphen", vec![TEXT, "\n", "- a AAAAAAA=\n"]),
        ("an id alone", vec![TEXT, "\n", "\u{2014} a AAAAAA==\n"]),
        ("no padding", vec![TEXT, "\n", &unpadded]),
        ("loose bits", vec![TEXT, "\n", &loose]),
        ("text after the signatures", vec![TEXT, "\n", PETER_S, "more\n"]),
        ("no empty line", vec![TEXT, PETER_S]),
    ] {
        assert_eq!(kind(note(&parts)), ErrorKind::Malformed, "{what}");
    }
    let mut bytes = [TEXT, "\n", PETER_S].concat().into_bytes();
    assert!(Note::parse(&bytes).is_ok(), "the control");
    bytes[0] = 0xff;
    assert_eq!(kind(Note::parse(&bytes)), ErrorKind::Malformed);
    assert!(
        note(&[TEXT, "\n", "\u{2014} a AAAAAAA=\n"]).is_ok(),
        "the control: a signature of one byte"
    );
}

#[test]
fn the_text_ends_at_the_last_empty_line() {
    let text = ["first\n\n", TEXT].concat();
    let parsed = note(&[&text, "\n", PETER_S]).unwrap();
    assert_eq!(parsed.text(), text);
}

#[test]
fn sizes_are_bounded() {
    let many = |count| note(&[TEXT, "\n", &PETER_S.repeat(count)]);
    assert_eq!(many(MAX_SIGNATURES).unwrap().signatures().len(), MAX_SIGNATURES);
    assert_eq!(kind(many(MAX_SIGNATURES + 1)), ErrorKind::Malformed);

    let long =
        |length: usize| note(&["x".repeat(length - PETER_S.len() - 2).as_str(), "\n\n", PETER_S]);
    assert!(long(MAX_NOTE).is_ok());
    assert_eq!(kind(long(MAX_NOTE + 1)), ErrorKind::Malformed);
    assert_eq!(kind(Note::new("no line end")), ErrorKind::Malformed);
    assert_eq!(kind(Note::new(&"x\n".repeat(MAX_NOTE / 4 + 1))), ErrorKind::Malformed);
}

/// After golang.org/x/mod/sumdb/note, `TestNewVerifier`.
#[test]
fn no_part_of_a_key_and_no_changed_key_is_read() {
    for start in 0..PETER.len() {
        for end in start..=PETER.len() {
            let whole = (start, end) == (0, PETER.len());
            let read = VerifierKey::parse(&PETER[start..end], default_engine());
            assert_eq!(read.is_ok(), whole, "{start}..{end}");
        }
    }
    for at in 0..PETER.len() {
        let mut bytes = PETER.as_bytes().to_vec();
        bytes[at] += 1;
        let text = String::from_utf8(bytes).unwrap();
        assert_eq!(kind(VerifierKey::parse(&text, default_engine())), ErrorKind::Malformed, "{at}");
    }
    for (what, text) in [
        (
            "too long, its id right",
            "PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
        ),
        (
            "another type, its id right",
            "PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        ),
    ] {
        assert_eq!(
            kind(VerifierKey::parse(text, default_engine())),
            ErrorKind::Malformed,
            "{what}"
        );
    }
}

#[test]
fn a_signer_that_returns_another_key_s_signature_is_noticed() {
    #[derive(Debug)]
    struct Lying([u8; 32]);
    impl Signer for Lying {
        fn verifying_key(&self) -> [u8; 32] {
            self.0
        }
        fn sign<'a>(&'a self, _: &'a [u8]) -> phiseal_keys::BoxFuture<'a, Result<[u8; 64], Error>> {
            Box::pin(core::future::ready(Ok([1; 64])))
        }
    }
    let peter = key(PETER);
    let signer = Lying(*peter.public_key().as_bytes());
    let mut note = Note::new(TEXT).unwrap();
    assert_eq!(kind(block_on(note.sign(&peter, &signer))), ErrorKind::Faulty);
    assert!(note.signatures().is_empty());
}
