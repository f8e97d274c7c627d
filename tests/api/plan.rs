//! `GET /v1/plan`.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use chrono::TimeDelta;
use sipherd::domain::firmware::Version;
use sipherd::domain::forecast::{Brake, CallsMet, Fate, Forecast, Going, Held, Staying};
use sipherd::domain::phone::Mac;
use sipherd::domain::policy::verdict::Reason;
use sipherd::domain::policy::{Opening, Selection};
use sipherd::domain::trip::Outcome;
use sipherd::ports::{PlanAsk, PlanPhone, PlanView};

use super::{FakeControl, mac, matches, now, send, views};

/// One phone goes at 23:00 in Berlin, one is nobody's.
pub fn view(ask: &PlanAsk) -> PlanView {
    let until = ask.until.unwrap_or(now() + TimeDelta::days(7));
    let start = now() + TimeDelta::hours(4);
    let going = Going {
        mac: mac(0x17),
        policy: "office-night".into(),
        start,
        end: Some(start + TimeDelta::seconds(273)),
        outcome: Some(Outcome::Verified { version: Version::parse("10.1.198").unwrap() }),
        opening: Some(Opening { start, end: start + TimeDelta::hours(5) }),
    };
    let staying =
        Staying { mac: mac(0x19), policy: None, fate: Fate::Nothing, reasons: vec![Reason::NotSelected] };
    let selection = Selection::from_words(&ask.select).unwrap();
    let shown: Vec<_> = views().into_iter().filter(|view| matches(&selection, view)).collect();
    let phones = shown.iter().map(|view| {
        let phone = PlanPhone {
            label: view.lines[0].clone(),
            kind: "snom D785".into(),
            site: view.site.clone(),
            zone: chrono_tz::Europe::Berlin,
        };
        (view.mac, phone)
    });
    let phones: BTreeMap<Mac, PlanPhone> = phones.collect();
    let mut forecast = Forecast {
        from: now(),
        until,
        phones: 3,
        going: vec![going],
        staying: vec![staying],
        ends: Some(start + TimeDelta::seconds(273)),
        held: vec![Held { by: Brake::Window, phone_seconds: 4 * 3_600 }],
        calls: CallsMet::default(),
    };
    forecast.show(|mac| phones.contains_key(&mac));
    let openings = [("office-night".to_owned(), vec![Opening { start, end: start + TimeDelta::hours(5) }])];
    let assumed = vec![format!("{:?}", ask.calls_last)];
    PlanView { forecast, phones, openings: openings.into(), zone: chrono_tz::Europe::Berlin, assumed }
}

async fn get(path: &str) -> (StatusCode, serde_json::Value) {
    send(FakeControl::default(), Request::get(path).body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_plan_tells_who_goes_and_who_stays() {
    let (status, plan) = get("/v1/plan").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(plan["forecast"]["going"][0]["mac"], "00:04:13:00:00:17");
    assert_eq!(plan["forecast"]["going"][0]["start"], "2026-11-20T22:00:00Z");
    assert_eq!(plan["forecast"]["staying"][0]["fate"], "nothing");
    assert_eq!(plan["forecast"]["held"][0]["by"]["brake"], "window");
    assert_eq!(plan["assumed"][0], "Usual");
    let read: PlanView = serde_json::from_value(plan).unwrap();
    assert_eq!(read, view(&PlanAsk::default()));
}

#[tokio::test]
async fn what_is_asked_reaches_the_daemon() {
    let (status, plan) = get("/v1/plan?until=2026-11-21T06:00:00Z&select=line%3D2119&calls_last=600").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(plan["forecast"]["until"], "2026-11-21T06:00:00Z");
    assert_eq!(plan["forecast"]["going"], serde_json::json!([]));
    assert_eq!(plan["assumed"][0], "Seconds(600)");
    let (_, plan) = get("/v1/plan?calls_last=forever").await;
    assert_eq!(plan["assumed"][0], "Forever");
}

#[tokio::test]
async fn what_makes_no_sense_is_refused_with_a_hint() {
    for (query, error) in [
        ("until=tomorrow", "`tomorrow` is not an instant"),
        ("calls_last=long", "`long` is not a number of seconds"),
        ("at=now", "unknown parameter `at`"),
    ] {
        let (status, problem) = get(&format!("/v1/plan?{query}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert_eq!(problem["error"], error);
        assert!(problem["hint"].is_string());
    }
}
