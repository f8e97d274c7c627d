//! What is kept, what is noted, what is forgotten, and what an accident leaves.

use super::*;

use std::sync::Mutex as StdMutex;
use std::time::Duration;

use chrono::TimeDelta;
use tempfile::TempDir;

const MAC: Mac = Mac::new([0x00, 0x90, 0x33, 0x03, 0x0d, 0xf0]);
const OTHER: Mac = Mac::new([0x00, 0x90, 0x33, 0x03, 0x0d, 0xf1]);

/// A clock that is set by hand.
struct Hand(StdMutex<DateTime<Utc>>);

impl Clock for Hand {
    fn now(&self) -> DateTime<Utc> {
        *self.0.lock().unwrap()
    }

    fn until(&self, _: DateTime<Utc>) -> Duration {
        Duration::ZERO
    }
}

struct Office {
    folder: TempDir,
    clock: Arc<Hand>,
    drawer: Configurations,
}

impl Office {
    fn keeping(versions: usize) -> Self {
        let folder = TempDir::new().unwrap();
        let clock = Arc::new(Hand(StdMutex::new("2026-11-28T03:05:00Z".parse().unwrap())));
        let keeping = Keeping { versions, ..Keeping::default() };
        let hands: Arc<Hand> = Arc::clone(&clock);
        let drawer = Configurations::open(&folder.path().join("configs"), keeping, hands);
        Self { folder, clock, drawer }
    }

    fn put(&self, name: &str, text: &str) -> HandedIn {
        *self.clock.0.lock().unwrap() += TimeDelta::hours(1);
        self.drawer.hand_in(MAC, name, text.as_bytes()).unwrap()
    }

    fn got(&self, name: &str) -> Option<String> {
        self.drawer.read(MAC, name).unwrap().map(|(_, bytes)| String::from_utf8(bytes).unwrap())
    }

    fn files(&self) -> Vec<String> {
        let folder = self.folder.path().join("configs").join(MAC.bare_upper());
        let mut names: Vec<String> =
            fs::read_dir(folder).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

#[test]
fn what_is_handed_in_is_given_back_byte_for_byte() {
    let office = Office::keeping(10);
    let text = "config change A\r\nvars create UPDATE/CHECK p 1\r\n\r\n";
    assert!(matches!(office.put("0", text), HandedIn::Kept(Version { number: 1, .. })));
    assert_eq!(office.got("0").as_deref(), Some(text));
    assert_eq!(office.got(LATEST).as_deref(), Some(text));
    assert_eq!(office.got("1"), None);
    assert_eq!(office.files(), ["000001-20261128T040500Z.txt", INDEX]);
    assert_eq!(office.drawer.read(OTHER, "0").unwrap(), None, "another phone has none");
    assert_eq!(office.drawer.phones().unwrap(), [MAC]);
}

#[test]
fn one_that_says_the_same_is_noted_and_makes_no_file() {
    let office = Office::keeping(10);
    office.put("0", "config change A\r\nvars create UPDATE/CHECK p 1\r\n");
    let again =
        office.put("1", "config change A\r\nvars create UPDATE/CHECK p 2\r\nconfig change UP1 /poll 5\r\n");
    let HandedIn::Unchanged(version) = again else { panic!("{again:?}") };
    assert_eq!((version.number, version.times), (1, 2));
    assert_eq!((version.seen - version.at).num_hours(), 1);
    assert_eq!(office.files().len(), 2);
    assert!(office.got("1").unwrap().contains("CHECK p 1"), "the name means what is kept");
}

#[test]
fn one_that_says_something_else_again_is_kept_again() {
    let office = Office::keeping(10);
    for (text, number) in [("a", 1), ("b", 2), ("a", 3)] {
        assert!(
            matches!(office.put("0", text), HandedIn::Kept(version) if version.number == number),
            "{text}"
        );
    }
}

#[test]
fn a_rolling_index_gives_back_what_was_handed_in_last_under_each_number() {
    let office = Office::keeping(5);
    for n in 0..12 {
        office.put(&(n % 5).to_string(), &format!("config {n}"));
    }
    let all: Vec<_> = (0..5).map(|n| office.got(&n.to_string()).unwrap()).collect();
    assert_eq!(all, ["config 10", "config 11", "config 7", "config 8", "config 9"]);
    assert_eq!(office.files().len(), 6, "five and the index");
    assert_eq!(office.got(LATEST).unwrap(), "config 11");
}

#[test]
fn the_oldest_goes_and_its_name_with_it() {
    let office = Office::keeping(2);
    for name in ["a", "b", "c"] {
        office.put(name, &format!("config {name}"));
    }
    assert_eq!((office.got("a"), office.got("b").as_deref()), (None, Some("config b")));
    let index = office.drawer.index(MAC).unwrap();
    assert_eq!(index.versions.iter().map(|version| version.number).collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn what_an_interrupted_run_left_is_swept_away_and_other_files_stay() {
    let office = Office::keeping(10);
    office.put("0", "a");
    let folder = office.folder.path().join("configs").join(MAC.bare_upper());
    for left in ["000002-20261128T045959Z.txt", "notes.txt", ".000009-20261128T045959Z.txt.new"] {
        fs::write(folder.join(left), "x").unwrap();
    }
    office.put("0", "b");
    let files = office.files();
    assert!(!files.contains(&"000002-20261128T045959Z.txt".to_owned()), "{files:?}");
    assert!(
        files.contains(&"notes.txt".to_owned()) && files.contains(&"000002-20261128T050500Z.txt".to_owned())
    );
}

#[test]
fn a_file_somebody_removed_is_made_anew() {
    let office = Office::keeping(10);
    office.put("0", "a");
    let folder = office.folder.path().join("configs").join(MAC.bare_upper());
    fs::remove_file(folder.join("000001-20261128T040500Z.txt")).unwrap();
    assert!(matches!(office.put("0", "a"), HandedIn::Kept(_)));
    assert_eq!(office.got("0").as_deref(), Some("a"));
}

#[test]
fn an_index_that_makes_no_sense_is_told_and_nothing_is_overwritten() {
    let office = Office::keeping(10);
    office.put("0", "a");
    let folder = office.folder.path().join("configs").join(MAC.bare_upper());
    fs::write(folder.join(INDEX), "{\"versions\": 5}").unwrap();
    let error = office.drawer.hand_in(MAC, "0", b"b").unwrap_err().to_string();
    assert!(error.contains("index.json: invalid type"), "{error}");
    assert_eq!(fs::read_to_string(folder.join(INDEX)).unwrap(), "{\"versions\": 5}");
}

#[cfg(unix)]
#[test]
fn nobody_else_on_the_machine_can_read_them() {
    use std::os::unix::fs::PermissionsExt;
    let office = Office::keeping(10);
    office.put("0", "password");
    let folder = office.folder.path().join("configs").join(MAC.bare_upper());
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    for file in office.files() {
        assert_eq!(mode(&folder.join(&file)), 0o600, "{file}");
    }
}

#[test]
fn any_that_is_kept_is_read_by_its_number() {
    let office = Office::keeping(2);
    for text in ["config change A /1\n", "config change A /2\n", "config change A /3\n"] {
        office.put("scfg.txt", text);
    }
    assert_eq!(office.got("number-1"), None, "forgotten");
    assert_eq!(office.got("number-2").as_deref(), Some("config change A /2\n"));
    assert_eq!(office.got("number-3"), office.got("latest"));
    for name in ["number-4", "number-", "number--2", "number-x"] {
        assert_eq!(office.got(name), None, "{name}");
    }
}
