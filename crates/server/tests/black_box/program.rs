//! Runs the binary under test.

use std::fs;
use std::io::Read;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde::Deserialize;

/// A running server.
pub(crate) struct Server {
    child: Child,
    pub(crate) folder: Folder,
    pub(crate) at: Ready,
}

/// The ready file.
#[derive(Debug, Deserialize)]
pub(crate) struct Ready {
    pub(crate) pid: u32,
    pub(crate) http: Vec<SocketAddr>,
    pub(crate) https: Vec<SocketAddr>,
    pub(crate) admin: Vec<SocketAddr>,
    pub(crate) turn_udp: Vec<SocketAddr>,
    pub(crate) turn_udp_second: Vec<SocketAddr>,
    pub(crate) turn_tcp: Vec<SocketAddr>,
    pub(crate) turn_tcp_discovery: Vec<SocketAddr>,
}

impl Server {
    /// Starts it with this configuration.
    pub(crate) fn configured(toml: &str) -> Self {
        let folder = Folder::new();
        folder.write("kopru.toml", toml);
        Self::start(folder, &["--config", "kopru.toml"])
    }

    /// Starts it without a file, on free ports of loopback.
    pub(crate) fn development(options: &[&str]) -> Self {
        let usual = ["--http", "127.0.0.1:0", "--turn", "127.0.0.1:0"];
        Self::start(Folder::new(), &[options, &usual[..]].concat())
    }

    pub(crate) fn start(folder: Folder, arguments: &[&str]) -> Self {
        Self::spawn(kopru(&folder), folder, arguments)
    }

    /// Starts it with a command of one's own, like that of [`with_open_files`].
    pub(crate) fn spawn(mut command: Command, folder: Folder, arguments: &[&str]) -> Self {
        let mut child = command
            .args(arguments)
            .args(["--ready-file", "ready.json"])
            .stdout(file(&folder, "stdout"))
            .stderr(file(&folder, "stderr"))
            .spawn()
            .unwrap();
        let deadline = Instant::now() + Duration::from_secs(20);
        let ready = folder.path("ready.json");
        while !ready.exists() {
            if let Some(status) = child.try_wait().unwrap() {
                panic!("it ended with {status}: {}", folder.read("stderr"));
            }
            assert!(Instant::now() < deadline, "not ready: {}", folder.read("stderr"));
            thread::sleep(Duration::from_millis(5));
        }
        let at = serde_json::from_str(&folder.read("ready.json")).unwrap();
        Self { child, folder, at }
    }

    pub(crate) fn http(&self) -> SocketAddr {
        self.at.http[0]
    }

    /// What it has written to standard error.
    pub(crate) fn log(&self) -> String {
        self.folder.read("stderr")
    }

    /// Sends it a signal by name, like `INT`.
    pub(crate) fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        let status = Command::new("kill").args(["-s", name, &pid]).status().unwrap();
        assert!(status.success());
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self, within: Duration) -> ExitStatus {
        ended(&mut self.child, within)
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a command that ends by itself said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Runs a command of the program in this folder, to its end.
pub(crate) fn run(folder: &Folder, arguments: &[&str]) -> Said {
    said(kopru(folder).args(arguments))
}

/// The same with a command of one's own.
pub(crate) fn said(command: &mut Command) -> Said {
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let code = ended(&mut child, Duration::from_secs(20)).code().unwrap();
    let (mut stdout, mut stderr) = (String::new(), String::new());
    child.stdout.take().unwrap().read_to_string(&mut stdout).unwrap();
    child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
    Said { code, stdout, stderr }
}

/// A folder that goes away.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("kopru-test-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn with(name: &str, content: &str) -> Self {
        let folder = Self::new();
        folder.write(name, content);
        folder
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
    }

    pub(crate) fn read(&self, name: &str) -> String {
        fs::read_to_string(self.path(name)).unwrap()
    }
}

impl AsRef<Path> for Folder {
    fn as_ref(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn kopru(folder: &Folder) -> Command {
    in_folder(Command::new(env!("CARGO_BIN_EXE_kopru")), folder)
}

/// The program where a process may have so many files open.
pub(crate) fn with_open_files(limit: u32, folder: &Folder) -> Command {
    let mut shell = Command::new("sh");
    let script = format!("ulimit -n {limit} && exec \"$0\" \"$@\"");
    shell.args(["-c", &script, env!("CARGO_BIN_EXE_kopru")]);
    in_folder(shell, folder)
}

/// The program in the network namespace of the process `target`.
pub(crate) fn in_network_of(target: u32, folder: &Folder) -> Command {
    let mut enter = Command::new("nsenter");
    enter.args(["--target", &target.to_string(), "--net", env!("CARGO_BIN_EXE_kopru")]);
    in_folder(enter, folder)
}

fn in_folder(mut command: Command, folder: &Folder) -> Command {
    command.current_dir(folder).env_remove("KOPRU_CONFIG").env_remove("KOPRU_LOG");
    command.env("KOPRU_LOG", "info").stdin(Stdio::null());
    command
}

fn file(folder: &Folder, name: &str) -> fs::File {
    fs::File::create(folder.path(name)).unwrap()
}

fn ended(child: &mut Child, within: Duration) -> ExitStatus {
    let deadline = Instant::now() + within;
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status;
        }
        assert!(Instant::now() < deadline, "it did not end within {within:?}");
        thread::sleep(Duration::from_millis(5));
    }
}
