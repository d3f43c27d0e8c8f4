//! The one table of what end users' browsers ask for: router and documentation read it.

/// One operation. No API key opens it, but the token of a session (contract section 9).
#[derive(Debug, Clone, Copy)]
pub struct EndUserOperation {
    /// Stable id: resource and verb.
    pub id: &'static str,
    /// HTTP method.
    pub method: &'static str,
    /// Path below the API's root.
    pub path: &'static str,
}

/// Below which everything of the hub API is.
const ROOT: &str = "/hub";
/// Where the connection attempts are.
const ATTEMPTS: &str = "/hub/connection_attempts";
/// Where releases 1.3.0 to 1.3.2 of the component ask for them.
const OLD_ATTEMPTS: &str = "/connect_sessions/connection_attempts";
/// Below which the component's window begins a login.
const LOGINS: &str = "/connect/oauth2";

impl EndUserOperation {
    /// The path at which old releases of the component ask for the same.
    #[must_use]
    pub fn old_path(&self) -> Option<String> {
        self.path.strip_prefix(ATTEMPTS).map(|rest| format!("{OLD_ATTEMPTS}{rest}"))
    }
}

/// Whether an address is one of the hub API, or would be if there were anything: pages of any origin
/// ask there (HB-16).
#[must_use]
pub fn is_of_hub_api(path: &str) -> bool {
    [ROOT, OLD_ATTEMPTS].iter().any(|root| is_below(path, root))
}

fn is_below(path: &str, root: &str) -> bool {
    path.strip_prefix(root).is_some_and(|rest| matches!(rest.bytes().next(), None | Some(b'/')))
}

/// What the component means by an address, with its query, that begins with several slashes: it
/// puts its paths behind a `base-url` as it is, also where that ends in one. Nothing but what it
/// asks for is found this way, so that nobody passes a proxy by that keeps other paths closed.
#[must_use]
pub fn meant(target: &str) -> Option<&str> {
    let target = target.strip_prefix('/')?;
    let rest = target.trim_start_matches('/');
    let meant = &target[(target.len() - rest.len()).checked_sub(1)?..];
    (is_of_hub_api(meant) || is_below(meant, LOGINS)).then_some(meant)
}

macro_rules! operations {
    ($($id:literal $method:literal $path:literal;)*) => {
        /// Every operation of end users.
        pub const END_USER_OPERATIONS: &[EndUserOperation] =
            &[$(EndUserOperation { id: $id, method: $method, path: $path }),*];
    };
}

operations! {
    "hub.settings.get" "GET" "/hub/settings";
    "hub.connectors.list" "GET" "/hub/connectors";
    "hub.connectors.get" "GET" "/hub/connectors/{integration_id}";
    "hub.accounts.create" "POST" "/hub/accounts";
    "hub.accounts.get" "GET" "/hub/accounts/{id}";
    "hub.accounts.update" "PATCH" "/hub/accounts/{id}";
    "hub.attempts.create" "POST" "/hub/connection_attempts";
    "hub.attempts.get" "GET" "/hub/connection_attempts/{id}";
    "hub.attempts.cancel" "DELETE" "/hub/connection_attempts/{id}";
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::{END_USER_OPERATIONS, is_of_hub_api, meant};
    use crate::api::OPERATIONS;

    #[test]
    fn ids_and_routes_are_nobody_elses() {
        let others = OPERATIONS.iter().map(|row| (row.id, row.method, row.path));
        let own = END_USER_OPERATIONS.iter().map(|row| (row.id, row.method, row.path));
        let (ids, routes): (HashSet<_>, HashSet<_>) =
            others.chain(own).map(|(id, method, path)| (id, (method, path))).unzip();
        let all = OPERATIONS.len() + END_USER_OPERATIONS.len();
        assert_eq!((ids.len(), routes.len()), (all, all));
        assert!(END_USER_OPERATIONS.iter().all(|row| row.path.starts_with("/hub/")));
    }

    #[test]
    fn hb_16_hb_17_the_hub_api_ends_where_its_paths_do() {
        for path in ["/hub", "/hub/", "/hub/nope/x", "/connect_sessions/connection_attempts/x"] {
            assert!(is_of_hub_api(path), "{path}");
        }
        for path in ["/", "/hubs", "/accounts/hub", "/connect_sessions", "/connect_sessions/x"] {
            assert!(!is_of_hub_api(path), "{path}");
        }
    }

    #[test]
    fn hb_16_a_base_address_may_end_in_a_slash() {
        assert_eq!(meant("//hub/settings?x=//"), Some("/hub/settings?x=//"));
        assert_eq!(meant("///hub/accounts/x"), Some("/hub/accounts/x"));
        assert_eq!(meant("//connect/oauth2/x?token=y"), Some("/connect/oauth2/x?token=y"));
        let old = "/connect_sessions/connection_attempts/x";
        assert_eq!(meant(&format!("/{old}")), Some(old));
        for path in ["", "/", "//", "/hub", "/hub//x", "//accounts", "//admin/keys", "//hubs"] {
            assert_eq!(meant(path), None, "{path}");
        }
    }

    #[test]
    fn old_releases_find_the_attempts_alone() {
        let all = END_USER_OPERATIONS.iter();
        let old: Vec<_> = all.filter_map(super::EndUserOperation::old_path).collect();
        assert_eq!(old.len(), 3);
        assert_eq!(old[1], "/connect_sessions/connection_attempts/{id}");
    }
}
