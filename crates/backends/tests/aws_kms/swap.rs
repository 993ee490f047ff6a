//! SWAP: every wrap in the place of every other one, on both emulators.

use crate::support::{Custodian, connect, context, generated, kind, server};
use phiseal_keys::ErrorKind;
use pollster::block_on;

/// 100 domains on moto and 30 on LocalStack, which is slower, with `PHISEAL_FULL=1`, else 10 on each.
#[test]
fn no_wrap_opens_in_the_place_of_another() {
    let full = std::env::var_os("PHISEAL_FULL").is_some_and(|value| value == "1");
    for (variable, many) in [("PHISEAL_LOCALSTACK", 30), ("PHISEAL_MOTO", 100)] {
        let domains = if full { many } else { 10 };
        let Some(url) = server(variable) else { continue };
        let kek = connect(&Custodian::of(&url, "eu-central-1").kek());
        let all: Vec<_> = (1..=domains)
            .map(|number| (context(number), generated(&kek, &context(number))))
            .collect();
        let (mut opened, mut refused) = (0, 0);
        for (context, (own, id)) in &all {
            for (_, (moved, _)) in &all {
                match block_on(kek.unwrap_key(&moved.wrapped, context, id)) {
                    Ok(key) => {
                        assert_eq!(key.expose_secret(), own.key.expose_secret());
                        opened += 1;
                    }
                    Err(error) => {
                        assert_eq!(kind(Err::<(), _>(error)), Some(ErrorKind::Unauthenticated));
                        refused += 1;
                    }
                }
            }
        }
        assert_eq!((opened, refused), (domains, domains * (domains - 1)), "{variable}");
    }
}
