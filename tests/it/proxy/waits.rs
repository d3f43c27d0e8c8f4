//! What is told of a provider that can't do something just now, on a store of one's own and on a
//! hub elsewhere.

use serde_json::{Value, json};

use crate::support::cli::TestHome;
use crate::support::http::{FakeHub, Reply};

use super::{CREDENTIAL, World, address};

/// The failure of a refresh at a token end point that answers this: on the store, and on a hub
/// elsewhere.
fn told(answer: Reply) -> [Value; 2] {
    let provider = FakeHub::start(move |_, _| answer.clone());
    let world = World::with_tokens(address(&provider));
    let key = world.home.key("away", &["platform:read", "platform:write"]);
    let serving = world.home.serve("--rate-limit 0 --allow-target 127.0.0.0/8");
    let away = TestHome::new()
        .with("HUBCTL_API_URL", format!("http://{}", serving.address))
        .with("HUBCTL_API_KEY", key);
    let line = format!("accounts refresh {} --json", world.account);
    [&world.home, &away].map(|home| {
        let ended = home.run(&line);
        assert!(!ended.stderr.contains(CREDENTIAL), "{ended:?}");
        ended.error()
    })
}

#[test]
fn a_provider_that_asks_to_wait_is_told_alike_wherever_the_hub_is() {
    let used_up = json!({"error": "slow_down", "error_description": "daily quota used up"});
    let answer = Reply::json(429, &used_up).header("retry-after", "600");
    let told = told(answer).map(|error| {
        assert_eq!(error["code"], "provider.rate_limited", "{error}");
        assert_eq!((&error["exit_code"], &error["retryable"]), (&json!(9), &json!(true)));
        let detail = &error["details"][0];
        assert_eq!(detail["provider_status"], 429, "{error}");
        let until = detail["retry_at"].as_str().unwrap();
        let (message, at) =
            error["message"].as_str().unwrap().split_once("; try again after ").unwrap();
        assert_eq!(at, until, "{error}");
        assert!(message.contains("daily quota used up"), "{error}");
        (message.to_owned(), detail["provider_code"].clone(), error["hint"].clone())
    });
    assert_eq!(told[0], told[1]);
}

#[test]
fn a_provider_with_a_problem_of_its_own_is_told_alike_wherever_the_hub_is() {
    let broken = json!({"error": "server_error", "error_description": "out of paper"});
    let told = told(Reply::json(503, &broken)).map(|error| {
        assert_eq!(
            (&error["code"], &error["exit_code"]),
            (&json!("provider.unreachable"), &json!(10))
        );
        assert!(error["message"].as_str().unwrap().contains("out of paper"), "{error}");
        assert_eq!(error["details"][0]["provider_status"], 503, "{error}");
        (error["message"].clone(), error["details"].clone(), error["hint"].clone())
    });
    assert_eq!(told[0], told[1]);
}
