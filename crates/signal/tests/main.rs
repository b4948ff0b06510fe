//! Message ladders: clients say something, the hub answers, time passes.

mod abuse;
mod calls;
mod calls_and_rooms;
mod calls_at_the_limit;
mod calls_of_many;
mod capacity;
mod devices;
mod document;
mod document_calls;
mod ice;
mod joining;
mod kinds;
mod leaving;
mod listing;
mod liveness;
mod memory;
mod negotiating;
mod refresh;
mod relay_only;
mod relaying;
mod repeating;
mod resume;
mod roles;
mod same_identity;
mod stage;
mod storm;
