//! RFC 6454 §7.3: who may ask from a browser. The Host header tells which server the client thinks
//! it talks to, the Origin header which page asks.
//!
//! In development mode everything is open to this machine, so both must name it: else any web page
//! could reach the server through its visitor's browser, by a foreign origin or by a name of its
//! own that it points at 127.0.0.1 (DNS rebinding).

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};

use super::App;
use super::error::HttpError;
use crate::config::{Config, Mode};

/// Which hosts and origins are ours.
#[derive(Clone, Debug)]
pub(crate) struct Origins {
    mode: Mode,
    own_addresses: Vec<IpAddr>,
    allowed: Vec<String>,
    public: Option<String>,
}

impl Origins {
    pub(crate) fn new(config: &Config, own_addresses: &[IpAddr]) -> Self {
        Self {
            mode: config.mode,
            own_addresses: own_addresses.to_vec(),
            allowed: config.signaling.allowed_origins.clone(),
            public: config.http.public_url.as_deref().and_then(origin_of),
        }
    }

    /// Whether a request with this Host header may be answered at all.
    fn is_own_host(&self, host: Option<&str>) -> bool {
        let Some(host) = host.map(without_port) else { return self.mode == Mode::Configured };
        match self.mode {
            Mode::Configured => true,
            Mode::Development => is_this_machine(host),
            Mode::Lan => {
                let address = address_of(host);
                is_this_machine(host) || address.is_some_and(|ip| self.own_addresses.contains(&ip))
            }
        }
    }

    fn judge(&self, origin: &str, host: Option<&str>) -> Judgement {
        let origin = origin.to_ascii_lowercase();
        if self.allowed.iter().any(|allowed| *allowed == "*" || *allowed == origin) {
            return Judgement::Allowed;
        }
        let Some((scheme, asking)) = origin.split_once("://") else { return Judgement::Foreign };
        if self.mode == Mode::Development && is_this_machine(without_port(asking)) {
            return Judgement::Allowed;
        }
        let usual_port = if scheme == "https" { ":443" } else { ":80" };
        let bare = |host: &str| host.strip_suffix(usual_port).unwrap_or(host).to_ascii_lowercase();
        let is_same_host = host.is_some_and(|host| bare(host) == bare(asking));
        if is_same_host || self.public.as_ref() == Some(&origin) {
            Judgement::Same
        } else {
            Judgement::Foreign
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Judgement {
    /// A page of this server.
    Same,
    /// A page of another one that was named in the configuration.
    Allowed,
    /// Any other page.
    Foreign,
}

/// Stands in front of every route: refuses foreign hosts and origins, and lets allowed ones read
/// the answers (CORS).
pub(crate) async fn check(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let host = header_text(request.headers(), &header::HOST);
    if !app.origins.is_own_host(host) {
        return HttpError::WrongHost.into_response();
    }
    let Some(origin) = request.headers().get(header::ORIGIN).cloned() else {
        return next.run(request).await;
    };
    match app.origins.judge(origin.to_str().unwrap_or_default(), host) {
        Judgement::Foreign => HttpError::ForeignOrigin.into_response(),
        Judgement::Same => next.run(request).await,
        Judgement::Allowed => {
            let mut response = if request.method() == Method::OPTIONS {
                StatusCode::NO_CONTENT.into_response()
            } else {
                next.run(request).await
            };
            let fields = response.headers_mut();
            fields.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
            fields.append(header::VARY, HeaderValue::from_static("origin"));
            for (name, value) in PREFLIGHT {
                fields.insert(name, HeaderValue::from_static(value));
            }
            response
        }
    }
}

/// A header as text, if it is there once and readable.
pub(crate) fn header_text<'h>(
    headers: &'h HeaderMap,
    name: &header::HeaderName,
) -> Option<&'h str> {
    headers.get(name)?.to_str().ok()
}

fn origin_of(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once("://")?;
    let host = rest.split('/').next()?;
    Some(format!("{scheme}://{host}").to_ascii_lowercase())
}

fn is_this_machine(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost") || address_of(host).is_some_and(|ip| ip.is_loopback())
}

fn address_of(host: &str) -> Option<IpAddr> {
    host.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) && !name.ends_with(':') => {
            name
        }
        _ => host,
    }
}

const PREFLIGHT: [(header::HeaderName, &str); 4] = [
    (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST"),
    (header::ACCESS_CONTROL_ALLOW_HEADERS, "authorization, content-type"),
    (header::ACCESS_CONTROL_EXPOSE_HEADERS, "retry-after"),
    (header::ACCESS_CONTROL_MAX_AGE, "600"),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn origins(mode: Mode, allowed: &[&str], public: Option<&str>) -> Origins {
        Origins {
            mode,
            own_addresses: vec!["192.0.2.7".parse().unwrap(), "2001:db8::7".parse().unwrap()],
            allowed: allowed.iter().map(ToString::to_string).collect(),
            public: public.map(ToString::to_string),
        }
    }

    #[test]
    fn hosts() {
        for (mode, host, own) in [
            (Mode::Development, Some("localhost:8080"), true),
            (Mode::Development, Some("LOCALHOST"), true),
            (Mode::Development, Some("127.0.0.1:8080"), true),
            (Mode::Development, Some("[::1]:8080"), true),
            (Mode::Development, Some("rebind.example:8080"), false),
            (Mode::Development, Some("localhost.example"), false),
            (Mode::Development, Some("192.0.2.7:8080"), false),
            (Mode::Development, None, false),
            (Mode::Lan, Some("192.0.2.7:8443"), true),
            (Mode::Lan, Some("[2001:db8::7]:8443"), true),
            (Mode::Lan, Some("[2001:db8::8]:8443"), false),
            (Mode::Lan, Some("rebind.example"), false),
            (Mode::Configured, Some("anything.example"), true),
            (Mode::Configured, None, true),
        ] {
            assert_eq!(origins(mode, &[], None).is_own_host(host), own, "{mode:?} {host:?}");
        }
    }

    #[test]
    fn origins_of_pages() {
        use Judgement::{Allowed, Foreign, Same};
        let development = origins(Mode::Development, &[], None);
        let configured =
            origins(Mode::Configured, &["https://app.example"], Some("https://call.example"));
        let any = origins(Mode::Configured, &["*"], None);
        for (origins, origin, host, expect) in [
            (&development, "http://localhost:8080", "localhost:8080", Allowed),
            (&development, "http://localhost:5173", "127.0.0.1:8080", Allowed),
            (&development, "https://evil.example", "localhost:8080", Foreign),
            (&development, "null", "localhost:8080", Foreign),
            (&configured, "https://turn.example", "turn.example", Same),
            (&configured, "https://turn.example", "turn.example:443", Same),
            (&configured, "http://turn.example:8080", "turn.example:8080", Same),
            (&configured, "http://turn.example:8081", "turn.example:8080", Foreign),
            (&configured, "https://app.example", "turn.example", Allowed),
            (&configured, "https://APP.example", "turn.example", Allowed),
            (&configured, "https://call.example", "10.0.0.3:8080", Same),
            (&configured, "https://app.example.evil", "turn.example", Foreign),
            (&any, "https://whoever.example", "turn.example", Allowed),
        ] {
            assert_eq!(origins.judge(origin, Some(host)), expect, "{origin} at {host}");
        }
    }
}
