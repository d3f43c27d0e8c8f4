//! What a command does to the state.

/// What a command does to the state.
#[derive(Debug, Clone, Copy, PartialEq, Eq, schemars::JsonSchema, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Nothing.
    Read,
    /// Changes something; can be undone by another command.
    Write,
    /// Takes something away or stops it: consent is asked for.
    Destructive,
}

impl Effect {
    /// The effect as one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Destructive => "destructive",
        }
    }
}
