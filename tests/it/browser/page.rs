//! Links opened in a browser: by key, by login, to edit, over and done with, without script and
//! without a mouse.

use super::{World, browse};
use crate::support::serving::PATIENCE;

const BUTTON: &str = "button.go";

#[test]
fn an_end_user_picks_an_app_and_links_it_by_key() {
    let world = World::start("");
    browse(&[], async |browser| {
        browser.open(&world.link("")).await;
        browser.heading("Connect an app").await;
        assert!(browser.text().await.contains("For Globex"));
        browser.show("list").await;
        browser.click(".apps li:nth-child(2) a").await;
        browser.heading("Connect Sample provider").await;
        browser.show("form-sample").await;
        browser.fill("#f-api_key", "sample-planted").await;
        // What is typed is hidden until its user wants to see it.
        let input = browser.find("#f-api_key").await;
        assert_eq!(input.attr("type").await.unwrap().as_deref(), Some("password"));
        browser.click(".reveal button").await;
        assert_eq!(input.attr("type").await.unwrap().as_deref(), Some("text"));
        browser.click(BUTTON).await;
        browser.heading("Sample provider is connected").await;
        browser.show("done").await;
        let address = browser.address().await;
        assert!(!address.contains("planted"), "{address}");
        let accounts = world.accounts();
        assert_eq!(accounts.len(), 1);
        assert_eq!(accounts[0]["origin_owner_id"], "acme-7");
        assert_eq!(accounts[0]["status"], "active");
        // Going back shows no secret, and another app can be linked.
        browser.driver.back().await.unwrap();
        browser.heading("Connect Sample provider").await;
        assert_eq!(browser.find("#f-api_key").await.value().await.unwrap().as_deref(), Some(""));
        browser.click(".back a").await;
        browser.heading("Connect an app").await;
    });
}

#[test]
fn a_wrong_key_is_told_in_plain_words_and_can_be_corrected() {
    let world = World::start("");
    browse(&[], async |browser| {
        browser.open(&world.link("--provider sample")).await;
        browser.heading("Connect Sample provider").await;
        assert!(!browser.has(".back").await, "there is nothing else to choose");
        browser.fill("#f-api_key", "planted-wrong-key").await;
        browser.click(BUTTON).await;
        let problem = browser.find("#problem").await;
        let told = problem.text().await.unwrap();
        for wanted in ["did not accept these details", "whole", "expired", "permissions"] {
            assert!(told.contains(wanted), "{wanted}: {told}");
        }
        assert_eq!(browser.focused().await, "problem");
        assert!(browser.driver.title().await.unwrap().starts_with("Error: "));
        let source = browser.driver.source().await.unwrap();
        assert!(!source.contains("planted-wrong-key"), "a secret is never sent back");
        browser.show("refused").await;
        assert!(world.accounts().is_empty());
        browser.fill("#f-api_key", "sample-right").await;
        browser.press("\u{e007}").await;
        browser.heading("Sample provider is connected").await;
        assert_eq!(world.accounts().len(), 1);
    });
}

#[test]
fn every_kind_of_field_is_shown_and_told_what_is_wrong_with_it() {
    let world = World::start("");
    browse(&[], async |browser| {
        browser.open(&world.link("--provider acme")).await;
        browser.heading("Connect Acme People").await;
        browser.click("summary").await;
        browser.show("form").await;
        // What is plainly wrong is told at once, and no secret is lost by it.
        browser.fill("#f-subdomain", "not a name").await;
        browser.fill("#f-api_key", "planted").await;
        browser.click(BUTTON).await;
        let error = browser.find("#f-subdomain-error").await.text().await.unwrap();
        assert_eq!(error, "use letters, digits and hyphens only");
        assert_eq!(browser.focused().await, "f-subdomain");
        let key = browser.find("#f-api_key").await;
        assert_eq!(key.value().await.unwrap().as_deref(), Some("planted"));
        assert!(!browser.has("#problem").await, "nothing was sent");
        browser.show("told-at-once").await;
        // What looks like a part of an address is the hub's to judge.
        browser.fill("#f-subdomain", "not.a.name").await;
        browser.fill("#f-mail", "no.body").await;
        browser.click(BUTTON).await;
        let problem = browser.find("#problem").await.text().await.unwrap();
        assert!(problem.contains("2 fields need your attention"), "{problem}");
        let input = browser.find("#f-subdomain").await;
        assert_eq!(input.value().await.unwrap().as_deref(), Some("not.a.name"));
        // The secret did not come back, and that is said.
        let key = browser.find("#f-api_key").await;
        assert_eq!(key.value().await.unwrap().as_deref(), Some(""));
        let hint = browser.find("#f-api_key-hint").await.text().await.unwrap();
        assert!(hint.contains("Enter this again"), "{hint}");
        assert_eq!(input.attr("aria-invalid").await.unwrap().as_deref(), Some("true"));
        let described = input.attr("aria-describedby").await.unwrap().unwrap();
        assert_eq!(described, "f-subdomain-error f-subdomain-hint");
        let error = browser.find("#f-subdomain-error").await.text().await.unwrap();
        assert_eq!(error, "use letters, digits and hyphens only");
        browser.show("invalid").await;
        // The summary leads to the field.
        browser.click("#problem a[href='#f-mail']").await;
        assert_eq!(browser.focused().await, "f-mail");
    });
}

#[test]
fn se_2_an_account_is_edited_without_its_secrets_being_shown() {
    let world = World::start("");
    browse(&[], async |browser| {
        browser.open(&world.link("--provider sample")).await;
        browser.fill("#f-api_key", "sample-planted-one").await;
        browser.click(BUTTON).await;
        browser.heading("Sample provider is connected").await;
        let id = world.accounts()[0]["id"].as_str().unwrap().to_owned();
        browser.open(&world.link(&format!("--account {id}"))).await;
        browser.heading("Change the connection to Sample provider").await;
        assert!(browser.text().await.contains("There is nothing to do unless"));
        let input = browser.find("#f-api_key").await;
        assert_eq!(input.value().await.unwrap().as_deref(), Some(""));
        assert!(browser.text().await.contains("Stored. Leave empty to keep it."));
        assert!(browser.text().await.contains("A secret that you leave empty stays"));
        assert!(!browser.driver.source().await.unwrap().contains("planted"));
        browser.show("edit").await;
        browser.click(BUTTON).await;
        browser.heading("Sample provider is connected").await;
        browser.open(&world.link(&format!("--account {id}"))).await;
        browser.fill("#f-api_key", "wrong").await;
        browser.click(BUTTON).await;
        browser.find("#problem").await;
        let accounts = world.accounts();
        assert_eq!(accounts.len(), 1);
        assert_eq!(accounts[0]["id"], id.as_str());
    });
}

/// A connector whose secrets are of several kinds; nothing calls it.
const SECRETIVE: &str = r#"{
    "key": "secretive", "name": "Secretive", "categories": ["hris"],
    "base_url": "https://secretive.example",
    "auth": [{ "key": "api_key", "type": "api_key", "label": "API key",
        "config_fields": [
            { "key": "key", "label": "Private key", "type": "text_area", "required": true, "secret": true },
            { "key": "api_key", "label": "API key", "type": "password", "required": true, "secret": true },
            { "key": "note", "label": "Note", "type": "text", "required": false }
        ],
        "authorization": { "type": "header", "header": { "X-Api-Key": "${api_key}", "X-Key": "${key}" } }
    }]
}"#;

#[test]
fn who_goes_back_finds_no_secret_of_any_kind() {
    let world = World::start("");
    world.home.file("secretive.json", SECRETIVE);
    world.home.run("connectors import secretive.json").code(0);
    world.home.run("connectors enable secretive").code(0);
    browse(&[], async |browser| {
        browser.open(&world.link("--provider secretive")).await;
        browser.heading("Connect Secretive").await;
        browser.fill("#f-key", "planted-private-key").await;
        browser.fill("#f-api_key", "planted-api-key").await;
        browser.click(BUTTON).await;
        browser.heading("Secretive is connected").await;
        browser.driver.back().await.unwrap();
        browser.find("#f-key").await;
        for field in ["#f-key", "#f-api_key"] {
            let value = browser.find(field).await.value().await.unwrap();
            assert_eq!(value.as_deref(), Some(""), "{field}");
        }
    });
}

#[test]
fn cs_21_what_is_typed_says_nothing_of_apps_that_are_not_on_the_page() {
    let world = World::start("");
    let rows: Vec<String> = (0..120)
        .map(|number| {
            let one =
                SECRETIVE.replace('\n', " ").replace("\"secretive\"", &format!("\"many{number}\""));
            one.replace("\"Secretive\"", &format!("\"Product {number:03}\""))
        })
        .collect();
    world.home.file("many.jsonl", rows.join("\n"));
    world.home.run("connectors import many.jsonl").code(0);
    let keys: String = (0..120).map(|number| format!(" many{number}")).collect();
    world.home.run(&format!("connectors enable{keys}")).code(0);
    browse(&[], async |browser| {
        let (link, count) = (world.link(""), "#count");
        browser.open(&link).await;
        let told = browser.find(count).await.text().await.unwrap();
        assert_eq!(told, "122 apps");
        // It is there, though not on the page.
        browser.fill("#q", "Product 119").await;
        let ask = "Press Enter or Search to look through all apps.";
        assert_eq!(browser.find(count).await.text().await.unwrap(), ask);
        browser.press("\u{e007}").await;
        browser.find("#q[value='Product 119']").await;
        assert_eq!(browser.find(count).await.text().await.unwrap(), "1 app");
        // Nor does what was found say anything of what was not.
        browser.fill("#q", "Product 118").await;
        assert_eq!(browser.find(count).await.text().await.unwrap(), ask);
        // Where all is shown, typing is enough.
        browser.open(&format!("{link}?category=hris")).await;
        browser.fill("#q", "119").await;
        assert_eq!(browser.find(count).await.text().await.unwrap(), ask);
        world
            .home
            .run(&format!("connectors delete{} --yes", &keys[..keys.find(" many30").unwrap()]))
            .code(0);
        browser.open(&link).await;
        browser.fill("#q", "pro-duct 119").await;
        assert_eq!(browser.find(count).await.text().await.unwrap(), "1 app");
        // Typed and sent, the same is found; who goes back finds it again.
        browser.press("\u{e007}").await;
        browser.find("#q[value='pro-duct 119']").await;
        assert_eq!(browser.find(count).await.text().await.unwrap(), "1 app");
        browser.click("#apps a").await;
        browser.heading("Connect Product 119").await;
        browser.click(".back a").await;
        browser.find("#q[value='pro-duct 119']").await;
        // What is misspelt finds what comes near.
        browser.open(&format!("{link}?q=prodct119")).await;
        let near = "No app fits your search. Did you mean:";
        assert_eq!(browser.find(count).await.text().await.unwrap(), near);
    });
}

#[test]
fn threat_09_a_link_that_is_over_says_so_and_has_no_form() {
    let world = World::start("");
    let over = world.home.run("session list --json").code(0).json();
    assert_eq!(over.as_array().unwrap().len(), 0);
    let link = world.link("--provider sample");
    world.home.run("session revoke 1 --yes").code(0);
    browse(&[], async |browser| {
        for address in [link.clone(), format!("{link}x"), format!("{}/connect/x", world.url())] {
            browser.open(&address).await;
            browser.heading("This link no longer works").await;
            assert!(!browser.has("form").await && !browser.has("input").await);
        }
        browser.show("gone").await;
    });
}

#[test]
fn threat_09_a_link_that_has_expired_says_so_in_its_own_words() {
    let world = World::start("");
    browse(&[], async |browser| {
        let link = world.link("--provider sample --expires-in 1");
        let until = std::time::Instant::now() + PATIENCE;
        let title = loop {
            browser.open(&link).await;
            let title = browser.find("h1").await.text().await.unwrap();
            if title != "Connect Sample provider" {
                break title;
            }
            assert!(std::time::Instant::now() < until, "a session of a second goes on");
        };
        assert_eq!(title, "This link has expired");
        assert!(!browser.has("form").await && !browser.has("input").await);
        assert!(browser.text().await.contains("Ask whoever sent it to you for a new one."));
        browser.show("expired").await;
        // With the name of who sent it, which a stranger's guess does not have.
        world.home.run("projects update default --display-name Northwind").code(0);
        browser.open(&link).await;
        browser.heading("This link has expired").await;
        assert_eq!(browser.find(".brand").await.text().await.unwrap(), "Northwind");
        browser.show("expired-brand").await;
        browser.open(&format!("{link}x")).await;
        browser.heading("This link no longer works").await;
        assert!(!browser.has(".brand").await);
    });
}

#[test]
fn everything_works_without_script() {
    let world = World::start("");
    browse(&["--blink-settings=scriptEnabled=false"], async |browser| {
        browser.open(&world.link("")).await;
        browser.heading("Connect an app").await;
        browser.click(".apps li:nth-child(2) a").await;
        browser.heading("Connect Sample provider").await;
        assert!(!browser.has(".reveal").await, "no script runs");
        browser.fill("#f-api_key", "wrong").await;
        browser.click(BUTTON).await;
        browser.find("#problem").await;
        browser.fill("#f-api_key", "sample-key").await;
        browser.click(BUTTON).await;
        browser.heading("Sample provider is connected").await;
        assert_eq!(world.accounts().len(), 1);
    });
}

#[test]
fn everything_works_with_the_keyboard_alone() {
    let world = World::start("");
    browse(&[], async |browser| {
        const TAB: &str = "\u{e004}";
        const ENTER: &str = "\u{e007}";
        browser.open(&world.link("")).await;
        browser.heading("Connect an app").await;
        browser.press(TAB).await;
        browser.press(TAB).await;
        assert!(browser.focused().await.contains("Sample provider"));
        let outline = "return getComputedStyle(document.activeElement).outlineStyle";
        let seen = browser.driver.execute(outline, Vec::new()).await.unwrap();
        assert_eq!(seen.json().as_str(), Some("solid"), "the focus can be seen");
        browser.press(ENTER).await;
        browser.heading("Connect Sample provider").await;
        let mut met = Vec::new();
        for _ in 0..4 {
            browser.press(TAB).await;
            met.push(browser.focused().await);
        }
        assert_eq!(met[1..], ["f-api_key", "Show", "Connect Sample provider"], "{met:?}");
        browser.find("#f-api_key").await.focus().await.unwrap();
        browser.press("sample-key").await;
        browser.press(ENTER).await;
        browser.heading("Sample provider is connected").await;
    });
}

#[test]
fn a_login_leads_to_the_provider_and_back_to_the_links_page() {
    let world = World::start("");
    world.logins("sample-app");
    browse(&[], async |browser| {
        let link = world.link("--provider sample");
        browser.open(&link).await;
        browser.heading("Connect Sample provider").await;
        assert!(browser.text().await.contains("You will sign in at Sample provider"));
        browser.show("login").await;
        browser.click(BUTTON).await;
        browser.click("button[value=deny]").await;
        browser.find("#problem").await;
        assert!(browser.text().await.contains("Access was not granted"));
        browser.show("login-denied").await;
        assert!(browser.address().await.starts_with(&link), "back on the link's own page");
        assert!(world.accounts().is_empty());
        browser.click(BUTTON).await;
        browser.click("button[value=allow]").await;
        browser.heading("Sample provider is connected").await;
        assert_eq!(world.accounts().len(), 1);
        // The cookies of the login are gone.
        browser.open(&format!("{}/connect/oauth2/x", world.url())).await;
        assert!(browser.driver.get_all_cookies().await.unwrap().is_empty());
    });
}

#[test]
fn a_login_works_without_script_too() {
    let world = World::start("");
    world.logins("sample-auto");
    browse(&["--blink-settings=scriptEnabled=false"], async |browser| {
        browser.open(&world.link("--provider sample")).await;
        browser.click(BUTTON).await;
        browser.heading("Sample provider is connected").await;
        assert_eq!(world.accounts().len(), 1);
    });
}

#[test]
fn threat_26_only_registered_origins_may_frame_the_page() {
    let outer = crate::support::http::FakeHub::start(|asked, _| {
        let inner = asked.param("of").unwrap();
        let html = format!("<!doctype html><title>outer</title><iframe src=\"{inner}\"></iframe>");
        crate::support::http::Reply::text(200, "text/html", html)
    });
    let (closed, open) = (World::start(""), World::start(&format!("--app-origin {}", outer.url())));
    browse(&[], async |browser| {
        for (world, framed) in [(&closed, false), (&open, true)] {
            let link = world.link("--provider sample");
            browser.open(&format!("{}/?of={link}", outer.url())).await;
            let frame = browser.find("iframe").await;
            frame.enter_frame().await.unwrap();
            if framed {
                browser.heading("Connect Sample provider").await;
                // The form works where the page is framed.
                browser.fill("#f-api_key", "sample-key").await;
                browser.click(BUTTON).await;
                browser.heading("Sample provider is connected").await;
            } else {
                assert!(!browser.has("form").await, "{}", browser.text().await);
            }
            browser.driver.enter_default_frame().await.unwrap();
        }
    });
}

/// A login from a page that another site frames; in a browser's frame of another site no cookie of
/// the login would be kept.
fn logs_in_from_a_frame(flags: &[&str]) {
    let outer = crate::support::http::FakeHub::start(|asked, _| {
        let inner = asked.param("of").unwrap();
        let html = format!("<!doctype html><title>outer</title><iframe src=\"{inner}\"></iframe>");
        crate::support::http::Reply::text(200, "text/html", html)
    });
    let site = outer.url().replace("127.0.0.1", "localhost");
    let world = World::start(&format!("--app-origin {site}"));
    world.logins("sample-app");
    browse(flags, async |browser| {
        browser.open(&format!("{site}/?of={}", world.link("--provider sample"))).await;
        let product = browser.driver.window().await.unwrap();
        browser.find("iframe").await.enter_frame().await.unwrap();
        browser.heading("Connect Sample provider").await;
        assert!(browser.text().await.contains("in a new window"));
        browser.click(BUTTON).await;
        let until = std::time::Instant::now() + PATIENCE;
        let window = loop {
            let windows = browser.driver.windows().await.unwrap();
            if let Some(other) = windows.into_iter().find(|window| *window != product) {
                break other;
            }
            assert!(std::time::Instant::now() < until, "no window opens");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        };
        browser.driver.switch_to_window(window).await.unwrap();
        browser.click("button[value=allow]").await;
        browser.heading("Sample provider is connected").await;
        assert_eq!(world.accounts().len(), 1);
        // What it came from can be used as before.
        browser.driver.switch_to_window(product).await.unwrap();
        browser.find("iframe").await.enter_frame().await.unwrap();
        assert!(!browser.has("button[aria-disabled]").await);
    });
}

#[test]
fn a_framed_page_leaves_its_frame_for_a_login() {
    logs_in_from_a_frame(&[]);
}

#[test]
fn a_framed_page_leaves_its_frame_for_a_login_without_script_too() {
    logs_in_from_a_frame(&["--blink-settings=scriptEnabled=false"]);
}

#[test]
fn threat_28_a_form_of_another_site_is_refused_by_what_the_browser_says_of_it() {
    let world = World::start("");
    let link = world.link("--provider sample");
    let config = world.home.run("connectors list --json").code(0).json();
    let config = config.as_array().unwrap().iter().find(|row| row["connector_key"] == "sample");
    let config = config.unwrap()["id"].as_str().unwrap().to_owned();
    let action = format!("{link}/{config}");
    let site = crate::support::http::FakeHub::start(move |_, _| {
        // It knows the link, and so everything that the link's own form has.
        let html = format!(
            "<!doctype html><title>evil</title><form method=post action=\"{action}\">\
             <input name=v.api_key value=sample-theirs><button class=go>Win</button></form>"
        );
        crate::support::http::Reply::text(200, "text/html", html)
    });
    browse(&[], async |browser| {
        browser.open(&site.url().replace("127.0.0.1", "localhost")).await;
        browser.click(BUTTON).await;
        browser.heading("This did not come from this page").await;
        assert!(world.accounts().is_empty());
        browser.show("foreign").await;
    });
}
