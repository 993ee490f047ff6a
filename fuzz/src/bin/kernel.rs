//! Target `kernel`; see the function of the same name in `phiseal-fuzz-checks`.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    phiseal_fuzz_checks::kernel(data);
});
