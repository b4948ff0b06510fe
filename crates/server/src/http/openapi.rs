//! OpenAPI 3.1 of all routes, as `docs/schema/openapi.json` has it: what is in bodies is described
//! by the types that read and write them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use kopru_signal::protocol::{story_list_schema, story_schema};
use kopru_signal::{RoomList, RoomView};
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, SchemaGenerator};
use serde_json::{Value, json};

use super::error::HttpError;
use super::frames::Connected;
use super::ice_servers::IceServers;
use super::revoke::{Revocation, Revoked};
use super::rooms::NewRoomRequest;
use super::{api, probes, scraped, tokens, turn_rest};

#[test]
fn the_committed_description_is_that_of_the_code() {
    let description = description();
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/schema/openapi.json");
    if std::env::var_os("KOPRU_RENEW_SCHEMA").is_some() {
        fs::write(&file, format!("{description:#}\n")).unwrap();
    }
    let committed = fs::read_to_string(&file).unwrap_or_default();
    let committed: Value = serde_json::from_str(&committed).unwrap_or_default();
    assert!(
        committed == description,
        "docs/schema/openapi.json is not what the code says: `cargo xtask schema` renews it"
    );
}

#[test]
fn every_route_is_described_and_nothing_else() {
    let routes = [api(), scraped(), probes()].into_iter().flatten();
    let routed: BTreeSet<&str> = routes.map(|(path, _)| path).collect();
    let described: BTreeSet<&str> = OPERATIONS.iter().map(|operation| operation.path).collect();
    assert_eq!(routed, described);
}

#[test]
fn every_part_of_a_path_is_a_parameter() {
    for operation in OPERATIONS {
        let in_path = operation.path.split(['{', '}']).skip(1).step_by(2);
        let parameters = operation.parameters.iter().filter(|parameter| parameter.place == "path");
        assert!(in_path.eq(parameters.map(|parameter| parameter.name)), "{}", operation.path);
    }
}

struct Operation {
    method: &'static str,
    path: &'static str,
    summary: &'static str,
    /// What the caller shows: one of these. Empty: nothing.
    shows: &'static [&'static str],
    parameters: &'static [Parameter],
    body: Option<Content>,
    status: &'static str,
    answer: Option<Content>,
}

struct Parameter {
    name: &'static str,
    /// `path` or `query`.
    place: &'static str,
    description: &'static str,
}

#[derive(Clone, Copy)]
enum Content {
    /// JSON of this type.
    Json(fn(&mut SchemaGenerator) -> Value),
    /// Text of this media type.
    Text(&'static str),
}

fn description() -> Value {
    // 3.1 speaks the language of draft 2020-12; where definitions stand is its own.
    let settings = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into());
    let mut read = settings.clone().into_generator();
    let mut written = settings.for_serialize().into_generator();
    let mut paths: BTreeMap<&str, Value> = BTreeMap::new();
    for operation in OPERATIONS {
        let described = operation.describe(&mut read, &mut written);
        paths.entry(operation.path).or_insert_with(|| json!({}))[operation.method] = described;
    }
    let mut schemas = read.take_definitions(true);
    for (name, schema) in written.take_definitions(true) {
        let other = schemas.insert(name, schema.clone());
        assert!(other.is_none_or(|other| other == schema), "two types of one name: {schema}");
    }
    schemas.insert("Refusal".to_owned(), refusal());
    let bearer = |what: &str| json!({ "type": "http", "scheme": "bearer", "description": what });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "kopru",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What is asked over HTTP. The frames of the signaling protocol have \
                            schemas of their own: /v1/schema/client.json, /v1/schema/server.json."
        },
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                API_KEY: bearer("One of signaling.auth.api_keys."),
                TOKEN: bearer("A signaling token."),
                SECRET: bearer("The `connection` that POST /v1/connect answered with."),
                ADMIN: bearer("admin.token, where it is set."),
            }
        }
    })
}

impl Operation {
    fn describe(&self, read: &mut SchemaGenerator, written: &mut SchemaGenerator) -> Value {
        let answer = json!({ "description": "Done.", "content": content(self.answer, written) });
        let otherwise = json!({
            "description": "Refused. With 429 and 503: Retry-After.",
            "content": content(Some(Content::Json(refused)), written)
        });
        let mut described = json!({
            "summary": self.summary,
            "parameters": self.parameters.iter().map(Parameter::describe).collect::<Vec<_>>(),
            "security": self.shows.iter().map(|shown| json!({ *shown: [] })).collect::<Vec<_>>(),
            "responses": { self.status: answer, "default": otherwise }
        });
        if self.body.is_some() {
            described["requestBody"] =
                json!({ "required": true, "content": content(self.body, read) });
        }
        described
    }
}

impl Parameter {
    fn describe(&self) -> Value {
        json!({
            "name": self.name,
            "in": self.place,
            "required": self.place == "path",
            "description": self.description,
            "schema": { "type": "string" }
        })
    }
}

fn content(content: Option<Content>, schemas: &mut SchemaGenerator) -> Value {
    match content {
        None => json!({}),
        Some(Content::Json(of)) => json!({ "application/json": { "schema": of(schemas) } }),
        Some(Content::Text(kind)) => json!({ kind: { "schema": { "type": "string" } } }),
    }
}

/// The schema of a type that is declared in Rust.
fn of<T: JsonSchema>(schemas: &mut SchemaGenerator) -> Value {
    schemas.subschema_for::<T>().to_value()
}

/// What an [`HttpError`] becomes.
fn refusal() -> Value {
    let codes: Vec<&str> = HttpError::ALL.into_iter().map(HttpError::code).collect();
    json!({
        "type": "object",
        "properties": { "code": { "enum": codes }, "message": { "type": "string" } },
        "required": ["code", "message"]
    })
}

fn refused(_: &mut SchemaGenerator) -> Value {
    json!({ "$ref": "#/components/schemas/Refusal" })
}

/// What a poll gets.
fn polled(_: &mut SchemaGenerator) -> Value {
    json!({
        "type": "object",
        "properties": {
            "frames": { "type": "array", "items": { "type": "object" } },
            "close": {
                "type": "object",
                "properties": { "code": { "type": "integer" }, "reason": { "type": "string" } },
                "required": ["code", "reason"]
            }
        },
        "required": ["frames"]
    })
}

/// Any object.
fn object(_: &mut SchemaGenerator) -> Value {
    json!({ "type": "object" })
}

const fn in_path(name: &'static str, description: &'static str) -> Parameter {
    Parameter { name, place: "path", description }
}

const fn in_query(name: &'static str, description: &'static str) -> Parameter {
    Parameter { name, place: "query", description }
}

const API_KEY: &str = "api_key";
const TOKEN: &str = "token";
const SECRET: &str = "connection";
const ADMIN: &str = "admin";
const ROOM: Parameter = in_path("room", "The room's name, percent-encoded.");
const JSON_LINES: Content = Content::Text("text/plain");
const REST: &[Parameter] = &[
    in_query("service", "`turn`."),
    in_query("username", "Whom the credentials are for; made when absent."),
    in_query("key", "An API key, for whoever can't send a header."),
];

/// A request that shows nothing and gets JSON.
const GET: Operation = Operation {
    method: "get",
    path: "",
    summary: "",
    shows: &[],
    parameters: &[],
    body: None,
    status: "200",
    answer: Some(Content::Json(object)),
};

const POST: Operation = Operation { method: "post", ..GET };
const DELETE: Operation = Operation { method: "delete", status: "204", answer: None, ..GET };

const OPERATIONS: &[Operation] = &[
    Operation {
        path: "/v1/ws",
        summary: "The signaling protocol over WebSocket (RFC 6455).",
        status: "101",
        answer: None,
        ..GET
    },
    Operation {
        path: "/v1/connect",
        summary: "Opens a connection without WebSocket, and says the first frames, one a line.",
        body: Some(JSON_LINES),
        answer: Some(Content::Json(of::<Connected>)),
        ..POST
    },
    Operation {
        path: "/v1/messages",
        summary: "Says frames, one a line.",
        shows: &[SECRET],
        body: Some(JSON_LINES),
        status: "204",
        answer: None,
        ..POST
    },
    Operation {
        path: "/v1/goodbye",
        summary: "Ends the session; the body is the connection's secret.",
        body: Some(Content::Text("text/plain")),
        status: "204",
        answer: None,
        ..POST
    },
    Operation {
        path: "/v1/events",
        summary: "The frames of a connection as server-sent events.",
        shows: &[SECRET],
        parameters: &[in_query("ticket", "In place of the secret; good once.")],
        answer: Some(Content::Text("text/event-stream")),
        ..GET
    },
    Operation {
        path: "/v1/poll",
        summary: "The frames that wait, or the first that comes within 20 seconds.",
        shows: &[SECRET],
        answer: Some(Content::Json(polled)),
        ..POST
    },
    Operation {
        path: "/v1/ice-servers",
        summary: "ICE servers with credentials, for RTCPeerConnection.",
        shows: &[TOKEN],
        answer: Some(Content::Json(of::<IceServers<'_>>)),
        ..GET
    },
    Operation {
        path: "/v1/rooms",
        summary: "Which rooms there are.",
        shows: &[API_KEY, TOKEN],
        parameters: &[in_query("after", "The `next` of the page before.")],
        answer: Some(Content::Json(of::<RoomList>)),
        ..GET
    },
    Operation {
        path: "/v1/rooms",
        summary: "Makes a room that waits for its first member.",
        shows: &[API_KEY],
        body: Some(Content::Json(of::<NewRoomRequest>)),
        status: "201",
        answer: Some(Content::Json(of::<RoomView>)),
        ..POST
    },
    Operation {
        path: "/v1/rooms/{room}",
        summary: "A room as it is.",
        shows: &[API_KEY],
        parameters: &[ROOM],
        answer: Some(Content::Json(of::<RoomView>)),
        ..GET
    },
    Operation {
        path: "/v1/rooms/{room}",
        summary: "Ends a room: its members are told.",
        shows: &[API_KEY],
        parameters: &[ROOM],
        ..DELETE
    },
    Operation {
        path: "/v1/rooms/{room}/members/{member}",
        summary: "Puts a member out, and ends the allocations of its identity.",
        shows: &[API_KEY],
        parameters: &[ROOM, in_path("member", "Its id.")],
        ..DELETE
    },
    Operation {
        path: "/v1/calls",
        summary: "The stories of connections, newest first.",
        shows: &[API_KEY],
        parameters: &[in_query("after", "The `next` of the page before.")],
        answer: Some(Content::Json(story_list_schema)),
        ..GET
    },
    Operation {
        path: "/v1/calls/{id}",
        summary: "The story of a connection, or those of a call.",
        shows: &[API_KEY, TOKEN],
        parameters: &[in_path("id", "Of the story, or of the call.")],
        answer: Some(Content::Json(story_schema)),
        ..GET
    },
    Operation {
        path: "/v1/revoke",
        summary: "Ends the sessions and allocations of an identity, and takes back its tokens.",
        shows: &[API_KEY],
        body: Some(Content::Json(of::<Revocation>)),
        answer: Some(Content::Json(of::<Revoked>)),
        ..POST
    },
    Operation {
        path: "/v1/tokens",
        summary: "A signaling token.",
        shows: &[API_KEY],
        body: Some(Content::Json(of::<tokens::Asked>)),
        status: "201",
        answer: Some(Content::Json(of::<tokens::Answer>)),
        ..POST
    },
    Operation { path: "/v1/openapi.json", summary: "This description.", ..GET },
    Operation {
        path: "/v1/schema/{file}",
        summary: "The JSON Schema of the frames of one side.",
        parameters: &[in_path("file", "`client.json` or `server.json`.")],
        ..GET
    },
    Operation {
        path: "/turn",
        summary: "Credentials in the form of draft-uberti-behave-turn-rest-00.",
        shows: &[API_KEY],
        parameters: REST,
        answer: Some(Content::Json(of::<turn_rest::Answer<'static>>)),
        ..GET
    },
    Operation {
        path: "/turn",
        summary: "The same.",
        shows: &[API_KEY],
        parameters: REST,
        answer: Some(Content::Json(of::<turn_rest::Answer<'static>>)),
        ..POST
    },
    Operation { path: "/healthz", summary: "Whether the process lives.", ..GET },
    Operation { path: "/readyz", summary: "Whether it takes new work.", ..GET },
    Operation {
        path: "/metrics",
        summary: "Numbers for Prometheus; on the admin listener, unless in development mode.",
        shows: &[ADMIN],
        answer: Some(Content::Text("application/openmetrics-text")),
        ..GET
    },
];
