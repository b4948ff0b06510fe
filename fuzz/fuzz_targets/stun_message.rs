//! libFuzzer on [`kopru_fuzz::stun_message`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| kopru_fuzz::stun_message(data));
