//! From a fresh connection to a session whose events are only those we read.

use md5::{Digest, Md5};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};

use super::answers::message;
use super::ended::SessionError;
use super::wire::{Action, Block, Blocks};
use crate::ports::Secret;

/// Greets, and proves knowledge of the secret by its MD5 challenge; gives whether Asterisk has finished booting.
pub(super) async fn login<R, W>(
    read: &mut Blocks<R>,
    write: &mut W,
    user: &str,
    secret: &Secret,
) -> Result<bool, SessionError>
where
    R: AsyncRead + Unpin,
    W: AsyncWrite + Unpin,
{
    let version = read.greeting().await?;
    let mut booted = false;
    let refused =
        |block: &Block| SessionError::LoginRefused { user: user.to_owned(), message: message(block) };

    let ask = Action::new("Challenge").with("AuthType", "MD5")?.numbered(0);
    write.write_all(ask.as_bytes()).await?;
    let answer = response(read, &mut booted).await?;
    let challenge = answer.filled("Challenge").ok_or_else(|| refused(&answer))?;

    let key = hex::encode(Md5::digest([challenge.as_bytes(), secret.reveal().as_bytes()].concat()));
    let login = Action::new("Login").with("AuthType", "MD5")?.with("Username", user)?.with("Key", &key)?;
    write.write_all(login.numbered(0).as_bytes()).await?;
    let answer = response(read, &mut booted).await?;
    if answer.get("Response") != Some("Success") {
        return Err(refused(&answer));
    }
    tracing::debug!(version, user, "logged in at asterisk");
    Ok(booted)
}

async fn response<R: AsyncRead + Unpin>(
    read: &mut Blocks<R>,
    booted: &mut bool,
) -> Result<Block, SessionError> {
    loop {
        let block = read.next().await?;
        match block.event() {
            Some(event) => *booted |= event == "FullyBooted",
            None if block.get("Response").is_some() => return Ok(block),
            None => {}
        }
    }
}
