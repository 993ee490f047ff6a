use super::outcome::KINDS;
use super::*;
use phiseal_format::{EncryptionContext, EnvironmentId, WrapAlgorithm, WrappedKey};
use phiseal_keys::{ErrorKind, KekEvent, KekOperation};

const FULL: &str = r#"{"v":1,"seq":7,"time":"2026-03-01T09:30:00.250Z","prev":"0102030405060708","env":"09090909090909090909090909090909","class":"reveal","action":"open","outcome":"not-found","actor":"svc-billing","use":"treatment","domain":"01010101010101010101010101010101","key":"02020202020202020202020202020202","key_version":3,"kek":"arn:aws:kms:eu:1:key/\"a\\b\"","kek_version":4,"request":"00030303030303030303030303030303","subject":"04040404040404040404040404040404","kind":"lab-result","count":5,"took_us":1500}"#;
const LEAST: &str = r#"{"v":1,"seq":1,"time":"1970-01-01T00:00:00.000Z","prev":"0000000000000000","env":"09090909090909090909090909090909","class":"custody","action":"log-opened","outcome":"success"}"#;

fn full() -> Entry {
    let mut record = Record::new(
        Class::Reveal,
        Action::new("open").unwrap(),
        Outcome::Failure(ErrorKind::NotFound),
    );
    record.reader = Some(Reader::new("svc-billing", "treatment").unwrap());
    record.domain = Some(DomainId::from_bytes([1; 16]));
    record.key = Some(KeyId::from_bytes([2; 16]));
    record.key_version = Some(3);
    record.kek = Some(KekId::try_from(r#"arn:aws:kms:eu:1:key/"a\b""#).unwrap());
    record.kek_version = Some(KekVersion(4));
    let mut request = [3; 16];
    request[0] = 0;
    record.request = Some(RequestId::from_bytes(request));
    record.subject = Some(SubjectTag::from_bytes([4; 16]));
    record.kind = Some("lab-result".parse().unwrap());
    record.count = Some(5);
    record.took = Some(Duration::from_micros(1_500));
    Entry {
        sequence: 7,
        time: Time::from_millis(1_772_357_400_250),
        previous: [1, 2, 3, 4, 5, 6, 7, 8],
        environment: EnvironmentId::from_bytes([9; 16]),
        record,
    }
}

#[test]
fn a_line_is_what_it_is() {
    assert_eq!(full().to_line(), FULL);
    assert_eq!(Entry::parse(FULL.as_bytes()).unwrap(), full());
    assert_eq!(Entry::parse(LEAST.as_bytes()).unwrap().to_line(), LEAST);
}

#[test]
fn the_longest_line_fits() {
    let mut entry = full();
    entry.sequence = u64::MAX;
    let long = "x".repeat(64);
    let record = &mut entry.record;
    record.reader = Some(Reader::new(&long, &long).unwrap());
    record.kek = Some(KekId::try_from("\"".repeat(255)).unwrap());
    (record.key_version, record.kek_version) = (Some(u32::MAX), Some(KekVersion(u32::MAX)));
    (record.count, record.took) = (Some(u64::MAX), Some(Duration::MAX));
    record.action = Action::new("abcdefghijklmnopqrstuvwxyz-01234").unwrap();
    record.kind = Some("abcdefghijklmnopqrstuvwxyz-01234".parse().unwrap());
    record.class = Class::BreakGlass;
    record.outcome = Outcome::Failure(ErrorKind::Unauthenticated);
    let line = entry.to_line();
    assert!(line.len() <= MAX_LINE, "{}", line.len());
    assert_eq!(Entry::parse(line.as_bytes()).unwrap().to_line(), line);
}

#[test]
fn any_other_text_is_refused() {
    for (what, from, to) in [
        ("another version", r#""v":1"#, r#""v":2"#),
        ("an unknown member", r#","count":5"#, r#","count":5,"note":"x""#),
        ("a member twice", r#","count":5"#, r#","count":5,"count":5"#),
        ("another order", r#""v":1,"seq":7"#, r#""seq":7,"v":1"#),
        ("a space", r#","count":5"#, r#", "count":5"#),
        ("null", r#","count":5"#, r#","count":null"#),
        ("a number as text", r#""seq":7"#, r#""seq":"7""#),
        ("an exponent", r#""seq":7"#, r#""seq":7e0"#),
        ("an escape", r#""svc-billing""#, r#""svc\u002dbilling""#),
        ("a person's name", r#""svc-billing""#, r#""Jane Doe""#),
        ("a name without a space", r#""svc-billing""#, "\"J\u{e4}ne\""),
        ("an actor without a use", r#","use":"treatment""#, ""),
        ("a use without an actor", r#","actor":"svc-billing""#, ""),
        ("upper-case hexadecimal", r#""prev":"0102030405060708""#, r#""prev":"0102030405060A08""#),
        ("a short id", r#""domain":"01"#, r#""domain":""#),
        ("a request with a sign", r#""request":"00"#, r#""request":"+0"#),
        ("another class", r#""reveal""#, r#""revealed""#),
        ("an unknown outcome", r#""not-found""#, r#""lost""#),
        ("a kind of data in capitals", r#""lab-result""#, r#""Lab-result""#),
        ("an action of two words", r#""action":"open""#, r#""action":"open it""#),
        ("an action in capitals", r#""action":"open""#, r#""action":"Open""#),
        ("another zone", "250Z", "250+00:00"),
        ("no milliseconds", "09:30:00.250Z", "09:30:00Z"),
        ("30 February", "2026-03-01", "2026-02-30"),
        ("hour 24", "T09:", "T24:"),
        ("a leap second", "30:00.", "30:60."),
    ] {
        let text = FULL.replacen(from, to, 1);
        assert_ne!(text, FULL, "{what}");
        let error = Entry::parse(text.as_bytes()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Malformed, "{what}");
    }
    for text in
        ["", "{}", "[]", "null", "\n", &[FULL, "\n"].concat(), &FULL[1..], &FULL[..FULL.len() - 1]]
    {
        assert_eq!(Entry::parse(text.as_bytes()).unwrap_err().kind(), ErrorKind::Malformed);
    }
    let long = FULL.replacen("a\\\\b", &"x".repeat(MAX_LINE), 1);
    assert_eq!(Entry::parse(long.as_bytes()).unwrap_err().kind(), ErrorKind::Malformed);
}

#[test]
fn actions_are_words_of_the_program() {
    for word in ["", "-a", "1a", "two words", "Upper", "a_b", "abcdefghijklmnopqrstuvwxyz-012345"] {
        assert_eq!(Action::new(word).unwrap_err().kind(), ErrorKind::Invalid, "{word}");
    }
    assert_eq!(Action::new("retire-2").unwrap().as_str(), "retire-2");
    for word in ["", "-a", "1a", "Jane Doe", "Upper", "abcdefghijklmnopqrstuvwxyz-012345"] {
        assert_eq!(word.parse::<DataKind>().unwrap_err().kind(), ErrorKind::Invalid, "{word}");
    }
}

#[test]
fn outcomes_and_classes_have_a_word_each() {
    for (kind, word) in KINDS {
        assert_eq!(Outcome::Failure(kind).as_str(), word);
        assert_eq!(Outcome::parse(word), Some(Outcome::Failure(kind)));
        // The word is the kind's own name.
        let kebab: String =
            format!("{kind:?}").chars().enumerate().fold(String::new(), |text, (at, c)| {
                let dash = if at > 0 && c.is_uppercase() { "-" } else { "" };
                format!("{text}{dash}{}", c.to_ascii_lowercase())
            });
        assert_eq!(kebab, word);
    }
    for class in Class::ALL {
        assert_eq!(Class::parse(class.as_str()), Some(class));
    }
    assert_eq!(Outcome::from(Ok::<(), ErrorKind>(())), Outcome::Success);
}

#[test]
fn times_are_those_of_the_calendar() {
    for (millis, text) in [
        (0, "1970-01-01T00:00:00.000Z"),
        (951_782_400_000, "2000-02-29T00:00:00.000Z"),
        (951_868_799_999, "2000-02-29T23:59:59.999Z"),
        (951_868_800_000, "2000-03-01T00:00:00.000Z"),
        (2_147_483_648_000, "2038-01-19T03:14:08.000Z"),
        (4_107_542_400_000, "2100-03-01T00:00:00.000Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
        (253_402_300_800_000, "9999-12-31T23:59:59.999Z"),
        (u64::MAX, "9999-12-31T23:59:59.999Z"),
    ] {
        let time = Time::from_millis(millis);
        assert_eq!(time.to_string(), text);
        assert_eq!(Time::parse(text), Some(time));
    }
    // Every day from 1970 to 2400 is the one after the day before.
    let day = |day: u64| Time::from_millis(day * 86_400_000).to_string();
    let mut month = (1, 0);
    for number in 0..157_054 {
        let text = day(number);
        let of_month: u64 = text[8..10].parse().unwrap();
        assert!(of_month == month.1 + 1 || (of_month == 1 && month.1 >= 28), "{text}");
        month = (0, of_month);
        assert_eq!(Time::parse(&text), Some(Time::from_millis(number * 86_400_000)));
    }
    assert!(day(157_053).starts_with("2399-12-31"), "{}", day(157_053));
}

#[test]
fn a_call_of_a_kek_is_a_record_of_opaque_ids() {
    let environment = EnvironmentId::from_bytes([9; 16]);
    let domain = DomainId::from_bytes([1; 16]);
    let subject = SubjectTag::from_bytes([2; 16]);
    let context = EncryptionContext::subject_key(&environment, &domain, 3, &subject, &[4; 32]);
    let kek = KekId::try_from("kek-2026").unwrap();
    let asked =
        WrappedKey::new(WrapAlgorithm::Service, kek.clone(), KekVersion(5), vec![6; 40]).unwrap();

    let failed = Err(ErrorKind::Denied);
    let event = KekEvent::new(KekOperation::Unwrap, failed, Duration::from_millis(2));
    let record = Record::from(&event.of(Some(&context), Some(&asked)));
    assert_eq!((record.class, record.action.as_str()), (Class::Key, "kek-unwrap"));
    assert_eq!(record.outcome, Outcome::Failure(ErrorKind::Denied));
    assert_eq!((record.domain, record.subject), (Some(domain), Some(subject)));
    assert_eq!((record.key, record.key_version), (Some(KeyId::from_bytes([4; 16])), Some(3)));
    assert_eq!((record.kek, record.kek_version), (Some(kek), Some(KekVersion(5))));
    assert_eq!(record.took, Some(Duration::from_millis(2)));

    let bare = KekEvent::new(KekOperation::Describe, Ok(()), Duration::ZERO);
    let bare = Record::from(&bare);
    assert_eq!((bare.domain, bare.kek, bare.outcome), (None, None, Outcome::Success));
}
