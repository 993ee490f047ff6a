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

/// Elements whose values are codes of FHIR's own, or whether something is so.
const PLAIN: [&str; 24] = [
    "resourceType",
    "status",
    "gender",
    "active",
    "use",
    "code",
    "version",
    "comparator",
    "intent",
    "priority",
    "mode",
    "kind",
    "currency",
    "total",
    "rank",
    "userSelected",
    "preferred",
    "unit",
    "valueBoolean",
    "deceasedBoolean",
    "multipleBirthBoolean",
    "multipleBirthInteger",
    "type",
    "frequency",
];

/// Where codes are from that everybody uses, so that they and what they are called say nothing of a person.
const PUBLIC: [&str; 10] = [
    "http://loinc.org",
    "http://snomed.info/sct",
    "http://www.nlm.nih.gov/research/umls/rxnorm",
    "http://hl7.org/fhir/",
    "http://terminology.hl7.org/",
    "http://unitsofmeasure.org",
    "http://www.ama-assn.org/go/cpt",
    "urn:ietf:bcp:47",
    "urn:iso:std:iso:3166",
    "urn:oid:2.16.840.1.113883.6.",
];

/// What references are to.
const TYPES: [&str; 40] = [
    "Account",
    "AllergyIntolerance",
    "Appointment",
    "CarePlan",
    "CareTeam",
    "Claim",
    "Condition",
    "Consent",
    "Coverage",
    "Device",
    "DiagnosticReport",
    "DocumentReference",
    "Encounter",
    "EpisodeOfCare",
    "ExplanationOfBenefit",
    "FamilyMemberHistory",
    "Flag",
    "Goal",
    "Group",
    "HealthcareService",
    "ImagingStudy",
    "Immunization",
    "Location",
    "Media",
    "Medication",
    "MedicationAdministration",
    "MedicationDispense",
    "MedicationRequest",
    "MedicationStatement",
    "NutritionOrder",
    "Observation",
    "Organization",
    "Patient",
    "Practitioner",
    "PractitionerRole",
    "Procedure",
    "RelatedPerson",
    "ServiceRequest",
    "Specimen",
    "Task",
];

/// States and territories by the codes of the United States Postal Service.
const STATES: &str = "AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY \
    NC ND OH OK OR PA RI SC SD TN TX UT VT VA WA WV WI WY DC AS GU MP PR VI";

/// Elements of the types `date`, `dateTime` and `instant`.
const DATES: [&str; 25] = [
    "start",
    "end",
    "issued",
    "authoredOn",
    "recorded",
    "date",
    "lastUpdated",
    "expirationDate",
    "manufactureDate",
    "recordedDate",
    "assertedDate",
    "onsetDateTime",
    "abatementDateTime",
    "effectiveDateTime",
    "effectiveInstant",
    "performedDateTime",
    "occurrenceDateTime",
    "deceasedDateTime",
    "collectedDateTime",
    "statusDate",
    "startDate",
    "dueDate",
    "created",
    "sent",
    "received",
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
        "birthDate" | "_birthDate" | "bornDate" => Identifier::BirthDate,
        "photo" => Identifier::Photograph,
        "url" | "link" => Identifier::Url,
        "serialNumber" | "udiCarrier" | "distinctIdentifier" | "lotNumber" => {
            Identifier::DeviceIdentifier
        }
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
            Value::Object(members) if name == "coding" && !is_public(members) => {
                self.note_unknown("coding");
                Ok(None)
            }
            Value::Object(members) if self.tells_an_age(members)? => Ok(None),
            Value::Object(members) => {
                let mut left = Map::new();
                for (member, value) in members {
                    if let Some(value) = self.member(name, member, value)? {
                        left.insert(member.clone(), value);
                    }
                }
                Ok((!left.is_empty()).then_some(Value::Object(left)))
            }
            // In a list, such as `type: ["vegan"]`, as alone.
            Value::String(text) if PLAIN.contains(&name) && is_code(text) => {
                Ok(Some(value.clone()))
            }
            Value::Number(_) | Value::Bool(_) if PLAIN.contains(&name) => Ok(Some(value.clone())),
            _ => {
                self.note_unknown(name);
                Ok(None)
            }
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
            (_, "address", _) => self.each(value, Self::address),
            (_, "fullUrl", Value::String(url)) => self.reference(url),
            (
                "coding" | "valueQuantity" | "doseQuantity" | "low" | "high",
                "system",
                Value::String(system),
            ) => Ok(from_public(system).then(|| value.clone())),
            (_, _, Value::String(text)) if DATES.contains(&name) => {
                self.apply(Identifier::Date, text)
            }
            (_, _, Value::String(text)) if PLAIN.contains(&name) && is_code(text) => {
                Ok(Some(value.clone()))
            }
            (_, _, Value::Number(_) | Value::Bool(_))
                if name == "value" || PLAIN.contains(&name) =>
            {
                Ok(Some(value.clone()))
            }
            (_, _, Value::Array(_) | Value::Object(_)) if NESTED.contains(&name) => {
                self.nested(name, value)
            }
            _ => {
                self.note_unknown(name);
                Ok(None)
            }
        }
    }

    /// Counts an element that is not known. A name that FHIR would not give is not shown either.
    fn note_unknown(&mut self, name: &str) {
        let is_of_name = |byte: u8| byte.is_ascii_alphabetic() || byte == b'_';
        let is_shown = name.len() <= 40 && name.bytes().all(is_of_name);
        *self.unknown.entry(if is_shown { name } else { "(other)" }.to_owned()).or_default() += 1;
    }

    /// Whether a quantity is an age over 89, or as long a time; it is counted as one then.
    fn tells_an_age(&mut self, quantity: &Map<String, Value>) -> Result<bool, phiseal::Error> {
        let text = |name: &str| {
            quantity.get(name).and_then(Value::as_str).unwrap_or_default().to_lowercase()
        };
        let (unit, code) = (text("unit"), text("code"));
        let is_in = |known: &str, units: &[&str]| {
            code == known || units.iter().any(|known| unit.starts_with(known))
        };
        let a_year = if is_in("a", &["year", "yr", "y/o", "yo"]) {
            1.0
        } else if is_in("mo", &["mo"]) {
            12.0
        } else if is_in("wk", &["week", "wk"]) {
            52.0
        } else if is_in("d", &["day"]) {
            365.0
        } else {
            return Ok(false);
        };
        if quantity.get("value").and_then(Value::as_f64).unwrap_or_default() / a_year < 90.0 {
            return Ok(false);
        }
        self.apply(Identifier::Age, "90").map(|_| true)
    }

    /// What is left of an address: State, country, and of a ZIP code of the United States what the policy leaves.
    fn address(&mut self, address: &Map<String, Value>) -> Result<Option<Value>, phiseal::Error> {
        let country = address.get("country").and_then(Value::as_str);
        let is_domestic = country.is_none_or(|country| ["US", "USA"].contains(&country));
        let is_country = |text: &str| {
            (2..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_uppercase())
        };
        let mut left = Map::new();
        for (name, value) in address {
            let text = value.as_str().unwrap_or_default();
            let kept = match name.as_str() {
                "postalCode" if is_domestic => self.apply(Identifier::Zip, text)?,
                "state" if STATES.split_whitespace().any(|state| state == text) => {
                    Some(value.clone())
                }
                "country" if is_country(text) => Some(value.clone()),
                "use" if is_code(text) => Some(value.clone()),
                "period" => self.nested(name, value)?,
                _ => {
                    self.apply(Identifier::Address, text)?;
                    None
                }
            };
            left.extend(kept.map(|kept| (name.clone(), kept)));
        }
        Ok((!left.is_empty()).then_some(Value::Object(left)))
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
        if let Some(id) = reference.strip_prefix("urn:uuid:") {
            let Value::String(token) = self.id(id)? else { return Ok(None) };
            return Ok(Some(Value::String(format!("urn:uuid:{token}"))));
        }
        let parts: Vec<&str> = reference.split('/').collect();
        match parts.as_slice() {
            [kind, id] if TYPES.contains(kind) => {
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

/// Whether a coding is of a system that everybody uses.
fn is_public(coding: &Map<String, Value>) -> bool {
    coding.get("system").and_then(Value::as_str).is_some_and(from_public)
}

fn from_public(system: &str) -> bool {
    PUBLIC.iter().any(|public| system.starts_with(public))
}

/// Whether a text may be a code: short, and without a space.
fn is_code(text: &str) -> bool {
    let is_of_code = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./%[]{}*^'#".contains(&byte);
    (1..=32).contains(&text.len()) && text.bytes().all(is_of_code)
}
