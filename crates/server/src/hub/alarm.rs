//! A desk's timer, which is seldom set: to set one costs a system call, and what is due moves on
//! with every message.
//!
//! ```text
//!   due    ──▶ 10 s    12 s    13 s     9 s          what is asked for, one after another
//!   set to     10 s  ┄┄┄┄┄┄┄┄┄┄┄┄┄┄┄▶   9 s          it may ring early: then it is set again
//! ```

use std::pin::Pin;
use std::time::Instant;

use tokio::time::{Sleep, sleep_until};

/// Rings when something is due.
#[derive(Default)]
pub(super) struct Alarm(Option<Pin<Box<Sleep>>>);

impl Alarm {
    /// Waits until then; for ever, if nothing is due.
    pub(super) async fn ring(&mut self, due: Option<Instant>) {
        let Some(due) = due.map(tokio::time::Instant::from) else {
            return std::future::pending().await;
        };
        let sleep = self.0.get_or_insert_with(|| Box::pin(sleep_until(due)));
        loop {
            if due < sleep.deadline() || sleep.is_elapsed() {
                sleep.as_mut().reset(due);
            }
            sleep.as_mut().await;
            if sleep.deadline() >= due {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::time;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_rings_when_it_is_to_whatever_was_asked_for_before() {
        let (begin, mut alarm) = (time::Instant::now(), Alarm::default());
        let after = |seconds| Some(begin.into_std() + Duration::from_secs(seconds));
        for (wait_s, due_s, rings_s) in
            [(3, 10, None), (3, 12, None), (9, 9, Some(9)), (9, 12, Some(12))]
        {
            let rung = time::timeout(Duration::from_secs(wait_s), alarm.ring(after(due_s))).await;
            let rung_s = rung.ok().map(|()| begin.elapsed().as_secs());
            assert_eq!(rung_s, rings_s, "due after {due_s} s");
        }
        alarm.ring(after(1)).await;
        assert_eq!(begin.elapsed().as_secs(), 12, "what is late is due at once");
        assert!(time::timeout(Duration::from_secs(100), alarm.ring(None)).await.is_err());
    }
}
