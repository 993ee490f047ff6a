//! Good values that the tests change.

use phiseal_format::{
    Context, Count, DomainId, EncodedContext, EncryptionContext, EnvironmentId, Epoch, Error,
    ErrorKind, FIELD_HEADER, FieldHeader, KekId, KekVersion, KeyId, SubjectTag, Suite,
    WrapAlgorithm, WrappedKey,
};

pub(crate) const ENVIRONMENT: EnvironmentId = EnvironmentId::from_bytes([0xe1; 16]);
pub(crate) const DOMAIN: DomainId = DomainId::from_bytes([0xd0; 16]);
pub(crate) const SUBJECT: SubjectTag = SubjectTag::from_bytes([0x5a; 16]);

/// The kind of the error in `result`; fails the test when there is none.
#[track_caller]
pub(crate) fn kind<T>(result: Result<T, Error>) -> ErrorKind {
    match result {
        Ok(_) => panic!("accepted"),
        Err(error) => error.kind(),
    }
}

/// A field envelope with `length` bytes of ciphertext.
pub(crate) fn field(suite: Suite, length: usize) -> Vec<u8> {
    let mut header = [0; FIELD_HEADER];
    FieldHeader {
        suite,
        key_id: KeyId::from_bytes([0x1d; 16]),
        epoch: Epoch::from_bytes([0xe0; 12]),
        count: Count::from_bytes([0xc0; 12]),
    }
    .write(&mut header);
    let mut bytes = header.to_vec();
    bytes.extend(std::iter::repeat_n(0xcc, length));
    bytes.extend([0x7a; 16]);
    bytes
}

/// A context with every tag of the format and two of an application.
pub(crate) fn context() -> Context {
    Context::of_tenant("clinic")
        .record("patient 17")
        .field("ssn")
        .usage("treatment")
        .row_version(41)
        .padded_to(16)
        .application(128, "first")
        .application(255, "")
}

/// A context of `components`, built in their order; at least one of them [stands alone](stands_alone).
pub(crate) fn built(components: &[(u8, Vec<u8>)]) -> Context {
    let first = components
        .iter()
        .position(|(tag, _)| stands_alone(*tag))
        .expect("a component to begin with");
    let (tag, value) = &components[first];
    let start = match tag {
        1 => Context::of_tenant(value),
        3 => Context::of_record(value),
        4 => Context::of_field(value),
        5 => Context::of_usage(value),
        tag => Context::of_application(*tag, value),
    };
    let others = components.iter().enumerate().filter(|(place, _)| *place != first);
    others.fold(start, |context, (_, (tag, value))| match tag {
        1 => context.tenant(value),
        3 => context.record(value),
        4 => context.field(value),
        5 => context.usage(value),
        6 => context
            .row_version(u64::from_be_bytes(value.as_slice().try_into().expect("eight bytes"))),
        7 => {
            context.padded_to(u32::from_be_bytes(value.as_slice().try_into().expect("four bytes")))
        }
        tag => context.application(*tag, value),
    })
}

/// Whether a context can begin with a component of `tag`; row version and length class only follow others.
pub(crate) fn stands_alone(tag: u8) -> bool {
    tag != 6 && tag != 7
}

/// The bytes of components as they are given, sorted or not.
pub(crate) fn raw(components: &[(u8, &[u8])]) -> Vec<u8> {
    let mut bytes = vec![1];
    for (tag, value) in components {
        bytes.push(*tag);
        bytes.extend(u32::try_from(value.len()).expect("short values").to_be_bytes());
        bytes.extend(*value);
    }
    bytes
}

/// The same of components that own their values.
pub(crate) fn raw_of(components: &[(u8, Vec<u8>)]) -> Vec<u8> {
    raw(&components.iter().map(|(tag, value)| (*tag, value.as_slice())).collect::<Vec<_>>())
}

/// The bytes of a context that says `components` beside the domain.
pub(crate) fn with_domain(components: &[(u8, &[u8])]) -> Vec<u8> {
    let mut all = vec![(2, DOMAIN.as_bytes().as_slice())];
    all.extend(components);
    raw(&all)
}

/// A context of tenant and domain: 1 + (5 + 6) + (5 + 16) bytes.
pub(crate) fn encoded() -> EncodedContext {
    Context::of_tenant("clinic").encode(&DOMAIN).expect("a good context")
}

/// An encryption context of each purpose.
pub(crate) fn encryption_contexts() -> [EncryptionContext; 3] {
    [
        EncryptionContext::data_key(&ENVIRONMENT, &DOMAIN, 3),
        EncryptionContext::store_key(&ENVIRONMENT),
        EncryptionContext::subject_key(&ENVIRONMENT, &DOMAIN, 3, &SUBJECT, &[0x1d; 32]),
    ]
}

/// The bytes of a wrapped key: 1 + 1 + (1 + 10) + 4 + (2 + 72).
pub(crate) fn wrapped_key() -> Vec<u8> {
    let kek = KekId::try_from("local:5f2c").expect("a good id");
    WrappedKey::new(WrapAlgorithm::Xaes256Gcm, kek, KekVersion(7), vec![0x3c; 72])
        .expect("a good wrap")
        .to_bytes()
}

/// `bytes` with the byte at `place` replaced.
pub(crate) fn with_byte(mut bytes: Vec<u8>, place: usize, value: u8) -> Vec<u8> {
    assert_ne!(bytes[place], value, "nothing changed");
    bytes[place] = value;
    bytes
}
