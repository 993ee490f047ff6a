use super::{Action, Class, Outcome, Record};
use phiseal_format::{EncryptionContext, KeyId};
use phiseal_keys::KekEvent;

/// The record of one call of a KEK: what its wrap is bound to, and which KEK made the wrap that was to be opened.
impl From<&KekEvent<'_>> for Record {
    fn from(event: &KekEvent<'_>) -> Self {
        let outcome = Outcome::from(event.outcome);
        let mut record = Self::new(Class::Key, Action::from(event.operation), outcome);
        record.took = Some(event.took);
        if let Some(context) = event.context {
            fill(&mut record, context);
        }
        if let Some(asked) = event.asked {
            record.kek = Some(asked.kek_id().clone());
            record.kek_version = Some(asked.kek_version());
        }
        record
    }
}

/// A context of a wrap is opaque ids, which it gives as text.
fn fill(record: &mut Record, context: &EncryptionContext) {
    for (name, value) in context.components() {
        match name {
            "domain" => record.domain = value.parse().ok(),
            "version" => record.key_version = value.parse().ok(),
            "subject" => record.subject = value.parse().ok(),
            // All 32 bytes; their first 16 are the id that envelopes carry.
            "key" => record.key = value.get(..2 * KeyId::LEN).and_then(|id| id.parse().ok()),
            _ => {}
        }
    }
}
