//! What the tests themselves rely on: ports that stay theirs, and helpers that say why they end.

use crate::support::{helper::Helper, port::Port};
use std::{
    io,
    net::{Ipv6Addr, TcpListener, TcpStream},
    process::Command,
};
use tokio::net::TcpSocket;

#[test]
fn a_port_that_is_held_is_free_for_its_server_alone() {
    let port = Port::hold();
    let refused = TcpStream::connect(port.address()).unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    let stranger = TcpSocket::new_v4().unwrap(); // an outgoing connection, as it were
    let taken = stranger.bind(port.address()).unwrap_err();
    assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
    let server = TcpListener::bind(port.address()).unwrap(); // sets SO_REUSEADDR
    TcpStream::connect(port.address()).unwrap();
    drop(server);
    TcpStream::connect(port.address()).unwrap_err();
}

#[test]
fn a_port_is_held_by_ipv6_as_well() {
    let any = (Ipv6Addr::LOCALHOST, 0).into();
    if TcpSocket::new_v6().and_then(|socket| socket.bind(any)).is_err() {
        return eprintln!("this machine has no IPv6");
    }
    let port = Port::hold();
    let address = (Ipv6Addr::LOCALHOST, port.number()).into();
    let taken = TcpSocket::new_v6().unwrap().bind(address).unwrap_err();
    assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
    TcpListener::bind(address).unwrap();
}

#[test]
fn a_helper_that_ends_early_is_quoted() {
    let mut command = Command::new("sh");
    command.args(["-c", "echo about to start; echo no port left >&2; exit 3"]);
    let complaint = Helper::try_start(command, "ready").unwrap_err();
    for part in ["sh ended", "exit status: 3", "about to start", "no port left"] {
        assert!(complaint.contains(part), "{complaint}");
    }
    let complaint = Helper::try_start(Command::new("/nonexistent"), "ready").unwrap_err();
    assert!(complaint.contains("cannot run /nonexistent"), "{complaint}");
}

#[test]
fn a_helper_that_is_ready_goes_on() {
    let mut command = Command::new("sh");
    command.args(["-c", "echo starting >&2; echo ready now; exec tail -f /dev/null"]);
    let mut helper = Helper::start(command, "ready");
    assert!(helper.is_running(), "{helper:?}");
}
