//! Predictions beside what happens: ICE between two simulated NATs of every kind.

use kopru_sim::{Dependence, Internet, NatBehavior, Route, Site};
use serde_json::{Value, json};

use crate::stage::Stage;

/// What one of the two tells of its NAT.
fn told(behavior: &NatBehavior, last: u8) -> Value {
    let [mapping, filtering] = [behavior.mapping, behavior.filtering].map(|it| match it {
        Dependence::EndpointIndependent => "endpoint_independent",
        Dependence::AddressDependent => "address_dependent",
        Dependence::AddressAndPortDependent => "address_and_port_dependent",
    });
    let address = format!("192.0.2.{last}");
    json!({"mapping": mapping, "filtering": filtering, "sure": "certain", "address": address})
}

/// How the second of two is told that it will reach the first.
fn predict([one, other]: [Value; 2]) -> Value {
    let stage = Stage::new();
    let join = |name, nat| {
        let client = stage.session(name);
        client.send(json!({"type": "join", "room": "lab", "nat": nat}));
        client.expect("joined")
    };
    join("ada", one);
    join("bo", other)["members"][0]["prediction"].clone()
}

fn route(seed: u64, build: [&dyn Fn(&Internet) -> Site; 2]) -> Option<Route> {
    let internet = Internet::seed(seed);
    let sites = build.map(|build| build(&internet));
    let [ada, bo] = [&sites[0], &sites[1]].map(|site| internet.client_behind(site));
    internet.connect(&ada, &bo)
}

fn every_behavior() -> Vec<NatBehavior> {
    use Dependence::{AddressAndPortDependent, AddressDependent, EndpointIndependent};
    let all = [EndpointIndependent, AddressDependent, AddressAndPortDependent];
    let pairs = all.iter().flat_map(|mapping| all.map(|filtering| (*mapping, filtering)));
    pairs.map(|(mapping, filtering)| NatBehavior::new(mapping, filtering)).collect()
}

#[test]
fn where_both_have_tested_everything_it_comes_as_predicted() {
    for one in every_behavior() {
        for other in every_behavior() {
            let path = match route(1, [&|net| net.nat(one), &|net| net.nat(other)]) {
                Some(Route::Direct) => "direct",
                Some(Route::Relayed) => "relay",
                None => "none",
            };
            let expected = json!({"path": path, "sure": "certain"});
            assert_eq!(predict([told(&one, 1), told(&other, 2)]), expected, "{one:?} {other:?}");
        }
    }
}

#[test]
fn where_udp_is_blocked_nothing_goes_directly() {
    for other in every_behavior() {
        let found = route(1, [&Internet::udp_blocked, &|net| net.nat(other)]);
        assert_ne!(found, Some(Route::Direct), "{other:?}");
        let expected = json!({"path": "relay", "sure": "likely"});
        assert_eq!(predict([json!({"udp": false}), told(&other, 2)]), expected, "{other:?}");
    }
}
