//! The addresses of a host, looked up where nobody is kept waiting.

use crate::threads;
use std::{
    io,
    net::{IpAddr, SocketAddr, ToSocketAddrs as _},
};
use tokio::sync::Semaphore;

/// Most lookups at once, those included that nobody waits for any more: the resolver takes its time
/// where no name server answers.
static PLACES: Semaphore = Semaphore::const_new(8);

/// All addresses of a host, in the order of the system. The caller sets a deadline.
///
/// # Errors
/// The system knows none, or gives no thread to ask it.
pub(crate) async fn addresses(host: &str, port: u16) -> io::Result<Vec<SocketAddr>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(vec![(address, port).into()]);
    }
    let place = PLACES.acquire().await.map_err(io::Error::other)?;
    let host = host.to_owned();
    threads::run("lookup", move || {
        let _place = place; // taken for as long as the thread is there
        (host.as_str(), port).to_socket_addrs().map(Iterator::collect)
    })
    .await?
}
