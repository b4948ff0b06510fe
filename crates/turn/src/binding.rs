//! RFC 8489 §12: Basic Server Behavior

use kopru_stun::Message;

use crate::five_tuple::FiveTuple;
use crate::nat_discovery::Asked;
use crate::reject::Reject;
use crate::reply::Success;
use crate::server::{KNOWN_ATTRIBUTES, refuse_unknown};
use crate::settings::Settings;

/// Answers a Binding request. No credentials are asked for: "the work involved in authenticating
/// the request is more than the work in simply processing it".
pub(crate) fn binding(
    settings: &Settings,
    from: &FiveTuple,
    request: &Message<'_>,
) -> Result<Success, Reject> {
    let discovery = match Asked::among(&settings.nat_discovery, from) {
        Some(asked) => Some(asked.discover(from, request)?),
        None => {
            refuse_unknown(request, KNOWN_ATTRIBUTES)?;
            None
        }
    };
    Ok(Success::Binding { mapped: from.client, discovery })
}
