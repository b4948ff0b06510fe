//! libFuzzer on [`kopru_fuzz::stream_framing`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kopru_fuzz::stream_framing(data));
