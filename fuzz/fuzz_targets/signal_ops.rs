//! libFuzzer on [`kopru_fuzz::signal_ops`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kopru_fuzz::signal_ops(data));
