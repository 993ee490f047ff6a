//! Made-up patients, real-looking and the same for the same seed.
//!
//! [`write()`] prints FHIR R4 Patient resources as NDJSON. Names come from ten cultures, several of them outside
//! ASCII; people have several names and identifiers or none, dates of birth that are whole, partial or missing, and
//! some have died. No person is behind any of it, and no number can belong to one:
//!
//! * social security numbers begin with 900 to 999, which the Social Security Administration does not issue, and
//!   have a group of 01 to 49, which the IRS does not use for its ITINs;
//! * telephone numbers end in 555-0100 to 555-0199, which the North American Numbering Plan keeps for fiction;
//! * mail goes to `example.org` (RFC 2606, 3).

mod people;
mod places;
mod random;
mod resource;

use std::io::{self, Write};

use people::{CULTURES, Culture, Order, Spelling};
use places::{ABROAD, Abroad, CITIES, City, STREETS};
use random::Random;
use resource::{
    Address, Assigner, Coding, Concept, ContactPoint, Extension, Extensions, HumanName, Identifier,
    Resource,
};

/// The last year in which anybody is born or dies.
const THIS_YEAR: u32 = 2024;

/// Writes `count` patients, one a line; the same bytes for the same `seed`, on every machine.
///
/// More patients of one seed begin with the fewer: the ids are `p<seed>-0001`, `p<seed>-0002` and so on, so that
/// files of different seeds can be put together.
///
/// # Errors
///
/// Whatever `out` says when it is written to.
pub fn write(mut out: impl Write, count: u32, seed: u64) -> io::Result<()> {
    let mut random = Random::new(seed);
    for ordinal in 1..=count {
        let patient = patient(&mut random, format!("p{seed}-{ordinal:04}"));
        serde_json::to_writer(&mut out, &patient)?;
        out.write_all(b"\n")?;
    }
    Ok(())
}

fn patient(random: &mut Random, id: String) -> Resource {
    let person = Person::new(random);
    let city = random.pick(CITIES);
    let death = random.chance(8).then(|| random.between(person.birth.year, THIS_YEAR));
    let exact = random.chance(60);
    Resource {
        resource_type: "Patient",
        id,
        identifier: if random.chance(3) { Vec::new() } else { identifiers(random, &person, city) },
        active: random.chance(80).then_some(death.is_none()),
        name: if random.chance(2) { Vec::new() } else { names(random, &person) },
        telecom: if random.chance(7) { Vec::new() } else { telecoms(random, &person, city) },
        gender: random.chance(97).then_some(person.gender),
        birth_date: person.birth.date(),
        birth_date_extensions: person.birth.time(random),
        deceased_boolean: death.filter(|_| !exact).map(|_| true),
        deceased_date_time: death
            .filter(|_| exact)
            .map(|year| format!("{year}-12-{:02}", random.between(1, 31))),
        address: if random.chance(6) { Vec::new() } else { addresses(random, city) },
    }
}

/// What several parts of a patient are made from.
struct Person {
    culture: &'static Culture,
    gender: &'static str,
    given: Spelling,
    second: Spelling,
    family: Spelling,
    birth: Birth,
}

impl Person {
    fn new(random: &mut Random) -> Self {
        let culture = if random.chance(30) { &CULTURES[0] } else { random.pick(CULTURES) };
        let gender = match random.below(100) {
            0 => "unknown",
            1..=2 => "other",
            3..=51 => "female",
            _ => "male",
        };
        let female = gender == "female" || (gender != "male" && random.chance(50));
        let givens = if female { culture.female } else { culture.male };
        Self {
            culture,
            gender,
            given: *random.pick(givens),
            second: *random.pick(givens),
            family: *random.pick(culture.family),
            birth: Birth::new(random),
        }
    }

    fn adult(&self) -> bool {
        THIS_YEAR - self.birth.year >= 18
    }
}

/// A date of birth and how much of it is known.
struct Birth {
    year: u32,
    month: u32,
    day: u32,
    known: Known,
}

enum Known {
    Nothing,
    Year,
    Month,
    Day,
    Time,
}

impl Birth {
    fn new(random: &mut Random) -> Self {
        let (mut year, mut month) = (random.between(1925, THIS_YEAR), random.between(1, 12));
        let mut day = random.between(1, days_in(year, month));
        let known = match random.below(100) {
            0..=2 => Known::Nothing,
            3..=6 => Known::Year,
            7..=9 => Known::Month,
            10..=13 => Known::Time,
            14..=17 => {
                (year, month, day) = (year - year % 4, 2, 29);
                Known::Day
            }
            _ => Known::Day,
        };
        Self { year, month, day, known }
    }

    fn date(&self) -> Option<String> {
        let Self { year, month, day, .. } = self;
        match self.known {
            Known::Nothing => None,
            Known::Year => Some(format!("{year:04}")),
            Known::Month => Some(format!("{year:04}-{month:02}")),
            Known::Day | Known::Time => Some(format!("{year:04}-{month:02}-{day:02}")),
        }
    }

    fn time(&self, random: &mut Random) -> Option<Extensions> {
        let date = self.date().filter(|_| matches!(self.known, Known::Time))?;
        let (hour, minute) = (random.below(24), random.below(60));
        Some(Extensions {
            extension: vec![Extension {
                url: "http://hl7.org/fhir/StructureDefinition/patient-birthTime",
                value_date_time: format!("{date}T{hour:02}:{minute:02}:00Z"),
            }],
        })
    }
}

/// Days of a month between 1901 and 2099, where every fourth year is a leap year.
fn days_in(year: u32, month: u32) -> u32 {
    match month {
        2 if year.is_multiple_of(4) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

fn identifiers(random: &mut Random, person: &Person, city: &City) -> Vec<Identifier> {
    let mut identifiers = vec![Identifier {
        usage: Some("usual"),
        kind: kind("MR", "Medical Record Number"),
        system: "https://clinic.example.org/mrn".to_owned(),
        value: format!("{:08}", random.between(10_000_000, 99_999_999)),
        assigner: random.chance(30).then_some(Assigner { display: "Lakeside Clinic" }),
    }];
    if random.chance(85) {
        let (area, group) = (random.between(900, 999), random.between(1, 49));
        identifiers.push(Identifier {
            usage: Some("official"),
            kind: kind("SS", "Social Security Number"),
            system: "http://hl7.org/fhir/sid/us-ssn".to_owned(),
            value: format!("{area}-{group:02}-{:04}", random.between(1, 9999)),
            assigner: None,
        });
    }
    if person.adult() && random.chance(60) {
        identifiers.push(Identifier {
            usage: None,
            kind: kind("DL", "Driver's license number"),
            system: format!("urn:oid:2.16.840.1.113883.4.3.{}", city.state_number),
            value: random.fill(city.licence),
            assigner: None,
        });
    }
    identifiers
}

fn kind(code: &'static str, display: &'static str) -> Concept {
    let system = "http://terminology.hl7.org/CodeSystem/v2-0203";
    Concept { coding: vec![Coding { system, code, display }] }
}

fn names(random: &mut Random, person: &Person) -> Vec<HumanName> {
    let Person { culture, given, second, family, .. } = person;
    let mut official = HumanName { usage: "official", ..HumanName::default() };
    match culture.order {
        Order::GivenFirst => {
            official.family = Some(family.own.to_owned());
            official.given = vec![given.own.to_owned()];
            match random.below(10) {
                0..=2 if given.own != second.own => official.given.push(second.own.to_owned()),
                3..=5 => official
                    .given
                    .extend(second.latin.get(..1).map(|initial| format!("{initial}."))),
                _ => {}
            }
        }
        Order::TwoFamilies => {
            let mother = random.pick(culture.family);
            official.family = Some(format!("{} {}", family.own, mother.own));
            official.given = vec![given.own.to_owned()];
        }
        Order::FamilyFirst { between } => {
            official.text = Some(format!("{}{between}{}", family.own, given.own));
            official.family = Some(family.own.to_owned());
            official.given = vec![given.own.to_owned()];
        }
    }
    if matches!(culture.order, Order::GivenFirst) && person.adult() {
        official.prefix.extend(random.chance(6).then_some("Dr."));
        official.suffix.extend((person.gender == "male" && random.chance(6)).then_some("Jr."));
    }
    let mut names = vec![official];
    if family.own != family.latin && random.chance(70) {
        names.push(simple("usual", given.latin, family.latin));
    }
    if person.gender == "female" && person.adult() && random.chance(20) {
        names.push(simple("maiden", given.own, random.pick(culture.family).own));
    }
    if random.chance(4) {
        names.push(HumanName {
            usage: "anonymous",
            text: Some("Unidentified".to_owned()),
            ..HumanName::default()
        });
    }
    names
}

fn simple(usage: &'static str, given: &str, family: &str) -> HumanName {
    HumanName {
        usage,
        family: Some(family.to_owned()),
        given: vec![given.to_owned()],
        ..HumanName::default()
    }
}

fn telecoms(random: &mut Random, person: &Person, city: &City) -> Vec<ContactPoint> {
    let mut telecoms = Vec::new();
    for (usage, percent) in [("home", 60), ("mobile", 70), ("work", 15)] {
        if random.chance(percent) {
            let value = format!("+1 {} 555 01{:02}", city.area_code, random.below(100));
            telecoms.push(ContactPoint { system: "phone", value, usage: Some(usage) });
        }
    }
    if random.chance(65) {
        let local = format!("{}.{}", person.given.latin, person.family.latin);
        let local = local.to_ascii_lowercase().replace([' ', '\''], "");
        let value = format!("{local}{}@example.org", random.between(1, 99));
        telecoms.push(ContactPoint { system: "email", value, usage: None });
    }
    telecoms
}

fn addresses(random: &mut Random, city: &City) -> Vec<Address> {
    let street = random.pick(STREETS);
    let mut line = vec![format!("{} {street}", random.between(1, 9899))];
    if random.chance(25) {
        line.push(format!("Apt {}{}", random.between(1, 12), random.pick(&["", "A", "B", "C"])));
    }
    let mut addresses = vec![Address {
        usage: Some("home"),
        line,
        city: city.name,
        state: Some(city.state),
        postal_code: random.chance(95).then_some(city.postal_code),
        country: random.chance(20).then_some("US"),
    }];
    if random.chance(10) {
        let Abroad { line, city, postal_code, country } = random.pick(ABROAD);
        addresses.push(Address {
            usage: Some("old"),
            line: vec![(*line).to_owned()],
            city,
            state: None,
            postal_code: Some(postal_code),
            country: Some(country),
        });
    }
    addresses
}
