//! The findings on one screen, or as one object.

use super::{
    super::{
        output::{Output, beginning, insert_error, status},
        stats::product,
        verdict::verdict,
    },
    findings::{Answers, Findings, Http, Server},
};
use crate::{
    cli::CtlOptions,
    client::{BrokerState, CallError},
    text::excerpt,
};
use serde_json::{Map, Value, json};
use std::time::Duration;

pub(super) fn print(findings: &Findings, options: &CtlOptions, output: &mut Output) {
    if output.is_json() {
        return output.json(object(findings));
    }
    let mut line = |name: &str, text: &str| output.shown(&format!("{name:<9}{text}"));
    line("broker", &broker(&findings.broker));
    line("queue", &queue(findings));
    match &findings.server {
        Server::NotAsked => line("server", "not asked"),
        Server::Silent(CallError::TimedOut(_) | CallError::NoConsumer { .. }) => {
            line("server", &format!("no answer within {:?}", options.timeout));
        }
        Server::Silent(_) => line("server", "no answer, for the reason above"),
        Server::Answers(answers) => {
            line("server", &server(answers));
            if let Some(stats) = &answers.read {
                line("load", &stats.load());
                stats.lately().iter().for_each(|text| line("lately", text));
            }
            if let Some(info) = &answers.info {
                line("methods", &methods(info));
            }
        }
    }
    if let Some(http) = &findings.http {
        line("http", &over_http(http));
    }
    if let Some(error) = findings.failure() {
        output.tell().complain(&error.to_string());
        output.hint(hint(&error));
    }
    if let Some(Http { url, answer: Err(why) }) = &findings.http {
        output.tell().complain(&format!("{url}: {why}"));
    }
}

/// What to do, for somebody who has looked at the status.
fn hint(error: &CallError) -> &'static str {
    match error {
        CallError::TimedOut(_) => {
            "a server that hangs, or has its hands full: its log says more; else a longer --timeout"
        }
        CallError::NoServer(_) => "systemctl status fibrpcd, if it is ours; calls with --wait wait",
        error => verdict(error).hint,
    }
}

fn broker(broker: &Result<BrokerState, CallError>) -> String {
    match broker {
        Ok(broker) => {
            let known = |text: &Option<String>| text.clone().unwrap_or_default();
            let what = product(&known(&broker.product), &known(&broker.version));
            let what = if what.is_empty() { "says not what it is".to_owned() } else { what };
            format!("{what}, {}", broker.uri)
        }
        Err(CallError::LoginRefused(_)) => "refuses the login".to_owned(),
        Err(CallError::VhostRefused(_)) => "refuses the virtual host".to_owned(),
        Err(CallError::NotPermitted(_)) => "refuses a look at the queue".to_owned(),
        Err(_) => "not reached".to_owned(),
    }
}

fn queue(findings: &Findings) -> String {
    let name = excerpt(findings.queue.as_bytes(), 40);
    match &findings.broker {
        Ok(BrokerState { queue: Some(queue), .. }) => {
            let consumers = if queue.consumers == 1 { "consumer" } else { "consumers" };
            format!("{name}: {} waiting, {} {consumers}", queue.messages, queue.consumers)
        }
        Ok(_) => format!("{name}: does not exist"),
        Err(_) => format!("{name}: not known"),
    }
}

fn server(answers: &Answers) -> String {
    let text = |name: &str| {
        let info = answers.info.as_ref();
        info.and_then(|info| info.get(name)).and_then(Value::as_str).unwrap_or_default()
    };
    let pong = format!(" after {}", millis(answers.ping));
    if let Some(answer) = &answers.instead {
        let answer = excerpt(answer.as_bytes(), 20);
        return format!("answers{pong}, a ping with \"{answer}\": no fibrpcd");
    }
    let who = match &answers.read {
        Some(stats) => stats.server(),
        None => product(text("name"), text("version")),
    };
    format!("{who}, pong{pong}").trim_start_matches(", ").to_owned()
}

fn methods(info: &Map<String, Value>) -> String {
    let names = info.get("methods").and_then(Value::as_array).into_iter().flatten();
    let names: Vec<_> =
        names.take(12).map(|name| excerpt(name.as_str().unwrap_or("?").as_bytes(), 16)).collect();
    let limits = info.get("limits").and_then(Value::as_object).into_iter().flatten();
    let limit = |(name, value): (&String, &Value)| format!("{name} {value}");
    let limits: Vec<_> = limits.take(3).map(limit).collect();
    let more = if limits.is_empty() { String::new() } else { format!("; {}", limits.join(", ")) };
    format!("{}{more}", names.join(", "))
}

fn over_http(http: &Http) -> String {
    let text = |name: &str| {
        let found = http.answer.as_ref().ok().and_then(|status| status.get(name));
        found.and_then(Value::as_str).unwrap_or("?")
    };
    let host = http.url.authority();
    match &http.answer {
        Ok(_) => format!("{host}: {}", text("detail")),
        Err(_) => format!("{host}: not known"),
    }
}

fn millis(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1e3)
}

fn object(findings: &Findings) -> Map<String, Value> {
    let failure = findings.failure();
    let broker = findings.broker.as_ref().ok();
    let found = broker.and_then(|broker| broker.queue);
    let queue = json!({
        "name": findings.queue,
        "exists": broker.map(|broker| broker.queue.is_some()),
        "depth": found.map(|queue| queue.messages),
        "consumers": found.map(|queue| queue.consumers),
    });
    let broker = broker.map(|broker| {
        json!({
            "uri": broker.uri.to_string(),
            "address": broker.address.to_string(),
            "product": broker.product,
            "version": broker.version,
        })
    });
    let server = match &findings.server {
        Server::NotAsked => json!({ "answers": null }),
        Server::Silent(error) => json!({ "answers": false, "error": error.to_string() }),
        Server::Answers(answers) => json!({
            "answers": true,
            "ping_seconds": answers.ping.as_secs_f64(),
            "answer": answers.instead.as_deref().map(|text| beginning(text.as_bytes())),
            "info": answers.info,
            "stats": answers.stats,
        }),
    };
    let http = findings.http.as_ref().map(|Http { url, answer }| match answer {
        Ok(status) => json!({ "url": url.as_str(), "status": status }),
        Err(why) => json!({ "url": url.as_str(), "error": why }),
    });
    let mut object = Map::new();
    object.insert("status".into(), failure.as_ref().map_or("OK", status).into());
    if let Some(error) = failure {
        insert_error(&mut object, &error);
    }
    object.insert("broker".into(), broker.unwrap_or_default());
    object.insert("queue".into(), queue);
    object.insert("server".into(), server);
    object.insert("http".into(), http.unwrap_or_default());
    object
}
