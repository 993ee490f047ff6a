//! The members of a JSON object that matter here, unparsed.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::fault::Fault;

/// The members that are looked at, in any object.
const NAMES: [&str; 10] = [
    "resourceType",
    "id",
    "entry",
    "resource",
    "identifier",
    "name",
    "address",
    "telecom",
    "birthDate",
    "_birthDate",
];

/// The JSON text of those members of one object; the others are checked to be JSON and dropped.
pub(super) struct Members<'a> {
    values: [Option<&'a RawValue>; NAMES.len()],
    repeated: Option<&'static str>,
}

impl<'a> Members<'a> {
    /// Reads an object.
    ///
    /// Does not recurse into what it holds, however deep that is.
    pub(super) fn read(json: &'a str) -> Result<Self, Fault> {
        let members: Self = serde_json::from_str(json).map_err(|error| {
            if error.is_data() {
                Fault::NotAnObject
            } else {
                Fault::NotJson { line: error.line(), column: error.column() }
            }
        })?;
        match members.repeated {
            Some(member) => Err(Fault::Repeated { member }),
            None => Ok(members),
        }
    }

    /// The text of a member, which is one of `NAMES`.
    pub(super) fn find(&self, name: &str) -> Option<&'a str> {
        let place = NAMES.iter().position(|known| *known == name)?;
        self.values.get(place).copied().flatten().map(RawValue::get)
    }

    /// The value of a member that FHIR makes a string.
    pub(super) fn string(&self, member: &'static str) -> Result<Option<String>, Fault> {
        let Some(json) = self.find(member) else { return Ok(None) };
        let mistyped = Fault::Mistyped { member, wanted: "a string" };
        serde_json::from_str(json).map(Some).map_err(|_| mistyped)
    }

    /// The texts of the elements of a member that FHIR makes a list.
    pub(super) fn list(&self, member: &'static str) -> Result<Vec<&'a str>, Fault> {
        let Some(json) = self.find(member) else { return Ok(Vec::new()) };
        let elements: Vec<&RawValue> =
            serde_json::from_str(json).map_err(|_| Fault::Mistyped { member, wanted: "a list" })?;
        Ok(elements.into_iter().map(RawValue::get).collect())
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MembersVisitor)
    }
}

struct MembersVisitor;

impl<'de> Visitor<'de> for MembersVisitor {
    type Value = Members<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Members { values: [None; NAMES.len()], repeated: None };
        while let Some(Name(place)) = map.next_key()? {
            let Some((value, name)) =
                place.and_then(|place| members.values.get_mut(place).zip(NAMES.get(place)))
            else {
                map.next_value::<IgnoredAny>()?;
                continue;
            };
            if value.replace(map.next_value()?).is_some() {
                members.repeated = Some(name);
            }
        }
        Ok(members)
    }
}

/// A member's name: its place in `NAMES`.
struct Name(Option<usize>);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Name, E> {
        Ok(Name(NAMES.iter().position(|known| *known == name)))
    }
}
