//! `accounts explain` and the card of an account, as a terminal shows them.

use crate::support::cli::TestHome;

/// What a command shows on a terminal.
fn shown(home: &TestHome, line: &str) -> String {
    home.terminal(&format!("{line} --utc")).exp_eof().unwrap()
}

fn linked() -> (TestHome, String) {
    let home = TestHome::new();
    home.run("connectors enable bamboohr").code(0);
    let id = home.account("bamboohr", "acme-1", "--set subdomain=acme --set api_key=planted-key");
    (home, id)
}

#[test]
fn an_account_that_is_refused_was_asked_about() {
    let (home, id) = linked();
    let card = shown(&home, &format!("accounts get {id}"));
    assert!(card.contains("no: the provider was not asked"), "{card}");
    home.place().raw(
        "update accounts set status = 'error', reasons = \
         '[{\"timestamp\":\"2026-06-01T00:00:00Z\",\"code\":\"credentials_refused\",\
         \"description\":\"the key was revoked\"}]'",
    );
    let refused = "no: the provider refuses the credentials";
    let card = shown(&home, &format!("accounts get {id}"));
    assert!(card.contains(refused) && card.contains("the key was revoked, since "), "{card}");
    let told = shown(&home, &format!("accounts explain {id}"));
    assert!(told.contains(" is in error and can't be used."), "{told}");
    home.run(&format!("accounts suspend {id} --yes")).code(0);
    let card = shown(&home, &format!("accounts get {id}"));
    assert!(card.contains(refused), "{card}");
}

#[test]
fn times_in_the_words_of_the_hub_are_those_of_the_terminal() {
    let (home, id) = linked();
    // Until the year 3000 nobody tries again.
    home.place().raw(
        "update account_credentials set token_expires_at = 1000, failing_since = 1000, \
         failures = 1, refresh_after = 32503680000000, \
         failure = '{\"class\":\"transient\",\"message\":\"busy\"}'",
    );
    let told = shown(&home, &format!("accounts explain {id}"));
    for part in ["and can't be used.", "(1970-01-01 00:00 UTC) and can't be renewed: busy"] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert!(told.contains("token: ended ") && told.contains("next try in "), "{told}");
    let checks = shown(&home, &format!("doctor account {id} --offline"));
    assert!(checks.contains("failed   token: its access token ended "), "{checks}");
    // Its last line counts, since each check was told above.
    assert!(checks.contains("1 check failed"), "{checks}");
    for text in [told, checks] {
        assert!(!text.contains("T00:00:"), "{text}");
    }
    // Programs get the whole instant.
    let told = home.run(&format!("accounts explain {id} --json")).code(0);
    assert!(told.stdout.contains("ended at 1970-01-01T00:00:01.000Z"), "{}", told.stdout);
}

#[test]
fn who_did_it_leads_to_the_call_in_the_log() {
    let (home, id) = linked();
    home.run(&format!("accounts suspend {id} --yes")).code(0);
    let key = home.key("colleague", &["platform:read", "platform:write"]);
    let serving = home.serve("");
    let away = TestHome::new()
        .with("HUBCTL_API_URL", format!("http://{}", serving.address))
        .with("HUBCTL_API_KEY", key);
    away.run("connectors disable bamboohr --yes").code(0);
    let told = away.run(&format!("accounts explain {id} --json")).code(0).json();
    let [suspended, disabled] = [&told["findings"][0], &told["findings"][1]];
    // A command on a store of its own is in the log only where it called a provider.
    assert_eq!(suspended["actor"], "local administrator");
    assert!(suspended["request_id"].is_null(), "{told}");
    assert_eq!(disabled["actor"], "api key colleague");
    let request = disabled["request_id"].as_str().unwrap();
    let row = away.run(&format!("logs get {request} --json")).code(0).json();
    assert!(row["path"].as_str().unwrap().ends_with("/disable"), "{row}");
    let told = shown(&away, &format!("accounts explain {id}"));
    assert!(told.contains(&format!("hubctl logs get {request}")), "{told}");
    assert!(!told.contains("operation"), "{told}");
}
