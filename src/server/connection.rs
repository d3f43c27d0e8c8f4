//! One connection, from greeting to end.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::response::{IntoResponse, Response};
use http::header::{CONNECTION, HOST, HeaderValue};
use http::uri::PathAndQuery;
use http::{Request, Uri, Version};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::TcpStream;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

use crate::api::end_user::meant;
use crate::error::{HubError, codes};

use super::listen::{Behind, Place};
use super::metrics::{Entered, count};
use super::respond::{Failure, bare, shape};
use super::router::{REQUEST_ID, RequestId};
use super::stream::{Activity, Stream, WRITE_LIMIT, Wire};
use super::taking::watched;
use super::{AppState, health};

/// How long a TLS handshake may take.
const HANDSHAKE_LIMIT: Duration = Duration::from_secs(10);
/// How long a connection beyond the limit may take for its question.
const OVERFLOW_LIMIT: Duration = Duration::from_secs(2);
/// How long a connection may be open without a request; it ends within twice that time.
const IDLE_LIMIT: Duration = Duration::from_secs(90);
/// Bytes of a request's head that are kept; refused with a status only above.
const HEAD_BYTES: usize = 32 * 1024;
/// Headers that are read before they are counted.
const HEAD_COUNT: usize = 256;
/// Requests at once on one connection of HTTP/2.
const STREAMS: u32 = 100;
/// Bytes of bodies that a connection of HTTP/2 may send ahead.
const WINDOW: u32 = 128 * 1024;
/// How often a silent connection of HTTP/2 is asked for a sign of life, and how long that may take.
const PING_EVERY: Duration = Duration::from_secs(20);

/// Serves a connection to its end.
pub(super) async fn serve(
    stream: TcpStream,
    peer: SocketAddr,
    place: Place,
    behind: Arc<Behind>,
    state: AppState,
) {
    let _open = Entered::new(&state.metrics().counts.connections);
    // Small answers wait for nothing.
    _ = stream.set_nodelay(true);
    let (evicted, is_full) = match &place {
        Place::Full(_) => (CancellationToken::new(), true),
        Place::Overflow(token) => (token.clone(), false),
    };
    tokio::select! {
        () = evicted.cancelled() => {}
        () = behind.closing(state.stop()) => {}
        () = converse(stream, peer, is_full, &behind, &state) => {}
    }
    drop(place);
}

async fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    is_full: bool,
    behind: &Behind,
    state: &AppState,
) {
    let wire = match &behind.tls {
        None => Wire::Plain(stream),
        Some(tls) => {
            let acceptor = tokio_rustls::TlsAcceptor::from(tls.config());
            match timeout(HANDSHAKE_LIMIT, acceptor.accept(stream)).await {
                Ok(Ok(stream)) => Wire::Tls(Box::new(stream)),
                _ => {
                    count(&state.metrics().counts.tls_failures);
                    return;
                }
            }
        }
    };
    let header_limit = if is_full { behind.header_limit } else { OVERFLOW_LIMIT };
    let activity = Arc::new(Activity::default());
    let malformed = {
        let state = state.clone();
        Arc::new(move |status| bare(status, &state))
    };
    let stream = Stream::new(wire, Arc::clone(&activity), header_limit, malformed);
    let service = {
        let (activity, service, state) =
            (Arc::clone(&activity), behind.service.clone(), state.clone());
        hyper::service::service_fn(move |request: Request<Incoming>| {
            let (activity, service, state) =
                (Arc::clone(&activity), service.clone(), state.clone());
            async move {
                activity.has_asked.store(true, Ordering::Relaxed);
                activity.requests.fetch_add(1, Ordering::Relaxed);
                let mut request = request.map(Body::new);
                fold(&mut request);
                let path = request.uri().path();
                if !is_full && path != health::ALIVE && path != health::READY {
                    return Ok(overloaded(&state));
                }
                request.extensions_mut().insert(ConnectInfo(peer));
                if request.version() != Version::HTTP_2 {
                    return service.oneshot(request).await;
                }
                name_host(&mut request);
                let answer = service.oneshot(request).await?;
                Ok(answer.map(|body| watched(body, &activity.taking)))
            }
        })
    };
    let builder = protocol(header_limit, is_full);
    let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut idle = interval(IDLE_LIMIT);
    idle.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let (mut seen, mut is_ending) = (None, false);
    let mut taking = interval(WRITE_LIMIT);
    taking.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut stood = None;
    loop {
        tokio::select! {
            // A client that breaks off is no news.
            _ = connection.as_mut() => return,
            () = behind.draining(state.stop()), if !is_ending => {
                is_ending = true;
                connection.as_mut().graceful_shutdown();
            }
            _ = taking.tick() => {
                // Answers that wait since the last time, and none of them went on.
                let now = activity.taking.progress();
                if now.is_some() && now == stood {
                    return;
                }
                stood = now;
            }
            _ = idle.tick(), if !is_ending => {
                let requests = activity.requests.load(Ordering::Relaxed);
                if seen.replace(requests) == Some(requests) {
                    is_ending = true;
                    connection.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// Puts what the component means in the place of what it asked for.
fn fold(request: &mut Request<Body>) {
    let target = request.uri().path_and_query().and_then(|target| meant(target.as_str()));
    let Some(Ok(target)) = target.map(str::parse::<PathAndQuery>) else { return };
    let mut parts = request.uri().clone().into_parts();
    parts.path_and_query = Some(target);
    if let Ok(uri) = Uri::from_parts(parts) {
        *request.uri_mut() = uri;
    }
}

/// HTTP/2 names the host beside the path; whoever needs it looks for the header of HTTP/1.
fn name_host(request: &mut Request<Body>) {
    let host = request.uri().authority().and_then(|host| host.as_str().parse().ok());
    if let Some(host) = host {
        request.headers_mut().insert(HOST, host);
    }
}

fn protocol(header_limit: Duration, is_full: bool) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // It runs between requests, too; the first one's headers are bounded by the stream.
        .header_read_timeout(header_limit.max(IDLE_LIMIT))
        .max_buf_size(HEAD_BYTES)
        .max_headers(HEAD_COUNT)
        .keep_alive(is_full);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(PING_EVERY)
        .keep_alive_timeout(PING_EVERY)
        .max_concurrent_streams(STREAMS)
        .initial_connection_window_size(WINDOW)
        .initial_stream_window_size(WINDOW / 2)
        .max_header_list_size(u32::try_from(HEAD_BYTES).unwrap_or(u32::MAX));
    builder
}

/// The answer to everything but health on a connection beyond the limit.
fn overloaded(state: &AppState) -> Response {
    let error = HubError::new(&codes::OVERLOADED, "the hub has too many connections");
    let mut response = Failure::from(error).into_response();
    let id = RequestId::new(state);
    shape(&mut response, id.as_str(), state.hub.now());
    if let Ok(id) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert(REQUEST_ID, id);
    }
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
