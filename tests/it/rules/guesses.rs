//! What is done for a secret that is wrong: the same, whatever is wrong with it (threat 8).

use hubctl::domain::secret::Secret;
use hubctl::error::codes;
use hubctl::hub::write::Guard;
use hubctl::hub::{api_keys, connect_sessions, end_user};

use crate::support::asked::{config, key, session_with};
use crate::support::hub::{Place, on_postgres, refused};
use crate::support::relay::Relay;
use crate::support::secret_part;

/// Calls of which the one in the middle counts: one over a connection that has just been opened has
/// more to say, and any of them can be told of a little late.
const CALLS: usize = 7;

#[test]
fn threat_08_whatever_is_wrong_with_a_secret_the_store_is_asked_the_same() {
    on_postgres(async |mut world| {
        let caller = world.caller();
        world.add(&caller, config("bamboohr")).await;
        let open = world.open(&caller, session_with("acme", "bamboohr")).await;
        let over = world.open(&caller, session_with("globex", "bamboohr")).await;
        let guard = Guard::default();
        connect_sessions::revoke(&world.hub, &caller, over.session.id, guard).await.unwrap();
        let ci = world.key(&caller, key("ci", "admin")).await;
        let off = world.key(&caller, key("off", "admin")).await;
        api_keys::disable(&world.hub, &caller, "off", guard).await.unwrap();

        let Place::Postgres(url) = &world.place else { unreachable!() };
        let relay = Relay::before(url);
        world.place = Place::Postgres(relay.url());
        let hub = world.another();
        let wrong = |right: &str| {
            let secret = secret_part(right);
            let first = if secret.starts_with('A') { "B" } else { "A" };
            let turned = format!("{first}{}", &secret[1..]);
            let row = right.strip_suffix(secret).unwrap();
            let none = row.replace("1_", "9_");
            // A row that is there, and one that is not.
            [format!("{row}{turned}"), format!("{none}{secret}"), format!("{none}{turned}")]
        };
        let token = |text: &Secret| text.expose().to_owned();
        let mut told = Vec::new();
        let guesses = wrong(&token(open.token.text())).into_iter();
        for guess in guesses.chain([token(over.token.text())]) {
            let mut asked = [0; CALLS];
            for asked in &mut asked {
                relay.asked();
                refused(end_user::enter(&hub, &guess).await, &codes::SESSION_TOKEN_INVALID);
                *asked = relay.asked();
            }
            told.push(middle(asked));
        }
        assert!(told[0] > 0 && told.iter().all(|asked| *asked == told[0]), "{told:?}");
        told.clear();
        let guesses = wrong(&token(ci.token.text())).into_iter();
        // What is no key at all has no row either.
        for guess in guesses.chain([token(off.token.text()), "x".to_owned()]) {
            let mut asked = [0; CALLS];
            for asked in &mut asked {
                relay.asked();
                refused(api_keys::authenticate(&hub, &guess, None).await, &codes::KEY_INVALID);
                *asked = relay.asked();
            }
            told.push(middle(asked));
        }
        assert!(told[0] > 0 && told.iter().all(|asked| *asked == told[0]), "{told:?}");
        // The right ones are asked for with the same queries, and then found.
        relay.asked();
        end_user::enter(&hub, open.token.text().expose()).await.unwrap();
        api_keys::authenticate(&hub, ci.token.text().expose(), None).await.unwrap();
        assert!(relay.asked() > told[0]);
    });
}

fn middle(mut asked: [usize; CALLS]) -> usize {
    asked.sort_unstable();
    asked[CALLS / 2]
}
