//! OAuth as pure functions: the address of the login, the token call, reading its answer, and what
//! its refusals mean. Nothing here sends anything.

pub mod answer;
pub mod granted;
pub mod login;
pub mod pkce;
pub mod refusal;
pub mod token_call;
