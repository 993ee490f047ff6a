//! One resource: a patient's cells, or something else.

use super::compact::{compact, depth};
use super::fault::Fault;
use super::members::Members;
use super::{Cell, Patient, Resource};

/// How many lists and objects of a patient may be open at once; well within the recursion that
/// [`serde_json`] allows itself (128), so that a cell can always be parsed.
pub(super) const MAX_DEPTH: usize = 100;

/// The longest id that FHIR allows (R4, Data Types, id).
const MAX_ID: usize = 64;

/// Reads the JSON text of one resource.
pub(super) fn read(json: &str) -> Result<Resource, Fault> {
    of(&Members::read(json)?, json)
}

/// Reads a resource whose members have been found.
pub(super) fn of(members: &Members<'_>, json: &str) -> Result<Resource, Fault> {
    if kind(members)? != "Patient" {
        return Ok(Resource::Other);
    }
    if depth(json) > MAX_DEPTH {
        return Err(Fault::TooDeep);
    }
    Ok(Resource::Patient(Patient { id: id(members)?, cells: cells(members)? }))
}

/// The `resourceType`.
pub(super) fn kind(members: &Members<'_>) -> Result<String, Fault> {
    members.string("resourceType")?.ok_or(Fault::TypeMissing)
}

fn id(members: &Members<'_>) -> Result<String, Fault> {
    let id = members.string("id")?.ok_or(Fault::IdMissing)?;
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    if id.is_empty() || id.len() > MAX_ID || !id.bytes().all(allowed) {
        return Err(Fault::IdMalformed);
    }
    Ok(id)
}

fn cells(members: &Members<'_>) -> Result<Vec<Cell>, Fault> {
    let mut cells = Vec::new();
    for member in ["identifier", "name", "address", "telecom"] {
        for (element, index) in members.list(member)?.into_iter().zip(0_u32..) {
            if !element.starts_with('{') {
                return Err(Fault::MistypedElement { member, index });
            }
            cells.push(Cell { field: member, index, value: compact(element) });
        }
    }
    for (member, opens, wanted) in
        [("birthDate", '"', "a string"), ("_birthDate", '{', "an object")]
    {
        if let Some(element) = members.find(member) {
            if !element.starts_with(opens) {
                return Err(Fault::Mistyped { member, wanted });
            }
            cells.push(Cell { field: member, index: 0, value: compact(element) });
        }
    }
    Ok(cells)
}
