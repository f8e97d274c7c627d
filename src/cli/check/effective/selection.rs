//! `[select]`, and the shared selections it names.

use std::fmt::Display;

use super::{Page, list, text};
use crate::domain::policy::Selection;

/// Writes `[select]`; the shared selections it names stand beside it as remarks.
pub(super) fn write(selection: &Selection, page: &mut Page) {
    page.table("[select]");
    for (key, value) in keys(selection) {
        page.key(key, value);
    }
    if let Some(not) = &selection.not {
        for (key, value) in keys(not) {
            page.key(&format!("not.{key}"), value);
        }
        if let Some(not) = &not.not {
            page.key("not.not", inline(not));
        }
    }
    let mut told = Vec::new();
    explain(selection, page, &mut told);
}

/// Every key that is there, `not` apart.
fn keys(selection: &Selection) -> Vec<(&'static str, String)> {
    fn some<T>(items: &[T], show: impl Fn(&T) -> String) -> Option<String> {
        (!items.is_empty()).then(|| list(items.iter().map(show)))
    }
    fn plain<T: Display>(items: &[T]) -> Option<String> {
        some(items, ToString::to_string)
    }
    let any: Vec<String> = selection.any.iter().map(inline).collect();
    let keys = [
        ("vendor", plain(&selection.vendor)),
        ("model", some(&selection.model, |glob| glob.glob().glob().to_owned())),
        ("hardware", plain(&selection.hardware)),
        ("version", plain(&selection.version)),
        ("site", plain(&selection.site)),
        ("realm", plain(&selection.realm)),
        ("tag", plain(&selection.tag)),
        ("mac", plain(&selection.mac)),
        ("line", some(&selection.line, |glob| glob.glob().glob().to_owned())),
        ("subnet", plain(&selection.subnet)),
        ("pbx", plain(&selection.pbx)),
        ("is", some(&selection.is, |named| named.name.to_string())),
        ("any", (!any.is_empty()).then(|| format!("[{}]", any.join(", ")))),
    ];
    keys.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
}

/// A selection in one line.
fn inline(selection: &Selection) -> String {
    let mut parts: Vec<String> =
        keys(selection).into_iter().map(|(key, value)| format!("{key} = {value}")).collect();
    parts.extend(selection.not.as_ref().map(|not| format!("not = {}", inline(not))));
    format!("{{ {} }}", parts.join(", "))
}

/// Says what the named selections are, each once.
fn explain(selection: &Selection, page: &mut Page, told: &mut Vec<std::sync::Arc<str>>) {
    for named in &selection.is {
        if told.contains(&named.name) {
            continue;
        }
        told.push(named.name.clone());
        page.remark(&format!("{} is {}", text(&named.name), inline(&named.selection)));
        explain(&named.selection, page, told);
    }
    for inner in selection.any.iter().chain(selection.not.as_deref()) {
        explain(inner, page, told);
    }
}
