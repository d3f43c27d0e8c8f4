//! What the operations on connect sessions take and give.

use super::{OWNER_ID, PROVIDER, Parameter, Shape, flag, named, whole};
use crate::api::connect_sessions::{Batched, ConnectSession, CreatedSession};
use crate::api::requests::connect_sessions::{Authenticate, NewBatch, NewConnectSession};
use crate::api::write::Written;
use crate::domain::connect_session::State;

parameters! {
    PENDING = "pending", "Only sessions that wait for a first success", flag();
    FAILED = "failed", "Only sessions whose newest login failed", flag();
    EXPIRING_IN = "expiring_in", "Only open sessions that expire within so many seconds", whole(0);
    SESSION_STATUS = "status", "Only sessions that stand so", named(&State::ALL.map(State::as_str));
}

pub(super) fn shape(id: &str) -> Option<Shape> {
    Some(match id {
        "platform.connect_sessions.create" | "connect_sessions.create" => {
            Shape::gives::<CreatedSession>("Create a connect session and its auth link")
                .takes::<NewConnectSession>()
                .created()
        }
        "platform.connect_sessions.authenticate" => {
            Shape::gives::<ConnectSession>("Show the session that a token opens")
                .takes::<Authenticate>()
                .created()
        }
        "platform.connect_sessions.get" | "connect_sessions.get" => {
            Shape::gives::<ConnectSession>("Show a connect session")
        }
        "connect_sessions.create_batch" => {
            Shape::gives::<Vec<Batched>>("Create many connect sessions, all or none")
                .takes::<NewBatch>()
                .created()
        }
        "connect_sessions.list" => {
            Shape::gives::<Vec<ConnectSession>>("List connect sessions, the newest first").with(&[
                PENDING,
                FAILED,
                EXPIRING_IN,
                SESSION_STATUS,
                PROVIDER,
                OWNER_ID,
            ])
        }
        "connect_sessions.revoke" => {
            Shape::gives::<Written<ConnectSession>>("End a connect session")
        }
        _ => return None,
    })
}
