use super::*;

const POLICY: &str = include_str!("../../tests/access/policy.toml");

fn reader(actor: &str, usage: &str) -> Reader {
    Reader::new(actor, usage).unwrap()
}

#[test]
fn what_is_not_granted_is_denied() {
    use RevealForm::{Full, Index, Masked};
    let policy = Policy::parse(POLICY).unwrap();
    for (actor, usage, field, most) in [
        ("nurse/17", "treatment", "name", Some(Full)),
        ("nurse/17", "treatment", "by name", Some(Full)),
        ("nurse/17", "treatment", "ssn", None),
        ("nurse/17", "billing", "name", None),
        ("nurse/", "treatment", "name", None),
        ("nurse", "treatment", "name", None),
        ("Nurse/17", "treatment", "name", None),
        ("clerk/1", "billing", "ssn", Some(Masked)),
        ("clerk/2", "scheduling", "ssn", Some(Masked)),
        ("clerk/12", "billing", "ssn", None),
        // No form is said: the least.
        ("clerk/1", "scheduling", "name", Some(Index)),
        ("clerk/1", "billing", "name", None),
        ("nurse/17", "treatment", "no such field", None),
        ("nurse/17", "treatment", "", None),
        ("privacy-officer", "treatment", "name", None),
    ] {
        assert_eq!(policy.most(&reader(actor, usage), field), most, "{actor} {usage} {field}");
    }
}

#[test]
fn a_mask_is_of_the_kind_and_leaves_nothing_of_others() {
    let policy = Policy::parse(POLICY).unwrap();
    assert_eq!(policy.mask("ssn"), Mask::ssn());
    assert_eq!(policy.mask("by name"), Mask::name());
    assert_eq!(policy.mask("allergies"), Mask::all());
    assert_eq!(policy.mask("no such field"), Mask::all());
    assert_eq!(policy.kind("by name").unwrap().as_str(), "name");
    assert!(policy.kind("no such field").is_none());
    let masked =
        |mask: &str| Policy::parse(&POLICY.replacen("\"ssn\"\n\n", mask, 1)).unwrap().mask("ssn");
    assert_eq!(masked("\"last-2\"\n"), Mask::keep_last(2));
    assert_eq!(masked("\"first-3\"\n"), Mask::keep_first(3));
}

#[test]
fn an_emergency_is_for_whom_and_what_the_policy_says() {
    let policy = Policy::parse(POLICY).unwrap();
    assert_eq!(policy.longest_emergency("nurse/2"), Some(Duration::from_secs(3600)));
    assert_eq!(policy.longest_emergency("clerk/1"), None);
    assert!(policy.is_seen_in_emergency("ssn") && !policy.is_seen_in_emergency("note"));
    assert!(!policy.is_seen_in_emergency("no such field"));
    assert!(policy.is_reviewer("privacy-officer") && !policy.is_reviewer("nurse/2"));
    let all =
        Policy::parse(&POLICY.replacen("kinds = [\"name\", \"ssn\", \"allergies\"]\n", "", 1))
            .unwrap();
    assert!(all.is_seen_in_emergency("note") && !all.is_seen_in_emergency("no such field"));
    let (before, _) = POLICY.split_once("[break-glass]").unwrap();
    let none = Policy::parse(before).unwrap();
    assert_eq!(none.longest_emergency("nurse/2"), None);
    assert!(!none.is_seen_in_emergency("name") && !none.is_reviewer("privacy-officer"));
}

#[test]
fn a_policy_that_is_wrong_says_where() {
    let line_of = |text: &str| 1 + POLICY.lines().position(|line| line == text).unwrap();
    for (from, to, line, said) in [
        ("version = 1", "version = 2", 1, "column 11: a policy of another version than 1"),
        ("version = 1", "", 1, "column 1: missing field `version`"),
        ("version = 1", "version = 1\nversion = 1", 2, "column 1: duplicate key"),
        ("version = 1", "version = one", 1, "column 11: "),
        (
            "mask = \"ssn\"",
            "mask = \"hash\"",
            line_of("mask = \"ssn\""),
            "column 8: a mask is one of all,",
        ),
        (
            "mask = \"ssn\"",
            "mask = \"last-\"",
            line_of("mask = \"ssn\""),
            "column 8: a mask is one of all,",
        ),
        (
            "mask = \"ssn\"",
            "mask = \"last-300\"",
            line_of("mask = \"ssn\""),
            "column 8: a mask is one of all,",
        ),
        (
            "mask = \"ssn\"",
            "hide = \"ssn\"",
            line_of("mask = \"ssn\""),
            "column 1: unknown field `hide`",
        ),
        (
            "[kinds.ssn]",
            "[kinds.SSN]",
            line_of("[kinds.ssn]"),
            "column 8: a kind of data is a word",
        ),
        (
            "fields = [\"ssn\"]",
            "fields = [\"\"]",
            line_of("fields = [\"ssn\"]"),
            "column 11: a field has a name",
        ),
        (
            "fields = [\"ssn\"]",
            "fields = []",
            line_of("fields = [\"ssn\"]"),
            "column 10: a kind of data has a field",
        ),
        (
            "fields = [\"ssn\"]",
            "fields = [\"ssn\", \"note\"]",
            line_of("fields = [\"ssn\"]"),
            "column 18: the field has a kind already",
        ),
        (
            "actors = [\"nurse/*\"]",
            "actors = []",
            line_of("actors = [\"nurse/*\"]"),
            "column 10: a role has an actor",
        ),
        (
            "actors = [\"nurse/*\"]",
            "actors = [\"*\"]",
            line_of("actors = [\"nurse/*\"]"),
            "column 11: an actor is an id",
        ),
        (
            "actors = [\"nurse/*\"]",
            "actors = [\"a\", \"Jane Doe\"]",
            line_of("actors = [\"nurse/*\"]"),
            "column 16: an actor is an id",
        ),
        (
            "actors = [\"nurse/*\"]",
            "actors = [\"n*/1\"]",
            line_of("actors = [\"nurse/*\"]"),
            "column 11: an actor is an id",
        ),
        (
            "role = \"nurse\"",
            "role = \"doctor\"",
            line_of("role = \"nurse\""),
            "column 8: there is no such role",
        ),
        (
            "uses = [\"treatment\"]",
            "uses = []",
            line_of("uses = [\"treatment\"]"),
            "column 8: a grant has a use",
        ),
        (
            "uses = [\"treatment\"]",
            "uses = [\"to treat\"]",
            line_of("uses = [\"treatment\"]"),
            "column 9: a use is an id",
        ),
        (
            "kinds = [\"name\", \"allergies\"]",
            "kinds = []",
            line_of("kinds = [\"name\", \"allergies\"]"),
            "column 9: a grant has a kind of data",
        ),
        (
            "kinds = [\"name\", \"allergies\"]",
            "kinds = [\"*\"]",
            line_of("kinds = [\"name\", \"allergies\"]"),
            "column 10: there is no such kind of data",
        ),
        (
            "kinds = [\"name\", \"allergies\"]",
            "kinds = [\"name\", \"name\"]",
            line_of("kinds = [\"name\", \"allergies\"]"),
            "column 18: the role is granted this kind of data for this use twice",
        ),
        (
            "kinds = [\"name\"]\n",
            "kinds = [\"name\", \"ssn\"]\n",
            line_of("kinds = [\"name\"]"),
            "column 18: the role is granted",
        ),
        (
            "\"allergies\"]\nform = \"full\"",
            "\"allergies\"]\nform = \"plain\"",
            line_of("form = \"full\""),
            "column 8: a form is one of index, masked, full",
        ),
        (
            "more-than = 100",
            "more-than = 0",
            line_of("more-than = 100"),
            "column 13: an alert is of more than some",
        ),
        ("more-than = 100", "more-than = -1", line_of("more-than = 100"), "column 13: "),
        (
            "within = \"10m\"",
            "within = \"0s\"",
            line_of("within = \"10m\""),
            "column 10: a time is like",
        ),
        (
            "within = \"10m\"",
            "within = \"-5m\"",
            line_of("within = \"10m\""),
            "column 10: a time is like",
        ),
        (
            "within = \"10m\"",
            "within = \"ten minutes\"",
            line_of("within = \"10m\""),
            "column 10: a time is like",
        ),
        (
            "longest = \"1h\"",
            "longest = \"25h\"",
            line_of("longest = \"1h\""),
            "column 11: a time is like",
        ),
        (
            "roles = [\"nurse\"]",
            "roles = []",
            line_of("roles = [\"nurse\"]"),
            "column 9: nobody may break the glass",
        ),
        (
            "roles = [\"nurse\"]",
            "roles = [\"doctor\"]",
            line_of("roles = [\"nurse\"]"),
            "column 10: there is no such role",
        ),
        (
            "reviewers = [\"privacy\"]",
            "reviewers = []",
            line_of("reviewers = [\"privacy\"]"),
            "column 13: nobody reviews an emergency",
        ),
        (
            "\"ssn\", \"allergies\"]",
            "\"ssn\", \"x\"]",
            line_of("kinds = [\"name\", \"ssn\", \"allergies\"]"),
            "column 25: there is no such kind of data",
        ),
    ] {
        assert_eq!(POLICY.matches(from).count(), 1, "{from}");
        let complaint = Policy::parse(&POLICY.replacen(from, to, 1)).unwrap_err();
        assert!(
            complaint.to_string().starts_with(&format!("line {line}, {said}")),
            "{from} -> {to}: {complaint}"
        );
        assert_eq!(complaint.line(), line);
    }
    assert!(Policy::parse("").is_err());
    assert!(Policy::parse("version = \u{1f600}").is_err());
}
