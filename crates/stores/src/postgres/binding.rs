//! The channel binding `tls-server-end-point` (RFC 5929, 4): a hash of the server's certificate, which SCRAM signs, so
//! that nobody in the middle can pass a login on, even with a certificate that some authority should not have given.

use rustls::crypto::hash::{Hash, HashAlgorithm};
use rustls::crypto::{CryptoProvider, aws_lc_rs};

/// The binding to a server with this certificate (DER), or `None` where the RFC defines none or TLS brings no such hash:
/// the login then does without.
pub(super) fn of(certificate: &[u8]) -> Option<Vec<u8>> {
    let wanted = algorithm(certificate)?;
    let provider = aws_lc_rs::default_provider();
    Some(hash(&provider, wanted)?.hash(certificate).as_ref().to_vec())
}

/// The provider's hash; a cipher suite that uses it has it.
fn hash(provider: &CryptoProvider, wanted: HashAlgorithm) -> Option<&'static dyn Hash> {
    let hashes = provider.cipher_suites.iter().map(|suite| match suite {
        rustls::SupportedCipherSuite::Tls12(suite) => suite.common.hash_provider,
        rustls::SupportedCipherSuite::Tls13(suite) => suite.common.hash_provider,
    });
    hashes.into_iter().find(|hash| hash.algorithm() == wanted)
}

/// The hash of the certificate's signature, and SHA-256 in the place of MD5 and SHA-1 (RFC 5929, 4.1).
fn algorithm(certificate: &[u8]) -> Option<HashAlgorithm> {
    const RSA: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    const ECDSA: [u8; 6] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];
    let oid = signature(certificate)?;
    match (oid.strip_prefix(&RSA), oid.strip_prefix(&ECDSA)) {
        (Some([4 | 5 | 11]), _) | (_, Some([1] | [3, 2])) => Some(HashAlgorithm::SHA256),
        (Some([12]), _) | (_, Some([3, 3])) => Some(HashAlgorithm::SHA384),
        _ => None,
    }
}

/// The object identifier of the signature's algorithm (RFC 5280, 4.1).
fn signature(certificate: &[u8]) -> Option<&[u8]> {
    const SEQUENCE: u8 = 0x30;
    const OBJECT_IDENTIFIER: u8 = 0x06;
    let (certificate, _) = element(certificate, SEQUENCE)?;
    let (_to_be_signed, rest) = element(certificate, SEQUENCE)?;
    let (algorithm, _) = element(rest, SEQUENCE)?;
    Some(element(algorithm, OBJECT_IDENTIFIER)?.0)
}

/// The contents of the DER element with this tag at the start of `bytes`, and what follows it (X.690, 8.1).
fn element(bytes: &[u8], tag: u8) -> Option<(&[u8], &[u8])> {
    let (&[found, length], rest) = bytes.split_first_chunk()?;
    if found != tag {
        return None;
    }
    let (length, rest) = match usize::from(length) {
        short @ 0..0x80 => (short, rest),
        long => {
            let (digits, rest) = rest.split_at_checked(long & 0x7f)?;
            if !(1..=3).contains(&digits.len()) {
                return None;
            }
            (digits.iter().fold(0, |all, digit| all << 8 | usize::from(*digit)), rest)
        }
    };
    rest.split_at_checked(length)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As much of a certificate as is looked at, with `padding` bytes to be signed.
    fn certificate(padding: usize, oid: &[u8]) -> Vec<u8> {
        let der = |tag: u8, contents: &[u8]| {
            let length = u16::try_from(contents.len()).unwrap().to_be_bytes();
            let mut bytes = vec![tag];
            match length {
                [0, short @ 0..0x80] => bytes.push(short),
                long => bytes.extend([&[0x82][..], &long].concat()),
            }
            [&bytes[..], contents].concat()
        };
        let algorithm = der(0x30, &[der(6, oid), vec![5, 0]].concat());
        der(0x30, &[der(0x30, &vec![7; padding]), algorithm, der(3, &[0; 64])].concat())
    }

    const RSA: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01];
    const ECDSA: [u8; 6] = [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04];

    #[test]
    fn the_hash_is_that_of_the_signature() {
        for (oid, length) in [
            ([&RSA[..], &[11]].concat(), Some(32)),
            ([&RSA[..], &[5]].concat(), Some(32)),
            ([&RSA[..], &[12]].concat(), Some(48)),
            ([&RSA[..], &[10]].concat(), None),
            ([&ECDSA[..], &[3, 2]].concat(), Some(32)),
            ([&ECDSA[..], &[3, 3]].concat(), Some(48)),
            ([&ECDSA[..], &[3, 4]].concat(), None),
            (vec![0x2b, 0x65, 0x70], None),
        ] {
            for padding in [1, 127, 128, 700] {
                let binding = of(&certificate(padding, &oid));
                assert_eq!(binding.map(|binding| binding.len()), length, "{oid:x?} {padding}");
            }
        }
    }

    #[test]
    fn every_byte_of_the_certificate_is_in_the_hash() {
        let whole = certificate(40, &[&ECDSA[..], &[3, 2]].concat());
        let mut other = whole.clone();
        *other.last_mut().unwrap() ^= 1;
        assert_ne!(of(&whole).unwrap(), of(&other).unwrap());
    }

    #[test]
    fn what_is_cut_short_has_no_binding_and_does_no_harm() {
        let whole = certificate(200, &[&RSA[..], &[11]].concat());
        assert!(of(&whole).is_some(), "the control");
        for length in 0..whole.len() {
            assert_eq!(of(&whole[..length]), None);
        }
        for hostile in [&[0x30, 0x80][..], &[0x30, 0x84, 0xff, 0xff, 0xff, 0xff], &[0x30, 0xff]] {
            assert_eq!(of(hostile), None);
        }
    }
}
