//! An HTTP client of one request, which hides nothing.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::Value;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    head: String,
    pub(crate) body: String,
}

impl Answer {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.into_iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|_| panic!("no JSON: {}", self.body))
    }

    /// The stable code of an error.
    pub(crate) fn code(&self) -> String {
        self.json()["code"].as_str().unwrap().to_owned()
    }
}

/// `GET path` with these further header lines.
pub(crate) fn get(at: SocketAddr, path: &str, headers: &[&str]) -> Answer {
    request(at, "GET", path, headers)
}

/// `POST path` with this JSON and these further header lines.
pub(crate) fn post(at: SocketAddr, path: &str, headers: &[&str], body: &str) -> Answer {
    let length = format!("Content-Length: {}", body.len());
    send(at, "POST", path, &[headers, &[&length]].concat(), body)
}

/// Any request without a body.
pub(crate) fn request(at: SocketAddr, method: &str, path: &str, headers: &[&str]) -> Answer {
    send(at, method, path, headers, "")
}

/// The Host header is the address, unless `headers` has one.
fn send(at: SocketAddr, method: &str, path: &str, headers: &[&str], body: &str) -> Answer {
    let mut text = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|line| line.to_ascii_lowercase().starts_with("host:")) {
        text.push_str(&format!("Host: {at}\r\n"));
    }
    for line in headers {
        text.push_str(&format!("{line}\r\n"));
    }
    text.push_str("\r\n");
    text.push_str(body);
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    parse(&String::from_utf8(answer).unwrap())
}

/// Splits an answer that was read to its end.
pub(crate) fn parse(answer: &str) -> Answer {
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    Answer { status, head: head.to_owned(), body: body.to_owned() }
}

/// Waits until a sample of `/metrics` has at least this value, and says which it has. What a client
/// is told by the end of its connection is counted a moment later.
#[track_caller]
pub(crate) fn metric_from(at: SocketAddr, sample: &str, least: f64) -> f64 {
    let deadline = Instant::now() + Duration::from_secs(20);
    loop {
        let value = metric(at, sample);
        if value >= least {
            return value;
        }
        assert!(Instant::now() < deadline, "{sample} is {value}");
    }
}

/// The value of one sample of `/metrics`, 0 when it is not there.
pub(crate) fn metric(at: SocketAddr, sample: &str) -> f64 {
    let answer = get(at, "/metrics", &[]);
    assert_eq!(answer.status, 200, "{}", answer.body);
    let line = answer
        .body
        .lines()
        .find(|line| line.strip_prefix(sample).is_some_and(|rest| rest.starts_with(' ')));
    line.map_or(0.0, |line| line.rsplit(' ').next().unwrap().parse().unwrap())
}
