//! What is advised about scripts: each trap of the maker's handbook, and nothing where there is none.

use sipherd::phones::innovaphone::lint::{Rule, lint};
use sipherd::phones::innovaphone::product::Product;

use super::{fixture, script};

/// The advice about a script of this product, as lines and rules.
fn advice(product: Option<&str>, text: &str) -> Vec<(usize, Rule)> {
    let product = product.and_then(Product::new);
    lint(&script(text), product.as_ref()).iter().map(|advice| (advice.line, advice.rule)).collect()
}

const NIGHT: &str = "mod cmd UP1 times /allow 23,0,1 /initial 6\n";

#[test]
fn each_trap_is_told() {
    use Rule::*;
    let fw = "http://192.0.2.5/fw/";
    for (below, wanted) in [
        // Calls.
        (format!("mod cmd UP0 prot {fw} reset 1"), vec![(2, ResetInCall)]),
        (format!("mod cmd UP0 prot {fw} resetn 1"), vec![(2, ResetInCall)]),
        (format!("mod cmd UP0 prot {fw} ireset 1"), vec![]),
        ("mod cmd UP1 check reset 1".into(), vec![(2, ResetInCall)]),
        // Boot code.
        (format!("mod cmd UP0 boot {fw} ireset 205"), vec![(2, BootCode)]),
        (format!("mod cmd UP0 boot {fw} ireboot 205"), vec![]),
        (format!("mod cmd UP0 boot {fw} reboot 205"), vec![(2, ResetInCall)]),
        // Never put to use.
        (format!("mod cmd UP0 prot {fw} ser 1"), vec![(2, NotActivated)]),
        (format!("mod cmd UP0 prot {fw} ser 1\niresetn"), vec![]),
        (format!("mod cmd UP1 check ireset 1\nmod cmd UP0 prot {fw} ser 1"), vec![]),
        (format!("mod cmd UP0 cfg {fw}x.txt ser 1"), vec![(2, NotActivated)]),
        (format!("mod cmd UP0 cfg {fw}x.txt iresetn 1"), vec![]),
        // Restarts without an end.
        ("ireset".into(), vec![(2, RestartLoop)]),
        ("iresetn".into(), vec![]),
        ("mod cmd UP1 check ser 1\nireset\nconfig write".into(), vec![(3, RestartLoop), (4, Unreachable)]),
        // Serials.
        (format!("mod cmd UP0 prot {fw} ireset 1\nmod cmd UP0 prot {fw} ireset 2"), vec![(3, SharedSerial)]),
        (format!("mod cmd UP0 prot {fw} ireset 1\nmod cmd UP0 prot {fw} ireset 1"), vec![(3, SharedSerial)]),
        (format!("mod cmd UP0 prot {fw} ireset 1\nmod cmd UP0 boot {fw} ireboot 1"), vec![]),
        (format!("mod cmd UP0 prot {fw}04-5656/ ireset 04-5679"), vec![(2, SerialAndUrl)]),
        (format!("mod cmd UP0 prot {fw}04-5679/ ireset 04-5679"), vec![]),
        // At every poll.
        (format!("mod cmd UP0 scfg {fw}#m.txt"), vec![(2, EveryPoll)]),
        (format!("mod cmd UP0 scfg {fw}#m.txt no-op A /force 0"), vec![(2, EveryPoll)]),
        (format!("mod cmd UP0 scfg {fw}#m.txt no-op A /force 168"), vec![]),
        ("mod cmd UP1 poll".into(), vec![(2, EveryPoll)]),
        ("config change UP1 /poll 1".into(), vec![(2, EveryPoll)]),
        ("mod cmd UP1 check ser 1\nconfig change UP1 /poll 1".into(), vec![]),
        // Addresses.
        ("mod cmd UP0 prot http://server/fw/ ireset 1".into(), vec![(2, Address)]),
        ("mod cmd UP0 prot http: ireset 1".into(), vec![(2, Address)]),
        ("mod cmd UP0 prot http://[2001:db8::5]:80/fw/ ireset 1".into(), vec![]),
        (format!("mod cmd UP0 bmc {fw} ireset PCS04fd"), vec![(2, Address)]),
        (format!("mod cmd UP0 bmc {fw}PCS04fd.bin ireset PCS04fd"), vec![]),
        (format!("mod cmd UP0 cfg {fw}update-ip222.htm reset 1"), vec![(2, ResetInCall), (2, Address)]),
        // Metacharacters.
        (format!("mod cmd UP0 prot {fw}#F.bin ireset 1"), vec![(2, Metacharacters)]),
        (format!("mod cmd UP0 scfg {fw}all.txt no-op A"), vec![(2, Metacharacters)]),
        (format!("mod cmd UP0 scfg {fw}#m#x no-op A"), vec![(2, Metacharacters)]),
        (format!("mod cmd UP0 scfg {fw}#m#t no-op A"), vec![(2, Metacharacters)]),
        (format!("mod cmd UP0 scfg {fw}#m_#H#B no-op A"), vec![(2, Metacharacters)]),
        (
            format!("mod cmd UP0 scfg {fw}#m_#b5 no-op A\nmod cmd UP0 scfg {fw}#h_#b5 no-op B"),
            vec![(3, SharedSerial), (3, Metacharacters)],
        ),
        // Slips.
        ("mod cmd UP0 proto x".into(), vec![(2, UnknownCommand)]),
        ("mod cmd WLANMGR0 activate".into(), vec![(2, UnknownCommand)]),
        ("rem a comment".into(), vec![(2, UnknownCommand)]),
        ("mod cmd PHONE_APP anything\nvars create A b\n# a comment".into(), vec![]),
    ] {
        let text = format!("{NIGHT}{below}\n");
        assert_eq!(advice(None, &text), wanted, "{text}");
    }
}

#[test]
fn hours_are_looked_at() {
    use Rule::*;
    let prot = "mod cmd UP0 prot http://192.0.2.5/fw/ ireset 1\n";
    let times = |rest: &str| format!("mod cmd UP1 times {rest}\n");
    for (text, wanted) in [
        (prot.to_owned(), vec![(1, AnyHour)]),
        (format!("{prot}{}config x y\n", times("/allow 1 /initial 6")), vec![(1, AnyHour), (3, EveryPoll)]),
        (format!("{}{prot}", times("/allow 1")), vec![(1, NoInitial)]),
        (format!("{}{prot}", times("/allow 1 /initial 0")), vec![(1, Hours)]),
        (format!("{}{prot}", times("/allow 1,2,1 /initial 6")), vec![(1, Hours)]),
        (format!("{}{prot}", times("/allow 10,11,12 /initial 6")), vec![(1, Hours)]),
        (
            format!(
                "{}{prot}",
                times("/allow 0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23 /initial 6")
            ),
            vec![(1, Hours)],
        ),
        (times("/allow 1 /initial 6"), vec![(1, Unreachable)]),
        (
            format!("{}{}{prot}", times("/allow 1 /initial 6"), times("/allow 2 /initial 6")),
            vec![(2, Unreachable)],
        ),
    ] {
        assert_eq!(advice(None, &text), wanted, "{text}");
    }
}

#[test]
fn products_have_rules_of_their_own() {
    let boot = |last: &str| format!("{NIGHT}mod cmd UP0 boot http://192.0.2.5/fw/ {last} 205\n");
    assert_eq!(advice(Some("IP21"), &boot("ireset")), []);
    assert_eq!(advice(Some("IP21"), &boot("ireboot")), [(2, Rule::BootCode)]);
    assert_eq!(advice(Some("IPVA"), &boot("ireboot")), [(2, Rule::BootCode)]);
    let prot = "mod cmd UP0 prot http://192.0.2.5/fw/ ireset 1\n";
    assert_eq!(advice(Some("IP72"), &format!("{NIGHT}{prot}")), [(2, Rule::Power)]);
    assert_eq!(advice(Some("IP222"), &format!("{NIGHT}{prot}")), []);
    let awake = format!("{NIGHT}mod cmd WLANMGR0 activate-pwr\n{prot}");
    assert_eq!(advice(Some("IP72"), &awake), [(2, Rule::Power)]);
    assert_eq!(advice(Some("IP72"), &format!("{awake}mod cmd WLANMGR0 deactivate-pwr\n")), []);
}

#[test]
fn the_makers_own_examples_are_advised_about_too() {
    let rules = |name: &str| -> Vec<(usize, Rule)> {
        let product = Product::of_script(name);
        lint(&fixture(name), product.as_ref()).iter().map(|advice| (advice.line, advice.rule)).collect()
    };
    assert_eq!(rules("update-ip1200.htm"), []);
    assert_eq!(rules("update-ip3000.htm"), [(1, Rule::NoInitial), (2, Rule::NotActivated)]);
    assert_eq!(rules("update-ip72.htm"), [(2, Rule::AnyHour)]);
}
