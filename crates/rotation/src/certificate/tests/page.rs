//! The page for people.

use super::super::*;
use super::facts::*;

fn page(certificate: &Certificate) -> String {
    certificate.to_html(engine()).unwrap()
}

/// The text between tags, and every tag, of a page without comments; fails on what is not closed in order.
fn parsed(page: &str) -> (String, Vec<String>) {
    const VOID: [&str; 3] = ["meta", "br", "!DOCTYPE"];
    let (mut text, mut tags, mut open) = (String::new(), Vec::new(), Vec::new());
    let mut rest = page;
    while let Some((before, after)) = rest.split_once('<') {
        text.push_str(before);
        let (tag, after) = after.split_once('>').unwrap();
        tags.push(tag.to_owned());
        let name = tag.trim_start_matches('/').split([' ', '\n']).next().unwrap().to_owned();
        if tag.starts_with('/') {
            assert_eq!(open.pop(), Some(name), "closed in order");
        } else if !VOID.contains(&name.as_str()) {
            open.push(name);
        }
        rest = after;
    }
    assert_eq!(open, Vec::<String>::new());
    text.push_str(rest);
    (text, tags)
}

#[test]
fn no_name_becomes_markup() {
    let page = page(&unfinished());
    let (text, tags) = parsed(&page);
    assert_eq!(tags.iter().filter(|tag| tag.contains("script") || tag.contains("img")).count(), 0);
    assert_eq!(tags.iter().filter(|tag| *tag == "b").count(), 0);
    assert!(text.contains("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;"));
    assert!(text.contains("ssn&quot;&gt;&lt;img src=x onerror=alert(1)&gt;"));
    assert!(text.contains("Mallory &lt;/td&gt;&lt;b&gt;O&#39;Neil"));
    let plain = parsed(&self::page(&rotation())).1;
    let names = |tags: &[String]| {
        tags.iter()
            .map(|tag| tag.split(' ').next().unwrap().to_owned())
            .collect::<std::collections::BTreeSet<_>>()
    };
    assert!(
        names(&tags).is_superset(&["html", "table", "caption", "bdi"].map(str::to_owned).into())
    );
    assert!(
        names(&plain)
            .iter()
            .all(|name| name.chars().all(|c| c.is_ascii_alphanumeric() || "/!".contains(c)))
    );
}

#[test]
fn the_page_needs_nothing_from_elsewhere_and_runs_nothing() {
    for certificate in [rotation(), destruction(), unfinished(), shredding()] {
        let page = page(&certificate);
        for forbidden in [
            "<script", "<link", "<img", "<iframe", " src=", " href=", "url(", "@import", " style=",
            "http:", "https:",
        ] {
            // What a name holds is text: a quote or a bracket that would begin markup is escaped.
            let found = page.replace("ssn&quot;&gt;&lt;img src=x onerror=alert(1)&gt;", "");
            assert!(!found.contains(forbidden), "{forbidden}");
        }
        assert!(page.contains("default-src 'none'"));
    }
}

#[test]
fn the_page_can_be_read_without_seeing_it() {
    let (_, tags) = parsed(&page(&rotation()));
    let count = |wanted: &str| tags.iter().filter(|tag| tag.starts_with(wanted)).count();
    assert_eq!(
        (count("html lang=\"en\""), count("h1"), count("title"), count("main")),
        (1, 1, 1, 1)
    );
    assert_eq!(count("h2"), 6);
    let tables = tags.iter().filter(|tag| *tag == "table").count();
    assert_eq!(
        (tables, count("caption"), tags.iter().filter(|tag| *tag == "thead").count()),
        (3, 3, 3)
    );
    let headers = tags.iter().filter(|tag| *tag == "th" || tag.starts_with("th "));
    assert!(headers.clone().all(|tag| tag.starts_with("th scope=\"")) && headers.count() > 15);
}

/// What is decrypted, and encrypted, are sealed values.
#[test]
fn entries_and_tokens_are_told_apart_from_what_is_encrypted() {
    let page = page(&indexed()).replace('\n', "");
    for part in [
        "12,345 values were encrypted anew",
        "12,345 values, and 24,690 index entries and tokens made anew or erased, in 12,300 rows encrypted anew",
        "12,345 values were found encrypted and decrypted for the count",
        "<td>encrypted under version 3</td>",
        "<td>index entries under version 2</td><td class=\"number\">12,000</td>",
        "<td>tokens under version 3</td>",
        "<td>not in the index</td><td class=\"number\">345</td>",
    ] {
        assert!(page.contains(part), "{part}: {page}");
    }
}

#[test]
fn what_nobody_may_miss_stands_first() {
    let place = |page: &str, what: &str| page.find(what).unwrap_or(usize::MAX);
    let one = page(&unfinished());
    assert!(one.contains("<h1>Record of key rotation after a compromise: NOT FINISHED</h1>"));
    assert!(place(&one, "DANGER: ONE PERSON ACTED ALONE") < place(&one, "class=\"lead\""));
    assert!(place(&one, "<strong>NOT FINISHED</strong>") < place(&one, "class=\"lead\""));
    assert!(one.contains("<li>43 values in column ssn&quot;&gt;&lt;img src=x onerror=alert(1)&gt; of table patients are left: damaged.</li>"));
    let two = page(&destruction());
    assert!(two.contains("<h1>Certificate of key destruction: erasure pending</h1>"));
    assert!(place(&two, "ERASURE PENDING") < place(&two, "class=\"lead\""));
    assert!(two.contains("write-ahead log"));
    let plain = page(&rotation());
    assert!(plain.contains("<h1>Certificate of key rotation</h1>"));
    assert!(!plain.contains("class=\"banner\"") && !plain.contains("DANGER"), "the control");
}

#[test]
fn the_page_tells_the_facts_and_never_that_somebody_complies() {
    let certificate = rotation();
    let page = page(&certificate);
    let hash = certificate.hash(engine()).unwrap().to_string();
    for part in [
        "On 1 March 2026 the encryption key of",
        "24,300 values were encrypted anew",
        "version 3 took the place of version 2",
        &hash,
        "Alice Meyer",
        certificate.approval.approvers[1].key_line(),
        certificate.approval.approvers[1].key_id(),
        "Of 3 custodians, 2 beside the one who asked had to approve; 2 did.",
        "12,345 rows",
        "<td>encrypted under version 2</td><td class=\"number\">12,200</td>\n<td class=\"number\">0</td>",
        "4 rows that others changed meanwhile",
        "phiseal 0.1.0; cryptographic module AWS-LC 1.73.0, not in FIPS mode",
        "clinic.example/audit</bdi>, 4,711 records, root <code>wMDA",
        certificate.counts.after[0].sha256().to_string().as_str(),
        "local:00112233445566778899aabbccddeeff",
        "2026-03-01 09:30:00 UTC",
        "45 CFR 164.312(a)(2)(iv)",
    ] {
        let (page, part) = (page.replace('\n', ""), part.replace('\n', ""));
        assert!(page.contains(&part), "{part}");
    }
    for certificate in [rotation(), destruction(), unfinished(), shredding()] {
        let page = self::page(&certificate).to_lowercase();
        let claims = page.replace("whether an organisation complies with", "");
        assert!(!claims.contains("compl"), "no word of compliance");
        for safeguard in Safeguard::ALL {
            let is_cited =
                page.contains(&format!("<strong>{}<", safeguard.citation().to_lowercase()));
            assert_eq!(is_cited, certificate.safeguards().contains(&safeguard), "{safeguard:?}");
        }
    }
}

/// Row keys may name people; censuses have none, and findings are told by their number.
#[test]
fn no_row_is_named() {
    // Every list of the JSON is one of these.
    let value: serde_json::Value = serde_json::from_str(&json(&unfinished())).unwrap();
    let mut lists = std::collections::BTreeSet::new();
    fn walk(name: &str, value: &serde_json::Value, lists: &mut std::collections::BTreeSet<String>) {
        match value {
            serde_json::Value::Object(members) => {
                members.iter().for_each(|(name, value)| walk(name, value, lists));
            }
            serde_json::Value::Array(elements) => {
                lists.insert(name.to_owned());
                elements.iter().for_each(|value| walk("", value, lists));
            }
            _ => {}
        }
    }
    walk("", &value, &mut lists);
    let known = [
        "after",
        "approvers",
        "before",
        "columns",
        "counts",
        "evidence",
        "remains",
        "resealed",
        "rests_on",
        "versions",
        "wraps_after",
        "wraps_before",
    ];
    assert_eq!(lists.into_iter().collect::<Vec<_>>(), known);
}
