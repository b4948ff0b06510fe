//! kopru
fn main() {}
