//! Where commands act: what names a store or a hub, and which of them wins.

use crate::cli::globals::Globals;
use crate::domain::origin::{Origin as WebOrigin, is_same_address, web_address};
use crate::env;
use crate::error::{HubError, codes};
use crate::hub::keyring::KeyringAccess;

use super::sources::{Origin, Sources, no_home};
use super::state::State;
use super::table;
use super::{Local, Remote, bad_value, key_source, keys, network};

/// Where commands act.
#[derive(Debug)]
pub(in crate::cli) enum Place {
    /// On a store of one's own.
    Local(Local),
    /// On a hub elsewhere.
    Remote(Box<Remote>),
    /// The environment has an API key, and nothing says for which hub. Commands on a store use the
    /// local one; those that could mean either must not guess.
    KeyAlone(Local),
    /// Nowhere; commands that need no place work.
    Nowhere(Nowhere),
}

/// Why there is no place to act.
#[derive(Debug, Clone, Copy)]
pub(in crate::cli) enum Nowhere {
    /// This variable is there and empty.
    Empty(&'static str),
    /// The store or its key would be in the user's home, and there is none.
    NoHome,
}

impl Nowhere {
    /// The error for a command that needs a place.
    pub(in crate::cli) fn refusal(self) -> HubError {
        match self {
            Self::Empty(name) => HubError::new(&codes::BAD_VALUE, format!("{name} is empty"))
                .hint(format!("unset {name} # or give it a value")),
            Self::NoHome => no_home(),
        }
    }
}

impl Place {
    /// The place for people, without a password.
    pub(in crate::cli) fn shown(&self) -> String {
        match self {
            Self::Local(local) | Self::KeyAlone(local) => match &local.state {
                State::File(path) => path.display().to_string(),
                State::Postgres(url) => table::STATE.form.shown(url).into_owned(),
            },
            Self::Remote(remote) => remote.api_url.to_string(),
            Self::Nowhere(why) => format!("nowhere: {}", why.refusal()),
        }
    }
}

/// Where commands act, and what says so.
pub(super) fn place(
    globals: &Globals,
    sources: &Sources,
    keyring: &KeyringAccess,
) -> Result<(Place, Origin), HubError> {
    let (place, origin) = named(globals, sources, keyring)?;
    let empty = empty(globals, sources, &place);
    Ok((empty.map_or(place, |name| Place::Nowhere(Nowhere::Empty(name))), origin))
}

/// The stronger of store and address wins; two that are as strong contradict each other.
fn named(
    globals: &Globals,
    sources: &Sources,
    keyring: &KeyringAccess,
) -> Result<(Place, Origin), HubError> {
    let state = sources.pick_os(globals, &table::STATE);
    let url = sources.pick(globals, &table::API_URL)?;
    let rank = |origin: Option<Origin>| origin.unwrap_or(Origin::BuiltIn).rank();
    let (of_state, of_url) = (state.as_ref().map(|p| p.origin), url.as_ref().map(|p| p.origin));
    if let (Some(state), Some(url)) = (of_state, of_url)
        && state.rank() == url.rank()
        && !(state == Origin::Profile && sources.is_lenient())
    {
        return Err(contradiction(sources, state));
    }
    if let Some(url) = url
        && rank(of_url) < rank(of_state)
    {
        let api_url = web_address(url.value).map_err(bad_value)?;
        let (key, network) = (key_source(globals, sources)?, network(globals, sources)?);
        return Ok((Place::Remote(Box::new(Remote { api_url, key, network })), url.origin));
    }
    let has_key = sources.env.is_set(env::API_KEY) || sources.env.is_set(env::API_KEY_FILE);
    let is_key_alone = has_key && state.is_none() && sources.values().is_none();
    let origin = of_state.unwrap_or(Origin::BuiltIn);
    let usual = || Some(State::File(sources.folders.as_ref()?.data.join("hubctl.db")));
    let state = match state.map(|picked| (State::of_os(picked.value), picked.origin)) {
        None => usual(),
        Some((Ok(state), _)) => Some(state),
        // Who is about to correct it must not be stopped by it.
        Some((Err(_), Origin::Profile)) if sources.is_lenient() => usual(),
        Some((Err(none), origin)) => {
            return Err(sources.bad(&table::STATE, origin, none.why).hint(none.hint));
        }
    };
    let Some((keys, state)) =
        state.and_then(|state| Some((keys(sources, &state, keyring)?, state)))
    else {
        return Ok((Place::Nowhere(Nowhere::NoHome), origin));
    };
    let local = Local { state, keys, is_named: of_state.is_some() };
    Ok((if is_key_alone { Place::KeyAlone(local) } else { Place::Local(local) }, origin))
}

/// The variable that is there and empty where its value would have decided where or as whom to act:
/// a secret that a job lacks must not turn its command to another store. Of two variables for one
/// thing, or a flag and a variable, one that says it is enough.
fn empty(globals: &Globals, sources: &Sources, place: &Place) -> Option<&'static str> {
    let needs_key = match place {
        Place::Local(local) => !local.is_named && sources.values().is_none(),
        Place::Remote(_) | Place::KeyAlone(_) | Place::Nowhere(_) => true,
    };
    let is_place_open = globals.state.is_none() && globals.api_url.is_none();
    let rows: [(&[&'static str], bool); 5] = [
        (&[env::PROFILE], globals.profile.is_none()),
        (&[env::STATE, env::API_URL], is_place_open),
        (&[env::PROJECT], globals.project.is_none()),
        (&[env::MASTER_KEY_FILE], !matches!(place, Place::Remote(_))),
        (&[env::API_KEY, env::API_KEY_FILE], needs_key),
    ];
    let mut open = rows.into_iter().filter(|(names, counts)| {
        let is_said = names.iter().any(|name| sources.env.is_set(name));
        *counts && !is_said
    });
    open.find_map(|(names, _)| names.iter().copied().find(|name| sources.env.is_empty(name)))
}

/// Whether the profile in use names this place, even if a flag or a variable does so as well: what
/// it protects is the place.
pub(super) fn is_named_by(sources: &Sources, place: &Place) -> bool {
    let said = |setting: &table::Setting| sources.values()?.get(setting.key);
    match place {
        Place::Local(local) | Place::KeyAlone(local) => {
            let own = said(&table::STATE).and_then(|text| State::of(text).ok());
            own.is_some_and(|own| own.is(&local.state))
        }
        Place::Remote(remote) => {
            let own = said(&table::API_URL).and_then(|text| text.parse::<WebOrigin>().ok());
            own == Some(WebOrigin::of(&remote.api_url))
        }
        Place::Nowhere(_) => false,
    }
}

fn contradiction(sources: &Sources, origin: Origin) -> HubError {
    let (code, names) = match origin {
        Origin::Flag(_) => (&codes::USAGE, "--state and --api-url".to_owned()),
        Origin::Environment(_) => (&codes::USAGE, format!("{} and {}", env::STATE, env::API_URL)),
        Origin::Profile | Origin::BuiltIn => {
            let (path, name) = (sources.config_path(), &sources.profile);
            let text = format!("{} profile `{name}`: state and api_url", path.display());
            (&codes::CONFIG_INVALID, text)
        }
    };
    let text = format!("{names} name two places to act");
    HubError::new(code, text).hint("keep one of them")
}

/// Why nothing acts here: a flag chose a profile with a place of its own, and a variable that is
/// stronger names another one. Either may be what was forgotten.
pub(super) fn overruled(sources: &Sources, place: &Place, origin: Origin) -> Option<HubError> {
    let (Origin::Flag(flag), Origin::Environment(variable)) = (sources.profile_origin, origin)
    else {
        return None;
    };
    let said = |setting: &table::Setting| sources.values()?.get(setting.key).map(String::as_str);
    let (state, url) = (said(&table::STATE), said(&table::API_URL));
    let is_same = match place {
        Place::Local(local) | Place::KeyAlone(local) => {
            state.and_then(|text| State::of(text).ok()).is_some_and(|own| own.is(&local.state))
        }
        Place::Remote(remote) => url
            .and_then(|text| web_address(text).ok())
            .is_some_and(|own| is_same_address(&own, &remote.api_url)),
        Place::Nowhere(_) => return None,
    };
    let own = url.map(str::to_owned);
    let own = own.or_else(|| state.map(|text| table::STATE.form.shown(text).into_owned()))?;
    let (name, other) = (&sources.profile, place.shown());
    let text = format!("{flag} {name} and {variable} name two places to act: {own} and {other}");
    let hint = format!("unset {variable} # or leave {flag} out");
    (!is_same).then(|| HubError::new(&codes::USAGE, text).hint(hint))
}

/// The error where nothing says which hub an API key is for.
pub(in crate::cli) fn key_alone() -> HubError {
    let text = "an API key is in the environment, and nothing says which hub it is for";
    HubError::new(&codes::USAGE, text).hint(format!(
        "set {} to the hub's address, or name a local store with --state PATH",
        env::API_URL
    ))
}
