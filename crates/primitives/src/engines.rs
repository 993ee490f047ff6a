//! The engines that are compiled in, in the order in which they are preferred.

#[cfg(any(feature = "aws-lc-rs", feature = "fips"))]
mod aws_lc_rs;
#[cfg(feature = "ring")]
mod ring;
#[cfg(feature = "rustcrypto")]
mod rustcrypto;

#[cfg(any(feature = "aws-lc-rs", feature = "fips"))]
pub use self::aws_lc_rs::AwsLcRs;
#[cfg(feature = "ring")]
pub use self::ring::Ring;
#[cfg(feature = "rustcrypto")]
pub use self::rustcrypto::RustCrypto;

use crate::Engine;
#[cfg(all(
    feature = "kernel",
    target_arch = "x86_64",
    any(feature = "aws-lc-rs", feature = "fips", feature = "ring", feature = "rustcrypto")
))]
use crate::kernel::{Instructions, Kernel};

/// Every compiled-in library; the first is [`default_engine`]. The kernel is had by name only.
static ENGINES: &[&dyn Engine] = &[
    #[cfg(any(feature = "aws-lc-rs", feature = "fips"))]
    &AwsLcRs,
    #[cfg(feature = "ring")]
    &Ring,
    #[cfg(feature = "rustcrypto")]
    &RustCrypto,
];

/// The kernel with the fastest instructions of the processor, then with each of its instruction sets.
#[cfg(all(
    feature = "kernel",
    target_arch = "x86_64",
    any(feature = "aws-lc-rs", feature = "fips", feature = "ring", feature = "rustcrypto")
))]
static KERNELS: [Kernel; 4] = [
    Kernel::over(ENGINES[0]),
    Kernel::over(ENGINES[0]).only(Instructions::Avx512),
    Kernel::over(ENGINES[0]).only(Instructions::Avx2),
    Kernel::over(ENGINES[0]).only(Instructions::AesNi),
];

/// The engine that this build prefers: the first compiled-in one of `aws-lc-rs`, `ring`, `rustcrypto`.
///
/// A build without any engine has no such function: crates that only pass engines on build without one.
///
/// ```
/// let engine = phiseal_primitives::default_engine();
/// println!("{} over {:?}", engine.name(), engine.module());
/// ```
#[cfg(any(feature = "aws-lc-rs", feature = "fips", feature = "ring", feature = "rustcrypto"))]
#[must_use]
pub fn default_engine() -> &'static dyn Engine {
    ENGINES[0]
}

/// Every compiled-in engine, the preferred one first.
///
/// ```
/// for engine in phiseal_primitives::engines() {
///     println!("{}", engine.name());
/// }
/// ```
#[must_use]
pub fn engines() -> &'static [&'static dyn Engine] {
    ENGINES
}

/// The kernel with each instruction set that this processor has, the fastest first.
///
/// ```
/// for kernel in phiseal_primitives::kernels() {
///     println!("{}", kernel.name());
/// }
/// ```
#[cfg(all(
    feature = "kernel",
    target_arch = "x86_64",
    any(feature = "aws-lc-rs", feature = "fips", feature = "ring", feature = "rustcrypto")
))]
pub fn kernels() -> impl Iterator<Item = &'static dyn Engine> {
    let [_, forced @ ..] = &KERNELS;
    let present = forced.iter().filter(|kernel| kernel.instructions().is_some());
    present.map(|kernel| kernel as &dyn Engine)
}

/// The compiled-in engine of this name (`aws-lc-rs`, `ring`, `rustcrypto`; `kernel`, `kernel-avx512`, `kernel-avx2`, `kernel-aes-ni`), if
/// there is one.
///
/// ```
/// let name = phiseal_primitives::default_engine().name();
/// assert!(phiseal_primitives::engine(name).is_some());
/// assert!(phiseal_primitives::engine("openssl").is_none());
/// ```
#[must_use]
pub fn engine(name: &str) -> Option<&'static dyn Engine> {
    #[cfg(all(
        feature = "kernel",
        target_arch = "x86_64",
        any(feature = "aws-lc-rs", feature = "fips", feature = "ring", feature = "rustcrypto")
    ))]
    if let Some(kernel) = KERNELS.iter().find(|kernel| kernel.name() == name) {
        return Some(kernel);
    }
    ENGINES.iter().copied().find(|engine| engine.name() == name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_engine_is_the_first_of_the_list() {
        assert_eq!(default_engine().name(), engines()[0].name());
    }

    #[test]
    fn each_engine_is_found_by_its_own_name_and_names_differ() {
        for (position, listed) in engines().iter().enumerate() {
            assert_eq!(engine(listed.name()).map(Engine::name), Some(listed.name()));
            assert!(engines()[..position].iter().all(|earlier| earlier.name() != listed.name()));
        }
        assert!(engine("").is_none());
    }
}
