//! Clients that are sent away together are told to come back one after the other.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::link_client::{By, LinkClient, Wire};
use crate::program::Server;
use crate::signaling_client::Client;
use crate::transports::hello;

/// On each transport.
const CLIENTS: usize = 20;

#[tokio::test]
async fn a_server_that_stops_tells_each_client_another_time() {
    let mut server = Server::development(&[]);
    let wire = Wire::plain(server.http());
    let mut all = Vec::new();
    for _ in 0..CLIENTS {
        let mut client = Client::connect(server.http()).await;
        client.greet(None).await;
        all.push(tokio::spawn(async move {
            let (code, reason) = client.closed().await;
            let (reason, seconds) = reason.split_once(";retry_after_s=").unwrap();
            (code.into(), reason.to_owned(), seconds.parse().unwrap())
        }));
        for by in [By::Events, By::Poll] {
            let mut client = LinkClient::connect(wire.clone(), by, &[hello()]).await;
            client.receive().await;
            all.push(tokio::spawn(async move {
                let close = client.close().await;
                let reason = close["reason"].as_str().unwrap().to_owned();
                (close["code"].as_u64().unwrap(), reason, close["retry_after_s"].as_u64().unwrap())
            }));
        }
    }
    server.signal("TERM");
    let mut counts: BTreeMap<u64, usize> = BTreeMap::new();
    for told in all {
        let (code, reason, seconds) = told.await.unwrap();
        assert_eq!((code, reason.as_str()), (1001, "going_away"));
        *counts.entry(seconds).or_default() += 1;
    }
    // Sixty of them, over five seconds.
    assert_eq!(counts, (1..=5).map(|seconds| (seconds, CLIENTS * 3 / 5)).collect());
    assert!(server.ended(Duration::from_secs(10)).success());
}
