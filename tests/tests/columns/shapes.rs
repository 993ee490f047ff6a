//! Values in every shape, with rows that have none, and contexts of several parts.

use crate::{every_engine, records, rows, ssn};
use phiseal::{Column, Context, ErrorKind, Nullable, Packed, Rows, Sealed, Suite, Values};
use phiseal_tests::numbers::Dice;
use phiseal_tests::warm::Warm;

fn warm() -> Warm {
    Warm::new(phiseal::default_engine(), Suite::Xaes256Gcm)
}

#[test]
fn rows_without_a_value_stay_without_one() {
    let mut dice = Dice::new(5);
    for engine in every_engine() {
        let cipher = Warm::new(engine, Suite::Xaes256Gcm).cipher();
        for count in [1, 8, 9, 300] {
            let values: Vec<Option<Vec<u8>>> = (0..count)
                .map(|row| (row % 7 != 3 && dice.coin()).then(|| dice.bytes(row % 40)))
                .collect();
            let records = records(count);
            let sealed = cipher.seal_column(&Nullable(&values), &ssn(), &rows(&records)).unwrap();
            let opened = cipher.open_column(&sealed, &ssn(), &rows(&records)).unwrap();
            let opened = opened.expose_secret();
            assert!(opened.iter().eq(values.iter().map(Option::as_deref)), "{}", engine.name());
            for column in [&sealed, opened] {
                let missing = values.iter().filter(|value| value.is_none()).count();
                let bits = column.validity().map_or(count, |bits| {
                    assert_eq!(bits.len(), count.div_ceil(8));
                    bits.iter().map(|byte| byte.count_ones() as usize).sum()
                });
                assert_eq!(bits, count - missing, "one bit for each value, and none behind them");
                assert_eq!(column.offsets().len(), count + 1);
            }
        }
    }
}

#[test]
fn all_rows_may_be_without_a_value_or_there_may_be_none() {
    let cipher = warm().cipher();
    let none: [Option<&str>; 20] = [None; 20];
    let records = records(20);
    let sealed = cipher.seal_column(&Nullable(&none), &ssn(), &rows(&records)).unwrap();
    assert_eq!((sealed.rows(), sealed.bytes().len()), (20, 0));
    assert_eq!(sealed.validity(), Some(&[0, 0, 0][..]));
    let opened = cipher.open_column(&sealed, &ssn(), &rows(&records)).unwrap();
    assert!(opened.expose_secret().iter().all(|value| value.is_none()));
    let empty: Vec<String> = Vec::new();
    let sealed = cipher.seal_column(&empty, &ssn(), &rows(&empty)).unwrap();
    assert_eq!((sealed.offsets(), sealed.validity()), (&[0][..], None));
    assert_eq!(Column::new().offsets(), [0]);
    assert_eq!(sealed.into_parts(), (vec![0], vec![], None));
}

/// Arrow's slices begin anywhere in their buffers, and so do their bits.
#[test]
fn packed_values_may_begin_anywhere() {
    let cipher = warm().cipher();
    let bytes = b"....aaabbccccc..";
    let offsets = [4, 7, 7, 9, 14];
    // Of the rows, the second and the third have no value; their bits begin at number 5.
    let validity = [0b0011_1111, 0b0000_0001];
    let packed = Packed::new(&offsets, bytes).unwrap().with_validity(&validity, 5).unwrap();
    let expected = [Some(&b"aaa"[..]), None, None, Some(b"ccccc")];
    assert!((0..4).map(|row| packed.value(row)).eq(expected));
    let records = records(4);
    let sealed = cipher.seal_column(&packed, &ssn(), &rows(&records)).unwrap();
    let opened = cipher.open_column(&sealed, &ssn(), &rows(&records)).unwrap();
    assert!(opened.expose_secret().iter().eq(expected));

    let (offsets, bytes, validity) = sealed.into_parts();
    let again = Packed::new(&offsets, &bytes).unwrap();
    let again = again.with_validity(validity.as_ref().unwrap(), 0).unwrap();
    let opened = cipher.open_column(&again, &ssn(), &rows(&records)).unwrap();
    assert!(opened.expose_secret().iter().eq(expected));
}

#[test]
fn offsets_that_do_not_rise_within_their_bytes_are_refused() {
    for offsets in [&[][..], &[-1], &[0, 5], &[2, 1], &[0, 3, 2, 4], &[i32::MAX, i32::MIN]] {
        let refused = Packed::new(offsets, b"abcd").unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Invalid, "{offsets:?}");
    }
    let packed = Packed::new(&[0, 1, 2, 3, 4], b"abcd").unwrap();
    assert!(packed.with_validity(&[0xff], 4).is_ok());
    for (bits, first) in [(&[][..], 0), (&[0xff], 5), (&[0xff], usize::MAX), (&[0xff], 9)] {
        assert_eq!(packed.with_validity(bits, first).unwrap_err().kind(), ErrorKind::Invalid);
    }
}

#[test]
fn contexts_of_several_parts_are_those_of_one_field() {
    let cipher = warm().cipher();
    let (tenants, notes): (Vec<_>, Vec<_>) =
        (0..200).map(|row| (format!("t{}", row % 3), "n".repeat(row % 17))).unzip();
    let (records, versions) = (records(200), (0..200).map(|row| row << 33).collect::<Vec<_>>());
    let rows = Rows::of_application(200, &notes).row_versions(&versions).tenants(&tenants);
    let rows = rows.application(131, &records);
    let column = Context::of_field("ssn").usage("billing");
    let values: Vec<_> = (0..200).map(|row| format!("value {row}")).collect();
    let sealed = cipher.seal_column(&values, &column, &rows).unwrap();
    for row in 0..200 {
        let what = column.clone().tenant(&tenants[row]).row_version(versions[row]);
        let what = what.application(131, &records[row]).application(200, &notes[row]);
        let one = Sealed::try_from(sealed.value(row).unwrap()).unwrap();
        assert_eq!(cipher.open::<String>(&one, &what).unwrap().expose_secret(), &values[row]);
    }
    let opened = cipher.open_column(&sealed, &column, &rows).unwrap();
    assert!(opened.expose_secret().iter().eq(values.iter().map(|value| Some(value.as_bytes()))));
}

#[test]
fn nothing_of_a_column_is_printed() {
    let cipher = warm().cipher();
    let records = records(2);
    let sealed = cipher.seal_column(&["Jane", "Joe"], &ssn(), &rows(&records)).unwrap();
    let opened = cipher.open_column(&sealed, &ssn(), &rows(&records)).unwrap();
    let packed = opened.expose_secret().packed().unwrap();
    let printed = format!("{opened:?} {:?} {packed:?}", opened.expose_secret());
    assert_eq!(printed, "Phi Column(2 rows) Packed(2 rows)");
}
