//! One device of somebody in one room, and the part it plays towards another.

use std::sync::Arc;
use std::time::Instant;

use serde_json::value::RawValue;

use crate::ids::MemberId;
use crate::media::Media;
use crate::memory::Share;
use crate::nat::Nat;
use crate::prediction::Prediction;
use crate::protocol::{Capabilities, MemberView, empty_object};
use crate::session::SessionKey;

pub(crate) struct Member {
    pub(crate) id: MemberId,
    pub(crate) session: SessionKey,
    pub(crate) identity: Arc<str>,
    pub(crate) name: String,
    /// A JSON object, as it came; `None`: an empty one.
    pub(crate) meta: Option<Box<RawValue>>,
    pub(crate) capabilities: Capabilities,
    pub(crate) media: Media,
    /// What it tells of its NAT; nothing where only relays may be used.
    pub(crate) nat: Option<Box<Nat>>,
    pub(crate) joined_at: Instant,
    /// Its connection was lost, and its session waits for it to come back.
    pub(crate) reconnecting: bool,
    /// What it takes: see [`weigh`](Self::weigh).
    pub(crate) share: Share,
}

impl Member {
    /// Counts what it says of itself; after each change of that.
    pub(crate) fn weigh(&mut self) {
        let told = self.name.len()
            + self.meta.as_ref().map_or(0, |meta| meta.get().len())
            + self.media.weight();
        self.share.set(MEMBER_BYTES + told);
    }

    pub(crate) fn meta(&self) -> &RawValue {
        self.meta.as_deref().unwrap_or_else(empty_object)
    }

    /// This member as `receiver` sees it.
    pub(crate) fn seen_by(&self, receiver: &Self) -> MemberView<'_> {
        let part = receiver.part_towards(self);
        let common = receiver.in_common(self);
        let can_restart = self.capabilities.ice_restart && receiver.capabilities.ice_restart;
        let both_tell = self.nat.as_deref().zip(receiver.nat.as_deref());
        MemberView {
            member: self.id.as_str(),
            identity: &self.identity,
            name: &self.name,
            meta: self.meta(),
            polite: part.is_polite,
            offers: (!part.offers).then_some(false),
            reconnecting: self.reconnecting.then_some(true),
            ice_restart: (!can_restart).then_some(false),
            nothing_in_common: common.empty_kinds(),
            common,
            nat: self.nat.as_deref(),
            prediction: both_tell.map(|(nat, own)| Prediction::between(nat, own)),
        }
    }

    /// What both can. The same list on both sides: the order is that of the one who gives no way.
    pub(crate) fn in_common(&self, other: &Self) -> Media {
        let is_polite = self.part_towards(other).is_polite;
        let [first, second] = if is_polite { [other, self] } else { [self, other] };
        first.media.common(&second.media)
    }

    /// Whether it gives way to `other`.
    pub(crate) fn is_polite_towards(&self, other: &Self) -> bool {
        self.part_towards(other).is_polite
    }

    /// Who gives way when both offer at once. A side that can't roll back can't be the one; where
    /// neither can, the polite one never offers; else the ids decide.
    ///
    /// ```text
    ///   rolls back:   self  other    self is                      self offers
    ///                 yes   no       polite                       yes
    ///                 no    yes      impolite                     yes
    ///                 yes   yes      polite if (identity, id)     yes
    ///                 no    no         is the smaller             only if impolite
    /// ```
    fn part_towards(&self, other: &Self) -> Part {
        let is_polite = match (self.capabilities.rollback, other.capabilities.rollback) {
            (true, false) => true,
            (false, true) => false,
            _ => (&self.identity, &self.id) < (&other.identity, &other.id),
        };
        // Who can't take an offer back makes one only where the other side gives way.
        Part { is_polite, offers: self.capabilities.rollback || !is_polite }
    }
}

struct Part {
    is_polite: bool,
    offers: bool,
}

/// A member in the tables of a hub, but for what it says of itself.
const MEMBER_BYTES: usize = 512;
