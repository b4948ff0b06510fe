//! What becomes of allocations when those who made them leave, over real sockets.

use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::client;
use crate::http_client::{get, metric};
use crate::program::Server;
use crate::signaling_auth::{in_an_hour, signed};
use crate::signaling_client::Client;

/// A session of `subject` in the lab, and its `welcome`.
async fn in_the_lab(at: SocketAddr, subject: &str) -> (Client, Value) {
    let mut client = Client::connect(at).await;
    let token = signed(&json!({ "sub": subject, "exp": in_an_hour() }), SECRET);
    let welcome = client.greet(Some(&token)).await;
    assert_eq!(client.join("lab").await["type"], "joined");
    (client, welcome)
}

fn relayed(server: &Server, user: &Value, password: &Value) -> client::Client {
    let text = |value: &Value| -> &'static str { value.as_str().unwrap().to_owned().leak() };
    let client = client::Client::at(server.at.turn_udp[0]);
    let mut client = client.credentials(text(user), text(password));
    client.allocate().unwrap();
    client
}

/// An allocation with the credentials of this `welcome`.
fn relayed_by(server: &Server, welcome: &Value) -> client::Client {
    let turn = &welcome["ice_servers"][1];
    relayed(server, &turn["username"], &turn["credential"])
}

fn wait_for_left(server: &Server, count: f64) {
    let sample = "kopru_turn_allocations_ended_total{reason=\"left\"}";
    while metric(server.at.admin[0], sample) < count {}
}

#[tokio::test]
async fn who_leaves_loses_its_allocations_after_the_grace_period_and_nobody_else_does() {
    let server = Server::configured(CONFIGURATION);
    let at = server.http();
    let mut listed = relayed(&server, &json!("carl"), &json!("carl's password"));
    let rest = get(at, "/turn?service=turn&username=dee&key=open%20sesame", &[]).json();
    let mut back_ends = relayed(&server, &rest["username"], &rest["password"]);

    let (mut ada, welcome) = in_the_lab(at, "ada").await;
    let mut of_ada = relayed_by(&server, &welcome);
    let (mut bo, welcome) = in_the_lab(at, "bo").await;
    let mut of_bo = relayed_by(&server, &welcome);
    // Ada goes before bo, and is back in time.
    ada.socket.close(None).await.unwrap();
    let _ada = in_the_lab(at, "ada").await;
    bo.socket.close(None).await.unwrap();
    wait_for_left(&server, 1.0);
    assert_eq!(of_bo.refresh(600), Err(437));
    for goes_on in [&mut of_ada, &mut listed, &mut back_ends] {
        goes_on.refresh(600).unwrap();
    }
    // Nobody is barred.
    relayed_by(&server, &welcome);
    assert_eq!(metric(server.at.admin[0], "kopru_turn_endings_lost_total"), 0.0);
}

#[tokio::test]
async fn who_is_lost_and_does_not_come_back_has_left_too() {
    let server = Server::configured(CONFIGURATION);
    let (cy, welcome) = in_the_lab(server.http(), "cy").await;
    let mut of_cy = relayed_by(&server, &welcome);
    drop(cy);
    of_cy.refresh(600).expect("a lost connection ends nothing");
    wait_for_left(&server, 1.0);
    assert_eq!(of_cy.refresh(600), Err(437));
}

const SECRET: &str = "a secret of at least thirty-two bytes";
const CONFIGURATION: &str = r#"
[http]
listen = "127.0.0.1:0"
[admin]
listen = "127.0.0.1:0"
[turn]
listen = "127.0.0.1:0"
relay_addresses = "127.0.0.1"
realm = "example.org"
[turn.auth]
secrets = "shared"
users = { carl = "carl's password" }
[signaling.limits]
grace_s = 2
[signaling.auth]
api_keys = "open sesame"
[signaling.auth.jwt]
secrets = "a secret of at least thirty-two bytes"
"#;
