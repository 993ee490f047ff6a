//! That the KEK cannot leave the token, as the token itself says when it is asked.

use crate::advice::Trouble;
use crate::arguments::{Token, Wiring};
use crate::voice::say;
use cryptoki::context::Pkcs11;
use cryptoki::error::Error as CkError;
use cryptoki::object::{Attribute, AttributeType, ObjectClass};
use cryptoki::session::Session;

/// Asks for every secret and private key with the KEK's label, beside the backend and in its login.
///
/// The backend refuses a key that can leave its token anyway; here it is tried.
pub(crate) fn show(wiring: &Wiring) -> Result<(), Trouble> {
    let outcome = session(wiring).and_then(|session| match session {
        Some(session) => keys(&session, &wiring.kek),
        None => Ok(Vec::new()),
    });
    let keys = outcome.map_err(|error| {
        Trouble::broken(format!("the token does not say what may be done with the key: {error}"))
    })?;
    if keys.is_empty() {
        return Err(Trouble::broken("the token shows no key with the KEK's label"));
    }
    for key in keys {
        if key.value_comes_out {
            return Err(Trouble::broken("the token hands out the key's value"));
        }
        let yes = |it: Option<bool>| match it {
            Some(true) => "yes",
            Some(false) => "no",
            None => "not said",
        };
        say(&format!(
            "value asked for: refused; sensitive: {}, always was: {}; extractable: {}, never was: {}",
            yes(key.sensitive),
            yes(key.always_sensitive),
            yes(key.extractable),
            yes(key.never_extractable),
        ));
        if key.extractable != Some(false) || key.sensitive != Some(true) {
            return Err(Trouble::broken("the key can leave the token"));
        }
    }
    Ok(())
}

#[derive(Default)]
struct Key {
    value_comes_out: bool,
    sensitive: Option<bool>,
    always_sensitive: Option<bool>,
    extractable: Option<bool>,
    never_extractable: Option<bool>,
}

/// The backend has initialised the module and logged in, which counts for the whole process.
fn session(wiring: &Wiring) -> Result<Option<Session>, CkError> {
    let module = Pkcs11::new(&wiring.module)?;
    for slot in module.get_slots_with_initialized_token()? {
        let token = module.get_token_info(slot)?;
        let is_it = match &wiring.token {
            Token::Label(label) => token.label().trim_end() == label,
            Token::Serial(serial) => token.serial_number().trim_end() == serial,
        };
        if is_it {
            return module.open_ro_session(slot).map(Some);
        }
    }
    Ok(None)
}

fn keys(session: &Session, label: &str) -> Result<Vec<Key>, CkError> {
    let mut keys = Vec::new();
    for class in [ObjectClass::SECRET_KEY, ObjectClass::PRIVATE_KEY] {
        let wanted = [Attribute::Class(class), Attribute::Label(label.as_bytes().to_vec())];
        for object in session.find_objects(&wanted)? {
            let mut key = Key::default();
            let facts = [
                AttributeType::Sensitive,
                AttributeType::AlwaysSensitive,
                AttributeType::Extractable,
                AttributeType::NeverExtractable,
            ];
            for fact in session.get_attributes(object, &facts)? {
                match fact {
                    Attribute::Sensitive(it) => key.sensitive = Some(it),
                    Attribute::AlwaysSensitive(it) => key.always_sensitive = Some(it),
                    Attribute::Extractable(it) => key.extractable = Some(it),
                    Attribute::NeverExtractable(it) => key.never_extractable = Some(it),
                    _ => {}
                }
            }
            let secret = if class == ObjectClass::SECRET_KEY {
                AttributeType::Value
            } else {
                AttributeType::PrivateExponent
            };
            // What a token does not give out is left out, or the call fails.
            let answered = session.get_attributes(object, &[secret]).unwrap_or_default();
            key.value_comes_out = !answered.is_empty();
            keys.push(key);
        }
    }
    Ok(keys)
}
