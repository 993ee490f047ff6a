//! Values between rows of the server and rows of a source.

use super::error::{faulty, invalid};
use super::layout::{Form, Kind, Layout, value};
use crate::source::{Change, Row, RowKey, Scalar, Stored, Swap};
use core::error::Error as StdError;
use phiseal_keys::{Error, ErrorKind};
use phiseal_stores::postgres::Parameter;
use tokio_postgres::types::{FromSql, Type};

/// Bytes or text as the server sends them.
struct Raw<'r>(&'r [u8]);

impl<'r> FromSql<'r> for Raw<'r> {
    fn from_sql(_: &Type, raw: &'r [u8]) -> Result<Self, Box<dyn StdError + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(kind: &Type) -> bool {
        [Type::BYTEA, Type::TEXT, Type::VARCHAR, Type::BPCHAR].contains(kind)
    }
}

/// A row of the source, from one of the server's.
pub(super) fn row(layout: &Layout, found: &tokio_postgres::Row) -> Result<Row, Error> {
    let (keys, sealed) = (layout.key.len(), layout.sealed.len());
    let key = layout.key.iter().enumerate().map(|(at, column)| scalar(found, at, column.kind));
    let key = RowKey::new(key.collect::<Result<_, _>>()?).ok_or_else(faulty)?;
    let others = layout.others.iter().enumerate();
    let others = others.map(|(at, kind)| scalar(found, keys + sealed + at, *kind));
    Ok(Row { key, sealed: stored(layout, found, keys)?, others: others.collect::<Result<_, _>>()? })
}

/// The values of the sealed columns, of which the first is column `from`.
pub(super) fn stored(
    layout: &Layout,
    found: &tokio_postgres::Row,
    from: usize,
) -> Result<Vec<Stored>, Error> {
    let each = layout.sealed.iter().enumerate().map(|(at, form)| {
        let at = from + at;
        if *form == Form::Other {
            return Ok(if value(found, at)? { Stored::Other } else { Stored::Nothing });
        }
        let Some(Raw(raw)) = value(found, at)? else { return Ok(Stored::Nothing) };
        Ok(match form {
            Form::Text => core::str::from_utf8(raw)
                .map_or(Stored::Other, |text| Stored::Text(text.to_owned())),
            Form::Bytes | Form::Other => Stored::Bytes(raw.to_vec()),
        })
    });
    each.collect()
}

fn scalar(found: &tokio_postgres::Row, at: usize, kind: Kind) -> Result<Scalar, Error> {
    if kind == Kind::Integer {
        return Ok(value::<Option<i64>>(found, at)?.map_or(Scalar::Nothing, Scalar::Integer));
    }
    let Some(Raw(raw)) = value(found, at)? else { return Ok(Scalar::Nothing) };
    if kind == Kind::Bytes {
        return Ok(Scalar::Bytes(raw.to_vec()));
    }
    let text = core::str::from_utf8(raw).map_err(|_| {
        let message = "a column that is not sealed holds text that is not UTF-8";
        Error::new(ErrorKind::Malformed, message)
    })?;
    Ok(Scalar::Text(text.to_owned()))
}

/// Values of one column, as a parameter.
#[derive(Debug)]
pub(super) enum Array<'a> {
    Integers(Vec<i64>),
    Texts(Vec<Option<&'a str>>),
    Bytes(Vec<Option<&'a [u8]>>),
}

impl Array<'_> {
    pub(super) fn parameter(&self) -> Parameter<'_> {
        match self {
            Self::Integers(values) => (values, Type::INT8_ARRAY),
            Self::Texts(values) => (values, Type::TEXT_ARRAY),
            Self::Bytes(values) => (values, Type::BYTEA_ARRAY),
        }
    }

    /// The one value of an array of one.
    pub(super) fn only(&self) -> Option<Parameter<'_>> {
        match self {
            Self::Integers(values) => Some((values.first()?, Type::INT8)),
            Self::Texts(values) => Some((values.first()?, Type::TEXT)),
            Self::Bytes(values) => Some((values.first()?, Type::BYTEA)),
        }
    }
}

/// An array for each key column.
pub(super) fn keys<'a>(
    layout: &Layout,
    keys: impl Iterator<Item = &'a RowKey> + Clone,
) -> Vec<Array<'a>> {
    let columns = layout.key.iter().enumerate().map(|(at, column)| {
        let parts = keys.clone().filter_map(move |key| key.parts().get(at));
        match column.kind {
            Kind::Integer => Array::Integers(
                parts
                    .filter_map(|part| match part {
                        Scalar::Integer(number) => Some(*number),
                        _ => None,
                    })
                    .collect(),
            ),
            Kind::Bytes => Array::Bytes(
                parts
                    .filter_map(|part| match part {
                        Scalar::Bytes(bytes) => Some(Some(bytes.as_slice())),
                        _ => None,
                    })
                    .collect(),
            ),
            Kind::Text | Kind::Fixed | Kind::Uuid => Array::Texts(
                parts
                    .filter_map(|part| match part {
                        Scalar::Text(text) => Some(Some(text.as_str())),
                        _ => None,
                    })
                    .collect(),
            ),
        }
    });
    columns.collect()
}

/// A key of one part for each value, as [`keys`] takes it to be.
pub(super) fn check_key(layout: &Layout, key: &RowKey) -> Result<(), Error> {
    let is_of = |(part, kind): (&Scalar, Kind)| match (part, kind) {
        (Scalar::Integer(_), Kind::Integer)
        | (Scalar::Bytes(_), Kind::Bytes)
        | (Scalar::Text(_), Kind::Text | Kind::Fixed) => true,
        (Scalar::Text(text), Kind::Uuid) => is_uuid(text),
        _ => false,
    };
    let kinds = layout.key.iter().map(|column| column.kind);
    if key.parts().len() == layout.key.len() && key.parts().iter().zip(kinds).all(is_of) {
        Ok(())
    } else {
        Err(invalid("a key of another table"))
    }
}

/// Old or new values of the column at `place`.
pub(super) fn values<'a>(
    form: Form,
    place: usize,
    changes: impl Iterator<Item = &'a Change>,
    of: impl Fn(&'a Swap) -> &'a Stored,
) -> Array<'a> {
    let swaps = changes.filter_map(|change| change.swaps.iter().find(|it| it.column == place));
    let values = swaps.map(of);
    match form {
        Form::Text => {
            let texts = values.map(|value| match value {
                Stored::Text(text) => Some(text.as_str()),
                _ => None,
            });
            Array::Texts(texts.collect())
        }
        Form::Bytes | Form::Other => {
            let bytes = values.map(|value| match value {
                Stored::Bytes(bytes) => Some(bytes.as_slice()),
                _ => None,
            });
            Array::Bytes(bytes.collect())
        }
    }
}

/// Whether any row can be of this key: no text of PostgreSQL has a zero byte.
pub(super) fn can_be_there(key: &RowKey) -> bool {
    !key.parts().iter().any(|part| matches!(part, Scalar::Text(text) if text.contains('\0')))
}

/// Whether a row can hold all the old values.
pub(super) fn can_be_so(layout: &Layout, change: &Change) -> bool {
    change.swaps.iter().all(|swap| fits(layout, swap.column, &swap.old))
}

/// Whether the columns take all the new values, where the old ones are there.
pub(super) fn can_become(layout: &Layout, change: &Change) -> bool {
    // What is of the type of an old value that is there fits as well.
    let is_new = |swap: &&Swap| swap.old == Stored::Nothing;
    !change.swaps.iter().any(|swap| has_zero(&swap.new))
        && change.swaps.iter().filter(is_new).all(|swap| fits(layout, swap.column, &swap.new))
}

fn fits(layout: &Layout, column: usize, value: &Stored) -> bool {
    match (layout.sealed.get(column), value) {
        (Some(Form::Bytes), Stored::Bytes(_))
        | (Some(Form::Bytes | Form::Text), Stored::Nothing) => true,
        (Some(Form::Text), text @ Stored::Text(_)) => !has_zero(text),
        _ => false,
    }
}

/// Which no text of PostgreSQL has.
fn has_zero(value: &Stored) -> bool {
    matches!(value, Stored::Text(text) if text.contains('\0'))
}

/// The canonical form, in capital letters or small ones (RFC 9562, 4).
fn is_uuid(text: &str) -> bool {
    text.len() == 36
        && text.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => byte.is_ascii_hexdigit(),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uuid_is_in_one_form() {
        let good = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11";
        assert!(is_uuid(good) && is_uuid(&good.to_uppercase()));
        for bad in ["", &good[1..], &good.replace('-', ""), &good.replace('a', "g")] {
            assert!(!is_uuid(bad), "{bad}");
        }
    }
}
