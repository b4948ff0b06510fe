//! RFC 6750 §2.1: who may ask what operators ask: which rooms and calls there are, how it goes,
//! that somebody is put out.
//!
//! | mode | a key | a token | neither |
//! |---|---|---|---|
//! | configured | everything | what it grants | nothing |
//! | development, `--lan` | | | everything to this machine, nothing to others |
//!
//! Where no token is needed whoever reaches the server may join any room. That is no reason to tell
//! it who else has, or to let it put them out.

use std::net::IpAddr;

use axum::http::HeaderMap;
use kopru_signal::Claims;

use super::error::HttpError;
use super::serve::Peer;
use super::{App, bearer};
use crate::api_keys::ApiKeys;
use crate::failed_logins::FailedLogins;
use crate::tokens::Tokens;

impl App {
    /// Whether somebody from there has one of these keys, or needs none.
    pub(super) fn check_key(
        &self,
        keys: &ApiKeys,
        source: IpAddr,
        shown: Option<&str>,
    ) -> Result<(), HttpError> {
        self.gate(keys).operator(source, shown)
    }

    /// Who asks what may be told in part to the holder of a token: its claims; `None`: an operator,
    /// who may know everything.
    pub(super) fn asker(
        &self,
        peer: &Peer,
        headers: &HeaderMap,
    ) -> Result<Option<Claims>, HttpError> {
        self.gate(&self.api_keys).asker(self.source(peer, headers), bearer(headers))
    }

    fn gate<'a>(&'a self, keys: &'a ApiKeys) -> Gate<'a> {
        Gate { tokens: &self.tokens, failed: &self.failed_logins, keys }
    }
}

struct Gate<'a> {
    tokens: &'a Tokens,
    failed: &'a FailedLogins,
    keys: &'a ApiKeys,
}

impl Gate<'_> {
    fn operator(&self, source: IpAddr, shown: Option<&str>) -> Result<(), HttpError> {
        if self.needs_no_key(source) {
            return Ok(());
        }
        let shown = shown.ok_or(HttpError::Unauthorized)?;
        if !self.failed.may_try(source) {
            return Err(HttpError::TooManyFailedLogins);
        }
        if self.keys.know(Some(shown)) {
            return Ok(());
        }
        self.failed.note(source);
        Err(HttpError::Unauthorized)
    }

    fn asker(&self, source: IpAddr, shown: Option<&str>) -> Result<Option<Claims>, HttpError> {
        if self.needs_no_key(source) {
            return Ok(None);
        }
        if !self.failed.may_try(source) {
            return Err(HttpError::TooManyFailedLogins);
        }
        // What is no key may be a token; if it is neither, the check of tokens notes it.
        if self.keys.know(shown) {
            return Ok(None);
        }
        if self.tokens.is_open() {
            // There everybody has the claims of a token, and nobody has shown one.
            return Err(HttpError::Unauthorized);
        }
        Ok(Some(self.tokens.claims(source, shown)?))
    }

    fn needs_no_key(&self, source: IpAddr) -> bool {
        self.tokens.is_open() && source.is_loopback()
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::Arc;

    use super::*;
    use crate::config::{self, Config, Mode};
    use crate::host::Host;

    const THIS_MACHINE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const NEIGHBOUR: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 9));

    fn config(mode: Mode) -> Config {
        let host = Host::default();
        match mode {
            Mode::Configured => config::text("kopru.toml", "", &host).expect("valid").config,
            Mode::Development => config::development(&host, false, &[], &[]),
            Mode::Lan => config::development(&host, true, &[], &[]),
        }
    }

    #[test]
    fn where_no_token_is_needed_operators_are_of_this_machine() {
        for (mode, source, shown, expect) in [
            (Mode::Development, THIS_MACHINE, None, Ok(())),
            (Mode::Development, NEIGHBOUR, None, Err(HttpError::Unauthorized)),
            (Mode::Lan, THIS_MACHINE, None, Ok(())),
            (Mode::Lan, NEIGHBOUR, None, Err(HttpError::Unauthorized)),
            (Mode::Lan, NEIGHBOUR, Some("anything"), Err(HttpError::Unauthorized)),
            (Mode::Configured, THIS_MACHINE, None, Err(HttpError::Unauthorized)),
        ] {
            let failed = Arc::new(FailedLogins::new(&[]));
            let tokens = Tokens::new(&config(mode), Arc::clone(&failed));
            let keys = ApiKeys::default();
            let gate = Gate { tokens: &tokens, failed: &failed, keys: &keys };
            assert_eq!(gate.operator(source, shown), expect, "{mode:?} {source}");
            let asker = gate.asker(source, shown);
            assert_eq!(asker, expect.map(|()| None), "{mode:?} {source}");
        }
    }
}
