//! How devices connect, and how their connections are cut and given up.

use std::time::Duration;

use kopru_signal::{Claims, ConnId, Outgoing, Parting};

use super::exchange::{Event, HEARTBEAT, State};
use super::line::{Cut, Line, Transport};

impl State {
    /// A device connects, and says `hello`. Where that is a request it may have been made before,
    /// without an answer.
    pub(super) fn open_line(&mut self, device: usize) {
        let client = &mut self.clients[device];
        let transport = client.transport();
        if let Some(former) = client.conn() {
            client.gives_up(self.now.instant);
            self.abandon(former);
        }
        let hello = self.clients[device].hello();
        let is_repeated = transport != Transport::Socket;
        if is_repeated && self.random.percent(self.weather.copies) {
            let unanswered = self.draw_line(device, transport);
            self.enter(self.now.instant, Event::ToHub(unanswered, hello.clone()));
            self.plan(UNREAD_MAX, Event::HubNotices(unanswered));
        }
        let conn = self.draw_line(device, transport);
        self.clients[device].open(conn);
        if let Some(line) = self.lines.get_mut(&conn) {
            let (at, _) = line.carry_to_hub(self.now.instant, self.weather, &mut self.random);
            self.enter(at, Event::ToHub(conn, hello));
        }
        self.plan(HEARTBEAT, Event::Heartbeat(conn));
    }

    fn draw_line(&mut self, device: usize, transport: Transport) -> ConnId {
        self.connections += 1;
        let conn = ConnId(self.connections);
        self.lines.insert(conn, Line::new(device, transport, self.now.instant));
        conn
    }

    /// A line breaks: some of what is under way still arrives, and nothing after it.
    pub(super) fn cut(&mut self, conn: ConnId, cut: Cut) {
        let Some(line) = self.lines.get_mut(&conn) else { return };
        if std::mem::replace(&mut line.is_cut, true) {
            return;
        }
        let (mut to_hub, mut to_device) = (cut.to_hub, cut.to_device);
        self.under_way.retain(|_, event| match event {
            Event::ToHub(on, _) if *on == conn => take_one(&mut to_hub),
            Event::ToDevice(on, _) if *on == conn => take_one(&mut to_device),
            _ => true,
        });
        if let Some(after) = cut.hub_notices {
            self.plan(after, Event::HubNotices(conn));
        }
        self.plan(cut.device_notices, Event::DeviceNotices(conn));
    }

    /// A device gives a line up that may work all the same.
    fn abandon(&mut self, conn: ConnId) {
        let late = Duration::from_millis(self.random.below(20_000));
        let cut = Cut { hub_notices: Some(late), ..Cut::any(&mut self.random) };
        self.cut(conn, cut);
    }

    /// A device closes its connection for good, as far as the hub is told.
    pub(super) fn say_goodbye(&mut self, device: usize) {
        if let Some(conn) = self.clients[device].go_away() {
            self.lines.remove(&conn);
            self.hub.disconnect(self.now, conn, Parting::Goodbye);
            self.deliver();
        }
    }

    /// Somebody with these claims says `hello`, and goes: what it was told.
    pub(super) fn impersonate(&mut self, claims: Claims, hello: &str) -> Vec<Outgoing> {
        self.connections += 1;
        let conn = ConnId(self.connections);
        self.hub.connect(self.now, conn);
        self.hub.admit(conn, Ok(claims));
        self.hub.handle(self.now, conn, hello);
        self.hub.disconnect(self.now, conn, Parting::Goodbye);
        let said: Vec<Outgoing> = std::iter::from_fn(|| self.hub.pop()).collect();
        let (own, others) = said.into_iter().partition(|outgoing| {
            matches!(outgoing, Outgoing::Frame(to, _) | Outgoing::Close(to, _) if *to == conn)
        });
        let others: Vec<Outgoing> = others;
        assert_eq!(others, [], "nobody else hears of a stranger");
        own
    }

    pub(super) fn lose(&mut self, conn: ConnId) {
        let Some(device) = self.lines.get(&conn).map(|line| line.device) else {
            // The hub was first to notice, or was started again.
            let owner = self.clients.iter().position(|client| client.is_on(conn));
            return owner.into_iter().for_each(|device| self.lose_line(device));
        };
        if self.clients[device].is_on(conn) {
            self.lose_line(device);
        }
    }

    fn lose_line(&mut self, device: usize) {
        self.clients[device].lost();
        self.retry(device);
    }

    pub(super) fn retry(&mut self, device: usize) {
        let pause = Duration::from_millis(self.random.below(3_000));
        self.plan(pause, Event::Retry(device));
    }
}

fn take_one(left: &mut usize) -> bool {
    let is_left = *left > 0;
    *left = left.saturating_sub(1);
    is_left
}

/// When a server gives up a connection whose frames nobody reads.
const UNREAD_MAX: Duration = Duration::from_secs(15);
