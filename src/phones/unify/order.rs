//! What a deployment service answers a phone: a `DLSMessage`, written so that no factory reset can be said.
//!
//! `Restart` takes a `restart-type` that wipes the phone. [`Order::Restart`] carries nothing, [`Setting`]s that come near
//! it are refused, and no other order lets its caller choose an item's name.

use std::fmt;

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

use super::message::Action;
use crate::domain::items::WantedItem;

const NAMESPACE: &str = "http://www.siemens.com/DLS";

/// An answer to a phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// Tell all items.
    ReadAllItems,
    /// Tell these items.
    ReadItems(&'static [&'static str]),
    /// Tell what these settings are now.
    ReadSettings(Vec<Setting>),
    /// Tell the items that did not fit.
    GetNextFragment,
    /// Change these settings; a phone in a call says that it is busy.
    WriteItems(Vec<Setting>),
    /// Load an image, when no call is on the phone.
    Software(Software),
    /// Load these files.
    Files(Vec<MediaFile>),
    /// Reboot, no more.
    Restart,
    /// The conversation is over.
    CleanUp {
        /// Call again once no call is on the phone (V3R3 and later).
        send_solicited: bool,
        /// Why it is over, for who looks into the phone's trace.
        because: Option<&'static str>,
    },
}

impl Order {
    /// The conversation is over and nothing is to come.
    pub const GOODBYE: Self = Self::CleanUp { send_solicited: false, because: None };

    /// What it is called.
    pub const fn action(&self) -> Action {
        match self {
            Self::ReadAllItems => Action::ReadAllItems,
            Self::ReadItems(_) | Self::ReadSettings(_) => Action::ReadItems,
            Self::GetNextFragment => Action::GetNextFragment,
            Self::WriteItems(_) => Action::WriteItems,
            Self::Software(_) => Action::SoftwareDeployment,
            Self::Files(_) => Action::FileDeployment,
            Self::Restart => Action::Restart,
            Self::CleanUp { .. } => Action::CleanUp,
        }
    }

    /// The whole document, an answer to the message with this nonce.
    pub fn document(&self, nonce: &str) -> Vec<u8> {
        self.written(Some(nonce))
    }

    /// The whole document for a phone that fetches it as a file: there is no nonce.
    pub fn file(&self) -> Vec<u8> {
        self.written(None)
    }

    fn written(&self, nonce: Option<&str>) -> Vec<u8> {
        let items = self.items();
        written(|writer| {
            let root = writer.create_element("DLSMessage").with_attributes([
                ("xmlns", NAMESPACE),
                ("xmlns:xsi", "http://www.w3.org/2001/XMLSchema-instance"),
                ("xsi:schemaLocation", NAMESPACE),
            ]);
            root.write_inner_content(|writer| {
                let message = writer.create_element("Message");
                let message = match nonce {
                    Some(nonce) => message.with_attribute(("nonce", nonce)),
                    None => message,
                };
                message.write_inner_content(|writer| {
                    let action = BytesText::new(self.action().as_str());
                    writer.create_element("Action").write_text_content(action)?;
                    if !items.is_empty() {
                        writer.create_element("ItemList").write_inner_content(|writer| {
                            items.iter().try_for_each(|item| item.write(writer))
                        })?;
                    }
                    Ok(())
                })?;
                Ok(())
            })?;
            Ok(())
        })
    }

    fn items(&self) -> Vec<Written> {
        match self {
            Self::ReadAllItems | Self::GetNextFragment | Self::Restart => Vec::new(),
            Self::ReadItems(names) => names.iter().map(|name| Written::new(name, None, "")).collect(),
            Self::ReadSettings(settings) => {
                settings.iter().map(|setting| Written::new(setting.name(), setting.index(), "")).collect()
            }
            Self::WriteItems(settings) => {
                let written =
                    |setting: &Setting| Written::new(setting.name(), setting.index(), setting.value());
                settings.iter().map(written).collect()
            }
            Self::Software(software) => software.items(),
            Self::Files(files) => {
                // One file is told without an index: only then the phone tells how it went.
                let index = |n: usize| (files.len() > 1).then(|| u32::try_from(n + 1).unwrap_or(u32::MAX));
                files.iter().enumerate().flat_map(|(n, file)| file.items(index(n))).collect()
            }
            Self::CleanUp { send_solicited, because } => {
                let solicited = send_solicited.then(|| Written::new("send-solicited", None, "true"));
                let because = because.map(|why| Written::new("cleanup-reason", None, why));
                solicited.into_iter().chain(because).collect()
            }
        }
    }
}

/// One item of a document.
struct Written {
    name: String,
    index: Option<u32>,
    value: String,
}

impl Written {
    fn new(name: &str, index: Option<u32>, value: &str) -> Self {
        // XML 1.0 cannot say other control characters at all.
        let value = value.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
        Self { name: name.to_owned(), index, value }
    }

    fn write(&self, writer: &mut Writer<Vec<u8>>) -> std::io::Result<()> {
        let item = writer.create_element("Item").with_attribute(("name", self.name.as_str()));
        let item = match self.index {
            Some(index) => item.with_attribute(("index", index.to_string().as_str())),
            None => item,
        };
        if self.value.is_empty() {
            item.write_empty()?;
        } else {
            item.write_text_content(BytesText::new(&self.value))?;
        }
        Ok(())
    }
}

/// Where a phone loads a file from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// From this address, by HTTPS; it names the file too.
    Https {
        /// `https://192.0.2.5:8443/unify/001AE8010203/OS_80_SIP_V1_R4_9_0.img`
        url: String,
    },
    /// By FTP.
    Ftp {
        /// The server's name or address.
        server: String,
        /// Its port.
        port: u16,
        /// The account.
        username: String,
        /// Its password.
        password: Password,
        /// The folder the file lies in.
        path: String,
    },
    /// From where the phone's own defaults say: it is told the file's name alone.
    Defaults,
}

/// A password of a file server; it is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub String);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Place {
    fn items(&self, file: &str, index: Option<u32>) -> Vec<Written> {
        let item = |name: &str, value: &str| Written::new(name, index, value);
        match self {
            Self::Https { url } => vec![item("file-https-base-url", url)],
            Self::Ftp { server, port, username, password, path } => vec![
                item("file-server", server),
                item("file-port", &port.to_string()),
                item("file-username", username),
                item("file-pwd", &password.0),
                item("file-path", path),
                item("file-name", file),
            ],
            Self::Defaults => vec![item("file-name", file)],
        }
    }
}

/// An image to be loaded. It is always told with `file-priority` `normal`: with `immediate`, which phones take for granted
/// where nothing is said, they drop their calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Software {
    /// The file's name.
    pub file: String,
    /// Where it lies.
    pub place: Place,
    /// `Siemens SIP`; what the phone runs already.
    pub software_type: String,
    /// Its version with points: `1.4.9.0`.
    pub version: String,
}

impl Software {
    fn items(&self) -> Vec<Written> {
        let mut items = self.place.items(&self.file, None);
        items.extend([
            Written::new("file-type", None, "APP"),
            Written::new("file-sw-type", None, &self.software_type),
            Written::new("file-sw-version", None, &self.version),
            Written::new("file-priority", None, "normal"),
        ]);
        items
    }
}

/// A file that is no image: a logo, a ringtone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MediaFile {
    /// The file's name.
    pub file: String,
    /// Where it lies.
    pub place: Place,
    /// What it is.
    pub kind: MediaKind,
}

/// What a file is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MediaKind {
    /// A picture behind the display.
    Logo,
    /// A ringtone.
    Ringtone,
    /// A picture for idle times.
    Screensaver,
    /// A picture of somebody who calls.
    Picture,
    /// How a directory is asked.
    Ldap,
}

impl MediaKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Logo => "LOGO",
            Self::Ringtone => "RINGTONE",
            Self::Screensaver => "SCREENSAVER",
            Self::Picture => "PIC",
            Self::Ldap => "LDAP",
        }
    }
}

impl MediaFile {
    fn items(&self, index: Option<u32>) -> Vec<Written> {
        let mut items = self.place.items(&self.file, index);
        items.push(Written::new("file-type", index, self.kind.as_str()));
        if index.is_some() {
            items.push(Written::new("file-action", index, "deploy"));
        }
        items
    }
}

/// A setting to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting(WantedItem);

/// A setting that is not written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NotWritable {
    /// It is no name of an item.
    #[error("`{0}` is no name of an item")]
    Name(String),
    /// It would come near a factory reset, a deployment, or the phone's own passwords.
    #[error("`{0}` is never written by sipherd")]
    Never(String),
    /// No phone would tell it again as it is written.
    #[error("the value of `{0}` begins or ends with a blank, or has signs that no message can hold")]
    Value(String),
    /// It is longer than any setting.
    #[error("the value of `{0}` is too long: {LONGEST_VALUE} bytes are the most")]
    TooLong(String),
}

/// The longest value of a setting, in bytes.
const LONGEST_VALUE: usize = 4096;

/// Beginnings of names that no setting has: they belong to orders of their own.
const OTHER_ORDERS: [&str; 4] = ["restart", "file-", "send-solicited", "cleanup"];

impl Setting {
    /// A setting of this name.
    pub fn new(name: &str, index: Option<u32>, value: &str) -> Result<Self, NotWritable> {
        let plain = name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if name.is_empty() || name.len() > 80 || !plain {
            return Err(NotWritable::Name(name.chars().take(60).collect()));
        }
        let bare = |text: &str| text.to_ascii_lowercase().replace(['-', '_', ' '], "");
        let resets = [name, value].into_iter().any(|text| bare(text).contains("factoryreset"));
        if resets || OTHER_ORDERS.iter().any(|other| name.starts_with(other)) {
            return Err(NotWritable::Never(name.to_owned()));
        }
        if value.trim() != value || value.chars().any(char::is_control) {
            return Err(NotWritable::Value(name.to_owned()));
        }
        if value.len() > LONGEST_VALUE {
            return Err(NotWritable::TooLong(name.to_owned()));
        }
        Ok(Self(WantedItem { name: name.into(), index, value: value.into() }))
    }

    /// This one, as policies and trips have it.
    pub fn of(item: &WantedItem) -> Result<Self, NotWritable> {
        Self::new(&item.name, item.index, &item.value)
    }

    /// The same, as policies and trips have it.
    pub fn item(&self) -> &WantedItem {
        &self.0
    }

    /// The item's name.
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// Which one, where there are several.
    pub fn index(&self) -> Option<u32> {
        self.0.index
    }

    /// What it is to be.
    pub fn value(&self) -> &str {
        &self.0.value
    }
}

fn written(body: impl FnOnce(&mut Writer<Vec<u8>>) -> std::io::Result<()>) -> Vec<u8> {
    let mut writer = Writer::new(Vec::new());
    let declared = writer.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)));
    // Writing to memory does not fail; if it ever did, a phone must not get half an order.
    match declared.and_then(|()| body(&mut writer)) {
        Ok(()) => writer.into_inner(),
        Err(_) => Vec::new(),
    }
}

#[cfg(test)]
#[path = "order_tests.rs"]
mod tests;
