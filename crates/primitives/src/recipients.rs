//! Sealing to a public key: HPKE (RFC 9180) in base mode, single shot.
//!
//! The suite is DHKEM(X25519, HKDF-SHA256), HKDF-SHA256, AES-256-GCM (0x0020, 0x0001, 0x0002). Whoever knows the public key
//! can seal, so what opens proves nothing about who sealed it. There is no associated data: RFC 9180, 8.1, has
//! applications of the single-shot form put what the message is bound to into `info`.

use crate::{Error, Random, drawn::Drawn, stack};
use hpke::aead::{AeadTag, AesGcm256};
use hpke::inout::InOutBuf;
use hpke::kdf::HkdfSha256;
use hpke::kem::X25519HkdfSha256;
use hpke::{
    Deserializable, HpkeError, Kem, OpModeR, OpModeS, Serializable,
    single_shot_open_inout_detached, single_shot_seal_inout_detached_with_rng,
};
use zeroize::{Zeroize, Zeroizing};

/// Bytes of a public key, and of the encapsulated key that a sealed message begins with.
pub const PUBLIC_KEY: usize = 32;

/// What sealing adds, in bytes: the encapsulated key in front, the tag at the end.
pub const OVERHEAD: usize = PUBLIC_KEY + TAG;

const TAG: usize = 16;

/// The public key that belongs to `private`, which is 32 random bytes.
///
/// # Errors
///
/// [`Error::Engine`] when the library refuses a key of 32 bytes, which it does not.
pub fn public_key(private: &[u8; 32]) -> Result<[u8; PUBLIC_KEY], Error> {
    let public = derive_public(private);
    stack::scrub();
    public
}

/// Refuses what is no public key, or one under which nothing is secret: a point of small order, or another spelling than
/// the shortest (a coordinate of 2^255 - 19 or more).
///
/// # Errors
///
/// [`Error::Parameter`].
pub fn check_public_key(public: &[u8; PUBLIC_KEY]) -> Result<(), Error> {
    let [first, middle @ .., last] = public;
    let not_reduced = *last >= 0x80
        || (*last == 0x7f && *first >= 0xed && middle.iter().all(|byte| *byte == 0xff));
    let mut sealed = [0; OVERHEAD];
    // A key of small order gives the shared secret zero, which RFC 9180, 7.1.4, has the sender refuse.
    let probe = seal_from(&mut Drawn::from(&Probe), public, &[], &[], &mut sealed);
    if not_reduced || probe.is_err() { Err(Error::Parameter) } else { Ok(()) }
}

/// Seals `message` to the holder of the key that belongs to `public`, bound to `info`.
///
/// `sealed` has [`OVERHEAD`] bytes more than the message: encapsulated key (32), ciphertext, tag (16).
///
/// # Errors
///
/// [`Error::Length`] when it has not; [`Error::Random`]; [`Error::Parameter`] for a public key of small order. `sealed` then
/// holds zeros.
///
/// ```
/// # fn main() -> Result<(), phiseal_primitives::Error> {
/// use phiseal_primitives::{OsRandom, Random, recipients};
///
/// let mut private = [0; 32];
/// OsRandom.fill(&mut private)?;
/// let public = recipients::public_key(&private)?;
///
/// let (mut sealed, mut opened) = ([0; 5 + recipients::OVERHEAD], [0; 5]);
/// recipients::seal(&OsRandom, &public, b"what it is", b"hello", &mut sealed)?;
/// recipients::open(&private, b"what it is", &sealed, &mut opened)?;
/// assert_eq!(&opened, b"hello");
/// # Ok(())
/// # }
/// ```
pub fn seal(
    random: &dyn Random,
    public: &[u8; PUBLIC_KEY],
    info: &[u8],
    message: &[u8],
    sealed: &mut [u8],
) -> Result<(), Error> {
    let mut drawn = Drawn::from(random);
    let done = seal_from(&mut drawn, public, info, message, sealed).and(drawn.finish());
    stack::scrub();
    done.inspect_err(|_| sealed.zeroize())
}

/// Opens what [`seal`] sealed to the key that belongs to `private`, bound to the same `info`.
///
/// # Errors
///
/// [`Error::Length`] when `message` has not [`OVERHEAD`] bytes fewer than `sealed`; [`Error::Unauthenticated`] when the key
/// or `info` is another, or `sealed` was changed. `message` then holds zeros.
pub fn open(
    private: &[u8; 32],
    info: &[u8],
    sealed: &[u8],
    message: &mut [u8],
) -> Result<(), Error> {
    let done = open_to(private, info, sealed, message);
    stack::scrub();
    done.inspect_err(|_| message.zeroize())
}

type Scheme = X25519HkdfSha256;
type PrivateKey = <Scheme as Kem>::PrivateKey;
type PublicKey = <Scheme as Kem>::PublicKey;
type Encapsulated = <Scheme as Kem>::EncappedKey;

#[inline(never)]
fn derive_public(private: &[u8; 32]) -> Result<[u8; PUBLIC_KEY], Error> {
    let private = PrivateKey::from_bytes(private).map_err(|_| Error::Engine)?;
    let mut public = [0; PUBLIC_KEY];
    Scheme::sk_to_pk(&private).write_exact(&mut public);
    Ok(public)
}

#[inline(never)]
fn seal_from(
    drawn: &mut Drawn<'_>,
    public: &[u8; PUBLIC_KEY],
    info: &[u8],
    message: &[u8],
    sealed: &mut [u8],
) -> Result<(), Error> {
    let (encapsulated, rest) = sealed.split_first_chunk_mut::<PUBLIC_KEY>().ok_or(Error::Length)?;
    let (body, tag) = rest.split_last_chunk_mut::<TAG>().ok_or(Error::Length)?;
    if body.len() != message.len() {
        return Err(Error::Length);
    }
    let public = PublicKey::from_bytes(public).map_err(refused)?;
    // Encrypted where it is wiped when anything fails, then copied: a part of a plaintext is never in `sealed`.
    let mut work = Zeroizing::new(message.to_vec());
    let (key, made) = single_shot_seal_inout_detached_with_rng::<AesGcm256, HkdfSha256, Scheme>(
        &OpModeS::Base,
        &public,
        info,
        InOutBuf::from(&mut work[..]),
        &[],
        drawn,
    )
    .map_err(refused)?;
    body.copy_from_slice(&work);
    key.write_exact(encapsulated);
    made.write_exact(tag);
    Ok(())
}

#[inline(never)]
fn open_to(
    private: &[u8; 32],
    info: &[u8],
    sealed: &[u8],
    message: &mut [u8],
) -> Result<(), Error> {
    let (encapsulated, rest) = sealed.split_first_chunk::<PUBLIC_KEY>().ok_or(Error::Length)?;
    let (body, tag) = rest.split_last_chunk::<TAG>().ok_or(Error::Length)?;
    if body.len() != message.len() {
        return Err(Error::Length);
    }
    message.copy_from_slice(body);
    let private = PrivateKey::from_bytes(private).map_err(refused)?;
    single_shot_open_inout_detached::<AesGcm256, HkdfSha256, Scheme>(
        &OpModeR::Base,
        &private,
        &Encapsulated::from_bytes(encapsulated).map_err(refused)?,
        info,
        InOutBuf::from(message),
        &[],
        &AeadTag::<AesGcm256>::from_bytes(tag).map_err(refused)?,
    )
    .map_err(refused)
}

fn refused(error: HpkeError) -> Error {
    match error {
        HpkeError::OpenError | HpkeError::DecapError => Error::Unauthenticated,
        HpkeError::EncapError | HpkeError::ValidationError => Error::Parameter,
        _ => Error::Engine,
    }
}

/// What the trial of a public key takes for random: nothing secret comes of it.
#[derive(Debug)]
struct Probe;

impl Random for Probe {
    fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
        out.fill(0x5a);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OsRandom;
    use hpke::{setup_receiver, setup_sender_with_rng};
    use serde_json::Value;

    /// The vectors of RFC 9180 for this suite in base mode, from the working group's repository.
    const VECTORS: &str = include_str!("../tests/vectors/hpke_rfc9180_x25519_aes256gcm.json");

    /// Answers with these bytes, once.
    #[derive(Debug)]
    struct Given(Vec<u8>);

    impl Random for Given {
        fn fill(&self, out: &mut [u8]) -> Result<(), Error> {
            assert_eq!(out.len(), self.0.len());
            out.copy_from_slice(&self.0);
            Ok(())
        }
    }

    fn of(value: &Value, name: &str) -> Vec<u8> {
        hex::decode(value[name].as_str().unwrap()).unwrap()
    }

    fn array<const N: usize>(bytes: Vec<u8>) -> [u8; N] {
        bytes.try_into().unwrap()
    }

    #[test]
    fn the_vectors_of_rfc_9180() {
        let vectors: Value = serde_json::from_str(VECTORS).unwrap();
        let (kem, kdf, aead) = (&vectors["kem_id"], &vectors["kdf_id"], &vectors["aead_id"]);
        assert_eq!(
            (kem, kdf, aead, &vectors["mode"]),
            (&32.into(), &1.into(), &2.into(), &0.into())
        );
        let (info, plaintext) = (of(&vectors, "info"), of(&vectors, "pt"));
        let (private, public): ([u8; 32], [u8; 32]) =
            (array(of(&vectors, "skRm")), array(of(&vectors, "pkRm")));
        assert_eq!(public_key(&private), Ok(public));

        // The library's contexts, which the single-shot form is made of, over every message of the vectors.
        let given = Given(of(&vectors, "ikmE"));
        let (key, mut sender) = setup_sender_with_rng::<AesGcm256, HkdfSha256, Scheme>(
            &OpModeS::Base,
            &PublicKey::from_bytes(&public).unwrap(),
            &info,
            &mut Drawn::from(&given),
        )
        .unwrap();
        assert_eq!(key.to_bytes().to_vec(), of(&vectors, "enc"));
        let mut receiver = setup_receiver::<AesGcm256, HkdfSha256, Scheme>(
            &OpModeR::Base,
            &PrivateKey::from_bytes(&private).unwrap(),
            &key,
            &info,
        )
        .unwrap();
        let messages = vectors["encryptions"].as_array().unwrap();
        for message in messages {
            let (aad, expected) = (of(message, "aad"), of(message, "ct"));
            let mut work = plaintext.clone();
            let tag = sender.seal_inout_detached(work.as_mut_slice().into(), &aad).unwrap();
            assert_eq!([&work[..], &tag.to_bytes()].concat(), expected);
            receiver.open_inout_detached(work.as_mut_slice().into(), &aad, &tag).unwrap();
            assert_eq!(work, plaintext);
        }
        assert_eq!(messages.len(), 257);

        // Ours has the same encapsulated key, and opens what the library seals without associated data.
        let mut sealed = vec![0; plaintext.len() + OVERHEAD];
        seal(&given, &public, &info, &plaintext, &mut sealed).unwrap();
        let (_, mut sender) = setup_sender_with_rng::<AesGcm256, HkdfSha256, Scheme>(
            &OpModeS::Base,
            &PublicKey::from_bytes(&public).unwrap(),
            &info,
            &mut Drawn::from(&given),
        )
        .unwrap();
        let mut work = plaintext.clone();
        let tag = sender.seal_inout_detached(work.as_mut_slice().into(), &[]).unwrap();
        assert_eq!(sealed, [of(&vectors, "enc"), work, tag.to_bytes().to_vec()].concat());
        let mut opened = vec![0; plaintext.len()];
        open(&private, &info, &sealed, &mut opened).unwrap();
        assert_eq!(opened, plaintext);
    }

    fn pair() -> ([u8; 32], [u8; 32]) {
        let mut private = [0; 32];
        OsRandom.fill(&mut private).unwrap();
        (private, public_key(&private).unwrap())
    }

    #[test]
    fn every_changed_bit_and_every_other_input_is_refused() {
        let (private, public) = pair();
        let mut sealed = [0; 32 + OVERHEAD];
        seal(&OsRandom, &public, b"info", &[7; 32], &mut sealed).unwrap();
        let try_open = |private: &[u8; 32], info: &[u8], sealed: &[u8]| {
            let mut out = [1; 32];
            let done = open(private, info, sealed, &mut out);
            assert!(done.is_ok() || out == [0; 32], "what was refused left something");
            done.map(|()| out)
        };
        assert_eq!(try_open(&private, b"info", &sealed), Ok([7; 32]), "the control");
        let mut refused = 0;
        for bit in 0..sealed.len() * 8 {
            let mut changed = sealed;
            changed[bit / 8] ^= 1 << (bit % 8);
            // The top bit of a coordinate is not read (RFC 7748, 5), but what is authenticated has it.
            assert_eq!(try_open(&private, b"info", &changed), Err(Error::Unauthenticated), "{bit}");
            refused += 1;
        }
        assert_eq!(refused, 640);
        assert_eq!(try_open(&private, b"infp", &sealed), Err(Error::Unauthenticated));
        assert_eq!(try_open(&pair().0, b"info", &sealed), Err(Error::Unauthenticated));
        for length in [0, 31, 47, 79, 81] {
            let mut other = sealed.to_vec();
            other.resize(length, 0);
            assert_eq!(try_open(&private, b"info", &other), Err(Error::Length), "{length}");
        }
        assert_eq!(seal(&OsRandom, &public, b"", &[7; 32], &mut [0; 79]), Err(Error::Length));
    }

    #[test]
    fn equal_messages_are_sealed_differently() {
        let (_, public) = pair();
        let sealed = || {
            let mut out = [0; 32 + OVERHEAD];
            seal(&OsRandom, &public, b"", &[7; 32], &mut out).unwrap();
            out
        };
        assert_ne!(sealed()[..32], sealed()[..32]);
    }

    /// The points of small order on the curve and its twist (RFC 7748, 6.1; cr.yp.to/ecdh.html), as they are and in the
    /// other spellings that 32 bytes have room for.
    #[test]
    fn public_keys_of_small_order_are_refused() {
        let small = [
            "0000000000000000000000000000000000000000000000000000000000000000",
            "0100000000000000000000000000000000000000000000000000000000000000",
            "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
            "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
            "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
            "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        ];
        for text in small {
            let mut key: [u8; 32] = array(hex::decode(text).unwrap());
            for _ in 0..2 {
                assert_eq!(check_public_key(&key), Err(Error::Parameter), "{text}");
                let mut sealed = [1; 32 + OVERHEAD];
                let done = seal(&OsRandom, &key, b"", &[7; 32], &mut sealed);
                assert_eq!((done, sealed), (Err(Error::Parameter), [0; 80]), "{text}");
                key[31] |= 0x80;
            }
        }
        let (_, mut public) = pair();
        assert_eq!(check_public_key(&public), Ok(()), "the control");
        public[31] |= 0x80;
        assert_eq!(check_public_key(&public), Err(Error::Parameter), "another spelling");
        let mut nearly = [0xff; 32];
        (nearly[0], nearly[31]) = (0xf0, 0x7f);
        assert_eq!(check_public_key(&nearly), Err(Error::Parameter), "not reduced");
    }

    #[test]
    fn a_generator_that_fails_seals_nothing() {
        #[derive(Debug)]
        struct Broken;
        impl Random for Broken {
            fn fill(&self, _: &mut [u8]) -> Result<(), Error> {
                Err(Error::Random)
            }
        }
        let (mut sealed, public) = ([1; 32 + OVERHEAD], pair().1);
        assert_eq!(seal(&Broken, &public, b"", &[7; 32], &mut sealed), Err(Error::Random));
        assert_eq!(sealed, [0; 80]);
    }
}
