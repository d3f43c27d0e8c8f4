//! Reading values that may be newer than this program: what is unknown is left out, never refused.

use std::borrow::Cow;

use serde::{Deserialize, Deserializer};

use crate::domain::connector::Category;

fn known(names: &[Cow<'_, str>]) -> Vec<Category> {
    names.iter().filter_map(|name| name.parse().ok()).collect()
}

/// The categories of a list that this program knows; null is an empty list.
pub(super) fn categories<'de, D: Deserializer<'de>>(from: D) -> Result<Vec<Category>, D::Error> {
    Ok(some_categories(from)?.unwrap_or_default())
}

/// The same for a borrowed list.
pub(super) fn categories_cow<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Cow<'static, [Category]>, D::Error> {
    categories(from).map(Cow::Owned)
}

/// The same where null says that there is no list.
pub(super) fn some_categories<'de, D: Deserializer<'de>>(
    from: D,
) -> Result<Option<Vec<Category>>, D::Error> {
    let names = Option::<Vec<Cow<'_, str>>>::deserialize(from)?;
    Ok(names.map(|names| known(&names)))
}
