//! kopru-turn
pub mod five_tuple;
pub mod relay_sockets;
pub mod verdict;
