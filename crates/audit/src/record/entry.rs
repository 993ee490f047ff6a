use super::{Action, Class, DataKind, Outcome, Record, RequestId, Time};
use core::fmt::Display;
use core::time::Duration;
use phiseal_format::{EnvironmentId, KekId, KekVersion, hex};
use phiseal_keys::{Error, ErrorKind, Reader};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;

/// The longest line, without its end, in bytes.
pub const MAX_LINE: usize = 2048;

/// A record as it stands in a log: one flat JSON object, visible ASCII, one text per value.
///
/// | member | |
/// |---|---|
/// | `v` | 1 |
/// | `seq` | the number of the line, from 1 |
/// | `time` | RFC 3339, UTC, milliseconds |
/// | `prev` | the first 8 bytes of the hash of the line before, zeros in the first: names the line that was changed |
/// | `env` | the environment's id |
/// | `class` | `key`, `custody`, `reveal`, `break-glass` |
/// | `action` | what was done |
/// | `outcome` | `success`, or the kind of the error |
/// | `actor`, `use` | who did it, and what for |
/// | `domain`, `key`, `key_version` | with which data key |
/// | `kek`, `kek_version` | under which key-encryption key; version 0 where the backend shows none |
/// | `request`, `subject` | ids: of the request, and of the person by pseudonym |
/// | `kind` | of what kind the data is, as a policy names it |
/// | `count`, `took_us` | how many, and how many microseconds it took |
///
/// Members from `actor` on are left out where nothing is known. Ids are lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// The number of its line, from 1.
    pub sequence: u64,
    /// When the log was told of it.
    pub time: Time,
    /// The first 8 bytes of the hash of the line before.
    pub previous: [u8; 8],
    /// Where.
    pub environment: EnvironmentId,
    /// What.
    pub record: Record,
}

impl Entry {
    /// Reads a line, without its end.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Malformed`] when it is not, byte for byte, what [`Entry::to_line`] writes.
    pub fn parse(line: &[u8]) -> Result<Self, Error> {
        let malformed = || Error::new(ErrorKind::Malformed, "a line is not a record of a log");
        if line.len() > MAX_LINE || !line.iter().all(u8::is_ascii_graphic) {
            return Err(malformed());
        }
        let wire: Wire<'_> = serde_json::from_slice(line).map_err(|_| malformed())?;
        let entry = wire.read().ok_or_else(malformed)?;
        if entry.to_line().as_bytes() != line {
            return Err(malformed());
        }
        Ok(entry)
    }

    /// The line, without its end.
    #[must_use]
    pub fn to_line(&self) -> String {
        // Strings and numbers always have a JSON form.
        serde_json::to_string(&Wire::of(self)).unwrap_or_default()
    }
}

/// The members of a line, in their order.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wire<'a> {
    v: u8,
    seq: u64,
    time: Cow<'a, str>,
    prev: Cow<'a, str>,
    env: Cow<'a, str>,
    class: Cow<'a, str>,
    action: Cow<'a, str>,
    outcome: Cow<'a, str>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    actor: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none", rename = "use")]
    usage: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    domain: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    key_version: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kek: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kek_version: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    request: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    subject: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kind: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    count: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    took_us: Option<u64>,
}

const VERSION: u8 = 1;

impl<'a> Wire<'a> {
    fn of(entry: &'a Entry) -> Self {
        let record = &entry.record;
        Self {
            v: VERSION,
            seq: entry.sequence,
            time: entry.time.to_string().into(),
            prev: format!("{:016x}", u64::from_be_bytes(entry.previous)).into(),
            env: entry.environment.to_string().into(),
            class: record.class.as_str().into(),
            action: record.action.as_str().into(),
            outcome: record.outcome.as_str().into(),
            actor: record.reader.as_ref().map(|reader| reader.actor().into()),
            usage: record.reader.as_ref().map(|reader| reader.usage().into()),
            domain: record.domain.map(text),
            key: record.key.map(text),
            key_version: record.key_version,
            kek: record.kek.as_ref().map(|kek| kek.as_str().into()),
            kek_version: record.kek_version.map(|version| version.0),
            request: record.request.map(text),
            subject: record.subject.map(text),
            kind: record.kind.as_ref().map(|kind| kind.as_str().into()),
            count: record.count,
            took_us: record.took.map(micros),
        }
    }

    fn read(&self) -> Option<Entry> {
        if self.v != VERSION {
            return None;
        }
        let class = Class::parse(&self.class)?;
        let mut record =
            Record::new(class, Action::parse(&self.action)?, Outcome::parse(&self.outcome)?);
        record.reader = match (&self.actor, &self.usage) {
            (None, None) => None,
            (Some(actor), Some(usage)) => Some(Reader::new(actor, usage).ok()?),
            _ => return None,
        };
        record.domain = parsed(self.domain.as_deref())?;
        record.key = parsed(self.key.as_deref())?;
        record.key_version = self.key_version;
        record.kek = parsed::<KekId>(self.kek.as_deref())?;
        record.kek_version = self.kek_version.map(KekVersion);
        record.request = parsed::<RequestId>(self.request.as_deref())?;
        record.subject = parsed(self.subject.as_deref())?;
        record.kind = parsed::<DataKind>(self.kind.as_deref())?;
        record.count = self.count;
        record.took = self.took_us.map(Duration::from_micros);
        Some(Entry {
            sequence: self.seq,
            time: Time::parse(&self.time)?,
            previous: hex::parse(&self.prev).ok()?,
            environment: self.env.parse().ok()?,
            record,
        })
    }
}

fn text<'a>(id: impl Display) -> Cow<'a, str> {
    id.to_string().into()
}

/// Nothing of nothing, the value of its text, or `None` when that is not one.
fn parsed<T: core::str::FromStr>(text: Option<&str>) -> Option<Option<T>> {
    text.map_or(Some(None), |text| text.parse().ok().map(Some))
}

fn micros(took: Duration) -> u64 {
    u64::try_from(took.as_micros()).unwrap_or(u64::MAX)
}
