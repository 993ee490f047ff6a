//! Whom the backend believes to be the server, and who it says that it is.

use crate::certificates::Authority;
use crate::own::{Own, Storage};
use crate::support::{connect, generate, kind, opens};
use phiseal_backends::transit::{Token, TransitBuilder, TransitKek};
use phiseal_keys::{ErrorKind, KekBackend};
use pollster::block_on;
use std::path::Path;

const UNAVAILABLE: Option<ErrorKind> = Some(ErrorKind::Unavailable);

fn builder(own: &Own, name: &str) -> TransitBuilder<TransitKek> {
    let token = own.operator.token.clone();
    TransitKek::builder(own.tls.as_ref().unwrap(), name)
        .token_from(move || Token::new(token.clone()))
}

/// The kind of failure of a look at the key, and what it says.
fn refusal(builder: TransitBuilder<TransitKek>) -> (ErrorKind, String) {
    let error = block_on(builder.build().unwrap().describe()).unwrap_err();
    (error.kind(), error.to_string())
}

#[test]
fn a_server_is_believed_by_the_authority_that_was_named_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "authority");
    let other = Authority::new(folder.path(), "other");
    let certificate = authority.sign("server");
    let Some(own) = Own::start_with(Storage::Memory, |_| Some((certificate, None))) else { return };
    let name = own.operator.new_key();
    let kek = connect(builder(&own, &name).authority(&authority.own.certificate).build().unwrap());
    opens(&kek, &generate(&kek, 1)).unwrap();

    let (kind_of_other, said) = refusal(builder(&own, &name).authority(&other.own.certificate));
    assert_eq!(Some(kind_of_other), UNAVAILABLE);
    assert!(said.contains("certificate"), "{said}");
    assert_eq!(kind(builder(&own, &name).build()), Some(ErrorKind::Invalid), "none was named");
    for no_pem in [Path::new("/nonexistent"), &folder.path().join("authority/openssl.cnf")] {
        let built = builder(&own, &name).authority(no_pem).build();
        assert_eq!(kind(built), Some(ErrorKind::Invalid), "{no_pem:?}");
    }
}

#[test]
fn a_certificate_of_another_host_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "authority");
    let certificate = authority.sign("elsewhere");
    let Some(own) = Own::start_with(Storage::Memory, |_| Some((certificate, None))) else { return };
    let name = own.operator.new_key();
    let (kind, said) = refusal(builder(&own, &name).authority(&authority.own.certificate));
    assert_eq!(Some(kind), UNAVAILABLE);
    assert!(said.contains("another host"), "{said}");
}

#[test]
fn a_client_certificate_is_shown_to_a_server_that_asks_for_one() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "authority");
    let clients = Authority::new(folder.path(), "clients");
    let strangers = Authority::new(folder.path(), "strangers");
    let (certificate, asked) = (authority.sign("server"), clients.own.certificate.clone());
    let Some(own) = Own::start_with(Storage::Memory, |_| Some((certificate, Some(asked)))) else {
        return;
    };
    let name = own.operator.new_key();
    let build = || builder(&own, &name).authority(&authority.own.certificate);
    let (right, wrong) = (clients.sign("client"), strangers.sign("client"));
    let kek = connect(build().client_certificate(&right.certificate, &right.key).build().unwrap());
    opens(&kek, &generate(&kek, 1)).unwrap();

    let (kind_of_none, said) = refusal(build());
    assert_eq!(Some(kind_of_none), UNAVAILABLE, "none was shown");
    // Its alert may come after it has hung up.
    assert!(said.contains("client certificate") || said.contains("hung up"), "{said}");
    let stranger = build().client_certificate(&wrong.certificate, &wrong.key);
    assert_eq!(Some(refusal(stranger).0), UNAVAILABLE, "of another authority");
    let mixed = build().client_certificate(&right.certificate, &wrong.key).build();
    assert_eq!(kind(mixed), Some(ErrorKind::Invalid), "the key of another certificate");
}

#[test]
fn a_server_without_tls_is_not_spoken_to_as_if_it_had_it() {
    let folder = tempfile::tempdir().unwrap();
    let authority = Authority::new(folder.path(), "authority");
    let Some(own) = Own::start(Storage::Memory) else { return };
    let address = own.operator.address.replace("http:", "https:");
    let builder = TransitKek::builder(&address, "phi")
        .token_from(|| Token::new("s.any".to_owned()))
        .authority(&authority.own.certificate);
    assert_eq!(Some(refusal(builder).0), UNAVAILABLE);
}
