//! `StackOne`'s own client library, unchanged, against a hub.

use std::process::{Command, Output, Stdio};

use serde_json::json;

use crate::support::cli::TestHome;
use crate::support::npm::fetch;

use super::Api;

const FOLDER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sdk");
const SCRIPT: &str = include_str!("../../sdk/platform.mjs");

fn run(command: &mut Command) -> Output {
    let told = format!("{command:?}");
    let output = command.current_dir(FOLDER).stdin(Stdio::null()).output();
    output.unwrap_or_else(|error| panic!("Node.js with npm is needed: {told}: {error}"))
}

#[test]
fn the_vendors_own_sdk_works_against_a_hub() {
    fetch(FOLDER);
    let home = TestHome::new();
    home.run("connectors enable bamboohr").code(0);
    let (serving, api) = Api::serve(&home, "");
    for number in 1..=30 {
        let body = json!({
            "provider": "bamboohr", "origin_owner_id": format!("owner-{number}"),
            "origin_owner_name": format!("Owner {number}"),
            "credentials": { "api_key": "planted", "subdomain": "acme" }, "verify": false,
        });
        api.post("/admin/accounts", &body).status(201);
    }
    let key = home.key("sdk", &["platform:read", "platform:write"]);
    let mut command = Command::new("node");
    command.arg("platform.mjs").env("HUB_URL", format!("http://{}", serving.address));
    // Nothing but the hub is to be asked, whatever the machine is set up for.
    for name in ["http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "NODE_OPTIONS"] {
        command.env_remove(name);
    }
    let output = run(command.env("HUB_KEY", key));
    let told = String::from_utf8_lossy(&output.stdout);
    let problem = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{told}{problem}\n{:#?}", serving.log());
    let names = SCRIPT.split("await check(\"").skip(1).map(|rest| rest.split('"').next().unwrap());
    let wanted: Vec<String> = names.map(|name| format!("ok {name}")).collect();
    assert!(wanted.len() >= 10, "{wanted:?}");
    assert_eq!(told.lines().collect::<Vec<_>>(), wanted);
}
