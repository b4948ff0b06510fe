//! Rooms sharded over two desks, over real sockets: nobody can tell where anybody is.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::{Value, json};

use crate::http_client::{get, metric, post, request};
use crate::link_client::{By, LinkClient, Wire};
use crate::program::Server;
use crate::signaling_auth::{in_an_hour, signed};
use crate::signaling_client::Client;

const API_KEY: &str = "Authorization: Bearer open sesame";
/// Messages of each sender, while rooms move about.
const MESSAGES: u64 = 60;
/// As many join each of so many rooms at once.
const CLIENTS: usize = 8;

fn token(subject: &str) -> String {
    let (exp, iat) = (in_an_hour(), in_an_hour() - 3600);
    signed(&json!({ "sub": subject, "exp": exp, "iat": iat }), SECRET)
}

/// The next connection is at the other desk.
async fn session(at: SocketAddr, subject: &str) -> (Client, Value) {
    let mut client = Client::connect(at).await;
    let welcome = client.greet(Some(&token(subject))).await;
    assert_eq!(welcome["type"], "welcome", "{welcome}");
    (client, welcome)
}

async fn enter(client: &mut Client, room: &str, others: usize) -> String {
    let joined = client.join_as(room, room).await;
    assert_eq!(joined["members"].as_array().map(Vec::len), Some(others), "{joined}");
    joined["member"].as_str().unwrap().to_owned()
}

async fn expect(client: &mut Client, kind: &str) -> Value {
    let frame = client.receive().await;
    assert_eq!(frame["type"], kind, "{frame}");
    frame
}

fn message(room: &str, number: u64) -> Value {
    let id = format!("{room} {number}");
    json!({ "type": "message", "id": id, "room": room, "data": number })
}

/// What a client hears from each sender. No frame is missing.
#[derive(Default)]
struct Heard {
    seq: Option<u64>,
    numbers: BTreeMap<String, Vec<u64>>,
}

impl Heard {
    async fn next(&mut self, client: &mut Client) -> Value {
        let frame = client.receive().await;
        let seq = frame["seq"].as_u64().unwrap();
        assert!(self.seq.is_none_or(|before| before + 1 == seq), "a gap before {frame}");
        self.seq = Some(seq);
        if frame["type"] == "message" {
            let from = format!("{} {}", frame["room"], frame["from"]);
            self.numbers.entry(from).or_default().push(frame["data"].as_u64().unwrap());
        }
        frame
    }

    /// How many senders have been heard to the end.
    fn whole(&self) -> usize {
        self.numbers.values().filter(|numbers| numbers.last() == Some(&(MESSAGES - 1))).count()
    }
}

#[tokio::test]
async fn who_joins_rooms_at_two_desks_brings_them_together_while_they_are_busy() {
    let server = Server::configured(CONFIGURATION);
    let at = server.http();
    let ((mut ada, _), (mut bo, _)) = (session(at, "ada").await, session(at, "bo").await);
    enter(&mut ada, "lab", 0).await;
    enter(&mut bo, "hall", 0).await;
    let ((mut cy, _), (mut dee, _)) = (session(at, "cy").await, session(at, "dee").await);
    enter(&mut cy, "lab", 1).await;
    enter(&mut dee, "hall", 1).await;
    let mut senders = [(&mut ada, "lab"), (&mut bo, "hall"), (&mut dee, "hall")];
    for number in 0..MESSAGES - 1 {
        for (client, room) in &mut senders {
            client.send(message(room, number)).await;
        }
        if number == MESSAGES / 2 {
            cy.send(json!({ "type": "join", "id": "j", "room": "hall" })).await;
        }
    }
    let mut heard = Heard::default();
    while heard.next(&mut cy).await["type"] != "joined" {}
    for (client, room) in &mut senders {
        client.send(message(room, MESSAGES - 1)).await;
    }
    while heard.whole() < senders.len() {
        heard.next(&mut cy).await;
    }
    for (from, numbers) in &heard.numbers {
        assert!(numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]), "{from}: {numbers:?}");
        assert!(numbers[0] == 0 || from.contains("hall"), "{from}: {numbers:?}");
    }
    let rooms = get(at, "/v1/rooms", &[API_KEY]).json();
    let expect = json!([{ "room": "hall", "members": 3 }, { "room": "lab", "members": 2 }]);
    assert_eq!(rooms["rooms"], expect);
    assert_eq!(metric(server.at.admin[0], "kopru_signaling_members"), 5.0);
    assert_eq!(metric(server.at.admin[0], "kopru_signaling_connections"), 4.0);
}

#[tokio::test]
async fn how_even_desks_are_is_told() {
    let server = Server::configured(CONFIGURATION);
    let at = server.http();
    let told = || {
        let sessions =
            ["0", "1"].map(|desk| format!("kopru_signaling_desk_sessions{{desk=\"{desk}\"}}"));
        let moves = "kopru_signaling_desk_moves_total".to_owned();
        let [one, other] = sessions.map(|sample| metric(server.at.admin[0], &sample));
        (one, other, metric(server.at.admin[0], &moves))
    };
    let ((mut ada, _), (mut bo, _)) = (session(at, "ada").await, session(at, "bo").await);
    enter(&mut ada, "lab", 0).await;
    enter(&mut bo, "hall", 0).await;
    assert_eq!(told(), (1.0, 1.0, 0.0));
    enter(&mut bo, "lab", 1).await;
    let (one, other, moves) = told();
    assert_eq!((one.max(other), one.min(other), moves), (2.0, 0.0, 1.0));
    expect(&mut ada, "member_joined").await;
    enter(&mut ada, "hall", 1).await;
    assert_eq!(told(), (one, other, 1.0), "they are at one desk");
}

#[tokio::test]
async fn a_session_is_taken_up_at_the_other_desk_with_all_that_waits() {
    let server = Server::configured(CONFIGURATION);
    let at = server.http();
    let ((mut ada, _), (mut bo, welcome)) = (session(at, "ada").await, session(at, "bo").await);
    enter(&mut ada, "lab", 0).await;
    enter(&mut bo, "lab", 1).await;
    expect(&mut ada, "member_joined").await;
    drop(bo);
    expect(&mut ada, "member_updated").await;
    for number in 0..3 {
        ada.send(message("lab", number)).await;
        expect(&mut ada, "ok").await;
    }
    // Two: whichever desk has the session, one of them begins at the other.
    let mut resume = welcome["resume"].clone();
    for round in 0..2 {
        let mut again = Client::connect(at).await;
        again
            .send(json!({
                "type": "hello", "v": 1, "token": token("bo"), "resume": resume, "ack": 2,
            }))
            .await;
        let welcome = expect(&mut again, "welcome").await;
        assert_eq!((&welcome["resumed"], &welcome["complete"]), (&json!(true), &json!(true)));
        for number in 0..3 {
            assert_eq!(expect(&mut again, "message").await["data"], number, "round {round}");
        }
        again.send(json!({ "type": "ping", "id": "p" })).await;
        expect(&mut again, "pong").await;
        resume = welcome["resume"].clone();
    }
}

#[tokio::test]
async fn back_ends_see_one_server() {
    let server = Server::configured(CONFIGURATION);
    let at = server.http();
    for room in ["attic", "cellar"] {
        let new = json!({ "room": room, "empty_s": 60 }).to_string();
        assert_eq!(post(at, "/v1/rooms", &[API_KEY], &new).status, 201);
        assert_eq!(post(at, "/v1/rooms", &[API_KEY], &new).status, 409);
    }
    let mut clients = Vec::new();
    for (subject, room) in [("ada", "attic"), ("bo", "attic"), ("bo", "cellar"), ("cy", "cellar")] {
        let (mut client, _) = session(at, subject).await;
        let member = client.join(room).await["member"].as_str().unwrap().to_owned();
        clients.push((client, member));
    }
    let members = |room: &str| {
        let view = get(at, &format!("/v1/rooms/{room}"), &[API_KEY]).json();
        view["members"].as_array().map(Vec::len)
    };
    assert_eq!((members("attic"), members("cellar")), (Some(2), Some(2)));
    let (ada, member) = &mut clients[0];
    expect(ada, "member_joined").await;
    let path = format!("/v1/rooms/attic/members/{member}");
    assert_eq!(request(at, "DELETE", &path, &[API_KEY]).status, 204);
    assert_eq!(expect(ada, "left").await["reason"], "kicked");
    let revoked = post(at, "/v1/revoke", &[API_KEY], &json!({ "identity": "bo" }).to_string());
    assert_eq!(revoked.json(), json!({ "sessions": 2 }));
    for index in [1, 2] {
        assert_eq!(clients[index].0.closed().await, (4403, "revoked".to_owned()));
    }
    assert_eq!((members("attic"), members("cellar")), (None, Some(1)));
    assert_eq!(request(at, "DELETE", "/v1/rooms/cellar", &[API_KEY]).status, 204);
    let admin = server.at.admin[0];
    let count = |name| metric(admin, name);
    assert_eq!((count("kopru_signaling_sessions"), count("kopru_signaling_rooms")), (2.0, 0.0));
}

#[tokio::test]
async fn rooms_that_all_join_at_once_are_opened_once() {
    let server = Server::configured(CONFIGURATION);
    let at = server.http();
    let mut all = Vec::new();
    for n in 0..CLIENTS {
        all.push(tokio::spawn(async move {
            let (mut client, _) = session(at, &format!("identity {n}")).await;
            // Each begins with another one, and is in several when it comes to the others.
            for room in (0..CLIENTS).map(|k| format!("room {}", (n + k) % CLIENTS)) {
                client.send(json!({ "type": "join", "id": room, "room": room })).await;
            }
            let mut sees: BTreeMap<String, usize> = BTreeMap::new();
            while sees.len() < CLIENTS || sees.values().any(|others| *others < CLIENTS - 1) {
                let frame = client.receive().await;
                let room = frame["room"].as_str().unwrap_or_default().to_owned();
                match frame["type"].as_str() {
                    Some("joined") => {
                        let others = frame["members"].as_array().unwrap().len();
                        assert_eq!(sees.insert(room, others), None);
                    }
                    Some("member_joined") => *sees.get_mut(&room).unwrap() += 1,
                    _ => panic!("unexpected {frame}"),
                }
            }
            client
        }));
    }
    let mut clients = Vec::new();
    for client in all {
        clients.push(client.await.unwrap());
    }
    let rooms = get(at, "/v1/rooms", &[API_KEY]).json();
    let members: Vec<_> =
        rooms["rooms"].as_array().unwrap().iter().map(|it| &it["members"]).collect();
    assert_eq!(members, [CLIENTS; CLIENTS]);
}

#[tokio::test]
async fn a_client_without_a_websocket_moves_too() {
    let server = Server::configured(CONFIGURATION);
    let (at, wire) = (server.http(), Wire::plain(server.http()));
    let ((mut ada, _), (mut bo, _)) = (session(at, "ada").await, session(at, "bo").await);
    enter(&mut ada, "lab", 0).await;
    enter(&mut bo, "hall", 0).await;
    let hello = json!({ "type": "hello", "v": 1, "token": token("cy") });
    let mut cy = LinkClient::connect(wire, By::Events, &[hello]).await;
    assert_eq!(cy.receive().await["type"], "welcome");
    // Both in one request: the first may move it to the other desk, the second moves that room.
    let joins = ["lab", "hall"].map(|room| json!({ "type": "join", "id": room, "room": room }));
    let said = [&joins[..], &[message("hall", 0), message("lab", 1)]].concat();
    let lines: Vec<String> = said.iter().map(Value::to_string).collect();
    assert_eq!(cy.post("/v1/messages", &lines.join("\n")).await.status, 204);
    for room in ["lab", "hall"] {
        assert_eq!(cy.receive().await["room"], room);
    }
    for (client, number) in [(&mut bo, 0), (&mut ada, 1)] {
        expect(client, "member_joined").await;
        assert_eq!(expect(client, "message").await["data"], number);
    }
}

const SECRET: &str = "a secret of at least thirty-two bytes";

const CONFIGURATION: &str = r#"
[http]
listen = "127.0.0.1:0"
[admin]
listen = "127.0.0.1:0"
[turn]
listen = "127.0.0.1:0"
[signaling]
desks = 2
[signaling.auth]
api_keys = "open sesame"
[signaling.auth.jwt]
secrets = "a secret of at least thirty-two bytes"
life_max = "2h"
"#;
