//! What is sent twice, and what is not.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::support::http::{FakeHub, Reply};
use crate::support::serving::Client;

use super::{World, address, of_provider, told, with_tokens};

fn calls(provider: &FakeHub, route: &str) -> usize {
    provider.routes().iter().filter(|found| *found == route).count()
}

#[test]
fn a_401_leads_to_one_refresh_and_one_repeat() {
    // The first token was revoked at the provider, without a word.
    let provider = with_tokens(|_, token| match token {
        2 => Reply::json(200, &json!({"ok": true})),
        _ => Reply::json(401, &json!({"error": "revoked"})),
    });
    let world = World::with_old_tokens(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    assert_eq!(told(served.ask(&json!({"path": "/x"})))["status"], 200);
    assert_eq!((calls(&provider, "GET /api/x"), calls(&provider, "POST /token")), (2, 2));
    // The new token is kept.
    assert_eq!(told(served.ask(&json!({"path": "/x"})))["status"], 200);
    assert_eq!((calls(&provider, "GET /api/x"), calls(&provider, "POST /token")), (3, 2));
}

#[test]
fn a_write_is_repeated_with_an_idempotency_key_alone() {
    let provider = with_tokens(|asked, token| {
        let is_late = token > 2;
        let status = if is_late { 200 } else { 401 };
        Reply::json(status, &json!({"sent": String::from_utf8_lossy(&asked.body)}))
    });
    let world = World::with_old_tokens(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    let call = json!({"method": "post", "path": "/x", "body": {"a": 1}});
    assert_eq!(told(served.ask(&call))["status"], 401);
    assert_eq!((calls(&provider, "POST /api/x"), calls(&provider, "POST /token")), (1, 2));
    world.let_tokens_age();
    let mut keyed = call;
    keyed["headers"] = json!({"Idempotency-Key": "k-1"});
    let answer = told(served.ask(&keyed));
    assert_eq!((&answer["status"], &answer["data"]["sent"]), (&json!(200), &json!("{\"a\":1}")));
    assert_eq!((calls(&provider, "POST /api/x"), calls(&provider, "POST /token")), (3, 3));
}

/// A provider that does not accept the first token any more.
fn without_the_first() -> FakeHub {
    with_tokens(|_, token| match token {
        2 => Reply::json(200, &json!({"ok": true})),
        _ => Reply::json(401, &json!({"error": "revoked"})),
    })
}

#[test]
fn oa_13_a_write_that_is_sent_once_has_its_token_renewed_for_the_next() {
    let provider = without_the_first();
    let world = World::with_old_tokens(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    let call = json!({"method": "post", "path": "/x", "body": {"a": 1}});
    let first = told(served.ask(&call));
    assert_eq!((&first["status"], &first["data"]["error"]), (&json!(401), &json!("revoked")));
    assert_eq!((calls(&provider, "POST /api/x"), calls(&provider, "POST /token")), (1, 2));
    assert_eq!(told(served.ask(&call))["status"], 200);
    assert_eq!((calls(&provider, "POST /api/x"), calls(&provider, "POST /token")), (2, 2));
}

#[test]
fn oa_13_a_streamed_write_has_its_token_renewed_for_the_next() {
    let provider = without_the_first();
    let world = World::with_old_tokens(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    // A body that is passed on as it comes can't be sent twice, whatever the call allows.
    let (keyed, long) = ("Idempotency-Key: k-1\r\n", vec![b'x'; 256 << 10]);
    let first = served.pass("POST", "/x", keyed, &long);
    assert_eq!(of_provider(&first), Some(401));
    assert_eq!(first.json()["error"], "revoked");
    let second = served.pass("POST", "/x", keyed, &long);
    assert_eq!(of_provider(&second), Some(200));
    assert_eq!((calls(&provider, "POST /api/x"), calls(&provider, "POST /token")), (2, 2));
}

/// A provider that refuses every call, and answers so to whoever wants a second token.
fn with_one_token(then: Reply) -> FakeHub {
    FakeHub::start(move |asked, number| match (asked.path.as_str(), number) {
        ("/token", 0) => Reply::json(200, &json!({"access_token": "t", "token_type": "bearer"})),
        ("/token", _) => then.clone(),
        _ => Reply::json(401, &json!({"error": "revoked"})),
    })
}

#[test]
fn oa_14_a_refresh_that_is_refused_hides_no_401_and_ends_the_account() {
    let provider = with_one_token(Reply::json(400, &json!({"error": "invalid_grant"})));
    let world = World::with_old_tokens(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    let call = json!({"method": "post", "path": "/x", "body": {"a": 1}});
    let answer = told(served.ask(&call));
    assert_eq!((&answer["status"], &answer["data"]["error"]), (&json!(401), &json!("revoked")));
    let account = format!("accounts get {} --json", world.account);
    assert_eq!(world.home.run(&account).code(0).json()["status"], "error");
    served.ask(&call).status(412);
}

#[test]
fn a_refresh_that_takes_long_does_not_hold_the_401_of_a_write() {
    let provider = with_one_token(Reply::silence());
    let world = World::with_old_tokens(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    let began = Instant::now();
    let call = json!({"method": "post", "path": "/x", "body": {"a": 1}});
    assert_eq!(told(served.ask(&call))["status"], 401);
    // Less than a provider has time to answer.
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert_eq!((calls(&provider, "POST /api/x"), calls(&provider, "POST /token")), (1, 2));
}

#[test]
fn threat_24_a_command_ends_with_the_refresh_that_it_began() {
    let token = |number: usize| {
        let token = format!("token-{number}");
        Reply::json(200, &json!({"access_token": token, "token_type": "bearer"}))
    };
    let provider = FakeHub::start(move |asked, number| match (asked.path.as_str(), number) {
        ("/token", 0) => token(1),
        ("/token", _) => {
            // Longer than the answer to a write waits.
            let until = Instant::now() + Duration::from_secs(7);
            while Instant::now() < until {
                std::thread::park_timeout(Duration::from_millis(50));
            }
            token(2)
        }
        _ if asked.header("authorization") == "Bearer token-2" => Reply::json(200, &json!({})),
        _ => Reply::json(401, &json!({"error": "revoked"})),
    });
    let world = World::with_old_tokens(address(&provider));
    let account = &world.account;
    world.home.run(&format!("request POST /x -F a=1 --account {account}")).code(4);
    world.home.run(&format!("request GET /x --account {account}")).code(0);
    assert_eq!((calls(&provider, "GET /api/x"), calls(&provider, "POST /token")), (1, 2));
}

#[test]
fn a_401_that_stays_is_passed_back() {
    let provider = with_tokens(|_, _| Reply::json(401, &json!({"error": "never"})));
    let world = World::with_old_tokens(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    let answer = told(served.ask(&json!({"path": "/x"})));
    assert_eq!((&answer["status"], &answer["data"]["error"]), (&json!(401), &json!("never")));
    assert_eq!(calls(&provider, "GET /api/x"), 2);
}

#[test]
fn oa_13_a_token_that_was_just_renewed_is_not_renewed_for_a_401() {
    // It is the path that the provider wants other credentials for.
    let provider = with_tokens(|_, _| Reply::json(401, &json!({"error": "not for you"})));
    let world = World::with_old_tokens(address(&provider));
    let tokens = || calls(&provider, "POST /token");
    let served = world.serve("--allow-target 127.0.0.0/8");
    let read = json!({"path": "/x"});
    let write = json!({"method": "post", "path": "/x", "body": {"a": 1}});
    for call in [&read, &read, &write, &write] {
        assert_eq!(told(served.ask(call))["status"], 401);
    }
    assert_eq!((calls(&provider, "GET /api/x"), tokens()), (3, 2));
    // In another process it is the same.
    let account = &world.account;
    world.home.run(&format!("request GET /x --account {account}")).code(4);
    assert_eq!((calls(&provider, "GET /api/x"), tokens()), (4, 2));
    // It may have been revoked since.
    world.let_tokens_age();
    assert_eq!(told(served.ask(&read))["status"], 401);
    assert_eq!((calls(&provider, "GET /api/x"), tokens()), (6, 3));
    // Whoever asks for new ones gets them.
    world.home.run(&format!("accounts refresh {account}")).code(0);
    assert_eq!(tokens(), 4);
}

#[test]
fn a_401_to_an_api_key_is_passed_back_at_once() {
    let provider = FakeHub::script(vec![Reply::json(401, &json!({"error": "bad key"}))]);
    let world = World::at(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    assert_eq!(told(served.ask(&json!({"path": "/x"})))["status"], 401);
    assert_eq!(provider.asked().len(), 1);
}

#[test]
fn a_429_is_waited_for_within_bounds_and_passed_back_beyond_them() {
    let limited = |wait: &str| Reply::json(429, &json!({})).header("retry-after", wait);
    let provider = FakeHub::script(vec![
        limited("1"),
        Reply::json(200, &json!({"ok": true})),
        limited("60"),
        limited("1"),
        Reply::json(200, &json!({})),
    ]);
    let world = World::at(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    let began = Instant::now();
    assert_eq!(told(served.ask(&json!({"path": "/x"})))["status"], 200);
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert_eq!(provider.asked().len(), 2);
    // Longer than anybody waits.
    let answer = told(served.ask(&json!({"path": "/x"})));
    assert_eq!((&answer["status"], &answer["headers"]["retry-after"]), (&json!(429), &json!("60")));
    assert_eq!(provider.asked().len(), 3);
    // A write may not be sent twice.
    let answer = told(served.ask(&json!({"method": "post", "path": "/x", "body": {}})));
    assert_eq!(answer["status"], 429);
    assert_eq!(provider.asked().len(), 4);
}

#[test]
fn sixty_four_calls_at_once_share_one_refresh() {
    let provider = with_tokens(|_, token| match token {
        2 => Reply::json(200, &json!({"ok": true})),
        _ => Reply::json(401, &json!({})),
    });
    let world = World::with_old_tokens(address(&provider));
    let served = world.serve("--allow-target 127.0.0.0/8");
    let headers = format!("{}x-account-id: {}\r\n", served.headers(), world.account);
    let address = served.serving.address;
    let ask = || {
        let answer = Client::to(address).post("/unified/proxy", &headers, "{\"path\":\"/x\"}");
        told(answer)["status"].clone()
    };
    std::thread::scope(|scope| {
        let all: Vec<_> = (0..64).map(|_| scope.spawn(ask)).collect();
        for one in all {
            assert_eq!(one.join().unwrap(), 200);
        }
    });
    assert_eq!(calls(&provider, "POST /token"), 2);
}
