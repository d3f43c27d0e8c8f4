//! Which of the scopes that were asked for a provider has not granted (RFC 6749, section 5.1).

/// Scopes that ask for something beside an API, and that providers often leave out of their answers
/// although they grant them.
const UNTOLD: [&str; 6] =
    ["openid", "profile", "email", "offline_access", "refresh_token", ".default"];

/// The scopes that were asked for and are not among the granted ones. Providers write them in
/// spellings of their own: what may be granted in another one counts as granted.
#[must_use]
pub fn ungranted(asked: &str, granted: &str, separator: &str) -> Vec<String> {
    let scopes = |text: &str| -> Vec<String> {
        let spaced = match separator.trim() {
            "" => text.to_owned(),
            mark => text.replace(mark, " "),
        };
        let separates = |c: char| c.is_whitespace() || c == ',';
        spaced.split(separates).filter(|scope| !scope.is_empty()).map(str::to_owned).collect()
    };
    let granted: Vec<String> = scopes(granted).iter().map(|scope| short(scope)).collect();
    let mut asked = scopes(asked);
    asked.retain(|scope| {
        let scope = short(scope);
        let is_told = !UNTOLD.contains(&scope.as_str());
        is_told && !granted.iter().any(|granted| covers(granted, &scope))
    });
    asked
}

/// A scope without the address in front of it that some vendors let be left out, in lower case.
fn short(scope: &str) -> String {
    let scope = scope.trim_end_matches('/');
    scope.rsplit('/').next().unwrap_or(scope).to_lowercase()
}

/// Whether one scope is the other, or all of which that is a part: `user` covers `user:email`.
fn covers(granted: &str, scope: &str) -> bool {
    scope.strip_prefix(granted).is_some_and(|rest| rest.is_empty() || rest.starts_with(':'))
}

#[cfg(test)]
mod tests {
    use super::ungranted;

    #[test]
    fn what_was_asked_for_and_not_granted_is_found() {
        let cases: [(&str, &str, &[&str]); 10] = [
            ("a:read b:write", "a:read", &["b:write"]),
            ("a:read b:write", "b:write a:read c", &[]),
            ("repo,user:email", "repo,user", &[]),
            ("user", "user:email", &["user"]),
            ("openid offline_access a", "a", &[]),
            ("https://graph.example/User.Read", "user.read", &[]),
            ("User.Read", "https://graph.example/User.Read profile", &[]),
            ("https://graph.example/.default", "User.Read", &[]),
            ("https://mail.example/ x", "https://mail.example/", &["x"]),
            ("", "a", &[]),
        ];
        for (asked, granted, lacking) in cases {
            assert_eq!(ungranted(asked, granted, " "), lacking, "{asked}, {granted}");
        }
        assert_eq!(ungranted("a+b", "a", "+"), ["b"]);
    }
}
