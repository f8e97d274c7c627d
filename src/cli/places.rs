//! Where the daemon's socket, its state and its policies lie: the keys of `sipherd.toml` that other commands need.
//!
//! Only these keys are read, so that the daemon can be asked, and firmware staged, while the rest of the file or the
//! policies make no sense yet; `sipherd check` judges them.

use std::path::{Path, PathBuf};

use super::Failure;

/// The socket of the API, as in `[api]` of `sipherd.toml`.
pub fn socket(config: &Path) -> Result<PathBuf, Failure> {
    path(config, &["api", "socket"], "/run/sipherd/sipherd.sock")
}

/// The folder of the state.
pub fn state(config: &Path) -> Result<PathBuf, Failure> {
    path(config, &["state"], "/var/lib/sipherd")
}

/// The folder of the policies.
pub fn policies(config: &Path) -> Result<PathBuf, Failure> {
    path(config, &["policies"], "policies")
}

/// The path at this key, relative to the configuration's own folder.
fn path(config: &Path, key: &[&str], usual: &str) -> Result<PathBuf, Failure> {
    let wrong = |why: String| Failure::Config { file: config.to_owned(), why };
    let text = std::fs::read_to_string(config).map_err(|e| wrong(format!("cannot be read: {e}")))?;
    let table: toml::Table = toml::from_str(&text).map_err(|e| wrong(e.message().to_owned()))?;
    let mut value = Some(&toml::Value::Table(table));
    for part in key {
        value = value.and_then(|table| table.get(part));
    }
    match value {
        None => Ok(config.parent().unwrap_or(Path::new("")).join(usual)),
        Some(toml::Value::String(path)) => Ok(config.parent().unwrap_or(Path::new("")).join(path)),
        Some(_) => Err(wrong(format!("`{}` is not a path", key.join(".")))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_read_even_where_the_rest_of_the_file_makes_no_sense() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("sipherd.toml");
        for (text, socket_at, state_at) in [
            ("", "/run/sipherd/sipherd.sock".into(), "/var/lib/sipherd".into()),
            (
                "nonsense = 1\nstate = \"/s\"\n[api]\nsocket = \"/run/x\"",
                PathBuf::from("/run/x"),
                "/s".into(),
            ),
            ("state = \"s\"\n[api]\nsocket = \"x\"", folder.path().join("x"), folder.path().join("s")),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(socket(&file).unwrap(), socket_at);
            assert_eq!(state(&file).unwrap(), state_at);
        }
        std::fs::write(&file, "[api]\nsocket = 5").unwrap();
        assert_eq!(
            socket(&file).unwrap_err().to_string(),
            format!("{}: `api.socket` is not a path", file.display())
        );
        assert!(socket(&folder.path().join("none.toml")).is_err());
    }
}
