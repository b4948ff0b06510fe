//! libFuzzer on [`kopru_fuzz::signal_frames`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kopru_fuzz::signal_frames(data));
