//! The look of the page from the command line, here and over the network.

use crate::support::cli::TestHome;

const SVG: &str = "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 1 1\"/>";

#[test]
fn a_look_is_set_and_cleared_by_options() {
    let home = TestHome::new();
    home.file("logo.svg", SVG);
    home.file("page.html", "<html></html>");
    home.file("large.svg", format!("{SVG}{}", " ".repeat(64 << 10)));
    let set = "projects update default --accent-color #0A7CFF --logo @logo.svg --display-name Acme";
    home.run(&format!("{set} --dry-run")).code(0);
    assert!(home.run("projects get default --json").json()["accent_color"].is_null());
    let line = format!("{set} --json");
    assert_eq!(home.run(&line).code(0).json()["changed"], true);
    assert_eq!(home.run(&line).code(0).json()["changed"], false);
    let shown = home.run("projects get default").code(0);
    let project = home.run("projects get default --json").code(0).json();
    assert_eq!(project["logo_type"], "image/svg+xml", "{shown:?}");
    for (bad, told) in [
        ("--accent-color blue", "`blue` is not a colour"),
        ("--logo logo.svg", "--logo @logo.svg"),
        ("--logo @page.html", "none of them"),
        ("--logo @large.svg", "at most 65536 bytes"),
        ("--logo @missing.svg", "can't read missing.svg"),
        ("--display-name \u{202e}x", "display name"),
    ] {
        home.run(&format!("projects update default {bad}")).code(2).tells(told);
    }
    assert_eq!(home.run("projects get default --json").code(0).json(), project);
    let piped = home.piped("projects update default --logo - --json", format!("{SVG}\n"));
    assert_eq!(piped.code(0).json()["changed"], true);
    let clear = "projects update default --accent-color= --logo= --display-name= --json";
    let cleared = home.run(clear).code(0).json();
    assert_eq!(cleared["changed"], true);
    assert!(cleared["after"]["display_name"].is_null(), "{cleared}");
    assert_eq!(home.run(clear).code(0).json()["changed"], false);
}
