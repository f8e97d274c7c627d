//! `[retry]`.

use crate::config::code::Code;
use crate::config::raw::Complaint;
use crate::config::table::Table;
use crate::config::value;
use crate::domain::policy::Retry;
use crate::domain::trip::Failure;

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
    // The penalty box lets out what `not_after` does not name.
    let boxed = retry.penalty.is_some();
    if retry.attempts == 1 {
        let keys = ["backoff", "jitter", "not_after"].into_iter();
        for key in keys.filter(|key| table.has(key) && !(boxed && *key == "not_after")) {
            let message = format!("`{key}` has no effect with one attempt: there is no further try");
            table.error_at(key, Complaint::new(message, "leave it out, or write `attempts = 2`"));
        }
    } else if !boxed {
        never_retried(&table);
    }
    retry
}

/// Warns about failures in `not_after` after which there is no further try anyway.
fn never_retried(table: &Table<'_>) {
    for slug in table.words("not_after").unwrap_or_default() {
        if Failure::NEVER_RETRYABLE.contains(&slug.value) {
            let message =
                format!("`{}` has no effect here: there is never another try after this failure", slug.value);
            let hint =
                "leave it out; it matters only beside `penalty_box`, which does not let out what stands here";
            table.source().warn(Code::NoEffect, &slug.span, Complaint::new(message, hint));
        }
    }
}
