//! libFuzzer on [`kopru_fuzz::unauthenticated`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kopru_fuzz::unauthenticated(data));
