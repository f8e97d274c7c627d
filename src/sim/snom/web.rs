//! The web server of a snom: its information page, the page for manual updates, settings by URL, and the reboot.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Flash, single};

/// Longer requests are nobody's.
const LONGEST: usize = 8 * 1024;

/// Serves until the task ends; `reboot` is called when somebody asks for one.
pub(in crate::sim) async fn serve(address: IpAddr, flash: Arc<Mutex<Flash>>, reboot: impl Fn()) {
    let port = flash.lock().unwrap_or_else(PoisonError::into_inner).make.web_port;
    let Some(port) = port else { return std::future::pending().await };
    let Ok(listener) = TcpListener::bind((address, port)).await else { return };
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        // A phone that boots answers nobody.
        if flash.lock().unwrap_or_else(PoisonError::into_inner).up
            && answer(stream, &flash).await == Some(true)
        {
            reboot();
        }
    }
}

/// Answers one request; whether it asks for a reboot.
async fn answer(mut stream: TcpStream, flash: &Mutex<Flash>) -> Option<bool> {
    let mut request = Vec::new();
    let mut buffer = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < LONGEST {
        match stream.read(&mut buffer).await.ok()? {
            0 => return None,
            n => request.extend_from_slice(&buffer[..n]),
        }
    }
    let text = String::from_utf8_lossy(&request).into_owned();
    let (status, more, body, reboots) = reply(&text, flash);
    let head = format!(
        "HTTP/1.1 {status}\r\n{more}Content-Type: text/html\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    );
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(body.as_bytes()).await.ok()?;
    Some(reboots)
}

fn reply(request: &str, flash: &Mutex<Flash>) -> (&'static str, &'static str, String, bool) {
    let mut flash = flash.lock().unwrap_or_else(PoisonError::into_inner);
    let nothing = |status, more| (status, more, String::new(), false);
    let path = request.split(' ').nth(1).unwrap_or("");
    if !authorized(request, flash.make.web_password.as_ref()) {
        return nothing("401 Unauthorized", "WWW-Authenticate: Basic realm=\"snom\"\r\n");
    }
    let (page, query) = path.split_once('?').unwrap_or((path, ""));
    match page {
        "/info.htm" => ("200 OK", "", information(&flash), false),
        "/update.htm" => {
            let body =
                "<html><h2>Manual Expansion Module Software Update</h2>Firmware: <input name=\"uxm\"></html>";
            ("200 OK", "", body.to_owned(), false)
        }
        "/settings.htm" => {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            if !flash.make.saves_nothing
                && pairs.clone().any(|pair| pair == ("settings", "save"))
                && let Some((_, url)) = pairs.find(|(name, _)| *name == "firmware_uxm")
            {
                flash.firmware_uxm = url.to_owned();
            }
            ("200 OK", "", "<html>saved</html>".to_owned(), false)
        }
        "/advanced_update.htm" if query == "reboot=Reboot" => {
            ("200 OK", "", "<html>rebooting</html>".to_owned(), true)
        }
        _ => nothing("404 Not Found", ""),
    }
}

fn information(flash: &Flash) -> String {
    let below = match (single(&flash.modules), &flash.shown) {
        (Some(_), Some(version)) => format!("<tr><td></td><td>Version {version}</td></tr>"),
        (_, _) => String::new(),
    };
    format!(
        "<html><body><table><tr><td>Firmware-Version:</td><td>snom-SIP {}</td></tr>\
         <tr><td>Rootfs-Version:</td><td>snom jffs2 3.36</td></tr><tr><td>USB Expansion Module:</td><td>{}</td></tr>{below}\
         <tr><td>Uptime:</td><td>1.02.03</td></tr></table></body></html>",
        flash.runs,
        flash.modules.len()
    )
}

fn authorized(request: &str, password: Option<&(String, String)>) -> bool {
    let Some((user, password)) = password else { return true };
    let wanted = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    request.lines().any(|line| {
        line.trim() == format!("authorization: Basic {wanted}")
            || line.trim() == format!("Authorization: Basic {wanted}")
    })
}

#[cfg(test)]
mod tests {
    use super::super::{Make, Module, left_alone};
    use super::*;

    #[test]
    fn a_request_clears_the_address_of_the_module_image_and_the_next_module_is_updated_from_there() {
        let make = Make { usb: true, modules: vec![Module::uxm("2.0.7")], ..Make::default() };
        let url = "http://d/snomUXM-2.1.1.bin";
        let memory = Flash { firmware_uxm: url.to_owned(), ..Flash::new(make, "10.1.64.14") };
        assert_eq!(left_alone(&memory, url), Some("same URL"));
        let flash = Mutex::new(memory);
        let asked = reply("GET /settings.htm?settings=save&firmware_uxm= HTTP/1.1\r\n\r\n", &flash);
        assert_eq!(asked.0, "200 OK");
        assert_eq!(left_alone(&flash.lock().unwrap(), url), None);
    }
}
