//! An engine in FIPS mode, given nonces that its module does not draw, and one that fails in the middle.

use phiseal::{Engine, ErrorKind, Module, NoncePolicy, Suite, Validation, context};
use phiseal_primitives::{Aes256Gcm, Error};
use phiseal_tests::world::{DOMAIN, World, what};

/// The default engine, as it would be in FIPS mode.
#[derive(Debug)]
struct Fips;

#[derive(Debug)]
struct Approved(Box<dyn Aes256Gcm>);

impl Engine for Fips {
    fn name(&self) -> &'static str {
        "fips"
    }
    fn module(&self) -> Module {
        let mut module = phiseal::default_engine().module();
        module.validation = Validation::Uncertified;
        module
    }
    fn aes_256_gcm(&self, key: &[u8; 32]) -> Result<Box<dyn Aes256Gcm>, Error> {
        Ok(Box::new(Approved(phiseal::default_engine().aes_256_gcm(key)?)))
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

impl Aes256Gcm for Approved {
    fn seal_in_place(&self, _: &[u8; 12], _: &[u8], _: &mut [u8]) -> Result<[u8; 16], Error> {
        Err(Error::NotApproved)
    }

    fn seal_into(&self, _: &[u8; 12], _: &[u8], _: &[u8], out: &mut [u8]) -> Result<(), Error> {
        out.fill(0);
        Err(Error::NotApproved)
    }
    fn seal_in_place_with_own_nonce(
        &self,
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<([u8; 12], [u8; 16]), Error> {
        if aad.ends_with(b"broken") {
            return Err(Error::Engine);
        }
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
fn the_module_s_nonces_are_the_only_ones_and_a_refusal_costs_no_plaintext() {
    let world = World::new(&Fips);
    let domain = world.process().domain(DOMAIN).unwrap();
    let sealed = domain.seal("plain", &what()).unwrap();
    assert_eq!(sealed.suite(), Suite::Aes256GcmHkdf);
    let opened = domain.open::<String>(&sealed, &what()).unwrap();
    assert_eq!(opened.expose_secret(), "plain");
    for policy in [NoncePolicy::PerBlock, NoncePolicy::PerMessage] {
        let process = world.process_with(move |options| options.nonces = policy);
        let cipher = process.domain(DOMAIN).unwrap().ready().unwrap();
        let bound = cipher.bind(&what()).unwrap();
        let mut buffer = [&[0; 41][..], b"plain", &[0; 16]].concat();
        let before = buffer.clone();
        let refused = cipher.seal_in_place(&bound, &mut buffer).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unsupported, "{policy:?}");
        assert_eq!(buffer, before, "{policy:?}: the buffer is as it was");
        assert!(cipher.open::<String>(&sealed, &what()).is_ok());
    }
}

#[test]
fn an_engine_that_fails_in_the_middle_leaves_zeros() {
    let world = World::new(&Fips);
    let cipher = world.process().domain(DOMAIN).unwrap().ready().unwrap();
    let broken = cipher.bind(&context!(field = "broken")).unwrap();
    let mut buffer = [&[0; 41][..], b"plain", &[0; 16]].concat();
    let failed = cipher.seal_in_place(&broken, &mut buffer).unwrap_err();
    assert_eq!(failed.kind(), ErrorKind::Faulty);
    assert_eq!(buffer, [0; 62]);
    let mut out = [7; 62];
    assert!(cipher.seal_into(b"plain", &broken, &mut out).is_err());
    assert!(!out.windows(5).any(|window| window == b"plain"));
}
