//! RFC 8489 §6.2.1: Sending over UDP or DTLS-over-UDP. When a request is sent again.

use std::time::Duration;

/// How long a client waits after each time it has sent a request: "requests would be sent at times
/// 0 ms, 500 ms, 1500 ms, 3500 ms, 7500 ms, 15500 ms, and 31500 ms. If the client has not received
/// a response after 39500 ms, the client will consider the transaction to have timed out."
pub(crate) fn waits() -> impl Iterator<Item = Duration> {
    (1..=RC).map(|sent| if sent < RC { RTO * (1 << (sent - 1)) } else { RTO * RM })
}

/// "the initial value for RTO SHOULD be greater than or equal to 500 ms"
const RTO: Duration = Duration::from_millis(500);
/// "until a total of Rc requests have been sent"
const RC: u32 = 7;
/// "If, after the last request, a duration equal to Rm times the RTO has passed"
const RM: u32 = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_sent_when_the_rfc_says() {
        let ends: Vec<_> = waits()
            .scan(Duration::ZERO, |at, wait| {
                *at += wait;
                Some(at.as_millis())
            })
            .collect();
        assert_eq!(ends, [500, 1500, 3500, 7500, 15_500, 31_500, 39_500]);
    }
}
