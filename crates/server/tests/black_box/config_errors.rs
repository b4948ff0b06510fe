//! Configurations that are refused: exit 2, with file, line, key, and what would be right.

use crate::program::{Folder, run};

#[test]
fn each_mistake_is_named_with_its_line_and_key() {
    for (text, expect) in MISTAKES {
        let folder = Folder::with("kopru.toml", text);
        for arguments in [["check", "kopru.toml"], ["--config", "kopru.toml"]] {
            let said = run(&folder, &arguments);
            assert_eq!(said.code, 2, "{text}\n{said:?}");
            assert_eq!(said.stderr, format!("kopru: kopru.toml:{expect}\n"), "{text}");
            assert_eq!(said.stdout, "", "{text}");
        }
    }
}

#[test]
fn coturn_1872_a_malformed_list_entry_is_never_passed_over() {
    for list in ["turn.peers.deny", "turn.peers.allow", "http.trusted_proxies"] {
        for entry in ["10.0.0.0/33", "10.0.0.0-10.0.0.9", "10.0.0", "localhost", "", "::/129"] {
            let (table, key) = list.rsplit_once('.').unwrap();
            let text = format!("[{table}]\n{key} = [\"192.0.2.1\", \"{entry}\"]\n");
            let said = run(&Folder::with("kopru.toml", &text), &["check", "kopru.toml"]);
            assert_eq!(said.code, 2, "{text}");
            assert!(said.stderr.contains(&format!("kopru.toml:2: {list}[1]")), "{}", said.stderr);
        }
    }
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once() {
    let text = "[http]\nlisten = \"8080\"\n[turn]\nworkers = -1\n[turn.peers]\ndeny = [1]\n";
    let said = run(&Folder::with("kopru.toml", text), &["check", "kopru.toml"]);
    let keys: Vec<&str> = said.stderr.lines().filter_map(|line| line.split(": ").nth(2)).collect();
    assert_eq!(keys, ["http.listen", "turn.workers", "turn.peers.deny[0]"], "{}", said.stderr);
}

#[test]
fn no_secret_is_printed_with_a_mistake() {
    for text in [
        "[turn.auth]\nusers = { \"a:b\" = \"hush\" }",
        "[turn.auth]\nusers = { bob = { key = \"hush\" } }",
        "[turn.auth]\nsecrets = [\"hush\", 1]",
        "[signaling.auth.jwt]\nsecrets = [\"hush\", \"\"]",
    ] {
        let said = run(&Folder::with("kopru.toml", text), &["check", "kopru.toml"]);
        assert_eq!(said.code, 2, "{text}");
        assert!(!said.stderr.contains("hush"), "{}", said.stderr);
    }
}

#[test]
fn a_file_that_is_not_there() {
    let said = run(&Folder::new(), &["--config", "nowhere.toml"]);
    assert_eq!(said.code, 2);
    assert!(said.stderr.starts_with("kopru: nowhere.toml: can't be read: "), "{}", said.stderr);
}

#[test]
fn a_certificate_that_is_none() {
    let text = "[http]\nlisten = []\n[https]\nlisten = \"127.0.0.1:0\"\ncertificate = \"no.pem\"\n\
                key = \"no.pem\"\n[turn]\nlisten = \"127.0.0.1:0\"\n";
    let folder = Folder::with("kopru.toml", text);
    folder.write("no.pem", "nothing in here\n");
    for arguments in [["check", "kopru.toml"], ["--config", "kopru.toml"]] {
        let said = run(&folder, &arguments);
        assert_eq!(said.code, 2);
        assert!(said.stderr.contains("https.certificate: no.pem: must be a PEM file"), "{said:?}");
    }
}

/// The file, and the message behind `kopru: kopru.toml:`.
const MISTAKES: &[(&str, &str)] = &[
    (
        "[turn.peers]\nallow = [\n  \"192.168.0.0/16\",\n  \"10.0.0.0/33\",\n]\n",
        "4: turn.peers.allow[1]: \"10.0.0.0/33\": prefix length must be 0-32",
    ),
    (
        "[turn.peers]\ndeny = \"10.0.0.1/8\"\n",
        "2: turn.peers.deny: \"10.0.0.1/8\": bits are set behind the prefix; did you mean \
         \"10.0.0.0/8\"?",
    ),
    ("\n[turn]\nrealmm = \"x\"\n", "3: turn.realmm: unknown key; did you mean \"realm\"?"),
    ("[pages]\nxyz = 1\n", "2: pages.xyz: unknown key; known here: demo"),
    (
        "[turn]\nlisten = [\"udp:0.0.0.0:3478\", \"tls:0.0.0.0:5349\"]\n",
        "2: turn.listen[1]: \"tls:0.0.0.0:5349\": may begin with \"udp:\" or \"tcp:\"; TURN over \
         TLS is served at the addresses of https.listen, and DTLS is not served",
    ),
    ("[turn]\ntcp_relay = \"yes\"\n", "2: turn.tcp_relay: must be true or false, not string"),
    (
        "[cluster]\nnats = \"nats://x\"\n",
        "1: cluster: not in this version of kopru: remove it; one kopru is one server",
    ),
    (
        "[signaling.auth]\nopen = true\n",
        "2: signaling.auth.open: not in this version of kopru: signaling is open in development \
         mode only (kopru without a file)",
    ),
    (
        "[http]\nlisten = \"localhost\"\n",
        "2: http.listen: \"localhost\": must be an IP address with a port, like \
         \"127.0.0.1:8080\" or \"[::]:8080\"",
    ),
    (
        "[http]\nlisten = 8080\n",
        "2: http.listen: must be a string or a list of strings, not integer",
    ),
    (
        "[turn]\nrealm = \"a-realm-of-more-than-thirty-two-bytes\"\n",
        "2: turn.realm: \"a-realm-of-more-than-thirty-two-bytes\": must be 1 to 32 bytes without \
         a double quote: it is part of every 401, which may be at most 4 times as long as the \
         request, or kopru would amplify attacks",
    ),
    (
        "[turn]\nrelay_addresses = \"0.0.0.0\"\n",
        "2: turn.relay_addresses: \"0.0.0.0\": must be one unicast address, which peers can send \
         to; not a wildcard or a group",
    ),
    (
        "[turn]\nnat_discovery = \"192.0.2.1\"\n",
        "2: turn.nat_discovery: must be two different addresses of this host, both IPv4 or both \
         IPv6, or two of each: RFC 5780 answers at one what was asked at the other",
    ),
    (
        "[turn]\nsecond_port = 0\nnat_discovery = [\"192.0.2.1\", \"192.0.2.2\"]\n",
        "3: turn.nat_discovery: needs a UDP address with a port in turn.listen, and \
         turn.second_port",
    ),
    (
        "[turn]\nlisten = \"0.0.0.0:3478\"\nsecond_port = 3478\n",
        "3: turn.second_port: must be another port than that of the first UDP address of \
         turn.listen",
    ),
    ("[turn]\nsecond_port = 65536\n", "2: turn.second_port: \"65536\": must be 0 to 65535"),
    (
        "[turn]\nrelay_ports = \"60000-50000\"\n",
        "2: turn.relay_ports: \"60000-50000\": must be two ports, the lower one first, 1-65535, \
         like \"49152-65535\"",
    ),
    (
        "[turn]\nmax_session = \"24\"\n",
        "2: turn.max_session: \"24\": must be a number with a unit: s, m, h or d, like \"600s\", \
         \"10m\" or \"24h\"",
    ),
    (
        "[turn.limits]\nallocations_per_user = -1\n",
        "2: turn.limits.allocations_per_user: \"-1\": must be 0 to 4294967295",
    ),
    (
        "[turn.auth]\nusers = { \"a:b\" = \"x\" }\n",
        "2: turn.auth.users.a:b: \"a:b\": must be 1 to 508 bytes without a colon: \
         \"expiry:name\" is the form of time-limited user names",
    ),
    (
        "[turn.auth]\nusers = { bob = { key = \"12\" } }\n",
        "2: turn.auth.users.bob.key: must be 32 hexadecimal digits: MD5 of \
         \"user:realm:password\" (RFC 8489 §9.2.2)",
    ),
    (
        "[turn.auth.users.bob]\nkey = \"00112233445566778899aabbccddeeff\"\nkey_sha256 = \"x\"\n",
        "3: turn.auth.users.bob.key_sha256: must be 64 hexadecimal digits: SHA-256 of \
         \"user:realm:password\" (RFC 8489 §18.5.1.2)",
    ),
    ("[turn.auth.users]\nbob = \"\"\n", "2: turn.auth.users.bob: must not be empty"),
    (
        "[https]\nkey = \"key.pem\"\n",
        "1: https.certificate: missing: HTTPS needs a PEM file with the certificate chain",
    ),
    (
        "[admin]\nlisten = \"0.0.0.0:9090\"\n",
        "1: admin.token: missing: admin.listen can be reached from other machines, so callers \
         must show a token",
    ),
    (
        "[signaling]\nrelay_only = \"/*\"\n",
        "2: signaling.relay_only: \"/*\": must be a room's name, a prefix of names like \
         \"consulting/*\", or \"*\" for all",
    ),
    (
        "[signaling]\nallowed_origins = [\"https://app.example/\"]\n",
        "2: signaling.allowed_origins[0]: \"https://app.example/\": must be an origin as browsers \
         send it: scheme, host and, unless it is the usual one, port, like \
         \"https://app.example.org\", without a slash at the end",
    ),
    (
        "[signaling]\nroom_kind = \"sfu\"\n",
        "2: signaling.room_kind: \"sfu\": must be \"mesh\" or \"pair\"",
    ),
    (
        "[[ice_servers]]\nurls = \"stun:a.example\"\n[[ice_servers]]\nurls = \"http://b\"\n",
        "4: ice_servers[1].urls: \"http://b\": must be stun:, stuns:, turn: or turns: with a \
         host, like \"turn:turn.example.org:3478?transport=udp\"",
    ),
    (
        "[[ice_servers]]\nurls = \"turn:a.example\"\nusername = \"ada\"\n",
        "3: ice_servers[0].username: username and credential go together",
    ),
    (
        "[signaling.limits]\nmembers_per_room_max = 0\n",
        "2: signaling.limits.members_per_room_max: \"0\": must be 1 to 1073741824",
    ),
    ("[turn]\nlisten = []\n", "2: turn.listen: must not be empty"),
    ("http = 1\n", "1: http: must be a table, not integer"),
];
