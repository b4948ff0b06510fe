//! What development mode prints: where to go, and what is open to whom.

use std::fmt::Write;
use std::io::{IsTerminal, stdout};
use std::net::SocketAddr;

use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;

use crate::config::{Config, Mode, url_host};
use crate::ready::Addresses;

/// The text, coloured where standard output is a terminal.
pub(crate) fn text(config: &Config, addresses: &Addresses) -> String {
    let is_coloured = stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let paint = Paint { is_coloured };
    let mut text = String::new();
    let lan = config.mode == Mode::Lan;
    let mode = if lan { "on this network" } else { "development mode" };
    let name = paint.bold(concat!("kopru ", env!("CARGO_PKG_VERSION")));
    _ = writeln!(text, "\n  {name}  {mode}\n");
    let link = link(config, addresses);
    if lan {
        text.push_str(&qr_code(&link, &paint));
    }
    _ = writeln!(text, "  {}  {}", paint.dim("Open     "), paint.link(&link));
    for line in if lan { LAN_HOWTO } else { HOWTO } {
        _ = writeln!(text, "  {}  {line}", paint.dim("         "));
    }
    text.push('\n');
    for (label, what, to_whom) in rows(config, addresses) {
        _ = writeln!(text, "  {}  {what}", paint.dim(&format!("{label:<9}")));
        _ = writeln!(text, "  {}  {}", paint.dim("         "), paint.dim(&to_whom));
    }
    _ = writeln!(text, "\n  {}\n", paint.dim("Ctrl-C ends it. A server for others: kopru --help"));
    text
}

/// The page's URL.
pub(crate) fn link(config: &Config, addresses: &Addresses) -> String {
    if config.mode == Mode::Lan {
        let port = addresses.https.first().map_or(0, SocketAddr::port);
        let own = addresses.https.first().map(SocketAddr::ip).filter(|ip| !ip.is_unspecified());
        let relay = config.turn.relay_addresses.first().map(|address| address.advertised);
        let host = own.or(relay).map_or_else(|| "localhost".to_owned(), url_host);
        return format!("https://{host}:{port}/");
    }
    let socket = addresses.http.first();
    let port = socket.map_or(0, SocketAddr::port);
    match socket.map(SocketAddr::ip) {
        // Browsers give pages at this name a camera without HTTPS.
        Some(ip) if !ip.is_loopback() && !ip.is_unspecified() => {
            format!("http://{}:{port}/", url_host(ip))
        }
        _ => format!("http://localhost:{port}/"),
    }
}

fn rows(config: &Config, addresses: &Addresses) -> Vec<(&'static str, String, String)> {
    let ports = config.turn.relay_ports;
    let relays: Vec<String> =
        config.turn.relay_addresses.iter().map(|address| address.advertised.to_string()).collect();
    let signaling = if config.mode == Mode::Lan {
        (
            "HTTPS",
            list(&addresses.https),
            "the calls are open to everybody on this network, without a token; to see or end those \
             of others, to this machine only",
        )
    } else {
        ("HTTP", list(&addresses.http), "open to this machine only, without a token")
    };
    let mut stun = transports(addresses);
    if !addresses.turn_udp_second.is_empty() {
        _ = write!(stun, "; {} over UDP", list(&addresses.turn_udp_second));
    }
    vec![
        (signaling.0, signaling.1, signaling.2.to_owned()),
        ("STUN", stun, "tells everybody who asks the address they come from".to_owned()),
        (
            "TURN",
            format!("the same, relaying at {} ports {ports}", relays.join(" and ")),
            "only with the credentials that the page gets; their secret is new at every start"
                .to_owned(),
        ),
    ]
}

fn transports(addresses: &Addresses) -> String {
    let Addresses { turn_udp: udp, turn_tcp: tcp, https, .. } = addresses;
    let mut text = match (udp == tcp, tcp.is_empty()) {
        (true, _) => format!("{} over UDP and TCP", list(udp)),
        (false, true) => format!("{} over UDP", list(udp)),
        (false, false) => format!("{} over UDP, {} over TCP", list(udp), list(tcp)),
    };
    if !https.is_empty() {
        _ = write!(text, ", {} over TCP and TLS", list(https));
    }
    text
}

fn list(addresses: &[SocketAddr]) -> String {
    let addresses: Vec<String> = addresses.iter().map(ToString::to_string).collect();
    addresses.join(" and ")
}

/// For a phone's camera: black on white where colours can be set, so that the terminal's own don't
/// matter; else drawn for a dark terminal, as most are.
fn qr_code(link: &str, paint: &Paint) -> String {
    let Ok(code) = QrCode::new(link) else { return String::new() };
    let (dark, light) = if paint.is_coloured {
        (Dense1x2::Dark, Dense1x2::Light)
    } else {
        (Dense1x2::Light, Dense1x2::Dark)
    };
    let drawing = code.render().dark_color(dark).light_color(light).build();
    let mut text = String::new();
    for line in drawing.lines() {
        _ = writeln!(text, "  {}", paint.with("38;5;16;48;5;231", line));
    }
    text.push('\n');
    text
}

struct Paint {
    is_coloured: bool,
}

impl Paint {
    fn bold(&self, text: &str) -> String {
        self.with("1", text)
    }

    fn dim(&self, text: &str) -> String {
        self.with("2", text)
    }

    fn link(&self, text: &str) -> String {
        self.with("1;4;36", text)
    }

    fn with(&self, code: &str, text: &str) -> String {
        if self.is_coloured { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }
}

const HOWTO: &[&str] = &["in two tabs, and choose the same room in both"];

const LAN_HOWTO: &[&str] = &[
    "on two devices of this network, and choose the same room on both",
    "The certificate was made just now, by this program for this run, so each browser",
    "warns once: \"Advanced\", then \"proceed\". Everybody on this network may join any room.",
];
