//! What the failure of a call means to whoever made it: a word, an exit code, and what to do.

use crate::{
    client::{CallError, RequestError},
    exit::Exit,
    wire::{Failure, ReplyError, Status},
};
use std::time::Duration;

/// What a failure means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The word for it: the server's status, or what stands for it on this side.
    pub status: &'static str,
    /// The exit code.
    pub exit: Exit,
    /// What to do, in one line.
    pub hint: &'static str,
    /// Whether the server's log or a trace may tell more of it.
    pub is_traceable: bool,
}

/// What a failure means.
#[must_use]
pub fn verdict(error: &CallError) -> Verdict {
    let (status, exit, hint) = match error {
        CallError::Failed(failure) => {
            (failure.status.name(), Exit::ServerError, of_server(failure.status))
        }
        CallError::BadReply(_) => (
            "BAD_REPLY",
            Exit::ServerError,
            "another program than fibrpcd serves the queue; fibrpcctl request takes any reply",
        ),
        CallError::ReplyTooLarge { .. } => {
            ("REPLY_TOO_LARGE", Exit::ServerError, "ask for less; no option raises this limit")
        }
        CallError::TimedOut(_) => (
            "TIMED_OUT",
            Exit::TimedOut,
            "look at fibrpcctl status: no answer, and the server hangs or is busy; ever more waiting, \
             and more servers help; else a longer --timeout",
        ),
        CallError::NoConsumer { .. } => (
            "TIMED_OUT",
            Exit::TimedOut,
            "try again; if it stays so, look at rabbitmqctl list_queues name state leader",
        ),
        CallError::Unconfirmed(_) => (
            "UNCONFIRMED",
            Exit::TimedOut,
            "look at the broker's alarms and its log: rabbitmq-diagnostics alarms",
        ),
        CallError::NotSent(_) => (
            "NOT_SENT",
            Exit::TimedOut,
            "a longer --timeout, or fewer calls at once (--concurrency)",
        ),
        CallError::NoQueue(_) => (
            "NO_QUEUE",
            Exit::NoServer,
            "look at --queue and at the virtual host in --uri; --wait waits for the server",
        ),
        CallError::NoServer(_) => (
            "NO_SERVER",
            Exit::NoServer,
            "systemctl status fibrpcd, if it is ours; the request stays in the queue until its time is up; \
             --wait waits",
        ),
        CallError::NoRoute { .. } => {
            ("NO_ROUTE", Exit::NoServer, "look at the bindings: rabbitmqctl list_bindings")
        }
        CallError::Refused(_)
        | CallError::TooLarge { .. }
        | CallError::Rejected(_)
        | CallError::Lost(_)
        | CallError::Unreachable(_)
        | CallError::LoginRefused(_)
        | CallError::VhostRefused(_)
        | CallError::TlsFailed(_)
        | CallError::NotPermitted(_) => {
            let (status, hint) = of_broker(error);
            (status, Exit::Unreachable, hint)
        }
        CallError::Invalid(_) => {
            ("INVALID_REQUEST", Exit::Usage, "mend the request: fibrpcctl request --help")
        }
        CallError::Closed => {
            ("CLOSED", Exit::Failure, "this is a fault of the program; please report it")
        }
    };
    Verdict { status, exit, hint, is_traceable: is_traceable(error) }
}

/// Whether the server, or the broker, may have seen the request, and the error does not say all.
fn is_traceable(error: &CallError) -> bool {
    match error {
        CallError::Failed(failure) => {
            matches!(failure.status, Status::Internal | Status::DeadlineExceeded)
        }
        CallError::TimedOut(_)
        | CallError::NoConsumer { .. }
        | CallError::Unconfirmed(_)
        | CallError::Lost(_) => true,
        _ => false,
    }
}

/// The word and the advice where it is the broker, or the way to it.
fn of_broker(error: &CallError) -> (&'static str, &'static str) {
    match error {
        CallError::Refused(_) => {
            ("REFUSED", "more servers, or a longer queue (its policy); --wait waits for room in it")
        }
        CallError::TooLarge { .. } => {
            ("TOO_LARGE", "send less, or raise max_message_size of RabbitMQ")
        }
        CallError::Rejected(_) => (
            "REJECTED",
            "look at --exchange (rabbitmqctl list_exchanges), at --property user-id, and at the user's permissions",
        ),
        CallError::Lost(_) => {
            ("LOST", "with --resend it is sent again, if its work may be done twice")
        }
        CallError::LoginRefused(_) => (
            "LOGIN_REFUSED",
            "look at the user in --uri and at the password (--password-file, --ask-password); guest may only log \
             in on the broker's host",
        ),
        CallError::VhostRefused(_) => (
            "VHOST_REFUSED",
            "look at the end of --uri (/ is written %2f); rabbitmqctl list_permissions -p VHOST",
        ),
        CallError::TlsFailed(_) => (
            "TLS_FAILED",
            "look at --uri (amqps:// is port 5671), --ca-file, --cert-file and --key-file",
        ),
        CallError::NotPermitted(_) => (
            "NOT_PERMITTED",
            "rabbitmqctl set_permissions: calls configure and read amq.gen-*, and write to amq.default",
        ),
        _ => (
            "UNREACHABLE",
            "look at host and port in --uri (context show), and whether the broker is up",
        ),
    }
}

fn of_server(status: Status) -> &'static str {
    match status {
        Status::InvalidArgument => {
            "give what the server takes; fibrpcd takes decimal digits, such as 30"
        }
        Status::Unimplemented => "look at --type; fibrpcctl info shows the methods of fibrpcd",
        Status::ResourceExhausted => "ask for less; fibrpcctl info shows the limits of fibrpcd",
        Status::DeadlineExceeded => {
            "a longer --timeout; if it comes at once, compare the clocks of both machines"
        }
        Status::Internal | Status::Ok => {
            "look at the server's log; ours: journalctl -u fibrpcd -p warning"
        }
    }
}

/// One failure of each kind, with words in capital letters for what differs: what documents show.
#[must_use]
pub fn examples() -> Vec<CallError> {
    let timeout = Duration::from_secs(10);
    let queue = || "QUEUE".to_owned();
    let failures = Status::ALL.into_iter().filter(|status| *status != Status::Ok);
    let mut all: Vec<_> =
        failures.map(|status| CallError::Failed(Failure::new(status, "REASON"))).collect();
    all.extend([
        CallError::BadReply(ReplyError::NoInfo("ANSWER".to_owned())),
        CallError::ReplyTooLarge { limit: 1_000_000 },
        CallError::TimedOut(timeout),
        CallError::NoConsumer { queue: queue(), timeout },
        CallError::Unconfirmed(timeout),
        CallError::NotSent(timeout),
        CallError::NoQueue(queue()),
        CallError::NoServer(queue()),
        CallError::NoRoute { exchange: "EXCHANGE".to_owned(), key: "KEY".to_owned() },
        CallError::Refused(queue()),
        CallError::TooLarge { size: 2_000_000, limit: 1_000_000 },
        CallError::Rejected("REASON".to_owned()),
        CallError::Lost("REASON".to_owned()),
        CallError::Unreachable("REASON".to_owned()),
        CallError::LoginRefused("REASON".to_owned()),
        CallError::VhostRefused("REASON".to_owned()),
        CallError::TlsFailed("REASON".to_owned()),
        CallError::NotPermitted("REASON".to_owned()),
        CallError::Invalid(RequestError::Headers { size: 1_000_000 }),
        CallError::Closed,
    ]);
    all
}
