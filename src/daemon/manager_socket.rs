//! The socket of the service manager, which may stand still without keeping us waiting.

use prometheus::IntCounter;
use std::{
    collections::VecDeque,
    env,
    ffi::OsStr,
    io::{self, ErrorKind},
    os::{
        linux::net::SocketAddrExt as _,
        unix::{
            ffi::OsStrExt as _,
            net::{SocketAddr, UnixDatagram},
        },
    },
    sync::{Mutex, PoisonError},
};

/// Most messages that wait for a manager that takes none.
const WAITING: usize = 16;

/// Where the service manager listens. Messages arrive in their order; where it takes none, the
/// oldest of those that wait are dropped.
#[derive(Debug)]
pub(super) struct ManagerSocket {
    socket: UnixDatagram,
    address: SocketAddr,
    waiting: Mutex<VecDeque<String>>,
    dropped: IntCounter,
}

impl ManagerSocket {
    /// The socket that `$NOTIFY_SOCKET` names; `None` if it names none.
    pub(super) fn of_environment(dropped: IntCounter) -> io::Result<Option<Self>> {
        let name = env::var_os("NOTIFY_SOCKET").filter(|name| !name.is_empty());
        name.map(|name| Self::new(&name, dropped)).transpose()
    }

    fn new(name: &OsStr, dropped: IntCounter) -> io::Result<Self> {
        let address = match name.as_bytes() {
            [b'@', rest @ ..] => SocketAddr::from_abstract_name(rest)?,
            _ => SocketAddr::from_pathname(name)?,
        };
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        Ok(Self { socket, address, waiting: Mutex::default(), dropped })
    }

    /// Sends a message, or keeps it until the manager takes it.
    ///
    /// # Errors
    /// There is no manager.
    pub(super) fn send(&self, message: String) -> io::Result<()> {
        self.keep(message);
        self.send_waiting()
    }

    /// Sends what waits, as far as the manager takes it.
    ///
    /// # Errors
    /// There is no manager.
    pub(super) fn send_waiting(&self) -> io::Result<()> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while let Some(message) = waiting.pop_front() {
            match self.socket.send_to_addr(message.as_bytes(), &self.address) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    waiting.push_front(message);
                    break;
                }
                Err(error) => {
                    self.dropped.inc();
                    return Err(error);
                }
            }
        }
        Ok(())
    }

    fn keep(&self, message: String) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if waiting.len() == WAITING {
            waiting.pop_front();
            self.dropped.inc();
        }
        waiting.push_back(message);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manager_that_stands_still_gets_the_last_messages_later() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("notify");
        let manager = UnixDatagram::bind(&path).unwrap();
        let dropped = IntCounter::new("dropped", "messages").unwrap();
        let socket = ManagerSocket::new(path.as_os_str(), dropped.clone()).unwrap();
        let mut sent = 0;
        while dropped.get() < 3 {
            socket.send(sent.to_string()).unwrap();
            sent += 1;
        }
        let mut buffer = [0; 64];
        let mut receive = || {
            let length = manager.recv(&mut buffer).unwrap();
            std::str::from_utf8(&buffer[..length]).unwrap().parse::<usize>().unwrap()
        };
        let taken = sent - WAITING - 3; // by the system's buffer
        assert!((0..taken).all(|number| receive() == number));
        for number in taken + 3..sent {
            socket.send_waiting().unwrap();
            assert_eq!(receive(), number);
        }
    }

    #[test]
    fn an_abstract_name_is_a_name_too() {
        let name = format!("fibrpc-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        let dropped = IntCounter::new("dropped", "messages").unwrap();
        let socket = ManagerSocket::new(format!("@{name}").as_ref(), dropped).unwrap();
        socket.send("READY=1".to_owned()).unwrap();
        let mut buffer = [0; 64];
        assert_eq!(manager.recv(&mut buffer).unwrap(), 7);
    }
}
