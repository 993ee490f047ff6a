//! Columns: the same envelopes as one by one, whatever the shape of the values, and a row that is refused by its number.

#![expect(clippy::unwrap_used, reason = "a test's own functions fail by panicking")]

mod keys;
mod refused;
mod same;
mod shapes;

use phiseal::{Context, Engine, Rows};
use phiseal_primitives::kernels;

/// Every engine, and the kernel with each instruction set that this processor has.
fn every_engine() -> Vec<&'static dyn Engine> {
    phiseal::engines().iter().copied().chain(kernels()).collect()
}

fn ssn() -> Context {
    Context::of_field("ssn")
}

/// The record of each row.
fn records(rows: usize) -> Vec<String> {
    (0..rows).map(|row| format!("mrn-{row}")).collect()
}

fn rows(records: &Vec<String>) -> Rows<'_> {
    Rows::of_records(records)
}
