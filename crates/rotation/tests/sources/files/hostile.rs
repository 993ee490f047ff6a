//! Files that are not what they should be: each is refused with its line, and without its contents.

use super::{Place, change, lines, rows};
use phiseal_keys::{Error, ErrorKind};
use phiseal_rotation::source::{CsvSource, NdjsonSource, Outcome, Table};
use pollster::block_on;
use std::error::Error as _;
use std::fs;

fn refused(place: &Place) -> (ErrorKind, String) {
    let error = place.open().map(drop).unwrap_err();
    let shown = format!("{error} {error:?}");
    assert!(!shown.contains("secret"), "{shown}");
    (error.kind(), error.source().map(ToString::to_string).unwrap_or_default())
}

#[test]
fn a_line_that_is_none_is_named() {
    let good = "{\"id\":\"secret 1\",\"ssn\":\"secret\"}\n";
    let long = format!("{{\"id\":\"secret 2\",\"x\":\"{}\"}}\n", "y".repeat(16 << 20));
    for (bad, kind) in [
        ("{\"id\":\"secret 2\"", ErrorKind::Malformed),
        ("secret", ErrorKind::Malformed),
        ("[\"secret\"]", ErrorKind::Malformed),
        ("{\"id\":{\"secret\":2}}", ErrorKind::Unsupported),
        ("{\"id\":null,\"ssn\":\"secret\"}", ErrorKind::Invalid),
        ("{\"ssn\":\"secret\"}", ErrorKind::Invalid),
        (&long, ErrorKind::Malformed),
    ] {
        let place = Place::ndjson(format!("{good}\n{bad}\n"));
        assert_eq!(refused(&place), (kind, "line 3".to_owned()));
    }
    let place = Place::ndjson([good.as_bytes(), b"{\"id\":\"secret \xff\"}\n"].concat());
    assert_eq!(refused(&place), (ErrorKind::Malformed, "line 2".to_owned()));
    let longest = &long.replacen('y', "", 64);
    let place = Place::ndjson(format!("{good}{longest}"));
    assert_eq!(rows(&*place.open().unwrap()).len(), 2, "the control");
}

#[test]
fn a_row_of_separated_values_that_is_none_is_named() {
    for (bad, kind, line) in [
        ("secret", ErrorKind::Malformed, "line 4"),
        ("secret,2,3", ErrorKind::Malformed, "line 4"),
        ("\"secret\"x,2", ErrorKind::Malformed, "line 4"),
        ("secret,\"2", ErrorKind::Malformed, "line 4"),
        ("sec\rret,2", ErrorKind::Malformed, "line 4"),
        ("a,secret", ErrorKind::Invalid, "lines 2 and 4"),
    ] {
        let place = Place::csv(format!("id,ssn\na,\"secret\nin two\"\n{bad}"));
        assert_eq!(refused(&place), (kind, line.to_owned()), "{bad}");
    }
    let place = Place::csv([b"id,ssn\nx,", &b"secret \xff\n"[..]].concat());
    assert_eq!(refused(&place), (ErrorKind::Malformed, "line 2".to_owned()));
    let place = Place::csv(format!("id,ssn\nx,\"{}", "secret\n".repeat(3 << 20)));
    assert_eq!(
        refused(&place).0,
        ErrorKind::Malformed,
        "a quote that does not end, in a long file"
    );
    for (header, kind) in [
        ("", ErrorKind::Malformed),
        ("\r\n\n", ErrorKind::Malformed),
        ("id,name\n", ErrorKind::NotFound),
        ("id,ssn,ssn\n", ErrorKind::Malformed),
        ("id,\"ssn\n", ErrorKind::Malformed),
    ] {
        assert_eq!(refused(&Place::csv(header)).0, kind, "{header:?}");
    }
    assert!(rows(&*Place::csv("ssn,id,id2,\n").open().unwrap()).is_empty(), "the control");
    let place = Place::csv("id,ssn\n");
    let table = || Table::new("patients", &["id"], &["ssn"]).unwrap();
    for separator in [b'"', b'\n', b'\r', 0xc3] {
        let error = CsvSource::open_separated(place.path(), table(), separator).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
}

#[test]
fn two_rows_with_one_key_are_named() {
    let mut file = lines(5_000);
    assert!(Place::ndjson(&file).open().is_ok(), "the control");
    file.push_str("{\"ssn\":\"secret\",\"id\":1234}\n");
    assert_eq!(
        refused(&Place::ndjson(&file)),
        (ErrorKind::Invalid, "lines 1235 and 5001".to_owned())
    );
    let place = Place::ndjson("{\"id\":1}\n{\"id\":\"1\"}\n");
    assert_eq!(rows(&*place.open().unwrap()).len(), 2, "text and a number are two keys");
}

#[test]
fn what_is_no_file_is_refused() {
    let place = Place::ndjson("");
    let table = || Table::new("patients", &["id"], &["ssn"]).unwrap();
    let kind = |name: &str| {
        let path = place.path().with_file_name(name);
        NdjsonSource::open(path, table()).map(drop).map_err(|error: Error| error.kind())
    };
    assert_eq!(kind("patients.ndjson"), Ok(()), "the control: an empty file has no rows");
    assert_eq!(kind("absent"), Err(ErrorKind::NotFound));
    fs::create_dir(place.path().with_file_name("folder")).unwrap();
    assert_eq!(kind("folder"), Err(ErrorKind::Unsupported));
    #[cfg(unix)]
    {
        fs::hard_link(place.path(), place.path().with_file_name("second")).unwrap();
        assert_eq!(kind("second"), Err(ErrorKind::Unsupported));
    }
}

/// What a value would do to its line is refused before anything is written.
#[test]
fn a_value_that_makes_a_line_too_long_is_refused() {
    let place = Place::ndjson(lines(3));
    let source = place.open().unwrap();
    let read = rows(&*source);
    let long = "x".repeat(16 << 20);
    let batch = [change(&read[0], "new"), change(&read[1], &long)];
    let error = block_on(source.replace(&batch)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert_eq!(rows(&*source), read, "not even the first one");
    assert_eq!(block_on(source.replace(&batch[..1])).unwrap(), [Outcome::Written], "the control");
}

/// Odd text in values goes in and comes out again.
#[test]
fn any_text_is_written_and_read_again() {
    let odd = "\"\\\u{0}\u{1f}\n\r\u{2028}é\u{1F600},;\t ";
    for place in [Place::ndjson(lines(3)), Place::csv("id,ssn\n1,a\n2,\"b\"\n3,c")] {
        let source = place.open().unwrap();
        let read = rows(&*source);
        let batch: Vec<_> = read.iter().map(|row| change(row, odd)).collect();
        assert_eq!(block_on(source.replace(&batch)).unwrap(), [Outcome::Written; 3]);
        block_on(source.finish()).unwrap();
        drop(source);
        let again = rows(&*place.open().unwrap());
        assert!(again.iter().all(|row| row.sealed == [super::text(odd)]), "{}", place.read());
    }
}
