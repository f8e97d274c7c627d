//! What went wrong, as a status and a JSON body of `error` and `hint`.

use axum::Json;
use axum::extract::rejection::{BytesRejection, PathRejection, QueryRejection};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

use crate::domain::policy::select::NotASelection;
use crate::ports::ControlError;

/// The body of every answer that is not a success.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// What is wrong: a lower-case phrase.
    pub error: String,
    /// What to do about it.
    pub hint: Option<String>,
}

/// A request that did not succeed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    /// The status code.
    pub status: StatusCode,
    /// The body.
    pub problem: Problem,
}

impl ApiError {
    /// The request makes no sense (400).
    pub fn bad(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            problem: Problem { error: error.into(), hint: Some(hint.into()) },
        }
    }

    /// What was asked for is not there (404).
    pub fn missing(error: impl Into<String>, hint: impl Into<String>) -> Self {
        Self { status: StatusCode::NOT_FOUND, ..Self::bad(error, hint) }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        (self.status, Json(self.problem)).into_response()
    }
}

impl From<ControlError> for ApiError {
    /// The daemon's text may carry its hint behind a line that begins with `hint:`.
    fn from(error: ControlError) -> Self {
        let status = match &error {
            ControlError::NotFound(_) => StatusCode::NOT_FOUND,
            ControlError::Refused(_) => StatusCode::BAD_REQUEST,
            ControlError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
        };
        let text = error.to_string();
        let problem = match text.split_once("\nhint: ") {
            Some((error, hint)) => {
                Problem { error: error.trim_end().to_owned(), hint: Some(hint.trim().to_owned()) }
            }
            None => Problem { error: text, hint: None },
        };
        Self { status, problem }
    }
}

impl From<NotASelection> for ApiError {
    fn from(wrong: NotASelection) -> Self {
        Self::bad(format!("`{}` is not a selection", wrong.word), wrong.hint)
    }
}

impl From<QueryRejection> for ApiError {
    fn from(rejection: QueryRejection) -> Self {
        let text = rejection.body_text();
        let error = text.strip_prefix("Failed to deserialize query string: ").unwrap_or(&text);
        Self::bad(
            format!("cannot read the query: {error}"),
            "times look like 2026-11-20T22:00:00Z (a `+` must be written %2B)",
        )
    }
}

impl From<PathRejection> for ApiError {
    fn from(rejection: PathRejection) -> Self {
        Self::bad(format!("cannot read the path: {}", rejection.body_text()), "a path is escaped UTF-8")
    }
}

impl From<BytesRejection> for ApiError {
    fn from(rejection: BytesRejection) -> Self {
        Self {
            status: rejection.status(),
            ..Self::bad(
                format!("cannot read the request: {}", rejection.body_text()),
                "select by key=value or patterns instead of naming every phone",
            )
        }
    }
}

/// No route has this path.
pub async fn no_such_path(uri: Uri) -> ApiError {
    ApiError::missing(
        format!("there is nothing at `{}`", uri.path()),
        "command line and daemon may be of different versions; `sipherd status` shows the daemon's",
    )
}

/// The path exists, but not for this method.
pub async fn wrong_method(method: Method, uri: Uri) -> ApiError {
    ApiError {
        status: StatusCode::METHOD_NOT_ALLOWED,
        ..ApiError::bad(
            format!("`{method}` does not go with `{}`", uri.path()),
            "reading is GET, reboot and reload are POST",
        )
    }
}
