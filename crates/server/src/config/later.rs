//! Keys of the configuration's plan that this version does not serve. They are refused with a word
//! about it: a key that is read and does nothing would be worse than none.

/// What to do instead, if the key at `path` belongs to a later version or another mode.
pub(crate) fn note(path: &str) -> Option<&'static str> {
    KEYS.iter().find(|(key, _)| *key == path).map(|(_, note)| *note)
}

const KEYS: &[(&str, &str)] = &[
    ("https.acme", "give certificate and key as files"),
    ("signaling.grace", "set signaling.limits.grace_s"),
    ("signaling.auth.webhook", "use jwt.secrets"),
    ("signaling.auth.open", "signaling is open in development mode only (kopru without a file)"),
    ("cluster", "remove it; one kopru is one server"),
];
