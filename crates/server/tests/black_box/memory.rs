//! The memory that signaling may take: who is there goes on, who comes is told when to come again.

use serde_json::json;

use crate::http_client::{metric, post};
use crate::link_client::{By, LinkClient, Wire};
use crate::program::Server;
use crate::signaling::{configuration, token};
use crate::signaling_client::Client;
use crate::transports::hello;

const HELD: &str = "kopru_signaling_memory_bytes";

/// A server whose memory is tight after one client has not acknowledged a few hundred kilobytes.
fn narrow() -> Server {
    Server::configured(&configuration("memory_bytes_max = 200000\nmessages_per_second = 0"))
}

/// Says so many thousands of bytes to everybody in the lab.
async fn say(client: &mut Client, id: u64, thousands: usize) {
    let (id, data) = (id.to_string(), "x".repeat(1000 * thousands));
    client.send(json!({ "type": "message", "id": id, "room": "lab", "data": data })).await;
    while client.receive().await["re"] != *id {}
}

#[tokio::test]
async fn past_the_budget_nobody_comes_in_and_who_is_there_goes_on() {
    let server = narrow();
    let (admin, token) = (server.at.admin[0], token(&server));
    assert_eq!(metric(admin, "kopru_signaling_memory_bytes_max"), 200_000.0);
    let mut ada = Client::connect(server.http()).await;
    ada.greet(Some(&token)).await;
    ada.join("lab").await;
    let mut bo = Client::connect(server.http()).await;
    let welcome = bo.greet(Some(&token)).await;
    bo.join("lab").await;
    ada.receive().await;
    let mut sent = 0;
    while metric(admin, HELD) < 176_000.0 {
        sent += 1;
        say(&mut ada, sent, 4).await;
        bo.receive().await;
    }

    // Whoever comes is told when to come again, in a frame and in the close; and by HTTP at once.
    let mut late = Client::connect(server.http()).await;
    let error = late.greet(Some(&token)).await;
    assert_eq!((&error["code"], &error["retry_after_s"]), (&json!("server_full"), &json!(10)));
    assert_eq!(late.closed().await, (4503, "server_full;retry_after_s=10".to_owned()));
    let mut greeting = hello();
    greeting["token"] = token.clone().into();
    for seconds in ["10", "11"] {
        let refused = post(server.http(), "/v1/connect", &[], &greeting.to_string());
        assert_eq!((refused.status, refused.code().as_str()), (503, "server_full"));
        assert_eq!(refused.header("retry-after"), Some(seconds));
    }
    assert_eq!(metric(admin, "kopru_http_refusals_total{code=\"server_full\"}"), 2.0);
    assert_eq!(metric(admin, "kopru_signaling_refusals_total{code=\"server_full\"}"), 1.0);
    assert_eq!(metric(admin, "kopru_signaling_closes_total{reason=\"server_full\"}"), 1.0);

    // Who is there says something and hears it; who was there comes back, on another transport too.
    sent += 1;
    say(&mut ada, sent, 1).await;
    let seq = bo.receive().await["seq"].clone();
    drop(bo);
    greeting["resume"] = welcome["resume"].clone();
    greeting["ack"] = seq;
    let wire = Wire::plain(server.http());
    let mut bo = LinkClient::connect(wire, By::Events, &[greeting]).await;
    assert_eq!(bo.receive().await["resumed"], true);
    // With that what waited is acknowledged, and there is room again.
    let mut late = Client::connect(server.http()).await;
    assert_eq!(late.greet(Some(&token)).await["type"], "welcome");
}

#[tokio::test]
async fn where_it_is_full_no_connection_is_let_in_and_a_client_that_does_not_read_costs_a_part() {
    let server = narrow();
    let (admin, token) = (server.at.admin[0], token(&server));
    let mut ada = Client::connect(server.http()).await;
    ada.greet(Some(&token)).await;
    ada.join("lab").await;
    let mut mute = Client::connect(server.http()).await;
    mute.greet(Some(&token)).await;
    mute.join("lab").await;
    // Half a message: what is parked there counts as well.
    let half = "x".repeat(150_000);
    let frame = [&[0x81, 0xff][..], &200_000_u64.to_be_bytes(), &[0; 4], half.as_bytes()].concat();
    tokio::io::AsyncWriteExt::write_all(mute.socket.get_mut(), &frame).await.unwrap();
    while metric(admin, HELD) < 150_000.0 {
        tokio::task::yield_now().await;
    }
    let mut sent = 0;
    while metric(admin, HELD) < 200_000.0 {
        sent += 1;
        say(&mut ada, sent, 4).await;
    }
    let refused = Client::connect_with(server.http(), &[]).await;
    assert_eq!(refused.err(), Some(503));
    let refused = post(server.http(), "/v1/connect", &[], &hello().to_string());
    assert_eq!((refused.status, refused.code().as_str()), (503, "server_full"));
    // It says as much as it likes; nothing more is kept for the one who says nothing.
    for id in 1000..1100 {
        say(&mut ada, id, 4).await;
    }
    let held = metric(admin, HELD);
    assert!(held < 290_000.0, "{held}");
}
