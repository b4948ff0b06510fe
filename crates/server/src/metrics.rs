//! The numbers of this server as Prometheus reads them. Names are part of the surface, labels have
//! few values: never a user, a room or an address.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kopru_net::{Endings, Snapshot, Streams, Workers};
use kopru_signal::{SetupTimes, Stats};
use kopru_turn::Traffic;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::Registry;
use tokio::sync::oneshot;

use crate::accept::ConnectionCounts;
use crate::http::{Counts, LinkCounts};
use crate::hub::{Desks, Event, Numbers};
use crate::records::Ended;
use crate::relay_sights::RelaySights;

/// Asks everybody for their numbers.
pub(crate) struct Scraper {
    /// The worker threads, which answer one caller at a time.
    pub(crate) workers: Arc<Mutex<Workers>>,
    /// The allocations that ended.
    pub(crate) ended: Arc<Ended>,
    /// How they are ended before their time.
    pub(crate) endings: Endings,
    /// What the hub was told, or not.
    pub(crate) sights: Arc<RelaySights>,
}

impl Scraper {
    /// The text of `/metrics`.
    pub(crate) async fn scrape(&self, hub: &Desks, http: &HttpCounts) -> String {
        let (answer, numbers) = oneshot::channel();
        // Without a hub there is nothing to count in it.
        _ = hub.send(Event::Stats(answer)).await;
        let workers = Arc::clone(&self.workers);
        let ask = move || workers.lock().unwrap_or_else(PoisonError::into_inner).stats();
        let relay = tokio::task::spawn_blocking(ask).await;
        let page = Page {
            signaling: numbers.await.unwrap_or_default(),
            relay: relay.unwrap_or_default(),
            ended: Arc::clone(&self.ended),
            endings_lost: self.endings.lost(),
            sights_lost: self.sights.lost(),
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
    signaling: Numbers,
    relay: Snapshot,
    ended: Arc<Ended>,
    endings_lost: u64,
    sights_lost: u64,
    http: HttpCounts,
}

impl Collector for Page {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut series = Series(encoder);
        series.info("build", "The program", &[("version", env!("CARGO_PKG_VERSION"))])?;
        self.signaling(&mut series)?;
        self.desks(&mut series)?;
        self.stories(&mut series)?;
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
            stories: _,
            stories_displaced: _,
            attempts: _,
            paths: _,
            setup_ms: _,
            resumed,
            resumed_with_loss,
            descriptions,
            candidates,
            messages,
            refused,
            closed,
        } = &self.signaling.together;
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

    /// How evenly sessions are spread over desks, which have numbers for names.
    fn desks(&self, series: &mut Series<'_>) -> fmt::Result {
        let Numbers { sessions, moves, .. } = &self.signaling;
        let help = "Sessions of each desk, those that wait for their client included";
        let kind = ConstGauge::new(0u64).metric_type();
        let mut family = series.0.encode_descriptor("signaling_desk_sessions", help, None, kind)?;
        for (desk, count) in sessions.iter().enumerate() {
            let gauge = ConstGauge::new(*count as u64);
            gauge.encode(family.encode_family(&[("desk", desk)])?)?;
        }
        series.counter(
            "signaling_desk_moves",
            "Connections that went from one desk to another, as a join connected what was at both",
            *moves,
        )
    }

    /// Of connections between members: whether they came about, how fast, and by which path.
    fn stories(&self, series: &mut Series<'_>) -> fmt::Result {
        let Stats { stories, stories_displaced, attempts, paths, setup_ms, .. } =
            &self.signaling.together;
        series.gauge(
            "signaling_stories",
            "Connections between members of which the story is known, past ones included",
            *stories as u64,
        )?;
        series.counter(
            "signaling_stories_displaced",
            "Stories forgotten before their time, to make room",
            *stories_displaced,
        )?;
        let attempts = attempts.iter().map(|(class, count)| (*class, *count));
        series.counters(
            "signaling_attempts",
            "Attempts to connect two members, by how they came out",
            "class",
            attempts,
        )?;
        let paths = paths.iter().map(|(path, count)| (*path, *count));
        series.counters(
            "signaling_paths",
            "Connections between members that came about, by path",
            "path",
            paths,
        )?;
        series.setup_times(
            "signaling_setup_seconds",
            "How long it took to connect two members, as clients report it",
            setup_ms,
        )
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
        self.events(series)?;
        series.counter("worker_restarts", "Workers that panicked", self.relay.worker_restarts())
    }

    fn events(&self, series: &mut Series<'_>) -> fmt::Result {
        series.counter("events_lost", "Events nobody fetched in time", self.relay.events_lost())?;
        series.counter(
            "turn_refusals_untold",
            "Refusals of credentials, beyond those that are told to signaling",
            self.relay.turn.refusals_untold,
        )?;
        series.counter(
            "turn_sights_lost",
            "What the relay saw of credentials while signaling had no room for it",
            self.sights_lost,
        )?;
        series.counter(
            "turn_endings_lost",
            "Users who left and whose allocations went on, since too many are barred",
            self.endings_lost,
        )
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

    fn setup_times(&mut self, name: &str, help: &str, times: &SetupTimes) -> fmt::Result {
        let seconds = SetupTimes::BOUNDS_MS.map(|ms| f64::from(ms) / 1000.0);
        let buckets = seconds.into_iter().zip(times.counts);
        let buckets: Vec<(f64, u64)> = buckets.chain([(f64::MAX, 0)]).collect();
        let count = times.counts.iter().sum();
        let sum = Duration::from_millis(times.sum_ms).as_secs_f64();
        let mut series = self.0.encode_descriptor(name, help, None, MetricType::Histogram)?;
        series.encode_histogram::<NoLabelSet>(sum, count, &buckets, None)
    }

    fn info(&mut self, name: &str, help: &str, labels: &[(&str, &str)]) -> fmt::Result {
        let info = Info::new(labels.to_vec());
        info.encode(self.0.encode_descriptor(name, help, None, info.metric_type())?)
    }
}
