//! RFC 8489 §12: Basic Server Behavior

use kopru_stun::Message;

use crate::five_tuple::FiveTuple;
use crate::reject::Reject;
use crate::reply::Success;
use crate::server::refuse_unknown;

/// Answers a Binding request. No credentials are asked for: "the work involved in authenticating
/// the request is more than the work in simply processing it".
pub(crate) fn binding(from: &FiveTuple, request: &Message<'_>) -> Result<Success, Reject> {
    refuse_unknown(request)?;
    Ok(Success::Binding { mapped: from.client })
}
