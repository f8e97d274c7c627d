//! `sipherd reload`: read configuration, policies and releases again.

use super::Failure;
use super::client::Client;
use super::report::Screen;

pub async fn run(client: &Client, screen: &mut Screen) -> Result<(), Failure> {
    tell(client).await?;
    if screen.is_json() {
        return Ok(screen.json(&serde_json::json!({ "reloaded": true }))?);
    }
    Ok(screen.line("reloaded")?)
}

/// Only tells the daemon.
pub async fn tell(client: &Client) -> Result<(), Failure> {
    client.order("/v1/reload").await
}
