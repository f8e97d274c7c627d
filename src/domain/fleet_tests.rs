//! The fleet, told case by case: pictures, contacts, quiet, strangers.

use std::net::IpAddr;

use super::*;

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(1_795_000_000 + seconds, 0).unwrap()
}

fn pbx() -> PbxName {
    PbxName::new("pbx1")
}

fn line(user: &str) -> LineId {
    LineId { pbx: pbx(), user: user.into() }
}

fn mac(last: u8) -> Mac {
    Mac::new([0, 4, 0x13, 0, 0, last])
}

fn contact(user: &str, source: &str, call_id: &str) -> Contact {
    Contact {
        uri: format!("sip:{user}@{source};line=x").into(),
        source: Some(source.parse().unwrap()),
        call_id: Some(call_id.into()),
        user_agent: Some("snomD785/10.1.64.14".into()),
        expires: Some(at(600)),
    }
}

/// One phone with line 2117, watched.
fn fleet() -> Fleet {
    let mut fleet = Fleet::default();
    fleet.watch(pbx(), TimeDelta::seconds(30));
    let mut phone = Phone::new(mac(1), KnownBy::Inventory);
    phone.lines.insert(line("2117"), Line::UNSEEN);
    fleet.introduce(phone);
    fleet
}

fn picture(fleet: &mut Fleet, second: i64, contacts: &[Contact], calls: CallState) -> Vec<Sight> {
    let contacts = contacts.iter().map(|contact| (line("2117"), contact.clone())).collect();
    fleet.picture(&pbx(), contacts, vec![(line("2117"), calls)], at(second))
}

fn quiet_since(fleet: &Fleet) -> Option<DateTime<Utc>> {
    fleet.get(mac(1)).and_then(|phone| phone.lines.get(&line("2117")).unwrap().quiet_since)
}

#[test]
fn a_view_is_stale_until_its_first_picture_and_again_when_it_gets_old() {
    let mut fleet = fleet();
    fleet.freshen(&pbx(), at(0));
    assert!(!fleet.views()[&pbx()].is_fresh(at(0)), "an answer is no picture");
    picture(&mut fleet, 0, &[], CallState::Idle);
    assert!(fleet.views()[&pbx()].is_fresh(at(30)));
    assert!(!fleet.views()[&pbx()].is_fresh(at(31)));
    fleet.freshen(&pbx(), at(40));
    assert!(fleet.views()[&pbx()].is_fresh(at(60)));
    fleet.lost(&pbx());
    assert!(!fleet.views()[&pbx()].is_fresh(at(60)));
}

#[test]
fn quiet_counts_from_what_sipherd_saw_itself() {
    let mut fleet = fleet();
    assert_eq!(quiet_since(&fleet), None);
    picture(&mut fleet, 10, &[], CallState::Idle);
    picture(&mut fleet, 70, &[], CallState::Idle);
    assert_eq!(quiet_since(&fleet), Some(at(10)), "a further picture keeps it");
    fleet.calls(line("2117"), CallState::Talking, at(80));
    assert_eq!(quiet_since(&fleet), None);
    fleet.calls(line("2117"), CallState::Idle, at(90));
    assert_eq!(quiet_since(&fleet), Some(at(90)));
    fleet.lost(&pbx());
    assert_eq!(quiet_since(&fleet), None, "nobody watched");
    picture(&mut fleet, 200, &[], CallState::Idle);
    assert_eq!(quiet_since(&fleet), Some(at(200)));
}

#[test]
fn what_is_missing_in_a_picture_is_not_there() {
    let mut fleet = fleet();
    let sights = picture(&mut fleet, 0, &[contact("2117", "10.0.0.1:5060", "a")], CallState::Idle);
    assert!(sights.contains(&Sight::Registered(mac(1), line("2117"))));
    let sights = fleet.picture(&pbx(), vec![], vec![], at(5));
    assert!(sights.contains(&Sight::Gone(mac(1), line("2117"))));
    assert_eq!(fleet.get(mac(1)).unwrap().lines.get(&line("2117")).unwrap().calls, CallState::Unknown);
}

#[test]
fn the_same_picture_again_is_no_news() {
    let mut fleet = fleet();
    let contacts = [contact("2117", "10.0.0.1:5060", "a")];
    picture(&mut fleet, 0, &contacts, CallState::Idle);
    assert_eq!(picture(&mut fleet, 5, &contacts, CallState::Idle), []);
}

#[test]
fn several_contacts_are_counted_and_the_newest_is_shown() {
    let mut fleet = fleet();
    let mut old = contact("2117", "10.0.0.1:5060", "a");
    old.expires = Some(at(100));
    let new = contact("2117", "10.0.0.9:5060", "b");
    picture(&mut fleet, 0, &[new.clone(), old], CallState::Idle);
    let state = &fleet.get(mac(1)).unwrap().lines.get(&line("2117")).unwrap();
    assert_eq!((state.contacts, state.contact.as_ref()), (2, Some(&new)));
}

#[test]
fn a_stranger_is_bound_to_the_phone_that_asks_from_its_address() {
    let mut fleet = fleet();
    let here: IpAddr = "10.0.0.7".parse().unwrap();
    let contacts = vec![(line("3000"), contact("3000", "10.0.0.7:5060", "c"))];
    fleet.picture(&pbx(), contacts, vec![(line("3000"), CallState::Idle)], at(0));
    assert_eq!(fleet.strangers().count(), 1);
    fleet.introduce(Phone::new(mac(7), KnownBy::BootRequest));
    assert_eq!(fleet.bind_by_source(mac(7), here), [line("3000")]);
    assert_eq!(fleet.by_line(&line("3000")), Some(mac(7)));
    assert_eq!(fleet.strangers().count(), 0);
    assert!(fleet.get(mac(7)).unwrap().lines.get(&line("3000")).unwrap().contact.is_some());
}

#[test]
fn behind_a_nat_nothing_is_bound() {
    let mut fleet = fleet();
    let contacts = vec![
        (line("3000"), contact("3000", "10.0.0.7:5060", "c")),
        (line("3001"), contact("3001", "10.0.0.7:5061", "d")),
    ];
    fleet.picture(&pbx(), contacts, vec![], at(0));
    fleet.introduce(Phone::new(mac(7), KnownBy::BootRequest));
    assert_eq!(fleet.bind_by_source(mac(7), "10.0.0.7".parse().unwrap()), []);
    assert_eq!(
        fleet.bind_by_source(mac(1), "10.0.0.7".parse().unwrap()),
        [],
        "its lines are in the inventory"
    );
}

#[test]
fn an_inventory_that_changes_takes_lines_away_and_keeps_what_was_observed() {
    let mut fleet = fleet();
    picture(&mut fleet, 0, &[contact("2117", "10.0.0.1:5060", "a")], CallState::Idle);
    fleet.get_mut(mac(1)).unwrap().version = crate::domain::firmware::Version::parse("10.1").ok();
    let mut again = Phone::new(mac(1), KnownBy::Inventory);
    again.lines.insert(line("2118"), Line::UNSEEN);
    fleet.introduce(again);
    assert_eq!(fleet.by_line(&line("2117")), None);
    assert_eq!(fleet.by_line(&line("2118")), Some(mac(1)));
    assert!(fleet.get(mac(1)).unwrap().version.is_some());
}

#[test]
fn a_phone_is_named_by_mac_or_line_and_never_ambiguously() {
    let mut fleet = fleet();
    assert_eq!(fleet.named("2117"), Some(mac(1)));
    assert_eq!(fleet.named("000413000001"), Some(mac(1)));
    let mut other = Phone::new(mac(2), KnownBy::Inventory);
    other.lines.insert(LineId { pbx: PbxName::new("pbx2"), user: "2117".into() }, Line::UNSEEN);
    fleet.introduce(other);
    assert_eq!(fleet.named("2117"), None);
}

#[test]
fn a_line_that_moves_to_another_phone_leaves_the_first() {
    let mut fleet = fleet();
    picture(&mut fleet, 0, &[contact("2117", "10.0.0.1:5060", "a")], CallState::Idle);
    let mut heir = Phone::new(mac(2), KnownBy::Inventory);
    heir.lines.insert(line("2117"), Line::UNSEEN);
    fleet.introduce(heir);
    assert_eq!(fleet.by_line(&line("2117")), Some(mac(2)));
    assert!(
        fleet.get(mac(1)).unwrap().lines.is_empty(),
        "else it would be idle for ever and share a contact"
    );
    picture(&mut fleet, 5, &[contact("2117", "10.0.0.1:5060", "a")], CallState::Idle);
    assert!(fleet.get(mac(2)).unwrap().lines.get(&line("2117")).unwrap().contact.is_some());
}

#[test]
fn a_second_contact_that_lapses_is_news() {
    let mut fleet = fleet();
    let mut old = contact("2117", "10.0.0.1:5060", "a");
    old.expires = Some(at(100));
    let new = contact("2117", "10.0.0.9:5060", "b");
    picture(&mut fleet, 0, &[new.clone(), old.clone()], CallState::Idle);
    let sights = fleet.contacts(line("2117"), vec![new.clone()]);
    assert_eq!(sights.first().map(Sight::mac), Some(mac(1)), "it is held no more");
    let sights = fleet.contacts(line("2117"), vec![new, old]);
    assert_eq!(sights.first().map(Sight::mac), Some(mac(1)));
}

#[test]
fn another_call_id_is_told_with_whether_the_contact_had_gone() {
    let mut fleet = fleet();
    let registered = |fleet: &mut Fleet, call_id: &str| {
        fleet.contacts(line("2117"), vec![contact("2117", "10.0.0.1:5060", call_id)])
    };
    let (came, here) = (Sight::Registered(mac(1), line("2117")), mac(1));
    let anew = |was_gone| Sight::Anew { mac: here, line: line("2117"), was_gone };
    assert_eq!(
        registered(&mut fleet, "a"),
        std::slice::from_ref(&came),
        "the first one says nothing of a boot"
    );
    assert_eq!(registered(&mut fleet, "b"), [anew(false), came.clone()]);
    fleet.contacts(line("2117"), vec![]);
    assert_eq!(
        registered(&mut fleet, "b"),
        std::slice::from_ref(&came),
        "cut off for a while, and the same phone"
    );
    fleet.contacts(line("2117"), vec![]);
    assert_eq!(registered(&mut fleet, "c"), [anew(true), came]);
}
