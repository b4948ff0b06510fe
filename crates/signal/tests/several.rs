//! The same ladders on a server with several hubs: nobody can tell.

mod abuse;
mod beforehand;
mod calls;
mod calls_and_rooms;
mod calls_at_the_limit;
mod calls_of_many;
mod capacity;
mod coming_back;
mod devices;
mod document;
mod document_calls;
mod document_stories;
mod expulsion;
mod farewells;
mod held_candidates;
mod ice;
mod joining;
mod kinds;
mod leaving;
mod listing;
mod liveness;
mod memory;
mod nat;
mod negotiating;
mod prediction;
mod refresh;
mod relay_only;
mod relaying;
mod reopening;
mod repeating;
mod resume;
mod roles;
mod same_identity;
mod sharding;
mod stage;
mod stories;
mod stories_at_the_limit;
mod storm;
mod taking_places;
mod two;
mod verdicts;
mod verdicts_of_networks;

/// How many hubs the stage has.
const HUBS: u16 = 3;
