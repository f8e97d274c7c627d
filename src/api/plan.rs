//! `GET /v1/plan?until=…&select=…&calls_last=…`: who would go when, and who not.

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use chrono::{DateTime, FixedOffset};

use super::{ApiError, Daemon};
use crate::domain::policy::Selection;
use crate::ports::{CallsLast, PlanAsk, PlanView};

/// A forecast from the daemon's live state; `calls_last` is a number of seconds, or `forever`.
pub async fn show(
    State(daemon): State<Daemon>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Json<PlanView>, ApiError> {
    let mut ask = PlanAsk::default();
    for (key, word) in query?.0 {
        match key.as_str() {
            "until" => {
                let until = word.parse::<DateTime<FixedOffset>>().map_err(|_| {
                    ApiError::bad(
                        format!("`{word}` is not an instant"),
                        "write `until` as 2026-11-21T06:00:00Z",
                    )
                })?;
                ask.until = Some(until.to_utc());
            }
            "select" => ask.select.push(word),
            "calls_last" if word == "forever" => ask.calls_last = CallsLast::Forever,
            "calls_last" => {
                let seconds = word.parse().map_err(|_| {
                    ApiError::bad(
                        format!("`{word}` is not a number of seconds"),
                        "write `calls_last` as 3600, or as forever",
                    )
                })?;
                ask.calls_last = CallsLast::Seconds(seconds);
            }
            other => {
                return Err(ApiError::bad(
                    format!("unknown parameter `{other}`"),
                    "there are `until`, `select` (as often as needed) and `calls_last`",
                ));
            }
        }
    }
    Selection::from_words(&ask.select)?;
    Ok(Json(daemon.plan(ask).await?))
}
