//! What each event comes to: at the desk of a connection, or on behalf of all desks.

use std::net::IpAddr;

use kopru_signal::{
    Asker, Claims, CloseReason, ConnId, Hub, HubNumber, Outbox, Parting, RoomName, Spread,
};
use tracing::debug;

use super::desk::{Client, Desk};
use super::turn::Turn;
use super::{Event, Numbers, now};

impl Turn<'_> {
    /// Does what an event asks for, and brings away what comes of it.
    pub(super) async fn handle(&mut self, event: Event) {
        match event {
            Event::Opened { conn, outgoing, home, network, claims } => {
                self.open(conn, Client::new(outgoing, home), network, claims);
            }
            Event::Frames { conn, texts, mut verdict } => {
                let frame = (now(), conn);
                for text in texts.iter() {
                    self.hear(frame, text, verdict.take()).await;
                    self.finish().await;
                }
            }
            Event::Gone { conn, closed, parting } => {
                if let Some(reason) = closed {
                    self.own().count(reason);
                }
                self.lose(conn, parting).await;
            }
            // Whoever asks, here and below, may have gone away meanwhile.
            Event::ListRooms { patterns, after, answer } => {
                drop(answer.send(self.own().hub.list_rooms(&patterns, after.as_deref())));
            }
            Event::CreateRoom { new, answer } => {
                let HubNumber(least) = self.own().hub.least_loaded();
                self.take([least]).await;
                drop(answer.send(self.taken.desk(least).hub.create_room(now(), *new)));
            }
            Event::ViewRoom { room, answer } => {
                let view = |hub: &mut Hub, _: &mut Outbox| hub.view_room(now(), &room);
                drop(answer.send(self.in_room(&room, view).await.flatten()));
            }
            Event::CloseRoom { room, answer } => {
                let close = |hub: &mut Hub, outbox: &mut Outbox| hub.close_room(&room, outbox);
                if let Some(was_there) = self.in_room(&room, close).await {
                    _ = answer.send(was_there);
                } else {
                    // Any hub may say that it is to stay away.
                    _ = answer.send(close(&mut self.any().hub, &mut Outbox::new()));
                }
            }
            Event::Kick { room, member, answer } => {
                let kick = |hub: &mut Hub, outbox: &mut Outbox| hub.kick(&room, &member, outbox);
                _ = answer.send(self.in_room(&room, kick).await == Some(true));
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
            Event::RelaySaw { credential, sight } => {
                self.own().hub.relay_saw(now(), &credential, sight);
            }
            Event::Stats(answer) => {
                self.take_all().await;
                drop(answer.send(Numbers::of(self.taken.all())));
            }
            Event::Stop => self.send_all_away().await,
            Event::Fence(passed) => _ = passed.send(()),
            Event::Look => {}
        }
        self.finish().await;
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

    /// A connection is gone.
    async fn lose(&mut self, conn: ConnId, parting: Parting) {
        if self.find(conn).await.is_some()
            && let Some((_, home)) = self.forget(conn)
        {
            self.taken.desk(home).hub.disconnect(now(), conn, parting, &mut self.outbox);
        }
    }

    /// Lets the hub act that has a room; `None` when there is no such room.
    async fn in_room<T>(
        &mut self,
        name: &RoomName,
        act: impl FnOnce(&mut Hub, &mut Outbox) -> T,
    ) -> Option<T> {
        let number = self.find_room(name).await?;
        Some(act(&mut self.taken.desk(number).hub, &mut self.outbox))
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
