//! What is asked of the log of calls (contract section 7). Filters come flat, as the SDKs send
//! them, or in brackets: `account_ids=a,b` and `filter[account_ids]=a,b` are the same.

use std::fmt::Display;
use std::ops::RangeInclusive;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};

use crate::domain::ids::AccountId;
use crate::domain::names::ConnectorKey;
use crate::domain::request_log::{Kind, Method};
use crate::domain::time::Timestamp;
use crate::error::HubError;
use crate::hub::logs::{Cursor, Filter, Order, Sort};

use super::{DAY_BEGINS, DAY_ENDS, Query, bad_value, instant, page_size};

/// Rows on a page where none are asked for, and most of them.
const DEFAULT_SIZE: u64 = 25;
const LARGEST_SIZE: u64 = 100;
/// Most values of one filter.
const MOST_VALUES: usize = 100;

/// A page that is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct PageOf {
    /// Which rows.
    pub filter: Filter,
    /// In what order.
    pub order: Order,
    /// Rows on a page.
    pub size: usize,
    /// Which list, for the cursor: one of another list is none of this one.
    list: String,
    /// Where the page begins.
    pub behind: Option<Cursor>,
}

/// The parameter of this name, flat or in brackets.
fn text<'q>(query: &'q Query, name: &str) -> Option<&'q str> {
    query.text(name).or_else(|| query.text(&format!("filter[{name}]")))
}

fn one<T: FromStr<Err: Display>>(query: &Query, name: &str) -> Result<Option<T>, HubError> {
    let read = |text: &str| text.trim().parse().map_err(|error: T::Err| bad_value(name, error));
    text(query, name).map(read).transpose()
}

fn time(query: &Query, name: &str, of_day: &str) -> Result<Option<Timestamp>, HubError> {
    let found = text(query, name).map(|text| instant(text.trim(), of_day)).transpose();
    found.map_err(|error| bad_value(name, error))
}

fn all<T: FromStr<Err: Display>>(query: &Query, name: &str) -> Result<Vec<T>, HubError> {
    let mut found: Vec<T> = query.all(name)?;
    found.extend(query.all::<T>(&format!("filter[{name}]"))?);
    if found.len() > MOST_VALUES {
        return Err(bad_value(name, format_args!("at most {MOST_VALUES} values")));
    }
    Ok(found)
}

/// Ids or keys. What has not even the form of one is in no row: a mistake, and no empty page.
fn named<T: FromStr<Err: Display> + Display>(
    query: &Query,
    name: &str,
) -> Result<Vec<String>, HubError> {
    Ok(all::<T>(query, name)?.iter().map(ToString::to_string).collect())
}

/// The filters that no row of a list fits, whatever their value: its rows have no such thing.
const fn foreign(kind: Option<Kind>) -> &'static [&'static str] {
    match kind {
        Some(Kind::Request) => &["categories"],
        Some(Kind::Platform) => &["services", "child_resources", "sub_resources"],
        None => &["categories", "source_types", "source_values", "source_ids"],
    }
}

/// A status, a class such as `4xx`, or a comparison such as `>=400`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatusRange(pub RangeInclusive<u16>);

/// The text says nothing about statuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use a status such as 404, a class such as 4xx, or a comparison such as >=400")]
pub struct BadStatus;

impl FromStr for StatusRange {
    type Err = BadStatus;

    fn from_str(text: &str) -> Result<Self, BadStatus> {
        const MOST: u16 = 999;
        let text = text.trim();
        let number = |text: &str| {
            let text = text.trim();
            let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
            text.parse::<u16>().ok().filter(|number| digits && *number <= MOST).ok_or(BadStatus)
        };
        let lower = text.to_ascii_lowercase();
        if let Some(class) = lower.strip_suffix("xx") {
            let class = number(class).ok().filter(|class| (1..=5).contains(class));
            let class = class.ok_or(BadStatus)?;
            return Ok(Self(class * 100..=class * 100 + 99));
        }
        Ok(Self(if let Some(rest) = text.strip_prefix(">=") {
            number(rest)?..=MOST
        } else if let Some(rest) = text.strip_prefix("<=") {
            0..=number(rest)?
        } else if let Some(rest) = text.strip_prefix('>') {
            number(rest)? + 1..=MOST
        } else if let Some(rest) = text.strip_prefix('<') {
            0..=number(rest)?.checked_sub(1).ok_or(BadStatus)?
        } else {
            let one = number(text.strip_prefix('=').unwrap_or(text))?;
            one..=one
        }))
    }
}

/// Which rows are asked for.
///
/// # Errors
/// `usage.bad_value` naming the parameter.
pub fn filter(query: &Query) -> Result<Filter, HubError> {
    let statuses: Vec<StatusRange> = all(query, "status_codes")?;
    let accounts = named::<AccountId>(query, "account_ids")?;
    Ok(Filter {
        kind: None,
        accounts: query.filled(&["account_ids", "filter[account_ids]"], accounts)?,
        providers: named::<ConnectorKey>(query, "providers")?,
        methods: all(query, "http_methods")?,
        statuses: statuses.into_iter().map(|range| range.0).collect(),
        success: one(query, "success")?,
        since: time(query, "start_date", DAY_BEGINS)?,
        until: time(query, "end_date", DAY_ENDS)?,
        request_ids: all(query, "request_ids")?,
        after: None,
        services: all(query, "services")?,
        resources: all(query, "resources")?,
        child_resources: all(query, "child_resources")?,
        sub_resources: all(query, "sub_resources")?,
        actions: all(query, "actions")?,
        categories: all(query, "categories")?,
        source_types: all(query, "source_types")?,
        source_values: all(query, "source_values")?,
        source_ids: all(query, "source_ids")?,
    })
}

/// What a list of `/admin/logs` is asked for: which rows, and whether the newest come first.
///
/// # Errors
/// `usage.bad_value` naming the parameter.
pub fn listed(query: &Query) -> Result<(Filter, bool), HubError> {
    let filter = Filter { kind: query.one("kind")?, after: query.one("after")?, ..filter(query)? };
    Ok((filter, direction(query)?))
}

fn direction(query: &Query) -> Result<bool, HubError> {
    match text(query, "order_direction") {
        None | Some("desc") => Ok(true),
        Some("asc") => Ok(false),
        Some(_) => Err(bad_value("order_direction", "use asc or desc")),
    }
}

/// What a page is asked for; `list` names the list and whose it is. Without a kind, its rows are
/// calls to providers.
///
/// # Errors
/// `usage.bad_value` naming the parameter.
pub fn page(query: &Query, list: &str, kind: Option<Kind>) -> Result<PageOf, HubError> {
    let size = page_size(query, DEFAULT_SIZE, LARGEST_SIZE)?;
    for name in foreign(kind) {
        if !all::<String>(query, name)?.is_empty() {
            return Err(bad_value(name, "rows of this list have none"));
        }
    }
    let sort: Sort = one(query, "order_by")?.unwrap_or_default();
    let order = Order { sort, descending: direction(query)? };
    let mut page = PageOf {
        filter: Filter { kind, ..filter(query)? },
        order,
        size: usize::try_from(size).unwrap_or(usize::MAX),
        list: list.to_owned(),
        behind: None,
    };
    if let Some(next) = query.text("next") {
        let wrong = || {
            bad_value("next", "this is not the `next` of an answer to the same question")
                .hint("begin again without it")
        };
        page.behind = Some(page.read(next).ok_or_else(wrong)?);
    }
    Ok(page)
}

impl PageOf {
    /// What tells this question from others.
    fn tag(&self) -> String {
        let asked = format!("{} {:?} {:?}", self.list, self.filter, self.order);
        URL_SAFE_NO_PAD.encode(&Sha256::digest(asked)[..9])
    }

    /// A place as clients are told it.
    #[must_use]
    pub fn next(&self, cursor: &Cursor) -> String {
        let Cursor { text, value, at, number } = cursor;
        let place = (self.tag(), text, value, at.as_millis(), number);
        URL_SAFE_NO_PAD.encode(serde_json::to_vec(&place).unwrap_or_default())
    }

    fn read(&self, next: &str) -> Option<Cursor> {
        let bytes = URL_SAFE_NO_PAD.decode(next).ok()?;
        let place: (String, String, i64, i64, i64) = serde_json::from_slice(&bytes).ok()?;
        let (tag, text, value, at, number) = place;
        let at = Timestamp::from_millis(at);
        (tag == self.tag()).then_some(Cursor { text, value, at, number })
    }
}

/// What the answer about one call is to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Include {
    /// The calls to providers.
    pub steps: bool,
    /// Headers and bodies.
    pub bodies: bool,
}

impl Include {
    /// What is asked for.
    ///
    /// # Errors
    /// `usage.bad_value` for what can't be included.
    pub fn of(query: &Query) -> Result<Self, HubError> {
        let mut include = Self::default();
        for word in query.all::<String>("include")? {
            match word.as_str() {
                "step_logs" => include.steps = true,
                "advanced_logs" => include.bodies = true,
                _ => return Err(bad_value("include", "use step_logs or advanced_logs")),
            }
        }
        Ok(include)
    }

    /// As it is asked for.
    #[must_use]
    pub fn words(self) -> Vec<&'static str> {
        let both = [(self.steps, "step_logs"), (self.bodies, "advanced_logs")];
        both.into_iter().filter_map(|(wanted, word)| wanted.then_some(word)).collect()
    }
}

/// The filter as parameters, flat as the SDKs send them.
#[must_use]
pub fn to_query(filter: &Filter) -> Query {
    let mut query = Query::default();
    let mut list = |name: &str, values: &[String]| {
        if !values.is_empty() {
            query.push(name, values.join(","));
        }
    };
    list("account_ids", &filter.accounts);
    list("providers", &filter.providers);
    let methods: Vec<String> =
        filter.methods.iter().map(|method: &Method| method.as_str().to_owned()).collect();
    list("http_methods", &methods);
    list("request_ids", &filter.request_ids);
    list("services", &filter.services);
    list("resources", &filter.resources);
    list("child_resources", &filter.child_resources);
    list("sub_resources", &filter.sub_resources);
    list("actions", &filter.actions);
    list("categories", &filter.categories);
    list("source_types", &filter.source_types);
    list("source_values", &filter.source_values);
    list("source_ids", &filter.source_ids);
    query.push_opt("success", filter.success);
    query.push_opt("start_date", filter.since);
    query.push_opt("end_date", filter.until);
    query
}

/// The same for a hub like this one, which knows ranges, kinds and numbers too.
#[must_use]
pub fn to_own_query(filter: &Filter, descending: bool) -> Query {
    let mut query = to_query(filter);
    for range in &filter.statuses {
        let (from, to) = (*range.start(), *range.end());
        if from == to {
            query.push("status_codes", from);
        } else if from == 0 {
            query.push("status_codes", format!("<={to}"));
        } else if to == 999 {
            query.push("status_codes", format!(">={from}"));
        } else {
            query.push("status_codes", format!("{}xx", from / 100));
        }
    }
    query.push_opt("kind", filter.kind.map(Kind::as_str));
    query.push_opt("after", filter.after);
    if !descending {
        query.push("order_direction", "asc");
    }
    query
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Filter, HubError> {
        filter(&Query::parse(text))
    }

    #[test]
    fn kp_11_both_spellings_of_a_filter_are_the_same() {
        let flat = "account_ids=a%2Cb&providers=hubspot&success=true&status_codes=404,5xx\
                    &http_methods=GET,post&start_date=2026-06-01T00:00:00Z&actions=list";
        let mut brackets = Query::default();
        for (name, value) in url::form_urlencoded::parse(flat.as_bytes()) {
            brackets.push(&format!("filter[{name}]"), value);
        }
        let (one, other) = (read(flat).unwrap(), filter(&brackets).unwrap());
        assert_eq!(one, other);
        let counted = "filter[account_ids][0]=a&filter[account_ids][1]=b&providers[0]=hubspot\
                       &success=true&status_codes%5B0%5D=404&status_codes%5B1%5D=5xx&actions[0]=list\
                       &http_methods[0]=GET&http_methods[1]=post&start_date=2026-06-01T00:00:00Z";
        assert_eq!(read(counted).unwrap(), one);
        for empty in ["account_ids=", "filter[account_ids]=", "filter[account_ids][0]="] {
            assert_eq!(read(empty).unwrap_err().code().name, "usage.bad_value", "{empty}");
        }
        assert_eq!(one.accounts, ["a", "b"]);
        assert_eq!(one.statuses, [404..=404, 500..=599]);
        assert_eq!(
            (one.methods.as_slice(), one.success),
            (&[Method::Get, Method::Post][..], Some(true))
        );
    }

    #[test]
    fn statuses_are_numbers_classes_or_comparisons() {
        let range = |text: &str| text.parse::<StatusRange>().map(|range| range.0);
        assert_eq!(range("404"), Ok(404..=404));
        assert_eq!(range("4xx"), Ok(400..=499));
        assert_eq!(range(">=400"), Ok(400..=999));
        assert_eq!(range("> 400"), Ok(401..=999));
        assert_eq!(range("<300"), Ok(0..=299));
        assert_eq!(range("<=299"), Ok(0..=299));
        assert_eq!(range("=0"), Ok(0..=0));
        for bad in ["", "x", "6xx", "0xx", "4x", "-1", "+4", "1000", "<0", ">=", "4 04"] {
            assert!(range(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn what_is_asked_for_badly_is_refused_with_its_name() {
        for (asked, name) in [
            ("success=maybe", "success"),
            ("filter[start_date]=yesterday", "start_date"),
            ("status_codes=abc", "status_codes"),
            ("http_methods=BREW", "http_methods"),
            ("order_by=colour", "order_by"),
            ("order_direction=up", "order_direction"),
            ("page_size=0", "page_size"),
            ("page_size=101", "page_size"),
            ("next=nonsense", "next"),
            (&format!("account_ids={}", "a,".repeat(101)), "account_ids"),
            ("account_ids=a,b%20c", "account_ids"),
            ("filter[providers]=No+Such", "filter[providers]"),
            ("categories=accounts", "categories"),
            ("filter[source_ids]=1", "source_ids"),
        ] {
            let error = page(&Query::parse(asked), "x", None).unwrap_err();
            assert!(error.message().starts_with(name), "{asked}: {error}");
        }
        let of = |kind, asked: &str| page(&Query::parse(asked), "x", Some(kind)).is_ok();
        assert!(of(Kind::Platform, "categories=a") && !of(Kind::Platform, "services=a"), "KP-11");
        assert!(of(Kind::Request, "services=a") && !of(Kind::Request, "categories=a"), "KP-11");
        assert!(Include::of(&Query::parse("include=step_logs,advanced_logs")).is_ok());
        assert!(Include::of(&Query::parse("include=everything")).is_err());
    }

    #[test]
    fn kp_12_a_cursor_belongs_to_its_question() {
        let asked = |text: &str, list: &str| page(&Query::parse(text), list, None);
        let first = asked("account_ids=a", "1").unwrap();
        let at = Timestamp::from_millis(5);
        let cursor = Cursor { text: "x".to_owned(), value: 3, at, number: 7 };
        let next = first.next(&cursor);
        let again = asked(&format!("filter[account_ids]=a&next={next}&page_size=50"), "1");
        assert_eq!(again.unwrap().behind, Some(cursor));
        for (text, list) in [
            ("account_ids=b", "1"),
            ("account_ids=a&order_direction=asc", "1"),
            ("account_ids=a", "2"),
        ] {
            assert!(asked(&format!("{text}&next={next}"), list).is_err(), "{text} of {list}");
        }
        assert!(asked(&format!("account_ids=a&next={}", &next[1..]), "1").is_err());
    }

    #[test]
    fn a_filter_survives_the_way_to_a_hub_like_this_one() {
        let filter = Filter {
            kind: Some(Kind::Request),
            accounts: vec!["a".to_owned(), "b".to_owned()],
            methods: vec![Method::Delete],
            statuses: vec![404..=404, 400..=499, 500..=999, 0..=99],
            success: Some(false),
            since: Some(Timestamp::from_millis(1_000)),
            after: Some(9),
            ..Filter::default()
        };
        let query = Query::parse(&to_own_query(&filter, false).to_text());
        assert_eq!(listed(&query).unwrap(), (filter, false));
    }
}
