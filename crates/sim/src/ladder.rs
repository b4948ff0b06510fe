//! The last steps, for whoever has to find out why a test failed: printed with the seed.

use std::collections::VecDeque;
use std::fmt;
use std::net::SocketAddr;
use std::time::Instant;

use kopru_stun::channel_data::{ChannelHeader, ChannelNumber, ChannelRange};
use kopru_stun::{Class, Message, Method};

use crate::network::{Datagram, Loss};

/// The last steps of a world, newest last.
#[derive(Debug)]
pub(crate) struct Ladder {
    seed: u64,
    began: Instant,
    steps: VecDeque<Step>,
}

/// What happened to a datagram.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rung {
    Sent,
    Arrived,
    Lost(Loss),
}

#[derive(Debug)]
struct Step {
    at: Instant,
    rung: Rung,
    from: SocketAddr,
    to: SocketAddr,
    what: What,
    len: usize,
}

impl Ladder {
    pub(crate) fn new(seed: u64, began: Instant) -> Self {
        Self { seed, began, steps: VecDeque::new() }
    }

    /// Adds a step, and forgets the oldest.
    pub(crate) fn note(&mut self, at: Instant, rung: Rung, datagram: &Datagram) {
        let Datagram { from, to, bytes, .. } = datagram;
        if self.steps.len() == STEPS_MAX {
            self.steps.pop_front();
        }
        let (from, to, what, len) = (*from, *to, What::is(bytes), bytes.len());
        self.steps.push_back(Step { at, rung, from, to, what, len });
    }
}

impl fmt::Display for Ladder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "seed {}, the last {} steps:", self.seed, self.steps.len())?;
        for step in &self.steps {
            let at = step.at.saturating_duration_since(self.began).as_secs_f64();
            let Step { from, to, what, len, .. } = step;
            write!(f, "{at:12.6}  {from} → {to}  {what}, {len} bytes: ")?;
            match step.rung {
                Rung::Sent => writeln!(f, "sent")?,
                Rung::Arrived => writeln!(f, "arrived")?,
                Rung::Lost(loss) => writeln!(f, "lost, {loss:?}")?,
            }
        }
        Ok(())
    }
}

impl Drop for Ladder {
    #[expect(clippy::print_stderr, reason = "it ends beside the message of the test that failed")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{self}");
        }
    }
}

/// What a datagram is.
#[derive(Clone, Copy, Debug)]
enum What {
    Stun(Method, Class),
    ChannelData(ChannelNumber),
    Data,
}

impl What {
    fn is(bytes: &[u8]) -> Self {
        if let Ok(message) = Message::parse(bytes) {
            return Self::Stun(message.method(), message.class());
        }
        let header = ChannelHeader::read(bytes, ChannelRange::Rfc5766);
        header.map_or(Self::Data, |header| Self::ChannelData(header.channel))
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stun(method, class) => {
                let named = METHODS.iter().find(|(named, _)| named == method);
                write!(f, "{} {class:?}", named.map_or("Unknown", |named| named.1))
            }
            Self::ChannelData(number) => write!(f, "ChannelData {:#06x}", number.0),
            Self::Data => f.write_str("Data"),
        }
    }
}

const METHODS: [(Method, &str); 7] = [
    (Method::BINDING, "Binding"),
    (Method::ALLOCATE, "Allocate"),
    (Method::REFRESH, "Refresh"),
    (Method::SEND, "Send"),
    (Method::DATA, "Data"),
    (Method::CREATE_PERMISSION, "CreatePermission"),
    (Method::CHANNEL_BIND, "ChannelBind"),
];

/// How many steps are kept.
const STEPS_MAX: usize = 60;
