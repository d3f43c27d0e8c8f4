//! Threats 12, 14 and 35: what is stored goes where it went, whoever imports, forgets or picks the
//! definitions by which it is called.

use hubctl::domain::caller::Caller;
use hubctl::domain::connector::{Connector, Template};
use hubctl::domain::secret::Secret;
use hubctl::error::{HubError, codes};
use hubctl::hub::accounts::{self, Changes};
use hubctl::hub::auth_configs::{self, Edit};
use hubctl::hub::connectors::{self, Redefined};
use hubctl::hub::oauth_apps;
use hubctl::hub::write::Guard;

use crate::support::asked::{account, config, key, named, oauth};
use crate::support::hub::{DRY_RUN, TestHub, on_both_databases, refused};

on_both_databases!(
    threat_12_an_import_takes_no_stored_secret_elsewhere,
    threat_12_a_lost_definition_does_not_come_back_as_another,
    threat_12_forgetting_takes_no_stored_secret_elsewhere,
    threat_12_a_version_that_waits_is_not_picked_for_stored_secrets,
    threat_14_an_import_takes_no_secret_of_the_set_up_elsewhere,
    threat_14_an_import_takes_no_secret_of_the_hubs_application_elsewhere,
    threat_35_what_has_nothing_stored_is_defined_freely,
);

const EVIL: &str = "https://evil.example";

/// The definition of a connector, by which everything is called at `root`.
async fn at(world: &TestHub, connector: &str, version: &str, root: &str) -> Connector {
    let found = connectors::get(&world.hub, &world.caller(), &connector.parse().unwrap()).await;
    let mut own = Connector::clone(&found.unwrap().connector);
    own.version = version.to_owned();
    own.base_url = Template::new(root);
    for method in &mut own.auth {
        method.token_url = method.token_url.as_ref().map(|_| Template::new(format!("{root}/t")));
    }
    own
}

async fn import(
    world: &TestHub,
    caller: &Caller,
    own: &Connector,
    guard: Guard,
) -> Result<Redefined, HubError> {
    let done = connectors::import(&world.hub, caller, std::slice::from_ref(own), guard).await;
    done.map(|mut done| done.remove(0))
}

async fn holder(world: &TestHub, name: &str, scopes: &str) -> Caller {
    let made = world.key(&world.caller(), key(name, scopes)).await;
    world.holder(&made).await
}

/// That only those who administer may import this, and are told where it leads.
async fn is_guarded(world: &TestHub, own: &Connector) {
    let importer = holder(world, "importer", "connectors:write platform:write").await;
    for guard in [DRY_RUN, Guard::default()] {
        let tried = world.changes_nothing(import(world, &importer, own, guard)).await;
        let error = refused(tried, &codes::FORBIDDEN);
        assert!(error.message().contains(EVIL) && error.message().contains("`admin`"), "{error}");
        assert_eq!(error.details()[0]["scope"], "admin");
    }
    let told = world.changes_nothing(import(world, &world.caller(), own, DRY_RUN)).await.unwrap();
    assert_eq!(told.exposure.origins.iter().collect::<Vec<_>>(), [EVIL]);
    let both = holder(world, "both", "connectors:write admin").await;
    assert!(import(world, &both, own, Guard::default()).await.unwrap().outcome.changed);
    let rows = world.dump();
    let told = |row: &&String| row.contains("sends_secrets_to") && row.contains(EVIL);
    assert_eq!(rows["operations"].iter().filter(told).count(), 1, "it is on record");
    // Once it is so, the same again is nothing new.
    assert!(!import(world, &importer, own, Guard::default()).await.unwrap().outcome.changed);
}

async fn threat_12_an_import_takes_no_stored_secret_elsewhere(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, named("bamboohr", "empty")).await;
    world.add(&caller, auth_configs::New { make_default: true, ..named("bamboohr", "used") }).await;
    world.link(&caller, account("bamboohr", "acme")).await;
    let importer = holder(&world, "ci", "connectors:write").await;
    let same = "https://api.bamboohr.com/api/v2";
    let same = at(&world, "bamboohr", "2.0.0", same).await;
    assert!(import(&world, &importer, &same, Guard::default()).await.unwrap().outcome.changed);
    // The version that is used, with another content.
    is_guarded(&world, &at(&world, "bamboohr", "2.0.0", EVIL).await).await;
}

async fn threat_12_a_lost_definition_does_not_come_back_as_another(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("bamboohr")).await;
    world.link(&caller, account("bamboohr", "acme")).await;
    let importer = holder(&world, "ci", "connectors:write").await;
    let mut own = at(&world, "bamboohr", "2.0.0", EVIL).await;
    let whole = own.clone();
    own.auth.retain(|method| method.key.as_str() != "api_key");
    import(&world, &importer, &own, Guard::default()).await.unwrap();
    is_guarded(&world, &whole).await;
}

async fn threat_12_forgetting_takes_no_stored_secret_elsewhere(world: TestHub) {
    let (caller, key) = (world.caller(), "bamboohr".parse().unwrap());
    let own = at(&world, "bamboohr", "2.0.0", "https://hr.acme.example").await;
    import(&world, &caller, &own, Guard::default()).await.unwrap();
    world.add(&caller, config("bamboohr")).await;
    world.link(&caller, account("bamboohr", "acme")).await;
    let importer = holder(&world, "ci", "connectors:write").await;
    let tried = connectors::forget(&world.hub, &importer, &key, Guard::default());
    let error = refused(world.changes_nothing(tried).await, &codes::FORBIDDEN);
    assert!(error.message().contains("https://api.bamboohr.com"), "{error}");
    let done = connectors::forget(&world.hub, &caller, &key, Guard::default()).await.unwrap();
    assert_eq!(done.exposure.origins.iter().collect::<Vec<_>>(), ["https://api.bamboohr.com"]);
}

async fn threat_12_a_version_that_waits_is_not_picked_for_stored_secrets(world: TestHub) {
    let caller = world.caller();
    let pinned = |name: &str, pin: &str| auth_configs::New {
        pin: Some(pin.parse().unwrap()),
        ..named("bamboohr", name)
    };
    let used = world.add(&caller, pinned("used", "1.0.0")).await;
    let id = world.link(&caller, account("bamboohr", "acme")).await;
    let thief = holder(&world, "ci", "connectors:write platform:read platform:write").await;
    // Nobody uses it, so that it does no harm yet.
    let waiting = at(&world, "bamboohr", "6.6.6", EVIL).await;
    import(&world, &thief, &waiting, Guard::default()).await.unwrap();
    let pin = Edit { pin: Some(Some("6.6.6".parse().unwrap())), ..Edit::default() };
    let pick = async |caller: &Caller, guard| {
        auth_configs::edit(&world.hub, caller, used.id.as_str(), pin.clone(), guard).await
    };
    let error =
        refused(world.changes_nothing(pick(&thief, Guard::default())).await, &codes::FORBIDDEN);
    assert!(error.message().contains(EVIL), "{error}");
    let unpin = Edit { pin: Some(None), ..Edit::default() };
    let tried = auth_configs::edit(&world.hub, &thief, used.id.as_str(), unpin, Guard::default());
    refused(world.changes_nothing(tried).await, &codes::FORBIDDEN);
    // Nor is the account moved to where it is used.
    let other = world.add(&thief, pinned("other", "6.6.6")).await;
    let changes = Changes { auth_config: Some(other.id), ..Changes::default() };
    let tried = accounts::update(&world.hub, &thief, &id, changes, Guard::default());
    refused(world.changes_nothing(tried).await, &codes::FORBIDDEN);
    pick(&caller, DRY_RUN).await.unwrap();
}

async fn threat_14_an_import_takes_no_secret_of_the_set_up_elsewhere(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, oauth("login", "planted")).await;
    is_guarded(&world, &at(&world, "hubspot", "2.0.0", EVIL).await).await;
}

async fn threat_14_an_import_takes_no_secret_of_the_hubs_application_elsewhere(world: TestHub) {
    let caller = world.caller();
    let app = oauth_apps::New {
        connector: "hubspot".parse().unwrap(),
        client_id: "client-1".to_owned(),
        client_secret: Secret::new("planted"),
    };
    oauth_apps::set(&world.hub, &caller, app, Guard::default()).await.unwrap();
    is_guarded(&world, &at(&world, "hubspot", "2.0.0", EVIL).await).await;
}

async fn threat_35_what_has_nothing_stored_is_defined_freely(world: TestHub) {
    let caller = world.caller();
    world.add(&caller, config("bamboohr")).await;
    world.add(&caller, oauth("login", "planted")).await;
    let importer = holder(&world, "ci", "connectors:write").await;
    let own = at(&world, "bamboohr", "2.0.0", EVIL).await;
    let done = import(&world, &importer, &own, Guard::default()).await.unwrap();
    assert!(done.outcome.changed && done.exposure.is_empty());
    let key = "bamboohr".parse().unwrap();
    connectors::forget(&world.hub, &importer, &key, Guard::default()).await.unwrap();
}
