//! `hubctl store`: what concerns a store as a whole. Only where it is at hand.

mod rotate;

pub(in crate::cli) use rotate::{KeyRotation, RotateKey};
