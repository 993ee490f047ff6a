//! Where each field of a stored keyset lies.

use core::ops::Range;

/// A field of a stored keyset: its name, the version that it belongs to (0: none), and its bytes.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) version: u32,
    pub(crate) range: Range<usize>,
}

struct Reader<'a> {
    body: &'a [u8],
    at: usize,
    version: u32,
    fields: Vec<Field>,
}

impl Reader<'_> {
    fn take(&mut self, name: &'static str, length: usize) -> u64 {
        let range = self.at..self.at + length;
        let value = self.body[range.clone()]
            .iter()
            .fold(0, |so_far: u64, byte| so_far.wrapping_shl(8) | u64::from(*byte));
        if length > 0 {
            self.fields.push(Field { name, version: self.version, range: range.clone() });
        }
        self.at = range.end;
        value
    }

    fn length(&mut self, name: &'static str, bytes: usize) -> usize {
        usize::try_from(self.take(name, bytes)).unwrap()
    }
}

/// Every field of the keyset whose canonical bytes `body` is; together they are all of it.
pub(crate) fn fields(body: &[u8]) -> Vec<Field> {
    let mut reader = Reader { body, at: 0, version: 0, fields: Vec::new() };
    reader.take("format version", 1);
    reader.take("environment", 16);
    reader.take("domain", 16);
    let length = reader.length("length of the name", 2);
    reader.take("name", length);
    reader.take("revision", 8);
    let custodians = reader.take("authority", 1) == 2;
    reader.take("request", if custodians { 32 } else { 0 });
    reader.take("changed by one", 1);
    reader.take("primary", 4);
    let versions = reader.take("number of versions", 2);
    for _ in 0..versions {
        let number = u32::try_from(reader.take("number", 4)).unwrap();
        reader.fields.last_mut().unwrap().version = number;
        reader.version = number;
        reader.take("state", 1);
        reader.take("key id", 32);
        reader.take("created", 8);
        reader.take("activated", 8);
        reader.take("replaced", 8);
        let wraps = reader.take("number of wraps", 1);
        for _ in 0..wraps {
            reader.length("length of the wrap", 2);
            reader.take("format version of the wrap", 1);
            reader.take("algorithm", 1);
            let length = reader.length("length of the KEK id", 1);
            reader.take("KEK id", length);
            reader.take("KEK version", 4);
            let length = reader.length("length of the wrapped key", 2);
            reader.take("wrapped key", length);
        }
        reader.version = 0;
    }
    assert_eq!(reader.at, body.len(), "the fields are all of the keyset");
    let mut at = 0;
    for field in &reader.fields {
        assert_eq!(field.range.start, at);
        at = field.range.end;
    }
    assert_eq!(at, body.len());
    reader.fields
}

/// The field of this name of this version (0: of the keyset).
pub(crate) fn field(body: &[u8], name: &str, version: u32) -> Range<usize> {
    let fields = fields(body);
    fields.into_iter().find(|f| f.name == name && f.version == version).unwrap().range
}
