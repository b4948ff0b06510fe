//! What is known of one side of a connection, from whoever told it: signaling itself, the client,
//! or TURN. A verdict rests on this.

use std::net::IpAddr;
use std::time::Instant;

use crate::announced::Announced;
use crate::leave::LeaveReason;
use crate::limits::ANNOUNCED_MAX;
use crate::nat::{Behavior, Nat};
use crate::private::is_private;
use crate::protocol::{CandidateType, Gathered, GatheringError, IceState, Pair};
use crate::relay_sight::{AllocationEnd, RefusedWhy, RelaySight, TurnTransport};

/// One side.
#[derive(Debug, Default)]
pub(crate) struct Evidence {
    /// As the client said last.
    pub(crate) ice: Option<IceState>,
    /// Whether its ICE has failed, and nobody has tried again since.
    pub(crate) has_failed: bool,
    /// Candidates that it has, by type.
    pub(crate) gathered: Gathered,
    /// The first of each type, and what tells a NAT's mapping.
    announced: Vec<Announced>,
    /// The NAT's mapping, where the client has told it. Else it is inferred from candidates.
    pub(crate) mapping: Option<Mapping>,
    /// How it got through to TURN.
    pub(crate) allocated: Option<TurnTransport>,
    /// TURN told it a relayed address that is private.
    relayed_private: bool,
    pub(crate) refused: Option<Refusal>,
    /// Peers that TURN may not relay to.
    peers_refused: Vec<IpAddr>,
    /// Its credential was taken back.
    pub(crate) barred: bool,
    /// It got nothing through to servers of these kinds.
    pub(crate) unanswered: Ways,
    /// What a server answered in place of an address, as the client says.
    pub(crate) error_code: Option<u16>,
    /// Whether its token lets it relay, and there is a relay.
    pub(crate) may_relay: bool,
    /// The pair that it uses, as it says.
    pub(crate) pair: Option<Pair>,
    /// Its connection to this server is lost at the moment.
    pub(crate) is_away: bool,
    pub(crate) left: Option<LeaveReason>,
}

/// RFC 4787 §4.1: whether a NAT gives each destination another port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mapping {
    Independent,
    Dependent,
}

impl Mapping {
    /// What a client has told of its NAT.
    pub(crate) fn told(nat: Option<&Nat>) -> Option<Self> {
        match nat?.mapping {
            Behavior::Unknown => None,
            Behavior::EndpointIndependent => Some(Self::Independent),
            Behavior::AddressDependent | Behavior::AddressAndPortDependent => Some(Self::Dependent),
        }
    }
}

/// TURN refused a credential.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: u16,
    pub(crate) why: RefusedWhy,
    /// It was taken for expired, and two clocks differ.
    pub(crate) skew: Option<Skew>,
}

/// How the expiry of a credential shows that clocks differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Skew {
    /// It is the one that was handed out last, and its time was not over.
    Early,
    /// It was over before the first one was handed out: somebody else made it.
    Foreign,
}

/// The credentials that were handed out last to somebody.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Minted {
    /// When credentials of this id were first handed out, by the clock of the wall.
    pub(crate) first_unix: u64,
    /// As this server's steady clock has it.
    pub(crate) good_until: Instant,
    /// As the user name has it.
    pub(crate) expires_unix: u64,
}

impl Evidence {
    /// Of a member, before anything was said.
    pub(crate) fn of(may_relay: bool, is_away: bool) -> Self {
        Self { may_relay, is_away, ..Self::default() }
    }

    /// It has sent this candidate. Whether it is the first of its type.
    pub(crate) fn announce(&mut self, candidate: Announced) -> bool {
        let count = match candidate.kind {
            CandidateType::Host => Some(&mut self.gathered.host),
            CandidateType::Srflx => Some(&mut self.gathered.srflx),
            CandidateType::Relay => Some(&mut self.gathered.relay),
            CandidateType::Prflx => None,
        };
        if let Some(count) = count {
            *count = count.saturating_add(1);
        }
        let is_first = self.announced.iter().all(|known| known.kind != candidate.kind);
        let tells_mapping = candidate.kind == CandidateType::Srflx && candidate.base.is_some();
        let is_wanted = is_first || tells_mapping && !self.announced.contains(&candidate);
        if is_wanted && self.announced.len() < ANNOUNCED_MAX {
            self.announced.push(candidate);
        }
        is_first
    }

    /// It says that it has gathered so many; it can't be less than what has passed.
    pub(crate) fn gather(&mut self, gathered: Gathered) {
        self.gathered.host = self.gathered.host.max(gathered.host);
        self.gathered.srflx = self.gathered.srflx.max(gathered.srflx);
        self.gathered.relay = self.gathered.relay.max(gathered.relay);
    }

    /// TURN saw this for its credential, of which these were handed out last.
    pub(crate) fn see(&mut self, at: Instant, sight: RelaySight, minted: Option<Minted>) {
        match sight {
            RelaySight::Allocated { transport, relayed_private } => {
                // The best way it found: the one that needs least of the network.
                self.allocated = Some(self.allocated.map_or(transport, |one| one.min(transport)));
                self.relayed_private |= relayed_private;
                // Whatever it was refused before, it has what it wanted.
                self.refused = None;
            }
            RelaySight::Refused { why: RefusedWhy::Barred, .. } => self.barred = true,
            RelaySight::Refused { code, why } => {
                let skew = minted.and_then(|minted| minted.skew(at, why));
                self.refused = Some(Refusal { code, why, skew });
            }
            RelaySight::PeerRefused { peer, .. } => {
                if self.peers_refused.len() < ANNOUNCED_MAX && !self.peers_refused.contains(&peer) {
                    self.peers_refused.push(peer);
                }
            }
            RelaySight::Ended { reason, .. } => self.barred |= reason == AllocationEnd::Revoked,
        }
    }

    /// Its ICE agent has come to this state. What it was in before. That it fails when the
    /// connection is over explains nothing.
    pub(crate) fn enter(&mut self, state: IceState, is_over: bool) -> Option<IceState> {
        match state {
            IceState::Failed => self.has_failed |= !is_over,
            IceState::Checking | IceState::Connected | IceState::Completed => {
                self.has_failed = false;
            }
            IceState::New | IceState::Disconnected | IceState::Closed => {}
        }
        self.ice.replace(state)
    }

    /// It could not gather as it wished.
    pub(crate) fn fail_to_gather(&mut self, error: &GatheringError) {
        if error.code == NO_ANSWER {
            self.unanswered.add(&error.url);
        } else {
            self.error_code = Some(error.code);
        }
    }

    /// From here on only what is new counts.
    pub(crate) fn connect(&mut self) {
        let Self { refused, peers_refused, unanswered, error_code, .. } = self;
        (*refused, *unanswered, *error_code) = (None, Ways::default(), None);
        peers_refused.clear();
    }

    /// Whether it had to have what it was refused. Who has an allocation can do without another.
    pub(crate) fn needs(&self, refusal: Refusal) -> bool {
        match refusal.why {
            RefusedWhy::WrongPassword | RefusedWhy::Expired { .. } => true,
            _ => self.allocated.is_none(),
        }
    }

    pub(crate) fn has_relay(&self) -> bool {
        self.gathered.relay > 0 || self.allocated.is_some()
    }

    /// Whether any server answered it at all, TURN or STUN.
    pub(crate) fn got_through(&self) -> bool {
        self.gathered.srflx > 0 || self.has_relay() || self.refused.is_some()
    }

    /// Whether it is known to have got through by streams alone.
    pub(crate) fn got_through_by_tcp_alone(&self) -> bool {
        let by_tcp = matches!(self.allocated, Some(TurnTransport::Tcp | TurnTransport::Tls));
        by_tcp && self.gathered.srflx == 0
    }

    /// Whether the relayed address that it announced is private.
    pub(crate) fn announces_private_relay(&self) -> bool {
        let mut relayed = self.addresses(|kind| kind == CandidateType::Relay);
        self.relayed_private || relayed.any(is_private)
    }

    /// Whether all its addresses that are known are private: it may be in the relay's network.
    pub(crate) fn is_all_private(&self) -> bool {
        let mut known = self.addresses(|kind| kind != CandidateType::Relay).peekable();
        known.peek().is_some() && known.all(is_private)
    }

    /// Of what TURN would not relay to: the first address by which `other` can be reached, where it
    /// has announced no other.
    pub(crate) fn refused_peer(&self, other: &Self) -> Option<IpAddr> {
        let mut ways = other.addresses(|_| true).peekable();
        ways.peek()?;
        let all_refused = ways.all(|ip| self.peers_refused.contains(&ip));
        self.peers_refused.first().copied().filter(|_| all_refused)
    }

    /// Whether TURN would not relay to any address at all.
    pub(crate) fn has_refused_peers(&self) -> bool {
        !self.peers_refused.is_empty()
    }

    /// What the client told, or what its candidates show: a device with a public address is behind
    /// no NAT, and one that is seen at two ports of one address is behind a symmetric one.
    pub(crate) fn mapping(&self) -> Option<Mapping> {
        let mut own = self.addresses(|kind| kind == CandidateType::Host);
        let shown = if own.any(|ip| !is_private(ip)) {
            Some(Mapping::Independent)
        } else {
            let is_split = |one| self.announced.iter().any(|other| is_same_base(one, other));
            self.announced.iter().any(is_split).then_some(Mapping::Dependent)
        };
        self.mapping.or(shown)
    }

    fn addresses(&self, of: impl Fn(CandidateType) -> bool) -> impl Iterator<Item = IpAddr> {
        let chosen = self.announced.iter().filter(move |one| of(one.kind));
        chosen.filter_map(|one| one.address.map(|at| at.ip()))
    }
}

impl Minted {
    fn skew(&self, at: Instant, why: RefusedWhy) -> Option<Skew> {
        let RefusedWhy::Expired { expired_unix } = why else { return None };
        if expired_unix == self.expires_unix && at < self.good_until {
            Some(Skew::Early)
        } else {
            (expired_unix <= self.first_unix).then_some(Skew::Foreign)
        }
    }
}

/// Whether two reflexive candidates of one base have the same address and different ports.
fn is_same_base(one: &Announced, other: &Announced) -> bool {
    let kinds = (one.kind, other.kind) == (CandidateType::Srflx, CandidateType::Srflx);
    let base = one.base.filter(|base| base.port() != 0 && Some(*base) == other.base);
    let (Some(_), Some(one), Some(other)) = (base, one.address, other.address) else {
        return false;
    };
    kinds && one.ip() == other.ip() && one.port() != other.port()
}

/// Ways to a server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Ways {
    pub(crate) udp: bool,
    /// TCP, with TLS or without, on another port than 443.
    pub(crate) tcp: bool,
    /// TCP, with TLS or without, on port 443.
    pub(crate) tcp_443: bool,
}

impl Ways {
    /// Adds that of a URL (RFC 7064, RFC 7065). What is none adds nothing.
    pub(crate) fn add(&mut self, url: &str) {
        let Some((scheme, rest)) = url.split_once(':') else { return };
        let (host, query) = rest.split_once('?').unwrap_or((rest, ""));
        let port = host.rsplit_once(':').map(|(_, port)| port);
        match (scheme, query) {
            ("turns" | "stuns", _) | ("turn", "transport=tcp") => {
                *if port == Some("443") { &mut self.tcp_443 } else { &mut self.tcp } = true;
            }
            ("stun" | "turn", _) => self.udp = true,
            _ => {}
        }
    }

    /// Those of many.
    pub(crate) fn of<'a>(urls: impl IntoIterator<Item = &'a str>) -> Self {
        let mut ways = Self::default();
        urls.into_iter().for_each(|url| ways.add(url));
        ways
    }
}

/// W3C WebRTC §4.8.3: no host candidate can reach the server.
const NO_ANSWER: u16 = 701;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::announced::announced;

    #[test]
    fn which_ways_urls_are() {
        for (url, expect) in [
            ("stun:turn.example.org", [true, false, false]),
            ("turn:turn.example.org:3478?transport=udp", [true, false, false]),
            ("turn:turn.example.org:443?transport=udp", [true, false, false]),
            ("turn:[2001:db8::1]:3478?transport=tcp", [false, true, false]),
            ("turn:turn.example.org:443?transport=tcp", [false, false, true]),
            ("turns:turn.example.org", [false, true, false]),
            ("turns:turn.example.org:443?transport=tcp", [false, false, true]),
            ("https://example.org", [false, false, false]),
            ("", [false, false, false]),
        ] {
            let Ways { udp, tcp, tcp_443 } = Ways::of([url]);
            assert_eq!([udp, tcp, tcp_443], expect, "{url}");
        }
    }

    #[test]
    fn one_base_at_two_ports_is_a_dependent_mapping() {
        let reflexive = |port: u16, base: u16| {
            format!("candidate:1 1 udp 1 203.0.113.5 {port} typ srflx raddr 10.0.0.2 rport {base}")
        };
        for (texts, expect) in [
            (vec![reflexive(4000, 1)], None),
            (vec![reflexive(4000, 1), reflexive(4000, 1)], None),
            (vec![reflexive(4000, 1), reflexive(4001, 2)], None),
            (vec![reflexive(4000, 1), reflexive(4001, 1)], Some(Mapping::Dependent)),
            (vec!["candidate:1 1 udp 1 203.0.113.5 1 typ host".into()], Some(Mapping::Independent)),
            (vec!["candidate:1 1 udp 1 10.0.0.2 1 typ host".into()], None),
            // Bases that are hidden say nothing.
            (vec![reflexive(4000, 0), reflexive(4001, 0)], None),
        ] {
            let mut side = Evidence::default();
            for candidate in texts.iter().flat_map(|text| announced(text)) {
                side.announce(candidate);
            }
            assert_eq!(side.mapping(), expect, "{texts:?}");
        }
    }

    #[test]
    fn candidates_are_remembered_to_a_number() {
        let mut side = Evidence::default();
        for port in 1..=100 {
            let text =
                format!("candidate:1 1 udp 1 203.0.113.5 {port} typ srflx raddr 10.0.0.2 rport 1");
            let firsts = announced(&text).map(|candidate| side.announce(candidate));
            assert_eq!(firsts.collect::<Vec<_>>(), [port == 1]);
        }
        assert_eq!((side.announced.len(), side.gathered.srflx), (ANNOUNCED_MAX, 100));
    }
}
