//! `/metrics`, `/healthz` and `/readyz`: what monitoring and load balancers ask.

use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};

use super::{ApiError, Daemon};

/// A daemon that does not answer itself for so long is not ready.
const PATIENCE: Duration = Duration::from_secs(5);

/// The answer of `/readyz`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// Whether the daemon does its work.
    pub ready: bool,
    /// Why not.
    pub reasons: Vec<String>,
}

pub async fn metrics(State(daemon): State<Daemon>) -> Result<impl IntoResponse, ApiError> {
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], daemon.metrics().await?))
}

pub async fn alive() -> &'static str {
    "alive\n"
}

pub async fn ready(State(daemon): State<Daemon>) -> (StatusCode, Json<Readiness>) {
    let mut reasons = Vec::new();
    match tokio::time::timeout(PATIENCE, daemon.status()).await {
        Err(_) => reasons.push(format!("no answer within {} s", PATIENCE.as_secs())),
        Ok(Err(error)) => reasons.push(error.to_string()),
        Ok(Ok(status)) => {
            if status.draining {
                reasons.push("draining".to_owned());
            }
            let unseen = status.views.iter().filter(|(_, age)| age.is_none());
            reasons.extend(unseen.map(|(pbx, _)| format!("no view of {pbx}")));
        }
    }
    let ready = reasons.is_empty();
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (code, Json(Readiness { ready, reasons }))
}
