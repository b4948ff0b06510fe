//! RFC 8489 §14.9: REALM.

use super::text::text_attribute;

/// Within which the user name means something; without the quotes that SIP puts around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Realm<'a>(pub &'a str);

text_attribute!(Realm, REALM);
