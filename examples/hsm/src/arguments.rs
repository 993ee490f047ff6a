//! What the program was asked.

use std::ffi::OsString;
use std::path::PathBuf;

pub(crate) const USAGE: &str = "usage: wire_an_hsm [--module PATH (--token LABEL | --serial NUMBER) \
(--pin-env NAME | --pin-file PATH) [--kek LABEL] [--rotate]]";

pub(crate) enum Asked {
    Help,
    SoftwareToken,
    Token(Wiring),
}

/// How a token is reached, and the KEK on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Wiring {
    pub(crate) module: PathBuf,
    pub(crate) token: Token,
    pub(crate) pin: Pin,
    pub(crate) kek: String,
    /// Whether a KEK that was there before may be rotated.
    pub(crate) rotate: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Token {
    Label(String),
    Serial(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Pin {
    Environment(String),
    File(PathBuf),
}

pub(crate) fn parse(words: impl Iterator<Item = OsString>) -> Result<Asked, String> {
    let mut words = words.peekable();
    if words.peek().is_none() {
        return Ok(Asked::SoftwareToken);
    }
    let (mut module, mut token, mut pin) = (None, None, None);
    let (mut kek, mut rotate) = ("phiseal example".to_owned(), false);
    while let Some(word) = words.next() {
        let option = word.to_str().unwrap_or_default().to_owned();
        let mut value = || words.next().ok_or_else(|| format!("{option} needs a value after it"));
        match option.as_str() {
            "-h" | "--help" => return Ok(Asked::Help),
            "--module" => module = Some(PathBuf::from(value()?)),
            "--token" => once(&mut token, Token::Label(text(value()?)?), "--token or --serial")?,
            "--serial" => once(&mut token, Token::Serial(text(value()?)?), "--token or --serial")?,
            "--pin-env" => {
                once(&mut pin, Pin::Environment(text(value()?)?), "--pin-env or --pin-file")?
            }
            "--pin-file" => once(&mut pin, Pin::File(value()?.into()), "--pin-env or --pin-file")?,
            "--pin" => {
                return Err("a PIN among the arguments is seen by every user of the machine: give --pin-env or --pin-file".to_owned());
            }
            "--kek" => kek = text(value()?)?,
            "--rotate" => rotate = true,
            _ => return Err(format!("unknown option {}", word.display())),
        }
    }
    Ok(Asked::Token(Wiring {
        module: module.ok_or("name the PKCS#11 module: --module PATH")?,
        token: token.ok_or("name the token: --token LABEL or --serial NUMBER")?,
        pin: pin.ok_or("say where the PIN is: --pin-env NAME or --pin-file PATH")?,
        kek,
        rotate,
    }))
}

fn once<T>(place: &mut Option<T>, value: T, which: &str) -> Result<(), String> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(format!("give one of {which}, once")),
    }
}

fn text(value: OsString) -> Result<String, String> {
    value.into_string().map_err(|value| format!("{} is not text", value.display()))
}
