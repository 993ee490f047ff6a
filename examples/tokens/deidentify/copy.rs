//! The copy of a resource: what is known to be no identifier, and what the rules leave of the others.

use crate::Vaults;
use phiseal::blocking::wait;
use phiseal::tokens::safe_harbor::{Identifier, Outcome, Report, SafeHarbor};
use serde_json::{Map, Value};
use std::collections::BTreeMap;

pub(crate) struct Copy {
    policy: SafeHarbor,
    today: String,
    vaults: Vaults,
    report: Report,
    /// Elements that are not known, by name, and how often each was removed.
    unknown: BTreeMap<String, u64>,
}

/// Elements whose values say nothing of who somebody is: codes, quantities, states.
const PLAIN: [&str; 32] = [
    "resourceType",
    "status",
    "gender",
    "active",
    "use",
    "system",
    "code",
    "version",
    "unit",
    "comparator",
    "intent",
    "priority",
    "mode",
    "kind",
    "state",
    "country",
    "currency",
    "total",
    "rank",
    "userSelected",
    "preferred",
    "lotNumber",
    "valueBoolean",
    "valueInteger",
    "deceasedBoolean",
    "multipleBirthBoolean",
    "multipleBirthInteger",
    "type",
    "linkId",
    "sequence",
    "class",
    "frequency",
];

/// Elements that have others in them.
const NESTED: [&str; 49] = [
    "entry",
    "resource",
    "coding",
    "code",
    "category",
    "class",
    "type",
    "valueQuantity",
    "valueCodeableConcept",
    "component",
    "referenceRange",
    "low",
    "high",
    "maritalStatus",
    "communication",
    "language",
    "subject",
    "patient",
    "encounter",
    "period",
    "bodySite",
    "interpretation",
    "clinicalStatus",
    "verificationStatus",
    "severity",
    "stage",
    "reasonCode",
    "reasonReference",
    "reaction",
    "manifestation",
    "vaccineCode",
    "route",
    "site",
    "doseQuantity",
    "medicationCodeableConcept",
    "dosageInstruction",
    "doseAndRate",
    "timing",
    "repeat",
    "result",
    "partOf",
    "basedOn",
    "procedureCode",
    "diagnosis",
    "condition",
    "serviceType",
    "method",
    "member",
    "hospitalization",
];

/// What an element is, where it is an identifier whatever stands around it.
fn identifier(name: &str) -> Option<Identifier> {
    Some(match name {
        "name"
        | "contact"
        | "generalPractitioner"
        | "managingOrganization"
        | "practitioner"
        | "performer" => Identifier::Name,
        "birthDate" | "_birthDate" => Identifier::BirthDate,
        "photo" => Identifier::Photograph,
        "url" | "fullUrl" | "link" => Identifier::Url,
        "serialNumber" | "udiCarrier" | "distinctIdentifier" => Identifier::DeviceIdentifier,
        "line" | "city" | "district" => Identifier::Address,
        "postalCode" => Identifier::Zip,
        _ => return None,
    })
}

impl Copy {
    pub(crate) fn new(policy: SafeHarbor, today: String, vaults: Vaults) -> Self {
        let report = policy.report();
        Self { policy, today, vaults, report, unknown: BTreeMap::new() }
    }

    pub(crate) const fn report(&self) -> &Report {
        &self.report
    }

    pub(crate) const fn unknown(&self) -> &BTreeMap<String, u64> {
        &self.unknown
    }

    /// The copy of a resource; none of what is none.
    pub(crate) fn resource(&mut self, resource: &Value) -> Result<Option<Value>, phiseal::Error> {
        let is_resource = resource.get("resourceType").is_some_and(Value::is_string);
        if is_resource { self.nested("resource", resource) } else { Ok(None) }
    }

    /// What is left of an object, or of each of a list.
    fn nested(&mut self, name: &str, value: &Value) -> Result<Option<Value>, phiseal::Error> {
        match value {
            Value::Array(values) => {
                let mut left = Vec::new();
                for value in values {
                    left.extend(self.nested(name, value)?);
                }
                Ok((!left.is_empty()).then_some(Value::Array(left)))
            }
            Value::Object(members) => {
                let mut left = Map::new();
                for (member, value) in members {
                    if let Some(value) = self.member(name, member, value)? {
                        left.insert(member.clone(), value);
                    }
                }
                Ok((!left.is_empty()).then_some(Value::Object(left)))
            }
            // A scalar in a list of codes, such as `category: "food"`.
            Value::String(_) | Value::Number(_) | Value::Bool(_) if PLAIN.contains(&name) => {
                Ok(Some(value.clone()))
            }
            _ => Ok(None),
        }
    }

    /// What is left of a member of an object that is called `parent`.
    fn member(
        &mut self,
        parent: &str,
        name: &str,
        value: &Value,
    ) -> Result<Option<Value>, phiseal::Error> {
        if let Some(of) = identifier(name) {
            return self.identified(of, value);
        }
        match (parent, name, value) {
            ("resource", "id", Value::String(id)) => self.id(id).map(Some),
            (_, "reference", Value::String(reference)) => self.reference(reference),
            ("coding", "display", Value::String(_)) => Ok(Some(value.clone())),
            (_, "identifier", _) => self.each(value, |copy, identified| {
                let of = identified_by(identified);
                let value = identified.get("value").and_then(Value::as_str);
                let left = value.map(|value| copy.apply(of, value)).transpose()?.flatten();
                Ok(left.map(|left| Value::Object(Map::from_iter([("value".to_owned(), left)]))))
            }),
            (_, "telecom", _) => self.each(value, |copy, contact| {
                let of = match contact.get("system").and_then(Value::as_str) {
                    Some("fax") => Identifier::Fax,
                    Some("email") => Identifier::Email,
                    Some("url") => Identifier::Url,
                    _ => Identifier::Phone,
                };
                let value = contact.get("value").and_then(Value::as_str);
                value.map(|value| copy.apply(of, value)).transpose().map(Option::flatten)
            }),
            (_, "address", _) => self.nested("address", value),
            ("address", "text", Value::String(text)) => self.apply(Identifier::Address, text),
            (_, _, Value::String(text)) if is_date(name) => self.apply(Identifier::Date, text),
            (_, _, Value::String(_)) if PLAIN.contains(&name) => Ok(Some(value.clone())),
            (_, _, Value::Number(_) | Value::Bool(_))
                if name == "value" || PLAIN.contains(&name) =>
            {
                Ok(Some(value.clone()))
            }
            (_, _, Value::Array(_) | Value::Object(_)) if NESTED.contains(&name) => {
                self.nested(name, value)
            }
            _ => {
                *self.unknown.entry(name.to_owned()).or_default() += 1;
                Ok(None)
            }
        }
    }

    /// What is left of an element that is an identifier whatever is in it.
    fn identified(
        &mut self,
        of: Identifier,
        value: &Value,
    ) -> Result<Option<Value>, phiseal::Error> {
        match value {
            Value::String(text) => self.apply(of, text),
            Value::Array(values) => {
                for value in values {
                    self.apply(of, value.as_str().unwrap_or_default())?;
                }
                Ok(None)
            }
            _ => self.apply(of, ""),
        }
    }

    /// What `left` leaves of each object of a list.
    fn each(
        &mut self,
        value: &Value,
        left: impl Fn(&mut Self, &Map<String, Value>) -> Result<Option<Value>, phiseal::Error>,
    ) -> Result<Option<Value>, phiseal::Error> {
        let all = match value {
            Value::Array(values) => values.as_slice(),
            one => core::slice::from_ref(one),
        };
        let mut kept = Vec::new();
        for object in all.iter().filter_map(Value::as_object) {
            kept.extend(left(self, object)?);
        }
        Ok((!kept.is_empty()).then_some(Value::Array(kept)))
    }

    /// What the policy leaves of an identifier.
    fn apply(
        &mut self,
        identifier: Identifier,
        value: &str,
    ) -> Result<Option<Value>, phiseal::Error> {
        let outcome = self.policy.apply(identifier, value, &self.today, &mut self.report);
        Ok(match outcome {
            Outcome::Removed => None,
            Outcome::Kept(left) => Some(Value::String(left)),
            Outcome::Token => Some(Value::String(wait(self.vaults.values.tokenize(value))?)),
        })
    }

    /// The random token of an id: equal ids have one.
    fn id(&self, id: &str) -> Result<Value, phiseal::Error> {
        wait(self.vaults.ids.tokenize(id)).map(Value::String)
    }

    /// `Patient/p1` with the token of `p1`; nothing of a reference of another form.
    fn reference(&mut self, reference: &str) -> Result<Option<Value>, phiseal::Error> {
        let parts: Vec<&str> = reference.split('/').collect();
        match parts.as_slice() {
            [kind, id]
                if kind.bytes().all(|byte| byte.is_ascii_alphabetic()) && !kind.is_empty() =>
            {
                let Value::String(token) = self.id(id)? else { return Ok(None) };
                Ok(Some(Value::String(format!("{kind}/{token}"))))
            }
            _ => self.apply(Identifier::Url, reference),
        }
    }
}

/// By what a business identifier identifies (HL7 v2 table 0203).
fn identified_by(identifier: &Map<String, Value>) -> Identifier {
    let codes = identifier.get("type").and_then(|of| of.get("coding")).and_then(Value::as_array);
    let code = codes.into_iter().flatten().find_map(|coding| coding.get("code")?.as_str());
    match code {
        Some("MR") => Identifier::MedicalRecordNumber,
        Some("SS" | "SB") => Identifier::SocialSecurityNumber,
        Some("DL") => Identifier::LicenceNumber,
        Some("MB" | "MC" | "MA" | "HC") => Identifier::HealthPlanNumber,
        Some("AN") => Identifier::AccountNumber,
        Some("SNO" | "UDI") => Identifier::DeviceIdentifier,
        _ => Identifier::OtherUnique,
    }
}

/// Elements of the types `date`, `dateTime` and `instant`, by their names.
fn is_date(name: &str) -> bool {
    let known = [
        "start",
        "end",
        "issued",
        "authoredOn",
        "recorded",
        "date",
        "lastUpdated",
        "onset",
        "abatement",
        "expirationDate",
    ];
    known.contains(&name)
        || name.ends_with("Date")
        || name.ends_with("DateTime")
        || name.ends_with("Instant")
}
