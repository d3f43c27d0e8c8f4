//! `hubctl webhooks`.

mod deliveries;
mod listen;
mod read;
mod verify;
mod write;

pub(in crate::cli) use deliveries::{Deliveries, Redeliver, Test};
pub(in crate::cli) use listen::{Forwarded, Listen};
pub(in crate::cli) use read::{Get, List};
pub(in crate::cli) use verify::{Proof, Verify};
pub(in crate::cli) use write::{Create, Delete, Disable, Enable, RotateSecret, Update};
