//! The page for people, in a real browser, and its JSON.

use crate::support::{
    PATIENCE, alarm,
    broker::{self, Broker},
    browser::Browser,
    lapin_caller::Caller,
    program::{Daemon, ctl},
    relay::Relay,
    sustained_load::{Clients, pause},
};
use serde_json::{Value, json};
use std::{
    fs,
    path::PathBuf,
    slice,
    time::{Duration, Instant},
};

/// Widths of windows, and whether they are a phone's.
const WINDOWS: [(&str, u32, bool); 3] =
    [("screen", 1920, false), ("desktop", 1280, false), ("phone", 360, true)];

/// What axe finds (<https://github.com/dequelabs/axe-core>), in the page that it was put into: each
/// rule that is broken with the elements that break it, or that a person would have to look at.
const FINDINGS: &str = "const done = arguments[0]; \
    axe.run({ rules: { 'target-size': { enabled: true } } }).then(found => \
        done([...found.violations, ...found.incomplete].map(rule => `${rule.id}: \
            ${rule.nodes.map(node => node.html + node.failureSummary).join()}`)));";

/// Whether there is one page, with nothing of its own script for people to read.
const WHOLE: &str = "const mains = document.querySelectorAll('main'); \
    arguments[0](mains.length === 1 && !mains[0].textContent.includes('querySelector'));";

/// Unfolds the older warnings; done when the page has been renewed, with whether they still are.
const UNFOLD: &str = "const done = arguments[0], older = () => document.querySelector('details'); \
    older().open = true; new MutationObserver(() => done(older().open)) \
        .observe(document.body, { childList: true });";

/// Done when the page has noticed that nobody answers it.
const STALE: &str = "const done = arguments[0], stale = () => \
    document.body.className === 'stale' && done(document.body.innerText); \
    new MutationObserver(stale).observe(document.body, { attributes: true }); stale();";

/// Done when the script of the page has fetched its content anew.
const RENEWED: &str = "const done = arguments[0]; \
    new MutationObserver(() => done(document.querySelector('main').innerText)) \
        .observe(document.body, { childList: true });";

/// What can be used by keyboard, in the order of the page.
const USABLE: &str = "arguments[0]([...document.querySelectorAll('a, summary, [tabindex]')] \
    .map(element => element.textContent.replace(/\\d+/, '')));";

/// What has the focus, and whether that is to be seen.
const FOCUSED: &str = "const at = document.activeElement, ring = getComputedStyle(at); \
    arguments[0]([at.textContent.replace(/\\d+/, ''), \
        ring.outlineStyle === 'solid' && parseFloat(ring.outlineWidth) >= 2]);";

const SEEN: &str = "arguments[0]([document.title, document.querySelectorAll('svg.chart').length, \
    document.documentElement.scrollWidth > innerWidth, document.body.className, \
    getComputedStyle(document.body).backgroundColor]);";

#[test]
fn a_browser_shows_it_and_keeps_it_new() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[]);
    let browser = Browser::on_a_phone();
    browser.go_to(&format!("http://{}/", daemon.http_address()));
    assert_eq!(ctl(&vhost.uri(), &["call", "30", "x"]).code, Some(3));
    daemon.wait_for_metric("fibrpcd_requests_total", 2);
    let text = browser.run(RENEWED).to_string();
    assert!(text.contains("invalid_argument"), "{text}");
    assert!(!text.contains("guest:guest"), "{text}");
    let mut grounds = Vec::new();
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        let seen = browser.run(SEEN);
        let title = seen[0].as_str().unwrap();
        assert!(title.starts_with("consuming - fibrpcd at "), "{title}");
        assert!(title.ends_with(&daemon.http_address()), "{title}");
        assert_eq!(seen[1], 4, "charts");
        assert_eq!(seen[2], false, "wider than the phone");
        assert_eq!(seen[3], "", "stale");
        grounds.push(seen[4].clone());
    }
    assert_ne!(grounds[0], grounds[1], "both themes");
    assert_eq!(browser.complaints(), Vec::<Value>::new());
}

#[test]
fn it_says_why_nothing_is_answered() {
    let daemon = Daemon::start("amqp://somebody:pass-word@127.0.0.1:1/%3Cb%3E", &[]);
    daemon.wait_for("cannot attach");
    let (status, page) = daemon.get("/");
    assert_eq!(status, 200);
    assert!(page.contains("<strong>detached</strong>"), "{page}");
    assert!(page.contains("Connection refused"), "{page}");
    let (status, json) = daemon.get("/status");
    assert_eq!(status, 200);
    let json: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(json["state"], "detached");
    assert_eq!(json["warnings"][0]["level"], "warn");
    let warning = json["warnings"][0]["text"].as_str().unwrap();
    assert!(warning.contains("cannot attach") && !warning.contains("pass-word"), "{warning}");
    assert!(!page.contains("pass-word") && !page.contains("<b>"), "{page}");
}

/// Where pictures are wanted.
fn pictures() -> Option<PathBuf> {
    let dir = PathBuf::from(std::env::var_os("FIBRPC_SCREENSHOTS").filter(|dir| !dir.is_empty())?);
    fs::create_dir_all(&dir).unwrap();
    Some(dir)
}

/// Looks at the page in both themes, on large and small screens.
fn look(browser: &Browser, state: &str) {
    for scheme in ["light", "dark"] {
        browser.prefer(scheme);
        for (window, width, mobile) in WINDOWS {
            browser.resize(width, mobile);
            let place = format!("{state}-{scheme}-{window}");
            assert_eq!(browser.run(WHOLE), true, "{place}");
            assert_eq!(browser.run(SEEN)[2], false, "{place} is too wide");
            assert_eq!(findings(browser), Value::Array(Vec::new()), "{place}");
            if let Some(dir) = pictures() {
                browser.screenshot(&dir.join(format!("{place}.png")));
            }
        }
    }
}

/// What axe has to say against the page.
fn findings(browser: &Browser) -> Value {
    let axe = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/target/tools/axe-core/node_modules/axe-core/axe.min.js"
    );
    let axe = fs::read_to_string(axe).expect("packaging/dev/install-deps.sh test installs axe");
    browser.run(&format!("{axe};\n{FINDINGS}"))
}

/// Walks through the page by keyboard.
fn walk_by_keyboard(browser: &Browser) {
    let usable = browser.run(USABLE);
    let usable = usable.as_array().unwrap();
    assert!(usable[0].as_str().unwrap().ends_with(" before"), "{usable:?}");
    for (index, name) in usable.iter().enumerate() {
        browser.tab();
        assert_eq!(browser.run(FOCUSED), json!([name, true]));
        if index == 0 {
            browser.run(RENEWED);
            assert_eq!(
                browser.run(FOCUSED),
                json!([name, true]),
                "the focus went as the page came anew"
            );
        }
    }
}

/// Waits until the history of the page has a point for which `is_it` holds. A history has no
/// events.
fn wait_for_point(daemon: &Daemon, is_it: impl Fn(&Value) -> bool) {
    let (started, patience) = (Instant::now(), PATIENCE + history());
    loop {
        let status: Value = serde_json::from_str(&daemon.get("/status").1).unwrap();
        if is_it(&status) {
            return;
        }
        assert!(started.elapsed() < patience, "{status:#}");
        pause(Duration::from_millis(100));
    }
}

/// How much of a history is waited for: more than nothing only for pictures.
fn history() -> Duration {
    if pictures().is_some() { Duration::from_mins(2) } else { Duration::ZERO }
}

#[test]
fn it_can_be_read_whatever_happens() {
    let vhost = broker::shared().vhost();
    let relay = Relay::to(&vhost.uri());
    let daemon = Daemon::serving(&relay.uri(), &[]);
    let (browser, page) = (Browser::on_a_phone(), format!("http://{}/", daemon.http_address()));
    browser.go_to(&page);
    look(&browser, "idle");
    let clients = Clients::start(slice::from_ref(&vhost.uri()), 1);
    assert_eq!(ctl(&vhost.uri(), &["call", "30", "x"]).code, Some(3));
    let points = usize::try_from(history().as_secs() / 5).unwrap();
    wait_for_point(&daemon, |status| {
        let rates = status["history"]["requests_per_second"].as_array().unwrap();
        rates.len() > points && rates.last().unwrap().as_f64() > Some(0.0)
    });
    browser.go_to(&page);
    look(&browser, "load");
    clients.stop().assert_good();
    for time in 1..=6 {
        relay.reset();
        daemon.wait_for_nth("lost the broker", time);
        daemon.wait_for_nth("attached; consuming", time + 1);
    }
    relay.refuse();
    relay.reset();
    daemon.wait_for("cannot attach");
    wait_for_point(&daemon, |status| {
        status["history"]["consuming"].as_array().unwrap().last() == Some(&false.into())
    });
    browser.go_to(&page);
    assert!(browser.run(SEEN)[0].as_str().unwrap().starts_with("detached"));
    assert_eq!(browser.run(UNFOLD), true, "who reads on is not interrupted");
    walk_by_keyboard(&browser);
    look(&browser, "gone");
    drop(daemon);
    let text = browser.run(STALE).to_string();
    assert!(text.contains("No answer from fibrpcd"), "{text}");
    look(&browser, "silent");
}

#[test]
fn it_can_be_read_while_replies_wait_for_the_broker_and_while_the_daemon_drains() {
    let broker = Broker::private();
    let relay = Relay::to(&broker.uri());
    let mut daemon = Daemon::serving(&relay.uri(), &[("shutdown.drain_timeout", "10m")]);
    let (browser, page) = (Browser::on_a_phone(), format!("http://{}/", daemon.http_address()));
    let look_at = |state: &str| {
        browser.go_to(&page);
        let title = browser.run(SEEN)[0].to_string();
        assert!(title.contains(state), "{title}");
        look(&browser, state);
    };
    alarm::raise(&broker, &relay, &daemon);
    look_at("blocked");
    alarm::clear(&broker);
    daemon.wait_for("the broker takes publishes again");
    relay.hold_replies();
    Caller::connect(&broker.uri()).call("held", "30");
    daemon.wait_for_metric("fibrpcd_requests_in_flight", 1);
    daemon.signal("TERM");
    daemon.wait_for("draining");
    look_at("draining");
    relay.release_replies();
    assert_eq!(daemon.wait().code(), Some(0));
}
