//! The address of a database, and the security of connections to it.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::Host;

/// A database on a server, with the role and the connection security.
///
/// Parsed from a URL, `postgres://user:password@host:port/database?sslmode=…&sslrootcert=…`, or made from
/// [`ConnectionParams`]. A directory of Unix sockets takes the place of the host, percent-encoded:
/// `%2Frun%2Fpostgresql`. Neither `Debug` nor `Display` shows the password.
#[derive(Clone, PartialEq, Eq)]
pub struct Target {
    pub(crate) config: Config,
    pub(crate) security: SslMode,
    pub(crate) roots: Option<TrustedRoots>,
}

/// The security of connections, as `sslmode` sets it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum SslMode {
    /// Unencrypted.
    Disable,
    /// Encrypted if the server supports it.
    #[default]
    Prefer,
    /// Encrypted, with any server certificate.
    Require,
    /// Encrypted, with a server certificate signed by a root.
    VerifyCa,
    /// Encrypted, with a certificate signed by a root for the host's name.
    VerifyFull,
}

/// The trusted root certificates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TrustedRoots {
    /// Those of the operating system.
    System,
    /// Those in a PEM file.
    File(PathBuf),
}

/// The parts of a [`Target`].
#[derive(Clone, Default)]
pub struct ConnectionParams {
    /// The name or address of the server, or the directory of its Unix sockets.
    pub host: String,
    /// The port; 5432 when none is given.
    pub port: Option<u16>,
    /// The database.
    pub database: String,
    /// The role.
    pub user: String,
    /// The role's password.
    pub password: Option<String>,
    /// `disable`, `prefer` (as when none is given), `require`, `verify-ca` or `verify-full`.
    pub sslmode: Option<String>,
    /// A file of root certificates in PEM, or `system`.
    pub sslrootcert: Option<String>,
}

/// The error for an invalid [`Target`]. It never contains the password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidTarget(String);

impl fmt::Display for InvalidTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for InvalidTarget {}

fn invalid(why: impl Into<String>) -> InvalidTarget {
    InvalidTarget(why.into())
}

impl FromStr for Target {
    type Err = InvalidTarget;

    fn from_str(url: &str) -> Result<Self, InvalidTarget> {
        let rest = ["postgres://", "postgresql://"].iter().find_map(|scheme| url.strip_prefix(scheme));
        let rest = rest.ok_or_else(|| invalid("the URL must begin with postgres://"))?;
        let (authority, tail) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        // The rest of a password after such a character would be parsed as a host or an option, and shown.
        if authority.matches('@').count() > 1 || tail.contains('@') || tail.contains('#') {
            return Err(invalid("in the URL, @ / ? and # within a name or a password must be percent-encoded"));
        }
        let (path, query) = tail.split_once('?').unwrap_or((tail, ""));
        let mut secure = (None, None);
        let mut others = Vec::new();
        for option in query.split('&').filter(|option| !option.is_empty()) {
            match option.split_once('=') {
                Some(("sslmode", value)) => secure.0 = Some(decoded(value)?),
                Some(("sslrootcert", value)) => secure.1 = Some(decoded(value)?),
                _ => others.push(option),
            }
        }
        let plain = format!("postgres://{authority}{path}?{}", others.join("&"));
        let config = plain.parse::<Config>().map_err(|error| {
            let cause = std::error::Error::source(&error).map_or_else(|| error.to_string(), ToString::to_string);
            invalid(format!("the URL is not valid: {cause}"))
        })?;
        Self::new(config, secure.0.as_deref(), secure.1.as_deref())
    }
}

fn decoded(value: &str) -> Result<String, InvalidTarget> {
    let text = percent_decode_str(value).decode_utf8();
    Ok(text.map_err(|_| invalid("an option of the URL is not UTF-8"))?.into_owned())
}

impl TryFrom<ConnectionParams> for Target {
    type Error = InvalidTarget;

    fn try_from(parts: ConnectionParams) -> Result<Self, InvalidTarget> {
        let mut config = Config::new();
        if !parts.host.is_empty() {
            config.host(&parts.host);
        }
        config.port(parts.port.unwrap_or(5432));
        config.dbname(&parts.database).user(&parts.user);
        if let Some(password) = &parts.password {
            config.password(password);
        }
        Self::new(config, parts.sslmode.as_deref(), parts.sslrootcert.as_deref())
    }
}

impl Target {
    fn new(config: Config, sslmode: Option<&str>, sslrootcert: Option<&str>) -> Result<Self, InvalidTarget> {
        for (part, value) in [("user", config.get_user()), ("database", config.get_dbname())] {
            if value.is_none_or(str::is_empty) {
                return Err(invalid(format!("no {part} is named")));
            }
        }
        if config.get_hosts().is_empty() {
            return Err(invalid("no host is named"));
        }
        let security = match sslmode {
            // As in libpq: system roots sign certificates for any host, so the name must be checked.
            None | Some("verify-full") if sslrootcert == Some("system") => SslMode::VerifyFull,
            Some(weaker) if sslrootcert == Some("system") => {
                return Err(invalid(format!("sslmode must be verify-full with sslrootcert=system, not {weaker:?}")));
            }
            None | Some("prefer") => SslMode::Prefer,
            Some("disable") => SslMode::Disable,
            // As in libpq.
            Some("require") if sslrootcert.is_some() => SslMode::VerifyCa,
            Some("require") => SslMode::Require,
            Some("verify-ca") => SslMode::VerifyCa,
            Some("verify-full") => SslMode::VerifyFull,
            Some(other) => {
                let known = "disable, prefer, require, verify-ca or verify-full";
                return Err(invalid(format!("sslmode must be {known}, not {other:?}")));
            }
        };
        let roots = sslrootcert.map(|place| match place {
            "system" => TrustedRoots::System,
            path => TrustedRoots::File(path.into()),
        });
        // A Unix socket cannot be intercepted.
        let local = config.get_hosts().iter().all(|host| matches!(host, Host::Unix(_)));
        let security = if local { SslMode::Disable } else { security };
        Ok(Self { config, security, roots })
    }

    /// Replaces the database, with the same server and role.
    #[must_use]
    pub fn with_database(mut self, name: &str) -> Self {
        self.config.dbname(name);
        self
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "postgres://{}@", self.config.get_user().unwrap_or_default())?;
        let ports = self.config.get_ports();
        for (index, host) in self.config.get_hosts().iter().enumerate() {
            let port = ports.get(index).or(ports.first()).unwrap_or(&5432);
            let comma = if index > 0 { "," } else { "" };
            match host {
                Host::Tcp(name) => write!(f, "{comma}{name}:{port}")?,
                Host::Unix(path) => write!(f, "{comma}{}:{port}", path.display())?,
            }
        }
        write!(f, "/{}", self.config.get_dbname().unwrap_or_default())
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Target({self}, {:?}, {:?})", self.security, self.roots)
    }
}

impl fmt::Debug for ConnectionParams {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionParams")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("database", &self.database)
            .field("user", &self.user)
            .field("sslmode", &self.sslmode)
            .field("sslrootcert", &self.sslrootcert)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(url: &str) -> Target {
        url.parse().unwrap()
    }

    #[test]
    fn a_url_says_where_and_how() {
        let found =
            target("postgres://ann:p%40%2F@db.example.com:6432/drive?sslmode=verify-full&sslrootcert=%2Fca.pem");
        assert_eq!(found.to_string(), "postgres://ann@db.example.com:6432/drive");
        assert_eq!(found.config.get_password(), Some(&b"p@/"[..]));
        assert_eq!(found.security, SslMode::VerifyFull);
        assert_eq!(found.roots, Some(TrustedRoots::File("/ca.pem".into())));
        let plain = target("postgresql://ann@localhost/drive");
        assert_eq!((plain.security, plain.roots.clone()), (SslMode::Prefer, None));
        assert_eq!(plain.to_string(), "postgres://ann@localhost:5432/drive");
        let other = target("postgres://ann@localhost/drive?application_name=a%20b&sslmode=disable&connect_timeout=3");
        assert_eq!(other.config.get_application_name(), Some("a b"));
        assert_eq!(other.security, SslMode::Disable);
    }

    #[test]
    fn a_socket_directory_is_percent_encoded_and_needs_no_encryption() {
        let found = target("postgres://ann@%2Frun%2Fpostgresql:5433/drive?sslmode=verify-full");
        assert_eq!(found.config.get_hosts(), [Host::Unix("/run/postgresql".into())]);
        assert_eq!(found.security, SslMode::Disable);
        assert_eq!(found.to_string(), "postgres://ann@/run/postgresql:5433/drive");
    }

    #[test]
    fn parts_say_the_same() {
        let parts = ConnectionParams {
            host: "db.example.com".to_owned(),
            port: Some(6432),
            database: "drive".to_owned(),
            user: "ann".to_owned(),
            password: Some("p@/".to_owned()),
            sslmode: Some("require".to_owned()),
            sslrootcert: Some("/ca.pem".to_owned()),
        };
        let same = target("postgres://ann:p%40%2F@db.example.com:6432/drive?sslmode=require&sslrootcert=/ca.pem");
        assert_eq!(Target::try_from(parts), Ok(same.clone()));
        assert_eq!((same.security, same.roots), (SslMode::VerifyCa, Some(TrustedRoots::File("/ca.pem".into()))));
    }

    #[test]
    fn system_roots_require_verify_full() {
        for query in ["sslrootcert=system", "sslmode=verify-full&sslrootcert=system"] {
            let found = target(&format!("postgres://ann@db.example.com/drive?{query}"));
            assert_eq!((found.security, found.roots), (SslMode::VerifyFull, Some(TrustedRoots::System)), "{query}");
        }
        for weaker in ["disable", "prefer", "require", "verify-ca"] {
            let url = format!("postgres://ann@db.example.com/drive?sslmode={weaker}&sslrootcert=system");
            assert!(url.parse::<Target>().unwrap_err().to_string().contains("verify-full"), "{weaker}");
        }
    }

    #[test]
    fn errors_do_not_show_the_password() {
        for (url, why) in [
            ("mysql://ann:secret@localhost/drive", "postgres://"),
            ("ann:secret@localhost", "postgres://"),
            ("postgres://ann:secret@localhost:port/drive", "port"),
            ("postgres://ann:secret@/drive", "no host"),
            ("postgres://localhost/drive", "no user"),
            ("postgres://ann:secret@localhost", "no database"),
            ("postgres://ann:secret@localhost/drive?sslmode=on", "sslmode"),
            ("postgres://ann:secret@localhost/drive?sslcert=a", "sslcert"),
            ("postgres://ann:sec@ret@localhost/drive", "percent-encoded"),
            ("postgres://ann:sec/ret@localhost/drive", "percent-encoded"),
            ("postgres://ann:sec?ret@localhost/drive", "percent-encoded"),
            ("postgres://ann:sec#ret@localhost/drive", "percent-encoded"),
        ] {
            let error = url.parse::<Target>().unwrap_err().to_string();
            assert!(error.contains(why), "{url}: {error}");
            assert!(!error.contains("sec") && !error.contains("ret"), "{url}: {error}");
        }
        let shown = format!("{:?}", target("postgres://ann:secret@localhost/drive"));
        assert!(shown.contains("ann") && !shown.contains("secret"), "{shown}");
    }
}
