//! Reading a [`DatabaseUrl`].
//!
//! Written by hand rather than with the `url` crate for two reasons: SQLite paths are no URLs, and
//! a password with an unencoded `/`, `?` or `#` must be noticed, or its rest would be taken for a
//! database name and be printed. No message repeats any part of the text but parameter names.

use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::str::FromStr;

use percent_encoding::percent_decode_str;

use super::suggest::nearest;
use super::url::{Host, Place, Server, UrlError};
use super::{DatabaseUrl, EngineKind, Secret, TlsMode};

const SCHEMES: [(&str, EngineKind); 6] = [
    ("sqlite", EngineKind::Sqlite),
    ("file", EngineKind::Sqlite),
    ("postgres", EngineKind::Postgres),
    ("postgresql", EngineKind::Postgres),
    ("mysql", EngineKind::MySql),
    ("mariadb", EngineKind::MySql),
];

/// Parameters of other libraries' URLs, and the key that does the same here.
const FOREIGN: [(&str, &str); 11] = [
    ("connection_limit", "set pool.max instead"),
    ("pool_timeout", "set timeouts.acquire instead"),
    ("connect_timeout", "set timeouts.connect instead"),
    ("socket_timeout", "set timeouts.statement instead"),
    ("statement_timeout", "set timeouts.statement instead"),
    ("sslrootcert", "set tls_ca_file instead"),
    ("ssl-ca", "set tls_ca_file instead"),
    ("sslcert", "set tls_client_cert instead"),
    ("sslkey", "set tls_client_key instead"),
    (
        "schema",
        "set the search_path of the role on the server instead",
    ),
    (
        "host",
        "name the host before the slash; sockets are not supported",
    ),
];

const ENCODE: &str = "characters such as @ : / ? # % in a user or password must be \
    percent-encoded (@ is %40, : is %3A, / is %2F, ? is %3F, # is %23, % is %25)";

impl DatabaseUrl {
    /// Reads a URL.
    ///
    /// # Errors
    /// If the text is none of the accepted forms. The error does not repeat the text.
    pub fn parse(text: &str) -> Result<Self, UrlError> {
        parse(text).map_err(|message| UrlError { message })
    }
}

impl FromStr for DatabaseUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        Self::parse(text)
    }
}

fn parse(text: &str) -> Result<DatabaseUrl, String> {
    let text = text.trim();
    if text.is_empty() {
        return Err("the URL is empty".to_owned());
    }
    let Some((scheme, rest)) = text.split_once(':') else {
        return Err("not a database URL: it does not start with a scheme".to_owned());
    };
    let scheme = scheme.to_ascii_lowercase();
    let Some((_, engine)) = SCHEMES.iter().find(|(name, _)| *name == scheme) else {
        // The scheme itself is not repeated: without a scheme it may be a user's name.
        let hint = nearest(&scheme, SCHEMES.iter().map(|(name, _)| *name))
            .map(|name| format!("; did you mean {name}?"))
            .unwrap_or_default();
        return Err(format!("the URL does not start with a known scheme{hint}"));
    };
    match engine {
        EngineKind::Sqlite => parse_file(rest),
        EngineKind::Postgres | EngineKind::MySql => parse_server(*engine, rest),
    }
}

fn parse_file(rest: &str) -> Result<DatabaseUrl, String> {
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = match path.strip_prefix("//") {
        Some(after) => after
            .strip_prefix("localhost")
            .filter(|after| after.starts_with('/'))
            .unwrap_or(after),
        None => path,
    };
    let path = decode(path, "path")?;
    if path == ":memory:" || query.split('&').any(|pair| pair == "mode=memory") {
        return Err(
            "a database in memory cannot be used: the writer and the readers are separate \
             connections and would each see a database of their own; name a file in a temporary \
             folder instead, for instance sqlite:/tmp/scratch.db"
                .to_owned(),
        );
    }
    if !query.is_empty() {
        return Err(
            "a SQLite URL takes no parameters; leave out the ? and what follows (the \
             settings are the keys sqlite.*; a ? in a file name is %3F)"
                .to_owned(),
        );
    }
    if path.is_empty() {
        return Err("the URL names no file".to_owned());
    }
    if path.ends_with('/') {
        return Err("the URL names a folder, not a file".to_owned());
    }
    Ok(DatabaseUrl {
        engine: EngineKind::Sqlite,
        place: Place::File(PathBuf::from(path)),
    })
}

fn parse_server(engine: EngineKind, rest: &str) -> Result<DatabaseUrl, String> {
    let Some(rest) = rest.strip_prefix("//") else {
        return Err("two slashes are missing after the scheme".to_owned());
    };
    if rest.chars().any(|c| c.is_whitespace() || c.is_control()) {
        return Err(format!("the URL contains white space; {ENCODE}"));
    }
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    let (authority, after) = rest.split_at(end);
    // Such a character after the host is nearly always the end of a password that was cut short
    // by another one. Nothing of it may be taken for a name.
    if after.contains(['@', '#']) {
        return Err(format!("there is an @ or # after the host; {ENCODE}"));
    }
    let (path, query) = after.split_once('?').unwrap_or((after, ""));
    let (login, address) = match authority.rsplit_once('@') {
        Some((login, address)) => (Some(login), address),
        None => (None, authority),
    };
    let (user, password) = login.map(parse_login).transpose()?.unwrap_or_default();
    let (host, port) = parse_address(engine, address)?;
    let database = decode(path.strip_prefix('/').unwrap_or_default(), "database name")?;
    if database.is_empty() {
        return Err("the URL names no database; add /DATABASE after the host".to_owned());
    }
    if path[1..].contains('/') {
        return Err(format!("there is a second slash after the host; {ENCODE}"));
    }
    let tls = parse_query(query)?;
    let server = Server {
        host,
        port,
        user,
        password,
        database: Some(database),
        tls,
    };
    Ok(DatabaseUrl {
        engine,
        place: Place::Server(server),
    })
}

fn parse_login(login: &str) -> Result<(Option<String>, Option<Secret>), String> {
    let (user, password) = match login.split_once(':') {
        Some((user, password)) => (user, Some(password)),
        None => (login, None),
    };
    if login.contains('@') || password.is_some_and(|password| password.contains(':')) {
        return Err(format!("the part before the host is ambiguous; {ENCODE}"));
    }
    let user = decode(user, "user")?;
    let password = password
        .map(|password| decode(password, "password"))
        .transpose()?;
    if user.is_empty() {
        return Err("there is an @ but no user before it".to_owned());
    }
    // "user:@host" is how templates write "no password".
    let password = password
        .filter(|password| !password.is_empty())
        .map(Secret::from);
    Ok((Some(user), password))
}

fn parse_address(engine: EngineKind, address: &str) -> Result<(Host, u16), String> {
    let (host, port) = if let Some(inside) = address.strip_prefix('[') {
        let (inside, after) = inside
            .split_once(']')
            .ok_or("the ] after the IPv6 address is missing")?;
        let host = inside
            .parse::<Ipv6Addr>()
            .map(Host::v6)
            .map_err(|_| "what stands between [ and ] is not an IPv6 address".to_owned())?;
        let port = match after.strip_prefix(':') {
            Some(port) => Some(port),
            None if after.is_empty() => None,
            None => return Err("only a port may follow the ] of an IPv6 address".to_owned()),
        };
        (host, port)
    } else {
        let (host, port) = match address.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (address, None),
        };
        (parse_host(host)?, port)
    };
    let port = match (port, engine.default_port()) {
        (Some(port), _) => port.parse().ok().filter(|port| *port > 0),
        (None, default) => default,
    };
    let port = port.ok_or_else(|| {
        format!(
            "the port is not a number from 1 to 65535 (an IPv6 address stands in brackets); {ENCODE}"
        )
    })?;
    Ok((host, port))
}

fn parse_host(host: &str) -> Result<Host, String> {
    if host.is_empty() {
        return Err("the URL names no host".to_owned());
    }
    if host.contains(',') {
        return Err("the URL names several hosts; name one".to_owned());
    }
    if !host
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
    {
        return Err(
            "the host contains a character that no host name has (write international \
             names in their xn-- form)"
                .to_owned(),
        );
    }
    Ok(Host {
        name: host.to_ascii_lowercase(),
        v6: false,
    })
}

fn parse_query(query: &str) -> Result<Option<TlsMode>, String> {
    let mut tls = None;
    for pair in query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decode(name, "parameter name")?;
        if !matches!(name.as_str(), "sslmode" | "ssl-mode") {
            return Err(unknown_parameter(&name));
        }
        if tls.is_some() {
            return Err("the URL's sslmode is given twice".to_owned());
        }
        tls = Some(TlsMode::from_url_parameter(&decode(value, "sslmode")?)?);
    }
    Ok(tls)
}

fn unknown_parameter(name: &str) -> String {
    let known = FOREIGN.iter().map(|(name, _)| *name).chain(["sslmode"]);
    let hint = match nearest(name, known) {
        Some("sslmode") => "did you mean sslmode?",
        Some(foreign) => FOREIGN
            .iter()
            .find(|(name, _)| *name == foreign)
            .map_or("the only one is sslmode", |(_, hint)| hint),
        None => "the only one is sslmode",
    };
    let name: String = name.chars().take(40).collect();
    format!(
        "the URL's parameter \"{}\" is not known: {hint}",
        name.escape_debug()
    )
}

/// Undoes percent-encoding, strictly: a `%` that encodes nothing is refused, because it is a
/// password written without encoding, and some other program would read it differently.
fn decode(text: &str, what: &str) -> Result<String, String> {
    let bytes = text.as_bytes();
    let broken = bytes.iter().enumerate().any(|(at, byte)| {
        *byte == b'%'
            && !bytes
                .get(at + 1..at + 3)
                .is_some_and(|hex| hex.iter().all(u8::is_ascii_hexdigit))
    });
    if broken {
        return Err(format!(
            "the {what} has a % that is not followed by two hexadecimal digits; a plain % is \
             written %25"
        ));
    }
    let decoded = percent_decode_str(text)
        .decode_utf8()
        .map_err(|_| format!("the {what} is not UTF-8 once its percent-encoding is undone"))?;
    if decoded.chars().any(char::is_control) {
        return Err(format!("the {what} contains a control character"));
    }
    Ok(decoded.into_owned())
}
