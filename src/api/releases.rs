//! `GET /v1/releases`: the staged firmware that the daemon knows.

use axum::Json;
use axum::extract::State;

use super::{ApiError, Daemon};
use crate::domain::firmware::Release;

pub async fn list(State(daemon): State<Daemon>) -> Result<Json<Vec<Release>>, ApiError> {
    Ok(Json(daemon.releases().await?))
}
