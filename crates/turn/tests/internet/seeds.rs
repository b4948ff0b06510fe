//! A seed says everything: what fails with it fails again.

use std::time::Duration;

use kopru_sim::{Internet, Link, NatBehavior};

/// The last steps of a call over a line with faults.
fn ladder(seed: u64) -> String {
    let internet = Internet::seed(seed);
    let home = internet.nat(NatBehavior::symmetric());
    let (ada, bob) = (internet.client_behind(&home), internet.peer("8.8.8.8:2000"));
    let jitter = Duration::from_millis(30);
    home.set_link(Link { jitter, loss: 20, duplication: 20, ..Link::default() });
    ada.allocate();
    ada.bind(0x4000, &bob);
    for _ in 0..50 {
        ada.send_on(0x4000, b"to bob");
        bob.send(ada.relayed(), b"to ada");
        internet.advance(Duration::from_millis(7));
    }
    internet.ladder()
}

#[test]
fn the_same_seed_gives_the_same_steps_and_another_one_others() {
    for seed in 0..10 {
        let steps = ladder(seed);
        assert_eq!(steps, ladder(seed));
        let others = ladder(seed + 1);
        let without_seed = |steps: &str| steps.lines().skip(1).collect::<String>();
        assert_ne!(without_seed(&steps), without_seed(&others));
    }
}

#[test]
fn a_failure_tells_its_seed_and_its_last_steps() {
    // This text is printed when a test panics.
    let steps = ladder(7);
    assert!(steps.starts_with("seed 7, the last 60 steps:\n"), "{steps}");
    assert_eq!(steps.lines().count(), 61);
    assert!(steps.contains("ChannelData 0x4000, 10 bytes: arrived"), "{steps}");
    assert!(steps.contains("lost, Line"), "{steps}");
}
