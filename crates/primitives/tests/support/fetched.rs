//! Vectors that are fetched, not committed.

use std::path::PathBuf;

/// The directory of the fetched vectors, or `None` in a run that was told to do without the network.
///
/// Panics when the vectors are missing and nobody said that they may be: a suite that is left out in silence would be
/// green for the wrong reason.
pub(crate) fn directory() -> Option<PathBuf> {
    if let Some(directory) = std::env::var_os("PHISEAL_VECTORS") {
        let root = PathBuf::from(directory);
        let inner = root.join("cryptography_vectors");
        return Some(if inner.is_dir() { inner } else { root });
    }
    let local = std::env::var_os("PHISEAL_LOCAL").is_some_and(|value| value == "1");
    assert!(
        local,
        "PHISEAL_VECTORS names no directory: `cargo xtask test` fetches the vectors and sets it"
    );
    #[expect(clippy::print_stdout, reason = "what a run leaves out, it says")]
    {
        println!("left out, because PHISEAL_LOCAL=1: the NIST CAVP vectors");
    }
    None
}
