//! A hub that answers what a test tells it to, over real connections, on a thread of its own.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body_util::BodyExt as _;
use hyper::body::{Body, Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

/// A request that arrived.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: String,
    /// Path and parameters.
    pub(crate) path: String,
    pub(crate) headers: hyper::HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// A member of a form.
    pub(crate) fn form(&self, name: &str) -> Option<String> {
        let mut pairs = url::form_urlencoded::parse(&self.body);
        pairs.find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
    }

    /// Method and path without parameters.
    pub(crate) fn route(&self) -> String {
        format!("{} {}", self.method, self.path.split('?').next().unwrap())
    }

    /// A parameter.
    pub(crate) fn param(&self, name: &str) -> Option<String> {
        let query = self.path.split_once('?')?.1;
        let mut pairs = url::form_urlencoded::parse(query.as_bytes());
        pairs.find(|(found, _)| found == name).map(|(_, value)| value.into_owned())
    }
}

/// What to answer.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
    end: End,
}

/// How an answer ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// As it should.
    Whole,
    /// The connection breaks off after the body so far.
    Cut,
    /// Nothing more comes, and the connection stays.
    Hang,
    /// The body so far comes again and again.
    Endless,
    /// There is no answer: the connection breaks off.
    NoAnswer,
    /// There is no answer, and the connection stays.
    Silence,
}

impl Reply {
    pub(crate) fn text(status: u16, kind: &str, body: impl Into<Vec<u8>>) -> Self {
        let headers = vec![("content-type".to_owned(), kind.to_owned())];
        Self { status, headers, body: body.into(), end: End::Whole }
    }

    pub(crate) fn json(status: u16, body: &Value) -> Self {
        Self::text(status, "application/json", body.to_string())
    }

    /// A list as a hubctl hub writes it.
    pub(crate) fn list(rows: &[Value]) -> Self {
        let rows: Vec<String> = rows.iter().map(Value::to_string).collect();
        let text = match rows.is_empty() {
            true => "[]\n".to_owned(),
            false => format!("[\n{}\n]\n", rows.join(",\n")),
        };
        Self::text(200, "application/json", text)
    }

    pub(crate) fn refusal(status: u16, code: Option<&str>, message: &str) -> Self {
        let mut body = serde_json::json!({
            "statusCode": status, "message": message, "timestamp": "2026-06-01T12:00:00.000Z",
        });
        if let Some(code) = code {
            body["code"] = code.into();
        }
        Self::json(status, &body)
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn cut(self) -> Self {
        Self { end: End::Cut, ..self }
    }

    pub(crate) fn hang(self) -> Self {
        Self { end: End::Hang, ..self }
    }

    pub(crate) fn endless(self) -> Self {
        Self { end: End::Endless, ..self }
    }

    pub(crate) fn no_answer() -> Self {
        Self { end: End::NoAnswer, ..Self::text(200, "", "") }
    }

    pub(crate) fn silence() -> Self {
        Self { end: End::Silence, ..Self::text(200, "", "") }
    }
}

/// A body that may end badly.
struct Answering {
    rest: Option<Bytes>,
    end: End,
}

impl Body for Answering {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
        let piece = match self.end {
            End::Endless => self.rest.clone(),
            _ => self.rest.take(),
        };
        match piece.filter(|piece| !piece.is_empty()) {
            Some(piece) => Poll::Ready(Some(Ok(Frame::data(piece)))),
            None if self.end == End::Cut => Poll::Ready(Some(Err(std::io::Error::other("cut")))),
            None if self.end == End::Hang => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}

type Answers = dyn Fn(&Asked, usize) -> Reply + Send + Sync;

/// The hub.
pub(crate) struct FakeHub {
    address: SocketAddr,
    asked: Arc<Mutex<Vec<Asked>>>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl FakeHub {
    /// Starts one that answers each request by what it is and how many came before.
    pub(crate) fn start(answer: impl Fn(&Asked, usize) -> Reply + Send + Sync + 'static) -> Self {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let (stop, stopped) = oneshot::channel();
        let (tell, told) = std::sync::mpsc::channel();
        let (log, answer): (_, Arc<Answers>) = (Arc::clone(&asked), Arc::new(answer));
        let thread = std::thread::spawn(move || {
            // An answer may keep its thread waiting.
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            let runtime = runtime.worker_threads(3).enable_all().build().unwrap();
            runtime.block_on(async move {
                let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
                tell.send(listener.local_addr().unwrap()).unwrap();
                tokio::select! {
                    () = serve(listener, log, answer) => {}
                    _ = stopped => {}
                }
            });
        });
        let address = told.recv().unwrap();
        Self { address, asked, stop: Some(stop), thread: Some(thread) }
    }

    /// One that gives these answers, one after the other, and the last one ever after.
    pub(crate) fn script(replies: Vec<Reply>) -> Self {
        Self::start(move |_, count| replies[count.min(replies.len() - 1)].clone())
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// What was asked so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Methods and paths of what was asked so far.
    pub(crate) fn routes(&self) -> Vec<String> {
        self.asked().iter().map(Asked::route).collect()
    }
}

impl Drop for FakeHub {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.thread.take().map(std::thread::JoinHandle::join);
    }
}

async fn serve(listener: TcpListener, log: Arc<Mutex<Vec<Asked>>>, answer: Arc<Answers>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let (log, answer) = (Arc::clone(&log), Arc::clone(&answer));
        tokio::spawn(async move {
            let service =
                service_fn(move |request| respond(request, Arc::clone(&log), Arc::clone(&answer)));
            let server = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
            // A connection that ends badly is what some tests are about.
            _ = server.serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn respond(
    request: Request<Incoming>,
    log: Arc<Mutex<Vec<Asked>>>,
    answer: Arc<Answers>,
) -> Result<Response<Answering>, Box<dyn std::error::Error + Send + Sync>> {
    let (parts, body) = request.into_parts();
    let body = body.collect().await?.to_bytes().to_vec();
    let asked = Asked {
        method: parts.method.to_string(),
        path: parts.uri.path_and_query().unwrap().to_string(),
        headers: parts.headers,
        body,
    };
    let count = {
        let mut log = log.lock().unwrap();
        log.push(asked.clone());
        log.len() - 1
    };
    let reply = tokio::task::block_in_place(|| answer(&asked, count));
    match reply.end {
        End::NoAnswer => return Err("no answer".into()),
        End::Silence => match std::future::pending::<Infallible>().await {},
        _ => {}
    }
    let mut response = Response::builder().status(reply.status);
    for (name, value) in &reply.headers {
        response = response.header(name, value);
    }
    let body = Answering { rest: Some(reply.body.into()), end: reply.end };
    Ok(response.body(body)?)
}

/// A name that means this machine at first, and something private from then on.
#[derive(Default)]
pub(crate) struct Flips(AtomicUsize);

impl Flips {
    /// How often it was looked up.
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }
}

impl reqwest::dns::Resolve for Flips {
    fn resolve(&self, _: reqwest::dns::Name) -> reqwest::dns::Resolving {
        let first = self.0.fetch_add(1, Ordering::Relaxed) == 0;
        let address = if first { [127, 0, 0, 1] } else { [10, 0, 0, 1] };
        let found = [SocketAddr::from((address, 0))];
        Box::pin(async move { Ok(Box::new(found.into_iter()) as reqwest::dns::Addrs) })
    }
}
