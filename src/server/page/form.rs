//! The form of one connector as a page: its fields, banners and guide, and what was wrong with what
//! was sent.

use std::collections::BTreeMap;

use crate::api::end_user::{Logo, validation};
use crate::domain::connector::field::Format;
use crate::domain::connector::guide::{Audience, Registration, guide, registration};
use crate::domain::connector::support::{Form as OnForm, Notice, NoticeKind, Position, Section};
use crate::domain::connector::{Field, FieldKind, paste, reach};
use crate::domain::secret::Secret;
use crate::error::{Code, HubError, codes};
use crate::hub::auth_configs::{Given, TRIGGER_TOKEN};
use crate::hub::end_user::Form;

use super::Context;
use super::texts::{Texts, with};
use super::trouble::is_not_offered;
use super::view::{Banner, Choosable, FormPage, GuideView, Input, Link, Part, Trouble, Wrong};

/// What says that a provider can't answer just now.
const UNREACHABLE: [&Code; 2] = [&codes::PROVIDER_UNREACHABLE, &codes::PROVIDER_RATE_LIMITED];

/// Where the form is shown.
pub(super) struct Place<'a> {
    /// Whose account it is, for people.
    pub(super) owner: &'a str,
    /// Where the form is sent.
    pub(super) action: String,
    pub(super) form_token: String,
    /// The list, if there is one to go back to.
    pub(super) back: Option<String>,
    /// Where the hub is reached.
    pub(super) public_url: &'a str,
}

/// The page of a form; `given` is what was filled in before, `trouble` what was wrong with it.
pub(super) fn page<'a>(
    context: &Context,
    form: &'a Form,
    place: Place<'_>,
    given: &Given,
    trouble: Option<Trouble>,
) -> FormPage<'a> {
    let (t, name) = (context.t, form.connector.name.as_str());
    let (editing, login) = (form.account.is_some(), form.needs_browser());
    let checked = form.connector.checks(&form.method);
    let new_window = login && context.is_framed;
    let lead = match (login, editing, asked(form).next().is_none()) {
        (true, ..) if new_window => t.login_lead_window,
        (true, ..) => t.login_lead,
        (_, true, false) => t.edit_lead,
        (_, _, true) => t.nothing_lead,
        _ if checked => t.form_lead,
        _ => t.form_lead_unchecked,
    };
    let button = match (login, editing) {
        (true, _) => t.login_button,
        (_, true) if checked => t.save_button,
        (_, true) => t.save_button_unchecked,
        _ => t.connect_button,
    };
    let busy = match (login, checked) {
        (true, _) => t.leaving,
        (_, true) => t.busy,
        _ => t.busy_unchecked,
    };
    let since = form.works_since.filter(|_| trouble.is_none()).map(|at| {
        let at = at.to_string();
        with(t.connected_since, at.split('T').next().unwrap_or_default()) + " "
    });
    let mut problem = trouble;
    let errors = problem.as_mut().map(|trouble| place_errors(form, trouble)).unwrap_or_default();
    let shown = |notice: &&Notice| notice.form == OnForm::Config;
    let plain = |position| {
        let notices = form.method.notices.iter().filter(shown);
        let here = notices.filter(move |n| n.position == position && anchor(n).is_none());
        here.map(banner).collect()
    };
    let title = with(if editing { t.edit_title } else { t.connect_title }, name);
    let register = registered(form, place.public_url);
    let mut f = match problem {
        Some(_) => context.frame(format!("{} {title}", t.error_prefix)),
        None => context.frame(title.as_str()),
    };
    f.asks = asked(form).next().is_some();
    FormPage {
        for_owner: with(t.for_owner, place.owner),
        logo: Logo::of(form.connector.key.as_str(), name),
        back: place.back,
        problem,
        lead: since.unwrap_or_default() + &with(lead, name),
        action: place.action,
        made_for: made_for(form),
        form_token: place.form_token,
        new_window,
        top: plain(Position::Top),
        bottom: plain(Position::Bottom),
        fields: asked(form).map(|field| input(t, form, field, given, &errors)).collect(),
        scopes_title: if login && register.is_none() { t.login_scopes } else { t.scopes },
        scopes: scopes(form, register.is_some()),
        register: with(t.register, name),
        callback: register.and_then(|register| register.callback_url),
        guide: guide_view(t, form, place.public_url),
        button: with(button, name),
        busy: with(busy, name),
        f,
        title,
    }
}

/// The account that a form changes; nothing where there was none. Tokens that are renewed, tests
/// and names make no form one of the past.
pub(super) fn made_for(form: &Form) -> String {
    form.account.as_ref().map(ToString::to_string).unwrap_or_default()
}

/// What is told where a form was made for another account, or for none.
pub(super) fn changed(t: &'static Texts) -> Trouble {
    let (title, text) = (t.changed_title.to_owned(), t.changed.to_owned());
    Trouble { title, text, ..Trouble::default() }
}

/// The fields that the end user fills in; one is the session's own (HB-19).
fn asked(form: &Form) -> impl Iterator<Item = &Field> {
    form.fields.iter().filter(|field| field.key != TRIGGER_TOKEN)
}

/// What the end user registers with the vendor: the OAuth client, if its id is asked for.
fn registered<'a>(form: &'a Form, public_url: &str) -> Option<Registration<'a>> {
    let client = form.method.client_id_field()?;
    let is_asked = asked(form).any(|field| field.key == client.key);
    let register = || registration(&form.connector, &form.method, Audience::EndUser, public_url);
    is_asked.then(register).flatten()
}

/// The permissions to tell of: what is needed, and what the end user's own OAuth client asks for,
/// which the administrator may have set. A field within one is told by its name.
fn scopes(form: &Form, registers: bool) -> Vec<String> {
    let method = &form.method;
    let set = method.scopes_field().and_then(|field| form.config.setup.get(&field.key));
    let wanted: Vec<String> = match set.filter(|set| !set.trim().is_empty()) {
        _ if !registers => Vec::new(),
        Some(set) => set.split([' ', ',']).filter(|it| !it.is_empty()).map(str::to_owned).collect(),
        None => method.default_scopes.clone(),
    };
    let named = |scope: &String| {
        let name = |scope: String, field: &Field| {
            scope.replace(&format!("${{{}}}", field.key), &format!("<{}>", field.label))
        };
        method.fields().fold(scope.clone(), name)
    };
    let more = method.required_scopes.iter().filter(|scope| !wanted.contains(scope));
    wanted.iter().chain(more).map(named).collect()
}

fn anchor(notice: &Notice) -> Option<&str> {
    notice.anchor.as_deref().filter(|anchor| !anchor.trim().is_empty())
}

fn banner(notice: &Notice) -> Banner<'_> {
    let kind = match notice.kind {
        NoticeKind::Warning => "warning",
        NoticeKind::Info => "info",
    };
    Banner { kind, text: &notice.description }
}

/// Names the fields that a trouble is about, and answers what is wrong with each.
fn place_errors(form: &Form, trouble: &mut Trouble) -> BTreeMap<String, String> {
    for wrong in &mut trouble.fields {
        if let Some(field) = form.fields.iter().find(|field| field.key == wrong.key) {
            wrong.id = id(field);
            wrong.label.clone_from(&field.label);
        }
    }
    trouble.fields.iter().map(|wrong| (wrong.key.clone(), wrong.message.clone())).collect()
}

fn id(field: &Field) -> String {
    format!("f-{}", field.key)
}

fn input<'a>(
    t: &'static Texts,
    form: &'a Form,
    field: &'a Field,
    given: &Given,
    errors: &BTreeMap<String, String>,
) -> Input<'a> {
    let secret = field.is_secret();
    let stored = secret && form.stored_secrets.contains(&field.key);
    // A secret is never sent back, not even to who sent it.
    let value = match given.get(&field.key).map(Secret::expose) {
        _ if secret => "",
        Some(given) if !field.read_only => given,
        _ => field.default.as_deref().unwrap_or_default(),
    };
    let (kind, html_type) = match field.kind {
        FieldKind::Select => ("select", ""),
        FieldKind::TextArea => ("text_area", ""),
        FieldKind::Number => ("number", "text"),
        _ if secret => ("password", "password"),
        _ => ("text", if field.format == Some(Format::Email) { "email" } else { "text" }),
    };
    let inputmode = match field.kind {
        FieldKind::Number => "numeric",
        _ if !secret && paste::is_address(&form.connector, field) => "url",
        _ => "",
    };
    let mut hints = Vec::new();
    if secret && given.get(&field.key).is_some_and(|given| !given.expose().trim().is_empty()) {
        hints.push(t.again);
    }
    if stored {
        hints.push(t.stored);
    }
    let more = [field.description.as_deref(), field.tooltip.as_deref()];
    hints.extend(more.into_iter().flatten().filter(|text| !text.trim().is_empty()));
    let error = errors.get(&field.key).cloned();
    let id = id(field);
    let described = match (error.is_some(), hints.is_empty()) {
        (true, false) => format!("{id}-error {id}-hint"),
        (true, true) => format!("{id}-error"),
        (false, false) => format!("{id}-hint"),
        (false, true) => String::new(),
    };
    let chosen = field.options.iter().any(|option| option.value == value);
    let options = field.options.iter().map(|option| Choosable {
        value: &option.value,
        label: &option.label,
        selected: option.value == value && !secret,
    });
    let notices = form.method.notices.iter().filter(|notice| {
        let is_top = notice.position == Position::Top && notice.form == OnForm::Config;
        is_top && anchor(notice) == Some(field.key.as_str())
    });
    Input {
        key: &field.key,
        label: &field.label,
        kind,
        html_type,
        inputmode,
        secret,
        required: field.required && !stored,
        check: validation(field),
        optional: !field.required && !field.read_only,
        read_only: field.read_only && !secret,
        value: value.to_owned(),
        placeholder: if stored { t.stored_placeholder } else { &field.placeholder },
        hints,
        error,
        described,
        empty_option: !field.required || !chosen || stored,
        options: options.collect(),
        notices: notices.map(banner).collect(),
        id,
    }
}

fn guide_view<'a>(t: &'static Texts, form: &'a Form, public_url: &str) -> Option<GuideView<'a>> {
    let name = form.connector.name.as_str();
    let guide = guide(&form.connector, Audience::EndUser, public_url);
    let written = [form.method.support.as_ref(), form.connector.support.as_ref()];
    let mut written = written.into_iter().flatten();
    let written = written.find_map(|support| support.guides.as_ref()?.config.as_ref());
    let mut sections = Vec::new();
    for section in written.map(|guide| guide.sections.as_slice()).unwrap_or_default() {
        let steps = section.with_steps().enumerate();
        sections.extend(steps.map(|(number, step)| part(t, form, step, number > 0)));
    }
    let method_link = form.method.support.as_ref().and_then(|support| support.link.as_deref());
    // Only addresses that open a page: nothing that a click would run (threat 27).
    let is_page = |link: &&str| link.starts_with("https://") || link.starts_with("http://");
    let link = method_link.or(guide.support_link).or(guide.docs_url).filter(is_page);
    let links =
        link.map(|href| Link { href: href.to_owned(), text: with(t.guide_link, name), style: "" });
    let warning = written.and_then(|guide| guide.warning.as_deref());
    let view = GuideView { warning, sections, links: links.into_iter().collect() };
    let is_written = view.warning.is_some() || !view.sections.is_empty();
    // A login asks for nothing that a link alone could help to find.
    let asks = !form.needs_browser() || asked(form).next().is_some();
    (is_written || (asks && !view.links.is_empty())).then_some(view)
}

fn part<'a>(t: &'static Texts, form: &'a Form, section: &'a Section, step: bool) -> Part<'a> {
    // A picture is somebody else's: the page links to it and does not load it.
    let linked = section.image.as_ref().filter(|image| image.src.starts_with("https://"));
    let picture = linked.map(|image| {
        let alt = Some(image.alt.trim()).filter(|alt| !alt.is_empty());
        Link { href: image.src.clone(), text: alt.unwrap_or(t.picture).to_owned(), style: "" }
    });
    Part {
        step,
        title: &section.title,
        content: &section.content,
        list: &section.list,
        scopes: section.scopes(&form.method),
        picture,
    }
}

/// What a refused form tells its user; none for what is no fault of the form.
pub(super) fn trouble(t: &'static Texts, form: &Form, error: &HubError) -> Option<Trouble> {
    let name = form.connector.name.as_str();
    let is = |code: &Code| error.code().name == code.name;
    Some(if is(&codes::FIELDS_INVALID) {
        let fields: Vec<Wrong> = error.details().iter().filter_map(wrong).collect();
        let title = match fields.len() {
            1 => t.fields_wrong_one.to_owned(),
            many => with(t.fields_wrong_many, &many.to_string()),
        };
        let text = if fields.is_empty() { error.message().to_owned() } else { String::new() };
        Trouble { title, text, fields, ..Trouble::default() }
    } else if is(&codes::PROVIDER_REFUSED) {
        let checks = [t.check_whole, t.check_expired, t.check_scopes, t.check_account];
        // A choice that stands there already is easily passed over.
        let choices = asked(form)
            .filter(|field| field.kind == FieldKind::Select && !field.read_only)
            .map(|field| with(t.check_choice, &field.label));
        Trouble {
            title: with(t.refused_title, name),
            reason: Some(reason(error)),
            reason_intro: t.refused_reason.to_owned(),
            text: t.refused_checks.to_owned(),
            points: checks.map(str::to_owned).into_iter().chain(choices).collect(),
            ..Trouble::default()
        }
    } else {
        let asks_host = reach::names_host(&form.connector, &form.method, &form.fields);
        return provider_trouble(t, name, error, asks_host);
    })
}

/// What is told of a provider that can't be asked, or not by what is set up, whatever it was asked
/// with; none for what is no fault of either. `asks_host`: whether its host was asked for, so that
/// an odd answer may be another's.
pub(super) fn provider_trouble(
    t: &'static Texts,
    name: &str,
    error: &HubError,
    asks_host: bool,
) -> Option<Trouble> {
    let is = |code: &Code| error.code().name == code.name;
    let is_odd = is(&codes::PROVIDER_BAD_ANSWER);
    let titled = |title: &str| Trouble { title: with(title, name), ..Trouble::default() };
    Some(if is(&codes::PROVIDER_MISCONFIGURED) {
        Trouble {
            reason: Some(reason(error)),
            reason_intro: t.refused_reason.to_owned(),
            text: t.misconfigured.to_owned(),
            ..titled(t.misconfigured_title)
        }
    } else if is(&codes::PROVIDER_HOST_UNKNOWN) || (is_odd && asks_host) {
        Trouble { text: t.unknown_host.to_owned(), ..titled(t.unknown_host_title) }
    } else if is_odd || UNREACHABLE.into_iter().any(is) {
        Trouble { text: t.unreachable.to_owned(), ..titled(t.unreachable_title) }
    } else if is(&codes::PROVIDER_BLOCKED) {
        Trouble { text: t.misconfigured.to_owned(), ..titled(t.misconfigured_title) }
    } else {
        return None;
    })
}

/// The provider's own words, or ours for what it said.
fn reason(error: &HubError) -> String {
    let told = error.details().iter().find_map(|detail| detail.get("provider_response"));
    let told = told.map(|told| told.as_str().map_or_else(|| told.to_string(), str::to_owned));
    let told = told.filter(|told| !told.trim().is_empty());
    shortened(told.as_deref().unwrap_or(error.message()))
}

/// What went wrong with a login, in words. What the hub says of its own set-up is for
/// administrators and is not shown.
pub(super) fn login_trouble(
    t: &'static Texts,
    name: &str,
    code: &str,
    description: Option<&str>,
) -> Trouble {
    let known = codes::find(code);
    let is_own = known.is_some_and(|code| {
        let is_of_login = code.is_of_provider() || code.name.starts_with("oauth.");
        !is_of_login || code.name == codes::PROVIDER_BLOCKED.name
    });
    let told = description.filter(|_| !is_own);
    let reason = told.map(shortened).filter(|text| !text.trim().is_empty());
    let text = match known {
        Some(code) if is_own && is_not_offered(code) => t.not_offered,
        _ if code == "access_denied" => t.login_denied,
        _ => t.login_failed,
    };
    Trouble {
        title: with(t.login_failed_title, name),
        reason_intro: if reason.is_some() { t.refused_reason.to_owned() } else { String::new() },
        reason,
        text: text.to_owned(),
        ..Trouble::default()
    }
}

fn wrong(detail: &serde_json::Value) -> Option<Wrong> {
    let text = |key: &str| detail.get(key)?.as_str().map(str::to_owned);
    let (key, message) = (text("field")?, text("message")?);
    Some(Wrong { id: String::new(), label: key.clone(), key, message })
}

/// The beginning of a text that a provider may have made as long as it likes.
pub(super) fn shortened(text: &str) -> String {
    const LIMIT: usize = 600;
    let kept = &text[..text.floor_char_boundary(LIMIT)];
    let clean = kept.chars().filter(|c| !c.is_control() || *c == '\n');
    let mut clean: String = clean.collect();
    if kept.len() < text.len() {
        clean.push('…');
    }
    clean
}

#[cfg(test)]
mod tests {
    use super::{HubError, Texts, codes, provider_trouble};

    #[test]
    fn a_host_that_is_not_there_asks_for_another_look_at_the_address() {
        let told = |code, asks_host| {
            let error = HubError::new(code, "x");
            provider_trouble(Texts::of(None), "Acme", &error, asks_host).unwrap()
        };
        let unknown = told(&codes::PROVIDER_HOST_UNKNOWN, false);
        assert_eq!(unknown.title, "Acme was not found");
        assert!(unknown.text.contains("the address that you entered"), "{}", unknown.text);
        let away = told(&codes::PROVIDER_UNREACHABLE, true);
        assert_ne!(unknown.text, away.text);
        // What answers with something else is another's where its host was asked for.
        assert_eq!(told(&codes::PROVIDER_BAD_ANSWER, true).text, unknown.text);
        assert_eq!(told(&codes::PROVIDER_BAD_ANSWER, false).text, away.text);
    }
}
