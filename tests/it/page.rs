//! The page for people, in a real browser, and its JSON.

use crate::support::{
    broker,
    browser::Browser,
    program::{Daemon, ctl},
};
use serde_json::Value;

/// Done when the script of the page has fetched its content anew.
const RENEWED: &str = "const done = arguments[0]; \
    new MutationObserver(() => done(document.querySelector('main').innerText)) \
        .observe(document.body, { childList: true });";

const SEEN: &str = "arguments[0]([document.title, document.querySelectorAll('svg').length, \
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
        assert_eq!(seen[0], "consuming - fibrpcd");
        assert_eq!(seen[1], 5, "charts");
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
    let told = json["warnings"][0]["text"].as_str().unwrap();
    assert!(told.contains("cannot attach") && !told.contains("pass-word"), "{told}");
    assert!(!page.contains("pass-word") && !page.contains("<b>"), "{page}");
}
