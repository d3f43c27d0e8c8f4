//! A list as hubs answer it: bare, or in an object that says where it goes on.

use serde_json::Value;
use serde_json::value::RawValue;

use crate::api::cut::Parts;

/// Most pages of a list.
pub(super) const MOST_PAGES: u64 = 100_000;

/// A page of a list.
pub(super) struct Page<'a> {
    /// Its rows as they are written.
    pub(super) rows: Vec<&'a RawValue>,
    /// What the page says of where the list goes on, where it says something.
    pub(super) next: Option<Value>,
    /// How many rows the whole list has, where the page says it.
    pub(super) total: Option<u64>,
}

impl<'a> Page<'a> {
    /// Reads one; none is for JSON that is no list, bare or in `data`.
    pub(super) fn read(body: &'a [u8]) -> serde_json::Result<Option<Self>> {
        let members = match Parts::of(serde_json::from_slice(body)?)? {
            Parts::Array(rows) => return Ok(Some(Self { rows, next: None, total: None })),
            Parts::Object(members) => members,
            Parts::Single(_) => return Ok(None),
        };
        let Some(Parts::Array(rows)) = members.get("data").map(Parts::of).transpose()? else {
            return Ok(None);
        };
        let said = |name: &str| -> serde_json::Result<Option<Value>> {
            members.get(name).map(|said| serde_json::from_str(said.get())).transpose()
        };
        let total = said("total")?.and_then(|total| total.as_u64());
        Ok(Some(Self { rows, next: said("next")?, total }))
    }
}
