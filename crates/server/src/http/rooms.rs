//! `/v1/rooms`: which rooms there are, for whoever may know; and what back ends do with them.
//!
//! ```text
//! POST   /v1/rooms                          {"room":"lab","kind":"pair","empty_s":3600}
//! GET    /v1/rooms/{room}                   {"room":"lab","kind":"pair",…,"members":[…]}
//! DELETE /v1/rooms/{room}
//! DELETE /v1/rooms/{room}/members/{member}
//! ```

use std::sync::Arc;

use axum::Json;
use axum::extract::{Extension, Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use kopru_signal::{NewRoom, NewRoomRefused, RoomKind, RoomName, RoomPattern, RoomView};
use serde::Deserialize;

use super::error::HttpError;
use super::order::{ByApiKey, Order, Ordered};
use super::serve::Peer;
use super::{App, query_parameter};
use crate::hub::Event;

/// What a room is to be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
pub(super) struct NewRoomRequest {
    room: Option<String>,
    kind: Option<RoomKind>,
    #[cfg_attr(test, schemars(range(min = 1)))]
    capacity: Option<usize>,
    #[serde(default)]
    relay_only: bool,
    #[serde(default = "usual_empty_s")]
    #[cfg_attr(test, schemars(range(min = 1, max = kopru_signal::limits::EMPTY_S_MAX)))]
    empty_s: u64,
}

impl Ordered for NewRoomRequest {
    const UNREADABLE: HttpError = HttpError::BadRoomRequest;
}

/// Answers whoever shows an API key, or a token that grants it, with the rooms that the token
/// allows.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let patterns = patterns(&app, &peer, &headers)?;
    let after = query_parameter(query.as_deref(), "after");
    let list = app.ask_hub(|answer| Event::ListRooms { patterns, after, answer }).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(list)).into_response())
}

/// Makes a room that waits for its first member.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Order(asked): Order<NewRoomRequest>,
) -> Result<Response, HttpError> {
    let NewRoomRequest { room, kind, capacity, relay_only, empty_s } = asked;
    let room = room.as_deref().map(room_name).transpose()?;
    let new = NewRoom { room, kind, capacity, relay_only, empty_s };
    let made = app.ask_hub(|answer| Event::CreateRoom { new: Box::new(new), answer }).await?;
    let view = made.map_err(|refused| match refused {
        NewRoomRefused::Exists => HttpError::RoomExists,
        NewRoomRefused::Capacity { .. } => HttpError::BadCapacity,
        NewRoomRefused::EmptyS => HttpError::BadEmptyS,
        NewRoomRefused::Full => HttpError::ServerFull,
    })?;
    Ok((StatusCode::CREATED, [(header::CACHE_CONTROL, "no-store")], Json(view)).into_response())
}

/// Shows a room as it is.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    _: ByApiKey,
    Path(room): Path<String>,
) -> Result<Response, HttpError> {
    let view = view(&app, room_name(&room)?).await?;
    Ok(([(header::CACHE_CONTROL, "no-store")], Json(view)).into_response())
}

/// Ends a room.
pub(super) async fn close(
    State(app): State<Arc<App>>,
    _: ByApiKey,
    Path(room): Path<String>,
) -> Result<StatusCode, HttpError> {
    let room = room_name(&room)?;
    let was_there = app.ask_hub(|answer| Event::CloseRoom { room, answer }).await?;
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(HttpError::NoSuchRoom) }
}

/// Puts a member out of a room, and ends the allocations of its identity.
pub(super) async fn kick(
    State(app): State<Arc<App>>,
    _: ByApiKey,
    Path((room, member)): Path<(String, String)>,
) -> Result<StatusCode, HttpError> {
    let room = room_name(&room)?;
    let view = view(&app, room.clone()).await?;
    let found = view.members.into_iter().find(|one| one.member == member);
    // Nobody is put out whose allocations would go on.
    app.end_allocations(&found.ok_or(HttpError::NoSuchMember)?.identity)?;
    let was_there = app.ask_hub(|answer| Event::Kick { room, member, answer }).await?;
    if was_there { Ok(StatusCode::NO_CONTENT) } else { Err(HttpError::NoSuchMember) }
}

async fn view(app: &App, room: RoomName) -> Result<RoomView, HttpError> {
    let view = app.ask_hub(|answer| Event::ViewRoom { room, answer }).await?;
    view.ok_or(HttpError::NoSuchRoom)
}

fn room_name(typed: &str) -> Result<RoomName, HttpError> {
    RoomName::new(typed).ok_or(HttpError::BadRoom)
}

fn patterns(app: &App, peer: &Peer, headers: &HeaderMap) -> Result<Vec<RoomPattern>, HttpError> {
    match app.asker(peer, headers)? {
        None => Ok(vec![RoomPattern::Any]),
        Some(claims) if !claims.list => Err(HttpError::ListNotGranted),
        Some(claims) => {
            if let Some(subject) = &claims.subject {
                app.listing_rate.take(subject.as_str())?;
            }
            Ok(claims.rooms)
        }
    }
}

const fn usual_empty_s() -> u64 {
    600
}
