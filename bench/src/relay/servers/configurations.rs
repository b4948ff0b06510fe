//! What each server is told: credentials, addresses, as many threads as asked for, no limit that
//! would be measured instead of the server, and nothing that costs it and is not asked for here.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Place, SECRET, Setup, Start, Target, Which};
use crate::error::BenchError;

/// Writes what the server reads, and gives the command.
///
/// # Errors
/// The program is not there, or the folder can't be written to.
pub(super) fn write(
    which: &Which,
    place: &Place,
    setup: Setup,
    (target, folder): (&Target, &Path),
) -> Result<Start, BenchError> {
    match which {
        Which::Kopru(path) => kopru(path.as_ref().unwrap_or(&place.kopru), place, setup, folder),
        Which::Coturn => coturn(place, setup, (target, folder)),
        Which::TurnRs => turn_rs(place, setup, (target, folder)),
        Which::Floor(variant) => {
            let program = std::env::current_exe().map_err(BenchError::io("own path"))?;
            let (variant, port) = (variant.name().to_owned(), target.udp.port().to_string());
            let mut arguments = vec!["relay-floor".to_owned(), variant, port];
            arguments.extend(setup.peer.map(|peer| peer.to_string()));
            Ok(Start { program, arguments })
        }
        Which::Other { command, .. } => other(command, target),
    }
}

fn kopru(program: &Path, place: &Place, setup: Setup, folder: &Path) -> Result<Start, BenchError> {
    there(program, "run cargo build --release --bin kopru")?;
    let ready = folder.join(READY_FILE);
    _ = fs::remove_file(&ready);
    let Setup { seat, workers, .. } = setup;
    let (chain, key) = (&place.certificate.chain, &place.certificate.key);
    let text = format!(
        r#"[http]
listen = "127.0.0.1:0"
[https]
listen = "127.0.0.1:0"
certificate = {chain:?}
key = {key:?}
[turn]
listen = "127.0.0.1:0"
second_port = 0
realm = "bench"
relay_addresses = "127.0.2.{seat}"
workers = {workers}
[turn.auth]
secrets = "{SECRET}"
[turn.peers]
allow = "127.0.0.0/8"
[turn.limits]
allocations_per_user = 0
new_peers_per_second = 0
"#
    );
    let config = written(folder, "kopru.toml", &text)?;
    let arguments = vec!["--config".to_owned(), config, "--ready-file".to_owned(), text_of(&ready)];
    Ok(Start { program: program.to_owned(), arguments })
}

/// On one core a thread that listens beside one that relays is no gain: `-m 1` has the one relay
/// thread do both. UDP alone is served where only that is measured. `--multiplex-peer`, with which
/// it would send in batches, is not standard: two clients can't have the same peer.
fn coturn(
    place: &Place,
    setup: Setup,
    (target, folder): (&Target, &Path),
) -> Result<Start, BenchError> {
    let Some(version) = coturn_version(&place.coturn) else {
        let what = text_of(&place.coturn);
        return Err(BenchError::Missing { what, cure: "give COTURN=path, or install coturn" });
    };
    let mut arguments = vec!["-n".to_owned(), "--listening-ip=127.0.0.1".to_owned()];
    let mut add = |argument: String| arguments.push(argument);
    add(format!("--listening-port={}", target.udp.port()));
    add(format!("--relay-ip=127.0.2.{}", setup.seat));
    add("--allow-loopback-peers".to_owned());
    add("--use-auth-secret".to_owned());
    add(format!("--static-auth-secret={SECRET}"));
    add("--realm=bench".to_owned());
    add(format!("--relay-threads={}", setup.workers));
    add("--no-stdout-log".to_owned());
    add("--simple-log".to_owned());
    add(format!("--log-file={}", text_of(&folder.join("coturn.log"))));
    add(format!("--pidfile={}", text_of(&folder.join("coturn.pid"))));
    add(format!("--db={}", text_of(&folder.join("coturn.db"))));
    if version.starts_with("4.6") {
        add("--no-cli".to_owned());
        add("--no-dtls".to_owned());
    }
    if setup.streams {
        add(format!("--tls-listening-port={}", target.tls.port()));
        add(format!("--cert={}", text_of(&place.certificate.chain)));
        add(format!("--pkey={}", text_of(&place.certificate.key)));
    } else {
        add("--no-tls".to_owned());
        add("--no-tcp".to_owned());
    }
    Ok(Start { program: place.coturn.clone(), arguments })
}

fn turn_rs(
    place: &Place,
    setup: Setup,
    (target, folder): (&Target, &Path),
) -> Result<Start, BenchError> {
    there(&place.turn_rs, "run make bench, which installs it with cargo")?;
    let (udp, workers) = (target.udp, setup.workers);
    let text = format!(
        r#"[server]
port-range = "49152..65535"
max-threads = {workers}
realm = "bench"
[[server.interfaces]]
transport = "udp"
listen = "{udp}"
external = "{udp}"
idle-timeout = 600
[log]
level = "error"
stdout = true
[auth]
static-auth-secret = "{SECRET}"
"#
    );
    let config = written(folder, "turn-rs.toml", &text)?;
    let arguments = vec![format!("--config={config}")];
    Ok(Start { program: place.turn_rs.clone(), arguments })
}

/// A command of words, in which names in braces stand for what is known only now.
fn other(command: &str, target: &Target) -> Result<Start, BenchError> {
    let port = target.udp.port().to_string();
    let known = [
        ("{port}", port.as_str()),
        ("{secret}", SECRET),
        ("{user}", &target.credentials.username),
        ("{password}", &target.credentials.password),
    ];
    let mut words = command.split_whitespace().map(|word| filled(word, &known));
    let missing = || BenchError::Missing {
        what: "the command of a server".to_owned(),
        cure: "give it as NAME=COMMAND",
    };
    let program = PathBuf::from(words.next().ok_or_else(missing)?);
    Ok(Start { program, arguments: words.collect() })
}

fn filled(word: &str, known: &[(&str, &str)]) -> String {
    known.iter().fold(word.to_owned(), |word, (name, value)| word.replace(name, value))
}

/// With its version, and whether that is one of before 4.17, which receives in batches.
pub(super) fn coturn_name(program: &Path) -> String {
    match coturn_version(program) {
        Some(version) if is_old(&version) => format!("coturn {version} (old)"),
        Some(version) => format!("coturn {version}"),
        None => "coturn".to_owned(),
    }
}

fn is_old(version: &str) -> bool {
    let mut numbers = version.split('.').map(|number| number.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0)) < (4, 17)
}

fn coturn_version(program: &Path) -> Option<String> {
    let output = Command::new(program).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.lines().next().map(|version| version.trim().to_owned())
}

fn there(path: &Path, cure: &'static str) -> Result<(), BenchError> {
    if path.exists() {
        return Ok(());
    }
    Err(BenchError::Missing { what: text_of(path), cure })
}

fn written(folder: &Path, name: &str, text: &str) -> Result<String, BenchError> {
    let path = folder.join(name);
    fs::write(&path, text).map_err(BenchError::io("writing a configuration"))?;
    Ok(text_of(&path))
}

fn text_of(path: &Path) -> String {
    path.display().to_string()
}

/// Where kopru says which ports it has.
pub(super) const READY_FILE: &str = "kopru.ready";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_coturn_of_before_4_17_is_old() {
        assert_eq!(["4.6.1", "4.16.9", "4.17.0", "5.0"].map(is_old), [true, true, false, false]);
    }

    #[test]
    fn names_in_braces_are_filled_in() {
        let known = [("{port}", "3478"), ("{user}", "1:bench")];
        assert_eq!(filled("--listen=127.0.0.1:{port}", &known), "--listen=127.0.0.1:3478");
        assert_eq!(filled("{user}:{port}{else}", &known), "1:bench:3478{else}");
    }
}
