//! What the templates are filled with. Everything is text, and is escaped where it is put in.

use crate::api::end_user::{Logo, Validation};

use super::brand::Look;
use super::texts::Texts;

include!(concat!(env!("OUT_DIR"), "/page_templates.rs"));

/// What every page has.
pub(super) struct Frame {
    pub(super) t: &'static Texts,
    /// What the window is called.
    pub(super) title: String,
    /// Where the browser goes next by itself.
    pub(super) go: Option<String>,
    /// Whether something is to be filled in, of which it is told where it goes.
    pub(super) asks: bool,
    /// Lets the page's own style and script pass, and nothing else.
    pub(super) nonce: String,
    pub(super) css: &'static str,
    pub(super) js: &'static str,
    /// The project's own.
    pub(super) look: Look,
}

impl Frame {
    pub(super) fn new(t: &'static Texts, nonce: String, title: String, look: Look) -> Self {
        let (css, js) = (include_str!("assets/page.css"), include_str!("assets/page.js"));
        Self { t, title, go: None, asks: false, nonce, css, js, look }
    }
}

// The connectors to pick from.
list_template! {
    #[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
    pub(super) struct ListPage<'a> {
        pub(super) f: Frame,
        pub(super) for_owner: String,
        /// The page's own address.
        pub(super) here: String,
        /// Connectors before any search.
        pub(super) total: usize,
        pub(super) searched: bool,
        pub(super) searchable: bool,
        pub(super) query: &'a str,
        pub(super) category: Option<&'a str>,
        pub(super) categories: Vec<Chip>,
        pub(super) all_href: String,
        pub(super) count: String,
        pub(super) apps: Vec<App<'a>>,
        /// Whether more fit than are shown.
        pub(super) more: bool,
        /// Whether every connector that can be searched for is shown.
        pub(super) whole: bool,
    }
}

pub(super) struct Chip {
    pub(super) name: &'static str,
    pub(super) href: String,
    pub(super) current: bool,
}

pub(super) struct App<'a> {
    pub(super) href: String,
    pub(super) name: &'a str,
    /// The connector's key, by which it is found as well.
    pub(super) key: &'a str,
    pub(super) category: &'static str,
    pub(super) letters: String,
    pub(super) color: usize,
}

// The form of one connector.
form_template! {
    pub(super) struct FormPage<'a> {
        pub(super) f: Frame,
        /// The heading; what the window is called also says that something is wrong.
        pub(super) title: String,
        pub(super) for_owner: String,
        pub(super) logo: Logo,
        pub(super) back: Option<String>,
        pub(super) problem: Option<Trouble>,
        pub(super) lead: String,
        pub(super) action: String,
        pub(super) form_token: String,
        /// For which state of the connection it is made.
        pub(super) made_for: String,
        /// Whether what it leads to needs a window of its own.
        pub(super) new_window: bool,
        pub(super) top: Vec<Banner<'a>>,
        pub(super) bottom: Vec<Banner<'a>>,
        pub(super) fields: Vec<Input<'a>>,
        /// What to do with the callback address, where the end user registers it.
        pub(super) register: String,
        pub(super) callback: Option<String>,
        pub(super) scopes_title: &'static str,
        pub(super) scopes: Vec<String>,
        pub(super) guide: Option<GuideView<'a>>,
        pub(super) button: String,
        pub(super) busy: String,
    }
}

pub(super) struct Banner<'a> {
    pub(super) kind: &'static str,
    pub(super) text: &'a str,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Input<'a> {
    pub(super) id: String,
    pub(super) key: &'a str,
    pub(super) label: &'a str,
    pub(super) kind: &'static str,
    /// What an `input` has as its `type`.
    pub(super) html_type: &'static str,
    /// Which keyboard a phone shows, if not the usual one.
    pub(super) inputmode: &'static str,
    /// Whether nobody who comes after may find what was entered.
    pub(super) secret: bool,
    pub(super) required: bool,
    /// What a value is held against before it is sent.
    pub(super) check: Option<Validation>,
    /// Whether it may be left empty also where nothing is stored.
    pub(super) optional: bool,
    pub(super) read_only: bool,
    pub(super) value: String,
    pub(super) placeholder: &'a str,
    pub(super) hints: Vec<&'a str>,
    pub(super) error: Option<String>,
    /// Ids of what describes it.
    pub(super) described: String,
    pub(super) empty_option: bool,
    pub(super) options: Vec<Choosable<'a>>,
    /// Banners before it.
    pub(super) notices: Vec<Banner<'a>>,
}

pub(super) struct Choosable<'a> {
    pub(super) value: &'a str,
    pub(super) label: &'a str,
    pub(super) selected: bool,
}

/// What went wrong, and what to do.
#[derive(Default)]
pub(super) struct Trouble {
    pub(super) title: String,
    /// The provider's own words, and what stands before them.
    pub(super) reason: Option<String>,
    pub(super) reason_intro: String,
    pub(super) text: String,
    pub(super) points: Vec<String>,
    pub(super) fields: Vec<Wrong>,
}

/// What is wrong with a field.
pub(super) struct Wrong {
    /// The input's id; empty where there is none.
    pub(super) id: String,
    pub(super) key: String,
    pub(super) label: String,
    pub(super) message: String,
}

pub(super) struct GuideView<'a> {
    pub(super) warning: Option<&'a str>,
    pub(super) sections: Vec<Part<'a>>,
    pub(super) links: Vec<Link>,
}

pub(super) struct Part<'a> {
    pub(super) step: bool,
    pub(super) title: &'a str,
    pub(super) content: &'a str,
    pub(super) list: &'a [String],
    pub(super) scopes: Vec<&'a str>,
    pub(super) picture: Option<Link>,
}

pub(super) struct Link {
    pub(super) href: String,
    pub(super) text: String,
    /// How it looks: `go` for a button.
    pub(super) style: &'static str,
}

// A page that only tells something.
message_template! {
    pub(super) struct MessagePage {
        pub(super) f: Frame,
        /// `good`, `bad` or `wait`.
        pub(super) kind: &'static str,
        pub(super) reason: Option<String>,
        pub(super) text: String,
        pub(super) link: Option<Link>,
        /// Whether the window closes by itself, if a script opened it.
        pub(super) close: bool,
    }
}

impl MessagePage {
    pub(super) fn new(f: Frame, kind: &'static str, text: &str) -> Self {
        Self { f, kind, reason: None, text: text.to_owned(), link: None, close: false }
    }
}

#[cfg(test)]
mod tests {
    use super::Logo;

    #[test]
    fn the_style_knows_every_colour_of_a_sign() {
        let style = include_str!("assets/page.css");
        for (index, color) in Logo::COLORS.iter().enumerate() {
            assert!(style.contains(&format!(".s{index}{{background:{color}}}")), "{color}");
        }
    }
}
