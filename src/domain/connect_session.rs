//! Connect sessions: a time-limited right for one end user to link an account (rules CS-*, AL-*).

use std::str::FromStr;

use serde_json::{Map, Value};

use super::account::{Account, AccountType, Owner, Said};
use super::auth_config::AuthConfig;
use super::connector::Category;
use super::ids::{AccountId, AuthConfigId, SessionId};
use super::names::ConnectorKey;
use super::refusal::{Problem, Refusal};
use super::time::Timestamp;

/// Life of a session when none is given, in seconds (CS-25).
pub const DEFAULT_LIFE_S: i64 = 1_800;
/// Life of an auth link when none is given, in seconds (AL-2).
pub const LINK_LIFE_S: i64 = 2_592_000;
/// Longest life, in seconds (CS-26).
pub const LONGEST_LIFE_S: i64 = 2_592_000;
/// How long after its end a session is told of as expired, in seconds: by then whoever was storing
/// or linking it is done, also by a clock that differs a little.
pub const EXPIRY_LAG_S: i64 = 3;

/// What a caller asks for.
#[derive(Debug, Clone)]
pub struct NewSession {
    /// Whose account is to be linked (CS-2).
    pub owner: Owner,
    /// Connector; `None` lets the end user choose (CS-21).
    pub provider: Option<ConnectorKey>,
    /// Auth config, given as `integration_id` or `connector_profile_id` (CS-14).
    pub auth_config: Option<AuthConfigId>,
    /// Categories that limit the choice (CS-22).
    pub categories: Vec<Category>,
    /// Account to edit (CS-12).
    pub account: Option<AccountId>,
    /// Life in seconds.
    pub expires_in_s: i64,
    /// Label for the account (CS-31).
    pub label: Option<String>,
    /// Tags for session and account (CS-32).
    pub metadata: Map<String, Value>,
    /// Always make a new account (CS-10).
    pub multiple: bool,
    /// Production or test; `None` leaves that of an account that is there (CS-33).
    pub kind: Option<AccountType>,
}

/// What the store knows about the things that a request names.
#[derive(Debug, Clone, Copy, Default)]
pub struct Facts<'a> {
    /// The auth config named, or that of the account named.
    pub named_config: Option<&'a AuthConfig>,
    /// What serves the provider named where no auth config is, as [`serving`] has it.
    pub default_config: Option<&'a AuthConfig>,
    /// The account named.
    pub account: Option<&'a Account>,
}

/// A connect session as stored; its token is kept as a keyed hash only (CS-4).
#[derive(Debug, Clone, PartialEq)]
pub struct ConnectSession {
    /// Its number; 0 before it is stored.
    pub id: SessionId,
    /// Whose account is to be linked.
    pub owner: Owner,
    /// Connector, if one was chosen beforehand.
    pub provider: Option<ConnectorKey>,
    /// The auth config in use, also when it came from the default (CS-36); where it came from the
    /// account, that of the account now, and none once that is gone.
    pub auth_config: Option<AuthConfigId>,
    /// Categories that limit the choice.
    pub categories: Vec<Category>,
    /// Account to edit.
    pub account: Option<AccountId>,
    /// Label for the account.
    pub label: Option<String>,
    /// Tags.
    pub metadata: Map<String, Value>,
    /// Always make a new account; has no effect beside `account` (CS-11).
    pub multiple: bool,
    /// Production or test; `None` leaves that of an account that is there.
    pub kind: Option<AccountType>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its token stops working.
    pub expires_at: Timestamp,
    /// When an administrator revoked it.
    pub revoked_at: Option<Timestamp>,
    /// The account that its latest success linked.
    pub linked_account: Option<AccountId>,
}

/// Where a session stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, schemars::JsonSchema)]
#[schemars(rename_all = "snake_case")]
pub enum State {
    /// Its token works and nothing was linked yet.
    Pending,
    /// An account was linked; the token works until it expires (CS-30).
    Linked,
    /// Its time is over.
    Expired,
    /// An administrator ended it.
    Revoked,
}

impl State {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Pending, Self::Linked, Self::Expired, Self::Revoked];

    /// The state as one word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Linked => "linked",
            Self::Expired => "expired",
            Self::Revoked => "revoked",
        }
    }
}

/// The text is none of the states.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("use pending, linked, expired or revoked")]
pub struct BadState;

impl FromStr for State {
    type Err = BadState;

    fn from_str(text: &str) -> Result<Self, BadState> {
        Self::ALL.into_iter().find(|state| state.as_str() == text).ok_or(BadState)
    }
}

impl ConnectSession {
    /// Where it stands at `now`.
    #[must_use]
    pub fn state(&self, now: Timestamp) -> State {
        match self {
            Self { revoked_at: Some(_), .. } => State::Revoked,
            Self { linked_account: Some(_), .. } => State::Linked,
            _ if self.expires_at <= now => State::Expired,
            _ => State::Pending,
        }
    }

    /// Whether its token opens anything at `now` (CS-28, CS-30).
    #[must_use]
    pub fn is_open(&self, now: Timestamp) -> bool {
        self.revoked_at.is_none() && now < self.expires_at
    }

    /// Whether its end user may link through an auth config of a connector with these categories:
    /// the session's own alone, else the default of each connector within the session's categories
    /// (CS-21, CS-22, HB-1).
    #[must_use]
    pub fn offers(&self, config: &AuthConfig, categories: &[Category]) -> bool {
        match &self.auth_config {
            Some(own) => config.id == *own,
            None => self.follows_defaults() && config.is_default && self.covers(categories),
        }
    }

    /// AC-8, CS-15: whether what its end user may link through can become another auth config with
    /// another default: one that is settled stays.
    #[must_use]
    pub const fn follows_defaults(&self) -> bool {
        self.auth_config.is_none() && self.account.is_none()
    }

    /// Whether what is begun through an auth config may be ended by this session: where it has one
    /// of its own, that may have become another one since (AT-18).
    #[must_use]
    pub fn still_allows(&self, config: &AuthConfigId) -> bool {
        self.auth_config.as_ref().is_none_or(|own| own == config)
    }

    /// CS-22: whether a connector of these categories is among those that its end user chooses
    /// from.
    #[must_use]
    pub fn covers(&self, categories: &[Category]) -> bool {
        self.auth_config.is_some()
            || self.categories.is_empty()
            || self.categories.iter().any(|one| categories.contains(one))
    }
}

/// Makes a session from a request and the facts about what it names.
///
/// # Errors
/// [`Refusal::SessionInvalid`] lists every bad value (CS-2, CS-26, CS-27), and names the owner
/// where the account is another one's (CS-12); [`Refusal::NotSetUp`], [`Refusal::Disabled`] and
/// [`Refusal::WrongConnector`] follow AC-12, CS-17 and CS-19; [`Refusal::Archived`] where the
/// account named is put away.
pub fn open(new: NewSession, facts: Facts<'_>, now: Timestamp) -> Result<ConnectSession, Refusal> {
    let found = problems(&new);
    if !found.is_empty() {
        return Err(Refusal::SessionInvalid(found));
    }
    // What its end user would link could not be used afterwards (AT-6).
    if facts.account.is_some_and(Account::is_archived) {
        return Err(Refusal::Archived);
    }
    if let Some(account) = facts.account {
        check_owner(&new.owner.id, &account.owner.id)?;
    }
    let config = choose(&new, facts)?;
    let provider = match config {
        Some(config) => Some(config.connector.clone()),
        None => new.provider,
    };
    Ok(ConnectSession {
        id: SessionId::from_row(0),
        owner: new.owner,
        provider,
        auth_config: config.map(|config| config.id.clone()),
        categories: new.categories,
        multiple: new.multiple && new.account.is_none(),
        account: new.account,
        label: new.label,
        metadata: new.metadata,
        // Clients send a type with every session: an account's own is changed by AT-16 alone.
        kind: facts.account.map_or(new.kind, |account| Some(account.kind)),
        created_at: now,
        expires_at: now.plus_seconds(new.expires_in_s),
        revoked_at: None,
        linked_account: None,
    })
}

/// CS-12, CS-41: a session of an account is its owner's; a link would hand the account over
/// otherwise. The owner's name is data, which a link may change.
///
/// # Errors
/// [`Refusal::SessionInvalid`] for the id of another owner.
pub fn check_owner(asked: &str, own: &str) -> Result<(), Refusal> {
    if asked == own {
        return Ok(());
    }
    let message = "must be the id of the account's owner; leave the account out to link a new one";
    Err(Refusal::SessionInvalid(vec![Problem::new("origin_owner_id", message)]))
}

/// CS-15, HB-4: which auth config of a connector serves where none is named: the one that the
/// owner's account was linked through, while it is enabled, else the default.
#[must_use]
pub fn serving<'a>(configs: &'a [AuthConfig], known: Option<&Account>) -> Option<&'a AuthConfig> {
    let is_own = |config: &&AuthConfig| {
        config.is_enabled() && known.is_some_and(|account| account.auth_config == config.id)
    };
    configs.iter().find(is_own).or_else(|| configs.iter().find(|config| config.is_default))
}

/// CS-14, CS-15, CS-17 to CS-20, AC-12: the auth config that the session uses, if it is settled
/// by the request.
fn choose<'a>(new: &NewSession, facts: Facts<'a>) -> Result<Option<&'a AuthConfig>, Refusal> {
    let chosen = facts.named_config.or(facts.default_config);
    if let (Some(named), Some(config)) = (&new.provider, chosen)
        && config.connector != *named
    {
        let actual = config.connector.clone();
        return Err(Refusal::WrongConnector { named: named.clone(), actual });
    }
    // An account can't be edited by the form of another connector.
    if let (Some(account), Some(config)) = (facts.account, chosen)
        && config.connector != account.provider
    {
        let (named, actual) = (account.provider.clone(), config.connector.clone());
        return Err(Refusal::WrongConnector { named, actual });
    }
    match (&new.provider, chosen) {
        (Some(connector), None) => Err(Refusal::NotSetUp { connector: connector.clone() }),
        (_, Some(config)) if !config.is_enabled() => Err(Refusal::Disabled {
            connector: config.connector.clone(),
            auth_config: config.id.clone(),
        }),
        _ => Ok(chosen),
    }
}

/// Everything that is wrong with the values of a request, apart from what they name.
#[must_use]
pub fn problems(new: &NewSession) -> Vec<Problem> {
    let said = Said::of(&new.owner, new.label.as_ref(), Some(&new.metadata));
    let mut problems = said.problems();
    if !(1..=LONGEST_LIFE_S).contains(&new.expires_in_s) {
        let message = format!("must be 1 to {LONGEST_LIFE_S} seconds (30 days)");
        problems.push(Problem::new("expires_in", message));
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::super::account::{Link, TEXT_LIMIT, link_new};
    use super::super::auth_config::{NewAuthConfig, create};
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    const T: fn(i64) -> Timestamp = Timestamp::from_millis;

    fn config(id: &str, connector: &str) -> AuthConfig {
        let new = NewAuthConfig {
            id: id.parse().unwrap(),
            connector: connector.parse().unwrap(),
            method: "api_key".parse().unwrap(),
            name: id.to_owned(),
            make_default: true,
            pin: None,
            setup: BTreeMap::new(),
            secrets: BTreeSet::new(),
        };
        create(&[], new, T(1)).after
    }

    fn new() -> NewSession {
        NewSession {
            owner: Owner { id: "acme-7".into(), name: "Acme".into(), username: None },
            provider: None,
            auth_config: None,
            categories: Vec::new(),
            account: None,
            expires_in_s: DEFAULT_LIFE_S,
            label: None,
            metadata: Map::new(),
            multiple: false,
            kind: None,
        }
    }

    fn with_provider(provider: &str) -> NewSession {
        NewSession { provider: Some(provider.parse().unwrap()), ..new() }
    }

    fn fields(refusal: Refusal) -> Vec<&'static str> {
        match refusal {
            Refusal::SessionInvalid(problems) => {
                problems.iter().map(|problem| problem.field).collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn cs_2_cs_27_all_bad_values_are_listed_at_once() {
        let mut bad = new();
        bad.owner.id = " ".into();
        bad.owner.name = "x".repeat(TEXT_LIMIT + 1);
        bad.expires_in_s = 0;
        bad.label = Some("a\0b".into());
        let refusal = open(bad, Facts::default(), T(0)).unwrap_err();
        let expected = ["origin_owner_id", "origin_owner_name", "label", "expires_in"];
        assert_eq!(fields(refusal), expected);
    }

    #[test]
    fn cs_25_cs_26_life_counts_from_creation_and_thirty_days_is_the_bound() {
        let session = open(new(), Facts::default(), T(5)).unwrap();
        assert_eq!(session.expires_at, T(5 + 1_800_000));
        for (life, fine) in [(1, true), (2_592_000, true), (2_592_001, false), (-1, false)] {
            let asked = NewSession { expires_in_s: life, ..new() };
            assert_eq!(open(asked, Facts::default(), T(0)).is_ok(), fine, "{life}");
        }
    }

    #[test]
    fn ac_12_a_provider_must_be_set_up_and_enabled() {
        let missing = open(with_provider("hubspot"), Facts::default(), T(0));
        assert!(matches!(missing, Err(Refusal::NotSetUp { .. })));
        let off = config("c", "hubspot").disable(T(1)).after;
        let facts = Facts { default_config: Some(&off), ..Facts::default() };
        let disabled = open(with_provider("hubspot"), facts, T(2));
        assert!(matches!(disabled, Err(Refusal::Disabled { .. })));
    }

    #[test]
    fn cs_14_cs_15_cs_36_a_named_config_wins_and_the_default_serves_otherwise() {
        let (default, named) = (config("default", "hubspot"), config("named", "hubspot"));
        let facts = Facts { default_config: Some(&default), ..Facts::default() };
        let session = open(with_provider("hubspot"), facts, T(0)).unwrap();
        assert_eq!(session.auth_config, Some(default.id.clone()));
        let facts = Facts { named_config: Some(&named), ..facts };
        let session = open(with_provider("hubspot"), facts, T(0)).unwrap();
        assert_eq!(session.auth_config, Some(named.id.clone()));
    }

    #[test]
    fn cs_17_cs_18_a_config_implies_its_provider_and_contradicts_another() {
        let named = config("named", "hubspot");
        let facts = Facts { named_config: Some(&named), ..Facts::default() };
        let session = open(new(), facts, T(0)).unwrap();
        assert_eq!(session.provider, Some(named.connector.clone()));
        let refused = open(with_provider("bamboohr"), facts, T(0));
        assert!(matches!(refused, Err(Refusal::WrongConnector { .. })));
    }

    fn account_of(config: &AuthConfig) -> Account {
        let link = Link {
            owner: new().owner,
            label: None,
            metadata: None,
            kind: Some(AccountType::Test),
            setup: BTreeMap::new(),
            verified_at: None,
        };
        link_new("acc".parse().unwrap(), config, link, T(2))
    }

    #[test]
    fn cs_12_a_session_of_an_account_keeps_its_owner_and_what_it_is_for() {
        let named = config("named", "hubspot");
        let account = account_of(&named);
        let facts =
            Facts { named_config: Some(&named), account: Some(&account), ..Facts::default() };
        let mut asked = NewSession { account: Some(account.id.clone()), ..new() };
        asked.owner.name = "Acme renamed".into();
        let session = open(asked.clone(), facts, T(3)).unwrap();
        assert_eq!((session.kind, &*session.owner.name), (Some(account.kind), "Acme renamed"));
        asked.owner.id = "Acme-7".into();
        assert_eq!(fields(open(asked, facts, T(3)).unwrap_err()), ["origin_owner_id"]);
    }

    #[test]
    fn hb_1_cs_22_a_session_offers_its_own_config_or_the_defaults_of_its_categories() {
        let (default, named) = (config("default", "hubspot"), config("named", "hubspot"));
        let named = AuthConfig { is_default: false, ..named };
        let offers = |session: &ConnectSession| {
            [&default, &named].map(|config| session.offers(config, &[Category::Crm]))
        };
        let mut any = open(new(), Facts::default(), T(0)).unwrap();
        assert_eq!(offers(&any), [true, false]);
        any.categories = vec![Category::Hris];
        assert_eq!(offers(&any), [false, false]);
        any.categories.push(Category::Crm);
        assert_eq!(offers(&any), [true, false]);
        let facts = Facts { named_config: Some(&named), ..Facts::default() };
        let settled = open(new(), facts, T(0)).unwrap();
        assert_eq!(offers(&settled), [false, true]);
        assert!(any.follows_defaults() && !settled.follows_defaults());
        assert!(settled.still_allows(&named.id) && !settled.still_allows(&default.id));
        assert!(any.still_allows(&named.id));
        // One of an account that is gone.
        any.account = Some("acc".parse().unwrap());
        assert!(!any.follows_defaults());
        assert_eq!(offers(&any), [false, false]);
    }

    #[test]
    fn cs_15_hb_4_the_known_accounts_config_serves_while_it_is_enabled() {
        let (mut default, mut own) = (config("default", "hubspot"), config("own", "hubspot"));
        own.is_default = false;
        let account = account_of(&own);
        let all = [default.clone(), own.clone()];
        assert_eq!(serving(&all, Some(&account)), Some(&own));
        assert_eq!(serving(&all, None), Some(&default));
        let off = own.clone().disable(T(3)).after;
        let all = [default.clone(), off];
        assert_eq!(serving(&all, Some(&account)), Some(&default));
        default.is_default = false;
        assert_eq!(serving(&[default], None), None);
    }

    #[test]
    fn cs_11_multiple_is_dropped_beside_an_account() {
        let asked = NewSession { account: Some("a".parse().unwrap()), multiple: true, ..new() };
        assert!(!open(asked, Facts::default(), T(0)).unwrap().multiple);
    }

    #[test]
    fn cs_28_cs_30_a_token_opens_until_it_expires_or_is_revoked_also_after_a_success() {
        let mut session = open(new(), Facts::default(), T(0)).unwrap();
        assert_eq!((session.state(T(1)), session.is_open(T(1))), (State::Pending, true));
        assert_eq!(session.state(session.expires_at), State::Expired);
        assert!(!session.is_open(session.expires_at));
        session.linked_account = Some("a".parse().unwrap());
        assert_eq!((session.state(T(1)), session.is_open(T(1))), (State::Linked, true));
        session.revoked_at = Some(T(1));
        assert_eq!((session.state(T(1)), session.is_open(T(1))), (State::Revoked, false));
    }
}
