//! An engine in FIPS mode, given nonces that its module does not draw, and one that fails in the middle.

use phiseal::{ErrorKind, Module, NoncePolicy, Suite, Validation, context};
use phiseal_primitives::{Aes256Gcm, Error};
use phiseal_tests::forwarding::{Forwarding, Otherwise};
use phiseal_tests::world::{DOMAIN, World, what};

/// As the default engine would be in FIPS mode.
#[derive(Clone, Copy, Debug)]
struct Fips;

static ENGINE: Forwarding<Fips> = Forwarding(Fips);

impl Otherwise for Fips {
    const NAME: &'static str = "fips";

    fn module(self) -> Module {
        let mut module = phiseal::default_engine().module();
        module.validation = Validation::Uncertified;
        module
    }

    fn seal_in_place(
        self,
        _: &dyn Aes256Gcm,
        _: &[u8; 12],
        _: &[u8],
        _: &mut [u8],
    ) -> Result<[u8; 16], Error> {
        Err(Error::NotApproved)
    }

    fn seal_into(
        self,
        _: &dyn Aes256Gcm,
        _: &[u8; 12],
        _: &[u8],
        _: &[u8],
        out: &mut [u8],
    ) -> Result<(), Error> {
        out.fill(0);
        Err(Error::NotApproved)
    }

    fn seal_in_place_with_own_nonce(
        self,
        key: &dyn Aes256Gcm,
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<([u8; 12], [u8; 16]), Error> {
        if aad.ends_with(b"broken") {
            return Err(Error::Engine);
        }
        key.seal_in_place_with_own_nonce(aad, in_out)
    }
}

#[test]
fn the_module_s_nonces_are_the_only_ones_and_a_refusal_costs_no_plaintext() {
    let world = World::new(&ENGINE);
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
    let world = World::new(&ENGINE);
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

/// What the module has no primitive for is refused; the rest gives the same bytes as with any other engine.
#[test]
fn tokens_are_made_of_what_the_module_approves() {
    use phiseal::blocking::wait;
    use phiseal::stores::MemoryStore;
    use phiseal::tokens::{
        BlindIndex, Cardinality, Column, Deterministic, Format, FormatPreserving, Normaliser, Part,
        TokenScheme, Vault, Vaulted, VaultedForm,
    };
    let world = World::new(&ENGINE);
    let elsewhere = world.builder().engine(phiseal::default_engine());
    let (inside, outside) = (world.process(), world.open(elsewhere).unwrap());
    let (inside, outside) = (inside.domain(DOMAIN).unwrap(), outside.domain(DOMAIN).unwrap());
    let (inside, outside) = (inside.as_async(), outside.as_async());

    let kind = || FormatPreserving::new(Format::digits(9), Cardinality::SSN).unwrap();
    let refused = wait(Column::new(inside, "ssn", kind()).tokenize("123456789")).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unsupported);

    let kind = || Deterministic::new(Cardinality::SSN).unwrap();
    let (inner, outer) =
        (Column::new(inside, "name", kind()), Column::new(outside, "name", kind()));
    let (hashed, siv) =
        (wait(inner.token("Jane Doe")).unwrap(), wait(outer.token("Jane Doe")).unwrap());
    assert_eq!((hashed.scheme(), siv.scheme()), (TokenScheme::Hash, TokenScheme::Siv));
    for token in [&hashed, &siv] {
        let refused = wait(inner.open::<String>(token)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Unsupported);
    }
    assert_eq!(wait(inner.tokens("Jane Doe")).unwrap(), std::slice::from_ref(&hashed));
    assert_eq!(
        wait(outer.tokens("Jane Doe")).unwrap(),
        [hashed, siv],
        "a search outside finds both"
    );

    let part = || Part::new(Normaliser::Text, Cardinality::of(160_000));
    let entry = |domain| {
        wait(Column::new(domain, "name", BlindIndex::new([part()]).unwrap()).entry(&["Doe"]))
            .unwrap()
    };
    assert_eq!(entry(inside), entry(outside));

    let store = std::sync::Arc::new(MemoryStore::new());
    let kind = || Vaulted::new(VaultedForm::uuid(), &Cardinality::SSN).unwrap();
    let vault = |domain| wait(Vault::open(store.clone(), domain, "ssn", kind())).unwrap();
    let token = wait(vault(inside).tokenize("123456789")).unwrap();
    assert_eq!(wait(vault(outside).tokenize("123456789")).unwrap(), token);
    let value: phiseal::Phi<String> = wait(vault(inside).reveal(&token)).unwrap();
    assert_eq!(value.expose_secret(), "123456789");
}
