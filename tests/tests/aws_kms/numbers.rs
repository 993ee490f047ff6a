//! How many calls a working day takes, counted where they arrive.

use crate::Account;
use phiseal::context;
use phiseal_tests::numbers::figure;

const OPERATIONS: [&str; 5] = ["DescribeKey", "GenerateDataKey", "Encrypt", "Decrypt", "ReEncrypt"];

/// 1,000,000 fields under 1,000 domains with `PHISEAL_FULL=1`, else 100,000 under 100.
///
/// Making the domains is counted apart: each is a key that is generated, and opened before it is stored. Then a process
/// that knows nothing yet seals all fields: it describes the KEK once, unwraps the store's key once, and the key of each
/// domain once.
#[test]
fn sealing_a_million_fields_makes_one_call_for_each_domain() {
    let (fields, domains) = figure((100_000, 100), (1_000_000, 1_000));
    let account = Account::new();
    let maker = account.process();
    let names: Vec<_> = (0..domains).map(|number| format!("clinic/{number}")).collect();
    let before = account.fake.count();
    for name in &names {
        maker.domain(name).unwrap();
    }
    assert_eq!(account.asked(before, OPERATIONS), [0, domains, 0, domains, 0], "making them");

    let before = account.fake.count();
    let process = account.process();
    assert_eq!(account.asked(before, OPERATIONS), [1, 0, 0, 1, 0], "opening the store");
    let before = account.fake.count();
    for number in 0..fields {
        let domain = process.domain(&names[number % domains]).unwrap();
        let what = context!(record = number.to_string(), field = "ssn");
        let sealed = domain.seal("123-45-6789", &what).unwrap();
        if number % 10_000 == 0 {
            let opened: phiseal::Phi<String> = domain.open(&sealed, &what).unwrap();
            assert_eq!(opened.expose_secret(), "123-45-6789");
        }
    }
    assert_eq!(account.asked(before, OPERATIONS), [0, 0, 0, domains, 0], "{fields} fields");
    assert_eq!(account.fake.connections(), 2, "one for each process");
}
