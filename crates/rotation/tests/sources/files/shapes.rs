//! Every byte that is not of a replaced value stays as it is.

use super::{Place, change, lines, rows, text};
use phiseal_keys::ErrorKind;
use phiseal_rotation::source::{
    Change, CsvSource, NdjsonSource, Outcome, RowKey, Scalar, Source, Stored, Swap, Table,
};
use pollster::block_on;
use std::fs;

/// Replaces each sealed value by `phi1.N`, in batches of `batch`.
fn replaced(place: &Place, source: &dyn Source, batch: usize) -> String {
    let mut number = 0;
    let mut changes = Vec::new();
    for row in rows(source) {
        let mut swaps = Vec::new();
        for (column, old) in row.sealed.iter().enumerate() {
            if matches!(old, Stored::Text(_)) {
                number += 1;
                swaps.push(Swap { column, old: old.clone(), new: text(&format!("phi1.{number}")) });
            }
        }
        if !swaps.is_empty() {
            changes.push(Change { key: row.key, swaps });
        }
    }
    assert!(!changes.is_empty());
    for changes in changes.chunks(batch) {
        let outcomes = block_on(source.replace(changes)).unwrap();
        assert_eq!(outcomes, vec![Outcome::Written; changes.len()]);
    }
    block_on(source.finish()).unwrap();
    place.read()
}

const JSON: &str = "\u{feff}  { \"id\" : 1.0e0 , \"key\":\"a\",\"ssn\" :  \"old\\u0031\" ,\"big\":1.2300e+0005,\"a\":{ \"name\":\"x\\/y\"} }\r\n\
    \n\
    {\"key\":\"b\",\"ssn\":null,\"a\":{\"name\":\"\\ud83d\\ude00\",\"n\":[1,2.0]},\"\\u0061b\":true}   \n\
    {\"a\":{\"name\":7},\"ssn\":\"\u{e9}\",\"key\":\"c\"}\t\r\n\
     \t\r\n\
    {\"a\":[],\"key\":\"d\",\"ssn\":\"last without an end\"}";

#[test]
fn lines_of_json_keep_their_form() {
    let expected = "\u{feff}  { \"id\" : 1.0e0 , \"key\":\"a\",\"ssn\" :  \"phi1.1\" ,\"big\":1.2300e+0005,\"a\":{ \"name\":\"phi1.2\"} }\r\n\
        \n\
        {\"key\":\"b\",\"ssn\":null,\"a\":{\"name\":\"phi1.3\",\"n\":[1,2.0]},\"\\u0061b\":true}   \n\
        {\"a\":{\"name\":7},\"ssn\":\"phi1.4\",\"key\":\"c\"}\t\r\n\
         \t\r\n\
        {\"a\":[],\"key\":\"d\",\"ssn\":\"phi1.5\"}";
    for batch in [1, 2, 9] {
        let place = Place::ndjson(JSON);
        let table = Table::new("patients", &["key"], &["ssn", "a.name"]).unwrap();
        let source = NdjsonSource::open(place.path(), table).unwrap();
        assert_eq!(rows(&source)[2].sealed[1], Stored::Other);
        assert_eq!(replaced(&place, &source, batch), expected, "{batch}");
        assert_eq!(place.names(), ["patients.ndjson"], "nothing is left beside it");
    }
}

const CSV: &str = "\u{feff}\"key\";\"a;b\";ssn;note\r\n\
    a;\"1;\"\"2\"\"\";old;\"two\r\nlines\"\r\n\
    \r\n\
    \"b\";;\"old, too\"; 'x' \n\
    c;;;\"\"\r\n\
    d;\"\u{e9}\";\"o\"\"ld\";5\" tube";

#[test]
fn separated_values_keep_their_form() {
    let expected = "\u{feff}\"key\";\"a;b\";ssn;note\r\n\
        a;\"phi1.1\";phi1.2;\"two\r\nlines\"\r\n\
        \r\n\
        \"b\";;\"phi1.3\"; 'x' \n\
        c;;;\"\"\r\n\
        d;\"phi1.4\";\"phi1.5\";5\" tube";
    for batch in [1, 2, 9] {
        let place = Place::csv(CSV);
        let table = Table::new("patients", &["key"], &["a;b", "ssn"]).unwrap();
        let source =
            CsvSource::open_separated(place.path(), table.with_others(&["note"]).unwrap(), b';');
        let source = source.unwrap();
        let read = rows(&source);
        assert_eq!(read[0].sealed[0], text("1;\"2\""));
        assert_eq!(read[0].others, [Scalar::Text("two\r\nlines".to_owned())]);
        assert_eq!(replaced(&place, &source, batch), expected, "{batch}");
        assert_eq!(place.names(), ["patients.csv"]);
    }
}

#[test]
fn batches_in_any_order_are_written() {
    let place = Place::ndjson(lines(100));
    let source = place.open().unwrap();
    let read = rows(&*source);
    // Forwards, backwards, one twice, and one that is not there.
    let absent = Change {
        key: {
            let other = Place::ndjson("{\"id\":1000,\"ssn\":\"x\"}\n");
            rows(&*other.open().unwrap()).remove(0).key
        },
        ..change(&read[0], "x")
    };
    let batch = |places: &[usize], new: &str| {
        let changes: Vec<_> = places.iter().map(|at| change(&read[*at], new)).collect();
        block_on(source.replace(&changes)).unwrap()
    };
    assert_eq!(batch(&[10, 11, 50], "one"), [Outcome::Written; 3]);
    assert_eq!(batch(&[5, 60, 99], "two"), [Outcome::Written; 3]);
    assert_eq!(batch(&[10, 12], "three"), [Outcome::Changed, Outcome::Written]);
    assert_eq!(block_on(source.replace(&[absent])).unwrap(), [Outcome::Gone]);
    assert_eq!(batch(&[98, 0], "four"), [Outcome::Written; 2]);
    let now = rows(&*source);
    let other: Vec<_> = now
        .iter()
        .zip(&read)
        .filter(|(now, then)| now.sealed != then.sealed)
        .map(|(now, _)| &now.sealed[0])
        .collect();
    let expected = ["four", "two", "one", "one", "three", "one", "two", "four", "two"];
    assert_eq!(other, expected.map(text).iter().collect::<Vec<_>>());
    assert_eq!(place.read(), lines(100), "until it is finished, the file is as it was");
    block_on(source.finish()).unwrap();
    assert_eq!(place.read().matches("old").count(), 91);
    assert_eq!(rows(&*source), now, "and goes on from there");
    assert_eq!(batch(&[1], "five"), [Outcome::Written]);
    block_on(source.finish()).unwrap();
    assert_eq!(place.read().matches("old").count(), 90);
    assert_eq!(place.names(), ["patients.ndjson"]);
}

#[test]
fn nothing_to_write_writes_nothing() {
    let place = Place::ndjson(lines(3));
    let before = fs::metadata(place.path()).unwrap().modified().unwrap();
    let source = place.open().unwrap();
    let mut stale = change(&rows(&*source)[1], "new");
    stale.swaps[0].old = text("another one");
    assert_eq!(block_on(source.replace(&[stale])).unwrap(), [Outcome::Changed]);
    assert_eq!(place.names(), ["patients.ndjson"]);
    block_on(source.finish()).unwrap();
    assert_eq!(fs::metadata(place.path()).unwrap().modified().unwrap(), before);
}

/// A page is found again by its end, and any other row by its key.
#[test]
fn pages_go_on_from_any_row() {
    let place = Place::ndjson(lines(200));
    let source = place.open().unwrap();
    let all = rows(&*source);
    for at in [0, 150, 17, 198, 199] {
        let page = block_on(source.scan(Some(&all[at].key), None, 2)).unwrap();
        assert_eq!(page, all[at + 1..].iter().take(2).cloned().collect::<Vec<_>>());
    }
    let absent = RowKey::new(vec![Scalar::Integer(1_000)]).unwrap();
    for (after, until) in [(Some(&absent), None), (None, Some(&absent))] {
        let refused = block_on(source.scan(after, until, 1)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Conflict, "a key of no row has no place");
    }
}

#[cfg(unix)]
#[test]
fn the_new_file_has_the_mode_and_the_name_of_the_old_one() {
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    let place = Place::ndjson(lines(3));
    fs::set_permissions(place.path(), fs::Permissions::from_mode(0o640)).unwrap();
    let link = place.path().with_file_name("link");
    symlink("patients.ndjson", &link).unwrap();
    let table = Table::new("patients", &["id"], &["ssn"]).unwrap();
    let source = NdjsonSource::open(&link, table).unwrap();
    let before = fs::metadata(place.path()).unwrap();
    let first = rows(&source).remove(0);
    block_on(source.replace(&[change(&first, "new")])).unwrap();
    let beside = place.path().with_file_name(".patients.ndjson.phiseal-new");
    assert_eq!(fs::metadata(beside).unwrap().mode() & 0o777, 0o640);
    block_on(source.finish()).unwrap();
    let after = fs::metadata(place.path()).unwrap();
    assert_eq!(
        (after.mode(), after.uid(), after.gid()),
        (before.mode(), before.uid(), before.gid())
    );
    assert_ne!(after.ino(), before.ino(), "the control");
    assert!(fs::symlink_metadata(link).unwrap().is_symlink());
}

/// In each row the value of the first sealed column, which is nothing, becomes `phi1.N`, and then nothing again.
fn filled_and_emptied(place: &Place, open: &dyn Fn() -> Box<dyn Source>) -> [String; 2] {
    [false, true].map(|is_filled| {
        let source = open();
        let change = |(number, row): (usize, phiseal_rotation::source::Row)| {
            let new = text(&format!("phi1.{number}"));
            let (old, new) =
                if is_filled { (new, Stored::Nothing) } else { (Stored::Nothing, new) };
            assert_eq!(row.sealed[0], old);
            Change { key: row.key, swaps: vec![Swap { column: 0, old, new }] }
        };
        let changes: Vec<_> = rows(&*source).into_iter().enumerate().map(change).collect();
        let outcomes = block_on(source.replace(&changes)).unwrap();
        assert_eq!(outcomes, vec![Outcome::Written; changes.len()]);
        block_on(source.finish()).unwrap();
        place.read()
    })
}

#[test]
fn what_a_line_of_json_did_not_have_finds_its_place_at_the_end() {
    let place = Place::ndjson(
        "{\"key\":\"a\"}\n{\"key\":\"b\", \"new\" : null , \"c\":{\"new\":1}}\r\n{\"d\":[{}],\"key\":\"c}\"\t} ",
    );
    let open = || -> Box<dyn Source> {
        let table = Table::new("patients", &["key"], &["new"]).unwrap();
        Box::new(NdjsonSource::open(place.path(), table).unwrap())
    };
    let [filled, emptied] = filled_and_emptied(&place, &open);
    assert_eq!(
        filled,
        "{\"key\":\"a\",\"new\":\"phi1.0\"}\n{\"key\":\"b\", \"new\" : \"phi1.1\" , \"c\":{\"new\":1}}\r\n\
         {\"d\":[{}],\"key\":\"c}\"\t,\"new\":\"phi1.2\"} "
    );
    assert_eq!(
        emptied,
        "{\"key\":\"a\",\"new\":null}\n{\"key\":\"b\", \"new\" : null , \"c\":{\"new\":1}}\r\n\
         {\"d\":[{}],\"key\":\"c}\"\t,\"new\":null} "
    );
}

/// Where the object is that it would be in, nobody can say.
#[test]
fn what_is_inside_of_another_object_that_is_not_there_is_refused() {
    let contents = "{\"key\":\"a\",\"b\":{\"new\":null}}\n{\"key\":\"b\",\"b\":{}}\n";
    let place = Place::ndjson(contents);
    let table = Table::new("patients", &["key"], &["b.new"]).unwrap();
    let source = NdjsonSource::open(place.path(), table).unwrap();
    let change = |row: &phiseal_rotation::source::Row| {
        let swaps = vec![Swap { column: 0, old: Stored::Nothing, new: text("phi1.x") }];
        Change { key: row.key.clone(), swaps }
    };
    let rows = rows(&source);
    let refused = block_on(source.replace(&[change(&rows[1])])).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    assert_eq!(block_on(source.replace(&[change(&rows[0])])).unwrap(), [Outcome::Written]);
    block_on(source.finish()).unwrap();
    assert_eq!(place.read(), contents.replace("null", "\"phi1.x\""));
}

#[test]
fn an_empty_field_is_filled_and_emptied() {
    let place = Place::csv("key,new,other\na,,1\nb,\"\",\"x,y\"\r\nc,,");
    let open = || -> Box<dyn Source> {
        let table = Table::new("patients", &["key"], &["new"]).unwrap();
        Box::new(CsvSource::open(place.path(), table).unwrap())
    };
    let [filled, emptied] = filled_and_emptied(&place, &open);
    assert_eq!(filled, "key,new,other\na,phi1.0,1\nb,\"phi1.1\",\"x,y\"\r\nc,phi1.2,");
    assert_eq!(emptied, "key,new,other\na,,1\nb,,\"x,y\"\r\nc,,");
}
