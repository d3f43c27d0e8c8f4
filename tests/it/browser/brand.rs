//! A project's own look in a browser: its name, logo and colours, for everybody to read.

use super::{World, browse};

/// A logo that would also run something, if pictures did.
const LOGO: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 64 64\">\
    <script>document.title = 'ran'; parent.ran = true</script>\
    <rect width=\"64\" height=\"64\" rx=\"14\" fill=\"#0f766e\"/>\
    <path d=\"M18 46 32 16l14 30h-8l-6-14-6 14z\" fill=\"#fff\"/></svg>";

impl World {
    fn looks(&self, flags: &[&str]) {
        self.home.file("logo.svg", LOGO);
        self.home.args(["projects", "update", "default"].iter().chain(flags)).code(0);
    }
}

#[test]
fn a_project_shows_its_own_name_logo_and_colour() {
    let world = World::start("");
    world.looks(&["--display-name=Northwind People", "--logo=@logo.svg", "--accent-color=#0f766e"]);
    browse(&[], async |browser| {
        browser.open(&world.link("")).await;
        browser.heading("Connect an app").await;
        assert_eq!(browser.driver.title().await.unwrap(), "Connect an app – Northwind People");
        let brand = browser.find(".brand").await.text().await.unwrap();
        assert_eq!(brand, "Northwind People");
        // The picture is there, whole, and its script is dead.
        let width = "const i = document.querySelector('.brand img'); \
                     return i.complete && i.naturalWidth > 0 && i.getBoundingClientRect().height";
        let seen = browser.driver.execute(width, Vec::new()).await.unwrap();
        assert!(seen.json().as_f64().is_some_and(|height| height >= 30.0), "{:?}", seen.json());
        let ran = browser.driver.execute("return window.ran === undefined", Vec::new()).await;
        assert_eq!(ran.unwrap().json().as_bool(), Some(true));
        browser.show("brand-list").await;
        let logo = browser.find(".brand img").await.prop("src").await.unwrap().unwrap();
        browser.click(".apps li:nth-child(2) a").await;
        browser.heading("Connect Sample provider").await;
        browser.show("brand-form").await;
        let color = "return getComputedStyle(document.querySelector('button.go')).backgroundColor";
        let color = browser.driver.execute(color, Vec::new()).await.unwrap();
        assert_eq!(color.json().as_str(), Some("rgb(15, 118, 110)"));
        browser.fill("#f-api_key", "wrong").await;
        browser.click("button.go").await;
        browser.find("#problem").await;
        browser.show("brand-refused").await;
        browser.fill("#f-api_key", "sample-key").await;
        browser.click("button.go").await;
        browser.heading("Sample provider is connected").await;
        browser.show("brand-done").await;
        // Opened by itself it is a picture, and no more.
        browser.open(&logo).await;
        assert_ne!(browser.driver.title().await.unwrap(), "ran");
    });
}

#[test]
fn every_colour_can_be_read() {
    let world = World::start("");
    browse(&[], async |browser| {
        // As light, as dark and as loud as colours are, and one in the middle.
        for color in ["#ffffff", "#000000", "#ffd400", "#ff0000", "#00ff66", "#7c7c7c", "#0b1b4d"] {
            world.looks(&[
                "--display-name=A company whose name is long enough for two lines on a phone",
                &format!("--accent-color={color}"),
            ]);
            browser.open(&world.link("--provider acme")).await;
            browser.heading("Connect Acme People").await;
            browser.fill("#f-subdomain", "acme").await;
            browser.fill("#f-api_key", "planted").await;
            browser.fill("#f-mail", "no.body").await;
            browser.click("button.go").await;
            browser.find("#problem").await;
            browser.show(&format!("brand-{}", &color[1..])).await;
        }
    });
}
