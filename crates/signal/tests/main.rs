//! Message ladders: clients say something, the hub answers, time passes.

mod abuse;
mod capacity;
mod document;
mod ice;
mod joining;
mod leaving;
mod listing;
mod liveness;
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
