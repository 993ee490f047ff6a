//! An engine that begins to encrypt wrongly: no key that is there is given up for a wrap that does not open.

use phiseal::{Engine, ErrorKind, Module};
use phiseal_keys::RecordKind;
use phiseal_primitives::{Aes256Gcm, Error};
use phiseal_tests::world::{DOMAIN, World, what};
use std::sync::atomic::{AtomicBool, Ordering};

/// The default engine, whose tags are wrong while it is told so.
#[derive(Debug)]
struct Damaging {
    damages: AtomicBool,
}

static ENGINE: Damaging = Damaging { damages: AtomicBool::new(false) };

#[derive(Debug)]
struct DamagingKey(Box<dyn Aes256Gcm>);

impl Damaging {
    fn damage(&self, tag: &mut [u8]) {
        if let (true, [first, ..]) = (self.damages.load(Ordering::SeqCst), tag) {
            *first ^= 1;
        }
    }
}

impl Engine for Damaging {
    fn name(&self) -> &'static str {
        "damaging"
    }
    fn module(&self) -> Module {
        phiseal::default_engine().module()
    }
    fn aes_256_gcm(&self, key: &[u8; 32]) -> Result<Box<dyn Aes256Gcm>, Error> {
        Ok(Box::new(DamagingKey(phiseal::default_engine().aes_256_gcm(key)?)))
    }
    fn hkdf_extract(&self, salt: &[u8], ikm: &[u8], prk: &mut [u8; 32]) {
        phiseal::default_engine().hkdf_extract(salt, ikm, prk);
    }
    fn hkdf_expand(&self, prk: &[u8; 32], info: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
        phiseal::default_engine().hkdf_expand(prk, info, out)
    }
    fn hmac_sha_256(&self, key: &[u8], data: &[&[u8]]) -> [u8; 32] {
        phiseal::default_engine().hmac_sha_256(key, data)
    }
    fn sha_256(&self, data: &[&[u8]]) -> [u8; 32] {
        phiseal::default_engine().sha_256(data)
    }
    fn fill_random(&self, out: &mut [u8]) -> Result<(), Error> {
        phiseal::default_engine().fill_random(out)
    }
}

impl Aes256Gcm for DamagingKey {
    fn seal_in_place(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<[u8; 16], Error> {
        let mut tag = self.0.seal_in_place(nonce, aad, in_out)?;
        ENGINE.damage(&mut tag);
        Ok(tag)
    }
    fn seal_into(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        plaintext: &[u8],
        out: &mut [u8],
    ) -> Result<(), Error> {
        self.0.seal_into(nonce, aad, plaintext, out)
    }
    fn seal_in_place_with_own_nonce(
        &self,
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<([u8; 12], [u8; 16]), Error> {
        self.0.seal_in_place_with_own_nonce(aad, in_out)
    }
    fn open_in_place(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        in_out: &mut [u8],
        tag: &[u8; 16],
    ) -> Result<(), Error> {
        self.0.open_in_place(nonce, aad, in_out, tag)
    }
    fn open_into(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        ciphertext: &[u8],
        tag: &[u8; 16],
        plaintext: &mut [u8],
    ) -> Result<(), Error> {
        self.0.open_into(nonce, aad, ciphertext, tag, plaintext)
    }
}

#[test]
fn a_person_s_new_wrap_that_does_not_open_is_refused_and_the_old_one_is_kept() {
    let world = World::new(&ENGINE);
    let domain = world.process().domain(DOMAIN).unwrap();
    let sealed = domain.subject_or_create("ada").unwrap().seal("ada's", &what()).unwrap();
    domain.rotate().unwrap();
    let before = world.store.only(RecordKind::Subject);

    ENGINE.damages.store(true, Ordering::SeqCst);
    let refused = domain.rewrap_subjects().unwrap_err();
    ENGINE.damages.store(false, Ordering::SeqCst);
    assert_eq!(refused.kind(), ErrorKind::Unauthenticated);
    assert!(world.store.only(RecordKind::Subject) == before, "something was stored");

    assert_eq!(domain.rewrap_subjects().unwrap().rewrapped, 1, "the control");
    assert!(world.store.only(RecordKind::Subject) != before, "the control");
    let fresh = world.process().domain(DOMAIN).unwrap().subject("ada").unwrap();
    assert!(fresh.open::<String>(&sealed, &what()).is_ok(), "the control");
}
