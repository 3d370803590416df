//! A broker that has run out of memory.

use super::{broker::Broker, lapin_caller::Caller, program::Daemon, relay::Relay};

/// The broker raises its memory alarm, and a daemon behind the relay feels it.
///
/// A broker blocks a connection when something is published on it, and takes no more than the
/// beginning of that: a request that is sent in the alarm goes nowhere. So a reply is kept on its way
/// until the alarm is there.
pub(crate) fn raise(broker: &Broker, relay: &Relay, daemon: &Daemon) {
    relay.hold_replies();
    Caller::connect(&broker.uri()).call("into the alarm", "30");
    daemon.wait_for_metric("fibrpcd_replies_unconfirmed", 1);
    broker.ctl(&["set_vm_memory_high_watermark", "0.000001"]);
    relay.release_replies();
    daemon.wait_for_metric("fibrpcd_amqp_blocked", 1);
}

/// The alarm is over.
pub(crate) fn clear(broker: &Broker) {
    broker.ctl(&["set_vm_memory_high_watermark", "0.4"]);
}
