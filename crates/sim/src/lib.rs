//! kopru-sim
