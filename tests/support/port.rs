//! Ports for programs that have to be given one before they listen.

use std::{
    io,
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
};
use tokio::net::TcpSocket;

/// How many ports are tried. Few are free by one protocol and taken by the other.
const ATTEMPTS: u32 = 1000;

/// A port of the loopback interface that the kernel gives to nobody else as long as this lives.
///
/// A port that is only looked up can be taken before it is used, if only by an outgoing connection.
/// This one stays bound, by IPv4 and by IPv6, for there are programs that want both. Nobody listens
/// on it, so connections are refused until a server binds it too, which `SO_REUSEADDR` allows it
/// to; servers set that anyway.
#[derive(Debug)]
pub(crate) struct Port {
    number: u16,
    _held: [Option<TcpSocket>; 2],
}

impl Port {
    pub(crate) fn hold() -> Self {
        let mut attempts = (0..ATTEMPTS).map(|_| Self::try_hold());
        attempts.find_map(Result::transpose).expect("a port that is free by IPv4 and IPv6").unwrap()
    }

    /// `None` if the port is free by IPv4 alone.
    fn try_hold() -> io::Result<Option<Self>> {
        let ipv4 = bind(TcpSocket::new_v4()?, Ipv4Addr::LOCALHOST.into(), 0)?;
        let number = ipv4.local_addr()?.port();
        let ipv6 = TcpSocket::new_v6();
        let ipv6 = ipv6.and_then(|socket| bind(socket, Ipv6Addr::LOCALHOST.into(), number));
        match ipv6 {
            Ok(ipv6) => Ok(Some(Self { number, _held: [Some(ipv4), Some(ipv6)] })),
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => Ok(None),
            // This machine has no IPv6.
            Err(_) => Ok(Some(Self { number, _held: [Some(ipv4), None] })),
        }
    }

    pub(crate) fn number(&self) -> u16 {
        self.number
    }

    /// The address by IPv4.
    pub(crate) fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.number).into()
    }
}

fn bind(socket: TcpSocket, address: IpAddr, port: u16) -> io::Result<TcpSocket> {
    socket.set_reuseaddr(true)?;
    socket.bind((address, port).into())?;
    Ok(socket)
}
