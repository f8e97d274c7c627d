//! `[deployment]`: the service that Unify phones call.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};

use super::code::Code;
use super::raw::Complaint;
use super::table::Table;
use super::value;
use crate::domain::phone::Tag;

/// The port of Unify's own service.
const PORT: u16 = 18443;

/// `[deployment]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeploymentConfig {
    /// The TCP address it listens on.
    pub listen: SocketAddr,
    /// The same as the phones see it, without a path.
    pub url: String,
    /// The path phones send their messages to.
    pub path: String,
    /// Certificate and key, where the URL is one of HTTPS.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The FTP server that images are loaded from, as the phones see it; without one they come from this service.
    pub ftp: Option<(String, u16)>,
    /// Phones with one of these tags cannot be asked to call: they poll.
    pub polling: BTreeSet<Tag>,
}

/// Reads it.
pub(super) fn read(top: &Table<'_>, folder: &Path) -> Option<DeploymentConfig> {
    let table = top.table("deployment")?;
    if !table.has("url") {
        table.missing("url", "the same as the phones see it: `url = \"https://192.0.2.5:18443\"`");
    }
    let listen = table.read("listen", value::address).map(|address| address.value);
    let url = table.read("url", root);
    let path = table.read("path", path);
    let file = |key: &str| table.text(key).map(|text| folder.join(text.value));
    let (certificate, key) = (file("certificate"), file("key"));
    let ftp = table.read("ftp_server", host_and_port).map(|server| server.value);
    let polling = table.read_all("polling", value::name).unwrap_or_default();
    let url = url?;
    let secure = url.value.starts_with("https://");
    let refuse = |place: &str, message: &str, hint: &str| {
        let span = table.key(place).unwrap_or_else(|| url.span.clone());
        table.source().refuse(Code::Contradiction, &span, Complaint::new(message, hint));
    };
    let identity = match (certificate, key) {
        (Some(certificate), Some(key)) if secure => Some((certificate, key)),
        (Some(_), Some(_)) => {
            refuse(
                "certificate",
                "`certificate` has no effect: `url` is not one of https",
                "write `https://`",
            );
            None
        }
        (None, None) if secure => {
            let hint = "name both files: `certificate = \"depot.pem\"` and `key = \"depot-key.pem\"`";
            refuse("url", "`url` is one of https, and there is no `certificate`", hint);
            None
        }
        (None, None) => None,
        (Some(_), None) => {
            refuse(
                "certificate",
                "`certificate` needs its `key`",
                "name the key's file: `key = \"depot-key.pem\"`",
            );
            None
        }
        (None, Some(_)) => {
            refuse(
                "key",
                "`key` needs its `certificate`",
                "name that file too: `certificate = \"depot.pem\"`",
            );
            None
        }
    };
    Some(DeploymentConfig {
        listen: listen.unwrap_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT))),
        url: url.value,
        path: path.map_or_else(|| crate::config::LOGIN_PATH.to_owned(), |path| path.value),
        identity,
        ftp,
        polling: polling.into_iter().map(|tag| Tag::new(tag.value)).collect(),
    })
}

/// Scheme, host and port, and nothing behind it.
fn root(text: &str) -> Result<String, Complaint> {
    let wrong = || {
        Complaint::new(
            format!("`{text}` is not where phones find the service"),
            "write scheme, host and port alone: `https://192.0.2.5:18443`",
        )
    };
    let uri: axum::http::Uri = text.parse().map_err(|_| wrong())?;
    let plain = matches!(uri.scheme_str(), Some("http" | "https"))
        && uri.host().is_some_and(|host| !host.is_empty())
        && matches!(uri.path(), "" | "/")
        && uri.query().is_none()
        && !uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
    if plain { Ok(text.trim_end_matches('/').to_owned()) } else { Err(wrong()) }
}

fn path(text: &str) -> Result<String, Complaint> {
    let clean = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'-' | b'_' | b'.');
    if text.len() < 2 || text.len() > 100 || !text.starts_with('/') || !text.bytes().all(clean) {
        return Err(Complaint::new(
            format!("`{text}` is not a path"),
            "write it as it is set at the phones: `/DeploymentService/LoginService`",
        ));
    }
    Ok(text.to_owned())
}

/// A host, and its port where it is not 21.
fn host_and_port(text: &str) -> Result<(String, u16), Complaint> {
    let with_port = if text.contains(':') { text.to_owned() } else { format!("{text}:21") };
    let checked = value::host_and_port(&with_port)?;
    let wrong =
        || Complaint::new(format!("`{text}` is not a host"), "write it like `192.0.2.5` or `192.0.2.5:2121`");
    let (host, port) = checked.rsplit_once(':').ok_or_else(wrong)?;
    Ok((host.to_owned(), port.parse().map_err(|_| wrong())?))
}
