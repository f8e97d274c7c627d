//! The phones of a test, with what is left out filled in.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use chrono::DateTime;
use chrono_tz::Tz;

use super::super::raw::Complaint;
use super::super::table::Table;
use super::super::{inventory, value};
use super::Surroundings;
use crate::config::code::Code;
use crate::domain::firmware::{ModuleKind, Version};
use crate::domain::modules::{ModulePower, Modules};
use crate::domain::phone::{
    Hardware, KnownBy, Line, LineId, Mac, Model, PbxName, Phone, Realm, Site, Switch, Tag, Vendor,
};
use crate::domain::policy::{Group, Policy};
use crate::domain::rehearsal::Player;

/// The most phones of one test: each rule plays each test once more.
const MOST_PHONES: u16 = 500;

/// Zones of sites.
type Zones = BTreeMap<Site, Tz>;

/// Reads `phone` or `fleet`; what is wrong is recorded.
pub(super) fn read(test: &Table<'_>, policies: &[Policy], around: &Surroundings) -> (Vec<Player>, Zones) {
    let known = around.sites.iter().flatten();
    let mut zones: Zones = known.filter_map(|(site, zone)| Some((site.clone(), (*zone)?))).collect();
    let tables = match test.one_of(
        &["phone", "fleet"],
        "one phone: `phone = { model = \"D785\" }`; several: `fleet = [ { … }, … ]`",
    ) {
        Some("phone") => test.table("phone").into_iter().collect(),
        Some(_) => test.tables("fleet"),
        None => Vec::new(),
    };
    let mut players: Vec<Player> = Vec::new();
    let mut taken = Taken::default();
    let mut number: u16 = 0;
    for table in &tables {
        let mut many = table.count("count").and_then(|count| u16::try_from(count).ok()).unwrap_or(1);
        for key in ["mac", "lines"].into_iter().filter(|key| table.has(key)) {
            if many < 2 {
                break;
            }
            let hint = "leave it out, or write the phones one by one";
            table.error_at(key, Complaint::new(format!("phones of one `count` cannot share `{key}`"), hint));
            many = 1;
        }
        for copy in 1..=many {
            number = number.saturating_add(1);
            if number > MOST_PHONES {
                let most = Complaint::new(
                    format!("a test has {MOST_PHONES} phones at most"),
                    "`sipherd simulate` plays with larger fleets",
                );
                table.source().refuse(Code::OutOfBounds, &table.span(), most);
                return (players, zones);
            }
            let Some(mut player) = player(table, number, policies, around, &mut zones) else { break };
            if many > 1 && table.has("name") {
                player.name = format!("{}-{copy}", player.name).into();
            }
            taken.take(table, &player);
            players.push(player);
        }
    }
    (players, zones)
}

fn player(
    table: &Table<'_>,
    number: u16,
    policies: &[Policy],
    around: &Surroundings,
    zones: &mut Zones,
) -> Option<Player> {
    let word = |key| table.read(key, value::name).map(|name| name.value);
    let words = |key| {
        let names = table.read_all(key, value::name).unwrap_or_default();
        names.into_iter().map(|name| name.value).collect::<Vec<_>>()
    };
    let [high, low] = number.to_be_bytes();
    let name = word("name").unwrap_or_else(|| number.to_string());
    let mac = table.read("mac", value::mac).map_or(Mac::new([0, 4, 0x13, 0, high, low]), |mac| mac.value);
    let mut phone = Phone::new(mac, KnownBy::Inventory);
    phone.vendor = word("vendor").map(|name| Vendor::new(&name)).or_else(|| only_vendor(policies));
    phone.model = table.text("model").map(|model| Model::new(model.value));
    phone.version = table.read("version", version).map(|version| version.value);
    phone.hardware = word("hardware").map(Hardware::new);
    phone.realm = word("in_realm").map(Realm::new);
    phone.home = word("realm").map(Realm::new);
    phone.module_power = table.word("module_power").map(|word| match word.value {
        "external" => ModulePower::External,
        _ => ModulePower::Usb,
    });
    let module = table.read("module", version).map(|version| version.value);
    let kind = table.word("module_kind").map(|word| match word.value {
        "d7c" => ModuleKind::D7c,
        _ => ModuleKind::Uxm,
    });
    let count = table.count("modules").and_then(|count| u8::try_from(count).ok());
    if let Some(count) = count.or(module.is_some().then_some(1)) {
        let long_ago = DateTime::UNIX_EPOCH;
        phone.modules = Some(Box::new(Modules::told(None, count, kind, module, long_ago)));
    }
    // What is made up for a test has no content.
    phone.files = words("files").into_iter().map(|file| (file, String::new())).collect();
    phone.switch = word("switch").map(Switch::new);
    phone.tags = words("tags").into_iter().map(Tag::new).collect();
    phone.site = table
        .read("site", |text| {
            let site = Site::new(value::name(text)?);
            match &around.sites {
                Some(sites) if !sites.contains_key(&site) => {
                    Err(inventory::unknown_site(text, &sites.keys().cloned().collect::<BTreeSet<_>>()))
                }
                Some(_) | None => Ok(site),
            }
        })
        .map(|site| site.value);
    zone(table, &phone, zones);
    let pbx = match (word("pbx"), around.pbxs.as_slice()) {
        (Some(name), _) => PbxName::new(name),
        (None, [only]) => only.clone(),
        (None, _) => PbxName::new("pbx"),
    };
    let mut lines = words("lines");
    if lines.is_empty() {
        lines.push((100 + u32::from(number)).to_string());
    }
    for user in lines {
        phone.lines.insert(LineId { pbx: pbx.clone(), user: user.into() }, Line::UNSEEN);
    }
    let address = table.read("address", |text| {
        text.parse()
            .map_err(|_| Complaint::new(format!("`{text}` is not an address"), "write it like `192.0.2.17`"))
    });
    let mut groups: Vec<Group> = words("queue").into_iter().map(|name| Group::Queue(name.into())).collect();
    groups.extend(words("ring_group").into_iter().map(|name| Group::RingGroup(name.into())));
    Some(Player {
        name: name.into(),
        phone,
        address: address.map_or(IpAddr::V4(by_default(high, low)), |address| address.value),
        groups,
    })
}

/// An address for documents, and where these end one for measurements.
fn by_default(high: u8, low: u8) -> Ipv4Addr {
    match (high, low) {
        (0, 1..=254) => Ipv4Addr::new(192, 0, 2, low),
        _ => Ipv4Addr::new(198, 18, high, low),
    }
}

/// A version, as a phone reports it.
pub(super) fn version(text: &str) -> Result<Version, Complaint> {
    Version::parse(text).map_err(|_| {
        Complaint::new(
            format!("`{text}` is not a firmware version"),
            "write it as the phone reports it: `10.1.64.14`",
        )
    })
}

/// The maker, where all policies together select one only.
fn only_vendor(policies: &[Policy]) -> Option<Vendor> {
    let mut vendors = policies.iter().flat_map(|policy| &policy.select.vendor);
    let first = vendors.next()?;
    vendors.all(|other| other == first).then(|| first.clone())
}

/// A phone's zone is its site's.
fn zone(table: &Table<'_>, phone: &Phone, zones: &mut Zones) {
    let Some(zone) = table.read("zone", value::zone) else { return };
    let Some(site) = &phone.site else {
        let hint = "name its `site`, or give the whole test the `zone`";
        return table.source().refuse(
            Code::Contradiction,
            &zone.span,
            Complaint::new("the zone of a phone is its site's", hint),
        );
    };
    match zones.insert(site.clone(), zone.value) {
        Some(other) if other != zone.value => {
            let hint = format!("leave it out, or write `{other}`");
            table.source().refuse(
                Code::Contradiction,
                &zone.span,
                Complaint::new(format!("site `{site}` is in {other}"), hint),
            );
        }
        Some(_) | None => {}
    }
}

/// What each phone has alone.
#[derive(Default)]
struct Taken {
    names: BTreeSet<Arc<str>>,
    macs: BTreeSet<Mac>,
    lines: BTreeSet<LineId>,
}

impl Taken {
    /// Records what another phone of the test has already.
    fn take(&mut self, table: &Table<'_>, new: &Player) {
        let complain = |key: &'static str, what: String| {
            let hint = format!("give each phone its own `{key}`");
            table.error_at(key, Complaint::new(format!("another phone of this test has {what} too"), hint));
        };
        if !self.names.insert(new.name.clone()) {
            complain("name", format!("the name `{}`", new.name));
        }
        if !self.macs.insert(new.phone.mac) {
            complain("mac", format!("the address {}", new.phone.mac));
        }
        let mut twice = None;
        for line in new.phone.lines.keys() {
            if !self.lines.insert(line.clone()) {
                twice = twice.or(Some(line));
            }
        }
        if let Some(line) = twice {
            complain("lines", format!("the line {}", line.user));
        }
    }
}
