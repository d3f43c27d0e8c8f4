//! A project's own look over HTTP: what is taken, how its picture is sent, and what the page has.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use crate::support::cli::TestHome;

use super::{Api, text};

/// A drawing that would run and fetch, if anything let it.
const HOSTILE: &str = "<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\" \
                       viewBox=\"0 0 8 8\" onload=\"alert(1)\"><script>alert(2)</script>\
                       <image href=\"https://evil.example/x.png\"/><rect width=\"8\" height=\"8\"/></svg>";

const DEFAULT: &str = "/admin/projects/default";

#[test]
fn threat_27_a_logo_is_a_picture_and_runs_nothing() {
    let home = TestHome::new();
    home.run("connectors enable hubspot").code(0);
    let (serving, api) = Api::serve(&home, "");
    let body = json!({"origin_owner_id": "o", "origin_owner_name": "O", "expires_in": 600});
    let token = text(&api.post("/connect_sessions", &body).status(201).json(), "token");
    let link = format!("/connect/{token}");
    let plain = serving.get(&link).status(200).text();
    assert!(!plain.contains("class=\"brand\"") && !plain.contains("--go:"), "{plain}");

    let look = json!({
        "display_name": "Acme <b>&\"", "accent_color": "#FA0", "logo": STANDARD.encode(HOSTILE),
    });
    let done = api.patch(DEFAULT, &look).status(200).json();
    let after = &done["after"];
    assert_eq!(after["display_name"], "Acme <b>&\"");
    assert_eq!(after["accent_color"], "#ffaa00");
    assert_eq!(after["logo_type"], "image/svg+xml");
    let hash = text(after, "logo_hash");
    assert!(after.get("logo").is_none(), "the picture is asked for by its address alone");

    let page = serving.get(&link).status(200);
    let html = page.text();
    let address = format!("/connect/logo/1/{hash}");
    assert!(html.contains(&format!("<img src=\"{address}\" alt=\"\"")), "{html}");
    assert!(html.contains("<span>Acme &#60;b&#62;&#38;&#34;</span>"), "{html}");
    assert!(html.contains("--go:#ffaa00;") && !html.contains("<script>alert"), "{html}");
    assert!(page.body.len() < 50 << 10, "{} bytes", page.body.len());
    let policy = &page.headers["content-security-policy"];
    assert!(policy.contains("img-src 'self' data:") && !policy.contains("unsafe"), "{policy}");

    let logo = serving.get(&address).status(200);
    assert_eq!(logo.body, HOSTILE.as_bytes());
    for (name, wanted) in [
        ("content-type", "image/svg+xml"),
        ("x-content-type-options", "nosniff"),
        ("cache-control", "public, max-age=31536000, immutable"),
        ("content-security-policy", "default-src 'none'; style-src 'unsafe-inline'; sandbox"),
        ("cross-origin-resource-policy", "same-origin"),
    ] {
        assert_eq!(logo.headers[name], wanted, "{name}");
    }
    assert!(!logo.headers.contains_key("set-cookie"));
    for path in [
        format!("/connect/logo/2/{hash}"),
        format!("/connect/logo/-1/{hash}"),
        format!("/connect/logo/1/{}", &hash[1..]),
        "/connect/logo/1/%2e%2e".to_owned(),
    ] {
        let missing = serving.get(&path).status(404);
        assert_eq!(missing.headers["cache-control"], "no-store", "{path}");
    }
    serving.get(&format!("/connect/logo/x/{hash}")).status(400);

    let none = json!({"display_name": "", "accent_color": "", "logo": ""});
    let after = api.patch(DEFAULT, &none).status(200).json()["after"].clone();
    for member in ["display_name", "accent_color", "logo_type", "logo_hash"] {
        assert!(after[member].is_null(), "{member}");
    }
    serving.get(&address).status(404);
    let bare = serving.get(&link).status(200).text();
    assert!(!bare.contains("class=\"brand\"") && !bare.contains("--go:"), "{bare}");
    serving.stop();
}

#[test]
fn what_is_no_look_is_refused_and_changes_nothing() {
    let home = TestHome::new();
    let (serving, api) = Api::serve(&home, "");
    let before = api.get(DEFAULT).status(200).json();
    let encoded = |bytes: &[u8]| STANDARD.encode(bytes);
    let large = [b"\x89PNG\r\n\x1a\n".to_vec(), vec![0; 64 << 10]].concat();
    for (body, told) in [
        (json!({"display_name": "x".repeat(61)}), "display_name: "),
        (json!({"display_name": "a\u{202e}b"}), "display_name: "),
        (json!({"accent_color": "blue"}), "accent_color: `blue` is not a colour"),
        (json!({"accent_color": "#fff;}</style>"}), "accent_color: "),
        (json!({"logo": "<svg/>"}), "logo: a picture is sent in Base64"),
        (json!({"logo": encoded(b"<html></html>")}), "logo: a logo is an SVG"),
        (json!({"logo": encoded(b"GIF89a")}), "logo: a logo is an SVG"),
        (json!({"logo": encoded(&large)}), "logo: a logo has at most 65536 bytes"),
        (json!({"logo": encoded(&large).repeat(4)}), "logo: a logo has at most 65536 bytes"),
        // One bad part spoils the whole.
        (json!({"display_name": "Acme", "accent_color": "#12"}), "accent_color: "),
    ] {
        let answer = api.patch(DEFAULT, &body).status(400);
        assert_eq!(answer.problem(), "usage.bad_value");
        let message = text(&answer.json(), "message");
        assert!(message.starts_with(told) && message.len() < 300, "{told}: {message}");
    }
    assert_eq!(api.get(DEFAULT).status(200).json(), before);
    serving.stop();
}
