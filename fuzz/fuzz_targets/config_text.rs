//! libFuzzer on [`kopru_fuzz::config_text`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kopru_fuzz::config_text(data));
