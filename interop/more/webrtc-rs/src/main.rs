//! Two TURN clients of webrtc-rs in one process: what one sends, the other echoes, both relayed.
//!
//! Reads `{"iceServers": […], "bytes": N}` from standard input and writes `{"intact": true}` when
//! all that came back is what went out.

use std::error::Error;
use std::sync::Arc;

use serde_json::Value;
use tokio::net::UdpSocket;
use turn::client::{Client, ClientConfig};
use webrtc_util::Conn;

/// Below every path MTU, so that nothing is fragmented.
const DATAGRAM_BYTES: usize = 1000;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let order: Value = serde_json::from_reader(std::io::stdin())?;
    let (caller, callee) = (allocate(&order).await?, allocate(&order).await?);
    let (from, to) = (caller.local_addr()?, callee.local_addr()?);
    // Makes the callee permit the caller's IP address, at a port where nobody is.
    callee.send_to(&[], (from.ip(), 9).into()).await?;
    tokio::spawn(echo(callee));

    let bytes = order["bytes"].as_u64().ok_or("bytes: a number")? as usize;
    let sent: Vec<u8> = (0..bytes).map(|at| (at % 251) as u8).collect();
    let mut intact = true;
    for datagram in sent.chunks(DATAGRAM_BYTES) {
        caller.send_to(datagram, to).await?;
        let mut received = [0; DATAGRAM_BYTES];
        let (length, peer) = caller.recv_from(&mut received).await?;
        intact &= received[..length] == *datagram && peer == to;
    }
    println!("{{\"intact\": {intact}}}");
    Ok(())
}

/// An allocation at the first URL of the first server, `turn:HOST:PORT?transport=udp`.
async fn allocate(order: &Value) -> Result<impl Conn + use<>, Box<dyn Error>> {
    let server = &order["iceServers"][0];
    let text = |value: &Value| value.as_str().map(str::to_owned).ok_or("a server lacks a text");
    let url = text(&server["urls"][0])?;
    let place = url.trim_start_matches("turn:").trim_end_matches("?transport=udp");
    let client = Client::new(ClientConfig {
        stun_serv_addr: String::new(),
        turn_serv_addr: place.to_owned(),
        username: text(&server["username"])?,
        password: text(&server["credential"])?,
        realm: String::new(), // it takes the server's
        software: String::new(),
        rto_in_ms: 0, // its default
        conn: Arc::new(UdpSocket::bind("0.0.0.0:0").await?),
        vnet: None,
    })
    .await?;
    client.listen().await?;
    Ok(client.allocate().await?)
}

async fn echo(conn: impl Conn) -> Result<(), webrtc_util::Error> {
    let mut datagram = [0; DATAGRAM_BYTES];
    loop {
        let (length, peer) = conn.recv_from(&mut datagram).await?;
        conn.send_to(&datagram[..length], peer).await?;
    }
}
