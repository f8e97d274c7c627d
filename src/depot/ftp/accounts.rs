//! Accounts on the FTP server: one for one phone and what it is to fetch, made when it is told to fetch and worthless soon after.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};
use tokio::time::Instant;

use crate::domain::phone::Mac;
use crate::ports::Secret;

/// What a phone logs in with.
#[derive(Debug, Clone)]
pub struct FtpAccount {
    /// Its name: the phone's MAC.
    pub user: String,
    /// Its password.
    pub password: Secret,
}

/// Where phones log in, as they are told it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FtpServer {
    /// Its host.
    pub host: String,
    /// Its port.
    pub port: u16,
}

/// All accounts. Whoever tells a phone to fetch an image by FTP makes one for it.
#[derive(Debug)]
pub struct FtpAccounts {
    server: FtpServer,
    life: Duration,
    open: Mutex<HashMap<Mac, Open>>,
}

#[derive(Debug)]
struct Open {
    password: [u8; 32],
    files: Vec<String>,
    until: Instant,
}

impl FtpAccounts {
    /// None yet, on this server. Each one lives for six hours: a phone that waits for the end of its call fetches late.
    pub fn new(server: FtpServer) -> Self {
        Self { server, life: Duration::from_secs(6 * 3600), open: Mutex::default() }
    }

    /// The server phones log in to.
    pub fn server(&self) -> &FtpServer {
        &self.server
    }

    /// An account under which this phone sees these files, an image or others, while it is permitted to have them. The one
    /// it had before is worthless from now on.
    pub fn open(&self, mac: Mac, files: &[&str]) -> FtpAccount {
        // 80 bits in letters that every phone can store.
        let password = hex::encode(rand::random::<[u8; 10]>());
        let now = Instant::now();
        let mut open = self.accounts();
        open.retain(|_, account| account.until > now);
        let files = files.iter().map(|file| (*file).to_owned()).collect();
        let account = Open { password: digest(&password), files, until: now + self.life };
        open.insert(mac, account);
        drop(open);
        FtpAccount { user: mac.bare_upper(), password: Secret::new(password) }
    }

    /// Nobody logs in as this phone any more.
    pub fn close(&self, mac: Mac) {
        self.accounts().remove(&mac);
    }

    /// Whose account this is, and the files it is for.
    pub(super) fn check(&self, user: &str, password: &str) -> Option<(Mac, Vec<String>)> {
        let mac: Mac = user.parse().ok()?;
        let open = self.accounts();
        let account = open.get(&mac).filter(|account| account.until > Instant::now())?;
        // Digests are compared, so the time it takes tells nothing of the password.
        (account.password == digest(password)).then(|| (mac, account.files.clone()))
    }

    fn accounts(&self) -> MutexGuard<'_, HashMap<Mac, Open>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn digest(password: &str) -> [u8; 32] {
    Sha256::digest(password).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAC: Mac = Mac::new([0x00, 0x1a, 0xe8, 0x00, 0x00, 0x01]);

    fn accounts() -> FtpAccounts {
        FtpAccounts::new(FtpServer { host: "192.0.2.5".to_owned(), port: 21 })
    }

    #[tokio::test(start_paused = true)]
    async fn an_account_is_one_phones_for_its_files_and_for_a_while() {
        let accounts = FtpAccounts { life: Duration::from_secs(60), ..accounts() };
        let account = accounts.open(MAC, &["opera.img", "logo.png"]);
        assert_eq!(account.user, "001AE8000001");
        let password = account.password.reveal();
        assert_eq!(password.len(), 20);
        assert_eq!(
            accounts.check("001AE8000001", password),
            Some((MAC, vec!["opera.img".to_owned(), "logo.png".to_owned()]))
        );
        for (user, password) in
            [("001AE8000001", ""), ("001AE8000001", "x"), ("001AE8000002", password), ("anonymous", "")]
        {
            assert_eq!(accounts.check(user, password), None, "{user}");
        }
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(accounts.check("001AE8000001", password), None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_new_account_makes_the_old_one_worthless() {
        let accounts = accounts();
        let (first, second) = (accounts.open(MAC, &["a"]), accounts.open(MAC, &["b"]));
        assert_ne!(first.password.reveal(), second.password.reveal());
        assert_eq!(accounts.check(&first.user, first.password.reveal()), None);
        assert_eq!(accounts.check(&second.user, second.password.reveal()), Some((MAC, vec!["b".to_owned()])));
        accounts.close(MAC);
        assert_eq!(accounts.check(&second.user, second.password.reveal()), None);
    }

    #[test]
    fn no_log_shows_a_password() {
        let accounts = accounts();
        let account = accounts.open(MAC, &["a"]);
        assert!(!format!("{account:?} {accounts:?}").contains(account.password.reveal()));
    }
}
