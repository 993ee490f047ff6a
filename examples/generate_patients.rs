//! Writes made-up FHIR R4 patients as NDJSON to standard output.
//!
//! ```text
//! cargo run --example generate_patients -- --count 200 --seed 7 > patients.ndjson
//! ```
//!
//! The same count and seed give the same bytes; without them, 200 patients of seed 7, which is
//! `examples/data/patients.ndjson`.

use std::env;
use std::error::Error;
use std::io::{self, BufWriter, Write};

use phiseal_examples::generator;

fn main() -> Result<(), Box<dyn Error>> {
    let (mut count, mut seed) = (200, 7);
    let mut arguments = env::args().skip(1);
    while let Some(option) = arguments.next() {
        let value = arguments.next().ok_or_else(|| format!("{option} needs a number"))?;
        match option.as_str() {
            "--count" => count = value.parse()?,
            "--seed" => seed = value.parse()?,
            _ => return Err(format!("{option} is not known; there are --count and --seed").into()),
        }
    }
    let mut out = BufWriter::new(io::stdout().lock());
    generator::write(&mut out, count, seed)?;
    out.flush()?;
    Ok(())
}
