//! kopru-stun
pub mod packet;
pub mod time;
