//! A credential id with a limit: what its holder may relay, said where no table is needed to know
//! it. The password is made of the whole user name, so nobody but who has the secret writes it.
//!
//! ```text
//!   1795226400:c_SHsP7xHNJm4RoqUgNaTEJA;bps=2000000
//!   └ expiry ┘ └────────── id ────────┘     └ bits a second, in each direction
//! ```

use std::num::NonZero;

/// The name behind the expiry of a time-limited user name, for this id and limit.
pub fn limited_id(id: &str, bits_per_second: Option<NonZero<u64>>) -> String {
    match bits_per_second {
        Some(limit) => format!("{id}{MARK}{limit}"),
        None => id.to_owned(),
    }
}

/// Splits such a name. Where it has no limit, or none as [`limited_id`] writes it, all of it is
/// the id.
pub fn id_and_limit(name: &str) -> (&str, Option<NonZero<u64>>) {
    let limited = || {
        let (id, digits) = name.rsplit_once(MARK)?;
        let limit: NonZero<u64> = digits.parse().ok()?;
        // Each limit has one spelling: `parse` alone would take "+1" and "01" as well.
        (!id.is_empty() && limit.to_string() == digits).then_some((id, Some(limit)))
    };
    limited().unwrap_or((name, None))
}

const MARK: &str = ";bps=";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_together_comes_apart() {
        for limit in [None, NonZero::new(1), NonZero::new(u64::MAX)] {
            let name = limited_id("c_SHsP7xHNJm4RoqUgNaTEJA", limit);
            assert_eq!(id_and_limit(&name), ("c_SHsP7xHNJm4RoqUgNaTEJA", limit));
        }
    }

    #[test]
    fn a_limit_has_one_spelling() {
        for name in [
            "",
            "ada",
            ";bps=1",
            "a;bps=",
            "a;bps=0",
            "a;bps=01",
            "a;bps=+1",
            "a;bps=-1",
            "a;bps=1 ",
            "a;bps=1e3",
            "a;bps=18446744073709551616",
            "a;BPS=1",
        ] {
            assert_eq!(id_and_limit(name), (name, None), "{name}");
        }
        assert_eq!(id_and_limit("a;bps=1;bps=2"), ("a;bps=1", NonZero::new(2)));
    }
}
