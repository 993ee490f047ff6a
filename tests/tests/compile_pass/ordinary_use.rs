//! What the examples that must not compile do, done as it is meant: these compile, so those fail for their own reason.

use phiseal::{BoundContext, Context, DataKey, EncryptionContext, EnvironmentId, FieldCipher, NoncePolicy, Phi, Sealed};

fn written<T: serde::Serialize>(_: &T) {}

fn copied<T: Clone>(_: &T) {}

fn sealed(cipher: &FieldCipher, context: &Context, bound: &BoundContext, out: &mut [u8]) -> Result<Sealed, phiseal::Error> {
    cipher.seal_into(b"value", bound, out)?;
    cipher.seal("value", context)
}

fn opened(cipher: &FieldCipher, sealed: &Sealed, context: &Context) -> Result<Phi<String>, phiseal::Error> {
    cipher.open::<String>(sealed, context)
}

fn main() {
    let _ = (sealed, opened);
    let engine = phiseal::default_engine();
    let secret = phiseal_keys::Secret::zeroed().unwrap();
    let (key, other) = (DataKey::generate(engine).unwrap(), DataKey::generate(engine).unwrap());
    assert!(key.id(engine).unwrap() != other.id(engine).unwrap());
    println!("{secret:?} {key:?}");

    let name = Phi::from(String::from("Jane Doe"));
    println!("{name:?}");
    assert_eq!(name.expose_secret(), "Jane Doe");

    let context = phiseal::context!(record = "patient 17");
    copied(&context);
    let wrap = EncryptionContext::store_key(&EnvironmentId::from_bytes([1; 16]));
    copied(&wrap);
    let _policy = NoncePolicy::PerMessage;
    written(&Sealed::try_from(vec![1; 57]).unwrap());
}
