//! What the log of calls takes and gives (contract section 7).

use serde_json::json;

use super::{ACCOUNT_IDS, PROVIDERS, Parameter, Shape, flag, list, named, text, whole};
use crate::api::request_logs::{LogRow, One, Paged, PlatformLog, RequestLog, StepLog};
use crate::domain::request_log::Method;
use crate::hub::logs::Sort;

parameters! {
    LOG_PAGE_SIZE = "page_size", "Most rows on a page",
        json!({ "type": "integer", "minimum": 1, "maximum": 100, "default": 25 });
    NEXT = "next", "The `next` of the answer before", text();
    ORDER_BY = "order_by", "By what to order", named(&Sort::NAMES);
    ORDER_DIRECTION = "order_direction", "The newest, or greatest, first or last",
        named(&["asc", "desc"]);
    LOG_INCLUDE = "include", "What to show as well; bodies are kept where the project says so",
        list(&named(&["step_logs", "advanced_logs"]));
    START_DATE = "start_date", "Only calls that began at or after this instant",
        json!({ "type": "string", "format": "date-time" });
    END_DATE = "end_date", "Only calls that began at or before this instant",
        json!({ "type": "string", "format": "date-time" });
    REQUEST_IDS = "request_ids", "Only calls of these ids", list(&text());
    HTTP_METHODS = "http_methods", "Only these methods",
        list(&named(&Method::ALL.map(Method::as_str)));
    RESOURCES = "resources", "Only calls about these", list(&text());
    CHILD_RESOURCES = "child_resources",
        "Only calls about these parts; no call of this hub has any", list(&text());
    SUB_RESOURCES = "sub_resources",
        "Only calls about these parts of parts; no call of this hub has any", list(&text());
    ACTIONS = "actions", "Only calls that did these", list(&text());
    SERVICES = "services", "Only calls to these services; no call of this hub has any", list(&text());
    STATUS_CODES = "status_codes", "Only these statuses, classes (`4xx`) or ranges (`>=400`)",
        list(&json!({ "type": "string", "pattern": "^([0-9]{1,3}|[1-5]xx|(>=|<=|>|=)[0-9]{1,3}|<[1-9][0-9]{0,2})$" }));
    SUCCESS = "success", "Only calls that succeeded, or only those that did not", flag();
    LOG_CATEGORIES = "categories", "Only these kinds of calls", list(&text());
    SOURCE_TYPES = "source_types", "Only calls that came from these", list(&text());
    SOURCE_VALUES = "source_values", "Only calls with keys of these names", list(&text());
    SOURCE_IDS = "source_ids", "Only calls with keys, or of sessions, of these ids", list(&text());
    LOG_KIND = "kind", "Only calls that concerned a provider, or only those to the platform",
        named(&["request", "platform"]);
    LOG_AFTER = "after", "Only calls that came into the log after the one of this number", whole(0);
}

const LOG_PAGES: &[Parameter] = &[LOG_PAGE_SIZE, NEXT, ORDER_BY, ORDER_DIRECTION];
const LOG_FILTER: &[Parameter] = &[
    ACCOUNT_IDS,
    START_DATE,
    END_DATE,
    REQUEST_IDS,
    HTTP_METHODS,
    RESOURCES,
    ACTIONS,
    STATUS_CODES,
    SUCCESS,
];
const LOG_SOURCES: &[Parameter] = &[SOURCE_TYPES, SOURCE_VALUES, SOURCE_IDS];

pub(super) fn shape(id: &str) -> Option<Shape> {
    Some(match id {
        "platform.requests.logs" => {
            Shape::gives::<Paged<RequestLog>>("List calls that concerned a provider")
                .with(LOG_PAGES)
                .with(LOG_FILTER)
                .with(&[PROVIDERS, SERVICES, CHILD_RESOURCES, SUB_RESOURCES])
                .with(LOG_SOURCES)
                .with(&[LOG_INCLUDE])
        }
        "platform.requests.steps" => {
            Shape::gives::<Paged<StepLog>>("List calls of the hub to providers")
                .with(LOG_PAGES)
                .with(LOG_FILTER)
                .with(&[PROVIDERS, SERVICES, CHILD_RESOURCES, SUB_RESOURCES])
        }
        "platform.requests.platform_logs" => {
            Shape::gives::<Paged<PlatformLog>>("List calls to the platform itself")
                .with(LOG_PAGES)
                .with(LOG_FILTER)
                .with(&[LOG_CATEGORIES])
                .with(LOG_SOURCES)
        }
        "platform.requests.get" => {
            Shape::gives::<One<RequestLog>>("Show a call").with(&[LOG_INCLUDE])
        }
        "logs.list" => Shape::gives::<Vec<LogRow>>("List all calls that fit")
            .with(LOG_FILTER)
            .with(&[PROVIDERS, LOG_KIND, LOG_AFTER, ORDER_DIRECTION]),
        _ => return None,
    })
}
