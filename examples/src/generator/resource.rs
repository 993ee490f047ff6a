//! The Patient resource of FHIR R4, as far as the generator fills it; members in the order of the standard's pages.

use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Resource {
    pub(super) resource_type: &'static str,
    pub(super) id: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) identifier: Vec<Identifier>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) active: Option<bool>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) name: Vec<HumanName>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) telecom: Vec<ContactPoint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) gender: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) birth_date: Option<String>,
    #[serde(rename = "_birthDate", skip_serializing_if = "Option::is_none")]
    pub(super) birth_date_extensions: Option<Extensions>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deceased_boolean: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) deceased_date_time: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) address: Vec<Address>,
}

#[derive(Serialize)]
pub(super) struct Identifier {
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<&'static str>,
    #[serde(rename = "type")]
    pub(super) kind: Concept,
    pub(super) system: String,
    pub(super) value: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) assigner: Option<Assigner>,
}

#[derive(Serialize)]
pub(super) struct Concept {
    pub(super) coding: Vec<Coding>,
}

#[derive(Serialize)]
pub(super) struct Coding {
    pub(super) system: &'static str,
    pub(super) code: &'static str,
    pub(super) display: &'static str,
}

#[derive(Serialize)]
pub(super) struct Assigner {
    pub(super) display: &'static str,
}

#[derive(Serialize, Default)]
pub(super) struct HumanName {
    #[serde(rename = "use")]
    pub(super) usage: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) text: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) family: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) given: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) prefix: Vec<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) suffix: Vec<&'static str>,
}

#[derive(Serialize)]
pub(super) struct ContactPoint {
    pub(super) system: &'static str,
    pub(super) value: String,
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Address {
    #[serde(rename = "use", skip_serializing_if = "Option::is_none")]
    pub(super) usage: Option<&'static str>,
    pub(super) line: Vec<String>,
    pub(super) city: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) state: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) postal_code: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) country: Option<&'static str>,
}

#[derive(Serialize)]
pub(super) struct Extensions {
    pub(super) extension: Vec<Extension>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Extension {
    pub(super) url: &'static str,
    pub(super) value_date_time: String,
}
