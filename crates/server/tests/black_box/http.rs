//! What HTTP answers.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::http_client::{get, metric, parse, request};
use crate::program::Server;

#[test]
fn the_page_comes_with_its_protection_and_is_cached_by_its_tag() {
    let server = Server::development(&[]);
    let page = get(server.http(), "/", &[]);
    assert_eq!(page.status, 200);
    assert_eq!(page.header("content-type"), Some("text/html; charset=utf-8"));
    assert_eq!(page.header("cache-control"), Some("no-cache"));
    assert_eq!(page.header("x-content-type-options"), Some("nosniff"));
    assert!(page.header("content-security-policy").unwrap().contains("script-src 'self'"));
    let tag = page.header("etag").unwrap();
    let again = get(server.http(), "/", &[&format!("If-None-Match: {tag}")]);
    assert_eq!((again.status, again.body.as_str()), (304, ""));
}

#[test]
fn the_scripts_and_styles_of_the_page_are_there_for_ever() {
    let server = Server::development(&[]);
    let page = get(server.http(), "/", &[]);
    let assets: Vec<&str> = page
        .body
        .split(['"', '\''])
        .filter_map(|part| part.trim_start_matches("./").trim_start_matches('/').into())
        .filter(|part| part.starts_with("assets/"))
        .collect();
    assert!(!assets.is_empty(), "{}", page.body);
    for path in assets {
        let asset = get(server.http(), &format!("/{path}"), &[]);
        assert_eq!(asset.status, 200, "{path}");
        assert!(asset.header("cache-control").unwrap().contains("immutable"));
    }
}

#[test]
fn what_is_not_there_or_not_allowed_has_a_code() {
    let server = Server::development(&[]);
    for (method, path, status, code) in [
        ("GET", "/nothing", 404, "not_found"),
        ("GET", "/v1/nothing", 404, "not_found"),
        ("GET", "/../Cargo.toml", 404, "not_found"),
        ("POST", "/nothing", 404, "not_found"),
        ("POST", "/v1/ice-servers", 405, "method_not_allowed"),
        ("DELETE", "/", 405, "method_not_allowed"),
        ("GET", "/v1/ws", 426, "websocket_required"),
        ("GET", "/turn?service=stun", 400, "bad_service"),
        ("GET", "/turn?service=turn&username=a%3Ab", 400, "bad_username"),
    ] {
        let answer = request(server.http(), method, path, &[]);
        assert_eq!(answer.status, status, "{method} {path}");
        assert_eq!(answer.header("content-type"), Some("application/json"));
        assert_eq!(answer.code(), code, "{method} {path}");
    }
    assert_eq!(metric(server.http(), "kopru_http_refusals_total{code=\"not_found\"}"), 4.0);
}

#[test]
fn development_mode_answers_this_machine_only() {
    let server = Server::development(&[]);
    let port = server.http().port();
    for (headers, status) in [
        (vec![format!("Host: localhost:{port}")], 200),
        (vec![format!("Host: [::1]:{port}")], 200),
        (vec![format!("Host: rebind.example:{port}")], 421),
        (vec!["Host: 192.0.2.1".to_owned()], 421),
        (vec![format!("Origin: http://localhost:{port}")], 200),
        (vec!["Origin: http://127.0.0.1:5173".to_owned()], 200),
        (vec!["Origin: https://evil.example".to_owned()], 403),
        (vec!["Origin: null".to_owned()], 403),
    ] {
        let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
        let answer = get(server.http(), "/v1/ice-servers", &headers);
        assert_eq!(answer.status, status, "{headers:?}: {}", answer.body);
    }
    assert_eq!(metric(server.http(), "kopru_http_refusals_total{code=\"foreign_origin\"}"), 2.0);
    assert_eq!(metric(server.http(), "kopru_http_refusals_total{code=\"wrong_host\"}"), 2.0);
}

#[test]
fn pages_of_allowed_origins_may_read_the_answers() {
    let server = Server::configured(CONFIGURATION);
    let origin = "Origin: https://app.example";
    let preflight = request(server.http(), "OPTIONS", "/v1/ice-servers", &[origin]);
    assert_eq!(preflight.status, 204);
    assert_eq!(preflight.header("access-control-allow-origin"), Some("https://app.example"));
    let headers = Some("authorization, content-type");
    assert_eq!(preflight.header("access-control-allow-headers"), headers);
    let refused = get(server.http(), "/v1/ice-servers", &[origin]);
    assert_eq!((refused.status, refused.code().as_str()), (401, "unauthorized"));
    assert_eq!(refused.header("access-control-allow-origin"), Some("https://app.example"));
    let foreign = request(server.http(), "OPTIONS", "/v1/ws", &["Origin: https://other.example"]);
    assert_eq!((foreign.status, foreign.code().as_str()), (403, "foreign_origin"));
}

#[test]
fn ice_servers_for_this_machine() {
    let server = Server::development(&[]);
    let answer = get(server.http(), "/v1/ice-servers", &[]);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    let (answer, turn) = (answer.json(), server.at.turn_udp[0]);
    assert_eq!(answer["ttl"], 600);
    assert_eq!(answer["iceServers"][0]["urls"][0], format!("stun:{turn}"));
    assert_eq!(answer["iceServers"][1]["urls"][0], format!("turn:{turn}?transport=udp"));
}

#[test]
fn turn_rest_wants_a_key() {
    let server = Server::configured(CONFIGURATION);
    let at = server.http();
    for (path, headers, status) in [
        ("/turn?service=turn&username=ada", vec![], 401),
        ("/turn?service=turn&username=ada&key=wrong", vec![], 401),
        ("/turn?service=turn&username=ada&key=open+sesame", vec![], 200),
        ("/turn?service=turn&username=ada", vec!["Authorization: Bearer open sesame"], 200),
        ("/turn?username=ada&key=open+sesame", vec![], 400),
    ] {
        assert_eq!(get(at, path, &headers).status, status, "{path} {headers:?}");
    }
    let answer = request(at, "POST", "/turn?service=turn&username=ada&key=open+sesame", &[]).json();
    let username = answer["username"].as_str().unwrap();
    assert!(username.ends_with(":ada"), "{username}");
    let password = kopru_stun::credentials::Secret::new("shared").password(username);
    assert_eq!(answer["password"], password);
    assert_eq!(answer["ttl"], 600);
    let udp = format!("turn:{}?transport=udp", server.at.turn_udp[0]);
    let tcp = format!("turn:{}?transport=tcp", server.at.turn_tcp[0]);
    assert_eq!(answer["uris"], serde_json::json!([udp, tcp]));
}

#[test]
fn metrics_are_for_the_admin() {
    let server = Server::configured(CONFIGURATION);
    assert_eq!(get(server.http(), "/metrics", &[]).status, 404);
    let admin = server.at.admin[0];
    assert_eq!(get(admin, "/metrics", &[]).code(), "unauthorized");
    let answer = get(admin, "/metrics", &["Authorization: Bearer watch me"]);
    assert_eq!(answer.status, 200);
    assert!(answer.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    for sample in [
        "kopru_build_info{version=",
        "kopru_signaling_members 0",
        "kopru_turn_allocations 0",
        "kopru_turn_relayed_bytes_total{direction=\"to_peers\"} 0",
        "kopru_dropped_packets_total{reason=\"not_stun\"} 0",
        "kopru_dropped_packets_total{reason=\"inbox_full\"} 0",
        "kopru_http_refusals_total{code=\"unauthorized\"} 1",
    ] {
        let is_there = answer.body.lines().any(|line| line.starts_with(sample));
        assert!(is_there, "{sample} in\n{}", answer.body);
    }
    assert_eq!(get(admin, "/v1/ws", &[]).status, 404);
    assert_eq!(get(admin, "/healthz", &[]).status, 200);
}

#[test]
fn without_the_demo_there_is_no_page() {
    let server = Server::configured(&format!("{CONFIGURATION}\n[pages]\ndemo = false\n"));
    assert_eq!(get(server.http(), "/", &[]).status, 404);
    assert_eq!(get(server.http(), "/healthz", &[]).json()["status"], "alive");
    assert_eq!(get(server.http(), "/readyz", &[]).json()["status"], "ready");
}

#[test]
fn a_head_that_is_too_long_is_refused() {
    let server = Server::development(&[]);
    let mut stream = TcpStream::connect(server.http()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    let request =
        format!("GET / HTTP/1.1\r\nHost: localhost\r\nX: {}\r\n\r\n", "x".repeat(100_000));
    // It may hang up before it was told everything.
    let _ = stream.write_all(request.as_bytes());
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    assert!(answer.is_empty() || parse(&String::from_utf8(answer).unwrap()).status == 431);
    assert_eq!(get(server.http(), "/healthz", &[]).status, 200);
}

const CONFIGURATION: &str = r#"
[http]
listen = "127.0.0.1:0"
[turn]
listen = "127.0.0.1:0"
relay_addresses = "127.0.0.1"
[turn.auth]
secrets = ["shared"]
[signaling]
allowed_origins = ["https://app.example"]
[signaling.auth]
api_keys = ["other", "open sesame"]
[signaling.auth.jwt]
secrets = ["a secret of at least thirty-two bytes"]
[admin]
listen = "127.0.0.1:0"
token = "watch me"
"#;
