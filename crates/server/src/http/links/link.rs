//! One client without a WebSocket: who reads its frames at the moment, and how it ended.
//!
//! ```text
//!            read                                release (a poll was answered)
//!  unread ──────────▶ read by one stream or poll ────────────────────────────▶ unread
//!    │ 15 s             │ dropped without release
//!    └──────▶ ended ◀───┘
//! ```

use std::mem;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kopru_signal::{Claims, ConnId, Rejection};
use tokio::sync::watch;
use tokio::time::{Instant, sleep_until};

use super::LinkEnd;
use crate::http::error::HttpError;
use crate::hub::{Event, Texts, Way};
use crate::limits::{HELLO_BYTES_MAX, UNREAD_TIMEOUT};
use crate::outgoing::{Next, Receiver};
use crate::tokens::Tokens;

/// A connection whose frames travel in requests and answers.
pub(crate) struct Link {
    /// Its number.
    pub(crate) conn: ConnId,
    /// Held by one request at a time: what comes in one stays together.
    way: tokio::sync::Mutex<Way>,
    tokens: Arc<Tokens>,
    /// Who it is.
    source: IpAddr,
    trust: Mutex<Trust>,
    queue: watch::Sender<Queue>,
}

/// What is known of who sends.
enum Trust {
    /// It has not shown a token that is valid, nor said a first word where none is needed, nor
    /// taken up a session.
    Stranger {
        /// What it may still send.
        bytes_left: usize,
    },
    /// It has.
    Known,
}

/// Where the frames are that wait for the client.
enum Queue {
    /// Here, and since then.
    Unread(Receiver, Instant),
    /// With whoever reads them.
    Read,
    /// Nowhere.
    Ended(LinkEnd),
}

impl Link {
    pub(super) fn new(
        conn: ConnId,
        way: Way,
        queue: Receiver,
        (tokens, source): (Arc<Tokens>, IpAddr),
    ) -> Self {
        let trust = Mutex::new(Trust::Stranger { bytes_left: HELLO_BYTES_MAX });
        let queue = watch::Sender::new(Queue::Unread(queue, Instant::now()));
        let way = tokio::sync::Mutex::new(way);
        Self { conn, way, tokens, source, trust, queue }
    }

    /// How many bytes a request may have, where no request has more than `bytes_max`.
    pub(crate) fn bytes_max(&self, bytes_max: usize) -> usize {
        match *self.trust() {
            Trust::Stranger { bytes_left } => bytes_left.min(bytes_max),
            Trust::Known => bytes_max,
        }
    }

    /// Passes on what the client says: frames, each on a line of its own.
    ///
    /// # Errors
    /// [`HttpError::Stopping`] when there is no hub any more.
    pub(crate) async fn say(&self, frames: &str) -> Result<(), HttpError> {
        let mut way = self.way.lock().await;
        for text in lines(frames) {
            let verdict = self.judge(text).map(Box::new);
            let texts = Texts::from(text.to_owned());
            let said = Event::Frames { conn: self.conn, texts, verdict };
            way.send(said).await.map_err(|_| HttpError::Stopping)?;
        }
        Ok(())
    }

    /// Tells the hub that it has ended.
    pub(super) async fn leave(&self, end: LinkEnd) {
        // Without a hub there is nobody to tell.
        _ = self.way.lock().await.send(end.into_event(self.conn)).await;
    }

    /// Takes the frames that wait, until the reader is dropped or released.
    ///
    /// # Errors
    /// When somebody else reads, or when it has ended.
    pub(crate) fn read(self: &Arc<Self>) -> Result<Reader, HttpError> {
        let mut outcome = Err(HttpError::NoSuchConnection);
        self.queue.send_modify(|queue| match mem::replace(queue, Queue::Read) {
            Queue::Unread(frames, _) => outcome = Ok(frames),
            Queue::Read => outcome = Err(HttpError::AlreadyRead),
            Queue::Ended(end) => *queue = Queue::Ended(end),
        });
        outcome.map(|frames| Reader { link: Arc::clone(self), frames: Some(frames) })
    }

    /// It ends in this way, unless it has ended already.
    pub(crate) fn end(&self, end: LinkEnd) {
        self.queue.send_if_modified(|queue| {
            let goes_on = !matches!(queue, Queue::Ended(_));
            if goes_on {
                *queue = Queue::Ended(end);
            }
            goes_on
        });
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&self) -> bool {
        matches!(*self.queue.borrow(), Queue::Ended(_))
    }

    /// Waits for its end, and brings it about when nobody reads for [`UNREAD_TIMEOUT`].
    pub(super) async fn ended(&self) -> LinkEnd {
        let mut changes = self.queue.subscribe();
        loop {
            let unread_until = match &*changes.borrow_and_update() {
                Queue::Ended(end) => return *end,
                Queue::Unread(_, since) => Some(*since + UNREAD_TIMEOUT),
                Queue::Read => None,
            };
            let unread = async {
                match unread_until {
                    Some(at) => sleep_until(at).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                // The link holds the other end.
                _ = changes.changed() => {}
                () = unread => self.end_unread(),
            }
        }
    }

    fn end_unread(&self) {
        self.queue.send_if_modified(|queue| {
            let is_late = |since: Instant| since.elapsed() >= UNREAD_TIMEOUT;
            let ends = matches!(queue, Queue::Unread(_, since) if is_late(*since));
            if ends {
                *queue = Queue::Ended(LinkEnd::Unread);
            }
            ends
        });
    }

    /// What the token in this frame allows, if there is one.
    fn judge(&self, text: &str) -> Option<Result<Claims, Rejection>> {
        let verdict = self.tokens.verdict(self.source, text);
        let mut trust = self.trust();
        if let Trust::Stranger { bytes_left } = &mut *trust {
            *bytes_left = bytes_left.saturating_sub(text.len());
            if self.tokens.is_open() || matches!(verdict, Some(Ok(_))) {
                *trust = Trust::Known;
            }
        }
        verdict
    }

    /// Whom the hub welcomes is known, also without a token: its `resume` has proved it.
    fn noted(&self, next: Next) -> Next {
        if matches!(&next, Next::Frame(text) if text.starts_with(WELCOME)) {
            *self.trust() = Trust::Known;
        }
        next
    }

    fn trust(&self) -> MutexGuard<'_, Trust> {
        self.trust.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The frames in a body.
pub(crate) fn lines(body: &str) -> impl Iterator<Item = &str> {
    body.split('\n').map(str::trim).filter(|line| !line.is_empty())
}

/// Whoever reads the frames of a link. The link ends with it, unless it gives them back.
pub(crate) struct Reader {
    link: Arc<Link>,
    /// None only when they were given back.
    frames: Option<Receiver>,
}

impl Reader {
    /// Waits for the next thing to do; `None` when the link has ended.
    pub(crate) async fn next(&mut self) -> Option<Next> {
        let mut changes = self.link.queue.subscribe();
        let frames = self.frames.as_mut()?;
        tokio::select! {
            biased;
            _ = changes.wait_for(|queue| matches!(queue, Queue::Ended(_))) => None,
            next = frames.next() => Some(self.link.noted(next)),
        }
    }

    /// The next thing to do, if there is one.
    pub(crate) fn try_next(&mut self) -> Option<Next> {
        Some(self.link.noted(self.frames.as_mut()?.try_next()?))
    }

    /// The client was told that the link is closed.
    pub(crate) fn told_of_close(&self) {
        self.link.end(LinkEnd::Closed);
    }

    /// Lets somebody else read on.
    pub(crate) fn release(mut self) {
        let Some(frames) = self.frames.take() else { return };
        self.link.queue.send_if_modified(|queue| {
            let is_mine = matches!(queue, Queue::Read);
            if is_mine {
                *queue = Queue::Unread(frames, Instant::now());
            }
            is_mine
        });
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        if self.frames.is_some() {
            self.link.end(LinkEnd::BrokenOff);
        }
    }
}

const WELCOME: &str = "{\"type\":\"welcome\"";

#[cfg(test)]
pub(super) mod tests {
    use kopru_signal::Memory;
    use tokio::sync::mpsc;

    use super::*;
    use crate::config;
    use crate::failed_logins::FailedLogins;
    use crate::host::Host;
    use crate::hub::Desks;
    use crate::outgoing::{self, Sender};

    pub(in super::super) fn link() -> (Arc<Link>, Sender) {
        let (sender, queue) = outgoing::queue(100, &Memory::new(1000));
        let (hub, _) = mpsc::channel(1);
        let way = Desks::new(vec![hub]).way(ConnId(1));
        let config = config::development(&Host::default(), false, &[], &[]);
        let tokens = Arc::new(Tokens::new(&config, Arc::new(FailedLogins::new(&[]))));
        let anybody = (tokens, IpAddr::from([192, 0, 2, 1]));
        (Arc::new(Link::new(ConnId(1), way, queue, anybody)), sender)
    }

    #[tokio::test(start_paused = true)]
    async fn one_reads_at_a_time_and_gives_back_what_it_did_not_take() {
        let (link, sender) = link();
        let mut first = link.read().unwrap();
        assert_eq!(link.read().err(), Some(HttpError::AlreadyRead));
        assert!(sender.push("1".into()));
        assert!(sender.push("2".into()));
        assert_eq!(first.next().await, Some(Next::Frame("1".into())));
        first.release();
        let mut second = link.read().unwrap();
        assert_eq!(second.next().await, Some(Next::Frame("2".into())));
    }

    #[tokio::test(start_paused = true)]
    async fn nobody_reads_for_too_long() {
        let (link, _sender) = link();
        let begin = Instant::now();
        assert_eq!(link.ended().await, LinkEnd::Unread);
        assert_eq!(begin.elapsed(), UNREAD_TIMEOUT);
        assert_eq!(link.read().err(), Some(HttpError::NoSuchConnection));
    }

    #[tokio::test(start_paused = true)]
    async fn the_time_begins_again_with_every_poll() {
        let (link, _sender) = link();
        let begin = Instant::now();
        let keeper = tokio::spawn({
            let link = Arc::clone(&link);
            async move { link.ended().await }
        });
        for _ in 0..3 {
            tokio::time::sleep(UNREAD_TIMEOUT / 2).await;
            let reader = link.read().unwrap();
            tokio::time::sleep(UNREAD_TIMEOUT * 2).await;
            reader.release();
        }
        assert_eq!(keeper.await.unwrap(), LinkEnd::Unread);
        assert_eq!(begin.elapsed(), UNREAD_TIMEOUT / 2 * 3 + UNREAD_TIMEOUT * 7);
    }

    #[tokio::test(start_paused = true)]
    async fn a_reader_that_is_gone_ends_it_and_an_end_ends_the_reader() {
        let (broken, _sender) = link();
        drop(broken.read().unwrap());
        assert_eq!(broken.ended().await, LinkEnd::BrokenOff);

        let (left, sender) = link();
        let mut reader = left.read().unwrap();
        left.end(LinkEnd::Goodbye);
        assert!(sender.push("to nobody".into()));
        assert_eq!(reader.next().await, None);
        reader.release();
        assert_eq!(left.ended().await, LinkEnd::Goodbye);
    }
}
