//! Which rooms there are.

use kopru_signal::limits::LISTED_ROOMS_MAX;
use kopru_signal::{RoomList, RoomPattern};

use crate::stage::Stage;

fn names(list: &RoomList) -> Vec<(&str, usize)> {
    list.rooms.iter().map(|listed| (listed.room.as_str(), listed.members)).collect()
}

#[test]
fn only_rooms_that_are_allowed_are_listed() {
    let stage = Stage::new();
    let (ada, bo) = (stage.session("ada"), stage.session("bo"));
    for room in ["lab", "team-a/1", "team-a/2", "team-b/1"] {
        ada.enter(room);
    }
    bo.enter("team-a/2");
    let pattern = |text| RoomPattern::new(text).expect("a pattern");
    let list = stage.list_rooms(&[pattern("team-a/*"), pattern("lab"), pattern("hall")], None);
    assert_eq!(names(&list), [("lab", 1), ("team-a/1", 1), ("team-a/2", 2)]);
    assert_eq!(list.next, None);
    let list = stage.list_rooms(&[pattern("team-a/*")], Some("team-a/1"));
    assert_eq!(names(&list), [("team-a/2", 2)]);
    assert_eq!(stage.list_rooms(&[], None), RoomList::default());
}

#[test]
fn a_long_list_comes_in_pages_without_gap_and_end() {
    let stage = Stage::with(|settings| {
        settings.limits.rooms_per_session_max = usize::MAX;
        settings.limits.requests.per_second = 0;
    });
    let ada = stage.session("ada");
    let all: Vec<String> = (0..LISTED_ROOMS_MAX + 1).map(|n| format!("room-{n:05}")).collect();
    for room in &all {
        ada.enter(room);
    }
    let first = stage.list_rooms(&[RoomPattern::Any], None);
    assert_eq!(
        (first.rooms.len(), first.next.as_ref()),
        (LISTED_ROOMS_MAX, all.iter().nth_back(1))
    );
    let second = stage.list_rooms(&[RoomPattern::Any], first.next.as_deref());
    assert_eq!((names(&second), &second.next), (vec![(all[all.len() - 1].as_str(), 1)], &None));
    // A page counts what it looks at, not what it finds.
    let last = RoomPattern::new(&all[all.len() - 1]).expect("a pattern");
    let first = stage.list_rooms(&[last], None);
    assert_eq!((first.rooms.len(), first.next.as_ref()), (0, all.iter().nth_back(1)));
}
