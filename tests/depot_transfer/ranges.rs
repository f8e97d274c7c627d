//! Parts of an image, broken transfers, and going on where they broke.

use sipherd::depot::Limits;
use sipherd::ports::TransferStep;

use super::client::{Connection, ask, request};
use super::fixture::{Running, image_path};

#[tokio::test]
async fn a_range_is_exactly_that_part() {
    let mut depot = Running::new().await;
    depot.offer();
    let length = depot.image.len();
    for (range, first, end) in [
        ("bytes=0-0", 0, 1),
        ("bytes=1000-70000", 1000, 70_001),
        ("bytes=-10", length - 10, length),
        (&format!("bytes={}-", length - 5), length - 5, length),
        (&format!("bytes={}-{}", length - 5, length * 2), length - 5, length),
    ] {
        let answer = ask(depot.at, "GET", &image_path(), &[&format!("Range: {range}")]).await;
        assert_eq!(answer.status, 206, "{range}");
        let content = format!("bytes {first}-{}/{length}", end - 1);
        assert_eq!(answer.header("content-range"), Some(content.as_str()));
        assert!(answer.body == depot.image[first..end], "{range}");
        assert_eq!(depot.step().await, TransferStep::Began { offset: first as u64 });
        if end == length {
            assert_eq!(depot.step().await, TransferStep::Delivered, "{range}");
        }
    }
    depot.no_step();
}

#[tokio::test]
async fn a_range_outside_is_told_the_length() {
    let mut depot = Running::new().await;
    depot.offer();
    let length = depot.image.len();
    let answer = ask(depot.at, "GET", &image_path(), &[&format!("Range: bytes={length}-")]).await;
    assert_eq!(answer.status, 416);
    assert_eq!(answer.header("content-range"), Some(format!("bytes */{length}").as_str()));
    let many = ask(depot.at, "GET", &image_path(), &["Range: bytes=0-1,5-6"]).await;
    assert_eq!((many.status, many.body.len()), (200, length));
    assert_eq!(depot.step().await, TransferStep::Began { offset: 0 });
}

#[tokio::test]
async fn a_head_tells_everything_and_sends_nothing() {
    let mut depot = Running::new().await;
    depot.offer();
    let mut phone = Connection::to(depot.at).await;
    phone.send(&request("HEAD", &image_path(), &["Range: bytes=5-"])).await;
    let answer = phone.answer("HEAD").await;
    assert_eq!(answer.status, 200);
    assert_eq!(answer.header("content-length"), Some(depot.image.len().to_string().as_str()));
    assert_eq!(answer.header("etag"), Some(depot.etag().as_str()));
    phone.send(&request("GET", &image_path(), &[&format!("If-None-Match: {}", depot.etag())])).await;
    let same = phone.answer("GET").await;
    assert_eq!((same.status, same.header("etag")), (304, Some(depot.etag().as_str())));
    phone.send(&request("GET", &image_path(), &["If-Match: \"another\""])).await;
    assert_eq!(phone.answer("GET").await.status, 412);
    depot.no_step();
}

#[tokio::test]
async fn a_broken_transfer_goes_on_where_it_broke() {
    let mut depot = Running::long(Limits::default()).await;
    depot.offer();
    let mut phone = Connection::to(depot.at).await;
    phone.send(&request("GET", &image_path(), &[])).await;
    let tag = phone.head().await.unwrap().header("etag").unwrap().to_owned();
    let mut got = phone.body(100_000).await;
    drop(phone);
    assert_eq!(depot.step().await, TransferStep::Began { offset: 0 });
    let TransferStep::Broken { at } = depot.step().await else { panic!("not broken") };
    assert!(at >= got.len() as u64 && at < depot.image.len() as u64, "{at}");
    let more = [format!("Range: bytes={}-", got.len()), format!("If-Range: {tag}")];
    let rest = ask(depot.at, "GET", &image_path(), &[&more[0], &more[1]]).await;
    assert_eq!(rest.status, 206);
    got.extend(rest.body);
    assert!(got == depot.image);
    assert_eq!(depot.step().await, TransferStep::Began { offset: 100_000 });
    assert_eq!(depot.step().await, TransferStep::Delivered);
    depot.no_step();
}

#[tokio::test]
async fn an_image_that_changed_meanwhile_is_sent_whole() {
    let mut depot = Running::new().await;
    depot.offer();
    for other in ["\"0000\"", "Fri, 20 Nov 2026 17:00:00 GMT"] {
        let more = format!("If-Range: {other}");
        let answer = ask(depot.at, "GET", &image_path(), &["Range: bytes=1000-", &more]).await;
        assert_eq!((answer.status, answer.body.len()), (200, depot.image.len()), "{other}");
        assert_eq!(depot.step().await, TransferStep::Began { offset: 0 });
        assert_eq!(depot.step().await, TransferStep::Delivered);
    }
}
