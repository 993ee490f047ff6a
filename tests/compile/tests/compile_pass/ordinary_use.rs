//! What the examples that must not compile do, done as it is meant: these compile, so those fail for their own reason.

use phiseal::{BoundContext, Context, DataKey, EncryptionContext, EnvironmentId, Error, FieldCipher, FullKeyId, KekId};
use phiseal::{NoncePolicy, Phi, Sealed};

fn copied<T: Clone>(_: &T) {}

fn compared<T: PartialEq>(_: &T) {}

fn written<T: serde::Serialize>(_: &T) {}

fn made<S, T: TryFrom<S>>() {}

fn defaulted<T: Default>() {}

fn main() {
    let engine = phiseal::default_engine();
    let secret = phiseal_keys::Secret::zeroed().unwrap();
    let key = DataKey::generate(engine).unwrap();
    let id: FullKeyId = key.id(engine).unwrap();
    copied(&id);
    compared(&id);
    println!("{secret:?} {key:?} {id}");

    let name = Phi::from(String::from("Jane Doe"));
    println!("{name:?}");
    assert_eq!(name.expose_secret(), "Jane Doe");

    copied(&phiseal::context!(record = "patient 17"));
    copied(&EncryptionContext::store_key(&EnvironmentId::from_bytes([1; 16])));
    made::<String, KekId>();
    made::<Vec<u8>, Sealed>();
    defaulted::<phiseal::Builder>();
    written(&Sealed::try_from(vec![1; 57]).unwrap());
    let _policy = NoncePolicy::PerMessage;

    let _: fn(&FieldCipher, &[u8], &BoundContext) -> Result<Sealed, Error> = FieldCipher::seal_bound;
    let _: fn(&FieldCipher, &[u8], &BoundContext, &mut [u8]) -> Result<usize, Error> = FieldCipher::seal_into;
    let _: fn(&FieldCipher, &BoundContext, &mut [u8]) -> Result<(), Error> = FieldCipher::seal_in_place;
    let _: fn(&FieldCipher, &Context) -> Result<BoundContext, Error> = FieldCipher::bind;
}
