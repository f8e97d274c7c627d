//! The bytes of every order, and that none of them can wipe a phone.

use proptest::prelude::*;
use roxmltree::Document;

use super::*;

fn text(order: &Order) -> String {
    String::from_utf8(order.document("BDB60C70")).unwrap()
}

fn golden(action: &str, items: &str) -> String {
    let list = if items.is_empty() { String::new() } else { format!("<ItemList>{items}</ItemList>") };
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><DLSMessage xmlns=\"http://www.siemens.com/DLS\" \
         xmlns:xsi=\"http://www.w3.org/2001/XMLSchema-instance\" xsi:schemaLocation=\"http://www.siemens.com/DLS\">\
         <Message nonce=\"BDB60C70\"><Action>{action}</Action>{list}</Message></DLSMessage>"
    )
}

fn image(place: Place) -> Order {
    Order::Software(Software {
        file: "OS_80_SIP_V1_R4_9_0.img".into(),
        place,
        software_type: "Siemens SIP".into(),
        version: "1.4.9.0".into(),
    })
}

fn ftp() -> Place {
    Place::Ftp {
        server: "192.0.2.5".into(),
        port: 21,
        username: "dls".into(),
        password: Password("a<b&c".into()),
        path: "/OS/SIP/HI".into(),
    }
}

#[test]
fn orders_without_items_are_an_action_alone() {
    assert_eq!(text(&Order::ReadAllItems), golden("ReadAllItems", ""));
    assert_eq!(text(&Order::GetNextFragment), golden("GetNextFragment", ""));
    assert_eq!(text(&Order::Restart), golden("Restart", ""));
    assert_eq!(text(&Order::GOODBYE), golden("CleanUp", ""));
}

#[test]
fn items_are_asked_for_by_name_and_written_with_their_values() {
    assert_eq!(
        text(&Order::ReadItems(&["software-version", "part-number"])),
        golden("ReadItems", "<Item name=\"software-version\"/><Item name=\"part-number\"/>")
    );
    let settings = vec![
        Setting::new("e164", None, "2117").unwrap(),
        Setting::new("key-label-unicode", Some(3), "A & B").unwrap(),
    ];
    assert_eq!(
        text(&Order::ReadSettings(settings.clone())),
        golden("ReadItems", "<Item name=\"e164\"/><Item name=\"key-label-unicode\" index=\"3\"/>")
    );
    assert_eq!(
        text(&Order::WriteItems(settings)),
        golden(
            "WriteItems",
            "<Item name=\"e164\">2117</Item><Item name=\"key-label-unicode\" index=\"3\">A &amp; B</Item>"
        )
    );
}

#[test]
fn a_busy_phone_is_asked_to_call_again() {
    let order = Order::CleanUp { send_solicited: true, because: None };
    assert_eq!(text(&order), golden("CleanUp", "<Item name=\"send-solicited\">true</Item>"));
    let order = Order::CleanUp { send_solicited: false, because: Some("unexpected message") };
    assert_eq!(text(&order), golden("CleanUp", "<Item name=\"cleanup-reason\">unexpected message</Item>"));
}

const TAIL: &str = "<Item name=\"file-type\">APP</Item><Item name=\"file-sw-type\">Siemens SIP</Item>\
                    <Item name=\"file-sw-version\">1.4.9.0</Item><Item name=\"file-priority\">normal</Item>";

#[test]
fn an_image_is_loaded_by_ftp_by_https_or_from_the_phones_own_defaults() {
    assert_eq!(
        text(&image(ftp())),
        golden(
            "SoftwareDeployment",
            &format!(
                "<Item name=\"file-server\">192.0.2.5</Item><Item name=\"file-port\">21</Item>\
                 <Item name=\"file-username\">dls</Item><Item name=\"file-pwd\">a&lt;b&amp;c</Item>\
                 <Item name=\"file-path\">/OS/SIP/HI</Item>\
                 <Item name=\"file-name\">OS_80_SIP_V1_R4_9_0.img</Item>{TAIL}"
            )
        )
    );
    let url = "https://192.0.2.5:8443/unify/001AE8010203/OS_80_SIP_V1_R4_9_0.img";
    assert_eq!(
        text(&image(Place::Https { url: url.into() })),
        golden("SoftwareDeployment", &format!("<Item name=\"file-https-base-url\">{url}</Item>{TAIL}"))
    );
    assert_eq!(
        text(&image(Place::Defaults)),
        golden(
            "SoftwareDeployment",
            &format!("<Item name=\"file-name\">OS_80_SIP_V1_R4_9_0.img</Item>{TAIL}")
        )
    );
}

#[test]
fn files_are_told_one_by_one_or_with_an_index_each() {
    let file = |name: &str, kind| MediaFile { file: name.into(), place: Place::Defaults, kind };
    assert_eq!(
        text(&Order::Files(vec![file("logo.png", MediaKind::Logo)])),
        golden(
            "FileDeployment",
            "<Item name=\"file-name\">logo.png</Item><Item name=\"file-type\">LOGO</Item>"
        )
    );
    assert_eq!(
        text(&Order::Files(vec![file("a.png", MediaKind::Screensaver), file("b.mp3", MediaKind::Ringtone)])),
        golden(
            "FileDeployment",
            "<Item name=\"file-name\" index=\"1\">a.png</Item><Item name=\"file-type\" index=\"1\">SCREENSAVER</Item>\
             <Item name=\"file-action\" index=\"1\">deploy</Item><Item name=\"file-name\" index=\"2\">b.mp3</Item>\
             <Item name=\"file-type\" index=\"2\">RINGTONE</Item><Item name=\"file-action\" index=\"2\">deploy</Item>"
        )
    );
}

#[test]
fn a_file_for_a_phone_that_fetches_it_has_no_nonce() {
    let text = String::from_utf8(image(Place::Defaults).file()).unwrap();
    assert!(text.contains("<Message><Action>SoftwareDeployment</Action>"), "{text}");
}

#[test]
fn a_password_is_never_shown() {
    let shown = format!("{:?}", image(ftp()));
    assert!(shown.contains("Password(…)") && !shown.contains("a<b"), "{shown}");
}

#[test]
fn settings_that_come_near_a_reset_are_refused() {
    for (name, value) in [
        ("restart-type", "FactoryReset"),
        ("restart", "x"),
        ("factory-reset-pwd", "124816"),
        ("anything", "FactoryReset"),
        ("anything", "factory reset"),
        ("file-priority", "immediate"),
        ("send-solicited", "true"),
    ] {
        let refused = Setting::new(name, None, value);
        assert_eq!(refused, Err(NotWritable::Never(name.into())), "{name} {value}");
    }
    for name in ["", "A", "a b", "a\"b", "ä"] {
        assert!(matches!(Setting::new(name, None, ""), Err(NotWritable::Name(_))), "{name}");
    }
    for value in [" a", "a ", "a\nb", "a\u{7}"] {
        assert_eq!(Setting::new("a", None, value), Err(NotWritable::Value("a".into())), "{value:?}");
    }
    assert_eq!(Setting::new("a", None, &"x".repeat(4097)), Err(NotWritable::TooLong("a".into())));
}

fn orders() -> impl Strategy<Value = Order> {
    let text = "\\PC{0,12}|[fF]actory[-_ ]?[rR]eset|restart-type|immediate";
    let place = prop_oneof![
        Just(Place::Defaults),
        text.prop_map(|url| Place::Https { url }),
        (text, text, text, text, any::<u16>()).prop_map(|(server, username, password, path, port)| {
            Place::Ftp { server, port, username, password: Password(password), path }
        }),
    ];
    let place = place.boxed();
    let setting = ("[a-z0-9-]{0,12}|restart-type|factory-reset", any::<Option<u32>>(), text);
    let setting =
        setting.prop_filter_map("refused", |(name, index, value)| Setting::new(&name, index, &value).ok());
    let kinds =
        [MediaKind::Logo, MediaKind::Ringtone, MediaKind::Screensaver, MediaKind::Picture, MediaKind::Ldap];
    let file = (text, place.clone(), prop::sample::select(kinds.to_vec()));
    let file = file.prop_map(|(file, place, kind)| MediaFile { file, place, kind });
    prop_oneof![
        Just(Order::ReadAllItems),
        Just(Order::ReadItems(&["software-version"])),
        Just(Order::GetNextFragment),
        Just(Order::Restart),
        prop::collection::vec(setting.clone(), 0..4).prop_map(Order::ReadSettings),
        prop::collection::vec(setting, 0..4).prop_map(Order::WriteItems),
        prop::collection::vec(file, 0..4).prop_map(Order::Files),
        (text, place, text, text).prop_map(|(file, place, software_type, version)| Order::Software(
            Software { file, place, software_type, version }
        )),
        (any::<bool>(), prop::option::of(Just("unexpected message")))
            .prop_map(|(send_solicited, because)| Order::CleanUp { send_solicited, because }),
    ]
}

proptest! {
    /// Whatever is put into an order, its document is whole XML with one action, a restart has nothing beside it, no item
    /// could be read as a factory reset, and images wait for calls.
    #[test]
    fn no_order_wipes_a_phone(order in orders(), nonce in "[!-~]{1,20}", as_file in any::<bool>()) {
        let bytes = if as_file { order.file() } else { order.document(&nonce) };
        let text = String::from_utf8(bytes).unwrap();
        let document = Document::parse(&text).unwrap();
        let of = |name: &'static str| {
            document.descendants().filter(move |node| node.has_tag_name((super::NAMESPACE, name)))
        };
        let actions: Vec<&str> = of("Action").filter_map(|node| node.text()).collect();
        prop_assert_eq!(&actions, &[order.action().as_str()]);
        let items: Vec<(&str, &str)> = of("Item")
            .map(|node| (node.attribute("name").unwrap(), node.text().unwrap_or_default()))
            .collect();
        for (name, value) in &items {
            prop_assert!(!name.starts_with("restart") && !name.contains("factory"), "{}", text);
            let resets = value.to_ascii_lowercase().replace(['-', '_', ' '], "").contains("factoryreset");
            prop_assert!(!resets || name.starts_with("file-"), "{}", text);
            prop_assert!(*name != "file-priority" || *value == "normal", "{}", text);
        }
        if actions == ["Restart"] {
            prop_assert!(items.is_empty() && of("ItemList").count() == 0, "{}", text);
        }
        if actions == ["SoftwareDeployment"] {
            prop_assert_eq!(items.iter().filter(|(name, _)| *name == "file-priority").count(), 1);
        }
        if !as_file {
            prop_assert_eq!(of("Message").next().unwrap().attribute("nonce").unwrap(), nonce);
        }
    }
}
