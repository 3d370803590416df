//! A broker that has run out of memory.

use super::{broker::Broker, lapin_caller::Caller, program::Daemon, relay::Relay};

/// The broker raises its memory alarm, and a daemon behind the relay feels it.
///
/// During an alarm a broker blocks a connection when something is published on it, and reads only
/// the beginning of that: a request that is sent then goes nowhere. So the relay holds a reply back
/// until the alarm has been raised.
pub(crate) fn raise(broker: &Broker, relay: &Relay, daemon: &Daemon) {
    relay.hold_replies();
    Caller::connect(&broker.uri()).call("into the alarm", "30");
    daemon.wait_for_metric("fibrpcd_replies_unconfirmed", 1);
    sound(broker);
    relay.release_replies();
    daemon.wait_for_metric("fibrpcd_amqp_blocked", 1);
}

/// The broker raises its memory alarm. It tells of that only who publishes.
pub(crate) fn sound(broker: &Broker) {
    broker.ctl(&["set_vm_memory_high_watermark", "0.000001"]);
}

/// The alarm is over.
pub(crate) fn clear(broker: &Broker) {
    broker.ctl(&["set_vm_memory_high_watermark", "0.4"]);
}
