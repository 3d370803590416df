//! Records of requests: times, outcomes, and what is shown.

use super::*;

fn at(start: Instant, micros: u64) -> Instant {
    start + Duration::from_micros(micros)
}

fn envelope() -> Envelope {
    Envelope {
        reply_to: Some("replies".into()),
        correlation_id: Some(b"id\n".to_vec()),
        ..Envelope::default()
    }
}

fn begin(body: &[u8]) -> Box<RequestRecord> {
    Box::new(RequestRecord::new(&envelope(), body, Some(Duration::from_micros(7)), None))
}

/// A request that arrived at 1000 µs, was answered at 1100 and confirmed at 1500.
fn settled(start: Instant, compute_time: ComputeTime, outcome: Outcome) -> Settled {
    let mut record = begin(b"30");
    record.replied(6, Status::Ok, compute_time);
    let moments = Moments {
        received: at(start, 1000),
        replied: Some(at(start, 1100)),
        settled: at(start, 1500),
    };
    Settled::new(record, outcome, Some(Status::Ok), moments)
}

#[test]
fn what_is_asked_for_is_shown_as_a_number_or_escaped() {
    assert_eq!(begin(b" +030\r\n").n.as_deref(), Some("30"));
    assert_eq!(begin(b" a\x1bb ").n.as_deref(), Some("a\\x1bb"));
    let long = begin(&[b'9'; 1000]).n.unwrap();
    assert_eq!(long, format!("{}...", "9".repeat(64)));
}

#[test]
fn work_counts_only_while_the_request_is_there() {
    let start = Instant::now();
    for (compute_time, expected) in [
        (ComputeTime::NotComputed, None),
        (ComputeTime::InPlace, Some((1000, 1100))),
        (ComputeTime::OnThread(at(start, 1010), at(start, 1090)), Some((1010, 1090))),
        (ComputeTime::OnThread(at(start, 500), at(start, 1090)), Some((1000, 1090))),
        (ComputeTime::OnThread(at(start, 500), at(start, 900)), None),
    ] {
        let expected = expected.map(|(from, to)| (at(start, from), at(start, to)));
        assert_eq!(
            settled(start, compute_time, Outcome::Answered).computing(),
            expected,
            "{compute_time:?}"
        );
    }
}

#[test]
fn a_confirm_takes_time_only_if_it_came() {
    let start = Instant::now();
    for (outcome, micros) in [
        (Outcome::Answered, Some(400)),
        (Outcome::Returned, Some(400)),
        (Outcome::Rejected, Some(400)),
        (Outcome::GivenBack, None),
        (Outcome::Lost, None),
    ] {
        let settled = settled(start, ComputeTime::InPlace, outcome);
        assert_eq!(settled.confirming(), micros.map(Duration::from_micros), "{outcome:?}");
    }
}

#[test]
fn nothing_is_computed_in_place_for_an_error() {
    let mut record = begin(b"x");
    record.replied(6, Status::InvalidArgument, ComputeTime::InPlace);
    assert_eq!(record.compute_time, ComputeTime::NotComputed);
}

#[test]
fn a_reply_comes_back_once_and_to_nobody_else() {
    let mut record = begin(b"30");
    assert!(!record.returned("replies", Some(b"id\n")), "nothing was sent");
    record.replied(6, Status::Ok, ComputeTime::InPlace);
    assert!(!record.returned("others", Some(b"id\n")));
    assert!(!record.returned("replies", None));
    assert!(record.returned("replies", Some(b"id\n")));
    assert!(!record.returned("replies", Some(b"id\n")), "that is another one's");
}
