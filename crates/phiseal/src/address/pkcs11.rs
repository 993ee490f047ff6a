//! KEKs on tokens, by URIs of RFC 7512.

use super::values::Values;
use super::{existing, wrong};
use phiseal_backends::pkcs11::{Pin, Pkcs11Token};
use phiseal_keys::{Error, ErrorKind, KekBackend};
use phiseal_primitives::Engine;
use std::path::Path;
use std::sync::Arc;

/// The KEK that is meant by what stands behind `pkcs11:`.
pub(super) fn open(
    uri: &str,
    folder: &Path,
    engine: &'static dyn Engine,
) -> Result<Arc<dyn KekBackend>, Error> {
    let Uri { token, object, id, module, pin } = Uri::parse(uri)?;
    let module = folder.join(module);
    existing(&module)?;
    let builder = Pkcs11Token::builder(module).pin(pin.pin(folder)?);
    let builder = match token {
        Token::Label(label) => builder.label(&label),
        Token::Serial(serial) => builder.serial(&serial),
    };
    let token = builder.open(engine)?;
    Ok(Arc::new(match id {
        None => token.kek(&object)?,
        Some(id) => token.kek_with_id(&object, &id)?,
    }))
}

/// What a URI says.
#[derive(Debug, PartialEq, Eq)]
struct Uri {
    token: Token,
    object: String,
    id: Option<Vec<u8>>,
    module: String,
    pin: PinSource,
}

#[derive(Debug, PartialEq, Eq)]
enum Token {
    Label(String),
    Serial(String),
}

/// Where the PIN is.
#[derive(Debug, PartialEq, Eq)]
enum PinSource {
    Variable(String),
    File(String),
}

impl Uri {
    fn parse(text: &str) -> Result<Self, Error> {
        let (path, query) = text.split_once('?').unwrap_or((text, ""));
        let mut path = Values::of(path, ';')?;
        let token = match (path.take("token")?, path.take("serial")?) {
            (Some(label), None) => Token::Label(label),
            (None, Some(serial)) => Token::Serial(serial),
            _ => return Err(wrong("a token is named by one of token and serial")),
        };
        let object = path.take("object")?;
        let object = object.ok_or_else(|| wrong("the key on a token is named by object"))?;
        let id = path.take_bytes("id")?;
        path.end("a KEK on a token is named by token or serial, object and id, and nothing else")?;
        let mut query = Values::of(query, '&')?;
        if query.take_bytes("pin-value")?.is_some() {
            return Err(wrong("no PIN stands in an address: say with pin-source where it is"));
        }
        let module = query.take("module-path")?;
        let module = module.ok_or_else(|| wrong("the library of a token is module-path"))?;
        let pin = query.take("pin-source")?;
        let pin = pin.ok_or_else(|| wrong("where the PIN of a token is, is pin-source"))?;
        query.end("behind the ? of a token are module-path and pin-source, and nothing else")?;
        Ok(Self { token, object, id, module, pin: PinSource::parse(&pin)? })
    }
}

impl PinSource {
    fn parse(text: &str) -> Result<Self, Error> {
        let path = |path: &str| match path.strip_prefix("//") {
            // RFC 8089, 2: no host, and so this one.
            Some(path) if path.starts_with('/') => Some(path.to_owned()),
            Some(_) => None,
            None => Some(path.to_owned()).filter(|path| !path.is_empty()),
        };
        let source = match text.split_once(':') {
            Some(("env", name)) if !name.is_empty() && !name.contains(['=', '\0']) => {
                Some(Self::Variable(name.to_owned()))
            }
            Some(("file", file)) => path(file).map(Self::File),
            _ => None,
        };
        source.ok_or_else(|| wrong("the source of a PIN is file:PATH or env:NAME"))
    }

    /// The PIN from there, if there is any such place: what is not there may be a PIN in its place.
    fn pin(self, folder: &Path) -> Result<Pin, Error> {
        let none = |message| Err(Error::new(ErrorKind::NotFound, message));
        match self {
            Self::Variable(name) if std::env::var_os(&name).is_some() => Ok(Pin::from_env(&name)),
            Self::Variable(_) => none("the environment variable with the PIN is not set"),
            Self::File(path) => match folder.join(path) {
                path if path.exists() => Ok(Pin::from_file(path)),
                _ => none("there is no file with the PIN"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const QUERY: &str = "?module-path=/lib/soft.so&pin-source=env:PIN";

    fn parsed(path: &str) -> Result<Uri, String> {
        Uri::parse(&format!("{path}{QUERY}")).map_err(|error| error.to_string())
    }

    fn uri(token: Token, id: Option<&[u8]>) -> Uri {
        let pin = PinSource::Variable("PIN".to_owned());
        let (object, module) = ("phi kek".to_owned(), "/lib/soft.so".to_owned());
        Uri { token, object, id: id.map(<[u8]>::to_vec), module, pin }
    }

    #[test]
    fn token_and_key_are_read() {
        let label = || Token::Label("clinic; north".to_owned());
        for (text, expected) in [
            ("token=clinic%3b%20north;object=phi%20kek", uri(label(), None)),
            ("object=phi kek;token=clinic%3B north", uri(label(), None)),
            (
                "serial=0a1b;object=phi%20kek;id=%01%fF%00",
                uri(Token::Serial("0a1b".to_owned()), Some(&[1, 255, 0])),
            ),
        ] {
            assert_eq!(parsed(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn what_would_have_to_be_ignored_is_refused() {
        let one_token = "a token is named by one of token and serial";
        let nothing_else =
            "a KEK on a token is named by token or serial, object and id, and nothing else";
        for (text, said) in [
            ("", one_token),
            ("object=kek", one_token),
            ("token=clinic;serial=0a;object=kek", one_token),
            ("token=clinic", "the key on a token is named by object"),
            ("token=clinic;id=%01", "the key on a token is named by object"),
            ("token=clinic;object=kek;manufacturer=SoftHSM%20project", nothing_else),
            ("token=clinic;object=kek;model=SoftHSM%20v2", nothing_else),
            ("token=clinic;object=kek;slot-id=3", nothing_else),
            ("token=clinic;object=kek;slot-description=left", nothing_else),
            ("token=clinic;object=kek;library-version=2", nothing_else),
            ("token=clinic;object=kek;type=secret-key", nothing_else),
            ("token=clinic;object=kek;x-own=1", nothing_else),
            ("token=clinic;object=kek;token=other", "a value of an address is given twice"),
            ("token=clinic;object=", "a value of an address is empty"),
            ("token=clinic;object=kek;", "what an address says is name=value"),
            ("token=%zz;object=kek", "behind a % in an address are no two hexadecimal digits"),
            ("token=%ff;object=kek", "a value of an address is not UTF-8"),
        ] {
            assert_eq!(parsed(text), Err(said.to_owned()), "{text}");
        }
        assert!(parsed("token=clinic;object=kek").is_ok(), "the control");
    }

    #[test]
    fn library_and_pin_are_needed_and_no_pin_stands_there() {
        let library = "the library of a token is module-path";
        let place = "where the PIN of a token is, is pin-source";
        let source = "the source of a PIN is file:PATH or env:NAME";
        let nothing_else =
            "behind the ? of a token are module-path and pin-source, and nothing else";
        for (query, said) in [
            ("", library),
            ("?", library),
            ("?pin-source=env:PIN", library),
            ("?module-name=softhsm2&pin-source=env:PIN", library),
            ("?module-path=/a.so", place),
            ("?module-path=/a.so&pin-source=1234", source),
            ("?module-path=/a.so&pin-source=|cat%20pin", source),
            ("?module-path=/a.so&pin-source=env:", source),
            ("?module-path=/a.so&pin-source=env:A%3DB", source),
            ("?module-path=/a.so&pin-source=file:", source),
            ("?module-path=/a.so&pin-source=file://host/pin", source),
            ("?module-path=/a.so&pin-source=env:PIN&module-name=softhsm2", nothing_else),
            ("?module-path=/a.so&pin-source=env:PIN&x-own=1", nothing_else),
            (
                "?module-path=/a.so&pin-value=1234",
                "no PIN stands in an address: say with pin-source where it is",
            ),
        ] {
            let parsed = Uri::parse(&format!("token=clinic;object=kek{query}"));
            assert_eq!(parsed.unwrap_err().to_string(), said, "{query}");
        }
    }

    #[test]
    fn a_pin_is_in_a_variable_or_a_file() {
        let file = |path: &str| PinSource::File(path.to_owned());
        for (text, expected) in [
            ("env:CLINIC_PIN", PinSource::Variable("CLINIC_PIN".to_owned())),
            ("file:/run/pin", file("/run/pin")),
            ("file:///run/pin", file("/run/pin")),
            ("file:pin", file("pin")),
            ("file:../a:b", file("../a:b")),
        ] {
            assert_eq!(PinSource::parse(text).unwrap(), expected, "{text}");
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("pin"), "1234").unwrap();
        assert!(file("pin").pin(folder.path()).is_ok());
        assert!(PinSource::Variable("PATH".to_owned()).pin(folder.path()).is_ok());
        for nowhere in [file("other"), PinSource::Variable("PHISEAL_NO_SUCH_PIN".to_owned())] {
            let error = nowhere.pin(folder.path()).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::NotFound);
        }
    }
}
