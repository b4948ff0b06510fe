//! Installs what the tests need and the machine lacks. Whatever can't be installed is named, and
//! the tests that miss it say so themselves.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use super::LOGS;

/// Something the tests use, the command that succeeds where it is there, and its Debian package.
struct Need {
    check: &'static str,
    package: &'static str,
}

const NEEDS: &[Need] = &[
    Need { check: "command -v chromium", package: "chromium" },
    Need { check: "command -v firefox-esr || command -v firefox", package: "firefox-esr" },
    Need { check: "command -v turnutils_uclient", package: "coturn" },
    Need { check: "command -v openssl", package: "openssl" },
    Need { check: "command -v ip", package: "iproute2" },
    Need { check: "command -v nft", package: "nftables" },
    Need { check: "command -v conntrack", package: "conntrack" },
    Need { check: "command -v certutil", package: "libnss3-tools" },
    Need { check: "command -v tshark", package: "tshark" },
    Need { check: "python3 -c 'import ensurepip, venv'", package: "python3-venv" },
    // Without any font a browser draws no word of the page.
    Need { check: "ls /usr/share/fonts/truetype/*/*.ttf", package: "fonts-dejavu-core" },
];

/// What the extra steps use beside that.
const EXTRA_NEEDS: &[Need] = &[
    Need { check: "command -v go", package: "golang-go" },
    Need {
        check: "ls -d /usr/share/gocode/src/github.com/pion/webrtc",
        package: "golang-github-pion-webrtc.v3-dev",
    },
    Need {
        check: "ls /usr/lib/python3/dist-packages/gi/overrides/Gst.py",
        package: "python3-gst-1.0",
    },
    Need {
        check: "/usr/bin/python3 -c 'from gi.repository import GstWebRTC'",
        package: "gir1.2-gst-plugins-bad-1.0",
    },
    Need {
        check: "ls /usr/lib/*/gstreamer-1.0/libgstwebrtc.so",
        package: "gstreamer1.0-plugins-bad",
    },
    Need { check: "ls /usr/lib/*/gstreamer-1.0/libgstnice.so", package: "gstreamer1.0-nice" },
];

/// Folders with a package-lock.json; ui uses the sdk, so the sdk comes first.
const NPM_FOLDERS: &[&str] = &["sdk/js", "ui", "interop"];

/// The same for the extra steps.
const EXTRA_NPM_FOLDERS: &[&str] = &["interop/more"];

/// Whether a program can be found.
pub(super) fn is_there(program: &str) -> bool {
    succeeds(&format!("command -v {program}"))
}

/// Installs what is missing and gives back a sentence for everything that stays missing; with
/// `extra`, what the extra steps use too.
pub(super) fn install(root: &Path, extra: bool) -> Vec<String> {
    let log = root.join(LOGS).join("setup.log");
    let made = std::fs::create_dir_all(root.join(LOGS)).and_then(|()| File::create(&log));
    let mut setup = match made {
        Ok(log) => Setup { root, log, missing: Vec::new() },
        Err(error) => return vec![format!("{}: {error}", log.display())],
    };
    setup.npm_packages(NPM_FOLDERS);
    setup.debian_packages(NEEDS);
    setup.python_packages();
    if extra {
        setup.npm_packages(EXTRA_NPM_FOLDERS);
        setup.debian_packages(EXTRA_NEEDS);
        setup.crates();
    }
    setup.missing
}

struct Setup<'a> {
    root: &'a Path,
    log: File,
    missing: Vec<String>,
}

impl Setup<'_> {
    fn debian_packages(&mut self, needs: &[Need]) {
        let wanted: Vec<&str> =
            needs.iter().filter(|need| !succeeds(need.check)).map(|need| need.package).collect();
        if wanted.is_empty() {
            return;
        }
        if !succeeds("command -v apt-get && test \"$(id -u)\" = 0") {
            let list = wanted.join(" ");
            self.missing.push(format!("{list}: install them (only root on Debian can do it here)"));
            return;
        }
        self.runs(".", "apt-get -o Acquire::Retries=3 update");
        // One by one: a package that this release does not have keeps no other away.
        for package in &wanted {
            let install = format!("apt-get install --yes --no-install-recommends {package}");
            if !self.runs(".", &format!("DEBIAN_FRONTEND=noninteractive {install}")) {
                self.missing.push(format!("{package}: apt-get could not install it"));
            }
        }
        // Debian starts coturn's server on installation; the tests use only its clients, and
        // the server would hold kopru's port.
        if wanted.contains(&"coturn") && Path::new("/run/systemd/system").exists() {
            self.runs(".", "systemctl disable --now coturn");
        }
    }

    fn npm_packages(&mut self, folders: &[&str]) {
        if !is_there("npm") {
            self.missing.push("npm: install Node.js 20 or later".to_owned());
            return;
        }
        for folder in folders {
            // npm writes the inner file when it has installed everything the outer one asks for.
            let fresh = "test node_modules/.package-lock.json -nt package-lock.json";
            if !self.runs(folder, &format!("{fresh} || npm ci --no-audit --no-fund")) {
                self.missing.push(format!("{folder}: npm ci failed"));
            }
        }
    }

    /// Downloads what is compiled later, where there is no network.
    fn crates(&mut self) {
        if !self.runs("interop/more/webrtc-rs", "cargo fetch --locked") {
            self.missing.push("interop/more/webrtc-rs: cargo fetch failed".to_owned());
        }
    }

    fn python_packages(&mut self) {
        let script = "cmp -s requirements.txt .venv/requirements.txt || { \
             python3 -m venv --clear .venv \
             && .venv/bin/pip install --quiet --only-binary :all: --requirement requirements.txt \
             && cp requirements.txt .venv/; }";
        if !self.runs("interop", script) {
            self.missing.push("interop/.venv: aiortc could not be installed".to_owned());
        }
    }

    /// Runs a shell line in a folder, its output appended to the log; whether it succeeded.
    fn runs(&mut self, folder: &str, line: &str) -> bool {
        let (Ok(out), Ok(err)) = (self.log.try_clone(), self.log.try_clone()) else { return false };
        let mut command = Command::new("sh");
        command.args(["-xc", line]).current_dir(self.root.join(folder));
        command.stdin(Stdio::null()).stdout(out).stderr(err);
        command.status().is_ok_and(|status| status.success())
    }
}

fn succeeds(line: &str) -> bool {
    let mut command = Command::new("sh");
    command.args(["-c", line]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_found_or_not() {
        assert!(is_there("sh"));
        assert!(!is_there("kopru-no-such-program"));
    }

    #[test]
    fn setup_outside_a_tree_names_what_is_missing() {
        let empty = std::env::temp_dir().join(format!("xtask-setup-{}", std::process::id()));
        std::fs::create_dir_all(&empty).expect("a temporary folder");
        let log = File::create(empty.join("log")).expect("a log");
        let mut setup = Setup { root: &empty, log, missing: Vec::new() };
        setup.python_packages();
        assert_eq!(setup.missing.len(), 1, "there is no interop folder to install into");
        std::fs::remove_dir_all(&empty).expect("removed again");
    }
}
