//! `GET /v1/phones?select=…` and `GET /v1/phones/{mac or line}`.

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};

use super::{ApiError, Daemon};
use crate::domain::phone::Mac;
use crate::domain::policy::Selection;
use crate::ports::PhoneView;

/// The phones that all `select` words together mean; without any, all phones.
pub async fn list(
    State(daemon): State<Daemon>,
    query: Result<Query<Vec<(String, String)>>, QueryRejection>,
) -> Result<Json<Vec<PhoneView>>, ApiError> {
    let mut words = Vec::new();
    for (key, word) in query?.0 {
        if key != "select" {
            return Err(ApiError::bad(
                format!("unknown parameter `{key}`"),
                "the only one is `select`, as often as needed",
            ));
        }
        words.push(word);
    }
    Selection::from_words(&words)?;
    Ok(Json(daemon.phones(words).await?))
}

/// One phone.
pub async fn show(
    State(daemon): State<Daemon>,
    phone: Result<Path<String>, PathRejection>,
) -> Result<Json<PhoneView>, ApiError> {
    let Path(phone) = phone?;
    let word = match phone.parse::<Mac>() {
        Ok(mac) => format!("mac={mac}"),
        Err(_) => format!("line={}", globset::escape(&phone)),
    };
    let mut found = daemon.phones(vec![word]).await?;
    match (found.pop(), found.is_empty()) {
        (Some(only), true) => Ok(Json(only)),
        (None, _) => Err(ApiError::missing(
            format!("no phone has the MAC or line `{phone}`"),
            "`sipherd phones` lists all that are known",
        )),
        (Some(last), false) => {
            let macs: Vec<_> = found.iter().chain([&last]).map(|p| p.mac.to_string()).collect();
            Err(ApiError::bad(
                format!("{} phones have a line `{phone}`", macs.len()),
                format!("name one by its MAC: {}", macs.join(", ")),
            ))
        }
    }
}
