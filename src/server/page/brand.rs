//! How a project's own page looks: its name, logo and colours, and the logo itself as a picture.

use std::fmt::Write as _;

use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};

use crate::domain::brand::{Palette, Theme};
use crate::domain::ids::ProjectNumber;
use crate::domain::project::Project;
use crate::error::{HubError, codes};
use crate::hub::projects;
use crate::server::AppState;
use crate::server::pictures::Picture;
use crate::server::respond::Failure;

/// Where logos are; their project and hash follow.
const LOGOS: &str = "/connect/logo";
/// Another picture has another address, so that this one may be kept for ever.
const KEPT: &str = "public, max-age=31536000, immutable";

/// What a page shows of its project.
#[derive(Debug, Clone, Default)]
pub(super) struct Look {
    /// What the project is called.
    pub(super) name: Option<String>,
    /// The address of its logo.
    pub(super) logo: Option<String>,
    /// Its colours, as a style.
    pub(super) css: String,
}

impl Look {
    /// The look of a project's pages; `base` is what stands before every path.
    pub(super) fn of(project: &Project, base: &str) -> Self {
        let brand = &project.brand;
        let number = project.number.0;
        let logo = brand.logo.as_ref();
        Self {
            name: brand.name.as_ref().map(ToString::to_string),
            logo: logo.map(|logo| format!("{base}{LOGOS}/{number}/{}", logo.hash())),
            css: brand.accent.map(|accent| style(&Theme::of(accent))).unwrap_or_default(),
        }
    }

    /// Whether there is anything to see of it.
    pub(super) const fn is_shown(&self) -> bool {
        self.name.is_some() || self.logo.is_some()
    }
}

fn style(theme: &Theme) -> String {
    let (light, dark) = (variables(&theme.light), variables(&theme.dark));
    format!(":root{{{light}}}@media(prefers-color-scheme:dark){{:root{{{dark}}}}}")
}

fn variables(palette: &Palette) -> String {
    let colors = [
        ("accent", Some(palette.text)),
        ("accent-2", Some(palette.text_hover)),
        ("tint", Some(palette.tint)),
        ("go", Some(palette.button)),
        ("go-2", Some(palette.button_hover)),
        ("on", Some(palette.on_button)),
        ("go-edge", palette.button_edge),
    ];
    let mut text = String::new();
    for (name, color) in colors {
        match color {
            Some(color) => _ = write!(text, "--{name}:{color};"),
            // What the light scheme sets would go on in the dark one.
            None => _ = write!(text, "--{name}:transparent;"),
        }
    }
    text
}

/// The route of the logos.
pub(super) fn path() -> String {
    format!("{LOGOS}/{{project}}/{{hash}}")
}

/// `GET /connect/logo/{project}/{hash}`: the picture, for browsers that show the page.
pub(super) async fn logo(
    State(state): State<AppState>,
    Path((project, hash)): Path<(i64, String)>,
) -> Response {
    let found = projects::logo(&state.hub, ProjectNumber(project), &hash).await;
    let found = found.and_then(|logo| {
        logo.ok_or_else(|| HubError::new(&codes::ROUTE_UNKNOWN, "nothing is here"))
    });
    let logo = match found {
        Ok(logo) => logo,
        Err(error) => return Failure::from(error).into_response(),
    };
    let (kind, bytes) = (logo.kind().content_type(), logo.bytes().to_vec());
    Picture { kind, bytes, kept: KEPT, shown_by: "same-origin" }.into_response()
}

#[cfg(test)]
mod tests {
    use crate::domain::brand::Theme;

    #[test]
    fn the_theme_is_made_for_the_colours_that_the_style_has() {
        let css = include_str!("assets/page.css");
        let (light, dark) = css.split_once("prefers-color-scheme:dark").unwrap();
        let short = |color: String| color.replace("#ffffff", "#fff");
        for (scheme, [card, page, bad]) in [light, dark].into_iter().zip(Theme::surfaces()) {
            for (name, color) in [("card", card), ("bg", page), ("bad-bg", bad)] {
                let wanted = format!("--{name}:{}", short(color.to_string()));
                assert!(scheme.contains(&wanted), "{wanted}");
            }
        }
    }

    #[test]
    fn a_colour_of_the_project_is_in_both_schemes() {
        let text = super::style(&Theme::of("#ffd400".parse().unwrap()));
        assert_eq!(text.matches("--go:#ffd400;").count(), 2, "{text}");
        assert_eq!(text.matches("--go-edge:transparent;").count(), 1, "{text}");
        assert!(!text.contains('<') && !text.contains("url("), "{text}");
    }
}
