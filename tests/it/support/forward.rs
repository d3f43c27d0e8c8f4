//! A proxy that passes calls on: by `CONNECT`, or by the whole address of a call.

use std::io::{self, BufRead as _, BufReader, Write as _};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

/// The proxy; its threads end with the process.
pub(crate) struct Forward {
    address: SocketAddr,
    heads: Arc<Mutex<Vec<String>>>,
}

impl Forward {
    /// One that takes every name for this hub's.
    pub(crate) fn to(hub: SocketAddr) -> Self {
        Self::start(move |mut near, head| {
            let mut far = TcpStream::connect(hub)?;
            let mut back = near.get_ref().try_clone()?;
            match head.strip_prefix("CONNECT ") {
                Some(_) => back.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?,
                // One call a connection: the next one has a head of its own.
                None => far.write_all(passed_on(head).as_bytes())?,
            }
            let mut there = far.try_clone()?;
            std::thread::spawn(move || {
                _ = io::copy(&mut near, &mut there);
                _ = there.shutdown(Shutdown::Write);
            });
            io::copy(&mut far, &mut back)?;
            back.shutdown(Shutdown::Both)
        })
    }

    /// One that refuses all calls with this status line.
    pub(crate) fn refusing(status: &'static str) -> Self {
        Self::start(move |mut near, _| {
            let answer =
                format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
            near.get_mut().write_all(answer.as_bytes())
        })
    }

    fn start(
        answer: impl Fn(BufReader<TcpStream>, &str) -> io::Result<()> + Clone + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let heads = Arc::new(Mutex::new(Vec::new()));
        let kept = Arc::clone(&heads);
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let (answer, kept) = (answer.clone(), Arc::clone(&kept));
                std::thread::spawn(move || {
                    let mut near = BufReader::new(stream);
                    let head = head_of(&mut near);
                    kept.lock().unwrap().push(head.clone());
                    // A connection that ends early is its client's business.
                    _ = answer(near, &head);
                });
            }
        });
        Self { address, heads }
    }

    /// Host and port.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The heads of what it was asked for so far.
    pub(crate) fn heads(&self) -> Vec<String> {
        self.heads.lock().unwrap().clone()
    }
}

/// Up to the empty line.
fn head_of(near: &mut BufReader<TcpStream>) -> String {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && near.read_line(&mut head).unwrap_or(0) > 0 {}
    head
}

/// The head for the hub: the path alone, and what is meant for the proxy left out.
fn passed_on(head: &str) -> String {
    let (first, rest) = head.split_once("\r\n").unwrap();
    let [method, url, version] = first.split(' ').collect::<Vec<_>>().try_into().unwrap();
    let url: url::Url = url.parse().unwrap();
    let path = &url[url::Position::BeforePath..];
    let rest: String = rest
        .split_inclusive("\r\n")
        .filter(|line| !line.to_ascii_lowercase().starts_with("proxy-"))
        .collect();
    format!("{method} {path} {version}\r\nConnection: close\r\n{rest}")
}
