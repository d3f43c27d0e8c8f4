//! How the page of a project looks, as options of `hubctl projects update`.

use std::path::Path;

use crate::api::projects::Project;
use crate::cli::input;
use crate::domain::brand::{Changes, Color, DisplayName, Edit, Logo};
use crate::error::{HubError, codes};

/// The look of the page that end users see.
#[derive(Debug, clap::Args)]
pub(super) struct Look {
    /// Name that the page shows to end users, up to 60 characters; an empty one shows none
    #[arg(long, value_name = "NAME")]
    display_name: Option<Edit<DisplayName>>,

    /// Colour of the page's buttons and links, such as #0a7cff; an empty one is the hub's own
    #[arg(long, value_name = "COLOR")]
    accent_color: Option<Edit<Color>>,

    /// Picture that the page shows, SVG, PNG, JPEG or WebP of up to 64 KiB: @FILE, or - for
    /// standard input; an empty one shows none
    #[arg(long, value_name = "@FILE")]
    logo: Option<String>,
}

impl Look {
    /// Whether anything of it is given.
    pub(super) const fn is_given(&self) -> bool {
        self.display_name.is_some() || self.accent_color.is_some() || self.logo.is_some()
    }

    /// Reads the picture, and answers what to change.
    pub(super) fn changes(self) -> Result<Changes, HubError> {
        let logo = self.logo.as_deref().map(read).transpose()?;
        Ok(Changes {
            name: self.display_name.unwrap_or_default(),
            accent: self.accent_color.unwrap_or_default(),
            logo: logo.unwrap_or_default(),
        })
    }
}

fn read(given: &str) -> Result<Edit<Logo>, HubError> {
    let path = match given {
        "" => return Ok(Edit::Clear),
        "-" => "-",
        _ => given.strip_prefix('@').ok_or_else(|| {
            HubError::new(&codes::BAD_VALUE, "--logo: a picture is given by its file")
                .hint(format!("--logo @{given}"))
        })?,
    };
    let logo = Logo::read(input::bytes(Path::new(path))?);
    logo.map(Edit::Set)
        .map_err(|error| HubError::new(&codes::BAD_VALUE, format!("--logo: {error}")))
}

/// How the page looks, in words.
pub(super) fn look(project: &Project) -> String {
    let kind = |kind: &str| match kind {
        "image/svg+xml" => "an SVG logo".to_owned(),
        other => format!("a {} logo", other.trim_start_matches("image/").to_uppercase()),
    };
    let parts = [
        project.display_name.as_ref().map(|name| format!("named {name}")),
        project.accent_color.as_ref().map(|color| format!("coloured {color}")),
        project.logo_type.as_deref().map(|logo| format!("with {}", kind(logo))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    match parts.as_slice() {
        [] => "the hub's own look".to_owned(),
        parts => parts.join(", "),
    }
}

#[cfg(test)]
mod tests {
    use super::{Edit, read};

    #[test]
    fn a_logo_is_a_file_or_nothing() {
        assert_eq!(read("").unwrap(), Edit::Clear);
        let error = read("logo.svg").unwrap_err();
        assert_eq!(error.code().name, "usage.bad_value");
        assert_eq!(error.hint_text(), Some("--logo @logo.svg"));
        assert!(read("@/nowhere/logo.svg").is_err());
    }
}
