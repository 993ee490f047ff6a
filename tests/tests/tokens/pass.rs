//! PASS: no plaintext is returned as if it had been opened.

use phiseal::tokens::{Cardinality, Column, Deterministic, Token, Vault, Vaulted, VaultedForm};
use phiseal::{Phi, blocking, stores::MemoryStore};
use phiseal_format::text;
use phiseal_tests::numbers::Dice;
use phiseal_tests::world::World;
use std::sync::Arc;

/// Ten thousand strings that were never tokens, some of which begin as tokens do.
#[test]
fn no_plaintext_passes_for_a_token() {
    let phi = World::of_default_engine().process();
    let domain = phi.domain("clinic/tokens").unwrap();
    let column =
        Column::new(domain.as_async(), "name", Deterministic::new(Cardinality::SSN).unwrap());
    let keyed = blocking::wait(column.ready()).unwrap();
    let vaults = [
        VaultedForm::text(),
        VaultedForm::uuid(),
        VaultedForm::number(12).unwrap(),
        VaultedForm::email("tokens.example").unwrap(),
    ]
    .map(|form| {
        let store = Arc::new(MemoryStore::new());
        blocking::wait(Vault::open(store, domain.as_async(), "name", Vaulted::fresh(form))).unwrap()
    });
    let real = keyed.token("Jane Doe").unwrap();
    let mut dice = Dice::new(71);
    let (mut strings, mut parsed) = (0, 0);
    for case in 0..10_000 {
        let length = dice.below(80);
        let string = match case % 8 {
            0 => format!("Jane Doe {case}"),
            1 => format!("{:09}", dice.below(1_000_000_000)),
            2 => format!("phi1.{}", String::from_utf8_lossy(&dice.bytes(length))),
            3 => text::encode(&dice.bytes(length)),
            4 => text::encode(&[&[0x11], &dice.bytes(32 + length)[..]].concat()),
            5 => text::encode(&[real.as_bytes()[..17].to_vec(), dice.bytes(16 + length)].concat()),
            6 => format!("tok_{:026}", dice.number()),
            _ => format!("{:012}", 100_000_000_000 + dice.below(899_999_999_999)),
        };
        if let Ok(token) = string.parse::<Token>() {
            parsed += 1;
            let opened: Result<Phi<Vec<u8>>, _> = keyed.open(&token);
            assert!(opened.is_err(), "{string}");
        }
        if let Ok(token) = Token::try_from(string.as_bytes()) {
            assert!(keyed.open::<Vec<u8>>(&token).is_err(), "{string}");
        }
        for vault in &vaults {
            let revealed: Result<Phi<Vec<u8>>, _> = blocking::wait(vault.reveal(&string));
            assert!(revealed.is_err(), "{string}");
        }
        strings += 1;
    }
    assert_eq!(strings, 10_000);
    assert!(parsed > 2_000, "the control: many have the form of a token: {parsed}");
    assert_eq!(keyed.open::<String>(&real).unwrap().expose_secret(), "Jane Doe");
}
