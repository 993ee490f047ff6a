//! What the page says of each safeguard: that the facts support it, and which facts.

use super::super::{Certificate, Operation, Safeguard};
use super::escape::text;
use super::words::number;

/// The safeguards that the certificate supports.
pub(super) fn section(certificate: &Certificate) -> String {
    let items: String = certificate
        .safeguards()
        .into_iter()
        .map(|safeguard| {
            format!(
                "<li><strong>{}</strong> ({}): {} Rests on: {}.</li>\n",
                text(safeguard.citation()),
                text(safeguard.title()),
                text(statement(safeguard, certificate)),
                text(safeguard.rests_on(&certificate.operation).join(", "))
            )
        })
        .collect();
    format!(
        "<h2>Safeguards that this supports</h2>\n<ul>\n{items}</ul>\n<p class=\"small\">Offered as evidence. Whether an \
         organisation complies with a law or a standard is for it and its assessors to judge.</p>\n"
    )
}

fn statement(safeguard: Safeguard, certificate: &Certificate) -> String {
    let sums = certificate.sums();
    let opened = number(sums.opened);
    match safeguard {
        Safeguard::EncryptionAndDecryption => format!(
            "supports it for the columns counted: {opened} values were found encrypted and decrypted for the count, none \
             unencrypted."
        ),
        Safeguard::AuditControls => {
            "supports it: the audit log's checkpoint below fixes the records up to it, so that a change of them can be noticed."
                .to_owned()
        }
        Safeguard::Integrity => format!(
            "supports it for the columns counted: {opened} values were authenticated, each in its own place, and none was \
             found altered."
        ),
        Safeguard::Transmission => format!(
            "supports it on the way to the database: the {} values encrypted anew were encrypted before they were handed \
             to it. Other ways are not covered.",
            number(sums.resealed)
        ),
        Safeguard::Documentation => {
            "supports it as an electronic record of the act. What this section requires to be documented is kept for six \
             years from its creation or from when it last was in effect, whichever is later."
                .to_owned()
        }
        Safeguard::OperationalPhase => {
            "supports the change of a key in use: a new version took the place of the one before.".to_owned()
        }
        Safeguard::PostOperationalPhase => match &certificate.operation {
            Operation::Retire { .. } => {
                "supports the end of a key's use: it seals no more, and nothing that was counted needs it.".to_owned()
            }
            Operation::Rotate { .. } | Operation::Destroy { .. } | Operation::Shred { .. } => {
                "supports the destruction of a key at the end of its life.".to_owned()
            }
        },
        Safeguard::CryptographicErase => {
            "supports it for what was only ever stored encrypted under the destroyed key; whether that is so is for the \
             organisation to judge."
                .to_owned()
        }
    }
}
