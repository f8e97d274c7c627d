#![allow(clippy::unwrap_used, clippy::expect_used)]

mod plan;

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use chrono::{DateTime, TimeDelta, Utc};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use http_body_util::BodyExt;
use serde_json::{Value, json};
use sipherd::api::{ops_router, router};
use sipherd::domain::firmware::{Handling, Image, Part, Release, Version};
use sipherd::domain::phone::{CallState, KnownBy, Line, LineId, Mac, Model, PbxName, Phone, Site, Vendor};
use sipherd::domain::policy::verdict::{Gate, GateAnswer, Reason};
use sipherd::domain::policy::{Opening, Selection};
use sipherd::ports::{
    Control, ControlError, Entry, HistoryQuery, PhoneView, PlanAsk, PlanView, RebootAsk, RebootTaken,
    StatusView, TripId, WhyView,
};
use tower::ServiceExt;

/// A daemon of three phones whose clock stands at Friday 20 November 2026, 19:00 in Berlin.
#[derive(Default)]
pub struct FakeControl {
    /// The reboots asked for.
    pub asked: Mutex<Vec<RebootAsk>>,
    /// The history asked for.
    pub queries: Mutex<Vec<HistoryQuery>>,
    /// Whether it goes down.
    pub draining: bool,
    /// What is wrong with its configuration.
    pub broken: Option<String>,
    /// How often each phone of a job is still seen under way.
    pub rounds_left: Mutex<u32>,
}

/// What the clock of the fake shows.
pub fn now() -> DateTime<Utc> {
    "2026-11-20T18:00:00Z".parse().unwrap()
}

fn version(text: &str) -> Option<Version> {
    Some(Version::parse(text).unwrap())
}

fn mac(last: u8) -> Mac {
    Mac::new([0, 4, 0x13, 0, 0, last])
}

fn views() -> Vec<PhoneView> {
    let waiting = PhoneView {
        mac: mac(0x17),
        lines: vec!["2117".into(), "2150".into()],
        vendor: Some(Vendor::SNOM),
        model: Some(Model::new("D785")),
        version: version("10.1.64.14"),
        target: version("10.1.198"),
        site: Some("berlin".into()),
        tags: vec![],
        policy: Some("office-night".into()),
        state: "waiting".into(),
        detail: "in a call (line 2150)".into(),
        calls: vec![("2117".into(), CallState::Idle), ("2150".into(), CallState::Talking)],
        since: Some(now() - TimeDelta::minutes(12)),
    };
    let done = PhoneView {
        mac: mac(0x18),
        lines: vec!["2118".into()],
        version: version("10.1.198"),
        state: "verified".into(),
        detail: String::new(),
        calls: vec![("2118".into(), CallState::Idle)],
        since: Some(now() - TimeDelta::hours(20)),
        ..waiting.clone()
    };
    let failed = PhoneView {
        mac: mac(0x19),
        lines: vec!["2119".into()],
        vendor: None,
        model: None,
        version: None,
        target: None,
        site: None,
        policy: None,
        state: "failed".into(),
        detail: "never returned; look whether it has power".into(),
        calls: vec![],
        ..waiting.clone()
    };
    vec![waiting, done, failed]
}

fn matches(selection: &Selection, view: &PhoneView) -> bool {
    let mut phone = Phone::new(view.mac, KnownBy::Inventory);
    phone.vendor = view.vendor.clone();
    phone.model = view.model.clone();
    phone.site = view.site.clone().map(Site::new);
    for user in &view.lines {
        phone.lines.insert(LineId { pbx: PbxName::new("pbx1"), user: user.as_str().into() }, Line::UNSEEN);
    }
    selection.matches(&phone)
}

fn gates() -> Vec<GateAnswer> {
    let open = |gate, saw: &str| GateAnswer { gate, holds: vec![], saw: saw.into(), changes: None };
    let opening = Opening { start: now() + TimeDelta::hours(4), end: now() + TimeDelta::hours(9) };
    let soon = now() + TimeDelta::minutes(6);
    vec![
        open(Gate::Identity, "known from the inventory, 2 lines"),
        open(Gate::Selected, "policy office-night, priority 0"),
        open(Gate::Current, "10.1.64.14 → 10.1.198"),
        open(Gate::Image, "snomD785-10.1.198-SIP-r.bin"),
        GateAnswer {
            gate: Gate::Penalty,
            holds: vec![Reason::PenaltyBox { until: soon, after: "no answer".into() }],
            saw: String::new(),
            changes: Some(soon),
        },
        GateAnswer {
            gate: Gate::Window,
            holds: vec![Reason::OutsideWindow { opens: Some(opening) }],
            saw: "opens Fri 20 Nov 23:00 (in 4 h), until Sat 04:00".into(),
            changes: Some(opening.start),
        },
        open(Gate::View, "pbx1, 1 s old"),
        open(Gate::Registered, "2 of 2 lines"),
        GateAnswer {
            gate: Gate::Idle,
            holds: vec![Reason::Busy {
                line: LineId { pbx: PbxName::new("pbx1"), user: "2150".into() },
                calls: CallState::Talking,
            }],
            saw: String::new(),
            changes: None,
        },
        open(Gate::Budget, "0 of 5 phones down"),
    ]
}

fn ready<T: Send + 'static>(result: Result<T, ControlError>) -> BoxFuture<'static, Result<T, ControlError>> {
    std::future::ready(result).boxed()
}

impl Control for FakeControl {
    fn phones(&self, select: Vec<String>) -> BoxFuture<'_, Result<Vec<PhoneView>, ControlError>> {
        let selection = Selection::from_words(&select).unwrap();
        let mut found: Vec<_> = views().into_iter().filter(|v| matches(&selection, v)).collect();
        if !self.asked.lock().unwrap().is_empty() {
            let mut left = self.rounds_left.lock().unwrap();
            for phone in &mut found {
                let (state, detail) =
                    if *left > 0 { ("away", "boots") } else { ("rebooted", "back after 62 s") };
                (phone.state, phone.detail, phone.since) = (state.into(), detail.into(), Some(now()));
                phone.policy = Some("reboot-17".into());
            }
            *left = left.saturating_sub(1);
        }
        ready(Ok(found))
    }

    fn why(&self, phone: String, at: Option<DateTime<Utc>>) -> BoxFuture<'_, Result<WhyView, ControlError>> {
        let wanted = Selection::from_words(&[&phone]).unwrap();
        let found = views().into_iter().find(|v| matches(&wanted, v));
        ready(match found {
            None => {
                Err(ControlError::NotFound(format!("no phone `{phone}`\nhint: `sipherd phones` lists them")))
            }
            Some(phone) => Ok(WhyView {
                past: None,
                phone,
                at: at.unwrap_or(now()),
                gates: gates(),
                go: false,
                earliest: at.map(|_| now() + TimeDelta::hours(4)),
                zone: chrono_tz::Europe::Berlin,
            }),
        })
    }

    fn plan(&self, ask: PlanAsk) -> BoxFuture<'_, Result<PlanView, ControlError>> {
        ready(Ok(plan::view(&ask)))
    }

    fn reboot(&self, ask: RebootAsk) -> BoxFuture<'_, Result<RebootTaken, ControlError>> {
        if self.draining {
            return ready(Err(ControlError::Unavailable("sipherd is shutting down".into())));
        }
        let selection = Selection::from_words(&ask.select).unwrap();
        let phones: Vec<_> = views().iter().filter(|v| matches(&selection, v)).map(|v| v.mac).collect();
        if phones.is_empty() {
            return ready(Err(ControlError::NotFound("no phone is selected".into())));
        }
        self.asked.lock().unwrap().push(ask);
        ready(Ok(RebootTaken { job: "reboot-17".into(), phones }))
    }

    fn history(&self, query: HistoryQuery) -> BoxFuture<'_, Result<Vec<Entry>, ControlError>> {
        let entry = |minutes, mac, trip: Option<u64>, kind: &str, text: &str| Entry {
            at: now() - TimeDelta::minutes(minutes),
            mac,
            trip: trip.map(TripId),
            kind: kind.into(),
            text: text.into(),
        };
        let all = vec![
            entry(1201, Some(mac(0x18)), Some(3), "asked", "NOTIFY check-sync;reboot=true"),
            entry(1200, Some(mac(0x18)), Some(3), "verified", "runs 10.1.198"),
            entry(5, None, None, "started", "sipherd 0.1.0"),
        ];
        let found = all.into_iter().filter(|e| query.mac.is_none() || e.mac == query.mac).collect();
        self.queries.lock().unwrap().push(query);
        ready(Ok(found))
    }

    fn releases(&self) -> BoxFuture<'_, Result<Vec<Release>, ControlError>> {
        let image = Image {
            file: "snomD785-10.1.198-SIP-r.bin".into(),
            part: Part::Firmware,
            handling: Handling::default(),
            vendor: Vendor::SNOM,
            models: vec![Model::new("D785")],
            version: Version::parse("10.1.198").unwrap(),
            sha256: "00".repeat(32),
            size: 1,
            from_at_least: None,
            from_at_most: None,
            hardware: vec![],
        };
        ready(Ok(vec![Release { name: "snom-10.1.198".into(), images: vec![image] }]))
    }

    fn reload(&self) -> BoxFuture<'_, Result<(), ControlError>> {
        ready(self.broken.clone().map_or(Ok(()), |why| Err(ControlError::Refused(why))))
    }

    fn status(&self) -> BoxFuture<'_, Result<StatusView, ControlError>> {
        ready(Ok(StatusView {
            version: "0.1.0".into(),
            now: now(),
            draining: self.draining,
            states: [("failed".into(), 1), ("verified".into(), 412), ("waiting".into(), 3)].into(),
            holds: [("busy".into(), 1), ("outside-window".into(), 3)].into(),
            views: vec![
                (PbxName::new("pbx1"), Some(2)),
                (PbxName::new("pbx2"), if self.draining { None } else { Some(0) }),
            ],
            strangers: vec![("2199@pbx1".into(), "Yealink SIP-T46S 66.85.0.5".into())],
            refused_reload: self.broken.clone(),
        }))
    }

    fn metrics(&self) -> BoxFuture<'_, Result<String, ControlError>> {
        ready(Ok("# EOF\n".into()))
    }
}

async fn send(control: FakeControl, request: Request<Body>) -> (StatusCode, Value) {
    send_to(Arc::new(control), request).await
}

async fn send_to(control: Arc<FakeControl>, request: Request<Body>) -> (StatusCode, Value) {
    let app = router(control.clone()).merge(ops_router_without_fallback(control));
    let response = app.oneshot(request).await.unwrap();
    let status = response.status();
    let body = response.into_body().collect().await.unwrap().to_bytes();
    let text = || Value::String(String::from_utf8_lossy(&body).into());
    (status, serde_json::from_slice(&body).unwrap_or_else(|_| text()))
}

/// Two routers with a fallback each cannot be merged.
fn ops_router_without_fallback(control: Arc<FakeControl>) -> axum::Router {
    ops_router(control).reset_fallback()
}

fn get(path: &str) -> Request<Body> {
    Request::get(path).body(Body::empty()).unwrap()
}

fn post(path: &str, body: &str) -> Request<Body> {
    Request::post(path)
        .header(header::CONTENT_TYPE, "application/json")
        .body(Body::from(body.to_owned()))
        .unwrap()
}

async fn lines_of(path: &str) -> Vec<String> {
    let (status, body) = send(FakeControl::default(), get(path)).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    body.as_array().unwrap().iter().map(|p| p["lines"][0].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn phones_are_selected_by_repeated_words() {
    assert_eq!(lines_of("/v1/phones").await, ["2117", "2118", "2119"]);
    assert_eq!(lines_of("/v1/phones?select=vendor%3Dsnom").await, ["2117", "2118"]);
    assert_eq!(lines_of("/v1/phones?select=vendor%3Dsnom&select=2118").await, ["2118"]);
}

#[tokio::test]
async fn every_get_answers_in_the_form_of_its_view() {
    let status = async |path| send(FakeControl::default(), get(path)).await.0;
    for path in
        ["/v1/status", "/v1/phones", "/v1/history", "/v1/releases", "/v1/phones/2117", "/metrics", "/healthz"]
    {
        assert_eq!(status(path).await, StatusCode::OK, "{path}");
    }
    let (_, body) = send(FakeControl::default(), get("/v1/phones/00:04:13:00:00:18")).await;
    assert_eq!(serde_json::from_value::<PhoneView>(body).unwrap(), views()[1]);
    let (_, body) = send(FakeControl::default(), get("/v1/releases")).await;
    assert_eq!(body[0]["name"], "snom-10.1.198");
    let (_, body) =
        send(FakeControl::default(), get("/v1/phones/2117/why?at=2026-11-21T01:00:00%2B01:00")).await;
    assert_eq!(serde_json::from_value::<WhyView>(body).unwrap().at, now() + TimeDelta::hours(6));
}

#[tokio::test]
async fn what_cannot_be_understood_is_answered_with_a_hint() {
    let get_cases = [
        (
            "/v1/phones?select=colour%3Dred",
            400,
            "`colour=red` is not a selection",
            "the keys are vendor, model, hardware, version, site, realm, tag, mac, line, subnet and pbx",
        ),
        (
            "/v1/phones?sel=2117",
            400,
            "unknown parameter `sel`",
            "the only one is `select`, as often as needed",
        ),
        (
            "/v1/phones/21*",
            404,
            "no phone has the MAC or line `21*`",
            "`sipherd phones` lists all that are known",
        ),
        ("/v1/phones/2999/why", 404, "no phone `2999`", "`sipherd phones` lists them"),
        (
            "/v1/history?mac=12",
            400,
            "cannot read the query: mac: `12` is not a MAC address",
            "times look like 2026-11-20T22:00:00Z (a `+` must be written %2B)",
        ),
        (
            "/v1/history?limit=100001",
            400,
            "`limit` 100001 is too many for one answer",
            "ask for at most 100000; `since` and `mac` narrow it down",
        ),
        (
            "/v1/nothing",
            404,
            "there is nothing at `/v1/nothing`",
            "command line and daemon may be of different versions; `sipherd status` shows the daemon's",
        ),
        (
            "/v1/reboot",
            405,
            "`GET` does not go with `/v1/reboot`",
            "reading is GET, reboot and reload are POST",
        ),
    ];
    for (path, status, error, hint) in get_cases {
        let (code, body) = send(FakeControl::default(), get(path)).await;
        assert_eq!((code.as_u16(), body), (status, json!({"error": error, "hint": hint})), "{path}");
    }
    let (code, body) = send(FakeControl::default(), get("/v1/phones/%FF/why")).await;
    assert_eq!((code, &body["hint"]), (StatusCode::BAD_REQUEST, &json!("a path is escaped UTF-8")));
    let (code, body) = send(FakeControl::default(), post("/v1/reboot", &"x".repeat(3_000_000))).await;
    assert_eq!(code, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(body["hint"].is_string(), "{body}");
    for path in ["/v1/phones/2117/why?at=tomorrow", "/v1/history?since=2026", "/v1/history?page=2"] {
        let (code, body) = send(FakeControl::default(), get(path)).await;
        assert_eq!(code, StatusCode::BAD_REQUEST, "{path}");
        assert!(body["error"].as_str().unwrap().starts_with("cannot read the query: "), "{body}");
    }
}

#[tokio::test]
async fn a_reboot_is_handed_on_and_its_job_named() {
    let control = Arc::new(FakeControl::default());
    let body = r#"{"select":["2117","2118"],"now":true,"even_in_a_call":false}"#;
    let (status, answer) = send_to(control.clone(), post("/v1/reboot", body)).await;
    assert_eq!(status, StatusCode::ACCEPTED);
    assert_eq!(answer, json!({"job": "reboot-17", "phones": ["00:04:13:00:00:17", "00:04:13:00:00:18"]}));
    let expected = RebootAsk {
        select: vec!["2117".into(), "2118".into()],
        now: true,
        even_in_a_call: false,
        restore: None,
    };
    assert_eq!(*control.asked.lock().unwrap(), [expected]);
}

#[tokio::test]
async fn a_reboot_that_is_not_understood_reaches_no_phone() {
    let control = Arc::new(FakeControl::default());
    for (body, error) in [
        ("{", "cannot read the request: "),
        (r#"{"select":["2117"]}"#, "cannot read the request: missing field `now`"),
        (
            r#"{"select":["2117"],"now":false,"even_in_a_call":false,"nwo":1}"#,
            "cannot read the request: unknown field",
        ),
        (r#"{"select":[],"now":false,"even_in_a_call":false}"#, "no phone is selected"),
        (r#"{"select":["a=b"],"now":false,"even_in_a_call":false}"#, "`a=b` is not a selection"),
    ] {
        let (status, answer) = send_to(control.clone(), post("/v1/reboot", body)).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body}");
        assert!(answer["error"].as_str().unwrap().starts_with(error), "{answer}");
        assert!(answer["hint"].is_string(), "{answer}");
    }
    let form = Request::post("/v1/reboot").header(header::CONTENT_TYPE, "text/plain");
    let body = r#"{"select":["2117"],"now":true,"even_in_a_call":false}"#;
    let (status, _) = send_to(control.clone(), form.body(Body::from(body)).unwrap()).await;
    assert_eq!(status, StatusCode::UNSUPPORTED_MEDIA_TYPE);
    assert!(control.asked.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_daemon_that_goes_down_takes_no_reboot_and_is_not_ready() {
    let control = Arc::new(FakeControl { draining: true, ..Default::default() });
    let body = r#"{"select":["2117"],"now":true,"even_in_a_call":false}"#;
    let (status, _) = send_to(control.clone(), post("/v1/reboot", body)).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    let (status, answer) = send_to(control.clone(), get("/readyz")).await;
    assert_eq!(status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer, json!({"ready": false, "reasons": ["draining", "no view of pbx2"]}));
    assert_eq!(send_to(control, get("/healthz")).await.0, StatusCode::OK);
    let (status, answer) = send(FakeControl::default(), get("/readyz")).await;
    assert_eq!((status, answer), (StatusCode::OK, json!({"ready": true, "reasons": []})));
}

#[tokio::test]
async fn a_refused_reload_tells_every_problem() {
    let (status, _) = send(FakeControl::default(), post("/v1/reload", "")).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let control =
        FakeControl { broken: Some("error: a.toml:3\nerror: b.toml:9".into()), ..Default::default() };
    let (status, answer) = send(control, post("/v1/reload", "")).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert_eq!(answer, json!({"error": "error: a.toml:3\nerror: b.toml:9", "hint": null}));
}

#[tokio::test]
async fn history_without_a_limit_is_limited() {
    let control = Arc::new(FakeControl::default());
    send_to(control.clone(), get("/v1/history")).await;
    send_to(control.clone(), get("/v1/history?mac=000413000018&since=2026-11-20T00:00:00Z&limit=5")).await;
    let since = Some("2026-11-20T00:00:00Z".parse().unwrap());
    assert_eq!(
        *control.queries.lock().unwrap(),
        [
            HistoryQuery { mac: None, since: None, limit: Some(1000) },
            HistoryQuery { mac: Some(mac(0x18)), since, limit: Some(5) }
        ]
    );
}

#[tokio::test]
async fn a_stale_socket_is_replaced_but_never_one_that_answers() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.sock");
    drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
    let first = sipherd::api::bind_unix(&path).await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    let error = sipherd::api::bind_unix(&path).await.unwrap_err();
    assert_eq!(error.to_string(), format!("{}: another sipherd answers here; stop it first", path.display()));
    drop(first);
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, "a file").unwrap();
    assert!(sipherd::api::bind_unix(&path).await.is_err());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "a file");
}

#[tokio::test]
async fn serving_ends_with_the_shutdown_and_removes_the_socket() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("api.sock");
    let (stop, stopped) = tokio::sync::oneshot::channel::<()>();
    let app = router(Arc::new(FakeControl::default()));
    let listener = sipherd::api::bind_unix(&path).await.unwrap();
    let serving = {
        let path = path.clone();
        tokio::spawn(async move { sipherd::api::serve_unix(listener, &path, app, stopped.map(drop)).await })
    };
    stop.send(()).unwrap();
    serving.await.unwrap().unwrap();
    assert!(!path.exists());
}
