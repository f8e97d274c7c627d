//! The HTTP API: one file per noun, errors as JSON with a hint, over a Unix socket or TCP.

mod error;
mod health;
mod history;
mod phones;
mod plan;
mod reboot;
mod releases;
mod reload;
mod socket;
mod status;
mod why;

use std::sync::Arc;

use axum::Router;
use axum::routing::{get, post};

pub use error::{ApiError, Problem};
pub use health::Readiness;
pub use socket::{bind_unix, serve_tcp, serve_unix};

use crate::ports::Control;

/// What the handlers share.
type Daemon = Arc<dyn Control>;

/// Everything the command line may ask of the daemon, under `/v1`.
pub fn router(control: Arc<dyn Control>) -> Router {
    Router::new()
        .route("/v1/status", get(status::show))
        .route("/v1/phones", get(phones::list))
        .route("/v1/phones/{phone}", get(phones::show))
        .route("/v1/phones/{phone}/why", get(why::show))
        .route("/v1/plan", get(plan::show))
        .route("/v1/reboot", post(reboot::ask))
        .route("/v1/history", get(history::list))
        .route("/v1/releases", get(releases::list))
        .route("/v1/reload", post(reload::run))
        .fallback(error::no_such_path)
        .method_not_allowed_fallback(error::wrong_method)
        .with_state(control)
}

/// What monitoring asks: `/metrics`, `/healthz` and `/readyz`. Changes nothing, tells nothing of single phones.
pub fn ops_router(control: Arc<dyn Control>) -> Router {
    Router::new()
        .route("/metrics", get(health::metrics))
        .route("/healthz", get(health::alive))
        .route("/readyz", get(health::ready))
        .fallback(error::no_such_path)
        .method_not_allowed_fallback(error::wrong_method)
        .with_state(control)
}
