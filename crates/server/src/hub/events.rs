//! What each event comes to: at the desk of a connection, or on behalf of all desks.

use std::net::IpAddr;

use kopru_signal::{
    Asker, Claims, CloseReason, ConnId, Hub, HubNumber, Outbox, RoomName, Spread, Stats,
};
use tracing::debug;

use super::desk::{Client, Desk};
use super::floor::Turn;
use super::{Event, now};

impl Turn<'_> {
    /// Does what an event asks for, and brings away what comes of it.
    pub(super) async fn handle(&mut self, event: Event) {
        match event {
            Event::Opened { conn, outgoing, home, network, claims } => {
                self.open(conn, Client::new(outgoing, home), network, claims);
            }
            Event::Frame { conn, text, verdict } => {
                if let Some(home) = self.find(conn).await {
                    if let Some(verdict) = verdict {
                        self.taken.desk(home).hub.admit(conn, *verdict);
                    }
                    self.hear(home, conn, &text).await;
                }
            }
            Event::Gone { conn, closed, parting } => {
                if let Some(reason) = closed {
                    self.own().count(reason);
                }
                if self.find(conn).await.is_some()
                    && let Some((_, home)) = self.forget(conn)
                {
                    self.taken.desk(home).hub.disconnect(now(), conn, parting, &mut self.outbox);
                }
            }
            Event::RelaySaw { credential, sight } => {
                self.own().hub.relay_saw(now(), &credential, sight);
            }
            Event::Fence(passed) => _ = passed.send(()),
            Event::Look => {}
            asked => self.answer(asked).await,
        }
        self.finish().await;
    }

    /// Answers a question. Whoever asks may have gone away meanwhile.
    async fn answer(&mut self, question: Event) {
        match question {
            Event::ListRooms { patterns, after, answer } => {
                drop(answer.send(self.own().hub.list_rooms(&patterns, after.as_deref())));
            }
            Event::CreateRoom { new, answer } => {
                let HubNumber(least) = self.own().hub.least_loaded();
                self.take([least]).await;
                drop(answer.send(self.taken.desk(least).hub.create_room(now(), *new)));
            }
            Event::ViewRoom { room, answer } => {
                let view = match self.find_room(&room).await {
                    Some(number) => self.taken.desk(number).hub.view_room(now(), &room),
                    None => None,
                };
                drop(answer.send(view));
            }
            Event::CloseRoom { room, answer } => {
                let close = |hub: &mut Hub, outbox: &mut Outbox| hub.close_room(&room, outbox);
                _ = answer.send(self.in_room(&room, close).await);
            }
            Event::Kick { room, member, answer } => {
                let kick = |hub: &mut Hub, outbox: &mut Outbox| hub.kick(&room, &member, outbox);
                _ = answer.send(self.in_room(&room, kick).await);
            }
            Event::Revoke { identity, answer } => {
                self.take_all().await;
                let Self { taken, outbox, .. } = self;
                _ = answer.send(taken.all().map(|desk| desk.hub.revoke(&identity, outbox)).sum());
            }
            Event::Story { identity, id, answer } => {
                let asker = identity.as_deref().map_or(Asker::Operator, Asker::Identity);
                drop(answer.send(self.own().hub.story(asker, &id)));
            }
            Event::ListStories { after, answer } => {
                drop(answer.send(self.own().hub.list_stories(after)));
            }
            Event::Stats(answer) => {
                self.take_all().await;
                let stats = self.taken.all().map(|desk| desk.stats()).reduce(Stats::with);
                drop(answer.send(stats.unwrap_or_default()));
            }
            Event::Stop => self.send_all_away().await,
            // Each of a connection, or of a desk: see above.
            Event::Opened { .. } | Event::Frame { .. } | Event::Gone { .. } => {}
            Event::RelaySaw { .. } | Event::Fence(_) | Event::Look => {}
        }
    }

    fn open(
        &mut self,
        conn: ConnId,
        client: Client,
        network: Option<IpAddr>,
        claims: Option<Box<Claims>>,
    ) {
        if let Some(retry_after_s) = self.floor().stopping_deals() {
            let reason = CloseReason::GoingAway { retry_after_s };
            client.outgoing.close(reason);
            self.own().count(reason);
            return;
        }
        let own = self.own;
        let Self { taken, outbox, .. } = self;
        let Desk { hub, clients, .. } = taken.desk(own);
        clients.insert(conn, client);
        hub.connect(now(), conn, outbox);
        if let Some(network) = network {
            hub.locate(conn, network);
        }
        if let Some(claims) = claims {
            hub.admit(conn, Ok(*claims));
        }
    }

    async fn in_room(
        &mut self,
        name: &RoomName,
        act: impl FnOnce(&mut Hub, &mut Outbox) -> bool,
    ) -> bool {
        let Some(number) = self.find_room(name).await else { return false };
        act(&mut self.taken.desk(number).hub, &mut self.outbox)
    }

    async fn send_all_away(&mut self) {
        self.take_all().await;
        let clients = self.taken.all().map(|desk| desk.clients.len()).sum();
        debug!(connections = clients, "telling everybody to go");
        let mut spread = Spread::of(clients);
        for desk in self.taken.all() {
            let Desk { clients, closed, .. } = desk;
            for client in clients.values() {
                let reason = CloseReason::GoingAway { retry_after_s: spread.deal() };
                client.outgoing.close(reason);
                *closed.entry(reason.reason()).or_default() += 1;
            }
        }
        self.floor().stop(spread);
    }
}
