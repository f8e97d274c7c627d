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
    /// Who it is, where the URL is one of HTTPS.
    pub identity: ServiceIdentity,
    /// Images are loaded by FTP from the depot; else they come from this service.
    pub by_ftp: bool,
    /// Phones with one of these tags cannot be asked to call: they poll.
    pub polling: BTreeSet<Tag>,
}

/// How the service speaks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceIdentity {
    /// Plain HTTP.
    Plain,
    /// TLS, with certificate and key of its own.
    Own(PathBuf, PathBuf),
    /// TLS, with those of the depot.
    Depot,
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
    let by_ftp = table.word("images").is_some_and(|images| images.value == "ftp");
    let depot = |inner: &str| top.table("depot").is_some_and(|depot| depot.has(inner));
    let polling = table.read_all("polling", value::name).unwrap_or_default();
    let url = url?;
    let secure = url.value.starts_with("https://");
    let refuse = |place: &str, message: &str, hint: &str| {
        let span = table.key(place).unwrap_or_else(|| url.span.clone());
        table.source().refuse(Code::Contradiction, &span, Complaint::new(message, hint));
    };
    let identity = match (certificate, key) {
        (Some(certificate), Some(key)) if secure => ServiceIdentity::Own(certificate, key),
        (Some(_), Some(_)) => {
            let message = "`certificate` has no effect: `url` is not one of https";
            refuse("certificate", message, "write `https://`");
            ServiceIdentity::Plain
        }
        (None, None) if secure && depot("tls") => ServiceIdentity::Depot,
        (None, None) if secure => {
            let hint = "name both files, `certificate = \"depot.pem\"` and `key = \"depot-key.pem\"`, or give the depot a \
                        `[depot.tls]`";
            refuse("url", "`url` is one of https, and there is no `certificate`", hint);
            ServiceIdentity::Plain
        }
        (None, None) => ServiceIdentity::Plain,
        (Some(_), None) => {
            let hint = "name the key's file: `key = \"depot-key.pem\"`";
            refuse("certificate", "`certificate` needs its `key`", hint);
            ServiceIdentity::Plain
        }
        (None, Some(_)) => {
            refuse(
                "key",
                "`key` needs its `certificate`",
                "name that file too: `certificate = \"depot.pem\"`",
            );
            ServiceIdentity::Plain
        }
    };
    if by_ftp && !depot("ftp") {
        refuse("images", "`images` is `ftp`, and the depot speaks none", "add `[depot.ftp]`");
    }
    Some(DeploymentConfig {
        listen: listen.unwrap_or(SocketAddr::from((Ipv4Addr::UNSPECIFIED, PORT))),
        url: url.value,
        path: path.map_or_else(|| crate::config::LOGIN_PATH.to_owned(), |path| path.value),
        identity,
        by_ftp,
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
