//! SIGHUP: new settings for a daemon that runs.

use crate::support::{
    broker::{self, Vhost},
    lapin_caller::Caller,
    program::{Daemon, ctl},
    random::Random,
    relay::Relay,
    sustained_load::Load,
};
use std::{fs, process::Command, slice};
use tempfile::NamedTempFile;

/// Reloads under load.
const ROUNDS: usize = 20;

const READ_AGAIN: &str = "read the configuration again";
const SUCCESSFUL: &str = "fibrpcd_config_last_reload_successful";

/// A daemon that consumes, and its file.
struct Reloaded {
    file: NamedTempFile,
    daemon: Daemon,
    reloads: usize,
}

impl Reloaded {
    fn start(text: &str) -> Self {
        let file = NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        let daemon = Daemon::start_with_file(file.path(), &[]);
        daemon.wait_for("attached; consuming");
        Self { file, daemon, reloads: 0 }
    }

    /// Gives it another file, and waits until it has read it.
    fn reload(&mut self, text: &str) {
        fs::write(self.file.path(), text).unwrap();
        self.daemon.signal("HUP");
        self.reloads += 1;
        self.daemon.wait_for_nth(READ_AGAIN, self.reloads);
    }
}

/// A file for a virtual host, with more lines for its section.
fn file(vhost: &Vhost, amqp: &str, rest: &str) -> String {
    file_for(&vhost.uri(), amqp, rest)
}

/// The same for a URI.
fn file_for(uri: &str, amqp: &str, rest: &str) -> String {
    format!("[amqp]\nuris = [\"{uri}\"]\n{amqp}\n{rest}\n")
}

/// Duplicates are counted, not excluded: on a busy machine the broker was seen to deliver again
/// some requests whose acks were among the last of a connection that was closed in order.
#[test]
fn reloads_under_load_lose_nothing() {
    let vhost = broker::shared().vhost();
    let mut reloaded = Reloaded::start(&file(&vhost, "", ""));
    let seed = Random::any_seed();
    let mut random = Random::new(seed);
    let load = Load::start(slice::from_ref(&vhost.uri()), seed);
    for round in 0..ROUNDS {
        load.wait_for_answers(random.below(100));
        let prefetch = if round % 2 == 0 { 7 } else { 70 };
        reloaded.reload(&file(&vhost, &format!("prefetch = {prefetch}"), ""));
        // The first is that of the start.
        reloaded.daemon.wait_for_nth("attached; consuming", round + 2);
        assert_eq!(reloaded.daemon.metric("fibrpcd_prefetch_limit"), prefetch);
    }
    let tally = load.stop();
    println!("{ROUNDS} reloads, seed {seed}:\n{tally}");
    tally.assert_good();
    assert!(tally.errors.is_empty(), "{tally}");
    assert_eq!(reloaded.daemon.terminate(), Some(0));
}

#[test]
fn what_runs_is_finished_before_the_link_is_made_anew() {
    let (first, second) = (broker::shared().vhost(), broker::shared().vhost());
    let relay = Relay::to(&first.uri());
    let mut reloaded = Reloaded::start(&file_for(&relay.uri(), "", ""));
    let caller = Caller::connect(&first.uri());
    relay.hold_replies();
    caller.call("runs", "3000000");
    reloaded.daemon.wait_for_metric("fibrpcd_requests_in_flight", 1);
    reloaded.reload(&file(&second, "", ""));
    reloaded.daemon.wait_for("draining");
    caller.call("waits", "20001");
    relay.release_replies();
    assert_eq!(caller.reply().id.as_deref(), Some("runs"));
    reloaded.daemon.wait_for_nth("attached; consuming", 2);
    assert_eq!(ctl(&second.uri(), &["call", "30"]).stdout, "832040\n");
    assert_eq!(caller.depth("rpc_queue"), Some((1, 0)), "in the queue, and nobody consumes");
    reloaded.reload(&file(&first, "", ""));
    assert_eq!(caller.reply().id.as_deref(), Some("waits"));
}

#[test]
fn a_link_that_does_not_drain_in_time_is_given_up_and_its_calls_are_answered() {
    let vhost = broker::shared().vhost();
    let relay = Relay::to(&vhost.uri());
    let with =
        |prefetch: &str| file_for(&relay.uri(), prefetch, "[shutdown]\ndrain_timeout = \"0s\"");
    let mut reloaded = Reloaded::start(&with(""));
    let caller = Caller::connect(&vhost.uri());
    relay.hold_replies();
    caller.call("long", "3000000");
    reloaded.daemon.wait_for_metric("fibrpcd_requests_in_flight", 1);
    reloaded.reload(&with("prefetch = 3"));
    reloaded.daemon.wait_for("giving every open request back");
    relay.release_replies();
    assert_eq!(caller.reply().body.len(), 626_963);
    // The reply that was held back may come through too, and be the first.
    reloaded.daemon.wait_for_metric("fibrpcd_redeliveries_total", 1);
}

#[test]
fn level_and_limits_change_without_a_new_link() {
    let vhost = broker::shared().vhost();
    let mut reloaded = Reloaded::start(&file(&vhost, "", ""));
    assert_eq!(ctl(&vhost.uri(), &["call", "20000"]).code, Some(0));
    let limited = "[log]\nlevel = \"debug\"\n[compute]\nmax_n = 19_999";
    reloaded.reload(&file(&vhost, "", limited));
    // The daemon takes a turn for the new limits: `info` shows when.
    let shows = || ctl(&vhost.uri(), &["info"]).stdout.contains("19999");
    while !shows() {}
    assert_eq!(ctl(&vhost.uri(), &["call", "20000"]).code, Some(3));
    let caller = Caller::connect(&vhost.uri());
    caller.call("an\u{7}id", " 19999 ");
    assert_eq!(caller.reply().body.len(), 4180);
    let line = reloaded.daemon.wait_for("an\\\\x07id");
    for part in [
        "\"level\":\"DEBUG\"",
        "\"message\":\"settled\"",
        "\"method\":\"fib\"",
        "\"n\":\"19999\"",
        "\"status\":\"OK\"",
        "\"total_us\":",
        "\"peer\":\"",
    ] {
        assert!(line.contains(part), "{part} in {line}");
    }
    assert_eq!(reloaded.daemon.metric("fibrpcd_amqp_connects_total"), 1);
}

#[test]
fn a_bad_file_changes_nothing_and_is_told() {
    let vhost = broker::shared().vhost();
    let mut reloaded = Reloaded::start(&file(&vhost, "", ""));
    let daemon = &reloaded.daemon;
    assert_eq!(daemon.metric(SUCCESSFUL), 1);
    let time = "fibrpcd_config_last_reload_success_timestamp_seconds";
    assert!(daemon.metric(time) > 1_700_000_000);
    fs::write(reloaded.file.path(), "[amqp]\nprefetch = 1\nprefech = 2\n").unwrap();
    daemon.signal("HUP");
    let line = daemon.wait_for("the new configuration is wrong; the old one stays");
    assert!(line.contains(":3: amqp.prefech: unknown key; did you mean amqp.prefetch?"), "{line}");
    assert_eq!(daemon.metric(SUCCESSFUL), 0);
    assert_eq!(daemon.metric("fibrpcd_prefetch_limit"), 64);
    assert_eq!(ctl(&vhost.uri(), &["call", "30"]).stdout, "832040\n");
    reloaded.reload(&file(&vhost, "", ""));
    assert_eq!(reloaded.daemon.metric(SUCCESSFUL), 1);
    assert_eq!(reloaded.daemon.metric("fibrpcd_amqp_connects_total"), 1, "nothing was new");
}

#[test]
fn a_file_that_is_emptied_or_gone_changes_nothing_and_every_mistake_is_told() {
    let vhost = broker::shared().vhost();
    let mut reloaded = Reloaded::start(&file(&vhost, "", ""));
    let daemon = &reloaded.daemon;
    fs::write(reloaded.file.path(), "").unwrap();
    daemon.signal("HUP");
    daemon.wait_for("it sets nothing any more; is it half-written?");
    assert_eq!(daemon.metric(SUCCESSFUL), 0);
    fs::remove_file(reloaded.file.path()).unwrap();
    daemon.signal("HUP");
    daemon.wait_for("cannot read the configuration: no such file");
    let mistakes: Vec<_> = (0..25).map(|number| format!("wrong_{number} = 1")).collect();
    let mistakes = mistakes.join("\n");
    fs::write(reloaded.file.path(), file(&vhost, &mistakes, "")).unwrap();
    daemon.signal("HUP");
    (0..25).for_each(|number| drop(daemon.wait_for(&format!("amqp.wrong_{number}: unknown key"))));
    assert_eq!(ctl(&vhost.uri(), &["call", "30"]).stdout, "832040\n");
    reloaded.reload(&file(&vhost, "", ""));
    assert_eq!(reloaded.daemon.metric(SUCCESSFUL), 1);
    assert_eq!(reloaded.daemon.metric("fibrpcd_amqp_connects_total"), 1, "it stayed where it was");
}

/// A pipe as password file: whoever opens it waits for a writer. A file on a server that is away
/// does the same.
#[test]
fn a_file_that_cannot_be_read_keeps_neither_calls_nor_a_stop_waiting() {
    let vhost = broker::shared().vhost();
    let mut reloaded = Reloaded::start(&file(&vhost, "", ""));
    let directory = tempfile::tempdir().unwrap();
    let pipe = directory.path().join("password");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let password = format!("password_file = \"{}\"", pipe.display());
    fs::write(reloaded.file.path(), file(&vhost, &password, "")).unwrap();
    reloaded.daemon.signal("HUP");
    assert_eq!(ctl(&vhost.uri(), &["call", "30"]).stdout, "832040\n");
    assert_eq!(reloaded.daemon.get("/livez").0, 200);
    reloaded.daemon.wait_for("not read within 10s");
    reloaded.daemon.signal("HUP");
    reloaded.daemon.wait_for("the files are still being read, since the last time");
    assert_eq!(reloaded.daemon.metric(SUCCESSFUL), 0);
    assert_eq!(reloaded.daemon.terminate(), Some(0));
}

#[test]
fn a_password_that_is_changed_in_its_file_needs_no_reload() {
    let vhost = broker::shared().vhost();
    let user = format!("rotated-{}", std::process::id());
    let ctl_of_broker = |args: &[&str]| broker::shared().ctl(args);
    ctl_of_broker(&["add_user", &user, "one"]);
    ctl_of_broker(&["set_permissions", "-p", vhost.name(), &user, ".*", ".*", ".*"]);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("password");
    fs::write(&path, "one\n").unwrap();
    let uri = vhost.uri().replace("guest:guest@", &format!("{user}@"));
    let setting = path.to_str().unwrap();
    let mut daemon = Daemon::serving(&uri, &[("amqp.password_file", setting)]);
    ctl_of_broker(&["change_password", &user, "two"]);
    ctl_of_broker(&["close_all_connections", "--vhost", vhost.name(), "a test"]);
    daemon.wait_for("cannot attach, will keep trying");
    fs::write(&path, "").unwrap(); // half-written: tried again later
    daemon.wait_for("cannot read passwords and certificates again");
    fs::write(&path, "two\n").unwrap();
    daemon.wait_for("a password or certificate has changed in its file");
    daemon.wait_for_nth("attached; consuming", 2);
    assert_eq!(ctl(&vhost.uri(), &["call", "30"]).stdout, "832040\n");
    assert_eq!(daemon.terminate(), Some(0));
    ctl_of_broker(&["delete_user", &user]);
}

#[test]
fn what_needs_a_restart_is_said_in_one_line() {
    let vhost = broker::shared().vhost();
    let mut reloaded = Reloaded::start(&file(&vhost, "", ""));
    reloaded.reload(&file(&vhost, "", "[compute]\nthreads = 77\nmemory = \"1GiB\""));
    let line = reloaded.daemon.wait_for("needs a restart");
    assert!(line.contains("\"keys\":\"compute.threads, compute.memory\""), "{line}");
}

#[test]
fn a_daemon_without_a_broker_takes_new_brokers_at_once() {
    let vhost = broker::shared().vhost();
    let text =
        "[amqp]\nuris = [\"amqp://127.0.0.1:1\"]\nbackoff_initial = \"1h\"\nbackoff_max = \"1h\"";
    let path = NamedTempFile::new().unwrap();
    fs::write(path.path(), text).unwrap();
    let mut daemon = Daemon::start_with_file(path.path(), &[]);
    daemon.wait_for("cannot attach");
    fs::write(path.path(), file(&vhost, "", "")).unwrap();
    daemon.signal("HUP");
    daemon.wait_for("attached; consuming");
    assert_eq!(daemon.terminate(), Some(0));
}
