//! What is counted for all hubs together, and who is where.

use super::*;
use crate::ids::{Ids, ResumeKey};

const HERE: HubNumber = HubNumber(0);
const THERE: HubNumber = HubNumber(1);

fn room(name: &str) -> RoomName {
    RoomName::new(name).unwrap()
}

#[test]
fn of_two_hubs_that_open_the_same_room_one_does() {
    let (mut register, limits) = (Register::new(2), Limits::default());
    let lab = room("lab");
    assert_eq!(register.enter(&limits, (&lab, HERE), 0), Ok(()));
    assert_eq!(register.enter(&limits, (&lab, THERE), 0), Err(NoRoom::IsOn(HERE)));
    assert_eq!(register.open(&limits, (&lab, THERE)), Err(NoRoom::IsOn(HERE)));
    assert_eq!((register.members, register.rooms.len()), (1, 1));
    register.close(&lab);
    assert_eq!(register.enter(&limits, (&lab, THERE), 0), Ok(()));
    assert_eq!(register.loads, [0, 2]);
}

#[test]
fn the_last_place_is_taken_once() {
    let mut register = Register::new(2);
    let limits = Limits {
        rooms_max: 2,
        waiting_rooms_max: 1,
        members_max: 2,
        connections_max: 1,
        calls_max: 1,
        ..Limits::default()
    };
    assert_eq!(register.open(&limits, (&room("a"), HERE)), Ok(()));
    assert_eq!(register.open(&limits, (&room("b"), THERE)), Err(NoRoom::Full));
    assert_eq!(register.enter(&limits, (&room("b"), THERE), 0), Ok(()));
    assert_eq!(register.enter(&limits, (&room("c"), HERE), 0), Err(NoRoom::Full));
    assert_eq!(register.enter(&limits, (&room("a"), HERE), 0), Ok(()));
    assert_eq!(register.enter(&limits, (&room("b"), THERE), 0), Err(NoRoom::Full));
    register.close(&room("b"));
    assert_eq!((register.members, register.waiting_rooms), (1, 0));
    assert!(register.connect(&limits) && !register.connect(&limits));
    assert!(register.call(&limits) && !register.call(&limits));
    register.disconnect();
    register.end_call();
    assert!(register.connect(&limits) && register.call(&limits));
}

#[test]
fn who_yields_makes_place_for_who_comes_and_the_room_goes_on() {
    let mut register = Register::new(1);
    let limits = Limits { members_max: 1, ..Limits::default() };
    let lab = room("lab");
    assert_eq!(register.enter(&limits, (&lab, HERE), 0), Ok(()));
    assert_eq!(register.enter(&limits, (&lab, HERE), 0), Err(NoRoom::Full));
    assert_eq!(register.enter(&limits, (&lab, HERE), 1), Ok(()));
    assert!(register.depart(&lab) && !register.depart(&lab));
    register.close(&lab);
    assert_eq!(
        (register.members, register.waiting_rooms, register.loads.as_slice()),
        (0, 0, &[0][..])
    );
}

#[test]
fn what_moves_takes_its_load_along() {
    let (mut register, limits) = (Register::new(3), Limits::default());
    let lab = room("lab");
    (0..3).for_each(|_| register.enter(&limits, (&lab, HERE), 0).unwrap());
    assert_eq!((register.least_loaded(HERE), register.least_loaded(THERE)), (THERE, THERE));
    register.moved(THERE, std::iter::empty(), std::iter::once(&lab));
    assert_eq!((register.loads.as_slice(), register.least_loaded(HERE)), (&[0, 4, 0][..], HERE));
    assert!(register.depart(&lab));
    register.close(&lab);
    assert_eq!((register.loads.as_slice(), register.members), (&[0; 3][..], 0));
}

#[test]
fn a_place_is_that_of_who_has_waited_longest_wherever_that_is() {
    let mut register = Register::new(2);
    let limits = Limits { connections_max: 2, ..Limits::default() };
    let mut ids = Ids::new([1; 32], &ResumeKey::random([2; 32]), HERE);
    let now = start();
    let mut begin = |register: &mut Register, hub| {
        let (key, id, identity) = (register.draw_key(), ids.session(), Arc::from("ada"));
        let (id, identity) = (&id, &identity);
        let newcomer = Newcomer { hub, key, id, identity, network: None, now };
        (key, register.begin(&limits, &newcomer))
    };
    let (first, begun) = begin(&mut register, HERE);
    assert!(begun.is_ok());
    let (second, begun) = begin(&mut register, THERE);
    assert!(begun.is_ok());
    let (_, begun) = begin(&mut register, HERE);
    assert!(matches!(begun, Err(NoPlace::Refused(Rejection::ServerFull))));
    register.wait(second, now);
    let (_, begun) = begin(&mut register, HERE);
    let Err(NoPlace::Elsewhere(need)) = begun else { panic!("it is on the other hub") };
    assert_eq!(need, Need { hub: THERE, what: What::PlaceOf(second) });
    register.wait_no_longer(second);
    register.wait(first, now);
    let (_, begun) = begin(&mut register, HERE);
    let Err(NoPlace::Goes(going)) = begun else { panic!("it is on this hub") };
    assert_eq!(going, [first]);
}

#[allow(clippy::disallowed_methods, reason = "any instant will do")]
fn start() -> Instant {
    Instant::now()
}
