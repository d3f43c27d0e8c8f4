//! The server as a process: how it starts and ends, what it withstands, what it tells.

mod attempts;
mod expiry;
mod frozen;
mod hanging;
mod http2;
mod inside;
mod life;
#[cfg(target_os = "linux")]
mod room;
mod secrecy;
mod siege;
mod tls;
mod webhooks;
