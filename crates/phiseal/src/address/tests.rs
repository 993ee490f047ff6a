//! Addresses of every kind that is built in, and those that are wrong.

use super::*;
use crate::default_engine;
use std::error::Error as StdError;

/// What stands where it should not.
const CANARY: &str = "Canary7";

/// Everything that an error shows.
fn shown(error: &Error) -> String {
    let mut text = format!("{error} {error:?}");
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text} {cause} {cause:?}");
        source = cause.source();
    }
    text
}

fn is_clean(error: &Error) -> bool {
    !shown(error).to_lowercase().contains(&CANARY.to_lowercase())
}

fn refused_store(address: &str, folder: &Path) -> Error {
    store(address, folder).err().unwrap_or_else(|| panic!("{address} was opened"))
}

fn refused_kek(address: &str, folder: &Path) -> Error {
    kek(address, folder, default_engine()).err().unwrap_or_else(|| panic!("{address} was opened"))
}

#[test]
fn what_is_no_address_is_invalid_and_not_shown() {
    let folder = Path::new("/nonexistent");
    for address in ["", CANARY, "canary7:x", "sqlite", "SQLITE:Canary7", "local:Canary7"] {
        let error = refused_store(address, folder);
        assert_eq!(error.kind(), ErrorKind::Invalid, "{address}");
        assert!(is_clean(&error), "{}", shown(&error));
    }
    for address in ["", CANARY, "canary7:x", "local", "transit:Canary7", "sqlite:Canary7"] {
        let error = refused_kek(address, folder);
        assert_eq!(error.kind(), ErrorKind::Invalid, "{address}");
        assert!(is_clean(&error), "{}", shown(&error));
    }
    let control = Error::new(ErrorKind::Invalid, "x").with_source(format!("it was {CANARY}"));
    assert!(!is_clean(&control), "the control");
}

#[test]
fn what_is_not_built_in_says_how_it_would_be() {
    let stores = [("sqlite", cfg!(feature = "sqlite")), ("postgres", cfg!(feature = "postgres"))];
    let keks = [
        ("aws-kms", cfg!(feature = "aws-kms")),
        ("local", cfg!(feature = "local")),
        ("pkcs11", cfg!(feature = "pkcs11")),
        ("recovery", cfg!(feature = "recovery")),
        ("transit", cfg!(feature = "transit")),
    ];
    let folder = Path::new("/nonexistent");
    let stores = stores.map(|(feature, built_in)| {
        (feature, built_in, refused_store(&format!("{feature}:{CANARY}"), folder))
    });
    let keks = keks.map(|(feature, built_in)| {
        let kind = if feature == "transit" { "transit+https" } else { feature };
        (feature, built_in, refused_kek(&format!("{kind}:{CANARY}"), folder))
    });
    for (feature, built_in, error) in stores.into_iter().chain(keks) {
        let says = error.to_string().ends_with(&format!("build with the feature {feature}"));
        assert_eq!(says, !built_in, "{feature}: {error}");
        assert_eq!(error.kind() == ErrorKind::Unsupported, !built_in, "{feature}: {error}");
        assert!(is_clean(&error), "{}", shown(&error));
    }
}

#[cfg(feature = "sqlite")]
#[test]
fn a_store_in_a_file_is_opened_and_not_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("keys.db");
    assert_eq!(refused_store("sqlite:keys.db", folder.path()).kind(), ErrorKind::NotFound);
    assert!(!path.exists());
    drop(phiseal_stores::SqliteStore::open(&path).unwrap());
    store("sqlite:keys.db", folder.path()).unwrap();
    store(&format!("sqlite:{}", path.display()), Path::new("/nonexistent")).unwrap();
}

#[cfg(feature = "postgres")]
#[test]
fn a_store_in_a_database_is_not_connected_to_yet() {
    for scheme in ["postgres", "postgresql"] {
        store(&format!("{scheme}://role:word@127.0.0.1:1/keys"), Path::new("")).unwrap();
    }
    for parameters in
        ["schema=tokens", "sslmode=require&schema=tokens", "schema=tokens&sslmode=require"]
    {
        let address = format!("postgres://role:word@127.0.0.1:1/keys?{parameters}");
        assert!(format!("{:?}", store(&address, Path::new("")).unwrap()).contains("\"tokens\""));
    }
    for address in [
        "postgres://role:Canary7@127.0.0.1:1/keys?schema=Canary7",
        "postgres://role:Canary7@127.0.0.1:1/keys?schema=",
        "postgres://role:Canary7@127.0.0.1:1/keys?schema=a&schema=b",
        "postgres://role:Canary7@127.0.0.1:Canary7/keys",
        "postgres://role:Canary7@127.0.0.1:1/keys?sslmode=Canary7",
        "postgres://role:Canary7@127.0.0.1:1/keys?target_session_attrs=read-only",
    ] {
        let error = refused_store(address, Path::new(""));
        assert!(is_clean(&error), "{}", shown(&error));
    }
}

#[cfg(feature = "local")]
#[test]
fn a_kek_in_a_file_is_opened_and_not_made() {
    use phiseal_backends::local::{Cost, LocalKek, Passphrase};
    let (folder, engine) = (tempfile::tempdir().unwrap(), default_engine());
    assert_eq!(refused_kek("local:kek.json", folder.path()).kind(), ErrorKind::NotFound);
    assert!(!folder.path().join("kek.json").exists());
    drop(LocalKek::create(folder.path().join("kek.json"), engine).unwrap());
    kek("local:kek.json", folder.path(), engine).unwrap();

    // A value of the environment that every process has.
    let variable = "CARGO_MANIFEST_DIR";
    let passphrase = Passphrase::from_env(variable).unwrap();
    let cheap = Cost { memory_kib: 64, passes: 1, lanes: 1 };
    let locked = folder.path().join("locked.json");
    drop(LocalKek::create_with_passphrase(&locked, &passphrase, cheap, engine).unwrap());
    kek(&format!("local:locked.json?passphrase-env={variable}"), folder.path(), engine).unwrap();
    for (address, kind) in [
        ("local:locked.json", ErrorKind::Denied),
        ("local:locked.json?passphrase-env=Canary7", ErrorKind::NotFound),
        ("local:locked.json?passphrase-env=PATH", ErrorKind::Unauthenticated),
        ("local:locked.json?passphrase-env=", ErrorKind::Invalid),
        ("local:locked.json?passphrase=Canary7", ErrorKind::Invalid),
        ("local:locked.json?Canary7", ErrorKind::Invalid),
        ("local:Canary7.json", ErrorKind::NotFound),
    ] {
        let error = refused_kek(address, folder.path());
        assert_eq!(error.kind(), kind, "{address}: {error}");
        assert!(is_clean(&error), "{}", shown(&error));
    }
}

#[cfg(feature = "recovery")]
#[test]
fn the_public_half_of_a_recovery_key_is_opened() {
    use phiseal_backends::recovery::RecoveryKey;
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(refused_kek("recovery:Canary7", folder.path()).kind(), ErrorKind::NotFound);
    std::fs::write(folder.path().join("none.pub"), CANARY).unwrap();
    let error = refused_kek("recovery:none.pub", folder.path());
    assert!(error.kind() == ErrorKind::Malformed && is_clean(&error), "{}", shown(&error));
    let key = RecoveryKey::generate(default_engine()).unwrap();
    std::fs::write(folder.path().join("one.pub"), format!("{}\n", key.public())).unwrap();
    let opened = kek("recovery:one.pub", folder.path(), default_engine()).unwrap();
    let id = |kek: &dyn KekBackend| pollster::block_on(kek.describe()).unwrap().id;
    assert_eq!(id(&*opened), id(&key));
}

#[cfg(feature = "pkcs11")]
#[test]
fn a_pin_that_stands_in_the_address_of_a_token_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("no-module.so"), "text").unwrap();
    for (address, kind) in [
        ("token=a;object=b?module-path=no-module.so&pin-value=Canary7", ErrorKind::Invalid),
        ("token=a;object=b?module-path=no-module.so&pin-source=Canary7", ErrorKind::Invalid),
        ("token=a;object=b?module-path=no-module.so&pin-source=env:Canary7", ErrorKind::NotFound),
        ("token=a;object=b?module-path=no-module.so&pin-source=file:Canary7", ErrorKind::NotFound),
        ("token=a;object=b?module-path=no-module.so&pin=Canary7", ErrorKind::Invalid),
        ("token=a;object=b;pin=Canary7?module-path=no-module.so", ErrorKind::Invalid),
        ("token=a;object=b?module-path=Canary7.so&pin-source=env:PATH", ErrorKind::NotFound),
        ("Canary7", ErrorKind::Invalid),
        (
            "token=Canary7;object=b?module-path=no-module.so&pin-source=env:PATH",
            ErrorKind::Unsupported,
        ),
    ] {
        let error = refused_kek(&format!("pkcs11:{address}"), folder.path());
        assert_eq!(error.kind(), kind, "{address}: {error}");
        assert!(is_clean(&error), "{}", shown(&error));
    }
}

#[cfg(feature = "transit")]
#[test]
fn a_token_that_stands_in_the_address_of_a_server_is_not_shown() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("token"), "s.word").unwrap();
    for (address, kind) in [
        ("transit+https://Canary7", ErrorKind::Invalid),
        ("transit+https://bao.example/transit/phi?token=Canary7", ErrorKind::Invalid),
        ("transit+https://Canary7@bao.example/transit/phi?token-file=token", ErrorKind::Invalid),
        ("transit+https://bao.example/transit/phi?token-file=token", ErrorKind::Invalid),
        ("transit+https://bao.example/transit/phi?token-file=token&ca=Canary7", ErrorKind::Invalid),
        ("transit+http://bao.example/transit/phi?token-file=token", ErrorKind::Unsupported),
        ("transit+http://127.0.0.1:1/transit/phi?token-file=Canary7", ErrorKind::Denied),
        ("transit+http://127.0.0.1:1/transit/phi?token-env=Canary7", ErrorKind::Denied),
        ("transit+http://127.0.0.1:1/transit/phi?token-file=token&Canary7=1", ErrorKind::Invalid),
        ("transit+http://127.0.0.1:1/transit/%Canary7?token-file=token", ErrorKind::Invalid),
        ("transit+http://127.0.0.1:1/tra%nsit/Canary7?token-file=token", ErrorKind::Invalid),
        (
            "transit+http://127.0.0.1:1/transit/phi?token-file=token&namespace=%20Canary7",
            ErrorKind::Invalid,
        ),
    ] {
        let error = refused_kek(address, folder.path());
        assert_eq!(error.kind(), kind, "{address}: {error}");
        assert!(is_clean(&error), "{}", shown(&error));
    }
    let good = "transit+http://127.0.0.1:1/transit/phi?token-file=token";
    kek(good, folder.path(), default_engine()).unwrap();
}

#[cfg(feature = "aws-kms")]
#[test]
fn a_secret_that_stands_in_the_address_of_a_key_of_aws_is_not_shown() {
    const ARN: &str =
        "aws-kms:arn:aws:kms:eu-central-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    for address in [
        "aws-kms:Canary7".to_owned(),
        format!("{ARN}Canary7"),
        format!("{ARN}?secret=Canary7"),
        format!("{ARN}?Canary7"),
        format!("{ARN}?endpoint=http://user:Canary7@127.0.0.1:1"),
        format!("{ARN}?endpoint=http://Canary7"),
    ] {
        let error = refused_kek(&address, Path::new(""));
        assert!(is_clean(&error), "{address}: {}", shown(&error));
    }
    kek(ARN, Path::new(""), default_engine()).unwrap();
}
