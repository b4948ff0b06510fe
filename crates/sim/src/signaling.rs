//! Devices that talk to a signaling hub over lines that break.
//!
//! A [`Device`] is a client as `docs/protocol.md` tells one to be, and no better: it counts `seq`,
//! acknowledges, keeps what was not answered, resumes when its line is lost and says that again.
//! An [`Exchange`] is the server with its [`Hubs`], the clock, and the lines between.
//!
//! ```text
//!   Device ── POST or WebSocket ──▶ ┌──────┐        in order, or overtaking; at times twice;
//!          ◀─── WebSocket or poll ─ │ Line │ ── Hub  cut between any two frames, on each side
//!                                   └──────┘        noticed at once, late, or by silence alone
//! ```
//!
//! | what is checked | where |
//! |---|---|
//! | no gap in `seq` | `client.rs`, with every frame |
//! | each change of a room is told once, in order, with the next `version` | `rooms.rs` |
//! | nothing arrives twice; what one sender says arrives in order | `letters.rs` |
//! | a receipt says the truth, once | `letters.rs` |
//! | the hub holds no more than its limits, and its counts agree | `exchange.rs`, with every step |
//! | everybody sees the same room, and the hub counts as many | `quiet.rs`, when all is quiet |
//! | what was answered with `ok` arrived, or its loss was told | `quiet.rs` |

mod client;
mod connecting;
mod device;
mod exchange;
mod hubs;
mod letters;
mod line;
mod quiet;
mod rooms;
mod transcript;

pub use device::{Device, Receipt};
pub use exchange::Exchange;
pub use hubs::Hubs;
pub use line::{Cut, Transport, Weather};
