//! A file that is one JSON text: a Bundle, or a single resource.

use std::io::{self, Read};

use super::fault::Fault;
use super::lines::BYTE_ORDER_MARK;
use super::members::Members;
use super::{MAX_DOCUMENT, MAX_LINE, Resource, patient};

/// A resource, or what is wrong with it, and its number: the entry's from 1, or 0 for the file as a whole.
type Numbered = (u64, Result<Resource, Fault>);

/// Reads a document to its end.
pub(super) fn read(stream: impl Read) -> io::Result<Vec<Numbered>> {
    let mut bytes = Vec::new();
    let limit = u64::try_from(MAX_DOCUMENT).unwrap_or(u64::MAX);
    stream.take(limit.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() > MAX_DOCUMENT {
        return Ok(vec![(0, Err(Fault::DocumentTooLong))]);
    }
    Ok(resources(&Document::new(&bytes)))
}

fn resources(document: &Document) -> Vec<Numbered> {
    let json = document.json();
    let members = match Members::read(json) {
        Ok(members) => members,
        Err(fault) => return vec![(0, Err(document.not_utf8_in(json).unwrap_or(fault)))],
    };
    match patient::kind(&members) {
        Ok(kind) if kind == "Bundle" => match members.list("entry") {
            Ok(entries) => {
                (1..).zip(entries.into_iter().map(|json| entry(document, json))).collect()
            }
            Err(fault) => vec![(0, Err(fault))],
        },
        Ok(_) => vec![(1, document.sound(json).and_then(|()| patient::of(&members, json)))],
        Err(fault) => vec![(0, Err(fault))],
    }
}

/// The resource of an entry (FHIR R4, Bundle), which may have none, as in a transaction's response.
fn entry(document: &Document, json: &str) -> Result<Resource, Fault> {
    document.sound(json)?;
    match Members::read(json)?.find("resource") {
        Some(resource) => patient::read(resource),
        None => Ok(Resource::Other),
    }
}

/// The text of a document in which every sequence that is not UTF-8 has become U+FFFD, and where those are.
///
/// So a foreign byte in one entry of a Bundle spoils that entry and not its neighbours.
struct Document {
    text: String,
    foreign: Vec<Foreign>,
}

/// A sequence that is not UTF-8: where it was among the bytes, and where it is in the text.
struct Foreign {
    byte: usize,
    place: usize,
}

impl Document {
    fn new(bytes: &[u8]) -> Self {
        let bytes = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
        let (mut text, mut foreign) = (String::with_capacity(bytes.len()), Vec::new());
        let mut byte = 0_usize;
        for chunk in bytes.utf8_chunks() {
            text.push_str(chunk.valid());
            byte = byte.saturating_add(chunk.valid().len());
            if !chunk.invalid().is_empty() {
                foreign.push(Foreign { byte, place: text.len() });
                text.push(char::REPLACEMENT_CHARACTER);
                byte = byte.saturating_add(chunk.invalid().len());
            }
        }
        Self { text, foreign }
    }

    fn json(&self) -> &str {
        &self.text
    }

    /// Refuses a part of the text that is too long or holds what was not UTF-8.
    fn sound(&self, part: &str) -> Result<(), Fault> {
        match self.not_utf8_in(part) {
            Some(fault) => Err(fault),
            None if part.len() > MAX_LINE => Err(Fault::LineTooLong),
            None => Ok(()),
        }
    }

    /// The first sequence in `part`, a slice of the text, that was not UTF-8.
    fn not_utf8_in(&self, part: &str) -> Option<Fault> {
        let start = part.as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        let within = start..start.saturating_add(part.len());
        let first = self.foreign.iter().find(|foreign| within.contains(&foreign.place))?;
        Some(Fault::NotUtf8 { byte: first.byte.saturating_add(1) })
    }
}
