//! What hubctl does: one function per operation, and the parts that they stand on.

pub mod keyring;
pub mod keysource;
pub mod private_file;
pub mod random;
pub mod vault;
