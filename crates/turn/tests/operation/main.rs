//! What kopru does beyond the RFCs, or where they leave it to the server.

mod connections;
mod events;
mod invariants;
mod limits;
mod rates;
mod refusals;
mod same_server;
mod strange_bytes;
mod time_limited_credentials;
mod trains;
