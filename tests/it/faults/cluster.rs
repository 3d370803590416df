//! A cluster of three nodes that lose each other, under load: no call is lost, answered wrongly, or
//! left hanging.

use crate::support::{
    broker::Broker,
    cluster::Cluster,
    lapin_caller::QUEUE,
    program::Daemon,
    random::Random,
    sustained_load::{Load, pause},
};
use std::time::Duration;

/// Longer than a frozen node keeps its connections (two heartbeats of 2 s) and its place in the
/// cluster (a tick time of 4 s and a quarter).
const FREEZE: Duration = Duration::from_secs(8);

/// A cluster with a daemon and clients for each node, at work. The request queue has a member on
/// each node; its leader comes first.
fn at_work() -> (Cluster, Vec<Daemon>, Load, [usize; 3]) {
    let cluster = Cluster::start();
    let settings = [("amqp.heartbeat", "2s")];
    let daemon = |index| Daemon::serving(&cluster.uris(index).join(","), &settings);
    let daemons = (0..3).map(daemon).collect();
    let load = Load::start(&cluster.uris(0), Random::any_seed());
    let leader = cluster.leader_of(QUEUE);
    cluster.nodes.iter().for_each(Broker::write_queues);
    (cluster, daemons, load, [leader, (leader + 1) % 3, (leader + 2) % 3])
}

fn finish(what: &str, mut daemons: Vec<Daemon>, load: Load) {
    load.wait_for_answers(100);
    let tally = load.stop();
    println!("{what}:\n{tally}");
    tally.assert_good();
    for daemon in &mut daemons {
        assert!(daemon.is_running(), "{}", daemon.log());
    }
}

#[test]
#[ignore = "takes minutes, and the memory of three brokers: `make cluster` runs it"]
fn each_node_may_be_killed() {
    let (mut cluster, daemons, load, turns) = at_work();
    for turn in turns {
        load.wait_for_answers(100);
        cluster.nodes[turn].kill_at_once();
        // Two of three go on.
        load.wait_for_answers(100);
        cluster.nodes[turn].start();
        cluster.wait_until_whole(turn);
    }
    finish("each of three nodes killed, the leader first", daemons, load);
}

#[test]
#[ignore = "takes minutes, and the memory of three brokers: `make cluster` runs it"]
fn each_node_may_freeze() {
    let (cluster, daemons, load, turns) = at_work();
    for turn in turns {
        load.wait_for_answers(100);
        cluster.nodes[turn].signal("STOP");
        pause(FREEZE);
        load.wait_for_answers(100);
        cluster.nodes[turn].signal("CONT");
        load.wait_for_answers(100);
        cluster.wait_until_whole(turn);
    }
    finish("each of three nodes frozen, the leader first", daemons, load);
}
