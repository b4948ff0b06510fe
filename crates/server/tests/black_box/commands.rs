//! The words of the command line.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::program::{Folder, run};

#[test]
fn help_has_examples_and_version_a_number() {
    let folder = Folder::new();
    let help = run(&folder, &["--help"]);
    assert_eq!(help.code, 0);
    for word in ["check", "credentials", "token", "--lan", "kopru token --config kopru.toml"] {
        assert!(help.stdout.contains(word), "{word} is in {}", help.stdout);
    }
    let version = run(&folder, &["--version"]);
    assert_eq!(version.stdout, format!("kopru {}\n", env!("CARGO_PKG_VERSION")));
    assert_eq!(run(&folder, &["--nonsense"]).code, 2);
}

#[test]
fn check_prints_what_takes_effect_and_masks_secrets() {
    let folder = Folder::with(
        "kopru.toml",
        "[http]\nlisten = \"127.0.0.1:9999\"\n[turn]\nrelay_addresses = \"203.0.113.7=10.0.0.5\"\n\
         [turn.auth]\nsecrets = [\"hush\", \"older\"]\nusers = { alice = \"silence\" }\n\
         [signaling.auth]\napi_keys = \"whisper\"\n[signaling.auth.jwt]\nsecrets = \"quiet\"\n\
         [admin]\ntoken = \"still\"\n\
         [[ice_servers]]\nurls = \"turn:a\"\nusername = \"u\"\ncredential = \"mute\"\n",
    );
    let said = run(&folder, &["check", "kopru.toml"]);
    assert_eq!(said.code, 0, "{}", said.stderr);
    for line in [
        "listen = [\"127.0.0.1:9999\"]",
        "relay_addresses = [\"203.0.113.7=10.0.0.5\"]",
        "secrets = [\"***\", \"***\"]",
        "alice = \"***\"",
        "relay_ports = \"49152-65535\"                # default",
        "members_per_room_max = 16                  # default",
    ] {
        assert!(said.stdout.lines().any(|printed| printed == line), "{line} in\n{}", said.stdout);
    }
    for secret in ["hush", "older", "silence", "whisper", "quiet", "still", "mute"] {
        assert!(!said.stdout.contains(secret), "{}", said.stdout);
    }
    // What it prints is a configuration itself, but for the secrets.
    folder.write("printed.toml", &said.stdout);
    let again = run(&folder, &["check", "printed.toml"]);
    assert_eq!(again.code, 0, "{}", again.stderr);
}

#[test]
fn credentials_are_ready_for_a_peer_connection() {
    let folder = Folder::with("kopru.toml", CONFIGURATION);
    let arguments = ["credentials", "--config", "kopru.toml", "--user", "alice", "--ttl", "3600"];
    let said = run(&folder, &arguments);
    assert_eq!(said.code, 0, "{}", said.stderr);
    let answer: Value = serde_json::from_str(&said.stdout).unwrap();
    assert_eq!(answer["ttl"], 3600);
    let servers = answer["iceServers"].as_array().unwrap();
    assert_eq!(servers[0]["urls"][0], "stun:turn.example.org:3478");
    assert_eq!(servers[1]["urls"][0], "turn:turn.example.org:3478?transport=udp");
    let username = servers[1]["username"].as_str().unwrap();
    let (expiry, name) = username.split_once(':').unwrap();
    assert_eq!(name, "alice");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    assert!(expiry.parse::<u64>().unwrap().abs_diff(now + 3600) < 60);
    let password = kopru_stun::credentials::Secret::new("newest").password(username);
    assert_eq!(servers[1]["credential"], password);
    assert_eq!(servers[2]["urls"][0], "stun:stun.example.net");
}

#[test]
fn tokens_and_invitations() {
    let folder = Folder::with("kopru.toml", CONFIGURATION);
    let arguments = ["token", "--config", "kopru.toml", "--subject", "ada", "--room", "Küche 1"];
    let token = run(&folder, &arguments);
    assert_eq!(token.code, 0, "{}", token.stderr);
    assert_eq!(token.stdout.trim().split('.').count(), 3);

    let link = run(&folder, &[&arguments[..], &["--link"]].concat());
    let link = link.stdout.trim().to_owned();
    let start = "https://call.example.org/#room=K%C3%BCche+1&token=ey";
    assert!(link.starts_with(start), "{link}");
    let elsewhere = ["--link", "--url", "http://localhost:8080/"];
    let link = run(&folder, &[&arguments[..], &elsewhere].concat());
    assert!(link.stdout.starts_with("http://localhost:8080/#room="), "{}", link.stdout);
}

#[test]
fn what_can_not_be_made_is_said() {
    let empty = Folder::with("kopru.toml", "");
    for (arguments, expect) in [
        (vec!["credentials", "--user", "a"], "turn.auth.secrets: missing"),
        (vec!["token", "--subject", "a"], "signaling.auth.jwt.secrets: missing"),
    ] {
        let said = run(&empty, &[&arguments[..], &["--config", "kopru.toml"]].concat());
        assert_eq!(said.code, 2);
        assert!(said.stderr.contains(expect), "{}", said.stderr);
    }
    let folder = Folder::with("kopru.toml", "[signaling.auth.jwt]\nsecrets = \"x\"\n");
    for (option, value) in [("--subject", "anonymous_x"), ("--room", "a\u{7}b")] {
        let mut arguments = vec!["token", "--config", "kopru.toml", option, value];
        if option != "--subject" {
            arguments.extend(["--subject", "ada"]);
        }
        assert_eq!(run(&folder, &arguments).code, 2, "{value:?}");
    }
    let link = ["token", "--config", "kopru.toml", "--subject", "ada", "--link"];
    assert!(run(&folder, &link).stderr.contains("http.public_url"));
    let script = [&link[..], &["--url", "javascript:alert(1)"]].concat();
    let said = run(&folder, &script);
    assert_eq!((said.code, said.stdout.as_str()), (2, ""), "{}", said.stderr);
}

const CONFIGURATION: &str = r#"
[http]
public_url = "https://call.example.org/"
[turn]
public_host = "turn.example.org"
listen = ["0.0.0.0:3478", "udp:192.0.2.1:3478"]
[turn.auth]
secrets = ["newest", "older"]
[signaling.auth.jwt]
secrets = "a secret of at least thirty-two bytes"
[[ice_servers]]
urls = "stun:stun.example.net"
"#;
