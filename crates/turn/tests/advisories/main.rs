//! What went wrong in other servers of this kind, one test each: it stays right in this one.

mod bytes_and_secrets;
mod ends_and_quotas;
mod peers_and_replies;
