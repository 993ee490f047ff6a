//! Where the store is, who asks, and how the way there is protected.

use super::tls::{self, Identity};
use core::fmt;
use core::str::FromStr;
use core::time::Duration;
use percent_encoding::percent_decode_str;
use phiseal_keys::{Error, ErrorKind};
use rustls::{ClientConfig, RootCertStore};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode, TargetSessionAttrs};

/// What a [`PostgresStore`](super::PostgresStore) or a [`Connection`](super::Connection) was told.
#[derive(Clone)]
pub(super) struct Settings {
    /// The server, the role, the database.
    pub(super) config: Config,
    /// The longest that a call may take.
    pub(super) timeout: Duration,
    protection: Protection,
    roots: Option<Arc<RootCertStore>>,
    identity: Option<Arc<Identity>>,
}

/// How the way to the server is protected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Protection {
    /// By TLS, unless the server is on this machine and no certificate was named.
    Automatic,
    /// By TLS.
    Tls,
    /// Not at all, which only a server on this machine may be asked for.
    NoneLocally,
    /// Not at all.
    None,
}

const TIMEOUT: Duration = Duration::from_secs(10);

/// How long a connection is idle before the kernel asks whether the other end is there.
const KEEPALIVE: Duration = Duration::from_secs(60);

impl Settings {
    /// Those that `url` names, and the defaults.
    pub(super) fn parse(url: &str) -> Result<Self, Error> {
        let (url, ours) = split(url)?;
        // What it says of a wrong URL can quote a password.
        let config = Config::from_str(&url).map_err(|_| wrong_url())?;
        let mut settings = Self {
            config,
            timeout: TIMEOUT,
            protection: Protection::Automatic,
            roots: None,
            identity: None,
        };
        settings.complete()?;
        settings.protect(&ours)?;
        Ok(settings)
    }

    /// What tokio-postgres would do otherwise, and this store must not.
    fn complete(&mut self) -> Result<(), Error> {
        if self.servers().next().is_none() {
            return Err(wrong_url());
        }
        let config = &mut self.config;
        if config.get_target_session_attrs() == TargetSessionAttrs::ReadOnly {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "a server that only reads can be behind what was written",
            ));
        }
        config.target_session_attrs(TargetSessionAttrs::ReadWrite);
        config.keepalives_idle(config.get_keepalives_idle().min(KEEPALIVE));
        if config.get_application_name().is_none() {
            config.application_name("phiseal");
        }
        Ok(())
    }

    fn protect(&mut self, ours: &Ours) -> Result<(), Error> {
        self.protection = match ours.sslmode.as_deref() {
            None | Some("allow" | "prefer") => Protection::Automatic,
            Some("require" | "verify-ca" | "verify-full") => Protection::Tls,
            Some("disable") => Protection::NoneLocally,
            Some(_) => return Err(wrong_url()),
        };
        match ours.sslrootcert.as_deref() {
            None | Some("system") => {}
            Some(path) => self.trust(Path::new(path))?,
        }
        match (&ours.sslcert, &ours.sslkey) {
            (None, None) => Ok(()),
            (Some(chain), Some(key)) => self.identify(Path::new(chain), Path::new(key)),
            _ => Err(wrong_url()),
        }
    }

    /// The only authorities to trust from now on.
    pub(super) fn trust(&mut self, path: &Path) -> Result<(), Error> {
        self.roots = Some(Arc::new(tls::authorities(path)?));
        Ok(())
    }

    /// What this process proves itself with from now on.
    pub(super) fn identify(&mut self, chain: &Path, key: &Path) -> Result<(), Error> {
        self.identity = Some(Arc::new(tls::identity(chain, key)?));
        Ok(())
    }

    /// No TLS, wherever the server is.
    pub(super) fn expose(&mut self) {
        self.protection = Protection::None;
    }

    /// The longest that a call may take.
    pub(super) fn limit(&mut self, timeout: Duration) -> Result<(), Error> {
        let milliseconds = i32::try_from(timeout.as_millis());
        if !milliseconds.is_ok_and(|milliseconds| milliseconds >= 10) {
            return Err(Error::new(
                ErrorKind::Invalid,
                "the timeout is under ten milliseconds or over 24 days",
            ));
        }
        self.timeout = timeout;
        Ok(())
    }

    /// How to connect: without TLS if `None`.
    pub(super) fn tls(&self) -> Result<Option<ClientConfig>, Error> {
        let certificates = self.roots.is_some() || self.identity.is_some();
        let wanted = match self.protection {
            Protection::Automatic => certificates || !self.is_local(),
            Protection::Tls => true,
            Protection::None => false,
            Protection::NoneLocally if self.is_local() => false,
            Protection::NoneLocally => {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "the database server is on another machine, and TLS is off",
                ));
            }
        };
        wanted.then(|| tls::config(self.roots.as_ref(), self.identity.as_deref())).transpose()
    }

    /// As tokio-postgres wants it: each of several servers has its share of the time.
    pub(super) fn to_connect(&self, tls: bool) -> Config {
        let mut config = self.config.clone();
        config.ssl_mode(if tls { SslMode::Require } else { SslMode::Disable });
        if config.get_connect_timeout().is_none() {
            let servers = u32::try_from(self.servers().count()).unwrap_or(u32::MAX);
            config.connect_timeout(self.timeout / servers.max(1));
        }
        config
    }

    /// Whether no packet to any of the servers leaves this machine.
    fn is_local(&self) -> bool {
        self.servers().all(|server| match server {
            (_, Some(address)) => address.is_loopback(),
            (Some(Host::Tcp(name)), None) => {
                name == "localhost" || IpAddr::from_str(name).is_ok_and(|it| it.is_loopback())
            }
            #[cfg(unix)]
            (Some(Host::Unix(_)), None) => true,
            (None, None) => false,
        })
    }

    /// Each server's name and address; one of them is there.
    fn servers(&self) -> impl Iterator<Item = (Option<&Host>, Option<&IpAddr>)> {
        let (hosts, addresses) = (self.config.get_hosts(), self.config.get_hostaddrs());
        (0..hosts.len().max(addresses.len())).map(|at| (hosts.get(at), addresses.get(at)))
    }
}

/// Without the role and its password.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("hosts", &self.config.get_hosts())
            .field("database", &self.config.get_dbname())
            .finish_non_exhaustive()
    }
}

/// The parameters of libpq that tokio-postgres does not know.
#[derive(Debug, Default)]
struct Ours {
    sslmode: Option<String>,
    sslrootcert: Option<String>,
    sslcert: Option<String>,
    sslkey: Option<String>,
}

/// Takes them out of `url`.
fn split(url: &str) -> Result<(String, Ours), Error> {
    if !["postgres://", "postgresql://"].iter().any(|scheme| url.starts_with(scheme)) {
        return Err(wrong_url());
    }
    // As tokio-postgres reads it: what is before the first `@` is the role and its password.
    let host = url.find('@').unwrap_or_default();
    let Some(question) = url.get(host..).and_then(|rest| rest.find('?')) else {
        return Ok((url.to_owned(), Ours::default()));
    };
    let (start, parameters) = url.split_at(host.saturating_add(question));
    let mut ours = Ours::default();
    let mut theirs = Vec::new();
    for parameter in parameters.trim_start_matches('?').split('&').filter(|it| !it.is_empty()) {
        let (key, value) = parameter.split_once('=').ok_or_else(wrong_url)?;
        let place = match key {
            "sslmode" => &mut ours.sslmode,
            "sslrootcert" => &mut ours.sslrootcert,
            "sslcert" => &mut ours.sslcert,
            "sslkey" => &mut ours.sslkey,
            _ => {
                theirs.push(parameter);
                continue;
            }
        };
        let value = percent_decode_str(value).decode_utf8().map_err(|_| wrong_url())?;
        if place.replace(value.into_owned()).is_some() {
            return Err(wrong_url());
        }
    }
    Ok((format!("{start}?{}", theirs.join("&")), ours))
}

#[cold]
fn wrong_url() -> Error {
    Error::new(ErrorKind::Invalid, "the URL of the database server is not valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tls_of(url: &str) -> Result<bool, ErrorKind> {
        let settings = Settings::parse(url).map_err(|error| error.kind())?;
        Ok(settings.tls().map_err(|error| error.kind())?.is_some())
    }

    #[test]
    fn what_leaves_the_machine_is_protected() {
        for (url, expected) in [
            ("postgres://u@db.example/d", Ok(true)),
            ("postgres://u@192.0.2.1/d", Ok(true)),
            ("postgres://u@db.example/d?sslmode=prefer", Ok(true)),
            ("postgres://u@db.example/d?sslmode=require", Ok(true)),
            ("postgres://u@db.example/d?sslmode=disable", Err(ErrorKind::Unsupported)),
            ("postgres://u@localhost,db.example/d", Ok(true)),
            ("postgres://u@localhost,db.example/d?sslmode=disable", Err(ErrorKind::Unsupported)),
            ("postgres://u@localhost/d?hostaddr=192.0.2.1", Ok(true)),
            ("postgres:///d?hostaddr=192.0.2.1&user=u", Ok(true)),
            ("postgres://u@localhost/d", Ok(false)),
            ("postgres://u@127.0.0.1/d", Ok(false)),
            ("postgresql://u@[::1]/d", Ok(false)),
            ("postgres://u@%2Frun%2Fpostgresql/d", Ok(false)),
            ("postgres://u@db.example/d?hostaddr=127.0.0.1", Ok(false)),
            ("postgres://u@localhost/d?sslmode=disable", Ok(false)),
            ("postgres://u@localhost/d?sslmode=verify-full", Ok(true)),
            ("postgres://u@localhost/d?sslmode=sometimes", Err(ErrorKind::Invalid)),
            ("postgres://u@localhost/d?sslmode=disable&sslmode=require", Err(ErrorKind::Invalid)),
        ] {
            assert_eq!(tls_of(url), expected, "{url}");
        }
    }

    #[test]
    fn danger_is_asked_for() {
        let mut settings = Settings::parse("postgres://u@db.example/d").unwrap();
        assert!(settings.tls().unwrap().is_some(), "the control");
        settings.expose();
        assert!(settings.tls().unwrap().is_none());
    }

    #[test]
    fn a_url_that_is_wrong_is_invalid_and_not_quoted() {
        for url in [
            "",
            "host=localhost password=hush",
            "http://u:hush@localhost/d",
            "postgres://u:hush@localhost:port/d",
            "postgres://u:hush@localhost/d?hush",
            "postgres://u:hush@localhost/d?hush=1",
            "postgres://u:hush@localhost/d?sslcert=hush",
            "postgres://",
        ] {
            let error = Settings::parse(url).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Invalid, "{url}");
            assert!(!format!("{error:?}").contains("hush"), "{error:?}");
        }
    }

    #[test]
    fn what_is_ours_is_taken_out_and_the_rest_is_left() {
        let (url, ours) =
            split("postgres://u:p%3F@h:5/d?sslmode=require&connect_timeout=3&sslrootcert=%2Fa%20b")
                .unwrap();
        assert_eq!(url, "postgres://u:p%3F@h:5/d?connect_timeout=3");
        assert_eq!(ours.sslmode.as_deref(), Some("require"));
        assert_eq!(ours.sslrootcert.as_deref(), Some("/a b"));
    }

    #[test]
    fn a_server_that_only_reads_is_not_asked_for() {
        let kind = |url| Settings::parse(url).map(|_| ()).map_err(|error| error.kind());
        assert_eq!(
            kind("postgres://u@localhost/d?target_session_attrs=read-only"),
            Err(ErrorKind::Unsupported)
        );
        assert_eq!(kind("postgres://u@localhost/d?target_session_attrs=any"), Ok(()));
        let settings =
            Settings::parse("postgres://u@localhost/d?target_session_attrs=any").unwrap();
        let attributes = settings.to_connect(false).get_target_session_attrs();
        assert_eq!(attributes, TargetSessionAttrs::ReadWrite);
    }

    #[test]
    fn timeouts_are_what_the_server_can_count() {
        let mut settings = Settings::parse("postgres://u@localhost/d").unwrap();
        for wrong in [Duration::ZERO, Duration::from_millis(9), Duration::MAX] {
            assert_eq!(settings.limit(wrong).unwrap_err().kind(), ErrorKind::Invalid);
        }
        settings.limit(Duration::from_millis(10)).unwrap();
        assert_eq!(settings.timeout, Duration::from_millis(10));
    }

    #[test]
    fn neither_the_role_nor_its_password_is_shown() {
        let settings = Settings::parse("postgres://clerk:hush@localhost/d").unwrap();
        let shown = format!("{settings:?}");
        assert!(shown.contains("localhost") && !shown.contains("hush"), "{shown}");
        assert!(!shown.contains("clerk"), "{shown}");
    }
}
