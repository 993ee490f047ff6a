//! The certificate as a page for people: one file, without scripts and without anything from elsewhere.

mod escape;
mod safeguards;
mod tables;
mod words;

use super::{Certificate, Digest, Erasure, Operation, Status};
use escape::{code, name, text};
use phiseal_keys::Error;
use phiseal_primitives::Engine;
use words::{moment, title};

const STYLE: &str = include_str!("style.css");

impl Certificate {
    /// The page: for screens and for paper (A4 or Letter), the same bytes for the same facts. It shows the hash of the JSON,
    /// and is not signed itself: what counts is the JSON, and the page can be made from it again.
    ///
    /// # Errors
    ///
    /// As [`Certificate::to_json`].
    pub fn to_html(&self, engine: &dyn Engine) -> Result<String, Error> {
        let hash = self.hash(engine)?;
        let title = text(title(self));
        let sections = [
            self.banners(),
            format!("<p class=\"lead\">{}</p>\n", words::lead(self)),
            self.act(),
            tables::people(&self.approval),
            tables::keys(&self.keys),
            tables::counts(self),
            safeguards::section(self),
            self.fingerprints(&hash),
        ];
        Ok([
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n",
            &format!("<title>{title}: {}</title>\n", text(&self.domain)),
            &format!("<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n"),
            &format!("<h1>{title}</h1>\n"),
            &sections.concat(),
            "</main>\n</body>\n</html>\n",
        ]
        .concat())
    }

    /// What nobody may miss.
    fn banners(&self) -> String {
        let mut banners = String::new();
        let mut banner = |heading: &str, rest: &str| {
            banners.push_str(&format!(
                "<div class=\"banner\" role=\"note\">\n<p><strong>{heading}</strong></p>\n{rest}</div>\n"
            ));
        };
        if self.approval.single_custodian {
            banner(
                "DANGER: ONE PERSON ACTED ALONE",
                "<p>The program ran in its mode for demonstrations, in which nobody else has to approve. This page is \
                 no evidence of dual control, and this mode is not for real health information.</p>\n",
            );
        }
        let remains = self.remains();
        if !remains.is_empty() {
            let items: String =
                remains.iter().map(|it| format!("<li>{}.</li>\n", text(it))).collect();
            banner("NOT FINISHED", &format!("<p>What remains:</p>\n<ul>\n{items}</ul>\n"));
        }
        if let Erasure::Pending { reasons } = &self.erasure {
            let items: String =
                reasons.iter().map(|it| format!("<li>{}.</li>\n", text(it))).collect();
            banner(
                "ERASURE PENDING",
                &format!("<p>A copy of the wrapped key may still exist:</p>\n<ul>\n{items}</ul>\n"),
            );
        }
        banners
    }

    /// What was done, to what, and when.
    fn act(&self) -> String {
        let mut items = vec![
            ("Act", text(&self.operation)),
            ("Data domain", format!("{} {}", name(&self.domain), code(self.domain_id))),
            ("Key store", code(self.environment)),
        ];
        if let Operation::Shred { person, keys, .. } = &self.operation {
            items.push(("Person", format!("{} (a reference of the key store's)", code(person))));
            items.extend(keys.iter().map(|key| ("Person's key", code(key))));
        }
        let times = &self.times;
        items.push(("Requested", moment(times.requested)));
        // Where nobody says when, the table below says by whom.
        if let Some(approved) = times.approved {
            items.push(("Approved", moment(approved)));
        } else if self.approval.approvers.is_empty() {
            items.push(("Approved", "by nobody else".to_owned()));
        }
        items.push(("Began", moment(times.began)));
        items.push(("Ended", moment(times.ended)));
        if let Erasure::Final { grounds } = &self.erasure {
            let grounds: Vec<_> = grounds.iter().map(text).collect();
            items.push(("Erasure", format!("final: {}", grounds.join("; "))));
        }
        let outcome = match self.status() {
            Status::Finished => "finished",
            Status::ErasurePending => "finished, erasure pending",
            Status::NotFinished => "not finished",
        };
        items.push(("Outcome", format!("<strong>{outcome}</strong>")));
        let items: String = items
            .iter()
            .map(|(what, is)| format!("<div><dt>{what}</dt><dd>{is}</dd></div>\n"))
            .collect();
        format!("<h2>What was done, and when</h2>\n<dl>\n{items}</dl>\n")
    }

    /// What this page can be compared with.
    fn fingerprints(&self, hash: &Digest) -> String {
        let tool = &self.tool;
        let mut items = vec![
            ("SHA-256 of certificate.json", code(hash)),
            (
                "Made with",
                format!(
                    "phiseal {}; cryptographic module {} {}, {}",
                    text(&tool.phiseal),
                    text(&tool.module),
                    text(&tool.module_version),
                    text(&tool.fips)
                ),
            ),
        ];
        if let Some(Ok(checkpoint)) = self.log.as_ref().map(super::LogHead::checkpoint) {
            let lines = checkpoint.to_string();
            let root = lines.lines().nth(2).unwrap_or_default();
            items.push((
                "Audit log",
                format!(
                    "{}, {} records, root {}",
                    name(&checkpoint.origin),
                    words::number(checkpoint.size),
                    code(root)
                ),
            ));
        }
        items.push(("SHA-256 of the request", code(self.approval.request)));
        if let Some(roster) = &self.approval.roster {
            let roster = format!("{} (number {})", code(roster.sha256), roster.number);
            items.push(("SHA-256 of the roster", roster));
        }
        let items: String = items
            .iter()
            .map(|(what, is)| format!("<div><dt>{what}</dt><dd>{is}</dd></div>\n"))
            .collect();
        format!(
            "<h2>How to check this page</h2>\n<dl class=\"wide\">\n{items}</dl>\n<p class=\"small\">This page shows what is in \
             certificate.json, which has the hash above and is signed in certificate.json.sig. The page itself is not \
             signed: without a signature of that hash it proves nothing.</p>\n"
        )
    }
}
