//! The connections of clients that have no WebSocket: their frames travel in HTTP requests and
//! answers. The hub sees a connection like any other.
//!
//! ```text
//!  POST /v1/connect ───▶ Link ◀─── POST /v1/messages ──▶ hub
//!                         │
//!      at most one reader │   GET /v1/events   a stream of frames
//!                         └── POST /v1/poll    those that wait, or the first that comes
//! ```
//!
//! A link is found by its secret, which only the body of one answer and an `Authorization` header
//! ever hold. An `EventSource` can't send that header: it shows a ticket in its URL, which is good
//! once and for as long as nobody has read anyway.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use kopru_signal::Claims;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

pub(crate) use self::link::{Link, Reader, lines};
pub(crate) use self::link_counts::{LinkCounts, LinkEnd, ReadBy};
use super::App;
use super::error::HttpError;
use crate::accept::Places;
use crate::hub::Event;
use crate::limits::LINK_BYTES;
use crate::{outgoing, random};

mod link;
mod link_counts;

/// All of them.
pub(crate) struct Links {
    table: Mutex<Table>,
    /// One for each poll that may wait.
    polls: Arc<Semaphore>,
}

#[derive(Default)]
struct Table {
    by_secret: HashMap<String, Arc<Link>>,
    by_ticket: HashMap<String, Arc<Link>>,
}

/// A link as its client is told of it.
#[derive(Clone)]
pub(crate) struct Opened {
    /// What the link goes on.
    pub(crate) link: Arc<Link>,
    /// Names it in every further request.
    pub(crate) secret: String,
    /// Names it in the URL of one event stream.
    pub(crate) ticket: String,
}

impl Links {
    /// None yet. So many polls may wait at a time.
    pub(crate) fn new(polls_max: usize) -> Self {
        let polls = Arc::new(Semaphore::new(polls_max));
        Self { table: Mutex::default(), polls }
    }

    /// Opens one, and keeps it until it ends.
    ///
    /// # Errors
    /// [`HttpError::Stopping`] when there is no hub any more.
    pub(crate) async fn open(
        app: &Arc<App>,
        source: IpAddr,
        places: Places,
    ) -> Result<Opened, HttpError> {
        let conn = kopru_signal::ConnId(app.connections.fetch_add(1, Ordering::Relaxed));
        let (sender, queue) = outgoing::queue(app.queue_bytes_max, &app.memory);
        let network = places.1.source();
        let claims = app.tokens.is_open().then(Claims::open);
        let who = (Arc::clone(&app.tokens), source);
        let claims = claims.map(Box::new);
        let mut way = app.hub.way(conn);
        let opened = Event::Opened { conn, outgoing: sender, home: way.home(), network, claims };
        way.send(opened).await.map_err(|_| HttpError::Stopping)?;
        let link = Arc::new(Link::new(conn, way, queue, who));
        let opened = Opened { link, secret: random::name(), ticket: random::name() };
        app.links.insert(&opened);
        tokio::spawn(keep(Arc::clone(app), opened.clone(), places));
        Ok(opened)
    }

    /// The one with this secret, unless it has ended.
    pub(crate) fn by_secret(&self, secret: Option<&str>) -> Result<Arc<Link>, HttpError> {
        let link = secret.and_then(|secret| self.lock().by_secret.get(secret).cloned());
        // Its keeper removes it a moment later; until then nothing more is taken.
        link.filter(|link| !link.has_ended()).ok_or(HttpError::NoSuchConnection)
    }

    /// The one with this ticket, which is used up with that.
    pub(crate) fn by_ticket(&self, ticket: &str) -> Result<Arc<Link>, HttpError> {
        self.lock().by_ticket.remove(ticket).ok_or(HttpError::NoSuchConnection)
    }

    /// A place for a poll that waits.
    pub(crate) fn poll(&self) -> Result<OwnedSemaphorePermit, HttpError> {
        Arc::clone(&self.polls).try_acquire_owned().map_err(|_| HttpError::TooManyPolls)
    }

    fn insert(&self, Opened { link, secret, ticket }: &Opened) {
        let mut table = self.lock();
        table.by_secret.insert(secret.clone(), Arc::clone(link));
        table.by_ticket.insert(ticket.clone(), Arc::clone(link));
    }

    fn remove(&self, Opened { secret, ticket, .. }: &Opened) {
        let mut table = self.lock();
        table.by_secret.remove(secret);
        table.by_ticket.remove(ticket);
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Waits for the end of a link and tells the hub.
async fn keep(app: Arc<App>, opened: Opened, places: Places) {
    let _share = app.memory.share(LINK_BYTES);
    let end = opened.link.ended().await;
    app.links.remove(&opened);
    app.counts.links.ended(end);
    opened.link.leave(end).await;
    drop(places);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_polls_wait_and_no_more() {
        let links = Links::new(1);
        let waiting = links.poll().unwrap();
        assert_eq!(links.poll().err(), Some(HttpError::TooManyPolls));
        drop(waiting);
        assert!(links.poll().is_ok());
    }

    #[test]
    fn one_that_has_ended_is_found_no_more_though_it_is_still_kept() {
        let (links, (link, _sender)) = (Links::new(1), link::tests::link());
        let (secret, ticket) = ("secret".to_owned(), "ticket".to_owned());
        links.insert(&Opened { link, secret, ticket });
        let found = links.by_secret(Some("secret")).unwrap();
        found.end(LinkEnd::TooLarge);
        assert_eq!(links.by_secret(Some("secret")).err(), Some(HttpError::NoSuchConnection));
    }
}
