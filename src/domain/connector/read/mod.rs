//! Readers of connector files.
