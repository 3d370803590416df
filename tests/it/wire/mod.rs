//! Calls on the wire: what callers send, what they get back, and the queues, limits and logins of
//! the brokers between them and the daemon.

/// The library's client inside a program.
mod client;
/// What is at the other ends of `fibrpcctl`: readers, input, signals.
mod ctl_call;
/// Named brokers.
mod ctl_context;

/// The table of errors.
mod ctl_errors;

mod ctl_ping;

mod ctl_request;

/// What is printed as JSON, and its schemas.
mod ctl_schemas;
/// The stub that answers any queue.
mod ctl_serve;
/// What there is between a caller and an answer.
mod ctl_status;

mod ctl_streams;
/// A terminal: a password that is asked for, colours.
mod ctl_terminal;
/// Why a call of `fibrpcctl` has no answer.
mod ctl_verdicts;
/// The client on the command line: arguments, output, exit codes.
mod fibrpcctl;
/// Brokers that allow frames of any size, or only small ones.
mod frame_size_limit;
/// The Python tutorial's client and server.
mod interop;
/// Brokers that take no large messages.
mod message_size_limit;
/// Ids and other short strings that are not UTF-8.
mod non_utf8;
/// The request queue: every type and every set of arguments it may have.
mod request_queue;
/// Requests as any client may send them, and the replies they get.
mod requests;
/// The stub, while its broker takes no replies or delivers no requests.
mod serve_faults;
/// The stub and the clients of other languages, and `request` and their servers.
mod serve_interop;
/// TLS: who is trusted, how to log in, and the messages when something does not fit.
mod tls;
