//! A cluster of three private nodes on this machine.

use super::{PATIENCE, broker::Broker, helper::Helper, port::Port, sustained_load::pause};
use std::{
    fs,
    process::Command,
    time::{Duration, Instant},
};
use tempfile::NamedTempFile;

/// A node that was frozen for long returns to a partitioned cluster, and does not always notice
/// that it was away, so `pause_minority` would leave the partition for ever; `autoheal` ends it.
/// The short heartbeat exposes a frozen node soon.
const CONFIG: &str = "cluster_partition_handling = autoheal\nheartbeat = 2\n";

/// The time between two looks at the cluster, each of which takes a second of a core.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Three nodes.
#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) nodes: Vec<Broker>,
    _epmd: Epmd,
    _config: NamedTempFile,
}

impl Cluster {
    pub(crate) fn start() -> Self {
        let epmd = Epmd::start();
        let config = NamedTempFile::new().unwrap();
        fs::write(config.path(), CONFIG).unwrap();
        let config_path = config.path().to_string_lossy();
        let shared = ["--epmd", &epmd.port.number().to_string(), "--config", &config_path];
        let shared = shared.map(str::to_owned).to_vec();
        let mut nodes = vec![Broker::private_with(shared.clone())];
        let join = ["--join".to_owned(), nodes[0].dir().to_string_lossy().into_owned()];
        for _ in 0..2 {
            nodes.push(Broker::private_with([&shared[..], &join].concat()));
        }
        let cluster = Self { nodes, _epmd: epmd, _config: config };
        cluster.wait_until_whole(0);
        cluster
    }

    /// The URIs of all nodes, those of others first for each index.
    pub(crate) fn uris(&self, first: usize) -> Vec<String> {
        let mut uris: Vec<_> = self.nodes.iter().map(Broker::uri).collect();
        uris.rotate_left(first);
        uris
    }

    /// Waits until a node sees all nodes running.
    pub(crate) fn wait_until_whole(&self, seen_by: usize) {
        let started = Instant::now();
        let running = "length(rabbit_mnesia:cluster_nodes(running)).";
        while self.nodes[seen_by].try_ctl(&["eval", running]).trim() != "3" {
            assert!(started.elapsed() < PATIENCE, "the cluster does not come together");
            pause(LOOK_EVERY);
        }
    }

    /// The index of the node that leads a queue. The queue has a member on each node.
    pub(crate) fn leader_of(&self, queue: &str) -> usize {
        let table = self.nodes[0].ctl(&["-q", "list_queues", "name", "leader", "members"]);
        let line = table.lines().find(|line| line.starts_with(queue)).expect("the queue");
        let columns: Vec<_> = line.split('\t').collect();
        assert_eq!(columns[2].matches('@').count(), 3, "{line}");
        self.nodes.iter().position(|node| columns[1] == node.node()).expect("a leader")
    }
}

/// Erlang's name server, which outlives each node.
#[derive(Debug)]
struct Epmd {
    _process: Helper,
    port: Port,
}

impl Epmd {
    fn start() -> Self {
        let port = Port::hold();
        // It dies with this thread, however that ends. With -d twice it says when it listens.
        let mut command = Command::new("setpriv");
        command
            .args(["--pdeathsig", "KILL", "epmd", "-d", "-d", "-address", "127.0.0.1", "-port"])
            .arg(port.number().to_string());
        let process = Helper::start(command, "entering the main select() loop");
        Self { _process: process, port }
    }
}
