//! Certificates and keys that can be used, and what is said of those that cannot.

use super::*;

use std::fs;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use tempfile::TempDir;

struct Files {
    folder: TempDir,
}

impl Files {
    fn new() -> Self {
        Self { folder: TempDir::new().unwrap() }
    }

    fn put(&self, name: &str, text: &str) -> PathBuf {
        let path = self.folder.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    fn made() -> (String, String) {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["depot.example".to_owned()]).unwrap();
        (cert.pem(), signing_key.serialize_pem())
    }

    fn said(&self, certificate: &Path, key: &Path) -> String {
        let error = Identity::read(certificate, key).unwrap_err();
        let folder = format!("{}/", self.folder.path().display());
        format!("{error} ({})", error.hint()).replace(&folder, "")
    }
}

#[test]
fn a_certificate_and_its_key_are_read_and_read_again() {
    let (files, (certificate, key)) = (Files::new(), Files::made());
    let (certificate, key) = (files.put("depot.crt", &certificate), files.put("depot.key", &key));
    let identity = Identity::read(&certificate, &key).unwrap();
    let before = Arc::clone(&identity.now.read().unwrap());
    files.put("depot.crt", "");
    assert!(identity.reload().is_err());
    assert!(Arc::ptr_eq(&before, &identity.now.read().unwrap()), "what was read before stays");
    let (other, its) = Files::made();
    files.put("depot.crt", &other);
    files.put("depot.key", &its);
    identity.reload().unwrap();
    assert!(!Arc::ptr_eq(&before, &identity.now.read().unwrap()));
}

#[test]
fn what_cannot_be_used_is_told_with_its_file_and_what_to_do() {
    let (files, (certificate, key)) = (Files::new(), Files::made());
    let (_, others) = Files::made();
    let certificate = files.put("depot.crt", &certificate);
    let key = files.put("depot.key", &key);
    let none = files.folder.path().join("none.key");
    let told = [
        (&certificate, &none, "cannot read none.key: No such file or directory"),
        (&certificate, &certificate, "depot.crt: there is no private key in it"),
        (&key, &key, "depot.key: there is no certificate in it"),
        (
            &certificate,
            &files.put("others.key", &others),
            "others.key: this is not the key of the certificate in depot.crt",
        ),
        (
            &files.put("cut.crt", "-----BEGIN CERTIFICATE-----\nMIIB"),
            &key,
            "cut.crt: this is no certificate in PEM: ",
        ),
        (
            &files.put("odd.crt", "-----BEGIN CERTIFICATE-----\nTm8hISE=\n-----END CERTIFICATE-----\n"),
            &key,
            "odd.crt: ",
        ),
    ];
    for (certificate, key, begins) in told {
        let said = files.said(certificate, key);
        assert!(said.starts_with(begins), "{said}");
    }
}
