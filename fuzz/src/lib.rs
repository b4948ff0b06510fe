//! What fuzzers do with kopru: each target takes bytes and panics when a promise is broken.
//!
//! | target | the bytes | the promise |
//! |---|---|---|
//! | [`stun_message`] | a datagram | what parses can be read whole, and written again |
//! | [`channel_data`] | a datagram | first byte and header agree, nothing behind is data |
//! | [`stream_framing`] | sizes of reads, and a stream | the same messages, however it is read |
//! | [`config_text`] | a configuration file | read, or refused with a place and a reason |
//! | [`unauthenticated`] | datagrams of strangers | nothing is kept, replies are short |
//! | [`turn_ops`] | steps of clients and peers | `sim`'s checks after each; trains are as singles |
//! | [`signal_frames`] | text frames of two sessions | JSON, numbered; calls end once |
//! | [`signal_ops`] | steps of devices, on several hubs too | the checks of `sim`, nothing left |
//!
//! `make fuzz` runs them under libFuzzer. `cargo test` replays `corpus/`, one folder for each
//! target: seeds, and whatever has once broken something.

mod channel_data;
mod config_text;
mod datagrams;
mod signal_frames;
mod signal_ops;
mod stream_framing;
mod stun_message;
mod turn_ops;
mod unauthenticated;

pub use channel_data::channel_data;
pub use config_text::config_text;
pub use signal_frames::signal_frames;
pub use signal_ops::signal_ops;
pub use stream_framing::stream_framing;
pub use stun_message::stun_message;
pub use turn_ops::turn_ops;
pub use unauthenticated::unauthenticated;

/// A target: it panics when a promise is broken.
pub type Target = fn(&[u8]);

/// Every target by its name.
pub const TARGETS: [(&str, Target); 8] = [
    ("stun_message", stun_message),
    ("channel_data", channel_data),
    ("stream_framing", stream_framing),
    ("config_text", config_text),
    ("unauthenticated", unauthenticated),
    ("turn_ops", turn_ops),
    ("signal_frames", signal_frames),
    ("signal_ops", signal_ops),
];
