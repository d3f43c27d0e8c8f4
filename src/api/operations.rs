//! The one table of operations: router, client, documentation and coverage tests read it.

use crate::domain::caller::Permission;

/// Whose wire an operation is on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Part of the vendor's platform API.
    Vendor,
    /// An extension under `/admin`.
    Extension,
}

/// One operation.
#[derive(Debug, Clone, Copy)]
pub struct Operation {
    /// Stable id: resource and verb.
    pub id: &'static str,
    /// HTTP method.
    pub method: &'static str,
    /// Path below the API's root.
    pub path: &'static str,
    /// The right that it needs, or one that includes it.
    pub permission: Permission,
    /// Whose wire it is on.
    pub origin: Origin,
}

impl Operation {
    /// The operation of this id.
    #[must_use]
    pub fn find(id: &str) -> Option<&'static Self> {
        OPERATIONS.iter().find(|operation| operation.id == id)
    }

    /// Which scopes let a key call it, in a sentence.
    #[must_use]
    pub fn needs(&self) -> String {
        let scope = self.permission.as_str();
        match self.permission.included_in() {
            Some(wider) => format!("Needs the scope `{scope}` or `{}`.", wider.as_str()),
            None => format!("Needs the scope `{scope}`."),
        }
    }

    /// Whether a call is one of this operation; `path` is the part below the API's root.
    #[must_use]
    pub fn is_called_by(&self, method: &str, path: &str) -> bool {
        let (known, parts) = (self.path.split('/'), path.split('/'));
        method == self.method
            && known.clone().count() == parts.clone().count()
            && known.zip(parts).all(|(known, part)| known == part || known.starts_with('{'))
    }
}

macro_rules! operations {
    ($($id:literal $method:literal $path:literal $permission:ident $origin:ident;)*) => {
        /// Every operation.
        pub const OPERATIONS: &[Operation] = &[$(Operation {
            id: $id,
            method: $method,
            path: $path,
            permission: Permission::$permission,
            origin: Origin::$origin,
        }),*];
    };
}

operations! {
    // The vendor's platform API (contract sections 3 to 7).
    "platform.connect_sessions.create" "POST" "/connect_sessions" PlatformWrite Vendor;
    "platform.connect_sessions.authenticate" "POST" "/connect_sessions/authenticate" PlatformRead Vendor;
    "platform.connect_sessions.get" "GET" "/connect_sessions/{id}" PlatformRead Vendor;
    "platform.accounts.list" "GET" "/accounts" PlatformRead Vendor;
    "platform.accounts.get" "GET" "/accounts/{id}" PlatformRead Vendor;
    "platform.accounts.update" "PATCH" "/accounts/{id}" PlatformWrite Vendor;
    "platform.accounts.delete" "DELETE" "/accounts/{id}" PlatformWrite Vendor;
    "platform.accounts.meta" "GET" "/accounts/{id}/meta" PlatformRead Vendor;
    "platform.auth_configs.list" "GET" "/auth_configs" PlatformRead Vendor;
    "platform.connector_profiles.list" "GET" "/connector_profiles" PlatformRead Vendor;
    "platform.connector_profiles.versions" "GET" "/connector_profiles/{id}/versions" PlatformRead Vendor;
    "platform.connector_profiles.get_pin" "GET" "/connector_profiles/{id}/pinned_version" PlatformRead Vendor;
    "platform.connector_profiles.set_pin" "PUT" "/connector_profiles/{id}/pinned_version" PlatformWrite Vendor;
    "platform.connector_profiles.delete_pin" "DELETE" "/connector_profiles/{id}/pinned_version" PlatformWrite Vendor;
    "platform.connectors.list_meta" "GET" "/connectors/meta" ConnectorsRead Vendor;
    "platform.connectors.get_meta" "GET" "/connectors/meta/{provider}" ConnectorsRead Vendor;
    "platform.proxy" "POST" "/unified/proxy" UnifiedRead Vendor;
    "platform.requests.logs" "GET" "/requests/logs" PlatformRead Vendor;
    "platform.requests.steps" "GET" "/requests/logs/steps" PlatformRead Vendor;
    "platform.requests.get" "GET" "/requests/logs/{id}" PlatformRead Vendor;
    "platform.requests.platform_logs" "GET" "/requests/platform-logs" PlatformRead Vendor;
    // What only a hub of one's own offers.
    "capabilities.get" "GET" "/admin/capabilities" PlatformRead Extension;
    "auth_configs.list" "GET" "/admin/auth_configs" PlatformRead Extension;
    "auth_configs.target" "GET" "/admin/targets/{target}" PlatformRead Extension;
    "auth_configs.get" "GET" "/admin/auth_configs/{target}" PlatformRead Extension;
    "auth_configs.create" "POST" "/admin/auth_configs" PlatformWrite Extension;
    "auth_configs.update" "PATCH" "/admin/auth_configs/{target}" PlatformWrite Extension;
    "auth_configs.impact" "GET" "/admin/auth_configs/{target}/impact" PlatformRead Extension;
    "auth_configs.enable" "POST" "/admin/auth_configs/{target}/enable" PlatformWrite Extension;
    "auth_configs.disable" "POST" "/admin/auth_configs/{target}/disable" PlatformWrite Extension;
    "auth_configs.make_default" "POST" "/admin/auth_configs/{target}/make_default" PlatformWrite Extension;
    "auth_configs.delete" "DELETE" "/admin/auth_configs/{target}" PlatformWrite Extension;
    "connectors.list" "GET" "/admin/connectors" ConnectorsRead Extension;
    "connectors.get" "GET" "/admin/connectors/{key}" ConnectorsRead Extension;
    "connectors.guide" "GET" "/admin/connectors/{key}/guide" ConnectorsRead Extension;
    "connectors.import" "PUT" "/admin/connectors" ConnectorsWrite Extension;
    "connectors.forget" "DELETE" "/admin/connectors/{key}" ConnectorsWrite Extension;
    "connect_sessions.create" "POST" "/admin/connect_sessions" PlatformWrite Extension;
    "connect_sessions.create_batch" "POST" "/admin/connect_sessions/batch" PlatformWrite Extension;
    "connect_sessions.get" "GET" "/admin/connect_sessions/{id}" PlatformRead Extension;
    "connect_sessions.list" "GET" "/admin/connect_sessions" PlatformRead Extension;
    "connect_sessions.revoke" "POST" "/admin/connect_sessions/{id}/revoke" PlatformWrite Extension;
    "accounts.list" "GET" "/admin/accounts" PlatformRead Extension;
    "accounts.get" "GET" "/admin/accounts/{id}" PlatformRead Extension;
    "accounts.explain" "GET" "/admin/accounts/{id}/explain" PlatformRead Extension;
    "accounts.check" "GET" "/admin/accounts/{id}/check" PlatformRead Extension;
    "accounts.create" "POST" "/admin/accounts" PlatformWrite Extension;
    "accounts.update" "PATCH" "/admin/accounts/{id}" PlatformWrite Extension;
    "accounts.suspend" "POST" "/admin/accounts/{id}/suspend" PlatformWrite Extension;
    "accounts.resume" "POST" "/admin/accounts/{id}/resume" PlatformWrite Extension;
    "accounts.test" "POST" "/admin/accounts/{id}/test" PlatformWrite Extension;
    "accounts.refresh" "POST" "/admin/accounts/{id}/refresh" PlatformWrite Extension;
    "accounts.delete" "DELETE" "/admin/accounts/{id}" PlatformWrite Extension;
    "accounts.proxy" "POST" "/admin/accounts/{id}/proxy" UnifiedRead Extension;
    "logs.list" "GET" "/admin/logs" PlatformRead Extension;
    "projects.list" "GET" "/admin/projects" Administer Extension;
    "projects.get" "GET" "/admin/projects/{name}" Administer Extension;
    "projects.impact" "GET" "/admin/projects/{name}/impact" Administer Extension;
    "projects.create" "POST" "/admin/projects" ProjectsWrite Extension;
    "projects.update" "PATCH" "/admin/projects/{name}" Administer Extension;
    "projects.delete" "DELETE" "/admin/projects/{name}" ProjectsWrite Extension;
    "oauth_apps.list" "GET" "/admin/oauth_apps" Administer Extension;
    "oauth_apps.set" "PUT" "/admin/oauth_apps/{connector}" Administer Extension;
    "oauth_apps.delete" "DELETE" "/admin/oauth_apps/{connector}" Administer Extension;
    "keys.list" "GET" "/admin/keys" Administer Extension;
    "keys.get" "GET" "/admin/keys/{id}" Administer Extension;
    "keys.create" "POST" "/admin/keys" Administer Extension;
    "keys.disable" "POST" "/admin/keys/{id}/disable" Administer Extension;
    "keys.enable" "POST" "/admin/keys/{id}/enable" Administer Extension;
    "keys.delete" "DELETE" "/admin/keys/{id}" Administer Extension;
    "events.list" "GET" "/admin/events" PlatformRead Extension;
    "events.follow" "GET" "/admin/events/new" PlatformRead Extension;
    "webhooks.list" "GET" "/admin/webhooks" Administer Extension;
    "webhooks.get" "GET" "/admin/webhooks/{id}" Administer Extension;
    "webhooks.create" "POST" "/admin/webhooks" Administer Extension;
    "webhooks.update" "PATCH" "/admin/webhooks/{id}" Administer Extension;
    "webhooks.enable" "POST" "/admin/webhooks/{id}/enable" Administer Extension;
    "webhooks.disable" "POST" "/admin/webhooks/{id}/disable" Administer Extension;
    "webhooks.delete" "DELETE" "/admin/webhooks/{id}" Administer Extension;
    "webhooks.rotate_secret" "POST" "/admin/webhooks/{id}/rotate_secret" Administer Extension;
    "webhooks.test" "POST" "/admin/webhooks/{id}/test" Administer Extension;
    "deliveries.list" "GET" "/admin/deliveries" Administer Extension;
    "deliveries.get" "GET" "/admin/deliveries/{id}" Administer Extension;
    "deliveries.redeliver" "POST" "/admin/deliveries/{id}/redeliver" Administer Extension;
    "deliveries.redeliver_failed" "POST" "/admin/redeliver" Administer Extension;
}

#[cfg(test)]
mod tests {
    use super::{OPERATIONS, Operation, Origin};
    use std::collections::HashSet;

    #[test]
    fn ids_and_routes_are_unique_and_extensions_are_under_admin() {
        let ids: HashSet<_> = OPERATIONS.iter().map(|operation| operation.id).collect();
        let routes: HashSet<_> =
            OPERATIONS.iter().map(|operation| (operation.method, operation.path)).collect();
        assert_eq!((ids.len(), routes.len()), (OPERATIONS.len(), OPERATIONS.len()));
        for operation in OPERATIONS {
            let is_extension = operation.path.starts_with("/admin/");
            assert_eq!(is_extension, operation.origin == Origin::Extension, "{}", operation.id);
        }
    }

    #[test]
    fn a_call_is_one_of_the_operation_whose_method_and_path_it_has() {
        let operation = Operation::find("accounts.proxy").unwrap();
        assert!(operation.is_called_by("POST", "/admin/accounts/a-1/proxy"));
        for (method, path) in [
            ("GET", "/admin/accounts/a-1/proxy"),
            ("POST", "/admin/accounts/a-1"),
            ("POST", "/admin/accounts/a-1/proxy/x"),
            ("POST", "/admin/auth_configs/a-1/proxy"),
            ("POST", "/unified/proxy"),
        ] {
            assert!(!operation.is_called_by(method, path), "{method} {path}");
        }
    }
}
