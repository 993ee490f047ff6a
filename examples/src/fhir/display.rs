//! Cells for people to read.

use serde_json::Value;

/// What a person would write for the value of a [`Cell`](super::Cell).
///
/// | field | such as |
/// |---|---|
/// | `identifier` | `999-12-3456 (SSN)` |
/// | `name` | `Jane Q. Doe` |
/// | `address` | `12 Elm St, Springfield IL 62701` |
/// | `telecom` | `+1 217 555 0100 (home)` |
/// | `birthDate` | `1980-04-02` |
///
/// It leaves out what does not fit on a line; the value itself is complete. A value that is not what its field
/// says comes back as it is.
pub fn display(field: &str, value: &str) -> String {
    let Ok(parsed) = serde_json::from_str::<Value>(value) else { return value.to_owned() };
    let text = match field {
        "identifier" => identifier(&parsed),
        "name" => name(&parsed),
        "address" => address(&parsed),
        "telecom" => telecom(&parsed),
        "birthDate" => parsed.as_str().unwrap_or_default().to_owned(),
        _ => String::new(),
    };
    if text.is_empty() { value.to_owned() } else { text }
}

/// FHIR R4, Identifier: the value, and what kind of identifier it is or else who gave it.
fn identifier(identifier: &Value) -> String {
    let kind = &identifier["type"];
    let code = kind["coding"][0]["code"].as_str();
    let system = string(identifier, "system");
    let label = match (code, system) {
        (Some("SS"), _) | (_, "http://hl7.org/fhir/sid/us-ssn") => "SSN",
        (Some("MR"), _) => "MRN",
        (Some("DL"), _) => "driver's licence",
        (Some("PPN"), _) => "passport",
        _ => [string(kind, "text"), string(&kind["coding"][0], "display"), system]
            .into_iter()
            .find(|label| !label.is_empty())
            .unwrap_or_default(),
    };
    labelled(string(identifier, "value"), label)
}

/// FHIR R4, HumanName: the text if there is one (it knows the order of the parts), else the parts in English order.
fn name(name: &Value) -> String {
    let text = string(name, "text");
    if !text.is_empty() {
        return text.to_owned();
    }
    let mut parts = strings(name, "prefix");
    parts.extend(strings(name, "given"));
    parts.push(string(name, "family"));
    parts.extend(strings(name, "suffix"));
    joined(&parts, " ")
}

/// FHIR R4, Address: lines, place and country, or the text if there are no lines.
fn address(address: &Value) -> String {
    let mut parts = strings(address, "line");
    let place = joined(&["city", "state", "postalCode"].map(|part| string(address, part)), " ");
    if parts.is_empty() && !string(address, "text").is_empty() {
        return string(address, "text").to_owned();
    }
    parts.push(&place);
    parts.push(string(address, "country"));
    joined(&parts, ", ")
}

/// FHIR R4, ContactPoint: the value, and what it is used for or else what it is.
fn telecom(telecom: &Value) -> String {
    let label = match string(telecom, "use") {
        "" => string(telecom, "system"),
        usage => usage,
    };
    labelled(string(telecom, "value"), label)
}

fn labelled(value: &str, label: &str) -> String {
    match (value, label) {
        ("", "") => String::new(),
        ("", label) => format!("({label})"),
        (value, "") => value.to_owned(),
        (value, label) => format!("{value} ({label})"),
    }
}

fn joined(parts: &[&str], between: &str) -> String {
    let parts: Vec<&str> = parts.iter().copied().filter(|part| !part.is_empty()).collect();
    parts.join(between)
}

fn string<'a>(object: &'a Value, member: &str) -> &'a str {
    object[member].as_str().unwrap_or_default()
}

fn strings<'a>(object: &'a Value, member: &str) -> Vec<&'a str> {
    object[member].as_array().into_iter().flatten().filter_map(Value::as_str).collect()
}

#[cfg(test)]
mod tests {
    use super::display;

    #[test]
    fn renders_as_a_person_would_write_it() {
        let cases = [
            (
                "identifier",
                r#"{"type":{"coding":[{"code":"SS"}]},"value":"999-12-3456"}"#,
                "999-12-3456 (SSN)",
            ),
            ("identifier", r#"{"system":"http://hl7.org/fhir/sid/us-ssn","value":"1"}"#, "1 (SSN)"),
            ("identifier", r#"{"type":{"coding":[{"code":"MR"}]},"value":"7"}"#, "7 (MRN)"),
            ("identifier", r#"{"type":{"text":"Case"},"system":"urn:x","value":"7"}"#, "7 (Case)"),
            ("identifier", r#"{"type":{"coding":[{"display":"Case"}]},"value":"7"}"#, "7 (Case)"),
            ("identifier", r#"{"system":"urn:x","value":"7"}"#, "7 (urn:x)"),
            ("identifier", r#"{"value":"7"}"#, "7"),
            ("name", r#"{"family":"Doe","given":["Jane","Q."]}"#, "Jane Q. Doe"),
            (
                "name",
                r#"{"family":"Ng","given":["A"],"prefix":["Dr."],"suffix":["Jr."]}"#,
                "Dr. A Ng Jr.",
            ),
            ("name", r#"{"text":"王小明","family":"王","given":["小明"]}"#, "王小明"),
            ("name", r#"{"given":["Zo\u00eb"]}"#, "Zoë"),
            (
                "address",
                r#"{"line":["12 Elm St"],"city":"Springfield","state":"IL","postalCode":"62701"}"#,
                "12 Elm St, Springfield IL 62701",
            ),
            (
                "address",
                r#"{"line":["1 Rue","Apt 2"],"city":"Lyon","country":"FR"}"#,
                "1 Rue, Apt 2, Lyon, FR",
            ),
            ("address", r#"{"text":"behind the mill","city":"Lyon"}"#, "behind the mill"),
            ("address", r#"{"city":"Lyon"}"#, "Lyon"),
            (
                "telecom",
                r#"{"system":"phone","value":"+1 217 555 0100","use":"home"}"#,
                "+1 217 555 0100 (home)",
            ),
            ("telecom", r#"{"system":"email","value":"a@example.org"}"#, "a@example.org (email)"),
            ("telecom", r#"{"use":"home"}"#, "(home)"),
            ("birthDate", "\"1980-04-02\"", "1980-04-02"),
            ("birthDate", "\"1947\"", "1947"),
        ];
        for (field, value, wanted) in cases {
            assert_eq!(display(field, value), wanted, "{field} {value}");
        }
    }

    #[test]
    fn what_does_not_fit_its_field_comes_back_as_it_is() {
        for (field, value) in [
            ("name", "{}"),
            ("name", "[1]"),
            ("name", "no JSON"),
            ("name", "{\"family\":\"\\ud800\"}"),
            ("birthDate", "7"),
            ("_birthDate", "{\"extension\":[]}"),
            ("photo", "{\"family\":\"Doe\"}"),
        ] {
            assert_eq!(display(field, value), value, "{field}");
        }
    }
}
