//! Each operation of the table: that the client calls it, and that a hub elsewhere answers as one
//! at hand does.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::ops::ControlFlow;
use std::sync::Arc;

use hubctl::api::proxy::{Pass, PassBody};
use hubctl::api::webhooks::Redeliver;
use hubctl::api::{OPERATIONS, Origin};
use hubctl::backend::Backend;
use hubctl::client::{Client, Verified};
use hubctl::domain::account::Update;
use hubctl::domain::api_key::NewKey;
use hubctl::domain::caller::Permission;
use hubctl::domain::connector::guide::Audience;
use hubctl::domain::secret::Secret;
use hubctl::domain::time::Timestamp;
use hubctl::domain::webhook::Rotation;
use hubctl::error::HubError;
use hubctl::hub::accounts::{Ask, Changes, Filter};
use hubctl::hub::auth_configs::{self, Action};
use hubctl::hub::connect_sessions::BatchItem;
use hubctl::hub::logs::Filter as LogFilter;
use hubctl::hub::write::{Guard, IfThere};
use hubctl::hub::{api_keys, connectors, events, oauth_apps, webhooks};
use hubctl::local::Local;
use hubctl::server::{AppState, Options, Server, Stop, routes};
use serde::Serialize;
use serde_json::{Value, json};

use super::options;
use crate::support::asked;
use crate::support::http::{FakeHub, Reply};
use crate::support::hub::{DRY_RUN, TestHub, block_on, sqlite_world};

fn new_key(name: &str) -> NewKey {
    NewKey { name: name.parse().unwrap(), scopes: None, expires_in_s: None }
}

fn edit(name: &str) -> auth_configs::Edit {
    auth_configs::Edit { name: Some(name.to_owned()), ..Default::default() }
}

/// Calls everything once; what went wrong with it.
pub(super) async fn call_everything(client: &Client) -> Vec<HubError> {
    let guard = Guard::default();
    let mut told = Vec::new();
    let (account, session) = ("a1".parse().unwrap(), "7".parse().unwrap());
    let (key, project) = ("hubspot".parse().unwrap(), "p".parse().unwrap());
    let sessions = hubctl::hub::connect_sessions::Filter::default();
    told.extend(client.capabilities().await.err());
    told.extend(client.connectors(&connectors::Filter::default()).await.err());
    told.extend(client.connector(&key).await.err());
    told.extend(client.guide(&key, Audience::EndUser).await.err());
    told.extend(client.import_connectors(&[], guard).await.err());
    told.extend(client.forget_connector(&key, guard).await.err());
    let filter = auth_configs::Filter::default();
    told.extend(client.auth_configs(&filter, |_| Ok(ControlFlow::Continue(()))).await.err());
    told.extend(client.target("t").await.err());
    told.extend(client.auth_config("t").await.err());
    told.extend(client.impact("t", Action::Disable).await.err());
    told.extend(client.add_auth_config(asked::config("hubspot"), guard).await.err());
    told.extend(client.edit_auth_config("t", edit("n"), guard).await.err());
    told.extend(client.enable("t", guard).await.err());
    told.extend(client.disable("t", guard).await.err());
    told.extend(client.make_default("t", guard).await.err());
    told.extend(client.delete_auth_config("t", guard).await.err());
    told.extend(client.create_session(asked::session("acme"), guard).await.err());
    told.extend(
        client
            .create_sessions(vec![BatchItem { new: asked::session("acme"), occurrence: 0 }], guard)
            .await
            .err(),
    );
    told.extend(client.session(session).await.err());
    told.extend(client.sessions(sessions, |_| Ok(ControlFlow::Continue(()))).await.err());
    told.extend(client.revoke_session(session, guard).await.err());
    told.extend(client.accounts(&Filter::default(), |_| Ok(ControlFlow::Continue(()))).await.err());
    told.extend(client.account(&account).await.err());
    told.extend(client.explain(&account).await.err());
    told.extend(client.check_account(&account, Ask::Provider).await.err());
    told.extend(client.add_account(asked::account("bamboohr", "acme"), guard).await.err());
    told.extend(client.update_account(&account, Changes::default(), guard).await.err());
    told.extend(client.suspend(&account, guard).await.err());
    told.extend(client.resume(&account, guard).await.err());
    told.extend(client.delete_account(&account, false, guard).await.err());
    told.extend(client.pass(&account, read()).await.err());
    told.extend(
        client.logs(&LogFilter::default(), true, |_| Ok(ControlFlow::Continue(()))).await.err(),
    );
    told.extend(client.projects().await.err());
    told.extend(client.get_project(&project).await.err());
    told.extend(client.project_accounts(&project).await.err());
    told.extend(client.create_project(&project, IfThere::Fail, guard).await.err());
    let changes = hubctl::hub::projects::Changes::default();
    told.extend(client.update_project(&project, changes, guard).await.err());
    told.extend(client.delete_project(&project, guard).await.err());
    told.extend(client.keys().await.err());
    told.extend(client.key("k").await.err());
    told.extend(client.create_key(new_key("ci"), guard).await.err());
    told.extend(client.disable_key("k", guard).await.err());
    told.extend(client.enable_key("k", guard).await.err());
    told.extend(client.delete_key("k", guard).await.err());
    told.extend(client.test_account(&account, guard).await.err());
    told.extend(client.refresh_account(&account, guard).await.err());
    told.extend(call_webhooks(client, guard).await);
    let app = oauth_apps::New {
        connector: key.clone(),
        client_id: "a".to_owned(),
        client_secret: Secret::new("b"),
    };
    told.extend(client.oauth_apps().await.err());
    told.extend(client.set_oauth_app(app, guard).await.err());
    told.extend(client.delete_oauth_app(&key, guard).await.err());
    told
}

async fn call_webhooks(client: &Client, guard: Guard) -> Vec<HubError> {
    let mut told = Vec::new();
    let (webhook, delivery) = ("w1".parse().unwrap(), "7".parse().unwrap());
    let url = "https://receiver.example/hooks".parse().unwrap();
    let new = webhooks::New { url, events: BTreeSet::new(), secret: None, if_there: None };
    told.extend(client.webhooks().await.err());
    told.extend(client.webhook(&webhook).await.err());
    told.extend(client.create_webhook(new, guard).await.err());
    told.extend(client.update_webhook(&webhook, webhooks::Changes::default(), guard).await.err());
    told.extend(client.enable_webhook(&webhook, guard).await.err());
    told.extend(client.disable_webhook(&webhook, guard).await.err());
    told.extend(client.delete_webhook(&webhook, guard).await.err());
    told.extend(client.rotate_secret(&webhook, Rotation::Begin, guard).await.err());
    told.extend(client.test_webhook(&webhook, guard).await.err());
    let filter = webhooks::deliveries::Filter::default();
    told.extend(client.deliveries(&filter, |_| Ok(ControlFlow::Continue(()))).await.err());
    told.extend(client.delivery(delivery).await.err());
    told.extend(client.redeliver(delivery, guard).await.err());
    let since = Timestamp::from_millis(1);
    told.extend(client.redeliver_failed(&Redeliver { since, webhook_id: None }, guard).await.err());
    let filter = events::Filter::default();
    told.extend(client.events(&filter, |_| Ok(ControlFlow::Continue(()))).await.err());
    told.extend(client.follow(&events::Place::Beginning, &filter, 0).await.err());
    told
}

/// A call to a provider that reads.
fn read() -> Pass {
    let (method, path) = ("GET".to_owned(), "/".to_owned());
    Pass { method, path, headers: Vec::new(), body: PassBody::Empty }
}

#[test]
fn every_operation_of_the_table_is_called_by_its_method_at_its_path() {
    let hub = FakeHub::script(vec![Reply::refusal(409, None, "no")]);
    block_on(call_everything(&super::client(&hub)));
    let values = [
        ("{key}", "hubspot"),
        ("{target}", "t"),
        ("{name}", "p"),
        ("/accounts/{id}", "/accounts/a1"),
        ("/connect_sessions/{id}", "/connect_sessions/7"),
        ("/keys/{id}", "/keys/k"),
        ("/webhooks/{id}", "/webhooks/w1"),
        ("/deliveries/{id}", "/deliveries/7"),
        ("{connector}", "hubspot"),
    ];
    let extensions = OPERATIONS.iter().filter(|row| row.origin == Origin::Extension);
    let expected: BTreeSet<String> = extensions
        .map(|row| {
            let path = values.iter().fold(row.path.to_owned(), |path, (a, b)| path.replace(a, b));
            format!("{} {path}", row.method)
        })
        .collect();
    let called: BTreeSet<String> = hub.routes().into_iter().collect();
    assert_eq!(called, expected);
    // Refused as a conflict, nothing was sent twice.
    assert_eq!(hub.asked().len(), expected.len());
}

/// A hub that is served, and the same one at hand.
struct Both {
    world: TestHub,
    local: Backend,
    remote: Backend,
    stop: Stop,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Drop for Both {
    fn drop(&mut self) {
        self.stop.now();
        self.thread.take().map(std::thread::JoinHandle::join);
    }
}

fn both() -> Both {
    let world = sqlite_world();
    let key = block_on(async {
        let every = Permission::ALL.into_iter().collect();
        let new = NewKey { scopes: Some(every), ..new_key("client") };
        let caller = world.caller();
        api_keys::create(&world.hub, &caller, new, Guard::default()).await.unwrap()
    });
    let served = Arc::new(world.another());
    let stop = Stop::default();
    let (tell, told) = std::sync::mpsc::channel();
    let own_stop = stop.clone();
    let thread = std::thread::spawn(move || {
        block_on(async move {
            let mut options = Options::at(SocketAddr::from(([127, 0, 0, 1], 0)));
            options.grace = std::time::Duration::from_secs(1);
            let state = AppState::new(served, &options, own_stop, None);
            let server = Server::bind(state, options, routes::routes()).await.unwrap();
            tell.send(server.addresses()[0]).unwrap();
            _ = server.run().await;
        });
    });
    let address = told.recv().unwrap();
    let options = hubctl::client::Options {
        key: key.token.text().clone(),
        project: Some("default".to_owned()),
        ..options(&format!("http://{address}"))
    };
    let remote = Backend::remote(Client::new(options).unwrap());
    let local = Arc::new(world.another());
    let project = "default".parse().unwrap();
    let local = block_on(Local::administrator(local, &project)).unwrap();
    Both { world, local: Backend::Local(local), remote, stop, thread: Some(thread) }
}

fn shown<T: Serialize>(answer: Result<T, HubError>) -> Value {
    match answer {
        Ok(answer) => serde_json::to_value(answer).unwrap(),
        Err(error) => json!({
            "code": error.code().name,
            "message": error.message(),
            "hint": error.hint_text(),
            "details": error.details(),
        }),
    }
}

/// Everything that can be read of a hub, and what is asked for in vain.
async fn read_everything(backend: &Backend, account: &str, session: i64) -> Vec<Value> {
    let go_on = || Ok(ControlFlow::Continue(()));
    let mut all = Vec::new();
    all.push(shown(backend.connectors(&connectors::Filter::default()).await));
    let filter = connectors::Filter { search: Some("hub".into()), ..Default::default() };
    all.push(shown(backend.connectors(&filter).await));
    for key in ["hubspot", "bamboohr", "nothing-here"] {
        let key = key.parse().unwrap();
        all.push(shown(backend.connector(&key).await));
        all.push(shown(backend.guide(&key, Audience::Admin).await));
        all.push(shown(backend.guide(&key, Audience::EndUser).await));
    }
    for target in ["hubspot", "bamboohr", "zendesk", "no such / thing", "n1"] {
        all.push(shown(backend.target(target).await));
        all.push(shown(backend.auth_config(target).await));
        all.push(shown(backend.impact(target, Action::Disable).await));
    }
    for enabled in [None, Some(true), Some(false)] {
        let filter = auth_configs::Filter { enabled, ..Default::default() };
        let mut rows = Vec::new();
        let each = |config: &hubctl::api::auth_configs::AuthConfig| {
            rows.push(serde_json::to_value(config).unwrap());
            go_on()
        };
        let end = backend.auth_configs(&filter, each).await;
        all.push(json!([rows, shown(end)]));
    }
    for brief in [false, true] {
        let filter = Filter { brief, ..Filter::default() };
        let mut rows = Vec::new();
        let each = |account: &hubctl::api::accounts::Account<'_>| {
            rows.push(serde_json::to_value(account).unwrap());
            go_on()
        };
        let end = backend.accounts(&filter, each).await;
        all.push(json!([rows, shown(end)]));
    }
    let mut rows = Vec::new();
    let each = |session: &hubctl::api::connect_sessions::ConnectSession| {
        rows.push(serde_json::to_value(session).unwrap());
        go_on()
    };
    let end = backend.sessions(hubctl::hub::connect_sessions::Filter::default(), each).await;
    all.push(json!([rows, shown(end)]));
    for id in [account, "no-such-account"] {
        let id = id.parse().unwrap();
        all.push(shown(backend.account(&id).await));
        all.push(shown(backend.explain(&id).await));
        all.push(shown(backend.check_account(&id, Ask::Nobody).await));
    }
    for id in [session, 999_999] {
        all.push(shown(backend.session(id.to_string().parse().unwrap()).await));
    }
    all.push(shown(backend.projects().await));
    for name in ["default", "nowhere"] {
        let name = name.parse().unwrap();
        all.push(shown(backend.get_project(&name).await));
        all.push(shown(backend.project_accounts(&name).await));
    }
    all.push(shown(backend.key("ci").await));
    all.push(shown(backend.key("nobody").await));
    all
}

#[test]
fn a_hub_elsewhere_answers_as_one_at_hand_does() {
    // Unoptimized, what all these calls keep is larger than a test's stack.
    let thread = std::thread::Builder::new().stack_size(16 << 20).spawn(answers_as_one_at_hand);
    thread.unwrap().join().unwrap();
}

fn answers_as_one_at_hand() {
    let both = both();
    block_on(async {
        let Both { local, remote, .. } = &both;
        let guard = Guard::default();
        remote.add_auth_config(asked::config("bamboohr"), guard).await.unwrap();
        remote.add_auth_config(asked::config("hubspot"), guard).await.unwrap();
        remote.edit_auth_config("bamboohr", edit("n1"), guard).await.unwrap();
        remote.disable("hubspot", guard).await.unwrap();
        let session = remote.create_session(asked::session("acme"), guard).await.unwrap();
        let key = remote.create_key(new_key("ci"), guard).await.unwrap();
        assert!(key.key.starts_with("v1."));
        let mut new = asked::account("bamboohr", "acme");
        let guide = local.guide(&new.provider, Audience::EndUser).await.unwrap();
        let fields = guide["methods"][0]["fields"].as_array().unwrap();
        new.values = fields
            .iter()
            .filter(|field| field["required"] == true)
            .map(|field| (field["key"].as_str().unwrap().to_owned(), Secret::new("acme")))
            .collect();
        let (account, is_new) = remote.add_account(new.clone(), guard).await.unwrap();
        assert!(is_new);
        let (again, is_new) = remote.add_account(new, guard).await.unwrap();
        assert_eq!((again.id.as_str(), is_new), (account.id.as_str(), false));
        let at_hand = read_everything(local, &account.id, session.id).await;
        let elsewhere = read_everything(remote, &account.id, session.id).await;
        for (at, (here, there)) in at_hand.iter().zip(&elsewhere).enumerate() {
            assert_eq!(here, there, "answer {at}");
        }
        // Writes that change nothing say so, rehearsals leave no trace, and refusals are the same.
        let id = account.id.parse().unwrap();
        let label = Some(Some("new".to_owned()));
        let changes =
            Changes { update: Update { label, ..Update::default() }, ..Changes::default() };
        assert_eq!(
            shown(local.update_account(&id, changes.clone(), DRY_RUN).await),
            shown(remote.update_account(&id, changes.clone(), DRY_RUN).await),
        );
        let none = Guard { dry_run: false, max_affected: Some(0) };
        assert_eq!(
            shown(local.delete_account(&id, false, none).await),
            shown(remote.delete_account(&id, false, none).await),
        );
        assert_eq!(shown(local.enable("n1", guard).await), shown(remote.enable("n1", guard).await));
        assert_eq!(
            shown(local.delete_auth_config("n1", guard).await),
            shown(remote.delete_auth_config("n1", guard).await),
        );
        let suspended = remote.suspend(&id, guard).await.unwrap();
        assert!(suspended.changed && suspended.operation_id.is_some());
        assert_eq!(local.account(&id).await.unwrap().status, "suspended");
        let revoked = session.id.to_string().parse().unwrap();
        assert!(remote.revoke_session(revoked, guard).await.unwrap().changed);
        let deleted = remote.delete_account(&id, false, guard).await.unwrap();
        assert_eq!(deleted.resource, format!("account/{}", account.id));
        assert_eq!(shown(local.account(&id).await), shown(remote.account(&id).await));
    });
}

#[test]
fn many_sessions_are_made_in_steps_and_repeating_makes_none() {
    let both = both();
    block_on(async {
        let item = |occurrence| BatchItem { new: asked::session("acme"), occurrence };
        let items: Vec<_> = (0..1_203).map(item).collect();
        let first = both.remote.create_sessions(items.clone(), Guard::default()).await.unwrap();
        let again = both.remote.create_sessions(items, Guard::default()).await.unwrap();
        assert_eq!((first.len(), again.len()), (1_203, 1_203));
        assert!(first.iter().all(|one| one.created));
        assert!(again.iter().all(|one| !one.created));
        assert!(first.iter().zip(&again).all(|(a, b)| a.session.token == b.session.token));
        assert_eq!(both.world.number("select count(*) from connect_sessions"), 1_203);
    });
}

#[test]
fn a_hub_says_what_it_is_and_a_key_which_project_it_is_for() {
    let both = both();
    let Backend::Remote(client) = &both.remote else { panic!("it is remote") };
    let Verified::Hub(found) = block_on(client.verify()).unwrap() else { panic!("it is a hub") };
    assert_eq!((found.server.as_str(), found.project.as_str()), ("hubctl", "default"));
    assert!(found.operations.iter().any(|id| id == "accounts.list"));
    let elsewhere = hubctl::client::Options {
        key: Secret::new("v1.local.999_abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqr"),
        ..options(client.api_url().as_str())
    };
    let error = block_on(Client::new(elsewhere).unwrap().verify()).unwrap_err();
    assert_eq!(hubctl::cli::exit::exit_code(&error), 4, "{error:?}");
    let other = json!({
        "server": "hubctl", "version": "9", "project": "live", "public_url": "http://x",
        "time": "2026-06-01T12:00:00Z", "later": true,
    });
    let hub = FakeHub::script(vec![Reply::json(200, &other)]);
    let wanted =
        hubctl::client::Options { project: Some("test".to_owned()), ..options(&hub.url()) };
    let error = block_on(Client::new(wanted).unwrap().verify()).unwrap_err();
    assert_eq!(error.code().name, "remote.other_project");
    assert!(error.message().contains("live") && error.message().contains("test"), "{error}");
}

#[test]
fn a_project_that_was_named_goes_with_each_call_and_a_hub_that_does_not_look_is_told() {
    let rows = || Reply::list(&[]);
    let hub = FakeHub::script(vec![rows(), rows().header("x-hubctl-project", "live"), rows()]);
    let named = |vendor| {
        let project = Some("live".to_owned());
        let options = hubctl::client::Options { project, vendor, ..options(&hub.url()) };
        Client::new(options).unwrap()
    };
    let all = Filter::default();
    let listed = |client: &Client| {
        let done = client.accounts(&all, |_| Ok(ControlFlow::Continue(())));
        block_on(done).unwrap();
        client.take_notes()
    };
    let notes = listed(&named(None));
    assert!(notes[0].contains("`live` was not checked"), "{notes:?}");
    assert_eq!(listed(&named(None)), [""; 0]);
    assert_eq!(listed(&Client::new(options(&hub.url())).unwrap()), [""; 0]);
    let asked = hub.asked();
    let sent: Vec<&str> = asked.iter().map(|asked| asked.header("x-hubctl-project")).collect();
    assert_eq!(sent, ["live", "live", ""]);
}

#[test]
fn a_hub_that_lists_no_details_is_told_and_no_tag_is_lost_in_silence() {
    let row = json!({
        "id": "a-7", "provider": "hubspot", "origin_owner_id": "o", "origin_owner_name": "O",
        "status": "active", "type": "production", "created_at": "2026-06-01T12:00:00Z",
        "updated_at": "2026-06-01T12:00:00Z",
    });
    let hub = FakeHub::script(vec![Reply::list(&[row])]);
    let client = Client::new(options(&hub.url())).unwrap();
    let all = Filter::default();
    let listed = client.account_details(&all, |_| Ok(ControlFlow::Continue(())));
    let error = block_on(listed).unwrap_err();
    assert_eq!(error.code().name, "remote.unsupported");
    assert_eq!(hub.asked()[0].param("details").as_deref(), Some("true"));
}
