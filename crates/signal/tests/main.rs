//! Message ladders: clients say something, the hub answers, time passes.

mod abuse;
mod capacity;
mod document;
mod ice;
mod joining;
mod leaving;
mod liveness;
mod negotiating;
mod relay_only;
mod relaying;
mod repeating;
mod resume;
mod roles;
mod stage;
mod storm;
