//! What is the matter with an account's tokens, and which command helps against it.

use crate::domain::account::{Account, FailedRefresh, NoToken, REFRESH_FAILING};
use crate::domain::caller::Caller;
use crate::domain::credentials::UNGRANTED;
use crate::domain::provider_failure::Class;
use crate::domain::refresh as rules;
use crate::domain::time::Timestamp;
use crate::error::{HubError, codes};
use crate::hub::linking::Way;
use crate::hub::oauth_apps;
use crate::hub::refresh::{self, Note};
use crate::store::Tx;
use crate::store::accounts::refresh as rows;

use super::Finding;

/// What has to be mended before a refresh that failed can work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// The account's own grant: a new login.
    Grant,
    /// The client of the auth config, which all of its accounts share.
    Client,
    /// The address, which the hub does not call.
    Address,
    /// Nothing, or what stood in the way before anybody was asked: it may work later.
    Passing,
}

/// What is known of an account's tokens.
pub(super) struct Known {
    /// For people.
    pub(super) note: Note,
    /// The last refresh, if it failed.
    failed: Option<FailedRefresh>,
    /// When another account of its auth config found out, after these tokens were got, that the
    /// provider refuses their client.
    client_refused: Option<Timestamp>,
}

impl Known {
    fn fault(&self) -> Fault {
        match self.failed.as_ref().and_then(|failed| failed.class) {
            Some(Class::Refused) => Fault::Grant,
            Some(Class::Configuration) => Fault::Client,
            Some(Class::Blocked) => Fault::Address,
            Some(Class::Transient | Class::Foreign | Class::BadAnswer) | None => Fault::Passing,
        }
    }
}

/// What an account's tokens are like; `None` where they neither end nor are renewed.
pub(super) async fn known(
    tx: &mut Tx,
    caller: &Caller,
    account: &Account,
) -> Result<Option<Known>, HubError> {
    let project = caller.project();
    let Some(fresh) = rows::freshness(tx, project, &account.id).await? else { return Ok(None) };
    let note = refresh::note_of(&fresh);
    let failed = refresh::failed_of(&fresh);
    if note.expires_at.is_none() && note.next_try.is_none() && failed.is_none() {
        return Ok(None);
    }
    let client_refused = match failed {
        Some(_) => None,
        None => client_refused(tx, caller, account).await?.filter(|at| *at > note.renewed_at),
    };
    Ok(Some(Known { note, failed, client_refused }))
}

/// When the provider last refused the client of an account's auth config.
async fn client_refused(
    tx: &mut Tx,
    caller: &Caller,
    account: &Account,
) -> Result<Option<Timestamp>, HubError> {
    let mark = refresh::client_mark();
    let all = rows::failures_of(tx, caller.project(), &account.auth_config, &mark).await?;
    Ok(all.iter().filter_map(|failure| refresh::client_refused_at(failure)).max())
}

/// What could be done about an account's tokens, by what is stored.
pub(super) struct Means {
    /// Whether the hub can get new ones without the end user.
    can_renew: bool,
    /// Whether there is none although calls need one.
    lacks: bool,
    /// The command that sets the client of the auth config right.
    mend: String,
}

impl Means {
    pub(super) fn of(stored: &refresh::Stored) -> Self {
        Self { can_renew: stored.can_renew(), lacks: stored.lacks_token(), mend: mend(&stored.way) }
    }
}

fn mend(way: &Way) -> String {
    let Way { config, connector, method, .. } = way;
    if oauth_apps::is_used_by(config, connector, method) {
        let key = &config.connector;
        return format!(
            "hubctl oauth-apps set {key} --set client_id=VALUE --set client_secret=@FILE"
        );
    }
    let of_client = oauth_apps::client_fields(method).and_then(|(_, secret)| secret);
    let secret = of_client.or_else(|| method.setup_fields.iter().find(|field| field.is_secret()));
    match secret {
        Some(field) => format!("hubctl connectors edit {} --set {}=@FILE", config.id, field.key),
        None => format!("hubctl connectors get {}", config.id),
    }
}

/// What is the matter with an account's tokens. `means` is `None` where nobody can look into what
/// is stored; `is_held` says that no call may be made whatever they are like, so that nothing
/// renews them either.
pub(super) fn finding(
    account: &Account,
    known: &Known,
    means: Option<&Means>,
    is_held: bool,
    now: Timestamp,
) -> Option<Finding> {
    let note = &known.note;
    let is_called = !is_held && !account.is_refused();
    let ended = note.expires_at.filter(|end| *end <= now);
    let Some(failed) = &known.failed else {
        let shared = means.filter(|means| is_called && means.can_renew).zip(known.client_refused);
        if let Some((means, at)) = shared {
            return Some(refused_to_others(note, means, at, now));
        }
        let ended = ended.filter(|_| is_called).map(|end| expired(account, means, end));
        let is_renewed = is_called && means.is_some_and(|means| means.can_renew);
        return ended.or_else(|| set_back(account, note, now).filter(|_| is_renewed));
    };
    let lacks = means.is_some_and(|means| means.lacks);
    let no_token = if lacks { Some(NoToken::Lacking) } else { failed.no_token };
    let failed = FailedRefresh { no_token, ..failed.clone() };
    let unusable = failed.unusable_since(now).filter(|_| is_called && means.is_some());
    let fault = known.fault();
    let command = means.and_then(|means| helps(account, fault, means, is_held));
    let mut cause = failed.told(now);
    if is_called {
        let next = note.next_try.filter(|next| *next > now);
        let still_does = note.expires_at.filter(|end| *end > now && no_token.is_none());
        if let Some(end) = still_does {
            cause.push_str(&format!("; the access token stops working at {end}"));
        }
        match next {
            Some(next) => cause.push_str(&format!("; next try at {next}")),
            // Who calls now is told of the last failure.
            None if failed.waits(now) => {}
            None => cause.push_str("; the next call tries again"),
        }
        let is_renewed = means.is_some_and(|means| means.can_renew);
        if next.is_some() && is_renewed && fault == Fault::Passing {
            cause.push_str(", or at once by a refresh");
        }
    }
    Some(Finding {
        code: REFRESH_FAILING.to_owned(),
        blocking: unusable.is_some(),
        cause,
        since: unusable.or(Some(failed.since)),
        operation: None,
        event: None,
        command,
    })
}

/// What the provider has not granted of the scopes that were asked for: calls that need them are
/// refused, and the others work.
pub(super) fn ungranted(stored: &refresh::Stored, is_held: bool) -> Option<Finding> {
    let lacking = stored.kept.secrets.get(UNGRANTED)?;
    let lacking: Vec<String> = serde_json::from_str(lacking.expose()).ok()?;
    if lacking.is_empty() {
        return None;
    }
    let (account, way) = (&stored.account, &stored.way);
    let command = match way.method.needs_browser() {
        true if is_held => None,
        true => Some(format!("hubctl accounts relink {}", account.id)),
        false => Some(format!("hubctl connectors get {}", way.config.id)),
    };
    Some(Finding {
        code: "scopes_not_granted".to_owned(),
        blocking: false,
        cause: format!("the provider did not grant all that was asked for: {}", lacking.join(" ")),
        since: None,
        operation: None,
        event: None,
        command,
    })
}

/// Tokens that nobody has tried to renew since others of the same client could not be.
fn refused_to_others(note: &Note, means: &Means, at: Timestamp, now: Timestamp) -> Finding {
    let who = "the provider refuses the client of its auth config, as another account found out";
    let cause = match note.expires_at {
        Some(end) if end <= now => {
            format!(
                "its access token ended at {end}, and the next call tries to renew it; but {who}"
            )
        }
        Some(end) => format!("{who}; the access token stops working at {end}"),
        None => who.to_owned(),
    };
    Finding {
        code: "auth_config_refused".to_owned(),
        blocking: false,
        cause,
        since: Some(at),
        operation: None,
        event: None,
        command: Some(means.mend.clone()),
    }
}

/// A token that has ended, and that nobody has tried to renew in vain.
fn expired(account: &Account, means: Option<&Means>, end: Timestamp) -> Finding {
    let (then, verb) = match means {
        Some(Means { can_renew: true, .. }) => ("; the next call renews it", Some("refresh")),
        Some(_) => ("; nothing can renew it without a new login", Some("relink")),
        None => ("", None),
    };
    Finding {
        code: "token_expired".to_owned(),
        blocking: false,
        cause: format!("its access token has ended{then}"),
        since: Some(end),
        operation: None,
        event: None,
        command: verb.map(|verb| format!("hubctl accounts {verb} {}", account.id)),
    }
}

/// A token of which nobody knows any more when it ends.
fn set_back(account: &Account, note: &Note, now: Timestamp) -> Option<Finding> {
    let got_at = note.renewed_at;
    if note.expires_at.is_none() || !rules::is_yet_to_come(got_at, now) {
        return None;
    }
    Some(Finding {
        code: "clock_set_back".to_owned(),
        blocking: false,
        cause: format!(
            "its access token was got at {got_at}, before the hub's clock was set back, so that \
             its end is not known; the next call renews it"
        ),
        since: None,
        operation: None,
        event: None,
        command: Some(format!("hubctl accounts refresh {}", account.id)),
    })
}

/// The command that helps against a refresh that fails, if there is one that works as the account
/// stands.
fn helps(account: &Account, fault: Fault, means: &Means, is_held: bool) -> Option<String> {
    let verb = match fault {
        Fault::Client => return Some(means.mend.clone()),
        Fault::Address => {
            return Some(format!("hubctl explain-error {}", codes::PROVIDER_BLOCKED.name));
        }
        Fault::Grant | Fault::Passing if is_held => return None,
        Fault::Passing if means.can_renew && !account.is_refused() => "refresh",
        Fault::Grant | Fault::Passing => "relink",
    };
    Some(format!("hubctl accounts {verb} {}", account.id))
}
