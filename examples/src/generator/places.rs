//! Where people live.

/// A city of the United States.
pub(super) struct City {
    pub(super) name: &'static str,
    pub(super) state: &'static str,
    /// The state's number in FIPS 5-2, by which HL7 names who issues driver's licences.
    pub(super) state_number: u32,
    /// The pattern of the state's driver's licences: `#` a digit, `@` a letter.
    pub(super) licence: &'static str,
    pub(super) postal_code: &'static str,
    pub(super) area_code: u32,
}

/// An address in another country.
pub(super) struct Abroad {
    pub(super) line: &'static str,
    pub(super) city: &'static str,
    pub(super) postal_code: &'static str,
    pub(super) country: &'static str,
}

const fn city(
    name: &'static str,
    (state, state_number, licence): (&'static str, u32, &'static str),
    postal_code: &'static str,
    area_code: u32,
) -> City {
    City { name, state, state_number, licence, postal_code, area_code }
}

const CALIFORNIA: (&str, u32, &str) = ("CA", 6, "@#######");
const FLORIDA: (&str, u32, &str) = ("FL", 12, "@###-###-##-###-#");
const HAWAII: (&str, u32, &str) = ("HI", 15, "H########");
const ILLINOIS: (&str, u32, &str) = ("IL", 17, "@###-####-####");
const MASSACHUSETTS: (&str, u32, &str) = ("MA", 25, "S########");
const NEW_YORK: (&str, u32, &str) = ("NY", 36, "### ### ###");
const TEXAS: (&str, u32, &str) = ("TX", 48, "########");

pub(super) const CITIES: &[City] = &[
    city("Springfield", ILLINOIS, "62701", 217),
    city("Chicago", ILLINOIS, "60614", 312),
    city("Boston", MASSACHUSETTS, "02116", 617),
    city("Worcester", MASSACHUSETTS, "01608", 508),
    city("Austin", TEXAS, "78704", 512),
    city("San Antonio", TEXAS, "78205", 210),
    city("San José", CALIFORNIA, "95112", 408),
    city("La Cañada Flintridge", CALIFORNIA, "91011", 818),
    city("Sacramento", CALIFORNIA, "95814", 916),
    city("Brooklyn", NEW_YORK, "11215", 718),
    city("Albany", NEW_YORK, "12207-1012", 518),
    city("Miami", FLORIDA, "33130", 305),
    city("Kāneʻohe", HAWAII, "96744", 808),
];

pub(super) const STREETS: &[&str] = &[
    "Elm St",
    "Oak Ave",
    "N Main St",
    "Martin Luther King Jr Blvd",
    "O'Farrell St",
    "Peña Blvd",
    "Calle Ocho",
    "Mill Pond Rd",
    "Sycamore Ct",
    "W 42nd St",
    "Cedar Ln",
    "Washington Sq",
];

pub(super) const ABROAD: &[Abroad] = &[
    Abroad { line: "Lindenstraße 7", city: "München", postal_code: "80331", country: "DE" },
    Abroad { line: "12 rue de l'Église", city: "Québec", postal_code: "G1R 4P5", country: "CA" },
    Abroad { line: "ul. Długa 31/4", city: "Kraków", postal_code: "31-146", country: "PL" },
    Abroad {
        line: "Rua São João, 85", city: "São Paulo", postal_code: "01035-000", country: "BR"
    },
    Abroad { line: "25 phố Hàng Bông", city: "Hà Nội", postal_code: "11015", country: "VN" },
    Abroad { line: "千代田1-1", city: "東京都", postal_code: "100-0001", country: "JP" },
];
