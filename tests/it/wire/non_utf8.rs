//! Short strings that are not UTF-8: AMQP allows them everywhere, and lapin nowhere.

use crate::support::{
    broker,
    lapin_caller::QUEUE,
    program::{Daemon, ctl_command},
    raw_amqp::{Message, RawConnection, flag, long, short},
};
use std::process::Stdio;

/// What the Erlang tutorial client sends: sixteen bytes as they come.
const ID: [u8; 16] = *b"\xFF\xFE\x80\xC3\x28\x00\x01\xF0\x9F\x98\xED\xA0\x80\xBF\xC0\xAF";

fn ok(id: &[u8]) -> Message {
    Message { correlation_id: Some(id.to_vec()), reply_to: None, body: b"832040".to_vec() }
}

#[test]
fn a_correlation_id_comes_back_byte_for_byte() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[]);
    let mut caller = RawConnection::connect(&vhost.uri());
    for id in [&ID[..], &[0xFF; 255], &[0], b"", b"text"] {
        caller.call(id, b"30");
        assert_eq!(caller.message(), ok(id));
    }
    // An error reply, and one that took a compute thread, have it too.
    caller.call(&ID, b"thirty");
    let reply = caller.message();
    assert_eq!(reply.correlation_id.as_deref(), Some(&ID[..]));
    assert!(reply.body.starts_with(b"error: "));
    caller.call(&ID, b"20001");
    let reply = caller.message();
    assert_eq!((reply.correlation_id.as_deref(), reply.body.len()), (Some(&ID[..]), 4180));
    // The stand-in.
    let properties = [short(&caller.reply_queue), short(&ID)].concat();
    caller.publish(QUEUE.as_bytes(), flag::REPLY_TO | flag::MESSAGE_ID, &properties, b"30");
    assert_eq!(caller.message(), ok(&ID));
    assert_eq!(daemon.metric("fibrpcd_amqp_connects_total"), 1, "no restart");
}

#[test]
fn a_reply_queue_that_cannot_be_is_like_none() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[]);
    let mut caller = RawConnection::connect(&vhost.uri());
    let properties = [short(b"id"), short(&ID)].concat();
    let flags = flag::CORRELATION_ID | flag::REPLY_TO;
    caller.publish(QUEUE.as_bytes(), flags, &properties, b"30");
    caller.call(b"next", b"30");
    assert_eq!(caller.message(), ok(b"next"));
    daemon.wait_for_metric("fibrpcd_rejects_total", 1);
    assert_eq!(daemon.metric("fibrpcd_amqp_connects_total"), 1, "no restart");
}

#[test]
fn bytes_anywhere_in_a_stream_of_good_calls_harm_none() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[]);
    let mut caller = RawConnection::connect(&vhost.uri());
    let bytes = short(&ID);
    let key = [short(&ID), vec![b'S'], long(b"value")].concat();
    let nested =
        (0..64).fold(key.clone(), |inner, _| [short(b"k"), vec![b'F'], long(&inner)].concat());
    let large = (0..300).fold(Vec::new(), |table, n: u32| {
        let name = n.to_be_bytes(); // not UTF-8 from 128 on
        [table, short(&name), vec![b'x'], long(&[0xFF; 400])].concat()
    });
    // `user_id` is not among them, because the broker takes no other than the user's own name, nor
    // is `expiration`, which has to be a number.
    let before_ids: [(u16, Vec<u8>); 6] = [
        (flag::CONTENT_TYPE, bytes.clone()),
        (flag::CONTENT_ENCODING, bytes.clone()),
        (flag::HEADERS, long(&key)),
        (flag::HEADERS, long(&nested)),
        (flag::HEADERS, long(&large)),
        (flag::DELIVERY_MODE | flag::PRIORITY, vec![2, 9]),
    ];
    let behind_ids: [(u16, Vec<u8>); 4] = [
        (flag::MESSAGE_ID, bytes.clone()),
        (flag::TIMESTAMP, vec![0xFF; 8]),
        (flag::APP_ID, bytes.clone()),
        (flag::CLUSTER_ID, bytes.clone()),
    ];
    let mut sent = 0;
    for round in 0..20u8 {
        for (flags, before) in &before_ids {
            for (more_flags, behind) in &behind_ids {
                let ids = [short(&[round, 0xFF]), short(&caller.reply_queue)].concat();
                let properties = [&before[..], &ids, behind].concat();
                let flags = flags | more_flags | flag::CORRELATION_ID | flag::REPLY_TO;
                caller.publish(QUEUE.as_bytes(), flags, &properties, b"30");
                caller.call(&[round], b"30");
                sent += 1;
            }
        }
    }
    for round in 0..20u8 {
        for _ in 0..before_ids.len() * behind_ids.len() {
            assert_eq!(caller.message(), ok(&[round, 0xFF]));
            assert_eq!(caller.message(), ok(&[round]));
        }
    }
    daemon.wait_for_metric("fibrpcd_acks_total", 2 * sent);
    assert_eq!(daemon.metric("fibrpcd_amqp_connects_total"), 1, "no restart");
    assert_eq!(daemon.metric("fibrpcd_redeliveries_total"), 0);
}

#[test]
fn a_method_of_bytes_is_unknown() {
    let vhost = broker::shared().vhost();
    let daemon = Daemon::serving(&vhost.uri(), &[]);
    let mut caller = RawConnection::connect(&vhost.uri());
    let properties = [short(&ID), short(&caller.reply_queue), short(&ID)].concat();
    let flags = flag::CORRELATION_ID | flag::REPLY_TO | flag::TYPE;
    caller.publish(QUEUE.as_bytes(), flags, &properties, b"30");
    let reply = caller.message();
    assert_eq!(reply.correlation_id.as_deref(), Some(&ID[..]));
    assert!(reply.body.starts_with(b"error: unknown method"), "{reply:?}");
    daemon.wait_for_metric("fibrpcd_request_failures_total{reason=\"unimplemented\"}", 1);
}

#[test]
fn a_client_drops_a_foreign_reply_of_bytes() {
    let vhost = broker::shared().vhost();
    let mut server = RawConnection::connect(&vhost.uri());
    server.serve(QUEUE.as_bytes());
    let client = ctl_command(&vhost.uri(), &["call", "30"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let request = server.message();
    let reply_to = request.reply_to.unwrap();
    let wrong = [short(&ID)].concat();
    server.publish(&reply_to, flag::CORRELATION_ID, &wrong, b"1");
    server.publish(&reply_to, 0, b"", b"2");
    let right = short(&request.correlation_id.unwrap());
    server.publish(&reply_to, flag::CORRELATION_ID, &right, b"832040");
    let output = client.wait_with_output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "832040\n", "{output:?}");
    assert!(output.status.success());
}
