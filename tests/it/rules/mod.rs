//! The rules of the contract through the hub's functions, on both databases. Each test begins with
//! the number of its rule.

mod auth_configs;
