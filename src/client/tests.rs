//! Calls that are given up, which is done by dropping their futures.

use super::*;
use futures_util::FutureExt as _;
use tokio::{task::yield_now, time::timeout};

const LONG: Duration = Duration::from_hours(1);

/// Nobody listens there.
fn client() -> Client {
    let uri = "amqp://127.0.0.1:1".parse().unwrap();
    Client::builder(uri).wait_for_server(true).timeout(LONG).build().unwrap()
}

#[tokio::test]
async fn calls_that_are_given_up_give_back_their_places_and_entries() {
    let client = client();
    let mut kept = Box::pin(client.fibonacci(30));
    assert!(kept.as_mut().now_or_never().is_none());
    // As many as may wait, and some that have no place; polled or not.
    let mut calls: Vec<_> =
        (0..MAX_CALLS_IN_FLIGHT + 10).map(|_| Box::pin(client.ping())).collect();
    for call in &mut calls[1..] {
        assert!(call.as_mut().now_or_never().is_none());
        yield_now().await;
    }
    assert_eq!((client.places.available_permits(), client.calls.ids().len()), (0, 4096));
    drop(calls);
    assert_eq!((client.places.available_permits(), client.calls.ids().len()), (4095, 1));
    drop(kept);
    assert!(client.calls.is_empty());
}

#[tokio::test]
async fn calls_that_were_given_up_hold_up_no_other() {
    let client = client();
    let mut kept = Box::pin(client.fibonacci(30));
    for number in 0..10_000 {
        let mut call = Box::pin(client.fibonacci(number));
        assert!(call.as_mut().now_or_never().is_none());
        assert!(kept.as_mut().now_or_never().is_none());
        yield_now().await;
    }
    assert_eq!(client.calls.ids().len(), 1);
    // It does not wait, and hears at once why there is no answer.
    let hasty = Client { waits_for_server: false, ..client.clone() };
    let answer = timeout(Duration::from_mins(1), hasty.fibonacci(30)).await.unwrap();
    assert!(matches!(answer, Err(CallError::Unreachable(_))), "{answer:?}");
}

#[tokio::test]
async fn a_call_that_gets_no_place_ends_with_its_timeout() {
    const SHORT: Duration = Duration::from_millis(1);
    let client = Client { timeout: SHORT, ..client() };
    let _all = client.places.acquire_many(4096).await.unwrap();
    assert_eq!(client.fibonacci(30).await, Err(CallError::NotSent(SHORT)));
    assert!(client.calls.is_empty());
}
