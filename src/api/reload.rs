//! `POST /v1/reload`: read configuration, policies and releases again, or say why not.

use axum::extract::State;
use axum::http::StatusCode;

use super::{ApiError, Daemon};

pub async fn run(State(daemon): State<Daemon>) -> Result<StatusCode, ApiError> {
    daemon.reload().await?;
    Ok(StatusCode::NO_CONTENT)
}
