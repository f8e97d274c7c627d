//! The hardware check of the customer's two documents: before anything is offered, and by the phone itself.

use sipherd::domain::firmware::Version;
use sipherd::ports::PhoneView;
use sipherd::sim::{PhoneSpec, What};

use super::super::site::{House, boots, count, user};
use super::{NEW, Night, OLD, Setup, UPDATE, made, openstage, policy};

/// A phone of hardware level 1, which is too old for images of the levels 2 and 3.
fn first_generation(house: House, n: u8) -> PhoneSpec {
    made(openstage(house, n), |make| {
        make.part = "S30817-S7403-A101-003".into();
        make.level = "1".into();
        make.minimum = "1.0.0.0".into();
    })
}

fn rejected(log: &[sipherd::sim::LogLine]) -> usize {
    count(log, |what| *what == What::ImageRejected)
}

/// Whether a phone runs this, however it spells it.
fn runs(phone: &PhoneView, version: &str) -> bool {
    phone.version.as_ref() == Version::parse(version).ok().as_ref()
}

#[tokio::test]
async fn a_phone_of_the_wrong_level_is_held_and_never_asked() {
    let house = House(18);
    let night =
        Night::begin(house, vec![first_generation(house, 1)], &policy(UPDATE, ""), Setup::default()).await;
    let wrong = "image does not run on hardware level 1";
    let held = night.daemon.phone(&user(1), |phone| phone.detail == wrong && phone.version.is_some()).await;
    assert_eq!(held.state, "waiting");
    let why = night.site.prints(&["why", "2001"]).await;
    assert!(why.contains(wrong), "{why}");
    assert!(runs(&held, OLD), "{held:?}");
    night.stays(1).await;
    night.end().await;
}

#[tokio::test]
async fn an_image_without_levels_is_held_by_the_oldest_software_of_the_phone() {
    let house = House(19);
    let setup = Setup {
        image: "",
        begins: "",
        profile: "vendor = \"unify\"\n[[hardware]]\npart = \"S30817-*\"\nsoftware = \"2.0\"\n",
        ..Setup::default()
    };
    let night = Night::begin(house, vec![openstage(house, 1)], &policy(UPDATE, ""), setup).await;
    let wrong = "the phone's hardware needs 2.0 or newer, the image is 1.5.6.0";
    let held = night.daemon.phone(&user(1), |phone| phone.detail == wrong && phone.version.is_some()).await;
    assert!(runs(&held, OLD), "{held:?}");
    night.stays(1).await;
    night.end().await;
}

/// An image without levels, which is below what the phone and the administrator's profile say its hardware needs.
async fn below_the_minimum(house: House, phone_overrides: bool) -> Night {
    let phone = made(openstage(house, 1), |make| {
        make.minimum = "2.0.0.0".into();
        make.overrides = phone_overrides;
    });
    let setup = Setup {
        image: "",
        begins: "",
        profile: "vendor = \"unify\"\n[[hardware]]\npart = \"S30817-*\"\nsoftware = \"2.0\"\n",
        ..Setup::default()
    };
    let update = "[update]\nrelease = \"unify-new\"\noverride = true\n";
    Night::begin(house, vec![phone], &policy(update, "[retry]\nattempts = 1\n"), setup).await
}

#[tokio::test]
async fn below_the_minimum_and_overridden_it_is_flashed() {
    let night = below_the_minimum(House(23), true).await;
    let done = night.daemon.state(&user(1), "verified").await;
    assert!(runs(&done, NEW) && rejected(&night.log(1)) == 0, "{done:?}");
    let history = night.daemon.history(night.house.mac(1)).await;
    let told = "unify-new-1.5.6.0.img is offered in spite of it: the phone's hardware needs 2.0 or newer, the image is 1.5.6.0";
    assert!(history.iter().any(|(kind, text)| kind == "override" && text == told), "{history:#?}");
    night.end().await;
}

#[tokio::test]
async fn below_the_minimum_and_not_overridden_at_the_phone_it_keeps_what_it_runs() {
    let night = below_the_minimum(House(24), false).await;
    let failed = night.daemon.state(&user(1), "failed").await;
    assert!(failed.detail.contains("rejected the image"), "{}", failed.detail);
    assert!(runs(&failed, OLD) && rejected(&night.log(1)) == 1, "{failed:?}");
    assert_eq!(boots(&night.log(1)), 1, "that of its own before");
    night.end().await;
}

#[tokio::test]
async fn what_nobody_knows_of_the_hardware_does_not_fit() {
    let house = House(212);
    let setup = Setup { image: "", begins: "", profile: "vendor = \"unify\"\n", ..Setup::default() };
    let night = Night::begin(house, vec![openstage(house, 1)], &policy(UPDATE, ""), setup).await;
    let unknown = "the phone's oldest supported software is not known yet";
    night.daemon.phone(&user(1), |phone| phone.detail == unknown).await;
    night.end().await;
}

/// With the override the image is offered; the phone, which is the last judge, rejects it and goes on without a reboot.
async fn overridden(house: House, tells: bool, by_policy: bool) {
    let phone = made(first_generation(house, 1), |make| make.tells_status = tells);
    let (action, image) = if by_policy {
        ("[update]\nrelease = \"unify-new\"\noverride = true\n", "hardware = [\"2\", \"3\"]")
    } else {
        (UPDATE, "hardware = [\"2\", \"3\"]\noverride = true")
    };
    let setup = Setup { image, ..Setup::default() };
    let night = Night::begin(house, vec![phone], &policy(action, "[retry]\nattempts = 1\n"), setup).await;
    let failed = night.daemon.state(&user(1), "failed").await;
    assert!(failed.detail.contains("rejected the image"), "{}", failed.detail);
    assert!(runs(&failed, OLD), "{failed:?}");
    let log = night.log(1);
    assert_eq!((rejected(&log), boots(&log)), (1, 1), "the boot is that of its own before: {log:#?}");
    let history = night.daemon.history(house.mac(1)).await;
    let of = |kind: &str| {
        history.iter().filter(|(known, _)| known == kind).map(|(_, text)| text.as_str()).collect::<Vec<_>>()
    };
    assert_eq!(
        of("override"),
        ["unify-new-1.5.6.0.img is offered in spite of it: image does not run on hardware level 1"]
    );
    if tells {
        assert_eq!(of("rejected"), ["it did not deploy unify-new-1.5.6.0.img: failed"]);
    }
    night.end().await;
}

#[tokio::test]
async fn with_an_override_the_phone_rejects_the_image_itself_and_says_so() {
    overridden(House(213), true, false).await;
}

#[tokio::test]
async fn with_an_override_the_phone_rejects_the_image_itself_and_is_silent() {
    overridden(House(214), false, true).await;
}

#[tokio::test]
async fn with_both_overrides_it_is_flashed() {
    let house = House(215);
    let phone = made(first_generation(house, 1), |make| make.overrides = true);
    let setup = Setup { image: "hardware = [\"2\"]\noverride = true", ..Setup::default() };
    let night = Night::begin(house, vec![phone], &policy(UPDATE, ""), setup).await;
    night.daemon.state(&user(1), "verified").await;
    assert_eq!(rejected(&night.log(1)), 0);
    night.end().await;
}

#[tokio::test]
async fn an_image_without_levels_goes_to_a_phone_that_supports_it() {
    let house = House(216);
    let setup = Setup { image: "", begins: "", ..Setup::default() };
    let night = Night::begin(house, vec![openstage(house, 1)], &policy(UPDATE, ""), setup).await;
    night.daemon.state(&user(1), "verified").await;
    night.end().await;
}
