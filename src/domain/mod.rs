//! The rules, as pure functions: no database, network, clock, randomness, environment or logging.

pub mod account;
pub mod allowlist;
pub mod api_key;
pub mod attempt;
pub mod auth_config;
pub mod caller;
pub mod connect_session;
pub mod connector;
pub mod credentials;
pub mod event;
pub mod ids;
pub mod login;
pub mod names;
pub mod oauth;
pub mod origin;
pub mod project;
pub mod provider_failure;
pub mod provider_reason;
pub mod proxy;
pub mod refresh;
pub mod refusal;
pub mod secret;
pub mod time;
pub mod token;
pub mod words;
