//! Ed25519 keys in a session (PKCS#11 v3.0, 6.3.5 to 6.3.16).

use super::failure::{Failure, failed};
use super::session::{Handle, Session};
use cryptoki::mechanism::Mechanism;
use cryptoki::mechanism::eddsa::{EddsaParams, EddsaSignatureScheme};
use cryptoki::object::{Attribute, AttributeType, KeyType, ObjectClass};

/// One half of an Ed25519 key on the token.
#[derive(Clone, Debug)]
pub(in crate::pkcs11) struct SigningHalf {
    pub(in crate::pkcs11) handle: Handle,
    pub(in crate::pkcs11) id: Vec<u8>,
    /// Whether its value can be had, in the clear or wrapped.
    pub(in crate::pkcs11) leaves_the_token: bool,
    /// Whether it takes the PIN to make, see or use it.
    pub(in crate::pkcs11) private: bool,
    pub(in crate::pkcs11) signs: bool,
    /// Whether each signature asks for the PIN anew.
    pub(in crate::pkcs11) asks_each_time: bool,
    /// `CKA_EC_PARAMS`, where the token tells it.
    pub(in crate::pkcs11) curve: Vec<u8>,
    /// `CKA_EC_POINT` and `CKA_PUBLIC_KEY_INFO`, where it tells them.
    pub(in crate::pkcs11) points: Vec<Vec<u8>>,
}

/// How the curve is named to the token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::pkcs11) enum CurveName {
    /// The identifier of RFC 8410, 1.3.101.112.
    Oid,
    /// The text `edwards25519`, which PKCS#11 v3.0 gives.
    Text,
    /// The identifier 1.3.6.1.4.1.11591.15.1, which PKCS#11 v3.0 gives beside it.
    OldOid,
}

impl CurveName {
    /// In the order in which they are tried.
    pub(in crate::pkcs11) const ALL: [Self; 3] = [Self::Oid, Self::Text, Self::OldOid];

    /// `CKA_EC_PARAMS`, in DER.
    pub(in crate::pkcs11) const fn der(self) -> &'static [u8] {
        match self {
            Self::Oid => &[0x06, 3, 0x2b, 0x65, 0x70],
            Self::Text => b"\x13\x0cedwards25519",
            Self::OldOid => &[0x06, 9, 0x2b, 0x06, 0x01, 0x04, 0x01, 0xda, 0x47, 0x0f, 0x01],
        }
    }
}

impl Session {
    /// Every private half of an Edwards key with this label; with this id too, where one is given.
    pub(in crate::pkcs11) fn signing_keys(
        &self,
        label: &str,
        id: Option<&[u8]>,
    ) -> Result<Vec<SigningHalf>, Failure> {
        let mut template = vec![Attribute::Label(label.as_bytes().to_vec())];
        template.extend(id.map(|id| Attribute::Id(id.to_vec())));
        self.halves(ObjectClass::PRIVATE_KEY, template)
    }

    /// Every public half with this id, whatever its label.
    pub(in crate::pkcs11) fn public_halves(&self, id: &[u8]) -> Result<Vec<SigningHalf>, Failure> {
        self.halves(ObjectClass::PUBLIC_KEY, vec![Attribute::Id(id.to_vec())])
    }

    fn halves(
        &self,
        class: ObjectClass,
        mut template: Vec<Attribute>,
    ) -> Result<Vec<SigningHalf>, Failure> {
        template.extend([
            Attribute::Class(class),
            Attribute::KeyType(KeyType::EC_EDWARDS),
            Attribute::Token(true),
        ]);
        let found = self.open()?.find_objects(&template).map_err(failed)?;
        found.into_iter().map(|handle| self.half(handle)).collect()
    }

    fn half(&self, handle: Handle) -> Result<SigningHalf, Failure> {
        const WANTED: [AttributeType; 9] = [
            AttributeType::Id,
            AttributeType::Private,
            AttributeType::Sensitive,
            AttributeType::Extractable,
            AttributeType::Sign,
            AttributeType::AlwaysAuthenticate,
            AttributeType::EcParams,
            AttributeType::EcPoint,
            AttributeType::PublicKeyInfo,
        ];
        // A module that does not say whether a key stays inside is taken to say that it does not; so with the PIN.
        let (mut sensitive, mut extractable) = (false, true);
        let mut half = SigningHalf {
            handle,
            id: Vec::new(),
            leaves_the_token: true,
            private: false,
            signs: false,
            asks_each_time: false,
            curve: Vec::new(),
            points: Vec::new(),
        };
        for attribute in self.open()?.get_attributes(handle, &WANTED).map_err(failed)? {
            match attribute {
                Attribute::Id(value) => half.id = value,
                Attribute::Private(value) => half.private = value,
                Attribute::Sensitive(value) => sensitive = value,
                Attribute::Extractable(value) => extractable = value,
                Attribute::Sign(value) => half.signs = value,
                Attribute::AlwaysAuthenticate(value) => half.asks_each_time = value,
                Attribute::EcParams(value) => half.curve = value,
                Attribute::EcPoint(value) | Attribute::PublicKeyInfo(value) => {
                    half.points.push(value);
                }
                _ => {}
            }
        }
        half.leaves_the_token = extractable || !sensitive;
        Ok(half)
    }

    /// Makes an Ed25519 key that cannot leave the token: its public half and its private one.
    pub(in crate::pkcs11) fn generate_signing_key(
        &self,
        curve: CurveName,
        label: &str,
        id: &[u8],
    ) -> Result<[Handle; 2], Failure> {
        let common = [
            Attribute::Token(true),
            Attribute::Label(label.as_bytes().to_vec()),
            Attribute::Id(id.to_vec()),
        ];
        let with = |own: &[Attribute]| [&common[..], own].concat();
        let public = with(&[Attribute::EcParams(curve.der().to_vec()), Attribute::Verify(true)]);
        let private = with(&[
            Attribute::Private(true),
            Attribute::Sensitive(true),
            Attribute::Extractable(false),
            Attribute::Sign(true),
        ]);
        let (public, private) = self
            .open()?
            .generate_key_pair(&Mechanism::EccEdwardsKeyPairGen, &public, &private)
            .map_err(failed)?;
        Ok([public, private])
    }

    /// The signature of `message` (RFC 8032, pure Ed25519), as the token returns it.
    pub(in crate::pkcs11) fn sign_ed25519(
        &self,
        key: Handle,
        message: &[u8],
    ) -> Result<Vec<u8>, Failure> {
        let pure = EddsaParams::new(EddsaSignatureScheme::Ed25519);
        self.open()?.sign(&Mechanism::Eddsa(pure), key, message).map_err(failed)
    }
}
