//! `POST /v1/reboot`: a person asks for reboots; the answer names the job and its phones.

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::extract::rejection::BytesRejection;
use axum::http::{HeaderMap, StatusCode, header};

use super::{ApiError, Daemon};
use crate::domain::policy::Selection;
use crate::ports::{RebootAsk, RebootTaken};

/// The form of the body, for hints.
const FORM: &str = r#"send {"select":["2117"],"now":false,"even_in_a_call":false}"#;

pub async fn ask(
    State(daemon): State<Daemon>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<(StatusCode, Json<RebootTaken>), ApiError> {
    // A page in a browser can send any other type to another site without asking first.
    let kind = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some("application/json") {
        return Err(ApiError {
            status: StatusCode::UNSUPPORTED_MEDIA_TYPE,
            ..ApiError::bad(
                format!("`{kind}` is not the content type wanted"),
                "send `Content-Type: application/json`",
            )
        });
    }
    let ask: RebootAsk = serde_json::from_slice(&body?)
        .map_err(|e| ApiError::bad(format!("cannot read the request: {e}"), FORM))?;
    if ask.select.is_empty() {
        return Err(ApiError::bad(
            "no phone is selected",
            "name MACs, lines or key=value; `*` is every phone that has a line",
        ));
    }
    Selection::from_words(&ask.select)?;
    Ok((StatusCode::ACCEPTED, Json(daemon.reboot(ask).await?)))
}
