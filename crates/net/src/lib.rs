//! kopru-net
