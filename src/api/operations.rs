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
    /// The right that it needs.
    pub permission: Permission,
    /// Whose wire it is on.
    pub origin: Origin,
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
    "auth_configs.list" "GET" "/connector_profiles" PlatformRead Vendor;
    "auth_configs.get" "GET" "/admin/auth_configs/{id}" PlatformRead Extension;
    "auth_configs.create" "POST" "/admin/auth_configs" PlatformWrite Extension;
    "auth_configs.update" "PATCH" "/admin/auth_configs/{id}" PlatformWrite Extension;
    "auth_configs.impact" "GET" "/admin/auth_configs/{id}/impact" PlatformRead Extension;
    "auth_configs.enable" "POST" "/admin/auth_configs/{id}/enable" PlatformWrite Extension;
    "auth_configs.disable" "POST" "/admin/auth_configs/{id}/disable" PlatformWrite Extension;
    "auth_configs.make_default" "POST" "/admin/auth_configs/{id}/make_default" PlatformWrite Extension;
    "auth_configs.delete" "DELETE" "/admin/auth_configs/{id}" PlatformWrite Extension;
    "connectors.list" "GET" "/admin/connectors" PlatformRead Extension;
    "connectors.get" "GET" "/admin/connectors/{key}" PlatformRead Extension;
    "connectors.guide" "GET" "/admin/connectors/{key}/guide" PlatformRead Extension;
    "connectors.import" "PUT" "/admin/connectors" ConnectorsWrite Extension;
    "connectors.forget" "DELETE" "/admin/connectors/{key}" ConnectorsWrite Extension;
    "connect_sessions.create" "POST" "/connect_sessions" PlatformWrite Vendor;
    "connect_sessions.create_batch" "POST" "/admin/connect_sessions/batch" PlatformWrite Extension;
    "connect_sessions.get" "GET" "/connect_sessions/{id}" PlatformRead Vendor;
    "connect_sessions.list" "GET" "/admin/connect_sessions" PlatformRead Extension;
    "connect_sessions.revoke" "POST" "/admin/connect_sessions/{id}/revoke" PlatformWrite Extension;
    "accounts.list" "GET" "/accounts" PlatformRead Vendor;
    "accounts.get" "GET" "/admin/accounts/{id}" PlatformRead Extension;
    "accounts.explain" "GET" "/admin/accounts/{id}/explain" PlatformRead Extension;
    "accounts.create" "POST" "/admin/accounts" PlatformWrite Extension;
    "accounts.update" "PATCH" "/accounts/{id}" PlatformWrite Vendor;
    "accounts.suspend" "POST" "/admin/accounts/{id}/suspend" PlatformWrite Extension;
    "accounts.resume" "POST" "/admin/accounts/{id}/resume" PlatformWrite Extension;
    "accounts.delete" "DELETE" "/accounts/{id}" PlatformWrite Vendor;
    "projects.list" "GET" "/admin/projects" Administer Extension;
    "projects.get" "GET" "/admin/projects/{id}" Administer Extension;
    "projects.create" "POST" "/admin/projects" ProjectsWrite Extension;
    "projects.update" "PATCH" "/admin/projects/{id}" Administer Extension;
    "projects.delete" "DELETE" "/admin/projects/{id}" ProjectsWrite Extension;
    "keys.list" "GET" "/admin/keys" Administer Extension;
    "keys.get" "GET" "/admin/keys/{id}" Administer Extension;
    "keys.create" "POST" "/admin/keys" Administer Extension;
    "keys.disable" "POST" "/admin/keys/{id}/disable" Administer Extension;
    "keys.enable" "POST" "/admin/keys/{id}/enable" Administer Extension;
    "keys.delete" "DELETE" "/admin/keys/{id}" Administer Extension;
}

#[cfg(test)]
mod tests {
    use super::{OPERATIONS, Origin};
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
}
