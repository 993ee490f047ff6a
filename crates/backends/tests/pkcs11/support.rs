//! The tokens that the tests were given, and what is done with them.

use phiseal_backends::pkcs11::{Pin, Pkcs11Kek, Pkcs11Token, Pkcs11TokenBuilder};
use phiseal_conformance::Absent;
use phiseal_format::{DomainId, EncryptionContext, EnvironmentId};
use phiseal_primitives::Engine;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A software token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Soft {
    Hsm,
    Kryoptic,
}

impl Soft {
    fn variable(self, what: &str) -> Result<String, Absent> {
        let product = match self {
            Self::Hsm => "SOFTHSM",
            Self::Kryoptic => "KRYOPTIC",
        };
        let name = format!("PHISEAL_{product}_{what}");
        match std::env::var(&name) {
            Ok(value) => Ok(value),
            Err(_) if std::env::var_os("PHISEAL_LOCAL").is_some() => {
                Err(Absent::new("pkcs11", format!("{name} is not set")))
            }
            Err(_) => panic!("{name} is not set: `cargo xtask servers` says what it is"),
        }
    }

    /// The module, whose token in this process is a copy of the one that the tests were given.
    pub(crate) fn module(self) -> Result<PathBuf, Absent> {
        let module = self.variable("MODULE").map(PathBuf::from)?;
        self.token_folder();
        Ok(module)
    }

    /// The folder with this process's token, which is its own.
    pub(crate) fn token_folder(self) -> &'static Path {
        static HSM: OnceLock<PathBuf> = OnceLock::new();
        static KRYOPTIC: OnceLock<PathBuf> = OnceLock::new();
        match self {
            Self::Hsm => HSM.get_or_init(|| copy_of_token("SOFTHSM2_CONF")),
            Self::Kryoptic => KRYOPTIC.get_or_init(|| copy_of_token("KRYOPTIC_CONF")),
        }
    }

    pub(crate) fn label(self) -> String {
        self.variable("LABEL").unwrap()
    }

    pub(crate) fn pin_text(self) -> String {
        std::env::var(self.pin_variable()).unwrap()
    }

    pub(crate) fn pin(self) -> Pin {
        let pin = self.pin_text();
        Pin::from_callback(move || Ok(pin.clone().into_bytes().into()))
    }

    /// The environment variable with the PIN.
    pub(crate) const fn pin_variable(self) -> &'static str {
        match self {
            Self::Hsm => "PHISEAL_SOFTHSM_PIN",
            Self::Kryoptic => "PHISEAL_KRYOPTIC_PIN",
        }
    }

    pub(crate) fn builder(self) -> Result<Pkcs11TokenBuilder, Absent> {
        Ok(Pkcs11Token::builder(self.module()?).label(&self.label()).pin(self.pin()))
    }

    pub(crate) fn open(self) -> Result<Pkcs11Token, Absent> {
        Ok(self.builder()?.open(engine()).unwrap())
    }
}

/// Copies the folder of the configuration that `variable` names, and has the variable name the copy's from now on.
#[expect(unsafe_code, reason = "modules find their configuration by the environment alone")]
fn copy_of_token(variable: &str) -> PathBuf {
    let given = PathBuf::from(std::env::var_os(variable).unwrap());
    let (folder, name) = (given.parent().unwrap(), given.file_name().unwrap());
    let own = folder.join(format!("own-{}", std::process::id()));
    std::fs::create_dir_all(&own).unwrap();
    for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if !entry.file_name().to_string_lossy().starts_with("own-") {
            copy(&entry.path(), &own.join(entry.file_name()));
        }
    }
    let conf = own.join(name);
    let text = std::fs::read_to_string(&given).unwrap();
    std::fs::write(&conf, text.replace(folder.to_str().unwrap(), own.to_str().unwrap())).unwrap();
    // SAFETY: no other thread reads the environment without the standard library's lock: the modules, which would, are
    // loaded by those only who have come through here.
    unsafe { std::env::set_var(variable, &conf) };
    own
}

fn copy(from: &Path, to: &Path) {
    if from.is_dir() {
        std::fs::create_dir_all(to).unwrap();
        for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
            copy(&entry.path(), &to.join(entry.file_name()));
        }
    } else {
        std::fs::copy(from, to).unwrap();
    }
}

pub(crate) fn engine() -> &'static dyn Engine {
    phiseal_primitives::default_engine()
}

/// A KEK with a label that no other test has.
pub(crate) fn new_kek(token: &Pkcs11Token) -> Pkcs11Kek {
    token.create_kek(&new_label()).unwrap()
}

pub(crate) fn new_label() -> String {
    let mut random = [0; 8];
    engine().fill_random(&mut random).unwrap();
    format!("test {:016x}", u64::from_be_bytes(random))
}

pub(crate) fn context(version: u32) -> EncryptionContext {
    EncryptionContext::data_key(
        &EnvironmentId::from_bytes([7; 16]),
        &DomainId::from_bytes([8; 16]),
        version,
    )
}

pub(crate) fn kind<T>(outcome: &Result<T, phiseal_keys::Error>) -> Option<phiseal_keys::ErrorKind> {
    outcome.as_ref().err().map(phiseal_keys::Error::kind)
}
