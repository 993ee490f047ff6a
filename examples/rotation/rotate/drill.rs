//! `drill`: whether a recovery key opens what it is kept for.

use super::arguments::{Arguments, Drill};
use super::failure::{ANOMALY, Failure, of_file};
use super::office::{Act, Book, Office};
use super::output::{Output, count};
use phiseal::backends::recovery::{RecoveryKey, Share};
use phiseal::rotation::Class;
use phiseal::{Kek, Phiseal, address, default_engine};
use pollster::block_on;
use serde_json::json;
use std::fs;
use std::sync::Arc;

pub(crate) fn drill(arguments: &Arguments, of: &Drill, output: &Output) -> Result<(), Failure> {
    if of.shares.is_empty() {
        return Err(Failure::usage(
            "name the shares of the recovery key: --share FILE, as many as it takes",
        ));
    }
    let engine = default_engine();
    let mut shares = Vec::new();
    for file in &of.shares {
        let text = fs::read_to_string(file).map_err(|error| of_file(file, &error))?;
        shares.push(Share::parse(text.trim(), engine)?);
    }
    let key = RecoveryKey::combine(&shares, engine)?;
    let office = Office::open(&arguments.manifest)?;
    let key = Arc::new(key);
    let kek = block_on(Kek::connect(key.clone(), engine))?;
    let drill = block_on(office.store().drill(&kek))?;
    let opened = drill.versions.len() - drill.lacking().count();
    output.tell(&drill.to_string(), "drill", json!({
        "kek": drill.kek.as_str(), "store_key": drill.store_key.opens(), "versions": drill.versions.len(), "opened": opened,
    }));
    let mut sampled = 0;
    if drill.store_key.opens() {
        sampled = sample(&office, key, of.sample, output)?;
    }
    let kind = if drill.is_complete() { Ok(()) } else { Err(phiseal::ErrorKind::NotFound) };
    let act = Act {
        action: "drill",
        actor: "drill",
        request: None,
        domain: None,
        count: Some(sampled),
        to: None,
    };
    Book::open(&office)?.write(&act, kind)?;
    if !drill.is_complete() {
        return Err(Failure::new(
            ANOMALY,
            "the recovery key does not open everything: rewrap, with it as an escrow key",
        ));
    }
    Ok(())
}

/// Opens some values of each table with what the recovery key alone opens.
fn sample(
    office: &Office,
    key: Arc<RecoveryKey>,
    most: usize,
    output: &Output,
) -> Result<u64, Failure> {
    let store = office.manifest.store().map(|store| store.text()).transpose()?.unwrap_or_default();
    let store = address::store(&store, office.manifest.folder())?;
    // A recovery key's wraps anybody can make: the key store is the one that the other keys have opened.
    let builder = Phiseal::builder().existing().read_only().store_key(office.store().store_key());
    let recovered = block_on(builder.open(store, key))?;
    let alone = Office { phi: recovered, custodians: None, manifest: office.manifest.clone() };
    let mut opened = 0;
    for holding in alone.holdings()? {
        let table = holding.source.table().name().to_owned();
        let classes = holding.sample(most)?;
        let good = classes.iter().filter(|class| {
            class.is_in_order() || matches!(class, Class::Older(_) | Class::PersonOlder)
        });
        let good = good.count();
        let text = format!(
            "  {table}: {good} of {} opened by the recovery key alone",
            count(classes.len() as u64, "value", "values")
        );
        output.tell(
            &text,
            "sample",
            json!({ "table": table, "values": classes.len(), "opened": good }),
        );
        if good < classes.len() {
            return Err(Failure::new(
                ANOMALY,
                format!("{table}: not every value opens with the recovery key"),
            ));
        }
        opened += good as u64;
    }
    Ok(opened)
}
