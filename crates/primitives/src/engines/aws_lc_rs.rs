use crate::{Aes256Gcm, Engine, Error, Module, Validation, random};
use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, Nonce, RandomizedNonceKey, UnboundKey};
use aws_lc_rs::{digest, hkdf, hmac};
use zeroize::{Zeroize, Zeroizing};

/// AWS-LC through the crate `aws-lc-rs`: the default engine, and the one that can be a FIPS 140-3 module.
///
/// Whether AWS-LC runs in FIPS mode is asked of the library itself, not of this crate's features: another crate of
/// the same program may have switched it on. In FIPS mode data is sealed only under nonces that the module draws,
/// random bytes come from the module's generator, and opening takes the one path that the library documents for FIPS
/// (a copy of the ciphertext with its tag behind it).
#[derive(Clone, Copy, Debug)]
pub struct AwsLcRs;

impl Engine for AwsLcRs {
    fn name(&self) -> &'static str {
        "aws-lc-rs"
    }

    fn module(&self) -> Module {
        let version = aws_lc_rs::awslc_version();
        if !in_fips_mode() {
            return Module {
                name: "AWS-LC",
                version: version.to_owned(),
                validation: Validation::None,
            };
        }
        let validation = validation(aws_lc_rs::fips_version(), version);
        Module { name: "AWS-LC FIPS", version: version.to_owned(), validation }
    }

    fn aes_256_gcm(&self, key: &[u8; 32]) -> Result<Box<dyn Aes256Gcm>, Error> {
        if in_fips_mode() {
            let key = RandomizedNonceKey::new(&AES_256_GCM, key).map_err(|_| Error::Engine)?;
            return Ok(Box::new(ApprovedKey(key)));
        }
        let key = UnboundKey::new(&AES_256_GCM, key).map_err(|_| Error::Engine)?;
        Ok(Box::new(Key(LessSafeKey::new(key))))
    }

    fn hkdf_extract(&self, salt: &[u8], ikm: &[u8], prk: &mut [u8; 32]) {
        // The library's `Prk` does not give its bytes away; extraction is HMAC by definition (RFC 5869, 2.2).
        *prk = self.hmac_sha_256(salt, &[ikm]);
    }

    fn hkdf_expand(&self, prk: &[u8; 32], info: &[&[u8]], out: &mut [u8]) -> Result<(), Error> {
        expand(hkdf::HKDF_SHA256, prk, info, out)
    }

    fn hkdf_expand_sha_512(
        &self,
        prk: &[u8; 32],
        info: &[&[u8]],
        out: &mut [u8],
    ) -> Result<(), Error> {
        expand(hkdf::HKDF_SHA512, prk, info, out)
    }

    fn hmac_sha_256(&self, key: &[u8], data: &[&[u8]]) -> [u8; 32] {
        let mut context = hmac::Context::with_key(&hmac::Key::new(hmac::HMAC_SHA256, key));
        for part in data {
            context.update(part);
        }
        copy_of_32_bytes(context.sign().as_ref())
    }

    fn sha_256(&self, data: &[&[u8]]) -> [u8; 32] {
        let mut context = digest::Context::new(&digest::SHA256);
        for part in data {
            context.update(part);
        }
        copy_of_32_bytes(context.finish().as_ref())
    }

    fn fill_random(&self, out: &mut [u8]) -> Result<(), Error> {
        if in_fips_mode() {
            return aws_lc_rs::rand::fill(out).map_err(|_| {
                out.zeroize();
                Error::Random
            });
        }
        random::fill_from_os(out)
    }
}

/// A key outside FIPS mode: the caller says which nonce.
#[derive(Debug)]
struct Key(LessSafeKey);

impl Aes256Gcm for Key {
    #[inline]
    fn seal_in_place(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<[u8; 16], Error> {
        let tag = self
            .0
            .seal_in_place_separate_tag(Nonce::from(nonce), Aad::from(aad), in_out)
            .map_err(|_| Error::Engine)?;
        tag.as_ref().try_into().map_err(|_| Error::Engine)
    }

    #[inline]
    fn seal_into(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        plaintext: &[u8],
        out: &mut [u8],
    ) -> Result<(), Error> {
        if out.len().checked_sub(16) != Some(plaintext.len()) {
            out.zeroize();
            return Err(Error::Length);
        }
        // With nothing to encrypt in place, the library reads `plaintext` and writes `out`: no copy.
        let sealed = self.0.seal_in_place_scatter(
            Nonce::from(nonce),
            Aad::from(aad),
            &mut [],
            plaintext,
            out,
        );
        sealed.map_err(|_| {
            out.zeroize();
            Error::Engine
        })
    }

    fn seal_in_place_with_own_nonce(
        &self,
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<([u8; 12], [u8; 16]), Error> {
        let nonce = random::nonce_from_os()?;
        Ok((nonce, self.seal_in_place(&nonce, aad, in_out)?))
    }

    #[inline]
    fn open_in_place(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        in_out: &mut [u8],
        tag: &[u8; 16],
    ) -> Result<(), Error> {
        let opened =
            self.0.open_in_place_separate_tag(Nonce::from(nonce), Aad::from(aad), tag, in_out);
        if opened.is_ok() {
            return Ok(());
        }
        in_out.zeroize();
        Err(Error::Unauthenticated)
    }

    #[inline]
    fn open_into(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        ciphertext: &[u8],
        tag: &[u8; 16],
        plaintext: &mut [u8],
    ) -> Result<(), Error> {
        if ciphertext.len() != plaintext.len() {
            plaintext.zeroize();
            return Err(Error::Length);
        }
        let opened = self.0.open_separate_gather(
            Nonce::from(nonce),
            Aad::from(aad),
            ciphertext,
            tag,
            plaintext,
        );
        opened.map_err(|_| {
            plaintext.zeroize();
            Error::Unauthenticated
        })
    }
}

/// A key in FIPS mode: the module draws every nonce (SP 800-38D, 8.2.2), and says no to any other.
#[derive(Debug)]
struct ApprovedKey(RandomizedNonceKey);

impl Aes256Gcm for ApprovedKey {
    fn seal_in_place(
        &self,
        _nonce: &[u8; 12],
        _aad: &[u8],
        _in_out: &mut [u8],
    ) -> Result<[u8; 16], Error> {
        Err(Error::NotApproved)
    }

    fn seal_into(
        &self,
        _nonce: &[u8; 12],
        _aad: &[u8],
        _plaintext: &[u8],
        out: &mut [u8],
    ) -> Result<(), Error> {
        out.zeroize();
        Err(Error::NotApproved)
    }

    fn seal_in_place_with_own_nonce(
        &self,
        aad: &[u8],
        in_out: &mut [u8],
    ) -> Result<([u8; 12], [u8; 16]), Error> {
        let (nonce, tag) =
            self.0.seal_in_place_separate_tag(Aad::from(aad), in_out).map_err(|_| Error::Engine)?;
        Ok((*nonce.as_ref(), tag.as_ref().try_into().map_err(|_| Error::Engine)?))
    }

    fn open_in_place(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        in_out: &mut [u8],
        tag: &[u8; 16],
    ) -> Result<(), Error> {
        let mut joined = joined(in_out, tag)?;
        match self.0.open_in_place(Nonce::from(nonce), Aad::from(aad), &mut joined) {
            Ok(plaintext) if plaintext.len() == in_out.len() => {
                in_out.copy_from_slice(plaintext);
                Ok(())
            }
            _ => {
                in_out.zeroize();
                Err(Error::Unauthenticated)
            }
        }
    }

    fn open_into(
        &self,
        nonce: &[u8; 12],
        aad: &[u8],
        ciphertext: &[u8],
        tag: &[u8; 16],
        plaintext: &mut [u8],
    ) -> Result<(), Error> {
        if ciphertext.len() != plaintext.len() {
            plaintext.zeroize();
            return Err(Error::Length);
        }
        plaintext.copy_from_slice(ciphertext);
        self.open_in_place(nonce, aad, plaintext, tag)
    }
}

/// The ciphertext with its tag behind it, in a buffer that never grows and is zeroed when it is dropped.
fn joined(ciphertext: &[u8], tag: &[u8; 16]) -> Result<Zeroizing<Vec<u8>>, Error> {
    let length = ciphertext.len().checked_add(tag.len()).ok_or(Error::Length)?;
    let mut joined = Zeroizing::new(Vec::with_capacity(length));
    joined.extend_from_slice(ciphertext);
    joined.extend_from_slice(tag);
    Ok(joined)
}

fn in_fips_mode() -> bool {
    aws_lc_rs::try_fips_mode().is_ok()
}

/// The CMVP certificates of FIPS branch 3, which name version 3.1.0 (`crypto/fipsmodule/FIPS.md` of AWS-LC).
const BRANCH_3: &str = "5314 (static library), 5298 (dynamic library)";

/// What is known of a module by the FIPS branch and the library version that it reports.
///
/// The versions of branch 3 after 3.1.0 changed sources inside the module (AES-CCM, DH, the EVP layer), so they are
/// told apart from the one that the certificates name. Branch 4 was submitted and is on no certificate yet.
fn validation(branch: Option<u32>, version: &str) -> Validation {
    let mut numbers = version.split('.').map(|number| number.parse::<u32>().ok());
    let (major, minor) = (numbers.next().flatten(), numbers.next().flatten());
    match (branch, version, major, minor) {
        (Some(3), "3.1.0", ..) => Validation::Certified(BRANCH_3),
        (Some(3), _, Some(3), Some(1..)) => Validation::CertifiedBranch(BRANCH_3),
        _ => Validation::Uncertified,
    }
}

/// HKDF-Expand (RFC 5869, 2.3).
fn expand(
    hash: hkdf::Algorithm,
    prk: &[u8; 32],
    info: &[&[u8]],
    out: &mut [u8],
) -> Result<(), Error> {
    let prk = hkdf::Prk::new_less_safe(hash, prk);
    let filled = prk.expand(info, OutputLength(out.len())).and_then(|okm| okm.fill(out));
    filled.map_err(|_| {
        out.zeroize();
        Error::Length
    })
}

/// The output length of one HKDF expansion, in bytes.
struct OutputLength(usize);

impl hkdf::KeyType for OutputLength {
    fn len(&self) -> usize {
        self.0
    }
}

fn copy_of_32_bytes(bytes: &[u8]) -> [u8; 32] {
    let mut copy = [0; 32];
    copy.copy_from_slice(bytes);
    copy
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_version_that_the_certificates_name_is_certified() {
        assert_eq!(validation(Some(3), "3.1.0"), Validation::Certified(BRANCH_3));
        for version in ["3.1.1", "3.6.0", "3.10.2"] {
            assert_eq!(
                validation(Some(3), version),
                Validation::CertifiedBranch(BRANCH_3),
                "{version}"
            );
        }
        for (branch, version) in [
            (None, "3.1.0"),
            (None, "3.6.0"),
            (Some(3), "3.0.0"),
            (Some(3), "5.1.0"),
            (Some(4), "4.2.0"),
            (Some(4), "3.1.0"),
            (Some(3), "3"),
            (Some(3), ""),
            (Some(3), "x.y.z"),
        ] {
            assert_eq!(
                validation(branch, version),
                Validation::Uncertified,
                "{branch:?} {version}"
            );
        }
    }
}
