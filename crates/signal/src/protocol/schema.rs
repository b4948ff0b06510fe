//! JSON Schema (draft 2020-12) of all frames, derived from the types that read and write them.
//!
//! What a type can't say by itself stands here: forms of text, fields that are looked at and not
//! kept, and which field needs which other one. What no schema can say: bytes of `meta`, `data` and
//! `candidate`, characters of a name in its canonical form, fields that appear twice, integers
//! written as `1.0`, and the limits that an operator sets.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::{RecursiveTransform, Transform as _};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};

use super::stories::{CallStories, StoryList, StoryView};
use super::{Request, ServerMessage, VERSION};
use crate::nat::Nat;

/// The schema of what clients send.
#[must_use]
pub fn client_schema() -> Value {
    let settings = SchemaSettings::draft2020_12();
    finish(settings.into_generator().into_root_schema_for::<Request<'_>>(), "client frame")
}

/// The schema of what the server sends.
#[must_use]
pub fn server_schema() -> Value {
    let settings = SchemaSettings::draft2020_12().for_serialize();
    finish(settings.into_generator().into_root_schema_for::<ServerMessage<'_>>(), "server frame")
}

/// The schema of what `GET /v1/calls/{id}` answers with: a story, or those of a call.
#[must_use]
pub fn story_schema(generator: &mut SchemaGenerator) -> Value {
    let story = generator.subschema_for::<StoryView<'_>>();
    json!({ "anyOf": [story, generator.subschema_for::<CallStories<'_>>()] })
}

/// The schema of what `GET /v1/calls` answers with.
#[must_use]
pub fn story_list_schema(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<StoryList<'_>>().to_value()
}

fn finish(mut schema: Schema, title: &str) -> Value {
    schema.insert("title".to_owned(), title.into());
    RecursiveTransform(absent_is_not_null).transform(&mut schema);
    schema.to_value()
}

/// An `Option` is a field that is there or not; `null` is no absence, in neither direction.
fn absent_is_not_null(schema: &mut Schema) {
    if let Some(Value::Array(types)) = schema.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = &types[..] {
            let only = only.clone();
            schema.insert("type".to_owned(), only);
        }
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.retain(|value| !value.is_null());
    }
    let Some(Value::Array(choices)) = schema.get_mut("anyOf") else { return };
    choices.retain(|choice| *choice != json!({ "type": "null" }));
    if let [Value::Object(only)] = &choices[..] {
        let only = only.clone();
        schema.remove("anyOf");
        schema.ensure_object().extend(only);
    }
}

/// A room's name as it is typed: its canonical form counts its characters.
pub(super) enum Room {}

/// A display name as it is typed.
pub(super) enum DisplayName {}

/// Any JSON object.
pub(super) enum Object {}

/// An `RTCSessionDescriptionInit`.
pub(super) enum SessionDescription {}

/// An `RTCIceCandidateInit`, or the end of them.
pub(super) enum CandidateOrEnd {}

/// A member, an identity, or neither: then it is the whole room.
pub(super) enum OneCallee {}

/// What is known of a NAT, or that it is not told any more.
pub(super) enum NatOrNothing {}

/// Each of them has one form, written where it is used.
macro_rules! form {
    ($name:ident, $schema:tt) => {
        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!($schema)
            }
        }
    };
}

form!(Room, { "type": "string", "minLength": 1, "pattern": NO_CONTROL_CHARACTER });
form!(DisplayName, { "type": "string", "pattern": NO_CONTROL_CHARACTER });
form!(Object, { "type": "object" });
form!(SessionDescription, {
    "type": "object",
    "properties": {
        "type": { "enum": ["offer", "answer", "pranswer", "rollback"] },
        "sdp": { "type": "string" }
    },
    "required": ["type"],
    "if": { "properties": { "type": { "const": "rollback" } } },
    "else": { "required": ["sdp"] }
});
form!(CandidateOrEnd, { "oneOf": [{ "type": "object" }, { "const": null }] });
form!(OneCallee, {
    "type": "object",
    "properties": { "to": { "type": "string" }, "identity": { "type": "string" } },
    "not": { "required": ["to", "identity"] }
});

impl JsonSchema for NatOrNothing {
    fn schema_name() -> Cow<'static, str> {
        "NatOrNothing".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "oneOf": [generator.subschema_for::<Nat>(), { "const": null }] })
    }
}

/// Of [`Request`].
pub(super) fn id_except_in_hello(schema: &mut Schema) {
    require_unless(schema, "hello", "id");
}

/// Of [`ServerMessage`]: what a [`Frame`](super::Frame) says to each receiver alone.
pub(super) fn numbered(schema: &mut Schema) {
    property(schema, "seq", json!({ "type": "integer", "minimum": 1 }));
    property(schema, "re", json!({ "type": "string" }));
    require_unless(schema, "error", "seq");
}

/// Of `hello`. The token is read before the hub has the frame.
pub(super) fn may_bring_token(schema: &mut Schema) {
    property(schema, "token", json!({ "type": "string" }));
}

/// Of `token`.
pub(super) fn needs_token(schema: &mut Schema) {
    may_bring_token(schema);
    require(schema, "token");
}

/// Of `hello`.
pub(super) fn in_this_version(schema: &mut Schema) {
    property(schema, "v", json!({ "const": VERSION }));
    require(schema, "v");
}

/// Of `message`: nobody could say what became of one to all.
pub(super) fn receipt_of_one(schema: &mut Schema) {
    let wanted = json!({ "properties": { "receipt": { "const": true } }, "required": ["receipt"] });
    schema.insert("if".to_owned(), wanted);
    schema.insert("then".to_owned(), json!({ "required": ["to"] }));
}

fn property(schema: &mut Schema, name: &str, form: Value) {
    let properties = schema.ensure_object().entry("properties").or_insert_with(|| json!({}));
    properties[name] = form;
}

fn require(schema: &mut Schema, name: &str) {
    let required = schema.ensure_object().entry("required").or_insert_with(|| json!([]));
    if let Value::Array(names) = required {
        names.push(name.into());
    }
}

fn require_unless(schema: &mut Schema, kind: &str, field: &str) {
    let is_kind = json!({ "properties": { "type": { "const": kind } } });
    schema.insert("if".to_owned(), is_kind);
    schema.insert("else".to_owned(), json!({ "required": [field] }));
}

/// Unicode's category Cc.
const NO_CONTROL_CHARACTER: &str = "^[^\\u0000-\\u001f\\u007f-\\u009f]*$";
