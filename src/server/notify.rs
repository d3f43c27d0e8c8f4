//! Tells systemd how the hub is: a datagram to the socket that it names.

use std::ffi::OsString;
use std::time::Duration;

/// Where systemd listens, and how often it wants to hear that all is well.
#[derive(Debug, Clone, Default)]
pub struct Notify {
    /// `NOTIFY_SOCKET`.
    pub socket: Option<OsString>,
    /// Half of `WATCHDOG_USEC`, if the watchdog is meant for this process.
    pub watchdog: Option<Duration>,
}

impl Notify {
    /// Sends a state; a manager that does not listen is no reason to stop.
    pub(super) fn send(&self, state: &str) {
        #[cfg(unix)]
        if let Some(socket) = &self.socket
            && let Err(error) = send(socket, state)
        {
            tracing::debug!(target: "hubctl::serve", %error, "systemd was not told");
        }
    }
}

#[cfg(unix)]
fn send(socket: &std::ffi::OsStr, state: &str) -> std::io::Result<()> {
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::UnixDatagram;

    let sender = UnixDatagram::unbound()?;
    sender.set_nonblocking(true)?;
    match socket.as_bytes().strip_prefix(b"@") {
        #[cfg(target_os = "linux")]
        Some(name) => {
            use std::os::linux::net::SocketAddrExt;
            let address = std::os::unix::net::SocketAddr::from_abstract_name(name)?;
            sender.send_to_addr(state.as_bytes(), &address)?;
        }
        _ => {
            sender.send_to(state.as_bytes(), std::path::Path::new(socket))?;
        }
    }
    Ok(())
}
