//! Two links between this test and a server, each with an MTU of its own, in network namespaces
//! that nobody else sees. They end with the test.
//!
//! ```text
//!   namespace of the test's thread          namespace of the server
//!   client  198.51.100.1 ───── to-client ────── 198.51.100.10
//!   peer    203.0.113.1  ────── to-peer ─────── 203.0.113.10
//!           2001:db8::1                         2001:db8::10      (where its MTU allows IPv6)
//! ```

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use nix::errno::Errno;
use nix::sched::{CloneFlags, unshare};

use crate::program::{Folder, Server, in_network_of};

/// MTUs of the links.
#[derive(Clone, Copy)]
pub(crate) struct Mtus {
    pub(crate) to_client: u16,
    pub(crate) to_peer: u16,
}

/// The links, from the moment when the thread of the test has a network of its own.
pub(crate) struct Lab {
    /// Whoever keeps the server's namespace alive.
    host: Child,
    mtus: Mtus,
}

impl Lab {
    /// Takes this thread into a network of its own. `None` where that takes a privilege.
    pub(crate) fn build(mtus: Mtus) -> Option<Self> {
        match unshare(CloneFlags::CLONE_NEWNET) {
            Ok(()) => {}
            Err(Errno::EPERM) => return None,
            Err(error) => panic!("a network namespace: {error}"),
        }
        let mut host = Command::new("unshare");
        host.args(["--net", "sh", "-c", "ip link set lo up && echo up && exec cat"]);
        let mut host = host.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut said = String::new();
        BufReader::new(host.stdout.as_mut().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "up\n");
        let lab = Self { host, mtus };
        lab.link("to-client", mtus.to_client, "198.51.100");
        lab.link("to-peer", mtus.to_peer, "203.0.113");
        if lab.has_ipv6() {
            ip("address add 2001:db8::1/64 dev to-peer nodad");
            lab.ip_of_server("address add 2001:db8::10/64 dev to-peer nodad");
        }
        Some(lab)
    }

    /// RFC 8200 §5: below it a link carries no IPv6.
    pub(crate) fn has_ipv6(&self) -> bool {
        self.mtus.to_peer >= 1280
    }

    /// A server with one worker that listens on the one link and relays on the other.
    pub(crate) fn server(&self) -> Server {
        let mut relay_addresses = vec!["203.0.113.10"];
        if self.has_ipv6() {
            relay_addresses.push("2001:db8::10");
        }
        let folder = Folder::with(
            "kopru.toml",
            &format!(
                "[http]\nlisten = \"198.51.100.10:0\"\n[admin]\nlisten = \"198.51.100.10:0\"\n\
             token = \"let-me-see-what-is-counted\"\n\
             [turn]\nlisten = \"198.51.100.10:0\"\nrelay_addresses = {relay_addresses:?}\n\
             workers = 1\nrealm = \"example.org\"\n[turn.auth]\nusers = {{ ada = \"ada\" }}\n\
             [turn.peers]\nallow = [\"203.0.113.1\", \"2001:db8::1\"]\n"
            ),
        );
        let command = in_network_of(self.host.id(), &folder);
        Server::spawn(command, folder, &["--config", "kopru.toml"])
    }

    fn link(&self, name: &str, mtu: u16, network: &str) {
        let host = self.host.id();
        ip(&format!("link add {name} mtu {mtu} type veth peer name {name} mtu {mtu} netns {host}"));
        ip(&format!("address add {network}.1/24 dev {name}"));
        ip(&format!("link set {name} up"));
        self.ip_of_server(&format!("address add {network}.10/24 dev {name}"));
        self.ip_of_server(&format!("link set {name} up"));
    }

    fn ip_of_server(&self, words: &str) {
        let target = self.host.id().to_string();
        let mut enter = Command::new("nsenter");
        run(enter.args(["--target", &target, "--net", "ip"]).args(words.split(' ')));
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.host.kill();
        let _ = self.host.wait();
    }
}

/// How many datagrams have been put together from fragments in the test's network.
pub(crate) fn reassembled() -> u64 {
    let v4 = fs::read_to_string("/proc/thread-self/net/snmp").unwrap();
    let mut rows = v4.lines().filter(|line| line.starts_with("Ip:")).map(|row| row.split(' '));
    let (names, values) = (rows.next().unwrap(), rows.next().unwrap());
    let mut pairs = names.zip(values);
    let v4 = pairs.find_map(|(name, value)| (name == "ReasmOKs").then_some(value)).unwrap();
    let v6 = fs::read_to_string("/proc/thread-self/net/snmp6").unwrap();
    let v6 = v6.lines().find_map(|line| line.strip_prefix("Ip6ReasmOKs")).unwrap();
    v4.parse::<u64>().unwrap() + v6.trim().parse::<u64>().unwrap()
}

/// Where a peer may be.
pub(crate) const PEER: &str = "203.0.113.1:0";
/// The same over IPv6.
pub(crate) const PEER_V6: &str = "[2001:db8::1]:0";
/// The header line of whoever reads the metrics.
pub(crate) const ADMIN_TOKEN: &str = "Authorization: Bearer let-me-see-what-is-counted";

fn ip(words: &str) {
    run(Command::new("ip").args(words.split(' ')));
}

fn run(command: &mut Command) {
    let said = command.output().unwrap();
    assert!(said.status.success(), "{command:?}: {}", String::from_utf8_lossy(&said.stderr));
}
