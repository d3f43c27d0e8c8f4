//! What is asked of connectors.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::domain::connector::Connector;
use crate::error::HubError;
use crate::hub::connectors::Filter;

use super::Query;

/// Own connectors to keep.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct ImportConnectors {
    /// Their definitions.
    pub connectors: Vec<Connector>,
}

/// Which connectors to list, as query parameters.
#[must_use]
pub fn to_query(filter: &Filter) -> Query {
    let mut query = Query::default();
    query.push_all("categories", &filter.categories);
    query.push_opt("search", filter.search.as_deref());
    query.push_opt("auth_type", filter.auth.as_deref());
    query
}

/// Which connectors to list.
///
/// # Errors
/// `usage.bad_value` naming the parameter.
pub fn filter(query: &Query) -> Result<Filter, HubError> {
    Ok(Filter {
        categories: query.all("categories")?,
        search: query.text("search").map(str::to_owned),
        auth: query.text("auth_type").map(str::to_owned),
    })
}
