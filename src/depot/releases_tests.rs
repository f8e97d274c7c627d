//! What is loaded and served, and what is not.

use super::*;
use crate::depot::staging::add;
use tempfile::TempDir;

const D785: &str = "snomD785-10.1.198.19-SIP-r.bin";

fn with_release(names: &[&str]) -> TempDir {
    let dir = TempDir::new().unwrap();
    let file = dir.path().join(D785);
    fs::write(&file, b"image").unwrap();
    for name in names {
        add(&dir.path().join("releases"), &file, Some(name), &mut |_| {}).unwrap();
    }
    dir
}

#[test]
fn staged_images_are_served_with_their_hash() {
    let dir = with_release(&["a"]);
    let releases = Releases::open(&dir.path().join("releases")).unwrap();
    let (bytes, tag) = Images::open(&releases, "a", D785).unwrap();
    assert_eq!(bytes, b"image".as_slice());
    assert_eq!(tag, releases.get("a").unwrap().images[0].sha256);
    assert_eq!(Images::open(&releases, "a", "other.bin"), None);
    assert_eq!(Images::open(&releases, "b", D785), None);
    assert_eq!(releases.list().len(), 1);
    assert_eq!(releases.verify().unwrap()[0].condition, Condition::Whole);
}

#[test]
fn the_same_image_of_two_releases_is_held_once() {
    let dir = with_release(&["a", "b"]);
    let releases = Releases::open(&dir.path().join("releases")).unwrap();
    let at = |name| Images::open(&releases, name, D785).unwrap().0.as_ptr();
    assert_eq!(at("a"), at("b"));
    let before = at("a");
    releases.reload().unwrap();
    assert_eq!(at("a"), before, "a reload shares what did not change");
}

#[test]
fn a_broken_image_is_reported_and_never_served() {
    let dir = with_release(&["a"]);
    let folder = dir.path().join("releases");
    fs::write(folder.join("a").join(D785), b"imagE").unwrap();
    let releases = Releases::open(&folder).unwrap();
    assert_eq!(Images::open(&releases, "a", D785), None);
    assert!(releases.get("a").unwrap().images.is_empty());
    assert!(releases.problems()[0].to_string().contains("is not the image that was staged"));
    assert!(matches!(releases.verify().unwrap()[0].condition, Condition::Changed { size: 5, .. }));
    fs::remove_file(folder.join("a").join(D785)).unwrap();
    assert!(matches!(releases.verify().unwrap()[0].condition, Condition::Unreadable { .. }));
}

#[test]
fn a_reload_takes_in_what_was_added_and_ignores_what_is_half_done() {
    let dir = with_release(&[]);
    let folder = dir.path().join("releases");
    let releases = Releases::open(&folder).unwrap();
    assert!(releases.list().is_empty());
    add(&folder, &dir.path().join(D785), Some("new"), &mut |_| {}).unwrap();
    fs::create_dir(folder.join(".adding-x")).unwrap();
    fs::create_dir(folder.join("empty")).unwrap();
    releases.reload().unwrap();
    assert_eq!(releases.list().iter().map(|r| r.name.as_str()).collect::<Vec<_>>(), ["new"]);
    assert_eq!(releases.problems().len(), 1, "the empty folder");
}
