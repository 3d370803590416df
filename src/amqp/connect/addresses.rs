//! The addresses of a broker's host, tried as RFC 8305 has it: the families in turn, the next one as
//! soon as one has failed or is slow, and the first one that connects wins.

use super::super::{Cause, LinkError};
use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use std::{collections::VecDeque, fmt::Write as _, io, net::SocketAddr, time::Duration};
use tokio::{
    net::TcpStream,
    time::{Instant, sleep_until},
};

/// How long an address has before the next one is tried beside it (RFC 8305, section 5).
const HEAD_START: Duration = Duration::from_millis(250);

/// Most addresses of a name that are tried.
const MOST: usize = 16;

/// The addresses to try, in this order.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Addresses {
    addresses: VecDeque<SocketAddr>,
    /// How many more there are, that will not be tried.
    left_out: usize,
}

impl Addresses {
    /// Takes the two families in turn, as far as there are both, and keeps the order within each.
    pub(super) fn of(found: impl IntoIterator<Item = SocketAddr>) -> Self {
        let mut found = found.into_iter().peekable();
        let first_is_v6 = found.peek().is_some_and(SocketAddr::is_ipv6);
        let (mut first, mut second, mut left_out) = (VecDeque::new(), VecDeque::new(), 0);
        for address in found {
            let family = if address.is_ipv6() == first_is_v6 { &mut first } else { &mut second };
            if family.contains(&address) {
                continue;
            }
            if family.len() < MOST { family.push_back(address) } else { left_out += 1 }
        }
        let mut addresses = VecDeque::new();
        while !(first.is_empty() && second.is_empty()) {
            addresses.extend(first.pop_front());
            addresses.extend(second.pop_front());
        }
        left_out += addresses.len().saturating_sub(MOST);
        addresses.truncate(MOST);
        Self { addresses, left_out }
    }
}

/// The attempts to reach a host.
pub(super) struct Race {
    waiting: VecDeque<SocketAddr>,
    dialling: FuturesUnordered<BoxFuture<'static, (SocketAddr, io::Result<TcpStream>)>>,
    under_way: Vec<SocketAddr>,
    /// When the next one begins.
    next_at: Instant,
    failures: Vec<(SocketAddr, LinkError)>,
    left_out: usize,
}

impl Race {
    pub(super) fn between(addresses: Addresses) -> Self {
        Self {
            waiting: addresses.addresses,
            dialling: FuturesUnordered::new(),
            under_way: Vec::new(),
            next_at: Instant::now(),
            failures: Vec::new(),
            left_out: addresses.left_out,
        }
    }

    /// Waits for the next connection; `None` if there will be none. Cancel safe.
    pub(super) async fn next(&mut self) -> Option<(SocketAddr, TcpStream)> {
        loop {
            if self.dialling.is_empty() && !self.begin() {
                return None;
            }
            let next_at = self.next_at;
            tokio::select! {
                Some((address, connected)) = self.dialling.next() => {
                    self.under_way.retain(|one| *one != address);
                    match connected {
                        Ok(stream) => return Some((address, stream)),
                        Err(error) => {
                            self.failed(address, LinkError::from(&error));
                            self.begin();
                        }
                    }
                }
                () = sleep_until(next_at), if !self.waiting.is_empty() => {
                    self.begin();
                }
            }
        }
    }

    /// Begins with the next address, if there is one.
    fn begin(&mut self) -> bool {
        let Some(address) = self.waiting.pop_front() else { return false };
        self.under_way.push(address);
        self.dialling.push(async move { (address, TcpStream::connect(address).await) }.boxed());
        self.next_at = Instant::now() + HEAD_START;
        true
    }

    /// How many addresses there are still.
    pub(super) fn left(&self) -> usize {
        self.waiting.len() + self.under_way.len()
    }

    /// Notes why an address was of no use.
    pub(super) fn failed(&mut self, address: SocketAddr, error: LinkError) {
        self.failures.push((address, error));
    }

    /// Why none of them was. Those that did not fail have not answered within `limit`.
    pub(super) fn into_error(mut self, limit: Duration) -> LinkError {
        let unanswered: Vec<_> = self.under_way.drain(..).chain(self.waiting.drain(..)).collect();
        for address in unanswered {
            self.failed(address, silent(limit));
        }
        let mut failures = self.failures;
        // Whatever came first, so that the same reasons are the same text.
        failures.sort_by_key(|(address, _)| *address);
        if failures.len() <= 1 {
            let none = || LinkError::new(Cause::Network, "the host has no address");
            return failures.pop().map_or_else(none, |(_, error)| error);
        }
        // Whichever came furthest: a certificate that is refused says more than a closed port.
        let causes = failures.iter().map(|(_, error)| error.cause);
        let cause = causes.max_by_key(|cause| match cause {
            Cause::Network => 0,
            Cause::Timeout => 1,
            _ => 2,
        });
        let cause = cause.unwrap_or(Cause::Network);
        let mut message = format!("none of {} addresses will do", failures.len());
        for (index, (address, error)) in failures.iter().enumerate() {
            let separator = if index == 0 { ":" } else { ";" };
            // Writing to a string cannot fail.
            let _ = write!(message, "{separator} {address}: {error}");
        }
        if self.left_out > 0 {
            let _ = write!(message, "; {} more were not tried", self.left_out);
        }
        LinkError::new(cause, message)
    }
}

/// Of an address that has not answered.
pub(super) fn silent(limit: Duration) -> LinkError {
    LinkError::new(Cause::Timeout, format!("no answer within {limit:?}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn addresses(text: &str) -> Vec<SocketAddr> {
        text.split_whitespace().map(|address| address.parse().unwrap()).collect()
    }

    #[test]
    fn families_take_turns_and_the_first_one_begins() {
        for (found, tried) in [
            ("[::1]:1 [::2]:1 1.1.1.1:1 2.2.2.2:1", "[::1]:1 1.1.1.1:1 [::2]:1 2.2.2.2:1"),
            ("1.1.1.1:1 2.2.2.2:1 3.3.3.3:1 [::1]:1", "1.1.1.1:1 [::1]:1 2.2.2.2:1 3.3.3.3:1"),
            ("1.1.1.1:1 1.1.1.1:1", "1.1.1.1:1"),
            ("", ""),
        ] {
            assert_eq!(Addresses::of(addresses(found)).addresses, addresses(tried), "{found}");
        }
    }

    #[test]
    fn a_name_with_very_many_addresses_is_tried_at_some_and_told_so_in_a_line() {
        let many = (0..1000u32).map(|number| SocketAddr::from((number.to_be_bytes(), 1)));
        let both = many.chain(addresses("[::1]:1"));
        let found = Addresses::of(both);
        assert_eq!((found.addresses.len(), found.left_out), (MOST, 1001 - MOST));
        assert_eq!(found.addresses[1], addresses("[::1]:1")[0], "both families are");
        let error = Race::between(found).into_error(Duration::from_secs(10));
        assert_eq!(error.cause, Cause::Timeout);
        assert!(error.message.starts_with("none of 16 addresses will do: 0.0.0.0:1: no answer"));
        assert!(error.message.ends_with("; 985 more were not tried"), "{error}");
        assert!(error.message.len() < 1024, "{error}");
    }
}
