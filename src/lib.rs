//! hubctl: an administrator's command line for an integration hub, and the hub itself.

pub mod api;
pub mod backend;
pub mod catalog;
pub mod cli;
pub mod client;
pub mod domain;
pub mod env;
pub mod error;
pub mod hub;
pub mod local;
pub mod net;
pub mod provider;
pub mod sample;
pub mod server;
pub mod store;
