//! RFC 6455: a WebSocket, between its socket and the hub.

use std::future::poll_fn;
use std::io;
use std::mem;
use std::net::IpAddr;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use kopru_signal::{Bucket, Claims, CloseReason, ConnId, Parting, Rejection, Share};
use tokio::task::yield_now;
use tokio::time::timeout;

use super::frame::Opcode;
use super::incoming::Said;
use super::socket::{Lost, Socket};
use crate::http::App;
use crate::http::stream::Reading;
use crate::hub::{Event, Texts, Way};
use crate::limits::{CLOSING_TIMEOUT, RESTART_RETRY_AFTER_S, WEBSOCKET_BYTES};
use crate::outgoing::{self, Receiver};

/// One WebSocket, for as long as it lasts.
pub(super) struct Conversation {
    conn: ConnId,
    socket: Socket<TokioIo<Upgraded>>,
    outgoing: Receiver,
    way: Way,
    app: Arc<App>,
    reading: Reading,
    /// Pings and pongs that it sends, of which the hub hears nothing.
    pings: Bucket,
    /// Who it is.
    source: IpAddr,
    /// Whether a token was accepted, or the hub has a session for it: as for who takes up one
    /// without a token, or needs none.
    is_admitted: bool,
    /// Whether it was written to last: then what it says is next.
    has_written: bool,
    /// What it takes.
    _share: Share,
}

impl Conversation {
    /// Tells the hub that somebody is there; `None` when there is no hub any more.
    pub(super) async fn begin(
        app: Arc<App>,
        (socket, reading): (Socket<TokioIo<Upgraded>>, Reading),
        (source, network): (IpAddr, Option<IpAddr>),
    ) -> Option<Box<Self>> {
        let conn = ConnId(app.connections.fetch_add(1, Ordering::Relaxed));
        let (sender, outgoing) = outgoing::queue(app.queue_bytes_max, &app.memory);
        let claims = app.tokens.is_open().then(|| Box::new(Claims::open()));
        let mut way = app.hub.way(conn);
        let opened = Event::Opened { conn, outgoing: sender, home: way.home(), network, claims };
        way.send(opened).await.ok()?;
        let (is_admitted, has_written) = (false, false);
        let (pings, _share) = (Bucket::full(Instant::now()), app.memory.share(WEBSOCKET_BYTES));
        // Boxed: a future that is handed on keeps the room that it had.
        Some(Box::new(Self {
            conn,
            socket,
            outgoing,
            way,
            app,
            reading,
            pings,
            source,
            is_admitted,
            has_written,
            _share,
        }))
    }

    /// Until it ends.
    pub(super) async fn run(mut self: Box<Self>) {
        let ended = loop {
            let flow = match poll_fn(|context| self.poll_step(context)).await {
                Step::Write => self.send().await,
                Step::Hear(Ok(said)) => self.hear(said).await,
                Step::Hear(Err(lost)) => ControlFlow::Break(lost.into()),
            };
            if let ControlFlow::Break(end) = flow {
                break end;
            }
        };
        // First the others: the goodbye may wait for a client that does not read.
        _ = self.way.send(ended.into_event(self.conn)).await;
        match ended {
            End::Said(code) => {
                let code = code.map(u16::to_be_bytes);
                // It may be gone already.
                _ = self.socket.send(Opcode::Close, code.as_ref().map_or(&[], |it| it)).await;
            }
            End::Closed(reason) => self.close(reason).await,
            End::Lost => {}
        }
    }

    /// In turns, where there is always more of both.
    fn poll_step(&mut self, context: &mut Context<'_>) -> Poll<Step> {
        let reads_first = mem::take(&mut self.has_written);
        if !reads_first && self.outgoing.poll_ready(context).is_ready() {
            self.has_written = true;
            return Poll::Ready(Step::Write);
        }
        if let Poll::Ready(said) = self.socket.poll_said(context) {
            return Poll::Ready(Step::Hear(said));
        }
        if reads_first && self.outgoing.poll_ready(context).is_ready() {
            self.has_written = true;
            return Poll::Ready(Step::Write);
        }
        Poll::Pending
    }

    /// Sends what waits.
    async fn send(&mut self) -> ControlFlow<End> {
        match poll_fn(|context| self.poll_send(context)).await {
            Ok(None) => ControlFlow::Continue(()),
            Ok(Some(reason)) => {
                self.close(reason).await;
                ControlFlow::Break(End::Lost)
            }
            Err(_) => ControlFlow::Break(End::Lost),
        }
    }

    /// Ready with why the connection is to be closed, if it is, when nothing waits any more.
    fn poll_send(&mut self, context: &mut Context<'_>) -> Poll<io::Result<Option<CloseReason>>> {
        let Self { socket, outgoing, is_admitted, reading, .. } = self;
        let mut close = None;
        let sent = socket.poll_send(context, |gathered| {
            close = outgoing.take(|text| {
                if !*is_admitted && text.starts_with(WELCOME) {
                    *is_admitted = true;
                    reading.unlimit();
                }
                gathered.add(text)
            });
        });
        sent.map_ok(|()| close)
    }

    async fn hear(&mut self, said: Said) -> ControlFlow<End> {
        self.reading.keeps(self.socket.kept());
        match said {
            Said::Texts(texts) => self.pass_on(texts).await,
            Said::Binary => ControlFlow::Break(End::Closed(CloseReason::TextOnly)),
            Said::Close(code) => ControlFlow::Break(End::Said(code)),
            Said::Ping(payload) => {
                self.count_ping()?;
                match self.socket.send(Opcode::Pong, &payload).await {
                    Ok(()) => ControlFlow::Continue(()),
                    Err(_) => ControlFlow::Break(End::Lost),
                }
            }
            Said::Pong => self.count_ping(),
        }
    }

    /// Tells the hub what it says. Who says more than was read at once waits until all others had
    /// their turn.
    async fn pass_on(&mut self, texts: Texts) -> ControlFlow<End> {
        let verdict = |(at, text)| {
            let verdict = self.app.tokens.verdict(self.source, text)?;
            Some((at, Box::new(verdict)))
        };
        let verdicts: Vec<_> = texts.iter().enumerate().filter_map(verdict).collect();
        if verdicts.is_empty() {
            self.say(texts, None).await?;
        } else {
            // Boxed: it is rare, and each connection's task would have room for it.
            Box::pin(self.say_each(&texts, verdicts)).await?;
        }
        if self.socket.kept() > 0 {
            yield_now().await;
        }
        ControlFlow::Continue(())
    }

    async fn say_each(
        &mut self,
        texts: &Texts,
        verdicts: Vec<(usize, Verdict)>,
    ) -> ControlFlow<End> {
        let mut verdicts = verdicts.into_iter().peekable();
        for (at, text) in texts.iter().enumerate() {
            let verdict = verdicts.next_if(|(of, _)| *of == at).map(|(_, verdict)| verdict);
            self.say(Texts::first(text, 0), verdict).await?;
        }
        ControlFlow::Continue(())
    }

    async fn say(&mut self, texts: Texts, verdict: Option<Verdict>) -> ControlFlow<End> {
        if matches!(verdict.as_deref(), Some(Ok(_))) {
            self.is_admitted = true;
            self.reading.unlimit();
        }
        match self.way.send(Event::Frames { conn: self.conn, texts, verdict }).await {
            Ok(()) => ControlFlow::Continue(()),
            // Without a hub the server is gone, but for this.
            Err(_) => {
                let reason = CloseReason::GoingAway { retry_after_s: RESTART_RETRY_AFTER_S };
                ControlFlow::Break(End::Closed(reason))
            }
        }
    }

    fn count_ping(&mut self) -> ControlFlow<End> {
        match self.pings.take(Instant::now(), self.app.ping_rate) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(End::Closed(CloseReason::TooManyRefusals)),
        }
    }

    /// Says goodbye and waits, not long, for the client to say it too.
    async fn close(&mut self, reason: CloseReason) {
        self.reading.linger();
        let mut payload = reason.code().to_be_bytes().to_vec();
        payload.extend_from_slice(reason.reason().as_bytes());
        if let Some(seconds) = reason.retry_after_s() {
            payload.extend_from_slice(format!(";retry_after_s={seconds}").as_bytes());
        }
        if self.socket.send(Opcode::Close, &payload).await.is_ok() {
            let goodbye = poll_fn(|context| {
                loop {
                    if let Ok(Said::Close(_)) | Err(_) = ready!(self.socket.poll_said(context)) {
                        return Poll::Ready(());
                    }
                }
            });
            // Whoever says nothing is left.
            _ = timeout(CLOSING_TIMEOUT, goodbye).await;
        }
    }
}

/// What a token allows.
type Verdict = Box<Result<Claims, Rejection>>;

/// What there is to do.
enum Step {
    Write,
    Hear(Result<Said, Lost>),
}

/// How a conversation ended.
#[derive(Clone, Copy)]
enum End {
    /// The client said that it ends, with this code if it gave one.
    Said(Option<u16>),
    /// The connection broke, or the hub had closed it.
    Lost,
    /// Closed on this side, without the hub's word.
    Closed(CloseReason),
}

impl End {
    fn into_event(self, conn: ConnId) -> Event {
        let (closed, parting) = match self {
            // RFC 6455 §7.4.1: a page that is closed says 1001; no code at all comes from
            // `close()`. Any other is that of a client, or a proxy, which has met with an error.
            Self::Said(None | Some(1000 | 1001 | 1005)) => (None, Parting::Goodbye),
            Self::Said(Some(_)) | Self::Lost => (None, Parting::Lost),
            // As where the hub refuses too often: nobody waits for who does this.
            Self::Closed(reason @ CloseReason::TooManyRefusals) => (Some(reason), Parting::Goodbye),
            Self::Closed(reason) => (Some(reason), Parting::Lost),
        };
        Event::Gone { conn, closed, parting }
    }
}

impl From<Lost> for End {
    /// What is beyond the limit is the one error that is answered; the rest are dead connections.
    fn from(lost: Lost) -> Self {
        match lost {
            Lost::Connection => Self::Lost,
            Lost::TooLarge => Self::Closed(CloseReason::FrameTooLarge),
        }
    }
}

/// How the frame begins that the hub sends when a session is open.
const WELCOME: &str = "{\"type\":\"welcome\"";

#[cfg(test)]
mod tests {
    use super::*;

    fn size_of_future<A, F: Future>(_: impl Fn(A) -> F) -> usize {
        size_of::<F>()
    }

    /// There are thousands of them, and nearly all wait for the next frame.
    #[test]
    fn what_an_idle_websocket_takes() {
        let sizes = [size_of_future(Conversation::run), size_of::<Event>()];
        let bounds = [896, 64];
        assert!(sizes.iter().zip(bounds).all(|(size, bound)| *size <= bound), "{sizes:?}");
    }
}
