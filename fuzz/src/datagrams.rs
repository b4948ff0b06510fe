//! Several datagrams out of one input.
//!
//! ```text
//!  ┌ length, 2 bytes ┬ datagram ┬ length, 2 bytes ┬ datagram ┬ …
//! ```

/// The datagrams of an input; the last one is as long as what is left.
pub(crate) fn datagrams(mut input: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (len, rest) = input.split_first_chunk()?;
        let len = usize::from(u16::from_be_bytes(*len)).min(rest.len());
        let (datagram, rest) = rest.split_at(len);
        input = rest;
        Some(datagram)
    })
}
