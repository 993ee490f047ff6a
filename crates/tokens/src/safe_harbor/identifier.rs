use core::fmt;

/// What a value identifies a person by: the eighteen of 45 CFR 164.514(b)(2)(i), of which (B) and (C) are several.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Identifier {
    /// (A) Names.
    Name,
    /// (B) Street, city, county, precinct: all that is smaller than a State, but for ZIP codes.
    Address,
    /// (B) ZIP codes.
    Zip,
    /// (C) Dates that are about the person: admission, discharge, death.
    Date,
    /// (C) Dates of birth.
    BirthDate,
    /// (C) Ages.
    Age,
    /// (D) Telephone numbers.
    Phone,
    /// (E) Fax numbers.
    Fax,
    /// (F) Electronic mail addresses.
    Email,
    /// (G) Social security numbers.
    SocialSecurityNumber,
    /// (H) Medical record numbers.
    MedicalRecordNumber,
    /// (I) Health plan beneficiary numbers.
    HealthPlanNumber,
    /// (J) Account numbers.
    AccountNumber,
    /// (K) Certificate and licence numbers.
    LicenceNumber,
    /// (L) Vehicle identifiers, licence plates.
    VehicleIdentifier,
    /// (M) Device identifiers and serial numbers.
    DeviceIdentifier,
    /// (N) Web addresses.
    Url,
    /// (O) Internet protocol addresses.
    IpAddress,
    /// (P) Finger and voice prints.
    Biometric,
    /// (Q) Full-face photographs and the like.
    Photograph,
    /// (R) Any other unique number, characteristic or code.
    OtherUnique,
}

/// What becomes of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(clippy::exhaustive_enums, reason = "Safe Harbor has no others")]
pub enum Rule {
    /// Nothing is left.
    Remove,
    /// Of a ZIP code, three digits, or `000`.
    ThreeDigits,
    /// Of a date, the year, unless it tells an age over 89.
    Year,
    /// Of an age, itself up to 89.
    Age,
    /// A token from a vault, a new one each time.
    RandomToken,
}

impl Identifier {
    /// All of them, in the order of the regulation.
    pub const ALL: [Self; 21] = [
        Self::Name,
        Self::Address,
        Self::Zip,
        Self::Date,
        Self::BirthDate,
        Self::Age,
        Self::Phone,
        Self::Fax,
        Self::Email,
        Self::SocialSecurityNumber,
        Self::MedicalRecordNumber,
        Self::HealthPlanNumber,
        Self::AccountNumber,
        Self::LicenceNumber,
        Self::VehicleIdentifier,
        Self::DeviceIdentifier,
        Self::Url,
        Self::IpAddress,
        Self::Biometric,
        Self::Photograph,
        Self::OtherUnique,
    ];

    /// Its letter in 45 CFR 164.514(b)(2)(i).
    #[must_use]
    pub const fn letter(self) -> char {
        match self {
            Self::Name => 'A',
            Self::Address | Self::Zip => 'B',
            Self::Date | Self::BirthDate | Self::Age => 'C',
            Self::Phone => 'D',
            Self::Fax => 'E',
            Self::Email => 'F',
            Self::SocialSecurityNumber => 'G',
            Self::MedicalRecordNumber => 'H',
            Self::HealthPlanNumber => 'I',
            Self::AccountNumber => 'J',
            Self::LicenceNumber => 'K',
            Self::VehicleIdentifier => 'L',
            Self::DeviceIdentifier => 'M',
            Self::Url => 'N',
            Self::IpAddress => 'O',
            Self::Biometric => 'P',
            Self::Photograph => 'Q',
            Self::OtherUnique => 'R',
        }
    }

    /// Its name in a policy.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Address => "address",
            Self::Zip => "zip",
            Self::Date => "date",
            Self::BirthDate => "birth-date",
            Self::Age => "age",
            Self::Phone => "phone",
            Self::Fax => "fax",
            Self::Email => "email",
            Self::SocialSecurityNumber => "social-security-number",
            Self::MedicalRecordNumber => "medical-record-number",
            Self::HealthPlanNumber => "health-plan-number",
            Self::AccountNumber => "account-number",
            Self::LicenceNumber => "licence-number",
            Self::VehicleIdentifier => "vehicle-identifier",
            Self::DeviceIdentifier => "device-identifier",
            Self::Url => "url",
            Self::IpAddress => "ip-address",
            Self::Biometric => "biometric",
            Self::Photograph => "photograph",
            Self::OtherUnique => "other-unique",
        }
    }

    /// Whether a rule may be a policy's for this identifier.
    #[must_use]
    pub const fn allows(self, rule: Rule) -> bool {
        match rule {
            Rule::Remove => true,
            Rule::ThreeDigits => matches!(self, Self::Zip),
            Rule::Year => matches!(self, Self::Date | Self::BirthDate),
            Rule::Age => matches!(self, Self::Age),
            // A code in the place of a date or an area tells nothing of either, and would be taken for one.
            Rule::RandomToken => {
                !matches!(self, Self::Zip | Self::Date | Self::BirthDate | Self::Age)
            }
        }
    }
}

impl fmt::Display for Identifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Rule {
    /// Its name in a policy.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Remove => "remove",
            Self::ThreeDigits => "three-digits",
            Self::Year => "year",
            Self::Age => "age",
            Self::RandomToken => "random-token",
        }
    }

    pub(super) const ALL: [Self; 5] =
        [Self::Remove, Self::ThreeDigits, Self::Year, Self::Age, Self::RandomToken];
}
