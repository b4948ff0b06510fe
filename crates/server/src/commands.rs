//! What the words of the command line do. Everything goes out through here: the answer to
//! standard output, what is wrong to standard error, and an exit code (0, or 2 for what the user
//! can set right).

use std::fmt::Display;
use std::io::{Write, stderr, stdout};
use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use kopru_signal::Relay;

use crate::cli::{Command, Serve};
use crate::config::{self, Config};
use crate::host::Host;
use crate::http::IceServers;
use crate::hub::now;
use crate::ready::Addresses;
use crate::tokens::{self, MakeError, Rooms, Wish};
use crate::{banner, ice, log, start, warnings};

/// Serves until told to stop.
pub(crate) fn serve(wish: &Serve, begin: Instant) -> ExitCode {
    let is_log_wish_readable = log::start();
    if !is_log_wish_readable {
        return wrong(
            "KOPRU_LOG: must be a level (error, warn, info, debug, trace) or TARGET=LEVEL",
        );
    }
    let host = Host::look();
    let abroad = wish.http.iter().find(|address| !address.ip().is_loopback());
    if let Some(address) = abroad.filter(|_| !wish.lan) {
        return wrong(format!(
            "--http {address}: development mode is open to this machine only, so it must be a \
             loopback address; --lan opens it to the local network"
        ));
    }
    let config = match &wish.config {
        Some(file) => match load(file, &host) {
            Ok(config) => config,
            Err(code) => return code,
        },
        None => config::development(&host, wish.lan, &wish.http, &wish.turn),
    };
    let greet = |config: &Config, addresses: &_| {
        if config.mode != config::Mode::Configured {
            say(banner::text(config, addresses));
        }
    };
    let order = start::Order { config, host, ready_file: wish.ready_file.clone(), begin };
    match start::run(order, greet) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            complain(&error);
            error.exit_code()
        }
    }
}

/// Runs one of the other commands.
pub(crate) fn run(command: &Command) -> ExitCode {
    let host = Host::look();
    match command {
        Command::Check { file } => check(file, &host),
        Command::Credentials { config, user, ttl } => {
            with(config, &host, |config| credentials(config, user, *ttl))
        }
        Command::Token { config, .. } => with(config, &host, |config| token(config, command)),
    }
}

fn check(file: &Path, host: &Host) -> ExitCode {
    match config::file(file, host) {
        Ok(loaded) => {
            // Reads the certificate too.
            if let Some(Err(error)) = loaded.config.https.as_ref().map(|https| https.tls(host)) {
                return wrong(format!("{}: {error}", file.display()));
            }
            if let Some(why) = warnings::short_secret(&loaded.config) {
                complain(format!("{}: warning: {why}", file.display()));
            }
            let print = config::print(&loaded.effective);
            say(format!("# {}: valid. Everything that takes effect:\n\n{print}", file.display()));
            ExitCode::SUCCESS
        }
        Err(errors) => complain_about_all(&errors),
    }
}

fn credentials(mut config: Config, user: &str, ttl_s: u64) -> Result<String, &'static str> {
    if config.turn.secrets.is_empty() {
        return Err("turn.auth.secrets: missing: credentials are made with a shared secret");
    }
    if user.is_empty() || user.len() > 400 || user.contains(':') {
        return Err("--user: must be 1 to 400 bytes without a colon");
    }
    config.turn.credential_life = Duration::from_secs(ttl_s);
    let ice = ice::settings(&config, &Addresses::configured(&config));
    let servers = IceServers::new(&ice, now(), user, Relay::Yes);
    serde_json::to_string(&servers).map_err(|_| "the answer is no JSON")
}

fn token(config: Config, command: &Command) -> Result<String, &'static str> {
    let Command::Token {
        subject,
        room,
        ttl,
        relay,
        relay_only,
        bits_per_second,
        list,
        create,
        link,
        url,
        config: _,
    } = command
    else {
        return Err("not a token command");
    };
    let wish = Wish {
        subject: subject.clone(),
        rooms: (!room.is_empty()).then(|| Rooms::Many(room.clone())),
        list: *list,
        create: create.then_some(true),
        relay: if *relay_only { Relay::Only } else { *relay },
        bits_per_second: *bits_per_second,
        ttl_s: *ttl,
    };
    let made = tokens::make(&config.signaling.jwt, wish).map_err(|error| match error {
        MakeError::NoSecret => {
            "signaling.auth.jwt.secrets: missing: tokens are signed with a secret"
        }
        MakeError::Subject => "--subject must be 1 to 128 characters, none a control character",
        MakeError::Room => "--room must be a room name, \"prefix/*\" or \"*\"",
        MakeError::Ttl => "--ttl: longer than signaling.auth.jwt.life_max",
        MakeError::TooLong => "--room: so many that the token would be too long",
    })?;
    let token = made.token;
    if !link {
        return Ok(token);
    }
    let page = url.clone().or_else(|| config.page_url()).ok_or(
        "--link needs the page's address: set http.public_url, or give it as --url https://…",
    )?;
    // Behind the #, so that no server and no log sees it.
    let mut fragment = form_urlencoded::Serializer::new(String::new());
    if let Some(room) = room.first().filter(|room| !room.ends_with('*')) {
        fragment.append_pair("room", room);
    }
    let fragment = fragment.append_pair("token", &token).finish();
    Ok(format!("{}/#{fragment}", page.trim_end_matches('/')))
}

fn with(
    file: &Path,
    host: &Host,
    command: impl FnOnce(Config) -> Result<String, &'static str>,
) -> ExitCode {
    match load(file, host).map(command) {
        Ok(Ok(answer)) => {
            say(answer);
            ExitCode::SUCCESS
        }
        Ok(Err(error)) => wrong(format!("{}: {error}", file.display())),
        Err(code) => code,
    }
}

fn load(file: &Path, host: &Host) -> Result<Config, ExitCode> {
    match config::file(file, host) {
        Ok(loaded) => Ok(loaded.config),
        Err(errors) => Err(complain_about_all(&errors)),
    }
}

fn complain_about_all(errors: &[config::ConfigError]) -> ExitCode {
    errors.iter().for_each(complain);
    ExitCode::from(2)
}

fn wrong(error: impl Display) -> ExitCode {
    complain(error);
    ExitCode::from(2)
}

fn complain(error: impl Display) {
    // Nobody is left to complain to when this fails; the exit code says it too.
    _ = writeln!(stderr(), "kopru: {error}");
}

fn say(text: impl Display) {
    // A reader that went away, like `head`, has what it wanted.
    _ = writeln!(stdout(), "{text}");
}
