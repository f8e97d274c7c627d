//! What a phone fetches over HTTP: its settings, the document that names its firmware, the image.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, MutexGuard, PoisonError};

use chrono::TimeDelta;
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::{Request, Response, header};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, lookup_host};

use super::{Misfit, PhoneSpec};
use crate::sim::diary::What;
use crate::sim::house::House;
use crate::sim::snom::Flash;

/// How often a phone asks a server that does not answer, or takes up a broken download, before it gives up.
const TRIES: u32 = 6;
/// How long it waits in between.
const BETWEEN_TRIES: TimeDelta = TimeDelta::seconds(2);
/// What a phone's TCP stack takes in before the phone reads it, in bytes.
const RECEIVE_BUFFER: u32 = 16 * 1024;
/// So often it lets itself be sent from one setting server to the next.
const MOST_SERVERS: u32 = 4;
/// Settings longer than this are no settings.
const LONGEST_DOCUMENT: usize = 1 << 20;

/// Who fetches.
pub(super) struct Errand {
    /// The phone's own address: the depot knows it by that.
    pub from: IpAddr,
    /// Its `User-Agent`.
    pub user_agent: String,
}

/// What a phone is to fetch.
pub(super) struct Offer {
    /// The address of the image.
    image: String,
    /// The address of the bootloader that goes with it (snom).
    bootloader: Option<String>,
}

/// Asks for settings and, where they allow an update, for the name of the firmware. What is returned is an image with
/// another version than `runs`.
pub(super) async fn ask(
    spec: &PhoneSpec,
    house: &House,
    errand: &Errand,
    flash: Option<&Mutex<Flash>>,
    base: &str,
    runs: &str,
) -> Option<Offer> {
    let settings = settings(spec, house, errand, flash, base).await?;
    let (mut bootloader, mut asks_first) = (None, false);
    let image = if spec.vendor == "snom" {
        // A snom's factory default is `settings_only`: without the setting nothing is flashed.
        asks_first = match element(&settings, "update_policy")?.as_str() {
            "auto_update" => false,
            "ask_for_update" => true,
            _ => return None,
        };
        let url = element(&settings, "firmware_status")?;
        let (status, firmware) = errand.insist(house, &url).await?;
        let named = |name: &str| (status == 200).then(|| element(&firmware, name)).flatten();
        if let (Some(flash), Some(url)) = (flash, named("firmware_uxm")) {
            locked(flash).module_offer = Some(url);
        }
        // What the document does not name stays as it was set.
        let kept = flash.map(|flash| locked(flash).bootloader.clone());
        bootloader = named("bootloader").or(kept).filter(|url| !url.is_empty());
        if let Some(flash) = flash {
            locked(flash).bootloader = bootloader.clone().unwrap_or_default();
        }
        named("firmware")?.replace("{mac}", &spec.mac.bare_upper())
    } else {
        settings.lines().find_map(|line| {
            let (key, value) = line.split_once('=')?;
            matches!(key.trim(), "firmware.url" | "static.firmware.url").then(|| value.trim().to_owned())
        })?
    };
    if image.is_empty() || version_in(&image)? == runs {
        return None;
    }
    if asks_first {
        house.write(spec.mac, What::AsksItsUser);
        return None;
    }
    house.write(spec.mac, What::FirmwareOffered { file: image.clone() });
    Some(Offer { image, bootloader })
}

/// Its settings: where they name another setting server, those of that one.
async fn settings(
    spec: &PhoneSpec,
    house: &House,
    errand: &Errand,
    flash: Option<&Mutex<Flash>>,
    base: &str,
) -> Option<String> {
    let kept = flash.map(|flash| locked(flash).setting_server.clone()).filter(|server| !server.is_empty());
    let mut server = kept.unwrap_or_default();
    for _ in 0..MOST_SERVERS {
        let url = match server.as_str() {
            "" => format!("{}/{}", base.trim_end_matches('/'), spec.settings_file()),
            server => server.replace("{mac}", &spec.mac.bare_upper()),
        };
        let answer = errand.insist(house, &url).await;
        let status = answer.as_ref().map_or(0, |(status, _)| *status);
        house.write(spec.mac, What::SettingsAsked { status });
        let text = answer.filter(|(status, _)| *status == 200)?.1;
        let Some(flash) = flash else { return Some(text) };
        let next = {
            let mut flash = locked(flash);
            if let Some(action) = element(&text, "checksync_action") {
                flash.checksync_action = action;
            }
            if element(&text, "prov_polling_enabled").as_deref() == Some("on") {
                let period = element(&text, "prov_polling_period").and_then(|text| text.parse().ok());
                flash.poll = period.map(TimeDelta::seconds);
            }
            element(&text, "setting_server").filter(|next| *next != flash.setting_server)
        };
        let Some(next) = next else { return Some(text) };
        house.write(spec.mac, What::Redirected { to: next.clone() });
        locked(flash).setting_server.clone_from(&next);
        server = next;
    }
    None
}

fn locked(flash: &Mutex<Flash>) -> MutexGuard<'_, Flash> {
    flash.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Downloads a file; whether it is there whole.
pub(super) async fn whole(spec: &PhoneSpec, house: &House, errand: &Errand, url: &str) -> bool {
    let mut have = 0;
    for _ in 0..TRIES {
        match fetch(spec, house, errand, url, &mut have, false).await {
            Fetched::Whole => {
                house.write(spec.mac, What::ImageComplete { bytes: have });
                return true;
            }
            Fetched::Broken => house.write(spec.mac, What::ImageBroke { at: have }),
            Fetched::Refused => break,
        }
        house.pass(BETWEEN_TRIES).await;
    }
    house.write(spec.mac, What::UpdateGivenUp);
    false
}

/// What belongs behind an image, by the `chained_url` of its address; whether it is there, or there is none.
async fn chained(spec: &PhoneSpec, house: &House, errand: &Errand, url: &str) -> bool {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    let Some(next) = query.split('&').find_map(|pair| pair.strip_prefix("chained_url=")) else { return true };
    let Some((200, text)) = errand.text(&decoded(next)).await else { return false };
    house.write(spec.mac, What::ChainedFetched { bytes: text.len() as u64 });
    true
}

/// The bootloader that the firmware document names beside the image; whether it is there, or there is none.
///
/// "For snom190 and snom3xx series only the firmware field is used": one of these that gets a bootloader is lost.
async fn bootloader(spec: &PhoneSpec, house: &House, errand: &Errand, url: Option<&str>) -> bool {
    let Some(url) = url else { return true };
    if matches!(spec.model.as_bytes(), [b'1', b'9', b'0'] | [b'3', b'0'..=b'9', b'0'..=b'9']) {
        house.write(spec.mac, What::BootloaderRuined);
        std::future::pending::<()>().await;
    }
    let Some((200, text)) = errand.text(url).await else { return false };
    house.write(spec.mac, What::BootloaderFetched { bytes: text.len() as u64 });
    true
}

/// Two digits behind a `%` are a byte.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let [first, after @ ..] = rest {
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let byte = digits.filter(|_| *first == b'%').and_then(|two| u8::from_str_radix(two, 16).ok());
        bytes.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Downloads an image, resuming where it broke, and flashes it. `None`: it could not be had, or was refused.
pub(super) async fn update(
    spec: &PhoneSpec,
    house: &House,
    errand: &Errand,
    offer: &Offer,
    mut break_once: bool,
) -> Option<String> {
    let url = offer.image.as_str();
    let version = version_in(url)?;
    let mut have = 0;
    for _ in 0..TRIES {
        match fetch(spec, house, errand, url, &mut have, break_once).await {
            Fetched::Whole => {
                house.write(spec.mac, What::ImageComplete { bytes: have });
                if spec.misfit == Misfit::RejectsImage {
                    house.write(spec.mac, What::ImageRejected);
                    return None;
                }
                if !chained(spec, house, errand, url).await
                    || !bootloader(spec, house, errand, offer.bootloader.as_deref()).await
                {
                    break;
                }
                house.pass(spec.pace.flash).await;
                house.write(spec.mac, What::Flashed { version: version.clone() });
                return Some(version);
            }
            Fetched::Broken => house.write(spec.mac, What::ImageBroke { at: have }),
            Fetched::Refused => break,
        }
        break_once = false;
        house.pass(BETWEEN_TRIES).await;
    }
    house.write(spec.mac, What::UpdateGivenUp);
    None
}

/// How one attempt at a download ended.
enum Fetched {
    /// The last byte is there.
    Whole,
    /// The connection ended before that.
    Broken,
    /// The depot will not give it.
    Refused,
}

async fn fetch(
    spec: &PhoneSpec,
    house: &House,
    errand: &Errand,
    url: &str,
    have: &mut u64,
    break_off: bool,
) -> Fetched {
    let Some(answer) = errand.get(url, *have).await else { return Fetched::Broken };
    match answer.status().as_u16() {
        206 if range_start(&answer) == Some(*have) => {}
        // The whole file again: begin anew (RFC 9110 section 14.2).
        200 => *have = 0,
        _ => return Fetched::Refused,
    }
    let length =
        answer.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse::<u64>().ok());
    let Some(total) = length.map(|length| *have + length) else { return Fetched::Refused };
    house.write(spec.mac, What::ImageBegan { from: *have });
    let (began, first) = (house.now(), *have);
    let mut body = answer.into_body();
    while let Some(Ok(frame)) = body.frame().await {
        *have += frame.data_ref().map_or(0, |data| data.len() as u64);
        if break_off && *have >= total / 2 {
            return Fetched::Broken;
        }
        if let Some(millis) = ((*have - first) * 1000).checked_div(spec.pace.bytes_per_second) {
            let due = began + TimeDelta::milliseconds(i64::try_from(millis).unwrap_or(i64::MAX));
            tokio::time::sleep(house.clock.until(due)).await;
        }
    }
    if *have == total { Fetched::Whole } else { Fetched::Broken }
}

/// The first byte that a 206 carries (RFC 9110 section 14.4).
fn range_start(answer: &Response<Incoming>) -> Option<u64> {
    let range = answer.headers().get(header::CONTENT_RANGE)?.to_str().ok()?;
    range.strip_prefix("bytes ")?.split('-').next()?.parse().ok()
}

impl Errand {
    /// A whole document, asked for again while nobody answers; `None` when nobody did in the end.
    async fn insist(&self, house: &House, url: &str) -> Option<(u16, String)> {
        for _ in 1..TRIES {
            if let Some(answer) = self.text(url).await {
                return Some(answer);
            }
            house.pass(BETWEEN_TRIES).await;
        }
        self.text(url).await
    }

    /// A whole document; `None` when nobody answers.
    async fn text(&self, url: &str) -> Option<(u16, String)> {
        let answer = self.get(url, 0).await?;
        let status = answer.status().as_u16();
        let body = http_body_util::Limited::new(answer.into_body(), LONGEST_DOCUMENT).collect().await.ok()?;
        Some((status, String::from_utf8_lossy(&body.to_bytes()).into_owned()))
    }

    /// The head of an answer, its body still to come, from this byte on.
    async fn get(&self, url: &str, from: u64) -> Option<Response<Incoming>> {
        let (host, path) = split_url(url)?;
        let name = if host.contains(':') { host.to_owned() } else { format!("{host}:80") };
        let server = lookup_host(name).await.ok()?.find(SocketAddr::is_ipv4)?;
        let socket = TcpSocket::new_v4().ok()?;
        // A phone has little memory: a server that dies takes with it what it has not sent yet.
        socket.set_recv_buffer_size(RECEIVE_BUFFER).ok()?;
        socket.bind(SocketAddr::new(self.from, 0)).ok()?;
        let stream = socket.connect(server).await.ok()?;
        let (mut sender, connection) =
            hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.ok()?;
        let mut request = Request::get(path)
            .header(header::HOST, host)
            .header(header::USER_AGENT, &self.user_agent)
            .header(header::CONNECTION, "close");
        if from > 0 {
            request = request.header(header::RANGE, format!("bytes={from}-"));
        }
        let request = request.body(Empty::<Bytes>::new()).ok()?;
        // It ends with the response: dropping the body closes the connection.
        tokio::spawn(connection);
        sender.send_request(request).await.ok()
    }
}

/// `host[:port]` and path of an `http:` address.
fn split_url(url: &str) -> Option<(&str, &str)> {
    let rest = url.strip_prefix("http://")?;
    Some(rest.find('/').map_or((rest, "/"), |at| rest.split_at(at)))
}

/// The text of the first element of this name, entities resolved; only what settings documents contain.
fn element(document: &str, name: &str) -> Option<String> {
    let opening = format!("<{name}");
    let at = document
        .match_indices(&opening)
        .find(|(at, _)| document[at + opening.len()..].starts_with([' ', '>']))?
        .0;
    let (_, rest) = document[at..].split_once('>')?;
    let text = rest.split('<').next()?.trim();
    Some(text.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", "\""))
}

/// The version in an image's file name: `10.1.198.19` of `…/snomD785-10.1.198.19-SIP-r.bin`.
fn version_in(url: &str) -> Option<String> {
    let file = url.split('?').next()?.rsplit('/').next()?;
    file.split('-').find_map(|part| {
        let digits: String = part.chars().take_while(|c| c.is_ascii_digit() || *c == '.').collect();
        let version = digits.trim_end_matches('.');
        version.contains('.').then(|| version.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_read_from_the_name_of_the_image() {
        let url = "http://127.0.0.1:8080/fw/snomD785-10.1.198.19-SIP-r.bin?mac=000413";
        assert_eq!(version_in(url).as_deref(), Some("10.1.198.19"));
        assert_eq!(version_in("http://h/T46S-66.86.0.15.rom").as_deref(), Some("66.86.0.15"));
        assert_eq!(version_in("http://h/image.bin"), None);
    }

    #[test]
    fn an_element_is_not_confused_with_one_whose_name_begins_alike() {
        let text = "<firmware-settings><firmware_uxm perm=\"\">u</firmware_uxm>\
                    <firmware perm=\"\">http://h/a?b&amp;c</firmware></firmware-settings>";
        assert_eq!(element(text, "firmware").as_deref(), Some("http://h/a?b&c"));
        assert_eq!(element(text, "firmware_status"), None);
    }

    #[test]
    fn an_address_is_split_into_host_and_path() {
        assert_eq!(split_url("http://127.0.0.1:80/a/b"), Some(("127.0.0.1:80", "/a/b")));
        assert_eq!(split_url("http://h"), Some(("h", "/")));
        assert_eq!(split_url("ftp://h/"), None);
    }
}
