//! `GET /v1/phones/{mac or line}/why?at=…`: every gate's answer for one phone.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{ApiError, Daemon};
use crate::ports::WhyView;

/// The query of this path.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct When {
    at: Option<DateTime<Utc>>,
}

pub async fn show(
    State(daemon): State<Daemon>,
    phone: Result<Path<String>, PathRejection>,
    query: Result<Query<When>, QueryRejection>,
) -> Result<Json<WhyView>, ApiError> {
    Ok(Json(daemon.why(phone?.0, query?.0.at).await?))
}
