//! Faults under load, and peers that do what they should not: no call is lost, answered wrongly, or
//! left hanging.

/// A broker that closes connections, runs out of memory, or loses what it holds.
mod broker_faults;
/// Brokers that are not there, come late, go, or freeze.
mod broker_outages;
/// A cluster whose nodes are killed or frozen in turn.
mod cluster;
/// A daemon that is killed, stopped, frozen, or short of files or memory.
mod daemon_faults;
/// Brokers that break the protocol, fall silent, or refuse what they should take.
mod hostile_brokers;
/// Callers that go away, name queues that do not exist, or send what no client should.
mod hostile_callers;
/// Networks that fail between the daemon and its broker.
mod link_faults;
/// Requests whose replies are refused, or confirmed late or never, and the others beside them.
mod settlement;
/// Several brokers behind one name, and several names.
mod several_brokers;
