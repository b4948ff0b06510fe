//! libFuzzer on [`kopru_fuzz::turn_ops`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kopru_fuzz::turn_ops(data));
