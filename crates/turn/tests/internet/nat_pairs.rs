//! Two clients behind every pair of gateways: whether they reach each other without a relay.
//!
//! The tables are written by hand, from RFC 4787:
//! - Where both mappings are endpoint-independent, each can be told where the other is: direct.
//! - Where one is not, its datagrams come from a port that nobody was told. They are let in where
//!   the filter looks at the address at most; what follows is answered to where it came from.
//! - Where both depend on address and port, each answer comes from yet another port: never direct.

use std::time::Duration;

use kopru_sim::Dependence::{AddressAndPortDependent, AddressDependent, EndpointIndependent};
use kopru_sim::{Dependence, Hairpinning, Internet, Link, NatBehavior, Route, Site};

/// The routes between a client behind the one and a client behind each of the others: direct,
/// relayed, or none.
fn routes<G>(gateways: &[G], ada: &G, build: impl Fn(&Internet, &G) -> Site) -> String {
    let route = |seed, bob| {
        let internet = Internet::seed(seed);
        let sites = [build(&internet, ada), build(&internet, bob)];
        let [ada, bob] = [&sites[0], &sites[1]].map(|site| internet.client_behind(site));
        internet.connect(&ada, &bob)
    };
    let letter = |bob| {
        let found = route(1, bob);
        assert_eq!(found, route(2, bob), "no matter of luck");
        match found {
            Some(Route::Direct) => 'd',
            Some(Route::Relayed) => 'r',
            None => '-',
        }
    };
    gateways.iter().map(letter).collect()
}

#[test]
fn every_kind_of_gateway_with_every_other() {
    let gateways: [fn(&Internet) -> Site; 7] = [
        |internet| internet.open(),
        |internet| internet.one_to_one(),
        |internet| internet.nat(NatBehavior::full_cone()),
        |internet| internet.nat(NatBehavior::address_restricted()),
        |internet| internet.nat(NatBehavior::port_restricted()),
        |internet| internet.nat(NatBehavior::symmetric()),
        |internet| internet.udp_blocked(),
    ];
    for (ada, name, expected) in [
        (gateways[0], "open", "dddddd-"),
        (gateways[1], "1:1", "dddddd-"),
        (gateways[2], "full cone", "dddddd-"),
        (gateways[3], "address-restricted", "dddddd-"),
        (gateways[4], "port-restricted", "dddddr-"),
        (gateways[5], "symmetric", "ddddrr-"),
        // Neither checks nor TURN pass over UDP; TURN over TCP would.
        (gateways[6], "UDP blocked", "-------"),
    ] {
        let found = routes(&gateways, &ada, |internet, gateway| gateway(internet));
        assert_eq!(found, expected, "{name}");
    }
}

#[test]
fn every_mapping_and_filtering_with_every_other() {
    const E: Dependence = EndpointIndependent;
    const A: Dependence = AddressDependent;
    const P: Dependence = AddressAndPortDependent;
    let table = [
        // mapping, filtering      EEEAAAPPP mapping
        //                         EAPEAPEAP filtering
        ((E, E), "ddddddddd"),
        ((E, A), "ddddddddd"),
        ((E, P), "dddrrrrrr"),
        ((A, E), "ddrddrddr"),
        ((A, A), "ddrddrddr"),
        ((A, P), "ddrrrrrrr"),
        ((P, E), "ddrddrrrr"),
        ((P, A), "ddrddrrrr"),
        ((P, P), "ddrrrrrrr"),
    ];
    let behaviors = table.map(|((mapping, filtering), _)| NatBehavior::new(mapping, filtering));
    for (ada, (_, expected)) in behaviors.iter().zip(table) {
        let found = routes(&behaviors, ada, |internet, behavior| internet.nat(*behavior));
        assert_eq!(found, expected, "{ada:?}");
    }
}

#[test]
fn neighbors_behind_one_nat_need_nobody() {
    let internet = Internet::seed(1);
    let home = internet.nat(NatBehavior::symmetric());
    let (ada, bob) = (internet.client_behind(&home), internet.client_behind(&home));
    assert_eq!(internet.connect(&ada, &bob), Some(Route::Direct));
}

#[test]
fn two_homes_of_one_provider_need_hairpinning() {
    // RFC 4787 §4.4: "as long as their common, first-level NAT … supports hairpinning behavior"
    for (hairpinning, expected) in
        [(Hairpinning::ExternalSource, Route::Direct), (Hairpinning::Unsupported, Route::Relayed)]
    {
        let internet = Internet::seed(1);
        let home = NatBehavior::full_cone();
        let provider = internet.nat(NatBehavior { hairpinning, ..home });
        let homes = [(), ()].map(|()| internet.nat_within(&provider, home));
        let [ada, bob] = [&homes[0], &homes[1]].map(|home| internet.client_behind(home));
        assert_eq!(internet.connect(&ada, &bob), Some(expected), "{hairpinning:?}");
    }
}

#[test]
fn a_line_with_faults_changes_no_route() {
    let link =
        Link { jitter: Duration::from_millis(40), loss: 10, duplication: 10, ..Link::default() };
    for seed in 0..10 {
        let internet = Internet::seed(seed);
        let sites = [NatBehavior::port_restricted(), NatBehavior::symmetric()]
            .map(|behavior| internet.nat(behavior));
        sites.iter().for_each(|site| site.set_link(link));
        let [ada, bob] = [&sites[0], &sites[1]].map(|site| internet.client_behind(site));
        assert_eq!(internet.connect(&ada, &bob), Some(Route::Relayed), "seed {seed}");
    }
}
