//! Files of patients.

use super::Inputs;

const PATIENT: &str = concat!(
    r#"{"resourceType":"Patient","id":"p1","identifier":[{"type":{"coding":[{"code":"SS"}]},"value":"991-42-4022"}],"#,
    r#""name":[{"family":"Kim","given":["Ji-eun"]}],"telecom":[{"system":"phone","value":"+1 808 555 0106"}],"#,
    r#""address":[{"line":["1664 W 42nd St"],"city":"Kāneʻohe"}],"birthDate":"2023-07-08","#,
    r#""_birthDate":{"extension":[{"valueDateTime":"2023-07-08T14:35:45-05:00"}]}}"#
);

pub(super) fn files() -> Inputs {
    let of = |text: &str| text.as_bytes().to_vec();
    let other = PATIENT.replace("p1", "p2");
    let with = |from: &str, to: &str| {
        assert!(PATIENT.contains(from));
        PATIENT.replace(from, to).into_bytes()
    };
    let bundle = |entries: &str| {
        format!("{{\n \"resourceType\": \"Bundle\",\n \"entry\": [{entries}]\n}}\n").into_bytes()
    };
    let entry = |resource: &str| format!("{{\"resource\": {resource}}}");
    let deep = format!("[{}{{}}{}]", "[".repeat(100), "]".repeat(100));
    vec![
        ("valid-one", of(PATIENT)),
        ("valid-indented", of(&PATIENT.replace("\":", "\" :\n\t").replace(',', " ,\r\n"))),
        ("valid-lines", of(&format!("{PATIENT}\n\n{other}\r\n"))),
        ("valid-lines-after-a-mark", of(&format!("\u{feff}{PATIENT}\n{other}"))),
        ("valid-among-bad-lines", of(&format!("{PATIENT}\nJane Doe\n{PATIENT}\n[1]\n{{}}\n"))),
        ("valid-bundle", bundle(&[entry(PATIENT), entry(&other)].join(","))),
        (
            "valid-bundle-among-others",
            bundle(&["{}", "7", &entry("{\"resourceType\":\"Group\"}"), &entry(PATIENT)].join(",")),
        ),
        ("valid-escapes", with("Kim", "\\ud83d\\ude00 \\u0041\\\\ \\\"")),
        ("refused-nothing", Vec::new()),
        ("refused-not-json", of("id,name\np1,Jane Doe\n")),
        ("refused-cut", of(&PATIENT[..PATIENT.len() - 1])),
        ("refused-another-resource", of("{\"resourceType\":\"Group\",\"id\":\"g1\"}")),
        ("refused-no-type", with("resourceType", "resourcetype")),
        ("refused-no-id", with("\"id\"", "\"Id\"")),
        ("refused-id", with("p1", "Jane Doe")),
        (
            "refused-name-of-text",
            with("[{\"family\":\"Kim\",\"given\":[\"Ji-eun\"]}]", "\"Jane Doe\""),
        ),
        ("refused-birth-date-of-number", with("\"2023-07-08\"", "20230708")),
        ("refused-member-twice", with("\"birthDate\"", "\"id\":\"p2\",\"birthDate\"")),
        ("refused-too-deep", with("\"birthDate\"", &format!("\"more\":{deep},\"birthDate\""))),
        (
            "refused-not-utf-8",
            [&PATIENT.as_bytes()[..40], &[0xff], &PATIENT.as_bytes()[40..]].concat(),
        ),
    ]
}
