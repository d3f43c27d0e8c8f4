//! Addresses that values and callers can and can't make.

use url::Url;

use super::{BadAddress, Template, below, decoded, fill, set_query};

fn filled(template: &str, value: &str) -> Result<String, BadAddress> {
    fill(&Template::new(template), false, |_, _| Some(value.to_owned())).map(Into::into)
}

#[test]
fn a_value_is_encoded_for_its_place() {
    let all = "https://${a}.x.example/p/${a}/q?a=${a}";
    assert_eq!(filled(all, "acme").unwrap(), "https://acme.x.example/p/acme/q?a=acme");
    let path = "https://x.example/p/${a}?b=${a}";
    assert_eq!(
        filled(path, "a/b?c#d&e=f%2f g").unwrap(),
        "https://x.example/p/a%2Fb%3Fc%23d&e=f%252f%20g?b=a%2Fb%3Fc%23d%26e%3Df%252f%20g"
    );
    assert_eq!(filled("https://${a}/v1", "h.example:8443").unwrap(), "https://h.example:8443/v1");
    assert_eq!(filled("https://x.example:${a}/v1", "8443").unwrap(), "https://x.example:8443/v1");
}

#[test]
fn threat_17_threat_35_a_value_never_changes_the_host() {
    for bad in [
        "evil.example/",
        "evil.example?",
        "evil.example#",
        "a@evil.example",
        "evil.example\\",
        "evil.example:443",
        "a:b@evil.example",
        "a%2fb",
        "a%2eb",
        "a b",
        "a\nb",
        "a\r\nHost: evil.example",
        "a..b",
        ".a",
        "a.",
        "[::1]",
        "é",
        "a\u{3002}b",
        "..",
        "*",
    ] {
        let refused = filled("https://${a}.x.example/v1", bad);
        assert_eq!(refused, Err(BadAddress::Host("a".to_owned())), "{bad}");
    }
    for bad in ["h:", "h:99999", "h:+1", "h:80:80", ":80", "h:80/"] {
        assert!(filled("https://${a}/v1", bad).is_err(), "{bad}");
    }
    assert_eq!(filled("https://${a}.x.example", ""), Err(BadAddress::Missing("a".to_owned())));
    for bad in [".", ".."] {
        assert!(filled("https://x.example/a/${a}/b", bad).is_err(), "{bad}");
    }
    assert!(filled("https://x.example/a/.${a}/b", ".").is_err());
    assert!(filled("https://x.example/a/%2e${a}/b", "x").is_ok());
    assert!(filled("https://x.example/a/%2e%2e/b?${a}", "x").is_err());
}

#[test]
fn threat_18_plain_http_is_told_from_what_is_no_address() {
    let plain = Err(BadAddress::Plain("127.0.0.1".to_owned()));
    assert_eq!(filled("http://127.0.0.1:8080/${a}", "x"), plain);
    assert_eq!(filled("ftp://x.example/${a}", "x"), Err(BadAddress::NotOne));
    assert_eq!(filled("http://x.example/a/%2e%2e/b?${a}", "x"), Err(BadAddress::NotOne));
    let allowed = fill(&Template::new("http://127.0.0.1:8080/x"), true, |_, _| None);
    assert_eq!(allowed.unwrap().as_str(), "http://127.0.0.1:8080/x");
}

#[test]
fn a_whole_address_is_https_and_nothing_else() {
    let fine = |value: &str| filled("${a}/v1/x?y=1", value);
    assert_eq!(fine("https://i.example/").unwrap(), "https://i.example/v1/x?y=1");
    let report = filled("${a}?format=json", "https://i.example/r?k=v").unwrap();
    assert_eq!(report, "https://i.example/r?k=v&format=json");
    for bad in [
        "http://i.example",
        "ftp://i.example",
        "javascript:alert(1)",
        "https:i.example",
        "https:///i.example",
        "https://u@i.example",
        "https://u:p@i.example",
        "https://i.example#x",
        "https://i.example\\@evil.example",
        "https://i.example%2eevil",
        "https://i .example",
        "i.example",
    ] {
        assert_eq!(fine(bad), Err(BadAddress::Whole("a".to_owned())), "{bad}");
    }
    let local = Template::new("${a}/v1");
    let local = fill(&local, true, |_, _| Some("http://127.0.0.1:8080".to_owned()));
    assert_eq!(local.unwrap().as_str(), "http://127.0.0.1:8080/v1");
}

#[test]
fn threat_17_a_path_stays_below_its_root() {
    let root: Url = "https://api.example/v2/".parse().unwrap();
    let at = |path: &str| below(&root, path).map(String::from);
    assert_eq!(at("/a/b?c=d").unwrap(), "https://api.example/v2/a/b?c=d");
    assert_eq!(at("a").unwrap(), "https://api.example/v2/a");
    assert_eq!(at("").unwrap(), "https://api.example/v2/");
    assert_eq!(at("?a=b").unwrap(), "https://api.example/v2/?a=b");
    assert_eq!(at("/g%2Fp/é").unwrap(), "https://api.example/v2/g%2Fp/%C3%A9");
    for fine in ["/a;v=1/b", "/a..;b/c", "/100%25/%252F", "/a/...;/b"] {
        assert_eq!(at(fine).unwrap(), format!("https://api.example/v2{fine}"));
    }
    assert_eq!(at("/a:b/c").unwrap(), "https://api.example/v2/a:b/c");
    for bad in [
        "//evil.example",
        "/%2fevil.example",
        "%2f%2fevil.example",
        "/%252fevil.example",
        "\\\\evil.example",
        "/\\evil.example",
        "/%5cevil.example",
        "https://evil.example/",
        "HTTPS://evil.example/",
        "https:evil.example",
        "javascript:x",
        "/../admin",
        "/a/%2e%2e/b",
        "/a/..%2fb",
        "/a/%252e%252e/b",
        "/a/%25252e%25252e/b",
        "/a/%2525252e./b",
        "/..;/..;/admin",
        "/a/..;x=y/b",
        "/a/%2e%2e%3bx/b",
        "/a/.;/b",
        "/a/%25252525252525252e/b",
        "/a/./b",
        "/a b",
        "/a\r\nX: y",
        "/a%0d%0aX:%20y",
        "/a#b",
    ] {
        assert!(matches!(at(bad), Err(BadAddress::Outside(_))), "{bad} {:?}", at(bad));
    }
}

#[test]
fn members_of_a_query_replace_those_of_the_same_name() {
    let mut url: Url = "https://a.example/?$top=1&key=mine&b=%20".parse().unwrap();
    set_query(&mut url, &[("key".to_owned(), "a&b c".to_owned())]);
    assert_eq!(url.query(), Some("$top=1&b=%20&key=a%26b%20c"));
    assert_eq!(decoded("a%2Fb%zz%"), "a/b%zz%");
}
