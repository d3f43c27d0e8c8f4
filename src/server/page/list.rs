//! The list of connectors to pick from, and the search in it.

use std::borrow::Cow;

use axum::response::Response;
use http::StatusCode;

use super::Context;
use super::texts::{Texts, with};
use super::view::{App, Chip, ListPage};
use crate::api::end_user::Logo;
use crate::api::requests::Query;
use crate::domain::connector::{Category, near};
use crate::domain::search::{finds, folded};
use crate::hub::end_user::{Choice, EndUser};

/// Connectors that one page shows: the whole page stays small, and nobody reads more.
const SHOWN: usize = 100;
/// From how many connectors on there is a search.
const SEARCH_FROM: usize = 7;
/// The longest search, in bytes.
const MOST_SEARCHED: usize = 80;

/// What is searched for.
struct Search<'a> {
    words: &'a str,
    category: Option<Category>,
}

impl<'a> Search<'a> {
    fn of(query: &'a Query) -> Self {
        let words = query.text("q").map(str::trim).unwrap_or_default();
        Self {
            words: &words[..words.floor_char_boundary(MOST_SEARCHED)],
            category: query.text("category").and_then(|text| text.parse().ok()),
        }
    }

    fn is_any(&self) -> bool {
        !self.words.is_empty() || self.category.is_some()
    }

    /// What stands behind `?` in the address of what was found in this category.
    fn query(&self, category: Option<Category>) -> Query {
        let mut query = Query::default();
        query.push_opt("q", Some(self.words).filter(|text| !text.is_empty()));
        query.push_opt("category", category);
        query
    }

    fn fits(&self, choice: &Choice) -> bool {
        let connector = &choice.connector;
        self.category.is_none_or(|one| connector.categories.contains(&one))
            && finds(self.words, &[&connector.name, connector.key.as_str()])
    }

    /// Those whose names come near, where none fits.
    fn near<'b>(&self, all: &'b [Choice]) -> Vec<&'b Choice> {
        let names: Vec<String> = all.iter().map(|choice| folded(&choice.connector.name)).collect();
        let near = near::nearest(&folded(self.words), names.iter().map(String::as_str));
        let is_near = |(name, choice)| near.contains(&String::as_str(name)).then_some(choice);
        names.iter().zip(all).filter_map(is_near).collect()
    }
}

/// The list's address, with what was searched for.
pub(super) fn address(context: &Context, token: &str, query: &Query) -> String {
    let search = Search::of(query);
    let (here, query) = (context.address(token, None), search.query(search.category));
    if query.is_empty() { here } else { format!("{here}?{}", query.to_text()) }
}

/// The page of the list, as far as it fits what is searched for.
pub(super) fn page(
    context: &Context,
    token: &str,
    user: &EndUser,
    all: &[Choice],
    query: &Query,
) -> Response {
    let t = context.t;
    let search = Search::of(query);
    let here = context.address(token, None);
    let mut found: Vec<&Choice> = all.iter().filter(|choice| search.fits(choice)).collect();
    let count = match found.len() {
        0 => {
            found = search.near(all);
            Cow::Borrowed(if found.is_empty() { t.none_found } else { t.near_found })
        }
        1 => Cow::Borrowed(t.found_one),
        many => Cow::Owned(with(t.found_many, &many.to_string())),
    };
    let in_category = |category: Option<Category>| {
        let query = search.query(category);
        if query.is_empty() { here.clone() } else { format!("?{}", query.to_text()) }
    };
    let used = Category::ALL.into_iter().filter(|one| {
        let mut first = all.iter().filter_map(|choice| choice.connector.categories.first());
        first.any(|found| found == one)
    });
    let chips = used.map(|one| Chip {
        name: t.category(one.as_str()),
        href: in_category(Some(one)),
        current: search.category == Some(one),
    });
    let page = ListPage {
        for_owner: with(t.for_owner, &user.session.owner.name),
        total: all.len(),
        searched: search.is_any(),
        searchable: all.len() >= SEARCH_FROM || search.is_any(),
        query: search.words,
        category: search.category.map(Category::as_str),
        categories: chips.collect(),
        all_href: in_category(None),
        count: count.into_owned(),
        more: found.len() > SHOWN,
        whole: found.len() <= SHOWN && search.words.is_empty(),
        apps: found.into_iter().take(SHOWN).map(|choice| app(t, &search, choice)).collect(),
        here: here.clone(),
        f: context.frame(t.choose_title),
    };
    context.render(StatusCode::OK, &page)
}

fn app<'a>(t: &'static Texts, search: &Search<'_>, choice: &'a Choice) -> App<'a> {
    let connector = &choice.connector;
    let logo = Logo::of(connector.key.as_str(), &connector.name);
    let category = connector.categories.first();
    let mut query = search.query(search.category);
    query.push("c", &choice.config.id);
    App {
        href: format!("?{}", query.to_text()),
        name: &connector.name,
        key: connector.key.as_str(),
        category: category.map_or("", |category| t.category(category.as_str())),
        letters: logo.letters,
        color: logo.color,
    }
}
