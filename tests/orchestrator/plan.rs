//! A plan from live state and one from the inventory alone say the same, where the inventory tells the truth.

use std::time::Duration;

use chrono::TimeDelta;
use sipherd::ports::PlanAsk;

use super::site::{House, NEW, Site, StillClock, building, friday, quick, user};

/// Phone, start and end of each trip.
fn trips(plan: &serde_json::Value) -> Vec<[String; 3]> {
    let going = plan["forecast"]["going"].as_array().unwrap().iter();
    let text = |going: &serde_json::Value, key: &str| going[key].as_str().unwrap().to_owned();
    going.map(|going| ["mac", "start", "end"].map(|key| text(going, key))).collect()
}

#[tokio::test]
async fn a_live_plan_and_one_on_paper_agree_and_change_nothing() {
    let house = House(71);
    let evening = friday() - TimeDelta::hours(2);
    let clock = StillClock::at(evening);
    let building = building(clock.clone(), (1..=5).map(|n| quick(house.snom(n))).collect()).await;
    let site = Site::new(house);
    site.release("spring", &[("D785", "")]);
    let window = "[[window]]\ndays = [\"fri\"]\nfrom = \"22:00\"\nto = \"23:00\"\n[pace]\ndown_at_once = 2\n";
    site.write(
        "policies/night.toml",
        &format!("[select]\nvendor = \"snom\"\n[update]\nrelease = \"spring\"\n{window}"),
    );
    let rows: String = (1..=5).map(|n| format!("{},{},snom,D785\n", house.mac(n), user(n))).collect();
    site.write("phones.csv", &format!("mac,lines,vendor,model\n{rows}"));
    site.settings(&building, "", "");
    let daemon = site.start(clock, Duration::from_millis(1)).await;
    for n in 1..=5 {
        daemon
            .phone(&user(n), |phone| {
                phone.version.is_some() && phone.calls.iter().all(|(_, c)| c.to_string() == "idle")
            })
            .await;
    }

    let until = evening + TimeDelta::hours(12);
    let ask = PlanAsk { until: Some(until), ..PlanAsk::default() };
    let live = serde_json::to_value(daemon.control.plan(ask.clone()).await.unwrap()).unwrap();
    let (config, from, until) = (site.path("sipherd.toml"), evening.to_rfc3339(), until.to_rfc3339());
    let words = ["--config", config.to_str().unwrap(), "--json", "plan", "--from", &from, "--until", &until];
    let paper: serde_json::Value = serde_json::from_str(&site.prints(&words).await).unwrap();
    assert_eq!(trips(&live).len(), 5);
    assert_eq!(trips(&live), trips(&paper));
    assert_eq!(live["forecast"]["going"][0]["outcome"]["version"], NEW);

    // Asking did nothing: the same is told again, and nobody was sent anywhere.
    assert_eq!(live, serde_json::to_value(daemon.control.plan(ask).await.unwrap()).unwrap());
    assert_eq!(
        daemon.control.phones(vec![]).await.unwrap().iter().filter(|p| p.state != "waiting").count(),
        0
    );
    // And the command asks the daemon for it.
    let told = site.prints(&["plan", "--until", &until]).await;
    assert!(told.contains("5 phones go: 5 on Fri 20 Nov\n"), "{told}");
    assert!(told.contains("assumed: calls of now end within 1 h, and nobody makes another\n"), "{told}");
    daemon.stop().await;
}
