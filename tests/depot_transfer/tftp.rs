//! Images over TFTP: to whom they are permitted, for a rescue, and what happens when datagrams are lost.

use std::collections::BTreeSet;
use std::time::Duration;

use sipherd::depot::{Rescue, Silence, TftpLimits, add};
use sipherd::domain::phone::Model;
use sipherd::ports::{Lane, Permit, TransferStep, Wanted};
use tokio::time::Instant;

use super::fixture::{AT_MOST, D785, Equipment, LENGTH, OTHERS, OURS, Running, image_path};
use super::tftp_client::{Phone, Said};

/// Short enough for a test to see it pass.
const SOON: Duration = Duration::from_millis(50);

fn hasty() -> Equipment {
    let silence = Silence { first: SOON, longest: SOON, resends: 3 };
    Equipment { tftp: TftpLimits { silence, ..TftpLimits::default() }, ..Equipment::default() }
}

fn rescue(models: &[&str]) -> Rescue {
    let models = models.iter().map(|model| Model::new(*model)).collect::<BTreeSet<_>>();
    Rescue { release: "nov".into(), models, networks: Vec::new() }
}

/// What the server says to a request.
async fn answer(depot: &Running, name: &str) -> Said {
    let mut phone = Phone::of(depot.tftp).await;
    phone.ask(name, &[]).await;
    phone.hear().await
}

#[tokio::test]
async fn a_permitted_phone_gets_its_image_in_blocks_of_every_size() {
    let mut depot = Running::new().await;
    depot.offer();
    for (block, window, options) in [
        (512, 1, vec![]),
        (1428, 1, vec![("blksize", "1428")]),
        (512, 16, vec![("windowsize", "16")]),
        (8192, 8, vec![("blksize", "8192"), ("windowsize", "8"), ("tsize", "0"), ("timeout", "5")]),
    ] {
        let mut phone = Phone::of(depot.tftp).await;
        phone.ask(image_path().trim_start_matches('/'), &options).await;
        assert!(phone.fetch(block, window).await == depot.image, "{options:?}");
        assert_eq!(depot.step().await, TransferStep::Began { offset: 0 });
        assert_eq!(depot.step().await, TransferStep::Delivered);
    }
    let visit = depot.visits().remove(0);
    assert_eq!((visit.mac, visit.vendor.unwrap().as_str()), (OURS.parse().unwrap(), "snom"));
    assert_eq!(visit.wanted, Wanted::Image { file: D785.into() });
}

#[tokio::test]
async fn options_are_answered_before_the_first_block() {
    let depot = Running::new().await;
    depot.offer();
    let mut phone = Phone::of(depot.tftp).await;
    phone
        .ask(&image_path(), &[("tsize", "0"), ("blksize", "7"), ("timeout", "0"), ("windowsize", "4")])
        .await;
    let length = LENGTH as u64;
    assert_eq!(phone.hear().await, Said::Options(vec![("tsize".into(), length), ("windowsize".into(), 4)]));
    assert_eq!(phone.heard_within(SOON).await, None, "nothing before they are acknowledged");
    phone.acknowledge(0).await;
    for block in 1..=4 {
        assert!(
            matches!(phone.hear().await, Said::Data(number, bytes) if number == block && bytes.len() == 512)
        );
    }
}

#[tokio::test]
async fn without_a_permit_nothing_is_served_and_the_reason_is_told() {
    let mut depot = Running::new().await;
    let told = format!("{D785} is not offered to 00:04:13:92:2d:24: it is not its turn");
    assert_eq!(answer(&depot, &image_path()).await, Said::Error(1, told));
    depot.offer();
    let foreign = format!("/snom/{OTHERS}/{D785}");
    assert!(matches!(answer(&depot, &foreign).await, Said::Error(1, _)));
    let other = format!("/snom/{OURS}/release.toml");
    assert!(
        matches!(answer(&depot, &other).await, Said::Error(1, text) if text.ends_with(&format!("{D785} is")))
    );
    depot.no_step();
}

#[tokio::test]
async fn no_name_leads_out_of_the_depot_and_nothing_is_written() {
    let depot = Running::new().await;
    depot.offer();
    for name in
        ["x", "/etc/passwd", "../nov/release.toml", "nov/release.toml", &format!("snom/{OURS}/../../x")]
    {
        assert_eq!(answer(&depot, name).await, Said::Error(1, "nothing of this name".into()), "{name}");
    }
    assert!(depot.visits().is_empty());
    let mut phone = Phone::of(depot.tftp).await;
    phone.raw(b"\0\x02x\0octet\0").await;
    assert_eq!(phone.hear().await, Said::Error(2, "nothing is written here".into()));
    phone.raw(b"\0\x01x\0mail\0").await;
    assert_eq!(phone.hear().await, Said::Error(4, "the mode must be octet or netascii".into()));
}

#[tokio::test]
async fn a_phone_that_asks_for_its_own_file_is_seen() {
    let depot = Running::new().await;
    let answered = answer(&depot, "SEP000413922D24.cnf.xml").await;
    assert_eq!(answered, Said::Error(1, "settings are not served here".into()));
    let visit = depot.visits().remove(0);
    assert_eq!((visit.mac, visit.wanted), (OURS.parse().unwrap(), Wanted::Settings));
}

#[tokio::test]
async fn a_lost_block_goes_out_again_and_a_repeated_acknowledgement_sends_nothing() {
    let depot = Running::equipped(LENGTH, hasty()).await;
    depot.offer();
    let mut phone = Phone::of(depot.tftp).await;
    phone.ask(&image_path(), &[]).await;
    let Said::Data(1, first) = phone.hear().await else { panic!() };
    assert_eq!(phone.hear().await, Said::Data(1, first), "it was not acknowledged");
    phone.acknowledge(1).await;
    assert!(matches!(phone.hear().await, Said::Data(2, _)));
    for _ in 0..5 {
        phone.acknowledge(1).await;
    }
    phone.acknowledge(2).await;
    // Five repeated acknowledgements must not have made five copies: the next to come is the next block. A copy that
    // silence made before is the only exception.
    let mut copies = 0;
    let third = loop {
        match phone.hear().await {
            Said::Data(2, _) => copies += 1,
            other => break other,
        }
    };
    assert!(matches!(third, Said::Data(3, _)) && copies <= 1, "{copies} copies");
}

#[tokio::test]
async fn a_window_goes_on_behind_what_arrived() {
    let depot = Running::new().await;
    depot.offer();
    let mut phone = Phone::of(depot.tftp).await;
    phone.ask(&image_path(), &[("windowsize", "8")]).await;
    phone.hear().await;
    phone.acknowledge(0).await;
    for block in 1..=8 {
        assert!(matches!(phone.hear().await, Said::Data(number, _) if number == block));
    }
    phone.acknowledge(3).await;
    for block in 4..=11 {
        assert!(matches!(phone.hear().await, Said::Data(number, _) if number == block), "from the gap on");
    }
}

#[tokio::test]
async fn the_count_wraps_in_a_long_image() {
    let length = 8 * 65_540;
    let mut depot = Running::with(length, Default::default()).await;
    depot.offer();
    let mut phone = Phone::of(depot.tftp).await;
    phone.ask(&image_path(), &[("blksize", "8"), ("windowsize", "64")]).await;
    assert!(phone.fetch(8, 64).await == depot.image);
    assert_eq!(depot.step().await, TransferStep::Began { offset: 0 });
    assert_eq!(depot.step().await, TransferStep::Delivered);
}

#[tokio::test]
async fn a_phone_that_gives_up_ends_the_transfer_at_once() {
    let mut depot = Running::new().await;
    depot.offer();
    let mut phone = Phone::of(depot.tftp).await;
    phone.ask(&image_path(), &[]).await;
    phone.hear().await;
    phone.acknowledge(1).await;
    phone.hear().await;
    phone.give_up(3, "flash is full").await;
    assert_eq!(depot.step().await, TransferStep::Began { offset: 0 });
    assert_eq!(depot.step().await, TransferStep::Broken { at: 512 });
    assert_eq!(phone.heard_within(SOON).await, None, "nothing more is sent");
}

#[tokio::test]
async fn a_phone_that_falls_silent_is_given_up() {
    let mut depot = Running::equipped(LENGTH, hasty()).await;
    depot.offer();
    let mut phone = Phone::of(depot.tftp).await;
    phone.ask(&image_path(), &[]).await;
    for _ in 0..4 {
        assert!(matches!(phone.hear().await, Said::Data(1, _)), "once, and three times again");
    }
    assert_eq!(depot.step().await, TransferStep::Began { offset: 0 });
    assert_eq!(depot.step().await, TransferStep::Broken { at: 0 });
    let mut gone = Phone::of(depot.tftp).await;
    gone.ask(&image_path(), &[("tsize", "0")]).await;
    gone.hear().await;
    drop(gone);
    tokio::time::timeout(AT_MOST, async {
        // Nothing was sent of the image, so nothing is told of it.
        let mut next = Phone::of(depot.tftp).await;
        next.ask(&image_path(), &[]).await;
        next.hear().await;
    })
    .await
    .unwrap();
}

#[tokio::test]
async fn what_others_send_into_a_transfer_does_not_reach_it() {
    let depot = Running::new().await;
    depot.offer();
    let mut phone = Phone::of(depot.tftp).await;
    phone.ask(&image_path(), &[]).await;
    phone.hear().await;
    let mut stranger = Phone::of(depot.tftp).await;
    stranger.transfer = phone.transfer;
    stranger.acknowledge(1).await;
    stranger.give_up(0, "stop").await;
    assert_eq!(phone.heard_within(SOON).await, None);
    phone.acknowledge(1).await;
    assert!(matches!(phone.hear().await, Said::Data(2, _)));
}

#[tokio::test]
async fn an_impatient_phone_that_asks_twice_is_served_once() {
    let depot = Running::new().await;
    depot.offer();
    let mut phone = Phone::of(depot.tftp).await;
    phone.ask(&image_path(), &[("tsize", "0")]).await;
    phone.hear().await;
    phone.ask(&image_path(), &[("tsize", "0")]).await;
    assert_eq!(phone.heard_within(SOON).await, None);
    phone.acknowledge(0).await;
    assert!(matches!(phone.hear().await, Said::Data(1, _)));
    assert_eq!(depot.visits().len(), 1);
}

#[tokio::test]
async fn beyond_the_limits_a_phone_is_told_to_come_again() {
    let tftp = TftpLimits { transfers: 3, per_phone: 2, ..TftpLimits::default() };
    let depot = Running::equipped(LENGTH, Equipment { tftp, ..Equipment::default() }).await;
    depot.offer();
    let (mut first, mut second) = (Phone::of(depot.tftp).await, Phone::of(depot.tftp).await);
    for phone in [&mut first, &mut second] {
        phone.ask(&image_path(), &[]).await;
        assert!(matches!(phone.hear().await, Said::Data(1, _)));
    }
    let told = "as many transfers to this address as allowed are under way";
    assert_eq!(answer(&depot, &image_path()).await, Said::Error(0, told.into()));
    first.give_up(0, "stop").await;
    let end = Instant::now() + AT_MOST;
    while answer(&depot, &image_path()).await == Said::Error(0, told.into()) {
        assert!(Instant::now() < end, "its place never fell free");
    }
}

#[tokio::test]
async fn an_image_goes_out_no_faster_than_its_lanes() {
    let depot = Running::with(200_000, Default::default()).await;
    depot.offer_within(&[OURS], &[Lane { name: "policy in all".into(), bytes_per_second: 400_000 }]);
    for options in [&[("blksize", "1428")][..], &[("blksize", "1428"), ("windowsize", "16")]] {
        let mut phone = Phone::of(depot.tftp).await;
        let began = Instant::now();
        phone.ask(&image_path(), options).await;
        let window = if options.len() == 2 { 16 } else { 1 };
        assert_eq!(phone.fetch(1428, window).await.len(), 200_000);
        assert!(began.elapsed() >= Duration::from_millis(450), "{:?}", began.elapsed());
    }
}

#[tokio::test]
async fn a_broken_phone_is_rescued_where_the_administrator_wrote_so() {
    let equipment = Equipment { rescues: vec![rescue(&[])], ..Equipment::default() };
    let mut depot = Running::equipped(LENGTH, equipment).await;
    for name in ["snomD785.bin", "/snomD785-r.bin"] {
        let mut phone = Phone::of(depot.tftp).await;
        phone.ask(name, &[]).await;
        assert!(phone.fetch(512, 1).await == depot.image, "{name}");
    }
    assert!(
        matches!(answer(&depot, "snom320.bin").await, Said::Error(1, text) if text.ends_with("release nov has no image for it"))
    );
    depot.no_step();
    assert!(depot.visits().is_empty(), "nobody could be asked about it");
    let end = Instant::now() + AT_MOST;
    while depot.happened().len() < 4 {
        assert!(Instant::now() < end);
        tokio::task::yield_now().await;
    }
    let told = depot.happened();
    let text = format!("a broken phone at 127.0.0.1 has loaded {D785} of nov");
    assert_eq!((told[1].0, told[1].1, told[1].2.as_str()), (None, "rescue", text.as_str()));
}

#[tokio::test]
async fn without_a_word_of_the_administrator_nobody_is_rescued() {
    for rescues in [
        vec![],
        vec![rescue(&["320"])],
        vec![Rescue { networks: vec!["192.0.2.0/24".parse().unwrap()], ..rescue(&[]) }],
    ] {
        let depot = Running::equipped(1000, Equipment { rescues, ..Equipment::default() }).await;
        depot.offer();
        let told = "no image for a broken snom D785 here: no `[[depot.rescue]]` is meant for it";
        assert_eq!(answer(&depot, "snomD785.bin").await, Said::Error(1, told.into()));
    }
}

#[tokio::test]
async fn an_image_that_is_offered_but_broken_is_not_served() {
    let depot =
        Running::equipped(1000, Equipment { rescues: vec![rescue(&[])], ..Equipment::default() }).await;
    depot.permit(Permit::Offer { release: "dec".into(), file: D785.into(), lanes: vec![] });
    assert!(
        matches!(answer(&depot, &image_path()).await, Said::Error(1, text) if text.contains("not staged, or broken"))
    );
    std::fs::write(depot.dir.path().join("releases/nov").join(D785), b"broken").unwrap();
    depot.releases.reload().unwrap();
    assert!(matches!(answer(&depot, "snomD785.bin").await, Said::Error(1, _)));
    std::fs::remove_dir_all(depot.dir.path().join("releases/nov")).unwrap();
    add(&depot.dir.path().join("releases"), &depot.dir.path().join(D785), Some("nov"), &mut |_| {}).unwrap();
    depot.releases.reload().unwrap();
    assert!(matches!(answer(&depot, "snomD785.bin").await, Said::Data(1, _)));
}

#[tokio::test]
async fn rubbish_harms_nobody() {
    let depot = Running::new().await;
    depot.offer();
    let mut rubbish = Phone::of(depot.tftp).await;
    for n in 0..2_000_u32 {
        rubbish.raw(&n.to_be_bytes().repeat(usize::try_from(n % 40).unwrap())).await;
    }
    let mut phone = Phone::of(depot.tftp).await;
    let end = Instant::now() + AT_MOST;
    loop {
        phone.ask(&image_path(), &[]).await;
        if let Some(Said::Data(1, _)) = phone.heard_within(SOON * 4).await {
            break;
        }
        assert!(Instant::now() < end, "no answer any more");
    }
    rubbish.transfer = Some(depot.tftp);
    rubbish.acknowledge(1).await;
}

#[tokio::test]
async fn a_transfer_under_way_is_finished_before_the_depot_closes_or_cut_off_and_told() {
    let drain = Duration::from_millis(200);
    for finishes in [true, false] {
        let tftp = TftpLimits { drain: if finishes { AT_MOST } else { drain }, ..TftpLimits::default() };
        let mut depot = Running::equipped(LENGTH, Equipment { tftp, ..Equipment::default() }).await;
        depot.offer();
        let mut phone = Phone::of(depot.tftp).await;
        phone.ask(&image_path(), &[]).await;
        let Said::Data(1, mut got) = phone.hear().await else { panic!() };
        depot.shutdown.cancel();
        assert_eq!(depot.step().await, TransferStep::Began { offset: 0 });
        if finishes {
            phone.acknowledge(1).await;
            let mut next = 2_u16;
            loop {
                if let Said::Data(number, bytes) = phone.hear().await
                    && number == next
                {
                    got.extend_from_slice(&bytes);
                    phone.acknowledge(number).await;
                    next += 1;
                    if bytes.len() < 512 {
                        break;
                    }
                }
            }
            assert!(got == depot.image);
            assert_eq!(depot.step().await, TransferStep::Delivered);
        } else {
            assert_eq!(depot.step().await, TransferStep::Broken { at: 0 });
        }
        tokio::time::timeout(AT_MOST, &mut depot.serving_tftp).await.expect("still serving").unwrap();
    }
}
