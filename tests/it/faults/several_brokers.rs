//! Several brokers behind one name, and several names.

use crate::support::{
    broker::{self, Broker},
    checked_calls::CheckedCalls,
    fake_broker::{FakeBroker, Script, Then},
    program::{Daemon, QUICK},
    relay::Relay,
};
use std::time::Duration;

#[test]
fn a_daemon_whose_connections_reach_different_brokers_says_so_and_serves_neither() {
    let brokers = [Broker::private(), Broker::private()];
    let uris = brokers.each_ref().map(Broker::uri);
    let relay = Relay::to_each_of(&uris.each_ref().map(String::as_str));
    let daemon = Daemon::start(&relay.uri(), &QUICK);
    let said = daemon.wait_for("reached different brokers");
    for broker in &brokers {
        let (name, _) = broker.node().split_once('@').unwrap();
        assert!(said.contains(name), "both are named: {said}");
    }
    // Nodes that were made alike call themselves alike.
    for broker in &brokers {
        broker.ctl(&["set_cluster_name", "the same"]);
    }
    daemon.wait_for("the same");
    assert!(daemon.metric("fibrpcd_amqp_connect_failures_total{cause=\"different_brokers\"}") > 0);
    assert_eq!(daemon.metric("fibrpcd_amqp_connects_total"), 0);
    relay.go_to(&uris[0]);
    daemon.wait_for("attached; consuming");
    let queues = brokers[0].ctl(&["-q", "list_queues", "name"]);
    assert!(!queues.contains("amq.gen"), "nothing is left of the checks: {queues}");
    let mut calls = CheckedCalls::new(&uris[0]);
    calls.many(10);
    calls.all_right("with one broker");
}

#[test]
fn a_client_tries_its_second_broker_within_the_call() {
    let vhost = broker::shared().vhost();
    let _daemon = Daemon::serving(&vhost.uri(), &[]);
    let silent = FakeBroker::start(Script { answers: 0, then: Then::Silence });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        // Half of the time is that of the first one.
        let client = fibrpc::Client::builder(silent.uri().parse().unwrap())
            .uri(vhost.uri().parse().unwrap())
            .timeout(Duration::from_secs(8))
            .build()
            .unwrap();
        assert_eq!(client.fibonacci(30).await.as_deref(), Ok("832040"));
        client.close().await;
    });
}
