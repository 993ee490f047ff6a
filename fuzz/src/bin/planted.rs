//! The control: a crash that only coverage feedback can reach. The smoke run requires it.
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| phiseal_fuzz_checks::planted(data));
