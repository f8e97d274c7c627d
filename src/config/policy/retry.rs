//! `[retry]`.

use crate::config::raw::Complaint;
use crate::config::table::Table;
use crate::config::value;
use crate::domain::policy::Retry;

/// Reads it over the defaults.
pub(super) fn read(top: &Table<'_>) -> Retry {
    let defaults = Retry::default();
    let Some(table) = top.table("retry") else { return defaults };
    let retry = Retry {
        attempts: table.count("attempts").unwrap_or(defaults.attempts),
        backoff: table.duration("backoff").map_or(defaults.backoff, |backoff| backoff.value),
        jitter_percent: table
            .read("jitter", value::percent)
            .map_or(defaults.jitter_percent, |jitter| jitter.value),
        not_after: table
            .words("not_after")
            .map_or(defaults.not_after, |slugs| slugs.into_iter().map(|slug| slug.value.into()).collect()),
        penalty: table.duration("penalty_box").map(|penalty| penalty.value),
    };
    if retry.attempts == 1 {
        for key in ["backoff", "jitter", "not_after"].into_iter().filter(|key| table.has(key)) {
            let message = format!("`{key}` has no effect with one attempt: there is no further try");
            table.error_at(key, Complaint::new(message, "leave it out, or write `attempts = 2`"));
        }
    }
    retry
}
