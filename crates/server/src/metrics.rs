//! The numbers of this server as Prometheus reads them. Names are part of the surface, labels have
//! few values: never a user, a room or an address.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use kopru_net::{Snapshot, Streams, Workers};
use kopru_signal::Stats;
use kopru_turn::Traffic;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use tokio::sync::{mpsc, oneshot};

use crate::accept::ConnectionCounts;
use crate::http::{Counts, LinkCounts};
use crate::hub::Event;
use crate::records::Ended;

/// Asks everybody for their numbers.
pub(crate) struct Scraper {
    /// The worker threads, which answer one caller at a time.
    pub(crate) workers: Arc<Mutex<Workers>>,
    /// The allocations that ended.
    pub(crate) ended: Arc<Ended>,
}

impl Scraper {
    /// The text of `/metrics`.
    pub(crate) async fn scrape(&self, hub: &mpsc::Sender<Event>, http: &HttpCounts) -> String {
        let (answer, stats) = oneshot::channel();
        // Without a hub there is nothing to count in it.
        _ = hub.send(Event::Stats(answer)).await;
        let workers = Arc::clone(&self.workers);
        let ask = move || workers.lock().unwrap_or_else(PoisonError::into_inner).stats();
        let relay = tokio::task::spawn_blocking(ask).await;
        let page = Page {
            signaling: stats.await.unwrap_or_default(),
            relay: relay.unwrap_or_default(),
            ended: Arc::clone(&self.ended),
            http: http.clone(),
        };
        let mut registry = Registry::with_prefix("kopru");
        registry.register_collector(Box::new(page));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry)
            .expect("a string takes everything");
        text
    }
}

/// What the HTTP side counts.
#[derive(Clone, Debug, Default)]
pub(crate) struct HttpCounts {
    /// What was refused.
    pub(crate) refusals: Arc<Counts>,
    /// Which connections were refused.
    pub(crate) connections: Arc<ConnectionCounts>,
    /// How clients without a WebSocket fared.
    pub(crate) links: Arc<LinkCounts>,
}

/// Everything at one moment.
#[derive(Debug)]
struct Page {
    signaling: Stats,
    relay: Snapshot,
    ended: Arc<Ended>,
    http: HttpCounts,
}

impl Collector for Page {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut series = Series(encoder);
        series.info("build", "The program", &[("version", env!("CARGO_PKG_VERSION"))])?;
        self.signaling(&mut series)?;
        self.relay(&mut series)?;
        self.http(&mut series)
    }
}

impl Page {
    fn signaling(&self, series: &mut Series<'_>) -> fmt::Result {
        let Stats {
            connections,
            sessions,
            identities,
            rooms,
            members,
            memory_bytes,
            memory_bytes_max,
            calls,
            calls_ended,
            resumed,
            resumed_with_loss,
            descriptions,
            candidates,
            messages,
            refused,
            closed,
        } = &self.signaling;
        series.gauge(
            "signaling_connections",
            "Open connections, WebSockets and others",
            *connections as u64,
        )?;
        series.gauge(
            "signaling_sessions",
            "Sessions, those that wait for their client included",
            *sessions as u64,
        )?;
        series.gauge("signaling_identities", "Who has a session", *identities as u64)?;
        series.gauge("signaling_rooms", "Rooms with somebody in them", *rooms as u64)?;
        series.gauge("signaling_members", "Members of all rooms", *members as u64)?;
        series.gauge(
            "signaling_memory_bytes",
            "What is held for clients of signaling, in bytes",
            *memory_bytes as u64,
        )?;
        series.gauge(
            "signaling_memory_bytes_max",
            "What may be held for them, in bytes",
            *memory_bytes_max as u64,
        )?;
        let calls = calls.iter().map(|(state, count)| (*state, *count as u64));
        series.gauges("signaling_calls", "Calls that are not over", "state", calls)?;
        let calls_ended = calls_ended.iter().map(|(reason, count)| (*reason, *count));
        series.counters("signaling_calls_ended", "Calls that are over", "reason", calls_ended)?;
        series.counters(
            "signaling_resumptions",
            "Sessions that were taken up again",
            "complete",
            [("true", *resumed), ("false", *resumed_with_loss)],
        )?;
        series.counters(
            "signaling_relayed_messages",
            "Messages passed from member to member",
            "type",
            [("description", *descriptions), ("candidate", *candidates), ("message", *messages)],
        )?;
        let refused = refused.iter().map(|(code, count)| (*code, *count));
        series.counters("signaling_refusals", "Client messages refused", "code", refused)?;
        let closed = closed.iter().map(|(reason, count)| (*reason, *count));
        series.counters("signaling_closes", "Connections closed by the server", "reason", closed)
    }

    fn relay(&self, series: &mut Series<'_>) -> fmt::Result {
        let turn = &self.relay.turn;
        series.gauge("turn_allocations", "Allocations that live now", turn.allocations)?;
        series.counters(
            "turn_allocations_ended",
            "Allocations that ended",
            "reason",
            self.ended.counts(),
        )?;
        let Streams { tcp, tls } = self.relay.streams();
        series.gauges(
            "turn_connections",
            "Connections of STUN and TURN clients that are open now",
            "transport",
            [("tcp", tcp), ("tls", tls)],
        )?;
        series.counters(
            "turn_connections_ended",
            "Connections of STUN and TURN clients that ended",
            "reason",
            self.relay.stream_ends().map(|(why, count)| (why.name(), count)),
        )?;
        self.peer_connections(series)?;
        let ways = [("to_peers", turn.to_peers), ("to_clients", turn.to_clients)];
        let packets = ways.map(|(way, Traffic { packets, .. })| (way, packets));
        series.counters(
            "turn_relayed_packets",
            "Datagrams relayed, and pieces of TCP streams",
            "direction",
            packets,
        )?;
        let bytes = ways.map(|(way, Traffic { bytes, .. })| (way, bytes));
        series.counters(
            "turn_relayed_bytes",
            "Payload relayed, without headers of TURN",
            "direction",
            bytes,
        )?;
        self.replies(series)?;
        let drops = turn.drops().map(|(reason, count)| (reason.name(), count));
        let losses = self.relay.losses().map(|(loss, count)| (loss.name(), count));
        series.counters(
            "dropped_packets",
            "Datagrams silently discarded",
            "reason",
            drops.chain(losses),
        )?;
        series.counter(
            "kernel_dropped_packets",
            "Datagrams that found a receive buffer full",
            self.relay.kernel_drops(),
        )?;
        series.counter("events_lost", "Events nobody fetched in time", self.relay.events_lost())?;
        series.counter("worker_restarts", "Workers that panicked", self.relay.worker_restarts())
    }

    fn peer_connections(&self, series: &mut Series<'_>) -> fmt::Result {
        let turn = &self.relay.turn;
        series.gauge(
            "turn_peer_connections",
            "TCP connections with peers that are open now, or about to be",
            turn.peer_connections,
        )?;
        series.counters(
            "turn_peer_connections_ended",
            "TCP connections with peers that ended, or were refused",
            "reason",
            turn.peer_connection_ends().map(|(why, count)| (why.name(), count)),
        )
    }

    fn replies(&self, series: &mut Series<'_>) -> fmt::Result {
        let help = "Replies to requests by STUN error code, 0 for success";
        let kind = ConstCounter::new(0u64).metric_type();
        let mut family = series.0.encode_descriptor("turn_replies", help, None, kind)?;
        for (method, code, count) in self.relay.turn.replies() {
            let labels = [("method", method.name().to_owned()), ("code", code.to_string())];
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn http(&self, series: &mut Series<'_>) -> fmt::Result {
        let HttpCounts { refusals, connections, links } = &self.http;
        let refusals = refusals.refusals();
        series.counters("http_refusals", "HTTP requests refused", "code", refusals)?;
        series.counters(
            "signaling_reads",
            "Event streams and polls that clients without a WebSocket began",
            "by",
            links.reads(),
        )?;
        series.counters(
            "signaling_links_ended",
            "Connections of clients without a WebSocket that ended",
            "reason",
            links.ends(),
        )?;
        series.counters(
            "connections_refused",
            "TCP connections closed before anything was spoken on them",
            "reason",
            connections.refusals(),
        )
    }
}

/// Writes one series after the other.
struct Series<'e>(DescriptorEncoder<'e>);

impl Series<'_> {
    fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let gauge = ConstGauge::new(value);
        gauge.encode(self.0.encode_descriptor(name, help, None, gauge.metric_type())?)
    }

    fn counter(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        let counter = ConstCounter::new(value);
        counter.encode(self.0.encode_descriptor(name, help, None, counter.metric_type())?)
    }

    fn counters(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        values: impl IntoIterator<Item = (&'static str, u64)>,
    ) -> fmt::Result {
        let kind = ConstCounter::new(0u64).metric_type();
        let mut family = self.0.encode_descriptor(name, help, None, kind)?;
        for (value, count) in values {
            let labels = [(label, value)];
            ConstCounter::new(count).encode(family.encode_family(&labels)?)?;
        }
        Ok(())
    }

    fn gauges(
        &mut self,
        name: &str,
        help: &str,
        label: &'static str,
        values: impl IntoIterator<Item = (&'static str, u64)>,
    ) -> fmt::Result {
        let kind = ConstGauge::new(0u64).metric_type();
        let mut family = self.0.encode_descriptor(name, help, None, kind)?;
        for (value, count) in values {
            ConstGauge::new(count).encode(family.encode_family(&[(label, value)])?)?;
        }
        Ok(())
    }

    fn info(&mut self, name: &str, help: &str, labels: &[(&str, &str)]) -> fmt::Result {
        let info = Info::new(labels.to_vec());
        info.encode(self.0.encode_descriptor(name, help, None, info.metric_type())?)
    }
}
