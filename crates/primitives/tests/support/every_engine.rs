//! Every engine, and the kernel with each instruction set that this processor has.

use phiseal_primitives::{Engine, engines};
use std::sync::LazyLock;

pub(crate) fn every_engine() -> &'static [&'static dyn Engine] {
    static EVERY: LazyLock<Vec<&'static dyn Engine>> = LazyLock::new(|| {
        #[cfg_attr(
            not(all(feature = "kernel", target_arch = "x86_64")),
            expect(unused_mut, reason = "the kernel is added")
        )]
        let mut every = engines().to_vec();
        #[cfg(all(feature = "kernel", target_arch = "x86_64"))]
        every.extend(forced_kernels());
        every
    });
    &EVERY
}

/// The kernel with each instruction set that this processor has.
#[cfg(all(feature = "kernel", target_arch = "x86_64"))]
pub(crate) fn forced_kernels() -> impl Iterator<Item = &'static dyn Engine> {
    use phiseal_primitives::{Instructions, Kernel, engine};
    Instructions::ALL.into_iter().filter_map(|instructions| {
        let kernel = Kernel::over(engines()[0]).only(instructions);
        kernel.instructions().and_then(|_| engine(phiseal_primitives::Engine::name(&kernel)))
    })
}
