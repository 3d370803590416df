//! What errors of lapin and of brokers amount to.

use super::{
    ABORTED, Access, Cause, LinkError,
    code::{advice, is_forbidden_vhost, size_limit},
};
use std::io;

#[test]
fn every_cause_has_a_label_of_its_own() {
    use Cause::{
        AccessRefused, ClosedByBroker, ConsumerCancelled, DifferentBrokers, Network, NoQueue,
        NoVhost, Protocol, QueueMismatch, Timeout, Tls, TooLarge,
    };
    let causes = [
        Network,
        Timeout,
        AccessRefused(Access::Resource),
        Tls,
        NoVhost,
        NoQueue,
        QueueMismatch,
        ConsumerCancelled,
        TooLarge { limit: 1 },
        ClosedByBroker,
        Protocol,
        DifferentBrokers,
    ];
    assert_eq!(causes.map(Cause::label), Cause::LABELS);
}

#[test]
fn an_empty_virtual_host_is_explained_where_it_is_not_found() {
    let error = || LinkError::new(Cause::NoVhost, "vhost not found");
    let message = error().of_vhost("").message;
    assert!(message.contains("the slash at the end of the URI"), "{message}");
    assert_eq!(error().of_vhost("v").message, "vhost not found");
}

#[test]
fn a_long_login_is_explained_where_the_connection_broke() {
    let error = |cause| LinkError::new(cause, "Connection reset by peer");
    let message = error(Cause::Network).of_long_login(5000).message;
    assert!(message.contains("5000 bytes") && message.contains("initial_frame_max"), "{message}");
    for other in [
        error(Cause::Network).of_long_login(300),
        error(Cause::AccessRefused(Access::Login)).of_long_login(5000),
    ] {
        assert_eq!(other.message, "Connection reset by peer");
    }
}

#[test]
fn what_is_refused_before_a_connection_is_open_is_the_login() {
    let refused = LinkError::new(Cause::AccessRefused(Access::Resource), "403");
    let refused = refused.of_login("PLAIN", Some("PLAIN")).of_external_login();
    assert_eq!(refused.cause, Cause::AccessRefused(Access::Login));
    assert!(refused.message.starts_with("403; to log in by certificate"), "{refused}");
    let closed = || LinkError::new(Cause::Network, ABORTED);
    for known in [None, Some("AMQPLAIN PLAIN")] {
        assert_eq!(closed().of_login("PLAIN", known).cause, Cause::Network);
    }
    let unknown = closed().of_login("PLAIN", Some("EXTERNAL XPLAIN"));
    assert_eq!(unknown.cause, Cause::AccessRefused(Access::Login));
    assert!(unknown.message.ends_with("PLAIN, but EXTERNAL XPLAIN"), "{unknown}");
}

#[test]
fn a_virtual_host_that_is_full_is_not_forbidden() {
    let text = "NOT_ALLOWED - access to vhost 'v' refused for user 'u'";
    assert!(is_forbidden_vhost(530, text) && !is_forbidden_vhost(403, text));
    let full = format!("{text}: connection limit (1) is reached");
    assert!(!is_forbidden_vhost(530, &full));
}

#[test]
fn a_thread_that_the_system_does_not_give_is_explained() {
    let message = LinkError::from(io::Error::from_raw_os_error(11)).message;
    assert!(message.contains("raise the limit of threads"), "{message}");
}

#[test]
fn a_request_that_took_too_long_for_the_broker_is_explained() {
    let text = "PRECONDITION_FAILED - delivery acknowledgement on channel 2 timed out. Timeout \
                value used: 1500 ms.";
    assert!(advice(406, text).contains("consumer_timeout"));
    assert_eq!(advice(406, "PRECONDITION_FAILED - unknown delivery tag 4"), "");
}

#[test]
fn the_limit_is_read_from_both_wordings_and_from_no_other() {
    for (code, text, limit) in [
        (406, "PRECONDITION_FAILED - message size 5 is larger than configured max size 4", Some(4)),
        (
            406,
            "PRECONDITION_FAILED - message size 536870913 is larger than max size 536870912",
            Some(536_870_912),
        ),
        (406, "message size 5 is larger than configured max size 4 (node a)", Some(4)),
        (501, "message size 5 is larger than configured max size 4", None),
        (406, "message size 5 is larger than configured max size many", None),
        (406, "PRECONDITION_FAILED - unknown delivery tag 4", None),
    ] {
        assert_eq!(size_limit(code, text), limit, "{text}");
    }
}
