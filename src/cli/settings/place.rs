//! Where commands act: what names a store or a hub, and which of them wins.

use crate::cli::globals::Globals;
use crate::domain::origin::{Origin as WebOrigin, is_same_address, web_address};
use crate::env;
use crate::error::{HubError, codes};
use crate::hub::keyring::KeyringAccess;

use super::sources::{Origin, Sources};
use super::state::State;
use super::table;
use super::{Local, Place, Remote, bad_value, key_source, keys, network};

/// The stronger of store and address wins; two that are as strong contradict each other.
pub(super) fn place(
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
    let usual = || State::File(sources.folders.data.join("hubctl.db"));
    let state = match state.map(|picked| (State::of_os(picked.value), picked.origin)) {
        None => usual(),
        Some((Ok(state), _)) => state,
        // Who is about to correct it must not be stopped by it.
        Some((Err(_), Origin::Profile)) if sources.is_lenient() => usual(),
        Some((Err(none), origin)) => {
            return Err(sources.bad(&table::STATE, origin, none.why).hint(none.hint));
        }
    };
    let keys = keys(sources, &state, keyring);
    let local = Local { state, keys, is_named: of_state.is_some() };
    Ok((if is_key_alone { Place::KeyAlone(local) } else { Place::Local(local) }, origin))
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
