use super::values::Values;
use core::fmt;
use phiseal_format::tag;

/// What the contexts of a column's rows differ in: the record that a value belongs to, the version of the row, and the like.
///
/// There is at least one part, without which a value could be moved from one row to another.
///
/// ```
/// use phiseal_envelope::Rows;
///
/// let (mrns, versions) = (["mrn-1029", "mrn-1030"], [3, 1]);
/// let rows = Rows::of_records(&mrns).row_versions(&versions);
/// assert_eq!(format!("{rows:?}"), "Rows[3, 6]");
/// ```
#[derive(Clone)]
pub struct Rows<'a> {
    /// Sorted by tag.
    parts: Vec<(u8, Part<'a>)>,
}

/// A component of the contexts, for each row.
#[derive(Clone)]
enum Part<'a> {
    Values(&'a dyn Values),
    Versions(Vec<[u8; 8]>),
}

impl Part<'_> {
    fn values(&self) -> &dyn Values {
        match self {
            Self::Values(values) => *values,
            Self::Versions(versions) => versions,
        }
    }
}

impl<'a> Rows<'a> {
    /// Each row has a record of its own: [`Context::record`](phiseal_format::Context::record).
    #[must_use]
    pub fn of_records(records: &'a impl Values) -> Self {
        Self { parts: Vec::new() }.with(tag::RECORD, Part::Values(records))
    }

    /// Each row has a component of the application's own, under a tag from 128 to 255.
    #[must_use]
    pub fn of_application(tag: u8, values: &'a impl Values) -> Self {
        Self { parts: Vec::new() }.application(tag, values)
    }

    /// Each row has a tenant, too.
    #[must_use]
    pub fn tenants(self, tenants: &'a impl Values) -> Self {
        self.with(tag::TENANT, Part::Values(tenants))
    }

    /// Each row has a version, too: [`Context::row_version`](phiseal_format::Context::row_version).
    #[must_use]
    pub fn row_versions(self, versions: &[u64]) -> Self {
        let versions = versions.iter().map(|version| version.to_be_bytes()).collect();
        self.with(tag::ROW_VERSION, Part::Versions(versions))
    }

    /// Each row has a component of the application's own, too, under a tag from 128 to 255.
    #[must_use]
    pub fn application(self, tag: u8, values: &'a impl Values) -> Self {
        // A lower tag is one that no component may have, and is refused when the column is sealed or opened.
        self.with(if tag < tag::APPLICATION { 0 } else { tag }, Part::Values(values))
    }

    fn with(mut self, tag: u8, part: Part<'a>) -> Self {
        self.parts.push((tag, part));
        self.parts.sort_by_key(|(tag, _)| *tag);
        self
    }

    /// Each part's tag, in order, and its value for each row.
    pub(super) fn parts(&self) -> impl Iterator<Item = (u8, &dyn Values)> {
        self.parts.iter().map(|(tag, part)| (*tag, part.values()))
    }
}

impl fmt::Debug for Rows<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Rows")?;
        f.debug_list().entries(self.parts.iter().map(|(tag, _)| tag)).finish()
    }
}
