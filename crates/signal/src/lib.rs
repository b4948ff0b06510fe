//! kopru-signal
