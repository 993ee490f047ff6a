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
        every.extend(phiseal_primitives::kernels());
        every
    });
    &EVERY
}
