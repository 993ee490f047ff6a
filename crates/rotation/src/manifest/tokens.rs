//! What a manifest says of indexes, tokens and vaults.

use super::read::{domain_of, setting};
use super::walk::{Entry, Walk};
use super::{ColumnManifest, Content, VaultManifest};
use crate::Column;
use phiseal_envelope::Domain;
use phiseal_keys::{Error, ErrorKind, Store};
use phiseal_tokens as tokens;
use phiseal_tokens::{
    BlindIndex, Cardinality, DateOrder, Deterministic, Normaliser, Part, Vault, Vaulted,
    VaultedForm,
};
use std::sync::Arc;

/// An index, in which column and of which.
#[derive(Clone, Debug)]
pub(super) struct IndexManifest {
    named: Named,
    kind: BlindIndex,
    pub(super) of: Vec<String>,
    is_text: bool,
}

/// A column of deterministic tokens.
#[derive(Clone, Debug)]
pub(super) struct TokensManifest {
    named: Named,
    kind: Deterministic,
}

/// By which name, and of which tenant, a column has its keys.
#[derive(Clone, Debug)]
pub(super) struct Named {
    name: String,
    tenant: Option<String>,
}

impl Named {
    fn read(walk: &mut Walk<'_>) -> Result<Self, Error> {
        let name = walk.need("name")?.text()?;
        let tenant = walk.take("tenant").map(|entry| entry.text()).transpose()?;
        Ok(Self { name, tenant })
    }

    fn column<K: tokens::Kind>(&self, domain: &Domain, kind: K) -> tokens::Column<K> {
        match &self.tenant {
            Some(tenant) => tokens::Column::of_tenant(domain, tenant, &self.name, kind),
            None => tokens::Column::new(domain, &self.name, kind),
        }
    }
}

impl IndexManifest {
    pub(super) fn column(&self, domain: &Domain) -> Column {
        let index = self.named.column(domain, self.kind.clone());
        let of: Vec<&str> = self.of.iter().map(String::as_str).collect();
        if self.is_text { Column::index_as_text(&index, &of) } else { Column::index(&index, &of) }
    }
}

impl TokensManifest {
    pub(super) fn column(&self, domain: &Domain) -> Column {
        Column::tokens(&self.named.column(domain, self.kind.clone()))
    }
}

impl VaultManifest {
    /// The vault, for whoever counts and renews what is in it.
    ///
    /// # Errors
    ///
    /// As [`Vault::open`].
    pub async fn open(&self, store: Arc<dyn Store>, domain: &Domain) -> Result<Vault, Error> {
        let (Named { name, tenant }, kind) = (&self.named, self.kind.clone());
        match tenant {
            Some(tenant) => Vault::open_of_tenant(store, domain, tenant, name, kind).await,
            None => Vault::open(store, domain, name, kind).await,
        }
    }

    /// What it is called among tables.
    #[must_use]
    pub fn title(&self) -> String {
        let Named { name, tenant } = &self.named;
        let tenant = tenant.iter().map(|tenant| format!("{tenant}/")).collect::<String>();
        format!("vault {tenant}{name}")
    }
}

/// Of how many values a column is was judged where it was made: here is what is there.
fn judged() -> Cardinality {
    Cardinality::of(u64::MAX).accept_leakage("judged where the column was made")
}

pub(super) fn index(mut walk: Walk<'_>) -> Result<(Entry<'_>, ColumnManifest), Error> {
    let column = walk.need("column")?;
    let (domain, named) = (domain_of(&mut walk)?, Named::read(&mut walk)?);
    let list = walk.need("of")?;
    let (mut parts, mut of) = (Vec::new(), Vec::new());
    for mut walk in list.tables()? {
        of.push(walk.need("column")?.text()?);
        parts.push(part(&mut walk)?);
        walk.end()?;
    }
    let mut kind = BlindIndex::new(parts).map_err(|error| list.wrong(error))?;
    if let Some(entry) = walk.take("bits") {
        kind = kind.bits(entry.number()?).map_err(|error| entry.wrong(error))?;
    }
    let is_text = choice(&mut walk, "stored", ["bytes", "text"])? == 1;
    walk.end()?;
    let content = Content::Index(IndexManifest { named, kind, of, is_text });
    Ok((column, ColumnManifest { domain, content }))
}

fn part(walk: &mut Walk<'_>) -> Result<Part, Error> {
    let entry = walk.need("as")?;
    let form = entry.text()?;
    let normaliser = match form.as_str() {
        "exact" => Normaliser::Exact,
        "text" => Normaliser::Text,
        "digits" => Normaliser::Digits,
        "date" | "year" => {
            let day_first = choice(walk, "order", ["month-first", "day-first"])? == 1;
            Normaliser::Date(if day_first { DateOrder::DayFirst } else { DateOrder::MonthFirst })
        }
        "phone" => phone(walk, &entry)?,
        _ => return Err(entry.invalid("no form in which values are indexed")),
    };
    let part = Part::new(normaliser, judged());
    if form == "year" {
        return Ok(part.year());
    }
    walk.take("first").map_or(Ok(part.clone()), |entry| Ok(part.first(entry.number()?)))
}

#[cfg(feature = "phone")]
fn phone(walk: &mut Walk<'_>, _: &Entry<'_>) -> Result<Normaliser, Error> {
    let entry = walk.need("country")?;
    match entry.text()?.as_bytes() {
        &[a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() => {
            Ok(Normaliser::Phone([a, b]))
        }
        _ => Err(entry.invalid("a country is two capital letters")),
    }
}

#[cfg(not(feature = "phone"))]
fn phone(_: &mut Walk<'_>, entry: &Entry<'_>) -> Result<Normaliser, Error> {
    Err(entry.wrong(Error::new(ErrorKind::Unsupported, "telephone numbers are not built in")))
}

pub(super) fn tokens(mut walk: Walk<'_>) -> Result<(Entry<'_>, ColumnManifest), Error> {
    let column = walk.need("column")?;
    let (domain, named) = (domain_of(&mut walk)?, Named::read(&mut walk)?);
    let kind = match choice(&mut walk, "kind", ["reversible", "one-way"])? {
        1 => Deterministic::one_way(judged()),
        _ => Deterministic::new(judged()),
    }?;
    walk.end()?;
    Ok((
        column,
        ColumnManifest { domain, content: Content::Tokens(TokensManifest { named, kind }) },
    ))
}

pub(super) fn vault(mut walk: Walk<'_>) -> Result<VaultManifest, Error> {
    let store = setting(&walk.need("store")?)?;
    let (domain, named) = (domain_of(&mut walk)?, Named::read(&mut walk)?);
    // Of what form new ones are, and whether equal values have one, only who makes them has to know.
    let kind = Vaulted::new(VaultedForm::text(), &judged())?;
    walk.end()?;
    Ok(VaultManifest { store, domain, named, kind })
}

/// Which of two words stands under `key`: the first one where nothing does.
fn choice(walk: &mut Walk<'_>, key: &'static str, words: [&str; 2]) -> Result<usize, Error> {
    let Some(entry) = walk.take(key) else { return Ok(0) };
    let word = entry.text()?;
    let known = words.iter().position(|known| *known == word);
    known.ok_or_else(|| {
        entry.wrong(Error::new(ErrorKind::Invalid, "none of the words that may stand here"))
    })
}
