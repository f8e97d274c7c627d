//! `GET /v1/status`: the daemon at a glance.

use axum::Json;
use axum::extract::State;

use super::{ApiError, Daemon};
use crate::ports::StatusView;

pub async fn show(State(daemon): State<Daemon>) -> Result<Json<StatusView>, ApiError> {
    Ok(Json(daemon.status().await?))
}
