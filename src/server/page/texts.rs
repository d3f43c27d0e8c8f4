//! Every text of the end user's pages, in one place for each language.
//!
//! `{}` stands for a name. A further language is another constant and a line in [`Texts::of`].

/// The texts of one language.
#[derive(Debug)]
pub(super) struct Texts {
    /// The language, as `lang` has it.
    pub(super) lang: &'static str,
    pub(super) choose_title: &'static str,
    pub(super) choose_lead: &'static str,
    pub(super) search: &'static str,
    pub(super) search_button: &'static str,
    pub(super) categories: &'static str,
    pub(super) all: &'static str,
    pub(super) none_found: &'static str,
    pub(super) none_offered: &'static str,
    pub(super) found_one: &'static str,
    pub(super) found_many: &'static str,
    pub(super) more_found: &'static str,
    pub(super) for_owner: &'static str,
    pub(super) connect_title: &'static str,
    pub(super) edit_title: &'static str,
    pub(super) form_lead: &'static str,
    pub(super) form_lead_unchecked: &'static str,
    pub(super) edit_lead: &'static str,
    pub(super) login_lead: &'static str,
    pub(super) login_lead_window: &'static str,
    pub(super) nothing_lead: &'static str,
    pub(super) optional: &'static str,
    pub(super) stored: &'static str,
    pub(super) stored_placeholder: &'static str,
    pub(super) choose_option: &'static str,
    pub(super) show: &'static str,
    pub(super) hide: &'static str,
    pub(super) connect_button: &'static str,
    pub(super) save_button: &'static str,
    pub(super) save_button_unchecked: &'static str,
    pub(super) login_button: &'static str,
    pub(super) busy: &'static str,
    pub(super) busy_unchecked: &'static str,
    pub(super) leaving: &'static str,
    pub(super) back: &'static str,
    pub(super) guide: &'static str,
    pub(super) guide_link: &'static str,
    pub(super) guide_scopes: &'static str,
    pub(super) picture: &'static str,
    pub(super) new_tab: &'static str,
    pub(super) scopes: &'static str,
    pub(super) login_scopes: &'static str,
    pub(super) note: &'static str,
    pub(super) warning: &'static str,
    pub(super) error_prefix: &'static str,
    pub(super) fields_wrong_one: &'static str,
    pub(super) fields_wrong_many: &'static str,
    pub(super) refused_title: &'static str,
    pub(super) refused_reason: &'static str,
    pub(super) refused_checks: &'static str,
    pub(super) check_whole: &'static str,
    pub(super) check_expired: &'static str,
    pub(super) check_scopes: &'static str,
    pub(super) check_account: &'static str,
    pub(super) unreachable_title: &'static str,
    pub(super) unreachable: &'static str,
    pub(super) unknown_host_title: &'static str,
    pub(super) unknown_host: &'static str,
    pub(super) misconfigured_title: &'static str,
    pub(super) misconfigured: &'static str,
    pub(super) login_failed_title: &'static str,
    pub(super) login_denied: &'static str,
    pub(super) login_failed: &'static str,
    pub(super) login_cancelled: &'static str,
    pub(super) login_expired: &'static str,
    pub(super) login_pending: &'static str,
    pub(super) done_title: &'static str,
    pub(super) done: &'static str,
    pub(super) done_unproven: &'static str,
    pub(super) another: &'static str,
    pub(super) leave_title: &'static str,
    pub(super) leave: &'static str,
    pub(super) leave_link: &'static str,
    pub(super) ended_done: &'static str,
    pub(super) ended_failed: &'static str,
    pub(super) expired_title: &'static str,
    pub(super) expired: &'static str,
    pub(super) gone_title: &'static str,
    pub(super) gone: &'static str,
    pub(super) not_offered_title: &'static str,
    pub(super) not_offered: &'static str,
    pub(super) state_title: &'static str,
    pub(super) state: &'static str,
    pub(super) browser_title: &'static str,
    pub(super) browser: &'static str,
    pub(super) foreign_title: &'static str,
    pub(super) foreign: &'static str,
    pub(super) too_many_title: &'static str,
    pub(super) too_many: &'static str,
    pub(super) too_long_title: &'static str,
    pub(super) too_long: &'static str,
    pub(super) request_title: &'static str,
    pub(super) request: &'static str,
    pub(super) broken_title: &'static str,
    pub(super) broken: &'static str,
    pub(super) foot: &'static str,
    /// Names of the categories, by the wire's value.
    pub(super) category_names: &'static [(&'static str, &'static str)],
}

/// English.
static ENGLISH: Texts = Texts {
    lang: "en",
    choose_title: "Connect an app",
    choose_lead: "Choose the app that you want to connect.",
    search: "Search apps",
    search_button: "Search",
    categories: "Categories",
    all: "All",
    none_found: "No app fits your search.",
    none_offered: "There is nothing to connect with this link. Ask whoever sent it to you.",
    found_one: "1 app",
    found_many: "{} apps",
    more_found: "More apps fit: search to find the others.",
    for_owner: "For {}",
    connect_title: "Connect {}",
    edit_title: "Update {}",
    form_lead: "Fill in the details of your {} account. They are checked right away.",
    form_lead_unchecked: "Fill in the details of your {} account.",
    edit_lead: "Change what is no longer right. A secret that you leave empty stays as it is stored.",
    login_lead: "You will sign in at {} and choose what to allow. Then you come back here.",
    login_lead_window: "You will sign in at {} in a new window and choose there what to allow.",
    nothing_lead: "Nothing has to be filled in: press the button to connect {}.",
    optional: "optional",
    stored: "Stored. Leave empty to keep it.",
    stored_placeholder: "••••••••••",
    choose_option: "Choose…",
    show: "Show",
    hide: "Hide",
    connect_button: "Connect {}",
    save_button: "Save and check",
    save_button_unchecked: "Save",
    login_button: "Continue to {}",
    busy: "Checking with {}…",
    busy_unchecked: "Saving…",
    leaving: "Opening {}…",
    back: "All apps",
    guide: "Where do I find these?",
    guide_link: "Guide by {}",
    guide_scopes: "For these permissions:",
    picture: "Picture of this step",
    new_tab: "(opens in a new tab)",
    scopes: "These permissions are needed",
    login_scopes: "You will be asked to allow",
    note: "Note",
    warning: "Important",
    error_prefix: "Error:",
    fields_wrong_one: "One field needs your attention",
    fields_wrong_many: "{} fields need your attention",
    refused_title: "{} did not accept these details",
    refused_reason: "The reason:",
    refused_checks: "Nothing was saved. Please check that",
    check_whole: "the key or password is whole, without a space or sign missing",
    check_expired: "it is not expired and was not withdrawn",
    check_scopes: "it has the permissions that are needed",
    check_account: "it belongs to the right account",
    unreachable_title: "{} can't be reached just now",
    unreachable: "Nothing was saved. Please try again in a few minutes.",
    unknown_host_title: "{} was not found",
    unknown_host: "Nothing was saved. Please check the address that you entered, or the part of it, such as a subdomain. If it is right, try again in a few minutes.",
    misconfigured_title: "{} can't be connected yet",
    misconfigured: "The set-up of this connection has to be corrected by whoever sent you the link. Nothing was saved.",
    login_failed_title: "Signing in at {} did not work",
    login_denied: "Access was not granted. Nothing was connected; you can try again.",
    login_failed: "Nothing was connected; you can try again.",
    login_cancelled: "The sign-in was cancelled. You can start again.",
    login_expired: "The sign-in took too long. You can start again.",
    login_pending: "The sign-in is not finished yet. Finish it in its window, or start again.",
    done_title: "{} is connected",
    done: "Everything works. You can close this page.",
    done_unproven: "What you entered is saved. It could not be checked here: whether it is right shows when it is first used. You can close this page.",
    another: "Connect another app",
    leave_title: "Opening {}",
    leave: "You are being taken to {} to sign in.",
    leave_link: "Continue to {}",
    ended_done: "You can close this window.",
    ended_failed: "You can close this window and try again.",
    expired_title: "This link has expired",
    expired: "Links work for a limited time only. Ask whoever sent it to you for a new one.",
    gone_title: "This link no longer works",
    gone: "It was withdrawn or is not complete. Ask whoever sent it to you for a new one.",
    not_offered_title: "This app can't be connected here",
    not_offered: "It is not part of this link, or it was switched off. Ask whoever sent you the link.",
    state_title: "This sign-in can't be completed",
    state: "It is finished already, took too long, or was not started here. Begin again from your link.",
    browser_title: "This sign-in was started elsewhere",
    browser: "It has to end in the browser in which it began, with cookies allowed. Begin again from your link.",
    foreign_title: "This did not come from this page",
    foreign: "To protect you, nothing was done. Open your link again and fill in the form there.",
    too_many_title: "Too many attempts",
    too_many: "Please wait a few minutes and try again.",
    too_long_title: "This is too long",
    too_long: "Nothing was saved. Open your link again and enter less, or ask whoever sent it to you.",
    request_title: "This can't be done",
    request: "The request is not complete. Open your link again.",
    broken_title: "Something went wrong on our side",
    broken: "Nothing was saved. Please try again in a few minutes.",
    foot: "What you enter is stored encrypted and used for this connection only.",
    category_names: &[
        ("ats", "Recruiting"),
        ("hris", "HR"),
        ("hris-legacy", "HR"),
        ("crm", "CRM"),
        ("iam", "Identity"),
        ("marketing", "Marketing"),
        ("lms", "Learning"),
        ("stackone", "Other"),
        ("documents", "Documents"),
        ("ticketing", "Ticketing"),
        ("screening", "Screening"),
        ("messaging", "Messaging"),
        ("accounting", "Accounting"),
        ("scheduling", "Scheduling"),
    ],
};

impl Texts {
    /// The texts that fit a browser's languages best; English as yet.
    pub(super) fn of(_accept_language: Option<&str>) -> &'static Self {
        &ENGLISH
    }

    /// The name of a category.
    pub(super) fn category(&self, value: &str) -> &'static str {
        let found = self.category_names.iter().find(|(known, _)| *known == value);
        found.map_or("", |(_, name)| name)
    }
}

/// A text with a name in it.
pub(super) fn with(text: &str, name: &str) -> String {
    text.replacen("{}", name, 1)
}

#[cfg(test)]
mod tests {
    use super::{Texts, with};
    use crate::domain::connector::Category;

    #[test]
    fn every_category_has_a_name() {
        for category in Category::ALL {
            assert!(!Texts::of(None).category(category.as_str()).is_empty(), "{category}");
        }
    }

    #[test]
    fn a_name_is_put_in_once_and_as_it_is() {
        assert_eq!(with("For {}", "{} <b>"), "For {} <b>");
        assert_eq!(with("All", "x"), "All");
    }
}
