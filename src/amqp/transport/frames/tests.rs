//! Frames in both directions: translated, damaged, and in pieces.

use super::{Greeted, Greeting, Inbound, Outbound, raw, reader::*};

/// A content header of class `basic`, of a body of 5 bytes.
fn header(flags: u16, properties: &[u8]) -> Vec<u8> {
    let payload =
        [&[0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5][..], &flags.to_be_bytes(), properties].concat();
    frame(HEADER, &payload)
}

fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    let of_connection = kind == METHOD && payload.starts_with(&[0, 10]);
    let channel = [0, u8::from(!of_connection)];
    write_frame(kind, channel, &mut frame, |frame| frame.extend_from_slice(payload));
    frame
}

fn short(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    write_short(text, &mut out);
    out
}

fn long(bytes: &[u8]) -> Vec<u8> {
    [&u32::try_from(bytes.len()).unwrap().to_be_bytes(), bytes].concat()
}

fn entry(name: &[u8], kind: u8, value: &[u8]) -> Vec<u8> {
    [short(name), vec![kind], value.to_vec()].concat()
}

fn raw_entry(name: &str, value: &[u8]) -> Vec<u8> {
    entry(name.as_bytes(), b'x', &long(value))
}

/// The longest body that passes whole.
const MAX_BODY: usize = 500;

fn new() -> Inbound {
    Inbound::new(MAX_BODY as u64, Greeted::default())
}

fn inbound(input: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    new().push(input, &mut out).unwrap();
    out
}

fn outbound(input: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    Outbound::default().push(&[b"AMQP\0\0\x09\x01", input].concat(), &mut out).unwrap();
    out.split_off(8)
}

const DELIVER: &[u8] = b"\0\x3c\0\x3c\x03tag\0\0\0\0\0\0\0\x07\0";

#[test]
fn ids_that_are_text_stay_where_they_are() {
    let properties = [short(b"correlation"), short(b"reply"), short(b"fib")].concat();
    let sent = header(0b0000_0110_0010_0000, &properties);
    assert_eq!(inbound(&sent), sent);
}

#[test]
fn ids_that_are_not_travel_as_headers_and_a_reply_queue_not_at_all() {
    for id in [&[0xFF][..], b"\xC3(", &[0x80; 255]] {
        let sent = [short(id), short(b"\xFD"), short(id)].concat();
        let table = [raw_entry(raw::CORRELATION_ID, id), raw_entry(raw::MESSAGE_ID, id)].concat();
        let expected = header(0b0010_0000_0000_0000, &long(&table));
        assert_eq!(inbound(&header(0b0000_0110_1000_0000, &sent)), expected);
    }
}

#[test]
fn what_nobody_looks_at_is_left_out_however_deep_or_wrong() {
    let mut nested = Vec::new();
    for _ in 0..20_000 {
        nested = entry(b"k", b'F', &long(&nested));
    }
    let deadline = entry(b"x-deadline", b'l', &7i64.to_be_bytes());
    let table = long(
        &[
            nested,
            entry(b"\xFF\xFE", b'S', &long(b"x")),
            entry(b"fibrpc.raw.correlation_id", b'x', &long(b"forged")),
            entry(b"traceparent", b'S', &long(&[b'0'; 600])),
            deadline.clone(),
            entry(b"unknown type", b'?', b""),
            entry(b"tracestate", b'S', &long(b"behind it")),
        ]
        .concat(),
    );
    // content_type, content_encoding, headers, delivery_mode, priority, correlation_id,
    // expiration, timestamp, user_id, app_id, cluster_id
    let properties = [
        &short(b"\xFF")[..],
        &short(b"\xFF"),
        &table,
        &[2, 9],
        &short(b"id"),
        &short(b"\xFF"),
        &[0; 8],
        &short(b"\xFF"),
        &short(b"\xFF"),
        &short(b"\xFF"),
    ];
    let sent = header(0b1111_1101_0101_1100, &properties.concat());
    let kept = [long(&deadline), short(b"id"), vec![0; 8]].concat();
    let expected = header(0b0010_0100_0100_0000, &kept);
    assert_eq!(inbound(&sent), expected);
}

#[test]
fn what_is_looked_at_stays_as_it_is_and_in_its_place() {
    // correlation_id, reply_to, expiration, message_id, timestamp, type
    let texts = [b"a", b"b", b"7", b"c"].map(|text| short(text)).concat();
    let sent = [texts, 1_790_000_000_u64.to_be_bytes().to_vec(), short(b"ping")].concat();
    let sent = header(0b0000_0111_1110_0000, &sent);
    assert_eq!(inbound(&sent), sent);
}

#[test]
fn properties_that_end_too_early_are_no_properties() {
    let empty = header(0, b"");
    assert_eq!(inbound(&header(0b0000_0100_0000_0000, b"\x09short")), empty);
    assert_eq!(inbound(&header(0b0010_0000_0000_0000, b"\xFF\xFF\xFF\xFF")), empty);
    assert_eq!(inbound(&header(0xFFFF, b"")), empty);
}

#[test]
fn texts_in_methods_become_readable() {
    let deliver = |exchange: &[u8], key: &[u8]| {
        frame(METHOD, &[DELIVER, &short(exchange), &short(key)].concat())
    };
    assert_eq!(inbound(&deliver(b"\xFFx", b"a\xC3")), deliver(b"?x", b"a?"));
    assert_eq!(inbound(&deliver("é".as_bytes(), b"")), deliver("é".as_bytes(), b""));
    let close = |text: &[u8]| frame(METHOD, &[&[0, 10, 0, 50, 1, 2][..], &short(text)].concat());
    assert_eq!(inbound(&close(b"no \x80 here")), close(b"no ? here"));
    // Too short for its method: lapin is to judge it.
    let cut_short = frame(METHOD, &DELIVER[..6]);
    assert_eq!(inbound(&cut_short), cut_short);
}

#[test]
fn replies_get_their_bytes_back() {
    let publish = frame(METHOD, b"\0\x3c\0\x28\0\0\0\x05queue\x01");
    let status = entry(b"x-fibrpc-status", b'S', &long(b"INTERNAL"));
    for (kept, flags) in [(&status[..], 0b1011_0100_0000_0000), (b"", 0b1001_0100_0000_0000)] {
        let table = [&raw_entry(raw::CORRELATION_ID, &[0xFF; 255]), kept].concat();
        let sent = [short(b"text/plain"), long(&table), vec![1]].concat();
        let sent = [publish.clone(), header(0b1011_0000_0000_0000, &sent), frame(3, b"error")];
        let table = if kept.is_empty() { Vec::new() } else { long(kept) };
        let expected = [short(b"text/plain"), table, vec![1], short(&[0xFF; 255])].concat();
        let expected = [publish.clone(), header(flags, &expected), frame(3, b"error")];
        assert_eq!(outbound(&sent.concat()), expected.concat());
    }
    // Other replies pass, with headers and without.
    let text = [long(&status), short(b"id")].concat();
    for header in [header(0b0010_0100_0000_0000, &text), header(0, b"")] {
        let other = [publish.clone(), header, frame(3, b"error")].concat();
        assert_eq!(outbound(&other), other);
    }
}

#[test]
fn it_does_not_matter_how_the_bytes_arrive() {
    let properties = [long(b""), short(&[0xFF; 16]), short(b"reply")].concat();
    let stream = [
        frame(METHOD, &[DELIVER, &short(b""), &short(b"rpc_queue")].concat()),
        header(0b0010_0110_0000_0000, &properties),
        frame(3, &[b'3'; 300]),
        frame(8, b""),
        frame(METHOD, &[DELIVER, &short(b"\xFF"), &short(b"")].concat()),
        header(0, b""),
    ]
    .concat();
    let whole = inbound(&stream);
    for size in [1, 2, 3, 7, 8, 9, 64, stream.len() - 1] {
        let (mut inbound, mut out) = (new(), Vec::new());
        for chunk in stream.chunks(size) {
            inbound.push(chunk, &mut out).unwrap();
        }
        assert_eq!(out, whole, "in pieces of {size}");
    }
}

#[test]
fn a_peer_of_another_version_is_left_to_lapin() {
    assert_eq!(inbound(b"AMQP\x03\x01\0\0"), b"AMQP\x03\x01\0\0");
}

#[test]
fn a_length_that_cannot_be_is_an_error_and_no_memory() {
    let mut out = Vec::new();
    let huge = [&[METHOD, 0, 1][..], &u32::MAX.to_be_bytes()].concat();
    assert!(new().push(&huge, &mut out).is_err());
    // A body may have any length: it passes through.
    let body = [&[3, 0, 1][..], &u32::MAX.to_be_bytes(), b"x"].concat();
    assert_eq!(inbound(&body), body);
}

/// A delivery or another message with a body of this many bytes, in frames of so many.
fn message(method: &[u8], channel: u8, said: usize, sent: usize, in_frames_of: usize) -> Vec<u8> {
    let header = [&[0, 60, 0, 0][..], &(said as u64).to_be_bytes(), &[0, 0]].concat();
    let mut out = Vec::new();
    write_frame(METHOD, [0, channel], &mut out, |out| out.extend_from_slice(method));
    write_frame(HEADER, [0, channel], &mut out, |out| out.extend_from_slice(&header));
    for part in vec![b'9'; sent].chunks(in_frames_of) {
        write_frame(BODY, [0, channel], &mut out, |out| out.extend_from_slice(part));
    }
    out
}

fn deliver() -> Vec<u8> {
    [DELIVER, &short(b""), &short(b"")].concat()
}

#[test]
fn of_a_body_that_is_too_long_only_the_start_is_handed_over() {
    let long_and_next = |size, in_frames_of| {
        let long = message(&deliver(), 1, size, size, in_frames_of);
        [long, message(&deliver(), 1, 2, 2, 2)].concat()
    };
    for in_frames_of in [1, 100, MAX_BODY, MAX_BODY + 1, 1000, 1_000_000] {
        let whole = long_and_next(MAX_BODY, in_frames_of);
        assert_eq!(inbound(&whole), whole, "as long as may be");
        let cut = inbound(&long_and_next(1_000_000, in_frames_of));
        assert_eq!(cut, long_and_next(MAX_BODY + 1, in_frames_of), "in frames of {in_frames_of}");
    }
    // Others meanwhile, on other channels.
    let (long, next) = (long_and_next(1000, 100), message(&deliver(), 2, 7, 7, 7));
    let head = message(&deliver(), 1, 1000, 0, 1).len();
    for frames in 0..10 {
        let (start, end) = long.split_at(head + frames * (100 + 8));
        let cut = inbound(&[start, &next, end].concat());
        assert!(cut.windows(next.len()).any(|bytes| bytes == next));
        assert_eq!(cut.len(), next.len() + long_and_next(MAX_BODY + 1, 100).len());
    }
}

#[test]
fn of_a_message_that_is_returned_no_body_is_handed_over() {
    let returned = [&[0, 60, 0, 50, 1, 56][..], &short(b"NO_ROUTE"), &short(b""), &short(b"q")];
    for size in [1, MAX_BODY, 1_000_000] {
        let sent = message(&returned.concat(), 1, size, size, 1000);
        let and_next = message(&deliver(), 1, 2, 2, 2);
        let expected = [message(&returned.concat(), 1, 0, 0, 1), and_next.clone()].concat();
        assert_eq!(inbound(&[sent, and_next].concat()), expected);
    }
}

#[test]
fn more_of_a_body_than_was_said_is_an_error_or_left_to_lapin() {
    let endless = message(&deliver(), 1, usize::MAX, 9, 9);
    assert!(new().push(&endless, &mut Vec::new()).is_err());
    let long = message(&deliver(), 1, MAX_BODY + 9, MAX_BODY + 10, 1_000_000);
    assert!(new().push(&long, &mut Vec::new()).is_err());
    let short = message(&deliver(), 1, 1, 2, 2);
    assert_eq!(inbound(&short), short);
}

/// connection.start with this table.
fn greeting(table: &[u8]) -> Vec<u8> {
    let rest = [&long(table)[..], &long(b"PLAIN"), &long(b"en_US")].concat();
    frame(METHOD, &[&[0, 10, 0, 10, 0, 9][..], &rest].concat())
}

#[test]
fn lapin_sees_no_table_of_a_method_and_no_method_that_no_broker_sends() {
    let mut nested = Vec::new();
    for _ in 0..20_000 {
        nested = entry(b"", b'F', &long(&nested));
    }
    assert_eq!(inbound(&greeting(&nested)), greeting(b""));
    let refused = |bytes: &[u8]| new().push(bytes, &mut Vec::new()).is_err();
    assert!(refused(&frame(METHOD, &[0, 10, 0, 10, 0, 9, 0, 0, 0, 9])), "half a greeting");
    // queue.declare, and a header of another class.
    let declare = [&[0, 50, 0, 10, 0, 0, 0, 0][..], &long(&nested)].concat();
    assert!(refused(&frame(METHOD, &declare)));
    let other = [&[0, 50, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 0x20, 0][..], &long(&nested)].concat();
    assert!(refused(&frame(HEADER, &other)));
}

#[test]
fn what_a_broker_says_of_itself_is_heard() {
    let other = entry(b"product", b'S', &long(b"RabbitMQ"));
    let name = entry(b"cluster_name", b'S', &long(b"rabbit@a"));
    let all = |cluster: Option<&str>, product: Option<&str>| Greeting {
        cluster: cluster.map(str::to_owned),
        product: product.map(str::to_owned),
        version: None,
        mechanisms: Some("PLAIN".to_owned()),
    };
    for (table, expected) in [
        ([&other[..], &name].concat(), all(Some("rabbit@a"), Some("RabbitMQ"))),
        (other, all(None, Some("RabbitMQ"))),
        (vec![0xFF; 3], all(None, None)),
    ] {
        let heard = Greeted::default();
        let mut inbound = Inbound::new(0, Greeted::clone(&heard));
        inbound.push(&greeting(&table), &mut Vec::new()).unwrap();
        assert_eq!(heard.get(), Some(&expected));
    }
}

#[test]
fn a_table_that_repeats_itself_is_cut_short() {
    let deadline = entry(b"x-deadline", b'l', &7i64.to_be_bytes());
    let sent = header(0b0010_0000_0000_0000, &long(&deadline.repeat(10_000)));
    assert!(inbound(&sent).len() < 1000);
}

#[test]
fn noise_is_survived() {
    let mut state = 1u64;
    let mut noise = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        state.to_be_bytes()[0]
    };
    for _ in 0..20_000 {
        let length = usize::from(noise()) % 64;
        let payload = (0..length).map(|_| noise()).collect::<Vec<_>>();
        let kind = if noise() & 1 == 0 { METHOD } else { HEADER };
        let mut payload = [&[0, 60][..], &payload].concat();
        if kind == METHOD && payload.len() >= 4 {
            payload[2] = 0;
        }
        let framed = frame(kind, &payload);
        outbound(&framed);
        let mut out = Vec::new();
        if new().push(&framed, &mut out).is_err() {
            continue;
        }
        let twice = inbound(&out);
        if kind == HEADER && payload.len() >= 14 {
            assert_eq!(parts(&out).unwrap().2[..4], payload[..4]);
        }
        // A translated frame can be translated again; only our own headers are lost in that.
        assert!(twice.len() <= out.len());
    }
}

#[test]
fn frames_that_cannot_be_are_refused() {
    let good = frame(METHOD, DELIVER);
    let length = good.len();
    let damaged = |at: usize, value: u8| {
        let mut damaged = good.clone();
        damaged[at] = value;
        new().push(&damaged, &mut Vec::new())
    };
    assert!(damaged(length - 1, END).is_ok(), "that is what it was");
    assert!(damaged(length - 1, END ^ 1).is_err(), "another end");
    assert!(damaged(2, 0).is_err(), "a delivery on channel 0");
    assert!(damaged(8, 10).is_err(), "a method of the connection on channel 1");
}

#[test]
fn a_frame_is_under_way_until_it_is_complete() {
    for whole in [frame(METHOD, DELIVER), frame(3, b"30"), frame(8, b"")] {
        let mut inbound = new();
        assert_eq!(inbound.under_way(), None);
        let mut numbers = Vec::new();
        for _ in 0..2 {
            for (index, byte) in whole.iter().enumerate() {
                inbound.push(&[*byte], &mut Vec::new()).unwrap();
                let number = inbound.under_way();
                assert_eq!(number.is_none(), index + 1 == whole.len(), "{index}");
                numbers.extend(number);
            }
        }
        numbers.dedup();
        assert_eq!(numbers.len(), 2, "one for each frame");
    }
}
