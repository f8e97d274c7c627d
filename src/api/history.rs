//! `GET /v1/history?mac=&since=&limit=`: what happened, oldest first.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::{ApiError, Daemon};
use crate::domain::phone::Mac;
use crate::ports::{Entry, HistoryQuery};

/// Entries in an answer to a query that names no limit.
const USUAL: u32 = 1_000;

/// The most entries in one answer; it is held in memory.
const MOST: u32 = 100_000;

/// The query of this path.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Which {
    mac: Option<Mac>,
    since: Option<DateTime<Utc>>,
    limit: Option<u32>,
}

pub async fn list(
    State(daemon): State<Daemon>,
    query: Result<Query<Which>, QueryRejection>,
) -> Result<Json<Vec<Entry>>, ApiError> {
    let Which { mac, since, limit } = query?.0;
    let limit = limit.unwrap_or(USUAL);
    if limit > MOST {
        return Err(ApiError::bad(
            format!("`limit` {limit} is too many for one answer"),
            format!("ask for at most {MOST}; `since` and `mac` narrow it down"),
        ));
    }
    Ok(Json(daemon.history(HistoryQuery { mac, since, limit: Some(limit) }).await?))
}
