//! Generalised values: less of a value, which is still true.

mod age;
mod year;
mod zip;

pub use age::age;
pub use year::year;
pub use zip::SparseAreas;
