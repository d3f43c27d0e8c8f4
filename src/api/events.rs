//! Events on the wire; names are those of the deliveries that are made of them (contract of
//! webhooks, section 3).

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::event::EventKind;
use crate::domain::time::Timestamp;
use crate::error::HubError;
use crate::hub::events::{Filter, Listed, Place};

use super::JsonText;
use super::requests::Query;

/// Something that happened; it borrows from the row that it is read from.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct Event<'a> {
    /// Its id; deliveries carry it as `webhook-id`.
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    /// What happened, such as `account.created`.
    pub event: Cow<'a, str>,
    /// When.
    pub event_date: Timestamp,
    /// What kind of thing it happened to, such as `account`.
    pub record_type: Cow<'a, str>,
    /// The thing's id.
    pub record_id: Cow<'a, str>,
    /// The project.
    pub project_id: Cow<'a, str>,
    /// Facts of that moment, never a secret: of accounts and auth configs with who did it, and
    /// where an account's credentials stopped working, why.
    #[schemars(with = "Option<Value>")]
    #[serde(default)]
    pub data: JsonText<'a>,
}

impl<'a> Event<'a> {
    /// The wire form of a row of a project.
    #[must_use]
    pub fn new(row: &Listed<'a>, project: &'a str) -> Self {
        let record_type = row.kind.split_once('.').map_or(row.kind, |(thing, _)| thing);
        Self {
            id: Cow::Borrowed(row.id),
            event: Cow::Borrowed(row.kind),
            event_date: row.at,
            record_type: Cow::Borrowed(record_type),
            record_id: Cow::Borrowed(row.subject),
            project_id: Cow::Borrowed(project),
            data: JsonText(row.data.map_or(Cow::Borrowed("null"), Cow::Borrowed)),
        }
    }

    /// The same, on its own.
    #[must_use]
    pub fn into_owned(self) -> Event<'static> {
        let own = |text: Cow<'a, str>| Cow::Owned(text.into_owned());
        Event {
            id: own(self.id),
            event: own(self.event),
            event_date: self.event_date,
            record_type: own(self.record_type),
            record_id: own(self.record_id),
            project_id: own(self.project_id),
            data: JsonText(own(self.data.0)),
        }
    }
}

/// What came while somebody waited for events.
#[derive(Debug, Clone, PartialEq, JsonSchema, Serialize, Deserialize)]
pub struct NewEvents {
    /// The events, the oldest first.
    #[schemars(with = "Vec<Event<'static>>")]
    #[serde(deserialize_with = "owned")]
    pub events: Vec<Event<'static>>,
    /// What to ask for next, as `after`.
    pub next: String,
}

fn owned<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<Event<'static>>, D::Error> {
    let all = Vec::<Event<'de>>::deserialize(from)?;
    Ok(all.into_iter().map(Event::into_owned).collect())
}

/// The place before the first event, as `after` names it.
pub const BEGINNING: &str = "0";

/// A place as text.
#[must_use]
pub fn place_text(place: &Place) -> Option<String> {
    match place {
        Place::Beginning => Some(BEGINNING.to_owned()),
        Place::After(id) => Some(id.to_string()),
        Place::End => None,
    }
}

/// The place that a text names; none is the end.
///
/// # Errors
/// `usage.bad_value`
pub fn place(query: &Query) -> Result<Place, HubError> {
    Ok(match query.text("after") {
        None => Place::End,
        Some(BEGINNING) => Place::Beginning,
        Some(_) => query.one("after")?.map_or(Place::End, Place::After),
    })
}

/// Which events to list, as query parameters.
#[must_use]
pub fn to_query(filter: &Filter) -> Query {
    let mut query = Query::default();
    query.push_opt("account_id", filter.account.as_ref());
    query.push_all("type", filter.kinds.iter().map(|kind| kind.as_str()));
    query.push_opt("since", filter.since);
    query.push_opt("after", filter.after.as_ref());
    query.push_opt("limit", filter.limit);
    query
}

/// Which events to list.
///
/// # Errors
/// `usage.bad_value` naming the parameter.
pub fn filter(query: &Query) -> Result<Filter, HubError> {
    Ok(Filter { after: query.one("after")?, limit: query.one("limit")?, ..followed(query)? })
}

/// Which events to follow: the place behind which they begin is said otherwise.
///
/// # Errors
/// As [`filter`].
pub fn followed(query: &Query) -> Result<Filter, HubError> {
    query.whose("account_id")?;
    let account: Option<crate::domain::ids::AccountId> = query.one("account_id")?;
    Ok(Filter {
        account: account.map(|id| id.to_string()),
        kinds: query.all::<EventKind>("type")?,
        since: query.since("since")?,
        ..Filter::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filters_and_places_are_read_back_as_they_were_written() {
        let full = Filter {
            account: Some("0199-a".to_owned()),
            kinds: vec![EventKind::AccountCreated, EventKind::KeyDeleted],
            since: Some(Timestamp::from_millis(5)),
            after: Some("0199-e".parse().unwrap()),
            limit: Some(7),
        };
        for one in [full, Filter::default()] {
            assert_eq!(filter(&to_query(&one)).unwrap(), one);
        }
        for one in [Place::Beginning, Place::After("0199-e".parse().unwrap()), Place::End] {
            let mut query = Query::default();
            query.push_opt("after", place_text(&one));
            assert_eq!(place(&query).unwrap(), one);
        }
        for bad in [
            "type=nonsense",
            "since=soon",
            "after=a%20b",
            "limit=-1",
            "account_id=a/b",
            "account_id=",
        ] {
            assert_eq!(filter(&Query::parse(bad)).unwrap_err().code().name, "usage.bad_value");
        }
    }
}
