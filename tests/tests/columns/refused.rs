//! What is refused names its row, and nothing is given of the column.

use crate::{every_engine, records, rows, ssn};
use phiseal::{Column, ErrorKind, Nullable, Phi, Rows, Suite, Values};
use phiseal_tests::numbers::{Dice, figure};
use phiseal_tests::warm::Warm;

#[test]
fn values_that_were_moved_or_changed_are_refused_by_their_row() {
    let mut dice = Dice::new(7);
    let mut refused = 0;
    for engine in every_engine() {
        let cipher = Warm::new(engine, Suite::Xaes256Gcm).cipher();
        for round in 0..figure(150, 1_500) {
            let count = 2 + dice.below(300);
            let values: Vec<_> = (0..count).map(|row| dice.bytes(1 + row % 50)).collect();
            let records = records(count);
            let sealed = cipher.seal_column(&values, &ssn(), &rows(&records)).unwrap();
            let mut cells: Vec<_> = sealed.iter().map(|value| value.unwrap().to_vec()).collect();
            let row = dice.below(count - 1);
            let (expected, kind) = match round % 5 {
                0 => {
                    cells.swap(row, row + 1);
                    (row, ErrorKind::Unauthenticated)
                }
                1 => {
                    let at = 17 + dice.below(cells[row].len() - 17);
                    cells[row][at] ^= 1 << dice.below(8);
                    (row, ErrorKind::Unauthenticated)
                }
                2 => {
                    let at = 1 + dice.below(16);
                    cells[row][at] ^= 1 << dice.below(8);
                    (row, ErrorKind::Foreign)
                }
                3 => {
                    cells[row].truncate(dice.below(57));
                    (row, ErrorKind::Malformed)
                }
                _ => {
                    cells[row][0] ^= 3;
                    (row, ErrorKind::Unauthenticated)
                }
            };
            let error = cipher.open_column(&cells, &ssn(), &rows(&records)).unwrap_err();
            assert_eq!((error.row(), error.kind()), (Some(expected), kind), "{}", engine.name());
            assert!(error.to_string().starts_with(&format!("row {expected}: ")), "{error}");
            refused += 1;
        }
    }
    assert_eq!(refused, every_engine().len() * figure(150, 1_500));
}

#[test]
fn every_bit_of_a_row_matters() {
    let records = records(3);
    let mut refused = 0;
    for engine in every_engine() {
        let cipher = Warm::new(engine, Suite::Xaes256Gcm).cipher();
        let values = ["123-45-6789", "", "a value of more than two whole blocks"];
        let sealed = cipher.seal_column(&values, &ssn(), &rows(&records)).unwrap();
        let cells: Vec<_> = sealed.iter().map(|value| value.unwrap().to_vec()).collect();
        for row in 0..3 {
            for bit in 0..8 * cells[row].len() {
                let mut changed = cells.clone();
                changed[row][bit / 8] ^= 1 << (bit % 8);
                let error = cipher.open_column(&changed, &ssn(), &rows(&records)).unwrap_err();
                assert_eq!(error.row(), Some(row));
                refused += 1;
            }
        }
    }
    assert_eq!(refused, every_engine().len() * 8 * (3 * 57 + 11 + 37));
}

#[test]
fn after_a_refusal_there_are_no_rows_and_no_plaintext() {
    let cipher = Warm::new(phiseal::default_engine(), Suite::Xaes256Gcm).cipher();
    let records = records(300);
    let values = vec!["123-45-6789"; 300];
    let mut sealed = cipher.seal_column(&values, &ssn(), &rows(&records)).unwrap();
    let mut opened = Phi::from(Column::new());
    cipher.open_column_into(&sealed, &ssn(), &rows(&records), &mut opened).unwrap();
    let mut cells: Vec<_> = sealed.iter().map(|value| value.unwrap().to_vec()).collect();
    cells[299][50] ^= 1;
    let refused = cipher.open_column_into(&cells, &ssn(), &rows(&records), &mut opened);
    assert_eq!(refused.unwrap_err().row(), Some(299));
    assert_eq!(opened.expose_secret().rows(), 0);
    assert_eq!(
        (opened.expose_secret().offsets(), opened.expose_secret().bytes()),
        (&[0][..], &[][..])
    );
    let unknown = [None::<&str>; 300];
    let unknown = Nullable(&unknown);
    let refused =
        cipher.seal_column_into(&values, &ssn(), &Rows::of_records(&unknown), &mut sealed);
    assert_eq!((refused.unwrap_err().row(), sealed.rows()), (Some(0), 0));
}

#[test]
fn a_column_and_its_contexts_must_have_as_many_rows() {
    let cipher = Warm::new(phiseal::default_engine(), Suite::Xaes256Gcm).cipher();
    let two = records(2);
    for values in [vec!["a"; 1], vec!["a"; 3], vec![]] {
        let error = cipher.seal_column(&values, &ssn(), &rows(&two)).unwrap_err();
        assert_eq!((error.kind(), error.row()), (ErrorKind::Invalid, None));
        let error = cipher.open_column(&values, &ssn(), &rows(&two)).unwrap_err();
        assert_eq!((error.kind(), error.row()), (ErrorKind::Invalid, None));
    }
    let known = [Some("mrn-1"), None, Some("mrn-3")];
    let known = Nullable(&known);
    let error =
        cipher.seal_column(&["a", "b", "c"], &ssn(), &Rows::of_records(&known)).unwrap_err();
    assert_eq!((error.kind(), error.row()), (ErrorKind::Invalid, Some(1)));
    // A row without a value needs no context.
    let values = [Some("a"), None, Some("c")];
    let sealed = cipher.seal_column(&Nullable(&values), &ssn(), &Rows::of_records(&known)).unwrap();
    assert_eq!(sealed.rows(), 3);
    let twice = ssn().record("mrn-1");
    let error = cipher.seal_column(&["a"; 2], &twice, &rows(&two)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
}

#[test]
fn a_value_that_is_too_long_is_refused_by_its_row() {
    let cipher = Warm::new(phiseal::default_engine(), Suite::Xaes256Gcm).cipher();
    let longest = vec![7; 16 << 20];
    let over = vec![7; (16 << 20) + 1];
    let records = records(3);
    let sealed = cipher.seal_column(&[&[][..], &longest, b"x"], &ssn(), &rows(&records)).unwrap();
    let opened = cipher.open_column(&sealed, &ssn(), &rows(&records)).unwrap();
    assert!(opened.expose_secret().value(1) == Some(&longest));
    let error = cipher.seal_column(&[b"x", &over[..], b"x"], &ssn(), &rows(&records)).unwrap_err();
    assert_eq!((error.kind(), error.row()), (ErrorKind::Invalid, Some(1)));
}
