//! The layers around routes that no hub has: ones that panic, dawdle and repeat themselves.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::routing::{get, post};
use http::{Request, Response, StatusCode};
use hubctl::server::{AppState, Options, Stop, reply, router};
use serde_json::{Value, json};
use tower::ServiceExt as _;

use crate::support::hub::{TestHub, block_on, sqlite_world};

async fn panics() -> Response<Body> {
    panic!("planted-text of a panic");
}

async fn dawdles() -> Response<Body> {
    std::future::pending().await
}

async fn repeats() -> Response<Body> {
    reply(StatusCode::OK, json!({ "text": "again ".repeat(1_000) }))
}

/// The service, its state, and the folder that its store is in.
fn service() -> (Router, AppState, tempfile::TempDir) {
    let TestHub { hub, folder, .. } = sqlite_world();
    let mut options = Options::at(([127, 0, 0, 1], 0).into());
    options.request_limit = Duration::from_millis(50);
    let state = AppState::new(Arc::new(hub), &options, Stop::default(), None);
    let routes = Router::new()
        .route("/panics", get(panics))
        .route("/dawdles", get(dawdles))
        .route("/repeats", get(repeats).post(repeats))
        .route("/plain", post(async || (StatusCode::IM_A_TEAPOT, "plain text")));
    (router(state.clone(), routes), state, folder)
}

async fn ask(service: &Router, method: &str, path: &str, zip: bool) -> (Response<()>, Vec<u8>) {
    let mut request = Request::builder().method(method).uri(path);
    if zip {
        request = request.header("accept-encoding", "gzip");
    }
    let request = request.body(Body::empty()).unwrap();
    let (parts, body) = service.clone().oneshot(request).await.unwrap().into_parts();
    let bytes = to_bytes(body, 1 << 20).await.unwrap();
    (Response::from_parts(parts, ()), bytes.to_vec())
}

#[test]
fn a_panic_is_one_answer_and_no_end() {
    let (service, _, _folder) = service();
    block_on(async {
        for _ in 0..3 {
            let (head, body) = ask(&service, "GET", "/panics", false).await;
            assert_eq!(head.status(), 500);
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(body["code"], "internal.unexpected");
            assert_eq!(body["request_id"], head.headers()["x-request-id"].to_str().unwrap());
            assert!(!body.to_string().contains("planted"), "{body}");
        }
        assert_eq!(ask(&service, "GET", "/healthz", false).await.0.status(), 200);
    });
}

#[test]
fn a_handler_that_takes_too_long_is_given_up() {
    let (service, _, _folder) = service();
    block_on(async {
        let (head, body) = ask(&service, "GET", "/dawdles", false).await;
        assert_eq!(head.status(), 408);
        assert_eq!(head.headers()["retry-after"], "60");
        let body: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!(body["statusCode"], 408);
    });
}

#[test]
fn only_answers_that_hold_no_secret_are_compressed() {
    let (service, _, _folder) = service();
    block_on(async {
        let zipped = |head: &Response<()>| head.headers().contains_key("content-encoding");
        let (head, body) = ask(&service, "GET", "/repeats", true).await;
        assert!(zipped(&head) && body.len() < 1_000, "{head:?}");
        assert!(!zipped(&ask(&service, "GET", "/repeats", false).await.0));
        // What creates something may answer with its secret.
        assert!(!zipped(&ask(&service, "POST", "/repeats", true).await.0));
        assert!(!zipped(&ask(&service, "GET", "/healthz", true).await.0));
    });
}

#[test]
fn no_wish_for_an_encoding_changes_what_is_told_of_the_work() {
    let (service, _, _folder) = service();
    block_on(async {
        for wish in ["*;q=0", "br, *;q=0", "identity;q=0", "gzip;q=0, identity;q=0", "br"] {
            let request = Request::builder().uri("/repeats").header("accept-encoding", wish);
            let request = request.body(Body::empty()).unwrap();
            let answer = service.clone().oneshot(request).await.unwrap();
            assert_eq!(answer.status(), 200, "{wish}");
            assert!(!answer.headers().contains_key("content-encoding"), "{wish}");
        }
        let request =
            Request::builder().uri("/repeats").header("accept-encoding", "br, GZIP;q=0.5");
        let answer = service.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(answer.headers()["content-encoding"], "gzip");
    });
}

#[test]
fn errors_of_the_framework_get_the_contracts_body() {
    let (service, _, _folder) = service();
    block_on(async {
        let asked =
            [("GET", "/nothing", 404), ("DELETE", "/repeats", 405), ("POST", "/plain", 418)];
        for (method, path, status) in asked {
            let (head, body) = ask(&service, method, path, false).await;
            assert_eq!(head.status(), status);
            let body: Value = serde_json::from_slice(&body).unwrap();
            assert!(body["message"].is_string() && body["timestamp"].is_string(), "{body}");
            assert_eq!(head.headers()["content-type"], "application/json");
            assert_eq!(head.headers()["cache-control"], "no-store");
            assert_eq!(head.headers()["x-content-type-options"], "nosniff");
            assert!(!head.headers().contains_key("access-control-allow-origin"));
            assert_eq!(body["statusCode"], status, "{body}");
        }
        let (head, _) = ask(&service, "DELETE", "/repeats", false).await;
        let allowed = head.headers()["allow"].to_str().unwrap();
        assert!(allowed.contains("GET") && allowed.contains("POST"), "{allowed}");
    });
}
