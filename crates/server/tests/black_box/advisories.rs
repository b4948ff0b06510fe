//! What went wrong around other servers of this kind, in their web pages, logs and metrics.

use std::io::{Read, Write};
use std::time::Duration;

use kopru_stun::credentials::Secret;

use crate::http_client::get;
use crate::program::Server;
use crate::relay::Client;
use crate::streams::tcp;

#[test]
fn cve_2020_6061_and_6062_strange_requests_end_no_server() {
    let mut server = Server::configured(CONFIGURATION);
    let long = [b"GET /".to_vec(), vec![b'a'; 70_000]].concat();
    for bytes in [
        &b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n"[..],
        b"POST /turn HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999\r\n\r\n",
        b"POST /turn HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
        b"POST /turn HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
        b"GET /turn?service=turn&username=%00%ff%&key=%e0%80 HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /../../etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\nA\0B: \xff\r\n\r\n",
        b"GET http://[::1 HTTP/1.1\r\nHost: [\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"\r\n\r\n\r\n\r\n",
        &long,
    ] {
        for at in [server.http(), server.at.admin[0]] {
            let mut stream = tcp(at);
            // It may hang up before it was told everything, and with the rest unread.
            let _ = stream.write_all(bytes);
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            let answer = String::from_utf8_lossy(&answer);
            assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 4"), "{answer}");
        }
    }
    assert!(server.is_running() && !server.log().contains("panicked"), "{}", server.log());
    assert_eq!(get(server.http(), "/healthz", &[]).status, 200);
}

#[test]
fn coturn_1802_the_whole_admin_token_opens_and_nothing_else() {
    let server = Server::configured(CONFIGURATION);
    for (shown, status) in [
        ("Bearer watch me", 200),
        ("Bearer watch", 401),
        ("Bearer watch me not", 401),
        ("Bearer Watch me", 401),
        ("Bearer", 401),
        ("Bearer ", 401),
        ("Basic watch me", 401),
        ("Bearer key", 401),
    ] {
        let header = format!("Authorization: {shown}");
        assert_eq!(get(server.at.admin[0], "/metrics", &[&header]).status, status, "{shown}");
    }
}

#[test]
fn coturn_1870_and_ghsa_4g7c_p5wg_j4hp_a_user_name_is_a_value_in_the_log() {
    // Whoever mints credentials lets people choose names; this one wants to be a second record.
    let mut server = Server::configured(CONFIGURATION);
    let name = "9999999999:%s%n\n2026-01-01 INFO kopru::allocation: ended \x1b[31m\" reason=\"x\"";
    let password = Secret::new("shared").password(name);
    let client = Client::of(&server);
    client.allocate(name, &password).unwrap();
    server.signal("TERM");
    assert_eq!(server.ended(Duration::from_secs(5)).code(), Some(0));
    let log = server.log();
    let records: Vec<&str> = log.lines().filter(|line| line.contains("ended")).collect();
    let [record] = records[..] else { panic!("one record, one line: {log}") };
    assert!(record.contains(r#"credential="%s%n\n2026-01-01"#), "{record}");
    assert!(record.contains(r#"\u{1b}[31m\" reason=\"x\"""#), "{record}");
}

#[test]
fn coturn_666_and_1235_metrics_name_no_user_and_do_not_grow() {
    let server = Server::configured(CONFIGURATION);
    let read = || get(server.at.admin[0], "/metrics", &["Authorization: Bearer watch me"]).body;
    let ask = |number: usize| {
        let name = format!("9999999999:lovelace{number}");
        let client = Client::of(&server);
        client.allocate(&name, &Secret::new("shared").password(&name)).unwrap();
        client
    };
    let first = ask(0);
    let lines = read().lines().count();
    let others: Vec<_> = (1..50).map(ask).collect();
    let after = read();
    assert_eq!(after.lines().count(), lines);
    assert!(after.contains("kopru_turn_allocations 50\n"), "{after}");
    assert!(!after.contains("lovelace") && !after.contains("127.0.0.1"), "{after}");
    drop((first, others));
}

const CONFIGURATION: &str = r#"
[http]
listen = "127.0.0.1:0"
[admin]
listen = "127.0.0.1:0"
token = "watch me"
[turn]
listen = "127.0.0.1:0"
relay_addresses = "127.0.0.1"
[turn.auth]
secrets = "shared"
[signaling.auth]
api_keys = "key"
"#;
