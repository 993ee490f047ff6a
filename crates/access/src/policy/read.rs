//! Reading a policy, and saying where it is wrong.

use super::actors::{Actors, Named};
use super::{Grant, InEmergency, Kind, Policy, RateLimit, Role};
use core::ops::Range;
use core::time::Duration;
use jiff::SignedDuration;
use phiseal_audit::DataKind;
use phiseal_envelope::{Mask, RevealForm};
use phiseal_keys::{PolicyError, Reader};
use serde::Deserialize;
use std::collections::{BTreeMap, HashMap, HashSet};
use toml::Spanned;

type Words = Spanned<Vec<Spanned<String>>>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    version: Spanned<u32>,
    kinds: BTreeMap<Spanned<String>, KindTable>,
    roles: BTreeMap<Spanned<String>, RoleTable>,
    #[serde(default)]
    grants: Vec<Spanned<GrantTable>>,
    alert: Option<AlertTable>,
    #[serde(rename = "break-glass")]
    break_glass: Option<EmergencyTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct KindTable {
    fields: Words,
    mask: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RoleTable {
    actors: Words,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GrantTable {
    role: Spanned<String>,
    uses: Words,
    kinds: Words,
    form: Option<Spanned<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AlertTable {
    #[serde(rename = "more-than")]
    more_than: Spanned<u64>,
    within: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EmergencyTable {
    roles: Words,
    kinds: Option<Words>,
    longest: Spanned<String>,
    reviewers: Words,
}

/// The longest that an emergency or the window of an alert may be.
const DAY: Duration = Duration::from_secs(24 * 3600);

pub(super) fn read(text: &str) -> Result<Policy, PolicyError> {
    let file: File = toml::from_str(text)
        .map_err(|error| PolicyError::at(text, error.span(), error.message()))?;
    Reading { text }.policy(file)
}

/// The text that is read, to say where in it something is wrong.
struct Reading<'a> {
    text: &'a str,
}

impl Reading<'_> {
    fn policy(&self, file: File) -> Result<Policy, PolicyError> {
        if *file.version.get_ref() != 1 {
            return Err(self.wrong(&file.version, "a policy of another version than 1"));
        }
        let (mut kinds, mut fields, mut kind_places) = (Vec::new(), HashMap::new(), Places::new());
        for (name, kind) in file.kinds {
            let place = kinds.len();
            kinds.push(Kind { name: self.kind_name(&name)?, mask: self.mask(kind.mask)? });
            for field in self.some(kind.fields, "a kind of data has a field")? {
                if field.get_ref().is_empty() {
                    return Err(self.wrong(&field, "a field has a name"));
                }
                if fields.contains_key(field.get_ref()) {
                    return Err(self.wrong(&field, "the field has a kind already"));
                }
                fields.insert(field.into_inner(), place);
            }
            kind_places.insert(name.into_inner(), place);
        }
        let (mut roles, mut role_places) = (Vec::new(), Places::new());
        for (name, role) in file.roles {
            let actors = self.actors(role.actors)?;
            role_places.insert(name.into_inner(), roles.len());
            roles.push(Role { actors, grants: Vec::new() });
        }
        let mut granted = HashSet::new();
        for grant in file.grants {
            let grant = grant.into_inner();
            let role = self.place(&role_places, &grant.role, "there is no such role")?;
            let grant = self.grant(grant, &kind_places, |usage, kind| {
                granted.insert((role, usage.to_owned(), kind))
            })?;
            if let Some(role) = roles.get_mut(role) {
                role.grants.push(grant);
            }
        }
        Ok(Policy {
            kinds,
            fields,
            alert: file.alert.map(|alert| self.alert(alert)).transpose()?,
            break_glass: file
                .break_glass
                .map(|table| self.emergency(table, &role_places, &kind_places))
                .transpose()?,
            roles,
        })
    }

    fn kind_name(&self, name: &Spanned<String>) -> Result<DataKind, PolicyError> {
        name.get_ref()
            .parse()
            .map_err(|_| self.wrong(name, "a kind of data is a word of a-z, 0-9 and -"))
    }

    fn mask(&self, name: Option<Spanned<String>>) -> Result<Mask, PolicyError> {
        let Some(name) = name else { return Ok(Mask::all()) };
        name.get_ref().parse().map_err(|_| {
            self.wrong(&name, "a mask is one of all, name, email, phone, ssn, first-N, last-N")
        })
    }

    fn actors(&self, names: Words) -> Result<Actors, PolicyError> {
        let message = "an actor is an id of 1 to 64 characters of a-z A-Z 0-9 . _ : / @ -, or what ids begin with and a *";
        let names = self.some(names, "a role has an actor")?;
        let named = names
            .iter()
            .map(|name| Named::parse(name.get_ref()).ok_or_else(|| self.wrong(name, message)));
        Ok(Actors(named.collect::<Result<_, _>>()?))
    }

    /// `is_new`: whether the role was not granted this kind for this use before.
    fn grant(
        &self,
        grant: GrantTable,
        kinds: &Places,
        mut is_new: impl FnMut(&str, usize) -> bool,
    ) -> Result<Grant, PolicyError> {
        let form = grant.form.map_or(Ok(RevealForm::Index), |form| self.form(&form))?;
        let mut uses = Vec::new();
        for usage in self.some(grant.uses, "a grant has a use")? {
            if Reader::new("any", usage.get_ref()).is_err() {
                return Err(self.wrong(
                    &usage,
                    "a use is an id of 1 to 64 characters of a-z A-Z 0-9 . _ : / @ -",
                ));
            }
            uses.push(usage.into_inner());
        }
        let mut places = Vec::new();
        for kind in self.some(grant.kinds, "a grant has a kind of data")? {
            let place = self.place(kinds, &kind, "there is no such kind of data")?;
            // Two grants of the same thing in two forms: which one was meant?
            if uses.iter().any(|usage| !is_new(usage, place)) {
                return Err(
                    self.wrong(&kind, "the role is granted this kind of data for this use twice")
                );
            }
            places.push(place);
        }
        Ok(Grant { uses, kinds: places, form })
    }

    fn form(&self, name: &Spanned<String>) -> Result<RevealForm, PolicyError> {
        match name.get_ref().as_str() {
            "index" => Ok(RevealForm::Index),
            "masked" => Ok(RevealForm::Masked),
            "full" => Ok(RevealForm::Full),
            _ => Err(self.wrong(name, "a form is one of index, masked, full")),
        }
    }

    fn alert(&self, alert: AlertTable) -> Result<RateLimit, PolicyError> {
        if *alert.more_than.get_ref() == 0 {
            return Err(self.wrong(&alert.more_than, "an alert is of more than something"));
        }
        Ok(RateLimit { most: alert.more_than.into_inner(), within: self.duration(&alert.within)? })
    }

    fn emergency(
        &self,
        table: EmergencyTable,
        roles: &Places,
        kinds: &Places,
    ) -> Result<InEmergency, PolicyError> {
        let no_role = "there is no such role";
        Ok(InEmergency {
            roles: self.places(roles, table.roles, "nobody may break the glass", no_role)?,
            kinds: table
                .kinds
                .map(|named| {
                    self.places(kinds, named, "nothing is seen", "there is no such kind of data")
                })
                .transpose()?,
            longest: self.duration(&table.longest)?,
            reviewers: self.places(
                roles,
                table.reviewers,
                "nobody reviews an emergency",
                no_role,
            )?,
        })
    }

    fn duration(&self, text: &Spanned<String>) -> Result<Duration, PolicyError> {
        let duration = text.get_ref().parse::<SignedDuration>().ok();
        duration
            .and_then(|duration| Duration::try_from(duration).ok())
            .filter(|duration| (Duration::from_secs(1)..=DAY).contains(duration))
            .ok_or_else(|| self.wrong(text, "a time is like 90s, 10m or 1h, and at most 24h"))
    }

    fn places(
        &self,
        places: &Places,
        names: Words,
        none: &str,
        unknown: &str,
    ) -> Result<Vec<usize>, PolicyError> {
        let names = self.some(names, none)?;
        names.iter().map(|name| self.place(places, name, unknown)).collect()
    }

    fn place(
        &self,
        places: &Places,
        name: &Spanned<String>,
        unknown: &str,
    ) -> Result<usize, PolicyError> {
        places.get(name.get_ref()).copied().ok_or_else(|| self.wrong(name, unknown))
    }

    /// What is in a list that is not to be empty.
    fn some(&self, words: Words, none: &str) -> Result<Vec<Spanned<String>>, PolicyError> {
        if words.get_ref().is_empty() {
            return Err(self.wrong(&words, none));
        }
        Ok(words.into_inner())
    }

    fn wrong<T>(&self, what: &Spanned<T>, message: &str) -> PolicyError {
        let span: Range<usize> = what.span();
        PolicyError::at(self.text, Some(span), message)
    }
}

type Places = HashMap<String, usize>;
