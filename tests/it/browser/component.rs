//! `StackOne`'s own web component in a page of another origin, against a hub.

use std::fs;

use super::{Browser, World, browse, fetched};
use crate::support::http::{FakeHub, Reply};

/// A product's page: the component, told where its hub is.
fn product() -> FakeHub {
    let script = fs::read(fetched("@stackone/hub/dist/webcomponent.js")).unwrap();
    FakeHub::start(move |asked, _| {
        if asked.path.starts_with("/hub.js") {
            return Reply::text(200, "text/javascript", script.clone());
        }
        let html = format!(
            "<!doctype html><html lang=en><meta charset=utf-8><title>A product</title><h1>Product</h1>\
             <script>window.told = [];\
             addEventListener('message', (e) => told.push(e.data));</script>\
             <script src=/hub.js></script>\
             <stackone-hub token=\"{}\" base-url=\"{}\" app-url=\"{}\" mode=integration-picker \
             height=700px debug></stackone-hub>\
             <script>const hub = document.querySelector('stackone-hub');\
             for (const name of ['success', 'close']) hub.addEventListener(name, (e) =>\
             told.push({{ name, detail: e.detail }}));</script>",
            asked.param("token").unwrap(),
            asked.param("hub").unwrap(),
            asked.param("app").unwrap_or_default(),
        );
        Reply::text(200, "text/html", html)
    })
}

/// Runs a script within the component, wherever it keeps what it shows.
async fn within(browser: &Browser, script: &str) -> serde_json::Value {
    let all = "const all = (root) => [...root.querySelectorAll('*')].flatMap((e) =>
        e.shadowRoot ? [e, ...all(e.shadowRoot)] : [e]);
        const text = () => all(document).filter((e) => !['STYLE', 'SCRIPT'].includes(e.tagName)).map((e) => [...e.childNodes]
            .filter((n) => n.nodeType === 3).map((n) => n.data).join('')).join(' ');
        const press = (label) => { const found = all(document).filter((e) =>
            e.tagName === 'BUTTON' && e.textContent.trim() === label && !e.disabled);
            if (found.length) found[0].click(); return found.length > 0; };
        const pick = (label) => { const found = all(document).filter((e) =>
            e.children.length === 0 && e.textContent.trim() === label);
            if (found.length) found[0].click(); return found.length > 0; };
        const fill = (value) => { const found = all(document).filter((e) => e.tagName === 'INPUT'
            && ['text', 'password'].includes(e.type) && !/search/i.test(e.placeholder));
            if (!found.length) return false; const set = Object.getOwnPropertyDescriptor(
            HTMLInputElement.prototype, 'value').set; set.call(found[0], value);
            found[0].dispatchEvent(new Event('input', { bubbles: true, composed: true }));
            found[0].dispatchEvent(new Event('change', { bubbles: true, composed: true }));
            return true; };";
    let ran = browser.driver.execute(format!("{all} return {script}"), Vec::new()).await;
    ran.unwrap().json().clone()
}

/// Waits until a script within the component says true.
async fn until(browser: &Browser, script: &str) {
    let end = std::time::Instant::now() + crate::support::serving::PATIENCE;
    while within(browser, script).await != serde_json::json!(true) {
        if std::time::Instant::now() > end {
            browser.picture("component-stuck").await;
            let text = within(browser, "text()").await;
            panic!("never true: {script}; {text}");
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
}

#[test]
fn hb_16_the_vendors_component_links_by_key_from_another_origin() {
    let world = World::start("");
    browse(&[], async |browser| {
        let page = product();
        let token = world.token("");
        browser.open(&format!("{}/?token={token}&hub={}", page.url(), world.url())).await;
        until(browser, "pick('Sample provider')").await;
        until(browser, "/API key/.test(text())").await;
        browser.picture("component-form").await;
        until(browser, "fill('wrong')").await;
        until(browser, "press('Connect')").await;
        // HB-12: the provider's refusal is shown as one.
        until(browser, "/refuses the credentials/.test(text())").await;
        browser.picture("component-refused").await;
        assert!(world.accounts().is_empty());
        browser.open(&format!("{}/?token={token}&hub={}", page.url(), world.url())).await;
        until(browser, "pick('Sample provider')").await;
        until(browser, "fill('sample-key')").await;
        until(browser, "press('Connect')").await;
        until(browser, "told.some((one) => one.name === 'success' && one.detail)").await;
        let accounts = world.accounts();
        assert_eq!(accounts.len(), 1);
        let told = within(browser, "told.find((one) => one.name === 'success').detail").await;
        assert_eq!(told["id"], accounts[0]["id"], "{told}");
        assert_eq!(told["provider"], "sample");
    });
}

#[test]
fn oa_2_the_vendors_component_links_by_a_login_in_a_window_of_its_own() {
    let world = World::start("");
    world.logins("sample-app");
    browse(&[], async |browser| {
        let page = product();
        let token = world.token("--provider sample");
        let app = page.url();
        let address = format!("{}/?token={token}&hub={}&app={app}", page.url(), world.url());
        browser.open(&address).await;
        until(browser, "press('Connect')").await;
        let product = browser.driver.window().await.unwrap();
        let end = std::time::Instant::now() + crate::support::serving::PATIENCE;
        let window = loop {
            let windows = browser.driver.windows().await.unwrap();
            if let Some(other) = windows.into_iter().find(|window| *window != product) {
                break other;
            }
            assert!(std::time::Instant::now() < end, "no window opens");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        };
        browser.driver.switch_to_window(window).await.unwrap();
        browser.click("button[value=allow]").await;
        browser.driver.switch_to_window(product).await.unwrap();
        until(browser, "told.some((one) => one.name === 'success' && one.detail)").await;
        assert_eq!(world.accounts().len(), 1);
        // OA-11: nothing is registered, so the window ended on the hub's own page and closed.
        while browser.driver.windows().await.unwrap().len() > 1 {
            assert!(std::time::Instant::now() < end, "the window stays");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    });
}
