//! An account that an administrator gives to another owner: no session and no login of the owner
//! before shows it or takes it back.

use hubctl::domain::account::{Account, Update};
use hubctl::domain::attempt::AttemptState;
use hubctl::domain::caller::Caller;
use hubctl::domain::connect_session::NewSession;
use hubctl::domain::ids::AccountId;
use hubctl::error::codes;
use hubctl::hub::auth_configs::Given;
use hubctl::hub::oauth::Ended;
use hubctl::hub::write::Guard;
use hubctl::hub::{accounts, end_user};

use super::{account, begin, come_back, log_in, set_up, user, user_of};
use crate::support::asked::{given, session, session_with};
use crate::support::authority::KEY;
use crate::support::hub::{TestHub, on_both_databases, refused};

on_both_databases!(
    cs_12_hb_14_the_form_of_an_account_goes_with_its_owner,
    cs_41_hb_14_a_login_that_was_begun_before_takes_no_account_back,
    cs_41_hb_14_nor_does_one_whose_code_is_exchanged_meanwhile,
);

/// A session that edits this account.
fn relink(owner: &str, id: &AccountId) -> NewSession {
    NewSession { account: Some(id.clone()), ..session(owner) }
}

/// The account once it is another owner's, with a value that is for that one alone.
async fn give_away(world: &TestHub, caller: &Caller, id: &AccountId) -> Account {
    let update = Update { owner_id: Some("globex-1".to_owned()), ..Update::default() };
    let credentials = given(&[("site", "north")]);
    let changes = accounts::Changes { update, credentials, ..Default::default() };
    accounts::update(&world.hub, caller, id, changes, Guard::default()).await.unwrap();
    account(world, caller, id).await
}

fn has_no_account(ended: &Ended) -> bool {
    let unknown = codes::ACCOUNT_UNKNOWN.name;
    matches!(&ended.attempt.state, AttemptState::Failed { code, .. } if code == unknown)
}

async fn cs_12_hb_14_the_form_of_an_account_goes_with_its_owner(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "api_key").await;
    let hub = &world.hub;
    let key = || given(&[("api_key", KEY)]);
    let first = user_of(&world, &caller, "acme-7").await;
    let id = end_user::link(hub, &first, &config.id, None, key()).await.unwrap().account.id;
    let named = user(&world, &caller, relink("acme-7", &id)).await;
    let form = end_user::form(hub, &named, &config.id).await.unwrap();
    assert_eq!(form.account.as_ref(), Some(&id));
    let theirs = give_away(&world, &caller, &id).await;
    let calls = authority.calls();
    assert!(end_user::existing(hub, &named).await.unwrap().is_none());
    refused(end_user::form(hub, &named, &config.id).await, &codes::ACCOUNT_UNKNOWN);
    for (user, edited) in [(&named, None), (&named, Some(&id)), (&first, Some(&id))] {
        refused(end_user::edited_by(hub, user, &id).await, &codes::ACCOUNT_UNKNOWN);
        let linked = end_user::link(hub, user, &config.id, edited, key()).await;
        refused(linked, &codes::ACCOUNT_UNKNOWN);
    }
    assert_eq!((account(&world, &caller, &id).await, authority.calls()), (theirs, calls));
    // Whose it is now edits it, and the owner before links anew.
    let other = user(&world, &caller, relink("globex-1", &id)).await;
    let form = end_user::form(hub, &other, &config.id).await.unwrap();
    let site = form.fields.iter().find(|field| field.key == "site").unwrap();
    assert_eq!(site.default.as_deref(), Some("north"));
    end_user::link(hub, &other, &config.id, Some(&id), Given::new()).await.unwrap();
    let anew = end_user::link(hub, &first, &config.id, None, key()).await.unwrap().account;
    assert!(anew.id != id && anew.owner.id == "acme-7", "{anew:?}");
    assert_eq!(account(&world, &caller, &id).await.owner.id, "globex-1");
}

async fn cs_41_hb_14_a_login_that_was_begun_before_takes_no_account_back(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    // The session names the account, or leads to it by its owner and connector.
    for is_named in [true, false] {
        let id = log_in(&world, &authority, &caller, &config).await;
        let new = match is_named {
            true => relink("acme-7", &id),
            false => session_with("acme-7", "acme"),
        };
        let user = user(&world, &caller, new).await;
        let begun = begin(&world.hub, &authority, &user, &config).await;
        let theirs = give_away(&world, &caller, &id).await;
        let calls = authority.token_calls();
        let ended = come_back(&world.hub, &begun, "good").await;
        assert!(has_no_account(&ended), "{ended:?}");
        let after = account(&world, &caller, &id).await;
        assert_eq!((after, authority.token_calls()), (theirs, calls));
    }
    assert_eq!(world.number("select count(*) from accounts"), 2);
}

async fn cs_41_hb_14_nor_does_one_whose_code_is_exchanged_meanwhile(mut world: TestHub) {
    let (caller, authority, config) = set_up(&mut world, "oauth2").await;
    let id = log_in(&world, &authority, &caller, &config).await;
    let user = user(&world, &caller, relink("acme-7", &id)).await;
    let begun = begin(&world.hub, &authority, &user, &config).await;
    let mut gate = authority.gate();
    let give = async {
        gate.wait().await;
        let theirs = give_away(&world, &caller, &id).await;
        gate.open();
        theirs
    };
    let (ended, theirs) = tokio::join!(come_back(&world.hub, &begun, "good"), give);
    assert!(has_no_account(&ended), "{ended:?}");
    assert_eq!(account(&world, &caller, &id).await, theirs);
    assert!(authority.works("access-1"), "the account has it");
}
