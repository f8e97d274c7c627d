//! `[depot]`: where firmware is served, in which ways, and what phones hand in.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ipnet::IpNet;

use super::code::Code;
use super::raw::{At, Complaint, Source};
use super::settings::warn_if_open;
use super::table::Table;
use super::value;
use crate::domain::phone::Model;

/// `[depot]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepotConfig {
    /// The TCP address it listens on.
    pub listen: SocketAddr,
    /// The base the phones use, without a trailing slash.
    pub url: String,
    /// The same over HTTPS.
    pub tls: Option<TlsConfig>,
    /// Images over TFTP.
    pub tftp: Option<TftpConfig>,
    /// What broken phones are given; the first that fits decides.
    pub rescues: Vec<RescueConfig>,
    /// Images over FTP.
    pub ftp: Option<FtpConfig>,
    /// The configurations that phones hand in.
    pub configs: ConfigsConfig,
}

/// `[depot.tls]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsConfig {
    /// The TCP address it listens on.
    pub listen: SocketAddr,
    /// The base the phones use, without a trailing slash.
    pub url: String,
    /// The file of the certificate and those up to the root.
    pub certificate: PathBuf,
    /// The file of its key.
    pub key: PathBuf,
}

/// `[depot.tftp]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TftpConfig {
    /// The UDP address it listens on.
    pub listen: SocketAddr,
    /// Transfers at once.
    pub transfers: usize,
    /// Transfers at once to one address.
    pub per_phone: usize,
}

/// One `[[depot.rescue]]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RescueConfig {
    /// The release that has the images.
    pub release: Arc<str>,
    /// For these models; for all of the release when empty.
    pub models: BTreeSet<Model>,
    /// For phones there; anywhere when empty.
    pub networks: Vec<IpNet>,
}

/// `[depot.ftp]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FtpConfig {
    /// The TCP address it listens on, of IPv4.
    pub listen: SocketAddr,
    /// The ports that phones fetch from.
    pub passive_ports: RangeInclusive<u16>,
    /// The address they are told for it; else the one they came to.
    pub advertise: Option<Ipv4Addr>,
    /// Phones logged in at once.
    pub sessions: usize,
}

/// `[depot.configs]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigsConfig {
    /// Differing ones of each phone.
    pub keep: usize,
    /// The longest one, in bytes.
    pub longest: u64,
    /// Where phones may ask from while none of their lines is registered.
    pub networks: Vec<IpNet>,
}

impl DepotConfig {
    /// The host of its URL, as phones are told it.
    pub fn host(&self) -> &str {
        host(&self.url)
    }

    /// The same where it is a name, and no address of IPv4 or IPv6.
    pub fn host_name(&self) -> Option<&str> {
        Some(self.host()).filter(|host| !is_address(host))
    }
}

/// `192.0.2.5` of `http://192.0.2.5:8480/x`; an address of IPv6 keeps its brackets.
fn host(url: &str) -> &str {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => host,
        Some(_) | None => authority,
    }
}

fn is_address(host: &str) -> bool {
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    bare.parse::<IpAddr>().is_ok()
}

/// Reads the table; what is wrong is recorded.
pub(super) fn read(top: &Table<'_>, folder: &Path) -> Option<DepotConfig> {
    if !top.has("depot") {
        top.missing(
            "depot",
            "phones load their firmware there: `[depot]` with `url = \"http://192.0.2.5:8480\"`",
        );
    }
    let table = top.table("depot")?;
    if !table.has("url") {
        table.missing("url", "the base that phones load firmware from: `url = \"http://192.0.2.5:8480\"`");
    }
    let listen = table.read("listen", value::address);
    let url = table.read("url", value::base_url).map(|url| url.value);
    let tls = table.table("tls").and_then(|tls| read_tls(&tls, folder, url.as_deref(), listen.as_ref()));
    let tftp = table.table("tftp").map(|tftp| read_tftp(&tftp));
    let rescues = read_rescues(&table);
    let ftp = table.table("ftp").map(|ftp| read_ftp(&ftp));
    let configs = read_configs(table.table("configs").as_ref());
    let listen = listen.map_or(any(8480), |listen| listen.value);
    Some(DepotConfig { listen, url: url?, tls, tftp, rescues, ftp, configs })
}

fn any(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))
}

fn size(table: &Table<'_>, key: &str, usual: usize) -> usize {
    table.count(key).map_or(usual, |count| count as usize)
}

fn read_tls(
    table: &Table<'_>,
    folder: &Path,
    url: Option<&str>,
    plain: Option<&At<SocketAddr>>,
) -> Option<TlsConfig> {
    for (key, hint) in [
        ("certificate", "the depot's certificate in PEM: `certificate = \"depot.crt\"`"),
        ("key", "the certificate's key in PEM: `key = \"depot.key\"`"),
    ] {
        if !table.has(key) {
            table.missing(key, hint);
        }
    }
    let listen = table.read("listen", value::address);
    if let (Some(listen), Some(plain)) = (&listen, plain)
        && listen.value == plain.value
    {
        let complaint = Complaint::new(
            format!("`{}` is where plain HTTP is spoken", listen.value),
            "HTTPS has a port of its own: `listen = \"0.0.0.0:8443\"`",
        );
        table.source().refuse(Code::Contradiction, &listen.span, complaint);
    }
    let own = table.read("url", secure_base_url).map(|url| url.value);
    let certificate = readable(table, "certificate", folder);
    let key = readable(table, "key", folder);
    if let Some(key) = &key {
        warn_if_open(table.source(), key);
    }
    let listen = listen.map_or(any(8443), |listen| listen.value);
    let url = own.or_else(|| url.map(|url| format!("https://{}:{}", host(url), listen.port())));
    Some(TlsConfig { listen, url: url?, certificate: certificate?, key: key? })
}

/// A file that is there and can be read.
fn readable(table: &Table<'_>, key: &str, folder: &Path) -> Option<PathBuf> {
    let file = table.text(key)?;
    let path = folder.join(file.value);
    match Source::read(&path) {
        Ok(_) => Some(path),
        Err(problem) => {
            let named = format!("`{}`: {}", file.value, problem.message);
            let complaint = Complaint { message: named, near: None, hint: problem.hint };
            table.source().refuse(Code::Unreadable, &file.span, complaint);
            None
        }
    }
}

fn read_tftp(table: &Table<'_>) -> TftpConfig {
    TftpConfig {
        listen: table.read("listen", value::address).map_or(any(69), |listen| listen.value),
        transfers: size(table, "transfers", 500),
        per_phone: size(table, "per_phone", 2),
    }
}

fn read_rescues(depot: &Table<'_>) -> Vec<RescueConfig> {
    let mut rescues = Vec::new();
    for table in depot.tables("rescue") {
        if !depot.has("tftp") {
            let hint = "broken phones ask over TFTP: add a table `[depot.tftp]`";
            table.source().refuse(
                Code::Contradiction,
                &table.span(),
                Complaint::new("no TFTP is spoken", hint),
            );
        }
        if !table.has("release") {
            table.missing("release", "the staged release that has the images: `release = \"snom-10.1.198\"`");
        }
        let models = table.read_all("models", |text| value::name(text).map(Model::new)).unwrap_or_default();
        let networks = networks(&table);
        if let Some(release) = table.read("release", value::name) {
            let models = models.into_iter().map(|model| model.value).collect();
            rescues.push(RescueConfig { release: release.value.into(), models, networks });
        }
    }
    rescues
}

fn networks(table: &Table<'_>) -> Vec<IpNet> {
    let networks = table.read_all("networks", value::network).unwrap_or_default();
    networks.into_iter().map(|network| network.value).collect()
}

fn read_ftp(table: &Table<'_>) -> FtpConfig {
    let listen = table.read("listen", |text| match value::address(text)? {
        SocketAddr::V4(address) => Ok(SocketAddr::V4(address)),
        // PASV tells four numbers.
        SocketAddr::V6(_) => Err(Complaint::new(
            format!("`{text}` is no address of IPv4"),
            "phones fetch by FTP over IPv4 alone: `0.0.0.0:21`, `192.0.2.5:21`",
        )),
    });
    FtpConfig {
        listen: listen.map_or(any(21), |listen| listen.value),
        passive_ports: table.read("passive_ports", ports).map_or(50_000..=50_499, |ports| ports.value),
        advertise: table.read("advertise", ipv4).map(|address| address.value),
        sessions: size(table, "sessions", 500),
    }
}

fn read_configs(table: Option<&Table<'_>>) -> ConfigsConfig {
    let Some(table) = table else {
        return ConfigsConfig { keep: 10, longest: 2_000_000, networks: Vec::new() };
    };
    ConfigsConfig {
        keep: size(table, "keep", 10),
        longest: table.count("longest_kb").map_or(2_000_000, |kilobytes| u64::from(kilobytes) * 1000),
        networks: networks(table),
    }
}

/// The base of the depot's addresses over HTTPS.
fn secure_base_url(text: &str) -> Result<String, Complaint> {
    let wrong = || {
        Complaint::new(format!("`{text}` is not a base for phones"), "write it like `https://192.0.2.5:8443`")
    };
    let rest = text.strip_prefix("https://").ok_or_else(wrong)?;
    value::base_url(&format!("http://{rest}")).map_err(|_| wrong())?;
    Ok(text.trim_end_matches('/').to_owned())
}

/// The least ports for fetching by FTP: each one is picked by chance, and picked again when it is taken.
const LEAST_PORTS: u16 = 10;

/// `50000-50499`
fn ports(text: &str) -> Result<RangeInclusive<u16>, Complaint> {
    let wrong = |hint: String| Complaint::new(format!("`{text}` is not a range of ports"), hint);
    let number = |text: &str| text.trim().parse::<u16>().ok().filter(|port| *port >= 1024);
    let range = text.split_once('-').and_then(|(first, last)| Some(number(first)?..=number(last)?));
    let range =
        range.ok_or_else(|| wrong("write the first and the last, from 1024 on: `50000-50499`".to_owned()))?;
    if range.len() < usize::from(LEAST_PORTS) {
        return Err(wrong(format!("take {LEAST_PORTS} or more, the smaller number first: `50000-50499`")));
    }
    Ok(range)
}

/// `192.0.2.5`
fn ipv4(text: &str) -> Result<Ipv4Addr, Complaint> {
    let address: Option<Ipv4Addr> = text.parse().ok().filter(|address: &Ipv4Addr| !address.is_unspecified());
    address.ok_or_else(|| {
        Complaint::new(
            format!("`{text}` is not an IPv4 address"),
            "write numbers, without a port: `192.0.2.5`",
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_of_a_url_is_what_phones_are_told() {
        for (url, said) in [
            ("http://192.0.2.5:8480", "192.0.2.5"),
            ("http://depot.example/x", "depot.example"),
            ("http://[2001:db8::5]:8480", "[2001:db8::5]"),
            ("http://[2001:db8::5]", "[2001:db8::5]"),
        ] {
            assert_eq!(host(url), said);
            assert_eq!(is_address(host(url)), url != "http://depot.example/x", "{url}");
        }
    }
}
