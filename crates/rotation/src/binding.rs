//! How an application binds what it seals in a column: the context of a value, built from its row.

use crate::source::{Row, Scalar, Table};
use phiseal_format::Context;
use phiseal_keys::{Error, ErrorKind};

/// How the context of a sealed column is built from its row, and whose key it is sealed under.
///
/// Each part is a text in which `{column}` stands for the value of a column that is not sealed: whole numbers in decimal, text
/// and bytes as they are. `{{` and `}}` are braces.
///
/// ```
/// use phiseal_rotation::Binding;
///
/// let binding = Binding::new().record("mrn-{id}")?.field("ssn")?.subject("{id}")?;
/// assert_eq!(binding.columns().collect::<Vec<_>>(), ["id", "id"]);
/// # Ok::<(), phiseal_keys::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Binding {
    parts: Vec<(Part, Template)>,
    row_version: Option<String>,
    padding: Option<u32>,
    subject: Option<Template>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Tenant,
    Record,
    Field,
    Usage,
    Application(u8),
}

impl Binding {
    /// One that has no part yet. It needs one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With this tenant.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Invalid`] for a brace that opens or closes nothing, and a part that is given twice.
    pub fn tenant(self, text: &str) -> Result<Self, Error> {
        self.with(Part::Tenant, text)
    }

    /// With this record.
    ///
    /// # Errors
    ///
    /// As [`Binding::tenant`].
    pub fn record(self, text: &str) -> Result<Self, Error> {
        self.with(Part::Record, text)
    }

    /// With this field.
    ///
    /// # Errors
    ///
    /// As [`Binding::tenant`].
    pub fn field(self, text: &str) -> Result<Self, Error> {
        self.with(Part::Field, text)
    }

    /// With this use.
    ///
    /// # Errors
    ///
    /// As [`Binding::tenant`].
    pub fn usage(self, text: &str) -> Result<Self, Error> {
        self.with(Part::Usage, text)
    }

    /// With this component of the application's own, under a tag from 128 to 255.
    ///
    /// # Errors
    ///
    /// As [`Binding::tenant`], and for another tag.
    pub fn application(self, tag: u8, text: &str) -> Result<Self, Error> {
        if tag < phiseal_format::tag::APPLICATION {
            return Err(invalid("an application's component has a tag from 128 to 255"));
        }
        self.with(Part::Application(tag), text)
    }

    /// With the version of the row, which is the whole number in this column.
    #[must_use]
    pub fn row_version(self, column: &str) -> Self {
        Self { row_version: Some(column.to_owned()), ..self }
    }

    /// Padded to multiples of `class` bytes.
    #[must_use]
    pub fn padded_to(self, class: u32) -> Self {
        Self { padding: Some(class), ..self }
    }

    /// Sealed under the key of this person.
    ///
    /// # Errors
    ///
    /// As [`Binding::tenant`].
    pub fn subject(self, text: &str) -> Result<Self, Error> {
        Ok(Self { subject: Some(Template::parse(text)?), ..self })
    }

    /// Whether it is sealed under a person's key.
    #[must_use]
    pub const fn has_subject(&self) -> bool {
        self.subject.is_some()
    }

    /// The columns that are named in it, each as often as it is.
    pub fn columns(&self) -> impl Iterator<Item = &str> {
        let templates = self.parts.iter().map(|(_, template)| template).chain(&self.subject);
        let named = templates.flat_map(|template| &template.0).filter_map(|piece| match piece {
            Piece::Column(name) => Some(name.as_str()),
            Piece::Text(_) => None,
        });
        named.chain(self.row_version.as_deref())
    }

    /// What it comes to in the rows of `table`; refused if it does not go with that.
    pub(crate) fn shape(&self, table: &Table) -> Result<Shape<'_>, Error> {
        if self.parts.is_empty() {
            return Err(invalid("a context needs a part: what is sealed is sealed as something"));
        }
        if self.padding == Some(0) {
            return Err(invalid("a class of lengths is not zero"));
        }
        let mut parts = Vec::new();
        for (part, template) in &self.parts {
            parts.push((*part, Shape::steps(table, template)?));
        }
        let row_version = self.row_version.as_deref().map(|name| place(table, name));
        let subject = self.subject.as_ref().map(|template| Shape::steps(table, template));
        Ok(Shape {
            parts,
            row_version: row_version.transpose()?,
            padding: self.padding,
            subject: subject.transpose()?,
            filled: Vec::new(),
        })
    }

    fn with(mut self, part: Part, text: &str) -> Result<Self, Error> {
        if self.parts.iter().any(|(other, _)| *other == part) {
            return Err(invalid("a part of a context is given twice"));
        }
        self.parts.push((part, Template::parse(text)?));
        Ok(self)
    }
}

/// Text with columns in it.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Template(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Column(String),
}

impl Template {
    fn parse(text: &str) -> Result<Self, Error> {
        let (mut pieces, mut plain) = (Vec::new(), String::new());
        let mut rest = text;
        while let Some(at) = rest.find(['{', '}']) {
            let (before, from) = rest.split_at(at);
            plain.push_str(before);
            if let Some(after) = from.strip_prefix("{{") {
                plain.push('{');
                rest = after;
            } else if let Some(after) = from.strip_prefix("}}") {
                plain.push('}');
                rest = after;
            } else {
                let column = from.strip_prefix('{').and_then(|inside| inside.split_once('}'));
                let (column, after) = column
                    .filter(|(name, _)| !name.is_empty() && !name.contains('{'))
                    .ok_or_else(|| invalid("a brace of a context opens or closes nothing"))?;
                if !plain.is_empty() {
                    pieces.push(Piece::Text(core::mem::take(&mut plain)));
                }
                pieces.push(Piece::Column(column.to_owned()));
                rest = after;
            }
        }
        plain.push_str(rest);
        if !plain.is_empty() || pieces.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Ok(Self(pieces))
    }
}

/// A binding as it is for the rows of one table.
#[derive(Clone)]
pub(crate) struct Shape<'a> {
    parts: Vec<(Part, Vec<Step<'a>>)>,
    row_version: Option<Place>,
    padding: Option<u32>,
    subject: Option<Vec<Step<'a>>>,
    /// The last part, whose memory is used again.
    filled: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Step<'a> {
    Text(&'a str),
    Column(Place),
}

impl<'a> Shape<'a> {
    fn steps(table: &Table, template: &'a Template) -> Result<Vec<Step<'a>>, Error> {
        let step = |piece: &'a Piece| match piece {
            Piece::Text(text) => Ok(Step::Text(text)),
            Piece::Column(name) => place(table, name).map(Step::Column),
        };
        template.0.iter().map(step).collect()
    }

    /// The context of a value in `row`; none when a column that it is built from is empty there, or holds what it must not.
    pub(crate) fn context(&mut self, row: &Row) -> Option<Context> {
        let mut context: Option<Context> = None;
        for (part, steps) in &self.parts {
            self.filled.clear();
            fill(steps, row, &mut self.filled)?;
            let filled = &self.filled;
            context = Some(match (context, part) {
                (None, Part::Tenant) => Context::of_tenant(filled),
                (None, Part::Record) => Context::of_record(filled),
                (None, Part::Field) => Context::of_field(filled),
                (None, Part::Usage) => Context::of_usage(filled),
                (None, Part::Application(tag)) => Context::of_application(*tag, filled),
                (Some(context), Part::Tenant) => context.tenant(filled),
                (Some(context), Part::Record) => context.record(filled),
                (Some(context), Part::Field) => context.field(filled),
                (Some(context), Part::Usage) => context.usage(filled),
                (Some(context), Part::Application(tag)) => context.application(*tag, filled),
            });
        }
        let mut context = context?;
        if let Some(place) = self.row_version {
            let Scalar::Integer(version) = place.of(row)? else { return None };
            context = context.row_version(u64::try_from(*version).ok()?);
        }
        Some(match self.padding {
            Some(class) => context.padded_to(class),
            None => context,
        })
    }

    /// The person whose key a value in `row` is sealed under, where it is one's.
    pub(crate) fn person(&self, row: &Row) -> Option<String> {
        let mut name = Vec::new();
        fill(self.subject.as_ref()?, row, &mut name)?;
        String::from_utf8(name).ok()
    }
}

/// Appends the text of `row`.
fn fill(steps: &[Step<'_>], row: &Row, filled: &mut Vec<u8>) -> Option<()> {
    for step in steps {
        match step {
            Step::Text(text) => filled.extend_from_slice(text.as_bytes()),
            Step::Column(place) => match place.of(row)? {
                Scalar::Nothing => return None,
                Scalar::Integer(number) => {
                    filled.extend_from_slice(itoa::Buffer::new().format(*number).as_bytes());
                }
                Scalar::Text(text) => filled.extend_from_slice(text.as_bytes()),
                Scalar::Bytes(bytes) => filled.extend_from_slice(bytes),
            },
        }
    }
    Some(())
}

/// Where a column is: in the key, or among the others.
#[derive(Clone, Copy)]
enum Place {
    Key(usize),
    Other(usize),
}

impl Place {
    fn of(self, row: &Row) -> Option<&Scalar> {
        match self {
            Self::Key(at) => row.key.parts().get(at),
            Self::Other(at) => row.others.get(at),
        }
    }
}

fn place(table: &Table, name: &str) -> Result<Place, Error> {
    let among = |columns: &[String]| columns.iter().position(|column| column == name);
    let place = among(table.key()).map(Place::Key);
    place
        .or_else(|| among(table.others()).map(Place::Other))
        .ok_or_else(|| invalid("a context names a column that is not read"))
}

#[cold]
fn invalid(message: &'static str) -> Error {
    Error::new(ErrorKind::Invalid, message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::RowKey;

    fn table() -> Table {
        Table::new("t", &["id"], &["x"]).unwrap().with_others(&["name", "raw", "rev"]).unwrap()
    }

    fn row(name: Scalar, rev: Scalar) -> Row {
        Row {
            key: RowKey::new(vec![Scalar::Integer(-7)]).unwrap(),
            sealed: vec![],
            others: vec![name, Scalar::Bytes(vec![0, 255]), rev],
        }
    }

    #[test]
    fn a_context_is_what_an_application_would_have_made() {
        let binding = Binding::new().record("{{{name}}}/{id}").unwrap().field("x").unwrap();
        let binding = binding.tenant("{raw}").unwrap().application(200, "").unwrap();
        let binding = binding.usage("billing").unwrap().row_version("rev").padded_to(64);
        let named = || Scalar::Text("Jo{id}".to_owned());
        let table = table();
        let built = binding.shape(&table).unwrap().context(&row(named(), Scalar::Integer(3)));
        let meant = Context::of_record("{Jo{id}}/-7").field("x").tenant([0, 255]);
        let meant = meant.application(200, "").usage("billing").row_version(3).padded_to(64);
        assert_eq!(built, Some(meant));

        let person = Binding::new().field("x").unwrap().subject("{name}").unwrap();
        assert_eq!(
            person.shape(&table).unwrap().person(&row(named(), Scalar::Nothing)).as_deref(),
            Some("Jo{id}")
        );
        let of_nobody = binding.shape(&table).unwrap();
        assert_eq!(of_nobody.person(&row(named(), Scalar::Nothing)), None);
    }

    #[test]
    fn a_row_without_what_it_takes_has_no_context() {
        let (table, binding) = (table(), Binding::new().record("{name}").unwrap());
        let mut shape = binding.shape(&table).unwrap();
        assert!(shape.context(&row(Scalar::Integer(1), Scalar::Nothing)).is_some());
        assert!(shape.context(&row(Scalar::Nothing, Scalar::Nothing)).is_none());
        let binding = Binding::new().field("x").unwrap().row_version("rev");
        let mut shape = binding.shape(&table).unwrap();
        for (rev, is_some) in [
            (Scalar::Integer(0), true),
            (Scalar::Integer(-1), false),
            (Scalar::Text("1".to_owned()), false),
            (Scalar::Nothing, false),
        ] {
            assert_eq!(shape.context(&row(Scalar::Nothing, rev)).is_some(), is_some);
        }
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for text in ["{", "}", "{}", "{a", "a}", "{{a}", "{a}}", "{a{b}}"] {
            let refused = Binding::new().record(text).map(drop).unwrap_err();
            assert_eq!(refused.kind(), ErrorKind::Invalid, "{text}");
        }
        let twice = Binding::new().field("a").unwrap().field("b");
        let low = Binding::new().application(127, "a");
        for refused in [twice, low] {
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::Invalid);
        }
        for refused in [
            Binding::new(),
            Binding::new().row_version("rev"),
            Binding::new().field("{x}").unwrap(),
            Binding::new().field("{absent}").unwrap(),
            Binding::new().field("x").unwrap().row_version("absent"),
            Binding::new().field("x").unwrap().padded_to(0),
            Binding::new().field("x").unwrap().subject("{absent}").unwrap(),
        ] {
            assert_eq!(refused.shape(&table()).err().unwrap().kind(), ErrorKind::Invalid);
        }
    }
}
