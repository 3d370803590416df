//! Hosts with several addresses, of which some are of no use.

use super::{
    super::super::{
        Cause,
        connect::{Dial, Link},
    },
    Peer, dial,
};
use std::{net::SocketAddr, time::Duration};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::Instant,
};

/// A listener that swallows attempts to connect: its queue is full.
async fn black_hole() -> (TcpListener, Vec<TcpStream>) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.9:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut streams = Vec::new();
    // Until one is not answered.
    while let Ok(stream) =
        tokio::time::timeout(Duration::from_millis(300), TcpStream::connect(address)).await
    {
        streams.push(stream.unwrap());
    }
    (listener, streams)
}

async fn open(addresses: &[SocketAddr], dial: &Dial) -> Result<Link, super::super::LinkError> {
    let uri = format!("amqp://guest:guest@{}/%2f", addresses[0]).parse().unwrap();
    let deadline = Instant::now() + dial.timeout;
    Link::open_any(addresses.iter().copied(), deadline, &uri, dial).await
}

#[tokio::test]
async fn an_address_that_swallows_or_refuses_or_is_silent_does_not_keep_from_the_next() {
    let (hole, _full) = black_hole().await;
    let hole = hole.local_addr().unwrap();
    // Bound, so that nobody else gets the port, and never listened on.
    let nobody = TcpSocket::new_v4().unwrap();
    nobody.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let closed = nobody.local_addr().unwrap();
    // Accepts, and says nothing.
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let silent = mute.local_addr().unwrap();
    let good = Peer::start();
    let dial = Dial { timeout: Duration::from_secs(3), ..dial() };
    for addresses in [vec![hole], vec![closed], vec![silent], vec![hole, closed, silent]] {
        let error = open(&addresses, &dial).await.err().expect("nobody is there");
        let all = addresses.len() == 1
            || addresses.iter().all(|address| error.message.contains(&address.to_string()));
        assert!(all, "every address is named: {error}");
        let closed = addresses == [closed];
        assert_eq!(error.cause, if closed { Cause::Network } else { Cause::Timeout }, "{error}");
        let with_good = [addresses, vec![good.address()]].concat();
        let link = open(&with_good, &dial).await.expect("the last one does");
        assert_eq!(link.address(), good.address());
    }
}
